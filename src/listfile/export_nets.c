/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lists for those who block by address and give no reasons: nftables, Postfix, resolvers. Values
 * play no part, so neighbours are joined and the lines are as few as can be; what must not be
 * blocked (outputs of relays, say) is kept out by the options' codes.
 *
 * nftables: `nft -f` takes a file as one transaction, so the sets are emptied and filled in one and
 * no packet sees them empty. Elements come 1000 to a command: a single command with a million of
 * them costs the tool several times the memory.
 *
 * RPZ (draft-vixie-dnsop-dns-rpz): an address is listed as it may stand in an answer, rpz-ip, with
 * its length and octets in reverse, IPv6 in groups with one run of zeros as "zz". A zone file wants
 * a SOA; without one in the data it has one of our own.
 */
#include "listfile/export_priv.h"

#include <string.h>

enum { ELEMENTS = 1000 };

static const char *table_of(const struct export_work *w)
{
    return w->o->table ? w->o->table : "postern";
}

/* A run of elements for one command. */
struct elements {
    const char *set;
    unsigned n;
};

static void nft_net(struct export_work *w, struct ip_prefix net, struct zone_hit hit)
{
    struct elements *e = w->ctx;
    char text[EXPORT_NET_MAX];

    (void)hit;
    if (e->n == ELEMENTS) {
        buf_add_str(&w->out, "}\n");
        e->n = 0;
    }
    if (e->n++ == 0)
        buf_addf(&w->out, "add element inet %s %s {\n", table_of(w), e->set);
    buf_addf(&w->out, "%s,\n", export_net_text(net, text));
    export_line(w);
}

static void nft_set(struct export_work *w, const char *set,
                    void (*each)(struct export_work *, export_net *))
{
    struct elements e = {.set = set};

    w->ctx = &e;
    each(w, nft_net);
    if (e.n)
        buf_add_str(&w->out, "}\n");
}

void export_nftables(struct export_work *w)
{
    const char *table = table_of(w);

    buf_addf(&w->out, "add table inet %s\n", table);
    for (unsigned family = 4; family <= 6; family += 2) {
        buf_addf(&w->out, "add set inet %s listed%u { type ipv%u_addr; flags interval; }\n", table,
                 family, family);
        buf_addf(&w->out, "flush set inet %s listed%u\n", table, family);
    }
    nft_set(w, "listed4", export_merged4);
    nft_set(w, "listed6", export_merged6);
    export_each_name(w, export_count_name);
    w->count->left_out += w->view->image->counts.patterns + w->view->image->counts.records;
}

static void postfix_net(struct export_work *w, struct ip_prefix net, struct zone_hit hit)
{
    char text[EXPORT_NET_MAX];

    (void)hit;
    buf_addf(&w->out, "%s\t%s\n", export_net_text(net, text),
             w->o->action ? w->o->action : "REJECT");
    export_line(w);
}

void export_postfix(struct export_work *w)
{
    export_merged4(w, postfix_net);
    export_merged6(w, postfix_net);
    export_each_name(w, export_count_name);
    w->count->left_out += w->view->image->counts.patterns + w->view->image->counts.records;
}

/* The longest run of zero groups, of two at least: its first group, or 8. */
static unsigned zero_run(const uint8_t b[16], unsigned *ret_n)
{
    unsigned best = 8, best_n = 1;

    for (unsigned i = 0; i < 8; i++) {
        unsigned n = 0;

        while (i + n < 8 && (b[2 * (i + n)] | b[2 * (i + n) + 1]) == 0)
            n++;
        if (n > best_n) {
            best = i;
            best_n = n;
        }
    }
    *ret_n = best_n;
    return best;
}

static void rpz_net(struct export_work *w, struct ip_prefix net, struct zone_hit hit)
{
    const uint8_t *b = net.ip.b;
    unsigned run_n, run;

    (void)hit;
    buf_addf(&w->out, "%u.", net.len);
    if (net.ip.family == IP_V4) {
        buf_addf(&w->out, "%u.%u.%u.%u", b[3], b[2], b[1], b[0]);
    } else {
        run = zero_run(b, &run_n);
        for (unsigned i = 8; i-- > 0;) {
            if (run < 8 && i == run + run_n - 1) {
                buf_addf(&w->out, "%szz", i == 7 ? "" : ".");
                i = run;
            } else {
                buf_addf(&w->out, "%s%x", i == 7 ? "" : ".",
                         (unsigned)b[2 * i] << 8 | b[2 * i + 1]);
            }
        }
    }
    buf_add_str(&w->out, ".rpz-ip CNAME .\n");
    export_line(w);
}

/* "8.1.0.0.127.rpz-client-ip" is no name of a host there. */
static bool means_more(const struct zone_piece_name *piece)
{
    static const char mark[] = "rpz-";

    return piece->key_len > sizeof(mark) - 1 && !memcmp(piece->key + 1, mark, sizeof(mark) - 1);
}

static void rpz_name(struct export_work *w, const struct zone_piece_name *piece)
{
    if (piece->key_len == 0 || piece->table || means_more(piece)) {
        w->count->left_out++;
        return;
    }
    if (piece->wild)
        buf_add_str(&w->out, "*.");
    export_put_name(w, piece->key, piece->key_len);
    buf_addf(&w->out, " CNAME %s\n", piece->excluded ? "rpz-passthru." : ".");
    export_line(w);
}

void export_rpz(struct export_work *w)
{
    const struct zone_meta *m = &w->view->image->meta;
    char a[DNS_NAME_TEXT_MAX], b[DNS_NAME_TEXT_MAX];

    if (w->o->zone && *w->o->zone)
        buf_addf(&w->out, "$ORIGIN %s.\n", w->o->zone);
    buf_addf(&w->out, "$TTL %u\n", m->ttl ? m->ttl : 300);
    if (m->has_soa)
        buf_addf(&w->out, "@ SOA %s. %s. %u %u %u %u %u\n", dns_name_text(m->soa.mname.wire, a),
                 dns_name_text(m->soa.rname.wire, b), zone_view_serial(w->view), m->soa.refresh,
                 m->soa.retry, m->soa.expire, m->soa.minimum);
    else
        buf_addf(&w->out, "@ SOA localhost. hostmaster.localhost. %u 3600 600 604800 300\n",
                 zone_view_serial(w->view));
    buf_add_str(&w->out, "@ NS localhost.\n");
    export_merged4(w, rpz_net);
    export_merged6(w, rpz_net);
    export_each_name(w, rpz_name);
    w->count->left_out += w->view->image->counts.patterns + w->view->image->counts.records;
}
