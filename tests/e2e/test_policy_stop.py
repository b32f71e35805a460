# SPDX-License-Identifier: GPL-3.0-or-later
"""postern policy ends in order, whatever else it is told meanwhile."""

import os
import signal
import socket
import struct
import subprocess
import time

BUILD = os.environ.get("POSTERN_BUILD", "build")


def test_reload_while_a_milter_session_is_waited_for(tmp_path):
    place = tmp_path / "milter"
    with subprocess.Popen([os.path.join(BUILD, "postern-policy"), "--config", os.devnull, "--domains",
                           "example.org", "--listen", "127.0.0.1:0", "--milter", str(place)],
                          stderr=subprocess.PIPE, text=True) as p:
        while "event=serving" not in p.stderr.readline():
            assert p.poll() is None
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(place))
            for body in (b"O" + struct.pack(">III", 6, 0x1ff, 0x1fffff),
                         b"Cclient\x004" + struct.pack(">H", 25) + b"192.0.2.1\0"):
                s.sendall(struct.pack(">I", len(body)) + body)
                assert s.recv(4096)
            p.send_signal(signal.SIGTERM)
            while "event=stopping" not in p.stderr.readline():
                pass
            time.sleep(0.1)
            p.send_signal(signal.SIGHUP)
            time.sleep(0.1)
            assert p.poll() is None
        assert p.wait(30) == 0, p.stderr.read()
