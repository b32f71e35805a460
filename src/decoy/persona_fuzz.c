/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any rows as personas; one that is read must be able to say all its lines, and rewords any octets
 * of the machine (the same input once more) into whole lines.
 */
#include "decoy/persona.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct persona_words w = {.host = "mx.example", .helo = {"x", 1}, .id = "1"};
    struct rows_error err;
    struct personas all;

    if (personas_read(span_of(data, size), &all, &err) != 0)
        return 0;
    for (size_t i = 0; i < all.count; i++) {
        struct buf out = BUF_INIT(1 << 22);
        char enhanced[12], id[PERSONA_ID_MAX];
        uint8_t chance[PERSONA_CHANCE] = {3};

        for (unsigned k = 0; k < PERSONA_LINES; k++) {
            unsigned code = persona_say(&all.v[i], (enum persona_line)k, &w, &out, enhanced);

            assert(code >= 200 && code <= 599);
        }
        persona_id(&all.v[i], chance, id);
        assert(strlen(id) == strlen(all.v[i].queue_id));
        buf_clear(&out);
        persona_reword(&all.v[i], &w, span_of(data, size), size / 2, &out);
        assert(out.n == 0 || out.p[out.n - 1] == '\n');
        buf_deinit(&out);
    }
    personas_deinit(&all);
    return 0;
}
