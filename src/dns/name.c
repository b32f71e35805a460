/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A whole, checked name is walked without looking at its end again: whoever makes one (parse, set,
 * read) has counted its octets. Order and suffixes need the labels from the right; they are found
 * by noting where each begins, 127 octets on the stack, rather than by reversing copies.
 *
 * Compression is undone only by dns_name_read(). Each pointer must lead to before the part that it
 * ends, which is what all senders write; so the pointers fall and the walk ends. They are counted
 * none the less: a message of nothing but pointers would be walked for each name that leads into
 * it.
 */
#include "dns/name.h"

#include "base/num.h"

#include <assert.h>
#include <stdio.h>

/* One octet of text: itself, "\c", or "\DDD". False when broken. */
static bool text_octet(struct span *text, uint8_t *ret)
{
    unsigned v;

    if (text->p[0] != '\\') {
        *ret = (uint8_t)text->p[0];
        *text = span_slice(*text, 1, text->n);
        return true;
    }
    *text = span_slice(*text, 1, text->n);
    if (text->n == 0)
        return false;
    if (!ascii_is_digit(text->p[0])) {
        *ret = (uint8_t)text->p[0];
        *text = span_slice(*text, 1, text->n);
        return true;
    }
    if (text->n < 3 || !num_uint(span_slice(*text, 0, 3), 0, 255, &v))
        return false;
    *ret = (uint8_t)v;
    *text = span_slice(*text, 3, text->n);
    return true;
}

bool dns_name_parse(struct span text, struct dns_name *ret)
{
    size_t n = 1, label = 0; /* octets so far; where the label's length stands */

    ret->n = 0;
    if (text.n == 0)
        return false;
    if (text.n == 1 && text.p[0] == '.')
        text.n = 0;
    while (text.n > 0) {
        if (text.p[0] == '.') {
            if (n == label + 1)
                return false;
            text = span_slice(text, 1, text.n);
            ret->wire[label] = (uint8_t)(n - label - 1);
            label = n++;
        } else if (n >= DNS_NAME_MAX - 1 || n - label > DNS_LABEL_MAX ||
                   !text_octet(&text, &ret->wire[n++])) {
            return false;
        }
    }
    ret->wire[label] = (uint8_t)(n - label - 1);
    if (n > label + 1)
        ret->wire[n++] = 0;
    ret->n = (uint8_t)n;
    return true;
}

const char *dns_name_text(const uint8_t *wire, char out[DNS_NAME_TEXT_MAX])
{
    size_t n = 0;

    if (wire[0] == 0)
        out[n++] = '.';
    for (const uint8_t *p = wire; *p; p += *p + 1) {
        if (p != wire)
            out[n++] = '.';
        for (unsigned i = 1; i <= *p; i++) {
            uint8_t c = p[i];

            if (c <= ' ' || c >= 0x7f) {
                n += (size_t)snprintf(out + n, 5, "\\%03u", c);
            } else {
                if (c == '.' || c == '\\' || c == '"' || c == ';' || c == '(' || c == ')' ||
                    c == '@' || c == '$')
                    out[n++] = '\\';
                out[n++] = (char)c;
            }
        }
    }
    out[n] = '\0';
    return out;
}

size_t dns_name_size(const uint8_t *p, size_t n)
{
    size_t at = 0;

    if (n > DNS_NAME_MAX)
        n = DNS_NAME_MAX;
    while (at < n && p[at] != 0) {
        if (p[at] > DNS_LABEL_MAX)
            return 0;
        at += p[at] + 1u;
    }
    return at < n ? at + 1 : 0;
}

bool dns_name_set(struct dns_name *name, const uint8_t *p, size_t n)
{
    size_t size = dns_name_size(p, n);

    name->n = 0;
    if (size == 0 || size != n)
        return false;
    memcpy(name->wire, p, size);
    name->n = (uint8_t)size;
    return true;
}

bool dns_name_read(const uint8_t *message, size_t n, size_t *at, struct dns_name *ret)
{
    size_t p = *at, below = *at, size = 0; /* a pointer leads to before `below` */
    unsigned jumps = 0;

    ret->n = 0;
    while (p < n && message[p] != 0) {
        unsigned c = message[p];

        if (c >= 0xc0) {
            if (n - p < 2)
                return false;
            if (jumps++ == 0)
                *at = p + 2;
            p = dns_wire_get16(message + p) & DNS_POINTER_MAX;
            if (p >= below || jumps > DNS_LABELS_MAX)
                return false;
            below = p;
        } else {
            if (c > DNS_LABEL_MAX || n - p <= c || size + c + 2 > DNS_NAME_MAX)
                return false;
            memcpy(ret->wire + size, message + p, c + 1);
            size += c + 1;
            p += c + 1;
        }
    }
    if (p >= n)
        return false;
    if (jumps == 0)
        *at = p + 1;
    ret->wire[size++] = 0;
    ret->n = (uint8_t)size;
    return true;
}

/* Where each label begins; their number. */
static unsigned label_starts(const uint8_t *wire, uint8_t at[DNS_LABELS_MAX])
{
    unsigned count = 0;

    for (size_t p = 0; wire[p] != 0; p += wire[p] + 1u) {
        assert(count < DNS_LABELS_MAX);
        at[count++] = (uint8_t)p;
    }
    return count;
}

unsigned dns_name_labels(const uint8_t *wire)
{
    uint8_t at[DNS_LABELS_MAX];

    return label_starts(wire, at);
}

void dns_name_lower(struct dns_name *name)
{
    for (size_t i = 0; i < name->n; i++)
        name->wire[i] = (uint8_t)ascii_lower((char)name->wire[i]);
}

bool dns_name_eq(const struct dns_name *a, const struct dns_name *b)
{
    return span_eq_nocase(span_of(a->wire, a->n), span_of(b->wire, b->n));
}

/* RFC 4034 §6.1: as octets without sign, and a label that is the other's beginning comes first. */
static int label_cmp(const uint8_t *a, const uint8_t *b)
{
    unsigned n = *a < *b ? *a : *b;

    for (unsigned i = 1; i <= n; i++) {
        uint8_t x = (uint8_t)ascii_lower((char)a[i]), y = (uint8_t)ascii_lower((char)b[i]);

        if (x != y)
            return x < y ? -1 : 1;
    }
    return (*a > *b) - (*a < *b);
}

int dns_name_cmp(const struct dns_name *a, const struct dns_name *b)
{
    uint8_t at_a[DNS_LABELS_MAX], at_b[DNS_LABELS_MAX];
    unsigned na = label_starts(a->wire, at_a), nb = label_starts(b->wire, at_b);

    for (unsigned i = 1; i <= na && i <= nb; i++) {
        int cmp = label_cmp(a->wire + at_a[na - i], b->wire + at_b[nb - i]);

        if (cmp)
            return cmp;
    }
    return (na > nb) - (na < nb);
}

bool dns_name_below(const struct dns_name *name, const struct dns_name *zone, unsigned *ret_labels)
{
    unsigned labels = 0;
    size_t p = 0;

    while (name->n - p > zone->n) {
        p += name->wire[p] + 1u;
        labels++;
    }
    if (name->n - p != zone->n ||
        !span_eq_nocase(span_of(name->wire + p, zone->n), span_of(zone->wire, zone->n)))
        return false;
    *ret_labels = labels;
    return true;
}

bool dns_name_prepend(struct dns_name *name, const uint8_t *labels, size_t n)
{
    if (n + name->n > DNS_NAME_MAX)
        return false;
    memmove(name->wire + n, name->wire, name->n);
    memcpy(name->wire, labels, n);
    name->n = (uint8_t)(name->n + n);
    return true;
}
