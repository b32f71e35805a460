/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two questions decide which row is told first: is it about this version, and does it explain what
 * came through? A row that does both is nearly always the cause. One that only fits the version may
 * be; one that is safe in this version says that a setting was changed. Rows that are about other
 * versions are not told at all, unless no version is known.
 */
#include "advise/advice.h"

#include <stdlib.h>
#include <string.h>

enum {
    SCORE_PAIR = 80,     /* the row is about just such a pair */
    SCORE_EXPLAINS = 60, /* each proof, by its own class */
    SCORE_SOME = 40,     /* some of them */
    SCORE_ANY = 30,      /* all, because it relays anything */
    SCORE_BLIND = 20,    /* an unsure row where no version is shown */
    SCORE_DENIED = 5,    /* more passes by it than came through */
    SCORE_NARROW = 3,    /* it speaks of these versions, not of all */
};

const char *advise_status_name(enum advise_status s)
{
    static const char *const names[] = {"unknown", "safe", "by-setting",
                                        "unsure",  "open", "unsecurable"};

    return names[s];
}

static enum advise_status affected_status(enum advise_cause cause)
{
    switch (cause) {
    case ADVISE_AS_SHIPPED:
    case ADVISE_BY_BUG:
        return ADVISE_IS_OPEN;
    case ADVISE_BY_SETTING:
        return ADVISE_IS_BY_SETTING;
    case ADVISE_NO_RELAY:
        break;
    }
    return ADVISE_IS_SAFE;
}

static bool all_versions(const char *range)
{
    return range && span_eq_nocase(span_trim(span_str(range)), SPAN_LIT("all"));
}

/* No version is shown: only what holds for every version is certain. */
static enum advise_status blind_status(const struct advise_row *row)
{
    if (all_versions(row->unsecurable))
        return ADVISE_IS_UNSECURABLE;
    if (all_versions(row->affected) || row->cause == ADVISE_BY_SETTING ||
        row->cause == ADVISE_NO_RELAY)
        return affected_status(row->cause);
    return ADVISE_IS_UNSURE;
}

static enum advise_within within(const char *range, struct span version, bool decimal)
{
    return range ? advise_range_has(span_str(range), version, decimal) : ADVISE_OUT;
}

enum advise_status advise_status_of(const struct advise_row *row, struct span version)
{
    enum advise_within bad, affected, safe;

    if (version.n == 0)
        return blind_status(row);
    bad = within(row->unsecurable, version, row->decimal);
    affected = within(row->affected, version, row->decimal);
    safe = within(row->safe, version, row->decimal);
    if (bad == ADVISE_IN)
        return ADVISE_IS_UNSECURABLE;
    if (affected == ADVISE_IN)
        return affected_status(row->cause);
    if (bad == ADVISE_MAYBE || affected == ADVISE_MAYBE)
        return row->cause == ADVISE_BY_SETTING ? ADVISE_IS_BY_SETTING : ADVISE_IS_UNSURE;
    return safe == ADVISE_OUT ? ADVISE_IS_UNKNOWN : ADVISE_IS_SAFE;
}

/*
 * 2: by its own class; 1: because the row relays anything; 0: not. `any`: the classes by which
 * anything passes, stranger to stranger and a network that is trusted.
 */
static unsigned explains(const struct advise_row *row, uint64_t proof, uint64_t any)
{
    unsigned best = 0;

    for (size_t i = 0; i < row->term_count; i++) {
        uint64_t term = row->terms[i].classes;

        if ((term & proof) == term)
            return 2;
        if (term & any)
            best = 1;
    }
    return best;
}

/* It is said to relay anything, and a plain envelope, which every test has, did not pass. */
static bool denied(const struct advise_row *row, const uint64_t *proofs, size_t count,
                   uint64_t plain)
{
    bool claims = false;

    for (size_t i = 0; i < row->term_count; i++)
        claims |= row->terms[i].classes == plain;
    for (size_t i = 0; i < count; i++)
        claims &= proofs[i] != plain;
    return claims && count && row->cause != ADVISE_BY_SETTING;
}

static int proof_score(const struct advise_row *row, const uint64_t *proofs, size_t count,
                       uint64_t any, unsigned *ret_explains)
{
    size_t own = 0, some = 0;

    for (size_t i = 0; i < count; i++) {
        unsigned how = explains(row, proofs[i], any);

        own += how == 2;
        some += how > 0;
    }
    *ret_explains = (unsigned)some;
    if (count && own == count)
        return SCORE_EXPLAINS;
    if (own)
        return SCORE_SOME;
    return some ? SCORE_ANY : 0;
}

/* How well a row fits, whatever was proved. */
static int row_score(const struct advise_row *row, enum advise_status status, struct span version)
{
    static const int base[] = {0, 10, 25, 30, 50, 60};
    int score = base[status];

    /* Without a version, what holds for today's servers is likelier than an old fault. */
    if (version.n == 0 && status == ADVISE_IS_UNSURE)
        score = SCORE_BLIND;
    if (version.n && !all_versions(row->affected))
        score += SCORE_NARROW;
    return score + (row->cause == ADVISE_AS_SHIPPED) + (row->pair_set ? SCORE_PAIR : 0);
}

static int by_score(const void *a, const void *b)
{
    const struct advise_choice *x = a, *y = b;

    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    /* Of two that explain what came through, the one that is about little else. */
    if (x->explains && y->explains && x->row->term_count != y->row->term_count)
        return x->row->term_count < y->row->term_count ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

static uint64_t class_bit(const struct advise_book *b, const char *id)
{
    int n = advise_book_class(b, span_str(id));

    return n < 0 ? 0 : UINT64_C(1) << n;
}

/* The classes of proofs that no chosen row explains. */
static void unexplained(struct advise_advice *ret, const uint64_t *proofs, size_t count,
                        uint64_t any)
{
    for (size_t p = 0; p < count; p++) {
        bool known = false;

        ret->proved |= proofs[p];
        for (size_t i = 0; i < ret->count; i++)
            known |= explains(ret->v[i].row, proofs[p], any) > 0;
        if (!known)
            ret->unexplained |= proofs[p];
    }
}

/* A hole that is closed in this version is worth telling only where nothing else is known. */
static void drop_mended(struct advise_advice *a)
{
    size_t kept = 0;

    for (size_t i = 0; i < a->count; i++)
        if (a->v[i].status != ADVISE_IS_SAFE || a->v[i].row->cause == ADVISE_NO_RELAY)
            a->v[kept++] = a->v[i];
    if (kept)
        a->count = kept;
}

static bool left_out(const struct advise_row *row, const char *product, enum advise_pair pair)
{
    return strcmp(row->product, product) != 0 || (row->pair_set && row->pair != pair);
}

/* A version between all ranges: its product is known, so all of its rows are told, as unsure. */
static bool no_row_about(const struct advise_book *b, const char *product, struct span version,
                         enum advise_pair pair)
{
    for (size_t i = 0; i < b->count; i++)
        if (!left_out(b->rows[i], product, pair) &&
            advise_status_of(b->rows[i], version) != ADVISE_IS_UNKNOWN)
            return false;
    return true;
}

/*
 * A server that follows percent signs does so for every sender: what passes with fewer classes
 * explains what passes with more. And where a plain envelope passes, anything does.
 */
static size_t least_proofs(const uint64_t *proofs, size_t count, uint64_t plain, uint64_t *ret)
{
    size_t kept = 0;

    for (size_t i = 0; i < count && i < ADVISE_PROOFS_MAX; i++) {
        bool more = proofs[i] == 0;

        for (size_t k = 0; k < count && k < ADVISE_PROOFS_MAX && !more; k++)
            more = (proofs[k] == plain && proofs[i] != plain) ||
                   (proofs[k] && proofs[k] != proofs[i] && (proofs[k] & proofs[i]) == proofs[k]);
        for (size_t k = 0; k < kept && !more; k++)
            more = ret[k] == proofs[i];
        if (!more)
            ret[kept++] = proofs[i];
    }
    return kept;
}

void advise_choose(const struct advise_book *b, const char *product, struct span version,
                   enum advise_pair pair, const uint64_t *all, size_t all_count,
                   struct advise_advice *ret)
{
    uint64_t plain = class_bit(b, "C1"), any = plain | class_bit(b, "C17");
    uint64_t proofs[ADVISE_PROOFS_MAX];
    size_t count = least_proofs(all, all_count, plain, proofs);

    bool gap = product && no_row_about(b, product, version, pair);

    *ret = (struct advise_advice){.proofs = all_count};
    for (size_t i = 0; product && i < b->count && ret->count < ADVISE_CHOICES_MAX; i++) {
        struct advise_choice c = {.row = b->rows[i]};

        if (left_out(c.row, product, pair))
            continue;
        c.status = advise_status_of(c.row, version);
        if (c.status == ADVISE_IS_UNKNOWN && gap)
            c.status = ADVISE_IS_UNSURE;
        if (c.status == ADVISE_IS_UNKNOWN)
            continue;
        /* Which rules an old configuration holds cannot be seen: most of them relay. */
        if (c.row->pair_set && c.row->pair == ADVISE_PAIR_OLD && c.status == ADVISE_IS_BY_SETTING)
            c.status = ADVISE_IS_UNSURE;
        /* From old to new: of settings the newer row is the wider one, of old holes the first. */
        c.order = c.status >= ADVISE_IS_OPEN ? i : b->count - i;
        c.score = row_score(c.row, c.status, version) +
                  proof_score(c.row, proofs, count, any, &c.explains) -
                  (denied(c.row, proofs, count, plain) ? SCORE_DENIED : 0);
        ret->v[ret->count++] = c;
    }
    drop_mended(ret);
    if (ret->count)
        qsort(ret->v, ret->count, sizeof(ret->v[0]), by_score);
    unexplained(ret, proofs, count, any);
}

const char *advise_status_words(enum advise_status s, enum advise_cause cause)
{
    switch (s) {
    case ADVISE_IS_UNSECURABLE:
        return "Cannot be secured: it must be replaced, or stand behind another server.";
    case ADVISE_IS_OPEN:
        return cause == ADVISE_BY_BUG
                   ? "Relays in spite of its settings, by a fault of the program."
                   : "Relays as shipped.";
    case ADVISE_IS_UNSURE:
        return "Some versions relay; what it shows does not tell whether this one does.";
    case ADVISE_IS_BY_SETTING:
        return "Refuses to relay as shipped: a setting has opened it where it does.";
    case ADVISE_IS_SAFE:
        return "No way to relay through it as shipped is known.";
    case ADVISE_IS_UNKNOWN:
        break;
    }
    return "Nothing is known of this version.";
}

const char *advise_pair_words(enum advise_pair pair)
{
    switch (pair) {
    case ADVISE_PAIR_OLD:
        return "Its sendmail.cf is from before 8.9.3: the holes of that time stay open under a "
               "newer "
               "program.";
    case ADVISE_PAIR_LINUXCONF:
        return "Its sendmail.cf was made by Linuxconf, whose rules of before 1.28 relay.";
    case ADVISE_PAIR_VENDOR:
        return "Its sendmail.cf is the maker's old one, which relays.";
    case ADVISE_PAIR_NONE:
    case ADVISE_PAIR_SAME:
    case ADVISE_PAIR_OWN_NAME:
        break;
    }
    return NULL;
}
