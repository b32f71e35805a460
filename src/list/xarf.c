/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Members in the order in which a person would read them. The hash of an item lets a desk find the
 * same evidence twice; it is of the octets before base64.
 */
#include "list/xarf.h"

#include "base/escape.h"
#include "base/mac.h"

#include <stdlib.h>
#include <time.h>

const char *xarf_uuid(const uint8_t chance[XARF_UUID], char out[XARF_UUID_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    size_t n = 0;

    for (unsigned i = 0; i < XARF_UUID; i++) {
        uint8_t b = chance[i];

        if (i == 6)
            b = (uint8_t)((b & 0x0f) | 0x40);
        if (i == 8)
            b = (uint8_t)((b & 0x3f) | 0x80);
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out[n++] = '-';
        out[n++] = digits[b >> 4];
        out[n++] = digits[b & 15];
    }
    out[n] = '\0';
    return out;
}

/* Sets a member and takes the value; false when there is none. */
static bool set(json_t *object, const char *key, json_t *value)
{
    return value && json_object_set_new(object, key, value) == 0;
}

static json_t *text(struct span s, size_t max)
{
    return s.n <= max ? json_stringn(s.p ? s.p : "", s.n) : NULL;
}

static json_t *time_text(int64_t wall)
{
    struct buf out = BUF_INIT(64);
    time_t t = (time_t)wall;
    struct tm tm;
    json_t *v = NULL;

    if (gmtime_r(&t, &tm)) {
        buf_addf(&out, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
                 tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
        v = text(buf_span(&out), 64);
    }
    buf_deinit(&out);
    return v;
}

static json_t *party(const struct xarf_party *p)
{
    json_t *o = json_object();

    if (o && set(o, "org", text(p->org, XARF_NAME_MAX)) &&
        set(o, "contact", text(p->contact, 320)) && set(o, "domain", text(p->domain, 255)))
        return o;
    json_decref(o);
    return NULL;
}

static json_t *hash(struct span payload)
{
    uint8_t digest[MAC_SIZE];
    struct buf out = BUF_INIT(80);
    json_t *v;

    mac_sha256(payload, digest);
    buf_add_str(&out, "sha256:");
    for (unsigned i = 0; i < sizeof(digest); i++)
        buf_addf(&out, "%02x", digest[i]);
    v = text(buf_span(&out), 80);
    buf_deinit(&out);
    return v;
}

static json_t *item(const struct xarf_item *i)
{
    struct buf payload = BUF_INIT(XARF_PAYLOAD_MAX * 2);
    json_t *o = json_object();
    bool fine;

    escape_base64(&payload, i->payload);
    fine = o && i->payload.n <= XARF_PAYLOAD_MAX && !payload.err &&
           set(o, "content_type", json_string(i->content_type)) &&
           set(o, "description", text(span_str(i->description), XARF_SHOWN_MAX)) &&
           set(o, "payload", text(buf_span(&payload), XARF_PAYLOAD_MAX * 2)) &&
           set(o, "hash", hash(i->payload)) &&
           set(o, "size", json_integer((json_int_t)i->payload.n));
    buf_deinit(&payload);
    if (fine)
        return o;
    json_decref(o);
    return NULL;
}

static json_t *items(const struct xarf_relay *r)
{
    json_t *a = r->item_count <= XARF_EVIDENCE_MAX ? json_array() : NULL;

    for (size_t i = 0; a && i < r->item_count; i++) {
        json_t *one = item(&r->items[i]);

        if (!one || json_array_append_new(a, one) < 0) {
            json_decref(a);
            return NULL;
        }
    }
    return a;
}

/* What the format has no word for. */
static json_t *own(const struct xarf_relay *r)
{
    json_t *o = json_object();

    if (o && set(o, "class", text(r->class, 64)) && set(o, "listing", text(r->listing, 64)) &&
        set(o, "proofs", json_integer(r->proofs)) && set(o, "proved_by", json_string("delivery")) &&
        (!r->host.n || set(o, "host", text(r->host, 255))) &&
        (!r->more.n || set(o, "uri", text(r->more, 2000))))
        return o;
    json_decref(o);
    return NULL;
}

static bool fill(json_t *o, const struct xarf_relay *r)
{
    char uuid[XARF_UUID_TEXT], ip[IP_TEXT_MAX];

    return set(o, "xarf_version", json_string(XARF_VERSION)) &&
           set(o, "report_id", json_string(xarf_uuid(r->uuid, uuid))) &&
           set(o, "timestamp", time_text(r->happened_wall)) &&
           set(o, "reporter", party(&r->reporter)) && set(o, "sender", party(&r->reporter)) &&
           set(o, "source_identifier", json_string(ip_text(r->source, ip))) &&
           (!r->port || set(o, "source_port", json_integer(r->port))) &&
           set(o, "category", json_string("vulnerability")) &&
           set(o, "type", json_string("misconfiguration")) &&
           set(o, "evidence_source", json_string("automated_scan")) &&
           set(o, "service", json_string("SMTP server (open mail relay)")) &&
           set(o, "description", text(r->description, XARF_DESCRIPTION_MAX)) &&
           set(o, "confidence", json_real(1.0)) &&
           set(o, "tags", json_pack("[ss]", "service:smtp", "misconfiguration:open_relay")) &&
           set(o, "evidence", items(r)) && set(o, "smtp_relay", own(r));
}

json_t *xarf_relay(const struct xarf_relay *r)
{
    json_t *o = json_object();

    if (o && fill(o, r))
        return o;
    json_decref(o);
    return NULL;
}
