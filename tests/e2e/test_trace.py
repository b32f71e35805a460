# SPDX-License-Identifier: GPL-3.0-or-later
"""postern trace as a program: input in all its forms, output in all of them, exit codes, nominations."""

import json
import os
import subprocess
import xml.etree.ElementTree

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("POSTERN_BUILD", os.path.join(TOP, "build"))
TRACE = os.path.join(BUILD, "postern-trace")
OWN = ("Received: from mail.victim.example (mail.victim.example [198.51.100.5]) by mx.receiver.example "
       "(Postfix)\n\twith ESMTP id 4A1B2C3D4E for <joe@receiver.example>; Mon, 5 Aug 2024 10:00:00 +0000\n")
RELAYED = ("Received: from User (unknown [203.0.113.9]) by mail.victim.example (Postfix) with SMTP\n"
           "\tid AB12CD34EF; Mon, 5 Aug 2024 09:59:00 +0000\n")
LOGIN = RELAYED.replace("with SMTP", "with ESMTPA")
SPAM = "From: <rich@gmail.com>\nReply-To: b@yandex.com\nSubject: \x1b[31m<b>Hi\n\nbody\n"


def call(*args, data=""):
    r = subprocess.run([TRACE, *args], input=data.encode(), capture_output=True, timeout=120, check=False,
                       env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert b"ERROR: AddressSanitizer" not in r.stderr, r.stderr
    return r.returncode, r.stdout.decode(), r.stderr.decode()


def lines(*args, data=""):
    code, out, err = call("--json", *args, data=data)
    return code, [json.loads(line) for line in out.splitlines()], err


@pytest.mark.parametrize("text,code,letter", [
    (OWN + RELAYED + SPAM, 2, "A"),
    (OWN + RELAYED.replace("203.0.113.9", "10.0.0.1") + SPAM, 2, "B"),
    (OWN + LOGIN + SPAM, 0, "E"),
    (OWN.replace("198.51.100.5", "203.0.113.7").replace("mail.victim.example (", "yahoo.com (") + SPAM, 0, "H"),
    (SPAM, 3, "U"),
])
def test_exit_codes_and_verdict(text, code, letter):
    got, docs, _ = lines(data=text)
    assert got == code
    assert [d["type"] for d in docs] == ["message", "verdict"]
    assert docs[0]["class"] == docs[1]["class"] == letter
    assert bool(docs[1]["culprit"]) == (letter in "ABCD")
    assert docs[1]["messages"] == 1


def test_the_culprit_with_its_reasons():
    _, docs, _ = lines("--hops", data=OWN + RELAYED + SPAM)
    m = docs[0]
    assert m["culprit"]["address"] == "198.51.100.5"
    assert m["culprit"]["names"] == ["mail.victim.example"]
    assert m["culprit"]["product"] == "Postfix" and m["culprit"]["witness"] == "own"
    assert 50 < m["confidence"] < 100
    assert all(d["why"] and ("line" in d) for d in m["deciding"])
    assert {"class", "why"} <= set(m["alternatives"][0])
    assert [h["role"] for h in m["hops"]] == ["own", "genuine"]
    assert m["hops"][1]["line"] == 3


def test_text_is_safe_and_says_it():
    code, out, _ = call("--color", "never", data=OWN + RELAYED + SPAM)
    assert code == 2
    assert "standard input: A  open relay" in out and "mail.victim.example [198.51.100.5]" in out
    assert "\x1b" not in out
    assert "nobody named it" in out
    code, out, _ = call("--mx", "mx.receiver.example", data=OWN + RELAYED + SPAM)
    assert code == 2 and "nobody named it" not in out


@pytest.mark.parametrize("option,value", [
    ("--trust", "198.51.100.0/24"), ("--trust", "198.51.100.5"), ("--trust", "mail.victim.example"),
    ("--mx", "mail.victim.example"), ("--org", "victim.example")])
def test_our_own_forwarder_is_not_to_blame(option, value):
    code, docs, _ = lines(option, value, data=OWN + RELAYED + SPAM)
    assert (code, docs[0]["class"], docs[0]["boundary"]["own"]) == (0, "H", 2)


def test_mbox_maildir_and_folder(tmp_path):
    messages = [OWN + RELAYED + SPAM, OWN + LOGIN + SPAM, OWN + RELAYED.replace("AB12", "CD34") + SPAM]
    mbox = tmp_path / "mbox"
    mbox.write_text("".join(f"From a@b Mon Aug  5 10:00:0{i} 2024\n{m}\n>From x\nFrom here on it is text\n\n"
                            for i, m in enumerate(messages)))
    maildir = tmp_path / "maildir"
    for sub in ("new", "cur", "tmp"):
        (maildir / sub).mkdir(parents=True)
    folder = tmp_path / "folder"
    folder.mkdir()
    for i, m in enumerate(messages):
        (maildir / "new" / f"{i}.host").write_text(m)
        (folder / str(i)).write_text(m)
    for path in (mbox, maildir, folder):
        code, docs, err = lines(str(path))
        assert (code, err) == (2, "")
        assert sorted(d["class"] for d in docs[:-1]) == ["A", "A", "E"]
        verdict = docs[-1]
        assert verdict["classes"] == {"A": 2, "E": 1} and verdict["verdict"] == "relay"
        assert verdict["hosts"][0]["address"] == "198.51.100.5" and verdict["hosts"][0]["messages"] == 2
    assert lines(str(mbox))[1][1]["where"] == f"{mbox}#2"
    code, out, _ = call("-s", str(mbox))
    assert code == 2 and "3 messages" in out and "198.51.100.5" in out and "#1" not in out


def test_a_message_larger_than_the_window(tmp_path):
    mbox = tmp_path / "big"
    with open(mbox, "w", encoding="ascii") as out:
        for i in range(2):
            out.write(f"From a@b Mon Aug  5 10:00:0{i} 2024\n{OWN}{RELAYED}From: <x@gmail.com>\nReply-To: y@aol.com\n\n")
            for _ in range(160000):
                out.write("A line of the body, forty characters long\n")
            out.write("\n")
    code, docs, _ = lines(str(mbox))
    assert code == 2 and [d.get("class") for d in docs] == ["A", "A", None]


def test_page_is_well_formed_and_loads_nothing(tmp_path):
    page = tmp_path / "page.html"
    code, _, _ = call("--html", str(page), data=OWN + RELAYED + SPAM)
    assert code == 2
    text = page.read_text()
    root = xml.etree.ElementTree.fromstring(text.replace("<!DOCTYPE html>\n", ""))
    assert root.findall(".//{http://www.w3.org/2000/svg}svg")
    assert "mail.victim.example" in text and "<script" not in text
    assert "http://" not in text.replace("http://www.w3.org/", "")


def test_nominations_gather(tmp_path):
    path = tmp_path / "nominations.jsonl"
    for _ in range(2):
        assert call("--nominate", str(path), data=OWN + RELAYED + SPAM)[0] == 2
    assert call("--nominate", str(path), data=OWN + LOGIN + SPAM)[0] == 0
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == 2
    assert rows[0]["type"] == "nomination" and rows[0]["source"] == "trace"
    assert rows[0]["ip"] == "198.51.100.5" and rows[0]["class"] == "A"
    assert rows[0]["message"].startswith("Received: from mail.victim.example") and "body" not in rows[0]["message"]
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("args,code", [
    (["--trust", "300.1.1.1/8"], 64), (["--trust", ""], 64), (["--hops"], 64), (["--nonsense"], 64),
    (["/nonexistent/mail"], 66)])
def test_misuse(args, code):
    got, out, err = call(*args)
    assert got == code and not out and err


def test_junk_is_no_message(tmp_path):
    assert call(data="")[0] == 3
    junk = tmp_path / "junk"
    junk.write_bytes(os.urandom(1 << 20))
    assert call(str(junk))[0] == 3
    code, _, err = call("--nominate", "/nonexistent/x", data=OWN + RELAYED + SPAM)
    assert code == 73 and "/nonexistent/x" in err


def test_listed_by_the_front_program():
    r = subprocess.run([os.path.join(BUILD, "postern"), "--help"], capture_output=True, text=True, check=False)
    assert "trace" in r.stdout
