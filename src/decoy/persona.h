/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a decoy pretends to be: rows of data/personas/personas.rows, one a product. A persona is a
 * model of the product's manners on the wire (greeting, EHLO, wordings), made from what such
 * servers say to everybody; it is not the product, and holds none of its code.
 *
 * The SMTP machine speaks with one voice. persona_reword() puts the product's words in place of the
 * machine's own lines, whose texts are known; what the owner said by the ops passes as it is.
 */
#ifndef POSTERN_DECOY_PERSONA_H
#define POSTERN_DECOY_PERSONA_H

#include "base/ip.h"
#include "base/rows.h"

enum {
    PERSONA_COUNT_MAX = 100,
    PERSONA_ID_MAX = 40,     /* octets of a queue id with its NUL */
    PERSONA_REPLY_MAX = 400, /* octets of a template in a row */
    PERSONA_SAID_MAX = 200,  /* octets of a stranger's word in a line of ours */
    PERSONA_CHANCE = 32,     /* random octets that an id is made of */
};

/* What a persona says, and where. */
enum persona_line {
    PERSONA_BANNER,
    PERSONA_HELO,
    PERSONA_EHLO,
    PERSONA_MAIL,
    PERSONA_RCPT,
    PERSONA_DATA,
    PERSONA_QUEUED,
    PERSONA_QUIT,
    PERSONA_RESET, /* of RSET and NOOP */
    PERSONA_UNKNOWN,
    PERSONA_NEEDS_HELO,
    PERSONA_NEEDS_MAIL,
    PERSONA_NEEDS_RCPT,
    PERSONA_STARTTLS,
    PERSONA_TIMEOUT,
    PERSONA_VRFY,
    PERSONA_LOGIN_BAD,
    PERSONA_LOGIN_OK,
    PERSONA_LINES,
};

struct persona {
    char *id, *product, *note, *source; /* note: NULL for none */
    char *lines[PERSONA_LINES];         /* templates; all but PERSONA_EHLO, whose is keywords */
    char *keywords;                     /* of EHLO in the product's order, joined by LF */
    char *mechs;                        /* of AUTH; NULL: not offered */
    char *queue_id;                     /* pattern: see persona_id() */
    unsigned ext;                       /* enum smtp_ext */
    uint64_t size;                      /* of SIZE; 0: no limit told */
    unsigned rcpts, errors;             /* that it bears; 0: any number */
    unsigned delay;                     /* ms that it takes to queue a message */
    bool takes_logins;                  /* any login is a good one */
    bool turns;                         /* who talks out of turn is cut off */
    bool lf;                            /* a lone LF ends a command */
};

struct personas {
    struct persona *v;
    size_t count, cap;
};

/* Reads rows into an empty list. 0; -EINVAL with *err filled; -ENOMEM. Empty when it fails. */
int personas_read(struct span text, struct personas *ret, struct rows_error *err);
void personas_deinit(struct personas *p);
/* The row of an id, or NULL. */
const struct persona *personas_find(const struct personas *p, const char *id);

/* What the words in braces of a template stand for. All borrowed. */
struct persona_words {
    const char *host; /* {host} */
    struct ip client; /* {client} */
    struct span helo, mail, rcpt;
    const char *id;    /* {id} of the message */
    int64_t date_wall; /* {date}, RFC 5322 in UTC */
    uint64_t size;     /* {size} of the message */
    bool tls, tls_on;  /* TLS can be had; it is up */
    size_t recipients; /* {recipients} of the message */
};

/*
 * Fills a template. A word in braces that is none of ours stays as it is; "\n" (two characters)
 * begins a new line. Strangers' words are cut to PERSONA_SAID_MAX and printable ASCII.
 */
void persona_fill(const struct persona *p, enum persona_line line, const struct persona_words *w,
                  struct buf *out);
/*
 * The code, enhanced code ("" for none) and text of a filled line, for the machine's ops. The text
 * is added to *out.
 */
unsigned persona_say(const struct persona *p, enum persona_line line, const struct persona_words *w,
                     struct buf *out, char ret_enhanced[12]);
/*
 * A queue id by the row's pattern: X a hex digit, 9 a digit, z a letter or digit, Z a consonant or
 * digit of base 52, all else itself.
 */
void persona_id(const struct persona *p, const uint8_t chance[PERSONA_CHANCE],
                char ret[PERSONA_ID_MAX]);

/*
 * The machine's octets as the product says them. `hello_at` is the offset in `said` at which the
 * machine's reply to EHLO begins, or SIZE_MAX when there is none: all of that reply is replaced.
 */
void persona_reword(const struct persona *p, const struct persona_words *w, struct span said,
                    size_t hello_at, struct buf *out);

#endif
