/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every verb but status becomes a line of the bus, so that it reaches all workers in the way that
 * their own news do. Worker 0 has the socket.
 */
#include "cmd/gate/admin.h"

#include "base/ip.h"
#include "cmd/gate/bus.h"
#include "cmd/gate/grant.h"
#include "cmd/gate/guard_probe.h"
#include "gate/trap.h"
#include "io/log.h"
#include "io/timer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { LINE = 1000, ANSWER_MAX = 1 << 18, PATIENCE = 10000, TALKS_MAX = 16 };

struct admin {
    struct loop *loop;
    struct local_listener *listener;
    struct admin_config config;
    struct talk *talks;
    unsigned count;
};

struct talk {
    struct admin *admin;
    struct talk *next, **link;
    struct local *stream;
    struct buf line;
    struct timer timer;
};

static void talk_free(struct talk *t)
{
    if (t->next)
        t->next->link = t->link;
    *t->link = t->next;
    t->admin->count--;
    local_free(&t->stream);
    timer_stop(&t->timer);
    buf_deinit(&t->line);
    free(t);
}

static bool word_is(struct span word, const char *text)
{
    return span_eq(word, span_str(text));
}

/* The address as we write it, or false with the answer given. */
static bool take_ip(struct span *rest, char ret[IP_TEXT_MAX], struct buf *out)
{
    struct span word = SPAN_NULL;
    struct ip ip;

    if (!span_word(rest, &word) || !ip_parse(word, &ip)) {
        buf_add_str(out, "error needs an address\n");
        return false;
    }
    ip_text(ip, ret);
    return true;
}

static void done(struct buf *out, bool said)
{
    buf_add_str(out, said ? "ok\n" : "error could not be passed on\n");
}

static void do_grant(struct admin *a, struct span rest, struct buf *out)
{
    struct span user = SPAN_NULL;
    char text[IP_TEXT_MAX];
    struct ip ip = {0};

    if (!take_ip(&rest, text, out))
        return;
    if (!span_word(&rest, &user)) {
        buf_add_str(out, "error needs a user\n");
        return;
    }
    ip_parse(span_str(text), &ip);
    switch (grant_allow(ip, user, "ctl")) {
    case AUTH_GRANTS_NEW:
    case AUTH_GRANTS_LONGER:
        buf_add_str(out, "ok\n");
        break;
    case AUTH_GRANTS_SPACE:
        buf_add_str(out, "error nobody owns such an address; see grant-networks\n");
        break;
    case AUTH_GRANTS_SHARED:
        buf_add_str(out, "error more users than grant-users-max share this address\n");
        break;
    case AUTH_GRANTS_PAST:
    case AUTH_GRANTS_BAD:
        buf_add_str(out, "error this can be no user\n");
        break;
    }
}

static void do_trap(struct admin *a, struct span rest, struct buf *out)
{
    char text[IP_TEXT_MAX];
    struct ip ip = {0};
    struct span why;

    if (!take_ip(&rest, text, out))
        return;
    ip_parse(span_str(text), &ip);
    if (!trap_fit(ip)) {
        buf_add_str(out, "error not a public address\n");
        return;
    }
    why = span_slice(span_trim(rest), 0, 200);
    done(out,
         bus_say("trap %s %lld %.*s", text, (long long)(loop_wall() + a->config.trap_time / 1000),
                 (int)(why.n ? why.n : 5), why.n ? why.p : "admin"));
}

static void do_untrap(struct admin *a, struct span rest, struct buf *out)
{
    char ip[IP_TEXT_MAX];

    if (take_ip(&rest, ip, out))
        done(out, bus_say("untrap %s", ip));
}

static void do_guard(struct admin *a, struct span rest, struct buf *out)
{
    if (word_is(span_trim(rest), "clear"))
        done(out, bus_say("guard clear admin"));
    else if (word_is(span_trim(rest), "probe"))
        guard_probe_begin(out);
    else
        buf_add_str(out, "error knows only: guard clear, guard probe\n");
}

static void do_status(struct admin *a, struct span rest, struct buf *out)
{
    buf_add_str(out, "ok\n");
    a->config.status(a->config.cookie, out);
}

static void do_reload(struct admin *a, struct span rest, struct buf *out)
{
    done(out, bus_say("reload now"));
}

static void do_drain(struct admin *a, struct span rest, struct buf *out)
{
    done(out, bus_say("drain now"));
}

static const struct {
    const char *name;
    void (*fn)(struct admin *a, struct span rest, struct buf *out);
} verbs[] = {
    {"status", do_status}, {"reload", do_reload}, {"drain", do_drain}, {"grant", do_grant},
    {"trap", do_trap},     {"untrap", do_untrap}, {"guard", do_guard},
};

static void obey(struct talk *t, struct span line)
{
    struct buf out = BUF_INIT(ANSWER_MAX);
    struct span verb = SPAN_NULL;
    bool known = false;

    log_info("admin", "command", LOG_SPAN(line), NULL);
    span_word(&line, &verb);
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (!word_is(verb, verbs[i].name))
            continue;
        known = true;
        verbs[i].fn(t->admin, line, &out);
    }
    if (!known)
        buf_add_str(&out, "error knows status, reload, drain, grant, trap, untrap, guard\n");
    local_write(t->stream, buf_span(&out));
    local_close(t->stream);
    buf_deinit(&out);
}

static void on_data(void *cookie, struct local *s, struct span bytes)
{
    struct talk *t = cookie;
    size_t n;

    buf_add(&t->line, bytes);
    n = span_find(buf_span(&t->line), '\n');
    if (t->line.err)
        talk_free(t);
    else if (n < t->line.n)
        obey(t, span_slice(buf_span(&t->line), 0, n));
}

static void on_closed(void *cookie, struct local *s, int err)
{
    struct talk *t = cookie;

    t->stream = NULL;
    talk_free(t);
}

static void on_time(void *cookie)
{
    talk_free(cookie);
}

static const struct local_events events = {.data = on_data, .closed = on_closed};

static void on_talk(void *cookie, struct local *s)
{
    struct admin *a = cookie;
    struct talk *t = NULL;
    uid_t who;

    if (a->count < TALKS_MAX && local_peer_uid(s, &who) == 0 && (who == 0 || who == geteuid()))
        t = calloc(1, sizeof(*t));
    if (!t) {
        local_free(&s);
        return;
    }
    t->admin = a;
    t->stream = s;
    buf_init(&t->line, LINE);
    timer_init(&t->timer, on_time, t);
    timer_start(&t->timer, a->loop, PATIENCE);
    t->next = a->talks;
    t->link = &a->talks;
    if (t->next)
        t->next->link = &t->next;
    a->talks = t;
    a->count++;
    local_own(s, &events, t);
}

int admin_open(struct loop *l, const struct admin_config *config, struct admin **ret,
               char err[LOCAL_ERROR_MAX])
{
    struct admin *a = calloc(1, sizeof(*a));
    int r = -ENOMEM;

    snprintf(err, LOCAL_ERROR_MAX, "out of memory");
    if (a) {
        a->loop = l;
        a->config = *config;
        r = local_listen(l, config->path, 0600, on_talk, a, &a->listener, err);
    }
    if (r < 0)
        free(a);
    else
        *ret = a;
    return r;
}

void admin_close(struct admin **pa)
{
    struct admin *a = *pa;

    if (!a)
        return;
    *pa = NULL;
    while (a->talks)
        talk_free(a->talks);
    local_listener_free(&a->listener);
    free(a);
}
