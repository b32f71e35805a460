/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DRAC names no user and proves nothing, and a UDP packet's sender can be made up: so hosts of
 * grants-from alone are heard, and that list must hold networks in which nobody can do so. Each
 * address counts as used by one user, whoever that is.
 *
 * Old clients ask the portmapper for our port. Where drac-portmap is set it is told at the start;
 * it is not waited for, and told again is not needed: it keeps what it knows until the host goes
 * down.
 */
#include "auth/drac.h"
#include "cmd/gate/grant_sources.h"
#include "io/log.h"
#include "io/udp.h"

#include <errno.h>
#include <stdio.h>

enum {
    PLACES = LISTEN_PLACES_MAX,
    PORTMAP_PORT = 111,
    RESERVED_MIN = 900,
    RESERVED_MAX = 1023,
    XID_VERSION1 = 0x506f7301, /* of our calls to the portmapper; any will do */
    XID_VERSION6 = 0x506f7302,
};

static struct udp *sockets[PLACES];
static struct udp *portmap; /* we ask the portmapper from here */

static enum auth_drac_status add(struct ip peer, struct ip ip)
{
    if (!grant_from(peer)) {
        log_warn("drac", "peer", LOG_IP(peer), "text", "it is not in grants-from", NULL);
        return AUTH_DRAC_PERM;
    }
    switch (grant_allow(ip, SPAN_NULL, "drac")) {
    case AUTH_GRANTS_NEW:
    case AUTH_GRANTS_LONGER:
        return AUTH_DRAC_SUCCESS;
    case AUTH_GRANTS_SPACE:
    case AUTH_GRANTS_SHARED:
        return AUTH_DRAC_PERM;
    case AUTH_GRANTS_PAST:
    case AUTH_GRANTS_BAD:
        break;
    }
    return AUTH_DRAC_SYSERR;
}

static void on_call(void *cookie, struct udp *u, struct ip from, uint16_t port, struct span bytes)
{
    struct buf out = BUF_INIT(100);
    struct auth_drac_call call;

    if (auth_drac_read(bytes, &call, &out) == AUTH_DRAC_ADD)
        auth_drac_reply(call.xid, add(from, call.ip), &out);
    if (out.n && out.err == 0)
        udp_send(u, from, port, buf_span(&out));
    buf_deinit(&out);
}

static void on_portmap(void *cookie, struct udp *u, struct ip from, uint16_t port,
                       struct span bytes)
{
    if (port != PORTMAP_PORT || ip_space(from) != IP_LOOPBACK)
        return;
    if (auth_drac_portmapped(bytes, XID_VERSION1) || auth_drac_portmapped(bytes, XID_VERSION6))
        log_info("portmap", "text", "the portmapper knows DRAC's port", NULL);
    else
        log_warn("portmap", "text", "the portmapper refused; another server may be there", NULL);
}

static void tell_portmap(uint16_t port, bool set)
{
    static const struct ip here = {IP_V4, {127, 0, 0, 1}};
    static const uint32_t versions[] = {AUTH_DRAC_VERSION, AUTH_DRAC_VERSION6};
    static const uint32_t xids[] = {XID_VERSION1, XID_VERSION6};

    for (size_t i = 0; i < 2; i++) {
        struct buf out = BUF_INIT(100);

        auth_drac_portmap(xids[i], set, versions[i], port, &out);
        udp_send(portmap, here, PORTMAP_PORT, buf_span(&out));
        buf_deinit(&out);
    }
}

/* The portmapper heeds root alone, and knows him by the port that he calls from. */
static void open_portmap(struct loop *l, uint16_t port)
{
    struct listen_place from = {.ip = {IP_V4, {127, 0, 0, 1}}};
    char why[LISTEN_ERROR_MAX];
    int got = -EADDRINUSE;

    for (from.port = RESERVED_MAX; from.port >= RESERVED_MIN && got == -EADDRINUSE; from.port--)
        got = udp_open(l, &from, on_portmap, NULL, &portmap, why);
    if (got < 0)
        log_warn("portmap", "text", why, NULL);
    else
        tell_portmap(port, true);
}

int grant_drac_open(struct loop *l, const struct gate_args *args, char err[GRANT_ERROR_MAX])
{
    struct listen_place places[LISTEN_PLACES_MAX];
    size_t n = listen_parse(span_str(args->drac_listen), places);
    char why[LISTEN_ERROR_MAX];
    int got = -EINVAL;

    snprintf(err, GRANT_ERROR_MAX, "drac-listen: \"%s\" is no ADDR:PORT", args->drac_listen);
    for (size_t i = 0; i < n; i++) {
        got = udp_open(l, &places[i], on_call, NULL, &sockets[i], why);
        if (got < 0) {
            snprintf(err, GRANT_ERROR_MAX, "drac-listen: %s", why);
            return got;
        }
        log_info("grants", "by", "drac", "address", LOG_IP(udp_place(sockets[i]).ip), "port",
                 LOG_NUM(udp_place(sockets[i]).port), NULL);
    }
    if (n && args->drac_portmap)
        open_portmap(l, udp_place(sockets[0]).port);
    return got;
}

void grant_drac_close(void)
{
    if (portmap)
        tell_portmap(0, false);
    udp_close(&portmap);
    for (size_t i = 0; i < PLACES; i++)
        udp_close(&sockets[i]);
}
