/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an interpreter of one MTA gets and gives. It reads files, opens a door for each listening
 * service, says what is trusted there, and tells findings of its own rules. What all MTAs share is
 * raised by audit/join.c from the doors: networks too wide, NAT, proxies, families, ports.
 *
 * An interpreter is one row of audit/kinds.c and one file (or family) mta_NAME*.c.
 *
 * Memory: texts and structs come from the audit's own arena and are never freed one by one. The
 * first failure sticks: adders then hand out a spare, so that nobody has to look after each call;
 * audit_failed() ends long loops.
 */
#ifndef POSTERN_AUDIT_INTERP_H
#define POSTERN_AUDIT_INTERP_H

#include "audit/audit.h"
#include "base/buf.h"
#include "relay/nets.h"

#include <stdarg.h>

/* How well a path suits an interpreter. */
enum audit_guess {
    AUDIT_GUESS_NO = 0,
    AUDIT_GUESS_MAYBE = 10, /* the text could be its own */
    AUDIT_GUESS_LIKELY = 50,
    AUDIT_GUESS_SURE = 100, /* a name or a text that nothing else has */
};

/* What a probe is asked about. */
struct audit_probe {
    const char *path;
    const char *name; /* behind the last slash */
    bool folder;      /* then look with audit_there() */
    struct span text; /* of a file: all of it */
};

/* Rule ids of the findings that audit/join.c raises for this MTA; NULL: that of the joint rule. */
struct audit_rules {
    const char *wide;  /* networks too wide */
    const char *nat;   /* J1 */
    const char *proxy; /* J3: PROXY or XCLIENT believed from strangers */
};

struct audit_kind {
    const char *name;    /* "postfix", for --kind */
    const char *title;   /* "Postfix" */
    const char *reads;   /* for --help: "main.cf and master.cf, or their folder" */
    const char *restart; /* the step that makes a change count */
    struct audit_rules rules;
    bool facts; /* tells facts of the host (ports, NAT), so runs before the others */
    enum audit_guess (*probe)(struct audit *a, const struct audit_probe *p);
    /*
     * Reads it. 0, also when findings say that all is undecided; AUDIT_BAD after audit_bad() when
     * nothing can be said at all: the file itself can't be read or is no such file.
     */
    int (*read)(struct audit *a, const struct audit_kind *kind, const char *path, bool folder);
};

/* --- memory and texts ----------------------------------------------------------------------- */

/* Zeroed, aligned for any type. Never NULL: the spare for up to 4096 bytes when memory is short. */
void *audit_alloc(struct audit *a, size_t n);
/* NUL-ended copies. */
const char *audit_dup(struct audit *a, struct span s);
const char *audit_fmt(struct audit *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* array_grow() of a heap array (the caller frees it) whose failure sticks; false then. */
bool audit_grow(struct audit *a, void *array, size_t *cap, size_t size, size_t want);
/* 0, -ENOMEM or -E2BIG: what has stuck. */
int audit_failed(const struct audit *a);
/* Sets the error of audit_error(), unless one is there: the audit ends with it. AUDIT_BAD. */
int audit_bad(struct audit *a, struct audit_place at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* --- files ---------------------------------------------------------------------------------- */

struct audit_source_file {
    const char *name; /* as it goes into places: the path that was read */
    struct span text;
};

/*
 * Reads a text file once; later calls get the same. `path` is as the configuration writes it,
 * absolute; audit_alias() says where it is looked for. AUDIT_FILE_OK or why not.
 */
enum audit_file audit_text(struct audit *a, const char *path, struct audit_source_file *ret);
/*
 * The same, and a finding "undecided" with rule `id` at `at` when it can't be had; `what` is what
 * can't be told then ("who may send as example.org"). True when it is there.
 */
bool audit_need(struct audit *a, const char *id, struct audit_place at, const char *path,
                const char *what, struct audit_source_file *ret);
/* A configuration of the same host that an interpreter came upon; once a kind and path. */
void audit_input_add(struct audit *a, const struct audit_kind *kind, const char *path, bool folder);
/* The paths given to one interpreter: for those that judge several files together. */
const char *const *audit_inputs(struct audit *a, const struct audit_kind *kind, size_t *ret_count);
/* Whether a file (not a folder) is there. */
bool audit_there(struct audit *a, const char *path);
/* The names in a folder; an enum audit_file. */
enum audit_file audit_folder(struct audit *a, const char *path, const char *const **ret_names,
                             size_t *ret_count);
/*
 * Names below `from` ("/etc/postfix") stand for names below `to` (where the user has the copy).
 * Unless `to` is a place of a running system (/etc, /usr, /opt, a spool, as given), or the provider
 * has a whole one (audit_whole()), the files are a copy: other absolute paths are then looked for
 * below `to` and, by their last part, in it, and never on this machine.
 */
void audit_alias(struct audit *a, const char *from, const char *to);
/* dir + "/" + name, or name when it is absolute. */
const char *audit_join_path(struct audit *a, const char *dir, const char *name);
const char *audit_dirname(struct audit *a, const char *path);

/* --- lines (audit/lines.c) ------------------------------------------------------------------ */

enum audit_lines_style {
    AUDIT_LINES_PLAIN,     /* physical lines */
    AUDIT_LINES_BLANK,     /* Postfix: a leading blank continues; comments and blanks between do not
                              end it; '#' comments are left out */
    AUDIT_LINES_BACKSLASH, /* "\" at the end continues; the next line's leading blanks are dropped;
                              '#' comments between are left out (Exim) */
    AUDIT_LINES_TAB,       /* sendmail.cf: a leading blank or tab continues, joined by newline;
                              '#' in column 1 is a comment */
};

struct audit_break {
    size_t at; /* offset in the joined text where a physical line begins */
    unsigned line;
};

/* One logical line; its physical lines are known for each byte. */
struct audit_line {
    struct span text;
    unsigned first, last; /* physical lines */
    const struct audit_break *breaks;
    size_t break_count; /* 0: one physical line */
};

struct audit_lines {
    struct audit *a;
    const char *file;
    enum audit_lines_style style;
    struct span text; /* what is left */
    unsigned line;    /* of the next physical line, from 1 */
};

void audit_lines_open(struct audit_lines *r, struct audit *a, enum audit_lines_style style,
                      const struct audit_source_file *file);
/*
 * The next logical line that is not blank; without CR LF. False at the end, and after audit_bad()
 * at a line over AUDIT_LINE_MAX.
 */
bool audit_lines_next(struct audit_lines *r, struct audit_line *ret);
/* The physical line of a byte in line->text. */
unsigned audit_line_of(const struct audit_line *line, const char *p);

/* The next word of *s: separators are any of `seps`; braces hold one together if `braces`. */
bool audit_word(struct span *s, const char *seps, bool braces, struct span *ret);

/* --- the host, as far as it is known -------------------------------------------------------- */

struct audit_interface {
    struct ip ip;
    unsigned len;
};

const struct audit_interface *audit_host_interfaces(const struct audit *a, size_t *ret_count);
/* Whether the operator says that the network is his own. */
bool audit_host_owns(const struct audit *a, struct ip_prefix net);

/* --- doors ---------------------------------------------------------------------------------- */

/* A new door: all zero but kind, restart, and what is given. Never NULL. */
struct audit_door *audit_door(struct audit *a, const struct audit_kind *kind, const char *service,
                              unsigned port, enum audit_bind bind, struct audit_place place);
/* The door at a place of audit_doors(), to be changed. */
struct audit_door *audit_door_edit(struct audit *a, size_t at);
/* A network for nets of a door. The returned row (never NULL) may get its edit and fix. */
struct audit_net *audit_net_add(struct audit *a, struct audit_nets *nets, struct ip_prefix net,
                                bool except, struct audit_place place, struct span text);
bool audit_nets_has(const struct audit_nets *nets, struct ip ip);
/* What of row i is not taken out by the rows before it. 0 or -ENOMEM. */
int audit_nets_left(const struct audit_nets *nets, size_t i, struct relay_nets *ret);
/* ANY for "" "*" "0.0.0.0" "::"; LOOPBACK for names and addresses of it; and so on. */
enum audit_bind audit_bind_of(struct span host, struct ip *ret_address);

/* --- who asks ------------------------------------------------------------------------------- */

/* Where a stranger wants to get. Never a domain that a configuration names. */
#define AUDIT_VICTIM        "victim@elsewhere.example"
#define AUDIT_VICTIM_LOCAL  "victim"
#define AUDIT_VICTIM_DOMAIN "elsewhere.example"
#define AUDIT_SPAMMER       "spammer@stranger.example"
/* A domain that the stranger made for it, whose MX record names this host. */
#define AUDIT_MX_DOMAIN     "a-domain-whose-mx-is-this-host.example"
#define AUDIT_SPAMMER_HELO  "client.stranger.example"

/*
 * Addresses to try a list with: strangers that no narrow network of `named` holds, and one in each
 * wide public network of it (RELAY_WIDE_V4, RELAY_WIDE_V6), of both families. 0 or -ENOMEM.
 */
int audit_strangers(const struct audit *a, const struct relay_nets *named, struct ip **ret,
                    size_t *ret_count);
/* One stranger of that family. */
struct ip audit_stranger(const struct relay_nets *named, enum ip_family family);
/* A witness with the given parts, the door's port, spammer's sender and HELO. */
struct audit_witness audit_witness(const struct audit_door *door, struct ip client,
                                   const char *mail, const char *rcpt);

/* Whether strangers get to this door at all: its binding and the ports known to be published. */
enum audit_answer audit_exposed(const struct audit *a, const struct audit_door *door);

/* --- findings ------------------------------------------------------------------------------- */

/*
 * A new finding, to be filled in. Never NULL. audit_finish() then supplies what is left empty:
 * kind and restart from the door, `prove` from the witness; lowers it to "latent" where the door is
 * out of strangers' reach; and joins those of one rule, line and severity at several doors.
 */
struct audit_finding *audit_find(struct audit *a, const char *id, enum audit_severity severity,
                                 struct audit_door *door, struct audit_place place);
/* Something that can't be told offline; the severity is the worst that it may hide. */
struct audit_finding *audit_undecided(struct audit *a, const char *id, enum audit_severity severity,
                                      struct audit_door *door, struct audit_place place);
/* Hygiene: shown on request, and no alarm. The kind is the door's, or may be set. */
struct audit_finding *audit_note(struct audit *a, const char *id, struct audit_door *door,
                                 struct audit_place place, const char *why, const char *fix);
/* Sets fix and edit at once: `text` in place of lines first to last of the file. */
void audit_fix_lines(struct audit *a, struct audit_finding *f, enum audit_edit_kind kind,
                     const char *file, unsigned first, unsigned last, const char *text);

/* --- the table (audit/kinds.c) -------------------------------------------------------------- */

extern const struct audit_kind audit_kind_compose;
extern const struct audit_kind audit_kind_courier;
extern const struct audit_kind audit_kind_docker;
extern const struct audit_kind audit_kind_dockerfile;
extern const struct audit_kind audit_kind_domino;
extern const struct audit_kind audit_kind_env;
extern const struct audit_kind audit_kind_exchange55;
extern const struct audit_kind audit_kind_exchange;
extern const struct audit_kind audit_kind_exim;
extern const struct audit_kind audit_kind_gwia;
extern const struct audit_kind audit_kind_haproxy;
extern const struct audit_kind audit_kind_haraka;
extern const struct audit_kind audit_kind_hmailserver;
extern const struct audit_kind audit_kind_james;
extern const struct audit_kind audit_kind_kubernetes;
extern const struct audit_kind audit_kind_maddy;
extern const struct audit_kind audit_kind_mercury;
extern const struct audit_kind audit_kind_nginx;
extern const struct audit_kind audit_kind_opensmtpd;
extern const struct audit_kind audit_kind_postfix;
extern const struct audit_kind audit_kind_qmail;
extern const struct audit_kind audit_kind_quadlet;
extern const struct audit_kind audit_kind_run;
extern const struct audit_kind audit_kind_sendmail;
extern const struct audit_kind audit_kind_stalwart;

#endif
