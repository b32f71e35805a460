/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What reads as an address or prefix is written, read again, and is the same. */
#include "base/ip.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span s = span_of(data, size), host;
    struct ip_prefix net;
    struct ip ip, again;
    char text[IP_TEXT_MAX];
    uint16_t port;

    if (ip_parse(s, &ip)) {
        assert(ip_parse(span_str(ip_text(ip, text)), &again) && ip_eq(ip, again));
        assert(ip_space_name(ip_space(ip)));
    }
    if (ip_prefix_parse(s, &net)) {
        assert(ip_prefix_has(net, net.ip));
        assert(ip_parse(span_str(ip_text(net.ip, text)), &again) && ip_eq(net.ip, again));
    }
    if (ip_host_port(s, &host, &port))
        assert(host.n > 0 && host.p >= s.p && host.p + host.n <= s.p + s.n);
    return 0;
}
