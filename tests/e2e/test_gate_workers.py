# SPDX-License-Identifier: GPL-3.0-or-later
"""Several workers are one gate: what one counts counts for all, and one that takes the place of a dead one
knows what they know. Which worker a client falls to is chance, so there are many clients.

What the guard shares is in test_gate_guard.py, recipients of a login in test_gate_auth.py."""

import os
import signal
import subprocess
import time

import pytest

from authlib import passwd, plain, secured, submission
from gatebackend import Backend
from gatelib import DOMAIN, Gate, metrics
from hygienelib import NET, in_namespace
from test_gate_grants import NETWORKS, Talk, eventually, relays
from test_gate_hygiene import Folder
from test_gate_traps_from import put
from testlib import free_port

WORKERS = ["--workers", "3"]
PLACE = f"{NET}.1:2525"       # each of them has it; of port 0 each would have one of its own


def place():
    return f"127.0.0.1:{free_port()}"


def replace(gate, which):
    """Kills these workers, one after the other; each has to be told what the others know."""
    children = subprocess.run(["pgrep", "-P", str(gate.process.pid)], check=True,
                              stdout=subprocess.PIPE).stdout.split()
    for victim in which:
        os.kill(int(children[victim]), signal.SIGKILL)
        left = {"knows what the others know", "event=listening"}
        while left:
            left.discard(gate.wait_log("|".join(left))[0])


@in_namespace
def test_timed_list_of_a_new_worker():
    """No file keeps it here; it comes over, and no entry is counted or logged twice."""
    with Folder() as folder, Backend() as b, \
            Gate(b, listen=PLACE, options=[*WORKERS, "--traps", f"trap@{DOMAIN}", "--admin", f"{folder}/a",
                                                  "--metrics-listen", "127.0.0.1:0"]) as g:
        def rcpt(to="user"):
            with g.client(source=f"{NET}.5") as c:
                c.hello()
                c.expect(250, "MAIL FROM:<a@b.example>")
                return c.say(f"RCPT TO:<{to}@{DOMAIN}>")[0]
        assert rcpt("trap") == 554
        assert eventually(lambda: {rcpt() for _ in range(12)} == {554})
        replace(g, [0, 1, 2])       # in the end nobody is left who saw it
        time.sleep(0.2)
        assert {rcpt() for _ in range(24)} == {554}
        assert len(g.logged("event=trap ")) == 1
        assert metrics(g)["postern_gate_traps_total"] == 1
        assert g.stop() == 0


@in_namespace
def test_long_list_of_a_new_worker():
    """Thousands of entries come over in pieces: none is lost on the way."""
    with Folder() as folder, Backend() as b:
        path, listed = f"{folder}/traps", f"{NET}.5"
        put(path, *sorted([listed, *(f"198.18.{n // 250}.{n % 250}" for n in range(20000))]))
        with Gate(b, listen=PLACE, options=[*WORKERS, "--trap-file", path]) as g:
            assert eventually(lambda: "written anew" in open(path, encoding="ascii").read())
            os.unlink(path)     # what is not read again must be told
            children = subprocess.run(["pgrep", "-P", str(g.process.pid)], check=True,
                                      stdout=subprocess.PIPE).stdout.split()
            os.kill(int(children[2]), signal.SIGKILL)
            assert int(g.wait_log(r"knows what the others know. lines=(\d+)")[1]) == 20001

            def rcpt():
                with g.client(source=listed) as c:
                    c.hello()
                    c.expect(250, "MAIL FROM:<a@b.example>")
                    return c.say(f"RCPT TO:<user@{DOMAIN}>")[0]
            assert {rcpt() for _ in range(24)} == {554}
            assert not g.logged("lines are lost")
            assert g.stop() == 0


def test_grants_of_a_new_worker(tmp_path):
    """Also that an address is shared and gets none."""
    path = tmp_path / "socket"
    with Backend() as b, Gate(b, role="submission", listen=place(), options=[
            *NETWORKS, *WORKERS, "--grants-socket", str(path), "--grant-users-max", "2"]) as g:
        with Talk(path) as t:
            for n in range(40):
                assert t.say(f"allow 127.7.20.{n} joe") == "ok new"
            for user, answer in (("ann", "ok new"), ("bob", "ok longer"), ("eve", "no shared")):
                assert t.say(f"allow 127.7.21.1 {user}") == answer
            assert eventually(lambda: all(relays(g, "127.7.20.39") for _ in range(12)))
            replace(g, [1, 2])
            for n in range(0, 40, 3):
                assert relays(g, f"127.7.20.{n}") and not relays(g, f"127.7.21.{n}")
            t.say("allow 127.7.21.1 ann")
            assert not any(relays(g, "127.7.21.1") for _ in range(12))
        assert g.stop() == 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workers")
    passwd(folder / "users", "joe", "open sesame")
    return folder


def login(gate, source, password="open sesame"):
    with secured(gate, source=source) as c:
        return c.say("AUTH PLAIN " + plain("joe", password))[0]


def test_networks_of_a_login(folder):
    with Backend() as b, submission(b, folder=folder, listen=place(), options=[
            *WORKERS, "--auth-file", str(folder / "users"), "--prefixes-per-day", "3"]) as g:
        for n in (1, 2, 3):
            assert login(g, f"127.7.{n}.1") == 235
            time.sleep(0.2)     # for the others to hear it
        for n in range(4, 16):  # one in three would get in where each worker counted for itself
            assert login(g, f"127.7.{n}.1") == 454
        assert {login(g, f"127.7.{n}.9") for n in (1, 2, 3)} == {235}
        assert g.stop() == 0


def test_failures_of_an_address(folder):
    with Backend() as b, submission(b, folder=folder, listen=place(), options=[
            *WORKERS, "--auth-file", str(folder / "users"), "--login-failures", "2"]) as g:
        for _ in range(2):
            assert login(g, "127.7.9.1", "wrong") == 535
        time.sleep(0.2)
        assert {login(g, "127.7.9.1") for _ in range(9)} == {454}
        assert login(g, "127.7.9.2") == 235
        assert g.stop() == 0


@in_namespace
def test_offences():
    """Three attempts to relay, by three connections, are three attempts."""
    with Backend() as b, Gate(b, listen=PLACE, tarpit=True,
                              options=[*WORKERS, "--tarpit-delay", "2s"]) as g:
        def attempt(source):
            with g.client(source=source) as c:
                c.hello()
                c.expect(250, "MAIL FROM:<a@b.example>")
                return c.say("RCPT TO:<x@foreign.example>")[0]

        def greeted_in(source):
            begun = time.monotonic()
            with g.client(source=source):
                return time.monotonic() - begun
        for _ in range(3):
            assert attempt(f"{NET}.7") == 554
        time.sleep(0.2)
        # Whichever worker they fall to, they wait: of six clients one would not, else.
        assert min(greeted_in(f"{NET}.7") for _ in range(6)) > 1.9
        assert greeted_in(f"{NET}.8") < 1
        assert g.stop() == 0
