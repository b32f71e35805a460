/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a decoy writes down: one JSON object a line. Texts of strangers are in the form of
 * escape_text, so that a line is ASCII and one line whatever they sent.
 *
 *     {"type":"message","id","session","time","wall","client","port","local","persona","helo",
 *      "tls","login","mail","rcpts":[…],"rcpt_count","size","foul","header","body","body_kept",
 *      "again","verdict":"test"|"spam","sum","why":["one-recipient +1",…]}
 *     {"type":"session","id","time","wall","ms","client","port","local","persona","helos":[…],
 *      "helo_traits","esmtp","early","out_of_turn","lf_lines","commands","errors","messages",
 *      "unrecorded","end","tls":{"version","cipher","ja3","ja3_md5","name","alpn",
 *      "versions":[…],"ciphers":[…]},"logins":[{"mech","user","password"},…],"login_count"}
 *     {"type":"nomination","time","wall","ip","source":"decoy","reason","session","helo","mail",
 *      "rcpt","count"}
 *
 * Members that there is nothing to say of are left out.
 */
#ifndef POSTERN_DECOY_RECORD_H
#define POSTERN_DECOY_RECORD_H

#include "decoy/clienthello.h"
#include "decoy/judge.h"
#include "decoy/login.h"

enum {
    RECORD_LINE_MAX = 256 << 10, /* octets of one line; the worst that can come fits */
    RECORD_RCPTS = 50,           /* recipients that are named */
    RECORD_HELOS = 4,            /* names in HELO that are kept of a session */
    RECORD_LOGINS = 8,           /* logins that are kept of a session */
    RECORD_HEADER_MAX = 8192,    /* octets of a message's header */
    RECORD_TEXT_MAX = 600,       /* octets of any other text */
    RECORD_ID_MAX = 40,
    RECORD_TIME_MAX = 32,
    RECORD_BODY_ID = 64, /* hex digits of a body's SHA-256 */
    RECORD_MD5 = 33,     /* hex digits of an MD5 with the NUL */
};

/* Who came. All borrowed. */
struct record_peer {
    const char *id; /* of the session */
    struct ip client, local;
    uint16_t port;
    const char *persona;
    int64_t wall;
};

struct record_message {
    struct record_peer peer;
    const char *id;
    struct span helo, tls, login, mail;
    const struct span *rcpts; /* at most RECORD_RCPTS */
    size_t rcpt_shown, rcpt_count;
    uint64_t size;
    bool foul;
    struct span header;
    const char *body;   /* RECORD_BODY_ID hex digits; "" when none was kept */
    uint64_t body_kept; /* octets */
    unsigned again;     /* times the body had been seen before */
    const struct judge *judge;
};

struct record_login {
    char mech[LOGIN_MECH_MAX];
    char user[LOGIN_USER_MAX];
    char hash[LOGIN_HASH];
};

struct record_session {
    struct record_peer peer;
    int64_t ms;
    const struct span *helos;
    size_t helo_count;
    struct span helo_traits;
    bool esmtp, early;
    unsigned out_of_turn, lf_lines, commands, errors, messages, unrecorded;
    const char *end;
    const struct clienthello *hello;      /* NULL: no TLS was tried */
    const char *tls_version, *tls_cipher; /* "" when it did not come up */
    const char *ja3_md5;
    const struct record_login *logins;
    size_t login_shown, login_count;
};

struct record_nomination {
    struct ip ip;
    int64_t wall;
    const char *reason, *session;
    struct span helo, mail, rcpt;
    unsigned count;
};

/* Each adds one line with its LF. 0, -ENOMEM, or -EMSGSIZE when it would not fit out->max. */
int record_message(const struct record_message *m, struct buf *out);
int record_session(const struct record_session *s, struct buf *out);
int record_nomination(const struct record_nomination *n, struct buf *out);

/* "2026-03-01T12:00:00Z". Returns out. */
const char *record_time(int64_t wall, char out[RECORD_TIME_MAX]);

#endif
