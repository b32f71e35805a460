/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Command lines as a server reads them, RFC 5321 §4.1.1, and the one table of verbs.
 *
 * Parameters of MAIL and RCPT are known by extension: one whose extension is not offered is as
 * unknown as any other word (555, RFC 5321 §4.1.1.11).
 */
#ifndef POSTERN_SMTP_COMMAND_H
#define POSTERN_SMTP_COMMAND_H

#include "smtp/path.h"

enum smtp_verb {
    SMTP_VERB_UNKNOWN = 0,
    SMTP_VERB_AUTH, /* RFC 4954 */
    SMTP_VERB_BDAT, /* RFC 3030 */
    SMTP_VERB_DATA,
    SMTP_VERB_EHLO,
    SMTP_VERB_ETRN, /* RFC 1985 */
    SMTP_VERB_EXPN,
    SMTP_VERB_HELO,
    SMTP_VERB_HELP,
    SMTP_VERB_MAIL,
    SMTP_VERB_NOOP,
    SMTP_VERB_QUIT,
    SMTP_VERB_RCPT,
    SMTP_VERB_RSET,
    SMTP_VERB_STARTTLS, /* RFC 3207 */
    SMTP_VERB_TURN,
    SMTP_VERB_VRFY,
    SMTP_VERB_XCLIENT,
    SMTP_VERB_XFORWARD,
    SMTP_VERB_FOREIGN, /* first words of other protocols: a browser or proxy was made to call us */
};

enum smtp_verb_flag {
    SMTP_TAKES_ARG = 1 << 0,   /* an argument is needed */
    SMTP_TAKES_NONE = 1 << 1,  /* an argument is a fault */
    SMTP_NEEDS_HELLO = 1 << 2, /* only after HELO or EHLO */
    SMTP_NEEDS_MAIL = 1 << 3,  /* only inside a transaction */
    SMTP_NOT_IN_MAIL = 1 << 4, /* only outside of one */
    SMTP_BEFORE_TLS = 1 << 5,  /* goes where TLS is required and not yet there, RFC 3207 §4 */
    SMTP_BEFORE_AUTH = 1 << 6, /* goes where a login is required and not yet there, RFC 4954 §4 */
    SMTP_GROUP_LAST = 1 << 7,  /* the client must wait for its reply, RFC 2920 §3.1 */
    SMTP_JUNK = 1 << 8,        /* gets no mail along: counted apart */
    SMTP_ENDS = 1 << 9,        /* the session ends with its reply */
    SMTP_OPTIONAL = 1 << 10,   /* 502 unless its extension is offered */
};

struct smtp_verb_row {
    const char *name;
    enum smtp_verb verb;
    unsigned flags; /* enum smtp_verb_flag */
    unsigned ext;   /* enum smtp_ext that offers it; 0: it belongs to the base protocol */
};

/* The row of a verb in any case, or NULL. */
const struct smtp_verb_row *smtp_verb_find(struct span word);
/* The verb as it is written; "?" for SMTP_VERB_UNKNOWN. */
const char *smtp_verb_name(enum smtp_verb verb);

enum smtp_param {
    SMTP_PARAM_SIZE = 1 << 0,     /* RFC 1870 */
    SMTP_PARAM_BODY = 1 << 1,     /* RFC 6152, RFC 3030 */
    SMTP_PARAM_SMTPUTF8 = 1 << 2, /* RFC 6531 */
    SMTP_PARAM_RET = 1 << 3,      /* RFC 3461 */
    SMTP_PARAM_ENVID = 1 << 4,
    SMTP_PARAM_NOTIFY = 1 << 5,
    SMTP_PARAM_ORCPT = 1 << 6,
    SMTP_PARAM_AUTH = 1 << 7, /* RFC 4954 §5 */
};

enum smtp_body {
    SMTP_BODY_7BIT = 0,
    SMTP_BODY_8BITMIME,
    SMTP_BODY_BINARYMIME,
};

enum smtp_notify {
    SMTP_NOTIFY_NEVER = 1 << 0,
    SMTP_NOTIFY_SUCCESS = 1 << 1,
    SMTP_NOTIFY_FAILURE = 1 << 2,
    SMTP_NOTIFY_DELAY = 1 << 3,
};

struct smtp_params {
    unsigned given; /* enum smtp_param */
    uint64_t size;
    enum smtp_body body;
    bool ret_full;     /* RET=FULL, else HDRS */
    unsigned notify;   /* enum smtp_notify */
    struct span envid; /* xtext as written */
    struct span orcpt; /* "addr-type;xtext" as written */
    struct span auth;  /* xtext as written, or "<>" */
};

struct smtp_command {
    enum smtp_verb verb;
    unsigned flags;   /* of its row */
    struct span word; /* the verb as written */
    struct span arg;  /* what is behind it, without blanks around */
    /* MAIL and RCPT */
    struct span path_text; /* the path as written, brackets or not */
    enum smtp_path_got path_got;
    struct smtp_path path; /* filled as path_got says */
    struct smtp_params params;
    /* BDAT */
    uint64_t chunk;
    bool last;
};

enum smtp_command_got {
    SMTP_COMMAND_OK = 0,
    SMTP_COMMAND_UNKNOWN,     /* no such verb */
    SMTP_COMMAND_NOT_OFFERED, /* a verb we know, of an extension not offered here */
    SMTP_COMMAND_BYTES, /* NUL, another control character, or 8-bit without SMTPUTF8 offered */
    SMTP_COMMAND_NEEDS_ARG,
    SMTP_COMMAND_NO_ARG,        /* an argument where none belongs */
    SMTP_COMMAND_SYNTAX,        /* of the argument: FROM:, TO:, chunk size */
    SMTP_COMMAND_BAD_SENDER,    /* path_got says why */
    SMTP_COMMAND_BAD_RECIPIENT, /* path_got says why */
    SMTP_COMMAND_NEEDS_UTF8,    /* an address with UTF-8, and no SMTPUTF8 on MAIL, RFC 6531 §3.5 */
    SMTP_COMMAND_PARAM_UNKNOWN,
    SMTP_COMMAND_PARAM_TWICE,
    SMTP_COMMAND_PARAM_VALUE,
};

struct smtp_command_rules {
    unsigned ext; /* enum smtp_ext offered to this client now; 0 after HELO */
    bool utf8;    /* for RCPT: MAIL had SMTPUTF8 */
    /*
     * Take what sloppy clients send: a blank before the path, no brackets, 8-bit, any path at
     * all. The path is parsed and path_got says what is wrong with it, but that is no fault of
     * the command.
     */
    bool any_path;
};

/*
 * Parses one line, without its line end. Everything in *ret borrows from the line. On a fault
 * what was read up to there is filled in; verb, flags and, where it can be read, the size of a
 * BDAT chunk always are. The null path is right for MAIL and a bad recipient for RCPT;
 * <postmaster> is right for RCPT and a bad sender for MAIL.
 */
enum smtp_command_got smtp_command_parse(struct span line, const struct smtp_command_rules *rules,
                                         struct smtp_command *ret);
const char *smtp_command_got_name(enum smtp_command_got got);

/* What a server says to a fault; never NULL. The code is that of RFC 5321 §4.2.4 and §4.1.1.11. */
struct smtp_fault {
    uint16_t code;
    const char *enhanced; /* RFC 3463 */
    const char *text;
};

struct smtp_fault smtp_command_fault(enum smtp_command_got got, const struct smtp_command *cmd);

#endif
