/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How often, and out. The record comes before the message: a notice that was killed half-way counts
 * as sent. What the smarthost put off is recorded as failed, and may be tried again; what it
 * refused would be refused again.
 */
#include "cmd/list/tell.h"

#include "cmd/list/letter.h"
#include "io/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct tell_domain *domain_of(struct tell *t, struct span mailbox)
{
    struct span name = span_slice(mailbox, span_rfind(mailbox, '@') + 1, mailbox.n);

    for (size_t i = 0; i < t->domain_count; i++)
        if (span_eq_nocase(span_str(t->domains[i].name), name))
            return &t->domains[i];
    if (t->domain_count == TELL_DOMAINS_MAX ||
        !span_copy(name, t->domains[t->domain_count].name, sizeof(t->domains[0].name)))
        return NULL;
    return &t->domains[t->domain_count++];
}

static int on_day(void *ctx, const struct store_record *r)
{
    struct tell *t = ctx;
    struct span rest = r->reason, mailbox;
    struct tell_domain *d;

    if (r->wall < t->g.now_wall - TELL_DAY || !span_eq(r->event, SPAN_LIT("notice")) ||
        !span_word(&rest, &mailbox))
        return 0;
    d = domain_of(t, mailbox);
    if (d)
        d->today++;
    return 0;
}

int tell_count(struct tell *t)
{
    return store_records_each(t->g.store, NULL, 0, on_day, t);
}

struct had {
    struct span mailbox;
    int64_t since;
    int sent; /* less those that failed */
};

static int on_had(void *ctx, const struct store_record *r)
{
    struct had *h = ctx;
    struct span rest = r->reason, mailbox;

    if (r->wall < h->since || !span_word(&rest, &mailbox) || !span_eq_nocase(mailbox, h->mailbox))
        return 0;
    h->sent += span_eq(r->event, SPAN_LIT("notice"));
    h->sent -= span_eq(r->event, SPAN_LIT("notice-failed"));
    return 0;
}

int tell_decide(struct tell *t, const struct facts *f, const struct notice_to *to,
                enum notice_answer *ret)
{
    struct span from = span_str(t->args->from);
    struct had had = {.mailbox = span_str(to->mailbox), .since = f->l.fresh_wall};
    struct tell_domain *d = domain_of(t, had.mailbox);
    struct notice_question q = {
        .mailbox = had.mailbox,
        .listed = list_state_served((enum list_state)f->l.state),
        .domain_today = d ? d->today : UINT32_MAX, /* too many domains to count: none */
        .domain_limit = t->args->domain_day,
        .own_domain = span_slice(from, span_rfind(from, '@') + 1, from.n),
        .refused_file = buf_span(&t->refused),
    };
    int rc = store_records_each(t->g.store, &f->l.id, 0, on_had, &had);

    q.already = had.sent > 0;
    *ret = notice_decide(&q);
    return rc < 0 ? rc : 0;
}

static int record(struct tell *t, const struct facts *f, const char *event, const char *mailbox,
                  const char *how)
{
    struct buf reason = BUF_INIT(STORE_TEXT_MAX);
    struct store_listing l = f->l;
    char subject[IP_TEXT_MAX];
    struct span state = span_str(list_state_name((enum list_state)l.state));
    struct store_record r = {
        .wall = t->g.now_wall,
        .subject = span_str(ip_text(l.address, subject)),
        .event = span_str(event),
        .was = state,
        .became = state,
        .class = l.class,
        .who = span_str(t->g.who),
        .expires_wall = l.expires_wall,
    };
    struct store_change change = {.listing = &l, .records = &r, .record_count = 1};
    int rc;

    buf_addf(&reason, "%s ", mailbox);
    escape_text(&reason, span_slice(span_str(how), 0, 300));
    r.reason = buf_span(&reason);
    rc = reason.err ? reason.err : store_listing_change(t->g.store, &change);
    buf_deinit(&reason);
    return rc;
}

int tell_say(struct tell *t, const struct facts *f, const char *mailbox, const char *result,
             const char *why)
{
    char ip[IP_TEXT_MAX];
    json_t *doc;
    char *text = NULL;

    ip_text(f->l.address, ip);
    if (!t->args->common.json) {
        buf_addf(&t->g.out, "%s  %s  %s%s", ip, mailbox, result, *why ? ": " : "");
        escape_text(&t->g.out, span_str(why));
        buf_add_char(&t->g.out, '\n');
        return t->g.out.err;
    }
    doc = json_pack("{ss ss ss ss sI}", "type", "notice", "address", ip, "to", mailbox, "result",
                    result, "listing", (json_int_t)f->l.id);
    if (doc && (!*why || view_json_text(doc, "why", span_str(why))))
        text = json_dumps(doc, JSON_COMPACT);
    json_decref(doc);
    buf_addf(&t->g.out, "%s\n", text ? text : "{}");
    free(text);
    return t->g.out.err;
}

static int to_folder(struct tell *t, const struct facts *f, const struct notice_to *to,
                     struct span message, char why[LETTER_WHY_MAX])
{
    struct buf path = BUF_INIT(DATADIR_PATH_MAX);
    int rc;

    buf_addf(&path, "%s/%lld-", t->args->folder, (long long)f->l.id);
    for (const char *p = to->mailbox; *p; p++) /* a mailbox may hold a slash: atext */
        buf_add_char(&path, ascii_is_alnum(*p) || memchr(".-@", *p, 3) ? *p : '_');
    buf_addf(&path, "-%lld.eml", (long long)t->g.now_wall);
    rc = path.err ? -ENAMETOOLONG : file_create(buf_str(&path), message, 0640);
    snprintf(why, LETTER_WHY_MAX, "%.200s", rc < 0 ? strerror(-rc) : buf_str(&path));
    buf_deinit(&path);
    return rc < 0 ? LETTER_DEFERRED : LETTER_TAKEN;
}

static int to_smarthost(struct tell *t, const struct notice_to *to, struct span message,
                        char why[LETTER_WHY_MAX])
{
    struct letter l = {
        .ip = t->smarthost,
        .port = t->port,
        .host = t->host,
        .tls = (enum letter_tls)t->args->tls,
        .ca_file = t->args->ca_file,
        .login = t->args->login,
        .password = buf_str(&t->password),
        .helo = t->args->name,
        .rcpt = to->mailbox,
        .message = message,
    };
    int got;

    ledger_leave(&t->g);
    got = letter_send(&l, why);
    return ledger_enter(&t->g) ? -EBUSY : got;
}

int tell_hand_over(struct tell *t, const struct facts *f, const struct notice_to *to,
                   struct span message)
{
    char why[LETTER_WHY_MAX] = "";
    const char *result = "sent";
    struct tell_domain *d = domain_of(t, span_str(to->mailbox));
    int rc = record(t, f, "notice", to->mailbox, t->args->folder ? "into the folder" : "by mail");
    int got;

    if (rc < 0)
        return rc;
    if (d)
        d->today++;
    got = t->args->folder ? to_folder(t, f, to, message, why) : to_smarthost(t, to, message, why);
    t->gone = got == LETTER_GONE;
    if (got == LETTER_REFUSED || got == LETTER_DEFERRED || got == LETTER_GONE) {
        result = "failed";
        t->failed++;
        rc = record(t, f, got == LETTER_REFUSED ? "notice-refused" : "notice-failed", to->mailbox,
                    why);
    } else if (got < 0) {
        rc = got;
    } else {
        result = got == LETTER_UNKNOWN ? "unknown" : "sent";
        t->told++;
    }
    return rc < 0 ? rc : tell_say(t, f, to->mailbox, result, why);
}
