/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Templates are the same kind that the probes use, with other names: who wants to add a product
 * writes a row, not code. What a client said (HELO, recipient) is cut and cleaned before it goes
 * into a line of ours.
 */
#include "cmd/range/letter.h"

#include "mail/build.h"
#include "smtp/template.h"

#include <string.h>

enum { SAID_MAX = 300 }; /* bytes of a stranger's word in a line of ours */

static bool add_word(const void *cookie, struct span name, struct buf *out)
{
    const struct letter *l = cookie;
    char ip[IP_TEXT_MAX];

    if (span_eq(name, SPAN_LIT("host")))
        buf_add_str(out, l->home->host);
    else if (span_eq(name, SPAN_LIT("domain")))
        buf_add_str(out, l->home->domain);
    else if (span_eq(name, SPAN_LIT("helo")))
        smtp_template_said(l->helo && *l->helo ? span_str(l->helo) : SPAN_LIT("unknown"), SAID_MAX,
                           out);
    else if (span_eq(name, SPAN_LIT("client")))
        buf_add_str(out, ip_text(l->client, ip));
    else if (span_eq(name, SPAN_LIT("proto")))
        buf_add_str(out, l->esmtp ? "ESMTP" : "SMTP");
    else if (span_eq(name, SPAN_LIT("id")))
        buf_addf(out, "%08llX", (unsigned long long)l->id);
    else if (span_eq(name, SPAN_LIT("rcpt")))
        smtp_template_said(l->rcpt, SAID_MAX, out);
    else if (span_eq(name, SPAN_LIT("date")))
        build_date(out, l->date_wall, 0);
    else
        return false;
    return true;
}

void letter_fill(const char *text, const struct letter *l, struct buf *out)
{
    smtp_template_fill(span_str(text), add_word, l, out);
}

unsigned letter_reply(const char *text, const struct letter *l, struct buf *out,
                      char ret_enhanced[12])
{
    struct span rest = span_str(text); /* models_read() saw that it begins with a code */
    unsigned code = smtp_template_split(&rest, ret_enhanced);

    smtp_template_fill(rest, add_word, l, out);
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
    smtp_template_said(sender, SAID_MAX, out);
    buf_addf(out,
             ">\r\nSubject: Undeliverable mail\r\nAuto-Submitted: auto-replied\r\n\r\n"
             "This is the practice range's model of %s.\r\n\r\n"
             "Your message could not be delivered to the following recipients:\r\n\r\n",
             m->product);
    for (struct span rest = l->rcpt, rcpt; span_word(&rest, &rcpt);) {
        buf_add_str(out, "    <");
        smtp_template_said(rcpt, SAID_MAX, out);
        buf_add_str(out, ">\r\n        550 User unknown\r\n");
    }
    buf_add_str(out, "\r\n--- Header of the original message ---\r\n\r\n");
    buf_add(out, head_of(original));
}
