# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of postern gate share: the gate itself, a client that counts its octets, and the judge.

Backends stand in gatebackend.py. Everything is on loopback; clients and gate have addresses of their
own there, so that an identity that was lost shows."""

import contextlib
import os
import queue
import re
import select
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time
import urllib.request

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("POSTERN_BUILD", os.path.join(TOP, "build"))
GATE = os.environ.get("POSTERN_GATE", os.path.join(BUILD, "postern-gate"))
DOMAIN = "test.example"
NAME = "gate.test.example"
CLIENT = "127.7.0.1"    # where clients come from unless a test says otherwise
PATIENCE = 30           # seconds for anything that should take far less
LOG_LINES = 4000        # kept of the gate's log


class Gate:
    """One postern-gate on a free port of the loopback; killed on leaving the with.

    `backends`: objects with `place` and `identity`, or lines as the option takes them; `names`: the DNS
    server that knows clients' names."""

    def __init__(self, *backends, options=(), domains=(DOMAIN,), listen="127.0.0.1:0", role="mx",
                 tarpit=False, backend_test=False, names=None, env=None):
        self.backends, self.options, self.domains = backends, options, domains
        self.listen, self.role = listen, role
        self.flags = ["--tarpit" if tarpit else "--no-tarpit",
                      "--backend-test" if backend_test else "--no-backend-test",
                      *(["--client-names", "--resolver", names] if names else ["--no-client-names"])]
        self.env = env
        self.state = None   # the state folder; each gate has one of its own, over its restarts
        self.process = None
        self.places = []

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()
        if self.state:
            shutil.rmtree(self.state)
            self.state = None

    def command(self):
        words = [GATE, "--config", os.devnull, "--name", NAME, f"--listen-{self.role}", self.listen,
                 "--sessions-per-host", "2000", "--verbose", *self.flags]
        for domain in self.domains:
            words += ["--domains", domain]
        for b in self.backends:
            words += ["--backend", b if isinstance(b, str) else f"{b.place} {b.identity}"]
        return [*words, *self.options]

    def start(self):
        self.log, self.lines = [], queue.SimpleQueue()
        self.state = self.state or tempfile.mkdtemp(prefix="postern-gate-")
        self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE,
                                        env={**os.environ, "POSTERN_STATE": self.state, **(self.env or {})})
        self.reader = threading.Thread(target=self._read, args=(self.process.stderr,), daemon=True)
        self.reader.start()
        want = 1 + sum(str(o).startswith("--listen-") for o in self.options)
        self.places = []
        while len(self.places) < want:
            found = self.wait_log(r"event=listening .*\baddress=(\S+) port=(\d+)")
            self.places.append((found.group(1), int(found.group(2))))
        self.address, self.port = self.places[0]
        # The next start takes the same port, as a restarted service would.
        self.listen = f"{self.address}:{self.port}"

    def _read(self, stream):
        for line in stream:
            text = line.decode("utf-8", "replace").rstrip("\n")
            self.log.append(text)
            del self.log[:-LOG_LINES]
            self.lines.put(text)
        self.lines.put(None)

    def wait_log(self, pattern, patience=PATIENCE):
        """The match in the first line from here on that has it."""
        end = time.monotonic() + patience
        while True:
            try:
                line = self.lines.get(timeout=max(0.001, end - time.monotonic()))
            except queue.Empty:
                line = None
            assert line is not None, f"no {pattern} in the log:\n" + "\n".join(self.log[-40:])
            if found := re.search(pattern, line):
                return found

    def logged(self, pattern):
        return [line for line in self.log if re.search(pattern, line)]

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.reader.join()
            self.process.stderr.close()
            self.process = None
            self.sound()

    def sound(self):
        for line in self.log:
            assert "Sanitizer" not in line and "runtime error" not in line and \
                "Assertion" not in line, "\n".join(self.log[-60:])

    def alive(self):
        return self.process.poll() is None

    def stop(self, signum=signal.SIGTERM):
        """Asks it to end; its exit status."""
        self.process.send_signal(signum)
        status = self.process.wait(PATIENCE)
        self.reader.join()
        self.sound()
        return status

    def rss_kib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])

    def client(self, **named):
        return Client(self.address, self.port, **named)


def metrics(gate):
    """The numbers as Prometheus would read them, by name and labels."""
    found = [m for line in list(gate.log) if (m := re.search(r"event=metrics address=(\S+) port=(\d+)", line))]
    with urllib.request.urlopen(f"http://{found[-1][1]}:{found[-1][2]}/metrics", timeout=20) as got:
        assert got.headers["Content-Type"].startswith("application/openmetrics-text")
        text = got.read().decode()
    assert text.endswith("# EOF\n")
    return {line.rsplit(" ", 1)[0]: int(line.rsplit(" ", 1)[1])
            for line in text.splitlines() if not line.startswith("#")}


class Cut(Exception):
    """The client has said as many octets as it was to say."""


class Client:
    """SMTP as octets: says exactly what it is told to, and stops after `cut` of them."""

    def __init__(self, address, port, source=CLIENT, greeting=True, cut=None, reset=False, trickle=0,
                 patience=PATIENCE, first=b"", ttl=None):
        if ttl:     # what its packets have left, as if they had come a long way
            self.sock = socket.socket()
            self.sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
            self.sock.settimeout(patience)
            self.sock.bind((source, 0))
            self.sock.connect((address, port))
        else:
            self.sock = socket.create_connection((address, port), timeout=patience,
                                                 source_address=(source, 0))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.ip, self.source_port = self.sock.getsockname()[:2]
        self.buffer, self.left, self.reset_at_cut, self.trickle = b"", cut, reset, trickle
        self.said = 0
        if first:
            self.raw(first)
        if greeting:
            self.greeting = self.expect(220)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def reset(self):
        """Closes by RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def half_close(self):
        with contextlib.suppress(OSError):  # the other side may have gone first
            self.sock.shutdown(socket.SHUT_WR)

    def raw(self, data):
        data = data if isinstance(data, bytes) else data.encode()
        if self.left is not None and len(data) >= self.left:
            self.sock.sendall(data[:self.left])
            self.said += self.left
            self.reset() if self.reset_at_cut else self.close()
            raise Cut
        if self.left is not None:
            self.left -= len(data)
        self.said += len(data)
        if not self.trickle:
            self.sock.sendall(data)
            return
        for n in range(len(data)):
            self.sock.sendall(data[n:n + 1])
            time.sleep(self.trickle)

    def line(self):
        while b"\n" not in self.buffer:
            got = self.sock.recv(65536)
            if not got:
                raise EOFError(self.buffer)
            self.buffer += got
        line, self.buffer = self.buffer.split(b"\n", 1)
        assert line.endswith(b"\r"), line
        assert b"\r" not in line[:-1] and b"\0" not in line, line
        return line[:-1]

    def reply(self):
        """Code and text, its lines joined by LF."""
        lines, code = [], None
        while True:
            line = self.line().decode("utf-8", "replace")
            assert re.match(r"[2-5]\d\d[ -]", line), line
            assert code in (None, line[:3]), (code, line)
            code = line[:3]
            lines.append(line[4:])
            if line[3] == " ":
                return int(code), "\n".join(lines)

    def expect(self, code, line=None):
        got = self.reply() if line is None else self.say(line)
        assert got[0] == code, (line, got)
        return got[1]

    def say(self, line):
        self.raw((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return self.reply()

    def hello(self, name="client.example"):
        return self.expect(250, f"EHLO {name}")

    def starttls(self, context=None):
        self.expect(220, "STARTTLS")
        self.secure(context)

    def secure(self, context=None):
        if not context:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        self.sock = context.wrap_socket(self.sock, server_hostname=NAME)
        self.buffer = b""

    def ended(self, patience=PATIENCE):
        """All that still comes until the gate closes; None if it does not."""
        self.sock.settimeout(patience)
        rest, self.buffer = self.buffer, b""
        try:
            while got := self.sock.recv(65536):
                rest += got
        except (ConnectionResetError, BrokenPipeError):
            pass
        except socket.timeout:
            return None
        return rest

    def silent(self, seconds=0.2):
        return not self.buffer and not select.select([self.sock], [], [], seconds)[0]


def stuffed(data):
    """A message as DATA wants it, with its end."""
    out = re.sub(rb"(?m)^\.", b"..", data)
    return out + (b"" if out.endswith(b"\r\n") or not out else b"\r\n") + b".\r\n"


_number = iter(range(1, 1 << 60))
_number_lock = threading.Lock()


def tag():
    """A name that no other message of this process has."""
    with _number_lock:
        return f"{os.getpid():x}x{next(_number)}"


def message(name, lines=4):
    """A message with a bit of what goes wrong: dots, empty and long lines, octets over 127."""
    odd = [b".", b"..", b".leading", b"", b"\xc3\xa4\xff\x80", b"x" * 998, b" \t ", b"From me", b"..."]
    body = b"".join(odd[n % len(odd)] + b"\r\n" for n in range(lines))
    return (f"X-Tag: {name}\r\nFrom: <a@client.example>\r\nTo: <user@{DOMAIN}>\r\n"
            f"Subject: {name}\r\n\r\n").encode() + body


class Attempt:
    """What one client tried, and what it was told."""

    def __init__(self, data=None, rcpts=(f"user@{DOMAIN}",), mail="a@client.example", name=None):
        self.name = name or tag()
        self.data = message(self.name) if data is None else data
        self.mail, self.rcpts = mail, list(rcpts)
        self.taken = []         # recipients that were accepted
        self.code = None        # of the reply to the message, None when there was none
        self.stopped = None     # code of the reply that stopped it before
        self.ip = CLIENT

    @property
    def acked(self):
        return self.code is not None and 200 <= self.code < 300

    def envelope(self, c, hello="client.example"):
        """Up to 354; False when a reply stopped it."""
        self.ip = c.ip
        if hello:
            c.raw(f"EHLO {hello}\r\n")
            if not self._good(c.reply()):
                return False
        c.raw(f"MAIL FROM:<{self.mail}>\r\n")
        if not self._good(c.reply()):
            return False
        for rcpt in self.rcpts:
            c.raw(f"RCPT TO:<{rcpt}>\r\n")
            if self._good(c.reply()):
                self.taken.append(rcpt)
        if not self.taken:
            return False
        c.raw(b"DATA\r\n")
        got = c.reply()
        self._good(got, 3)
        return got[0] == 354

    def _good(self, got, want=2):
        """Notes the first reply that is not as it should be."""
        if got[0] // 100 != want:
            self.stopped = self.stopped or got[0]
        return got[0] // 100 == want

    def send(self, c, hello="client.example"):
        """The whole of it. A client that is cut off, or cuts off, just ends it."""
        try:
            if self.envelope(c, hello):
                c.raw(stuffed(self.data))
                self.code = c.reply()[0]
        except (Cut, EOFError, ConnectionError, ssl.SSLError, socket.timeout):
            pass
        return self

    def send_chunks(self, c, sizes, hello="client.example"):
        """By BDAT, cut into chunks of these sizes (the last of them again and again)."""
        try:
            self.ip = c.ip
            if hello and not self._good(c.say(f"EHLO {hello}")):
                return self
            if not self._good(c.say(f"MAIL FROM:<{self.mail}>")):
                return self
            for rcpt in self.rcpts:
                if self._good(c.say(f"RCPT TO:<{rcpt}>")):
                    self.taken.append(rcpt)
            rest, sizes = self.data, list(sizes)
            while self.taken:
                size = sizes.pop(0) if len(sizes) > 1 else sizes[0]
                piece, rest = rest[:size], rest[size:]
                c.raw(f"BDAT {len(piece)}{'' if rest else ' LAST'}\r\n".encode() + piece)
                got = c.reply()
                if not rest:
                    self.code = got[0]
                else:
                    self._good(got)
                if not rest or got[0] != 250:
                    break
        except (Cut, EOFError, ConnectionError, socket.timeout):
            pass
        return self


def judge(attempts, backends, ours=(DOMAIN,)):
    """Everything that may not be, one line each: empty when the gate kept its promises."""
    wrong = []
    kept = {}
    for b in backends:
        for m in b.messages:
            if m.kept:
                kept.setdefault(m.name, []).append(m)
        wrong += [f"backend: {text}" for v in b.visits for text in v.wrong]
    known = {a.name: a for a in attempts}
    for a in attempts:
        copies = kept.get(a.name, [])
        if a.acked and not copies:
            wrong.append(f"{a.name}: the client saw {a.code}, and no backend has the message")
        if len(copies) > 1:
            wrong.append(f"{a.name}: {len(copies)} copies of one attempt")
        for m in copies:
            if a.data is not None and m.data != a.data:
                wrong.append(f"{a.name}: the octets differ: {different(a.data, m.data)}")
            if a.acked and sorted(r.lower() for r in m.rcpts) != sorted(r.lower() for r in a.taken):
                wrong.append(f"{a.name}: recipients {m.rcpts}, and the client heard yes to {a.taken}")
            if m.identity != a.ip:
                wrong.append(f"{a.name}: the backend takes {a.ip} for {m.identity}")
    for name in kept:
        if name not in known:
            wrong.append(f"a message that nobody sent: {name}")
    for b in backends:
        for v in b.visits:
            for rcpt in v.rcpts:
                if rcpt.rpartition(b"@")[2].lower().decode("latin-1") not in ours and \
                        rcpt.lower() != b"postmaster":
                    wrong.append(f"a foreign recipient: {rcpt}")
    return wrong


def different(a, b):
    n = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    return f"at {n} of {len(a)} and {len(b)}: {a[n:n + 30]!r} became {b[n:n + 30]!r}"
