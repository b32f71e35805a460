/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Apache James: smtpserver.xml says who may relay at RCPT, mailetcontainer.xml what becomes of mail
 * that was taken. A stranger relays when nothing at RCPT keeps him out and his mail walks through
 * the processors, from "root" on, into a RemoteDelivery.
 *
 * The check at RCPT refuses foreign recipients of clients that are neither logged in nor in
 * authorizedAddresses, so an open RemoteDelivery behind it waits for one more change only. It is
 * not relied upon where logins are turned off: what it does then has changed between versions.
 */
#include "audit/unix.h"

#include "base/num.h"

#include <expat.h>

enum { DEPTH_MAX = 40 };

struct element {
    const char *name, *match, *cls, *state, *label, *enabled, *loader;
    const char *value;
    unsigned line;
    struct element *children, **end, *next;
};

struct james {
    struct audit *a;
    const struct audit_kind *kind;
    const char *dir;
    const char *mailets; /* the file; NULL: not there */
    struct element *container, *server;
    const char *server_file;
    /* while a file is read */
    XML_Parser parser;
    struct element *stack[DEPTH_MAX];
    unsigned depth;
    bool bad;
};

/* --- XML -------------------------------------------------------------------------------------- */

static void start(void *data, const XML_Char *name, const XML_Char **atts)
{
    struct james *j = data;
    struct element *e = audit_alloc(j->a, sizeof(*e)), *parent = j->stack[j->depth];

    if (audit_failed(j->a) || j->depth + 1 >= DEPTH_MAX) {
        j->bad = true;
        XML_StopParser(j->parser, XML_FALSE);
        return;
    }
    e->name = audit_dup(j->a, span_str(name));
    e->line = (unsigned)XML_GetCurrentLineNumber(j->parser);
    e->end = &e->children;
    e->value = "";
    for (size_t i = 0; atts[i]; i += 2) {
        const char *v = audit_dup(j->a, span_str(atts[i + 1]));

        if (strcmp(atts[i], "match") == 0)
            e->match = v;
        else if (strcmp(atts[i], "class") == 0)
            e->cls = v;
        else if (strcmp(atts[i], "state") == 0)
            e->state = v;
        else if (strcmp(atts[i], "name") == 0)
            e->label = v;
        else if (strcmp(atts[i], "enabled") == 0)
            e->enabled = v;
        else if (strcmp(atts[i], "coreHandlersPackage") == 0)
            e->loader = v;
    }
    *parent->end = e;
    parent->end = &e->next;
    j->stack[++j->depth] = e;
}

static void end(void *data, const XML_Char *name)
{
    struct james *j = data;

    if (j->depth > 0)
        j->depth--;
}

static void text(void *data, const XML_Char *s, int len)
{
    struct james *j = data;
    struct element *e = j->stack[j->depth];

    if (len > 0 && strlen(e->value) + (size_t)len < 4096)
        e->value = audit_fmt(j->a, "%s%.*s", e->value, len, s);
}

static struct element *read_xml(struct james *j, const struct audit_source_file *f)
{
    struct element *root = audit_alloc(j->a, sizeof(*root));
    bool ok;

    if (audit_failed(j->a))
        return NULL;
    root->end = &root->children;
    root->value = root->name = "";
    j->depth = 0;
    j->stack[0] = root;
    j->bad = false;
    j->parser = XML_ParserCreate(NULL);
    if (!j->parser)
        return NULL;
    XML_SetUserData(j->parser, j);
    XML_SetElementHandler(j->parser, start, end);
    XML_SetCharacterDataHandler(j->parser, text);
    ok = XML_Parse(j->parser, f->text.p ? f->text.p : "", (int)f->text.n, 1) == XML_STATUS_OK;
    if (!ok)
        audit_bad(
            j->a, (struct audit_place){f->name, (unsigned)XML_GetCurrentLineNumber(j->parser)},
            "no well-formed XML: %s; mend it",
            j->bad ? "its elements nest too deep" : XML_ErrorString(XML_GetErrorCode(j->parser)));
    XML_ParserFree(j->parser);
    j->parser = NULL;
    return ok ? root : NULL;
}

/* The first element of that name, at any depth. */
static const struct element *find(const struct element *e, const char *name)
{
    for (const struct element *c = e ? e->children : NULL; c; c = c->next) {
        const struct element *in = strcmp(c->name, name) == 0 ? c : find(c, name);

        if (in)
            return in;
    }
    return NULL;
}

static struct span value(const struct element *e, const char *name)
{
    const struct element *c = find(e, name);

    return c ? span_trim(span_str(c->value)) : SPAN_NULL;
}

/* --- processors ------------------------------------------------------------------------------- */

enum tri { NO, YES, DOUBT };

struct mail {
    bool authorised;
    const char *sender_domain; /* NULL: a stranger's */
};

struct way {
    struct james *j;
    const struct mail *mail;
    struct audit_place place, doubt;
    const char *claim; /* a sender's domain that some matcher asks for */
    unsigned depth;
};

static struct span short_name(const char *s)
{
    struct span all = span_str(s);
    size_t eq = span_find(all, '=');
    struct span head = span_slice(all, 0, eq);
    size_t dot = span_rfind(head, '.');

    return dot == head.n ? head : span_slice(head, dot + 1, head.n);
}

static enum tri matches(struct way *w, const struct element *processor, const char *match);

/* A composite matcher that the processor has named. */
static enum tri composite(struct way *w, const struct element *processor, const struct element *m)
{
    struct span kind = short_name(m->match ? m->match : "");
    enum tri got = NO;
    bool all = span_eq(kind, SPAN_LIT("And"));

    if (w->depth++ > DEPTH_MAX)
        return DOUBT;
    got = all ? YES : NO;
    for (const struct element *c = m->children; c; c = c->next) {
        enum tri one = strcmp(c->name, "matcher") == 0 && c->match ? matches(w, processor, c->match)
                                                                   : (all ? YES : NO);

        if (all ? one == NO : one == YES)
            got = one;
        else if (one == DOUBT && got != (all ? NO : YES))
            got = DOUBT;
    }
    if (span_eq(kind, SPAN_LIT("Not")))
        got = got == YES ? NO : got == NO ? YES : DOUBT;
    w->depth--;
    return got;
}

static enum tri by_sender(struct way *w, const char *match)
{
    struct span v = span_str(strchr(match, '=') ? strchr(match, '=') + 1 : "");
    size_t at = span_rfind(v, '@');

    v = at < v.n ? span_slice(v, at + 1, v.n) : v;
    v = span_trim(span_slice(v, 0, span_find(v, ',')));
    if (!w->claim && v.n > 0)
        w->claim = audit_dup(w->j->a, v);
    return w->mail->sender_domain && span_eq_nocase(v, span_str(w->mail->sender_domain)) ? YES : NO;
}

static enum tri matches(struct way *w, const struct element *processor, const char *match)
{
    static const char *const never[] = {"RecipientIsLocal",
                                        "HostIsLocal",
                                        "SMTPAuthSuccessful",
                                        "SentByMailet",
                                        "SentByJmap",
                                        "RelayLimit",
                                        "SMTPAuthUserIs",
                                        "HostIs",
                                        "RecipientIs",
                                        "UserIs",
                                        "IsSingleRecipient",
                                        "HasMailAttribute",
                                        "HasMailAttributeWithValue",
                                        "HasAttachment",
                                        "HasHeader",
                                        "RecipientIsRegex",
                                        "SenderIsNull",
                                        "FetchedFrom",
                                        "SizeGreaterThan",
                                        "InSpammerBlacklist",
                                        "IsX509CertificateSubject",
                                        "IsMarkedAsSpam",
                                        "TooManyLines"};
    struct span name = short_name(match);

    for (const struct element *c = processor->children; c; c = c->next)
        if (strcmp(c->name, "matcher") == 0 && c->label && strcmp(c->label, match) == 0)
            return composite(w, processor, c);
    if (span_eq(name, SPAN_LIT("All")) || span_eq(name, SPAN_LIT("RemoteAddrNotInNetwork")))
        return span_eq(name, SPAN_LIT("All")) || !w->mail->authorised ? YES : NO;
    if (span_eq(name, SPAN_LIT("SMTPIsAuthNetwork")) ||
        span_eq(name, SPAN_LIT("RemoteAddrInNetwork")))
        return w->mail->authorised ? YES : NO;
    if (span_eq(name, SPAN_LIT("SenderIs")) || span_eq(name, SPAN_LIT("SenderHostIs")) ||
        span_eq(name, SPAN_LIT("SenderDomainIs")))
        return by_sender(w, match);
    if (span_eq(name, SPAN_LIT("SenderIsLocal")) || span_eq(name, SPAN_LIT("SenderHostIsLocal"))) {
        if (!w->claim)
            w->claim = "a-local-domain.example";
        return w->mail->sender_domain ? YES : NO;
    }
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
        if (span_eq(name, span_str(never[i])))
            return NO;
    return DOUBT;
}

static enum tri walk(struct way *w, const char *state)
{
    const struct element *p = find(w->j->container, "processors");

    if (w->depth++ > DEPTH_MAX)
        return DOUBT;
    for (p = p ? p->children : NULL; p; p = p->next)
        if (strcmp(p->name, "processor") == 0 && p->state && strcmp(p->state, state) == 0)
            break;
    for (const struct element *m = p ? p->children : NULL; m; m = m->next) {
        struct span cls;
        enum tri t;

        if (strcmp(m->name, "mailet") != 0)
            continue;
        cls = short_name(m->cls ? m->cls : "");
        t = matches(w, p, m->match ? m->match : "All");
        if (t == NO)
            continue;
        if (span_eq(cls, SPAN_LIT("ToProcessor"))) {
            enum tri got = walk(w, audit_dup(w->j->a, value(m, "processor")));

            if (t == YES)
                return got;
            if (got != NO)
                w->doubt = (struct audit_place){w->j->mailets, m->line};
        } else if (span_eq(cls, SPAN_LIT("RemoteDelivery"))) {
            w->place = (struct audit_place){w->j->mailets, m->line};
            if (t == YES)
                return YES;
            w->doubt = w->place;
        } else if (t == YES &&
                   (span_eq(cls, SPAN_LIT("Null")) || span_eq(cls, SPAN_LIT("LocalDelivery")) ||
                    (span_eq(cls, SPAN_LIT("ToRepository")) &&
                     !span_eq_nocase(value(m, "passThrough"), SPAN_LIT("true"))))) {
            return NO;
        }
    }
    return w->doubt.line ? DOUBT : NO;
}

static enum tri goes_out(struct james *j, bool authorised, const char *sender_domain,
                         struct way *ret)
{
    struct mail *m = audit_alloc(j->a, sizeof(*m));
    enum tri got;

    *m = (struct mail){authorised, sender_domain};
    *ret = (struct way){.j = j, .mail = m};
    if (!j->container)
        return authorised ? YES : NO;
    got = walk(ret, "root");
    return got == NO && ret->doubt.line ? DOUBT : got;
}

/* --- findings --------------------------------------------------------------------------------- */

static void judge_mail(struct james *j, struct audit_door *d, bool checked)
{
    struct audit_finding *f;
    struct way w;
    enum tri t = goes_out(j, false, NULL, &w);
    const char *claim = w.claim;

    if (t == YES) {
        f = audit_find(j->a, "JA03", checked ? AUDIT_LATENT : AUDIT_OPEN, d, w.place);
        f->why = checked ? "mail of strangers would be sent anywhere by this RemoteDelivery; only "
                           "the check at RCPT keeps it out"
                         : "mail of strangers is sent anywhere by this RemoteDelivery";
        f->witness = audit_witness(d, audit_stranger(NULL, IP_V4), NULL, NULL);
        if (!checked)
            f->unless = "this version's check at RCPT refuses foreign recipients of strangers";
        f->fix = "before it: <mailet match=\"All\" class=\"ToProcessor\"><processor>relay-denied"
                 "</processor></mailet>, and a way past it for SMTPAuthSuccessful";
        d->stranger = checked ? AUDIT_NO : AUDIT_YES;
    } else if (t == DOUBT && !checked) {
        f = audit_undecided(j->a, "JA03", AUDIT_OPEN, d, w.doubt);
        f->why = "whether strangers' mail goes on to other hosts hangs on a matcher that is not "
                 "known";
        f->fix = "let SMTPAuthSuccessful or SMTPIsAuthNetwork decide instead";
    } else if (claim && !checked && goes_out(j, false, claim, &w) == YES) {
        f = audit_find(j->a, "JA03", AUDIT_FORGED, d, w.place);
        f->why = "who claims such a sender may send anywhere, and anybody can claim it";
        f->witness =
            audit_witness(d, audit_stranger(NULL, IP_V4), audit_fmt(j->a, "user@%s", claim), NULL);
        f->fix = "let SMTPAuthSuccessful or SMTPIsAuthNetwork decide instead";
        d->keys |= AUDIT_KEY_SENDER;
    }
}

static void trust(struct james *j, struct audit_door *d, const struct element *addresses)
{
    struct span all = span_str(addresses->value), one;
    struct ip_prefix net;
    struct way w;

    if (goes_out(j, true, NULL, &w) != YES)
        return;
    while (audit_word(&all, ", \t\r\n", false, &one)) {
        size_t slash = span_find(one, '/');
        struct ip mask;

        if (ip_parse(span_slice(one, slash + 1, one.n), &mask) && mask.family == IP_V4) {
            unsigned len = 0; /* a mask of octets */

            while (len < 32 && mask.b[len / 8] >> (7 - len % 8) & 1)
                len++;
            one = span_str(audit_fmt(j->a, "%.*s/%u", SPAN_ARG(span_slice(one, 0, slash)), len));
        }
        if (unix_net(one, &net))
            unix_net_fix(j->a,
                         audit_net_add(j->a, &d->trusted, net, false,
                                       (struct audit_place){j->server_file, addresses->line}, one),
                         ",");
    }
}

static bool has_handler(const struct element *e, const char *cls)
{
    for (const struct element *c = e->children; c; c = c->next)
        if ((c->cls && span_eq(short_name(c->cls), span_str(cls))) || has_handler(c, cls))
            return true;
    return false;
}

static void judge_server(struct james *j, const struct element *s)
{
    const struct element *addresses = find(s, "authorizedAddresses");
    const struct element *chain = find(s, "handlerchain");
    struct span announce = value(s, "announce"), bind = value(s, "bind"), required, one;
    /* Both loaders that James ships bring the check, and one of them is the default. */
    bool checked = !chain || !chain->loader ||
                   span_eq(short_name(chain->loader), SPAN_LIT("CoreCmdHandlerLoader")) ||
                   span_eq(short_name(chain->loader), SPAN_LIT("NoAuthCmdHandlerLoader")) ||
                   has_handler(chain, "AuthRequiredToRelayRcptHook");
    bool auth;

    required = value(s, "authRequired");
    if (required.n == 0)
        required = value(s, "required");
    auth = (announce.n > 0 && !span_eq_nocase(announce, SPAN_LIT("never"))) ||
           span_eq_nocase(required, SPAN_LIT("true")) ||
           span_eq_nocase(required, SPAN_LIT("announce"));
    if (span_eq_nocase(value(s, "verifyIdentity"), SPAN_LIT("false")))
        audit_note(j->a, "JA04", NULL, (struct audit_place){j->server_file, s->line},
                   "who logs in may send as any other user: verifyIdentity is false",
                   "<verifyIdentity>true</verifyIdentity>")
            ->kind = j->kind;
    if (bind.n == 0)
        bind = SPAN_LIT("0.0.0.0:25");
    while (span_cut(&bind, ',', &one)) {
        struct audit_place place = {j->server_file, s->line};
        struct audit_finding *f;
        struct audit_door *d;
        struct span host;
        uint16_t port = 0;
        struct ip ip;
        struct way w;

        one = span_trim(one);
        if (!ip_host_port(one, &host, &port))
            host = SPAN_NULL;
        d = audit_door(j->a, j->kind, audit_fmt(j->a, "smtpserver %u", port ? port : 25u),
                       port ? port : 25, audit_bind_of(host, &ip), place);
        d->login = auth;
        d->stranger = AUDIT_NO;
        if (addresses) {
            trust(j, d, addresses);
        } else if (!auth && goes_out(j, true, NULL, &w) == YES) {
            f = audit_find(j->a, "JA02", AUDIT_NOTE, d, place);
            f->why = "early versions of James 3 take every client as authorised where there is "
                     "neither a login nor authorizedAddresses";
            f->fix = "<authorizedAddresses>127.0.0.0/8</authorizedAddresses>";
        }
        if (j->container)
            judge_mail(j, d, checked && auth);
    }
}

/* --- the row ---------------------------------------------------------------------------------- */

static enum audit_guess james_probe(struct audit *a, const struct audit_probe *p)
{
    if (p->folder)
        return audit_there(a, audit_join_path(a, p->path, "smtpserver.xml")) ||
                       audit_there(a, audit_join_path(a, p->path, "mailetcontainer.xml"))
                   ? AUDIT_GUESS_SURE
                   : AUDIT_GUESS_NO;
    return strcmp(p->name, "smtpserver.xml") == 0 || strcmp(p->name, "mailetcontainer.xml") == 0 ||
                   span_has_nocase(p->text, SPAN_LIT("<mailetcontainer")) ||
                   span_has_nocase(p->text, SPAN_LIT("<smtpservers"))
               ? AUDIT_GUESS_SURE
               : AUDIT_GUESS_NO;
}

static int james_read(struct audit *a, const struct audit_kind *kind, const char *path, bool folder)
{
    struct james *j = audit_alloc(a, sizeof(*j));
    const char *dir = folder ? path : audit_dirname(a, path);
    struct audit_source_file f;

    if (audit_failed(a))
        return 0;
    *j = (struct james){.a = a, .kind = kind, .dir = dir};
    audit_alias(a, "/opt/james/conf", dir);
    if (audit_text(a, audit_join_path(a, dir, "mailetcontainer.xml"), &f) == AUDIT_FILE_OK ||
        (!folder && audit_text(a, path, &f) == AUDIT_FILE_OK &&
         span_has_nocase(f.text, SPAN_LIT("<mailetcontainer")))) {
        j->mailets = f.name;
        j->container = read_xml(j, &f);
    }
    if (audit_text(a, audit_join_path(a, dir, "smtpserver.xml"), &f) == AUDIT_FILE_OK ||
        (!folder && audit_text(a, path, &f) == AUDIT_FILE_OK &&
         span_has_nocase(f.text, SPAN_LIT("<smtpserver")))) {
        j->server_file = f.name;
        j->server = read_xml(j, &f);
    }
    if (audit_error(a)[0])
        return AUDIT_BAD;
    if (!j->server && j->container) {
        judge_mail(j,
                   audit_door(a, kind, "smtpserver", 25, AUDIT_BIND_ANY,
                              (struct audit_place){j->mailets, 0}),
                   false);
        return 0;
    }
    if (!j->server)
        return audit_bad(a, (struct audit_place){path, 0}, "no James configuration");
    for (const struct element *s = j->server->children; s; s = s->next) {
        if (strcmp(s->name, "smtpserver") == 0)
            judge_server(j, s);
        for (const struct element *c = s->children; c; c = c->next)
            if (strcmp(c->name, "smtpserver") == 0 &&
                !(c->enabled && strcmp(c->enabled, "false") == 0))
                judge_server(j, c);
    }
    return 0;
}

const struct audit_kind audit_kind_james = {
    .name = "james",
    .title = "Apache James",
    .reads = "smtpserver.xml and mailetcontainer.xml, or their folder",
    .restart = "systemctl restart james",
    .rules = {.wide = "JA01", .nat = "JA01"},
    .probe = james_probe,
    .read = james_read,
};
