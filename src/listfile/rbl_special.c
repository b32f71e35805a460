/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first pass over a dataset's files: its $ lines, and where its parts lie. rbldnsd looks up a
 * variable when it answers, so that one set in the last line counts for the first entry; knowing
 * them all before the first entry is read lets each text be compiled once. In a combined dataset
 * the lines before the first $DATASET are the common section: what they set holds for every dataset
 * that follows, and is not overwritten there (the first of two assignments holds). A file behind
 * the first goes on in the dataset that the one before has ended in, but only from its first $ line
 * on, whatever that says; an entry before it is one before any $DATASET. So does rbldnsd.
 *
 * Pure: whether a time stamp lies ahead is asked of the clock that came in with the options.
 */
#include "listfile/rbl_priv.h"
#include "listfile/rbl_word.h"

#include "base/num.h"

#include <errno.h>
#include <stdlib.h>

bool rbl_ttl(struct span *s, const struct rbl_options *o, uint32_t dflt, uint32_t *ret)
{
    uint32_t v;

    if (!rbl_time(s, &v))
        return false;
    if (v == 0)
        v = dflt;
    else if (o->ttl_min && v < o->ttl_min)
        v = o->ttl_min;
    else if (o->ttl_max && v > o->ttl_max)
        v = o->ttl_max;
    *ret = v;
    return true;
}

static bool special_soa(struct rbl_work *w, struct span s)
{
    struct dns_soa soa = {0};
    uint32_t ttl;

    if (!rbl_ttl(&s, w->options, w->sets[0]->ttl, &ttl) || !rbl_name(&s, &soa.mname) ||
        !rbl_name(&s, &soa.rname) || !rbl_u32(&s, &soa.serial) || !rbl_time(&s, &soa.refresh) ||
        !rbl_time(&s, &soa.retry) || !rbl_time(&s, &soa.expire) || !rbl_time(&s, &soa.minimum) ||
        s.n)
        return false;
    if (!w->meta.has_soa) {
        w->meta.soa = soa;
        w->meta.soa_ttl = ttl;
    }
    w->meta.has_soa = true;
    return true;
}

static bool has_name(const struct dns_name *names, unsigned count, const struct dns_name *name)
{
    for (unsigned i = 0; i < count; i++)
        if (span_eq_nocase(span_of(names[i].wire, names[i].n), span_of(name->wire, name->n)))
            return true;
    return false;
}

static bool special_ns(struct rbl_work *w, struct span s)
{
    struct dns_name ns[ZONE_META_NS_MAX];
    unsigned count = 0;
    uint32_t ttl;
    struct span word;

    if (!rbl_ttl(&s, w->options, w->sets[0]->ttl, &ttl) || s.n == 0)
        return false;
    while (s.n) {
        if (s.p[0] == '-') {
            span_word(&s, &word);
            rbl_blanks(&s);
            continue;
        }
        if (count == ZONE_META_NS_MAX) {
            rbl_warn(w, s, "more than 32 name servers", "the rest is not served");
            break;
        }
        if (!rbl_name(&s, &ns[count]))
            return false;
        if (!has_name(ns, count, &ns[count]))
            count++;
    }
    if (w->meta.ns_count)
        return true;
    memcpy(w->meta.ns, ns, count * sizeof(ns[0]));
    w->meta.ns_count = count;
    w->meta.ns_ttl = ttl;
    return true;
}

bool rbl_max_range(struct span s, struct rbl_work *w, bool tell)
{
    unsigned bits;
    uint32_t max;

    if (s.n && s.p[0] == '/') {
        if (!num_uint(span_slice(s, 1, s.n), 1, 32, &bits))
            return false;
        max = UINT32_C(1) << (32 - bits);
    } else if (!rbl_u32(&s, &max) || s.n || max == 0) {
        return false;
    }
    if (w->max_range4 == 0 || max <= w->max_range4)
        w->max_range4 = max;
    else if (tell)
        rbl_warn(w, s, "$MAXRANGE4 larger than the one before it",
                 "it may only be made smaller; the smaller one holds");
    return true;
}

/* *ret_outcome is set for data from the future. */
static bool special_timestamp(struct rbl_work *w, struct span s, int *ret_outcome)
{
    int64_t created, expires = 0;
    uint32_t lives;

    if (!rbl_stamp(&s, &created))
        return false;
    if (s.n && s.p[0] == '+') {
        s = span_slice(s, 1, s.n);
        if (!created || !rbl_time(&s, &lives) || !lives || s.n)
            return false;
        expires = created + lives;
    } else if (s.n && (!rbl_stamp(&s, &expires) || s.n)) {
        return false;
    }
    if (created > w->options->now_wall)
        *ret_outcome = rbl_refuse(w, SPAN_NULL, "data from the future",
                                  "set the clock that made the file, or this machine's");
    if (created > w->meta.created_wall)
        w->meta.created_wall = created;
    if (expires && (!w->meta.expires_wall || expires < w->meta.expires_wall))
        w->meta.expires_wall = expires;
    return true;
}

static bool special_var(struct rbl_work *w, struct span s)
{
    unsigned n = s.p[0] == '=' ? RBL_BASE : (unsigned)(s.p[0] - '0');
    struct rbl_set *set = w->set;

    s = span_slice(s, 1, s.n);
    rbl_blanks(&s);
    if (s.n == 0)
        return false;
    if (set->vars[n].n == 0)
        set->vars[n] = s;
    return true;
}

static int add_part(struct rbl_set *set, struct rbl_part part)
{
    if (array_grow(&set->parts, &set->part_cap, sizeof(part), set->part_count + 1) < 0)
        return -ENOMEM;
    set->parts[set->part_count++] = part;
    return 0;
}

static int add_set(struct rbl_work *w, enum rbl_type type)
{
    struct rbl_set *set = calloc(1, sizeof(*set));

    if (!set || array_grow(&w->sets, &w->set_cap, sizeof(w->sets[0]), w->set_count + 1) < 0) {
        free(set);
        return -ENOMEM;
    }
    set->type = type;
    if (w->set_count) {
        set->ttl = w->sets[0]->ttl;
        memcpy(set->vars, w->sets[0]->vars, sizeof(set->vars));
    }
    w->sets[w->set_count++] = w->set = set;
    return 0;
}

static int add_subzone(struct rbl_work *w, struct span word)
{
    struct rbl_set *set = w->set;
    struct zone_rname sub = {0};
    struct span rest = word;
    size_t zone;

    if (!span_eq(word, SPAN_LIT("@")) && !rbl_rname(&rest, &sub)) {
        rbl_skip(w, word, "no name of a sub-zone", "use a name below the zone's, or @");
        return 0;
    }
    int r = rbl_zone(w->zones, &sub, &zone);

    if (r < 0)
        return r;
    if (array_grow(&set->zones, &set->zone_cap, sizeof(zone), set->zone_count + 1) < 0)
        return -ENOMEM;
    set->zones[set->zone_count++] = zone;
    return 0;
}

/* $DATASET type[:name] subzone...; a comment may stand behind a blank. */
static int special_dataset(struct rbl_work *w, struct span s)
{
    struct span word;
    enum rbl_type type;

    if (!span_word(&s, &word))
        return rbl_refuse(w, SPAN_NULL, "$DATASET without a type", "write $DATASET ip4set @");
    word = span_slice(word, 0, span_find(word, ':'));
    if (!rbl_type_of(word, &type) || type == RBL_COMBINED || type == RBL_ACL)
        return rbl_refuse(w, word, "no type for $DATASET",
                          "use ip4set, ip4trie, ip4tset, ip6trie, ip6tset, dnset or generic");
    if (w->set_count > RBL_SETS_MAX)
        return rbl_refuse(w, SPAN_NULL, "more than 64 $DATASET lines", "split the file");
    int r = add_set(w, type);

    while (r == 0 && span_word(&s, &word) && !rbl_comment(word.p[0]))
        r = add_subzone(w, word);
    if (r == 0 && w->set->zone_count == 0)
        rbl_warn(w, SPAN_NULL, "a $DATASET without sub-zone: its data are left out",
                 "name one behind the type, or @ for the zone itself");
    return r;
}

static bool special_ttl(struct rbl_work *w, struct span s)
{
    uint32_t ttl;

    if (!rbl_ttl(&s, w->options, 0, &ttl) || s.n)
        return false;
    w->set->ttl = ttl;
    return true;
}

/* 0, an outcome, or -errno. */
static int special(struct rbl_work *w, struct span s)
{
    bool good = false;
    int outcome = 0;
    struct span all = s;

    if (rbl_keyword(&s, "soa"))
        good = special_soa(w, s);
    else if (rbl_keyword(&s, "ns") || rbl_keyword(&s, "nameserver"))
        good = special_ns(w, s);
    else if (rbl_keyword(&s, "ttl"))
        good = special_ttl(w, s);
    else if (rbl_keyword(&s, "maxrange4"))
        good = rbl_max_range(s, w, true);
    else if (rbl_keyword(&s, "timestamp"))
        good = special_timestamp(w, s, &outcome);
    else if (w->combined && rbl_keyword(&s, "dataset"))
        return special_dataset(w, s);
    else if (s.n > 1 && (ascii_is_digit(s.p[0]) || s.p[0] == '=') &&
             (s.p[1] == ' ' || s.p[1] == '\t'))
        good = special_var(w, s);
    if (!good)
        rbl_skip(w, all, "a $ line that is not understood",
                 "see \"Special Entries\" in rbldnsd(8)");
    return outcome;
}

/* The default of a trivial set: the first good one, wherever it stands. */
static void trivial_default(struct rbl_work *w, struct span line)
{
    struct rbl_set *set = w->set;

    if (line.p[0] == ':' && !set->def_known &&
        (set->type == RBL_IP4TSET || set->type == RBL_IP6TSET))
        set->def_known = rbl_raw_parse(w, line, &rbl_raw_default, &set->def);
}

static void told_by_file(struct rbl_work *w, const struct rbl_lines *lines)
{
    if (lines->cr) {
        w->line = 0;
        rbl_warn(w, SPAN_NULL, "line ends of CR LF", "rbldnsd takes no such line");
    }
    if (lines->unended) {
        w->line = lines->line;
        rbl_warn(w, SPAN_NULL, "the last line has no end",
                 "if the file was cut off, fetch it again");
    }
}

static int outline_file(struct rbl_work *w, const struct rbl_file *file)
{
    struct rbl_lines lines = {.left = file->text};
    struct span s;
    enum rbl_line kind;
    struct rbl_part part = {file->name, file->text, 0, w->max_range4, w->set->ttl};
    bool in_set = !w->combined;
    int r = 0;

    w->file = file->name;
    while (r == 0 && (kind = rbl_line_next(&lines, &s)) != RBL_LINE_END) {
        struct rbl_set *before = w->set;

        w->line = lines.line;
        if (kind == RBL_LINE_SPECIAL)
            r = special(w, s);
        else if (kind == RBL_LINE_BAD)
            rbl_skip(w, SPAN_NULL, "a line over 4096 octets, or with a NUL in it", "mend it");
        else if (!in_set)
            r = rbl_refuse(w, s, "an entry before any $DATASET", "write a $DATASET line before it");
        else
            trivial_default(w, s);
        bool new_set = w->set != before;

        if (r == 0 && new_set) {
            /* The part of the set before ends here. */
            part.text = span_slice(part.text, 0, (size_t)(lines.left.p - part.text.p));
            if (in_set)
                r = add_part(before, part);
            part =
                (struct rbl_part){file->name, lines.left, lines.line, w->max_range4, w->set->ttl};
        }
        in_set = in_set || new_set || (kind == RBL_LINE_SPECIAL && w->set != w->sets[0]);
    }
    if (r == 0 && in_set)
        r = add_part(w->set, part);
    told_by_file(w, &lines);
    return r;
}

int rbl_outline(struct rbl_work *w, enum rbl_type type, const struct rbl_file *files, size_t count)
{
    int r = add_set(w, type);

    w->combined = type == RBL_COMBINED;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = outline_file(w, &files[i]);
    return r;
}
