# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator of rbldnsd has beside the files of zones: the acl of all zones."""

import subprocess

import dns.exception
import pytest

from dnslib import LIST, PATIENCE, ZONE, Server, eventually

OTHER = "other.example"
ZONES = (f"{ZONE}:ip4set:{{}}/list", f"{OTHER}:ip4set:{{}}/list")
ASK = "1.2.0.192"


def rcodes(s):
    return [s.rcode(ASK), s.rcode(ASK, zone=OTHER)]


@pytest.mark.parametrize("place", [0, 2], ids=["before", "behind"])
def test_acl_of_all_zones(place):
    """It holds for every zone, wherever it stands in the command line; a zone's own makes it narrower."""
    zones = [*ZONES]
    zones.insert(place, ":acl:{}/all")
    files = {"list": LIST, "all": "127.0.0.1 :refuse\n127.0.0.2 :ignore\n127/8 :pass\n", "own": "127.0.0.3 :empty\n"}
    with Server(*zones, f"{OTHER}:acl:{{}}/own", files=files) as s:
        assert rcodes(s) == ["REFUSED", "REFUSED"]
        with pytest.raises(dns.exception.Timeout):
            s.ask(ASK, source="127.0.0.2", timeout=0.3)
        assert s.values(ASK, source="127.0.0.3") == ["127.0.0.2"]
        assert s.ask(ASK, source="127.0.0.3", zone=OTHER).rcode() == 3
        assert s.values(ASK, source="127.0.0.4", zone=OTHER) == ["127.0.0.2"]


def test_acl_of_all_zones_changes():
    """Without a signal; one that is bad is not taken, and what held before holds."""
    with Server(*ZONES, ":acl:{}/all", files={"list": LIST, "all": "127/8 :refuse\n"}) as s:
        assert rcodes(s) == ["REFUSED", "REFUSED"]
        s.write("all", "127/8 :pass\n")
        eventually(lambda: rcodes(s) == ["NOERROR", "NOERROR"], what="the new rule")
        s.write("all", "127/8 :refuse\nnonsense\n")
        line = s.await_line("zone=:acl", "result=refused")
        assert "served=\"the data before\"" in line
        assert rcodes(s) == ["NOERROR", "NOERROR"]


@pytest.mark.parametrize("text", [None, "127/8 :refuse\nnonsense\n"], ids=["missing", "bad"])
def test_acl_of_all_zones_not_good(text):
    """Who may ask is not known: nobody is answered, and all is well once it is there."""
    with Server(*ZONES, ":acl:{}/all", files={"list": LIST, **({"all": text} if text else {})}) as s:
        assert rcodes(s) == ["SERVFAIL", "SERVFAIL"]
        assert s.find("zone=:acl", "result=refused", "served=nothing")
        s.write("all", "127.0.0.1 :pass\n127/8 :refuse\n")
        eventually(lambda: rcodes(s) == ["NOERROR", "NOERROR"], what="the answer")
        assert s.ask(ASK, source="127.0.0.2").rcode() == 5


def test_acl_of_all_zones_by_reload():
    """In the configuration it is a zone without a name; a reload brings it, and takes it away."""
    s = Server(files={"list": LIST, "all": "127/8 :refuse\n"})
    zones = [f'"{z}"'.replace("{}", s.folder) for z in ZONES]
    rules = f'":acl:{s.path("all")}"'

    def write(some):
        s.write("conf", f"dns {{\n  zone = {{ {', '.join(some)} }}\n  reserved = {{ {ZONE}, {OTHER} }}\n}}\n")

    write(zones)
    s.config = s.path("conf")
    with s:
        assert rcodes(s) == ["NOERROR", "NOERROR"]
        write([rules, *zones])
        assert "result=done" in s.hup()
        assert rcodes(s) == ["REFUSED", "REFUSED"]
        write(zones)
        assert "result=done" in s.hup()
        assert rcodes(s) == ["NOERROR", "NOERROR"]


@pytest.mark.parametrize("zones, what", [
    ([":acl:{}/all", ":acl:{}/all", ZONES[0]], "second acl for all zones"),
    ([":ip4set:{}/list", ZONES[0]], "only an acl may be without"),
    ([":acl:{}/all"], "no zone is named"),
    ([":acl:", ZONES[0]], "a file has no name"),
    (["--acl", "any pass", ":acl:{}/all", ZONES[0]], "keep them in one place"),
    ([":acl:{}/bad", ZONES[0]], "bad:2: not an address"),
    ([":acl:{}/none", ZONES[0]], "No such file"),
])
def test_acl_of_all_zones_misused(zones, what):
    with Server(ZONES[0], files={"list": LIST, "all": "127/8 :pass\n", "bad": "127/8 :pass\nx\n"}) as s:
        got = subprocess.run([*s.command("--check")[:-1], *(z.replace("{}", s.folder) for z in zones)], text=True,
                             timeout=PATIENCE, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert got.returncode in (1, 66, 78) and what in got.stdout, got.stdout


def test_bad_lines_are_told_and_counted():
    """With file and line, a bounded number of them; how many there are is told too, here and in the log."""
    text = "".join(f"bad {i}\n192.0.2.{i % 250}\n" for i in range(3000)) + LIST
    with Server(ZONES[0], files={"list": text}) as s:
        told = s.find("event=data", "not an address")
        assert 0 < len(told) <= 50 and f"{s.folder}/list:1: not an address: \\\"bad 0\\\"" in told[0]
        assert s.find("event=data", "lines-left-out=3000")
        assert s.values(ASK) == ["127.0.0.2"]
        got = subprocess.run(s.command("--check"), text=True, timeout=PATIENCE, check=False, capture_output=True)
        assert got.returncode == 0 and ", 3000 lines left out, read in" in got.stdout, got.stdout
        assert 0 < len(got.stderr.splitlines()) <= 50
