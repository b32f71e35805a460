# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of postern dns share: the server, zone files, questions by UDP and TCP."""

import contextlib
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import urllib.request

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("POSTERN_BUILD", os.path.join(TOP, "build"))
DNS = os.path.join(BUILD, "postern-dns")
PATIENCE = 30       # seconds for anything that should take far less
ZONE = "bl.example"
SOA = "$SOA 3600 ns.bl.example. hostmaster.bl.example. 0 3600 600 86400 300\n$NS 3600 ns.bl.example.\n"
LIST = SOA + ":127.0.0.2:Listed $\n192.0.2.1\n198.51.100.7 :4:other $\n"


def eventually(check, patience=PATIENCE, what="it"):
    """Waits until the check is true; gives what it gave."""
    end = time.monotonic() + patience
    while True:
        got = check()
        if got:
            return got
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.005)


class Server:
    """One postern-dns on a free port of the loopback; killed on leaving the with.

    `zones`: the operands. Files of `files` ({name: text}) are written into its folder before it starts;
    in the operands {} stands for that folder. Test data stand in the documentation networks, so every
    zone may list reserved space unless reserved=False."""

    def __init__(self, *zones, files=None, options=(), listen=("127.0.0.1:0",), reserved=True, env=None,
                 expect_ready=True, rate=0):
        self.folder = tempfile.mkdtemp(prefix="postern-dns-")
        self.zones, self.options, self.listen, self.env = list(zones), list(options), listen, env
        self.expect_ready, self.rate, self.reserved = expect_ready, rate, reserved
        self.process, self.lines, self.config = None, [], os.devnull
        for name, text in (files or {}).items():
            self.write(name, text)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        """As a careful operator does it: beside, then renamed."""
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".new", "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        os.rename(path + ".new", path)

    @property
    def state(self):
        return self.path("state")

    def command(self, *more):
        words = [DNS, "--config", self.config, "--state", self.state, "--verbose", "--rate", str(self.rate)]
        for place in self.listen:
            words += ["--listen", place]
        zones = [z.replace("{}", self.folder) for z in self.zones]
        if self.reserved:
            for name in dict.fromkeys(z.split(":")[0] for z in zones if z[0] != ":"):
                words += ["--reserved", name]
        return [*words, *(str(o).replace("{}", self.folder) for o in self.options), *more, *zones]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        self.lines, self.places = [], []
        self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        stdout=subprocess.DEVNULL, text=True,
                                        env={**os.environ, **(self.env or {})})
        self.reader = threading.Thread(target=self._read, args=(self.process.stderr,), daemon=True)
        self.reader.start()
        self.await_line("event=listening")
        if self.expect_ready:
            self.await_line("event=ready")
        self.places = [(m[1], int(m[2])) for line in self.lines
                       if (m := re.search(r"event=listening address=(\S+) port=(\d+)", line))]
        self.address, self.port = self.places[0]

    def _read(self, stream):
        for line in stream:
            self.lines.append(line.rstrip("\n"))

    def log(self):
        return "\n".join(self.lines)

    def find(self, *words):
        return [line for line in list(self.lines) if all(w in line for w in words)]

    def await_line(self, *words, after=0):
        """Waits for a line with all of the words behind the first `after` lines."""
        def look():
            assert self.process.poll() is None or self.find(*words), self.log()
            return [line for line in self.lines[after:] if all(w in line for w in words)]
        return eventually(look, what=f"{words} in the log")[0]

    def kill(self, how=signal.SIGKILL):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(PATIENCE)
        if self.process:
            self.reader.join(PATIENCE)
            self.process.stderr.close()
        text = self.log()
        assert "Sanitizer" not in text and "runtime error" not in text, text

    def hup(self):
        seen = len(self.lines)
        self.process.send_signal(signal.SIGHUP)
        return self.await_line("event=reload", "result=", after=seen)

    # --- questions ---

    def ask(self, name, type="A", tcp=False, timeout=PATIENCE, zone=ZONE, source=None, **edns):
        """The answer to NAME.ZONE."""
        name = f"{name}.{zone}" if name else zone
        q = dns.message.make_query(name, type, use_edns=edns.pop("use_edns", None), **edns)
        q.flags &= ~dns.flags.RD
        how = dns.query.tcp if tcp else dns.query.udp
        return how(q, self.address, port=self.port, timeout=timeout, source=source)

    def values(self, name, type="A", **more):
        """The data of the answer, sorted; TXT without quotes. [] for none."""
        got = self.ask(name, type, **more)
        return sorted(r.to_text().strip('"') for rrset in got.answer for r in rrset)

    def rcode(self, name, type="A", **more):
        return dns.rcode.to_text(self.ask(name, type, **more).rcode())

    def raw(self, packet, timeout=0.3):
        """What a datagram gets, None for nothing."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(timeout)
            s.connect((self.address, self.port))
            s.send(packet)
            try:
                return s.recv(65535)
            except TimeoutError:
                return None

    def alive(self):
        """Answers by both ways, and goes on."""
        assert self.process.poll() is None, self.log()
        for tcp in (False, True):
            got = self.ask("", "SOA", tcp=tcp)
            assert got.rcode() == 0 and got.answer, got


class Stream:
    """A TCP connection to a server."""

    def __init__(self, server, timeout=PATIENCE, source=None):
        self.s = socket.create_connection((server.address, server.port), timeout,
                                          source_address=(source, 0) if source else None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.s.close()

    def send(self, *packets):
        self.s.sendall(b"".join(struct.pack("!H", len(p)) + p for p in packets))

    def send_raw(self, octets):
        self.s.sendall(octets)

    def _exactly(self, n):
        got = b""
        while len(got) < n:
            piece = self.s.recv(n - len(got))
            if not piece:
                raise EOFError
            got += piece
        return got

    def receive(self):
        return self._exactly(struct.unpack("!H", self._exactly(2))[0])

    def ended(self, patience=PATIENCE):
        """Whether the server ends it in that time."""
        self.s.settimeout(patience)
        with contextlib.suppress(ConnectionResetError):
            try:
                while self.s.recv(65536):
                    pass
            except TimeoutError:
                return False
        return True


def query(name, type="A", id=None, **more):
    q = dns.message.make_query(name, type, **more)
    q.flags &= ~dns.flags.RD
    if id is not None:
        q.id = id
    return q.to_wire()


def reads(packet, **more):
    """The rcode of an answer that parses as a whole; of opcodes that dnspython does not know, the header's."""
    if packet[2] >> 3 & 15 in (0, 4):
        return dns.rcode.to_text(dns.message.from_wire(packet, **more).rcode())
    assert len(packet) >= 12
    return dns.rcode.to_text(packet[3] & 15)


def metrics(place):
    with urllib.request.urlopen(f"http://{place[0]}:{place[1]}/metrics", timeout=PATIENCE) as r:
        return {name: float(value) for name, value in
                (line.rsplit(" ", 1) for line in r.read().decode().splitlines() if not line.startswith("#"))}


def metrics_place(server):
    m = re.search(r"event=metrics address=(\S+) port=(\d+)", server.log())
    return m[1], int(m[2])
