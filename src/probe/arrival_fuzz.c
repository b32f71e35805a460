/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every token that is handed out verifies, and only our own message proves anything. */
#include "probe/arrival.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[MAC_KEY] = "a key that only fuzzers have....";
    struct span m = span_of(data, size);
    struct arrival a;

    arrival_wanted(key, m);
    if (arrival_read(key, m, &a) < 0)
        return 0;
    assert(a.near <= a.chain.count && a.count <= ARRIVAL_TOKENS_MAX);
    for (size_t i = 0; i < a.count; i++) {
        const struct arrival_token *t = &a.tokens[i];

        assert(t->hop <= a.chain.count && (t->path == ARRIVAL_UNSEEN) == (t->hop == a.chain.count));
        assert(!t->rcpt.n || (t->rcpt.p >= m.p && t->rcpt.p + t->rcpt.n <= m.p + m.n));
        assert(!arrival_proves(&a, t) || a.dsn.kind == DSN_KIND_PROBE);
    }
    arrival_deinit(&a);
    return 0;
}
