/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libidn2 with the rules of today's browsers and registries: "straße" stays a name of its own. */
#include "io/idn.h"

#include <idn2.h>
#include <string.h>

static bool is_ascii(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return false;
    return true;
}

/* RFC 1035 §2.3.4 sizes, and no byte that would need escaping in a zone or a command. */
static bool plausible(struct span name)
{
    struct span label;

    if (name.n == 0 || name.n > 253 || name.p[0] == '.' || name.p[name.n - 1] == '.')
        return false;
    while (span_cut(&name, '.', &label)) {
        if (label.n == 0 || label.n > 63)
            return false;
        for (size_t i = 0; i < label.n; i++)
            if (!ascii_is_alnum(label.p[i]) && label.p[i] != '-' && label.p[i] != '_')
                return false;
    }
    return true;
}

bool idn_to_ascii(struct span name, char ret[IDN_NAME_MAX])
{
    char text[4 * IDN_NAME_MAX], *ascii = NULL;
    bool ok;

    if (name.n && name.p[name.n - 1] == '.')
        name.n--;
    if (is_ascii(name)) {
        /* Names of hosts are asked for as they are: libidn2 would refuse some that exist. */
        if (!plausible(name) || !span_copy(name, ret, IDN_NAME_MAX))
            return false;
        for (char *p = ret; *p; p++)
            *p = ascii_lower(*p);
        return true;
    }
    if (memchr(name.p, '\0', name.n) || !span_copy(name, text, sizeof(text)))
        return false;
    if (idn2_to_ascii_8z(text, &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT) != IDN2_OK)
        return false;
    ok = plausible(span_str(ascii)) && span_copy(span_str(ascii), ret, IDN_NAME_MAX);
    idn2_free(ascii);
    return ok;
}
