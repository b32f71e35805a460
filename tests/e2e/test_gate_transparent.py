# SPDX-License-Identifier: GPL-3.0-or-later
"""The backend sees the client's own address on the connection itself: three network namespaces of our
own, the gate between the client's and the backend's, run as an ordinary user."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from gatelib import GATE, PATIENCE

BACKEND = """
import socket
s = socket.create_server(("192.0.2.2", 25))
while True:
    c, peer = s.accept()
    print("from", peer[0], flush=True)
    f = c.makefile("rwb", buffering=0)
    f.write(b"220 backend\\r\\n")
    data = False
    for line in f:
        if data:
            data = line != b".\\r\\n"
            if data:
                continue
            f.write(b"250 2.0.0 kept\\r\\n")
        elif line[:4] == b"DATA":
            data = True
            f.write(b"354 go\\r\\n")
        elif line[:4] == b"QUIT":
            break
        else:
            f.write(b"554 5.7.1 no\\r\\n" if line[:4] == b"RCPT" and b"example.com" in line else b"250 2.0.0 ok\\r\\n")
    c.close()
"""

CLIENT = """
import smtplib
with smtplib.SMTP("198.51.100.1", timeout=20, source_address=("198.51.100.77", 0)) as s:
    print(s.sendmail("a@client.example", ["user@test.example"], "Subject: x\\r\\n\\r\\nhello\\r\\n"))
"""


def ip(words):
    subprocess.run(["ip", *words.split()], check=True)


@pytest.fixture
def nets():
    if os.geteuid() != 0:
        pytest.skip("needs root for network namespaces")
    names = [f"postern{os.getpid()}{n}" for n in "gbc"]
    gate, backend, client = names
    tag = os.getpid() % 100000
    try:
        for n in names:
            try:
                ip(f"netns add {n}")
                ip(f"-n {n} link set lo up")  # ip(8) can't enter one from within a plain chroot
            except subprocess.CalledProcessError:
                pytest.skip("no network namespaces here")
        for near, far, there, net in ((f"p{tag}a", f"p{tag}b", backend, "192.0.2"),
                                      (f"p{tag}x", f"p{tag}y", client, "198.51.100")):
            ip(f"link add {near} netns {gate} type veth peer name {far} netns {there}")
            ip(f"-n {gate} addr add {net}.1/24 dev {near}")
            ip(f"-n {there} addr add {net}.2/24 dev {far}")
            ip(f"-n {gate} link set {near} up")
            ip(f"-n {there} link set {far} up")
            ip(f"-n {there} route add default via {net}.1")
        ip(f"-n {client} addr add 198.51.100.77/24 dev p{tag}y")
        # What the backend sends to strangers is for the gate's own sockets.
        ip(f"-n {gate} rule add iif p{tag}a lookup 100")
        ip(f"-n {gate} route add local 0.0.0.0/0 dev lo table 100")
        yield names
    finally:
        for n in names:
            subprocess.run(["ip", "netns", "del", n], check=False, stderr=subprocess.DEVNULL)


def inside(net, *words):
    return subprocess.Popen(["ip", "netns", "exec", net, *words], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)


def test_the_clients_own_address(nets, tmp_path):
    gate, backend, client = nets
    b = inside(backend, sys.executable, "-uc", BACKEND)
    time.sleep(0.5)
    g = inside(gate, GATE, "--config", os.devnull, "--name", "gate.test.example", "--domains", "test.example",
               "--listen-mx", "198.51.100.1:25", "--backend", "192.0.2.2:25 transparent", "--user", "nobody",
               "--state", str(tmp_path / "state"))
    try:
        log = []
        end = time.monotonic() + PATIENCE
        while not any("event=listening" in x for x in log) and time.monotonic() < end:
            log.append(g.stdout.readline())
        text = "".join(log)
        assert "user=nobody" in text
        assert re.search(r"event=backend-test .* as=203\.0\.113\.77 result=closed", text), text
        c = inside(client, sys.executable, "-c", CLIENT)
        assert c.wait(PATIENCE) == 0, c.stdout.read()
    finally:
        g.send_signal(signal.SIGTERM)
        rest = g.communicate(timeout=PATIENCE)[0]
        b.kill()
        seen = b.communicate()[0].split("\n")
    assert "client=198.51.100.77" in rest and "result=passed" in rest
    assert "from 203.0.113.77" in seen and "from 198.51.100.77" in seen, seen
    assert "from 192.0.2.1" not in seen
