/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One message from bytes to verdict, and the words for its parts. Memory for the hops is kept from
 * message to message: in bulk nothing is allocated.
 */
#include "trace/trace.h"

#include "trace/chain.h"
#include "trace/facts.h"
#include "trace/judge.h"

#include <stdlib.h>

static const struct {
    char letter;
    const char *name;
} classes[] = {
    [TRACE_RELAY] = {'A', "open relay"},
    [TRACE_NAT] = {'B', "open relay behind NAT"},
    [TRACE_APPLIANCE] = {'C', "appliance in front of a trusting server"},
    [TRACE_HYBRID] = {'D', "on-premises relay signed by its cloud tenant"},
    [TRACE_LOGIN] = {'E', "stolen login"},
    [TRACE_OWN] = {'F', "own or legitimate origin"},
    [TRACE_LIST] = {'G', "list, forwarder or bounce"},
    [TRACE_SPAMMER] = {'H', "spammer's own machine"},
    [TRACE_OPEN_CASE] = {'U', "undecidable"},
};

char trace_class_letter(enum trace_class c)
{
    return classes[c].letter;
}

const char *trace_class_name(enum trace_class c)
{
    return classes[c].name;
}

bool trace_class_blames(enum trace_class c)
{
    return c == TRACE_RELAY || c == TRACE_NAT || c == TRACE_APPLIANCE || c == TRACE_HYBRID;
}

const char *trace_role_name(enum trace_role r)
{
    static const char *const names[] = {
        [TRACE_OWN_LINE] = "own",  [TRACE_GENUINE] = "genuine", [TRACE_INSIDE] = "inside",
        [TRACE_FORGED] = "forged", [TRACE_BELOW] = "below",
    };

    return names[r];
}

const char *trace_fault_name(enum trace_fault f)
{
    static const char *const names[] = {
        [TRACE_SOUND] = "nothing wrong in itself",
        [TRACE_BAD_DATE] = "has no date that a mail system writes",
        [TRACE_BAD_SHAPE] = "is not the form of the system it names",
        [TRACE_BAD_ID] = "has an id that its writer does not make",
        [TRACE_BAD_CLOCK] = "has an id of another time than its date",
        [TRACE_BAD_ORDER] = "is younger than the line above",
        [TRACE_BAD_ADDRESS] = "names an address that no host has",
        [TRACE_REPEATED] = "has the id of another system's line",
    };

    return names[f];
}

int trace_message(struct span message, const struct trace_options *options, struct trace *ret)
{
    struct trace_hop *hops = ret->hops;
    size_t cap = ret->cap;
    struct facts f;
    int rc;

    *ret = (struct trace){.hops = hops, .cap = cap, .confidence = 50};
    rc = facts_read(message, ret, &f);
    if (rc < 0)
        return rc;
    ret->message_id = f.message_id;
    ret->from = f.from;
    chain_judge(ret, options);
    judge(ret, &f, options);
    return 0;
}

void trace_deinit(struct trace *t)
{
    free(t->hops);
    *t = (struct trace){0};
}
