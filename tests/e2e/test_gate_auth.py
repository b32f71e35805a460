# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins at postern gate: by its password file, with clients of others' hands (smtplib, swaks, a SCRAM client
from the RFC), the brakes, and what a login is worth at the relay decision."""

import hashlib
import json
import os
import shutil
import signal
import smtplib
import ssl
import subprocess
import time

import pytest

from authlib import b64, fields, passwd, plain, scram, secured, submission
from gatebackend import Backend
from gatelib import DOMAIN, Gate
from testlib import BUILD, free_port

FOREIGN = "somebody@elsewhere.example"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("auth")
    passwd(folder / "users", "joe@example.org", "open sesame")
    passwd(folder / "users", "ann", "\u2168")        # SASLprep makes IX of it
    passwd(folder / "users", "printer", None, "lock")
    return folder


@pytest.fixture(scope="module")
def gate(folder):
    with Backend() as b, submission(b, folder=folder, options=[
            "--auth-file", str(folder / "users"), "--login-failures", "0"]) as g:
        g.backend = b
        yield g


def relays(c, rcpt=FOREIGN):
    """The reply to a recipient that is not ours."""
    c.say("MAIL FROM:<joe@example.org>")
    got = c.say(f"RCPT TO:<{rcpt}>")
    c.say("RSET")
    return got[0]


def test_what_is_offered(gate):
    with gate.client() as c:
        assert "AUTH" not in c.hello()
        assert c.say("AUTH PLAIN " + plain("joe@example.org", "open sesame"))[0] // 100 == 5
        c.starttls()
        assert "AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN" in c.hello()


@pytest.mark.parametrize("name, line, code", [
    ("right", "PLAIN " + plain("joe@example.org", "open sesame"), 235),
    ("other case", "plain " + plain("Joe@Example.org", "open sesame"), 235),
    ("prepared", "PLAIN " + plain("ann", "IX"), 235),
    ("as oneself", "PLAIN " + plain("ann", "IX", "ann"), 235),
    ("as another", "PLAIN " + plain("ann", "IX", "joe@example.org"), 535),
    ("wrong", "PLAIN " + plain("ann", "XI"), 535),
    ("unknown", "PLAIN " + plain("bob", "IX"), 535),
    ("locked", "PLAIN " + plain("printer", "!"), 535),
    ("TAB and LF in the name", "PLAIN " + plain("ann\tuser=root\n", "IX"), 535),
    ("not base64", "PLAIN !", 501),
    ("no such mechanism", "CRAM-MD5", 504),
    ("external without a certificate", "EXTERNAL =", 504),
    ("anonymous", "ANONYMOUS " + b64("me"), 504),
])
def test_plain(gate, name, line, code):
    with secured(gate) as c:
        got = c.say("AUTH " + line)
        assert got[0] == code, got
        assert (relays(c) == 250) == (code == 235)


def test_no_relay_without(gate):
    with secured(gate) as c:
        assert relays(c) // 100 == 5
        assert c.say("AUTH PLAIN " + plain("ann", "no"))[0] == 535
        assert relays(c) // 100 == 5
        assert c.say("AUTH LOGIN") == (334, b64("Username:"))
        assert c.say("*")[0] == 501
        assert c.say("AUTH LOGIN")[0] == 334
        assert c.say(b64("ann")) == (334, b64("Password:"))
        assert c.say(b64("IX"))[0] == 235
        assert relays(c) == 250
        assert c.say("AUTH PLAIN " + plain("ann", "IX"))[0] == 503


def test_scram(gate):
    with secured(gate) as c:
        assert scram(c, "joe@example.org", "wrong")[0] == 535
        assert scram(c, "nobody", "wrong")[0] == 535
        assert scram(c, "printer", "!")[0] == 535
        assert scram(c, "JOE@example.org", "open sesame")[0] == 235
        assert relays(c) == 250


def test_scram_knows_the_channel(gate):
    with secured(gate) as c:
        # Python's ssl has no exporter: so the channel is wrong here, and a client that hides that it
        # could bind is refused too. That a right one is taken is in src/auth/sasl_test.c.
        assert scram(c, "ann", "IX", "SCRAM-SHA-256-PLUS", channel=b"x" * 32)[0] == 535
        assert scram(c, "ann", "IX", flag="y")[0] == 535
        assert scram(c, "ann", "IX")[0] == 235


def test_the_backend_hears_the_login(gate):
    before = len(gate.backend.messages)
    with smtplib.SMTP(gate.address, gate.port, timeout=30, source_address=("127.7.0.1", 0)) as c:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        c.starttls(context=context)
        c.login("joe@example.org", "open sesame")
        c.sendmail("joe@example.org", [FOREIGN], "Subject: hi\r\n\r\nhello\r\n")
    m = gate.backend.messages[before]
    assert m.rcpts == [FOREIGN] and m.visit.told["LOGIN"] == "joe@example.org"
    assert not m.visit.wrong


@pytest.mark.skipif(not shutil.which("swaks"), reason="needs swaks")
@pytest.mark.parametrize("mech", ["PLAIN", "LOGIN"])
def test_swaks(gate, mech):
    r = subprocess.run(["swaks", "--server", gate.address, "--port", str(gate.port), "--tls",
                        "--auth", mech, "--auth-user", "joe@example.org", "--auth-password",
                        "open sesame", "--from", "joe@example.org", "--to", FOREIGN],
                       capture_output=True, text=True, timeout=60, check=False)
    assert r.returncode == 0 and "235 2.7.0" in r.stdout, r.stdout


def test_the_log_tells(gate):
    with secured(gate, source="127.7.0.9") as c:
        c.say("AUTH PLAIN " + plain("eve\x1b[2J", "x"))
        c.say("AUTH PLAIN " + plain("eve", "x"))
        c.say("AUTH PLAIN " + plain("ann", "IX"))
    gate.wait_log(r"event=login result=ok .*client=127.7.0.9 user=ann mech=PLAIN tls=yes")
    lines = gate.logged(r"event=login .*client=127\.7\.0\.9 ")
    assert [fields(x)["result"] for x in lines] == ["failed", "failed", "ok"]
    assert all("\x1b" not in x and "IX" not in x.replace("IX\"", "") for x in lines)


def test_failures_get_slower_and_end(folder):
    with Backend() as b, submission(b, folder=folder, options=[
            "--auth-file", str(folder / "users"), "--login-failures", "3"]) as g:
        took = []
        with secured(g, source="127.7.1.1") as c:
            for _ in range(3):
                start = time.monotonic()
                assert c.say("AUTH PLAIN " + plain("ann", "no"))[0] == 535
                took.append(time.monotonic() - start)
        assert took[0] >= 0.9 and took[1] >= 1.9 and took[2] >= 3.9, took
        with secured(g, source="127.7.1.1") as c:
            assert c.say("AUTH PLAIN " + plain("ann", "IX"))[0] == 454
            assert c.say("AUTH PLAIN " + plain("ann", "IX"))[0] == 454
        with secured(g, source="127.7.1.2") as c:    # nobody else is locked out
            assert c.say("AUTH PLAIN " + plain("ann", "IX"))[0] == 235
        g.wait_log(r"event=brake which=failures .*client=127.7.1.1")


def test_recipients_per_hour(folder):
    with Backend() as b, submission(b, folder=folder, options=[
            "--auth-file", str(folder / "users"), "--recipients-per-hour", "5"]) as g:
        with secured(g) as c:
            assert c.say("AUTH PLAIN " + plain("ann", "IX"))[0] == 235
            codes = [relays(c) for _ in range(7)]
        assert codes == [250] * 5 + [450] * 2
        with secured(g) as c:
            assert scram(c, "ANN", "IX")[0] == 235
            assert relays(c) == 450
            assert relays(c, f"user@{DOMAIN}") == 450
        with secured(g) as c:
            assert c.say("AUTH PLAIN " + plain("joe@example.org", "open sesame"))[0] == 235
            assert relays(c) == 250
        g.wait_log(r"event=brake which=recipients .*user=ann")


def test_prefixes_per_day(folder):
    with Backend() as b, submission(b, folder=folder, options=[
            "--auth-file", str(folder / "users"), "--prefixes-per-day", "2"]) as g:
        codes = []
        for source in ("127.7.1.1", "127.7.1.200", "127.7.2.1", "127.7.3.1", "127.7.2.9"):
            with secured(g, source=source) as c:
                codes.append(c.say("AUTH PLAIN " + plain("ann", "IX"))[0])
                assert relays(c) == 250 or codes[-1] != 235
        assert codes == [235, 235, 235, 454, 235]


def test_reload(folder, tmp_path):
    users = tmp_path / "users"
    passwd(users, "joe", "one")
    with Backend() as b, submission(b, folder=folder, options=["--auth-file", str(users)]) as g:
        def login(password):
            with secured(g, source=f"127.7.{os.getpid() % 200 + 1}.{time.monotonic_ns() % 250 + 1}") as c:
                return c.say("AUTH PLAIN " + plain("joe", password))[0]
        assert login("one") == 235
        passwd(users, "joe", "two")
        assert login("one") == 235      # until it is told to read again
        g.process.send_signal(signal.SIGHUP)
        g.wait_log("event=reload result=done")
        assert login("two") == 235 and login("one") == 535
        with open(users, "a", encoding="ascii") as f:
            f.write("# fine\nann:{PLAIN}secret\n")
        g.process.send_signal(signal.SIGHUP)
        line = g.wait_log(r"event=reload result=refused.*").string
        assert f"{users}:3:" in line and "secret" not in line
        assert login("two") == 235
    bad = subprocess.run([*g.command()[:1], "check", *g.command()[1:]], capture_output=True, text=True,
                         timeout=30, check=False)
    assert bad.returncode == 78 and f"{users}:3:" in bad.stderr


def test_starts_with_no_bad_file(folder, tmp_path):
    for text, words in ((None, "No such file"), ("joe\n", ":1: "), ("# x\njoe:x\n", ":2: ")):
        if text:
            (tmp_path / "users").write_text(text)
        g = submission("127.0.0.1:1 xclient", folder=folder,
                       options=["--auth-file", str(tmp_path / "users")])
        r = subprocess.run(g.command(), capture_output=True, text=True, timeout=30, check=False)
        assert r.returncode in (66, 78) and words in r.stderr, r.stderr


def test_without_tls(folder):
    options = ["--auth-file", str(folder / "users")]
    with Backend() as b, Gate(b, role="submission", options=options) as g, g.client() as c:
        assert "AUTH SCRAM-SHA-256\n" in c.hello() + "\n"
        assert c.say("AUTH PLAIN " + plain("ann", "IX"))[0] == 538
        assert c.say("AUTH LOGIN")[0] == 538
        assert relays(c) // 100 == 5
        assert scram(c, "ann", "IX")[0] == 235
        assert relays(c) == 250


def test_plain_on_loopback(folder):
    options = ["--auth-file", str(folder / "users"), "--auth-plain-loopback"]
    with Backend() as b, Gate(b, role="submission", options=options) as g, g.client() as c:
        assert "AUTH SCRAM-SHA-256 PLAIN LOGIN" in c.hello()
        assert c.say("AUTH PLAIN " + plain("ann", "IX"))[0] == 235


def test_on_the_mx_port(folder):
    options = ["--auth-file", str(folder / "users"), "--auth-plain-loopback"]
    with Backend() as b, Gate(b, options=options) as g, g.client() as c:
        assert "AUTH" not in c.hello()
        assert c.say("AUTH PLAIN " + plain("ann", "IX"))[0] // 100 == 5
        assert relays(c) // 100 == 5
    with Backend() as b, Gate(b, options=[*options, "--mx-logins"]) as g, g.client() as c:
        assert "AUTH" in c.hello()
        assert c.say("AUTH PLAIN " + plain("ann", "IX"))[0] == 235
        assert relays(c) == 250


def test_the_client_leaves(gate):
    for n in range(20):
        c = secured(gate, source="127.7.9.9")
        c.raw("AUTH PLAIN " + plain("ann", "IX" if n % 2 else "no") + "\r\n")
        (c.reset if n % 3 else c.close)()
    with secured(gate) as c:
        assert c.say("AUTH PLAIN " + plain("ann", "IX"))[0] == 235


def test_external(folder, tmp_path):
    """A certificate with a name in `certs` logs in by it; one without, and no certificate, do not."""
    def openssl(*args, **named):
        return subprocess.run(["openssl", *args], check=True, capture_output=True, timeout=60, **named).stdout

    keys = {}
    for name in ("named", "plain"):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(tmp_path / f"{name}.key"),
                "-out", str(tmp_path / f"{name}.pem"), "-subj", f"/CN={name}", "-days", "2")
        public = openssl("rsa", "-in", str(tmp_path / f"{name}.key"), "-pubout", "-outform", "DER")
        keys[name] = hashlib.sha256(public).hexdigest()
    options = ["--auth-file", str(folder / "users"), "--certs", keys["named"] + " printer",
               "--certs", keys["plain"]]
    with Backend() as b, submission(b, folder=folder, options=options) as g:
        for name, offered in (("named", True), ("plain", False), (None, False)):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            if name:
                context.load_cert_chain(tmp_path / f"{name}.pem", tmp_path / f"{name}.key")
            with g.client() as c:
                c.hello()
                c.starttls(context)
                assert ("EXTERNAL" in c.hello()) == offered, name
                assert c.say("AUTH EXTERNAL " + b64("ann"))[0] == (535 if offered else 504)
                assert c.say("AUTH EXTERNAL =")[0] == (235 if offered else 504)
                assert relays(c) == 250 or not name
        assert [v.told["LOGIN"] for v in b.visits if v.told.get("LOGIN", "[UNAVAILABLE]") !=
                "[UNAVAILABLE]"] == ["printer"]


# --- the command ---

def test_passwd(tmp_path):
    users = tmp_path / "users"
    passwd(users, "joe", "one")
    assert users.stat().st_mode & 0o7777 == 0o600
    users.chmod(0o640)
    os.chown(users, 0 if os.geteuid() == 0 else -1, -1)
    users.write_text("# mine\n" + users.read_text() + "ann:!:1000:1000::/home/ann::\n")
    passwd(users, "JOE", "two")
    passwd(users, "ann", "three")
    text = users.read_text().splitlines()
    assert text[0] == "# mine" and text[1].startswith("JOE:{SCRAM-SHA-256}10000,")
    assert text[2].startswith("ann:{SCRAM-SHA-256}") and text[2].endswith(":1000:1000::/home/ann::")
    assert users.stat().st_mode & 0o7777 == 0o640
    passwd(users, "joe", None, "remove")
    assert users.read_text().splitlines()[1].startswith("ann:")
    assert "no such user" in passwd(users, "joe", None, "remove", status=67)
    before = users.read_text()
    assert "RFC 4013" in passwd(users, "joe", "", status=65)
    passwd(users, "j:oe", "x", status=65)
    passwd(users, "joe", "x", "lock", "remove", status=64)
    users.write_text(before + "broken\n")
    assert "line 3" in passwd(users, "joe", "x", status=78)
    assert users.read_text() == before + "broken\n"
    assert os.listdir(tmp_path) == ["users"]


# --- several workers ---

def test_workers_count_together(folder, tmp_path):
    users = tmp_path / "users"
    users.write_text((folder / "users").read_text())
    passwd(users, "ann with blanks", "two words")
    with Backend() as b, submission(b, folder=folder, options=[
            "--auth-file", str(users), "--recipients-per-hour", "12", "--workers", "2"],
            listen=f"127.0.0.1:{free_port()}") as g:
        codes = []
        for n in range(20):      # sessions fall to one worker or the other
            with secured(g, source=f"127.7.4.{n + 1}") as c:
                assert c.say("AUTH PLAIN " + plain("ann with blanks", "two words"))[0] == 235
                codes.append(relays(c))
        # A worker hears of the other's a moment later, so one or two more may slip through.
        assert codes[:12] == [250] * 12 and codes[14:] == [450] * 6, codes
        assert g.stop() == 0


@pytest.mark.parametrize("password, verdict, why", [
    ("open sesame", "closed", "the control was taken after a login"),
    ("wrong", "blocked", "login required"),
])
def test_the_tester_can_tell_a_users_port_closed(tmp_path, password, verdict, why):
    """Its control is taken with a login, and none of its probes is, which have none."""
    users, secret = tmp_path / "users", tmp_path / "secret"
    passwd(users, "joe", "open sesame")
    secret.write_text(password + "\n")
    secret.chmod(0o600)
    with Backend() as b, submission(b, folder=tmp_path, options=["--auth-file", str(users)]) as g:
        r = subprocess.run([os.path.join(BUILD, "postern-test"), "--own", "--probe-domain", "probe.example",
                            "--state", str(tmp_path / "state"), "--json", "--wait", "0s", "--set", "quick",
                            "--tls", "only", "--ports", str(g.port), "--account", "joe",
                            "--password-file", str(secret), "127.0.0.1"],
                           text=True, timeout=60, capture_output=True, check=False)
        doors = [d for d in map(json.loads, r.stdout.splitlines()) if d["type"] == "door"]
        assert [d["verdict"] for d in doors] == [verdict] and why in doors[0]["why"], r.stdout
        assert not b.messages
        g.wait_log(f"event=login result={'ok' if verdict == 'closed' else 'failed'} .*user=joe .*tls=yes")
    assert "open sesame" not in r.stdout + r.stderr
