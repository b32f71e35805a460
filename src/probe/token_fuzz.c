/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any recipient text: what is found must verify as minted anew, and nothing is read past the end.
 */
#include "probe/token.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[MAC_KEY] = "an operator's key of 32 octets..";
    struct token found, again;
    char text[TOKEN_TEXT + 1];

    if (!token_find(key, span_of(data, size), &found))
        return 0;
    token_mint(key, &found, text);
    if (!token_verify(key, span_str(text), &again) || again.serial != found.serial ||
        again.run != found.run || memcmp(again.target, found.target, TOKEN_TARGET) != 0 ||
        !span_has_nocase(span_of(data, size), span_str(text)))
        abort();
    return 0;
}
