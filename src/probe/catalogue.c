/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The catalogue is data so that a form can be added without a compiler, and so that a reader finds
 * what is tried, why, and who says so, in one place. What it must never be is a way to mail
 * strangers by a slip of the pen: catalogue_reach.c sees to that, row by row, when a file is
 * loaded.
 *
 * Forms are allocated one by one and never move, because plans, probes and pair rows point at them.
 */
#include "probe/catalogue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe/catalogue_row.h"

static const char *const optin_families[] = {
    "auth",      "backscatter", "bdat",      "certificate", "early-talk", "internal-spoof",
    "mx-backup", "proxy",       "smuggling", "xclient",     "xforward",
};

const char *family_optin_at(size_t i)
{
    return i < sizeof(optin_families) / sizeof(optin_families[0]) ? optin_families[i] : NULL;
}

bool family_is_optin(struct span family)
{
    const char *name;

    for (size_t i = 0; (name = family_optin_at(i)); i++)
        if (span_eq_nocase(family, span_str(name)))
            return true;
    return false;
}

const char *form_kind_name(enum form_kind kind)
{
    switch (kind) {
    case FORM_SENDER:
        return "sender";
    case FORM_RECIPIENT:
        return "recipient";
    case FORM_HELO:
        return "helo";
    case FORM_CHANNEL:
        return "channel";
    case FORM_PAIR:
        return "pair";
    }
    return "";
}

static const struct {
    enum form_need need;
    const char *name, *words;
} needs[] = {
    {NEED_LOCAL_DOMAIN, "local-domain", "a domain that the target is final for"},
    {NEED_HOST, "host", "the target's host name"},
    {NEED_IPV4, "ipv4", "a target reached by IPv4"},
    {NEED_IPV6, "ipv6", "a target reached by IPv6"},
    {NEED_LOCAL_RCPT, "local-rcpt", "a mailbox at the target, named by its operator"},
    {NEED_SMTPUTF8, "smtputf8", "SMTPUTF8 in the answer to EHLO"},
    {NEED_8BITMIME, "8bitmime", "8BITMIME in the answer to EHLO"},
    {NEED_CHUNKING, "chunking", "CHUNKING in the answer to EHLO"},
    {NEED_XCLIENT, "xclient", "XCLIENT in the answer to EHLO"},
    {NEED_XFORWARD, "xforward", "XFORWARD in the answer to EHLO"},
    {NEED_STARTTLS, "starttls", "STARTTLS in the answer to EHLO"},
    {NEED_CERTIFICATE, "certificate", "a client certificate for the test"},
    {NEED_ACCOUNT, "account", "a login for the test, given by the operator"},
    {NEED_MX_LABEL, "mx-label", "a name below the probe domain whose MX is the target"},
    {NEED_PIPELINING, "pipelining", "PIPELINING in the answer to EHLO"},
    {NEED_AUTH, "auth", "AUTH in the answer to EHLO"},
    {NEED_WILDCARD_MX, "wildcard-mx", "a probe domain with a wildcard MX"},
    {NEED_PTR_LOCAL, "ptr-local", "a PTR name for our address in a domain of the target"},
    {NEED_PARTNER, "partner", "a domain that the target may trust as a sender"},
};

const char *form_need_name(enum form_need need)
{
    for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
        if (needs[i].need == need)
            return needs[i].name;
    return "";
}

const char *form_need_words(enum form_need need)
{
    for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
        if (needs[i].need == need)
            return needs[i].words;
    return "";
}

/* What a variable implies: a plan need not read forms to know what it lacks. */
uint32_t form_need_of(enum expand_var var)
{
    static const uint32_t implied[EXPAND_VARS] = {
        [EXPAND_HOST] = NEED_HOST,        [EXPAND_LOCAL] = NEED_LOCAL_DOMAIN,
        [EXPAND_MXLABEL] = NEED_MX_LABEL, [EXPAND_MAILBOX] = NEED_LOCAL_RCPT,
        [EXPAND_PARTNER] = NEED_PARTNER,  [EXPAND_ACCOUNT] = NEED_ACCOUNT,
        [EXPAND_PASSWORD] = NEED_ACCOUNT, [EXPAND_D_WIDE] = NEED_SMTPUTF8,
    };

    return (unsigned)var < EXPAND_VARS ? implied[var] : 0;
}

const char *channel_type_name(enum channel_type type)
{
    static const char *const names[] = {
        [CHANNEL_NONE] = "none",        [CHANNEL_BDAT] = "bdat",
        [CHANNEL_XCLIENT] = "xclient",  [CHANNEL_XFORWARD] = "xforward",
        [CHANNEL_PROXY1] = "proxy1",    [CHANNEL_PROXY2] = "proxy2",
        [CHANNEL_CERT] = "certificate", [CHANNEL_SMUGGLE] = "smuggle",
        [CHANNEL_EARLY] = "early",      [CHANNEL_AUTH] = "auth",
    };

    return (unsigned)type < sizeof(names) / sizeof(names[0]) ? names[type] : "";
}

bool channel_auth_step(const struct form *channel, unsigned i, struct span *ret)
{
    static const char mark[] = " | ";
    struct span rest = span_str(channel->with), step;
    size_t word = span_find(rest, ' ');

    step = span_slice(rest, 0, word);
    rest = word < rest.n ? span_slice(rest, word + 1, rest.n) : SPAN_NULL;
    for (; i > 0; i--) {
        size_t end;

        if (!rest.p)
            return false;
        end = span_find_nocase(rest, SPAN_LIT(mark));
        step = span_slice(rest, 0, end);
        rest = end < rest.n ? span_slice(rest, end + sizeof(mark) - 1, rest.n) : SPAN_NULL;
    }
    *ret = step;
    return true;
}

void catalogue_init(struct catalogue *c)
{
    *c = (struct catalogue){0};
}

static void catalogue_cut(struct catalogue *c, size_t count)
{
    while (c->count > count)
        catalogue_form_free(c->forms[--c->count]);
}

void catalogue_deinit(struct catalogue *c)
{
    catalogue_cut(c, 0);
    free(c->forms);
    *c = (struct catalogue){0};
}

const struct form *catalogue_find(const struct catalogue *c, enum form_kind kind, struct span id)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->forms[i]->kind == kind && span_eq_nocase(span_str(c->forms[i]->id), id))
            return c->forms[i];
    return NULL;
}

/* Where rows of a file go. */
struct loading {
    struct catalogue *to;
    const char *file;
};

static int add_row(void *cookie, const struct row *row, struct rows_error *err)
{
    const struct loading *l = cookie;
    struct catalogue *c = l->to;
    const struct form *twin;
    struct form *form = NULL;
    int fault = catalogue_row_form(c, row, l->file, &form, err);

    if (fault)
        return fault;
    twin = catalogue_find(c, form->kind, span_str(form->id));
    if (twin) {
        rows_fail(err, row_line(row, "Id"), "%s \"%s\" is there already: %s:%u",
                  form_kind_name(form->kind), form->id, twin->file, twin->line);
        fault = -EINVAL;
    } else if (c->count == CATALOGUE_MAX) {
        rows_fail(err, row->line, "more than %d rows", CATALOGUE_MAX);
        fault = -EINVAL;
    } else {
        fault = array_grow(&c->forms, &c->cap, sizeof(c->forms[0]), c->count + 1);
    }
    if (fault)
        catalogue_form_free(form);
    else
        c->forms[c->count++] = form;
    return fault;
}

int catalogue_load(struct catalogue *c, struct span text, const char *file,
                   struct catalogue_error *err)
{
    size_t before = c->count;
    struct rows_error why = {0};
    int got = rows_each(text, add_row, &(struct loading){.to = c, .file = file}, &why);

    if (got == 0)
        return 0;
    catalogue_cut(c, before);
    if (got == -EINVAL) {
        err->line = why.line;
        snprintf(err->text, sizeof(err->text), "%s:%u: %s", file, why.line, why.why);
    }
    return got;
}
