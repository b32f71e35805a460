/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A name is good once: who reads it on the way, or in the log of the probing host, can make nothing
 * of it afterwards. Before that he could at most have rights by address suspended, by saying it
 * from inside.
 */
#include "cmd/gate/guard_probe.h"

#include "base/mac.h"
#include "base/num.h"
#include "cmd/gate/bus.h"
#include "io/log.h"
#include "io/random.h"

enum { SECRET = 10, LABEL = 16, NAME = 40 }; /* octets, and what they are in base 32 */

static struct {
    struct loop *loop;
    bool tells;
    char name[NAME]; /* "": none is awaited */
    int64_t until_wall;
    struct ip seen;  /* by the last probe, */
    int64_t seen_at; /* then */
} the;

static void on_nonce(void *cookie, struct span words)
{
    struct span name, until;
    uint64_t wall;

    if (span_word(&words, &name) && span_word(&words, &until) &&
        num_u64(until, 0, INT64_MAX, &wall) && span_copy(name, the.name, sizeof(the.name)))
        the.until_wall = (int64_t)wall;
}

static void on_probed(void *cookie, struct span words)
{
    struct span text;

    the.name[0] = '\0';
    if (!span_word(&words, &text) || !ip_parse(text, &the.seen))
        return;
    the.seen_at = loop_now(the.loop);
    if (the.tells)
        log_info("guard-probe", "client", LOG_IP(the.seen), "meaning",
                 "so the gate sees the probing host: unless that is its own address, something in "
                 "front of the gate hides its clients",
                 NULL);
}

void guard_probe_open(struct loop *l, bool tells)
{
    the.loop = l;
    the.tells = tells;
    bus_hear("nonce", on_nonce, NULL);
    bus_hear("probed", on_probed, NULL);
}

void guard_probe_begin(struct buf *out)
{
    uint8_t secret[SECRET];
    char label[LABEL + 1];

    if (random_bytes(secret, sizeof(secret)) < 0) {
        buf_add_str(out, "error no randomness\n");
        return;
    }
    base32_encode(secret, sizeof(secret), label);
    if (!bus_say("nonce %s.guard.invalid %lld", label, (long long)loop_wall() + GUARD_PROBE_TIME)) {
        buf_add_str(out, "error could not be passed on\n");
        return;
    }
    buf_addf(out,
             "ok\n"
             "Within ten minutes, from a host outside of your network, say to the gate:\n"
             "EHLO %s.guard.invalid\n"
             "Then see guard-probe in postern gate ctl status.\n",
             label);
}

bool guard_probe_met(struct span helo, struct ip client)
{
    bool met =
        the.name[0] && loop_wall() < the.until_wall && span_eq_nocase(helo, span_str(the.name));

    if (!met)
        return false;
    the.name[0] = '\0';
    bus_say("probed %s", LOG_IP(client));
    return true;
}

void guard_probe_status(struct buf *out)
{
    if (the.name[0] && loop_wall() < the.until_wall)
        buf_addf(out, "guard-probe awaited for=%llds\n", (long long)(the.until_wall - loop_wall()));
    else if (the.seen.family != IP_NONE)
        buf_addf(out, "guard-probe client=%s ago=%llds\n", LOG_IP(the.seen),
                 (long long)((loop_now(the.loop) - the.seen_at) / 1000));
}
