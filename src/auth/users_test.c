/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/users.h"

#include "auth/fixture.h"
#include "guard.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define KEY  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define SALT "c2FsdHNhbHQ=" /* 8 octets */
#define GOOD "{SCRAM-SHA-256}4096," SALT "," KEY "," KEY

static const struct {
    const char *name, *text;
    int count; /* or the negative line of the error; -100: the file as a whole */
} files[] = {
    {"empty", "", 0},
    {"comments and empty lines", "# joe:x\n\n   \n#\n", 0},
    {"one", "joe:" GOOD "\n", 1},
    {"no line end at the end", "joe:" GOOD, 1},
    {"CRLF", "joe:" GOOD "\r\n\r\n", 1},
    {"fields of Dovecot", "joe:" GOOD ":1000:1000::/home/joe::\n", 1},
    {"two", "joe:" GOOD "\nann:!\n", 2},
    {"UTF-8", "j\xc3\xb6:" GOOD "\n", 1},
    {"scheme in small letters", "joe:{scram-sha-256}4096," SALT "," KEY "," KEY "\n", 1},
    {"the same name", "joe:" GOOD "\n\nJOE:!\n", -3},
    {"no colon", "joe\n", -1},
    {"no name", ":" GOOD "\n", -1},
    {"blank before the name", " joe:" GOOD "\n", -1},
    {"control character",
     "# a\njo\x01"
     "e:" GOOD "\n",
     -2},
    {"no UTF-8", "j\xf6:" GOOD "\n", -1},
    {"another scheme", "joe:{PLAIN}secret\n", -1},
    {"no scheme", "joe:secret\n", -1},
    {"nothing", "joe:\n", -1},
    {"star", "joe:*\n", -1},
    {"three keys", "joe:{SCRAM-SHA-256}4096," SALT "," KEY "\n", -1},
    {"five keys", "joe:" GOOD "," KEY "\n", -1},
    {"an empty fifth", "joe:" GOOD ",\n", -1},
    {"few rounds", "joe:{SCRAM-SHA-256}4095," SALT "," KEY "," KEY "\n", -1},
    {"most rounds", "joe:{SCRAM-SHA-256}1000000," SALT "," KEY "," KEY "\n", 1},
    {"too many rounds", "joe:{SCRAM-SHA-256}1000001," SALT "," KEY "," KEY "\n", -1},
    {"short salt", "joe:{SCRAM-SHA-256}4096,c2FsdHNhbA==," KEY "," KEY "\n", -1},
    {"bad salt", "joe:{SCRAM-SHA-256}4096,c2FsdHNhbHQ," KEY "," KEY "\n", -1},
    {"short key", "joe:{SCRAM-SHA-256}4096," SALT ",AAAA," KEY "\n", -1},
    {"stray bits in a key",
     "joe:{SCRAM-SHA-256}4096," SALT ",AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=," KEY "\n", -1},
};

static void test_files(void **state)
{
    struct guard g = {0};

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct auth_users_error err = {.line = 999};
        struct auth_users *u = NULL;
        int got = auth_users_parse(guard_str(&g, files[i].text), &u, &err);

        if (got == 0 ? (int)auth_users_count(u) != files[i].count
                     : got != -EINVAL || -(int)err.line != files[i].count || !err.why[0])
            fail_msg("%s: %d, line %u: %s", files[i].name, got, err.line, err.why);
        if (strstr(err.why, "secret"))
            fail_msg("%s: tells what the line holds", files[i].name);
        auth_users_free(&u);
    }
    guard_free(&g);
}

static void test_limits(void **state)
{
    struct auth_users_error err;
    struct auth_users *u = NULL;
    struct buf text = BUF_INIT(AUTH_USERS_FILE_MAX + 1);
    char name[AUTH_LOGIN_MAX + 2];

    memset(name, 'n', sizeof(name));
    for (size_t n = AUTH_LOGIN_MAX; n <= AUTH_LOGIN_MAX + 1; n++) {
        buf_clear(&text);
        buf_add(&text, span_of(name, n));
        buf_add_str(&text, ":!\n");
        assert_int_equal(auth_users_parse(buf_span(&text), &u, &err),
                         n == AUTH_LOGIN_MAX ? 0 : -EINVAL);
        auth_users_free(&u);
    }
    buf_clear(&text);
    for (unsigned i = 0; i < AUTH_USERS_MAX; i++)
        buf_addf(&text, "u%u:!\n", i);
    assert_int_equal(auth_users_parse(buf_span(&text), &u, &err), 0);
    assert_int_equal(auth_users_count(u), AUTH_USERS_MAX);
    assert_non_null(auth_users_find(u, SPAN_LIT("U99999")));
    assert_null(auth_users_find(u, SPAN_LIT("u100000")));
    auth_users_free(&u);
    buf_add_str(&text, "one:!\n");
    assert_int_equal(auth_users_parse(buf_span(&text), &u, &err), -EINVAL);
    assert_int_equal(err.line, AUTH_USERS_MAX + 1);
    buf_clear(&text);
    buf_add_str(&text, "#");
    while (text.n <= AUTH_USERS_FILE_MAX && text.err == 0)
        buf_add_char(&text, 'x');
    assert_int_equal(auth_users_parse(buf_span(&text), &u, &err), -EINVAL);
    assert_int_equal(err.line, 0);
    buf_deinit(&text);
}

static void test_unknown(void **state)
{
    struct buf text = BUF_INIT(4000);
    struct auth_users_error err;
    struct auth_users *u = NULL;
    struct auth_user a, b;
    bool known;

    fixture_line("joe", "x", 7000, &text);
    buf_add_str(&text, "lock:!\n");
    assert_int_equal(auth_users_parse(buf_span(&text), &u, &err), 0);
    auth_users_get(u, SPAN_LIT("JOE"), &a, &known);
    assert_true(known);
    assert_string_equal(a.login, "joe");
    auth_users_get(u, SPAN_LIT("bob"), &a, &known);
    assert_false(known);
    assert_int_equal(a.iterations, 7000);
    assert_int_equal(a.salt_n, AUTH_SALT);
    auth_users_get(u, SPAN_LIT("BOB"), &b, &known);
    assert_memory_equal(&a, &b, sizeof(a));
    auth_users_get(u, SPAN_LIT("eve"), &b, &known);
    assert_memory_not_equal(a.salt, b.salt, AUTH_SALT);
    assert_memory_not_equal(a.stored, b.stored, MAC_SIZE);
    auth_users_get(u, SPAN_LIT("lock"), &b, &known);
    assert_false(known);
    assert_int_equal(b.iterations, 7000);
    auth_users_free(&u);
    /* With no file at all there are nobodies, too. */
    assert_int_equal(auth_users_parse(SPAN_LIT(""), &u, &err), 0);
    auth_users_get(u, SPAN_LIT("bob"), &a, &known);
    assert_false(known);
    assert_int_equal(a.iterations, AUTH_ITERATIONS);
    auth_users_free(&u);
    buf_deinit(&text);
}

static const struct {
    const char *name, *before;
    bool drop;
    const char *after;
    bool was;
} edits[] = {
    {"into nothing", "", false, "joe:!\n", false},
    {"behind others", "# us\nann:!\n", false, "# us\nann:!\njoe:!\n", false},
    {"behind a line without end", "ann:!", false, "ann:!\njoe:!\n", false},
    {"in its place", "ann:!\njoe:" GOOD "\nbob:!\n", false, "ann:!\njoe:!\nbob:!\n", true},
    {"whatever the case", "JOE:" GOOD "\n", false, "joe:!\n", true},
    {"other fields stay", "joe:" GOOD ":1:2::/home\n", false, "joe:!:1:2::/home\n", true},
    {"a comment is no entry", "#joe:!\n", false, "#joe:!\njoe:!\n", false},
    {"out", "ann:!\njoe:!\n", true, "ann:!\n", true},
    {"out of nothing", "ann:!\n", true, "ann:!\n", false},
};

static void test_edit(void **state)
{
    static const struct auth_user joe = {.login = "joe", .locked = true};

    for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
        struct buf out = BUF_INIT(1000);
        bool was = !edits[i].was;

        auth_users_edit(span_str(edits[i].before), &joe, edits[i].drop, &out, &was);
        if (strcmp(buf_str(&out), edits[i].after) || was != edits[i].was)
            fail_msg("%s: %s", edits[i].name, buf_str(&out));
        buf_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_edit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
