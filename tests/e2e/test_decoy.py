# SPDX-License-Identifier: GPL-3.0-or-later
"""postern decoy as spammers, testers and its operator see it: looks open, delivers nothing, keeps record."""

import base64
import json
import os
import pwd
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import time

import pytest

from testlib import BUILD, PATIENCE, Logging, Tester, TOP, free_port

sys.path.insert(0, os.path.join(TOP, "tests", "lab"))
import kernel  # noqa: E402  pylint: disable=wrong-import-position

DECOY = os.path.join(BUILD, "postern-decoy")
NAME = "mx.decoy.example"
SPAM = "Subject: buy\r\nContent-Type: text/html\r\n\r\nbuy http://a http://b http://c\r\n"
ROOT = os.geteuid() == 0


class Decoy(Logging):
    """One decoy on loopback, with folders that its user can write to. Root runs it as nobody."""

    def __init__(self, *options, folder=None, wrap=(), listen=None, env=None):
        self.made = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix="postern-decoy-")
        self.options, self.wrap, self.env = options, wrap, env
        self.port = free_port()
        self.listen = listen or f"127.0.0.1:{self.port}"
        self.state = self.sub("state", make=False)
        self.lines = []
        self.process = None

    def sub(self, name, make=True):
        path = os.path.join(self.folder, name)
        os.chmod(self.folder, 0o755)
        if make:
            os.makedirs(path, exist_ok=True)
            if ROOT:
                os.chown(path, pwd.getpwnam("nobody").pw_uid, -1)
        return path

    def command(self):
        user = ["--user", "nobody"] if ROOT else []
        return [*self.wrap, DECOY, "--listen", self.listen, "--name", NAME, "--state", self.state, "-v",
                *user, *self.options]

    def __enter__(self):
        self.begin(self.command(), os.path.join(self.folder, "log"), "event=listening", self.env)
        return self

    def __exit__(self, *_):
        self.end()
        if self.made:
            shutil.rmtree(self.folder)
        self.sound()

    def restart(self, how=signal.SIGKILL):
        self.process.send_signal(how)
        self.process.wait(PATIENCE)
        self.log.close()
        self.__enter__()

    def look(self, *args, code=0):
        got = subprocess.run([DECOY, *args, "--state", self.state], text=True, timeout=PATIENCE,
                             capture_output=True, check=False)
        assert got.returncode == code, got.stderr
        return got.stdout

    def json(self, *args, code=0):
        return [json.loads(line) for line in self.look(*args, "--json", code=code).splitlines()]

    def records(self):
        """All lines as they stand in the files."""
        folder = os.path.join(self.state, "decoy", "records")
        return [json.loads(line) for name in sorted(os.listdir(folder))
                for line in open(os.path.join(folder, name), encoding="ascii")]

    def await_session(self, count=1):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = [r for r in self.records() if r["type"] == "session"]
            if len(found) >= count:
                return found
            time.sleep(0.02)
        raise AssertionError("no record of the session")

    def smtp(self):
        return smtplib.SMTP("127.0.0.1", self.port, timeout=PATIENCE)

    def send(self, text, rcpts=("victim@far.example",), sender="me@spam.example"):
        with self.smtp() as s:
            return s.sendmail(sender, list(rcpts), text)


@pytest.fixture(name="decoy")
def fixture_decoy():
    with Decoy("--rate", "6000") as d:
        yield d


# ---- what it looks like -----------------------------------------------------------------------

def personas():
    text = open(os.path.join(TOP, "data/personas/personas.rows"), encoding="utf-8").read()
    return re.findall(r"(?m)^Id: (\S+)$", text)


@pytest.mark.parametrize("persona", personas())
def test_every_persona_takes_a_message(persona):
    with Decoy("--persona", persona) as d, d.smtp() as s:
        assert s.ehlo("there")[0] == 250
        if s.has_extn("starttls"):
            s.starttls()
            assert not s.has_extn("starttls") and s.ehlo("there")[0] == 250
        assert s.sendmail("a@b.example", ["c@d.example"], "Subject: x\r\n\r\nx\r\n") == {}
        s.quit()
        record = d.json("show")[0]
        assert (record["persona"], record["mail"], record["rcpts"]) == \
            (persona, "<a@b.example>", ["<c@d.example>"])


def test_wordings_are_the_products():
    with Decoy("--persona", "sendmail") as d, socket.create_connection(("127.0.0.1", d.port)) as s:
        f = s.makefile("rb")

        def say(line):
            s.sendall(line + b"\r\n")
            reply = f.readline()
            while reply[3:4] == b"-":
                reply = f.readline()
            return reply.decode().strip()
        assert re.match(r"220 mx\.decoy\.example ESMTP Sendmail 8\.14\.4/8\.14\.4; \w{3}, ",
                        f.readline().decode())
        assert say(b"MAIL FROM:<a@b>") == "503 5.0.0 Polite people say HELO first"
        assert say(b"HELO me") == \
            f"250 {NAME} Hello me [127.0.0.1], pleased to meet you"
        assert say(b"XYZZY") == "500 5.5.1 Command unrecognized"
        assert say(b"MAIL FROM:<a@b>") == "250 2.1.0 <a@b>... Sender ok"
        assert say(b"RCPT TO:<c@d>") == "250 2.1.5 <c@d>... Recipient ok"
        assert say(b"RSET") == "250 2.0.0 Reset state"
        assert say(b"QUIT") == f"221 2.0.0 {NAME} closing connection"


def test_pipelined_hellos_are_all_reworded(decoy):
    with socket.create_connection(("127.0.0.1", decoy.port)) as s:
        f = s.makefile("rb")
        f.readline()
        s.sendall(b"EHLO a\r\nEHLO b\r\nNOOP\r\nEHLO c\r\nQUIT\r\n")
        text = f.read().decode()
    assert text.count(f"250-{NAME}\r\n250-PIPELINING\r\n") == 3
    assert "Hello" not in text and text.endswith("221 2.0.0 Bye\r\n")


@pytest.mark.skipif(not shutil.which("nmap"), reason="nmap is not here")
def test_nmap_believes_it(decoy):
    got = subprocess.run(["nmap", "-Pn", "-n", "-p", str(decoy.port), "--script", "+smtp-open-relay",
                          "127.0.0.1"], text=True, capture_output=True, timeout=120, check=True)
    assert "Server is an open relay (16/16 tests)" in got.stdout, got.stdout
    assert decoy.await_session()


@pytest.mark.skipif(not shutil.which("swaks"), reason="swaks is not here")
def test_swaks(decoy):
    subprocess.run(["swaks", "--server", f"127.0.0.1:{decoy.port}", "--from", "a@b.example", "--to",
                    "drop@box.example", "--tls", "--helo", "swaks.example"], check=True,
                   stdout=subprocess.DEVNULL, timeout=PATIENCE)
    record = decoy.json("show")[0]
    assert record["verdict"] == "test" and record["tls"].startswith("TLSv1.3 ")
    tls = decoy.await_session()[0]["tls"]
    assert tls["version"] == "TLSv1.3" and re.fullmatch(r"[0-9a-f]{32}", tls["ja3_md5"])
    assert re.fullmatch(r"771(,[0-9-]*){4}", tls["ja3"]) and "1302" in tls["ciphers"]


def test_our_own_tester_says_accepts_and_never_open(decoy, tmp_path):
    got = Tester(tmp_path).json("--own", "--wait", "2", f"127.0.0.1:{decoy.port}")
    assert got.verdict["verdict"] == "accepts", got.err
    assert got.code == 1 and got.verdict["proved"] == []
    assert got.verdict["accepted_unproved"]
    records = decoy.json("show")
    assert records and {r["verdict"] for r in records} == {"test"}


# ---- what it keeps ----------------------------------------------------------------------------

def test_test_and_spam_and_why(decoy):
    decoy.send("Subject: hi\r\n\r\nrelay at 127-0-0-1 works\r\n", ["drop@box.example"])
    decoy.send(SPAM, [f"v{i}@far.example" for i in range(60)])
    test, spam = decoy.json("show")
    assert test["verdict"] == "test" and "own-address-in-text +3" in test["why"]
    assert spam["verdict"] == "spam" and "mass-mailing -3" in spam["why"]
    assert (spam["rcpt_count"], len(spam["rcpts"])) == (60, 50)
    assert [r["id"] for r in decoy.json("show", "--kind", "test")] == [test["id"]]
    assert decoy.json("drops") == [{"drop": "drop@box.example", "first": test["time"],
                                    "last": test["time"], "tests": 1, "client": "127.0.0.1"}]
    client, = decoy.json("clients")
    assert (client["messages"], client["tests"], client["spam"]) == (2, 1, 1)
    assert "relay at 127-0-0-1 works" in decoy.look("show", test["id"])
    assert decoy.look("show", "--client", "192.0.2.0/24", code=1) == ""
    assert decoy.look("show", "--since", "2200-01-01", code=1) == ""


def test_bodies_are_cut_and_kept_once(decoy):
    body = "x" * 998 + "\r\n"
    for i in range(3):
        decoy.send(f"Subject: {i}\r\n\r\n" + body * 100)
    records = decoy.json("show")
    assert len({r["body"] for r in records}) == 1 and [r["again"] for r in records] == [0, 1, 2]
    assert {r["size"] > 100000 for r in records} == {True}
    folder = os.path.join(decoy.state, "decoy", "bodies")
    assert os.listdir(folder) == [records[0]["body"]]
    assert os.path.getsize(os.path.join(folder, records[0]["body"])) == records[0]["body_kept"] < 65536


def test_logins_names_yes_passwords_no():
    with Decoy("--persona", "exchange-2003") as d:
        for user in ("tim", "tim", "tom"):
            with d.smtp() as s:
                s.ehlo("x")
                with pytest.raises(smtplib.SMTPAuthenticationError):
                    s.login(user, "tanstaaf-secret")
        sessions = d.await_session(3)
        logins = [login for s in sessions for login in s["logins"]]
        assert [login["user"] for login in logins] == ["tim", "tim", "tom"]
        assert len({login["password"] for login in logins}) == 2
        for where, _, names in os.walk(d.state):
            for name in names:
                with open(os.path.join(where, name), "rb") as f:
                    text = f.read()
                assert b"tanstaaf" not in text
                assert base64.b64encode(b"tanstaaf-secret")[:12] not in text


def test_a_persona_with_a_guessed_account_takes_the_login():
    with Decoy("--persona", "postfix-login") as d, d.smtp() as s:
        s.ehlo("x")
        assert s.login("info", "info123")[0] == 235
        s.sendmail("a@b.example", ["c@d.example"], "\r\nx\r\n")
        assert d.json("show")[0]["login"] == "info"


def test_traits_of_a_rude_client(decoy):
    with socket.create_connection(("127.0.0.1", decoy.port)) as s:
        s.sendall(b"EHLO [127.0.0.1]\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\n\r\nx\nby\r\n.\r\nQUIT\r\n")
        while s.recv(4096):
            pass
    session, = decoy.await_session()
    assert session["helo_traits"] == "literal,true-address" and session["out_of_turn"] > 0
    record, = decoy.json("show")
    assert record["mail"] == "<>" and record["foul"] is True


def test_strangers_bytes_reach_no_terminal(decoy):
    with decoy.smtp() as s:
        s.ehlo("x")
        s.docmd("MAIL FROM:<\"\x1b[31mred\"@b>")
        s.docmd("MAIL FROM:<a@b>")
        s.docmd("RCPT TO:<c@d>")
        s.data("Subject: \x1b]0;title\x07\r\n\r\n\x1b[2Jgone\r\n")
    shown = decoy.look("show", decoy.json("show")[0]["id"]) + decoy.look("show") + decoy.look("clients")
    assert "\x1b" not in shown and "\\x1b[2Jgone" in shown


# ---- bounds -----------------------------------------------------------------------------------

def test_over_its_rate_a_client_is_served_and_counted():
    with Decoy("--rate", "5", "--persona", "exim") as d:
        with d.smtp() as s:
            for _ in range(12):
                s.sendmail("a@b.example", ["c@d.example"], SPAM)
        session, = d.await_session()
        assert session["messages"] == 12 and session["unrecorded"] == 8
        assert len(d.json("show")) == 4


def used(folder):
    return sum(os.lstat(os.path.join(where, name)).st_blocks * 512
               for where, _, names in os.walk(folder) for name in names)


def test_disk_is_bounded_and_the_oldest_go():
    limit = 8 << 20
    with Decoy("--rate", "60000", "--max-disk", "8m") as d:
        with d.smtp() as s:
            for i in range(260):
                s.sendmail("a@b.example", ["c@d.example"],
                           f"Subject: {i}\r\n\r\n" + f"{i:09}" * 7000 + "\r\n")
        assert used(os.path.join(d.state, "decoy", "bodies")) <= limit
        assert used(os.path.join(d.state, "decoy")) <= limit + (64 << 10)  # key and certificate
        bodies = os.listdir(os.path.join(d.state, "decoy", "bodies"))
        records = d.json("show")
        assert records[-1]["body"] in bodies and records[0]["body"] not in bodies
        assert len(bodies) > 50
        assert "no longer kept" in d.look("show", records[0]["id"])
        d.restart(signal.SIGTERM)
        assert used(os.path.join(d.state, "decoy", "bodies")) <= limit


def test_kill_keeps_records():
    with Decoy("--rate", "60000", "--persona", "appliance") as d:
        said = []
        for _ in range(3):
            with d.smtp() as s:
                s.ehlo("x")
                for i in range(5):
                    s.mail("a@b.example")
                    s.rcpt("c@d.example")
                    code, _text = s.data(f"Subject: {i}\r\n\r\n{i}\r\n")
                    assert code == 250
                    said.append(i)
                d.process.kill()
            d.restart()
        assert len(d.json("show")) == len(said)
        # A line that was torn by the kill is closed, and costs itself only.
        folder = os.path.join(d.state, "decoy", "records")
        with open(os.path.join(folder, os.listdir(folder)[0]), "a", encoding="ascii") as f:
            f.write('{"type":"mess')
        d.restart()
        d.send("Subject: after\r\n\r\nx\r\n")
        assert len(d.json("show")) == len(said) + 1


def test_idle_clients_are_sent_away():
    with Decoy("--idle", "1") as d, socket.create_connection(("127.0.0.1", d.port)) as s:
        s.settimeout(PATIENCE)
        text = s.recv(4096)
        while more := s.recv(4096):
            text += more
        assert b"421 4.4.2 mx.decoy.example Error: timeout exceeded" in text
        assert d.await_session()[0]["end"] == "timeout"


def test_too_many_clients_of_one_address():
    with Decoy("--per-client", "2") as d:
        open_ones = [socket.create_connection(("127.0.0.1", d.port)) for _ in range(3)]
        replies = [s.recv(4096)[:3] for s in open_ones]
        assert sorted(replies) == [b"220", b"220", b"421"]
        for s in open_ones:
            s.close()


def test_the_teergrube_holds_spammers():
    with Decoy("--tarpit", "2", "--persona", "exim") as d, d.smtp() as s:
        s.ehlo("x")
        times = []
        for _ in range(3):
            began = time.monotonic()
            s.mail("a@b.example")
            times.append(time.monotonic() - began)
            s.rcpt("c@d.example")
            s.data(SPAM)
        assert times[0] < 0.5 and 0.9 < times[1] < 1.9 and 1.8 < times[2] < 2.9


# ---- what others get --------------------------------------------------------------------------

def test_review_gets_tests_only():
    with Decoy() as d:
        review = d.sub("review")
        d.options = ("--review", review)
        d.restart()
        d.send("Subject: relay test\r\n\r\nfrom 127.0.0.1\r\n", ["drop@box.example"])
        d.send(SPAM)
        name, = os.listdir(review)
        text = open(os.path.join(review, name), encoding="ascii").read()
        assert text.startswith("X-Postern-Decoy: not delivered") and "drop@box.example" in text
        assert text.endswith("from 127.0.0.1\n") or text.endswith("from 127.0.0.1\r\n")


def test_nominations():
    with Decoy() as d:
        evidence = d.sub("evidence")
        d.options = ("--evidence", evidence)
        d.restart()
        for _ in range(5):
            d.send(SPAM)
        d.send("Subject: relay test\r\n\r\nfrom 127.0.0.1\r\n")
        name, = os.listdir(evidence)
        lines = [json.loads(line) for line in open(os.path.join(evidence, name), encoding="ascii")]
        assert [line["count"] for line in lines] == [1, 2, 4]
        assert {(line["type"], line["source"], line["reason"], line["ip"]) for line in lines} == \
            {("nomination", "decoy", "spam", "127.0.0.1")}
        assert re.fullmatch(r"\d{4}-\d\d-\d\d\.jsonl", name)


def test_loopback_is_never_trapped():
    with Decoy() as d:
        d.options = ("--trap-file", os.path.join(d.sub("traps"), "list"))
        d.restart()
        d.send(SPAM)
        d.process.terminate()
        d.process.wait(PATIENCE)
        text = open(d.options[1], encoding="ascii").read()
        assert "127.0.0.1 :" not in text and ":127.0.0.2:" in text


@pytest.mark.skipif(not ROOT or not shutil.which("ip"), reason="needs a network namespace")
def test_spammers_get_onto_the_trap_list():
    """In a network of its own, where the client has an address that looks public."""
    with Decoy() as d:
        d.options = ("--trap-file", os.path.join(d.sub("traps"), "list"))
        d.process.terminate()
        d.process.wait(PATIENCE)
        d.log.close()
        script = f"""
set -e
ip link set lo up
ip addr add 11.0.0.1/32 dev lo
ip addr add 2a00::1/128 dev lo nodad
{' '.join(d.command()).replace(d.listen, '*:2525')} 2>&1 &
decoy=$!
{sys.executable} - <<'END'
import smtplib, time
for i in range(200):
    try:
        smtplib.SMTP('11.0.0.1', 2525).quit()
        break
    except OSError:
        time.sleep(0.05)
for ours in ('11.0.0.1', '2a00::1'):
    s = smtplib.SMTP(ours, 2525, source_address=(ours, 0))
    s.sendmail('a@b.example', ['c@d.example'], {SPAM!r})
    s.quit()
s = smtplib.SMTP('127.0.0.1', 2525)
s.sendmail('a@b.example', ['c@d.example'], {SPAM!r})
s.quit()
END
kill $decoy
wait $decoy || true
"""
        got = subprocess.run(["unshare", "-n", "sh", "-c", script], text=True, capture_output=True,
                             timeout=PATIENCE, check=False)
        assert got.returncode == 0, got.stdout + got.stderr
        v4 = open(d.options[1], encoding="ascii").read()
        v6 = open(d.options[1] + "6", encoding="ascii").read()
        assert "11.0.0.1 :127.0.0.2:decoy-spam" in v4 and "127.0.0.1 :" not in v4
        assert "2a00::/64 :127.0.0.2:decoy-spam" in v6
        d.__enter__()  # reads them again, and keeps them
        assert "11.0.0.1 :127.0.0.2:decoy-spam" in open(d.options[1], encoding="ascii").read()


# ---- refusals ---------------------------------------------------------------------------------

def refused(*args, code):
    got = subprocess.run([DECOY, *args], text=True, capture_output=True, timeout=PATIENCE, check=False,
                         stdin=subprocess.DEVNULL)
    assert got.returncode == code, got.stderr
    return got.stderr


def test_misuse(tmp_path):
    user = ("--user", "nobody") if ROOT else ()
    state = ("--state", str(tmp_path / "s"))
    assert "needs --listen" in refused("--name", NAME, *user, *state, code=64)
    assert "there is no persona" in refused("-l", "127.0.0.1:0", "--name", NAME, "-p", "x", *user, *state,
                                            code=64)
    assert "none of show, clients, drops" in refused("watch", code=64)
    assert "no ADDR:PORT" in refused("-l", "x", "--name", NAME, *user, *state, code=64)
    assert "no address" in refused("--address", "x", "-l", "127.0.0.1:0", "--name", NAME, *user, *state,
                                   code=64)


@pytest.mark.skipif(not ROOT, reason="is about root")
def test_root_must_become_somebody(tmp_path):
    assert "does not run as root" in refused("-l", "127.0.0.1:0", "--name", NAME, "--state",
                                             str(tmp_path / "s"), code=64)


GATES = [
    ("listen-mx = 127.0.0.1:25", "127.0.0.1:0", True),
    ("listen-submission = { 192.0.2.1:587, 127.0.0.1:587 }", "127.0.0.1:0", True),
    ("listen-mx = \"*:25\"", "127.0.0.1:0", True),
    ("domains = example.org", "127.0.0.1:0", True),  # the gate's default is all addresses
    ("listen-mx = 127.0.0.2:25", "*:0", True),
    ("listen-mx = 127.0.0.2:25", "127.0.0.1:0", False),
]


@pytest.mark.parametrize("gate,listen,clash", GATES)
def test_an_address_of_a_gate_is_refused(gate, listen, clash):
    with tempfile.TemporaryDirectory(prefix="postern-decoy-") as folder:
        config = os.path.join(folder, "postern.conf")
        with open(config, "w", encoding="ascii") as f:
            f.write("gate {\n    " + gate + "\n}\ndecoy {\n    persona = exim\n}\n")
        d = Decoy("--config", config, folder=folder, listen=listen)
        os.chmod(folder, 0o755)
        if clash:
            err = refused(*d.command()[1:], code=78)
            assert "is used by the gate of this configuration" in err
        else:
            with d:
                assert any("persona=exim" in line for line in d.lines)


def test_nothing_is_ever_sent(decoy):
    """No socket but those of clients: the decoy has no way out."""
    decoy.send(SPAM)
    decoy.send("Subject: relay test\r\n\r\n127.0.0.1\r\n")
    with decoy.smtp() as s:
        s.noop()
        table = open(f"/proc/{decoy.process.pid}/net/tcp", encoding="ascii").read().splitlines()[1:]
        inodes = {os.readlink(f"/proc/{decoy.process.pid}/fd/{fd}")
                  for fd in os.listdir(f"/proc/{decoy.process.pid}/fd")}
        ours = [row.split() for row in table if f"socket:[{row.split()[9]}]" in inodes]
        assert ours and {row[1].split(":")[1] for row in ours} == {f"{decoy.port:04X}"}
