# SPDX-License-Identifier: GPL-3.0-or-later
"""postern list notice: a relay is proved and listed, and those who answer for it are told, once."""

import base64
import contextlib
import email
import email.policy
import glob
import hashlib
import hmac
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time

import pytest

from testlib import (BUILD, Names, Server, Session, Tester, call, context, free_port, open_to_all,
                     reverse)

LIST = os.path.join(BUILD, "postern-list")
RELAY = "127.0.7.9"
WHO = ["--from", "list@bl.example", "--org", "The list of the test", "--contact", "human@bl.example",
       "--retest-at", "https://bl.example/retest", "--opt-out-at", "mailto:opt-out@bl.example"]


class World:
    """A relay that two runs have proved open, on the list."""

    def __init__(self, folder):
        self.folder = folder
        self.tester = Tester(folder)
        with Server(RELAY, rcpt=open_to_all, relay_to=("127.0.0.1", self.tester.sink)) as relay:
            for _ in range(2):
                assert self.tester("--own", "--wait", "20s", relay.target).code == 2
            self.port = relay.port
        for run in self.tester.runs():
            assert self.list("nominate", "--run", run["run"]).code == 0

    def list(self, verb, *args):
        return call([LIST, verb, "--state", self.tester.state, "--zone", "bl.example",
                     "--lab-networks", "127.0.0.0/8", "--color", "never", *map(str, args)])

    def notice(self, names, *args, who=(RELAY,)):
        return self.list("notice", "--json", "--resolver", names.place, *WHO, *args, *who)

    def events(self):
        got = self.list("show", "--json", RELAY)
        assert got.code == 0, got.err
        return got.out


@pytest.fixture(name="world", scope="module")
def fixture_world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("notice"))


@pytest.fixture(name="fresh")
def fixture_fresh(tmp_path):
    return World(tmp_path)


def named(*more):
    """DNS in which the relay's name leads back to it, and its network names a contact."""
    backwards = ".".join(reversed(RELAY.split(".")))
    return {(reverse(RELAY), "PTR"): ["mx.relay.example."], ("mx.relay.example", "A"): [RELAY],
            (f"{backwards}.contacts.example", "TXT"): ['"abuse@isp.example"'],
            ("mx.test.example", "A"): ["127.0.0.77"], **dict(more)}


def test_off_unless_asked(world):
    with Names(named()) as names:
        got = world.list("notice", "--resolver", names.place, *WHO, RELAY)
        assert got.code == 64 and "off" in got.err
        got = world.list("notice", "--folder", world.folder / "no", "--smarthost", "localhost", *WHO, RELAY)
        assert got.code == 64
        got = world.list("notice", "--print", RELAY)
        assert got.code == 64 and "--from" in got.err
    assert names.asked == []
    assert "notice" not in world.events()


def shown(world, names, *args):
    got = world.list("notice", "--print", "--resolver", names.place, *WHO, *args, RELAY)
    assert got.code == 0, got.err
    return got.out


def test_what_stands_in_it(world):
    with Names(named()) as names:
        text = shown(world, names)
    message = email.message_from_string(text, policy=email.policy.strict.clone(raise_on_defect=True))
    assert message["To"] == "postmaster@relay.example"
    assert message["From"].addresses[0].addr_spec == "list@bl.example"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "feedback-report"
    first, report, enclosed = message.get_payload()
    assert [part.get_content_type() for part in first.get_payload()] == ["text/plain", "application/json"]
    fields = report.get_payload()[0] if isinstance(report.get_payload(), list) else \
        email.message_from_string(report.get_payload())
    assert (fields["Feedback-Type"], fields["Version"], fields["Source-IP"]) == ("abuse", "1", RELAY)
    assert int(fields["Source-Port"]) == world.port and fields["User-Agent"].startswith("Postern/")
    assert enclosed.get_content_type() == "text/rfc822-headers"
    assert "Received: from tester.probe.example" in enclosed.get_payload()
    words = first.get_payload()[0].get_content()
    for word in (f"at {RELAY} (mx.relay.example)", "probe third-party.plain", "RCPT TO:<[token]@probe.example>",
                 f"{RELAY}:{world.port}", "S: 354", "https://bl.example/retest", "mailto:opt-out@bl.example",
                 "human@bl.example", "zone:     bl.example", "postmaster's address"):
        assert word in words, words
    xarf = json.loads(first.get_payload()[1].get_content())
    assert xarf["xarf_version"].startswith("4.") and xarf["source_identifier"] == RELAY
    assert (xarf["category"], xarf["type"]) == ("vulnerability", "misconfiguration")
    assert set(xarf["reporter"]) == {"org", "contact", "domain"} == set(xarf["sender"])
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
                        xarf["report_id"])
    for item in xarf["evidence"]:
        assert set(item) <= {"content_type", "description", "payload", "hash", "size"}


def test_words_that_are_not_ascii(world):
    """Who keeps the list may be called as he likes; not so as to add a field."""
    with Names(named()) as names:
        for org in ("Verein f\u00fcr geschlossene T\u00fcren \u65e5\u672c", 'A "list" <x@y.example>, \\ of (ours'):
            text = shown(world, names, "--org", org)
            assert text.isascii()
            message = email.message_from_string(text, policy=email.policy.strict.clone(raise_on_defect=True))
            assert [(who.display_name, who.addr_spec) for who in message["From"].addresses] == [(org, "list@bl.example")]
            first = message.get_payload()[0].get_payload()
            assert org in first[0].get_content()
            assert json.loads(first[1].get_content())["reporter"]["org"] == org
        for bad in ("a\r\nBcc: x@y.example", "x" * 201):
            assert world.list("notice", "--print", *WHO, "--org", bad, RELAY).code == 64
        for bad in ("a b", "a.example\r\nX: y", "-"):
            assert world.list("notice", "--print", *WHO, "--name", bad, RELAY).code == 64


def test_xarf_as_its_schema_wants_it(world):
    """What version 4.0 asks of every report and of a misconfiguration."""
    with Names(named()) as names:
        text = shown(world, names, "--url", "https://bl.example/l/")
    message = email.message_from_string(text, policy=email.policy.strict)
    report = json.loads(message.get_payload()[0].get_payload()[1].get_content())
    assert {"xarf_version", "report_id", "timestamp", "reporter", "sender", "source_identifier", "category",
            "type", "service"} <= set(report)
    assert re.fullmatch(r"4\.[0-9]+\.[0-9]+", report["xarf_version"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", report["timestamp"])
    assert 1 <= report["source_port"] <= 65535 and 0 <= report["confidence"] <= 1
    assert len(report["description"]) <= 1000 and isinstance(report["service"], str)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9_+-]*:[a-z0-9][a-z0-9_+-]*", tag) for tag in report["tags"])
    assert 1 <= len(report["evidence"]) <= 50
    for item in report["evidence"]:
        payload = base64.b64decode(item["payload"], validate=True)
        assert item["size"] == len(payload) <= 5 << 20 and len(item["description"]) <= 500
        assert item["hash"] == "sha256:" + hashlib.sha256(payload).hexdigest()


def test_no_token_leaves_the_house(world):
    """Whoever had a token could mail it to the sink, and frame the host."""
    rcpts = set()
    for run in world.tester.runs():
        for line in world.tester.show(run["run"]).lines:
            rcpts |= set(re.findall(r"[a-z2-7]{36}", json.dumps(line).lower()))
    assert rcpts
    with Names(named()) as names:
        text = shown(world, names, "--to", "abuse@isp.example")
    everything = text
    for message in re.split(r"(?m)^(?=Date: )", text)[1:]:
        for part in email.message_from_string(message).walk():
            if not part.is_multipart():
                everything += part.get_payload(decode=True).decode("utf-8", "replace")
    xarf = [json.loads(part) for part in re.findall(r"(?s)\{\n.*?\n\}", everything)]
    for document in xarf:
        for item in document["evidence"]:
            everything += base64.b64decode(item["payload"]).decode()
    assert xarf and not [rcpt for rcpt in rcpts if rcpt in everything.lower()]


@pytest.mark.parametrize("records, options, want", [
    (named(), [], ["postmaster@relay.example"]),
    (named(), ["--no-postmaster"], []),
    (named(), ["--contacts-zone", "contacts.example"],
     ["abuse@isp.example", "postmaster@relay.example"]),
    # A name that does not lead back is nobody's.
    (named((("mx.relay.example", "A"), ["127.0.0.66"])), [], []),
    # The name of the greeting leads to the host.
    (named((("mx.relay.example", "A"), ["127.0.0.66"]), (("mx.test.example", "A"), [RELAY])), [],
     ["postmaster@test.example"]),
    # The provider's postmaster has nothing to do with a line of dynamic space.
    (named(((reverse(RELAY), "PTR"), ["dsl-127-0-7-9.isp.example."]),
           (("dsl-127-0-7-9.isp.example", "A"), [RELAY])), [], []),
    (named(), ["--to", "noc@isp.example"], ["noc@isp.example", "postmaster@relay.example"]),
], ids=["postmaster", "none", "zone", "forged", "greeting", "dynamic", "named"])
def test_to_whom(world, records, options, want):
    with Names(records) as names:
        got = world.list("notice", "--print", "--resolver", names.place, *WHO, *options, RELAY)
    assert sorted(re.findall(r"(?m)^To: <(.*)>$", got.out)) == want, got.err
    assert got.code == (0 if want else 1)


def test_contacts_of_a_file(world, tmp_path):
    contacts = tmp_path / "contacts"
    contacts.write_text("127.0.0.0/8 wide@isp.example\n127.0.7.0/24 narrow@isp.example other@isp.example\n")
    with Names({}) as names:
        got = world.list("notice", "--print", "--resolver", names.place, *WHO, "--contacts-file", contacts,
                         RELAY)
    assert re.findall(r"(?m)^To: <(.*)>$", got.out) == ["narrow@isp.example", "other@isp.example"]


def test_once_into_a_folder(fresh, tmp_path):
    out = tmp_path / "out"
    with Names(named()) as names:
        first = fresh.notice(names, "--folder", out, "--contacts-zone", "contacts.example")
        assert first.code == 0, first.err
        assert {(line["to"], line["result"]) for line in first.lines} == \
            {("abuse@isp.example", "sent"), ("postmaster@relay.example", "sent")}
        again = fresh.notice(names, "--folder", out, "--contacts-zone", "contacts.example")
        every = fresh.notice(names, "--folder", out, "--all", who=())
    assert again.code == 1 and {line["result"] for line in again.lines} == {"skipped"}
    assert every.code == 1
    assert len(os.listdir(out)) == 2 and all(name.endswith(".eml") for name in os.listdir(out))
    assert fresh.events().count('"notice"') == 2
    assert fresh.list("check").code == 0  # the records' chain holds


def test_by_a_smarthost(fresh):
    """From the null sender, to each recipient apart, and the words arrive as they were written."""
    with Names(named()) as names, \
            Server(tls="starttls", rcpt=lambda session, path: "250 2.1.5 Ok") as smarthost:
        got = fresh.notice(names, "--smarthost", smarthost.target, "--contacts-zone", "contacts.example")
        assert got.code == 0, got.err + got.out
    assert [(sender, rcpts) for sender, rcpts, _ in smarthost.messages] == \
        [("<>", ["<postmaster@relay.example>"]), ("<>", ["<abuse@isp.example>"])]
    assert any(line.upper() == "STARTTLS" for line in smarthost.said("STARTTLS"))
    message = email.message_from_string(smarthost.messages[1][2], policy=email.policy.strict)
    assert message.get_content_type() == "multipart/report"
    assert "abuse contact of its network" in message.get_payload()[0].get_payload()[0].get_content()


def smtp_sink():
    """Postfix's test server: installed, or in a root that the lab has made."""
    found = shutil.which("smtp-sink", path="/usr/sbin:/usr/bin")
    env = dict(os.environ)
    if not found:
        for root in glob.glob(os.path.expanduser("~/.cache/postern-lab/postfix-*/root")):
            if os.path.exists(f"{root}/usr/sbin/smtp-sink"):
                found = f"{root}/usr/sbin/smtp-sink"
                env["LD_LIBRARY_PATH"] = f"{root}/usr/lib/postfix:{root}/usr/lib/x86_64-linux-gnu"
    if not found or os.geteuid() != 0:
        pytest.skip("needs smtp-sink, and root for it to give up")
    return found, env


def kept_by(folder):
    """The messages: those of a minute stand in one file."""
    texts = []
    for name in glob.glob(f"{folder}/[0-9]*"):
        with open(name, encoding="latin-1") as file:
            texts += re.split(r"(?m)^(?=X-Client-Addr: )", file.read())
    return [text for text in texts if text.rstrip().endswith("--")]


def test_by_the_smtp_sink_of_postfix(fresh):
    """What a real server writes down of the envelope and the message. It works in /tmp: nobody may
    go into the folder of the test."""
    program, env = smtp_sink()
    port = free_port()
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, Names(named()) as names:
        os.chmod(folder, 0o777)
        with open(f"{folder}/main.cf", "w", encoding="utf-8") as config:
            config.write("mail_owner = mail\nsetgid_group = games\ncompatibility_level = 3.6\n")
        env["MAIL_CONFIG"] = folder
        with subprocess.Popen([program, "-u", "nobody", "-D", f"{folder}/%M.", f"127.0.0.1:{port}", "10"],
                              env=env) as sink:
            try:
                end = time.monotonic() + 30
                while time.monotonic() < end and sink.poll() is None:
                    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                        break
                    time.sleep(0.05)
                got = fresh.notice(names, "--smarthost", f"127.0.0.1:{port}", "--contacts-zone",
                                   "contacts.example")
                # A message's file is closed when its session is.
                while len(kept := kept_by(folder)) < 2 and time.monotonic() < end:
                    time.sleep(0.05)
            finally:
                sink.terminate()
    assert got.code == 0, got.out + got.err
    assert len(kept) == 2
    for text in kept:
        assert re.search(r"(?m)^X-Mail-Args: <>", text), text[:500]
        assert "report-type=feedback-report" in text
    assert sorted(re.search(r"(?m)^X-Rcpt-Args: <(.*)>", text)[1] for text in kept) == \
        ["abuse@isp.example", "postmaster@relay.example"]


def test_by_the_configuration(fresh, tmp_path):
    """As a timer runs it: all from postern.conf."""
    config = tmp_path / "postern.conf"
    out = tmp_path / "out"
    with Names(named()) as names:
        config.write_text(f"""
            list {{ zone = bl.example  lab-networks = 127.0.0.0/8 }}
            notice {{ folder = {out}  from = list@bl.example  contacts-zone = contacts.example
                      domain-day = 5  resolver = {names.place} }}""")
        got = call([LIST, "notice", "--state", fresh.tester.state, "--config", str(config), "--all"])
        assert got.code == 0, got.err
        config.write_text("notice { form = x }")
        bad = call([LIST, "notice", "--state", fresh.tester.state, "--config", str(config), "--all"])
    assert bad.code == 78 and "form" in bad.err
    assert len(os.listdir(out)) == 2


@pytest.mark.parametrize("reply, failed_once", [("451 4.3.0 later", True), ("550 5.1.1 nobody", False)])
def test_what_the_smarthost_does_not_take(fresh, reply, failed_once):
    """What is put off may be tried again; what is refused would be refused again."""
    with Names(named()) as names:
        with Server(rcpt=lambda session, path: reply) as smarthost:
            got = fresh.notice(names, "--smarthost", smarthost.target)
            assert got.code == 75 and got.lines[0]["result"] == "failed"
            assert reply[:3] in got.lines[0]["why"]
            assert smarthost.messages == []
        with Server(rcpt=lambda session, path: "250 ok") as smarthost:
            got = fresh.notice(names, "--smarthost", smarthost.target)
        assert len(smarthost.messages) == (1 if failed_once else 0)
        assert ('"notice-failed"' if failed_once else '"notice-refused"') in fresh.events()
        assert got.code == (0 if failed_once else 1)


def test_a_smarthost_that_goes_away(fresh):
    """After the message nobody knows; a second copy would be worse than none."""
    def gone(session, text):
        session.connection.close()
        raise OSError("gone")
    with Names(named()) as names:
        with Server(rcpt=lambda session, path: "250 ok", taken=gone) as smarthost:
            got = fresh.notice(names, "--smarthost", smarthost.target)
            assert got.code == 0 and got.lines[0]["result"] == "unknown", got.out + got.err
        got = fresh.notice(names, "--smarthost", f"127.0.0.1:{free_port()}")
        assert got.code == 1 and got.lines[0]["result"] == "skipped"


def test_nobody_there(fresh):
    with Names(named()) as names:
        got = fresh.notice(names, "--smarthost", f"127.0.0.1:{free_port()}")
        assert got.code == 75 and got.lines[0]["result"] == "failed"


def test_tls_only_means_a_certificate_that_holds(fresh):
    with Names(named()) as names:
        for tls in (None, "starttls"):  # none is offered; one that nobody vouches for
            with Server(tls=tls, rcpt=lambda session, path: "250 ok") as smarthost:
                got = fresh.notice(names, "--smarthost", smarthost.target, "--tls", "only")
            assert got.code == 75 and got.lines[0]["result"] == "failed", got.out
            assert smarthost.messages == [] and not smarthost.said("MAIL")


# --- a login ---------------------------------------------------------------------------------------

class Login(Session):
    """AUTH by the book: RFC 4616, 5802 and the two prompts of LOGIN. How it lies is `server.lie`."""

    def ask(self, text):
        self.say("334 " + base64.b64encode(text.encode()).decode())
        answer = self.rfile.readline()
        if not answer:
            raise OSError("they have gone")
        return base64.b64decode(answer.strip(), validate=True).decode()

    def on_auth(self, line):
        mech = line.split()[1]
        assert len(line.split()) == 2
        self.login = getattr(self, "mech_" + mech.lower().replace("-", "_"))()
        self.say("235 2.7.0 welcome" if self.login else "535 5.7.8 wrong")

    def mech_plain(self):
        return self.ask("") == "\0tim\0p\u00e4ss"

    def mech_login(self):
        return [self.ask("User Name\0"), self.ask("Password")] == ["tim", "p\u00e4ss"]

    def mech_scram_sha_256(self):
        first = self.ask("")
        assert first.startswith("n,,n=tim,r="), first
        nonce = first.partition("r=")[2] + "zwei"
        challenge = f"r={nonce},s={base64.b64encode(b'salz').decode()},i={self.server.rounds}"
        last = self.ask(challenge)
        without = last.rpartition(",p=")[0]
        assert without == f"c=biws,r={nonce}"
        salted = hashlib.pbkdf2_hmac("sha256", "p\u00e4ss".encode(), b"salz", self.server.rounds)
        key = hmac.digest(salted, b"Client Key", "sha256")
        signed = ",".join([first[3:], challenge, without]).encode()
        mask = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
        proof = bytes(a ^ b for a, b in zip(key, mask))
        if self.server.lie == "any":  # knows no password, and takes all
            return True
        if base64.b64encode(proof).decode() != last.rpartition(",p=")[2]:
            return False
        theirs = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), signed, "sha256")
        if self.server.lie == "proof":
            theirs = bytes(32)
        return self.ask("v=" + base64.b64encode(theirs).decode()) == ""

    def on_mail(self, line):
        if self.login:
            super().on_mail(line)
        else:
            self.say("530 5.7.0 log in first")


class Smarthost(Server):
    def __init__(self, mechs, lie=None, rounds=4096, **more):
        super().__init__(extensions=(f"AUTH {mechs}",), rcpt=lambda session, path: "250 ok", **more)
        self.RequestHandlerClass, self.lie, self.rounds = Login, lie, rounds


@pytest.fixture(name="password")
def fixture_password(tmp_path):
    path = tmp_path / "password"
    path.write_text("p\u00e4ss\nnot this line\n", encoding="utf-8")
    path.chmod(0o600)
    return path


def sent_by(world, smarthost, *args, **environ):
    for name, value in environ.items():
        os.environ[name] = value
    try:
        with Names(named()) as names:
            return world.notice(names, "--smarthost", smarthost.target, "--login", "tim", *args)
    finally:
        for name in environ:
            del os.environ[name]


@pytest.mark.parametrize("mechs, used", [
    ("PLAIN", "PLAIN"), ("LOGIN", "LOGIN"), ("LOGIN PLAIN", "PLAIN"), ("PLAIN XOAUTH2 SCRAM-SHA-256 LOGIN",
                                                                     "SCRAM-SHA-256")])
def test_a_login(fresh, password, mechs, used):
    with Smarthost(mechs) as smarthost:
        got = sent_by(fresh, smarthost, "--password-file", password)
    assert got.code == 0, got.out + got.err
    assert smarthost.said("AUTH") == [f"AUTH {used}"]
    assert [(sender, rcpts) for sender, rcpts, _ in smarthost.messages] == \
        [("<>", ["<postmaster@relay.example>"])]
    assert "p\u00e4ss" not in got.out + got.err + fresh.events()


def test_a_password_of_the_environment(fresh):
    with Smarthost("SCRAM-SHA-256") as smarthost:
        assert sent_by(fresh, smarthost).code == 64  # none at all
        assert not smarthost.sessions
        got = sent_by(fresh, smarthost, POSTERN_SMARTHOST_PASSWORD="p\u00e4ss")
    assert got.code == 0 and len(smarthost.messages) == 1


def test_a_password_that_others_can_read(fresh, password):
    password.chmod(0o640)
    with Smarthost("PLAIN") as smarthost:
        got = sent_by(fresh, smarthost, "--password-file", password)
    assert got.code == 66 and "chmod 600" in got.err
    assert not smarthost.sessions and "notice" not in fresh.events()


@pytest.mark.parametrize("mechs, more, secret, why", [
    ("PLAIN", {}, "wrong", "535"),
    ("LOGIN", {}, "wrong", "535"),
    ("SCRAM-SHA-256", {}, "wrong", "535"),
    ("CRAM-MD5 XOAUTH2", {}, "p\u00e4ss", "no login that we know"),
    ("SCRAM-SHA-256", {"lie": "any"}, "p\u00e4ss", "not proved"),
    ("SCRAM-SHA-256", {"lie": "proof"}, "p\u00e4ss", "does not know the login"),
    ("SCRAM-SHA-256", {"rounds": 2000000000}, "p\u00e4ss", "does not know the login")])
def test_a_login_that_fails(fresh, mechs, more, secret, why):
    """It is the operator's to mend: the next run tries again, and this one tries nobody else."""
    with Smarthost(mechs, **more) as smarthost:
        got = sent_by(fresh, smarthost, "--to", "abuse@isp.example", POSTERN_SMARTHOST_PASSWORD=secret)
    assert got.code == 75 and [line["result"] for line in got.lines] == ["failed"], got.out
    assert why in got.lines[0]["why"] and smarthost.messages == [] and not smarthost.said("MAIL")
    with Smarthost("PLAIN") as smarthost:
        got = sent_by(fresh, smarthost, "--to", "abuse@isp.example", POSTERN_SMARTHOST_PASSWORD="p\u00e4ss")
    assert got.code == 0 and len(smarthost.messages) == 2


@pytest.mark.parametrize("replies", [
    {"banner": "554 5.7.1 not you"}, {"mail": lambda session, path: "530 5.7.0 log in first"},
    {"mail": lambda session, path: "550 5.1.8 no null sender here"},
    {"rcpt": lambda session, path: "554 5.7.1 <x>: Relay access denied"},
    {"rcpt": lambda session, path: "421 4.3.2 closing"}])
def test_a_smarthost_that_refuses_us(fresh, replies):
    """Not the recipient's word: once the operator has mended it, the notice goes out."""
    with Names(named()) as names:
        with Server(**replies) as smarthost:
            got = fresh.notice(names, "--smarthost", smarthost.target)
        assert got.code == 75 and got.lines[0]["result"] == "failed", got.out
        with Server(rcpt=lambda session, path: "250 ok") as smarthost:
            assert fresh.notice(names, "--smarthost", smarthost.target).code == 0
    assert len(smarthost.messages) == 1


def test_tls_from_the_first_octet(fresh, tmp_path, password):
    """Port 465; and a certificate that the operator's own authority vouches for."""
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
         "2", "-subj", "/CN=smart.example", "-addext", "subjectAltName=DNS:smart.example", "-keyout",
         str(tmp_path / "key"), "-out", str(tmp_path / "ca")], check=False, capture_output=True)
    assert made.returncode == 0
    own = context(type("Like", (), {"name": "mx.test.example"}))
    with Names({**named(), ("smart.example", "A"): ["127.0.0.78"]}) as names, contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(Smarthost("PLAIN", address="127.0.0.78", port=465, tls="implicit"))
        except PermissionError:
            pytest.skip("port 465 is not for us")
        own.load_cert_chain(tmp_path / "ca", tmp_path / "key")
        args = ("--smarthost", "smart.example:465", "--tls", "only", "--login", "tim", "--password-file", password)
        got = fresh.notice(names, *args)
        assert got.code == 75 and server.messages == [] and not server.said("EHLO"), got.out
        got = fresh.notice(names, *args, "--ca-file", tmp_path / "ca")
        assert got.code == 0 and len(server.messages) == 1, got.out + got.err


def test_manners(fresh, tmp_path):
    out = tmp_path / "out"
    refused = tmp_path / "refused"
    refused.write_text("# asked us on 2026-11-01\nrelay.example\n")
    with Names(named()) as names:
        got = fresh.notice(names, "--folder", out, "--refused", refused)
        assert got.code == 1 and "wants no notices" in got.lines[0]["why"]
        # Our own domain is not told of our own findings.
        got = fresh.notice(names, "--folder", out, "--no-postmaster", "--to", "abuse@bl.example")
        assert got.code == 1 and "our own domain" in got.lines[0]["why"]
        # One a day to a domain.
        got = fresh.notice(names, "--folder", out, "--no-postmaster", "--domain-day", "1",
                           "--to", "a@isp.example", "--to", "b@isp.example", "--to", "c@other.example")
        assert [line["result"] for line in got.lines] == ["sent", "skipped", "sent"]
        assert "share" in got.lines[1]["why"]
        # Off the list: nothing more to tell.
        assert fresh.list("delist", "--reason", "closed", RELAY).code == 0
        got = fresh.notice(names, "--folder", out)
        assert got.code == 1 and "not listed" in got.lines[0]["why"]
    assert len(os.listdir(out)) == 2


def test_dns_that_does_not_answer(fresh, tmp_path):
    with Names(named(), silent=[reverse(RELAY)]) as names:
        got = fresh.notice(names, "--folder", tmp_path / "out")
    assert got.code == 75 and "try again" in got.lines[0]["why"]
    assert "notice" not in fresh.events()
