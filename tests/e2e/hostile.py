# SPDX-License-Identifier: GPL-3.0-or-later
"""A mail server with a switch per misbehaviour, on loopback, for the tests of the tester.

    tests/e2e/hostile.py --list
    tests/e2e/hostile.py FAULT [ADDRESS:PORT]

Without its fault it is a closed server: it takes its postmaster, refuses to relay, and throws away
what it took. Each fault is one function below, which changes one thing of that."""

import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time

NAME = "hostile.example"
OK, DENIED = b"250 2.0.0 ok", b"554 5.7.1 relay access denied"
SESSION_MAX = 120  # seconds that a session may last, whatever the peer does


class Gone(Exception):
    """The session is over."""


class Session:
    """One connection; verbs are answered by the methods, which a fault replaces."""

    extensions = ["PIPELINING", "SIZE 10240000", "8BITMIME", "ENHANCEDSTATUSCODES"]

    def __init__(self, peer, server):
        self.peer, self.server = peer, server
        self.buffer = b""
        self.ends = time.monotonic() + SESSION_MAX
        self.verb_counts = {}
        self.mail = None
        self.rcpts = []
        self.tls = False

    # what goes out and comes in

    def send(self, data):
        """Bytes as they are; counts what the peer took."""
        if time.monotonic() > self.ends or self.server.stopping:
            raise Gone
        view = memoryview(data)
        while view:
            n = self.peer.send(view)
            self.server.count(n)
            view = view[n:]

    def reply(self, *lines):
        """A reply of one line, or of several that hold their code and hyphen already."""
        self.send(b"".join(line + b"\r\n" for line in lines))

    def line(self):
        while b"\n" not in self.buffer:
            if time.monotonic() > self.ends or len(self.buffer) > 100000:
                raise Gone
            data = self.peer.recv(65536)
            if not data:
                raise Gone
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.rstrip(b"\r")

    def wait(self, seconds=SESSION_MAX):
        """Silence until the peer goes away."""
        end = time.monotonic() + seconds
        self.peer.settimeout(0.2)
        while time.monotonic() < min(end, self.ends) and not self.server.stopping:
            try:
                if not self.peer.recv(65536):
                    raise Gone
            except (socket.timeout, ssl.SSLWantReadError):
                continue
        self.peer.settimeout(SESSION_MAX)

    def close(self):
        raise Gone

    def reset(self):
        self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Gone

    def start_tls(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server.certificate())
        self.peer = context.wrap_socket(self.peer, server_side=True)
        self.buffer = b""
        self.tls = True

    # the dialogue of an honest server

    def run(self):
        self.banner()
        while True:
            line = self.line()
            verb = line.split(b" ")[0].upper().decode("latin-1")
            self.server.lines.append(line)
            self.verb_counts[verb] = self.verb_counts.get(verb, 0) + 1
            getattr(self, "on_" + verb.lower(), self.on_other)(line)

    def nth(self, verb):
        return self.verb_counts.get(verb, 0)

    def banner(self):
        self.reply(b"220 " + NAME.encode() + b" ESMTP")

    def on_ehlo(self, line):
        words = [f"{NAME} greets you", *self.extensions]
        self.reply(*(b"250%c%s" % (b"-"[0] if i < len(words) - 1 else b" "[0], w.encode())
                     for i, w in enumerate(words)))

    def on_helo(self, line):
        self.reply(b"250 " + NAME.encode())

    def on_mail(self, line):
        self.mail, self.rcpts = line, []
        self.reply(OK)

    def is_ours(self, line):
        path = line.partition(b":")[2].strip().split(b" ")[0].lower()
        return path in (b"<postmaster>", b"<postmaster@%s>" % NAME.encode())

    def on_rcpt(self, line):
        if not self.mail:
            self.reply(b"503 5.5.1 MAIL first")
        elif self.is_ours(line):
            self.rcpts.append(line)
            self.reply(OK)
        else:
            self.reply(DENIED)

    def on_data(self, line):
        if not self.rcpts:
            self.reply(b"554 5.5.1 no valid recipients")
            return
        self.reply(b"354 go ahead")
        while self.line() != b".":
            pass
        self.on_dot()

    def on_dot(self):
        self.reply(b"250 2.0.0 thrown away")

    def on_rset(self, line):
        self.mail, self.rcpts = None, []
        self.reply(OK)

    def on_noop(self, line):
        self.reply(OK)

    def on_quit(self, line):
        self.reply(b"221 2.0.0 bye")
        raise Gone

    def on_starttls(self, line):
        self.reply(b"220 2.0.0 go ahead")
        self.start_tls()

    def on_other(self, line):
        self.reply(b"500 5.5.2 what?")


class Server:
    """Serves one fault on a port of its own, a thread a connection; used as a with."""

    def __init__(self, fault, address=("127.0.0.1", 0)):
        self.fault = fault
        self.session = FAULTS[fault] if isinstance(fault, str) else fault
        self.socket = socket.create_server(address, backlog=64)
        self.address = self.socket.getsockname()
        self.stopping = False
        self.sessions = 0
        self.sent = 0
        self.lines = []
        self.errors = []
        self.lock = threading.Lock()
        self.pem = None

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        try:
            self.socket.shutdown(socket.SHUT_RDWR)  # wakes accept(), which would keep the port
        except OSError:
            pass
        self.socket.close()
        if self.pem:
            os.unlink(self.pem)

    @property
    def target(self):
        return f"{self.address[0]}:{self.address[1]}"

    def count(self, n):
        with self.lock:
            self.sent += n

    def certificate(self):
        with self.lock:
            if not self.pem:
                fd, self.pem = tempfile.mkstemp(suffix=".pem")
                os.close(fd)
                subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                                "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                                f"/CN={NAME}", "-keyout", self.pem, "-out", self.pem + ".crt"],
                               check=True, stderr=subprocess.DEVNULL)
                with open(self.pem, "a") as pem, open(self.pem + ".crt") as crt:
                    pem.write(crt.read())
                os.unlink(self.pem + ".crt")
            return self.pem

    def accept(self):
        while not self.stopping:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            self.sessions += 1
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.settimeout(SESSION_MAX)
        session = self.session(peer, self)
        try:
            session.run()
        except (Gone, OSError, ssl.SSLError):
            pass
        except Exception as e:  # a fault of the test itself must not pass for a finding
            self.errors.append(repr(e))
        finally:
            session.peer.close()


# --- the faults ------------------------------------------------------------------------------------

FAULTS = {"none": Session}


def changes(name, *methods, base=Session, **constants):
    """A fault that replaces methods: functions named as the method they replace."""
    FAULTS[name] = type(name, (base,), {**{m.__name__: m for m in methods}, **constants})


def add_floods():
    def banner(self):
        while True:
            self.send(b"220-and another line of welcome\r\n" * 100)
    changes("endless-banner", banner)

    def banner(self):
        for _ in range(1024):
            self.send(b"2" * (1 << 20))
    changes("giant-banner", banner)

    def on_ehlo(self, line):
        self.send(b"250-")
        for _ in range(1024):
            self.send(b"x" * (1 << 20))
        self.send(b"\r\n250 ok\r\n")
    changes("giant-ehlo", on_ehlo)

    def on_rcpt(self, line):
        if self.is_ours(line):
            self.reply(OK)
            return
        for _ in range(1024):
            self.send(b"5" * (1 << 20))
    changes("giant-rcpt", on_rcpt)

    def on_ehlo(self, line):
        for i in range(200000):
            self.send(b"250-X-EXTENSION-%d and some words to it\r\n" % i)
        self.send(b"250 HELP\r\n")
    changes("huge-ehlo", on_ehlo)

    def on_ehlo(self, line):
        self.reply(b"250-" + NAME.encode(), *[b"250-X-EXTENSION-%d" % i for i in range(100)],
                   b"250 PIPELINING")
    changes("long-ehlo", on_ehlo)  # long, but within what anyone may say

    def on_rcpt(self, line):
        self.reply(*[b"550-5.7.1 no, and here is why, line %d" % i for i in range(100000)],
                   b"550 5.7.1 so there")
    changes("endless-refusal", on_rcpt)

    def on_rcpt(self, line):
        self.send((OK if self.is_ours(line) else DENIED) + b"\r\n")
        self.send(b"250 ok\r\n" * 1000)
    changes("reply-flood", on_rcpt)


def add_octets():
    def reply(self, *lines):
        self.send(b"".join(line[:4] + b"\0" + line[4:] + b"\0\r\n" for line in lines))
    changes("nuls", reply)

    def banner(self):
        self.send(b"\0\0\0\0220 hello\r\n")
    changes("nul-banner", banner)

    def reply(self, *lines):
        self.send(b"".join(line + b"\n" for line in lines))
    changes("bare-lf", reply)

    def reply(self, *lines):
        self.send(b"".join(line + b"\r" for line in lines))
    changes("bare-cr", reply)

    def reply(self, *lines):
        self.send(b"".join(line + b"\r\r\n" for line in lines))
    changes("cr-cr-lf", reply)

    def banner(self):
        self.send(bytes(range(256)) * 8)
        self.wait()
    changes("binary-banner", banner)

    def reply(self, *lines):
        words = b" \x1b[2J\x1b]0;owned\x07\x9b31m <script>alert(1)</script> \"}'&\xff\xfe\xe2\x80\xae"
        self.send(b"".join(line + words + b"\r\n" for line in lines))
    changes("escapes", reply)

    def banner(self):
        self.send(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
        self.wait()
    changes("ssh", banner)

    def banner(self):
        self.line()
        self.send(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        self.close()
    changes("http", banner)

    def banner(self):
        self.send(b"HTTP/1.1 400 Bad Request\r\nServer: x\r\nConnection: close\r\n\r\n")
        self.close()
    changes("http-at-once", banner)

    def banner(self):
        self.start_tls()
        Session.banner(self)
    changes("tls-at-once", banner)  # implicit TLS on a port where none is expected


def add_codes():
    for name, banner_text in {
            "code-empty": b"\r\n", "code-short": b"22\r\n", "code-long": b"2200 hello\r\n",
            "code-letters": b"2x0 hello\r\n", "code-199": b"199 hello\r\n",
            "code-600": b"600 hello\r\n", "code-negative": b"-220 hello\r\n",
            "code-no-text": b"220\r\n", "code-tab": b"220\thello\r\n", "code-354": b"354 hello\r\n",
            "code-250": b"250 hello\r\n"}.items():
        def banner(self, text=banner_text):
            self.send(text)
        changes(name, banner)

    def on_ehlo(self, line):
        self.send(b"250-mixed\r\n550-codes\r\n250 PIPELINING\r\n")
    changes("mixed-ehlo", on_ehlo)

    def on_rcpt(self, line):
        if self.is_ours(line):
            self.reply(OK)
        else:
            self.send(b"250-2.1.5 fine\r\n550 5.7.1 or not\r\n")
    changes("mixed-rcpt-refused-last", on_rcpt)

    def on_rcpt(self, line):
        if self.is_ours(line):
            self.reply(OK)
        else:
            self.send(b"550-5.7.1 no\r\n250 2.1.5 or yes\r\n")
    changes("mixed-rcpt-taken-last", on_rcpt)

    def on_rcpt(self, line):
        self.reply(OK if self.is_ours(line) else b"354 5.7.1 send it")
    changes("rcpt-354", on_rcpt)

    def on_rcpt(self, line):
        self.rcpts.append(line)
        self.reply(OK if self.is_ours(line) else b"252 2.5.0 can't verify, but will try")
    changes("rcpt-252", on_rcpt)

    def on_rcpt(self, line):
        self.reply(OK if self.is_ours(line) else b"334 VXNlcm5hbWU6")
    changes("rcpt-334", on_rcpt)

    def on_ehlo(self, line):
        self.reply(b"502 5.5.1 no EHLO here")
    changes("helo-only", on_ehlo)

    def on_helo(self, line):
        self.reply(b"503 5.5.1 nor HELO")
    changes("no-hello", on_ehlo, on_helo)

    def on_mail(self, line):
        self.reply(b"530 5.7.0 authentication required")
    changes("auth-required", on_mail)

    def banner(self):
        self.reply(b"554 5.7.1 go away")
        Session.line(self)
    changes("banner-554", banner)

    def on_rcpt(self, line):
        self.reply(DENIED)
    changes("refuses-control", on_rcpt)

    def on_rcpt(self, line):
        self.reply(b"450 4.2.0 greylisted, come back in an hour")
    changes("greylists-all", on_rcpt)


def add_order():
    def on_ehlo(self, line):
        Session.on_ehlo(self, line)
        self.reply(OK)  # from here on every reply answers the command before
    changes("extra-reply-ehlo", on_ehlo)

    def on_mail(self, line):
        self.reply(OK, OK)
    changes("extra-reply-mail", on_mail)

    def banner(self):
        Session.banner(self)
        self.reply(OK, OK, OK, OK)
    changes("replies-before-commands", banner)

    def on_rcpt(self, line):
        if self.is_ours(line):
            self.reply(OK)
        elif self.nth("RCPT") % 2:
            self.held = True
        else:
            self.reply(DENIED)
    changes("skips-replies", on_rcpt)

    # Offers PIPELINING, then throws away what came with the first command of a packet.
    def line(self):
        line = Session.line(self)
        self.buffer = b""
        return line
    changes("pipelining-liar", line)

    def line(self):
        line = Session.line(self)
        if self.buffer:
            self.reply(b"554 5.5.0 synchronization error")
            raise Gone
        return line
    changes("pipelining-punished", line)

    def run(self):
        self.banner()
        while True:
            lines = [Session.line(self)]
            while b"\n" in self.buffer:
                lines.append(Session.line(self))
            for line in reversed(lines):  # answers come in the wrong order
                verb = line.split(b" ")[0].lower().decode("latin-1")
                getattr(self, "on_" + verb, self.on_other)(line)
    changes("backwards", run)

    def on_data(self, line):
        self.reply(b"354 go ahead", b"250 2.0.0 have it already")
        while self.line() != b".":
            pass
    changes("accepts-before-body", on_data, on_rcpt=lambda self, line: (
        self.rcpts.append(line), self.reply(OK)))

    def run(self):
        self.banner()
        while True:  # the same answer to all, body or not
            self.line()
            self.reply(OK)
    changes("yes-to-everything", run)

    def run(self):
        self.banner()
        while True:
            line = self.line()
            self.send(line + b"\r\n")
    changes("echo", run)


def add_silence():
    def banner(self):
        self.wait()
    changes("silent-banner", banner)

    for verb in ("ehlo", "mail", "rcpt", "data", "dot", "quit", "rset"):
        changes(f"silent-{verb}", **{f"on_{verb}": lambda self, *_: self.wait()},
                **accepting(verb))

    def send_slowly(self, data, pause=0.3):
        for i in range(len(data)):
            Session.send(self, data[i:i + 1])
            time.sleep(pause)

    def banner(self):
        while True:
            send_slowly(self, b"220-welcome to a server that is never done\r\n")
    changes("drip-banner", banner)

    def on_rcpt(self, line):
        while True:
            send_slowly(self, b"550-5.7.1 no\r\n")
    changes("drip-rcpt", on_rcpt)

    def on_ehlo(self, line):
        send_slowly(self, b"250 " + NAME.encode() + b"\r\n", 0.01)
    changes("slow-but-sure", on_ehlo)

    def banner(self):
        Session.banner(self)
        self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        while True:
            time.sleep(1)
            Session.send(self, b"")
    changes("never-reads", banner)


def accepting(verb):
    """Past RCPT only a server that takes recipients gets to see anything."""
    if verb not in ("data", "dot"):
        return {}
    return {"on_rcpt": lambda self, line: (self.rcpts.append(line), self.reply(OK))}


def add_ends():
    changes("close-at-once", banner=lambda self: self.close())
    changes("reset-at-once", banner=lambda self: self.reset())

    def banner(self):
        self.send(b"220 cut off in the mid")
        self.close()
    changes("close-in-banner", banner)

    for verb in ("ehlo", "mail", "rcpt", "data", "dot", "rset", "quit"):
        name = f"on_{verb}"
        changes(f"close-{verb}", **{name: lambda self, *_: self.close()}, **accepting(verb))
        changes(f"reset-{verb}", **{name: lambda self, *_: self.reset()}, **accepting(verb))

        def half(self, *_):
            self.send(b"250-half a rep")
            self.close()
        changes(f"half-{verb}", **{name: half}, **accepting(verb))

        def shut(self, *_):
            self.reply(b"421 4.3.2 shutting down")
            self.close()
        changes(f"421-{verb}", **{name: shut}, **accepting(verb))

    def banner(self):
        self.reply(b"421 4.3.2 too busy")
        self.close()
    changes("421-banner", banner)

    def banner(self):
        self.reply(b"421 4.3.2 too busy")
        self.wait()
    changes("421-and-stays", banner)

    def on_rcpt(self, line):
        if self.is_ours(line):
            self.reply(OK)
            return
        if self.nth("RCPT") >= 6:
            self.reply(b"421 4.7.0 too many errors")
            self.close()
        self.reply(DENIED)
    changes("cuts-at-errors", on_rcpt)

    # The body is on its way when the server goes away.
    def on_data(self, line):
        self.reply(b"354 go ahead")
        self.line()
        self.reset()
    changes("reset-in-body", on_data, **accepting("data"))

    def on_data(self, line):
        self.reply(b"354 go ahead", b"421 4.3.0 on second thoughts")
        self.close()
    changes("354-then-421", on_data, **accepting("data"))


def add_tls():
    offering = [*Session.extensions, "STARTTLS"]

    def on_starttls(self, line):
        self.reply(b"454 4.7.0 TLS not available")
    changes("starttls-454", on_starttls, extensions=offering)

    def on_starttls(self, line):
        self.reply(b"220 2.0.0 go ahead")
        self.line()
        self.reply(b"500 5.5.2 what is this?")
    changes("starttls-plaintext", on_starttls, extensions=offering)

    def on_starttls(self, line):
        self.reply(b"220 2.0.0 go ahead")
        self.close()
    changes("starttls-close", on_starttls, extensions=offering)

    def on_starttls(self, line):
        self.reply(b"220 2.0.0 go ahead")
        self.peer.recv(4096)
        self.reset()
    changes("starttls-reset", on_starttls, extensions=offering)

    def on_starttls(self, line):
        self.reply(b"220 2.0.0 go ahead")
        self.wait()
    changes("starttls-silent", on_starttls, extensions=offering)

    def on_starttls(self, line):
        self.reply(b"220 2.0.0 go ahead")
        self.peer.recv(4096)
        self.send(b"\x15\x03\x03\x00\x02\x02\x28")  # fatal alert: handshake failure
        self.close()
    changes("starttls-alert", on_starttls, extensions=offering)

    def on_starttls(self, line):
        self.reply(b"220 2.0.0 go ahead")
        self.peer.recv(4096)
        self.send(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc" + os.urandom(3000))
        self.wait()
    changes("starttls-garbage", on_starttls, extensions=offering)

    # Text behind the 220, which must not count as having come through TLS (RFC 3207 section 6).
    def on_starttls(self, line):
        self.reply(b"220 2.0.0 go ahead", b"250 2.1.0 injected", b"250 2.1.5 injected")
        self.start_tls()
    changes("starttls-injected", on_starttls, extensions=offering)

    def on_starttls(self, line):
        Session.on_starttls(self, line)
        self.close()
    changes("tls-then-close", on_starttls, extensions=offering)

    def on_ehlo(self, line):
        if self.tls:
            self.wait()
        Session.on_ehlo(self, line)
    changes("tls-then-silent", on_ehlo, extensions=offering)

    changes("tls-honest", extensions=offering)


for add in (add_floods, add_octets, add_codes, add_order, add_silence, add_ends, add_tls):
    add()


def main():
    if len(sys.argv) < 2 or sys.argv[1] == "--list":
        print("\n".join(FAULTS))
        return
    host, _, port = (sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1:2525").rpartition(":")
    with Server(sys.argv[1], (host, int(port))) as server:
        print(f"{sys.argv[1]} on {server.target}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
