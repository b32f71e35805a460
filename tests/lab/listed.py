# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a listing among real servers, in a running case: the open relay `mx`, the Postfix
`shield` that asks the list, the SpamAssassin `filter` that does so too.

The sample is a message that `mx` really relayed: from a stranger to a user of the shield."""

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time

import dns
import net

HERE = os.path.dirname(os.path.abspath(__file__))
ZONE = "relays.list.example"
USER = "tim@shield.example"
PATIENCE = 20  # seconds for anything that should take far less
DAY = 86400

CONF = """\
test {{
    probe-domain = {domain}
    sink-listen = "{tester}:25"
    ports = 25
    set = quick
    wait = 15s
}}
list {{
    zone = {zone}
    url = "https://list.example/why?n="
}}
"""


class Fault(Exception):
    """Something was not as it should be."""


def need(true, text):
    if not true:
        raise Fault(text)


class Listed:
    def __init__(self, live, postern):
        self.live, self.postern = live, postern
        self.relay = live.addresses["mx"][0]
        self.shield = live.addresses["shield"][0]
        self.state = os.path.join(live.folder, "list")
        self.conf = os.path.join(live.folder, "list.conf")
        os.makedirs(self.state, mode=0o700)
        with open(os.path.join(self.state, "scope"), "w", encoding="ascii") as f:
            f.write("198.51.100.0/24 the lab\n")
        with open(self.conf, "w", encoding="ascii") as f:
            f.write(CONF.format(domain=dns.PROBE_DOMAIN, tester=net.TESTER[0], zone=ZONE))

    # --- Postern -------------------------------------------------------------------------------

    def verb(self, verb, *args, code=0):
        got = self.live.run_as_tester(
            [self.postern, "list", verb, "--state", self.state, "--config", self.conf, "--json", *args],
            capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
        need(got.returncode == code,
             f"list {verb}: status {got.returncode}: {got.stdout.strip()} {got.stderr.strip()}")
        return [json.loads(line) for line in got.stdout.splitlines() if line.startswith("{")]

    def status(self):
        return self.verb("show", self.relay)[0]["state"]

    @contextlib.contextmanager
    def server(self):
        with open(os.path.join(self.live.folder, "list-dns.log"), "w", encoding="utf-8") as log:
            p = self.live.start_as_tester(
                [self.postern, "dns", "--state", self.state, "--listen", f"{net.TESTER[0]}:53",
                 "--workers", "1", "--soa", "ns.list.example hostmaster.list.example", "--ns",
                 "ns.list.example", "--zone", ZONE, "--zone", f"outputs.{ZONE}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            try:
                yield p
            finally:
                p.terminate()
                p.wait(PATIENCE)

    def a_day_passes(self):
        db = sqlite3.connect(os.path.join(self.state, "postern.db"), timeout=10)
        with db:
            db.execute("UPDATE listings SET tested = tested - ?, due = due - ? WHERE due > ?",
                       (2 * DAY, 2 * DAY, DAY))
            db.execute("UPDATE tested SET at = at - ?", (2 * DAY,))
        db.close()

    # --- others --------------------------------------------------------------------------------

    def talk(self, who, server, port, *lines):
        got = subprocess.run(["nsenter", f"--net={self.live.net.path(who)}", sys.executable,
                              os.path.join(HERE, "rawsmtp.py"), server, str(port), *lines],
                             capture_output=True, text=True, timeout=60, check=False)
        return got.returncode, got.stdout

    def taken(self, who, port=25):
        """Does the shield take a recipient from this host? With what it said."""
        _, said = self.talk(who, self.shield, port, "EHLO client.example",
                            "MAIL FROM:<a@stranger.example>", f"RCPT TO:<{USER}>", "QUIT")
        answer = said.split(f"RCPT TO:<{USER}>", 1)[-1]
        return "<-  250" in answer, answer.strip()

    def sample(self):
        """A message that the relay carried from a stranger to the shield."""
        code, said = self.talk("nmap", self.relay, 25, "EHLO spammer.example",
                               "MAIL FROM:<a@stranger.example>", f"RCPT TO:<{USER}>", "DATA",
                               "Subject: buy\r\n\r\nbuy this\r\n.", "QUIT")
        need(code == 0, f"the relay did not take the sample: {said}")
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            text = self.live.files_below("shield", "/var/mail")
            if "buy this" in text:
                path = os.path.join(self.live.folder, "sample.log")
                with open(path, "w", encoding="latin-1") as f:
                    f.write(text)
                return path, text
            time.sleep(0.2)
        raise Fault("the sample did not arrive at the shield")

    def scored(self, text):
        got = self.live.run_inside("filter", ["spamassassin"], input=text, capture_output=True,
                                   text=True, timeout=60)
        need("X-Spam-" in got.stdout, f"SpamAssassin said nothing: {got.stderr[-300:]}")
        return "RCVD_IN_POSTERN" in got.stdout

    def close_relay(self):
        done = self.live.run_inside(
            "mx", ["sh", "-ec", "postconf -e 'smtpd_relay_restrictions = reject_unauth_destination'; "
                   "postfix reload"], capture_output=True, text=True)
        need(done.returncode == 0, f"the admin could not close it: {done.stderr}")
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            _, said = self.talk("nmap", self.relay, 25, "EHLO x", "MAIL FROM:<a@stranger.example>",
                                "RCPT TO:<b@probe.example>", "QUIT")
            if "<** 554" in said:
                return
            time.sleep(0.2)
        raise Fault("the relay is open still")

    # --- the life ------------------------------------------------------------------------------

    def life(self):
        path, text = self.sample()
        self.verb("publish")
        with self.server():
            for who in ("mx", "nmap"):
                ok, said = self.taken(who)
                need(ok, f"{who} is refused before anything is listed: {said}")
            need(not self.scored(text), "SpamAssassin finds what is not listed")
            got = self.verb("nominate", path)
            need(got and got[0]["ip"] == self.relay, f"the sample does not blame the relay: {got}")
            self.verb("test")
            need(self.status() == "provisional", f"after one run: {self.status()}")
            need(self.taken("mx")[0], "refused by a provisional listing")
            self.a_day_passes()
            self.verb("test")
            need(self.status() == "listed", f"after two runs: {self.status()}")
            ok, said = self.taken("mx")
            need(not ok and "blocked using relays.list.example" in said and
                 "https://list.example/why?n=" in said, f"the listed relay is not refused: {said}")
            ok, said = self.taken("mx", 2525)
            need(not ok and "relays.list.example" in said, f"postscreen lets it pass: {said}")
            for port in (25, 2525):
                ok, said = self.taken("nmap", port)
                need(ok, f"an unlisted client is refused on port {port}: {said}")
            need(self.scored(text), "SpamAssassin does not find what is listed")
            got = self.verb("retest", self.relay, code=2)
            need(got[0]["result"] == "still open", f"retest: {got}")
            self.close_relay()
            self.a_day_passes()
            self.verb("retest", self.relay)
            need(self.status() == "delisted", f"after the retest: {self.status()}")
            began = time.monotonic()
            while not self.taken("mx")[0]:
                need(time.monotonic() - began < PATIENCE, "refused for ever")
            seconds = time.monotonic() - began
            need(seconds < 1, f"accepted only after {seconds:.1f} s")
            need(self.taken("mx", 2525)[0], "postscreen refuses what is delisted")
            need(not self.scored(text), "SpamAssassin finds what is delisted")
        return f"listed, refused, closed, taken {seconds:.2f} s after"


def check(live, postern):
    """What was found in words, and the faults."""
    try:
        return Listed(live, postern).life(), []
    except (Fault, subprocess.TimeoutExpired, OSError) as e:
        return "list: no", [f"list: {e}"]
