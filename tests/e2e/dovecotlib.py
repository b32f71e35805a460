# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Dovecot for tests, on loopback, in a Debian root of its own (tests/lab/roots.py). Without root,
or where that can't be made, tests that need it are skipped."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import types

import pytest

from testlib import PATIENCE, TOP, free_port

PACKAGES = types.SimpleNamespace(PACKAGES=["dovecot-imapd"])
CONFIG = """\
base_dir = /run/dovecot
log_path = /dev/stderr
protocols = imap
listen = 127.0.0.1
mail_location = maildir:/srv/mail/%u
mail_uid = 1000
mail_gid = 1000
first_valid_uid = 1000
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u /lab/users
}}
userdb {{
  driver = static
  args = uid=1000 gid=1000 home=/srv/mail/%u
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
{more}
"""
START = "mkdir -p /srv/mail /run/dovecot\nchown 1000:1000 /srv/mail\nexec dovecot -F -c /lab/dovecot.conf\n"


def certificates(folder):
    """A CA of our own and a certificate by it for localhost and 127.0.0.1."""
    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True, timeout=60)

    (folder / "ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
            "-subj", "/CN=Test authority", "-days", "2")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "req.pem",
            "-subj", "/CN=localhost")
    openssl("x509", "-req", "-in", "req.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-out", "cert.pem", "-extfile", "ext", "-days", "2")


@pytest.fixture(scope="module")
def lower():
    """What its root is made of."""
    if os.geteuid() != 0:
        pytest.skip("Dovecot runs in a root of its own, which takes root")
    sys.path.insert(0, os.path.join(TOP, "tests", "lab"))
    import roots  # pylint: disable=import-outside-toplevel
    cache = roots.Roots(roots.default_cache(), {"dovecot": PACKAGES})
    try:
        cache.ensure("dovecot")
    except (roots.RootError, OSError, subprocess.SubprocessError) as e:
        pytest.skip(f"the root of Dovecot can't be made here: {e}")
    return cache.lowerdirs("dovecot")


class Dovecot:
    """`users`: lines of its password file; `more`: settings besides CONFIG; `files`, `bind`: of its root."""

    def __init__(self, lower, folder, users, more="", files=(), bind=()):
        self.folder, self.imap, self.imaps = folder, free_port(), free_port()
        config = CONFIG.format(imap=self.imap, imaps=self.imaps, more=more)
        self.spec = {
            "name": "dovecot", "hostname": "imap", "netns": "/proc/self/ns/net", "lower": lower,
            "root": str(folder / "root"), "upper": str(folder / "upper"), "work": str(folder / "work"),
            "log": str(folder / "log"), "bind": dict(bind),
            "files": {"/lab/dovecot.conf": (config, None), "/lab/users": (users, None),
                      "/lab/start": (START, 0o755), **{name: (text, None) for name, text in dict(files).items()}}}
        self.process = None

    def __enter__(self):
        self.run()
        return self

    def run(self):
        spec = self.folder / "spec.json"
        spec.write_text(json.dumps(self.spec))
        self.process = subprocess.Popen([sys.executable, os.path.join(TOP, "tests", "lab", "container.py"),
                                         str(spec)])
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.imap), 5) as s:
                if s.recv(100).startswith(b"* OK"):
                    return
            time.sleep(0.1)
        self.__exit__()
        raise RuntimeError("Dovecot did not start: " + self.log())

    def __exit__(self, *_):
        if self.process:
            self.process.terminate()
            self.process.wait(PATIENCE)
            self.process = None

    def log(self):
        with contextlib.suppress(OSError):
            return (self.folder / "log").read_text()[-4000:]
        return ""
