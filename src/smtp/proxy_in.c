/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * As strict as the text allows: one blank between words, numbers without leading zeros, the line
 * within its length. A header that another program would read otherwise is refused rather than
 * understood.
 *
 * LOCAL and UNKNOWN differ (§2.2): with the first a balancer opens a connection on its own account,
 * to check our health, and there the real ends are right; with the second it speaks for a client
 * whose address it can't tell, and nobody's address is right. Whatever else stands in such a header
 * is to be passed over.
 */
#include "smtp/proxy_in.h"

#include "base/num.h"
#include "smtp/proxy_tlv.h"

static const uint8_t sign[12] = "\r\n\r\n\0\r\nQUIT\n";

enum { HEAD = 16, V4 = 12, V6 = 36 };

static bool read_port(struct span s, uint16_t *ret)
{
    unsigned v;

    if (s.n == 0 || (s.p[0] == '0' && s.n > 1) || !num_uint(s, 0, 65535, &v))
        return false;
    *ret = (uint16_t)v;
    return true;
}

/* "TCP4" or "TCP6", two addresses of that family, two ports. */
static bool read_words(struct span line, struct smtp_proxy_header *ret)
{
    struct span word[6];
    enum ip_family want;

    for (size_t i = 0; i < 6; i++)
        if (!span_cut(&line, ' ', &word[i]))
            return false;
    if (line.p || !ip_parse(word[2], &ret->from) || !ip_parse(word[3], &ret->to))
        return false;
    want = span_eq(word[1], SPAN_LIT("TCP4")) ? IP_V4 : IP_V6;
    if (want == IP_V6 && !span_eq(word[1], SPAN_LIT("TCP6")))
        return false;
    /* ip_parse() folds mapped addresses: in TCP6 both may then be IPv4. */
    if (want == IP_V4 &&
        (span_find(word[2], ':') < word[2].n || span_find(word[3], ':') < word[3].n))
        return false;
    if (want == IP_V6 &&
        (span_find(word[2], ':') == word[2].n || span_find(word[3], ':') == word[3].n))
        return false;
    return ret->from.family == ret->to.family && read_port(word[4], &ret->from_port) &&
           read_port(word[5], &ret->to_port);
}

static enum smtp_proxy_got read_line(struct span in, struct smtp_proxy_header *ret,
                                     size_t *ret_used)
{
    struct span head = SPAN_LIT("PROXY ");
    size_t n = span_find(in, '\n');
    struct span line;

    if (!span_eq(span_slice(in, 0, head.n), span_slice(head, 0, in.n)))
        return SMTP_PROXY_BAD;
    if (n == in.n)
        return in.n < SMTP_PROXY1_MAX ? SMTP_PROXY_MORE : SMTP_PROXY_BAD;
    if (n + 1 > SMTP_PROXY1_MAX || n == 0 || in.p[n - 1] != '\r')
        return SMTP_PROXY_BAD;
    line = span_slice(in, 0, n - 1);
    *ret_used = n + 1;
    if (span_eq(line, SPAN_LIT("PROXY UNKNOWN")) || span_starts(line, SPAN_LIT("PROXY UNKNOWN ")))
        return SMTP_PROXY_UNKNOWN;
    return read_words(line, ret) ? SMTP_PROXY_CLIENT : SMTP_PROXY_BAD;
}

static struct ip read_ip(const uint8_t *p, bool v6)
{
    struct ip ip = {.family = v6 ? IP_V6 : IP_V4};
    char text[IP_TEXT_MAX];

    memcpy(ip.b, p, v6 ? 16 : 4);
    if (v6)
        ip_parse(span_str(ip_text(ip, text)), &ip); /* folds a mapped one */
    return ip;
}

static enum smtp_proxy_got read_binary(struct span in, struct smtp_proxy_header *ret,
                                       size_t *ret_used)
{
    const uint8_t *p = (const uint8_t *)in.p;
    size_t n, need;
    bool v6;

    if (in.n < HEAD)
        return SMTP_PROXY_MORE;
    n = num_get16(p + 14);
    if ((p[12] != 0x20 && p[12] != 0x21) || HEAD + n > SMTP_PROXY2_TAKEN)
        return SMTP_PROXY_BAD;
    if (in.n < HEAD + n)
        return SMTP_PROXY_MORE;
    *ret_used = HEAD + n;
    if (p[12] == 0x20)
        return SMTP_PROXY_LOCAL;
    if (p[13] != 0x11 && p[13] != 0x21)
        return SMTP_PROXY_UNKNOWN;
    v6 = p[13] == 0x21;
    need = v6 ? V6 : V4;
    if (n < need || !smtp_proxy_tlvs_ok(span_slice(in, 0, HEAD + n), HEAD + need))
        return SMTP_PROXY_BAD;
    ret->from = read_ip(p + HEAD, v6);
    ret->to = read_ip(p + HEAD + (v6 ? 16 : 4), v6);
    ret->from_port = num_get16(p + HEAD + need - 4);
    ret->to_port = num_get16(p + HEAD + need - 2);
    ret->tlvs = span_slice(in, HEAD + need, HEAD + n);
    return ret->from.family == ret->to.family ? SMTP_PROXY_CLIENT : SMTP_PROXY_BAD;
}

enum smtp_proxy_got smtp_proxy_read(struct span in, struct smtp_proxy_header *ret, size_t *ret_used)
{
    size_t n = in.n < sizeof(sign) ? in.n : sizeof(sign);

    *ret = (struct smtp_proxy_header){0};
    *ret_used = 0;
    if (in.n == 0)
        return SMTP_PROXY_MORE;
    if (memcmp(in.p, sign, n) == 0)
        return read_binary(in, ret, ret_used);
    return read_line(in, ret, ret_used);
}
