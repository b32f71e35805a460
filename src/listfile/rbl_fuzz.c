/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first byte says the type, the rest is the file: it is read or refused with a remark, and the
 * templates hold together; what was read compiles to an image that holds together too. What is
 * written of it for rbldnsd is read again, and from then on written the same each time.
 */
#include "listfile/rbl.h"

#include "listfile/export.h"
#include "zone/build.h"
#include "zone/text.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct rbl_options options_now = {.now_wall = 1795295000};

static int put(void *ctx, struct span bytes)
{
    buf_add(ctx, bytes);
    return 0;
}

/* The image's list as a combined file; what it held before is gone. */
static void write_list(const struct zone_image *image, struct buf *out)
{
    struct zone_view view = {image, NULL};
    struct export_options o = {.zone = "bl.test", .most = 2000};
    struct export_count count;
    struct zone_sink sink = {put, out};
    int r = export_write(EXPORT_COMBINED, &view, &o, &sink, &count);

    assert(r == EXPORT_OK || r == EXPORT_TOO_MANY);
    if (r == EXPORT_TOO_MANY)
        buf_clear(out);
}

static void rewrite(const struct buf *in, struct buf *out)
{
    struct rbl_zones zones = {0};
    struct zone_remarks remarks = {0};
    struct rbl_file file = {"again", buf_span(in), 1795294000};
    struct zone_image image;
    struct span bytes;
    int r = rbl_read(RBL_COMBINED, &file, 1, &options_now, &zones, &remarks);

    assert(r == RBL_OK && remarks.skipped == 0);
    r = zone_build(&zones.v[0]->data, &bytes);
    assert(r == 0 && zone_image_open(bytes, &image) == ZONE_IMAGE_OK);
    write_list(&image, out);
    free((void *)(uintptr_t)bytes.p);
    rbl_zones_deinit(&zones);
    zone_remarks_deinit(&remarks);
}

static void round_trip(const struct zone_image *image)
{
    struct buf lists[3] = {BUF_INIT(1 << 22), BUF_INIT(1 << 22), BUF_INIT(1 << 22)};

    write_list(image, &lists[0]);
    if (lists[0].n) {
        rewrite(&lists[0], &lists[1]);
        if (lists[1].n)
            rewrite(&lists[1], &lists[2]);
        assert(lists[1].n == 0 || span_eq(buf_span(&lists[1]), buf_span(&lists[2])));
    }
    for (int i = 0; i < 3; i++)
        buf_deinit(&lists[i]);
}

static void compile(struct zone_data *d)
{
    struct zone_image image;
    struct span bytes;

    for (size_t i = 0; i < d->value_count; i++)
        assert(zone_text_ok(d->values[i].text) && d->values[i].a >> 24 == 127);
    int r = zone_build(d, &bytes);

    assert(r == 0 || r == -E2BIG);
    if (r < 0)
        return;
    assert(zone_image_open(bytes, &image) == ZONE_IMAGE_OK);
    assert(zone_image_verify(&image) == ZONE_IMAGE_OK);
    round_trip(&image);
    free((void *)(uintptr_t)bytes.p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rbl_options options = {.now_wall = 1795295000};
    struct rbl_zones zones = {0};
    struct zone_remarks remarks = {0};

    if (size == 0)
        return 0;
    options.loose_cidr = data[0] & 0x80;
    enum rbl_type type = (enum rbl_type)((data[0] & 0x7f) % RBL_ACL);
    struct rbl_file file = {"fuzz", span_of(data + 1, size - 1), 1795294000};
    int r = rbl_read(type, &file, 1, &options, &zones, &remarks);

    assert(r == RBL_OK || r == RBL_REFUSED || r == -E2BIG);
    assert((r != RBL_OK) == (remarks.refused > 0));
    for (size_t i = 0; r == RBL_OK && i < zones.n && i < 4; i++)
        compile(&zones.v[i]->data);
    rbl_zones_deinit(&zones);
    zone_remarks_deinit(&remarks);
    return 0;
}
