# SPDX-License-Identifier: GPL-3.0-or-later
"""The lost-address guard: a NAT in front of the gate is noticed, by names, by what is asked for and by the
way that packets came; what it has suspended outlives the process."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from gatebackend import Backend
from gatelib import DOMAIN, GATE, Gate, metrics
from hygienelib import Outside, in_namespace
from test_gate_grants import eventually
from test_gate_hygiene import Folder

INSIDE = f"{Outside.INSIDE}.1"      # what the NAT makes of everybody


def ask(gate, source, hello, mail, rcpt="x@foreign.example", ttl=None):
    """The code that the recipient got."""
    with gate.client(source=source, ttl=ttl) as c:
        c.hello(hello)
        c.expect(250, f"MAIL FROM:<{mail}>")
        got = c.say(f"RCPT TO:<{rcpt}>")[0]
        c.say("QUIT")
        return got


def stranger(gate, n, ttl=None):
    """A stranger to a stranger, from an address of his own."""
    return ask(gate, f"203.0.113.{n}", f"mx.stranger{n}.example", f"a@stranger{n}.example", ttl=ttl)


class Fronted:
    """A gate whose strangers come through a NAT, which may or may not be its gateway."""

    def __init__(self, nat=True, gateway=False, guard=True, options=()):
        self.nat, self.gateway, self.guard, self.options = nat, gateway, guard, options

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.world = stack.enter_context(Outside(self.nat))
            self.backend = stack.enter_context(Backend())
            if not self.gateway:
                subprocess.run("ip route del default".split(), check=True)
            self.gate = stack.enter_context(Gate(self.backend, options=[
                "--listen-mx", f"{Outside.INSIDE}.2:2525", "--mx-networks", "--networks",
                f"{Outside.INSIDE}.0/24 deliberate", "--guard" if self.guard else "--no-guard",
                "--metrics-listen", "127.0.0.1:0", *self.options]))
            self.find()
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def find(self):
        """The place that the world comes to; each worker logs it."""
        found = rf"event=listening .*address={Outside.INSIDE}\.2 port=(\d+)"
        if not self.gate.logged(found):
            self.gate.wait_log(found)
        port = re.search(found, self.gate.logged(found)[0])[1]
        self.gate.address, self.gate.port = f"{Outside.INSIDE}.2", int(port)

    def restart(self):
        self.gate.kill()
        self.gate.start()
        self.find()

    def strangers(self, count, first=2, **named):
        return [self.world.call(stranger, self.gate, n, **named) for n in range(first, first + count)]


pytestmark = pytest.mark.skipif(not shutil.which("nft"), reason="needs nftables")


@pytest.mark.parametrize("guard,gateway,want", [
    (True, True, [451] * 40), (False, True, [250] * 40),
    (True, False, [250] + [451] * 39), (False, False, [250] * 40)])
@in_namespace
def test_nat_in_front(guard, gateway, want):
    """Behind a NAT each stranger seems to come from our own network. With a gateway that we know of,
    nobody relays for a moment; with one that we do not, the second stranger gives the first away.
    Without the guard it is an open relay: this test can fail."""
    with Fronted(gateway=gateway, guard=guard) as f:
        assert f.strangers(40) == want
        if not guard:
            return
        line = f.gate.wait_log(r"error event=guard state=suspended cause=(\S+) client=(\S+)")
        assert line[2] == INSIDE
        # In a container the gateway's rewriting has another name.
        assert line[1] in (("firewall-nat", "userland-proxy") if gateway else ("balancer",))
        # Mail for us still comes in.
        assert f.world.call(ask, f.gate, "203.0.113.9", "client.example", "a@b.example",
                            f"user@{DOMAIN}") == 250


@in_namespace
def test_a_host_of_many_names():
    """A server of ours that calls itself after each customer is believed where the operator says so;
    its packets are judged all the same."""
    with Fronted(options=["--exempt", INSIDE]) as f:
        assert f.strangers(8) == [250] * 8
        assert not f.gate.logged("event=guard")
        assert f.strangers(1, ttl=50) == [451]


@in_namespace
def test_no_nat_no_alarm():
    with Fronted(nat=False, gateway=True) as f:
        assert f.strangers(40) == [554] * 40 and f.strangers(40, ttl=50) == [554] * 40
        assert not f.gate.logged("event=guard")


@in_namespace
def test_packets_tell_at_the_first_stranger():
    """An address next door whose packets came over a dozen routers is nobody's next door."""
    with Fronted() as f:
        assert f.strangers(5, ttl=52) == [451] * 5
        assert f.gate.logged(rf"error event=guard state=suspended cause=firewall-nat client={INSIDE} "
                             r"addresses=1")
        assert len(f.gate.logged("event=guard")) == 1
        assert metrics(f.gate)["postern_gate_guard_suspended"] == 1


@in_namespace
def test_real_neighbours_raise_no_alarm():
    """Hosts of ours, each with its own name, packets from next door, and mail to everywhere."""
    with Fronted() as f:
        for command in (f"ip addr add {Outside.INSIDE}.{n}/24 dev poutside" for n in (11, 12, 13)):
            f.world.call(subprocess.run, command.split(), check=True)
        f.world.call(subprocess.run, "nft flush ruleset".split(), check=True)
        for n in (11, 12, 13):
            for hello, mail in ((f"pc{n}", f"a@{DOMAIN}"), (f"nas.branch{n}.example", f"b@branch{n}.example"),
                                (f"[{Outside.INSIDE}.{n}]", "c@elsewhere.example"),
                                (f"www.branch{n}.example", f"d@branch{n}.example"), (f"x.{DOMAIN}", "")):
                for ttl in (64, 128, 63):
                    assert f.world.call(ask, f.gate, f"{Outside.INSIDE}.{n}", hello, mail, ttl=ttl) == 250
        assert not f.gate.logged("event=guard")
        # One that is a translator is in doubt, its neighbours are not.
        assert f.world.call(ask, f.gate, f"{Outside.INSIDE}.11", "mx.far.example", "a@far.example",
                            ttl=50) == 451
        assert f.world.call(ask, f.gate, f"{Outside.INSIDE}.12", "pc12", "a@branch12.example") == 250


def ctl(folder, *words):
    got = subprocess.run([GATE, "ctl", *words, "--admin", f"{folder}/admin", "--config", os.devnull],
                         capture_output=True, text=True, timeout=20, check=False)
    assert got.returncode == 0, got
    return got.stdout


@in_namespace
def test_suspension_outlives_the_gate():
    """Killed or stopped, the next one begins where it was; the operator's word ends it for good."""
    with Folder() as folder, Fronted(options=["--admin", f"{folder}/admin"]) as f:
        assert f.strangers(2) == [250, 451]
        for _ in range(2):
            f.restart()
            assert f.gate.logged(rf"error event=guard state=suspended cause=balancer client={INSIDE}")
            assert f.strangers(2) == [451, 451]
            assert metrics(f.gate)["postern_gate_guard_suspended"] == 1
        assert f"clients={INSIDE}" in ctl(folder, "status")
        ctl(folder, "guard", "clear")
        f.gate.wait_log("event=guard state=watching")
        f.restart()
        assert not f.gate.logged("event=guard")
        assert f.strangers(2, first=90) == [250, 451]


@pytest.mark.parametrize("nat", [True, False])
@in_namespace
def test_probe_from_outside(nat):
    """The operator's own call from outside: one is enough. A name is good once, and for him alone."""
    with Folder() as folder, Fronted(nat=nat, gateway=not nat, options=["--admin", f"{folder}/admin", "--workers", "2"]) as f:
        def call(name):
            with f.gate.client(source="203.0.113.99") as c:
                c.hello(name)
        f.world.call(call, "abcdefghijklmnop.guard.invalid")
        name = re.search(r"EHLO (\S+\.guard\.invalid)\n", ctl(folder, "guard", "probe"))[1]
        time.sleep(0.2)         # for both workers to know it
        assert "guard-probe awaited for=" in ctl(folder, "status")
        f.world.call(call, name)
        seen = INSIDE if nat else "203.0.113.99"
        assert eventually(lambda: f"guard-probe client={seen} ago=" in ctl(folder, "status"))
        assert len(f.gate.logged(f"event=guard-probe client={seen}")) == 1
        alarms = f.gate.logged("error event=guard ")
        assert len(alarms) == nat and all(f"client={INSIDE} " in a for a in alarms)
        assert f.strangers(3) == [451 if nat else 554] * 3
        f.world.call(call, name)
        time.sleep(0.2)
        assert len(f.gate.logged("event=guard-probe")) == 1


@in_namespace
def test_file_of_the_verdict():
    """A file that is torn is said; a folder that can't be written to is said, and nothing else fails."""
    with Fronted() as f:
        path = os.path.join(f.gate.state, "gate-guard")
        assert f.strangers(2) == [250, 451]
        with open(path, "r+b") as file:
            file.write(b"\xff" * os.path.getsize(path))
        f.restart()
        assert f.gate.logged(rf'warn event=guard file={path} error="Bad message"')
        assert f.strangers(2) == [250, 451]
        os.unlink(path)
        os.mkdir(path)
        f.restart()
        assert f.gate.logged(rf"warn event=guard file={path} .*not outlive this process")
        assert f.strangers(2) == [250, 451]


@in_namespace
def test_the_users_own_file():
    """Root opens it before it becomes somebody else, and gives a folder that it has just made."""
    if os.geteuid() != 0:
        pytest.skip("takes root")
    with Folder() as folder, Fronted(options=["--user", "nobody", "--state", f"{folder}/state"]) as f:
        assert f.strangers(2) == [250, 451]
        assert os.stat(f"{folder}/state").st_uid == os.stat(f"{folder}/state/gate-guard").st_uid != 0
        f.restart()
        assert f.gate.logged("error event=guard state=suspended")
        assert f.strangers(1) == [451]


@in_namespace
def test_workers_put_together_what_they_saw():
    """Strangers fall to three workers by chance: two of them are enough all the same, one alarm is
    raised, and a worker in place of a dead one knows."""
    with Fronted(options=["--workers", "3"]) as f:
        got = f.strangers(30)
        assert got.count(250) <= 2 and got[5:] == [451] * 25     # the news takes a moment
        time.sleep(1)
        alarms = f.gate.logged("event=guard")               # first it alone, then all like it
        assert 1 <= len(alarms) <= 2 and len({line.partition("meaning=")[2] for line in alarms}) == len(alarms)
        shutil.rmtree(f.gate.state)                             # it is the others that tell
        os.mkdir(f.gate.state)
        children = subprocess.run(["pgrep", "-P", str(f.gate.process.pid)], check=True,
                                  stdout=subprocess.PIPE).stdout.split()
        for victim in children[:2]:
            os.kill(int(victim), signal.SIGKILL)
            f.gate.wait_log("event=worker .*knows what the others know")
        time.sleep(0.3)
        assert f.strangers(20) == [451] * 20
        assert f.gate.stop() == 0
