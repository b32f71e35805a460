# SPDX-License-Identifier: GPL-3.0-or-later
"""Courier as Debian ships it, told its name and domain, plus what the case sets.

access    lines of /etc/courier/smtpaccess/lab (tabs between address and action)
set       name -> value, changed in /etc/courier/esmtpd
config    file name below /etc/courier -> text
"""

PACKAGES = ["courier-mta"]
KEYS = {"access", "set", "config"}

START = """\
set -e
mkdir -p /run/courier/authdaemon /run/courier/track
chown -R courier:courier /run/courier
cd /etc/courier
# As its comment says, the postmaster must be given: until then postmaster mail goes nowhere.
useradd -m keeper
sed -i 's/^postmaster:.*/postmaster: keeper/' aliases/system
[ ! -e /lab/set ] || sed -i -f /lab/set esmtpd
makesmtpaccess
makealiases
makeacceptmailfor
makehosteddomains
authdaemond start
courierfilter start
courier start
esmtpd start
"""


def build(node):
    files = {"/etc/courier/me": node.fqdn + "\n",
             "/etc/courier/defaultdomain": node.domain + "\n",
             "/etc/courier/locals": f"localhost\n{node.fqdn}\n{node.domain}\n",
             "/etc/courier/esmtpacceptmailfor.dir/lab": f"{node.fqdn}\n{node.domain}\n"}
    if "set" in node:
        files["/lab/set"] = "".join(f"s/^{k}=.*/{k}={v}/\n" for k, v in node["set"].items())
    if "access" in node:
        files["/etc/courier/smtpaccess/lab"] = node["access"]
    for name, text in node.get("config", {}).items():
        files[f"/etc/courier/{name}"] = text
    return files, START
