# SPDX-License-Identifier: GPL-3.0-or-later
"""postern test against each fault of hostile.py: an end in bounded time and memory, no crash, the
right verdict, and nothing of the server's bytes raw in what is printed.

All faults run side by side when the first result is asked for: most of the time is waiting."""

import concurrent.futures
import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import xml.etree.ElementTree

import pytest

import hostile

TIMEOUT = 1         # seconds of patience for a reply, the least that --timeout takes
SECONDS_MAX = 60    # for one target, whatever it does
MEMORY_MAX = 64     # MiB resident
OUTPUT_MAX = 1 << 20
FLOOD_MAX = 32 << 20  # bytes that a flooder gets rid of in a session: buffers of two kernels
SIDE_BY_SIDE = 12

CLOSED, ACCEPTS, BLOCKED = {"closed"}, {"accepts"}, {"blocked"}
UNDECIDED = {"inconclusive"}
# Replies that answer the wrong command can't be told from answers: what was taken is unproved.
CONFUSED = {"accepts", "inconclusive"}

EXPECTED = {
    "none": CLOSED,
    # floods
    "endless-banner": UNDECIDED, "giant-banner": UNDECIDED, "giant-ehlo": UNDECIDED,
    "giant-rcpt": UNDECIDED, "huge-ehlo": UNDECIDED, "long-ehlo": CLOSED,
    "endless-refusal": UNDECIDED, "reply-flood": CONFUSED,
    # octets
    "nuls": CLOSED, "nul-banner": UNDECIDED, "bare-lf": CLOSED, "bare-cr": UNDECIDED,
    "cr-cr-lf": CLOSED, "binary-banner": UNDECIDED, "escapes": CLOSED, "ssh": UNDECIDED,
    "http": UNDECIDED, "http-at-once": UNDECIDED, "tls-at-once": UNDECIDED,
    # codes
    "code-empty": UNDECIDED, "code-short": UNDECIDED, "code-long": UNDECIDED,
    "code-letters": UNDECIDED, "code-199": UNDECIDED, "code-600": UNDECIDED,
    "code-negative": UNDECIDED, "code-no-text": CLOSED, "code-tab": UNDECIDED,
    # a greeting of another code than 220, and then an honest server
    "code-354": {"closed", "inconclusive", "blocked"},
    "code-250": {"closed", "inconclusive", "blocked"},
    "mixed-ehlo": {"closed", "inconclusive"},
    "mixed-rcpt-refused-last": {"closed", "inconclusive"},
    "mixed-rcpt-taken-last": {"closed", "inconclusive"},  # it refuses DATA
    "rcpt-354": {"closed", "inconclusive"}, "rcpt-334": {"closed", "inconclusive"},
    "rcpt-252": ACCEPTS,  # any 2yz is a yes, RFC 5321 section 4.2.1
    "helo-only": CLOSED, "no-hello": BLOCKED, "auth-required": CLOSED, "banner-554": BLOCKED,
    "refuses-control": BLOCKED, "greylists-all": UNDECIDED,
    # order
    "extra-reply-ehlo": CONFUSED, "extra-reply-mail": CONFUSED,
    "replies-before-commands": CONFUSED,
    # it refuses every recipient, in its way
    "skips-replies": CONFUSED | {"closed"},
    "pipelining-liar": {"closed", "inconclusive"}, "pipelining-punished": {"closed", "inconclusive"},
    "backwards": {"closed", "inconclusive"},
    # a reply that nothing asked for voids what the session heard
    "accepts-before-body": ACCEPTS | UNDECIDED,
    "yes-to-everything": ACCEPTS, "echo": UNDECIDED,
    # silence
    "silent-banner": UNDECIDED, "silent-ehlo": UNDECIDED, "silent-mail": UNDECIDED,
    "silent-rcpt": UNDECIDED, "silent-data": ACCEPTS, "silent-dot": ACCEPTS, "silent-quit": CLOSED,
    "silent-rset": {"closed", "inconclusive"}, "drip-banner": UNDECIDED, "drip-rcpt": UNDECIDED,
    "slow-but-sure": CLOSED, "never-reads": UNDECIDED,
    # ends; what was taken by RCPT stays taken when the server goes away later
    "close-at-once": BLOCKED, "reset-at-once": BLOCKED, "close-in-banner": BLOCKED,
    **{f"{how}-ehlo": {"blocked", "inconclusive"} for how in ("close", "reset", "half", "421")},
    **{f"{how}-{verb}": {"blocked", "inconclusive"} for how in ("close", "reset", "half", "421")
       for verb in ("mail", "rcpt")},
    **{f"{how}-{verb}": ACCEPTS for how in ("close", "reset", "half", "421")
       for verb in ("data", "dot")},
    **{f"{how}-rset": {"closed", "inconclusive"} for how in ("close", "reset", "half", "421")},
    **{f"{how}-quit": CLOSED for how in ("close", "reset", "half", "421")},
    "421-banner": BLOCKED, "421-and-stays": BLOCKED, "cuts-at-errors": CLOSED,
    "reset-in-body": ACCEPTS, "354-then-421": ACCEPTS,
    # TLS: the clear door is closed, what is behind STARTTLS stays unknown
    "starttls-454": {"closed", "inconclusive"}, "starttls-plaintext": UNDECIDED,
    "starttls-close": UNDECIDED, "starttls-reset": UNDECIDED, "starttls-silent": UNDECIDED,
    "starttls-alert": UNDECIDED, "starttls-garbage": UNDECIDED, "starttls-injected": CLOSED,
    "tls-then-close": UNDECIDED, "tls-then-silent": UNDECIDED, "tls-honest": CLOSED,
}

# A server that goes silent only after it has taken something is waited for again and again.
FEW_PROBES = {"silent-data", "silent-dot", "silent-quit"}

EXIT = {"closed": 0, "accepts": 1, "open": 2, "blocked": 3, "inconclusive": 3, "unreachable": 3}


def peak_memory(pid):
    """MiB that a process has had resident; getrusage() would count its parent before the exec."""
    try:
        with open(f"/proc/{pid}/status") as status:
            found = re.search(r"VmHWM:\s+(\d+) kB", status.read())
    except OSError:
        return 0
    return int(found[1]) / 1024 if found else 0


class Result:
    """One run of postern test against one fault."""

    def __init__(self, build, name, *options):
        self.name = name
        state = tempfile.mkdtemp(prefix="postern-hostile-")
        command = [build.program("postern-test"), "--own", "--probe-domain", "probe.example",
                   "--state", state, "--timeout", str(TIMEOUT), "--connect-timeout", str(TIMEOUT),
                   "--wait", "0", "--resolver", "127.0.0.1:1", "--color", "never",
                   *(("--set", "quick") if name in FEW_PROBES else ()), *options]
        started = time.monotonic()
        try:
            with hostile.Server(name) as server:
                self.server = server
                self.run([*command, server.target])
        finally:
            shutil.rmtree(state)
        self.seconds = time.monotonic() - started

    def run(self, command):
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
            end = time.monotonic() + 2 * SECONDS_MAX
            self.killed = False
            self.memory = 0
            while p.poll() is None:
                self.memory = max(self.memory, peak_memory(p.pid))
                if time.monotonic() > end and not self.killed:
                    self.killed = True
                    p.kill()
                time.sleep(0.02)
            self.code = p.returncode
            for f in (out, err):
                f.seek(0)
            self.out, self.err = out.read(), err.read()

    def rows(self, kind):
        return [row for row in map(json.loads, self.out.splitlines()) if row["type"] == kind]


@pytest.fixture(scope="module")
def results(build):
    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        slow_first = sorted(hostile.FAULTS, key=lambda name: name not in FEW_PROBES)
        futures = {name: pool.submit(Result, build, name, "--json") for name in slow_first}
        return {name: future.result() for name, future in futures.items()}


def test_every_fault_has_its_verdict():
    assert set(EXPECTED) == set(hostile.FAULTS)


@pytest.mark.parametrize("name", hostile.FAULTS)
def test_fault(results, build, name):
    r = results[name]
    assert r.server.errors == []  # the fault itself went as it should
    assert r.server.sessions > 0
    assert not r.killed and r.seconds < SECONDS_MAX
    assert b"Sanitizer" not in r.err and b"runtime error" not in r.err, r.err.decode()
    assert r.code >= 0, f"died of signal {-r.code}"
    if not build.sanitized():
        assert 0 < r.memory < MEMORY_MAX
    assert r.server.sent < FLOOD_MAX * r.server.sessions
    assert len(r.out) < OUTPUT_MAX and len(r.err) < 10000

    verdicts = r.rows("verdict")
    assert len(verdicts) == 1
    verdict = verdicts[0]
    assert verdict["verdict"] in EXPECTED[name], verdict["why"]
    assert verdict["proved"] == []
    assert (verdict["verdict"] == "accepts") == bool(verdict["accepted_unproved"])
    assert verdict["why"]
    assert r.code == EXIT[verdict["verdict"]]
    check_transcripts(r)


def check_transcripts(r):
    """Printable, bounded, and an answer has a question before it."""
    for probe in r.rows("probe"):
        commands = 0
        for line in probe["transcript"]:
            assert re.fullmatch(r"[CS-]: [ -~]*|[^CS].*", line), line
            assert len(line) < 20000
            assert line.isprintable(), line
            commands += line.startswith("C: ")
        assert commands > 0 or not any(x.startswith("S: ") for x in probe["transcript"])
        if probe["state"] in ("refused", "accepted", "deferred"):
            assert probe["transcript"], probe["probe"]


def test_injected_text_is_a_finding(results):
    findings = results["starttls-injected"].rows("verdict")[0]["findings"]
    assert "starttls-injection" in [f["id"] for f in findings]
    for name in ("tls-honest", "none"):
        assert "starttls-injection" not in str(results[name].rows("verdict"))


def test_refusals_are_read_over_nuls_and_bare_lf(results):
    """What is odd about a server's lines must not change what they say."""
    for name in ("nuls", "bare-lf", "cr-cr-lf", "escapes"):
        counts = results[name].rows("verdict")[0]["counts"]
        assert counts["accepted"] == 0 and counts["refused"] > 50, name


def test_cut_sessions_are_resumed(results):
    """A server that cuts at the sixth error still gets every probe, each exactly decided."""
    for name in ("cuts-at-errors", "close-quit"):
        counts = results[name].rows("verdict")[0]["counts"]
        whole = results["none"].rows("verdict")[0]["counts"]
        assert counts["refused"] == whole["refused"] and counts["lost"] == 0, name


@pytest.mark.parametrize("options", [[], ["--all"], ["--junit"], ["--prometheus"], ["--nagios"]])
def test_no_raw_bytes_of_the_server(build, options):
    """Escape sequences, markup and broken UTF-8 of a server don't reach terminals or documents."""
    r = Result(build, "escapes", *options)
    assert r.code == 0, r.err
    text = r.out.decode()  # UTF-8, whatever the server said
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text)
    if options == ["--junit"]:
        xml.etree.ElementTree.fromstring(text)
        assert "<script" not in text


def test_no_raw_bytes_in_html(build, tmp_path):
    page = tmp_path / "report.html"
    r = Result(build, "escapes", "--html", str(page))
    assert r.code == 0, r.err
    text = page.read_bytes().decode()
    assert "alert(1)" in text  # it is shown, as text
    assert "<script>alert" not in text and "\x1b" not in text and "\u202e" not in text


def test_all_in_one_process(build, tmp_path):
    """All of them in one loop: no server's fault changes what is said of its neighbour."""
    with contextlib.ExitStack() as stack:
        servers = {}
        for name in hostile.FAULTS:
            server = stack.enter_context(hostile.Server(name))
            servers[server.target] = name
        targets = tmp_path / "targets"
        targets.write_text("".join(target + "\n" for target in servers))
        r = build.run("--own", "--json", "--quiet", "--set", "quick", "--probe-domain",
                      "probe.example", "--state", str(tmp_path), "--timeout", str(TIMEOUT),
                      "--connect-timeout", "1", "--wait", "0", "--resolver", "127.0.0.1:1",
                      "--targets", str(targets), program="postern-test", timeout=SECONDS_MAX)
    assert r.returncode in (0, 1, 3) and "Sanitizer" not in r.stderr, r.stderr
    verdicts = [row for row in map(json.loads, r.stdout.splitlines()) if row["type"] == "verdict"]
    assert {v["target"] for v in verdicts} == set(servers) and len(verdicts) == len(servers)
    for v in verdicts:
        name = servers[v["target"]]
        assert v["verdict"] in EXPECTED[name], (name, v["why"])
        assert v["proved"] == []


def test_dead_ends(build, tmp_path):
    """Nobody there at all is unreachable, not a verdict on anything."""
    with hostile.Server("none") as server:
        target = server.target
    r = build.run("--own", "--json", "--probe-domain", "probe.example", "--state", str(tmp_path),
                  "--timeout", "1", "--connect-timeout", "1", "--wait", "0", "--resolver",
                  "127.0.0.1:1", target, program="postern-test", timeout=SECONDS_MAX)
    rows = [json.loads(line) for line in r.stdout.splitlines()]
    assert r.returncode == 3 and rows[-1]["verdict"] == "unreachable"
