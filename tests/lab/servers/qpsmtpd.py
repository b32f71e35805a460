# SPDX-License-Identifier: GPL-3.0-or-later
"""qpsmtpd as Debian ships it, with its debconf questions answered, plus what the case sets.

queue     the queue plugin line; shipped: a Maildir of its own
bad       lines of badrcptto: recipients to refuse
relay     lines of relayclients instead of the shipped ones
"""

PACKAGES = ["qpsmtpd", "libnet-ip-perl"]
KEYS = {"queue", "relay", "bad"}
DEBCONF = """\
qpsmtpd qpsmtpd/startup-enabled boolean true
qpsmtpd qpsmtpd/rcpthosts string target.example mx.target.example
qpsmtpd qpsmtpd/queue-method select maildir
"""

START = """\
set -e
# The shipped "loop" plugin counts against an unset limit and refuses every message at its end.
sed -i 's/^check_loop$/# &/' /etc/qpsmtpd/plugins
mkdir -p /run/qpsmtpd && chown qpsmtpd:adm /run/qpsmtpd
mkdir -p /var/spool/qpsmtpd/Maildir/cur /var/spool/qpsmtpd/Maildir/new /var/spool/qpsmtpd/Maildir/tmp
chown -R qpsmtpd: /var/spool/qpsmtpd/Maildir
export QPSMTPD_CONFIG=/etc/qpsmtpd
exec qpsmtpd-forkserver --port 25 --user qpsmtpd --pid-file /run/qpsmtpd/qpsmtpd.pid
"""


def build(node):
    queue = node.get("queue", "queue/maildir /var/spool/qpsmtpd/Maildir")
    files = {"/etc/qpsmtpd/debian-queue-method": queue + "\n",
             "/etc/qpsmtpd/debian-rcpthosts": f"{node.domain}\n{node.fqdn}\n",
             "/etc/qpsmtpd/me": node.fqdn + "\n"}
    if "bad" in node:
        files["/etc/qpsmtpd/badrcptto"] = node["bad"]
    if "relay" in node:
        files["/etc/qpsmtpd/relayclients"] = node["relay"]
    return files, START
