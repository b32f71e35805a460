/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the fuzz targets of the file formats share: a file is read or refused with a line in it, and
 * a policy made of it decides.
 */
#ifndef POSTERN_RELAY_READ_FUZZ_H
#define POSTERN_RELAY_READ_FUZZ_H

#include "relay/check.h"
#include "relay/policy.h"
#include "relay/relay.h"

#include <stdint.h>
#include <stdlib.h>

static inline int read_fuzz(enum relay_read kind, const uint8_t *data, size_t size)
{
    struct relay_client client = {.ip = {.family = IP_V4, .b = {192, 0, 2, 1}}};
    struct relay_mail mail = {SPAN_LIT("<s@foreign.example>"), false};
    struct relay_policy *p = relay_policy_new(NULL);
    struct relay_fault fault = {0};
    struct relay_findings findings;
    struct relay_decision d;
    unsigned lines = 1;
    int got;

    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n';
    if (!p)
        return 0;
    got = relay_policy_read(p, kind, span_of(data, size), "f", &fault);
    if (got == RELAY_BAD && (fault.line < 1 || fault.line > lines || !fault.why[0]))
        abort();
    relay_policy_seal(p);
    /* Nothing that a file says lets an address relay on the MX listener by itself. */
    relay_decide(p, &client, &mail, SPAN_LIT("<r@other.invalid>"), &d);
    if (d.answer == RELAY_TAKE && !d.own)
        abort();
    if (relay_check(p, NULL, 0, &findings) == 0)
        relay_findings_deinit(&findings);
    relay_policy_free(&p);
    return 0;
}

#endif
