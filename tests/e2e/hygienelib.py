# SPDX-License-Identifier: GPL-3.0-or-later
"""A network namespace for a test, rbldnsd as a real DNS list, and a name server in front of it that
counts, drops and changes."""

import contextlib
import ctypes
import functools
import os
import queue
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from netlib import CLONE_NEWNET, in_network

NET = "198.51.100"      # clients; all of it is local in our namespace
NET6 = "2001:db8"       # some of the same
PATIENCE = 20


# Clients can have addresses of the documentation networks.
in_namespace = in_network(f"addr add {NET}.1/24 dev lo", "addr add 10.1.1.1/24 dev lo",
                          *(f"addr add {NET6}:{n}::{host}/128 dev lo" for n in (5, 6, 66, 67) for host in (1, 2)))


def free_port(kind=socket.SOCK_DGRAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Rbldnsd:
    """rbldnsd with zones {(name, type): text of the file}."""

    def __init__(self, zones, folder=None):
        self.zones, self.folder = zones, folder

    def __enter__(self):
        if not shutil.which("rbldnsd"):
            pytest.skip("needs rbldnsd")
        self.own = self.folder or tempfile.mkdtemp()
        os.chmod(self.own, 0o755)
        self.port = free_port()
        specs = []
        for n, ((zone, kind), text) in enumerate(self.zones.items()):
            path = text if text.startswith("/") else os.path.join(self.own, f"zone{n}")
            if path != text:
                with open(path, "w", encoding="ascii") as f:
                    f.write(text)
            specs.append(f"{zone}:{kind}:{path}")
        self.process = subprocess.Popen(
            ["rbldnsd", "-n", "-u", "nobody", "-r", "/", "-b", f"127.0.0.1/{self.port}", *specs],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.wait()
        return self

    def wait(self):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            assert self.process.poll() is None, self.process.stderr.read().decode()
            zone = next(iter(self.zones))[0].split(",")[0]
            if self.ask(f"2.0.0.127.{zone}") is not None:
                return
        raise AssertionError("rbldnsd does not answer")

    def ask(self, name, kind="A"):
        """The values, or None when there is no answer in time."""
        question = dns.message.make_query(name, kind)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.2)
            s.sendto(question.to_wire(), ("127.0.0.1", self.port))
            try:
                answer = dns.message.from_wire(s.recv(4096))
            except OSError:
                return None
        return [r.to_text().strip('"') for rrset in answer.answer for r in rrset]

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.process.stderr.close()
        if not self.folder:
            shutil.rmtree(self.own)


class Names:
    """Answers what it was told to, asks `behind` for the rest, drops what is silent; notes all names."""

    def __init__(self, behind=None):
        self.behind, self.asked, self.silent, self.fixed = behind, [], (), {}
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.place = f"127.0.0.1:{self.sock.getsockname()[1]}"
        self.forward = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.forward.settimeout(5)

    def __enter__(self):
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.sock.close()
        self.forward.close()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                data, peer = self.sock.recvfrom(4096)
                self.answer(data, peer)

    def answer(self, data, peer):
        question = dns.message.from_wire(data)
        name = question.question[0].name.to_text(omit_final_dot=True).lower()
        self.asked.append(name)
        if any(name.endswith(s) for s in self.silent):
            return
        fixed = next((v for k, v in self.fixed.items() if name.endswith(k)), None)
        if fixed is not None:
            reply = dns.message.make_response(question)
            if question.question[0].rdtype == dns.rdatatype.A and fixed:
                reply.answer.append(dns.rrset.from_text(question.question[0].name, 60, "IN", "A", *fixed))
            elif not fixed:
                reply.set_rcode(dns.rcode.NXDOMAIN)
            self.sock.sendto(reply.to_wire(), peer)
        elif self.behind:
            self.forward.sendto(data, ("127.0.0.1", self.behind.port))
            self.sock.sendto(self.forward.recv(4096), peer)
        else:
            reply = dns.message.make_response(question)
            reply.set_rcode(dns.rcode.NXDOMAIN)
            self.sock.sendto(reply.to_wire(), peer)

    def about(self, text):
        return [n for n in self.asked if text in n]


class Outside:
    """The world behind a link: a thread in a namespace of its own that calls what it is handed.

    Its end of the link is INSIDE.1, our gateway; strangers have addresses of 203.0.113.0/24 there. With
    nat, nft rewrites them all to INSIDE.1 on the way to us."""

    INSIDE = "192.168.9"

    def __init__(self, nat):
        self.nat = nat
        self.calls, self.results = queue.SimpleQueue(), queue.SimpleQueue()

    def __enter__(self):
        self.thread = threading.Thread(target=self.live, daemon=True)
        self.thread.start()
        place = self.results.get()
        for command in (f"ip link add pinside type veth peer name poutside netns {place}",
                        f"ip addr add {self.INSIDE}.2/24 dev pinside", "ip link set pinside up",
                        f"ip route add default via {self.INSIDE}.1"):
            subprocess.run(command.split(), check=True)
        self.call(self.set_up)
        return self

    def set_up(self):
        for command in ("ip link set lo up", f"ip addr add {self.INSIDE}.1/24 dev poutside",
                        "ip addr add 203.0.113.1/24 dev lo", "ip link set poutside up"):
            subprocess.run(command.split(), check=True)
        if self.nat:
            subprocess.run(["nft", "-f", "-"], check=True, text=True, input=(
                "table ip nat {\n chain out {\n type nat hook postrouting priority 100;\n"
                " oifname \"poutside\" masquerade\n }\n}\n"))

    def live(self):
        ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET)
        self.results.put(f"/proc/{os.getpid()}/task/{threading.get_native_id()}/ns/net")
        while call := self.calls.get():
            try:
                self.results.put((call(), None))
            except BaseException as e:  # handed to the caller
                self.results.put((None, e))

    def call(self, function, *args, **named):
        self.calls.put(functools.partial(function, *args, **named))
        result, failed = self.results.get()
        if failed:
            raise failed
        return result

    def __exit__(self, *_):
        self.calls.put(None)
        self.thread.join()
