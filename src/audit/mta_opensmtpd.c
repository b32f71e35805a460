/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * OpenSMTPD: smtpd.conf is a list of "match" rules, of which the first that holds names the action;
 * what no rule matches is refused. Where "from" is left out, only this host is meant, and where
 * "for" is left out, only its own domains.
 *
 * Rules are walked for sessions of strangers at each "listen". HELO, sender and reverse name are
 * the client's to choose (OpenSMTPD does not confirm a reverse name), so a rule that asks for one
 * is tried with what it asks for. The syntax before 6.4 ("accept from …") is read, too.
 */
#include "audit/mta_opensmtpd_priv.h"

#include "base/num.h"

static bool is(struct span s, const char *word)
{
    return span_eq(s, span_str(word));
}

/* --- reading ---------------------------------------------------------------------------------- */

static size_t word_length(struct span s)
{
    size_t n = 0;

    if (s.p[0] == '"') {
        n = 1 + span_find(span_slice(s, 1, s.n), '"') + 1;
        return n < s.n ? n : s.n;
    }
    if (s.p[0] == '{') {
        n = span_find(s, '}') + 1;
        return n < s.n ? n : s.n;
    }
    if (strchr("!=,", s.p[0]))
        return 1;
    while (n < s.n && !strchr(" \t\n,{}=\"#", s.p[n]))
        n++;
    return n ? n : 1;
}

struct span smtpd_unquoted(struct span s)
{
    return s.n > 1 && s.p[0] == '"' ? span_slice(s, 1, s.n - (s.p[s.n - 1] == '"')) : s;
}

static struct span expanded(struct smtpd *c, struct span word)
{
    if (word.n > 1 && word.p[0] == '$')
        for (const struct smtpd_text_macro *m = c->macros; m; m = m->next)
            if (span_eq(m->name, span_slice(word, 1, word.n)))
                return m->value;
    return word;
}

/* Words of a line; quotes come off, a macro's value may be several. */
static void split(struct smtpd *c, struct span s, struct smtpd_rule *r, unsigned depth)
{
    while (r->count < SMTPD_WORDS_MAX && depth < 5) {
        struct span word, value;
        size_t n;

        while (s.n > 0 && strchr(" \t,", s.p[0]))
            s = span_slice(s, 1, s.n);
        if (s.n == 0 || s.p[0] == '#')
            return;
        n = word_length(s);
        word = span_slice(s, 0, n);
        s = span_slice(s, n, s.n);
        value = expanded(c, word);
        if (value.p != word.p && word.p[0] == '$' && value.n > 0 && value.p[0] != '{' &&
            span_find(value, ' ') < value.n)
            split(c, value, r, depth + 1);
        else
            r->words[r->count++] = smtpd_unquoted(value);
    }
}

static int read_text(struct smtpd *c, const struct audit_source_file *f);

static void read_table(struct smtpd *c, const struct smtpd_rule *r)
{
    struct smtpd_table *t = audit_alloc(c->a, sizeof(*t));
    struct span source = r->count > 2 ? r->words[2] : SPAN_NULL;

    if (r->count < 3)
        return;
    t->name = r->words[1];
    t->place = r->place;
    if (source.n > 0 && source.p[0] == '{')
        t->items = source;
    else
        t->source = source;
    t->next = c->tables;
    if (!audit_failed(c->a))
        c->tables = t;
}

static void read_macro(struct smtpd *c, struct span name, struct span value)
{
    struct smtpd_text_macro *m = audit_alloc(c->a, sizeof(*m));

    m->name = name;
    value = span_trim(value);
    m->value = smtpd_unquoted(value);
    m->next = c->macros;
    if (!audit_failed(c->a))
        c->macros = m;
}

static void read_action(struct smtpd *c, const struct smtpd_rule *r)
{
    struct smtpd_action *act = audit_alloc(c->a, sizeof(*act));

    if (r->count < 3)
        return;
    act->name = r->words[1];
    act->method = r->words[2];
    act->place = r->place;
    for (size_t i = 3; i + 1 < r->count; i++)
        if (is(r->words[i], "virtual"))
            act->virtual = r->words[i + 1];
    for (size_t i = 3; i < r->count; i++)
        if (is(r->words[i], "host") && i + 1 < r->count && is(act->method, "relay"))
            act->method = r->words[2];
    act->next = c->actions;
    if (!audit_failed(c->a))
        c->actions = act;
}

static void include(struct smtpd *c, struct span path, struct audit_place place)
{
    const char *name = audit_join_path(c->a, "/etc", audit_dup(c->a, path));
    struct audit_source_file f;

    if (c->depth >= AUDIT_NEST_MAX) {
        audit_bad(c->a, place, "more than %d includes within one another; is %s a loop?",
                  AUDIT_NEST_MAX, name);
        return;
    }
    if (audit_need(c->a, "OS01", place, name, "which rules are in it", &f))
        read_text(c, &f);
}

static void logical_line(struct smtpd *c, struct span s, struct audit_place place, unsigned last)
{
    struct smtpd_rule *r = audit_alloc(c->a, sizeof(*r));
    size_t eq = span_find(s, '=');
    struct span name = span_trim(span_slice(s, 0, eq));

    if (audit_failed(c->a))
        return;
    r->place = place;
    r->last = last;
    if (eq < s.n && name.n > 0 && span_find(name, ' ') == name.n && name.p[0] != '"') {
        read_macro(c, name, span_slice(s, eq + 1, s.n));
        return;
    }
    split(c, s, r, 0);
    if (r->count == 0)
        return;
    if (is(r->words[0], "include") && r->count > 1) {
        include(c, r->words[1], place);
    } else if (is(r->words[0], "table")) {
        read_table(c, r);
    } else if (is(r->words[0], "action")) {
        read_action(c, r);
    } else if (is(r->words[0], "match") || is(r->words[0], "accept") || is(r->words[0], "reject")) {
        *c->rules_end = r;
        c->rules_end = &r->next;
    } else if (is(r->words[0], "listen")) {
        *c->listens_end = r;
        c->listens_end = &r->next;
    }
}

/* A line goes on behind a backslash, and as long as a brace is open. */
static int read_text(struct smtpd *c, const struct audit_source_file *f)
{
    struct buf joined = BUF_INIT(AUDIT_LINE_MAX);
    struct audit_lines r;
    struct audit_line line;
    unsigned first = 0;

    c->depth++;
    audit_lines_open(&r, c->a, AUDIT_LINES_BACKSLASH, f);
    while (audit_lines_next(&r, &line) && !audit_failed(c->a) && !audit_error(c->a)[0]) {
        struct span s = line.text, all;
        size_t open = 0;

        if (first == 0)
            first = line.first;
        buf_add(&joined, s);
        buf_add_char(&joined, ' ');
        all = buf_span(&joined);
        for (size_t i = 0; i < all.n; i++)
            open += all.p[i] == '{' ? 1 : all.p[i] == '}' && open > 0 ? (size_t)-1 : 0;
        if (open > 0 && joined.err == 0)
            continue;
        logical_line(c, span_of(audit_dup(c->a, all), all.n), (struct audit_place){f->name, first},
                     line.last);
        buf_clear(&joined);
        first = 0;
    }
    if (joined.n > 0)
        logical_line(c, span_of(audit_dup(c->a, buf_span(&joined)), joined.n),
                     (struct audit_place){f->name, first}, first);
    buf_deinit(&joined);
    c->depth--;
    return audit_error(c->a)[0] ? AUDIT_BAD : 0;
}

/* --- judging ---------------------------------------------------------------------------------- */

static void collect(struct smtpd *c, const struct smtpd_client *w)
{
    c->collect = true;
    for (const struct smtpd_rule *r = c->rules; r; r = r->next)
        if (smtpd_method(c, r).n > 0)
            smtpd_rule_matches(c, r, w);
    c->collect = false;
}

static struct audit_finding *raise(struct smtpd *c, struct audit_door *d, const char *id,
                                   enum audit_severity severity, const struct smtpd_rule *r,
                                   const struct smtpd_client *w, const char *why)
{
    struct audit_finding *f = audit_find(c->a, id, severity, d, r->place);

    f->why = why;
    f->witness = audit_witness(d, w->ip.family ? w->ip : audit_stranger(NULL, IP_V4), w->sender,
                               audit_fmt(c->a, "%s@%s", AUDIT_VICTIM_LOCAL, w->domain));
    f->witness.helo = w->helo;
    f->witness.ptr = w->ptr;
    return f;
}

/* The rule with "auth" in front, which is what was meant. */
static void add_auth(struct smtpd *c, struct audit_finding *f, const struct smtpd_rule *r)
{
    struct span s = unix_line(c->a, r->place.file, r->place.line);

    if (span_starts(span_trim(s), SPAN_LIT("match ")) && r->last == r->place.line) {
        size_t at = span_find_nocase(s, SPAN_LIT("match "));

        audit_fix_lines(c->a, f, AUDIT_EDIT_REPLACE, r->place.file, r->place.line, r->last,
                        audit_fmt(c->a, "%.*smatch auth %.*s", SPAN_ARG(span_slice(s, 0, at)),
                                  SPAN_ARG(span_slice(s, at + 6, s.n))));
    } else {
        f->fix = "match auth from any for any action \"relay\"";
    }
}

static bool try_client(struct smtpd *c, struct audit_door *d, const struct smtpd_client *w,
                       const char *id, enum audit_severity severity, const char *why)
{
    const struct smtpd_rule *doubt, *r;
    struct audit_finding *f;

    c->doubt = NULL;
    r = smtpd_walk(c, w, &doubt);
    if (r) {
        bool domain = false;

        for (size_t i = 1; i < r->count; i++)
            domain = domain || is(r->words[i], "domain");
        if (domain && severity == AUDIT_OPEN) {
            id = "OS05";
            why = "this rule relays to domains that are anybody's";
        }
        f = raise(c, d, id, severity, r, w, why);
        add_auth(c, f, r);
    } else if (doubt) {
        f = audit_undecided(c->a, id, severity, d, doubt->place);
        f->why = audit_fmt(c->a, "whether strangers may relay hangs on this rule, and it %s",
                           c->doubt ? c->doubt : "can't be told here");
        f->fix = "give that table to the audit too";
    }
    return r != NULL;
}

/* As the rule wants it: a sender, a HELO and a reverse name, or two of them. */
static void try_together(struct smtpd *c, struct audit_door *d, const struct smtpd_client *base)
{
    enum { FIRST = 12 }; /* of each: rules that ask for two name few */
    const size_t *count = c->found_count;
    const struct smtpd_rule *doubt;

    for (size_t s = 0; s <= count[SMTPD_KEY_SENDER] && s < FIRST; s++)
        for (size_t h = 0; h <= count[SMTPD_KEY_HELO] && h < FIRST; h++)
            for (size_t p = 0; p <= count[SMTPD_KEY_PTR] && p < FIRST; p++) {
                struct smtpd_client w = *base;

                if ((s > 0) + (h > 0) + (p > 0) < 2 || audit_failed(c->a))
                    continue;
                w.sender = s ? c->found[SMTPD_KEY_SENDER][s - 1].text : w.sender;
                w.helo = h ? c->found[SMTPD_KEY_HELO][h - 1].text : w.helo;
                w.ptr = p ? c->found[SMTPD_KEY_PTR][p - 1].text : w.ptr;
                if (!smtpd_walk(c, &w, &doubt))
                    continue;
                try_client(c, d, &w, "OS01", AUDIT_FORGED,
                           "who claims this together may send anywhere, and anybody can claim it");
                return;
            }
}

static void try_candidates(struct smtpd *c, struct audit_door *d, const struct smtpd_client *base)
{
    static const struct {
        enum smtpd_key key;
        unsigned door;
        const char *why;
    } keys[] = {
        {SMTPD_KEY_SENDER, AUDIT_KEY_SENDER,
         "who claims such a sender may send anywhere, and anybody can claim it"},
        {SMTPD_KEY_HELO, AUDIT_KEY_HELO,
         "who says such a HELO may send anywhere, and anybody can say it"},
        {SMTPD_KEY_PTR, AUDIT_KEY_PTR,
         "clients with such a reverse name may send anywhere; it is not confirmed, so anybody can "
         "have it"},
    };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        for (size_t n = 0; n < c->found_count[keys[i].key]; n++) {
            struct smtpd_client w = *base;
            const char *s = c->found[keys[i].key][n].text;

            if (keys[i].key == SMTPD_KEY_SENDER)
                w.sender = s;
            else if (keys[i].key == SMTPD_KEY_HELO)
                w.helo = s;
            else
                w.ptr = s;
            if (try_client(c, d, &w, "OS01", AUDIT_FORGED, keys[i].why))
                d->keys |= keys[i].door;
        }
    if (!d->keys)
        try_together(c, d, base);
    for (size_t n = 0; n < c->found_count[SMTPD_KEY_DOMAIN]; n++) {
        struct span s = span_str(c->found[SMTPD_KEY_DOMAIN][n].text);
        struct smtpd_client w = *base;

        if (!span_starts(s, SPAN_LIT("host.")) || !unix_shared_suffix(span_slice(s, 5, s.n)))
            continue;
        w.domain = unix_victim_below(c->a, span_slice(s, 4, s.n)) + strlen(AUDIT_VICTIM_LOCAL "@");
        try_client(c, d, &w, "OS05", AUDIT_OPEN,
                   "this pattern stands for domains that are "
                   "anybody's");
    }
}

static void try_nets(struct smtpd *c, struct audit_door *d, const struct smtpd_client *base)
{
    size_t n = c->found_count[SMTPD_KEY_NET], count = 0;
    struct ip_prefix all[SMTPD_CANDIDATES_MAX];
    struct smtpd_candidate rows[SMTPD_CANDIDATES_MAX];
    const struct smtpd_rule *doubt;

    for (size_t i = 0; i < n; i++)
        if (unix_net(span_str(c->found[SMTPD_KEY_NET][i].text), &all[count]))
            rows[count++] = c->found[SMTPD_KEY_NET][i];
    for (unsigned len = 129; len-- > 0;)
        for (size_t i = 0; i < count; i++) {
            struct smtpd_client w = *base;
            struct audit_net *row;
            bool passes;

            if (all[i].len != len || !unix_inside(all[i], all, count, &w.ip))
                continue;
            passes = smtpd_walk(c, &w, &doubt) != NULL;
            row = audit_net_add(c->a, &d->trusted, all[i], !passes, rows[i].place,
                                span_str(rows[i].text));
            unix_net_fix(c->a, row, ",");
        }
}

/* A table of users with the key "@": whoever is not named. */
static bool catches_all(struct smtpd *c, const struct smtpd_table *t)
{
    struct span path = t->source;
    struct audit_source_file f;
    struct audit_lines r;
    struct audit_line line;

    if (!t->source.n)
        return span_has_nocase(t->items, SPAN_LIT("\"@\"")) ||
               span_has_nocase(t->items, SPAN_LIT("{ @ "));
    if (!span_starts(path, SPAN_LIT("file:")) ||
        audit_text(c->a, audit_dup(c->a, span_slice(path, 5, path.n)), &f) != AUDIT_FILE_OK)
        return false;
    audit_lines_open(&r, c->a, AUDIT_LINES_PLAIN, &f);
    while (audit_lines_next(&r, &line))
        if (line.text.p[0] == '@')
            return true;
    return false;
}

static void judge_catch_all(struct smtpd *c)
{
    for (const struct smtpd_action *act = c->actions; act; act = act->next)
        for (const struct smtpd_table *t = c->tables; t && act->virtual.n > 2; t = t->next)
            if (span_eq(t->name, span_slice(act->virtual, 1, act->virtual.n - 1)) &&
                catches_all(c, t))
                audit_note(c->a, "OS06", NULL, t->place,
                           "all addresses of the domain exist: everything is taken",
                           "name the users that there are")
                    ->kind = c->kind;
}

static void judge(struct smtpd *c, struct audit_door *d, const char *tag)
{
    struct smtpd_client base = {.helo = AUDIT_SPAMMER_HELO,
                                .sender = AUDIT_SPAMMER,
                                .tag = tag,
                                .domain = AUDIT_VICTIM_DOMAIN};
    struct smtpd_client login = base;
    const struct smtpd_rule *doubt;
    struct ip_prefix loop;

    collect(c, &base);
    d->stranger = AUDIT_NO;
    if (try_client(c, d, &base, "OS01", AUDIT_OPEN,
                   "this rule relays for any client, to any domain, without a login")) {
        d->stranger = AUDIT_YES;
        return;
    }
    login.login = true;
    d->login = smtpd_walk(c, &login, &doubt) != NULL;
    try_candidates(c, d, &base);
    try_nets(c, d, &base);
    unix_net(SPAN_LIT("127.0.0.1"), &loop);
    base.ip = loop.ip;
    if (smtpd_walk(c, &base, &doubt))
        audit_net_add(c->a, &d->trusted, loop, false, (struct audit_place){0},
                      SPAN_LIT("127.0.0.1"));
}

/* --- doors ------------------------------------------------------------------------------------ */

static unsigned port_of(struct span s)
{
    unsigned port;

    if (is(s, "smtp"))
        return 25;
    if (is(s, "smtps") || is(s, "submissions"))
        return 465;
    if (is(s, "submission"))
        return 587;
    return num_uint(s, 1, 65535, &port) ? port : 25;
}

static void listen(struct smtpd *c, const struct smtpd_rule *r)
{
    struct span on = SPAN_NULL, port = SPAN_NULL, tag = SPAN_NULL;
    bool auth = false, proxy = false, mask = false;
    struct audit_door *d;
    enum audit_bind bind;
    struct audit_net *n;
    struct ip ip;

    for (size_t i = 1; i < r->count; i++) {
        struct span v = i + 1 < r->count ? r->words[i + 1] : SPAN_NULL;

        if (is(r->words[i], "on"))
            on = v;
        else if (is(r->words[i], "port"))
            port = v;
        else if (is(r->words[i], "tag"))
            tag = v;
        else if (is(r->words[i], "smtps") && port.n == 0)
            port = SPAN_LIT("smtps");
        auth = auth || is(r->words[i], "auth");
        proxy = proxy || is(r->words[i], "proxy-v2");
        mask = mask || is(r->words[i], "mask-src") || is(r->words[i], "mask-source");
    }
    if (is(on, "socket"))
        return;
    bind =
        span_starts(on, SPAN_LIT("lo")) && on.n <= 3 ? AUDIT_BIND_LOOPBACK : audit_bind_of(on, &ip);
    d = audit_door(c->a, c->kind, audit_fmt(c->a, "listen on %.*s", SPAN_ARG(on)),
                   port.n ? port_of(port) : 25, bind, r->place);
    d->silent = auth;
    if (mask && !auth)
        audit_note(c->a, "OS07", d, r->place,
                   "who brought a message is left out of its Received field: what is abused here "
                   "can't be traced",
                   "take mask-src out where strangers come in");
    if (proxy) {
        d->proxy_how = "PROXY";
        n = audit_net_add(c->a, &d->proxies, (struct ip_prefix){.ip.family = IP_V4}, false,
                          r->place, SPAN_LIT("proxy-v2"));
        n->fix = "bind this listener to an address that only the proxy reaches";
    }
    if (auth) { /* who is not logged in sends nothing at all */
        d->login = true;
        d->stranger = AUDIT_NO;
        return;
    }
    judge(c, d, audit_dup(c->a, tag));
}

/* --- the row ---------------------------------------------------------------------------------- */

static enum audit_guess smtpd_probe(struct audit *a, const struct audit_probe *p)
{
    if (p->folder)
        return audit_there(a, audit_join_path(a, p->path, "smtpd.conf")) &&
                       !audit_there(a, audit_join_path(a, p->path, "main.cf"))
                   ? AUDIT_GUESS_SURE
                   : AUDIT_GUESS_NO;
    if (strcmp(p->name, "smtpd.conf") == 0 && !span_has_nocase(p->text, SPAN_LIT("pwcheck_method")))
        return AUDIT_GUESS_SURE;
    return span_has_nocase(p->text, SPAN_LIT("\nmatch ")) &&
                   span_has_nocase(p->text, SPAN_LIT("\naction "))
               ? AUDIT_GUESS_LIKELY
               : AUDIT_GUESS_NO;
}

static int smtpd_read(struct audit *a, const struct audit_kind *kind, const char *path, bool folder)
{
    struct smtpd *c = audit_alloc(a, sizeof(*c));
    struct audit_source_file f;
    enum audit_file got;

    if (audit_failed(a))
        return 0;
    *c = (struct smtpd){.a = a, .kind = kind};
    c->rules_end = &c->rules;
    c->listens_end = &c->listens;
    audit_alias(a, folder && strstr(path, "mail") ? "/etc/mail" : "/etc",
                folder ? path : audit_dirname(a, path));
    if (folder)
        path = audit_join_path(a, path, "smtpd.conf");
    got = audit_text(a, path, &f);
    if (got != AUDIT_FILE_OK)
        return audit_bad(a, (struct audit_place){path, 0}, "%s", audit_file_name(got));
    c->file = f.name;
    if (read_text(c, &f) != 0)
        return AUDIT_BAD;
    if (!c->rules && !c->listens && !audit_failed(a))
        return audit_bad(a, (struct audit_place){path, 0},
                         "no OpenSMTPD configuration; it has neither rules nor listeners");
    if (!c->listens) { /* loopback is what it listens on by itself */
        struct audit_door *d =
            audit_door(a, kind, "smtpd", 25, AUDIT_BIND_LOOPBACK, (struct audit_place){c->file, 0});

        judge(c, d, "");
    }
    judge_catch_all(c);
    for (const struct smtpd_rule *r = c->listens; r && !audit_failed(a); r = r->next)
        listen(c, r);
    return 0;
}

const struct audit_kind audit_kind_opensmtpd = {
    .name = "opensmtpd",
    .title = "OpenSMTPD",
    .reads = "smtpd.conf",
    .restart = "systemctl restart opensmtpd",
    .rules = {.wide = "OS02", .nat = "OS02", .proxy = "OS03"},
    .probe = smtpd_probe,
    .read = smtpd_read,
};
