/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct conf *c = NULL;
    char err[CONF_ERROR_MAX];

    if (size > 65536)
        return 0;
    conf_parse(span_of(data, size), "fuzz", &c, err);
    conf_free(&c);
    return 0;
}
