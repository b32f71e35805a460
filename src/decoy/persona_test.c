/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "decoy/persona.h"

#include "smtp/ehlo.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"

#define HEAD                                                                                       \
    "Id: x\nProduct: p\nBanner: 220 {host} hi\nQueued: 250 as {id}\nQueue-Id: XX\nSource: s\n"

static void good_row(void **state)
{
    struct rows_error err = {0};
    struct personas p;

    assert_int_equal(
        personas_read(SPAN_LIT(HEAD
                               "Ehlo: PIPELINING | SIZE 1000 | X-ODD THING | AUTH PLAIN LOGIN\n"
                               "Recipients: 7\nErrors: 3\nDelay: 9\n"
                               "Quirks: lf turns takes-logins\nMail: 250 fine\n"),
                      &p, &err),
        0);
    assert_int_equal(p.count, 1);
    assert_int_equal(p.v[0].ext, SMTP_EXT_PIPELINING | SMTP_EXT_SIZE | SMTP_EXT_AUTH);
    assert_int_equal(p.v[0].size, 1000);
    assert_string_equal(p.v[0].mechs, "PLAIN LOGIN");
    assert_string_equal(p.v[0].keywords, "PIPELINING\nSIZE 1000\nX-ODD THING\nAUTH PLAIN LOGIN");
    assert_true(p.v[0].lf && p.v[0].turns && p.v[0].takes_logins);
    assert_int_equal(p.v[0].rcpts, 7);
    assert_string_equal(p.v[0].lines[PERSONA_MAIL], "250 fine");
    assert_string_equal(p.v[0].lines[PERSONA_QUIT], "221 2.0.0 Bye");
    assert_ptr_equal(personas_find(&p, "x"), &p.v[0]);
    assert_null(personas_find(&p, "y"));
    personas_deinit(&p);
    personas_deinit(&p);
}

static void bad_rows(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"Id: x\n", "Product: missing"},
        {HEAD, "Ehlo: missing"},
        {HEAD "Ehlo: XCLIENT NAME\n", "cannot offer"},
        {HEAD "Ehlo: BINARYMIME\n", "cannot offer"},
        {HEAD "Ehlo: SIZE | | VRFY\n", "between them"},
        {HEAD "Ehlo: SIZE many\n", "takes a number"},
        {HEAD "Ehlo: AUTH\n", "with its mechanisms"},
        {HEAD "Ehlo: AUTH A | AUTH B\n", "stands once"},
        {HEAD "Ehlo: SIZE\nMail: 550 no\n", "Mail: wants a code"},
        {HEAD "Ehlo: SIZE\nData: 250 ok\n", "Data: wants a code"},
        {HEAD "Ehlo: SIZE\nReset: 250\n", "Reset: wants a code"},
        {HEAD "Ehlo: SIZE\nQuirks: slow\n", "knows turns"},
        {HEAD "Ehlo: SIZE\nErrors: 0\n", "in its bounds"},
        {HEAD "Ehlo: SIZE\nColour: red\n", "no field \"Colour\""},
        {HEAD "Ehlo: SIZE\n\n" HEAD "Ehlo: SIZE\n", "stands twice"},
    };
    struct guard g = {0};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rows_error err = {0};
        struct personas p;

        print_message("# %s\n", cases[i].why);
        assert_int_equal(personas_read(guard_str(&g, cases[i].text), &p, &err), -EINVAL);
        assert_non_null(strstr(err.why, cases[i].why));
        assert_int_equal(p.count, 0);
    }
    guard_free(&g);
}

static void queue_ids(void **state)
{
    static const struct {
        const char *pattern, *want;
    } cases[] = {{"XXXX", "0123"}, {"99-99", "01-34"}, {"zzz", "012"}, {"4cZZ", "4c23"}, {"", ""}};
    uint8_t chance[PERSONA_CHANCE];
    char id[PERSONA_ID_MAX];

    for (unsigned i = 0; i < PERSONA_CHANCE; i++)
        chance[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct persona p = {.queue_id = (char *)(uintptr_t)cases[i].pattern};

        persona_id(&p, chance, id);
        assert_string_equal(id, cases[i].want);
    }
}

static void long_queue_id(void **state)
{
    char pattern[PERSONA_ID_MAX];
    struct persona p = {.queue_id = pattern};
    uint8_t chance[PERSONA_CHANCE] = {0};
    char id[PERSONA_ID_MAX];

    memset(pattern, 'X', sizeof(pattern) - 1);
    pattern[sizeof(pattern) - 1] = '\0';
    persona_id(&p, chance, id);
    assert_int_equal(strlen(id), PERSONA_ID_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_row),
        cmocka_unit_test(bad_rows),
        cmocka_unit_test(queue_ids),
        cmocka_unit_test(long_queue_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
