/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes as rows and questions: the image's answers are those of a scan of the rows. */
#include "zonemodel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    model_check(data, size);
    return 0;
}
