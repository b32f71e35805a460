# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins at postern gate that a real Dovecot judges (in a Debian root of its own, on loopback), grants by
real IMAP logins that its auth policy client reports, and a Dovecot that misbehaves."""

import imaplib
import os
import smtplib
import socket
import ssl
import subprocess
import threading
import time

import pytest

from authlib import Dovecot, b64, plain, scram, secured, seen, submission
from dovecotlib import lower  # noqa: F401
from gatebackend import Backend
from gatelib import DOMAIN
from testlib import Answers, free_port

FOREIGN = "somebody@elsewhere.example"
JOE = ("joe@example.org", "open sesame")


def relays(c, rcpt=FOREIGN):
    c.say("MAIL FROM:<joe@example.org>")
    got = c.say(f"RCPT TO:<{rcpt}>")
    c.say("RSET")
    return got[0]


@pytest.fixture(scope="module")
def policy_port():
    return free_port()


@pytest.fixture(scope="module")
def dovecot(lower, policy_port, tmp_path_factory):  # noqa: F811
    more = (f"auth_policy_server_url = http://127.0.0.1:{policy_port}/\n"
            "auth_policy_hash_nonce = ninetyninebottles\n")
    with Dovecot(lower, tmp_path_factory.mktemp("dovecot"), more) as d:
        yield d


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("gate")


@pytest.fixture(scope="module", params=["unix", "tcp"])
def gate(request, dovecot, folder, policy_port):
    place = dovecot.socket if request.param == "unix" else f"127.0.0.1:{dovecot.auth}"
    options = ["--auth-dovecot", place, "--login-failures", "0",
               "--grants-listen", f"127.0.0.1:{policy_port}", "--grant-networks", "127.7.0.0/16",
               "--grant-networks", "127.0.0.1", "--grant-users-max", "1"]
    with Backend() as b, submission(b, folder=folder, options=options) as g:
        seen(g, r"event=dovecot .*text=connected")
        g.backend = b
        yield g


def test_what_is_offered(gate):
    with gate.client() as c:
        assert "AUTH" not in c.hello()
        c.starttls()
        words = [line for line in c.hello().split("\n") if line.startswith("AUTH ")]
        assert words == ["AUTH PLAIN LOGIN SCRAM-SHA-256"]    # not ANONYMOUS


@pytest.mark.parametrize("name, line, code", [
    ("right", "PLAIN " + plain(*JOE), 235),
    ("right, later", "PLAIN", 235),
    ("wrong", "PLAIN " + plain("ann", "nothing"), 535),
    ("unknown", "PLAIN " + plain("eve", "nothing"), 535),
    ("may not log in", "PLAIN " + plain("off", "nothing"), 535),
    ("TAB and LF in the name", "PLAIN " + plain("ann\tuser=joe@example.org\nOK", "other secret"), 535),
    ("not base64", "PLAIN !", 501),
    ("a TAB behind it", "PLAIN " + plain("ann", "nothing") + "\tuser=ann", 501),
    ("anonymous", "ANONYMOUS " + b64("me"), 504),
    ("no such mechanism", "NTLM", 504),
])
def test_plain(gate, name, line, code):
    with secured(gate) as c:
        got = c.say("AUTH " + line)
        if line == "PLAIN":
            assert got[0] == 334
            got = c.say(plain(*JOE))
        assert got[0] == code, got
        assert (relays(c) == 250) == (code == 235)


def test_login_and_scram(gate):
    with secured(gate) as c:
        assert c.say("AUTH LOGIN") == (334, b64("Username:"))
        assert c.say("*")[0] == 501
        assert c.say("AUTH LOGIN")[0] == 334
        assert c.say(b64("ann")) == (334, b64("Password:"))
        assert c.say(b64("other secret"))[0] == 235
        assert relays(c) == 250
    with secured(gate) as c:
        assert scram(c, "ann", "wrong")[0] == 535
        assert scram(c, "ann", "other secret")[0] == 235
        assert relays(c) == 250


def test_smtplib_and_identity(gate):
    before = len(gate.backend.messages)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with smtplib.SMTP(gate.address, gate.port, timeout=30, source_address=("127.7.0.1", 0)) as c:
        c.starttls(context=context)
        c.login(*JOE)
        c.sendmail("joe@example.org", [FOREIGN], "Subject: hi\r\n\r\nhello\r\n")
    m = gate.backend.messages[before]
    assert m.visit.told["LOGIN"] == "joe@example.org" and m.visit.identity == "127.7.0.1"


def test_many_at_once(gate):
    results = []

    def one(n):
        with secured(gate, source=f"127.7.5.{n}") as c:
            good = n % 3 != 0
            results.append((c.say("AUTH PLAIN " + plain("ann", "other secret" if good else "x"))[0],
                            235 if good else 535))

    threads = [threading.Thread(target=one, args=(n,)) for n in range(1, 31)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(results) == 30 and all(got == want for got, want in results), results


def test_the_client_leaves(gate):
    for n in range(20):
        c = secured(gate, source="127.7.6.1")
        c.raw("AUTH PLAIN " + plain("ann", "x") + "\r\n")
        (c.reset if n % 2 else c.close)()
    with secured(gate) as c:
        assert c.say("AUTH PLAIN " + plain(*JOE))[0] == 235


def imap(dovecot, source, user, password):
    """A login from an address of our choice; whether it worked."""
    c = imaplib.IMAP4("127.0.0.1", dovecot.imap)
    c.sock.close()
    c.sock = socket.create_connection(("127.0.0.1", dovecot.imap), 30, source_address=(source, 0))
    c.file = c.sock.makefile("rb")
    c.file.readline()
    try:
        c.login(user, password)
        return True
    except imaplib.IMAP4.error:
        return False
    finally:
        c.sock.close()


def test_imap_login_grants(gate, dovecot):
    a, b = "127.7.20.1", "127.7.20.2"
    with gate.client(source=a) as c:
        c.hello()
        c.starttls()
        c.hello()
        assert relays(c) // 100 == 5
        assert not imap(dovecot, a, "ann", "wrong")
        assert relays(c) // 100 == 5
        assert imap(dovecot, a, "ann", "other secret")
        gate.wait_log(r"event=grant result=new client=127\.7\.20\.1 user=ann source=policy")
        assert relays(c) == 250
    with secured(gate, source=b) as c:     # nobody else
        assert relays(c) // 100 == 5
    # A second user from there: the address is shared, and the grant is withdrawn.
    assert imap(dovecot, a, *JOE)
    gate.wait_log(r"event=grant result=shared client=127\.7\.20\.1")
    with secured(gate, source=a) as c:
        assert relays(c) // 100 == 5
    # A login for sending, at the same Dovecot, is no grant.
    with secured(gate, source="127.7.20.3") as c:
        assert c.say("AUTH PLAIN " + plain(*JOE))[0] == 235
    with secured(gate, source="127.7.20.3") as c:
        assert relays(c) // 100 == 5


EXPORTER = """\
event_exporter gate {{
  format = json
  format_args = time-rfc3339
  transport = http-post
  transport_args = http://127.0.0.1:{port}/?command=event
}}
metric gate {{
  exporter = gate
  filter = event=auth_request_finished
}}
"""


def test_events_grant(lower, folder, tmp_path):  # noqa: F811
    """Where the policy server is another one: Dovecot exports the event of each login that ends."""
    port, a = free_port(), "127.7.21.1"
    options = ["--grants-listen", f"127.0.0.1:{port}", "--grant-networks", "127.7.0.0/16"]
    with Dovecot(lower, tmp_path, EXPORTER.format(port=port)) as d, Backend() as b, \
            submission(b, folder=folder, options=["--auth-dovecot", d.socket, *options]) as g:
        with secured(g, source=a) as c:
            assert not imap(d, a, "ann", "wrong")
            time.sleep(0.5)
            assert relays(c) // 100 == 5
            assert imap(d, a, "ann", "other secret")
            g.wait_log(r"event=grant result=new client=127\.7\.21\.1 user=ann source=event")
            assert relays(c) == 250
        # A login for sending is an event as well, and no grant.
        with secured(g, source="127.7.21.3") as c:
            assert c.say("AUTH PLAIN " + plain(*JOE))[0] == 235
        time.sleep(0.5)
        with secured(g, source="127.7.21.3") as c:
            assert relays(c) // 100 == 5


def test_dovecot_goes_and_comes_back(lower, folder, tmp_path):  # noqa: F811
    with Dovecot(lower, tmp_path) as d, Backend() as b, submission(
            b, folder=folder, options=["--auth-dovecot", d.socket]) as g:
        seen(g, r"event=dovecot .*text=connected")
        with secured(g) as c:
            assert c.say("AUTH PLAIN " + plain(*JOE))[0] == 235
        d.__exit__()
        seen(g, r"error event=dovecot")
        with secured(g) as c:
            assert c.say("AUTH PLAIN " + plain(*JOE))[0] == 454
            assert relays(c) // 100 == 5
        d.run()
        g.wait_log(r"event=dovecot .*text=\"it is back\"")
        with secured(g) as c:
            assert c.say("AUTH PLAIN " + plain(*JOE))[0] == 235


# --- a Dovecot that misbehaves ---

HELLO = b"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t0\nDONE\n"


class Liar(Answers):
    """Greets like a Dovecot, then says what it is told to at each AUTH."""

    def __init__(self, path, answer, hello=HELLO):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        os.chmod(path, 0o666)
        listener.listen()
        super().__init__(listener)
        self.answer, self.hello, self.said = answer, hello, []

    def session(self, c):
        c.sendall(self.hello)
        for line in c.makefile("rb"):
            self.said.append(line)
            if line.startswith((b"AUTH\t", b"CONT\t")):
                said = self.answer(line.split(b"\t")[1].strip())
                if said is None:
                    return
                c.sendall(said)


@pytest.mark.parametrize("name, answer, code", [
    ("honest", lambda n: b"OK\t" + n + b"\tuser=joe\n", 235),
    ("no name", lambda n: b"OK\t" + n + b"\n", 454),
    ("a name with a line end", lambda n: b"OK\t" + n + b"\tuser=a\001nb\n", 454),
    ("a long name", lambda n: b"OK\t" + n + b"\tuser=" + b"x" * 256 + b"\n", 454),
    ("for now", lambda n: b"FAIL\t" + n + b"\ttemp\n", 454),
    ("closes", lambda n: None, 454),
    ("nonsense", lambda n: b"OK\tx\tuser=joe\n", 454),
    ("an endless line", lambda n: b"x" * 20000, 454),
    ("another's answer, then none", lambda n: b"OK\t99\tuser=joe\nFAIL\t" + n + b"\n", 535),
    ("a foul challenge", lambda n: b"CONT\t" + n + b"\ta\r\n235 2.7.0 ok\n", 454),
])
def test_liars(folder, tmp_path, name, answer, code):
    path = str(tmp_path / "auth")
    with Liar(path, answer), Backend() as b, submission(b, folder=folder,
                                                        options=["--auth-dovecot", path]) as g:
        seen(g, r"event=dovecot .*text=connected")
        with secured(g) as c:
            assert c.say("AUTH PLAIN " + plain(*JOE))[0] == code
            assert (relays(c) == 250) == (code == 235)
        assert g.alive()


def test_what_dovecot_hears(folder, tmp_path):
    path = str(tmp_path / "auth")
    with Liar(path, lambda n: b"OK\t" + n + b"\tuser=joe\n") as liar, Backend() as b, submission(
            b, folder=folder, options=["--auth-dovecot", path]) as g:
        seen(g, r"event=dovecot .*text=connected")
        with secured(g, source="127.7.0.3") as c:
            port = c.source_port
            assert c.say("AUTH PLAIN " + plain("a\tb", "x"))[0] == 235
        line = next(x for x in liar.said if x.startswith(b"AUTH")).decode().rstrip("\n").split("\t")
    assert line[0] == "AUTH" and line[2:5] == ["PLAIN", "service=smtp", "secured"]
    facts = dict(f.split("=", 1) for f in line if "=" in f)
    assert facts == {"service": "smtp", "lip": "127.0.0.1", "lport": str(g.port), "rip": "127.7.0.3",
                     "rport": str(port), "local_name": "gate.test.example",
                     "resp": plain("a\tb", "x")}


def test_another_version(folder, tmp_path):
    path = str(tmp_path / "auth")
    hello = HELLO.replace(b"VERSION\t1", b"VERSION\t2")
    with Liar(path, lambda n: b"", hello) as liar, Backend() as b, submission(
            b, folder=folder, options=["--auth-dovecot", path]) as g:
        seen(g, r"event=dovecot .*another version")
        with secured(g) as c:
            assert c.say("AUTH PLAIN " + plain(*JOE))[0] // 100 in (4, 5)
            assert relays(c) // 100 == 5
        time.sleep(0.5)
        assert liar.connections < 10    # it does not knock without end


def test_no_socket(folder, tmp_path):
    with Backend() as b, submission(b, folder=folder,
                                    options=["--auth-dovecot", str(tmp_path / "none")]) as g:
        with secured(g) as c:
            assert "AUTH" not in c.hello()
            assert relays(c) // 100 == 5
            assert relays(c, f"user@{DOMAIN}") // 100 == 5


def test_one_judge(folder, tmp_path):
    (tmp_path / "users").write_text("")
    g = submission("127.0.0.1:1 xclient", folder=folder,
                   options=["--auth-dovecot", "/x", "--auth-file", str(tmp_path / "users")])
    r = subprocess.run(g.command(), capture_output=True, text=True, timeout=30, check=False)
    assert r.returncode == 78 and "one of them" in r.stderr
