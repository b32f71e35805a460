# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy in TCP mode: a balancer in front of the gate, and what the gate's speed is compared with.

forward   lines "LISTEN-ADDRESS:PORT SERVER-ADDRESS:PORT [words of a server line]", e.g. send-proxy-v2
"""

from . import lines

PACKAGES = ["haproxy"]
KEYS = {"forward"}

HEAD = """\
global
    maxconn 4000
defaults
    mode tcp
    timeout connect 10s
    timeout client 5m
    timeout server 5m
"""


def config(forward, head=HEAD):
    """haproxy.cfg for rows of (listen, server, more words)."""
    text = head
    for n, (listen, server, more) in enumerate(forward):
        text += f"listen l{n}\n    bind {listen}\n    server s{n} {server} {more}\n"
    return text


def build(node):
    rows = [(*words.split(None, 2), "")[:3] for words in lines(node["forward"])]
    return ({"/etc/haproxy/lab.cfg": config(rows)},
            "haproxy -c -f /etc/haproxy/lab.cfg\nexec haproxy -db -f /etc/haproxy/lab.cfg\n")
