/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Postfix: finds main.cf and master.cf, and judges each listening service with its own overrides,
 * because that is what smtpd does: postconf -n alone shows none of them.
 *
 * A postscreen service is judged as the "smtpd pass" service that it hands its clients to. Without
 * master.cf there is one service, smtp. mailcow appends extra.cf to main.cf at every start, so it
 * is read as its tail.
 */
#include "audit/mta_postfix_priv.h"

static enum audit_guess postfix_probe(struct audit *a, const struct audit_probe *p)
{
    if (p->folder)
        return audit_there(a, audit_join_path(a, p->path, "main.cf")) ||
                       audit_there(a, audit_join_path(a, p->path, "etc/postfix/main.cf"))
                   ? AUDIT_GUESS_SURE
                   : AUDIT_GUESS_NO;
    if (strcmp(p->name, "main.cf") == 0 || strcmp(p->name, "master.cf") == 0)
        return AUDIT_GUESS_SURE;
    if (span_starts(span_str(p->name), SPAN_LIT("main.cf")) ||
        span_ends_nocase(span_str(p->name), SPAN_LIT("main.cf")))
        return AUDIT_GUESS_LIKELY;
    if (pf_is_script(p->text))
        return AUDIT_GUESS_LIKELY;
    return span_has_nocase(p->text, SPAN_LIT("smtpd_recipient_restrictions")) ||
                   span_has_nocase(p->text, SPAN_LIT("smtpd_relay_restrictions")) ||
                   span_has_nocase(p->text, SPAN_LIT("\nmydestination"))
               ? AUDIT_GUESS_LIKELY
               : AUDIT_GUESS_NO;
}

/* --- where it listens ------------------------------------------------------------------------- */

/* The strictest binding that holds for all of inet_interfaces. */
static enum audit_bind bind_of_interfaces(struct pf_conf *c, struct ip *ret_ip)
{
    struct pf_words w = pf_list(c, "inet_interfaces");
    enum audit_bind bind = AUDIT_BIND_LOOPBACK;

    *ret_ip = (struct ip){0};
    for (size_t i = 0; i < w.count; i++) {
        struct span s = w.v[i].s;
        enum audit_bind one;

        if (span_eq(s, SPAN_LIT("loopback-only")))
            continue;
        if (span_eq(s, SPAN_LIT("all")))
            return AUDIT_BIND_ANY;
        one = audit_bind_of(s, ret_ip);
        if (one == AUDIT_BIND_LOOPBACK)
            continue;
        if (one != AUDIT_BIND_PRIVATE)
            return one;
        bind = one;
    }
    return w.count == 0 ? AUDIT_BIND_ANY : bind;
}

static void families(struct pf_conf *c, struct audit_door *d)
{
    struct pf_words w = pf_list(c, "inet_protocols");

    for (size_t i = 0; i < w.count; i++) {
        d->v4 = d->v4 || !span_eq(w.v[i].s, SPAN_LIT("ipv6"));
        d->v6 = d->v6 || !span_eq(w.v[i].s, SPAN_LIT("ipv4"));
    }
    if (d->address.family) {
        d->v4 = d->address.family == IP_V4;
        d->v6 = d->address.family == IP_V6;
    }
}

static void smarthost(struct pf_conf *c, struct audit_door *d)
{
    const char *host = pf_string(c, "relayhost");

    if (!*host)
        return;
    d->smarthost = host;
    d->smarthost_place = pf_where(c, "relayhost");
}

/* --- services --------------------------------------------------------------------------------- */

static void note_broken(struct pf_conf *c)
{
    struct audit_finding *f =
        audit_find(c->a, "PF00", AUDIT_NOTE, c->door, pf_where(c, "smtpd_recipient_restrictions"));

    f->why = "smtpd does not start with these lists (no reject_unauth_destination or its like in "
             "smtpd_relay_restrictions or smtpd_recipient_restrictions): broken, not open";
    pf_fix(c, f, "smtpd_relay_restrictions", PF_CLOSED);
}

static void judge(struct pf_conf *c, const struct pf_service *s, const struct pf_param *over,
                  bool postscreen)
{
    struct audit_door *d;
    struct pf_lists lists;
    struct span host;
    unsigned port = pf_service_port(s->name, &host);
    struct ip ip = {0};
    enum audit_bind bind;

    pf_conf_over(c, over);
    bind = host.n ? audit_bind_of(host, &ip) : bind_of_interfaces(c, &ip);
    d = audit_door(c->a, c->kind, s->name, port, bind, s->place);
    d->address = ip;
    d->internal = (bind == AUDIT_BIND_LOOPBACK || bind == AUDIT_BIND_LOCAL) && port != 25 &&
                  port != 465 && port != 587;
    families(c, d);
    smarthost(c, d);
    d->proxy_how = postscreen ? "postscreen_upstream_proxy_protocol" : NULL;
    c->door = d;
    pf_lists_read(c, &lists);
    if (!pf_starts(c, &lists)) {
        d->stranger = AUDIT_NO;
        d->silent = true;
        d->proxy_how = NULL;
        note_broken(c);
        return;
    }
    pf_try(c, &lists);
    pf_rules(c, &lists);
}

/* QMQP relays for whoever is listed, and asks nothing else. */
static void judge_qmqp(struct pf_conf *c, const struct pf_service *s)
{
    struct pf_words w;
    struct span host;
    unsigned port = pf_service_port(s->name, &host);
    struct ip ip = {0};
    enum audit_bind bind;

    pf_conf_over(c, s->over);
    bind = host.n ? audit_bind_of(host, &ip) : bind_of_interfaces(c, &ip);
    c->door = audit_door(c->a, c->kind, s->name, port, bind, s->place);
    c->door->stranger = AUDIT_NO;
    c->door->silent = true;
    w = pf_list(c, "qmqpd_authorized_clients");
    w = pf_unfold(c, &w);
    pf_rows(c, &w, &c->door->trusted);
    for (size_t i = 0; i < c->door->trusted.count; i++)
        c->door->trusted.v[i].fix = "qmqpd_authorized_clients =";
}

static const struct pf_param *rewrite_overrides(const struct pf_service *all)
{
    for (const struct pf_service *s = all; s; s = s->next)
        if (strcmp(s->name, "rewrite") == 0 && strcmp(s->command, "trivial-rewrite") == 0)
            return s->over;
    return NULL;
}

static const struct pf_param *pass_overrides(const struct pf_service *all)
{
    for (const struct pf_service *s = all; s; s = s->next)
        if (strcmp(s->type, "pass") == 0 && strcmp(s->command, "smtpd") == 0)
            return s->over;
    return NULL;
}

/* Beside main.cf: "main.cf.in" goes with "master.cf.in". */
static const char *master_of(struct pf_conf *c, const char *dir)
{
    const char *path = audit_join_path(c->a, dir, "master.cf"), *other;
    struct span name = span_str(c->file);
    size_t slash = span_rfind(name, '/'), at;

    name = slash < name.n ? span_slice(name, slash + 1, name.n) : name;
    at = span_find_nocase(name, SPAN_LIT("main.cf"));
    if (audit_there(c->a, path) || at == name.n)
        return path;
    other = audit_join_path(
        c->a, dir, audit_fmt(c->a, "%.*smaster%s", (int)at, name.p, name.p + at + strlen("main")));
    return audit_there(c->a, other) ? other : path;
}

static void services(struct pf_conf *c, const char *dir)
{
    const char *path = master_of(c, dir);
    struct pf_service only = {
        .name = "smtp", .type = "inet", .command = "smtpd", .place = {c->file, 0}};
    struct audit_source_file f;
    const struct pf_service *all;

    if (audit_text(c->a, path, &f) != AUDIT_FILE_OK) {
        judge(c, &only, NULL, false);
        return;
    }
    all = pf_master_read(c, &f);
    c->rewrite = rewrite_overrides(all);
    for (const struct pf_service *s = all; s && !audit_failed(c->a) && !*audit_error(c->a);
         s = s->next) {
        bool screen = strcmp(s->command, "postscreen") == 0;

        if (strcmp(s->type, "inet") == 0 && (screen || strcmp(s->command, "smtpd") == 0))
            judge(c, s, screen ? pass_overrides(all) : s->over, screen);
        else if (strcmp(s->type, "inet") == 0 && strcmp(s->command, "qmqpd") == 0)
            judge_qmqp(c, s);
    }
}

/* --- reading ---------------------------------------------------------------------------------- */

static const char *find_folder(struct audit *a, const char *path, bool folder)
{
    if (!folder)
        return audit_dirname(a, path);
    if (audit_there(a, audit_join_path(a, path, "main.cf")))
        return path;
    return audit_join_path(a, path, "etc/postfix");
}

static const char *main_of(struct audit *a, const char *path, const char *dir, bool folder)
{
    size_t n = strlen(path), tail = strlen("master.cf");

    if (!folder && !(n >= tail && strcmp(path + n - tail, "master.cf") == 0))
        return path;
    return audit_join_path(a, dir, "main.cf");
}

static void read_extra(struct pf_conf *c, const char *dir)
{
    struct audit_source_file f;
    const char *main = c->file;
    unsigned lines = c->lines;

    if (audit_text(c->a, audit_join_path(c->a, dir, "extra.cf"), &f) != AUDIT_FILE_OK)
        return;
    pf_conf_read(c, &f);
    c->file = main;
    c->lines = lines;
}

static int postfix_read(struct audit *a, const struct audit_kind *kind, const char *path,
                        bool folder)
{
    const char *dir = find_folder(a, path, folder), *main, *version;
    struct pf_conf c = {.a = a, .kind = kind, .version = PF_VERSION_DEFAULT};
    struct audit_source_file f;
    enum audit_file got;

    main = main_of(a, path, dir, folder);
    audit_alias(a, "/etc/postfix", dir);
    got = audit_text(a, main, &f);
    if (got != AUDIT_FILE_OK)
        return audit_bad(a, (struct audit_place){main, 0},
                         "%s; Postfix can't be judged without its main.cf", audit_file_name(got));
    version = audit_host_get_version(a);
    if (version && !pf_version_parse(span_str(version), &c.version))
        return audit_bad(a, (struct audit_place){0}, "'%s' is no version of Postfix", version);
    c.script = !span_ends_nocase(span_str(main), SPAN_LIT(".cf")) && pf_is_script(f.text);
    if (c.script)
        f.text = pf_script(a, f.text);
    pf_conf_read(&c, &f);
    read_extra(&c, dir);
    if (!c.main)
        return audit_bad(a, (struct audit_place){main, 0},
                         "no line \"name = value\" is in it; give Postfix's main.cf");
    pf_version_parse(span_str(pf_string(&c, "compatibility_level")), &c.level);
    services(&c, dir);
    pf_tables_deinit(&c);
    return 0;
}

const struct audit_kind audit_kind_postfix = {
    .name = "postfix",
    .title = "Postfix",
    .reads = "main.cf and master.cf, their folder, or a script that calls postconf",
    .restart = "postfix reload",
    .rules = {.wide = "PF05", .nat = "PF07", .proxy = "PF13"},
    .probe = postfix_probe,
    .read = postfix_read,
};
