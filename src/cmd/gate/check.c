/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern gate check: reads everything as the service would, tests the backends, and says what it
 * found. A backend that would relay for strangers is no fault of the configuration, but nothing
 * that an admin should not know.
 */
#include "cmd/common/settings.h"
#include "cmd/gate/check_places.h"
#include "cmd/gate/door.h"
#include "cmd/gate/gate.h"
#include "cmd/gate/grant.h"
#include "cmd/gate/hygiene.h"
#include "cmd/gate/login.h"
#include "cmd/gate/probe.h"

#include <pwd.h>
#include <stdio.h>
#include <sysexits.h>

enum { EX_OPEN = 1 };

struct check {
    struct loop *loop;
    int status;
};

static void on_probe(void *cookie, const struct probe_news *n)
{
    struct check *c = cookie;
    char as[IP_TEXT_MAX];

    if (!n) {
        loop_stop(c->loop);
        return;
    }
    printf("backend %s by %s, as %s: %s (%s)\n", n->route->text,
           gate_identity_name(n->route->gate.identity), ip_text(n->as, as),
           probe_result_name(n->result), n->text);
    if (n->result == PROBE_OPEN) {
        printf("  It would relay for strangers: the gate is the only lock. Let nobody else reach "
               "it.\n");
        c->status = c->status ? c->status : EX_OPEN;
    } else if (n->result == PROBE_NO_IDENTITY) {
        printf("  It does not take the client's address: no mail will be passed to it.\n");
        c->status = EX_UNAVAILABLE;
    } else if (n->result == PROBE_DOWN) {
        c->status = EX_UNAVAILABLE;
    }
}

static int test_backends(struct door *door)
{
    struct check c = {0};
    struct probes *probes = NULL;

    if (loop_new(&c.loop) < 0 || probes_start(c.loop, door, on_probe, &c, &probes) < 0) {
        fprintf(stderr, "%s: out of memory or file descriptors\n", gate_options.program);
        loop_free(&c.loop);
        return EX_OSERR;
    }
    loop_run(c.loop);
    loop_free(&c.loop);
    return c.status;
}

static void tell(const struct door *door, const char *text)
{
    struct buf place = BUF_INIT(5000);

    settings_place(door->conf, "gate", text, &place);
    fprintf(stderr, "%s%s\n", buf_str(&place), text);
    buf_deinit(&place);
}

static void say(void *cookie, const char *text)
{
    tell(cookie, text);
}

/* Right, and yet hardly what is meant. */
static void warn_unused(const struct door *door)
{
    const struct gate_args *a = &door->args;
    bool logins = a->auth_file || a->auth_dovecot;

    if (relay_policy_counts(door->policy).domains == 0)
        tell(door,
             "warning: no domains are set: no mail is taken from strangers, whoever it is for");
    if (logins && !a->cert && !a->cert_dir)
        tell(door, "warning: logins are set, but no cert: passwords are not taken in the clear");
    if (logins && !a->listen_submission.count && !a->listen_submissions.count && !a->mx_logins)
        tell(door, "warning: logins are set, but no port takes them: see listen-submission");
}

int gate_check(struct gate_args *args, struct conf *conf)
{
    struct buf messages = BUF_INIT(POLICY_MESSAGES_MAX);
    struct door *door = NULL;
    char err[LOGIN_ERROR_MAX], why[HYGIENE_ERROR_MAX];
    int status = door_open(args, conf, &door, &messages);

    fwrite(buf_str(&messages), 1, messages.n, stderr);
    buf_deinit(&messages);
    if (status == 0 && (status = login_check(&door->args, err)))
        tell(door, err);
    if (status == 0 && (status = grant_check(&door->args, why)))
        tell(door, why);
    if (status == 0 && !hygiene_check(&door->args, why)) {
        tell(door, why);
        status = EX_CONFIG;
    }
    if (status == 0 && door->args.user && !getpwnam(door->args.user)) {
        tell(door, "user: there is no user of this name");
        status = EX_NOUSER;
    }
    if (status == 0)
        status = check_places(&door->args, say, door);
    if (status == 0)
        warn_unused(door);
    if (status == 0) {
        printf("configuration: right\n");
        status = test_backends(door);
    }
    door_free(&door);
    return status;
}
