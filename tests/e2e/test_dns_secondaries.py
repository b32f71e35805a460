# SPDX-License-Identifier: GPL-3.0-or-later
"""NSD, Knot and BIND as secondaries of a zone of our own list: told by NOTIFY, fed by IXFR, all of it signed.
After a thousand random changes, and a compile in their midst, what they give away is what we do; and so it
is when not a listing has changed but what all of them share: the configuration, a class's text."""

import contextlib
import os
import shutil
import subprocess
import time

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.zone
import pytest
from dnslib import BUILD, ZONE, Server, eventually, metrics, metrics_place
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
