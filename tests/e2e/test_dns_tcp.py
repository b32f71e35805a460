# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP: pipelining, limits, abuse; transfers out, signed and not, to clients that read slowly or not at all."""

import os
import socket
import struct
import subprocess
import time

import dns.edns
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.xfr
import dns.zone
import pytest
from dnslib import (DNS, LIST, PATIENCE, SOA, ZONE, Server, Stream, eventually, metrics, metrics_place, query)

ONE = f"{ZONE}:ip4trie:{{}}/list"
LOCAL = ["--transfer", "127.0.0.0/8"]
HTTP = ["--metrics-listen", "127.0.0.1:0"]
KEY = "c2VjcmV0IG9mIHRoZSBzZWNvbmRhcnk="


def many(n):
    """A list of n addresses, every third of a network, each with a TXT of its own length."""
    return SOA + "".join(f"10.{3 * i >> 16}.{3 * i >> 8 & 255}.{3 * i & 255} :2:entry {i:x} {'x' * (i % 90)}\n"
                         for i in range(n))


def one(text=LIST, **more):
    return Server(ONE, files={"list": text}, **more)


def test_pipelining():
    """Fifty questions in one go; every answer, each to its question."""
    with one() as s, Stream(s) as c:
        packets = [query(f"{i}.2.0.192.{ZONE}", id=i) for i in range(50)]
        c.send(*packets)
        got = {m.id: m for m in (dns.message.from_wire(c.receive()) for _ in packets)}
        assert sorted(got) == list(range(50))
        assert [i for i, m in got.items() if m.answer] == [1]
        c.send(query(f"1.2.0.192.{ZONE}"))          # and the connection is good for more
        assert dns.message.from_wire(c.receive()).answer


def test_octet_by_octet():
    with one() as s, Stream(s) as c:
        packet = query(f"1.2.0.192.{ZONE}")
        for octet in struct.pack("!H", len(packet)) + packet:
            c.send_raw(bytes([octet]))
        assert dns.message.from_wire(c.receive()).answer


@pytest.mark.parametrize("octets", [b"\0\0", b"\0\x05hello", b"\xff\xff" + b"x" * 100, b"GET / HTTP/1.1\r\n\r\n"],
                         ids=["nothing", "short", "huge", "http"])
def test_no_questions(octets):
    with one() as s:
        with Stream(s) as c:
            c.send_raw(octets)
            assert c.ended()
        s.alive()


def test_answers_are_no_questions():
    """An answer that is sent to us is not answered, or two servers could be set on each other."""
    with one() as s, Stream(s) as c:
        packet = bytearray(query(f"1.2.0.192.{ZONE}"))
        packet[2] |= 0x80
        c.send(bytes(packet))
        assert c.ended()


def test_silence_ends_it():
    with one(options=["--tcp-idle", "1s"]) as s:
        with Stream(s) as quiet, Stream(s) as slow:
            began = time.monotonic()
            packet = query(f"1.2.0.192.{ZONE}")
            whole = struct.pack("!H", len(packet)) + packet
            slow.send_raw(whole[:1])
            for octet in whole[1:4]:        # single octets are silence too
                time.sleep(0.3)
                slow.send_raw(bytes([octet]))
            assert quiet.ended() and slow.ended()
            assert time.monotonic() - began < 5
        s.alive()


def test_questions_keep_it():
    with one(options=["--tcp-idle", "1s"]) as s, Stream(s) as c:
        for _ in range(4):
            time.sleep(0.5)
            c.send(query(f"1.2.0.192.{ZONE}"))
            assert dns.message.from_wire(c.receive()).answer


def keepalive(answer):
    return [struct.unpack("!H", o.data)[0] for o in answer.options if o.otype == 11]


def test_silence_is_told():
    """RFC 7828: to who asks, by TCP only; 0 where the place is wanted by others."""
    asked = query(f"1.2.0.192.{ZONE}", use_edns=0, options=[dns.edns.GenericOption(11, b"")])
    plain = query(f"1.2.0.192.{ZONE}", use_edns=0)
    with one(options=["--tcp-idle", "2s", "--tcp-clients", "2"]) as s:
        assert keepalive(dns.message.from_wire(s.raw(asked, PATIENCE))) == []
        with Stream(s) as c:
            c.send(plain, asked)
            assert keepalive(dns.message.from_wire(c.receive())) == []
            got = dns.message.from_wire(c.receive())
            assert keepalive(got) == [20] and got.answer
            began = time.monotonic()
            assert c.ended() and 1.5 < time.monotonic() - began < 6     # as it was told
        with Stream(s) as c, Stream(s):
            def full():
                c.send(asked)
                return keepalive(dns.message.from_wire(c.receive())) == [0]
            eventually(full)


def test_half_closed():
    """Who has sent all his questions may say so and still gets the answers."""
    with one() as s, Stream(s) as c:
        c.send(*(query(f"1.2.0.192.{ZONE}", id=i) for i in range(100)))
        c.s.shutdown(socket.SHUT_WR)
        assert sorted(dns.message.from_wire(c.receive()).id for _ in range(100)) == list(range(100))
        assert c.ended(5)


def test_limit_of_one_client():
    with one(options=["--tcp-per-client", "3", *HTTP]) as s:
        mine = [Stream(s, source="127.0.0.7") for _ in range(3)]
        for c in mine:
            c.send(query(f"1.2.0.192.{ZONE}"))
            c.receive()
        with Stream(s, source="127.0.0.7") as fourth:
            assert fourth.ended()
        with Stream(s, source="127.0.0.8") as other:
            other.send(query(f"1.2.0.192.{ZONE}"))
            assert other.receive()
        for c in mine:
            c.s.close()
        assert metrics(metrics_place(s))["postern_dns_tcp_turned_away_total"] == 1

        def again():
            with Stream(s, source="127.0.0.7") as c:
                c.send(query(f"1.2.0.192.{ZONE}"))
                try:
                    return c.receive()
                except (EOFError, ConnectionResetError):
                    return None
        eventually(again)


def test_quiet_ones_make_room():
    with one(options=["--tcp-clients", "5", "--tcp-idle", "1h"]) as s:
        idle = [Stream(s, source=f"127.0.1.{i}") for i in range(1, 6)]
        for c in idle:
            c.send(query(f"1.2.0.192.{ZONE}"))
            c.receive()
        with Stream(s, source="127.0.2.1") as late:
            late.send(query(f"1.2.0.192.{ZONE}"))
            assert late.receive()
            assert idle[0].ended()              # the one that was quiet the longest
        for c in idle[1:]:
            c.send(query(f"1.2.0.192.{ZONE}"))
            assert c.receive()
            c.s.close()
        idle[0].s.close()


def test_client_that_does_not_read():
    """Answers wait in bounded memory; then no more questions are read; then the time is over."""
    with one(options=["--tcp-idle", "2s"]) as s:
        c = Stream(s)
        c.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        packet = query(f"7.100.51.198.{ZONE}", "TXT")
        burst = (struct.pack("!H", len(packet)) + packet) * 100
        sent, before = 0, resident(s)
        c.s.settimeout(1)
        try:
            while sent < 200e6:
                sent += c.s.send(burst)
        except (TimeoutError, ConnectionError):
            pass
        assert sent < 100e6
        assert resident(s) - before < 8 << 20
        assert c.ended()
        c.s.close()
        s.alive()


def resident(s):
    with open(f"/proc/{s.process.pid}/statm") as f:
        return int(f.read().split()[1]) * 4096


# --- transfers --------------------------------------------------------------------------------------

def axfr(s, keyring=None, keyname=None, source=None, keyalgorithm=dns.tsig.default_algorithm):
    messages = dns.query.xfr(s.address, ZONE, port=s.port, relativize=False, timeout=PATIENCE, lifetime=PATIENCE,
                             keyring=keyring, keyname=keyname, source=source, keyalgorithm=keyalgorithm)
    found = {}
    for m in messages:
        for rrset in m.answer:
            for r in rrset:
                found.setdefault((rrset.name.to_text(), rrset.rdtype), set()).add(r.to_text())
    return found


def test_transfer():
    n = 5000
    with one(many(n), options=LOCAL) as s:
        found = axfr(s)
        assert len([k for k in found if k[1] == dns.rdatatype.A]) >= n
        assert found[(f"3.0.0.10.{ZONE}.", dns.rdatatype.TXT)] == {'"entry 1 x"'}
        assert axfr(s) == found


def test_transfer_needs_leave():
    with one() as s:
        with pytest.raises(dns.xfr.TransferError) as e:
            axfr(s)
        assert e.value.rcode == dns.rcode.REFUSED
    with one(options=["--transfer", f"{ZONE}=127.0.0.9"]) as s:
        with pytest.raises(dns.xfr.TransferError):
            axfr(s, source="127.0.0.8")
        assert axfr(s, source="127.0.0.9")


def test_transfer_signed():
    files = {"list": many(3000), "keys": f"hmac-sha256:second:{KEY}\nhmac-sha512:other:{KEY}\n"}
    with Server(ONE, files=files, options=["--tsig-keys", "{}/keys", "--transfer", "127.0.0.1 second"]) as s:
        ring = dns.tsigkeyring.from_text({"second": ("hmac-sha256", KEY)})
        assert len(axfr(s, ring, "second")) > 3000
        with pytest.raises(dns.xfr.TransferError):
            axfr(s)                                                 # unsigned
        with pytest.raises((dns.xfr.TransferError, dns.tsig.PeerError)):
            axfr(s, dns.tsigkeyring.from_text({"other": ("hmac-sha512", KEY)}), "other",
                 keyalgorithm=dns.tsig.HMAC_SHA512)                 # a good key, but not this one
        wrong = dns.tsigkeyring.from_text({"second": ("hmac-sha256", KEY[::-1].replace("=", "A") + "=")})
        with pytest.raises((dns.tsig.PeerError, dns.xfr.TransferError)):
            axfr(s, wrong, "second")
        # A signed question by UDP gets a signed answer: secondaries ask for the SOA that way.
        q = dns.message.make_query(ZONE, "SOA")
        q.use_tsig(ring, "second")
        got = dns.query.udp(q, s.address, port=s.port, timeout=PATIENCE)
        assert got.had_tsig and got.answer


@pytest.mark.parametrize("rules, may, may_not", [
    (["127.0.0.8", "127.0.0.9 k2"], ["8", "8 k1", "9 k2"], ["9", "9 k1", "7 k2"]),
    (["127.0.0.8 k1", "127.0.0.9 k2"], ["8 k1", "9 k2"], ["8", "8 k2", "9 k1"]),
    (["127.0.0.8 k1", "127.0.0.8 k2"], ["8 k1", "8 k2"], ["8", "9 k1"]),
    (["127.0.0.0/24 k1", "127.0.0.8"], ["8", "8 k1", "9 k1"], ["9", "9 k2"]),
], ids=["one with a key", "a key each", "two keys", "within a network"])
def test_a_rule_is_a_network_and_its_key(rules, may, may_not):
    """A key opens the zone from its own rule's network alone, and does not close what another rule opens."""
    files = {"list": LIST, "keys": f"hmac-sha256:k1:{KEY}\nhmac-sha256:k2:{KEY}\n"}
    options = ["--tsig-keys", "{}/keys"]
    for rule in rules:
        options += ["--transfer", rule]
    with Server(ONE, files=files, options=options) as s:
        for who in may + may_not:
            last, *key = who.split()
            asked = dns.message.make_query(ZONE, "AXFR")
            if key:
                asked.use_tsig(dns.tsigkeyring.from_text({key[0]: ("hmac-sha256", KEY)}), key[0])
            with Stream(s, source=f"127.0.0.{last}") as c:
                c.send(asked.to_wire())
                got = c.receive()
            assert (got[3] & 15 == dns.rcode.NOERROR) == (who in may), who


@pytest.mark.parametrize("option, rule, said", [
    ("--transfer", "nonsense", "nonsense"), ("--transfer", "127.0.0.1 k3", "not in the file"),
    ("--transfer", "127.0.0.1 k1 k2", "more behind the key"), ("--notify", "127.0.0.1 k1 k2", "more behind the key"),
    ("--notify", "127.0.0.0/8", "is no address"), ("--notify", "127.0.0.1 k3", "not in the file"),
    ("--transfer", "another.example=127.0.0.1", "another.example"),
])
def test_bad_rules(tmp_path, option, rule, said):
    (tmp_path / "keys").write_text(f"k1:{KEY}\nk2:{KEY}\n")
    r = subprocess.run([DNS, "--config", os.devnull, "--state", tmp_path, "--tsig-keys", tmp_path / "keys",
                        option, rule, "z.example:ip4set:f"],
                       capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert r.returncode in (64, 78) and said in r.stderr, r.stderr


def test_ixfr_of_the_same_serial_is_one_soa():
    with one(many(100), options=LOCAL) as s:
        serial = s.ask("", "SOA").answer[0][0].serial
        q = dns.message.make_query(ZONE, "IXFR")
        q.authority.append(dns.rrset.from_text(ZONE + ".", 0, "IN", "SOA", f". . {serial} 0 0 0 0"))
        got = dns.query.tcp(q, s.address, port=s.port, timeout=PATIENCE)
        assert len(got.answer) == 1 and got.answer[0].rdtype == dns.rdatatype.SOA


def test_old_state_goes_to_a_slow_secondary():
    """A transfer tells one state from its first record to its last, whatever is published meanwhile; and
    it takes no more memory for a secondary that stands still."""
    n = 200000
    with one(many(n), options=[*LOCAL, *HTTP, "--tcp-idle", "60s", "--shrink-max", "0"]) as s:
        before = resident(s)
        c = Stream(s)
        c.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        c.send(query(ZONE, "AXFR"))
        first = dns.message.from_wire(c.receive(), one_rr_per_rrset=True)
        serial = first.answer[0][0].serial
        assert resident(s) - before < 16 << 20
        s.write("list", LIST)
        eventually(lambda: s.values("1.2.0.192") == ["127.0.0.2"])
        records, packet = len(first.answer), None
        while records < 2 * n + 4:                  # SOA, NS, A and TXT of each, SOA
            packet = c.receive()
            records += struct.unpack("!H", packet[6:8])[0]
        last = dns.message.from_wire(packet, one_rr_per_rrset=True)
        assert last.answer[-1].rdtype == dns.rdatatype.SOA and last.answer[-1][0].serial == serial
        c.s.close()
        eventually(lambda: metrics(metrics_place(s))["postern_dns_transfers"] == 0)


def test_limit_of_transfers():
    with one(many(200000), options=[*LOCAL, "--transfers-max", "2", "--tcp-idle", "60s"]) as s:
        slow = [Stream(s) for _ in range(2)]
        for c in slow:
            c.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            c.send(query(ZONE, "AXFR"))
            c.receive()
        with Stream(s) as third:
            third.send(query(ZONE, "AXFR"))
            assert dns.message.from_wire(third.receive()).rcode() == dns.rcode.SERVFAIL
        for c in slow:
            c.s.close()

        def free():
            with Stream(s) as c:
                c.send(query(ZONE, "AXFR"))
                return dns.message.from_wire(c.receive()).rcode() == 0
        eventually(free)


def test_secondary_that_went_away():
    with one(many(200000), options=[*LOCAL, *HTTP, "--tcp-idle", "2s"]) as s:
        c = Stream(s)
        c.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        c.send(query(ZONE, "AXFR"))
        c.receive()
        assert metrics(metrics_place(s))["postern_dns_transfers"] == 1
        eventually(lambda: metrics(metrics_place(s))["postern_dns_transfers"] == 0)
        c.s.close()
        s.alive()


def test_questions_behind_a_transfer():
    """What was sent behind the AXFR is answered behind it, on the same connection."""
    with one(many(2000), options=LOCAL) as s, Stream(s) as c:
        c.send(query(ZONE, "AXFR", id=1), query(f"3.0.0.10.{ZONE}", id=2))
        ids = []
        while not ids or ids[-1] != 2:
            ids.append(dns.message.from_wire(c.receive(), one_rr_per_rrset=True).id)
        assert len(ids) > 2 and set(ids) == {1, 2}


def test_small_transfers_in_a_row():
    """Each ends before the next begins, also where answers are still waiting to be sent."""
    with one(options=LOCAL) as s, Stream(s) as c:
        for _ in range(5):
            packets = []
            for i in range(0, 60, 3):
                packets += [query(f"1.2.0.192.{ZONE}", "TXT", id=i), query(ZONE, "AXFR", id=i + 1),
                            query(f"7.100.51.198.{ZONE}", "TXT", id=i + 2)]
            c.send(*packets)
            got = [dns.message.from_wire(c.receive(), one_rr_per_rrset=True).id for _ in packets]
            assert got == list(range(60))
        s.alive()


def test_transfer_by_udp_is_refused():
    with one(options=LOCAL) as s:
        got = dns.message.from_wire(s.raw(query(ZONE, "AXFR"), PATIENCE))
        assert got.rcode() != 0 and not got.answer


# --- NOTIFY -----------------------------------------------------------------------------------------

class Secondary:
    """Takes NOTIFY; answers the way it is told: "yes", "no", "silent"."""

    def __init__(self, how="yes"):
        self.s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.s.bind(("127.0.0.1", 0))
        self.how, self.port = how, self.s.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.s.close()

    def told(self, patience=PATIENCE, keyring=None):
        self.s.settimeout(patience)
        packet, client = self.s.recvfrom(4096)
        m = dns.message.from_wire(packet, keyring=keyring)
        assert m.opcode() == dns.opcode.NOTIFY and m.question[0].rdtype == dns.rdatatype.SOA
        if self.how != "silent":
            r = dns.message.make_response(m)
            if self.how == "no":
                r.set_rcode(dns.rcode.REFUSED)
            self.s.sendto(r.to_wire(), client)
        return m, client


def test_notify():
    with Secondary() as b, one(options=["--notify", f"127.0.0.1:{b.port}"]) as s:
        m, client = b.told()
        assert client[0] == s.address and m.question[0].name.to_text() == ZONE + "."
        first = m.answer[0][0].serial
        time.sleep(1.1)                     # the serial is the file's time, in seconds
        s.write("list", LIST + "192.0.2.9\n")
        m, _ = b.told()
        assert m.answer[0][0].serial > first
        with pytest.raises(TimeoutError):   # answered: not told again
            b.told(patience=2.5)


def test_notify_is_repeated():
    with Secondary("silent") as b, one(options=["--notify", f"127.0.0.1:{b.port}"]):
        ids = {b.told()[0].id for _ in range(2)}
        assert len(ids) == 1
        b.how = "no"
        b.told()
        with pytest.raises(TimeoutError):
            b.told(patience=2)


def test_notify_signed():
    with Secondary() as b:
        options = ["--tsig-keys", "{}/keys", "--notify", f"{ZONE}=127.0.0.1:{b.port} second"]
        with Server(ONE, files={"list": LIST, "keys": f"second:{KEY}\n"}, options=options) as s:
            ring = dns.tsigkeyring.from_text({"second": ("hmac-sha256", KEY)})
            m, _ = b.told(keyring=ring)
            assert m.had_tsig
            with pytest.raises(TimeoutError):
                b.told(patience=2.5, keyring=ring)
            assert not s.find("gave-up")


def test_false_answers_to_notify():
    """From another place, to another question, or what is none at all: it is asked again, with the same id."""
    with Secondary("silent") as secondary, one(options=["--notify", f"127.0.0.1:{secondary.port}"]) as s:
        m, client = secondary.told()
        right = dns.message.make_response(m).to_wire()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as port, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as address:
            port.sendto(right, client)
            address.bind(("127.0.0.9", secondary.port))
            address.sendto(right, client)
        for false in (bytes([right[0] ^ 1]) + right[1:], right[:2] + bytes([right[2] & 0x87]) + right[3:],
                      right[:2] + bytes([right[2] & 0x7f]) + right[3:], b"", right[:5], os.urandom(300)):
            secondary.s.sendto(false, client)
        again, _ = secondary.told()
        assert again.id == m.id
        # A change meanwhile is another question, to which the old answer is none.
        s.write("list", LIST + "192.0.2.77\n")
        while (later := secondary.told()[0]).id == m.id:
            pass
        secondary.s.sendto(right, client)
        assert secondary.told()[0].id == later.id
        secondary.s.sendto(dns.message.make_response(later).to_wire(), client)
        secondary.s.settimeout(5)
        with pytest.raises(TimeoutError):
            secondary.s.recvfrom(4096)
