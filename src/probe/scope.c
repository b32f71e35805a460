/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A wrong line in a list of whom not to test is worse than none: a rule that is silently skipped
 * tests a host that asked to be left alone. So everything that is not plainly a prefix, an address
 * or a host name is an error with its line, and one error leaves the whole list as it was.
 *
 * Lists are searched from front to end. Some thousand rules against ten thousand targets take a
 * fraction of a second, once; an index would be more code than it saves.
 */
#include "probe/scope.h"

#include "base/buf.h"
#include "base/escape.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *scope_answer_name(enum scope_answer answer)
{
    switch (answer) {
    case SCOPE_OWN:
        return "own";
    case SCOPE_ALLOWED:
        return "allowed";
    case SCOPE_OUTSIDE:
        return "outside";
    case SCOPE_TOO_SOON:
        return "too-soon";
    case SCOPE_EXCLUDED:
        return "excluded";
    }
    return "?";
}

bool scope_answer_may(enum scope_answer answer)
{
    return answer == SCOPE_OWN || answer == SCOPE_ALLOWED || answer == SCOPE_OUTSIDE;
}

void scope_list_init(struct scope_list *list, bool never)
{
    *list = (struct scope_list){.never = never};
}

static void rule_deinit(struct scope_rule *rule)
{
    free(rule->name);
    free(rule->reason);
    free(rule->source);
}

static void cut_to(struct scope_list *list, size_t count)
{
    while (list->count > count)
        rule_deinit(&list->rules[--list->count]);
}

void scope_list_deinit(struct scope_list *list)
{
    cut_to(list, 0);
    free(list->rules);
    *list = (struct scope_list){.never = list->never};
}

static int bad(struct scope_error *err, unsigned line, struct span pattern, const char *why)
{
    struct buf shown = BUF_INIT(80), text = BUF_INIT(sizeof(err->why) - 1);

    escape_text(&shown, span_slice(pattern, 0, 60));
    buf_addf(&text, "\"%s%s\": %s", buf_str(&shown), pattern.n > 60 ? "..." : "", why);
    if (text.err)
        buf_add_str(&text, why);
    span_copy(buf_span(&text), err->why, sizeof(err->why));
    err->line = line;
    buf_deinit(&shown);
    buf_deinit(&text);
    return SCOPE_BAD;
}

/* NULL, or what is wrong with a host name: RFC 1123 §2.1 and the underscore that people use. */
static const char *name_fault(struct span name)
{
    struct span rest = name, label = SPAN_NULL;
    bool digits = true;

    if (name.n == 0 || name.n > SCOPE_NAME_MAX)
        return "a name has 1 to 253 characters";
    while (span_cut(&rest, '.', &label)) {
        if (label.n == 0 || label.n > SCOPE_LABEL_MAX)
            return "a label of a name has 1 to 63 characters";
        digits = true;
        for (size_t i = 0; i < label.n; i++) {
            char c = label.p[i];

            if (c == '*')
                return "no pattern: a name stands for all names below it, too";
            if (!ascii_is_alnum(c) && c != '-' && c != '_')
                return (unsigned char)c > 0x7f ? "write it in its ASCII form, xn--..."
                                               : "neither prefix, address nor name";
            digits = digits && ascii_is_digit(c);
        }
        if (label.p[0] == '-' || label.p[label.n - 1] == '-')
            return "a label of a name begins and ends with a letter or digit";
    }
    return digits ? "no address and no prefix, yet no name either" : NULL;
}

static struct span without_dot(struct span name)
{
    return name.n > 1 && name.p[name.n - 1] == '.' ? span_slice(name, 0, name.n - 1) : name;
}

static const char *net_fault(const struct scope_list *list, struct ip_prefix net)
{
    if (list->never)
        return NULL;
    if (net.ip.family == IP_V4 && net.len < SCOPE_MIN_V4)
        return "too wide for a scope: /8 and longer";
    if (net.ip.family == IP_V6 && net.len < SCOPE_MIN_V6)
        return "too wide for a scope: /16 and longer";
    return NULL;
}

static int name_set(struct scope_rule *rule, struct span name)
{
    rule->name = span_dup(name);
    if (!rule->name)
        return -ENOMEM;
    for (char *p = rule->name; *p; p++)
        *p = ascii_lower(*p);
    return 0;
}

int scope_list_add(struct scope_list *list, struct span pattern, struct span reason,
                   const char *source, unsigned line, struct scope_error *err)
{
    struct scope_rule rule = {.line = line};
    struct span name = without_dot(pattern);
    const char *fault = NULL;
    int rc = 0;

    if (ip_prefix_parse(pattern, &rule.net))
        fault = net_fault(list, rule.net);
    else if (span_find(pattern, '/') < pattern.n)
        fault = "no prefix: an address with no bit set behind its length";
    else
        fault = name_fault(name);
    if (fault)
        return bad(err, line, pattern, fault);
    if (array_grow(&list->rules, &list->cap, sizeof(rule), list->count + 1) < 0)
        return -ENOMEM;
    if (rule.net.ip.family == IP_NONE)
        rc = name_set(&rule, name);
    rule.reason = span_dup(reason);
    rule.source = span_dup(span_str(source));
    if (rc < 0 || !rule.reason || !rule.source) {
        rule_deinit(&rule);
        return -ENOMEM;
    }
    list->rules[list->count++] = rule;
    return SCOPE_READ;
}

/* The line up to a # that stands at its beginning or behind a blank. */
static struct span without_comment(struct span line)
{
    for (size_t i = 0; i < line.n; i++)
        if (line.p[i] == '#' && (i == 0 || line.p[i - 1] == ' ' || line.p[i - 1] == '\t'))
            return span_slice(line, 0, i);
    return line;
}

static const char *line_fault(struct span line)
{
    if (line.n > SCOPE_LINE_MAX)
        return "the line is too long";
    for (size_t i = 0; i < line.n; i++)
        if ((unsigned char)line.p[i] < ' ' && line.p[i] != '\t')
            return "the line holds a control character";
    return span_is_utf8(line) ? NULL : "the line is not UTF-8";
}

static int parse_line(struct scope_list *list, struct span line, const char *source,
                      unsigned number, struct scope_error *err)
{
    struct span pattern, rest;
    const char *fault;

    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    fault = line_fault(line);
    if (fault)
        return bad(err, number, line, fault);
    rest = without_comment(line);
    if (!span_word(&rest, &pattern))
        return SCOPE_READ;
    return scope_list_add(list, pattern, span_trim(rest), source, number, err);
}

int scope_list_parse(struct scope_list *list, struct span text, const char *source,
                     struct scope_error *err)
{
    size_t before = list->count;
    unsigned number = 0;
    struct span line;

    while (span_cut(&text, '\n', &line)) {
        int rc = parse_line(list, line, source, ++number, err);

        if (rc != SCOPE_READ) {
            cut_to(list, before);
            return rc;
        }
    }
    return SCOPE_READ;
}

static bool name_covers(const struct scope_list *list, struct span rule, struct span name)
{
    bool wide = list->never || span_find(rule, '.') < rule.n;

    name = without_dot(name);
    if (span_eq_nocase(name, rule))
        return true;
    return wide && span_ends_nocase(name, rule) && name.n > rule.n &&
           name.p[name.n - rule.n - 1] == '.';
}

const struct scope_rule *scope_list_match(const struct scope_list *list, struct ip address,
                                          const struct span *names, size_t count)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct scope_rule *rule = &list->rules[i];

        if (!rule->name) {
            if (ip_prefix_has(rule->net, address))
                return rule;
            continue;
        }
        for (size_t k = 0; k < count; k++)
            if (name_covers(list, span_str(rule->name), names[k]))
                return rule;
    }
    return NULL;
}

static bool nobodys(struct ip address)
{
    if (address.family == IP_NONE)
        return false;
    enum ip_space space = ip_space(address);

    return space == IP_MULTICAST || space == IP_RESERVED;
}

static bool too_soon(const struct scope_question *q)
{
    /* As a difference, for last + gap may not fit. */
    return q->gap_s > 0 && q->last_wall > 0 && q->now_wall >= q->last_wall &&
           q->now_wall - q->last_wall < q->gap_s;
}

struct scope_decision scope_decide(const struct scope_question *q, const struct scope_list *scope,
                                   const struct scope_list *never)
{
    const struct scope_rule *rule = scope_list_match(never, q->address, q->names, q->count);

    assert(never->never && !scope->never);
    if (rule)
        return (struct scope_decision){SCOPE_EXCLUDED, rule, 0, "on the never-test list"};
    if (nobodys(q->address))
        return (struct scope_decision){SCOPE_EXCLUDED, NULL, 0, "no host can have this address"};
    rule = scope_list_match(scope, q->address, q->names, q->count);
    if (q->own)
        return (struct scope_decision){SCOPE_OWN, rule, 0, "the operator answers for it"};
    if (too_soon(q))
        return (struct scope_decision){SCOPE_TOO_SOON, rule, q->last_wall + q->gap_s,
                                       "tested a short time ago"};
    if (rule)
        return (struct scope_decision){SCOPE_ALLOWED, rule, 0, "in the scope"};
    return (struct scope_decision){SCOPE_OUTSIDE, NULL, 0, "not in the scope"};
}
