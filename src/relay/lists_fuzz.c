/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lists of domains and networks: the first octet chooses. */
#include "relay/read_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum relay_read kinds[] = {RELAY_READ_RCPTHOSTS, RELAY_READ_RELAY_DOMAINS,
                                            RELAY_READ_NETWORKS};

    return size == 0 ? 0 : read_fuzz(kinds[data[0] % 3], data + 1, size - 1);
}
