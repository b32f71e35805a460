# SPDX-License-Identifier: GPL-3.0-or-later
"""What RFC 8906 and its kin want of every server, asked of postern dns: with dnspython, octet by octet
where it would not write such a thing, and with drill, kdig and dig as readers."""

import base64
import contextlib
import random
import re
import select
import shutil
import socket
import struct
import subprocess
import time

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.zone
import pytest

import dnslib

HIT, MISS, ZONE = "1.2.0.192.bl.test", "9.3.0.192.bl.test", "bl.test"
SECRET = base64.b64encode(b"thirty-two octets of a secret...").decode()
LONG = "x" * 200
FILES = {
    "relays": """$SOA 300 ns.bl.test hostmaster.bl.test 7 600 300 86400 60
$NS 3600 ns.bl.test
:127.0.0.2:Open relay, see https://bl.test/$
192.0.2.1
192.0.2.128/25
198.51.100.7 :127.0.0.4:other
""",
    "six": """:127.0.0.2:Open relay, see https://bl.test/$
2001:db8::/48
2001:db8:1::1
""",
    "big": "$SOA 300 ns.big.test hostmaster.big.test 7 600 300 86400 60\n$NS 3600 ns.big.test\n"
           + "".join(f'long TXT "{i:02} {LONG}"\n' for i in range(12)),
}


ZONES = ["bl.test:ip4set:{}/relays", "six.test:ip6trie:{}/six", "big.test:generic:{}/big"]


class Server(dnslib.Server):
    """postern dns with those zones, asked with messages and with octets."""

    def udp_raw(self, packet, timeout=5.0):
        """The answer's octets, None when there is none."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(("127.0.0.1", self.port))
            sock.send(packet)
            if not select.select([sock], [], [], timeout)[0]:
                return None
            return sock.recv(65535)

    def udp(self, query, **kwargs):
        return dns.query.udp(query, "127.0.0.1", port=self.port, timeout=5, **kwargs)

    def tcp(self, query, **kwargs):
        return dns.query.tcp(query, "127.0.0.1", port=self.port, timeout=5, **kwargs)

    def silent(self, packet):
        """No answer to it, though there is one to what is sent behind it by the same socket."""
        probe = dns.message.make_query(HIT, "A", id=4711).to_wire()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(("127.0.0.1", self.port))
            sock.settimeout(5)
            sock.send(packet)
            sock.send(probe)
            return sock.recv(65535)[:2] == probe[:2]


@contextlib.contextmanager
def serving(*options, rate=0, files=None):
    with Server(*ZONES, files={**FILES, **(files or {})}, options=("--workers", "1", *options),
                rate=rate) as server:
        yield server
        assert server.process.poll() is None, server.log()
        server.process.terminate()
        assert server.process.wait(dnslib.PATIENCE) == 0, server.log()


@pytest.fixture(scope="module")
def server():
    with serving("--nsid", "ns-a") as running:
        yield running


def sections(answer):
    return len(answer.answer), len(answer.authority), len(answer.additional)


def query(name, rdtype="A", rdclass="IN", **kwargs):
    made = dns.message.make_query(name, rdtype, rdclass, **kwargs)
    made.flags &= ~dns.flags.RD
    return made


# RFC 8906 §8.1: basic tests.

TRANSPORTS = ["udp", "tcp"]


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("edns", [-1, 0])
def test_soa(server, transport, edns):
    asked = query(ZONE, "SOA", use_edns=edns)
    answer = getattr(server, transport)(asked)
    assert answer.rcode() == dns.rcode.NOERROR
    assert answer.flags == dns.flags.QR | dns.flags.AA
    assert answer.answer[0][0].serial > 0 and sections(answer)[0] == 1
    assert answer.edns == edns


@pytest.mark.parametrize("rdtype", [1000, 65280, 0xffff, "HINFO", "DNSKEY", "SRV", 262])
@pytest.mark.parametrize("name", [ZONE, HIT, "2.0.192.bl.test"])
def test_types_that_are_not_here(server, name, rdtype):
    answer = server.udp(query(name, rdtype))
    assert answer.rcode() == dns.rcode.NOERROR and answer.flags & dns.flags.AA
    assert sections(answer) == (0, 1, 0)
    assert answer.authority[0].rdtype == dns.rdatatype.SOA


@pytest.mark.parametrize("rdtype", [0, 41, 128, 249, 250, 253, 254])
def test_meta_types_get_an_answer(server, rdtype):
    """Types that are no data: refused or empty, never a hit and never silence."""
    for transport in TRANSPORTS:
        answer = getattr(server, transport)(query(HIT, rdtype))
        assert answer.rcode() in (dns.rcode.NOERROR, dns.rcode.NOTIMP, dns.rcode.REFUSED,
                                  dns.rcode.FORMERR)
        assert not answer.answer


FLAGS = [("CD", dns.flags.CD, dns.flags.CD), ("AD", dns.flags.AD, 0), ("Z", 0x40, 0),
         ("RD", dns.flags.RD, dns.flags.RD), ("RA", dns.flags.RA, 0), ("TC", dns.flags.TC, 0),
         ("AA", dns.flags.AA, dns.flags.AA), ("rcode", 5, 0)]


@pytest.mark.parametrize("name, sent, want", FLAGS, ids=[f[0] for f in FLAGS])
def test_header_bits(server, name, sent, want):
    packet = bytearray(query(ZONE, "SOA").to_wire())
    packet[2:4] = struct.pack("!H", sent)
    got = server.udp_raw(bytes(packet))
    flags = struct.unpack("!H", got[2:4])[0]
    assert flags == dns.flags.QR | dns.flags.AA | want


@pytest.mark.parametrize("opcode", [1, 2, 3, 5, 6, 7, 15])
@pytest.mark.parametrize("body", [b"", query(ZONE, "SOA").to_wire()[12:]], ids=["bare", "question"])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_opcodes(server, transport, body, opcode):
    packet = struct.pack("!6H", 0x1234, opcode << 11, bool(body), 0, 0, 0) + body
    got = server.udp_raw(packet) if transport == "udp" else tcp_raw(server, [packet])[0]
    flags, *counts = struct.unpack("!5H", got[2:12])
    assert got[:2] == packet[:2]
    assert flags == dns.flags.QR | opcode << 11 | dns.rcode.NOTIMP
    assert counts in ([0, 0, 0, 0], [1, 0, 0, 0])


def test_notify_is_answered(server):
    asked = dns.message.make_query(ZONE, "SOA")
    asked.set_opcode(dns.opcode.NOTIFY)
    answer = server.udp(asked)
    assert answer.opcode() == dns.opcode.NOTIFY
    assert answer.rcode() in (dns.rcode.NOTIMP, dns.rcode.REFUSED, dns.rcode.NOTAUTH)


# RFC 8906 §8.2: extension mechanisms.

def edns_query(name=ZONE, rdtype="SOA", version=0, flags=0, options=(), payload=1232):
    asked = query(name, rdtype)
    asked.use_edns(version, ednsflags=flags, payload=payload,
                   options=[dns.edns.GenericOption(code, data) for code, data in options])
    return asked


EDNS = {
    "plain": {},
    "unknown option": {"options": [(100, b"")]},
    "unknown option with data": {"options": [(65001, b"x" * 200)]},
    "unknown flag": {"flags": 0x40},
    "every flag": {"flags": 0x7fff},
    "DO": {"flags": dns.flags.DO},
    "many options": {"options": [(3, b""), (8, b"\0\1\0\0"), (9, b""), (10, b"clientxx"),
                                 (11, b""), (12, bytes(20)), (14, b"\0\0"), (15, b"\0\0")]},
    "the same option often": {"options": [(100, b"x")] * 50},
    "payload 0": {"payload": 0},
    "payload 65535": {"payload": 65535},
}


@pytest.mark.parametrize("case", EDNS)
@pytest.mark.parametrize("version", [0, 1, 255])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_edns(server, transport, version, case):
    asked = edns_query(version=version, **EDNS[case])
    packet = asked.to_wire()
    got = server.udp_raw(packet) if transport == "udp" else tcp_raw(server, [packet])[0]
    answer = dns.message.from_wire(got)
    assert answer.question == asked.question
    assert answer.edns == 0 and answer.payload == 1232
    assert answer.rcode() == (dns.rcode.BADVERS if version else dns.rcode.NOERROR)
    assert bool(answer.answer) == (version == 0)
    assert answer.ednsflags & 0x7fff == 0
    given = {option.otype for option in answer.options}
    allowed = {dns.edns.NSID, dns.edns.COOKIE} if version == 0 and case == "many options" else set()
    if transport == "tcp" and allowed:
        allowed.add(11)
    assert given - {dns.edns.EDE} <= allowed, given
    if allowed:
        assert {dns.edns.NSID, dns.edns.COOKIE} <= given


def test_nsid(server):
    answer = server.udp(edns_query(options=[(3, b"")]))
    assert [o.data for o in answer.options if o.otype == dns.edns.NSID] == [b"ns-a"]
    assert not [o for o in server.udp(edns_query()).options if o.otype == dns.edns.NSID]


# What is broken.

def message(flags=0, counts=(1, 0, 0, 0), body=b""):
    return struct.pack("!6H", 0x1234, flags, *counts) + body


QUESTION = dns.name.from_text(HIT).to_wire() + b"\0\1\0\1"
OPT = b"\0\0\x29\4\xd0\0\0\0\0\0\0"
BROKEN = {
    "no question": message(counts=(0, 0, 0, 0)),
    "two questions": message(counts=(2, 0, 0, 0), body=QUESTION * 2),
    "a question less": message(),
    "a name without end": message(body=b"\3abc"),
    "a label over the end": message(body=b"\x3fabc"),
    "a reserved label": message(body=b"\x40abc\0\0\1\0\1"),
    "a compressed question": message(body=b"\xc0\x0c\0\1\0\1"),
    "a name of 256 octets": message(body=b"\x3f" + b"x" * 63 + (b"\x3f" + b"y" * 63) * 2
                                    + b"\x3e" + b"z" * 62 + b"\0\0\1\0\1"),
    "no class": message(body=QUESTION[:-2]),
    "octets behind": message(body=QUESTION + b"\0"),
    "a record less": message(counts=(1, 0, 0, 1), body=QUESTION),
    "two OPT": message(counts=(1, 0, 0, 2), body=QUESTION + OPT * 2),
    "an OPT that is not the root's": message(counts=(1, 0, 0, 1), body=QUESTION + b"\1x" + OPT),
    "an option over the end": message(counts=(1, 0, 0, 1),
                                      body=QUESTION + OPT[:-2] + b"\0\4\0\x0a\0\x08"),
    "a cookie of 7": message(counts=(1, 0, 0, 1),
                             body=QUESTION + OPT[:-2] + b"\0\x0b\0\x0a\0\7clientx"),
    "a cookie of 41": message(counts=(1, 0, 0, 1),
                              body=QUESTION + OPT[:-2] + b"\0\x2d\0\x0a\0\x29" + b"x" * 41),
    "counts of 65535": message(counts=(1, 65535, 65535, 65535), body=QUESTION),
}


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_broken(server, transport, case):
    packet = BROKEN[case]
    got = server.udp_raw(packet) if transport == "udp" else tcp_raw(server, [packet])[0]
    answer = dns.message.from_wire(got)
    assert (answer.id, answer.rcode()) == (0x1234, dns.rcode.FORMERR)
    assert not answer.answer and not answer.authority
    assert len(got) <= max(len(packet) + 64, 12), "no weapon"


@pytest.mark.parametrize("packet", [b"", b"\0", message()[:11], message(flags=0x8000, body=QUESTION)],
                         ids=["empty", "one octet", "11 octets", "an answer"])
def test_silence(server, packet):
    assert server.silent(packet)


# Names.

@pytest.mark.parametrize("name, rcode, hit", [
    (HIT, "NOERROR", True),
    ("129.2.0.192.bl.test", "NOERROR", True),
    (MISS, "NXDOMAIN", False),
    ("2.0.192.bl.test", "NOERROR", False),
    ("0.192.bl.test", "NOERROR", False),
    ("192.bl.test", "NOERROR", False),
    ("3.0.192.bl.test", "NXDOMAIN", False),
    ("5.bl.test", "NXDOMAIN", False),
    ("127.bl.test", "NOERROR", False),
    ("0.0.127.bl.test", "NOERROR", False),
    ("2.0.0.127.bl.test", "NOERROR", True),
    ("1.0.0.127.bl.test", "NXDOMAIN", False),
    (f"x.{HIT}", "NXDOMAIN", False),
    (f"1.{HIT}", "NXDOMAIN", False),
    ("256.2.0.192.bl.test", "NXDOMAIN", False),
    ("01.2.0.192.bl.test", "NXDOMAIN", False),
    ("mail.example.org.bl.test", "NXDOMAIN", False),
    ("0.0.0.0.8.b.d.0.1.0.0.2.six.test", "NOERROR", False),
    ("8.b.d.0.1.0.0.2.six.test", "NOERROR", False),
    ("9.b.d.0.1.0.0.2.six.test", "NXDOMAIN", False),
    ("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.six.test", "NOERROR", True),
    ("2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.six.test", "NXDOMAIN", False),
    ("f.f.f.f.f.f.f.f.f.f.f.f.f.f.f.f.f.f.f.f.0.0.0.0.8.b.d.0.1.0.0.2.six.test", "NOERROR", True),
])
def test_names(server, name, rcode, hit):
    for transport in TRANSPORTS:
        answer = getattr(server, transport)(query(name))
        assert dns.rcode.to_text(answer.rcode()) == rcode
        assert answer.flags & dns.flags.AA
        assert bool(answer.answer) == hit
        if not hit:
            assert answer.authority[0].rdtype == dns.rdatatype.SOA
            assert answer.authority[0].ttl <= answer.authority[0][0].minimum
    every = server.udp(query(name, "ANY"))  # RFC 8482: one RRset is enough
    assert every.rcode() == answer.rcode() and len(every.answer) == hit


def test_case_is_kept(server):
    rng = random.Random(3)
    for name in (HIT, MISS, "8.B.D.0.1.0.0.2.six.test"):
        for _ in range(20):
            mixed = "".join(c.upper() if rng.random() < 0.5 else c.lower() for c in name)
            packet = query(mixed).to_wire()
            got = server.udp_raw(packet)
            assert got[12:12 + len(name) + 6] == packet[12:12 + len(name) + 6]
            plain = server.udp(query(name))
            answer = dns.message.from_wire(got)
            assert (answer.rcode(), answer.answer) == (plain.rcode(), plain.answer)


@pytest.mark.parametrize("name, rdclass", [("example.org", "IN"), (".", "IN"), ("test", "IN"),
                                           ("xbl.test", "IN"), ("version.bind", "CH"),
                                           ("id.server", "CH"), (HIT, "HS"), (HIT, "NONE")])
def test_elsewhere_is_refused(server, name, rdclass):
    answer = server.udp(query(name, "TXT", rdclass, use_edns=0))
    if (name, rdclass) == ("id.server", "CH") and answer.rcode() == dns.rcode.NOERROR:
        assert "ns-a" in answer.answer[0].to_text()
        return
    assert answer.rcode() == dns.rcode.REFUSED and not answer.flags & dns.flags.AA
    assert sections(answer) == (0, 0, 0)


# Sizes.

@pytest.mark.parametrize("payload, limit", [(None, 512), (0, 512), (511, 512), (512, 512),
                                            (900, 900), (1232, 1232), (4096, 1232)])
def test_truncation(server, payload, limit):
    asked = query("long.big.test", "TXT")
    if payload is not None:
        asked.use_edns(0, payload=payload)
    got = server.udp_raw(asked.to_wire())
    answer = dns.message.from_wire(got)
    assert len(got) <= limit and answer.flags & dns.flags.TC
    assert answer.edns == (-1 if payload is None else 0)
    whole = server.tcp(asked)
    assert not whole.flags & dns.flags.TC and len(whole.answer[0]) == 12


def tcp_raw(server, packets, split=0):
    """Sends messages by one connection, in pieces of `split` octets; as many answers."""
    data = b"".join(struct.pack("!H", len(p)) + p for p in packets)
    with socket.create_connection(("127.0.0.1", server.port), 10) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(data), split or len(data)):
            sock.sendall(data[at:at + (split or len(data))])
        stream, answers = sock.makefile("rb"), []
        for _ in packets:
            size = struct.unpack("!H", stream.read(2))[0]
            answers.append(stream.read(size))
        return answers


@pytest.mark.parametrize("split", [0, 1, 3, 50])
def test_tcp_pipelining(server, split):
    packets = [query(HIT if i % 2 else MISS, id=i + 1).to_wire() for i in range(40)]
    answers = [dns.message.from_wire(p) for p in tcp_raw(server, packets, split)]
    assert {a.id for a in answers} == set(range(1, 41))
    for answer in answers:
        assert bool(answer.answer) == (answer.id % 2 == 0)


def test_tcp_ends_a_connection_that_makes_no_sense(server):
    for data in (b"\0\0", b"\0\1x", b"\0\x0b" + bytes(11)):
        with socket.create_connection(("127.0.0.1", server.port), 10) as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            assert sock.recv(1000) == b""


# Cookies, RFC 7873 and 9018.

def cookie_query(value, name=HIT):
    return edns_query(name, "A", options=[(10, value)])


def cookie_of(answer):
    return [o.data for o in answer.options if o.otype == dns.edns.COOKIE]


def test_cookies(server):
    first = cookie_of(server.udp(cookie_query(b"clientxx")))[0]
    assert len(first) == 24 and first[:8] == b"clientxx" and first[8:12] == b"\1\0\0\0"
    assert abs(struct.unpack("!I", first[12:16])[0] - time.time()) < 60
    again = server.udp(cookie_query(first))
    assert again.rcode() == dns.rcode.NOERROR and cookie_of(again)[0][:8] == b"clientxx"
    for wrong in (first[:-1] + bytes([first[-1] ^ 1]), b"clientyy" + first[8:], b"clientxx" + bytes(32)):
        answer = server.udp(cookie_query(wrong))
        assert answer.rcode() == dns.rcode.NOERROR and answer.answer
        fresh = cookie_of(answer)[0]
        assert len(fresh) == 24 and fresh[:8] == wrong[:8] and fresh != wrong


def test_a_cookie_without_a_question(server):
    """RFC 7873 §5.4: how a client learns a server's cookie without asking anything."""
    def alone(value):
        option = struct.pack("!HH", 10, len(value)) + value
        body = OPT[:-2] + struct.pack("!H", len(option)) + option
        return dns.message.from_wire(server.udp_raw(message(counts=(0, 0, 0, 1), body=body)))
    first = alone(b"clientxx")
    assert first.rcode() == dns.rcode.NOERROR and not first.question
    again = alone(cookie_of(first)[0])
    assert again.rcode() == dns.rcode.NOERROR and len(cookie_of(again)[0]) == 24
    assert alone(b"clientxx" + bytes(16)).rcode() == dns.rcode.BADCOOKIE
    none = dns.message.from_wire(server.udp_raw(message(counts=(0, 0, 0, 1), body=OPT)))
    assert none.rcode() == dns.rcode.FORMERR and none.edns == 0


def test_cookies_required():
    with serving("--cookies-required") as server:
        answer = server.udp(cookie_query(b"clientxx"))
        assert answer.rcode() == dns.rcode.BADCOOKIE and not answer.answer
        good = server.udp(cookie_query(cookie_of(answer)[0]))
        assert good.rcode() == dns.rcode.NOERROR and good.answer
        assert server.tcp(cookie_query(b"clientxx")).answer, "TCP shows the address itself"
        for strange in (query(HIT), edns_query(HIT, "A")):
            answer = server.udp(strange)
            assert answer.flags & dns.flags.TC and not answer.answer and answer.rcode() == dns.rcode.NOERROR
            answer, by_tcp = dns.query.udp_with_fallback(strange, "127.0.0.1", port=server.port, timeout=5)
            assert by_tcp and answer.answer, "who knows no cookies comes by TCP"
        if shutil.which("dig"):     # which has cookies, and obeys BADCOOKIE
            got = subprocess.run(["dig", "@127.0.0.1", "-p", str(server.port), "+qr", HIT, "A"], timeout=20,
                                 capture_output=True, text=True, check=True).stdout
            assert "127.0.0.2" in got and "BADCOOKIE, retrying" in got and "(UDP)" in got


def test_cookies_required_needs_tcp(tmp_path):
    got = subprocess.run([dnslib.DNS, "--config", "/dev/null", "--state", tmp_path, "--check", "--no-tcp",
                          "--cookies-required", "bl.test"], capture_output=True, text=True, check=False)
    assert got.returncode == 78 and "cookies-required" in got.stderr and "TCP" in got.stderr


def test_cookies_of_two_servers_that_share_the_secret():
    options = ("--cookies-required", "--cookie-secret", "{}/secret")
    files = {"secret": "e5e973e5a6b2a43f48e7dc849e37bfcf\n"}
    with serving(*options, files=files) as one, serving(*options, files=files) as other:
        cookie = cookie_of(one.udp(cookie_query(b"clientxx")))[0]
        assert other.udp(cookie_query(cookie)).rcode() == dns.rcode.NOERROR
        assert other.udp(cookie_query(cookie[:-1] + b"x")).rcode() == dns.rcode.BADCOOKIE


# Rate limiting.

def test_rate_limit():
    with serving("--rate-slip", "2", rate=5) as server:
        packet = query(HIT).to_wire()
        cookie = None
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(("127.0.0.1", server.port))
            for _ in range(400):
                sock.send(packet)
            answers, slips = 0, 0
            while select.select([sock], [], [], 1.0)[0]:
                got = dns.message.from_wire(sock.recv(65535))
                slips += bool(got.flags & dns.flags.TC)
                answers += bool(got.answer)
                assert bool(got.answer) != bool(got.flags & dns.flags.TC)
        assert 5 <= answers < 60 and 100 < slips < 300, (answers, slips)
        assert server.tcp(query(HIT)).answer, "TCP is not limited"
        got = server.tcp(cookie_query(b"clientxx"))
        cookie = cookie_of(got)[0]
        for _ in range(50):
            assert server.udp(cookie_query(cookie)).answer, "nor is who has shown his address"


# Transfers and TSIG.

@pytest.fixture(scope="module")
def primary():
    algs = ("sha1", "sha256", "sha512")
    keys = "".join(f"hmac-{alg}:{alg}.key:{SECRET}\n" for alg in algs)
    rules = [word for alg in algs for word in ("--transfer", f"127.0.0.0/8 {alg}.key")]
    with serving("--tsig-keys", "{}/keys", *rules, files={"keys": keys}) as running:
        yield running


def transferred(server, alg, **kwargs):
    ring = dns.tsigkeyring.from_text({f"{alg}.key": (f"hmac-{alg}.", SECRET)})
    return dns.zone.from_xfr(dns.query.xfr("127.0.0.1", ZONE, port=server.port, keyring=ring,
                                           keyname=f"{alg}.key", keyalgorithm=f"hmac-{alg}.",
                                           lifetime=20, **kwargs))


@pytest.mark.parametrize("alg", ["sha1", "sha256", "sha512"])
def test_transfer_with_tsig(primary, alg):
    zone = transferred(primary, alg)
    assert zone.get_rdataset("1.2.0.192", "A")[0].address == "127.0.0.2"
    assert zone.get_rdataset("7.100.51.198", "A")[0].address == "127.0.0.4"


@pytest.mark.parametrize("tool", ["dig", "kdig"])
@pytest.mark.parametrize("alg", ["sha1", "sha256", "sha512"])
def test_transfer_with_other_tools(primary, tool, alg):
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not installed")
    for rdtype in ("AXFR", "IXFR=1"):
        run = subprocess.run([tool, "-y", f"hmac-{alg}:{alg}.key:{SECRET}", "-p", str(primary.port),
                              "@127.0.0.1", ZONE, rdtype], capture_output=True, text=True,
                             timeout=30, check=False)
        text = run.stdout + run.stderr
        assert run.returncode == 0, text
        assert re.search(r"1\.2\.0\.192\.bl\.test\.\s+\d+\s+IN\s+A\s+127\.0\.0\.2", text), text
        assert "failed" not in text.lower() and "could not" not in text.lower(), text


def test_transfer_without_a_key_is_refused(primary):
    answer = primary.tcp(query(ZONE, "AXFR"))
    assert answer.rcode() in (dns.rcode.REFUSED, dns.rcode.NOTAUTH) and not answer.answer
    assert not primary.udp(query(ZONE, "AXFR")).answer


def test_transfer_with_a_wrong_key(primary):
    for name, alg, secret, error in (("sha256.key", "sha256", "AAAA", dns.tsig.PeerBadSignature),
                                     ("none.key", "sha256", SECRET, dns.tsig.PeerBadKey),
                                     ("sha256.key", "sha512", SECRET, dns.tsig.PeerBadKey)):
        asked = query(ZONE, "SOA")
        asked.use_tsig(dns.tsigkeyring.from_text({name: (f"hmac-{alg}.", secret)}), name)
        with pytest.raises(error):
            primary.tcp(asked)
        with pytest.raises(error):
            primary.udp(asked)


def test_tsig_of_another_time(primary, monkeypatch):
    asked = query(ZONE, "SOA")
    asked.use_tsig(dns.tsigkeyring.from_text({"sha256.key": ("hmac-sha256.", SECRET)}), "sha256.key")
    now = time.time
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: now() - 3600)
        asked_wire = asked.to_wire()
    got = primary.udp_raw(asked_wire)
    with pytest.raises(dns.tsig.PeerBadTime), monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: now() - 3600)
        dns.message.from_wire(got, keyring=asked.keyring, request_mac=asked.mac)


def test_answers_to_signed_queries_are_signed(primary):
    ring = dns.tsigkeyring.from_text({"sha256.key": ("hmac-sha256.", SECRET)})
    for name in (HIT, MISS, ZONE, "elsewhere.example"):
        for transport in TRANSPORTS:
            asked = query(name, use_edns=0)
            asked.use_tsig(ring, "sha256.key")
            assert getattr(primary, transport)(asked).had_tsig


# Other readers.

def readers(server):
    port = str(server.port)
    return [["drill", "-p", port, "@127.0.0.1"], ["kdig", "+norec", "-p", port, "@127.0.0.1"],
            ["dig", "+norec", "-p", port, "@127.0.0.1"]]


@pytest.mark.parametrize("name, rdtype, want", [
    (HIT, "A", "127.0.0.2"), (HIT, "TXT", "Open relay, see https://bl.test/192.0.2.1"),
    (MISS, "A", "NXDOMAIN"), (ZONE, "SOA", "hostmaster.bl.test."), (ZONE, "NS", "ns.bl.test."),
    ("2.0.192.bl.test", "A", "NOERROR"), ("example.org", "A", "REFUSED"),
    ("long.big.test", "TXT", LONG),
])
def test_other_readers(server, name, rdtype, want):
    for command in readers(server):
        if want == LONG:
            command.append("-t" if command[0] == "drill" else "+tcp")
        if not shutil.which(command[0]):
            continue
        run = subprocess.run([*command, name, rdtype], capture_output=True, text=True, timeout=30,
                             check=False)
        text = run.stdout + run.stderr
        assert want in text, (command, text)
        for bad in ("malformed", "warning", "trailing", "error"):
            assert bad not in text.lower().replace("noerror", ""), (command, text)


def test_strangers_octets_never_stop_it(server):
    """Twenty thousand packets of chance and of questions bent by chance."""
    rng = random.Random(5)
    bases = [*BROKEN.values(), cookie_query(b"clientxx").to_wire(), query(HIT, "TXT").to_wire(),
             query(ZONE, "IXFR").to_wire()]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", server.port))
        sock.setblocking(False)
        for i in range(20000):
            packet = bytearray(rng.choice(bases) if i % 4 else rng.randbytes(rng.randrange(80)))
            for _ in range(rng.randrange(4)):
                if packet:
                    packet[rng.randrange(len(packet))] = rng.randrange(256)
            sock.send(bytes(packet))
            with contextlib.suppress(BlockingIOError):
                while True:
                    got = sock.recv(65535)
                    assert got[2] & 0x80
                    if got[2] >> 3 & 15 in (0, 4):  # dnspython knows not all opcodes
                        with contextlib.suppress(dns.message.UnknownTSIGKey):
                            dns.message.from_wire(got)
    assert server.udp(query(HIT)).answer
