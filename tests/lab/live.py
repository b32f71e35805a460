# SPDX-License-Identifier: GPL-3.0-or-later
"""One case running: its network, name server and servers, and a way to run commands as the tester.

    with live.Live(case, roots, folder) as it:
        it.run_as_tester(["postern", "test", it.target])
"""

import json
import os
import subprocess
import sys
import time

import dns
import net
import servers

HERE = os.path.dirname(os.path.abspath(__file__))
START_LIMIT = 45        # seconds until every server listens


class LiveError(Exception):
    """A case did not come up; the text says which node and what its log says."""


class Live:
    def __init__(self, case, roots, folder):
        self.case, self.roots, self.folder = case, roots, folder
        self.processes = {}
        self.net = None
        self.addresses = {}
        self.modules = servers.load_all()

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def target(self):
        return self.case.target

    @property
    def target_address(self):
        name = self.case.target.removesuffix("." + dns.TARGET_DOMAIN)
        return self.addresses.get(name, self.addresses[self.case.mx[0]])[0]

    def _start(self):
        case = self.case
        os.makedirs(self.folder, exist_ok=True)
        self.net = net.Net(os.path.join(self.folder, "ns"), case.inside)
        self.net.add_node("tester", ["tester"], 10)
        self.net.add_node("nmap", ["tester"], 11)
        gateway = any(len(n.nets) > 1 for n in case.nodes)
        public = {}
        for n in case.nodes:
            found = self.net.add_node(n.name, n.nets, n.host, gateway)
            v4, v6 = found[n.nets[0]]
            self.addresses[n.name] = [a for a, f in ((v4, 4), (v6, 6)) if f in n.families]
            if n.nets[0] != "inside":
                public[n.name] = self.addresses[n.name]
            if "nft" in n:
                self.net.nft(n.name, n["nft"])
        self._resolver_files()
        self._container("dns", "hub", "base", dns.files(public, case.mx, case.zone), dns.START,
                        "ns.lab")
        for n in case.nodes:
            if n.server:
                files, start = self.modules[n.server].build(n)
                files = {**files, **n.get("files", {})}
                self._container(n.name, n.name, n.server, files, n.get("before", "") + start, n.fqdn)
        self._wait_ready()
        for name in case.strangers:
            raw = [sys.executable, os.path.join(HERE, "rawsmtp.py"), self.target_address, "25",
                   f"EHLO {name}", "QUIT"]
            self.run_as_tester(raw, who="nmap", stdout=subprocess.DEVNULL)

    def _resolver_files(self):
        self.tester_etc = os.path.join(self.folder, "tester")
        os.makedirs(self.tester_etc)
        with open(os.path.join(self.tester_etc, "resolv.conf"), "w") as f:
            f.write(f"nameserver {net.HUB_DNS}\n")
        with open(os.path.join(self.tester_etc, "hosts"), "w") as f:
            f.write("127.0.0.1 localhost\n::1 localhost\n")

    def _container(self, name, ns, root, files, start, fqdn):
        base = os.path.join(self.folder, name)
        short = fqdn.split(".")[0]
        addresses = self.addresses.get(name, [])
        everything = {
            "/etc/resolv.conf": f"nameserver {net.HUB_DNS}\n",
            "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n"
                          + "".join(f"{a} {fqdn} {short}\n" for a in addresses),
            "/etc/hostname": fqdn + "\n",
            "/etc/mailname": dns.TARGET_DOMAIN + "\n",
            **files, "/lab/start": start,
        }
        placed = {path: list(text) if isinstance(text, tuple | list) else [text, None]
                  for path, text in everything.items()}
        os.makedirs(base)
        spec = {"name": name, "netns": self.net.path(ns), "hostname": fqdn,
                "files": placed,
                "lower": self.roots.lowerdirs(root), "upper": os.path.join(base, "upper"),
                "work": os.path.join(base, "work"), "root": os.path.join(base, "root"),
                "log": os.path.join(self.folder, f"{name}.log"), "bind": {}}
        if self.roots.on_host(root):
            spec["bind"] = {"/lab/build": self.roots.programs, "/lab/tests": os.path.dirname(HERE)}
        with open(os.path.join(base, "spec.json"), "w") as f:
            json.dump(spec, f)
        self.processes[name] = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "container.py"), os.path.join(base, "spec.json")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)

    def _wait_ready(self):
        """Waits until each node listens where it should: sockets are looked at, never connected to."""
        waiting = [("dns", "53")]
        for n in self.case.nodes:
            if n.server:
                waiting += [(n.name, str(p)) for p in n.get("ready", [25])]
        end = time.monotonic() + START_LIMIT
        while waiting:
            name, port = waiting[0]
            process = self.processes[name]
            if process.poll() is not None or "lab: /lab/start ended" in self.log(name):
                raise LiveError(f"{name} ended while starting: {self.log_tail(name)}")
            if net.listening(process.pid, int(port)):
                waiting.pop(0)
                continue
            if time.monotonic() > end:
                raise LiveError(f"{name} does not listen on port {port} after {START_LIMIT} s: "
                                f"{self.log_tail(name)}")
            time.sleep(0.05)

    def log(self, name):
        try:
            with open(os.path.join(self.folder, f"{name}.log"), errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def files_below(self, name, folder):
        """The text of all files that the server has written there."""
        found = []
        for at, _, names in os.walk(os.path.join(self.folder, name, "upper") + folder):
            for n in names:
                with open(os.path.join(at, n), errors="replace") as f:
                    found.append(f.read())
        return "\n".join(found)

    def log_tail(self, name, count=4):
        return " / ".join(self.log(name).strip().splitlines()[-count:])

    def command(self, command, who="tester"):
        """The command line that runs `command` in a tester's namespaces."""
        etc = self.tester_etc
        # Laid over /etc rather than bound to its files, which may be links, or not be there at all.
        inner = (f"mount -t overlay -o lowerdir={etc}:/etc overlay /etc && exec \"$@\"")
        return ["nsenter", f"--net={self.net.path(who)}", "unshare", "--mount",
                "--propagation", "unchanged", "sh", "-c", inner, "sh", *command]

    def environment(self):
        return {**os.environ, "LAB_TARGET": self.target, "LAB_TARGET_ADDR": self.target_address,
                "LAB_TESTER_ADDR": net.TESTER[0], "LAB_TESTER_ADDR6": net.TESTER[1],
                "LAB_PROBE_DOMAIN": dns.PROBE_DOMAIN, "LAB_CASE": self.case.id,
                "LAB_FOLDER": self.folder}

    def run_as_tester(self, command, who="tester", **more):
        return subprocess.run(self.command(command, who), env=self.environment(), check=False, **more)

    def start_as_tester(self, command, who="tester", **more):
        return subprocess.Popen(self.command(command, who), env=self.environment(), **more)

    def run_inside(self, name, command, **more):
        """Runs a command in a server's own root and namespaces."""
        outer = self.processes[name].pid
        with open(f"/proc/{outer}/task/{outer}/children") as f:
            init = f.read().split()[0]
        return subprocess.run(["nsenter", "-t", init, "-m", "-u", "-i", "-n", "-p", "-r", "-w",
                               *command], check=False, **more)

    def close(self):
        for p in self.processes.values():
            if p.poll() is None:
                p.terminate()
        for p in self.processes.values():
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        self.processes = {}
        if self.net:
            self.net.close()
            self.net = None

