/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern-advise(1): what its files share.
 *
 *     main.c      the command line, and which of the ways below
 *     host.c      greeting, EHLO and HELP of a host
 *     stored.c    a stored run
 *     document.c  what was found, as JSON
 *     say.c       the same for people
 */
#ifndef POSTERN_CMD_ADVISE_ADVISE_H
#define POSTERN_CMD_ADVISE_ADVISE_H

#include "advise/classes.h"
#include "advise/lookup.h"
#include "cmd/common/advice.h"
#include "cmd/common/view.h"

enum {
    ADVISE_EXIT_FINE = 0,    /* refuses to relay as shipped, or a row was only looked up */
    ADVISE_EXIT_UNSURE = 1,  /* some versions relay */
    ADVISE_EXIT_OPEN = 2,    /* relays as shipped or in spite of its settings; or a run proved it */
    ADVISE_EXIT_UNKNOWN = 3, /* not recognised, or nothing of that name */
};

extern const char program[]; /* "postern advise" */

struct args {
    struct option_list banners, ehlos, helps, replies, received, files;
    const char *host, *run, *target, *state, *scope, *never, *resolver;
    int64_t timeout;
    bool json, list, own;
    unsigned colour;
};

/* One question and what is known about it. */
struct finding {
    const struct advise_book *book;
    const char *asked;              /* as it was asked, for people; stranger's bytes may be in it */
    struct advise_known_list known; /* none for a name */
    struct advise_advice advice;
    uint64_t classes;                  /* that were seen otherwise than by a proof */
    const struct advise_row *named;    /* one row was asked for, or NULL */
    const char *product;               /* a whole product was, or NULL */
    const struct advise_class *klass;  /* a class was, or NULL */
    const char *near[ADVISE_NEAR_MAX]; /* names, where nothing has the one asked for */
    size_t near_count;
    char version[ADVISE_VERSION_MAX + 1]; /* that stood in the name */
    bool by_name;
};

/* The surest of what is known, or NULL when nothing is sure. */
const struct advise_known *finding_known(const struct finding *f);
int finding_exit(const struct finding *f);

/* document.c: lines for machines: a row each, then the verdict. */
void document_row(struct buf *out, const struct finding *f, const struct advise_row *row);
void document_class(struct buf *out, const struct advise_class *c);
void document_finding(struct buf *out, const struct finding *f);

/* say.c: for people. */
void say_row(struct buf *out, const struct advise_row *row, const struct advise_book *book,
             const struct report_style *style);
void say_class(struct buf *out, const struct advise_class *c, const struct report_style *style);
void say_list(struct buf *out, const struct advise_book *book, const struct report_style *style);
void say_finding(struct buf *out, const struct finding *f, const struct report_style *style);

/*
 * host.c: speaks with a host as far as a greeting, EHLO and HELP, then QUIT. The texts are the
 * caller's to free. 0 or an exit status; what is wrong was said on standard error.
 */
struct host_signs {
    struct buf banner, ehlo, help, reply;
};
int host_ask(const struct args *a, struct host_signs *ret);
void host_signs_deinit(struct host_signs *s);

/* stored.c: one finding a target of a run, told by `fn`. 0 or an exit status. */
int stored_run(const struct args *a, const struct advise_book *book,
               int (*fn)(void *cookie, const struct finding *f), void *cookie);

#endif
