# SPDX-License-Identifier: GPL-3.0-or-later
"""Postfix as Debian ships it for an "Internet Site", plus what the case sets.

main      lines "name = value" (one line each), handed to postconf -e
remove    names of main.cf settings to take out
services  master.cf entries, "name type ... command", handed to postconf -M
options   "service/type/name = value", handed to postconf -P
append    text put behind main.cf as it is (a name that is there already counts twice, the last wins)
master    text put behind master.cf as it is
maps      files that postmap makes tables of ("/etc/postfix/access", hash unless TYPE: stands first)
postgrey  options of postgrey, which then listens on 127.0.0.1:10023
fail2ban  text of a jail.local; fail2ban then follows the log and bans by nft
"""

import shlex

from . import lines

PACKAGES = ["postfix", "postfix-pcre", "postgrey", "fail2ban", "nftables", "iproute2"]
KEYS = {"main", "remove", "services", "options", "postgrey", "fail2ban",
        "append", "master", "maps"}
DEBCONF = """\
postfix postfix/main_mailer_type select Internet Site
postfix postfix/mailname string target.example
"""


def build(node):
    files = {}
    main = [f"myhostname = {node.fqdn}",
            f"mydestination = $myhostname, {node.domain}, localhost.localdomain, localhost",
            *lines(node.get("main", ""))]
    start = ["postconf -e " + " ".join(shlex.quote(l) for l in main)]
    if "remove" in node:
        start.append("postconf -X " + " ".join(lines(node["remove"])))
    for entry in lines(node.get("services", "")):
        name, kind = entry.split()[:2]
        start.append(f"postconf -M {shlex.quote(f'{name}/{kind}={entry}')}")
    for option in lines(node.get("options", "")):
        start.append(f"postconf -P {shlex.quote(option)}")
    for key, name in (("append", "main.cf"), ("master", "master.cf")):
        if key in node:
            files[f"/lab/{key}"] = node[key]
            start.append(f"cat /lab/{key} >> /etc/postfix/{name}")
    start += [f"postmap {shlex.quote(m)}" for m in node.get("maps", [])]
    start += ["newaliases", "chown root:root /var/spool/postfix",
              "/usr/lib/postfix/configure-instance.sh -"]
    if "postgrey" in node:
        start.append("mkdir -p /run/postgrey && chown postgrey: /run/postgrey && postgrey -d "
                     f"--inet=127.0.0.1:10023 --pidfile=/run/postgrey/pid {node['postgrey']}")
    start.append("postfix start")
    if "fail2ban" in node:
        files["/etc/fail2ban/jail.local"] = node["fail2ban"]
        start.append("mkdir -p /run/fail2ban && fail2ban-server -f -x start &")
        start.append("until fail2ban-client ping >/dev/null 2>&1; do sleep 0.1; done")
    return files, "\n".join(["set -e", *start]) + "\n"
