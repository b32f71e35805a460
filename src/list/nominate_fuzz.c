/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Nominations, and the files of addresses that must not be listed. */
#include "list/guard.h"
#include "list/nominate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct list_nomination n;
    struct list_guard g;
    struct ip_prefix net;
    const char *why;
    unsigned line;

    if (list_nomination_read(span_of(data, size), &n, &why) == LIST_NOMINATION &&
        n.ip.family == IP_NONE)
        __builtin_trap();
    list_guard_init(&g);
    list_guard_read(&g, LIST_GUARD_OF_EXEMPT, span_of(data, size), &line);
    list_guard_seal(&g);
    list_guard_ask(&g, (struct ip){.family = IP_V4, .b = {192, 0, 2, 1}}, 0, &net);
    list_guard_deinit(&g);
    return 0;
}
