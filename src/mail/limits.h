/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sizes that bound the reading of a stranger's message. They are far above what mail systems
 * write (the widest header block seen by hand was 60 KiB) and far below what would hurt.
 */
#ifndef POSTERN_MAIL_LIMITS_H
#define POSTERN_MAIL_LIMITS_H

enum {
    MAIL_LINE_MAX = 998, /* octets of a line without CRLF, RFC 5322 §2.1.1: the most we write */
    MAIL_LINE_GOOD = 78, /* octets a line should keep to, RFC 5322 §2.1.1 */

    HEADER_BLOCK_MAX = 1 << 18, /* octets of the header section that are looked at */
    HEADER_FIELD_MAX = 1 << 16, /* octets of one field, folds included */
    HEADER_FIELDS_MAX = 2000,   /* fields of one message */
    HEADER_NAME_MAX = 255,      /* octets of a field name */

    RECEIVED_TEXT_MAX = 8192,  /* octets of one Received field that are parsed */
    RECEIVED_TOKENS_MAX = 512, /* words, comments and literals in one Received field */
    RECEIVED_NEST_MAX = 16,    /* comments within comments */
    RECEIVED_CHAIN_MAX = 128,  /* hops; RFC 5321 §6.3 wants loops cut at 100 or more */

    MIME_DEPTH_MAX = 8,         /* parts within parts */
    MIME_PARTS_MAX = 100,       /* parts of one message, all depths together */
    MIME_BOUNDARY_MAX = 200,    /* octets; RFC 2046 §5.1.1 allows 70, some writers do not count */
    MIME_DECODED_MAX = 1 << 20, /* octets of one part after decoding */

    BUILD_TOKENS_MAX = 1000,     /* recipients that one body may prove */
    BUILD_VALUE_MAX = 320,       /* octets of one value: 64 + "@" + 255, RFC 5321 §4.5.3.1 */
    BUILD_MESSAGE_MAX = 1 << 17, /* octets of a built message */
    DSN_RECIPIENTS_MAX = 100,    /* recipients read from one report */
};

#endif
