/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The first line is the argument of AUTH, the others are what the client says; nobody gets in. */
#include "auth/sasl.h"

#include "auth/users.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct auth_offer offer = {.file = true};
    static const struct auth_facts facts = {
        .tls = true, .sni = "", .cert_login = "cert", .channel = {"channel", 7}};
    static struct auth_library *lib;
    static struct auth_users *users;
    struct span rest = span_of(data, size), line = SPAN_NULL;
    struct auth_users_error err;
    struct auth_answer a;
    struct auth_sasl *x;
    enum auth_got got;

    if (!lib &&
        (auth_library_new(&lib) < 0 || auth_users_parse(SPAN_LIT("joe:!\n"), &users, &err) < 0))
        abort();
    span_cut(&rest, '\n', &line);
    got = auth_sasl_start(lib, users, &offer, &facts, line, &x, &a);
    while (x && (got == AUTH_WORK || (got == AUTH_CHALLENGE && span_cut(&rest, '\n', &line))))
        got = got == AUTH_WORK ? auth_sasl_work(x, 1000, &a) : auth_sasl_step(x, line, &a);
    if (got == AUTH_OK && strcmp(a.login, "cert"))
        abort();
    auth_sasl_free(&x);
    return 0;
}
