# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts postern-sink, mints tokens, speaks raw SMTP, reads the store: for the tests of the sink.

Tokens are made here from their description in probe/token.h, not by the code that is tested."""

import base64
import hashlib
import hmac
import ipaddress
import json
import os
import re
import select
import signal
import socket
import sqlite3
import ssl
import struct
import subprocess
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("POSTERN_BUILD", os.path.join(TOP, "build"))
SINK = os.path.join(BUILD, "postern-sink")
DOMAIN = "probe.example"
DENIED = (550, "5.7.1 relaying denied")
PATIENCE = 30  # seconds for anything that should take far less


def base32(data):
    return base64.b32encode(data).decode().lower().rstrip("=")


def mint(key, serial=1, run=0x0badcafe, tested="127.0.0.1", kind="r", day=None):
    """A token as probe/token.h describes it."""
    ip = ipaddress.ip_address(tested)
    digest = hashlib.sha256(bytes([ip.version]) + ip.packed).digest()[:5]
    day = int(time.time() // 86400) if day is None else day
    payload = struct.pack(">cI5sHH", kind.encode(), run, digest, serial, day)
    return base32(payload + hmac.new(key, b"postern token 1" + payload, "sha256").digest()[:8])


class Sink:
    """One postern-sink on a free port of the loopback; stopped on leaving the with."""

    def __init__(self, state, *options, listen=("127.0.0.1:0",), wrap=(), pass_fds=()):
        self.state = str(state)
        self.options = options
        self.listen = listen
        self.wrap = wrap
        self.pass_fds = pass_fds
        self.process = None
        self.log = []

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()
            self.process.stderr.close()

    def command(self):
        listen = [word for place in self.listen for word in ("--listen", place)]
        return [*self.wrap, SINK, "--probe-domain", DOMAIN, "--state", self.state, *listen,
                "--verbose", *self.options]

    def start(self):
        """Waits until it listens everywhere."""
        self.process = subprocess.Popen(self.command(), stderr=subprocess.PIPE,
                                        pass_fds=self.pass_fds)
        self.buffer = b""
        self.log = []
        places = []
        while len(places) < max(1, len(self.listen)):
            line = self.line()
            assert line is not None, "\n".join(self.log)
            found = re.search(r"event=listening address=(\S+) port=(\d+)", line)
            if found:
                places.append((found.group(1), int(found.group(2))))
        self.places = places
        self.address, self.port = places[0]

    def line(self, patience=PATIENCE):
        """The next line of the log, or None at its end."""
        end = time.monotonic() + patience
        while b"\n" not in self.buffer:
            left = end - time.monotonic()
            assert left > 0, "no line in the log for too long:\n" + "\n".join(self.log)
            if select.select([self.process.stderr], [], [], left)[0]:
                got = os.read(self.process.stderr.fileno(), 65536)
                if not got:
                    return None
                self.buffer += got
        line, self.buffer = self.buffer.split(b"\n", 1)
        self.log.append(line.decode())
        return self.log[-1]

    def wait_log(self, pattern):
        """The first line from here on that has the pattern."""
        while True:
            line = self.line()
            assert line is not None, f"no {pattern} in:\n" + "\n".join(self.log)
            if re.search(pattern, line):
                return line

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def stop(self, signum=signal.SIGTERM):
        """Asks it to end; its exit status."""
        self.process.send_signal(signum)
        while self.line() is not None:
            pass
        return self.process.wait(PATIENCE)

    @property
    def key(self):
        text = open(os.path.join(self.state, "key"), encoding="ascii").read().strip().upper()
        return base64.b32decode(text + "=" * (-len(text) % 8))

    def mint(self, *args, **named):
        return mint(self.key, *args, **named)

    def client(self, **named):
        return Client(self.address, self.port, **named)

    def send(self, *rcpts, mail="<>", message="Subject: probe\r\n\r\nhello\r\n", helo="relay.example"):
        """One message by a plain session; the reply to its end."""
        with self.client() as c:
            c.hello(helo)
            c.expect(250, f"MAIL FROM:{mail}")
            for rcpt in rcpts:
                c.expect(250, f"RCPT TO:{rcpt}")
            return c.data(message)

    def proofs(self):
        return proofs(self.state)


def proofs(state):
    """What is in the store, oldest first, each a dict."""
    base = sqlite3.connect(f"file:{state}/postern.db?mode=ro", uri=True, timeout=PATIENCE)
    base.row_factory = sqlite3.Row
    rows = base.execute("SELECT p.*, m.raw, m.size FROM proofs p JOIN messages m "
                        "ON m.id = p.message ORDER BY p.id").fetchall()
    base.close()
    whats, scopes = ("arrival", "bounce", "auto-reply"), ("recipient", "transaction")
    return [{**row, "what": whats[row["what"]], "scope": scopes[row["scope"]], "kind": chr(row["kind"]),
             "chain": json.loads(row["chain"])} for row in map(dict, rows)]


class Client:
    """SMTP as bytes: says exactly what it is told to."""

    def __init__(self, address, port, greeting=True):
        self.sock = socket.create_connection((address, port), timeout=PATIENCE)
        self.buffer = b""
        if greeting:
            self.greeting = self.reply()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def raw(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())

    def text_line(self):
        while b"\n" not in self.buffer:
            got = self.sock.recv(65536)
            if not got:
                raise EOFError(self.buffer)
            self.buffer += got
        line, self.buffer = self.buffer.split(b"\n", 1)
        assert line.endswith(b"\r"), line
        return line[:-1].decode()

    def reply(self):
        """Code and text, its lines joined by LF."""
        lines = []
        while True:
            line = self.text_line()
            assert re.match(r"\d{3}[ -]", line), line
            lines.append(line[4:])
            if line[3] == " ":
                return int(line[:3]), "\n".join(lines)

    def say(self, line):
        self.raw(line + "\r\n" if isinstance(line, str) else line + b"\r\n")
        return self.reply()

    def expect(self, code, line):
        got = self.say(line)
        assert got[0] == code, (line, got)
        return got[1]

    def hello(self, name="relay.example"):
        return self.expect(250, f"EHLO {name}")

    def data(self, message):
        self.expect(354, "DATA")
        message = message if isinstance(message, bytes) else message.encode()
        self.raw(re.sub(rb"(?m)^\.", b"..", message) + b".\r\n")
        return self.reply()

    def starttls(self):
        self.expect(220, "STARTTLS")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.sock = context.wrap_socket(self.sock)
        self.buffer = b""

    def closed(self):
        """True when the server has closed the connection."""
        try:
            return self.sock.recv(1) == b""
        except ConnectionResetError:
            return True
