# SPDX-License-Identifier: GPL-3.0-or-later
"""Behind a balancer: its own connections, clients that it cannot name, and what else its headers say."""

import socket

import pytest

from gatebackend import Backend
from gatelib import CLIENT, DOMAIN, Attempt, Client, Gate

SIGN = b"\r\n\r\n\0\r\nQUIT\n"
STRANGER = "203.0.113.50"
FOREIGN = "x@elsewhere.example"
# The balancer is a host that is trusted, and its header may come from nowhere else.
TRUSTED = ["--proxy-from", CLIENT, "--networks", CLIENT, "--mx-networks"]


def header(tlvs=b"", command=0x21, family=0x11, source=STRANGER):
    places = socket.inet_aton(source) + socket.inet_aton("192.0.2.9") + b"\x0f\xa0\0\x19"
    return SIGN + bytes([command, family]) + (len(places) + len(tlvs)).to_bytes(2, "big") + places + tlvs


def tlv(kind, value):
    return bytes([kind]) + len(value).to_bytes(2, "big") + value


LOCAL = {"alone": SIGN + b"\x20\0\0\0", "with addresses": header(command=0x20),
         "with rubbish": SIGN + b"\x20\x11\0\x03abc"}
UNKNOWN = {"v1": b"PROXY UNKNOWN\r\n", "v1 with words": b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n",
           "v2 of no family": SIGN + b"\x21\0\0\0", "v2 UDP": header(family=0x12),
           "v2 of a socket": SIGN + b"\x21\x31\0\xd8" + b"/tmp/x".ljust(216, b"\0")}


@pytest.mark.parametrize("first", LOCAL.values(), ids=LOCAL)
@pytest.mark.parametrize("identity", ["xclient", "proxy1", "proxy2"])
def test_the_balancer_itself(identity, first):
    """Both ends are those of the connection. It may write to us, but relay nothing."""
    with Backend(identity) as b, Gate(b, options=TRUSTED) as g:
        with g.client(first=first) as c:
            a = Attempt().send(c)
            assert a.code == 250
            c.expect(250, "MAIL FROM:<a@client.example>")
            assert c.say(f"RCPT TO:<{FOREIGN}>")[0] // 100 != 2
        m = b.messages[0]
        assert m.visit.identity == CLIENT and not b.messages[1:]


@pytest.mark.parametrize("first", UNKNOWN.values(), ids=UNKNOWN)
@pytest.mark.parametrize("role", ["mx", "submission"])
def test_a_client_that_the_balancer_cannot_name(role, first):
    """Nobody's address is right: then there is no transaction, not even for our own domain."""
    with Backend() as b, Gate(b, role=role, options=TRUSTED) as g:
        before = len(b.visits)      # the test of the start
        with g.client(first=first) as c:
            c.hello()
            c.expect(250, "MAIL FROM:<a@client.example>")
            for rcpt in (f"user@{DOMAIN}", f"postmaster@{DOMAIN}", "postmaster", FOREIGN):
                code, text = c.say(f"RCPT TO:<{rcpt}>")
                assert code // 100 == 4 and text.startswith("4."), (rcpt, code, text)
            c.expect(554, "DATA")
            c.expect(221, "QUIT")
        assert len(b.visits) == before
        # Where the balancer's address has rights, that these are in doubt is said first.
        assert role == "submission" or g.wait_log(r"event=refusal .*reason=identity .*code=451 .*balancer does not say")


def test_what_such_a_client_does_is_not_the_balancers():
    """It is not listed for it, nor kept waiting; those whom it names are heard as before."""
    with Backend() as b, Gate(b, options=["--proxy-from", CLIENT], tarpit=True) as g:
        with g.client(first=b"PROXY UNKNOWN\r\n", patience=5) as c:
            c.hello()
            c.expect(250, "MAIL FROM:<a@client.example>")
            for n in range(15):
                assert c.say(f"RCPT TO:<x{n}@elsewhere.example>")[0] == 554
        with g.client(first=LOCAL["alone"], patience=5) as c:
            assert Attempt().send(c).code == 250
        assert not g.logged("event=trap")


SSL = b"\x01\0\0\0\0" + tlv(0x21, b"TLSv1.3") + tlv(0x23, b"TLS_AES_128_GCM_SHA256")
KEPT = tlv(0x20, SSL) + tlv(2, b"mx.test.example") + tlv(1, b"smtp") + tlv(5, b"\0\1id")
ENDS = tlv(4, b"\0\0") + tlv(0x30, b"netns") + tlv(0xea, b"vpce-1") + tlv(2, b"second.example")


HANDED_ON = {
    "none": (b"", b""), "kept": (KEPT, KEPT), "what ends here": (KEPT + ENDS, KEPT),
    "foul": (tlv(2, b"a\r\nb"), b""),
    "too long": (tlv(2, b"a" * 178) + tlv(1, b"smtp"), tlv(1, b"smtp")),
}


@pytest.mark.parametrize("tlvs, want", HANDED_ON.values(), ids=HANDED_ON)
def test_what_is_handed_on(tlvs, want):
    with Backend("proxy2") as b, Gate(b, options=["--proxy-from", CLIENT]) as g:
        with g.client(first=header(tlvs)) as c:
            assert Attempt().send(c).code == 250
        assert b.messages[0].visit.tlvs == want and b.messages[0].identity == STRANGER


@pytest.mark.parametrize("tlvs", [b"\2", tlv(2, b"abc")[:-1], tlv(3, b"\1\2\3\4"), tlv(4, b"") + b"\0"],
                         ids=["half", "short", "checksum", "behind"])
def test_what_cannot_be_read(tlvs):
    with Backend("proxy2") as b, Gate(b, options=["--proxy-from", CLIENT]) as g:
        c = Client(g.address, g.port, greeting=False, first=header(tlvs))
        assert c.ended() == b""
        g.wait_log("event=proxy")
        assert not b.messages
