/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Facts from the command line are certain: the operator says them of his own host. */
#include "cmd/audit/facts.h"

#include "base/num.h"

#include <errno.h>
#include <stdio.h>

static int bad(char err[OPTIONS_ERROR_MAX], const char *option, const char *value, const char *want)
{
    snprintf(err, OPTIONS_ERROR_MAX, "--%s: '%s' is no %s", option, value, want);
    return -EINVAL;
}

/* "192.0.2.5/24": unlike a prefix, with its host bits. */
static bool interface_parse(const char *text, struct ip *ret, unsigned *ret_len)
{
    struct span all = span_str(text), host;

    if (!span_cut(&all, '/', &host) || !ip_parse(host, ret))
        return false;
    *ret_len = ret->family == IP_V4 ? 32 : 128;
    return all.n == 0 || num_uint(all, 0, *ret_len, ret_len);
}

static int give_interfaces(const struct facts *f, struct audit *a, char err[OPTIONS_ERROR_MAX])
{
    for (size_t i = 0; i < f->interfaces.count; i++) {
        struct ip ip;
        unsigned len;

        if (!interface_parse(f->interfaces.v[i], &ip, &len))
            return bad(err, "interface", f->interfaces.v[i], "address with a length, 192.0.2.5/24");
        audit_host_address(a, ip, len);
    }
    return 0;
}

int facts_give(const struct facts *f, struct audit *a, char err[OPTIONS_ERROR_MAX])
{
    struct ip_prefix net;
    unsigned port;
    int r = give_interfaces(f, a, err);

    if (f->name)
        audit_host_name(a, f->name);
    if (f->version)
        audit_host_version(a, f->version);
    if (f->no_nat)
        audit_host_no_nat(a);
    for (size_t i = 0; i < f->nat.count && r == 0; i++) {
        if (!ip_prefix_parse(span_str(f->nat.v[i]), &net))
            r = bad(err, "nat", f->nat.v[i], "network or address");
        else
            audit_host_nat(a, net, true, "a NAT, as --nat says", (struct audit_place){0});
    }
    for (size_t i = 0; i < f->own.count && r == 0; i++) {
        if (!ip_prefix_parse(span_str(f->own.v[i]), &net))
            r = bad(err, "own-net", f->own.v[i], "network");
        else
            audit_host_own(a, net);
    }
    for (size_t i = 0; i < f->published.count && r == 0; i++) {
        if (!num_uint(span_str(f->published.v[i]), 1, 65535, &port))
            r = bad(err, "published", f->published.v[i], "port");
        else
            audit_host_publish(a, port, true, true);
    }
    return r;
}

void facts_deinit(struct facts *f)
{
    option_list_deinit(&f->interfaces);
    option_list_deinit(&f->nat);
    option_list_deinit(&f->published);
    option_list_deinit(&f->own);
}
