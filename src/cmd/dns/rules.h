/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The texts of settings, taken apart: zones, and rules that may begin with the zone they are for.
 */
#ifndef POSTERN_CMD_DNS_RULES_H
#define POSTERN_CMD_DNS_RULES_H

#include "cmd/dns/site.h"

enum { RULES_WHY_MAX = 200 };

/*
 * "NAME" or "NAME:TYPE:FILE[,FILE]..." into *zone, which is zeroed, or holds what the same name was
 * given before. `workdir` or NULL. 0, -ENOMEM, or -EINVAL with the reason.
 */
int rules_zone(const char *text, const char *workdir, struct site *site, char why[RULES_WHY_MAX]);
void rules_zone_deinit(struct site_zone *zone);

/* "[ZONE=]REST": the zone's index (SIZE_MAX: all) and the rest. -EINVAL for a zone we have not. */
int rules_scope(const struct site *site, const char *text, size_t *ret_zone, struct span *ret_rest,
                char why[RULES_WHY_MAX]);
/* "NETWORK", a prefix or an address, "any" for all of both families (two prefixes). */
size_t rules_network(struct span word, struct ip_prefix ret[2], char why[RULES_WHY_MAX]);
/* A host's name: labels of letters, digits, hyphens and underscores, and no address. */
bool rules_host(struct span text, struct dns_name *ret);
/* The key of that name, or NULL. */
const struct dns_tsig_key *rules_key(const struct site *site, struct span name);
/* Lines "key LABEL [CUSTOMER]" and "revoke CUSTOMER[:ISSUE]". -EINVAL with line and reason. */
int rules_key_file(struct span text, struct zone_keys *keys, char why[RULES_WHY_MAX]);

#endif
