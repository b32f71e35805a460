/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Models of old mail servers, as rows of data/range/models.rows: what each says, which address
 * forms it misreads, and how its Received line looks. A model shows that a probe finds its class of
 * hole; it is not the product, and every greeting says so.
 *
 * Classes are those of the relay knowledge base: C1 stranger to stranger, C2 empty sender, C3
 * forged local sender, C4 sender without domain, C5 sender at an address, C6 quoted whole address,
 * C7 quoted local part, C8 percent, C9 two @, C10 bang, C11 source route, C12 colon, C13 no
 * brackets, C14 after a local recipient, C15 encapsulated, C17 trusted network, C18 login without
 * an account. C16 (trust by the client's name) needs a reverse zone and C19 is what Bounces says.
 */
#ifndef POSTERN_CMD_RANGE_MODEL_H
#define POSTERN_CMD_RANGE_MODEL_H

#include "base/rows.h"

#include <stdint.h>

enum {
    MODEL_TERMS_MAX = 16,  /* in Opens or Bounces */
    MODEL_COUNT_MAX = 250, /* one address each, in one /24 */
    MODEL_CLASS_MAX = 18,
};

#define MODEL_CLASS(n) (1u << (n))
/* Classes that a recipient can be of; the others are of the sender, the session or the client. */
#define MODEL_RCPT_CLASSES                                                                         \
    (MODEL_CLASS(1) | MODEL_CLASS(6) | MODEL_CLASS(7) | MODEL_CLASS(8) | MODEL_CLASS(9) |          \
     MODEL_CLASS(10) | MODEL_CLASS(11) | MODEL_CLASS(12) | MODEL_CLASS(13) | MODEL_CLASS(15))

/* A mail that has all classes of one term passes; "C8+C2" is one term, "C8 C2" are two. */
struct model_terms {
    uint32_t masks[MODEL_TERMS_MAX];
    size_t count;
    bool unknown; /* Bounces only: users that do not exist are taken too */
};

enum model_verdict {
    MODEL_CLOSED = 0,
    MODEL_ACCEPTS, /* takes what it does not deliver */
    MODEL_OPEN,
};

/* Texts are templates, see letter.h; owned by the model. */
struct model {
    char *id;
    char *product;
    char *banner;
    char *refusal;  /* "550 5.7.1 …" */
    char *unknown;  /* for a local user that does not exist */
    char *taken;    /* for a recipient that is taken */
    char *received; /* NULL: the product writes none */
    char *with;     /* option that postern test needs for this verdict; NULL: none */
    char *since, *fixed, *note, *source; /* NULL: none */
    unsigned ext;                        /* enum smtp_ext that EHLO shows */
    bool esmtp;                          /* knows EHLO at all */
    bool ntlm_null;                      /* AUTH NTLM, and a null session is a login */
    unsigned errors;                     /* refusals before 421; 0: any number */
    struct model_terms opens, bounces;
    enum model_verdict verdict; /* what postern test must say, without opt-in families */
};

struct models {
    struct model *v;
    size_t count, cap;
};

const char *model_verdict_name(enum model_verdict v); /* "closed", "accepts", "open" */

/*
 * Reads a file of rows into an empty list. -EINVAL with *err filled; -ENOMEM. The list is empty
 * then.
 */
int models_read(struct span text, struct models *ret, struct rows_error *err);
void models_deinit(struct models *m);

/* Whether a mail with these classes passes. */
bool model_terms_met(const struct model_terms *t, uint32_t classes);
/* "C8+C2 C6" */
void model_terms_text(const struct model_terms *t, struct buf *out);

#endif
