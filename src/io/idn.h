/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Internationalised domain names, RFC 5890 and UTS 46 without the transitional mapping. */
#ifndef POSTERN_IO_IDN_H
#define POSTERN_IO_IDN_H

#include "base/span.h"

enum { IDN_NAME_MAX = 256 };

/*
 * UTF-8 or ASCII to the ASCII form that DNS and HELO take, lower case, without a closing dot. An
 * ASCII name passes even with an underscore. False when it can be no domain name.
 */
bool idn_to_ascii(struct span name, char ret[IDN_NAME_MAX]);

#endif
