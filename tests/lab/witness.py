# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks by hand, as data: does a case really have the hole that the table says?

Each row of a case's `witness` is one envelope sent with swaks, and what must come of it:
    arrives     it is taken and reaches the probe domain's sink
    bounced     it is taken and a bounce reaches the sender at the probe domain
    taken       it is taken and nothing arrives
    accepted    the recipient is accepted (no body is sent): for the control
    refused     a command of it is answered 4xx or 5xx
    deferred    a command of it is answered 4xx
    no answer   no greeting, or the connection ends without a reply
In from, to and helo, {u} is a token of the row. `raw` gives the lines to send instead of swaks. `retry = {after, outcome}` sends it once more.
"""

import json
import os
import re
import secrets
import subprocess
import sys
import time

import dns
import net

HERE = os.path.dirname(os.path.abspath(__file__))
ARRIVAL_LIMIT = 12      # seconds for a message that should come
SILENCE = 3             # seconds to wait for one that should not
SWAKS_TIMEOUT = 20


class Witness:
    def __init__(self, live):
        self.live = live
        self.file = os.path.join(live.folder, "sink.jsonl")
        self.sink = live.start_as_tester([sys.executable, os.path.join(HERE, "sink.py"), self.file,
                                          *net.TESTER])
        end = time.monotonic() + 5
        while not os.path.exists(self.file) and time.monotonic() < end:
            time.sleep(0.02)

    def close(self):
        self.sink.kill()
        self.sink.wait()

    def check_all(self):
        """[(row number, problem or None, transcript)]"""
        return [(n, *self.check(row)) for n, row in enumerate(self.live.case.witness, 1)]

    def check(self, row):
        token = "w" + secrets.token_hex(6)
        found, text = self._send(row, token, row["outcome"])
        if found == row["outcome"] and "retry" in row:
            time.sleep(row["retry"]["after"])
            found, more = self._send(row, token, row["retry"]["outcome"])
            text += more
            wanted = row["retry"]["outcome"]
        else:
            wanted = row["outcome"]
        return (None if found == wanted else f"wanted {wanted}, found {found}"), text

    def _send(self, row, token, wanted):
        fill = lambda s: s.replace("{u}", token)
        sender = fill(row.get("from", f"s-{{u}}@{dns.PROBE_DOMAIN}"))
        rcpt = fill(row.get("to", f"{{u}}@{dns.PROBE_DOMAIN}"))
        command = ["swaks", "--server", row.get("server", self.live.target),
                   "--port", str(row.get("port", 25)), "--from", sender or "<>", "--to", rcpt,
                   "--helo", fill(row.get("helo", f"mx.{dns.PROBE_DOMAIN}")),
                   "--timeout", str(SWAKS_TIMEOUT), "--header", f"Subject: witness {token}"]
        if "raw" in row:
            command = [sys.executable, os.path.join(HERE, "rawsmtp.py"),
                       row.get("server", self.live.target), str(row.get("port", 25)),
                       *(fill(line) for line in row["raw"])]
            return self._run(command, token, sender, wanted)
        if row.get("tls"):
            command += ["--tls-on-connect" if row["tls"] == "implicit" else "--tls"]
        if wanted == "accepted":
            command += ["--quit-after", "RCPT"]
        command += [fill(word) for word in row.get("more", [])]
        return self._run(command, token, sender, wanted)

    def _run(self, command, token, sender, wanted):
        r = self.live.run_as_tester(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                    text=True, errors="replace")
        return self._judge(r, token, sender, wanted), r.stdout

    def _judge(self, r, token, sender, wanted):
        bad = re.findall(r"^<[*~]{1,2}\s*([2345])\d\d", r.stdout, re.M)
        if r.returncode == 0:
            if wanted == "accepted":
                return "accepted"
            wait = ARRIVAL_LIMIT if wanted in ("arrives", "bounced") else SILENCE
            return self._arrival(token, sender, wait, wanted) or "taken"
        if not re.search(r"^<.{1,3}\s*\d\d\d", r.stdout, re.M) or not bad:
            return "no answer"
        if wanted == "deferred" and "4" in bad and "5" not in bad:
            return "deferred"
        return "refused"

    def _arrival(self, token, sender, limit, wanted):
        end = time.monotonic() + limit
        seen = None
        while time.monotonic() < end:
            with open(self.file) as f:
                for line in f:
                    m = json.loads(line)
                    if token not in "".join(m["rcpt"]):
                        continue
                    returned = m["mail"].startswith("<>") and "s-" + token in "".join(m["rcpt"])
                    seen = "bounced" if returned else "arrives"
                    if seen == wanted:
                        return seen
            time.sleep(0.1)
        return seen
