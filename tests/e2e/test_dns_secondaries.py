# SPDX-License-Identifier: GPL-3.0-or-later
"""NSD, Knot and BIND as secondaries of a zone of our own list: told by NOTIFY, fed by IXFR, all of it signed.
After a thousand random changes, and a compile in their midst, what they give away is what we do; and so it
is when not a listing has changed but what all of them share: the configuration, a class's text."""

import contextlib
import ipaddress
import os
import random
import shutil
import subprocess
import time

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.tsigkeyring
import dns.zone
import pytest
from dnslib import BUILD, SOA, ZONE, Server, Stream, eventually, metrics, metrics_place
from testlib import free_port

WRITE = os.path.join(BUILD, "tests/zonewrite")
SECRET = "c2VjcmV0IG9mIHRoZSBzZWNvbmRhcnkgb2YgYSBsaXN0IG9m"
RING = dns.tsigkeyring.from_text({"secondary.example.": SECRET})
PATHS = os.environ["PATH"] + ":/usr/sbin"

NSD = """server:
  ip-address: 127.0.0.1@{port}
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  zonelistfile: "{folder}/zone.list"
  xfrdfile: "{folder}/xfrd.state"
  xfrdir: "{folder}"
  pidfile: "{folder}/pid"
  database: ""
  server-count: 1
  verbosity: 2
  xfrd-reload-timeout: 0
remote-control:
  control-enable: no
key:
  name: "secondary.example"
  algorithm: hmac-sha256
  secret: "{secret}"
zone:
  name: "{zone}"
  zonefile: "zone"
  allow-notify: 127.0.0.0/8 secondary.example
  request-xfr: 127.0.0.1@{primary} secondary.example
  provide-xfr: 127.0.0.0/8 NOKEY
"""

KNOT = """server:
  listen: 127.0.0.1@{port}
  rundir: {folder}
database:
  storage: {folder}
log:
  - target: stderr
    any: info
key:
  - id: secondary.example
    algorithm: hmac-sha256
    secret: {secret}
remote:
  - id: primary
    address: 127.0.0.1@{primary}
    key: secondary.example
acl:
  - id: told
    address: 127.0.0.0/8
    key: secondary.example
    action: notify
  - id: out
    address: 127.0.0.0/8
    action: transfer
zone:
  - domain: {zone}
    storage: {folder}
    file: zone
    master: primary
    acl: [told, out]
"""

BIND = """options {{
  directory "{folder}";
  listen-on port {port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  pid-file "{folder}/pid";
  session-keyfile none;
  recursion no;
  dnssec-validation no;
  notify no;
  request-ixfr yes;
  allow-transfer {{ 127.0.0.0/8; }};
}};
controls {{ }};
key "secondary.example" {{
  algorithm hmac-sha256;
  secret "{secret}";
}};
zone "{zone}" {{
  type secondary;
  file "zone";
  primaries port {primary} {{ 127.0.0.1 key secondary.example; }};
  allow-notify {{ key secondary.example; }};
}};
"""

SECONDARIES = {
    "nsd": (["nsd", "-d"], NSD),
    "knot": (["knotd"], KNOT),
    "bind": (["named", "-g"], BIND),
    "bind-axfr": (["named", "-g"], BIND.replace("request-ixfr yes", "request-ixfr no")),
}


def each(*names):
    return pytest.mark.parametrize("words, conf", [SECONDARIES[n] for n in names], ids=names)


def write(*words):
    """A word to the zone's files; the serial behind it."""
    got = subprocess.run([WRITE, *map(str, words)], capture_output=True, text=True, timeout=60, check=False)
    assert got.returncode == 0, got.stderr
    return int(got.stdout)


def serial(port, **more):
    """The serial that a server has; None when it does not answer, or has no zone yet."""
    with contextlib.suppress(OSError, dns.exception.DNSException):
        got = dns.query.udp(dns.message.make_query(ZONE, "SOA"), "127.0.0.1", port=port, timeout=1, **more)
        if got.answer:
            return got.answer[0][0].serial
    return None


def dump(port, **more):
    """All records of a server's zone, as text; each once."""
    records = set()
    for message in dns.query.xfr("127.0.0.1", ZONE, port=port, relativize=False, timeout=20, lifetime=60, **more):
        for rrset in message.answer:
            for rdata in rrset:
                # NSD and Knot give names in lower case, and so do we.
                records.add((rrset.name.to_text(), rrset.ttl, rrset.rdtype, rdata.to_text()))
    return records


class Secondary:
    def __init__(self, folder, words, conf, primary, port):
        folder.mkdir()
        self.folder, self.port = folder, port
        (folder / "conf").write_text(conf.format(folder=folder, port=self.port, primary=primary, zone=ZONE,
                                                 secret=SECRET))
        self.log = open(folder / "log", "w")                    # noqa: SIM115 (closed in stop)
        self.process = subprocess.Popen([*words, "-c", str(folder / "conf")], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log, env={**os.environ, "PATH": PATHS})

    def text(self):
        return (self.folder / "log").read_text()

    def has(self, want, patience=30):
        end = time.monotonic() + patience
        while (got := serial(self.port)) != want:
            assert self.process.poll() is None, self.text()
            assert time.monotonic() < end, f"{got} and not {want}\n{self.text()[-3000:]}"
            time.sleep(0.02)

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        self.log.close()


def shared(**more):
    """A configuration of what a zone's records share."""
    words = {"zone": ZONE, "reserved": ZONE, "ns": f'"{ZONE}=ns1.{ZONE}"',
             "soa": f'"{ZONE}=ns1.{ZONE} hostmaster.{ZONE}"', **more}
    return "dns {\n" + "".join(f"  {name.replace('_', '-')} = {value}\n" for name, value in words.items()) + "}\n"


@contextlib.contextmanager
def world(tmp_path, words, conf):
    """Our server with an own zone of 500 listings, and a secondary that has it."""
    if not shutil.which(words[0], path=PATHS):
        pytest.skip(f"{words[0]} is not installed")
    if not os.path.exists(WRITE):
        pytest.skip("tests/zonewrite is not built")
    port = free_port()
    server = Server(files={"keys": f"secondary.example:{SECRET}\n"}, listen=[f"127.0.0.1:{free_port()}"], options=[
        "--tsig-keys", "{}/keys", "--transfer", "127.0.0.0/8 secondary.example", "--metrics-listen", "127.0.0.1:0",
        "--notify", f"127.0.0.1:{port} secondary.example"])
    server.config = server.path("conf")
    server.write("conf", shared())
    folder = os.path.join(server.state, "zones", ZONE)
    os.makedirs(folder)
    first = write("new", folder, ZONE, 500, 1)
    with server:
        secondary = Secondary(tmp_path / "secondary", words, conf, server.port, port)
        try:
            eventually(lambda: serial(server.port) == first, what="our own zone")
            secondary.has(first)
            yield server, folder, secondary
        finally:
            secondary.stop()


def transfers(server):
    got = metrics(metrics_place(server))
    return {kind: int(got[f'postern_dns_transfers_total{{kind="{kind}"}}'])
            for kind in ("full", "steps", "same", "failed")}


@each(*SECONDARIES)
def test_a_thousand_changes(tmp_path, words, conf):
    with world(tmp_path, words, conf) as (server, folder, secondary):
        assert dump(secondary.port) == dump(server.port, keyring=RING)
        for turn in range(20):
            if turn == 10:      # a new image with all that the journal says; the steps go on across it
                write("compile", folder, ZONE)
            last = write("change", folder, 50, turn + 2, 10 if turn % 5 == 4 else 0)
            eventually(lambda: serial(server.port) == last, what="our own change")  # noqa: B023
            secondary.has(last)
        assert last == 2000
        ours, theirs = dump(server.port, keyring=RING), dump(secondary.port)
        assert len(ours) > 500
        assert theirs == ours, (sorted(theirs - ours)[:5], sorted(ours - theirs)[:5])
        kinds = transfers(server)
        # Addresses go as steps; prefixes, and a hole in the listed /24, may take the whole zone.
        assert kinds["failed"] == 0, (kinds, server.log())
        assert kinds["full"] >= 20 if "request-ixfr no" in conf else kinds["steps"] >= 10, (kinds, server.log())
        # What the secondary answers is what we answer.
        for i in range(0, 1024, 7):
            name = f"{i & 255}.{i >> 8}.18.198"
            got = dns.query.udp(dns.message.make_query(f"{name}.{ZONE}", "A"), "127.0.0.1", port=secondary.port,
                                timeout=5)
            assert sorted(r.to_text() for s in got.answer for r in s) == server.values(name)
        # And a server that begins anew with the same files says the same.
        server.kill()
        server.start()
        assert dump(server.port, keyring=RING) == ours


@each("nsd", "knot", "bind")
def test_what_all_records_share(tmp_path, words, conf):
    """No journal tells of it: the serial rises, and the next transfer is whole."""
    with world(tmp_path, words, conf) as (server, folder, secondary):
        def same(want, kind):
            """All have that serial, and the same; and it came by that kind of transfer."""
            eventually(lambda: serial(server.port) == want, what=f"serial {want}")
            secondary.has(want)
            ours = dump(server.port, keyring=RING)
            assert dump(secondary.port) == ours
            now = transfers(server)
            assert now[kind] > before[kind] and now["failed"] == 0, (want, kind, before, now)
            return ours

        def change(seed):
            return write("change", folder, 3, seed, 0)

        before, raised = transfers(server), 0
        same(change(1), "steps")
        for seed, more, told in (
                (2, {"ns": f'{{ "{ZONE}=ns1.{ZONE}", "{ZONE}=ns2.{ZONE}" }}'}, "ns2"),
                (3, {"soa": f'"{ZONE}=ns1.{ZONE} postmaster.{ZONE}"'}, "postmaster"),
                (4, {"negative_ttl": "7m"}, " 420"),
                (5, {"web": f'"{ZONE}=192.0.2.80"'}, "192.0.2.80"),
                (6, {"zone": f'{{ {ZONE}, outputs.{ZONE} }}',
                     "ns": f'{{ "{ZONE}=ns1.{ZONE}", "outputs.{ZONE}=ns9.{ZONE}" }}'}, "ns9"),
                (7, {}, "ns1")):
            before, was = transfers(server), serial(server.port)
            server.write("conf", shared(**more))
            server.hup()
            raised += 1
            records = same(was + 1, "full")
            assert any(told in text for *_, text in records), records
            before = transfers(server)
            assert same(change(seed) + raised, "steps") != records
        # A reload that changes nothing of it does not raise it.
        was = serial(server.port)
        server.write("conf", shared(tcp_idle="20s"))
        server.hup()
        time.sleep(0.3)
        assert serial(server.port) == was
        # Another text of the classes, with the serial that the journal has.
        before = transfers(server)
        write("compile", folder, ZONE, "$ is another text, %")
        raised += 1
        records = same(was + 1, "full")
        assert any("is another text" in text for *_, text in records)
        before = transfers(server)
        same(change(8) + raised, "steps")
        # It is remembered; and what changes while nobody looks is seen.
        was = serial(server.port)
        server.kill()
        server.start()
        assert serial(server.port) == was
        server.kill()
        server.write("conf", shared(negative_ttl="9m"))
        server.start()
        before = transfers(server)
        same(was + 1, "full")
        with open(os.path.join(server.state, "dns/serials")) as f:
            name, _, by, since = f.read().split()
        assert (name, int(by), int(since)) == (ZONE, raised + 1, was + 1)


def ixfr(server, since):
    """The serials of the SOAs in the answer to an IXFR, in order, and the number of records."""
    asked = dns.message.make_query(ZONE, "IXFR")
    asked.authority.append(dns.rrset.from_text(ZONE + ".", 0, "IN", "SOA", f". . {since} 0 0 0 0"))
    found, total = [], 0
    with Stream(server) as c:
        c.send(asked.to_wire())
        while len(found) < 2 or found[-1] != found[0] or (len(found) == 3 and total > 3):
            answer = dns.message.from_wire(c.receive(), one_rr_per_rrset=True).answer
            found += [r[0].serial for r in answer if r.rdtype == dns.rdatatype.SOA]
            total += len(answer)
            if total == 1:
                break
    return found, total


def test_from_which_serial_on():
    """Steps for those that the zone had; the whole zone for all others, also for one between two of them."""
    with Server(ZONE, options=["--transfer", "127.0.0.0/8", "--ns", f"{ZONE}=ns.example"]) as server:
        folder = os.path.join(server.state, "zones", ZONE)
        os.makedirs(folder)
        first = write("new", folder, ZONE, 100, 1)
        eventually(lambda: serial(server.port) == first, what="our own zone")
        last = write("change", folder, 10, 2, 0)
        eventually(lambda: serial(server.port) == last)
        whole = [last, last]
        for since, want in ((last, [last]), (last + 1, [last]), (last - 1, [last, last - 1, last, last]),
                            (first, [last, first, last, last]), (first - 1, whole), (0, whole)):
            assert ixfr(server, since)[0] == want, since
        # A journal that begins later: what it has lost is not told as steps.
        server.kill()
        for text in ("", "\0\1\n%%% 1 2 3\n", f"{ZONE} 1 -1 5\n", f"{ZONE} {2 ** 64} 1 5\n", "x" * 10000000):
            server.write("state/dns/serials", text)
            server.start()
            assert serial(server.port) == last and ixfr(server, last - 1)[0] == whole
            server.kill()
        server.write("state/dns/serials", f"{ZONE} 1 {2 ** 32 - 1} {last}\n")
        server.start()
        assert serial(server.port) == last             # raised once more, by 2 ** 32 in all
        assert ixfr(server, last - 1)[0] == whole


V4 = ["10.0.0.0/8 :2:eight $", "11.128.0.0/9", "20.32.0.0/11", "30.0.0.0/15", "31.1.0.0/16", "32.1.128.0/17",
      "33.2.2.0/23", "34.3.3.0/24", "35.4.4.128/25", "36.5.5.192/26", "37.6.6.32/27", "38.7.7.16/28", "39.8.8.8/29",
      "40.9.9.4/30", "41.10.10.2/31", "45.255.255.255/32", "!10.1.2.3/32", "!10.200.0.0/16", "!11.128.128.0/17",
      "!34.3.3.128/25", "10.200.7.0/24 :9:inside an exclusion", "!30.1.255.255/32", "33.2.3.7/32 :7:one of a /23",
      f"46.1.1.1/32 :2:{'x' * 255}", '46.1.1.2/32 :2:"quoted", \\ and ; $']
V6 = ["2001:db8::/32 :2:net $", "!2001:db8:5::/48", "2001:db8:5:1::/64 :4:inner", "2001:db9:0:8000::/49 :3:odd",
      "2001:dba::1/128 :5:one", "!2001:db8::7/128"]
NAMES = ["bad.example :2:name $", ".both.example :3:both $", "*.wild.example :4:wild $", "!good.wild.example",
         "!*.deep.wild.example", "x.deep.wild.example :5:x", "a.b.c.d.e.example :2:deep", "!.ex.both.example"]
MORE = "46.1.1.1\n10.7.7.0/24 :22:over the eight\n!10.7.7.7\n"


def edges(lines):
    """Addresses in and around each net, as names."""
    some = random.Random(5)
    for line in lines:
        net = ipaddress.ip_network(line.split()[0].lstrip("!"))
        low, high = int(net[0]), int(net[-1])
        for v in {low - 1, low, low + 1, high - 1, high, high + 1, *(some.randint(low, high) for _ in range(9))}:
            if v < 2 ** net.max_prefixlen:
                yield type(net[0])(v).reverse_pointer.rsplit(".", 2)[0]


@each("nsd", "knot", "bind")
def test_all_kinds_of_data(tmp_path, words, conf):
    """Nets of every length, holes in them, names and what is under them, several values: a secondary answers
    each question as we do. What DNS's wildcards can't say is told in zone/contents.c."""
    if not shutil.which(words[0], path=PATHS):
        pytest.skip(f"{words[0]} is not installed")
    data = "".join(f"$DATASET {kind} @\n:127.0.0.{code}:{kind} $\n" + "\n".join(lines) + "\n" for kind, code, lines in (
        ("ip4trie:a", 20, V4), ("ip6trie:b", 30, V6), ("dnset:c", 40, NAMES), ("ip4set:d", 50, [MORE])))
    port = free_port()
    with Server(f"{ZONE}:combined:{{}}/list", files={"list": SOA + data, "keys": f"secondary.example:{SECRET}\n"},
                options=["--tsig-keys", "{}/keys", "--transfer", "127.0.0.0/8 secondary.example", "--accept", ZONE,
                         "--notify", f"127.0.0.1:{port} secondary.example"]) as server:
        secondary = Secondary(tmp_path / "secondary", words, conf, server.port, port)
        try:
            secondary.has(serial(server.port))
            assert dump(port) == dump(server.port, keyring=RING)
            names = [f"{n}.example" for n in "bad both a.both a.b.both wild x.wild good.wild y.good.wild deep.wild "
                     "x.deep.wild y.deep.wild e d.e b.c.d.e a.b.c.d.e q.a.b.c.d.e q.ex.both".split()]
            names += [*edges(V4), *edges(V6), "7.7.7.10", "8.7.7.10", "2.0.0.127", "1.0.0.127", "test", "invalid"]
            for name in names:
                asked = dns.message.make_query(f"{name}.{ZONE}", "A")
                ours, theirs = (dns.query.udp(asked, "127.0.0.1", port=p, timeout=5) for p in (server.port, port))
                assert ours.rcode() == theirs.rcode(), name
                assert ({r.to_text() for s in ours.answer for r in s} ==
                        {r.to_text() for s in theirs.answer for r in s}), name
        finally:
            secondary.stop()


@each("knot")
def test_who_may(tmp_path, words, conf):
    """Without the key, with a false one, with a key that does not match: nothing is given away."""
    with world(tmp_path, words, conf) as (server, _, _):
        asked = dns.message.make_query(ZONE, "AXFR")
        got = dns.query.tcp(asked, "127.0.0.1", port=server.port, timeout=10)
        assert got.rcode() == dns.rcode.REFUSED and not got.answer
        for ring in ({"secondary.example.": SECRET[:-4] + "AAAA"}, {"another.example.": SECRET}):
            with pytest.raises((dns.tsig.PeerError, dns.query.TransferError, dns.exception.FormError)):
                dump(server.port, keyring=dns.tsigkeyring.from_text(ring))
        signed = dns.message.make_query(ZONE, "SOA")
        signed.use_tsig(RING)
        got = dns.query.udp(signed, "127.0.0.1", port=server.port, timeout=10)
        assert got.had_tsig and got.answer
