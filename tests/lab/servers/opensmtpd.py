# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenSMTPD as Debian ships it with its own comments' two changes: all addresses, one domain.

conf      a whole smtpd.conf instead
"""

PACKAGES = ["opensmtpd"]
KEYS = {"conf"}

CONF = """\
table aliases file:/etc/aliases
listen on 0.0.0.0
listen on ::
action "local" maildir alias <aliases>
action "relay" relay
match from any for domain { "target.example", "mx.target.example" } action "local"
match for local action "local"
match from local for any action "relay"
"""

START = """\
set -e
grep -q ^root: /etc/aliases || echo 'root: nobody' >> /etc/aliases
grep -q ^postmaster: /etc/aliases || echo 'postmaster: root' >> /etc/aliases
mkdir -p /run/smtpd
smtpd -n
exec smtpd -d
"""


def build(node):
    return {"/etc/smtpd.conf": node.get("conf", CONF), "/etc/mailname": node.fqdn + "\n"}, START
