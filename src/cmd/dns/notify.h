/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * NOTIFY (RFC 1996) to the secondaries, with retries: a change is told to each of them until it
 * answers, and a later change begins anew.
 */
#ifndef POSTERN_CMD_DNS_NOTIFY_H
#define POSTERN_CMD_DNS_NOTIFY_H

#include "cmd/dns/site.h"

struct notifier_counts {
    uint64_t sent, answered, refused, gave_up;
};

struct notifier;

/*
 * Opens its sockets, before rights are given up: from the addresses that we listen on, for a
 * secondary believes only those. What can't be opened is no error here; sending then fails and is
 * logged.
 */
int notifier_new(struct loop *l, const struct listen_place *places, size_t count,
                 struct notifier **ret);
void notifier_free(struct notifier **n); /* safe on NULL */
/* Another configuration (counted by the caller as long as it is the last given). */
void notifier_site(struct notifier *n, const struct site *site);
/* The zone has this SOA now. Nothing happens when its serial was told already. */
void notifier_changed(struct notifier *n, size_t zone, const struct dns_soa *soa);
const struct notifier_counts *notifier_counts(const struct notifier *n);

#endif
