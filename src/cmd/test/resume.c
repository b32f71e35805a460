/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * --resume repeats the command line of the run, then this one's on top of it: so --wait or --json
 * can be given anew, and nothing else need be remembered.
 */
#include "cmd/test/test.h"

#include <errno.h>
#include <stdlib.h>

enum { WORDS_MAX = 20000 };

static json_t *saved; /* holds the words of the run's command line */
static char **words;
static int word_count;

/* The options of the run named, as JSON; an exit status, with the reason said. */
static int saved_read(const struct args *now, const char *name, json_t **ret)
{
    char err[STATE_ERROR_MAX];
    struct state state;
    struct store *store = NULL;
    struct store_run run;
    uint32_t id;
    int got = state_open(&state, now->state, false, err);

    if (got == 0)
        got = state_store_look(&state, &store, err);
    if (got < 0) {
        complain("%s", err);
        return state_exit(got);
    }
    got = store_run_find(store, span_str(name), &id);
    if (got == STORE_OK)
        got = store_run_get(store, id, &run);
    if (got == STORE_OK)
        *ret = json_loadb(run.options.p ? run.options.p : "", run.options.n, 0, NULL);
    if (got != STORE_OK)
        complain("%s: %s; postern runs lists them", name,
                 got == STORE_MANY ? "more than one run begins so" : "no such run");
    store_close(store);
    return got == STORE_OK && *ret ? 0 : TEST_EXIT_NO_INPUT;
}

static int words_read(uint16_t *ret_day)
{
    const json_t *list = json_object_get(saved, "argv");
    size_t n = json_array_size(list);

    words = calloc(n + 2, sizeof(*words));
    if (!words || n > WORDS_MAX)
        return TEST_EXIT_SOFTWARE;
    words[0] = (char *)(uintptr_t) "postern-test";
    for (size_t i = 0; i < n; i++) {
        const char *word = json_string_value(json_array_get(list, i));

        words[i + 1] = (char *)(uintptr_t)(word ? word : "");
    }
    word_count = (int)n + 1;
    *ret_day = (uint16_t)json_integer_value(json_object_get(saved, "day"));
    return 0;
}

/* Back to the defaults, and to the configuration that this command line or the saved one names. */
static int defaults_again(struct test *t, int argc, char **argv)
{
    bool named = options_peek(&args_options, argc, argv, "config") != NULL;

    args_deinit(&t->args);
    args_defaults(&t->args);
    conf_free(&t->conf);
    return settings_load(&args_options, "test", named ? argc : word_count, named ? argv : words,
                         &t->args, &t->conf);
}

int resume_arguments(struct test *t, int argc, char **argv, int *first)
{
    const char *name = argc > *first ? argv[*first] : "last";
    int bad = saved_read(&t->args, name, &saved), skipped;
    struct args preset;

    if (bad)
        return bad;
    bad = words_read(&t->day);
    if (!bad)
        bad = defaults_again(t, argc, argv);
    if (bad)
        return bad;
    preset = t->args;
    if (options_parse(&args_options, word_count, words, &t->args, &skipped) != OPTIONS_RUN)
        return TEST_EXIT_CONFIG;
    if (options_parse(&args_options, argc, argv, &t->args, first) != OPTIONS_RUN)
        return OPTIONS_EXIT_MISUSE;
    args_over_preset(&t->args, &preset);
    /* The targets are in the store; the words that named them have done their work. */
    option_list_deinit(&t->args.domains);
    t->args.targets_file = NULL;
    return 0;
}

void resume_free(void)
{
    json_decref(saved);
    free(words);
    saved = NULL;
    words = NULL;
}
