/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One socket is read with a blocking recvmmsg(2) that comes back with what is there
 * (MSG_WAITFORONE): one call for waiting and reading. Several sockets cost a poll(2) more, and are
 * served in turn, so that a flood at one does not silence the others.
 *
 * A socket that is bound to no address (*:53) would answer from whatever address routing picks, and
 * the client would not know the answer: there the kernel is asked which address was meant
 * (IP_PKTINFO) and told to answer from it. Where an address is given that is left out, since it
 * costs time with each datagram.
 *
 * What the kernel was told of a path's MTU is not believed (IP_PMTUDISC_OMIT): anybody can forge
 * that message and so have answers cut into fragments, into which others are slipped (RFC 9715).
 *
 * The slots of a batch are used from the first, so a quiet server keeps to a few kB that stay in
 * the cache. Nobody is woken by closing a socket here: a thread that waits is got out by a signal.
 */
#include "io/batch.h"

#include "io/sockaddr.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONTROL_MAX = 64, FIRST_INHERITED = 3 };

struct slot {
    struct sockaddr_storage from;
    uint8_t control[CONTROL_MAX] __attribute__((aligned(8)));
    uint8_t in[BATCH_IN_MAX];
    uint8_t out[BATCH_OUT_MAX];
};

struct batch {
    struct mmsghdr in[BATCH_MAX], out[BATCH_MAX];
    struct iovec in_iov[BATCH_MAX], out_iov[BATCH_MAX];
    struct pollfd fds[BATCH_SOCKETS_MAX];
    bool anywhere[BATCH_SOCKETS_MAX]; /* bound to no address */
    size_t sockets, at;               /* at: which one was read last */
    size_t taken, answers;
    struct slot slots[BATCH_MAX];
};

static int ask_for_address(int fd, enum ip_family family)
{
    int on = 1;

    if (family == IP_V4)
        return setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
    return setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
}

/* A kernel that knows no such thing is no reason not to start. */
static void omit_path_mtu(int fd, enum ip_family family)
{
    int four = IP_PMTUDISC_OMIT, six = IPV6_PMTUDISC_OMIT;

    if (family == IP_V4)
        setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &four, sizeof(four));
    else
        setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &six, sizeof(six));
}

static bool is_anywhere(struct ip ip)
{
    static const uint8_t zero[16];

    return memcmp(ip.b, zero, sizeof(zero)) == 0;
}

int batch_socket(const struct listen_place *at, bool shared, unsigned room, int *ret,
                 char err[LISTEN_ERROR_MAX])
{
    int want = (int)room, fd, r = listen_datagrams(at, shared, &fd, err);

    if (r < 0)
        return r;
    /* More than the system's limit is cut to it, which is no reason not to start. */
    if (room)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &want, sizeof(want));
    *ret = fd;
    return 0;
}

int batch_inherited_socket(unsigned index, char err[LISTEN_ERROR_MAX])
{
    int fd = FIRST_INHERITED + (int)index, type = 0;
    socklen_t n = sizeof(type);

    if (index >= listen_inherited()) {
        snprintf(err, LISTEN_ERROR_MAX, "systemd passed %u sockets, no number %u",
                 listen_inherited(), index);
        return -ENOENT;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) < 0 || type != SOCK_DGRAM ||
        batch_socket_place(fd).ip.family == IP_NONE) {
        snprintf(
            err, LISTEN_ERROR_MAX,
            "socket %u of systemd takes no datagrams of the Internet: use ListenDatagram=", index);
        return -EINVAL;
    }
    return fd;
}

struct listen_place batch_socket_place(int fd)
{
    struct listen_place place = {0};
    struct sockaddr_storage ss;
    socklen_t n = sizeof(ss);

    if (getsockname(fd, (struct sockaddr *)&ss, &n) == 0)
        sockaddr_read((const struct sockaddr *)&ss, &place.ip, &place.port);
    return place;
}

int batch_new(const int *fds, size_t count, struct batch **ret)
{
    struct batch *b = count && count <= BATCH_SOCKETS_MAX ? calloc(1, sizeof(*b)) : NULL;

    if (!b)
        return -ENOMEM;
    b->sockets = count;
    for (size_t i = 0; i < count; i++) {
        struct ip ip = batch_socket_place(fds[i]).ip;

        b->fds[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
        b->anywhere[i] = is_anywhere(ip);
        omit_path_mtu(fds[i], ip.family);
        if (b->anywhere[i] && ask_for_address(fds[i], ip.family) < 0) {
            int r = -errno;

            free(b);
            return r;
        }
    }
    for (size_t i = 0; i < BATCH_MAX; i++) {
        struct slot *s = &b->slots[i];

        b->in_iov[i] = (struct iovec){s->in, sizeof(s->in)};
        b->in[i].msg_hdr = (struct msghdr){.msg_name = &s->from,
                                           .msg_namelen = sizeof(s->from),
                                           .msg_iov = &b->in_iov[i],
                                           .msg_iovlen = 1,
                                           .msg_control = s->control,
                                           .msg_controllen = sizeof(s->control)};
        b->out[i].msg_hdr = (struct msghdr){.msg_iov = &b->out_iov[i], .msg_iovlen = 1};
    }
    *ret = b;
    return 0;
}

void batch_free(struct batch **b)
{
    free(*b);
    *b = NULL;
}

/* The next socket after the last one that has something. */
static int choose(struct batch *b, bool wait)
{
    int n = poll(b->fds, b->sockets, wait ? -1 : 0);

    if (n <= 0)
        return n < 0 && errno != EINTR ? -errno : 0;
    for (size_t i = 1; i <= b->sockets; i++) {
        size_t at = (b->at + i) % b->sockets;

        if (b->fds[at].revents) {
            b->at = at;
            return 1;
        }
    }
    return 0;
}

int batch_receive(struct batch *b, bool wait)
{
    int n, flags = wait ? MSG_WAITFORONE : MSG_DONTWAIT;

    /* What the kernel has written over. */
    for (size_t i = 0; i < b->taken; i++) {
        b->in[i].msg_hdr.msg_namelen = sizeof(b->slots[i].from);
        b->in[i].msg_hdr.msg_controllen = CONTROL_MAX;
        b->in[i].msg_hdr.msg_flags = 0;
    }
    b->taken = b->answers = 0;
    if (b->sockets > 1) {
        n = choose(b, wait);
        if (n <= 0)
            return n;
        flags = MSG_DONTWAIT;
    }
    n = recvmmsg(b->fds[b->at].fd, b->in, BATCH_MAX, flags, NULL);
    if (n < 0)
        /* An ICMP error of some answer is nothing to a server. */
        return errno == EINTR || errno == EAGAIN || errno == ECONNREFUSED || errno == ENOMEM ||
                       errno == EHOSTUNREACH || errno == ENETUNREACH
                   ? 0
                   : -errno;
    b->taken = (size_t)n;
    return n;
}

bool batch_get(const struct batch *b, size_t i, struct ip *ret_from, uint16_t *ret_port,
               struct span *ret_bytes)
{
    if (b->in[i].msg_hdr.msg_flags & MSG_TRUNC)
        return false;
    *ret_bytes = span_of(b->slots[i].in, b->in[i].msg_len);
    return sockaddr_read((const struct sockaddr *)&b->slots[i].from, ret_from, ret_port);
}

uint8_t *batch_room(struct batch *b, size_t i)
{
    return b->slots[i].out;
}

/* Only the packet's own address goes back: other control messages are not for sending. */
static void answer_from(struct batch *b, size_t i, struct msghdr *out)
{
    struct msghdr *in = &b->in[i].msg_hdr;

    out->msg_control = NULL;
    out->msg_controllen = 0;
    if (!b->anywhere[b->at])
        return;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(in); c; c = CMSG_NXTHDR(in, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo *info = (struct in_pktinfo *)(void *)CMSG_DATA(c);

            info->ipi_ifindex = 0; /* the way back is routing's */
        } else if (c->cmsg_level != IPPROTO_IPV6 || c->cmsg_type != IPV6_PKTINFO) {
            continue;
        }
        out->msg_control = c;
        out->msg_controllen = CMSG_SPACE(c->cmsg_len - CMSG_LEN(0));
        return;
    }
}

void batch_answer(struct batch *b, size_t i, size_t n)
{
    struct msghdr *out = &b->out[b->answers].msg_hdr;

    b->out_iov[b->answers++] = (struct iovec){b->slots[i].out, n};
    out->msg_name = &b->slots[i].from;
    out->msg_namelen = b->in[i].msg_hdr.msg_namelen;
    answer_from(b, i, out);
}

size_t batch_send(struct batch *b)
{
    size_t done = 0, sent = 0;

    /* One is what a quiet server has: sendmmsg(2) costs a tenth of a microsecond more for it. */
    if (b->answers == 1) {
        b->answers = 0;
        return sendmsg(b->fds[b->at].fd, &b->out[0].msg_hdr, MSG_DONTWAIT) >= 0;
    }
    while (done < b->answers) {
        int n =
            sendmmsg(b->fds[b->at].fd, b->out + done, (unsigned)(b->answers - done), MSG_DONTWAIT);

        if (n > 0) {
            done += (size_t)n;
            sent += (size_t)n;
        } else {
            done++; /* this one can't be sent; the next ones go elsewhere */
        }
    }
    b->answers = 0;
    return sent;
}
