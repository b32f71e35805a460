/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The auditor: reads the configuration of a mail server as the server itself would, and says what
 * lets strangers relay, with the envelope that would pass, the line, and the line that closes it.
 *
 *     a = audit_new(&files);
 *     audit_host_name(a, "mx.example.org");           facts that no file tells
 *     r = audit_path(a, NULL, "/etc/postfix");        as many as belong to this host
 *     r = audit_finish(a);                            reads them, joins what they say
 *     audit_findings(a, &count); audit_verdict(a, &verdict);
 *     audit_free(&a);
 *
 * Pure: every byte comes through the file provider. An audit is one host; several make a system.
 * All texts are owned by the audit and live until audit_free(). They may hold strangers' bytes from
 * the files: whoever prints them escapes them (the renderers of audit/out.h do).
 *
 * Functions return 0; AUDIT_BAD, and then audit_error() has file, line, reason and remedy; -ENOMEM.
 */
#ifndef POSTERN_AUDIT_AUDIT_H
#define POSTERN_AUDIT_AUDIT_H

#include "audit/limits.h"
#include "base/ip.h"

#include <stdint.h>

enum { AUDIT_BAD = 1 };

struct audit;
struct audit_kind; /* audit/interp.h: an interpreter of one product */

/* --- files ---------------------------------------------------------------------------------- */

enum audit_file {
    AUDIT_FILE_OK = 0,
    AUDIT_FILE_MISSING,
    AUDIT_FILE_DENIED,
    AUDIT_FILE_LARGE,  /* over AUDIT_FILE_MAX */
    AUDIT_FILE_FOLDER, /* a folder, where a file was wanted */
    AUDIT_FILE_ODD,    /* no regular file: a device, a socket, a pipe */
    AUDIT_FILE_FAILED, /* the system could not read it */
    AUDIT_FILE_BINARY, /* only of audit_text(): NUL bytes, so no text */
    AUDIT_FILE_LIMIT, /* only of audit_text(): one of AUDIT_FILES_MAX and AUDIT_TOTAL_MAX reached */
};

const char *audit_file_name(enum audit_file got); /* "is missing", "may not be read", … */

/* Called for each name in a folder; a negative errno ends the listing and is returned. */
typedef int (*audit_name_fn)(void *cookie, const char *name);

/* Where bytes come from. Both return an enum audit_file or a negative errno. */
struct audit_files {
    void *ctx;
    /* The bytes stay valid until the audit is freed. */
    int (*read)(void *ctx, const char *path, struct span *ret);
    /* Names in a folder, without "." and "..", in the order of their bytes. */
    int (*list)(void *ctx, const char *path, audit_name_fn each, void *cookie);
};

/* Files in memory, for tests and for text that was never a file. `name` is the whole path. */
struct audit_memory_file {
    const char *name;
    const char *text;
    size_t n; /* 0: strlen(text) */
};

struct audit_memory {
    const struct audit_memory_file *v;
    size_t count;
};

/* A path is a folder when some file lies in it. `memory` is borrowed. */
struct audit_files audit_files_memory(const struct audit_memory *memory);

/*
 * The provider has one whole system, an image or a backup, and nothing of this machine: what a
 * configuration names is where it says, wherever the configuration lies.
 */
void audit_whole(struct audit *a);

/* --- places and edits ----------------------------------------------------------------------- */

struct audit_place {
    const char *file; /* as read; NULL: no file says it (a default, the command line) */
    unsigned line;    /* from 1; 0: the whole file */
};

enum audit_edit_kind {
    AUDIT_EDIT_NONE,
    AUDIT_EDIT_REPLACE, /* lines first to last by `text` */
    AUDIT_EDIT_INSERT,  /* `text` behind line `first`; 0: before the first line */
    AUDIT_EDIT_DELETE,  /* lines first to last */
};

/* A change of one file, in whole physical lines. `text` has no closing newline. */
struct audit_edit {
    enum audit_edit_kind kind;
    const char *file;
    unsigned first, last;
    const char *text;
};

/* --- facts of the host ---------------------------------------------------------------------- */

enum audit_answer { AUDIT_UNKNOWN = 0, AUDIT_NO, AUDIT_YES };

/* The host's full name: Sendmail's $m and Postfix's $mydomain come from it. */
void audit_host_name(struct audit *a, const char *name);
const char *audit_host_get_name(const struct audit *a); /* NULL: not known */
/* An address of an interface with the length of its network. */
void audit_host_address(struct audit *a, struct ip ip, unsigned len);
/*
 * Clients from the Internet can come with these source addresses: a bridge's gateway, a balancer
 * with source NAT, a node's address, the inside of a firewall. `what` is for people ("the gateway
 * of network mail"). Not certain: it depends on something that is not known.
 */
void audit_host_nat(struct audit *a, struct ip_prefix net, bool certain, const char *what,
                    struct audit_place place);
/* The operator says that no NAT hides clients: NAT findings are ruled out. */
void audit_host_no_nat(struct audit *a);
/*
 * A port that strangers reach; once one is named, all others are out of their reach. Port 0: with a
 * family, all ports are reached; without one, none is but those that other calls name.
 */
void audit_host_publish(struct audit *a, unsigned port, bool v4, bool v6);
/* All sources of NAT are told: what is only possible elsewhere is ruled out here. */
void audit_host_nat_told(struct audit *a);
/* A proxy on this host leads strangers to this port, although it is bound to loopback. */
void audit_host_forward(struct audit *a, unsigned port);
/* Public networks that are the operator's own: they may be trusted, however wide. */
void audit_host_own(struct audit *a, struct ip_prefix net);
/* The version of the MTA, "3.7.11"; NULL: what the interpreter takes for granted. */
void audit_host_version(struct audit *a, const char *version);
const char *audit_host_get_version(const struct audit *a);

/* --- what comes out ------------------------------------------------------------------------- */

/* In the order of badness. Names: note, latent, half-open, nat, forged-sender, open. */
enum audit_severity {
    AUDIT_NOTE,      /* hygiene; shown only when asked for, counts for nothing */
    AUDIT_LATENT,    /* one more change opens it */
    AUDIT_HALF_OPEN, /* takes what it can't deliver: backscatter, or a next host is abused */
    AUDIT_NAT,       /* open to whoever a NAT, proxy or balancer lends a trusted address */
    AUDIT_FORGED,    /* open to who claims a sender, HELO or reverse name; all are his to choose */
    AUDIT_OPEN,      /* stranger to anywhere */
    AUDIT_SEVERITIES,
};

const char *audit_severity_name(enum audit_severity s);

/* The session that would pass. Texts are NULL where they do not matter. */
struct audit_witness {
    struct ip client; /* IP_NONE: no witness */
    const char *ptr;  /* the name that the client's address must have */
    const char *helo;
    const char *login; /* as whom, in words: "any account", "anonymous" */
    const char *tls;   /* "tls", or which client certificate, in words */
    const char *proxy; /* "PROXY TCP4 127.0.0.1 …" or "XCLIENT ADDR=127.0.0.1", sent first */
    unsigned port;
    const char *mail;    /* "" is the null sender; no angle brackets */
    const char *rcpt[2]; /* the second is the foreign one where the first must come before */
};

enum audit_unless {
    AUDIT_UNLESS_OPEN,  /* not known: the finding may be a false alarm if it holds */
    AUDIT_UNLESS_RULED, /* looked at, and it does not hold */
};

struct audit_finding {
    const char *id; /* "PF05", a rule of the man page; static */
    enum audit_severity severity;
    bool undecided; /* can't be told offline; `severity` is then the worst that it could be */
    bool certain;   /* of AUDIT_NAT: such a source is known to be there */
    const struct audit_kind *kind; /* NULL: of a join */
    const struct audit_door *door; /* NULL: of no single one */
    struct audit_place place;
    const char *why;
    const char *unless; /* the condition of a false alarm; NULL: there is none */
    enum audit_unless unless_state;
    struct audit_witness witness;
    const char *fix; /* lines to paste, or what to do */
    struct audit_edit edit;
    const char *restart; /* "postfix reload" */
    const char *prove;   /* arguments of postern test */
    const char *ports;   /* "25, 587": all the doors that it is true for */
};

const char *audit_severity_of(const struct audit_finding *f); /* its name, or "undecided" */

enum audit_bind {
    AUDIT_BIND_ANY,      /* all addresses, or not known */
    AUDIT_BIND_LOOPBACK, /* this host only */
    AUDIT_BIND_LOCAL,    /* a socket in the file system, standard input */
    AUDIT_BIND_PRIVATE,  /* an address of private space */
    AUDIT_BIND_PUBLIC,   /* one public address */
};

struct audit_net {
    struct ip_prefix net;
    bool except;              /* "!net": takes it out of what stands behind it */
    struct audit_place place; /* of the word that names it */
    const char *text;         /* the word */
    const char *mail;         /* trusted only with this sender; NULL: with any */
    struct audit_edit edit;   /* what takes or narrows it; kind NONE: only told */
    const char *fix;          /* the line to paste */
    size_t except_before;     /* the nearest exception before it, counted from 1; 0: none */
};

/* The first that matches counts; where the MTA has another order, its interpreter sorts them so. */
struct audit_nets {
    struct audit_net *v;
    size_t count, cap;
    size_t last_except; /* kept by audit_net_add() */
};

/* Forms of a recipient that a later host may read as another address. */
enum audit_form {
    AUDIT_FORM_PERCENT = 1 << 0, /* victim%elsewhere.example@ours */
    AUDIT_FORM_BANG = 1 << 1,    /* elsewhere.example!victim */
    AUDIT_FORM_ROUTE = 1 << 2,   /* @ours:victim@elsewhere.example */
    AUDIT_FORM_DOUBLE = 1 << 3,  /* victim@elsewhere.example@ours */
    AUDIT_FORM_QUOTED = 1 << 4,  /* "victim@elsewhere.example"@ours */
};

enum audit_key {
    AUDIT_KEY_SENDER = 1 << 0, /* rights by MAIL FROM */
    AUDIT_KEY_HELO = 1 << 1,
    AUDIT_KEY_PTR = 1 << 2,
    AUDIT_KEY_CERT = 1 << 3,
};

/* One listening service. */
struct audit_door {
    const struct audit_kind *kind;
    const char *service; /* as its configuration calls it */
    struct audit_place place;
    unsigned port; /* 0: not known */
    enum audit_bind bind;
    struct ip address;          /* that it is bound to, or IP_NONE */
    bool v4, v6;                /* families it listens on; both false: not known */
    struct audit_nets trusted;  /* may send anywhere because of their address */
    struct audit_nets proxies;  /* believed when they name another client address */
    const char *proxy_how;      /* "PROXY", "XCLIENT": a proxy line for the witness */
    enum audit_answer stranger; /* a client of whom nothing is known reaches any recipient */
    bool silent;                /* no mail from strangers at all: a login or a net is needed */
    bool internal;              /* for programs of this host: no finding while on loopback */
    unsigned keys;              /* enum audit_key: what else gives a right to relay */
    bool login;                 /* a login gives a right */
    unsigned passes;            /* enum audit_form: taken from strangers, passed on unread */
    unsigned unpacks;           /* enum audit_form: routed on by what is inside, for the trusted */
    const char *smarthost;      /* where foreign mail goes; NULL: by MX */
    struct audit_place smarthost_place;
    const char *passes_to; /* host that gets mail for our domains; NULL: delivered here */
    const char *restart;
};

struct audit_verdict {
    enum audit_severity severity;        /* the worst; AUDIT_NOTE: nothing that counts */
    bool undecided;                      /* something could not be told, and could be worse */
    const struct audit_finding *finding; /* the worst, or NULL */
    int exit;                            /* 0 clean, 1 weaker, 2 relays, 3 undecided (design D1) */
};

/* "open" … "latent", "clean", or "undecided". */
const char *audit_verdict_name(const struct audit_verdict *v);

/* --- the run -------------------------------------------------------------------------------- */

struct audit *audit_new(const struct audit_files *files); /* NULL: out of memory */
void audit_free(struct audit **a);

/*
 * Adds a file or folder. `kind` is a name of audit_kinds(), or NULL to find it out from the path
 * and the text: of a file the likeliest, of a folder all that are sure.
 */
int audit_path(struct audit *a, const char *kind, const char *path);
/* Runs the interpreters, joins, orders the findings by badness. Once. */
int audit_finish(struct audit *a);
/* After AUDIT_BAD: "file:line: reason; remedy". */
const char *audit_error(const struct audit *a);

const struct audit_finding *const *audit_findings(const struct audit *a, size_t *ret_count);
const struct audit_door *const *audit_doors(const struct audit *a, size_t *ret_count);
void audit_verdict(const struct audit *a, struct audit_verdict *ret);
/* Names of all interpreters, NULL-ended. */
const char *const *audit_kinds(void);
const char *audit_kind_name(const struct audit_kind *kind);  /* "postfix" */
const char *audit_kind_title(const struct audit_kind *kind); /* "Postfix" */

/* Paths that belong to the audit: for the patch. AUDIT_FILE_MISSING when it was not read. */
enum audit_file audit_read_before(const struct audit *a, const char *file, struct span *ret);

#endif
