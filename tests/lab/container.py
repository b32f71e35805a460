#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one server: its own PID, mount, IPC and UTS namespace, a root of overlay layers, a small init.

Called by the lab as a program with one JSON file. This process enters the network namespace; its child
is process 1 of the server, mounts the root, starts /lab/start inside it, reaps what dies and writes
what the server logs to /dev/log. If this process dies, the kernel ends the server with it.
"""

import json
import os
import select
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import kernel  # noqa: E402

DEVICES = ("null", "zero", "full", "random", "urandom", "tty")


def build_root(spec):
    root = spec["root"]
    for d in (root, spec["upper"], spec["work"]):
        os.makedirs(d, exist_ok=True)
    kernel.mount("overlay", root, "overlay",
                 options=f"lowerdir={':'.join(spec['lower'])},upperdir={spec['upper']},"
                         f"workdir={spec['work']}")
    kernel.mount("proc", f"{root}/proc", "proc")
    kernel.mount("tmpfs", f"{root}/dev", "tmpfs", options="mode=755,size=1m")
    for name in DEVICES:
        with open(f"{root}/dev/{name}", "w"):
            pass
        kernel.mount(f"/dev/{name}", f"{root}/dev/{name}", flags=kernel.MS_BIND)
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"),
                         ("stdout", "/proc/self/fd/1"), ("stderr", "/proc/self/fd/2")):
        os.symlink(target, f"{root}/dev/{name}")
    for name in ("shm", "pts"):
        os.mkdir(f"{root}/dev/{name}")
    kernel.mount("tmpfs", f"{root}/dev/shm", "tmpfs", options="mode=1777,size=16m")
    kernel.mount("tmpfs", f"{root}/run", "tmpfs", options="mode=755,size=16m")
    os.makedirs(f"{root}/run/lock", exist_ok=True)
    os.chmod(f"{root}/run/lock", 0o1777)
    os.makedirs(f"{root}/tmp", exist_ok=True)
    os.chmod(f"{root}/tmp", 0o1777)
    for path, source in spec.get("bind", {}).items():
        os.makedirs(root + path, exist_ok=True)
        kernel.mount(source, root + path, flags=kernel.MS_BIND)
    # Written through the merged root, so that owners and modes of the folders stay as installed.
    for path, (text, mode) in spec["files"].items():
        full = root + path
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w") as f:
            f.write(text)
        if mode is not None:
            os.chmod(full, mode)


def init(spec):
    """Process 1 of the server. Never returns."""
    socket.sethostname(spec["hostname"])
    build_root(spec)
    syslog = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    output = os.open(spec["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    os.chroot(spec["root"])
    os.chdir("/")
    syslog.bind("/dev/log")
    os.chmod("/dev/log", 0o666)
    mail_log = os.open("/var/log/lab.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    wake_r, wake_w = os.pipe()
    os.set_blocking(wake_w, False)
    signal.set_wakeup_fd(wake_w)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    main = os.fork()
    if main == 0:
        os.dup2(output, 1)
        os.dup2(output, 2)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.execve("/bin/sh", ["sh", "/lab/start"],
                  {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8",
                   "LAB_NODE": spec["name"]})
    while True:
        ready, _, _ = select.select([syslog, wake_r], [], [])
        if syslog in ready:
            line = syslog.recv(8192).rstrip(b"\0\n")
            stamp = time.strftime("%b %e %H:%M:%S ").encode() + spec["name"].encode() + b" "
            # <PRI>Mon DD HH:MM:SS tag: text, as libc's syslog() writes it, or without the date.
            text = line[line.find(b">") + 1:] if line.startswith(b"<") else line
            if len(text) > 16 and text[3:4] == b" " and text[9:10] == b":":
                text = text[16:]
            for fd in (output, mail_log):
                os.write(fd, stamp + text + b"\n")
        if wake_r in ready:
            os.read(wake_r, 512)
            reap(main, output)


def reap(main, output):
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if pid == main and status != 0:
            os.write(output, f"lab: /lab/start ended with status {status:#x}\n".encode())


def main():
    with open(sys.argv[1]) as f:
        spec = json.load(f)
    kernel.die_with_parent()
    kernel.setns(spec["netns"])
    kernel.private_mounts()
    kernel.unshare(kernel.CLONE_NEWPID | kernel.CLONE_NEWUTS | kernel.CLONE_NEWIPC)
    child = os.fork()
    if child == 0:
        kernel.die_with_parent()
        try:
            init(spec)
        except BaseException as e:
            with open(spec["log"], "a") as f:
                f.write(f"lab: {spec['name']}: {e}\n")
        os._exit(1)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGKILL))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            _, status = os.waitpid(child, 0)
            return min(os.waitstatus_to_exitcode(status) & 0xff, 125)
        except InterruptedError:
            continue


if __name__ == "__main__":
    sys.exit(main())
