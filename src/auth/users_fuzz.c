/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file that is good stays good, and has one user more, when one is put into it. */
#include "auth/users.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct auth_user joe = {.login = "joe", .locked = true};
    struct buf text = BUF_INIT(AUTH_USERS_FILE_MAX);
    struct auth_users *u = NULL, *after = NULL;
    struct auth_users_error err;
    bool was;

    if (auth_users_parse(span_of(data, size), &u, &err) == 0) {
        auth_users_edit(span_of(data, size), &joe, false, &text, &was);
        if (text.err || auth_users_parse(buf_span(&text), &after, &err) < 0 ||
            auth_users_count(after) != auth_users_count(u) + !was ||
            !auth_users_find(after, SPAN_LIT("JOE")))
            abort();
    }
    auth_users_free(&u);
    auth_users_free(&after);
    buf_deinit(&text);
    return 0;
}
