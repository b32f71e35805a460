/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whole configurations made up by hand, each labelled by what the servers' documentation says
 * before the auditor had read it: tests/data/audit/made-*.txt. A file of cases:
 *
 *     %% open the name of a case      worst severity, "clean", or a note's rule: "EX12", "-EX12"
 *     %@ /etc/postfix/main.cf         the lines that follow are this file's
 *     %! path=/etc/postfix no-nat     options; path: without it, the folder of the first file
 *     %# why
 *
 * All of a file are audited before the wrong ones are counted, so that one run tells them all.
 */
#include "audit/try_test.h"
#include "source.h"

enum { OPTION_MAX = 300 };

struct made {
    struct try_case c;
    size_t files;
    bool in_file;
    char name[OPTION_MAX], want[32], paths[TRY_FILES][OPTION_MAX];
    char path[OPTION_MAX], nat[OPTION_MAX], own[OPTION_MAX], host[OPTION_MAX], version[OPTION_MAX];
    char published[OPTION_MAX];
};

/* Commas part the items of an option, blanks those of a fact. */
static void keep(char to[OPTION_MAX], struct span s)
{
    assert_true(s.n < OPTION_MAX);
    for (size_t i = 0; i < s.n; i++)
        to[i] = s.p[i] == ',' ? ' ' : s.p[i];
    to[s.n] = '\0';
}

static void option(struct made *m, struct span word)
{
    struct {
        const char *key;
        char *value;
    } keys[] = {{"path", m->path}, {"nat", m->nat},         {"own", m->own},
                {"host", m->host}, {"version", m->version}, {"published", m->published}};
    struct span key;

    if (span_eq(word, SPAN_LIT("no-nat"))) {
        m->c.no_nat = true;
        return;
    }
    assert_true(span_cut(&word, '=', &key));
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (span_eq(key, span_str(keys[i].key))) {
            keep(keys[i].value, word);
            return;
        }
    }
    fail_msg("%.*s: no such option", (int)key.n, key.p);
}

static void begin(struct made *m, struct span rest)
{
    struct span word;

    *m = (struct made){0};
    assert_true(span_word(&rest, &word) && word.n < sizeof(m->want));
    memcpy(m->want, word.p, word.n);
    keep(m->name, span_trim(rest));
}

/* Text of the file that is open grows line by line: they stand one behind the other. */
static void add_line(struct made *m, struct span line)
{
    struct audit_memory_file *f = &m->c.files[m->files - 1];

    if (!f->text)
        f->text = line.p;
    f->n = (size_t)(line.p + line.n - f->text) + 1;
}

static void add_mark(struct made *m, struct span line)
{
    struct span rest = span_slice(line, 2, line.n), word = SPAN_NULL;

    m->in_file = line.p[1] == '@';
    if (m->in_file) {
        assert_true(m->files < TRY_FILES && span_word(&rest, &word));
        keep(m->paths[m->files], word);
        m->c.files[m->files] = (struct audit_memory_file){m->paths[m->files], NULL, 0};
        m->files++;
    }
    while (line.p[1] == '!' && span_word(&rest, &word))
        option(m, word);
}

static const char *or_null(const char *s)
{
    return *s ? s : NULL;
}

/* The rule that is wanted, if it was told; "-RULE" if it was not. */
static const char *told(const struct audit_finding *const *v, size_t count, const char *want)
{
    bool absent = want[0] == '-', found = false;

    for (size_t i = 0; i < count; i++)
        found = found || strcmp(v[i]->id, want + absent) == 0;
    return found != absent ? want : found ? "it" : "nothing of it";
}

/* The verdict's word. */
static const char *audit_made(struct audit *a, struct made *m)
{
    struct span words = span_str(m->path), word;
    size_t count;
    const struct audit_finding *const *v;
    int r = 0;

    if (!words.n)
        words = span_slice(span_str(m->paths[0]), 0, span_rfind(span_str(m->paths[0]), '/'));
    m->c.nat = or_null(m->nat);
    m->c.own = or_null(m->own);
    m->c.host = or_null(m->host);
    m->c.version = or_null(m->version);
    m->c.published = or_null(m->published);
    try_facts(a, &m->c);
    while (r == 0 && span_word(&words, &word)) {
        char path[OPTION_MAX];

        keep(path, word);
        r = audit_path(a, NULL, path);
    }
    if (r == 0)
        r = audit_finish(a);
    assert_true(r == 0 || r == AUDIT_BAD);
    if (r != 0)
        return "error";
    v = audit_findings(a, &count);
    if (ascii_is_digit(m->want[strlen(m->want) - 1]))
        return told(v, count, m->want);
    return count && v[0]->severity > AUDIT_NOTE ? audit_severity_of(v[0]) : "clean";
}

static bool judge(struct made *m)
{
    struct audit_memory memory = {m->c.files, m->files};
    struct audit_files files;
    struct audit *a;
    const char *got;
    bool right;

    for (size_t i = 0; i < m->files; i++)
        if (!m->c.files[i].text)
            m->c.files[i].text = "";
    files = audit_files_memory(&memory);
    a = audit_new(&files);
    assert_non_null(a);
    got = audit_made(a, m);
    right = strcmp(got, m->want) == 0;
    if (!right) {
        print_message("# %s: want %s, got %s\n", m->name, m->want, got ? got : "nothing");
        if (strcmp(got, "error") == 0)
            print_message("#   %s\n", audit_error(a));
        else
            try_tell(a);
    }
    audit_free(&a);
    return right;
}

static void run(const char *name, unsigned least)
{
    static struct made m;
    struct span rest, line;
    unsigned cases = 0, wrong = 0;
    char path[100];

    m = (struct made){0};
    snprintf(path, sizeof(path), "tests/data/audit/made-%s.txt", name);
    rest = source_text(path);
    while (rest.n) {
        size_t n = span_find(rest, '\n');

        line = span_slice(rest, 0, n);
        rest = span_slice(rest, n + 1, rest.n);
        if (span_starts(line, SPAN_LIT("%%"))) {
            wrong += m.files && !judge(&m);
            begin(&m, span_slice(line, 2, line.n));
            cases++;
        } else if (line.n > 1 && line.p[0] == '%' && memchr("@!#", line.p[1], 3)) {
            add_mark(&m, line);
        } else if (m.in_file) {
            add_line(&m, line);
        }
    }
    wrong += m.files && !judge(&m);
    print_message("# %s: %u cases, %u wrong\n", name, cases, wrong);
    assert_true(cases >= least);
    assert_int_equal(wrong, 0);
}

static void postfix(void **state)
{
    run("postfix", 30);
}

static void exim(void **state)
{
    run("exim", 20);
}

static void sendmail(void **state)
{
    run("sendmail", 14);
}

static void opensmtpd(void **state)
{
    run("opensmtpd", 13);
}

static void of_unix(void **state)
{
    run("unix", 16);
}

static void modern(void **state)
{
    run("modern", 11);
}

static void windows(void **state)
{
    run("windows", 10);
}

static void compose(void **state)
{
    run("compose", 8);
}

static void third(void **state)
{
    run("third", 27);
}

static void notes(void **state)
{
    run("notes", 34);
}

static void more(void **state)
{
    run("more", 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(postfix),   cmocka_unit_test(exim),    cmocka_unit_test(sendmail),
        cmocka_unit_test(opensmtpd), cmocka_unit_test(of_unix), cmocka_unit_test(modern),
        cmocka_unit_test(windows),   cmocka_unit_test(compose), cmocka_unit_test(more),
        cmocka_unit_test(notes),     cmocka_unit_test(third),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
