/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A look at a host: greeting, EHLO, HELP, QUIT, each after the reply to the one before. No
 * recipient is named and no mail is offered, but it is a session with somebody's server all the
 * same: the never-test list holds, and a host outside of the operator's scope is visited once a day
 * at most, tests counted, as postern test does.
 *
 *     resolving ── connected ── banner ── EHLO ─┬─ HELP ── QUIT ── over
 *                                               └─ HELO (where EHLO is refused)
 */
#include "cmd/advise/advise.h"

#include "io/conn.h"
#include "io/idn.h"
#include "io/resolver.h"
#include "io/rights.h"
#include "io/timer.h"
#include "smtp/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { CONNECT_TIME = 10000, PORT = 25, SIGN_MAX = 65536 };

struct visit {
    const struct args *args;
    struct host_signs *signs;
    struct loop *loop;
    struct resolver *resolver;
    struct conn *conn;
    struct smtp_client client;
    struct timer timer;
    struct ip ip;
    uint16_t port;
    char me[260];
    char why[300]; /* what went wrong, or "" */
    bool over;
};

static void over(struct visit *v, const char *why)
{
    if (v->over)
        return;
    v->over = true;
    snprintf(v->why, sizeof(v->why), "%s", why);
    timer_stop(&v->timer);
    if (v->conn)
        conn_close(v->conn);
    loop_stop(v->loop);
}

static void say(struct visit *v, enum smtp_stage stage, const char *line, unsigned cookie)
{
    if (smtp_client_send(&v->client, stage, cookie, span_str(line), loop_now(v->loop)) < 0 ||
        conn_write(v->conn, buf_span(&v->client.out)) < 0) {
        over(v, "the connection takes no more");
        return;
    }
    smtp_client_flushed(&v->client);
}

/* A reply with its code in front of each line, as it came. */
static void keep(struct buf *out, const struct smtp_reply *r)
{
    struct span rest = r->text, line;

    while (span_cut(&rest, '\n', &line)) {
        buf_addf(out, "%u%c", r->code, rest.n ? '-' : ' ');
        buf_add(out, line);
        buf_add_char(out, '\n');
    }
}

enum { HELP_COOKIE = 1 };

static void quit(struct visit *v)
{
    say(v, SMTP_STAGE_QUIT, "QUIT", 0);
}

static void on_ehlo(struct visit *v, const struct smtp_reply *r, bool helo)
{
    char line[300];

    if (r->code < 300) {
        keep(&v->signs->ehlo, r);
        /* HELP has no stage of its own: the cookie tells whose reply it is. */
        say(v, SMTP_STAGE_RSET, "HELP", HELP_COOKIE);
        return;
    }
    keep(&v->signs->reply, r);
    snprintf(line, sizeof(line), "HELO %s", v->me);
    if (helo || r->code == 421)
        quit(v);
    else
        say(v, SMTP_STAGE_HELO, line, 0);
}

static void on_reply(struct visit *v, const struct smtp_reply *r, const struct smtp_sent *to)
{
    char line[300];

    switch (to->stage) {
    case SMTP_STAGE_BANNER:
        keep(&v->signs->banner, r);
        snprintf(line, sizeof(line), "EHLO %s", v->me);
        if (r->code == 220)
            say(v, SMTP_STAGE_EHLO, line, 0);
        else
            quit(v);
        break;
    case SMTP_STAGE_EHLO:
    case SMTP_STAGE_HELO:
        on_ehlo(v, r, to->stage == SMTP_STAGE_HELO);
        break;
    case SMTP_STAGE_RSET:
        keep(r->code < 300 ? &v->signs->help : &v->signs->reply, r);
        quit(v);
        break;
    case SMTP_STAGE_STARTTLS:
    case SMTP_STAGE_AUTH:
    case SMTP_STAGE_XCLIENT:
    case SMTP_STAGE_XFORWARD:
    case SMTP_STAGE_MAIL:
    case SMTP_STAGE_RCPT:
    case SMTP_STAGE_DATA:
    case SMTP_STAGE_BODY:
    case SMTP_STAGE_QUIT:
    case SMTP_STAGES:
        over(v, "");
        break;
    }
}

static void on_data(void *cookie, struct conn *c, struct span bytes)
{
    struct visit *v = cookie;
    struct smtp_reply reply;
    struct smtp_sent to;

    while (!v->over) {
        int got = smtp_client_feed(&v->client, &bytes, &reply, &to);

        if (got == SMTP_CLIENT_MORE)
            return;
        if (got == SMTP_CLIENT_REPLY)
            on_reply(v, &reply, &to);
        else
            over(v, got < 0                  ? "out of memory"
                    : got == SMTP_CLIENT_BAD ? "what answers there is no SMTP server"
                                             : "");
    }
}

static void on_closed(void *cookie, struct conn *c, const struct conn_end *end)
{
    struct visit *v = cookie;
    char why[200];

    v->conn = NULL;
    snprintf(why, sizeof(why), "%s: %.150s", conn_reason_name(end->reason), end->text);
    /* A server that hangs up after its greeting has still greeted. */
    over(v, v->signs->banner.n ? "" : why);
}

static const struct conn_events events = {.data = on_data, .closed = on_closed};

static void on_time(void *cookie)
{
    struct visit *v = cookie;

    over(v, v->signs->banner.n ? "" : "no answer in time");
}

/* ---- may it be visited? ---- */

static bool may_visit(struct visit *v, struct store *store, const struct scope_list *scope,
                      const struct scope_list *never, struct span host)
{
    struct scope_question q = {.address = v->ip,
                               .names = &host,
                               .count = 1,
                               .own = v->args->own,
                               .now_wall = loop_wall(),
                               .gap_s = SCOPE_GAP};
    struct scope_decision d;
    char text[IP_TEXT_MAX];

    store_tested_get(store, v->ip, &q.last_wall);
    d = scope_decide(&q, scope, never);
    if (scope_answer_may(d.answer) &&
        (d.answer != SCOPE_OUTSIDE ||
         store_tested_claim(store, v->ip, q.now_wall, q.gap_s, &q.last_wall) != STORE_SOON))
        return true;
    fprintf(stderr, "%s: %s is not visited: %s%s%.60s%s\n", program, ip_text(v->ip, text), d.why,
            d.rule && d.rule->reason[0] ? ": " : "", d.rule ? d.rule->reason : "",
            d.answer == SCOPE_EXCLUDED ? "" : "; 24 hours lie between two visits, see --own");
    return false;
}

static int check_scope(struct visit *v, struct span host)
{
    struct scope_list scope = {0}, never = {0};
    char err[STATE_ERROR_MAX];
    struct store *store = NULL;
    struct state state;
    int rc = state_open(&state, v->args->state, true, err), status = 0;

    if (rc == 0)
        rc = state_store(&state, STORE_CREATE, &store, err);
    if (rc == 0)
        rc = state_lists(&state, store, v->args->scope, v->args->never, &scope, &never, err);
    if (rc < 0) {
        fprintf(stderr, "%s: %s\n", program, err);
        status = state_exit(rc);
    } else if (!may_visit(v, store, &scope, &never, host)) {
        status = EX_NOPERM;
    }
    scope_list_deinit(&scope);
    scope_list_deinit(&never);
    store_close(store);
    return status;
}

/* ---- where is it? ---- */

static void on_address(void *cookie, const struct dns_answer *a)
{
    struct visit *v = cookie;

    if (a->outcome == RESOLVER_FOUND && a->count)
        v->ip = a->ips[0];
    else
        snprintf(v->why, sizeof(v->why), "%s", a->text ? a->text : "no address");
    loop_stop(v->loop);
}

static int find(struct visit *v, struct span host)
{
    struct resolver_options options = {.server = v->args->resolver};
    char name[IDN_NAME_MAX], err[RESOLVER_ERROR_MAX] = "";

    if (ip_parse(host, &v->ip))
        return 0;
    if (!idn_to_ascii(host, name)) {
        fprintf(stderr, "%s: --host: that is no name of a host\n", program);
        return EX_USAGE;
    }
    if (resolver_new(v->loop, &options, &v->resolver, err) < 0) {
        fprintf(stderr, "%s: %s\n", program, err);
        return EX_OSERR;
    }
    if (resolver_addr(v->resolver, span_str(name), IP_NONE, on_address, v, NULL) < 0)
        return EX_OSERR;
    loop_run(v->loop);
    resolver_free(&v->resolver);
    if (v->ip.family != IP_NONE)
        return 0;
    fprintf(stderr, "%s: %s: %s\n", program, name, v->why);
    return EX_NOHOST;
}

static int speak(struct visit *v)
{
    struct conn_target to = {.ip = v->ip, .port = v->port, .timeout_ms = CONNECT_TIME};
    struct rights want = {.profile = RIGHTS_CLIENT};
    struct rights_done done;
    char text[IP_TEXT_MAX];

    rights_drop(&want, &done);
    if (smtp_client_init(&v->client, loop_now(v->loop)) < 0)
        return EX_OSERR;
    timer_init(&v->timer, on_time, v);
    timer_start(&v->timer, v->loop, v->args->timeout);
    if (conn_connect(v->loop, &to, &events, v, &v->conn) < 0)
        over(v, "no connection can be made");
    else
        loop_run(v->loop);
    timer_stop(&v->timer);
    conn_drop(&v->conn);
    smtp_client_deinit(&v->client);
    if (v->why[0] || !v->signs->banner.n) {
        fprintf(stderr, "%s: %s port %u: %s\n", program, ip_text(v->ip, text), v->port,
                v->why[0] ? v->why : "no greeting");
        return EX_UNAVAILABLE;
    }
    return 0;
}

int host_ask(const struct args *a, struct host_signs *ret)
{
    struct visit v = {.args = a, .signs = ret, .port = PORT};
    struct span host = span_str(a->host);
    int status;

    buf_init(&ret->banner, SIGN_MAX);
    buf_init(&ret->ehlo, SIGN_MAX);
    buf_init(&ret->help, SIGN_MAX);
    buf_init(&ret->reply, SIGN_MAX);
    if (!ip_host_port(span_str(a->host), &host, &v.port) || host.n == 0) {
        fprintf(stderr, "%s: --host: HOST or HOST:PORT\n", program);
        return EX_USAGE;
    }
    v.port = v.port ? v.port : PORT;
    if (gethostname(v.me, sizeof(v.me) - 1) < 0 || !v.me[0])
        snprintf(v.me, sizeof(v.me), "localhost");
    if (loop_new(&v.loop) < 0) {
        fprintf(stderr, "%s: no event loop can be had\n", program);
        return EX_OSERR;
    }
    status = find(&v, host);
    if (status == 0)
        status = check_scope(&v, host);
    if (status == 0)
        status = speak(&v);
    resolver_free(&v.resolver);
    loop_free(&v.loop);
    return status;
}

void host_signs_deinit(struct host_signs *s)
{
    buf_deinit(&s->banner);
    buf_deinit(&s->ehlo);
    buf_deinit(&s->help);
    buf_deinit(&s->reply);
}
