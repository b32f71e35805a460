/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A decoy stands on an address of its own. On an address where a gate takes real mail it would
 * teach spammers that address, get it listed as an open relay by honest testers, and take mail that
 * was meant for somebody. So the gate's settings of the same file are looked at, and an address
 * that they use is refused on any port; "*" uses all there are.
 */
#include "cmd/decoy/decoy.h"

#include <stdio.h>
#include <string.h>

struct search {
    const struct listen_place *at;
    bool any;       /* there is a gate section */
    bool listening; /* and it says where it listens */
    char found[CONF_REASON_MAX];
};

static bool is_any(struct ip ip)
{
    static const uint8_t zero[16];

    return memcmp(ip.b, zero, sizeof(zero)) == 0;
}

static bool same(const struct listen_place *a, struct ip b)
{
    return ip_eq(a->ip, b) || (a->ip.family == b.family && (is_any(a->ip) || is_any(b)));
}

static void look_at(struct search *s, const char *name, const char *value)
{
    struct listen_place places[LISTEN_PLACES_MAX];
    size_t n = listen_parse(span_str(value), places);

    for (size_t i = 0; i < n; i++)
        if (same(s->at, places[i].ip))
            snprintf(s->found, sizeof(s->found), "%.60s = %.100s", name, value);
}

static bool on_setting(void *cookie, const char *name, const char *value, char err[CONF_ERROR_MAX])
{
    struct search *s = cookie;

    s->any = true;
    if (strncmp(name, "listen-", strlen("listen-")) == 0) {
        s->listening = true;
        look_at(s, name, value);
    }
    return true;
}

bool gate_leaves(const struct conf *conf, const struct listen_place *at)
{
    struct search s = {.at = at};
    char err[CONF_ERROR_MAX], ip[IP_TEXT_MAX];

    if (!conf)
        return true;
    conf_each(conf, "gate", on_setting, &s, err);
    if (s.any && !s.listening)
        look_at(&s, "listen-mx", "*:25"); /* the gate's default */
    if (!*s.found)
        return true;
    fprintf(stderr,
            "%s: %s is used by the gate of this configuration (%s). A decoy needs an address of "
            "its own: give the gate its addresses, and the decoy another one\n",
            decoy_options.program, is_any(at->ip) ? "*" : ip_text(at->ip, ip), s.found);
    return false;
}
