/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The run of postern-test(1): what all its files share.
 *
 *     main.c      start, loop, end            queue.c    which target next, limits, progress
 *     worker.c    threads with loops of their own, in which hosts are tested
 *     args.c      the command line            target.c   names → addresses → hosts; its end
 *     setup.c     catalogue, key, lists       host.c     doors of one address in turn
 *     identity.c  who we are                  link.c     a session on a connection
 *     proofs.c    what came back, any source  document.c what is reported, as JSON
 *     save.c      into and out of the store   output.c   in the format that was asked for
 */
#ifndef POSTERN_CMD_TEST_TEST_H
#define POSTERN_CMD_TEST_TEST_H

#include "cmd/common/advice.h"
#include "cmd/common/settings.h"
#include "cmd/common/state.h"
#include "cmd/test/args.h"
#include "io/conn.h"
#include "io/progress.h"
#include "io/resolver.h"
#include "io/timer.h"
#include "io/wake.h"
#include "probe/finding.h"
#include "probe/session.h"
#include "report/report.h"

#include <stdatomic.h>

enum {
    TEST_EXIT_OK = 0,
    TEST_EXIT_UNDECIDED = 3,
    TEST_EXIT_NO_INPUT = 66, /* sysexits.h: a file is missing or unreadable */
    TEST_EXIT_SOFTWARE = 70,
    TEST_EXIT_CANNOT_WRITE = 73,
    TEST_EXIT_IO = 74,
    TEST_EXIT_CONFIG = 78,
    BRIEF_TARGETS = 10,    /* from here on the evidence of closed servers is kept short */
    TARGET_HOSTS_MAX = 32, /* addresses of one target */
    TARGET_MX_MAX = 16,
    TEST_HOSTS_MAX = 64, /* names that an envelope by hand may hold */
    HOST_DOORS_MAX = 2 * ARGS_PORTS_MAX,
};

struct test;
struct target;

/* A loop in which sessions run: that of a thread, or the main one. */
struct worker {
    struct test *test; /* beyond this struct only what is never written while workers run */
    struct loop *loop;
    struct resolver *resolver;
    struct tls_context *tls, *tls_own;   /* made when first needed */
    struct door_run run_full, run_quick; /* copies, because of lag_ms */
    struct worker_thread *thread;        /* NULL: the main thread */
    size_t hosts;                        /* here now; the main thread's to count */
    int64_t round, lag, lag_before;      /* of loop_now(); ms of work in this round, and before */
    _Atomic int64_t lag_told;            /* their sum, for the main thread */
};

/* Where one session meets one connection. */
struct link {
    struct session session;
    struct conn *conn;
    struct timer timer;
    int64_t rings_at; /* when the timer does: the session's deadline, or earlier */
    bool running;
};

/* One address of a target: its doors in turn, one session at a time. */
struct host {
    struct target *target;
    struct door_host info;
    struct door *doors;
    bool *optional; /* one for each door: a port that we look at of our own accord */
    size_t door_count;
    size_t current; /* the door whose session is running */
    struct link link;
    struct timer timer;
    struct resolver_query *query; /* does the name in the greeting lead here? */
    struct worker *worker;        /* whose host it is, until `done` */
    struct host *next;            /* in a list of the worker's */
    bool turning;                 /* its doors are not yet through */
    bool done;
    int64_t delivered_at; /* newest delivery */
    char *name;           /* owned: host name that led here, or NULL */
};

/* One thing that came back. */
struct returned {
    size_t host, door, probe;
    int64_t at_wall_ms, delay_ms;
    struct ip output, seen;
    bool bounce;
    json_t *json; /* owned: the members of "arrival" */
};

enum target_phase {
    TARGET_RESOLVING,
    TARGET_TESTING,
    TARGET_WAITING, /* for arrivals */
    TARGET_DONE,
};

struct target {
    struct test *test;
    struct target *prev, *next; /* of test.active */
    char *name;                 /* as given */
    char *given;                /* the same in ASCII, for the probe's message */
    struct span host;           /* of name: without the port */
    uint16_t port;              /* 0: the usual ones */
    bool domain;                /* the whole mail system of a domain */
    uint64_t ordinal;
    int64_t store_id;
    enum target_phase phase;
    struct {
        struct ip ip;
        char *name;            /* owned, or NULL */
    } found[TARGET_HOSTS_MAX]; /* addresses that DNS told */
    size_t found_count;
    struct host *hosts[TARGET_HOSTS_MAX];
    size_t host_count;
    unsigned pending; /* DNS questions under way */
    char *label;      /* owned: a name below the probe domain that has MX records, or NULL */
    char *label_mx[TARGET_MX_MAX]; /* owned: whom it names */
    size_t label_mx_count;
    char *local_domain; /* owned, or NULL */
    char excluded[300]; /* why it is not tested, or "" */
    char failure[300];  /* why there is no address, or "" */
    struct scope_decision decision;
    bool own; /* full budgets */
    struct returned *arrivals;
    size_t arrival_count, arrival_cap;
    struct timer timer; /* end of the window for arrivals */
    int64_t began, began_wall_ms;
    int64_t arrived_at, slowest_ms; /* newest arrival, longest delay */
    struct ip_prefix network;       /* for the limit per network; family IP_NONE: not counted */
};

struct test {
    struct args args;
    struct conf *conf; /* owns the values that args took from the configuration */
    struct loop *loop;
    struct resolver *resolver;
    struct tls_context *tls_given; /* with the operator's certificate, or NULL */
    struct state state;
    struct store *store; /* NULL with --no-store */
    int lock;            /* of the run, or -1 */
    bool batch;          /* a batch of the store is open */
    struct timer batch_timer, poll_timer;
    int64_t polled; /* newest proof that was looked at */
    uint8_t key[MAC_KEY];
    struct mac_keyed keyed;
    struct catalogue catalogue;
    struct probe_list full, quick; /* of our own hosts, of others */
    struct budget_table servers;
    struct advise_book book; /* what closes which product */
    struct door_run run_full, run_quick;
    struct scope_list scope, never;
    uint32_t run_id;
    uint16_t day;                                  /* of the run that goes on, or 0: today */
    int64_t begun_wall;                            /* when the run was first begun */
    char *password;                                /* owned */
    char *prefix;                                  /* owned: of --probe-address */
    char *domain, *helo, *contact, *uri, *opt_out; /* owned */
    char rand[20], tester[256];
    struct ip local;
    const char *hosts[TEST_HOSTS_MAX]; /* owned: names of the targets, for an envelope by hand */
    size_t host_count;
    bool has_source; /* some place is watched for arrivals */

    /* queue.c */
    struct target *active;
    size_t active_count;
    struct timer more; /* until the next targets are taken up */
    char **names;      /* of targets not yet begun, where the store does not hold them */
    size_t name_count, name_next;
    uint64_t total, finished;
    bool stopping;
    struct progress progress;
    struct timer progress_timer;

    struct embedded *embedded; /* embedded.c, or NULL */
    struct mailbox *mailbox;   /* mailbox.c, or NULL */
    struct flight *flight;     /* preflight.c, or NULL */
    int refused;               /* exit status of a run that may not go on, or 0 */

    /* worker.c */
    struct worker *workers;
    size_t worker_count;

    /* output.c */
    struct report_style style;
    struct report_summary summary;
    struct buf held;        /* text for standard output that waits for its batch */
    struct report_set kept; /* documents, for formats that need all of them */
    int64_t began, began_wall;
    int exit;
};

/* setup.c: 0 or an exit status; what is wrong was said on standard error. */
int setup_probes(struct test *t, int argc, char **argv);
int setup_run(struct test *t);
void setup_deinit(struct test *t);

/* identity.c: 0 or an exit status. */
int identity_setup(struct test *t);

/* list.c and dry.c: --list-probes and --dry-run; an exit status. */
int list_probes(struct test *t);
int dry_run(struct test *t, int argc, char **argv);

/* preflight.c: --preflight; an exit status. */
int preflight(struct test *t);
/*
 * Whether the look at this machine that stands before foreign hosts is over. The first call begins
 * it. Where it ends the run, `refused` is set and the loop stopped.
 */
bool preflight_over(struct test *t);
/* When loop and resolver are gone. */
void preflight_free(struct test *t);

/* queue.c */
/* Whether the command line's targets can be any; an exit status. */
int queue_check(struct test *t, int argc, char **argv);
int queue_fill(struct test *t, int argc, char **argv);
void queue_begin(struct test *t);
void queue_target_done(struct target *target);
bool queue_network_free(struct test *t, struct ip_prefix net);

/* target.c */
struct target *target_new(struct test *t, const char *name, uint64_t ordinal, int64_t store_id);
void target_begin(struct target *target);
void target_host_done(struct target *target);
void target_arrived(struct target *target);
void target_free(struct target *target);

/* host.c */
int host_new(struct target *target, struct ip ip, const char *name, struct host **ret);
/* Goes through the doors, in the thread of the worker that took it. */
void host_run(struct host *h);
void host_session_over(struct host *h);
void host_free(struct host *h);

/* link.c */
void link_lag(struct worker *w); /* looks how far the loop is behind, for door_run.lag_ms */
void link_start(struct host *h);
void link_stop(struct host *h);

/* worker.c: as many as --jobs says; 0 or a negative errno. */
int workers_start(struct test *t);
/* Nothing runs in them any more; what hangs on their loops may be freed. */
void workers_stop(struct test *t);
void workers_free(struct test *t);
/* The one with the fewest hosts. */
struct worker *worker_least(struct test *t);
/* Hands a host to its worker; target_host_done() tells when it is back. */
void worker_take(struct worker *w, struct host *h);
void worker_give_back(struct host *h);
/* Around every look at the doors of a host that is not done. */
void worker_lock(struct worker *w);
void worker_unlock(struct worker *w);
/* The longest lag of all. */
int64_t worker_lag(const struct test *t);
/* The main thread has worked for a while: its own worker, if it has one, is late. */
void worker_kept(struct test *t);

/* proofs.c */
void proofs_poll_start(struct test *t);
/* Takes what another process has put into the store since the last look. */
void proofs_look(struct test *t);
void proofs_take(struct test *t, const struct store_proof *proof);

/* embedded.c and mailbox.c: sources of arrivals inside this process; 0 or an exit status. */
int embedded_start(struct test *t);
void embedded_stop(struct test *t);
int mailbox_start(struct test *t);
void mailbox_stop(struct test *t);

/* document.c: owned by the caller; NULL when out of memory. */
json_t *document_probes(const struct target *target); /* an array; in brief runs what matters */
json_t *document_doors(const struct target *target);  /* an array */
json_t *document_verdict(const struct target *target);

/* save.c */
int save_run_begin(struct test *t, int argc, char **argv);
void save_target(struct target *target, json_t *probes, json_t *doors, json_t *verdict);
void save_run_end(struct test *t);
/* Gathers what is written from now on for one commit, soon: a bulk run would wait for the disk at
 * each target's beginning and end. */
void save_batch(struct test *t);
/* The exit status of a run that was resumed: of all its targets; of any other, `status`. */
int save_run_exit(struct test *t, int status);
/* Ends the batch, if one is open, and lets its output go. */
void save_commit(struct test *t);
int save_resume(struct test *t, const char *run);
void save_restore(struct target *target);

/* resume.c: the command line of an earlier run, and this one's on top. An exit status. */
int resume_arguments(struct test *t, int argc, char **argv, int *first);
void resume_free(void);

/* output.c */
void output_target(struct target *target, json_t *probes, json_t *doors, json_t *verdict);
int output_end(struct test *t);
/* Whether the report that was asked for can be written: better said before a long run. */
int output_writable(struct test *t);
void output_release(struct test *t);
/* Whether the output tells every probe, also of many targets. */
bool output_needs_all(const struct test *t);
void note(struct test *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
