# SPDX-License-Identifier: GPL-3.0-or-later
"""Many targets at once: both testers against the responder, in a network namespace of their own.

The server side is the same program for both, and it counts what it was asked, so that nobody's own
claims are compared. nmap gets what makes it fastest for this (found by trying): the most timing, host
groups as large as the run, as many sockets as it takes; its script engine runs 1,000 scripts at most.
As people call it (-T5 alone) it is slower by a factor of thirty; that is measured too, on a small
sample. Postern runs with some fifty forms, three times nmap's, on all targets, and with the whole
catalogue on as many targets as nmap gets."""

import json
import os
import signal
import subprocess
import sys
import time

import measure

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
TARGETS_MAX = 60000
PORT, RTT = 25, 100
PLAIN_SAMPLE = 100      # targets for nmap -T5 alone
LIMIT = 120             # seconds for one run
NMAP_TUNED = ["-T5", "--min-hostgroup", "16384", "--max-hostgroup", "65536", "--max-parallelism",
              "16384", "--max-retries", "1"]
NMAP_PLAIN = ["-T5"]
# Senders, percent, quotes and bang paths: what nmap tries, and each crossed with more senders. Three
# times nmap's number.
FIFTY = ["--family", "plain", "--skip", "*n11*", "--skip", "s10", "--family", "percent", "--family",
         "quoted", "--family", "bang"]
WHOLE = []
deadline = float("inf")  # of time.monotonic(); set by tests/bench/run


class BulkError(Exception):
    """The bulk part could not be measured; the text says why."""


def addresses(count):
    return [f"127.{1 + i // 62500}.{i // 250 % 250}.{1 + i % 250}" for i in range(count)]


def build_responder(build):
    program = os.path.join(build, "bench-responder")
    sources = [os.path.join(HERE, "responder.c"), *(os.path.join(TOP, "src/base", n)
                                                    for n in ("num.c", "span.c"))]
    r = subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror",
                        "-I", os.path.join(TOP, "src"), "-o", program, *sources],
                       capture_output=True, text=True, check=False)
    if r.returncode != 0:
        raise BulkError(f"the responder does not compile: {r.stderr.strip().splitlines()[-1]}")
    return program


def inside(command):
    """The command in a fresh network namespace that has only lo."""
    words = ["sh", "-c", 'ip link set lo up && exec "$@"', "sh", *command]
    return ["unshare", "--net", *words]


def one(build, name, limits, command, limit):
    """One tester against a fresh responder. Called inside the namespace (see __main__)."""
    figures = os.path.join(build, f"bench-{name}.served")
    with open(figures, "w") as f:
        server = subprocess.Popen([os.path.join(build, "bench-responder"), "--port", str(PORT),
                                   "--rtt", str(RTT), *(["--limits"] if limits else [])],
                                  stdout=f, stderr=subprocess.PIPE, text=True)
    if server.stderr.readline() != "ready\n":
        raise BulkError("the responder does not start")
    try:
        with open(os.path.join(build, f"bench-{name}.out"), "w") as out, \
                open(os.path.join(build, f"bench-{name}.err"), "w") as err:
            cost = measure.run(command, limit, out, err)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)
    with open(figures) as f:
        return {**cost.told(), "served": json.load(f)}


def postern_command(build, targets, state, forms):
    return [os.path.join(build, "postern"), "test", "--own", "--probe-domain", "probe.example",
            "--ports", str(PORT), "--tls", "no", "--wait", "0", "--state", state, "--quiet",
            "--parallel", "10000", *forms, "--targets", targets]


def nmap_command(targets, how):
    return ["nmap", *how, "-Pn", "-n", "-p", str(PORT), "--script", "smtp-open-relay", "--script-args",
            "smtp-open-relay.domain=probe.example", "-iL", targets]


def write_targets(build, name, count):
    path = os.path.join(build, f"bench-{name}.targets")
    with open(path, "w") as f:
        f.writelines(a + "\n" for a in addresses(count))
    return path


def run_in_namespace(build, plan):
    """Hands one measurement to a copy of this script inside the namespace, and reads its answer."""
    limit = min(LIMIT, deadline - time.monotonic())
    if limit < 1:
        raise BulkError(f"no time was left for {plan['name']}")
    answer = os.path.join(build, f"bench-{plan['name']}.json")
    if os.path.exists(answer):
        os.unlink(answer)
    plan = {**plan, "build": build, "answer": answer, "limit": limit}
    print(f"bench: {plan['name']}, {plan['targets']} targets", file=sys.stderr, flush=True)
    r = subprocess.run(inside(["/usr/bin/python3", os.path.abspath(__file__), json.dumps(plan)]),
                       capture_output=True, text=True, timeout=limit + 30, check=False)
    if not os.path.exists(answer):
        raise BulkError(f"{plan['name']}: {(r.stderr.strip() or 'no answer').splitlines()[-1]}")
    with open(answer) as f:
        got = json.load(f)
    if got["timed_out"]:
        raise BulkError(f"{plan['name']}: not done after {limit:.0f} s")
    return {"targets": plan["targets"], **got}


def told(r):
    """Per target and per form, from what the responder saw."""
    served, n = r["served"], r["targets"]
    forms = served["forms"]
    return {**r, "targets_per_minute": round(n * 60 / r["seconds"], 1),
            "forms_per_target": round(forms / n, 2),
            "server_percent": round(served["cpu_ms"] / 10 / r["seconds"], 1),
            "cpu_us_per_form": round(r["cpu_seconds"] * 1e6 / forms, 2) if forms else None,
            "waits_per_form": round(served["waits"] / forms, 3) if forms else None}


def measure_postern(build, name, count, forms):
    path = write_targets(build, name, count)
    state = os.path.join(build, f"bench-{name}.state")
    return told(run_in_namespace(build, {
        "name": name, "targets": count, "limits": False, "fresh": state,
        "command": postern_command(build, path, state, forms)}))


def measure_nmap(build, name, count, how):
    path = write_targets(build, name, count)
    return told(run_in_namespace(build, {"name": name, "targets": count, "limits": False,
                                         "command": nmap_command(path, how)}))


def middle(runs):
    """The run in the middle by its time; how far apart the others were stands beside it."""
    by_time = sorted(runs, key=lambda r: r["seconds"])
    return {**by_time[len(runs) // 2], "all_seconds": [r["seconds"] for r in by_time]}


def measure_all(build, count, sample, repeat):
    build_responder(build)
    found = {"rtt_ms": RTT}
    found["postern_one"] = measure_postern(build, "postern-one", 1, FIFTY)
    ours, theirs = [], []
    for _ in range(repeat):  # in turn, so that whoever else uses the machine troubles both
        ours.append(measure_postern(build, "postern", count, FIFTY))
        theirs.append(measure_nmap(build, "nmap", sample, NMAP_TUNED))
    found["postern"], found["nmap"] = middle(ours), middle(theirs)
    found["nmap_plain"] = measure_nmap(build, "nmap-plain", min(sample, PLAIN_SAMPLE), NMAP_PLAIN)
    found["postern_whole"] = measure_postern(build, "postern-whole", sample, WHOLE)
    for name in ("postern", "postern_whole"):
        # What grows with the run, shared by the sessions that were open at once.
        grown = max(0, found[name]["peak_kib"] - found["postern_one"]["peak_kib"])
        found[name]["kib_per_session"] = round(grown / max(1, found[name]["served"]["peak"]), 2)
    return found


def main():
    plan = json.loads(sys.argv[1])
    if state := plan.get("fresh"):
        subprocess.run(["rm", "-rf", state], check=True)
    got = one(plan["build"], plan["name"], plan["limits"], plan["command"], plan["limit"])
    with open(plan["answer"], "w") as f:
        json.dump(got, f)


if __name__ == "__main__":
    main()
