/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sendmail: reads sendmail.mc (what its m4 turns on) or sendmail.cf (what its rules do), with the
 * access map and the classes, and opens a door for each DaemonPortOptions.
 *
 * Where both are there, the .mc is judged, because that is what gets mended; and the .cf is run to
 * see that it is no more open than the .mc: an edited .mc closes nothing before it is made into a
 * .cf.
 */
#include "audit/mta_sendmail_priv.h"

#include "base/num.h"

/* --- files that are named --------------------------------------------------------------------- */

/* "hash -T<TMPF> /etc/mail/access": the last word that is a path. */
static const char *map_path(struct sm_conf *c, struct span definition, const char *otherwise)
{
    struct span word, path = SPAN_NULL;

    while (span_word(&definition, &word))
        if (word.p[0] == '/')
            path = word;
    if (span_ends_nocase(path, SPAN_LIT(".db")))
        path.n -= 3;
    return path.n ? audit_dup(c->a, path) : otherwise;
}

void sm_read_lists(struct sm_conf *c)
{
    struct audit_source_file f;

    if (c->rules && c->rules->sets && !c->features[SM_ACCESS_DB].on)
        for (const struct sm_map *m = c->rules->maps; m; m = m->next)
            if (span_eq(m->name, SPAN_LIT("access"))) {
                c->access_file = map_path(c, m->rest, "/etc/mail/access");
                c->features[SM_ACCESS_DB].on = true;
            }
    if (c->features[SM_ACCESS_DB].on && !c->access_file)
        c->access_file = map_path(c, c->features[SM_ACCESS_DB].args[0], "/etc/mail/access");
    if (c->access_file) {
        c->access_there = audit_text(c->a, c->access_file, &f) == AUDIT_FILE_OK;
        sm_words_file(c, &c->access, c->access_file, true);
    }
    sm_words_file(c, &c->relay, c->relay_file ? c->relay_file : "/etc/mail/relay-domains", false);
    if (c->features[SM_CW_FILE].on)
        sm_words_file(c, &c->local, "/etc/mail/local-host-names", false);
    if (c->access_file && !c->access_there) {
        struct audit_finding *note =
            audit_find(c->a, "SM02", AUDIT_NOTE, NULL, c->features[SM_ACCESS_DB].place);

        note->why =
            audit_fmt(c->a, "%s is not here; what it lets relay is not judged", c->access_file);
    }
}

/* --- doors ------------------------------------------------------------------------------------ */

static struct span part(struct span options, const char *name)
{
    struct span one;

    while (span_cut(&options, ',', &one)) {
        size_t eq = span_find(one, '=');
        struct span key = span_trim(span_slice(one, 0, eq));

        if (eq < one.n && key.n > 0 && ascii_lower(key.p[0]) == ascii_lower(name[0]))
            return span_trim(span_slice(one, eq + 1, one.n));
    }
    return SPAN_NULL;
}

static unsigned port_of(struct span s, unsigned otherwise)
{
    unsigned port;

    if (span_eq_nocase(s, SPAN_LIT("smtp")))
        return 25;
    if (span_eq_nocase(s, SPAN_LIT("submission")))
        return 587;
    if (span_eq_nocase(s, SPAN_LIT("smtps")) || span_eq_nocase(s, SPAN_LIT("submissions")))
        return 465;
    return num_uint(s, 1, 65535, &port) ? port : otherwise;
}

static struct audit_door *open_door(struct sm_conf *c, struct span options, unsigned otherwise,
                                    struct audit_place place)
{
    struct span name = part(options, "Name"), address = part(options, "Addr");
    struct span modifiers = part(options, "M"), family = part(options, "Family");
    struct audit_door *d;
    struct ip ip;
    enum audit_bind bind = audit_bind_of(address, &ip);

    if (span_eq_nocase(family, SPAN_LIT("local")))
        bind = AUDIT_BIND_LOCAL;
    d = audit_door(c->a, c->kind, name.n ? audit_dup(c->a, name) : "MTA",
                   port_of(part(options, "Port"), otherwise), bind, place);
    d->address = ip;
    d->v4 = !span_eq_nocase(family, SPAN_LIT("inet6"));
    d->v6 = span_eq_nocase(family, SPAN_LIT("inet6"));
    d->silent = span_find(modifiers, 'a') < modifiers.n;
    return d;
}

void sm_doors(struct sm_conf *c, void (*judge)(struct sm_conf *c, struct audit_door *d))
{
    struct audit_place place = {c->file, 0};
    bool any = false, msa = false;

    for (const struct sm_daemon *o = c->daemons; o; o = o->next) {
        struct audit_door *d = open_door(c, o->options, 25, o->place);

        any = true;
        msa = msa || d->port == 587;
        if (!d->silent)
            judge(c, d);
    }
    if (!any && !c->features[SM_MSP].on)
        judge(c, open_door(c, SPAN_LIT("Name=MTA"), 25, place));
    /* Every .mc without no_default_msa gets this one. */
    if (!msa && !c->features[SM_NO_MSA].on && !c->features[SM_MSP].on && judge == sm_judge_mc)
        judge(c, open_door(c, SPAN_LIT("Name=MSA, Port=587, M=E"), 587, place));
}

/* --- the row ---------------------------------------------------------------------------------- */

static enum audit_guess sendmail_probe(struct audit *a, const struct audit_probe *p)
{
    struct span name = span_str(p->name);

    if (p->folder)
        return audit_there(a, audit_join_path(a, p->path, "sendmail.cf")) ||
                       audit_there(a, audit_join_path(a, p->path, "sendmail.mc"))
                   ? AUDIT_GUESS_SURE
                   : AUDIT_GUESS_NO;
    if (strcmp(p->name, "sendmail.cf") == 0 || strcmp(p->name, "sendmail.mc") == 0)
        return AUDIT_GUESS_SURE;
    if (span_ends_nocase(name, SPAN_LIT(".mc")) && span_has_nocase(p->text, SPAN_LIT("OSTYPE(")))
        return AUDIT_GUESS_SURE;
    if (span_has_nocase(p->text, SPAN_LIT("MAILER(")) ||
        span_has_nocase(p->text, SPAN_LIT("\nFEATURE(")))
        return AUDIT_GUESS_LIKELY;
    return span_has_nocase(p->text, SPAN_LIT("Mlocal,")) &&
                   span_has_nocase(p->text, SPAN_LIT("\nR$"))
               ? AUDIT_GUESS_LIKELY
               : AUDIT_GUESS_NO;
}

/* Whether the .cf beside a closed .mc lets a stranger through. */
static int check_made(struct sm_conf *mc, const struct audit_source_file *f)
{
    struct sm_conf c = {.a = mc->a, .kind = mc->kind};
    struct sm_session s = {.sender = AUDIT_SPAMMER, .rcpt = AUDIT_VICTIM, .flags = ""};
    size_t count;
    const struct audit_door *const *doors;
    struct audit_finding *found;
    struct sm_run r;

    if (sm_read_cf(&c, f) != 0)
        return AUDIT_BAD;
    sm_read_lists(&c);
    if (audit_failed(mc->a) || !c.rules->sets || mc->features[SM_PROMISCUOUS].on ||
        (sm_ruleset(c.rules, SPAN_LIT("check_rcpt")) && sm_check(c.rules, &s, &r) != SM_ACCEPTED))
        return 0;
    doors = audit_doors(mc->a, &count);
    for (size_t i = 0; i < count; i++)
        if (doors[i]->kind == mc->kind && doors[i]->stranger == AUDIT_YES)
            return 0; /* told already, of the .mc */
    found = audit_find(mc->a, "SM14", AUDIT_OPEN, NULL, (struct audit_place){f->name, 0});
    found->kind = mc->kind;
    found->why =
        "this file lets strangers relay, though the .mc beside it does not: it was not made "
        "from it";
    found->witness = audit_witness(NULL, audit_stranger(NULL, IP_V4), NULL, NULL);
    found->fix = "make -C /etc/mail, or m4 sendmail.mc > sendmail.cf";
    return 0;
}

static int sendmail_read(struct audit *a, const struct audit_kind *kind, const char *path,
                         bool folder)
{
    struct sm_conf c = {.a = a, .kind = kind, .file = path};
    const char *dir = folder ? path : audit_dirname(a, path);
    const char *mc = folder ? audit_join_path(a, dir, "sendmail.mc") : path;
    const char *cf = folder ? audit_join_path(a, dir, "sendmail.cf") : path;
    struct audit_source_file f;
    enum audit_file got;
    bool rules;
    int r;

    audit_alias(a, "/etc/mail", dir);
    got = audit_text(a, mc, &f);
    if (folder && got != AUDIT_FILE_OK)
        got = audit_text(a, cf, &f);
    if (got != AUDIT_FILE_OK)
        return audit_bad(a, (struct audit_place){path, 0}, "%s", audit_file_name(got));
    rules = !(span_has_nocase(f.text, SPAN_LIT("FEATURE(")) ||
              span_has_nocase(f.text, SPAN_LIT("MAILER(")) ||
              span_has_nocase(f.text, SPAN_LIT("OSTYPE("))) ||
            (f.text.n > 1 && f.text.p[0] == 'V' && ascii_is_digit(f.text.p[1])) ||
            span_has_nocase(f.text, SPAN_LIT("\nMlocal,"));
    r = rules ? sm_read_cf(&c, &f) : sm_read_mc(&c, &f);
    if (r != 0)
        return r;
    if (rules && !audit_failed(a) && !c.rules->sets)
        return audit_bad(a, (struct audit_place){path, 0},
                         "no Sendmail configuration; it has neither features nor rules");
    sm_read_lists(&c);
    if (audit_failed(a))
        return 0;
    sm_doors(&c, rules ? sm_judge_cf : sm_judge_mc);
    if (folder && !rules && audit_text(a, cf, &f) == AUDIT_FILE_OK)
        return check_made(&c, &f);
    return 0;
}

const struct audit_kind audit_kind_sendmail = {
    .name = "sendmail",
    .title = "Sendmail",
    .reads = "sendmail.mc or sendmail.cf, or /etc/mail",
    .restart = "make -C /etc/mail && systemctl reload sendmail",
    .rules = {.wide = "SM02", .nat = "SM02"},
    .probe = sendmail_probe,
    .read = sendmail_read,
};
