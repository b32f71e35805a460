/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The second pass: entries of one dataset, into the table of one zone. Each type of rbldnsd is a
 * grammar for the key and a kind of table; value, exclusion and comment are the same for all. What
 * an entry without a value says is worked out once and kept until the default changes.
 *
 * A dataset that belongs to several sub-zones is read once for each: that costs a few tenths of a
 * second for a million lines, is rare, and spares a copy of everything in memory.
 */
#include "listfile/rbl_addr.h"
#include "listfile/rbl_priv.h"
#include "listfile/rbl_word.h"

#include <errno.h>

/* A dataset on its way into one table. */
struct filler {
    struct rbl_work *w;
    const struct rbl_set *set;
    struct zone_data *data;
    struct zone_table *table;
    struct rbl_raw def;
    uint32_t def_value;
    bool def_made;
    uint32_t ttl; /* generic: of the entries that follow */
};

static enum zone_kind kind_of(enum rbl_type type)
{
    switch (type) {
    case RBL_IP6TRIE:
    case RBL_IP6TSET:
        return ZONE_IPV6;
    case RBL_DNSET:
        return ZONE_NAME;
    case RBL_GENERIC:
        return ZONE_RECORDS;
    case RBL_IP4SET:
    case RBL_IP4TRIE:
    case RBL_IP4TSET:
    case RBL_COMBINED:
    case RBL_ACL:
    case RBL_TYPES:
        break;
    }
    return ZONE_IPV4;
}

static enum zone_rule rule_of(enum rbl_type type)
{
    if (type == RBL_IP4SET)
        return ZONE_OCTETS;
    return type == RBL_IP4TRIE || type == RBL_IP6TRIE ? ZONE_TRIE : ZONE_LONGEST;
}

static bool trivial(const struct filler *f)
{
    return f->set->type == RBL_IP4TSET || f->set->type == RBL_IP6TSET;
}

static void bad_address(struct filler *f, enum rbl_addr why, struct span line)
{
    static const char *const remedies[] = {
        [RBL_ADDR_OK] = "put a blank behind the address",
        [RBL_ADDR_BAD] = "write an address, a prefix or a range as rbldnsd(8) has them",
        [RBL_ADDR_BARE] = "write the prefix length, as in 127/8",
        [RBL_ADDR_BITS] = "at most /32 for IPv4, /128 for IPv6",
        [RBL_ADDR_MIXED] = "give both ends the same number of octets",
        [RBL_ADDR_REVERSE] = "put the lower address first",
        [RBL_ADDR_HOST] = "clear the bits behind the prefix length, or allow it as with -e",
    };
    const char *what = why == RBL_ADDR_OK ? "not an address" : rbl_addr_name(why);

    rbl_skip(f->w, line, what, remedies[why]);
}

/* Is the address taken, as far as it goes? */
static bool address_ok(struct filler *f, enum rbl_addr r, struct span rest, struct span line)
{
    if (r == RBL_ADDR_HOST && f->w->options->loose_cidr)
        r = RBL_ADDR_OK;
    if (r == RBL_ADDR_OK && rbl_tail_ok(rest))
        return true;
    bad_address(f, r, line);
    return false;
}

/* The value behind a key. 1 good, 0 bad and told, -errno. */
static int value_of(struct filler *f, struct span rest, bool excluded, uint32_t *ret)
{
    struct rbl_raw raw = f->def;
    int r;

    if (excluded) {
        *ret = ZONE_EXCLUDED;
        return 1;
    }
    rbl_blanks(&rest);
    bool own = rest.n && !rbl_comment(rest.p[0]);

    if (own && trivial(f)) {
        rbl_warn(f->w, rest, "a value of its own in a trivial set: left out",
                 "use ip4set or ip6trie for entries with values");
        own = false;
    }
    if (!own && f->def_made) {
        *ret = f->def_value;
        return 1;
    }
    if (own && !rbl_raw_parse(f->w, rest, &f->def, &raw))
        return 0;
    r = rbl_value(f->w, f->set, &raw, f->data, ret);
    if (r == 0 && !own) {
        f->def_made = true;
        f->def_value = *ret;
    }
    return r < 0 ? r : 1;
}

static bool take_bang(struct span *s)
{
    if (s->p[0] != '!')
        return false;
    *s = span_slice(*s, 1, s->n);
    rbl_blanks(s);
    return true;
}

static int entry4(struct filler *f, struct span line)
{
    struct span s = line;
    enum rbl_type type = f->set->type;
    bool excluded = type != RBL_IP4TSET && take_bang(&s);
    uint32_t from = 0, to = 0, value, max = f->w->max_range4;
    unsigned bits = 0;
    enum rbl_addr got;

    if (type == RBL_IP4TSET) {
        got = rbl_addr4(&s, &from, &bits);
        to = from;
        if (got == RBL_ADDR_OK && bits != 32)
            got = RBL_ADDR_BAD;
    } else {
        got = rbl_range4(&s, type == RBL_IP4SET, &from, &to, &bits);
        /* 10/0 too, with bits behind its length: no set has all addresses. */
        if ((got == RBL_ADDR_OK || got == RBL_ADDR_HOST) && bits == 0 && type == RBL_IP4SET)
            got = RBL_ADDR_BAD;
    }
    if (!address_ok(f, got, s, line))
        return 0;
    if (max && to - from >= max && type != RBL_IP4TSET) {
        rbl_skip(f->w, line, "more addresses than $MAXRANGE4 allows",
                 "list a smaller range, or raise $MAXRANGE4 at the head of the file");
        return 0;
    }
    int r = value_of(f, s, excluded, &value);

    if (r > 0)
        r = zone_table_add4(f->table, from, to, value, 0);
    else
        return r;
    f->w->good += r == 0;
    return r;
}

static int entry6(struct filler *f, struct span line)
{
    struct span s = line;
    bool excluded = take_bang(&s), tset = f->set->type == RBL_IP6TSET;
    uint8_t b[16];
    unsigned bits = 0;
    uint32_t value;
    enum rbl_addr got = tset ? rbl_addr6(&s, b, &bits) : rbl_cidr6(&s, b, &bits);

    if (!address_ok(f, got, s, line))
        return 0;
    if (tset && bits != (excluded ? 128 : 64)) {
        rbl_skip(f->w, line, "not of the length that ip6tset wants",
                 "four groups for an entry, a whole address for an exclusion");
        return 0;
    }
    int r = value_of(f, s, excluded, &value);

    if (r > 0)
        r = zone_table_add6(f->table, zone_ip6_of(b), bits, value, 0);
    else
        return r;
    f->w->good += r == 0;
    return r;
}

/* A colon or comment sign that touches a name is part of it: hardly ever what was meant. */
static bool odd_name(struct span s)
{
    struct span word;

    if (!span_word(&s, &word))
        return false;
    for (size_t i = 0; i < word.n; i++)
        if (word.p[i] == ':' || word.p[i] == '#' || word.p[i] == ';')
            return true;
    return false;
}

static int entry_name(struct filler *f, struct span line)
{
    struct span s = line;
    bool excluded = take_bang(&s);
    unsigned spans = ZONE_PLAIN;
    struct zone_rname key;
    uint32_t value;

    if (span_starts(s, SPAN_LIT("."))) {
        spans = ZONE_PLAIN | ZONE_WILD;
    } else if (span_starts(s, SPAN_LIT("*."))) {
        spans = ZONE_WILD;
        s = span_slice(s, 2, s.n);
    }
    if (odd_name(s))
        rbl_warn(f->w, line, "a colon or comment sign is taken for part of the name",
                 "put a blank behind the name");
    if (!rbl_rname(&s, &key) || key.n == 0) {
        rbl_skip(f->w, line, "not a name", "labels of at most 63 octets, 255 in all");
        return 0;
    }
    int r = value_of(f, s, excluded, &value);

    if (r > 0)
        r = zone_table_add_name(f->table, &key, spans, value, 0);
    else
        return r;
    f->w->good += r == 0;
    return r;
}

/* A line that sets the default? "::1" is an address. */
static bool is_default(const struct filler *f, struct span s)
{
    if (s.p[0] != ':' || f->set->type == RBL_GENERIC)
        return false;
    return f->set->type != RBL_IP6TRIE || s.n == 1 || s.p[1] != ':';
}

static int entry(struct filler *f, struct span s)
{
    if (is_default(f, s)) {
        if (!trivial(f) && rbl_raw_parse(f->w, s, &rbl_raw_default, &f->def))
            f->def_made = false;
        return 0;
    }
    switch (f->table->kind) {
    case ZONE_IPV4:
        return entry4(f, s);
    case ZONE_IPV6:
        return entry6(f, s);
    case ZONE_NAME:
        return entry_name(f, s);
    case ZONE_RECORDS:
        return rbl_generic(f->w, s, f->ttl, f->table);
    case ZONE_PATTERN:
        break;
    }
    return 0;
}

/* What changes from line to line; the rest was read in the first pass. */
static void special(struct filler *f, struct span s)
{
    uint32_t ttl;

    if (rbl_keyword(&s, "maxrange4"))
        rbl_max_range(s, f->w, false);
    else if (rbl_keyword(&s, "ttl") && rbl_ttl(&s, f->w->options, 0, &ttl) && s.n == 0)
        f->ttl = ttl;
}

static int fill_part(struct filler *f, const struct rbl_part *part)
{
    struct rbl_lines lines = {.left = part->text, .line = part->line};
    struct rbl_work *w = f->w;
    struct span s;
    enum rbl_line kind;
    int r = 0;

    w->file = part->file;
    w->max_range4 = part->max_range4;
    f->ttl = part->ttl;
    /* A default ends with its file, but in a combined dataset, which goes on in the next one. */
    if (part == f->set->parts || !w->combined) {
        f->def = trivial(f) && f->set->def_known ? f->set->def : rbl_raw_default;
        f->def_made = false;
    }
    while (r == 0 && (kind = rbl_line_next(&lines, &s)) != RBL_LINE_END) {
        w->line = lines.line;
        if (kind == RBL_LINE_DATA)
            r = entry(f, s);
        else if (kind == RBL_LINE_SPECIAL)
            special(f, s);
    }
    return r;
}

int rbl_entries(struct rbl_work *w, const struct rbl_set *set, struct zone_data *data)
{
    struct filler f = {.w = w, .set = set, .data = data};
    size_t octets = 0;
    int r = zone_data_table(data, kind_of(set->type), rule_of(set->type), &f.table);

    for (size_t i = 0; i < set->part_count; i++)
        octets += set->parts[i].text.n;
    if (r == 0)
        zone_table_reserve(f.table, octets / 16);
    for (size_t i = 0; r == 0 && i < set->part_count; i++)
        r = fill_part(&f, &set->parts[i]);
    return r;
}
