# SPDX-License-Identifier: GPL-3.0-or-later
"""The network of one case: an Internet of its own, made of network namespaces.

    tester 203.0.113.10  ┐                                   ┌ mx   198.51.100.25
    nmap   203.0.113.11  ┴── bridge ── hub (router, DNS) ── bridge ── mx2  198.51.100.26
                                        192.0.2.53                    │ (a node may have two nets)
                                                         inside 192.168.25.0/24, fd25::/64

Every case has the same addresses, because no case sees another. The hub has no route beyond these
nets, so nothing can leave. The documentation ranges were chosen since no mail server takes them for
private; the inside net is private on purpose.
"""

import os
import subprocess

import kernel

HUB_DNS = "192.0.2.53"
HUB_DNS6 = "2001:db8:53::53"
NETS = {
    "tester": ("203.0.113.{}", "2001:db8:13::{}"),
    "public": ("198.51.100.{}", "2001:db8:25::{}"),
    "inside": ("192.168.25.{}", "fd25::{}"),
}
TESTER = ("203.0.113.10", "2001:db8:13::10")
NMAP = ("203.0.113.11", "2001:db8:13::11")


class Net:
    """Namespaces below `folder`, which has to lie on a private mount."""

    def __init__(self, folder, inside="192.168.25.{}"):
        self.folder = folder
        self.nets = dict(NETS, inside=(inside, "fd25::{}"))
        os.makedirs(folder, exist_ok=True)
        self._add("hub")
        lines = ["link set lo up", f"addr add {HUB_DNS}/32 dev lo", f"addr add {HUB_DNS6}/128 dev lo nodad"]
        for name in self.nets:
            lines += [f"link add {name} type bridge", f"link set {name} up"]
            if name != "inside":
                v4, v6 = self.nets[name]
                lines += [f"addr add {v4.format(1)}/24 dev {name}",
                          f"addr add {v6.format(1)}/64 dev {name} nodad"]
        self._ip("hub", lines)
        self._forward("hub")

    def path(self, name):
        return os.path.join(self.folder, name)

    def add_node(self, name, nets, host, gateway=None):
        """A namespace with one interface per net, last octet `host`; returns {net: (v4, v6)}.

        The default route goes to the hub, or for a node that is only inside, to its gateway node."""
        self._add(name)
        found = {}
        lines = ["link set lo up"]
        for net in nets:
            last = 1 if net == "inside" and len(nets) > 1 else host
            v4, v6 = (a.format(last) for a in self.nets[net])
            found[net] = (v4, v6)
            port = f"{name}-{net[0]}"
            self._ip("hub", [f"link add {port} type veth peer name {net} netns {self.path(name)}",
                             f"link set {port} master {net}", f"link set {port} up"])
            lines += [f"link set {net} up", f"addr add {v4}/24 dev {net}",
                      f"addr add {v6}/64 dev {net} nodad"]
        first = nets[0]
        if first != "inside" or gateway:
            lines.append(f"route add default via {self.nets[first][0].format(1)}")
        if first != "inside":       # the gateway translates IPv4 only: no way out by IPv6 inside
            lines.append(f"-6 route add default via {self.nets[first][1].format(1)}")
        self._ip(name, lines)
        if len(nets) > 1:
            self._forward(name)
        return found

    def add_address(self, name, net, v4, v6):
        self._ip(name, [f"addr add {v4}/24 dev {net}", f"addr add {v6}/64 dev {net} nodad"])

    def nft(self, name, rules):
        self.run(name, ["nft", "-f", "-"], input=rules)

    def run(self, name, command, **more):
        return subprocess.run(["nsenter", f"--net={self.path(name)}", *command], check=True,
                              text=True, capture_output=True, **more)

    def _add(self, name):
        with open(self.path(name), "w"):
            pass
        subprocess.run(["unshare", f"--net={self.path(name)}", "true"], check=True,
                       capture_output=True)

    def _ip(self, name, lines):
        # "ip -batch" takes the -6 of a line only on the command line, so the families go apart.
        for family, rows in (("-4", [l for l in lines if not l.startswith("-6 ")]),
                             ("-6", [l[3:] for l in lines if l.startswith("-6 ")])):
            if rows:
                self.run(name, ["ip", *([family] if family == "-6" else []), "-batch", "-"],
                         input="\n".join(rows) + "\n")

    def _forward(self, name):
        self.run(name, ["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward; "
                                    "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding"])

    def close(self):
        for name in os.listdir(self.folder):
            kernel.umount(self.path(name))


def listening(pid, port, v6=False):
    """True if somebody listens on the port in the network namespace of process `pid`."""
    want = f":{port:04X}"
    for table in ("tcp6",) if v6 else ("tcp", "tcp6"):
        try:
            with open(f"/proc/{pid}/net/{table}") as f:
                for line in f.readlines()[1:]:
                    local, state = line.split()[1], line.split()[3]
                    if local.endswith(want) and state == "0A":
                        return True
        except FileNotFoundError:
            return False
    return False
