# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/lab/recorder.py: takes mail from the gate and writes it down, in /lab/recorded.

ports     lines "PORT=IDENTITY" as the gate's backends are configured
address   where it listens
"""

from . import lines

PACKAGES = []
KEYS = {"ports", "address"}
HOST = True


def build(node):
    return {}, ("exec /usr/bin/python3 /lab/tests/lab/recorder.py /lab/recorded "
                f"{node['address']} {' '.join(lines(node['ports']))}\n")
