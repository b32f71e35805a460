/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An IPv4-mapped address is folded to IPv4 here, where it enters: see base/ip.h. */
#include "io/sockaddr.h"

#include <assert.h>
#include <netinet/in.h>
#include <string.h>

static bool is_mapped(const uint8_t b[16])
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

    return memcmp(b, prefix, sizeof(prefix)) == 0;
}

bool sockaddr_read(const struct sockaddr *sa, struct ip *ret, uint16_t *ret_port)
{
    *ret = (struct ip){0};
    if (sa->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;

        ret->family = IP_V4;
        memcpy(ret->b, &in->sin_addr, 4);
        *ret_port = ntohs(in->sin_port);
        return true;
    }
    if (sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)sa;

        *ret_port = ntohs(in6->sin6_port);
        if (is_mapped(in6->sin6_addr.s6_addr)) {
            ret->family = IP_V4;
            memcpy(ret->b, in6->sin6_addr.s6_addr + 12, 4);
        } else {
            ret->family = IP_V6;
            memcpy(ret->b, in6->sin6_addr.s6_addr, 16);
        }
        return true;
    }
    return false;
}

socklen_t sockaddr_write(struct ip ip, uint16_t port, struct sockaddr_storage *ret)
{
    assert(ip.family != IP_NONE);
    memset(ret, 0, sizeof(*ret));
    if (ip.family == IP_V4) {
        struct sockaddr_in *in = (struct sockaddr_in *)(void *)ret;

        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        memcpy(&in->sin_addr, ip.b, 4);
        return sizeof(*in);
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)ret;

    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(port);
    memcpy(&in6->sin6_addr, ip.b, 16);
    return sizeof(*in6);
}
