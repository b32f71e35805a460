/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any rows as a knowledge base; one that is read must answer for its own names and bytes. */
#include "advise/classes.h"
#include "advise/lookup.h"

#include <assert.h>
#include <errno.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_of(data, size);
    const char *near[ADVISE_NEAR_MAX];
    struct advise_error err = {0};
    struct advise_known_list known;
    struct advise_signs signs;
    struct advise_named named;
    struct advise_book b;
    int rc;

    advise_book_init(&b);
    rc = advise_book_load(&b, text, "f", &err);
    assert(rc != -EINVAL || (err.line > 0 && err.text[0] && b.count == 0));
    advise_book_check(&b, &err);
    for (unsigned p = 0; p < ADVISE_PLACES; p++)
        signs.text[p] = text;
    assert(advise_know(&b, &signs, &known) == 0);
    for (size_t i = 0; i < b.count; i++)
        assert(advise_lookup(&b, span_str(b.rows[i]->product), &named));
    advise_near(&b, text, near);
    advise_classes_of_probe(&b, text, text);
    advise_book_deinit(&b);
    return 0;
}
