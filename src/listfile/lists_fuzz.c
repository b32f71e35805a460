/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The first byte says the format: any bytes are read, or refused with a remark. */
#include "listfile/lists.h"

#include "zone/text.h"

#include <assert.h>
#include <errno.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lists_options options = {0};
    struct zone_remarks remarks = {0};
    struct zone_data d;

    if (size == 0)
        return 0;
    zone_data_init(&d);
    int r = lists_read((enum lists_format)(data[0] % LISTS_FORMATS), "fuzz",
                       span_of(data + 1, size - 1), &options, &d, &remarks);

    assert(r == LISTS_OK || r == LISTS_REFUSED || r == -E2BIG);
    assert((r != LISTS_OK) == (remarks.refused > 0));
    for (size_t i = 0; i < d.value_count; i++)
        assert(zone_text_ok(d.values[i].text) && d.values[i].a >> 24 == 127);
    (void)lists_guess(span_of(data + 1, size - 1));
    zone_data_deinit(&d);
    zone_remarks_deinit(&remarks);
    return 0;
}
