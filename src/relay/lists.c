/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lists of a thing a line: domains (rcpthosts, morercpthosts, relay-domains, the source of a
 * Postfix relay_domains map) and networks (a file named in mynetworks, any CIDR file).
 *
 * qmail's rcpthosts means by "example.org" itself and by ".example.org" all below it. Sendmail's
 * relay-domains means by a name also all below it, and takes network numbers, which name clients.
 * (There a name lets clients of that name relay, too; a DNS name grants nothing here.)
 *
 * A map's right side says nothing in these files, so only words that mean yes are passed over.
 */
#include "relay/policy_priv.h"

/* Takes the words behind the first: marks, and what a map has there. */
static int read_marks(struct relay_reading *r, struct span rest, struct relay_rule *rule)
{
    static const char *const yes[] = {"OK", "RELAY", "permit", "x", "yes", "any", "1"};
    char shown[RELAY_SHOWN_SIZE];
    struct span word;

    while (span_word(&rest, &word)) {
        bool known = false;

        for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
            known = known || span_eq_nocase(word, span_str(yes[i]));
        if (span_eq(word, SPAN_LIT("deliberate")))
            rule->deliberate = true;
        else if (span_eq(word, SPAN_LIT("routes")))
            rule->routes = true;
        else if (word.p[0] == '#')
            return 0;
        else if (!known)
            return relay_bad(r, "'%s' behind the entry is not understood",
                             relay_shown(word, shown));
    }
    return 0;
}

int relay_read_domains(struct relay_reading *r, struct span line)
{
    struct relay_rule rule = relay_rule_here(r, RELAY_VERB_GRANT);
    struct ip_prefix net;
    struct span name;
    int got;

    span_word(&line, &name);
    got = read_marks(r, line, &rule);
    if (got)
        return got;
    if (span_eq(name, SPAN_LIT("*")) || span_eq(name, SPAN_LIT(".")))
        return relay_add_key(r, r->domains, SPAN_LIT("."), &rule);
    if (r->bare == RELAY_SCOPE_TREE && relay_octets_parse(name, false, &net))
        return relay_add_net(r, net, &rule);
    if (name.p[0] == '.')
        return relay_add_own(r, span_slice(name, 1, name.n), RELAY_SCOPE_BELOW, &rule);
    return relay_add_own(r, name, r->bare, &rule);
}

static int add_network(struct relay_reading *r, struct span word, struct relay_rule rule)
{
    bool except = word.p[0] == '!';
    char shown[RELAY_SHOWN_SIZE];
    struct ip_prefix net;

    if (!relay_net_parse(span_slice(word, except, word.n), &net))
        return relay_bad(r, "'%s' is no address and no prefix (192.0.2.0/24)",
                         relay_shown(word, shown));
    if (except)
        rule.verb = RELAY_VERB_NONE;
    return relay_add_net(r, net, &rule);
}

/* Postfix lets several networks stand in a line, with commas between them or without. */
int relay_read_networks(struct relay_reading *r, struct span line)
{
    struct relay_rule rule = relay_rule_here(r, RELAY_VERB_GRANT);
    struct span rest = line, word, nets = SPAN_NULL;
    int got = 0;

    /* Networks stand at the front, and begin with a digit, '!', '[' or hold a colon. */
    while (span_word(&rest, &word)) {
        struct span bare = word;

        if (bare.p[bare.n - 1] == ',')
            bare.n--;
        if (nets.n && !ascii_is_digit(word.p[0]) && word.p[0] != '!' && word.p[0] != '[' &&
            span_find(word, ':') == word.n)
            break;
        if (nets.n && span_eq(bare, SPAN_LIT("1")))
            break;
        nets = span_slice(line, 0, (size_t)(word.p + word.n - line.p));
    }
    got = read_marks(r, span_slice(line, nets.n, line.n), &rule);
    while (got == 0 && span_word(&nets, &word)) {
        struct span piece;

        while (got == 0 && span_cut(&word, ',', &piece))
            if (piece.n)
                got = add_network(r, piece, rule);
    }
    return got;
}
