/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For the end-to-end tests: fills a store with what a JSON document on standard input says, so that
 * they need no SQL and break when the store's contract does. Not installed.
 *
 *     store-fill STATE-FOLDER < script
 *
 * {"runs": [{"id", "started", "ended", "state", "command", "options", "targets": [{"name", "state",
 *    "verdict", "exit", "lines": [document or text], "transcripts": [{"label", "text", "at"}],
 *    "probes": [{"serial", "digest", "probe", "address", "port", "tls", "mail", "rcpt", "helo",
 *      "sent"}]}]}],
 *  "proofs": [{"run", "digest", "serial", "at", "peer", "helo", "tls", "mail", "rcpt", "what",
 *    "source", "chain", "raw", "size"}]}
 */
#include "cmd/common/state.h"

#include "io/file.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct store *store;

static void must(int rc, const char *what)
{
    if (rc == 0)
        return;
    fprintf(stderr, "store-fill: %s: %d, %s\n", what, rc, store_error(store));
    exit(1);
}

static struct span text(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);

    return json_is_string(v) ? span_of(json_string_value(v), json_string_length(v)) : SPAN_NULL;
}

static int64_t number(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

static struct ip address(const json_t *o, const char *key)
{
    struct ip ip = {0};

    if (text(o, key).n && !ip_parse(text(o, key), &ip))
        must(-1, "address");
    return ip;
}

/* A digest of five equal bytes is enough to tell addresses apart. */
static void digest(const json_t *o, uint8_t ret[STORE_DIGEST])
{
    memset(ret, (int)number(o, "digest"), STORE_DIGEST);
}

static void add_lines(struct buf *out, const json_t *lines)
{
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const json_t *line = json_array_get(lines, i);
        char *made = json_is_string(line) ? NULL : json_dumps(line, JSON_COMPACT);

        buf_add_str(out, made ? made : json_string_value(line));
        buf_add_char(out, '\n');
        free(made);
    }
}

static void add_target_rows(const json_t *t, int64_t target)
{
    const json_t *list = json_object_get(t, "transcripts");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *o = json_array_get(list, i);
        struct store_transcript row = {.target = target,
                                       .label = text(o, "label"),
                                       .text = text(o, "text"),
                                       .started_wall_ms = number(o, "at") * 1000};

        must(store_transcript_add(store, &row), "transcript");
    }
    list = json_object_get(t, "probes");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *o = json_array_get(list, i);
        struct store_probe row = {.target = target,
                                  .serial = (uint32_t)number(o, "serial"),
                                  .probe = text(o, "probe"),
                                  .address = address(o, "address"),
                                  .port = (uint16_t)number(o, "port"),
                                  .tls = text(o, "tls"),
                                  .mail = text(o, "mail"),
                                  .rcpt = text(o, "rcpt"),
                                  .helo = text(o, "helo"),
                                  .state = STORE_PROBE_ACCEPTED,
                                  .sent_wall_ms = number(o, "sent")};

        digest(o, row.digest);
        must(store_probes_put(store, &row, 1), "probe");
    }
}

static void add_targets(const json_t *run, uint32_t id)
{
    const json_t *list = json_object_get(run, "targets");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *t = json_array_get(list, i);
        struct span name = text(t, "name");
        struct store_target target = {.state = (enum store_target_state)number(t, "state"),
                                      .verdict = text(t, "verdict"),
                                      .exit_class = (int)number(t, "exit")};
        struct store_target found;
        struct buf lines = BUF_INIT(STORE_RESULT_MAX);

        must(store_targets_add(store, id, &name, 1), "target");
        must(store_target_find(store, id, name, &found), "find");
        target.id = found.id;
        add_lines(&lines, json_object_get(t, "lines"));
        must(store_target_finish(store, &target, lines.n ? buf_span(&lines) : SPAN_NULL), "finish");
        buf_deinit(&lines);
        add_target_rows(t, target.id);
    }
}

static void add_runs(const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *o = json_array_get(list, i);
        struct store_run run = {.id = (uint32_t)number(o, "id"),
                                .started_wall = number(o, "started"),
                                .ended_wall = number(o, "ended"),
                                .state = (enum store_run_state)number(o, "state"),
                                .command = text(o, "command"),
                                .options = text(o, "options"),
                                .tester = SPAN_LIT("tester.example"),
                                .probe_domain = SPAN_LIT("probe.example")};

        must(store_run_add(store, &run), "run");
        add_targets(o, run.id);
    }
}

static void add_proofs(const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *o = json_array_get(list, i);
        struct store_proof p = {.token = {.run = (uint32_t)number(o, "run"),
                                          .serial = (uint32_t)number(o, "serial"),
                                          .kind = 'r'},
                                .received_wall_ms = number(o, "at"),
                                .source = (enum store_source)number(o, "source"),
                                .peer = address(o, "peer"),
                                .helo = text(o, "helo"),
                                .tls = text(o, "tls"),
                                .mail = text(o, "mail"),
                                .rcpt = text(o, "rcpt"),
                                .what = (enum store_what)number(o, "what"),
                                .chain = text(o, "chain"),
                                .raw = text(o, "raw"),
                                .size = (uint64_t)number(o, "size")};
        int rc;

        digest(o, p.token.target);
        rc = store_proof_add(store, &p, NULL);
        must(rc == STORE_EXISTS ? 0 : rc, "proof");
    }
}

int main(int argc, char **argv)
{
    struct buf in = BUF_INIT(1 << 28);
    char err[STATE_ERROR_MAX];
    struct state state;
    json_error_t why;
    json_t *script;

    if (argc != 2 || file_read("-", &in) < 0)
        return 64;
    script = json_loadb(buf_str(&in), in.n, JSON_ALLOW_NUL, &why);
    if (!script) {
        fprintf(stderr, "store-fill: line %d: %s\n", why.line, why.text);
        return 65;
    }
    if (state_open(&state, argv[1], true, err) < 0 ||
        state_store(&state, STORE_CREATE, &store, err) < 0) {
        fprintf(stderr, "store-fill: %s\n", err);
        return 1;
    }
    add_runs(json_object_get(script, "runs"));
    add_proofs(json_object_get(script, "proofs"));
    store_close(store);
    json_decref(script);
    buf_deinit(&in);
    return 0;
}
