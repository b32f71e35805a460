#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mail server that writes down what it gets, octet for octet: what stands behind the gate in the case
of real clients.    usage: recorder.py FILE ADDRESS PORT=IDENTITY...

One JSON line a message: who it is from as the gate told it, MAIL and RCPT as they came, the data."""

import base64
import json
import os
import sys
import threading

# Instead of this folder, whose dns.py is not the library of that name.
sys.path[0] = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e")
sys.dont_write_bytecode = True

import gatebackend  # noqa: E402


def main():
    path, address, places = sys.argv[1], sys.argv[2], sys.argv[3:]
    out, lock = open(path, "a", encoding="ascii"), threading.Lock()

    def taken(m):
        lines = [line.decode("latin-1") for line in m.visit.lines]
        at = max(n for n, line in enumerate(lines) if line.upper().startswith("MAIL "))
        row = {"identity": m.identity, "told": m.visit.told, "mail": lines[at], "bad": m.visit.wrong,
               "rcpt": [line for line in lines[at:] if line.upper().startswith("RCPT ")],
               "verbs": [line.split(" ")[0].upper() for line in lines[at:]],
               "data": base64.b64encode(m.data).decode()}
        with lock:
            out.write(json.dumps(row) + "\n")
            out.flush()
        return b"250 2.0.0 written down"
    for place in places:
        port, _, identity = place.partition("=")
        gatebackend.Backend(identity, address=address, port=int(port), taken=taken).__enter__()
    threading.Event().wait()


if __name__ == "__main__":
    main()
