/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server's side of a SASL exchange (RFC 4422) in the form that SMTP gives it (RFC 4954): lines
 * of base64 in, a challenge or a verdict out. Who knows the passwords is one of two: our own file
 * (auth/users.h), judged here, or a Dovecot (auth/dovecot.h), which is asked.
 *
 *     got = auth_sasl_start(&x, &config, &facts, argument of AUTH, &answer)
 *     AUTH_CHALLENGE  334 answer.text, then auth_sasl_step(&x, line, &answer)
 *     AUTH_WORK       a password is hashed: auth_sasl_work(&x, rounds, &answer) until it is not
 *     AUTH_OK …       the end
 *
 * A machine does one exchange; init it anew for the next. Nothing here waits, reads a clock or a
 * file; libgsasl alone takes randomness from the system (the server's nonce).
 */
#ifndef POSTERN_AUTH_SASL_H
#define POSTERN_AUTH_SASL_H

#include "auth/limits.h"
#include "base/buf.h"
#include "base/ip.h"

struct auth_users;

enum auth_got {
    AUTH_CHALLENGE, /* answer->text is the challenge, in base64, perhaps empty */
    AUTH_WORK,      /* hashing: go on with auth_sasl_work() */
    AUTH_OK,        /* answer->login is who it is; valid until deinit */
    AUTH_FAIL,      /* wrong name or password, or a proof that does not hold: 535 5.7.8 */
    AUTH_BAD,       /* not what the mechanism says, or bad base64: 501 5.5.2 */
    AUTH_TOO_LONG,  /* 500 5.5.6 */
    AUTH_UNKNOWN,   /* no such mechanism here: 504 5.5.4 */
    AUTH_WEAK,      /* this mechanism not without TLS: 538 5.7.11 */
    AUTH_TEMP,      /* the judge cannot be asked, or memory is short: 454 4.7.0 */
    AUTH_ASK,       /* answer->mech and ->text are for another judge; the exchange ends here */
};

const char *auth_got_name(enum auth_got got);

/* What may be a login at all, whoever vouches for it: UTF-8, no control character, not too long. */
bool auth_login_ok(struct span login);

/* What is known of the client. Texts are borrowed while the exchange lasts; "" for none. */
struct auth_facts {
    struct ip ip, local_ip;
    uint16_t port, local_port;
    bool tls;               /* of the connection itself */
    const char *sni;        /* the name that it asked for */
    const char *cert_login; /* whose certificate it has shown and proved; for EXTERNAL */
    /* RFC 9266 tls-exporter, 32 octets; n == 0: none, and no -PLUS mechanism is offered. */
    struct span channel;
};

/* What may be offered. */
struct auth_offer {
    bool file;           /* our own password file judges */
    bool plain_loopback; /* PLAIN and LOGIN without TLS too, from loopback alone */
};

/*
 * The mechanisms for EHLO, best first: "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN". Empty when
 * none fits the facts. PLAIN and LOGIN want TLS; EXTERNAL wants cert_login.
 */
void auth_sasl_offer(const struct auth_offer *offer, const struct auth_facts *facts,
                     struct buf *out);

/* Whether a mechanism that shows the password may be used by this client. */
bool auth_sasl_plain_ok(const struct auth_offer *offer, const struct auth_facts *facts);

/*
 * Splits the argument of AUTH: "MECH", "MECH =" (an empty response) or "MECH base64". False when
 * it has another form. *ret_has tells an empty response from none.
 */
bool auth_sasl_parse(struct span arg, struct span *ret_mech, struct span *ret_response,
                     bool *ret_has);

struct auth_answer {
    struct span text;  /* base64; good until the next call */
    const char *login; /* AUTH_OK: who it is. AUTH_FAIL: who it claimed to be, or "" */
};

struct auth_sasl;

/* The library behind it: one a process, shared by all exchanges. 0 or -ENOMEM. */
struct auth_library;
int auth_library_new(struct auth_library **ret);
void auth_library_free(struct auth_library **lib);

/*
 * Begins an exchange that the file judges. `users` may be NULL without offer->file, and is kept
 * alive; `facts` are borrowed until the exchange is freed. *ret is NULL unless the answer is
 * AUTH_CHALLENGE, AUTH_WORK, AUTH_OK or AUTH_FAIL.
 */
enum auth_got auth_sasl_start(struct auth_library *lib, struct auth_users *users,
                              const struct auth_offer *offer, const struct auth_facts *facts,
                              struct span arg, struct auth_sasl **ret, struct auth_answer *answer);
/* A line of the client's; "*" has been dealt with by the caller. */
enum auth_got auth_sasl_step(struct auth_sasl *x, struct span line, struct auth_answer *answer);
/* Hashes at most so many rounds (10,000 are about 3 ms). Only after AUTH_WORK. */
enum auth_got auth_sasl_work(struct auth_sasl *x, unsigned rounds, struct auth_answer *answer);
/* Wipes what was secret. Safe on NULL and twice. */
void auth_sasl_free(struct auth_sasl **x);

#endif
