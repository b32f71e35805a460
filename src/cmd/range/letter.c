/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Templates are the same kind that the probes use, with other names: who wants to add a product
 * writes a row, not code. What a client said (HELO, recipient) is cut and cleaned before it goes
 * into a line of ours.
 */
#include "cmd/range/letter.h"

#include "mail/build.h"

#include <string.h>

enum { SAID_MAX = 300 }; /* bytes of a stranger's word in a line of ours */

static void add_said(struct buf *out, struct span s)
{
    for (size_t i = 0; i < s.n && i < SAID_MAX; i++)
        buf_add_char(out, s.p[i] > ' ' && s.p[i] < 0x7f ? s.p[i] : '?');
}

static bool add_word(struct span name, const struct letter *l, struct buf *out)
{
    char ip[IP_TEXT_MAX];

    if (span_eq(name, SPAN_LIT("host")))
        buf_add_str(out, l->home->host);
    else if (span_eq(name, SPAN_LIT("domain")))
        buf_add_str(out, l->home->domain);
    else if (span_eq(name, SPAN_LIT("helo")))
        add_said(out, l->helo && *l->helo ? span_str(l->helo) : SPAN_LIT("unknown"));
    else if (span_eq(name, SPAN_LIT("client")))
        buf_add_str(out, ip_text(l->client, ip));
    else if (span_eq(name, SPAN_LIT("proto")))
        buf_add_str(out, l->esmtp ? "ESMTP" : "SMTP");
    else if (span_eq(name, SPAN_LIT("id")))
        buf_addf(out, "%08llX", (unsigned long long)l->id);
    else if (span_eq(name, SPAN_LIT("rcpt")))
        add_said(out, l->rcpt);
    else if (span_eq(name, SPAN_LIT("date")))
        build_date(out, l->date_wall, 0);
    else
        return false;
    return true;
}

void letter_fill(const char *text, const struct letter *l, struct buf *out)
{
    struct span rest = span_str(text);

    while (rest.n) {
        size_t end = rest.p[0] == '{' ? span_find(rest, '}') : rest.n;

        if (span_starts(rest, SPAN_LIT("\\n"))) {
            buf_add_char(out, '\n');
            rest = span_slice(rest, 2, rest.n);
        } else if (end < rest.n && add_word(span_slice(rest, 1, end), l, out)) {
            rest = span_slice(rest, end + 1, rest.n);
        } else {
            buf_add_char(out, rest.p[0]);
            rest = span_slice(rest, 1, rest.n);
        }
    }
}

/* "5.7.1" at the front of s, with the blank behind it: its length, or 0. */
static size_t enhanced_length(struct span s)
{
    size_t n = span_find(s, ' '), dots = 0;

    if (n < 5 || n > 9 || n == s.n)
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (s.p[i] == '.')
            dots++;
        else if (!ascii_is_digit(s.p[i]))
            return 0;
    }
    return dots == 2 ? n : 0;
}

unsigned letter_reply(const char *text, const struct letter *l, struct buf *out,
                      char ret_enhanced[12])
{
    /* models_read() saw that three digits and a blank stand in front. */
    unsigned code = (unsigned)((text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0'));
    struct span rest = span_str(text + 4);
    size_t n = enhanced_length(rest);

    span_copy(span_slice(rest, 0, n), ret_enhanced, 12);
    letter_fill(text + 4 + (n ? n + 1 : 0), l, out);
    return code;
}

void letter_received(const char *text, const struct letter *l, struct buf *out)
{
    struct buf filled = BUF_INIT(4000);
    struct span rest, line;
    const char *lead = "Received: ";

    if (!text)
        return;
    letter_fill(text, l, &filled);
    for (rest = buf_span(&filled); span_cut(&rest, '\n', &line); lead = "\t") {
        buf_add_str(out, lead);
        buf_add(out, span_trim(line));
        buf_add_str(out, "\r\n");
    }
    buf_deinit(&filled);
}

/* The header of the original, with its line ends. */
static struct span head_of(struct span message)
{
    return span_slice(message, 0, span_find_nocase(message, SPAN_LIT("\r\n\r\n")) + 2);
}

void letter_bounce(const struct model *m, const struct letter *l, struct span sender,
                   struct span original, struct buf *out)
{
    letter_received(m->received, l, out);
    buf_addf(out, "Message-ID: <%016llx@%s>\r\nDate: ", (unsigned long long)l->id, l->home->host);
    build_date(out, l->date_wall, 0);
    buf_addf(out, "\r\nFrom: Mail Delivery Subsystem <MAILER-DAEMON@%s>\r\nTo: <", l->home->host);
    add_said(out, sender);
    buf_addf(out,
             ">\r\nSubject: Undeliverable mail\r\nAuto-Submitted: auto-replied\r\n\r\n"
             "This is the practice range's model of %s.\r\n\r\n"
             "Your message could not be delivered to the following recipients:\r\n\r\n",
             m->product);
    for (struct span rest = l->rcpt, rcpt; span_word(&rest, &rcpt);) {
        buf_add_str(out, "    <");
        add_said(out, rcpt);
        buf_add_str(out, ">\r\n        550 User unknown\r\n");
    }
    buf_add_str(out, "\r\n--- Header of the original message ---\r\n\r\n");
    buf_add(out, head_of(original));
}
