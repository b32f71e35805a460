# SPDX-License-Identifier: GPL-3.0-or-later
"""One running root in which a server gets one configuration after the other.

A root per configuration would cost more than the tests themselves. Between two configurations every
process but the root's own init is killed, and the folders that a configuration writes to are put
back as they were installed. So what the auditor reads and what the server has read are the same
files, below the very root that the server runs in.
"""

import contextlib
import ipaddress
import json
import os
import subprocess
import time

import cases
import dns
import live
import net

START_LIMIT = 40
CLIENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8",
          "LAB_NODE": "mx"}

# Folders and files that a configuration changes, and a command that empties the queue, which the next
# one must not inherit.
ACCOUNTS = ["/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow", "/etc/subuid", "/etc/subgid"]
CHANGED = {
    "postfix": (["/etc/postfix", "/etc/aliases", "/etc/aliases.db"],
                "cd /var/spool/postfix && find active deferred incoming maildrop defer bounce "
                "-type f -delete"),
    "exim": (["/etc/exim4", "/var/lib/exim4"], "rm -rf /var/spool/exim4/*"),
    "sendmail": (["/etc/mail", "/etc/aliases", "/etc/aliases.db"], "rm -rf /var/spool/mqueue/*"),
    "opensmtpd": (["/etc/smtpd.conf", "/etc/smtpd", "/etc/aliases"],
                  "[ ! -e /var/spool/smtpd ] || find /var/spool/smtpd -type f -delete"),
    "courier": (["/etc/courier", *ACCOUNTS],
                "cd /var/lib/courier && find msgs msgq tmp -type f -delete"),
    "haraka": (["/srv/haraka"], "true"),
}


class Carrier:
    """What live.Live wants to know of a case, for a root that nobody configures at its start."""

    def __init__(self, name, server, zone):
        self.id = name
        self.server = server
        node = {"server": server, "families": [4, 6], "ready": []}
        self.nodes = [cases.Node("mx", node, 0)]
        self.mx, self.target = ["mx"], f"mx.{dns.TARGET_DOMAIN}"
        self.zone, self.inside, self.strangers = zone, "192.168.25.{}", []
        self.args, self.wait, self.timeout = [], 3, 120


class Idle:
    """In place of a server's module: keeps its folders as they are, and waits."""

    def __init__(self, server):
        self.paths = CHANGED[server][0]

    def build(self, _):
        keep = "".join(f"[ ! -e {p} ] || cp -a --parents {p} /lab/kept\n" for p in self.paths)
        return {}, f"set -e\nmkdir -p /lab/kept\n{keep}touch /run/kept\nexec sleep infinity\n"


class Ground(live.Live):
    """A carrier case that runs; configure() as often as one likes."""

    def __init__(self, name, server, zone, roots, folder):
        super().__init__(Carrier(name, server, zone), roots, folder)
        self.server, self.module = server, self.modules[server]
        self.modules = {**self.modules, server: Idle(server)}
        self.zone_serial, self.names, self.strangers = 1, {}, set()
        self.running = None

    def __enter__(self):
        super().__enter__()
        end = time.monotonic() + START_LIMIT
        while not os.path.exists(f"{self.root}/run/kept"):
            if time.monotonic() > end:
                raise live.LiveError(f"{self.server}: {self.log_tail('mx')}")
            time.sleep(0.05)
        return self

    @property
    def init(self):
        outer = self.processes["mx"].pid
        end = time.monotonic() + START_LIMIT
        while time.monotonic() < end:
            with open(f"/proc/{outer}/task/{outer}/children") as f:
                if found := f.read().split():
                    return found[0]
            time.sleep(0.02)
        raise live.LiveError(f"{self.server}: {self.log_tail('mx')}")

    @property
    def root(self):
        """The server's own root, as seen from outside."""
        return f"/proc/{self.init}/root"

    def shell(self, script, **more):
        return self.run_inside("mx", ["env", "-i", *(f"{k}={v}" for k, v in CLIENT.items()),
                                      "sh", "-euc", script], **more)

    def stop(self):
        # All but process 1, which a signal to all does not reach, and the sender itself.
        self.run_inside("mx", ["sh", "-c", "kill -9 -1"], capture_output=True)
        if self.running:
            self.running.wait()
            self.running = None
        end = time.monotonic() + START_LIMIT
        while [n for n in os.listdir(f"{self.root}/proc") if n.isdigit()] != ["1"]:
            if time.monotonic() > end:
                raise live.LiveError(f"{self.server}: its processes do not end")
            time.sleep(0.02)

    def configure(self, settings, ports):
        """Stops the server, lays the configuration into the root as installed, starts it."""
        self.stop()
        paths, clean = CHANGED[self.server]
        text = "find /run /tmp -mindepth 1 ! -path /run/lock -delete\n"
        for p in paths:
            text += f"rm -rf {p}; [ ! -e /lab/kept{p} ] || cp -a /lab/kept{p} {p}\n"
        text += "find /lab -mindepth 1 -maxdepth 1 ! -name kept -exec rm -rf {} +\n" + clean
        r = self.shell(text, capture_output=True, text=True)
        if r.returncode != 0:
            raise live.LiveError(f"{self.server}: {r.stderr.strip()}")
        node = cases.Node("mx", settings, 0)
        files, start = self.module.build(node)
        for path, text in {**files, **settings.get("files", {})}.items():
            if not path.startswith(("/lab/", "/etc/mailname", *paths)):
                raise live.LiveError(f"{path} would stay for the next configuration")
            self._write(path, text)
        self._write("/lab/start", settings.get("before", "") + start)
        log = open(os.path.join(self.folder, "start.log"), "w")
        with log:
            self.running = subprocess.Popen(
                ["nsenter", "-t", self.init, "-m", "-u", "-i", "-n", "-p", "-r", "-w", "env", "-i",
                 *(f"{k}={v}" for k, v in CLIENT.items()), "sh", "/lab/start"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        self._wait(ports)

    def _write(self, path, text):
        text, mode = text if isinstance(text, tuple | list) else (text, None)
        full = self.root + path
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w") as f:
            f.write(text)
        if mode is not None:
            os.chmod(full, mode)

    def _wait(self, ports):
        end = time.monotonic() + START_LIMIT
        for port in ports:
            while not net.listening(self.processes["mx"].pid, port):
                failed = self.running.poll() not in (None, 0)
                if failed or time.monotonic() > end:
                    with open(os.path.join(self.folder, "start.log"), errors="replace") as f:
                        said = " / ".join(f.read().strip().splitlines()[-4:])
                    raise live.LiveError(f"{self.server} does not listen on port {port}: "
                                         f"{said or self.log_tail('mx')}")
                time.sleep(0.05)
        time.sleep(0.1)

    # --- who asks --------------------------------------------------------------------------------

    def stranger(self, address, ptr=None):
        """Gives the tester one more address, anywhere, and perhaps a name that leads back to it."""
        ip = ipaddress.ip_address(address)
        family = ["-6"] if ip.version == 6 else []
        size = 128 if ip.version == 6 else 32
        if address not in self.strangers and address not in (*net.TESTER, *net.NMAP):
            more = ["nodad"] if ip.version == 6 else []
            self.net.run("tester", ["ip", *family, "addr", "add", f"{address}/{size}", "dev",
                                    "tester", *more])
            self.net.run("hub", ["ip", *family, "route", "add", f"{address}/{size}", "dev",
                                 "tester"])
            # A neighbour of the server: the hub answers for it on the server's link.
            neigh = ["neigh", "add", "proxy", address, "dev", "public"]
            self.net.run("hub", ["ip", *family, *neigh])
            if ip.version == 6:
                self.net.run("hub", ["sh", "-c",
                                     "echo 1 > /proc/sys/net/ipv6/conf/public/proxy_ndp"])
        self.strangers.add(address)
        if ptr and self.names.get(address) != ptr:
            self.names[address] = ptr
            self._renew_zone()

    def _renew_zone(self):
        self.zone_serial += 1
        rows = ""
        for address, name in self.names.items():
            kind = "AAAA" if ":" in address else "A"
            rows += (f"{ipaddress.ip_address(address).reverse_pointer}. PTR {name}.\n"
                     f"{name}. {kind} {address}\n")
        text = dns.zone({"mx": self.addresses["mx"]}, ["mx"], self.case.zone + rows)
        drop = {f"{ipaddress.ip_address(a).reverse_pointer}. PTR" for a in self.names}
        text = "\n".join(l for l in text.splitlines()
                         if not any(l.startswith(d) for d in drop) or l in rows) + "\n"
        text = text.replace("hostmaster.lab. 1 ", f"hostmaster.lab. {self.zone_serial} ")
        r = self.run_inside("dns", ["sh", "-c", "cat > /lab/root.zone && "
                                    "knotc -b -c /lab/knot.conf zone-reload ."],
                            input=text, text=True, capture_output=True)
        if r.returncode != 0:
            raise live.LiveError(f"dns: {r.stdout}{r.stderr}")

    def forget(self):
        """Takes names away again; addresses may stay."""
        if self.names:
            self.names = {}
            self._renew_zone()

    # --- the auditor -----------------------------------------------------------------------------

    def audit(self, postern, paths, more, save):
        """(exit code, JSON lines, error text, seconds) of postern audit on this root's files."""
        facts = ["--host-name", self.case.nodes[0].fqdn]
        for address in self.addresses["mx"]:
            facts += ["--interface", f"{address}/{64 if ':' in address else 24}"]
        started = time.monotonic()
        r = subprocess.run([postern, "audit", "--json", "--root", self.root, *facts, *more, *paths],
                           capture_output=True, text=True, errors="replace", timeout=60, check=False)
        seconds = time.monotonic() - started
        with open(save, "w") as f:
            f.write(r.stdout)
        lines = []
        for row in r.stdout.splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                lines.append(json.loads(row))
        return r.returncode, lines, r.stderr.strip(), seconds
