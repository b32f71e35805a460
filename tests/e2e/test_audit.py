# SPDX-License-Identifier: GPL-3.0-or-later
"""postern audit as a program: files, roots, outputs, exit codes. What it says of configurations is
tested beside the code, and against real servers in the lab."""

import json
import os
import shutil
import subprocess
import time

import pytest

CLEAN = "compatibility_level = 3.6\nmydestination = own.example, localhost\nmynetworks = 127.0.0.0/8\n"
SENDERS = ("smtpd_relay_restrictions = permit_mynetworks, check_sender_access hash:/etc/postfix/senders,\n"
           "    reject_unauth_destination\n")


def lay(folder, **files):
    for name, text in files.items():
        path = os.path.join(folder, name.replace("__", "/").replace("_cf", ".cf"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
    return str(folder)


def audit(build, *args, **kwargs):
    return build.run("audit", *args, **kwargs)


def verdict(result):
    return json.loads(result.stdout.splitlines()[-1])


def test_clean(build, tmp_path):
    result = audit(build, lay(tmp_path, main_cf=CLEAN))
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "verdict: clean (1 service)\n"


def test_open_with_all_that_a_postmaster_asks(build, tmp_path):
    folder = lay(tmp_path, main_cf=CLEAN + "mynetworks = 127.0.0.0/8,\n  0.0.0.0/0\n")
    result = audit(build, folder)
    assert result.returncode == 2
    for part in ("open  PF05", "main.cf:5", "client ", "MAIL FROM:<", "RCPT TO:<victim@", "fix ",
                 "mynetworks = 127.0.0.0/8", "postfix reload", "postern test --own", "verdict: open"):
        assert part in result.stdout, part


def test_weaker_undecided_and_errors(build, tmp_path):
    half = lay(tmp_path / "half", main_cf=CLEAN + "smtpd_reject_unlisted_recipient = no\n")
    assert audit(build, half).returncode == 1
    unknown = lay(tmp_path / "unknown", main_cf=CLEAN + SENDERS.replace("permit_mynetworks, ", ""))
    assert audit(build, unknown).returncode == 3
    assert audit(build, str(tmp_path / "nowhere")).returncode == 66
    assert audit(build).returncode == 64
    assert audit(build, "--json", "--sarif", half).returncode == 64
    assert audit(build, "--kind", "nosuch", half).returncode == 64
    assert audit(build, "--nat", "300.0.0.1", half).returncode == 64
    other = lay(tmp_path / "other", README="hello\n")
    result = audit(build, os.path.join(other, "README"))
    assert result.returncode == 65 and "--kind" in result.stderr


def test_json(build, tmp_path):
    folder = lay(tmp_path, main_cf=CLEAN + SENDERS, senders="boss@own.example OK\n")
    result = audit(build, "--json", folder)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["type"] for line in lines] == ["door", "finding", "verdict"]
    assert lines[0]["port"] == 25 and "127.0.0.0/8" in lines[0]["trusted"]
    last = lines[-1]
    assert (last["severity"], last["exit"], result.returncode) == ("forged-sender", 2, 2)
    assert last["witness"]["mail"] == "boss@own.example"
    assert last["findings"][0] == lines[1]
    assert lines[1]["file"].endswith("/senders") and lines[1]["line"] == 1


def test_json_of_an_error(build, tmp_path):
    result = audit(build, "--json", str(tmp_path / "nowhere"))
    assert verdict(result)["severity"] == "undecided" and verdict(result)["error"]


def test_sarif(build, tmp_path):
    folder = lay(tmp_path, main_cf=CLEAN + "mynetworks = 0.0.0.0/0\n")
    result = audit(build, "--sarif", folder)
    doc = json.loads(result.stdout)
    assert doc["version"] == "2.1.0" and result.returncode == 2
    run = doc["runs"][0]
    found = run["results"][0]
    assert found["ruleId"] in [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert found["level"] == "error"
    region = found["locations"][0]["physicalLocation"]["region"]
    assert region["startLine"] == 4
    change = found["fixes"][0]["artifactChanges"][0]["replacements"][0]
    assert change["deletedRegion"]["startLine"] == 4 and change["deletedRegion"]["endLine"] == 5


@pytest.mark.parametrize("more", [
    "mynetworks = 127.0.0.0/8,\n  172.0.0.0/8\n\n# end\nmyorigin = own.example",
    SENDERS,
    "relay_domains = static:all\nrelay_recipient_maps = hash:/x\n",
    "smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = check_client_access static:OK, reject\n",
    "mynetworks_style = subnet\n",
    # Its own line at the end, behind one without a newline.
    "compatibility_level = 0\nsmtpd_recipient_restrictions = check_client_access static:OK, reject",
], ids=["network", "sender", "domains", "list", "style", "end"])
def test_the_patch_closes_it(build, tmp_path, more):
    base = CLEAN.replace("mynetworks = 127.0.0.0/8\n", "") if "style" in more else CLEAN
    folder = lay(tmp_path, main_cf=base + more, senders="own.example OK\n")
    facts = ["--interface", "203.0.113.5/24"]
    assert audit(build, *facts, "main.cf", cwd=folder).returncode == 2
    patch = audit(build, *facts, "--fix", "main.cf", cwd=folder)
    assert patch.returncode == 2
    if not shutil.which("patch"):
        pytest.skip("no patch(1)")
    done = subprocess.run(["patch", "-p1"], input=patch.stdout, text=True, cwd=folder, check=False,
                          capture_output=True)
    assert done.returncode == 0, done.stdout + patch.stdout
    after = audit(build, *facts, "main.cf", cwd=folder)
    assert after.returncode == 0, after.stdout


def test_below_a_root(build, tmp_path):
    root = lay(tmp_path / "image", etc__postfix__main_cf=CLEAN + SENDERS)
    # An absolute link of the image stays in the image.
    lay(root, srv__senders="own.example OK\n")
    os.symlink("/srv/senders", os.path.join(root, "etc/postfix/senders"))
    result = audit(build, "--json", "--root", root, "/etc/postfix")
    assert verdict(result)["severity"] == "forged-sender"
    assert verdict(result)["findings"][0]["file"] == "/etc/postfix/senders"
    os.unlink(os.path.join(root, "etc/postfix/senders"))
    os.symlink("../../../../../../../../etc/passwd", os.path.join(root, "etc/postfix/senders"))
    assert audit(build, "--root", root, "/etc/postfix").returncode == 3
    assert audit(build, "--root", str(tmp_path / "none"), "/etc/postfix").returncode == 66


def test_odd_files(build, tmp_path):
    folder = lay(tmp_path, main_cf=CLEAN + SENDERS)
    os.mkfifo(os.path.join(folder, "senders"))
    began = time.monotonic()
    assert audit(build, folder).returncode == 3
    assert time.monotonic() - began < 5
    os.unlink(os.path.join(folder, "senders"))
    with open(os.path.join(folder, "senders"), "wb") as f:
        f.truncate(100 << 20)
    result = audit(build, folder)
    assert result.returncode == 3 and "larger" in result.stdout
    with open(os.path.join(folder, "main.cf"), "wb") as f:
        f.truncate(100 << 20)
    result = audit(build, folder)
    assert result.returncode == 65 and "main.cf" in result.stderr and "larger" in result.stderr
    with open(os.path.join(folder, "main.cf"), "wb") as f:
        f.write(bytes(range(256)) * 100)
    result = audit(build, "--kind", "postfix", folder)
    assert result.returncode == 65 and "is no text" in result.stderr


def test_a_stranger_s_bytes_stay_quoted(build, tmp_path):
    folder = lay(tmp_path, main_cf=CLEAN + SENDERS, senders="b\x1b[31m@own.example OK\n")
    result = audit(build, folder)
    assert result.returncode == 2 and "\x1b" not in result.stdout
    assert verdict(audit(build, "--json", folder))["severity"] == "forged-sender"


def test_speed(build, tmp_path):
    many = "".join(f"user{i}@own.example OK\n" for i in range(50000))
    folder = lay(tmp_path, main_cf=CLEAN + SENDERS, senders=many)
    began = time.monotonic()
    assert audit(build, folder).returncode == 2
    assert time.monotonic() - began < 5
