/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a bundle, and with a checksum made right, so that what lies behind it is reached. */
#include "zone/bundle.h"
#include "zone/sum.h"

#include <endian.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const uint8_t *p, size_t size)
{
    struct zone_bundle b;
    struct zone_bundle_part part;
    struct zone_image im;

    if (zone_bundle_open(span_of(p, size), &b) != ZONE_IMAGE_OK)
        return;
    for (size_t i = 0; i < b.count; i++) {
        zone_bundle_part(&b, i, &part);
        (void)zone_bundle_part_ok(&part);
        if (zone_image_open(part.image, &im) == ZONE_IMAGE_OK)
            (void)zone_image_verify(&im);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *p = malloc(size + 1);
    uint64_t head, word;

    memcpy(p, data, size);
    look(p, size);
    if (size >= 72) {
        memcpy(p, "PSTNKEPT\1\0\0", 12);
        word = htole64(size);
        memcpy(p + 24, &word, 8);
        memcpy(&head, p + 32, 8);
        memset(p + 16, 0, 8);
        word = htole64(zone_sum(p, le64toh(head) < size ? (size_t)le64toh(head) : size));
        memcpy(p + 16, &word, 8);
        look(p, size);
    }
    free(p);
    return 0;
}
