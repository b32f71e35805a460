/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A line in, a line out, for scripts that run after a login elsewhere:
 *
 *     allow 192.0.2.7 joe          ok new | ok longer | no space | no shared | no bad
 *     drop 192.0.2.7               ok | no
 *     has 192.0.2.7                ok <seconds> <user> <source> | no
 *
 * The kernel says whose process it is: root, our own user, and those of grants-users are heard,
 * others get "no right" and are let go. What is said is as good as a login, so the socket's mode
 * alone (0666: anyone may knock) is no answer to who may.
 */
#include "base/escape.h"
#include "cmd/gate/grant_sources.h"
#include "io/local.h"
#include "io/log.h"
#include "io/timer.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    LINE_MAX_HERE = 512,
    TALKS_MAX = 64,
    USERS_MAX = 32,
    IDLE = 60000, /* ms */
};

struct talk {
    struct local *stream;
    struct buf line;
    struct timer timer;
    struct talk *prev, *next;
};

static struct {
    struct loop *loop;
    struct local_listener *listener;
    struct talk *first;
    size_t talks;
    uid_t users[USERS_MAX];
    size_t user_count;
} the;

static void talk_free(struct talk *t)
{
    *(t->prev ? &t->prev->next : &the.first) = t->next;
    if (t->next)
        t->next->prev = t->prev;
    the.talks--;
    timer_stop(&t->timer);
    buf_deinit(&t->line);
    local_free(&t->stream);
    free(t);
}

static void reply(struct talk *t, const char *text)
{
    struct buf line = BUF_INIT(LINE_MAX_HERE * 2);

    buf_addf(&line, "%s\n", text);
    if (t->stream && line.err == 0)
        local_write(t->stream, buf_span(&line));
    buf_deinit(&line);
}

static void do_allow(struct talk *t, struct ip ip, struct span user)
{
    enum auth_grants_got got = grant_allow(ip, user, "socket");
    char text[40];

    snprintf(text, sizeof(text), "%s %s",
             got == AUTH_GRANTS_NEW || got == AUTH_GRANTS_LONGER ? "ok" : "no",
             auth_grants_got_name(got));
    reply(t, text);
}

static void do_has(struct talk *t, struct ip ip)
{
    struct buf line = BUF_INIT(LINE_MAX_HERE);
    struct auth_grant g;

    if (!grant_has(ip, &g)) {
        reply(t, "no");
        return;
    }
    buf_addf(&line, "ok %lld ", (long long)(g.until_wall - loop_wall()));
    escape_log(&line, g.user[0] ? span_str(g.user) : SPAN_LIT("-"));
    buf_addf(&line, " %s", g.source);
    reply(t, line.err ? "no" : buf_str(&line));
    buf_deinit(&line);
}

/* The user is all that is left of the line: names with blanks are names, too. */
static void do_line(struct talk *t, struct span line)
{
    struct span rest = line, verb = SPAN_NULL, text;
    struct ip ip;

    if (!span_word(&rest, &verb) || !span_word(&rest, &text) || !ip_parse(text, &ip)) {
        reply(t, "no bad");
        return;
    }
    rest = span_trim(rest);
    if (span_eq(verb, SPAN_LIT("allow")) && rest.n)
        do_allow(t, ip, rest);
    else if (span_eq(verb, SPAN_LIT("drop")) && !rest.n)
        reply(t, grant_drop(ip) ? "ok" : "no");
    else if (span_eq(verb, SPAN_LIT("has")) && !rest.n)
        do_has(t, ip);
    else
        reply(t, "no bad");
}

static void on_data(void *cookie, struct local *s, struct span bytes)
{
    struct talk *t = cookie;
    size_t end;

    timer_start(&t->timer, the.loop, IDLE);
    while ((end = span_find(bytes, '\n')) < bytes.n) {
        buf_add(&t->line, span_slice(bytes, 0, end));
        bytes = span_slice(bytes, end + 1, bytes.n);
        if (t->line.err)
            reply(t, "no bad");
        else
            do_line(t, buf_span(&t->line));
        buf_clear(&t->line);
    }
    buf_add(&t->line, bytes);
}

static void on_closed(void *cookie, struct local *s, int err)
{
    struct talk *t = cookie;

    t->stream = NULL;
    talk_free(t);
}

static void on_idle(void *cookie)
{
    talk_free(cookie);
}

static const struct local_events events = {.data = on_data, .closed = on_closed};

/* Whoever is sent away: the word still goes out. */
static void on_refused_data(void *cookie, struct local *s, struct span bytes)
{
}

static void on_refused_closed(void *cookie, struct local *s, int err)
{
}

static const struct local_events refused = {.data = on_refused_data, .closed = on_refused_closed};

static bool may_talk(const struct local *s, uid_t *ret)
{
    *ret = (uid_t)-1;
    if (local_peer_uid(s, ret) < 0)
        return false;
    for (size_t i = 0; i < the.user_count; i++)
        if (the.users[i] == *ret)
            return true;
    return *ret == 0 || *ret == geteuid();
}

static void on_talk(void *cookie, struct local *s)
{
    struct talk *t = the.talks < TALKS_MAX ? calloc(1, sizeof(*t)) : NULL;
    uid_t uid;

    if (!t || !may_talk(s, &uid)) {
        if (t)
            log_warn("grants-socket", "uid", LOG_NUM((int64_t)uid), "text",
                     "this user may not; see grants-users", NULL);
        local_own(s, &refused, NULL);
        local_write(s, t ? SPAN_LIT("no right\n") : SPAN_LIT("no room\n"));
        local_close(s);
        free(t);
        return;
    }
    t->stream = s;
    buf_init(&t->line, LINE_MAX_HERE);
    timer_init(&t->timer, on_idle, t);
    timer_start(&t->timer, the.loop, IDLE);
    t->next = the.first;
    if (t->next)
        t->next->prev = t;
    the.first = t;
    the.talks++;
    local_own(s, &events, t);
}

static int read_users(const struct option_list *list, char err[GRANT_ERROR_MAX])
{
    for (size_t i = 0; i < list->count; i++) {
        const struct passwd *pw = getpwnam(list->v[i]);

        if (!pw || the.user_count == USERS_MAX) {
            snprintf(err, GRANT_ERROR_MAX, "grants-users: %s: %s", list->v[i],
                     pw ? "too many" : "there is no such user");
            return -EINVAL;
        }
        the.users[the.user_count++] = pw->pw_uid;
    }
    return 0;
}

int grant_socket_open(struct loop *l, const struct gate_args *args, char err[GRANT_ERROR_MAX])
{
    char why[LOCAL_ERROR_MAX];
    int got = read_users(&args->grants_users, err);

    the.loop = l;
    if (got < 0)
        return got;
    got = local_listen(l, args->grants_socket, 0666, on_talk, NULL, &the.listener, why);
    if (got < 0)
        snprintf(err, GRANT_ERROR_MAX, "grants-socket: %s", why);
    return got;
}

void grant_socket_close(void)
{
    while (the.first)
        talk_free(the.first);
    local_listener_free(&the.listener);
    memset(&the, 0, sizeof(the));
}
