# SPDX-License-Identifier: GPL-3.0-or-later
"""Login grants of postern gate: by its Unix socket, by DRAC (a client written from RFC 5531), by a log that is
rotated, and by policy requests over HTTP. What a real Dovecot reports is in test_gate_dovecot.py."""

import http.client
import json
import os
import pwd
import re
import shutil
import socket
import struct
import subprocess
import sys
import time

import pytest

from authlib import seen
from gatebackend import Backend
from gatelib import DOMAIN, Gate
from testlib import free_port

FOREIGN = "somebody@elsewhere.example"
NETWORKS = ["--grant-networks", "127.7.0.0/16"]
PROGRAM = 900101


def relays(gate, source, rcpt=FOREIGN):
    with gate.client(source=source) as c:
        c.hello()
        c.say("MAIL FROM:<joe@example.org>")
        return c.say(f"RCPT TO:<{rcpt}>")[0] == 250


def gated(*options, **named):
    return Gate(named.pop("backend"), role="submission", options=[*NETWORKS, *options], **named)


def eventually(check, patience=15):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if check():
            return True
        time.sleep(0.05)
    return False


# --- the socket ---

class Talk:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(str(path))
        self.lines = self.sock.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lines.close()
        self.sock.close()

    def say(self, line):
        self.sock.sendall(line.encode() + b"\n")
        return self.lines.readline().decode().rstrip("\n")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("grants") / "socket"


@pytest.fixture(scope="module")
def gate(place):
    with Backend() as b, gated("--grants-socket", str(place), "--grant-users-max", "2", backend=b) as g:
        yield g


def test_allow_and_drop(gate, place):
    with Talk(place) as t:
        assert not relays(gate, "127.7.1.1")
        assert t.say("allow 127.7.1.1 joe") == "ok new"
        assert relays(gate, "127.7.1.1") and not relays(gate, "127.7.1.2")
        assert t.say("allow 127.7.1.1 joe") == "ok longer"
        assert re.fullmatch(r"ok (179\d|1800) joe socket", t.say("has 127.7.1.1"))
        assert t.say("has 127.7.1.2") == "no"
        assert t.say("drop 127.7.1.1") == "ok" and t.say("drop 127.7.1.1") == "no"
        assert not relays(gate, "127.7.1.1")
    seen(gate, r"event=grant result=new client=127\.7\.1\.1 user=joe source=socket")


def test_shared(gate, place):
    with Talk(place) as t:
        assert t.say("allow 127.7.2.1 joe") == "ok new"
        assert t.say("allow 127.7.2.1 Joe") == "ok longer"
        assert t.say("allow 127.7.2.1 ann with blanks") == "ok longer"
        assert relays(gate, "127.7.2.1")
        assert t.say("allow 127.7.2.1 bob") == "no shared"
        assert not relays(gate, "127.7.2.1")
        assert t.say("allow 127.7.2.1 joe") == "no shared"


@pytest.mark.parametrize("line, answer", [
    ("allow 10.1.2.3 joe", "no space"), ("allow 100.64.0.1 joe", "no space"),
    ("allow 127.0.0.1 joe", "no space"), ("allow ::1 joe", "no space"),
    ("allow 192.0.2.0/24 joe", "no bad"), ("allow 192.0.2.1", "no bad"), ("allow joe 192.0.2.1", "no bad"),
    ("", "no bad"), ("has", "no bad"), ("has 192.0.2.1 x", "no bad"), ("forbid 192.0.2.1 joe", "no bad"),
    ("allow 192.0.2.1 " + "x" * 600, "no bad"), ("allow 192.0.2.1 " + "x" * 300, "no bad"),
    ("allow 192.0.2.1 jo\x07e", "no bad"), ("allow 192.0.2.1 joe", "ok new"),
    ("allow 2001:db8::1 joe", "ok new"), ("allow ::ffff:192.0.2.1 joe", "ok longer"),
])
def test_words(gate, place, line, answer):
    with Talk(place) as t:
        assert t.say(line) == answer


def test_only_who_may(tmp_path):
    """Another user knocks: he is told no, unless he is named."""
    if os.geteuid() != 0:
        pytest.skip("takes root to become another user")
    nobody = pwd.getpwnam("nobody")
    path = tmp_path / "socket"
    os.chmod(tmp_path, 0o755)
    knock = ("import socket,sys\ns=socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\n"
             "try: s.sendall(b'allow 127.7.3.1 eve\\n')\n"
             "except BrokenPipeError: pass\nprint(s.makefile().readline().strip())")
    parent = tmp_path
    while parent != parent.parent:     # pytest's folders are closed to others
        os.chmod(parent, os.stat(parent).st_mode | 0o011)
        parent = parent.parent
    for options, answer, granted in (((), "no right", False),
                                     (("--grants-users", "nobody"), "ok new", True)):
        with Backend() as b, gated("--grants-socket", str(path), *options, backend=b) as g:
            r = subprocess.run([sys.executable, "-c", knock, str(path)], capture_output=True, text=True,
                               user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[], timeout=30,
                               cwd="/", check=False)
            assert r.stdout.strip() == answer, r
            assert relays(g, "127.7.3.1") == granted


def test_life(tmp_path):
    path = tmp_path / "socket"
    with Backend() as b, gated("--grants-socket", str(path), "--grant-time", "2", backend=b) as g, \
            Talk(path) as t:
        assert t.say("allow 127.7.4.1 joe") == "ok new"
        assert relays(g, "127.7.4.1")
        assert eventually(lambda: not relays(g, "127.7.4.1"))
        assert t.say("has 127.7.4.1") == "no"


def test_on_the_mx_port(tmp_path):
    """There an address opens nothing unless mx-networks says so; our own domains are open to all."""
    path = tmp_path / "socket"
    for options, granted in (((), False), (("--mx-networks",), True)):
        with Backend() as b, Gate(b, options=[*NETWORKS, "--grants-socket", str(path), *options]) as g, \
                Talk(path) as t:
            assert t.say("allow 127.7.5.1 joe") == "ok new"
            assert relays(g, "127.7.5.1") == granted
            assert relays(g, "127.7.5.2", f"user@{DOMAIN}")


# --- DRAC ---

def words(*values):
    return b"".join(struct.pack(">I", v) for v in values)


def call(port, body, version=1, procedure=1, program=PROGRAM, source="127.0.0.1", wait=10):
    """One call with AUTH_UNIX credentials, as librpcsvc makes them; the words behind the xid, or None."""
    xid = 0x1234
    unix = words(0, 4) + b"mail" + words(0, 0, 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((source, 0))
        s.settimeout(wait)
        s.sendto(words(xid, 0, 2, program, version, procedure, 1, len(unix)) + unix + words(0, 0) + body,
                 ("127.0.0.1", port))
        try:
            data = s.recv(2048)
        except socket.timeout:
            return None
    got = struct.unpack(f">{len(data) // 4}I", data)
    assert got[0] == xid and got[1] == 1
    return list(got[2:])


@pytest.fixture(scope="module")
def drac():
    with Backend() as b, gated("--drac-listen", "127.0.0.1:0", "--grants-from", "127.0.0.1", "--mx-networks",
                               backend=b) as g:
        g.drac = int(re.search(r"port=(\d+)", seen(g, r"event=grants by=drac "))[1])
        yield g


def test_drac(drac):
    assert call(drac.drac, b"", procedure=0) == [0, 0, 0, 0]
    assert not relays(drac, "127.7.6.1")
    assert call(drac.drac, socket.inet_aton("127.7.6.1")) == [0, 0, 0, 0, 0]
    assert relays(drac, "127.7.6.1") and not relays(drac, "127.7.6.2")
    assert call(drac.drac, socket.inet_aton("127.7.6.1")) == [0, 0, 0, 0, 0]
    assert call(drac.drac, socket.inet_aton("10.0.0.1")) == [0, 0, 0, 0, 1]
    v6 = socket.inet_pton(socket.AF_INET6, "2001:db8::1")
    assert call(drac.drac, v6, version=2) == [0, 0, 0, 0, 0]
    assert call(drac.drac, v6) == [0, 0, 0, 4]
    assert call(drac.drac, b"", version=3) == [0, 0, 0, 2, 1, 2]
    assert call(drac.drac, b"", program=100000) == [0, 0, 0, 1]
    assert call(drac.drac, b"", procedure=2) == [0, 0, 0, 3]


def test_drac_from_others(drac):
    assert call(drac.drac, socket.inet_aton("127.7.6.9"), source="127.0.0.2") == [0, 0, 0, 0, 1]
    assert not relays(drac, "127.7.6.9")
    seen(drac, r"event=drac peer=127\.0\.0\.2 ")


def test_drac_noise(drac):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        for data in (b"", b"x", b"\0" * 2048, os.urandom(3000), words(1, 1, 0, 0, 0, 0)):
            s.sendto(data, ("127.0.0.1", drac.drac))
    assert call(drac.drac, b"", procedure=0) == [0, 0, 0, 0]


@pytest.mark.skipif(not shutil.which("rpcinfo"), reason="needs rpcinfo")
def test_rpcinfo(drac):
    """Another hand's RPC client."""
    for version in (1, 2):
        place = f"127.0.0.1.{drac.drac >> 8}.{drac.drac & 255}"
        r = subprocess.run(["rpcinfo", "-a", place, "-T", "udp", str(PROGRAM), str(version)],
                           capture_output=True, text=True, timeout=60, check=False)
        assert "ready and waiting" in r.stdout, r


def test_portmap():
    """A portmapper of ours is told of both versions, by a port that only root has."""
    if os.geteuid() != 0:
        pytest.skip("a portmapper heeds root alone")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.bind(("127.0.0.1", 111))
        except OSError as e:
            pytest.skip(f"port 111: {e}")
        s.settimeout(30)
        with Backend() as b, gated("--drac-listen", "127.0.0.1:0", "--drac-portmap", backend=b) as g:
            port = int(re.search(r"port=(\d+)", seen(g, r"event=grants by=drac "))[1])
            said = []
            for _ in range(2):
                data, peer = s.recvfrom(2048)
                said.append(struct.unpack(">14I", data))
                assert peer[1] < 1024
                s.sendto(words(said[-1][0], 1, 0, 0, 0, 0, 1), peer)
            assert sorted(x[1:] for x in said) == [
                (0, 2, 100000, 2, 1, 0, 0, 0, 0, PROGRAM, v, 17, port) for v in (1, 2)]
            seen(g, r"event=portmap .*knows")


# --- the log ---

LINE = "Nov 21 10:00:00 mail dovecot: imap-login: Login: user=<{}>, method=PLAIN, rip={}, lip=192.0.2.1, TLS\n"


def test_log(tmp_path):
    log = tmp_path / "mail.log"
    log.write_text(LINE.format("old", "127.7.7.1"))
    with Backend() as b, gated("--grants-log", str(log), backend=b) as g:
        def add(text, path=log):
            with open(path, "a", encoding="ascii") as f:
                f.write(text)

        add("noise\n" + LINE.format("joe", "127.7.7.2")[:40])
        time.sleep(1.5)
        assert not relays(g, "127.7.7.2")       # half a line is none
        add(LINE.format("joe", "127.7.7.2")[40:])
        assert eventually(lambda: relays(g, "127.7.7.2"))
        assert not relays(g, "127.7.7.1")       # what was there before the start is old
        os.rename(log, tmp_path / "mail.log.1")
        add(LINE.format("joe", "127.7.7.3"), tmp_path / "mail.log.1")   # its writer does not know yet
        add(LINE.format("joe", "127.7.7.4"))
        assert eventually(lambda: relays(g, "127.7.7.4")) and relays(g, "127.7.7.3")
        log.write_text(LINE.format("a", "127.7.7.5"))     # cut in place
        assert eventually(lambda: relays(g, "127.7.7.5"))
        add("x" * 100000 + LINE.format("joe", "127.7.7.6"))
        add("Nov 21 10:00:00 mail dovecot: imap-login: Disconnected (auth failed): user=<" +
            LINE.format("eve", "127.7.7.8")[24:])
        add(LINE.format("joe", "127.7.7.7"))
        assert eventually(lambda: relays(g, "127.7.7.7"))
        assert not relays(g, "127.7.7.6") and not relays(g, "127.7.7.8")
        os.unlink(log)
        seen(g, r"event=grants-log .*text=\"it is a new file\"")
        time.sleep(1.2)
        add(LINE.format("joe", "127.7.7.9"))
        assert eventually(lambda: relays(g, "127.7.7.9"))


def test_log_that_comes_later(tmp_path):
    log = tmp_path / "mail.log"
    with Backend() as b, gated("--grants-log", str(log), backend=b) as g:
        seen(g, r"event=grants-log .*not there yet")
        log.write_text(LINE.format("joe", "127.7.8.1"))
        assert eventually(lambda: relays(g, "127.7.8.1"))


# --- policy requests ---

@pytest.fixture(scope="module")
def policy():
    with Backend() as b, gated("--grants-listen", "127.0.0.1:0", "--grants-from", "127.0.0.0/30",
                               backend=b) as g:
        g.policy = int(re.search(r"port=(\d+)", seen(g, r"event=grants by=policy "))[1])
        yield g


def ask(gate, body, command="report", method="POST", source="127.0.0.1"):
    c = http.client.HTTPConnection("127.0.0.1", gate.policy, timeout=30, source_address=(source, 0))
    path = f"/?command={command}" if command else "/"
    c.request(method, path, body if isinstance(body, bytes) else json.dumps(body),
              {"Content-Type": "application/json"})
    r = c.getresponse()
    data = r.read()
    c.close()
    return r.status, data


def report(ip, **more):
    return {"login": "joe", "protocol": "imap", "remote": ip, "device_id": "", "success": True,
            "policy_reject": False, **more}


def test_policy(policy):
    good = (200, b'{"status":0,"msg":""}')
    assert ask(policy, report("127.7.9.1"), "allow") == good
    assert not relays(policy, "127.7.9.1")
    assert ask(policy, report("127.7.9.1")) == good
    assert relays(policy, "127.7.9.1")
    for name, change in (("failed", {"success": False}), ("rejected", {"policy_reject": True}),
                         ("smtp", {"protocol": "smtp"}), ("sieve", {"protocol": "sieve"}),
                         ("no login", {"login": ""}), ("words", {"success": "true"})):
        assert ask(policy, report("127.7.9.2", **change)) == good, name
    assert ask(policy, b"no json") == good and ask(policy, b"") == good
    assert not relays(policy, "127.7.9.2")


def test_event(policy):
    """The same port takes events of an event_exporter."""
    def event(ip, **more):
        return {"event": "auth_request_finished", "fields": {
            "success": "yes", "service": "imap", "user": "joe", "remote_ip": ip, **more}}
    assert ask(policy, event("127.7.9.5"), "report")[0] == 200      # it is no report
    assert not relays(policy, "127.7.9.5")
    assert ask(policy, event("127.7.9.5", success="no"), "event")[0] == 200
    assert not relays(policy, "127.7.9.5")
    assert ask(policy, event("127.7.9.5"), "event", source="127.0.0.9")[0] == 403
    assert not relays(policy, "127.7.9.5")
    assert ask(policy, event("127.7.9.5"), "event")[0] == 200
    assert relays(policy, "127.7.9.5")


def test_policy_refuses(policy):
    assert ask(policy, report("127.7.9.3"), source="127.0.0.9")[0] == 403
    assert ask(policy, report("127.7.9.3"), command="")[0] == 400
    assert ask(policy, report("127.7.9.3"), command="reboot")[0] == 400
    assert ask(policy, b"", method="GET")[0] == 405
    assert ask(policy, b"x" * 70000)[0] == 413
    assert not relays(policy, "127.7.9.3")
    assert ask(policy, report("127.7.9.3"))[0] == 200 and relays(policy, "127.7.9.3")


def test_bad_settings(tmp_path):
    (tmp_path / "file").write_text("")
    for options, text in ((("--grants-listen", "nowhere"), "grants-listen"),
                          (("--grants-listen", "203.0.113.1:1"), "203.0.113.1"),
                          (("--drac-listen", "203.0.113.1:1"), "203.0.113.1"),
                          (("--grants-socket", str(tmp_path / "no" / "socket")), "socket"),
                          (("--grants-socket", str(tmp_path / "file")), "file"),
                          (("--grants-log", str(tmp_path)), "no plain file"),
                          (("--grants-users", "no-such-user", "--grants-socket", str(tmp_path / "s")),
                           "no such user"),
                          (("--grant-networks", "everywhere"), "everywhere"),
                          (("--grants-from", "192.0.2.1/24"), "192.0.2.1/24")):
        g = gated(*options, backend="127.0.0.1:1 xclient")
        r = subprocess.run(g.command(), capture_output=True, text=True, timeout=30, check=False)
        assert r.returncode and text in r.stderr, (options, r.stderr)


# --- several workers ---

def test_workers_share_grants(tmp_path):
    path = tmp_path / "socket"
    with Backend() as b, gated("--grants-socket", str(path), "--workers", "2", backend=b,
                                    listen=f"127.0.0.1:{free_port()}") as g, Talk(path) as t:
        assert not relays(g, "127.7.11.1")
        assert t.say("allow 127.7.11.1 joe the second") == "ok new"
        assert eventually(lambda: all(relays(g, "127.7.11.1") for _ in range(8)))
        assert t.say("drop 127.7.11.1") == "ok"
        assert eventually(lambda: not any(relays(g, "127.7.11.1") for _ in range(8)))
        assert g.stop() == 0
