/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * No JIT: it wants memory that is both writable and executable, which the server's hardening
 * forbids. Patterns are compiled once and shared, for PCRE2 does not write to them; what a match
 * writes to belongs to the worker's matcher and is kept from one name to the next. Names are
 * octets, so no UTF-8 is looked for in them, nor can a pattern switch it on.
 */
#include "zone/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <errno.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

enum { NEST_MAX = 50 };

struct one {
    pcre2_code *code;
    struct zone_hit hit;
    bool excluded;
};

struct zone_patterns {
    size_t count;
    struct one *list;
};

struct zone_matcher {
    pcre2_match_data *data;
    pcre2_match_context *context;
    uint64_t exhausted;
};

/* NULL: bad, and why is told; or no memory, and why is empty. */
static pcre2_code *compile(struct span source, char why[128])
{
    const uint32_t options = PCRE2_CASELESS | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP |
                             PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY | PCRE2_NO_AUTO_CAPTURE;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    pcre2_code *code = NULL;
    int error = PCRE2_ERROR_NOMEMORY;
    PCRE2_SIZE at = 0;
    unsigned char text[100] = "";

    why[0] = '\0';
    if (context) {
        pcre2_set_parens_nest_limit(context, NEST_MAX);
        pcre2_set_max_pattern_length(context, ZONE_PATTERN_LEN_MAX);
        code = pcre2_compile((PCRE2_SPTR)(source.n ? source.p : ""), source.n, options, &error, &at,
                             context);
    }
    pcre2_compile_context_free(context);
    if (!code && error != PCRE2_ERROR_NOMEMORY) {
        pcre2_get_error_message(error, text, sizeof(text));
        snprintf(why, 128, "%.100s at octet %zu", (const char *)text, (size_t)at);
    }
    return code;
}

bool zone_pattern_ok(struct span source, char why[128])
{
    pcre2_code *code = compile(source, why);

    pcre2_code_free(code);
    return code;
}

void zone_patterns_free(struct zone_patterns *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->count; i++)
        pcre2_code_free(p->list[i].code);
    free(p->list);
    free(p);
}

size_t zone_patterns_count(const struct zone_patterns *p)
{
    return p ? p->count : 0;
}

int zone_patterns_new(const struct zone_image *im, struct zone_patterns **ret, size_t *ret_at,
                      char why[128])
{
    struct zone_patterns *p;
    struct zone_piece_pattern piece;
    struct zone_cursor c = {0};
    size_t room = 0;

    *ret = NULL;
    why[0] = '\0';
    if (!im->sec[ZONE_SEC_PATTERNS].n)
        return 0;
    p = calloc(1, sizeof(*p));
    if (!p)
        return -ENOMEM;
    while (zone_image_next_pattern(im, &c, &piece)) {
        struct one one = {.hit = piece.hit, .excluded = piece.excluded};
        int r = array_grow(&p->list, &room, sizeof(one), p->count + 1);

        *ret_at = p->count;
        if (r == 0)
            one.code = compile(piece.source, why);
        if (!one.code) {
            zone_patterns_free(p);
            return why[0] ? ZONE_PATTERNS_BAD : -ENOMEM;
        }
        p->list[p->count++] = one;
    }
    *ret = p;
    return 0;
}

int zone_matcher_new(struct zone_matcher **ret)
{
    struct zone_matcher *m = calloc(1, sizeof(*m));

    if (m) {
        m->data = pcre2_match_data_create(1, NULL);
        m->context = pcre2_match_context_create(NULL);
    }
    if (!m || !m->data || !m->context) {
        zone_matcher_free(m);
        return -ENOMEM;
    }
    pcre2_set_match_limit(m->context, ZONE_MATCH_STEPS);
    pcre2_set_depth_limit(m->context, ZONE_MATCH_DEPTH);
    pcre2_set_heap_limit(m->context, ZONE_MATCH_KIB);
    *ret = m;
    return 0;
}

void zone_matcher_free(struct zone_matcher *m)
{
    if (!m)
        return;
    pcre2_match_data_free(m->data);
    pcre2_match_context_free(m->context);
    free(m);
}

uint64_t zone_matcher_exhausted(const struct zone_matcher *m)
{
    return m->exhausted;
}

bool zone_patterns_find(const struct zone_patterns *p, struct zone_matcher *m, struct span name,
                        struct zone_hit *ret)
{
    for (size_t i = 0; p && i < p->count; i++) {
        int r = pcre2_match(p->list[i].code, (PCRE2_SPTR)(name.n ? name.p : ""), name.n, 0, 0,
                            m->data, m->context);

        if (r >= 0) {
            *ret = p->list[i].hit;
            return !p->list[i].excluded;
        }
        m->exhausted += r != PCRE2_ERROR_NOMATCH;
    }
    return false;
}
