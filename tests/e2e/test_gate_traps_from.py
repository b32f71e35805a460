# SPDX-License-Identifier: GPL-3.0-or-later
"""Timed lists of others: files that a decoy or another gate writes, read by the gate while it runs."""

import os
import pathlib
import smtplib
import subprocess
import time

from gatebackend import Backend
from gatelib import DOMAIN, GATE, Gate
from hygienelib import NET, NET6, in_namespace
from test_decoy import SPAM, Decoy
from test_gate_grants import eventually
from test_gate_hygiene import Folder

ONE, TWO, SIX = f"{NET}.21", f"{NET}.22", f"{NET6}:66::1"


def rcpt(gate, source=ONE):
    with gate.client(source=source) as c:
        c.hello()
        c.expect(250, "MAIL FROM:<a@b.example>")
        return c.say(f"RCPT TO:<user@{DOMAIN}>")


def put(path, *lines, until=None):
    """As the writers do: beside it, then into place."""
    fresh = pathlib.Path(f"{path}.new")
    fresh.write_text("".join(f"{line}\n" for line in
                             (":127.0.0.2:trapped", f"#until {until or int(time.time()) + 600}", *lines)))
    os.replace(fresh, path)


@in_namespace
def test_files_are_read_while_it_runs():
    with Folder() as folder:
        first, second, own = (f"{folder}/{name}" for name in ("decoy", "gate2", "own"))
        put(first, f"{ONE} :127.0.0.2:decoy-spam")
        with Backend() as b, Gate(b, listen=f"{NET}.1:0", options=[
                "--traps-from", first, "--traps-from", second, "--trap-file", own,
                "--listen-mx", f"[{NET6}:5::1]:0"]) as g:
            (v4,), (v6,) = ([p for p in g.places if (":" in p[0]) == six] for six in (False, True))
            g.address, g.port = v4
            code, text = rcpt(g)
            assert code == 554 and f"[{ONE}] blocked" in text
            assert rcpt(g, TWO)[0] == 250
            assert len(g.logged(rf"warn event=traps-from file={second} .*nobody is listed by it")) == 1
            put(second, f"{TWO} :127.0.0.2:spamtrap", "nonsense")
            put(second + "6", f"{NET6}:66::/64 :127.0.0.2:spamtrap")
            assert eventually(lambda: rcpt(g, TWO)[0] == 554)
            assert g.logged(rf"event=traps-from file={second} clients=1 lines_passed_over=1")
            g.address, g.port = v6
            assert eventually(lambda: rcpt(g, SIX)[0] == 554)
            assert rcpt(g, f"{NET6}:67::1")[0] == 250
            g.address, g.port = v4
            put(first)                                      # he is off it
            assert eventually(lambda: rcpt(g)[0] == 250)
            put(first, f"{ONE} :127.0.0.2:x", until=int(time.time()) + 4)
            assert eventually(lambda: rcpt(g)[0] == 554) and eventually(lambda: rcpt(g)[0] == 250)
            os.unlink(second)
            assert eventually(lambda: rcpt(g, TWO)[0] == 250)
            assert g.stop() == 0
            # What others list is not ours to list.
            assert not any(ONE in line or TWO in line for line in open(own, encoding="ascii"))


def test_our_own_file_is_refused(tmp_path):
    r = subprocess.run([GATE, "check", "--config", os.devnull, "--name", "gate.test.example", "--backend",
                        "127.0.0.1:1 xclient", "--trap-file", "/tmp/x", "--traps-from", "/tmp/x"],
                       capture_output=True, text=True, timeout=30, check=False)
    assert r.returncode == 78 and "traps-from: /tmp/x is our own trap-file" in r.stderr


@in_namespace
def test_what_a_decoy_sees_a_gate_knows():
    """A spammer sends to the decoy; some seconds later the gate refuses him."""
    with Decoy(listen=f"{NET}.2:2525") as d:
        traps = os.path.join(d.sub("traps"), "list")
        d.options = ("--trap-file", traps)
        d.restart()
        with Backend() as b, Gate(b, listen=f"{NET}.1:0", options=["--traps-from", traps]) as g:
            assert rcpt(g)[0] == 250
            with smtplib.SMTP(f"{NET}.2", 2525, timeout=20, source_address=(ONE, 0)) as s:
                s.sendmail("me@spam.example", [f"v{n}@far{n}.example" for n in range(20)], SPAM)
            assert eventually(lambda: rcpt(g)[0] == 554, 30)
            assert rcpt(g, TWO)[0] == 250
