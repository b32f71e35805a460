/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Judges a .cf file by running it: sessions of strangers through check_relay, check_mail and
 * check_rcpt. The version pair of the file tells which old holes the rules come with.
 */
#include "audit/mta_sendmail_priv.h"

#include "base/num.h"

struct sm_cf *sm_cf_new(struct sm_conf *c)
{
    struct sm_cf *cf = audit_alloc(c->a, sizeof(*cf));
    struct sm_class *w;

    if (audit_failed(c->a))
        return cf;
    cf->c = c;
    cf->operators = SPAN_LIT(".:%@!^/[]+");
    w = sm_class(cf, SPAN_LIT("w"));
    sm_words_add(c, &w->words, SPAN_LIT("localhost"), (struct audit_place){0});
    sm_words_add(c, &w->words, SPAN_LIT("[127.0.0.1]"), (struct audit_place){0});
    if (audit_host_get_name(c->a))
        sm_words_add(c, &w->words, span_str(audit_host_get_name(c->a)), (struct audit_place){0});
    return cf;
}

/* $w, $j and $m come from the host's name. */
static void host_macros(struct sm_cf *cf)
{
    const char *host = audit_host_get_name(cf->c->a), *dot;
    struct audit_place none = {0};

    if (!host)
        host = "host.invalid";
    dot = strchr(host, '.');
    sm_cf_line(cf, span_str(audit_fmt(cf->c->a, "Dw%s", host)), none);
    sm_cf_line(cf, span_str(audit_fmt(cf->c->a, "Dj%s", host)), none);
    sm_cf_line(cf, span_str(audit_fmt(cf->c->a, "Dm%s", dot ? dot + 1 : host)), none);
    sm_cf_line(cf, span_str(audit_fmt(cf->c->a, "Cm%s", dot ? dot + 1 : host)), none);
}

int sm_read_cf(struct sm_conf *c, const struct audit_source_file *f)
{
    struct audit_lines r;
    struct audit_line line;

    c->file = f->name;
    c->rules = sm_cf_new(c);
    if (audit_failed(c->a))
        return 0;
    host_macros(c->rules);
    audit_lines_open(&r, c->a, AUDIT_LINES_TAB, f);
    while (audit_lines_next(&r, &line) && !audit_failed(c->a))
        sm_cf_line(c->rules, line.text, (struct audit_place){f->name, line.first});
    return audit_error(c->a)[0] ? AUDIT_BAD : 0;
}

/* --- trials ----------------------------------------------------------------------------------- */

struct trial {
    struct sm_conf *c;
    struct audit_door *d;
    struct sm_session base;
    bool open, doubted;
};

static void accepted(struct trial *t, const struct sm_session *s, const struct sm_run *r,
                     const char *id, enum audit_severity severity, const char *why)
{
    struct audit_finding *f = audit_find(t->c->a, id, severity, t->d, r->last);

    f->why = why;
    f->fix = "mend the .mc that this file was made from, and make it again";
    f->witness = audit_witness(t->d, s->client.family ? s->client : audit_stranger(NULL, IP_V4),
                               s->sender, s->rcpt);
    f->witness.ptr = s->ptr;
    if (s->mx_here)
        unix_mx_witness(t->c->a, f);
}

/* One session; true when it gets through to another domain. */
static bool one(struct trial *t, const struct sm_session *s, const char *id,
                enum audit_severity severity, const char *why)
{
    struct sm_run r;
    enum sm_answer got = sm_check(t->c->rules, s, &r);

    if (got == SM_ACCEPTED)
        accepted(t, s, &r, id, severity, why);
    if (got == SM_DOUBT && !t->doubted) {
        struct audit_finding *f = audit_undecided(t->c->a, id, severity, t->d, r.doubt_place);

        f->why = audit_fmt(t->c->a, "whether strangers may relay hangs on this line, and it %s",
                           r.doubt_why ? r.doubt_why : "can't be followed");
        f->fix = "try it on the server: sendmail -bt, .D{client_addr}198.51.100.1, then check_rcpt";
        t->doubted = true;
    }
    return got == SM_ACCEPTED;
}

static void try_senders(struct trial *t)
{
    const struct sm_class *w = sm_class(t->c->rules, SPAN_LIT("w"));
    struct sm_session s = t->base;
    struct sm_entry e;

    s.sender = "";
    if (one(t, &s, "SM03", AUDIT_FORGED, "the null sender may send anywhere"))
        return;
    for (size_t i = 0; i < w->words.count && i < 8; i++) {
        s.sender = audit_fmt(t->c->a, "user@%.*s", SPAN_ARG(w->words.v[i].text));
        if (one(t, &s, "SM03", AUDIT_FORGED,
                "who claims a sender in a local domain may send anywhere")) {
            t->d->keys |= AUDIT_KEY_SENDER;
            return;
        }
    }
    for (size_t i = 0; i < t->c->access.count && i < 200; i++) {
        bool address;

        if (!sm_entry(t->c->access.v[i].text, &e) || !span_eq_nocase(e.value, SPAN_LIT("RELAY")) ||
            !span_eq_nocase(e.tag, SPAN_LIT("from")))
            continue;
        address = span_find(e.key, '@') < e.key.n;
        s.sender = audit_fmt(t->c->a, "%s%.*s", address ? "" : "user@", SPAN_ARG(e.key));
        if (one(t, &s, "SM04", AUDIT_FORGED,
                "who claims a sender that the access map names may send anywhere")) {
            t->d->keys |= AUDIT_KEY_SENDER;
            return;
        }
    }
}

/* Suffixes that are nobody's, of classes R and m and of the access map. */
static void try_suffix(struct trial *t, struct span name)
{
    struct sm_session s = t->base;
    struct ip_prefix net;

    if (name.n > 0 && name.p[0] == '.')
        name = span_slice(name, 1, name.n);
    if (sm_net(name, &net) || !unix_shared_suffix(name) || name.n == 0)
        return;
    s.rcpt = unix_victim_below(t->c->a, name);
    one(t, &s, "SM02", AUDIT_OPEN,
        audit_fmt(t->c->a, "mail for any name below \"%.*s\" is relayed", SPAN_ARG(name)));
}

/* FEATURE(relay_entire_domain): clients with a name in $m, which comes from the host's own. */
static void try_own_domain(struct trial *t)
{
    const struct sm_class *m = sm_class(t->c->rules, SPAN_LIT("m"));
    const char *host = audit_host_get_name(t->c->a);
    struct sm_session s = t->base;
    struct audit_finding *f;
    struct sm_run r;

    for (size_t i = 0; i < m->words.count && i < 4; i++) {
        s.ptr = audit_fmt(t->c->a, "client.%.*s", SPAN_ARG(m->words.v[i].text));
        if (sm_check(t->c->rules, &s, &r) != SM_ACCEPTED)
            continue;
        if (host) {
            accepted(t, &s, &r, "SM06", AUDIT_LATENT,
                     "every client with a name in this host's domain may send anywhere");
            continue;
        }
        f = audit_undecided(t->c->a, "SM06", AUDIT_OPEN, t->d, r.last);
        f->why = "every host of this host's own domain may relay, and which that is hangs on the "
                 "host's name: with two labels it is all of a top-level domain";
        f->fix = "give the host's name with --host-name";
    }
}

static void try_names(struct trial *t)
{
    static const char *const classes[] = {"R", "m"};
    struct sm_session s = t->base;
    struct sm_entry e;

    for (size_t i = 0; i < 2; i++) {
        const struct sm_class *k = sm_class(t->c->rules, span_str(classes[i]));

        for (size_t n = 0; n < k->words.count && n < SM_LABELS_MAX; n++)
            if (i == 0 || audit_host_get_name(t->c->a))
                try_suffix(t, k->words.v[n].text);
    }
    for (size_t i = 0; i < t->c->access.count && i < SM_LABELS_MAX; i++) {
        struct ip_prefix net;

        if (!sm_entry(t->c->access.v[i].text, &e) || !span_eq_nocase(e.value, SPAN_LIT("RELAY")) ||
            sm_net(e.key, &net) || e.key.n == 0)
            continue;
        if (span_eq_nocase(e.tag, SPAN_LIT("connect")) && e.key.p[0] != '[' &&
            !span_starts_nocase(e.key, SPAN_LIT("localhost"))) {
            bool wide = !sm_own_name(t->c, e.key);

            s = t->base;
            s.ptr = audit_fmt(t->c->a, "client.%.*s", SPAN_ARG(e.key));
            one(t, &s, "SM09", wide ? AUDIT_FORGED : AUDIT_LATENT,
                "clients with such a name may send anywhere");
        } else {
            try_suffix(t, e.key);
        }
    }
    try_own_domain(t);
    s = t->base;
    s.mx_here = true;
    one(t, &s, "SM05", AUDIT_FORGED,
        "mail is relayed for any domain whose MX record names this host");
}

static void try_forms(struct trial *t)
{
    static const struct {
        unsigned form;
        const char *front, *behind; /* of the domain */
    } forms[] = {
        {AUDIT_FORM_PERCENT, AUDIT_VICTIM_LOCAL "%" AUDIT_VICTIM_DOMAIN "@", ""},
        {AUDIT_FORM_BANG, AUDIT_VICTIM_DOMAIN "!" AUDIT_VICTIM_LOCAL "@", ""},
        {AUDIT_FORM_QUOTED, "\"" AUDIT_VICTIM "\"@", ""},
        {AUDIT_FORM_ROUTE, "@", ":" AUDIT_VICTIM},
    };
    static const char *const classes[] = {"w", "R"};

    for (size_t k = 0; k < 2; k++) {
        const struct sm_class *w = sm_class(t->c->rules, span_str(classes[k]));

        for (size_t i = 0; i < w->words.count && i < 6; i++)
            for (size_t n = 0; n < sizeof(forms) / sizeof(forms[0]); n++) {
                struct sm_session s = t->base;
                struct ip_prefix net;
                struct sm_run r;
                bool as_is;

                if (sm_net(w->words.v[i].text, &net))
                    continue;
                s.rcpt = audit_fmt(t->c->a, "%s%.*s%s", forms[n].front,
                                   SPAN_ARG(w->words.v[i].text), forms[n].behind);
                if (!sm_goes_out(t->c->rules, &s, &as_is))
                    continue;
                t->d->unpacks |= as_is ? 0 : forms[n].form; /* for whoever may relay */
                if (sm_check(t->c->rules, &s, &r) != SM_ACCEPTED)
                    continue;
                t->d->passes |= as_is ? forms[n].form : 0;
                if (as_is)
                    accepted(t, &s, &r, "SM07", AUDIT_HALF_OPEN,
                             "this recipient goes on to the next host, which may unpack it");
                else
                    accepted(t, &s, &r, "SM07", AUDIT_OPEN,
                             "this recipient is accepted as one of ours, and sent on to another "
                             "domain");
            }
    }
}

/* --- versions --------------------------------------------------------------------------------- */

static bool older(struct span v, unsigned a, unsigned b, unsigned c)
{
    unsigned n[3] = {0, 0, 0};
    struct span one;

    for (size_t i = 0; i < 3 && span_cut(&v, '.', &one); i++) {
        size_t digits = 0;

        while (digits < one.n && ascii_is_digit(one.p[digits]))
            digits++;
        if (!num_uint(span_slice(one, 0, digits), 0, 10000, &n[i]))
            return false;
    }
    return n[0] != a ? n[0] < a : n[1] != b ? n[1] < b : n[2] < c;
}

static void judge_version(struct sm_conf *c, struct audit_door *d)
{
    struct span v = c->rules->version;
    bool vendor = span_eq_nocase(v, SPAN_LIT("linuxconf")) || span_starts(v, SPAN_LIT("SMI")) ||
                  span_has_nocase(v, SPAN_LIT("SCO"));
    struct audit_finding *f;

    if (v.n == 0 || (!vendor && (!ascii_is_digit(v.p[0]) || !older(v, 8, 9, 3))))
        return;
    f = audit_find(c->a, "SM14", AUDIT_FORGED, d, c->rules->version_place);
    f->why = audit_fmt(c->a,
                       "rules of version %.*s have known holes: quoted, percent and bang "
                       "recipients, and route addresses, pass them",
                       SPAN_ARG(v));
    f->fix = "make the file again from a .mc with the m4 of the installed version";
}

void sm_judge_cf(struct sm_conf *c, struct audit_door *d)
{
    struct trial t = {.c = c, .d = d};
    const struct sm_class *relay = sm_class(c->rules, SPAN_LIT("R"));

    t.base = (struct sm_session){.sender = AUDIT_SPAMMER, .rcpt = AUDIT_VICTIM, .flags = ""};
    c->relay = relay->words;
    c->local = sm_class(c->rules, SPAN_LIT("w"))->words;
    if (!sm_ruleset(c->rules, SPAN_LIT("check_rcpt"))) {
        struct sm_run r = {.last = {c->file, 0}};

        accepted(&t, &t.base, &r, "SM01", AUDIT_OPEN,
                 "there is no rule set check_rcpt, so that every recipient is accepted");
        d->stranger = AUDIT_YES;
        return;
    }
    if (one(&t, &t.base, "SM01", AUDIT_OPEN,
            "this rule accepts recipients of other domains from any client")) {
        d->stranger = AUDIT_YES;
        return;
    }
    d->stranger = t.doubted ? AUDIT_UNKNOWN : AUDIT_NO;
    sm_trust(c, d);
    try_senders(&t);
    try_names(&t);
    try_forms(&t);
    judge_version(c, d);
}
