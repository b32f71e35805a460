/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Windows 2000's SMTP service took the anonymous logon of NTLM for a login and then relayed for it
 * (MS02-011). The model needs to know one thing of the third message only: whether a user is named.
 * Passwords are neither asked for nor checked, so a named user is always refused.
 */
#include "cmd/range/ntlm.h"

#include "base/base64.h"

#include <stdint.h>
#include <string.h>

enum {
    MESSAGE_MAX = 512,
    AT_TYPE = 8,
    AT_USER = 36, /* length of the user's name, little-endian, in message 3 */
};

enum ntlm_message ntlm_read(struct span line)
{
    uint8_t b[MESSAGE_MAX];
    size_t n = 0;

    if (!base64_decode(span_trim(line), b, MESSAGE_MAX, &n) || n < 12 ||
        memcmp(b, "NTLMSSP", 8) != 0)
        return NTLM_NONE;
    if (b[AT_TYPE] == 1)
        return NTLM_NEGOTIATE;
    if (b[AT_TYPE] != 3 || n < AT_USER + 2)
        return NTLM_NONE;
    return b[AT_USER] == 0 && b[AT_USER + 1] == 0 ? NTLM_NULL : NTLM_USER;
}

const char *ntlm_challenge(void)
{
    /* "NTLMSSP", type 2, empty target name, flags 0x8205, eight octets of challenge, no context. */
    return "TlRMTVNTUAACAAAAAAAAACgAAAAFggAAcG9zdGVybiEAAAAAAAAAAA==";
}
