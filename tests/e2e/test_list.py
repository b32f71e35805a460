# SPDX-License-Identifier: GPL-3.0-or-later
"""postern list from the nomination to the end, with models of relays that the tester really tests."""

import fcntl
import json
import os
import re
import signal
import sqlite3
import struct
import subprocess
import time

import pytest

from listlib import DAY, LIST, ZONE, Book, of_public_space, wait_for
from testlib import DOMAIN, Server, call, free_port

OUTPUTS = f"outputs.{ZONE}"


@pytest.fixture(name="book")
def fixture_book(tmp_path, request):
    number = sum(map(ord, request.node.name)) % 250 + 1
    return Book(tmp_path, f"127.28.{number}")


def sample(ip):
    return (f"Received: from relay.victim.example (relay.victim.example [{ip}])\r\n"
            "\tby mx.own.example (Postfix) with ESMTP id 4XyZ12abcd\r\n"
            "\tfor <me@own.example>; Sat, 21 Nov 2026 20:00:05 +0000 (UTC)\r\n"
            "From: a@b.example\r\nSubject: buy\r\n\r\nx\r\n")


def evidence(ip, **more):
    return json.dumps({"type": "nomination", "time": "2026-03-01T12:00:00Z", "wall": 1772366400,
                       "ip": ip, "source": "gate", "reason": "relay-attempt", "session": "s",
                       "helo": "h", "mail": "<>", "rcpt": "<a@b>", "count": 1, **more}) + "\n"


def listed(book, ip):
    """Nominates and tests an open relay in two runs a day apart."""
    book.nominate(ip)
    book("test")
    assert book.host(ip)["state"] == "provisional"
    book.pass_days(2)
    book("test")
    assert book.host(ip)["state"] == "listed"


def test_from_a_spam_sample_to_the_end(book, tmp_path):
    spam = tmp_path / "spam.eml"
    with book.models("sendmail-5") as (ip,):
        spam.write_text(sample(ip))
        got = book.json("nominate", "--host", ip, spam)
        assert got == [{"type": "nominated", "ip": ip, "result": "nominated"}]
        assert book.host(ip)["evidence"][0]["source"] == "sample"
        assert book.json("test")[-1] == {"type": "tested", "tested": 1, "proved": 1, "closed": 0,
                                         "undecided": 0, "late": 0}
        assert book.become(ip) == ["nominated", "testing", "confirmed", "provisional"]
        assert book.says(ip) == "127.0.0.10"
        # Not before a day is over, and then by itself.
        assert book.json("test")[-1]["tested"] == 0
        book("test", ip)
        assert book.host(ip)["state"] == "provisional"
        book.pass_days(1.1)
        assert book.json("test")[-1]["proved"] == 1
        host = book.host(ip)
        assert host["state"] == "listed" and host["class"] == "relay"
        assert len({proof["run"] for proof in host["proofs"]}) == 2
        assert book.says(ip) == "127.0.0.2"
        assert book.says(ip, OUTPUTS) == ""
        # Open still: it stays, and the next request waits.
        got = book.json("retest", ip, code=2)[0]
        assert got["result"] == "still open" and "next" in got
        assert book.json("retest", ip, code=75)[0]["result"] == "too soon"
        assert book.says(ip) == "127.0.0.2"
    with book.models("ntmail-4") as (ip,):
        book.pass_days(1)
        book("retest", ip, "--reason", "we changed the server")
    assert book.become(ip)[-2:] == ["listed", "delisted"]
    assert book.host(ip)["trail"][-2]["reason"] == "we changed the server"
    assert book.says(ip) == ""
    assert book("retest", ip, code=1).out.endswith("is not listed\n")
    precision = book.json("stats")[0]["precision"]
    assert precision["closed"] == precision["closed_asked"] == 1
    assert precision["admitted"] == 1 and precision["renewed"] == 2
    assert [(c["subject"], c["sound"]) for c in book.json("check")] == [
        ("records", True), (ZONE, True), (OUTPUTS, True)]


@of_public_space
def test_in_dns_at_once(book):
    with book.relay() as ip:
        book("publish")
        with book.dns() as ask:
            assert ask(ip) == ""
            book.nominate(ip)
            assert ask(ip) == ""
            book("test")
            wait_for(lambda: ask(ip) == "127.0.0.10", 1)
            number = book.host(ip)["number"]
            assert ask(ip, kind="TXT") == (f"{ip}: open relay, proved by one run so far; "
                                           f"see https://list.example/why?n={number}")
            book.pass_days(2)
            book("test")
            wait_for(lambda: ask(ip) == "127.0.0.2", 1)
            began = time.monotonic()
            book("delist", "--reason", "it was asked for", ip)
            wait_for(lambda: ask(ip) == "", 1)
            assert time.monotonic() - began < 1
            # The test entries stay whatever is listed.
            assert ask("127.0.0.2") == "127.0.0.2"
            assert ask("127.0.0.1") == ""


def test_lines_of_the_gate_and_of_trace(book, tmp_path):
    lines = tmp_path / "lines.jsonl"
    net = book.net
    lines.write_text(evidence(f"{net}.2") + evidence(f"{net}.2", count=2) + '{"type":"other"}\n' +
                     evidence(f"{net}.3", source="trace", witness="chain") + evidence(f"{net}.4"))
    got = book.json("nominate", lines)
    assert [(g["ip"], g["result"]) for g in got] == [
        (f"{net}.2", "nominated"), (f"{net}.2", "known"), (f"{net}.3", "nominated"),
        (f"{net}.4", "nominated")]
    # What only a chain of others tells is tested before all else.
    assert [g["ip"] for g in book.json("test", "--dry-run")] == [f"{net}.3", f"{net}.2", f"{net}.4"]
    assert [e["witness"] for e in book.host(f"{net}.2")["evidence"]] == ["own", "own"]
    # Read once more, nothing is new.
    book("nominate", lines)
    assert len(book.host(f"{net}.2")["evidence"]) == 2
    bad = book("nominate", "-", data="{\n", code=65)
    assert "-:1: is no JSON" in bad.err
    assert book("nominate", "-", data="hello\n", code=65).err.count("neither") == 1
    assert book("nominate", tmp_path / "none", code=66).err


def test_a_bounce_nominates_whom_it_tells_of(book):
    # The bounce encloses what somebody sent in our name through a relay.
    relay = f"{book.net}.9"
    bounce = f"""From: MAILER-DAEMON@mx.other.example\r
Subject: Undelivered Mail Returned to Sender\r
Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r
\r
--b\r
Content-Type: text/plain\r
\r
sorry\r
--b\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; mx.other.example\r
\r
Final-Recipient: rfc822; nobody@other.example\r
Action: failed\r
Status: 5.1.1\r
\r
--b\r
Content-Type: message/rfc822\r
\r
{sample(relay)}
--b--\r
"""
    got = book("nominate", "--json", "--host", relay, "-", data=bounce).lines
    assert got[0]["result"] == "nominated"
    kept = book.host(relay)["evidence"][0]
    assert (kept["source"], kept["witness"]) == ("bounce", "chain")


@pytest.mark.parametrize("ip,why", [
    ("10.1.2.3", "reserved space"), ("127.0.0.1", "reserved space"), ("::1", "reserved space"),
    ("224.0.0.1", "reserved space"), ("169.254.1.1", "reserved space")])
def test_reserved_space_is_refused(book, ip, why):
    got = book.json("nominate", "--reason", "r", ip, code=1)[0]
    assert got["result"] == "refused" and why in got["why"]
    assert book.host(ip) is None


def test_what_says_nothing_never_lists(book):
    """Taken and not seen, shut out, nobody there: none of it lists, and all of it is tried again."""
    def shut(session, path):
        return "554 5.7.1 Your address is blocked"

    net = book.net
    book.configure(wait="1s")
    with book.models("sendmail-5", relay_to="nowhere") as (accepts,), \
            Server(f"{net}.2", book.port, rcpt=shut):
        for ip in (accepts, f"{net}.2", f"{net}.3"):
            book.nominate(ip)
        assert book.json("test")[-1]["undecided"] == 3
        for ip, verdict in ((accepts, "accepts"), (f"{net}.2", "blocked"), (f"{net}.3", "unreachable")):
            host = book.host(ip)
            assert host["state"] == "nominated" and host["tries"] == 1
            assert host["trail"][-1]["event"] == "undecided"
            assert host["trail"][-1]["reason"].startswith(verdict)
            assert book.says(ip) == "" and host["proofs"] == []
    # In the end it is given up.
    for _ in range(3):
        book.pass_days(9)
        book("test")
    assert book.host(f"{net}.3")["state"] == "dismissed"
    assert book.host(f"{net}.3")["trail"][-1]["event"] == "give-up"


def test_a_closed_host_is_dismissed(book):
    with book.models("ntmail-4") as (ip,):
        book.nominate(ip)
        assert book.json("test")[-1]["closed"] == 1
    assert book.become(ip) == ["nominated", "testing", "dismissed"]
    # Who nominates again gets another test, a day later.
    book.nominate(ip)
    got = book.json("test", ip)
    assert got[0]["type"] == "skipped" and got[-1]["tested"] == 0


def test_a_listed_host_that_shuts_us_out_stays(book):
    def shut(session, path):
        return "554 5.7.1 Your address is blocked"

    with book.models("sendmail-5") as (ip,):
        listed(book, ip)
    book.pass_days(2)
    with Server(ip, book.port, rcpt=shut):
        assert book.json("retest", ip, code=3)[0]["result"].startswith("undecided")
    assert book.host(ip)["state"] == "listed" and book.says(ip) == "127.0.0.2"
    # But only to the end of its time.
    book.pass_days(29)
    assert book.json("expire") == [{"type": "expired", "count": 1}]
    assert book.host(ip)["state"] == "expired" and book.says(ip) == ""
    book("check")


def test_proved_again_before_the_end(book):
    with book.models("sendmail-5") as (ip,):
        listed(book, ip)
        first = book.host(ip)["expires"]
        book.pass_days(26)
        assert book.json("test")[-1]["proved"] == 0  # not due yet
        book.pass_days(1.5)
        assert book.json("test")[-1]["proved"] == 1
    assert book.host(ip)["state"] == "listed"
    assert book.host(ip)["expires"] >= first
    assert book.json("expire")[0]["count"] == 0


def test_scope_and_never(book):
    ip = f"{book.net}.1"
    book.scope("198.51.100.0/24 somebody else's")
    book.nominate(ip)
    assert "outside the scope" in book.json("test")[0]["why"]
    assert book.host(ip)["state"] == "nominated"
    book.never(f"{ip} asked by its postmaster")
    book.pass_days(2)
    with book.models("sendmail-5"):
        assert book.json("test", "--outside-scope")[-1]["tested"] == 0
    host = book.host(ip)
    assert host["state"] == "dismissed" and "postmaster" in host["trail"][-1]["reason"]


def test_scope_of_the_configuration(book):
    """What the section "test" names counts for the list too: one file says what may be tested."""
    ip, scope = f"{book.net}.1", book.folder / "ours"
    book.scope("198.51.100.0/24 somebody else's")
    scope.write_text(f"{book.net}.0/24 ours\n")
    with open(book.config, encoding="utf-8") as f:
        text = f.read()
    with open(book.config, "w", encoding="utf-8") as f:
        f.write(text.replace("tls = no", f'tls = no\n scope = "{scope}"', 1))
    book.nominate(ip)
    with book.models("sendmail-5"):
        assert book.json("test")[-1]["proved"] == 1


def test_outputs_are_a_class_of_their_own(book):
    """A relay that hands on to another: the one that came out is no open relay for that."""
    net = book.net
    second = f"{net}.2"
    with Server(second, free_port(), relay_to=("127.0.0.1", book.sink),
                rcpt=lambda session, path: "250 2.1.5 Ok") as out, \
            book.models("sendmail-5", relay_to=f"{second}:{out.port}") as (ip,):
        book.nominate(ip)
        book("test")
        assert book.host(ip)["state"] == "provisional"
        assert book.host(ip)["class"] == "chain-input"
        assert book.host(second) is None
        output = book.host(second, "output")
        assert output["state"] == "provisional" and output["class"] == "chain-output"
        # One run is not enough for an output to be said anywhere.
        assert [part["listed"] for part in output["dns"]] == [False, False]
        book.pass_days(2)
        book("test")
        assert book.says(ip) == "127.0.0.4"
        output = book.host(second, "output")
        assert output["state"] == "listed"
        assert {p["zone"]: p["code"] for p in output["dns"]} == {ZONE: "", OUTPUTS: "127.0.0.5"}
        book("check")
    # With the way in closed, the way out is no way any more.
    book.pass_days(2)
    with book.models("ntmail-4"):
        book("retest", ip)
    assert book.host(ip)["state"] == "delisted"
    assert book.host(second, "output")["state"] == "delisted"
    assert not any(p["listed"] for p in book.host(second, "output")["dns"])


def test_persons_words(book):
    net = book.net
    with book.models("sendmail-5", "sun-smi") as (ip, other):
        listed(book, ip)
        assert book("delist", ip, code=64).err.count("--reason") == 1
        book("delist", "--appeal", "--reason", "a test of theirs", ip)
        assert book.says(ip) == "" and book.host(ip)["state"] == "delisted"
        book("delist", "--reason", "again", ip, code=1)
        # Exempt, it is neither nominated nor listed, and what was listed there goes.
        listed(book, other)
        book("exempt", "--reason", "ours", "--until", "1h", f"{net}.0/24")
        assert book.host(other)["state"] == "exempt" and book.says(other) == ""
        assert book.json("nominate", "--reason", "r", other, code=1)[0]["why"] == "is exempt"
        assert "ours" in book("exempt", "--list").out
        book.pass_days(1)
        book("expire")
        assert book.host(other)["state"] == "delisted"
        book("exempt", "--remove", "--reason", "over", f"{net}.0/24")
        book("exempt", "--remove", "--reason", "over", f"{net}.0/24", code=1)
    assert book.json("stats")[0]["precision"]["appeals"] == 1
    book("check")


def test_a_never_list_takes_out_what_was_listed(book, tmp_path):
    never = tmp_path / "never"
    never.write_text(f"$SOA 1 a.example b.example 1 1 1 1 1\n!{book.net}.1\n")
    book.configure(more=f"never-list = {never}")
    with book.models("sendmail-5") as (ip,):
        book.nominate(ip)  # an exclusion covers nothing
        book("test")
        assert book.says(ip) == "127.0.0.10"
    never.write_text(f"{book.net}.0/25 :127.0.0.2:ours\n")
    book("expire")
    assert book.host(ip)["state"] == "exempt" and book.says(ip) == ""
    assert book.json("nominate", "--reason", "r", ip, code=1)[0]["why"] == "is exempt"
    never.write_text("")
    book("expire")
    assert book.host(ip)["state"] == "delisted"
    never.write_text("nonsense\n")
    assert "never:1: does not begin with an address" in book("expire", code=78).err


def test_good_senders_wait_for_a_word(book, tmp_path):
    good = tmp_path / "dnswl"
    good.write_text(f"# good\n{book.net}.0/24 permit\n")
    book.configure(more=f"dnswl = {good}")
    with book.models("sendmail-5") as (ip,):
        book.nominate(ip)
        book("test")
        assert book.host(ip)["state"] == "confirmed" and book.says(ip) == ""
        book("confirm", "--reason", "they know", ip)
        assert book.host(ip)["state"] == "provisional" and book.says(ip) == "127.0.0.10"
        book("confirm", "--reason", "again", ip, code=1)


def test_a_run_of_ones_own_nominates(book):
    with book.models("sendmail-5") as (ip,):
        tested = [os.path.join(os.path.dirname(LIST), "postern-test"), "--own", "--quiet", "--json",
                  "--state", book.state, "--config", book.config, ip]
        assert call(tested).code == 2
        got = book.json("nominate", "--run", "last")
        assert got == [{"type": "nominated", "ip": ip, "result": "nominated"}]
        # Its proofs count, as one run.
        assert book.host(ip)["state"] == "provisional"
        book("nominate", "--run", "last")
        assert len({p["run"] for p in book.host(ip)["proofs"]}) == 1
        assert book.host(ip)["state"] == "provisional"


def test_search(book):
    net = book.net
    for i in (1, 2, 3):
        book.nominate(f"{net}.{i}")
    book("delist", "--reason", "r", f"{net}.2")
    assert [g["ip"] for g in book.json("search")] == [f"{net}.1", f"{net}.3"]
    assert [g["ip"] for g in book.json("search", "--all")] == [f"{net}.{i}" for i in (1, 2, 3)]
    assert [g["ip"] for g in book.json("search", "--status", "dismissed")] == [f"{net}.2"]
    assert [g["ip"] for g in book.json("search", f"{net}.2/31")] == [f"{net}.3"]
    book("search", "--status", "listed", code=1)
    book("search", "--status", "nothing", code=64)
    book("search", "x", code=64)


def fill(book, count):
    """As if so many hosts had been listed just now."""
    with book.store() as db:
        db.execute("BEGIN")
        for i in range(count):
            got = db.execute("INSERT INTO listings (address, side, state, class, digest, created, changed,"
                             " fresh, expires, due, tested, tries, times, failed) VALUES"
                             " (?, 0, 5, 'relay', x'0000000000', 1, 1, 1, ?, 0, 1, 0, 1, 0)",
                             (bytes([203, 0, 113 + (i >> 8), i & 255]), int(time.time()) + 20 * DAY))
            db.execute("INSERT INTO listing_dirty VALUES (?)", (got.lastrowid,))
        db.execute("COMMIT")


@of_public_space
def test_many_at_once_and_an_old_image(book):
    """The overlay grows large, images are made in between, and the server follows all of it."""
    book("publish")
    with book.dns() as ask:
        fill(book, 700)
        book("expire")
        wait_for(lambda: ask("203.0.113.5") == "127.0.0.2", 5)
        journal = os.path.getsize(os.path.join(book.state, "zones", ZONE, "journal"))
        assert journal > 700 * 20
        with book.store() as db:
            db.execute("DELETE FROM listings")
        fill(book, 4300)  # more than one step
        book("expire")
        wait_for(lambda: ask("203.0.129.203") == "127.0.0.2", 5)
        assert ask("203.0.113.5") == "127.0.0.2"
        # An image was made on the way, and is not held against what it was before.
        image = os.path.join(book.state, "zones", ZONE, "image")
        assert os.path.getsize(image) > 4300 * 7
        book("check")
        book("publish")
        book("delist", "--reason", "r", "203.0.113.5")
        wait_for(lambda: ask("203.0.113.5") == "", 1)
        assert "insane" not in open(book.folder / "dns.log", encoding="utf-8").read()
    # A young image is left alone.
    before = os.stat(image).st_ino
    book("expire")
    assert os.stat(image).st_ino == before


def move(book, of, to):
    """As if another host had been listed in its place; addresses as hexadecimal digits."""
    with book.store() as db:
        db.execute(f"UPDATE listings SET address = x'{to}' WHERE address = x'{of}'")
        db.execute(f"INSERT INTO listing_dirty SELECT id FROM listings WHERE address = x'{to}'")


@of_public_space
def test_another_text_in_an_image_that_was_due(book):
    """Another --url, and then so many changes that an image is due: what is listed reads otherwise in DNS now,
    which no step of the journal tells, so it begins anew and secondaries take the whole zone."""
    book("publish")
    journal = os.path.join(book.state, "zones", ZONE, "journal")

    def base():
        with open(journal, "rb") as f:
            return struct.unpack("<I", f.read(16)[12:])[0]

    with book.dns() as ask:
        fill(book, 700)
        book("expire")
        wait_for(lambda: "why?n=" in ask("203.0.113.5", kind="TXT"), 5)
        first, size = base(), os.path.getsize(journal)
        with open(book.config, encoding="utf-8") as f:
            text = f.read()
        with open(book.config, "w", encoding="utf-8") as f:
            f.write(text.replace("why?n=", "because/"))
        move(book, "cb007100", "cb006400")
        book("expire")
        assert base() == first and "why?n=" in ask("203.0.113.5", kind="TXT")   # no image was due yet
        with book.store() as db:
            db.execute("DELETE FROM listings")
        fill(book, 1400)
        book("expire")
        move(book, "cb007100", "cb006401")
        book("expire")
        wait_for(lambda: "because/" in ask("203.0.113.5", kind="TXT"), 5)
        assert base() != first and os.path.getsize(journal) < size
        assert "because/" in ask("203.0.117.5", kind="TXT")
        book("check")


def test_a_token_that_comes_after_the_verdict(book):
    """Taken and not seen while the test waits; it arrives when the host was given up already."""
    book.configure(wait="1s")
    late = free_port()
    with book.models("sendmail-5", relay_to=f"127.0.0.1:{late}") as (ip,):
        book.nominate(ip)
        book("test")
        assert book.host(ip)["state"] == "nominated"
        book("delist", "--reason", "nobody cares", ip)
        assert book.host(ip)["state"] == "dismissed"
        # What it took is brought by another hand, as a relay's queue would.
        with book.store() as db:
            rcpt, = db.execute("SELECT rcpt FROM probes WHERE state = 3 AND probe = 'third-party.plain'"
                               ).fetchone()
    rcpt = re.search(rb"[a-z2-7]{36}", rcpt).group(0).decode()
    book.deliver(ip, "", f"{rcpt}@{DOMAIN}", "Subject: late\r\n\r\nx\r\n")
    assert book.json("test")[-1]["late"] == 1
    assert book.become(ip)[-3:] == ["dismissed", "confirmed", "provisional"]
    assert book.says(ip) == "127.0.0.10"


@of_public_space
def test_retire_step_by_step(book):
    with book.relay() as ip:
        listed(book, ip)
    with book.dns() as ask:
        assert ask(ip) == "127.0.0.2"

        def retire(step, code=0):
            return book("retire", "--reason", "we end", "--confirm", ZONE, step, code=code)

        assert "next step is not" in retire("dead", 65).err
        assert "next step is not" in retire("empty", 65).err
        assert "--confirm" in book("retire", "--reason", "r", "announced", code=77).err
        book("retire", "announced", code=64)
        book("retire", "--reason", "r", "--confirm", "another.example", "announced", code=77)
        assert book.json("retire")[0]["step"] == "in-service"
        retire("announced")
        assert ask(ip) == "127.0.0.2"
        wait_for(lambda: "will" in ask.query(ZONE, "TXT").to_text() or
                 "end" in ask.query(ZONE, "TXT").to_text(), 5)
        assert "not before" in retire("empty", 65).err

        def a_month():
            with book.store() as db:
                value = db.execute("SELECT value FROM listing_values WHERE name='retire'").fetchone()[0]
                step, since = value.split()
                db.execute("UPDATE listing_values SET value=? WHERE name='retire'",
                           (f"{step} {int(since) - 31 * DAY}",))

        a_month()
        retire("empty")
        wait_for(lambda: ask(ip) == "", 5)
        assert book.host(ip)["state"] == "listed"  # the store forgets nothing
        assert ask("127.0.0.2") == "127.0.0.2" and "stop asking" in ask.query(ZONE, "TXT").to_text()
        book("check")
        assert "not before" in retire("dead", 65).err
        a_month()
        retire("dead")
        assert ask(ip) == "" and ask("192.0.2.77") == ""
        wait_for(lambda: ask("127.0.0.2") == "", 5)
        assert "dead" in retire("in-service", 65).err


# --- faults ---------------------------------------------------------------------------------------

def hold_zone(book):
    """The zone's lock in our hands: a verb stops between the store and the journal."""
    lock = open(os.path.join(book.state, "zones", ZONE, "lock"), "w", encoding="utf-8")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def test_killed_between_store_and_journal(book):
    with book.models("sendmail-5") as (ip,):
        listed(book, ip)
    lock = hold_zone(book)
    with subprocess.Popen(book.command("delist", "--reason", "r", ip), stdout=subprocess.PIPE) as verb:
        wait_for(lambda: book.host(ip)["state"] == "delisted")
        verb.send_signal(signal.SIGKILL)
        assert verb.communicate()[0] == b""  # it was not acknowledged
    lock.close()
    # The store says so, the zone not yet; the next verb of any kind makes it good.
    assert book.says(ip) == "127.0.0.2"
    assert "behind the store" in book("check", code=1).out
    book("expire")
    assert book.says(ip) == ""
    book("check")


@pytest.mark.parametrize("harm", ["no journal", "no image", "torn journal", "no folder", "image cut"])
def test_harmed_files_are_made_good(book, harm):
    with book.models("sendmail-5") as (ip,):
        listed(book, ip)
    folder = os.path.join(book.state, "zones", ZONE)
    if harm == "no folder":
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
        os.rmdir(folder)
    elif harm == "torn journal":
        with open(os.path.join(folder, "journal"), "ab") as out:
            out.write(b"\x40\x00\x00\x00torn")
    elif harm == "image cut":
        os.truncate(os.path.join(folder, "image"), 100)
    else:
        os.unlink(os.path.join(folder, harm.split()[1]))
    other = f"{book.net}.7"
    book.nominate(other)
    book("delist", "--reason", "r", ip)  # something to write, which is when harm shows
    assert book.says(ip) == ""
    book("check")


def test_killed_at_any_moment(book):
    """What a verb has acknowledged is served, what is served is in the store, at whatever moment the
    verb before was killed."""
    with book.models("sendmail-5") as (ip,):
        listed(book, ip)
    with book.store() as db:
        number, = db.execute("SELECT id FROM listings").fetchone()
    for round_ in range(60):
        # Back in, by the state of a moment ago: listed, and marked.
        with book.store() as db:
            db.execute("UPDATE listings SET state=5, expires=?, fresh=0 WHERE id=?",
                       (int(time.time()) + DAY, number))
            db.execute("INSERT OR IGNORE INTO listing_dirty VALUES (?)", (number,))
        with subprocess.Popen(book.command("delist", "--reason", "r", ip),
                              stdout=subprocess.PIPE) as verb:
            time.sleep(round_ * 0.0004)
            verb.send_signal(signal.SIGKILL)
            said = verb.communicate()[0]
        state = book.host(ip)["state"]
        if said:
            assert state == "delisted" and book.says(ip) == ""
        book("expire")
        assert (book.says(ip) == "127.0.0.2") == (state == "listed")
        book("check")


def test_a_killed_tester_leaves_nothing_stuck(book):
    def slow(session, path):
        time.sleep(20)

    with Server(f"{book.net}.1", book.port, mail=slow) as server:
        book.nominate(server.ip)
        with subprocess.Popen(book.command("test"), stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, start_new_session=True) as verb:
            wait_for(lambda: book.host(server.ip)["state"] == "testing")
            # One tester of the queue at a time.
            assert "at work" in book("test", code=75).err
            os.killpg(verb.pid, signal.SIGKILL)
    book("test")
    host = book.host(server.ip)
    assert host["state"] == "nominated"
    assert [step["event"] for step in host["trail"]][-1] == "abandon"


def test_records_cannot_be_changed(book):
    book.nominate(f"{book.net}.1")
    with book.store() as db, pytest.raises(sqlite3.IntegrityError):
        db.execute("UPDATE listing_records SET reason='x'")
    with book.store() as db:
        db.execute("DROP TRIGGER listing_records_change")
        db.execute("UPDATE listing_records SET reason='x' WHERE seq=1")
    assert "number 1 is not what it was" in book("check", code=65).out
    book("stats", code=65)


def test_help_and_misuse():
    verbs = re.findall(r"^  ([a-z]+) ", call([LIST, "--help"]).out, re.M)
    assert {"nominate", "test", "retest", "show", "search", "delist", "exempt", "expire", "stats",
            "retire", "publish", "check", "confirm"} <= set(verbs)
    for verb in verbs:
        got = call([LIST, verb, "--help"])
        assert got.code == 0 and "Exit status" in got.out, verb
        assert call([LIST, verb, "--no-such-option"]).code == 64, verb
    assert call([LIST]).code == 64
    assert 'did you mean "search"' in call([LIST, "serch"]).err
    assert call([LIST, "--version"]).out.startswith("postern list ")


def test_without_a_zone_nothing_is_published(tmp_path):
    book = Book(tmp_path, "127.28.254", zone=None)
    book.nominate("127.28.254.1")
    assert not os.path.exists(os.path.join(book.state, "zones"))
    assert "zone" in book("publish", code=78).err
    assert DOMAIN in open(book.config, encoding="utf-8").read()
