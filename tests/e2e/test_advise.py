# SPDX-License-Identifier: GPL-3.0-or-later
"""postern advise, and the advice at the end of a test's report.

Hosts to ask are models of the practice range and a small server here that shows what a case wants."""

import json
import os
import socketserver
import subprocess
import threading

import pytest

from testlib import free_port

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.fixture
def advise(build, tmp_path):
    def call(*args, **kwargs):
        return build.run("advise", "--state", str(tmp_path / "state"), *args, **kwargs)

    return call


def verdict(result):
    return json.loads(result.stdout.splitlines()[-1])


class Shown(socketserver.StreamRequestHandler):
    """Says what its server was given for each command, and keeps what it was told."""

    def handle(self):
        self.wfile.write(self.server.says["banner"])
        while line := self.rfile.readline():
            self.server.heard.append(line.decode().strip())
            verb = line.split()[0].decode().upper()
            self.wfile.write(self.server.says.get(verb, b"502 5.5.1 What?\r\n"))
            if verb == "QUIT":
                return


@pytest.fixture
def shown():
    servers = []

    def start(**says):
        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Shown)
        server.daemon_threads = True
        server.says = {"QUIT": b"221 bye\r\n", **says}
        server.heard = []
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server, f"127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("args, code, row, version", [
    (["--banner", "220 x.example ESMTP Sendmail 8.8.8/8.8.8; Sun"], 2, "sendmail-8.8", "8.8.8"),
    (["--banner", "220 x.example ESMTP Sendmail 8.11.6/8.8.5; Sun"], 1, "sendmail-old-cf", "8.11.6"),
    (["--banner", "220 x.example ESMTP Exim 4.97 Fri"], 0, "exim", "4.97"),
    (["-b", "220 x.example WindowsNT SMTP Server v3.03.0014/1.a/SP ESMTP ready at"], 1, "ntmail-3", "3.03.0014"),
    (["-r", "from x (y [192.0.2.1]) by z (Mercury/32 v3.21c) with ESMTP; Sun"], 0, "mercury-new", "3.21c"),
    (["--help-reply", "214 2.0.0 This is sendmail version 8.14.4"], 0, "sendmail", "8.14.4"),
    (["--reply", "513 Relaying denied."], 0, "courier", None),
    (["--ehlo", "250-x.example\n250-XVERP=Courier\n250 DSN"], 0, "courier", None),
    (["domino", "5.0.5"], 2, "domino-5", "5.0.5"),
    (["domino 9.0"], 0, "domino", "9.0"),
])
def test_known(advise, args, code, row, version):
    got = advise("--json", *args)
    assert got.returncode == code, got.stderr
    doc = verdict(got)
    assert (doc["row"], doc.get("version"), doc["exit"]) == (row, version, code)
    assert doc["fix"] and doc["restart"]
    text = advise(*args)
    assert text.returncode == code and row in text.stdout and "Restart" in text.stdout


@pytest.mark.parametrize("args", [
    ["--banner", "220 sendmail.example.com ESMTP"],
    ["--banner", "220 mx.example.com ESMTP ready"],
    ["--banner", "220 mx.example.com ESMTP", "--ehlo", "250-mx.example.com\n250-PIPELINING\n250 8BITMIME"],
    ["--received", "from Postfix (Exim 4.97) by mx.example.com with ESMTP id 1; Sun"],
    ["--banner", ""],
])
def test_unknown_stays_unknown(advise, args):
    got = advise("--json", *args)
    assert got.returncode == 3, got.stdout
    doc = verdict(got)
    assert (doc["verdict"], doc["product"], doc["status"]) == ("unknown", None, "unknown")
    assert all(hint["sure"] is False for hint in doc["hints"])
    assert advise(*args).returncode == 3


def test_a_name_that_is_near_is_offered_and_not_taken(advise):
    got = advise("posfix")
    assert got.returncode == 3
    assert 'Nothing is known by the name "posfix"' in got.stdout and "Near it: postfix" in got.stdout
    assert verdict(advise("--json", "posfix"))["near"][0] == "postfix"
    assert "\x1b" not in advise("\x1b[31mred").stdout


def test_list_and_lookup_of_each_row(advise):
    rows = [json.loads(line) for line in advise("--list", "--json").stdout.splitlines()]
    products = [row for row in rows if row["type"] == "product"]
    assert len(products) > 130 and len(rows) > len(products) + 19
    got = advise("--json", *[row["id"] for row in products])
    assert got.returncode == 0, got.stderr
    named = [json.loads(line) for line in got.stdout.splitlines()]
    named = [line["asked"] for line in named if line["type"] == "verdict" and line["verdict"] == "named"]
    assert named == [row["id"] for row in products]
    assert all(row["fix"] and row["restart"] and row["source"] for row in products)


def test_a_bad_row_is_refused_with_its_place(advise, tmp_path):
    rows = tmp_path / "own.rows"
    rows.write_text("Kind: product\nId: foo\nName: Foo\nColour: red\n")
    got = advise("--products", str(rows), "postfix")
    assert got.returncode == 78 and f"{rows}:4: " in got.stderr and "Colour" in got.stderr
    rows.write_text("Kind: product\nId: foo\nName: Foo\nVendor: me\nAffected: < 2\nCause: bug\nClasses: C8\n"
                    "Banner: FooMail {v}\nFix: go to 2\nRestart: none\nSource: here\n")
    got = advise("--products", str(rows), "--json", "--banner", "220 x FooMail 1.9 ready")
    assert got.returncode == 2 and verdict(got)["row"] == "foo"
    assert advise("--products", str(tmp_path / "none"), "x").returncode == 66
    rows.write_bytes(bytes(range(256)) * 20)
    got = advise("--products", str(rows), "postfix")
    assert got.returncode == 78 and f"{rows}:1: " in got.stderr


def test_misuse(advise):
    assert advise().returncode == 64
    assert advise("--target", "x", "postfix").returncode == 64
    assert advise("--nonsense").returncode == 64
    assert advise("--run", "last").returncode in (65, 66)


def test_junk_as_a_sign(advise, tmp_path):
    junk = tmp_path / "junk"
    junk.write_bytes(bytes(range(256)) * 200)
    assert advise("--ehlo", str(junk)).returncode == 3
    junk.write_bytes(b"250-" + b"x" * 200000)
    got = advise("--ehlo", str(junk))
    assert got.returncode == 66 and "large" in got.stderr


def test_a_host_is_asked_politely(advise, shown):
    server, place = shown(banner=b"220-mx.example.com\r\n220 ESMTP\r\n",
                          EHLO=b"250-mx.example.com Hello\r\n250-SIZE 20480000\r\n250 HELP\r\n",
                          HELP=b"211 DATA HELO EHLO MAIL NOOP QUIT RCPT RSET SAML TURN VRFY\r\n")
    got = advise("--json", "--own", "--host", place)
    assert got.returncode == 0, got.stderr
    assert verdict(got)["row"] == "hmailserver"
    assert [line.split()[0] for line in server.heard] == ["EHLO", "HELP", "QUIT"]


def test_a_host_without_ehlo(advise, shown):
    server, place = shown(banner=b"220 x.example Sendmail SMI-8.6/SMI-SVR4 ready at Sun\r\n",
                          HELO=b"250 x.example\r\n")
    got = advise("--json", "--own", "--host", place)
    assert got.returncode == 2 and verdict(got)["row"] == "sun-smi"
    assert [line.split()[0] for line in server.heard] == ["EHLO", "HELO", "HELP", "QUIT"]


def test_a_host_that_only_refuses(advise, shown):
    _, place = shown(banner=b"554 Your access to this mail system has been rejected due to the sending MTA's poor "
                            b"reputation.\r\n")
    got = advise("--own", "--host", place)
    assert got.returncode == 3


def test_scope_holds_for_a_look_too(advise, shown, tmp_path):
    server, place = shown(banner=b"220 x ESMTP Postfix\r\n", EHLO=b"250 x\r\n")
    never = tmp_path / "never"
    never.write_text("127.0.0.1 they said no\n")
    got = advise("--own", "--never", str(never), "--host", place)
    assert got.returncode == 77 and "they said no" in got.stderr and not server.heard
    assert advise("--host", place).returncode == 0
    got = advise("--host", place)
    assert got.returncode == 77 and "24 hours" in got.stderr
    assert advise("--own", "--host", place).returncode == 0
    assert len([line for line in server.heard if line.startswith("EHLO")]) == 2


def test_a_host_that_is_not_there(advise):
    got = advise("--own", "--host", f"127.0.0.1:{free_port()}")
    assert got.returncode == 69 and "refused" in got.stderr
    assert advise("--host", "127.0.0.1:99999").returncode == 64


def test_a_test_ends_with_the_advice_and_a_run_keeps_it(build, advise, tmp_path):
    """A model of the range from test to report, to show and to advise --run."""
    port, sink, state = free_port(), free_port(), str(tmp_path / "state")
    with subprocess.Popen([build.program("postern-range"), "--listen", f"127.31.0.1:{port}", "--only", "slmail-3",
                           "--relay-to", f"127.0.0.1:{sink}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True) as models:
        try:
            # "1 models of old mail servers listen on 127.31.0.30 to …": each has its own address.
            host = models.stdout.readline().split(" listen on ")[1].split()[0]
            got = build.run("test", "--own", "--state", state, "-D", "relaytest.example", "-l", f"127.0.0.1:{sink}",
                            "--tls", "no", "--html", str(tmp_path / "page.html"), f"{host}:{port}", timeout=90)
        finally:
            models.terminate()
    assert got.returncode == 2, got.stdout + got.stderr
    advice = got.stdout.split("\n  Advice\n")[1].split("\n\n")[0]
    assert "SLMail" in advice and "C8" in advice and "postern advise slmail-3" in advice
    assert 4 <= len(advice.splitlines()) <= 12
    page = (tmp_path / "page.html").read_text()
    assert "<h3>Advice</h3>" in page and "postern advise slmail-3" in page
    show = build.run("show", "--state", state, "last")
    assert advice in show.stdout
    stored = [json.loads(line) for line in build.run("show", "--state", state, "--json", "last").stdout.splitlines()]
    assert stored[-1]["advice"]["row"] == "slmail-3" and stored[-1]["advice"]["product"] == "slmail"
    door = next(line for line in stored if line["type"] == "door")
    assert door["greeting"][0].startswith("220 ") and door["ehlo_lines"][0].startswith("250-")
    got = advise("--json", "--run", "last")
    doc = verdict(got)
    assert got.returncode == 2 and doc["row"] == "slmail-3" and doc["proved"] == ["C8"]
    assert advise("--run", "last", "-t", "nobody").returncode == 66
