/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What Postern remembers: runs, their targets, every probe that a token may come back for,
 * transcripts, proofs of arrival, who may be tested and who may not. One file, <state>/postern.db,
 * shared by any number of processes: a tester writes results while a sink writes proofs.
 *
 * Results of the functions, unless said otherwise: 0 (STORE_OK), a positive enum store_outcome that
 * the caller handles, or a negative errno that is fatal for what was asked; store_error() then says
 * which file, what is wrong and what helps. -ENOSPC is a full disk, -EBUSY another process that
 * held the write lock for STORE_BUSY_MS, -EUCLEAN a file found damaged while in use, -EROFS a write
 * through a store opened with STORE_READ, -EMSGSIZE a value past its limit.
 *
 * A call outside store_begin() and store_commit() is a transaction of its own, on disk when it
 * returns (also after a loss of power).
 *
 * Records are filled with spans. Spans given to the store are borrowed for the call. Spans of a
 * record that the store returns belong to the store and hold until the next call on it; those of a
 * record given to a callback hold until the callback returns. Envelope forms, replies and messages
 * may hold any byte; names, ids, JSON and reasons are text. A SPAN_NULL is kept as "not known" and
 * comes back as an empty span.
 *
 * A callback returns 0 to go on, anything else to end the iteration, which then returns that value.
 * Inside a callback the store may be read by other functions, never written and never closed.
 *
 * Times named _wall are seconds since 1970, _wall_ms milliseconds; 0 is "not yet".
 */
#ifndef POSTERN_STORE_STORE_H
#define POSTERN_STORE_STORE_H

#include "base/buf.h"
#include "base/ip.h"

#include <stdint.h>

enum {
    STORE_DIGEST = 5,                   /* bytes of the target digest in a token */
    STORE_NAME_MAX = 1024,              /* a target as it was given, a pattern, a label, a HELO */
    STORE_TEXT_MAX = 4096,              /* an envelope form, a reply text, a reason */
    STORE_COMMAND_MAX = 64 * 1024,      /* a run's command line, and its options */
    STORE_RESULT_MAX = 8 * 1024 * 1024, /* the JSON lines of one target */
    STORE_TRANSCRIPT_MAX = 256 * 1024,  /* of one session; what is longer is cut, and says so */
    STORE_RAW_MAX = 256 * 1024,         /* of one message; what is longer is cut, and says so */
    STORE_CHAIN_MAX = 64 * 1024,        /* the JSON of a Received chain */
    STORE_BUSY_MS = 10000,              /* patience with another writer */
};

enum store_outcome {
    STORE_OK = 0,
    STORE_NONE,   /* no such row, or no row left */
    STORE_EXISTS, /* the row is there already; nothing was changed */
    STORE_SOON,   /* store_tested_claim: tested too short a time ago */
    STORE_MANY,   /* store_run_find: the prefix names more than one run */
    /* Of store_open alone. The file, if there is one, has not been touched by a byte. */
    STORE_MISSING, /* no file, and STORE_CREATE was not given */
    STORE_FOREIGN, /* not an SQLite file, or the SQLite file of another program */
    STORE_DAMAGED, /* cut short, or not readable as what it says it is */
    STORE_NEWER,   /* written by a newer Postern */
    STORE_OLDER,   /* of an older Postern, to be migrated, but opened with STORE_READ */
};

const char *store_outcome_name(enum store_outcome outcome);

struct store;

enum store_flag {
    STORE_CREATE = 1 << 0, /* make the file when there is none */
    STORE_READ = 1 << 1,   /* never write: works on read-only file systems too */
    STORE_CHECK = 1 << 2,  /* read every page first; otherwise only small files are read whole */
};

/*
 * *ret is set whatever the result, for store_error(), unless memory for it was lacking (NULL then);
 * close it always. A store whose opening failed can do nothing else. A file of an older schema is
 * migrated, each step whole or not at all, unless STORE_READ.
 */
int store_open(const char *path, unsigned flags, struct store **ret);
/* A batch that was not committed is undone. NULL is fine. */
void store_close(struct store *store);
/* The last failure as one line for people: file, fault, remedy. "" when there was none. */
const char *store_error(const struct store *store);
/* Bytes that the store's file would take now, for a sink that keeps a bound. */
int store_bytes(struct store *store, uint64_t *ret);

/*
 * A batch: many writes, one commit, for speed. Each single call is whole or not there; the batch is
 * not: when another process waits to write, what there is so far is committed before the next
 * write, and that process gets its turn. A process that waits is served at the next write or
 * commit, so commit within half a second or so. Batches do not nest. When the disk is full or
 * failing, all since the last commit is undone; store_commit() then fails, with -ECANCELED if it
 * was an earlier call that told why.
 */
int store_begin(struct store *store);
int store_commit(struct store *store);
void store_rollback(struct store *store);
bool store_in_batch(const struct store *store);

/* ---- runs ---- */

enum store_run_state {
    STORE_RUN_RUNNING, /* or killed: see store_run_resume */
    STORE_RUN_WAITING, /* every target was tried; deferred probes or an open window remain */
    STORE_RUN_DONE,
};

const char *store_run_state_name(enum store_run_state state);

struct store_run {
    uint32_t id; /* random, shown as eight hexadecimal digits */
    int64_t started_wall, ended_wall;
    enum store_run_state state;
    struct span command; /* the command line, for people */
    struct span probe_domain;
    struct span options; /* JSON object, the tester's own */
    struct span tester;  /* the name under which the tester speaks */
    /* Filled by the reading functions only. */
    uint64_t targets;
    uint64_t open, accepts, closed, blocked, inconclusive, unreachable; /* finished targets */
    uint64_t proofs;                                                    /* arrivals */
};

typedef int store_run_fn(void *ctx, const struct store_run *run);

/* The caller makes the id by chance; STORE_EXISTS asks for another. */
int store_run_add(struct store *store, const struct store_run *run);
int store_run_set_state(struct store *store, uint32_t run, enum store_run_state state,
                        int64_t ended_wall);
int store_run_get(struct store *store, uint32_t run, struct store_run *ret);
/*
 * "last", or the first digits of an id. STORE_NONE, or STORE_MANY when several runs begin so.
 * "last" is the run that was started last.
 */
int store_run_find(struct store *store, struct span name, uint32_t *ret);
/* Newest first; limit 0 is all. */
int store_runs_each(struct store *store, uint64_t limit, store_run_fn *fn, void *ctx);
/*
 * Before a run goes on: targets that were left running (by a kill) or waiting (with deferred probes
 * or an open window) become pending again, so that the pending ones are exactly those that are not
 * done. Their probes, verdicts and results stay until they are replaced: a target that waited goes
 * on from its probes. The caller makes sure that nobody else works on the run (state_lock_run).
 * *ret_pending counts the pending.
 */
int store_run_resume(struct store *store, uint32_t run, uint64_t *ret_pending);

/* ---- targets ---- */

enum store_target_state {
    STORE_TARGET_PENDING,
    STORE_TARGET_RUNNING,
    STORE_TARGET_WAITING, /* tried; deferred probes or an open window remain */
    STORE_TARGET_DONE,
};

const char *store_target_state_name(enum store_target_state state);

struct store_target {
    int64_t id; /* set by the store */
    uint32_t run;
    uint64_t ordinal; /* from 0, the order in which they were given */
    struct span name; /* as given */
    enum store_target_state state;
    struct span verdict; /* name of D1: "open", "closed", … ; empty until known */
    int exit_class;      /* 0 to 3, the exit code of D1; -1 until known */
    int64_t started_wall, ended_wall;
    int64_t window_wall; /* until when proofs are waited for; 0 when none are */
};

typedef int store_target_fn(void *ctx, const struct store_target *target);

/* All or none, in one transaction; ordinals go on from the run's last. */
int store_targets_add(struct store *store, uint32_t run, const struct span *names, size_t count);
/* Takes the next pending target of a run and marks it running; STORE_NONE when none is left. */
int store_target_next_pending(struct store *store, uint32_t run, int64_t now_wall,
                              struct store_target *ret);
/*
 * Verdict, exit class, state, window and end of target->id at once, with its result: the JSON lines
 * (probe objects, then the verdict object) that replace earlier ones. A null span keeps them.
 */
int store_target_finish(struct store *store, const struct store_target *target, struct span result);
int store_target_get(struct store *store, int64_t id, struct store_target *ret);
/* The first target of a run with that name, without case. */
int store_target_find(struct store *store, uint32_t run, struct span name,
                      struct store_target *ret);
/* In their order. states is a set of 1 << STORE_TARGET_…; 0 is all. */
int store_targets_each(struct store *store, uint32_t run, unsigned states, store_target_fn *fn,
                       void *ctx);
/* The JSON lines of a target, added to *ret (whose limit should be STORE_RESULT_MAX). */
int store_target_result(struct store *store, int64_t target, struct buf *ret);

/* ---- probes ---- */

enum store_probe_state {
    STORE_PROBE_PLANNED,
    STORE_PROBE_DEFERRED, /* put off by the server: to be asked again at retry_wall */
    STORE_PROBE_REFUSED,
    STORE_PROBE_ACCEPTED,  /* the body was taken; arrival is waited for */
    STORE_PROBE_PROVED,    /* its token came back */
    STORE_PROBE_UNDECIDED, /* no answer that says anything, and no further try */
};

const char *store_probe_state_name(enum store_probe_state state);

/* What a token says. The digest names the target's address, see probe/token.h. */
struct store_token {
    uint32_t run;
    uint8_t target[STORE_DIGEST];
    uint32_t serial;
    uint32_t day;  /* days since 1970 */
    uint32_t kind; /* the token module's own number */
};

struct store_probe {
    int64_t target;               /* struct store_target.id */
    uint32_t serial;              /* names the probe within its target, and in its token */
    uint8_t digest[STORE_DIGEST]; /* of the address, as in the token */
    uint32_t day;                 /* as in the token: a retry repeats the very same recipient */
    struct span probe;            /* id in the catalogue */
    struct ip address;
    uint16_t port;
    struct span tls;              /* "none", "starttls", "implicit" */
    struct span mail, rcpt, helo; /* exactly as sent, angle brackets included */
    enum store_probe_state state;
    struct span meaning;  /* the reply's meaning by name */
    int code;             /* 0 without a reply */
    struct span enhanced; /* "5.7.1" */
    struct span text;     /* of the reply */
    unsigned attempts;
    int64_t retry_wall;   /* when to ask again */
    int64_t sent_wall_ms; /* of the last attempt */
};

typedef int store_probe_fn(void *ctx, const struct store_probe *probe);

/*
 * Adds the probes, or replaces those with the same (target, serial): all or none. One call for each
 * target keeps bulk runs fast.
 */
int store_probes_put(struct store *store, const struct store_probe *probes, size_t count);
int store_probes_each(struct store *store, int64_t target, store_probe_fn *fn, void *ctx);
/*
 * The probes that a token may mean: run, digest and serial must fit. More than one call only when a
 * run names one address under several names. STORE_NONE when there is none.
 */
int store_probes_of_token(struct store *store, const struct store_token *token, store_probe_fn *fn,
                          void *ctx);
/* The deferred probes of a run whose time has come, by target and time. */
int store_deferred_due(struct store *store, uint32_t run, int64_t now_wall, store_probe_fn *fn,
                       void *ctx);
/* When the next deferred probe of a run is due; STORE_NONE when there is none. */
int store_deferred_next(struct store *store, uint32_t run, int64_t *ret_wall);

/* ---- transcripts ---- */

struct store_transcript {
    int64_t id; /* set by the store */
    int64_t target;
    int64_t started_wall_ms;
    struct span label; /* address, port, TLS: for people */
    struct span text;  /* escaped lines as escape_text() writes them */
    bool cut;          /* set by the store when the text was over the limit */
};

typedef int store_transcript_fn(void *ctx, const struct store_transcript *transcript);

int store_transcript_add(struct store *store, const struct store_transcript *transcript);
int store_transcripts_each(struct store *store, int64_t target, store_transcript_fn *fn, void *ctx);

/* ---- proofs ---- */

enum store_source {
    STORE_SOURCE_SINK,
    STORE_SOURCE_EMBEDDED, /* the sink inside a tester */
    STORE_SOURCE_MAILDIR,
    STORE_SOURCE_IMAP,
    STORE_SOURCE_MESSAGE, /* postern prove < message */
};

enum store_what {
    STORE_WHAT_ARRIVAL,
    STORE_WHAT_BOUNCE,
    STORE_WHAT_AUTOREPLY,
    STORE_WHAT_DELAY,   /* a delay notice: it may still be delivered, or come back */
    STORE_WHAT_RECEIPT, /* somebody says that it was delivered, or read */
};

enum store_scope {
    STORE_SCOPE_RECIPIENT,   /* the token was in this copy's own recipient */
    STORE_SCOPE_TRANSACTION, /* the token was found in the message only */
};

const char *store_source_name(enum store_source source);
const char *store_what_name(enum store_what what);
const char *store_scope_name(enum store_scope scope);

struct store_proof {
    int64_t id; /* set by the store; grows with the order of arrival */
    struct store_token token;
    int64_t received_wall_ms;
    enum store_source source;
    struct ip peer; /* who connected; IP_NONE where a mailbox did not tell */
    struct span helo;
    struct span tls;        /* version and cipher, empty without */
    struct span mail, rcpt; /* as received, brackets stripped or not as the source has them */
    enum store_what what;
    enum store_scope scope;
    struct span chain;    /* JSON array of the hops, as "hops" of report/report.h */
    struct span raw;      /* the message; empty in what the reading functions fill */
    uint64_t size;        /* its full size; 0 is raw.n */
    bool cut;             /* set by the store: raw holds only the first STORE_RAW_MAX bytes */
    uint64_t seen;        /* set by the store: how often this very proof came, from 1 */
    int64_t last_wall_ms; /* set by the store: when it came last */
};

typedef int store_proof_fn(void *ctx, const struct store_proof *proof);

/*
 * On disk when it returns: an open batch is committed with it and a new one begun. The run need not
 * be known to this store. The same token, peer, kind of arrival and message again is counted in the
 * first row and gives STORE_EXISTS; *ret_id (may be NULL) is that row's id either way.
 */
int store_proof_add(struct store *store, const struct store_proof *proof, int64_t *ret_id);

struct store_added {
    int64_t id;
    bool again; /* this very proof was there before */
};

/*
 * The proofs of one message, all in one commit: when it returns 0, all are on disk and ret[i] tells
 * of each; a negative errno, and none of them is there.
 */
int store_proofs_add(struct store *store, const struct store_proof *proofs, size_t count,
                     struct store_added *ret);
/* Proofs with an id above `after`, oldest first: for a tester that polls. run NULL is all runs. */
int store_proofs_since(struct store *store, const uint32_t *run, int64_t after, store_proof_fn *fn,
                       void *ctx);
int store_proof_get(struct store *store, int64_t id, struct store_proof *ret);
/* The kept bytes of a proof's message, added to *ret. */
int store_proof_raw(struct store *store, int64_t id, struct buf *ret);

/* ---- scope, exclusions, manners ---- */

enum store_list {
    STORE_LIST_SCOPE, /* may be tested with full budgets */
    STORE_LIST_NEVER, /* must not be tested; wins over scope */
};

struct store_rule {
    struct span pattern; /* prefix, address, host or .domain as in postern-scope(5) */
    struct span reason, who;
    int64_t added_wall;
};

typedef int store_rule_fn(void *ctx, enum store_list list, const struct store_rule *rule);

/* The pattern is kept as given; the caller has parsed it (probe/scope.h). */
int store_rule_add(struct store *store, enum store_list list, const struct store_rule *rule);
int store_rule_remove(struct store *store, enum store_list list, struct span pattern);
int store_rules_each(struct store *store, enum store_list list, store_rule_fn *fn, void *ctx);

/* When an address was last tested without its operator asking for it; STORE_NONE if never. */
int store_tested_get(struct store *store, struct ip address, int64_t *ret_wall);
/*
 * Notes a test of the address now, unless the last one is less than gap_s seconds ago: STORE_SOON
 * with that time in *ret_last_wall (0 when there was none). Two testers cannot both win. Counts the
 * test for the address's network too.
 */
int store_tested_claim(struct store *store, struct ip address, int64_t now_wall, int64_t gap_s,
                       int64_t *ret_last_wall);
/* Tests noted in the address's network (/24 or /48) on the UTC day of now_wall. */
int store_network_tests(struct store *store, struct ip address, int64_t now_wall, uint64_t *ret);

#endif
