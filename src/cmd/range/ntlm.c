/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Windows 2000's SMTP service took the anonymous logon of NTLM for a login and then relayed for it
 * (MS02-011). The model needs to know one thing of the third message only: whether a user is named.
 * Passwords are neither asked for nor checked, so a named user is always refused.
 */
#include "cmd/range/ntlm.h"

#include <stdint.h>
#include <string.h>

enum {
    MESSAGE_MAX = 512,
    AT_TYPE = 8,
    AT_USER = 36, /* length of the user's name, little-endian, in message 3 */
};

static int digit_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (ascii_is_digit(c))
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Octets of RFC 4648 §4 text, or 0 for bad or too long text. */
static size_t decode(struct span s, uint8_t out[MESSAGE_MAX])
{
    uint32_t bits = 0;
    unsigned held = 0;
    size_t n = 0;

    while (s.n && s.p[s.n - 1] == '=')
        s.n--;
    for (size_t i = 0; i < s.n; i++) {
        int v = digit_of(s.p[i]);

        if (v < 0 || n == MESSAGE_MAX)
            return 0;
        bits = (bits << 6 | (uint32_t)v) & 0xffffff;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[n++] = (uint8_t)(bits >> held);
        }
    }
    return n;
}

enum ntlm_message ntlm_read(struct span line)
{
    uint8_t b[MESSAGE_MAX];
    size_t n = decode(span_trim(line), b);

    if (n < 12 || memcmp(b, "NTLMSSP", 8) != 0)
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
