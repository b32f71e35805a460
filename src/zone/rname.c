/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The length stands before its label, not behind: then no label is the beginning of a longer one
 * ([3]org is no beginning of [7]organic), and "lies under" is one memcmp. The price is that sorted
 * lists are ordered by the length of labels first, which nobody minds.
 */
#include "zone/rname.h"

#include <string.h>

bool zone_rname_of_wire(const uint8_t *p, size_t n, struct zone_rname *ret)
{
    size_t at = 0, end = ZONE_RNAME_MAX;
    uint8_t labels = 0, b[ZONE_RNAME_MAX];

    /* Filled from the end: the leftmost label of the wire comes last here. */
    while (at < n && p[at]) {
        size_t size = (size_t)p[at] + 1;

        if (size > DNS_LABEL_MAX + 1 || size > n - at || size > end)
            return false;
        end -= size;
        b[end] = (uint8_t)(size - 1);
        for (size_t i = 1; i < size; i++)
            b[end + i] = (uint8_t)ascii_lower((char)p[at + i]);
        at += size;
        labels++;
    }
    ret->n = (uint8_t)(ZONE_RNAME_MAX - end);
    ret->labels = labels;
    memcpy(ret->b, b + end, ret->n);
    return true;
}

bool zone_rname_parse(struct span text, struct zone_rname *ret)
{
    struct dns_name name;

    if (!text.n || span_eq(text, SPAN_LIT("@"))) {
        ret->n = ret->labels = 0;
        return true;
    }
    return dns_name_parse(text, &name) && zone_rname_of_wire(name.wire, name.n, ret);
}

size_t zone_rname_wire(const uint8_t *p, size_t n, uint8_t out[ZONE_RNAME_MAX])
{
    size_t end = n;

    for (size_t at = 0; at < n;) {
        size_t size = (size_t)p[at] + 1;

        end -= size;
        memcpy(out + end, p + at, size);
        at += size;
    }
    return n;
}

const char *zone_rname_text(const uint8_t *p, size_t n, char out[DNS_NAME_TEXT_MAX])
{
    uint8_t wire[DNS_NAME_MAX];

    out[0] = '\0';
    if (!n)
        return out;
    zone_rname_wire(p, n, wire);
    wire[n] = 0;
    return dns_name_text(wire, out);
}

bool zone_rname_ok(const uint8_t *p, size_t n)
{
    if (n > ZONE_RNAME_MAX)
        return false;
    for (size_t at = 0; at < n;) {
        size_t size = (size_t)p[at] + 1;

        if (size == 1 || size > DNS_LABEL_MAX + 1 || size > n - at)
            return false;
        for (size_t i = 1; i < size; i++) {
            if (ascii_lower((char)p[at + i]) != (char)p[at + i])
                return false;
        }
        at += size;
    }
    return true;
}

uint8_t zone_rname_labels(const uint8_t *p, size_t n)
{
    uint8_t labels = 0;

    for (size_t at = 0; at < n; at += (size_t)p[at] + 1)
        labels++;
    return labels;
}
