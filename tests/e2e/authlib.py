# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the gate's logins share: a SCRAM client written from RFC 5802 and 7677 alone, a gate
with a certificate, and a real Dovecot that it can ask."""

import base64
import hashlib
import hmac
import os
import re
import subprocess

import dovecotlib
from dovecotlib import certificates
from gatelib import GATE, Gate
from testlib import free_port


def b64(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


def plain(user, password, authzid=""):
    return b64(f"{authzid}\0{user}\0{password}")


def passwd(path, user, password=None, *words, status=0):
    """postern gate passwd; what it wrote to standard error."""
    r = subprocess.run([GATE, "passwd", "--config", os.devnull, "--auth-file", str(path), user, *words],
                       input=None if password is None else password + "\n", text=True, timeout=30,
                       capture_output=True, check=False,
                       **({"stdin": subprocess.DEVNULL} if password is None else {}))
    assert r.returncode == status, r.stderr
    return r.stderr


class Scram:
    """SCRAM-SHA-256, the client's side."""

    def __init__(self, user, password, channel=None, flag=None):
        self.gs2 = "p=tls-exporter,," if channel else (flag or "n") + ",,"
        self.channel, self.password = channel or b"", password
        self.nonce = base64.b64encode(os.urandom(18)).decode()
        self.bare = f"n={user.replace('=', '=3D').replace(',', '=2C')},r={self.nonce}"

    def first(self):
        return b64(self.gs2 + self.bare)

    def final(self, challenge):
        server = base64.b64decode(challenge).decode()
        fields = dict(f.split("=", 1) for f in server.split(","))
        assert fields["r"].startswith(self.nonce) and len(fields["r"]) > len(self.nonce) + 10
        salted = hashlib.pbkdf2_hmac("sha256", self.password.encode(), base64.b64decode(fields["s"]),
                                     int(fields["i"]))
        bound = "c=" + b64(self.gs2.encode() + self.channel)
        said = f"{self.bare},{server},{bound},r={fields['r']}".encode()
        key = hmac.digest(salted, b"Client Key", "sha256")
        proof = hmac.digest(hashlib.sha256(key).digest(), said, "sha256")
        proof = bytes(a ^ b for a, b in zip(key, proof))
        self.server = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), said, "sha256")
        return b64(f"{bound},r={fields['r']},p={b64(proof)}")

    def check(self, challenge):
        assert base64.b64decode(challenge) == b"v=" + base64.b64encode(self.server)


def scram(c, user, password, mech="SCRAM-SHA-256", **named):
    """A whole login; the last reply."""
    s = Scram(user, password, **named)
    code, text = c.say(f"AUTH {mech} {s.first()}")
    if code != 334:
        return code, text
    code, text = c.say(s.final(text))
    if code != 334:
        return code, text
    s.check(text)
    return c.say("")


def submission(*backends, folder, options=(), **named):
    """A gate that takes logins, with STARTTLS."""
    if not (folder / "cert.pem").exists():
        certificates(folder)
    return Gate(*backends, role="submission",
                options=["--cert", str(folder / "cert.pem"), "--key", str(folder / "key.pem"), *options],
                **named)


def secured(gate, **named):
    c = gate.client(**named)
    c.hello()
    c.starttls()
    c.hello()
    return c


# --- Dovecot ---------------------------------------------------------------------------------------

SETTINGS = """\
auth_debug = yes
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login scram-sha-256 anonymous
auth_failure_delay = 0
login_trusted_networks = 127.0.0.1
service auth {{
  unix_listener /gate/auth {{
    mode = 0666
  }}
  inet_listener gate {{
    port = {auth}
  }}
}}
{more}
"""
USERS = """\
joe@example.org:{PLAIN}open sesame
ann:{PLAIN}other secret
off:{PLAIN}nothing::::::nologin
"""


class Dovecot(dovecotlib.Dovecot):
    """One that gates may ask, by `socket` or by the port `auth`."""

    def __init__(self, lower, folder, more=""):
        (folder / "gate").mkdir()
        self.socket, self.auth = str(folder / "gate" / "auth"), free_port()
        super().__init__(lower, folder, USERS, SETTINGS.format(auth=self.auth, more=more),
                         bind={"/gate": str(folder / "gate")})


def fields(line):
    """key=value of a log line."""
    return dict(re.findall(r'(\w+)=("[^"]*"|\S*)', line))


def seen(gate, pattern):
    """The line of the log, whether it is there already or comes."""
    return next(iter(gate.logged(pattern)), None) or gate.wait_log(pattern).string
