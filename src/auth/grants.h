/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Login grants: "allow IP until T by USER via SOURCE". Who has read mail from an address a moment
 * ago may send from it for a while, as POP-before-SMTP did. One address each, never a network; a
 * short life; and none for an address that many users share, since behind it are strangers as well.
 *
 * A grant is refused for space that has no single owner (loopback, RFC 1918, 100.64/10, link-local,
 * multicast and other special space), unless the operator lists the address. Documentation space
 * counts as public: it is nobody's, and tests live in it.
 *
 * The table has a fixed number of rows. When it is full, the address longest not granted makes
 * room. Times are wall-clock seconds, because grants travel between processes.
 */
#ifndef POSTERN_AUTH_GRANTS_H
#define POSTERN_AUTH_GRANTS_H

#include "auth/limits.h"
#include "base/ip.h"
#include "base/mac.h"

struct auth_grants;

enum { AUTH_GRANTS_ROWS = 16384 }; /* default of `rows` */

struct auth_grants_config {
    int64_t life_max;    /* seconds from now that a grant may last at most */
    unsigned users_max;  /* users of one address in `shared_time` who may share it; 1 to 16 */
    int64_t shared_time; /* seconds that a user is remembered, and that a shared address stays so */
    unsigned rows;
    uint8_t key[MAC_KEY];           /* random: for the hash */
    const struct ip_prefix *listed; /* special space that may be granted; copied */
    size_t listed_n;
};

enum auth_grants_got {
    AUTH_GRANTS_NEW,
    AUTH_GRANTS_LONGER, /* there was one; it now ends later, or as before */
    AUTH_GRANTS_SPACE,  /* refused: address space without a single owner */
    AUTH_GRANTS_SHARED, /* refused, and a live grant withdrawn: too many users */
    AUTH_GRANTS_PAST,   /* refused: T has passed */
    AUTH_GRANTS_BAD,    /* refused: no address, or a user or source that can't be a name */
};

const char *auth_grants_got_name(enum auth_grants_got got);

struct auth_grant {
    struct ip ip;
    int64_t until_wall;
    char user[AUTH_LOGIN_MAX + 1]; /* the last one; "" for a source that names none (DRAC) */
    char source[AUTH_GRANT_SOURCE_MAX + 1];
};

int auth_grants_new(const struct auth_grants_config *config, struct auth_grants **ret);
void auth_grants_free(struct auth_grants **g);
/* New rules; grants stay, save those that the new rules refuse. rows and key stay. 0, -ENOMEM. */
int auth_grants_change(struct auth_grants *g, const struct auth_grants_config *config);

/*
 * until_wall is cut to now + life_max. An empty user is allowed: it counts as one user, whoever it
 * is.
 */
enum auth_grants_got auth_grants_allow(struct auth_grants *g, struct ip ip, int64_t until_wall,
                                       struct span user, struct span source, int64_t now_wall);
/* True while a grant for just this address lives; *ret may be NULL. */
bool auth_grants_has(const struct auth_grants *g, struct ip ip, int64_t now_wall,
                     struct auth_grant *ret);
/* Withdraws; true when there was one. */
bool auth_grants_drop(struct auth_grants *g, struct ip ip);
/* How many live now. */
size_t auth_grants_count(const struct auth_grants *g, int64_t now_wall);
/* The live ones, in no order: for the admin socket, and for a worker that starts late. */
void auth_grants_each(const struct auth_grants *g, int64_t now_wall,
                      void (*fn)(void *cookie, const struct auth_grant *grant), void *cookie);
/* Addresses that too many users share, with when the first of those users was last seen. */
void auth_grants_each_shared(const struct auth_grants *g, int64_t now_wall,
                             void (*fn)(void *cookie, struct ip ip, int64_t seen_wall),
                             void *cookie);
/* Another table knows that this one is shared: withdraws, and grants nothing to it either. */
void auth_grants_share(struct auth_grants *g, struct ip ip, int64_t seen_wall);

#endif
