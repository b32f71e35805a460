/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Access files, and what their keys may be: the first octet chooses. */
#include "relay/read_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum relay_read kinds[] = {RELAY_READ_ACCESS, RELAY_READ_ACCESS_CLIENT,
                                            RELAY_READ_ACCESS_FROM, RELAY_READ_ACCESS_TO};

    return size == 0 ? 0 : read_fuzz(kinds[data[0] % 4], data + 1, size - 1);
}
