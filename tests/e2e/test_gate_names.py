# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients' names: looked up by forward-confirmed reverse DNS, told to the backend and to the log, and
never waited for before a backend is needed."""

import time

import dns.message
import dns.rcode
import dns.rdatatype
import dns.reversename
import dns.rrset
import pytest

from gatebackend import Backend
from gatelib import DOMAIN, Attempt, Gate
from hygienelib import NET, Names, in_namespace

NONE = "[UNAVAILABLE]"
LATER = "[TEMPUNAVAIL]"


class Zone(Names):
    """Knows the names of a table: {name: ({type: values}, or a word)}."""

    def __init__(self, table):
        super().__init__()
        self.table = table

    def answer(self, data, peer):
        question = dns.message.from_wire(data)
        q = question.question[0]
        name = q.name.to_text(omit_final_dot=True).lower()
        self.asked.append(name)
        known = self.table.get(name)
        if known == "silent":
            return
        reply = dns.message.make_response(question)
        if known == "fails":
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif known is None:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        elif values := known.get(dns.rdatatype.to_text(q.rdtype)):
            reply.answer.append(dns.rrset.from_text(q.name, 60, "IN", q.rdtype, *values))
        self.sock.sendto(reply.to_wire(), peer)


def back(ip):
    return dns.reversename.from_address(ip).to_text(omit_final_dot=True)


CASES = {   # the client's address: what its PTR says, then NAME and REVERSE_NAME as they are told
    "127.7.1.1": (["mx.client.example."], "mx.client.example", "mx.client.example"),
    "127.7.1.2": (None, NONE, NONE),
    "127.7.1.3": (["liar.client.example."], NONE, "liar.client.example"),
    "127.7.1.4": (["gone.client.example."], NONE, "gone.client.example"),
    "127.7.1.5": (["liar.client.example.", "two.client.example."], "two.client.example",
                  "two.client.example"),
    "127.7.1.6": ("fails", LATER, LATER),
    "127.7.1.7": (["fails.client.example."], LATER, "fails.client.example"),
    "127.7.1.8": (["x\\032ADDR=127.0.0.1."], NONE, NONE),
    "127.7.1.9": (["127.0.0.1."], NONE, NONE),
    "127.0.0.1": ("fails", "localhost", "localhost"),     # nobody is asked
}
FORWARD = {
    "mx.client.example": {"A": ["127.7.1.1"], "AAAA": ["2001:db8::1"]},
    "liar.client.example": {"A": ["127.0.0.1"]},
    "two.client.example": {"A": ["192.0.2.9", "127.7.1.5"]},
    "fails.client.example": "fails",
}


def table(**more):
    found = {back(ip): {"PTR": c[0]} if isinstance(c[0], list) else c[0] for ip, c in CASES.items()}
    return {**found, **FORWARD, **more}


def name_of(line):
    return line.split(" name=")[1].split(" ")[0] if " name=" in line else None


@pytest.fixture(scope="module")
def zone():
    with Zone(table()) as z:
        yield z


@pytest.mark.parametrize("ip", CASES)
def test_what_the_backend_is_told(zone, ip):
    _, name, reverse = CASES[ip]
    with Backend() as b, Gate(b, names=zone.place) as g:
        with g.client(source=ip) as c:
            assert Attempt().send(c).code == 250
            c.say("QUIT")
        told = b.messages[0].visit.told
        assert (told["NAME"], told["REVERSE_NAME"], told["ADDR"]) == (name, reverse, ip)
        line = g.wait_log("event=mail .*").string
        assert name_of(line) == (name if name[0] != "[" else None)
        if name == NONE and reverse != NONE:
            assert f" ptr={reverse} " in line


@in_namespace
def test_off():
    """Then nobody is asked, and every client has none."""
    ip = f"{NET}.1"
    with Zone({back(ip): {"PTR": ["mx.client.example."]}, "mx.client.example": {"A": [ip]}}) as z:
        for names, want in ((z.place, "mx.client.example"), (None, NONE)):
            options = ["--resolver", z.place] if not names else []
            z.asked.clear()
            with Backend() as b, Gate(b, names=names, options=options) as g:
                with g.client(source=ip) as c:
                    assert Attempt().send(c).code == 250
                assert b.messages[0].visit.told["NAME"] == want
            assert bool(z.asked) == bool(names)


def test_only_xclient_waits():
    """And nobody before the first recipient that is taken."""
    with Zone(table(**{back("127.7.2.1"): "silent"})) as z:
        with Backend("proxy2") as b, Gate(b, names=z.place) as g, \
                g.client(source="127.7.2.1", patience=3) as c:
            assert Attempt().send(c).code == 250
        with Backend() as b, Gate(b, names=z.place) as g:
            began = time.monotonic()
            with g.client(source="127.7.2.1", patience=3) as c:
                c.hello()
                c.expect(250, "MAIL FROM:<a@client.example>")
                c.expect(554, "RCPT TO:<x@elsewhere.example>")
                assert time.monotonic() - began < 2
                c.sock.settimeout(20)
                c.expect(250, f"RCPT TO:<user@{DOMAIN}>")
                assert 2 < time.monotonic() - began < 7
            assert b.visits[-1].told["NAME"] == LATER


def test_the_test_of_a_backend_has_a_name():
    """Or it would learn nothing of one that wants names."""
    with Backend() as b, Gate(b, backend_test=True) as g:
        assert {v.told["NAME"] for v in b.visits} == {"postern-check.example.net"}
        assert g.logged("event=backend-test .*result=open")


def test_kept_for_a_while():
    with Zone(table()) as z, Backend() as b, Gate(b, names=z.place) as g:
        for _ in range(3):
            with g.client(source="127.7.1.1") as c:
                assert Attempt().send(c).code == 250
        assert [m.visit.told["NAME"] for m in b.messages] == ["mx.client.example"] * 3
        assert z.asked.count(back("127.7.1.1")) == 1


def test_the_client_leaves_while_it_waits():
    with Zone(table(**{back("127.7.2.1"): "silent"})) as z, Backend() as b, \
            Gate(b, names=z.place) as g:
        for n in range(20):
            c = g.client(source="127.7.2.1")
            c.hello()
            c.expect(250, "MAIL FROM:<a@client.example>")
            c.raw(f"RCPT TO:<user@{DOMAIN}>\r\n")
            (c.reset if n % 2 else c.close)()
        with g.client(source="127.7.1.1") as c:
            assert Attempt().send(c).code == 250
        assert g.stop() == 0


def test_a_name_gives_no_right():
    """Whatever it is."""
    names = {back("127.7.3.1"): {"PTR": ["localhost.", f"{DOMAIN}."]}, DOMAIN: {"A": ["127.7.3.1"]},
             "localhost": {"A": ["127.7.3.1"]}}
    with Zone(names) as z, Backend() as b, Gate(b, names=z.place, options=["--mx-networks"]) as g, \
            g.client(source="127.7.3.1") as c:
        c.hello(DOMAIN)
        c.expect(250, f"MAIL FROM:<a@{DOMAIN}>")
        c.expect(250, f"RCPT TO:<user@{DOMAIN}>")
        c.expect(554, "RCPT TO:<x@elsewhere.example>")
        assert b.visits[-1].told["NAME"] in ("localhost", DOMAIN)
