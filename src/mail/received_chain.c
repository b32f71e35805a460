/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The chain is read, not judged. A wrong hop stays in its place, so that a person who compares the
 * report with the message finds line by line the same.
 */
#include "mail/received_chain.h"

#include "mail/header.h"

#include <errno.h>
#include <stdlib.h>

int received_chain_read(struct span message, struct received_chain *ret)
{
    struct received_chain chain = {0};
    struct header_iter it;
    struct header_field field;

    *ret = chain;
    header_open(&it, message);
    while (header_next(&it, &field) == HEADER_FIELD) {
        if (!span_eq_nocase(field.name, SPAN_LIT("Received")))
            continue;
        if (chain.count == RECEIVED_CHAIN_MAX) {
            chain.left_out++;
            continue;
        }
        if (array_grow(&chain.hops, &chain.cap, sizeof(chain.hops[0]), chain.count + 1) < 0) {
            received_chain_deinit(&chain);
            return -ENOMEM;
        }
        chain.strange += received_parse(field.body, &chain.hops[chain.count++]) == RECEIVED_STRANGE;
    }
    *ret = chain;
    return 0;
}

void received_chain_deinit(struct received_chain *chain)
{
    free(chain->hops);
    *chain = (struct received_chain){0};
}

bool received_chain_has_ip(const struct received_chain *chain, struct ip ip, size_t *ret_hop,
                           bool *ret_as_peer)
{
    for (size_t i = 0; i < chain->count && ip.family != IP_NONE; i++) {
        bool peer = ip_eq(chain->hops[i].ip, ip);

        if (peer || ip_eq(chain->hops[i].by_ip, ip)) {
            *ret_hop = i;
            *ret_as_peer = peer;
            return true;
        }
    }
    return false;
}
