/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One a worker, so it is kept in static storage, as the bus is. Every outcome, at once or later,
 * goes through conclude(): there the brakes count, a failed login's reply is held back, the log
 * line is written and the exchange ends.
 *
 *     login_line ─► judge ─┬─ at once ──────────────► conclude ─► reply, or held by the timer
 *                          └─ hashing, Dovecot ─► login_outcome ─► conclude ─► ln->answer()
 *
 * Which mechanisms a session was shown must outlive it, and there are but a few different lists: so
 * each list is kept once, for good.
 */
#include "cmd/gate/login.h"

#include "auth/brakes.h"
#include "cmd/gate/login_judge.h"
#include "cmd/gate/login_spread.h"
#include "io/log.h"
#include "io/random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

enum {
    LISTS_MAX = 64,
    FAILURE_TIME = 600000, /* ms that a failed login is remembered */
    DELAY_FIRST = 1000,    /* ms */
    DELAY_MAX = 8000,
    TRIES_MAX = 5, /* failed logins in one session; then 421 */
};

struct cert_name {
    char hex[65];
    char login[AUTH_LOGIN_MAX + 1];
};

static struct {
    struct loop *loop;
    struct auth_library *lib;
    struct auth_users *users;      /* NULL: no file */
    struct login_dovecot *dovecot; /* NULL: no Dovecot */
    struct auth_brakes *brakes;
    struct auth_offer offer;
    struct cert_name *certs;
    size_t cert_count;
    char *lists[LISTS_MAX];
    size_t list_count;
    struct buf text; /* of a challenge, NUL-ended */
} the;

/* --- settings -------------------------------------------------------------------------------- */

static struct auth_brakes_config brakes_config(const struct gate_args *args)
{
    return (struct auth_brakes_config){
        .recipients_per_hour = args->recipients_per_hour,
        .prefixes_per_day = args->prefixes_per_day,
        .failures_max = args->login_failures,
        .failure_time = FAILURE_TIME,
        .delay_first = DELAY_FIRST,
        .delay_max = DELAY_MAX,
        .rows = AUTH_BRAKES_ROWS,
    };
}

/* "HEX name" of the setting `certs`: the names for EXTERNAL. */
static int read_certs(const struct option_list *list, struct cert_name **ret, size_t *ret_n)
{
    *ret_n = 0;
    *ret = calloc(list->count + 1, sizeof(**ret));
    if (!*ret)
        return -ENOMEM;
    for (size_t i = 0; i < list->count; i++) {
        struct span rest = span_str(list->v[i]), hex, name;
        struct cert_name *c = &(*ret)[*ret_n];

        if (span_word(&rest, &hex) && span_word(&rest, &name) && auth_login_ok(name) &&
            span_copy(hex, c->hex, sizeof(c->hex)) && span_copy(name, c->login, sizeof(c->login)))
            ++*ret_n;
    }
    return 0;
}

int login_check(const struct gate_args *args, char err[LOGIN_ERROR_MAX])
{
    struct auth_users *users = NULL;
    int status = 0;

    if (args->auth_dovecot && args->auth_file) {
        snprintf(err, LOGIN_ERROR_MAX,
                 "auth-dovecot and auth-file are both set; one of them has to judge");
        return EX_CONFIG;
    }
    if (args->auth_dovecot && !login_dovecot_place_ok(args->auth_dovecot, err))
        return EX_CONFIG;
    if (args->auth_file)
        status = login_file_read(args->auth_file, &users, err);
    auth_users_free(&users);
    return status;
}

static int out_of_memory(char err[LOGIN_ERROR_MAX])
{
    snprintf(err, LOGIN_ERROR_MAX, "logins: out of memory");
    return EX_OSERR;
}

static bool same_dovecot(const char *place)
{
    return the.dovecot && place && strcmp(login_dovecot_place(the.dovecot), place) == 0;
}

/* All that can fail comes first, then what was is replaced. */
static int take_settings(const struct gate_args *args, char err[LOGIN_ERROR_MAX])
{
    struct auth_users *users = NULL;
    struct login_dovecot *dovecot = NULL;
    struct cert_name *certs = NULL;
    size_t cert_count;
    int status = login_check(args, err);

    if (status == 0 && args->auth_file)
        status = login_file_read(args->auth_file, &users, err);
    if (status == 0 && args->auth_dovecot && !same_dovecot(args->auth_dovecot))
        status = login_dovecot_open(the.loop, args->auth_dovecot, &dovecot, err) < 0 ? EX_OSERR : 0;
    if (status == 0 && read_certs(&args->policy.certs, &certs, &cert_count) < 0)
        status = out_of_memory(err);
    if (status) {
        auth_users_free(&users);
        login_dovecot_free(&dovecot);
        return status;
    }
    auth_users_free(&the.users);
    the.users = users;
    if (!same_dovecot(args->auth_dovecot)) {
        login_dovecot_free(&the.dovecot);
        the.dovecot = dovecot;
    }
    free(the.certs);
    the.certs = certs;
    the.cert_count = cert_count;
    the.offer = (struct auth_offer){.file = users, .plain_loopback = args->auth_plain_loopback};
    return 0;
}

int login_open(struct loop *l, const struct gate_args *args, char err[LOGIN_ERROR_MAX])
{
    struct auth_brakes_config config = brakes_config(args);
    int status;

    the.loop = l;
    buf_init(&the.text, AUTH_RESPONSE_MAX + 1);
    if (random_bytes(config.key, sizeof(config.key)) < 0 || auth_library_new(&the.lib) < 0 ||
        auth_brakes_new(&config, &the.brakes) < 0)
        return out_of_memory(err);
    status = take_settings(args, err);
    if (status == 0)
        login_spread_open(the.loop, the.brakes);
    if (status == 0 && the.users)
        log_info("logins", "by", "file", "file", args->auth_file, "users",
                 LOG_NUM((int64_t)auth_users_count(the.users)), NULL);
    return status;
}

int login_reload(const struct gate_args *args, char err[LOGIN_ERROR_MAX])
{
    struct auth_brakes_config config = brakes_config(args);
    int status = take_settings(args, err);

    if (status == 0)
        auth_brakes_change(the.brakes, &config);
    return status;
}

void login_close(void)
{
    login_spread_close();
    login_dovecot_free(&the.dovecot);
    auth_users_free(&the.users);
    auth_brakes_free(&the.brakes);
    auth_library_free(&the.lib);
    free(the.certs);
    while (the.list_count > 0)
        free(the.lists[--the.list_count]);
    buf_deinit(&the.text);
    memset(&the, 0, sizeof(the));
}

/* --- what is offered ------------------------------------------------------------------------- */

static const char *cert_login(const struct gate_client *c)
{
    for (size_t i = 0; i < the.cert_count && *c->cert; i++)
        if (span_eq_nocase(span_str(the.certs[i].hex), span_str(c->cert)))
            return the.certs[i].login;
    return "";
}

static void learn_facts(const struct gate_client *c, const struct conn *conn,
                        uint8_t channel[LOGIN_CHANNEL], struct auth_facts *ret)
{
    *ret = (struct auth_facts){
        .ip = c->ip,
        .local_ip = c->local_ip,
        .port = c->port,
        .local_port = c->local_port,
        .tls = c->tls,
        .sni = c->sni,
        .cert_login = cert_login(c),
    };
    /* The channel is ours alone: behind a balancer that ends TLS there is none. */
    if (conn && conn_tls_exporter(conn, "EXPORTER-Channel-Binding", channel, LOGIN_CHANNEL))
        ret->channel = span_of(channel, LOGIN_CHANNEL);
}

/* The one copy of a list that is kept for good. */
static const char *keep_list(const char *list)
{
    for (size_t i = 0; i < the.list_count; i++)
        if (strcmp(the.lists[i], list) == 0)
            return the.lists[i];
    if (the.list_count == LISTS_MAX || !(the.lists[the.list_count] = strdup(list)))
        return "";
    return the.lists[the.list_count++];
}

static void offer(const struct auth_facts *facts, struct buf *out)
{
    struct auth_offer none = {0};

    if (the.dovecot) {
        login_dovecot_offer(the.dovecot, &the.offer, facts, out);
        /* Certificates are ours to know, whoever judges passwords. */
        if (*facts->cert_login && !span_has_nocase(buf_span(out), SPAN_LIT("EXTERNAL")))
            auth_sasl_offer(&none, facts, out);
    } else {
        auth_sasl_offer(&the.offer, facts, out);
    }
}

const char *login_mechs(const struct login *ln, const struct conn *conn)
{
    struct buf list = BUF_INIT(1000);
    uint8_t channel[LOGIN_CHANNEL];
    struct auth_facts facts;
    const char *kept;

    learn_facts(ln->client, conn, channel, &facts);
    offer(&facts, &list);
    kept = list.err ? "" : keep_list(buf_str(&list));
    buf_deinit(&list);
    return kept;
}

/* --- outcomes -------------------------------------------------------------------------------- */

static const struct smtp_say *reply_to(enum auth_got got)
{
    static const struct smtp_say says[] = {
        [AUTH_OK] = {235, "2.7.0", "Authentication successful"},
        [AUTH_FAIL] = {535, "5.7.8", "Authentication credentials invalid"},
        [AUTH_BAD] = {501, "5.5.2", "Cannot decode that response"},
        [AUTH_TOO_LONG] = {500, "5.5.6", "Authentication exchange line is too long"},
        [AUTH_UNKNOWN] = {504, "5.5.4", "Unrecognized authentication mechanism"},
        [AUTH_WEAK] = {538, "5.7.11", "Encryption required for this mechanism"},
        [AUTH_TEMP] = {454, "4.7.0", "Temporary authentication failure"},
    };

    return &says[got];
}

static void log_login(const struct login *ln, const char *mech, const char *who, const char *result)
{
    log_info("login", "result", result, "session", ln->client->id, "client", LOG_IP(ln->client->ip),
             "user", LOG_STR(who), "mech", mech, "tls", ln->client->tls ? "yes" : "no", NULL);
    ln->told(ln->owner, mech, who, result);
}

static void try_free(struct login_try *t)
{
    t->login->try = NULL;
    auth_sasl_free(&t->sasl);
    loop_undefer(&t->work);
    timer_stop(&t->timer);
    explicit_bzero(t->channel, sizeof(t->channel));
    free(t);
}

static void say_got(struct login *ln, enum auth_got got, struct smtp_say *ret)
{
    *ret = *reply_to(got);
    if (got == AUTH_FAIL && ln->failed >= TRIES_MAX)
        *ret = (struct smtp_say){421, "4.7.0", "Too many failed logins"};
}

/* 235, or 454 where the login comes from too many networks. */
static void let_in(struct login_try *t, const char *who, struct smtp_say *ret)
{
    struct login *ln = t->login;
    enum auth_brake brake =
        auth_brakes_login(the.brakes, span_str(who), ln->client->ip, loop_now(the.loop));

    if (brake != AUTH_BRAKE_NONE) {
        log_warn("brake", "which", auth_brake_name(brake), "session", ln->client->id, "client",
                 LOG_IP(ln->client->ip), "user", LOG_STR(who), "text",
                 "this login came from too many networks today", NULL);
        *ret = (struct smtp_say){454, "4.7.0", "This login is used from too many places"};
    } else if (!gate_client_set(&ln->client->login, span_str(who))) {
        *ret = *reply_to(AUTH_TEMP);
    } else {
        login_spread_try(span_str(who), ln->client->ip, true);
        log_login(ln, t->mech, who, "ok");
        *ret = *reply_to(AUTH_OK);
    }
}

/* The end of the time that a failure's reply is held back. */
static void on_held(void *cookie)
{
    struct login_try *t = cookie;
    struct login *ln = t->login;
    struct smtp_say say;

    say_got(ln, t->held, &say);
    try_free(t);
    ln->answer(ln->owner, &say);
}

/*
 * What an outcome means. Frees the try unless it goes on: NOW with 334, or LATER, when the reply is
 * held back.
 */
static enum smtp_now conclude(struct login_try *t, enum auth_got got, struct span text,
                              const char *who, struct smtp_say *ret)
{
    struct login *ln = t->login;
    int64_t delay;

    if (got == AUTH_CHALLENGE) {
        buf_clear(&the.text);
        buf_add(&the.text, text);
        *ret = (struct smtp_say){334, NULL, buf_str(&the.text)};
        return SMTP_NOW;
    }
    if (got == AUTH_OK) {
        let_in(t, who, ret);
        try_free(t);
        return SMTP_NOW;
    }
    log_login(ln, t->mech, who, got == AUTH_FAIL ? "failed" : auth_got_name(got));
    ln->failed += got == AUTH_FAIL;
    if (got == AUTH_FAIL) {
        delay = auth_brakes_failed(the.brakes, span_str(who), ln->client->ip, loop_now(the.loop));
        login_spread_try(span_str(who), ln->client->ip, false);
        t->held = got;
        timer_init(&t->timer, on_held, t);
        timer_start(&t->timer, the.loop, delay);
        return SMTP_LATER;
    }
    say_got(ln, got, ret);
    try_free(t);
    return SMTP_NOW;
}

void login_outcome(struct login_try *t, enum auth_got got, struct span text, const char *who)
{
    struct login *ln = t->login;
    struct smtp_say say;

    timer_stop(&t->timer);
    if (conclude(t, got, text, who, &say) == SMTP_NOW)
        ln->answer(ln->owner, &say);
}

/* --- the talk -------------------------------------------------------------------------------- */

static void on_work(void *cookie)
{
    struct login_try *t = cookie;
    struct auth_answer a;
    enum auth_got got = auth_sasl_work(t->sasl, LOGIN_WORK_ROUNDS, &a);

    if (got == AUTH_WORK)
        loop_defer(the.loop, &t->work);
    else
        login_outcome(t, got, a.text, a.login);
}

static struct login_try *try_new(struct login *ln, const struct conn *conn, struct span arg)
{
    struct login_try *t = calloc(1, sizeof(*t));
    struct span mech = SPAN_NULL, rest = arg;

    if (!t)
        return NULL;
    t->login = ln;
    t->offer = the.offer;
    t->work = (struct deferred)DEFERRED(on_work, t);
    learn_facts(ln->client, conn, t->channel, &t->facts);
    /* A reload may take the name's home away. */
    span_copy(span_str(t->facts.cert_login), t->cert_login, sizeof(t->cert_login));
    t->facts.cert_login = t->cert_login;
    if (!span_word(&rest, &mech) || !span_copy(mech, t->mech, sizeof(t->mech)))
        span_copy(SPAN_LIT("?"), t->mech, sizeof(t->mech));
    ln->try = t;
    return t;
}

static bool is_external(struct span arg)
{
    struct span mech;

    return span_word(&arg, &mech) && span_eq_nocase(mech, SPAN_LIT("EXTERNAL"));
}

static enum auth_got ask_judge(struct login_try *t, struct span line, bool first,
                               struct auth_answer *a)
{
    struct login_dovecot *d = the.dovecot;

    *a = (struct auth_answer){.login = ""};
    if (!first && t->sasl)
        return auth_sasl_step(t->sasl, line, a);
    if (!first)
        return d ? login_dovecot_continue(d, t, line) : AUTH_TEMP;
    if (d && !(is_external(line) && *t->facts.cert_login))
        return login_dovecot_ask(d, t, line);
    return auth_sasl_start(the.lib, the.users, &t->offer, &t->facts, line, &t->sasl, a);
}

static bool may_try(struct login *ln, struct smtp_say *ret)
{
    enum auth_brake brake = auth_brakes_try(the.brakes, ln->client->ip, loop_now(the.loop));

    if (brake == AUTH_BRAKE_NONE)
        return true;
    log_warn("brake", "which", auth_brake_name(brake), "session", ln->client->id, "client",
             LOG_IP(ln->client->ip), "text", "too many failed logins from there", NULL);
    *ret = (struct smtp_say){454, "4.7.0", "Too many failed logins, try again later"};
    return false;
}

enum smtp_now login_line(struct login *ln, const struct conn *conn, struct span line, bool first,
                         struct smtp_say *ret)
{
    struct login_try *t = ln->try;
    struct auth_answer a;
    enum auth_got got;

    if (first) {
        login_drop(ln);
        if (!may_try(ln, ret))
            return SMTP_NOW;
        t = try_new(ln, conn, line);
    }
    if (!t) {
        *ret = *reply_to(AUTH_TEMP);
        return SMTP_NOW;
    }
    got = ask_judge(t, line, first, &a);
    if (got == AUTH_WORK)
        loop_defer(the.loop, &t->work);
    if (got == AUTH_WORK || got == AUTH_ASK)
        return SMTP_LATER;
    return conclude(t, got, a.text, a.login, ret);
}

void login_drop(struct login *ln)
{
    struct login_try *t = ln->try;

    if (!t)
        return;
    login_dovecot_cancel(t);
    try_free(t);
}

bool login_recipient(const struct login *ln, struct smtp_say *ret)
{
    struct span login = span_str(ln->client->login);
    enum auth_brake brake = auth_brakes_recipient(the.brakes, login, loop_now(the.loop));

    if (brake != AUTH_BRAKE_NONE) {
        log_warn("brake", "which", auth_brake_name(brake), "session", ln->client->id, "client",
                 LOG_IP(ln->client->ip), "user", ln->client->login, "text",
                 "this login has had its recipients for the hour", NULL);
        *ret = (struct smtp_say){450, "4.7.1", "Too many recipients for this login, try later"};
        return false;
    }
    login_spread_recipient(login);
    return true;
}
