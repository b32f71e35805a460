#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""postern trace against labelled messages of two public corpora, beside SpamAssassin's trust path.

    tests/tools/test_trace_corpus.py [--build DIR]       the table; exit 1 below the goals
    pytest tests/tools                                    the same as a test

The corpora are not in this tree. Clone or fetch them and name the git directories:

    POSTERN_CORPUS_SAC    stdlib-js/datasets-spam-assassin (the SpamAssassin corpus, 2001-02)
    POSTERN_CORPUS_PP     rf-peixoto/phishing_pot (2022-26)

Labels: tests/data/trace/labels.tsv, even samples only; the odd ones are kept for blind measurement.
Judged twice: with the boundary named (--trust of the lowest own line's host) and by the default."""

import argparse
import collections
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLASSES = "ABCDEFGHU"
BLAMED = "ABCD"
RIGHT = 0.95  # of the classes, with the boundary named


def labels():
    rows = []
    for line in open(f"{TOP}/tests/data/trace/labels.tsv", encoding="utf-8"):
        if not line.startswith("#"):
            sample, own, letter, culprit, why = line.rstrip("\n").split("\t")
            rows.append((sample, int(own), letter, int(culprit), why))
    return rows


def blobs(gitdir, paths):
    """The files' bytes at HEAD, read in one go."""
    with subprocess.Popen(["git", "-C", gitdir, "cat-file", "--batch"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process:
        for path in paths:
            process.stdin.write(f"HEAD:{path}\n".encode())
            process.stdin.flush()
            head = process.stdout.readline().split()
            if head[-1] == b"missing":
                yield None
            else:
                yield process.stdout.read(int(head[2]) + 1)[:-1]
        process.stdin.close()


def tree(gitdir, folder):
    out = subprocess.run(["git", "-C", gitdir, "ls-tree", "-r", "--name-only", "HEAD", folder],
                         check=True, capture_output=True, text=True).stdout
    return sorted(out.split())


def corpora():
    """Which git directories are there; the missing ones by name."""
    wanted = {"sac": "POSTERN_CORPUS_SAC", "pp": "POSTERN_CORPUS_PP"}
    there = {k: os.environ[v] for k, v in wanted.items() if os.path.isdir(os.environ.get(v, ""))}
    return there, [v for k, v in wanted.items() if k not in there]


def unpack(there, folder):
    """Writes the labelled messages into folder; returns {sample: file}."""
    files = {}
    samples = [row[0] for row in labels()]
    paths = {}
    if "sac" in there:
        for kind in {s.split("/")[1] for s in samples if s.startswith("sac/")}:
            for path in tree(there["sac"], f"data/{kind}"):
                if path.endswith(".txt"):
                    paths[f"sac/{kind}/{os.path.basename(path)[:5]}"] = ("sac", path)
    for s in samples:
        if s.startswith("pp/") and "pp" in there:
            paths[s] = ("pp", f"email/sample-{int(s[3:])}.eml")
    for corpus in there:
        mine = [s for s in samples if paths.get(s, ("",))[0] == corpus]
        for sample, data in zip(mine, blobs(there[corpus], [paths[s][1] for s in mine])):
            if data is not None:
                files[sample] = os.path.join(folder, sample.replace("/", "-"))
                with open(files[sample], "wb") as out:
                    out.write(data)
    return files


def trace(program, path, *options):
    run = subprocess.run([program, "--json", "--hops", *options, path], capture_output=True, text=True)
    if run.returncode not in (0, 2, 3):
        raise RuntimeError(f"{path}: exit {run.returncode}: {run.stderr}")
    return json.loads(run.stdout.splitlines()[0])


def named(doc, own):
    """The option that names the boundary: the host of the lowest own line that has a name."""
    for hop in reversed(doc["hops"][:own]):
        if "." in hop.get("by", "") and not hop["by"].startswith("localhost"):
            return ["--trust", hop["by"].rstrip(".")]
    return []


def is_private(address):
    return re.match(r"(10|127|192\.168|169\.254|172\.(1[6-9]|2\d|3[01]))\.|f[cde]|::1$", address)


def address_of(hops, number):
    """Of the writer of field `number`: the first public address that a line above it saw."""
    for hop in reversed(hops[:number - 1]):
        if hop.get("address") and not is_private(hop["address"]):
            return hop["address"]
    return None


def is_culprit(doc, number):
    """Whether the one blamed is the writer of Received field `number`."""
    if not doc["culprit"] or not number:
        return False
    return (doc["hops"][number - 1].get("by", "").rstrip(".") in
            [n.rstrip(".") for n in doc["culprit"]["names"]] or
            doc["culprit"].get("address") == address_of(doc["hops"], number))


def judge(program, files):
    """Per mode a list of (sample, wanted class, got class, wanted to blame, blamed, right host)."""
    results = {"named boundary": [], "default": []}
    for sample, own, letter, culprit, _ in labels():
        if sample not in files:
            continue
        plain = trace(program, files[sample])
        for mode, doc in (("default", plain),
                          ("named boundary", trace(program, files[sample], *named(plain, own)))):
            results[mode].append((sample, letter, doc["class"], culprit, bool(doc["culprit"]),
                                  is_culprit(doc, culprit)))
    return results


def spamassassin(files):
    """{sample: the address that SpamAssassin holds to account}, or None where it is not installed."""
    script = f"{TOP}/tests/tools/sa_trust.pl"
    if not shutil.which("perl") or subprocess.run(["perl", "-MMail::SpamAssassin", "-e", "1"],
                                                  capture_output=True).returncode:
        return None
    order = list(files)
    out = subprocess.run(["perl", script, *[files[s] for s in order]], check=True,
                         capture_output=True, text=True, errors="replace").stdout
    return {s: line.split("\t")[1] for s, line in zip(order, out.splitlines())}


def table(results):
    text = ""
    for mode, rows in results.items():
        text += f"\n{mode}: {len(rows)} messages\n  class  labelled  found  right  precision  recall\n"
        for c in CLASSES:
            want = sum(r[1] == c for r in rows)
            got = sum(r[2] == c for r in rows)
            right = sum(r[1] == c == r[2] for r in rows)
            text += (f"  {c}      {want:8}  {got:5}  {right:5}  "
                     f"{right / got if got else 1:9.3f}  {right / want if want else 1:6.3f}\n")
        blamed = [r for r in rows if r[4]]
        wrong = [r[0] for r in blamed if r[1] not in BLAMED or not r[5]]
        guilty = [r for r in rows if r[1] in BLAMED]
        text += (f"  classes right {share(rows):.3f}; hosts blamed {len(blamed)}, wrongly "
                 f"{len(wrong)}; of {len(guilty)} guilty {sum(r[5] for r in guilty)} named\n")
        text += "".join(f"    wrong host: {s}\n" for s in wrong)
        text += "".join(f"    {r[0]}: {r[1]}, got {r[2]}\n" for r in rows if r[1] != r[2])
    return text


def share(rows):
    return sum(r[1] == r[2] for r in rows) / len(rows) if rows else 0


def beside(program, files, accused):
    """SpamAssassin names one address and no class: how often is it the guilty, or an innocent?"""
    right = wrong = silent = innocent = 0
    for sample, _, letter, culprit, _ in labels():
        if sample not in files or sample not in accused:
            continue
        hops = trace(program, files[sample])["hops"]
        if letter not in BLAMED:
            innocent += accused[sample] != "-"
            continue
        if accused[sample] == "-":
            silent += 1
        elif accused[sample] == address_of(hops, culprit):
            right += 1
        else:
            wrong += 1
    return (f"\nSpamAssassin's first untrusted relay, on the same messages: of the guilty {right} named, "
            f"{wrong} times another host, {silent} times none;\n"
            f"of the others {innocent} times a host although there is none to blame. It tells no class.\n")


def program_of(build):
    return os.path.join(build, "postern-trace")


def measure(build):
    there, missing = corpora()
    with tempfile.TemporaryDirectory() as folder:
        files = unpack(there, folder)
        results = judge(program_of(build), files)
        text = table(results)
        accused = spamassassin(files)
        text += beside(program_of(build), files, accused) if accused else \
            "\nSpamAssassin is not installed (Debian: spamassassin): no comparison.\n"
    return results, text, missing


def test_labelled_messages():
    import pytest

    there, missing = corpora()
    if not there:
        pytest.skip("no corpora: set " + " and ".join(missing))
    build = os.environ.get("POSTERN_BUILD", f"{TOP}/build")
    if not os.access(program_of(build), os.X_OK):
        pytest.skip(f"no {program_of(build)}")
    results, text, _ = measure(build)
    print(text)
    rows = results["named boundary"]
    assert share(rows) >= RIGHT
    assert not [r[0] for r in rows if r[4] and (r[1] not in BLAMED or not r[5])]


def test_labels_are_sound():
    rows = labels()
    assert len(rows) >= 300
    for sample, own, letter, culprit, why in rows:
        assert int(re.search(r"(\d+)$", sample).group(1)) % 2 == 0, sample
        assert letter in CLASSES and why
        assert (letter in BLAMED) == (culprit > 0), sample
        assert culprit == 0 or culprit > own, sample
    assert max(collections.Counter(r[0] for r in rows).values()) == 1


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--build", default=os.environ.get("POSTERN_BUILD", f"{TOP}/build"))
    args = options.parse_args()
    there, missing = corpora()
    if not there:
        sys.exit("no corpora: set " + " and ".join(missing))
    results, text, missing = measure(args.build)
    print(text + "".join(f"left out: {name} is not set\n" for name in missing), end="")
    rows = results["named boundary"]
    bad = [r for r in rows if r[4] and (r[1] not in BLAMED or not r[5])]
    return 0 if share(rows) >= RIGHT and not bad else 1


if __name__ == "__main__":
    sys.exit(main())
