/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A name off the wire becomes text and the same name again; so does one from text. */
#include "dns/name.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void both_ways(const struct dns_name *name)
{
    struct dns_name again, lower = *name;
    char text[DNS_NAME_TEXT_MAX];
    unsigned labels;

    assert(dns_name_size(name->wire, name->n) == name->n);
    assert(dns_name_parse(span_str(dns_name_text(name->wire, text)), &again));
    assert(again.n == name->n && memcmp(again.wire, name->wire, name->n) == 0);
    dns_name_lower(&lower);
    assert(dns_name_cmp(&lower, name) == 0 && dns_name_eq(&lower, name));
    assert(dns_name_below(name, &lower, &labels) && labels == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dns_name name;
    size_t at = size ? data[0] % size : 0;

    if (dns_name_read(data, size, &at, &name)) {
        assert(at <= size);
        both_ways(&name);
    }
    if (dns_name_parse(span_of(data, size), &name))
        both_ways(&name);
    return 0;
}
