/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The text is written for the postmaster who finds it in a queue at night: first what it is, then
 * why, then how to make it stop. The machine's part is small: one field that marks the message, and
 * one line for each token. Both are plain ASCII in short lines, so that what relays do to messages
 * (fold, re-encode, quote, cut) leaves them readable.
 *
 * Values come from a command line, a configuration, and from targets: each is checked against the
 * few octets that it may hold before anything is written, so that none can open a new field.
 */
#include "mail/build.h"

#include "base/num.h"
#include "mail/header.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_PREFIX "Token: "
#define TOKENS_END   "End of tokens: "

enum check {
    CHECK_MAILBOX, /* printable, one @, no blank or bracket */
    CHECK_ID,      /* atext and dots of RFC 5322 §3.2.3, one @ */
    CHECK_WORD,    /* letters, digits and what host names, addresses and tokens need */
    CHECK_URI,     /* printable, no blank, bracket or quote */
};

static bool char_ok(char c, enum check check)
{
    switch (check) {
    case CHECK_MAILBOX:
        return c > ' ' && c <= '~' && !memchr("<>()\\,;", c, 7);
    case CHECK_ID:
        return ascii_is_alnum(c) || memchr("!#$%&'*+-/=?^_`{|}~.@", c, 21);
    case CHECK_WORD:
        return ascii_is_alnum(c) || memchr(".-_:[]=+%", c, 9);
    case CHECK_URI:
        return c > ' ' && c <= '~' && !memchr("<>\"\\", c, 4);
    }
    return false;
}

static bool value_ok(struct span s, enum check check)
{
    size_t at = span_find(s, '@');
    bool addressed = check == CHECK_MAILBOX || check == CHECK_ID;

    if (s.n == 0 || s.n > BUILD_VALUE_MAX)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!char_ok(s.p[i], check))
            return false;
    return !addressed || (at > 0 && at + 1 < s.n && span_rfind(s, '@') == at);
}

static const char *first_bad(const struct build *b)
{
    const struct {
        const char *name;
        struct span value;
        enum check check;
        bool optional;
    } values[] = {
        {"from", b->from, CHECK_MAILBOX, false},        {"to", b->to, CHECK_MAILBOX, false},
        {"message-id", b->message_id, CHECK_ID, false}, {"run", b->run, CHECK_WORD, false},
        {"target", b->target, CHECK_WORD, false},       {"tester", b->tester, CHECK_WORD, false},
        {"contact", b->contact, CHECK_MAILBOX, false},  {"uri", b->uri, CHECK_URI, false},
        {"opt-out", b->opt_out, CHECK_URI, true},
    };

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        if (!value_ok(values[i].value, values[i].check) &&
            !(values[i].optional && !values[i].value.n))
            return values[i].name;
    for (size_t i = 0; i < b->token_count; i++) {
        if (!value_ok(b->tokens[i].text, CHECK_WORD))
            return "token";
        if (b->tokens[i].label.n && !value_ok(b->tokens[i].label, CHECK_WORD))
            return "label";
    }
    if (abs(b->zone_minutes) >= 24 * 60)
        return "zone";
    /* Years that a Date field can't hold, RFC 5322 §3.3: 1900 to 9999. */
    return b->date_wall < -2208988800 || b->date_wall > 253402300799 ? "date" : NULL;
}

/* The calendar from the day count; the inverse of what received_date.c does. */
void build_date(struct buf *out, int64_t wall, int zone)
{
    static const char days[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t local = wall + (int64_t)zone * 60;
    int64_t day = local / 86400 - (local % 86400 < 0), left = local - day * 86400;
    int64_t z = day + 719468, era = z / 146097, doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    int64_t month = mp < 10 ? mp + 2 : mp - 10; /* from 0 */

    buf_addf(out, "%.3s, %d %.3s %04d %02d:%02d:%02d %c%02d%02d", days + ((day % 7 + 7) % 7) * 3,
             (int)(doy - (153 * mp + 2) / 5 + 1), names + month * 3,
             (int)(yoe + era * 400 + (month < 2)), (int)(left / 3600), (int)(left / 60 % 60),
             (int)(left % 60), zone < 0 ? '-' : '+', abs(zone) / 60, abs(zone) % 60);
}

/* A field or a piece of one; folds in front of the value where the line would be long. */
static void add_field(struct buf *out, const char *before, struct span value, const char *behind)
{
    size_t n = strlen(before);
    const char *between = before[n - 1] == '=' ? "" : " ";

    if (n + 1 + value.n + strlen(behind) > MAIL_LINE_GOOD)
        between = "\r\n ";
    buf_addf(out, "%s%s", before, between);
    buf_add(out, value);
    buf_addf(out, "%s\r\n", behind);
}

static void add_header(const struct build *b, struct buf *out)
{
    buf_add_str(out, "Date: ");
    build_date(out, b->date_wall, b->zone_minutes);
    buf_add_str(out, "\r\n");
    buf_add_str(out, "From: \"Relay test\"");
    buf_add_str(out, b->from.n + 20 > MAIL_LINE_GOOD ? "\r\n <" : " <");
    buf_add(out, b->from);
    buf_add_str(out, ">\r\n");
    add_field(out, "To:", b->to, "");
    add_field(out, "Subject: Mail relay test, run", b->run, "");
    buf_addf(out, "Message-ID:%s <", b->message_id.n + 14 > MAIL_LINE_GOOD ? "\r\n" : "");
    buf_add(out, b->message_id);
    buf_add_str(out, ">\r\n");
    buf_add_str(out, "Auto-Submitted: auto-generated\r\n"
                     "X-Auto-Response-Suppress: All\r\n"); /* what Exchange heeds in its place */
    add_field(out, BUILD_MARK_FIELD ": run=", b->run, ";");
    add_field(out, " target=", b->target, ";");
    buf_addf(out, " tokens=%zu;\r\n", b->token_count);
    add_field(out, " id=", b->message_id, "");
    add_field(out, "X-Postern-Description:", b->uri, "");
    add_field(out, "X-Postern-Contact:", b->contact, "");
    buf_add_str(out, "MIME-Version: 1.0\r\n"
                     "Content-Type: text/plain; charset=us-ascii\r\n"
                     "Content-Transfer-Encoding: 7bit\r\n\r\n");
}

static void add_line(struct buf *out, const char *before, struct span value)
{
    buf_add_str(out, before);
    buf_add(out, value);
    buf_add_str(out, "\r\n");
}

static void add_words(const struct build *b, struct buf *out)
{
    add_line(out, "This message is a test of the mail system\r\n\r\n    ", b->target);
    add_line(out,
             "\r\nIt was sent to find out whether that system carries mail from strangers to\r\n"
             "strangers, that is, whether it is an open relay. All of its recipients belong\r\n"
             "to those who test; nobody else was addressed. If it has reached them by way of\r\n"
             "that system, the system is open, and others will send their mail through it.\r\n"
             "\r\nTested by:        ",
             b->tester);
    add_line(out, "About this test:  ", b->uri);
    add_line(out, "Questions to:     ", b->contact);
    add_line(out, "To opt out:       ", b->opt_out.n ? b->opt_out : b->contact);
    add_line(out, "Run:              ", b->run);
    buf_add_str(out, "\r\nPlease do not reply to the sender's address: nobody reads it.\r\n"
                     "\r\nThe lines below tell which forms of address were tried at once.\r\n\r\n");
}

static void add_tokens(const struct build *b, struct buf *out)
{
    for (size_t i = 0; i < b->token_count; i++) {
        const struct build_token *t = &b->tokens[i];

        buf_add_str(out, TOKEN_PREFIX);
        buf_add(out, t->text);
        if (t->label.n && strlen(TOKEN_PREFIX) + t->text.n + 1 + t->label.n <= MAIL_LINE_GOOD) {
            buf_add_char(out, ' ');
            buf_add(out, t->label);
        }
        buf_add_str(out, "\r\n");
    }
    buf_addf(out, TOKENS_END "%zu\r\n", b->token_count);
}

int build_message(const struct build *b, struct buf *out, const char **ret_which)
{
    const char *bad = first_bad(b);
    size_t from = out->n;

    if (ret_which)
        *ret_which = bad;
    if (bad)
        return BUILD_BAD_VALUE;
    if (b->token_count > BUILD_TOKENS_MAX)
        return BUILD_TOO_MANY;
    add_header(b, out);
    add_words(b, out);
    add_tokens(b, out);
    buf_add(out, b->extra);
    if (out->err) {
        buf_truncate(out, from);
        return out->err;
    }
    return BUILD_OK;
}

static void read_mark(struct span body, struct build_copy *copy)
{
    struct span piece;

    while (span_cut(&body, ';', &piece)) {
        size_t equals = span_find(piece, '=');
        struct span key = span_trim(span_slice(piece, 0, equals));
        struct span value = span_trim(span_slice(piece, equals + 1, piece.n));

        if (span_eq_nocase(key, SPAN_LIT("run")))
            copy->run = value;
        else if (span_eq_nocase(key, SPAN_LIT("target")))
            copy->target = value;
        else if (span_eq_nocase(key, SPAN_LIT("tokens")))
            num_uint(value, 0, BUILD_TOKENS_MAX, &copy->declared);
        else if (span_eq_nocase(key, SPAN_LIT("id")))
            copy->message_id = value;
    }
}

/* A line of the body without the marks of quotation that an answer or a bounce puts in front. */
static struct span unquoted(struct span line)
{
    line = span_trim(line);
    while (line.n && (line.p[0] == '>' || line.p[0] == '|'))
        line = span_trim(span_slice(line, 1, line.n));
    return line;
}

static int read_token(struct span line, struct build_copy *copy)
{
    struct build_token t = {0};

    line = span_slice(line, strlen(TOKEN_PREFIX), line.n);
    if (!span_word(&line, &t.text) || copy->count == BUILD_TOKENS_MAX)
        return 0;
    span_word(&line, &t.label);
    if (array_grow(&copy->tokens, &copy->cap, sizeof(t), copy->count + 1) < 0)
        return -ENOMEM;
    copy->tokens[copy->count++] = t;
    return 0;
}

static int read_list(struct span body, struct build_copy *copy)
{
    struct span line;
    bool ended = false;
    int fault = 0;

    while (!fault && !ended && span_cut(&body, '\n', &line)) {
        line = unquoted(line);
        if (span_starts_nocase(line, SPAN_LIT(TOKEN_PREFIX)))
            fault = read_token(line, copy);
        ended = span_starts_nocase(line, SPAN_LIT(TOKENS_END));
    }
    copy->whole = ended && copy->count == copy->declared;
    return fault;
}

int build_copy_read(struct span header, struct span body, struct build_copy *ret)
{
    struct build_copy copy = {0};
    struct header_field mark;

    *ret = copy;
    if (!header_first(header, BUILD_MARK_FIELD, &mark))
        return 0;
    read_mark(mark.body, &copy);
    if (read_list(body, &copy) < 0) {
        build_copy_deinit(&copy);
        return -ENOMEM;
    }
    *ret = copy;
    return 1;
}

void build_copy_deinit(struct build_copy *copy)
{
    free(copy->tokens);
    *copy = (struct build_copy){0};
}

size_t build_copy_compare(const struct build_copy *copy, const struct build_token *tokens,
                          size_t count, bool *found)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        found[i] = false;
        for (size_t k = 0; k < copy->count && !found[i]; k++)
            found[i] = span_eq_nocase(copy->tokens[k].text, tokens[i].text);
        n += found[i];
    }
    return n;
}
