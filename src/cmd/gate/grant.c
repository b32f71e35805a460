/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The worker that hears of a login puts it into its own table first, since whoever told it wants to
 * know what became of it, and then says it on the bus. Hearing its own words again changes nothing:
 * the same user at the same address only makes the same grant last as long as it does.
 *
 *     grant <ip> <until> <user> <source>        a user is written as a part of a URI, "-" is none
 *     ungrant <ip>
 *     shared <ip> <seen>                        to a worker that is new
 */
#include "cmd/gate/grant.h"

#include "base/escape.h"
#include "base/num.h"
#include "cmd/gate/bus.h"
#include "cmd/gate/grant_sources.h"
#include "io/log.h"
#include "io/random.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

enum { SHARED_TIME = 86400 }; /* seconds that the users of an address are remembered */

static struct {
    struct auth_grants *grants;
    int64_t life; /* seconds */
    struct ip_prefix *from;
    size_t from_count;
    struct metrics *metrics; /* NULL: nobody counts */
    bool listens, loopback;  /* loopback: nothing was listed */
    char *places[4];         /* of the sources, to see a reload that would change them */
} the;

static int networks_of(const struct option_list *list, const char *name, struct ip_prefix **ret,
                       size_t *ret_n, char err[GRANT_ERROR_MAX])
{
    struct ip_prefix *nets = calloc(list->count + 1, sizeof(*nets));

    if (!nets) {
        snprintf(err, GRANT_ERROR_MAX, "%s: out of memory", name);
        return EX_OSERR;
    }
    for (size_t i = 0; i < list->count; i++)
        if (!ip_prefix_parse(span_str(list->v[i]), &nets[i])) {
            snprintf(err, GRANT_ERROR_MAX, "%s: \"%s\" is no network", name, list->v[i]);
            free(nets);
            return EX_CONFIG;
        }
    *ret = nets;
    *ret_n = list->count;
    return 0;
}

int grant_check(const struct gate_args *args, char err[GRANT_ERROR_MAX])
{
    struct ip_prefix *nets = NULL;
    size_t n;
    int status = networks_of(&args->grant_networks, "grant-networks", &nets, &n, err);

    free(nets);
    nets = NULL;
    if (status == 0)
        status = networks_of(&args->grants_from, "grants-from", &nets, &n, err);
    free(nets);
    for (size_t i = 0; status == 0 && i < args->grants_users.count; i++) {
        if (getpwnam(args->grants_users.v[i]))
            continue;
        snprintf(err, GRANT_ERROR_MAX, "grants-users: %s: there is no such user",
                 args->grants_users.v[i]);
        status = EX_CONFIG;
    }
    return status;
}

static int make_table(const struct auth_grants_config *config)
{
    struct auth_grants_config with = *config;

    if (the.grants)
        return auth_grants_change(the.grants, config);
    if (random_bytes(with.key, sizeof(with.key)) < 0)
        return -EIO;
    return auth_grants_new(&with, &the.grants);
}

static int take_settings(const struct gate_args *args, char err[GRANT_ERROR_MAX])
{
    struct auth_grants_config config = {
        .life_max = args->grant_time / 1000,
        .users_max = args->grant_users_max,
        .shared_time = SHARED_TIME,
        .rows = AUTH_GRANTS_ROWS,
    };
    struct ip_prefix *listed = NULL, *from = NULL;
    size_t listed_n = 0, from_n = 0;
    int status = networks_of(&args->grant_networks, "grant-networks", &listed, &listed_n, err);

    if (status == 0)
        status = networks_of(&args->grants_from, "grants-from", &from, &from_n, err);
    config.listed = listed;
    config.listed_n = listed_n;
    if (status == 0 && make_table(&config) < 0) {
        snprintf(err, GRANT_ERROR_MAX, "login grants: out of memory");
        status = EX_OSERR;
    }
    free(listed);
    if (status) {
        free(from);
        return status;
    }
    free(the.from);
    the.from = from;
    the.from_count = from_n;
    the.loopback = from_n == 0;
    the.life = config.life_max;
    return 0;
}

bool grant_from(struct ip ip)
{
    for (size_t i = 0; i < the.from_count; i++)
        if (ip_prefix_has(the.from[i], ip))
            return true;
    return the.loopback && ip_space(ip) == IP_LOOPBACK;
}

/* --- the bus --------------------------------------------------------------------------------- */

static void on_grant(void *cookie, struct span words)
{
    struct span ip_text, until_text, user_text, source;
    struct buf user = BUF_INIT(AUTH_LOGIN_MAX);
    uint64_t until;
    struct ip ip;

    if (span_word(&words, &ip_text) && span_word(&words, &until_text) &&
        span_word(&words, &user_text) && span_word(&words, &source) && ip_parse(ip_text, &ip) &&
        num_u64(until_text, 0, INT64_MAX, &until) &&
        (span_eq(user_text, SPAN_LIT("-")) || escape_uri_undo(&user, user_text)))
        auth_grants_allow(the.grants, ip, (int64_t)until, buf_span(&user), source, loop_wall());
    buf_deinit(&user);
}

static void on_ungrant(void *cookie, struct span words)
{
    struct span text;
    struct ip ip;

    if (span_word(&words, &text) && ip_parse(text, &ip))
        auth_grants_drop(the.grants, ip);
}

static void on_shared(void *cookie, struct span words)
{
    struct span text, seen;
    uint64_t wall;
    struct ip ip;

    if (span_word(&words, &text) && span_word(&words, &seen) && ip_parse(text, &ip) &&
        num_u64(seen, 0, INT64_MAX, &wall))
        auth_grants_share(the.grants, ip, (int64_t)wall);
}

static void add_grant(struct buf *out, struct ip ip, int64_t until, struct span user,
                      const char *source)
{
    char text[IP_TEXT_MAX];
    size_t before;

    buf_addf(out, "grant %s %lld ", ip_text(ip, text), (long long)until);
    before = out->n;
    escape_uri(out, user);
    if (out->n == before)
        buf_add_char(out, '-');
    buf_addf(out, " %s", source);
}

static void say_grant(struct ip ip, int64_t until, struct span user, const char *source)
{
    struct buf line = BUF_INIT(BUS_LINE_MAX);

    add_grant(&line, ip, until, user, source);
    if (line.err == 0)
        bus_say("%s", buf_str(&line));
    buf_deinit(&line);
}

static void add_line(void *cookie, const struct auth_grant *g)
{
    struct buf *out = cookie;

    add_grant(out, g->ip, g->until_wall, span_str(g->user), g->source);
    buf_add_char(out, '\n');
}

static void add_shared(void *cookie, struct ip ip, int64_t seen)
{
    buf_addf(cookie, "shared %s %lld\n", LOG_IP(ip), (long long)seen);
}

static void tell(void *cookie, struct buf *out)
{
    grant_each(add_line, out);
    auth_grants_each_shared(the.grants, loop_wall(), add_shared, out);
}

/* --- what others call ------------------------------------------------------------------------ */

static void log_grant(struct ip ip, struct span user, const char *source, enum auth_grants_got got,
                      int64_t until)
{
    static const char *const why[] = {
        [AUTH_GRANTS_SPACE] = "nobody owns such an address; see grant-networks",
        [AUTH_GRANTS_SHARED] = "more users than grant-users-max share it",
        [AUTH_GRANTS_BAD] = "no address, or a name that can't be one",
    };

    if (got == AUTH_GRANTS_NEW && the.metrics)
        metrics_add(the.metrics, METRIC_GRANTS, 0, 1);
    if (got == AUTH_GRANTS_LONGER)
        log_debug("grant", "result", auth_grants_got_name(got), "client", LOG_IP(ip), "user",
                  LOG_SPAN(user), "source", source, "until", LOG_NUM(until), NULL);
    else if (got == AUTH_GRANTS_NEW)
        log_info("grant", "result", auth_grants_got_name(got), "client", LOG_IP(ip), "user",
                 LOG_SPAN(user), "source", source, "until", LOG_NUM(until), NULL);
    else if (got != AUTH_GRANTS_PAST)
        log_warn("grant", "result", auth_grants_got_name(got), "client", LOG_IP(ip), "user",
                 LOG_SPAN(user), "source", source, "text", why[got], NULL);
}

enum auth_grants_got grant_allow(struct ip ip, struct span user, const char *source)
{
    int64_t now = loop_wall(), until = now + the.life;
    enum auth_grants_got got =
        auth_grants_allow(the.grants, ip, until, user, span_str(source), now);

    log_grant(ip, user, source, got, until);
    /* That an address is shared is for all to know. */
    if (got == AUTH_GRANTS_NEW || got == AUTH_GRANTS_LONGER || got == AUTH_GRANTS_SHARED)
        say_grant(ip, until, user, source);
    return got;
}

bool grant_drop(struct ip ip)
{
    char text[IP_TEXT_MAX];
    bool was = auth_grants_drop(the.grants, ip);

    bus_say("ungrant %s", ip_text(ip, text));
    if (was)
        log_info("grant", "result", "dropped", "client", LOG_IP(ip), NULL);
    return was;
}

bool grant_has(struct ip ip, struct auth_grant *ret)
{
    return the.grants && auth_grants_has(the.grants, ip, loop_wall(), ret);
}

size_t grant_count(void)
{
    return the.grants ? auth_grants_count(the.grants, loop_wall()) : 0;
}

void grant_each(void (*fn)(void *cookie, const struct auth_grant *grant), void *cookie)
{
    if (the.grants)
        auth_grants_each(the.grants, loop_wall(), fn, cookie);
}

void grant_metrics(struct metrics *m)
{
    the.metrics = m;
}

/* --- life ------------------------------------------------------------------------------------ */

static void named_places(const struct gate_args *args, const char *ret[4])
{
    ret[0] = args->grants_socket;
    ret[1] = args->grants_listen;
    ret[2] = args->grants_log;
    ret[3] = args->drac_listen;
}

static int open_sources(struct loop *l, const struct gate_args *args, char err[GRANT_ERROR_MAX])
{
    static int (*const opens[])(struct loop * l, const struct gate_args *args,
                                char err[GRANT_ERROR_MAX]) = {grant_socket_open, grant_http_open,
                                                              grant_log_open, grant_drac_open};
    const char *places[4];

    named_places(args, places);
    for (size_t i = 0; i < 4; i++) {
        int got = places[i] ? opens[i](l, args, err) : 0;

        if (got < 0)
            return got == -EINVAL ? EX_CONFIG : got == -EACCES ? EX_NOPERM : EX_OSERR;
        the.places[i] = places[i] ? strdup(places[i]) : NULL;
    }
    return 0;
}

int grant_open(struct loop *l, const struct gate_args *args, bool listens,
               char err[GRANT_ERROR_MAX])
{
    int status = take_settings(args, err);

    if (status == 0) {
        bus_hear("grant", on_grant, NULL);
        bus_hear("ungrant", on_ungrant, NULL);
        bus_hear("shared", on_shared, NULL);
        bus_tell(tell, NULL);
        the.listens = listens;
    }
    return status == 0 && listens ? open_sources(l, args, err) : status;
}

int grant_reload(const struct gate_args *args, char err[GRANT_ERROR_MAX])
{
    static const char *const names[] = {"grants-socket", "grants-listen", "grants-log",
                                        "drac-listen"};
    const char *places[4];
    int status = take_settings(args, err);

    named_places(args, places);
    for (size_t i = 0; i < 4 && status == 0 && the.listens; i++)
        if (strcmp(LOG_STR(places[i]), LOG_STR(the.places[i])) != 0)
            log_warn("reload", "setting", names[i], "text", "takes effect at the next start", NULL);
    return status;
}

void grant_close(void)
{
    grant_socket_close();
    grant_http_close();
    grant_log_close();
    grant_drac_close();
    auth_grants_free(&the.grants);
    free(the.from);
    for (size_t i = 0; i < 4; i++)
        free(the.places[i]);
    memset(&the, 0, sizeof(the));
}
