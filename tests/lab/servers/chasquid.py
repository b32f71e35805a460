# SPDX-License-Identifier: GPL-3.0-or-later
"""chasquid as Debian ships it, with a certificate, a domain and its postmaster.

conf      lines added to chasquid.conf
"""

PACKAGES = ["chasquid", "ssl-cert"]
KEYS = {"conf"}

START = """\
set -e
d=/etc/chasquid
mkdir -p $d/certs/lab $d/domains/target.example $d/domains/mx.target.example
cp /etc/ssl/certs/ssl-cert-snakeoil.pem $d/certs/lab/fullchain.pem
cp /etc/ssl/private/ssl-cert-snakeoil.key $d/certs/lab/privkey.pem
for domain in target.example mx.target.example; do
    echo 'postmaster: root@target.example' > $d/domains/$domain/aliases
done
chasquid-util user-add root@target.example --password=lab-only
exec chasquid
"""


def build(node):
    conf = (f'hostname: "{node.fqdn}"\n'
            'smtp_address: ":25"\nsubmission_address: ":587"\n'
            'submission_over_tls_address: ":465"\n'
            'mail_delivery_agent_bin: "/bin/true"\n' + node.get("conf", ""))
    return {"/etc/chasquid/chasquid.conf": conf}, START
