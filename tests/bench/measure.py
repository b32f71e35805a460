# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one program and tells what it cost: wall time, CPU of it and its children, peak memory.

The peak is read from /proc while it runs (VmHWM, the kernel's own high-water mark, so nothing between
two looks is lost). getrusage's maximum will not do: it remembers the size of the process that
started the program, which is this interpreter."""

import os
import resource
import signal
import subprocess
import threading
import time

LOOK = 0.02


class Cost:
    def __init__(self):
        self.wall = self.cpu = 0.0
        self.peak_kib = 0
        self.code = None
        self.timed_out = False

    def told(self):
        return {"seconds": round(self.wall, 3), "cpu_seconds": round(self.cpu, 3),
                "peak_kib": self.peak_kib, "exit": self.code, "timed_out": self.timed_out}


def _family(pid):
    """The process and all below it."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            children = f.read().split()
    except OSError:
        return []
    return [pid] + [p for c in children for p in _family(int(c))]


def _high_water(pid):
    try:
        with open(f"/proc/{pid}/status") as f:
            for line in f:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def run(command, limit, stdout, stderr=subprocess.DEVNULL, env=None):
    """Runs the command for at most `limit` seconds. Nothing else may be waited for meanwhile."""
    cost = Cost()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=env,
                         start_new_session=True)
    over = threading.Event()

    def look():
        while not over.wait(LOOK):
            cost.peak_kib = max([cost.peak_kib, *(_high_water(q) for q in _family(p.pid))])

    looker = threading.Thread(target=look, daemon=True)
    looker.start()
    try:
        cost.code = p.wait(limit)
    except subprocess.TimeoutExpired:
        cost.timed_out = True
        os.killpg(p.pid, signal.SIGKILL)
        cost.code = p.wait()
    cost.wall = time.monotonic() - started
    over.set()
    looker.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cost.cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cost
