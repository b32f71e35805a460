# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of postern list share: a list with a store of its own, models of open relays, a DNS
server for its zones, and a clock that can be turned (by putting what is in the store back in time)."""

import contextlib
import functools
import os
import smtplib
import socket
import sqlite3
import subprocess
import sys
import time

import pytest

import dns.exception
import dns.message
import dns.query
import dns.rcode

from testlib import BUILD, DOMAIN, PATIENCE, TOP, Server, call, free_port

LIST = os.path.join(BUILD, "postern-list")
DNS = os.path.join(BUILD, "postern-dns")
RANGE = os.path.join(BUILD, "postern-range")
ZONE = "relays.example.org"
DAY = 86400


def of_public_space(test):
    """Runs a test in a network of its own, where the list's hosts have addresses of 198.18.28.0/24:
    what a zone says of 127.0.0.0/8 is not the data's to say (RFC 5782 §5)."""

    @functools.wraps(test)
    def run(request, tmp_path):
        if os.environ.get("POSTERN_LIST_NET") == "own":
            test(Book(tmp_path, "198.18.28"))
            return
        if subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode:
            pytest.skip("no network of our own to be had")
        place = f"{request.node.fspath}::{request.node.name}"
        got = subprocess.run(
            ["unshare", "-n", "sh", "-ec", "ip link set lo up; ip addr add 198.18.28.254/24 dev lo; "
             'exec "$@"', "sh", sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider",
             place], env={**os.environ, "POSTERN_LIST_NET": "own"}, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=2 * PATIENCE, check=False)
        assert got.returncode == 0 and " passed" in got.stdout, got.stdout

    # pytest asks the signature which fixtures it wants.
    del run.__wrapped__
    return run


def wait_for(what, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def rows(text, ident):
    """One paragraph of a rows file."""
    for paragraph in text.split("\n\n"):
        if f"\nId: {ident}\n" in "\n" + paragraph + "\n":
            return paragraph
    raise KeyError(ident)


class Book:
    """A list. `net` is its part of loopback, like "127.28.1": each test its own."""

    def __init__(self, folder, net, *always, zone=ZONE):
        self.folder, self.net, self.zone = folder, net, zone
        self.state = str(folder / "state")
        self.sink, self.port = free_port(), free_port()
        self.config = str(folder / "postern.conf")
        self.always = list(always)
        os.makedirs(self.state, mode=0o700, exist_ok=True)
        self.configure()
        self.scope(f"{net}.0/24")

    def configure(self, wait="15s", more=""):
        zone = f"zone = {self.zone}" if self.zone else ""
        lab = f'lab-networks = "{self.net}.0/24"' if self.net.startswith("127.") else ""
        with open(self.config, "w", encoding="utf-8") as out:
            out.write(f"""test {{
                probe-domain = {DOMAIN}
                name = tester.probe.example
                sink-listen = "127.0.0.1:{self.sink}"
                ports = {self.port}
                tls = no
                wait = {wait}
            }}
            list {{
                {zone}
                url = "https://list.example/why?n="
                {lab}
                {more}
            }}
            """)

    def scope(self, *lines):
        with open(os.path.join(self.state, "scope"), "w", encoding="utf-8") as out:
            out.write("".join(line + "\n" for line in lines))

    def never(self, *lines):
        with open(os.path.join(self.state, "never"), "w", encoding="utf-8") as out:
            out.write("".join(line + "\n" for line in lines))

    def command(self, verb, *args):
        head, tail = [str(a) for a in args], []
        if "--" in head:
            head, tail = head[:head.index("--")], head[head.index("--"):]
        return [LIST, verb, "--state", self.state, "--config", self.config, *self.always, *head, *tail]

    def __call__(self, verb, *args, data=None, code=0):
        got = call(self.command(verb, *args), data=data)
        assert code is None or got.code == code, (got.code, got.out, got.err)
        return got

    def json(self, verb, *args, code=0):
        return self(verb, "--json", *args, code=code).lines

    def host(self, ip, side="host"):
        found = [line for line in self.json("show", ip, code=None) if line["side"] == side]
        return found[0] if found else None

    def become(self, ip, side="host"):
        """The states that an address went through, each once in a row."""
        states = [step["became"] for step in self.host(ip, side)["trail"]]
        return [s for i, s in enumerate(states) if i == 0 or states[i - 1] != s]

    def says(self, ip, zone=None):
        """What the zone's files say of an address, by postern list show."""
        for part in self.host(ip)["dns"]:
            if part["zone"] == (zone or self.zone):
                return part["code"]
        raise KeyError(zone)

    @contextlib.contextmanager
    def store(self):
        db = sqlite3.connect(os.path.join(self.state, "postern.db"), timeout=10, isolation_level=None)
        try:
            yield db
        finally:
            db.close()

    def pass_days(self, days):
        """As if all that is in the store were so much older."""
        with self.store() as db:
            for column in ("tested", "due", "expires", "fresh", "changed", "created"):
                db.execute(f"UPDATE listings SET {column} = {column} - ? WHERE {column} > ?",
                           (int(days * DAY), DAY))
            db.execute("UPDATE tested SET at = at - ?", (int(days * DAY),))
            db.execute("UPDATE listing_proofs SET wall = wall - ?", (int(days * DAY),))
            db.execute("UPDATE runs SET started = started - ?", (int(days * DAY),))
            db.execute("UPDATE listing_exempt SET until = until - ? WHERE until > 0",
                       (int(days * DAY),))

    def nominate(self, ip, reason="it sent spam", code=0):
        return self("nominate", "--reason", reason, ip, code=code)

    @contextlib.contextmanager
    def models(self, *idents, relay_to=None, change=None, first=1):
        """Models of the range, the first at .1; `change` makes another row of one."""
        text = open(os.path.join(TOP, "data/range/models.rows"), encoding="utf-8").read()
        path = str(self.folder / f"models-{first}.rows")
        picked = [rows(text, ident) for ident in idents]
        with open(path, "w", encoding="utf-8") as out:
            out.write("\n\n".join(change(row) if change else row for row in picked) + "\n")
        command = [RANGE, "--models", path, "--listen", f"{self.net}.{first}:{self.port}"]
        if relay_to != "nowhere":
            command += ["--relay-to", relay_to or f"127.0.0.1:{self.sink}"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as proc:
            try:
                wait_for(lambda: self.answers(f"{self.net}.{first}"))
                yield [f"{self.net}.{first + i}" for i in range(len(idents))]
            finally:
                proc.terminate()

    @contextlib.contextmanager
    def own_sink(self):
        """The list's sink without the list."""
        sink = subprocess.Popen([os.path.join(BUILD, "postern-sink"), "--state", self.state,
                                 "--listen", f"127.0.0.1:{self.sink}", "--probe-domain", DOMAIN],
                                stderr=subprocess.DEVNULL)
        try:
            yield
        finally:
            sink.terminate()
            sink.wait(10)

    def deliver(self, source, sender, rcpt, text):
        """Brings a message to the sink from an address of the sender's choice."""
        def deliver():
            with contextlib.suppress(OSError), \
                    smtplib.SMTP("127.0.0.1", self.sink, source_address=(source, 0)) as smtp:
                smtp.sendmail(sender, [rcpt], text)
                return True
            return False

        with self.own_sink():
            wait_for(deliver, 10)

    @contextlib.contextmanager
    def relay(self, opened=True):
        """A mail server at .1 that relays for anyone, or for nobody. Models keep to 127.0.0.0/8."""
        def rcpt(session, path):
            return "250 2.1.5 Ok" if opened else None

        with Server(f"{self.net}.1", self.port, rcpt=rcpt, relay_to=("127.0.0.1", self.sink)) as server:
            yield server.ip

    def answers(self, ip):
        with contextlib.suppress(OSError), socket.create_connection((ip, self.port), 1):
            return True
        return False

    @contextlib.contextmanager
    def dns(self):
        """postern dns on the list's zones; what it gives asks it."""
        port = free_port()
        command = [DNS, "--state", self.state, "--listen", f"127.0.0.1:{port}", "--workers", "1",
                   "--soa", "ns.example.org hostmaster.example.org", "--ns", "ns.example.org"]
        for zone in (self.zone, f"outputs.{self.zone}"):
            command += ["--zone", zone]
        log = open(self.folder / "dns.log", "w+", encoding="utf-8")
        with subprocess.Popen(command, stdout=log, stderr=log) as proc:
            try:
                ask = Asker(port, self.zone)
                wait_for(lambda: proc.poll() is not None or ask.up())
                assert proc.poll() is None, open(self.folder / "dns.log", encoding="utf-8").read()
                yield ask
            finally:
                proc.terminate()
                log.close()


class Asker:
    def __init__(self, port, zone):
        self.port, self.zone = port, zone

    def query(self, name, kind):
        return dns.query.udp(dns.message.make_query(name, kind), "127.0.0.1", port=self.port,
                             timeout=PATIENCE)

    def up(self):
        with contextlib.suppress(OSError, dns.exception.Timeout):
            return dns.query.udp(dns.message.make_query(self.zone, "SOA"), "127.0.0.1",
                                 port=self.port, timeout=0.2).rcode() == dns.rcode.NOERROR
        return False

    def name(self, ip, zone=None):
        return ".".join(reversed(ip.split("."))) + "." + (zone or self.zone)

    def __call__(self, ip, zone=None, kind="A"):
        """"127.0.0.2", or "" for what is not listed; a TXT's text."""
        got = self.query(self.name(ip, zone), kind)
        if got.rcode() == dns.rcode.NXDOMAIN:
            return ""
        assert got.rcode() == dns.rcode.NOERROR, got.to_text()
        return " ".join(item.to_text().strip('"') for answer in got.answer for item in answer)
