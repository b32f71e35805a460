/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A delay doubles with each reply, and begins higher for a client that has tried more often: so a
 * client that came once by mistake waits a second, and one that goes on waits a minute each time.
 * After TARPIT_REPLIES it is sent away: by then it has been held for a quarter of an hour, and a
 * slot is better given to the next.
 *
 * Held sessions form a ring in the order in which they began to wait; the first is the one to shed.
 *
 * Offenders live in a table of fixed size with chains over a keyed hash. When it is full, a clock
 * hand takes who has fewest offences of the next few: a flood of addresses pushes out other
 * newcomers before it pushes out an old offender.
 */
#include "gate/tarpit.h"

#include <assert.h>

enum { NONE = -1, HAND_LOOKS = 8, LEVEL_MAX = 6 };

void tarpit_init(struct tarpit *t, const struct tarpit_config *config, uint32_t seed)
{
    memset(t, 0, sizeof(*t));
    t->config = *config;
    t->seed = seed;
    if (t->config.delay_max == 0)
        t->config.delay_max = TARPIT_DELAY;
    if (t->config.delay_max > TARPIT_REPLY_MAX)
        t->config.delay_max = TARPIT_REPLY_MAX;
    for (size_t i = 0; i < TARPIT_CLIENTS; i++)
        t->buckets[i] = NONE;
    t->held.prev = t->held.next = &t->held;
}

/* --- offenders ------------------------------------------------------------------------------ */

/* An IPv6 client is its /64: that much is handed to everybody. */
static struct ip client_of(struct ip ip)
{
    return ip.family == IP_V6 ? ip_prefix_of(ip, 64).ip : ip;
}

static unsigned bucket_of(const struct tarpit *t, struct ip ip)
{
    uint32_t h = t->seed ^ 2166136261U;

    for (size_t i = 0; i < sizeof(ip.b); i++)
        h = (h ^ ip.b[i]) * 16777619U;
    h = (h ^ (h >> 15) ^ t->seed) * 0x2c1b3c6dU;
    return (h ^ (h >> 13)) % TARPIT_CLIENTS;
}

static int32_t find(const struct tarpit *t, struct ip ip)
{
    int32_t i = t->buckets[bucket_of(t, ip)];

    while (i != NONE && !ip_eq(t->clients[i].ip, ip))
        i = t->clients[i].next;
    return i;
}

static uint32_t faded(const struct tarpit_client *c, int64_t now)
{
    int64_t halves = (now - c->last) / TARPIT_FADE;

    return halves < 0 ? c->offences : halves > 31 ? 0 : c->offences >> halves;
}

static void unchain(struct tarpit *t, int32_t at)
{
    int32_t *p = &t->buckets[bucket_of(t, t->clients[at].ip)];

    while (*p != at)
        p = &t->clients[*p].next;
    *p = t->clients[at].next;
}

static int32_t evict(struct tarpit *t, int64_t now)
{
    int32_t victim = NONE;

    for (unsigned i = 0; i < HAND_LOOKS; i++) {
        int32_t at = (int32_t)t->hand;

        t->hand = (t->hand + 1) % TARPIT_CLIENTS;
        if (victim == NONE || faded(&t->clients[at], now) < faded(&t->clients[victim], now))
            victim = at;
    }
    unchain(t, victim);
    return victim;
}

static struct tarpit_client *client_new(struct tarpit *t, struct ip ip, int64_t now)
{
    int32_t at = t->count < TARPIT_CLIENTS ? (int32_t)t->count++ : evict(t, now);
    int32_t *bucket = &t->buckets[bucket_of(t, ip)];

    t->clients[at] = (struct tarpit_client){.ip = ip, .last = now, .next = *bucket};
    *bucket = at;
    return &t->clients[at];
}

static unsigned count(struct tarpit *t, struct ip client, int64_t now)
{
    struct ip ip = client_of(client);
    int32_t at = find(t, ip);
    struct tarpit_client *c = at == NONE ? client_new(t, ip, now) : &t->clients[at];

    c->offences = faded(c, now);
    if (c->offences < TARPIT_OFFENCES_MAX)
        c->offences++;
    c->last = now;
    return c->offences;
}

unsigned tarpit_offence(struct tarpit *t, struct tarpit_session *s, struct ip client, int64_t now)
{
    if (s->offences < TARPIT_OFFENCES_MAX)
        s->offences++;
    return count(t, client, now);
}

void tarpit_heard(struct tarpit *t, struct ip client, int64_t now)
{
    count(t, client, now);
}

unsigned tarpit_offences(const struct tarpit *t, struct ip client, int64_t now)
{
    int32_t at = find(t, client_of(client));

    return at == NONE ? 0 : faded(&t->clients[at], now);
}

/* --- delays --------------------------------------------------------------------------------- */

static void hold(struct tarpit *t, struct tarpit_session *s)
{
    assert(!s->held);
    s->held = true;
    s->next = &t->held;
    s->prev = t->held.prev;
    s->prev->next = s;
    t->held.prev = s;
    t->held_count++;
}

void tarpit_release(struct tarpit *t, struct tarpit_session *s)
{
    if (!s->held)
        return;
    s->prev->next = s->next;
    s->next->prev = s->prev;
    s->prev = s->next = NULL;
    s->held = false;
    t->held_count--;
}

struct tarpit_session *tarpit_shed(struct tarpit *t)
{
    struct tarpit_session *s = t->held.next;

    if (s == &t->held)
        return NULL;
    tarpit_release(t, s);
    t->shed++;
    return s;
}

/* First, doubled `steps` times, cut at the longest. */
static int64_t delay_of(const struct tarpit *t, unsigned steps)
{
    int64_t ms = t->config.delay_first ? t->config.delay_first : TARPIT_FIRST;

    while (steps-- > 0 && ms < t->config.delay_max)
        ms *= 2;
    return ms < t->config.delay_max ? ms : t->config.delay_max;
}

enum tarpit_says tarpit_ask(struct tarpit *t, struct tarpit_session *s,
                            const struct tarpit_facts *f, int64_t now, int64_t *ret_ms)
{
    unsigned offences, level = 0;

    if (!t->config.on || f->trusted || f->after354)
        return TARPIT_GO;
    offences = tarpit_offences(t, f->client, now);
    if (offences < s->offences)
        offences = s->offences;
    if (!f->listed && offences < TARPIT_OFFENCES)
        return TARPIT_GO;
    if (offences > TARPIT_OFFENCES)
        level = offences - TARPIT_OFFENCES;
    if (level > LEVEL_MAX)
        level = LEVEL_MAX;
    if (s->replies >= TARPIT_REPLIES ||
        (t->config.sessions_max && t->held_count >= t->config.sessions_max)) {
        t->refused++;
        return TARPIT_REFUSE;
    }
    *ret_ms = delay_of(t, level + s->replies);
    s->replies++;
    hold(t, s);
    t->delayed++;
    t->delayed_ms += *ret_ms;
    return TARPIT_HOLD;
}

/* --- a line at a time ----------------------------------------------------------------------- */

static bool may_have_lines(struct span code)
{
    return code.n == 3 && (code.p[0] == '2' || code.p[0] == '4' || code.p[0] == '5') &&
           !span_eq(code, SPAN_LIT("235")) && !span_eq(code, SPAN_LIT("421"));
}

bool tarpit_drip(struct buf *reply, struct buf *line)
{
    struct span all = buf_span(reply), first = span_slice(all, 0, span_find(all, '\n') + 1);
    bool last;

    if (first.n < 5 || first.p[first.n - 1] != '\n' || !may_have_lines(span_slice(first, 0, 3)))
        return false;
    last = first.p[3] != '-';
    buf_add(line, span_slice(first, 0, 3));
    buf_add_char(line, '-');
    buf_add(line, span_slice(first, first.p[3] == '\r' ? 3 : 4, first.n));
    if (line->err) /* longer than any reply that is ours */
        return false;
    if (!last)
        buf_consume(reply, first.n);
    return true;
}
