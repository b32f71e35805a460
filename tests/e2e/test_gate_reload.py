# SPDX-License-Identifier: GPL-3.0-or-later
"""A running gate gets another configuration: it is taken whole or not at all, and nobody is dropped."""

import os
import re
import signal
import socket
import ssl
import subprocess
import time

import pytest

from gatebackend import Backend
from gatelib import GATE, PATIENCE, Gate

BASE = """gate {
    name = gate.test.example
    listen-mx = { "127.0.0.1:0" }
    backend-test = no
    client-names = no
    tarpit = no
"""


@pytest.fixture(scope="module")
def cert(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cert")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
                    "-keyout", folder / "key.pem", "-out", folder / "cert.pem",
                    "-subj", "/CN=gate.test.example"], check=True, stderr=subprocess.DEVNULL)
    both = folder / "both.pem"
    both.write_bytes((folder / "key.pem").read_bytes() + (folder / "cert.pem").read_bytes())
    return both


class Configured(Gate):
    """A gate that is run from a file, and told so again."""

    def __init__(self, path, backend, text, places=1):
        super().__init__()
        self.path, self.backend, self.want = path, backend, places
        self.write(text)

    def write(self, text):
        self.path.write_text(f'{BASE}backend = {{ "{self.backend.place} xclient" }}\n{text}\n}}\n')

    def command(self):
        return [GATE, "--config", str(self.path), "--verbose"]

    def start(self):
        super().start()
        while len(self.places) < self.want:
            found = self.wait_log(r"event=listening role=.* address=(\S+) port=(\d+)")
            self.places.append((found.group(1), int(found.group(2))))

    def reload(self, text, result="done"):
        self.write(text)
        self.process.send_signal(signal.SIGHUP)
        self.wait_log(rf"event=reload result={result}")


def rcpt(gate, address):
    with gate.client() as c:
        c.hello()
        c.expect(250, "MAIL FROM:<a@sender.example>")
        return c.say(f"RCPT TO:<{address}>")[0]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "gate.conf"


def test_sessions_keep_their_own(file):
    with Backend() as b, Configured(file, b, "domains = { one.example }") as g:
        with g.client() as old:
            old.hello()
            g.reload("domains = { two.example }")
            old.expect(250, "MAIL FROM:<a@sender.example>")
            old.expect(250, "RCPT TO:<u@one.example>")
            old.expect(554, "RCPT TO:<u@two.example>")
        assert (rcpt(g, "u@one.example"), rcpt(g, "u@two.example")) == (554, 250)


@pytest.mark.parametrize("bad", [
    'auth-file = "/nowhere/at/all"', 'grant-networks = { "nonsense" }', 'exempt = { "nonsense" }',
    'traps = { "nonsense" }', 'dnsbl = { "x" }', 'domains = { "*" }', 'cert = "/nowhere"',
    'proxy-from = { "0.0.0.0/0" }',
])
def test_refused_whole(file, bad):
    """Also what would have been taken before the bad setting was met."""
    with Backend() as b, Configured(file, b, "domains = { one.example }") as g:
        g.reload(f'traps = {{ "trap@one.example" }}\ndomains = {{ one.example, two.example }}\n{bad}',
                 "refused")
        assert rcpt(g, "trap@one.example") == 250
        assert rcpt(g, "u@two.example") == 554


def test_port_of_tls_needs_its_certificate(file, cert):
    with Backend() as b, Configured(
            file, b, f'domains = {{ one.example }}\nlisten-submissions = {{ "127.0.0.1:0" }}\n'
            f'cert = "{cert}"', places=2) as g:
        g.reload("domains = { one.example }", "refused")
        with socket.create_connection(g.places[1]) as s:
            s.settimeout(0.5)
            with pytest.raises(socket.timeout):
                s.recv(1)
        assert g.alive() and rcpt(g, "u@one.example") == 250


def test_weak_certificate_does_not_come_in(file, cert, tmp_path):
    """The old one goes on, on all ports."""
    weak = tmp_path / "weak.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-days", "30",
                    "-keyout", tmp_path / "key", "-out", tmp_path / "cert", "-subj", "/CN=weak"],
                   check=True, stderr=subprocess.DEVNULL)
    weak.write_bytes((tmp_path / "key").read_bytes() + (tmp_path / "cert").read_bytes())
    ports = 'domains = { one.example }\nlisten-submissions = { "127.0.0.1:0" }\n'
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with Backend() as b, Configured(file, b, f'{ports}cert = "{cert}"', places=2) as g:
        g.reload(f'{ports}cert = "{weak}"', "refused")
        assert g.logged(r"cert: \S+weak.pem: too weak")
        with socket.create_connection(g.places[1]) as s:
            assert context.wrap_socket(s).recv(3) == b"220"
        g.reload(f'domains = {{ one.example }}\ncert = "{weak}"', "refused")   # its port is open still
        assert rcpt(g, "u@one.example") == 250


def test_says_what_waits_for_the_next_start(file):
    with Backend() as b, Configured(file, b, "domains = { one.example }") as g:
        g.reload('domains = { one.example }\nlisten-submission = { "127.0.0.1:0" }\nworkers = 2',
                 "done")
        kept = [re.search(r"setting=(\S+)", line)[1] for line in g.logged("at the next start")]
        assert kept == ["listen-submission", "workers"]


def test_a_new_worker_has_the_new_configuration(file):
    """The parent has read the one of the start."""
    with Backend() as b, Configured(file, b, "domains = { one.example }\nworkers = 2",
                                    places=2) as g:
        g.reload("domains = { two.example }\nworkers = 2")
        g.wait_log("event=reload result=done")
        for pid in subprocess.run(["pgrep", "-P", str(g.process.pid)], check=True,
                                  stdout=subprocess.PIPE).stdout.split():
            os.kill(int(pid), signal.SIGKILL)
        for _ in range(2):
            g.wait_log("event=listening")
        assert {rcpt(g, "u@one.example") for _ in range(8)} == {554}
        g.process.send_signal(signal.SIGTERM)
        assert g.process.wait(PATIENCE) == 0


def test_idle_backend_does_not_end_a_handshake(cert):
    """It is let go while the client, over STARTTLS, takes its time."""
    with Backend() as b, Gate(b, options=["--cert", cert, "--backend-idle", "1s"]) as g:
        with g.client() as c:
            c.hello()
            c.expect(250, "MAIL FROM:<a@sender.example>")
            c.expect(250, "RCPT TO:<u@test.example>")
            c.expect(250, "RSET")
            c.expect(220, "STARTTLS")
            assert b.idle()
            time.sleep(0.2)
            c.secure()
            c.hello()
