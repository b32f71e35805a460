/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fills the forms of the catalogue: {name} is a value, \xHH a byte, \\ a backslash, \{ a brace; all
 * else stands for itself. What is missing is named, so that a plan can say why it left a probe out.
 *
 *     {u}        local part of the recipient: prefix, token, suffix
 *     {u.imcea}  the same as Exchange writes it inside an encapsulated address
 *     {s}        local part of the sender: prefix, token, suffix
 *     {d}        the probe domain, whose mail comes to us
 *     {D}        the same in upper case
 *     {d.imcea}  the same with each dot as +2E
 *     {d.wide}   the same with each dot as U+3002, the ideographic full stop
 *     {H}        host name of the target
 *     {L}        a domain that the target is final for
 *     {ip}       address of the target as in an address literal: 192.0.2.1 or IPv6:2001:db8::1
 *     {ip.bare}  the same without the IPv6 tag
 *     {me}       the name that we say in HELO
 *     {myip}     our address as in an address literal; {myip.bare} without the IPv6 tag
 *     {tester}   host name of the machine that tests
 *     {rand}     a label that resolves nowhere
 *     {mxlabel}  a domain below the probe domain whose MX names the target
 *     {mailbox}  an address that exists at the target, named by its operator
 *     {partner}  a domain that the target may trust as a sender, named by its operator
 *     {account}  {password}   of a login that the operator gave for the test
 *     {pad:N}    letters that make the word it stands in N octets long; a word ends at < > @ : ,
 *                and blanks. In a domain the letters are cut into labels. Nothing when it is that
 *                long already. One in a form, N from 1 to EXPAND_PAD_MAX.
 */
#ifndef POSTERN_PROBE_EXPAND_H
#define POSTERN_PROBE_EXPAND_H

#include "base/buf.h"
#include "base/ip.h"

enum {
    EXPAND_MAX = 1600,     /* bytes of any one result: give the out buffer this maximum */
    EXPAND_PAD_MAX = 1200, /* well over the 512 octets of a command, RFC 5321 §4.5.3.1.4 */
};

enum expand_var {
    EXPAND_U,
    EXPAND_U_IMCEA,
    EXPAND_S,
    EXPAND_D,
    EXPAND_D_UPPER,
    EXPAND_D_IMCEA,
    EXPAND_D_WIDE,
    EXPAND_HOST,
    EXPAND_LOCAL,
    EXPAND_IP,
    EXPAND_IP_BARE,
    EXPAND_ME,
    EXPAND_MYIP,
    EXPAND_MYIP_BARE,
    EXPAND_TESTER,
    EXPAND_RAND,
    EXPAND_MXLABEL,
    EXPAND_MAILBOX,
    EXPAND_PARTNER,
    EXPAND_ACCOUNT,
    EXPAND_PASSWORD,
    EXPAND_PAD,
    EXPAND_VARS, /* how many there are */
};

/*
 * Strings are borrowed. NULL or "" (IP_NONE for an address) is a missing value, and so is one with
 * a control character in it, or a domain or host name with more than letters, digits, '.', '-' and
 * '_' (octets over 127 pass): a target names itself, and must not be able to write our commands.
 */
struct expand_values {
    const char *u_token, *u_prefix, *u_suffix; /* {u}: only the token must be there */
    const char *s_token, *s_prefix, *s_suffix; /* {s}: the same */
    const char *domain;                        /* {d} */
    const char *target_host;                   /* {H} */
    const char *local_domain;                  /* {L} */
    struct ip target;                          /* {ip} */
    const char *helo;                          /* {me} */
    struct ip mine;                            /* {myip} */
    const char *tester;                        /* {tester} */
    const char *rand;                          /* {rand} */
    const char *mx_label;                      /* {mxlabel} */
    const char *mailbox;                       /* {mailbox} */
    const char *partner;                       /* {partner} */
    const char *account;                       /* {account} */
    const char *password;                      /* {password} */
};

enum expand_got {
    EXPAND_OK = 0,
    EXPAND_NEEDS = 1, /* a value is missing, *ret_missing says which */
};

/* The name between the braces: "u", "d.imcea". */
const char *expand_var_name(enum expand_var var);
/* What it is in words, for "skipped: needs ...": "a domain that the target is final for". */
const char *expand_var_words(enum expand_var var);

/*
 * Adds the filled form to *out. EXPAND_OK, EXPAND_NEEDS (nothing added), -EINVAL for a form that
 * expand_check refuses, -ENOMEM, -EMSGSIZE when it does not fit (nothing added then either).
 * ret_missing may be NULL.
 */
int expand_form(struct span form, const struct expand_values *v, struct buf *out,
                enum expand_var *ret_missing);

/*
 * Looks a form over without values: which variables it names, as bits (1u << enum expand_var). On a
 * fault returns false and says it in why.
 */
bool expand_check(struct span form, uint32_t *ret_vars, char *why, size_t why_size);

/* A form read piece by piece. */
struct expand_piece {
    bool is_var;
    char byte;           /* of a byte, escapes resolved */
    enum expand_var var; /* of a variable */
    unsigned pad;        /* N of {pad:N} */
};

/*
 * Takes the next piece off the front of *form, which must not be empty. NULL, or what is wrong with
 * it; *ret_name is then the text between the braces, if that was the fault.
 */
const char *expand_next(struct span *form, struct expand_piece *ret, struct span *ret_name);

#endif
