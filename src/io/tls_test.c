/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/tls.h"

#include "base/buf.h"
#include "io/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/postern-tls-XXXXXX";

static void write_text(const char *path, const char *text)
{
    assert_int_equal(file_write(path, span_str(text), 0600), 0);
}

static void test_contexts(void **state)
{
    struct buf first = BUF_INIT(10000), second = BUF_INIT(10000);
    char path[200], err[TLS_ERROR_MAX];
    struct tls_context *t;

    snprintf(path, sizeof(path), "%s/own.pem", folder);
    assert_int_equal(tls_server_self(path, "a.example", &t, err), 0);
    tls_context_free(&t);
    assert_int_equal(file_read(path, &first), 0);
    assert_int_equal(tls_server_self(path, "a.example", &t, err), 0);
    tls_context_free(&t);
    assert_int_equal(file_read(path, &second), 0);
    assert_true(span_eq(buf_span(&first), buf_span(&second))); /* kept, not made anew */
    assert_int_equal(tls_server_new(path, NULL, &t, err), 0);
    tls_context_free(&t);

    write_text(path, "hello");
    assert_true(tls_server_self(path, "a.example", &t, err) < 0);
    assert_non_null(strstr(err, "move it away"));
    assert_true(tls_server_new(path, NULL, &t, err) < 0);
    assert_non_null(strstr(err, "own.pem: can't be used as a certificate in PEM form"));
    unlink(path);
    assert_true(tls_server_new(path, NULL, &t, err) < 0);
    assert_non_null(strstr(err, "No such file"));
    assert_true(tls_server_self("/nonexistent/x.pem", "a.example", &t, err) < 0);
    assert_non_null(strstr(err, "/nonexistent/x.pem: can't be written: No such file"));
    assert_true(tls_server_self(path, "bad name,DNS:evil", &t, err) < 0);
    assert_int_not_equal(access(path, F_OK), 0);
    buf_deinit(&first);
    buf_deinit(&second);
}

static int make_folder(void **state)
{
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contexts),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
