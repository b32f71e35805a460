/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tcprules(1) of anyone. */
#include "relay/read_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return read_fuzz(RELAY_READ_TCPRULES, data, size);
}
