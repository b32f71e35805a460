# SPDX-License-Identifier: GPL-3.0-or-later
"""postern policy: as Postfix talks to it, and with real mail servers that are open without it.

The servers come from the lab's roots (tests/lab), on loopback. Without root, or where a root can't be
made, that part is skipped."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import smtplib
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

import pytest

from testlib import BUILD, DOMAIN, PATIENCE, Logging, Tester, TOP, free_port

POLICY = os.path.join(BUILD, "postern-policy")
ROOT = os.geteuid() == 0
CONFIG = """
gate {
    domains = { target.example, mx.target.example }
    networks = 198.51.100.0/24
}
"""


class Policy(Logging):
    """One postern-policy."""

    def __init__(self, *options, config=CONFIG, listen=True, milter=False):
        self.folder = tempfile.mkdtemp(prefix="postern-policy-")
        os.chmod(self.folder, 0o755)
        self.config = os.path.join(self.folder, "postern.conf")
        self.write(config)
        self.port = free_port() if listen else None
        self.milter = free_port() if milter else None
        self.socket = os.path.join(self.folder, "socket")
        self.options = list(options)
        if listen:
            self.options += ["--listen", f"127.0.0.1:{self.port}", "--listen", self.socket]
        if milter:
            self.options += ["--milter", f"127.0.0.1:{self.milter}"]
        if ROOT:
            self.options += ["--user", "nobody"]
        self.lines = []

    def write(self, config):
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(config)

    def __enter__(self):
        self.begin([POLICY, "--config", self.config, *self.options], os.path.join(self.folder, "log"),
                   "event=serving")
        return self

    def __exit__(self, *_):
        self.end()
        shutil.rmtree(self.folder)
        self.sound()

    def reload(self, config, wait_for="event=reloaded"):
        self.write(config)
        self.process.send_signal(signal.SIGHUP)
        self.await_line(wait_for)

    def connect(self, unix=False):
        if not unix:
            return socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(PATIENCE)
        s.connect(self.socket)
        return s

    def ask(self, unix=False, **attributes):
        with self.connect(unix) as s:
            s.sendall(request(**attributes))
            return answer(s)


def request(**attributes):
    attributes = {"request": "smtpd_access_policy", "protocol_state": "RCPT", "protocol_name": "ESMTP",
                  "client_address": "203.0.113.9", "client_name": "unknown", "helo_name": "there",
                  "sender": "a@far.example", **attributes}
    return "".join(f"{k}={v}\n" for k, v in attributes.items()).encode() + b"\n"


def answer(s):
    text = b""
    while not text.endswith(b"\n\n"):
        more = s.recv(4096)
        if not more:
            return text.decode() or None
        text += more
    assert text.startswith(b"action=")
    return text[len("action="):].decode().strip()


@pytest.fixture(scope="module", name="policy")
def fixture_policy():
    with Policy() as p:
        yield p


# ---- the protocol -----------------------------------------------------------------------------

ANSWERS = [
    ({"recipient": "x@target.example"}, "DUNNO"),
    ({"recipient": "postmaster"}, "DUNNO"),
    ({"recipient": "x@far.example"}, "REJECT 5.7.1 Relay access denied"),
    ({"recipient": "x%far.example@target.example"}, "REJECT 5"),
    ({"recipient": "x@far.example@target.example"}, "REJECT 5"),
    ({"recipient": "x@far.example", "sasl_username": "tim", "sasl_method": "PLAIN"}, "DUNNO"),
    ({"recipient": "x@far.example", "client_address": "198.51.100.7"}, "REJECT 5"),  # no mx-networks
    ({"recipient": "x@far.example", "client_address": "198.51.100.7", "server_port": "587"}, "DUNNO"),
    ({"recipient": "x@target.example", "server_port": "587"}, "REJECT 5"),
    ({"recipient": "x@far.example", "helo_name": "mx.target.example",
      "client_name": "mx.target.example", "sender": "x@target.example"}, "REJECT 5"),
    ({"protocol_state": "CONNECT"}, "DUNNO"),
    ({"protocol_state": "MAIL", "sender": ""}, "DUNNO"),
]


@pytest.mark.parametrize("attributes,want", ANSWERS)
def test_answers(policy, attributes, want):
    for unix in (False, True):
        assert policy.ask(unix, **attributes).startswith(want)


def test_every_answer_narrows(policy):
    for attributes, _ in ANSWERS:
        assert re.match(r"DUNNO$|REJECT |DEFER_IF_PERMIT ", policy.ask(**attributes))


@pytest.mark.skipif(not os.path.exists(os.path.join(BUILD, "postern-gate")), reason="no gate here")
def test_the_gate_explains_the_same(policy):
    """One decision: what the service answers, with which reason and line, is what the gate explains."""
    names = {"client_address": "ip", "sasl_username": "login", "helo_name": "helo", "sender": "from"}
    for attributes, _ in ANSWERS:
        if "recipient" not in attributes:
            continue
        words = {"ip": "203.0.113.9", "from": "a@far.example",
                 **{names[k]: v for k, v in attributes.items() if k in names},
                 "role": "submission" if attributes.get("server_port") == "587" else "mx"}
        rcpt = attributes["recipient"]
        local, at, domain = rcpt.rpartition("@")
        words["rcpt"] = f'"{local}"@{domain}' if "@" in local else rcpt
        told = subprocess.run([os.path.join(BUILD, "postern-gate"), "explain", "-c", policy.config,
                               *(f"{k}={v}" for k, v in words.items())], text=True, check=False,
                              capture_output=True, timeout=PATIENCE).stdout
        said = re.match(r"answer +(\w+)\n(?s:.*?)\nreason +([\w-]+)", told)
        assert said, told
        policy.forget_lines()
        action = policy.ask(**attributes)
        line = policy.await_line("event=decision")
        assert f"answer={said[1]} reason={said[2]} " in line, (told, line)
        assert action.startswith({"take": "DUNNO", "refuse": "REJECT", "defer": "DEFER"}[said[1]])


def test_many_requests_in_one_piece_and_one_in_many(policy):
    with policy.connect() as s:
        s.sendall(request(recipient="x@target.example") + request(recipient="x@far.example") +
                  request(recipient="x@target.example"))
        got = b""
        while got.count(b"\n\n") < 3:
            got += s.recv(4096)
        assert got == (b"action=DUNNO\n\naction=REJECT 5.7.1 Relay access denied\n\n"
                       b"action=DUNNO\n\n")
        for octet in request(recipient="x@far.example"):
            s.sendall(bytes([octet]))
        assert answer(s) == "REJECT 5.7.1 Relay access denied"


GARBAGE = [b"EHLO there\r\n", b"\x16\x03\x01\x00\xa5" + os.urandom(165), b"\n", b"=x\n\n", b"a" * 9000,
           b"request=other\nprotocol_state=RCPT\n\n",
           request(recipient="a@b").replace(b"recipient", b"reci\0ient"),
           request(recipient="x@far.example").replace(b"\n\n", b"\nrecipient=x@target.example\n\n")]


@pytest.mark.parametrize("text", GARBAGE, ids=range(len(GARBAGE)))
@pytest.mark.parametrize("unix", [False, True])
def test_garbage_gets_no_answer_and_is_logged(policy, text, unix):
    with policy.connect(unix) as s:
        with contextlib.suppress(OSError):
            s.sendall(request(recipient="x@target.example") + text + b"\n")
        got = b""
        with contextlib.suppress(ConnectionResetError):
            while more := s.recv(4096):
                got += more
    assert got in (b"action=DUNNO\n\n", b"")  # a reset may overtake the answer
    policy.await_line("event=bad-request")
    assert policy.ask(recipient="x@target.example") == "DUNNO"


def test_log_only_refuses_nothing_and_says_what_it_would():
    with Policy("--log-only") as p:
        assert p.ask(recipient="x@far.example") == "DUNNO"
        line = p.await_line("event=decision")
        for word in ("answer=refuse", "reason=denied", "mode=log-only", "rcpt=<x@far.example>",
                     "client=203.0.113.9"):
            assert word in line


def test_the_log_names_the_rule(policy):
    policy.ask(recipient="x@target.example")
    assert f"rule={policy.config}:3" in policy.await_line("reason=own-domain")


def test_reload_and_a_bad_reload():
    with Policy() as p, p.connect() as s:  # the connection lives on
        def recipient(r):
            s.sendall(request(recipient=r))
            return answer(s)
        assert recipient("x@new.example").startswith("REJECT")
        p.reload(CONFIG.replace("target.example,", "new.example,"))
        assert recipient("x@new.example") == "DUNNO"
        assert recipient("x@target.example").startswith("REJECT")
        for bad in ("gate { domainz = x.example }", CONFIG.replace("198.51.100.0/24", "0.0.0.0/0"),
                    "gate {", CONFIG + "policy { role = router }"):
            p.reload(bad, "event=not-reloaded")
            assert recipient("x@new.example") == "DUNNO"
            assert recipient("x@far.example").startswith("REJECT")


def run(*args, code):
    got = subprocess.run([POLICY, *args], text=True, capture_output=True, timeout=PATIENCE, check=False,
                         stdin=subprocess.DEVNULL)
    assert got.returncode == code, got.stderr
    return got.stdout + got.stderr


def test_check_and_misuse(tmp_path):
    config = tmp_path / "c"
    config.write_text(CONFIG)
    assert "safe to serve" in run("check", "-c", str(config), code=0)
    assert "relay for strangers" in run("check", "-c", str(config), "--networks", "0.0.0.0/0", code=78)
    assert "relay for strangers" in run("-c", str(config), "-l", "127.0.0.1:0", "--networks", "::/0",
                                        code=78)
    assert "needs --listen" in run("-c", str(config), code=64)
    assert "none of serve, check" in run("look", "-c", str(config), code=64)
    assert "no mode" in run("-c", str(config), "--socket-mode", "9", code=64)
    assert "no /path" in run("-c", str(config), "--listen", "here", code=64)
    assert "no /path" in run("-c", str(config), "--milter", "here", code=64)
    assert "/nonexistent/socket" in run("-c", str(config), "--listen", "/nonexistent/socket", code=71)


def test_crowd():
    with Policy("--clients", "2") as p:
        held = [p.connect() for _ in range(2)]
        for s in held:
            s.sendall(request(recipient="x@target.example"))
            assert answer(s) == "DUNNO"
        with p.connect() as s:
            with contextlib.suppress(OSError):
                s.sendall(request(recipient="x@target.example"))
                assert not s.recv(100)
        for s in held:
            s.close()


# ---- the milter, spoken to by hand --------------------------------------------------------------

class Milter:
    """An MTA's side of the milter protocol, version 6."""

    def __init__(self, port):
        self.s = socket.create_connection(("127.0.0.1", port), PATIENCE)

    def send(self, command, data=b""):
        self.s.sendall(struct.pack(">I", len(data) + 1) + command + data)

    def receive(self):
        def exactly(n):
            text = b""
            while len(text) < n:
                more = self.s.recv(n - len(text))
                assert more, "the milter hung up"
                text += more
            return text
        text = exactly(struct.unpack(">I", exactly(4))[0])
        return text[:1], text[1:]

    def negotiate(self):
        self.send(b"O", struct.pack(">III", 6, 0x1ff, 0x1fffff))
        command, data = self.receive()
        assert command == b"O"
        version, actions, steps = struct.unpack(">III", data[:12])
        return version, actions, steps, data[12:]

    def ask(self, command, data, macros=b""):
        if macros:
            self.send(b"D", command + macros)
        self.send(command, data)
        return self.receive()

    def session(self, ip="203.0.113.9", port=b"25"):
        self.negotiate()
        assert self.ask(b"C", b"there\x004" + struct.pack(">H", 4711) + ip.encode() + b"\0",
                        b"{daemon_port}\0" + port + b"\0")[0] == b"c"
        assert self.ask(b"H", b"there\0")[0] == b"c"


@pytest.fixture(scope="module", name="milter")
def fixture_milter():
    with Policy(listen=False, milter=True) as p:
        yield p


def test_milter_asks_for_little_and_changes_nothing(milter):
    _, actions, steps, symbols = Milter(milter.milter).negotiate()
    assert actions == 0
    no_body, no_headers, no_eoh, no_unknown, no_data = 0x10, 0x20, 0x40, 0x100, 0x200
    wanted = no_body | no_headers | no_eoh | no_unknown | no_data
    assert steps & wanted == wanted
    assert steps & 0x0f == 0  # connect, HELO, MAIL and RCPT are wanted
    assert b"{auth_authen}" in symbols and b"{daemon_port}" in symbols


def test_milter_decides(milter):
    m = Milter(milter.milter)
    m.session()
    assert m.ask(b"M", b"<a@far.example>\0")[0] == b"c"
    assert m.ask(b"R", b"<x@target.example>\0")[0] == b"c"
    command, text = m.ask(b"R", b"<x@far.example>\0")
    assert command == b"y" and text.startswith(b"554 5.7.1 <x@far.example>: Relay access denied")
    command, text = m.ask(b"R", b"<x%s%n@target.example>\0")
    assert command == b"y" and b"%s%n" in text.replace(b"%%", b"%")
    assert m.ask(b"R", b"<@far.example:x@target.example>\0")[0] == b"y"
    assert m.ask(b"R", b"<postmaster>\0")[0] == b"c"
    # A login is the next transaction's, not the last one's.
    assert m.ask(b"M", b"<a@far.example>\0", b"{auth_authen}\0tim\0")[0] == b"c"
    assert m.ask(b"R", b"<x@far.example>\0")[0] == b"c"
    assert m.ask(b"M", b"<a@far.example>\0", b"{auth_authen}\0\0")[0] == b"c"
    assert m.ask(b"R", b"<x@far.example>\0")[0] == b"y"


def test_milter_roles(milter):
    m = Milter(milter.milter)
    m.session(ip="198.51.100.7", port=b"587")
    assert m.ask(b"M", b"<a@far.example>\0")[0] == b"c"
    assert m.ask(b"R", b"<x@far.example>\0")[0] == b"c"
    m = Milter(milter.milter)
    m.session(port=b"587")
    m.ask(b"M", b"<a@far.example>\0")
    assert m.ask(b"R", b"<x@target.example>\0")[0] == b"y"


def test_milter_defers_a_right_that_it_cannot_look_up():
    key = "ab" * 32
    with Policy("--certs", key, listen=False, milter=True) as p:
        m = Milter(p.milter)
        m.session()
        m.ask(b"M", b"<a@far.example>\0", b"{verify}\0OK\0{cert_subject}\0CN=x\0")
        command, text = m.ask(b"R", b"<x@far.example>\0")
        assert command == b"y" and text.startswith(b"4") or command == b"t"
        assert m.ask(b"R", b"<x@target.example>\0")[0] == b"c"


def test_milter_reload_stop_and_log_only():
    with Policy("--log-only", listen=False, milter=True) as p:
        m = Milter(p.milter)
        m.session()
        m.ask(b"M", b"<a@far.example>\0")
        assert m.ask(b"R", b"<x@far.example>\0")[0] == b"c"
        assert "answer=refuse" in p.await_line("rcpt=<x@far.example>")
    with Policy(listen=False, milter=True) as p:
        m = Milter(p.milter)
        m.session()
        m.ask(b"M", b"<a@far.example>\0")
        assert m.ask(b"R", b"<x@new.example>\0")[0] == b"y"
        p.reload(CONFIG.replace("target.example,", "new.example,"), "event=reloaded face=milter")
        assert m.ask(b"R", b"<x@new.example>\0")[0] == b"c"
        p.reload("gate { domainz = x }", "event=not-reloaded")
        assert m.ask(b"R", b"<x@new.example>\0")[0] == b"c"
        m.s.close()
        began = time.monotonic()
        p.process.terminate()
        assert p.process.wait(PATIENCE) == 0 and time.monotonic() - began < 3
        with pytest.raises(OSError):
            Milter(p.milter)


def test_milter_garbage_and_threads(milter):
    for text in (b"\0\0\0\0", b"\xff\xff\xff\xff" + b"x" * 100, b"GET / HTTP/1.0\r\n\r\n",
                 struct.pack(">I", 5) + b"R<x>\0"):
        with socket.create_connection(("127.0.0.1", milter.milter), PATIENCE) as s:
            s.sendall(text)
    many = [Milter(milter.milter) for _ in range(30)]
    for m in many:
        m.session()
    for m in many:
        m.ask(b"M", b"<a@far.example>\0")
    for m in many:
        assert m.ask(b"R", b"<x@far.example>\0")[0] == b"y"


def test_the_service_ends_with_its_milter():
    with Policy(milter=True) as p:
        child = subprocess.run(["ps", "-o", "pid=", "--ppid", str(p.process.pid)], text=True, check=True,
                               capture_output=True).stdout.split()
        os.kill(int(child[0]), signal.SIGKILL)
        assert p.process.wait(PATIENCE) == 70


# ---- with real mail servers -------------------------------------------------------------------

class Node(dict):
    fqdn, domain = "mx.target.example", "target.example"


class Server:
    """A mail server of the lab on one port of loopback; it hands what it relays to `sink`."""

    def __init__(self, name, lower, folder, files, start):
        self.folder = folder
        self.spec = {"name": name, "hostname": "mx", "netns": "/proc/self/ns/net", "lower": lower,
                     "root": str(folder / "root"), "upper": str(folder / "upper"),
                     "work": str(folder / "work"), "log": str(folder / "log"), "bind": {},
                     "files": {**{path: (text, None) for path, text in files.items()},
                               "/lab/start": (start, 0o755)}}

    def log(self):
        with contextlib.suppress(OSError):
            return (self.folder / "log").read_text(errors="replace")[-3000:]
        return ""

    @contextlib.contextmanager
    def on(self, port):
        (self.folder / "spec.json").write_text(json.dumps(self.spec))
        process = subprocess.Popen([sys.executable, os.path.join(TOP, "tests/lab/container.py"),
                                    str(self.folder / "spec.json")])
        try:
            deadline = time.monotonic() + PATIENCE
            while True:
                assert time.monotonic() < deadline and process.poll() is None, self.log()
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as s:
                    if s.recv(100).startswith(b"220"):
                        break
                time.sleep(0.1)
            yield self
        finally:
            process.terminate()
            process.wait(PATIENCE)


def lower_of(name):
    if not ROOT:
        pytest.skip("real mail servers run in roots of their own, which takes root")
    sys.path.insert(0, os.path.join(TOP, "tests", "lab"))
    import roots  # pylint: disable=import-outside-toplevel
    from servers import postfix, sendmail  # pylint: disable=import-outside-toplevel
    module = {"postfix": postfix, "sendmail": sendmail}[name]
    cache = roots.Roots(roots.default_cache(), {name: module})
    try:
        cache.ensure(name)
    except (roots.RootError, OSError, subprocess.SubprocessError) as e:
        pytest.skip(f"the root of {name} can't be made here: {e}")
    return module, cache.lowerdirs(name)


def postfix_on(port, sink, folder, *settings):
    """Wide open: everybody may send to anywhere, unless `settings` say otherwise."""
    module, lower = lower_of("postfix")
    node = Node(main="\n".join([
        "smtpd_relay_restrictions = check_client_access static:OK, reject",
        "smtpd_recipient_restrictions = check_client_access static:OK, reject",
        "mynetworks = 192.0.2.77", "inet_protocols = ipv4",
        f"relayhost = [127.0.0.1]:{sink}", "smtpd_client_connection_rate_limit = 0",
        "smtpd_error_sleep_time = 0", "smtpd_hard_error_limit = 1000",
        "smtpd_client_connection_count_limit = 0", *settings]),
        services=f"127.0.0.1:{port} inet n - y - - smtpd")
    files, start = module.build(node)
    start = start.replace("postfix start", "postconf -MX smtp/inet\npostfix start")
    return Server("postfix", lower, folder, files, start).on(port)


def verdict(tester, port, server):
    got = tester.json("--own", "--wait", "20", "--local-domain", "target.example", f"127.0.0.1:{port}",
                      timeout=300)
    assert got.verdict["control"], got.err
    return got.verdict["verdict"], got, server


def test_open_postfix_without_us_is_open(tmp_path):
    tester, port = Tester(tmp_path), free_port()
    with postfix_on(port, tester.sink, tmp_path) as server:
        found, got, _ = verdict(tester, port, server)
    assert found == "open" and got.verdict["proved"], got.out + server.log()


@pytest.mark.parametrize("place,want", [
    ("smtpd_recipient_restrictions", "closed"), ("smtpd_relay_restrictions", "closed"),
    # Shut as well, but Postfix then says "Client host rejected", which is no word about relaying.
    ("smtpd_client_restrictions", "blocked")])
def test_open_postfix_behind_the_policy_service_is_shut(tmp_path, place, want):
    tester, port = Tester(tmp_path), free_port()
    with Policy() as p, postfix_on(
            port, tester.sink, tmp_path,
            f"{place} = check_policy_service inet:127.0.0.1:{p.port}, "
            "check_client_access static:OK, reject") as server:
        found, got, _ = verdict(tester, port, server)
        assert found == want and not got.verdict["accepted_unproved"], got.out + server.log()
        p.await_line("answer=refuse")


def test_log_only_leaves_postfix_as_it_is(tmp_path):
    tester, port = Tester(tmp_path), free_port()
    with Policy("--log-only") as p, postfix_on(
            port, tester.sink, tmp_path,
            f"smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:{p.port}, "
            "check_client_access static:OK, reject") as server:
        assert verdict(tester, port, server)[0] == "open"
        p.await_line("answer=refuse")


def test_postfix_without_its_policy_service_defers(tmp_path):
    tester, port = Tester(tmp_path), free_port()
    with postfix_on(port, tester.sink, tmp_path,
                    f"smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:{free_port()}, "
                    "check_client_access static:OK, reject"):
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as s, s.makefile("rb") as f:
            f.readline()
            for line, want in ((b"HELO x", b"250"), (b"MAIL FROM:<a@b.example>", b"250"),
                               (b"RCPT TO:<x@" + DOMAIN.encode() + b">", b"451")):
                s.sendall(line + b"\r\n")
                assert f.readline().startswith(want)


def test_postfix_tells_the_key_that_we_list(tmp_path):
    """ccert_pubkey_fingerprint is the SHA-256 of the SPKI, as in our setting: the right one relays."""
    def openssl(*args):
        return subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=tmp_path,
                              timeout=PATIENCE).stdout
    for name in ("listed", "other"):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out",
                f"{name}.pem", "-subj", f"/CN={name}", "-days", "2")
    spki = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], check=True,
                          capture_output=True,
                          input=openssl("x509", "-in", "listed.pem", "-noout", "-pubkey")).stdout
    port, sink = free_port(), free_port()
    with Policy("--certs", hashlib.sha256(spki).hexdigest()) as p, postfix_on(
            port, sink, tmp_path,
            f"smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:{p.port}, "
            "check_client_access static:OK, reject", "smtpd_tls_ask_ccert = yes",
            "smtpd_tls_fingerprint_digest = sha256") as server:
        for name, want in (("listed", 250), ("other", 554), (None, 554)):
            with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as s:
                context = ssl.create_default_context()
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                if name:
                    context.load_cert_chain(tmp_path / f"{name}.pem", tmp_path / f"{name}.key")
                s.starttls(context=context)
                s.ehlo("there")
                s.mail("a@far.example")
                assert s.rcpt("x@far.example")[0] == want, (name, server.log())
                s.rset()
        assert "reason=cert" in p.await_line("right=cert")


def test_open_postfix_behind_the_milter_is_closed(tmp_path):
    tester, port = Tester(tmp_path), free_port()
    with Policy(listen=False, milter=True) as p, postfix_on(
            port, tester.sink, tmp_path, f"smtpd_milters = inet:127.0.0.1:{p.milter}",
            "milter_default_action = tempfail") as server:
        found, got, _ = verdict(tester, port, server)
        assert found == "closed", got.out + server.log()
        p.await_line("face=milter")


def sendmail_on(port, sink, folder, mc=""):
    module, lower = lower_of("sendmail")
    files, start = module.build(Node(mc=f"""FEATURE(`promiscuous_relay')dnl
FEATURE(`accept_unresolvable_domains')dnl
define(`SMART_HOST', `relay:[127.0.0.1]')dnl
define(`RELAY_MAILER_ARGS', `TCP $h {sink}')dnl
define(`confBAD_RCPT_THROTTLE', `0')dnl
{mc}"""))
    start = start.replace("\nawk ", f"\nsed -i '/Port=submission/d; s/Port=smtp, Addr=[^)]*/Port={port}/; "
                          f"s/Port=smtp/Port={port}, Addr=127.0.0.1/; /Family=inet6/d' "
                          "/lab/shipped.mc\nawk ", 1)
    return Server("sendmail", lower, folder, files, start).on(port)


def test_open_sendmail_without_us_is_open(tmp_path):
    tester, port = Tester(tmp_path), free_port()
    with sendmail_on(port, tester.sink, tmp_path) as server:
        found, got, _ = verdict(tester, port, server)
    assert found == "open" and got.verdict["proved"], got.out + server.log()


def test_open_sendmail_behind_the_milter_is_closed(tmp_path):
    tester, port = Tester(tmp_path), free_port()
    with Policy(listen=False, milter=True) as p, sendmail_on(
            port, tester.sink, tmp_path,
            f"INPUT_MAIL_FILTER(`postern', `S=inet:{p.milter}@127.0.0.1, F=T, T=S:30s;R:30s')dnl") as server:
        found, got, _ = verdict(tester, port, server)
        assert found == "closed", got.out + server.log()
        p.await_line("face=milter")
