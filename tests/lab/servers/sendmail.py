# SPDX-License-Identifier: GPL-3.0-or-later
"""Sendmail as Debian ships it, made to listen on every address, plus what the case sets.

shipped   true: keep greet_pause and confBAD_RCPT_THROTTLE, which cost a tester minutes
mc        m4 text put before the MAILER lines
rules     m4 text put after them (LOCAL_RULESETS with tabs)
access    lines of /etc/mail/access
local     lines of local-host-names instead of name and domain
classes   file name below /etc/mail -> text (relay-domains, ...)
"""

PACKAGES = ["sendmail-bin", "sendmail-cf", "sendmail-base", "m4"]
KEYS = {"shipped", "mc", "rules", "access", "local", "classes"}

START = r"""
set -e
cd /etc/mail
sed "s/, Addr=127.0.0.1')dnl/')dnl/" sendmail.mc > /lab/shipped.mc
[ -e /lab/shipped ] || sed -i '/greet_pause/d; /confBAD_RCPT_THROTTLE/d' /lab/shipped.mc
awk '/^MAILER_DEFINITIONS/ { while ((getline l < "/lab/mc") > 0) print l }
     { print }
     END { while ((getline l < "/lab/rules") > 0) print l }' /lab/shipped.mc > sendmail.mc
m4 sendmail.mc > sendmail.cf
makemap hash access < access
[ ! -e mailertable ] || makemap hash mailertable < mailertable
grep -q ^postmaster: /etc/aliases || echo 'postmaster: root' >> /etc/aliases
newaliases
mkdir -p /run/sendmail/mta && chown smmta:smmsp /run/sendmail/mta
exec sendmail -bD -q5s
"""


def build(node):
    files = {"/lab/mc": node.get("mc", ""), "/lab/rules": node.get("rules", ""),
             "/etc/mail/local-host-names": node.get(
                 "local", f"localhost\n{node.fqdn}\n{node.domain}\n"),
             "/etc/mail/access": node.get("access", "")}
    if node.get("shipped"):
        files["/lab/shipped"] = ""
    for name, text in node.get("classes", {}).items():
        files[f"/etc/mail/{name}"] = text
    return files, START
