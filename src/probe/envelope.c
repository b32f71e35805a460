/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The texts of a probe are made anew whenever they are needed, from the row's form and the door's
 * values, and come out the same each time: a retry of a greylisted probe must repeat its triple to
 * the letter, and thousands of hosts need not hold what can be derived.
 */
#include "probe/door.h"

#include <string.h>

/*
 * One sender token serves all probes with the same sender form, HELO and channel, because one
 * transaction carries many of them. It is named after the first of them in the list.
 */
static size_t sender_of(const struct door *d, size_t probe)
{
    const struct probe *probes = d->host->run->list->probes;
    size_t first = 0;

    while (probes[first].sender != probes[probe].sender ||
           probes[first].helo != probes[probe].helo ||
           probes[first].channel != probes[probe].channel)
        first++;
    return first;
}

void door_token(const struct door *d, size_t probe, enum token_kind kind, char out[TOKEN_TEXT + 1])
{
    const struct door_run *run = d->host->run;
    struct token t = {.kind = kind, .run = run->run, .day = run->day};

    memcpy(t.target, d->host->digest, sizeof(t.target));
    t.serial = (uint16_t)(d->serial_base + (kind == TOKEN_SENDER ? sender_of(d, probe) : probe));
    if (run->keyed)
        token_mint_keyed(run->keyed, &t, out);
    else
        token_mint(run->key, &t, out);
}

int door_expand(const struct door *d, size_t probe, const char *form, struct buf *out)
{
    const struct door_host *h = d->host;
    const struct door_run *run = h->run;
    char u[TOKEN_TEXT + 1], s[TOKEN_TEXT + 1];
    struct expand_values v = {
        .u_token = u,
        .u_prefix = run->u_prefix,
        .u_suffix = run->u_suffix,
        .s_token = s,
        .s_prefix = run->u_prefix,
        .s_suffix = run->u_suffix,
        .domain = run->domain,
        .target_host = h->name,
        .local_domain = h->local_domain,
        .target = h->ip,
        .helo = run->helo,
        .mine = h->mine,
        .tester = run->tester,
        .rand = run->rand,
        .mx_label = h->mx_label,
        .mailbox = h->mailbox,
        .partner = run->partner,
        .account = run->account,
        .password = run->password,
    };

    /* A token costs more than all the rest of an envelope: make those that the form names. */
    u[0] = s[0] = '\0';
    if (strstr(form, "{u"))
        door_token(d, probe, TOKEN_RECIPIENT, u);
    if (strstr(form, "{s}"))
        door_token(d, probe, TOKEN_SENDER, s);
    return expand_form(span_str(form), &v, out, NULL);
}

int door_mail_text(const struct door *d, size_t probe, struct buf *out)
{
    return door_expand(d, probe, d->host->run->list->probes[probe].sender->form, out);
}

int door_rcpt_text(const struct door *d, size_t probe, struct buf *out)
{
    return door_expand(d, probe, d->host->run->list->probes[probe].rcpt->form, out);
}

int door_helo_text(const struct door *d, size_t probe, struct buf *out)
{
    const struct form *helo = d->host->run->list->probes[probe].helo;

    return door_expand(d, probe, helo->form ? helo->form : "{me}", out);
}
