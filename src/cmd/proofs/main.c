/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern proofs: what came back. A line a proof, or with ids everything about each: the envelope
 * that was sent beside the one that arrived, and the way between them. The raw message is written
 * as it is, except to a terminal: there a stranger's escape sequences would run.
 */
#include "cmd/proofs/one.h"

#include "base/escape.h"
#include "base/num.h"
#include "io/term.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const char program[] = "postern proofs";

struct args {
    const char *state, *run, *raw;
    bool json;
    unsigned colour;
};

static const struct option_row rows[] = {
    {.group = "What"},
    {"run", 'r', "RUN", "only of this run: its id, the first digits of it, or \"last\"",
     OPTION_TEXT, offsetof(struct args, run)},
    {"raw", 0, "ID", "the message of a proof, byte for byte", OPTION_TEXT,
     offsetof(struct args, raw)},
    {.group = "How"},
    {"json", 0, NULL, "one JSON object a proof", OPTION_FLAG, offsetof(struct args, json)},
    {"color", 0, "WHEN", "auto, always or never", OPTION_CHOICE, offsetof(struct args, colour),
     .choices = view_colour_choices, .shown = "auto"},
    {.group = "Where"},
    {"state", 0, "DIR", "the state folder", OPTION_TEXT, offsetof(struct args, state)},
    {0},
};

static const struct options options = {
    .program = program,
    .about = "Lists the proofs of arrival, or shows those with the given numbers in full.",
    .usage = "[OPTION]... [ID]...",
    .text = "Exit status: 0, 64 misuse, 65 damaged store, 66 no such run or proof.",
    .rows = rows,
};

struct listing {
    struct store *store;
    struct report_style style;
    struct buf out;
    bool json;
    uint64_t count;
};

static int add_proof(void *ctx, const struct store_proof *proof)
{
    struct listing *l = ctx;
    struct one one;
    int rc = one_read(l->store, proof, &one);

    if (rc < 0)
        return rc;
    if (l->json) {
        rc = one_json(&one, &l->out);
    } else {
        if (l->count == 0)
            one_table_head(&l->out);
        one_table_line(&one, &l->style, &l->out);
    }
    l->count++;
    one_deinit(&one);
    return rc < 0 ? rc : l->out.err;
}

/* A run of which only proofs are here, because its tester is on another machine, has no row. */
static int find_run(struct store *store, const char *name, uint32_t *ret)
{
    uint64_t id = 0;
    int rc = store_run_find(store, span_str(name), ret);

    if (rc != STORE_NONE || strlen(name) != 8)
        return view_run(program, store, name, ret);
    for (const char *p = name; *p; p++) {
        char c = ascii_lower(*p);

        if (!ascii_is_digit(c) && (c < 'a' || c > 'f'))
            return view_run(program, store, name, ret);
        id = id << 4 | (uint64_t)(ascii_is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    *ret = (uint32_t)id;
    return 0;
}

static int list(struct listing *l, const struct args *args)
{
    uint32_t run = 0;
    int rc, status = args->run ? find_run(l->store, args->run, &run) : 0;

    if (status)
        return status;
    rc = store_proofs_since(l->store, args->run ? &run : NULL, 0, add_proof, l);
    if (rc < 0 && !l->out.err)
        return view_store_error(program, l->store, rc);
    status = view_print(program, &l->out);
    if (status == 0 && l->count == 0 && !l->json)
        fprintf(stderr, "%s: there is no proof%s\n", program, args->run ? " of this run" : " yet");
    return status;
}

static bool proof_id(const char *text, int64_t *ret)
{
    uint64_t id;

    if (!num_u64(span_str(text), 1, INT64_MAX, &id))
        return false;
    *ret = (int64_t)id;
    return true;
}

static int no_proof(const char *text)
{
    struct buf shown = BUF_INIT(200);

    escape_text(&shown, span_slice(span_str(text), 0, 20));
    fprintf(stderr, "%s: there is no proof %s\n", program, buf_str(&shown));
    buf_deinit(&shown);
    return EX_NOINPUT;
}

static int show_one(struct listing *l, const char *text)
{
    struct store_proof proof;
    struct one one;
    int64_t id;
    int rc = STORE_NONE;

    if (proof_id(text, &id))
        rc = store_proof_get(l->store, id, &proof);
    if (rc == STORE_NONE)
        return no_proof(text);
    if (rc == STORE_OK)
        rc = one_read(l->store, &proof, &one);
    if (rc < 0)
        return view_store_error(program, l->store, rc);
    if (l->json)
        rc = one_json(&one, &l->out);
    else
        one_full(&one, &l->style, &l->out);
    one_deinit(&one);
    return rc < 0 ? EX_OSERR : 0;
}

static int raw(struct listing *l, const char *text)
{
    struct buf message = BUF_INIT(STORE_RAW_MAX);
    int64_t id;
    int status, rc = STORE_NONE;

    if (proof_id(text, &id))
        rc = store_proof_raw(l->store, id, &message);
    if (rc == STORE_NONE)
        return no_proof(text);
    if (rc < 0) {
        status = view_store_error(program, l->store, rc);
    } else if (term_is(STDOUT_FILENO)) {
        /* Each CRLF is shown as the end of a line; a lone CR is not. */
        struct span rest = buf_span(&message), line;

        while (span_cut(&rest, '\n', &line)) {
            if (rest.p && line.n && line.p[line.n - 1] == '\r')
                line.n--;
            view_safe(&l->out, line);
            buf_add_str(&l->out, rest.p ? "\n" : "");
        }
        status = view_print(program, &l->out);
    } else {
        status = view_print(program, &message);
    }
    buf_deinit(&message);
    return status;
}

static int run(const struct args *args, char **ids, int count)
{
    struct listing l = {.out = BUF_INIT(VIEW_OUT_MAX), .json = args->json};
    int status = view_open(program, args->state, &l.store);

    view_style(&l.style, args->colour);
    if (status == 0 && args->raw) {
        status = raw(&l, args->raw);
    } else if (status == 0 && count == 0) {
        status = list(&l, args);
    } else if (status == 0) {
        for (int i = 0; i < count && status == 0; i++) {
            if (i && !l.json)
                buf_add_char(&l.out, '\n');
            status = show_one(&l, ids[i]);
        }
        int printed = view_print(program, &l.out);
        status = status ? status : printed;
    }
    store_close(l.store);
    buf_deinit(&l.out);
    return status;
}

int main(int argc, char **argv)
{
    struct args args = {0};
    int first, status;

    if (!options_start(&options, argc, argv, &args, &first, &status))
        return status;
    if (args.raw && (first < argc || args.run || args.json))
        return options_misuse(&options, "--raw ID stands alone");
    if (args.run && first < argc)
        return options_misuse(&options, "either --run or numbers of proofs");
    return run(&args, argv + first, argc - first);
}
