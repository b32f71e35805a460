# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a shell script whose mounts nobody else sees, also in a plain chroot, where unshare(1) can't:

    apart.py SPARE SCRIPT [ARG]...      SPARE: an empty folder, the copy of the tree that it may need"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lab"))
import kernel  # noqa: E402

os.makedirs(sys.argv[1], exist_ok=True)
kernel.private_mounts(sys.argv[1])
os.execvp("sh", ["sh", "-c", sys.argv[2], "sh", *sys.argv[3:]])
