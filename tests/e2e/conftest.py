# SPDX-License-Identifier: GPL-3.0-or-later
"""What the end-to-end tests share: the build that is tested, and how its programs are called.

    POSTERN_BUILD=/tmp/b /usr/bin/python3 -m pytest tests/e2e
"""

import os
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)


class Build:
    """A build folder."""

    def __init__(self, folder):
        self.folder = folder

    def program(self, name="postern"):
        return os.path.join(self.folder, name)

    def run(self, *args, program="postern", timeout=30, **kwargs):
        """Calls a program and waits; the result has returncode, stdout and stderr as text."""
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run([self.program(program), *args], text=True, timeout=timeout,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, **kwargs)

    def sanitized(self):
        """Was it built with a sanitizer? Limits of memory mean nothing then."""
        with open(self.program("postern-test"), "rb") as program:
            return b"__asan_init" in program.read()


@pytest.fixture(scope="session")
def build():
    folder = os.environ.get("POSTERN_BUILD", os.path.join(TOP, "build"))
    if not os.path.exists(os.path.join(folder, "postern")):
        pytest.fail(f"{folder} has no postern: build it first, or set POSTERN_BUILD")
    return Build(folder)
