# SPDX-License-Identifier: GPL-3.0-or-later
"""postern gate beside HAProxy in TCP mode and Postfix's smtpd_proxy_filter, in one run.

All of them stand between Postfix's smtp-source and smtp-sink, in a network namespace that has only lo;
Postfix and HAProxy come from the lab's roots. The runs of the paths alternate, and the middle one of
ROUNDS counts. What a session costs is the growth of the gate's PSS between a small and a large crowd
(crowd.c) that holds its sessions. smtp-sink knows neither PROXY nor XCLIENT's ADDR, so the gate
connects from the client's address (transparent).

    tests/bench/gate.py PLAN.json      inside a wall of its own; called by measure_all()"""

import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "tests/lab"))
sys.dont_write_bytecode = True

import kernel  # noqa: E402
import roots  # noqa: E402
import servers  # noqa: E402

ROOTS = ("postfix", "haproxy")     # Postfix needs its users: its layer is the upper one
SINK, HAPROXY, POSTFIX, GATE = 2525, 2600, 2601, 2610
SESSIONS, OCTETS, ROUNDS = 50, 4096, 3
PER_CONNECTION, REUSED = 5000, 20000    # messages of one run
TARPITTED, GOOD_RATE = 100000, 1000     # clients held, and messages a second that pass meanwhile
FILES_WANTED = 260000    # descriptors of a process; where they can't be had, there are more workers
FILES_SPARE = 1500
LIMIT = 120     # seconds for one run
DOMAIN = "test.example"
LATENCY_ROUNDS, LATENCY_BLOCK = 20, 50


class GateError(Exception):
    """It could not be measured; the text says why."""


# --- outside of the wall ---------------------------------------------------------------------------

def build_crowd(build):
    program = os.path.join(build, "bench-crowd")
    sources = [os.path.join(HERE, "crowd.c"), *(os.path.join(TOP, "src/base", n)
                                                for n in ("num.c", "span.c"))]
    r = subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-I",
                        os.path.join(TOP, "src"), "-o", program, *sources, "-lssl", "-lcrypto"],
                       capture_output=True, text=True, check=False)
    if r.returncode != 0:
        raise GateError(f"the crowd does not compile: {r.stderr.strip().splitlines()[-1]}")


def measure_all(build, limit, crowd=TARPITTED, parts=()):
    """Everything, by a copy of this script that may name, mount and kill what it likes."""
    if not os.path.exists(os.path.join(build, "postern-gate")):
        raise GateError(f"no {build}/postern-gate")
    build_crowd(build)
    cache = roots.Roots(roots.default_cache(), servers.load_all())
    try:
        for name in ("base", *ROOTS):
            cache.ensure(name)
    except (roots.RootError, OSError, subprocess.SubprocessError) as e:
        raise GateError(str(e)) from e
    lower = [cache.lowerdirs(n)[0] for n in ROOTS] + [cache.lowerdirs("base")[0]]
    plan = {"build": os.path.abspath(build), "lower": lower, "crowd": crowd, "parts": list(parts),
            "answer": os.path.abspath(os.path.join(build, "bench-gate.json"))}
    if os.path.exists(plan["answer"]):
        os.unlink(plan["answer"])
    plan_file = os.path.join(build, "bench-gate.plan")
    with open(plan_file, "w") as f:
        json.dump(plan, f)
    r = subprocess.run(["/usr/bin/python3", os.path.abspath(__file__), plan_file], text=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=limit, check=False)
    if not os.path.exists(plan["answer"]):
        raise GateError((r.stdout.strip() or "no answer").splitlines()[-1])
    with open(plan["answer"]) as f:
        return json.load(f)


# --- inside ----------------------------------------------------------------------------------------

def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


class Place:
    """The root with Postfix and HAProxy, and what runs in it and beside it."""

    def __init__(self, plan, folder):
        self.plan, self.folder = plan, folder
        self.root = os.path.join(folder, "root")
        self.started = []
        upper, work = os.path.join(folder, "upper"), os.path.join(folder, "work")
        for d in (self.root, upper, work):
            os.mkdir(d)
        kernel.mount("overlay", self.root, "overlay",
                     options=f"lowerdir={':'.join(plan['lower'])},upperdir={upper},workdir={work}")
        kernel.mount("proc", f"{self.root}/proc", "proc")
        kernel.mount("/dev", f"{self.root}/dev", flags=kernel.MS_BIND | kernel.MS_REC)

    def chroot(self, command, **more):
        return subprocess.run(["chroot", self.root, *command], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False, **more)

    def start(self, command, port, inside=True, **more):
        log = open(os.path.join(self.folder, f"log-{port}"), "ab")
        p = subprocess.Popen([*(["chroot", self.root] if inside else []), *command],
                             stdin=subprocess.DEVNULL, stdout=log, stderr=log, **more)
        self.started.append(p)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return p
            except OSError:
                time.sleep(0.05)
                if p.poll():    # "postfix start" ends with 0 and leaves its daemons
                    break
        raise GateError(f"{command[0]} does not listen on {port}: {self.tail(port)}")

    def tail(self, port):
        with open(os.path.join(self.folder, f"log-{port}"), errors="replace") as f:
            return " / ".join(f.read().strip().splitlines()[-3:])

    def gate(self, port, *options, core=None):
        command = [*(["taskset", "-c", str(core)] if core is not None else []),
                   os.path.join(self.plan["build"], "postern-gate"), "--config", os.devnull, "--name",
                   "gate.test.example", "--domains", DOMAIN, "--listen-mx", f"127.0.0.1:{port}",
                   "--backend", f"127.0.0.1:{SINK} transparent", "--no-backend-test",
                   "--state", os.path.join(self.folder, "state"),
                   "--no-client-names",     # no DNS server is there, and none of the others asks
                   "--sessions-per-host", "200000", "--sessions-max", "200000", *options]
        return self.start(command, port, inside=False)

    def stop(self, p):
        p.kill()
        p.wait()
        self.started.remove(p)


def start_sink(place):
    place.start(["/usr/sbin/smtp-sink", "-u", "nobody", "-m", "2000", f"127.0.0.1:{SINK}", "1000"], SINK)


def start_haproxy(place):
    config = servers.load_all()["haproxy"].config([(f"127.0.0.1:{HAPROXY}", f"127.0.0.1:{SINK}", "")])
    with open(f"{place.root}/etc/haproxy/bench.cfg", "w") as f:
        f.write(config)
    return place.start(["/usr/sbin/haproxy", "-db", "-f", "/etc/haproxy/bench.cfg"], HAPROXY)


def start_postfix(place):
    """Postfix with the sink as its smtpd_proxy_filter: the nearest that is shipped."""
    main = ["myhostname=postfix.test.example", f"mydestination={DOMAIN}", "inet_interfaces=127.0.0.1",
            "inet_protocols=ipv4", "local_recipient_maps=", "smtpd_client_connection_count_limit=0",
            "default_process_limit=120", "maillog_file=/var/log/bench.log", "smtpd_peername_lookup=no",
            "smtputf8_enable=no"]
    entry = f"{POSTFIX}/inet={POSTFIX} inet n - n - 120 smtpd -o smtpd_proxy_filter=127.0.0.1:{SINK}"
    for command in (["postconf", "-e", *main], ["postconf", "-M", entry], ["postconf", "-MX", "smtp/inet"],
                    ["newaliases"], ["chown", "root:root", "/var/spool/postfix"],
                    ["/usr/lib/postfix/configure-instance.sh", "-"]):
        place.chroot(command)
    place.start(["postfix", "start"], POSTFIX)


def rate(place, port, count, reuse):
    """Messages a second by smtp-source; 0 when it fails."""
    command = ["/usr/sbin/smtp-source", *(["-d"] if reuse else []), "-s", str(SESSIONS), "-m", str(count),
               "-l", str(OCTETS), "-f", "a@client.example", "-t", f"user@{DOMAIN}",
               f"inet:127.0.0.1:{port}"]
    started = time.monotonic()
    try:
        r = place.chroot(command, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        raise GateError(f"smtp-source to port {port}: no end in {LIMIT} s") from None
    took = time.monotonic() - started
    if r.returncode != 0:
        raise GateError(f"smtp-source to port {port}: {(r.stderr.strip() or '?').splitlines()[-1]}")
    return count / took


def cpu_seconds(pid):
    """Of the process and its children, so far."""
    total = 0
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        pids = [pid, *map(int, f.read().split())]
    for p in pids:
        with open(f"/proc/{p}/stat") as f:
            total += sum(map(int, f.read().rpartition(")")[2].split()[11:13]))
    return total / os.sysconf("SC_CLK_TCK")


def middle(values):
    return sorted(values)[len(values) // 2]


def throughput(place, paths, pids):
    """path -> {"reused", "each"}: messages a second; with "_cpu_us" behind: CPU a message of the program
    in the middle, which says more on a busy machine."""
    found = {name: {"reused": [], "each": []} for name in paths}
    for name in pids:
        found[name] |= {"reused_cpu_us": [], "each_cpu_us": []}
    for n in range(ROUNDS + 1):     # the first round warms everything up
        for name, port in paths.items():
            say(f"throughput, round {n}, {name}")
            for kind, count in (("reused", REUSED), ("each", PER_CONNECTION)):
                count = count // (10 if n == 0 else 4 if name == "postfix" else 1)
                before = cpu_seconds(pids[name]) if name in pids else 0
                got = rate(place, port, count, kind == "reused")
                if n:
                    found[name][kind].append(got)
                if n and name in pids:
                    found[name][kind + "_cpu_us"].append((cpu_seconds(pids[name]) - before) / count * 1e6)
    return {name: {k: round(middle(v)) for k, v in kinds.items()} for name, kinds in found.items()}


class Session:
    """Transactions one after another on one connection, each timed."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), 20)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.message = b"Subject: latency\r\n\r\n" + (b"x" * 70 + b"\r\n") * (OCTETS // 72) + b".\r\n"
        self.reply()
        self.say(b"EHLO client.example\r\n")

    def reply(self):
        got = b""
        while not re.search(rb"(?m)^\d{3} .*\r\n\Z", got):
            more = self.sock.recv(4096)
            if not more:
                raise GateError("a session ended while latency was measured")
            got += more
        if got[:1] not in b"23":
            raise GateError(f"latency: {got.decode('latin-1').strip()}")

    def say(self, octets):
        self.sock.sendall(octets)
        self.reply()

    def transaction(self):
        started = time.perf_counter()
        self.say(b"MAIL FROM:<a@client.example>\r\n")
        self.say(b"RCPT TO:<user@" + DOMAIN.encode() + b">\r\n")
        self.say(b"DATA\r\n")
        self.say(self.message)
        return time.perf_counter() - started


def latency(paths):
    """path -> median milliseconds of a whole transaction."""
    say("latency")
    sessions = {name: Session(port) for name, port in paths.items()}
    found = {name: [] for name in paths}
    for _ in range(LATENCY_ROUNDS):
        for name, s in sessions.items():
            found[name] += [s.transaction() for _ in range(LATENCY_BLOCK)]
    return {name: round(1000 * middle(v), 3) for name, v in found.items()}


def pss_kib(pid):
    """User-space memory: of the process and its children, shared pages by their share."""
    total = 0
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        pids = [pid, *map(int, f.read().split())]
    for p in pids:
        with open(f"/proc/{p}/smaps_rollup") as f:
            total += int(re.search(r"^Pss:\s+(\d+)", f.read(), re.M)[1])
    return total


class Crowd:
    def __init__(self, plan, port, count, lines, *options, first=0, core=None):
        command = [os.path.join(plan["build"], "bench-crowd"), str(port), str(count), "--first",
                   str(first), *options, *lines]
        if core is not None:
            command = ["taskset", "-c", str(core), *command]
        self.count = count
        self.p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ready(self, limit=LIMIT):
        signal.signal(signal.SIGALRM, lambda *_: self.p.kill())
        signal.alarm(limit)
        line = self.p.stdout.readline()
        signal.alarm(0)
        if line != "ready\n":
            raise GateError(f"a crowd of {self.count} did not come to stand in {limit} s")

    def leave(self):
        self.p.stdin.close()
        told = json.loads(self.p.stdout.readline())
        self.p.wait(20)
        return told


MAIL, RCPT = "MAIL FROM:<a@client.example>", f"RCPT TO:<user@{DOMAIN}>"
FOREIGN = "RCPT TO:<victim@stranger.example>"
# What the crowd says, and what it stands for. A tarpitted client is one that keeps trying to relay.
CROWDS = {
    "idle": (15000, [], ["EHLO client.example"]),
    "tarpitted": (15000, ["--again", "--busy"], ["EHLO client.example", MAIL, *[FOREIGN] * 3]),
    "active": (1500, [], ["EHLO client.example", MAIL, RCPT]),
    "tls": (4000, ["--tls", "starttls"], ["EHLO client.example", "STARTTLS", "EHLO client.example"]),
    "tls active": (1500, ["--tls", "starttls"], ["EHLO client.example", "STARTTLS",
                                                 "EHLO client.example", MAIL, RCPT]),
}
FEW = 200


def memory(place, cert):
    """kind -> octets of the gate's memory that a session costs."""
    found = {}
    for kind, (count, options, lines) in CROWDS.items():
        say(f"memory, {count} sessions, {kind}")
        gate = place.gate(GATE + 5, "--cert", cert, "--tarpit", "--tarpit-max", "200000",
                          "--backend-max", "5000", "--backend-idle", "5m")
        levels = []
        for n in (FEW, count):
            crowd = Crowd(place.plan, GATE + 5, n, lines, *options)
            crowd.ready()
            time.sleep(0.5)
            levels.append(pss_kib(gate.pid))
            told = crowd.leave()
            if told["ended"] > n // 100:
                raise GateError(f"memory, {kind}: {told['ended']} of {n} sessions were ended")
        found[kind] = round(1024 * (levels[1] - levels[0]) / (count - FEW))
        place.stop(gate)
    return found


def good_mail(place, seconds, core):
    """Rate of good mail on 50 sessions for so long, and the number of messages."""
    started, sent = time.monotonic(), 0
    while time.monotonic() - started < seconds:
        r = place.chroot(["taskset", "-c", str(core), "/usr/sbin/smtp-source", "-d", "-s", str(SESSIONS),
                          "-m", "5000", "-l", str(OCTETS), "-f", "a@client.example", "-t",
                          f"user@{DOMAIN}", f"inet:127.0.0.1:{GATE + 6}"], timeout=LIMIT)
        if r.returncode != 0:
            raise GateError(f"good mail: {r.stderr.strip()}")
        sent += 5000
    return sent / (time.monotonic() - started)


def teergrube(place, count):
    """A crowd of tarpitted clients on one core, and good mail beside it."""
    say(f"teergrube, {count} clients")
    cores = sorted(os.sched_getaffinity(0))
    room = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - FILES_SPARE
    parts = -(-count // room)
    gate = place.gate(GATE + 6, "--tarpit", "--tarpit-max", str(count + 1000),
                      "--sessions-max", str(count + 2000), "--workers", str(parts), core=cores[0])
    before = good_mail(place, 2, cores[-1])
    started = time.monotonic()
    crowds = [Crowd(place.plan, GATE + 6, count // parts, CROWDS["tarpitted"][2], "--again", "--busy",
                    first=n * (count // parts), core=cores[-1]) for n in range(parts)]
    for crowd in crowds:
        crowd.ready(180)
    came = time.monotonic() - started
    during = good_mail(place, 5, cores[-1])
    pss = pss_kib(gate.pid)
    told = [crowd.leave() for crowd in crowds]
    place.stop(gate)
    return {"clients": parts * (count // parts), "held": sum(t["standing"] for t in told),
            "ended": sum(t["ended"] for t in told), "seconds_to_come": round(came, 1),
            "pss_mib": round(pss / 1024, 1), "mail_before": round(before), "mail_during": round(during),
            "workers": parts}


def raise_files():
    """As many descriptors as there are to be had."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for limit in (FILES_WANTED, hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, max(limit, hard)))
            return
        except (ValueError, OSError):
            continue


def certificate(folder):
    pem = os.path.join(folder, "gate.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", "/CN=gate.test.example", "-keyout", pem, "-out",
                    pem + ".crt"], check=True, stderr=subprocess.DEVNULL)
    with open(pem, "a") as f, open(pem + ".crt") as g:
        f.write(g.read())
    return pem


def work(plan, folder):
    kernel.unshare(kernel.CLONE_NEWNET)
    for command in ("ip link set lo up", "echo 1024 65000 > /proc/sys/net/ipv4/ip_local_port_range"):
        subprocess.run(["sh", "-c", command], check=True)
    raise_files()
    os.chmod(folder, 0o755)
    place = Place(plan, folder)
    start_sink(place)
    haproxy = start_haproxy(place)
    start_postfix(place)
    pids = {"haproxy": haproxy.pid, "gate": place.gate(GATE).pid}
    paths = {"direct": SINK, "haproxy": HAPROXY, "gate": GATE, "postfix": POSTFIX}
    parts = {"throughput": lambda: throughput(place, paths, pids),
             "latency_ms": lambda: latency({n: p for n, p in paths.items() if n != "postfix"}),
             "memory": lambda: memory(place, certificate(folder)),
             "teergrube": lambda: teergrube(place, plan["crowd"])}
    found = {"failed": []}
    for name in plan["parts"] or parts:
        try:
            found[name] = parts[name]()
        except (GateError, OSError, subprocess.SubprocessError) as e:
            found["failed"].append(f"{name}: {e}")
    with open(plan["answer"], "w") as f:
        json.dump(found, f)
    return 0


def main():
    with open(sys.argv[1]) as f:
        plan = json.load(f)

    def inside(folder):
        try:
            return work(plan, folder)
        except (GateError, OSError, subprocess.SubprocessError) as e:
            print(f"{type(e).__name__}: {e}")
            return 1
    return kernel.behind_wall(inside)


if __name__ == "__main__":
    sys.exit(main())
