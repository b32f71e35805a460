/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every open-relay tester before this one was cut off by the servers it tested, and took the
 * silence for an answer. The careful numbers are the smallest that any known server enforces:
 * Exchange hangs up at the fifth error, Exim at the fourth malformed command and the twelfth RSET.
 */
#include "probe/budget.h"

#include "base/num.h"

#include <errno.h>
#include <stdlib.h>

struct budget budget_careful(void)
{
    return (struct budget){.refusals = 4, .syntax = 3, .resets = 9, .rcpts = 100};
}

void budget_deinit(struct budget_table *t)
{
    for (size_t i = 0; i < t->count; i++) {
        free(t->servers[i].banner);
        free(t->servers[i].ehlo);
        free(t->servers[i].source);
    }
    free(t->servers);
    *t = (struct budget_table){0};
}

static bool number_of(const struct row *row, const char *field, unsigned *ret,
                      struct rows_error *err)
{
    const char *value = row_get(row, field);

    if (!value)
        return true;
    if (span_eq_nocase(span_str(value), SPAN_LIT("none"))) {
        *ret = BUDGET_NONE;
        return true;
    }
    if (num_uint(span_str(value), 1, BUDGET_NONE, ret))
        return true;
    rows_fail(err, row_line(row, field), "%s: \"%s\" is neither a number from 1 to %d nor \"none\"",
              field, value, BUDGET_NONE);
    return false;
}

static bool yes_no(const struct row *row, const char *field, bool *ret, struct rows_error *err)
{
    const char *value = row_get(row, field);

    *ret = value && span_eq_nocase(span_str(value), SPAN_LIT("yes"));
    if (!value || *ret || span_eq_nocase(span_str(value), SPAN_LIT("no")))
        return true;
    rows_fail(err, row_line(row, field), "%s: \"%s\" is neither yes nor no", field, value);
    return false;
}

static int server_of(const struct row *row, struct budget_server *ret, struct rows_error *err)
{
    static const char *const known[] = {"Server",     "Banner", "Ehlo",       "Refusals",
                                        "Syntax",     "Resets", "Recipients", "Lock-step",
                                        "Quit-alone", "Source", NULL};
    const struct row_field *unknown = row_unknown(row, known);
    const char *name = row_get(row, "Server");

    if (unknown) {
        rows_fail(err, unknown->line, "unknown field \"%.*s\"", SPAN_ARG(unknown->name));
        return -EINVAL;
    }
    *ret = (struct budget_server){.budget = budget_careful()};
    if (!name || !span_copy(span_str(name), ret->name, sizeof(ret->name)) || !ret->name[0]) {
        rows_fail(err, row_line(row, "Server"), "a row needs \"Server\", at most %zu letters",
                  sizeof(ret->name) - 1);
        return -EINVAL;
    }
    if (!row_get(row, "Banner") && !row_get(row, "Ehlo")) {
        rows_fail(err, row->line, "a row needs \"Banner\" or \"Ehlo\" to know the server by");
        return -EINVAL;
    }
    if (!number_of(row, "Refusals", &ret->budget.refusals, err) ||
        !number_of(row, "Syntax", &ret->budget.syntax, err) ||
        !number_of(row, "Resets", &ret->budget.resets, err) ||
        !number_of(row, "Recipients", &ret->budget.rcpts, err))
        return -EINVAL;
    if (!yes_no(row, "Lock-step", &ret->budget.lock_step, err) ||
        !yes_no(row, "Quit-alone", &ret->budget.quit_alone, err))
        return -EINVAL;
    return 0;
}

static bool copy_of(const struct row *row, const char *field, char **ret)
{
    const char *value = row_get(row, field);

    *ret = value ? span_dup(span_str(value)) : NULL;
    return !value || *ret;
}

static int server_add(void *table, const struct row *row, struct rows_error *err)
{
    struct budget_table *t = table;
    struct budget_server s;
    int done = server_of(row, &s, err);

    if (done < 0)
        return done;
    if (!copy_of(row, "Banner", &s.banner) || !copy_of(row, "Ehlo", &s.ehlo) ||
        !copy_of(row, "Source", &s.source) ||
        array_grow(&t->servers, &t->cap, sizeof(t->servers[0]), t->count + 1) < 0) {
        free(s.banner);
        free(s.ehlo);
        free(s.source);
        return -ENOMEM;
    }
    t->servers[t->count++] = s;
    return 0;
}

int budget_load(struct budget_table *t, struct span text, struct rows_error *err)
{
    struct budget_table fresh = {0};
    int got = rows_each(text, server_add, &fresh, err);

    if (got < 0) {
        budget_deinit(&fresh);
        return got;
    }
    budget_deinit(t);
    *t = fresh;
    return 0;
}

const struct budget_server *budget_find(const struct budget_table *t, struct span banner,
                                        struct span ehlo)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct budget_server *s = &t->servers[i];

        if ((!s->banner || span_has_nocase(banner, span_str(s->banner))) &&
            (!s->ehlo || span_has_nocase(ehlo, span_str(s->ehlo))))
            return s;
    }
    return NULL;
}

static void lower(unsigned *limit, unsigned spent)
{
    unsigned next = spent > 1 ? spent - 1 : 1;

    if (next < *limit)
        *limit = next;
}

void budget_learn(struct budget *b, const struct budget_spent *spent, bool known)
{
    b->found = b->found || spent->cut || spent->slow_at;
    if (spent->cut && span_has_nocase(spent->reason, SPAN_LIT("nonmail"))) {
        lower(&b->resets, spent->resets);
    } else if (spent->cut && spent->syntax >= 3 &&
               (spent->syntax * 2 > spent->refusals ||
                span_has_nocase(spent->reason, SPAN_LIT("syntax")))) {
        lower(&b->syntax, spent->syntax);
    } else if (spent->cut) {
        lower(&b->refusals, spent->refusals);
    } else if (spent->slow_at) {
        lower(&b->refusals, spent->slow_at);
    } else if (!known && !b->found && spent->refusals >= b->refusals &&
               b->refusals < BUDGET_NONE / 2) {
        b->refusals *= 2;
    }
}
