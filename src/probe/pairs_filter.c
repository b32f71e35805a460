/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What of the probes is wanted. Two rules differ from a plain filter. A family that is opt-in is
 * asked for by its name only: a glob such as "*" must not switch on what may do harm. And a glob
 * that matches nothing at all is an error, not an empty run: a slip in --skip would else send what
 * the operator meant to leave out.
 */
#include "probe/pairs_priv.h"

#include <stdio.h>
#include <string.h>

bool glob_match(struct span glob, struct span text)
{
    size_t g = 0, t = 0, star = glob.n, mark = 0;

    while (t < text.n) {
        if (g < glob.n && glob.p[g] == '*') {
            star = g++;
            mark = t;
        } else if (g < glob.n &&
                   (glob.p[g] == '?' || ascii_lower(glob.p[g]) == ascii_lower(text.p[t]))) {
            g++;
            t++;
        } else if (star < glob.n) {
            /* Let the last star take one more byte: no other star needs to be tried again. */
            g = star + 1;
            t = ++mark;
        } else {
            return false;
        }
    }
    while (g < glob.n && glob.p[g] == '*')
        g++;
    return g == glob.n;
}

enum { PARTS = 5 };

static void parts_of(const struct probe *p, const struct form *ret[PARTS])
{
    ret[0] = p->sender;
    ret[1] = p->rcpt;
    ret[2] = p->helo;
    ret[3] = p->channel;
    ret[4] = p->pair;
}

static bool named_by(const struct probe *p, const char *glob)
{
    const struct form *parts[PARTS];
    struct span g = span_str(glob);

    if (glob_match(g, span_str(p->id)))
        return true;
    parts_of(p, parts);
    for (size_t i = 0; i < PARTS; i++) {
        /* Our own name is in nearly every probe: it names none. */
        if (!parts[i] || (parts[i] == p->helo && strcmp(p->helo->id, "own") == 0))
            continue;
        if (glob_match(g, span_str(parts[i]->id)) ||
            (*parts[i]->ref && glob_match(g, span_str(parts[i]->ref))))
            return true;
    }
    return false;
}

static bool in_list(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (span_eq_nocase(span_str(name), span_str(list[i])))
            return true;
    return false;
}

/* Every opt-in family of the probe was asked for. */
static bool allowed(const struct pairs_options *o, const struct probe *p)
{
    const struct form *parts[PARTS];

    parts_of(p, parts);
    for (size_t i = 0; i < PARTS - 1; i++) {
        if (!parts[i] || !parts[i]->optin)
            continue;
        if (!in_list(parts[i]->family, o->with, o->with_count) &&
            !in_list("all", o->with, o->with_count) &&
            !in_list(parts[i]->family, o->family, o->family_count))
            return false;
    }
    return true;
}

static bool of_family(const struct pairs_options *o, const struct probe *p)
{
    const struct form *parts[PARTS];

    if (o->family_count == 0)
        return true;
    parts_of(p, parts);
    for (size_t i = 0; i < PARTS - 1; i++)
        if (parts[i] && in_list(parts[i]->family, o->family, o->family_count))
            return true;
    return false;
}

bool pairs_wanted(const struct pairs_options *o, const struct probe *p, bool in_set, unsigned *hits)
{
    bool only = o->only_count == 0, skip = false;

    for (size_t i = 0; i < o->only_count; i++) {
        bool exact = span_eq_nocase(span_str(o->only[i]), span_str(p->id));

        if (!exact && !(in_set && named_by(p, o->only[i])))
            continue;
        /* What is known but not asked for must not count as found: the run would be empty. */
        hits[i] += allowed(o, p) && of_family(o, p);
        only = true;
        in_set |= exact;
    }
    for (size_t i = 0; i < o->skip_count; i++) {
        if (named_by(p, o->skip[i])) {
            hits[o->only_count + i]++;
            skip = true;
        }
    }
    return in_set && only && !skip && allowed(o, p) && of_family(o, p);
}

static bool family_known(const struct catalogue *c, const char *name)
{
    for (size_t i = 0; i < c->count; i++)
        if (span_eq_nocase(span_str(c->forms[i]->family), span_str(name)))
            return true;
    return false;
}

bool pairs_options_ok(const struct catalogue *c, const struct pairs_options *o, char *why,
                      size_t why_size)
{
    for (size_t i = 0; i < o->family_count; i++) {
        if (!family_known(c, o->family[i])) {
            snprintf(why, why_size, "no row is of family \"%.60s\"", o->family[i]);
            return false;
        }
    }
    for (size_t i = 0; i < o->with_count; i++) {
        struct span name = span_str(o->with[i]);

        if (!span_eq_nocase(name, SPAN_LIT("all")) && !family_is_optin(name)) {
            snprintf(why, why_size, "\"%.60s\" is not an opt-in family", o->with[i]);
            return false;
        }
    }
    return true;
}
