/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Courier: /etc/courier/smtpaccess says who may relay (every file in that folder, an address or the
 * front of one a line), esmtpacceptmailfor for which domains mail is taken, and esmtpd, esmtpd-msa
 * and esmtpd-ssl on which ports. As shipped, smtpaccess trusts all of 10 and 192.168: behind a
 * container's bridge or a NAT that is everybody.
 */
#include "audit/unix_tcp.h"

#include "base/num.h"

struct courier {
    struct audit *a;
    const struct audit_kind *kind;
    const char *dir;
    struct unix_tcp_rules rules;
};

static struct audit_finding *raise(struct courier *c, struct audit_door *d, const char *id,
                                   enum audit_severity severity, struct audit_place place,
                                   const char *why, const char *rcpt)
{
    struct audit_finding *f = audit_find(c->a, id, severity, d, place);

    f->why = why;
    f->witness = audit_witness(d, audit_stranger(NULL, IP_V4), NULL, rcpt);
    return f;
}

/* --- access ----------------------------------------------------------------------------------- */

static void read_access(struct courier *c)
{
    const char *const *names;
    struct audit_source_file f;
    size_t count;

    if (audit_text(c->a, "/etc/courier/smtpaccess", &f) == AUDIT_FILE_OK)
        unix_tcp_read(c->a, &f, true, &c->rules);
    if (audit_folder(c->a, "/etc/courier/smtpaccess", &names, &count) != AUDIT_FILE_OK)
        return;
    for (size_t i = 0; i < count; i++)
        if (names[i][0] != '.' &&
            audit_text(c->a, audit_fmt(c->a, "/etc/courier/smtpaccess/%s", names[i]), &f) ==
                AUDIT_FILE_OK)
            unix_tcp_read(c->a, &f, true, &c->rules);
}

static void judge_access(struct courier *c, struct audit_door *d)
{
    const struct unix_tcp_rule *all = unix_tcp_default(&c->rules);
    struct audit_finding *f;

    if (all && all->relay && !all->deny) {
        f = raise(c, d, "CO03", AUDIT_OPEN, all->place,
                  "the rule for all clients sets RELAYCLIENT, so that everybody may send anywhere",
                  NULL);
        audit_fix_lines(c->a, f, AUDIT_EDIT_DELETE, all->place.file, all->place.line,
                        all->place.line, "(take the line out)");
        d->stranger = AUDIT_YES;
    }
    unix_tcp_trust(c->a, &c->rules, d);
}

/* --- domains ---------------------------------------------------------------------------------- */

static void judge_domains(struct courier *c, struct audit_door *d, const char *path)
{
    struct audit_source_file f;
    struct audit_lines r;
    struct audit_line line;
    struct audit_finding *found;

    if (audit_text(c->a, path, &f) != AUDIT_FILE_OK)
        return;
    audit_lines_open(&r, c->a, AUDIT_LINES_PLAIN, &f);
    while (audit_lines_next(&r, &line)) {
        struct span s = span_trim(line.text);

        if (s.p[0] != '.' || !unix_shared_suffix(span_slice(s, 1, s.n)))
            continue;
        found = raise(c, d, "CO02", AUDIT_OPEN, (struct audit_place){f.name, line.first},
                      audit_fmt(c->a, "\"%.*s\" stands for every domain below it", SPAN_ARG(s)),
                      unix_victim_below(c->a, s));
        audit_fix_lines(c->a, found, AUDIT_EDIT_DELETE, f.name, line.first, line.first,
                        "(take the line out, and name whole domains)");
        found->restart = "makeacceptmailfor && courier restart";
    }
}

static void judge_all_domains(struct courier *c, struct audit_door *d)
{
    static const char folder[] = "/etc/courier/esmtpacceptmailfor.dir";
    const char *const *names;
    size_t count;

    judge_domains(c, d, "/etc/courier/esmtpacceptmailfor");
    if (audit_folder(c->a, folder, &names, &count) != AUDIT_FILE_OK)
        return;
    for (size_t i = 0; i < count; i++)
        judge_domains(c, d, audit_fmt(c->a, "%s/%s", folder, names[i]));
}

/* CO04: one mailbox for all that do not exist. */
static void judge_catch_all(struct courier *c, struct audit_door *d)
{
    static const char *const files[] = {"/etc/courier/aliasdir/.courier-default",
                                        "/etc/courier/aliases/system", "/etc/courier/aliases"};
    struct audit_source_file f;
    struct audit_lines r;
    struct audit_line line;

    if (audit_there(c->a, files[0]))
        audit_note(c->a, "CO04", d, (struct audit_place){files[0], 0},
                   "all addresses of all hosted domains exist: everything is taken",
                   "remove aliasdir/.courier-default");
    for (size_t i = 1; i < 3; i++) {
        if (audit_text(c->a, files[i], &f) != AUDIT_FILE_OK)
            continue;
        audit_lines_open(&r, c->a, AUDIT_LINES_PLAIN, &f);
        while (audit_lines_next(&r, &line))
            if (line.text.p[0] == '@')
                audit_note(c->a, "CO04", d, (struct audit_place){f.name, line.first},
                           "all addresses of this domain exist: everything is taken",
                           "name the users that there are");
    }
}

/* --- doors ------------------------------------------------------------------------------------ */

/* NAME=value of a shell, the last one; empty when there is none. */
static struct span setting(struct courier *c, const struct audit_source_file *f, const char *name,
                           struct audit_place *ret)
{
    struct span value = SPAN_NULL;
    struct audit_lines r;
    struct audit_line line;

    audit_lines_open(&r, c->a, AUDIT_LINES_PLAIN, f);
    while (audit_lines_next(&r, &line)) {
        struct span s = span_trim(line.text);
        size_t eq = span_find(s, '=');

        if (!span_eq(span_slice(s, 0, eq), span_str(name)))
            continue;
        value = span_trim(span_slice(s, eq + 1, s.n));
        if (value.n > 1 && (value.p[0] == '"' || value.p[0] == '\''))
            value = span_slice(value, 1, 1 + span_find(span_slice(value, 1, value.n), value.p[0]));
        *ret = (struct audit_place){f->name, line.first};
    }
    return value;
}

static unsigned port_of(struct span s, unsigned otherwise)
{
    unsigned port;

    s = span_slice(s, span_rfind(s, '.') == s.n ? 0 : span_rfind(s, '.') + 1, s.n);
    if (span_eq(s, SPAN_LIT("smtp")))
        return 25;
    if (span_eq(s, SPAN_LIT("smtps")) || span_eq(s, SPAN_LIT("ssmtp")))
        return 465;
    if (span_eq(s, SPAN_LIT("submission")))
        return 587;
    return num_uint(s, 1, 65535, &port) ? port : otherwise;
}

static struct audit_door *one_door(struct courier *c, const char *service, struct span port,
                                   unsigned otherwise, struct span address,
                                   struct audit_place place)
{
    struct audit_door *d;
    struct ip ip;
    enum audit_bind bind = audit_bind_of(address, &ip);

    d = audit_door(c->a, c->kind, service, port_of(port, otherwise), bind, place);
    d->address = ip;
    d->login = true;
    d->stranger = AUDIT_NO;
    judge_access(c, d);
    judge_all_domains(c, d);
    return d;
}

static void open_doors(struct courier *c, const char *service, unsigned otherwise)
{
    const char *path = audit_fmt(c->a, "/etc/courier/%s", service);
    struct audit_source_file f;
    struct audit_place place = {path, 0}, at = {0};
    struct span port, address, auth, one;
    bool required, started;

    if (audit_text(c->a, path, &f) != AUDIT_FILE_OK) {
        if (otherwise == 25)
            one_door(c, service, SPAN_NULL, 25, SPAN_NULL, (struct audit_place){c->dir, 0});
        return;
    }
    place.file = f.name;
    port = setting(c, &f, "PORT", &place);
    address = setting(c, &f, "ADDRESS", &at);
    auth = setting(c, &f, "AUTH_REQUIRED", &at);
    required = span_eq(auth, SPAN_LIT("1"));
    if (setting(c, &f, "RELAYCLIENT", &at).p) {
        struct audit_door *d = one_door(c, service, port, otherwise, address, place);

        raise(c, d, "CO03", AUDIT_OPEN, at, "RELAYCLIENT is set for every client of this port",
              NULL)
            ->fix = "take the line out";
        d->stranger = AUDIT_YES;
        return;
    }
    started = !span_eq_nocase(setting(c, &f,
                                      otherwise == 25    ? "ESMTPDSTART"
                                      : otherwise == 587 ? "ESMTPDMSASTART"
                                                         : "ESMTPDSSLSTART",
                                      &at),
                              SPAN_LIT("NO"));
    if (!started && otherwise != 25)
        return;
    if (port.n == 0)
        one_door(c, service, SPAN_NULL, otherwise, address, place)->silent = required;
    while (span_cut(&port, ',', &one))
        one_door(c, service, span_trim(one), otherwise, address, place)->silent = required;
}

/* --- the row ---------------------------------------------------------------------------------- */

static enum audit_guess courier_probe(struct audit *a, const struct audit_probe *p)
{
    static const char *const signs[] = {"esmtpd", "smtpaccess", "smtpaccess/default",
                                        "esmtpacceptmailfor", "etc/courier/esmtpd"};

    if (p->folder) {
        for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
            if (audit_there(a, audit_join_path(a, p->path, signs[i])))
                return AUDIT_GUESS_SURE;
        return AUDIT_GUESS_NO;
    }
    if (strcmp(p->name, "smtpaccess") == 0 || strcmp(p->name, "esmtpacceptmailfor") == 0 ||
        strcmp(p->name, "smtpaccess.config") == 0)
        return AUDIT_GUESS_SURE;
    return span_has_nocase(p->text, SPAN_LIT("allow,RELAYCLIENT\n")) ||
                   span_has_nocase(p->text, SPAN_LIT("\tallow,RELAYCLIENT"))
               ? AUDIT_GUESS_LIKELY
               : AUDIT_GUESS_NO;
}

static int courier_read(struct audit *a, const struct audit_kind *kind, const char *path,
                        bool folder)
{
    struct courier c = {.a = a, .kind = kind, .dir = path};
    struct audit_source_file f;
    const char *sub = audit_join_path(a, path, "etc/courier");
    struct audit_door *d;

    if (folder) {
        audit_alias(a, "/etc/courier",
                    audit_there(a, audit_join_path(a, sub, "esmtpd")) ? sub : path);
        read_access(&c);
        open_doors(&c, "esmtpd", 25);
        open_doors(&c, "esmtpd-msa", 587);
        open_doors(&c, "esmtpd-ssl", 465);
        judge_catch_all(&c, NULL);
        return 0;
    }
    if (audit_text(a, path, &f) != AUDIT_FILE_OK)
        return audit_bad(a, (struct audit_place){path, 0}, "it can't be read");
    d = audit_door(a, kind, "esmtpd", 25, AUDIT_BIND_ANY, (struct audit_place){path, 0});
    d->stranger = AUDIT_NO;
    if (strstr(path, "esmtpacceptmailfor")) {
        judge_domains(&c, d, path);
        return 0;
    }
    unix_tcp_read(a, &f, true, &c.rules);
    judge_access(&c, d);
    return 0;
}

const struct audit_kind audit_kind_courier = {
    .name = "courier",
    .title = "Courier",
    .reads = "/etc/courier, or its smtpaccess",
    .restart = "makesmtpaccess && courier restart",
    .rules = {.wide = "CO01", .nat = "CO01"},
    .probe = courier_probe,
    .read = courier_read,
};
