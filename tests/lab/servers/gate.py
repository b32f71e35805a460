# SPDX-License-Identifier: GPL-3.0-or-later
"""postern gate from the build that is tested, on the files of this host.

gate         settings of the configuration's section "gate", besides name, own domains and certificate
domains      its own domains instead of the lab's and its own name
after        "ADDRESS PORT" of a server that is waited for: what it offers is known from the start then
transparent  true: route what comes back to the clients' addresses to the gate, as IP_TRANSPARENT needs
"""

PACKAGES = []
KEYS = {"gate", "domains", "transparent", "after"}
HOST = True     # no root of its own: the host's file system, read-only

CONF = """\
gate {{
    name = "{fqdn}"
    domains = {{ {domains} }}
    cert = "/lab/gate.pem"
    sessions-per-host = 500
    evidence = "/run/evidence"
    verbose = yes
{more}
}}
"""
CERT = """\
set -e
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN={fqdn} \\
    -keyout /lab/key.pem -out /lab/cert.pem 2>/dev/null
cat /lab/cert.pem /lab/key.pem > /lab/gate.pem
mkdir -p /run/evidence
"""
# The kernel hands what is for a transparent socket to us although the address is not ours.
TRANSPARENT = """\
nft add table inet gate
nft 'add chain inet gate pre { type filter hook prerouting priority mangle; }'
nft add rule inet gate pre iifname inside meta l4proto tcp socket transparent 1 meta mark set 1
for family in -4 -6; do
    ip $family rule add fwmark 1 lookup 100
    ip $family route add local default dev lo table 100
done
"""


# A connection that says nothing and goes; in Python, since sh has no sockets.
AFTER = """\
python3 -c 'import socket, sys, time
end = time.monotonic() + 30
while time.monotonic() < end:
    try:
        socket.create_connection((sys.argv[1], int(sys.argv[2])), 1).close()
        break
    except OSError:
        time.sleep(0.1)' {after}
"""


def build(node):
    domains = ", ".join(f'"{d}"' for d in node.get("domains", [node.domain, node.fqdn]))
    conf = CONF.format(fqdn=node.fqdn, domains=domains, more=node.get("gate", ""))
    start = CERT.format(fqdn=node.fqdn) + (TRANSPARENT if node.get("transparent") else "")
    if "after" in node:
        start += AFTER.format(after=node["after"])
    return ({"/etc/postern/postern.conf": conf},
            start + "exec /lab/build/postern-gate --config /etc/postern/postern.conf\n")
