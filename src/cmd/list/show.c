/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern list show: everything about an address: what it is now, the evidence, the proofs, each
 * step with its reason, and what DNS says of it at this moment. What strangers wrote is escaped.
 */
#include "cmd/list/zones.h"

#include "base/escape.h"
#include "base/num.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { EVIDENCE_SHOWN = 4000 };

struct args {
    struct list_args common;
    bool evidence;
};

static const struct option_row rows[] = {
    {.group = "What"},
    {"evidence", 'e', NULL, "the text of the evidence as well", OPTION_FLAG,
     offsetof(struct args, evidence)},
    LIST_OPTION_ROWS(struct args, common),
    {0},
};

static const struct options options = {
    .program = "postern list show",
    .about = "Shows what is known of an address, with evidence, proofs and every step.",
    .usage = "[OPTION]... ADDRESS|NUMBER...",
    .text = "A number is the evidence id of a TXT record.\n\n"
            "Exit status: 0, 1 nothing is known, 64 misuse, 66 no store.",
    .rows = rows,
};

struct showing {
    struct ledger *g;
    const struct args *args;
    const struct store_listing *l;
    json_t *list; /* the array that is being filled; NULL: text */
};

static void part(struct ledger *g, const char *name)
{
    buf_add_str(&g->out, "\n");
    view_paint(&g->out, &g->style, VIEW_BOLD, name);
    buf_add_char(&g->out, '\n');
}

static int show_evidence(void *ctx, const struct store_evidence *e)
{
    struct showing *s = ctx;
    char when[VIEW_TIME];
    struct buf text = BUF_INIT(EVIDENCE_SHOWN * 4 + 64);

    escape_text(&text, span_slice(e->text, 0, EVIDENCE_SHOWN));
    if (s->list) {
        json_t *doc = json_object();
        bool ok = doc && view_json_time(doc, "time", e->wall) &&
                  view_json_text(doc, "source", e->source) &&
                  view_json_text(doc, "reason", e->reason) &&
                  view_json_text(doc, "witness", e->witness) && view_json_text(doc, "who", e->who);

        if (ok && s->args->evidence)
            ok = json_object_set_new(doc, "text", json_string(buf_str(&text))) == 0;
        buf_deinit(&text);
        if (!ok || json_array_append_new(s->list, doc) < 0)
            return -ENOMEM;
        return 0;
    }
    buf_addf(&s->g->out, "  %s  %.*s (%.*s), by ", view_time(e->wall, when), SPAN_ARG(e->source),
             SPAN_ARG(e->witness));
    view_safe(&s->g->out, e->who);
    buf_add_str(&s->g->out, ": ");
    view_safe(&s->g->out, e->reason);
    buf_add_char(&s->g->out, '\n');
    if (s->args->evidence)
        buf_addf(&s->g->out, "    %s\n", buf_str(&text));
    buf_deinit(&text);
    return s->g->out.err;
}

static int show_proof(void *ctx, const struct store_listing_proof *p)
{
    struct showing *s = ctx;
    char when[VIEW_TIME], in[IP_TEXT_MAX], out[IP_TEXT_MAX];
    bool old = p->wall < s->l->fresh_wall;

    ip_text(p->input, in);
    ip_text(p->output, out);
    if (s->list) {
        json_t *doc = json_pack("{s:I, s:s, s:s, s:b}", "proof", (json_int_t)p->proof, "input", in,
                                "output", out, "counts", !old);
        char run[16];

        snprintf(run, sizeof(run), "%08" PRIx32, p->run);
        if (!doc || json_object_set_new(doc, "run", json_string(run)) < 0 ||
            !view_json_time(doc, "time", p->wall) || !view_json_text(doc, "probe", p->probe) ||
            !view_json_text(doc, "probe_family", p->family) ||
            json_array_append_new(s->list, doc) < 0)
            return -ENOMEM;
        return 0;
    }
    buf_addf(&s->g->out, "  %s  run %08" PRIx32 "  proof %" PRId64 "  %s > %s  ",
             view_time(p->wall, when), p->run, p->proof, in, *out ? out : "?");
    view_safe(&s->g->out, p->probe);
    buf_add_str(&s->g->out, old ? "  (of an earlier life)\n" : "\n");
    return s->g->out.err;
}

static int show_record(void *ctx, const struct store_record *r)
{
    struct showing *s = ctx;
    char when[VIEW_TIME], hash[2 * 8 + 1];

    for (size_t i = 0; i < 8; i++)
        snprintf(hash + 2 * i, 3, "%02x", r->hash[i]);
    if (s->list) {
        json_t *doc = json_pack("{s:I}", "seq", (json_int_t)r->seq);
        char run[16] = "";

        if (r->run)
            snprintf(run, sizeof(run), "%08" PRIx32, r->run);
        if (!doc || !view_json_time(doc, "time", r->wall) ||
            !view_json_text(doc, "event", r->event) || !view_json_text(doc, "was", r->was) ||
            !view_json_text(doc, "became", r->became) || !view_json_text(doc, "class", r->class) ||
            !view_json_text(doc, "who", r->who) || !view_json_text(doc, "reason", r->reason) ||
            !view_json_text(doc, "run", span_str(run)) ||
            !view_json_time(doc, "expires", r->expires_wall) ||
            !view_json_text(doc, "hash", span_str(hash)) || json_array_append_new(s->list, doc) < 0)
            return -ENOMEM;
        return 0;
    }
    buf_addf(&s->g->out, "  %s  #%" PRId64 "  %-10.*s %.*s > %.*s  ", view_time(r->wall, when),
             r->seq, SPAN_ARG(r->event), SPAN_ARG(r->was), SPAN_ARG(r->became));
    view_safe(&s->g->out, r->who);
    buf_add_str(&s->g->out, ": ");
    view_safe(&s->g->out, r->reason);
    if (r->run)
        buf_addf(&s->g->out, " (run %08" PRIx32 ")", r->run);
    buf_addf(&s->g->out, "  %s\n", hash);
    return s->g->out.err;
}

/* --- DNS ------------------------------------------------------------------------------------- */

static int show_zone(void *ctx, const char *zone)
{
    struct showing *s = ctx;
    struct zones_said said;
    int rc = zones_ask(s->g, zone, s->l->address, &said);
    char code[32] = "";

    if (said.listed)
        snprintf(code, sizeof(code), "127.0.%u.%u", said.class_id >> 8, said.class_id & 0xffU);
    if (s->list) {
        json_t *doc = json_pack("{s:s, s:b, s:s, s:I}", "zone", zone, "listed", said.listed, "code",
                                code, "serial", (json_int_t)said.serial);

        return doc && json_array_append_new(s->list, doc) == 0 ? 0 : -ENOMEM;
    }
    buf_addf(&s->g->out, "  %s: %s%s\n", zone,
             rc == -ENOENT ? "nothing is published yet"
             : rc < 0      ? strerror(-rc)
             : said.listed ? "listed as "
                           : "not listed",
             code);
    return 0;
}

/* --- the listing ----------------------------------------------------------------------------- */

static void head(struct ledger *g, const struct store_listing *l)
{
    enum list_state state = (enum list_state)l->state;
    char ip[IP_TEXT_MAX], when[VIEW_TIME];

    view_paint(&g->out, &g->style, VIEW_BOLD, ip_text(l->address, ip));
    buf_addf(&g->out, "  %s", l->side == STORE_SIDE_OUTPUT ? "output  " : "");
    view_paint(&g->out, &g->style,
               list_state_served(state)  ? VIEW_RED
               : state == LIST_NOMINATED ? VIEW_YELLOW
                                         : VIEW_DIM,
               list_state_name(state));
    buf_addf(&g->out, "  %.*s  number %" PRId64 "\n", SPAN_ARG(l->class), l->id);
    buf_addf(&g->out, "  since     %s\n", view_time(l->changed_wall, when));
    if (l->tested_wall)
        buf_addf(&g->out, "  tested    %s\n", view_time(l->tested_wall, when));
    if (l->due_wall)
        buf_addf(&g->out, "  next test %s\n",
                 l->due_wall <= g->now_wall ? "now" : view_time(l->due_wall, when));
    if (l->expires_wall)
        buf_addf(&g->out, "  expires   %s\n", view_time(l->expires_wall, when));
    if (l->times)
        buf_addf(&g->out, "  listed    %u time%s, %u retest%s found it open\n", l->times,
                 l->times == 1 ? "" : "s", l->failed, l->failed == 1 ? "" : "s");
}

static int show_text(struct showing *s)
{
    struct ledger *g = s->g;
    int rc;

    head(g, s->l);
    part(g, "Evidence");
    rc = store_evidence_each(g->store, s->l->id, show_evidence, s);
    part(g, "Proofs");
    if (rc == 0)
        rc = store_listing_proofs_each(g->store, s->l->id, 0, show_proof, s);
    part(g, "Trail");
    if (rc == 0)
        rc = store_records_each(g->store, &s->l->id, 0, show_record, s);
    if (rc == 0 && g->args->zone) {
        part(g, "In DNS");
        rc = zones_each(g, show_zone, s);
    }
    buf_add_char(&g->out, '\n');
    return rc;
}

static json_t *array(struct showing *s, json_t *doc, const char *name)
{
    s->list = json_array();
    return s->list && json_object_set_new(doc, name, s->list) == 0 ? s->list : NULL;
}

static int show_json(struct showing *s)
{
    const struct store_listing *l = s->l;
    char ip[IP_TEXT_MAX];
    json_t *doc = json_pack("{s:s, s:I, s:s, s:s, s:s, s:i, s:i, s:i}", "type", "listing", "number",
                            (json_int_t)l->id, "ip", ip_text(l->address, ip), "side",
                            l->side == STORE_SIDE_OUTPUT ? "output" : "host", "state",
                            list_state_name((enum list_state)l->state), "times", (int)l->times,
                            "failed", (int)l->failed, "tries", (int)l->tries);
    int rc = doc && view_json_text(doc, "class", l->class) &&
                     view_json_time(doc, "since", l->changed_wall) &&
                     view_json_time(doc, "tested", l->tested_wall) &&
                     view_json_time(doc, "due", l->due_wall) &&
                     view_json_time(doc, "expires", l->expires_wall) && array(s, doc, "evidence")
                 ? 0
                 : -ENOMEM;

    if (rc == 0)
        rc = store_evidence_each(s->g->store, l->id, show_evidence, s);
    if (rc == 0)
        rc = array(s, doc, "proofs")
                 ? store_listing_proofs_each(s->g->store, l->id, 0, show_proof, s)
                 : -ENOMEM;
    if (rc == 0)
        rc = array(s, doc, "trail") ? store_records_each(s->g->store, &l->id, 0, show_record, s)
                                    : -ENOMEM;
    if (rc == 0)
        rc = array(s, doc, "dns") ? zones_each(s->g, show_zone, s) : -ENOMEM;
    if (rc == 0)
        report_lines(&s->g->out, doc);
    json_decref(doc);
    return rc;
}

static int show(struct ledger *g, const struct args *args, struct store_listing *l)
{
    struct showing s = {.g = g, .args = args, .l = l};
    char *class = span_dup(l->class);
    int rc = class ? 0 : -ENOMEM;

    /* What the store gave holds only until it is asked again. */
    l->class = span_str(class);
    if (rc == 0)
        rc = args->common.json ? show_json(&s) : show_text(&s);
    free(class);
    return rc;
}

static int show_word(struct ledger *g, const struct args *args, const char *word, int *ret_result)
{
    struct store_listing l;
    uint64_t number;
    struct ip ip;
    int rc, found = 0;

    if (num_u64(span_str(word), 1, INT64_MAX, &number)) {
        rc = store_listing_by_id(g->store, (int64_t)number, &l);
        found = rc == STORE_OK;
        rc = found ? show(g, args, &l) : rc;
    } else if (ip_parse(span_str(word), &ip)) {
        for (enum store_side side = STORE_SIDE_HOST; side <= STORE_SIDE_OUTPUT; side++) {
            rc = store_listing_get(g->store, ip, side, &l);
            found += rc == STORE_OK;
            if (rc == STORE_OK)
                rc = show(g, args, &l);
            if (rc < 0)
                break;
        }
    } else {
        return ledger_say(g, EX_USAGE, "%s: is neither an address nor a number", word);
    }
    if (rc < 0)
        return ledger_store_error(g, rc);
    if (!found) {
        *ret_result = 1;
        ledger_say(g, 0, "nothing is known of %s", word);
    }
    return 0;
}

int verb_show(int argc, char **argv)
{
    struct args args = {.common = LIST_ARGS_INIT};
    struct list_call call = {.options = &options, .args = &args, .common = &args.common};
    struct ledger g;
    int first, status, result = 0, printed;

    if (!list_call_start(&call, argc, argv, &first, &status))
        return status;
    if (first == argc)
        return list_call_end(&call, options_misuse(&options, "needs an address or a number"));
    status = ledger_open(&g, &call, LEDGER_LOOK);
    for (int i = first; i < argc && status == 0; i++)
        status = show_word(&g, &args, argv[i], &result);
    printed = ledger_close(&g, status);
    return list_call_end(&call, printed ? printed : result);
}
