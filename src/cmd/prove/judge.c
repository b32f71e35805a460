/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The order matters: what a message proves is stored before it is told, so that nothing is ever
 * shown as proved that a crash could lose.
 */
#include "cmd/prove/prove.h"

#include "base/escape.h"
#include "io/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static char *text_of(struct span s)
{
    struct buf out = BUF_INIT(4 * STORE_TEXT_MAX);
    char *text;

    if (!s.n)
        return NULL;
    escape_text(&out, s);
    text = buf_take(&out);
    buf_deinit(&out);
    return text;
}

struct search {
    struct store *store;
    struct told *told;
};

/* The first probe that fits; two differ only where a run names one address twice. */
static int on_probe(void *ctx, const struct store_probe *probe)
{
    struct search *s = ctx;
    struct store_target target;
    int64_t id = probe->target;

    s->told->probe = text_of(probe->probe);
    s->told->sent_rcpt = text_of(probe->rcpt);
    if (store_target_get(s->store, id, &target) == STORE_OK)
        s->told->target = text_of(target.name);
    return 1;
}

static int look_up(struct prove *p, const struct token *t, struct told *ret)
{
    struct search s = {p->store, ret};
    struct store_token token = {
        .run = t->run, .serial = t->serial, .day = t->day, .kind = (uint32_t)t->kind};
    int rc;

    memcpy(token.target, t->target, sizeof(token.target));
    rc = p->store ? store_probes_of_token(p->store, &token, on_probe, &s) : 0;
    return rc < 0 ? rc : 0;
}

static void tolds_free(struct told *tolds, size_t count)
{
    for (size_t i = 0; tolds && i < count; i++) {
        free(tolds[i].probe);
        free(tolds[i].target);
        free(tolds[i].sent_rcpt);
    }
    free(tolds);
}

static int keep_and_tell(struct prove *p, const struct source_message *m, const struct arrival *a)
{
    struct buf chain = BUF_INIT(STORE_CHAIN_MAX);
    int64_t *ids = calloc(a->count + 1, sizeof(*ids));
    struct told *tolds = calloc(a->count + 1, sizeof(*tolds));
    struct keep k = {.store = p->store,
                     .source = m->source,
                     .file_wall = m->wall,
                     .now_wall = loop_wall(),
                     .cut = m->cut};
    struct judged j = {.m = m, .a = a, .proofs = ids, .tolds = tolds};
    size_t fresh = 0;
    int rc = ids && tolds ? keep_tokens(&k, a, ids, &fresh) : -ENOMEM;

    for (size_t i = 0; i < a->count && rc == 0; i++)
        rc = look_up(p, &a->tokens[i].token, &tolds[i]);
    keep_chain(a, &chain);
    j.chain = buf_span(&chain);
    if (rc == 0)
        rc = chain.err;
    if (rc == 0 && p->args.json)
        rc = tell_json(p, &j);
    else if (rc == 0)
        tell_text(p, &j);
    p->kept += fresh;
    tolds_free(tolds, a->count);
    free(ids);
    buf_deinit(&chain);
    return rc;
}

int judge(struct prove *p, const struct source_message *m)
{
    struct arrival a;
    int rc = arrival_read(p->key, m->text, &a);

    if (rc < 0)
        return rc;
    p->messages++;
    p->ours += a.count > 0;
    for (size_t i = 0; i < a.count; i++)
        p->proved += arrival_proves(&a, &a.tokens[i]);
    /* Of a whole mailbox only what is ours is worth a line, unless all is asked for. */
    if (a.count || p->args.all || m->source == STORE_SOURCE_MESSAGE)
        rc = keep_and_tell(p, m, &a);
    arrival_deinit(&a);
    return rc ? rc : p->out.err;
}
