# SPDX-License-Identifier: GPL-3.0-or-later
"""postern dns beside rbldnsd on the same data, in one run, on loopback.

What counts is the server's CPU time a query (user and system time from /proc), not queries a second,
because dnsperf itself fills a core. Server and generator have a core each; the rounds of both servers
alternate, and the one in the middle counts. The list is of random public addresses, a fifth of the
questions hit.

    tests/bench/dnsbench.py BUILD [PART]...      alone, printing JSON"""

import json
import os
import random
import re
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
ZONE = "bl.example"
SEED = 20261121
LISTED, REPLACED, OWN = 1_000_000, 5_000_000, 10_000_000
QUESTIONS, HITS = 100_000, 0.2
ROUNDS, SECONDS = 3, 5
# dnsperf's load, and the rounds: at full speed what wakes whom varies between rounds, at a given rate
# that both servers keep up with it hardly does.
LOADS = (("flood", ("-c", "10", "-q", "500"), 5), ("steady", ("-c", "10", "-Q", "60000"), 3),
         ("gentle", ("-c", "10", "-Q", "20000"), 3))
GENTLE = 2000           # questions a second where the slowest answer is measured
CHANGES = 100
RESTARTS = 5
PATIENCE = 120
TICK = os.sysconf("SC_CLK_TCK")
# /8s without reserved space in them, so that no server has a reason to refuse the list.
OCTETS = [o for o in range(1, 224) if o not in (10, 100, 127, 169, 172, 192, 198, 203)]
HEAD = ("$SOA 3600 ns.bl.example. hostmaster.bl.example. 0 3600 600 86400 300\n$NS 3600 ns.bl.example.\n"
        ":127.0.0.2:Listed $\n")


class DnsError(Exception):
    """It could not be measured; the text says why."""


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


# --- data -------------------------------------------------------------------------------------------

def address(i):
    o = OCTETS[i >> 24]
    return f"{o}.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}"


def reverse(i):
    return ".".join(reversed(address(i).split(".")))


def numbers(n, seed):
    """Rising, one at random in each of n equal parts of the space."""
    stride, draw = (len(OCTETS) << 24) // n, random.Random(seed).random
    return [k * stride + int(draw() * stride) for k in range(n)]


def write_list(path, n, seed, head=HEAD):
    found = numbers(n, seed)
    with open(path + ".new", "w") as f:
        f.write(head)
        for at in range(0, n, 100_000):
            f.write("\n".join(map(address, found[at:at + 100_000])) + "\n")
    os.rename(path + ".new", path)
    return found


def write_questions(path, found):
    rng = random.Random(SEED)
    with open(path, "w") as f:
        for _ in range(QUESTIONS):
            i = rng.choice(found) if rng.random() < HITS else rng.randrange(len(OCTETS) << 24)
            f.write(f"{reverse(i)}.{ZONE} A\n")


# --- servers ----------------------------------------------------------------------------------------

def free_port():
    """Free for UDP and TCP."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u, socket.socket() as t:
            u.bind(("127.0.0.1", 0))
            try:
                t.bind(u.getsockname())
            except OSError:
                continue
            return u.getsockname()[1]


def question(name, type=1):
    labels = b"".join(bytes([len(x)]) + x.encode() for x in name.split("."))
    return struct.pack("!HHHHHH", 4711, 0, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", type, 1)


def ask(port, packet, timeout=0.05):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(timeout)
        s.connect(("127.0.0.1", port))
        try:
            s.send(packet)
            return s.recv(4096)
        except OSError:
            return None


def good(answer):
    return answer is not None and answer[3] & 15 == 0 and answer[6:8] != b"\0\0"


class Server:
    def __init__(self, command, port, core=None):
        self.port, self.command = port, command
        pin = ["taskset", "-c", str(core)] if core is not None else []
        self.started = time.monotonic()
        self.process = subprocess.Popen([*pin, *command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def wait(self, name, type=1, patience=PATIENCE):
        """Until it answers well; seconds from its start."""
        packet = question(name, type)
        while not good(ask(self.port, packet, 0.02)):
            if time.monotonic() > self.started + patience or self.process.poll() is not None:
                raise DnsError(f"{self.command[0]} does not answer")
            time.sleep(0.0005)
        return time.monotonic() - self.started

    def cpu(self):
        with open(f"/proc/{self.process.pid}/stat") as f:
            user, system = f.read().rsplit(")", 1)[1].split()[11:13]
        return int(user) / TICK, int(system) / TICK


class Bench:
    def __init__(self, build, folder, limit):
        self.build, self.folder, self.until = build, folder, time.monotonic() + limit
        self.cores = sorted(os.sched_getaffinity(0))
        self.core, self.other = (self.cores[0], self.cores[-1]) if len(self.cores) > 1 else (None, None)

    def path(self, name):
        return os.path.join(self.folder, name)

    def postern(self, *zones, workers=1, core=None, state="state"):
        port = free_port()
        return Server([os.path.join(self.build, "postern-dns"), "--config", os.devnull, "--state",
                       self.path(state), "--listen", f"127.0.0.1:{port}", "--workers", str(workers),
                       "--rate", "0", "--ns", f"ns.{ZONE}", *zones], port, core)

    def rbldnsd(self, zone, core=None):
        port = free_port()
        user = [] if os.geteuid() else ["-u", "nobody"]
        return Server(["rbldnsd", "-n", *user, "-c", "0", "-b", f"127.0.0.1/{port}", zone], port, core)

    def dnsperf(self, port, seconds=SECONDS, *more):
        pin = ["taskset", "-c", str(self.other)] if self.other is not None else []
        r = subprocess.run([*pin, "dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", self.path("questions"),
                            "-l", str(seconds), *more], capture_output=True, text=True, timeout=seconds + PATIENCE,
                           check=False)
        done = re.search(r"Queries completed:\s+(\d+)", r.stdout)
        slowest = re.search(r"max ([\d.]+)\)", r.stdout)
        lost = re.search(r"Queries lost:\s+(\d+)", r.stdout)
        if not done or not slowest:
            raise DnsError("dnsperf: " + (r.stderr.strip() or r.stdout.strip() or "nothing").splitlines()[-1])
        # One that was lost was waited for in vain: five seconds, dnsperf's own limit.
        return int(done[1]), max(float(slowest[1]), 5.0 if lost and int(lost[1]) else 0)

    def cost(self, server, *more):
        """CPU microseconds a query: user, system; queries a second."""
        u0, s0 = server.cpu()
        began = time.monotonic()
        done, _ = self.dnsperf(server.port, SECONDS, *more)
        took = time.monotonic() - began
        u1, s1 = server.cpu()
        return {"user": (u1 - u0) * 1e6 / done, "system": (s1 - s0) * 1e6 / done,
                "all": (u1 - u0 + s1 - s0) * 1e6 / done, "qps": done / took}


def middle(runs):
    return {key: round(statistics.median(r[key] for r in runs), 3) for key in runs[0]}


def queries(b):
    """CPU a query: both servers in turn, flooded, and at rates that leave them time."""
    zone = f"{ZONE}:ip4trie:{b.path('list')}"
    first = f"{reverse(b.found[0])}.{ZONE}"
    found = {}
    with b.postern(zone, core=b.core) as p, b.rbldnsd(zone, core=b.core) as r:
        p.wait(first)
        r.wait(first)
        for kind, more, rounds in LOADS:
            runs = {"postern": [], "rbldnsd": []}
            for _ in range(rounds):
                runs["postern"].append(b.cost(p, *more))
                runs["rbldnsd"].append(b.cost(r, *more))
            found[kind] = {who: middle(all_runs) for who, all_runs in runs.items()}
            found[kind]["ratio"] = round(statistics.median(
                x["all"] / y["all"] for x, y in zip(runs["postern"], runs["rbldnsd"], strict=True)), 3)
    return found


def workers(b):
    """Two workers against one, where there are cores for them and for the generator."""
    zone = f"{ZONE}:ip4trie:{b.path('list')}"
    found = {"cores": len(b.cores)}
    if len(b.cores) < 4:
        return found
    for n in (1, 2):
        with b.postern(zone, workers=n) as p:
            p.wait(f"{reverse(b.found[0])}.{ZONE}")
            found[str(n)] = middle([{"qps": b.cost(p, "-c", "20", "-T", "2", "-q", "1000")["qps"]}
                                    for _ in range(ROUNDS)])["qps"]
    return found


def visible(b, server, name, began):
    packet = question(name)
    while not good(ask(server.port, packet, 5)):
        if time.monotonic() > began + PATIENCE:
            raise DnsError("the new list is not served")
        time.sleep(0.02)
    return time.monotonic() - began


def replacing(b):
    """The slowest answer of a quiet client, idle and while 5 M entries are replaced."""
    found = {}
    old, new = b.path("replaced.1"), b.path("replaced.2")
    first, second = write_list(old, REPLACED, SEED + 1), write_list(new, REPLACED, SEED + 2)
    only = next(y for x, y in zip(first, second, strict=True) if x != y)
    gentle = ("-c", "1", "-q", "20", "-Q", str(GENTLE))
    for who in ("postern", "rbldnsd"):
        path = b.path("replaced")
        shutil.copy(old, path)
        zone = f"{ZONE}:ip4trie:{path}"
        with (b.postern if who == "postern" else b.rbldnsd)(zone, core=b.core) as s:
            s.wait(f"{reverse(first[0])}.{ZONE}")
            rounds = []
            for _ in range(ROUNDS):
                _, idle = b.dnsperf(s.port, 6, *gentle)
                shutil.copy(new, path + ".new")
                began = time.monotonic()
                load = subprocess.Popen([sys.executable, os.path.abspath(__file__), "--measure", b.build,
                                         b.folder, str(s.port), "8"], stdout=subprocess.PIPE, text=True)
                time.sleep(1)
                os.rename(path + ".new", path)
                if who == "rbldnsd":
                    s.process.send_signal(signal.SIGHUP)
                took = visible(b, s, f"{reverse(only)}.{ZONE}", began + 1)
                busy = json.loads(load.communicate(timeout=PATIENCE)[0])["slowest"]
                rounds.append({"idle_ms": idle * 1000, "busy_ms": busy * 1000, "visible_s": took})
                shutil.copy(old, path + ".new")
                os.rename(path + ".new", path)
                if who == "rbldnsd":
                    s.process.send_signal(signal.SIGHUP)
                visible(b, s, f"{reverse(first[0])}.{ZONE}", time.monotonic())
                time.sleep(4)
            found[who] = middle(rounds)
    return found


def own(b):
    """Our own image of 10 M listings: from a restart to the first answer."""
    found = {}
    plain = b.path("own.txt")
    listed = write_list(plain, OWN, SEED + 3, head="")
    r = subprocess.run([os.path.join(b.build, "postern-list"), "import", "--config", os.devnull, "--state",
                        b.path("own"), "--as", ZONE, plain], capture_output=True, text=True, timeout=PATIENCE,
                       check=False)
    image = os.path.join(b.path("own"), "zones", ZONE, "image")
    if not os.path.exists(image):
        raise DnsError("postern list import: " + (r.stderr.strip() or r.stdout.strip()).splitlines()[-1])
    first = f"{reverse(listed[0])}.{ZONE}"
    restarts = []
    for _ in range(RESTARTS):
        with b.postern(ZONE, state="own") as s:
            restarts.append(s.wait(first) * 1000)
    found["restart_ms"] = round(statistics.median(restarts), 1)
    return found


def rss(pid):
    """All memory that it has mapped and touched, and what of it is no file's; kB."""
    with open(f"/proc/{pid}/smaps_rollup") as f:
        kb = {line.split(":")[0]: int(line.split()[1]) for line in f.read().splitlines()[1:]}
    return kb["Rss"], kb["Anonymous"]


def files(b):
    """The same of rbldnsd's files, which the first start has compiled and kept."""
    path, folder = b.path("files.txt"), os.path.join(b.path("files"), "dns/cache")
    listed = write_list(path, OWN, SEED + 3)
    zone, first = f"{ZONE}:ip4trie:{path}", f"{reverse(listed[0])}.{ZONE}"
    with b.postern(zone, state="files") as s:
        compiled = s.wait(first)
        until = time.monotonic() + PATIENCE
        while not os.path.isdir(folder) or not [n for n in os.listdir(folder) if len(n) == 16]:
            if time.monotonic() > until:
                raise DnsError("the compiled list is not kept")
            time.sleep(0.1)
    restarts = []
    for _ in range(RESTARTS):
        with b.postern(zone, state="files") as s:
            restarts.append(s.wait(first) * 1000)
            time.sleep(1)
            memory, own_memory = rss(s.process.pid)
    os.unlink(path)
    return {"compiled_s": round(compiled, 2), "restart_ms": round(statistics.median(restarts), 1),
            "slowest_ms": round(max(restarts), 1), "rss_kb": memory, "anonymous_kb": own_memory}


def change(b):
    """From the acknowledgement of a change (fdatasync) to the answer that has it."""
    write = os.path.join(b.build, "tests/zonewrite")
    folder = os.path.join(b.path("small"), "zones", ZONE)
    os.makedirs(folder, exist_ok=True)
    subprocess.run([write, "new", folder, ZONE, "1000", "1"], check=True, stdout=subprocess.DEVNULL)
    waits = []
    with b.postern(ZONE, state="small") as s, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as c:
        s.wait(ZONE, 6)
        c.connect(("127.0.0.1", s.port))
        packet = question(ZONE, 6)
        for i in range(CHANGES):
            r = subprocess.run([write, "change", folder, "1", str(i), "0"], check=True, stdout=subprocess.PIPE)
            began, want = time.monotonic(), int(r.stdout)
            while True:
                c.send(packet)
                got = c.recv(4096)
                # The SOA's serial: twenty octets before the end of its data, which end the answer.
                if struct.unpack("!I", got[-20:-16])[0] == want:
                    break
                if time.monotonic() > began + PATIENCE:
                    raise DnsError("a change is not served")
            waits.append((time.monotonic() - began) * 1000)
    return {"middle_ms": round(statistics.median(waits), 3), "slowest_ms": round(max(waits), 3)}


PARTS = (("queries", queries), ("workers", workers), ("replacing", replacing), ("own", own), ("files", files),
         ("change", change))


def missing(build):
    found = [f"no {tool} here" for tool in ("rbldnsd", "dnsperf", "taskset") if not shutil.which(tool)]
    return found + [f"no {build}/{name}: build it first" for name in ("postern-dns", "postern-list", "tests/zonewrite")
                    if not os.access(os.path.join(build, name), os.X_OK)]


def measure_all(build, limit, parts=()):
    if lacking := missing(build):
        raise DnsError("; ".join(lacking))
    results = {"failed": []}
    with tempfile.TemporaryDirectory(prefix="postern-bench-") as folder:
        os.chmod(folder, 0o755)
        b = Bench(os.path.abspath(build), folder, limit)
        b.found = write_list(b.path("list"), LISTED, SEED)
        write_questions(b.path("questions"), b.found)
        for name, part in PARTS:
            if parts and name not in parts:
                continue
            if time.monotonic() > b.until:
                results["failed"].append(f"{name}: no time left")
                continue
            say(f"dns: {name}")
            try:
                results[name] = part(b)
            except (DnsError, OSError, subprocess.SubprocessError) as e:
                results["failed"].append(f"{name}: {e}")
    return results


def main():
    if len(sys.argv) == 6 and sys.argv[1] == "--measure":
        b = Bench(sys.argv[2], sys.argv[3], PATIENCE)
        _, slowest = b.dnsperf(int(sys.argv[4]), int(sys.argv[5]), "-c", "1", "-q", "20", "-Q", str(GENTLE))
        print(json.dumps({"slowest": slowest}))
        return 0
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 64
    print(json.dumps(measure_all(sys.argv[1], 600, sys.argv[2:]), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
