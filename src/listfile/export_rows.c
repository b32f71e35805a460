/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every listing with all that is known of it, for people and programs that look things up: CSV with
 * a head line (RFC 4180), or a JSON object a line. A listing with several values is several rows.
 * In the text the address of a listing stands for itself; of a wider prefix the prefix does.
 *
 * Bytes that are not UTF-8 become \xHH: neither format can carry them.
 */
#include "listfile/export_priv.h"

#include "base/escape.h"

#include <stdlib.h>
#include <string.h>

/* Of CSV or JSON; both see the same rows. */
struct row {
    const char *kind, *subject;
    bool excluded;
    const struct zone_said *said;
};

static void put_csv(struct export_work *w, struct span s)
{
    bool quote = false;

    for (size_t i = 0; i < s.n; i++)
        quote = quote || memchr(",\"\r\n", s.p[i], 4) || s.p[i] == ' ';
    if (!quote) {
        buf_add(&w->out, s);
        return;
    }
    buf_add_char(&w->out, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"')
            buf_add_char(&w->out, '"');
        buf_add_char(&w->out, s.p[i]);
    }
    buf_add_char(&w->out, '"');
}

static void put_json(struct export_work *w, struct span s)
{
    buf_add_char(&w->out, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c == '"' || c == '\\')
            buf_addf(&w->out, "\\%c", c);
        else if (c < ' ' || c == 0x7f)
            buf_addf(&w->out, "\\u%04x", c);
        else
            buf_add_char(&w->out, s.p[i]);
    }
    buf_add_char(&w->out, '"');
}

/* The text in w->text as UTF-8. */
static struct span utf8_text(struct export_work *w, struct buf *plain)
{
    struct span s = buf_span(&w->text);

    if (span_is_utf8(s))
        return s;
    escape_text(plain, s);
    return buf_span(plain);
}

static void put_a(struct export_work *w, uint32_t a)
{
    if (a)
        buf_addf(&w->out, "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
}

static void csv_row(struct export_work *w, const struct row *row)
{
    struct buf plain = BUF_INIT(UINT16_MAX);

    buf_addf(&w->out, "%s,", row->kind);
    put_csv(w, span_str(row->subject));
    buf_add_char(&w->out, ',');
    put_a(w, row->said->a);
    buf_addf(&w->out, ",%s,", row->excluded ? "excluded" : "listed");
    if (row->said->evidence)
        buf_addf(&w->out, "%u", row->said->evidence);
    buf_add_char(&w->out, ',');
    export_text(w, row->said, row->subject);
    put_csv(w, utf8_text(w, &plain));
    buf_add_str(&w->out, "\r\n");
    buf_deinit(&plain);
    export_line(w);
}

static void json_row(struct export_work *w, const struct row *row)
{
    struct buf plain = BUF_INIT(UINT16_MAX);

    buf_addf(&w->out, "{\"kind\":\"%s\",\"entry\":", row->kind);
    put_json(w, span_str(row->subject));
    if (row->excluded)
        buf_add_str(&w->out, ",\"excluded\":true");
    if (row->said->a) {
        buf_add_str(&w->out, ",\"code\":\"");
        put_a(w, row->said->a);
        buf_add_char(&w->out, '"');
    }
    if (row->said->evidence)
        buf_addf(&w->out, ",\"evidence\":%u", row->said->evidence);
    export_text(w, row->said, row->subject);
    if (w->text.n) {
        buf_add_str(&w->out, ",\"text\":");
        put_json(w, utf8_text(w, &plain));
    }
    buf_add_str(&w->out, "}\n");
    buf_deinit(&plain);
    export_line(w);
}

typedef void row_writer(struct export_work *w, const struct row *row);

static void said_rows(struct export_work *w, const char *kind, const char *subject,
                      struct zone_hit hit)
{
    row_writer *const *put = w->ctx;
    struct zone_said said;

    for (unsigned i = 0; w->r == 0 && export_said(w, hit, i, &said); i++)
        (*put)(w, &(struct row){kind, subject, false, &said});
}

static void net_rows(struct export_work *w, struct ip_prefix net, struct zone_hit hit)
{
    char text[EXPORT_NET_MAX];

    said_rows(w, net.ip.family == IP_V4 ? "ipv4" : "ipv6", export_net_text(net, text), hit);
}

static void name_rows(struct export_work *w, const struct zone_piece_name *piece)
{
    row_writer *const *put = w->ctx;
    struct zone_said none = {0};
    char name[DNS_NAME_TEXT_MAX + 2] = "*.";

    zone_rname_text(piece->key, piece->key_len, name + (piece->wild ? 2 : 0));
    if (piece->excluded)
        (*put)(w, &(struct row){"name", name, true, &none});
    else
        said_rows(w, "name", name, piece->hit);
}

static void pattern_rows(struct export_work *w)
{
    row_writer *const *put = w->ctx;
    struct zone_cursor at = {0};
    struct zone_piece_pattern piece;
    struct zone_said none = {0};

    while (w->r == 0 && zone_image_next_pattern(w->view->image, &at, &piece)) {
        char *source = span_dup(piece.source);

        if (!source)
            w->count->left_out++;
        else if (piece.excluded)
            (*put)(w, &(struct row){"pattern", source, true, &none});
        else
            said_rows(w, "pattern", source, piece.hit);
        free(source);
    }
}

static void rows(struct export_work *w, row_writer *put)
{
    w->ctx = &put;
    export_each4(w, net_rows);
    export_each6(w, net_rows);
    export_each_name(w, name_rows);
    pattern_rows(w);
    w->count->left_out += w->view->image->counts.records;
}

void export_csv(struct export_work *w)
{
    buf_add_str(&w->out, "kind,entry,code,state,evidence,text\r\n");
    rows(w, csv_row);
}

void export_json(struct export_work *w)
{
    rows(w, json_row);
}
