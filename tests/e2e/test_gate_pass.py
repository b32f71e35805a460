# SPDX-License-Identifier: GPL-3.0-or-later
"""Real clients through postern gate to a backend that records everything: each way in (plain, STARTTLS,
TLS from the start, behind a balancer), each identity towards the backend, and what the gate says of itself."""

import os
import re
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import time

import pytest

from gatebackend import Backend, Fault
from gatelib import (Attempt, BUILD, CLIENT, Client, DOMAIN, Gate, GATE, NAME, PATIENCE, judge, message,
                     stuffed, tag)

STRANGER = "203.0.113.50"


def certificate(folder, name, *more):
    names = ",".join(f"DNS:{n}" for n in (name, *more))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}",
                    "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt"],
                   check=True, stderr=subprocess.DEVNULL)
    both = folder / f"{name}.pem"
    both.write_bytes((folder / f"{name}.key").read_bytes() + (folder / f"{name}.crt").read_bytes())
    return both


@pytest.fixture(scope="module")
def certs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certs")
    certificate(folder, "one.example.org", "*.one.example.org")
    certificate(folder, "two.example.org")
    other = tmp_path_factory.mktemp("other")
    certificate(other, "client.example")
    return folder, other


def spki(pem):
    der = subprocess.run(f"openssl x509 -in {pem} -pubkey -noout | openssl pkey -pubin -outform der "
                         "| sha256sum", shell=True, check=True, capture_output=True, text=True).stdout
    return der.split()[0]


def names(text):
    return {line.split()[0] for line in text.splitlines()[1:]}


# --- real clients ------------------------------------------------------------------------------------

def send_smtplib(gate, name, **named):
    with smtplib.SMTP(gate.address, gate.port, timeout=PATIENCE, source_address=(CLIENT, 0)) as s:
        s.sendmail("a@client.example", [f"user@{DOMAIN}"], message(name), **named)


def send_swaks(gate, name, *more):
    path = f"/tmp/postern-swaks-{name}"
    with open(path, "wb") as f:
        f.write(message(name))
    try:
        return subprocess.run(["swaks", "--server", f"{gate.address}:{gate.port}", "--local-interface",
                               CLIENT, "--from", "a@client.example", "--to", f"user@{DOMAIN}",
                               "--data", f"@{path}", "--helo", "client.example", *more],
                              check=False, capture_output=True, text=True, timeout=60)
    finally:
        os.unlink(path)


def send_curl(gate, name, *more):
    r = subprocess.run(["curl", "-sS", "--interface", CLIENT, f"smtp://{gate.address}:{gate.port}/client.example",
                        "--mail-from", "a@client.example", "--mail-rcpt", f"user@{DOMAIN}", "-T", "-", *more],
                       input=message(name), check=False, capture_output=True, timeout=60)
    assert r.returncode == 0, r.stderr


def send_msmtp(gate, name):
    r = subprocess.run(["msmtp", f"--host={gate.address}", f"--port={gate.port}", f"--source-ip={CLIENT}",
                        "--from=a@client.example", "--domain=client.example", "--tls=off", "--auth=off",
                        f"user@{DOMAIN}"], input=message(name), check=False, capture_output=True, timeout=60)
    assert r.returncode == 0, r.stderr


CLIENTS = {"smtplib": send_smtplib, "swaks": send_swaks, "curl": send_curl, "msmtp": send_msmtp}


def arrived(backend, name):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        for m in backend.messages:
            if m.name == name:
                return m
        time.sleep(0.01)
    raise AssertionError(f"{name} did not arrive")


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("identity", ["xclient", "proxy1", "proxy2"])
def test_clients(client, identity):
    if client != "smtplib" and not shutil.which(client):
        pytest.skip(f"no {client}")
    with Backend(identity) as b, Gate(b) as g:
        name = tag()
        CLIENTS[client](g, name)
        m = arrived(b, name)
        lines = [line.rstrip(b" ") for line in message(name).split(b"\r\n")]
        got = [line.rstrip(b" ") for line in m.data.split(b"\r\n")]
        assert m.identity == CLIENT
        if client == "smtplib":
            assert m.data == message(name)
        else:   # clients of people may add fields, or end lines their own way
            assert lines[-3] in got and lines[0] in got
        assert g.wait_log(r"event=mail .*result=passed").string.count(f"client={CLIENT}") == 1


def test_octets_and_parameters():
    """8BITMIME, DSN and SIZE arrive, written anew."""
    with Backend() as b, Gate(b) as g:
        name = tag()
        with smtplib.SMTP(g.address, g.port, timeout=PATIENCE, source_address=(CLIENT, 0)) as s:
            s.ehlo("client.example")
            assert s.has_extn("8bitmime") and s.has_extn("dsn") and s.has_extn("smtputf8")
            s.mail("a@client.example", ["BODY=8BITMIME", "RET=HDRS", "ENVID=x+2By"])
            s.rcpt(f"User@{DOMAIN.upper()}", ["NOTIFY=FAILURE", "ORCPT=rfc822;u@x"])
            assert s.data(message(name))[0] == 250
        m = arrived(b, name)
        assert b"MAIL FROM:<a@client.example> BODY=8BITMIME RET=HDRS ENVID=x+2By" in m.visit.lines
        assert f"RCPT TO:<User@{DOMAIN}> NOTIFY=FAILURE ORCPT=rfc822;u@x".encode() in m.visit.lines


@pytest.mark.parametrize("extensions, want", [
    (("PIPELINING", "8BITMIME"), {"8BITMIME"}),
    ((), set()),
    (("SMTPUTF8", "8BITMIME", "DSN", "ENHANCEDSTATUSCODES", "X-NEW"),
     {"SMTPUTF8", "8BITMIME", "DSN", "ENHANCEDSTATUSCODES"}),
])
def test_ehlo_is_the_intersection(extensions, want):
    with Backend(extensions=extensions) as b, Gate(b) as g, g.client() as c:
        assert names(c.hello()) == {"PIPELINING", "SIZE", "CHUNKING"} | want


def test_ehlo_of_two_backends():
    with Backend(extensions=("8BITMIME", "DSN")) as one, Backend(extensions=("8BITMIME",)) as two, \
            Gate(f"{one.place} xclient", f"two.example={two.place} xclient",
                 domains=(DOMAIN, "two.example")) as g, g.client() as c:
        assert names(c.hello()) == {"PIPELINING", "SIZE", "CHUNKING", "8BITMIME"}


def test_bdat_is_bridged():
    """The backend knows no CHUNKING; the message has dots and no line end at its end."""
    with Backend(extensions=()) as b, Gate(b) as g:
        a = Attempt()
        with g.client() as c:
            a.send_chunks(c, [7, 100, 1, 30])
        assert a.code == 250 and arrived(b, a.name).data == a.data
        assert judge([a], [b]) == []
        bare = Attempt(message(tag()) + b".\r\n.no end")
        bare.name = re.search(rb"X-Tag: (\S+)", bare.data)[1].decode()
        with g.client() as c:
            bare.send_chunks(c, [50])
        assert bare.code == 250 and arrived(b, bare.name).data == bare.data + b"\r\n"


# --- TLS ---------------------------------------------------------------------------------------------

def shown(address, port, name, starttls):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    sock = socket.create_connection((address, port), timeout=PATIENCE)
    if starttls:
        s = smtplib.SMTP(timeout=PATIENCE)
        s.sock, s.file = sock, None
        s.getreply()
        s.ehlo("client.example")
        s.docmd("STARTTLS")
    with context.wrap_socket(sock, server_hostname=name) as tls:
        text = ssl.DER_cert_to_PEM_cert(tls.getpeercert(True))
    r = subprocess.run(["openssl", "x509", "-noout", "-subject"], input=text, check=True,
                       capture_output=True, text=True)
    return re.search(r"CN = (\S+)", r.stdout)[1]


@pytest.mark.parametrize("role", ["mx", "submissions"])
def test_certificate_by_name(certs, role):
    with Backend() as b, Gate(b, role=role, options=["--cert-dir", certs[0]]) as g:
        want = {"one.example.org": "one.example.org", "TWO.example.org": "two.example.org",
                "x.one.example.org": "one.example.org", "y.x.one.example.org": "one.example.org",
                "nobody.example": "one.example.org"}
        for name, cert in want.items():
            assert shown(g.address, g.port, name, role == "mx") == cert, name


def test_client_certificate_relays(certs):
    """Anyone's certificate is taken; the right comes with the key that is on the list."""
    pem = certs[1] / "client.example.pem"
    other = certificate(certs[1], "other.example")
    with Backend() as b, Gate(b, role="submissions",
                              options=["--cert-dir", certs[0], "--certs", f"{spki(pem)} laptop"]) as g:
        for cert, code in ((pem, 250), (other, 530), (None, 530)):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            if cert:
                context.load_cert_chain(cert)
            c = Client(g.address, g.port, greeting=False)
            with c:
                c.secure(context)
                c.expect(220)
                c.hello()
                c.expect(250, "MAIL FROM:<a@client.example>")
                assert c.say("RCPT TO:<x@elsewhere.example>")[0] == code, cert


def test_starttls_forgets(certs):
    with Backend() as b, Gate(b, options=["--cert-dir", certs[0]]) as g, g.client() as c:
        assert "STARTTLS" in names(c.hello())
        c.starttls()
        assert c.say("MAIL FROM:<a@client.example>")[0] == 503
        assert "STARTTLS" not in names(c.hello())


def test_starttls_injection(certs):
    with Backend() as b, Gate(b, options=["--cert-dir", certs[0]]) as g, g.client() as c:
        c.hello()
        c.raw(b"STARTTLS\r\nMAIL FROM:<a@client.example>\r\n")
        assert re.fullmatch(rb"554 5.5.0 [^\r\n]*\r\n", c.ended())


# --- behind a balancer -------------------------------------------------------------------------------

V1 = f"PROXY TCP4 {STRANGER} 192.0.2.9 4000 25\r\n".encode()
V2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + socket.inet_aton(STRANGER) + \
    socket.inet_aton("192.0.2.9") + b"\x0f\xa0\0\x19"


@pytest.mark.parametrize("header", [V1, V2], ids=["v1", "v2"])
def test_proxy_in(header):
    with Backend() as b, Gate(b, options=["--proxy-from", "127.7.0.0/16"]) as g:
        a = Attempt()
        with g.client(first=header) as c:
            a.send(c)
        assert a.code == 250
        m = arrived(b, a.name)
        assert m.identity == STRANGER and m.visit.told["DESTADDR"] == "192.0.2.9"
        a.ip = STRANGER
        assert judge([a], [b]) == []


@pytest.mark.parametrize("first", [b"EHLO client.example\r\n", b"PROXY TCP4 1.2.3.4\r\n", V2[:12] + b"\x31"],
                         ids=["none", "wrong", "version"])
def test_proxy_must_come_first(first):
    with Backend() as b, Gate(b, options=["--proxy-from", "127.7.0.0/16"]) as g:
        c = Client(g.address, g.port, greeting=False, first=first + b"\0" * 16)
        assert c.ended() == b""
        g.wait_log("event=proxy")


def test_proxy_from_strangers_is_no_command():
    with Backend() as b, Gate(b, options=["--proxy-from", "127.8.0.0/16"]) as g, g.client() as c:
        assert c.say(V1.decode().strip())[0] == 500
        a = Attempt().send(c)
        assert a.code == 250 and arrived(b, a.name).identity == CLIENT


# --- out of turn -------------------------------------------------------------------------------------

@pytest.mark.parametrize("said", ["EHLO client.example\r\nMAIL FROM:<a@b.example>\r\n", "HELO x\r\nNOOP\r\n"])
def test_out_of_turn(said):
    with Backend() as b, Gate(b) as g, g.client() as c:
        c.raw(said)
        assert b"554 5.5.0" in c.ended()


def test_early_talk():
    with Backend() as b, Gate(b, options=["--greet-wait", "1s"]) as g:
        c = Client(g.address, g.port, greeting=False, first=b"EHLO client.example\r\n")
        assert c.ended().startswith(b"554 5.5.0")
        c = Client(g.address, g.port)
        assert c.hello()


def test_message_behind_data():
    """Octets that do not wait for 354 are nobody's message."""
    with Backend() as b, Gate(b) as g, g.client() as c:
        c.hello()
        c.expect(250, "MAIL FROM:<a@client.example>")
        c.expect(250, f"RCPT TO:<user@{DOMAIN}>")
        c.raw(b"DATA\r\nSubject: x\r\n\r\n.\r\n")
        assert b"554 5.5.0" in c.ended()
        assert not b.messages


def test_pipelined_group_in_order():
    def rcpt(path):
        return b"550 5.1.1 nobody" if b"nobody" in path else b"250 2.1.5 ok"

    with Backend(rcpt=rcpt) as b, Gate(b) as g, g.client() as c:
        c.hello()
        c.raw(f"MAIL FROM:<a@client.example>\r\nRCPT TO:<one@{DOMAIN}>\r\nRCPT TO:<x@elsewhere.example>\r\n"
              f"RCPT TO:<nobody@{DOMAIN}>\r\nRCPT TO:<two@{DOMAIN}>\r\nDATA\r\n")
        assert [c.reply()[0] for _ in range(6)] == [250, 250, 554, 550, 250, 354]


# --- the service -------------------------------------------------------------------------------------

def test_health_check_leaves_no_line():
    with Backend() as b, Gate(b, options=["--no-verbose"]) as g:
        for hello in ("HELO balancer.example", "EHLO balancer.example"):
            with g.client() as c:
                c.expect(250, hello)
                c.expect(221, "QUIT")
        Client(g.address, g.port, greeting=False).close()
        a = Attempt()
        with g.client() as c:
            a.send(c)
        g.wait_log("event=mail ")
        c = g.client()
        c.say("QUIT")
        assert not [x for x in g.log if "event=session" in x and a.name not in x and "mails=0" in x]
        assert not [x for x in g.log if re.search(r" (warn|error) ", x)]


def test_drain_finishes_the_message():
    with Backend() as b, Gate(b) as g:
        a, idle = Attempt(), g.client()
        idle.hello()
        c = g.client()
        assert a.envelope(c)
        c.raw(stuffed(a.data)[:-3])
        g.process.send_signal(signal.SIGTERM)
        assert idle.ended().startswith(b"421 4.3.2")
        c.raw(b".\r\n")
        assert c.reply()[0] == 250
        assert c.ended().startswith(b"421 4.3.2")
        assert g.process.wait(PATIENCE) == 0
        a.code = 250
        assert judge([a], [b]) == []


def test_workers_share():
    with Backend() as b, Gate(b, options=["--workers", "2"]) as g:
        attempts = []
        for _ in range(20):
            with g.client() as c:
                attempts.append(Attempt().send(c))
        assert all(a.code == 250 for a in attempts) and judge(attempts, [b]) == []
        assert g.stop() == 0


def test_workers_do_not_outlive_the_parent():
    with Backend() as b, Gate(b, options=["--workers", "2"]) as g:
        c = g.client()
        c.hello()
        g.process.kill()
        assert c.ended().startswith(b"421 4.3.2")
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                socket.create_connection((g.address, g.port), timeout=1).close()
                time.sleep(0.05)
            except ConnectionRefusedError:
                break
        else:
            raise AssertionError("somebody still listens")


def test_sockets_of_systemd():
    script = ("import os,sys\nos.dup2(int(sys.argv[1]), 3, True)\nos.environ['LISTEN_PID'] = str(os.getpid())\n"
              "os.environ['LISTEN_FDS'] = '1'\nos.environ['LISTEN_FDNAMES'] = 'mx'\nos.execv(sys.argv[2], sys.argv[2:])")
    with Backend() as b, socket.create_server(("127.0.0.1", 0)) as s:
        class Inherited(Gate):
            def command(self):
                return [sys.executable, "-c", script, str(s.fileno()), *super().command()]

            def start(self):
                os.set_inheritable(s.fileno(), True)
                popen = subprocess.Popen
                subprocess.Popen = lambda *a, **k: popen(*a, close_fds=False, **k)
                try:
                    super().start()
                finally:
                    subprocess.Popen = popen

        with Inherited(b) as g:
            assert g.port == s.getsockname()[1]
            with g.client() as c:
                assert Attempt().send(c).code == 250


def run(*words, **named):
    return subprocess.run([GATE, *map(str, words)], check=False, capture_output=True, text=True, timeout=60,
                          **named)


def test_ctl(tmp_path):
    path = tmp_path / "admin"
    with Backend() as b, Gate(b, options=["--admin", path]) as g:
        def ctl(*words):
            return run("ctl", *words, "--config", os.devnull, "--admin", path)

        assert re.search(r"^sessions 0$", ctl("status").stdout, re.M)
        assert ctl("trap", STRANGER, "nuisance").returncode == 0
        g.wait_log(rf"event=trap client={STRANGER}")
        assert ctl("nonsense").returncode == 65
        assert ctl("grant", "nonsense").returncode == 65
        assert ctl("reload").returncode == 0
        g.wait_log("event=reload result=done")
        assert os.stat(path).st_mode & 0o777 == 0o600
        assert ctl("drain").returncode == 0
        assert g.process.wait(PATIENCE) == 0
        assert ctl("status").returncode == 69


@pytest.mark.parametrize("rcpt, status, word", [
    (b"554 5.7.1 relay access denied", 0, "closed"), (b"250 2.1.5 ok", 1, "open"),
    (b"450 4.2.0 later", 0, "unsure")])
def test_check_tries_to_relay(rcpt, status, word):
    with Backend(rcpt=lambda path: rcpt) as b:
        r = run("check", "--config", os.devnull, "--name", NAME, "--domains", DOMAIN, "--backend",
                f"{b.place} xclient")
        assert r.returncode == status and r.stdout.count(f": {word} (") == 2, (r.stdout, r.stderr)
        assert ("the gate is the only lock" in r.stdout) == (word == "open")
        assert not b.messages
        assert {v.identity for v in b.visits} == {"203.0.113.77", "2001:db8::77"}
        assert not any(b"DATA" in v.lines or b"BDAT" in v.lines for v in b.visits)


def test_check_says_that_identity_is_not_taken():
    with Backend("proxy2") as b:
        r = run("check", "--config", os.devnull, "--name", NAME, "--domains", DOMAIN, "--backend",
                f"{b.place} proxy2")
        assert r.returncode in (0, 1), (r.stdout, r.stderr)
    with Backend("proxy2") as b:    # one that wants a header is not told by XCLIENT
        r = run("check", "--config", os.devnull, "--name", NAME, "--domains", DOMAIN, "--backend",
                f"{b.place} xclient")
        assert r.returncode == 69, (r.stdout, r.stderr)


class NoEhlo(Fault):
    def reply(self, talk, step, data):
        return b"500 Command unrecognized\r\n" if step.startswith("ehlo") else data


@pytest.mark.parametrize("identity, code", [("proxy1", 250), ("proxy2", 250), ("xclient", None)])
def test_backend_without_ehlo(identity, code):
    """RFC 5321 3.2: HELO, and no extensions; XCLIENT is one."""
    with Backend(identity, fault=NoEhlo()) as b, Gate(b) as g:
        with g.client() as c:
            assert names(c.hello()) == {"PIPELINING", "SIZE", "CHUNKING"}
            a = Attempt(message(tag()).replace(b"\xc3\xa4\xff\x80", b"ascii"))
            a.name = re.search(rb"X-Tag: (\S+)", a.data)[1].decode()
            a.send(c, hello=None)
        assert a.code == code and judge([a], [b]) == []
        if code is None:
            assert a.stopped == 451
            g.wait_log("event=identity")


def test_header_is_not_answered_for_helo():
    """One that knows neither PROXY nor EHLO: its answers are one behind, and none is ever used."""
    with Backend("transparent", fault=NoEhlo()) as b:
        place = b.place
        with Gate(f"{place} proxy1") as g, g.client() as c:
            a = Attempt().send(c)
            assert a.stopped == 451 and a.code is None and not b.messages
            assert not [line for v in b.visits for line in v.lines if line[:4] in (b"MAIL", b"RCPT")]


def test_no_backend_no_start():
    r = run("--config", os.devnull, "--name", NAME, "--domains", DOMAIN, "--listen-mx", "127.0.0.1:0")
    assert r.returncode == 78 and "backend: " in r.stderr
    r = run("--config", os.devnull, "--name", NAME, "--domains", DOMAIN, "--backend", "127.0.0.1:25")
    assert r.returncode == 78 and "xclient, proxy1, proxy2 or transparent" in r.stderr


def test_per_host_limit():
    with Backend() as b, Gate(b, options=["--sessions-per-host", "3"]) as g:
        held = [g.client() for _ in range(3)]
        c = Client(g.address, g.port, greeting=False)
        assert c.ended().startswith(b"421 4.3.2")
        other = Client(g.address, g.port, source="127.7.0.2")
        assert other.hello()
        held.pop().close()
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            c = Client(g.address, g.port, greeting=False)
            if c.reply()[0] == 220:
                break
            time.sleep(0.05)
        else:
            raise AssertionError("no room was made")


def test_backend_slots():
    """Used up: newcomers hear 421, and a recipient 450."""
    with Backend() as b, Gate(b, options=["--backend-max", "1"]) as g:
        late = g.client(source="127.7.0.2")
        late.hello()
        late.expect(250, "MAIL FROM:<a@client.example>")
        with g.client() as c:
            c.hello()
            c.expect(250, "MAIL FROM:<a@client.example>")
            c.expect(250, f"RCPT TO:<user@{DOMAIN}>")
            assert late.say(f"RCPT TO:<user@{DOMAIN}>")[0] == 450
            assert Client(g.address, g.port, greeting=False).ended().startswith(b"421 4.3.2")
