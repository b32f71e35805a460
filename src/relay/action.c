/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What stands on the right in access files of Postfix (access(5)) and Sendmail (cf/README, "Access
 * database"):
 *
 *     OK  RELAY  REJECT text  DISCARD  SKIP  DUNNO  DEFER text  DEFER_IF_PERMIT text
 *     450 4.7.1 text      550 text      ERROR:5.7.1:550 text      "ERROR:550 text"
 *
 * Only RELAY grants. OK ends the search and no more: in Postfix it grants or does not by the place
 * that the table is named in, which is how relays came open. What a queue would do with a message
 * (HOLD, REDIRECT, PREPEND, QUARANTINE) is noted and left out: there is no queue. DISCARD refuses:
 * to say 250 for mail that is thrown away is a lie that only Sendmail may tell.
 */
#include "relay/policy_priv.h"

#include "base/num.h"

#include <errno.h>
#include <stdlib.h>

static int take_text(struct relay_rule *rule, struct span text)
{
    text = span_trim(text);
    rule->text = text.n ? span_dup(text) : NULL;
    return text.n && !rule->text ? -ENOMEM : 0;
}

/* class "." subject "." detail, RFC 3463 §2 */
static bool is_enhanced(struct span s)
{
    struct span part;
    unsigned n = 0, v;

    if (s.n >= RELAY_ENHANCED_SIZE)
        return false;
    while (span_cut(&s, '.', &part)) {
        if (!num_uint(part, 0, 999, &v) || (n == 0 && v != 4 && v != 5))
            return false;
        n++;
    }
    return n == 3;
}

/* "550 5.7.1 text", "5.7.1:550 text", "5.7.1 text", "text" */
static int read_reply(struct relay_reading *r, struct span text, struct relay_rule *rule)
{
    struct span rest = text, word = SPAN_NULL;
    size_t colon = span_find(text, ':');
    unsigned code;

    if (colon < text.n && is_enhanced(span_slice(text, 0, colon))) {
        span_copy(span_slice(text, 0, colon), rule->enhanced, sizeof(rule->enhanced));
        text = rest = span_slice(text, colon + 1, text.n);
    }
    if (span_word(&rest, &word) && word.n == 3 && num_uint(word, 400, 599, &code)) {
        rule->code = code;
        rule->verb = code < 500 ? RELAY_VERB_DEFER : RELAY_VERB_REFUSE;
        text = rest;
        if (!span_word(&rest, &word))
            word = SPAN_NULL;
    }
    if (word.n && is_enhanced(word)) {
        span_copy(word, rule->enhanced, sizeof(rule->enhanced));
        text = rest;
    }
    /* The class must be the answer's own: 5.7.1 behind 450 would be a contradiction. */
    if (rule->enhanced[0] && rule->code == 0 && rule->enhanced[0] == '4')
        rule->verb = RELAY_VERB_DEFER;
    if (rule->enhanced[0] && (rule->enhanced[0] == '4') != (rule->verb == RELAY_VERB_DEFER))
        return relay_bad(r, "the enhanced code %s does not suit the answer", rule->enhanced);
    return take_text(rule, text);
}

static int note_ok(struct relay_reading *r)
{
    if (r->ok_noted)
        return 0;
    r->ok_noted = true;
    return relay_note(r, "OK does not let a client relay; RELAY does (said once a file)");
}

static bool is_one_of(struct span word, const char *const *words)
{
    for (; *words; words++)
        if (span_eq_nocase(word, span_str(*words)))
            return true;
    return false;
}

static bool all_digits(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_is_digit(s.p[i]))
            return false;
    return s.n > 0;
}

static int read_relay(struct relay_reading *r, struct span rest, struct relay_rule *rule)
{
    char shown[RELAY_SHOWN_SIZE];

    rest = span_trim(rest);
    rule->verb = RELAY_VERB_GRANT;
    rule->deliberate = span_eq(rest, SPAN_LIT("deliberate"));
    if (rest.n && !rule->deliberate)
        return relay_bad(r, "'%s' behind RELAY is not understood", relay_shown(rest, shown));
    return 0;
}

static int read_word(struct relay_reading *r, struct span word, struct span rest,
                     struct relay_rule *rule)
{
    static const char *const none[] = {"DUNNO", "SKIP", NULL};
    static const char *const ok[] = {"OK", "PERMIT", NULL};
    static const char *const defer[] = {"DEFER", "DEFER_IF_PERMIT", "DEFER_IF_REJECT", NULL};
    static const char *const queue[] = {"HOLD", "FILTER", "PREPEND", "REDIRECT", "BCC",
                                        "INFO", "WARN",   "SUBJECT", NULL};
    char shown[RELAY_SHOWN_SIZE];

    if (is_one_of(word, none))
        return 0;
    if (is_one_of(word, ok))
        return note_ok(r);
    if (span_eq_nocase(word, SPAN_LIT("RELAY")))
        return read_relay(r, rest, rule);
    if (is_one_of(word, defer))
        rule->verb = RELAY_VERB_DEFER;
    else if (span_eq_nocase(word, SPAN_LIT("REJECT")) || span_eq_nocase(word, SPAN_LIT("DISCARD")))
        rule->verb = RELAY_VERB_REFUSE;
    if (span_eq_nocase(word, SPAN_LIT("DISCARD")))
        return relay_note(r, "DISCARD refuses here: nothing is taken and thrown away");
    if (rule->verb != RELAY_VERB_NONE)
        return read_reply(r, rest, rule);
    if (is_one_of(word, queue) || span_starts_nocase(word, SPAN_LIT("QUARANTINE")) ||
        span_starts_nocase(word, SPAN_LIT("permit_")) ||
        span_starts_nocase(word, SPAN_LIT("reject_")) ||
        span_starts_nocase(word, SPAN_LIT("check_")))
        return relay_note(r, "%s is not done here", relay_shown(word, shown));
    return relay_bad(r, "'%s' is no action of an access file", relay_shown(word, shown));
}

int relay_action_parse(struct relay_reading *r, struct span text, struct relay_rule *ret)
{
    struct span rest, word;
    int got;

    text = span_trim(text);
    if (text.n > 1 && text.p[0] == '"' && text.p[text.n - 1] == '"')
        text = span_trim(span_slice(text, 1, text.n - 1));
    *ret = relay_rule_here(r, RELAY_VERB_NONE);
    rest = text;
    if (!span_word(&rest, &word))
        return relay_bad(r, "there is no action behind the key");
    if (span_starts_nocase(text, SPAN_LIT("ERROR:"))) {
        ret->verb = RELAY_VERB_REFUSE;
        text = span_trim(span_slice(text, 6, text.n));
        if (text.n > 1 && text.p[0] == '"' && text.p[text.n - 1] == '"')
            text = span_slice(text, 1, text.n - 1);
        got = read_reply(r, text, ret);
    } else if (word.n == 3 && all_digits(word) && (word.p[0] == '4' || word.p[0] == '5')) {
        got = read_reply(r, text, ret);
    } else if (all_digits(word)) { /* what pop-before-smtp wrote: OK */
        got = note_ok(r);
    } else {
        got = read_word(r, word, rest, ret);
    }
    if (got)
        relay_rule_deinit(ret);
    return got;
}
