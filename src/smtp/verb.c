/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of verbs: what each may be asked for, and when. The server's loop obeys these flags,
 * so that a rule such as "not before STARTTLS" stands in one place for all verbs.
 *
 * The words of other protocols are in the table because web pages and open proxies can be made to
 * talk to a mail port: whoever says GET has no mail for us, and what follows is not SMTP.
 */
#include "smtp/command.h"
#include "smtp/ehlo.h"

#include <stdlib.h>

#define ROW_FOREIGN SMTP_VERB_FOREIGN, SMTP_ENDS | SMTP_BEFORE_TLS | SMTP_BEFORE_AUTH, 0

/* In ASCII order, for bsearch. NOOP, HELP, EXPN, VRFY, RSET need no hello: RFC 5321 §4.1.4. */
static const struct smtp_verb_row rows[] = {
    {"AUTH", SMTP_VERB_AUTH,
     SMTP_TAKES_ARG | SMTP_NEEDS_HELLO | SMTP_NOT_IN_MAIL | SMTP_BEFORE_AUTH | SMTP_GROUP_LAST |
         SMTP_OPTIONAL,
     SMTP_EXT_AUTH},
    {"BDAT", SMTP_VERB_BDAT, SMTP_TAKES_ARG | SMTP_NEEDS_MAIL | SMTP_OPTIONAL, SMTP_EXT_CHUNKING},
    {"CONNECT", ROW_FOREIGN},
    {"DATA", SMTP_VERB_DATA, SMTP_TAKES_NONE | SMTP_NEEDS_MAIL | SMTP_GROUP_LAST, 0},
    {"DELETE", ROW_FOREIGN},
    {"EHLO", SMTP_VERB_EHLO, SMTP_TAKES_ARG | SMTP_BEFORE_TLS | SMTP_BEFORE_AUTH | SMTP_GROUP_LAST,
     0},
    {"ETRN", SMTP_VERB_ETRN,
     SMTP_TAKES_ARG | SMTP_NEEDS_HELLO | SMTP_NOT_IN_MAIL | SMTP_JUNK | SMTP_OPTIONAL,
     SMTP_EXT_ETRN},
    {"EXPN", SMTP_VERB_EXPN, SMTP_TAKES_ARG | SMTP_GROUP_LAST | SMTP_JUNK, 0},
    {"GET", ROW_FOREIGN},
    {"HEAD", ROW_FOREIGN},
    {"HELO", SMTP_VERB_HELO, SMTP_TAKES_ARG | SMTP_BEFORE_TLS | SMTP_BEFORE_AUTH | SMTP_GROUP_LAST,
     0},
    {"HELP", SMTP_VERB_HELP, SMTP_BEFORE_AUTH | SMTP_JUNK, 0},
    {"MAIL", SMTP_VERB_MAIL, SMTP_TAKES_ARG | SMTP_NEEDS_HELLO | SMTP_NOT_IN_MAIL, 0},
    {"NOOP", SMTP_VERB_NOOP, SMTP_BEFORE_TLS | SMTP_BEFORE_AUTH | SMTP_GROUP_LAST | SMTP_JUNK, 0},
    {"OPTIONS", ROW_FOREIGN},
    {"PATCH", ROW_FOREIGN},
    {"POST", ROW_FOREIGN},
    {"PUT", ROW_FOREIGN},
    {"QUIT", SMTP_VERB_QUIT,
     SMTP_TAKES_NONE | SMTP_BEFORE_TLS | SMTP_BEFORE_AUTH | SMTP_GROUP_LAST | SMTP_ENDS, 0},
    {"RCPT", SMTP_VERB_RCPT, SMTP_TAKES_ARG | SMTP_NEEDS_MAIL, 0},
    {"RSET", SMTP_VERB_RSET, SMTP_TAKES_NONE | SMTP_BEFORE_AUTH | SMTP_JUNK, 0},
    {"STARTTLS", SMTP_VERB_STARTTLS,
     SMTP_TAKES_NONE | SMTP_NEEDS_HELLO | SMTP_NOT_IN_MAIL | SMTP_BEFORE_TLS | SMTP_BEFORE_AUTH |
         SMTP_GROUP_LAST | SMTP_OPTIONAL,
     SMTP_EXT_STARTTLS},
    {"TRACE", ROW_FOREIGN},
    {"TURN", SMTP_VERB_TURN, SMTP_OPTIONAL, 0}, /* never offered: RFC 5321 appendix F.1 */
    {"VRFY", SMTP_VERB_VRFY, SMTP_TAKES_ARG | SMTP_GROUP_LAST | SMTP_JUNK, 0},
    {"XCLIENT", SMTP_VERB_XCLIENT,
     SMTP_TAKES_ARG | SMTP_NOT_IN_MAIL | SMTP_BEFORE_AUTH | SMTP_GROUP_LAST | SMTP_OPTIONAL,
     SMTP_EXT_XCLIENT},
    {"XFORWARD", SMTP_VERB_XFORWARD,
     SMTP_TAKES_ARG | SMTP_NEEDS_HELLO | SMTP_NOT_IN_MAIL | SMTP_OPTIONAL, SMTP_EXT_XFORWARD},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

/* Byte by byte without case; the shorter word is the smaller. */
static int compare(const void *key, const void *row)
{
    const struct span *word = key;
    const char *name = ((const struct smtp_verb_row *)row)->name;

    for (size_t i = 0; i < word->n; i++) {
        char c = ascii_lower(word->p[i]), want = ascii_lower(name[i]);

        /* Before the comparison: a word may hold a NUL, and so equal the name's end. */
        if (!want)
            return 1;
        if (c != want)
            return (unsigned char)c < (unsigned char)want ? -1 : 1;
    }
    return name[word->n] ? -1 : 0;
}

const struct smtp_verb_row *smtp_verb_find(struct span word)
{
    return word.n ? bsearch(&word, rows, ROWS, sizeof(rows[0]), compare) : NULL;
}

const char *smtp_verb_name(enum smtp_verb verb)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].verb == verb && verb != SMTP_VERB_FOREIGN)
            return rows[i].name;
    return "?";
}
