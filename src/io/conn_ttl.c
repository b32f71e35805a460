/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Linux keeps the time to live of the packet that completed the handshake, and tells it by
 * IP_PKTOPTIONS (IPv6: IPV6_2292PKTOPTIONS) to a socket that has asked for such things. A socket of
 * IPv6 whose peer is an IPv4 one answers to IPv6's question.
 */
#include "io/conn_priv.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static unsigned ask(int fd, int level, int want, int options, int type)
{
    union {
        struct cmsghdr align;
        char bytes[512];
    } control;
    struct msghdr m = {.msg_control = control.bytes};
    socklen_t n = sizeof(control);
    int on = 1, value = 0;

    if (setsockopt(fd, level, want, &on, sizeof(on)) < 0 ||
        getsockopt(fd, level, options, control.bytes, &n) < 0)
        return 0;
    m.msg_controllen = n;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
        if (c->cmsg_level == level && c->cmsg_type == type &&
            c->cmsg_len >= CMSG_LEN(sizeof(value)))
            memcpy(&value, CMSG_DATA(c), sizeof(value));
    return value > 0 && value <= 255 ? (unsigned)value : 0;
}

unsigned conn_peer_ttl(const struct conn *c)
{
    uv_os_fd_t fd;
    unsigned ttl = 0;

    if (uv_fileno((const uv_handle_t *)&c->tcp, &fd) < 0)
        return 0;
    if (c->peer.family == IP_V4)
        ttl = ask(fd, IPPROTO_IP, IP_RECVTTL, IP_PKTOPTIONS, IP_TTL);
    if (ttl == 0)
        ttl = ask(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, IPV6_2292PKTOPTIONS, IPV6_HOPLIMIT);
    return ttl;
}
