/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the interpreters of mail servers of Unix share: suffixes that are nobody's, patterns and
 * texts that match them, and lines without one word.
 */
#ifndef POSTERN_AUDIT_UNIX_H
#define POSTERN_AUDIT_UNIX_H

#include "audit/interp.h"

/* "com", "co.uk", "": a suffix that strangers have domains below. Without its leading dot. */
bool unix_shared_suffix(struct span suffix);

enum unix_match {
    UNIX_MATCH_NO,
    UNIX_MATCH_YES,
    UNIX_MATCH_BAD, /* no pattern, or one that costs too much */
};

enum { UNIX_CAPTURES = 10 };

/* A PCRE pattern over the subject. `captures` (of the subject; may be NULL) is filled on YES. */
enum unix_match unix_regex(struct span pattern, struct span subject, bool nocase,
                           struct span captures[UNIX_CAPTURES]);
/*
 * Some text that the pattern matches, NULL when none is found. `open_front` and `open_end` tell
 * whether more may stand before and behind it.
 */
const char *unix_regex_sample(struct audit *a, struct span pattern, bool nocase,
                              bool *ret_open_front, bool *ret_open_end);

/* "192.0.2.1/24" with host bits cleared, "192.0.2.1", "2001:db8::/32"; brackets allowed. */
bool unix_net(struct span s, struct ip_prefix *ret);
/* A prefix of whole octets, "10", "192.168." or "192.168.1.2". */
bool unix_octets(struct span s, struct ip_prefix *ret);

/* The physical line of a file, without its ending; empty when there is none. */
struct span unix_line(const struct audit *a, const char *file, unsigned line);
/*
 * The line without that word of a list whose items are separated by one of `seps`; NULL when the
 * word is not there once.
 */
const char *unix_line_without(struct audit *a, const char *file, unsigned line, struct span word,
                              const char *seps);
/* Fix and edit of a network: its line without the word. */
void unix_net_fix(struct audit *a, struct audit_net *n, const char *seps);
/* Takes a whole line away. */
void unix_net_drop(struct audit *a, struct audit_net *n);

/* A finding that needs a domain whose MX record names this host: its recipient and its proof. */
void unix_mx_witness(struct audit *a, struct audit_finding *f);
/*
 * A victim's address below the suffix (with or without its leading dot): the usual one where it is
 * below it, else one of a domain that the tester does not have, so that no proof is offered.
 */
const char *unix_victim_below(struct audit *a, struct span suffix);
/* Whether the name is the domain or below it. */
bool unix_below(struct span name, struct span domain);

/* An address of the net that is in none of the narrower ones; false when they leave none. */
bool unix_inside(struct ip_prefix net, const struct ip_prefix *others, size_t count,
                 struct ip *ret);

#endif
