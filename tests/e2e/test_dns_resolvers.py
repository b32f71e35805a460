# SPDX-License-Identifier: GPL-3.0-or-later
"""Resolvers between a mail server and postern dns: recursive from a signed root down to zones that are not
signed, one label at a time and without falling back when a name on the way is denied (RFC 9156, strict). What
they say must be what we say, in whatever order they are asked."""

import os
import random
import shutil
import subprocess

import dns.exception
import dns.message
import dns.query
import dns.rcode
import pytest
from dnslib import PATIENCE, Server, eventually
from netlib import in_network

PATHS = os.environ["PATH"] + ":/usr/sbin"
ROOT, OURS, RESOLVER = "198.18.53.1", "198.18.53.2", "198.18.53.3"
ZONES = ["bl.list", "six.list", "names.list", "keys.list"]
HEAD = "$SOA 3600 ns.list. hostmaster.list. 7 3600 600 86400 300\n$NS 3600 ns.list.\n"
FILES = {
    "four": HEAD + ":127.0.0.2:Listed $\n192.0.2.1\n198.51.100.0/25 :127.0.0.4:net $\n!198.51.100.10\n",
    "deep": HEAD + ":127.0.0.3:deep $\n192.0.2.77\n",
    "six": HEAD + ":127.0.0.2:six $\n2001:db8::/48\n2001:db8:1::1\n",
    "names": HEAD + ":127.0.0.2:name $\nplain.example\n.both.example\n*.wild.example\n",
    "keys": "key customer01 1\n",
}
SERVED = ["bl.list:ip4trie:{}/four", "x.y.bl.list:ip4trie:{}/deep", "six.list:ip6trie:{}/six",
          "names.list:dnset:{}/names", "keys.list:ip4trie:{}/four"]


def nibbles(hexadecimal):
    return ".".join(reversed(hexadecimal.replace("_", "")))


SIX = nibbles("2001_0db8" + "0" * 23 + "1")
MAPPED = nibbles("0" * 20 + "ffff7f00000")
QUESTIONS = [(name, rdtype) for names, rdtypes in (
    (("1.2.0.192.bl.list", "2.2.0.192.bl.list", "77.100.51.198.bl.list", "10.100.51.198.bl.list",
      "2.0.0.127.bl.list", "1.0.0.127.bl.list", "77.2.0.192.x.y.bl.list", "1.2.0.192.x.y.bl.list",
      SIX + ".six.list", SIX.replace("1", "2", 1) + ".six.list", "f" + SIX[1:-1] + "3.six.list", "2." + MAPPED[2:]
      + ".six.list", "1." + MAPPED[2:] + ".six.list", "plain.example.names.list", "sub.plain.example.names.list",
      "a.b.both.example.names.list", "q.wild.example.names.list", "test.names.list", "invalid.names.list",
      "1.2.0.192.customer01.keys.list", "9.2.0.192.customer01.keys.list"), ("A", "TXT")),
    (("192.bl.list", "0.192.bl.list", "2.0.192.bl.list", "3.0.192.bl.list", "127.bl.list", "0.0.127.bl.list",
      "1.2.0.192.bl.list", "y.bl.list", "z.bl.list", "2.six.list", "1.0.0.2.six.list", "8.b.d.0.1.0.0.2.six.list",
      "9.b.d.0.1.0.0.2.six.list", "example.names.list", "wild.example.names.list", "customer01.keys.list",
      "192.customer01.keys.list", "193.customer01.keys.list"), ("A", "AAAA", "MX")),
    (("bl.list", "x.y.bl.list"), ("SOA", "NS", "A"))) for name in names for rdtype in rdtypes]


def program(name):
    return shutil.which(name, path=PATHS) or pytest.skip(f"{name} is not installed")


def signed_root(folder):
    """The root, signed; the zones' delegations in it are not. Gives its key as a trust anchor has it."""
    folder.mkdir()
    (folder / "zone").write_text(
        f". 3600 IN SOA ns.list. root.list. 1 3600 600 86400 300\n. 3600 IN NS a.root.list.\n"
        f"a.root.list. 3600 IN A {ROOT}\nns.list. 3600 IN A {OURS}\n"
        + "".join(f"{zone}. 3600 IN NS ns.list.\n" for zone in ZONES))
    key = subprocess.run([program("dnssec-keygen"), "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", "."], cwd=folder,
                         capture_output=True, text=True, check=True).stdout.strip()
    public = (folder / f"{key}.key").read_text()
    with open(folder / "zone", "a", encoding="ascii") as zone:
        zone.write(public)
    subprocess.run([program("dnssec-signzone"), "-z", "-o", ".", "zone"], cwd=folder, capture_output=True, check=True)
    (folder / "hints").write_text(f". 3600 IN NS a.root.list.\na.root.list. 3600 IN A {ROOT}\n")
    (folder / "anchor").write_text(public)
    return next(line for line in public.splitlines() if not line.startswith(";")).split("DNSKEY")[1].split()


def named(folder, address, options, zones):
    folder.mkdir(exist_ok=True)
    (folder / "named.conf").write_text(
        f'options {{ directory "{folder}"; pid-file "pid"; session-keyfile "key"; listen-on {{ {address}; }}; '
        f'listen-on-v6 {{ none; }}; {options} }};\ncontrols {{ }};\n{zones}\n')
    return subprocess.Popen([program("named"), "-g", "-n", "1", "-c", folder / "named.conf"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def bind(folder, key):
    root = folder.parent / "root"
    anchor = f'{key[0]} {key[1]} {key[2]} "{"".join(key[3:])}"'
    return named(folder, RESOLVER, f"query-source address {RESOLVER}; recursion yes; allow-query {{ any; }}; "
                 "qname-minimization strict; dnssec-validation yes;",
                 f'zone "." {{ type hint; file "{root}/hints"; }};\n'
                 f"trust-anchors {{ . static-key {anchor}; }};")


def unbound(folder, _key):
    root = folder.parent / "root"
    folder.mkdir()
    words = {"directory": folder, "chroot": "", "username": "", "pidfile": "", "interface": RESOLVER,
             "outgoing-interface": RESOLVER, "access-control": "198.18.0.0/15 allow", "do-ip6": "no",
             "root-hints": root / "hints", "trust-anchor-file": root / "anchor", "qname-minimisation": "yes",
             "qname-minimisation-strict": "yes", "harden-below-nxdomain": "yes", "aggressive-nsec": "yes",
             "harden-referral-path": "yes", "use-caps-for-id": "yes", "use-syslog": "no"}
    (folder / "conf").write_text("server:\n" + "".join(
        f"  {name}: {value}\n" if "allow" in str(value) else f'  {name}: "{value}"\n' for name, value in words.items())
        + "remote-control:\n  control-enable: no\n")
    return subprocess.Popen([program("unbound"), "-d", "-c", folder / "conf"], stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)


def said(message):
    return dns.rcode.to_text(message.rcode()), sorted(r.to_text() for rrset in message.answer for r in rrset)


def ask(address, name, rdtype, timeout=PATIENCE):
    q = dns.message.make_query(name, rdtype, use_edns=0)
    return said(dns.query.udp_with_fallback(q, address, timeout=timeout)[0])


def answers(address):
    try:
        return ask(address, ".", "SOA", timeout=0.5)[0] == "NOERROR"
    except (dns.exception.DNSException, OSError):
        return False


@pytest.mark.parametrize("options", [(), ("--cookies-required",)], ids=["", "cookies-required"])
@pytest.mark.parametrize("resolver", [bind, unbound])
@in_network(*(f"addr add {address}/32 dev lo" for address in (ROOT, OURS, RESOLVER)))
def test_is_told_as_we_say_it(resolver, options, tmp_path):
    program({"bind": "named"}.get(resolver.__name__, resolver.__name__))
    key = signed_root(tmp_path / "root")
    started = [named(tmp_path / "root", ROOT, "recursion no; dnssec-validation no;",
                     'zone "." { type primary; file "zone.signed"; };')]
    try:
        eventually(lambda: answers(ROOT), what="the root")
        with Server(*SERVED, files=FILES, listen=(f"{OURS}:53",), options=("--keys", "keys.list={}/keys", *options)):
            direct = {question: said(dns.query.tcp(dns.message.make_query(*question), OURS, timeout=PATIENCE))
                      for question in QUESTIONS}
            assert {rcode for rcode, _ in direct.values()} == {"NOERROR", "NXDOMAIN"}
            assert direct["1.2.0.192.bl.list", "A"] == ("NOERROR", ["127.0.0.2"])
            assert direct["2.0.192.bl.list", "A"] == ("NOERROR", [])
            assert direct["1.2.0.192.customer01.keys.list", "A"] == ("NOERROR", ["127.0.0.2"])
            for seed in range(3):       # what is cached of one question must not spoil another
                process = resolver(tmp_path / f"resolver{seed}", key)
                started.append(process)
                eventually(lambda: answers(RESOLVER), what="the resolver")
                order = sorted(QUESTIONS)
                random.Random(seed).shuffle(order)
                wrong = [(*q, got, direct[q]) for q in order if (got := ask(RESOLVER, *q)) != direct[q]]
                assert not wrong, wrong
                process.terminate()
                process.wait(PATIENCE)
    finally:
        for process in started:
            process.kill()
            process.wait(PATIENCE)
