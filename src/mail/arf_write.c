/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writing. All of it is 7-bit, in lines that keep to RFC 5322, so that no server on the way has a
 * reason to change what is evidence. Words that are not ASCII go as quoted-printable; in the
 * enclosed message, where no encoding is allowed (RFC 2046 §5.2.1), what is not printable is shown
 * as "?" and lines over 998 octets are folded. Attachments go as base64.
 *
 * Auto-Submitted (RFC 3834 §5) keeps responders quiet; the caller's envelope has the null path.
 */
#include "mail/arf.h"

#include "base/base64.h"
#include "base/escape.h"
#include "mail/build.h"

#include <string.h>

enum value {
    VALUE_MAILBOX, /* printable, one @, no blank or bracket */
    VALUE_ID,      /* the same: what stands in <> */
    VALUE_WORD,    /* printable, no blank, no bracket */
    VALUE_LINE,    /* printable, blanks */
};

static bool char_ok(char c, enum value kind)
{
    if (c < ' ' || c > '~')
        return false;
    return kind == VALUE_LINE ? true : c != ' ' && !memchr("<>\\\"", c, 4);
}

static bool value_ok(struct span s, enum value kind)
{
    size_t at = span_find(s, '@');

    if (s.n == 0 || s.n > (kind == VALUE_LINE ? MAIL_LINE_MAX - 100 : BUILD_VALUE_MAX))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!char_ok(s.p[i], kind))
            return false;
    if (kind != VALUE_MAILBOX && kind != VALUE_ID)
        return true;
    return at > 0 && at + 1 < s.n && span_rfind(s, '@') == at &&
           (kind == VALUE_ID || !memchr(s.p, ',', s.n));
}

static bool boundary_ok(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_is_alnum(s.p[i]))
            return false;
    return s.n >= 8 && s.n <= ARF_BOUNDARY_MAX;
}

static bool text_ok(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' && !memchr("\t\r\n", s.p[i], 3))
            return false;
    return s.n > 0 && span_is_utf8(s);
}

/* A display name: UTF-8 of one line. */
static bool name_ok(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
            return false;
    return s.n <= ARF_NAME_MAX && span_is_utf8(s);
}

/* A path of an envelope: may be empty for the null path, may be no good address. */
static bool path_ok(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < ' ' || s.p[i] > '~')
            return false;
    return s.n <= MAIL_LINE_MAX - 100;
}

static const char *first_bad(const struct arf_message *m)
{
    const struct {
        const char *name;
        struct span value;
        enum value kind;
        bool optional;
    } values[] = {
        {"from", m->from, VALUE_MAILBOX, false},
        {"to", m->to, VALUE_MAILBOX, false},
        {"reply-to", m->reply_to, VALUE_MAILBOX, true},
        {"message-id", m->message_id, VALUE_ID, false},
        {"subject", m->subject, VALUE_LINE, false},
        {"user-agent", m->user_agent, VALUE_LINE, false},
        {"reporting-mta", m->reporting_mta, VALUE_WORD, true},
        {"reported-domain", m->reported_domain, VALUE_WORD, true},
        {"reported-uri", m->reported_uri, VALUE_WORD, true},
    };

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        if (!value_ok(values[i].value, values[i].kind) &&
            !(values[i].optional && !values[i].value.n))
            return values[i].name;
    if (!name_ok(m->from_name))
        return "from-name";
    if (!path_ok(m->mail_from))
        return "mail-from";
    for (size_t i = 0; i < m->rcpt_count; i++)
        if (!path_ok(m->rcpt_to[i]))
            return "rcpt-to";
    for (size_t i = 0; i < m->attachment_count; i++)
        if (!value_ok(span_str(m->attachments[i].type), VALUE_WORD) ||
            !value_ok(span_str(m->attachments[i].name), VALUE_WORD))
            return "attachment";
    if (!boundary_ok(m->boundary) || span_has_nocase(m->text, m->boundary) ||
        span_has_nocase(m->enclosed, m->boundary))
        return "boundary";
    if (!text_ok(m->text))
        return "text";
    return m->zone_minutes <= -24 * 60 || m->zone_minutes >= 24 * 60 ? "zone" : NULL;
}

static bool too_long(const struct arf_message *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->attachment_count; i++) {
        if (m->attachments[i].bytes.n > ARF_MESSAGE_MAX)
            return true;
        n += m->attachments[i].bytes.n;
    }
    return m->text.n > ARF_TEXT_MAX || m->enclosed.n > ARF_TEXT_MAX ||
           m->attachment_count > ARF_ATTACHMENTS_MAX || n > ARF_MESSAGE_MAX / 2 ||
           m->rcpt_count > ARF_VALUES_MAX;
}

static void add_field(struct buf *out, const char *name, const char *before, struct span value,
                      const char *behind)
{
    bool fold = strlen(name) + 2 + strlen(before) + value.n + strlen(behind) > MAIL_LINE_GOOD;

    buf_addf(out, "%s:%s%s", name, fold ? "\r\n " : " ", before);
    buf_add(out, value);
    buf_addf(out, "%s\r\n", behind);
}

static void add_optional(struct buf *out, const char *name, const char *before, struct span value)
{
    if (value.n)
        add_field(out, name, before, value, "");
}

static void add_date(struct buf *out, const char *name, int64_t wall, int zone)
{
    buf_addf(out, "%s: ", name);
    build_date(out, wall, zone);
    buf_add_str(out, "\r\n");
}

/* Encoded words (RFC 2047 §2): 75 octets each, and no character is cut in two. */
static void add_encoded(struct buf *out, struct span name)
{
    enum { PIECE = 42 };

    while (name.n) {
        size_t n = name.n < PIECE ? name.n : PIECE;

        while (n < name.n && ((unsigned char)name.p[n] & 0xc0) == 0x80)
            n--;
        buf_add_str(out, "=?UTF-8?B?");
        escape_base64(out, span_slice(name, 0, n));
        buf_add_str(out, "?=\r\n ");
        name = span_slice(name, n, name.n);
    }
}

static void add_from(const struct arf_message *m, struct buf *out)
{
    bool plain = true;

    for (size_t i = 0; i < m->from_name.n; i++)
        plain = plain && char_ok(m->from_name.p[i], VALUE_LINE) && m->from_name.p[i] != '"' &&
                m->from_name.p[i] != '\\';
    buf_add_str(out, "From: ");
    if (m->from_name.n && plain) {
        buf_add_char(out, '"');
        buf_add(out, m->from_name);
        buf_addf(out, "\"%s", m->from_name.n + m->from.n + 12 > MAIL_LINE_GOOD ? "\r\n " : " ");
    } else {
        add_encoded(out, m->from_name);
    }
    buf_add_char(out, '<');
    buf_add(out, m->from);
    buf_add_str(out, ">\r\n");
}

static void add_header(const struct arf_message *m, struct buf *out)
{
    add_date(out, "Date", m->date_wall, m->zone_minutes);
    add_from(m, out);
    add_field(out, "To", "<", m->to, ">");
    if (m->reply_to.n)
        add_field(out, "Reply-To", "<", m->reply_to, ">");
    add_field(out, "Subject", "", m->subject, "");
    add_field(out, "Message-ID", "<", m->message_id, ">");
    buf_add_str(out, "Auto-Submitted: auto-generated\r\n"
                     "X-Auto-Response-Suppress: All\r\n"
                     "MIME-Version: 1.0\r\n"
                     "Content-Type: multipart/report; report-type=feedback-report;\r\n"
                     " boundary=\"");
    buf_add(out, m->boundary);
    buf_add_str(out, "\"\r\n\r\n");
}

/* "--", the boundary with its letter, and what closes it. */
static void add_boundary(const struct arf_message *m, struct buf *out, const char *letter, bool end)
{
    buf_add_str(out, "--");
    buf_add(out, m->boundary);
    buf_addf(out, "%s%s\r\n", letter, end ? "--" : "");
}

static struct span take_line(struct span *s)
{
    struct span line = SPAN_NULL;

    span_cut(s, '\n', &line);
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

static bool is_plain(struct span text)
{
    while (text.n) {
        struct span line = take_line(&text);

        if (line.n > MAIL_LINE_MAX)
            return false;
        for (size_t i = 0; i < line.n; i++)
            if ((unsigned char)line.p[i] > '~' || line.p[i] == '\r')
                return false;
    }
    return true;
}

/* Quoted-printable, RFC 2045 §6.7: lines of at most 76, no blank at an end. */
static void add_quoted_line(struct buf *out, struct span line)
{
    size_t column = 0;

    for (size_t i = 0; i < line.n; i++) {
        unsigned char c = (unsigned char)line.p[i];
        bool bare = (c >= ' ' && c <= '~' && c != '=') || c == '\t';

        if ((c == ' ' || c == '\t') && i + 1 == line.n)
            bare = false;
        if (column + (bare ? 1 : 3) > 75) {
            buf_add_str(out, "=\r\n");
            column = 0;
        }
        if (bare)
            buf_add_char(out, (char)c);
        else
            buf_addf(out, "=%02X", c);
        column += bare ? 1 : 3;
    }
    buf_add_str(out, "\r\n");
}

static void add_text(const struct arf_message *m, struct buf *out)
{
    bool plain = is_plain(m->text);
    struct span rest = m->text;

    buf_addf(out,
             "Content-Type: text/plain; charset=%s\r\n"
             "Content-Transfer-Encoding: %s\r\n\r\n",
             plain ? "us-ascii" : "utf-8", plain ? "7bit" : "quoted-printable");
    while (rest.n) {
        struct span line = take_line(&rest);

        if (plain) {
            buf_add(out, line);
            buf_add_str(out, "\r\n");
        } else {
            add_quoted_line(out, line);
        }
    }
}

static void add_base64(struct buf *out, struct span bytes)
{
    enum { OCTETS = ARF_BASE64_LINE / 4 * 3 };

    for (size_t at = 0; at < bytes.n; at += OCTETS) {
        escape_base64(out, span_slice(bytes, at, at + OCTETS));
        buf_add_str(out, "\r\n");
    }
}

static void add_first(const struct arf_message *m, struct buf *out)
{
    add_boundary(m, out, "", false);
    if (!m->attachment_count) {
        add_text(m, out);
        return;
    }
    buf_add_str(out, "Content-Type: multipart/mixed; boundary=\"");
    buf_add(out, m->boundary);
    buf_add_str(out, ".a\"\r\n\r\n");
    add_boundary(m, out, ".a", false);
    add_text(m, out);
    for (size_t i = 0; i < m->attachment_count; i++) {
        const struct arf_attachment *a = &m->attachments[i];

        add_boundary(m, out, ".a", false);
        buf_addf(out,
                 "Content-Type: %s; name=\"%s\"\r\n"
                 "Content-Disposition: attachment; filename=\"%s\"\r\n"
                 "Content-Transfer-Encoding: base64\r\n\r\n",
                 a->type, a->name, a->name);
        add_base64(out, a->bytes);
    }
    add_boundary(m, out, ".a", true);
}

static void add_report(const struct arf_message *m, struct buf *out)
{
    char ip[IP_TEXT_MAX];

    add_boundary(m, out, "", false);
    buf_add_str(out, "Content-Type: message/feedback-report\r\n\r\n");
    buf_addf(out, "Feedback-Type: %s\r\n", arf_type_name(m->type));
    add_field(out, "User-Agent", "", m->user_agent, "");
    buf_add_str(out, "Version: 1\r\n");
    if (m->source.family != IP_NONE)
        buf_addf(out, "Source-IP: %s\r\n", ip_text(m->source, ip));
    if (m->source_port)
        buf_addf(out, "Source-Port: %u\r\n", m->source_port);
    if (m->mail_from.p)
        add_field(out, "Original-Mail-From", "<", m->mail_from, ">");
    for (size_t i = 0; i < m->rcpt_count; i++)
        add_field(out, "Original-Rcpt-To", "<", m->rcpt_to[i], ">");
    if (m->arrival_wall)
        add_date(out, "Arrival-Date", m->arrival_wall, m->zone_minutes);
    add_optional(out, "Reporting-MTA", "dns; ", m->reporting_mta);
    add_optional(out, "Reported-Domain", "", m->reported_domain);
    add_optional(out, "Reported-URI", "", m->reported_uri);
    if (m->incidents > 1)
        buf_addf(out, "Incidents: %llu\r\n", (unsigned long long)m->incidents);
    buf_add_str(out, "\r\n");
}

static void add_shown(struct buf *out, struct span line)
{
    for (size_t i = 0; i < line.n; i++) {
        unsigned char c = (unsigned char)line.p[i];

        if (i && i % (MAIL_LINE_MAX - 8) == 0)
            buf_add_str(out, "\r\n ");
        buf_add_char(out, (c >= ' ' && c <= '~') || c == '\t' ? (char)c : '?');
    }
    buf_add_str(out, "\r\n");
}

static void add_enclosed(const struct arf_message *m, struct buf *out)
{
    struct span rest = m->enclosed;

    add_boundary(m, out, "", false);
    buf_addf(out, "Content-Type: %s\r\n\r\n",
             m->headers_only ? "text/rfc822-headers" : "message/rfc822");
    while (rest.n)
        add_shown(out, take_line(&rest));
    /* An empty line between the header section and the boundary keeps it a section. */
    buf_add_str(out, "\r\n");
    add_boundary(m, out, "", true);
}

int arf_write(const struct arf_message *m, struct buf *out, const char **ret_which)
{
    size_t from = out->n;
    const char *bad;

    if (ret_which)
        *ret_which = NULL;
    if (too_long(m))
        return ARF_TOO_LONG;
    bad = first_bad(m);
    if (ret_which)
        *ret_which = bad;
    if (bad)
        return ARF_BAD_VALUE;
    add_header(m, out);
    add_first(m, out);
    add_report(m, out);
    add_enclosed(m, out);
    if (out->err) {
        buf_truncate(out, from);
        return out->err;
    }
    return ARF_WRITTEN;
}
