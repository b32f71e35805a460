# SPDX-License-Identifier: GPL-3.0-or-later
"""postern list and what people, files and disks do to it: odd words, odd files, no room."""

import json
import os
import sys

import pytest

from listlib import LIST, Book
from testlib import APART, call


@pytest.fixture(name="book")
def fixture_book(tmp_path, request):
    number = sum(map(ord, request.node.name)) % 250 + 1
    return Book(tmp_path, f"127.30.{number}")


def sample(ip, subject="buy"):
    return (f"Received: from relay.victim.example (relay.victim.example [{ip}])\n"
            "\tby mx.own.example (Postfix) with ESMTP id 4XyZ12abcd\n"
            "\tfor <me@own.example>; Sat, 21 Nov 2026 20:00:05 +0000 (UTC)\n"
            f"From: a@b.example\nSubject: {subject}\n\nx\n")


def evidence(ip, **more):
    return json.dumps({"type": "nomination", "ip": ip, "source": "gate", "reason": "relay-attempt",
                       **more}) + "\n"


@pytest.mark.parametrize("bad", [
    "0177.0.0.1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4/32", "fe80::1%eth0", "", "1.2.3.4 ",
    "example.org", "0x7f.1", "01.2.3.4", "1.2.3.4\n"])
def test_what_is_no_address(book, bad):
    got = book("nominate", "--reason", "r", bad, code=64)
    assert got.out == "" and got.err.count("\n") <= 2


def test_one_address_in_all_its_forms(book):
    for text, ip in (("::ffff:9.9.9.9", "9.9.9.9"), ("2A00:1450:0:0::25", "2a00:1450::25")):
        assert book.json("nominate", "--reason", "r", text)[0]["ip"] == ip
        assert book.json("nominate", "--reason", "r", ip)[0]["result"] == "known"


FILES = [
    ("empty", "", 1, 0), ("blank", "\n \n", 1, 0), ("binary", bytes(range(256)) * 50, 65, 0),
    ("CRLF", evidence("9.9.9.1").replace("\n", "\r\n") * 2, 0, 2),
    ("a mark in front", "\ufeff" + evidence("9.9.9.1"), 0, 1),
    ("no end of line", evidence("9.9.9.1").strip(), 0, 1),
    ("good and bad", evidence("9.9.9.1") + "rubbish\n" + evidence("9.9.9.2"), 65, 2),
    ("a word that is none", evidence("9.9.9.1", witness="wrong", source="a\x1bb"), 0, 1),
    ("one member twice", '{"type":"nomination","ip":"9.9.9.1","ip":"9.9.9.2"}\n', 65, 0),
    ("a line too long", evidence("9.9.9.1", x="a" * 200000), 65, 0),
    ("of others", '{"type":"session"}\n', 1, 0)]


@pytest.mark.parametrize("name,data,code,count", FILES, ids=[name for name, *_ in FILES])
def test_files(book, name, data, code, count):
    path = book.folder / "file"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    assert len(book.json("nominate", path, code=code)) == count, name


def test_an_mbox(book):
    path = book.folder / "mbox"
    letters = [f"From a@b.example Sat Nov 21 20:00:0{i} 2026\n" + sample("9.9.9.1", f"buy {i}") + "\n"
               for i in range(3)]
    # A line of a text that begins so, and a message that blames nobody.
    letters[1] = letters[1].replace("\nx\n", "\nx\n\nFrom here on it says more.\n")
    path.write_text(letters[0] + letters[1] + letters[2] +
                    "From c@d.example Sat Nov 21 20:00:09 2026\n" + sample("9.9.9.2"))
    got = book("nominate", "--host", "9.9.9.1", path)
    assert got.out.count("9.9.9.1  ") == 3 and f"{path}#4: no genuine line" in got.err
    assert len(book.host("9.9.9.1")["evidence"]) == 3


def test_words_of_people(book):
    book("nominate", "--reason", "", "9.9.9.1", code=64)
    book("nominate", "--host", "nonsense", "-", data=sample("9.9.9.1"), code=64)
    book("nominate", "--reason", "ä" * 3000, "9.9.9.1")
    assert book.host("9.9.9.1")["evidence"][0]["reason"] == r"\xc3\xa4" * 500
    # Too long for a record it is cut, not lost.
    book("delist", "--reason", "ä" * 3000, "9.9.9.1")
    reason = book.host("9.9.9.1")["trail"][-1]["reason"]
    assert 2000 < reason.count(r"\xc3\xa4") <= 2048 and reason.endswith(r"\xa4")
    book.nominate("9.9.9.2")
    book("delist", "--reason", 'a\nb\x1b[31m"\\', "9.9.9.2")
    assert "\x1b" not in book("show", "9.9.9.2").out and book.host("9.9.9.2")


def test_search_says_each_once(book):
    for i in range(4):
        book.nominate(f"9.9.9.{i}")
    assert [g["ip"] for g in book.json("search", "9.9.9.1", "9.9.9.0/24", "9.9.0.0/16")] == [
        "9.9.9.1", "9.9.9.0", "9.9.9.2", "9.9.9.3"]
    assert len(book.json("search", "-n", "3", "9.9.9.1", "9.9.9.0/24")) == 3
    assert "no class" in book("search", "--class", "nonsense", code=64).err
    book("search", "--class", "relay", code=1)


def test_all_of_a_network_come_back(book):
    """More than one round can hold, and behind as many that stay."""
    for net in ("9.10", "9.11"):
        path = book.folder / net
        path.write_text("".join(evidence(f"{net}.{i >> 8}.{i & 255}") for i in range(1200)))
        book("nominate", path)
        book("exempt", "--reason", "r", f"{net}.0.0/16")
    book("exempt", "--remove", "--reason", "r", "9.11.0.0/16")
    assert len(book.json("search", "--status", "exempt")) == 1200
    assert len(book.json("search", "--status", "delisted", "9.11.0.0/16")) == 1200


def test_no_room(book):
    """What is told as done is on disk."""
    if os.geteuid() != 0:
        pytest.skip("needs a disk of its own")
    place, path = book.folder / "small", book.folder / "many"
    place.mkdir()
    path.write_text("".join(evidence(f"9.9.{i >> 8}.{i & 255}", x="y" * 500) for i in range(5000)))
    state = f"{place}/state"
    verb = f"'{LIST}' %s --state '{state}' --config '{book.config}'"
    got = call([sys.executable, "-B", APART, str(book.folder / "root"), f"""
        mount -t tmpfs -o size=600k tmpfs '{place}'
        {verb % "nominate"} --reason r 9.8.8.8 && {verb % "nominate"} --json '{path}'
        echo "code $?"; {verb % "check"}; {verb % "search"}
        mount -o remount,ro '{place}'
        {verb % "search"} >/dev/null; echo "looked $?"
        {verb % "delist"} --reason r 9.8.8.8; echo "changed $?" """])
    told = [json.loads(line)["ip"] for line in got.out.splitlines() if line.startswith("{")]
    assert "code 74" in got.out and "no space left" in got.err, got
    assert "unbroken" in got.out and "looked 0" in got.out and "changed 77" in got.out, got
    kept = [line.split()[0] for line in got.out.splitlines() if line.startswith("9.")]
    assert "9.8.8.8" in kept and set(told) <= set(kept), (len(told), len(kept))


def test_check_from_the_last_time_on(book):
    book.nominate("9.9.9.1")
    mark = book.json("check", code=1)[0]["last"]
    book.nominate("9.9.9.2")
    got = book.json("check", "--since", mark, code=1)[0]
    assert got["sound"] and got["last"].startswith("2:") and got["last"] in book("check", code=1).out
    for bad in ("x", "1:", "0:" + mark[2:], mark + "0", ":" + mark):
        book("check", "--since", bad, code=64)
    assert "number 2 is not" in book("check", "--since", "2" + mark[1:], code=65).out
    # Its end cut off, the chain is unbroken to who has kept nothing.
    with book.store() as db:
        db.execute("DROP TRIGGER listing_records_remove")
        db.execute("DELETE FROM listing_records WHERE seq = 2")
    assert book.json("check", code=1)[0]["sound"]
    assert not book.json("check", "--since", got["last"], code=65)[0]["sound"]


def test_help_says_how_it_is_called():
    for verb in ("nominate", "exempt", "retire", "test", "retest", "show", "search"):
        head = call([LIST, verb, "--help"]).out.split("\n\n")[0]
        assert head.count(f"postern list {verb}") == head.count("\n   or: ") + 1, head
        assert max(map(len, head.splitlines())) <= 100
    assert os.path.basename(LIST) == "postern-list"
