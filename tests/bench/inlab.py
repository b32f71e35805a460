#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inside a lab case, as the tester: both testers against the one real server there.

    inlab.py POSTERN ANSWER.json      (LAB_TARGET, LAB_TARGET_ADDR, LAB_PROBE_DOMAIN: from the lab)

A form is judged when the server answered its RCPT, or refused its MAIL. nmap tells neither that nor how
often it waited, so it runs twice: once for the time, once with its trace on, which is read here."""

import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import measure  # noqa: E402

LIMIT = 120  # seconds for one run
NMAP_FORMS = 16
JUDGED = ("refused", "accepted", "bounced", "proved", "deferred", "inferred")


def nmap_command(address, domain, *more):
    return ["nmap", "-Pn", "-n", "-T5", "-p25", "--script", "smtp-open-relay", "--script-args",
            f"smtp-open-relay.domain={domain}", *more, address]


HEX = re.compile(r"[0-9a-f]{8}: ((?:[0-9a-f]{2} ){1,16})")
STEPS = ("CONNECT", "SEND", "CLOSE", "SSL")


def trace_events(text):
    """(sent, bytes) for each message of the script in nmap --script-trace: short ones are dumped in
    hex over several lines, long ones stand there as text."""
    events = []
    for line in text.splitlines():
        head = re.match(r"NSE: TCP \S+ ([<>]) \S+ \| ", line)
        dump = HEX.match(line, head.end() if head else 0)
        words = line[head.end():] if head else ""
        if head and words not in STEPS:
            events.append((head.group(1) == ">", b"" if dump else words.encode()))
        if dump and events:
            sent, so_far = events[-1]
            events[-1] = (sent, so_far + bytes.fromhex(dump.group(1)))
    return events


def nmap_dialogue(events):
    waits, rcpt, mail_refused, pending = 1, 0, 0, b""
    for sent, words in events:
        if sent:
            pending = words
            waits += not words.startswith(b"QUIT")
            continue
        if pending.startswith(b"RCPT"):
            rcpt += 1
        elif pending.startswith(b"MAIL") and words[:1] in (b"4", b"5"):
            mail_refused += 1
        pending = b""
    return {"waits": waits, "at_rcpt": rcpt, "at_mail": mail_refused}


def run_nmap(address, domain):
    out = subprocess.PIPE
    started = time.monotonic()
    r = subprocess.run(nmap_command(address, domain), stdout=out, stderr=subprocess.STDOUT, text=True,
                       timeout=LIMIT, check=False)
    seconds = time.monotonic() - started
    said = [line.strip("|_ ") for line in r.stdout.splitlines() if "smtp-open-relay" in line]
    traced = subprocess.run(nmap_command(address, domain, "--script-trace"), stdout=out,
                            stderr=subprocess.DEVNULL, text=True, errors="replace", timeout=LIMIT,
                            check=False)
    told = nmap_dialogue(trace_events(traced.stdout))
    # Without a word at the end its user learns nothing of any form.
    return {"seconds": round(seconds, 3), "forms": NMAP_FORMS, "said": said[0] if said else "",
            **told}


def read_documents(path):
    with open(path, errors="replace") as f:
        return [json.loads(line) for line in f if line.startswith("{")]


def run_postern(postern, address, domain, local, answer):
    out = answer + ".lines"
    state = answer + ".state"
    # One door, as nmap has one; without a wait for arrivals its time is that of the dialogue. The
    # target's own domain makes the forms that need one part of the catalogue.
    command = [postern, "test", "--own", "--probe-domain", domain, "--ports", "25", "--tls", "no",
               "--json", "--quiet", "--state", state, "--wait", "0", "--local-domain", local, address]
    with open(out, "w") as f, open(answer + ".log", "w") as log:
        cost = measure.run(command, LIMIT, f, log)
    docs = read_documents(out)
    probes = [d for d in docs if d.get("type") == "probe"]
    doors = [d for d in docs if d.get("type") == "door" and d.get("tried")]
    verdict = next((d for d in docs if d.get("type") == "verdict"), {})
    states = {}
    for p in probes:
        states[p.get("state")] = states.get(p.get("state"), 0) + 1
    # Skipped are forms that cannot be made here (no login given, no such EHLO keyword).
    return {**cost.told(), "forms": len(probes) - states.get("skipped", 0), "verdict": verdict.get("verdict"),
            "judged": sum(states.get(s, 0) for s in JUDGED), "states": states,
            "asked": sum(n for s, n in states.items() if s in JUDGED and s != "inferred"),
            "door_ms": [d.get("ms") for d in doors],
            "session_ms": [s.get("ms") for d in doors for s in d.get("session_list", [])],
            "waits": sum(d.get("waits", 0) for d in doors),
            "sessions": sum(d.get("sessions", 0) for d in doors)}


def main():
    postern, answer = sys.argv[1:]
    address, domain = os.environ["LAB_TARGET_ADDR"], os.environ["LAB_PROBE_DOMAIN"]
    local = os.environ["LAB_TARGET"].partition(".")[2]
    found = {"postern": run_postern(postern, address, domain, local, answer),
             "nmap": run_nmap(address, domain)}
    with open(answer, "w") as f:
        json.dump(found, f)


if __name__ == "__main__":
    main()
