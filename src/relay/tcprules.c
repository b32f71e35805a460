/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tcprules(1), the source of tcp.smtp.cdb:
 *
 *     192.0.2.10-20:allow,RELAYCLIENT=""
 *     10.:allow,RELAYCLIENT=""
 *     198.51.100.7:deny
 *     =host.example.org:allow,RELAYCLIENT=""
 *     :allow
 *
 * An address, a prefix that ends in a dot, a range in its last number, CIDR (ucspi-tcp6), nothing
 * (everyone); then allow or deny and variables, each with a delimiter of its own. The longest match
 * counts. RELAYCLIENT grants, deny refuses, a filled RBLSMTPD puts off or refuses as rblsmtpd does.
 * Rules by host name (=) and by the client's word of its user (user@) decide nothing here: both are
 * what a stranger says. POSTERN_DELIBERATE="" stands for the mark "deliberate".
 */
#include "relay/policy_priv.h"

#include "base/num.h"

#include <errno.h>
#include <stdlib.h>

/* Where ":allow" or ":deny" begins, with a comma or nothing behind it; line.n when nowhere. */
static size_t find_verb(struct span line, bool *ret_deny)
{
    static const char *const verbs[] = {":allow", ":deny"};

    for (size_t at = 0; at < line.n; at++) {
        for (size_t v = 0; v < 2; v++) {
            struct span rest = span_slice(line, at, line.n), verb = span_str(verbs[v]);

            if (span_starts(rest, verb) && (rest.n == verb.n || rest.p[verb.n] == ',')) {
                *ret_deny = v == 1;
                return at;
            }
        }
    }
    return line.n;
}

/* ",NAME=dVALUEd": d is any octet. */
static bool cut_variable(struct span *rest, struct span *ret_name, struct span *ret_value)
{
    size_t equals, end;

    if (rest->n == 0 || rest->p[0] != ',')
        return false;
    *rest = span_slice(*rest, 1, rest->n);
    equals = span_find(*rest, '=');
    *ret_name = span_slice(*rest, 0, equals);
    *rest = span_slice(*rest, equals + 1, rest->n);
    if (ret_name->n == 0 || rest->n < 2)
        return false;
    end = span_find(span_slice(*rest, 1, rest->n), rest->p[0]);
    if (end + 1 >= rest->n)
        return false;
    *ret_value = span_slice(*rest, 1, end + 1);
    *rest = span_slice(*rest, end + 2, rest->n);
    return true;
}

/*
 * RBLSMTPD="text" is a 451, RBLSMTPD="-text" a 553, RBLSMTPD="" neither. As in an environment, the
 * last of several counts.
 */
static int set_blocked(struct relay_rule *rule, struct span value)
{
    bool hard = value.n && value.p[0] == '-';

    relay_rule_deinit(rule);
    rule->verb = RELAY_VERB_NONE;
    if (value.n == 0)
        return 0;
    rule->verb = hard ? RELAY_VERB_REFUSE : RELAY_VERB_DEFER;
    rule->code = hard ? 553 : 451;
    rule->text = span_dup(span_slice(value, hard, value.n));
    return rule->text ? 0 : -ENOMEM;
}

static int read_variables(struct relay_reading *r, struct span rest, bool deny,
                          struct relay_rule *rule)
{
    struct span name, value;
    bool relay = false;

    while (rest.n) {
        int got = 0;

        if (!cut_variable(&rest, &name, &value))
            return relay_bad(r, "expected ,NAME=\"value\" behind allow or deny");
        if (span_eq(name, SPAN_LIT("RELAYCLIENT")) && value.n)
            return relay_bad(r, "RELAYCLIENT has a value, which qmail adds to each recipient; "
                                "nothing is added here, so leave it empty");
        relay = relay || span_eq(name, SPAN_LIT("RELAYCLIENT"));
        if (span_eq(name, SPAN_LIT("POSTERN_DELIBERATE")))
            rule->deliberate = true;
        if (span_eq(name, SPAN_LIT("RBLSMTPD")))
            got = set_blocked(rule, value);
        if (got)
            return got;
    }
    if (deny)
        rule->verb = RELAY_VERB_REFUSE;
    else if (relay && rule->verb == RELAY_VERB_NONE)
        rule->verb = RELAY_VERB_GRANT;
    return 0;
}

/* "192.0.2.10-20", "192.0.2-3.": octets, the last of them a range. */
static bool add_range(struct relay_nets *nets, struct span s, int *ret_error)
{
    size_t dash = span_find(s, '-'), dot;
    struct ip_prefix low, high;
    struct span front = span_slice(s, 0, dash), from, to;
    bool open = s.n && s.p[s.n - 1] == '.';
    char text[40];
    struct ip last;
    unsigned a, b;

    if (dash == s.n)
        return false;
    dot = span_rfind(front, '.');
    dot = dot == front.n ? 0 : dot + 1;
    from = span_slice(front, dot, front.n);
    to = span_slice(s, dash + 1, s.n - open);
    if (!num_uint(from, 0, 255, &a) || !num_uint(to, 0, 255, &b) || a > b ||
        dot + to.n + 2 > sizeof(text))
        return false;
    memcpy(text, s.p, dot);
    memcpy(text + dot, to.p, to.n);
    text[dot + to.n] = '.';
    if (!relay_octets_parse(front, false, &low) ||
        !relay_octets_parse(span_of(text, dot + to.n + 1), true, &high) || low.len != high.len ||
        open == (low.len == 32))
        return false;
    last = high.ip;
    for (unsigned i = high.len / 8; i < 4; i++)
        last.b[i] = 255;
    *ret_error = relay_nets_add_range(nets, low.ip, last);
    return true;
}

static int read_address(struct relay_reading *r, struct span address, struct relay_nets *nets)
{
    char shown[RELAY_SHOWN_SIZE];
    struct ip_prefix net;
    int error = 0;

    if (address.n == 0)
        return relay_nets_add_all(nets);
    if (relay_net_parse(address, &net) || relay_octets_parse(address, true, &net))
        return relay_nets_add(nets, net);
    if (add_range(nets, address, &error))
        return error;
    return relay_bad(r, "'%s' is no address, no prefix that ends in a dot, and no range",
                     relay_shown(address, shown));
}

int relay_read_tcprules(struct relay_reading *r, struct span line)
{
    struct relay_rule rule = relay_rule_here(r, RELAY_VERB_NONE);
    struct relay_nets nets = {0};
    char shown[RELAY_SHOWN_SIZE];
    bool deny = false;
    size_t verb = find_verb(line, &deny);
    struct span address = span_slice(line, 0, verb);
    int got;

    if (verb == line.n)
        return relay_bad(r, "expected address:allow or address:deny");
    got = read_variables(r, span_slice(line, verb + (deny ? 5 : 6), line.n), deny, &rule);
    if (got == 0 && address.n && (address.p[0] == '=' || span_find(address, '@') < address.n)) {
        got = relay_note(r, "'%s': %s; the rule is not used", relay_shown(address, shown),
                         address.p[0] == '=' ? "a DNS name says nothing about a client"
                                             : "who a client says its user is decides nothing");
        relay_rule_deinit(&rule);
        return got;
    }
    if (got == 0)
        got = read_address(r, address, &nets);
    if (got == 0)
        got = relay_add_nets(r, &nets, &rule);
    relay_rule_deinit(&rule);
    relay_nets_deinit(&nets);
    return got;
}
