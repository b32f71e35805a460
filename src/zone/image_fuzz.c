/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as an image, its header made right so that what lies behind it is reached. */
#include "zone/image_look_test.h"
#include "zone/image_priv.h"
#include "zone/sum.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct disk_header h;
    struct zone_image im;
    uint8_t *p;

    if (size < sizeof(h))
        return 0;
    p = malloc(size);
    memcpy(&h, data, sizeof(h));
    memcpy(h.magic, IMAGE_MAGIC, sizeof(h.magic));
    h.version = htole32(IMAGE_VERSION);
    h.sections = htole32(ZONE_SECTIONS);
    h.size = htole64(size);
    h.sum = 0;
    h.sum = htole64(zone_sum(&h, sizeof(h)));
    memcpy(p, data, size);
    memcpy(p, &h, sizeof(h));
    if (zone_image_open(span_of(p, size), &im) == ZONE_IMAGE_OK) {
        image_look(&im, p + size - 24, 100);
        (void)zone_image_verify(&im);
    }
    free(p);
    return 0;
}
