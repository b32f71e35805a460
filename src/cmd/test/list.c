/* SPDX-License-Identifier: GPL-3.0-or-later */
/* --list-probes: what there is to try, for people and for programs. */
#include "cmd/test/test.h"

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
