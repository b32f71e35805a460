/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the type of a setting can't see. These know the form of a value and nothing of its meaning:
 * whether a file is there, a key is known or a zone is served is for the program to say.
 */
#include "conf/check.h"

#include "base/ip.h"
#include "base/num.h"

#include <stdio.h>
#include <string.h>

static bool refuse(char reason[CONF_REASON_MAX], const char *why)
{
    snprintf(reason, CONF_REASON_MAX, "%s", why);
    return false;
}

bool conf_check_path(const char *value, char reason[CONF_REASON_MAX])
{
    /* A relative path would mean another file in each folder that a program is started from. */
    return value[0] == '/' || refuse(reason, "must be a path from the root (/…)");
}

/* A path, or an address with a port. */
bool conf_check_socket(const char *value, char reason[CONF_REASON_MAX])
{
    struct span host;
    uint16_t port;
    struct ip ip;

    return value[0] == '/' ||
           (ip_host_port(span_str(value), &host, &port) && port && ip_parse(host, &ip)) ||
           refuse(reason, "is neither a path from the root (/…) nor an address with a port");
}

/* Labels of letters, digits, hyphens and underscores; UTF-8 is for the program to translate. */
bool conf_check_domain(const char *value, char reason[CONF_REASON_MAX])
{
    struct span rest = span_str(value), label;
    size_t labels = 0;

    while (span_cut(&rest, '.', &label)) {
        labels++;
        if (label.n == 0 || label.n > 63)
            return refuse(reason, "is no domain name");
        for (size_t i = 0; i < label.n; i++)
            if (!ascii_is_alnum(label.p[i]) && label.p[i] != '-' && label.p[i] != '_' &&
                !((unsigned char)label.p[i] & 0x80))
                return refuse(reason, "is no domain name");
    }
    return labels > 1 || refuse(reason, "is no full domain name (it has no dot)");
}

bool conf_check_mailbox(const char *value, char reason[CONF_REASON_MAX])
{
    size_t at = span_rfind(span_str(value), '@');

    if (at == 0 || at == strlen(value) || strpbrk(value, " \t<>\r\n"))
        return refuse(reason, "is no mail address");
    return conf_check_domain(value + at + 1, reason);
}

/* A mailbox, or "@example.org" for all of a domain. */
bool conf_check_trap(const char *value, char reason[CONF_REASON_MAX])
{
    return value[0] == '@' ? conf_check_domain(value + 1, reason)
                           : conf_check_mailbox(value, reason);
}

bool conf_check_uri(const char *value, char reason[CONF_REASON_MAX])
{
    struct span s = span_str(value);

    if (span_starts_nocase(s, SPAN_LIT("mailto:")) || span_starts_nocase(s, SPAN_LIT("https://")) ||
        span_starts_nocase(s, SPAN_LIT("http://")) || span_starts_nocase(s, SPAN_LIT("tel:")))
        return true;
    return refuse(reason, "is no URI (mailto:…, https://…)");
}

bool conf_check_imap(const char *value, char reason[CONF_REASON_MAX])
{
    return span_starts_nocase(span_str(value), SPAN_LIT("imaps://")) ||
           span_starts_nocase(span_str(value), SPAN_LIT("imap://")) ||
           refuse(reason, "is no mailbox URL (imaps://host/INBOX)");
}

bool conf_check_ip(const char *value, char reason[CONF_REASON_MAX])
{
    struct ip ip;

    return ip_parse(span_str(value), &ip) || refuse(reason, "is no IP address");
}

bool conf_check_server(const char *value, char reason[CONF_REASON_MAX])
{
    struct span host;
    uint16_t port;
    struct ip ip;

    return (ip_host_port(span_str(value), &host, &port) && ip_parse(host, &ip)) ||
           refuse(reason, "is no address (192.0.2.1, 192.0.2.1:53, \"[2001:db8::1]:53\")");
}

bool conf_check_place(const char *value, char reason[CONF_REASON_MAX])
{
    struct span s = span_str(value);
    size_t colon = span_rfind(s, ':');
    struct span host = span_slice(s, 0, colon);
    unsigned port;
    struct ip ip;

    if (colon == s.n || !num_uint(span_slice(s, colon + 1, s.n), 0, 65535, &port))
        return refuse(reason, "has no port at its end (192.0.2.1:25, \"*:25\")");
    if (host.n == 0 || span_eq(host, SPAN_LIT("*")) || span_eq_nocase(host, SPAN_LIT("localhost")))
        return true;
    if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = span_slice(host, 1, host.n - 1);
    return ip_parse(host, &ip) || refuse(reason, "is no address to listen on");
}

/* "192.0.2.0/24", "!" before it and words behind it are for whoever reads it. */
bool conf_check_network(const char *value, char reason[CONF_REASON_MAX])
{
    struct span rest = span_str(value + (value[0] == '!')), word = SPAN_NULL;
    struct ip_prefix net;

    return (span_word(&rest, &word) && ip_prefix_parse(word, &net)) ||
           refuse(reason, "is no network (192.0.2.0/24, \"2001:db8::/32\")");
}

/* "/etc/mail/access", "cidr:/etc/postfix/clients": a table of Postfix by its type and its path. */
bool conf_check_table(const char *value, char reason[CONF_REASON_MAX])
{
    static const char *const types[] = {
        "cidr:", "hash:", "texthash:", "btree:", "lmdb:", "dbm:", "cdb:", NULL};

    for (size_t i = 0; types[i]; i++)
        if (span_starts(span_str(value), span_str(types[i])))
            return conf_check_path(value + strlen(types[i]), reason);
    return value[0] == '/' ||
           refuse(reason, "must be a path from the root (/…), with cidr: or hash: before it");
}

/* A Unix socket or a port. */
bool conf_check_path_or_place(const char *value, char reason[CONF_REASON_MAX])
{
    return value[0] == '/' || conf_check_place(value, reason);
}

bool conf_check_ports(const char *value, char reason[CONF_REASON_MAX])
{
    struct span rest = span_str(value), piece;
    unsigned port;

    while (span_cut(&rest, ',', &piece))
        if (!num_uint(span_trim(piece), 1, 65535, &port))
            return refuse(reason, "is no list of ports (\"25,587\")");
    return true;
}
