/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The first byte says the format: any bytes are read, or refused with a remark. */
#include "zone/lists.h"

#include "zone/text.h"

#include <assert.h>
#include <errno.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct zone_lists_options options = {0};
    struct zone_remarks remarks = {0};
    struct zone_data d;

    if (size == 0)
        return 0;
    zone_data_init(&d);
    int r = zone_lists_read((enum zone_lists_format)(data[0] % ZONE_LISTS_FORMATS), "fuzz",
                            span_of(data + 1, size - 1), &options, &d, &remarks);

    assert(r == ZONE_LISTS_OK || r == ZONE_LISTS_REFUSED || r == -E2BIG);
    assert((r != ZONE_LISTS_OK) == (remarks.refused > 0));
    for (size_t i = 0; i < d.value_count; i++)
        assert(zone_text_ok(d.values[i].text) && d.values[i].a >> 24 == 127);
    (void)zone_lists_guess(span_of(data + 1, size - 1));
    zone_data_deinit(&d);
    zone_remarks_deinit(&remarks);
    return 0;
}
