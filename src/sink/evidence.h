/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a received message is evidence of, read from its bytes alone: our probe, or something about
 * it; by which hosts it came. For the sink, and for every other source of proofs (a mailbox, a
 * message on standard input) that wants to say the same.
 */
#ifndef POSTERN_SINK_EVIDENCE_H
#define POSTERN_SINK_EVIDENCE_H

#include "mail/dsn.h"
#include "mail/received_chain.h"
#include "probe/token.h"
#include "store/store.h"

enum {
    EVIDENCE_TEXT_MAX = 200, /* bytes of one text of a hop in the JSON */
};

struct evidence {
    struct span message; /* borrowed; all spans inside borrow from it */
    struct dsn dsn;
    struct received_chain chain;
};

/* Fills *ret (overwritten, not freed). 0, or -ENOMEM. */
int evidence_read(struct span message, struct evidence *ret);
void evidence_deinit(struct evidence *e);

/* What the arrival of this message at this token's address is. */
enum store_what evidence_what(const struct evidence *e, const struct token *t);

/*
 * The hops as a JSON array in the order of travel, as reports draw them: objects with "by",
 * "by_ip", "with", "ip", "helo", "name", "id", "for", "writer", "tls", "auth", "wall"; what a hop
 * does not tell is left out. Texts are in the form of escape_text. Hops that would make it longer
 * than STORE_CHAIN_MAX are left out, the newest first.
 */
void evidence_chain_json(const struct evidence *e, struct buf *out);

enum evidence_input {
    EVIDENCE_DIRECT, /* the tested address itself connected to us: it is input and output */
    EVIDENCE_CHAIN,  /* a Received field names the tested address; another one connected to us */
    EVIDENCE_UNSEEN, /* the tested address shows nowhere: a NAT, or a host with several addresses */
};

const char *evidence_input_name(enum evidence_input input);

/* How a probe travelled. Only `output` was seen by ourselves; the rest is what the fields claim. */
struct evidence_way {
    enum evidence_input input;
    struct ip tested; /* the address that the token names; IP_NONE when it was not seen */
    struct ip output; /* who connected to us */
    struct ip seen;   /* the tester's address as the first host of the chain wrote it; or IP_NONE */
    struct span first; /* that host's name for itself; may be empty */
    size_t hops;
};

/* peer may be IP_NONE (a mailbox does not tell): the newest hop's peer is taken then. */
void evidence_way(const struct evidence *e, const struct token *t, struct ip peer,
                  struct evidence_way *ret);

#endif
