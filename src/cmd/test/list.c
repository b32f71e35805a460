/* SPDX-License-Identifier: GPL-3.0-or-later */
/* --list-probes and --dry-run: what would be tried, for people who want to know before. */
#include "cmd/test/test.h"

#include "base/escape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *or_dash(const char *s)
{
    return s && s[0] ? s : "-";
}

static void refs_text(const struct probe *p, char out[80])
{
    struct buf text = BUF_INIT(79);

    buf_addf(&text, "%s,%s", or_dash(p->sender->ref), or_dash(p->rcpt->ref));
    if (!span_eq(span_str(p->helo->id), SPAN_LIT("own")))
        buf_addf(&text, ",%s", or_dash(p->helo->ref));
    if (p->channel)
        buf_addf(&text, ",%s", or_dash(p->channel->ref));
    span_copy(buf_span(&text), out, 80);
    buf_deinit(&text);
}

static json_t *row_json(const struct probe *p)
{
    json_t *needs = json_array();
    char refs[80];

    refs_text(p, refs);
    for (uint32_t bit = 1; bit <= NEED_PARTNER; bit <<= 1)
        if (p->needs & bit)
            json_array_append_new(needs, json_string(form_need_name((enum form_need)bit)));
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s?, s:s, s:i, s:b, s:o, s:s?, s:s?, s:s?}",
                     "type", "catalogue", "probe", p->id, "refs", refs, "family", probe_family(p),
                     "mail", or_dash(p->sender->form), "rcpt", or_dash(p->rcpt->form), "helo",
                     p->helo->form, "channel", p->channel ? p->channel->id : "plain", "prior",
                     (int)p->prior, "opt_in", p->optin, "needs", needs, "flaw", p->cause->flaw,
                     "cve", p->cause->cve, "source", p->cause->source);
}

static void list_json(const struct probe_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct buf out = BUF_INIT(1 << 20);
        json_t *row = row_json(&list->probes[i]);

        report_lines(&out, row);
        fwrite(buf_str(&out), 1, out.n, stdout);
        buf_deinit(&out);
        json_decref(row);
    }
}

int list_probes(struct test *t)
{
    size_t width = 10;
    char refs[80];

    if (t->args.json) {
        list_json(&t->full);
        return 0;
    }
    for (size_t i = 0; i < t->full.count; i++)
        if (strlen(t->full.probes[i].id) > width)
            width = strlen(t->full.probes[i].id);
    printf("%-*s  %-12s %-14s %5s  %-28s %s\n", (int)width, "probe", "reference", "family", "prior",
           "mail from", "rcpt to");
    for (size_t i = 0; i < t->full.count; i++) {
        const struct probe *p = &t->full.probes[i];

        refs_text(p, refs);
        printf("%-*s  %-12s %-14s %5u  %-28s %s\n", (int)width, p->id, refs, probe_family(p),
               p->prior, or_dash(p->sender->form), or_dash(p->rcpt->form));
    }
    printf("%zu probes. --json tells flaw, CVE and source of each; postern-probes(5) the rows.\n",
           t->full.count);
    return 0;
}

/* A target that is only spoken of: a name, and an address of the documentation range. */
static void print_session(struct door *d, const struct plan *plan, size_t number)
{
    struct buf line = BUF_INIT(1 << 16);

    buf_addf(&line, "session %zu: %s port %u, TLS %s\n", number, d->host->given, d->port,
             door_tls_name(d->tls));
    buf_add_str(&line, "  EHLO ");
    door_helo_text(d, plan->lead, &line);
    buf_add_char(&line, '\n');
    for (size_t k = 0; k < plan->tx_count; k++) {
        const struct plan_tx *tx = &plan->txs[k];

        if (tx->kind == PLAN_CONTROL) {
            buf_add_str(&line, "  MAIL FROM:");
            door_expand(d, 0, "<{s}@{d}>", &line);
            buf_add_char(&line, '\n');
            for (size_t i = 0; i < tx->count; i++)
                buf_addf(&line, "  RCPT TO:%-60s  control\n", d->host->controls[tx->from + i]);
        } else {
            buf_add_str(&line, "  MAIL FROM:");
            door_mail_text(d, plan->items[tx->from], &line);
            buf_add_char(&line, '\n');
            for (size_t i = 0; i < tx->count; i++) {
                struct buf rcpt = BUF_INIT(EXPAND_MAX), shown = BUF_INIT(4 * EXPAND_MAX);
                size_t probe = plan->items[tx->from + i];

                door_rcpt_text(d, probe, &rcpt);
                escape_text(&shown, buf_span(&rcpt));
                buf_addf(&line, "  RCPT TO:%-60s  %s\n", buf_str(&shown),
                         d->host->run->list->probes[probe].id);
                buf_deinit(&rcpt);
                buf_deinit(&shown);
            }
        }
        buf_add_str(&line, k + 1 < plan->tx_count ? "  RSET\n" : "  QUIT\n");
    }
    fwrite(buf_str(&line), 1, line.n, stdout);
    buf_deinit(&line);
}

/*
 * What is planned after one session depends on its replies; here every probe is taken for refused.
 */
static void plan_refused(struct door *d, const struct plan *plan)
{
    for (size_t i = 0; i < plan->item_count; i++) {
        d->results[plan->items[i]].state = PROBE_REFUSED;
        d->results[plan->items[i]].stage = SMTP_STAGE_RCPT;
        d->results[plan->items[i]].meaning = MEANING_RELAY_DENIED;
    }
    d->control.state = CONTROL_ACCEPTED;
}

static void print_door(struct door *d, const struct test *t)
{
    static struct plan plan;
    size_t number = 0;

    d->ehlo_seen = d->banner_seen = true;
    d->ehlo.ext = ~0u;
    while (plan_make(d, 0, t->args.own && !t->args.gentle ? BUDGET_NONE : PACE_REFUSALS, PLAN_ANY,
                     &plan)) {
        print_session(d, &plan, ++number);
        plan_refused(d, &plan);
    }
    for (size_t i = 0; i < d->result_count; i++)
        if (d->results[i].state == PROBE_SKIPPED)
            printf("left out: %s (needs %s)\n", d->host->run->list->probes[i].id,
                   form_need_words((enum form_need)d->results[i].need));
}

int dry_run(struct test *t, int argc, char **argv)
{
    struct target *target = target_new(t,
                                       argc > 0                ? argv[0]
                                       : t->args.domains.count ? t->args.domains.v[0]
                                                               : "mail.example.org",
                                       0, 0);
    struct host *h = NULL;
    struct ip ip = {.family = IP_V4, .b = {192, 0, 2, 1}};
    const char *name = NULL;

    if (!target) {
        complain("out of memory");
        return TEST_EXIT_SOFTWARE;
    }
    if (!ip_parse(target->host, &ip) && target->host.n)
        name = target->name;
    target->own = t->args.own && !t->args.gentle;
    target->local_domain =
        t->args.local_domains.count ? span_dup(span_str(t->args.local_domains.v[0])) : NULL;
    if (host_new(target, ip, name, &h) < 0) {
        complain("out of memory");
        target_free(target);
        return TEST_EXIT_SOFTWARE;
    }
    printf("These sessions would be held at the first door, if every probe were refused and the "
           "server forgave as little as any.\nTokens are made anew for each run.\n\n");
    print_door(&h->doors[0], t);
    host_free(h);
    target_free(target);
    return 0;
}
