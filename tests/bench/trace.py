#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many messages a second postern trace judges, on one core.

    tests/bench/trace.py [--build DIR] [--mbox FILE] [--repeat N]

Without --mbox the even samples of the SpamAssassin corpus are taken, from the git directory that
POSTERN_CORPUS_SAC names (stdlib-js/datasets-spam-assassin). Counted is the program's own CPU time,
reading and printing included: on a machine that does other things as well, the clock would measure
those. Goal: 20,000. Exit 1 below it."""

import argparse
import os
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GOAL = 20000
sys.path.insert(0, os.path.join(TOP, "tests", "tools"))


def write_corpus(path):
    import test_trace_corpus as corpus

    gitdir = os.environ.get("POSTERN_CORPUS_SAC", "")
    if not os.path.isdir(gitdir):
        sys.exit("no corpus: give --mbox, or set POSTERN_CORPUS_SAC")
    files = []
    for kind in ("spam-1", "spam-2", "easy-ham-1", "easy-ham-2", "hard-ham-1"):
        texts = [p for p in corpus.tree(gitdir, f"data/{kind}") if p.endswith(".txt")]
        files += [p for p in texts[1::2] if int(os.path.basename(p)[:5]) % 2 == 0]
    with open(path, "wb") as out:
        for data in corpus.blobs(gitdir, files):
            if not data.startswith(b"From "):
                data = b"From x@example.org Mon Aug  5 10:00:00 2002\n" + data
            out.write(data.rstrip(b"\n") + b"\n\n")


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--build", default=os.environ.get("POSTERN_BUILD", f"{TOP}/build"))
    options.add_argument("--mbox")
    options.add_argument("--repeat", type=int, default=5)
    args = options.parse_args()
    best = {}
    with tempfile.TemporaryDirectory() as folder:
        mbox = args.mbox or f"{folder}/mbox"
        if not args.mbox:
            write_corpus(mbox)
        core = str(min(os.sched_getaffinity(0)))
        for form in ("--summary", "--json"):
            command = ["taskset", "-c", core, f"{args.build}/postern-trace", form, mbox]
            for _ in range(args.repeat):
                before = os.times()
                out = subprocess.run(command, capture_output=True, check=False).stdout
                after = os.times()
                cpu = (after.children_user - before.children_user +
                       after.children_system - before.children_system)
                count = (int(out.split()[0]) if form == "--summary" else out.count(b'{"type":"message"'))
                best[form] = max(best.get(form, 0), count / max(cpu, 0.01))
        size = os.path.getsize(mbox)
    print(f"{count} messages, {size / 1e6:.1f} MB")
    for form, rate in best.items():
        print(f"  {form:<10} {rate:10,.0f} messages a second")
    return 0 if best["--summary"] >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
