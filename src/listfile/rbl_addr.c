/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rbldnsd's forms, not those of RFC 4291 and base/ip.h: partial addresses stand for prefixes, a
 * range's last end is filled with 255, and a lone octet behind the hyphen replaces the last octet
 * given. Five million lines pass through here, so each byte is looked at once and nothing is
 * copied.
 *
 * Where rbldnsd's own parser slips we do not follow: "1::2::3" is no address here (there it is 1::2
 * with the value ":3").
 */
#include "listfile/rbl_addr.h"

const char *rbl_addr_name(enum rbl_addr addr)
{
    switch (addr) {
    case RBL_ADDR_OK:
        return "good";
    case RBL_ADDR_BAD:
        return "not an address";
    case RBL_ADDR_BARE:
        return "a lone number";
    case RBL_ADDR_BITS:
        return "prefix length too large";
    case RBL_ADDR_MIXED:
        return "ends of different length";
    case RBL_ADDR_REVERSE:
        return "range ends before it begins";
    case RBL_ADDR_HOST:
        return "bits set behind the prefix";
    }
    return "?";
}

static uint32_t mask4(unsigned bits)
{
    return bits ? ~UINT32_C(0) << (32 - bits) : 0;
}

/* Digits up to max; false for none or more. */
static bool number(struct span *s, unsigned max, unsigned *ret)
{
    size_t i = 0;
    unsigned v = 0;

    for (; i < s->n && ascii_is_digit(s->p[i]); i++) {
        v = v * 10 + (unsigned)(s->p[i] - '0');
        if (v > max)
            return false;
    }
    if (i == 0)
        return false;
    s->p += i;
    s->n -= i;
    *ret = v;
    return true;
}

static bool take(struct span *s, char c)
{
    if (s->n == 0 || s->p[0] != c)
        return false;
    s->p++;
    s->n--;
    return true;
}

enum rbl_addr rbl_addr4(struct span *s, uint32_t *ret, unsigned *ret_bits)
{
    uint32_t a = 0;
    unsigned bits = 0, octet;

    do {
        if (!number(s, 255, &octet))
            return RBL_ADDR_BAD;
        bits += 8;
        a |= octet << (32 - bits);
    } while (bits < 32 && take(s, '.'));
    *ret = a;
    *ret_bits = bits;
    return RBL_ADDR_OK;
}

/* The end of a range whose first end had `bits` bits. */
static enum rbl_addr range_end(struct span *s, uint32_t first, unsigned bits, uint32_t *ret)
{
    uint32_t last;
    unsigned last_bits;
    enum rbl_addr r = rbl_addr4(s, &last, &last_bits);

    if (r != RBL_ADDR_OK)
        return r;
    if (last_bits == 8)
        last = last >> (bits - 8) | (first & mask4(bits - 8));
    else if (last_bits != bits)
        return RBL_ADDR_MIXED;
    last |= ~mask4(bits);
    if (last < first)
        return RBL_ADDR_REVERSE;
    *ret = last;
    return RBL_ADDR_OK;
}

enum rbl_addr rbl_range4(struct span *s, bool ranges, uint32_t *ret_first, uint32_t *ret_last,
                         unsigned *ret_bits)
{
    uint32_t a;
    unsigned bits;
    enum rbl_addr r = rbl_addr4(s, &a, &bits);

    if (r != RBL_ADDR_OK)
        return r;
    if (ranges && take(s, '-')) {
        r = range_end(s, a, bits, ret_last);
        *ret_first = a;
        *ret_bits = 32;
        return r;
    }
    if (take(s, '/')) {
        if (!number(s, 32, &bits))
            return s->n && ascii_is_digit(s->p[0]) ? RBL_ADDR_BITS : RBL_ADDR_BAD;
    } else if (bits == 8) {
        return RBL_ADDR_BARE;
    }
    *ret_first = a & mask4(bits);
    *ret_last = a | ~mask4(bits);
    *ret_bits = bits;
    return a & ~mask4(bits) ? RBL_ADDR_HOST : RBL_ADDR_OK;
}

enum rbl_addr rbl_value4(struct span *s, uint32_t *ret, unsigned *ret_octets)
{
    uint32_t a;
    unsigned bits;
    enum rbl_addr r = rbl_addr4(s, &a, &bits);

    if (r != RBL_ADDR_OK)
        return r;
    /* The last octet given goes to the end. */
    if (bits < 32)
        a = (bits == 8 ? 0 : a & mask4(bits - 8)) | (a >> (32 - bits) & 255);
    *ret = a;
    *ret_octets = bits / 8;
    return RBL_ADDR_OK;
}

static int hex_value(char c)
{
    if (ascii_is_digit(c))
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A group of hex digits up to ffff, leading zeros allowed; false for none, or for more. */
static bool group(struct span *s, unsigned *ret)
{
    size_t i = 0;
    unsigned v = 0;

    for (; i < s->n && hex_value(s->p[i]) >= 0; i++) {
        v = v << 4 | (unsigned)hex_value(s->p[i]);
        if (v > 0xffff)
            return false;
    }
    s->p += i;
    s->n -= i;
    *ret = v;
    return i > 0;
}

static bool take_pair(struct span *s)
{
    if (s->n < 2 || s->p[0] != ':' || s->p[1] != ':')
        return false;
    s->p += 2;
    s->n -= 2;
    return true;
}

/* Is a group next, so that a colon in front of it belongs to the address? */
static bool colon_group(struct span s)
{
    return s.n > 1 && s.p[0] == ':' && hex_value(s.p[1]) >= 0;
}

/* Moves the groups behind the "::" to the end; false when there is no room for a zero. */
static bool spread(uint8_t a[16], unsigned n, unsigned gap)
{
    if (n == 16)
        return false;
    memmove(a + gap + (16 - n), a + gap, n - gap);
    memset(a + gap, 0, 16 - n);
    return true;
}

enum rbl_addr rbl_addr6(struct span *s, uint8_t ret[16], unsigned *ret_bits)
{
    unsigned n = 0, gap = 16, v;
    bool pair = take_pair(s);

    memset(ret, 0, 16);
    if (pair)
        gap = 0;
    else if (s->n == 0 || hex_value(s->p[0]) < 0)
        return RBL_ADDR_BAD;
    while (n < 16 && s->n && hex_value(s->p[0]) >= 0) {
        if (!group(s, &v))
            return RBL_ADDR_BAD;
        ret[n++] = (uint8_t)(v >> 8);
        ret[n++] = (uint8_t)v;
        if (n == 16)
            break;
        if (!pair && take_pair(s)) {
            pair = true;
            gap = n;
        } else if (colon_group(*s)) {
            take(s, ':');
        } else {
            break;
        }
    }
    if (pair && !spread(ret, n, gap))
        return RBL_ADDR_BAD;
    *ret_bits = pair ? 128 : n * 8;
    return RBL_ADDR_OK;
}

enum rbl_addr rbl_cidr6(struct span *s, uint8_t ret[16], unsigned *ret_bits)
{
    bool host = false;
    enum rbl_addr r = rbl_addr6(s, ret, ret_bits);

    if (r != RBL_ADDR_OK)
        return r;
    if (take(s, '/')) {
        if (!number(s, 128, ret_bits))
            return s->n && ascii_is_digit(s->p[0]) ? RBL_ADDR_BITS : RBL_ADDR_BAD;
    } else if (*ret_bits == 16) {
        return RBL_ADDR_BARE;
    }
    for (unsigned i = *ret_bits / 8; i < 16; i++) {
        uint8_t keep = i == *ret_bits / 8 ? (uint8_t)(0xff00 >> *ret_bits % 8) : 0;

        host = host || (ret[i] & ~keep) != 0;
        ret[i] &= keep;
    }
    return host ? RBL_ADDR_HOST : RBL_ADDR_OK;
}
