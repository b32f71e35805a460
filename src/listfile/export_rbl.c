/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files for rbldnsd, and for ourselves: rbl.h reads each of them back to the same list. Every entry
 * carries its value unless that is rbldnsd's own default (127.0.0.2 without a text), so that a
 * change of one listing is a change of one line.
 *
 * rbldnsd's tries hold one value for a prefix. What has several goes into as many datasets, whose
 * answers rbldnsd puts together; among names a second dataset must also say "!" for each name that
 * has fewer values than a wildcard above it, and so must one that only some codes go into. An "!"
 * is written where it hides something, so that what is read back is written the same.
 *
 * In a text "$" is doubled, for alone it stands for the address; "=" in front keeps a text that
 * begins with a blank or with "=" as it is.
 */
#include "listfile/export_priv.h"

#include "base/num.h"
#include "dns/wire.h"
#include "listfile/rbl.h"

enum { A_DEFAULT = 0x7f000002, SUBJECT = '\n' /* which no line has */ };

/* What is being written: the k-th values, of one table of names. */
struct layer {
    const char *dataset; /* a $DATASET line that is due, or NULL */
    unsigned k;
    unsigned table;
    bool all;     /* ip4set: every value is a line of its own */
    bool begun;   /* and so the TTL is settled */
    uint32_t ttl; /* 0: the zone's */
    /* Wildcards above the last name, as they were written, and how long their keys are. */
    struct {
        uint8_t n;
        bool listed;
    } above[DNS_LABELS_MAX + 1];
    unsigned depth;
    struct zone_rname last;
};

/* How an octet of a text is written. A line end can't be; what a text ends in is trimmed. */
static void put_octet(struct export_work *w, char c)
{
    if (c == '$')
        buf_add_char(&w->out, '$');
    if (c == SUBJECT)
        buf_add_char(&w->out, '$');
    else
        buf_add_char(&w->out, c == '\r' || c == 0 ? ' ' : c);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == 0;
}

static void put_text(struct export_work *w, const struct zone_said *said)
{
    struct span s;
    const char subject[2] = {SUBJECT, 0};
    size_t end = 0, n;
    bool plain;

    export_text(w, said, subject);
    s = buf_span(&w->text);
    plain = s.n && (s.p[0] == '=' || is_blank(s.p[0]));
    n = plain;
    while (end < s.n && n + (s.p[end] == '$' ? 2 : 1) <= RBL_TXT_MAX)
        n += s.p[end++] == '$' ? 2 : 1;
    if (end < s.n) /* rbldnsd would cut it, and so do we when it is read back */
        w->count->cut++;
    while (end && is_blank(s.p[end - 1]))
        end--;
    if (plain && end)
        buf_add_char(&w->out, '=');
    for (size_t i = 0; i < end; i++)
        put_octet(w, s.p[i]);
}

static void put_value(struct export_work *w, const struct zone_said *said)
{
    if (said->a != A_DEFAULT || said->text.n) {
        buf_add(&w->out, SPAN_LIT(" :"));
        if (said->a >> 8 == A_DEFAULT >> 8 && (said->a & 255)) /* ":0:" is none to rbldnsd */
            buf_addf(&w->out, "%u:", said->a & 255);
        else
            buf_addf(&w->out, "%u.%u.%u.%u:", said->a >> 24, said->a >> 16 & 255,
                     said->a >> 8 & 255, said->a & 255);
        put_text(w, said);
    }
    buf_add_char(&w->out, '\n');
    export_line(w);
}

/* Before an entry; what it says is NULL for an exclusion or a record. */
static void put_dataset(struct export_work *w, const struct zone_said *said)
{
    struct layer *layer = w->ctx;

    if (layer->dataset)
        buf_addf(&w->out, "$DATASET %s @\n", layer->dataset);
    layer->dataset = NULL;
    if (!said)
        return;
    if (!layer->begun && said->ttl)
        buf_addf(&w->out, "$TTL %u\n", said->ttl);
    if (!layer->begun)
        layer->ttl = said->ttl;
    else if (said->ttl != layer->ttl)
        w->count->left_out++;
    layer->begun = true;
}

static void rbl_net(struct export_work *w, struct ip_prefix net, struct zone_hit hit)
{
    struct layer *layer = w->ctx;
    struct zone_said said;
    char text[EXPORT_NET_MAX];

    for (unsigned i = layer->k; export_said(w, hit, i, &said); i++) {
        if (i > layer->k && !layer->all)
            return;
        put_dataset(w, &said);
        buf_add_str(&w->out, export_net_text(net, text));
        put_value(w, &said);
    }
}

/* The most values that any listing has; the rest of the walk's work is nothing beside it. */
static void most_values(struct export_work *w, struct ip_prefix net, struct zone_hit hit)
{
    unsigned *most = w->ctx;
    struct zone_said said;

    (void)net;
    while (export_said(w, hit, *most, &said))
        ++*most;
}

static void most_values_name(struct export_work *w, const struct zone_piece_name *piece)
{
    struct layer *layer = w->ctx;
    struct zone_said said;

    if (piece->table == layer->table && !piece->excluded)
        while (export_said(w, piece->hit, layer->k, &said))
            layer->k++;
}

/* Does a wildcard that was written list what the piece speaks of? Names come in their order. */
static bool covered(struct layer *layer, const struct zone_piece_name *piece)
{
    size_t same = 0;

    while (same < layer->last.n && same < piece->key_len && layer->last.b[same] == piece->key[same])
        same++;
    memcpy(layer->last.b, piece->key, piece->key_len);
    layer->last.n = (uint8_t)piece->key_len;
    while (layer->depth && layer->above[layer->depth - 1].n > same)
        layer->depth--;
    for (unsigned i = layer->depth; i-- > 0;)
        if (layer->above[i].n < piece->key_len)
            return layer->above[i].listed;
    return false;
}

static void rbl_name(struct export_work *w, struct layer *layer,
                     const struct zone_piece_name *piece)
{
    struct zone_said said;
    bool value = !piece->excluded && export_said(w, piece->hit, layer->k, &said);
    bool hidden = covered(layer, piece);

    if (!value && !hidden && (layer->k || !piece->excluded))
        return;
    if (piece->wild && layer->depth <= DNS_LABELS_MAX) {
        layer->above[layer->depth].n = (uint8_t)piece->key_len;
        layer->above[layer->depth++].listed = value;
    }
    put_dataset(w, value ? &said : NULL);
    buf_addf(&w->out, "%s%s", value ? "" : "!", piece->wild ? "*." : "");
    export_put_name(w, piece->key, piece->key_len);
    if (value) {
        put_value(w, &said);
        return;
    }
    buf_add_char(&w->out, '\n');
    export_line(w);
}

static void lost_values(struct export_work *w, unsigned most)
{
    if (most > 1)
        w->count->left_out += most - 1;
}

void export_rbl_nets(struct export_work *w, enum export_format format)
{
    struct layer layer = {.all = format == EXPORT_IP4SET};
    unsigned most = 0;
    bool six = format == EXPORT_IP6TRIE;

    w->ctx = &most;
    (six ? export_each6 : export_each4)(w, most_values);
    w->ctx = &layer;
    (six ? export_each6 : export_each4)(w, rbl_net);
    if (!layer.all)
        lost_values(w, most);
}

/* All of a table's names, wanted or not: what is not may have to be excluded. */
static void put_names(struct export_work *w, struct layer *layer)
{
    struct zone_view_cursor at = {0};
    struct zone_piece_name piece;

    w->ctx = layer;
    while (w->r == 0 && zone_view_next_name(w->view, &at, &piece))
        if (piece.table == layer->table)
            rbl_name(w, layer, &piece);
}

void export_rbl_names(struct export_work *w)
{
    for (unsigned table = 0; table < ZONE_NAME_TABLES_MAX; table++) {
        struct layer layer = {.table = table};

        w->ctx = &layer;
        export_each_name(w, most_values_name);
        if (table) {
            w->count->left_out += layer.k;
            continue;
        }
        lost_values(w, layer.k);
        layer.k = 0;
        put_names(w, &layer);
    }
}

static const char *record_type(uint16_t type)
{
    return type == DNS_TYPE_A     ? "A"
           : type == DNS_TYPE_TXT ? "TXT"
           : type == DNS_TYPE_MX  ? "MX"
                                  : NULL;
}

static void put_rdata(struct export_work *w, uint16_t type, struct span data)
{
    const uint8_t *p = (const uint8_t *)data.p;
    char text[DNS_NAME_TEXT_MAX];

    if (type == DNS_TYPE_A && data.n == 4) {
        buf_addf(&w->out, "%u.%u.%u.%u", p[0], p[1], p[2], p[3]);
    } else if (type == DNS_TYPE_MX && data.n > 2) {
        buf_addf(&w->out, "%u %s", num_get16(p), dns_name_text(p + 2, text));
    } else if (type == DNS_TYPE_TXT && data.n) {
        buf_add_char(&w->out, '"');
        for (size_t i = 1; i < data.n && i <= p[0]; i++)
            buf_add_char(&w->out, p[i] < ' ' ? ' ' : (char)p[i]);
        buf_add_char(&w->out, '"');
    }
}

static void put_records(struct export_work *w, struct layer *layer)
{
    struct zone_cursor at = {0};
    struct zone_piece_record piece;

    w->ctx = layer;
    while (w->r == 0 && zone_image_next_record(w->view->image, &at, &piece)) {
        const char *type = record_type(piece.record.type);

        if (!type) {
            w->count->left_out++;
            continue;
        }
        put_dataset(w, NULL);
        export_put_name(w, piece.key, piece.key_len);
        buf_add_char(&w->out, ' ');
        if (piece.record.ttl)
            buf_addf(&w->out, "%u ", piece.record.ttl);
        buf_addf(&w->out, "%s ", type);
        put_rdata(w, piece.record.type, piece.record.rdata);
        buf_add_char(&w->out, '\n');
        export_line(w);
    }
}

void export_rbl_records(struct export_work *w)
{
    struct layer layer = {0};

    put_records(w, &layer);
}

/* That of the SOA, which is read back; where a journal goes on, the journal's. */
static uint32_t serial_of(const struct export_work *w)
{
    const struct zone_meta *m = &w->view->image->meta;

    return w->view->overlay || m->soa.serial == 0 ? zone_view_serial(w->view) : m->soa.serial;
}

/* SOA, NS, TTL and life of the data. */
static void put_meta(struct export_work *w)
{
    const struct zone_meta *m = &w->view->image->meta;
    char a[DNS_NAME_TEXT_MAX], b[DNS_NAME_TEXT_MAX];

    if (m->has_soa)
        buf_addf(&w->out, "$SOA %u %s %s %u %u %u %u %u\n", m->soa_ttl,
                 dns_name_text(m->soa.mname.wire, a), dns_name_text(m->soa.rname.wire, b),
                 serial_of(w), m->soa.refresh, m->soa.retry, m->soa.expire, m->soa.minimum);
    if (m->ns_count)
        buf_addf(&w->out, "$NS %u", m->ns_ttl);
    for (unsigned i = 0; i < m->ns_count; i++)
        buf_addf(&w->out, " %s", dns_name_text(m->ns[i].wire, a));
    if (m->ns_count)
        buf_add_char(&w->out, '\n');
    if (m->ttl)
        buf_addf(&w->out, "$TTL %u\n", m->ttl);
}

static void combined_nets(struct export_work *w, const char *dataset,
                          void (*each)(struct export_work *, export_net *))
{
    unsigned most = 0;

    w->ctx = &most;
    each(w, most_values);
    for (unsigned k = 0; k < most && w->r == 0; k++) {
        struct layer layer = {.dataset = dataset, .k = k};

        w->ctx = &layer;
        each(w, rbl_net);
    }
}

void export_rbl_combined(struct export_work *w)
{
    put_meta(w);
    combined_nets(w, "ip4trie:ipv4", export_each4);
    combined_nets(w, "ip6trie:ipv6", export_each6);
    for (unsigned table = 0; table < ZONE_NAME_TABLES_MAX && w->r == 0; table++) {
        struct layer most = {.table = table};

        w->ctx = &most;
        export_each_name(w, most_values_name);
        for (unsigned k = 0; k < most.k && w->r == 0; k++) {
            struct layer layer = {.dataset = "dnset:names", .k = k, .table = table};

            put_names(w, &layer);
        }
    }
    struct layer records = {.dataset = "generic:records"};

    put_records(w, &records);
    w->count->left_out += w->view->image->counts.patterns;
}
