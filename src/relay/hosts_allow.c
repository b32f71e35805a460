/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hosts_access(5) and hosts_options(5), as qmail under inetd used them:
 *
 *     tcp-env: 192.0.2. : setenv = RELAYCLIENT
 *     tcp-env: 198.51.100.0/255.255.255.0 EXCEPT 198.51.100.7 : setenv = RELAYCLIENT
 *     tcp-env: ALL : deny
 *
 * Lines for daemons that speak no SMTP are passed over. The first line that matches a client
 * counts, so each line is worked out to the prefixes that it means. Names, LOCAL, KNOWN, UNKNOWN
 * and PARANOID hang on DNS: they can't grant, and since the gate asks no DNS here, they match
 * nobody, with a warning. As an exception they would decide who is left over, so there they are an
 * error.
 */
#include "relay/policy_priv.h"

#include "base/num.h"

#include <errno.h>

/* A field ends at ':' outside of brackets and not behind a backslash. */
static bool cut_field(struct span *rest, struct span *ret)
{
    size_t at = 0;
    bool bracket = false;

    if (rest->p == NULL)
        return false;
    for (; at < rest->n; at++) {
        if (rest->p[at] == '[')
            bracket = true;
        else if (rest->p[at] == ']')
            bracket = false;
        else if (rest->p[at] == '\\' && at + 1 < rest->n)
            at++;
        else if (rest->p[at] == ':' && !bracket)
            break;
    }
    if (at > rest->n)
        at = rest->n;
    *ret = span_trim(span_slice(*rest, 0, at));
    *rest = at < rest->n ? span_slice(*rest, at + 1, rest->n) : SPAN_NULL;
    return true;
}

/* Words of a list: blanks and commas between them. */
static bool cut_word(struct span *list, struct span *ret)
{
    size_t from = 0, to;

    while (from < list->n && strchr(" \t,", list->p[from]))
        from++;
    for (to = from; to < list->n && !strchr(" \t,", list->p[to]);)
        to++;
    *ret = span_slice(*list, from, to);
    *list = span_slice(*list, to, list->n);
    return ret->n > 0;
}

static bool is_one_of(struct span word, const char *const *words)
{
    for (; *words; words++)
        if (span_eq_nocase(word, span_str(*words)))
            return true;
    return false;
}

/* --- daemons ---------------------------------------------------------------------------------- */

enum whose { OURS, NOT_OURS, UNCLEAR };

static enum whose whose_line(struct span daemons)
{
    static const char *const mail[] = {"ALL",         "tcp-env",     "smtp",     "smtps",
                                       "smtpd",       "ssmtp",       "in.smtpd", "submission",
                                       "submissions", "qmail-smtpd", "qmaild",   "sendmail",
                                       "exim",        "exim4",       NULL};
    enum whose got = NOT_OURS;
    struct span word;

    while (cut_word(&daemons, &word)) {
        if (span_eq_nocase(word, SPAN_LIT("EXCEPT")))
            return got == NOT_OURS ? NOT_OURS : UNCLEAR;
        if (is_one_of(span_slice(word, 0, span_find(word, '@')), mail))
            got = span_find(word, '@') < word.n || got == UNCLEAR ? UNCLEAR : OURS;
    }
    return got;
}

/* --- options ---------------------------------------------------------------------------------- */

/* "setenv = NAME VALUE", "setenv NAME VALUE" */
static int read_setenv(struct relay_reading *r, struct span rest, struct relay_rule *rule)
{
    struct span name;

    if (!span_word(&rest, &name))
        return relay_bad(r, "setenv names no variable");
    rest = span_trim(rest);
    if (span_eq(name, SPAN_LIT("POSTERN_DELIBERATE")))
        rule->deliberate = true;
    if (!span_eq(name, SPAN_LIT("RELAYCLIENT")))
        return 0;
    if (rest.n && !span_eq(rest, SPAN_LIT("\"\"")))
        return relay_bad(r, "RELAYCLIENT has a value, which qmail adds to each recipient; "
                            "nothing is added here, so leave it empty");
    if (rule->verb == RELAY_VERB_NONE)
        rule->verb = RELAY_VERB_GRANT;
    return 0;
}

static int read_option(struct relay_reading *r, struct span option, struct relay_rule *rule,
                       bool *conditional)
{
    static const char *const refuse[] = {"deny", "twist", NULL};
    static const char *const pass[] = {"allow",  "spawn", "severity", "keepalive",
                                       "linger", "nice",  "rfc931",   "user",
                                       "group",  "umask", "banners",  NULL};
    struct span rest = option, name;
    char shown[RELAY_SHOWN_SIZE];
    size_t equals;

    if (!span_word(&rest, &name))
        return 0;
    equals = span_find(name, '=');
    if (equals < name.n) { /* setenv=NAME */
        rest = span_slice(option, (size_t)(name.p - option.p) + equals, option.n);
        name = span_slice(name, 0, equals);
    }
    rest = span_trim(rest);
    if (rest.n && rest.p[0] == '=')
        rest = span_trim(span_slice(rest, 1, rest.n));
    if (span_eq_nocase(name, SPAN_LIT("setenv")))
        return read_setenv(r, rest, rule);
    if (is_one_of(name, refuse))
        rule->verb = RELAY_VERB_REFUSE;
    else if (span_eq_nocase(name, SPAN_LIT("aclexec")))
        *conditional = true;
    else if (!is_one_of(name, pass))
        return relay_bad(r, "no option '%s' in hosts_options(5)", relay_shown(name, shown));
    return 0;
}

/* --- clients ---------------------------------------------------------------------------------- */

/* "255.255.0.0" to a length. */
static bool mask_parse(struct span s, unsigned *ret_len)
{
    struct ip ip;
    uint32_t mask;
    unsigned len = 0;

    if (!ip_parse(s, &ip) || ip.family != IP_V4)
        return false;
    mask = num_get32(ip.b);
    while (len < 32 && mask >> (31 - len) & 1)
        len++;
    *ret_len = len;
    return mask == (len ? UINT32_MAX << (32 - len) : 0);
}

static bool pattern_parse(struct span word, struct relay_nets *nets, int *ret_error)
{
    size_t slash = span_find(word, '/');
    struct ip_prefix net;
    struct ip ip;
    unsigned len;

    *ret_error = 0;
    if (span_eq_nocase(word, SPAN_LIT("ALL"))) {
        *ret_error = relay_nets_add_all(nets);
        return true;
    }
    if (slash < word.n && ip_parse(span_slice(word, 0, slash), &ip) &&
        mask_parse(span_slice(word, slash + 1, word.n), &len)) {
        net = ip_prefix_of(ip, len);
        if (!ip_eq(net.ip, ip))
            return false;
    } else if (word.n > 2 && span_ends_nocase(word, SPAN_LIT(".*"))) {
        if (!relay_octets_parse(span_slice(word, 0, word.n - 1), true, &net))
            return false;
    } else if (!relay_net_parse(word, &net) && !relay_octets_parse(word, true, &net)) {
        return false;
    }
    *ret_error = relay_nets_add(nets, net);
    return true;
}

/* A word that is no address: what hangs on names is noted, what is no pattern is an error. */
static int other_pattern(struct relay_reading *r, struct span word, const struct relay_rule *rule,
                         bool exception)
{
    char shown[RELAY_SHOWN_SIZE];
    bool digits = true, file = word.p[0] == '/', user = span_find(word, '@') < word.n;

    relay_shown(word, shown);
    for (size_t i = 0; i < word.n; i++)
        digits = digits && (ascii_is_digit(word.p[i]) || strchr("./*?[]:", word.p[i]));
    if (exception)
        return relay_bad(r, "'%s': an exception that hangs on names can't be read", shown);
    if ((digits && !file) || word.p[0] == '[')
        return relay_bad(r, "'%s' is no address, no prefix and no network with its mask", shown);
    if (file)
        return relay_bad(r, "'%s': put the lines of that file here", shown);
    return relay_note(r, "'%s': %s; it matches nobody%s", shown,
                      user ? "who a client says its user is decides nothing"
                           : "a DNS name says nothing about a client",
                      rule->verb == RELAY_VERB_GRANT ? ", and grants nothing" : "");
}

/* list = pattern... [ EXCEPT list ]: what an exception takes out may have exceptions itself. */
static int read_clients(struct relay_reading *r, struct span *list, const struct relay_rule *rule,
                        bool exception, struct relay_nets *ret)
{
    struct relay_nets except = {0};
    struct span word;
    int got = 0, error = 0;

    while (got == 0 && cut_word(list, &word)) {
        if (span_eq_nocase(word, SPAN_LIT("EXCEPT"))) {
            got = read_clients(r, list, rule, true, &except);
            if (got == 0)
                got = relay_nets_remove_all(ret, &except);
            break;
        }
        got = pattern_parse(word, ret, &error) ? error : other_pattern(r, word, rule, exception);
    }
    relay_nets_deinit(&except);
    return got;
}

static int add_line(struct relay_reading *r, struct span clients, struct relay_rule *rule)
{
    struct relay_nets nets = {0};
    int got = read_clients(r, &clients, rule, false, &nets);

    if (got == 0)
        got = relay_add_nets(r, &nets, rule);
    relay_nets_deinit(&nets);
    return got;
}

int relay_read_hosts_allow(struct relay_reading *r, struct span line)
{
    struct relay_rule rule = relay_rule_here(r, RELAY_VERB_NONE);
    struct span daemons, clients, option;
    bool conditional = false;
    enum whose whose;
    int got = 0;

    if (!cut_field(&line, &daemons) || !cut_field(&line, &clients) || daemons.n == 0 ||
        clients.n == 0)
        return relay_bad(r, "expected daemon: client: option");
    whose = whose_line(daemons);
    if (whose == NOT_OURS)
        return 0;
    while (got == 0 && cut_field(&line, &option))
        got = read_option(r, option, &rule, &conditional);
    if (got)
        return got;
    if (rule.verb == RELAY_VERB_GRANT && (whose == UNCLEAR || conditional))
        return relay_bad(r, "RELAYCLIENT hangs on %s here, which is not read",
                         conditional ? "a command (aclexec)" : "the server's address or EXCEPT");
    if (whose == UNCLEAR || conditional)
        return relay_note(r, "hangs on %s; the line is not used",
                          conditional ? "a command (aclexec)" : "the server's address or EXCEPT");
    return add_line(r, clients, &rule);
}
