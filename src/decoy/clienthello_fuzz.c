/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any octets as a ClientHello: counts stay in their bounds, the fingerprint fits. */
#include "decoy/clienthello.h"

#include <assert.h>
#include <errno.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf ja3 = BUF_INIT(CLIENTHELLO_JA3_MAX);
    struct clienthello h;

    clienthello_read(span_of(data, size), &h);
    assert(h.cipher_count <= CLIENTHELLO_CIPHERS_MAX && h.group_count <= CLIENTHELLO_GROUPS_MAX);
    assert(h.extension_count <= CLIENTHELLO_EXTENSIONS_MAX && h.name.n <= size);
    assert(memchr(h.alpn, '\0', sizeof(h.alpn)));
    clienthello_ja3(&h, &ja3);
    assert(ja3.err != -EMSGSIZE && ja3.n >= 4);
    buf_deinit(&ja3);
    return 0;
}
