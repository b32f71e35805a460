# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers from rbldnsd's files are rbldnsd's answers: the short form of tests/zone/rbl_differ.py.

`make check-long` asks twenty times as many questions, of other random files each time."""

import os
import re
import shutil
import subprocess
import sys

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DIFFER = os.path.join(TOP, "tests/zone/rbl_differ.py")
RBLDNSD = shutil.which("rbldnsd") or shutil.which("rbldnsd", path="/usr/sbin")


def differ(build, *args):
    return subprocess.run([sys.executable, DIFFER, build.folder, *args], text=True, timeout=300, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.mark.skipif(not RBLDNSD, reason="rbldnsd is not installed")
@pytest.mark.parametrize("side", [[], ["--server"]], ids=["answer", "server"])
def test_answers_agree(build, side):
    run = differ(build, "--questions", "15000", "--seed", "1", *side)
    figures = re.search(r"(\d+) passed, (\d+) failed", run.stdout)
    assert run.returncode == 0 and figures, run.stdout[-4000:]
    assert int(figures[1]) >= 15000 and figures[2] == "0"


@pytest.mark.skipif(not RBLDNSD, reason="rbldnsd is not installed")
def test_what_is_exported_answers_the_same(build):
    run = subprocess.run([sys.executable, os.path.join(os.path.dirname(DIFFER), "rbl_export.py"), build.folder,
                          "--lists", "15", "--seed", "5"], text=True, timeout=300, check=False,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    figures = re.search(r"(\d+) passed, 0 failed", run.stdout)
    assert run.returncode == 0 and figures and int(figures[1]) > 20, run.stdout[-4000:]


@pytest.mark.skipif(not RBLDNSD, reason="rbldnsd is not installed")
def test_a_fault_is_found(build):
    """A comparison that cannot fail proves nothing: one entry less on our side is seen."""
    run = differ(build, "--questions", "1000", "--seed", "1", "--fault")
    assert run.returncode == 1 and " 0 failed" not in run.stdout.splitlines()[-1], run.stdout[-2000:]
