/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * qmail and its kin (netqmail, notqmail, s/qmail): control/rcpthosts says for whom mail is taken,
 * and RELAYCLIENT in the environment says that it does not matter. tcpserver sets that from
 * tcp.smtp, by the client's address or by its unconfirmed reverse name; the run script may do so
 * for everybody.
 *
 * qmail-smtpd knows no users, so every qmail takes mail for unknown ones and bounces it: that is a
 * note, not a finding.
 */
#include "audit/unix_tcp.h"

#include "base/num.h"

struct qmail {
    struct audit *a;
    struct audit_door *d;
    const char *dir;
    struct audit_source_file run;
    bool has_run, names_off, rules_off;
    struct unix_tcp_rules rules;
    bool has_rules;
};

static struct audit_finding *raise(struct qmail *q, const char *id, enum audit_severity severity,
                                   struct audit_place place, const char *why, const char *rcpt)
{
    struct audit_finding *f = audit_find(q->a, id, severity, q->d, place);

    f->why = why;
    f->witness = audit_witness(q->d, audit_stranger(NULL, IP_V4), NULL, rcpt);
    return f;
}

/* --- domains ---------------------------------------------------------------------------------- */

static void judge_hosts(struct qmail *q, const char *path, const char *first[1])
{
    struct audit_source_file f;
    struct audit_lines r;
    struct audit_line line;

    if (audit_text(q->a, path, &f) != AUDIT_FILE_OK)
        return;
    audit_lines_open(&r, q->a, AUDIT_LINES_PLAIN, &f);
    while (audit_lines_next(&r, &line)) {
        struct span s = span_trim(line.text);
        struct audit_finding *found;

        if (s.p[0] == '#')
            continue;
        if (!*first && s.p[0] != '.')
            *first = audit_dup(q->a, s);
        if (s.p[0] != '.' || !unix_shared_suffix(span_slice(s, 1, s.n)))
            continue;
        found = raise(q, "QM03", AUDIT_OPEN, (struct audit_place){f.name, line.first},
                      audit_fmt(q->a, "\"%.*s\" stands for every domain below it", SPAN_ARG(s)),
                      unix_victim_below(q->a, s));
        audit_fix_lines(q->a, found, AUDIT_EDIT_DELETE, f.name, line.first, line.first,
                        "(take the line out, and name whole domains)");
    }
}

static bool judge_rcpthosts(struct qmail *q, const char **ret_own)
{
    static const char path[] = "/var/qmail/control/rcpthosts";
    struct audit_source_file f;
    enum audit_file got = audit_text(q->a, path, &f);

    *ret_own = NULL;
    if (got == AUDIT_FILE_MISSING) {
        struct audit_finding *found =
            raise(q, "QM01", AUDIT_OPEN, (struct audit_place){q->dir, 0},
                  "control/rcpthosts is missing, so that every recipient is taken", NULL);

        found->fix = "put your own domains into control/rcpthosts, one a line";
        q->d->stranger = AUDIT_YES;
        return false;
    }
    judge_hosts(q, path, ret_own);
    judge_hosts(q, "/var/qmail/control/morercpthosts", ret_own);
    if (audit_there(q->a, "/var/qmail/control/morercpthosts.cdb") &&
        !audit_there(q->a, "/var/qmail/control/morercpthosts"))
        audit_need(q->a, "QM03", (struct audit_place){f.name, 0},
                   "/var/qmail/control/morercpthosts", "for which domains mail is taken", &f);
    return true;
}

static void judge_percent(struct qmail *q, const char *own)
{
    struct audit_source_file f;
    struct audit_lines r;
    struct audit_line line;
    struct audit_finding *found;

    if (audit_text(q->a, "/var/qmail/control/percenthack", &f) != AUDIT_FILE_OK)
        return;
    audit_lines_open(&r, q->a, AUDIT_LINES_PLAIN, &f);
    while (audit_lines_next(&r, &line)) {
        struct span s = span_trim(line.text);

        if (s.p[0] == '#')
            continue;
        found = raise(
            q, "QM04", AUDIT_OPEN, (struct audit_place){f.name, line.first},
            "user%other at this domain is taken as mail for the domain, and sent on to "
            "the other",
            audit_fmt(q->a, "%s%%%s@%.*s", AUDIT_VICTIM_LOCAL, AUDIT_VICTIM_DOMAIN, SPAN_ARG(s)));
        audit_fix_lines(q->a, found, AUDIT_EDIT_DELETE, f.name, line.first, line.first,
                        "(take the line out)");
    }
    (void)own;
}

static void read_route(struct qmail *q)
{
    struct audit_source_file f;
    struct audit_lines r;
    struct audit_line line;

    if (audit_text(q->a, "/var/qmail/control/smtproutes", &f) != AUDIT_FILE_OK)
        return;
    audit_lines_open(&r, q->a, AUDIT_LINES_PLAIN, &f);
    while (audit_lines_next(&r, &line))
        if (line.text.p[0] == ':' && line.text.n > 1) {
            q->d->smarthost = audit_dup(q->a, span_trim(span_slice(line.text, 1, line.text.n)));
            q->d->smarthost_place = (struct audit_place){f.name, line.first};
        }
}

/* --- tcpserver -------------------------------------------------------------------------------- */

static bool word_is(struct span w, const char *s)
{
    return span_eq(w, span_str(s));
}

static struct span basename_of(struct span s)
{
    return span_slice(s, span_rfind(s, '/') == s.n ? 0 : span_rfind(s, '/') + 1, s.n);
}

static bool is_true(struct span w)
{
    return word_is(basename_of(w), "true");
}

/* What stands behind qmail-smtpd: a name, the program that checks, what it runs. */
static void judge_auth(struct qmail *q, struct span rest, unsigned line)
{
    struct span v[3] = {{0}}, word;
    struct audit_place place = {q->run.name, line};
    struct audit_finding *f;
    size_t n = 0;

    while (n < 3 && span_word(&rest, &word) && !strchr("|&;>2", word.p[0]))
        v[n++] = word;
    if (n == 0)
        return;
    q->d->login = true;
    if ((n >= 2 && is_true(v[1]) && v[0].p[0] != '/') || is_true(v[0])) {
        f = raise(q, "QM07", AUDIT_OPEN, place,
                  "the program that checks passwords is \"true\": every login succeeds", NULL);
        f->witness.login = "any account, any password";
        f->fix = "qmail-smtpd YOUR.HOST /bin/checkpassword /bin/true";
    } else if (n == 2 && v[0].p[0] == '/' && is_true(v[1])) {
        f = audit_undecided(q->a, "QM07", AUDIT_OPEN, q->d, place);
        f->why = "with AUTH patches that want the host's name first, this makes \"true\" check the "
                 "passwords";
        f->fix = "qmail-smtpd YOUR.HOST /bin/checkpassword /bin/true";
    }
}

static void run_line(struct qmail *q, struct span s, unsigned line)
{
    size_t relay = span_find_nocase(s, SPAN_LIT("RELAYCLIENT="));
    bool tcp = false;
    struct span word;

    if (relay < s.n) {
        raise(q, "QM02", AUDIT_OPEN, (struct audit_place){q->run.name, line},
              "the run script sets RELAYCLIENT for every client", NULL)
            ->fix = "take RELAYCLIENT out of the run script, and set it in tcp.smtp for your own "
                    "addresses";
        q->d->stranger = AUDIT_YES;
    }
    while (span_word(&s, &word)) {
        struct span name = basename_of(word);

        if (word_is(name, "tcpserver") || word_is(name, "sslserver"))
            tcp = true;
        else if (word_is(name, "qmail-smtpd"))
            judge_auth(q, s, line);
        else if (word.p[0] == '-' && word.n > 1 && span_find(word, 'H') < word.n)
            q->names_off = true;
        else if (word_is(word, "submission") || word_is(word, "587"))
            q->d->port = 587;
        else if (word_is(word, "smtps") || word_is(word, "465"))
            q->d->port = 465;
    }
    (void)tcp;
}

/* envdir sets what its files are called. */
static void read_envdir(struct qmail *q)
{
    static const char *const paths[] = {"/var/qmail/supervise/qmail-smtpd/env/RELAYCLIENT",
                                        "/service/qmail-smtpd/env/RELAYCLIENT",
                                        "/etc/sv/qmail-smtpd/env/RELAYCLIENT"};
    struct audit_source_file f;

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        if (audit_text(q->a, paths[i], &f) == AUDIT_FILE_OK) {
            raise(q, "QM02", AUDIT_OPEN, (struct audit_place){f.name, 0},
                  "the environment of the service sets RELAYCLIENT for every client", NULL)
                ->fix = "remove the file, and set RELAYCLIENT in tcp.smtp for your own addresses";
            q->d->stranger = AUDIT_YES;
            return;
        }
}

static void read_run(struct qmail *q)
{
    static const char *const paths[] = {"/var/qmail/supervise/qmail-smtpd/run",
                                        "/service/qmail-smtpd/run",
                                        "/etc/service/qmail-smtpd/run",
                                        "/etc/sv/qmail-smtpd/run",
                                        "/var/qmail/rc-smtpd",
                                        "/etc/qmail/run"};
    struct audit_lines r;
    struct audit_line line;
    bool rules = false;

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]) && !q->has_run; i++)
        q->has_run = audit_text(q->a, paths[i], &q->run) == AUDIT_FILE_OK;
    if (!q->has_run)
        return;
    audit_lines_open(&r, q->a, AUDIT_LINES_BACKSLASH, &q->run);
    while (audit_lines_next(&r, &line)) {
        run_line(q, line.text, line.first);
        rules = rules || span_find_nocase(line.text, SPAN_LIT("-x")) < line.text.n;
    }
    q->rules_off = !rules;
}

static void judge_named(struct qmail *q, const struct unix_tcp_rule *rule)
{
    bool any = rule->who == UNIX_TCP_ANY_NAME;
    struct audit_finding *f;

    if (!rule->relay || rule->deny || q->names_off)
        return;
    f = raise(q, "QM02", any ? AUDIT_OPEN : AUDIT_FORGED, rule->place,
              any ? "this rule is for every client that has a reverse name at all"
                  : "this rule is for a reverse name, which tcpserver does not confirm",
              NULL);
    f->witness.ptr = any ? "anything.stranger.example"
                         : audit_fmt(q->a, "%s%.*s", rule->address.p[1] == '.' ? "x" : "",
                                     SPAN_ARG(span_slice(rule->address, 1, rule->address.n)));
    if (!q->has_run)
        f->unless = "tcpserver runs with -H and looks no names up";
    audit_fix_lines(q->a, f, AUDIT_EDIT_DELETE, rule->place.file, rule->place.line,
                    rule->place.line, "(take the line out)");
    q->d->keys |= AUDIT_KEY_PTR;
}

/* QM05, QM06: what is taken without a question, and where it then goes. */
static void judge_hygiene(struct qmail *q)
{
    static const char *const checks[] = {"validrcptto.cdb", "validrcptto", "smtpplugins",
                                         "goodrcptto",      "badrcptto",   "chkusr",
                                         "recipients"};
    bool checked = false;

    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
        checked = checked || audit_there(q->a, audit_fmt(q->a, "/var/qmail/control/%s", checks[i]));
    if (!checked && audit_there(q->a, "/var/qmail/control/rcpthosts"))
        audit_note(q->a, "QM05", q->d, (struct audit_place){q->dir, 0},
                   "recipients are not looked up: mail for unknown users is taken, and bounces to "
                   "forged senders",
                   "a patch or plugin that asks for users, as validrcptto or qmail-spp");
    for (size_t i = 0; i < q->rules.count && !q->rules_off; i++)
        if (q->rules.v[i].relay && q->rules.v[i].value.n)
            audit_note(q->a, "QM06", q->d, q->rules.v[i].place,
                       "the value of RELAYCLIENT is put behind every recipient of these clients",
                       "RELAYCLIENT=\"\"");
}

static void judge_rules(struct qmail *q)
{
    const struct unix_tcp_rule *all = unix_tcp_default(&q->rules);
    struct audit_finding *f;

    if (q->rules_off)
        return;
    if (all && all->relay && !all->deny) {
        f = raise(q, "QM02", AUDIT_OPEN, all->place,
                  "the rule for all clients sets RELAYCLIENT, so that everybody may send anywhere",
                  NULL);
        audit_fix_lines(q->a, f, AUDIT_EDIT_REPLACE, all->place.file, all->place.line,
                        all->place.line, ":allow");
        q->d->stranger = AUDIT_YES;
    }
    for (size_t i = 0; i < q->rules.count; i++)
        if (q->rules.v[i].who == UNIX_TCP_NAMED || q->rules.v[i].who == UNIX_TCP_ANY_NAME)
            judge_named(q, &q->rules.v[i]);
    unix_tcp_trust(q->a, &q->rules, q->d);
}

static void read_rules(struct qmail *q, const char *given)
{
    const char *const paths[] = {given ? given : "",         "/etc/tcp.smtp",
                                 "/etc/tcprules.d/tcp.smtp", "/var/qmail/control/tcp.smtp",
                                 "/etc/qmail/tcp.smtp",      "/home/vpopmail/etc/tcp.smtp",
                                 "/var/qmail/etc/tcp.smtp",  "/etc/tcp.submission"};
    struct audit_source_file f;

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]) && !q->has_rules; i++)
        if (*paths[i] && audit_text(q->a, paths[i], &f) == AUDIT_FILE_OK) {
            unix_tcp_read(q->a, &f, false, &q->rules);
            q->has_rules = true;
        }
}

/* --- the row ---------------------------------------------------------------------------------- */

static bool rules_name(const char *name)
{
    return strcmp(name, "tcp.smtp") == 0 || strcmp(name, "tcp.submission") == 0;
}

static enum audit_guess qmail_probe(struct audit *a, const struct audit_probe *p)
{
    static const char *const signs[] = {"control/me", "control/rcpthosts", "control/percenthack"};

    if (p->folder) {
        for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
            if (audit_there(a, audit_join_path(a, p->path, signs[i])))
                return AUDIT_GUESS_SURE;
        if (audit_there(a, audit_join_path(a, p->path, "rcpthosts")) ||
            (audit_there(a, audit_join_path(a, p->path, "me")) &&
             (strcmp(p->name, "control") == 0 ||
              audit_there(a, audit_join_path(a, p->path, "tcp.smtp")))))
            return AUDIT_GUESS_SURE;
        return audit_there(a, audit_join_path(a, p->path, "tcp.smtp")) ||
                       audit_there(a, audit_join_path(a, p->path, "etc/tcp.smtp"))
                   ? AUDIT_GUESS_LIKELY
                   : AUDIT_GUESS_NO;
    }
    if (rules_name(p->name) || strcmp(p->name, "rcpthosts") == 0 ||
        strcmp(p->name, "morercpthosts") == 0 || strcmp(p->name, "percenthack") == 0)
        return AUDIT_GUESS_SURE;
    return span_has_nocase(p->text, SPAN_LIT("qmail-smtpd")) ||
                   (span_has_nocase(p->text, SPAN_LIT(":allow,RELAYCLIENT=\"")) &&
                    !span_has_nocase(p->text, SPAN_LIT("\tallow")))
               ? AUDIT_GUESS_LIKELY
               : AUDIT_GUESS_NO;
}

/* A file of rules by address, whatever its name. */
static bool rules_text(struct audit *a, const char *path)
{
    struct audit_source_file f;

    return audit_text(a, path, &f) == AUDIT_FILE_OK &&
           (span_has_nocase(f.text, SPAN_LIT(":allow")) ||
            span_has_nocase(f.text, SPAN_LIT(":deny")));
}

static int qmail_read(struct audit *a, const struct audit_kind *kind, const char *path, bool folder)
{
    struct qmail q = {.a = a, .dir = path};
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *own = NULL;
    const char *dir = folder ? path : audit_dirname(a, path);
    bool rules = !folder && (rules_name(name) || rules_text(a, path)), control = false;

    if (folder && strcmp(name, "control") == 0)
        audit_alias(a, "/var/qmail/control", dir);
    else if (!folder && !rules)
        audit_alias(a, "/var/qmail/control", dir);
    else if (folder)
        audit_alias(a, "/var/qmail", dir);
    if (rules)
        audit_alias(a, "/etc", dir);
    q.d = audit_door(a, kind, "qmail-smtpd", 25, AUDIT_BIND_ANY, (struct audit_place){path, 0});
    control = audit_there(a, "/var/qmail/control/me") ||
              audit_there(a, "/var/qmail/control/rcpthosts") || (folder && !rules);
    if (control && !rules)
        judge_rcpthosts(&q, &own);
    judge_percent(&q, own);
    read_route(&q);
    read_run(&q);
    read_envdir(&q);
    read_rules(&q, rules ? path : NULL);
    judge_rules(&q);
    if (control)
        judge_hygiene(&q);
    if (q.d->stranger == AUDIT_UNKNOWN)
        q.d->stranger = AUDIT_NO;
    return 0;
}

const struct audit_kind audit_kind_qmail = {
    .name = "qmail",
    .title = "qmail",
    .reads = "the folder with control/, or tcp.smtp",
    .restart = "tcprules /etc/tcp.smtp.cdb /etc/tcp.smtp.tmp < /etc/tcp.smtp",
    .rules = {.wide = "QM02", .nat = "QM02"},
    .probe = qmail_probe,
    .read = qmail_read,
};
