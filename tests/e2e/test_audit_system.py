# SPDX-License-Identifier: GPL-3.0-or-later
"""postern audit --system and --live as programs.

--live is run in a mount namespace of its own, where /usr/local/sbin holds tools that the test wrote:
what they print is what a running Postfix would. Without the right to make one, these are skipped."""

import json
import os
import shutil
import subprocess
import textwrap

import pytest

MAIN = """\
compatibility_level = 3.6
mynetworks = 127.0.0.0/8, %s
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
mydestination = example.org
"""
MASTER = "smtp inet n - y - - smtpd\n"


def audit(build, folder, *args):
    return subprocess.run([os.path.join(build.folder, "postern-audit"), *args], cwd=folder, text=True,
                          capture_output=True, timeout=60, stdin=subprocess.DEVNULL)


def postfix(folder, nets):
    folder.mkdir(parents=True)
    (folder / "main.cf").write_text(MAIN % nets)
    (folder / "master.cf").write_text(MASTER)


def system(tmp_path, text):
    (tmp_path / "mail.system").write_text(textwrap.dedent(text))


def verdict(done):
    return json.loads(done.stdout.strip().split("\n")[-1])


def test_two_hosts_relay_together(build, tmp_path):
    postfix(tmp_path / "mail", "10.0.0.5")
    system(tmp_path, """\
        server mail { path = mail; host-name = mail.example.org }
        edge gw { address = 10.0.0.5; recipients = any; to = mail }
        """)
    alone = audit(build, tmp_path, "mail")
    assert alone.returncode == 0, alone.stdout
    done = audit(build, tmp_path, "--system", "mail.system", "--json")
    assert done.returncode == 2, done.stdout + done.stderr
    last = verdict(done)
    assert last["severity"] == "open"
    assert [f["id"] for f in last["findings"]] == ["J2"]
    assert last["findings"][0]["file"] == "mail/main.cf" and last["findings"][0]["line"] == 2
    assert last["witness"]["rcpt"] == ["victim@elsewhere.example"]
    names = [json.loads(x)["service"] for x in done.stdout.split("\n") if '"door"' in x]
    assert any(n.startswith("mail: ") for n in names) and any(n.startswith("gw: ") for n in names)


def test_an_edge_that_knows_its_domains_is_clean(build, tmp_path):
    postfix(tmp_path / "mail", "10.0.0.5")
    postfix(tmp_path / "gw", "10.0.0.7")
    system(tmp_path, """\
        server mail { path = mail }
        edge gw { path = gw; interface = 10.0.0.5/32; to = mail }
        """)
    done = audit(build, tmp_path, "--system", "mail.system")
    assert done.returncode == 0, done.stdout


def test_a_percent_sign_goes_through_two_hosts(build, tmp_path):
    """The edge hands routed addresses on, the server unpacks them for whom it trusts."""
    postfix(tmp_path / "mail", "10.0.0.5")
    postfix(tmp_path / "gw", "10.0.0.9")
    with open(tmp_path / "gw" / "main.cf", "a", encoding="ascii") as f:
        f.write("relay_domains = example.net\nallow_untrusted_routing = yes\n"
                "relay_recipient_maps = inline:{info@example.net=x}\n")
    system(tmp_path, """\
        server mail { path = mail }
        edge gw { path = gw; interface = 10.0.0.5/24; to = mail; domain = example.net }
        """)
    done = audit(build, tmp_path, "--system", "mail.system", "--json")
    assert done.returncode == 2, done.stdout
    first = verdict(done)["findings"][0]
    assert first["id"] == "J2" and first["fix"] == "allow_untrusted_routing = no"
    assert verdict(done)["witness"]["rcpt"] == ["victim%elsewhere.example@example.net"]


def test_a_firewall_hides_strangers(build, tmp_path):
    postfix(tmp_path / "mail", "10.0.0.0/24")
    system(tmp_path, """\
        nat fw { inside = 10.0.0.1; to = mail }
        server mail { path = mail }
        """)
    assert audit(build, tmp_path, "mail").returncode == 0
    done = audit(build, tmp_path, "--system", "mail.system", "--json")
    assert done.returncode == 2, done.stdout
    assert verdict(done)["severity"] == "nat"
    patch = audit(build, tmp_path, "--system", "mail.system", "--fix")
    assert patch.returncode == 2 and "+++ b/mail/main.cf" in patch.stdout


@pytest.mark.parametrize("text, word", [
    ("server a { path = nowhere }", "is missing"),
    ("server a { paht = x }", "mail.system:1: 'paht'"),
    ("", "no host"),
])
def test_a_bad_system_names_its_line(build, tmp_path, text, word):
    system(tmp_path, text)
    done = audit(build, tmp_path, "--system", "mail.system")
    assert done.returncode in (65, 66) and word in done.stderr
    assert done.stdout == ""


def test_system_and_paths_exclude_each_other(build, tmp_path):
    assert audit(build, tmp_path, "--system", "x", "y").returncode == 64
    assert audit(build, tmp_path, "--live", "--root", "/").returncode == 64


@pytest.fixture
def live(build, tmp_path):
    """Calls --live where the given tools are the host's own."""
    probe = subprocess.run(["unshare", "-mn", "true"], capture_output=True)
    if os.geteuid() != 0 or probe.returncode != 0 or shutil.which("postconf"):
        pytest.skip("needs root, a namespace, and a host without Postfix")
    tools = tmp_path / "tools"
    tools.mkdir()

    def run(scripts, *args):
        for name, text in scripts.items():
            (tools / name).write_text("#!/bin/sh\n" + text)
            (tools / name).chmod(0o755)
        return subprocess.run(
            ["unshare", "-mn", "sh", "-c", 'mount --bind "$1" /usr/local/sbin && shift && exec "$@"',
             "sh", str(tools), os.path.join(build.folder, "postern-audit"), "--live", *args],
            text=True, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)

    return run


def tool(folder):
    return textwrap.dedent(f"""\
        case "$2" in
        config_directory) echo {folder} ;;
        myhostname) echo mx.example.org ;;
        mail_version) echo 3.7.11 ;;
        esac
        """)


def test_live_asks_postconf_where_it_is(live, tmp_path):
    postfix(tmp_path / "etc", "0.0.0.0/0")
    done = live({"postconf": tool(tmp_path / "etc")}, "--json")
    assert done.returncode == 2, done.stdout + done.stderr
    found = verdict(done)["findings"][0]
    assert found["id"] == "PF05" and found["file"] == str(tmp_path / "etc" / "main.cf")
    assert found["prove"].endswith(" mx.example.org")


def test_live_does_not_wait_for_ever(live, tmp_path):
    done = live({"postconf": "sleep 1000\n"})
    assert done.returncode == 66 and "no mail server" in done.stderr


def test_live_takes_no_flood(live, tmp_path):
    done = live({"postconf": "exec yes\n"})
    assert done.returncode == 66 and "no mail server" in done.stderr
