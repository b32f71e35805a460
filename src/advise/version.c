/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A version is cut into numbers and words; dots, blanks, hyphens and brackets only separate. A word
 * is one of three things:
 *
 *     alpha, beta, rc, pre …        before the release: 8.12.0.Beta6 < 8.12.0
 *     p, patch, release, SP, FP …   a patch on top:     8.11.6 < 8.11.6p2 < 8.11.7
 *     anything else                 a letter of the maker's: 5.0.2 < 5.0.2b < 5.0.3
 *
 * What stands behind a plus sign ("8.8.8+Sun") says who built it and is not compared. Where pieces
 * of different kinds meet and no rule orders them, the answer is unsure: a wrong "safe" would leave
 * a relay open, a wrong "affected" would send people after a fault that they do not have.
 */
#include "advise/version.h"

enum kind {
    END = 0,
    BEFORE, /* a word of the first sort */
    PATCH,  /* of the second */
    WORD,   /* of the third */
    NUMBER,
};

struct piece {
    enum kind kind;
    struct span text; /* a number without its leading zeros */
    struct span digits;
    unsigned rank; /* of BEFORE */
};

static const struct {
    const char *word;
    enum kind kind;
    unsigned rank;
} words[] = {
    {"snapshot", BEFORE, 0}, {"dev", BEFORE, 0},     {"alpha", BEFORE, 1},  {"beta", BEFORE, 2},
    {"pre", BEFORE, 3},      {"preview", BEFORE, 3}, {"rc", BEFORE, 4},     {"p", PATCH, 0},
    {"pl", PATCH, 0},        {"patch", PATCH, 0},    {"release", PATCH, 0}, {"rel", PATCH, 0},
    {"sp", PATCH, 0},        {"service", PATCH, 0},  {"pack", PATCH, 0},    {"fp", PATCH, 0},
    {"fixpack", PATCH, 0},   {"hf", PATCH, 0},       {"hotfix", PATCH, 0},  {"cu", PATCH, 0},
    {"update", PATCH, 0},    {"rollup", PATCH, 0},   {"build", PATCH, 0},   {"bld", PATCH, 0},
    {"mp", PATCH, 0},
};

static struct piece word_piece(struct span text)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (span_eq_nocase(text, span_str(words[i].word)))
            return (struct piece){.kind = words[i].kind, .text = text, .rank = words[i].rank};
    return (struct piece){.kind = WORD, .text = text};
}

static struct piece next_piece(struct span *rest)
{
    size_t n = 0;

    while (rest->n && !ascii_is_alnum(rest->p[0]) && rest->p[0] != '+')
        *rest = span_slice(*rest, 1, rest->n);
    if (rest->n == 0 || rest->p[0] == '+')
        return (struct piece){.kind = END};
    bool digit = ascii_is_digit(rest->p[0]);
    while (n < rest->n && (digit ? ascii_is_digit(rest->p[n]) : ascii_is_alpha(rest->p[n])))
        n++;
    struct span text = span_slice(*rest, 0, n);
    *rest = span_slice(*rest, n, rest->n);
    if (!digit)
        return word_piece(text);
    struct span bare = text;
    while (bare.n > 1 && bare.p[0] == '0')
        bare = span_slice(bare, 1, bare.n);
    return (struct piece){.kind = NUMBER, .text = bare, .digits = text};
}

/* Without the "v" or "version" that makers put in front. */
static struct span start(struct span v)
{
    struct span rest = span_trim(v), after = rest;
    struct piece first = next_piece(&after);

    if ((first.kind == WORD && (span_eq_nocase(first.text, SPAN_LIT("v")) ||
                                span_eq_nocase(first.text, SPAN_LIT("version")))) ||
        (first.kind == PATCH && span_eq_nocase(first.text, SPAN_LIT("release"))))
        return after;
    return rest;
}

static enum advise_order order_of(int sign)
{
    return sign < 0 ? ADVISE_LESS : sign > 0 ? ADVISE_GREATER : ADVISE_EQUAL;
}

/* Numbers may be longer than any integer, so they stay text: the longer is the greater. */
static enum advise_order number_order(const struct piece *a, const struct piece *b)
{
    if (a->text.n != b->text.n)
        return a->text.n < b->text.n ? ADVISE_LESS : ADVISE_GREATER;
    return order_of(memcmp(a->text.p, b->text.p, a->text.n));
}

static enum advise_order fraction_order(const struct piece *a, const struct piece *b)
{
    size_t n = a->digits.n > b->digits.n ? a->digits.n : b->digits.n;

    for (size_t i = 0; i < n; i++) {
        char x = i < a->digits.n ? a->digits.p[i] : '0', y = i < b->digits.n ? b->digits.p[i] : '0';

        if (x != y)
            return x < y ? ADVISE_LESS : ADVISE_GREATER;
    }
    return ADVISE_EQUAL;
}

static enum advise_order word_order(const struct piece *a, const struct piece *b)
{
    if (span_eq_nocase(a->text, b->text))
        return ADVISE_EQUAL;
    if (a->text.n != 1 || b->text.n != 1)
        return ADVISE_UNSURE;
    return order_of(ascii_lower(a->text.p[0]) - ascii_lower(b->text.p[0]));
}

static bool zero(const struct piece *p)
{
    return p->kind == NUMBER && p->text.n == 1 && p->text.p[0] == '0';
}

/* Pieces of different kinds: a before-release is the least, then the end, then a patch. */
static enum advise_order kind_order(const struct piece *a, const struct piece *b)
{
    if (a->kind == BEFORE)
        return ADVISE_LESS;
    if (b->kind == BEFORE)
        return ADVISE_GREATER;
    if (a->kind == END)
        return ADVISE_LESS;
    if (b->kind == END)
        return ADVISE_GREATER;
    if (a->kind == WORD || b->kind == WORD)
        return ADVISE_UNSURE;
    return a->kind == PATCH ? ADVISE_LESS : ADVISE_GREATER;
}

static enum advise_order piece_order(const struct piece *a, const struct piece *b, bool fraction)
{
    if (a->kind != b->kind)
        return kind_order(a, b);
    switch (a->kind) {
    case NUMBER:
        return fraction ? fraction_order(a, b) : number_order(a, b);
    case WORD:
        return word_order(a, b);
    case BEFORE:
        return order_of((int)a->rank - (int)b->rank);
    case PATCH:
    case END:
        break;
    }
    return ADVISE_EQUAL;
}

enum advise_order advise_version_compare(struct span a, struct span b, bool decimal)
{
    unsigned numbers = 0;

    a = start(a);
    b = start(b);
    for (;;) {
        struct piece x = next_piece(&a), y = next_piece(&b);

        if (x.kind == END && y.kind == END)
            return ADVISE_EQUAL;
        /* 8.12 is 8.12.0. */
        if ((x.kind == END && zero(&y)) || (y.kind == END && zero(&x)))
            continue;
        numbers += x.kind == NUMBER && y.kind == NUMBER;
        enum advise_order order = piece_order(&x, &y, decimal && numbers == 2);
        if (order != ADVISE_EQUAL)
            return order;
    }
}

bool advise_version_begins(struct span v, struct span head, bool decimal)
{
    unsigned numbers = 0;

    v = start(v);
    head = start(head);
    for (;;) {
        struct piece y = next_piece(&head), x;

        if (y.kind == END)
            return true;
        x = next_piece(&v);
        numbers += x.kind == NUMBER && y.kind == NUMBER;
        if (x.kind != y.kind || piece_order(&x, &y, decimal && numbers == 2) != ADVISE_EQUAL)
            return false;
    }
}

/* "8" tells nothing about 8.9.3: one number that the bound begins with and goes on from. */
static bool too_short(struct span v, struct span bound, bool decimal)
{
    struct span rest = start(v);

    return next_piece(&rest).kind == NUMBER && next_piece(&rest).kind == END &&
           advise_version_begins(bound, v, decimal) &&
           advise_version_compare(v, bound, decimal) != ADVISE_EQUAL;
}

enum op { OP_NONE, OP_LT, OP_LE, OP_GT, OP_GE };

static enum op take_op(struct span *s)
{
    bool equal = s->n > 1 && s->p[1] == '=';
    enum op op = OP_NONE;

    if (s->n && s->p[0] == '<')
        op = equal ? OP_LE : OP_LT;
    else if (s->n && s->p[0] == '>')
        op = equal ? OP_GE : OP_GT;
    if (op != OP_NONE)
        *s = span_trim(span_slice(*s, equal ? 2 : 1, s->n));
    return op;
}

static enum advise_within bound_has(enum op op, struct span bound, struct span v, bool decimal)
{
    enum advise_order order = advise_version_compare(v, bound, decimal);
    bool below = advise_version_begins(v, bound, decimal), in = false;

    if (order == ADVISE_UNSURE || too_short(v, bound, decimal))
        return ADVISE_MAYBE;
    switch (op) {
    case OP_LT:
        in = order == ADVISE_LESS;
        break;
    case OP_LE:
        in = order != ADVISE_GREATER || below;
        break;
    case OP_GT:
        in = order == ADVISE_GREATER && !below;
        break;
    case OP_GE:
        in = order != ADVISE_LESS;
        break;
    case OP_NONE:
        in = below || order == ADVISE_EQUAL;
        break;
    }
    return in ? ADVISE_IN : ADVISE_OUT;
}

static enum advise_within both(enum advise_within a, enum advise_within b)
{
    if (a == ADVISE_OUT || b == ADVISE_OUT)
        return ADVISE_OUT;
    return a == ADVISE_MAYBE || b == ADVISE_MAYBE ? ADVISE_MAYBE : ADVISE_IN;
}

/* Cuts the next bound off an item: up to the next "<" or ">" or the word "to". */
static struct span take_bound(struct span *item, bool *ret_to)
{
    size_t n = 0, to = span_find_nocase(*item, SPAN_LIT(" to "));
    struct span bound;

    while (n < item->n && item->p[n] != '<' && item->p[n] != '>')
        n++;
    *ret_to = to < n;
    if (*ret_to)
        n = to;
    bound = span_trim(span_slice(*item, 0, n));
    *item = span_trim(span_slice(*item, *ret_to ? n + 4 : n, item->n));
    return bound;
}

static enum advise_within item_has(struct span item, struct span v, bool decimal)
{
    enum advise_within got = ADVISE_IN;

    while (item.n) {
        enum op op = take_op(&item);
        bool to;
        struct span bound = take_bound(&item, &to);

        got = both(got, bound_has(to && op == OP_NONE ? OP_GE : op, bound, v, decimal));
        if (to)
            return both(got, bound_has(OP_LE, item, v, decimal));
    }
    return got;
}

enum advise_within advise_range_has(struct span range, struct span v, bool decimal)
{
    enum advise_within got = ADVISE_OUT;
    struct span item;

    while (got != ADVISE_IN && span_cut(&range, ',', &item)) {
        enum advise_within one;

        item = span_trim(item);
        if (item.n == 0)
            continue;
        one = span_eq_nocase(item, SPAN_LIT("all")) ? ADVISE_IN : item_has(item, v, decimal);
        if (one != ADVISE_OUT)
            got = one;
    }
    return got;
}

static const char *bound_fault(struct span bound)
{
    struct span rest = start(bound);

    if (bound.n == 0)
        return "a version is missing";
    if (span_ends_nocase(bound, SPAN_LIT(" to")) || span_starts_nocase(bound, SPAN_LIT("to ")))
        return "\"to\" stands between two bare versions";
    if (bound.n > ADVISE_VERSION_MAX)
        return "a version is longer than 80 octets";
    return next_piece(&rest).kind == NUMBER ? NULL : "a version begins with a number";
}

static const char *item_fault(struct span item)
{
    unsigned bounds = 0;

    if (item.n == 0)
        return "nothing between two commas";
    while (item.n) {
        enum op op = take_op(&item);
        bool to;
        struct span bound = take_bound(&item, &to);
        const char *fault = bound_fault(bound);

        if (fault)
            return fault;
        if (to)
            return op != OP_NONE || bounds ? "\"to\" stands between two bare versions"
                                           : bound_fault(item);
        if (++bounds > 2 || (bounds == 2 && op == OP_NONE))
            return "at most two bounds in one item";
    }
    return NULL;
}

const char *advise_range_check(struct span range)
{
    unsigned items = 0;
    struct span item;

    if (span_trim(range).n == 0)
        return "empty; \"all\" stands for every version";
    while (span_cut(&range, ',', &item)) {
        const char *fault;

        item = span_trim(item);
        fault = span_eq_nocase(item, SPAN_LIT("all")) ? NULL : item_fault(item);
        if (fault)
            return fault;
        if (++items > ADVISE_RANGE_ITEMS)
            return "more than 16 items";
    }
    return NULL;
}
