# SPDX-License-Identifier: GPL-3.0-or-later
"""A zone's files under a writer that is killed at any moment (tests/zone/kill.c): whoever reads them
never sees half a step, nor less than was acknowledged. POSTERN_KILLS says how often; make check-long
has a stage with more."""

import json
import os
import subprocess
import tempfile

import pytest

from testlib import BUILD

KILLS = int(os.environ.get("POSTERN_KILLS", "200"))
PROGRAM = os.path.join(BUILD, "tests/zone/zone-kill")


def kill(folder, kills, seed):
    got = subprocess.run([PROGRAM, folder, str(kills), str(seed)], capture_output=True, text=True,
                         timeout=30 + kills / 5, check=False)
    assert got.returncode == 0, got.stderr + got.stdout
    return json.loads(got.stdout)


def enough(figures, kills):
    assert figures["kills"] == kills
    assert figures["steps"] > kills / 8, "hardly anything was acknowledged"
    assert figures["reads"] > kills, "hardly anything was read"
    assert figures["torn"] > 0, "no reader ever met a step that was being written"


def test_kills_on_a_disk(tmp_path):
    kills = max(60, KILLS // 4)
    enough(kill(str(tmp_path / "zone"), kills, 1), kills)


def test_kills_in_memory():
    """Without a disk to wait for, the kills fall between the writes rather than into fsync."""
    if not os.access("/dev/shm", os.W_OK):
        pytest.skip("no /dev/shm to write to")
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="postern-zone-") as folder:
        enough(kill(folder + "/zone", KILLS, 2), KILLS)
