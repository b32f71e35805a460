# SPDX-License-Identifier: GPL-3.0-or-later
"""postern gate before a hostile client: cut at each octet, gone at the worst moment, line ends of every
kind, commands out of turn, injected TLS, headers of balancers, absurd chunks. The backend is honest and
strict: it notes each bare CR, LF or NUL, and every recipient that reaches it."""

import concurrent.futures
import socket
import ssl
import subprocess
import threading
import time

import pytest

from gatebackend import EXTENSIONS, PROXY2, Backend
from gatelib import (NAME, Attempt, Client, Cut, DOMAIN, Gate, PATIENCE, judge, message, stuffed, tag)

MAIL, RCPT = "MAIL FROM:<a@client.example>", f"RCPT TO:<user@{DOMAIN}>"
EVIL = "smuggled@stranger.example"
SIDE_BY_SIDE = 12


@pytest.fixture(scope="module")
def cert(tmp_path_factory):
    pem = str(tmp_path_factory.mktemp("tls") / "gate.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", f"/CN={NAME}", "-keyout", pem, "-out",
                    pem + ".crt"], check=True, stderr=subprocess.DEVNULL)
    with open(pem, "a", encoding="ascii") as f, open(pem + ".crt", encoding="ascii") as g:
        f.write(g.read())
    return pem


class Stage:
    """A backend and a gate before it, used by many tests; each looks at what is new."""

    def __init__(self, backend, gate):
        self.backend, self.gate = backend, gate

    def client(self, **named):
        return self.gate.client(**named)

    def check(self, *attempts):
        """Nothing but what these may have left is at the backend."""
        assert self.backend.idle(), "a connection to the backend is left over"
        wrong = [w for w in judge(attempts, [self.backend]) if "nobody sent" not in w]
        assert wrong == []
        assert not any(EVIL.encode() in line for v in self.backend.visits for line in v.lines)
        assert self.gate.alive()


@pytest.fixture(scope="module", params=["refuse", "replace"])
def strict(request):
    """Both ways with lone CR, LF and NUL."""
    with Backend() as b, Gate(b, options=["--bare-newlines", request.param]) as gate:
        stage = Stage(b, gate)
        stage.kind = request.param
        yield stage


@pytest.fixture(scope="module")
def stage(cert):
    with Backend() as b, Gate(b, options=["--cert", cert]) as gate:
        yield Stage(b, gate)


@pytest.fixture(scope="module")
def bridge():
    """The backend knows no CHUNKING: BDAT becomes DATA."""
    with Backend(extensions=[e for e in EXTENSIONS if e != "CHUNKING"]) as b, Gate(b) as gate:
        yield Stage(b, gate)


# --- each octet ------------------------------------------------------------------------------------

def session_octets(stage):
    with stage.client() as c:
        a = Attempt().send(c)
        assert a.acked
        return c.said


@pytest.mark.parametrize("reset", [False, True], ids=["in-order", "by-reset"])
def test_client_goes_at_each_octet(stage, reset):
    count = session_octets(stage)

    def one(n):
        try:
            with stage.client(cut=n, reset=reset) as c:
                return Attempt().send(c)
        except (Cut, EOFError, OSError):
            return Attempt()
    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        attempts = list(pool.map(one, range(1, count + 1)))
    stage.check(*attempts)
    whole = {m.name for m in stage.backend.messages}
    early = [a for a in attempts[:-1] if a.name in whole]
    assert not early, "a message without its end was taken for a whole one"


@pytest.mark.parametrize("reset", [False, True], ids=["in-order", "by-reset"])
def test_client_goes_at_each_octet_of_a_chunk(bridge, reset):
    data = message("cut-chunks")
    line = f"BDAT {len(data)} LAST\r\n".encode()

    def one(n):
        name = tag()
        a = Attempt(data.replace(b"cut-chunks", name.encode()), name=name)
        try:
            with bridge.client() as c:
                a.ip = c.ip
                for text in ("EHLO client.example", MAIL, RCPT):
                    assert c.say(text)[0] == 250
                octets = f"BDAT {len(a.data)} LAST\r\n".encode() + a.data
                c.left, c.reset_at_cut = min(n, len(octets) - 1), reset
                c.raw(octets)
        except (Cut, EOFError, OSError):
            pass
        return a
    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        attempts = list(pool.map(one, range(1, len(line) + len(data))))
    bridge.check(*attempts)
    assert not {a.name for a in attempts} & {m.name for m in bridge.backend.messages}


def test_trickle(stage):
    with stage.client(trickle=0.001) as c:
        a = Attempt().send(c)
    assert a.acked
    stage.check(a)


@pytest.mark.parametrize("how", ["half-close", "close", "reset"])
def test_gone_behind_the_dot(stage, how):
    a = Attempt()
    c = stage.client()
    assert a.envelope(c)
    c.raw(stuffed(a.data))
    if how == "half-close":
        c.half_close()
        a.code = c.reply()[0]
        assert a.acked, "who only stops talking still hears the verdict"
    elif how == "reset":
        c.reset()
    c.close()
    stage.check(a)


def test_half_close_in_the_body(stage):
    a = Attempt()
    with stage.client() as c:
        assert a.envelope(c)
        c.raw(stuffed(a.data)[:-3])
        c.half_close()
        c.ended()
    stage.check(a)
    assert a.name not in {m.name for m in stage.backend.messages}


# --- line ends -------------------------------------------------------------------------------------

ENDINGS = [a + b"." + c for a in (b"\n", b"\r", b"\r\n", b"\r\r\n", b"\n\n", b"\r\n\0", b"\0\r\n", b"\n\r")
           for c in (b"\n", b"\r", b"\r\n", b"\r\r\n", b"\0\r\n", b"\n\r", b"\r\0\n")
           if b"\r\n.\r\n" not in a + b"." + c] + \
          [b"\r\n.\x85", b"\r\n\xc2\x85.\r\n", b"\x0b.\x0b", b"\x0c.\x0c", b"\r\n .\r\n", b"\r\n.\t\r\n"]
SMUGGLED = (b"MAIL FROM:<admin@test.example>\r\nRCPT TO:<" + EVIL.encode() + b">\r\nDATA\r\n"
            b"X-Tag: smuggled\r\n\r\nsmuggled\r\n.\r\n")


@pytest.mark.parametrize("ending", ENDINGS, ids=[e.hex() for e in ENDINGS])
def test_smuggling(strict, ending):
    """Behind the false end stands a second message; only the true end of both may count."""
    name = tag()
    with strict.client() as c:
        a = Attempt(name=name)
        a.data = None       # what may become of it is looked at below
        assert a.envelope(c)
        c.raw(f"X-Tag: {name}\r\n\r\ninnocent".encode() + ending + SMUGGLED)
        code = c.reply()[0]
        c.raw("QUIT\r\n")
        rest = c.ended()
    bare = ending.replace(b"\r\n", b"").strip(b". \t\x85\xc2\x0b\x0c")
    if bare and strict.kind == "refuse":
        assert code // 100 == 5, "a lone CR, LF or NUL is refused"
    assert b"354" not in (rest or b""), "the smuggled DATA was taken for a command"
    strict.check(a, Attempt(name="smuggled"))
    mine = [m for m in strict.backend.messages if m.name == name]
    assert len(mine) <= 1 and (not mine or code == 250)
    for m in mine:
        assert m.data.endswith(b"\r\nsmuggled\r\n"), "the rest stays part of the first"
        assert not set(b"\r\n\0") & set(m.data.replace(b"\r\n", b""))
    assert not [m for m in strict.backend.messages if m.name == "smuggled"]


@pytest.mark.parametrize("ending", ENDINGS + [b"\r\n.\r\n"], ids=[e.hex() for e in ENDINGS] + ["true"])
def test_smuggling_by_chunks(bridge, ending):
    """In a chunk even the true end of DATA is text, and must not end anything behind the bridge."""
    name = tag()
    data = f"X-Tag: {name}\r\n\r\ninnocent".encode() + ending + SMUGGLED
    with bridge.client() as c:
        a = Attempt(data, name=name).send_chunks(c, [len(data) - len(SMUGGLED) - 2, 3, 1000])
    bridge.check(a)
    assert not [m for m in bridge.backend.messages if m.name == "smuggled"]
    if ending == b"\r\n.\r\n":
        assert a.acked


@pytest.mark.parametrize("bad", [b"MAIL FROM:<a@client.example>\n", b"MAIL FROM:<a@client.example>\r",
                                 b"MAIL FROM:<a@client.example>\0\r\n", b"MAIL FROM:<a\r@client.example>\r\n",
                                 b"NOOP\nMAIL FROM:<a@b.example>\r\n", b"RSET\rNOOP\r\n"])
def test_line_ends_of_commands(stage, bad):
    with stage.client() as c:
        c.hello()
        c.raw(bad + b"NOOP\r\n")
        assert c.reply()[0] // 100 == 5
    stage.check()


def test_octets_are_kept(strict):
    """Every octet but lone CR, LF and NUL, long lines and dots anywhere."""
    name = tag()
    every = bytes(b for b in range(1, 256) if b not in b"\r\n")
    data = f"X-Tag: {name}\r\n\r\n".encode() + every + b"\r\n" + b".\r\n..\r\n.x\r\n\r\n" + \
        b"y" * 998 + b"\r\n" + (b"." * 997 + b"\r\n") * 3
    with strict.client() as c:
        a = Attempt(data, name=name).send(c)
    assert a.acked
    strict.check(a)


# --- out of turn -----------------------------------------------------------------------------------

WHOLE = (f"EHLO client.example\r\n{MAIL}\r\n{RCPT}\r\nDATA\r\n").encode() + \
    stuffed(b"X-Tag: early\r\n\r\nearly\r\n") + b"QUIT\r\n"


def test_all_before_the_greeting(stage):
    with stage.client(greeting=False, first=WHOLE) as c:
        c.ended()
    stage.check()
    assert "early" not in {m.name for m in stage.backend.messages}


def test_talk_behind_data(stage):
    """The message and a next command come before 354: refused, as who forges a client would do it."""
    name = tag()
    with stage.client() as c:
        c.hello()
        c.raw(f"{MAIL}\r\n{RCPT}\r\nDATA\r\nX-Tag: {name}\r\n\r\nx\r\n.\r\n{MAIL}\r\n")
        c.ended(3)
    stage.check(Attempt(name=name))
    assert name not in {m.name for m in stage.backend.messages}


@pytest.mark.parametrize("extra", [b"EHLO injected.example\r\n", f"{MAIL}\r\n{RCPT}\r\n".encode(), b"N"])
def test_starttls_injection(stage, extra):
    """What comes in clear behind STARTTLS is not executed under TLS."""
    with stage.client() as c:
        c.hello()
        c.raw(b"STARTTLS\r\n" + extra)
        got = c.reply()
        if got[0] == 220:
            try:
                c.secure()
                assert c.silent(), "a reply to what was said before the handshake"
                assert c.say(RCPT)[0] == 503
            except (ssl.SSLError, OSError):
                pass
        else:
            assert got[0] // 100 == 5
    stage.check()


def test_hello_is_forgotten_by_tls(stage):
    with stage.client() as c:
        c.hello()
        c.starttls()
        assert c.say(MAIL)[0] == 503
        c.hello()
        a = Attempt()
        a.send(c, hello=None)
        assert a.acked
    stage.check(a)


def test_junk_at_the_handshake(stage):
    for junk in (b"\x16\x03\x01\xff\xff" + b"\0" * 70000, b"EHLO x\r\n" * 100, b""):
        with stage.client() as c:
            c.hello()
            c.expect(220, "STARTTLS")
            c.raw(junk)
            c.half_close()
            c.ended()
    stage.check()


@pytest.mark.parametrize("line", ["PROXY TCP4 127.0.0.1 127.0.0.1 4000 25", "XCLIENT ADDR=127.0.0.1",
                                  "XCLIENT LOGIN=root ADDR=127.0.0.1", "XFORWARD ADDR=127.0.0.1",
                                  "AUTH PLAIN AHJvb3QAcm9vdA==", "AUTH EXTERNAL =", "TURN", "ETRN x",
                                  "DEBUG", "WIZ", "EXPN root", "BDAT 5", "HELP", "SEND FROM:<a@b>"])
def test_no_key_in_mid_session(stage, line):
    """Nothing that a stranger says makes him somebody else."""
    with stage.client() as c:
        c.hello()
        c.raw(line + "\r\n" + ("xxxxx" if line == "BDAT 5" else ""))
        c.reply()
        a = Attempt(rcpts=[EVIL, f"user@{DOMAIN}"])
        try:
            c.hello()
            a.send(c, hello=None)
            assert a.taken in ([], [f"user@{DOMAIN}"])
        except EOFError:
            pass    # sent away, which is as good
    stage.check(a)


# --- balancers -------------------------------------------------------------------------------------

def header2(command=0x21, family=0x11, source="192.0.2.9", tail=b""):
    places = socket.inet_aton(source) + socket.inet_aton("127.0.0.1") + b"\x10\0\0\x19"
    return PROXY2 + bytes([command, family]) + (len(places) + len(tail)).to_bytes(2, "big") + places + tail


@pytest.fixture(scope="module")
def balanced():
    with Backend() as b, Gate(b, options=["--proxy-from", "127.8.0.0/16"]) as gate:
        yield Stage(b, gate)


@pytest.mark.parametrize("header", [b"PROXY TCP4 192.0.2.9 127.0.0.1 4000 25\r\n", header2(),
                                    header2(tail=b"\x04\0\x02xx")], ids=["v1", "v2", "tlv"])
def test_balancer(balanced, header):
    with balanced.client(source="127.8.0.1", first=header) as c:
        a = Attempt()
        a.send(c)
        a.ip = "192.0.2.9"
    assert a.acked
    balanced.check(a)


def test_header_octet_by_octet(balanced):
    with balanced.client(source="127.8.0.1", first=b"P", greeting=False) as c:
        for octet in b"ROXY TCP4 192.0.2.9 127.0.0.1 4000 25\r\n":
            c.sock.sendall(bytes([octet]))
            time.sleep(0.001)
        c.expect(220)
        a = Attempt()
        a.send(c)
        a.ip = "192.0.2.9"
    assert a.acked
    balanced.check(a)


BAD_HEADERS = [b"PROXY TCP4 192.0.2.9 127.0.0.1 4000\r\n", b"PROXY TCP4 192.0.2.999 127.0.0.1 4000 25\r\n",
               b"PROXY TCP4 192.0.2.9 127.0.0.1 4000 99999\r\n", b"PROXY " + b"x" * 200 + b"\r\n",
               b"proxy tcp4 192.0.2.9 127.0.0.1 4000 25\r\n", b"PROXY TCP6 192.0.2.9 127.0.0.1 1 25\r\n",
               b"EHLO client.example\r\n", b"\r\n\r\n", PROXY2[:-1] + b"X" + b"\x21\x11\0\x0c" + b"\0" * 12,
               PROXY2 + b"\x11\x11\0\x0c" + b"\0" * 12, PROXY2 + b"\x21\x11\0\x04" + b"\0" * 4,
               PROXY2 + b"\x21\x11\xff\xff" + b"\0" * 200]


@pytest.mark.parametrize("header", BAD_HEADERS, ids=range(len(BAD_HEADERS)))
def test_balancer_with_a_bad_header(balanced, header):
    """Nobody is taken for the balancer itself."""
    try:
        with balanced.client(source="127.8.0.1", first=header + WHOLE, greeting=False) as c:
            if header.endswith(b"\0" * 200):
                c.half_close()
            rest = c.ended()
            assert rest is not None and b"250" not in rest
    except OSError:
        pass
    balanced.check()
    assert "early" not in {m.name for m in balanced.backend.messages}


def test_header_from_a_stranger(balanced):
    with balanced.client(source="127.9.0.1", first=b"PROXY TCP4 127.0.0.1 127.0.0.1 40 25\r\n",
                         greeting=False) as c:
        a = Attempt()
        try:
            c.reply()
            a.send(c)
        except EOFError:
            pass
    assert not a.acked or a.ip == "127.9.0.1"
    balanced.check(a)


# --- chunks and sizes ------------------------------------------------------------------------------

@pytest.mark.parametrize("line", ["BDAT", "BDAT -1", "BDAT x", "BDAT 18446744073709551616",
                                  "BDAT 99999999999999999999 LAST", "BDAT 5 LAST LAST", "BDAT 5 FIRST",
                                  "BDAT 0x5"])
def test_absurd_chunks(stage, line):
    with stage.client() as c:
        c.hello()
        c.expect(250, MAIL)
        c.expect(250, RCPT)
        c.raw(line + "\r\n")
        assert c.reply()[0] // 100 == 5
    stage.check()


@pytest.mark.parametrize("where", ["stage", "bridge"])
@pytest.mark.parametrize("sizes", [[1], [2, 1], [0, 5, 0, 1000], [7], [100000]])
def test_chunks_of_all_sizes(request, where, sizes):
    it = request.getfixturevalue(where)
    with it.client() as c:
        a = Attempt()
        if sizes == [0, 5, 0, 1000]:
            c.hello()
            c.expect(250, MAIL)
            c.expect(250, RCPT)
            a.ip, a.taken, rest = c.ip, list(a.rcpts), a.data
            for size in sizes:
                piece, rest = rest[:size], rest[size:]
                c.raw(f"BDAT {len(piece)}\r\n".encode() + piece)
                assert c.reply()[0] == 250
            c.raw(b"BDAT 0 LAST\r\n")
            a.code = c.reply()[0]
        else:
            a.send_chunks(c, sizes)
    assert a.acked
    it.check(a)


def test_chunks_without_recipients(stage):
    """They are swallowed, each with its own refusal, and are not taken for commands."""
    body = f"{MAIL}\r\nRCPT TO:<{EVIL}>\r\n".encode()
    with stage.client() as c:
        c.hello()
        c.expect(250, MAIL)
        assert c.say(f"RCPT TO:<{EVIL}>")[0] // 100 == 5
        for last in (b"", b" LAST"):
            c.raw(b"BDAT %d%s\r\n" % (len(body), last) + body)
            assert c.reply()[0] // 100 == 5
        c.expect(250, "NOOP")
    stage.check()


@pytest.mark.parametrize("way", ["told", "sent", "chunks"])
def test_too_large(way):
    with Backend() as b, Gate(b, options=["--size-max", "100k"]) as gate:
        a = Attempt(message("large", 2000))
        with gate.client() as c:
            c.hello()
            if way == "told":
                assert c.say(f"{MAIL} SIZE=200000")[0] == 552
                return
            if way == "chunks":
                a.send_chunks(c, [30000], hello=None)
            else:
                a.send(c, hello=None)
        assert not a.acked and 552 in (a.code, a.stopped)
        assert b.idle() and not b.messages


@pytest.mark.parametrize("octets", [b"x" * 5000000, b"EHLO " + b"y" * 5000000, b"\0" * 1000000,
                                    b"NOOP\r\n" * 200000, b"RCPT TO:<" + b"a" * 100000 + b"@b>\r\n"],
                         ids=["no-line", "ehlo", "nuls", "noops", "rcpt"])
def test_floods(stage, octets):
    before = stage.gate.rss_kib()
    c = stage.client(patience=5)

    def read():
        try:
            while c.sock.recv(65536):
                pass
        except OSError:
            pass
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        c.sock.sendall(octets)
        c.half_close()
    except OSError:
        pass
    reader.join(PATIENCE)
    c.close()
    assert stage.gate.rss_kib() - before < 4096
    stage.check()


def test_client_that_does_not_read(stage):
    """Replies nobody takes: the gate keeps little, whether it stops reading or ends the session."""
    before = stage.gate.rss_kib()
    with stage.client() as c:
        c.hello()
        c.sock.settimeout(1)
        sent = 0
        try:
            while sent < 64 << 20:
                sent += c.sock.send(b"NOOP\r\n" * 10000)
        except OSError:
            pass
        assert stage.gate.rss_kib() - before < 4096
    stage.check()


# --- addresses -------------------------------------------------------------------------------------

FOREIGN = ["x@stranger.example", "x%stranger.example@test.example", "stranger.example!x@test.example",
           "@test.example:x@stranger.example", '"x@stranger.example"@test.example',
           '"x%stranger.example"@test.example', "x@stranger.example@test.example", "x@[127.0.0.1]",
           "x@[IPv6:::1]", "x@test.example.", "x@test.example@stranger.example", "x@TEST.EXAMPLE.evil",
           "x@test.example\\@stranger.example", '"x\\@stranger.example"@test.example', "x@", "@", "",
           "x:y@test.example", "|cat@test.example", "/etc/passwd@test.example", "x@test_example",
           "x@\u0442est.example", "x@test\u3002example", '""@test.example', "x@stranger.example,y@test.example",
           "x@test.example>,<x@stranger.example", "x@test.example> ORCPT=rfc822;x@stranger.example <y@evil"]


@pytest.mark.parametrize("rcpt", FOREIGN)
def test_foreign_recipients(stage, rcpt):
    with stage.client() as c:
        c.hello()
        c.expect(250, MAIL)
        c.raw(f"RCPT TO:<{rcpt}>\r\n".encode())
        got = c.reply()
        reached = [r for v in stage.backend.visits for r in v.rcpts if b"stranger" in r or b"evil" in r]
    stage.check()
    assert reached == []
    if got[0] == 250:   # taken as a plain mailbox of ours: then it went on as one
        assert stage.backend.visits[-1].rcpts[-1].lower().endswith(b"@test.example")


def test_pipelined_refusals_stay_in_place(stage):
    """Replies come in the order of the commands, whoever gives them."""
    with stage.client() as c:
        c.hello()
        rcpts = ["a@stranger.example", f"one@{DOMAIN}", "b@stranger.example", f"two@{DOMAIN}", "c%d@x"]
        c.raw(MAIL + "\r\n" + "".join(f"RCPT TO:<{r}>\r\n" for r in rcpts) + "DATA\r\n")
        codes = [c.reply()[0] for _ in range(len(rcpts) + 2)]
        assert [code // 100 for code in codes] == [2, 5, 2, 5, 2, 5, 3], codes
        a = Attempt(name=tag())
        a.ip, a.taken = c.ip, [rcpts[1], rcpts[3]]
        c.raw(stuffed(a.data))
        a.code = c.reply()[0]
    assert a.acked
    stage.check(a)


def test_all_refused_and_data_pipelined(stage):
    visits = len(stage.backend.visits)
    with stage.client() as c:
        c.hello()
        c.raw(f"{MAIL}\r\nRCPT TO:<{EVIL}>\r\nDATA\r\n")
        assert [c.reply()[0] // 100 for _ in range(3)] == [2, 5, 5]
    stage.check()
    assert len(stage.backend.visits) == visits, "refused spam costs the backend no connection"
