# SPDX-License-Identifier: GPL-3.0-or-later
"""Backends under TLS: whether they are the ones that are meant, and that nothing is said to others."""

import hashlib
import re
import ssl
import subprocess

import pytest

from gatebackend import Backend
from gatelib import DOMAIN, GATE, Attempt, Gate
from hygienelib import NET, in_namespace

NAME = "backend.test.example"


def openssl(folder, *args):
    return subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True,
                          timeout=60).stdout


class Certs:
    """An authority, and a backend's certificate by it for NAME, localhost and NET.1; one of 1,024 bits."""

    def __init__(self, folder):
        self.folder, self.ca = folder, folder / "ca.pem"
        openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out",
                "ca.pem", "-subj", "/CN=Test authority", "-days", "2")
        (folder / "ext").write_text(f"subjectAltName=DNS:{NAME},DNS:localhost,IP:{NET}.1\n")
        self.right, self.pin = self.make("right", 2048)
        self.weak, self.weak_pin = self.make("weak", 1024)

    def make(self, name, bits):
        f = self.folder
        openssl(f, "req", "-newkey", f"rsa:{bits}", "-nodes", "-keyout", f"{name}.key", "-out", "req.pem",
                "-subj", f"/CN={NAME}")
        openssl(f, "x509", "-req", "-in", "req.pem", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-out", f"{name}.pem", "-extfile", "ext", "-days", "2")
        der = openssl(f, "rsa", "-in", f"{name}.key", "-pubout", "-outform", "DER")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.load_cert_chain(f / f"{name}.pem", f / f"{name}.key")
        return context, hashlib.sha256(der).hexdigest()


@pytest.fixture(scope="module")
def certs(tmp_path_factory):
    return Certs(tmp_path_factory.mktemp("trust"))


OTHER = "0" * 64
CASES = {   # words behind the identity; whether it is trusted; what is said if not
    "on this host": ("{wrap}", True, ""),
    "by name": ("{wrap} verify={name}", True, ""),
    "by another name": ("{wrap} verify=mx.test.example", False,
                        "its certificate is not for mx.test.example"),
    "by an address that it has not": ("{wrap} verify", False, "its certificate is not for 127.0.0.1"),
    "by pin": ("{wrap} pin={pin}", True, ""),
    "by the second pin": ("{wrap} pin={other} pin={PIN}", True, ""),
    "by another pin": ("{wrap} pin={other}", False, "its key has no pin"),
    "by both": ("{wrap} verify={name} pin={pin}", True, ""),
    "by both, another pin": ("{wrap} verify={name} pin={other}", False, "its key has no pin"),
    "by both, another name": ("{wrap} verify=mx.test.example pin={pin}", False, "is not for"),
    "told not to": ("{wrap} unverified", True, ""),
}


def words(case, wrap, pin):
    return case.format(wrap=wrap, pin=pin, PIN=pin.upper(), other=OTHER, name=NAME)


def attempt(backend, gate, trusted, alarm, pin):
    """A message goes through, or not a command is said under TLS, and the log says why."""
    with gate.client() as c:
        a = Attempt().send(c)
    if trusted:
        assert a.code == 250 and backend.messages[0].name == a.name
        return
    assert a.stopped == 451 and not backend.messages
    heard = [line.split(b" ")[0] for v in backend.visits for line in v.lines]
    assert set(heard) <= {b"EHLO", b"STARTTLS"}
    line = gate.wait_log("error event=backend .*fault=tls").string
    assert re.search(alarm, line) and pin in line, line
    assert "nothing is passed to it" in line


@pytest.mark.parametrize("case, trusted, alarm", CASES.values(), ids=CASES)
@pytest.mark.parametrize("wrap", ["starttls", "tls"])
def test_loopback(certs, wrap, case, trusted, alarm):
    with Backend(tls=wrap, context=certs.right) as b, \
            Gate(f"{b.place} xclient {words(case, wrap, certs.pin)}",
                 options=["--backend-ca", certs.ca]) as g:
        attempt(b, g, trusted, alarm, certs.pin)


def test_another_authority(certs):
    """The system's do not know it."""
    with Backend(tls="starttls", context=certs.right) as b, \
            Gate(f"{b.place} xclient starttls verify={NAME}") as g:
        attempt(b, g, False, r"not trusted \(unable to get local issuer", certs.pin)


def test_by_the_name_it_is_called(certs):
    with Backend(tls="tls", context=certs.right) as b, \
            Gate(f"localhost:{b.port} xclient tls verify", options=["--backend-ca", certs.ca]) as g:
        attempt(b, g, True, "", certs.pin)


@pytest.mark.parametrize("how, trusted", [("verify={name}", False), ("pin={pin}", True),
                                          ("unverified", True)])
def test_a_weak_key(certs, how, trusted):
    """An authority's word for it is worth nothing; who pins it has seen it himself."""
    with Backend(tls="tls", context=certs.weak) as b, \
            Gate(f"{b.place} xclient tls {words(how, '', certs.weak_pin)}",
                 options=["--backend-ca", certs.ca]) as g:
        attempt(b, g, trusted, "key too weak", certs.weak_pin)


@in_namespace
def test_elsewhere():
    """To another machine TLS means that nobody is between."""
    import pathlib, tempfile    # noqa: E401
    with tempfile.TemporaryDirectory() as folder:
        certs = Certs(pathlib.Path(folder))
        for what, ca, trusted in (("", None, False), ("", certs.ca, True), (" unverified", None, True),
                                  (f" pin={certs.pin}", None, True)):
            options = ["--backend-ca", ca] if ca else []
            with Backend(tls="starttls", context=certs.right, address=f"{NET}.1") as b, \
                    Gate(f"{b.place} xclient starttls{what}", options=options) as g:
                attempt(b, g, trusted, "not trusted", certs.pin)


def test_check_says_what_to_write(certs):
    with Backend(tls="starttls", context=certs.right) as b:
        r = subprocess.run([GATE, "check", "--config", "/dev/null", "--domains", DOMAIN, "--backend",
                            f"{b.place} xclient starttls verify"], text=True, timeout=60,
                           capture_output=True, check=False)
    assert r.returncode == 69
    assert re.search(rf"down \(tls: its certificate is not trusted \(.*\); its key is {certs.pin}\)",
                     r.stdout), r.stdout
