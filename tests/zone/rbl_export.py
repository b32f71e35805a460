#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `postern list export` writes for rbldnsd, loaded by rbldnsd, answers what the list answers here.

    tests/zone/rbl_export.py BUILD [--lists N] [--seed N]

Lists are random (rbl_make.py). Each is written in every form that can say it; rbldnsd must take each
file without a warning, a second export must be the same octet for octet, and so must an export of what
was exported. Texts are compared as far as rbldnsd has them. The last line is "N passed, N failed"."""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import rbl_differ  # noqa: E402
import rbl_make  # noqa: E402

FORMS = {"ip4set": ["ip4set"], "ip4trie": ["ip4set", "ip4trie"], "ip4tset": ["ip4set", "ip4trie"],
         "ip6trie": ["ip6trie"], "ip6tset": ["ip6trie"], "dnset": ["dnset"], "generic": ["generic"]}
HEAD = 120  # octets of a text: doubled dollar signs may leave less of a long one


def export(build, form, source, path):
    """The octets, and what was said."""
    run = subprocess.run([os.path.join(build, "postern-list"), "export", "--format", form, "--output", path, source],
                         check=False, capture_output=True, timeout=60)
    if run.returncode:
        return None, run.stderr.decode("latin-1")
    os.chmod(path, 0o644)
    with open(path, "rb") as f:
        return f.read(), run.stderr.decode("latin-1")


def said(answer):
    return sorted((r[1], r[3][:HEAD] if isinstance(r[3], bytes) else r[3]) for r in answer.answer)


def answers_differ(build, form, path, source, names):
    """The first question whose answers do, or what rbldnsd warned of."""
    types = [rbl_differ.A, rbl_differ.TXT, *([rbl_differ.MX] if form in ("generic", "combined") else [])]
    asked = [rbl_differ.Question(n, t, rbl_make.ZONE) for n in sorted(names) for t in types]
    packets = [rbl_differ.question(i, q.full, q.qtype) for i, q in enumerate(asked)]
    with rbl_differ.rbldnsd([f"{rbl_make.ZONE}:{form}:{path}"]) as server:
        theirs, warned = server.ask(packets), [x for x in server.said.splitlines() if f"{path}(" in x]
    program = os.path.join(build, "tests/zone/rbl-answer")
    ours, _ = rbl_differ.ask_postern(program, [f"{rbl_make.ZONE}:{source}"], packets)
    for q, a, b in zip(asked, theirs, ours):
        a, b = rbl_differ.Answer(a), rbl_differ.Answer(b)
        if not (q.test or b.tc or rbl_differ.is_six_to_four(q.name) or q.name.startswith("0") and q.name[1:2].isdigit()) \
                and said(a) != said(b):
            return f"{q}: rbldnsd {said(a)}, the list {said(b)}"
    return warned[0] if warned else None


def look(build, kind, form, source, names, folder):
    """What is wrong with this form of this list, or None."""
    path = os.path.join(folder, f"out.{form}")
    first, err = export(build, form, source, path)
    if first is None:
        return None if "more bad lines" in err else err
    if export(build, form, source, path + ".again")[0] != first:
        return "two exports differ"
    if export(build, form, f"{form}:{path}", path + ".back")[0] != first:
        return "what was read back is written otherwise"
    if "left out" in err and form != "combined":
        return None  # it was told that this form can't say all
    return answers_differ(build, form, path, source, names)


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("build")
    options.add_argument("--lists", type=int, default=100)
    options.add_argument("--seed", type=int, default=None)
    args = options.parse_args()
    seed = args.seed if args.seed is not None else random.randrange(1 << 30)
    rng = random.Random(seed)
    passed = failed = 0
    for _ in range(args.lists):
        folder = tempfile.mkdtemp(prefix="rbl-")
        os.chmod(folder, 0o755)
        kind = rng.choice(sorted(FORMS))
        make = rbl_make.Maker(rng, folder)
        source = make.dataset(kind, rng.choice([5, 40, 120]))
        names = set(rng.sample(sorted(make.names), min(len(make.names), 200)))
        wrong = 0
        for form in [*FORMS[kind], "combined"]:
            why = look(args.build, kind, form, source, names, folder)
            if why:
                print(f"{source} as {form}: {why}")
            wrong += why is not None
            passed += why is None
        failed += wrong
        if not wrong:
            shutil.rmtree(folder)
    print(f"seed {seed}\n{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
