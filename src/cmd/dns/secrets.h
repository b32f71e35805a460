/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The secrets of a server: what customers' keys and what cookies are made with. */
#ifndef POSTERN_CMD_DNS_SECRETS_H
#define POSTERN_CMD_DNS_SECRETS_H

#include "cmd/dns/site.h"

enum {
    SECRETS_WHY_MAX = 200,
    SECRETS_CHANGE = 86400, /* seconds that a cookie secret of our own is the new one */
};

/* The file of key-secret, or the one in the state folder. Lives to the next call. */
const char *secrets_keys_path(const struct site *s);
/* Reads it; makes it where it is missing. 0, -errno, with the reason in why. */
int secrets_keys(const struct site *s, uint8_t ret[MAC_KEY], char why[SECRETS_WHY_MAX]);
/* A file of cookie-secret: one or two lines of 32 hexadecimal digits. -errno with the reason. */
int secrets_cookies(const char *path, struct dns_cookie_keys *ret, char why[SECRETS_WHY_MAX]);

/*
 * Secrets of our own, which outlive a restart in the state folder where it can be written. Changed
 * when SECRETS_CHANGE has passed. True when they have changed, or are the first.
 */
struct secrets_own {
    struct dns_cookie_keys keys;
    int64_t since_wall; /* 0: none yet */
};

bool secrets_own(struct secrets_own *o, const char *state, int64_t now_wall);

#endif
