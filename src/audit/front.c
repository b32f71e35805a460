/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A proxy that passes bytes on has its own address towards the server. Beside the server it is
 * 127.0.0.1, which every server trusts; on the same network it is some address of that network.
 */
#include "audit/front.h"

static void lend(struct audit *a, struct ip ip, unsigned len, bool certain,
                 const struct audit_front *f)
{
    audit_host_nat(a, ip_prefix_of(ip, len), certain,
                   audit_fmt(a, "%s, which does not tell the client's address", f->who), f->place);
}

static void lend_private(struct audit *a, const struct audit_front *f)
{
    lend(a, (struct ip){.family = IP_V4, .b = {10}}, 8, false, f);
    lend(a, (struct ip){.family = IP_V4, .b = {172, 16}}, 12, false, f);
    lend(a, (struct ip){.family = IP_V4, .b = {192, 168}}, 16, false, f);
}

static void lend_loopback(struct audit *a, const struct audit_front *f)
{
    struct ip six = {.family = IP_V6};

    six.b[15] = 1;
    lend(a, (struct ip){.family = IP_V4, .b = {127, 0, 0, 1}}, 32, true, f);
    lend(a, six, 128, true, f);
}

bool audit_front_facts(struct audit *a, const struct audit_front *f)
{
    struct span host = f->target;
    enum audit_bind bind;
    uint16_t port = 0;
    struct ip ip, own;

    if (span_starts(host, SPAN_LIT("/")) || span_starts(host, SPAN_LIT("unix")))
        return false;
    if (!ip_host_port(f->target, &host, &port))
        host = f->target;
    bind = audit_bind_of(host, &ip);
    if (bind == AUDIT_BIND_LOOPBACK)
        audit_host_forward(a, port ? port : f->front_port);
    if (f->keeps)
        return false;
    if (f->source.n > 0 && ip_parse(f->source, &own))
        lend(a, own, own.family == IP_V4 ? 32 : 128, true, f);
    else if (bind == AUDIT_BIND_LOOPBACK)
        lend_loopback(a, f);
    else if (ip.family)
        lend(a, ip, ip.family == IP_V4 ? 24 : 64, true, f);
    else
        lend_private(a, f);
    return true;
}
