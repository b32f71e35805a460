/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The run of postern-prove(1): what its files share.
 *
 *     main.c      the command line, start, end      source.c   messages out of files
 *     watch.c     IMAP and waiting                  keep.c     proofs into the store
 *     judge.c     one message: judged and kept      tell.c     the same in words and in JSON
 */
#ifndef POSTERN_CMD_PROVE_PROVE_H
#define POSTERN_CMD_PROVE_PROVE_H

#include "cmd/common/view.h"
#include "cmd/prove/keep.h"
#include "cmd/prove/source.h"

enum {
    PROVE_EXIT_PROVED = 0,
    PROVE_EXIT_NOTHING = 1,
};

struct args {
    const char *state, *imap, *imap_user, *imap_password_file, *imap_ca_file;
    int64_t since, wait; /* ms */
    bool json, no_store, imap_plain, all;
    unsigned colour;
};

struct prove {
    struct args args;
    const char *program;
    uint8_t key[MAC_KEY];
    struct store *store; /* NULL with --no-store */
    struct report_style style;
    struct buf out;
    uint64_t messages, ours, proved,
        kept;   /* messages; messages of ours; tokens proved; new proofs */
    int status; /* the first failure's exit status, 0 none */
};

/* What the store knows of a token. Texts in the form of escape_text, NULL when not known. */
struct told {
    char *probe, *target, *sent_rcpt;
};

/* One message, judged. Everything borrowed but `told`. */
struct judged {
    const struct source_message *m;
    const struct arrival *a;
    const int64_t *proofs;    /* ids, one for each token; 0 not kept */
    const struct told *tolds; /* one for each token */
    struct span chain;        /* keep_chain() */
};

/* Reads, judges, keeps and prints one message. 0, or -errno that ends the run. */
int judge(struct prove *p, const struct source_message *m);

/* Adds to p->out. 0, or -ENOMEM. */
int tell_json(struct prove *p, const struct judged *j);
void tell_text(struct prove *p, const struct judged *j);

/* Prints what has gathered. 0 or an exit status. */
int prove_flush(struct prove *p);

/* --imap and --wait: 0 or an exit status. */
int watch(struct prove *p, char **files, int count);

#endif
