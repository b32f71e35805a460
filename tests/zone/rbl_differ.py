#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the same questions about the same files to rbldnsd and to Postern, and compares the answers.

    tests/zone/rbl_differ.py BUILD [--questions N] [--seed N] [--server] [--keep] [--fault]

Files are random, of every type (rbl_make.py), and written by hand (tests/zone/hard, rbl_field.py). Answers
must agree in code, records and TTLs, but for what stands in DIFFERENCES with its reason; a difference
of that kind is counted by its name. What we call an empty name must have something below it, and what
we call no name must have nothing: that is held against all that rbldnsd has listed. A disagreement is
printed with all that it takes to see it again. The last line is "N passed, N failed".

Both are on loopback; rbldnsd drops to its own user where it is started as root."""

import argparse
import collections
import gzip
import itertools
import os
import random
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import rbl_field  # noqa: E402
import rbl_make  # noqa: E402

A, NS, SOA, MX, TXT, AAAA, SRV, ANY = 1, 2, 6, 15, 16, 28, 33, 255
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)
RCODES = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"]
TYPES = {A: "A", NS: "NS", SOA: "SOA", MX: "MX", TXT: "TXT", AAAA: "AAAA", SRV: "SRV", ANY: "ANY"}
WINDOW = 48  # questions under way at rbldnsd: what its socket's buffer surely holds
PATIENCE = 10


def wire(name):
    """\\DDD is an octet; "" is the root."""
    out = b""
    for label in filter(None, re.split(r"\.", name)):
        octets = re.sub(rb"\\(\d{3})", lambda m: bytes([int(m[1])]), label.encode("latin-1"))
        out += bytes([len(octets)]) + octets
    return out + b"\0"


def question(number, name, qtype):
    return struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + wire(name) + struct.pack(">2H", qtype, 1)


class Answer:
    """Of a packet, what is compared."""

    def __init__(self, packet):
        self.packet = packet
        self.number, flags, qd, an, ns, ar = struct.unpack(">6H", packet[:12])
        self.rcode, self.aa, self.tc = flags & 15, bool(flags & 0x0400), bool(flags & 0x0200)
        at = 12
        for _ in range(qd):
            _, at = self.name(at)
            at += 4
        self.answer, at = self.records(at, an)
        self.authority, at = self.records(at, ns)
        self.additional, at = self.records(at, ar)
        if at != len(packet):
            raise ValueError("octets behind the last record")

    def name(self, at):
        labels, end = [], None
        while True:
            n = self.packet[at]
            if n >= 192:
                end = end or at + 2
                at = struct.unpack(">H", self.packet[at:at + 2])[0] & 0x3fff
            elif n == 0:
                return ".".join(labels).lower(), end or at + 1
            else:
                labels.append(self.packet[at + 1:at + 1 + n].decode("latin-1"))
                at += n + 1

    def records(self, at, count):
        found = []
        for _ in range(count):
            owner, at = self.name(at)
            qtype, _, ttl, n = struct.unpack(">2HIH", self.packet[at:at + 10])
            at += 10
            data = self.packet[at:at + n]
            if qtype == NS:
                data = self.name(at)[0]
            elif qtype == MX:
                data = (data[:2], self.name(at + 2)[0])
            elif qtype == SOA:
                mname, next_at = self.name(at)
                rname, next_at = self.name(next_at)
                data = (mname, rname, self.packet[next_at:at + n])
            elif qtype == TXT:
                data = b"".join(txt_strings(data))
            found.append((owner, qtype, ttl, data))
            at += n
        return found, at

    def __str__(self):
        return f"{RCODES[self.rcode]} aa={self.aa:d} tc={self.tc:d} {sorted(self.answer, key=str)}" \
               f" / {[(r[0], TYPES.get(r[1], r[1]), r[2]) for r in self.authority]}"


def txt_strings(data):
    while data:
        yield data[1:1 + data[0]]
        data = data[1 + data[0]:]


def is_six_to_four(name):
    return re.search(r"^([0-9a-f]\.){28}2\.0\.0\.2(\.|$)", name.lower())


def above(name):
    labels = name.lower().split(".")
    return {".".join(labels[i:]) for i in range(1, len(labels))}


def plain(records):
    return sorted(records, key=str)


# What may differ, each with its reason. `theirs` is rbldnsd's answer.

def empty_name(q, theirs, ours):
    return theirs.rcode == NXDOMAIN and ours.rcode == NOERROR and not ours.answer and q.below


def test_entry(q, theirs, ours):
    return q.test and ours.rcode in (NOERROR, NXDOMAIN)


def minimal_any(q, theirs, ours):
    """One type of what they have; where theirs did not fit (no AA), perhaps more of it."""
    return q.qtype == ANY and theirs.rcode == ours.rcode and bool(theirs.answer) == bool(ours.answer) \
        and len({r[1] for r in ours.answer}) <= 1 \
        and (not theirs.aa or {(r[1], r[3]) for r in ours.answer} <= {(r[1], r[3]) for r in theirs.answer})


def no_soa(q, theirs, ours):
    return q.apex and q.qtype in (SOA, NS, ANY) and theirs.rcode == REFUSED and ours.rcode == NOERROR \
        and (q.qtype == ANY or not ours.answer)


def own_soa(q, theirs, ours):
    """Where rbldnsd has no SOA: negative answers bring one, the apex has it."""
    if q.apex and q.qtype == SOA and theirs.rcode == REFUSED:
        return [r[1] for r in ours.answer] == [SOA]
    return theirs.rcode == ours.rcode and not theirs.answer and not ours.answer \
        and not theirs.authority and [r[1] for r in ours.authority] == [SOA]


def leading_zero(q, theirs, ours):
    return re.search(r"(^|\.)0\d", q.name) and theirs.rcode == NOERROR \
        and ours.rcode in (NOERROR, NXDOMAIN) \
        and {(r[1], r[3]) for r in ours.answer} <= {(r[1], r[3]) for r in theirs.answer}


def acl_listed(q, theirs, ours):
    return q.acl.startswith(":5") and ours.rcode == REFUSED and theirs.rcode in (NOERROR, NXDOMAIN)


def acl_generic(q, theirs, ours):
    """Records, and the names above them."""
    return q.acl in (":empty", ":5") and ours.rcode == NOERROR and not theirs.answer \
        and theirs.rcode in (NOERROR, NXDOMAIN) and bool(ours.answer) == (theirs.rcode == NOERROR)


def six_to_four(q, theirs, ours):
    return is_six_to_four(q.name) and theirs.rcode == NOERROR and ours.rcode in (NOERROR, NXDOMAIN)


def long_text(q, theirs, ours):
    """Some of their texts are cut: each is the head of one of ours, or did not fit here (TC)."""
    cut = [r for r in theirs.answer if r[1] == TXT and len(r[3]) == 254]
    known = [r for r in ours.answer if r in theirs.answer or any(r[3].startswith(c[3]) for c in cut)]
    return cut and theirs.rcode == ours.rcode and known == ours.answer \
        and (ours.tc or len(theirs.answer) == len(ours.answer))


def everybody(q, theirs, ours):
    return q.refused and ours.rcode == SERVFAIL


def short_life(q, theirs, ours):
    """The same but for TTLs: ours are cut at a week, and of an SOA in a negative answer at its own TTL."""
    def lives(a):
        return plain((r[0], r[1], r[3]) for r in a.answer + (a.authority if not a.answer else []))
    week = all(r[2] <= 604800 for r in ours.answer + ours.authority)
    same = all(r in theirs.answer or any(t[2] > 604800 for t in theirs.answer) for r in ours.answer)
    return theirs.rcode == ours.rcode and lives(theirs) == lives(ours) and week and same


def too_large(q, theirs, ours):
    return not theirs.aa and theirs.rcode == ours.rcode == NOERROR and ours.tc


DIFFERENCES = [
    ("empty-non-terminal", empty_name, "rbldnsd says NXDOMAIN although names below exist (RFC 8020)"),
    ("test-entry", test_entry, "entries of RFC 5782 §5 are built in; rbldnsd has what the file has"),
    ("minimal-any", minimal_any, "ANY gets one RRset (RFC 8482); rbldnsd gives all it has"),
    ("apex-without-soa", no_soa, "rbldnsd refuses SOA, NS and ANY where the file lacks one of them; here it is NODATA, or the other"),
    ("own-soa", own_soa, "without a SOA in the file rbldnsd's negative answers can't be cached (RFC 2308); "
     "the server gives the zone one"),
    ("leading-zero", leading_zero, "rbldnsd takes 01.2.0.192 for an address; it is no name that a client makes"),
    ("acl-listed", acl_listed, "an acl that lists everything to a client: here that client is refused"),
    ("acl-generic", acl_generic, "rbldnsd's empty and listing acls hide records of generic too, against "
     "its manual page; here they are answered"),
    ("6to4", six_to_four, "rbldnsd answers for 2002::/16 with what it has of the IPv4 address inside; "
     "nobody sends mail from there any more (RFC 7526)"),
    ("long-text", long_text, "rbldnsd cuts a TXT at 254 octets; here it has several strings"),
    ("everybody", everybody, "data that list everybody are refused by the server, whatever it was told to accept"),
    ("shorter-life", short_life, "no TTL is over a week, and an SOA in a negative answer lives no longer than the SOA "
     "(RFC 2308 §3); rbldnsd's lives as long as its minimum"),
    ("too-large", too_large, "rbldnsd drops records that do not fit, without TC; here TC is set"),
]


class Question:
    """One to ask."""

    def __init__(self, name, qtype, zone, acl=""):
        self.name, self.qtype, self.zone = name, qtype, zone
        full = f"{name}.{zone}" if name else zone
        self.full = full
        self.apex = name.lower() in ("", "sub")
        self.below = False
        self.refused = False  # the data, as a list of everybody
        self.acl = acl[:2] if acl.startswith(":5") else acl  # the action for our client
        self.test = name.lower() in TEST_NAMES or any(name.lower().endswith("." + t) for t in TEST_NAMES - EMPTY_6)

    def __str__(self):
        return f"{self.full} {TYPES.get(self.qtype, self.qtype)}"


MAPPED = "f.f.f.f." + "0." * 20
TEST_6 = [f"{a}.0.0.0.0.0.f.7.{MAPPED}".rstrip(".").split(".") for a in "12"]
EMPTY_6 = {".".join(v[i:]) for v in TEST_6 for i in range(1, 32)}
# The test entries of every kind, and the names above them.
TEST_NAMES = {"test", "invalid", *(f"{n}.0.0.127" for n in range(256)), "0.0.127", "0.127", "127",
              *(".".join(v[i:]) for v in TEST_6 for i in range(32))}


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A process on loopback that answers by UDP; `with` ends it."""

    def __init__(self, command, ready, port=None):
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        self.said = ""
        for line in self.process.stdout:
            self.said += line.decode("latin-1")
            found = re.search(rb"event=listening .*port=(\d+)", line)
            port = int(found[1]) if found else port
            if ready in line:
                break
        else:
            raise RuntimeError(f"{command[0]} does not start:\n{self.said}")
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", port))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.process.terminate()
        self.process.communicate()

    def ask(self, packets):
        """The answers in order; None where none came, asked twice."""
        answers = [None] * len(packets)
        for turn in range(2):
            todo = [p for p, a in zip(packets, answers) if a is None]
            for start in range(0, len(todo), WINDOW):
                some = todo[start:start + WINDOW]
                for packet in some:
                    self.socket.send(packet)
                self.socket.settimeout(1 + turn)
                try:
                    for _ in some:
                        got = self.socket.recv(4096)
                        answers[struct.unpack(">H", got[:2])[0]] = got
                except (TimeoutError, ConnectionRefusedError):
                    pass
        return answers


def rbldnsd(specs, options=()):
    port = free_port()
    program = shutil.which("rbldnsd") or "/usr/sbin/rbldnsd"
    return Server([program, "-n", "-a", "-c", "0", "-b", f"127.0.0.1/{port}", *options, *specs],
                  b" started (", port)


def postern_dns(program, specs, packets, options=()):
    """The same of ours, through `postern dns`. What no sane list has is let in: it is a test."""
    zones = dict.fromkeys(spec.split(":")[0] for spec in specs if spec[0] != ":" and not expired(spec))
    with tempfile.TemporaryDirectory() as state:
        command = [program, "--config", os.devnull, "--state", state, "--rate", "0", "--workers", "1",
                   "--listen", "127.0.0.1:0", *options, *(f"--accept={zone}" for zone in zones), *specs]
        with Server(command, b"event=ready") as server:
            return server.ask(packets), server.said


def expired(spec):
    """Such data are not let in: rbldnsd does not serve them either."""
    with open(spec.split(":")[2].split(",")[0], "rb") as f:
        return re.match(rb"(.*\n)?\$TIMESTAMP 2020:01:01 (2020|\+5d)", f.read(200))


def ask_postern(program, specs, packets, options=()):
    """The same of ours, through zone_answer()."""
    run = subprocess.run([program, *options, *specs], check=False, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE,
                         input=b"".join(struct.pack(">H", len(p)) + p for p in packets), timeout=600)
    if run.returncode:
        raise RuntimeError(f"rbl-answer failed: {run.stderr.decode('latin-1')[-2000:]}")
    answers, at = [], 0
    for _ in packets:
        n = struct.unpack(">H", run.stdout[at:at + 2])[0]
        answers.append(run.stdout[at + 2:at + 2 + n] if n else None)
        at += 2 + n
    return answers, run.stderr.decode("latin-1")


def faulty(specs):
    """The same files, each without one of its entries."""
    found = []
    for spec in specs:
        zone, kind, files = spec.split(":")
        copies = []
        for path in files.split(","):
            with open(path, encoding="latin-1") as f:
                lines = f.read().splitlines()
            entries = [i for i, line in enumerate(lines) if re.match(r"[\da-z.*@]", line, re.I)]
            if entries:
                del lines[entries[len(entries) // 2]]
            copies.append(path + ".fault")
            with open(copies[-1], "w", encoding="latin-1") as f:
                f.write("".join(line + "\n" for line in lines))
        found.append(f"{zone}:{kind}:{','.join(copies)}")
    return found


class Differ:
    """Counts and tells."""

    def __init__(self, build, server=False, fault=False):
        self.program = os.path.join(build, "postern-dns" if server else "tests/zone/rbl-answer")
        self.ask, self.server, self.fault = postern_dns if server else ask_postern, server, fault
        self.asked = self.failed = 0
        self.kinds = collections.Counter()
        self.told = 0

    def run(self, title, specs, names, rng, zone=rbl_make.ZONE, options=(), known=(),
            acl=""):
        """Asks all the names, each with some types. `known` are more names that may be there."""
        known = {f"{n}.{zone}".lower() for n in known}
        questions = [Question(n, t, zone, acl) for n in sorted(names) for t in types_for(rng)]
        for start in range(0, len(questions), 60000):
            self.compare(title, specs, questions[start:start + 60000], options, known)

    def compare(self, title, specs, questions, options, known):
        packets = [question(i, q.full, q.qtype) for i, q in enumerate(questions)]
        with rbldnsd(specs, options) as server:
            theirs = [Answer(a) if a else None for a in server.ask(packets)]
            ours, remarks = self.ask(self.program, faulty(specs) if self.fault else specs, packets, options)
            ours = [Answer(a) if a else None for a in ours]
            there = set()  # every name above something that rbldnsd has records for
            for q, a in zip(questions, theirs):
                if a and a.answer and not is_six_to_four(q.name):
                    there.update(above(q.full))
            everything = known | {q.full.lower() for q in questions}
            for q, a, b in zip(questions, theirs, ours):
                if a and b and a.rcode == NXDOMAIN and b.rcode == NOERROR \
                        and q.full.lower() not in there:
                    there.update(self.look_below(server, q, everything))
            said = server.said
        for q, a, b in zip(questions, theirs, ours):
            self.asked += 1
            q.below = q.full.lower() in there
            q.refused = self.server and "that is everybody" in remarks
            why = self.judge(q, a, b)
            if why:
                self.tell(title, specs, options, q, a, b, why, said, remarks)

    @staticmethod
    def look_below(server, q, everything):
        """Asks for what may be listed under the name: known names, and addresses of wide ranges."""
        head = re.match(r"((?:\d{1,3}\.)*\d{1,3}|)(?:\.|$)", q.name)
        labels = q.name.split(".") if q.name else []
        octets = head[1].count(".") + 1 if head and head[1] else 0
        nibbles = next((i for i, x in enumerate(labels) if not re.fullmatch("[0-9a-f]", x, re.I)), len(labels))
        fills = ["0", "1", "127", "128", "255"]
        guesses = [".".join([*fill, *labels]) for fill in itertools.product(fills, repeat=4 - octets)] \
            if octets < 4 else []
        n = 32 - nibbles
        guesses += [".".join([*fill, *labels]) for fill in (
            ["0"] * n, ["f"] * n, ["1"] + ["0"] * (n - 1), ["0"] * (n - 1) + ["8"])] if n > 0 else []
        if q.name.lower() + "." in MAPPED or q.name.lower().endswith(MAPPED.rstrip(".")):
            # As IPv4 in IPv6, above which there are empty names too.
            guesses += [m for k in everything if (m := mapped(k[:-len(q.zone) - 1])) and m.endswith(q.name.lower())]
        names = [f"{g}.{q.zone}" for g in guesses]
        known = [n for n in everything if n.endswith("." + q.full.lower())][:5000]
        names = names + 3 * known
        types = [A] * len(guesses) + [A] * len(known) + [TXT] * len(known) + [MX] * len(known)
        got = server.ask([question(i, name, t) for i, (name, t) in enumerate(zip(names, types))])
        return {n for name, a in zip(names, got) if a and Answer(a).answer and not is_six_to_four(name)
                for n in above(name)}

    def judge(self, q, theirs, ours):
        if theirs is None or ours is None:
            return None if theirs is ours else "only one answers"
        if ours.rcode == NXDOMAIN and q.below and not q.test:
            return "NXDOMAIN, and something is below"
        same = (theirs.rcode, theirs.aa, theirs.tc) == (ours.rcode, ours.aa, ours.tc) \
            and plain(theirs.answer) == plain(ours.answer)
        if same and not ours.answer and theirs.rcode in (NOERROR, NXDOMAIN):
            same = plain(theirs.authority) == plain(ours.authority)
        if same:
            return None
        for name, predicate, _ in DIFFERENCES:
            if predicate(q, theirs, ours):
                self.kinds[name] += 1
                return None
        return "the answers differ"

    def tell(self, title, specs, options, q, theirs, ours, why, said, remarks):
        self.failed += 1
        self.told += 1
        if self.told > 20:
            return
        print(f"{title}: {q}: {why}\n  rbldnsd {theirs}\n  postern {ours}\n"
              f"  files {' '.join([*options, *specs])}")
        if self.told == 1:
            print(f"  rbldnsd said\n{said}\n  postern said\n{remarks}")


def types_for(rng):
    """A and TXT nearly always, the rest now and then."""
    return [t for t, p in ((A, .9), (TXT, .8), (ANY, .15), (MX, .1), (NS, .1), (SOA, .1), (AAAA, .1),
                           (SRV, .03)) if rng.random() < p] or [A]


def odd_names(names, rng):
    """What strangers ask: other cases, pieces, too much, not quite addresses."""
    some = rng.sample(sorted(names), min(len(names), 40))
    odd = {"", "x", "256.1.1.10", "1.1.10", "a.1.1.10", "1.1.1.1.10", "-1.1.1.10", "01.1.1.10", "1.01.1.10",
           "0.0.0.0", "255.255.255.255", "1" * 63, "x." * 60 + "y", "\\255\\000.x", "2.0.0.127", "1.0.0.127",
           "Test", "invalid", "sub.test", "0.0.127", "4.3.2.1.ip6"}
    for name in some:
        labels = name.split(".")
        odd |= {name.upper(), name.swapcase(), "x." + name, ".".join(labels[1:]), ".".join(labels[2:]),
                ".".join(labels[:-1]), "0" + name}
        odd |= {".".join(labels[i:]) for i in range(len(labels)) if rng.random() < .3}
    return odd


def mapped(name):
    """The name of an IPv4 address as that of ::ffff:a.b.c.d, None for another name."""
    labels = name.split(".")
    if len(labels) == 4 and all(x.isdigit() and int(x) < 256 for x in labels):
        return (".".join(f"{int(x) & 15:x}.{int(x) >> 4:x}" for x in labels) + "." + MAPPED).rstrip(".")
    return None


def v6_of_v4(names, rng):
    """IPv4 as IPv6: mapped (::ffff:a.b.c.d) and 6to4."""
    found = set()
    for name in rng.sample(sorted(names), min(len(names), 30)):
        labels = name.split(".")
        if len(labels) == 4 and all(x.isdigit() and int(x) < 256 for x in labels):
            nibbles = ".".join(f"{int(x) & 15:x}.{int(x) >> 4:x}" for x in labels)
            found.add(f"{nibbles}.{MAPPED}".rstrip("."))
            found.add("0." * 20 + nibbles + ".2.0.0.2")
    return found


def random_scenarios(differ, rng, folder, questions):
    """Until enough was asked; the types in turn, then compositions of them."""
    turn = 0
    kinds = [*rbl_make.TYPES, "combined", "several", "sub-zone", "loose"]
    while differ.asked < questions and differ.told < 20:
        kind = kinds[turn % len(kinds)]
        turn += 1
        place = os.path.join(folder, f"s{turn}")
        os.mkdir(place)
        os.chmod(place, 0o755)
        make = rbl_make.Maker(rng, place)
        count = rng.choice([5, 40, 200])
        zone = rbl_make.ZONE
        options = ["-e"] if kind == "loose" else []
        if kind == "combined":
            specs = [f"{zone}:{make.combined(count // 2)}"]
        elif kind == "several":
            specs = [f"{zone}:{make.dataset(rng.choice(rbl_make.TYPES), count)}" for _ in range(3)]
        elif kind == "sub-zone":
            specs = [f"sub.{zone}:{make.dataset('ip4set', count)}", f"{zone}:{make.dataset('ip4trie', count)}"]
            make.known |= {n + ".sub" for n in make.names}
            make.names |= {n + ".sub" for n in rng.sample(sorted(make.names), len(make.names) // 2)}
        else:
            specs = [f"{zone}:{make.dataset('ip4set' if kind == 'loose' else kind, count)}"]
        names = make.names | odd_names(make.names, rng)
        if kind.startswith("ip4"):
            names |= v6_of_v4(make.names, rng)
        differ.run(f"{kind} {turn}", specs, names, rng, zone, options, make.known)


def acl_scenarios(differ, rng):
    """What a client on loopback gets from each action, of a zone's acl and of the global one."""
    zone = rbl_make.ZONE
    for action in (":pass", ":refuse", ":empty", ":ignore", ":5:you are listed $"):
        for place in (zone, ""):
            with tempfile.TemporaryDirectory() as folder:
                os.chmod(folder, 0o755)
                make = rbl_make.Maker(rng, folder)
                data = make.dataset("ip4set", 20), make.dataset("generic", 10)
                acl = make.write(["0/0 :pass", "::/0 :refuse", f"127.0.0.1 {action}", "127.0.0.1 :pass"])
                names = set(rng.sample(sorted(make.names), min(len(make.names), 12))) | {"", "1.10"}
                differ.run(f"acl {place}{action}", [*(f"{zone}:{d}" for d in data), f"{place}:acl:{acl}"],
                           names, rng, known=make.names, acl=action)


def hard_scenarios(differ, rng):
    """tests/zone/hard/NAME.TYPE: all that looks like a key in it is asked, and its neighbours."""
    for name in sorted(os.listdir(os.path.join(HERE, "hard"))):
        path = os.path.join(HERE, "hard", name)
        kind = name.rsplit(".", 1)[1]
        with open(path, encoding="latin-1") as f:
            text = f.read()
        names = hard_names(text, kind, rng)
        with tempfile.TemporaryDirectory() as folder:  # where rbldnsd's own user can read it
            os.chmod(folder, 0o755)
            copy = shutil.copy(path, folder)
            os.chmod(copy, 0o644)
            differ.run(name, [f"{rbl_make.ZONE}:{kind}:{copy}"], names | odd_names(names, rng), rng)


def field_scenarios(differ, rng, only=None):
    """The cases of rbl_field.py: each key of each file, below each zone, and what the case names."""
    for title, words, files, names in rbl_field.CASES:
        options, operands = split_options(words)
        if (only and only not in title) or (options and options != ["-e"] and not differ.server):
            continue
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            paths = {name: os.path.join(folder, name) for name in files}
            for name, data in files.items():
                with open(paths[name], "wb") as f:
                    f.write(data if isinstance(data, bytes) else data.encode("latin-1"))
                os.chmod(paths[name], 0o644)
            specs = [o.format(**paths) for o in operands]
            field_questions(differ, f"field, {title}", specs, options, files, names, rng)


def split_options(words):
    """["-t", "5m"], and the operands."""
    n = 0
    while words[n].startswith("-"):
        n += 2 if words[n] in ("-t", "-c") else 1
    return words[:n], words[n:]


def field_questions(differ, title, specs, options, files, names, rng):
    zones = [z for z in dict.fromkeys(spec.split(":")[0].rstrip(".") for spec in specs) if z]
    keys = set()
    for name, data in files.items():
        kinds = {spec.split(":")[1] for spec in specs if f"/{name}" in spec}
        text = gzip.decompress(data).decode("latin-1") if isinstance(data, bytes) else data
        for kind in kinds - {"acl"}:
            keys |= hard_names(text, kind, rng)
    for zone in zones:
        asked = {"", "x", *(n for n in names if n[0] != "."), *rng.sample(sorted(keys), min(len(keys), 400))}
        differ.run(title, specs, {n for n in asked if len(n) + len(zone) < 250}, rng, zone, options, keys,
                   acl="?" if any(":acl:" in s for s in specs) else "")
    whole = [n[1:].partition(".") for n in names if n[0] == "."]
    if whole:
        differ.compare(title, specs, [Question(n, t, zone) for n, _, zone in whole for t in (A, TXT)],
                       options, set())


def hard_names(text, kind, rng):
    make = rbl_make.Maker(rng, "")
    for word in re.findall(r"^!?\s*([^\s#;:!$]\S*)", text, re.M):
        numbers = re.findall(r"\d+", word)
        if kind.startswith("ip4") or kind == "combined":
            octets = [int(n) for n in numbers[:4] if int(n) < 256]
            octets += [0] * (4 - len(octets))
            first = int.from_bytes(bytes(octets[:4]), "big")
            for last in (first, first | 0xff, first | 0xffff, first | 0xffffff):
                make.ask_v4(first, last)
        if ":" in word:
            head = word.split("/")[0]
            parts = head.split("::")
            try:
                left = [int(x, 16) for x in parts[0].split(":") if x]
                right = [int(x, 16) for x in parts[1].split(":") if x] if len(parts) > 1 else []
            except ValueError:
                continue
            groups = (left + [0] * (8 - len(left) - len(right)) + right)[:8]
            first = sum((g & 0xffff) << 16 * (7 - i) for i, g in enumerate(groups))
            for bits in (128, 124, 64, 48, 36):
                make.ask_v6(first, first | (1 << (128 - bits)) - 1)
        if re.fullmatch(r"[\w.*-]+", word) and re.search("[a-z]", word, re.I):
            make.ask_name(word.lstrip("*.").rstrip("."))
    return make.names


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("build")
    options.add_argument("--questions", type=int, default=100000)
    options.add_argument("--seed", type=int, default=None)
    options.add_argument("--keep", action="store_true", help="leave the files where they are")
    options.add_argument("--server", action="store_true", help="ask postern dns, not zone_answer() alone")
    options.add_argument("--fault", action="store_true", help="leave out an entry of each file on our side")
    options.add_argument("--field", metavar="TITLE", help="only the cases of rbl_field.py with this in their titles")
    args = options.parse_args()
    seed = args.seed if args.seed is not None else random.randrange(1 << 30)
    rng = random.Random(seed)
    differ = Differ(args.build, args.server, args.fault)
    started = time.monotonic()
    folder = tempfile.mkdtemp(prefix="rbl-")
    os.chmod(folder, 0o755)
    try:
        if args.field is not None:
            args.questions = 0
            field_scenarios(differ, rng, args.field)
        else:
            hard_scenarios(differ, rng)
            field_scenarios(differ, rng)
            acl_scenarios(differ, rng)
            random_scenarios(differ, rng, folder, args.questions)
    finally:
        if args.keep or differ.failed:
            print(f"files are in {folder}")
        else:
            shutil.rmtree(folder)
    print(f"seed {seed}, {differ.asked} questions, {time.monotonic() - started:.0f} s; rbldnsd differs in:")
    for name, _, reason in DIFFERENCES:
        print(f"  {differ.kinds[name]:6} {name}: {reason}")
    print(f"{differ.asked - differ.failed} passed, {differ.failed} failed")
    return 1 if differ.failed or differ.asked < args.questions else 0


if __name__ == "__main__":
    sys.exit(main())
