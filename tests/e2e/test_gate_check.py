# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a configuration is said with file and line, before anything is in force."""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile

import pytest

from gatebackend import Backend
from gatelib import GATE

CASES = [   # name, the lines behind the fourth, the line blamed, words, status
    ("no identity", 'backend = "127.0.0.1:25"', 4, "backend: .*xclient, proxy1, proxy2", 78),
    ("bad identity", 'backend = "127.0.0.1:25 xklient"', 4, "backend: .*xclient, proxy1", 78),
    ("second backend", 'backend = { "127.0.0.1:25 xclient",\n"127.0.0.1 xclient" }', 5,
     "backend: .*HOST:25|HOST:PORT", 78),
    ("outbound", '{B}\noutbound = "127.0.0.1:26"', 5, "outbound: ", 78),
    ("trust without TLS", 'backend = "127.0.0.1:25 xclient verify"', 4, "needs tls or starttls", 78),
    ("trust and none", 'backend = "127.0.0.1:25 xclient tls unverified verify"', 4, "is unverified, and", 78),
    ("short pin", 'backend = "127.0.0.1:25 xclient tls pin=abcd"', 4, "64 hex digits", 78),
    ("pin of letters", f'backend = "127.0.0.1:25 xclient tls pin={"z" * 64}"', 4, "64 hex digits", 78),
    ("no name", 'backend = "127.0.0.1:25 xclient tls verify=a..b"', 4, "no host name behind verify=", 78),
    ("unknown word", 'backend = "127.0.0.1:25 xclient tls verified"', 4, "knows only the words", 78),
    ("authority of backends", '{B}\nbackend-ca = /nowhere.pem', 5, "backend-ca: /nowhere.pem: .*No such file", 78),
    ("no such host", 'backend = "nothing.invalid:25 xclient"', 4, "no address", 78),
    ("certificate", '{B}\ncert = /nowhere.pem', 5, "cert: /nowhere.pem: .*No such file", 78),
    ("folder of certificates", '{B}\ncert-dir = /nowhere', 5, "cert-dir: /nowhere: ", 78),
    ("key alone", '{B}\nkey = /nowhere.pem', 5, "key: needs cert", 78),
    ("TLS without certificate", '{B}\nlisten-submissions = "*:465"', 5, "needs cert", 78),
    ("authority", '{B}\nclient-ca = /nowhere', 5, "client-ca: /nowhere can't be read", 66),
    ("list", '{B}\ndnsbl = { "zen" }', 5, "dnsbl: ", 78),
    ("second list", '{B}\ndnsbl = { "zen.example.org 3",\n"b.example.org x" }', 5, "dnsbl: ", 78),
    ("exempt", '{B}\nexempt = { "x" }', 5, "exempt: ", 78),
    ("password file", '{B}\nauth-file = /nowhere', 5, "auth-file /nowhere: No such file", 66),
    ("two judges", '{B}\nauth-file = /nowhere\nauth-dovecot = /nowhere', 6, "both set", 78),
    ("user", '{B}\nuser = nobody-of-that-name', 5, "user: there is no user", 67),
    ("users of a socket", '{B}\ngrants-users = { nobody-of-that-name }', 5, "grants-users: ", 78),
    ("unknown setting", '{B}\nbakend = x', 5, "bakend: .*did you mean backend", 78),
]


def check(tmp_path, text, *options):
    path = tmp_path / "gate.conf"
    path.write_text("gate {\nname = gate.test.example\ndomains = { test.example }\n" + text + "\n}\n")
    r = subprocess.run([GATE, "check", "--config", path, *options], text=True, timeout=60,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert "Sanitizer" not in r.stderr
    return r, str(path)


@pytest.mark.parametrize("lines,at,words,status", [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_file_and_line(tmp_path, lines, at, words, status):
    r, path = check(tmp_path, lines.replace("{B}", 'backend = "127.0.0.1:25 xclient"'))
    assert r.returncode == status and r.stdout == ""
    assert re.search(rf"^(postern gate: )?{path}:{at}: .*({words})", r.stderr), r.stderr


def test_no_backend_at_all(tmp_path):
    r, _ = check(tmp_path, "")
    assert r.returncode == 78
    assert r.stderr.startswith("backend: none is set") and "HOST:PORT xclient" in r.stderr


def test_warns_of_what_has_no_effect(tmp_path):
    with Backend() as b:
        users = tmp_path / "users"
        users.write_text("")
        users.chmod(0o600)
        r, path = check(tmp_path, f'backend = "{b.place} xclient"\nauth-file = "{users}"',
                        "--no-backend-test")
    assert r.returncode == 0 and "configuration: right" in r.stdout
    assert r.stderr.count("warning: ") == 2 and "no port takes them" in r.stderr


PLACES = [     # name, the setting with {D} a folder that is there, words
    ("admin", 'admin = "{D}/no/admin"', "admin: {D}/no: No such file or directory"),
    ("admin is a file", 'admin = "{D}/file"', "admin: {D}/file: there is something that is no socket"),
    ("admin is long", 'admin = "/{X}"', "admin: /x+: File name too long"),
    ("grants", 'grants-socket = "{D}/no/grants"', "grants-socket: {D}/no: No such file"),
    ("pid", 'pid-file = "{D}/no/pid"', "pid-file: {D}/no: No such file"),
    ("pid is a folder", 'pid-file = "{D}"', "pid-file: {D}: there is something that is no file"),
    ("pid below a file", 'pid-file = "{D}/file/pid"', "pid-file: {D}/file: this is no folder"),
    ("traps", 'trap-file = "{D}/no/traps"', "trap-file: {D}/no: No such file"),
    ("evidence is a file", 'evidence = "{D}/file"', "evidence: {D}/file: this is no folder"),
    ("evidence below a file", 'evidence = "{D}/file/e"', "evidence: {D}/file/e: Not a directory"),
    ("state below a file", 'state = "{D}/file/s"', "state: {D}/file/s: Not a directory"),
    ("others' traps", 'traps-from = { "{D}/no/traps" }', "traps-from: {D}/no/traps: No such file"),
    ("others' traps below a file", 'traps-from = { "{D}/file/t" }', "traps-from: {D}/file/t: Not a dir"),
    ("metrics", 'metrics-listen = "192.0.2.77:9100"', "metrics-listen: 192.0.2.77:9100: Cannot assign"),
    ("policy", 'grants-listen = "192.0.2.77:9101"', "grants-listen: 192.0.2.77:9101: Cannot assign"),
    ("drac", 'drac-listen = "192.0.2.77:9102"', "drac-listen: 192.0.2.77:9102: Cannot assign"),
]


@pytest.mark.parametrize("setting,words", [p[1:] for p in PLACES], ids=[p[0] for p in PLACES])
def test_places(tmp_path, setting, words):
    (tmp_path / "file").write_text("")
    setting = setting.replace("{D}", str(tmp_path)).replace("{X}", "x" * 200)
    r, path = check(tmp_path, f'backend = "127.0.0.1:25 xclient"\n{setting}')
    assert r.returncode == 73 and r.stdout == ""
    words = words.replace("{D}", re.escape(str(tmp_path)))
    assert re.search(rf"^{path}:5: {words}", r.stderr), r.stderr


def test_all_that_is_wrong_is_said(tmp_path):
    r, _ = check(tmp_path, 'backend = "127.0.0.1:25 xclient"\nadmin = "/no/a"\npid-file = "/no/p"\n'
                 'trap-file = "/no/t"\nmetrics-listen = "192.0.2.77:1"')
    assert r.returncode == 73 and r.stderr.count("\n") == 4


def test_nothing_is_made(tmp_path):
    """And what is in use, or will be made by the start, is right."""
    with Backend() as b, socket.create_server(("127.0.0.1", 0)) as taken:
        folder = tmp_path / "state"
        folder.mkdir()
        r, _ = check(tmp_path, f'backend = "{b.place} xclient"\nevidence = "{folder}/a/b"\n'
                     f'admin = "{folder}/admin"\ngrants-socket = "{folder}/grants"\n'
                     f'pid-file = "{folder}/pid"\ntrap-file = "{folder}/traps"\n'
                     f'metrics-listen = "127.0.0.1:{taken.getsockname()[1]}"', "--no-backend-test")
        assert r.returncode == 0, r.stderr
        assert not list(folder.iterdir())


@pytest.fixture
def open_folder():
    """One that every user can reach, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield pathlib.Path(name)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to become another user")
def test_places_for_the_user_of_later(open_folder):
    mine, his = open_folder / "mine", open_folder / "his"
    for folder in (mine, his):
        folder.mkdir(mode=0o755)
    shutil.chown(his, "nobody")
    (mine / "secret").write_text("")
    (mine / "secret").chmod(0o600)
    with Backend() as b:
        for text, status, words in (
                (f'trap-file = "{mine}/t"', 73, f"trap-file: {mine}: Permission denied for nobody"),
                (f'evidence = "{mine}"', 73, f"evidence: {mine}: Permission denied for nobody"),
                (f'traps-from = {{ "{mine}/secret" }}', 73,
                 f"traps-from: {mine}/secret: Permission denied for nobody"),
                (f'evidence = "{mine}/new"', 73, f"evidence: {mine}/new: is not there; make it"),
                (f'trap-file = "{his}/t"\nevidence = "{his}"\nadmin = "{mine}/a"\n'
                 f'traps-from = {{ "{his}/none" }}\nstate = "{mine}/state/new"', 0, "")):
            r, _ = check(open_folder, f'backend = "{b.place} xclient"\nuser = nobody\n{text}',
                         "--no-backend-test")
            assert r.returncode == status and words in r.stderr, r.stderr


def test_a_port_that_is_taken_leaves_nothing_behind(tmp_path):
    admin = tmp_path / "admin"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        for option in ("--listen-mx", "--metrics-listen"):
            r = subprocess.run([GATE, "--config", "/dev/null", "--backend", "127.0.0.1:1 xclient",
                                "--listen-mx", "127.0.0.1:0", option, place, "--admin", admin],
                               text=True, timeout=30, stderr=subprocess.PIPE, check=False)
            assert r.returncode in (71, 78) and place.split(":")[1] in r.stderr
            assert "in use" in r.stderr and "Sanitizer" not in r.stderr
            assert not admin.exists()
