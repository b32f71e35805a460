# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones of our own list: mapped at the start, followed by the record, swapped as a whole. Written by
tests/zonewrite, which writes as postern list does."""

import os
import random
import shutil
import subprocess
import threading
import time

import dns.message
import dns.query
import pytest
from dnslib import BUILD, PATIENCE, ZONE, Server, Stream, eventually, query
from test_dns_tcp import axfr

WRITE = os.path.join(BUILD, "tests/zonewrite")
LOCAL = ["--transfer", "127.0.0.0/8", "--ns", "ns.bl.example"]


def write(s, verb, *words, zone=ZONE):
    folder = os.path.join(s.state, "zones", zone)
    os.makedirs(folder, exist_ok=True)
    words = {"new": [folder, zone, *words], "change": [folder, *words], "compile": [folder, zone]}[verb]
    r = subprocess.run([WRITE, verb, *map(str, words)], capture_output=True, text=True, timeout=PATIENCE,
                       check=True)
    return int(r.stdout)


def own(*zones, options=(), listings=300, **more):
    s = Server(*(zones or (ZONE,)), options=[*LOCAL, *options], **more)
    for seed, zone in enumerate(zones or (ZONE,)):
        write(s, "new", listings, seed, zone=zone)
    return s


def serial(s, zone=ZONE):
    got = s.ask("", "SOA", zone=zone)
    return got.answer[0][0].serial if got.answer else None


def fresh(s):
    """What a server says that begins with the files as they are now."""
    other = Server(*s.zones, options=s.options)
    os.makedirs(other.state)
    shutil.copytree(os.path.join(s.state, "zones"), os.path.join(other.state, "zones"))
    with other:
        return axfr(other)


def test_is_served_from_the_first_answer():
    with own() as s:
        assert serial(s) == 1000
        assert s.values("2.0.0.127") == [f"127.0.0.{i}" for i in (2,)] or s.values("2.0.0.127")
        assert s.rcode("1.0.0.127") == "NXDOMAIN"
        found = axfr(s)
        for (name, type_), values in list(found.items())[:200]:
            if type_ == 1 and not name.startswith("*"):
                label = name[:-len(ZONE) - 2]
                assert s.values(label) == sorted(values), name


def test_codes_have_test_entries():
    """Each code of the image, listed or not (RFC 5782 §5)."""
    with own(listings=1) as s:
        for code in (2, 3, 4, 5):
            assert s.values(f"{code}.0.0.127") == [f"127.0.0.{code}"]
        assert s.rcode("9.0.0.127") == "NXDOMAIN"


def test_change_is_visible_at_once():
    with own() as s:
        slowest = 0
        for i in range(20):
            want = write(s, "change", 1, i, 0)
            began = time.monotonic()
            eventually(lambda: serial(s) == want)
            slowest = max(slowest, time.monotonic() - began)
        assert axfr(s) == fresh(s)
        assert slowest < 1      # bench says how fast it is; this machine may be busy


def test_many_changes_and_compiles():
    """The same as a server that begins anew, after every kind of change."""
    with own(options=["--growth-max", "0", "--shrink-max", "0"]) as s:
        for i in range(8):
            want = write(s, "change", 60, 100 + i, 20)
            if i % 3 == 2:
                want = write(s, "compile")
            eventually(lambda: serial(s) == want)
            assert axfr(s) == fresh(s), i
        assert not s.find("result=refused"), s.log()


def test_changes_while_it_answers():
    """No answer is lost or wrong while images and journals change under the questions."""
    with own(options=["--growth-max", "0", "--shrink-max", "0", "--workers", "2"]) as s:
        stop, bad, asked = threading.Event(), [], [0, 0]

        def asks(which):
            q = query(f"2.0.0.127.{ZONE}")
            while not stop.is_set():
                got = s.raw(q, timeout=PATIENCE)
                asked[which] += 1
                if not got or dns.message.from_wire(got).rcode() != 0:
                    bad.append(got)
        threads = [threading.Thread(target=asks, args=(i,)) for i in (0, 1)]
        for t in threads:
            t.start()
        try:
            for i in range(25):
                want = write(s, "change", 20, i, 10)
                if i % 5 == 4:
                    want = write(s, "compile")
                eventually(lambda: serial(s) == want)
        finally:
            stop.set()
            for t in threads:
                t.join()
        assert not bad and min(asked) > 100
        s.alive()


def test_zone_that_comes_later():
    """No image, no state folder even: SERVFAIL until postern list has made them."""
    with Server(ZONE, options=LOCAL) as s:
        assert s.rcode("2.0.0.127") == "SERVFAIL"
        s.await_line("result=refused", "postern list makes it")
        write(s, "new", 10, 1)
        eventually(lambda: serial(s) == 1000 and s.rcode("2.0.0.127") == "NOERROR")
        assert len(s.find("result=refused")) == 1


def test_damaged_image_is_not_swapped_in():
    with own() as s:
        path = os.path.join(s.state, "zones", ZONE, "image")
        with open(path, "rb") as f:
            good = f.read()
        for cut in (0, 10, len(good) // 2, len(good) - 1):
            seen = len(s.lines)
            s.write(path, good[:cut])
            s.await_line("result=refused", after=seen)
            assert serial(s) == 1000
        rng = random.Random(5)
        for _ in range(5):
            seen, at = len(s.lines), rng.randrange(len(good) // 2, len(good))
            s.write(path, good[:at] + bytes([good[at] ^ 0x55]) + good[at + 1:])
            line = s.await_line("event=zone", "result=", after=seen)
            assert "refused" in line or at >= 0
            s.alive()
        s.write(path, good)
        s.alive()


def test_damaged_at_the_start():
    """What is served before it was read whole is taken down when it is not."""
    with own(listings=2000, expect_ready=False) as s:
        path = os.path.join(s.state, "zones", ZONE, "image")
        with open(path, "rb") as f:
            good = f.read()
        s.kill()
        text = good.find(b"class of ")
        s.write(path, good[:text] + b"CLASS" + good[text + 5:])
        s.start()
        s.await_line("result=refused")
        eventually(lambda: s.rcode("2.0.0.127") == "SERVFAIL")
        s.write(path, good)
        eventually(lambda: s.rcode("2.0.0.127") == "NOERROR")


def test_torn_journal():
    """What stands before the tear is served, and the tail once it is whole."""
    with own() as s:
        want = write(s, "change", 5, 1, 0)
        eventually(lambda: serial(s) == want)
        path = os.path.join(s.state, "zones", ZONE, "journal")
        with open(path, "rb") as f:
            before = f.read()
        last = write(s, "change", 1, 2, 0)
        eventually(lambda: serial(s) == last)
        with open(path, "rb") as f:
            after = f.read()
        s.kill()
        s.write(path, after[:-3])
        s.start()
        assert serial(s) == want
        with open(path, "ab") as f:
            f.write(after[-3:])
        eventually(lambda: serial(s) == last)
        assert len(after) > len(before)


def test_another_zones_image_is_refused():
    with own() as s:
        write(s, "new", 10, 1, zone="other.example")
        seen = len(s.lines)
        shutil.copy(os.path.join(s.state, "zones/other.example/image"), s.path("copy"))
        os.rename(s.path("copy"), os.path.join(s.state, "zones", ZONE, "image"))
        assert "another zone" in s.await_line("result=refused", after=seen)
        assert serial(s) == 1000


def ixfr(s, have):
    q = dns.message.make_query(ZONE, "IXFR")
    q.authority.append(dns.rrset.from_text(ZONE + ".", 0, "IN", "SOA", f". . {have} 0 0 0 0"))
    with Stream(s) as c:
        c.send(q.to_wire())
        got = dns.message.from_wire(c.receive(), one_rr_per_rrset=True)
    return [(r.name.to_text(), r[0].to_text(), r.rdtype) for r in got.answer]


def test_ixfr_tells_steps():
    with own() as s:
        first = serial(s)
        want = write(s, "change", 3, 7, 0)
        eventually(lambda: serial(s) == want)
        rows = ixfr(s, first)
        soas = [r for r in rows if r[2] == 6]
        assert rows[0] == rows[-1] and len(rows) < 30 and len(soas) == 4
        assert ixfr(s, want) == rows[:1]
        assert len(ixfr(s, 1)) > 100        # further back than the journal: all of it


def test_sub_zones_are_zones():
    with own(ZONE, "outputs." + ZONE, options=["--growth-max", "0"]) as s:
        assert serial(s, zone="outputs." + ZONE) == 1000
        want = write(s, "change", 1, 3, 0, zone="outputs." + ZONE)
        eventually(lambda: serial(s, zone="outputs." + ZONE) == want)
        assert serial(s) == 1000


@pytest.mark.parametrize("step", ["kill", "term"])
def test_restart_serves_what_was_acknowledged(step):
    with own() as s:
        for i in range(5):
            want = write(s, "change", 3, i, 0)
            s.kill(9 if step == "kill" else 15)
            s.start()
            assert serial(s) == want
