#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills postern gate with SIGKILL at every state of a session, under load, and counts messages.

    POSTERN_BUILD=build tests/e2e/gate_kill.py [KILLS]

Clients send without a pause, and send again what was not acknowledged, each attempt with a name of its
own. After each kill the gate is started anew on the same port. In the end every acknowledged attempt has
to be at the backend octet for octet, and no attempt may be there twice."""

import collections
import itertools
import os
import queue
import random
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from gatebackend import Backend, Fault  # noqa: E402
from gatelib import Attempt, Client, Gate, judge, message, stuffed, tag  # noqa: E402

CLIENTS = 8
ARMED_MAX = 3.0     # seconds until a state that does not come is passed over
BETWEEN = 10        # messages that pass between two kills
BODY_LINES = (3, 40, 1200)

# Where the kill falls: seen by the backend, before or behind what it says ...
BACKEND_STATES = [f"backend {when} {step}" for step in
                  ("greeting", "ehlo", "xclient", "ehlo again", "mail", "rcpt", "data", "bdat", "end",
                   "quit") for when in ("before", "behind")] + ["backend in body"]
# ... by a client, when it has said a part of its session, ...
CLIENT_STATES = ["client connected", "client behind greeting", "client behind ehlo",
                 "client mail said", "client rcpt said", "client data said", "client half of the body",
                 "client all but the dot", "client dot said", "client behind the verdict",
                 "client half of a chunk", "client last chunk said", "client pipelined", "client quit said"]
# ... or by nobody.
STATES = BACKEND_STATES + CLIENT_STATES + ["any moment"]


class Killer(Fault):
    """Holds the gate and the state that it is to die in."""

    def __init__(self):
        self.gate, self.state = None, None
        self.fired = threading.Event()
        self.lock = threading.Lock()

    def arm(self, state):
        self.fired.clear()
        self.state = state

    def at(self, state):
        """The session of somebody is there."""
        if self.state == state:
            with self.lock:
                if self.state == state:
                    self.state = None
                    self.gate.process.kill()
                    self.fired.set()

    # as the backend's fault

    def put(self, talk, data):
        step, talk.step = getattr(talk, "step", None), None
        self.at(f"backend before {step}")
        talk.put(data)
        self.at(f"backend behind {step}")

    def reply(self, talk, step, data):
        talk.step = step
        return data

    def got(self, talk, data):
        if talk.visit.lines and talk.visit.lines[-1] == b"DATA":
            self.at("backend in body")
        return data


class Sender(threading.Thread):
    """Sends message after message, each until it is acknowledged."""

    def __init__(self, killer, place, number):
        super().__init__(daemon=True)
        self.killer, self.place = killer, place
        self.random = random.Random(number)
        self.attempts, self.tries = [], collections.Counter()
        self.error, self.stopping = None, False

    def run(self):
        try:
            for serial in itertools.count():
                way = self.random.choice((self.plain, self.plain, self.chunks, self.pipelined))
                lines = self.random.choice(BODY_LINES)
                while not self.once(way, lines):
                    self.tries[serial] += 1
                    if self.stopping and self.tries[serial] > 200:
                        raise AssertionError("a message is not taken any more")
                if self.stopping:
                    return
        except BaseException as e:
            self.error = e

    def once(self, way, lines):
        name = tag()
        attempt = Attempt(message(name, lines), name=name)
        try:
            c = Client(*self.place, greeting=False)
        except OSError:
            time.sleep(0.01)    # it is just being started
            return False
        self.attempts.append(attempt)
        attempt.ip = c.ip
        with c:
            try:
                self.killer.at("client connected")
                c.expect(220)
                self.killer.at("client behind greeting")
                way(attempt, c)
                c.raw(b"QUIT\r\n")
                self.killer.at("client quit said")
                c.reply()
            except (EOFError, OSError):
                pass
        return attempt.acked

    def plain(self, a, c):
        c.hello()
        self.killer.at("client behind ehlo")
        for state, line in (("mail", f"MAIL FROM:<{a.mail}>"), ("rcpt", f"RCPT TO:<{a.rcpts[0]}>"),
                            ("data", "DATA")):
            c.raw(line + "\r\n")
            self.killer.at(f"client {state} said")
            got = c.reply()
            if got[0] // 100 != (3 if state == "data" else 2):
                return
            if state == "rcpt":
                a.taken = list(a.rcpts)
        self.body(a, c)

    def body(self, a, c):
        wire = stuffed(a.data)
        c.raw(wire[:len(wire) // 2])
        self.killer.at("client half of the body")
        c.raw(wire[len(wire) // 2:-3])
        self.killer.at("client all but the dot")
        c.raw(wire[-3:])
        self.killer.at("client dot said")
        a.code = c.reply()[0]
        self.killer.at("client behind the verdict")

    def pipelined(self, a, c):
        c.hello()
        c.raw(f"MAIL FROM:<{a.mail}>\r\nRCPT TO:<{a.rcpts[0]}>\r\nDATA\r\n")
        self.killer.at("client pipelined")
        codes = [c.reply()[0] for _ in range(3)]
        a.taken = list(a.rcpts) if codes[1] == 250 else []
        if codes[2] == 354:
            self.body(a, c)

    def chunks(self, a, c):
        c.hello()
        for line in (f"MAIL FROM:<{a.mail}>", f"RCPT TO:<{a.rcpts[0]}>"):
            if c.say(line)[0] != 250:
                return
        a.taken = list(a.rcpts)
        half = len(a.data) // 2
        c.raw(f"BDAT {half}\r\n".encode() + a.data[:half // 2])
        self.killer.at("client half of a chunk")
        c.raw(a.data[half // 2:half])
        if c.reply()[0] != 250:
            return
        c.raw(f"BDAT {len(a.data) - half} LAST\r\n".encode() + a.data[half:])
        self.killer.at("client last chunk said")
        a.code = c.reply()[0]
        self.killer.at("client behind the verdict")


def kill_many(kills, workers=1, extensions=None, seed=1):
    """What was found: (kills by state, attempts, backend, what is wrong)."""
    killer = Killer()
    named = {"extensions": extensions} if extensions else {}
    done = collections.Counter()
    rng = random.Random(seed)
    with Backend(fault=killer, **named) as backend:
        gate = Gate(backend, options=["--workers", str(workers)])
        killer.gate = gate
        with gate:
            place = gate.address, gate.port
            senders = [Sender(killer, place, n) for n in range(CLIENTS)]
            for s in senders:
                s.start()
            states = itertools.cycle(
                [s for s in STATES if not (extensions and s.endswith(" bdat"))])
            while sum(done.values()) < kills:
                end = time.monotonic() + ARMED_MAX
                while len(backend.messages) < BETWEEN * (1 + sum(done.values())) and \
                        time.monotonic() < end:
                    time.sleep(0.002)
                state = next(states)
                if state == "any moment":
                    time.sleep(rng.random() * 0.05)
                    gate.process.kill()
                else:
                    killer.arm(state)
                    if not killer.fired.wait(ARMED_MAX):
                        killer.state = None
                        gate.process.kill()
                        state = "no such moment: " + state
                done[state] += 1
                gate.process.wait()
                gate.reader.join(10)
                gate.process.stderr.close()
                gate.lines = queue.SimpleQueue()
                gate.start()
            for s in senders:
                s.stopping = True
            for s in senders:
                s.join(60)
                assert not s.is_alive(), "a client hangs"
                if s.error:
                    raise s.error
            assert backend.idle(), "the gate keeps connections of clients that are gone"
    attempts = [a for s in senders for a in s.attempts]
    return done, attempts, backend, judge(attempts, [backend])


def main():
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    started = time.monotonic()
    done, attempts, backend, wrong = kill_many(kills)
    acked = sum(a.acked for a in attempts)
    kept = {m.name for m in backend.messages if m.kept}
    for state in STATES:
        print(f"{done[state]:5}  {state}")
    print(f"{sum(done.values())} kills in {time.monotonic() - started:.0f} s, {len(attempts)} attempts, "
          f"{acked} acknowledged, {len(kept)} at the backend, "
          f"{len(kept) - acked} of them not acknowledged, {len(wrong)} wrong")
    for text in wrong[:20]:
        print(text)
    print(f"{sum(done.values())} passed, {len(wrong)} failed")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
