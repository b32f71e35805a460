/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * --sink-listen: the sink of postern-sink(1) inside the tester, for a test in one command. It takes
 * the same care: a message is acknowledged only after its proofs are in the store.
 */
#include "cmd/test/test.h"

#include "sink/receiver.h"

#include <stdlib.h>
#include <string.h>

struct embedded {
    struct receiver *receiver;
    struct tls_context *tls;
};

static void on_arrival(void *cookie, const struct receiver_arrival *a)
{
    struct store_proof proof = {
        .id = a->proof,
        .token = {.run = a->token.run,
                  .serial = a->token.serial,
                  .day = a->token.day,
                  .kind = (uint32_t)a->token.kind},
        .received_wall_ms = a->wall_ms,
        .source = STORE_SOURCE_EMBEDDED,
        .peer = a->peer,
        .helo = a->helo,
        .tls = a->tls,
        .mail = a->mail,
        .rcpt = a->rcpt,
        .what = a->what,
        .scope = a->scope,
        .chain = a->chain,
    };

    /* The receiver says 250 after this; a batch of results must not hold the proof back. */
    save_commit(cookie);
    memcpy(proof.token.target, a->token.target, sizeof(proof.token.target));
    proofs_take(cookie, &proof);
}

static const struct receiver_events events = {.arrival = on_arrival};

static int listen_at(struct test *t, const char *text)
{
    struct listen_place places[LISTEN_PLACES_MAX];
    size_t count = listen_parse(span_str(text), places), opened = 0;
    char err[LISTEN_ERROR_MAX] = "";

    if (count == 0)
        return options_misuse(&args_options,
                              "--sink-listen: \"%s\" is not ADDR:PORT, [IPV6]:PORT or :PORT", text);
    for (size_t i = 0; i < count; i++)
        opened += receiver_listen(t->embedded->receiver, &places[i], err) == 0;
    /* ":25" wants both families, and is content with the one that this machine has. */
    if (opened == 0) {
        complain("--sink-listen %s: %s", text, err);
        return TEST_EXIT_NO_INPUT;
    }
    return 0;
}

/* A resumed run may name the same place again. */
static bool named_before(const struct option_list *list, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(list->v[k], list->v[i]) == 0)
            return true;
    return false;
}

int embedded_start(struct test *t)
{
    struct receiver_config config = {.name = t->helo,
                                     .domain = t->domain,
                                     .store = t->store,
                                     .source = STORE_SOURCE_EMBEDDED,
                                     /* One smarthost may bring what a hundred targets relayed. */
                                     .clients = 2000,
                                     .at_once = 1000,
                                     .per_minute = 60000};
    char err[TLS_ERROR_MAX], path[DATADIR_PATH_MAX];
    int bad = 0;

    if (t->args.sink_listen.count == 0)
        return 0;
    t->embedded = calloc(1, sizeof(*t->embedded));
    if (!t->embedded)
        return TEST_EXIT_SOFTWARE;
    memcpy(config.key, t->key, sizeof(config.key));
    if (datadir_join(t->state.folder, "sink.pem", path) &&
        tls_server_self(path, t->helo, &t->embedded->tls, err) < 0)
        note(t, "the sink offers no STARTTLS: %s", err);
    config.tls = t->embedded->tls;
    if (receiver_new(t->loop, &events, t, &t->embedded->receiver) < 0) {
        complain("out of memory");
        return TEST_EXIT_SOFTWARE;
    }
    for (size_t i = 0; i < t->args.sink_listen.count && !bad; i++)
        if (!named_before(&t->args.sink_listen, i))
            bad = listen_at(t, t->args.sink_listen.v[i]);
    if (!bad)
        receiver_start(t->embedded->receiver, &config);
    t->has_source = true;
    return bad;
}

void embedded_stop(struct test *t)
{
    if (!t->embedded)
        return;
    receiver_free(&t->embedded->receiver);
    tls_context_free(&t->embedded->tls);
    free(t->embedded);
    t->embedded = NULL;
}
