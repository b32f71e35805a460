/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A proof says which token arrived; what was sent with that token stands in the probe's row, if the
 * run is in this store. Both are gathered into one document with the members of a verdict's
 * "proved", so that the way is drawn by the same code as in a report.
 */
#include "cmd/proofs/one.h"

#include "probe/token.h"
#include "report/doc.h"
#include "report/path.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

struct gathering {
    struct store *store;
    json_t *doc;
    int64_t sent_wall_ms;
    unsigned probes;
    bool ok;
};

static bool add_ip(json_t *doc, const char *key, struct ip ip)
{
    char text[IP_TEXT_MAX];

    return ip.family == IP_NONE ||
           json_object_set_new(doc, key, json_string(ip_text(ip, text))) == 0;
}

static int add_probe(void *ctx, const struct store_probe *p)
{
    struct gathering *g = ctx;
    struct store_target target;
    int rc;

    /* One address under two names of a run: the token fits both, the first speaks for them. */
    if (g->probes++)
        return 0;
    g->sent_wall_ms = p->sent_wall_ms;
    g->ok = view_json_text(g->doc, "probe", p->probe) && view_json_text(g->doc, "tls", p->tls) &&
            view_json_text(g->doc, "mail", p->mail) && view_json_text(g->doc, "rcpt", p->rcpt) &&
            view_json_text(g->doc, "helo", p->helo) && add_ip(g->doc, "input", p->address) &&
            view_json_number(g->doc, "port", p->port);
    rc = store_target_get(g->store, p->target, &target);
    if (rc == STORE_OK)
        g->ok = g->ok && view_json_text(g->doc, "target", target.name);
    return rc < 0 ? rc : 0;
}

static bool add_received(json_t *doc, const struct store_proof *p)
{
    char when[VIEW_TIME], run[16], digest[2 * STORE_DIGEST + 1];
    const char *kind = token_kind_name((enum token_kind)p->token.kind);

    snprintf(run, sizeof(run), "%08" PRIx32, p->token.run);
    for (size_t i = 0; i < STORE_DIGEST; i++)
        snprintf(digest + 2 * i, 3, "%02x", p->token.target[i]);
    view_time_utc(p->received_wall_ms / 1000, (int)(p->received_wall_ms % 1000), when);
    return json_object_set_new(doc, "type", json_string("proof")) == 0 &&
           view_json_number(doc, "id", (uint64_t)p->id) &&
           json_object_set_new(doc, "run", json_string(run)) == 0 &&
           json_object_set_new(doc, "token", json_string(kind)) == 0 &&
           json_object_set_new(doc, "digest", json_string(digest)) == 0 &&
           view_json_number(doc, "serial", p->token.serial) &&
           json_object_set_new(doc, "received", json_string(when)) == 0 &&
           view_json_text(doc, "source", span_str(store_source_name(p->source))) &&
           view_json_text(doc, "what", span_str(store_what_name(p->what))) &&
           view_json_text(doc, "scope", span_str(store_scope_name(p->scope))) &&
           add_ip(doc, "output", p->peer) && view_json_text(doc, "output_helo", p->helo) &&
           view_json_text(doc, "output_tls", p->tls) &&
           view_json_text(doc, "received_mail", p->mail) &&
           view_json_text(doc, "received_rcpt", p->rcpt) &&
           view_json_number(doc, "size", p->size) &&
           json_object_set_new(doc, "cut", json_boolean(p->cut)) == 0 &&
           view_json_number(doc, "seen", p->seen) &&
           view_json_time(doc, "last", p->last_wall_ms / 1000);
}

int one_read(struct store *store, const struct store_proof *proof, struct one *ret)
{
    struct gathering g = {.store = store, .doc = json_object(), .ok = true};
    struct store_token token = proof->token;
    bool ok;
    int rc = 0;

    *ret = (struct one){.doc = g.doc,
                        .id = proof->id,
                        .received_wall = proof->received_wall_ms / 1000,
                        .seen = proof->seen,
                        .what = proof->what};
    /* First what borrows from the store: its next call takes those texts away. */
    ok = g.doc && add_received(g.doc, proof) && view_json_chain(g.doc, proof->chain);
    int64_t received = proof->received_wall_ms;
    if (ok)
        rc = store_probes_of_token(store, &token, add_probe, &g);
    if (ok && rc >= 0 && g.sent_wall_ms > 0 && received >= g.sent_wall_ms)
        ok = json_object_set_new(g.doc, "delay",
                                 json_real((double)(received - g.sent_wall_ms) / 1000)) == 0;
    if (rc >= 0 && (!ok || !g.ok))
        rc = -ENOMEM;
    if (rc < 0)
        one_deinit(ret);
    return rc < 0 ? rc : 0;
}

void one_deinit(struct one *one)
{
    json_decref(one->doc);
    one->doc = NULL;
}

/* The member as text for people, "-" when it is not known. */
static void add_member(struct buf *out, const struct one *one, const char *key)
{
    struct span s = report_doc_text(one->doc, key);

    if (s.n == 0)
        buf_add_char(out, '-');
    report_doc_show(out, s);
}

static void add_column(struct buf *out, const struct one *one, const char *key, size_t width)
{
    size_t start = out->n;

    add_member(out, one, key);
    buf_add_str(out, "  ");
    while (!out->err && out->n - start < width)
        buf_add_char(out, ' ');
}

void one_table_head(struct buf *out)
{
    buf_addf(out, "%6s  %-19s  %-8s  %-12s  %-22s  %-15s  %-24s  %s\n", "ID", "RECEIVED", "RUN",
             "WHAT", "PROBE", "FROM", "TARGET", "SOURCE");
}

static enum view_colour what_colour(enum store_what what)
{
    switch (what) {
    case STORE_WHAT_ARRIVAL:
        return VIEW_RED;
    case STORE_WHAT_BOUNCE:
        return VIEW_YELLOW;
    case STORE_WHAT_AUTOREPLY:
    case STORE_WHAT_DELAY:
    case STORE_WHAT_RECEIPT:
        return VIEW_DIM;
    }
    return VIEW_DIM;
}

enum { FIXED_COLUMNS = 53 }; /* before the first column of any width */

void one_table_line(const struct one *one, const struct report_style *style, struct buf *out)
{
    struct buf rest = BUF_INIT(4 * REPORT_DOC_TEXT_MAX);
    char when[VIEW_TIME], what[16];

    buf_addf(out, "%6" PRId64 "  %-19s  ", one->id, view_time(one->received_wall, when));
    add_column(out, one, "run", 10);
    snprintf(what, sizeof(what), "%-12s", store_what_name(one->what));
    view_paint(out, style, what_colour(one->what), what);
    buf_add_str(out, "  ");
    add_column(&rest, one, "probe", 24);
    add_column(&rest, one, "output", 17);
    add_column(&rest, one, "target", 26);
    add_member(&rest, one, "source");
    if (one->seen > 1)
        buf_addf(&rest, " (%" PRIu64 " times)", one->seen);
    if (style->width > FIXED_COLUMNS && rest.n > style->width - FIXED_COLUMNS)
        buf_truncate(&rest, style->width - FIXED_COLUMNS);
    buf_add(out, buf_span(&rest));
    buf_add_char(out, '\n');
    buf_deinit(&rest);
}

/* A path in its brackets, which a source may have taken off; a null one where it is known. */
static void add_path(struct buf *out, const struct one *one, const char *key)
{
    struct span s = report_doc_text(one->doc, key);
    bool bare = s.n == 0 || s.p[0] != '<';

    if (s.n == 0 && !report_doc_text(one->doc, "output").n) {
        buf_add_char(out, '-');
        return;
    }
    buf_add_str(out, bare ? "<" : "");
    report_doc_show(out, s);
    buf_add_str(out, bare ? ">" : "");
}

static void add_envelope(struct buf *out, const struct one *one)
{
    buf_add_str(out, "HELO ");
    add_member(out, one, "helo");
    buf_add_str(out, "\n             MAIL FROM:");
    /* As it was sent: brackets may be missing on purpose. */
    add_member(out, one, "mail");
    buf_add_str(out, "\n             RCPT TO:");
    add_member(out, one, "rcpt");
    buf_add_char(out, '\n');
}

static void add_arrival(struct buf *out, const struct one *one)
{
    buf_add_str(out, "  Arrived    from ");
    add_member(out, one, "output");
    if (report_doc_text(one->doc, "output_tls").n) {
        buf_add_str(out, ", ");
        add_member(out, one, "output_tls");
    }
    buf_add_str(out, "\n             HELO ");
    add_member(out, one, "output_helo");
    buf_add_str(out, "\n             MAIL FROM:");
    add_path(out, one, "received_mail");
    buf_add_str(out, "\n             RCPT TO:");
    add_path(out, one, "received_rcpt");
    buf_add_char(out, '\n');
}

/* "[2001:db8::1]:25" needs its brackets. */
static void add_door(struct buf *out, const struct one *one)
{
    struct span address = report_doc_text(one->doc, "input");
    bool bracket = span_find(address, ':') < address.n;

    buf_add_str(out, bracket ? "[" : "");
    add_member(out, one, "input");
    buf_addf(out, "%s:%" PRIu64 ", TLS: ", bracket ? "]" : "", report_doc_count(one->doc, "port"));
    add_member(out, one, "tls");
}

static void add_probe_lines(struct buf *out, const struct one *one)
{
    buf_add_str(out, "  Probe      ");
    if (!report_doc_text(one->doc, "probe").p) {
        buf_addf(out, "number %" PRIu64 " of a run that is not in this store\n",
                 report_doc_count(one->doc, "serial"));
        return;
    }
    add_member(out, one, "probe");
    buf_add_str(out, "\n  Target     ");
    add_member(out, one, "target");
    buf_add_str(out, " at ");
    add_door(out, one);
    buf_add_str(out, "\n  Sent       ");
    add_envelope(out, one);
}

void one_full(const struct one *one, const struct report_style *style, struct buf *out)
{
    bool known = report_doc_text(one->doc, "probe").p != NULL;
    char when[VIEW_TIME], head[40];
    struct report_path path;

    snprintf(head, sizeof(head), "Proof %" PRId64, one->id);
    view_paint(out, style, VIEW_BOLD, head);
    buf_addf(out, ": %s, token in the %s, %s, by ", store_what_name(one->what),
             report_doc_is(one->doc, "scope", "recipient") ? "recipient" : "message only",
             view_time(one->received_wall, when));
    add_member(out, one, "source");
    buf_add_str(out, "\n  Run        ");
    add_member(out, one, "run");
    buf_add_char(out, '\n');
    add_probe_lines(out, one);
    add_arrival(out, one);
    if (known && one->what == STORE_WHAT_ARRIVAL) {
        report_path_of(&path, one->doc, report_doc_text(one->doc, "target"));
        buf_add_str(out, "  Way        ");
        report_path_text(out, &path, style);
        buf_add_char(out, '\n');
    }
    buf_addf(out, "  Message    %" PRIu64 " bytes%s: postern proofs --raw %" PRId64 "\n",
             report_doc_count(one->doc, "size"),
             report_doc_true(one->doc, "cut") ? ", the first of them kept" : "", one->id);
    if (one->seen > 1)
        buf_addf(out, "  Seen       %" PRIu64 " times\n", one->seen);
}

int one_json(const struct one *one, struct buf *out)
{
    report_lines(out, one->doc);
    return out->err;
}
