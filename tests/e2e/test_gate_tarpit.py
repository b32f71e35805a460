# SPDX-License-Identifier: GPL-3.0-or-later
"""The teergrube's clock: how long the first reply waits, and lines of a reply that go ahead of it."""

import time

from gatebackend import Backend
from gatelib import DOMAIN, Gate, metrics
from hygienelib import NET, in_namespace
from test_gate_hygiene import Folder
from test_gate_traps_from import put

LISTED, GOOD = f"{NET}.31", f"{NET}.32"


class Grube:
    """A gate that knows one client as a bad one."""

    def __init__(self, *options):
        self.options = options

    def __enter__(self):
        self.folder = Folder()
        path = self.folder.__enter__()
        put(f"{path}/list", f"{LISTED} :127.0.0.2:spamtrap")
        self.backend = Backend()
        self.backend.__enter__()
        self.gate = Gate(self.backend, listen=f"{NET}.1:0", tarpit=True, options=[
            "--traps-from", f"{path}/list", "--metrics-listen", "127.0.0.1:0", *self.options])
        return self.gate.__enter__()

    def __exit__(self, *_):
        self.gate.__exit__()
        self.backend.__exit__()
        self.folder.__exit__()


def lasts(call):
    begun = time.monotonic()
    call()
    return time.monotonic() - begun


@in_namespace
def test_first_delay():
    with Grube("--tarpit-delay", "2s") as g, g.client(source=LISTED, greeting=False) as c:
        times = [lasts(lambda: c.expect(220)), lasts(c.hello)]
        for took, due in zip(times, (2, 4)):
            assert due - 0.05 < took < due + 0.9, times
        with g.client(source=GOOD) as good:
            assert lasts(good.hello) < 0.25


@in_namespace
def test_lines_go_ahead():
    """Of the greeting and of EHLO, each twenty seconds; the reply is whole and says the same."""
    with Grube("--tarpit-delay", "25s") as g, \
            g.client(source=LISTED, greeting=False, patience=60) as c:
        begun = time.monotonic()
        first = c.line()
        assert first.startswith(b"220-") and 19.5 < time.monotonic() - begun < 22
        assert c.line() == b"220 " + first[4:] and 24.5 < time.monotonic() - begun < 27
        begun = time.monotonic()
        c.raw("EHLO client.example\r\n")
        for due in (20, 40):
            assert c.line().startswith(b"250-") and due - 0.5 < time.monotonic() - begun < due + 2
        code, text = c.reply()
        assert code == 250 and "8BITMIME" in text and 49.5 < time.monotonic() - begun < 52
        assert metrics(g)["postern_gate_tarpit_lines_total"] == 3
        # Who is known to be good meanwhile waits for nothing.
        with g.client(source=GOOD) as good:
            good.hello()
            good.expect(250, "MAIL FROM:<a@b.example>")
            assert lasts(lambda: good.expect(250, f"RCPT TO:<user@{DOMAIN}>")) < 1
