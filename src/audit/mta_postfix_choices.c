/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a stranger can choose: his sender, HELO name, recipient form, and where he comes from. The
 * tables themselves say which choices matter: of a check_sender_access table that lets
 * "partner.example" pass, user@partner.example is tried. Of many keys with one result a few do.
 */
#include "audit/mta_postfix_try.h"

#include <stdlib.h>

/* Where a sender is of whose local part alone matters. */
#define STRANGER "@stranger.example"

static bool texts_add(struct pf_texts *t, const char *text)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->v[i], text) == 0)
            return true;
    if (t->count >= PF_CHOICES_MAX)
        return false;
    t->v[t->count++] = text;
    return true;
}

/* --- networks --------------------------------------------------------------------------------- */

bool pf_client_key_net(struct span key, struct ip_prefix *ret)
{
    struct ip ip = {.family = IP_V4};
    unsigned octets = 0, n;
    struct span rest = key, part;

    if (ip_parse(key, &ip)) {
        *ret = ip_prefix_of(ip, ip.family == IP_V4 ? 32 : 128);
        return true;
    }
    if (span_find(key, ':') < key.n) {
        /* Whole groups of an IPv6 address, as it is written without "::". */
        char text[IP_TEXT_MAX];
        size_t groups = 1;

        for (size_t i = 0; i < key.n; i++)
            groups += key.p[i] == ':';
        if (groups > 7 || key.n + 3 > sizeof(text) || key.p[key.n - 1] == ':')
            return false;
        memcpy(text, key.p, key.n);
        memcpy(text + key.n, "::", 3);
        if (!ip_parse(span_str(text), &ip))
            return false;
        *ret = ip_prefix_of(ip, (unsigned)(groups * 16));
        return true;
    }
    ip = (struct ip){.family = IP_V4};
    while (octets < 4 && span_cut(&rest, '.', &part)) {
        n = 0;
        if (part.n == 0 || part.n > 3)
            return false;
        for (size_t i = 0; i < part.n; i++) {
            if (!ascii_is_digit(part.p[i]))
                return false;
            n = n * 10 + (unsigned)(part.p[i] - '0');
        }
        if (n > 255)
            return false;
        ip.b[octets++] = (uint8_t)n;
    }
    if (octets == 0 || rest.n > 0)
        return false;
    *ret = ip_prefix_of(ip, octets * 8);
    return true;
}

static void name_net(struct pf_conf *c, struct pf_choices *ch, struct ip_prefix net)
{
    if (ch->named.count < 4096 && relay_nets_add(&ch->named, net) < 0)
        audit_bad(c->a, (struct audit_place){c->file, 0}, "out of memory");
}

/* --- keys of tables --------------------------------------------------------------------------- */

struct gathering {
    struct pf_conf *c;
    const struct pf_lists *l;
    struct pf_choices *ch;
    size_t table;                /* the number of the table at hand, from 1; 0: none */
    size_t from[PF_CHOICES_MAX]; /* which table each sender is of */
    size_t marked;               /* senders with a table */
};

/* Whether enough keys of this table with this result have been taken before entry i. */
static bool enough(const struct pf_table *t, size_t i)
{
    size_t same = 0;

    for (size_t k = i; k-- > 0 && i - k < 64;)
        same += span_eq(t->v[k].value, t->v[i].value);
    return same >= PF_SAME_MAX;
}

/* Names that a key stands for: itself, or something below it. */
static const char *below_key(struct pf_conf *c, struct span key)
{
    if (key.n > 1 && key.p[0] == '.')
        return audit_fmt(c->a, "mail%.*s", (int)key.n, key.p);
    return audit_dup(c->a, key);
}

static const char *mail_of_key(struct pf_conf *c, struct span key)
{
    size_t at = span_rfind(key, '@');

    if (span_eq(key, span_trim(pf_value(c, "smtpd_null_access_lookup_key").s)))
        return "";
    if (at + 1 == key.n)
        return audit_fmt(c->a, "%.*s" STRANGER, (int)key.n - 1, key.p);
    if (at < key.n)
        return audit_dup(c->a, key);
    return audit_fmt(c->a, "user@%s", below_key(c, key));
}

/* A host name, or a domain with hosts below it. */
static bool host_like(struct span s)
{
    if (s.n == 0 || span_find(s, '.') == s.n || !ascii_is_alpha(s.p[s.n - 1]))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_is_alnum(s.p[i]) && s.p[i] != '.' && s.p[i] != '-')
            return false;
    return true;
}

/* A single label that is a domain of the Internet, as far as its look goes. */
static bool top_level(struct span s)
{
    static const char *const local[] = {"localhost", "localdomain", "local",   "lan",     "home",
                                        "internal",  "intranet",    "corp",    "private", "test",
                                        "example",   "invalid",     "unknown", NULL};

    if (s.n > 0 && s.p[0] == '.')
        s = span_slice(s, 1, s.n);
    if (s.n < 2 || s.n > 24 || span_find(s, '.') < s.n)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_is_alpha(s.p[i]))
            return false;
    for (size_t i = 0; local[i]; i++)
        if (span_eq_nocase(s, span_str(local[i])))
            return false;
    return true;
}

static const char *below_top(struct pf_conf *c, struct span s)
{
    if (s.p[0] == '.')
        s = span_slice(s, 1, s.n);
    return audit_fmt(c->a, AUDIT_VICTIM_LOCAL "@elsewhere.%.*s", (int)s.n, s.p);
}

static bool below_word(const struct pf_words *w, struct span name)
{
    for (size_t i = 0; i < w->count; i++) {
        struct span s = w->v[i].s;

        if (!pf_is_table(s) && s.n > 0 && s.n <= name.n && span_ends_nocase(name, s) &&
            (s.n == name.n || name.p[name.n - s.n - 1] == '.') && span_find(s, '.') < s.n)
            return true;
    }
    return false;
}

/* Only the operator can give a host a confirmed name in a domain of his own. */
static bool own_name(struct pf_conf *c, const struct pf_domains *d, struct span name)
{
    struct span domain = pf_value(c, "mydomain").s;
    struct pf_word word = {.s = domain};
    struct pf_words mydomain = {&word, pf_find(c, "mydomain") || pf_find(c, "myhostname") ? 1 : 0};

    return below_word(&d->mydestination, name) || below_word(&d->alias, name) ||
           below_word(&d->mailbox, name) || below_word(&d->relay, name) ||
           below_word(&mydomain, name);
}

static void name_choice(struct pf_conf *c, const struct pf_domains *d, struct pf_choices *ch,
                        struct span key)
{
    if (own_name(c, d, key))
        return;
    if (top_level(key))
        texts_add(&ch->names,
                  audit_fmt(c->a, "mail.stranger.%.*s", (int)(key.n - (key.p[0] == '.')),
                            key.p + (key.p[0] == '.')));
    else if (host_like(key))
        texts_add(&ch->names, below_key(c, key));
}

static void key_choice(struct gathering *g, enum pf_why why, struct span key)
{
    struct pf_choices *ch = g->ch;
    size_t at = span_rfind(key, '@');
    struct ip_prefix net;

    if (key.n == 0 || key.n > 300)
        return;
    if (why == PF_WHY_SENDER) {
        texts_add(&ch->mails, mail_of_key(g->c, key));
    } else if (why == PF_WHY_HELO) {
        texts_add(&ch->helos, below_key(g->c, key));
    } else if (why == PF_WHY_RCPT) {
        if (at + 1 == key.n)
            texts_add(&ch->rcpts,
                      audit_fmt(g->c->a, "%.*s" AUDIT_VICTIM_DOMAIN, (int)key.n, key.p));
        else if (top_level(key))
            texts_add(&ch->rcpts, below_top(g->c, key));
    } else if (why == PF_WHY_CLIENT) {
        if (pf_client_key_net(key, &net))
            name_net(g->c, ch, net);
        else
            name_choice(g->c, &g->l->domains, ch, key);
    }
}

static void sample_sender(struct gathering *g, const char *s)
{
    size_t n = strlen(s);

    if (n > 0 && s[n - 1] == '@') {
        texts_add(&g->ch->mails, audit_fmt(g->c->a, "%.*s" STRANGER, (int)(n - 1), s));
        return;
    }
    texts_add(&g->ch->mails, s[0] == '@' ? audit_fmt(g->c->a, "user%s", s) : s);
    if (strchr(s, '@'))
        return;
    texts_add(&g->ch->mails, audit_fmt(g->c->a, "user@%s", s));
    texts_add(&g->ch->mails, audit_fmt(g->c->a, "%s" STRANGER, s));
}

/* Unanchored patterns: a domain that begins like ours and ends in a stranger's. */
static void sample_rcpt(struct gathering *g, const char *s)
{
    bool at = strchr(s, '@') != NULL;
    size_t n = strlen(s);
    const char *local = !at ? AUDIT_VICTIM_LOCAL "@" : s[0] == '@' ? AUDIT_VICTIM_LOCAL : "";

    texts_add(&g->ch->rcpts, audit_fmt(g->c->a, "%s%s." AUDIT_VICTIM_DOMAIN, local, s));
    if (!at || s[n - 1] == '@')
        texts_add(&g->ch->rcpts, audit_fmt(g->c->a, "%s%s" AUDIT_VICTIM_DOMAIN, s, at ? "" : "@"));
}

/* The beginning of an address, or a name; a name that goes on as a stranger's, too. */
static void sample_client(struct gathering *g, const char *s)
{
    struct span all = span_str(s);
    struct ip_prefix net;

    if (all.n > 1 && all.p[all.n - 1] == '.')
        all.n--;
    if (pf_client_key_net(all, &net)) {
        name_net(g->c, g->ch, net);
        return;
    }
    if (*s == '.')
        s = audit_fmt(g->c->a, "mail%s", s);
    if (!own_name(g->c, &g->l->domains, span_str(s)))
        texts_add(&g->ch->names, s);
    texts_add(&g->ch->names, audit_fmt(g->c->a, "%s.stranger.example", s));
}

static void sample_use(struct gathering *g, enum pf_why why, const char *s)
{
    if (!*s || strlen(s) > 300)
        return;
    if (why == PF_WHY_HELO)
        texts_add(&g->ch->helos, s);
    if (why == PF_WHY_CLIENT)
        sample_client(g, s);
    if (why == PF_WHY_SENDER)
        sample_sender(g, s);
    if (why == PF_WHY_RCPT)
        sample_rcpt(g, s);
}

static const char *sample_of(struct pf_conf *c, const struct pf_entry *e)
{
    struct buf b = BUF_INIT(1000);
    const char *s = pf_pattern_sample(e, &b) ? audit_dup(c->a, buf_span(&b)) : "";

    buf_deinit(&b);
    return s;
}

/*
 * A text that a pattern matches, made into what the table is asked for; inside of "if" (NULL:
 * none) also one that both match, as far as putting them together makes one.
 */
static void sample_choice(struct gathering *g, enum pf_why why, const struct pf_entry *e,
                          const struct pf_entry *inside)
{
    const char *s = sample_of(g->c, e), *in = inside ? sample_of(g->c, inside) : "";
    struct span local = span_str(s), domain = span_str(in);

    sample_use(g, why, s);
    if (!*in || !*s)
        return;
    local = span_slice(local, 0, span_find(local, '@'));
    domain = span_find(domain, '@') < domain.n
                 ? span_slice(domain, span_find(domain, '@') + 1, domain.n)
                 : domain;
    sample_use(g, why,
               audit_fmt(g->c->a, "%.*s@%.*s", (int)local.n, local.p, (int)domain.n, domain.p));
    sample_use(g, why, audit_fmt(g->c->a, "%s%s", s, in));
    sample_use(g, why, audit_fmt(g->c->a, "%s%s", in, s));
}

static void entry_choices(struct gathering *g, const struct pf_table *t, enum pf_why why)
{
    const struct pf_entry *inside = NULL;

    /* A pattern takes as long as some dozens of numbers. */
    g->ch->weight += t->kind == PF_TABLE_CIDR      ? t->count
                     : t->kind == PF_TABLE_PATTERN ? t->count * 50
                                                   : 1;
    for (size_t i = 0; i < t->count; i++) {
        const struct pf_entry *e = &t->v[i];

        if (t->kind == PF_TABLE_CIDR && e->op == PF_RULE) {
            name_net(g->c, g->ch, e->net);
        } else if (e->op != PF_RULE) {
            inside = e->op == PF_IF && !e->negated ? e : NULL;
            continue;
        } else if (t->kind == PF_TABLE_PATTERN && !enough(t, i)) {
            sample_choice(g, why, e, inside);
        } else if (t->kind == PF_TABLE_KEYS && (why == PF_WHY_CLIENT || !enough(t, i))) {
            key_choice(g, why, e->key);
        }
    }
    for (size_t i = 0; i < t->inner_count; i++)
        entry_choices(g, t->inner[i], why);
}

static void mark_senders(struct gathering *g)
{
    while (g->marked < g->ch->mails.count)
        g->from[g->marked++] = g->table;
}

static void table_choices(void *cookie, const struct pf_table *t, enum pf_why why)
{
    struct gathering *g = cookie;

    mark_senders(g);
    g->table++;
    entry_choices(g, t, why);
    mark_senders(g);
}

/*
 * One sender may have to get past two tables, one of which names his local part and the other his
 * domain: each with each, behind all that are simpler.
 */
static void join_senders(struct gathering *g)
{
    struct pf_texts *mails = &g->ch->mails;

    mark_senders(g);
    for (size_t i = 0; i < g->marked && mails->count < PF_CHOICES_MAX; i++) {
        struct span local = span_str(mails->v[i]);

        local = span_slice(local, 0, span_find(local, '@'));
        if (g->from[i] == 0 || local.n == 0 || span_eq(local, SPAN_LIT("user")))
            continue;
        for (size_t k = 0; k < g->marked; k++) {
            const char *domain = strchr(mails->v[k], '@');

            if (g->from[k] != g->from[i] && k > 0 && domain && strcmp(domain, STRANGER) != 0)
                texts_add(mails, audit_fmt(g->c->a, "%.*s%s", (int)local.n, local.p, domain));
        }
    }
}

/* Domains that relay_domains may hold beside those that it names. */
static void relay_choices(struct gathering *g, const struct pf_words *relay)
{
    static const char *const tops[] = {"com", "net", "org"};

    for (size_t i = 0; i < relay->count; i++) {
        struct span s = relay->v[i].s;
        const struct pf_table *t = pf_is_table(s) ? pf_table(g->c, s, relay->v[i].place) : NULL;

        if (!t && top_level(s))
            texts_add(&g->ch->rcpts, below_top(g->c, s));
        for (size_t k = 0; t && t->kind == PF_TABLE_KEYS && k < t->count; k++)
            if (top_level(t->v[k].key))
                texts_add(&g->ch->rcpts, below_top(g->c, t->v[k].key));
        for (size_t k = 0; t && t->kind == PF_TABLE_PATTERN && k < t->count && k < 20; k++)
            if (t->v[k].op == PF_RULE && *sample_of(g->c, &t->v[k]))
                sample_rcpt(g, sample_of(g->c, &t->v[k]));
        for (size_t k = 0; t && t->kind == PF_TABLE_PATTERN && k < 3; k++)
            texts_add(&g->ch->rcpts, below_top(g->c, span_str(tops[k])));
    }
}

/* --- a stranger that nobody knows ------------------------------------------------------------- */

struct naming {
    struct span domain;
    bool named;
};

static void table_names(void *cookie, const struct pf_table *t, enum pf_why why)
{
    struct naming *n = cookie;

    for (size_t i = 0; i < t->count && !n->named; i++)
        n->named = span_has_nocase(t->v[i].key, n->domain);
    for (size_t i = 0; i < t->inner_count; i++)
        table_names(cookie, t->inner[i], why);
}

/* The plain stranger's sender must be in no table, whatever examples a configuration uses. */
static const char *spammer(struct pf_conf *c, const struct pf_lists *l)
{
    static const char *const tries[] = {AUDIT_SPAMMER, "spammer@outsider.example",
                                        "spammer@unheard-of.example"};
    struct naming n;

    for (size_t i = 0; i < 3; i++) {
        n = (struct naming){span_str(strchr(tries[i], '@') + 1), false};
        pf_each_table(c, l, table_names, &n);
        if (!n.named)
            return tries[i];
    }
    return AUDIT_SPAMMER;
}

/* --- all of it -------------------------------------------------------------------------------- */

static void own_choices(struct pf_conf *c, const struct pf_lists *l, struct pf_choices *ch)
{
    const char *own = pf_own_domain(c, &l->domains);

    texts_add(&ch->rcpts, AUDIT_VICTIM_LOCAL "%" AUDIT_VICTIM_DOMAIN);
    texts_add(&ch->rcpts, AUDIT_VICTIM_DOMAIN "!" AUDIT_VICTIM_LOCAL);
    if (!own)
        return;
    texts_add(&ch->mails, audit_fmt(c->a, "user@%s", own));
    texts_add(&ch->helos, own);
    texts_add(&ch->rcpts, audit_fmt(c->a, AUDIT_VICTIM_LOCAL "%%" AUDIT_VICTIM_DOMAIN "@%s", own));
    texts_add(&ch->rcpts, audit_fmt(c->a, AUDIT_VICTIM_DOMAIN "!" AUDIT_VICTIM_LOCAL "@%s", own));
    texts_add(&ch->rcpts, audit_fmt(c->a, "\"" AUDIT_VICTIM "\"@%s", own));
    texts_add(&ch->rcpts, audit_fmt(c->a, AUDIT_VICTIM "@%s", own));
    texts_add(&ch->rcpts, audit_fmt(c->a, "@%s:" AUDIT_VICTIM, own));
}

void pf_choices_read(struct pf_conf *c, const struct pf_lists *l, struct pf_choices *ret)
{
    struct audit_nets rows = {0};
    struct gathering g = {.c = c, .l = l, .ch = ret};

    *ret = (struct pf_choices){.weight = 50 + l->mynetworks.count};
    texts_add(&ret->names, "unknown");
    texts_add(&ret->helos, AUDIT_SPAMMER_HELO);
    texts_add(&ret->mails, spammer(c, l));
    texts_add(&ret->rcpts, AUDIT_VICTIM);
    own_choices(c, l, ret);
    texts_add(&ret->mails, "");
    pf_rows(c, &l->mynetworks, &rows);
    for (size_t i = 0; i < rows.count; i++)
        name_net(c, ret, rows.v[i].net);
    free(rows.v);
    for (size_t i = 0; i < l->mynetworks.count && !l->mynetworks_unknown; i++) {
        struct span s = l->mynetworks.v[i].s;
        struct ip_prefix net;
        bool bad;

        if (!pf_is_table(s) && s.n > 0 && s.p[0] != '!' && !pf_net_parse(s, &net, &bad))
            name_choice(c, &l->domains, ret, s);
    }
    relay_choices(&g, &l->domains.relay);
    pf_each_table(c, l, table_choices, &g);
    join_senders(&g);
    if (audit_strangers(c->a, &ret->named, &ret->ips, &ret->ip_count) < 0)
        audit_bad(c->a, (struct audit_place){c->file, 0}, "out of memory");
    if (ret->ip_count > 0 && pf_has(c, l, "permit_naked_ip_address", NULL)) {
        char text[IP_TEXT_MAX];

        texts_add(&ret->helos, audit_dup(c->a, span_str(ip_text(ret->ips[0], text))));
    }
}

void pf_choices_deinit(struct pf_choices *ch)
{
    relay_nets_deinit(&ch->named);
    free(ch->ips);
}
