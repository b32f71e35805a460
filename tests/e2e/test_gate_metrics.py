# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics that have no test elsewhere: what Prometheus would read after something has happened."""

import time

from authlib import seen
from gatebackend import Backend, Talk
from gatelib import Attempt, Gate, metrics
from test_gate_grants import NETWORKS, eventually, relays
from test_gate_grants import Talk as GrantTalk
from test_gate_reload import cert  # noqa: F401 (a fixture)

HTTP = ["--metrics-listen", "127.0.0.1:0"]


def tls(gate, what, side):
    return metrics(gate)[f'postern_gate_tls_{what}_total{{side="{side}"}}']


def test_tls_of_clients(cert):  # noqa: F811
    with Backend() as b, Gate(b, options=["--cert", str(cert), "--listen-submissions", "127.0.0.1:0",
                                          *HTTP]) as g:
        implicit = g.places[1] if g.places[0] == (g.address, g.port) else g.places[0]
        with g.client() as c:
            c.hello()
            c.starttls()
            c.hello()
        assert (tls(g, "handshakes", "client"), tls(g, "failures", "client")) == (1, 0)
        with g.client() as c:                               # no hello of TLS
            c.hello()
            c.expect(220, "STARTTLS")
            c.raw(b"GET / HTTP/1.0\r\n\r\n")
            c.ended()
        g.address, g.port = implicit
        for first in (b"EHLO client.example\r\n", b""):     # and one that only looks
            c = g.client(greeting=False, first=first)
            time.sleep(0.1)
            c.close() if not first else c.ended()
        assert eventually(lambda: tls(g, "failures", "client") == 3)
        with g.client(greeting=False) as c:
            c.secure()
            c.expect(220)
        assert (tls(g, "handshakes", "client"), tls(g, "failures", "client")) == (2, 3)
        assert tls(g, "handshakes", "backend") == tls(g, "failures", "backend") == 0


class NoTls(Talk):
    """Says 220 to STARTTLS and then something else than a hello of TLS."""

    def secure(self):
        self.sock.recv(1)       # behind ours: before it, it would be an injection, and no handshake
        self.put(b"220 still here\r\n")


def test_tls_of_backends():
    for talk, done, failed in ((Talk, 1, 0), (NoTls, 0, 1)):
        with Backend(tls="starttls", talk=talk) as b, Gate(f"{b.place} xclient starttls", options=HTTP) as g:
            before = tls(g, "handshakes", "backend"), tls(g, "failures", "backend")
            assert before == (0, 0)                         # the gate's own tests are no sessions
            with g.client() as c:
                assert Attempt().send(c).acked == bool(done)
            assert eventually(lambda: (tls(g, "handshakes", "backend"),
                                       tls(g, "failures", "backend")) == (done, failed))


def test_grants(tmp_path):
    """Counted once, by the worker that heard of the login."""
    path = tmp_path / "socket"
    with Backend() as b, Gate(b, role="submission", options=[
            *NETWORKS, "--grants-socket", str(path), "--workers", "2", *HTTP]) as g, GrantTalk(path) as t:
        seen(g, "event=metrics")
        assert metrics(g)["postern_gate_login_grants_total"] == 0
        assert t.say("allow 127.7.11.1 joe") == "ok new"
        assert t.say("allow 127.7.11.1 joe") == "ok longer"
        assert t.say("allow 127.7.11.2 ann") == "ok new"
        assert t.say("allow 10.1.2.3 ann").startswith("no")
        assert eventually(lambda: relays(g, "127.7.11.2"))
        assert metrics(g)["postern_gate_login_grants_total"] == 2
