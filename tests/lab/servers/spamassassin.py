# SPDX-License-Identifier: GPL-3.0-or-later
"""SpamAssassin as Debian ships it; it waits until a case gives it a message.

conf      text behind local.cf
"""

PACKAGES = ["spamassassin"]
KEYS = {"conf"}


def build(node):
    return ({"/lab/conf": node.get("conf", "")},
            "cat /lab/conf >> /etc/spamassassin/local.cf\nexec sleep infinity\n")
