/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Everything that must be right before the first connection: the catalogue and what is chosen from
 * it, budgets, lists, key, TLS. A fault in any of them ends the program with a place to look, and
 * nothing has been sent or changed by then.
 */
#include "cmd/test/test.h"

#include "io/file.h"
#include "io/random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS_FILE_MAX = 4 << 20 };

static const char *const row_files[] = {"probes/senders.rows", "probes/recipients.rows",
                                        "probes/helos.rows", "probes/channels.rows",
                                        "probes/pairs.rows"};

static int read_file(const char *path, struct buf *text)
{
    int err = file_read(path, text);

    if (err < 0)
        complain("%s: %s", path, strerror(-err));
    return err < 0 ? TEST_EXIT_NO_INPUT : 0;
}

static int catalogue_file(struct test *t, const char *path)
{
    struct buf text = BUF_INIT(ROWS_FILE_MAX);
    struct catalogue_error err;
    int bad = read_file(path, &text), got = 0;

    if (!bad)
        got = catalogue_load(&t->catalogue, buf_span(&text), path, &err);
    if (got == -EINVAL)
        complain("%s", err.text);
    else if (got < 0)
        complain("out of memory");
    buf_deinit(&text);
    return got < 0 ? TEST_EXIT_CONFIG : bad;
}

static int data_file(const char *name, char path[DATADIR_PATH_MAX])
{
    if (datadir_find(name, path))
        return 0;
    complain("%s: no such data file; set POSTERN_DATA to the folder that holds %s", path, name);
    return TEST_EXIT_NO_INPUT;
}

static int budgets_setup(struct test *t)
{
    struct buf text = BUF_INIT(ROWS_FILE_MAX);
    char path[DATADIR_PATH_MAX];
    struct rows_error err;
    int bad = data_file("servers/budgets.rows", path), got = 0;

    if (!bad)
        bad = read_file(path, &text);
    if (!bad)
        got = budget_load(&t->servers, buf_span(&text), &err);
    if (got == -EINVAL)
        complain("%s:%u: %s", path, err.line, err.why);
    buf_deinit(&text);
    return got < 0 ? TEST_EXIT_CONFIG : bad;
}

static int choose(struct test *t, enum pairs_set set, struct probe_list *ret)
{
    const struct args *a = &t->args;
    struct pairs_options o = {
        .set = set,
        .only = a->only.v,
        .only_count = a->only.count,
        .skip = a->skip.v,
        .skip_count = a->skip.count,
        .family = a->family.v,
        .family_count = a->family.count,
        .with = a->with.v,
        .with_count = a->with.count,
    };
    struct pairs_envelope by_hand = {.from = a->from,
                                     .rcpt = a->rcpt,
                                     .helo = a->helo,
                                     .probe_domain = t->domain,
                                     .hosts = t->hosts,
                                     .host_count = t->host_count};
    char why[300] = "";
    int got;

    probe_list_init(ret);
    if (a->rcpt)
        got = pairs_by_hand(&t->catalogue, &by_hand, ret, why, sizeof(why));
    else
        got = pairs_make(&t->catalogue, &o, ret, why, sizeof(why));
    if (got == -EINVAL)
        return options_misuse(&args_options, "%s", why);
    if (got < 0) {
        complain("out of memory");
        return TEST_EXIT_SOFTWARE;
    }
    if (ret->count == 0)
        return options_misuse(&args_options, "no probe is left by --only, --skip and --family");
    if (ret->count > PLAN_PROBES_MAX)
        return options_misuse(&args_options,
                              "%zu probes for one door are more than %d; narrow them "
                              "with --only or --family",
                              ret->count, PLAN_PROBES_MAX);
    return 0;
}

static void host_add(struct test *t, const char *text)
{
    struct span host = span_str(text);
    uint16_t port;
    char *copy;

    if (t->host_count == TEST_HOSTS_MAX || !ip_host_port(span_str(text), &host, &port))
        return;
    copy = span_dup(host);
    if (copy)
        t->hosts[t->host_count++] = copy;
}

/* The names that belong to the targets: an envelope by hand may route by them. */
static void hosts_collect(struct test *t, int argc, char **argv)
{
    for (int i = 0; i < argc && !t->args.resume; i++)
        host_add(t, argv[i]);
    for (size_t i = 0; i < t->args.domains.count; i++)
        host_add(t, t->args.domains.v[i]);
    for (size_t i = 0; i < t->args.local_domains.count; i++)
        host_add(t, t->args.local_domains.v[i]);
}

static int book_setup(struct test *t)
{
    char err[ADVICE_ERROR_MAX];
    int got = advice_load(&t->book, NULL, 0, err);

    if (got < 0)
        complain("%s", err);
    return got == 0 ? 0 : got == -EINVAL ? TEST_EXIT_CONFIG : TEST_EXIT_NO_INPUT;
}

int setup_probes(struct test *t, int argc, char **argv)
{
    static const enum pairs_set sets[] = {[ARGS_SET_AUTO] = PAIRS_STANDARD,
                                          [ARGS_SET_QUICK] = PAIRS_QUICK,
                                          [ARGS_SET_STANDARD] = PAIRS_STANDARD,
                                          [ARGS_SET_FULL] = PAIRS_FULL};
    /* What is picked by name is meant, for a stranger's host too. */
    bool picked = t->args.only.count || t->args.family.count || t->args.with.count;
    char path[DATADIR_PATH_MAX];
    int bad = 0;

    hosts_collect(t, argc, argv);
    catalogue_init(&t->catalogue);
    for (size_t i = 0; i < sizeof(row_files) / sizeof(row_files[0]) && !bad; i++) {
        bad = data_file(row_files[i], path);
        if (!bad)
            bad = catalogue_file(t, path);
    }
    for (size_t i = 0; i < t->args.probe_files.count && !bad; i++)
        bad = catalogue_file(t, t->args.probe_files.v[i]);
    if (!bad)
        bad = choose(t, sets[t->args.set], &t->full);
    if (!bad)
        bad = choose(t, t->args.set == ARGS_SET_AUTO && !picked ? PAIRS_QUICK : sets[t->args.set],
                     &t->quick);
    if (!bad)
        bad = budgets_setup(t);
    return bad ? bad : book_setup(t);
}

static int password_read(struct test *t)
{
    struct buf text = BUF_INIT(4096);
    int bad = 0;

    if (!t->args.password_file)
        return 0;
    bad = read_file(t->args.password_file, &text);
    if (!bad)
        t->password = span_dup(span_slice(buf_span(&text), 0, span_find(buf_span(&text), '\n')));
    buf_deinit(&text);
    return bad;
}

/* The operator's certificate is read at once: a mistake in it must show before anything is sent. */
static int tls_setup(struct test *t)
{
    struct tls_client_options given = {.cert_file = t->args.cert, .key_file = t->args.cert_key};
    char err[TLS_ERROR_MAX] = "";

    if (t->args.cert && tls_client_new(&given, &t->tls_given, err) < 0) {
        complain("%s", err);
        return TEST_EXIT_NO_INPUT;
    }
    return 0;
}

static int state_setup(struct test *t)
{
    char err[STATE_ERROR_MAX];
    int got = state_open(&t->state, t->args.state, true, err);

    if (got == 0)
        got = state_key(&t->state, true, t->key, err);
    if (got == 0 && !t->args.no_store)
        got = state_store(&t->state, STORE_CREATE, &t->store, err);
    if (got == 0)
        got = state_lists(&t->state, t->store, t->args.scope_file, t->args.never_file, &t->scope,
                          &t->never, err);
    if (got < 0) {
        complain("%s", err);
        return state_exit(got);
    }
    return 0;
}

/* Nothing is sent, so nothing need be found again. */
static int key_for_show(struct test *t)
{
    if (random_bytes(t->key, sizeof(t->key)) == 0)
        return 0;
    complain("the kernel gives no random bytes");
    return TEST_EXIT_SOFTWARE;
}

static void run_fill(struct test *t, struct door_run *run, const struct probe_list *list)
{
    mac_keyed_init(&t->keyed, t->key);
    *run = (struct door_run){
        .list = list,
        .servers = &t->servers,
        .key = t->key,
        .keyed = &t->keyed,
        .run = t->run_id,
        .day = t->day ? t->day : (uint16_t)(loop_wall() / 86400),
        .domain = t->domain,
        .u_prefix = t->prefix,
        .helo = t->helo,
        .tester = t->tester,
        .contact = t->contact,
        .uri = t->uri,
        .opt_out = t->opt_out,
        .rand = t->rand,
        .account = t->args.account,
        .password = t->password,
        .partner = t->args.partner,
        .certificate = t->args.cert != NULL,
        .wildcard_mx = true,
        .timeout_ms = t->args.timeout,
        .limit_ms = t->args.limit,
        .wall_offset = loop_wall_ms() - loop_clock(),
    };
}

int setup_run(struct test *t)
{
    uint8_t chance[12];
    int bad = t->args.dry_run ? key_for_show(t) : state_setup(t);

    if (!bad)
        bad = password_read(t);
    if (!bad)
        bad = tls_setup(t);
    if (bad)
        return bad;
    if (random_bytes(chance, sizeof(chance)) < 0) {
        complain("the kernel gives no random bytes");
        return TEST_EXIT_SOFTWARE;
    }
    memcpy(&t->run_id, chance, sizeof(t->run_id));
    base32_encode(chance + 4, 8, t->rand);
    if (t->args.local_address && !ip_parse(span_str(t->args.local_address), &t->local))
        return options_misuse(&args_options, "--local-address: \"%s\" is no address",
                              t->args.local_address);
    run_fill(t, &t->run_full, &t->full);
    run_fill(t, &t->run_quick, &t->quick);
    return 0;
}

void setup_deinit(struct test *t)
{
    if (t->lock > 0)
        close(t->lock);
    store_close(t->store);
    tls_context_free(&t->tls_given);
    scope_list_deinit(&t->scope);
    scope_list_deinit(&t->never);
    budget_deinit(&t->servers);
    advise_book_deinit(&t->book);
    probe_list_deinit(&t->full);
    probe_list_deinit(&t->quick);
    catalogue_deinit(&t->catalogue);
    report_set_deinit(&t->kept);
    for (size_t i = 0; i < t->name_count; i++)
        free(t->names[i]);
    free(t->names);
    for (size_t i = 0; i < t->host_count; i++)
        free((void *)(uintptr_t)t->hosts[i]);
    free(t->password);
    free(t->prefix);
    free(t->domain);
    free(t->helo);
    free(t->contact);
    free(t->uri);
    free(t->opt_out);
    preflight_free(t);
    buf_deinit(&t->held);
    args_deinit(&t->args);
}
