/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The walk that all formats share. An image says of each address what holds for it and nothing of
 * how that was written: ranges without overlap, in order. So the same list gives the same lines,
 * whoever compiled it from whatever files. A range is cut into prefixes, the largest first that
 * begins where we stand; where values don't matter, neighbours are joined before.
 *
 * Lines are gathered and given to the sink 64 kB at a time.
 */
#include "listfile/export_priv.h"

#include "zone/say.h"
#include "zone/text.h"

#include <errno.h>
#include <stdio.h>

enum { CHUNK = 65536, LINE_ROOM = 16384 };

static const char *const names[EXPORT_FORMATS] = {
    [EXPORT_IP4SET] = "ip4set", [EXPORT_IP4TRIE] = "ip4trie",   [EXPORT_IP6TRIE] = "ip6trie",
    [EXPORT_DNSET] = "dnset",   [EXPORT_GENERIC] = "generic",   [EXPORT_COMBINED] = "combined",
    [EXPORT_RPZ] = "rpz",       [EXPORT_NFTABLES] = "nftables", [EXPORT_POSTFIX] = "postfix",
    [EXPORT_CSV] = "csv",       [EXPORT_JSON] = "json",
};

const char *export_format_name(enum export_format format)
{
    return (unsigned)format < EXPORT_FORMATS ? names[format] : "?";
}

bool export_format_of(struct span name, enum export_format *ret)
{
    for (unsigned i = 0; i < EXPORT_FORMATS; i++) {
        if (span_eq(name, span_str(names[i]))) {
            *ret = (enum export_format)i;
            return true;
        }
    }
    return false;
}

void export_flush(struct export_work *w)
{
    if (w->r == 0 && w->out.err)
        w->r = w->out.err == -EMSGSIZE ? -ENOMEM : w->out.err;
    if (w->r == 0 && w->out.n)
        w->r = w->sink->put(w->sink->ctx, buf_span(&w->out));
    buf_clear(&w->out);
}

void export_line(struct export_work *w)
{
    w->count->lines++;
    if (w->o->most && w->count->lines > w->o->most)
        w->r = EXPORT_TOO_MANY;
    if (w->out.n >= CHUNK)
        export_flush(w);
}

static bool code_wanted(const struct export_work *w, uint32_t a)
{
    for (size_t i = 0; i < w->o->code_count; i++)
        if (w->o->codes[i] == a)
            return true;
    return w->o->code_count == 0;
}

bool export_said(const struct export_work *w, struct zone_hit hit, unsigned i,
                 struct zone_said *ret)
{
    unsigned count = zone_image_said_count(w->view->image, hit);

    for (unsigned k = 0; k < count; k++)
        if (zone_image_said(w->view->image, hit, k, ret) && code_wanted(w, ret->a) && i-- == 0)
            return true;
    return false;
}

bool export_wanted(const struct export_work *w, struct zone_hit hit)
{
    struct zone_said said;

    return w->o->code_count == 0 || export_said(w, hit, 0, &said);
}

static struct ip ip4(uint32_t a)
{
    return (struct ip){IP_V4,
                       {(uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8), (uint8_t)a}};
}

static void cut4(struct export_work *w, uint32_t from, uint32_t to, struct zone_hit hit,
                 export_net *net)
{
    uint64_t at = from;

    while (at <= to && w->r == 0) {
        unsigned bits = at ? (unsigned)__builtin_ctzll(at) : 32;

        if (bits > 32)
            bits = 32;
        while (at + (UINT64_C(1) << bits) - 1 > to)
            bits--;
        net(w, (struct ip_prefix){ip4((uint32_t)at), 32 - bits}, hit);
        at += UINT64_C(1) << bits;
    }
}

static void cut6(struct export_work *w, struct zone_ip6 from, struct zone_ip6 to,
                 struct zone_hit hit, export_net *net)
{
    struct zone_ip6 last;

    do {
        unsigned len = 128;
        struct ip_prefix prefix = {{IP_V6, {0}}, 0};

        while (len > 0 && zone_ip6_cmp(zone_ip6_first(from, len - 1), from) == 0 &&
               zone_ip6_cmp(zone_ip6_last(from, len - 1), to) <= 0)
            len--;
        last = zone_ip6_last(from, len);
        zone_ip6_bytes(from, prefix.ip.b);
        prefix.len = len;
        net(w, prefix, hit);
        from = zone_ip6_next(last);
    } while (w->r == 0 && zone_ip6_cmp(last, to) < 0);
}

void export_each4(struct export_work *w, export_net *net)
{
    struct zone_view_cursor at = {0};
    struct zone_piece4 piece;

    while (w->r == 0 && zone_view_next4(w->view, &at, &piece))
        if (export_wanted(w, piece.hit))
            cut4(w, piece.from, piece.to, piece.hit, net);
}

void export_each6(struct export_work *w, export_net *net)
{
    struct zone_view_cursor at = {0};
    struct zone_piece6 piece;

    while (w->r == 0 && zone_view_next6(w->view, &at, &piece))
        if (export_wanted(w, piece.hit))
            cut6(w, piece.from, piece.to, piece.hit, net);
}

void export_merged4(struct export_work *w, export_net *net)
{
    struct zone_view_cursor at = {0};
    struct zone_piece4 piece, run = {0};
    bool have = false;

    while (w->r == 0 && zone_view_next4(w->view, &at, &piece)) {
        if (!export_wanted(w, piece.hit))
            continue;
        if (have && run.to != UINT32_MAX && run.to + 1 == piece.from) {
            run.to = piece.to;
            continue;
        }
        if (have)
            cut4(w, run.from, run.to, run.hit, net);
        run = piece;
        have = true;
    }
    if (have)
        cut4(w, run.from, run.to, run.hit, net);
}

void export_merged6(struct export_work *w, export_net *net)
{
    struct zone_view_cursor at = {0};
    struct zone_piece6 piece, run = {0};
    bool have = false;

    while (w->r == 0 && zone_view_next6(w->view, &at, &piece)) {
        if (!export_wanted(w, piece.hit))
            continue;
        if (have && !zone_ip6_is_max(run.to) &&
            zone_ip6_cmp(zone_ip6_next(run.to), piece.from) == 0) {
            run.to = piece.to;
            continue;
        }
        if (have)
            cut6(w, run.from, run.to, run.hit, net);
        run = piece;
        have = true;
    }
    if (have)
        cut6(w, run.from, run.to, run.hit, net);
}

void export_each_name(struct export_work *w, export_name *name)
{
    struct zone_view_cursor at = {0};
    struct zone_piece_name piece;

    while (w->r == 0 && zone_view_next_name(w->view, &at, &piece))
        if (piece.excluded || export_wanted(w, piece.hit))
            name(w, &piece);
}

const char *export_net_text(struct ip_prefix net, char out[EXPORT_NET_MAX])
{
    size_t n;

    if (net.ip.family == IP_V4) {
        n = zone_say_ip4((uint32_t)net.ip.b[0] << 24 | (uint32_t)net.ip.b[1] << 16 |
                             (uint32_t)net.ip.b[2] << 8 | net.ip.b[3],
                         out);
        out[n] = 0;
    } else {
        const uint8_t *b = net.ip.b;

        ip_text(net.ip, out);
        /* ::192.0.2.1 and its like: rbldnsd knows no IPv4 in IPv6. */
        if (strchr(out, '.'))
            snprintf(out, EXPORT_NET_MAX, "%x:%x:%x:%x:%x:%x:%x:%x", b[0] << 8 | b[1],
                     b[2] << 8 | b[3], b[4] << 8 | b[5], b[6] << 8 | b[7], b[8] << 8 | b[9],
                     b[10] << 8 | b[11], b[12] << 8 | b[13], b[14] << 8 | b[15]);
        n = strlen(out);
    }
    if (net.len < (net.ip.family == IP_V4 ? 32u : 128u))
        snprintf(out + n, EXPORT_NET_MAX - n, "/%u", net.len);
    return out;
}

void export_put_name(struct export_work *w, const uint8_t *key, size_t n)
{
    uint8_t wire[ZONE_RNAME_MAX];
    size_t size = zone_rname_wire(key, n, wire);

    if (size == 0)
        buf_add_char(&w->out, '@');
    for (size_t at = 0; at < size; at += (size_t)wire[at] + 1) {
        if (at)
            buf_add_char(&w->out, '.');
        for (size_t i = at + 1; i <= at + wire[at]; i++) {
            if (ascii_is_alnum((char)wire[i]) || wire[i] == '-' || wire[i] == '_')
                buf_add_char(&w->out, (char)wire[i]);
            else
                buf_addf(&w->out, "\\%03u", wire[i]);
        }
    }
}

void export_text(struct export_work *w, const struct zone_said *said, const char *subject)
{
    char evidence[16];

    snprintf(evidence, sizeof(evidence), "%u", said->evidence);
    buf_clear(&w->text);
    zone_text_write(said->text, subject, evidence, w->o->zone ? w->o->zone : "", &w->text);
}

static bool word_ok(const char *s)
{
    size_t n = strlen(s);

    for (size_t i = 0; i < n; i++)
        if (!ascii_is_alnum(s[i]) && s[i] != '_')
            return false;
    return n > 0 && n < 64 && ascii_is_alpha(s[0]);
}

static bool options_ok(const struct export_options *o)
{
    return o->code_count <= EXPORT_CODES_MAX && (!o->table || word_ok(o->table)) &&
           (!o->action || (*o->action && !strpbrk(o->action, "\r\n")));
}

static void count_net(struct export_work *w, struct ip_prefix net, struct zone_hit hit)
{
    (void)net;
    (void)hit;
    w->count->left_out++;
}

void export_count_name(struct export_work *w, const struct zone_piece_name *piece)
{
    if (!piece->excluded)
        w->count->left_out++;
}

/* A file of one kind of listings has none of the others. */
static void count_others(struct export_work *w, enum export_format format)
{
    bool four = format == EXPORT_IP4SET || format == EXPORT_IP4TRIE;

    if (!four)
        export_each4(w, count_net);
    if (format != EXPORT_IP6TRIE)
        export_each6(w, count_net);
    if (format != EXPORT_DNSET)
        export_each_name(w, export_count_name);
    if (format != EXPORT_GENERIC)
        w->count->left_out += w->view->image->counts.records;
    w->count->left_out += w->view->image->counts.patterns;
}

static void write_format(struct export_work *w, enum export_format format)
{
    if (format <= EXPORT_GENERIC)
        count_others(w, format);
    switch (format) {
    case EXPORT_IP4SET:
    case EXPORT_IP4TRIE:
    case EXPORT_IP6TRIE:
        export_rbl_nets(w, format);
        break;
    case EXPORT_DNSET:
        export_rbl_names(w);
        break;
    case EXPORT_GENERIC:
        export_rbl_records(w);
        break;
    case EXPORT_COMBINED:
        export_rbl_combined(w);
        break;
    case EXPORT_RPZ:
        export_rpz(w);
        break;
    case EXPORT_NFTABLES:
        export_nftables(w);
        break;
    case EXPORT_POSTFIX:
        export_postfix(w);
        break;
    case EXPORT_CSV:
        export_csv(w);
        break;
    case EXPORT_JSON:
        export_json(w);
        break;
    case EXPORT_FORMATS:
        break;
    }
}

int export_write(enum export_format format, const struct zone_view *view,
                 const struct export_options *options, const struct zone_sink *sink,
                 struct export_count *ret_count)
{
    struct export_work w = {
        .view = view,
        .o = options,
        .sink = sink,
        .count = ret_count,
        .out = BUF_INIT(CHUNK + LINE_ROOM),
        .text = BUF_INIT(LINE_ROOM),
    };

    *ret_count = (struct export_count){0};
    if (!options_ok(options))
        return EXPORT_BAD_NAME;
    write_format(&w, format);
    export_flush(&w);
    buf_deinit(&w.out);
    buf_deinit(&w.text);
    return w.r;
}
