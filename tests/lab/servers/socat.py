# SPDX-License-Identifier: GPL-3.0-or-later
"""A TCP forwarder: what a container engine's userland proxy does to the client's address.

forward   lines "LISTEN-ADDRESS TARGET-ADDRESS" in socat's words
"""

from . import lines

PACKAGES = ["socat"]
KEYS = {"forward"}


def build(node):
    start = [f"socat {a},fork,reuseaddr {b} &" for a, b in map(str.split, lines(node["forward"]))]
    return {}, "\n".join([*start, "wait"]) + "\n"
