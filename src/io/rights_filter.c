/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A list of what libuv, OpenSSL, SQLite, c-ares, libcurl and glibc need. Three answers to a call:
 *
 *     on the list          it goes through
 *     not on the list      ENOSYS, as from an old kernel: a library that probes for something new
 *                          falls back, and an update of glibc does not kill a service
 *     only an attack       the process is killed: starting programs, tracing, mounting, modules
 *
 * Threads may be started (libuv's and libcurl's work), processes not: clone(2) must ask for
 * CLONE_THREAD, and clone3(2), whose flags a filter can't see, is ENOSYS, so that glibc uses clone.
 */
#include "io/rights_filter.h"

#include <errno.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41 /* Linux 5.17, younger than Debian 12's glibc */
#endif

static const char *const allowed[] = {
    /* memory */
    "brk",
    "mmap",
    "mmap2",
    "munmap",
    "mremap",
    "mprotect",
    "madvise",
    "mincore",
    "msync",
    /* files: SQLite's locks, journals and shared memory, keys, data */
    "read",
    "readv",
    "pread64",
    "preadv",
    "write",
    "writev",
    "pwrite64",
    "pwritev",
    "open",
    "openat",
    "close",
    "close_range",
    "stat",
    "fstat",
    "lstat",
    "newfstatat",
    "fstatat64",
    "stat64",
    "fstat64",
    "lstat64",
    "statx",
    "statfs",
    "fstatfs",
    "access",
    "faccessat",
    "faccessat2",
    "lseek",
    "_llseek",
    "fcntl",
    "fcntl64",
    "flock",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "ftruncate",
    "ftruncate64",
    "fallocate",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "unlink",
    "unlinkat",
    "mkdir",
    "mkdirat",
    "rmdir",
    "chmod",
    "fchmod",
    "fchmodat",
    "fchown",
    "fchown32",
    "utimensat",
    "umask",
    "getdents64",
    "getdents",
    "readlink",
    "readlinkat",
    "getcwd",
    "dup",
    "dup2",
    "dup3",
    "fadvise64",
    /* waiting */
    "epoll_create1",
    "epoll_create",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "_newselect",
    "eventfd2",
    "eventfd",
    "pipe",
    "pipe2",
    "timerfd_create",
    "timerfd_settime",
    "nanosleep",
    "clock_nanosleep",
    "inotify_init1",
    "inotify_add_watch",
    "inotify_rm_watch",
    /* sockets */
    "connect",
    "accept",
    "accept4",
    "shutdown",
    "sendto",
    "sendmsg",
    "sendmmsg",
    "recvfrom",
    "recvmsg",
    "recvmmsg",
    "getsockname",
    "getpeername",
    "getsockopt",
    "setsockopt",
    "socketpair",
    /* time, randomness, who we are */
    "clock_gettime",
    "clock_gettime64",
    "clock_getres",
    "gettimeofday",
    "time",
    "getrandom",
    "getpid",
    "getppid",
    "gettid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getuid32",
    "geteuid32",
    "getgid32",
    "getegid32",
    "getresuid",
    "getresgid",
    "getgroups",
    "getpgrp",
    "uname",
    "sysinfo",
    "getrlimit",
    "ugetrlimit",
    "setrlimit",
    "getrusage",
    "times",
    "sched_getaffinity",
    "sched_yield",
    "sched_setscheduler", /* of a thread that makes way for others; upwards needs a right */
    "setpriority",
    "getcpu",
    "membarrier",
    /* threads and signals */
    "futex",
    "futex_time64",
    "set_robust_list",
    "get_robust_list",
    "set_tid_address",
    "rseq",
    "arch_prctl",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sigreturn",
    "rt_sigpending",
    "rt_sigtimedwait",
    "sigaltstack",
    "tgkill",
    "restart_syscall",
    "exit",
    "exit_group",
    "prlimit64",
};

/* Nothing of ours makes these; who gets us to is an attacker. */
static const char *const deadly[] = {
    "execve",
    "execveat",
    "fork",
    "vfork",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "mount",
    "umount2",
    "pivot_root",
    "chroot",
    "setns",
    "unshare",
    "init_module",
    "finit_module",
    "delete_module",
    "kexec_load",
    "kexec_file_load",
    "reboot",
    "swapon",
    "swapoff",
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "keyctl",
    "add_key",
    "request_key",
    "setuid",
    "setgid",
    "setresuid",
    "setresgid",
    "setreuid",
    "setregid",
    "setgroups",
    "personality",
};

static int add(scmp_filter_ctx f, uint32_t action, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int call = seccomp_syscall_resolve_name(names[i]), r;

        if (call == __NR_SCMP_ERROR)
            continue; /* not on this architecture, or newer than libseccomp */
        r = seccomp_rule_add(f, action, call, 0);
        if (r < 0 && r != -EDOM)
            return r;
    }
    return 0;
}

/* Calls that are fine with some arguments only. */
static int add_conditional(scmp_filter_ctx f, enum rights_profile profile)
{
    static const int families[] = {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK};
    static const unsigned long ioctls[] = {FIONBIO, FIOCLEX, FIONREAD, TIOCGWINSZ, TCGETS};
    int r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                             SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));

    if (r == 0) /* a fork by another name */
        r = seccomp_rule_add(f, SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), 1,
                             SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
    /* Netlink is glibc's list of interfaces (getifaddrs), UNIX is the log and the name service. */
    for (size_t i = 0; r == 0 && i < sizeof(families) / sizeof(families[0]); i++)
        r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                             SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i]));
    for (size_t i = 0; r == 0 && i < sizeof(ioctls) / sizeof(ioctls[0]); i++)
        r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                             SCMP_A1(SCMP_CMP_EQ, ioctls[i]));
    /* PR_SET_NAME of threads, PR_SET_VMA of allocators; not those that give or take rights. */
    if (r == 0)
        r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                             SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
    if (r == 0)
        r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                             SCMP_A0(SCMP_CMP_EQ, PR_SET_VMA));
    if (r == 0 && profile == RIGHTS_CLIENT)
        r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(bind), 0);
    return r;
}

int rights_filter_load(enum rights_profile profile)
{
    scmp_filter_ctx f;
    int r;

    if (SANITIZED)
        return -ENOTSUP;
    f = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    if (!f)
        return -ENOMEM;
    /* Threads that are already there get the same filter. */
    r = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
    if (r == 0)
        r = add(f, SCMP_ACT_ALLOW, allowed, sizeof(allowed) / sizeof(allowed[0]));
    if (r == 0)
        r = add(f, SCMP_ACT_KILL_PROCESS, deadly, sizeof(deadly) / sizeof(deadly[0]));
    if (r == 0)
        r = add_conditional(f, profile);
    if (r == 0)
        r = seccomp_load(f);
    seccomp_release(f);
    return r;
}
