# SPDX-License-Identifier: GPL-3.0-or-later
"""A mail server behind the gate that records everything and can be told to misbehave.

Without a fault it is honest: it insists on the client's identity, takes all mail and remembers it with
its octets. A fault is an object whose methods change one thing of that (class Fault)."""

import re
import socket
import ssl
import struct
import threading
import time

import testlib

NAME = b"backend.test.example"
EXTENSIONS = ("PIPELINING", "SIZE 30000000", "8BITMIME", "ENHANCEDSTATUSCODES", "DSN", "SMTPUTF8",
              "CHUNKING")
XCLIENT = "XCLIENT NAME ADDR PORT PROTO HELO REVERSE_NAME LOGIN DESTADDR DESTPORT"
PROXY2 = b"\r\n\r\n\0\r\nQUIT\n"
PATIENCE = 30
HEADER_WAIT = 3     # for the PROXY header; Postfix gives it five


class Gone(Exception):
    """The session is over."""


class Message:
    def __init__(self, visit, mail, rcpts, data):
        self.mail, self.rcpts, self.data = mail, rcpts, data
        self.identity, self.visit = visit.identity, visit
        found = re.search(rb"^X-Tag: (\S+)\r\n", data, re.M)
        self.name = found[1].decode("latin-1") if found else "no tag"
        self.kept = True    # it counts as delivered
        self.code = None


class Visit:
    """One connection, as it was seen."""

    def __init__(self, peer):
        self.peer = peer
        self.identity = None    # the client's address as we were told
        self.told = {}          # everything that XCLIENT said
        self.lines, self.rcpts, self.wrong = [], [], []
        self.received = self.sent = 0
        self.tlvs = b""          # behind the addresses of a PROXY header


class Fault:
    """Changes nothing."""

    def reply(self, talk, step, data):
        """What is sent instead of a reply; None: nothing at all."""
        return data

    def put(self, talk, data):
        talk.put(data)

    def got(self, talk, data):
        """Octets that came in; what it returns is taken for them."""
        return data

    def words(self, talk, words):
        """The keywords of EHLO."""
        return words


class Talk:
    def __init__(self, sock, peer, server):
        self.sock, self.server, self.fault = sock, server, server.fault
        self.visit = Visit(peer)
        server.visits.append(self.visit)
        self.buffer = b""
        self.tls = False
        self.mail, self.rcpts = None, []
        self.chunks = b""
        self.hellos = 0
        self.due = False        # the fault ends it at the next octet

    # octets

    def put(self, data):
        self.sock.sendall(data)
        self.visit.sent += len(data)

    def answer(self, step, text):
        data = self.fault.reply(self, step, text + b"\r\n")
        if data:
            self.fault.put(self, data)
        return int(data[:3]) if data and data[:3].isdigit() else None

    def fill(self):
        if self.due:
            self.fault.end(self)
        data = self.sock.recv(65536)
        if not data:
            raise Gone
        self.visit.received += len(data)
        self.buffer += self.fault.got(self, data)

    def line(self):
        while b"\n" not in self.buffer:
            self.fill()
        line, _, self.buffer = self.buffer.partition(b"\n")
        if not line.endswith(b"\r"):
            self.visit.wrong.append(f"a bare LF: {line[:80]!r}")
        line = line.removesuffix(b"\r")
        if b"\r" in line or b"\0" in line:
            self.visit.wrong.append(f"a bare CR or NUL: {line[:80]!r}")
        return line

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
        raise Gone

    # the dialogue

    def run(self):
        if self.server.identity.startswith("proxy"):
            self.proxy()
        elif self.server.identity == "transparent":
            self.visit.identity = self.visit.peer[0]
        if self.server.tls == "tls":
            self.secure()
        self.answer("greeting", b"220 " + NAME + b" ESMTP")
        while True:
            line = self.line()
            self.visit.lines.append(line)
            verb = line.split(b" ")[0].upper().decode("latin-1")
            getattr(self, "on_" + verb.lower(), self.on_other)(line)

    def proxy(self):
        """Reads the header and not an octet more, since TLS may follow."""
        self.sock.settimeout(HEADER_WAIT)
        head = self.exactly(6)
        if head == b"PROXY ":
            version = "proxy1"
            while not head.endswith(b"\r\n"):
                head += self.exactly(1)
            self.visit.identity = head.split(b" ")[2].decode()
        elif PROXY2.startswith(head):
            version = "proxy2"
            head += self.exactly(10)
            kind, size = head[13] >> 4, struct.unpack(">H", head[14:16])[0]
            places = self.exactly(size)
            family, octets = (socket.AF_INET, 4) if kind == 1 else (socket.AF_INET6, 16)
            self.visit.identity = socket.inet_ntop(family, places[:octets])
            self.visit.tlvs = places[2 * octets + 4:]
        else:
            raise Gone
        if version != self.server.identity:
            self.visit.wrong.append(f"{version} instead of {self.server.identity}")
        self.sock.settimeout(PATIENCE)

    def exactly(self, count):
        data = b""
        while len(data) < count:
            got = self.sock.recv(count - len(data))
            if not got:
                raise Gone
            data += got
        self.visit.received += count
        return data

    def secure(self):
        context = self.server.context or testlib.context(self.server)
        self.sock = context.wrap_socket(self.sock, server_side=True)
        self.buffer, self.tls = b"", True

    def on_ehlo(self, line):
        self.hellos += 1
        self.mail, self.rcpts = None, []
        words = list(self.server.extensions)
        if self.server.identity == "xclient":
            words.append(XCLIENT)
        if self.server.tls == "starttls" and not self.tls:
            words.append("STARTTLS")
        words = [NAME.decode(), *self.fault.words(self, words)]
        text = b"\r\n".join(b"250" + (b"-" if i + 1 < len(words) else b" ") + w.encode()
                            for i, w in enumerate(words))
        self.answer("ehlo" if self.hellos == 1 else "ehlo again", text)

    def on_helo(self, line):
        self.answer("helo", b"250 " + NAME)

    def on_starttls(self, line):
        self.answer("starttls", b"220 2.0.0 go")
        self.secure()

    def on_xclient(self, line):
        for word in line.decode("latin-1").split(" ")[1:]:
            name, _, value = word.partition("=")
            self.visit.told[name.upper()] = re.sub(
                r"\+([0-9A-F]{2})", lambda m: chr(int(m[1], 16)), value)
        code = self.answer("xclient", b"220 " + NAME + b" ESMTP")
        if "ADDR" in self.visit.told and code == 220:
            self.visit.identity = self.visit.told["ADDR"].removeprefix("IPV6:")

    def on_mail(self, line):
        if not self.visit.identity:
            self.visit.wrong.append("MAIL before an identity")
        self.mail, self.rcpts, self.chunks = line[10:].split(b" ")[0], [], b""
        self.answer("mail", b"250 2.1.0 ok")

    def on_rcpt(self, line):
        path = line[8:].split(b" ")[0].strip(b"<>")
        self.visit.rcpts.append(path)
        reply = self.server.rcpt(path) if self.server.rcpt else b"250 2.1.5 ok"
        if (self.answer("rcpt", reply) or 0) // 100 == 2:
            self.rcpts.append(path.decode("latin-1"))

    def on_data(self, line):
        code = self.answer("data", b"354 go on" if self.rcpts else b"554 5.5.1 no recipients")
        if code != 354:
            return
        lines = []
        while (text := self.line()) != b".":
            lines.append(text[1:] if text.startswith(b".") else text)
        self.taken(b"".join(l + b"\r\n" for l in lines), "end")

    def on_bdat(self, line):
        words = line.split(b" ")
        size, last = int(words[1]), words[2:] == [b"LAST"]
        while len(self.buffer) < size:
            self.fill()
        self.chunks, self.buffer = self.chunks + self.buffer[:size], self.buffer[size:]
        if not self.rcpts:
            self.answer("bdat", b"503 5.5.1 no recipients")
        elif last:
            self.taken(self.chunks, "end")
        else:
            self.answer("bdat", b"250 2.0.0 more")

    def taken(self, data, step):
        m = Message(self.visit, self.mail.strip(b"<>").decode("latin-1"), self.rcpts, data)
        self.mail, self.rcpts, self.chunks = None, [], b""
        reply = self.server.taken(m) if self.server.taken else b"250 2.0.0 kept"
        m.kept = reply.startswith(b"2")
        self.server.messages.append(m)
        m.code = self.answer(step, reply)
        # What it answers counts: a refusal by a fault is one. Silence and half a word are not.
        if m.code is not None and m.code // 100 != 2:
            m.kept = False

    def on_rset(self, line):
        self.mail, self.rcpts, self.chunks = None, [], b""
        self.answer("rset", b"250 2.0.0 ok")

    def on_noop(self, line):
        self.answer("noop", b"250 2.0.0 ok")

    def on_quit(self, line):
        self.answer("quit", b"221 2.0.0 bye")
        raise Gone

    def on_other(self, line):
        self.visit.wrong.append(f"no command: {line[:80]!r}")
        self.answer("other", b"500 5.5.2 what?")


class Backend:
    """Listens on a free port of 127.0.0.1; each connection is a thread."""

    name = "backend.test.example"

    def __init__(self, identity="xclient", extensions=EXTENSIONS, fault=None, tls=None, rcpt=None,
                 taken=None, address="127.0.0.1", port=0, talk=Talk, context=None):
        self.identity, self.extensions, self.tls, self.context = identity, extensions, tls, context
        self.fault, self.rcpt, self.taken, self.talk = fault or Fault(), rcpt, taken, talk
        self.visits, self.messages, self.errors = [], [], []
        self.open = set()
        self.listener = socket.create_server(
            (address, port), backlog=512,
            family=socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.address, self.port = self.listener.getsockname()[:2]

    @property
    def place(self):
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    def __enter__(self):
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)    # or accept() would keep it open
        self.listener.close()
        for sock in list(self.open):
            sock.close()
        assert not self.errors, self.errors[:3]

    def serve(self):
        while True:
            try:
                sock, peer = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(sock, peer), daemon=True).start()

    def one(self, sock, peer):
        sock.settimeout(PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.open.add(sock)
        talk = self.talk(sock, peer, self)
        try:
            talk.run()
        except (Gone, OSError, ssl.SSLError):
            pass
        except Exception as e:  # a fault of the test must not pass for one of the gate
            self.errors.append(repr(e))
        finally:
            self.open.discard(sock)
            talk.sock.close()

    def idle(self, patience=PATIENCE):
        """Waits until all connections are over."""
        end = time.monotonic() + patience
        while self.open and time.monotonic() < end:
            time.sleep(0.005)
        return not self.open


# --- faults ----------------------------------------------------------------------------------------

class CutSent(Fault):
    """Closes once it has sent so many octets, by RST or in order."""

    def __init__(self, count, reset=False):
        self.count, self.reset = count, reset

    def put(self, talk, data):
        left = self.count - talk.visit.sent
        if len(data) < left:
            talk.put(data)
            return
        talk.put(data[:left])
        if self.reset:
            talk.reset()
        raise Gone


class CutGot(Fault):
    """Closes once it has received so many octets."""

    def __init__(self, count, reset=False):
        self.count, self.reset = count, reset

    def got(self, talk, data):
        over = talk.visit.received - self.count
        talk.due = over >= 0
        return data[:len(data) - over] if talk.due else data

    def end(self, talk):
        if self.reset:
            talk.reset()
        raise Gone

    def reply(self, talk, step, data):
        if talk.due:
            self.end(talk)
        return data


class Fragments(Fault):
    """Each octet in a packet of its own."""

    def put(self, talk, data):
        for n in range(len(data)):
            talk.put(data[n:n + 1])


class At(Fault):
    """At one step another reply: octets, None for silence, or a function of the talk and the reply."""

    def __init__(self, step, what, nth=1):
        self.step, self.what, self.nth = step, what, nth

    def reply(self, talk, step, data):
        if step != self.step:
            return data
        return self.what(talk, data) if callable(self.what) else self.what


class Words(Fault):
    """Other keywords in EHLO: `change` gets the list and which EHLO it is (1, 2, ...)."""

    def __init__(self, change):
        self.change = change

    def words(self, talk, words):
        return self.change(words, talk.hellos)


def late(seconds):
    def wait(talk, data):
        time.sleep(seconds)
        return data
    return wait


def twice(talk, data):
    return data + data


def then_close(talk, data):
    talk.put(data)
    raise Gone


def then_reset(talk, data):
    talk.put(data)
    talk.reset()


def close(talk, data):
    raise Gone


def reset(talk, data):
    talk.reset()
