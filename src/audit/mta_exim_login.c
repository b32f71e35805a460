/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What ACLs name, gathered before anything is tried; authenticators, tried with the login of
 * nobody; and the options and lists that are wrong by themselves.
 */
#include "audit/mta_exim_priv.h"

/* --- gathering -------------------------------------------------------------------------------- */

void exim_collect(struct exim_conf *c, unsigned port, struct exim_found *found)
{
    struct exim_world w = {.sender = AUDIT_SPAMMER,
                           .helo = AUDIT_SPAMMER_HELO,
                           .rcpt_local = AUDIT_VICTIM_LOCAL,
                           .rcpt_domain = AUDIT_VICTIM_DOMAIN,
                           .port = port};

    for (const struct exim_acl *acl = c->acls; acl; acl = acl->next)
        for (const struct exim_statement *s = acl->statements; s; s = s->next)
            for (const struct exim_cond *cond = s->conds; cond; cond = cond->next) {
                struct exim_run r = exim_run_new(c, &w);

                /* Nested ACLs are walked for their own sake. */
                if (strcmp(cond->name, "acl") == 0 || strcmp(cond->name, "verify") == 0)
                    continue;
                r.found = found;
                if (strcmp(cond->name, "set") == 0)
                    exim_expand(&r, &cond->value);
                else
                    exim_condition(&r, cond);
            }
    /* Options that hold expressions, as an ACL that is chosen by the port. */
    for (const struct exim_option *o = c->options; o; o = o->next)
        if (strncmp(o->name, "acl_smtp_", 9) == 0) {
            struct exim_run r = exim_run_new(c, &w);

            r.found = found;
            exim_expand(&r, &o->value);
        }
    if (found->owns.count < EXIM_CANDIDATES_MAX && audit_host_get_name(c->a))
        found->owns.v[found->owns.count++] = audit_host_get_name(c->a);
}

/* --- logins ----------------------------------------------------------------------------------- */

static bool offered(struct exim_conf *c, const struct exim_driver *d)
{
    const struct exim_option *o = exim_option(d->options, "server_advertise_condition");
    const struct exim_option *hosts = exim_option(c->options, "auth_advertise_hosts");
    struct exim_world w = {.sender = "", .helo = "", .rcpt_local = "", .rcpt_domain = ""};
    struct exim_run r = exim_run_new(c, &w);
    struct exim_value v;

    if (hosts && span_trim(hosts->value.s).n == 0)
        return false;
    if (!o)
        return true;
    v = exim_expand(&r, &o->value);
    return exim_truth(&v, true) != EXIM_NO;
}

/* Who is nobody, and what he says; the last two have no password. */
static const char *const nobody[][3] = {
    {"zq-nobody", "zq-wrong", "zq-other"},
    {"zq-nobody", "", ""},
    {"", "zq-nobody", ""},
};

static void judge_driver(struct exim_conf *c, struct audit_door *d, const struct exim_driver *auth,
                         const struct exim_found *found)
{
    const struct exim_option *o = exim_option(auth->options, "server_condition");
    const struct exim_option *driver = exim_option(auth->options, "driver");
    struct exim_world w = {.sender = AUDIT_SPAMMER,
                           .helo = AUDIT_SPAMMER_HELO,
                           .rcpt_local = AUDIT_VICTIM_LOCAL,
                           .rcpt_domain = AUDIT_VICTIM_DOMAIN,
                           .port = d->port};

    if (!o || !driver || !span_eq(driver->value.s, SPAN_LIT("plaintext")))
        return;
    for (size_t i = 0; i < sizeof(nobody) / sizeof(nobody[0]); i++) {
        struct exim_run r = exim_run_new(c, &w);
        struct audit_finding *f;
        struct exim_value v;

        memcpy(r.w.auth, nobody[i], sizeof(r.w.auth));
        r.guess = true;
        v = exim_expand(&r, &o->value);
        if (exim_truth(&v, false) != EXIM_YES)
            continue;
        f = audit_find(c->a, "EX09", AUDIT_OPEN, d, o->place);
        f->why = i == 0 ? "this authenticator takes any user and password, and a login may send "
                          "anywhere"
                        : "this authenticator takes an empty password for a user that it does not "
                          "know, and a login may send anywhere";
        f->fix = i == 0 ? "compare the password with the user's, or take the authenticator out"
                        : "server_condition = ${if and{ {!eq{$auth1}{}} {!eq{$auth2}{}} {…} }}";
        f->witness = audit_witness(d, audit_stranger(NULL, IP_V4), NULL, NULL);
        f->witness.login = i == 0 ? "any account, any password" : "any account, empty password";
        return;
    }
    (void)found;
}

void exim_judge_logins(struct exim_conf *c, struct audit_door *d, const struct exim_found *found)
{
    struct exim_world w = {.sender = AUDIT_SPAMMER,
                           .helo = AUDIT_SPAMMER_HELO,
                           .rcpt_local = AUDIT_VICTIM_LOCAL,
                           .rcpt_domain = AUDIT_VICTIM_DOMAIN,
                           .port = d->port,
                           .login = true};
    struct exim_run r = exim_run_new(c, &w);
    enum exim_tri t;

    if (!c->auths)
        return;
    t = exim_session(&r);
    d->login = t == EXIM_YES || t == EXIM_ANY;
    for (const struct exim_driver *auth = c->auths; auth && d->login; auth = auth->next)
        if (offered(c, auth))
            judge_driver(c, d, auth, found);
}

/* --- options ---------------------------------------------------------------------------------- */

/* An IPv6 address in a list with colons. */
static void judge_host_list(struct exim_conf *c, struct audit_door *d, const struct exim_text *text)
{
    struct span s = text->s, word;
    struct audit_finding *f;
    struct ip_prefix net;

    if (span_trim(s).n > 0 && span_trim(s).p[0] == '<')
        return;
    while (audit_word(&s, " \t", false, &word)) {
        if (word.n > 0 && word.p[0] == '!')
            word = span_slice(word, 1, word.n);
        if (span_find(word, ':') == word.n || word.n < 3 || !unix_net(word, &net))
            continue;
        f = audit_find(c->a, "EX03", AUDIT_LATENT, d, exim_place(text, word.p));
        f->why = audit_fmt(c->a,
                           "the colons of %.*s end items of this list, so that it falls into "
                           "pieces that name other hosts or none",
                           SPAN_ARG(word));
        f->fix = "double its colons, or begin the list with \"<;\" and separate by semicolons";
    }
}

static void add_proxy(struct exim_conf *c, struct audit_door *d, struct span item,
                      struct audit_place place)
{
    struct audit_net *n;
    struct ip_prefix net;

    if (span_eq(item, SPAN_LIT("*"))) {
        n = audit_net_add(c->a, &d->proxies, (struct ip_prefix){.ip.family = IP_V4}, false, place,
                          item);
        n->fix = "hosts_proxy = ADDRESS.OF.THE.PROXY";
    } else if (unix_net(item, &net)) {
        n = audit_net_add(c->a, &d->proxies, net, false, place, item);
        unix_net_fix(c->a, n, ":;");
    }
}

static void judge_proxy(struct exim_conf *c, struct audit_door *d)
{
    const struct exim_option *o = exim_option(c->options, "hosts_proxy");
    struct exim_list_reader l;
    struct exim_text value;
    struct span item;
    const char *at;

    for (unsigned depth = 0; o && depth < EXIM_DEPTH_MAX; depth++) {
        value = o->value;
        exim_list_open(&l, value.s, &item);
        d->proxy_how = "PROXY";
        while (exim_list_next(c->a, &l, &item, &at)) {
            const struct exim_list *named =
                item.n > 1 && item.p[0] == '+'
                    ? exim_list_find(c, EXIM_HOSTS, span_slice(item, 1, item.n))
                    : NULL;
            struct exim_list_reader in;
            struct span inner;

            if (!named) {
                add_proxy(c, d, item, exim_place(&value, at));
                continue;
            }
            exim_list_open(&in, named->value.s, &inner);
            while (exim_list_next(c->a, &in, &inner, &at))
                add_proxy(c, d, inner, exim_place(&named->value, at));
        }
        break;
    }
}

/* EX12: what makes other holes wider, and is none by itself. */
static void judge_hygiene(struct exim_conf *c, struct audit_door *d)
{
    const struct exim_option *o = exim_option(c->options, "recipient_unqualified_hosts");

    if (o && span_find(o->value.s, '*') < o->value.s.n)
        audit_note(c->a, "EX12", d, o->place,
                   "recipients without a domain are taken from any client, and become local ones",
                   "recipient_unqualified_hosts = 127.0.0.1");
    o = exim_option(c->options, "allow_domain_literals");
    if (o && exim_option_true(c->options, "allow_domain_literals", false))
        audit_note(c->a, "EX12", d, o->place,
                   "recipients at [addresses] are taken as well as those at domains",
                   "allow_domain_literals = false");
    for (const struct exim_acl *acl = c->acls; acl; acl = acl->next)
        for (const struct exim_statement *s = acl->statements; s; s = s->next) {
            bool limited = false;

            for (const struct exim_cond *cond = s->conds; cond; cond = cond->next) {
                limited = limited || strcmp(cond->name, "hosts") == 0 ||
                          strcmp(cond->name, "authenticated") == 0;
                if (!limited && strcmp(cond->name, "control") == 0 &&
                    span_starts(cond->value.s, SPAN_LIT("submission")))
                    audit_note(c->a, "EX12", d, cond->place,
                               "clients that did not log in get their headers mended as if they "
                               "had",
                               "authenticated = *");
            }
        }
}

void exim_judge_options(struct exim_conf *c, struct audit_door *d)
{
    const struct exim_option *o = exim_option(c->options, "percent_hack_domains");
    struct audit_finding *f;

    judge_proxy(c, d);
    judge_hygiene(c, d);
    if (o && span_trim(o->value.s).n > 0) {
        f = audit_find(c->a, "EX10", AUDIT_LATENT, d, o->place);
        f->why = "percent_hack_domains rewrites user%other@ours into user@other before the ACL "
                 "looks: only the ACL then keeps it from being a relay";
        audit_fix_lines(c->a, f, AUDIT_EDIT_DELETE, o->place.file, o->place.line, o->place.line,
                        "(take the line out)");
    }
    for (const struct exim_list *l = c->lists; l; l = l->next)
        if (l->kind == EXIM_HOSTS)
            judge_host_list(c, d, &l->value);
    for (const struct exim_acl *acl = c->acls; acl; acl = acl->next)
        for (const struct exim_statement *s = acl->statements; s; s = s->next)
            for (const struct exim_cond *cond = s->conds; cond; cond = cond->next)
                if (strcmp(cond->name, "hosts") == 0)
                    judge_host_list(c, d, &cond->value);
}
