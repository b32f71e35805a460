# SPDX-License-Identifier: GPL-3.0-or-later
"""A network of its own for a test."""

import ctypes
import functools
import subprocess
import threading

import pytest

CLONE_NEWNET = 0x40000000


def in_network(*commands):
    """Runs the test in a thread that has a network namespace of its own: sockets and programs that it
    starts are there. The loopback is up; `commands` are of ip(8) ("addr add 198.18.53.1/32 dev lo")."""
    def decorate(test):
        @functools.wraps(test)
        def wrapper(*args, **named):
            failed = []

            def body():
                if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
                    failed.append(pytest.skip.Exception("no right to make a network namespace"))
                    return
                try:
                    for command in ("link set lo up", *commands):
                        subprocess.run(["ip", *command.split()], check=True)
                    test(*args, **named)
                except BaseException as e:  # handed to pytest's own thread
                    failed.append(e)
            thread = threading.Thread(target=body)
            thread.start()
            thread.join()
            if failed:
                raise failed[0]
        return wrapper
    return decorate
