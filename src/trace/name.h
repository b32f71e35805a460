/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a host name gives away without asking the DNS: whose it is, and whether it is one that a
 * provider made up for the address of a customer.
 *
 * "Whose" is the registrable domain, by the shape of the name: two labels, three under suffixes
 * such as co.uk. That is less than the Public Suffix List knows, and enough to compare names that
 * stand in one message. Providers that send under several domains count as one.
 */
#ifndef POSTERN_TRACE_NAME_H
#define POSTERN_TRACE_NAME_H

#include "base/ip.h"

enum { TRACE_NAME_MAX = 255 }; /* octets of a host name, RFC 1035 §2.3.4 */

/* The registrable part of a host name or of what stands behind the @ of an address; may be empty:
 * for one label, for an address, for what is no name. Borrowed. */
struct span name_org(struct span host);
/* Both have one, and it is the same, or the same provider's. */
bool name_same_org(struct span a, struct span b);
/* The same name, with or without the rest of the domain behind its first label. */
bool name_same_host(struct span a, struct span b);
/*
 * The middle of both is one word of four letters or more: asem.org and mail.asem.pr.gov. Weak.
 */
bool name_akin(struct span a, struct span b);

/* A name that is nobody's: empty, "localhost", "unknown", a number, one label, a private domain. */
bool name_is_useless(struct span host);
/* In a domain that only exists behind a firewall: one label, .local, .lan, .internal, … */
bool name_is_inside(struct span host);
/* Has a dot and only letters that a host name may have. */
bool name_is_host(struct span host);
/* Named by a provider after the address or the kind of line: dsl-192-0-2-1.example.net. */
bool name_is_generic(struct span host, struct ip ip);
/* What a workstation or a program calls itself: "User", "WIN-ABC", "DESKTOP-1", "PC7". */
bool name_is_workstation(struct span helo);
/* No word, no name: consonants in a row, letters and digits in turn, or other characters. */
bool name_is_random(struct span label);
/* Under an ending that costs next to nothing. */
bool name_is_cheap(struct span host);
/* Letters without sense, or a domain under endings that cost next to nothing. */
bool name_is_throwaway(struct span host);

/* Domain of an address "local@domain", or empty. */
struct span name_domain(struct span address);
/* Gives mailboxes to anyone: gmail.com, yahoo.*, … */
bool name_is_freemail(struct span domain);
/* Sends for its paying or registered users: mailbox providers, bulk senders, web services. */
bool name_is_provider(struct span host);
/* One of them whose hosts do nothing else, and take no mail for others. */
bool name_is_bulk_sender(struct span host);
/* Takes mail for other people's domains and sends it on: forwarding and filtering services. */
bool name_is_forwarder(struct span host);
/* The outbound side of a cloud whose tenants relay through it by connector. */
bool name_is_tenant_out(struct span host);
/* The door for such tenants' own servers, where the cloud has one by itself. */
bool name_is_tenant_in(struct span host);
/* The networks that it sends from. */
bool name_is_tenant_net(struct ip ip);
bool name_is_microsoft(struct span host);

#endif
