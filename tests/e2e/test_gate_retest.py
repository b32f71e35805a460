# SPDX-License-Identifier: GPL-3.0-or-later
"""A backend that is down when the gate starts, or goes down later: it is noticed when it is back."""

import contextlib
import signal
import socket
import threading
import time

import pytest

from gatebackend import Backend
from gatelib import Attempt, Gate, metrics
from testlib import free_port

BODIES = "8BITMIME"
DEAD = "127.0.0.3"      # nothing else of a test listens there, whatever port it gets


def offers(gate):
    with gate.client() as c:
        return c.hello().split("\n")


def waits(gate, pattern, seconds):
    begun = time.monotonic()
    gate.wait_log(pattern, seconds)
    return time.monotonic() - begun


def test_down_at_the_start():
    """One of two is missing: what EHLO shows is complete soon after it has come, whatever the other
    did meanwhile; its absence is one alarm and its coming one line, although it is tried and tried."""
    port = free_port(DEAD)
    with Backend() as other, \
            Gate(f"{DEAD}:{port} xclient", f"other.example={other.place} xclient",
                 backend_test=True) as g:
        visits = len(other.visits)
        assert g.logged(rf"error event=backend-down backend={DEAD}:{port}")
        assert BODIES not in offers(g)
        time.sleep(3.5)                                     # tried again after 1 and 2 s
        assert len(other.visits) == visits                  # and the other is left in peace
        with Backend(address=DEAD, port=port) as b:
            g.wait_log(r"event=backend-back .*seconds=\d", 8)
            assert BODIES in offers(g)
            assert len(b.visits) == 2                       # the IPv4 stranger and the IPv6 one
        assert len(g.logged("event=backend-down")) == 1
        assert len(g.logged("event=backend-back")) == 1
        assert len(g.logged(rf"event=backend-test backend={DEAD}:{port} .*result=down")) == 2


def test_how_often():
    """After 1, 2 and 4 s, as long as it takes a connection and says nothing sensible."""
    with socket.create_server(("127.0.0.1", 0)) as s:
        times = []

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    s.accept()[0].close()
                    times.append(time.monotonic())
        threading.Thread(target=serve, daemon=True).start()
        with Gate(f"127.0.0.1:{s.getsockname()[1]} xclient") as g:
            time.sleep(8.2)
            tests = times[::2]      # as a stranger of IPv4 and as one of IPv6
            gaps = [b - a for a, b in zip(tests, tests[1:])]
            assert len(times) == 8 and len(gaps) == 3, gaps
            assert all(due - 0.1 < gap < due + 0.6 for gap, due in zip(gaps, (1, 2, 4))), gaps
            assert len(g.logged("event=backend-down")) == 1
        s.shutdown(socket.SHUT_RDWR)


def test_goes_down_later():
    """A session is the first to see it. The alarm comes once, and once more for the next time."""
    port = free_port(DEAD)
    with Gate(f"{DEAD}:{port} xclient", options=["--metrics-listen", "127.0.0.1:0"]) as g:
        with Backend(address=DEAD, port=port) as b:
            g.wait_log("event=backend-back", 8)
            with g.client() as c:
                assert Attempt().send(c).acked
            assert b.idle()
        for _ in range(3):
            with g.client() as c:
                assert not Attempt().send(c).acked
        g.wait_log("error event=backend-down", 5)
        assert BODIES in offers(g)                          # what is known of it stays known
        assert metrics(g)["postern_gate_backends_down"] == 1
        with Backend(address=DEAD, port=port) as b:
            g.wait_log("event=backend-back", 8)
            with g.client() as c:
                assert Attempt().send(c).acked
            # One doubt a minute: a second failure so soon is not looked into.
            visits = len(b.visits)
        with g.client() as c:
            assert not Attempt().send(c).acked
        time.sleep(1.5)
        assert metrics(g)["postern_gate_backends_down"] == 0 and visits == 3
        assert len(g.logged("event=backend-down")) == len(g.logged("event=backend-back")) == 2


@pytest.mark.parametrize("identity", ["xclient", "proxy2"])
def test_a_session_sees_that_it_is_back(identity):
    """While the gate waits for the next try, up to a minute, the first good session ends the wait."""
    port = free_port(DEAD)
    with Gate(f"{DEAD}:{port} {identity}") as g:
        time.sleep(3.5)                                     # the next try is 3.5 s away
        with Backend(identity, address=DEAD, port=port) as b:
            with g.client() as c:
                c.hello()
                c.expect(250, "MAIL FROM:<a@client.example>")
                c.expect(250, "RCPT TO:<user@test.example>")
            assert waits(g, "event=backend-back", 2) < 2
            assert BODIES in offers(g) and len(b.visits) == 3


def test_reload_raises_no_second_alarm():
    """Nor does it forget that one is down."""
    port = free_port(DEAD)
    with Gate(f"{DEAD}:{port} xclient") as g:
        for _ in range(2):
            g.process.send_signal(signal.SIGHUP)
            g.wait_log("event=reload result=done")
        time.sleep(0.5)
        assert len(g.logged("event=backend-down")) == 1
        with Backend(address=DEAD, port=port):
            g.wait_log(r"event=backend-back .*seconds=\d", 8)
        assert g.stop() == 0
