/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Postfix's cidr_table(5), as check_client_access takes it:
 *
 *     192.0.2.1          OK
 *     !192.0.2.0/24      REJECT not from here
 *     if 198.51.100.0/24
 *     198.51.100.7       RELAY
 *     endif
 *
 * The first line that matches counts. Negation and conditions are worked out to prefixes: a line's
 * set is cut with the sets of the conditions around it.
 */
#include "relay/policy_priv.h"

#include <errno.h>

/* "[!]prefix" to the set that it means. */
static int pattern_set(struct relay_reading *r, struct span pattern, struct relay_nets *ret)
{
    bool except = pattern.n && pattern.p[0] == '!';
    struct span bare = span_trim(span_slice(pattern, except, pattern.n));
    char shown[RELAY_SHOWN_SIZE];
    struct ip_prefix net;
    int got;

    if (!relay_net_parse(bare, &net))
        return relay_bad(r, "'%s' is no address and no prefix (192.0.2.0/24)",
                         relay_shown(pattern, shown));
    if (!except)
        return relay_nets_add(ret, net);
    got = relay_nets_add_all(ret);
    return got ? got : relay_nets_remove(ret, net);
}

static int open_condition(struct relay_reading *r, struct span pattern)
{
    struct relay_nets set = {0};
    int got;

    if (r->within_count == RELAY_NESTING_MAX)
        return relay_bad(r, "more than %d conditions in one another", RELAY_NESTING_MAX);
    got = pattern_set(r, pattern, &set);
    if (got == 0 && r->within_count)
        got = relay_nets_intersect(&set, &r->within[r->within_count - 1]);
    if (got == 0)
        got = array_grow(&r->within, &r->within_cap, sizeof(set), r->within_count + 1);
    if (got) {
        relay_nets_deinit(&set);
        return got;
    }
    if (r->within_count == 0)
        r->within_line = r->line;
    r->within[r->within_count++] = set;
    return 0;
}

static int add_line(struct relay_reading *r, struct span pattern, struct span action)
{
    struct relay_nets set = {0};
    struct relay_rule rule;
    int got = pattern_set(r, pattern, &set);

    if (got == 0 && r->within_count)
        got = relay_nets_intersect(&set, &r->within[r->within_count - 1]);
    if (got == 0)
        got = relay_action_parse(r, action, &rule);
    if (got == 0)
        got = relay_add_nets(r, &set, &rule);
    relay_nets_deinit(&set);
    return got;
}

int relay_read_cidr(struct relay_reading *r, struct span line)
{
    struct span rest = line, word, pattern;

    span_word(&rest, &word);
    pattern = word;
    if (span_eq_nocase(word, SPAN_LIT("if")))
        return open_condition(r, span_trim(rest));
    if (span_eq_nocase(word, SPAN_LIT("endif"))) {
        if (r->within_count == 0)
            return relay_bad(r, "endif without if");
        relay_nets_deinit(&r->within[--r->within_count]);
        return 0;
    }
    if (span_eq(word, SPAN_LIT("!")) && span_word(&rest, &word)) /* "! 192.0.2.1 REJECT" */
        pattern = span_of(pattern.p, (size_t)(word.p + word.n - pattern.p));
    return add_line(r, pattern, rest);
}

int relay_read_cidr_end(struct relay_reading *r)
{
    if (r->within_count == 0)
        return 0;
    r->line = r->within_line;
    return relay_bad(r, "if without endif");
}
