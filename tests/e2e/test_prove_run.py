# SPDX-License-Identifier: GPL-3.0-or-later
"""postern prove after postern test: a server that takes everything, its message as a mailbox would have
it, and what prove, proofs and show then know of the run."""

import json
import os
import re
import subprocess
import time

import pytest

from sinklib import BUILD
from test_prove import PROVE, received
from testlib import Answers

TEST = os.path.join(BUILD, "postern-test")


class Taker(Answers):
    """An SMTP server that accepts every envelope and keeps what it got: (sender, recipients, message)."""

    def __init__(self):
        super().__init__()
        self.mails = []

    def session(self, c):
        sender, rcpts = "", []
        lines = c.makefile("rb")
        c.sendall(b"220 relay.example ESMTP\r\n")
        for line in lines:
            verb = line[:4].upper()
            if verb == b"EHLO":
                c.sendall(b"250-relay.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
            elif verb == b"DATA":
                c.sendall(b"354 go on\r\n")
                text = b""
                for more in lines:
                    if more == b".\r\n":
                        break
                    text += more[1:] if more.startswith(b".") else more
                self.mails.append((sender, rcpts, text.decode("latin-1")))
                sender, rcpts = "", []
                c.sendall(b"250 taken\r\n")
            elif verb == b"QUIT":
                c.sendall(b"221 bye\r\n")
                return
            else:
                if verb == b"MAIL":
                    sender, rcpts = line.decode("latin-1")[10:].strip(), []
                elif verb == b"RCPT":
                    rcpts.append(line.decode("latin-1")[8:].strip())
                c.sendall(b"250 fine\r\n")


def run(program, state, *args, data=b""):
    return subprocess.run([os.path.join(BUILD, program), *args, "--state", state], input=data, timeout=120,
                          capture_output=True, check=False)


@pytest.fixture(scope="module")
def tested(tmp_path_factory):
    """A run of the tester against the taker, and the mails that the taker took."""
    if not os.path.exists(TEST):
        pytest.fail("postern-test is not built")
    state = str(tmp_path_factory.mktemp("run") / "state")
    with Taker() as taker:
        r = run("postern-test", state, "--own", "--probe-domain", "probe.example", "--json", "--wait", "1",
                "--tls", "no", f"127.0.0.1:{taker.port}")
        assert r.returncode == 1, r.stderr  # it accepts, and nothing has arrived
        mails = [m for m in taker.mails if m[1]]
    assert mails
    return state, mails


def test_probe_and_target_are_known(tested):
    state, mails = tested
    _, rcpts, text = max(mails, key=lambda m: len(m[1]))
    # As the last host would have stored it: one copy, for the first recipient of the transaction.
    first = re.search(r"Token: (\S+) (\S+)", text)
    raw = received("127.0.0.1", f"{first[1]}@probe.example") + text
    r = run("postern-prove", state, "--json", data=raw.encode("latin-1"))
    assert r.returncode == 0, r.stderr
    doc = json.loads(r.stdout)
    assert doc["kind"] == "probe" and doc["output"] == "127.0.0.1"
    assert len(doc["tokens"]) == len(re.findall(r"^Token: ", text, re.M))
    assert all(t["known"] and t["name"].startswith("127.0.0.1") for t in doc["tokens"]), doc["tokens"]
    exact = [t for t in doc["tokens"] if t["scope"] == "recipient"]
    assert len(exact) == 1 and exact[0]["probe"] == first[2]
    assert exact[0]["sent_rcpt"] in rcpts
    text = run("postern-prove", state, data=raw.encode("latin-1")).stdout.decode()
    assert first[2] in text and "not in this store" not in text

    shown = run("postern-proofs", state, "--json")
    found = [json.loads(line) for line in shown.stdout.splitlines()]
    assert {p["probe"] for p in found} == {t["probe"] for t in doc["tokens"]}
    assert all(p["seen"] == 2 and p["source"] == "message" for p in found)


def test_bounce_of_the_run(tested):
    state, mails = tested
    sender, rcpts, text = next(m for m in mails if m[0].startswith("<") and "@probe.example" in m[0])
    token = re.search(r"Token: (\S+) (\S+)", text)
    raw = ("Return-Path: <>\n" + received("127.0.0.1", sender[1:sender.index(">")]) +
           "From: MAILER-DAEMON@relay.example\nSubject: failure notice\n\n"
           "Hi. This is the qmail-send program at relay.example.\n\n"
           f"<{token[1]}@probe.example>:\nNo such user. (#5.1.1)\n\n"
           "--- Below this line is a copy of the message.\n\n" + text)
    r = run("postern-prove", state, "--json", data=raw.encode("latin-1"))
    assert r.returncode == 1, r.stderr
    doc = json.loads(r.stdout)
    kept = [t for t in doc["tokens"] if "proof" in t]
    assert doc["kind"] == "bounce" and [t["probe"] for t in kept] == [token[2]]


def test_time_of_arrival(tested):
    state, _ = tested
    found = [json.loads(line) for line in run("postern-proofs", state, "--json").stdout.splitlines()]
    for p in found:
        assert time.time() - 300 < time.mktime(time.strptime(p["received"][:19], "%Y-%m-%dT%H:%M:%S")) \
            - time.timezone < time.time() + 5
