# SPDX-License-Identifier: GPL-3.0-or-later
"""Corners of a session in which a gate could take too much, or lose something."""

import socket
import ssl
import subprocess
import sys
import time

import pytest

from gatebackend import Backend
from gatelib import GATE, Gate


def test_no_empty_message_past_a_trap():
    """It has no octet at which it could be refused."""
    with Backend() as b, Gate(b, options=["--traps", "trap@test.example"]) as g:
        with g.client() as c:
            c.hello()
            c.expect(250, "MAIL FROM:<a@sender.example>")
            c.expect(250, "RCPT TO:<u@test.example>")
            c.expect(554, "RCPT TO:<trap@test.example>")
            c.expect(554, "DATA")
        assert b.idle()
        assert not b.messages and b"DATA" not in b.visits[-1].lines


def test_a_backend_that_is_down_stops_no_other():
    """Or mail to the second would wait for the first, as often as the sender tries."""
    with Backend() as b, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = f"down.example=127.0.0.1:{closed.getsockname()[1]} xclient"
        with Gate(dead, b, domains=("down.example", "test.example")) as g, g.client() as c:
            c.hello()
            c.expect(250, "MAIL FROM:<a@sender.example>")
            c.expect(451, "RCPT TO:<u@down.example>")
            c.expect(250, "RCPT TO:<u@test.example>")
            c.expect(451, "RCPT TO:<u@down.example>")
            c.expect(354, "DATA")
            c.raw("x\r\n.\r\n")
            assert c.reply()[0] == 250
        assert [m.rcpts for m in b.messages] == [["u@test.example"]]


def test_a_message_over_size_is_called_so():
    with Backend() as b, Gate(b, options=["--size-max", "65536"]) as g, g.client() as c:
        c.hello()
        c.expect(250, "MAIL FROM:<a@sender.example>")
        c.expect(250, "RCPT TO:<u@test.example>")
        c.expect(354, "DATA")
        c.raw(b"0123456789abcd\r\n" * 5000 + b".\r\n")
        assert c.reply()[0] == 552
        g.wait_log(r"event=mail .* result=foul code=552 ")
        assert b.idle() and not b.messages


def test_a_balancer_that_says_nothing():
    """A probe by a bare connect; every line is logged here (--verbose)."""
    with Backend() as b, Gate(b, options=["--proxy-from", "127.7.0.0/16"]) as g:
        for first in (b"", b"GET / HTTP/1.0\r\n\r\n", b"PROXY TCP4 192.0.2.9 "):
            with g.client(greeting=False, first=first) as c:
                c.half_close()
                assert c.ended() == b""
        with g.client(first=b"PROXY UNKNOWN\r\n") as c:
            c.hello()
        assert g.alive()


def test_the_least_size_is_shown():
    """What a backend would refuse is not announced; one that takes more does not raise our own."""
    for theirs, own, shown in (("SIZE 70000", "1m", "70000"), ("SIZE 30000000", "1m", "1048576"),
                               ("SIZE", "1m", "1048576"), ("SIZE 0", "1m", "1048576")):
        with Backend(extensions=("PIPELINING", theirs)) as b, \
                Gate(b, options=["--size-max", own]) as g, g.client() as c:
            assert f"SIZE {shown}" in c.hello().split("\n")
            c.expect(250, "MAIL FROM:<a@sender.example> SIZE=80000")
            got = c.say("RCPT TO:<u@test.example>")[0]
            assert got == (552 if shown == "70000" else 250)


def test_idlers_do_not_keep_all_backends():
    """Who names a recipient and then says nothing holds a backend only while there are enough."""
    with Backend() as b, Gate(b, options=["--backend-max", "2"]) as g:
        idlers = [g.client() for _ in range(2)]
        for c in idlers:
            c.hello()
            c.expect(250, "MAIL FROM:<a@sender.example>")
            c.expect(250, "RCPT TO:<u@test.example>")
        with g.client(greeting=False) as c:
            assert c.reply()[0] == 421
        time.sleep(5.5)
        idlers[1].expect(250, "NOOP")
        for waiting in (True, False):   # one goes for the newcomer, and then its slot is used
            with g.client() as c:
                c.hello()
                c.expect(250, "MAIL FROM:<a@sender.example>")
                c.expect(250, "RCPT TO:<u@test.example>")
                if waiting:
                    assert idlers[0].reply()[0] == 421
                c.expect(354, "DATA")
                c.raw("x\r\n.\r\n")
                c.expect(250)
                c.expect(221, "QUIT")
        idlers[1].expect(250, "NOOP")
        for c in idlers:
            c.close()


def test_ctl_says_what_was_not_done(tmp_path):
    admin = tmp_path / "admin"

    def ctl(*words):
        r = subprocess.run([GATE, "ctl", *words, "--config", "/dev/null", "--admin", admin],
                           text=True, timeout=30, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           check=False)
        return r.returncode, r.stdout + r.stderr

    with Backend() as b, Gate(b, options=["--admin", admin]):
        assert ctl("grant", "192.0.2.77", "joe")[0] == 0
        assert "\ngrants 1\n" in ctl("status")[1]
        assert ctl("trap", "192.0.2.78", "spam")[0] == 0
        for words, why in ((["grant", "10.0.0.1", "joe"], "see grant-networks"),
                           (["grant", "192.0.2.77"], "needs a user"),
                           (["grant", "x", "joe"], "needs an address"),
                           (["trap", "10.0.0.1"], "not a public address"),
                           (["guard", "x"], "knows only: guard clear"),
                           (["x"], "knows status, reload")):
            status, text = ctl(*words)
            assert status == 65 and why in text and "error" not in text


def pem(tmp_path, path, bits, name):
    """A key with its certificate in one file."""
    key, cert = tmp_path / "key", tmp_path / "cert"
    subprocess.run(["openssl", "req", "-x509", "-newkey", f"rsa:{bits}", "-nodes", "-keyout", key,
                    "-out", cert, "-days", "30", "-subj", f"/CN={name}.example",
                    "-addext", f"subjectAltName=DNS:{name}.example"],
                   check=True, stderr=subprocess.DEVNULL)
    path.write_bytes(key.read_bytes() + cert.read_bytes())


@pytest.fixture
def certs(tmp_path):
    folder = tmp_path / "certs"
    folder.mkdir()
    pem(tmp_path, folder / "strong.pem", 2048, "strong")
    pem(tmp_path, folder / "weak.pem", 1024, "weak")
    return folder


@pytest.mark.parametrize("port", ["--listen-submission", "--listen-submissions"])
@pytest.mark.parametrize("setting", ["cert", "cert-dir"])
@pytest.mark.parametrize("check", [["check"], []])
def test_no_weak_key_on_the_users_port(certs, port, setting, check):
    """Said at the start, with the file; also where it is one of many."""
    options = ["--cert", certs / "weak.pem"] if setting == "cert" else \
        ["--cert", certs / "strong.pem", "--cert-dir", certs]
    r = subprocess.run([GATE, *check, "--config", "/dev/null", "--backend", "127.0.0.1:1 xclient",
                        port, "127.0.0.1:0", *options], text=True, timeout=30,
                       capture_output=True, check=False)
    assert r.returncode == 78
    assert f"{setting}: {certs}/weak.pem: too weak for passwords of users: ee key too small" in r.stderr


def test_a_weak_key_between_servers(certs):
    """It is better than none, and where users' ports are handed over it is refused all the same."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with Backend() as b, Gate(b, options=["--cert", certs / "strong.pem", "--cert-dir", certs]) as g:
        with g.client() as c:
            c.hello()
            c.expect(220, "STARTTLS")
            c.sock = context.wrap_socket(c.sock, server_hostname="weak.example")
            c.hello()
    with socket.create_server(("127.0.0.1", 0)) as port:
        start = ("import os, sys\nos.dup2(int(sys.argv[1]), 3)\n"
                 "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', LISTEN_FDNAMES='submission')\n"
                 "os.execv(sys.argv[2], sys.argv[2:])")
        r = subprocess.run([sys.executable, "-c", start, str(port.fileno()),
                            *Gate(b, options=["--cert", certs / "weak.pem"]).command()],
                           pass_fds=[port.fileno()], text=True, timeout=30, capture_output=True,
                           check=False)
    assert r.returncode == 78 and "weak.pem: too weak" in r.stderr


def test_a_backend_for_a_domain_of_any_script():
    """What recipients are compared with is in A-labels."""
    with Backend() as one, Backend() as two, \
            Gate(one, f"m\u00fcller.example={two.place} xclient",
                 domains=("test.example", "m\u00fcller.example")) as g, g.client() as c:
        c.hello()
        c.expect(250, "MAIL FROM:<a@sender.example>")
        c.expect(250, "RCPT TO:<u@xn--mller-kva.example>")
        assert two.visits[-1].rcpts == [b"u@xn--mller-kva.example"]
