/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Settings first, files behind them, so that where a domain stands in both, the marks of the
 * setting hold. A value knows its line by its address in the configuration (conf_where()); what the
 * command line gave has none and is named by its option.
 *
 * Each message is one line and begins with the place: it goes to people, to the log of a reload,
 * and to "postern gate check" alike.
 */
#include "cmd/common/policy.h"

#include "base/escape.h"
#include "io/file.h"
#include "io/idn.h"
#include "io/netif.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static_assert((int)IDN_NAME_MAX == (int)RELAY_NAME_SIZE, "idn_to_ascii() writes that much");

enum { AUTHORITIES_MAX = 16 }; /* certificates of a client-ca that can still be one's own */

struct loading {
    const struct conf *conf;
    struct relay_policy *policy;
    struct buf *messages;
};

typedef int (*add_fn)(struct relay_policy *p, struct span text, struct relay_place place,
                      struct relay_fault *fault);

/* Where a value stands; of the command line, its option. */
static struct relay_place place_of(const struct loading *l, const char *option, const char *value)
{
    struct relay_place place = {option, 0};

    if (l->conf)
        conf_where(l->conf, value, &place.file, &place.line);
    return place;
}

static void say(struct loading *l, struct relay_place place, const char *what, const char *why)
{
    if (place.line)
        buf_addf(l->messages, "%.200s:%u: %s%s%s\n", place.file, place.line, what,
                 *what ? ": " : "", why);
    else
        buf_addf(l->messages, "%.200s: %s\n", place.file, why);
}

/* One value of a setting to the policy. */
static int add_value(struct loading *l, const char *option, const char *value, add_fn fn)
{
    struct relay_place place = place_of(l, option, value);
    struct relay_fault fault = {0};
    int r = fn(l->policy, span_str(value), place, &fault);

    if (r == RELAY_BAD)
        say(l, place, place.line ? option + 2 : "", fault.why);
    return r == RELAY_BAD ? -EINVAL : r;
}

static int add_list(struct loading *l, const char *option, const struct option_list *list,
                    add_fn fn)
{
    int r = 0;

    for (size_t i = 0; i < list->count && r == 0; i++)
        r = add_value(l, option, list->v[i], fn);
    return r;
}

/* --- files ------------------------------------------------------------------------------------ */

/* Takes one of the words off the end of "PATH WORD"; its index, or -1 when none stands there. */
static int cut_word(struct span *value, const char *const *words)
{
    size_t blank = span_rfind(*value, ' ');

    for (int i = 0; words[i]; i++) {
        if (blank < value->n &&
            span_eq(span_slice(*value, blank + 1, value->n), span_str(words[i]))) {
            *value = span_trim(span_slice(*value, 0, blank));
            return i;
        }
    }
    return -1;
}

static enum relay_read domains_kind(struct span *value)
{
    static const char *const words[] = {"rcpthosts", "relay-domains", NULL};

    return cut_word(value, words) == 1 ? RELAY_READ_RELAY_DOMAINS : RELAY_READ_RCPTHOSTS;
}

/* "cidr:PATH", "hash:PATH from": the tables of Postfix that have a text as their source. */
static enum relay_read access_kind(struct span *value)
{
    static const char *const words[] = {"client", "from", "to", NULL};
    static const char *const types[] = {"hash:", "texthash:", "btree:", "lmdb:", "dbm:", "cdb:"};
    static const enum relay_read kinds[] = {RELAY_READ_ACCESS_CLIENT, RELAY_READ_ACCESS_FROM,
                                            RELAY_READ_ACCESS_TO};
    int word = cut_word(value, words);

    if (span_starts(*value, SPAN_LIT("cidr:"))) {
        *value = span_slice(*value, 5, value->n);
        return RELAY_READ_CIDR;
    }
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (span_starts(*value, span_str(types[i]))) {
            *value = span_slice(*value, strlen(types[i]), value->n);
            break;
        }
    }
    return word < 0 ? RELAY_READ_ACCESS : kinds[word];
}

static enum relay_read networks_kind(struct span *value)
{
    return RELAY_READ_NETWORKS;
}

static enum relay_read tcprules_kind(struct span *value)
{
    return RELAY_READ_TCPRULES;
}

static enum relay_read hosts_allow_kind(struct span *value)
{
    return RELAY_READ_HOSTS_ALLOW;
}

static int read_named(struct loading *l, struct relay_place place, const char *option,
                      const char *path, enum relay_read kind)
{
    struct buf text = BUF_INIT(RELAY_FILE_MAX), why = BUF_INIT(400);
    struct relay_fault fault = {0};
    int r = file_read(path, &text);

    if (r < 0) {
        buf_addf(&why, "%.200s can't be read: %s", path, strerror(-r));
        say(l, place, place.line ? option + 2 : "", buf_str(&why));
    } else {
        r = relay_policy_read(l->policy, kind, buf_span(&text), path, &fault);
    }
    if (r == RELAY_BAD) {
        say(l, (struct relay_place){path, fault.line}, "", fault.why);
        r = -EINVAL;
    }
    buf_deinit(&text);
    buf_deinit(&why);
    return r;
}

static int add_files(struct loading *l, const char *option, const struct option_list *list,
                     enum relay_read (*kind_of)(struct span *value))
{
    int r = 0;

    for (size_t i = 0; i < list->count && r == 0; i++) {
        struct span value = span_str(list->v[i]);
        enum relay_read kind = kind_of(&value);
        char *path = span_dup(value);

        r = path ? read_named(l, place_of(l, option, list->v[i]), option, path, kind) : -ENOMEM;
        free(path);
    }
    return r;
}

/*
 * An authority whose certificates may relay is the operator's own. A bundle of the world's gives a
 * certificate to anyone who asks.
 */
static int add_authority(struct loading *l, const char *path)
{
    static const char option[] = "--client-ca";
    struct relay_place place = place_of(l, option, path);
    struct buf text = BUF_INIT(1 << 20);
    struct span rest, begin = SPAN_LIT("-----BEGIN CERTIFICATE-----");
    size_t count = 0;
    char why[300];
    int r = file_read(path, &text);

    rest = buf_span(&text);
    for (size_t at; (at = span_find_nocase(rest, begin)) < rest.n; count++)
        rest = span_slice(rest, at + begin.n, rest.n);
    if (r == -EFBIG || count > AUTHORITIES_MAX) {
        say(l, place, place.line ? option + 2 : "",
            "is a bundle of public authorities, so that anyone could relay; name your own");
        r = -EINVAL;
    } else if (r < 0 || count == 0) {
        snprintf(why, sizeof(why), "%.200s %s%s", path,
                 r < 0 ? "can't be read: " : "holds no certificate in PEM form",
                 r < 0 ? strerror(-r) : "");
        say(l, place, place.line ? option + 2 : "", why);
        r = r < 0 ? r : -EINVAL;
    } else {
        r = relay_policy_trust_ca(l->policy, place);
    }
    buf_deinit(&text);
    return r;
}

/* --- all of it -------------------------------------------------------------------------------- */

static int load_all(struct loading *l, const struct policy_args *a)
{
    int r = add_list(l, "--domains", &a->domains, relay_policy_add_domain);

    if (r == 0)
        r = add_list(l, "--networks", &a->networks, relay_policy_add_network);
    if (r == 0)
        r = add_list(l, "--certs", &a->certs, relay_policy_add_cert);
    if (r == 0)
        r = add_list(l, "--literals", &a->literals, relay_policy_add_literal);
    if (r == 0)
        r = add_files(l, "--domains-file", &a->domains_file, domains_kind);
    if (r == 0)
        r = add_files(l, "--networks-file", &a->networks_file, networks_kind);
    if (r == 0)
        r = add_files(l, "--tcprules", &a->tcprules, tcprules_kind);
    if (r == 0)
        r = add_files(l, "--hosts-allow", &a->hosts_allow, hosts_allow_kind);
    if (r == 0)
        r = add_files(l, "--access", &a->access, access_kind);
    if (r == 0 && a->client_ca)
        r = add_authority(l, a->client_ca);
    return r == 0 ? relay_policy_seal(l->policy) : r;
}

static void say_notes(struct loading *l)
{
    size_t count, more;
    const struct relay_note *notes = relay_policy_notes(l->policy, &count, &more);

    for (size_t i = 0; i < count; i++)
        say(l, notes[i].place, "warning", notes[i].text);
    if (more)
        buf_addf(l->messages, "warning: %zu more of these\n", more);
}

int policy_load(const struct policy_args *a, const struct conf *conf, struct relay_policy **ret,
                struct buf *messages)
{
    struct loading l = {conf, relay_policy_new(idn_to_ascii), messages};
    int r;

    if (!l.policy)
        return -ENOMEM;
    relay_policy_mx_networks(l.policy, a->mx_networks);
    r = load_all(&l, a);
    if (r == -ENOMEM)
        buf_addf(messages, "the relay policy: out of memory\n");
    if (r < 0) {
        relay_policy_free(&l.policy);
        return r;
    }
    say_notes(&l);
    *ret = l.policy;
    return 0;
}

/* The facts of the host in the relay layer's own form, for it knows no interfaces. */
static int host_facts(struct relay_fact **ret, size_t *ret_count)
{
    static const enum relay_fact_kind kinds[] = {
        [NETIF_ADDRESS] = RELAY_FACT_ADDRESS,
        [NETIF_BRIDGE] = RELAY_FACT_BRIDGE,
        [NETIF_GATEWAY] = RELAY_FACT_GATEWAY,
    };
    struct netif_facts facts;
    int r = netif_facts(&facts);

    if (r < 0)
        return r;
    *ret = calloc(facts.count + 1, sizeof(**ret));
    for (size_t i = 0; *ret && i < facts.count; i++) {
        (*ret)[i].kind = kinds[facts.v[i].kind];
        (*ret)[i].ip = facts.v[i].ip;
        span_copy(span_str(facts.v[i].interface), (*ret)[i].interface, RELAY_HOST_NAME);
    }
    *ret_count = facts.count;
    netif_facts_deinit(&facts);
    return *ret ? 0 : -ENOMEM;
}

int policy_refuse_open(const struct relay_policy *policy, struct buf *messages)
{
    struct loading l = {.messages = messages};
    struct relay_findings found = {0};
    struct relay_fact *facts = NULL;
    size_t count = 0;
    int r = host_facts(&facts, &count);

    if (r == 0)
        r = relay_check(policy, facts, count, &found);
    if (r < 0)
        buf_addf(messages, "the network of this host can't be read: %s\n", strerror(-r));
    for (size_t i = 0; i < found.count; i++)
        say(&l, found.v[i].place, "open relay", found.v[i].text);
    if (found.count)
        buf_addf(messages, "(write 'deliberate' behind an entry that is meant so)\n");
    r = r < 0 ? r : (int)found.count;
    relay_findings_deinit(&found);
    free(facts);
    return r;
}

void policy_args_deinit(struct policy_args *a)
{
    struct option_list *lists[] = {&a->domains,       &a->domains_file, &a->networks,
                                   &a->networks_file, &a->tcprules,     &a->hosts_allow,
                                   &a->access,        &a->certs,        &a->literals};

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        option_list_deinit(lists[i]);
}
