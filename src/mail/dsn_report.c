/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 *     delivery-status-content = per-message-fields 1*( CRLF per-recipient-fields )   RFC 3464 §2.1
 *
 * Groups are header sections one behind the other. Writers that leave the empty line between the
 * first two out exist, so a group may be both; a group without fields is passed over.
 */
#include "mail/dsn_parts.h"

#include <errno.h>

/* "dns; mx.example.org" without its type; without brackets where someone put them. */
static struct span without_type(struct span body)
{
    size_t semicolon = span_find(body, ';');
    struct span value = semicolon < body.n ? span_slice(body, semicolon + 1, body.n) : body;

    value = span_trim(value);
    if (value.n > 1 && value.p[0] == '<' && value.p[value.n - 1] == '>')
        value = span_slice(value, 1, value.n - 1);
    return value;
}

static void read_field(const struct header_field *f, struct dsn *d, struct dsn_recipient *r)
{
    const struct {
        const char *name;
        struct span *at;
        bool typed;
    } fields[] = {
        {"Reporting-MTA", &d->reporting_mta, true}, {"Final-Recipient", &r->final, true},
        {"Original-Recipient", &r->original, true}, {"Remote-MTA", &r->remote_mta, true},
        {"Diagnostic-Code", &r->diagnostic, true},  {"Action", &r->action, false},
        {"Disposition", &r->action, true},          {"Status", &r->status, false},
    };

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (span_eq_nocase(f->name, span_str(fields[i].name)) && !fields[i].at->n)
            *fields[i].at = fields[i].typed ? without_type(f->body) : f->body;
}

/* The code may have a comment behind it: "5.1.1 (bad destination mailbox address)". */
static struct span first_word(struct span s)
{
    struct span word = SPAN_NULL;

    span_word(&s, &word);
    return word;
}

static int read_group(struct span group, struct dsn *d)
{
    struct dsn_recipient r = {0};
    struct header_iter it;
    struct header_field f;

    header_open(&it, group);
    while (header_next(&it, &f) == HEADER_FIELD)
        read_field(&f, d, &r);
    if ((!r.final.n && !r.original.n && !r.action.n) || d->count == DSN_RECIPIENTS_MAX)
        return 0;
    r.status = first_word(r.status);
    r.action = first_word(r.action);
    if (array_grow(&d->recipients, &d->cap, sizeof(r), d->count + 1) < 0)
        return -ENOMEM;
    d->recipients[d->count++] = r;
    return 0;
}

int dsn_report_read(struct span status, struct dsn *ret)
{
    /* Each turn takes at least one octet; a body of empty lines must not cost a turn for each. */
    while (status.n) {
        size_t blank = 0;

        while (blank < status.n && (status.p[blank] == '\r' || status.p[blank] == '\n'))
            blank++;
        status = span_slice(status, blank, status.n);
        if (read_group(status, ret) < 0)
            return -ENOMEM;
        size_t next = header_body_offset(status);
        /* No field at all: this is no status report, and what follows isn't either. */
        status = next ? span_slice(status, next, status.n) : SPAN_NULL;
    }
    return 0;
}

enum dsn_kind dsn_report_kind(const struct dsn *dsn)
{
    bool delayed = false, done = false;

    for (size_t i = 0; i < dsn->count; i++) {
        struct span action = dsn->recipients[i].action;

        if (span_eq_nocase(action, SPAN_LIT("delayed")))
            delayed = true;
        else if (span_eq_nocase(action, SPAN_LIT("delivered")) ||
                 span_eq_nocase(action, SPAN_LIT("relayed")) ||
                 span_eq_nocase(action, SPAN_LIT("expanded")))
            done = true;
        else
            return DSN_KIND_BOUNCE;
    }
    return delayed ? DSN_KIND_DELAY : done ? DSN_KIND_RECEIPT : DSN_KIND_BOUNCE;
}
