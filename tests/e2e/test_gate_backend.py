# SPDX-License-Identifier: GPL-3.0-or-later
"""postern gate before a hostile backend. Whatever it does: a client that saw 250 to its message has it
at the backend octet for octet, one that did not has it there at most once, nothing is said before the
identity, and the client always gets a reply.

One gate serves all faults, each a backend of a domain of its own; sessions run side by side."""

import concurrent.futures
import threading
import time

import pytest

from gatebackend import (At, Backend, CutGot, CutSent, EXTENSIONS, Fault, Fragments, Gone, Talk, Words,
                         close, late, reset, then_close, then_reset, twice)
from gatelib import Attempt, Client, DOMAIN, Gate, PATIENCE, judge, message, stuffed, tag

SIDE_BY_SIDE = 12
STEPS = ("greeting", "ehlo", "xclient", "ehlo again", "mail", "rcpt", "data", "end")
HONEST = {"greeting": b"220", "ehlo": b"250", "xclient": b"220", "ehlo again": b"250", "mail": b"250",
          "rcpt": b"250", "data": b"354", "end": b"250"}


def lines(step, count):
    code = HONEST[step]
    return (code + b"-one of many\r\n") * (count - 1) + code + b" last\r\n"


def faults_of(step):
    """name -> what is answered at this step."""
    code = HONEST[step]
    found = {
        "close": close, "reset": reset, "then-close": then_close, "then-reset": then_reset,
        "late": late(0.4), "twice": twice, "thousand-lines": lines(step, 1000),
        "two-lines": code + b"-one\r\n" + code + b" two\r\n", "no-text": code + b"\r\n",
        "long-line": code + b" " + b"x" * 100000 + b"\r\n",
        "4xx": b"451 4.3.0 later\r\n", "5xx": b"550 5.3.0 never\r\n", "421": b"421 4.3.2 bye\r\n",
        "999": b"999 what\r\n", "000": b"000 what\r\n", "199": b"199 wait\r\n", "short": b"25 ok\r\n",
        "letters": b"abc ok\r\n", "empty": b"\r\n", "nul": code + b" \0ok\r\n",
        "nuls": b"\0" * 40 + b"\r\n", "bare-lf": code + b" ok\n", "bare-cr": code + b" o\rk\r\n",
        "mixed": code + b"-one\r\n550 two\r\n", "tab": code + b"\tok\r\n", "binary": bytes(range(128, 256)) * 2 + b"\r\n",
        "250-at-all": b"250 2.0.0 ok\r\n", "354-at-all": b"354 go\r\n", "334": b"334 dGVzdA==\r\n",
        "injected": lambda talk, data: data + b"250 2.0.0 kept\r\n" * 5,
    }
    return {f"{step}/{name}": At(step, what) for name, what in found.items()}


class Babbler(Fault):
    """Says the replies of a whole session at once, before it is asked anything."""

    def reply(self, talk, step, data):
        if step != "greeting":
            return None
        return b"".join(HONEST[s] + b" 2.0.0 kept\r\n" for s in STEPS)


class InBody(Fault):
    """Says something while the message is still coming, then goes, stays, or reads on."""

    def __init__(self, what, then):
        self.what, self.then = what, then
        self.told = threading.Event()

    def got(self, talk, data):
        if talk.visit.lines[-1:] == [b"DATA"] and not self.told.is_set():
            talk.put(self.what)
            self.told.set()
            self.then(talk)
        return data


def leave(talk):
    raise Gone


def stay(talk):
    pass


def without(*gone):
    return lambda words, hello: [w for w in words if w.split(" ")[0] not in gone]


def later_without(*gone):
    return lambda words, hello: words if hello == 1 else without(*gone)(words, hello)


OTHERS = {
    "fragments": Fragments(),
    "babbler": Babbler(),
    "no-xclient": Words(without("XCLIENT")),
    "xclient-without-addr": Words(lambda words, hello: [
        "XCLIENT NAME HELO" if w.startswith("XCLIENT") else w for w in words]),
    "forgets-pipelining": Words(later_without("PIPELINING")),
    "forgets-all": Words(later_without(*(w.split(" ")[0] for w in EXTENSIONS))),
    "offers-nothing": Words(lambda words, hello: words[:1] + [w for w in words if "XCLIENT" in w]),
    "size-shrinks": Words(lambda words, hello: words if hello == 1 else [
        "SIZE 100" if w.startswith("SIZE") else w for w in words]),
    "size-absurd": Words(lambda words, hello: [
        "SIZE 99999999999999999999999" if w.startswith("SIZE") else w for w in words]),
    "ten-thousand-words": Words(lambda words, hello: words + [f"X{n}" for n in range(10000)]),
    "twice-the-words": Words(lambda words, hello: words + words),
    "354-then-no": At("data", lambda talk, data: b"354 go\r\n554 5.0.0 no\r\n"),
    "250-for-354-then-354": At("data", lambda talk, data: b"250 ok\r\n354 go\r\n"),
    "rcpt-no-data-yes": At("rcpt", b"550 5.1.1 unknown\r\n"),
}
FAULTS = {name: fault for step in STEPS for name, fault in faults_of(step).items()} | OTHERS
# With these a message must get through: they are slow or talkative, not broken.
HARMLESS = {f"{s}/late" for s in STEPS} | {
    f"{s}/{f}" for s in STEPS if s != "ehlo" for f in ("two-lines", "no-text")} | {
    "fragments", "forgets-pipelining", "forgets-all", "offers-nothing", "twice-the-words",
    "end/then-close", "end/then-reset", "data/354-at-all", "end/250-at-all", "rcpt/250-at-all",
    "mail/250-at-all", "ehlo again/250-at-all"}
# The backend never had an identity, or said so: nothing may be tried.
NO_IDENTITY = {"no-xclient", "xclient-without-addr", "xclient/4xx", "xclient/5xx", "xclient/250-at-all",
               "xclient/354-at-all", "xclient/999", "xclient/421"}
WAYS = ("plain", "pipelined", "chunks", "big")


def pipelined(attempt, c):
    """EHLO alone, then all up to DATA at once."""
    try:
        c.hello()
        c.raw(f"MAIL FROM:<{attempt.mail}>\r\n" + "".join(f"RCPT TO:<{r}>\r\n" for r in attempt.rcpts)
              + "DATA\r\n")
        attempt._good(c.reply())
        for rcpt in attempt.rcpts:
            if attempt._good(c.reply()):
                attempt.taken.append(rcpt)
        if not attempt._good(c.reply(), 3):
            return attempt
        # Nobody is there to hear it, but 354 was said: an end without a message.
        c.raw(stuffed(attempt.data) if attempt.taken else b".\r\n")
        attempt.code = c.reply()[0]
    except (EOFError, ConnectionError):
        pass
    return attempt


def one(gate, domain, way):
    name = tag()
    data = message(name, 3000 if way == "big" else 5)
    attempt = Attempt(data, [f"user@{domain}", f"other@{domain}"], name=name)
    attempt.seconds = time.monotonic()
    try:
        with Client(gate.address, gate.port) as c:
            if way == "pipelined":
                pipelined(attempt, c)
            elif way == "chunks":
                attempt.send_chunks(c, [100, 50, 1000])
            else:
                attempt.send(c)
            if attempt.code is None and attempt.stopped is None:
                attempt.rest = c.buffer
    except (OSError, EOFError) as e:
        attempt.rest = repr(e)
    attempt.seconds = time.monotonic() - attempt.seconds
    return attempt


@pytest.fixture(scope="module")
def results():
    """(fault, way) -> (attempt, backend), all run when the first is asked for."""
    names = list(FAULTS)
    backends = [Backend() for _ in names]
    places = [f"f{n}.{DOMAIN}={b.place} xclient" for n, b in enumerate(backends)]
    found = {}
    with Gate(*places, domains=[f".{DOMAIN}"]) as gate, \
            concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for b in backends:
            b.__enter__()

        def all_ways(n):
            backends[n].fault = FAULTS[names[n]]
            return [one(gate, f"f{n}.{DOMAIN}", way) for way in WAYS]
        for n, attempts in zip(range(len(names)), pool.map(all_ways, range(len(names)))):
            for way, attempt in zip(WAYS, attempts):
                found[names[n], way] = attempt, backends[n]
        assert gate.alive(), gate.log[-5:]
        for b in backends:
            assert b.idle(), "the gate holds a connection to a backend whose client is gone"
        # After all of that it still works.
        backends[0].fault = Fault()
        last = one(gate, f"f0.{DOMAIN}", "plain")
        assert last.acked
        found[names[0], "after"] = last, backends[0]
    for b in backends:
        b.__exit__()
    return found


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", FAULTS)
def test_fault(results, name, way):
    attempt, backend = results[name, way]
    same = [results[name, w][0] for w in (*WAYS, "after") if (name, w) in results]
    assert judge(same, [backend], [attempt.rcpts[0].split("@")[1]]) == []
    assert attempt.code or attempt.stopped, f"no reply: {getattr(attempt, 'rest', None)}"
    assert attempt.seconds < PATIENCE / 2
    if name in HARMLESS:
        assert attempt.acked, (attempt.code, attempt.stopped)
    if name in NO_IDENTITY:
        assert 400 <= attempt.stopped < 500
        assert not any(v.rcpts for v in backend.visits)
    step, _, kind = name.partition("/")
    if step in ("mail", "rcpt", "data", "end") and kind in ("4xx", "5xx") and \
            (step, way) != ("data", "chunks"):
        assert (attempt.code or attempt.stopped) // 100 == int(kind[0]), \
            "the class of the backend's reply is the client's"


# --- each octet ------------------------------------------------------------------------------------

def cut_everywhere(make, count, lanes=8):
    """One session for each octet at which the backend goes; returns (attempts, backends)."""
    backends = [Backend() for _ in range(lanes)]
    places = [f"l{n}.{DOMAIN}={b.place} xclient" for n, b in enumerate(backends)]
    with Gate(*places, domains=[f".{DOMAIN}"]) as gate:
        def lane(n):
            got = []
            for at in range(1 + n, count + 1, lanes):
                for rst in (False, True):
                    backends[n].fault = make(at, rst)
                    got.append(one(gate, f"l{n}.{DOMAIN}", "plain"))
                    got[-1].at = at
            backends[n].fault = Fault()
            got.append(one(gate, f"l{n}.{DOMAIN}", "plain"))
            assert got[-1].acked
            return got
        for b in backends:
            b.__enter__()
        with concurrent.futures.ThreadPoolExecutor(lanes) as pool:
            attempts = [a for got in pool.map(lane, range(lanes)) for a in got]
        assert gate.alive()
        for b in backends:
            assert b.idle()
            b.__exit__()
    return attempts, backends


def session_size():
    """Octets that an honest session sends and receives."""
    with Backend() as b, Gate(f"{DOMAIN}={b.place} xclient") as gate:
        assert one(gate, DOMAIN, "plain").acked
        assert b.idle()
        return b.visits[0].sent, b.visits[0].received


@pytest.mark.parametrize("make", [CutSent, CutGot])
def test_backend_goes_at_each_octet(make):
    sent, got = session_size()
    count = (sent if make is CutSent else got) + 2
    attempts, backends = cut_everywhere(make, count)
    domains = [f"l{n}.{DOMAIN}" for n in range(len(backends))]
    assert judge(attempts, backends, domains) == []
    silent = [a.at for a in attempts if a.code is None and a.stopped is None]
    assert not silent, f"no reply when the backend went at {silent}"
    assert len(attempts) > 2 * count


# --- identities and TLS ----------------------------------------------------------------------------

@pytest.mark.parametrize("wrap", ["", "starttls", "tls"])
@pytest.mark.parametrize("identity", ["xclient", "proxy1", "proxy2", "transparent"])
def test_identity(identity, wrap):
    with Backend(identity, tls=wrap or None) as b, Gate(f"{b.place} {identity} {wrap}".strip()) as gate:
        attempts = []
        for source in ("127.7.0.9", "127.200.3.4"):
            with gate.client(source=source) as c:
                attempts.append(Attempt().send(c))
        assert b.idle()
        assert all(a.acked for a in attempts)
        assert judge(attempts, [b]) == []
        assert {v.identity for v in b.visits if v.rcpts} == {"127.7.0.9", "127.200.3.4"}


class InjectingTalk(Talk):
    """Puts octets behind the answer to STARTTLS, before the handshake."""

    extra = b"250-injected\r\n250 XCLIENT ADDR\r\n"

    def on_starttls(self, line):
        self.put(b"220 2.0.0 go\r\n" + self.extra)
        self.secure()


@pytest.mark.parametrize("extra", [b"250 injected\r\n", b"250-injected\r\n250 XCLIENT ADDR\r\n" * 4,
                                   b"2", b"\r\n"])
def test_starttls_injection_by_the_backend(extra):
    talk = type("T", (InjectingTalk,), {"extra": extra})
    with Backend(tls="starttls", talk=talk) as b, Gate(f"{b.place} xclient starttls") as gate:
        with gate.client() as c:
            attempt = Attempt().send(c)
        assert not attempt.acked and 400 <= attempt.stopped < 500
        assert not b.messages and not any(v.rcpts for v in b.visits)


def test_backend_without_starttls():
    with Backend() as b, Gate(f"{b.place} xclient starttls") as gate:
        with gate.client() as c:
            attempt = Attempt().send(c)
        assert 400 <= attempt.stopped < 500
        assert not any(v.rcpts or b"XCLIENT" in b" ".join(v.lines) for v in b.visits)


@pytest.mark.parametrize("spoken,wanted", [("xclient", "proxy1"), ("xclient", "proxy2"),
                                           ("proxy1", "xclient"), ("proxy2", "xclient")])
def test_wrong_identity_protocol(spoken, wanted):
    """The backend wants another protocol than was configured: nothing goes through."""
    with Backend(wanted) as b, Gate(f"{b.place} {spoken}") as gate:
        with gate.client(patience=60) as c:
            attempt = Attempt().send(c)
        assert not attempt.acked and attempt.stopped // 100 in (4, 5)
        assert not any(v.rcpts for v in b.visits)


def test_no_backend_at_all():
    with Backend() as b:
        place = b.place
    with Gate(f"{place} xclient") as gate:
        with gate.client() as c:
            attempt = Attempt().send(c)
            assert 400 <= attempt.stopped < 500
            assert c.say("RSET")[0] == 250, "the session goes on"


class Sleeper(Fault):
    """Stops reading in the middle of the message."""

    def got(self, talk, data):
        if b"DATA" in talk.visit.lines:
            talk.server.asleep.wait(PATIENCE)
        return data


def test_back_pressure(build):
    """A backend that does not read holds the client up; the gate's memory does not grow. A sanitizer
    keeps memory that was freed: how much is used says nothing under one."""
    bound = 1 << 30 if build.sanitized() else 1
    b = Backend(fault=Sleeper())
    b.asleep = threading.Event()
    size = 24 << 20
    name = tag()
    line = b"0123456789" * 9 + b"\r\n"
    data = message(name) + line * (size // len(line))
    with b, Gate(b, options=["--size-max", "100m"]) as gate:
        with gate.client() as c:
            attempt = Attempt(data, name=name)
            assert attempt.envelope(c)
            before = gate.rss_kib()
            c.sock.settimeout(1.0)
            sent, wire = 0, stuffed(data)
            try:
                while sent < len(wire):
                    sent += c.sock.send(wire[sent:sent + 65536])
            except TimeoutError:
                pass
            assert sent < len(wire), "all was taken though nobody read it"
            assert gate.rss_kib() - before < 2048 * bound, "it buffers what the backend does not take"
            b.asleep.set()
            c.sock.settimeout(PATIENCE)
            c.sock.sendall(wire[sent:])
            attempt.code = c.reply()[0]
        assert attempt.acked and b.idle()
        assert judge([attempt], [b]) == []
        assert gate.rss_kib() - before < 4096 * bound


IN_BODY = {
    "250-and-leave": (b"250 2.0.0 kept\r\n", leave), "250": (b"250 2.0.0 kept\r\n", stay),
    "452-and-leave": (b"452 4.3.1 full\r\n", leave), "452": (b"452 4.3.1 full\r\n", stay),
    "554": (b"554 5.7.1 spam\r\n", stay), "421": (b"421 4.3.2 bye\r\n", leave),
    "leave": (b"", leave), "nonsense": (b"\xff\0\r\n", stay), "354": (b"354 again\r\n", stay),
}


@pytest.mark.parametrize("name", IN_BODY)
def test_backend_speaks_before_the_end(name):
    """Half of the message is there when it speaks; the end comes after that."""
    fault = InBody(*IN_BODY[name])
    with Backend(fault=fault) as b, Gate(b) as gate:
        with gate.client() as c:
            attempt = Attempt()
            assert attempt.envelope(c)
            wire = stuffed(attempt.data)
            c.raw(wire[:len(wire) // 2])
            assert fault.told.wait(PATIENCE)
            time.sleep(0.1)
            c.raw(wire[len(wire) // 2:])
            attempt.code = c.reply()[0]
        assert not attempt.acked, "250 to a message that was not at its end"
        assert attempt.code // 100 == (5 if name == "554" else 4)
        assert b.idle() and judge([attempt], [b]) == []


def test_client_leaves_behind_its_dot():
    """The verdict is waited for and logged; the message is not cut off."""
    with Backend(fault=At("end", late(0.5))) as b, Gate(b) as gate:
        c = gate.client()
        attempt = Attempt()
        assert attempt.envelope(c)
        c.raw(stuffed(attempt.data))
        c.close()
        assert b.idle()
        assert [m.code for m in b.messages] == [250]
        assert gate.wait_log(rf"250.*kept|result=passed|event=.*{attempt.name}|told=no|client-gone")
        assert judge([attempt], [b]) == []
