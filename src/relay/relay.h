/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * THE decision: may this client send from here to there? Gate, policy service and milter all ask
 * it here, and the auditor measures others by it.
 *
 * A recipient is taken for one of two reasons: its domain is ours, or the client has a right to
 * relay. A right comes from the listener's role and one of four facts, and from nothing else:
 *
 *                    login   certificate   network      login grant
 *     MX             yes     yes           mx-networks  mx-networks
 *     SUBMISSION     yes     yes           yes          yes
 *
 * On a submission listener no recipient at all is taken without a right (RFC 6409 §4.3). While the
 * client's address is in doubt, network and grant give nothing, and who had only them is deferred.
 * HELO, sender and DNS names are no facts: nothing here can see them grant. All else (access files,
 * lists, scores, answers of others) narrows: TAKE becomes DEFER or REFUSE, DEFER becomes REFUSE,
 * never the other way round.
 *
 * The decision is pure and total: the same input gives the same answer, every input gives one, and
 * what no rule takes is refused. It allocates nothing, but for what the A-label function may do.
 */
#ifndef POSTERN_RELAY_RELAY_H
#define POSTERN_RELAY_RELAY_H

#include "base/ip.h"
#include "smtp/limits.h"

enum relay_role {
    RELAY_ROLE_MX,         /* port 25: mail for us from anyone */
    RELAY_ROLE_SUBMISSION, /* ports 587 and 465: mail of our users to anyone */
};

enum relay_right {
    RELAY_RIGHT_NONE,
    RELAY_RIGHT_LOGIN,
    RELAY_RIGHT_CERT,
    RELAY_RIGHT_NETWORK,
    RELAY_RIGHT_GRANT, /* a live POP or IMAP session from the same address */
};

/* Look-ups that failed. What they might have said is never guessed: the answer is DEFER. */
enum relay_lookup {
    RELAY_LOOKUP_RIGHT = 1 << 0,  /* login or certificate: a right may be there */
    RELAY_LOOKUP_GRANT = 1 << 1,  /* login grants: as above, where grants count */
    RELAY_LOOKUP_DOMAIN = 1 << 2, /* own domains: the recipient may be ours */
    RELAY_LOOKUP_NARROW = 1 << 3, /* something that narrows: it may say no */
};

/* What is known for sure about who speaks. Zeroed: a stranger on the MX listener. */
struct relay_client {
    struct ip ip;      /* of the peer, or of a PROXY header from a listed proxy; IP_NONE: unknown */
    bool ip_doubtful;  /* the lost-address guard has suspended rights by address */
    struct span login; /* as authenticated in this session; empty: none */
    struct span cert;  /* SHA-256 of the key (SPKI) that the client proved, in hex; empty: none */
    bool cert_ca;      /* that certificate leads to the authority of relay_policy_trust_ca() */
    bool granted;      /* a live login grant is there for `ip` */
    enum relay_role role;
    unsigned failed; /* bits of enum relay_lookup */
};

/* The envelope's sender. */
struct relay_mail {
    struct span path; /* as in the command, with its angle brackets; "<>" is the null sender */
    bool smtputf8;    /* MAIL had the SMTPUTF8 parameter (RFC 6531 §3.4) */
};

enum relay_answer {
    RELAY_REFUSE = 0, /* 5xx; so is a zeroed decision */
    RELAY_DEFER,      /* 4xx */
    RELAY_TAKE,       /* 250, as far as this decision goes */
};

/* Why. The names are in logs, metrics and explain: never rename one. */
enum relay_reason {
    RELAY_WHY_DENIED = 0, /* not our domain, and the client has no right */
    /* taken */
    RELAY_WHY_OWN_DOMAIN,
    RELAY_WHY_POSTMASTER, /* <postmaster> without domain, RFC 5321 §4.1.1.3 */
    RELAY_WHY_LOGIN,
    RELAY_WHY_CERT,
    RELAY_WHY_NETWORK,
    RELAY_WHY_GRANT,
    RELAY_WHY_SENDER, /* of relay_decide_mail(): nothing is wrong with the sender */
    /* the address */
    RELAY_WHY_SENDER_SYNTAX,
    RELAY_WHY_SENDER_ROUTE,   /* bears a route, or what some mail system reads as one */
    RELAY_WHY_SENDER_UTF8,    /* octets over 127 without SMTPUTF8, or no domain by IDNA */
    RELAY_WHY_SENDER_LITERAL, /* an address literal that is not ours */
    RELAY_WHY_SYNTAX,
    RELAY_WHY_ROUTE,
    RELAY_WHY_UTF8,
    RELAY_WHY_LITERAL,
    /* the client */
    RELAY_WHY_LOGIN_NEEDED, /* submission without a right */
    RELAY_WHY_DOUBTFUL,     /* its only right is its address, and that is in doubt */
    RELAY_WHY_LOOKUP,       /* a look-up failed */
    /* narrowed by a file */
    RELAY_WHY_CLIENT_ACCESS,
    RELAY_WHY_SENDER_ACCESS,
    RELAY_WHY_RCPT_ACCESS,
    /* narrowed by others, through relay_narrow() */
    RELAY_WHY_LISTED,   /* DNSBL score */
    RELAY_WHY_TRAP,     /* spamtrap recipient, or a client on the timed list */
    RELAY_WHY_BRAKE,    /* a login sends too much or from too many places */
    RELAY_WHY_GUARD,    /* session and rate limits */
    RELAY_WHY_HOPS,     /* too many Received fields */
    RELAY_WHY_POLICY,   /* a policy server or milter */
    RELAY_WHY_BACKEND,  /* no backend for this recipient now, or another one is pinned */
    RELAY_WHY_IDENTITY, /* the backend can't be told who the client is */
    RELAY_WHYS,         /* how many there are */
};

/* Where a rule stands. Lives as long as the policy. */
struct relay_place {
    const char *file; /* NULL: no rule of a file decided, but a rule of this code */
    unsigned line;
};

enum {
    /* "<" local "@" domain ">" and NUL; the domain as A-labels, RFC 1035 §2.3.4. */
    RELAY_PATH_SIZE = SMTP_LOCAL_MAX + SMTP_DOMAIN_MAX + 4,
    RELAY_ENHANCED_SIZE = 12, /* "5.7.1" of RFC 3463, up to "5.999.999" */
    RELAY_TEXT_SIZE = 300,
};

struct relay_decision {
    enum relay_answer answer;
    enum relay_reason reason;
    enum relay_right right;         /* what the client has, whether it was needed or not */
    struct relay_place place;       /* of the entry that decided */
    struct relay_place right_place; /* of the entry that gave the right, where an entry does */
    unsigned code;                  /* 250, 4xx or 5xx */
    char enhanced[RELAY_ENHANCED_SIZE];
    char text[RELAY_TEXT_SIZE]; /* of the reply, behind code and enhanced code; printable ASCII */
    /*
     * What goes on to the backend, and nothing else does: canonical paths with their brackets.
     * Empty where there is none. The domain is lower-case A-labels, the local part quoted only
     * where it must be.
     */
    char mail[RELAY_PATH_SIZE], rcpt[RELAY_PATH_SIZE];
    bool utf8; /* one of them has octets over 127: the backend must know SMTPUTF8 */
    bool own;  /* the recipient's domain is ours; of a taken one: deliver, do not send out */
};

struct relay_policy; /* relay/policy.h */

/*
 * At MAIL: is the sender one that we can pass on? Rights are not looked at: they are a recipient's
 * matter. A null sender is always fine (RFC 2505 §2.6.1). ret->rcpt stays empty.
 */
void relay_decide_mail(const struct relay_policy *policy, const struct relay_client *client,
                       const struct relay_mail *mail, struct relay_decision *ret);
/* At RCPT: the whole decision; what relay_decide_mail() refuses is refused here again. */
void relay_decide(const struct relay_policy *policy, const struct relay_client *client,
                  const struct relay_mail *mail, struct span rcpt, struct relay_decision *ret);

/*
 * What others have to say about a decision. Does nothing unless `answer` is stricter than what
 * stands there. `code` 0 and NULL texts stand for defaults; a code or enhanced code whose class
 * does not suit the answer is replaced, unprintable bytes of the text are, too.
 */
void relay_narrow(struct relay_decision *d, enum relay_answer answer, enum relay_reason reason,
                  unsigned code, const char *enhanced, const char *text);

const char *relay_role_name(enum relay_role role);        /* "mx" */
const char *relay_right_name(enum relay_right right);     /* "network" */
const char *relay_answer_name(enum relay_answer answer);  /* "take" */
const char *relay_reason_name(enum relay_reason reason);  /* "denied" */
const char *relay_reason_words(enum relay_reason reason); /* a sentence for people */

#endif
