/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The machine keeps what was said until its LF has come, and a row for each login that waits. Rows
 * are few and looked through from end to end.
 *
 * The server is trusted to say who somebody is, but not to speak well: a line too long, another
 * major version, an answer that makes no sense end the connection, and each login that waits gets
 * a temporary failure, never a success. Mechanisms that let anyone in (ANONYMOUS) are not offered
 * and not passed on, whatever the server lists; nor are those bound to a channel (-PLUS), since the
 * part of the protocol that tells the server of the channel is younger than Debian's Dovecot.
 */
#include "auth/dovecot.h"

#include "auth/base64.h"
#include "auth/dovecot_wire.h"
#include "base/num.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MECHS_MAX = 32,
    OUT_MAX = 1 << 22,
    FAULT_MAX = 100,
};

struct mech {
    char name[AUTH_MECH_MAX + 1];
    bool plain;
};

struct asked {
    uint32_t id; /* 0: free */
    void *owner;
};

struct auth_dovecot {
    const struct auth_dovecot_events *events;
    void *cookie;
    uint32_t pid, last_id;
    struct buf in, out;
    bool versioned, ready, faulty;
    char fault[FAULT_MAX];
    struct mech mechs[MECHS_MAX], fresh[MECHS_MAX]; /* fresh: what this greeting has told so far */
    size_t mech_count, fresh_count, waiting;
    struct asked asked[AUTH_DOVECOT_ASKED_MAX];
};

int auth_dovecot_new(const struct auth_dovecot_events *events, void *cookie, uint32_t pid,
                     struct auth_dovecot **ret)
{
    struct auth_dovecot *d = calloc(1, sizeof(*d));

    if (!d)
        return -ENOMEM;
    d->events = events;
    d->cookie = cookie;
    d->pid = pid;
    buf_init(&d->in, AUTH_DOVECOT_LINE_MAX);
    buf_init(&d->out, OUT_MAX);
    *ret = d;
    return 0;
}

static void wipe(struct buf *b)
{
    if (b->p)
        explicit_bzero(b->p, b->cap);
    buf_deinit(b);
}

void auth_dovecot_free(struct auth_dovecot **d)
{
    if (!*d)
        return;
    wipe(&(*d)->in);
    wipe(&(*d)->out);
    free(*d);
    *d = NULL;
}

void auth_dovecot_start(struct auth_dovecot *d)
{
    buf_clear(&d->in);
    buf_clear(&d->out);
    d->versioned = d->ready = d->faulty = false;
    d->fault[0] = '\0';
    d->fresh_count = 0;
    buf_addf(&d->out, "VERSION\t1\t2\nCPID\t%lu\n", (unsigned long)d->pid);
}

const char *auth_dovecot_fault(const struct auth_dovecot *d)
{
    return d->fault;
}

struct buf *auth_dovecot_out(struct auth_dovecot *d)
{
    return &d->out;
}

bool auth_dovecot_ready(const struct auth_dovecot *d)
{
    return d->ready;
}

size_t auth_dovecot_asked(const struct auth_dovecot *d)
{
    return d->waiting;
}

static bool fault(struct auth_dovecot *d, const char *why)
{
    d->faulty = true;
    d->ready = false;
    snprintf(d->fault, sizeof(d->fault), "%s", why);
    return false;
}

static struct asked *find_asked(struct auth_dovecot *d, uint32_t id)
{
    for (size_t i = 0; i < AUTH_DOVECOT_ASKED_MAX; i++)
        if (d->asked[i].id == id)
            return &d->asked[i];
    return NULL;
}

static void forget(struct auth_dovecot *d, struct asked *a)
{
    *a = (struct asked){0};
    d->waiting--;
}

static void answer(struct auth_dovecot *d, struct asked *a, const struct auth_dovecot_answer *what)
{
    uint32_t id = a->id;
    void *owner = a->owner;

    if (what->got != AUTH_CHALLENGE)
        forget(d, a);
    d->events->answer(d->cookie, id, owner, what);
}

void auth_dovecot_lost(struct auth_dovecot *d)
{
    static const struct auth_dovecot_answer gone = {.got = AUTH_TEMP, .login = ""};

    d->ready = false;
    for (size_t i = 0; i < AUTH_DOVECOT_ASKED_MAX; i++)
        if (d->asked[i].id)
            answer(d, &d->asked[i], &gone);
}

/* ---- what the server says ---- */

static bool said_version(struct auth_dovecot *d, struct span rest)
{
    struct span major = SPAN_NULL;

    if (d->versioned)
        return fault(d, "it says its version twice");
    span_cut(&rest, '\t', &major);
    if (!span_eq(major, SPAN_LIT("1")))
        return fault(d, "it speaks another version of the protocol");
    d->versioned = true;
    return true;
}

static bool said_mech(struct auth_dovecot *d, struct span rest)
{
    struct mech *m = &d->fresh[d->fresh_count];
    struct span name = SPAN_NULL, word;
    bool fits;

    if (d->fresh_count == MECHS_MAX || d->ready)
        return true;
    span_cut(&rest, '\t', &name);
    fits = name.n > 0 && !span_ends_nocase(name, SPAN_LIT("-PLUS")) &&
           span_copy(name, m->name, sizeof(m->name));
    for (size_t i = 0; i < name.n; i++)
        fits = fits && (ascii_is_alnum(name.p[i]) || name.p[i] == '-' || name.p[i] == '_');
    m->plain = false;
    while (span_cut(&rest, '\t', &word)) {
        m->plain = m->plain || span_eq(word, SPAN_LIT("plaintext"));
        if (span_eq(word, SPAN_LIT("anonymous")) || span_eq(word, SPAN_LIT("private")))
            fits = false;
    }
    if (fits && !span_eq_nocase(name, SPAN_LIT("ANONYMOUS")))
        d->fresh_count++;
    return true;
}

static bool said_done(struct auth_dovecot *d, struct span rest)
{
    if (!d->versioned || d->ready)
        return fault(d, d->ready ? "it is done twice" : "it says no version");
    memcpy(d->mechs, d->fresh, sizeof(d->mechs));
    d->mech_count = d->fresh_count;
    d->ready = true;
    d->events->ready(d->cookie, d);
    return true;
}

/* The row of an answer's id in *ret, NULL when that login is no more. False on no id at all. */
static bool take_id(struct auth_dovecot *d, struct span *rest, struct asked **ret)
{
    struct span text = SPAN_NULL;
    uint64_t id;

    span_cut(rest, '\t', &text);
    if (!d->ready || !num_u64(text, 1, UINT32_MAX, &id))
        return fault(d, "an answer has no number, or comes before its greeting is done");
    *ret = find_asked(d, (uint32_t)id);
    return true;
}

static bool said_cont(struct auth_dovecot *d, struct span rest)
{
    struct auth_dovecot_answer a = {.got = AUTH_CHALLENGE, .login = ""};
    struct asked *row;

    if (!take_id(d, &rest, &row))
        return false;
    span_cut(&rest, '\t', &a.text);
    if (!auth_base64_ok(a.text) || a.text.n > AUTH_RESPONSE_MAX)
        return fault(d, "a challenge is not base64");
    if (row)
        answer(d, row, &a);
    return true;
}

struct fields {
    char user[AUTH_LOGIN_MAX + 1];
    bool temp, nologin, proxy;
};

static void read_fields(struct span rest, struct fields *ret)
{
    struct span field, value;

    *ret = (struct fields){0};
    while (span_cut(&rest, '\t', &field)) {
        if (auth_dovecot_value(field, "user", &value)) {
            if (!auth_dovecot_unescape(value, ret->user, sizeof(ret->user)) ||
                !auth_login_ok(span_str(ret->user)))
                ret->user[0] = '\0';
        } else if (span_eq(field, SPAN_LIT("temp")) || span_eq(field, SPAN_LIT("code=temp_fail")))
            ret->temp = true;
        else if (span_eq(field, SPAN_LIT("nologin")))
            ret->nologin = true;
        else if (span_eq(field, SPAN_LIT("proxy")))
            ret->proxy = true;
    }
}

static bool said_ok(struct auth_dovecot *d, struct span rest)
{
    struct auth_dovecot_answer a = {.got = AUTH_OK};
    struct fields f;
    struct asked *row;

    if (!take_id(d, &rest, &row))
        return false;
    read_fields(rest, &f);
    /* A login that we can't write down is none. */
    if (!f.user[0])
        a.got = AUTH_TEMP;
    else if (f.nologin && !f.proxy)
        a.got = AUTH_FAIL;
    a.login = f.user;
    if (row)
        answer(d, row, &a);
    return true;
}

static bool said_fail(struct auth_dovecot *d, struct span rest)
{
    struct auth_dovecot_answer a = {0};
    struct fields f;
    struct asked *row;

    if (!take_id(d, &rest, &row))
        return false;
    read_fields(rest, &f);
    a.got = f.temp ? AUTH_TEMP : AUTH_FAIL;
    a.login = f.user;
    if (row)
        answer(d, row, &a);
    return true;
}

static bool said_line(struct auth_dovecot *d, struct span line)
{
    static const struct {
        const char *verb;
        bool (*fn)(struct auth_dovecot *d, struct span rest);
    } verbs[] = {
        {"VERSION", said_version}, {"MECH", said_mech}, {"DONE", said_done},
        {"CONT", said_cont},       {"OK", said_ok},     {"FAIL", said_fail},
    };
    struct span verb = SPAN_NULL;

    span_cut(&line, '\t', &verb);
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (span_eq(verb, span_str(verbs[i].verb)))
            return verbs[i].fn(d, line);
    return true; /* SPID, CUID, COOKIE, and what later versions say */
}

bool auth_dovecot_feed(struct auth_dovecot *d, struct span bytes)
{
    while (bytes.n > 0 && !d->faulty) {
        size_t end = span_find(bytes, '\n');

        buf_add(&d->in, span_slice(bytes, 0, end));
        if (d->in.err || (end < bytes.n && d->in.n == AUTH_DOVECOT_LINE_MAX))
            return fault(d, d->in.err == -ENOMEM ? "out of memory" : "a line is too long");
        if (end == bytes.n)
            return true;
        bytes = span_slice(bytes, end + 1, bytes.n);
        said_line(d, buf_span(&d->in));
        buf_clear(&d->in);
    }
    return !d->faulty;
}

/* ---- what we ask ---- */

void auth_dovecot_offer(const struct auth_dovecot *d, const struct auth_offer *offer,
                        const struct auth_facts *facts, struct buf *out)
{
    bool plain = auth_sasl_plain_ok(offer, facts);

    for (size_t i = 0; i < d->mech_count; i++)
        if (plain || !d->mechs[i].plain)
            buf_addf(out, "%s%s", out->n ? " " : "", d->mechs[i].name);
}

/* A server name goes on only when it is one; it is what the client made it. */
static bool name_fits(const char *sni)
{
    size_t n = strlen(sni);

    for (size_t i = 0; i < n; i++)
        if (!ascii_is_alnum(sni[i]) && sni[i] != '.' && sni[i] != '-' && sni[i] != '_')
            return false;
    return n > 0 && n <= 255;
}

static void add_place(struct buf *out, const char *ip_name, struct ip ip, const char *port_name,
                      uint16_t port)
{
    char text[IP_TEXT_MAX], number[8];

    if (ip.family == IP_NONE)
        return;
    auth_dovecot_field(out, ip_name, span_str(ip_text(ip, text)));
    snprintf(number, sizeof(number), "%u", (unsigned)port);
    auth_dovecot_field(out, port_name, span_str(number));
}

static void add_facts(struct buf *out, const struct auth_facts *facts, bool secured)
{
    auth_dovecot_field(out, "service", SPAN_LIT("smtp"));
    if (secured)
        auth_dovecot_field(out, "secured", SPAN_NULL);
    auth_dovecot_field(out, "nologin", SPAN_NULL);
    add_place(out, "lip", facts->local_ip, "lport", facts->local_port);
    add_place(out, "rip", facts->ip, "rport", facts->port);
    if (auth_login_ok(span_str(facts->cert_login))) {
        auth_dovecot_field(out, "valid-client-cert", SPAN_NULL);
        auth_dovecot_field(out, "cert_username", span_str(facts->cert_login));
    }
    if (name_fits(facts->sni))
        auth_dovecot_field(out, "local_name", span_str(facts->sni));
}

static const struct mech *find_mech(const struct auth_dovecot *d, struct span name)
{
    for (size_t i = 0; i < d->mech_count; i++)
        if (span_eq_nocase(name, span_str(d->mechs[i].name)))
            return &d->mechs[i];
    return NULL;
}

static uint32_t new_id(struct auth_dovecot *d)
{
    do
        d->last_id++;
    while (d->last_id == 0 || find_asked(d, d->last_id));
    return d->last_id;
}

/* A line is sent whole or not at all. */
static bool send_line(struct auth_dovecot *d, const struct buf *line)
{
    size_t was = d->out.n;

    if (line->err == 0 && d->out.err == 0)
        buf_add(&d->out, buf_span(line));
    if (line->err == 0 && d->out.err == 0)
        return true;
    buf_truncate(&d->out, was);
    d->out.err = 0;
    return false;
}

enum auth_got auth_dovecot_ask(struct auth_dovecot *d, const struct auth_offer *offer,
                               const struct auth_facts *facts, struct span arg, void *owner,
                               uint32_t *ret_id)
{
    bool has, secured = auth_sasl_plain_ok(offer, facts);
    struct buf line = BUF_INIT(AUTH_DOVECOT_LINE_MAX);
    struct span name, response;
    const struct mech *m;
    struct asked *row;

    if (!auth_sasl_parse(arg, &name, &response, &has))
        return AUTH_BAD;
    if (response.n > AUTH_RESPONSE_MAX)
        return AUTH_TOO_LONG;
    if (!auth_base64_ok(response))
        return AUTH_BAD;
    row = find_asked(d, 0);
    if (!d->ready || !row)
        return AUTH_TEMP;
    m = find_mech(d, name);
    if (!m || (m->plain && !secured))
        return m ? AUTH_WEAK : AUTH_UNKNOWN;
    *ret_id = new_id(d);
    buf_addf(&line, "AUTH\t%lu\t%s", (unsigned long)*ret_id, m->name);
    add_facts(&line, facts, secured);
    if (has)
        auth_dovecot_field(&line, "resp", response.n ? response : SPAN_LIT(""));
    buf_add_char(&line, '\n');
    if (send_line(d, &line)) {
        *row = (struct asked){.id = *ret_id, .owner = owner};
        d->waiting++;
    } else {
        *ret_id = 0;
    }
    wipe(&line);
    return *ret_id ? AUTH_ASK : AUTH_TEMP;
}

enum auth_got auth_dovecot_continue(struct auth_dovecot *d, uint32_t id, struct span line)
{
    struct asked *row = id ? find_asked(d, id) : NULL;
    struct buf out = BUF_INIT(AUTH_DOVECOT_LINE_MAX);
    enum auth_got got = AUTH_ASK;

    if (!row)
        return AUTH_TEMP;
    if (line.n > AUTH_RESPONSE_MAX)
        got = AUTH_TOO_LONG;
    else if (!auth_base64_ok(line))
        got = AUTH_BAD;
    else {
        buf_addf(&out, "CONT\t%lu\t", (unsigned long)id);
        buf_add(&out, line);
        buf_add_char(&out, '\n');
        got = send_line(d, &out) ? AUTH_ASK : AUTH_TEMP;
    }
    if (got != AUTH_ASK)
        auth_dovecot_cancel(d, id);
    wipe(&out);
    return got;
}

void auth_dovecot_cancel(struct auth_dovecot *d, uint32_t id)
{
    struct asked *row = id ? find_asked(d, id) : NULL;

    if (!row)
        return;
    forget(d, row);
    /* Out of memory the server is not told; its answer finds no row. */
    if (d->ready)
        buf_addf(&d->out, "CANCEL\t%lu\n", (unsigned long)id);
    d->out.err = 0;
}
