# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts as a second proof, what as closed, and how often somebody may ask: the rules that a
blocklist's operator, an angry postmaster and a careless cron job would each like to bend."""

import os
import pty
import select
import signal
import sqlite3
import subprocess
import time

import pytest

from listlib import LIST, Book, wait_for
from testlib import DOMAIN, Server, call, free_port

TESTER = os.path.join(os.path.dirname(LIST), "postern-test")


@pytest.fixture(name="book")
def fixture_book(tmp_path, request):
    number = sum(map(ord, request.node.name)) % 250 + 1
    return Book(tmp_path, f"127.29.{number}")


def as_owner(book, *args, config=None):
    return [TESTER, "--own", "--quiet", "--json", "--state", book.state, "--config",
            config or book.config, *args]


def relays(session, path):
    return "250 2.1.5 Ok"


def onward(book):
    return ("127.0.0.1", book.sink)


def runs_of(book):
    with book.store() as db:
        return [f"{run:08x}" for run, in db.execute("SELECT id FROM runs ORDER BY started, rowid")]


# --- two proofs -----------------------------------------------------------------------------------

def test_two_runs_one_after_the_other(book):
    with Server(f"{book.net}.1", book.port, rcpt=relays, relay_to=onward(book)) as server:
        for state in ("provisional", "listed"):
            assert call(as_owner(book, server.ip)).code == 2
            book("nominate", "--run", "last")
            assert book.host(server.ip)["state"] == state


def test_two_runs_side_by_side_are_one(book):
    """Two testers at the same moment see one and the same thing."""
    def slow(session, path):
        time.sleep(1)
        return relays(session, path)

    ip = f"{book.net}.1"
    book.nominate(ip)
    book.nominate(f"{book.net}.9")
    with book.own_sink(), Server(ip, book.port, rcpt=slow, relay_to=onward(book)):
        both = []
        for number in range(2):
            config = str(book.folder / f"tester-{number}.conf")
            with open(book.config, encoding="utf-8") as of, \
                    open(config, "w", encoding="utf-8") as to:
                to.write(of.read().replace(f"127.0.0.1:{book.sink}", f"127.0.0.1:{free_port()}"))
            both.append(subprocess.Popen(
                as_owner(book, "--only", "third-party.plain", "--wait", "2s", ip, config=config),
                stdout=subprocess.DEVNULL))
        for proc in both:
            proc.wait(30)
    book("test", f"{book.net}.9")  # takes in what has arrived
    host = book.host(ip)
    assert len({proof["run"] for proof in host["proofs"]}) == 2
    assert host["state"] == "provisional"


def test_a_run_of_before_lists_nobody_again(book):
    """A cron job that nominates old runs: what they proved is over since the host was found closed."""
    with Server(f"{book.net}.1", book.port, rcpt=relays, relay_to=onward(book)) as server:
        for _ in range(2):
            call(as_owner(book, server.ip))
            book("nominate", "--run", "last")
    assert book.host(server.ip)["state"] == "listed"
    runs = runs_of(book)
    with Server(f"{book.net}.1", book.port):
        book("retest", server.ip)
        assert book.host(server.ip)["state"] == "delisted"
        for run in runs:
            book("nominate", "--run", run)
            assert book.host(server.ip)["state"] == "nominated" and book.says(server.ip) == ""


def test_a_run_of_last_year_lists_nobody(book):
    with Server(f"{book.net}.1", book.port, rcpt=relays, relay_to=onward(book)) as server:
        call(as_owner(book, server.ip))
    with book.store() as db:
        db.execute("UPDATE runs SET started = started - 40 * 86400")
        db.execute("UPDATE proofs SET received = received - 40 * 86400000")
    book("nominate", "--run", "last")
    assert book.host(f"{book.net}.1")["state"] == "nominated"


def test_a_postmaster_who_sends_it_on_to_us_is_no_relay(book):
    """The host takes a form for a mailbox of its own; somebody there redirects it to our contact."""
    ip = f"{book.net}.1"
    book.configure(wait="1s")
    with Server(ip, book.port, rcpt=lambda session, path: relays(session, path)
                if path.endswith(f"%{DOMAIN}@[{ip}]>") else None) as server:
        book.nominate(ip)
        book("test")
        sender, _, text = server.messages[0]
    for mail in ("postmaster@victim.example", sender):
        book.deliver(f"{book.net}.5", mail, f"postmaster@{DOMAIN}", text)
    book.nominate(f"{book.net}.9")
    book("test", f"{book.net}.9")
    with book.store() as db:
        assert db.execute("SELECT count(*) FROM proofs WHERE scope = 1").fetchone()[0] >= 1
    assert book.host(ip)["state"] == "nominated" and book.says(ip) == ""


def test_mail_relayed_to_our_postmaster_is_a_proof(book):
    """The one form whose recipient has no room for a token."""
    ip = f"{book.net}.1"
    with Server(ip, book.port, rcpt=lambda session, path: relays(session, path)
                if path == f"<postmaster@{DOMAIN}>" else None, relay_to=onward(book)):
        book.nominate(ip)
        assert book.json("test")[-1]["proved"] == 1
    host = book.host(ip)
    assert host["state"] == "provisional"
    assert {proof["probe"].split(".")[1] for proof in host["proofs"]} == {"postmaster"}


# --- closed ---------------------------------------------------------------------------------------

def test_the_port_that_proved_it_is_asked(book):
    """Closed at the usual port and open at another one is open."""
    other, ip = free_port(), f"{book.net}.1"
    with Server(ip, book.port), \
            Server(ip, other, rcpt=relays, relay_to=onward(book)):
        assert call(as_owner(book, "--ports", f"{book.port},{other}", ip)).code == 2
        book("nominate", "--run", "last")
        assert book.json("retest", ip, code=2)[0]["result"] == "still open"
    book.pass_days(1)
    # A port that says nothing is no answer; one that is shut for all is.
    silent = subprocess.Popen(["/usr/bin/python3", "-c", f"""
import socket, time
s = socket.create_server(("{ip}", {other})); time.sleep(60)"""])
    try:
        with Server(ip, book.port):
            wait_for(lambda: book.answers(ip))
            got = book.json("retest", ip, "--", "--timeout", "1s", code=3)
            assert got[0]["result"].startswith("undecided")
            assert f"port {other}" in book.host(ip)["trail"][-1]["reason"]
    finally:
        silent.kill()
        silent.wait()
    book.pass_days(1)
    with Server(ip, book.port):
        assert book.json("retest", ip)[0]["result"] == "closed: delisted"


def test_a_wall_before_all_senders_is_closed(book):
    """A server that now wants a login first: the tester asks a few and knows the rest."""
    ip = f"{book.net}.1"
    with Server(ip, book.port, rcpt=relays, relay_to=onward(book)):
        book.nominate(ip)
        book("test")
    book.pass_days(1)
    with Server(ip, book.port, mail=lambda session, path: "530 5.7.0 Authentication required",
                extensions=("PIPELINING", "AUTH PLAIN")):
        got = book.json("retest", ip, code=None)
        assert got[0]["result"] in ("closed: delisted",
                                    "undecided: the test could not tell, so nothing changed")
        reason = book.host(ip)["trail"][-1]["reason"]
        assert "not answered" not in reason and "was not asked" not in reason


def test_one_hole_of_many_is_still_open(book):
    """All forms were proved, and all but one are refused now: the one that nobody thinks of."""
    def one(session, path):
        return "250 2.1.5 Ok" if path.upper().startswith("<IMCEA") or path.endswith("..>") else None

    ip = f"{book.net}.1"
    with Server(ip, book.port, rcpt=one, relay_to=onward(book)):
        call(as_owner(book, "--set", "full", ip))
        book("nominate", "--run", "last")
        assert book.host(ip)["state"] == "provisional"
        assert book.json("retest", ip, code=2)[0]["result"] == "still open"


def test_an_envelope_that_is_no_more(book):
    """The catalogue has lost the row, or the envelope was written by hand."""
    ip = f"{book.net}.1"
    with Server(ip, book.port, rcpt=relays, relay_to=onward(book)):
        assert call(as_owner(book, "--from", "<a@b.example>", "--rcpt", "<{u}@{d}>", ip)).code == 2
        book("nominate", "--run", "last")
    assert {p["probe"] for p in book.host(ip)["proofs"]} == {"hand-1"}
    with Server(ip, book.port):
        assert book.json("retest", ip, code=3)[0]["result"].startswith("undecided")
    assert "can't be asked" in book.host(ip)["trail"][-1]["reason"]
    assert book.host(ip)["state"] == "provisional"


# --- who asks, and how often ----------------------------------------------------------------------

def proved(book, ip):
    with Server(ip, book.port, rcpt=relays, relay_to=onward(book)):
        book.nominate(ip)
        book("test")
    assert book.host(ip)["state"] == "provisional"


def asked_for(book, ip):
    return sum(step["event"] == "test" for step in book.host(ip)["trail"])


def test_twenty_at_once_are_one_test(book):
    ip = f"{book.net}.1"
    proved(book, ip)
    before = asked_for(book, ip)
    with Server(ip, book.port, rcpt=relays, relay_to=onward(book)):
        all_ = [subprocess.Popen(book.command("retest", ip), stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL) for _ in range(20)]
        codes = sorted(proc.wait(60) for proc in all_)
    assert codes == [2] + 19 * [75]
    assert asked_for(book, ip) == before + 1


def test_one_that_could_not_tell_costs_ten_minutes(book):
    ip = f"{book.net}.1"
    proved(book, ip)
    book.configure(wait="1s")
    with Server(ip, book.port, rcpt=lambda session, path: "554 5.7.1 Your address is blocked"):
        got = book.json("retest", ip, code=3)[0]
        assert got["result"].startswith("undecided") and "next" in got
        assert book.json("retest", ip, code=75)[0]["result"] == "too soon"
    book.pass_days(11 / 1440)
    with Server(ip, book.port):
        book("retest", ip)


def test_a_stranger_is_asked_little_and_it_is_said(book):
    ip = f"{book.net}.1"
    proved(book, ip)
    book.scope("198.51.100.0/24 others")
    book.pass_days(1)
    with Server(ip, book.port) as server:
        got = book("retest", ip, code=None)
        asked = [line for line in server.said("RCPT") if "postmaster>" not in line]
    assert got.code == 0 and 1 <= len(asked) <= 4, (got, asked)
    assert "outside the scope: 3 envelopes" in got.err
    with Server(ip, book.port, rcpt=relays, relay_to=onward(book)):
        book.nominate(ip)
        book.pass_days(2)
        assert book("test", "--json", "--outside-scope").err == ""


def test_taken_out_while_it_is_tested(book):
    ip = f"{book.net}.1"
    with Server(ip, book.port, mail=lambda session, path: time.sleep(3)):
        book.nominate(ip)
        with subprocess.Popen(book.command("test"), stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as verb:
            wait_for(lambda: book.host(ip)["state"] == "testing")
            book("delist", "--reason", "a slip", ip)
            assert book.host(ip)["state"] == "dismissed"
            verb.terminate()


def test_who_stops_the_list_stops_its_tester(book):
    ip = f"{book.net}.1"
    book.nominate(ip)
    book.nominate(f"{book.net}.2")
    with Server(ip, book.port, mail=lambda session, path: time.sleep(4)):
        with subprocess.Popen(book.command("test", "--batch", "1"), stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True) as verb:
            wait_for(lambda: book.host(ip)["state"] == "testing")
            time.sleep(0.3)
            children = open(f"/proc/{verb.pid}/task/{verb.pid}/children", encoding="ascii").read().split()
            verb.send_signal(signal.SIGTERM)
            assert "stopped" in verb.communicate(timeout=10)[1] or verb.returncode >= 64
    assert children and not any(os.path.exists(f"/proc/{child}") for child in children)
    assert book.host(ip)["state"] == "nominated"
    assert asked_for(book, f"{book.net}.2") == 0


def on_a_terminal(command, seconds):
    """What a person sees on standard error in the first seconds."""
    ours, theirs = pty.openpty()
    seen, end = b"", time.monotonic() + seconds
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs) as proc:
        os.close(theirs)
        while time.monotonic() < end and proc.poll() is None:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    seen += os.read(ours, 4096)
                except OSError:
                    break
        proc.terminate()
    os.close(ours)
    return seen.decode()


@pytest.mark.parametrize("option,shown", [("", True), ("--quiet", False), ("--json", False)])
def test_a_person_sees_how_far_it_is(book, option, shown):
    ip = f"{book.net}.1"
    book.nominate(ip)
    with Server(ip, book.port, mail=lambda session, path: time.sleep(3)):
        seen = on_a_terminal(book.command("test", *([option] if option else [])), 2.5)
    assert ("0 of 1 hosts, 0%" in seen) == shown, seen
    assert shown or seen == ""


def test_no_terminal_no_progress(book):
    ip = f"{book.net}.1"
    book.nominate(ip)
    with Server(ip, book.port, mail=lambda session, path: time.sleep(1.2)):
        assert book("test").err == ""


def test_the_clock_was_ahead(book):
    """Nothing that a clock of next year wrote keeps a host on the list, or off it, until then."""
    ip = f"{book.net}.1"
    with Server(ip, book.port, rcpt=relays, relay_to=onward(book)):
        book.nominate(ip)
        book("delist", "--reason", "r", ip)
        with book.store() as db:
            db.execute("UPDATE listings SET fresh = fresh + 365 * 86400")
        book.nominate(ip)
        book("test")
        assert book.host(ip)["state"] == "provisional"
        assert sqlite3.connect(os.path.join(book.state, "postern.db")).execute(
            "SELECT expires FROM listings").fetchone()[0] < time.time() + 31 * 86400
