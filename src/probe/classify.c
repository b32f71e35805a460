/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Phrases of real servers, in the order in which they decide. What is said about *us* is looked for
 * first, because blocklist texts like to mention relays; what is said about relaying comes next,
 * because it decides even in a 4xx; the code is asked last. A phrase is matched anywhere in the
 * text, without case.
 */
#include "probe/classify.h"

#include "base/num.h"

#include <assert.h>
#include <string.h>

enum { PAIRS = 1024 };

static const struct {
    const char *name, *text;
} meanings[] = {
    [MEANING_NONE] = {"none", "no reply"},
    [MEANING_OK] = {"ok", "taken"},
    [MEANING_RELAY_DENIED] = {"relay-denied", "relaying refused"},
    [MEANING_SYNTAX] = {"syntax", "address form refused"},
    [MEANING_SENDER] = {"sender-refused", "sender refused"},
    [MEANING_UNKNOWN_USER] = {"unknown-user", "taken for an unknown local user"},
    [MEANING_AUTH] = {"auth-required", "login required"},
    [MEANING_TLS] = {"tls-required", "TLS required"},
    [MEANING_BLOCKED] = {"blocked", "the tester is blocked"},
    [MEANING_GREYLISTED] = {"greylisted", "greylisted"},
    [MEANING_TEMPORARY] = {"temporary", "temporary fault"},
    [MEANING_RCPT_LIMIT] = {"recipient-limit", "too many recipients"},
    [MEANING_TOO_MANY] = {"too-many-errors", "too many errors"},
    [MEANING_SHUTDOWN] = {"shutdown", "service closing"},
    [MEANING_SEQUENCE] = {"sequence", "out of sequence"},
    [MEANING_UNSUPPORTED] = {"unsupported", "not supported"},
    [MEANING_REFUSED] = {"refused", "refused"},
};

const char *meaning_name(enum meaning m)
{
    assert(m < sizeof(meanings) / sizeof(meanings[0]));
    return meanings[m].name;
}

const char *meaning_text(enum meaning m)
{
    assert(m < sizeof(meanings) / sizeof(meanings[0]));
    return meanings[m].text;
}

/* The formatter would give each word a line of its own. */
/* clang-format off */
static const char *const too_many_words[] = {
    "too many errors", "too many nonmail", "too many syntax", "too many protocol",
    "too many unrecognized", "too many bad", "too many invalid", "error limit", "too many failed",
    "too many unknown", "too many commands", "too many rejected", "max protocol errors", NULL,
};

static const char *const rcpt_limit_words[] = {
    "too many recipients", "too many rcpt", "recipient limit", "maximum number of recipients", NULL,
};

static const char *const tls_words[] = {
    "must issue a starttls", "starttls first", "starttls command first", "encryption required",
    "encryption needed", "requires tls", "tls required", "tls is required", "require tls",
    "must use tls", "starttls is required", "session encryption", NULL,
};

static const char *const blocked_words[] = {
    "blocked using", "blacklist", "blocklist", "black list", "block list", "spamhaus", "spamcop",
    "dnsbl", "listed in", "listed at", "listed by", "is listed", "reputation", "banned",
    "client host rejected", "your host", "your ip", "ip address rejected", "not allowed to connect",
    "reverse dns", "reverse hostname", "no ptr", "ptr record", "without ptr", "rdns",
    "helo command rejected", "bad helo", "invalid helo", "helo rejected", "ehlo rejected",
    "ip blocked", "has been blocked", "are blocked", "is blocked", "your network",
    "connection rate", "too many connections", "too many concurrent", "rate limit",
    "access denied by", "connection refused", "poor reputation", "connection rejected",
    "not accepting mail from you", "go away", NULL,
};

static const char *const auth_words[] = {
    "authentication required", "authentication is required", "must authenticate", "auth required",
    "requires authentication", "authenticate first", "authenticated", "not logged in",
    "must be authenticated", "smtp auth", "please log in", "login first", "log in first",
    "need to authenticate", "authentication needed", NULL,
};

static const char *const relay_words[] = {
    "relay", "rcpthosts", "not a gateway", "not local", "no such domain", "domain not hosted",
    "not hosted here", "not our domain", "don't handle mail", "not handle mail",
    "do not accept mail for", "don't accept mail for", "does not accept mail for",
    "domain isn't in my list", "domain is not in my list", "not permitted to send to",
    "destination not allowed", "destination domain", "domain not allowed", "foreign domain",
    "not authorized to send", "invalid recipient domain", "unknown domain", "domain not accepted",
    "mail to external", "non-local", "nonlocal", "we do not deliver", "send mail through", NULL,
};

static const char *const sender_words[] = {
    "sender address rejected", "sender rejected", "sender verify", "sender domain",
    "sender address", "domain of sender", "bad sender", "invalid sender", "sender not",
    "return path", "envelope sender", "mail from rejected", "does not resolve", "must resolve",
    "must exist", "sender is not", "spf", NULL,
};

static const char *const syntax_words[] = {
    "syntax", "malformed", "domain literal", "must contain a domain", "invalid address",
    "bad address", "bad recipient", "restricted characters", "illegal", "not fully qualified",
    "fully-qualified", "need fully", "domain name required", "domain required", "invalid route",
    "source route", "unbalanced", "colon expected", "invalid character", "address required",
    "unqualified address", "not rfc", "parse", "bad characters", "too long", NULL,
};

static const char *const user_words[] = {
    "user unknown", "unknown user", "no such user", "unknown recipient", "recipient unknown",
    "mailbox unavailable", "mailbox not found", "no mailbox", "no such recipient",
    "unrouteable address", "unroutable address", "recipient rejected", "invalid recipient",
    "does not exist", "not found", "unknown local", "not in directory", "no valid recipient", NULL,
};

static const char *const grey_words[] = {
    "greylist", "graylist", "grey-list", "gray-list", "grey list", "greytrap", "try again",
    "try later", "retry", "come back", "postgrey", "delayed", "deferred", "please wait",
    "temporarily", "first time", "later", NULL,
};
/* clang-format on */

/*
 * A text, folded to lower case, and which pairs of letters stand in it. Some two hundred phrases
 * are looked for in every refusal; most fall at the first pair, without a look at the text.
 */
struct heard {
    struct span text;
    uint64_t pairs[PAIRS / 64];
};

static unsigned pair_of(const char *p)
{
    return ((unsigned char)p[0] * 31u + (unsigned char)p[1]) % PAIRS;
}

static void hear(struct heard *h, struct span text)
{
    h->text = text;
    memset(h->pairs, 0, sizeof(h->pairs));
    for (size_t i = 0; i + 1 < text.n; i++)
        h->pairs[pair_of(text.p + i) / 64] |= 1ull << pair_of(text.p + i) % 64;
}

static bool pair_heard(const struct heard *h, const char *p)
{
    return h->pairs[pair_of(p) / 64] >> pair_of(p) % 64 & 1;
}

/* No phrase is shorter than three letters. */
static bool says(const struct heard *h, const char *const *words)
{
    for (size_t i = 0; words[i]; i++) {
        if (pair_heard(h, words[i]) && pair_heard(h, words[i] + 1) &&
            memmem(h->text.p, h->text.n, words[i], strlen(words[i])))
            return true;
    }
    return false;
}

static bool enhanced_is(const struct smtp_reply *r, unsigned subject, unsigned detail)
{
    return r->enhanced[0] && r->enhanced[1] == subject && r->enhanced[2] == detail;
}

static bool in_envelope(enum smtp_stage stage)
{
    return stage == SMTP_STAGE_MAIL || stage == SMTP_STAGE_RCPT || stage == SMTP_STAGE_DATA ||
           stage == SMTP_STAGE_BODY;
}

/* What the text says wherever it is said. */
static enum meaning meaning_by_text(const struct smtp_reply *r, const struct heard *h)
{
    if (says(h, too_many_words))
        return MEANING_TOO_MANY;
    if (says(h, rcpt_limit_words) || enhanced_is(r, 5, 3))
        return MEANING_RCPT_LIMIT;
    if (says(h, tls_words) || r->code == 523 || r->code == 538)
        return MEANING_TLS;
    if (says(h, blocked_words))
        return MEANING_BLOCKED;
    if (says(h, relay_words))
        return MEANING_RELAY_DENIED;
    if (r->code == 530 || says(h, auth_words))
        return MEANING_AUTH;
    return MEANING_NONE;
}

static enum meaning meaning_of_deferral(enum smtp_stage stage, const struct smtp_reply *r,
                                        const struct heard *h)
{
    if (!in_envelope(stage))
        return says(h, grey_words) ? MEANING_GREYLISTED : MEANING_TEMPORARY;
    /* "450 4.1.8 Domain not found" is about our sender form and does not pass with time. */
    if (enhanced_is(r, 1, 8) || enhanced_is(r, 1, 7))
        return MEANING_SENDER;
    if (says(h, grey_words) || enhanced_is(r, 7, 1) || enhanced_is(r, 2, 0))
        return MEANING_GREYLISTED;
    return MEANING_TEMPORARY;
}

static enum meaning meaning_of_failure(enum smtp_stage stage, const struct smtp_reply *r,
                                       const struct heard *h)
{
    if (r->code == 503)
        return MEANING_SEQUENCE;
    if (!in_envelope(stage)) {
        if (stage == SMTP_STAGE_BANNER)
            return MEANING_BLOCKED;
        return r->code >= 500 && r->code <= 504 ? MEANING_UNSUPPORTED : MEANING_BLOCKED;
    }
    if (r->code == 551)
        return MEANING_RELAY_DENIED; /* RFC 5321 §3.4: user not local */
    if (r->code == 555 || r->code == 504)
        return MEANING_UNSUPPORTED;
    if (r->code == 500 || r->code == 501 || says(h, syntax_words) || enhanced_is(r, 1, 3) ||
        enhanced_is(r, 5, 2) || enhanced_is(r, 5, 4))
        return MEANING_SYNTAX;
    if (stage == SMTP_STAGE_MAIL || enhanced_is(r, 1, 8) || enhanced_is(r, 1, 7) ||
        says(h, sender_words))
        return MEANING_SENDER;
    if (enhanced_is(r, 1, 1) || enhanced_is(r, 1, 0) || enhanced_is(r, 1, 6) || says(h, user_words))
        return MEANING_UNKNOWN_USER;
    if (enhanced_is(r, 1, 2))
        return MEANING_RELAY_DENIED; /* bad destination system address */
    if (stage == SMTP_STAGE_RCPT && (enhanced_is(r, 7, 1) || r->code == 553))
        return MEANING_RELAY_DENIED;
    return MEANING_REFUSED;
}

static enum meaning meaning_of_heard(enum smtp_stage stage, const struct smtp_reply *r,
                                     const struct heard *h)
{
    enum meaning m = meaning_by_text(r, h);

    if (r->code == 421 && m != MEANING_TOO_MANY && m != MEANING_BLOCKED)
        return MEANING_SHUTDOWN;
    if (m != MEANING_NONE)
        return m;
    return r->code < 500 ? meaning_of_deferral(stage, r, h) : meaning_of_failure(stage, r, h);
}

enum meaning meaning_of(enum smtp_stage stage, const struct smtp_reply *reply)
{
    struct span text = span_slice(reply->text, 0, SMTP_REPLY_KEPT);
    char lower[SMTP_REPLY_KEPT];
    struct heard h;

    if (reply->code < 400)
        return MEANING_OK;
    for (size_t i = 0; i < text.n; i++)
        lower[i] = ascii_lower(text.p[i]);
    hear(&h, span_of(lower, text.n));
    return meaning_of_heard(stage, reply, &h);
}

bool meaning_is_refusal(enum meaning m)
{
    return m == MEANING_RELAY_DENIED || m == MEANING_SYNTAX || m == MEANING_SENDER ||
           m == MEANING_UNKNOWN_USER || m == MEANING_AUTH || m == MEANING_UNSUPPORTED ||
           m == MEANING_REFUSED;
}

bool meaning_is_deferral(enum meaning m)
{
    return m == MEANING_GREYLISTED || m == MEANING_TEMPORARY;
}

bool meaning_ends_session(enum meaning m)
{
    return m == MEANING_TOO_MANY || m == MEANING_SHUTDOWN;
}

/* "300 seconds", "5 minutes", "2 hours": the number stands before its unit. */
static unsigned hint_of_unit(struct span number, struct span unit)
{
    static const struct {
        const char *word;
        unsigned seconds;
    } units[] = {{"sec", 1}, {"min", 60}, {"hour", 3600}};
    unsigned v;

    if (!num_uint(number, 1, 86400, &v))
        return 0;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (span_starts_nocase(unit, span_str(units[i].word)) && v <= 86400 / units[i].seconds)
            return v * units[i].seconds;
    return 0;
}

/* "00:04:30", as milter-greylist writes it. */
static unsigned hint_of_clock(struct span word)
{
    struct span part;
    unsigned total = 0, parts = 0, v;

    while (span_cut(&word, ':', &part)) {
        if (!num_uint(part, 0, 99, &v) || ++parts > 3)
            return 0;
        total = total * 60 + v;
    }
    return parts == 3 && total <= 86400 ? total : 0;
}

unsigned meaning_retry_hint(struct span text)
{
    struct span word, before = SPAN_NULL;

    while (text.n) {
        size_t i = 0;

        while (i < text.n && (ascii_is_alnum(text.p[i]) || text.p[i] == ':'))
            i++;
        word = span_slice(text, 0, i);
        text = span_slice(text, i + (i == 0), text.n);
        if (word.n == 0)
            continue;
        unsigned hint = hint_of_unit(before, word);

        if (!hint)
            hint = hint_of_clock(word);
        if (hint)
            return hint;
        before = word;
    }
    return 0;
}
