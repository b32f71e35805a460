/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading. The report is known by its type at the top alone: a forwarded report is somebody's
 * message, not a report to us. Fields that may stand once and stand twice make the report bad
 * (RFC 5965 §3.2 allows them once), because two Source-IPs leave no ground for choosing one;
 * unknown fields are passed over (§3.3). Feedback-Type, User-Agent and Version must be there. Some
 * writers leave the third part out, or put a plain copy there: then nothing is enclosed.
 *
 * Not done: reports in base64. RFC 5965 §2 g wants the second part in 7bit; the first may be
 * encoded as it likes, and mime_decode() is for who wants to read it.
 */
#include "mail/arf.h"

#include "base/num.h"

#include <errno.h>
#include <stdlib.h>

static const char *const type_names[] = {
    [ARF_TYPE_OTHER] = "other",       [ARF_TYPE_ABUSE] = "abuse",
    [ARF_TYPE_FRAUD] = "fraud",       [ARF_TYPE_VIRUS] = "virus",
    [ARF_TYPE_NOT_SPAM] = "not-spam", [ARF_TYPE_AUTH_FAILURE] = "auth-failure",
    [ARF_TYPE_OPT_OUT] = "opt-out",
};

const char *arf_type_name(enum arf_type type)
{
    return type_names[type];
}

static enum arf_type type_of(struct span s)
{
    for (size_t i = 0; i < sizeof(type_names) / sizeof(type_names[0]); i++)
        if (span_eq_nocase(s, span_str(type_names[i])))
            return (enum arf_type)i;
    return ARF_TYPE_OTHER;
}

static int values_add(struct arf_values *values, struct span value)
{
    if (values->count == ARF_VALUES_MAX)
        return 0;
    if (array_grow(&values->v, &values->cap, sizeof(*values->v), values->count + 1) < 0)
        return -ENOMEM;
    values->v[values->count++] = value;
    return 0;
}

/* "<user@example.org>" or bare; some writers put blanks or a comment behind. */
static struct span path_of(struct span body)
{
    size_t open = span_find(body, '<'), close = span_rfind(body, '>');

    if (open < close && close < body.n)
        return span_slice(body, open + 1, close);
    return body;
}

/* "dns; mx.example.org", RFC 5965 §3.2 by RFC 3464 §2.2.2. */
static struct span host_of(struct span body)
{
    size_t semicolon = span_find(body, ';');

    return semicolon < body.n ? span_trim(span_slice(body, semicolon + 1, body.n)) : body;
}

/* "192.0.2.1", "[192.0.2.1]", "IPv6:2001:db8::1". */
static struct ip source_of(struct span body)
{
    struct ip ip = {0};

    if (body.n > 1 && body.p[0] == '[' && body.p[body.n - 1] == ']')
        body = span_slice(body, 1, body.n - 1);
    if (span_starts_nocase(body, SPAN_LIT("IPv6:")))
        body = span_slice(body, 5, body.n);
    return ip_parse(body, &ip) ? ip : (struct ip){0};
}

static bool again(struct arf *a, const char *why)
{
    if (!a->why)
        a->why = why;
    return true;
}

struct once {
    struct span version, port, incidents;
};

/* Whether the field is one that may stand once; it is kept then. */
static bool read_once(const struct header_field *f, struct arf *a, struct once *o)
{
    const struct {
        const char *name, *twice;
        struct span *at;
    } fields[] = {
        {"Feedback-Type", "Feedback-Type stands twice", &a->type_text},
        {"User-Agent", "User-Agent stands twice", &a->user_agent},
        {"Version", "Version stands twice", &o->version},
        {"Original-Envelope-Id", "Original-Envelope-Id stands twice", &a->envelope_id},
        {"Original-Mail-From", "Original-Mail-From stands twice", &a->mail_from},
        {"Arrival-Date", "Arrival-Date stands twice", &a->arrival_date},
        /* The name of the drafts. */
        {"Received-Date", "Received-Date stands twice", &a->arrival_date},
        {"Reporting-MTA", "Reporting-MTA stands twice", &a->reporting_mta},
        {"Source-IP", "Source-IP stands twice", &a->source_text},
        {"Source-Port", "Source-Port stands twice", &o->port},
        {"Incidents", "Incidents stands twice", &o->incidents},
    };

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (span_eq_nocase(f->name, span_str(fields[i].name))) {
            if (fields[i].at->p)
                return again(a, fields[i].twice);
            /* An empty body still counts as seen: keep a pointer. */
            *fields[i].at = f->body.p ? f->body : span_of("", 0);
            return true;
        }
    return false;
}

static int read_field(const struct header_field *f, struct arf *a, struct once *o)
{
    if (read_once(f, a, o))
        return 0;
    if (span_eq_nocase(f->name, SPAN_LIT("Original-Rcpt-To")))
        return values_add(&a->rcpt_to, path_of(f->body));
    if (span_eq_nocase(f->name, SPAN_LIT("Reported-Domain")))
        return values_add(&a->domains, f->body);
    if (span_eq_nocase(f->name, SPAN_LIT("Reported-URI")))
        return values_add(&a->uris, f->body);
    if (span_eq_nocase(f->name, SPAN_LIT("Authentication-Results")))
        return values_add(&a->auth_results, f->body);
    return 0;
}

static void settle(struct arf *a, const struct once *o)
{
    struct span version = o->version, word = SPAN_NULL;

    a->incidents = 1;
    if (o->incidents.n && !num_u64(o->incidents, 0, UINT64_MAX, &a->incidents))
        again(a, "Incidents is no number");
    if (o->port.n && !num_uint(o->port, 1, 65535, &a->source_port))
        again(a, "Source-Port is no port");
    if (!a->type_text.n)
        again(a, "Feedback-Type is missing");
    if (!a->user_agent.n)
        again(a, "User-Agent is missing");
    /* The drafts wrote "0.1"; what stands before the dot is the version. */
    span_word(&version, &word);
    if (!num_uint(span_slice(word, 0, span_find(word, '.')), 0, 1000, &a->version))
        again(a, "Version is missing or no number");
    a->type = type_of(a->type_text);
    a->mail_from = path_of(a->mail_from);
    a->reporting_mta = host_of(a->reporting_mta);
    a->source = source_of(a->source_text);
    if (a->source_text.n && a->source.family == IP_NONE)
        again(a, "Source-IP is no address");
}

static int read_report(struct span report, struct arf *a)
{
    struct once once = {0};
    struct header_iter it;
    struct header_field f;
    int fault = 0;

    header_open(&it, report);
    while (!fault && header_next(&it, &f) == HEADER_FIELD)
        fault = read_field(&f, a, &once);
    if (!fault)
        settle(a, &once);
    return fault;
}

static void look_at_part(const struct mime_part *part, struct arf *a, struct span *report)
{
    bool headers = span_ends_nocase(part->subtype, SPAN_LIT("rfc822-headers"));

    if (part->in_message)
        return;
    if (mime_is(part, "message", "feedback-report") && part->depth == 1 && !report->p) {
        *report = part->body.p ? part->body : span_of("", 0);
    } else if ((mime_is(part, "message", "rfc822") || mime_is(part, "message", "global") ||
                (headers && mime_is(part, "text", "rfc822-headers"))) &&
               part->depth == 1 && !a->enclosed.p) {
        a->enclosed = part->body;
        a->headers_only = headers;
    } else if (span_eq_nocase(part->type, SPAN_LIT("text")) && !headers && !a->text.p) {
        a->text = part->body;
    }
}

int arf_read(struct span message, struct arf *ret)
{
    struct span report = SPAN_NULL;
    struct mime_iter it;
    struct mime_part part;
    int fault;

    *ret = (struct arf){0};
    mime_open(&it, message);
    if (mime_next(&it, &part) != MIME_PART || !mime_is(&part, "multipart", "report") ||
        !span_eq_nocase(mime_param(part.params, "report-type"), SPAN_LIT("feedback-report")))
        return ARF_NONE;
    while (mime_next(&it, &part) == MIME_PART)
        look_at_part(&part, ret, &report);
    fault = read_report(report, ret);
    if (fault) {
        arf_deinit(ret);
        return fault;
    }
    return ret->why ? ARF_BAD : ARF_OK;
}

void arf_deinit(struct arf *arf)
{
    free(arf->rcpt_to.v);
    free(arf->domains.v);
    free(arf->uris.v);
    free(arf->auth_results.v);
    *arf = (struct arf){0};
}
