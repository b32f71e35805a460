/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Turns a plan into steps: MAIL, RCPT for each probe, and what ends the transaction. */
#include "probe/session_priv.h"

#include <errno.h>

static const struct probe *probe_at(const struct session *s, size_t i)
{
    return &s->door->host->run->list->probes[i];
}

static int step_add(struct session *s, enum smtp_stage stage, size_t tx, size_t probe,
                    unsigned control, bool filler)
{
    if (array_grow(&s->steps, &s->step_cap, sizeof(s->steps[0]), s->step_count + 1) < 0)
        return -ENOMEM;
    s->steps[s->step_count++] = (struct session_step){
        .stage = (uint8_t)stage,
        .filler = filler,
        .control = (uint8_t)control,
        .tx = (uint16_t)tx,
        .probe = (uint16_t)probe,
    };
    return 0;
}

static int tx_add(struct session *s, enum plan_kind kind, size_t lead)
{
    if (array_grow(&s->txs, &s->tx_cap, sizeof(s->txs[0]), s->tx_count + 1) < 0)
        return -ENOMEM;
    s->txs[s->tx_count++] = (struct session_tx){
        .kind = kind,
        .lead = (uint16_t)lead,
        .mail_line = TRANSCRIPT_NONE,
        .mail_reply_line = TRANSCRIPT_NONE,
    };
    return 0;
}

/* MAIL, then RCPT for each probe; a probe may want another recipient before its own. */
static int lay_probes(struct session *s, enum plan_kind kind, const uint16_t *items, size_t count)
{
    size_t tx = s->tx_count;
    int err = tx_add(s, kind, items[0]);

    if (!err)
        err = step_add(s, SMTP_STAGE_MAIL, tx, items[0], 0, false);
    for (size_t i = 0; i < count && !err; i++) {
        if (probe_at(s, items[i])->before != BEFORE_NONE)
            err = step_add(s, SMTP_STAGE_RCPT, tx, items[i], 0, true);
        if (!err)
            err = step_add(s, SMTP_STAGE_RCPT, tx, items[i], 0, false);
    }
    if (!err && kind == PLAN_DELIVER)
        err = step_add(s, SMTP_STAGE_DATA, tx, items[0], 0, false);
    if (!err && kind == PLAN_DELIVER)
        err = step_add(s, SMTP_STAGE_BODY, tx, items[0], 0, false);
    return err ? err : step_add(s, SMTP_STAGE_RSET, tx, items[0], 0, false);
}

static int lay_controls(struct session *s, const struct plan_tx *p)
{
    size_t tx = s->tx_count;
    int err = tx_add(s, PLAN_CONTROL, SESSION_NO_PROBE);

    if (!err)
        err = step_add(s, SMTP_STAGE_MAIL, tx, SESSION_NO_PROBE, 0, false);
    for (unsigned i = 0; i < p->count && !err; i++)
        err = step_add(s, SMTP_STAGE_RCPT, tx, SESSION_NO_PROBE, p->from + i, false);
    return err ? err : step_add(s, SMTP_STAGE_RSET, tx, SESSION_NO_PROBE, 0, false);
}

int envelopes_lay(struct session *s)
{
    int err = 0;

    for (size_t i = 0; i < s->plan.tx_count && !err; i++) {
        const struct plan_tx *p = &s->plan.txs[i];

        if (p->kind == PLAN_CONTROL)
            err = lay_controls(s, p);
        else
            err = lay_probes(s, p->kind, s->plan.items + p->from, p->count);
    }
    return err;
}

int envelopes_lay_deliveries(struct session *s, bool *ret_any)
{
    uint16_t items[PLAN_ITEMS_MAX];
    bool laid[PLAN_ITEMS_MAX] = {false};
    int err = 0;

    *ret_any = false;
    for (size_t i = 0; i < s->plan.item_count && !err; i++) {
        const struct probe *lead = probe_at(s, s->plan.items[i]);
        size_t count = 0;

        for (size_t k = i; k < s->plan.item_count && count < s->door->budget.rcpts; k++) {
            uint16_t probe = s->plan.items[k];
            bool alone = plan_alone(probe_at(s, probe));

            if (laid[k] || s->door->results[probe].state != PROBE_TAKEN ||
                !plan_same_mail(probe_at(s, probe), lead) || (alone && count > 0))
                continue;
            laid[k] = true;
            items[count++] = probe;
            if (alone)
                break;
        }
        if (count) {
            *ret_any = true;
            err = lay_probes(s, PLAN_DELIVER, items, count);
        }
    }
    return err;
}
