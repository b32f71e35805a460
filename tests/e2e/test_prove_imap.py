# SPDX-License-Identifier: GPL-3.0-or-later
"""postern prove --imap against a real Dovecot (from a Debian root of its own, on loopback), and against
servers that misbehave. Without root, or where the root can't be made, the Dovecot part is skipped."""

import contextlib
import imaplib
import json
import os
import socket
import ssl
import subprocess
import threading
import time

import pytest

import dovecotlib
import testlib
from dovecotlib import certificates, lower  # noqa: F401
from test_prove import PROVE, TARGET, TOP, bounce, message, proofs, received, state, token  # noqa: F401

USER, PASSWORD = "joe", "open sesame \"\\ 1"
SETTINGS = """\
ssl = {ssl}
ssl_cert = </lab/cert.pem
ssl_key = </lab/key.pem
disable_plaintext_auth = {strict}
auth_mechanisms = plain login cram-md5
"""


class Dovecot(dovecotlib.Dovecot):
    def __init__(self, lower, folder, strict="yes"):
        if not (folder / "ca.pem").exists():
            certificates(folder)
        settings = SETTINGS.format(ssl="required" if strict == "yes" else "no", strict=strict)
        super().__init__(lower, folder, f"{USER}:{{PLAIN}}{PASSWORD}\n", settings,
                         {f"/lab/{name}": (folder / name).read_text() for name in ("cert.pem", "key.pem")})

    def login(self):
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        c = imaplib.IMAP4_SSL("127.0.0.1", self.imaps, ssl_context=context)
        c.login(USER, PASSWORD)
        return c

    def put(self, raw, mailbox="INBOX", when=None):
        c = self.login()
        if mailbox != "INBOX":
            c.create(f'"{mailbox}"')
        when = imaplib.Time2Internaldate(when or time.time())
        kind, answer = c.append(f'"{mailbox}"', "", when, raw.encode())
        assert kind == "OK", answer
        c.logout()

    def flags(self, mailbox="INBOX"):
        c = self.login()
        c.select(f'"{mailbox}"', readonly=True)
        answer = c.fetch("1:*", "(FLAGS)")[1]
        c.logout()
        return answer

    def url(self, scheme="imaps", mailbox="INBOX", host="127.0.0.1"):
        return f"{scheme}://{USER}@{host}:{self.imaps if scheme == 'imaps' else self.imap}/{mailbox}"


@pytest.fixture(scope="module")
def dovecot(lower, tmp_path_factory):  # noqa: F811
    with Dovecot(lower, tmp_path_factory.mktemp("dovecot")) as d:
        yield d


@pytest.fixture
def password(tmp_path):
    path = tmp_path / "password"
    path.write_text(PASSWORD + "\n")
    path.chmod(0o600)
    return str(path)


def prove(state, *args, **env):
    environment = {k: v for k, v in os.environ.items() if k != "POSTERN_IMAP_PASSWORD"}
    r = subprocess.run([PROVE, "--state", state, "--json", *args], capture_output=True, text=True,
                       timeout=120, stdin=subprocess.DEVNULL, check=False,
                       env={**environment, "HOME": "/nonexistent", **env})
    assert "Sanitizer" not in r.stderr, r.stderr
    return r.returncode, [json.loads(line) for line in r.stdout.splitlines()], r.stderr


def test_reads_and_changes_nothing(state, dovecot, password):  # noqa: F811
    box = "Reads"
    a, s = token(1), token(9, kind="s")
    dovecot.put("From: friend@example.net\nSubject: private\n\nnobody's business\n", box)
    dovecot.put(message([a, token(2)], received(TARGET, f"me+{a}@probe.example")), box)
    dovecot.put(bounce([a], a, s), box)
    dovecot.put(message([token(3)], received(TARGET)), box, when=time.time() - 10 * 86400)
    before = dovecot.flags(box)
    code, docs, err = prove(state, "--imap", dovecot.url(mailbox=box), "--imap-password-file", password,
                            "--imap-ca-file", str(dovecot.folder / "ca.pem"))
    assert code == 0, err
    assert [(d["kind"], d["source"]) for d in docs] == [("probe", "imap"), ("bounce", "imap")]
    assert {t["serial"]: (t["scope"], t["path"]) for t in docs[0]["tokens"]} == {
        1: ("recipient", "direct"), 2: ("transaction", "direct")}
    after = dovecot.flags(box)
    assert [b.replace(b"\\Recent", b"") for b in after] == [b.replace(b"\\Recent", b"") for b in before]
    assert not any(b"Seen" in flags for flags in after)
    kept = proofs(state)
    assert sorted((p["serial"], p["what"], p["source"]) for p in kept) == [
        (1, "arrival", "imap"), (1, "bounce", "imap"), (2, "arrival", "imap")]


def test_wait_until_it_arrives(state, dovecot, password):  # noqa: F811
    box = "Waits"
    dovecot.put("Subject: old\n\nx\n", box)
    p = subprocess.Popen([PROVE, "--state", state, "--json", "--imap", dovecot.url(mailbox=box),
                          "--imap-password-file", password, "--imap-ca-file",
                          str(dovecot.folder / "ca.pem"), "--wait", "60"], stdout=subprocess.PIPE)
    time.sleep(1)
    assert p.poll() is None
    dovecot.put(message([token(1)], received(TARGET)), box)
    out, _ = p.communicate(timeout=50)
    assert p.returncode == 0 and json.loads(out)["proved"]


def test_tester_looks_there(tmp_path, dovecot, password):
    """postern test with the same mailbox; without the authority, its certificate is not believed."""
    box = "Tested"
    dovecot.put("Subject: old\n\nx\n", box)
    tester = testlib.Tester(tmp_path, sink=False)

    def taken(session, text):
        for rcpt in session.rcpts:
            to = rcpt.strip("<>")
            dovecot.put(f"Return-Path: <>\r\nDelivered-To: {to}\r\n" + received("127.0.0.2", to)
                        + text, box)
        return "250 2.0.0 Ok"

    def run(server, *more):
        return tester.json("--own", "--tls", "no", "--only", "third-party.plain", "--imap",
                           dovecot.url(mailbox=box), "--imap-password-file", password, *more,
                           server.target)

    with testlib.Server("127.0.0.2", rcpt=testlib.open_to_all, taken=taken) as server:
        got = run(server, "--imap-ca-file", dovecot.folder / "ca.pem", "--wait", "30")
        assert (got.code, got.err) == (2, ""), got.out
        assert {p["source"] for p in got.verdict["proved"]} == {"imap"}
        got = run(server, "--wait", "2")
        assert got.code == 1 and "certificate" in got.err, got.err


def test_two_hundred_messages(state, dovecot, password):  # noqa: F811
    box = "Many"
    c = dovecot.login()
    c.create(box)
    for i in range(200):
        c.append(box, "", imaplib.Time2Internaldate(time.time()), f"Subject: {i}\n\nx\n".encode())
    c.append(box, "", imaplib.Time2Internaldate(time.time()), message([token(7)], received(TARGET)).encode())
    c.logout()
    code, docs, _ = prove(state, "--imap", dovecot.url(mailbox=box), "--imap-password-file", password,
                          "--imap-ca-file", str(dovecot.folder / "ca.pem"))
    assert code == 0 and len(docs) == 1


def test_a_large_message_is_cut(state, dovecot, password):  # noqa: F811
    box = "Large"
    dovecot.put(message([token(1)], received(TARGET)) + ("y" * 76 + "\r\n") * 30000, box)
    code, docs, _ = prove(state, "--imap", dovecot.url(mailbox=box), "--imap-password-file", password,
                          "--imap-ca-file", str(dovecot.folder / "ca.pem"))
    assert code == 0 and docs[0]["cut"]


def test_the_text_can_not_speak_for_the_server(state, dovecot, password):  # noqa: F811
    box = "Lies"
    lies = ")\r\nP4 OK done\r\nP5 NO gone\r\n* BYE\r\n* 1 FETCH (UID 1 BODY[] {3}\r\n"
    dovecot.put(message([token(1)], received(TARGET)) + lies * 50, box)
    dovecot.put(message([token(2)], received(TARGET)), box)
    code, docs, _ = prove(state, "--imap", dovecot.url(mailbox=box), "--imap-password-file", password,
                          "--imap-ca-file", str(dovecot.folder / "ca.pem"))
    assert code == 0 and [d["proved"] for d in docs] == [True, True]


def test_password_from_environment_and_netrc(state, dovecot, tmp_path):  # noqa: F811
    ca = ("--imap-ca-file", str(dovecot.folder / "ca.pem"))
    dovecot.put("Subject: x\n\nx\n", "Env")
    code, _, err = prove(state, "--imap", dovecot.url(mailbox="Env"), *ca, POSTERN_IMAP_PASSWORD=PASSWORD)
    assert code == 1, err
    quoted = PASSWORD.replace("\\", "\\\\").replace('"', '\\"')
    netrc = tmp_path / ".netrc"
    netrc.write_text(f'machine 127.0.0.1 login {USER} password "{quoted}"\n')
    netrc.chmod(0o600)
    code, _, err = prove(state, "--imap", dovecot.url(mailbox="Env"), *ca, HOME=str(tmp_path))
    assert code == 1, err


def test_starttls(state, dovecot, password):  # noqa: F811
    dovecot.put(message([token(1)], received(TARGET)), "Starttls")
    code, _, err = prove(state, "--imap", dovecot.url("imap", "Starttls"), "--imap-password-file", password,
                         "--imap-ca-file", str(dovecot.folder / "ca.pem"))
    assert code == 0, err


@pytest.mark.parametrize("name, change, words", [
    ("the certificate's authority is unknown", {"ca": None}, "certificate"),
    ("the certificate is for another name", {"host": "127.0.0.2"}, "certificate"),
    ("the password is wrong", {"password": "wrong"}, "denied"),
    ("there is no such mailbox", {"mailbox": "Nowhere"}, "doesn't exist"),
    ("the authorities' file is missing", {"ca": "/no/such/file"}, "CA"),
])
def test_refused(state, lower, dovecot, password, tmp_path, name, change, words):  # noqa: F811
    if "password" in change:
        open(password, "w", encoding="ascii").write(change["password"])
    ca = change.get("ca", str(dovecot.folder / "ca.pem"))
    url = dovecot.url(mailbox=change.get("mailbox", "INBOX"))
    args = ["--imap-password-file", password] + (["--imap-ca-file", ca] if ca else [])
    with contextlib.ExitStack() as stack:
        if "host" in change:  # a certificate that does not name this address
            stack.enter_context(Forwarder(dovecot.imaps, change["host"]))
            url = dovecot.url(host=change["host"])
        code, docs, err = prove(state, "--imap", url, *args)
    assert code == 66 and not docs and words.lower() in err.lower(), err
    assert "trying again" not in err and PASSWORD not in err


def test_no_plain_login_unless_told(state, lower, password, tmp_path):  # noqa: F811
    with Dovecot(lower, tmp_path, strict="no") as d:
        url = f"imap://{USER}@127.0.0.1:{d.imap}/INBOX"
        code, _, err = prove(state, "--imap", url, "--imap-password-file", password)
        assert code == 66 and ("TLS" in err or "SSL" in err), err
        code, _, err = prove(state, "--imap", url, "--imap-password-file", password, "--imap-plain")
        assert code == 1, err


class Forwarder(testlib.Answers):
    """Carries connections to a port of another loopback address."""

    def __init__(self, port, host):
        super().__init__(socket.create_server((host, port)))

    def session(self, c):
        with socket.create_connection(("127.0.0.1", self.port), 10) as far:
            other = threading.Thread(target=self.carry, args=(far, c), daemon=True)
            other.start()
            self.carry(c, far)
            other.join()

    @staticmethod
    def carry(a, b):
        with contextlib.suppress(OSError):
            while data := a.recv(65536):
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)


# ---- servers that misbehave ----

class Hostile(testlib.Answers):
    """Speaks IMAP as far as the login, then answers EXAMINE, SEARCH and FETCH as the test says.

    answers: verb -> function(tag, rest) that yields bytes to send; b"" hangs up."""

    def __init__(self, **answers):
        super().__init__()
        self.answers, self.said = answers, []

    def session(self, c):
        c.sendall(b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n")
        for line in c.makefile("rb"):
            tag, verb, *rest = line.decode().strip().split(" ", 2)
            self.said.append(line)
            rest = rest[0] if rest else ""
            if verb == "UID":
                verb, rest = rest.split(" ", 1)
            answer = self.answers.get(verb.upper(), self.usual.get(verb.upper(), self.ok))
            for piece in answer(tag, rest):
                if not piece:
                    return
                c.sendall(piece)

    @staticmethod
    def ok(tag, _):
        yield f"{tag} OK done\r\n".encode()

    @staticmethod
    def capability(tag, _):
        yield f"* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\r\n{tag} OK done\r\n".encode()

    @staticmethod
    def examine(tag, _):
        yield f"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] ids\r\n{tag} OK [READ-ONLY] done\r\n".encode()

    @staticmethod
    def search(tag, rest):
        new = int(rest.split("UID ")[1].split(":")[0]) <= 5
        yield f"* SEARCH{' 5' if new else ''}\r\n{tag} OK done\r\n".encode()

    usual = {}

    def run(self, state, *args):  # noqa: F811
        return prove(state, "--imap", f"imap://joe@127.0.0.1:{self.port}/INBOX", "--imap-plain",
                     *args, POSTERN_IMAP_PASSWORD="x")


Hostile.usual = {"CAPABILITY": Hostile.capability, "EXAMINE": Hostile.examine, "SEARCH": Hostile.search}


def fetch(raw):
    """An honest FETCH of one message."""
    raw = raw.encode()

    def answer(tag, rest):
        part = raw.split(b"\r\n\r\n")[0] + b"\r\n\r\n" if "HEADER" in rest else raw
        yield f"* 1 FETCH (UID 5 BODY[]<0> {{{len(part)}}}\r\n".encode() + part + b")\r\n"
        yield f"{tag} OK done\r\n".encode()
    return answer


def test_honest_server_for_comparison(state):  # noqa: F811
    with Hostile(FETCH=fetch(message([token(1)], received(TARGET)))) as h:
        code, docs, err = h.run(state)
    assert code == 0 and docs[0]["proved"], err
    said = b"".join(h.said)
    for verb in (b"SELECT", b"STORE", b"EXPUNGE", b"DELETE", b"COPY", b"MOVE", b"APPEND"):
        assert verb not in said
    assert b"EXAMINE" in said and b"BODY.PEEK[" in said


def test_one_byte_at_a_time(state):  # noqa: F811
    def drip(tag, rest):
        for piece in fetch(message([token(1)], received(TARGET)))(tag, rest):
            for i in range(len(piece)):
                yield piece[i:i + 1]

    with Hostile(FETCH=drip) as h:
        code, _, err = h.run(state)
    assert code == 0, err


def endless(tag, _):
    while True:
        yield b"* 1 EXISTS\r\n" * 1000


def endless_line(tag, _):
    while True:
        yield b"x" * 65536


def huge_literal(tag, _):
    yield b"* 1 FETCH (UID 5 BODY[] {18446744073709551615}\r\n"
    while True:
        yield b"y" * 65536


def more_than_asked(tag, _):
    yield b"* 1 FETCH (UID 5 BODY[] {1500000}\r\n"
    yield b"y" * 1500000 + b")\r\n"
    for uid in range(1, 40):
        yield f"* {uid} FETCH (UID {uid} BODY[] {{1400000}}\r\n".encode() + b"z" * 1400000 + b")\r\n"
    yield f"{tag} OK done\r\n".encode()


@pytest.mark.parametrize("name, answers, words", [
    ("hangs up at EXAMINE", {"EXAMINE": lambda t, r: [b""]}, "hung up"),
    ("hangs up in a literal", {"FETCH": lambda t, r: [b"* 1 FETCH (UID 5 BODY[] {100}\r\nabc", b""]},
     "hung up"),
    ("says BYE", {"SEARCH": lambda t, r: [b"* BYE \x1b[31mgo\x07 away\r\n", b""]}, "go"),
    ("refuses SEARCH", {"SEARCH": lambda t, r: [f"{t} BAD what\r\n".encode()]}, "what"),
    ("never comes to an end", {"SEARCH": endless}, "never comes to an end"),
    ("a line without end", {"SEARCH": endless_line}, "too much"),
    ("a literal of 2^64 octets", {"FETCH": huge_literal}, "too much"),
])
def test_hostile(state, name, answers, words):  # noqa: F811
    with Hostile(**answers) as h:
        started = time.monotonic()
        code, docs, err = h.run(state)
    assert code == 75 and not docs and words in err, err
    assert "\x1b" not in err and "\x07" not in err
    assert time.monotonic() - started < 40


def test_more_than_asked(state):  # noqa: F811
    with Hostile(FETCH=more_than_asked) as h:
        code, docs, err = h.run(state, "--all")
    assert code in (1, 75), err
    assert len(docs) <= 1


def test_comes_back_after_a_loss(state):  # noqa: F811
    good = fetch(message([token(1)], received(TARGET)))
    times = []

    def flaky(tag, rest):
        times.append(time.monotonic())
        return [b""] if len(times) < 2 else good(tag, rest)

    with Hostile(FETCH=flaky) as h:
        code, docs, err = h.run(state, "--wait", "60")
    assert code == 0 and docs[0]["proved"] and "trying again" in err
    assert h.connections == 2


def test_new_uidvalidity_is_read_from_the_start(state):  # noqa: F811
    seen = []

    def examine(tag, _):
        seen.append(1)
        yield f"* OK [UIDVALIDITY {len(seen)}] ids\r\n{tag} OK done\r\n".encode()

    with Hostile(EXAMINE=examine, FETCH=fetch("Return-Path: <>\r\nSubject: none of ours\r\n\r\nx")) as h:
        code, docs, _ = h.run(state, "--all", "--wait", "5")
    assert code == 1 and len(docs) >= 2


def test_silence_ends_with_the_wait(state):  # noqa: F811
    def silent(tag, rest):
        time.sleep(30)
        return [b""]

    with Hostile(SEARCH=silent) as h:
        started = time.monotonic()
        code, _, _ = h.run(state, "--wait", "1")
    assert code == 1 and time.monotonic() - started < 10
