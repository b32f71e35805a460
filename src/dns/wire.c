/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names of the numbers, for logs, tests and messages. What has no name here is written as RFC 3597
 * wants it, so that a reader can look it up: a list of all registered types would only grow old.
 */
#include "dns/wire.h"

#include <stdio.h>

static const char *type_of(uint16_t type)
{
    switch (type) {
    case DNS_TYPE_A:
        return "A";
    case DNS_TYPE_NS:
        return "NS";
    case DNS_TYPE_CNAME:
        return "CNAME";
    case DNS_TYPE_SOA:
        return "SOA";
    case DNS_TYPE_PTR:
        return "PTR";
    case DNS_TYPE_HINFO:
        return "HINFO";
    case DNS_TYPE_MX:
        return "MX";
    case DNS_TYPE_TXT:
        return "TXT";
    case DNS_TYPE_AAAA:
        return "AAAA";
    case DNS_TYPE_DNAME:
        return "DNAME";
    case DNS_TYPE_OPT:
        return "OPT";
    case DNS_TYPE_TSIG:
        return "TSIG";
    case DNS_TYPE_IXFR:
        return "IXFR";
    case DNS_TYPE_AXFR:
        return "AXFR";
    case DNS_TYPE_ANY:
        return "ANY";
    default:
        return NULL;
    }
}

const char *dns_wire_type_name(uint16_t type, char out[DNS_TYPE_TEXT_MAX])
{
    const char *name = type_of(type);

    if (name)
        snprintf(out, DNS_TYPE_TEXT_MAX, "%s", name);
    else
        snprintf(out, DNS_TYPE_TEXT_MAX, "TYPE%u", type);
    return out;
}

const char *dns_wire_rcode_name(unsigned rcode, char out[DNS_RCODE_TEXT_MAX])
{
    static const char *const names[] = {
        "NOERROR",
        "FORMERR",
        "SERVFAIL",
        "NXDOMAIN",
        "NOTIMP",
        "REFUSED",
        [DNS_NOTAUTH] = "NOTAUTH",
        [DNS_BADVERS] = "BADVERS",
        [DNS_BADCOOKIE] = "BADCOOKIE",
    };

    if (rcode < sizeof(names) / sizeof(names[0]) && names[rcode])
        snprintf(out, DNS_RCODE_TEXT_MAX, "%s", names[rcode]);
    else
        snprintf(out, DNS_RCODE_TEXT_MAX, "RCODE%u", rcode & 0xfff);
    return out;
}
