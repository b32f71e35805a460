# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs Postern and nmap against a running case and compares Postern's answer with the table."""

import contextlib
import fnmatch
import json
import os
import re
import subprocess
import time

import cases
import dns
import net

NMAP_LIMIT = 60


class Answer:
    """What one run of `postern test` said."""

    def __init__(self, code, lines, error, seconds):
        self.code, self.error, self.seconds = code, error, seconds
        self.verdicts = [l for l in lines if l.get("type") == "verdict"]
        self.probes = [l for l in lines if l.get("type") == "probe"]

    @property
    def verdict(self):
        if self.verdicts:
            return "/".join(sorted({v.get("verdict", "?") for v in self.verdicts}))
        return "no answer" if self.code is None else f"exit {self.code}"

    def all(self, key):
        return [x for v in self.verdicts for x in v.get(key) or []]


def account_args(folder, account):
    """"USER PASSWORD" as the tester takes it: the password in a file that nobody else reads."""
    user, password = account.split()
    path = os.path.join(folder, "password")
    with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as f:
        f.write(password + "\n")
    return ["--account", user, "--password-file", path]


def run_postern(live, postern, save, limit, also=None):
    """Runs the tester in the tester's namespace; its output is kept in the file `save`. `also`: a
    further test of the case, with target and arguments of its own."""
    case = live.case
    args = case.args if also is None else also.get("args", [])
    target = case.target if also is None else also.get("target", case.target)
    state = os.path.join(live.folder, "state")
    if also and "account" in also:
        args = [*args, *account_args(live.folder, also["account"])]
    command = [postern, "test", "--own", "--state", state, "--probe-domain", dns.PROBE_DOMAIN,
               "--sink-listen", f"{net.TESTER[0]}:25", "--wait", str(case.wait), "--json",
               *args, target]
    stem = os.path.splitext(save)[0]
    for old in (save, stem + ".err"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(old)
    started = time.monotonic()
    try:
        r = live.run_as_tester(command, capture_output=True, timeout=min(case.timeout, limit),
                               stdin=subprocess.DEVNULL)
        code, out, err = r.returncode, r.stdout, r.stderr
    except subprocess.TimeoutExpired as e:
        code, out, err = None, e.stdout or b"", (e.stderr or b"") + b"\nlab: timed out\n"
    seconds = time.monotonic() - started
    with open(save, "wb") as f:
        f.write(out)
    lines, error = [], err.decode("utf-8", "replace")
    for n, row in enumerate(out.decode("utf-8", "replace").splitlines(), 1):
        try:
            lines.append(json.loads(row))
        except json.JSONDecodeError:
            error += f"\nline {n} is no JSON: {row[:80]}"
    if error.strip():
        with open(stem + ".err", "w") as f:
            f.write(error)
    return Answer(code, lines, error, seconds)


def problems(case, answer):
    """Everything in the answer that is not what the table says."""
    found = []
    if answer.code is None:
        return [f"no end within {answer.seconds:.0f} s"]
    if answer.verdict != case.verdict:
        found.append(f"verdict {answer.verdict}")
    if answer.code != cases.VERDICTS[case.verdict]:
        found.append(f"exit code {answer.code}, not {cases.VERDICTS[case.verdict]}")
    if "is no JSON" in answer.error:
        found.append("output that is no JSON")
    ids = [f.get("id", "") for f in answer.all("findings")]
    for want in case.findings:
        if not fnmatch.filter(ids, want):
            found.append(f"no finding {want}")
    for unwanted in case.no_findings:
        if fnmatch.filter(ids, unwanted):
            found.append(f"finding {unwanted}")
    proved = answer.all("proved")
    if proved and case.verdict != "open":
        found.append(f"{len(proved)} proved")
    for p in proved:
        if case.proved.get("every") and not any(matches(p, m) for m in case.proved["every"]):
            found.append(f"proved {p.get('probe')} ({p.get('mail')} {p.get('rcpt')}), which can't be")
            break
    for m in case.proved.get("none", []):
        if any(matches(p, m) for p in proved):
            found.append(f"proved something like {m}, which can't be")
    for m in case.proved.get("some", []):
        if not any(matches(p, m) for p in proved):
            found.append(f"nothing proved like {m}")
    if case.verdict == "open" and len(proved) < case.proved.get("count_min", 1):
        found.append(f"only {len(proved)} proved")
    return found


def not_logged(live):
    """What the servers' logs lack of what the case wants there."""
    return [f"{node}'s log has no {pattern}" for node, pattern in live.case.logged.items()
            if not re.search(pattern, live.log(node) + live.files_below(node, "/var/log"))]


def matches(proved, pattern):
    """True if every setting of the pattern fits; text as a glob (`a|b` for either), case ignored."""
    for key, want in pattern.items():
        have = proved.get(key)
        if isinstance(want, str):
            text = str("" if have is None else have).lower().strip("<>")
            if not any(fnmatch.fnmatchcase(text, w.lower()) for w in want.split("|")):
                return False
        elif key == "tls":      # how it was, in words: none, starttls, implicit
            if (have not in ("none", "no", False, None)) != want:
                return False
        elif have != want:
            return False
    return True


def start_nmap(live):
    """nmap's own relay test from an address of its own; read with nmap_answer()."""
    address = live.target_address
    script = (f"smtp-open-relay.domain={dns.PROBE_DOMAIN},"
              f"smtp-open-relay.ip={net.NMAP[0]}")
    command = ["nmap", *(["-6"] if ":" in address else []), "-Pn", "-sT", "-p25", "-v",
               "--script", "smtp-open-relay", "--script-args", script, address]
    return live.start_as_tester(command, who="nmap", stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def nmap_answer(process, save=None):
    """nmap's answer in a word or two: "3/16", "0/16", "no verdict", "port closed", ..."""
    try:
        text, _ = process.communicate(timeout=NMAP_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        text = process.communicate()[0]
        return "timed out"
    if save:
        with open(save, "w") as f:
            f.write(text)
    if m := re.search(r"open relay \((\d+/\d+) tests\)", text):
        return m.group(1)
    if "all tests failed" in text:
        return "0/16"
    if re.search(r"isn't an open relay", text):
        return "isn't (530)"
    if m := re.search(r"^25/tcp\s+(closed|filtered)", text, re.M):
        return f"port {m.group(1)}"
    if "smtp-open-relay:" in text:
        return "no verdict"     # the script gave up: cut off, refused, or out of patience
    return "no answer"
