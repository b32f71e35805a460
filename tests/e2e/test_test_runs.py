# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of postern test over time: greylisting, kills and coming back, manners towards strangers, and
the places where proofs arrive."""

import collections
import email.message
import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest

import testlib
from sinklib import Sink
from testlib import DOMAIN, Greylist, MailboxServer, Server, Tester, free_port, open_to_all

FEW = ("--own", "--tls", "no", "--only", "third-party.plain", "--only", "null.plain", "--only",
       "third-party.percent-literal")


def triples(grey):
    """Who asked how often, without the client's address."""
    return {(mail, rcpt): len(times) for (_, mail, rcpt), times in grey.asked.items()}


# --- greylisting -----------------------------------------------------------------------------------

class Hinting(Greylist):
    """Says how long it wants to wait."""

    def __call__(self, session, path):
        reply = super().__call__(session, path)
        return reply and reply.replace("Greylisted", "Greylisted for 1 second")


def test_greylisting_is_waited_for(tmp_path):
    tester = Tester(tmp_path)
    grey = Hinting(1, then=open_to_all)
    with Server(rcpt=grey, relay_to=("127.0.0.1", tester.sink)) as server:
        got = tester.json(*FEW, "--wait", "20", server.target)
    assert (got.code, got.err) == (2, "")
    assert len(got.verdict["proved"]) == 3
    for (mail, rcpt), times in triples(grey).items():
        assert times >= 2, (mail, rcpt)
    for probe in got.of_type("probe"):
        assert probe["attempts"] >= 2
    # Each came again as it was: as many triples as envelopes, and the control.
    assert len(grey.asked) == 4


def test_greylisting_and_resume(tmp_path):
    """Without patience the run waits on disk; what comes back is the very same triple."""
    tester = Tester(tmp_path)
    grey = Hinting(1, then=open_to_all)
    with Server(rcpt=grey, relay_to=("127.0.0.1", tester.sink)) as server:
        first = tester.json(*FEW, "--wait", "0", server.target)
        assert first.code == 3 and first.verdict["verdict"] == "inconclusive", first.err
        assert "greylisting" in first.findings()
        assert "put off" in first.verdict["why"]
        assert any("--resume" in step for step in first.verdict["next"])
        assert {p["state"] for p in first.of_type("probe")} == {"deferred"}
        assert [run["state"] for run in tester.runs()] == ["waiting"]
        before = set(grey.asked)
        assert {len(times) for times in grey.asked.values()} == {1}
        time.sleep(1.1)
        again = tester.json("--resume", "--wait", "20")
        assert (again.code, again.err) == (2, "")
        assert set(grey.asked) == before, "no new triple"
    assert {p["rcpt"] for p in first.of_type("probe")} == {p["rcpt"] for p in again.verdict["proved"]}
    assert again.verdict["run"] == first.verdict["run"]
    assert [run["state"] for run in tester.runs()] == ["done"]
    shown = tester.show().verdict
    assert shown["verdict"] == "open" and len(shown["proved"]) == 3
    # Nothing is left to do, and that is said.
    last = tester.json("--resume")
    assert (last.code, last.out) == (2, "") and "nothing left to do" in last.err


def test_resume_asks_only_what_was_put_off(tmp_path):
    tester = Tester(tmp_path, "--tls", "no", sink=False)
    put_off = set()

    def rcpt(session, path):
        if "%" in path and path not in put_off:
            put_off.add(path)
            return "450 4.2.0 Greylisted for 1 second"
        return None

    with Server(rcpt=rcpt) as server:
        first = tester.json("--own", "--wait", "0", server.target)
        assert first.code == 3 and first.verdict["counts"]["deferred"] == len(put_off) > 5
        before = len(server.sessions)
        again = tester.json("--resume", "--wait", "10")
        asked = [line[8:] for lines in server.sessions[before:] for line in lines
                 if line.startswith("RCPT TO:") and testlib.ours(line)]
    assert again.code == 0 and again.verdict["verdict"] == "closed", again.verdict["why"]
    assert set(asked) >= put_off
    assert len(asked) - len(put_off) <= first.verdict["counts"]["inferred"]
    assert again.verdict["counts"]["refused"] == first.verdict["counts"]["refused"] + len(put_off)


# --- kills -----------------------------------------------------------------------------------------

class Street:
    """Many hosts of one network, all the same closed server, each a little slow."""

    def __init__(self, count, delay):
        self.delay = delay
        self.server = Server("0.0.0.0", mail=self.pause)
        self.hosts = [f"127.3.{i // 200}.{i % 200 + 1}:{self.server.port}" for i in range(count)]
        self.visits = collections.defaultdict(list)

    def pause(self, session, path):
        here = session.connection.getsockname()[0]
        if not session.rcpts and session not in self.visits[here]:
            self.visits[here].append(session)
            time.sleep(self.delay)

    def __enter__(self):
        self.server.__enter__()
        return self

    def __exit__(self, *error):
        self.server.__exit__(*error)

    def visited(self):
        return {host: len(sessions) for host, sessions in self.visits.items()}


ONE = ("--own", "--tls", "no", "--only", "third-party.plain", "--wait", "0", "--quiet")


@pytest.mark.parametrize("jobs", ["1", "3"])
@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "asked to stop"])
def test_interrupted_run_goes_on(tmp_path, signum, jobs):
    """No host twice, none lost, whenever it ends: what is printed is on disk before."""
    tester = Tester(tmp_path, sink=False)
    targets = tmp_path / "targets"
    with Street(120, 0.1) as street:
        targets.write_text("\n".join(street.hosts))
        first = tester.start("--json", *ONE, "--parallel", "8", "--jobs", jobs, "--targets",
                             targets)
        lines = []
        while sum('"verdict","' in line for line in lines) < 20:
            lines.append(first.stdout.readline())
        first.send_signal(signum)
        # Not communicate(): that would lose what readline() has read ahead.
        whole = "".join(lines) + first.stdout.read()
        err = first.stderr.read()
        first.wait(testlib.PATIENCE)
        assert first.returncode == (-signal.SIGKILL if signum == signal.SIGKILL else 3), err
        done = {json.loads(line)["target"] for line in whole.splitlines(keepends=True)
                if line.endswith("\n") and json.loads(line)["type"] == "verdict"}
        assert 20 <= len(done) < 120
        assert [run["state"] for run in tester.runs()] == ["running"]
        before = street.visited()
        again = tester.json("--resume", "--quiet")
        after = street.visited()
    assert (again.code, again.err) == (0, "")
    assert not done & set(again.verdicts), "nobody is told twice"
    for host in done:
        ip = host.split(":")[0]
        assert after[ip] == before[ip], "nobody is tested twice"
    shown = tester.show().verdicts
    assert set(shown) == set(street.hosts), "nobody is lost"
    assert {v["verdict"] for v in shown.values()} == {"closed"}
    assert [run["state"] for run in tester.runs()] == ["done"]
    # Those that were under way are tested once more, and no others.
    assert sum(after.values()) - len(after) <= 2 * 8


def test_threads_and_arrivals(tmp_path):
    """Proofs come in while threads still speak with the hosts that they are of."""
    tester = Tester(tmp_path)
    with Server("0.0.0.0", rcpt=open_to_all, relay_to=("127.0.0.1", tester.sink)) as server:
        hosts = [f"127.3.1.{i + 1}:{server.port}" for i in range(40)]
        got = tester.json("--own", "--only", "third-party.p*", "--tls", "no", "--wait", "20",
                          "--jobs", "3", *hosts)
    assert (got.code, got.err) == (2, "")
    assert set(got.verdicts) == set(hosts)
    for host, verdict in got.verdicts.items():
        assert verdict["verdict"] == "open" and len(verdict["proved"]) > 5, verdict["why"]
        assert {p["input"] for p in verdict["proved"]} == {host.split(":")[0]}
    assert [run["state"] for run in tester.runs()] == ["done"]


def test_two_cannot_resume_one_run(tmp_path):
    tester = Tester(tmp_path, sink=False)
    with Street(10, 0.3) as street:
        first = tester.start("--json", *ONE, "--parallel", "1", *street.hosts)
        while not street.visits:
            time.sleep(0.02)
        got = tester.json("--resume")
        assert got.code >= 64 and got.out == "" and "another" in got.err, (got.code, got.err)
        out, err = first.communicate(timeout=testlib.PATIENCE)
        assert first.returncode == 0, err


def test_second_signal_ends_at_once(tmp_path):
    tester = Tester(tmp_path, sink=False)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        p = tester.start("--own", "--tls", "no", "127.0.0.1:%d" % silent.getsockname()[1])
        silent.accept()
        p.send_signal(signal.SIGINT)
        out, err = p.communicate(timeout=testlib.PATIENCE)
    assert p.returncode == 3 and "--resume goes on from here" in err


def test_interrupted_while_names_are_asked(tmp_path):
    tester = Tester(tmp_path, sink=False)
    with testlib.Names({}, silent={"slow.test.example", "test.example"}) as names:
        p = tester.start("--own", "--resolver", names.place, "slow.test.example", "--domain",
                         "test.example")
        while not names.asked:
            time.sleep(0.02)
        p.send_signal(signal.SIGTERM)
        out, err = p.communicate(timeout=testlib.PATIENCE)
    assert p.returncode == 3 and "Sanitizer" not in err, err


# --- the state folder ------------------------------------------------------------------------------

def test_no_store(tmp_path):
    tester = Tester(tmp_path)
    with Server(rcpt=open_to_all, relay_to=("127.0.0.1", tester.sink)) as server:
        got = tester.json(*FEW, "--no-store", "--wait", "5", server.target)
    assert (got.code, got.err) == (2, "") and len(got.verdict["proved"]) == 3
    assert sorted(os.listdir(tester.state)) == ["key", "sink.pem"]


def test_resume_of_nothing(tmp_path):
    tester = Tester(tmp_path, sink=False)
    got = tester("--resume")
    assert got.code == 66 and tester.state in got.err
    with Server() as server:
        assert tester.json(*ONE, server.target).code == 0
    got = tester("--resume", "ffffffff")
    assert got.code == 66 and "no such run" in got.err and "postern runs" in got.err


def test_results_of_all_runs(tmp_path):
    tester = Tester(tmp_path, sink=False)
    with Server() as server:
        runs = [tester.json(*ONE, server.target).verdict["run"] for _ in range(3)]
    assert len(set(runs)) == 3
    assert sorted(run["run"] if "run" in run else run["id"] for run in tester.runs()) == sorted(runs)
    for run in runs:
        assert tester.show(run).verdict["run"] == run


# --- manners ---------------------------------------------------------------------------------------

def stopped_after(process, condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(2.5)  # long enough for a second session, if there were one
    assert process.poll() is None, "it waits for the next ten minutes"
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=testlib.PATIENCE)
    assert process.returncode == 3
    return err


def test_strangers_are_tested_gently(tmp_path):
    """One session with fewer than five refusals, then ten minutes of nothing; 24 hours between tests."""
    tester = Tester(tmp_path, "--tls", "no", "--no-preflight", sink=False)
    with Server() as server:
        p = tester.start(server.target)
        stopped_after(p, lambda: any("QUIT" in s for s in server.sessions))
        sessions = [s for s in server.sessions if s]
        refusals = sum(testlib.ours(line) and line.startswith("RCPT") for s in sessions for line in s)
        assert len(sessions) == 1 and 1 <= refusals <= 4
        assert "RCPT TO:<postmaster>" in sessions[0]
        # Another run has to wait for a day, and says so.
        got = tester.json(server.target)
        assert got.code == 3 and "24 hours" in got.verdict["why"], got.verdict["why"]
        assert got.verdict["addresses"] == [] and len([s for s in server.sessions if s]) == 1
        # The run itself goes on, once its ten minutes are over.
        p = tester.start("--resume", tester.runs()[-1].get("run") or tester.runs()[-1]["id"])
        err = stopped_after(p, lambda: len(server.sessions) > 1, seconds=5)
        assert "24 hours" not in err
        # Whoever answers for the host need not wait.
        assert tester.json("--own", "--wait", "0", "--only", "third-party.plain", server.target).code == 0


# What DNS knows of a tester at 127.0.0.1 that is fit for nothing.
UNFIT = {("probe.example", "MX"): ["10 mx.probe.example."], ("mx.probe.example", "A"): ["127.0.0.77"],
         ("1.0.0.127.bl.test.example", "A"): ["127.0.0.2"]}
FOREIGN = ("--tls", "no", "--only", "third-party.plain", "--wait", "0", "--local-address", "127.0.0.1")


def test_preflight_before_foreign_hosts(tmp_path):
    """What is wrong with this machine is said once, and the test goes on."""
    tester = Tester(tmp_path, *FOREIGN, sink=False)
    with Server() as server, testlib.Names(UNFIT) as names:
        got = tester.json("--resolver", names.place, server.target, f"127.0.0.2:{server.port}")
    assert got.code == 3 or got.code == 0, got.err
    for what in ("reverse DNS", "SPF of the probe domain", "port 25 to the outside"):
        assert got.err.count(f"this machine: {what}") == 1, got.err
    assert "this machine: MX of" not in got.err and "PTR record" in got.err
    assert got.verdicts[server.target]["verdict"] == "closed"


def test_preflight_of_a_listed_address(tmp_path):
    """Every verdict would be "blocked": nobody is knocked at, and no day is lost for the hosts."""
    tester = Tester(tmp_path, *FOREIGN, sink=False)
    with Server() as server, testlib.Names(UNFIT) as names:
        dns = ("--resolver", names.place, "--dnsbl", "bl.test.example")
        got = tester.json(*dns, server.target)
        assert got.code == 78 and got.out == "" and "bl.test.example" in got.err, got.err
        assert server.sessions == []
        assert [run["state"] for run in tester.runs()] == ["running"]
        got = tester.json(*dns, "--no-preflight", server.target)
        assert (got.code, got.err) == (0, "") and got.verdict["verdict"] == "closed"


@pytest.mark.parametrize("whose", ["own", "scope"])
def test_no_preflight_before_own_hosts(tmp_path, whose):
    tester = Tester(tmp_path, *FOREIGN, sink=False)
    scope = tmp_path / "scope"
    scope.write_text("127.0.0.0/8\n")
    with Server() as server, testlib.Names(UNFIT) as names:
        got = tester.json("--resolver", names.place, "--dnsbl", "bl.test.example",
                          *(["--own"] if whose == "own" else ["--scope", scope]), server.target)
    assert (got.code, got.err) == (0, "")
    assert not any(kind in ("PTR", "TXT") or "bl.test" in name for name, kind in names.asked)


def test_preflight_has_an_end(tmp_path):
    """A resolver that says nothing holds the test up for seconds, not for its own patience."""
    tester = Tester(tmp_path, *FOREIGN, sink=False)
    with Server() as server, testlib.Names({}, silent={"probe.example"}) as names:
        began = time.monotonic()
        got = tester.json("--resolver", names.place, server.target)
    assert got.code == 0 and "in time" in got.err, got.err
    assert time.monotonic() - began < 25


def test_gentle_at_own_hosts(tmp_path):
    tester = Tester(tmp_path, "--tls", "no", sink=False)
    scope = tmp_path / "scope"
    scope.write_text("127.0.0.0/8\n")
    with Server() as server:
        p = tester.start("--scope", scope, "--gentle", server.target)
        stopped_after(p, lambda: any("QUIT" in s for s in server.sessions))
        assert len([s for s in server.sessions if s]) == 1


@pytest.mark.parametrize("where", ["file", "state"])
def test_scope(tmp_path, where):
    """A host in scope is tested as one's own: the standard set at once."""
    tester = Tester(tmp_path, "--tls", "no", "--wait", "0", sink=False)
    text = "# ours\n127.0.0.0/8  the lab\n"
    path = tmp_path / "scope"
    if where == "state":
        os.makedirs(tester.state, mode=0o700)
        path = tmp_path / "state" / "scope"
    path.write_text(text)
    with Server() as server:
        got = tester.json(*(["--scope", path] if where == "file" else []), server.target)
    assert (got.code, got.err) == (0, "") and got.verdict["counts"]["refused"] > 100


@pytest.mark.parametrize("where", ["file", "state"])
@pytest.mark.parametrize("rule", ["127.0.0.1", "127.0.0.0/24", "mx.test.example", "test.example"])
def test_never(tmp_path, rule, where):
    """Not even one's own: nobody knocks, and the verdict says why."""
    tester = Tester(tmp_path, "--own", sink=False)
    path = tmp_path / "never"
    if where == "state":
        os.makedirs(tester.state, mode=0o700)
        path = tmp_path / "state" / "never"
    path.write_text(f"{rule}  asked us not to, 3 May\n")
    with Server() as server, testlib.Names({("mx.test.example", "A"): ["127.0.0.1"]}) as names:
        got = tester.json(*(["--never", path] if where == "file" else []), "--resolver", names.place,
                          f"mx.test.example:{server.port}")
        assert server.sessions == []
    assert got.code == 3 and got.verdict["verdict"] == "inconclusive"
    assert "not tested" in got.verdict["why"] and "asked us not to, 3 May" in got.verdict["why"]


@pytest.mark.parametrize("name", ["scope", "never"])
def test_bad_lists(tmp_path, name):
    tester = Tester(tmp_path, sink=False)
    path = tmp_path / "list"
    path.write_text("127.0.0.1\n300.1.1.1\n")
    with Server() as server:
        got = tester(f"--{name}", path, server.target)
        assert server.sessions == []
    assert got.code == 65 or got.code == 78
    assert got.err.startswith(f"postern test: {path}:2: "), got.err


def test_identification(tmp_path):
    """Who tests and how to make it stop stands in the message; its sender is ours."""
    tester = Tester(tmp_path, sink=False)
    with Server(rcpt=open_to_all) as server:
        got = tester.json(*FEW, "--wait", "0", "--contact", "tests@probe.example", "--uri",
                          "https://probe.example/why", "--opt-out", "https://probe.example/no",
                          server.target)
    assert got.code == 1
    for mail, rcpts, text in server.messages:
        message = email.message_from_string(text)
        assert mail in ("<>",) or DOMAIN in mail
        assert message["Auto-Submitted"] and DOMAIN in message["From"]
        for word in ("https://probe.example/why", "tests@probe.example", "https://probe.example/no", "tester.probe.example",
                     server.target):
            assert word in text, word
        assert all(ours in text for ours in [re.search(r"[a-z2-7]{36}", r)[0] for r in rcpts])


# --- where proofs come from ------------------------------------------------------------------------

def test_maildir(tmp_path):
    """The relay hands on to the probe domain's mail host, which delivers into a Maildir."""
    tester = Tester(tmp_path, sink=False)
    maildir = tmp_path / "Maildir"
    with MailboxServer(maildir) as mailhost, \
            Server("127.0.0.2", rcpt=open_to_all, relay_to=(mailhost.ip, mailhost.port)) as server:
        got = tester.json(*FEW, "--maildir", maildir, "--wait", "15", server.target)
    assert (got.code, got.err) == (2, "")
    assert len(got.verdict["proved"]) == 3
    for proof in got.verdict["proved"]:
        assert proof["source"] == "maildir" and proof["input"] == "127.0.0.2"
        assert [hop["by"] for hop in proof["hops"]][:1] == ["mx.test.example"]
    assert mailhost.count >= 3
    shown = [json.loads(line) for line in tester.other("postern-proofs", "--json").out.splitlines()]
    assert {p["source"] for p in shown} == {"maildir"}


def test_maildir_of_somebody_elses_mail(tmp_path):
    """A copy of a probe that did not come through the target proves nothing."""
    tester = Tester(tmp_path, sink=False)
    maildir = tmp_path / "Maildir"
    with MailboxServer(maildir) as mailhost, Server("127.0.0.2", rcpt=open_to_all) as server:
        p = tester.start("--json", *FEW, "--maildir", maildir, "--wait", "3", server.target)
        while not server.messages:
            time.sleep(0.05)
        # Somebody who saw it on its way mails it in: no Received line of the target's.
        sender, rcpts, text = server.messages[0]
        other = Server("127.0.0.9", relay_to=(mailhost.ip, mailhost.port))
        other.name = "mallory.example"
        other.relay("<mallory@mallory.example>", [f"<someone@{DOMAIN}>"], text, "127.0.0.99")
        other.server_close()
        out, err = p.communicate(timeout=testlib.PATIENCE)
    assert mailhost.count == 1 and p.returncode == 1, err
    assert json.loads(out.splitlines()[-1])["verdict"] == "accepts"


def test_separate_sink(tmp_path):
    """A sink in a process of its own, with the same state folder."""
    tester = Tester(tmp_path, sink=False)
    with Sink(tester.state) as sink, \
            Server(rcpt=open_to_all, relay_to=("127.0.0.1", sink.port)) as server:
        got = tester.json(*FEW, "--wait", "15", server.target)
    assert (got.code, got.err) == (2, "")
    assert {p["source"] for p in got.verdict["proved"]} == {"sink"} and len(got.verdict["proved"]) == 3


def test_sink_that_is_late(tmp_path):
    """What arrives in the last moment of the window counts."""
    tester = Tester(tmp_path, sink=False)

    def taken(session, text):
        time.sleep(0.0)

    with Sink(tester.state) as sink, Server(rcpt=open_to_all, taken=taken) as server:
        p = tester.start("--json", "--own", "--tls", "no", "--only", "third-party.plain", "--wait", "3",
                         server.target)
        while not server.messages:
            time.sleep(0.02)
        sent = time.monotonic()
        time.sleep(2.8 - (time.monotonic() - sent))
        server.relay_to = ("127.0.0.1", sink.port)
        server.relay(*server.messages[0], "127.0.0.1")
        out, err = p.communicate(timeout=testlib.PATIENCE)
    assert p.returncode == 2, err
    assert json.loads(out.splitlines()[-1])["verdict"] == "open"


def test_prove_afterwards(tmp_path):
    """No source at all while it ran; the message is found in a mailbox the next day."""
    tester = Tester(tmp_path, sink=False)
    with Server("127.0.0.2", rcpt=open_to_all) as server:
        got = tester.json("--own", "--tls", "no", "--only", "third-party.plain", "--wait", "0",
                          server.target)
        assert got.code == 1
        sender, rcpts, text = server.messages[0]
    time.sleep(1.1)  # the end of a run is told in seconds
    rcpt = rcpts[0].strip("<>")
    stored = (f"Return-Path: {sender}\nDelivered-To: {rcpt}\n"
              f"Received: from mx.test.example (mx.test.example [127.0.0.2])\n"
              f"\tby mail.probe.example (Postfix) with ESMTP id 1\n\tfor <{rcpt}>;\n"
              f"\t{email.utils.formatdate()}\n"
              f"Received: from tester.probe.example (unknown [127.0.0.1])\n"
              f"\tby mx.test.example (Postfix) with ESMTP id 2;\n\t{email.utils.formatdate()}\n")
    proved = tester.other("postern-prove", data=stored + text.replace("\r\n", "\n"))
    assert proved.code == 0, proved.err
    shown = tester.other("postern-show", "last")
    assert shown.code == 0 and "third-party.plain" in shown.out
    assert re.search(r"(?i)after the end", shown.out), shown.out


def test_bounce_is_no_relay(tmp_path):
    """A server that takes and bounces is not open; the bounce is a finding of its own."""
    tester = Tester(tmp_path)

    def taken(session, text):
        bounce = (f"From: MAILER-DAEMON@mx.test.example\r\nTo: {session.sender}\r\n"
                  "Subject: Undelivered Mail Returned to Sender\r\nMIME-Version: 1.0\r\n"
                  "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
                  "--b\r\n\r\nsorry\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
                  "Reporting-MTA: dns; mx.test.example\r\n\r\n"
                  f"Final-Recipient: rfc822; {session.rcpts[0].strip('<>')}\r\nAction: failed\r\n"
                  f"Status: 5.1.1\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n{text}\r\n--b--\r\n")
        session.server.relay("<>", [session.sender], bounce, "127.0.0.1")
        return "250 2.0.0 Ok: queued"

    with Server(rcpt=open_to_all, taken=taken) as server:
        server.relay_to = ("127.0.0.1", tester.sink)
        got = tester.json("--own", "--tls", "no", "--only", "third-party.plain", "--wait", "5",
                          server.target)
    assert got.code == 1 and got.verdict["verdict"] == "accepts" and got.verdict["proved"] == []
    assert "backscatter" in got.findings()
    assert got.verdict["counts"]["bounced"] == 1
    assert got.of_type("probe")[0]["state"] == "bounced" and got.of_type("probe")[0]["bounce"]


def test_chain(tmp_path):
    """Two hosts: what goes in at one comes out at the other, and both are named."""
    tester = Tester(tmp_path)
    with Server("127.0.0.3", rcpt=open_to_all, relay_to=("127.0.0.1", tester.sink)) as out, \
            Server("127.0.0.2", rcpt=open_to_all, relay_to=(out.ip, out.port)) as server:
        out.name = "out.test.example"
        got = tester.json(*FEW, "--wait", "5", server.target)
    assert got.code == 2 and len(got.verdict["proved"]) == 3, got.err
    for proof in got.verdict["proved"]:
        assert (proof["input"], proof["output"]) == ("127.0.0.2", "127.0.0.3")
        assert [hop["by"] for hop in proof["hops"]] == ["mx.test.example", "out.test.example"]
    assert "multi-hop" in got.findings()


def test_address_that_the_target_sees(tmp_path):
    tester = Tester(tmp_path)
    with Server(rcpt=open_to_all, relay_to=("127.0.0.1", tester.sink), seen="172.17.0.1") as server:
        got = tester.json(*FEW, "--wait", "5", server.target)
    assert got.code == 2 and got.of_type("door")[0]["seen_client"] == "172.17.0.1"
    [finding] = [f for f in got.verdict["findings"] if f["id"] == "source-nat"]
    assert finding["severity"] == "critical" and "Docker" in finding["text"]


def test_plus_address(tmp_path):
    """A mailbox with a plus in place of a domain; here the embedded sink stands for its server."""
    tester = Tester(tmp_path)
    words = [word for word in tester.command(*FEW, "--json", "--wait", "5", "--probe-address",
                                             f"me+@{DOMAIN}")]
    at = words.index("--probe-domain")
    del words[at:at + 2]
    with Server(rcpt=open_to_all, relay_to=("127.0.0.1", tester.sink)) as server:
        got = testlib.call([*words, server.target])
    assert (got.code, got.err) == (2, "")
    assert all(p["rcpt"].startswith("<me+") for p in got.verdict["proved"]
               if p["probe"] != "third-party.percent-literal")


def test_progress_goes_to_standard_error_of_a_terminal_only(tmp_path):
    tester = Tester(tmp_path, sink=False)
    with Street(12, 0) as street:
        quiet = [word for word in ONE if word != "--quiet"]
        got = testlib.call(tester.command(*quiet, *street.hosts))
    assert got.code == 0 and "\r" not in got.err and "\x1b" not in got.err, got.err


def test_bulk_run_keeps_evidence_of_what_matters(tmp_path):
    """Of many closed hosts only the figures are kept; --json tells all."""
    tester = Tester(tmp_path, "--own", "--tls", "no", "--wait", "0", "--quiet", sink=False)
    with Street(12, 0) as street:
        got = tester("--only", "third-party.p*", *street.hosts)
        assert got.code == 0 and len(got.out.splitlines()) < 30
        assert tester.show().of_type("probe") == []
        told = tester.json("--only", "third-party.p*", *street.hosts)
    assert len(told.of_type("probe")) > 12 * 5 and len(tester.show().of_type("probe")) > 12 * 5


def test_free_port_is_free():
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        pass
    assert subprocess.DEVNULL is not None
