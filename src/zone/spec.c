/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One zone of a set, checked and laid down from what it was told. Sources are sorted by their
 * sub-zone, the zone's own first, and keep their order within it; each sub-zone is a branch. A
 * branch has the test entries of the kinds of data that it is of (RFC 5782 §5), whether there is
 * any entry or not: an empty list is a list.
 */
#include "zone/set_priv.h"

#include "base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char announced_text[] = "This list will end; see its web page for the date.";
static const char retired_text[] =
    "This list has ended. Nothing is listed any more: please stop asking it.";

__attribute__((format(printf, 3, 4))) static int fail(char *why, size_t n, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, n, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

void zone_spec_fill(struct zone_spec *spec, const struct zone_view *view,
                    struct dns_name ns[ZONE_NS_MAX])
{
    const struct zone_meta *meta = &view->image->meta;

    if (!spec->ttl)
        spec->ttl = meta->ttl;
    if (!spec->has_soa && meta->has_soa) {
        spec->has_soa = true;
        spec->soa = meta->soa;
        spec->soa_ttl = meta->soa_ttl;
        if (view->overlay)
            spec->soa.serial = zone_view_serial(view);
    }
    if (!spec->ns_count && meta->ns_count) {
        for (unsigned i = 0; i < meta->ns_count; i++)
            ns[i] = meta->ns[i];
        spec->ns = ns;
        spec->ns_count = meta->ns_count;
        spec->ns_ttl = meta->ns_ttl;
    }
}

static bool code_ok(uint32_t a)
{
    return a >> 24 == 127 && a != 0x7f000001 && a != 0x7f000000;
}

static int check_codes(const struct zone_code *codes, size_t count, char *why, size_t n)
{
    if (count > ZONE_CODES_MAX)
        return fail(why, n, "%zu codes: at most %d", count, ZONE_CODES_MAX);
    for (size_t i = 0; i < count; i++) {
        uint32_t a = codes[i].a;

        if (!code_ok(a))
            return fail(why, n,
                        "the code %u.%u.%u.%u: give one of 127.0.0.2 to 127.255.255.255 (127.0.0.1 "
                        "tells clients that a list is dead)",
                        a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
        if (codes[i].text.n > ZONE_TXT_MAX)
            return fail(why, n, "a code's text is over %d octets", ZONE_TXT_MAX);
    }
    return 0;
}

static int check_spec(const struct zone_spec *s, char *why, size_t n)
{
    bool dead = s->state == ZONE_RETIRED || s->state == ZONE_BROKEN;
    int r = check_codes(s->codes, s->code_count, why, n);

    if (r < 0)
        return r;
    if (s->name.n == 0 || dns_name_size(s->name.wire, s->name.n) != s->name.n)
        return fail(why, n, "no name of a zone");
    if (s->source_count > ZONE_SOURCES_MAX || (!dead && s->source_count == 0))
        return fail(why, n, "%zu sources of data: give 1 to %d", s->source_count, ZONE_SOURCES_MAX);
    if (s->ns_count > ZONE_NS_MAX || s->apex_count > ZONE_APEX_MAX)
        return fail(why, n, "too many name servers (at most %d) or addresses at the apex (%d)",
                    ZONE_NS_MAX, ZONE_APEX_MAX);
    if (s->apex_txt.n > ZONE_TXT_MAX)
        return fail(why, n, "the text at the apex is over %d octets", ZONE_TXT_MAX);
    if (s->key_required && !s->keys)
        return fail(why, n, "keys are required, but none are given");
    if (s->has_soa && (s->soa.mname.n == 0 || s->soa.rname.n == 0))
        return fail(why, n, "the SOA lacks a name");
    return 0;
}

static struct zone_branch *branch_of(struct zone *z, const struct zone_branch *like)
{
    for (size_t i = 0; i < z->branch_count; i++)
        if (z->branches[i].sub_n == like->sub_n &&
            memcmp(z->branches[i].sub, like->sub, like->sub_n) == 0)
            return &z->branches[i];
    z->branches[z->branch_count] = *like;
    return &z->branches[z->branch_count++];
}

static void add_kinds(struct zone_branch *b, const struct zone_source *s)
{
    const struct zone_image_counts *c = &s->view.image->counts;
    bool four = c->v4_addresses > 0, six = c->v6_half || c->v6_full || c->v6_range;
    bool names = c->names > 0, more = s->view.overlay != NULL;
    /* An overlay has the kinds that were told, and any where none was. */
    bool any = more && !s->has4 && !s->has6 && !s->has_names;

    b->tests4 |= s->has4 || four;
    b->tests6 |= s->has6 || six;
    b->tests_names |= s->has_names || names || c->patterns;
    b->look4 |= four || any || (more && s->has4);
    b->look6 |= six || any || (more && s->has6);
    b->look_names |= names || any || (more && s->has_names);
    b->look_records |= c->records > 0;
    b->look_patterns |= s->patterns != NULL;
}

/* The branches, and the sources in their order. */
static int add_branches(struct zone *z, const struct zone_spec *spec, char *why, size_t n)
{
    struct zone_branch apex = {0}, like;
    size_t put = 0;
    int r;

    z->branches = calloc(spec->source_count + 1, sizeof(*z->branches));
    z->sources = calloc(spec->source_count + 1, sizeof(*z->sources));
    if (!z->branches || !z->sources)
        return -ENOMEM;
    branch_of(z, &apex);
    for (size_t i = 0; i < spec->source_count; i++) {
        const struct zone_source *s = &spec->sources[i];

        if (!s->view.image)
            return fail(why, n, "a source without an image");
        if ((r = check_codes(s->codes, s->code_count, why, n)) < 0)
            return r;
        like = (struct zone_branch){.rsub = s->sub, .labels = s->sub.labels};
        like.sub_n = (uint8_t)zone_rname_wire(s->sub.b, s->sub.n, like.sub);
        if (z->name.n + like.sub_n > DNS_NAME_MAX)
            return fail(why, n, "a sub-zone's name is too long");
        branch_of(z, &like)->source_count++;
    }
    for (size_t k = 0; k < z->branch_count; k++) {
        struct zone_branch *b = &z->branches[k];

        b->sources = z->sources + put;
        for (size_t i = 0; i < spec->source_count; i++) {
            const struct zone_rname *sub = &spec->sources[i].sub;

            if (zone_rname_cmp(sub->b, sub->n, b->rsub.b, b->rsub.n) == 0) {
                z->sources[put++] = spec->sources[i];
                add_kinds(b, &spec->sources[i]);
            }
        }
    }
    return 0;
}

/* The codes of a branch: of its first source that has some, else the zone's. */
static size_t codes_of(const struct zone_branch *b, const struct zone_spec *spec,
                       const struct zone_code **ret)
{
    static const struct zone_code usual = {.a = 0x7f000002};

    for (size_t i = 0; i < b->source_count; i++) {
        if (b->sources[i].code_count) {
            *ret = b->sources[i].codes;
            return b->sources[i].code_count;
        }
    }
    *ret = spec->code_count ? spec->codes : &usual;
    return spec->code_count ? spec->code_count : 1;
}

/* Two passes: the texts' octets first, for they stand in one piece of memory. */
static int add_tests(struct zone *z, const struct zone_spec *spec)
{
    struct buf texts = BUF_INIT(SIZE_MAX);
    const struct zone_code *codes;
    size_t total = 0, at = 0;

    for (size_t k = 0; k < z->branch_count; k++)
        total += codes_of(&z->branches[k], spec, &codes);
    z->tests = calloc(total, sizeof(*z->tests));
    if (!z->tests)
        return -ENOMEM;
    for (size_t k = 0; k < z->branch_count; k++) {
        struct zone_branch *b = &z->branches[k];

        b->tests = z->tests + at;
        b->test_count = codes_of(b, spec, &codes);
        for (size_t i = 0; i < b->test_count; i++, at++) {
            size_t from = texts.n;

            if (codes[i].text.n)
                buf_add(&texts, codes[i].text);
            else
                buf_addf(&texts, "Test entry of %.400s (RFC 5782), not a listing", z->title);
            z->tests[at] = (struct zone_test){codes[i].a, {NULL, texts.n - from}};
        }
    }
    if (texts.err || !(z->test_texts = buf_take(&texts))) {
        buf_deinit(&texts);
        return -ENOMEM;
    }
    for (size_t i = 0, from = 0; i < total; from += z->tests[i++].text.n)
        z->tests[i].text.p = z->test_texts + from;
    return 0;
}

static uint32_t ttl_of(uint32_t own, uint32_t usual)
{
    uint32_t ttl = own ? own : usual;

    return ttl < ZONE_TTL_MAX ? ttl : ZONE_TTL_MAX;
}

static int add_texts(struct zone *z, const struct zone_spec *spec)
{
    char title[DNS_NAME_TEXT_MAX];
    struct span txt = spec->apex_txt;

    if (txt.n == 0 && spec->state == ZONE_ANNOUNCED)
        txt = span_str(announced_text);
    if (txt.n == 0 && spec->state == ZONE_RETIRED)
        txt = span_str(retired_text);
    z->title = strdup(dns_name_text(z->name.wire, title));
    z->apex_txt = txt.n ? span_dup(txt) : NULL;
    return z->title && (txt.n == 0 || z->apex_txt) ? 0 : -ENOMEM;
}

static int add_names(struct zone *z, const struct zone_spec *spec)
{
    z->ns = calloc(spec->ns_count + 1, sizeof(*z->ns));
    z->transfers = calloc(spec->transfer_count + 1, sizeof(*z->transfers));
    if (!z->ns || !z->transfers)
        return -ENOMEM;
    for (size_t i = 0; i < spec->ns_count; i++)
        z->ns[i] = spec->ns[i];
    for (size_t i = 0; i < spec->transfer_count; i++)
        z->transfers[i] = spec->transfers[i];
    z->ns_count = spec->ns_count;
    z->transfer_count = spec->transfer_count;
    return 0;
}

static void add_times(struct zone *z, const struct zone_spec *spec)
{
    z->ttl = ttl_of(spec->ttl, ZONE_TTL_USUAL);
    z->ns_ttl = ttl_of(spec->ns_ttl, z->ttl);
    z->soa_ttl = ttl_of(spec->soa_ttl, z->ttl);
    z->has_soa = spec->has_soa;
    z->soa = spec->soa;
    if (z->state == ZONE_RETIRED && z->soa.minimum < ZONE_RETIRED_TTL) {
        z->soa.minimum = ZONE_RETIRED_TTL;
        z->soa_ttl = z->soa_ttl < ZONE_RETIRED_TTL ? ZONE_RETIRED_TTL : z->soa_ttl;
    }
    /* RFC 2308 §5: the lesser of the SOA's own life and its minimum. */
    z->negative_ttl = z->soa.minimum < z->soa_ttl ? z->soa.minimum : z->soa_ttl;
    dns_soa_lay(&z->soa, &z->name, &z->laid_soa);
}

int zone_of_spec(struct zone *z, const struct zone_spec *spec, char *why, size_t n)
{
    int r = check_spec(spec, why, n);

    if (r < 0)
        return r;
    z->name = spec->name;
    dns_name_lower(&z->name);
    z->labels = dns_name_labels(z->name.wire);
    z->state = spec->state;
    z->data_tests = spec->data_tests;
    z->key_required = spec->key_required;
    z->has_steps = spec->has_steps;
    z->raised = spec->raised;
    z->steps_since = spec->steps_since;
    z->acl = spec->acl;
    z->keys = spec->keys;
    z->apex_count = spec->apex_count;
    for (size_t i = 0; i < spec->apex_count; i++)
        z->apex[i] = spec->apex[i];
    add_times(z, spec);
    if ((r = add_texts(z, spec)) < 0 || (r = add_names(z, spec)) < 0 ||
        (r = add_branches(z, spec, why, n)) < 0)
        return r;
    return add_tests(z, spec);
}

void zone_deinit(struct zone *z)
{
    free(z->title);
    free(z->apex_txt);
    free(z->ns);
    free(z->transfers);
    free(z->sources);
    free(z->branches);
    free(z->tests);
    free(z->test_texts);
    *z = (struct zone){0};
}
