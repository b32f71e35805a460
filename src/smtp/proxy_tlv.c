/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is handed on is read here and written anew, as everything that goes to a backend. Types that
 * nobody has given a meaning yet, those of one balancer's own (0xE0 and up) and NETNS, a name of
 * the balancer's machine, end here; NOOP and the checksum belong to the header that they came in.
 *
 * Of SSL the flags that are known are kept, and the parts of text. A client's whole certificate,
 * which newer balancers can add, fits no mail server's header.
 */
#include "smtp/proxy_tlv.h"

#include "base/num.h"

enum { ENTRY = 3, SSL_HEAD = 5, SSL_FLAGS = 0x07, TEXT_MAX = 255 };

/* Cuts the first entry off. False: there is no whole one. */
static bool next(struct span *rest, unsigned *ret_type, struct span *ret_value)
{
    const uint8_t *p = (const uint8_t *)rest->p;
    size_t n;

    if (rest->n < ENTRY)
        return false;
    n = num_get16(p + 1);
    if (rest->n < ENTRY + n)
        return false;
    *ret_type = p[0];
    *ret_value = span_slice(*rest, ENTRY, ENTRY + n);
    *rest = span_slice(*rest, ENTRY + n, rest->n);
    return true;
}

/* Castagnoli's polynomial, reflected; a header is short and comes once a connection. */
static uint32_t crc_octet(uint32_t crc, uint8_t octet)
{
    crc ^= octet;
    for (int i = 0; i < 8; i++)
        crc = crc & 1 ? (crc >> 1) ^ UINT32_C(0x82f63b78) : crc >> 1;
    return crc;
}

/* Over the whole header, the checksum's own octets taken for zeros. */
static bool checksum_ok(struct span header, struct span value)
{
    size_t at = (size_t)(value.p - header.p);
    uint32_t crc = UINT32_MAX;

    if (value.n != 4)
        return false;
    for (size_t i = 0; i < header.n; i++)
        crc = crc_octet(crc, i >= at && i < at + 4 ? 0 : (uint8_t)header.p[i]);
    return ~crc == num_get32((const uint8_t *)value.p);
}

bool smtp_proxy_tlvs_ok(struct span header, size_t at)
{
    struct span rest = span_slice(header, at, header.n), value;
    unsigned type;

    while (next(&rest, &type, &value))
        if (type == SMTP_PROXY_CRC32C && !checksum_ok(header, value))
            return false;
    return rest.n == 0;
}

static bool is_text(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 32 || s.p[i] == 127)
            return false;
    return s.n > 0 && s.n <= TEXT_MAX && span_is_utf8(s);
}

static void add(unsigned type, struct span value, struct buf *out)
{
    uint8_t head[ENTRY] = {(uint8_t)type};

    num_put16(head + 1, (uint16_t)value.n);
    buf_add(out, span_of(head, sizeof(head)));
    buf_add(out, value);
}

/* The first entry of a type, or an empty span. */
static struct span find(struct span entries, unsigned want)
{
    struct span value;
    unsigned type;

    while (next(&entries, &type, &value))
        if (type == want)
            return value;
    return SPAN_NULL;
}

static void pick_ssl(struct span ssl, struct buf *out)
{
    static const unsigned texts[] = {SMTP_PROXY_SSL_VERSION, SMTP_PROXY_SSL_CIPHER,
                                     SMTP_PROXY_SSL_CN, SMTP_PROXY_SSL_SIG_ALG,
                                     SMTP_PROXY_SSL_KEY_ALG};
    struct buf value = BUF_INIT(SMTP_PROXY_TLVS_MAX - ENTRY);
    struct span parts = span_slice(ssl, SSL_HEAD, ssl.n);

    if (ssl.n < SSL_HEAD)
        return;
    buf_add_char(&value, (char)(ssl.p[0] & SSL_FLAGS));
    buf_add(&value, span_slice(ssl, 1, SSL_HEAD));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct span text = find(parts, texts[i]);

        if (is_text(text) && value.n + ENTRY + text.n <= value.max)
            add(texts[i], text, &value);
    }
    if (!value.err)
        add(SMTP_PROXY_SSL, buf_span(&value), out);
    buf_deinit(&value);
}

void smtp_proxy_tlvs_pick(struct span entries, struct buf *out)
{
    static const struct {
        unsigned type;
        size_t max;
        bool text;
    } wanted[] = {
        {SMTP_PROXY_AUTHORITY, TEXT_MAX, true},
        {SMTP_PROXY_ALPN, TEXT_MAX, true},
        {SMTP_PROXY_UNIQUE_ID, SMTP_PROXY_UNIQUE_ID_MAX, false},
    };
    size_t from = out->n;

    pick_ssl(find(entries, SMTP_PROXY_SSL), out);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        struct span value = find(entries, wanted[i].type);

        if (value.n && value.n <= wanted[i].max && (!wanted[i].text || is_text(value)) &&
            out->n - from + ENTRY + value.n <= SMTP_PROXY_TLVS_MAX)
            add(wanted[i].type, value, out);
    }
}
