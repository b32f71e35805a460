/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A sorted array: found by halving, added by moving what is behind. A trap falls shut some times a
 * minute, and moving a megabyte then costs less than a tree would cost at every look-up.
 *
 * The file is written whole and renamed into place (by the caller), because rbldnsd reads it while
 * we run. When an entry ends is in a comment, since ip4set has no place for it: a name server that
 * reads the file serves what we wrote last, so entries that ended go at the next writing.
 */
#include "gate/trap.h"

#include "base/num.h"

#include <errno.h>
#include <stdlib.h>

#define HEADER ":127.0.0.2:trapped\n"

static struct ip client_of(struct ip ip)
{
    return ip.family == IP_V6 ? ip_prefix_of(ip, 64).ip : ip;
}

bool trap_fit(struct ip ip)
{
    return ip_public(ip);
}

void trap_deinit(struct trap_list *t)
{
    free(t->entries);
    *t = (struct trap_list){0};
}

/* Where the address is, or where it would go. */
static size_t place_of(const struct trap_list *t, struct ip ip, bool *ret_there)
{
    size_t low = 0, high = t->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = ip_cmp(t->entries[mid].ip, ip);

        if (order == 0) {
            *ret_there = true;
            return mid;
        }
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *ret_there = false;
    return low;
}

static void set_reason(struct trap_entry *e, struct span reason)
{
    size_t n = reason.n < TRAP_REASON_MAX ? reason.n : TRAP_REASON_MAX;

    for (size_t i = 0; i < n; i++)
        e->reason[i] = ascii_is_alnum(reason.p[i]) ? reason.p[i] : '-';
    e->reason[n] = '\0';
}

static void take_out(struct trap_list *t, size_t at)
{
    memmove(&t->entries[at], &t->entries[at + 1], (t->count - at - 1) * sizeof(t->entries[0]));
    t->count--;
    t->changed = true;
}

static void drop_first_to_end(struct trap_list *t)
{
    size_t first = 0;

    for (size_t i = 1; i < t->count; i++)
        if (t->entries[i].until_wall < t->entries[first].until_wall)
            first = i;
    take_out(t, first);
}

int trap_add(struct trap_list *t, struct ip ip, int64_t until_wall, struct span reason,
             int64_t now_wall)
{
    struct trap_entry *e;
    bool there;
    size_t at;

    if (!trap_fit(ip) || until_wall <= now_wall)
        return TRAP_UNFIT;
    ip = client_of(ip);
    at = place_of(t, ip, &there);
    if (there) {
        e = &t->entries[at];
        if (until_wall > e->until_wall) {
            e->until_wall = until_wall;
            t->changed = true;
        }
        return TRAP_KNOWN;
    }
    if (t->count >= TRAP_ENTRIES_MAX) {
        if (trap_expire(t, now_wall) == 0)
            drop_first_to_end(t);
        at = place_of(t, ip, &there);
    }
    if (array_grow(&t->entries, &t->cap, sizeof(t->entries[0]), t->count + 1) < 0)
        return -ENOMEM;
    e = &t->entries[at];
    memmove(e + 1, e, (t->count - at) * sizeof(*e));
    *e = (struct trap_entry){.ip = ip, .until_wall = until_wall};
    set_reason(e, reason);
    t->count++;
    t->changed = true;
    return TRAP_ADDED;
}

bool trap_remove(struct trap_list *t, struct ip ip)
{
    bool there;
    size_t at = place_of(t, client_of(ip), &there);

    if (there)
        take_out(t, at);
    return there;
}

const struct trap_entry *trap_find(const struct trap_list *t, struct ip ip, int64_t now_wall)
{
    bool there;
    size_t at = place_of(t, client_of(ip), &there);

    return there && t->entries[at].until_wall > now_wall ? &t->entries[at] : NULL;
}

size_t trap_expire(struct trap_list *t, int64_t now_wall)
{
    size_t kept = 0, gone;

    for (size_t i = 0; i < t->count; i++)
        if (t->entries[i].until_wall > now_wall)
            t->entries[kept++] = t->entries[i];
    gone = t->count - kept;
    t->count = kept;
    t->changed = t->changed || gone;
    return gone;
}

/* --- the file ------------------------------------------------------------------------------- */

void trap_write(const struct trap_list *t, enum ip_family family, int64_t now_wall, struct buf *out)
{
    int64_t until = -1;
    char text[IP_TEXT_MAX];

    buf_add_str(out, "# Clients on the gate's timed list; written anew at each change.\n" HEADER);
    for (size_t i = 0; i < t->count; i++) {
        const struct trap_entry *e = &t->entries[i];

        if (e->ip.family != family || e->until_wall <= now_wall)
            continue;
        if (e->until_wall != until)
            buf_addf(out, "#until %lld\n", (long long)e->until_wall);
        until = e->until_wall;
        buf_addf(out, "%s%s :127.0.0.2:%s\n", ip_text(e->ip, text), family == IP_V6 ? "/64" : "",
                 e->reason);
    }
}

struct reading {
    struct trap_entry *v;
    size_t count, cap;
    size_t bad;
};

/* "192.0.2.1 :127.0.0.2:reason" */
static int read_entry(struct reading *r, struct span line, int64_t until, int64_t now_wall)
{
    struct ip_prefix net;
    struct span word, value = SPAN_NULL;
    struct trap_entry *e;

    span_word(&line, &word);
    if (!ip_prefix_parse(word, &net) || net.len < (net.ip.family == IP_V6 ? 64U : 32U) ||
        !trap_fit(net.ip) || r->count == TRAP_ENTRIES_MAX) {
        r->bad++;
        return 0;
    }
    if (span_word(&line, &value))
        value = span_slice(value, span_rfind(value, ':') + 1, value.n);
    if (until <= now_wall)
        return 0; /* ended while nobody looked: no fault of the file */
    if (array_grow(&r->v, &r->cap, sizeof(r->v[0]), r->count + 1) < 0)
        return -ENOMEM;
    e = &r->v[r->count++];
    *e = (struct trap_entry){.ip = client_of(net.ip), .until_wall = until};
    set_reason(e, value);
    return 0;
}

static int by_address(const void *a, const void *b)
{
    const struct trap_entry *x = a, *y = b;

    return ip_cmp(x->ip, y->ip);
}

/* In the order of addresses each goes to the end of an empty list, and nothing has to move. */
static int add_all(struct trap_list *t, struct reading *r, int64_t now_wall)
{
    int got = 0;

    if (r->count)
        qsort(r->v, r->count, sizeof(r->v[0]), by_address);
    for (size_t i = 0; i < r->count && got >= 0; i++)
        got = trap_add(t, r->v[i].ip, r->v[i].until_wall, span_str(r->v[i].reason), now_wall);
    return got < 0 ? got : 0;
}

int trap_read(struct trap_list *t, struct span text, int64_t until_wall, int64_t now_wall,
              size_t *ret_bad)
{
    struct reading reading = {0};
    int64_t until = until_wall;
    struct span line;
    int r = 0;

    while (r == 0 && span_cut(&text, '\n', &line)) {
        uint64_t wall;

        line = span_trim(line);
        if (span_starts(line, SPAN_LIT("#until "))) {
            bool ok = num_u64(span_slice(line, 7, line.n), 0, INT64_MAX / 2, &wall);

            reading.bad += !ok;
            until = ok ? (int64_t)wall : until_wall;
        }
        if (!line.n || line.p[0] == '#' || line.p[0] == ':' || line.p[0] == '$')
            continue;
        if (line.n > TRAP_LINE_MAX)
            reading.bad++;
        else
            r = read_entry(&reading, line, until, now_wall);
    }
    if (r == 0)
        r = add_all(t, &reading, now_wall);
    free(reading.v);
    *ret_bad = reading.bad;
    return r;
}
