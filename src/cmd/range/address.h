/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Envelope addresses as an old server might read them: which class of form it is, and where it goes
 * once it is misread.
 */
#ifndef POSTERN_CMD_RANGE_ADDRESS_H
#define POSTERN_CMD_RANGE_ADDRESS_H

#include "base/buf.h"
#include "base/ip.h"
#include "cmd/range/model.h"

enum { ADDRESS_MAX = 1200 };

/* Every model is final for this too, so that one --local-domain does for all. */
#define ADDRESS_RANGE_DOMAIN "range.example"

/* Names that a model is final for. */
struct address_home {
    const char *host;   /* mail.sendmail-8-8.range.example */
    const char *domain; /* sendmail-8-8.range.example */
    struct ip ip;
};

enum address_kind {
    ADDRESS_BAD = 0, /* nothing any server could use */
    ADDRESS_LOCAL,   /* a user of ours, in *out without the domain */
    ADDRESS_FOREIGN, /* to be sent on: classes has the form's class, *out the address it becomes */
};

/*
 * Reads a recipient as written behind RCPT TO:. ADDRESS_…, or -ENOMEM. *out is set anew; its
 * maximum should be ADDRESS_MAX.
 */
int address_rcpt(const struct address_home *home, struct span path, struct buf *out,
                 uint32_t *ret_classes);

/* The classes C2 to C5 of a sender as written behind MAIL FROM:. */
uint32_t address_sender(const struct address_home *home, struct span path);

/* Without the angle brackets, if it has both. */
struct span address_bare(struct span path);

#endif
