# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's work: which cases, in what order, side by side, and the lines that come of it."""

import fnmatch
import glob
import os
import shutil
import subprocess
import sys
import threading
import time
import traceback
from xml.sax.saxutils import escape, quoteattr

import agreement
import cases
import clients
import judge
import listed
import live
import roots
import servers
import witness

TOOLS = {"ip": "iproute2", "nft": "nftables", "nsenter": "util-linux", "unshare": "util-linux",
         "mmdebstrap": "mmdebstrap"}
# Roots that take longest to make come first.
SLOW_ROOTS = ["haraka", "postfix", "courier", "sendmail"]
ROOT_JOBS = 3
AUDIT_JOBS = 2


def choose(table, a, rows):
    if a.what in ("shell", "exec"):
        found = [c for c in table if c.id == a.case]
    else:
        found = [c for c in table if any(fnmatch.fnmatch(c.id, g) for g in a.only.split(","))]
    if not found and not rows:
        raise cases.CaseError(f"no case fits {a.case or a.only} (see --list)")
    return found


def print_list(chosen, rows):
    found = [(c.id, c.server, c.verdict, c.hole) for c in chosen]
    found += [(r.id, agreement.TITLES[r.server], r.expect, f"audit: {r.about}") for r in rows]
    w, v = (max(len(f[i]) for f in found) for i in (0, 1))
    for name, server, verdict, hole in found:
        print(f"{name:<{w}}  {server:<{v}}  {verdict:<13}  {hole}")


def missing_here(chosen, rows, a):
    """What this machine lacks, one text each; empty if the lab can run."""
    found = []
    if os.geteuid() != 0:
        found.append("not root: namespaces and package roots need it")
    tools = dict(TOOLS)
    if a.what == "test" and not a.no_nmap:
        tools["nmap"] = "nmap"
    if a.what == "witness":
        tools["swaks"] = "swaks"
    for tool, package in tools.items():
        if not shutil.which(tool):
            found.append(f"no {tool}: install the package {package}")
    if found:
        return found
    for flags, name in ((["--net"], "network"), (["--pid", "--fork"], "PID"),
                        (["--mount", "--propagation", "unchanged"], "mount")):
        if subprocess.run(["unshare", *flags, "true"], capture_output=True,
                          check=False).returncode != 0:
            found.append(f"no {name} namespaces here")
    if found:
        return found
    with open("/proc/filesystems") as f:
        if "overlay" not in f.read().split():
            subprocess.run(["modprobe", "overlay"], capture_output=True, check=False)
    with open("/proc/filesystems") as f:
        if "overlay" not in f.read().split():
            found.append("no overlayfs in this kernel")
    cache = roots.Roots(roots.default_cache(), servers.load_all())
    need = sorted({"base"} | {r for c in chosen for r in c.roots} | {r.server for r in rows})
    absent = [r for r in need if not cache.ready(r)]
    if absent and not roots.registry_answers(cache.sources):
        found.append(f"the package registry does not answer and there is no root yet of: "
                     f"{', '.join(absent)}")
    return found


class Board:
    """The printed lines. Several workers print here."""

    def __init__(self, chosen, a):
        self.lock = threading.Lock()
        self.widths = [*(max((len(t) for t in texts), default=0) for texts in
                         zip(*((c.id, c.server, c.hole) for c in chosen))), 12, 19, 15]
        self.results = []
        self.a = a

    def head(self):
        self.row(["case", "server", "hole", "expected", "Postern", "nmap", ""])

    def row(self, words):
        cells = [f"{w:<{n}}" for w, n in zip(words, [*self.widths, 0])]
        with self.lock:
            print("  ".join(cells).rstrip(), flush=True)

    def note(self, text):
        with self.lock:
            print(text, flush=True)

    def end(self, case, state, found, nmap, problems, seconds):
        self.row([case.id, case.server, case.hole, case.verdict, found, nmap, state])
        for p in problems:
            self.note(f"    {p}")
        with self.lock:
            self.results.append((case, state, problems, seconds))

    def count(self, state):
        return sum(1 for r in self.results if r[1] == state)

    def last_line(self, audited):
        text = (f"{self.count('ok') + audited.passed} passed, "
                f"{self.count('FAIL') + audited.failed} failed")
        skipped = self.count("skipped") + audited.skipped
        return text + (f", {skipped} skipped" if skipped else "")

    def rows(self):
        return [(f"lab.{case.server}", case.id, state, problems, seconds)
                for case, state, problems, seconds in self.results]


def junit(path, rows):
    """rows: (class, name, "ok" or "FAIL" or "skipped", problems, seconds)."""
    tags = {"FAIL": "failure", "skipped": "skipped"}
    with open(path, "w", encoding="utf-8") as f:
        f.write(f'<testsuite name="lab" tests="{len(rows)}" '
                f'failures="{sum(r[2] == "FAIL" for r in rows)}" '
                f'skipped="{sum(r[2] == "skipped" for r in rows)}">\n')
        for group, name, state, problems, seconds in sorted(rows):
            f.write(f'  <testcase classname={quoteattr(group)} name={quoteattr(name)} '
                    f'time="{seconds:.2f}">')
            if state in tags:
                f.write(f'<{tags[state]}>{escape(chr(10).join(problems))}</{tags[state]}>')
            f.write("</testcase>\n")
        f.write("</testsuite>\n")


class Work:
    def __init__(self, chosen, a, folder):
        self.a, self.folder = a, folder
        self.board = Board(chosen, a)
        self.roots = roots.Roots(roots.default_cache(), servers.load_all(), self.board.note)
        self.roots.programs = os.path.dirname(os.path.abspath(a.postern))
        self.waiting = sorted(chosen, key=lambda c: not c.slow)     # so that none is last alone
        self.wanted = set(servers.load_all()) if a.what == "roots" else {
            r for c in chosen for r in c.roots}
        self.state = {}             # root -> None (ready) or the reason why it failed
        self.change = threading.Condition()

    def make_roots(self):
        """Makes the roots of all chosen cases, the slow ones first, a few at a time."""
        need = sorted(self.wanted,
                      key=lambda r: (SLOW_ROOTS + [r]).index(r))
        need.insert(0, "base")
        queue = [r for r in need if not self.roots.ready(r)]
        with self.change:
            self.state = {r: None for r in need if r not in queue}
            self.change.notify_all()
        if "base" in queue:
            self._make("base")
            queue.remove("base")
        lock = threading.Lock()

        def maker():
            while True:
                with lock:
                    if not queue:
                        return
                    name = queue.pop(0)
                self._make(name)
        self.makers = [threading.Thread(target=maker, daemon=True) for _ in range(ROOT_JOBS)]
        for m in self.makers:
            m.start()

    def _make(self, name):
        reason = None
        try:
            if self.state.get("base"):
                reason = self.state["base"]
            else:
                self.roots.ensure(name)
        except (roots.RootError, OSError, subprocess.SubprocessError) as e:
            reason = str(e)
        with self.change:
            self.state[name] = reason
            self.change.notify_all()

    def next_case(self):
        """The next case whose roots are there (or have failed); None at the end."""
        with self.change:
            while self.waiting:
                for c in self.waiting:
                    if all(r in self.state for r in ["base", *c.roots]):
                        self.waiting.remove(c)
                        return c
                self.change.wait()
        return None

    def worker(self, do):
        while (case := self.next_case()) is not None:
            started = time.monotonic()
            failed = [self.state[r] for r in ["base", *case.roots] if self.state[r]]
            if failed:
                self.board.end(case, "skipped", "-", "-", [f"no root: {failed[0]}"], 0)
                continue
            folder = os.path.join(self.folder, case.id)
            try:
                found, nmap, bad = do(case, folder)
                self.board.end(case, "FAIL" if bad else "ok", found, nmap, bad,
                               time.monotonic() - started)
                self._keep(case, folder, bad)
            except (live.LiveError, OSError, subprocess.SubprocessError) as e:
                self.board.end(case, "FAIL", "-", "-", [f"{type(e).__name__}: {e}"],
                               time.monotonic() - started)
                self._keep(case, folder, True)
            except Exception:       # a fault of the lab itself must not hang the others
                self.board.end(case, "FAIL", "-", "-", traceback.format_exc().splitlines(), 0)
            shutil.rmtree(folder, ignore_errors=True)

    def _keep(self, case, folder, bad):
        """Saves the servers' logs of a case that failed, or of all with --keep."""
        if not (bad or self.a.keep):
            return
        for log in glob.glob(os.path.join(folder, "*.log")):
            shutil.copy(log, os.path.join(self.a.out, f"{case.id}.{os.path.basename(log)}"))

    def run(self, do):
        os.makedirs(self.a.out, exist_ok=True)
        maker = threading.Thread(target=self.make_roots, daemon=True)
        workers = [threading.Thread(target=self.worker, args=(do,), daemon=True)
                   for _ in range(min(self.a.jobs, len(self.waiting)))]
        for t in [maker, *workers]:
            t.start()
        for t in workers:
            t.join()
        return self.board

    def test(self, case, folder):
        """One case: Postern's answer against the table, and nmap's beside it."""
        save = os.path.join(self.a.out, f"{case.id}.json")
        postern = os.path.abspath(self.a.postern)
        with live.Live(case, self.roots, folder) as it:
            nmap, text = None, "-"
            if not self.a.no_nmap and not case.nmap_after:
                nmap = judge.start_nmap(it)
            answer = judge.run_postern(it, postern, save, self.a.limit)
            bad = judge.problems(case, answer) + judge.not_logged(it)
            found = f"{answer.verdict} {answer.seconds:.1f} s"
            for row in case.also:
                save2 = save.replace(".json", f".{row['id']}.json")
                more = judge.run_postern(it, postern, save2, self.a.limit, row)
                found += f", {row['id']} {more.verdict}"
                if more.verdict != row["verdict"]:
                    bad.append(f"{row['id']}: verdict {more.verdict}, not {row['verdict']}")
            if case.clients:
                words, wrong = clients.check(it)
                found += f", {words}"
                bad += wrong
            if case.listed:
                words, wrong = listed.check(it, postern)
                found += f", {words}"
                bad += wrong
            if not self.a.no_nmap and case.nmap_after:
                nmap = judge.start_nmap(it)
            if nmap:
                text = judge.nmap_answer(nmap, os.path.join(self.a.out, f"{case.id}.nmap"))
        if case.nmap and text not in ("-", case.nmap):
            text += f" (was {case.nmap})"
        return found, text, bad

    def witness(self, case, folder):
        """One case: do the hand-made envelopes fare as the table says?"""
        bad = []
        with live.Live(case, self.roots, folder) as it:
            w = witness.Witness(it)
            try:
                for n, problem, transcript in w.check_all():
                    with open(os.path.join(self.a.out, f"{case.id}.witness.{n}"), "w") as f:
                        f.write(transcript)
                    if problem:
                        bad.append(f"row {n}: {problem}")
            finally:
                w.close()
            nmap = "-"
            if not self.a.no_nmap:
                nmap = judge.nmap_answer(judge.start_nmap(it),
                                         os.path.join(self.a.out, f"{case.id}.nmap"))
        return f"{len(case.witness) - len(bad)}/{len(case.witness)} rows", nmap, bad


def work(chosen, rows, a, folder):
    """Everything behind the lab's outer wall; returns the exit status."""
    w = Work(chosen, a, folder)
    if a.what == "roots":
        return make_all(w)
    if a.what in ("shell", "exec"):
        return one(w, chosen[0], a)
    board = w.board
    audited = agreement.Agreement(rows, a, w.roots, folder)
    if rows and not chosen:
        audited.run()
    elif rows:
        audited.beside(AUDIT_JOBS)      # both mostly wait
    if chosen:
        board.head()
        board = w.run(w.test if a.what == "test" else w.witness)
        if rows:
            audited.end_beside()
    if a.junit:
        junit(a.junit, board.rows() + audited.results)
    print(board.last_line(audited), flush=True)
    return 1 if board.count("FAIL") or audited.failed else 0


def make_all(w):
    w.make_roots()
    for m in w.makers:
        m.join()
    failed = {r: text for r, text in w.state.items() if text}
    for r, text in failed.items():
        print(f"{r}: {text}", file=sys.stderr)
    print(f"{len(w.state) - len(failed)} roots ready, {len(failed)} failed")
    return 1 if failed else 0


def one(w, case, a):
    w.roots.say = lambda text: print(text, file=sys.stderr)
    for r in ["base", *case.roots]:
        w.roots.ensure(r)
    with live.Live(case, w.roots, os.path.join(w.folder, case.id)) as it:
        command = a.command
        if a.what == "shell":
            print(f"case {case.id}: {case.server}, {case.hole}\n"
                  f"target {it.target} ({it.target_address}); logs in $LAB_FOLDER; exit ends the case",
                  file=sys.stderr)
            command = [os.environ.get("SHELL", "/bin/sh")]
        if a.node:
            return it.run_inside(a.node, command).returncode
        return it.run_as_tester(command).returncode
