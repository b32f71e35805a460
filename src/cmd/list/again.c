/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A host is closed when the very envelopes that came through are refused at the very ports where
 * they were taken: a general test might leave the one hole out. So the ports of the proofs are
 * tried whatever the configuration has, and each envelope must have been refused, by a reply or
 * since another reply spoke for it too, or its port must be shut for all (connection refused). A
 * port that does not answer says nothing: who shuts the tester out can't leave the list by that.
 *
 * An envelope that the catalogue has no more, or that lacks an option of the test that proved it,
 * can't be asked. Where that is all there is, the test says nothing.
 *
 * A relay that is open for all has come through with a hundred envelopes. Of many, an even choice
 * is asked, another one on another day, so that refusing a few forms is no way out; of a stranger
 * the likeliest few.
 */
#include "cmd/list/again.h"

#include "base/num.h"
#include "cmd/common/load.h"
#include "cmd/list/sent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORTS_USUAL "25,465,587" /* of postern test */

/* --- what was proved ------------------------------------------------------------------------- */

struct reading {
    struct ledger *g;
    struct again *a;
};

static void add_port(struct again *a, uint16_t port)
{
    for (size_t i = 0; i < a->port_count; i++)
        if (a->ports[i] == port)
            return;
    if (port && a->port_count < AGAIN_PORTS_MAX)
        a->ports[a->port_count++] = port;
}

static int keep(void *ctx, const struct store_listing_proof *p)
{
    struct reading *r = ctx;
    struct again *a = r->a;
    struct sent sent;
    int rc = sent_of_proof(r->g, p->proof, p->input, &sent);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < a->count; i++)
        if (a->v[i].port == sent.port && span_eq(p->probe, span_str(a->v[i].id)))
            return 0;
    if (a->count == AGAIN_MAX)
        return 0;
    add_port(a, sent.port);
    a->tls |= sent.tls;
    a->v[a->count] = (struct again_proved){.id = span_dup(p->probe), .port = sent.port};
    return a->v[a->count].id ? (a->count++, 0) : -ENOMEM;
}

int again_read(struct ledger *g, const struct store_listing *l, struct again *ret)
{
    struct reading r = {g, ret};
    int64_t id = l->id, fresh = l->fresh_wall;
    int rc;

    *ret = (struct again){.count = 0};
    rc = store_listing_proofs_each(g->store, id, fresh, keep, &r);
    return rc < 0 ? rc : 0;
}

void again_free(struct again *a)
{
    for (size_t i = 0; i < a->count; i++)
        free(a->v[i].id);
    for (size_t i = 0; i < a->quick_count; i++)
        free(a->quick[i]);
    a->count = a->quick_count = 0;
}

/* --- what is asked --------------------------------------------------------------------------- */

/* Each id once, with whether the catalogue has it. */
static int known(struct ledger *g, struct again *a, const struct tester_job *job)
{
    const char *ids[AGAIN_MAX];
    bool have[AGAIN_MAX];
    size_t n = 0;
    int rc;

    for (size_t i = 0; i < a->count; i++) {
        size_t k = 0;

        while (k < n && strcmp(ids[k], a->v[i].id) != 0)
            k++;
        if (k == n)
            ids[n++] = a->v[i].id;
    }
    rc = tester_knows(g, job, ids, n, have, &a->optin);
    for (size_t i = 0; i < a->count && rc == 0; i++)
        for (size_t k = 0; k < n; k++)
            if (strcmp(ids[k], a->v[i].id) == 0)
                a->v[i].cannot = !have[k];
    return rc;
}

static void choose_id(struct again *a, const char *id, struct tester_job *job)
{
    for (size_t i = 0; i < job->only_count; i++)
        if (strcmp(job->only[i], id) == 0)
            return;
    job->only[job->only_count++] = id;
    for (size_t i = 0; i < a->count; i++)
        a->v[i].chosen |= strcmp(a->v[i].id, id) == 0;
}

/*
 * "third-party.plain", not "….helo-localhost", "….after-local" or "+bdat": what needs a session of
 * its own must wait for its own ten minutes.
 */
static bool shares_session(const char *id)
{
    const char *dot = strchr(id, '.');

    return !strchr(id, '+') && (!dot || !strchr(dot + 1, '.'));
}

/* `most` ids, evenly over all that was proved; where it begins changes with the day. */
static void choose(struct again *a, size_t most, int64_t day, struct tester_job *job)
{
    size_t able[AGAIN_MAX], n = 0;

    for (size_t i = 0; i < a->count; i++)
        if (!a->v[i].cannot && (!job->gentle || shares_session(a->v[i].id)))
            able[n++] = i;
    if (n == 0)
        for (size_t i = 0; i < a->count; i++)
            if (!a->v[i].cannot)
                able[n++] = i;
    /* Every port must have its own. */
    for (size_t p = 0; p < a->port_count; p++)
        for (size_t i = 0; i < n; i++)
            if (a->v[able[i]].port == a->ports[p]) {
                choose_id(a, a->v[able[i]].id, job);
                break;
            }
    for (size_t k = 0; k < n && job->only_count < most; k++) {
        /* Of a stranger the likeliest: odd forms need sessions of their own too. */
        bool even = n > most && !job->gentle;
        size_t at = even ? ((size_t)day + k * n / most) % n : k;

        choose_id(a, a->v[able[at]].id, job);
    }
}

static bool has_port(struct span list, uint16_t port)
{
    struct span one;
    unsigned number;

    while (span_cut(&list, ',', &one))
        if (num_uint(span_trim(one), 0, UINT16_MAX, &number) && number == port)
            return true;
    return false;
}

/*
 * The ports of the configuration and those of the proofs. Of a stranger only the latter, and one of
 * the former where they are others: a host that has shut the port answers there.
 */
static void choose_ports(const struct ledger *g, struct again *a, struct tester_job *job)
{
    struct span usual = span_str(g->args->ports ? g->args->ports : PORTS_USUAL), rest = usual, one;
    struct buf text = BUF_INIT(sizeof(a->ports_text) - 1);
    bool both = !job->gentle;

    if (!a->port_count)
        return;
    for (size_t i = 0; i < a->port_count; i++)
        buf_addf(&text, "%s%u", i ? "," : "", a->ports[i]);
    for (size_t i = 0; i < a->port_count && !both; i++)
        if (has_port(usual, a->ports[i]))
            usual = SPAN_NULL;
    rest = usual;
    for (size_t n = 0; span_cut(&rest, ',', &one) && (both || n == 0); n++) {
        unsigned number;

        if (num_uint(span_trim(one), 1, UINT16_MAX, &number) &&
            !has_port(buf_span(&text), (uint16_t)number))
            buf_addf(&text, ",%u", number);
    }
    if (!text.err && span_copy(buf_span(&text), a->ports_text, sizeof(a->ports_text)))
        job->ports = a->ports_text;
    buf_deinit(&text);
}

int again_choose(struct ledger *g, struct again *a, struct tester_job *job)
{
    size_t ports = a->port_count ? a->port_count : 1;
    int rc, found;

    if (!a->count)
        return 0;
    rc = known(g, a, job);
    if (rc < 0)
        return rc;
    choose(a, job->gentle ? (ports >= AGAIN_GENTLE ? 1 : AGAIN_GENTLE / ports) : AGAIN_ASKED,
           g->now_wall / LIST_DAY, job);
    choose_ports(g, a, job);
    job->tls = a->tls ? "auto" : job->gentle ? "no" : NULL;
    job->optin = a->optin;
    if (job->gentle)
        return 0;
    job->limit = "5m";
    found = tester_quick(g, a->quick, TESTER_QUICK_MAX);
    for (int i = 0; i < found; i++)
        job->only[job->only_count++] = a->quick[i];
    a->quick_count = found > 0 ? (size_t)found : 0;
    return 0;
}

unsigned again_minutes(const struct again *a, const struct tester_job *job)
{
    size_t ports = 1;

    for (const char *p = a->ports_text; *p; p++)
        ports += *p == ',';
    return (unsigned)((job->only_count * ports * (a->tls ? 2 : 1) - 1) / AGAIN_GENTLE * 10);
}

/* --- what came of it ------------------------------------------------------------------------- */

struct shut {
    uint16_t port;
    bool all; /* no door of it opened */
};

struct answers {
    struct again *a;
    struct ip address;
    struct shut v[32];
    size_t count;
};

static void on_door(struct answers *all, uint16_t port, const char *verdict)
{
    bool absent = strcmp(verdict, "absent") == 0;
    size_t i = 0;

    while (i < all->count && all->v[i].port != port)
        i++;
    if (i == sizeof(all->v) / sizeof(all->v[0]))
        return;
    if (i == all->count)
        all->v[all->count++] = (struct shut){port, absent};
    all->v[i].all &= absent;
}

static void on_probe(struct answers *all, uint16_t port, const char *id, const json_t *doc)
{
    const char *state = json_string_value(json_object_get(doc, "state"));
    const char *needs = json_string_value(json_object_get(doc, "needs"));
    bool refused = state && (strcmp(state, "refused") == 0 || strcmp(state, "inferred") == 0);
    bool time = needs && strncmp(needs, "more time", 9) == 0;
    bool cannot = state && strcmp(state, "skipped") == 0 && !time;

    for (size_t i = 0; i < all->a->count; i++) {
        struct again_proved *p = &all->a->v[i];

        if (strcmp(p->id, id) != 0 || (p->port && p->port != port))
            continue;
        p->refused |= refused;
        p->cannot |= cannot;
    }
}

static int on_document(void *ctx, json_t *doc)
{
    struct answers *all = ctx;
    const char *type = json_string_value(json_object_get(doc, "type"));
    const char *ip = json_string_value(json_object_get(doc, "address"));
    const char *verdict = json_string_value(json_object_get(doc, "verdict"));
    const char *id = json_string_value(json_object_get(doc, "probe"));
    uint16_t port = (uint16_t)json_integer_value(json_object_get(doc, "port"));
    struct ip address;

    if (!type || !ip || !ip_parse(span_str(ip), &address) || !ip_eq(address, all->address))
        return 0;
    if (strcmp(type, "door") == 0 && verdict)
        on_door(all, port, verdict);
    if (strcmp(type, "probe") == 0 && id)
        on_probe(all, port, id, doc);
    return 0;
}

static bool is_shut(const struct answers *all, uint16_t port)
{
    for (size_t i = 0; i < all->count; i++)
        if (all->v[i].port == port)
            return all->v[i].all;
    return false;
}

static bool judge(const struct answers *all, char *ret_why)
{
    size_t refused = 0, chosen = 0;

    for (size_t i = 0; i < all->a->count; i++) {
        const struct again_proved *p = &all->a->v[i];

        if (!p->chosen || (p->cannot && !p->refused))
            continue;
        chosen++;
        if (p->refused || is_shut(all, p->port)) {
            refused++;
            continue;
        }
        snprintf(ret_why, AGAIN_WHY_MAX, "but %.200s, proved before at port %u, was not answered",
                 p->id, p->port);
        return false;
    }
    if (!chosen)
        snprintf(ret_why, AGAIN_WHY_MAX,
                 "but what was proved before can't be asked with these options");
    return chosen > 0 && refused == chosen;
}

int again_answered(struct ledger *g, struct again *a, const char *target, uint32_t run, bool *ret,
                   char *ret_why)
{
    struct answers all = {.a = a};
    struct load_faults faults = {0};
    struct store_target t;
    int rc = 0;

    *ret = a->count == 0;
    *ret_why = '\0';
    if (a->count == 0)
        return 0;
    if (!ip_parse(span_str(target), &all.address))
        return -EINVAL;
    rc = store_target_find(g->store, run, span_str(target), &t);
    if (rc == STORE_OK)
        rc = load_each(g->store, t.id, on_document, &all, &faults);
    if (rc < 0)
        return rc;
    *ret = judge(&all, ret_why);
    return 0;
}
