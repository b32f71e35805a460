/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every span of the value lies in the field; the input is read as one field and as a message. */
#include "mail/received_chain.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct span whole, struct span s)
{
    assert(!s.n || (s.p >= whole.p && s.p + s.n <= whole.p + whole.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span s = span_of(data, size);
    struct received_chain chain;
    struct received r;

    received_parse(s, &r);
    const struct span all[] = {r.version, r.helo,      r.name, r.ident, r.by,    r.via,
                               r.with,    r.auth_user, r.id,   r.rcpt,  r.sender};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        inside(s, all[i]);
    if (received_chain_read(s, &chain) == 0) {
        for (size_t i = 0; i < chain.count; i++)
            inside(s, chain.hops[i].field);
        received_chain_deinit(&chain);
    }
    return 0;
}
