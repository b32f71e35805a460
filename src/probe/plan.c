/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The list comes ordered by likelihood, so the plan takes what is due from its front. The lead
 * probe fixes HELO and channel, because both belong to a session; the rest of the session is filled
 * with others of the same kind, grouped by sender, because a sender belongs to a transaction.
 *
 * A sender that this server has not yet taken gets one recipient only: when MAIL is refused, every
 * pipelined RCPT behind it is one more error on our account.
 */
#include "probe/plan.h"

#include <string.h>

enum { SENDERS_MAX = 128 };

struct senders {
    const struct form *form[SENDERS_MAX];
    bool taken[SENDERS_MAX]; /* MAIL was accepted once on this door */
    size_t count;
};

/* The conditions that only the server's EHLO reply or its name can tell. */
static uint32_t unmet_by_server(const struct door *d, uint32_t needs)
{
    static const struct {
        uint32_t need;
        unsigned ext;
    } table[] = {
        {NEED_SMTPUTF8, SMTP_EXT_SMTPUTF8}, {NEED_8BITMIME, SMTP_EXT_8BITMIME},
        {NEED_CHUNKING, SMTP_EXT_CHUNKING}, {NEED_XCLIENT, SMTP_EXT_XCLIENT},
        {NEED_XFORWARD, SMTP_EXT_XFORWARD}, {NEED_PIPELINING, SMTP_EXT_PIPELINING},
        {NEED_AUTH, SMTP_EXT_AUTH},
    };

    for (size_t i = 0; d->ehlo_seen && i < sizeof(table) / sizeof(table[0]); i++)
        if ((needs & table[i].need) && !(d->ehlo.ext & table[i].ext))
            return table[i].need;
    if ((needs & NEED_HOST) && !d->host->name && d->host->name_checked)
        return NEED_HOST;
    return 0;
}

static const uint32_t server_needs = NEED_SMTPUTF8 | NEED_8BITMIME | NEED_CHUNKING | NEED_XCLIENT |
                                     NEED_XFORWARD | NEED_PIPELINING | NEED_AUTH;

static bool awaits_server(const struct door *d, uint32_t needs)
{
    if (!d->ehlo_seen && (needs & server_needs))
        return true;
    return (needs & NEED_HOST) && !d->host->name && !d->host->name_checked;
}

bool plan_alone(const struct probe *p)
{
    return p->before != BEFORE_NONE || p->rcpt->by_sender;
}

bool plan_same_mail(const struct probe *a, const struct probe *b)
{
    static const uint32_t params = NEED_SMTPUTF8 | NEED_8BITMIME;

    return a->sender == b->sender && (a->needs & params) == (b->needs & params);
}

bool plan_scout(const struct door *d)
{
    if (d->ehlo_seen || d->session_count > 0)
        return false;
    for (size_t i = 0; i < d->result_count; i++)
        if (d->results[i].state == PROBE_UNTRIED)
            return true;
    return false;
}

void plan_skip_unmet(struct door *d)
{
    for (size_t i = 0; i < d->result_count; i++) {
        struct result *r = &d->results[i];
        uint32_t needs = d->host->run->list->probes[i].needs & (server_needs | NEED_HOST), unmet;

        /* The list is always at hand; a host's results are not when thousands take turns. */
        if (!needs || r->state != PROBE_UNTRIED)
            continue;
        unmet = unmet_by_server(d, needs);
        if (unmet) {
            r->state = PROBE_SKIPPED;
            r->need = unmet;
        }
    }
}

bool plan_due(const struct door *d, size_t i, int64_t now)
{
    const struct result *r = &d->results[i];

    if (r->state == PROBE_DEFERRED)
        return r->retry_at <= now;
    if (r->state != PROBE_UNTRIED && r->state != PROBE_TAKEN)
        return false;
    return !awaits_server(d, d->host->run->list->probes[i].needs);
}

static void senders_add(struct senders *s, const struct form *form, bool taken)
{
    size_t k = 0;

    while (k < s->count && s->form[k] != form)
        k++;
    if (k == SENDERS_MAX)
        return;
    if (k == s->count) {
        s->form[k] = form;
        s->taken[k] = false;
        s->count++;
    }
    s->taken[k] = s->taken[k] || taken;
}

static void senders_read(const struct door *d, struct senders *s)
{
    s->count = 0;
    for (size_t i = 0; i < d->result_count; i++) {
        const struct result *r = &d->results[i];
        bool asked =
            r->state >= PROBE_REFUSED && r->state != PROBE_INFERRED && r->state != PROBE_LOST;

        if (asked)
            senders_add(s, d->host->run->list->probes[i].sender, r->stage != SMTP_STAGE_MAIL);
    }
}

static bool sender_taken(const struct senders *s, const struct form *form)
{
    for (size_t k = 0; k < s->count; k++)
        if (s->form[k] == form)
            return s->taken[k];
    return false;
}

/* What is left to spend while the plan grows. */
struct purse {
    unsigned refusals, syntax, resets;
};

static bool purse_pay(struct purse *p, const struct probe *probe, bool new_sender, bool first)
{
    unsigned cost =
        1u + (new_sender && probe->sender->risk_syntax) + (probe->before != BEFORE_NONE);
    unsigned syntax = probe->risk_syntax ? 1 : 0;

    /* The smallest budget still buys one probe a session, or it would never be asked. */
    if (first && p->refusals > 0) {
        cost = cost < p->refusals ? cost : p->refusals;
        syntax = syntax < p->syntax ? syntax : p->syntax;
    }
    if (p->refusals < cost || p->syntax < syntax)
        return false;
    p->refusals -= cost;
    p->syntax -= syntax;
    return true;
}

static bool fits_lead(const struct door *d, size_t i, const struct probe *lead)
{
    const struct probe *p = &d->host->run->list->probes[i];

    return p->helo == lead->helo && p->channel == lead->channel;
}

/* Fills one transaction with the probes of this sender, from probe `first` on. */
static bool tx_fill(const struct door *d, size_t first, int64_t now, const struct senders *senders,
                    const struct probe *lead, struct purse *purse, bool *planned, struct plan *plan)
{
    const struct probe *probes = d->host->run->list->probes;
    bool taken = sender_taken(senders, probes[first].sender),
         deliver = d->results[first].state == PROBE_TAKEN;
    /* What a body may prove must not depend on what stands before it in the transaction. */
    bool alone = plan_alone(&probes[first]) || (!taken && !deliver);
    size_t most = alone ? 1 : d->budget.rcpts;
    struct plan_tx *tx = &plan->txs[plan->tx_count];

    *tx = (struct plan_tx){.kind = deliver ? PLAN_DELIVER : PLAN_SURVEY,
                           .from = (uint16_t)plan->item_count};
    for (size_t i = first; i < d->result_count && tx->count < most; i++) {
        if (planned[i] || !plan_same_mail(&probes[i], &probes[first]) || !fits_lead(d, i, lead) ||
            !plan_due(d, i, now) || deliver != (d->results[i].state == PROBE_TAKEN) ||
            (i != first && plan_alone(&probes[i])))
            continue;
        if (plan->item_count == PLAN_ITEMS_MAX ||
            (!deliver && !purse_pay(purse, &probes[i], !taken, plan->item_count == 0)))
            break;
        planned[i] = true;
        plan->items[plan->item_count++] = (uint16_t)i;
        tx->count++;
    }
    if (tx->count == 0)
        return false;
    plan->tx_count++;
    return true;
}

/*
 * The control goes first. Until one was taken each candidate may cost a refusal: where few are
 * forgiven, one candidate a session, in turn.
 */
static void plan_controls(const struct door *d, struct plan *plan, struct purse *purse)
{
    enum { AMPLE = 8 };
    uint16_t count = 0, from = 0;

    while (count < DOOR_CONTROLS_MAX && d->host->controls[count])
        count++;
    if (count == 0 || purse->resets == 0)
        return;
    if (d->control.state == CONTROL_ACCEPTED) {
        from = d->control.which;
        count = 1;
    } else if (purse->refusals < AMPLE && d->control.state == CONTROL_DEFERRED) {
        from = d->control.which; /* greylisting wants to see the same one again */
        count = 1;
        purse->refusals -= purse->refusals > 1 ? 1 : 0;
    } else if (purse->refusals < AMPLE || d->control.state == CONTROL_REFUSED) {
        from = (uint16_t)((d->session_count ? d->session_count - 1 : 0) % count);
        count = 1;
        purse->refusals -= purse->refusals > 1 ? 1 : 0;
    }
    purse->resets--;
    plan->txs[plan->tx_count++] = (struct plan_tx){PLAN_CONTROL, from, count};
}

bool plan_make(const struct door *d, int64_t now, unsigned refusals, uint16_t like,
               struct plan *ret)
{
    const struct probe *probes = d->host->run->list->probes, *lead;
    struct purse purse = {
        .refusals = refusals < d->budget.refusals ? refusals : d->budget.refusals,
        .syntax = d->budget.syntax,
        .resets = d->budget.resets + 1, /* the last transaction ends in QUIT */
    };
    bool planned[PLAN_PROBES_MAX];
    struct senders senders;
    size_t first = 0;

    ret->item_count = ret->tx_count = 0;
    while (first < d->result_count &&
           (!plan_due(d, first, now) || (like != PLAN_ANY && !fits_lead(d, first, &probes[like]))))
        first++;
    ret->login = first == d->result_count && door_login_due(d);
    ret->scout = ret->login || (first == d->result_count && plan_scout(d));
    if (first == d->result_count && !door_control_due(d, now) && !ret->scout)
        return false;
    if (first == d->result_count)
        first = like != PLAN_ANY ? like : 0;
    lead = &probes[first];
    memset(planned, 0, d->result_count);
    ret->lead = (uint16_t)first;
    senders_read(d, &senders);
    plan_controls(d, ret, &purse);
    for (size_t i = first; i < d->result_count; i++) {
        if (planned[i] || !fits_lead(d, i, lead) || !plan_due(d, i, now))
            continue;
        if (ret->tx_count == PLAN_TX_MAX || purse.resets == 0)
            break;
        if (tx_fill(d, i, now, &senders, lead, &purse, planned, ret))
            purse.resets--;
        else if (purse.refusals == 0 || ret->item_count == PLAN_ITEMS_MAX)
            break;
    }
    return ret->item_count > 0 || ret->scout || door_control_due(d, now);
}
