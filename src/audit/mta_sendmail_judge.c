/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a .mc file makes of Sendmail's standard rules. check_rcpt takes a recipient for his domain
 * (classes w and R, "To:" in the access map) or for the client (its address or its confirmed name
 * in class R or the access map, a login), and each feature adds one more reason.
 *
 * Class R is used twice: a name in it stands for all recipients and for all clients below it, a
 * number for all addresses that begin with it.
 */
#include "audit/mta_sendmail_priv.h"

#include "base/num.h"

#include <stdlib.h>

bool sm_entry(struct span line, struct sm_entry *ret)
{
    static const char *const tags[] = {"to", "from", "connect"};
    struct span key;
    size_t colon;

    *ret = (struct sm_entry){0};
    if (line.n == 0 || line.p[0] == '#' || !span_word(&line, &key))
        return false;
    ret->value = span_trim(line);
    colon = span_find(key, ':');
    ret->key = key;
    if (colon == key.n || span_starts_nocase(key, SPAN_LIT("IPv6:")))
        return true;
    ret->tag = span_slice(key, 0, colon);
    ret->key = span_slice(key, colon + 1, key.n);
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
        if (span_eq_nocase(ret->tag, span_str(tags[i])))
            return true;
    return false; /* of another check */
}

bool sm_net(struct span s, struct ip_prefix *ret)
{
    struct span groups, one;
    struct ip ip = {.family = IP_V6};
    unsigned at = 0;

    if (s.n > 0 && s.p[s.n - 1] == '.')
        s.n--;
    if (!span_starts_nocase(s, SPAN_LIT("IPv6:")))
        return unix_octets(s, ret);
    groups = span_slice(s, 5, s.n);
    if (ip_parse(groups, &ip)) {
        *ret = ip_prefix_of(ip, 128);
        return true;
    }
    while (span_cut(&groups, ':', &one) && at < 8) {
        unsigned v = 0;

        for (size_t i = 0; i < one.n; i++) {
            char c = ascii_lower(one.p[i]);

            if (!ascii_is_digit(c) && (c < 'a' || c > 'f'))
                return false;
            v = v * 16 + (unsigned)(ascii_is_digit(c) ? c - '0' : c - 'a' + 10);
        }
        if (one.n == 0 || one.n > 4)
            break;
        ip.b[2 * at] = (uint8_t)(v >> 8);
        ip.b[2 * at + 1] = (uint8_t)v;
        at++;
    }
    *ret = ip_prefix_of(ip, 16 * at);
    return at > 0;
}

const char *sm_own_domain(const struct sm_conf *c)
{
    for (size_t i = 0; i < c->local.count; i++)
        if (span_find(c->local.v[i].text, '.') < c->local.v[i].text.n)
            return audit_dup(c->a, c->local.v[i].text);
    return audit_host_get_name(c->a) ? audit_host_get_name(c->a) : "localhost";
}

static bool relays(const struct sm_entry *e)
{
    return span_eq_nocase(e->value, SPAN_LIT("RELAY"));
}

/* --- trusted networks ------------------------------------------------------------------------- */

struct row {
    struct ip_prefix net;
    bool except;
    struct sm_word word;
};

static int by_length(const void *pa, const void *pb)
{
    const struct row *a = pa, *b = pb;

    return (int)b->net.len - (int)a->net.len;
}

void sm_trust(struct sm_conf *c, struct audit_door *d)
{
    struct row *rows = audit_alloc(c->a, (c->access.count + 1) * sizeof(rows[0]));
    struct ip_prefix net;
    struct sm_entry e;
    size_t n = 0;

    for (size_t i = 0; i < c->relay.count; i++)
        if (sm_net(c->relay.v[i].text, &net))
            unix_net_drop(c->a, audit_net_add(c->a, &d->trusted, net, false, c->relay.v[i].place,
                                              c->relay.v[i].text));
    for (size_t i = 0; i < c->access.count && !audit_failed(c->a); i++)
        if (sm_entry(c->access.v[i].text, &e) &&
            (e.tag.n == 0 || span_eq_nocase(e.tag, SPAN_LIT("connect"))) && sm_net(e.key, &net))
            rows[n++] = (struct row){net, !relays(&e), {e.key, c->access.v[i].place}};
    if (n > 0)
        qsort(rows, n, sizeof(rows[0]), by_length);
    for (size_t i = 0; i < n; i++)
        unix_net_drop(c->a, audit_net_add(c->a, &d->trusted, rows[i].net, rows[i].except,
                                          rows[i].word.place, rows[i].word.text));
    unix_net(SPAN_LIT("127.0.0.1"), &net);
    audit_net_add(c->a, &d->trusted, net, false, (struct audit_place){0}, SPAN_LIT("127.0.0.1"));
    unix_net(SPAN_LIT("::1"), &net);
    audit_net_add(c->a, &d->trusted, net, false, (struct audit_place){0}, SPAN_LIT("::1"));
}

/* --- names ------------------------------------------------------------------------------------ */

static struct audit_finding *raise(struct sm_conf *c, struct audit_door *d, const char *id,
                                   enum audit_severity severity, struct audit_place place,
                                   const char *why, const char *rcpt)
{
    struct audit_finding *f = audit_find(c->a, id, severity, d, place);

    f->why = why;
    f->witness = audit_witness(d, audit_stranger(NULL, IP_V4), NULL, rcpt);
    audit_fix_lines(c->a, f, AUDIT_EDIT_DELETE, place.file, place.line, place.line,
                    "(take the line out)");
    return f;
}

static void drop_line(struct audit_finding *f, const char *fix)
{
    f->fix = fix;
}

/* "com" and the like take all recipients below it. */
static bool wide_name(struct sm_conf *c, struct audit_door *d, struct span name,
                      struct audit_place place, const char *where)
{
    struct ip_prefix net;
    struct span s = name;

    if (s.n > 0 && s.p[0] == '.')
        s = span_slice(s, 1, s.n);
    if (sm_net(name, &net) || s.n == 0 || !unix_shared_suffix(s) ||
        span_eq_nocase(s, SPAN_LIT("localhost")) || span_eq_nocase(s, SPAN_LIT("localdomain")) ||
        span_eq_nocase(s, SPAN_LIT("local")) || span_eq_nocase(s, SPAN_LIT("lan")) ||
        span_eq_nocase(s, SPAN_LIT("internal")))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_is_alpha(s.p[i]) && s.p[i] != '.' && s.p[i] != '-')
            return false;
    drop_line(raise(c, d, "SM02", AUDIT_OPEN, place,
                    audit_fmt(c->a,
                              "\"%.*s\" in %s stands for every name below it, so that mail "
                              "for anybody there is relayed",
                              SPAN_ARG(name), where),
                    unix_victim_below(c->a, s)),
              "name whole domains of your own instead");
    return true;
}

static void judge_relay_names(struct sm_conf *c, struct audit_door *d)
{
    if (c->features[SM_HOSTS_ONLY].on)
        return;
    for (size_t i = 0; i < c->relay.count; i++)
        wide_name(c, d, c->relay.v[i].text, c->relay.v[i].place, "the relay domains");
}

bool sm_own_name(const struct sm_conf *c, struct span name)
{
    const char *host = audit_host_get_name(c->a), *dot = host ? strchr(host, '.') : NULL;

    if (dot && !unix_shared_suffix(span_str(dot + 1)) && unix_below(name, span_str(dot + 1)))
        return true;
    for (size_t i = 0; i < c->local.count + c->relay.count; i++)
        if (unix_below(name, i < c->local.count ? c->local.v[i].text
                                                : c->relay.v[i - c->local.count].text))
            return true;
    return false;
}

static void judge_connect_name(struct sm_conf *c, struct audit_door *d, struct span name,
                               struct audit_place place)
{
    struct audit_finding *f;
    bool wide = !sm_own_name(c, name);

    f = raise(c, d, "SM09", wide ? AUDIT_FORGED : AUDIT_LATENT, place,
              wide ? "clients whose name ends so may send anywhere, and strangers can have such a "
                     "name"
                   : "clients with names in this domain may send anywhere: who gets a name there "
                     "relays",
              NULL);
    f->witness.ptr = audit_fmt(c->a, "client.%.*s", SPAN_ARG(name));
    f->fix = "give the addresses of those hosts instead of their names";
    if (!wide)
        f->unless = "every host of that domain is the operator's own";
    d->keys |= AUDIT_KEY_PTR;
}

static void judge_access(struct sm_conf *c, struct audit_door *d)
{
    struct ip_prefix net;
    struct sm_entry e;

    for (size_t i = 0; i < c->access.count; i++) {
        struct audit_place place = c->access.v[i].place;

        if (!sm_entry(c->access.v[i].text, &e) || !relays(&e) || e.key.n == 0 ||
            sm_net(e.key, &net) || span_find(e.key, '@') < e.key.n)
            continue;
        if (e.tag.n == 0 || span_eq_nocase(e.tag, SPAN_LIT("to")))
            wide_name(c, d, e.key, place, "the access map");
        else if (span_eq_nocase(e.tag, SPAN_LIT("connect")) &&
                 !span_eq_nocase(e.key, SPAN_LIT("localhost")) && e.key.p[0] != '[' &&
                 !span_starts_nocase(e.key, SPAN_LIT("localhost.")))
            judge_connect_name(c, d, e.key, place);
    }
}

/* --- features --------------------------------------------------------------------------------- */

static void judge_mail_from(struct sm_conf *c, struct audit_door *d)
{
    const struct sm_set_feature *f = &c->features[SM_MAIL_FROM];
    bool domains = span_eq(span_trim(f->args[0]), SPAN_LIT("domain"));
    struct audit_finding *found;
    struct sm_entry e;

    for (size_t i = 0; i < c->access.count; i++) {
        bool address;

        if (!sm_entry(c->access.v[i].text, &e) || !relays(&e) ||
            !span_eq_nocase(e.tag, SPAN_LIT("from")))
            continue;
        address = span_find(e.key, '@') < e.key.n;
        if (!address && !domains)
            continue;
        found =
            raise(c, d, "SM04", AUDIT_FORGED, f->place,
                  "who claims a sender that the access map names may send anywhere, and anybody "
                  "can claim it",
                  NULL);
        found->witness.mail =
            address && e.key.p[e.key.n - 1] == '@'
                ? audit_fmt(c->a, "%.*sexample.org", SPAN_ARG(e.key))
                : audit_fmt(c->a, "%s%.*s", address ? "" : "user@", SPAN_ARG(e.key));
        d->keys |= AUDIT_KEY_SENDER;
        return;
    }
    if (c->access_there)
        raise(c, d, "SM04", AUDIT_LATENT, f->place,
              "a \"From:\" entry with RELAY in the access map would let anybody relay who claims "
              "that sender",
              NULL);
    else {
        found = audit_undecided(c->a, "SM04", AUDIT_FORGED, d, f->place);
        found->why = "senders that the access map names may send anywhere, and the map is not here";
        found->fix = "give the access map to the audit too";
    }
}

static void judge_entire_domain(struct sm_conf *c, struct audit_door *d)
{
    const struct sm_set_feature *f = &c->features[SM_ENTIRE_DOMAIN];
    const char *host = audit_host_get_name(c->a), *dot = host ? strchr(host, '.') : NULL;
    struct audit_finding *found;

    if (!host) {
        found = audit_undecided(c->a, "SM06", AUDIT_OPEN, d, f->place);
        found->why = "every host of this host's own domain may relay, and which that is hangs on "
                     "the host's name: with two labels it is all of a top-level domain";
        found->fix = "give the host's name with --host-name, or take the feature out";
        return;
    }
    if (!dot)
        return;
    if (unix_shared_suffix(span_str(dot + 1)))
        raise(c, d, "SM06", AUDIT_OPEN, f->place,
              audit_fmt(c->a,
                        "the host is called %s, so its domain is \"%s\", and mail for all of "
                        "that is relayed",
                        host, dot + 1),
              unix_victim_below(c->a, span_str(dot + 1)));
    else
        raise(c, d, "SM06", AUDIT_LATENT, f->place,
              audit_fmt(c->a, "every client with a name in %s may send anywhere", dot + 1), NULL)
            ->witness.ptr = audit_fmt(c->a, "client.%s", dot + 1);
}

static bool relays_for_others(const struct sm_conf *c)
{
    struct ip_prefix net;
    struct sm_entry e;

    for (size_t i = 0; i < c->relay.count; i++)
        if (!sm_net(c->relay.v[i].text, &net))
            return true;
    for (size_t i = 0; i < c->access.count; i++)
        if (sm_entry(c->access.v[i].text, &e) && relays(&e) && !sm_net(e.key, &net) &&
            !span_eq_nocase(e.tag, SPAN_LIT("connect")) && !span_eq_nocase(e.tag, SPAN_LIT("from")))
            return true;
    return false;
}

static const char *relayed_domain(const struct sm_conf *c)
{
    struct ip_prefix net;

    for (size_t i = 0; i < c->relay.count; i++)
        if (!sm_net(c->relay.v[i].text, &net))
            return audit_dup(c->a, c->relay.v[i].text);
    return sm_own_domain(c);
}

/* SM10, SM12: senders that are let off, and with them whoever claims to be one. */
static void judge_hygiene(struct sm_conf *c, struct audit_door *d)
{
    const struct sm_set_feature *f = c->features;
    struct ip_prefix net;
    struct sm_entry e;

    if (f[SM_UNRESOLVABLE].on)
        audit_note(c->a, "SM10", d, f[SM_UNRESOLVABLE].place,
                   "senders of domains that do not exist are taken, so nothing can be bounced",
                   "dnl FEATURE(`accept_unresolvable_domains')");
    if (f[SM_UNQUALIFIED].on)
        audit_note(c->a, "SM10", d, f[SM_UNQUALIFIED].place,
                   "senders without a domain are taken, and become local ones",
                   "dnl FEATURE(`accept_unqualified_senders')");
    for (size_t i = 0; f[SM_DELAY_CHECKS].on && i < c->access.count; i++)
        if (sm_entry(c->access.v[i].text, &e) && relays(&e) && !e.tag.n && !sm_net(e.key, &net) &&
            !span_starts_nocase(e.key, SPAN_LIT("localhost")))
            audit_note(c->a, "SM12", d, c->access.v[i].place,
                       "without a tag this holds for senders, too: with delay_checks who claims "
                       "the domain passes the tests of his address",
                       audit_fmt(c->a, "To:%.*s RELAY", SPAN_ARG(e.key)));
}

static void judge_small(struct sm_conf *c, struct audit_door *d)
{
    const struct sm_set_feature *f = c->features;
    const struct sm_define *luser = sm_define(c, "LUSER_RELAY");
    const struct sm_define *auth = sm_define(c, "TRUST_AUTH_MECH");
    bool others = relays_for_others(c);

    if (f[SM_LOOSE].on && others) {
        raise(c, d, "SM07", AUDIT_HALF_OPEN, f[SM_LOOSE].place,
              "user%other@relayed goes on to the next host, which may unpack it",
              audit_fmt(c->a, "%s%%%s@%s", AUDIT_VICTIM_LOCAL, AUDIT_VICTIM_DOMAIN,
                        relayed_domain(c)));
        d->passes |= AUDIT_FORM_PERCENT;
    }
    if (f[SM_NOUUCP].on && !span_eq(span_trim(f[SM_NOUUCP].args[0]), SPAN_LIT("reject")) &&
        others) {
        audit_fix_lines(c->a,
                        raise(c, d, "SM08", AUDIT_LATENT, f[SM_NOUUCP].place,
                              "\"!\" is no operator here but may be one at the next host, which "
                              "then relays other!user@relayed",
                              audit_fmt(c->a, "%s!%s@%s", AUDIT_VICTIM_DOMAIN, AUDIT_VICTIM_LOCAL,
                                        relayed_domain(c))),
                        AUDIT_EDIT_REPLACE, f[SM_NOUUCP].place.file, f[SM_NOUUCP].place.line,
                        f[SM_NOUUCP].place.line, "FEATURE(`nouucp', `reject')dnl");
        d->passes |= AUDIT_FORM_BANG;
    }
    if (f[SM_BESTMX_LOCAL].on && span_trim(f[SM_BESTMX_LOCAL].args[0]).n == 0)
        raise(c, d, "SM13", AUDIT_HALF_OPEN, f[SM_BESTMX_LOCAL].place,
              "any domain whose MX record names this host becomes a local one", NULL);
    if (luser && span_trim(luser->value).n > 0 &&
        !span_starts(span_trim(luser->value), SPAN_LIT("local:")) &&
        !span_starts(span_trim(luser->value), SPAN_LIT("error:")))
        raise(c, d, "SM13", AUDIT_HALF_OPEN, luser->place,
              "mail for unknown local users is accepted and sent on to another host",
              audit_fmt(c->a, "no-such-user@%s", sm_own_domain(c)));
    if (auth && span_has_nocase(auth->value, SPAN_LIT("EXTERNAL")) && sm_define(c, "confCACERT")) {
        raise(c, d, "SM11", AUDIT_LATENT, auth->place,
              "every client certificate that confCACERT's authorities have signed gives the right "
              "to relay",
              NULL)
            ->unless = "those authorities sign only the operator's own clients";
        d->keys |= AUDIT_KEY_CERT;
    }
    d->login = auth != NULL;
}

static void judge_features(struct sm_conf *c, struct audit_door *d)
{
    const struct sm_set_feature *f = c->features;
    struct audit_finding *found;

    if (f[SM_LOCAL_FROM].on) {
        found = raise(c, d, "SM03", AUDIT_FORGED, f[SM_LOCAL_FROM].place,
                      "who claims a sender in a local domain may send anywhere, and anybody can "
                      "claim one",
                      NULL);
        found->witness.mail = audit_fmt(c->a, "user@%s", sm_own_domain(c));
        d->keys |= AUDIT_KEY_SENDER;
    }
    if (f[SM_MAIL_FROM].on)
        judge_mail_from(c, d);
    if (f[SM_BY_MX].on)
        raise(c, d, "SM05", AUDIT_FORGED, f[SM_BY_MX].place,
              "mail is relayed for any domain whose MX record names this host, and anybody can "
              "publish one",
              NULL);
    if (f[SM_ENTIRE_DOMAIN].on)
        judge_entire_domain(c, d);
}

/* Rules that the .mc adds: only those of check_rcpt and its helpers say anything about relaying. */
static void judge_raw(struct sm_conf *c, struct audit_door *d)
{
    static const char *const sets[] = {"Local_check_rcpt", "Local_Relay_Auth"};
    struct sm_session s = {.sender = AUDIT_SPAMMER, .rcpt = AUDIT_VICTIM, .flags = ""};
    struct sm_run r = {.cf = c->rules, .a = c->a, .s = &s};
    struct sm_tokens *w = audit_alloc(c->a, sizeof(*w));
    struct audit_finding *f;

    for (size_t i = 0; i < 2 && c->rules && !audit_failed(c->a); i++) {
        sm_tokenize(c->rules, span_str(i == 0 ? "<" AUDIT_VICTIM ">" : ""), w);
        if (!sm_ruleset(c->rules, span_str(sets[i])) || !sm_call(&r, span_str(sets[i]), w))
            continue;
        if (r.doubt) {
            f = audit_undecided(c->a, "SM01", AUDIT_OPEN, d, c->raw_place);
            f->why = "rules of its own for recipients can't be followed here";
            f->fix = "try it on the server: sendmail -bt, .D{client_addr}198.51.100.1, then "
                     "check_rcpt <user@example.com>";
        } else if (w->n > 1 && span_eq(w->v[0], SPAN_LIT("$#")) &&
                   !span_eq_nocase(w->v[1], SPAN_LIT("error")) &&
                   !span_eq_nocase(w->v[1], SPAN_LIT("discard"))) {
            raise(c, d, "SM01", AUDIT_OPEN, r.last,
                  "this rule accepts recipients of other domains from any client", NULL);
            d->stranger = AUDIT_YES;
        }
    }
}

void sm_judge_mc(struct sm_conf *c, struct audit_door *d)
{
    const struct sm_define *smart = sm_define(c, "SMART_HOST");

    sm_trust(c, d);
    /* Rule set 0 looks inside of these, and sends on what the client may relay. */
    d->unpacks = AUDIT_FORM_PERCENT | AUDIT_FORM_ROUTE | AUDIT_FORM_QUOTED |
                 (c->features[SM_NOUUCP].on ? 0 : (unsigned)AUDIT_FORM_BANG);
    if (smart && span_trim(smart->value).n > 0) {
        d->smarthost = audit_dup(c->a, span_trim(smart->value));
        d->smarthost_place = smart->place;
    }
    if (c->features[SM_PROMISCUOUS].on) {
        d->stranger = AUDIT_YES;
        raise(c, d, "SM01", AUDIT_OPEN, c->features[SM_PROMISCUOUS].place,
              "this feature turns all checks of recipients off", NULL);
        return;
    }
    d->stranger = c->doubt ? AUDIT_UNKNOWN : AUDIT_NO;
    judge_relay_names(c, d);
    judge_access(c, d);
    judge_features(c, d);
    judge_small(c, d);
    judge_hygiene(c, d);
    judge_raw(c, d);
}
