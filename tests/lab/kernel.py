# SPDX-License-Identifier: GPL-3.0-or-later
"""The few kernel calls that Python 3.11 has no function for, and the lab's outer wall.

The whole lab runs inside one PID namespace and one mount namespace of its own. Everything it makes
(servers, mounts, network namespaces) lives in there, so that the kernel takes all of it away when the
lab ends, however it ends: also after kill -9, and without any list of things to undo.
"""

import contextlib
import ctypes
import errno
import os
import signal
import sys
import tempfile

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MNT_DETACH = 2
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def unshare(flags):
    _check(_libc.unshare(flags), "unshare")


def setns(path):
    """Enters the namespace behind `path` (a bind mount or /proc/PID/ns/...)."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _check(_libc.setns(fd, 0), f"setns {path}")
    finally:
        os.close(fd)


def mount(source, target, fstype=None, flags=0, options=None):
    enc = lambda s: None if s is None else os.fsencode(s)
    _check(_libc.mount(enc(source), enc(target), enc(fstype), ctypes.c_ulong(flags), enc(options)),
           f"mount {fstype or source} on {target}")


def umount(target):
    _check(_libc.umount2(os.fsencode(target), MNT_DETACH), f"umount {target}")


def die_with_parent():
    """Kills this process when the thread that started it ends. Safe as a preexec_fn."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def private_mounts(spare=None):
    """Gives this process a mount namespace whose mounts nobody outside sees.

    In a plain chroot "/" is no mount point. The mount that it lies on is made private from the
    namespace's own root then, where joining a namespace puts a process. With `spare`, a directory, a
    copy of the tree becomes our root there, which is a mount point."""
    unshare(CLONE_NEWNS)
    try:
        mount(None, "/", flags=MS_REC | MS_PRIVATE)
        return
    except OSError as e:
        if e.errno != errno.EINVAL:
            raise
    here, inside = os.getcwd(), os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    setns("/proc/self/ns/mnt")
    mount(None, "/", flags=MS_REC | MS_PRIVATE)
    os.fchdir(inside)
    os.close(inside)
    os.chroot(".")
    if spare:
        mount("/", spare, flags=MS_BIND | MS_REC)
        os.chroot(spare)
    os.chdir(here)


def behind_wall(work):
    """Runs work(folder) as process 1 of a new PID and mount namespace; returns its exit status.

    `folder` is a tmpfs that only the lab sees."""
    place = tempfile.mkdtemp(prefix="postern-lab-")
    spare, folder = os.path.join(place, "root"), os.path.join(place, "run")
    os.mkdir(spare)
    os.mkdir(folder)
    unshare(CLONE_NEWPID)
    child = os.fork()
    if child == 0:
        die_with_parent()
        code = 1
        try:
            private_mounts(spare)
            mount("proc", "/proc", "proc")
            mount("tmpfs", folder, "tmpfs", options="size=75%,mode=755")
            signal.signal(signal.SIGTERM, _interrupt)
            code = work(folder)
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            code = 130
        except SystemExit as e:
            code = e.code if isinstance(e.code, int) else 1
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            try:
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(code or 0)
    # The terminal sends ^C to the child as well; a TERM comes only to us and is handed on.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    while True:
        try:
            _, status = os.waitpid(child, 0)
            break
        except InterruptedError:
            continue
    # Where mounts are shared with a chroot's host, the copy of the root shows out here too.
    with contextlib.suppress(OSError):
        umount(spare)
    for d in (spare, folder, place):
        with contextlib.suppress(OSError):
            os.rmdir(d)
    return os.waitstatus_to_exitcode(status) & 0xff


def _interrupt(*_):
    raise KeyboardInterrupt
