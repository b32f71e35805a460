/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern dns --check: loads all that would be served, as it would be at a start, and tells every
 * fault. Nothing listens, and nothing but a missing state folder and secret is made.
 */
#include "cmd/common/settings.h"
#include "cmd/dns/publish.h"
#include "cmd/dns/secrets.h"
#include "cmd/dns/serve.h"
#include "io/loop.h"

#include "base/num.h"

#include <jansson.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

enum { FAULT = 1, MESSAGES_MAX = 1 << 20 };

struct checking {
    struct site *site;
    bool json;
    struct loaded **loaded; /* of each zone, then the rules for all; NULL: refused */
    size_t faults, warnings;
};

/* One line a fault: for people on standard error, for scripts on standard output. */
static void tell(struct checking *c, const char *level, const char *zone, struct span text)
{
    json_t *line;
    char *out;

    if (!c->json) {
        fprintf(stderr, "%s: %s%s%s%.*s\n", dns_options.program,
                strcmp(level, "warning") == 0 ? "warning: " : "", zone, *zone ? ": " : "",
                SPAN_ARG(text));
        return;
    }
    line = json_pack("{ss ss* ss%}", "type", level, "zone", *zone ? zone : NULL, "text", text.p,
                     text.n);
    out = line ? json_dumps(line, JSON_COMPACT) : NULL;
    printf("%s\n", out ? out : "{\"type\":\"error\",\"text\":\"not UTF-8\"}");
    free(out);
    json_decref(line);
}

static void fault(struct checking *c, const char *zone, const char *text)
{
    c->faults++;
    tell(c, "error", zone, span_str(text));
}

static void warn_lines(struct checking *c, const char *zone, struct span text)
{
    struct span line;

    while (span_cut(&text, '\n', &line))
        if (line.n) {
            c->warnings++;
            tell(c, "warning", zone, line);
        }
}

static void tell_zone(struct checking *c, const struct site_zone *z, const struct data_result *r)
{
    json_t *line;
    char *out;

    if (!c->json) {
        printf("%s: %llu entries", z->text, (unsigned long long)r->loaded->entries);
        if (r->skipped) /* not each of them has a line */
            printf(", %llu lines left out", (unsigned long long)r->skipped);
        printf(", read in %lld ms\n", (long long)r->took_ms);
        return;
    }
    line = json_pack("{ss ss sI sI sI}", "type", "zone", "zone", z->text, "entries",
                     (json_int_t)r->loaded->entries, "skipped", (json_int_t)r->skipped, "ms",
                     (json_int_t)r->took_ms);
    out = line ? json_dumps(line, JSON_COMPACT) : NULL;
    if (out)
        printf("%s\n", out);
    free(out);
    json_decref(line);
}

static void load(struct checking *c, size_t i)
{
    const struct site_zone *z = i < c->site->zone_count ? &c->site->zones[i] : &c->site->everyone;
    struct data_result r;

    if (z->own)
        data_load_own(c->site, z, NULL, true, loop_wall(), &r);
    else
        data_load_files(c->site, z, NULL, loop_wall(), &r);
    warn_lines(c, z->text, buf_span(&r.remarks));
    if (!r.loaded)
        fault(c, z->text, r.why);
    else if (r.accepted)
        warn_lines(c, z->text, span_str(r.why));
    if (r.loaded)
        tell_zone(c, z, &r);
    c->loaded[i] = r.loaded;
    r.loaded = NULL;
    data_result_deinit(&r);
}

/* Zones with good data, asked their test questions as they would be served. */
static void test(struct checking *c)
{
    size_t count = c->site->zone_count;
    struct publish_zone *zones = calloc(count + 1, sizeof(*zones));
    const struct loaded *rules = c->loaded[count];
    char why[PUBLISH_WHY_MAX];
    struct zone_set *set = NULL;

    for (size_t i = 0; zones && i < c->site->zone_count; i++)
        zones[i] = (struct publish_zone){&c->site->zones[i], c->loaded[i]};
    if (!zones ||
        publish_set(c->site, zones, count, rules ? rules->acl : NULL, NULL, NULL, &set, why) < 0) {
        fault(c, "", zones ? why : "out of memory");
        free(zones);
        return;
    }
    for (size_t i = 0; i < c->site->zone_count; i++) {
        if (!c->loaded[i])
            continue;
        if (publish_test(set, i, why))
            warn_lines(c, c->site->zones[i].text, span_str(why));
        else
            fault(c, c->site->zones[i].text, why);
    }
    zone_set_free(set);
    free(zones);
}

static bool check_user(struct checking *c)
{
    struct buf line = BUF_INIT(8192);
    const char *user = c->site->args.user;
    char text[300];

    if (!user || geteuid() != 0 || getpwnam(user))
        return true;
    snprintf(text, sizeof(text), "user: can't become %.200s: there is no such user", user);
    settings_place(c->site->conf, "dns", text, &line);
    buf_add_str(&line, text);
    fault(c, "", buf_str(&line));
    buf_deinit(&line);
    return false;
}

int dns_check(struct dns_args *args, struct conf *conf)
{
    struct buf messages = BUF_INIT(MESSAGES_MAX);
    struct checking c = {.json = args->json};
    int status = site_new(args, conf, &c.site, &messages);
    struct span rest = buf_span(&messages), line;

    while (span_cut(&rest, '\n', &line))
        if (line.n)
            tell(&c, "error", "", line);
    buf_deinit(&messages);
    if (status)
        return status;
    if (!check_user(&c))
        status = EX_NOUSER;
    c.loaded = calloc(c.site->zone_count + 1, sizeof(struct loaded *));
    for (size_t i = 0; c.loaded && i < c.site->zone_count; i++)
        load(&c, i);
    if (c.loaded && c.site->everyone.dataset_count)
        load(&c, c.site->zone_count);
    if (c.loaded)
        test(&c);
    else
        fault(&c, "", "out of memory");
    if (!c.json)
        printf("%zu zones, %zu faults, %zu warnings\n", c.site->zone_count, c.faults, c.warnings);
    for (size_t i = 0; c.loaded && i <= c.site->zone_count; i++)
        loaded_unref(&c.loaded[i]);
    free(c.loaded);
    site_unref(&c.site);
    return status ? status : c.faults ? FAULT : 0;
}

int dns_make_key(struct dns_args *args, struct conf *conf)
{
    struct span text = span_str(args->make_key), number, issue;
    char why[SECRETS_WHY_MAX], label[ZONE_KEY_LABEL + 1];
    struct buf messages = BUF_INIT(MESSAGES_MAX);
    unsigned customer = 0, which = 0;
    struct site *s = NULL;
    uint8_t secret[MAC_KEY];
    int status;

    if (!span_cut(&text, ':', &number) || !num_uint(number, 1, UINT32_MAX, &customer) ||
        (span_cut(&text, ':', &issue) && !num_uint(issue, 0, UINT16_MAX, &which))) {
        dns_args_deinit(args);
        conf_free(&conf);
        return options_misuse(&dns_options,
                              "--make-key: a customer's number is wanted, or N:ISSUE");
    }
    status = site_new(args, conf, &s, &messages);
    if (status) {
        fprintf(stderr, "%s: %s", dns_options.program, buf_str(&messages));
    } else if (secrets_keys(s, secret, why) < 0) {
        fprintf(stderr, "%s: key-secret: %s: %s\n", dns_options.program, secrets_keys_path(s), why);
        status = EX_NOINPUT;
    } else {
        zone_keys_make(secret, customer, (uint16_t)which, label);
        printf("%s\n", label);
    }
    explicit_bzero(secret, sizeof(secret));
    buf_deinit(&messages);
    site_unref(&s);
    return status;
}
