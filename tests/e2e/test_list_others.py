# SPDX-License-Identifier: GPL-3.0-or-later
"""postern list compare, import, export and dynamic, against real tools and a transfer by dnspython."""

import base64
import contextlib
import glob
import gzip
import ipaddress
import json
import os
import re
import shutil
import socketserver
import struct
import subprocess
import threading
import time

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.tsigkeyring
import pytest

from testlib import BUILD, PATIENCE, Names, Server, call, free_port, open_to_all

LIST = os.path.join(BUILD, "postern-list")
SECRET = base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
ZONE = dns.name.from_text("bl.test.example")


@pytest.fixture(name="run")
def fixture_run(tmp_path):
    def run(verb, *args, data=None, cwd=tmp_path):
        return call([LIST, verb, "--state", str(tmp_path / "state"), *map(str, args)], data=data, cwd=cwd)
    return run


def write(folder, name, text):
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


# --- compare ---------------------------------------------------------------------------------------

RBL = """\
:127.0.0.2:listed $
192.0.2.7
!192.0.2.8
192.0.2.0/28
203.0.113.1-203.0.113.9
"""


def addresses(*words):
    """The model: a set of addresses, one by one."""
    found = set()
    for word in words:
        first, dash, last = word.partition("-")
        if dash:
            found |= {ipaddress.ip_address(n) for n in
                      range(int(ipaddress.ip_address(first)), int(ipaddress.ip_address(last)) + 1)}
        else:
            found |= set(ipaddress.ip_network(word))
    return found


def compared(run, *args):
    got = run("compare", "--json", *args)
    assert got.code in (0, 1), got.err
    line = got.lines[0]
    same = all(not line[part][kind] for part in ("only_a", "only_b") for kind in ("ipv4", "ipv6", "names"))
    assert got.code == (0 if same else 1)
    return line


def test_ranges_and_exclusions_are_counted_by_address(run, tmp_path):
    a = write(tmp_path, "a", "192.0.2.0/24\n198.51.100.7 spam\n2001:db8::/64\nmail.example.org\n")
    b = write(tmp_path, "b", RBL)
    line = compared(run, a, f"ip4set:{b}")
    in_a = addresses("192.0.2.0/24", "198.51.100.7")
    in_b = addresses("192.0.2.0/28", "203.0.113.1-203.0.113.9") - addresses("192.0.2.8")
    assert line["a"]["ipv4"] == len(in_a) and line["b"]["ipv4"] == len(in_b)
    assert line["only_a"]["ipv4"] == len(in_a - in_b)
    assert line["only_b"]["ipv4"] == len(in_b - in_a)
    assert line["both"]["ipv4"] == len(in_a & in_b)
    assert line["only_a"]["ipv6"] == str(2 ** 64)
    assert line["only_a"]["names"] == 1
    shown = run("compare", "--show", "only-a", a, f"ip4set:{b}").out.split()
    assert addresses(*[word for word in shown if word[0].isdigit() and ":" not in word]) == in_a - in_b
    assert "2001:db8::/64" in shown and "mail.example.org" in shown


def test_one_list_in_every_form(run, tmp_path):
    plain = write(tmp_path, "plain", "192.0.2.1\n192.0.2.16/28\n2001:db8::1\na.example.org\n*.b.example\n")
    csv = write(tmp_path, "csv", "ip,reason\n192.0.2.1,x\n192.0.2.16/28,\"y, z\"\n2001:db8::1,\n"
                                 "a.example.org,n\n*.b.example,n\n")
    rows = [{"ip": "192.0.2.1"}, {"cidr": "192.0.2.16/28"}, {"ip": "2001:db8::1"},
            {"domain": "a.example.org"}, {"domain": "*.b.example"}]
    write(tmp_path, "json", json.dumps(rows))
    write(tmp_path, "lines", "\n".join(json.dumps(row) for row in rows))
    for other in (csv, f"csv:{csv}", "json", "json:lines", "text:plain"):
        assert run("compare", plain, other).code == 0, other


@pytest.mark.parametrize("text, entries", [
    ("192.0.2.1-192.0.2.5\r\n192.0.2.10 - 192.0.2.12\r\n", 2),
    ("\ufeff192.0.2.1-192.0.2.5\n192.0.2.10-192.0.2.12\n", 2),
    ("# ours, of today\nreason;IP Range\n\"a;b\";192.0.2.1-192.0.2.5\nx;192.0.2.10-192.0.2.12\n", 2),
    ("\ufeff\"host name\",\"ip_address\"\n" + "".join(f"h{n}.example,192.0.2.{n}\n"
                                                    for n in (1, 2, 3, 4, 5, 10, 11, 12, 12)), 9),
    ("ip\n192.0.2.1-192.0.2.5\n192.0.2.10/31\n192.0.2.12\n", 3),
    ('{"name":"SBL1","cidr":"192.0.2.10/31"}\n{"ip":"192.0.2.12"}\n{"range":"192.0.2.1-192.0.2.5"}\n'
     '{"type":"metadata"}\n', 3),
    ('{\n "made": "today",\n "prefixes": [\n  {"ipv4Prefix": "192.0.2.10/31"},\n  {"ip": "192.0.2.12"}\n ],\n'
     ' "ranges": ["192.0.2.1-192.0.2.5"]\n}\n', 3),
    ("::ffff:192.0.2.1-::ffff:192.0.2.5\n::ffff:192.0.2.10/127\n192.0.2.12\n", 3)])
def test_lists_as_people_write_them(run, tmp_path, text, entries):
    """One set of addresses; the bytes alone tell the form."""
    write(tmp_path, "list", text)
    write(tmp_path, "plain", "192.0.2.1\n192.0.2.2/31\n192.0.2.4/31\n192.0.2.10/31\n192.0.2.12\n")
    line = compared(run, "list", "plain")
    assert line["a"] == {"source": "list", "entries": entries, "ipv4": 8, "ipv6": 0, "names": 0}
    assert line["both"]["ipv4"] == 8 and not line["only_a"]["ipv4"] and not line["only_b"]["ipv4"]


def test_what_is_no_list_is_refused(run, tmp_path):
    write(tmp_path, "a", "192.0.2.1\n")
    (tmp_path / "wide").write_bytes("192.0.2.1\r\n".encode("utf-16"))
    write(tmp_path, "object", '{\n "ips": "192.0.2.1"\n}\n')
    write(tmp_path, "bits", "192.0.2.7/24\n")
    for name in ("wide", "object", "bits"):
        got = run("compare", "a", name)
        assert got.code == 65 and "refused" in got.err, name


def test_packed_lists(run, tmp_path):
    text = "".join(f"198.18.{i >> 8}.{i & 255}\n" for i in range(60000)).encode()
    (tmp_path / "plain").write_bytes(text)
    (tmp_path / "packed").write_bytes(gzip.compress(text[:300000]) + gzip.compress(text[300000:]))
    assert run("compare", "plain", "ip4set:packed").code == 0
    packed = (tmp_path / "packed").read_bytes()
    for name, data in (("cut", packed[:-9]), ("damaged", packed[:5000] + b"\0\0\0\0" + packed[5004:])):
        (tmp_path / name).write_bytes(data)
        got = run("compare", "plain", name)
        assert got.code == 65 and "damaged" in got.err, name


def test_bad_lists(run, tmp_path):
    write(tmp_path, "a", "192.0.2.1\n")
    assert run("compare", "a", "nowhere").code == 66
    assert run("compare", "a", "zone:../../etc").code == 64
    assert run("compare", "a", "zone:nowhere.example").code == 66
    assert run("compare", "a", "ip9set:a").code == 64
    assert run("compare", "a").code == 64
    assert run("compare", "a", "a", "--", "--wait").code == 64
    write(tmp_path, "html", "<html>\n" * 40)
    assert run("compare", "a", "ip4set:html").code == 65


# --- a transfer --------------------------------------------------------------------------------------

class Primary(socketserver.ThreadingTCPServer):
    """Serves one zone by AXFR, as it is told: whole, cut off, refused, signed or badly signed."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, records, keys=None, how="whole"):
        self.records, self.keys, self.how, self.asked = records, keys, how, []
        super().__init__(("127.0.0.1", 0), Transfer)

    def __enter__(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    @property
    def spec(self):
        return f"axfr:{ZONE.to_text(omit_final_dot=True)}@127.0.0.1:{self.server_address[1]}"


class Transfer(socketserver.StreamRequestHandler):
    timeout = PATIENCE

    def handle(self):
        size = struct.unpack("!H", self.rfile.read(2))[0]
        wire = self.rfile.read(size)
        if self.server.how == "deaf":
            asked = dns.message.make_query(ZONE, "AXFR")
            asked.id = struct.unpack("!H", wire[:2])[0]
            wire = asked.to_wire()
        query = dns.message.from_wire(wire, keyring=self.server.keys)
        self.server.asked.append(query)
        if self.server.how == "refused":
            refusal = dns.message.make_response(query)
            refusal.set_rcode(dns.rcode.REFUSED)
            self.send(refusal.to_wire())
            return
        soa = dns.rrset.from_text(ZONE, 300, "IN", "SOA", "ns.test.example. h.test.example. 7 1 1 1 1")
        rrsets = [soa, *self.server.records, soa]
        context, steps = None, [rrsets[i:i + 40] for i in range(0, len(rrsets), 40)]
        if self.server.how == "cut":
            steps = steps[:-1]
        for step in steps:
            answer = dns.message.make_response(query)
            answer.answer = list(step)
            if self.server.keys:
                answer.use_tsig(self.server.keys, keyname=query.keyname)
            wire = answer.to_wire(max_size=65535, multi=True, tsig_ctx=context)
            context = answer.tsig_ctx
            if self.server.how == "forged" and step is steps[1]:
                assert b"\x7f\x00\x00\x02" in wire
                wire = wire.replace(b"\x7f\x00\x00\x02", b"\x7f\x00\x00\x09", 1)
            self.send(wire)

    def send(self, wire):
        self.wfile.write(struct.pack("!H", len(wire)) + wire)


def owner(words):
    return dns.name.from_text(words, ZONE)


def listing(name, text="an open relay"):
    return [dns.rrset.from_text(owner(name), 300, "IN", "A", "127.0.0.2"),
            dns.rrset.from_text(owner(name), 300, "IN", "TXT", f'"{text}"')]


def records(many=200):
    found = [dns.rrset.from_text(ZONE, 300, "IN", "NS", "ns.test.example."),
             dns.rrset.from_text(ZONE, 300, "IN", "A", "192.0.2.80"),
             dns.rrset.from_text(owner("ns1"), 300, "IN", "A", "192.0.2.53")]        # a host, no listing
    for name in ("2.0.0.127", "TEST", "*.2.0.192", "7.100.51.198", "mail.example.org", "*.spam.example",
                 "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"):
        found += listing(name)
    for i in range(many):
        found += listing(f"{i % 250 + 1}.{i // 250}.18.198")
    return found


def expect(tmp_path, many=200):
    lines = ["192.0.2.0/24", "198.51.100.7", "mail.example.org", "*.spam.example", "2001:db8::1"]
    lines += [f"198.18.{i // 250}.{i % 250 + 1}" for i in range(many)]
    return write(tmp_path, "expected", "\n".join(lines) + "\n")


@pytest.mark.parametrize("signed", [False, True])
def test_a_transfer_is_the_list(run, tmp_path, signed):
    keys = dns.tsigkeyring.from_text({"key.test.example": SECRET}) if signed else None
    options = ["--tsig", f"hmac-sha256:key.test.example:{SECRET}"] if signed else []
    with Primary(records(), keys) as primary:
        got = run("compare", *options, primary.spec, expect(tmp_path))
    assert got.code == 0, got.out + got.err
    assert primary.asked[0].question[0].rdtype == dns.rdatatype.AXFR
    assert bool(primary.asked[0].had_tsig) == signed


@pytest.mark.parametrize("how, word", [("cut", "before the zone was whole"), ("refused", "REFUSED"),
                                       ("forged", "signature does not hold")])
def test_half_a_transfer_is_no_list(run, tmp_path, how, word):
    keys = dns.tsigkeyring.from_text({"key.test.example": SECRET}) if how == "forged" else None
    options = ["--tsig", f"hmac-sha256:key.test.example:{SECRET}"] if keys else []
    with Primary(records(), keys, how) as primary:
        got = run("compare", *options, primary.spec, expect(tmp_path))
    assert got.code == 69, got.out + got.err
    assert word in got.err


def test_nobody_there(run, tmp_path):
    got = run("compare", f"axfr:bl.test.example@127.0.0.1:{free_port()}", expect(tmp_path))
    assert got.code == 69


def test_an_unsigned_answer_to_a_signed_question(run, tmp_path):
    """The server ignores the key, as one in the middle would that has none."""
    with Primary(records(), how="deaf") as primary:
        got = run("compare", "--tsig", f"key.test.example:{SECRET}", primary.spec, expect(tmp_path))
    assert got.code == 69 and "signature does not hold" in got.err, got.out + got.err


KNOT = """\
server:
    listen: 127.0.0.1@{port}
    rundir: {dir}
database:
    storage: {dir}
key:
  - id: key.test.example
    algorithm: hmac-sha256
    secret: {secret}
acl:
  - id: out
    key: key.test.example
    action: transfer
zone:
  - domain: bl.test.example
    file: {dir}/zone
    acl: out
"""


NSD = """\
server:
    ip-address: 127.0.0.1@{port}
    username: ""
    chroot: ""
    zonesdir: "{dir}"
    zonelistfile: "{dir}/zones"
    xfrdfile: "{dir}/xfrd"
    xfrdir: "{dir}"
    pidfile: "{dir}/pid"
    database: ""
remote-control:
    control-enable: no
key:
    name: key.test.example
    algorithm: hmac-sha256
    secret: "{secret}"
zone:
    name: bl.test.example
    zonefile: zone
    provide-xfr: 127.0.0.0/8 key.test.example
"""

BIND = """\
options {{
    directory "{dir}";
    listen-on port {port} {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    pid-file "{dir}/pid";
    session-keyfile none;
    recursion no;
    notify no;
    allow-transfer {{ key key.test.example; }};
}};
controls {{ }};
key "key.test.example" {{
    algorithm hmac-sha256;
    secret "{secret}";
}};
zone "bl.test.example" {{
    type primary;
    file "zone";
}};
"""


@pytest.mark.parametrize("words, conf", [(["knotd"], KNOT), (["nsd", "-d"], NSD), (["named", "-g"], BIND)],
                         ids=["knot", "nsd", "bind"])
def test_a_transfer_from_a_real_server(run, tmp_path, words, conf):
    """And each way that it can say no."""
    path = "/usr/sbin:/usr/bin"
    if not shutil.which(words[0], path=path):
        pytest.skip(f"needs {words[0]}")
    port = free_port()
    zone = ["$ORIGIN bl.test.example.", "$TTL 300", "@ SOA ns.test.example. h.test.example. 7 1 1 1 1"]
    zone += [rrset.to_text() for rrset in records(5000)]
    write(tmp_path, "zone", "\n".join(zone) + "\n")
    config = write(tmp_path, "conf", conf.format(port=port, dir=tmp_path, secret=SECRET))
    place = f"axfr:bl.test.example@127.0.0.1:{port}"
    with open(tmp_path / "log", "w", encoding="utf-8") as log, \
            subprocess.Popen([*words, "-c", str(config)], stdout=log, stderr=log, env={"PATH": path}) as primary:
        try:
            end = time.monotonic() + PATIENCE
            while True:
                got = run("compare", "--tsig", f"hmac-sha256:key.test.example:{SECRET}", place, expect(tmp_path, 5000))
                if got.code in (0, 1) or time.monotonic() > end or primary.poll() is not None:
                    break
                time.sleep(0.1)
            assert got.code == 0, got.out + got.err + (tmp_path / "log").read_text()
            other = SECRET[:-5] + "AAAA="
            for key, of, said in (
                    (None, place, "refused the transfer: (NOTAUTH|REFUSED)"),
                    (f"key.test.example:{other}", place, "refused the key: (BADSIG, its sec|BADKEY, it does)"),
                    (f"other.example:{SECRET}", place, "refused the key: BADKEY, it does not know"),
                    (f"hmac-sha512:key.test.example:{SECRET}", place, "refused the (key: BADKEY|transfer: REFUSED)"),
                    (f"key.test.example:{SECRET}", place.replace("bl", "no"), "refused the transfer: NOTAUTH")):
                got = run("compare", *(["--tsig", key] if key else []), of, "expected")
                assert got.code == 69 and re.search(said, got.err), (key, of, got.err)
        finally:
            primary.terminate()


# --- a sample ----------------------------------------------------------------------------------------

def test_a_sample_is_tested_within_the_scope(run, tmp_path):
    port = free_port()
    sink = free_port()
    write(tmp_path, "a", "127.0.5.1\n127.0.5.2\n127.0.5.3\n198.51.100.0/28\n")
    write(tmp_path, "b", "127.0.5.3\n")
    scope = write(tmp_path, "scope", "127.0.5.0/24 ours\n")
    with Server("127.0.5.1", port) as closed, \
            Server("127.0.5.2", port, rcpt=open_to_all, relay_to=("127.0.0.1", sink)) as relay:
        got = run("compare", "--json", "--sample", "18", "--seed", "5", "--scope", scope, "a", "b", "--",
                  "--probe-domain", "probe.example", "--sink-listen", f"127.0.0.1:{sink}", "--ports",
                  str(port), "--wait", "10", "--name", "tester.probe.example")
    assert got.code == 1, got.err
    sample = got.of_type("sample")[0]
    # All 18 addresses that only A has were drawn; only ours were touched.
    assert (sample["drawn"], sample["outside"], sample["tested"]) == (18, 16, 2), got.err
    assert (sample["open"], sample["closed"]) == (1, 1)
    assert closed.sessions and relay.sessions


# --- import ------------------------------------------------------------------------------------------

def test_import_is_a_zone_of_its_own(run, tmp_path):
    b = write(tmp_path, "b", RBL)
    got = run("import", "--reserved", "--as", "other.example", f"ip4set:{b}")
    assert got.code == 0, got.err
    assert run("compare", "zone:other.example", f"ip4set:{b}").code == 0
    # Again, with less: visible, and a new serial.
    write(tmp_path, "b", ":127.0.0.2:x\n192.0.2.7\n")
    again = run("import", "--json", "--reserved", "--as", "other.example", f"ip4set:{b}")
    assert again.code == 0, again.err
    assert again.lines[0]["ipv4"] == 1
    out = run("export", "--format", "json", "zone:other.example")
    assert [json.loads(line)["entry"] for line in out.out.splitlines()] == ["192.0.2.7"]


def test_a_look_says_what_the_import_would(run, tmp_path):
    write(tmp_path, "many", "".join(f"45.0.{i >> 8}.{i & 255}\n" for i in range(4000)))
    write(tmp_path, "few", "45.0.0.1\n")
    assert run("import", "--check", "--as", "their.example", "few").code == 0
    assert not (tmp_path / "state" / "zones").exists()
    assert run("import", "--as", "Their.Example", "many").code == 0
    for args in (["--check"], []):
        got = run("import", *args, "--as", "their.example", "few")
        assert got.code == 65 and "refused" in got.err, args
    assert run("compare", "zone:their.example", "many").code == 0
    for args in (["--check"], []):
        assert run("import", *args, "--force", "--as", "THEIR.example", "few").code == 0, args
    assert run("compare", "zone:their.example", "few").code == 0
    assert [path.name for path in (tmp_path / "state" / "zones").iterdir()] == ["their.example"]


def test_import_refuses(run, tmp_path):
    b = write(tmp_path, "b", RBL)
    spec = f"ip4set:{b}"
    # What belongs to our own list, and a zone of another kind.
    assert run("import", "--zone", "bl.example", "--as", "bl.example", spec).code == 64
    assert run("import", "--zone", "bl.example", "--as", "outputs.BL.example", spec).code == 64
    assert run("import", "--as", "../x", spec).code == 64
    assert run("import", "--as", "dyn.example", "--reserved", spec).code == 0
    assert run("dynamic", "--as", "dyn.example").code == 73
    # Insane data: reserved space, the world, 127.0.0.1.
    write(tmp_path, "inside", "10.1.2.3\n")
    assert run("import", "--as", "x.example", "inside").code == 65
    write(tmp_path, "wide", "8.0.0.0/8\n")
    assert run("import", "--as", "x.example", "wide").code == 65
    write(tmp_path, "home", "127.0.0.1\n")
    assert run("import", "--reserved", "--as", "x.example", "home").code == 65
    assert run("import", "--as", "x.example", "--code", "127.0.0.1", "wide").code == 64
    assert not os.path.exists(tmp_path / "state" / "zones" / "x.example" / "image")
    # Sudden growth leaves the old list in place, unless it is forced.
    write(tmp_path, "small", "".join(f"198.18.0.{i}\n" for i in range(200)))
    write(tmp_path, "large", "".join(f"198.18.{i >> 8}.{i & 255}\n" for i in range(5000)))
    assert run("import", "--reserved", "--as", "g.example", "small").code == 0
    assert run("import", "--reserved", "--as", "g.example", "large").code == 65
    assert run("compare", "zone:g.example", "small").code == 0
    assert run("import", "--reserved", "--force", "--as", "g.example", "large").code == 0
    assert run("compare", "zone:g.example", "large").code == 0


# --- export ------------------------------------------------------------------------------------------

MIXED = "192.0.2.0/24\n198.51.100.7\n198.51.100.9\n203.0.113.0/25\n2001:db8::/48\n2001:db8:1::5\n" \
        "mail.example.org\n*.spam.example\n"


@pytest.fixture(name="mixed")
def fixture_mixed(tmp_path):
    return write(tmp_path, "mixed", MIXED)


def export(run, tmp_path, form, *args):
    path = tmp_path / f"out.{form}"
    got = run("export", "--format", form, "--output", path, *args)
    assert got.code == 0, got.err
    return path, got


def test_rbldnsd_reads_back_what_we_write(run, tmp_path, mixed):
    path, got = export(run, tmp_path, "combined", mixed)
    assert "left out" not in got.err
    assert run("compare", mixed, f"combined:{path}").code == 0
    first = path.read_bytes()
    assert export(run, tmp_path, "combined", mixed)[0].read_bytes() == first
    for form in ("ip4set", "ip4trie", "ip6trie", "dnset"):
        path, _ = export(run, tmp_path, form, mixed)
        part = compared(run, mixed, f"{form}:{path}")
        assert not any(part["only_b"].values())
        assert any(part["both"].values())


def test_export_of_some_codes_hides_what_has_others(run, tmp_path):
    """A name with a code that is not asked for must not be listed by the wildcard above it."""
    source = tmp_path / "names"
    source.write_text("*.example.com :2:wild\na.example.com :3:own\n*.b.example.com :3:under\nc.b.example.com :2:c\n"
                      "lone.example.org :3:lone\n")
    path, _ = export(run, tmp_path, "dnset", "--code", "127.0.0.2", f"dnset:{source}")
    assert path.read_text() == ("*.example.com :2:wild\n!a.example.com\n!*.b.example.com\n"
                                "c.b.example.com :2:c\n")


def test_texts_are_as_long_as_rbldnsd_has_them(run, tmp_path):
    source = tmp_path / "list"
    source.write_text(f"$1 {'x' * 200}\n192.0.2.1 $1\n192.0.2.2 $1 {'y' * 60} $ $1\n192.0.2.3 \"q\" \\ $$ #;=\ta\n")
    path, got = export(run, tmp_path, "ip4trie", f"ip4trie:{source}")
    assert "1 texts are cut at 255 octets" in got.err
    lines = path.read_text().splitlines()
    assert [len(line.split(":", 2)[2]) for line in lines[:2]] == [200, 255]
    assert lines[2] == '192.0.2.3 :2:"q" \\ $$ #;=\ta'
    kept = path.rename(tmp_path / "kept")
    again, got = export(run, tmp_path, "ip4trie", f"ip4trie:{kept}")
    assert again.read_bytes() == kept.read_bytes() and "cut" not in got.err


def test_nft_takes_the_sets(run, tmp_path, mixed):
    if not shutil.which("nft", path="/usr/sbin:/usr/bin"):
        pytest.skip("needs nft")
    path, _ = export(run, tmp_path, "nftables", mixed)
    check = subprocess.run(["/usr/sbin/nft", "-c", "-f", str(path)], text=True, capture_output=True,
                           check=False)
    if "Operation not permitted" in check.stderr:
        pytest.skip("nft -c takes root")
    assert check.returncode == 0, check.stderr
    text = path.read_text()
    assert "198.51.100.7" in text and "2001:db8::/48" in text
    bad = tmp_path / "bad.nft"
    bad.write_text(text.replace("198.51.100.7", "198.51.100.777"))
    assert subprocess.run(["/usr/sbin/nft", "-c", "-f", str(bad)], capture_output=True,
                          check=False).returncode != 0


NFT_ASK = """
import socket, sys
with socket.create_server(("127.0.0.1", 0)) as server:
    for source in sys.argv[1:]:
        try:
            socket.create_connection(server.getsockname(), 0.5, (source, 0)).close()
            print(source, "passes")
        except TimeoutError:
            print(source, "is dropped")
"""


def test_a_packet_filter_drops_the_listed(run, tmp_path):
    """In a network of its own: who is listed gets no answer, before and after a renewal."""
    if os.geteuid() != 0 or not shutil.which("nft", path="/usr/sbin:/usr/bin"):
        pytest.skip("needs root and nft")
    write(tmp_path, "before", "198.18.28.7\n198.18.28.16/30\n")
    write(tmp_path, "after", "198.18.28.8\n198.18.28.16/30\n")
    for name in ("before", "after"):
        run("export", "--format", "nftables", "--output", tmp_path / f"{name}.nft", name)
    ask = " ".join(["/usr/bin/python3", str(write(tmp_path, "ask.py", NFT_ASK)), "198.18.28.7", "198.18.28.8",
                    "198.18.28.18"])
    script = f"""set -e
        ip link set lo up
        ip addr add 198.18.28.0/24 dev lo
        nft -f before.nft
        nft add chain inet postern in '{{ type filter hook input priority 0; }}'
        nft add rule inet postern in ip saddr @listed4 drop
        {ask}
        nft -f after.nft
        {ask}"""
    got = subprocess.run(["unshare", "-n", "sh", "-c", script], cwd=tmp_path, text=True, capture_output=True,
                         check=False, env={**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    if "not permitted" in got.stderr or "not supported" in got.stderr:
        pytest.skip(got.stderr)
    assert got.stdout.splitlines() == [
        "198.18.28.7 is dropped", "198.18.28.8 passes", "198.18.28.18 is dropped",
        "198.18.28.7 passes", "198.18.28.8 is dropped", "198.18.28.18 is dropped"], got.stderr


RESOLVER = """\
options {{
    directory "{dir}";
    listen-on port {port} {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    pid-file "{dir}/pid";
    session-keyfile none;
    recursion yes;
    dnssec-validation no;
    empty-zones-enable no;
    forward only;
    forwarders {{ 127.0.0.1 port {above}; }};
    response-policy {{ zone "rpz.test.example"; }};
}};
controls {{ }};
zone "rpz.test.example" {{ type primary; file "out.rpz"; }};
"""


def test_a_resolver_keeps_to_the_policy_zone(run, tmp_path):
    """named: what resolves to a listed address, and what is listed by name, does not exist."""
    if not shutil.which("named", path="/usr/sbin:/usr/bin"):
        pytest.skip("needs named")
    write(tmp_path, "list", "192.0.2.0/25\n2001:db8::7\nbad.example.org\n*.worse.example.org\n"
                            "32.1.2.18.198.rpz-ip\n")
    export(run, tmp_path, "rpz", "--name", "rpz.test.example", "list")
    there = {("good.example.org", "A"): ["198.18.2.1"], ("bad.example.org", "A"): ["198.18.2.2"],
             ("x.worse.example.org", "A"): ["198.18.2.2"], ("worse.example.org", "A"): ["198.18.2.2"],
             ("inside.example.org", "A"): ["192.0.2.127"], ("beside.example.org", "A"): ["192.0.2.128"],
             ("six.example.org", "AAAA"): ["2001:db8::7"], ("seven.example.org", "AAAA"): ["2001:db8::8"]}
    blocked = {"bad.example.org", "x.worse.example.org", "inside.example.org", "six.example.org"}
    port = free_port()
    with Names(there) as above:
        config = write(tmp_path, "conf", RESOLVER.format(port=port, dir=tmp_path, above=above.place.partition(":")[2]))
        with open(tmp_path / "log", "w", encoding="utf-8") as log, \
                subprocess.Popen(["named", "-g", "-c", str(config)], stdout=log, stderr=log,
                                 env={"PATH": "/usr/sbin:/usr/bin"}) as resolver:
            try:
                got, end = {}, time.monotonic() + PATIENCE
                while len(got) < len(there) and time.monotonic() < end and resolver.poll() is None:
                    for name, kind in there:
                        with contextlib.suppress(OSError, dns.exception.Timeout):
                            answer = dns.query.udp(dns.message.make_query(name, kind), "127.0.0.1", 1, port)
                            if answer.rcode() != dns.rcode.SERVFAIL:
                                got[name] = answer.rcode()
                    time.sleep(0.05)
            finally:
                resolver.terminate()
    assert got == {name: dns.rcode.NXDOMAIN if name in blocked else dns.rcode.NOERROR for name, _ in there}, \
        (tmp_path / "log").read_text()[-2000:]


def test_named_takes_the_policy_zone(run, tmp_path, mixed):
    tool = shutil.which("named-checkzone", path="/usr/bin:/usr/sbin")
    if not tool:
        pytest.skip("needs named-checkzone")
    path, _ = export(run, tmp_path, "rpz", "--name", "rpz.test.example", mixed)
    check = subprocess.run([tool, "-i", "local", "rpz.test.example", str(path)], text=True,
                           capture_output=True, check=False)
    assert check.returncode == 0, check.stdout + check.stderr
    text = path.read_text()
    assert "24.0.2.0.192.rpz-ip" in text and "mail.example.org CNAME ." in text


def postmap(folder, key, table):
    """Postfix's own reader: installed, or in a root that the lab has made."""
    found = shutil.which("postmap", path="/usr/sbin:/usr/bin")
    roots = glob.glob(os.path.expanduser("~/.cache/postern-lab/postfix-*/root"))
    roots = [root for root in roots if os.path.exists(f"{root}/usr/sbin/postmap")]
    if not found and not roots:
        pytest.skip("needs postmap")
    env = dict(os.environ)
    if not found:
        found = f"{roots[0]}/usr/sbin/postmap"
        env["LD_LIBRARY_PATH"] = f"{roots[0]}/usr/lib/postfix:{roots[0]}/usr/lib/x86_64-linux-gnu"
    write(folder, "main.cf", "mail_owner = mail\nsetgid_group = games\ncompatibility_level = 3.6\n")
    got = subprocess.run([found, "-c", str(folder), "-q", key, f"cidr:{table}"], env=env, text=True,
                         capture_output=True, check=False)
    assert "fatal" not in got.stderr and "warning" not in got.stderr, got.stderr
    return got.returncode


def test_postfix_takes_the_table(run, tmp_path, mixed):
    path, _ = export(run, tmp_path, "postfix", mixed)
    rows = [line.split(None, 1) for line in path.read_text().splitlines() if line[0] not in "#"]
    nets = [ipaddress.ip_network(row[0]) for row in rows]
    assert all(row[1] == "REJECT" for row in rows)
    assert any(ipaddress.ip_address("192.0.2.9") in net for net in nets)
    assert not any(ipaddress.ip_address("192.0.3.9") in net for net in nets)
    for ip, code in (("192.0.2.9", 0), ("192.0.3.9", 1), ("2001:db8::1", 0), ("2001:db9::1", 1)):
        assert postmap(tmp_path, ip, path) == code, ip
    assert run("export", "--format", "postfix", "--most", "2", mixed).code == 65


def test_csv_and_json_read_back(run, tmp_path, mixed):
    for form in ("csv", "json"):
        path, _ = export(run, tmp_path, form, mixed)
        assert run("compare", mixed, f"{form}:{path}").code == 0, form


def test_only_one_code(run, tmp_path):
    write(tmp_path, "two", ":127.0.0.2:x\n192.0.2.1\n:127.0.0.9:y\n192.0.2.2\n")
    path, _ = export(run, tmp_path, "ip4set", "--code", "127.0.0.9", "ip4set:two")
    text = path.read_text()
    assert "192.0.2.2" in text and "192.0.2.1 " not in text


# --- dynamic -----------------------------------------------------------------------------------------

def test_names(run):
    got = run("dynamic", "mail.example.com", "ns1.example.co.uk")
    assert got.code == 0, got.out
    got = run("dynamic", "--json", "dsl-1-2-3-4.isp.example")
    assert got.code == 1
    assert got.lines[0]["judged"] == "dynamic" and got.lines[0]["row"] == "dsl"
    assert run("dynamic", "1-2-3-4.isp.example").code == 0
    assert run("dynamic", "--generic", "1-2-3-4.isp.example").code == 1
    got = run("dynamic", "-", data="mail.example.com\nppp-12-34.isp.example\n")
    assert got.code == 1 and len(got.out.splitlines()) == 2
    assert run("dynamic", "--check").code == 0


def test_rows_of_ones_own(run, tmp_path):
    rows = write(tmp_path, "rows", "Id: mine\nKind: dynamic\nWords: frog\nWhy: our frogs\nSource: us\n"
                                   "Hits: frog1.isp.example\n")
    assert run("dynamic", "--rows", rows, "frog7.isp.example").code == 1
    write(tmp_path, "rows", "Id: mine\nKind: dynamic\nPattern: (frog\nWhy: x\nSource: y\nHits: z\n")
    got = run("dynamic", "--rows", rows, "frog7.isp.example")
    assert got.code == 65 and f"{rows}:3" in got.err


def ask(port, name, kind="A", timeout=PATIENCE):
    return dns.query.udp(dns.message.make_query(name, kind), "127.0.0.1", timeout, port=port)


@contextlib.contextmanager
def served(tmp_path, *zones):
    """postern dns with these zones; gives its port."""
    program = os.path.join(BUILD, "postern-dns")
    if not os.path.exists(program):
        pytest.skip("postern-dns is not built")
    port = free_port()
    with open(tmp_path / "log", "w", encoding="utf-8") as log, \
            subprocess.Popen([program, "--state", str(tmp_path / "state"), "--listen",
                              f"127.0.0.1:{port}", *zones], stdout=log, stderr=log) as server:
        try:
            end = time.monotonic() + PATIENCE
            while time.monotonic() < end and server.poll() is None:
                try:
                    if ask(port, zones[0], "SOA", 0.2).rcode() == 0:
                        break
                except (OSError, dns.exception.Timeout):
                    time.sleep(0.05)
            assert server.poll() is None, (tmp_path / "log").read_text()
            yield port
        finally:
            server.terminate()


def test_the_rows_in_dns(run, tmp_path):
    """The zone says of each name in the test set what the rows say."""
    assert run("dynamic", "--generic", "--as", "dyn.example").code == 0
    top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    names = []
    with open(os.path.join(top, "tests", "data", "list", "dynamic.names"), encoding="utf-8") as file:
        for line in file:
            want, *words = line.split("#")[0].split() or [""]
            names += [(want, word) for word in words if want != "no-name"]
    with served(tmp_path, "dyn.example") as port:
        wrong = []
        for want, name in names:
            answer = ask(port, f"{name}.dyn.example")
            if bool(answer.answer) != (want in ("dynamic", "generic")):
                wrong.append((want, name, answer.rcode()))
            elif answer.answer:
                assert answer.answer[0][0].address == "127.0.0.3"
        assert not wrong, (tmp_path / "log").read_text()
    assert len(names) > 200
    # No records say what a pattern says.
    for more, warned in ((["--transfer", "192.0.2.53"], True), ([], False)):
        got = call([os.path.join(BUILD, "postern-dns"), "--state", str(tmp_path / "state"), "--check", *more,
                    "dyn.example"])
        assert ("every transfer fails" in got.err) == warned, got.err


def test_an_imported_transfer_in_dns(run, tmp_path):
    """Somebody's zone, by transfer, under our name: codes and texts are theirs."""
    with Primary(records()) as primary:
        got = run("import", "--reserved", "--as", "theirs.example", primary.spec)
    assert got.code == 0, got.err
    with served(tmp_path, "theirs.example") as port:
        for name, listed in (("7.100.51.198", True), ("8.100.51.198", False), ("200.2.0.192", True),
                             ("mail.example.org", True), ("x.spam.example", True), ("spam.example", False),
                             ("2.0.0.127", True), ("1.0.0.127", False)):
            answer = ask(port, f"{name}.theirs.example")
            assert bool(answer.answer) == listed, name
            assert not listed or answer.answer[0][0].address == "127.0.0.2"
        text = ask(port, "7.100.51.198.theirs.example", "TXT").answer[0][0].strings
        assert text == (b"an open relay",)


def test_sub_zones_of_a_combined_file(run, tmp_path):
    write(tmp_path, "both", "$DATASET ip4set:one @ hosts\n:127.0.0.2:x\n198.18.0.1\n"
                            "$DATASET dnset:two names\n:127.0.0.3:y\nspam.example\n")
    got = run("import", "--json", "--as", "both.example", "combined:both")
    assert got.code == 0, got.err
    assert {line["zone"]: (line["ipv4"], line["names"]) for line in got.lines} == {
        "both.example": (1, 0), "hosts.both.example": (1, 0), "names.both.example": (0, 1)}
    with served(tmp_path, "both.example", "hosts.both.example", "names.both.example") as port:
        assert ask(port, "1.0.18.198.hosts.both.example").answer[0][0].address == "127.0.0.2"
        assert ask(port, "1.0.18.198.both.example").answer[0][0].address == "127.0.0.2"
        assert ask(port, "spam.example.names.both.example").answer[0][0].address == "127.0.0.3"
        assert not ask(port, "1.0.18.198.names.both.example").answer
