/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * --dry-run: the sessions of one door as they would be held, for those who want to know first. What
 * comes after a session depends on its replies, so here every probe is taken for refused, and the
 * server for one that offers everything and is known to nobody. Nothing is asked of DNS, nothing is
 * sent, nothing is kept.
 */
#include "cmd/test/test.h"

#include "base/escape.h"
#include "io/idn.h"
#include "probe/channel.h"

#include <stdio.h>
#include <string.h>

enum { LINE_MAX_OUT = 8 * EXPAND_MAX };

/* "  " and the command as it would be sent; a remark stands behind it in its own column. */
static void say(const char *verb, struct span text, const char *more, const char *remark)
{
    struct buf line = BUF_INIT(LINE_MAX_OUT);

    buf_add_str(&line, verb);
    escape_text(&line, text);
    buf_add_str(&line, more);
    if (remark)
        printf("  %-72s  %s\n", buf_str(&line), remark);
    else
        printf("  %s\n", buf_str(&line));
    buf_deinit(&line);
}

static void say_form(const struct door *d, size_t probe, const char *verb, const char *form,
                     const char *remark)
{
    struct buf text = BUF_INIT(EXPAND_MAX);

    if (door_expand(d, probe, form, &text) == EXPAND_OK)
        say(verb, buf_span(&text), "", remark);
    buf_deinit(&text);
}

static void say_greeting(const struct door *d, const struct probe *p, size_t lead)
{
    switch (p->helo->verb) {
    case HELO_EHLO:
        say_form(d, lead, "EHLO ", p->helo->form, NULL);
        break;
    case HELO_HELO:
        say_form(d, lead, "HELO ", p->helo->form, NULL);
        break;
    case HELO_BOTH:
        say_form(d, lead, "EHLO ", "{me}", NULL);
        say_form(d, lead, "HELO ", p->helo->form, NULL);
        break;
    case HELO_NONE:
        break;
    }
}

/* What the channel puts before the greeting. */
static void say_header(const struct door *d, size_t lead)
{
    struct buf header = BUF_INIT(EXPAND_MAX);

    if (channel_proxy_header(d, lead, &header) == 0)
        say("", buf_span(&header), "", "PROXY header");
    buf_deinit(&header);
}

/* And what it puts between the greeting and the first MAIL. */
static void say_channel(const struct door *d, const struct probe *p, size_t lead)
{
    if (!p->channel)
        return;
    switch (p->channel->channel) {
    case CHANNEL_XCLIENT:
        say_form(d, lead, "XCLIENT ", p->channel->with, "then the greeting again");
        break;
    case CHANNEL_XFORWARD:
        say_form(d, lead, "XFORWARD ", p->channel->with, NULL);
        break;
    case CHANNEL_CERT:
        say("STARTTLS", SPAN_NULL, "", "with a client certificate, then the greeting again");
        break;
    case CHANNEL_AUTH:
        say("AUTH", SPAN_NULL, "", p->channel->id);
        break;
    case CHANNEL_BDAT:
    case CHANNEL_SMUGGLE:
    case CHANNEL_EARLY:
        printf("  (%s: %s)\n", channel_type_name(p->channel->channel), p->channel->id);
        break;
    case CHANNEL_NONE:
    case CHANNEL_PROXY1:
    case CHANNEL_PROXY2:
        break;
    }
}

static const char *mail_more(const struct probe *p)
{
    if (p->needs & NEED_SMTPUTF8)
        return " SMTPUTF8";
    return p->needs & NEED_8BITMIME ? " BODY=8BITMIME" : "";
}

static void say_control(const struct door *d, const struct plan_tx *tx)
{
    say_form(d, 0, "MAIL FROM:", "<{s}@{d}>", NULL);
    for (size_t i = 0; i < tx->count; i++)
        say("RCPT TO:", span_str(d->host->controls[tx->from + i]), "", "control, no message");
}

/* The recipient that stands before a probe's own; a refused one has a token that proves nothing. */
static void say_before(const struct door *d, const struct probe *p, size_t probe)
{
    char token[TOKEN_TEXT + 1];
    struct buf path = BUF_INIT(EXPAND_MAX);

    door_token(d, probe, TOKEN_INNER, token);
    buf_addf(&path, "<%s@%s>", token, d->host->run->domain);
    if (p->before == BEFORE_LOCAL)
        say_form(d, probe, "RCPT TO:", "<{mailbox}>", "yours, before the probe");
    else if (p->before == BEFORE_REJECTED)
        say("RCPT TO:", buf_span(&path), "", "before the probe");
    buf_deinit(&path);
}

static void say_probes(const struct door *d, const struct plan *plan, const struct plan_tx *tx)
{
    const struct probe *probes = d->host->run->list->probes;
    const struct probe *first = &probes[plan->items[tx->from]];
    struct buf mail = BUF_INIT(EXPAND_MAX);

    door_mail_text(d, plan->items[tx->from], &mail);
    say("MAIL FROM:", buf_span(&mail), mail_more(first), NULL);
    buf_deinit(&mail);
    for (size_t i = 0; i < tx->count; i++) {
        size_t probe = plan->items[tx->from + i];
        struct buf rcpt = BUF_INIT(EXPAND_MAX);

        say_before(d, &probes[probe], probe);
        door_rcpt_text(d, probe, &rcpt);
        say("RCPT TO:", buf_span(&rcpt), "", probes[probe].id);
        buf_deinit(&rcpt);
    }
}

static void print_session(const struct door *d, const struct plan *plan, size_t number)
{
    const struct probe *lead = &d->host->run->list->probes[plan->lead];

    printf("session %zu: %s port %u, TLS: %s\n", number, d->host->given, d->port,
           door_tls_name(d->tls));
    say_header(d, plan->lead);
    say_greeting(d, lead, plan->lead);
    say_channel(d, lead, plan->lead);
    for (size_t k = 0; k < plan->tx_count; k++) {
        if (plan->txs[k].kind == PLAN_CONTROL)
            say_control(d, &plan->txs[k]);
        else
            say_probes(d, plan, &plan->txs[k]);
        say(k + 1 < plan->tx_count ? "RSET" : "QUIT", SPAN_NULL, "", NULL);
    }
}

static void plan_refused(struct door *d, const struct plan *plan)
{
    for (size_t i = 0; i < plan->item_count; i++) {
        struct result *r = &d->results[plan->items[i]];

        r->state = PROBE_REFUSED;
        r->stage = SMTP_STAGE_RCPT;
        r->meaning = MEANING_RELAY_DENIED;
    }
    d->control.state = CONTROL_ACCEPTED;
}

static void print_door(struct door *d)
{
    static struct plan plan;
    size_t number = 0;
    unsigned refusals = d->host->own ? BUDGET_NONE : PACE_REFUSALS;

    d->ehlo_seen = d->banner_seen = true;
    d->ehlo.ext = ~0u;
    while (plan_make(d, 0, refusals, PLAN_ANY, &plan)) {
        print_session(d, &plan, ++number);
        plan_refused(d, &plan);
    }
    for (size_t i = 0; i < d->result_count; i++) {
        const char *id = d->host->run->list->probes[i].id;

        if (d->results[i].state == PROBE_SKIPPED)
            printf("left out: %s (needs %s)\n", id,
                   form_need_words((enum form_need)d->results[i].need));
        else if (d->results[i].state == PROBE_UNTRIED)
            printf("later: %s (once the server has told a name that leads to it)\n", id);
    }
    if (!d->host->own)
        printf("Not in your scope: a session every ten minutes. See --own and --scope.\n");
}

/* The door as far as it is known without asking anybody. */
static int host_of(struct target *target, struct host **ret)
{
    static const struct ip four = {.family = IP_V4, .b = {198, 51, 100, 1}};
    static const struct ip six = {.family = IP_V6, .b = {0x20, 1, 0xd, 0xb8, [15] = 1}};
    struct ip ip = {.family = IP_V4, .b = {192, 0, 2, 1}};
    char name[RESOLVER_NAME_MAX] = "", ascii[IDN_NAME_MAX] = "";
    int err;
    struct test *t = target->test;
    const char *local = t->args.local_domains.count ? t->args.local_domains.v[0] : NULL;

    printf("198.51.100.1 or 2001:db8::1 stands for our own address.\n");
    if (!ip_parse(target->host, &ip)) {
        printf("%s: 192.0.2.1 stands for its address%s.\n", target->given,
               target->domain ? ", and mx. before it for its mail exchangers" : "");
        idn_to_ascii(target->host, ascii);
        snprintf(name, sizeof(name), "%s%.250s", target->domain ? "mx." : "", ascii);
    }
    target->own = t->args.own && !t->args.gentle;
    if (local || target->domain)
        target->local_domain = span_dup(local ? span_str(local) : target->host);
    err = host_new(target, ip, name[0] ? name : NULL, ret);
    if (!err)
        (*ret)->info.mine = ip.family == IP_V6 ? six : four;
    return err;
}

int dry_run(struct test *t, int argc, char **argv)
{
    const char *domain = argc == 0 && t->args.domains.count ? t->args.domains.v[0] : NULL;
    struct target *target;
    struct host *h = NULL;
    int bad = queue_check(t, argc, argv);

    if (bad)
        return bad;
    target = target_new(t, argc > 0 ? argv[0] : domain ? domain : "mail.example.org", 0, 0);
    if (target)
        target->domain = domain != NULL;
    if (!target || host_of(target, &h) < 0) {
        complain("out of memory");
        if (target)
            target_free(target);
        return TEST_EXIT_SOFTWARE;
    }
    printf("These sessions would be held at its first door, if every probe were refused and the "
           "server\nforgave as little as any. Tokens are made anew for each run.\n\n");
    print_door(&h->doors[0]);
    host_free(h);
    target_free(target);
    return 0;
}
