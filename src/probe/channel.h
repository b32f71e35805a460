/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How the rows of kind "channel" become bytes: PROXY headers, BDAT chunks, logins, early talk. The
 * rows hold templates; here they meet the protocol. All functions take a NULL channel as plain
 * SMTP.
 */
#ifndef POSTERN_PROBE_CHANNEL_H
#define POSTERN_PROBE_CHANNEL_H

#include "probe/session.h"

/*
 * The PROXY header that goes before the first byte: a line (version 1) or a binary block (version
 * 2) of the HAProxy PROXY protocol. 0, 1 when a value is missing or the row makes no header,
 * -ENOMEM.
 */
int channel_proxy_header(const struct door *d, size_t probe, struct buf *out);

/*
 * Line `step` of a login by this row: AUTH with its mechanism, then each response in base64.
 * Results as above.
 */
int channel_auth_line(const struct door *d, const struct form *channel, size_t probe, unsigned step,
                      struct buf *out);
/* A login by the operator's account, by what the newest EHLO offers; NULL: by nothing of that. */
const struct form *channel_login(const struct door *d);

struct channel_chunk {
    struct span bytes;
    bool last;
    size_t done;  /* bytes of the message in chunks so far */
    size_t count; /* chunks so far */
};
/*
 * The next chunk of a message as the row's sizes cut it; false after the last. Start with zeroes.
 */
bool channel_bdat_next(const struct form *channel, struct span message, struct channel_chunk *c);

bool channel_early_at_banner(const struct form *channel);
bool channel_early_past_data(const struct form *channel);

#endif
