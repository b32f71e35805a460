/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The whole dialogue with a hostile server, session after session, until the door is through with
 * it. The first byte chooses the door; the rest is what the server says. 0xff and a letter in it is
 * an event: t time runs out, m a minute passes, s TLS comes up, f it fails, c the connection ends,
 * r it is refused, and anything else ends one read. When nothing is left, the server hangs up on
 * every further connection.
 *
 * Whatever it says, the door comes to an end, nothing grows without bound, no verdict is better or
 * worse than what was said allows, and mail goes to nobody but ourselves and the control.
 */
#include "probe/session.h"
#include "probe/verdict.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define R "Prior: 9\nFlaw: x\nSource: x\n\n"

static const char rows[] =
    "Kind: sender\nId: third\nFamily: a\nForm: <{s}@{d}>\n" R
    "Kind: sender\nId: null\nFamily: b\nForm: <>\n" R
    "Kind: sender\nId: wide\nFamily: c\nForm: <{s}>\nNeeds: smtputf8\nRisk: syntax\n" R
    "Kind: recipient\nId: plain\nFamily: p\nForm: <{u}@{d}>\n" R
    "Kind: recipient\nId: host\nFamily: q\nForm: <{u}%{d}@{H}>\nRisk: syntax\n" R
    "Kind: recipient\nId: after\nFamily: p\nForm: <{u}@{d}>\nBefore: rejected\n" R
    "Kind: helo\nId: own\nForm: {me}\n" R "Kind: helo\nId: both\nForm: {H}\nVerb: both\n" R
    "Kind: helo\nId: helo\nForm: {me}\nVerb: helo\n" R
    "Kind: helo\nId: none\nForm: {me}\nVerb: none\n" R
    "Kind: channel\nId: bdat\nFamily: bdat\nChannel: bdat\nWith: 1 all last\nNeeds: chunking\n" R
    "Kind: channel\nId: xclient\nFamily: xclient\nChannel: xclient\nWith: ADDR=::1\n" R
    "Kind: channel\nId: xforward\nFamily: xforward\nChannel: xforward\nWith: ADDR=::1\n" R
    "Kind: channel\nId: proxy\nFamily: proxy\nChannel: proxy1\nWith: PROXY UNKNOWN\n" R
    "Kind: channel\nId: cert\nFamily: certificate\nChannel: certificate\nWith: self-signed\n" R
    "Kind: channel\nId: dot\nFamily: smuggling\nChannel: smuggle\nWith: \\x0a.\\x0d\\x0a\n" R
    "Kind: channel\nId: early\nFamily: early-talk\nChannel: early\nWith: banner\n" R
    "Kind: channel\nId: late\nFamily: early-talk\nChannel: early\nWith: data\n" R
    "Kind: channel\nId: auth\nFamily: auth\nChannel: auth\nWith: LOGIN x | y\n" R;

enum { ROUNDS_MAX = 3000, OUT_MAX = 1 << 20, REPLY_WAIT = 20000 };

static struct catalogue catalogue;
static struct probe_list list;
static const uint8_t key[MAC_KEY];

struct fuzz {
    struct span rest;
    struct door door;
    struct session session;
    int64_t now;
};

static void need(bool good)
{
    if (!good)
        abort();
}

static void load(void)
{
    const char *all[] = {"all"};
    struct pairs_options o = {.set = PAIRS_FULL, .with = all, .with_count = 1};
    struct catalogue_error err;
    char why[200];

    if (list.count)
        return;
    need(catalogue_load(&catalogue, span_str(rows), "rows", &err) == 0);
    need(pairs_make(&catalogue, &o, &list, why, sizeof(why)) == 0);
}

/* Every line is whole, and every recipient ours. */
static void check_out(struct session *s)
{
    struct span rest = buf_span(&s->client.out), line;

    need(s->client.out.n <= OUT_MAX && smtp_client_awaiting(&s->client) <= 2 * PLAN_ITEMS_MAX);
    need(rest.n == 0 || rest.p[rest.n - 1] == '\n');
    while (rest.n && span_cut(&rest, '\n', &line))
        if (span_starts_nocase(line, SPAN_LIT("RCPT TO:")))
            need(span_has_nocase(line, SPAN_LIT("probe.example")) ||
                 span_eq(line, SPAN_LIT("RCPT TO:<postmaster>\r")) ||
                 span_eq(line, SPAN_LIT("RCPT TO:<a@mx.example>\r")));
    smtp_client_flushed(&s->client);
}

static void event(struct fuzz *f, char what)
{
    struct session *s = &f->session;

    f->now += what == 'm' ? 60000 : 1;
    if (what == 't')
        f->now = s->deadline;
    if (what == 's' && s->want_tls)
        session_secured(s, "TLSv1.3", "x", f->now);
    else if (what == 'f' && s->want_tls)
        session_closed(s, DOOR_END_TLS, "TLS", f->now);
    else if (what == 'c')
        session_closed(s, DOOR_END_CUT, "gone", f->now);
    else
        session_tick(s, f->now);
}

/* The next read or event; the bytes end where the exact copy of the input does. */
static void step(struct fuzz *f)
{
    size_t n = span_find(f->rest, (char)0xff);

    if (f->rest.n == 0) {
        session_closed(&f->session, DOOR_END_CUT, "hung up", f->now);
    } else if (n > 0) {
        session_input(&f->session, span_slice(f->rest, 0, n), ++f->now);
        f->rest = span_slice(f->rest, n, f->rest.n);
    } else {
        event(f, f->rest.n > 1 ? f->rest.p[1] : 'c');
        f->rest = span_slice(f->rest, 2, f->rest.n);
    }
}

static void hold_session(struct fuzz *f)
{
    struct session *s = &f->session;
    bool refused = f->rest.n > 1 && (uint8_t)f->rest.p[0] == 0xff && f->rest.p[1] == 'r';
    int64_t until;

    if (session_init(s, &f->door, pace_left(&f->door.host->pace, f->now, &until), f->now) != 0) {
        f->door.gave_up = true;
        return;
    }
    if (refused) {
        f->rest = span_slice(f->rest, 2, f->rest.n);
        session_closed(s, DOOR_END_REFUSED, "refused", f->now);
    } else {
        session_connected(s, (struct ip){.family = IP_V4}, f->now);
    }
    while (!s->over) {
        check_out(s);
        need(s->deadline <= f->now + 2 * REPLY_WAIT);
        step(f);
    }
    session_finish(s, f->now);
    session_deinit(s);
}

static void check_end(const struct door *d)
{
    struct door_counts n = door_count(d);
    char why[VERDICT_WHY_MAX];
    enum verdict v = verdict_of_door(d, why);

    need(n.untried == 0 && v != VERDICT_OPEN);
    need(v != VERDICT_ACCEPTS || n.delivered + n.taken + n.held > 0);
    need(v != VERDICT_CLOSED ||
         (n.refused > 0 && n.lost + n.deferred == 0 &&
          (d->control.state == CONTROL_ACCEPTED || d->control.meaning == MEANING_TLS ||
           d->control.meaning == MEANING_AUTH)));
    for (size_t i = 0; i < d->session_count; i++)
        need(d->sessions[i].log.text.n <= TRANSCRIPT_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned kind = size ? data[0] : 0;
    struct door_run run = {.list = &list,
                           .key = key,
                           .run = 1,
                           .domain = "probe.example",
                           .helo = "t.example",
                           .tester = "t.example",
                           .timeout_ms = REPLY_WAIT,
                           .contact = "a@probe.example",
                           .uri = "mailto:a@probe.example",
                           .opt_out = "a@probe.example",
                           .rand = "abcd",
                           .wildcard_mx = true};
    struct door_host host = {.run = &run,
                             .ip = {.family = IP_V4, .b = {192, 0, 2, 1}},
                             .name = kind & 4 ? "mx.example" : NULL,
                             .name_checked = true,
                             .given = "mx.example",
                             .mailbox = kind & 32 ? "a@mx.example" : NULL,
                             .controls = {"<postmaster>"}};
    struct fuzz f = {.rest = span_slice(span_of(data, size), 1, size), .now = 1000};
    int64_t until = 0;
    enum door_next next = DOOR_SESSION;

    load();
    pace_init(&host.pace, kind & 8);
    need(door_init(&f.door, &host, 25, (enum door_tls)(kind % 3), 0, (kind & 16) * 10000, 0) == 0);
    for (unsigned i = 0; next != DOOR_DONE; i++) {
        need(i < ROUNDS_MAX);
        next = door_next(&f.door, f.now, &until);
        if (next == DOOR_SESSION)
            hold_session(&f);
        need(next != DOOR_WAIT || until > f.now);
        f.now = next == DOOR_WAIT ? until : f.now;
    }
    check_end(&f.door);
    door_deinit(&f.door);
    return 0;
}
