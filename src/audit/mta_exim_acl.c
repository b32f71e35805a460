/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Walks ACLs for one imagined client, statement by statement, as Exim does: the first accept or
 * deny whose conditions all hold ends the list, a require that fails denies, the end denies.
 *
 * Three kinds of not knowing are kept apart. What the stranger has in his hand (a clean or a listed
 * address, SPF of his own domain, TLS, the message) never keeps him out and always lets him in.
 * What only a session could tell, as a database or a program, is gone both ways: an accept that
 * might hold makes the end "in doubt" when it would else be a refusal, a deny that might hold makes
 * a later accept so. All else is known.
 */
#include "audit/mta_exim_priv.h"

void exim_doubt(struct exim_run *r, struct audit_place place, const char *why)
{
    if (r->doubt)
        return;
    r->doubt = why;
    r->doubt_place = place;
}

bool exim_step(struct exim_run *r, struct audit_place place)
{
    if (r->steps++ < EXIM_STEPS_MAX && r->c->steps++ < EXIM_TOTAL_MAX && !audit_failed(r->a))
        return true;
    exim_doubt(r, place, "takes too many steps to be followed");
    return false;
}

/* --- conditions ------------------------------------------------------------------------------- */

static struct exim_value subject_of(struct exim_run *r, const char *name, enum exim_list_kind *kind)
{
    struct exim_value v = exim_known(SPAN_NULL);
    struct span sender = span_str(r->w.sender);

    if (strcmp(name, "hosts") == 0) {
        *kind = EXIM_HOSTS;
        v.from = EXIM_FROM_CLIENT;
    } else if (strcmp(name, "domains") == 0) {
        *kind = EXIM_DOMAINS;
        v = (struct exim_value){
            .state = EXIM_YES, .from = EXIM_FROM_RCPT, .text = span_str(r->w.rcpt_domain)};
    } else if (strcmp(name, "local_parts") == 0) {
        *kind = EXIM_LOCALS;
        v = (struct exim_value){.state = EXIM_YES,
                                .from = EXIM_FROM_RCPT | EXIM_FROM_LOCAL,
                                .text = span_str(r->w.rcpt_local)};
    } else if (strcmp(name, "recipients") == 0) {
        *kind = EXIM_ADDRESSES;
        v = (struct exim_value){
            .state = EXIM_YES,
            .from = EXIM_FROM_RCPT,
            .text = span_str(audit_fmt(r->a, "%s@%s", r->w.rcpt_local, r->w.rcpt_domain))};
    } else if (strcmp(name, "senders") == 0) {
        *kind = EXIM_ADDRESSES;
        v = (struct exim_value){.state = EXIM_YES, .from = EXIM_FROM_SENDER, .text = sender};
    } else { /* sender_domains */
        *kind = EXIM_DOMAINS;
        v = (struct exim_value){.state = EXIM_YES,
                                .from = EXIM_FROM_SENDER_DOMAIN,
                                .text = span_slice(sender, span_rfind(sender, '@') + 1, sender.n)};
    }
    return v;
}

static enum exim_tri by_list(struct exim_run *r, const struct exim_cond *cond)
{
    enum exim_list_kind kind;
    struct exim_value subject = subject_of(r, cond->name, &kind);
    struct exim_hit hit;
    enum exim_tri t = exim_list(r, kind, &cond->value, &subject, &hit);

    if (t == EXIM_YES && !cond->negated && kind == EXIM_HOSTS)
        r->hosts = hit;
    if (t == EXIM_YES && !cond->negated &&
        (strcmp(cond->name, "domains") == 0 || strcmp(cond->name, "recipients") == 0))
        r->domains = hit;
    return t;
}

static enum exim_tri by_login(struct exim_run *r, const struct exim_cond *cond)
{
    struct exim_list_reader l;
    struct exim_value v;
    struct span item;
    const char *at;

    if (!r->w.login)
        return EXIM_NO;
    v = exim_expand(r, &cond->value);
    exim_list_open(&l, v.text, &item);
    while (exim_list_next(r->a, &l, &item, &at)) {
        if (item.n > 0 && item.p[0] == '*')
            return EXIM_YES;
        for (const struct exim_driver *d = r->c->auths; d; d = d->next)
            if (span_eq(item, span_str(d->name)))
                return EXIM_YES;
    }
    return EXIM_NO;
}

static enum exim_tri by_route(struct exim_run *r, const struct exim_cond *cond)
{
    struct span domain;

    r->verified = true;
    switch (exim_route(r, span_str(r->w.rcpt_local), span_str(r->w.rcpt_domain), &domain)) {
    case EXIM_ROUTE_NONE:
        return EXIM_NO;
    case EXIM_ROUTE_LOCAL:
    case EXIM_ROUTE_REMOTE:
        return EXIM_YES;
    case EXIM_ROUTE_DOUBT:
        break;
    }
    exim_doubt(r, cond->place, "depends on how recipients are routed");
    return EXIM_DOUBT;
}

/* A sender of the stranger's own passes if there is a router for it; one of ours he can guess. */
static enum exim_tri by_sender_route(struct exim_run *r)
{
    struct span sender = span_str(r->w.sender), domain;
    size_t at = span_rfind(sender, '@');

    if (sender.n == 0)
        return EXIM_YES;
    if (strcmp(r->w.sender, AUDIT_SPAMMER) != 0)
        return EXIM_ANY;
    return exim_route(r, span_slice(sender, 0, at), span_slice(sender, at + 1, sender.n),
                      &domain) == EXIM_ROUTE_NONE
               ? EXIM_NO
               : EXIM_ANY;
}

static enum exim_tri by_verify(struct exim_run *r, const struct exim_cond *cond)
{
    struct span what = span_slice(cond->value.s, 0, span_find(cond->value.s, '/'));

    what = span_trim(span_slice(what, 0, span_find(what, '=')));
    if (span_eq(what, SPAN_LIT("recipient")))
        return by_route(r, cond);
    if (span_eq(what, SPAN_LIT("certificate")))
        return r->w.cert ? EXIM_YES : EXIM_NO;
    if (span_eq(what, SPAN_LIT("sender")))
        return by_sender_route(r);
    return EXIM_ANY; /* sender, helo, reverse_host_lookup, header_…: he sees to it */
}

/* "acl = name arg arg" */
static enum exim_tri by_acl(struct exim_run *r, const struct exim_cond *cond)
{
    struct exim_value v = exim_expand(r, &cond->value);
    struct span s = v.text, name, arg, before[9];
    const struct exim_acl *acl;
    enum exim_tri t;

    if (v.state != EXIM_YES || !span_word(&s, &name))
        return v.state == EXIM_YES ? EXIM_DOUBT : v.state;
    acl = exim_acl_find(r->c, name);
    if (!acl) {
        exim_doubt(r, cond->place, "names an ACL that is not there");
        return EXIM_DOUBT;
    }
    memcpy(before, r->args, sizeof(before));
    for (size_t i = 0; i < 9; i++)
        r->args[i] = span_word(&s, &arg) ? arg : SPAN_NULL;
    t = exim_acl_run(r, acl);
    memcpy(r->args, before, sizeof(before));
    return t;
}

static bool is_one_of(const char *name, const char *const *v, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, v[i]) == 0)
            return true;
    return false;
}

static enum exim_tri by_expression(struct exim_run *r, const struct exim_cond *cond)
{
    struct exim_value v = exim_expand(r, &cond->value);
    enum exim_tri t = exim_truth(&v, false);

    /* The message is the stranger's: what is asked of it he can have. */
    if (t == EXIM_DOUBT && r->data)
        return EXIM_ANY;
    if (t == EXIM_DOUBT)
        exim_doubt(r, cond->place, "is a condition whose truth can't be told here");
    return t;
}

static enum exim_tri one(struct exim_run *r, const struct exim_cond *cond)
{
    static const char *const lists[] = {"hosts",      "domains", "local_parts",
                                        "recipients", "senders", "sender_domains"};
    static const char *const his[] = {"dnslists",  "ratelimit",    "encrypted",   "spf",
                                      "spf_guess", "dkim_signers", "dkim_status", "dmarc_status",
                                      "malware",   "spam",         "regex",       "mime_regex",
                                      "decode",    "demime",       "seen"};
    const char *name = cond->name;

    if (is_one_of(name, lists, sizeof(lists) / sizeof(lists[0])))
        return by_list(r, cond);
    if (strcmp(name, "authenticated") == 0)
        return by_login(r, cond);
    if (strcmp(name, "condition") == 0)
        return by_expression(r, cond);
    if (strcmp(name, "verify") == 0)
        return by_verify(r, cond);
    if (strcmp(name, "acl") == 0)
        return by_acl(r, cond);
    if (is_one_of(name, his, sizeof(his) / sizeof(his[0])))
        return EXIM_ANY;
    exim_doubt(r, cond->place,
               audit_fmt(r->a, "has the condition \"%s\", which is not known", name));
    return EXIM_DOUBT;
}

enum exim_tri exim_condition(struct exim_run *r, const struct exim_cond *cond)
{
    enum exim_tri t;

    if (!exim_step(r, cond->place))
        return EXIM_DOUBT;
    t = one(r, cond);
    return cond->negated ? exim_not(t) : t;
}

static bool modifier(const char *name)
{
    static const char *const names[] = {"message", "log_message", "logwrite",   "log_reject_target",
                                        "control", "delay",       "add_header", "remove_header",
                                        "endpass", "continue",    "queue",      "udpsend",
                                        "set",     "attempt"};

    return is_one_of(name, names, sizeof(names) / sizeof(names[0]));
}

static void set_variable(struct exim_run *r, const struct exim_cond *cond, enum exim_tri state)
{
    struct exim_value v = exim_expand(r, &cond->value);
    struct exim_variable *x = r->variables;

    while (x && strcmp(x->name, cond->variable) != 0)
        x = x->next;
    if (!x) {
        x = audit_alloc(r->a, sizeof(*x));
        x->name = cond->variable;
        x->next = r->variables;
        x->state = EXIM_YES;
        if (audit_failed(r->a))
            return;
        r->variables = x;
    }
    if (state == EXIM_YES) {
        x->text = v.text;
        x->state = v.state;
    } else if (v.state != EXIM_YES || !span_eq(v.text, x->text)) {
        x->state = state; /* perhaps set, perhaps not */
    }
}

/* All conditions of a statement; *ret_endpass: one behind endpass failed. */
static enum exim_tri all(struct exim_run *r, const struct exim_statement *s, bool *ret_endpass)
{
    enum exim_tri t = EXIM_YES;
    bool endpass = false;

    *ret_endpass = false;
    for (const struct exim_cond *c = s->conds; c; c = c->next) {
        if (strcmp(c->name, "endpass") == 0)
            endpass = true;
        if (strcmp(c->name, "set") == 0)
            set_variable(r, c, t);
        if (modifier(c->name))
            continue;
        t = exim_and(t, exim_condition(r, c));
        if (t == EXIM_NO) {
            *ret_endpass = endpass;
            return t;
        }
    }
    return t;
}

/* --- ACLs ------------------------------------------------------------------------------------- */

struct walk {
    bool maybe_accepted; /* by a statement in doubt */
    bool maybe_denied;
};

static enum exim_tri refused(const struct walk *w)
{
    return w->maybe_accepted ? EXIM_DOUBT : EXIM_NO;
}

static enum exim_tri accepted(struct exim_run *r, const struct walk *w,
                              const struct exim_statement *s, enum exim_tri t)
{
    r->accepted = s->place;
    return w->maybe_denied ? EXIM_DOUBT : t;
}

/* What one statement does; false: the next one. */
static bool statement(struct exim_run *r, struct walk *w, const struct exim_statement *s,
                      enum exim_tri *ret)
{
    struct exim_hit hosts = r->hosts, domains = r->domains;
    struct audit_place doubt_place = r->doubt_place;
    const char *doubt = r->doubt;
    bool endpass;
    enum exim_tri t;

    r->hosts = r->domains = (struct exim_hit){0};
    t = all(r, s, &endpass);
    if (t != EXIM_DOUBT || s->verb == EXIM_WARN) { /* what was in doubt decided nothing */
        r->doubt = doubt;
        r->doubt_place = doubt_place;
    }
    switch (s->verb) {
    case EXIM_ACCEPT:
        if (t == EXIM_YES || t == EXIM_ANY) {
            *ret = accepted(r, w, s, t);
            return true;
        }
        if (t == EXIM_NO && endpass) {
            *ret = refused(w);
            return true;
        }
        w->maybe_accepted = w->maybe_accepted || t == EXIM_DOUBT;
        break;
    case EXIM_DENY:
        if (t == EXIM_YES) {
            *ret = refused(w);
            return true;
        }
        w->maybe_denied = w->maybe_denied || t == EXIM_DOUBT;
        break;
    case EXIM_REQUIRE:
        if (t == EXIM_NO) {
            *ret = refused(w);
            return true;
        }
        if (r->domains.how)
            r->required = r->domains;
        w->maybe_denied = w->maybe_denied || t == EXIM_DOUBT;
        break;
    case EXIM_WARN:
        break;
    }
    r->hosts = hosts;
    r->domains = domains;
    return false;
}

enum exim_tri exim_acl_run(struct exim_run *r, const struct exim_acl *acl)
{
    enum exim_tri t = EXIM_NO;
    struct walk w = {0};
    bool ended = false;

    if (r->depth >= EXIM_DEPTH_MAX) {
        exim_doubt(r, acl->statements ? acl->statements->place : (struct audit_place){0},
                   "calls ACLs that call one another without end");
        return EXIM_DOUBT;
    }
    r->depth++;
    for (const struct exim_statement *s = acl->statements; s && !ended; s = s->next)
        ended = statement(r, &w, s, &t);
    r->depth--;
    return ended ? t : refused(&w);
}

/* An ACL written in place of a name. */
static enum exim_tri inline_acl(struct exim_run *r, struct span text, struct audit_place place)
{
    struct exim_conf c = {.a = r->a, .kind = r->c->kind, .file = r->c->file};
    struct exim_sections s = {.c = &c};
    struct exim_mark mark = {0, place};
    struct span line;

    exim_conf_line(&s, &(struct exim_text){SPAN_LIT("begin acl"), &mark, 1});
    exim_conf_line(&s, &(struct exim_text){SPAN_LIT("inline:"), &mark, 1});
    while (span_cut(&text, '\n', &line))
        if (span_trim(line).n > 0)
            exim_conf_line(&s, &(struct exim_text){span_trim(line), &mark, 1});
    if (!c.acls || !c.acls->statements) {
        exim_doubt(r, place, "names an ACL that is not there");
        return EXIM_DOUBT;
    }
    return exim_acl_run(r, c.acls);
}

enum exim_tri exim_acl_option(struct exim_run *r, const char *option, enum exim_tri unset)
{
    const struct exim_option *o = exim_option(r->c->options, option);
    struct audit_source_file f;
    const struct exim_acl *acl;
    struct exim_value v;

    if (!o || span_trim(o->value.s).n == 0)
        return unset;
    v = exim_expand(r, &o->value);
    v.text = span_trim(v.text);
    if (v.fail)
        return unset;
    if (v.state != EXIM_YES)
        return v.state;
    if (v.text.n == 0)
        return unset;
    acl = exim_acl_find(r->c, v.text);
    if (acl)
        return exim_acl_run(r, acl);
    if (v.text.p[0] == '/') {
        if (audit_text(r->a, audit_dup(r->a, v.text), &f) == AUDIT_FILE_OK)
            return inline_acl(r, f.text, (struct audit_place){f.name, 1});
        exim_doubt(r, o->place, "names a file that is not here");
        return EXIM_DOUBT;
    }
    return inline_acl(r, v.text, o->place);
}

struct exim_run exim_run_new(struct exim_conf *c, const struct exim_world *w)
{
    return (struct exim_run){.c = c, .a = c->a, .w = *w};
}

enum exim_tri exim_session(struct exim_run *r)
{
    static const char *const before[] = {"acl_smtp_connect", "acl_smtp_helo", "acl_smtp_mail"};
    static const char *const after[] = {"acl_smtp_predata", "acl_smtp_data"};
    struct audit_place accepted;
    struct exim_hit hosts, domains, required;
    enum exim_tri t = EXIM_YES;

    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]) && t != EXIM_NO; i++)
        t = exim_and(t, exim_acl_option(r, before[i], EXIM_YES));
    if (t == EXIM_NO)
        return t;
    r->required = (struct exim_hit){0};
    t = exim_and(t, exim_acl_option(r, "acl_smtp_rcpt", EXIM_NO));
    accepted = r->accepted;
    hosts = r->hosts;
    domains = r->domains;
    required = r->required;
    r->data = true;
    for (size_t i = 0; i < sizeof(after) / sizeof(after[0]) && t != EXIM_NO; i++)
        t = exim_and(t, exim_acl_option(r, after[i], EXIM_YES));
    r->accepted = accepted;
    r->hosts = hosts;
    r->domains = domains;
    r->required = required;
    return t;
}
