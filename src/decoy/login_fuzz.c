/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A client's side of AUTH, lines of any octets: a login ends, and its texts are texts. */
#include "decoy/login.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[MAC_KEY] = {1};
    struct span rest = span_of(data, size), line;
    enum login_got got = LOGIN_UNKNOWN;
    struct login l = {0};

    while (span_cut(&rest, '\n', &line)) {
        got = got == LOGIN_MORE ? login_line(&l, line, key)
                                : login_first(&l, line, key, size, "mx.example");
        assert(memchr(l.user, '\0', sizeof(l.user)) && strlen(l.user) == l.user_n);
        assert(memchr(l.mech, '\0', sizeof(l.mech)) && memchr(l.hash, '\0', sizeof(l.hash)));
        assert((got == LOGIN_MORE) == (l.state != LOGIN_NONE));
    }
    return 0;
}
