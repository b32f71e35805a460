/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A session's life. Octets arrive by callbacks; each callback ends in session_settle(), which goes
 * round until nothing more can be done: replies out, commands to the backend out, what the machine
 * wants, input that was kept. So every path ends in the same state, whatever woke it.
 *
 * Reading goes on while the machine waits for an answer: what a client says out of its turn must be
 * seen as such. What can't be fed now is kept, and then reading stops.
 */
#include "cmd/gate/sessions.h"

#include "base/mac.h"
#include "cmd/gate/hosts.h"
#include "cmd/gate/session_priv.h"
#include "io/log.h"
#include "smtp/proxy_in.h"
#include "smtp/proxy_tlv.h"

#include <errno.h>
#include <stdlib.h>

int64_t session_now(const struct session *s)
{
    return loop_now(s->all->loop);
}

static void session_free(struct session *s)
{
    struct sessions *all = s->all;

    link_drop(s);
    session_log(s, "");
    login_drop(&s->login);
    gate_pass_deinit(&s->pass);
    hygiene_end(&s->hygiene);
    gate_client_deinit(&s->client);
    timer_stop(&s->timer);
    free(s->decision);
    free(s->why);
    buf_deinit(&s->kept);
    conn_drop(&s->conn);
    if (s->counted)
        hosts_leave(all->hosts, s->client.ip);
    if (s->prev)
        s->prev->next = s->next;
    else
        all->first = s->next;
    if (s->next)
        s->next->prev = s->prev;
    all->count--;
    door_free(&s->door);
    free(s);
    if (all->draining && all->count == 0 && all->drained)
        timer_start(&all->drain_timer, all->loop, 0);
}

/* In the talk, and not in a handshake or an exchange of its own. */
static bool may_hold(const struct session *s)
{
    return s->conn && !s->all->draining &&
           (s->pass.server.state == SMTP_SERVER_COMMAND ||
            s->pass.server.state == SMTP_SERVER_ASKED);
}

/* The teergrube: a reply waits, and the client with it. True while it does. */
static bool hold_reply(struct session *s)
{
    bool after354 = s->verdict || (s->pass.mail && s->pass.mail->stage >= GATE_STAGE_TEXT);
    int64_t ms;

    if (s->held_until)
        return true;
    if (s->released || !may_hold(s)) {
        s->released = false;
        return false;
    }
    switch (hygiene_hold(&s->hygiene, after354, &ms)) {
    case TARPIT_GO:
        break;
    case TARPIT_HOLD:
        s->held_until = session_now(s) + ms;
        gate_pass_slim(&s->pass);
        return true;
    case TARPIT_REFUSE:
        gate_pass_shut(&s->pass, "Too much of this, try again later", session_now(s));
        break;
    }
    return false;
}

void session_count_tls(const struct session *s, enum metric which, const char *side)
{
    metrics_add_named(hygiene_metrics(s->all->hygiene), which, side, 1);
}

/* A reply that is held: a line of it, and the client goes on waiting. */
static void drip(struct session *s)
{
    struct buf line = BUF_INIT(SMTP_REPLY_MAX);

    if (tarpit_drip(&s->pass.server.out, &line)) {
        hygiene_dripped(&s->hygiene);
        conn_write(s->conn, buf_span(&line));
    }
    buf_deinit(&line);
}

void session_release(struct session *s)
{
    if (!s->held_until)
        return;
    s->held_until = 0;
    s->released = true;
    hygiene_release(&s->hygiene);
}

static bool send_replies(struct session *s)
{
    struct buf *out = &s->pass.server.out;
    int r;

    if (out->n == 0 || (hold_reply(s) && s->conn))
        return false;
    s->verdict = false;
    r = s->conn ? conn_write(s->conn, buf_span(out)) : 0;
    buf_clear(out);
    buf_shrink(out);
    if (r == -ENOBUFS || r == -ENOMEM)
        conn_abort(s->conn);
    return true;
}

/* Everything that can go out goes out. True when something did. */
static bool move(struct session *s)
{
    bool said = send_replies(s), sent = link_send(s), obeyed = link_obey(s);

    return said || sent || obeyed;
}

static bool may_feed(const struct session *s)
{
    return s->conn && !s->held_until && s->pass.want == GATE_WANT_NOTHING &&
           conn_queued(s->conn) < SESSION_CLIENT_HIGH && !link_congested(s);
}

/* Feeds one piece; how much was taken. */
static size_t feed(struct session *s, struct span bytes)
{
    return gate_pass_feed(&s->pass, span_slice(bytes, 0, GATE_PASS_PIECE), session_now(s));
}

static bool feed_kept(struct session *s)
{
    size_t n;

    if (s->kept.n == 0 || !may_feed(s))
        return false;
    n = feed(s, buf_span(&s->kept));
    buf_consume(&s->kept, n);
    if (s->kept.n == 0)
        buf_shrink(&s->kept);
    return n > 0;
}

/* The backend's deadline and its idle time. */
static void arm_timer(struct session *s)
{
    const struct gate_backend *b = s->pass.backend;
    int64_t at = b ? b->deadline : INT64_MAX;

    if (gate_pass_idle(&s->pass))
        at = session_now(s) + s->door->args.backend_idle;
    if (at == INT64_MAX)
        timer_stop(&s->timer);
    else
        timer_start_at(&s->timer, s->all->loop, at);
}

static void on_timer(void *cookie)
{
    struct session *s = cookie;

    if (gate_pass_idle(&s->pass))
        gate_pass_let_go(&s->pass, session_now(s));
    else
        gate_pass_backend_tick(&s->pass, session_now(s));
    session_settle(s);
}

/* Plain octets behind STARTTLS were injected: RFC 3207 §6. None of them is ever read. */
static void shake_hands(struct session *s)
{
    if (s->shaking)
        return;
    s->shaking = true;
    if (s->kept.n || !s->door->tls[s->kind] ||
        conn_tls_server(s->conn, s->door->tls[s->kind], SPAN_NULL) != CONN_TLS_STARTED) {
        log_warn("starttls", "session", s->client.id, "client", LOG_IP(s->client.ip), "text",
                 s->kept.n ? "octets in clear behind STARTTLS" : "TLS can't be started", NULL);
        conn_abort(s->conn);
    }
}

/* What the server machine wants of the client's connection. */
static void obey_server(struct session *s)
{
    struct smtp_server_todo todo = smtp_server_todo(&s->pass.server);
    bool congested = link_congested(s);

    /* Idle: TLS from the start is shaking hands, and greet() has set a time for that. */
    if (!s->conn || s->heading || s->pass.server.state == SMTP_SERVER_IDLE)
        return;
    if (s->held_until) {
        int64_t line_at = session_now(s) + TARPIT_DRIP;

        conn_deadline(s->conn, s->held_until < line_at ? s->held_until : line_at);
        conn_pause(s->conn);
        return;
    }
    if (todo.close || (s->eof && s->kept.n == 0 && s->pass.server.state != SMTP_SERVER_ASKED)) {
        conn_close(s->conn);
        return;
    }
    if (todo.start_tls)
        shake_hands(s);
    if (s->congested && !congested)
        smtp_server_excuse(&s->pass.server, session_now(s));
    s->congested = congested;
    todo = smtp_server_todo(&s->pass.server);
    conn_deadline(s->conn, todo.deadline == INT64_MAX || congested ? 0 : todo.deadline);
    if (s->kept.n || congested || conn_queued(s->conn) >= SESSION_CLIENT_HIGH)
        conn_pause(s->conn);
    else
        conn_resume(s->conn);
}

void session_settle(struct session *s)
{
    if (s->busy)
        return;
    s->busy = true;
    do {
        while (move(s))
            ;
    } while (feed_kept(s));
    s->busy = false;
    if (!s->conn && (!s->pass.gone || gate_pass_over(&s->pass))) {
        session_free(s);
        return;
    }
    if (s->all->draining && s->conn && !s->heading)
        session_release(s);
    if (s->all->draining && s->conn && !s->heading)
        gate_pass_shut(&s->pass, "Going down, try again later", session_now(s));
    while (move(s))
        ;
    gate_pass_slim(&s->pass);
    obey_server(s);
    arm_timer(s);
}

/* --- the client's connection ----------------------------------------------------------------- */

static void greet(struct session *s)
{
    if (s->kind == DOOR_SUBMISSIONS && !conn_secured(s->conn)) {
        conn_deadline(s->conn, session_now(s) + SESSION_TLS_WAIT);
        s->shaking = true;
        if (!s->door->tls[s->kind] ||
            conn_tls_server(s->conn, s->door->tls[s->kind], SPAN_NULL) != CONN_TLS_STARTED)
            conn_abort(s->conn);
        conn_tls_unread(s->conn, buf_span(&s->kept)); /* came with a PROXY header */
        buf_deinit(&s->kept);
        return;
    }
    s->pass.server.early = s->kept.n > 0 || conn_has_input(s->conn);
    gate_pass_start(&s->pass, session_now(s));
}

static void begin(struct session *s);

static void log_no_header(const struct session *s, const char *text)
{
    log_warn("proxy", "session", s->client.id, "peer", LOG_IP(s->client.peer), "text", text, NULL);
}

static void learn_header(struct session *s, const struct smtp_proxy_header *h)
{
    struct buf tlvs = BUF_INIT(SMTP_PROXY_TLVS_MAX);

    s->client.ip = h->from;
    s->client.port = h->from_port;
    s->client.local_ip = h->to;
    s->client.local_port = h->to_port;
    smtp_proxy_tlvs_pick(h->tlvs, &tlvs);
    if (!tlvs.err)
        gate_client_set_tlvs(&s->client, buf_span(&tlvs));
    buf_deinit(&tlvs);
}

/* The first octets of a balancer. What stands behind its header is the client's. */
static void take_header(struct session *s)
{
    struct smtp_proxy_header h;
    size_t used;
    enum smtp_proxy_got got = smtp_proxy_read(buf_span(&s->kept), &h, &used);

    if (got == SMTP_PROXY_MORE)
        return;
    if (got == SMTP_PROXY_BAD) {
        log_no_header(s, "the first octets are no PROXY header");
        conn_abort(s->conn);
        return;
    }
    s->client.balancer = got == SMTP_PROXY_LOCAL;
    s->client.ip_unknown = got == SMTP_PROXY_UNKNOWN;
    if (got == SMTP_PROXY_CLIENT)
        learn_header(s, &h);
    buf_consume(&s->kept, used);
    s->heading = false;
    s->client.proxied = true;
    s->client.ttl = 0;
    conn_deadline(s->conn, 0);
    begin(s);
    greet(s);
}

static void on_head(struct session *s, struct span bytes)
{
    buf_add(&s->kept, bytes);
    if (s->kept.err)
        conn_abort(s->conn);
    else
        take_header(s);
    if (!s->heading)
        session_settle(s);
}

static void on_data(void *cookie, struct conn *c, struct span bytes)
{
    struct session *s = cookie;

    if (s->heading) {
        on_head(s, bytes);
        return;
    }
    s->busy = true; /* settle() must not free us in here */
    while (bytes.n && s->kept.n == 0 && may_feed(s)) {
        size_t n = feed(s, bytes);
        bool said = false;

        bytes = span_slice(bytes, n, bytes.n);
        while (move(s))
            said = true;
        if (n == 0 && !said)
            break;
    }
    s->busy = false;
    if (bytes.n)
        buf_add(&s->kept, bytes);
    if (s->kept.err)
        conn_abort(c);
    session_settle(s);
}

static void on_drained(void *cookie, struct conn *c)
{
    session_settle(cookie);
}

static void learn_tls(struct session *s)
{
    struct conn_tls_info info;

    if (!conn_tls_info(s->conn, &info))
        return;
    s->client.tls = true;
    s->client.tls_version = info.version_name;
    s->client.tls_cipher = info.cipher_name;
    gate_client_set(&s->client.sni, span_str(info.sni));
    gate_client_set(&s->client.cert, span_str(info.spki));
    s->client.cert_ca = info.chain_ok && s->door->args.client_ca;
}

static void on_secured(void *cookie, struct conn *c)
{
    struct session *s = cookie;

    s->shaking = false;
    session_count_tls(s, METRIC_TLS, "client");
    learn_tls(s);
    gate_client_set(&s->client.login, SPAN_NULL); /* RFC 3207 §4.2 */
    gate_pass_tls(&s->pass, session_now(s));
    if (s->pass.server.state == SMTP_SERVER_IDLE)
        gate_pass_start(&s->pass, session_now(s));
    session_settle(s);
}

static void on_deadline(void *cookie, struct conn *c)
{
    struct session *s = cookie;

    if (s->heading || s->pass.server.state == SMTP_SERVER_IDLE) {
        if (s->heading)
            log_no_header(s, "no PROXY header came");
        conn_abort(c);
        return;
    }
    if (s->held_until && session_now(s) < s->held_until) {
        drip(s);
    } else if (s->held_until) {
        session_release(s);
    } else {
        gate_pass_tick(&s->pass, session_now(s));
    }
    session_settle(s);
}

/* Half-closed: the answers still go out, then the session ends. */
static void on_eof(void *cookie, struct conn *c)
{
    struct session *s = cookie;

    s->eof = true;
    if (s->heading || s->pass.server.state == SMTP_SERVER_IDLE)
        conn_close(c);
    else
        session_settle(s);
}

static void on_closed(void *cookie, struct conn *c, const struct conn_end *end)
{
    struct session *s = cookie;

    session_log(s, conn_reason_name(end->reason));
    if (s->shaking)
        session_count_tls(s, METRIC_TLS_FAILED, "client");
    s->conn = NULL;
    s->held_until = 0;
    hygiene_release(&s->hygiene);
    buf_deinit(&s->kept);
    login_drop(&s->login);
    gate_pass_client_gone(&s->pass, session_now(s));
    session_settle(s);
}

static const struct conn_events events = {
    .data = on_data,
    .drained = on_drained,
    .secured = on_secured,
    .eof = on_eof,
    .deadline = on_deadline,
    .closed = on_closed,
};

/* Time, worker, count: unique over restarts and workers, and in the order of time. */
static void set_id(struct session *s)
{
    uint64_t n = ((uint64_t)loop_wall() << 28) | ((uint64_t)(s->all->worker & 63) << 22) |
                 (s->all->ids++ & 0x3fffff);
    uint8_t bytes[8];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(n >> (8 * (7 - i)));
    base32_encode(bytes, sizeof(bytes), s->client.id);
}

static void begin(struct session *s)
{
    s->client.implicit_tls = s->kind == DOOR_SUBMISSIONS;
    room_count(s);
    hygiene_begin(s->all->hygiene, &s->hygiene, &s->client, s->door->policy, s->turned_away,
                  session_ready, s);
    gate_pass_init(&s->pass, &s->door->smtp[s->kind], &session_ops, s, &s->client);
    s->login = (struct login){.client = &s->client,
                              .answer = session_login_answer,
                              .told = session_login_told,
                              .owner = s};
    s->pass.clean = s->door->args.bare_newlines == GATE_BARE_REPLACE;
}

void sessions_accept(struct sessions *all, enum door_kind kind, struct conn *c)
{
    struct session *s = all->draining ? NULL : calloc(1, sizeof(*s));

    if (!s) {
        conn_drop(&c);
        return;
    }
    s->all = all;
    s->door = door_ref(all->door);
    s->conn = c;
    s->kind = (uint8_t)kind;
    s->started = loop_now(all->loop);
    buf_init(&s->kept, SESSION_KEPT_MAX);
    timer_init(&s->timer, on_timer, s);
    gate_client_init(&s->client);
    s->client.ip = s->client.peer = conn_peer_ip(c);
    s->client.port = conn_peer_port(c);
    s->client.local_ip = conn_local(c, &s->client.local_port);
    s->client.ttl = (uint8_t)conn_peer_ttl(c);
    s->client.role = kind == DOOR_MX ? GATE_ROLE_MX : GATE_ROLE_SUBMISSION;
    s->next = all->first;
    if (s->next)
        s->next->prev = s;
    all->first = s;
    all->count++;
    all->total++;
    set_id(s);
    conn_own(c, &events, s);
    s->heading = door_is_proxy(s->door, s->client.peer);
    if (s->heading) {
        conn_deadline(c, s->started + SESSION_PROXY_WAIT);
        return;
    }
    begin(s);
    greet(s);
    session_settle(s);
}

/* --- all of them ----------------------------------------------------------------------------- */

static void on_drain_time(void *cookie)
{
    struct sessions *all = cookie;

    while (all->first)
        session_free(all->first);
    timer_stop(&all->drain_timer);
    if (all->drained)
        all->drained(all->cookie);
    all->drained = NULL;
}

int sessions_open(struct sessions *all, struct loop *l, struct door *door, unsigned worker)
{
    *all = (struct sessions){.loop = l, .worker = worker};
    all->hosts = hosts_new();
    if (!all->hosts)
        return -ENOMEM;
    all->door = door_ref(door);
    timer_init(&all->drain_timer, on_drain_time, all);
    return 0;
}

void sessions_change(struct sessions *all, struct door *door)
{
    door_ref(door);
    door_free(&all->door);
    all->door = door;
}

void sessions_drain(struct sessions *all, int64_t wait, void (*drained)(void *cookie), void *cookie)
{
    struct session *next;

    all->draining = true;
    all->drained = drained;
    all->cookie = cookie;
    timer_start(&all->drain_timer, all->loop, all->count ? wait : 0);
    for (struct session *s = all->first; s; s = next) {
        next = s->next;
        session_settle(s);
    }
}

void sessions_close(struct sessions *all)
{
    all->draining = false;
    while (all->first)
        session_free(all->first);
    timer_stop(&all->drain_timer);
    hosts_free(all->hosts);
    all->hosts = NULL;
    door_free(&all->door);
}
