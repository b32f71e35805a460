/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The words are for a postmaster who has never heard of us: first what is wrong with which host,
 * then how it is known, then what to do, then how the listing ends. Everything that came from the
 * host itself is shown between two lines and struck clean.
 */
#include "list/notice.h"

#include "base/escape.h"
#include "list/xarf.h"
#include "mail/arf.h"
#include "mail/build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define AGENT "Postern/" POSTERN_VERSION

static void add_date(struct buf *out, int64_t wall)
{
    build_date(out, wall, 0);
}

static void add_span(struct buf *out, const char *before, struct span s, const char *behind)
{
    buf_add_str(out, before);
    buf_add(out, s);
    buf_add_str(out, behind);
}

static void add_head(const struct notice *n, const struct notice_to *to, struct buf *out)
{
    char ip[IP_TEXT_MAX];

    buf_addf(out, "Hello,\n\nthe mail server at %s", ip_text(n->address, ip));
    if (n->host.n)
        add_span(out, " (", n->host, ")");
    buf_add_str(out, " carries mail from strangers to strangers:\nit is an open relay. "
                     "Spammers look for such servers, and use them.\n\nYou get this because ");
    buf_add_str(out, to->role == NOTICE_POSTMASTER
                         ? "this is the postmaster's address of its domain.\n"
                         : "this is the published abuse contact of its network.\n");
    buf_add_str(out, "This is the only message about this listing. Nobody reads answers to its "
                     "sender;\nquestions go to ");
    buf_add(out, n->contact);
    buf_add_str(out, ".\n");
}

static void add_shown(struct buf *out, struct span s)
{
    struct buf text = BUF_INIT(2000), clean = BUF_INIT(2000);

    escape_text(&text, span_slice(s, 0, 400));
    notice_redact(buf_span(&text), 1000, &clean);
    buf_add(out, span_trim(buf_span(&clean)));
    buf_deinit(&text);
    buf_deinit(&clean);
}

static void add_proofs(const struct notice *n, struct buf *out)
{
    char ip[IP_TEXT_MAX];

    buf_add_str(out,
                "\nHow it is known\n\nA test message was given to it for a mailbox of ours, with "
                "a sender of ours, by a\nhost that has no right to send mail through it. The "
                "message arrived there. That is\nthe proof, and it takes nobody's word.\n\n");
    for (size_t i = 0; i < n->proof_count; i++) {
        const struct notice_proof *p = &n->proofs[i];

        buf_add_str(out, "  ");
        add_date(out, p->wall);
        add_span(out, "  probe ", p->probe, "\n    MAIL FROM:");
        add_shown(out, p->mail);
        buf_add_str(out, "\n    RCPT TO:");
        add_shown(out, p->rcpt);
        if (p->output.family != IP_NONE)
            buf_addf(out, "\n    brought to us by %s", ip_text(p->output, ip));
        buf_add_str(out, "\n");
    }
    if (n->proof_more)
        buf_addf(out, "  and %zu more\n", n->proof_more);
    if (n->path.n) {
        buf_add_str(out, "\nThe way it took:\n\n");
        notice_redact(n->path, NOTICE_TRANSCRIPT_MAX, out);
    }
}

static void add_advice(const struct notice *n, struct buf *out)
{
    buf_add_str(out, "\nWhat to do\n\n");
    if (n->advice.n) {
        notice_redact(n->advice, NOTICE_TRANSCRIPT_MAX, out);
        return;
    }
    buf_add_str(out,
                "Let the server take mail from strangers for its own domains only. Mail to "
                "other\ndomains it should take from your own networks, and from users who have "
                "logged in.\nThe probes above name the forms of address that got through.\n");
}

static void add_listing(const struct notice *n, struct buf *out)
{
    char ip[IP_TEXT_MAX];

    buf_addf(out,
             "\nThe listing\n\n  number:   %lld\n  address:  %s\n  class:    ", (long long)n->id,
             ip_text(n->address, ip));
    add_span(out, "", n->class, "");
    add_span(out, ", ", n->class_text, "\n");
    if (n->zone.n)
        add_span(out, "  zone:     ", n->zone, "\n");
    buf_add_str(out, "  since:    ");
    add_date(out, n->listed_wall);
    if (n->expires_wall) {
        buf_add_str(out, "\n  until:    ");
        add_date(out, n->expires_wall);
        buf_add_str(out, ", unless it is proved again");
    }
    if (n->provisional)
        buf_add_str(out, "\n  grade:    provisional, proved in one test so far");
    if (n->page.n)
        add_span(out, "\n  more:     ", n->page, "");
    buf_add_str(out, "\n\nHow it ends\n\nOnce the hole is closed, ask for a new test. If all is "
                     "refused then, the listing\nends at once. It costs nothing, now or ever. "
                     "Without that it ends by itself at the\ntime above.\n\n");
    add_span(out, "  new test: ", n->retest, "\n");
    add_span(out, "  no tests: ", n->opt_out, "  (of your hosts, from now on)\n");
    buf_add_str(out, "\nTo see it for yourself: postern test --own ");
    buf_addf(out, "%s\n", ip_text(n->address, ip));
}

static void add_transcript(const struct notice *n, struct buf *out)
{
    if (!n->transcript.n)
        return;
    buf_add_str(out, "\nThe dialogue (C: we, S: the server; tokens and logins are struck out)\n\n");
    notice_redact(n->transcript, NOTICE_TRANSCRIPT_MAX, out);
}

void notice_words(const struct notice *n, const struct notice_to *to, struct buf *out)
{
    add_head(n, to, out);
    add_proofs(n, out);
    add_advice(n, out);
    add_listing(n, out);
    add_transcript(n, out);
    add_span(out, "\n-- \n", n->org, "\n");
    add_span(out, "tested by ", n->tester, "\n");
}

static struct span domain_of(struct span mailbox)
{
    return span_slice(mailbox, span_rfind(mailbox, '@') + 1, mailbox.n);
}

static int add_xarf(const struct notice *n, struct span header, struct buf *out)
{
    struct buf dialogue = BUF_INIT(XARF_PAYLOAD_MAX), what = BUF_INIT(XARF_DESCRIPTION_MAX),
               id = BUF_INIT(32);
    struct xarf_item items[2];
    struct xarf_relay r = {
        .happened_wall = n->proof_count ? n->proofs[0].wall : n->listed_wall,
        .reporter = {span_slice(n->org, 0, XARF_NAME_MAX), n->contact, domain_of(n->contact)},
        .source = n->address,
        .port = n->port,
        .host = n->host,
        .class = n->class,
        .more = n->page,
        .proofs = (unsigned)(n->proof_count + n->proof_more),
        .items = items,
    };
    json_t *doc;
    char *text = NULL;

    memcpy(r.uuid, n->chance, XARF_UUID);
    buf_addf(&id, "%lld", (long long)n->id);
    r.listing = buf_span(&id);
    buf_add_str(&what,
                "Open mail relay: a test message from a stranger to a stranger was delivered "
                "through this host. ");
    buf_add(&what, span_slice(n->class_text, 0, 300));
    r.description = buf_span(&what);
    notice_redact(n->transcript, NOTICE_TRANSCRIPT_MAX, &dialogue);
    if (dialogue.n)
        items[r.item_count++] =
            (struct xarf_item){"text/plain", "SMTP dialogue with the relay", buf_span(&dialogue)};
    if (header.n)
        items[r.item_count++] = (struct xarf_item){
            "text/plain", "Header section of the test message as it arrived", header};
    doc = xarf_relay(&r);
    if (doc)
        text = json_dumps(doc, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    if (text)
        buf_add_str(out, text);
    free(text);
    json_decref(doc);
    buf_deinit(&dialogue);
    buf_deinit(&what);
    buf_deinit(&id);
    return text ? out->err : -EINVAL;
}

/* Lines of what arrived with the bytes that no header may hold shown; tokens struck. */
static void clean_header(struct span header, struct buf *out)
{
    struct buf text = BUF_INIT(NOTICE_HEADER_MAX * 4);
    struct span line;

    header = span_slice(header, 0, NOTICE_HEADER_MAX);
    while (span_cut(&header, '\n', &line)) {
        if (line.n && line.p[line.n - 1] == '\r')
            line.n--;
        for (size_t i = 0; i < line.n; i++)
            buf_add_char(&text, (line.p[i] >= ' ' && line.p[i] <= '~') || line.p[i] == '\t'
                                    ? line.p[i]
                                    : '?');
        buf_add_char(&text, '\n');
    }
    notice_redact(buf_span(&text), NOTICE_HEADER_MAX, out);
    buf_deinit(&text);
}

static int write_arf(const struct notice *n, const struct notice_to *to, struct span words,
                     struct span xarf, struct span header, struct buf *out, const char **ret_why)
{
    struct arf_attachment json = {"application/json", "xarf.json", xarf};
    struct buf subject = BUF_INIT(200), id = BUF_INIT(300);
    char ip[IP_TEXT_MAX], boundary[2 * 12 + 1], uuid[XARF_UUID_TEXT];
    struct arf_message m = {
        .date_wall = n->now_wall,
        .from_name = n->org,
        .from = n->from,
        .to = span_str(to->mailbox),
        .reply_to = n->contact,
        .text = words,
        .type = ARF_TYPE_ABUSE,
        .user_agent = SPAN_LIT(AGENT),
        .source = n->address,
        .source_port = n->port,
        .reporting_mta = n->tester,
        .reported_uri = n->page,
        .incidents = n->proof_count + n->proof_more,
        .enclosed = header,
        .headers_only = true,
        .arrival_wall = n->proof_count ? n->proofs[0].wall : 0,
        .attachments = &json,
        .attachment_count = 1,
    };
    int got;

    for (unsigned i = 0; i < 12; i++) {
        boundary[2 * i] = "0123456789abcdef"[n->chance[XARF_UUID + i] >> 4];
        boundary[2 * i + 1] = "0123456789abcdef"[n->chance[XARF_UUID + i] & 15];
    }
    buf_addf(&subject, "Open mail relay at %s, listing %lld", ip_text(n->address, ip),
             (long long)n->id);
    buf_addf(&id, "%s@", xarf_uuid(n->chance, uuid));
    buf_add(&id, domain_of(n->from));
    m.subject = buf_span(&subject);
    m.message_id = buf_span(&id);
    m.boundary = span_of(boundary, 24);
    got = arf_write(&m, out, ret_why);
    if (got == ARF_TOO_LONG)
        *ret_why = "length";
    buf_deinit(&subject);
    buf_deinit(&id);
    return got < 0 ? got : got == ARF_WRITTEN ? NOTICE_OK : NOTICE_BAD;
}

int notice_write(const struct notice *n, const struct notice_to *to, struct buf *out,
                 const char **ret_why)
{
    struct buf words = BUF_INIT(ARF_TEXT_MAX), xarf = BUF_INIT(NOTICE_MESSAGE_MAX / 4),
               header = BUF_INIT(NOTICE_HEADER_MAX * 2);
    int got;

    *ret_why = NULL;
    clean_header(n->proof_header, &header);
    notice_words(n, to, &words);
    got = words.err ? words.err : add_xarf(n, buf_span(&header), &xarf);
    if (got == -EINVAL) {
        *ret_why = "a text of the XARF document";
        got = NOTICE_BAD;
    }
    if (got == 0)
        got = write_arf(n, to, buf_span(&words), buf_span(&xarf), buf_span(&header), out, ret_why);
    buf_deinit(&words);
    buf_deinit(&xarf);
    buf_deinit(&header);
    return got;
}
