/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a target amounts to, as JSON: one object a probe, one a door, and the verdict. The shapes
 * are those of report/report.h and postern-test(1). Bytes of strangers go in in the form of
 * escape_text, because JSON holds no raw bytes.
 */
#include "cmd/test/test.h"

#include "base/escape.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    TEXT_MAX = 16384,
    SHOWN_LINES = 60, /* of a greeting or a reply to EHLO */
    REPLY_HEAD = 7,   /* octets of "S: 250 " before a reply's text in a transcript */
};

static json_t *escaped(struct span s)
{
    struct buf text = BUF_INIT(TEXT_MAX);
    json_t *j;

    escape_text(&text, s);
    j = json_string(buf_str(&text));
    buf_deinit(&text);
    return j;
}

static json_t *ip_json(struct ip ip)
{
    char text[IP_TEXT_MAX];

    return json_string(ip_text(ip, text));
}

static json_t *time_json(int64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    char text[48], day[32];
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text, sizeof(text), "%s.%03dZ", day, (int)(wall_ms % 1000));
    return json_string(text);
}

static json_t *run_json(const struct test *t)
{
    char id[16];

    snprintf(id, sizeof(id), "%08x", t->run_id);
    return json_string(id);
}

static const char *family_of(const struct host *h)
{
    return h->info.ip.family == IP_V6 ? "ipv6" : "ipv4";
}

/* A probe's text as it was sent, between brackets and all. */
static json_t *form_json(const struct door *d, size_t probe,
                         int (*make)(const struct door *, size_t, struct buf *))
{
    struct buf text = BUF_INIT(EXPAND_MAX);
    json_t *j = make(d, probe, &text) == EXPAND_OK ? escaped(buf_span(&text)) : json_null();

    buf_deinit(&text);
    return j;
}

/* An EHLO with our own name is no form of its own: every probe has it that has no other. */
static bool plain_helo(const struct form *helo)
{
    return helo->verb == HELO_EHLO && span_eq(span_str(helo->id), SPAN_LIT("own"));
}

static json_t *refs_json(const struct probe *p)
{
    const struct form *forms[] = {p->sender, p->rcpt, plain_helo(p->helo) ? NULL : p->helo,
                                  p->channel};
    json_t *refs = json_array();

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        if (forms[i] && forms[i]->ref)
            json_array_append_new(refs, json_string(forms[i]->ref));
    return refs;
}

static const struct transcript *log_of(const struct door *d, uint16_t session)
{
    return session < d->session_count ? &d->sessions[session].log : NULL;
}

/* The text of a reply: its first line without "S: " and the code. */
static json_t *reply_json(const struct door *d, uint16_t session, uint16_t line)
{
    const struct transcript *log = log_of(d, session);
    struct span text = log ? transcript_line(log, line) : SPAN_NULL;

    /* A door that never said anything has a note in that place. */
    text = span_starts(text, SPAN_LIT("S: ")) ? span_slice(text, REPLY_HEAD, text.n) : SPAN_NULL;
    return json_stringn(text.n ? text.p : "", text.n);
}

static void line_append(json_t *lines, const struct transcript *log, uint16_t n)
{
    struct span text = log ? transcript_line(log, n) : SPAN_NULL;

    if (text.p)
        json_array_append_new(lines, json_stringn(text.p, text.n));
}

static json_t *transcript_json(const struct door *d, const struct result *r)
{
    json_t *lines = json_array();

    for (int i = 0; i < RESULT_LINES; i++)
        line_append(lines, log_of(d, r->session), r->lines[i]);
    return lines;
}

static const struct returned *arrival_of(const struct target *target, size_t host, size_t door,
                                         size_t probe, bool bounce)
{
    for (size_t i = 0; i < target->arrival_count; i++) {
        const struct returned *a = &target->arrivals[i];

        if (a->host == host && a->door == door && a->probe == probe && a->bounce == bounce)
            return a;
    }
    return NULL;
}

static bool answered(const struct result *r)
{
    return r->code != 0;
}

static uint16_t reply_line(const struct result *r)
{
    switch (r->stage) {
    case SMTP_STAGE_MAIL:
        return r->lines[LINE_MAIL_REPLY];
    case SMTP_STAGE_DATA:
        return r->lines[LINE_DATA_REPLY];
    case SMTP_STAGE_BODY:
        return r->lines[LINE_BODY_REPLY];
    default:
        return r->lines[LINE_RCPT_REPLY];
    }
}

static void probe_reply(json_t *o, const struct door *d, const struct result *r)
{
    char enhanced[16];
    struct smtp_reply reply = {.enhanced = {r->enhanced[0], r->enhanced[1], r->enhanced[2]}};

    json_object_set_new(o, "meaning", json_string(meaning_name((enum meaning)r->meaning)));
    json_object_set_new(o, "stage", json_string(smtp_stage_name((enum smtp_stage)r->stage)));
    json_object_set_new(o, "code", json_integer(r->code));
    json_object_set_new(o, "enhanced", json_string(smtp_reply_enhanced(&reply, enhanced)));
    json_object_set_new(o, "text", reply_json(d, r->session, reply_line(r)));
}

/* Where and how: the members that probes, proofs and acceptances share. */
static json_t *place_json(const struct host *h, const struct door *d, size_t i)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:i, s:s, s:s, s:o}", "probe",
                     h->info.run->list->probes[i].id, "mail", form_json(d, i, door_mail_text),
                     "rcpt", form_json(d, i, door_rcpt_text), "helo",
                     form_json(d, i, door_helo_text), "port", (int)d->port, "tls",
                     door_tls_name(d->tls), "family", family_of(h), "address", ip_json(h->info.ip));
}

static json_t *probe_json(const struct target *target, size_t hi, size_t di, size_t i)
{
    const struct host *h = target->hosts[hi];
    const struct door *d = &h->doors[di];
    const struct probe *p = &h->info.run->list->probes[i];
    const struct result *r = &d->results[i];
    const struct returned *a = arrival_of(target, hi, di, i, r->state == PROBE_BOUNCED);
    json_t *o = place_json(h, d, i);

    json_object_set_new(o, "type", json_string("probe"));
    json_object_set_new(o, "run", run_json(target->test));
    json_object_set_new(o, "target", escaped(span_str(target->name)));
    json_object_set_new(o, "refs", refs_json(p));
    json_object_set_new(o, "probe_family", json_string(probe_family(p)));
    json_object_set_new(o, "channel", json_string(p->channel ? p->channel->id : "plain"));
    json_object_set_new(o, "flaw", json_string(p->cause && p->cause->flaw ? p->cause->flaw : ""));
    if (p->cause && p->cause->cve)
        json_object_set_new(o, "cve", json_string(p->cause->cve));
    json_object_set_new(o, "state", json_string(probe_state_name((enum probe_state)r->state)));
    if (answered(r))
        probe_reply(o, d, r);
    if (r->state == PROBE_SKIPPED)
        json_object_set_new(o, "needs",
                            json_string(r->need
                                            ? form_need_words((enum form_need)r->need)
                                            : "more time: the server answers slowly (--limit)"));
    if (r->state == PROBE_INFERRED)
        json_object_set_new(o, "because", json_string(h->info.run->list->probes[r->because].id));
    if (r->attempts) {
        json_object_set_new(o, "sent", time_json(r->sent_at + target->test->run_full.wall_offset));
        json_object_set_new(o, "ms", json_integer(r->ms));
        json_object_set_new(o, "session", json_integer(r->session));
        json_object_set_new(o, "attempts", json_integer(r->attempts));
    }
    json_object_set_new(o, "transcript", transcript_json(d, r));
    if (a)
        json_object_set(o, a->bounce ? "bounce" : "arrival", a->json);
    return o;
}

/* A door that never opened has nothing to say about each probe. */
static bool door_spoke(const struct door *d)
{
    return d->ehlo_seen || d->banner_seen || door_count(d).refused > 0;
}

/* In a run over many targets the many refusals are counted, not told one by one. */
static bool probe_told(const struct host *h, const struct result *r)
{
    return !h->info.run->brief ||
           (r->state != PROBE_REFUSED && r->state != PROBE_INFERRED && r->state != PROBE_SKIPPED);
}

json_t *document_probes(const struct target *target)
{
    json_t *all = json_array();

    for (size_t h = 0; h < target->host_count; h++) {
        for (size_t k = 0; k < target->hosts[h]->door_count; k++) {
            const struct door *d = &target->hosts[h]->doors[k];

            for (size_t i = 0; door_spoke(d) && i < d->result_count; i++)
                if (probe_told(target->hosts[h], &d->results[i]))
                    json_array_append_new(all, probe_json(target, h, k, i));
        }
    }
    return all;
}

static json_t *control_json(const struct host *h, const struct door *d)
{
    const struct control *c = &d->control;
    const char *rcpt = h->info.controls[c->which];

    if (c->state == CONTROL_UNTRIED)
        return json_null();
    return json_pack("{s:o, s:b, s:i, s:s, s:o}", "rcpt", escaped(span_str(rcpt ? rcpt : "")),
                     "accepted", c->state == CONTROL_ACCEPTED, "code", (int)c->code, "meaning",
                     meaning_name((enum meaning)c->meaning), "text",
                     reply_json(d, c->session, c->line));
}

static json_t *ehlo_json(const struct door *d)
{
    json_t *words = json_array();

    for (unsigned bit = 1; bit && bit <= SMTP_EXT_LIMITS; bit <<= 1)
        if (d->ehlo.ext & bit)
            json_array_append_new(words, json_string(smtp_ext_name((enum smtp_ext)bit)));
    return words;
}

static json_t *sessions_json(const struct door *d)
{
    json_t *all = json_array();

    for (size_t i = 0; i < d->session_count; i++) {
        const struct door_session *s = &d->sessions[i];

        json_array_append_new(all, json_pack("{s:s, s:i, s:i, s:I}", "end", door_end_name(s->end),
                                             "refusals", (int)s->refusals, "waits", (int)s->waits,
                                             "ms", (json_int_t)(s->ended - s->began)));
    }
    return all;
}

static void door_counts_json(json_t *o, const struct door_counts *n)
{
    json_object_set_new(o, "tried",
                        json_integer(n->refused + n->inferred + n->deferred + n->lost + n->taken +
                                     n->held + n->delivered + n->bounced + n->proved));
    json_object_set_new(o, "refused", json_integer(n->refused + n->inferred));
    json_object_set_new(o, "inferred", json_integer(n->inferred));
    json_object_set_new(o, "accepted", json_integer(n->taken + n->held + n->delivered));
    json_object_set_new(o, "bounced", json_integer(n->bounced));
    json_object_set_new(o, "proved", json_integer(n->proved));
    json_object_set_new(o, "deferred", json_integer(n->deferred));
    json_object_set_new(o, "lost", json_integer(n->lost + n->untried));
    json_object_set_new(o, "skipped", json_integer(n->skipped));
}

/* The lines of one reply, from its first on, as they were written: "220-mx.example", … */
static json_t *reply_lines(const struct transcript *log, uint16_t first)
{
    json_t *lines = json_array();

    for (uint32_t n = first; log && first != TRANSCRIPT_NONE && n < log->count; n++) {
        struct span text = transcript_line(log, (uint16_t)n);

        if (!span_starts(text, SPAN_LIT("S: ")) || json_array_size(lines) == SHOWN_LINES)
            break;
        text = span_slice(text, 3, text.n);
        json_array_append_new(lines, json_stringn(text.n ? text.p : "", text.n));
        if (text.n < 4 || text.p[3] != '-')
            break;
    }
    return lines;
}

/* Greeting and EHLO as they came, by which a server is known; EHLO of the greeting's session. */
static void door_shown(json_t *o, const struct door *d)
{
    const struct transcript *log = d->banner_seen ? log_of(d, d->banner_session) : NULL;

    if (!log)
        return;
    json_object_set_new(o, "greeting", reply_lines(log, d->banner_line));
    for (uint32_t n = d->banner_line; n + 1 < log->count; n++) {
        if (!span_starts(transcript_line(log, (uint16_t)n), SPAN_LIT("C: EHLO ")))
            continue;
        if (span_starts(transcript_line(log, (uint16_t)(n + 1)), SPAN_LIT("S: 250")))
            json_object_set_new(o, "ehlo_lines", reply_lines(log, (uint16_t)(n + 1)));
        break;
    }
}

static json_t *door_json(const struct target *target, const struct host *h, size_t k)
{
    const struct door *d = &h->doors[k];
    struct door_counts n = door_count(d);
    char why[VERDICT_WHY_MAX];
    enum verdict v = verdict_of_door(d, why);
    json_t *o = json_pack("{s:s, s:o, s:o, s:o, s:s, s:i, s:s, s:s, s:o, s:o, s:s, s:o, s:o}",
                          "type", "door", "run", run_json(target->test), "target",
                          escaped(span_str(target->name)), "address", ip_json(h->info.ip), "family",
                          family_of(h), "port", (int)d->port, "tls", door_tls_name(d->tls),
                          "verdict", verdict_name(v), "why", escaped(span_str(why)), "banner",
                          reply_json(d, d->banner_session, d->banner_line), "server",
                          d->server ? d->server->name : "", "ehlo", ehlo_json(d), "seen_client",
                          d->ehlo.seen_client.family ? ip_json(d->ehlo.seen_client) : json_null());

    json_object_set_new(o, "control", control_json(h, d));
    json_object_set_new(o, "optional", json_boolean(h->optional[k]));
    json_object_set_new(o, "sessions", json_integer((json_int_t)d->session_count));
    json_object_set_new(o, "session_list", sessions_json(d));
    json_object_set_new(o, "waits", json_integer(d->waits));
    json_object_set_new(o, "ms", json_integer(d->ended > d->began ? d->ended - d->began : 0));
    if (d->tls_version[0])
        json_object_set_new(o, "tls_version", json_string(d->tls_version));
    if (d->tls_cipher[0])
        json_object_set_new(o, "tls_cipher", json_string(d->tls_cipher));
    if (!h->info.run->brief)
        door_shown(o, d);
    door_counts_json(o, &n);
    return o;
}

json_t *document_doors(const struct target *target)
{
    json_t *all = json_array();

    for (size_t h = 0; h < target->host_count; h++)
        for (size_t k = 0; k < target->hosts[h]->door_count; k++)
            json_array_append_new(all, door_json(target, target->hosts[h], k));
    return all;
}

static json_t *proved_json(const struct target *target, size_t hi, size_t di, size_t i)
{
    const struct host *h = target->hosts[hi];
    const struct returned *a = arrival_of(target, hi, di, i, false);
    const struct probe *p = &h->info.run->list->probes[i];
    json_t *o = place_json(h, &h->doors[di], i);

    json_object_set_new(o, "probe_family", json_string(probe_family(p)));
    json_object_set_new(o, "flaw", json_string(p->cause && p->cause->flaw ? p->cause->flaw : ""));
    if (p->cause && p->cause->cve)
        json_object_set_new(o, "cve", json_string(p->cause->cve));
    if (a)
        json_object_update_missing(o, a->json);
    return o;
}

static json_t *accepted_json(const struct host *h, const struct door *d, size_t i)
{
    json_t *o = place_json(h, d, i);

    json_object_set_new(o, "state",
                        json_string(probe_state_name((enum probe_state)d->results[i].state)));
    json_object_set_new(o, "code", json_integer(d->results[i].code));
    json_object_set_new(o, "text",
                        reply_json(d, d->results[i].session, reply_line(&d->results[i])));
    return o;
}

static bool unproved(const struct result *r)
{
    return r->state == PROBE_TAKEN || r->state == PROBE_HELD || r->state == PROBE_DELIVERED ||
           r->state == PROBE_BOUNCED;
}

static void lists_json(const struct target *target, json_t *proved, json_t *accepted)
{
    for (size_t h = 0; h < target->host_count; h++) {
        for (size_t k = 0; k < target->hosts[h]->door_count; k++) {
            const struct door *d = &target->hosts[h]->doors[k];

            for (size_t i = 0; i < d->result_count; i++) {
                if (d->results[i].state == PROBE_PROVED)
                    json_array_append_new(proved, proved_json(target, h, k, i));
                else if (unproved(&d->results[i]))
                    json_array_append_new(accepted, accepted_json(target->hosts[h], d, i));
            }
        }
    }
}

/* All doors of a target with their verdicts; the caller frees it. */
static struct verdict_door *doors_of(const struct target *target, size_t *ret_count)
{
    struct verdict_door *all = calloc(target->host_count * HOST_DOORS_MAX + 1, sizeof(*all));
    char why[VERDICT_WHY_MAX];
    size_t n = 0;

    for (size_t h = 0; all && h < target->host_count; h++)
        for (size_t k = 0; k < target->hosts[h]->door_count; k++)
            all[n++] = (struct verdict_door){
                .door = &target->hosts[h]->doors[k],
                .verdict = verdict_of_door(&target->hosts[h]->doors[k], why),
                .optional = target->hosts[h]->optional[k],
            };
    *ret_count = n;
    return all;
}

/* The server then writes the address that the probe claimed, which tells nothing about ours. */
static bool claims_address(const struct host *h, size_t probe)
{
    const struct form *channel = h->info.run->list->probes[probe].channel;

    return channel && (channel->channel == CHANNEL_XCLIENT || channel->channel == CHANNEL_PROXY1 ||
                       channel->channel == CHANNEL_PROXY2);
}

static json_t *findings_json(const struct target *target, const struct verdict_door *doors,
                             size_t count)
{
    struct finding_arrival *ways = calloc(target->arrival_count + 1, sizeof(*ways));
    struct finding_list list = {0};
    json_t *all = json_array();
    size_t n = 0;

    for (size_t i = 0; ways && i < target->arrival_count; i++) {
        const struct returned *a = &target->arrivals[i];
        const struct host *h = target->hosts[a->host];

        if (a->bounce)
            continue;
        ways[n] = (struct finding_arrival){.input = h->info.ip, .output = a->output};
        if (!claims_address(h, a->probe))
            ways[n].seen = a->seen;
        n++;
    }
    finding_all(&list, doors, count, ways, n);
    for (size_t i = 0; i < list.count; i++)
        json_array_append_new(all, json_pack("{s:s, s:s, s:o}", "id", list.findings[i].id,
                                             "severity", severity_name(list.findings[i].severity),
                                             "text", escaped(span_str(list.findings[i].text))));
    finding_list_deinit(&list);
    free(ways);
    return all;
}

/* The best control of all doors: what a closed verdict rests on. */
static json_t *target_control(const struct target *target)
{
    const struct host *host = NULL;
    const struct door *best = NULL;

    for (size_t h = 0; h < target->host_count; h++) {
        for (size_t k = 0; k < target->hosts[h]->door_count; k++) {
            const struct door *d = &target->hosts[h]->doors[k];

            if (d->control.state == CONTROL_UNTRIED ||
                (best && best->control.state == CONTROL_ACCEPTED))
                continue;
            best = d;
            host = target->hosts[h];
        }
    }
    return best ? control_json(host, best) : json_null();
}

static json_t *counts_json(const struct target *target)
{
    struct door_counts n = {0};
    json_t *o = json_object();

    for (size_t h = 0; h < target->host_count; h++)
        for (size_t k = 0; k < target->hosts[h]->door_count; k++)
            if (door_spoke(&target->hosts[h]->doors[k]))
                door_count_more(&target->hosts[h]->doors[k], &n);
    door_counts_json(o, &n);
    return o;
}

static json_t *next_json(const struct target *target, enum verdict v)
{
    json_t *next = json_array();

    switch (v) {
    case VERDICT_OPEN:
        json_array_append_new(next, json_string("close the relay, then run the same test again"));
        break;
    case VERDICT_ACCEPTS:
        json_array_append_new(next,
                              json_string(target->test->has_source
                                              ? "look into the server's queue and log for these "
                                                "envelopes, or wait longer (--wait)"
                                              : "nothing was watched for arrivals: give "
                                                "--sink-listen, --maildir or --imap, or pipe "
                                                "the message that arrives into postern prove"));
        break;
    case VERDICT_BLOCKED:
        json_array_append_new(next,
                              json_string("test from another address, or name a recipient that "
                                          "exists there with --control"));
        break;
    case VERDICT_INCONCLUSIVE:
        json_array_append_new(next, json_string("run postern test --resume later, or give a longer "
                                                "--wait"));
        break;
    case VERDICT_UNREACHABLE:
        json_array_append_new(next, json_string("see with --preflight whether port 25 is open from "
                                                "here to the outside"));
        break;
    case VERDICT_CLOSED:
    case VERDICT_ABSENT:
        break;
    }
    return next;
}

json_t *document_verdict(const struct target *target)
{
    const struct test *t = target->test;
    int64_t ended = loop_now(t->loop);
    json_t *proved = json_array(), *accepted = json_array(), *addresses = json_array(), *o;
    char why[VERDICT_WHY_MAX];
    size_t count = 0;
    struct verdict_door *doors = doors_of(target, &count);
    enum verdict v = verdict_of_target(doors, count, why);

    if (target->host_count == 0) {
        v = target->excluded[0] ? VERDICT_INCONCLUSIVE : VERDICT_UNREACHABLE;
        snprintf(why, sizeof(why), "%s%.270s", target->excluded[0] ? "not tested: " : "",
                 target->excluded[0] ? target->excluded : target->failure);
    }
    for (size_t h = 0; h < target->host_count; h++)
        json_array_append_new(addresses, ip_json(target->hosts[h]->info.ip));
    lists_json(target, proved, accepted);
    o = json_pack("{s:s, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "type", "verdict", "run",
                  run_json(t), "target", escaped(span_str(target->name)), "addresses", addresses,
                  "verdict", verdict_name(v), "why", escaped(span_str(why)), "control",
                  target_control(target), "proved", proved, "accepted_unproved", accepted,
                  "findings", findings_json(target, doors, count));
    json_object_set_new(o, "counts", counts_json(target));
    json_object_set_new(o, "started", time_json(target->began_wall_ms));
    json_object_set_new(o, "ended", time_json(ended + t->run_full.wall_offset));
    json_object_set_new(o, "ms", json_integer(ended - target->began));
    json_object_set_new(o, "next", next_json(target, v));
    free(doors);
    return o;
}
