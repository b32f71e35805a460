# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS lists, the teergrube, traps, the hop limit, evidence and log lines of a running gate.

The lists are real ones: rbldnsd. Clients have addresses of the documentation networks, in a network
namespace that each test makes for itself."""

import base64
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import pytest

import authlib
from gatebackend import Backend
from gatelib import DOMAIN, GATE, Gate, message, metrics, stuffed, tag
from hygienelib import NET, NET6, Names, Outside, Rbldnsd, in_namespace
from test_gate_reload import Configured

LISTED, OTHER, WHITE, GOOD, FINE = (f"{NET}.{n}" for n in (66, 77, 88, 5, 6))
SET = f":127.0.0.2:listed\n127.0.0.2\n{LISTED}\n{WHITE}\n{OTHER} :127.0.0.9:other\n"
SET6 = f":127.0.0.2:listed\n::ffff:7f00:2\n{NET6}:66::/64\n"
WORLD = ":{}:world\n0.0.0.0/1\n128.0.0.0/1\n"
ZONES = {
    ("bl.example", "ip4set"): SET,
    ("bl6.example", "ip4set"): ":127.0.0.2:x\n127.0.0.2\n",
    ("bl6.example", "ip6trie"): SET6,
    ("key.secret.example", "ip4set"): SET,
    ("wl.example", "ip4set"): f":127.0.5.1:good\n127.0.0.2\n{WHITE}\n",
    ("dead.example", "ip4set"): WORLD.format("127.0.0.2"),
    ("error.example", "ip4set"): WORLD.format("127.255.255.254"),
    ("parked.example", "ip4set"): WORLD.format("203.0.113.80"),
    ("empty.example", "ip4set"): ":127.0.0.2:x\n192.0.2.1\n",
}


class Site:
    """A gate in front of a backend, with the lists behind a counting name server."""

    def __init__(self, *options, tarpit=False, zones=(), role="mx", fixed=None):
        self.backend = Backend()
        self.lists = Rbldnsd(ZONES)
        self.zones, self.fixed = zones, fixed or {}
        self.options, self.tarpit, self.role = list(options), tarpit, role

    def __enter__(self):
        self.backend.__enter__()
        self.lists.__enter__()
        self.names = Names(self.lists)
        self.names.fixed.update(self.fixed)
        self.names.__enter__()
        self.options += ["--resolver", self.names.place]
        self.gate = Gate(self.backend, options=self.options, tarpit=self.tarpit, role=self.role)
        self.gate.__enter__()
        for zone in self.zones:
            self.seen(rf"event=dnsbl-zone zone={zone} health=good")
        return self

    def __exit__(self, *_):
        self.gate.__exit__()
        self.names.__exit__()
        self.lists.__exit__()
        self.backend.__exit__()

    def seen(self, pattern):
        """The match in the log, wherever it is or will be."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if found := [m for line in self.gate.log if (m := re.search(pattern, line))]:
                return found[-1]
            time.sleep(0.02)
        raise AssertionError(f"no {pattern} in the log:\n" + "\n".join(self.gate.log[-40:]))

    def client(self, source=GOOD, **named):
        return self.gate.client(source=source, **named)

    def rcpt(self, source, rcpt=f"user@{DOMAIN}", hello="mx.sender.example"):
        """What a client hears at its first recipient."""
        with self.client(source) as c:
            c.hello(hello)
            c.expect(250, "MAIL FROM:<a@sender.example>")
            got = c.say(f"RCPT TO:<{rcpt}>")
            c.say("QUIT")
            return got


BL = ["--dnsbl", "bl.example 10"]


@in_namespace
def test_listed_client_is_refused():
    with Site(*BL, zones=["bl.example"]) as site:
        code, text = site.rcpt(LISTED)
        assert code == 554
        assert text == f"5.7.1 Service unavailable; Client host [{LISTED}] blocked using bl.example"
        assert site.rcpt(GOOD)[0] == 250
        # Who is listed can complain.
        assert site.rcpt(LISTED, "postmaster")[0] == 250
        assert site.rcpt(LISTED, f"Abuse@{DOMAIN}")[0] == 250
        # A refusal as relaying is none of the lists' doing.
        assert "Relay access denied" in site.rcpt(LISTED, "x@foreign.example")[1]
        site.seen(rf"event=refusal .*client={LISTED} .*reason=listed")
        site.seen(rf"event=session .*client={LISTED} .*score=10 lists=bl.example")


@in_namespace
def test_question_goes_out_before_the_client_speaks():
    with Site(*BL, zones=["bl.example"]) as site:
        with site.client(LISTED, greeting=False):
            end = time.monotonic() + 10
            while not site.names.about("66.100.51.198.bl.example") and time.monotonic() < end:
                time.sleep(0.01)
        assert site.names.about("66.100.51.198.bl.example")


@in_namespace
def test_weights_codes_and_good_lists():
    options = ["--dnsbl", "bl.example 6 127.0.0.2-127.0.0.4", "--dnsbl", "bl6.example 3",
               "--dnsbl", "key.secret.example=secret.example 5", "--dnswl", "wl.example 4 127.0.5.0-127.0.5.9,2"]
    with Site(*options, zones=["bl.example", "secret.example", "wl.example"]) as site:
        assert site.rcpt(LISTED)[0] == 554      # 6 + 5
        assert site.rcpt(OTHER)[0] == 250       # another code at the first: 5
        assert site.rcpt(WHITE)[0] == 250       # 6 + 5 - 4
        site.seen(rf"event=session .*client={WHITE} .*score=7")


@in_namespace
def test_secret_zone_is_never_shown():
    with Site("--dnsbl", "key.secret.example=secret.example 10", zones=["secret.example"]) as site:
        code, text = site.rcpt(LISTED)
        assert code == 554 and text.endswith("blocked using secret.example")
        assert site.names.about("key.secret.example")
        site.gate.stop()
        assert not site.gate.logged("key")
        got = subprocess.run([*site.gate.command(), "--dnsbl", "key.secret.example=x.example 0"],
                             capture_output=True, text=True, timeout=20)
        assert got.returncode == 78 and "x.example" in got.stderr and "key" not in got.stderr


@pytest.mark.parametrize("zone,why", [
    ("dead.example", "lists 127.0.0.1"), ("empty.example", "does not list its test entry"),
    ("error.example", "error code"), ("parked.example", "outside 127/8")])
@in_namespace
def test_bad_list_is_not_used(zone, why):
    with Site("--dnsbl", f"{zone} 10") as site:
        found = site.seen(rf"error event=dnsbl-zone zone={zone} health=bad why=\"(.*)\" meaning")
        assert why in found[1]
        assert site.rcpt(LISTED)[0] == 250
        assert not site.names.about("66.100.51.198")


@in_namespace
def test_silent_list_holds_nobody_up_for_long():
    options = [*BL, "--dnsbl", "silent.example 10", "--dnsbl-timeout", "1"]
    with Site(*options, zones=["bl.example"]) as site:
        site.names.fixed["silent.example"] = ()
        # Untested so far, since it did not answer: not asked about clients.
        assert site.rcpt(GOOD)[0] == 250
        assert site.rcpt(LISTED)[0] == 554


@in_namespace
def test_list_that_falls_silent_or_errs_later():
    options = ["--dnsbl", "bl.example 10", "--dnsbl-timeout", "1"]
    with Site(*options, zones=["bl.example"]) as site:
        site.names.silent = ("bl.example",)
        started = time.monotonic()
        assert site.rcpt(LISTED)[0] == 250      # no answer is not listed
        assert 0.8 < time.monotonic() - started < 10
        site.names.silent = ()
        assert site.rcpt(LISTED)[0] == 554
        site.names.fixed["bl.example"] = ("127.255.255.254",)
        assert site.rcpt(LISTED)[0] == 250
        site.seen(r"error event=dnsbl-zone zone=bl.example health=bad")
        site.names.fixed.clear()
        asked = len(site.names.about("66.100.51.198"))
        assert site.rcpt(LISTED)[0] == 250      # out of use until it passes a test
        assert len(site.names.about("66.100.51.198")) == asked


@in_namespace
def test_whom_lists_are_not_asked_about():
    options = [*BL, "--networks", f"{NET}.64/28", "--exempt", f"{NET}.77/32"]
    with Site(*options, "--listen-submission", "127.0.0.1:0", zones=["bl.example"]) as site:
        assert site.rcpt(LISTED)[0] == 250          # an own network
        assert site.rcpt(OTHER)[0] == 250           # exempt
        assert site.rcpt("10.1.1.9")[0] == 250      # no public address
        assert site.rcpt("127.0.0.9")[0] == 250
        site.gate.address, site.gate.port = site.gate.places[1]
        with site.client(WHITE) as c:               # a submission port: users log in
            c.hello()
        for name in ("66.100.51.198", "77.100.51.198", "9.1.1.10", "9.0.0.127", "88.100.51.198"):
            assert not site.names.about(f"{name}.bl.example"), name
        assert site.names.about("2.0.0.127.bl.example")        # the test point, which shows that all is awake


@in_namespace
def test_ipv6():
    with Site("--dnsbl", "bl6.example 10", "--listen-mx", "[::1]:0") as site:
        site.seen(r"event=dnsbl-zone zone=bl6.example health=good ipv6=good")
        site.gate.address, site.gate.port = next(p for p in site.gate.places if ":" in p[0])
        assert site.rcpt(f"{NET6}:66::1")[0] == 554
        assert site.rcpt(f"{NET6}:67::1")[0] == 250
    alone = {".0.0.0.0.bl.example": ()}         # a list that knows IPv4 alone
    with Site(*BL, "--listen-mx", "[::1]:0", fixed=alone) as site:
        site.seen(r"event=dnsbl-zone zone=bl.example health=good ipv6=bad")
        site.gate.address, site.gate.port = next(p for p in site.gate.places if ":" in p[0])
        assert site.rcpt(f"{NET6}:66::1")[0] == 250
        assert not site.names.about("8.b.d.0.1.0.0.2.bl.example")


# --- the teergrube ---------------------------------------------------------------------------------

@in_namespace
def test_listed_client_waits_and_others_do_not():
    with Site(*BL, "--exempt", f"{NET}.77/32", tarpit=True, zones=["bl.example"]) as site:
        with site.client(LISTED) as c:
            time.sleep(0.2)                     # the lists have answered
            started = time.monotonic()
            c.hello()
            first = time.monotonic() - started
            c.expect(250, "NOOP")
            second = time.monotonic() - started - first
            assert 0.9 < first < 6 and 1.9 < second < 10
        site.seen(rf"event=session .*client={LISTED} .*held=2")
        for source in (GOOD, OTHER):
            started = time.monotonic()
            site.rcpt(source)
            assert time.monotonic() - started < 0.9
            assert "held=" not in site.seen(rf"event=session .*client={source} .*").string


@in_namespace
def test_users_do_not_wait_for_their_neighbours_sins():
    with Site("--traps", f"trap@{DOMAIN}", "--listen-submission", "127.0.0.1:0", tarpit=True) as site:
        site.rcpt(GOOD, f"trap@{DOMAIN}")
        site.seen("event=trap ")
        started = time.monotonic()
        with site.client(GOOD):
            assert time.monotonic() - started > 0.9
        site.gate.address, site.gate.port = site.gate.places[1]
        started = time.monotonic()
        with site.client(GOOD) as c:
            c.hello()
            c.expect(250, "NOOP")
        assert time.monotonic() - started < 0.9


@in_namespace
def test_nothing_waits_behind_354():
    with Site(*BL, tarpit=True, zones=["bl.example"]) as site:
        with site.client(LISTED) as c:
            time.sleep(0.2)
            c.hello()
            c.raw("MAIL FROM:<a@b.example>\r\nRCPT TO:<postmaster>\r\nDATA\r\n")
            assert [c.reply()[0] for _ in range(3)] == [250, 250, 354]
            started = time.monotonic()
            c.raw(stuffed(message(tag())))
            assert c.reply()[0] == 250
            assert time.monotonic() - started < 0.9
        site.seen(rf"event=session .*client={LISTED} .*held=[123]\b")


@in_namespace
def test_who_keeps_trying_waits():
    with Site(tarpit=True) as site:
        with site.client(GOOD) as c:
            c.hello()
            c.expect(250, "MAIL FROM:<a@b.example>")
            times = []
            for _ in range(4):
                started = time.monotonic()
                c.expect(554, "RCPT TO:<x@foreign.example>")
                times.append(time.monotonic() - started)
        assert max(times[:2]) < 0.9 and times[2] > 0.9 and times[3] > 1.9
        site.seen(rf"event=session .*client={GOOD} .*held=2\b")


@in_namespace
def test_who_keeps_trying_is_listed():
    with Folder() as folder, Site("--trap-file", f"{folder}/traps") as site:
        for n in range(10):
            assert "Relay access denied" in site.rcpt(GOOD, "x@foreign.example")[1]
            assert n == 9 or site.rcpt(GOOD)[0] == 250
        site.seen(rf"event=trap client={GOOD} reason=relay-attempts")
        assert "blocked" in site.rcpt(GOOD)[1]
        assert site.rcpt(FINE)[0] == 250


@in_namespace
def test_bound_of_the_teergrube():
    with Site(*BL, "--tarpit-max", "1", tarpit=True, zones=["bl.example"]) as site:
        with site.client(LISTED) as one, site.client(WHITE) as two:
            time.sleep(0.2)
            one.raw("EHLO x.example\r\n")
            time.sleep(0.2)
            two.raw("EHLO x.example\r\n")
            got = two.ended()
            assert b"421 4." in got
            assert one.reply()[0] == 250


@in_namespace
def test_held_clients_go_before_good_ones_are_turned_away():
    with Site(*BL, "--sessions-max", "3", tarpit=True, zones=["bl.example"]) as site:
        held = [site.client(LISTED) for _ in range(3)]
        time.sleep(0.2)
        for c in held:
            c.raw("EHLO x.example\r\n")
        time.sleep(0.2)
        with site.client(GOOD) as c:
            c.hello()
        assert b"\r\n421 4.3.2" in held[0].ended()
        assert held[1].reply()[0] == 250
        for c in held:
            c.close()


# --- traps -----------------------------------------------------------------------------------------

class Folder:
    def __enter__(self):
        self.path = tempfile.mkdtemp()
        os.chmod(self.path, 0o755)
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path)


@in_namespace
def test_trap_refuses_all_of_the_transaction_and_lists_the_client():
    with Folder() as folder, Site("--traps", f"trap@{DOMAIN}", "--traps", "@old.test.example", "--trap-file",
                                  f"{folder}/traps", "--domains", f".{DOMAIN}") as site:
        with site.client() as c:
            c.hello()
            c.expect(250, "MAIL FROM:<a@b.example>")
            c.expect(250, f"RCPT TO:<user@{DOMAIN}>")
            c.expect(554, f"RCPT TO:<TRAP@{DOMAIN}>")
            c.expect(554, f"RCPT TO:<other@{DOMAIN}>")
            assert c.say("DATA") == (554, "5.7.1 Transaction refused")
            c.expect(250, "RSET")
            c.expect(250, "MAIL FROM:<a@b.example>")        # and it is on the list now
            assert c.say(f"RCPT TO:<user@{DOMAIN}>") == \
                (554, f"5.7.1 Service unavailable; Client host [{GOOD}] blocked")
            c.say("QUIT")
        assert site.backend.idle() and not site.backend.messages
        assert site.rcpt(OTHER)[0] == 250
        assert site.rcpt(OTHER, "anyone@old.test.example")[0] == 554
        site.seen(rf"event=trap client={OTHER} reason=spamtrap until=\d+")
        assert site.rcpt(OTHER)[0] == 554
        # Kept over a restart, and after a crash too once it is written.
        assert site.gate.stop() == 0
        site.gate.start()
        assert site.rcpt(GOOD)[0] == 554 and site.rcpt(LISTED)[0] == 250
        # What was written is a list for others.
        with Rbldnsd({("traps.example", "ip4set"): f"{folder}/traps",
                      ("traps.example", "ip6trie"): f"{folder}/traps6"}, folder) as served:
            assert served.ask("5.100.51.198.traps.example") == ["127.0.0.2"]
            assert served.ask("5.100.51.198.traps.example", "TXT") == ["spamtrap"]
            assert served.ask("66.100.51.198.traps.example") == []


@in_namespace
def test_ipv6_clients_are_trapped_by_their_network():
    with Folder() as folder, Site("--traps", f"trap@{DOMAIN}", "--trap-file", f"{folder}/traps",
                                  "--listen-mx", "[::1]:0") as site:
        site.gate.address, site.gate.port = next(p for p in site.gate.places if ":" in p[0])
        assert site.rcpt(f"{NET6}:5::1", f"trap@{DOMAIN}")[0] == 554
        site.seen(r"event=trap ")
        assert site.rcpt(f"{NET6}:5::2")[0] == 554
        assert site.rcpt(f"{NET6}:6::2")[0] == 250
        site.gate.stop()
        with Rbldnsd({("traps.example", "ip4set"): f"{folder}/traps",
                      ("traps.example", "ip6trie"): f"{folder}/traps6"}, folder) as served:
            name = "1.0.0.0." + "0.0.0.0." * 3 + "0.0.0.0.5.0.0.0.8.b.d.0.1.0.0.2.traps.example"
            assert served.ask(name) == ["127.0.0.2"]


@in_namespace
def test_own_clients_fall_into_no_trap():
    with Site("--traps", f"trap@{DOMAIN}", "--networks", f"{NET}.64/28", "--exempt", f"{NET}.90") as site:
        for source in (LISTED, f"{NET}.90"):
            assert site.rcpt(source, f"trap@{DOMAIN}")[0] == 250
            assert site.rcpt(source)[0] == 250
        assert not site.gate.logged("event=trap")


@in_namespace
def test_file_that_cannot_be_written_is_an_alarm():
    with Site("--traps", f"trap@{DOMAIN}", "--trap-file", "/proc/nowhere/traps") as site:
        site.rcpt(GOOD, f"trap@{DOMAIN}")
        site.seen("event=trap ")
        assert site.rcpt(GOOD)[0] == 554
        site.gate.stop()
        assert site.gate.logged("error event=trap-file")


# --- loops, evidence ------------------------------------------------------------------------------

@pytest.mark.parametrize("count", [100, 101])
@pytest.mark.parametrize("chunks", [False, True])
@in_namespace
def test_hops(count, chunks):
    text = b"Received: from a by b; x\r\n" * count + b"Subject: Received: x\r\n\r\nReceived: in the body\r\n"
    with Site() as site:
        with site.client() as c:
            c.hello()
            c.expect(250, "MAIL FROM:<a@b.example>")
            c.expect(250, f"RCPT TO:<user@{DOMAIN}>")
            if chunks:
                c.raw(b"BDAT 1000\r\n" + text[:1000])
                c.reply()
                c.raw(b"BDAT %d LAST\r\n" % len(text[1000:]) + text[1000:])
                got = c.reply()
            else:
                c.expect(354, "DATA")
                c.raw(stuffed(text))
                got = c.reply()
            if count == 100:
                assert got[0] == 250
            else:
                assert got == (554, "5.4.6 Too many hops: this message is in a loop")
        assert site.backend.idle()
        assert len([m for m in site.backend.messages if m.kept]) == (count == 100)


@in_namespace
def test_evidence():
    with Folder() as folder, Site("--evidence", f"{folder}/new/ev") as site:
        for n in range(9):
            site.rcpt(GOOD, f"x{n}@foreign.example", hello="forged.example")
        site.rcpt(LISTED, '"a b"@foreign.example')
        site.rcpt("127.0.0.9", f"user@{DOMAIN}")
        site.gate.stop()
        files = os.listdir(f"{folder}/new/ev")
        assert len(files) == 1 and re.fullmatch(r"\d{4}-\d\d-\d\d\.jsonl", files[0])
        assert os.stat(f"{folder}/new/ev/{files[0]}").st_mode & 0o7 == 0
        with open(f"{folder}/new/ev/{files[0]}", encoding="ascii") as f:
            lines = [json.loads(line) for line in f]
    assert [(e["ip"], e["count"]) for e in lines] == \
        [(GOOD, 1), (GOOD, 2), (GOOD, 4), (GOOD, 8), (LISTED, 1)]
    assert lines[0]["rcpt"] == "<x0@foreign.example>" and lines[0]["mail"] == "<a@sender.example>"
    assert lines[0]["helo"] == "forged.example" and lines[0]["reason"] == "relay-attempt"
    assert lines[0]["type"] == "nomination" and lines[0]["source"] == "gate"
    assert abs(lines[0]["wall"] - time.time()) < 100 and lines[0]["session"]


# --- lines for other tools -------------------------------------------------------------------------

POSTFIX = ["--log-style", "postfix"]


def mail_log(site):
    """The lines that look like Postfix', as a file."""
    return [line for line in site.gate.log if " postfix/" in line]


def fail2ban(lines, mode):
    """How many lines the distributed filter takes for offences, and whose."""
    with tempfile.NamedTemporaryFile("w", suffix=".log") as f:
        f.write("\n".join(lines) + "\n")
        f.flush()
        got = subprocess.run(["fail2ban-regex", "-o", "ip", f.name, f"postfix[mode={mode}]"],
                             capture_output=True, text=True, timeout=60)
    assert got.returncode == 0, got.stderr
    return got.stdout.split()


@pytest.mark.skipif(not shutil.which("fail2ban-regex"), reason="needs fail2ban")
@in_namespace
def test_fail2ban_knows_our_lines():
    with Site(*BL, *POSTFIX, zones=["bl.example"]) as site:
        site.rcpt(GOOD, "x@foreign.example")                    # relaying
        site.rcpt(LISTED)                                       # a list
        site.rcpt(FINE)                                         # nothing
        # Words that try to name another client.
        site.rcpt(WHITE, "x@foreign.example", hello="[203.0.113.5]")
        with site.client(f"{NET}.90") as c:                     # hangs up
            c.hello()
            c.expect(250, "MAIL FROM:<a@b.example>")
        site.seen(r"lost connection after MAIL")
        site.gate.stop()
        lines = mail_log(site)
    assert sorted(fail2ban(lines, "normal")) == sorted([GOOD, LISTED, WHITE])
    assert fail2ban(lines, "rbl") == [LISTED]
    assert f"{NET}.90" in fail2ban(lines, "ddos")
    assert FINE not in fail2ban(lines, "aggressive")


@pytest.mark.skipif(not shutil.which("fail2ban-regex"), reason="needs fail2ban")
@in_namespace
def test_fail2ban_knows_failed_logins():
    with Folder() as folder:
        authlib.passwd(f"{folder}/users", "anna", "right")
        with Site(*POSTFIX, "--auth-file", f"{folder}/users", "--auth-plain-loopback", role="submission") as site:
            def login(source, name, password):
                with site.client(source) as c:
                    c.hello()
                    return c.say("AUTH PLAIN " + base64.b64encode(f"\0{name}\0{password}".encode()).decode())[0]
            # Plain text is for loopback alone.
            assert login("127.0.0.5", "anna", "right") == 235
            assert login("127.0.0.6", "anna, x[203.0.113.9]", "wrong") == 535
            assert login("127.0.0.7", "anna", "wrong") == 535
            site.gate.stop()
            lines = mail_log(site)
    assert sorted(fail2ban(lines, "auth")) == ["127.0.0.6", "127.0.0.7"]


@pytest.mark.skipif(not shutil.which("pflogsumm"), reason="needs pflogsumm")
@in_namespace
def test_pflogsumm_knows_our_lines():
    with Site(*POSTFIX) as site:
        for n in range(3):
            with site.client() as c:
                c.hello()
                c.expect(250, f"MAIL FROM:<anna{n}@sender.example>")
                c.expect(250, f"RCPT TO:<user@{DOMAIN}>")
                c.expect(250, f"RCPT TO:<other@{DOMAIN}>")
                c.expect(554, "RCPT TO:<x@foreign.example>")
                c.expect(354, "DATA")
                c.raw(stuffed(message(tag())))
                assert c.reply()[0] == 250
                c.say("QUIT")
        site.gate.stop()
        lines = mail_log(site)
    got = subprocess.run(["pflogsumm"], input="\n".join(lines) + "\n", capture_output=True, text=True,
                         timeout=60)
    assert got.returncode == 0, got.stderr
    assert re.search(r"^\s*3 +received$", got.stdout, re.M), got.stdout
    assert re.search(r"^\s*6 +delivered$", got.stdout, re.M)
    assert re.search(r"^\s*3 +rejected ", got.stdout, re.M)
    assert re.search(r"^\s*3 +senders$", got.stdout, re.M)
    assert re.search(r"^\s*2 +recipients$", got.stdout, re.M)
    assert "Relay access denied" in got.stdout


@in_namespace
def test_floods_of_lines_are_cut():
    with Site("--no-verbose") as site:
        with site.client() as c:
            c.hello()
            c.expect(250, "MAIL FROM:<a@b.example>")
            for _ in range(19):
                c.expect(554, "RCPT TO:<x@foreign.example>")
        for _ in range(5):
            with site.client() as c:
                c.hello()
                c.expect(250, "MAIL FROM:<a@b.example>")
                for _ in range(19):
                    c.say("RCPT TO:<x@foreign.example>")
        site.rcpt(OTHER, "x@foreign.example")
        site.gate.stop(signal.SIGTERM)
        assert 40 <= len(site.gate.logged(rf"event=(refusal|session) .*client={GOOD}")) <= 50
        assert site.gate.logged(rf"event=refusal .*client={OTHER}")
        cut = site.gate.logged(r"event=log-cut of=refusal lines=\d+")
        assert len(cut) == 1 and int(re.search(r"lines=(\d+)", cut[0])[1]) >= 60


# --- metrics ---------------------------------------------------------------------------------------

@in_namespace
def test_metrics():
    with Site(*BL, "--metrics-listen", "127.0.0.1:0", "--dnsbl", "dead.example 1", tarpit=True,
              zones=["bl.example"]) as site:
        def shown(name, value):
            until = time.monotonic() + 15
            while (got := metrics(site.gate))[name] != value and time.monotonic() < until:
                time.sleep(0.05)
            assert got[name] == value
            return got

        site.rcpt(GOOD)
        with site.client(GOOD) as c:
            # Foreign recipients wait for no list: the answer is counted while the client stays.
            shown('postern_gate_dnsbl_answers_total{outcome="no"}', 2)
            c.hello("mx.sender.example")
            c.expect(250, "MAIL FROM:<a@sender.example>")
            c.expect(554, "RCPT TO:<x@foreign.example>")
        with site.client(LISTED) as c:
            shown('postern_gate_dnsbl_answers_total{outcome="listed"}', 1)
            c.raw("EHLO x.example\r\n")
            got = shown("postern_gate_tarpit_held", 1)
            assert got["postern_gate_tarpit_delays_total"] == 1
            assert got["postern_gate_tarpit_delay_milliseconds_total"] == 1000
            assert got["postern_gate_sessions_active"] == 1
        assert got['postern_gate_sessions_total{role="mx"}'] == 3
        assert got['postern_gate_recipients_total{outcome="accepted"}'] == 1
        assert got['postern_gate_refusals_total{reason="denied"}'] == 1
        assert got['postern_gate_dnsbl_answers_total{outcome="listed"}'] == 1
        assert got['postern_gate_dnsbl_answers_total{outcome="no"}'] == 2
        assert got["postern_gate_dnsbl_zones_bad"] == 1
        assert got["postern_gate_guard_suspended"] == 0
        with pytest.raises(urllib.error.HTTPError, match="404"):
            found = site.seen(r"event=metrics address=(\S+) port=(\d+)")
            urllib.request.urlopen(f"http://{found[1]}:{found[2]}/", timeout=20)


# --- several workers, another configuration --------------------------------------------------------

@in_namespace
def test_workers_know_what_one_learned_and_the_operator_has_the_last_word():
    with Folder() as folder, Site("--workers", "3", "--admin", f"{folder}/admin", "--traps", f"trap@{DOMAIN}",
                                  "--trap-file", f"{folder}/traps", "--metrics-listen", "127.0.0.1:0") as site:
        def ctl(*words):
            got = subprocess.run([GATE, "ctl", *words, "--admin", f"{folder}/admin", "--config", os.devnull],
                                 capture_output=True, text=True, timeout=20)
            assert got.returncode == 0, got
            return got.stdout

        def settled(code):
            """Every worker answers so, soon; sessions fall to workers by chance."""
            end = time.monotonic() + 20
            while {site.rcpt(GOOD)[0] for _ in range(20)} != {code}:
                assert time.monotonic() < end
        assert site.rcpt(GOOD, f"trap@{DOMAIN}")[0] == 554
        settled(554)
        ctl("untrap", GOOD)
        settled(250)
        ctl("trap", GOOD)
        settled(554)
        assert "traps listed=1" in ctl("status")
        assert len(site.gate.logged("event=trap ")) == 2        # one worker tells
        got = metrics(site.gate)
        assert got["postern_gate_trap_entries"] == 1 and got["postern_gate_traps_total"] == 2
        assert got['postern_gate_recipients_total{outcome="accepted"}'] >= 20
        assert "guard watching" in ctl("status")
        ctl("guard", "clear")
        assert site.gate.stop() == 0


@in_namespace
def test_reload_takes_hygiene_on_whole_or_not_at_all():
    with Folder() as folder, Backend() as backend, Rbldnsd(ZONES) as lists, Names(lists) as names:
        traps = f"traps = {{ trap@{DOMAIN} }}\ntrap-file = {folder}/traps"
        before = f"domains = {{ {DOMAIN} }}\nresolver = \"{names.place}\"\n{traps}"
        with Configured(pathlib.Path(folder) / "conf", backend, before) as gate:
            def rcpt(source, rcpt=f"user@{DOMAIN}"):
                with gate.client(source=source) as c:
                    c.hello()
                    c.expect(250, "MAIL FROM:<a@b.example>")
                    return c.say(f"RCPT TO:<{rcpt}>")[0]

            def reload(text, result):
                gate.write(text)
                gate.process.send_signal(signal.SIGHUP)
                gate.wait_log(rf"event=reload result={result}")
            assert rcpt(LISTED) == 250
            assert rcpt(GOOD, f"trap@{DOMAIN}") == 554
            gate.wait_log("event=trap ")
            reload(f'{before}\ndnsbl = {{ "bl.example 10" }}\nexempt = {{ {NET}.77 }}', "done")
            gate.wait_log("event=dnsbl-zone zone=bl.example health=good")
            assert rcpt(LISTED) == 554 and rcpt(OTHER) == 250
            assert rcpt(GOOD) == 554                            # the timed list lives on
            reload(f'{before}\ndnsbl = {{ "bl.example 0" }}', "refused")
            reload(f"{before}\nexempt = {{ nonsense }}", "refused")
            reload(f"{before}\nevidence = /proc/nowhere", "refused")
            assert rcpt(LISTED) == 554 and rcpt(OTHER) == 250   # as it was
            reload(before, "done")
            assert rcpt(LISTED) == 250
            assert gate.stop() == 0
