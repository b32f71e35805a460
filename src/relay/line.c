/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the readers of all formats share: logical lines, errors and warnings with their line, and
 * putting entries into the tables. A control character anywhere is an error: none of the formats
 * knows one, and what an editor does not show must not decide.
 */
#include "relay/policy_priv.h"

#include "base/num.h"
#include "smtp/path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int relay_bad(struct relay_reading *r, const char *fmt, ...)
{
    va_list ap;

    r->fault->line = r->line;
    va_start(ap, fmt);
    vsnprintf(r->fault->why, sizeof(r->fault->why), fmt, ap);
    va_end(ap);
    return RELAY_BAD;
}

int relay_note(struct relay_reading *r, const char *fmt, ...)
{
    char text[300];
    va_list ap;

    if (r->policy->note_count + r->note_count >= RELAY_NOTES_MAX) {
        r->notes_more++;
        return 0;
    }
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (array_grow(&r->notes, &r->note_cap, sizeof(r->notes[0]), r->note_count + 1) < 0)
        return -ENOMEM;
    r->notes[r->note_count].text = strdup(text);
    if (!r->notes[r->note_count].text)
        return -ENOMEM;
    r->notes[r->note_count++].place = (struct relay_place){r->file, r->line};
    return 0;
}

struct relay_rule relay_rule_here(const struct relay_reading *r, enum relay_verb verb)
{
    return (struct relay_rule){.verb = verb, .place = {r->file, r->line}};
}

static int added(struct relay_reading *r, int got, struct relay_rule *rule)
{
    if (got < 0)
        relay_rule_deinit(rule);
    return got == -E2BIG ? relay_bad(r, "is more than the %d entries that fit", RELAY_ENTRIES_MAX)
                         : got;
}

int relay_add_net(struct relay_reading *r, struct ip_prefix net, struct relay_rule *rule)
{
    return added(r, relay_table_add(&r->source->clients, net, rule), rule);
}

int relay_add_key(struct relay_reading *r, struct relay_keys *keys, struct span key,
                  struct relay_rule *rule)
{
    return added(r, relay_keys_add(keys, key, rule), rule);
}

int relay_add_nets(struct relay_reading *r, const struct relay_nets *nets, struct relay_rule *rule)
{
    int got = 0;

    for (size_t i = 0; i < nets->count && got == 0; i++) {
        struct relay_rule copy = *rule;

        copy.text = rule->text ? strdup(rule->text) : NULL;
        got = rule->text && !copy.text ? -ENOMEM : relay_add_net(r, nets->v[i], &copy);
    }
    relay_rule_deinit(rule);
    return got;
}

/* What a name that is none was perhaps meant to be. */
static int no_name(struct relay_reading *r, struct span name)
{
    char shown[RELAY_SHOWN_SIZE];
    struct ip_prefix net;

    if (ip_prefix_parse(name, &net))
        return relay_bad(r, "'%s' is an address, not a domain", relay_shown(name, shown));
    if (span_find(name, '*') < name.n)
        return relay_bad(r, "'%s': no patterns; .example.org is all below example.org",
                         relay_shown(name, shown));
    if (span_find(name, '@') < name.n)
        return relay_bad(r, "'%s' is a mail address, not a domain", relay_shown(name, shown));
    return relay_bad(r, "'%s' is no domain", relay_shown(name, shown));
}

static bool all_digits(const char *label)
{
    while (ascii_is_digit(*label))
        label++;
    return *label == '\0';
}

int relay_add_own(struct relay_reading *r, struct span name, enum relay_scope scope,
                  struct relay_rule *rule)
{
    char key[RELAY_NAME_SIZE + 1] = ".";
    const char *last;
    int got;

    if (!relay_policy_ascii(r->policy, name, key + 1))
        return no_name(r, name);
    last = strrchr(key, '.') + 1;
    if (all_digits(last))
        return no_name(r, name);
    got = scope == RELAY_SCOPE_BELOW ? 0 : relay_add_key(r, r->domains, span_str(key + 1), rule);
    if (got == 0 && scope != RELAY_SCOPE_SELF)
        got = relay_add_key(r, r->domains, span_str(key), rule);
    return got;
}

bool relay_octets_parse(struct span s, bool dot, struct ip_prefix *ret)
{
    struct ip ip = {.family = IP_V4};
    struct span octet;
    unsigned n = 0, v;

    if (s.n && s.p[s.n - 1] == '.')
        s.n--;
    else if (dot)
        return false;
    while (span_cut(&s, '.', &octet)) {
        if (n == 4 || !num_uint(octet, 0, 255, &v) || (octet.n > 1 && octet.p[0] == '0'))
            return false;
        ip.b[n++] = (uint8_t)v;
    }
    *ret = ip_prefix_of(ip, 8 * n);
    return n > 0;
}

bool relay_net_parse(struct span s, struct ip_prefix *ret)
{
    char text[IP_TEXT_MAX + 8];
    size_t close = span_find(s, ']'), n = 0;

    if (s.n == 0 || s.p[0] != '[' || close == s.n)
        return ip_prefix_parse(s, ret);
    if (s.n >= sizeof(text))
        return false;
    memcpy(text, s.p + 1, close - 1);
    n = close - 1;
    memcpy(text + n, s.p + close + 1, s.n - close - 1);
    n += s.n - close - 1;
    return ip_prefix_parse(span_of(text, n), ret) && ret->ip.family == IP_V6;
}

/* --- lines ------------------------------------------------------------------------------------ */

static int check_line(struct relay_reading *r, struct span line)
{
    if (line.n > RELAY_LINE_MAX)
        return relay_bad(r, "the line is longer than %d octets", RELAY_LINE_MAX);
    for (size_t i = 0; i < line.n; i++)
        if (((unsigned char)line.p[i] < ' ' && line.p[i] != '\t') || line.p[i] == 0x7f)
            return relay_bad(r, "the line holds a control character");
    return span_is_utf8(line) ? 0 : relay_bad(r, "the line is not UTF-8");
}

/* A physical line without its end; false at the end of the text. */
static bool cut_line(struct relay_reading *r, struct span *ret)
{
    if (!span_cut(&r->rest, '\n', ret))
        return false;
    if (ret->n && ret->p[ret->n - 1] == '\r')
        ret->n--;
    r->next++;
    return true;
}

static bool is_silent(struct span line)
{
    struct span bare = span_trim(line);

    return bare.n == 0 || bare.p[0] == '#';
}

static bool is_indented(struct span line)
{
    return line.n && (line.p[0] == ' ' || line.p[0] == '\t');
}

/* Adds to the logical line; the first addition moves it into the buffer. */
static int join(struct relay_reading *r, struct span *line, struct span more)
{
    int bad = check_line(r, more);

    if (bad)
        return bad;
    if (line->p != r->joined.p) {
        buf_clear(&r->joined);
        buf_add(&r->joined, *line);
    }
    buf_add_char(&r->joined, ' ');
    buf_add(&r->joined, span_trim(more));
    *line = buf_span(&r->joined);
    if (r->joined.err == -EMSGSIZE)
        return relay_bad(r, "the line is longer than %d octets", RELAY_LINE_MAX);
    return r->joined.err;
}

static int join_indented(struct relay_reading *r, struct span *line)
{
    for (;;) {
        struct relay_reading at = *r;
        struct span more;
        int got;

        if (!cut_line(&at, &more) || !(is_silent(more) || is_indented(more)))
            return 0;
        r->rest = at.rest;
        r->next = at.next;
        got = is_silent(more) ? 0 : join(r, line, more);
        if (got)
            return got;
    }
}

static int join_backslashed(struct relay_reading *r, struct span *line)
{
    while (line->n && line->p[line->n - 1] == '\\') {
        struct span more = SPAN_NULL;
        int got;

        if (line->p == r->joined.p)
            buf_truncate(&r->joined, line->n - 1);
        line->n--;
        if (!cut_line(r, &more))
            return relay_bad(r, "the file ends behind a backslash");
        got = join(r, line, more);
        if (got)
            return got;
    }
    return 0;
}

/* 1 a line, 0 the end, -EINVAL a bad line with the fault set, -ENOMEM. */
static int next_line(struct relay_reading *r, enum relay_lines how, struct span *ret)
{
    struct span line;
    int got;

    do {
        r->line = r->next;
        if (!cut_line(r, &line))
            return 0;
    } while (is_silent(line));
    got = check_line(r, line);
    if (got == 0 && how == RELAY_LINES_INDENTED && is_indented(line))
        got = relay_bad(r, "an indented line goes on the one before, and there is none");
    line = span_trim(line);
    if (got == 0 && how == RELAY_LINES_INDENTED)
        got = join_indented(r, &line);
    if (got == 0 && how == RELAY_LINES_BACKSLASH)
        got = join_backslashed(r, &line);
    *ret = span_trim(line);
    return got == 0 ? 1 : got == RELAY_BAD ? -EINVAL : got;
}

int relay_lines_each(struct relay_reading *r, enum relay_lines how, relay_line_fn fn)
{
    struct span line;
    int got, bad = 0;

    while (bad == 0 && (got = next_line(r, how, &line)) != 0)
        bad = got > 0 ? fn(r, line) : got == -EINVAL ? RELAY_BAD : got;
    return bad;
}
