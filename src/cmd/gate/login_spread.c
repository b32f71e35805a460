/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first recipient is told at once, those that follow closely are added up for a moment: a
 * mailing of a thousand is some lines then, and a limit is passed by a few at most. Who fails to
 * log in comes as often as he likes, so those lines are bounded; beyond the bound each worker
 * brakes by what it has seen itself.
 */
#include "cmd/gate/login_spread.h"

#include "auth/sasl.h"
#include "base/escape.h"
#include "base/num.h"
#include "cmd/gate/bus.h"
#include "io/timer.h"

#include <unistd.h>

static struct {
    struct loop *loop;
    struct auth_brakes *brakes;
    struct timer timer;
    struct {
        char login[AUTH_LOGIN_MAX + 1];
        unsigned recipients;
    } rows[LOGIN_SPREAD_ROWS];
    size_t count;
} the;

/* "anna", "-" for none. */
static bool write_login(struct buf *out, struct span login)
{
    escape_uri(out, login);
    if (out->n == 0)
        buf_add_char(out, '-');
    return out->err == 0;
}

static bool read_login(struct span word, struct buf *out)
{
    return span_eq(word, SPAN_LIT("-")) || escape_uri_undo(out, word);
}

static void on_time(void *cookie)
{
    for (size_t i = 0; i < the.count; i++) {
        struct buf name = BUF_INIT(BUS_LINE_MAX);

        if (write_login(&name, span_str(the.rows[i].login)))
            bus_say("brake %ld %s %u", (long)getpid(), buf_str(&name), the.rows[i].recipients);
        buf_deinit(&name);
    }
    if (the.count)
        timer_start(&the.timer, the.loop, LOGIN_SPREAD_EVERY);
    the.count = 0;
}

void login_spread_recipient(struct span login)
{
    size_t i = 0;

    if (!bus_shared())
        return;
    while (i < the.count && !span_eq(span_str(the.rows[i].login), login))
        i++;
    if (i == LOGIN_SPREAD_ROWS) {
        on_time(NULL);
        i = 0;
    }
    if (i == the.count) {
        if (!span_copy(login, the.rows[i].login, sizeof(the.rows[i].login)))
            return;
        the.rows[i].recipients = 0;
        the.count++;
    }
    the.rows[i].recipients++;
    if (!timer_running(&the.timer))
        on_time(NULL);
}

void login_spread_try(struct span login, struct ip ip, bool ok)
{
    struct buf name = BUF_INIT(BUS_LINE_MAX);
    char text[IP_TEXT_MAX];

    if (bus_shared() && write_login(&name, login))
        bus_count("login", "%s %s %s", ok ? "ok" : "failed", ip_text(ip, text), buf_str(&name));
    buf_deinit(&name);
}

static void on_brake(void *cookie, struct span words)
{
    struct buf plain = BUF_INIT(AUTH_LOGIN_MAX);
    struct span login, count;
    uint64_t n;

    if (bus_counted(&words) && span_word(&words, &login) && span_word(&words, &count) &&
        num_u64(count, 1, UINT32_MAX, &n) && read_login(login, &plain))
        auth_brakes_heard(the.brakes, buf_span(&plain), (unsigned)n, loop_now(the.loop));
    buf_deinit(&plain);
}

/* What a brake would say now is the business of the worker that has the session. */
static void on_login(void *cookie, struct span words)
{
    struct buf plain = BUF_INIT(AUTH_LOGIN_MAX);
    struct span result, text, login;
    struct ip ip;

    if (bus_counted(&words) && span_word(&words, &result) && span_word(&words, &text) &&
        span_word(&words, &login) && ip_parse(text, &ip) && read_login(login, &plain)) {
        if (span_eq(result, SPAN_LIT("ok")))
            auth_brakes_login(the.brakes, buf_span(&plain), ip, loop_now(the.loop));
        else
            auth_brakes_failed(the.brakes, buf_span(&plain), ip, loop_now(the.loop));
    }
    buf_deinit(&plain);
}

void login_spread_open(struct loop *l, struct auth_brakes *brakes)
{
    the.loop = l;
    the.brakes = brakes;
    timer_init(&the.timer, on_time, NULL);
    bus_hear("brake", on_brake, NULL);
    bus_hear("login", on_login, NULL);
}

void login_spread_close(void)
{
    timer_stop(&the.timer);
    the.count = 0;
}
