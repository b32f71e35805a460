/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any rows file: it loads or is refused with a reason, and what loaded can be filled. */
#include "probe/catalogue.h"

#include <errno.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct expand_values v = {.u_token = "u",
                                    .s_token = "s",
                                    .domain = "d.example",
                                    .target_host = "h.example",
                                    .local_domain = "l.example"};
    struct buf out = BUF_INIT(EXPAND_MAX);
    struct catalogue_error err = {0};
    struct catalogue c;
    int got;

    catalogue_init(&c);
    got = catalogue_load(&c, span_of(data, size), "fuzz", &err);
    if (got != 0 && (got != -EINVAL || c.count != 0 || !err.text[0]))
        abort();
    for (size_t i = 0; i < c.count; i++) {
        const char *text = c.forms[i]->form ? c.forms[i]->form : c.forms[i]->with;

        buf_clear(&out);
        if (text && expand_form(span_str(text), &v, &out, NULL) == -EINVAL)
            abort();
    }
    buf_deinit(&out);
    catalogue_deinit(&c);
    return 0;
}
