/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Just enough of NTLM to tell a null session from a login (MS-NLMP §2.2.1). */
#ifndef POSTERN_CMD_RANGE_NTLM_H
#define POSTERN_CMD_RANGE_NTLM_H

#include "base/span.h"

enum ntlm_message {
    NTLM_NONE = 0,      /* not base64, or not NTLM */
    NTLM_NEGOTIATE = 1, /* the client's first message */
    NTLM_USER = 3,      /* its second, with a user's name */
    NTLM_NULL = 4,      /* its second, with an empty name: nobody in particular */
};

/* Reads one base64 line of an AUTH NTLM exchange. */
enum ntlm_message ntlm_read(struct span line);
/* The challenge in base64, the same for all: a model checks no password. */
const char *ntlm_challenge(void);

#endif
