# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of postern test share: the tester, a mail server to test that relays as it is told,
a mailbox, a DNS server. All of it on loopback."""

import collections
import contextlib
import email.utils
import ipaddress
import json
import os
import re
import socket
import socketserver
import ssl
import subprocess
import threading
import time

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("POSTERN_BUILD", os.path.join(TOP, "build"))
TEST = os.path.join(BUILD, "postern-test")
APART = os.path.join(TOP, "tests/e2e/apart.py")
DOMAIN = "probe.example"
PATIENCE = 60  # seconds for anything that should take far less
EXIT = {"closed": 0, "accepts": 1, "open": 2, "blocked": 3, "inconclusive": 3, "unreachable": 3}


def free_port(address="127.0.0.1"):
    """Free on the whole of loopback, so that a port is nobody's while a test runs."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((address if ":" in address else "0.0.0.0", 0))
        return probe.getsockname()[1]


def has_ipv6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


class Result:
    """What one call of the tester printed."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def lines(self):
        return [json.loads(line) for line in self.out.splitlines()]

    def of_type(self, kind):
        return [line for line in self.lines if line["type"] == kind]

    @property
    def verdict(self):
        """The only verdict there is."""
        found = self.of_type("verdict")
        assert len(found) == 1, self.err
        return found[0]

    @property
    def verdicts(self):
        found = {line["target"]: line for line in self.of_type("verdict")}
        assert len(found) == len(self.of_type("verdict")), "one verdict a target"
        return found

    def findings(self):
        return {finding["id"] for finding in self.verdict["findings"]}


class Tester:
    """Calls postern test with a state folder of its own."""

    __test__ = False  # for pytest

    def __init__(self, folder, *always, sink=True, program=TEST):
        self.folder = folder
        self.state = str(folder / "state")
        self.sink = free_port() if sink else None
        self.program = program
        self.always = ["--name", "tester.probe.example", "--color", "never", *always]

    def command(self, *args):
        words = [self.program, "--state", self.state, "--probe-domain", DOMAIN, *self.always]
        if self.sink:
            words += ["--sink-listen", f"127.0.0.1:{self.sink}"]
        return [*words, *map(str, args)]

    def start(self, *args, **kwargs):
        return subprocess.Popen(self.command(*args), text=True, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kwargs)

    def __call__(self, *args, data=None, **kwargs):
        return call(self.command(*args), data=data, **kwargs)

    def json(self, *args, **kwargs):
        return self("--json", *args, **kwargs)

    def other(self, program, *args, data=None):
        """Another program of Postern on the same state folder."""
        return call([os.path.join(BUILD, program), "--state", self.state, *map(str, args)], data=data)

    def runs(self):
        return [json.loads(line) for line in self.other("postern-runs", "--json").out.splitlines()]

    def show(self, run="last"):
        got = self.other("postern-show", "--json", run)
        assert got.code == 0, got.err
        return got


def call(command, data=None, timeout=PATIENCE, **kwargs):
    got = subprocess.run(command, input=data, text=True, timeout=timeout, check=False,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         **({} if data is not None else {"stdin": subprocess.DEVNULL}), **kwargs)
    assert "Sanitizer" not in got.stderr and "runtime error" not in got.stderr, got.stderr
    return Result(got.returncode, got.stdout, got.stderr)


# --- a mail server ---------------------------------------------------------------------------------

class Server(socketserver.ThreadingTCPServer):
    """A mail server of the name mx.test.example that is final for test.example. As it stands it is
    closed; what a test wants otherwise it says by the functions

        mail(session, path), rcpt(session, path)  a reply, or None for the usual one
        taken(session, message)                   the reply to a whole message

    `relay_to` is where messages to strangers go on to. Keeps what was said in every session."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 200  # connections at once that are not yet taken
    name = "mx.test.example"

    def __init__(self, address="127.0.0.1", port=0, tls=None, extensions=("PIPELINING", "8BITMIME"),
                 mail=None, rcpt=None, taken=None, relay_to=None, seen=None, banner=None):
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.tls, self.extensions, self.relay_to, self.seen = tls, extensions, relay_to, seen
        self.mail, self.rcpt, self.taken = mail, rcpt, taken
        self.banner = banner or f"220 {self.name} ESMTP"
        self.sessions = []  # of lists of command lines
        self.times = []     # when each began
        self.messages = []  # (sender, recipients, text)
        self.errors = []
        super().__init__((address, port), Session)

    def server_bind(self):
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        super().server_bind()

    def __enter__(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02},
                         daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()
        assert self.errors == []

    @property
    def ip(self):
        return self.server_address[0]

    @property
    def port(self):
        return self.server_address[1]

    @property
    def target(self):
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"

    def said(self, verb):
        """What all sessions said with this verb."""
        return [line for session in self.sessions for line in session
                if line.upper().startswith(verb)]

    def relay(self, sender, rcpts, text, seen):
        """Hands a message on from our own address, with the trace of it."""
        trace = (f"Received: from tester.probe.example (unknown [{seen}])\r\n"
                 f"\tby {self.name} (Postfix) with ESMTP id 4XyZ12;\r\n"
                 f"\t{email.utils.formatdate()}\r\n")
        with socket.create_connection(self.relay_to, PATIENCE, (self.ip, 0)) as out, \
                out.makefile("rb") as replies:
            def say(line):
                if line is not None:
                    out.sendall(line.encode("latin-1") + b"\r\n")
                reply = replies.readline()
                while reply[3:4] == b"-":
                    reply = replies.readline()
                return reply.decode("latin-1")
            say(None)
            say(f"EHLO {self.name}")
            say(f"MAIL FROM:{sender}")
            if any([say(f"RCPT TO:{rcpt}").startswith("2") for rcpt in rcpts]):
                say("DATA")
                say(re.sub(r"(?m)^\.", "..", trace + text) + ".")
            say("QUIT")


class Session(socketserver.StreamRequestHandler):
    timeout = PATIENCE
    disable_nagle_algorithm = True

    def say(self, *lines):
        self.wfile.write("".join(line + "\r\n" for line in lines).encode("latin-1"))

    def secure(self):
        self.connection = context(self.server).wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.secured = True

    def handle(self):
        self.lines, self.secured, self.login = [], False, False
        self.sender, self.rcpts = None, []
        self.server.sessions.append(self.lines)
        self.server.times.append(time.monotonic())
        try:
            if self.server.tls == "implicit":
                self.secure()
            self.say(self.server.banner)
            for line in iter(lambda: self.rfile.readline(), b""):  # STARTTLS makes another rfile
                line = line.decode("latin-1").rstrip("\r\n")
                self.lines.append(line)
                verb = re.match(r"\S*", line)[0].upper()
                if getattr(self, "on_" + verb.lower(), self.on_other)(line) is False:
                    return
        except (OSError, ssl.SSLError):
            pass
        except Exception as e:  # a fault of the test must not pass for one of the tester
            self.server.errors.append(repr(e))

    def on_ehlo(self, line):
        words = list(self.server.extensions)
        if self.server.tls == "starttls" and not self.secured:
            words.append("STARTTLS")
        seen = self.server.seen or self.client_address[0]
        replies = [f"{self.server.name} Hello tester [{seen}]", *words]
        self.say(*(f"250{'-' if i + 1 < len(replies) else ' '}{word}"
                   for i, word in enumerate(replies)))

    def on_helo(self, line):
        self.say(f"250 {self.server.name}")

    def on_starttls(self, line):
        self.say("220 2.0.0 go ahead")
        self.secure()

    def on_auth(self, line):
        self.say("334 VXNlcm5hbWU6" if line.upper().startswith("AUTH LOGIN") else "334 ")
        words = [self.rfile.readline().strip()]
        if line.upper().startswith("AUTH LOGIN"):
            self.say("334 UGFzc3dvcmQ6")
            words.append(self.rfile.readline().strip())
        self.lines += [word.decode() for word in words]
        self.login = words in ([b"AHRpbQB0YW5zdGFhZg=="], [b"dGlt", b"dGFuc3RhYWY="])  # tim, tanstaaf
        self.say("235 2.7.0 welcome" if self.login else "535 5.7.8 wrong")

    def on_mail(self, line):
        path = line.partition(":")[2].strip()
        reply = self.server.mail and self.server.mail(self, path)
        if not reply:
            self.sender, self.rcpts = re.match(r"<[^>]*>|\S*", path)[0], []
        self.say(reply or "250 2.1.0 Ok")

    def on_rcpt(self, line):
        path = line.partition(":")[2].strip()
        reply = self.sender is None and "503 5.5.1 MAIL first"
        reply = reply or self.server.rcpt and self.server.rcpt(self, path)
        if not reply:
            ours = path.lower() in ("<postmaster>", "<postmaster@test.example>",
                                    "<postmaster@mx.test.example>")
            reply = "250 2.1.5 Ok" if ours else f"554 5.7.1 {path}: Relay access denied"
        if reply.startswith("2"):
            self.rcpts.append(path)
        self.say(reply)

    def on_data(self, line):
        if not self.rcpts:
            self.say("554 5.5.1 Error: no valid recipients")
            return
        self.say("354 go on")
        text = ""
        for raw in iter(self.rfile.readline, b""):
            if raw == b".\r\n":
                break
            text += (raw[1:] if raw.startswith(b".") else raw).decode("latin-1")
        else:
            return False
        self.server.messages.append((self.sender, self.rcpts, text))
        reply = self.server.taken and self.server.taken(self, text)
        if not reply and self.server.relay_to:
            seen = self.server.seen or self.client_address[0]
            self.server.relay(self.sender, [unwound(r) for r in self.rcpts], text, seen)
        self.sender, self.rcpts = None, []
        self.say(reply or "250 2.0.0 Ok: queued")

    def on_rset(self, line):
        self.sender, self.rcpts = None, []
        self.say("250 2.0.0 Ok")

    def on_quit(self, line):
        self.say("221 2.0.0 Bye")
        return False

    def on_other(self, line):
        self.say("500 5.5.2 what?")


def unwound(path):
    """Where a server that believes in the percent hack sends it."""
    found = re.fullmatch(r"<(.+)%([^@%]+)@[^@]+>", path)
    return f"<{found[1]}@{found[2]}>" if found else path


def ours(path):
    return DOMAIN in path.lower()


def open_to_all(session, path):
    return "250 2.1.5 Ok" if ours(path) else None


_context = None


def context(server):
    """A server's TLS, with a certificate made once."""
    global _context
    if not _context:
        pem = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"postern-e2e-{os.getpid()}.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                        f"/CN={server.name}", "-keyout", pem, "-out", pem + ".crt"],
                       check=True, stderr=subprocess.DEVNULL)
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(pem + ".crt", pem)
        os.unlink(pem)
        os.unlink(pem + ".crt")
        _context = made
    return _context


class Greylist:
    """A rule for Server: each triple is put off until `seconds` after it was first seen."""

    def __init__(self, seconds, then=None):
        self.seconds, self.then = seconds, then
        self.first = {}
        self.asked = collections.defaultdict(list)

    def __call__(self, session, path):
        triple = (session.client_address[0], session.sender, path)
        now = time.monotonic()
        self.asked[triple].append(now)
        if now - self.first.setdefault(triple, now) < self.seconds:
            return f"450 4.2.0 {path}: Greylisted, see http://postgrey.example/"
        return self.then and self.then(session, path)


class MailboxServer(Server):
    """The last host of the way: takes everything, and delivers it into a Maildir as Postfix does."""

    name = "mailhost.probe.example"

    def __init__(self, maildir):
        self.maildir = maildir
        self.count = 0
        for part in ("cur", "new", "tmp"):
            (maildir / part).mkdir(parents=True)
        super().__init__(rcpt=lambda session, path: "250 2.1.5 Ok", taken=self.deliver)

    def deliver(self, session, text):
        for rcpt in session.rcpts:
            self.count += 1
            head = (f"Return-Path: {session.sender}\r\nDelivered-To: {rcpt.strip('<>')}\r\n"
                    f"Received: from mx.test.example (mx.test.example [{session.client_address[0]}])\r\n"
                    f"\tby {self.name} (Postfix) with ESMTP id 9{self.count}\r\n"
                    f"\tfor {rcpt}; {email.utils.formatdate()}\r\n")
            name = f"{int(time.time())}.{os.getpid()}_{self.count}.{self.name}"
            path = self.maildir / "tmp" / name
            path.write_bytes((head + text).replace("\r\n", "\n").encode("latin-1"))
            path.rename(self.maildir / "new" / name)


class Logging:
    """A program that writes its log into a file: a pipe that nobody reads would make it wait."""

    def begin(self, command, path, first, env=None):
        """Starts it, and waits for the first line with these words."""
        with open(path, "w", encoding="utf-8") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=out, env=env)
        self.log = open(path, encoding="utf-8")  # pylint: disable=consider-using-with
        self.await_line(first)

    def end(self):
        """Ends it, if it has not ended."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(PATIENCE)
        self.forget_lines()
        self.log.close()

    def sound(self):
        assert not re.search("Sanitizer|runtime error", "\n".join(self.lines)), "\n".join(self.lines)

    def forget_lines(self):
        """What earlier questions left in the log."""
        while line := self.log.readline():
            self.lines.append(line.rstrip())

    def await_line(self, what):
        """The next line of the log with these words."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            line = self.log.readline()
            if not line:
                if self.process.poll() is not None:
                    break
                time.sleep(0.01)
                continue
            self.lines.append(line.rstrip())
            if what in line:
                return line
        self.forget_lines()
        raise AssertionError("\n".join(self.lines))


class Answers:
    """A server with a thread for each connection, in which `session` is called; what the other side does
    to the connection then is no fault of the test."""

    def __init__(self, listener=None):
        self.listener = listener or socket.create_server(("127.0.0.1", 0))
        name = self.listener.getsockname()
        self.port = name[1] if isinstance(name, tuple) else None
        self.connections = 0

    def __enter__(self):
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                c, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self.one, args=(c,), daemon=True).start()

    def one(self, c):
        with contextlib.suppress(OSError), c:
            self.session(c)


# --- DNS -------------------------------------------------------------------------------------------

class Names:
    """A DNS server with a few records: {("mx.test.example", "A"): ["127.0.0.2"]}. What it has not it
    denies; names in `silent` get no answer at all."""

    def __init__(self, records, silent=()):
        self.records = {(name + ".", kind): values for (name, kind), values in records.items()}
        self.silent = {name + "." for name in silent}
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))

    @property
    def place(self):
        return "127.0.0.1:%d" % self.socket.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.socket.close()

    def serve(self):
        while True:
            try:
                wire, peer = self.socket.recvfrom(4096)
                query = dns.message.from_wire(wire)
                question = query.question[0]
                name, kind = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
                self.asked.append((name, kind))
                if name not in self.silent:
                    self.socket.sendto(self.answer(query, name, kind).to_wire(), peer)
            except OSError:
                return

    def answer(self, query, name, kind):
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA | dns.flags.AA
        values = self.records.get((name, kind))
        if values:
            reply.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", kind, *values))
        elif not any(known == name for known, _ in self.records):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply


def reverse(ip):
    return ipaddress.ip_address(ip).reverse_pointer
