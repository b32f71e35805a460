/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asks an image everything there is to ask, for tests and fuzzing with damaged ones. What it
 * answers does not matter; that it reads only what is its own is seen by the sanitizers.
 */
#ifndef POSTERN_ZONE_IMAGE_LOOK_TEST_H
#define POSTERN_ZONE_IMAGE_LOOK_TEST_H

#include "zone/pattern.h"
#include "zone/text.h"

#include <assert.h>

static inline void image_look_hit(const struct zone_image *im, struct zone_hit hit)
{
    struct zone_text_args args = {SPAN_LIT("subject"), SPAN_LIT("zone"), hit.evidence};
    struct zone_said said;
    char out[ZONE_TEXT_MAX];

    for (unsigned i = 0; zone_image_said(im, hit, i, &said); i++)
        assert(zone_text_put(said.text, &args, out, sizeof(out)) <= sizeof(out));
}

static inline void image_look_name(const struct zone_image *im, const struct zone_rname *name)
{
    struct zone_name_hit hits[ZONE_NAME_TABLES_MAX];
    struct zone_record record;
    struct zone_cursor c;
    size_t first = 0, n;
    bool said;

    for (unsigned i = 0, found = zone_image_find_name(im, name, hits); i < found; i++)
        image_look_hit(im, hits[i].hit);
    zone_image_below_name(im, name);
    if (zone_image_name_at(im, 0, name, true, hits, &said))
        image_look_hit(im, hits[0].hit);
    n = zone_image_find_records(im, name, &first);
    for (size_t i = 0; i < n; i++)
        (void)zone_image_record(im, first + i, &record);
    zone_image_seek_name(im, 0, name, &c);
}

/* Each walk is cut after `most`, so that large images take no longer than small ones. */
static inline void image_look_walk(const struct zone_image *im, unsigned most)
{
    struct zone_cursor c4 = {0}, c6 = {0}, cn = {0}, cp = {0}, cr = {0};
    struct zone_piece4 p4;
    struct zone_piece6 p6;
    struct zone_piece_name pn;
    struct zone_piece_pattern pp;
    struct zone_piece_record pr;

    for (unsigned i = 0; i < most && zone_image_next4(im, &c4, &p4); i++)
        image_look_hit(im, p4.hit);
    for (unsigned i = 0; i < most && zone_image_next6(im, &c6, &p6); i++)
        image_look_hit(im, p6.hit);
    for (unsigned i = 0; i < most && zone_image_next_name(im, &cn, &pn); i++) {
        struct zone_rname name = {.n = pn.key_len};

        memcpy(name.b, pn.key, pn.key_len);
        name.labels = zone_rname_labels(name.b, name.n);
        image_look_name(im, &name);
        if (!pn.excluded)
            image_look_hit(im, pn.hit);
    }
    for (unsigned i = 0; i < most && zone_image_next_pattern(im, &cp, &pp); i++)
        image_look_hit(im, pp.hit);
    for (unsigned i = 0; i < most && zone_image_next_record(im, &cr, &pr); i++)
        continue;
}

/* `seed` gives the questions: 24 octets at least. */
static inline void image_look(const struct zone_image *im, const void *seed, unsigned most)
{
    struct zone_hit hit;
    struct zone_ip6 six;
    struct zone_rname name;
    uint32_t four;
    uint16_t class_id;

    memcpy(&four, seed, sizeof(four));
    memcpy(&six, (const char *)seed + 4, sizeof(six));
    memcpy(&class_id, (const char *)seed + 20, sizeof(class_id));
    if (zone_image_find4(im, four, &hit))
        image_look_hit(im, hit);
    if (zone_image_find6(im, six, &hit))
        image_look_hit(im, hit);
    for (unsigned len = 0; len <= 32; len += 4) {
        zone_image_below4(im, four, len);
        zone_image_below6(im, six, len * 4);
    }
    if (zone_rname_of_wire((const uint8_t *)seed, 24, &name))
        image_look_name(im, &name);
    if (zone_rname_parse(SPAN_LIT("a.x.example"), &name))
        image_look_name(im, &name);
    if (zone_image_class(im, class_id, 1, &hit))
        image_look_hit(im, hit);
    (void)zone_image_fact(im, "url");
    image_look_walk(im, most);
}

#endif
