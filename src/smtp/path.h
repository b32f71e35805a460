/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Envelope addresses, RFC 5321 §4.1.2 with the UTF-8 of RFC 6531 §3.3.
 *
 *     Reverse-path   = Path / "<>"
 *     Path           = "<" [ A-d-l ":" ] Mailbox ">"
 *     A-d-l          = At-domain *( "," At-domain )
 *     Mailbox        = Local-part "@" ( Domain / address-literal )
 *     Local-part     = Dot-string / Quoted-string
 *
 * smtp_path_parse() is strict: it says exactly what the grammar says, and is what a gate decides
 * by. A token in an address that some relay has mangled is found without it, see probe/token.h.
 */
#ifndef POSTERN_SMTP_PATH_H
#define POSTERN_SMTP_PATH_H

#include "base/ip.h"
#include "smtp/limits.h"

enum smtp_path_got {
    SMTP_PATH_OK = 0,
    SMTP_PATH_NULL, /* <>: the reverse-path of bounces, RFC 5321 §4.5.5; nothing else is set */
    SMTP_PATH_POSTMASTER,  /* <postmaster> in any case, no domain, RFC 5321 §4.1.1.3 */
    SMTP_PATH_NO_DOMAIN,   /* a right local part, and no @ behind it */
    SMTP_PATH_SYNTAX,      /* not in the grammar; *ret_at tells where */
    SMTP_PATH_UTF8,        /* octets over 127 that are not UTF-8 of RFC 3629 */
    SMTP_PATH_LONG_LOCAL,  /* over SMTP_LOCAL_MAX octets as written */
    SMTP_PATH_LONG_DOMAIN, /* over SMTP_DOMAIN_MAX octets, or a label over 63 */
    SMTP_PATH_LONG,        /* over SMTP_PATH_MAX octets with its brackets */
};

/* The spans are borrowed from the text that was parsed. */
struct smtp_path {
    struct span text;               /* what stands between the brackets */
    struct span route;              /* "@a,@b" without its colon; empty when there is none */
    struct span raw;                /* the local part as written, with its quotes */
    struct span domain;             /* as written; an address literal with its brackets */
    char local[SMTP_LOCAL_MAX + 1]; /* the local part, quoting undone; it holds no NUL */
    size_t local_n;
    bool quoted;  /* the local part was a Quoted-string */
    bool literal; /* the domain is an address literal */
    bool utf8;    /* SMTPUTF8 is needed: octets over 127 in the local part or a domain */
    struct ip ip; /* of a literal; IP_NONE for a General-address-literal */
};

/* `text` is the whole path with its angle brackets, and nothing before or behind it. */
enum smtp_path_got smtp_path_parse(struct span text, struct smtp_path *ret, size_t *ret_at);
const char *smtp_path_got_name(enum smtp_path_got got);

/* A Domain of RFC 5321 §4.1.2 or RFC 6531 (no trailing dot), or an address literal in brackets. */
bool smtp_domain_ok(struct span s);
/*
 * "[192.0.2.1]", "[IPv6:2001:db8::1]", or a General-address-literal "[tag:content]", for which the
 * address is IP_NONE. RFC 5321 §4.1.3.
 */
bool smtp_literal_parse(struct span s, struct ip *ret);

/*
 * The length of the path at the front of a command's argument: up to and with the ">" that closes
 * it outside of quotes, or, where no bracket opens it, up to the first blank outside of quotes.
 * Where quotes never close it is read again without heed to them. The path ends within s in any
 * case.
 */
size_t smtp_path_length(struct span s);

/* Whether `name` is `domain` or a subdomain of it; a trailing dot on either is passed over. */
bool smtp_domain_under(struct span name, struct span domain);

#endif
