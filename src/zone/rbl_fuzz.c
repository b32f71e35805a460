/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The first byte says the type, the rest is the file: it is read or refused with a remark, the
 * templates hold together, and what was read compiles to an image that holds together too. */
#include "zone/rbl.h"

#include "zone/build.h"
#include "zone/image.h"
#include "zone/text.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    free((void *)(uintptr_t)bytes.p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct zone_rbl_options options = {.now_wall = 1795295000};
    struct zone_rbl_zones zones = {0};
    struct zone_remarks remarks = {0};

    if (size == 0)
        return 0;
    options.loose_cidr = data[0] & 0x80;
    enum zone_rbl_type type = (enum zone_rbl_type)((data[0] & 0x7f) % ZONE_RBL_ACL);
    struct zone_rbl_file file = {"fuzz", span_of(data + 1, size - 1), 1795294000};
    int r = zone_rbl_read(type, &file, 1, &options, &zones, &remarks);

    assert(r == ZONE_RBL_OK || r == ZONE_RBL_REFUSED || r == -E2BIG);
    assert((r != ZONE_RBL_OK) == (remarks.refused > 0));
    for (size_t i = 0; r == ZONE_RBL_OK && i < zones.n && i < 4; i++)
        compile(&zones.v[i]->data);
    zone_rbl_zones_deinit(&zones);
    zone_remarks_deinit(&remarks);
    return 0;
}
