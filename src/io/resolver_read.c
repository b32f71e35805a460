/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From c-ares' answers to value arrays. Values beyond RESOLVER_VALUES_MAX are left out: nobody has
 * 64 mail servers, but a zone may say so.
 */
#include "io/resolver_priv.h"

#include "base/buf.h"
#include "io/random.h"

#include <stdlib.h>
#include <string.h>

static void *room(struct resolver_query *q, void *array, size_t size)
{
    void **values = array;

    if (q->count >= RESOLVER_VALUES_MAX || array_grow(values, &q->cap, size, q->count + 1) < 0)
        return NULL;
    return (char *)*values + size * q->count++;
}

static void add_ip(struct resolver_query *q, enum ip_family family, const void *bytes)
{
    struct ip ip = {.family = family}, *place;

    memcpy(ip.b, bytes, family == IP_V4 ? 4 : 16);
    for (size_t i = 0; i < q->count; i++)
        if (ip_eq(q->ips[i], ip))
            return;
    place = room(q, &q->ips, sizeof(ip));
    if (place)
        *place = ip;
}

void resolver_add_host(struct resolver_query *q, const struct hostent *host)
{
    for (char **a = host->h_addr_list; *a; a++)
        add_ip(q, host->h_addrtype == AF_INET ? IP_V4 : IP_V6, *a);
}

static int read_host(struct resolver_query *q, enum part part, const unsigned char *p, int n)
{
    struct hostent *host = NULL;
    int status = part == PART_A ? ares_parse_a_reply(p, n, &host, NULL, NULL)
                                : ares_parse_aaaa_reply(p, n, &host, NULL, NULL);

    if (status == ARES_SUCCESS) {
        resolver_add_host(q, host);
        /* A chain of aliases that ends nowhere comes as success without an address. */
        if (!host->h_addr_list[0])
            status = ARES_ENODATA;
        ares_free_hostent(host);
    }
    return status;
}

static int mx_order(const void *a, const void *b)
{
    const struct dns_mx *x = a, *y = b;

    return x->preference < y->preference ? -1 : x->preference > y->preference;
}

/* RFC 5321 §5.1: among equals at random, so that the load is shared. */
static void shuffle(struct dns_mx *mx, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        uint32_t j;
        struct dns_mx swap = mx[i - 1];

        if (random_below((uint32_t)i, &j) < 0)
            return;
        mx[i - 1] = mx[j];
        mx[j] = swap;
    }
}

static int read_mx(struct resolver_query *q, const unsigned char *p, int n)
{
    struct ares_mx_reply *list = NULL;
    int status = ares_parse_mx_reply(p, n, &list);
    bool root = false;

    for (struct ares_mx_reply *m = list; m; m = m->next) {
        struct dns_mx *place, mx = {.preference = m->priority};

        if (!*m->host || strcmp(m->host, ".") == 0) {
            root = true; /* no host; RFC 7505 §3 when it is the only one */
            continue;
        }
        if (!span_copy(span_str(m->host), mx.name, sizeof(mx.name)))
            continue;
        place = room(q, &q->mx, sizeof(mx));
        if (place)
            *place = mx;
    }
    if (list)
        ares_free_data(list);
    q->null_mx = root && !q->count;
    if (status == ARES_SUCCESS && !q->null_mx && !q->count)
        status = ARES_ENODATA;
    shuffle(q->mx, q->count);
    if (q->count)
        qsort(q->mx, q->count, sizeof(q->mx[0]), mx_order);
    return status;
}

void resolver_imply_mx(struct resolver_query *q)
{
    struct dns_mx *place = room(q, &q->mx, sizeof(*place));

    if (!place)
        return;
    *place = (struct dns_mx){0};
    span_copy(span_str(q->name), place->name, sizeof(place->name));
    q->implicit_mx = true;
}

static int read_txt(struct resolver_query *q, const unsigned char *p, int n)
{
    struct ares_txt_ext *list = NULL;
    int status = ares_parse_txt_reply_ext(p, n, &list);
    struct span *current = NULL;

    for (struct ares_txt_ext *t = list; t; t = t->next) {
        size_t have;
        char *text;

        if (t->record_start || !current) {
            current = room(q, &q->txt, sizeof(*current));
            if (!current)
                break;
            *current = SPAN_NULL;
        }
        have = current->n;
        text = realloc((char *)(uintptr_t)current->p, have + t->length + 1);
        if (!text) {
            status = ARES_ENOMEM;
            break;
        }
        memcpy(text + have, t->txt, t->length);
        text[have + t->length] = '\0';
        *current = span_of(text, have + t->length);
    }
    if (list)
        ares_free_data(list);
    return status;
}

static int read_ptr(struct resolver_query *q, const unsigned char *p, int n)
{
    bool v4 = q->ip.family == IP_V4;
    struct hostent *host = NULL;
    int status = ares_parse_ptr_reply(p, n, q->ip.b, v4 ? 4 : 16, v4 ? AF_INET : AF_INET6, &host);

    if (status != ARES_SUCCESS)
        return status;
    for (char **a = host->h_aliases; *a; a++) {
        struct dns_ptr *place, ptr = {0};

        if (!**a || !span_copy(span_str(*a), ptr.name, sizeof(ptr.name)))
            continue;
        place = room(q, &q->ptr, sizeof(ptr));
        if (place)
            *place = ptr;
    }
    ares_free_hostent(host);
    return q->count ? ARES_SUCCESS : ARES_ENODATA;
}

int resolver_read(struct resolver_query *q, enum part part, const unsigned char *p, int n)
{
    switch (part) {
    case PART_A:
    case PART_AAAA:
        return read_host(q, part, p, n);
    case PART_MX:
        return read_mx(q, p, n);
    case PART_TXT:
        return read_txt(q, p, n);
    case PART_PTR:
        return read_ptr(q, p, n);
    case PARTS:
        break;
    }
    return ARES_EBADQUERY;
}
