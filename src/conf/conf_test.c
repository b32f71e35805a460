/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/conf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static bool add_value(void *cookie, const char *name, const char *value, char err[CONF_ERROR_MAX])
{
    buf_addf(cookie, "%s=%s;", name, value);
    return true;
}

static void test_good(void **state)
{
    static const struct {
        const char *name, *text, *test, *sink; /* the values of the two sections */
    } cases[] = {
        {"empty", "", "", ""},
        {"comments only", "# nothing\n// here\n/* at\n all */\n", "", ""},
        {"empty section", "test { }\n", "", ""},
        {"bare words", "test {\n  probe-domain = p.example\n  wait = 10m\n}\n",
         "probe-domain=p.example;wait=10m;", ""},
        {"quoted", "test { contact = \"me@a.example\" uri = 'https://a.example/#x' }",
         "contact=me@a.example;uri=https://a.example/#x;", ""},
        {"a list", "test { sink-listen = { 192.0.2.1:25,\n \"[2001:db8::1]:25\", }\n}",
         "sink-listen=192.0.2.1:25;sink-listen=[2001:db8::1]:25;", ""},
        {"a list of one", "sink {\n listen = {\"*:25\"\n}\n}", "", "listen=*:25;"},
        {"one for a list", "sink { listen = \"*:25\" }", "", "listen=*:25;"},
        {"an empty list", "sink { listen = { } }", "", ""},
        {"added to", "sink { listen = \":25\"\n listen += \":26\" }", "", "listen=:25;listen=:26;"},
        {"both sections, one twice",
         "test { ipv4 = yes }\nsink { age = 7 }\ntest { ports = \"25, 587\" }",
         "ipv4=yes;ports=25, 587;", "age=7;"},
        {"the edges", "test { timeout = 1 connect-timeout = 5m parallel = 20000 per-network = 1 }",
         "timeout=1;connect-timeout=5m;parallel=20000;per-network=1;", ""},
        {"sizes", "sink { max-size = 64k max-disk = 1m }", "", "max-size=64k;max-disk=1m;"},
        {"choices", "test { tls = only set = full }", "tls=only;set=full;", ""},
        {"CRLF", "test {\r\n  wait = 5\r\n}\r\n", "wait=5;", ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf test = BUF_INIT(1000), sink = BUF_INIT(1000);
        struct conf *c = NULL;
        char err[CONF_ERROR_MAX];

        if (conf_parse(span_str(cases[i].text), "f", &c, err) != 0)
            fail_msg("%s: %s", cases[i].name, err);
        assert_true(conf_each(c, "test", add_value, &test, err));
        assert_true(conf_each(c, "sink", add_value, &sink, err));
        if (strcmp(buf_str(&test), cases[i].test) != 0 ||
            strcmp(buf_str(&sink), cases[i].sink) != 0)
            fail_msg("%s: test '%s', sink '%s'", cases[i].name, buf_str(&test), buf_str(&sink));
        conf_free(&c);
        conf_free(&c);
        buf_deinit(&test);
        buf_deinit(&sink);
    }
}

static void test_bad(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"test {\n  wiat = 10m\n}", "f:2: wiat: no such setting in test; did you mean wait?"},
        {"test {\n\n  probe-domian = x.example\n}",
         "f:3: probe-domian: no such setting in test; did you mean probe-domain?"},
        {"test { xyzzy = 1 }", "f:1: xyzzy: no such setting in test"},
        {"tset { }", "f:1: tset: no such section; did you mean test?"},
        {"vault { }", "f:1: vault: no such section"},
        {"wait = 10m", "f:1: wait: must stand in a section: test { wait = … }"},
        {"test {\n wait = 1\n\n wait = 2\n}", "f:4: wait: is set already in line 2"},
        {"test { wait = 1 }\ntest { wait = 1 }", "f:2: wait: is set already in line 1"},
        {"sink {\n listen = { \":25\", \":26\" }\n listen = \":27\"\n}",
         "f:3: listen: is set already in line 2"},
        {"sink {\n listen = \":25\"\n listen = \":27\"\n}",
         "f:3: listen: is set already in line 2"},
        {"test { timeout = 999999 }", "f:1: timeout: must be between 1 and 600 seconds"},
        {"test { timeout = 0 }", "f:1: timeout: must be between 1 and 600 seconds"},
        {"test { timeout = 601 }", "f:1: timeout: must be between 1 and 600 seconds"},
        {"test { parallel = 0 }", "f:1: parallel: must be between 1 and 20000"},
        {"test { parallel = 20001 }", "f:1: parallel: must be between 1 and 20000"},
        {"test { parallel = -1 }", "f:1: parallel: is no number"},
        {"test { parallel = 1.5 }", "f:1: parallel: is no number"},
        {"test { wait = soon }", "f:1: wait: is no time (90, 90s, 10m, 2h, 1d)"},
        {"sink { max-size = 65535 }", "f:1: max-size: must be between 65536 and 1073741824 bytes"},
        {"sink { max-size = big }", "f:1: max-size: is no size (512, 64k, 10m, 1g)"},
        {"test { ipv4 = perhaps }", "f:1: ipv4: must be yes or no"},
        {"test { tls = maybe }", "f:1: tls: 'maybe' is none of auto, no, only"},
        {"test { probe-domain = \"\" }",
         "f:1: probe-domain: is empty; comment the line out for the default"},
        {"test { probe-domain = local }",
         "f:1: probe-domain: is no full domain name (it has no dot)"},
        {"test { probe-domain = \"a b.example\" }", "f:1: probe-domain: is no domain name"},
        {"test { probe-domain = a..example }", "f:1: probe-domain: is no domain name"},
        {"test { contact = me }", "f:1: contact: is no mail address"},
        {"test { contact = \"me@a.example>\" }", "f:1: contact: is no mail address"},
        {"test { uri = a.example }", "f:1: uri: is no URI (mailto:…, https://…)"},
        {"test { state = here }", "f:1: state: must be a path from the root (/…)"},
        {"test { resolver = ns.example }",
         "f:1: resolver: is no address (192.0.2.1, 192.0.2.1:53, \"[2001:db8::1]:53\")"},
        {"test { local-address = 1.2.3 }", "f:1: local-address: is no IP address"},
        {"test { imap = https://a.example/ }", "f:1: imap: is no mailbox URL (imaps://host/INBOX)"},
        {"sink { listen = 25 }", "f:1: listen: has no port at its end (192.0.2.1:25, \"*:25\")"},
        {"sink { listen = \"mx.example:25\" }", "f:1: listen: is no address to listen on"},
        {"test { ports = \"25;587\" }", "f:1: ports: is no list of ports (\"25,587\")"},
        {"test { contact = \"a\\nb@c.example\" }", "f:1: contact: holds a control character"},
        {"test {\n wait = { 1, 2 }\n}", "f:2: unexpected token '{'"},
        {"test {\n wait =\n}", "f:3: unexpected token '}'"},
        {"test {\n wait = 5\n", "f:3: the section test is not closed"},
        {"test { wait = 5 }\n/* test {\n", "f:3: a comment or a quoted text is not closed"},
        {"__end__ = 1", "f:1: __end__: no such section"},
        {"test { __end__ = 1 }", "f:1: __end__: no such setting in test"},
        {"test { wait = 5 } }", "f:1: unexpected closing brace"},
        {"test { wait = \"5 }\n", NULL}, /* any words will do */
        {"test", "f:1: missing opening brace for section 'test'"},
        {"}", "f:1: unexpected closing brace"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct conf *c = NULL;
        char err[CONF_ERROR_MAX] = "";
        int r = conf_parse(span_str(cases[i].text), "f", &c, err);

        if (r != -EINVAL || c)
            fail_msg("'%s' was taken", cases[i].text);
        if (cases[i].want && strcmp(err, cases[i].want) != 0)
            fail_msg("'%s':\n %s\n not\n %s", cases[i].text, err, cases[i].want);
        assert_true(span_starts(span_str(err), SPAN_LIT("f:")));
    }
}

static void test_nul(void **state)
{
    struct conf *c = NULL;
    char err[CONF_ERROR_MAX];

    assert_int_equal(conf_parse(SPAN_LIT("test { }\0"), "f", &c, err), -EINVAL);
    assert_string_equal(err, "f:1: holds a NUL, so it is no text file");
}

static bool refuse_wait(void *cookie, const char *name, const char *value, char err[CONF_ERROR_MAX])
{
    snprintf(err, CONF_ERROR_MAX, "not today");
    return strcmp(name, "wait") != 0;
}

static void test_files(void **state)
{
    char path[] = "/tmp/postern-conf-XXXXXX", err[CONF_ERROR_MAX], want[100];
    static const char text[] = "test {\n ipv4 = yes\n wait = 5\n}\n";
    int fd = mkstemp(path);
    struct conf *c = NULL;

    assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
    assert_int_equal(conf_load(path, &c, err), 0);
    assert_int_equal(conf_count(c), 2);
    assert_string_equal(conf_get(c, "test", "wait"), "5");
    assert_null(conf_get(c, "test", "state"));
    /* What a program has against a value comes with file, line and key too. */
    assert_false(conf_each(c, "test", refuse_wait, NULL, err));
    snprintf(want, sizeof(want), "%s:3: wait: not today", path);
    assert_string_equal(err, want);
    conf_free(&c);

    assert_int_equal(ftruncate(fd, CONF_SIZE_MAX + 1), 0);
    assert_int_equal(conf_load(path, &c, err), -EFBIG);
    close(fd);
    unlink(path);
    assert_int_equal(conf_load(path, &c, err), -ENOENT);
    assert_non_null(strstr(err, "can't be read: No such file"));
    assert_int_equal(conf_load("/tmp", &c, err), -EISDIR);
}

/* Every default is a value that would be taken, and the schema's own order holds. */
static void test_schema(void **state)
{
    char reason[CONF_REASON_MAX];
    size_t rows = 0;

    for (const struct conf_row *row = conf_rows; row->name; row++, rows++) {
        if (*row->fallback && !conf_row_check(row, row->fallback, reason))
            fail_msg("%s.%s: its default %s %s", row->section, row->name, row->fallback, reason);
        if (conf_row_of(row->section, row->name) != row)
            fail_msg("%s.%s stands twice", row->section, row->name);
        assert_true((row->type == CONF_CHOICE) == (row->choices != NULL));
        assert_true((row->type == CONF_NUMBER) == (row->unit != NULL));
        assert_true(row->max > 0 || row->type == CONF_TEXT || row->type == CONF_FLAG ||
                    row->type == CONF_CHOICE);
        assert_true(row->help[strlen(row->help) - 1] != '.');
    }
    assert_true(rows > 30);
}

/* The sample says nothing as it is, and is right when every line of it counts. */
static void test_sample(void **state)
{
    struct buf sample = BUF_INIT(1 << 16), live = BUF_INIT(1 << 16);
    struct conf *c = NULL;
    char err[CONF_ERROR_MAX];
    size_t with_default = 0;

    conf_sample(&sample);
    assert_int_equal(conf_parse(buf_span(&sample), "sample", &c, err), 0);
    assert_int_equal(conf_count(c), 0);
    conf_free(&c);
    for (struct span rest = buf_span(&sample), line; span_cut(&rest, '\n', &line);) {
        struct span word = span_trim(line);

        assert_true(line.n <= 80);
        /* "    #wait = ..." is a setting, "    # How long" is a comment */
        if (span_starts(word, SPAN_LIT("#")) && word.n > 1 && word.p[1] != ' ' &&
            !span_has_nocase(word, SPAN_LIT("= \"\"")))
            word = span_slice(word, 1, word.n);
        buf_add(&live, word);
        buf_add_char(&live, '\n');
    }
    if (conf_parse(buf_span(&live), "live", &c, err) != 0)
        fail_msg("%s", err);
    for (const struct conf_row *row = conf_rows; row->name; row++)
        with_default += *row->fallback != '\0';
    assert_int_equal(conf_count(c), with_default);
    conf_free(&c);
    buf_deinit(&sample);
    buf_deinit(&live);
}

/* postern.conf(5) has ".Ss test" for a section and ".It Ic wait" for a setting, and no others. */
static void test_manual(void **state)
{
    const char *source = getenv("POSTERN_SOURCE");
    char path[1000], line[1000], section[100] = "";
    bool seen[1000] = {false};
    FILE *f;

    if (!source)
        skip();
    snprintf(path, sizeof(path), "%s/man/postern.conf.5", source);
    f = fopen(path, "r");
    if (!f)
        fail_msg("%s is missing", path);
    while (fgets(line, sizeof(line), f)) {
        struct span s = span_trim(span_str(line));

        if (span_starts(s, SPAN_LIT(".Ss "))) {
            span_copy(span_slice(s, 4, s.n), section, sizeof(section));
        } else if (span_starts(s, SPAN_LIT(".Sh "))) {
            section[0] = '\0';
        } else if (span_starts(s, SPAN_LIT(".It Ic ")) && section[0]) {
            char name[100];
            const struct conf_row *row;

            span_copy(span_slice(s, 7, 7 + span_find(span_slice(s, 7, s.n), ' ')), name,
                      sizeof(name));
            row = conf_row_of(section, name);
            if (!row)
                fail_msg("postern.conf(5) has %s.%s, the schema has not", section, name);
            if (seen[row - conf_rows])
                fail_msg("postern.conf(5) has %s.%s twice", section, name);
            seen[row - conf_rows] = true;
        }
    }
    fclose(f);
    for (const struct conf_row *row = conf_rows; row->name; row++)
        if (!seen[row - conf_rows])
            fail_msg("%s.%s is not in postern.conf(5)", row->section, row->name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),   cmocka_unit_test(test_bad),    cmocka_unit_test(test_nul),
        cmocka_unit_test(test_files),  cmocka_unit_test(test_schema), cmocka_unit_test(test_sample),
        cmocka_unit_test(test_manual),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
