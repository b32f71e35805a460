/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One line of the log for each decision, with all that "postern gate explain" would tell of it: who
 * asks, for what, by what right, which rule decided, and what the MTA was told. With log-only the
 * MTA is told nothing, and the line says what it would have been.
 */
#include "cmd/policy/service.h"

#include "io/log.h"

#include <stdio.h>

static const char *place_text(const struct relay_place *place, char out[300])
{
    if (!place->file)
        return "";
    if (place->line)
        snprintf(out, 300, "%.280s:%u", place->file, place->line);
    else
        snprintf(out, 300, "%.280s", place->file);
    return out;
}

bool answer(const struct setup *s, const struct question *q, const struct answer_facts *facts,
            struct relay_decision *ret)
{
    char rule[300], right[300];

    if (q->ask == QUESTION_BLIND)
        log_warn("blind", "face", facts->face, "text",
                 "asked after the recipients, when no one of them is told: the service belongs "
                 "into smtpd_recipient_restrictions or smtpd_relay_restrictions",
                 NULL);
    if (!question_decide(q, s->policy, ret))
        return false;
    log_info("decision", "face", facts->face, "client", LOG_IP(q->client.ip), "helo",
             LOG_SPAN(facts->helo), "role", relay_role_name(q->client.role), "login",
             LOG_SPAN(facts->login), "mail", LOG_SPAN(q->mail.path), "rcpt",
             LOG_SPAN(q->ask == QUESTION_RECIPIENT ? q->rcpt : SPAN_NULL), "answer",
             relay_answer_name(ret->answer), "reason", relay_reason_name(ret->reason), "rule",
             place_text(&ret->place, rule), "right", relay_right_name(ret->right), "right_rule",
             place_text(&ret->right_place, right), "mode",
             s->args.log_only ? "log-only" : "enforce", "queue_id", LOG_SPAN(facts->queue_id),
             "instance", LOG_SPAN(facts->instance), NULL);
    return true;
}
