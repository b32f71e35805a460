# SPDX-License-Identifier: GPL-3.0-or-later
"""postern sink as a process: start, faults, bounds, rights, the way down, and kill -9."""

import os
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from sinklib import DOMAIN, PATIENCE, SINK, TOP, Client, Sink, mint, proofs

MARK = "X-Postern-Probe: run=0badcafe; target=127.0.0.1; tokens=1\r\n"
ROOT = os.geteuid() == 0


def run(*options, env=None, patience=PATIENCE):
    return subprocess.run([SINK, *options], capture_output=True, text=True, timeout=patience,
                          env={**os.environ, **(env or {})}, check=False)


# ---- no acknowledged proof is lost ----

class Sender(threading.Thread):
    """A relay with a queue: sends each message until it is acknowledged, and notes when it was."""

    def __init__(self, sink, key, serials):
        super().__init__(daemon=True)
        self.sink, self.key, self.serials = sink, key, serials
        self.acknowledged, self.tries, self.odd = [], 0, []
        self.done = threading.Event()

    def run(self):
        for serial in self.serials:
            while not self.done.is_set() and not self.attempt(serial):
                time.sleep(0.01)

    def attempt(self, serial):
        self.tries += 1
        message = f"{MARK}X-Serial: {serial}\r\n\r\nhello\r\n"
        tokens = [mint(self.key, serial), mint(self.key, serial + 10000)]
        try:
            got = self.sink.send(*(f"<{t}@{DOMAIN}>" for t in tokens), message=message)
        except (OSError, EOFError, AssertionError):
            return False  # killed under our hands, or not up yet
        if got[0] != 250:
            self.odd.append(got)
            return False
        self.acknowledged.append(serial)
        return True


def test_kill_at_any_point_loses_no_acknowledged_proof(tmp_path):
    """Killed again and again while four clients send; what was answered with 250 is there."""
    random.seed(4)
    with Sink(tmp_path / "state") as sink:
        key = sink.key
        sink.listen = (f"127.0.0.1:{sink.port}",)
        senders = [Sender(sink, key, range(n * 1000, n * 1000 + 1000)) for n in range(4)]
        for sender in senders:
            sender.start()
        for _ in range(15):
            time.sleep(random.uniform(0.02, 0.3))
            sink.kill()
            sink.start()
        time.sleep(0.2)
        for sender in senders:
            sender.done.set()
        for sender in senders:
            sender.join(PATIENCE)
        assert sink.stop() == 0
    acknowledged = [serial for sender in senders for serial in sender.acknowledged]
    kept = proofs(tmp_path / "state")
    serials = [p["serial"] for p in kept]
    missing = [s for s in acknowledged if s not in serials or s + 10000 not in serials]
    assert not missing
    assert len(serials) == len(set(serials)), "a proof was stored twice, not counted twice"
    assert len(acknowledged) > 100 and not sum((s.odd for s in senders), [])
    assert all(p["raw"].endswith(b"\r\n\r\nhello\r\n") for p in kept)


def test_kill_between_commit_and_reply(tmp_path):
    """The client saw no reply, the proof is there; sent again, it is the same proof."""
    with Sink(tmp_path / "state") as sink:
        token = sink.mint(1)
        client = sink.client()
        client.hello()
        client.raw(f"MAIL FROM:<>\r\nRCPT TO:<{token}@{DOMAIN}>\r\nDATA\r\n")
        assert [client.reply()[0] for _ in range(3)] == [250, 250, 354]
        client.raw(MARK + "\r\nx\r\n.\r\n")
        sink.wait_log("event=arrival ")
        sink.kill()
        sink.listen = (f"127.0.0.1:{sink.port}",)
        sink.start()
        assert sink.send(f"<{token}@{DOMAIN}>", message=MARK + "\r\nx\r\n")[0] == 250
        kept, = sink.proofs()
        assert kept["seen"] == 2


def test_kill_leaves_no_part_of_a_message(tmp_path):
    """A hundred recipients in one message: all of them are proved, or none is, and the relay sends again."""
    random.seed(5)
    with Sink(tmp_path / "state") as sink:
        sink.listen = (f"127.0.0.1:{sink.port}",)
        for turn in range(12):
            message = f"{MARK}X-Turn: {turn}\r\n\r\nx\r\n"
            client = sink.client()
            client.hello()
            tokens = [sink.mint(turn * 100 + i) for i in range(100)]
            client.raw("MAIL FROM:<>\r\n" + "".join(f"RCPT TO:<{t}@{DOMAIN}>\r\n" for t in tokens)
                       + "DATA\r\n")
            assert [client.reply()[0] for _ in range(102)] == [250] * 101 + [354]
            client.raw(message + ".\r\n")
            time.sleep(random.uniform(0, 0.012))
            sink.kill()
            try:
                taken = client.reply()[0] == 250
            except (OSError, EOFError, AssertionError):
                taken = False
            kept = [p["serial"] for p in proofs(tmp_path / "state") if p["serial"] // 100 == turn]
            assert len(kept) == len(set(kept)) and len(kept) in ((100,) if taken else (0, 100))
            sink.start()


# ---- the way down ----

@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_stops_when_asked(tmp_path, signum):
    with Sink(tmp_path / "state") as sink:
        with sink.client() as idle:
            idle.hello()
            assert sink.stop(signum) == 0
            assert idle.reply() == (421, "4.3.2 Going down, try again later")
            assert idle.closed()
        assert "event=stopped" in sink.log[-1]


def test_finishes_the_message_under_way(tmp_path):
    with Sink(tmp_path / "state") as sink:
        with sink.client() as c:
            c.hello()
            c.expect(250, "MAIL FROM:<>")
            c.expect(250, f"RCPT TO:<{sink.mint(1)}@{DOMAIN}>")
            c.expect(354, "DATA")
            c.raw(MARK + "\r\nhel")
            sink.process.send_signal(signal.SIGTERM)
            sink.wait_log("event=stopping")
            with pytest.raises(ConnectionRefusedError):
                Client(sink.address, sink.port)
            c.raw("lo\r\n.\r\n")
            assert c.reply()[0] == 250
            assert c.reply()[0] == 421
        assert sink.process.wait(PATIENCE) == 0
        assert len(sink.proofs()) == 1


def test_second_signal_does_not_wait(tmp_path):
    with Sink(tmp_path / "state") as sink:
        with sink.client() as c:
            c.hello()
            c.expect(250, "MAIL FROM:<>")
            c.expect(250, f"RCPT TO:<{sink.mint(1)}@{DOMAIN}>")
            c.expect(354, "DATA")
            sink.process.send_signal(signal.SIGTERM)
            sink.wait_log("event=stopping")
            assert sink.stop() == 0


# ---- start ----

def test_key_and_certificate_outlive_it(tmp_path):
    with Sink(tmp_path / "state") as sink:
        before = [(tmp_path / "state" / name).read_bytes() for name in ("key", "sink.pem")]
        token = sink.mint(1)
        assert sink.stop() == 0
        sink.start()
        assert sink.send(f"<{token}@{DOMAIN}>")[0] == 250
        assert [(tmp_path / "state" / name).read_bytes() for name in ("key", "sink.pem")] == before
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_given_certificate(tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=mx.example",
                    "-keyout", tmp_path / "k.pem", "-out", tmp_path / "c.pem"], check=True,
                   capture_output=True)
    with Sink(tmp_path / "state", "--cert", str(tmp_path / "c.pem"), "--key", str(tmp_path / "k.pem"),
              "--name", "mx.example") as sink:
        with sink.client() as c:
            assert c.greeting[1].startswith("mx.example ESMTP")
            c.hello()
            c.starttls()
            assert b"mx.example" in c.sock.getpeercert(binary_form=True)
    assert not (tmp_path / "state" / "sink.pem").exists()


def test_no_tls_when_not_wanted(tmp_path):
    with Sink(tmp_path / "state", "--no-tls") as sink, sink.client() as c:
        assert "STARTTLS" not in c.hello()
        assert c.say("STARTTLS")[0] == 502


MISUSE = [
    ([], "needs --probe-domain"),
    (["--probe-domain", "a b"], "is no domain name"),
    (["--probe-domain", DOMAIN, "--listen", "nonsense"], "is no ADDR:PORT"),
    (["--probe-domain", DOMAIN, "--key", "k.pem"], "--key needs --cert"),
    (["--probe-domain", DOMAIN, "operand"], "takes no operand"),
    (["--probe-domain", DOMAIN, "--clients", "0"], "--clients"),
    (["--probe-domain", DOMAIN, "--nonsense"], "nonsense"),
]


@pytest.mark.parametrize("options,text", MISUSE)
def test_misuse(tmp_path, options, text):
    got = run(*options, "--state", str(tmp_path))
    assert (got.returncode, text in got.stderr) == (64, True), got.stderr


def test_help_and_man_page_know_the_same_options():
    got = run("--help")
    assert got.returncode == 0
    with open(os.path.join(TOP, "man/postern-sink.1"), encoding="utf-8") as f:
        page = f.read()
    helped = set(re.findall(r"--(?!no-)([a-z-]+)", got.stdout)) - {"tls", "listen"}
    manned = set(re.findall(r"Fl -(?!no-)([a-z-]+)", page)) - {"listen"}
    assert helped == manned and "Fl -no-tls" in page


def start_fails(tmp_path, *options, status, text, state="state"):
    got = run("--probe-domain", DOMAIN, "--state", str(tmp_path / state), *options)
    assert got.returncode == status, got.stderr
    assert text in got.stderr.splitlines()[-1], got.stderr


def test_port_in_use(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        start_fails(tmp_path, "--listen", f"127.0.0.1:{taken.getsockname()[1]}", status=71, text="in use")


def test_certificate_that_is_not_there(tmp_path):
    start_fails(tmp_path, "--listen", "127.0.0.1:0", "--cert", str(tmp_path / "none.pem"), status=66,
                text="none.pem")


def test_damaged_store_is_left_alone(tmp_path):
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / "postern.db").write_bytes(b"no database, but somebody's letters")
    start_fails(tmp_path, "--listen", "127.0.0.1:0", status=65, text="postern.db")
    assert (tmp_path / "state" / "postern.db").read_bytes() == b"no database, but somebody's letters"


def test_key_that_is_none(tmp_path):
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / "key").write_text("abc\n", encoding="ascii")
    (tmp_path / "state" / "key").chmod(0o600)
    start_fails(tmp_path, "--listen", "127.0.0.1:0", status=65, text="key")


HAND_OVER = """import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])"""


def test_sockets_of_systemd(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as given:
        wrap = ("/usr/bin/python3", "-c", HAND_OVER, str(given.fileno()))
        with Sink(tmp_path / "state", listen=(), wrap=wrap, pass_fds=(given.fileno(),)) as sink:
            assert sink.port == given.getsockname()[1]
            assert sink.send(f"<{sink.mint(1)}@{DOMAIN}>")[0] == 250


def test_a_message_without_end_does_not_hold_it_up(tmp_path):
    with Sink(tmp_path / "state") as sink, sink.client() as c:
        c.hello()
        c.expect(250, "MAIL FROM:<>")
        c.expect(250, f"RCPT TO:<{sink.mint(1)}@{DOMAIN}>")
        c.expect(354, "DATA")
        started = time.monotonic()
        assert sink.stop() == 0
        assert 4 < time.monotonic() - started < 15
        assert c.reply()[0] == 421


@pytest.mark.skipif(not ROOT, reason="needs root, to have rights to drop")
@pytest.mark.parametrize("gate", [False, True], ids=["new", "a gate was here"])
def test_rights_are_dropped(tmp_path, gate):
    """A folder that root has made is given away, also when a gate that root ran was the first in it."""
    tmp_path.chmod(0o755)
    if gate:
        (tmp_path / "state").mkdir(mode=0o700)
        (tmp_path / "state" / "gate-guard").touch()
    for folder in tmp_path.parents:
        if folder.owner() == "root" and folder.stat().st_mode & 0o5 == 0:
            folder.chmod(folder.stat().st_mode | 0o5)
    user = pwd.getpwnam("nobody")
    with Sink(tmp_path / "state", "--user", "nobody") as sink:
        status = open(f"/proc/{sink.process.pid}/status", encoding="ascii").read()
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert fields["Uid"].split() == [str(user.pw_uid)] * 4
        assert fields["Gid"].split() == [str(user.pw_gid)] * 4
        assert int(fields["CapEff"], 16) == 0 and int(fields["CapPrm"], 16) == 0
        assert fields["NoNewPrivs"] == "1"
        assert sink.send(f"<{sink.mint(1)}@{DOMAIN}>")[0] == 250
        assert len(sink.proofs()) == 1
        with sink.client() as c:
            c.hello()
            c.starttls()
    assert (tmp_path / "state").stat().st_uid == user.pw_uid


@pytest.mark.skipif(not ROOT, reason="needs root")
def test_user_that_is_none(tmp_path):
    start_fails(tmp_path, "--listen", "127.0.0.1:0", "--user", "no-such-user", status=67,
                text="no-such-user")


@pytest.mark.skipif(not ROOT, reason="needs root, to become another")
def test_port_25_without_right(tmp_path):
    """Run as nobody in a net of its own, where ports below 1024 are for root."""
    (tmp_path / "state").mkdir(mode=0o700)
    shutil.chown(tmp_path / "state", "nobody")
    probe = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip("no network namespaces here")
    copy = shutil.copy(SINK, tmp_path / "postern-sink")
    for folder in [tmp_path, *tmp_path.parents]:
        if folder.owner() == "root" and folder.stat().st_mode & 0o5 != 0o5:
            folder.chmod(folder.stat().st_mode | 0o5)
    got = subprocess.run(["unshare", "--net", "setpriv", "--reuid", "nobody", "--clear-groups", copy,
                          "--probe-domain", DOMAIN, "--listen", "0.0.0.0:25", "--state",
                          str(tmp_path / "state")], capture_output=True, text=True, timeout=PATIENCE,
                         check=False)
    assert got.returncode == 77, got.stderr
    assert "CAP_NET_BIND_SERVICE" in got.stderr or "root" in got.stderr, got.stderr


# ---- bounds ----

def test_connections_of_one_client(tmp_path):
    with Sink(tmp_path / "state", "--per-client", "3") as sink:
        clients = [sink.client() for _ in range(3)]
        with sink.client() as fourth:
            assert fourth.greeting[0] == 421
            assert fourth.closed()
        clients.pop().sock.close()
        sink.wait_log("event=session .*end=\"closed by peer\"")
        assert sink.send(f"<{sink.mint(1)}@{DOMAIN}>")[0] == 250
        for client in clients:
            client.sock.close()


def test_connections_of_all(tmp_path):
    """Over the limit they are told so; far over it they wait in the kernel's queue."""
    with Sink(tmp_path / "state", "--clients", "5", "--per-client", "1000") as sink:
        clients = [sink.client() for _ in range(5)]
        with sink.client() as sixth:
            assert sixth.greeting[0] == 421
        for client in clients:
            client.sock.close()
        time.sleep(0.1)
        assert sink.send(f"<{sink.mint(1)}@{DOMAIN}>")[0] == 250


def test_crowd_waits_in_the_kernel(tmp_path):
    """Far over the limit nobody is let in until others have left."""
    with Sink(tmp_path / "state", "--clients", "1", "--per-client", "1000", "--rate", "60000") as sink:
        stayer = sink.client()
        crowd = [sink.client(greeting=False) for _ in range(130)]
        for client in crowd:
            assert client.reply()[0] == 421
            client.sock.close()
        assert stayer.say("NOOP")[0] == 250
        stayer.sock.close()


def test_silence_has_an_end(tmp_path):
    with Sink(tmp_path / "state", "--idle", "1") as sink:
        with sink.client() as c, sink.client() as d, sink.client() as e:
            d.hello()
            d.expect(220, "STARTTLS")  # and no handshake
            e.hello()
            e.expect(250, "MAIL FROM:<>")
            e.expect(250, f"RCPT TO:<{sink.mint(1)}@{DOMAIN}>")
            e.expect(354, "DATA")
            started = time.monotonic()
            assert c.reply() == (421, "4.4.2 Timeout")
            assert c.closed() and d.closed()
            assert e.reply() == (421, "4.4.2 Timeout")
            assert 0.5 < time.monotonic() - started < 5
        assert not sink.proofs()


def test_messages_a_minute(tmp_path):
    with Sink(tmp_path / "state", "--rate", "5") as sink, sink.client() as c:
        c.hello()
        codes = []
        for _ in range(6):
            codes.append(c.say("MAIL FROM:<>")[0])
            c.say("RSET")
        assert codes == [250] * 4 + [450] * 2  # the connection was the first deed


def test_size(tmp_path):
    with Sink(tmp_path / "state", "--max-size", "64k") as sink, sink.client() as c:
        assert "SIZE 65536" in c.hello()
        assert c.say("MAIL FROM:<> SIZE=65537")[0] == 552
        c.expect(250, "MAIL FROM:<>")
        c.expect(250, f"RCPT TO:<{sink.mint(1)}@{DOMAIN}>")
        assert c.data(b"x" * 998 + b"\r\n" + b"y" * 70000 + b"\r\n")[0] == 552
        assert c.say("NOOP")[0] == 250
        assert not sink.proofs()


def test_disk_bound(tmp_path):
    """At the bound mail is put off, not refused and not taken."""
    with Sink(tmp_path / "state", "--max-disk", "1m") as sink:
        body = (b"z" * 76 + b"\r\n") * 3000
        codes = []
        for serial in range(1, 20):
            with sink.client() as c:
                c.hello()
                got = c.say("MAIL FROM:<>")
                codes.append(got[0])
                if got[0] == 452:
                    break
                c.expect(250, f"RCPT TO:<{sink.mint(serial)}@{DOMAIN}>")
                assert c.data(MARK.encode() + b"X: %d\r\n\r\n" % serial + body)[0] == 250
        assert codes[-1] == 452 and 2 < len(codes) < 15
        assert len(sink.proofs()) == len(codes) - 1
        assert "why=disk" in sink.wait_log("event=put-off")


def fill(path):
    """Writes until the disk is full."""
    with open(path, "wb", buffering=0) as f:
        try:
            while True:
                f.write(b"f" * 4096)
        except OSError:
            pass


@pytest.mark.skipif(not ROOT, reason="needs root, to mount a small disk")
def test_full_disk(tmp_path):
    """No room for the proof, no 250; with room again, the relay's next try is taken."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "none", disk],
                             capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("cannot mount here")
    try:
        with Sink(disk / "state") as sink:
            fill(disk / "filler")
            message = MARK + "\r\n" + "full\r\n" * 3000
            assert sink.send(f"<{sink.mint(1)}@{DOMAIN}>", message=message)[0] == 451
            assert "why=store" in sink.wait_log("event=put-off")
            os.truncate(disk / "filler", 0)
            assert sink.send(f"<{sink.mint(1)}@{DOMAIN}>", message=message)[0] == 250
            assert len(sink.proofs()) == 1
            assert sink.stop() == 0
    finally:
        subprocess.run(["umount", disk], check=True)


def test_many_hostile_clients_at_once(tmp_path):
    """Noise from sixty connections; memory stays low and proofs go on."""
    random.seed(7)
    with Sink(tmp_path / "state", "--per-client", "100", "--rate", "60000") as sink:
        noise = [b"\r\n" * 1000, b"\x00" * 5000, b"MAIL FROM:<" + b"<" * 3000 + b"\r\n", b"EHLO x\r\n" * 500,
                 b"EHLO x\r\nBDAT 99999999999999999999\r\n", b"BDAT 5000000\r\n" + b"q" * 50000,
                 random.randbytes(20000), b"EHLO x\r\nMAIL FROM:<>\r\nBDAT 100000\r\n" + b"DATA\r\n" * 1000]
        clients = [sink.client(greeting=False) for _ in range(60)]
        for i, client in enumerate(clients):
            client.sock.settimeout(5)
            try:
                client.raw(noise[i % len(noise)])
            except OSError:
                pass
        assert sink.send(f"<{sink.mint(1)}@{DOMAIN}>")[0] == 250
        status = open(f"/proc/{sink.process.pid}/status", encoding="ascii").read()
        resident = int(status.split("VmRSS:")[1].split()[0])
        for client in clients:
            client.sock.close()
        if "asan" not in SINK:
            assert resident < 60000, f"{resident} KiB"
        assert sink.stop() == 0
