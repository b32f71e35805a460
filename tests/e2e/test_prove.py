# SPDX-License-Identifier: GPL-3.0-or-later
"""postern prove on messages, mboxes and Maildirs: what proves, what does not, and what is kept."""

import base64
import json
import os
import subprocess
import sys
import time

import pytest

from sinklib import BUILD, mint

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROVE = os.path.join(BUILD, "postern-prove")
PROOFS = os.path.join(BUILD, "postern-proofs")
TARGET = "192.0.2.1"
RUN = 0x0BADCAFE
KEY = bytes(range(32))


@pytest.fixture
def state(tmp_path):
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    key = folder / "key"
    key.write_text(base64.b32encode(KEY).decode().lower().rstrip("=") + "\n")
    key.chmod(0o600)
    return str(folder)


def call(program, state, *args, data=None):
    if isinstance(data, str):
        data = data.encode()
    return subprocess.run([program, "--state", state, *args], input=data or b"", capture_output=True,
                          timeout=60, env={**os.environ, "LC_ALL": "C.UTF-8"}, check=False)


def prove(state, *args, data=None):
    """Exit status and the objects of --json."""
    r = call(PROVE, state, "--json", *args, data=data)
    assert b"ERROR: AddressSanitizer" not in r.stderr, r.stderr
    return r.returncode, [json.loads(line) for line in r.stdout.splitlines()], r.stderr.decode()


def proofs(state):
    r = call(PROOFS, state, "--json")
    assert r.returncode == 0, r.stderr
    return [json.loads(line) for line in r.stdout.splitlines()]


def token(serial=1, kind="r", key=KEY, tested=TARGET):
    return mint(key, serial=serial, run=RUN, tested=tested, kind=kind)


def message(tokens, top="", target=TARGET):
    """Our message as src/mail/build.c writes it, with `top` (fields) above it."""
    lines = "".join(f"Token: {t} form{i}\r\n" for i, t in enumerate(tokens))
    return (top.replace("\n", "\r\n") +
            "Date: Mon, 8 Oct 2001 14:00:00 +0200\r\n"
            "From: \"Relay test\" <postmaster@tester.example>\r\n"
            f"To: {tokens[0]}@probe.example\r\n"
            f"Subject: Mail relay test, run {RUN:08x}\r\n"
            "Message-ID: <1.2@tester.example>\r\n"
            "Auto-Submitted: auto-generated\r\n"
            f"X-Postern-Probe: run={RUN:08x};\r\n target={target};\r\n tokens={len(tokens)};\r\n"
            " id=1.2@tester.example\r\n\r\n"
            f"This message is a test of the mail system\r\n\r\n    {target}\r\n\r\n{lines}"
            f"End of tokens: {len(tokens)}\r\n")


def received(peer, rcpt=None, by="mx.probe.example"):
    of = f"\n\tfor <{rcpt}>" if rcpt else ""
    date = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime())
    return f"Received: from relay.example (relay.example [{peer}])\n\tby {by} (Postfix) with ESMTP id 4B1234ABCD{of};\n\t{date}\n"


def test_recipient_is_proved_and_kept(state):
    a, b = token(1), token(2)
    raw = message([a, b], received(TARGET, f"{a}@probe.example"))
    code, docs, _ = prove(state, data=raw)
    assert code == 0 and len(docs) == 1
    doc = docs[0]
    assert (doc["kind"], doc["ours"], doc["proved"], doc["output"]) == ("probe", True, True, TARGET)
    found = {t["serial"]: t for t in doc["tokens"]}
    assert found[1]["scope"] == "recipient" and found[1]["path"] == "direct"
    assert found[1]["rcpt"] == f"{a}@probe.example"
    assert found[2]["scope"] == "transaction" and found[2]["proved"]
    kept = {p["serial"]: p for p in proofs(state)}
    assert kept[1]["scope"] == "recipient" and kept[2]["scope"] == "transaction"
    assert kept[1]["what"] == "arrival" and kept[1]["source"] == "message"
    assert kept[1]["output"] == TARGET
    assert kept[1]["hops"][0]["by"] == "mx.probe.example"
    assert abs(time.time() - time.mktime(time.strptime(kept[1]["received"][:19],
                                                       "%Y-%m-%dT%H:%M:%S")) + time.timezone) < 90
    raw_kept = call(PROOFS, state, "--raw", str(kept[1]["id"])).stdout
    assert raw_kept == raw.encode()


def test_twice_is_one_proof(state):
    raw = message([token()], received(TARGET))
    assert prove(state, data=raw)[0] == 0
    assert prove(state, data=raw)[0] == 0
    found = proofs(state)
    assert len(found) == 1 and found[0]["seen"] == 2


def test_no_store_keeps_nothing(state):
    assert prove(state, "--no-store", data=message([token()], received(TARGET)))[0] == 0
    assert not os.path.exists(os.path.join(state, "postern.db"))


FORGED = {
    "a copy of the text, mailed by a stranger":
        lambda t: message([t], received("198.51.100.9")),
    "the same to the token's address":
        lambda t: message([t], received("198.51.100.9", f"{t}@probe.example")),
    "with an invented Delivered-To":
        lambda t: message([t], received("198.51.100.9") + f"Delivered-To: {t}@probe.example\n"),
    "without any Received":
        lambda t: message([t], f"Delivered-To: {t}@probe.example\n"),
    "a token for another host":
        lambda t: message([token(tested="192.0.2.99")], received(TARGET)),
    "a token of another key":
        lambda t: message([token(key=b"x" * 32)], received(TARGET, f"{token(key=b'x' * 32)}@p.example")),
    "the text without our mark":
        lambda t: received(TARGET, f"{t}@p.example") + f"Subject: hello\n\nToken: {t}\n",
    "forwarded as an attachment":
        lambda t: received(TARGET) + "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nlook\n--b\n"
        "Content-Type: message/rfc822\n\n" + message([t]) + "\n--b--\n",
    "an empty message": lambda t: "",
    "nothing of ours": lambda t: "From: a@b.example\n\nhello\n",
}


@pytest.mark.parametrize("name", FORGED)
def test_proves_nothing(state, name):
    raw = FORGED[name](token())
    code, docs, _ = prove(state, data=raw)
    assert code == 1
    assert not any(d["proved"] for d in docs)
    assert not any(t["proved"] for d in docs for t in d["tokens"])
    assert [p for p in proofs(state) if p["what"] == "arrival"] == []


def test_chain_of_two_hosts(state):
    top = received("192.0.2.77") + received(TARGET, by="out.example")
    code, docs, _ = prove(state, data=message([token()], top))
    assert code == 0
    t = docs[0]["tokens"][0]
    assert (t["path"], t["target"], docs[0]["output"]) == ("chain", TARGET, "192.0.2.77")
    assert [h["by"] for h in docs[0]["hops"]] == ["out.example", "mx.probe.example"]


def bounce(tokens, failed, sender):
    return (f"Return-Path: <>\nDelivered-To: {sender}@probe.example\n" + received(TARGET) +
            "From: MAILER-DAEMON@relay.example\nSubject: Undelivered Mail Returned to Sender\n"
            "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nsorry\n"
            "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; relay.example\n\n"
            f"Final-Recipient: rfc822; {failed}@probe.example\nAction: failed\nStatus: 5.1.1\n\n--b\n"
            "Content-Type: message/rfc822\n\n" + message(tokens) + "\n--b--\n")


def test_bounce_is_no_arrival(state):
    a, b, s = token(1), token(2), token(9, kind="s")
    code, docs, _ = prove(state, data=bounce([a, b], b, s))
    assert code == 1
    doc = docs[0]
    assert doc["kind"] == "bounce" and doc["report"]["by"] == "relay.example"
    assert doc["report"]["recipients"][0]["status"] == "5.1.1"
    kept = proofs(state)
    # Only the recipient that failed: the others of the transaction may still arrive.
    assert [(p["serial"], p["what"]) for p in kept] == [(2, "bounce")]


def test_answer_is_no_arrival(state):
    raw = (received(TARGET) + f"To: {token(9, kind='s')}@probe.example\nFrom: joe@relay.example\n"
           "Subject: away\nAuto-Submitted: auto-replied\n\nI am away.\n")
    code, docs, _ = prove(state, data=raw)
    assert code == 1 and docs[0]["kind"] == "auto-reply"
    assert [p["what"] for p in proofs(state)] == ["auto-reply"]


def test_mbox(state, tmp_path):
    box = tmp_path / "mbox"
    one = message([token(1)], received(TARGET)).replace("\r\n", "\n")
    two = message([token(2)], received("198.51.100.9")).replace("\r\n", "\n")
    box.write_text("From a@b Mon Oct  8 12:00:00 2001\n" + one + "\nFrom a@b Mon Oct  8 12:00:01 2001\n" +
                   two + "\nFrom the text: this begins no message\n\nFrom a@b Mon Oct  8 12:00:02 2001\n"
                   "Subject: other\n\nhello\nFrom a@b Mon Oct  8 12:00:03 2001: no empty line before\n")
    code, docs, _ = prove(state, str(box))
    assert code == 0
    assert [d["where"].rsplit(" ")[-1] for d in docs] == ["#1", "#2", "#3"]
    assert [d["proved"] for d in docs] == [True, False, False]


def test_mbox_from_standard_input_in_crlf(state):
    raw = "".join("From x Mon Oct  8 12:00:00 2001\r\n" + message([token(i)], received(TARGET)) + "\r\n" for i in range(1, 4))
    code, docs, _ = prove(state, "-", data=raw)
    assert code == 0 and [d["proved"] for d in docs] == [True] * 3


def maildir(path):
    for name in ("new", "cur", "tmp", ".sub/new", ".sub/cur"):
        os.makedirs(path / name)
    return path


def test_maildir(state, tmp_path):
    box = maildir(tmp_path / "box")
    (box / "new" / "1.host").write_text(message([token(1)], received(TARGET)))
    (box / "cur" / "2.host:2,S").write_text(message([token(2)], received(TARGET)))
    (box / ".sub" / "new" / "3.host").write_text(message([token(3)], received(TARGET)))
    (box / "new" / "4.host").write_text("Subject: private\n\nnobody's business\n")
    before = sorted(str(p) for p in box.rglob("*"))
    code, docs, _ = prove(state, str(box))
    assert code == 0
    assert sorted(t["serial"] for d in docs for t in d["tokens"]) == [1, 2, 3]
    assert all(d["source"] == "maildir" for d in docs)
    assert sorted(str(p) for p in box.rglob("*")) == before
    assert len(prove(state, "--all", str(box))[1]) == 4


def test_wait_for_a_maildir(state, tmp_path):
    box = maildir(tmp_path / "box")
    p = subprocess.Popen([PROVE, "--state", state, "--json", "--wait", "60", str(box)],
                         stdout=subprocess.PIPE)
    time.sleep(0.3)
    tmp = box / "tmp" / "1.host"
    tmp.write_text(message([token(1)], received(TARGET)))
    tmp.rename(box / "new" / "1.host")
    started = time.monotonic()
    out, _ = p.communicate(timeout=50)
    assert p.returncode == 0 and time.monotonic() - started < 30
    assert json.loads(out)["proved"]


def test_waiting_ends(state, tmp_path):
    box = maildir(tmp_path / "box")
    assert prove(state, "--wait", "1", str(box))[0] == 1


def test_words(state):
    a = token(1)
    r = call(PROVE, state, data=message([a, token(2)], received(TARGET, f"{a}@probe.example")))
    text = r.stdout.decode()
    assert r.returncode == 0
    for part in ("standard input: our message, arrived", "proved", f"run {RUN:08x} (not in this store)",
                 "the tested address 192.0.2.1 brought it itself", "mx.probe.example (Postfix)"):
        assert part in text, text
    r = call(PROVE, state, data=message([a], received("198.51.100.9")))
    assert r.returncode == 1
    assert "this proves nothing" in r.stdout.decode()


def test_hostile_bytes_never_reach_the_terminal(state):
    a = token(1)
    evil = "\x1b]0;owned\x07\x9b31m\r\b"
    top = (f"X-Original-To: {evil}{a}@probe.example\n"
           f"Received: from {evil} (x{evil} [192.0.2.1]) by mx{evil}.example (Postfix) with SMTP id {evil}\n")
    raw = message([a], top).encode("latin-1")
    for args in ((), ("--json",)):
        out = call(PROVE, state, *args, data=raw).stdout
        assert a.encode() in out or args == ()
        assert not [c for c in out if c < 32 and c != 10 or c > 126 and args]
        assert b"\x1b" not in out and b"\x9b" not in out


def test_a_message_longer_than_we_read(state):
    raw = message([token(1)], received(TARGET)) + "x" * 78 + "\r\n"
    code, docs, _ = prove(state, data=raw + ("y" * 76 + "\r\n") * 20000)
    assert code == 0 and docs[0]["cut"] and docs[0]["proved"]


def test_a_line_without_end(state):
    code, docs, _ = prove(state, data=b"Subject: " + b"x" * (3 << 20))
    assert code == 1 and docs[0]["cut"] and docs[0]["kind"] == "other"


def test_two_hundred_thousand_received_lines(state):
    started = time.monotonic()
    code, docs, _ = prove(state, data="Received: by x\r\n" * 60000 + "\r\n" + token(1))
    assert code == 1 and time.monotonic() - started < 10


@pytest.mark.parametrize("args, status, words", [
    (("--nonsense",), 64, "--nonsense"),
    (("--wait", "5"), 64, "--wait needs"),
    (("--imap-user", "joe"), 64, "without --imap"),
    (("/no/such/file",), 66, "No such file"),
    (("--imap", "imaps://joe:secret@127.0.0.1/"), 64, "no password in the URL"),
    (("--imap", "https://127.0.0.1/"), 64, "must begin with"),
    (("--imap", "imap://127.0.0.1:1/", "--imap-password-file", "/no/such/file"), 66, "No such file"),
])
def test_misuse(state, args, status, words):
    r = call(PROVE, state, *args)
    assert r.returncode == status, r.stderr
    assert words in r.stderr.decode() and b"secret" not in r.stderr.replace(b"--imap", b"")


def test_without_a_key(tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir(mode=0o700)
    r = call(PROVE, str(folder), data=b"x")
    assert r.returncode == 66
    assert b"--state" in r.stderr and os.listdir(folder) == []


def test_the_front_program_finds_it(state):
    r = subprocess.run([os.path.join(BUILD, "postern"), "prove", "--state", state, "--json"],
                       input=message([token(1)], received(TARGET)).encode(), capture_output=True,
                       timeout=60, check=False)
    assert r.returncode == 0, r.stderr


def test_help():
    r = subprocess.run([PROVE, "--help"], capture_output=True, timeout=60, check=False)
    assert r.returncode == 0 and b"--imap-password-file" in r.stdout and b"Exit status" in r.stdout
