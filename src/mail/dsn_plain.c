/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bounces from before RFC 3464, and from those who never heard of it, know each other by their
 * words. The table has the constant ones: the program's own first line, a field, the start of a
 * subject. Weak signs (a subject that could be anybody's) count only with a sender that mail
 * systems use.
 *
 * The words were taken from bounces as people receive them; they are facts of the wire, in the
 * language that the program was shipped with.
 */
#include "mail/dsn_parts.h"

#include <errno.h>
#include <string.h>

enum { TEXT_LOOKED_AT = 16384 };

enum place {
    IN_FIELD,       /* a field of that name is there */
    IN_FIELD_VALUE, /* "Name: start of the value" */
    IN_SUBJECT,     /* at its start */
    IN_TEXT,        /* at the start of a line */
    IN_WEAK_SUBJECT /* somewhere in it, and the sender is a mail system */
};

static const struct {
    enum dsn_kind kind;
    enum dsn_style style;
    enum place place;
    const char *text;
    bool host_behind; /* the reporting host stands behind the text */
} signs[] = {
    {DSN_KIND_DELAY, DSN_STYLE_EXIM, IN_SUBJECT, "Warning: message ", false},
    {DSN_KIND_DELAY, DSN_STYLE_SENDMAIL, IN_SUBJECT, "Warning: could not send message for past",
     false},
    {DSN_KIND_DELAY, DSN_STYLE_EXCHANGE, IN_SUBJECT, "Delivery Status Notification (Delay)", false},
    {DSN_KIND_DELAY, DSN_STYLE_EXCHANGE, IN_TEXT, "THIS IS A WARNING MESSAGE ONLY.", false},
    {DSN_KIND_DELAY, DSN_STYLE_POSTFIX, IN_SUBJECT, "Delayed Mail (still being retried)", false},
    {DSN_KIND_BOUNCE, DSN_STYLE_POSTFIX, IN_TEXT, "This is the mail system at host ", true},
    {DSN_KIND_BOUNCE, DSN_STYLE_POSTFIX, IN_TEXT, "This is the Postfix program at host ", true},
    {DSN_KIND_BOUNCE, DSN_STYLE_EXIM, IN_FIELD, "X-Failed-Recipients", false},
    {DSN_KIND_BOUNCE, DSN_STYLE_EXIM, IN_TEXT,
     "This message was created automatically by mail delivery software", false},
    {DSN_KIND_BOUNCE, DSN_STYLE_QMAIL, IN_TEXT, "Hi. This is the qmail-send program at ", true},
    {DSN_KIND_BOUNCE, DSN_STYLE_QMAIL, IN_TEXT, "Hi. This is the ", false},
    {DSN_KIND_BOUNCE, DSN_STYLE_SENDMAIL, IN_SUBJECT, "Returned mail: ", false},
    {DSN_KIND_BOUNCE, DSN_STYLE_SENDMAIL, IN_TEXT, "----- The following addresses had ", false},
    {DSN_KIND_BOUNCE, DSN_STYLE_SENDMAIL, IN_TEXT, "----- Transcript of session follows -----",
     false},
    {DSN_KIND_BOUNCE, DSN_STYLE_EXCHANGE, IN_TEXT,
     "Your message did not reach some or all of the intended recipients.", false},
    {DSN_KIND_BOUNCE, DSN_STYLE_EXCHANGE, IN_TEXT,
     "did not reach the following recipient(s):", false},
    {DSN_KIND_BOUNCE, DSN_STYLE_EXCHANGE, IN_TEXT,
     "This is an automatically generated Delivery Status Notification", false},
    {DSN_KIND_BOUNCE, DSN_STYLE_EXCHANGE, IN_TEXT, "Delivery has failed to these recipients",
     false},
    {DSN_KIND_BOUNCE, DSN_STYLE_EXCHANGE, IN_SUBJECT, "Undeliverable: ", false},
    {DSN_KIND_BOUNCE, DSN_STYLE_DOMINO, IN_SUBJECT, "DELIVERY FAILURE: ", false},
    {DSN_KIND_BOUNCE, DSN_STYLE_COURIER, IN_TEXT, "This is a delivery status notification from ",
     true},
    {DSN_KIND_BOUNCE, DSN_STYLE_MERCURY, IN_SUBJECT, "Postmaster Notify: Delivery Failure", false},
    {DSN_KIND_BOUNCE, DSN_STYLE_IMAIL, IN_FIELD_VALUE, "X-Mailer: <SMTP32", false},
    {DSN_KIND_DELAY, DSN_STYLE_PLAIN, IN_WEAK_SUBJECT, "delayed", false},
    {DSN_KIND_BOUNCE, DSN_STYLE_PLAIN, IN_WEAK_SUBJECT, "undeliver", false},
    {DSN_KIND_BOUNCE, DSN_STYLE_PLAIN, IN_WEAK_SUBJECT, "not deliver", false},
    {DSN_KIND_BOUNCE, DSN_STYLE_PLAIN, IN_WEAK_SUBJECT, "nondeliver", false},
    {DSN_KIND_BOUNCE, DSN_STYLE_PLAIN, IN_WEAK_SUBJECT, "non-deliver", false},
    {DSN_KIND_BOUNCE, DSN_STYLE_PLAIN, IN_WEAK_SUBJECT, "delivery fail", false},
    {DSN_KIND_BOUNCE, DSN_STYLE_PLAIN, IN_WEAK_SUBJECT, "delivery status", false},
    {DSN_KIND_BOUNCE, DSN_STYLE_PLAIN, IN_WEAK_SUBJECT, "delivery problem", false},
    {DSN_KIND_BOUNCE, DSN_STYLE_PLAIN, IN_WEAK_SUBJECT, "failure notice", false},
    {DSN_KIND_BOUNCE, DSN_STYLE_PLAIN, IN_WEAK_SUBJECT, "returned mail", false},
    {DSN_KIND_BOUNCE, DSN_STYLE_PLAIN, IN_WEAK_SUBJECT, "mail system error", false},
    {DSN_KIND_AUTO_REPLY, DSN_STYLE_NONE, IN_FIELD_VALUE, "Auto-Submitted: auto-replied", false},
    {DSN_KIND_AUTO_REPLY, DSN_STYLE_NONE, IN_FIELD_VALUE, "Auto-Submitted: auto-notified", false},
    {DSN_KIND_AUTO_REPLY, DSN_STYLE_NONE, IN_FIELD, "X-Autoreply", false},
    {DSN_KIND_AUTO_REPLY, DSN_STYLE_NONE, IN_FIELD, "X-Autorespond", false},
    {DSN_KIND_AUTO_REPLY, DSN_STYLE_NONE, IN_FIELD, "X-Autoresponder", false},
    {DSN_KIND_AUTO_REPLY, DSN_STYLE_NONE, IN_FIELD, "X-Mail-Autoreply", false},
    {DSN_KIND_AUTO_REPLY, DSN_STYLE_NONE, IN_FIELD_VALUE, "Precedence: auto_reply", false},
    {DSN_KIND_AUTO_REPLY, DSN_STYLE_NONE, IN_FIELD_VALUE, "X-Precedence: auto_reply", false},
    {DSN_KIND_AUTO_REPLY, DSN_STYLE_NONE, IN_SUBJECT, "Automatic reply: ", false},
    {DSN_KIND_AUTO_REPLY, DSN_STYLE_NONE, IN_SUBJECT, "Out of Office", false},
    {DSN_KIND_AUTO_REPLY, DSN_STYLE_NONE, IN_SUBJECT, "Out of the office", false},
    {DSN_KIND_AUTO_REPLY, DSN_STYLE_NONE, IN_SUBJECT, "Autoreply", false},
    {DSN_KIND_AUTO_REPLY, DSN_STYLE_NONE, IN_SUBJECT, "Auto: ", false},
};

static const char *reason(enum place place, enum dsn_kind kind)
{
    if (kind == DSN_KIND_AUTO_REPLY)
        return place == IN_SUBJECT ? "a responder's subject" : "a responder's header field";
    switch (place) {
    case IN_FIELD:
    case IN_FIELD_VALUE:
        return "a header field of bounces";
    case IN_SUBJECT:
        return "the subject of a bounce";
    case IN_TEXT:
        return "the words of a bounce";
    case IN_WEAK_SUBJECT:
        return "a bounce's subject from a mail system's address";
    }
    return "";
}

/*
 * The line that starts with the text, blanks and dashes of a frame apart; empty when there is
 * none.
 */
static struct span text_line(struct span text, struct span start)
{
    struct span line;

    text = span_slice(text, 0, TEXT_LOOKED_AT);
    while (span_cut(&text, '\n', &line)) {
        line = span_trim(line);
        if (span_starts_nocase(line, start))
            return line;
    }
    return SPAN_NULL;
}

static bool from_mail_system(struct span message)
{
    static const char *const names[] = {"mailer-daemon", "mailer_daemon", "mailerdaemon",
                                        "mail-daemon",   "maildaemon",    "postmaster",
                                        "mdaemon",       "double-bounce"};
    struct span from = header_address(header_value(message, "From")), path;
    struct span local = span_slice(from, 0, span_rfind(from, '@'));
    struct header_field field;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (span_eq_nocase(local, span_str(names[i])))
            return true;
    if (!header_first(message, "Return-Path", &field))
        return false;
    path = field.body;
    return span_eq(path, SPAN_LIT("<>")) || span_starts_nocase(path, SPAN_LIT("<mailer-daemon"));
}

static bool sign_fits(const struct dsn_view *v, size_t i, struct span subject, bool system)
{
    struct span text = span_str(signs[i].text);
    size_t colon = span_find(text, ':');
    char name[32];

    switch (signs[i].place) {
    case IN_FIELD:
        return header_count(v->message, signs[i].text) > 0;
    case IN_FIELD_VALUE:
        return span_copy(span_slice(text, 0, colon), name, sizeof(name)) &&
               span_starts_nocase(header_value(v->message, name),
                                  span_slice(text, colon + 2, text.n));
    case IN_SUBJECT:
        return span_starts_nocase(subject, text);
    case IN_TEXT:
        return text_line(v->text, text).n > 0;
    case IN_WEAK_SUBJECT:
        return system && span_has_nocase(subject, text);
    }
    return false;
}

bool dsn_plain_find(const struct dsn_view *view, struct dsn *ret)
{
    struct span subject = header_value(view->message, "Subject");
    bool system = from_mail_system(view->message);

    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        if (!sign_fits(view, i, subject, system))
            continue;
        ret->kind = signs[i].kind;
        ret->style = signs[i].style;
        ret->why = reason(signs[i].place, signs[i].kind);
        return true;
    }
    return false;
}

/* The host name in "… at host mx.example.org." */
static struct span host_behind(struct span line, size_t at)
{
    size_t n = 0;
    struct span host = span_slice(line, at, line.n);

    while (n < host.n && (ascii_is_alnum(host.p[n]) || host.p[n] == '.' || host.p[n] == '-'))
        n++;
    host.n = n;
    while (host.n && host.p[host.n - 1] == '.')
        host.n--;
    return host;
}

static struct span reporting_host(const struct dsn_view *v)
{
    struct span from = header_address(header_value(v->message, "From"));
    size_t at = span_rfind(from, '@');

    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        struct span text = span_str(signs[i].text), line;

        if (signs[i].host_behind && (line = text_line(v->text, text)).n)
            return host_behind(line, text.n);
    }
    return span_slice(from, at + 1, from.n);
}

static size_t digits(struct span s, size_t at)
{
    size_t n = 0;

    while (n < 4 && at + n < s.n && ascii_is_digit(s.p[at + n]))
        n++;
    return n;
}

/* An enhanced status code of RFC 3463 §2 standing by itself; not a piece of an address. */
static struct span find_status(struct span line)
{
    for (size_t i = 0; i + 4 < line.n; i++) {
        size_t subject, detail, end;

        if (!memchr("245", line.p[i], 3) || line.p[i + 1] != '.' ||
            (i && (ascii_is_alnum(line.p[i - 1]) || line.p[i - 1] == '.')))
            continue;
        subject = digits(line, i + 2);
        if (subject < 1 || subject > 3 || i + 2 + subject >= line.n ||
            line.p[i + 2 + subject] != '.')
            continue;
        detail = digits(line, i + 3 + subject);
        end = i + 3 + subject + detail;
        if (detail < 1 || detail > 3 || (end < line.n && ascii_is_alnum(line.p[end])) ||
            (end + 1 < line.n && line.p[end] == '.' && ascii_is_digit(line.p[end + 1])))
            continue;
        return span_slice(line, i, end);
    }
    return SPAN_NULL;
}

/*
 * The failed address of a line: "<a@b>:" of qmail and Postfix, "<a@b>... User unknown" and "<a@b>"
 * of Sendmail, "  a@b" alone of Exim, "a@b on Mon, …" of Exchange, "a@b: no such user", and
 * "Unknown user: a@b" of IMail.
 */
static struct span line_address(struct span line)
{
    struct span rest, word;
    size_t colon;

    line = rest = span_trim(line);
    if (line.n && line.p[0] == '<')
        return header_address(span_slice(line, 0, span_find(line, '>') + 1));
    if (span_word(&rest, &word) && span_find(word, '@') < word.n) {
        if (word.p[word.n - 1] == ':')
            return header_address(span_slice(word, 0, word.n - 1));
        return !rest.n || span_starts(rest, SPAN_LIT(" on ")) ? header_address(word) : SPAN_NULL;
    }
    colon = span_find(line, ':');
    if (colon < line.n && span_has_nocase(span_slice(line, 0, colon), SPAN_LIT("user")))
        return header_address(span_slice(line, colon + 1, line.n));
    return SPAN_NULL;
}

int dsn_plain_read(const struct dsn_view *view, struct dsn *ret)
{
    struct span text = span_slice(view->text, 0, TEXT_LOOKED_AT), line;
    struct dsn_recipient r = {
        .final = header_address(header_value(view->message, "X-Failed-Recipients"))};

    ret->reporting_mta = reporting_host(view);
    while (span_cut(&text, '\n', &line)) {
        if (!r.final.n)
            r.final = line_address(line);
        if (!r.status.n) {
            r.status = find_status(line);
            r.diagnostic = r.status.n ? span_trim(line) : SPAN_NULL;
        }
    }
    if (!r.final.n && !r.status.n)
        return 0;
    r.action = ret->kind == DSN_KIND_DELAY ? SPAN_LIT("delayed") : SPAN_LIT("failed");
    if (array_grow(&ret->recipients, &ret->cap, sizeof(r), ret->count + 1) < 0)
        return -ENOMEM;
    ret->recipients[ret->count++] = r;
    return 0;
}
