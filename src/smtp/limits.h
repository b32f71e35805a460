/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sizes and times of SMTP, each with the paragraph that sets it. Where the RFC gives a minimum
 * that a receiver must take, the limit here is what we send at most; what we take ourselves is
 * larger and says so.
 */
#ifndef POSTERN_SMTP_LIMITS_H
#define POSTERN_SMTP_LIMITS_H

enum {
    SMTP_LOCAL_MAX = 64,    /* octets of a local part, RFC 5321 §4.5.3.1.1 */
    SMTP_DOMAIN_MAX = 255,  /* octets of a domain, RFC 5321 §4.5.3.1.2 */
    SMTP_PATH_MAX = 256,    /* octets of a path with its punctuation, RFC 5321 §4.5.3.1.3 */
    SMTP_COMMAND_MAX = 512, /* octets of a command line with CRLF, RFC 5321 §4.5.3.1.4 */
    SMTP_REPLY_MAX = 512,   /* octets of a reply line with CRLF, RFC 5321 §4.5.3.1.5 */
    SMTP_TEXT_MAX = 1000,   /* octets of a text line with CRLF, RFC 5321 §4.5.3.1.6 */
    SMTP_RCPT_MIN = 100,    /* recipients that any server must take, RFC 5321 §4.5.3.1.8 */
    SMTP_AUTH_MAX = 12288,  /* octets of an AUTH line, RFC 4954 §4 */

    /* What we take from strangers, wider than the RFC because servers are not that strict. */
    SMTP_COMMAND_TAKEN = 2048,    /* one command line, with all parameters of known extensions */
    SMTP_REPLY_LINE_TAKEN = 4096, /* one reply line; the rest of a longer line is a fault */
    SMTP_REPLY_LINES_TAKEN = 128, /* lines of one reply; more is a fault */
    SMTP_REPLY_KEPT = 2048,       /* octets of a reply's text that are kept */

    /* Of the server machine. */
    SMTP_LINE_PASSED = 1 << 16, /* octets that are read of a command line without end */
    SMTP_TEXT_PASSED = 1 << 24, /* octets that are read of a refused message */
    SMTP_SAY_LINES = 32,        /* lines of one reply; the rest is left out */
    SMTP_OUT_HIGH = 1 << 14,    /* octets to send at which no more commands are read */
    SMTP_RATE_WINDOW = 60000,   /* ms over which the rate of a message is judged */
    SMTP_OUT_MAX = 1 << 16,     /* octets to send, at most: SMTP_OUT_HIGH and two replies */
};

/* Seconds a client waits, RFC 5321 §4.5.3.2: the most patience that anyone may ask for. */
enum {
    SMTP_WAIT_BANNER = 300,
    SMTP_WAIT_MAIL = 300,
    SMTP_WAIT_RCPT = 300,
    SMTP_WAIT_DATA = 120,
    SMTP_WAIT_BLOCK = 180,
    SMTP_WAIT_END = 600,
    SMTP_WAIT_SERVER = 300, /* that a server waits for a command, §4.5.3.2.7 */
};

#endif
