/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The decision in the order in which it is made:
 *
 *     1. the sender's address, then the recipient's: what can't be written canonically is refused,
 *        whoever asks for it
 *     2. the client's right: login, certificate, network, grant; the first that holds
 *     3. the answer: own domain or right; on a submission listener the right alone
 *     4. access rules narrow it: client, sender, recipient
 *
 * Nothing after step 3 can turn a no into a yes, since it all goes through relay_narrow(), and that
 * knows one direction only. What might have been known, but a look-up failed, is DEFER in the place
 * where the knowledge would have counted, and nowhere else.
 */
#include "relay/relay.h"

#include "relay/canon.h"
#include "relay/policy_priv.h"

#include <assert.h>
#include <stdio.h>

/* Replies by reason; '%s' in a text is the address. RFC 5321 §4.2.3, RFC 3463, RFC 6531 §3.5. */
static const struct {
    unsigned code;
    const char *enhanced, *text;
} replies[RELAY_WHYS] = {
    [RELAY_WHY_DENIED] = {554, "5.7.1", "%s: Relay access denied"},
    [RELAY_WHY_OWN_DOMAIN] = {250, "2.1.5", "%s: Recipient ok"},
    [RELAY_WHY_POSTMASTER] = {250, "2.1.5", "%s: Recipient ok"},
    [RELAY_WHY_LOGIN] = {250, "2.1.5", "%s: Recipient ok"},
    [RELAY_WHY_CERT] = {250, "2.1.5", "%s: Recipient ok"},
    [RELAY_WHY_NETWORK] = {250, "2.1.5", "%s: Recipient ok"},
    [RELAY_WHY_GRANT] = {250, "2.1.5", "%s: Recipient ok"},
    [RELAY_WHY_SENDER] = {250, "2.1.0", "%s: Sender ok"},
    [RELAY_WHY_SENDER_SYNTAX] = {553, "5.1.7", "%s: Sender address is not valid"},
    [RELAY_WHY_SENDER_ROUTE] = {553, "5.1.7", "%s: Route in sender address refused"},
    [RELAY_WHY_SENDER_UTF8] = {553, "5.6.7",
                               "%s: Sender address needs SMTPUTF8 and a valid domain"},
    [RELAY_WHY_SENDER_LITERAL] = {553, "5.1.7", "%s: Sender address literal refused"},
    [RELAY_WHY_SYNTAX] = {553, "5.1.3", "%s: Recipient address is not valid; relaying denied"},
    [RELAY_WHY_ROUTE] = {553, "5.7.1", "%s: Route in recipient address; relaying denied"},
    [RELAY_WHY_UTF8] = {553, "5.6.7", "%s: Recipient address needs SMTPUTF8 and a valid domain"},
    [RELAY_WHY_LITERAL] = {554, "5.7.1", "%s: Address literal is not ours; relay access denied"},
    [RELAY_WHY_LOGIN_NEEDED] = {530, "5.7.0", "Authentication required"},
    [RELAY_WHY_DOUBTFUL] = {451, "4.7.1",
                            "%s: Relaying by address is suspended; log in or try later"},
    [RELAY_WHY_LOOKUP] = {451, "4.7.1", "%s: A look-up failed; try again later"},
    [RELAY_WHY_CLIENT_ACCESS] = {550, "5.7.1", "Client host refused"},
    [RELAY_WHY_SENDER_ACCESS] = {550, "5.7.1", "Sender refused"},
    [RELAY_WHY_RCPT_ACCESS] = {550, "5.7.1", "Recipient refused"},
    [RELAY_WHY_LISTED] = {554, "5.7.1", "Client host is on a blocklist"},
    [RELAY_WHY_TRAP] = {554, "5.7.1", "Transaction refused"},
    [RELAY_WHY_BRAKE] = {450, "4.7.1", "Too much mail from this login; try again later"},
    [RELAY_WHY_GUARD] = {450, "4.7.0", "Too much from this client; try again later"},
    [RELAY_WHY_HOPS] = {554, "5.4.6", "Too many hops"},
    [RELAY_WHY_POLICY] = {554, "5.7.1", "Refused by policy"},
    [RELAY_WHY_BACKEND] = {451, "4.4.1", "No server for this recipient now; try again later"},
    [RELAY_WHY_IDENTITY] = {451, "4.3.5", "Server configuration error; try again later"},
};

/* --- replies ---------------------------------------------------------------------------------- */

static unsigned class_of(enum relay_answer answer)
{
    return answer == RELAY_TAKE ? 2 : answer == RELAY_DEFER ? 4 : 5;
}

enum { SHOWN_MAX = 100 }; /* octets of an address in a reply: a line has 512 */

/* A stranger's address in a text of ours: "?" for what is no printable ASCII, and not all of it. */
static void set_text(struct relay_decision *d, const char *format, struct span address)
{
    const char *at = strstr(format, "%s");
    char shown[SHOWN_MAX + 1];
    size_t n = address.n < SHOWN_MAX ? address.n : SHOWN_MAX;

    for (size_t i = 0; i < n; i++)
        shown[i] = address.p[i] < ' ' || address.p[i] > '~' ? '?' : address.p[i];
    shown[n] = '\0';
    if (at)
        snprintf(d->text, sizeof(d->text), "%.*s%s%s", (int)(at - format), format, shown, at + 2);
    else
        snprintf(d->text, sizeof(d->text), "%s", format);
}

static void set_answer(struct relay_decision *d, enum relay_answer answer, enum relay_reason reason,
                       struct span address)
{
    d->answer = answer;
    d->reason = reason;
    d->code = replies[reason].code;
    span_copy(span_str(replies[reason].enhanced), d->enhanced, sizeof(d->enhanced));
    set_text(d, replies[reason].text, address);
    assert(d->code / 100 == class_of(answer));
}

/* "5.7.1" with the class of the answer; anything else falls back. */
static bool enhanced_suits(const char *enhanced, enum relay_answer answer)
{
    size_t n = enhanced ? strlen(enhanced) : 0, dots = 0;

    if (n < 5 || n >= RELAY_ENHANCED_SIZE || enhanced[0] != (char)('0' + class_of(answer)))
        return false;
    for (size_t i = 0; i < n; i++) {
        dots += enhanced[i] == '.';
        if (!ascii_is_digit(enhanced[i]) && enhanced[i] != '.')
            return false;
    }
    return dots == 2 && enhanced[1] == '.' && enhanced[n - 1] != '.' && !strstr(enhanced, "..");
}

void relay_narrow(struct relay_decision *d, enum relay_answer answer, enum relay_reason reason,
                  unsigned code, const char *enhanced, const char *text)
{
    unsigned class = class_of(answer);
    bool suits = replies[reason].code / 100 == class;

    if (answer >= d->answer)
        return;
    d->answer = answer;
    d->reason = reason;
    d->place = (struct relay_place){0};
    d->code = code / 100 == class ? code : suits ? replies[reason].code : class == 4 ? 450 : 550;
    if (!enhanced_suits(enhanced, answer))
        enhanced = suits ? replies[reason].enhanced : class == 4 ? "4.7.1" : "5.7.1";
    span_copy(span_str(enhanced), d->enhanced, sizeof(d->enhanced));
    if (!text || !*text)
        text = strstr(replies[reason].text, "%s") ? "Refused" : replies[reason].text;
    snprintf(d->text, sizeof(d->text), "%s", text);
    for (char *p = d->text; *p; p++)
        if (*p < ' ' || *p > '~')
            *p = *p == '\t' ? ' ' : '?';
}

/* --- addresses -------------------------------------------------------------------------------- */

/* What the canonicaliser says, for a sender and for a recipient. */
static enum relay_reason reason_of(enum relay_canon_got got, bool sender)
{
    switch (got) {
    case RELAY_CANON_ROUTE:
        return sender ? RELAY_WHY_SENDER_ROUTE : RELAY_WHY_ROUTE;
    case RELAY_CANON_UTF8:
        return sender ? RELAY_WHY_SENDER_UTF8 : RELAY_WHY_UTF8;
    case RELAY_CANON_LITERAL:
        return sender ? RELAY_WHY_SENDER_LITERAL : RELAY_WHY_LITERAL;
    case RELAY_CANON_OK:
    case RELAY_CANON_NULL:
    case RELAY_CANON_POSTMASTER:
    case RELAY_CANON_SYNTAX:
        break;
    }
    return sender ? RELAY_WHY_SENDER_SYNTAX : RELAY_WHY_SYNTAX;
}

/* Whose a canonical address is. */
struct owner {
    bool own, routes;
    struct relay_place place;
};

static struct owner owner_of(const struct relay_policy *p, const struct relay_address *a)
{
    struct owner o = {0};

    if (a->literal.family != IP_NONE)
        o.own = relay_policy_own_literal(p, a->literal, &o.place);
    else if (a->domain[0])
        o.own = relay_policy_own(p, a->domain, &o.place, &o.routes);
    return o;
}

/*
 * The sender, or why not. A mark in the local part means nothing at a foreign domain: a bounce goes
 * there whatever stands before the '@'. At ours it would be a way out for bounces.
 */
static bool read_sender(const struct relay_policy *p, const struct relay_mail *mail,
                        struct relay_address *ret, struct relay_decision *d)
{
    enum relay_canon_got got = relay_canon(mail->path, mail->smtputf8, p->ascii, ret);
    struct owner owner;

    if (got == RELAY_CANON_NULL)
        return true;
    owner = owner_of(p, ret);
    if (got == RELAY_CANON_OK && ret->literal.family != IP_NONE && !owner.own)
        got = RELAY_CANON_LITERAL;
    else if (got == RELAY_CANON_OK && ret->marked && owner.own && !owner.routes)
        got = RELAY_CANON_ROUTE;
    if (got == RELAY_CANON_OK)
        return true;
    set_answer(d, RELAY_REFUSE, reason_of(got, true), mail->path);
    return false;
}

static bool read_rcpt(const struct relay_policy *p, struct span text, bool smtputf8,
                      struct relay_address *ret, struct owner *ret_owner, struct relay_decision *d)
{
    enum relay_canon_got got = relay_canon(text, smtputf8, p->ascii, ret);

    *ret_owner = owner_of(p, ret);
    if (got == RELAY_CANON_POSTMASTER) {
        ret_owner->own = true;
        return true;
    }
    if (got == RELAY_CANON_OK && ret->literal.family != IP_NONE && !ret_owner->own)
        got = RELAY_CANON_LITERAL;
    else if (got == RELAY_CANON_OK && ret->marked && !ret_owner->routes)
        got = RELAY_CANON_ROUTE;
    if (got == RELAY_CANON_OK)
        return true;
    set_answer(d, RELAY_REFUSE, reason_of(got, false), text);
    return false;
}

/* --- rights ----------------------------------------------------------------------------------- */

static bool addresses_count(const struct relay_policy *p, const struct relay_client *c)
{
    return c->role == RELAY_ROLE_SUBMISSION || p->mx_networks;
}

/* The right that the address alone gives or would give, were it not in doubt. */
static enum relay_right address_right(const struct relay_policy *p, const struct relay_client *c,
                                      struct relay_place *ret_place)
{
    if (!addresses_count(p, c) || c->ip.family == IP_NONE)
        return RELAY_RIGHT_NONE;
    if (relay_policy_trusts(p, c->ip, ret_place))
        return RELAY_RIGHT_NETWORK;
    return c->granted ? RELAY_RIGHT_GRANT : RELAY_RIGHT_NONE;
}

static enum relay_right right_of(const struct relay_policy *p, const struct relay_client *c,
                                 struct relay_place *ret_place)
{
    if (c->login.n)
        return RELAY_RIGHT_LOGIN;
    if (c->cert.n && (relay_policy_knows_cert(p, c->cert, ret_place) ||
                      (c->cert_ca && relay_policy_trusts_ca(p, ret_place))))
        return RELAY_RIGHT_CERT;
    return c->ip_doubtful ? RELAY_RIGHT_NONE : address_right(p, c, ret_place);
}

static enum relay_reason why_of(enum relay_right right)
{
    switch (right) {
    case RELAY_RIGHT_LOGIN:
        return RELAY_WHY_LOGIN;
    case RELAY_RIGHT_CERT:
        return RELAY_WHY_CERT;
    case RELAY_RIGHT_NETWORK:
        return RELAY_WHY_NETWORK;
    case RELAY_RIGHT_GRANT:
        return RELAY_WHY_GRANT;
    case RELAY_RIGHT_NONE:
        break;
    }
    return RELAY_WHY_DENIED;
}

/* No right and none needed elsewhere: a plain no, or a later for what can't be known now. */
static void set_denied(const struct relay_policy *p, const struct relay_client *c, bool no_domain,
                       struct span address, struct relay_decision *d)
{
    struct relay_place place = {0};
    unsigned failed = c->failed & RELAY_LOOKUP_RIGHT;

    if (addresses_count(p, c) && c->ip.family != IP_NONE)
        failed |= c->failed & RELAY_LOOKUP_GRANT;
    if (no_domain && c->role == RELAY_ROLE_MX) /* on submission nobody's domain helps */
        failed |= c->failed & RELAY_LOOKUP_DOMAIN;
    if (c->ip_doubtful && address_right(p, c, &place) != RELAY_RIGHT_NONE) {
        set_answer(d, RELAY_DEFER, RELAY_WHY_DOUBTFUL, address);
        d->place = place;
    } else if (failed) {
        set_answer(d, RELAY_DEFER, RELAY_WHY_LOOKUP, address);
    } else if (c->role == RELAY_ROLE_SUBMISSION) {
        set_answer(d, RELAY_REFUSE, RELAY_WHY_LOGIN_NEEDED, address);
    } else {
        set_answer(d, RELAY_REFUSE, RELAY_WHY_DENIED, address);
    }
}

/* --- access rules ----------------------------------------------------------------------------- */

static void narrow_by(struct relay_decision *d, const struct relay_rule *rule,
                      enum relay_reason reason)
{
    enum relay_answer answer = rule && rule->verb == RELAY_VERB_REFUSE ? RELAY_REFUSE : RELAY_DEFER;

    if (!rule || rule->verb < RELAY_VERB_DEFER || answer >= d->answer)
        return;
    relay_narrow(d, answer, reason, rule->code, rule->enhanced, rule->text);
    d->place = rule->place;
}

/* user@domain, the domain and those above it, user@ */
static const struct relay_rule *rule_for(const struct relay_keys *keys,
                                         const struct relay_address *a, struct span path)
{
    char key[SMTP_LOCAL_MAX + RELAY_NAME_SIZE + 2];
    size_t n = strlen(a->local);
    const struct relay_rule *rule;

    if (keys->count == 0)
        return NULL;
    if (n == 0)
        return relay_keys_get(keys, path); /* "<>" */
    for (size_t i = 0; i < n; i++)
        key[i] = ascii_lower(a->local[i]);
    key[n] = '@';
    memcpy(key + n + 1, a->domain, strlen(a->domain) + 1);
    rule = relay_keys_get(keys, span_str(key));
    if (!rule && a->domain[0])
        rule = relay_keys_domain(keys, a->domain);
    return rule ? rule : relay_keys_get(keys, span_of(key, n + 1));
}

static void narrow_all(const struct relay_policy *p, const struct relay_client *c,
                       const struct relay_address *sender, const struct relay_address *rcpt,
                       struct relay_decision *d)
{
    for (size_t i = 0; i < p->source_count; i++) {
        const struct relay_source *s = &p->sources[i];
        const struct relay_net *net = relay_table_find(&s->clients, c->ip);

        narrow_by(d, net ? &net->rule : NULL, RELAY_WHY_CLIENT_ACCESS);
        narrow_by(d, rule_for(&s->from, sender, span_str(sender->path)), RELAY_WHY_SENDER_ACCESS);
        if (rcpt)
            narrow_by(d, rule_for(&s->to, rcpt, SPAN_NULL), RELAY_WHY_RCPT_ACCESS);
    }
    if (c->failed & RELAY_LOOKUP_NARROW && d->answer == RELAY_TAKE) {
        set_answer(d, RELAY_DEFER, RELAY_WHY_LOOKUP, span_str(rcpt ? rcpt->path : sender->path));
        d->place = (struct relay_place){0};
    }
}

/* --- the decision ----------------------------------------------------------------------------- */

static void begin(struct relay_decision *d)
{
    *d = (struct relay_decision){.answer = RELAY_REFUSE};
    set_answer(d, RELAY_REFUSE, RELAY_WHY_DENIED, SPAN_NULL);
}

void relay_decide_mail(const struct relay_policy *policy, const struct relay_client *client,
                       const struct relay_mail *mail, struct relay_decision *ret)
{
    struct relay_address sender;

    begin(ret);
    ret->right = right_of(policy, client, &ret->right_place);
    if (!read_sender(policy, mail, &sender, ret))
        return;
    span_copy(span_str(sender.path), ret->mail, sizeof(ret->mail));
    ret->utf8 = sender.utf8;
    set_answer(ret, RELAY_TAKE, RELAY_WHY_SENDER, span_str(sender.path));
    if (sender.local[0]) /* bounces come from anywhere: only a rule for "<>" is about them */
        narrow_all(policy, client, &sender, NULL, ret);
}

void relay_decide(const struct relay_policy *policy, const struct relay_client *client,
                  const struct relay_mail *mail, struct span rcpt, struct relay_decision *ret)
{
    struct relay_address sender, to;
    struct owner owner;
    struct span path;

    begin(ret);
    ret->right = right_of(policy, client, &ret->right_place);
    if (!read_sender(policy, mail, &sender, ret) ||
        !read_rcpt(policy, rcpt, mail->smtputf8, &to, &owner, ret))
        return;
    span_copy(span_str(sender.path), ret->mail, sizeof(ret->mail));
    span_copy(span_str(to.path), ret->rcpt, sizeof(ret->rcpt));
    ret->utf8 = sender.utf8 || to.utf8;
    ret->own = owner.own;
    path = span_str(to.path);
    if (owner.own && (client->role == RELAY_ROLE_MX || ret->right != RELAY_RIGHT_NONE)) {
        set_answer(ret, RELAY_TAKE,
                   to.domain[0] || to.literal.family ? RELAY_WHY_OWN_DOMAIN : RELAY_WHY_POSTMASTER,
                   path);
        ret->place = owner.place;
    } else if (ret->right != RELAY_RIGHT_NONE) {
        set_answer(ret, RELAY_TAKE, why_of(ret->right), path);
        ret->place = ret->right_place;
    } else {
        set_denied(policy, client, !owner.own, path, ret);
    }
    narrow_all(policy, client, &sender, &to, ret);
}
