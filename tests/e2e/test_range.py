# SPDX-License-Identifier: GPL-3.0-or-later
"""postern range by itself: each model passes what its row says, and nothing else.

The client and the receiving end are written here in plain sockets, so that the range is not tested
with the parts it shares with the tester. test_range_verdicts.py sets postern test on it."""

import os
import re
import select
import signal
import socket
import socketserver
import subprocess
import threading
import time

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("POSTERN_BUILD", os.path.join(TOP, "build"))
RANGE = os.path.join(BUILD, "postern-range")
PATIENCE = 20  # seconds for anything that should take far less

# One recipient of each class, as a client of model H (domain L, address I) writes it.
FORMS = {
    "C1": "<u@probe.example>",
    "C6": '<"u@probe.example">',
    "C7": '<"u@probe.example"@{L}>',
    "C8": "<u%probe.example@{H}>",
    "C9": "<u@probe.example@{L}>",
    "C10": "<probe.example!u@{H}>",
    "C11": "<@{H}:u@probe.example>",
    "C12": "<{H}:u@probe.example>",
    "C13": "u@probe.example",
    "C15": "<IMCEASMTP-u+40probe+2Eexample@{L}>",
}
SENDERS = {
    "": "<s@probe.example>",
    "C2": "<>",
    "C3": "<s@{L}>",
    "C4": "<s>",
    "C5": "<s@[{I}]>",
}


def free_port():
    """One that is free on this machine's loopback, so that two runs can stand side by side."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


PORT = free_port()


def models():
    """The rows of data/range/models.rows as dicts, in order."""
    text = open(os.path.join(TOP, "data/range/models.rows"), encoding="utf-8").read()
    text = re.sub(r"^#.*\n", "", text, flags=re.M)
    text = re.sub(r"\n[ \t]+", " ", text)
    rows = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        rows.append(dict(line.split(": ", 1) for line in paragraph.split("\n")))
    for number, row in enumerate(rows, 1):
        row["ip"] = f"127.26.0.{number}"
    return rows


MODELS = models()


class Receiver(socketserver.ThreadingTCPServer):
    """Takes every message; keeps (peer, sender, recipients, text)."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        self.mail = []
        self.news = threading.Condition()
        self.refuse = 0  # connections to answer with 421 first
        super().__init__(("127.0.0.1", 0), ReceiverSession)

    def keep(self, mail):
        with self.news:
            self.mail.append(mail)
            self.news.notify_all()

    def wait(self, wanted, seconds=PATIENCE):
        """The first message that `wanted` says yes to; None when none came in time."""
        end = time.monotonic() + seconds
        with self.news:
            while True:
                for mail in self.mail:
                    if wanted(mail):
                        return mail
                left = end - time.monotonic()
                if left <= 0 or not self.news.wait(left):
                    return None


class ReceiverSession(socketserver.StreamRequestHandler):
    timeout = PATIENCE

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        sender, rcpts = None, []
        if self.server.refuse:
            self.server.refuse -= 1
            self.say("421 not now")
            return
        self.say("220 receiver")
        for line in self.rfile:
            line = line.decode("latin-1").rstrip("\r\n")
            if line.upper().startswith("MAIL FROM:"):
                sender = line[10:]
            elif line.upper().startswith("RCPT TO:"):
                rcpts.append(line[8:])
            elif line.upper() == "DATA":
                self.say("354 go on")
                text = self.read_message()
                self.server.keep((self.client_address[0], sender, rcpts, text))
                rcpts = []
            elif line.upper() == "QUIT":
                self.say("221 bye")
                return
            self.say("250 ok")

    def read_message(self):
        lines = []
        for line in self.rfile:
            assert line.endswith(b"\r\n"), line
            if line == b".\r\n":
                break
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines).decode("latin-1")


class Range:
    """A running postern range."""

    def __init__(self, *options, listen="127.26.0.1"):
        self.process = subprocess.Popen([RANGE, "--listen", f"{listen}:{PORT}", *options], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        self.first = self.process.stdout.readline() if ready else ""
        assert "models of old mail servers listen" in self.first, self.process.stderr.read()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, err


class Client:
    """Speaks to one model in lock-step."""

    def __init__(self, model, hello=True):
        self.socket = socket.create_connection((model["ip"], PORT), PATIENCE)
        self.file = self.socket.makefile("rb")
        self.names = {"H": f"mail.{model['Id']}.range.example", "L": f"{model['Id']}.range.example",
                      "I": model["ip"]}
        self.banner = self.reply()
        if hello and self.ask("EHLO client.example")[0] != 250:
            assert self.ask("HELO client.example")[0] == 250

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def reply(self):
        lines = []
        while True:
            line = self.file.readline().decode("latin-1")
            assert line.endswith("\r\n"), line
            lines.append(line[4:].rstrip("\r\n"))
            if line[3] != "-":
                return int(line[:3]), "\n".join(lines)

    def ask(self, line):
        self.socket.sendall(line.encode("latin-1") + b"\r\n")
        return self.reply()

    def mail(self, sender):
        return self.ask("MAIL FROM:" + sender.format(**self.names))

    def rcpt(self, form):
        return self.ask("RCPT TO:" + form.format(**self.names))

    def body(self, mark):
        code, text = self.ask("DATA")
        if code != 354:
            return code, text
        return self.ask(f"Subject: {mark}\r\n\r\n..dotted\r\n.")


@pytest.fixture(scope="module")
def receiver():
    server = Receiver()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def running(receiver):
    r = Range("--relay-to", f"127.0.0.1:{receiver.server_address[1]}", "--debug")
    yield r
    code, err = r.stop()
    assert code == 0 and "Sanitizer" not in err, err


def terms(row, field):
    return [set(word.split("+")) for word in row.get(field, "").split() if word != "unknown"]


def passes(row, field, sender, form):
    """What the row says of this envelope, worked out anew from its words."""
    have = {form, sender, "C17"}
    if form == "C13":
        have.add("C1")
    path = {"C1", "C6", "C7", "C8", "C9", "C10", "C11", "C12", "C13", "C15"}
    return any((t if t & path else t | {"C1"}) <= have for t in terms(row, field))


@pytest.mark.parametrize("row", MODELS, ids=[r["Id"] for r in MODELS])
def test_model_is_what_its_row_says(row, running, receiver):
    for sender_class in SENDERS:
        # A session a sender: twenty refusals are what the strictest model forgives.
        with Client(row) as client:
            assert client.banner[0] == 220
            assert client.banner[1].endswith("(model)")
            for form_class in FORMS:
                check_envelope(client, row, receiver, sender_class, form_class)


def check_envelope(client, row, receiver, sender_class, form_class):
    sender, form = SENDERS[sender_class], FORMS[form_class]
    mark = f"{row['Id']}/{sender_class}/{form_class}"
    assert client.mail(sender)[0] == 250
    code, _ = client.rcpt(form)
    opens = passes(row, "Opens", sender_class, form_class)
    if not opens and not passes(row, "Bounces", sender_class, form_class):
        assert str(code) == row.get("Refusal", "550")[:3], mark
        assert client.body(mark)[0] == 554
        assert client.ask("RSET")[0] == 250
        return
    assert code == 250, mark
    assert client.body(mark)[0] == 250
    if opens:
        check_relayed(receiver, row, mark, sender.format(**client.names))


def check_relayed(receiver, row, mark, sender):
    got = receiver.wait(lambda m: f"Subject: {mark}\r\n" in m[3] and m[1] != "<>" or
                        f"Subject: {mark}\r\n" in m[3] and sender == "<>")
    assert got, f"{mark} never arrived"
    peer, mail_from, rcpts, text = got
    assert peer == row["ip"], "comes from the model's own address"
    assert rcpts == ["<u@probe.example>"], "resolved as the product would"
    assert text.endswith("\r\n.dotted\r\n")
    want = sender if sender != "<s>" else f"<s@{row['Id']}.range.example>"
    assert mail_from == want
    if "Received" in row:
        assert text.startswith("Received: from ")
        head = text.split("Subject:")[0]
        assert f"mail.{row['Id']}.range.example" in head and "{" not in head
    else:
        assert text.startswith("Subject:")


@pytest.mark.parametrize("row", [r for r in MODELS if "unknown" in r.get("Bounces", "")],
                         ids=lambda r: r["Id"])
def test_bounces_come_back(row, running, receiver):
    mark = f"bounce of {row['Id']}"
    with Client(row) as client:
        assert client.mail(f"<back-{row['Id']}@probe.example>")[0] == 250
        assert client.rcpt("<nobody@{L}>")[0] == 250
        assert client.body(mark)[0] == 250
        got = receiver.wait(lambda m: m[2] == [f"<back-{row['Id']}@probe.example>"])
        assert got and got[0] == row["ip"] and got[1] == "<>"
        assert f"Subject: {mark}\r\n" in got[3] and "Subject: Undeliverable mail\r\n" in got[3]
        assert f"<nobody@{row['Id']}.range.example>" in got[3]
        # A bounce is never bounced, and own users get none by way of the outside.
        for sender in ("<>", "<s@{L}>"):
            assert client.mail(sender)[0] == 250
            assert client.rcpt("<nobody@{L}>")[0] == 250
            assert client.body(mark + sender)[0] == 250
            assert not receiver.wait(lambda m: mark + sender in m[3], 0.3)


def by_id(name):
    return next(r for r in MODELS if r["Id"] == name)


def test_after_a_local_recipient(running, receiver):
    with Client(by_id("netscape-3")) as client:
        client.mail("<s@probe.example>")
        assert client.rcpt("<u@probe.example>")[0] >= 500
        assert client.rcpt("<info@{L}>")[0] == 250
        assert client.rcpt("<u@probe.example>")[0] == 250
        assert client.body("after local")[0] == 250
        got = receiver.wait(lambda m: "Subject: after local\r\n" in m[3])
        assert got[2] == ["<u@probe.example>"]
        # The next transaction starts anew.
        client.mail("<s@probe.example>")
        assert client.rcpt("<u@probe.example>")[0] >= 500


def test_null_session_is_a_login(running, receiver):
    null = ("TlRMTVNTUAADAAAAAQABAEAAAAAAAAAAQQAAAAAAAABAAAAAAAAAAEAAAAAAAAAAQAAAAAAAAABBAAAABQoAAAA=",
            235)
    named = ("TlRMTVNTUAADAAAAAQABAEAAAAAAAAAAQQAAAAAAAABAAAAABAAEAEAAAAAAAAAAQAAAAAAAAABBAAAABQoAAAA=",
             535)
    for message, code in (named, null):
        with Client(by_id("exchange-2000")) as client:
            client.mail("<s@probe.example>")
            assert client.rcpt("<u@probe.example>")[0] == 550
            client.ask("RSET")
            assert client.ask("AUTH NTLM")[0] == 334
            assert client.ask("TlRMTVNTUAABAAAAB4IAAAAAAAAAAAAAAAAAAAAAAAA=")[0] == 334
            assert client.ask(message)[0] == code
            client.mail("<s@probe.example>")
            assert client.rcpt("<u@probe.example>")[0] == (250 if code == 235 else 550)
    with Client(by_id("exchange-2000")) as client:
        assert client.ask("AUTH PLAIN AGEAYg==")[0] == 504


def test_error_budget(running):
    with Client(by_id("postfix")) as client:
        client.mail("<s@probe.example>")
        assert [client.rcpt("<u@probe.example>")[0] for _ in range(21)] == [554] * 21
        assert client.reply()[0] == 421
        assert client.file.read() == b""
    with Client(by_id("qmail")) as client:
        client.mail("<s@probe.example>")
        assert [client.rcpt("<u@probe.example>")[0] for _ in range(50)] == [553] * 50


def test_many_recipients_ride_in_one_message(running, receiver):
    with Client(by_id("sendmail-5")) as client:
        client.mail("<s@probe.example>")
        for number in range(50):
            assert client.rcpt(f"<u{number}%probe.example@{{H}}>")[0] == 250
        assert client.rcpt("<info@{L}>")[0] == 250
        assert client.body("many")[0] == 250
    got = receiver.wait(lambda m: "Subject: many\r\n" in m[3])
    assert got[2] == [f"<u{n}@probe.example>" for n in range(50)]


def test_old_servers_do_not_know_ehlo(running):
    with Client(by_id("sun-smi"), hello=False) as client:
        assert client.ask("EHLO x")[0] == 500
        assert client.ask("HELO x")[0] == 250
    with Client(by_id("postfix"), hello=False) as client:
        words = client.ask("EHLO x")[1].split("\n")[1:]
        assert {w.split()[0] for w in words} == {"PIPELINING", "SIZE", "VRFY", "ETRN", "8BITMIME"}


def test_no_line_of_ours_by_a_clients_word(running, receiver):
    """HELO and envelope go into Received and replies; they must not break out of them."""
    with Client(by_id("sendmail-5"), hello=False) as client:
        client.ask("HELO a\rX-Evil: yes")
        client.ask("HELO fine")
        client.mail("<s\x01@probe.example>")
        client.ask("RSET")
        client.mail("<s@probe.example>")
        assert client.rcpt('<"u@probe.example>\\\rRCPT TO:<v@other.example">')[0] >= 500
        assert client.rcpt("<u@probe.example>")[0] == 250
        assert client.body("clean")[0] == 250
    got = receiver.wait(lambda m: "Subject: clean\r\n" in m[3])
    assert got[2] == ["<u@probe.example>"] and "X-Evil" not in got[3]


def test_loops_end(running):
    with Client(by_id("aix")) as client:
        client.mail("<s@probe.example>")
        client.rcpt("<u@probe.example>")
        assert client.ask("DATA")[0] == 354
        client.socket.sendall(b"Received: from x by y; now\r\n" * 26 + b"\r\nx\r\n")
        assert client.ask(".")[0] == 554


def test_a_busy_sink_is_tried_again(running, receiver):
    receiver.refuse = 1
    with Client(by_id("aix")) as client:
        client.mail("<s@probe.example>")
        client.rcpt("<u@probe.example>")
        assert client.body("second try")[0] == 250
    assert receiver.wait(lambda m: "Subject: second try\r\n" in m[3])


def test_model_relays_to_model(receiver):
    """Two machines in a row: the sink sees the second, and both have written their line."""
    second = Range("--only", "mercury", "--relay-to", f"127.0.0.1:{receiver.server_address[1]}",
                   listen="127.26.1.1")
    number = [r["Id"] for r in MODELS].index("mercury") + 1
    first = Range("--only", "aix", "--relay-to", f"127.26.1.{number}:{PORT}",
                  listen="127.26.2.1")
    try:
        row = dict(by_id("aix"))
        row["ip"] = row["ip"].replace("127.26.0.", "127.26.2.")
        with Client(row) as client:
            client.mail("<s@probe.example>")
            client.rcpt("<u@probe.example>")
            assert client.body("two hops")[0] == 250
        got = receiver.wait(lambda m: "Subject: two hops\r\n" in m[3])
        assert got[0] == f"127.26.1.{number}"
        assert got[3].count("Received: ") == 2 and "mail.aix." in got[3] and "mail.mercury." in got[3]
    finally:
        assert first.stop()[0] == 0
        assert second.stop()[0] == 0


def call(*options):
    return subprocess.run([RANGE, *options], capture_output=True, text=True, timeout=PATIENCE)


def test_list_shows_every_model():
    got = call("--list")
    assert got.returncode == 0
    lines = got.stdout.splitlines()[1:]
    assert len(lines) == len(MODELS)
    for line, row in zip(lines, MODELS):
        words = line.split()
        assert words[0] == row["ip"].replace("127.26.", "127.25.") + ":2525"
        assert words[1] == row["Id"] and words[2] == row["Verdict"]
    assert len(call("--list", "--only", "sendmail*").stdout.splitlines()) == 1 + 5


def test_write_targets(tmp_path):
    path = tmp_path / "targets"
    r = Range("--only", "aix", "--only", "postfix", "--write-targets", str(path),
              listen="127.26.3.1")
    assert r.stop()[0] == 0
    numbers = [[m["Id"] for m in MODELS].index(name) + 1 for name in ("aix", "postfix")]
    assert path.read_text() == (f"# aix: open\n127.26.3.{numbers[0]}:{PORT}\n"
                                f"# postfix: closed\n127.26.3.{numbers[1]}:{PORT}\n")


@pytest.mark.parametrize("options, why", [
    (["--listen", "192.0.2.1:25"], "127.0.0.0/8"),
    (["--listen", "0.0.0.0:25"], "127.0.0.0/8"),
    (["--listen", "*:25"], "127.0.0.0/8"),
    (["--listen", "[::1]:25"], "127.0.0.0/8"),
    (["--listen", "127.0.0.1"], "and a port"),
    (["--listen", "127.255.255.250:2525"], "no room"),
    (["--relay-to", "192.0.2.1:25"], "127.0.0.0/8"),
    (["--relay-to", "mx.example:25"], "127.0.0.0/8"),
    (["--only", "nosuch"], "no model"),
    (["operand"], "no operands"),
    (["--nosuch"], "nosuch"),
])
def test_misuse(options, why):
    got = call(*options)
    assert got.returncode == 64 and why in got.stderr, got


def test_bad_rows_are_refused(tmp_path):
    path = tmp_path / "bad.rows"
    path.write_text("Id: x\nProduct: y\nBanner: z (model)\nVerdict: open\nSource: w\n")
    got = call("--models", str(path))
    assert got.returncode == 71
    assert f"{path}:4: Verdict: does not follow from Opens and Bounces" in got.stderr
    got = call("--models", str(tmp_path / "none"))
    assert got.returncode == 71 and "none: No such file" in got.stderr


def test_without_a_sink_mail_goes_nowhere():
    r = Range("--only", "aix", listen="127.26.4.1")
    row = dict(by_id("aix"))
    row["ip"] = row["ip"].replace("127.26.0.", "127.26.4.")
    with Client(row) as client:
        client.mail("<s@probe.example>")
        client.rcpt("<u@probe.example>")
        assert client.body("nowhere")[0] == 250
    code, err = r.stop()
    assert code == 0 and "event=kept" in err
