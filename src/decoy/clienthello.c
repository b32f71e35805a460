/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 *     Handshake    = type(1) length(3) ClientHello
 *     ClientHello  = version(2) random(32) session<1> ciphers<2> compression<1> [extensions<2>]
 *     Extension    = type(2) data<2>
 *
 * where name<n> is a vector whose length stands before it in n octets. A vector that is longer than
 * what holds it makes the message bad. A bad body of one extension does not: OpenSSL has the last
 * word on the handshake, here only facts are gathered, and what can't be read is left out.
 */
#include "decoy/clienthello.h"

#include "base/num.h"

enum { EXT_NAME = 0, EXT_GROUPS = 10, EXT_FORMATS = 11, EXT_ALPN = 16, EXT_VERSIONS = 43 };

static bool take_bytes(struct span *s, size_t n, struct span *ret)
{
    if (s->n < n)
        return false;
    *ret = span_slice(*s, 0, n);
    *s = span_slice(*s, n, s->n);
    return true;
}

/* A vector with its length in front, in one or two octets. */
static bool take_vector(struct span *s, size_t length_octets, struct span *ret)
{
    struct span length;

    if (!take_bytes(s, length_octets, &length))
        return false;
    return take_bytes(
        s, length_octets == 1 ? (uint8_t)length.p[0] : num_get16((const uint8_t *)length.p), ret);
}

static bool take_16(struct span *s, uint16_t *ret)
{
    struct span two;

    if (!take_bytes(s, 2, &two))
        return false;
    *ret = num_get16((const uint8_t *)two.p);
    return true;
}

static size_t take_list(struct span list, uint16_t *ret, size_t max, bool *cut)
{
    size_t count = 0;
    uint16_t v;

    while (take_16(&list, &v)) {
        if (count == max) {
            *cut = true;
            break;
        }
        ret[count++] = v;
    }
    return count;
}

static void read_name(struct span body, struct clienthello *ret)
{
    struct span list, type, name;

    if (take_vector(&body, 2, &list) && take_bytes(&list, 1, &type) && type.p[0] == 0 &&
        take_vector(&list, 2, &name))
        ret->name = name;
}

static void read_alpn(struct span body, struct clienthello *ret)
{
    struct span list, name;
    size_t n = 0;

    if (!take_vector(&body, 2, &list))
        return;
    while (take_vector(&list, 1, &name)) {
        if (n + (n > 0) + name.n >= CLIENTHELLO_ALPN_MAX) {
            ret->cut = true;
            break;
        }
        if (n)
            ret->alpn[n++] = ',';
        for (size_t i = 0; i < name.n; i++)
            ret->alpn[n++] = name.p[i] > ' ' && name.p[i] < 0x7f ? name.p[i] : '?';
    }
    ret->alpn[n] = '\0';
}

static void read_extension(uint16_t type, struct span body, struct clienthello *ret)
{
    struct span list;

    switch (type) {
    case EXT_NAME:
        read_name(body, ret);
        break;
    case EXT_ALPN:
        read_alpn(body, ret);
        break;
    case EXT_GROUPS:
        if (take_vector(&body, 2, &list))
            ret->group_count = take_list(list, ret->groups, CLIENTHELLO_GROUPS_MAX, &ret->cut);
        break;
    case EXT_VERSIONS:
        if (take_vector(&body, 1, &list))
            ret->version_count =
                take_list(list, ret->versions, CLIENTHELLO_VERSIONS_MAX, &ret->cut);
        break;
    case EXT_FORMATS:
        ret->format_count = 0;
        if (take_vector(&body, 1, &list))
            for (size_t i = 0; i < list.n && i < CLIENTHELLO_FORMATS_MAX; i++)
                ret->formats[ret->format_count++] = (uint8_t)list.p[i];
        break;
    default:
        break;
    }
}

static bool read_extensions(struct span list, struct clienthello *ret)
{
    while (list.n) {
        struct span body;
        uint16_t type;

        if (!take_16(&list, &type) || !take_vector(&list, 2, &body))
            return false;
        if (ret->extension_count == CLIENTHELLO_EXTENSIONS_MAX)
            ret->cut = true;
        else
            ret->extensions[ret->extension_count++] = type;
        read_extension(type, body, ret);
    }
    return true;
}

bool clienthello_read(struct span message, struct clienthello *ret)
{
    struct span header, random, session, ciphers, compression, extensions;
    size_t length;

    *ret = (struct clienthello){0};
    if (!take_bytes(&message, 4, &header) || header.p[0] != 1)
        return false;
    length = num_get32((const uint8_t *)header.p) & 0xffffff;
    if (length != message.n || !take_16(&message, &ret->version) ||
        !take_bytes(&message, 32, &random) || !take_vector(&message, 1, &session) ||
        !take_vector(&message, 2, &ciphers) || ciphers.n % 2)
        return false;
    ret->cipher_count = take_list(ciphers, ret->ciphers, CLIENTHELLO_CIPHERS_MAX, &ret->cut);
    if (!take_vector(&message, 1, &compression))
        return false;
    if (message.n == 0) /* before RFC 4366 there were no extensions */
        return true;
    return take_vector(&message, 2, &extensions) && message.n == 0 &&
           read_extensions(extensions, ret);
}

/* 0x0a0a, 0x1a1a, … 0xfafa: RFC 8701 §2. They change from one connection to the next. */
static bool is_grease(uint16_t v)
{
    return (v & 0x0f0f) == 0x0a0a && v >> 8 == (v & 0xff);
}

static void add_list(struct buf *out, const uint16_t *v, size_t count)
{
    const char *join = "";

    for (size_t i = 0; i < count; i++) {
        if (is_grease(v[i]))
            continue;
        buf_addf(out, "%s%u", join, v[i]);
        join = "-";
    }
    buf_add_char(out, ',');
}

void clienthello_ja3(const struct clienthello *h, struct buf *out)
{
    buf_addf(out, "%u,", h->version);
    add_list(out, h->ciphers, h->cipher_count);
    add_list(out, h->extensions, h->extension_count);
    add_list(out, h->groups, h->group_count);
    for (size_t i = 0; i < h->format_count; i++)
        buf_addf(out, "%s%u", i ? "-" : "", h->formats[i]);
}
