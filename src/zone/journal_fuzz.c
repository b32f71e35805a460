/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes as a journal: its whole steps make an overlay, and written again they are the same
 * bytes. The sums are made right first, or nothing would ever get in.
 */
#include "zone/build.h"
#include "zone/sum.h"
#include "zone/view.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct zone_image image;

static void make_image(void)
{
    struct zone_data d;
    struct zone_table *t;
    struct span bytes;
    struct zone_rname name;
    uint32_t id;

    zone_data_init(&d);
    (void)zone_data_value(&d, &(struct zone_value){.a = 0x7f000002, .class_id = 1}, &id);
    (void)zone_data_table(&d, ZONE_IPV4, ZONE_LONGEST, &t);
    (void)zone_table_add4(t, 0x0a000000, 0x0affffff, id, 1);
    (void)zone_data_table(&d, ZONE_NAME, ZONE_LONGEST, &t);
    if (zone_rname_parse(SPAN_LIT("a.example"), &name))
        (void)zone_table_add_name(t, &name, ZONE_PLAIN | ZONE_WILD, id, 2);
    if (zone_build(&d, &bytes) != 0 || zone_image_open(bytes, &image) != ZONE_IMAGE_OK)
        abort();
    zone_data_deinit(&d);
}

static void make_sums(uint8_t *p, size_t n)
{
    uint64_t sum = htole64(zone_sum(p, 24));
    uint32_t size, part;

    memcpy(p + 24, &sum, sizeof(sum));
    for (size_t at = ZONE_JOURNAL_HEAD; n - at >= 37; at += size) {
        memcpy(&size, p + at, sizeof(size));
        size = le32toh(size);
        if (size < 37 || size > n - at)
            return;
        part = htole32((uint32_t)zone_sum(p + at + 8, size - 8));
        memcpy(p + at + 4, &part, sizeof(part));
    }
}

static void walk(const struct zone_overlay *o)
{
    struct zone_view v = {&image, o};
    struct zone_view_cursor c4 = {.have = false}, c6 = {.have = false}, cn = {.have = false};
    struct zone_piece4 p4;
    struct zone_piece6 p6;
    struct zone_piece_name pn;
    struct zone_hit hit;

    for (uint64_t at = 0; zone_view_next4(&v, &c4, &p4); at = (uint64_t)p4.to + 1)
        assert(p4.from >= at && zone_view_find4(&v, p4.from, &hit));
    while (zone_view_next6(&v, &c6, &p6))
        assert(zone_view_find6(&v, p6.to, &hit) && zone_view_below6(&v, p6.from, 64));
    while (zone_view_next_name(&v, &cn, &pn))
        continue;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf again = BUF_INIT(BUF_MAX);
    struct zone_overlay *o;
    struct zone_change c;
    struct zone_journal j;
    uint8_t *p;

    if (!image.p)
        make_image();
    if (size < ZONE_JOURNAL_HEAD)
        return 0;
    p = malloc(size);
    memcpy(p, data, size);
    make_sums(p, size);
    if (zone_journal_open(span_of(p, size), &j) < ZONE_JOURNAL_FOREIGN) {
        zone_journal_begin(j.base, &again);
        while (zone_journal_next(&j, &c) == ZONE_JOURNAL_CHANGE)
            (void)zone_journal_add(&c, &again);
        assert(again.n <= j.good);
        if (zone_journal_seek(&j, image.meta.serial) &&
            zone_overlay_new(&image, NULL, &j, &o) == ZONE_OVERLAY_OK) {
            walk(o);
            zone_overlay_free(o);
        }
    }
    buf_deinit(&again);
    free(p);
    return 0;
}
