/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/options.h"

#include "io/log.h"
#include "io/progress.h"
#include "io/term.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum color { RED, GREEN, BLUE };

struct args {
    bool json, quiet, check, no_check;
    const char *text;
    struct option_list skip;
    unsigned count;
    int64_t wait;
    uint64_t size;
    unsigned color;
    char called[20];
};

static const char *const colors[] = {"red", "green", "blue", NULL};

static bool call(void *args, const char *text, char err[OPTIONS_ERROR_MAX])
{
    struct args *a = args;

    if (span_copy(span_str(text), a->called, sizeof(a->called)))
        return true;
    snprintf(err, OPTIONS_ERROR_MAX, "too long");
    return false;
}

#define AT(field) offsetof(struct args, field)

static const struct option_row rows[] = {
    {.group = "What to do"},
    {"json", 'j', NULL, "one JSON object a line", OPTION_FLAG, AT(json)},
    {"quiet", 'q', NULL, "say nothing", OPTION_FLAG, AT(quiet)},
    {"probe-domain", 0, "DOMAIN", "the domain whose mail comes to us", OPTION_TEXT, AT(text)},
    {"skip", 0, "ID", "leave a probe out; may be given again", OPTION_LIST, AT(skip)},
    {.group = "Limits"},
    {"count", 'c', "N", "how many", OPTION_UINT, AT(count), .min = 1, .max = 100, .shown = "7"},
    {"wait", 'w', "TIME",
     "how long to wait for the arrival of what was accepted, before the verdict is given",
     OPTION_TIME, AT(wait), .min = 1000, .max = 3600000, .shown = "10m"},
    {"size", 0, "SIZE", "how much", OPTION_SIZE, AT(size), .min = 10},
    {"color", 0, "WHICH", "red, green or blue", OPTION_CHOICE, AT(color), .choices = colors},
    {"call", 0, "X", "calls", OPTION_CALL, 0, .call = call},
    {"check", 0, NULL, "only look", OPTION_FLAG, AT(check)},
    {"no-check", 0, NULL, "never look", OPTION_FLAG, AT(no_check)},
    {"secret", 0, NULL, "for tests", OPTION_FLAG, AT(json), .hidden = true},
    {0},
};

static const struct options options = {
    .program = "postern try",
    .about = "Tries things.",
    .usage = "[OPTION]... TARGET...\n--all",
    .text = "Exit codes: 0 closed, 2 open.\n\n  postern try --json mx.example.org\n",
    .rows = rows,
};

/* Runs the parser with standard output and error in a file; *ret_out is what it printed. */
static enum options_got parse(const char *line, struct args *a, char ret_operands[200],
                              char ret_out[4000])
{
    static char copy[500];
    static char program[] = "try";
    char *argv[30] = {program}, name[] = "/tmp/postern-options-XXXXXX";
    int argc = 1, first, fd = mkstemp(name), out, err;
    enum options_got got;
    ssize_t n;

    assert_true(fd >= 0);
    snprintf(copy, sizeof(copy), "%s", line);
    for (char *p = copy; *p;) {
        argv[argc++] = p;
        p += strcspn(p, " ");
        if (*p)
            *p++ = '\0';
    }
    fflush(NULL);
    out = dup(STDOUT_FILENO);
    err = dup(STDERR_FILENO);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    got = options_parse(&options, argc, argv, a, &first);
    fflush(NULL);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    close(out);
    close(err);
    n = pread(fd, ret_out, 3999, 0);
    ret_out[n > 0 ? n : 0] = '\0';
    close(fd);
    unlink(name);
    ret_operands[0] = '\0';
    for (int i = first; got == OPTIONS_RUN && i < argc; i++)
        snprintf(ret_operands + strlen(ret_operands), 200 - strlen(ret_operands), "%s;", argv[i]);
    return got;
}

static void test_values(void **state)
{
    struct args a = {.quiet = true, .count = 7};
    char operands[200], out[4000];

    assert_int_equal(parse("-j one --probe-domain=p.example --skip a --skip=b -c5 -w 2m two "
                           "--size 64k --color blue --call x --no-quiet -- --three",
                           &a, operands, out),
                     OPTIONS_RUN);
    assert_string_equal(out, "");
    assert_string_equal(operands, "one;two;--three;");
    assert_true(a.json);
    assert_false(a.quiet);
    assert_string_equal(a.text, "p.example");
    assert_int_equal(a.skip.count, 2);
    assert_string_equal(a.skip.v[1], "b");
    assert_int_equal(a.count, 5);
    assert_int_equal(a.wait, 120000);
    assert_int_equal(a.size, 65536);
    assert_int_equal(a.color, BLUE);
    assert_string_equal(a.called, "x");
    option_list_deinit(&a.skip);
    option_list_deinit(&a.skip);
}

/* Two rows, and one is no negation of the other. */
static void test_row_that_begins_with_no(void **state)
{
    char operands[200], out[4000];
    struct args a = {0};

    assert_int_equal(parse("--check --no-check", &a, operands, out), OPTIONS_RUN);
    assert_true(a.check && a.no_check);
    a = (struct args){0};
    assert_int_equal(parse("--no-check --json --no-json", &a, operands, out), OPTIONS_RUN);
    assert_true(!a.check && a.no_check && !a.json);
}

static void test_misuse(void **state)
{
    static const struct {
        const char *line, *want;
    } cases[] = {
        {"--jsn", "postern try: no option --jsn; did you mean --json?\n"},
        {"--probe-domian=x",
         "postern try: no option --probe-domian; did you mean --probe-domain?\n"},
        {"--xyzzy", "postern try: no option --xyzzy\n"},
        {"-x", "postern try: no option -x\n"},
        {"-jx", "postern try: no option -x\n"},
        {"--json=yes", "postern try: --json takes no value\n"},
        {"--help=yes", "postern try: --help takes no value\n"},
        {"--wait", "postern try: --wait needs a value\n"},
        {"-w", "postern try: -w needs a value\n"},
        {"--count 0", "postern try: --count: must be between 1 and 100\n"},
        {"--count 101", "postern try: --count: must be between 1 and 100\n"},
        {"--count -1", "postern try: --count: '-1' is no number\n"},
        {"--count 1x", "postern try: --count: '1x' is no number\n"},
        {"--count 4294967296", "postern try: --count: '4294967296' is no number\n"},
        {"--wait 61m", "postern try: --wait: must be between 1s and 1h\n"},
        {"--wait soon",
         "postern try: --wait: 'soon' is no time: write it as 90, 90s, 10m, 2h or 1d\n"},
        {"--size 9", "postern try: --size: must be at least 10\n"},
        {"--size 1z", "postern try: --size: '1z' is no size: write it as 512, 64k or 1m\n"},
        {"--color pink", "postern try: --color: 'pink' is none of red, green or blue\n"},
        {"--call 12345678901234567890", "postern try: --call: too long\n"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct args a = {0};
        char operands[200], out[4000], want[300];

        assert_int_equal(parse(cases[i].line, &a, operands, out), OPTIONS_MISUSE);
        snprintf(want, sizeof(want), "%sTry 'postern try --help'.\n", cases[i].want);
        assert_string_equal(out, want);
    }
}

static void test_edges(void **state)
{
    static const char *const lines[] = {"--count 1", "--count 100", "--wait 1",
                                        "--wait 1h", "--size 10",   "--secret"};

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct args a = {0};
        char operands[200], out[4000];

        assert_int_equal(parse(lines[i], &a, operands, out), OPTIONS_RUN);
    }
}

static void test_help_and_version(void **state)
{
    struct args a = {0};
    char operands[200], out[4000];
    struct buf help = BUF_INIT(10000);

    options_help(&options, 60, &help);
    assert_true(span_starts(buf_span(&help), SPAN_LIT("Usage: postern try [OPTION]... TARGET...\n"
                                                      "   or: postern try --all\n"
                                                      "Tries things.\n\nWhat to do:\n")));
    assert_non_null(strstr(buf_str(&help),
                           "  -w, --wait=TIME           how long to wait for the arrival\n"
                           "                            of what was accepted, before the\n"
                           "                            verdict is given (default: 10m)\n"));
    assert_non_null(strstr(buf_str(&help), "\n      --probe-domain=DOMAIN\n      "));
    assert_non_null(strstr(buf_str(&help),
                           "\n\nExit codes: 0 closed, 2 open.\n\n  postern try --json "
                           "mx.example.org\n"));
    assert_null(strstr(buf_str(&help), "secret"));
    for (struct span rest = buf_span(&help), line; span_cut(&rest, '\n', &line);)
        assert_true(line.n <= 60);
    buf_deinit(&help);
    assert_int_equal(parse("--jsn-not-reached-after --help", &a, operands, out), OPTIONS_MISUSE);
    assert_int_equal(parse("-j --help --nonsense", &a, operands, out), OPTIONS_DONE);
    assert_non_null(strstr(out, "Usage: postern try"));
    assert_int_equal(parse("--version", &a, operands, out), OPTIONS_DONE);
    assert_string_equal(out, "postern try (Postern) " POSTERN_VERSION "\n");
}

static void test_set_from_configuration(void **state)
{
    static const struct {
        const char *name, *value, *error; /* error NULL: taken */
    } cases[] = {
        {"json", "yes", NULL},
        {"json", "perhaps", "'perhaps' is neither yes nor no"},
        {"wait", "5m", NULL},
        {"wait", "5y", "'5y' is no time: write it as 90, 90s, 10m, 2h or 1d"},
        {"nothing", "x", "no such option"},
    };
    struct args a = {0};
    char err[OPTIONS_ERROR_MAX];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool ok = options_set(&options, &a, cases[i].name, cases[i].value, err);

        assert_int_equal(ok, !cases[i].error);
        if (!ok)
            assert_string_equal(err, cases[i].error);
    }
    assert_true(a.json);
    assert_int_equal(a.wait, 300000);
    assert_true(options_set(&options, &a, "json", "no", err));
    assert_false(a.json);
    assert_true(options_has(&options, "wait"));
    assert_false(options_has(&options, "wai"));
}

static void test_list_of_configuration(void **state)
{
    struct args a = {0};
    char operands[200], out[4000], err[OPTIONS_ERROR_MAX];

    assert_true(options_set(&options, &a, "skip", "x", err));
    assert_true(options_set(&options, &a, "skip", "y", err));
    assert_int_equal(parse("--json", &a, operands, out), OPTIONS_RUN);
    assert_int_equal(a.skip.count, 2);
    assert_int_equal(parse("--skip a --skip b --skip c", &a, operands, out), OPTIONS_RUN);
    assert_int_equal(a.skip.count, 3);
    assert_string_equal(a.skip.v[0], "a");
    option_list_deinit(&a.skip);
}

static void test_peek(void **state)
{
    static const struct {
        const char *argv[5];
        const char *want;
    } cases[] = {
        {{"try", "--count", "5", "x"}, "5"}, {{"try", "x", "--count=6"}, "6"},
        {{"try", "-c", "7"}, "7"},           {{"try", "-c8"}, "8"},
        {{"try", "--counter", "5"}, NULL},   {{"try", "--", "--count=6"}, NULL},
        {{"try", "--count"}, NULL},          {{"try"}, NULL},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *argv[6] = {NULL};
        const char *got;
        int argc = 0;

        for (; cases[i].argv[argc]; argc++)
            argv[argc] = (char *)(uintptr_t)cases[i].argv[argc];
        got = options_peek(&options, argc, argv, "count");
        if (cases[i].want ? !got || strcmp(got, cases[i].want) != 0 : got != NULL)
            fail_msg("case %zu: %s", i, got ? got : "nothing");
    }
}

static void test_nearest(void **state)
{
    static const char *const words[] = {"test", "sink", "proofs", "prove", "runs", "show", "range"};
    static const struct {
        const char *word, *want;
    } cases[] = {
        {"tset", "test"}, {"proof", "proofs"}, {"prov", "prove"}, {"snik", "sink"},
        {"ran", "range"}, {"x", NULL},         {"gate", NULL},    {"", NULL},
        {"zebra", NULL},  {"shw", "show"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *got = options_nearest(cases[i].word, words, 7);

        if (!cases[i].want)
            assert_null(got);
        else if (!got)
            fail_msg("%s: no hint", cases[i].word);
        else
            assert_string_equal(got, cases[i].want);
    }
}

static void test_progress(void **state)
{
    struct progress p;
    char out[160];

    progress_start(&p, "targets", 0, 1000);
    assert_string_equal(progress_text(&p, 0, 100, NULL, 1000, out), "0 of 100 targets, 0%");
    assert_string_equal(progress_text(&p, 50, 100, NULL, 6000, out),
                        "50 of 100 targets, 50%, 10 a second, 0:05 left");
    assert_string_equal(progress_text(&p, 100, 100, "2 open", 11000, out),
                        "100 of 100 targets, 100%, 10 a second, 2 open");
    assert_string_equal(progress_text(&p, 5, 0, NULL, 11000, out), "5 targets, 0.5 a second");
    assert_string_equal(progress_text(&p, 1, 36001, NULL, 2000, out),
                        "1 of 36001 targets, 0%, 1.0 a second, 10h 00m left");
    /* What an earlier run did says nothing about our speed. */
    progress_start(&p, "targets", 900, 1000);
    assert_string_equal(progress_text(&p, 950, 1000, NULL, 6000, out),
                        "950 of 1000 targets, 95%, 10 a second, 0:05 left");
}

static void test_progress_off_terminal(void **state)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    struct progress p;

    progress_start(&p, "targets", 0, 0);
    p.out = f;
    p.tty = false;
    for (int64_t now = 0; now <= 25000; now += 100)
        progress_show(&p, (uint64_t)now / 100, 1000, NULL, now);
    progress_hide(&p);
    fclose(f);
    assert_string_equal(text, "100 of 1000 targets, 10%, 10 a second, 1:30 left\n"
                              "200 of 1000 targets, 20%, 10 a second, 1:20 left\n");
    free(text);
}

static void test_term(void **state)
{
    enum term_color c;

    setenv("NO_COLOR", "1", 1);
    assert_false(term_color(TERM_COLOR_AUTO, STDOUT_FILENO));
    assert_true(term_color(TERM_COLOR_ALWAYS, STDOUT_FILENO));
    assert_false(term_color(TERM_COLOR_NEVER, STDOUT_FILENO));
    assert_true(term_color_parse(SPAN_LIT("always"), &c) && c == TERM_COLOR_ALWAYS);
    assert_false(term_color_parse(SPAN_LIT("maybe"), &c));
    setenv("COLUMNS", "132", 1);
    assert_int_equal(term_width(-1), 132);
    setenv("COLUMNS", "wide", 1);
    assert_int_equal(term_width(-1), 80);
}

/* Everything the logger writes while fn runs. */
static void logged(void (*fn)(void), char out[20000])
{
    char name[] = "/tmp/postern-log-XXXXXX";
    int fd = mkstemp(name), err = dup(STDERR_FILENO);
    ssize_t n;

    assert_true(fd >= 0);
    dup2(fd, STDERR_FILENO);
    fn();
    dup2(err, STDERR_FILENO);
    close(err);
    n = pread(fd, out, 19999, 0);
    out[n > 0 ? n : 0] = '\0';
    close(fd);
    unlink(name);
}

static void log_some(void)
{
    struct ip ip = {.family = IP_V4, .b = {192, 0, 2, 1}};

    log_info("session", "client", LOG_IP(ip), "helo", "a b\r\n", "n", LOG_NUM(-5), "raw",
             LOG_SPAN(SPAN_LIT("x\0y")), "none", LOG_STR(NULL), "why", LOG_ERRNO(-2), NULL);
    log_debug("hidden", NULL);
}

/* In a child: what the stream is, is looked up once. */
static void log_in_journal(void)
{
    struct stat st;
    char stream[64];
    int status;
    pid_t pid;

    assert_int_equal(fstat(STDERR_FILENO, &st), 0);
    snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    pid = fork();
    if (pid == 0) {
        setenv("JOURNAL_STREAM", stream, 1);
        log_info("session", "n", "1", NULL);
        log_error("broken", NULL);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void test_log_in_journal(void **state)
{
    char out[20000];

    logged(log_in_journal, out);
    assert_string_equal(out, "<6>event=session n=1\n<3>event=broken\n");
}

static void test_log(void **state)
{
    char out[20000];
    enum log_level level;

    logged(log_some, out);
    assert_int_equal(out[10], 'T');
    assert_string_equal(out + 20, " info event=session client=192.0.2.1 helo=\"a b\\r\\n\" n=-5 "
                                  "raw=x?y none=- why=\"No such file or directory\"\n");
    log_set_level(LOG_LEVEL_ERROR);
    logged(log_some, out);
    assert_string_equal(out, "");
    log_set_level(LOG_LEVEL_INFO);
    assert_true(log_level_parse(SPAN_LIT("debug"), &level) && level == LOG_LEVEL_DEBUG);
    assert_false(log_level_parse(SPAN_LIT("loud"), &level));
}

static void log_flood(void)
{
    char value[LOG_VALUE_MAX + 50];

    for (int i = 0; i < 3 * LOG_BURST; i++)
        log_info("flood", NULL);
    log_info("other", NULL);
    log_flush();
    log_flush();
    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    log_info("long", "v", value, NULL);
}

static void test_log_flood(void **state)
{
    char out[20000];
    unsigned lines = 0;

    logged(log_flood, out);
    for (struct span rest = span_str(out), line; span_cut(&rest, '\n', &line);)
        lines += line.n > 0;
    assert_int_equal(lines, LOG_BURST + 3);
    assert_non_null(strstr(out, "event=log-cut of=flood lines=200 seconds=10\n"));
    assert_non_null(strstr(out, "event=other\n"));
    assert_non_null(strstr(out, "vvv...\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_row_that_begins_with_no),
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_help_and_version),
        cmocka_unit_test(test_set_from_configuration),
        cmocka_unit_test(test_list_of_configuration),
        cmocka_unit_test(test_peek),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_progress),
        cmocka_unit_test(test_progress_off_terminal),
        cmocka_unit_test(test_term),
        cmocka_unit_test(test_log_in_journal), /* before the others: see there */
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_log_flood),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
