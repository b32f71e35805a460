/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the host part ends, and which row speaks first.
 *
 * Static rows stand before all others because a wrong hit on a mail server costs its users their
 * mail, and a miss costs a receiver one more spam. For the same reason a word needs a digit beside
 * it: "mobile.example.org" is a web site, "mobile-12-34.example.org" is a telephone.
 *
 * Only the ICANN part of the public suffix list counts. In its private part are domains under which
 * hosters let strangers have names (compute.cloud.example): there the host's own label would be
 * taken for a domain, and never judged.
 */
#include "list/dynamic_priv.h"

#include <libpsl.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

const char *dynamic_kind_name(enum dynamic_kind kind)
{
    static const char *const names[] = {"static", "dynamic", "generic"};

    return names[kind];
}

const char *dynamic_got_name(enum dynamic_got got)
{
    static const char *const names[] = {"no",     "dynamic", "generic",  "static",
                                        "domain", "no-name", "undecided"};

    return names[got];
}

static bool label_ok(struct span label)
{
    for (size_t i = 0; i < label.n; i++)
        if (!ascii_is_alnum(label.p[i]) && label.p[i] != '-' && label.p[i] != '_')
            return false;
    return label.n > 0 && label.n <= 63;
}

/* In lower case with a NUL and without the last dot; false for what is no host name. */
static bool normal(struct span name, char out[DYNAMIC_NAME_MAX + 2])
{
    struct span rest, label;

    if (name.n && name.p[name.n - 1] == '.')
        name.n--;
    if (!name.n || name.n > DYNAMIC_NAME_MAX || name.p[name.n - 1] == '.')
        return false;
    for (rest = name; rest.n;)
        if (!span_cut(&rest, '.', &label) || !label_ok(label))
            return false;
    for (size_t i = 0; i < name.n; i++)
        out[i] = ascii_lower(name.p[i]);
    out[name.n] = '\0';
    return true;
}

/*
 * Octets of the host part with its last dot; 0: there is none. The longest end of the name that is
 * a public suffix, one label more, and what is left. A top-level domain that the list does not know
 * is a suffix as well: its default rule.
 */
static size_t host_part(const char *name)
{
    const psl_ctx_t *list = psl_builtin();
    const char *before = NULL, *at = name, *domain = NULL;

    if (!list)
        return 0;
    while (at && !psl_is_public_suffix2(list, at, PSL_TYPE_ICANN)) {
        domain = before;
        before = at;
        at = strchr(at, '.');
        if (at)
            at++;
    }
    /* `before` is the registrable domain, `domain` the name one label longer: there is a host. */
    return at && domain ? (size_t)(before - name) : 0;
}

/* 1, 0, or -1 out of steps. */
static int matches(const struct dynamic_rules *r, const struct dynamic_row *row, struct span host)
{
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    int got;

    if (!limits)
        return -1;
    pcre2_set_match_limit(limits, DYNAMIC_STEPS);
    pcre2_set_depth_limit(limits, DYNAMIC_STEPS);
    got = pcre2_match(row->code, (PCRE2_SPTR)host.p, host.n, 0, 0, r->data, limits);
    pcre2_match_context_free(limits);
    return got >= 0 ? 1 : got == PCRE2_ERROR_NOMATCH ? 0 : -1;
}

int dynamic_row_matches(const struct dynamic_rules *r, const struct dynamic_row *row,
                        struct span name)
{
    char text[DYNAMIC_NAME_MAX + 2];
    size_t n = normal(name, text) ? host_part(text) : 0;

    return n ? matches(r, row, span_of(text, n)) : 0;
}

static enum dynamic_got got_of(enum dynamic_kind kind)
{
    return kind == DYNAMIC_STATIC    ? DYNAMIC_CHOSEN
           : kind == DYNAMIC_DYNAMIC ? DYNAMIC_YES
                                     : DYNAMIC_MADE;
}

struct dynamic_judgement dynamic_judge(const struct dynamic_rules *r, struct span name)
{
    struct dynamic_judgement j = {.got = DYNAMIC_BAD};
    char text[DYNAMIC_NAME_MAX + 2];
    size_t n;

    if (!normal(name, text))
        return j;
    n = host_part(text);
    j.got = n ? DYNAMIC_NO : DYNAMIC_DOMAIN;
    j.host = n ? n - 1 : 0;
    /* Rows stand by kind: static, dynamic, generic. */
    for (size_t i = 0; n && i < r->count; i++) {
        int got = matches(r, &r->rows[i], span_of(text, n));

        if (got) {
            j.row = &r->rows[i];
            j.got = got < 0 ? DYNAMIC_RUNAWAY : got_of(j.row->kind);
            break;
        }
    }
    return j;
}

/*
 * Behind the row's own match must follow: the rest of the host part with its dot, or nothing when
 * the match took that dot; then the registrable label; then the suffix. The label may not be a
 * second level itself, or dyn.co.uk would be a host of the domain co.uk.
 */
#define SECOND_LEVEL                                                                               \
    "(?:ac|asn|co|com|edu|ed|gen|go|gob|gouv|gov|govt|gv|gub|id|idv|ind|info|int|k12|ltd|me|mil|"  \
    "ne|net|nom|or|org|plc|res|sch|school|web)"
#define TAIL                                                                                       \
    "(?=(?:.*\\.|(?<=\\.))(?!" SECOND_LEVEL "\\.[a-z]{2}$)[^.]+\\.(?:" SECOND_LEVEL                \
    "\\.[a-z]{2}|[^.]+)$)"

int dynamic_whole_pattern(const struct dynamic_row *row, struct buf *out)
{
    buf_addf(out, "(?:%s)%s", row->pattern, TAIL);
    return out->err;
}
