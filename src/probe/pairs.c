/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Everybody's sixteen fixed rows share one sender, and so miss what fails only in company: a server
 * that takes the percent hack from the empty sender alone, say. All senders with all recipients is
 * too much for any error budget. The middle is pairwise: each sender meets each recipient family
 * once, by a row that rotates, so that over all senders most rows of a family get their turn; and
 * each row is met once by the likeliest sender, which is the one nothing else can be blamed for.
 *
 * All of that is made every time, the full set too, and then filtered: an id that a report named is
 * found again whatever set the next run has. Order is by likelihood, then by the order of the rows
 * in their files, so that the same catalogue gives the same list on every machine.
 */
#include "probe/pairs_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum pairs_rank {
    RANK_STANDARD = 0,
    RANK_FULL, /* in the full set only */
};

struct made {
    struct probe probe;
    enum pairs_rank rank;
    size_t order;
};

struct forms {
    const struct form **v;
    size_t n, cap;
};

struct maker {
    const struct catalogue *c;
    struct made *made;
    size_t count, cap;
    struct forms senders, rcpts, helos, channels;
    struct forms families; /* the likeliest row of each recipient family that is not opt-in */
    const struct form *own;
    const struct form *stranger; /* the likeliest sender */
    const struct form *forged;   /* the likeliest of family forged-local; NULL: there is none */
};

const char *probe_family(const struct probe *p)
{
    return p->channel ? p->channel->family : p->rcpt->family;
}

void probe_list_init(struct probe_list *list)
{
    *list = (struct probe_list){0};
}

/* The row to blame if this probe arrives: the most special one. */
static const struct form *cause_of(const struct probe *p)
{
    if (p->pair && p->pair->flaw)
        return p->pair;
    if (p->channel)
        return p->channel;
    if (strcmp(p->helo->id, "own") != 0)
        return p->helo;
    return strcmp(p->rcpt->family, "plain") == 0 ? p->sender : p->rcpt;
}

static void make_id(struct probe *p)
{
    static const char *const befores[] = {"", ".after-rejected", ".after-local"};
    bool own = strcmp(p->helo->id, "own") == 0;

    /* Five texts of bounded length: PROBE_ID_MAX has room for them. */
    snprintf(p->id, sizeof(p->id), "%s.%s%s%s%s%s%s", p->sender->id, p->rcpt->id,
             own ? "" : ".helo-", own ? "" : p->helo->id, befores[p->before], p->channel ? "+" : "",
             p->channel ? p->channel->id : "");
}

void pairs_finish(struct probe *p, unsigned prior)
{
    const struct form *parts[] = {p->sender, p->rcpt, p->helo, p->channel, p->pair};

    p->prior = prior ? prior : 1;
    p->before = p->rcpt->before;
    if (p->pair && p->pair->before)
        p->before = p->pair->before;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (!parts[i])
            continue;
        p->needs |= parts[i]->needs;
        p->optin |= parts[i]->optin;
        p->risk_syntax |= parts[i]->risk_syntax;
    }
    p->cause = cause_of(p);
    if (!p->id[0])
        make_id(p);
}

static bool same(const struct probe *a, const struct probe *b)
{
    return a->sender == b->sender && a->rcpt == b->rcpt && a->helo == b->helo &&
           a->channel == b->channel && a->before == b->before;
}

/* Appends the probe unless it is there: what comes first keeps its prior and its cause. */
static int add(struct maker *m, struct probe p, unsigned prior, enum pairs_rank rank)
{
    /* A recipient without a token can be told only by the sender's. */
    if (p.rcpt->by_sender && !(p.sender->vars & 1u << EXPAND_S))
        return 0;
    if (!p.helo)
        p.helo = m->own;
    pairs_finish(&p, prior);
    for (size_t i = 0; i < m->count; i++)
        if (same(&m->made[i].probe, &p))
            return 0;
    if (m->count == PAIRS_MAX)
        return -EINVAL;
    if (array_grow(&m->made, &m->cap, sizeof(m->made[0]), m->count + 1) < 0)
        return -ENOMEM;
    m->made[m->count] = (struct made){p, rank, m->count};
    m->count++;
    return 0;
}

/* The likelihood of independent conditions together. */
static unsigned both(unsigned a, unsigned b)
{
    return (a * b + FORM_PRIOR_MAX / 2) / FORM_PRIOR_MAX;
}

static int push(struct forms *list, const struct form *f)
{
    if (array_grow(&list->v, &list->cap, sizeof(list->v[0]), list->n + 1) < 0)
        return -ENOMEM;
    list->v[list->n++] = f;
    return 0;
}

/* Puts f in its place by likelihood; equals stay in the order of the files. */
static int insert(struct forms *list, const struct form *f)
{
    size_t at = list->n;
    int err = push(list, f);

    if (err)
        return err;
    for (; at > 0 && list->v[at - 1]->prior < f->prior; at--)
        list->v[at] = list->v[at - 1];
    list->v[at] = f;
    return 0;
}

static int sort_forms(struct maker *m)
{
    int err = 0;

    for (size_t i = 0; i < m->c->count && !err; i++) {
        const struct form *f = m->c->forms[i];

        switch (f->kind) {
        case FORM_SENDER:
            err = insert(&m->senders, f);
            break;
        case FORM_RECIPIENT:
            if (strcmp(f->family, "control") != 0)
                err = insert(&m->rcpts, f);
            break;
        case FORM_HELO:
            err = insert(&m->helos, f);
            break;
        case FORM_CHANNEL:
            err = insert(&m->channels, f);
            break;
        case FORM_PAIR:
            break;
        }
    }
    for (size_t i = 0; i < m->rcpts.n && !err; i++) {
        size_t k = 0;

        while (k < m->families.n && strcmp(m->families.v[k]->family, m->rcpts.v[i]->family) != 0)
            k++;
        if (k == m->families.n && !m->rcpts.v[i]->optin)
            err = push(&m->families, m->rcpts.v[i]);
    }
    return err;
}

/* The rows that hold the rest together. */
static bool find_anchors(struct maker *m, char *why, size_t why_size)
{
    m->own = catalogue_find(m->c, FORM_HELO, SPAN_LIT("own"));
    m->stranger = m->senders.n ? m->senders.v[0] : NULL;
    for (size_t i = 0; i < m->senders.n && !m->forged; i++)
        if (strcmp(m->senders.v[i]->family, "forged-local") == 0)
            m->forged = m->senders.v[i];
    if (!m->stranger || !m->families.n || !m->own) {
        snprintf(why, why_size, "the catalogue has no %s",
                 !m->own        ? "HELO row \"own\""
                 : !m->stranger ? "sender"
                                : "recipient");
        return false;
    }
    return true;
}

static int add_pair_rows(struct maker *m)
{
    int err = 0;

    for (size_t i = 0; i < m->c->count && !err; i++) {
        const struct form *f = m->c->forms[i];

        if (f->kind == FORM_PAIR)
            err = add(m,
                      (struct probe){.sender = f->p_sender,
                                     .rcpt = f->p_rcpt,
                                     .helo = f->p_helo,
                                     .channel = f->p_channel,
                                     .pair = f},
                      f->prior, RANK_STANDARD);
    }
    return err;
}

/* The row of this family that sender number `turn` gets; NULL when the family has none for it. */
static const struct form *row_of_turn(const struct maker *m, const char *family, size_t turn,
                                      const struct form *sender)
{
    size_t rows = 0, k = 0;

    for (size_t i = 0; i < m->rcpts.n; i++)
        rows += strcmp(m->rcpts.v[i]->family, family) == 0 &&
                (!m->rcpts.v[i]->by_sender || sender->vars & 1u << EXPAND_S);
    if (rows == 0)
        return NULL;
    turn %= rows;
    for (size_t i = 0; i < m->rcpts.n; i++)
        if (strcmp(m->rcpts.v[i]->family, family) == 0 &&
            m->rcpts.v[i]->prior >= PAIRS_STANDARD_PRIOR &&
            (!m->rcpts.v[i]->by_sender || sender->vars & 1u << EXPAND_S) && k++ == turn)
            return m->rcpts.v[i];
    return NULL;
}

static int add_senders(struct maker *m)
{
    int err = 0;

    for (size_t s = 0; s < m->senders.n; s++) {
        const struct form *sender = m->senders.v[s];

        for (size_t f = 0; f < m->families.n && !err; f++) {
            const struct form *rcpt = row_of_turn(m, m->families.v[f]->family, s, sender);

            if (rcpt)
                err = add(m, (struct probe){.sender = sender, .rcpt = rcpt},
                          both(sender->prior, rcpt->prior), RANK_STANDARD);
        }
        for (size_t r = 0; r < m->rcpts.n && !err; r++)
            err = add(m, (struct probe){.sender = sender, .rcpt = m->rcpts.v[r]},
                      both(sender->prior, m->rcpts.v[r]->prior),
                      sender == m->stranger && m->rcpts.v[r]->prior >= PAIRS_STANDARD_PRIOR
                          ? RANK_STANDARD
                          : RANK_FULL);
    }
    return err;
}

/*
 * A HELO name costs a session of its own, so what that session can hold beside the plain forms
 * comes with it: the likeliest recipient families.
 */
static int add_helos(struct maker *m)
{
    enum { TOP_FAMILIES = 6 };
    const struct form *plain = m->families.v[0];
    int err = 0;

    for (size_t h = 0; h < m->helos.n && !err; h++) {
        const struct form *helo = m->helos.v[h];

        if (helo == m->own)
            continue;
        for (size_t f = 0; f < m->families.n && !err; f++)
            err = add(m,
                      (struct probe){.sender = m->stranger, .rcpt = m->families.v[f], .helo = helo},
                      both(helo->prior, m->families.v[f]->prior),
                      f < TOP_FAMILIES ? RANK_STANDARD : RANK_FULL);
        if (m->forged && !err)
            err = add(m, (struct probe){.sender = m->forged, .rcpt = plain, .helo = helo},
                      both(helo->prior, m->forged->prior), RANK_STANDARD);
    }
    return err;
}

/* A channel is tried with the few forms that pass anywhere; what it opens, it opens for these. */
static int add_channels(struct maker *m)
{
    enum { TOP_FAMILIES = 2 };
    const struct form *plain = m->families.v[0];
    int err = 0;

    for (size_t i = 0; i < m->channels.n && !err; i++) {
        const struct form *channel = m->channels.v[i];
        /* A login or an inner envelope is one question, whatever the envelope around it. */
        bool once = channel->channel == CHANNEL_SMUGGLE || channel->channel == CHANNEL_AUTH;

        err = add(m, (struct probe){.sender = m->stranger, .rcpt = plain, .channel = channel},
                  channel->prior, RANK_STANDARD);
        if (once)
            continue;
        if (m->forged && !err)
            err = add(m, (struct probe){.sender = m->forged, .rcpt = plain, .channel = channel},
                      both(channel->prior, m->forged->prior), RANK_STANDARD);
        for (size_t f = 1; f < m->families.n && !err; f++)
            err = add(
                m,
                (struct probe){.sender = m->stranger, .rcpt = m->families.v[f], .channel = channel},
                both(channel->prior, m->families.v[f]->prior),
                f < TOP_FAMILIES ? RANK_STANDARD : RANK_FULL);
    }
    return err;
}

static int likelier(const void *a, const void *b)
{
    const struct made *x = a, *y = b;

    if (x->probe.prior != y->probe.prior)
        return x->probe.prior > y->probe.prior ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static int choose(struct maker *m, const struct pairs_options *o, struct probe_list *ret,
                  unsigned *hits)
{
    qsort(m->made, m->count, sizeof(m->made[0]), likelier);
    for (size_t i = 0; i < m->count; i++) {
        bool in_set = o->set == PAIRS_FULL || m->made[i].rank == RANK_STANDARD;

        if (!pairs_wanted(o, &m->made[i].probe, in_set, hits))
            continue;
        if (o->set == PAIRS_QUICK && ret->count == PAIRS_QUICK_COUNT)
            continue;
        if (array_grow(&ret->probes, &ret->cap, sizeof(ret->probes[0]), ret->count + 1) < 0)
            return -ENOMEM;
        ret->probes[ret->count++] = m->made[i].probe;
    }
    return 0;
}

static int check_hits(const struct pairs_options *o, const unsigned *hits, char *why,
                      size_t why_size)
{
    for (size_t i = 0; i < o->only_count + o->skip_count; i++) {
        if (hits[i])
            continue;
        snprintf(why, why_size, "no probe is called \"%.60s\"%s",
                 i < o->only_count ? o->only[i] : o->skip[i - o->only_count],
                 i < o->only_count ? " in the families asked for" : "");
        return -EINVAL;
    }
    return 0;
}

static int make_all(struct maker *m, char *why, size_t why_size)
{
    int err = add_pair_rows(m);

    if (!err)
        err = add_senders(m);
    if (!err)
        err = add_helos(m);
    if (!err)
        err = add_channels(m);
    if (err == -EINVAL)
        snprintf(why, why_size, "the rows make more than %d probes", PAIRS_MAX);
    return err;
}

static void maker_deinit(struct maker *m)
{
    free(m->made);
    free(m->senders.v);
    free(m->rcpts.v);
    free(m->helos.v);
    free(m->channels.v);
    free(m->families.v);
}

int pairs_make(const struct catalogue *c, const struct pairs_options *o, struct probe_list *ret,
               char *why, size_t why_size)
{
    struct maker m = {.c = c};
    unsigned *hits = NULL;
    int err;

    if (!pairs_options_ok(c, o, why, why_size))
        return -EINVAL;
    err = sort_forms(&m);
    if (!err && !find_anchors(&m, why, why_size))
        err = -EINVAL;
    if (!err)
        err = make_all(&m, why, why_size);
    if (!err && !(hits = calloc(o->only_count + o->skip_count + 1, sizeof(*hits))))
        err = -ENOMEM;
    if (!err)
        err = choose(&m, o, ret, hits);
    if (!err)
        err = check_hits(o, hits, why, why_size);
    free(hits);
    maker_deinit(&m);
    if (err)
        probe_list_deinit(ret);
    return err;
}
