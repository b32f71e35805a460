# SPDX-License-Identifier: GPL-3.0-or-later
"""The name server of one case: Knot with the whole of the DNS in one root zone.

One zone for "." means that every name that a case does not define is a plain NXDOMAIN, forward and
reverse alike. Knot instead of dnsmasq, because the probe domain needs a wildcard MX.
"""

import ipaddress

import net

PROBE_DOMAIN = "probe.example"
TARGET_DOMAIN = "target.example"

KNOT_CONF = """\
server:
    rundir: "/run/knot"
    listen: [ {listen} ]
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: warning
database:
    storage: "/run/knot"
zone:
  - domain: "."
    storage: "/lab"
    file: "root.zone"
    journal-content: none
    zonefile-load: whole
"""
START = "mkdir -p /run/knot && exec knotd -c /lab/knot.conf\n"


def _reverse(address):
    return ipaddress.ip_address(address).reverse_pointer + "."


def zone(hosts, mx, extra=""):
    """The root zone. hosts: name -> list of addresses; mx: names of the target domain, best first."""
    lines = [
        "$TTL 60",
        ". SOA ns.lab. hostmaster.lab. 1 3600 600 86400 60",
        ". NS ns.lab.",
        f"ns.lab. A {net.HUB_DNS}",
        f"ns.lab. AAAA {net.HUB_DNS6}",
    ]
    d = PROBE_DOMAIN + "."
    v4, v6 = net.TESTER
    lines += [
        f"{d} MX 10 mx.{d}", f"*.{d} MX 10 mx.{d}", f"*.{d} A {v4}", f"{d} A {v4}",
        f"mx.{d} A {v4}", f"mx.{d} AAAA {v6}",
        f'{d} TXT "v=spf1 ip4:{v4} ip6:{v6} -all"', f'mx.{d} TXT "v=spf1 a -all"',
        f"{_reverse(v4)} PTR mx.{d}", f"{_reverse(v6)} PTR mx.{d}",
        f"nmap.lab. A {net.NMAP[0]}", f"nmap.lab. AAAA {net.NMAP[1]}",
        f"{_reverse(net.NMAP[0])} PTR nmap.lab.", f"{_reverse(net.NMAP[1])} PTR nmap.lab.",
        # A sender domain that is nobody's: neither tester nor target, but it exists.
        "stranger.example. MX 10 mx.stranger.example.",
        "mx.stranger.example. A 203.0.113.99",
        'stranger.example. TXT "v=spf1 -all"',
        # Domains that a configuration may trust, and that are neither tester's nor target's.
        "partner.example. MX 10 mx.partner.example.", "mx.partner.example. A 203.0.113.98",
    ]
    t = TARGET_DOMAIN + "."
    for n, name in enumerate(mx):
        lines.append(f"{t} MX {10 * (n + 1)} {name}.{t}")
    lines.append(f'{t} TXT "v=spf1 mx -all"')
    for name, addresses in hosts.items():
        for a in addresses:
            kind = "AAAA" if ":" in a else "A"
            lines += [f"{name}.{t} {kind} {a}", f"{_reverse(a)} PTR {name}.{t}"]
    return "\n".join(lines) + "\n" + extra


def files(hosts, mx, extra=""):
    listen = ", ".join(f"{a}@53" for a in ("127.0.0.1", net.HUB_DNS, net.HUB_DNS6))
    return {"/lab/root.zone": zone(hosts, mx, extra),
            "/lab/knot.conf": KNOT_CONF.format(listen=listen)}
