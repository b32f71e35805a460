/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Building a policy and asking it. Entries of settings go to the first source, in which the
 * longest prefix counts, so that "!192.0.2.1" may stand before or behind the network it is taken
 * out of. Each file is a source of its own with the order of its format: what one file says about
 * an address is not changed by another, but a client that any source grants relaying has it, and
 * one that any source refuses is refused.
 *
 * A file is read into a source and a list of domains beside the policy, which takes them over when
 * the last line was right: half a list is worse than none.
 */
#include "relay/policy_priv.h"

#include "smtp/path.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* --- life ------------------------------------------------------------------------------------- */

static void source_deinit(struct relay_source *s)
{
    relay_table_deinit(&s->clients);
    relay_keys_deinit(&s->from);
    relay_keys_deinit(&s->to);
}

struct relay_policy *relay_policy_new(relay_ascii_fn ascii)
{
    struct relay_policy *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->refs = 1;
    p->ascii = ascii;
    if (array_grow(&p->sources, &p->source_cap, sizeof(p->sources[0]), 1) < 0) {
        free(p);
        return NULL;
    }
    p->source_count = 1;
    return p;
}

struct relay_policy *relay_policy_ref(struct relay_policy *p)
{
    p->refs++;
    return p;
}

void relay_policy_free(struct relay_policy **pp)
{
    struct relay_policy *p = *pp;

    *pp = NULL;
    if (!p || --p->refs > 0)
        return;
    for (size_t i = 0; i < p->source_count; i++)
        source_deinit(&p->sources[i]);
    for (size_t i = 0; i < p->note_count; i++)
        free(p->notes[i].text);
    for (size_t i = 0; i < p->file_count; i++)
        free(p->files[i]);
    relay_keys_deinit(&p->domains);
    free(p->sources);
    free(p->notes);
    free(p->files);
    free(p->certs);
    free(p->literals);
    free(p);
}

void relay_policy_mx_networks(struct relay_policy *p, bool on)
{
    assert(!p->sealed);
    p->mx_networks = on;
}

/* The policy's own copy of a file's name; NULL when out of memory. */
static const char *file_name(struct relay_policy *p, const char *file)
{
    for (size_t i = 0; i < p->file_count; i++)
        if (strcmp(p->files[i], file) == 0)
            return p->files[i];
    if (array_grow(&p->files, &p->file_cap, sizeof(p->files[0]), p->file_count + 1) < 0)
        return NULL;
    p->files[p->file_count] = strdup(file);
    return p->files[p->file_count] ? p->files[p->file_count++] : NULL;
}

/* --- settings --------------------------------------------------------------------------------- */

/* A setting's value is read as a file of one line; its words behind the first are marks. */
struct setting {
    struct relay_reading reading;
    struct relay_rule rule;
    struct span word; /* the first */
    struct span more; /* all behind it */
};

static int setting_open(struct setting *s, struct relay_policy *p, struct span text,
                        struct relay_place place, struct relay_fault *fault)
{
    const char *file = file_name(p, place.file ? place.file : "");

    assert(!p->sealed);
    *s = (struct setting){.more = text};
    s->reading = (struct relay_reading){.policy = p,
                                        .source = &p->sources[0],
                                        .domains = &p->domains,
                                        .file = file,
                                        .fault = fault,
                                        .line = place.line};
    if (!file)
        return -ENOMEM;
    if (!span_word(&s->more, &s->word))
        return relay_bad(&s->reading, "is empty");
    s->rule = relay_rule_here(&s->reading, RELAY_VERB_GRANT);
    s->more = span_trim(s->more);
    return 0;
}

/* Takes the marks that may stand there. */
static int setting_marks(struct setting *s, bool routes_too)
{
    struct span word;
    char shown[RELAY_SHOWN_SIZE];

    while (span_word(&s->more, &word)) {
        if (span_eq(word, SPAN_LIT("deliberate")))
            s->rule.deliberate = true;
        else if (routes_too && span_eq(word, SPAN_LIT("routes")))
            s->rule.routes = true;
        else
            return relay_bad(&s->reading, "'%s' is no mark; there %s", relay_shown(word, shown),
                             routes_too ? "are 'deliberate' and 'routes'" : "is 'deliberate'");
    }
    return 0;
}

int relay_policy_add_domain(struct relay_policy *p, struct span text, struct relay_place place,
                            struct relay_fault *fault)
{
    struct setting s;
    int r = setting_open(&s, p, text, place, fault);
    bool tree;

    if (r == 0)
        r = setting_marks(&s, true);
    if (r != 0)
        return r;
    if (span_eq(s.word, SPAN_LIT("*")) || span_eq(s.word, SPAN_LIT(".")))
        return relay_add_key(&s.reading, &p->domains, SPAN_LIT("."), &s.rule);
    tree = s.word.p[0] == '.';
    return relay_add_own(&s.reading, span_slice(s.word, tree, s.word.n),
                         tree ? RELAY_SCOPE_TREE : RELAY_SCOPE_SELF, &s.rule);
}

int relay_policy_add_network(struct relay_policy *p, struct span text, struct relay_place place,
                             struct relay_fault *fault)
{
    struct setting s;
    struct ip_prefix net;
    char shown[RELAY_SHOWN_SIZE];
    int r = setting_open(&s, p, text, place, fault);
    bool except;

    if (r == 0)
        r = setting_marks(&s, false);
    if (r != 0)
        return r;
    except = s.word.p[0] == '!';
    if (!ip_prefix_parse(span_slice(s.word, except, s.word.n), &net))
        return relay_bad(&s.reading, "'%s' is no address and no prefix (192.0.2.0/24)",
                         relay_shown(s.word, shown));
    if (except)
        s.rule.verb = RELAY_VERB_NONE;
    r = relay_add_net(&s.reading, net, &s.rule);
    if (r == 0 && except) /* also before an equal prefix that was there first */
        p->sources[0].clients.v[p->sources[0].clients.count - 1].order = 0;
    return r;
}

static unsigned hex_digit(char c)
{
    c = ascii_lower(c);
    return ascii_is_digit(c)      ? (unsigned)(c - '0')
           : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                  : 16;
}

/* 64 hex digits, with or without a colon between each two. */
static bool cert_parse(struct span s, uint8_t ret[32])
{
    bool colons = s.n > 2 && s.p[2] == ':';

    if (s.n != (colons ? 32 * 3 - 1 : 32 * 2))
        return false;
    for (size_t i = 0; i < 32; i++) {
        const char *at = s.p + i * (colons ? 3 : 2);
        unsigned high = hex_digit(at[0]), low = hex_digit(at[1]);

        if (high > 15 || low > 15 || (colons && i < 31 && at[2] != ':'))
            return false;
        ret[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

int relay_policy_add_cert(struct relay_policy *p, struct span text, struct relay_place place,
                          struct relay_fault *fault)
{
    struct setting s;
    struct relay_cert cert = {0};
    int r = setting_open(&s, p, text, place, fault);

    if (r != 0)
        return r;
    if (!cert_parse(s.word, cert.sha256))
        return relay_bad(&s.reading, "is no SHA-256 fingerprint of a key (64 hex digits)");
    if (array_grow(&p->certs, &p->cert_cap, sizeof(cert), p->cert_count + 1) < 0)
        return -ENOMEM;
    cert.place = s.rule.place;
    p->certs[p->cert_count++] = cert;
    return 0;
}

int relay_policy_trust_ca(struct relay_policy *p, struct relay_place place)
{
    const char *file = file_name(p, place.file ? place.file : "");

    assert(!p->sealed);
    if (!file)
        return -ENOMEM;
    p->ca = true;
    p->ca_place = (struct relay_place){file, place.line};
    return 0;
}

int relay_policy_add_literal(struct relay_policy *p, struct span text, struct relay_place place,
                             struct relay_fault *fault)
{
    struct setting s;
    struct relay_literal literal = {0};
    int r = setting_open(&s, p, text, place, fault);

    if (r != 0)
        return r;
    if (!ip_parse(s.word, &literal.ip) || s.more.n)
        return relay_bad(&s.reading, "is no IP address");
    if (array_grow(&p->literals, &p->literal_cap, sizeof(literal), p->literal_count + 1) < 0)
        return -ENOMEM;
    literal.place = s.rule.place;
    p->literals[p->literal_count++] = literal;
    return 0;
}

/* --- files ------------------------------------------------------------------------------------ */

static int read_as(struct relay_reading *r, enum relay_read kind)
{
    static const struct {
        enum relay_lines how;
        relay_line_fn fn;
        bool first; /* of several rules that match, the first counts */
    } formats[] = {
        [RELAY_READ_RCPTHOSTS] = {RELAY_LINES_PLAIN, relay_read_domains, false},
        [RELAY_READ_RELAY_DOMAINS] = {RELAY_LINES_PLAIN, relay_read_domains, false},
        [RELAY_READ_NETWORKS] = {RELAY_LINES_INDENTED, relay_read_networks, true},
        [RELAY_READ_TCPRULES] = {RELAY_LINES_PLAIN, relay_read_tcprules, false},
        [RELAY_READ_HOSTS_ALLOW] = {RELAY_LINES_BACKSLASH, relay_read_hosts_allow, true},
        [RELAY_READ_ACCESS] = {RELAY_LINES_INDENTED, relay_read_access, false},
        [RELAY_READ_ACCESS_CLIENT] = {RELAY_LINES_INDENTED, relay_read_access, false},
        [RELAY_READ_ACCESS_FROM] = {RELAY_LINES_INDENTED, relay_read_access, false},
        [RELAY_READ_ACCESS_TO] = {RELAY_LINES_INDENTED, relay_read_access, false},
        [RELAY_READ_CIDR] = {RELAY_LINES_INDENTED, relay_read_cidr, true},
    };
    int got;

    r->bare = kind == RELAY_READ_RELAY_DOMAINS ? RELAY_SCOPE_TREE : RELAY_SCOPE_SELF;
    r->keys = kind == RELAY_READ_ACCESS_CLIENT ? RELAY_KEYS_CLIENT
              : kind == RELAY_READ_ACCESS_FROM ? RELAY_KEYS_FROM
              : kind == RELAY_READ_ACCESS_TO   ? RELAY_KEYS_TO
                                               : RELAY_KEYS_TAGGED;
    r->source->clients.first = formats[kind].first;
    got = relay_lines_each(r, formats[kind].how, formats[kind].fn);
    return got == 0 && kind == RELAY_READ_CIDR ? relay_read_cidr_end(r) : got;
}

/* Makes room first, so that nothing fails half-way. */
static int take_over(struct relay_policy *p, struct relay_reading *r)
{
    if (array_grow(&p->sources, &p->source_cap, sizeof(p->sources[0]), p->source_count + 1) < 0 ||
        array_grow(&p->domains.v, &p->domains.cap, sizeof(p->domains.v[0]),
                   p->domains.count + r->domains->count) < 0 ||
        array_grow(&p->notes, &p->note_cap, sizeof(p->notes[0]), p->note_count + r->note_count) < 0)
        return -ENOMEM;
    p->sources[p->source_count++] = *r->source;
    for (size_t i = 0; i < r->domains->count; i++) {
        p->domains.v[p->domains.count] = r->domains->v[i];
        p->domains.v[p->domains.count].order = p->domains.count;
        p->domains.count++;
    }
    for (size_t i = 0; i < r->note_count; i++)
        p->notes[p->note_count++] = r->notes[i];
    p->notes_more += r->notes_more;
    *r->source = (struct relay_source){0};
    r->domains->count = r->note_count = 0;
    return 0;
}

int relay_policy_read(struct relay_policy *p, enum relay_read kind, struct span text,
                      const char *file, struct relay_fault *fault)
{
    struct relay_source source = {0};
    struct relay_keys domains = {0};
    struct relay_reading r = {.policy = p,
                              .source = &source,
                              .domains = &domains,
                              .fault = fault,
                              .rest = text,
                              .next = 1,
                              .joined = BUF_INIT(RELAY_LINE_MAX)};
    int got;

    assert(!p->sealed);
    r.file = source.file = file_name(p, file);
    got = r.file ? read_as(&r, kind) : -ENOMEM;
    if (got == 0)
        got = take_over(p, &r);
    source_deinit(&source);
    relay_keys_deinit(&domains);
    for (size_t i = 0; i < r.note_count; i++)
        free(r.notes[i].text);
    free(r.notes);
    for (size_t i = 0; i < r.within_count; i++)
        relay_nets_deinit(&r.within[i]);
    free(r.within);
    buf_deinit(&r.joined);
    return got;
}

static int cert_order(const void *pa, const void *pb)
{
    const struct relay_cert *a = pa, *b = pb;

    return memcmp(a->sha256, b->sha256, sizeof(a->sha256));
}

int relay_policy_seal(struct relay_policy *p)
{
    p->sealed = true;
    relay_keys_seal(&p->domains);
    for (size_t i = 0; i < p->source_count; i++) {
        relay_table_seal(&p->sources[i].clients);
        relay_keys_seal(&p->sources[i].from);
        relay_keys_seal(&p->sources[i].to);
    }
    if (p->cert_count)
        qsort(p->certs, p->cert_count, sizeof(p->certs[0]), cert_order);
    return 0;
}

/* --- asking ----------------------------------------------------------------------------------- */

const struct relay_note *relay_policy_notes(const struct relay_policy *p, size_t *ret_count,
                                            size_t *ret_more)
{
    *ret_count = p->note_count;
    *ret_more = p->notes_more;
    return p->notes;
}

struct relay_counts relay_policy_counts(const struct relay_policy *p)
{
    struct relay_counts n = {.domains = p->domains.count, .certs = p->cert_count};

    for (size_t i = 0; i < p->source_count; i++) {
        const struct relay_source *s = &p->sources[i];

        n.access += s->from.count + s->to.count;
        for (size_t k = 0; k < s->clients.count; k++) {
            n.networks += s->clients.v[k].rule.verb == RELAY_VERB_GRANT;
            n.access += s->clients.v[k].rule.verb >= RELAY_VERB_DEFER;
        }
    }
    return n;
}

bool relay_policy_ascii(const struct relay_policy *p, struct span name, char ret[RELAY_NAME_SIZE])
{
    bool plain = true;

    for (size_t i = 0; i < name.n; i++)
        plain = plain && (unsigned char)name.p[i] < 0x80;
    if (!plain)
        return p->ascii && p->ascii(name, ret) && smtp_domain_ok(span_str(ret));
    if (!smtp_domain_ok(name) || name.p[0] == '[' || !span_copy(name, ret, RELAY_NAME_SIZE))
        return false;
    for (char *c = ret; *c; c++)
        *c = ascii_lower(*c);
    return true;
}

bool relay_policy_own(const struct relay_policy *p, const char *name, struct relay_place *ret_place,
                      bool *ret_routes)
{
    const struct relay_rule *rule = relay_keys_domain(&p->domains, name);

    assert(p->sealed);
    if (!rule)
        return false;
    *ret_place = rule->place;
    *ret_routes = rule->routes;
    return true;
}

bool relay_policy_own_literal(const struct relay_policy *p, struct ip ip,
                              struct relay_place *ret_place)
{
    for (size_t i = 0; i < p->literal_count; i++) {
        if (ip.family != IP_NONE && ip_eq(p->literals[i].ip, ip)) {
            *ret_place = p->literals[i].place;
            return true;
        }
    }
    return false;
}

bool relay_policy_trusts(const struct relay_policy *p, struct ip ip, struct relay_place *ret_place)
{
    assert(p->sealed);
    for (size_t i = 0; i < p->source_count; i++) {
        const struct relay_net *e = relay_table_find(&p->sources[i].clients, ip);

        if (e && e->rule.verb == RELAY_VERB_GRANT) {
            *ret_place = e->rule.place;
            return true;
        }
    }
    return false;
}

bool relay_policy_knows_cert(const struct relay_policy *p, struct span hex,
                             struct relay_place *ret_place)
{
    struct relay_cert want = {0};
    const struct relay_cert *found = NULL;

    assert(p->sealed);
    if (p->cert_count && cert_parse(hex, want.sha256))
        found = bsearch(&want, p->certs, p->cert_count, sizeof(want), cert_order);
    if (found)
        *ret_place = found->place;
    return found != NULL;
}

bool relay_policy_trusts_ca(const struct relay_policy *p, struct relay_place *ret_place)
{
    if (p->ca)
        *ret_place = p->ca_place;
    return p->ca;
}

bool relay_policy_has_mx_networks(const struct relay_policy *p)
{
    return p->mx_networks;
}
