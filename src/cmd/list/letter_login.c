/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SCRAM before PLAIN before LOGIN: with SCRAM the smarthost learns no password, and proves that it
 * knows it. libgsasl does SCRAM and PLAIN, password preparation with them. No first answer stands
 * behind AUTH itself: one more round trip, but lines stay short, and all mechanisms go one way.
 *
 * Not done: channel binding (the -PLUS names); the certificate says who the smarthost is.
 */
#include "cmd/list/letter_login.h"

#include "base/base64.h"
#include "base/escape.h"
#include "base/num.h"

#include <errno.h>
#include <gsasl.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS_MAX = 10000000 }; /* of SCRAM: some seconds */

static const struct {
    const char *name;
    bool tells; /* the password goes over the wire */
} mechs[] = {{"SCRAM-SHA-256", false}, {"SCRAM-SHA-1", false}, {"PLAIN", true}, {"LOGIN", true}};

struct letter_login {
    Gsasl *library;
    Gsasl_session *session; /* NULL for LOGIN, which is two lines */
    const char *user, *password;
    unsigned steps;
    bool done;
};

static bool offers(struct span ehlo, const char *mech)
{
    struct span line, word;

    while (span_cut(&ehlo, '\n', &line)) {
        if (!span_word(&line, &word))
            continue;
        if (span_eq_nocase(word, SPAN_LIT("AUTH")))
            while (span_word(&line, &word))
                if (span_eq_nocase(word, span_str(mech)))
                    return true;
    }
    return false;
}

const char *letter_login_choose(struct span ehlo, bool covered)
{
    for (size_t i = 0; i < sizeof(mechs) / sizeof(mechs[0]); i++)
        if ((covered || !mechs[i].tells) && offers(ehlo, mechs[i].name))
            return mechs[i].name;
    return NULL;
}

static int open_session(struct letter_login *l, const char *mech)
{
    int rc = gsasl_init(&l->library);

    if (rc == GSASL_OK)
        rc = gsasl_client_start(l->library, mech, &l->session);
    if (rc == GSASL_OK)
        rc = gsasl_property_set(l->session, GSASL_AUTHID, l->user);
    if (rc == GSASL_OK)
        rc = gsasl_property_set(l->session, GSASL_PASSWORD, l->password);
    return rc == GSASL_OK ? 0 : rc == GSASL_MALLOC_ERROR ? -ENOMEM : -EINVAL;
}

int letter_login_new(const char *mech, const char *user, const char *password,
                     struct letter_login **ret)
{
    struct letter_login *l = calloc(1, sizeof(*l));
    int rc = 0;

    if (!l)
        return -ENOMEM;
    l->user = user;
    l->password = password;
    if (strcmp(mech, "LOGIN") != 0)
        rc = open_session(l, mech);
    if (rc < 0)
        letter_login_free(&l);
    *ret = l;
    return rc;
}

/* Of SCRAM's "r=…,s=…,i=4096": a server may not have us work for minutes. */
static bool too_many_rounds(struct span challenge)
{
    struct span word;
    uint64_t rounds;

    while (challenge.n && span_cut(&challenge, ',', &word))
        if (span_starts(word, SPAN_LIT("i=")) &&
            !num_u64(span_slice(word, 2, word.n), 1, ROUNDS_MAX, &rounds))
            return true;
    return false;
}

/* The words of the prompts differ from server to server; their order does not. */
static bool step_plainly(struct letter_login *l, struct buf *answer)
{
    if (l->steps > 2)
        return false;
    escape_base64(answer, span_str(l->steps == 1 ? l->user : l->password));
    l->done = l->steps == 2;
    return !answer->err;
}

bool letter_login_step(struct letter_login *l, struct span challenge, struct buf *answer)
{
    uint8_t bytes[LETTER_LOGIN_LINE_MAX];
    size_t n = 0, said_n = 0;
    char *said = NULL;
    int rc;

    l->steps++;
    if (!l->session)
        return step_plainly(l, answer);
    if (l->done || !base64_decode(span_trim(challenge), bytes, sizeof(bytes), &n) ||
        too_many_rounds(span_of((const char *)bytes, n)))
        return false;
    rc = gsasl_step(l->session, (const char *)bytes, n, &said, &said_n);
    if (rc == GSASL_OK || rc == GSASL_NEEDS_MORE) {
        l->done = rc == GSASL_OK;
        escape_base64(answer, span_of(said, said_n));
    }
    if (said) {
        explicit_bzero(said, said_n);
        gsasl_free(said);
    }
    return (rc == GSASL_OK || rc == GSASL_NEEDS_MORE) && !answer->err;
}

bool letter_login_done(const struct letter_login *l)
{
    return l->done;
}

void letter_login_free(struct letter_login **l)
{
    if (!*l)
        return;
    if ((*l)->session)
        gsasl_finish((*l)->session);
    if ((*l)->library)
        gsasl_done((*l)->library);
    free(*l);
    *l = NULL;
}
