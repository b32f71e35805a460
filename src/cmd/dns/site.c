/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every setting is looked at even when one before it was bad, so that --check and the start tell
 * all faults at once. What the files of zones hold is not looked at here: that takes time, and a
 * fault in them is no fault of the configuration.
 */
#include "cmd/dns/site.h"

#include "base/num.h"
#include "cmd/common/settings.h"
#include "cmd/dns/places.h"
#include "cmd/dns/rules.h"
#include "cmd/dns/secrets.h"
#include "io/datadir.h"
#include "io/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

struct reading {
    struct site *site;
    struct buf *messages;
    bool no_memory;
    unsigned faults;
    unsigned missing; /* of them: files that can't be read, which is another exit status */
};

/* "FILE:LINE: name: 'text': why" */
static void tell(struct reading *r, const char *name, const char *text, const char *why)
{
    struct buf line = BUF_INIT(8192);

    buf_addf(&line, "%s: '%.300s': %s", name, text, why);
    settings_place(r->site->conf, "dns", buf_str(&line), r->messages);
    buf_addf(r->messages, "%s\n", buf_str(&line));
    buf_deinit(&line);
    r->faults++;
}

/* True when all is well; -ENOMEM and reasons are noted. */
static bool fine(struct reading *r, int got, const char *name, const char *text, const char *why)
{
    if (got == -ENOMEM)
        r->no_memory = true;
    else if (got < 0)
        tell(r, name, text, why);
    return got >= 0;
}

/* --- zones ------------------------------------------------------------------------------------ */

static void read_zones(struct reading *r)
{
    struct site *s = r->site;
    const struct dns_args *a = &s->args;
    char why[RULES_WHY_MAX];

    /* Operands take the place of the configuration's zones, as any option does. */
    for (size_t i = 0; a->operand_count == 0 && i < a->zone.count; i++)
        fine(r, rules_zone(a->zone.v[i], a->workdir, s, why), "zone", a->zone.v[i], why);
    for (size_t i = 0; i < a->operand_count; i++)
        fine(r, rules_zone(a->operands[i], a->workdir, s, why), "zone", a->operands[i], why);
    if (s->zone_count == 0 && !r->faults && !a->make_key) {
        buf_add_str(r->messages, "no zone is named: give one on the command line, or a line "
                                 "\"zone = ...\" in section dns of the configuration\n");
        r->faults++;
    }
}

static void mark_zones(struct reading *r, const char *option, const struct option_list *list,
                       size_t flag)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct site_zone *z;
        struct dns_name name;

        if (!dns_name_parse(span_str(list->v[i]), &name)) {
            tell(r, option, list->v[i], "is no zone's name");
            continue;
        }
        dns_name_lower(&name);
        z = site_zone_named(r->site, &name);
        if (z)
            *(bool *)((char *)(uintptr_t)z + flag) = true;
        else
            tell(r, option, list->v[i], "names a zone that is not served");
    }
}

/* Zones of the same files share their data, unless something of the zone's own is in it. */
static void name_units(struct reading *r)
{
    for (size_t i = 0; i < r->site->zone_count; i++) {
        struct site_zone *z = &r->site->zones[i];
        struct buf unit = BUF_INIT(1 << 20);
        bool own = z->own;

        for (size_t d = 0; d < z->dataset_count; d++)
            own = own || z->datasets[d].type == RBL_ACL;
        buf_addf(&unit, "%s%s%s", z->unit ? z->unit : "", z->accept ? " accept" : "",
                 z->reserved ? " reserved" : "");
        if (own)
            buf_addf(&unit, " of %s", z->text);
        free(z->unit);
        z->unit = buf_take(&unit);
        r->no_memory = r->no_memory || !z->unit;
    }
}

static int add_ns(struct site_zone *z, struct span rest)
{
    if (z->ns_count == SITE_NS_MAX)
        return -E2BIG;
    if (!rules_host(span_trim(rest), &z->ns[z->ns_count]))
        return -EINVAL;
    dns_name_lower(&z->ns[z->ns_count++]);
    return 0;
}

static int add_soa(struct site_zone *z, struct span rest)
{
    struct span primary, contact;

    return span_word(&rest, &primary) && span_word(&rest, &contact) &&
                   rules_host(primary, &z->mname) && span_find(contact, '@') == contact.n &&
                   dns_name_parse(contact, &z->rname)
               ? 0
               : -EINVAL;
}

static int add_web(struct site_zone *z, struct span rest)
{
    if (z->web_count == ZONE_APEX_MAX)
        return -E2BIG;
    return ip_parse(span_trim(rest), &z->web[z->web_count]) ? (z->web_count++, 0) : -EINVAL;
}

/* What is told of one zone, or of all. */
static void read_apex(struct reading *r, const char *option, const struct option_list *list,
                      int (*add)(struct site_zone *z, struct span rest), const char *form)
{
    struct site *s = r->site;

    for (size_t i = 0; i < list->count; i++) {
        struct span rest;
        size_t zone;
        char why[RULES_WHY_MAX];
        int got = rules_scope(s, list->v[i], &zone, &rest, why);

        if (!fine(r, got, option, list->v[i], why))
            continue;
        for (size_t k = 0; k < s->zone_count && got == 0; k++)
            if (zone == SIZE_MAX || zone == k)
                got = add(&s->zones[k], rest);
        fine(r, got, option, list->v[i], got == -E2BIG ? "is one too many" : form);
    }
}

/* --- who may ask ------------------------------------------------------------------------------ */

static int add_rule(struct zone_acl **acl, const struct ip_prefix *net, size_t count,
                    enum zone_acl_action action, const char *text)
{
    const struct zone_acl_rule rule = {.action = action, .text = text};
    int r = 0;

    if (!*acl)
        *acl = zone_acl_new();
    for (size_t i = 0; i < count && r >= 0; i++)
        r = *acl ? zone_acl_add(*acl, net[i], &rule) : -ENOMEM;
    return r == ZONE_ACL_FULL ? -E2BIG : r;
}

static bool action_of(struct span word, enum zone_acl_action *ret)
{
    static const enum zone_acl_action known[] = {ZONE_ACL_PASS, ZONE_ACL_REFUSE, ZONE_ACL_IGNORE,
                                                 ZONE_ACL_EMPTY};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (span_eq_nocase(word, span_str(zone_acl_action_name(known[i])))) {
            *ret = known[i];
            return true;
        }
    return false;
}

/* "[ZONE=]NETWORK", with which a rule begins; *ret_n prefixes. */
static int rule_head(const struct site *s, const char *text, size_t *ret_zone,
                     struct ip_prefix net[2], size_t *ret_n, struct span *ret_rest,
                     char why[RULES_WHY_MAX])
{
    struct span word = SPAN_NULL;
    int r = rules_scope(s, text, ret_zone, ret_rest, why);

    if (r < 0)
        return r;
    span_word(ret_rest, &word);
    *ret_n = rules_network(word, net, why);
    return *ret_n ? 0 : -EINVAL;
}

static int acl_rule(struct site *s, const char *text, char why[RULES_WHY_MAX])
{
    struct span rest, action_word = SPAN_NULL;
    enum zone_acl_action action;
    struct ip_prefix net[2];
    size_t zone, n;
    int r = rule_head(s, text, &zone, net, &n, &rest, why);

    if (r < 0)
        return r;
    if (!span_word(&rest, &action_word) || !action_of(action_word, &action)) {
        snprintf(why, RULES_WHY_MAX, "has none of pass, refuse, ignore, empty behind the network");
        return -EINVAL;
    }
    rest = span_trim(rest);
    snprintf(why, RULES_WHY_MAX, "too many rules, or too long a text");
    return add_rule(zone == SIZE_MAX ? &s->acl : &s->zones[zone].acl, net, n, action,
                    rest.n ? rest.p : "");
}

static void read_acl(struct reading *r)
{
    struct site *s = r->site;
    const struct dns_args *a = &s->args;
    struct ip_prefix net[2];
    char why[RULES_WHY_MAX];

    for (size_t i = 0; i < a->acl.count; i++)
        fine(r, acl_rule(s, a->acl.v[i], why), "acl", a->acl.v[i], why);
    for (size_t i = 0; i < a->public_resolvers.count; i++) {
        size_t n = rules_network(span_str(a->public_resolvers.v[i]), net, why);

        if (n == 0)
            tell(r, "public-resolvers", a->public_resolvers.v[i], why);
        else if (a->public_answer == DNS_PUBLIC_REFUSE)
            fine(r,
                 add_rule(&s->acl, net, n, ZONE_ACL_REFUSE,
                          "public resolvers hide who asks: use a resolver of your own"),
                 "public-resolvers", a->public_resolvers.v[i], "too many rules");
    }
    for (size_t i = 0; i < a->rate_exempt.count; i++) {
        size_t n = rules_network(span_str(a->rate_exempt.v[i]), net, why), cap = s->exempt_count;

        if (n == 0)
            tell(r, "rate-exempt", a->rate_exempt.v[i], why);
        else if (array_grow(&s->exempt, &cap, sizeof(net[0]), s->exempt_count + n) < 0)
            r->no_memory = true;
        else
            for (size_t k = 0; k < n; k++)
                s->exempt[s->exempt_count++] = net[k];
    }
}

/* Reads a file that a setting names; false when that was told. */
static bool read_file(struct reading *r, const char *name, const char *path, struct buf *out)
{
    int got = file_read(path, out);

    if (got < 0) {
        tell(r, name, path, got == -EFBIG ? "is too large" : strerror(-got));
        r->missing++;
    }
    return got == 0;
}

static void read_key_file(struct reading *r, const char *text)
{
    struct buf bytes = BUF_INIT(SITE_KEY_FILE_MAX);
    struct span path;
    char why[RULES_WHY_MAX];
    struct site_zone *z;
    size_t zone;

    if (!fine(r, rules_scope(r->site, text, &zone, &path, why), "keys", text, why))
        return;
    if (zone == SIZE_MAX) {
        tell(r, "keys", text, "names no zone: write ZONE=FILE");
        return;
    }
    z = &r->site->zones[zone];
    if (!z->keys) {
        uint8_t secret[MAC_KEY];
        int got = secrets_keys(r->site, secret, why);

        if (!fine(r, got, "key-secret", secrets_keys_path(r->site), why))
            return;
        z->keys = zone_keys_new(secret);
        explicit_bzero(secret, sizeof(secret));
    }
    if (!z->keys)
        r->no_memory = true;
    else if (read_file(r, "keys", path.p, &bytes))
        fine(r, rules_key_file(buf_span(&bytes), z->keys, why), "keys", text, why);
    buf_deinit(&bytes);
}

/* --- secondaries ------------------------------------------------------------------------------ */

static void read_tsig(struct reading *r)
{
    const char *path = r->site->args.tsig_keys;
    struct buf bytes = BUF_INIT(1 << 20);
    struct span rest, line;
    char why[100];

    if (path && read_file(r, "tsig-keys", path, &bytes)) {
        struct site *s = r->site;

        rest = buf_span(&bytes);
        for (unsigned number = 1; span_cut(&rest, '\n', &line); number++) {
            size_t cap = s->tsig_count;

            line = span_trim(line);
            if (line.n == 0 || line.p[0] == '#')
                continue;
            if (array_grow(&s->tsig, &cap, sizeof(s->tsig[0]), s->tsig_count + 1) < 0) {
                r->no_memory = true;
            } else if (dns_tsig_key_parse(line, &s->tsig[s->tsig_count])) {
                s->tsig_count++;
            } else {
                snprintf(why, sizeof(why), "line %u is no [ALGORITHM:]NAME:BASE64", number);
                tell(r, "tsig-keys", path, why);
            }
        }
    }
    if (bytes.p)
        explicit_bzero(bytes.p, bytes.n);
    buf_deinit(&bytes);
}

static int add_transfer(struct site_zone *z, struct ip_prefix net, const struct dns_tsig_key *key)
{
    size_t cap = z->transfer_count;

    if (array_grow(&z->transfers, &cap, sizeof(z->transfers[0]), z->transfer_count + 1) < 0)
        return -ENOMEM;
    z->transfers[z->transfer_count] = (struct zone_transfer){.net = net};
    if (key)
        z->transfers[z->transfer_count].key = key->name;
    z->transfer_count++;
    return 0;
}

/* The key that a rule ends with, NULL for none. */
static int rule_key(const struct site *s, struct span rest, const struct dns_tsig_key **ret,
                    char why[RULES_WHY_MAX])
{
    struct span name;

    *ret = NULL;
    if (!span_word(&rest, &name))
        return 0;
    *ret = rules_key(s, name);
    if (*ret && span_trim(rest).n == 0)
        return 0;
    snprintf(why, RULES_WHY_MAX,
             *ret ? "has more behind the key: write a rule for each key"
                  : "names a key that is not in the file of tsig-keys");
    return -EINVAL;
}

static int transfer_rule(struct site *s, const char *text, char why[RULES_WHY_MAX])
{
    const struct dns_tsig_key *key;
    struct span rest;
    struct ip_prefix net[2];
    size_t zone, n;
    int r = rule_head(s, text, &zone, net, &n, &rest, why);

    if (r < 0)
        return r;
    if (rule_key(s, rest, &key, why) < 0)
        return -EINVAL;
    snprintf(why, RULES_WHY_MAX, "too many rules");
    for (size_t i = 0; i < s->zone_count && r == 0; i++) {
        if (zone != SIZE_MAX && zone != i)
            continue;
        for (size_t k = 0; k < n && r == 0; k++)
            r = add_transfer(&s->zones[i], net[k], key);
    }
    return r;
}

static int notify_rule(struct site *s, const char *text, char why[RULES_WHY_MAX])
{
    struct span rest, word = SPAN_NULL, host;
    struct site_notify *n;
    size_t cap = s->notify_count, zone;
    int r = rules_scope(s, text, &zone, &rest, why);

    if (r < 0)
        return r;
    if (array_grow(&s->notify, &cap, sizeof(s->notify[0]), s->notify_count + 1) < 0)
        return -ENOMEM;
    n = &s->notify[s->notify_count];
    *n = (struct site_notify){.zone = zone};
    if (!span_word(&rest, &word) || !ip_host_port(word, &host, &n->port) ||
        !ip_parse(host, &n->ip)) {
        snprintf(why, RULES_WHY_MAX, "is no address (192.0.2.1, 192.0.2.1:53, [2001:db8::1]:53)");
        return -EINVAL;
    }
    if (n->port == 0)
        n->port = 53;
    if (rule_key(s, rest, &n->key, why) < 0)
        return -EINVAL;
    s->notify_count++;
    return 0;
}

static void read_secondaries(struct reading *r)
{
    const struct dns_args *a = &r->site->args;
    char why[RULES_WHY_MAX];

    read_tsig(r);
    for (size_t i = 0; i < a->transfer.count; i++)
        fine(r, transfer_rule(r->site, a->transfer.v[i], why), "transfer", a->transfer.v[i], why);
    for (size_t i = 0; i < a->notify.count; i++)
        fine(r, notify_rule(r->site, a->notify.v[i], why), "notify", a->notify.v[i], why);
}

/* --- the whole -------------------------------------------------------------------------------- */

static void read_limits(struct site *s)
{
    const struct dns_args *a = &s->args;

    s->limits = zone_limits_usual;
    s->limits.widest4 = a->widest4;
    s->limits.widest6 = a->widest6;
    s->limits.most4_ppm = a->share_max * 10000;
    s->limits.grow_percent = a->growth_max ? a->growth_max : UINT32_MAX;
    s->limits.shrink_percent = a->shrink_max ? a->shrink_max : UINT32_MAX;
}

static void seal(struct reading *r)
{
    struct site *s = r->site;

    if (s->acl && zone_acl_seal(s->acl, NULL) < 0)
        r->no_memory = true;
    if (s->acl && s->everyone.dataset_count)
        tell(r, "acl", s->everyone.text,
             "all zones have rules here and in a dataset (acl, or public-resolvers that are "
             "refused): keep them in one place");
    for (size_t i = 0; i < s->zone_count; i++) {
        struct site_zone *z = &s->zones[i];
        bool from_files = false;

        for (size_t d = 0; d < z->dataset_count; d++)
            from_files = from_files || z->datasets[d].type == RBL_ACL;
        /* Rules of files come behind those of the configuration: data.c makes an ACL of both. */
        if (z->acl && zone_acl_seal(z->acl, NULL) < 0)
            r->no_memory = true;
        if (from_files && z->acl)
            tell(r, "acl", z->text, "has rules here and in a dataset: keep them in one place");
    }
}

static void read_all(struct reading *r)
{
    struct site *s = r->site;
    const struct dns_args *a = &s->args;
    char why[RULES_WHY_MAX], place_why[LISTEN_ERROR_MAX];
    const char *name, *text;

    if (datadir_state(a->state, s->state) < 0)
        s->state[0] = '\0';
    read_zones(r);
    mark_zones(r, "accept", &a->accept, offsetof(struct site_zone, accept));
    mark_zones(r, "reserved", &a->reserved, offsetof(struct site_zone, reserved));
    name_units(r);
    read_apex(r, "ns", &a->ns, add_ns, "is no [ZONE=]HOST");
    read_apex(r, "soa", &a->soa, add_soa,
              "is no \"[ZONE=]PRIMARY CONTACT\", with a dot for the @ of the contact");
    read_apex(r, "web", &a->web, add_web, "is no [ZONE=]ADDRESS");
    read_acl(r);
    for (size_t i = 0; i < a->keys.count; i++)
        read_key_file(r, a->keys.v[i]);
    read_secondaries(r);
    read_limits(s);
    if (a->cookie_secret) {
        int got = secrets_cookies(a->cookie_secret, &s->cookies, why);

        s->has_cookies = fine(r, got, "cookie-secret", a->cookie_secret, why);
        r->missing += got < 0 && got != -EBADMSG && got != -ENOMEM;
    }
    if (!places_check(a, &name, &text, place_why))
        tell(r, name, text, place_why);
    if (a->nsid && strlen(a->nsid) > DNS_NSID_MAX)
        tell(r, "nsid", a->nsid, "is too long");
    if (a->version_text && strlen(a->version_text) > DNS_STRING_MAX)
        tell(r, "version-text", a->version_text, "is too long");
    if (a->cookies_required && !a->tcp)
        tell(r, "cookies-required", "yes", "needs TCP, by which clients without cookies come");
    seal(r);
}

int site_new(struct dns_args *args, struct conf *conf, struct site **ret, struct buf *messages)
{
    static uint64_t generation;
    struct site *s = calloc(1, sizeof(*s));
    struct reading r = {.site = s, .messages = messages};

    if (!s) {
        dns_args_deinit(args);
        conf_free(&conf);
        return EX_OSERR;
    }
    s->refs = 1;
    s->generation = ++generation;
    s->args = *args;
    s->conf = conf;
    read_all(&r);
    if (!r.faults && !r.no_memory) {
        *ret = s;
        return 0;
    }
    if (r.no_memory)
        buf_add_str(messages, "out of memory\n");
    site_unref(&s);
    if (r.no_memory)
        return EX_OSERR;
    return r.missing == r.faults ? EX_NOINPUT : EX_CONFIG;
}

struct site *site_ref(struct site *s)
{
    s->refs++;
    return s;
}

void site_unref(struct site **ps)
{
    struct site *s = *ps;

    *ps = NULL;
    if (!s || --s->refs)
        return;
    for (size_t i = 0; i < s->zone_count; i++)
        rules_zone_deinit(&s->zones[i]);
    free(s->zones);
    rules_zone_deinit(&s->everyone);
    zone_acl_free(s->acl);
    if (s->tsig)
        explicit_bzero(s->tsig, s->tsig_count * sizeof(s->tsig[0]));
    free(s->tsig);
    free(s->notify);
    free(s->exempt);
    dns_args_deinit(&s->args);
    conf_free(&s->conf);
    explicit_bzero(s, sizeof(*s));
    free(s);
}

const struct site_zone *site_zone_named(const struct site *s, const struct dns_name *name)
{
    for (size_t i = 0; i < s->zone_count; i++)
        if (dns_name_eq(&s->zones[i].name, name))
            return &s->zones[i];
    return NULL;
}

struct zone_limits site_limits(const struct site *s, const struct site_zone *z)
{
    struct zone_limits limits = s->limits;

    limits.reserved = z->reserved;
    /* An own list may well be empty: that is what everybody hopes for. */
    limits.empty = z->own;
    return limits;
}

struct dns_rrl_conf site_rate(const struct site *s)
{
    return (struct dns_rrl_conf){
        .rate = s->args.rate, .burst = s->args.rate * 5 / 2, .slip = s->args.rate_slip};
}

bool site_rate_exempt(const struct site *s, struct ip ip)
{
    for (size_t i = 0; i < s->exempt_count; i++)
        if (ip_prefix_has(s->exempt[i], ip))
            return true;
    return false;
}

size_t site_tsig_keys(const struct site *s, const struct dns_tsig_key **ret)
{
    *ret = s->tsig;
    return s->tsig_count;
}
