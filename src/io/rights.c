/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Giving rights up. The order is forced: the user needs capabilities to change, no_new_privs is
 * what lets a process without rights install a filter, and the filter comes last because it forbids
 * all the calls before it.
 *
 * Nothing but an unknown user stops the program: in containers and chroots some of this is always
 * refused, and a tester that can't run there would be run as root elsewhere.
 */
#include "io/rights.h"

#include "io/rights_filter.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

static void note(struct rights_done *done, const char *what, int err)
{
    size_t n = strlen(done->notes);

    snprintf(done->notes + n, sizeof(done->notes) - n, "%s%s: %s.", n ? " " : "", what,
             strerror(err));
}

static int become(const char *name, struct rights_done *done)
{
    struct passwd *pw;

    if (geteuid() != 0) {
        note(done, "user not changed, for that we would have to be root", EPERM);
        return 0;
    }
    errno = 0;
    pw = getpwnam(name);
    if (!pw)
        return errno ? -errno : -ENOENT;
    if (prctl(PR_SET_KEEPCAPS, 1L) < 0 || initgroups(name, pw->pw_gid) < 0 ||
        setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
        setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0)
        return -errno;
    /* Belt and braces: if root can be had back, nothing was given up. */
    if (pw->pw_uid != 0 && setuid(0) == 0)
        return -EPERM;
    done->user = true;
    return 0;
}

/* Into the set that will be left, if we have it. */
static bool keep(cap_t caps, cap_t old, cap_value_t one)
{
    cap_flag_value_t have = CAP_CLEAR;

    if (cap_get_flag(old, one, CAP_PERMITTED, &have) < 0)
        return false;
    return have != CAP_SET || (cap_set_flag(caps, CAP_PERMITTED, 1, &one, CAP_SET) == 0 &&
                               cap_set_flag(caps, CAP_EFFECTIVE, 1, &one, CAP_SET) == 0);
}

static bool keep_only(const struct rights *want)
{
    cap_t caps = cap_init(), old = cap_get_proc();
    bool ok = caps && old;

    if (ok && want->keep_bind)
        ok = keep(caps, old, CAP_NET_BIND_SERVICE);
    if (ok && want->keep_raw)
        ok = keep(caps, old, CAP_NET_RAW);
    ok = ok && cap_set_proc(caps) == 0;
    cap_free(caps);
    cap_free(old);
    return ok;
}

int rights_drop(const struct rights *want, struct rights_done *ret)
{
    int r;

    *ret = (struct rights_done){0};
    if (want->user && (r = become(want->user, ret)) < 0)
        return r;
    ret->capabilities = keep_only(want);
    if (!ret->capabilities)
        note(ret, "capabilities kept", errno);
    ret->no_new_privs = prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) == 0;
    if (!ret->no_new_privs)
        note(ret, "no_new_privs not set", errno);
    if (want->profile == RIGHTS_NONE)
        return 0;
    r = rights_filter_load(want->profile);
    ret->filter = r == 0;
    if (r < 0)
        note(ret, r == -ENOTSUP ? "no system call filter in this build" : "no system call filter",
             -r);
    return 0;
}
