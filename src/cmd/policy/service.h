/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of postern-policy share. */
#ifndef POSTERN_CMD_POLICY_SERVICE_H
#define POSTERN_CMD_POLICY_SERVICE_H

#include "cmd/common/policy.h"
#include "io/loop.h"
#include "policy/question.h"

enum {
    SERVICE_LISTENERS = 32,
    SERVICE_CLIENTS = 1000,
    SERVICE_IDLE = 1200000,        /* ms; Postfix lets go of a connection after 1000 s at most */
    SERVICE_QUEUE_HIGH = 64 << 10, /* octets of unread answers at which a client is dropped */
};

struct service_args {
    struct policy_args policy;
    struct option_list listen;
    const char *milter, *config, *user, *socket_mode;
    unsigned role; /* enum question_role */
    unsigned clients;
    int64_t idle;
    bool log_only, verbose;
};

extern const struct options service_options;

/* A configuration that was read whole: never changed, replaced as one by a reload. */
struct setup {
    struct service_args args;
    struct conf *conf;
    struct relay_policy *policy;
    bool check_only; /* the command was "check" */
};

/* setup.c: 0, or an exit status after the reasons were printed. *ret is empty then. */
int setup_load(int argc, char **argv, struct setup *ret);
void setup_deinit(struct setup *s);
/* The mode of sockets, 0666 if none is set. False for a text that is none. */
bool setup_socket_mode(const struct service_args *a, unsigned *ret);

/* answer.c: decides and writes the line of the log. What a client said goes only there. */
struct answer_facts {
    const char *face; /* "postfix" or "milter" */
    struct span helo, login, queue_id, instance;
};

/* False when there was nothing to decide. *ret is the decision also where it is only logged. */
bool answer(const struct setup *s, const struct question *q, const struct answer_facts *facts,
            struct relay_decision *ret);

/* listen.c: the policy service's sockets and sessions. */
struct service;
int service_new(struct loop *l, const struct setup *setup, struct service **ret);
/* "/path" or "ADDR:PORT". 0 or an exit status, with the reason printed. */
int service_listen(struct service *s, const char *place);
/* From the next request on. */
void service_set(struct service *s, const struct setup *setup);
/* No new clients. Safe on NULL and twice. */
void service_free(struct service **s);

/*
 * milter.c: the milter in a process of its own, because libmilter has threads and takes the signals
 * of its process for itself. It listens when this returns. 0 with our end of a socket pair, or an
 * exit status with the reason printed. On it MILTER_RELOAD and MILTER_QUIT are understood; its
 * closing means that the child has ended, and ours that it should. Call it before there are threads
 * or a loop: the child never returns.
 */
enum { MILTER_RELOAD = 'r', MILTER_QUIT = 'q' };
int milter_start(int argc, char **argv, const struct setup *setup, int *ret_fd);

#endif
