/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * maddy: each endpoint is a pipeline of blocks that choose by sender and by recipient, and end in
 * "reject" or "deliver_to". What "&name" stands for is looked up until it is a store, a pipeline
 * again, or a target that sends mail out.
 */
#include "audit/unix.h"

#include "base/num.h"

enum { ARGS_MAX = 40, OWNS_MAX = 20 };

struct node {
    struct span args[ARGS_MAX]; /* the first is its name */
    size_t count;
    struct audit_place place;
    struct node *children, *next;
};

struct macro {
    struct span name, value;
    struct macro *next;
};

struct maddy {
    struct audit *a;
    struct node *top;
    struct macro *macros;
    struct audit_lines lines;
    const char *file;
    unsigned depth;
    const char *own[OWNS_MAX];
    size_t own_count;
    const char *sender, *sender_domain;
    struct audit_place place; /* of the deliver_to that was taken */
    struct audit_place doubt;
    const char *smarthost;
};

static bool is(struct span s, const char *word)
{
    return span_eq(s, span_str(word));
}

/* --- reading ---------------------------------------------------------------------------------- */

static struct span expanded(struct maddy *m, struct span s)
{
    struct buf out = BUF_INIT(1 << 16);
    struct span r;

    for (size_t i = 0; i < s.n; i++) {
        size_t end = span_find(span_slice(s, i, s.n), ')');
        const struct macro *x = m->macros;

        if (!span_starts(span_slice(s, i, s.n), SPAN_LIT("$(")) || i + end >= s.n) {
            buf_add_char(&out, s.p[i]);
            continue;
        }
        while (x && !span_eq(x->name, span_slice(s, i + 2, i + end)))
            x = x->next;
        if (x)
            buf_add(&out, x->value);
        i += end;
    }
    r = span_of(audit_dup(m->a, buf_span(&out)), out.n);
    buf_deinit(&out);
    return r;
}

static void split(struct node *n, struct span s)
{
    while (n->count < ARGS_MAX) {
        size_t len = 0;

        s = span_trim(s);
        if (s.n == 0 || s.p[0] == '#')
            return;
        if (s.p[0] == '"') {
            len = 2 + span_find(span_slice(s, 1, s.n), '"');
            n->args[n->count++] = span_slice(s, 1, len - 1);
        } else {
            while (len < s.n && !strchr(" \t", s.p[len]))
                len++;
            n->args[n->count++] = span_slice(s, 0, len);
        }
        s = span_slice(s, len, s.n);
    }
}

/* Blocks nest as deep as the limit says; what is deeper is an error. */
static struct node *read_block(struct maddy *m, unsigned depth)
{
    struct node *first = NULL, **end = &first;
    struct audit_line line;

    if (depth > AUDIT_NEST_MAX) {
        audit_bad(m->a, (struct audit_place){m->file, m->lines.line},
                  "more than %d blocks within one another", AUDIT_NEST_MAX);
        return NULL;
    }
    while (!audit_error(m->a)[0] && audit_lines_next(&m->lines, &line) && !audit_failed(m->a)) {
        struct span s = span_trim(line.text);
        bool opens;
        struct node *n;

        if (s.n == 0 || s.p[0] == '#')
            continue;
        if (s.p[0] == '}')
            return first;
        if (span_starts(s, SPAN_LIT("$(")) && span_find(s, '=') < s.n && depth == 0) {
            struct macro *x = audit_alloc(m->a, sizeof(*x));
            size_t eq = span_find(s, '=');

            x->name = span_slice(s, 2, span_find(s, ')'));
            x->value = expanded(m, span_trim(span_slice(s, eq + 1, s.n)));
            x->next = m->macros;
            if (!audit_failed(m->a))
                m->macros = x;
            continue;
        }
        opens = s.p[s.n - 1] == '{';
        n = audit_alloc(m->a, sizeof(*n));
        if (audit_failed(m->a))
            return first;
        n->place = (struct audit_place){m->file, line.first};
        split(n, expanded(m, opens ? span_slice(s, 0, s.n - 1) : s));
        if (opens)
            n->children = read_block(m, depth + 1);
        if (n->count == 0)
            continue;
        *end = n;
        end = &n->next;
    }
    return first;
}

static const struct node *child(const struct node *n, const char *name)
{
    for (const struct node *c = n->children; c; c = c->next)
        if (is(c->args[0], name))
            return c;
    return NULL;
}

/* "storage.imapsql local_mailboxes {": a block by its second word. */
static const struct node *block(const struct maddy *m, struct span name)
{
    for (const struct node *n = m->top; n; n = n->next)
        if (n->count > 1 && span_eq(n->args[1], name))
            return n;
    return NULL;
}

/* --- following -------------------------------------------------------------------------------- */

enum outcome { REFUSES, KEEPS, SENDS, DOUBTS };

static enum outcome pipeline(struct maddy *m, const struct node *n);

static enum outcome target(struct maddy *m, const struct node *n, size_t at)
{
    struct span kind = n->count > at ? n->args[at] : SPAN_NULL;
    const struct node *to;

    if (kind.n > 1 && kind.p[0] == '&') {
        to = block(m, span_slice(kind, 1, kind.n));
        if (!to || m->depth >= AUDIT_NEST_MAX)
            return DOUBTS;
        m->depth++;
        enum outcome got = is(to->args[0], "msgpipeline") ? pipeline(m, to) : target(m, to, 0);

        m->depth--;
        return got;
    }
    if (span_starts(kind, SPAN_LIT("target.")))
        kind = span_slice(kind, 7, kind.n);
    if (is(kind, "queue")) {
        to = child(n, "target");
        return to ? target(m, to, 1) : SENDS;
    }
    if (is(kind, "remote"))
        return SENDS;
    if (is(kind, "smtp") || is(kind, "smtp_downstream")) {
        if (n->count > at + 1)
            m->smarthost = audit_dup(m->a, n->args[n->count - 1]);
        return SENDS;
    }
    if (span_starts(kind, SPAN_LIT("storage.")) || is(kind, "lmtp") ||
        is(kind, "lmtp_downstream") || is(kind, "dummy") || is(kind, "imapsql") || is(kind, "sql"))
        return KEEPS;
    return DOUBTS;
}

static bool names(const struct node *n, const char *address, const char *domain)
{
    for (size_t i = 1; i < n->count; i++)
        if (span_eq_nocase(n->args[i], span_str(address)) ||
            span_eq_nocase(n->args[i], span_str(domain)))
            return true;
    return false;
}

static void note_own(struct maddy *m, const struct node *n)
{
    for (size_t i = 1; i < n->count && m->own_count < OWNS_MAX; i++)
        if (span_find(n->args[i], '.') < n->args[i].n)
            m->own[m->own_count++] = audit_dup(m->a, n->args[i]);
}

/* Which of its blocks takes this sender, and there this recipient. */
static enum outcome pipeline(struct maddy *m, const struct node *n)
{
    const struct node *otherwise = NULL;

    for (const struct node *c = n->children; c; c = c->next) {
        bool source = is(c->args[0], "source"), destination = is(c->args[0], "destination");

        if (source)
            note_own(m, c);
        if ((source && names(c, m->sender, m->sender_domain)) ||
            (destination && names(c, AUDIT_VICTIM, AUDIT_VICTIM_DOMAIN)))
            return pipeline(m, c);
        if (is(c->args[0], "source_in") || is(c->args[0], "destination_in"))
            m->doubt = c->place;
        if (is(c->args[0], "default_source") || is(c->args[0], "default_destination"))
            otherwise = c;
        if (is(c->args[0], "reject"))
            return REFUSES;
        if (is(c->args[0], "reroute"))
            return pipeline(m, c);
        if (is(c->args[0], "deliver_to")) {
            m->place = c->place;
            return target(m, c, 1);
        }
    }
    return otherwise ? pipeline(m, otherwise) : m->doubt.line ? DOUBTS : REFUSES;
}

/* --- judging ---------------------------------------------------------------------------------- */

static enum outcome session(struct maddy *m, const struct node *n, const char *sender)
{
    const char *at = strchr(sender, '@');

    m->sender = sender;
    m->sender_domain = at ? at + 1 : "";
    m->doubt = (struct audit_place){0};
    m->depth = 0;
    return pipeline(m, n);
}

static void judge(struct maddy *m, struct audit_door *d, const struct node *n, bool submission)
{
    enum outcome got = session(m, n, AUDIT_SPAMMER);
    struct audit_finding *f;

    d->stranger = got == SENDS ? AUDIT_YES : got == DOUBTS ? AUDIT_UNKNOWN : AUDIT_NO;
    d->smarthost = m->smarthost;
    if (got == SENDS) {
        f = audit_find(m->a, submission ? "MD02" : "MD01", AUDIT_OPEN, d,
                       submission ? n->place : m->place);
        f->why = submission ? "this port of submission asks for no login, and sends mail anywhere"
                            : "mail of strangers for other domains is sent on from here";
        f->witness = audit_witness(d, audit_stranger(NULL, IP_V4), NULL, NULL);
        if (submission)
            f->fix = "auth &local_authdb";
        else
            audit_fix_lines(m->a, f, AUDIT_EDIT_REPLACE, m->place.file, m->place.line,
                            m->place.line, "        reject 550 5.7.1 \"Relay access denied\"");
        return;
    }
    if (got == DOUBTS) {
        f = audit_undecided(m->a, "MD01", AUDIT_OPEN, d, m->doubt.line ? m->doubt : n->place);
        f->why = "where mail of strangers for other domains goes can't be told here";
        f->fix = "give the table or the module that is named there";
    }
    for (size_t i = 0; i < m->own_count; i++) {
        const char *sender = audit_fmt(m->a, "user@%s", m->own[i]);

        if (session(m, n, sender) != SENDS)
            continue;
        f = audit_find(m->a, "MD01", AUDIT_FORGED, d, m->place);
        f->why = "who claims a sender in a local domain may send anywhere, without a login";
        f->witness = audit_witness(d, audit_stranger(NULL, IP_V4), sender, NULL);
        f->fix = "reject 501 5.1.8 \"Use Submission for outgoing SMTP\"";
        d->keys |= AUDIT_KEY_SENDER;
        return;
    }
}

static bool deep_child(const struct node *n, const char *name)
{
    for (const struct node *c = n->children; c; c = c->next)
        if (is(c->args[0], name) || deep_child(c, name))
            return true;
    return false;
}

static void endpoint(struct maddy *m, const struct audit_kind *kind, const struct node *n)
{
    bool submission = is(n->args[0], "submission");
    bool auth = child(n, "auth") != NULL;

    for (size_t i = 1; i < n->count; i++) {
        struct span s = n->args[i], host;
        size_t slashes = span_find_nocase(s, SPAN_LIT("://"));
        struct audit_door *d;
        uint16_t port = 0;
        enum audit_bind bind;
        struct ip ip;

        if (slashes == s.n)
            continue;
        if (!ip_host_port(span_slice(s, slashes + 3, s.n), &host, &port))
            host = SPAN_NULL;
        bind = span_starts(s, SPAN_LIT("unix")) ? AUDIT_BIND_LOCAL : audit_bind_of(host, &ip);
        d = audit_door(m->a, kind, audit_fmt(m->a, "%.*s %.*s", SPAN_ARG(n->args[0]), SPAN_ARG(s)),
                       port, bind, n->place);
        d->login = auth;
        d->silent = submission && auth;
        if (d->silent && i == 1 && !deep_child(n, "authorize_sender"))
            audit_note(m->a, "MD03", d, n->place,
                       "who logs in may send as anybody: there is no authorize_sender",
                       "check { authorize_sender { user_to_email identity } }");
        d->stranger = AUDIT_NO;
        if (!d->silent)
            judge(m, d, n, submission);
    }
}

static enum audit_guess maddy_probe(struct audit *a, const struct audit_probe *p)
{
    if (p->folder)
        return audit_there(a, audit_join_path(a, p->path, "maddy.conf")) ? AUDIT_GUESS_SURE
                                                                         : AUDIT_GUESS_NO;
    if (strcmp(p->name, "maddy.conf") == 0)
        return AUDIT_GUESS_SURE;
    return span_has_nocase(p->text, SPAN_LIT("deliver_to ")) ? AUDIT_GUESS_LIKELY : AUDIT_GUESS_NO;
}

static int maddy_read(struct audit *a, const struct audit_kind *kind, const char *path, bool folder)
{
    struct maddy *m = audit_alloc(a, sizeof(*m));
    struct audit_source_file f;
    enum audit_file got;

    if (audit_failed(a))
        return 0;
    audit_alias(a, "/etc/maddy", folder ? path : audit_dirname(a, path));
    if (folder)
        path = audit_join_path(a, path, "maddy.conf");
    got = audit_text(a, path, &f);
    if (got != AUDIT_FILE_OK)
        return audit_bad(a, (struct audit_place){path, 0}, "%s", audit_file_name(got));
    *m = (struct maddy){.a = a, .file = f.name};
    audit_lines_open(&m->lines, a, AUDIT_LINES_PLAIN, &f);
    m->top = read_block(m, 0);
    if (audit_error(a)[0])
        return AUDIT_BAD;
    for (const struct node *n = m->top; n && !audit_failed(a); n = n->next)
        if (is(n->args[0], "smtp") || is(n->args[0], "submission"))
            endpoint(m, kind, n);
    return 0;
}

const struct audit_kind audit_kind_maddy = {
    .name = "maddy",
    .title = "maddy",
    .reads = "maddy.conf",
    .restart = "systemctl reload maddy",
    .probe = maddy_probe,
    .read = maddy_read,
};
