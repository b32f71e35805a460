# SPDX-License-Identifier: GPL-3.0-or-later
"""postern audit as a program: outputs, exit statuses, patches, roots, and what it does with junk.

test_audit.py asks for the plain things; here are every status, each patch, SARIF's shape, and the
limits. Whether verdicts are true is asked of real servers, in tests/lab (agreement.py)."""

import json
import os
import pty
import re
import select
import subprocess
import time

import pytest

PATIENCE = 60
MASTER = "smtp inet n - y - - smtpd\n"
HEAD = """\
compatibility_level = 3.6
myhostname = mx.example.org
mydestination = $myhostname, example.org, localhost
"""
GOOD = """\
mynetworks = 127.0.0.0/8 [::1]/128
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
"""
WIDE = """\
mynetworks = 127.0.0.0/8, 0.0.0.0/0
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
"""
SENDER = """\
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks,
    check_sender_access inline:{partner.example=OK},
    reject_unauth_destination
"""
LATENT_MASTER = MASTER + """\
127.0.0.1:10026 inet n - n - - smtpd
  -o smtpd_tls_security_level=none
"""


class Audit:
    """Configurations in a folder of their own, and the program."""

    def __init__(self, build, folder):
        self.build, self.folder = build, folder

    def lay(self, files, below="etc/postfix"):
        for name, text in files.items():
            path = self.folder / below / name if not name.startswith("/") else \
                self.folder / name[1:]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return self.folder / below

    def postfix(self, main, master=MASTER, **more):
        return self.lay({"main.cf": HEAD + main, "master.cf": master, **more})

    def run(self, *args, **more):
        more.setdefault("timeout", PATIENCE)
        return self.build.run("audit", *map(str, args), **more)

    def json(self, *args):
        r = self.run("--json", *args)
        lines = [json.loads(row) for row in r.stdout.splitlines()]
        assert lines, r.stderr
        return r.returncode, lines


@pytest.fixture
def audit(build, tmp_path):
    return Audit(build, tmp_path)


# --- verdicts, exit statuses ------------------------------------------------------------------------

@pytest.mark.parametrize("main, severity, status", [
    (GOOD, "clean", 0),
    (WIDE, "open", 2),
    (SENDER, "forged-sender", 2),
], ids=["clean", "open", "forged"])
def test_verdict_and_exit_status(audit, main, severity, status):
    code, lines = audit.json(audit.postfix(main))
    assert (code, lines[-1]["type"], lines[-1]["severity"]) == (status, "verdict", severity)
    assert lines[-1]["exit"] == status


def test_weaker_finding_ends_with_1(audit):
    """A relay that only its binding keeps from strangers is one change away from being one."""
    master = MASTER + ("127.0.0.1:2525 inet n - n - - smtpd\n"
                       "  -o smtpd_relay_restrictions=permit_mynetworks,check_client_access,"
                       "static:OK,reject\n")
    code, lines = audit.json("--published", "25", audit.postfix(
        "mynetworks = 127.0.0.0/8\n", MASTER + master.replace("127.0.0.1:", "").replace(MASTER, "")))
    assert lines[-1]["severity"] == "latent"
    assert code == 1


def test_undecided_ends_with_3(audit):
    """A map that is not there could say anything."""
    main = ("smtpd_relay_restrictions = permit_mynetworks, check_client_access "
            "hash:/etc/postfix/gone, reject_unauth_destination\nmynetworks = 127.0.0.0/8\n")
    folder = audit.postfix(main)
    code, lines = audit.json("--root", audit.folder, "/etc/postfix")
    assert lines[-1]["severity"] == "undecided"
    assert code == 3
    doubts = [f for f in lines[-1]["findings"] if f["severity"] == "undecided"]
    assert doubts and "gone" in doubts[0]["why"] + (doubts[0].get("fix") or "")
    assert doubts[0]["line"] == 4, "the line that names the map"
    assert folder.exists()


@pytest.mark.parametrize("args, status, said", [
    ([], 64, "PATH"),
    (["--json", "--sarif", "X"], 64, "choose one"),
    (["--json", "--fix", "X"], 64, "choose one"),
    (["--nonsense", "X"], 64, "nonsense"),
    (["--kind", "nonsense", "X"], 64, "nonsense"),
    (["--interface", "300.1.1.1/8", "X"], 64, "300.1.1.1"),
    (["--published", "70000", "X"], 64, "70000"),
    (["--nat", "a", "X"], 64, "--nat"),
    (["/nowhere/at/all"], 66, "/nowhere/at/all"),
    (["--root", "/nowhere/at/all", "/etc/postfix"], 66, "/nowhere/at/all"),
], ids=lambda v: " ".join(v) if isinstance(v, list) else str(v))
def test_misuse(audit, args, status, said):
    good = audit.postfix(GOOD)
    r = audit.run(*[str(good) if a == "X" else a for a in args])
    assert r.returncode == status, r.stderr
    assert said in r.stderr
    assert r.stdout == ""


def test_kinds_are_listed(audit):
    r = audit.run("--list-kinds")
    assert r.returncode == 0
    assert "postfix" in r.stdout.split()


def test_help_names_every_option(audit):
    r = audit.run("--help")
    assert r.returncode == 0
    for option in ("--json", "--sarif", "--fix", "--root", "--host-name", "--nat", "--list-kinds"):
        assert option in r.stdout


# --- text -------------------------------------------------------------------------------------------

def test_text_says_all_that_is_needed(audit):
    """Severity, rule, file and line, why, the envelope, the fix, the restart, the proof."""
    folder = audit.postfix(WIDE)
    r = audit.run(folder)
    assert r.returncode == 2
    assert f"{folder}/main.cf:4" in r.stdout
    for word in ("open", "why", "passes", "MAIL FROM:<", "RCPT TO:<", "fix", "then", "prove",
                 "postern test", "verdict: open"):
        assert word in r.stdout, word
    assert "\x1b" not in r.stdout, "no colour into a pipe"


def test_colour_only_on_a_terminal(audit):
    folder = audit.postfix(WIDE)
    assert "\x1b[" in audit.run("--color", "always", folder).stdout
    primary, secondary = pty.openpty()
    try:
        r = subprocess.Popen([audit.build.program(), "audit", str(folder)], stdout=secondary,
                             env={**os.environ, "TERM": "xterm"}, stdin=subprocess.DEVNULL)
        os.close(secondary)
        shown = b""
        while select.select([primary], [], [], 10)[0]:
            try:
                part = os.read(primary, 65536)
            except OSError:
                break
            if not part:
                break
            shown += part
        assert r.wait(10) == 2
    finally:
        os.close(primary)
    assert b"\x1b[" in shown


def test_strangers_bytes_are_escaped(audit):
    """A configuration can hold what would move a terminal's cursor."""
    main = ("mynetworks = 127.0.0.0/8\nsmtpd_relay_restrictions = permit_mynetworks, "
            "check_sender_access inline:{a\x1b[2Jb.example=OK}, reject_unauth_destination\n")
    r = audit.run(audit.postfix(main))
    assert "\x1b" not in r.stdout + r.stderr
    code, lines = audit.json(audit.postfix(main))
    assert lines[-1]["type"] == "verdict"


# --- JSON -------------------------------------------------------------------------------------------

def test_json_lines(audit):
    code, lines = audit.json(audit.postfix(SENDER))
    verdict = lines[-1]
    found = [row for row in lines if row["type"] == "finding"]
    assert [row["type"] for row in lines].count("verdict") == 1
    assert [f["id"] for f in verdict["findings"]] == [f["id"] for f in found]
    worst = verdict["findings"][0]
    assert worst["severity"] == verdict["severity"]
    assert worst["file"].endswith("/main.cf") and worst["line"] in (5, 6)
    assert verdict["witness"] == worst["witness"]
    assert verdict["witness"]["mail"].endswith("@partner.example")
    assert verdict["witness"]["rcpt"] == ["victim@elsewhere.example"]
    for key in ("why", "fix", "restart", "prove"):
        assert worst[key], key
    assert "--from" in worst["prove"] and "partner.example" in worst["prove"]
    doors = [row for row in lines if row["type"] == "door"]
    assert [(d["port"], d["kind"]) for d in doors] == [(25, "postfix")]


def test_json_of_a_clean_server(audit):
    code, lines = audit.json(audit.postfix(GOOD))
    assert code == 0
    assert lines[-1]["findings"] == [] and lines[-1]["witness"] is None


def test_json_of_an_error_still_ends_with_a_verdict(audit):
    r = audit.run("--json", audit.lay({"main.cf": b"\0\1\2" * 100, "master.cf": MASTER}))
    last = json.loads(r.stdout.splitlines()[-1])
    assert r.returncode == 65
    assert last["type"] == "verdict" and last["severity"] == "undecided"
    assert "main.cf" in last["error"]


# --- SARIF ------------------------------------------------------------------------------------------

LEVELS = {"none", "note", "warning", "error"}


def sarif_faults(doc):
    """What is wrong with a SARIF 2.1.0 log, as far as its schema asks for anything we write."""
    bad = []

    def need(ok, text):
        if not ok:
            bad.append(text)
    need(doc.get("version") == "2.1.0", "version")
    need("sarif" in doc.get("$schema", "") and "2.1.0" in doc["$schema"], "$schema")
    need(isinstance(doc.get("runs"), list) and doc["runs"], "runs")
    for run in doc.get("runs", []):
        driver = run.get("tool", {}).get("driver", {})
        need(driver.get("name"), "tool.driver.name")
        rules = [rule["id"] for rule in driver.get("rules", [])]
        need(len(rules) == len(set(rules)), "rules: an id twice")
        need(isinstance(run.get("results"), list), "results")
        need(run.get("columnKind") in (None, "utf16CodeUnits", "unicodeCodePoints"), "columnKind")
        for r in run.get("results", []):
            need(r.get("message", {}).get("text"), "message.text")
            need(r.get("ruleId") in rules, f"ruleId {r.get('ruleId')}")
            need(r.get("level", "warning") in LEVELS, f"level {r.get('level')}")
            need(r.get("kind", "fail") in {"notApplicable", "pass", "fail", "review", "open",
                                           "informational"}, f"kind {r.get('kind')}")
            need(r.get("kind", "fail") == "fail" or r.get("level") == "none" or
                 r.get("kind") == "review", "level with a kind that is no failure")
            for place in r.get("locations", []):
                physical = place.get("physicalLocation", {})
                uri = physical.get("artifactLocation", {}).get("uri", "")
                need(uri and " " not in uri, f"uri {uri!r}")
                line = physical.get("region", {}).get("startLine", 1)
                need(isinstance(line, int) and line >= 1, f"startLine {line}")
            for fix in r.get("fixes", []):
                need(fix.get("artifactChanges"), "artifactChanges")
                for change in fix.get("artifactChanges", []):
                    need(change.get("artifactLocation"), "artifactChanges.artifactLocation")
                    need(change.get("replacements"), "replacements")
                    for part in change.get("replacements", []):
                        need("deletedRegion" in part, "deletedRegion")
    return bad


def test_sarif(audit):
    folder = audit.postfix(SENDER + "mynetworks = 0.0.0.0/0\n")
    r = audit.run("--sarif", folder)
    assert r.returncode == 2
    doc = json.loads(r.stdout)
    assert sarif_faults(doc) == []
    levels = {x["level"] for x in doc["runs"][0]["results"]}
    assert "error" in levels
    uris = {p["physicalLocation"]["artifactLocation"]["uri"] for x in doc["runs"][0]["results"]
            for p in x["locations"]}
    assert any(u.endswith("main.cf") for u in uris)


def test_sarif_of_a_clean_server_is_empty_but_whole(audit):
    r = audit.run("--sarif", audit.postfix(GOOD))
    doc = json.loads(r.stdout)
    assert (r.returncode, doc["runs"][0]["results"], sarif_faults(doc)) == (0, [], [])


# --- patches ----------------------------------------------------------------------------------------

PATCHED = {
    "wide network": (WIDE, MASTER, {}),
    "wide network on a line of its own": ("""\
mynetworks =
    127.0.0.0/8
# the whole world, for a test
    0.0.0.0/0
    [::1]/128
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
""", MASTER, {}),
    "sender map": (SENDER, MASTER, {}),
    "override in master.cf": (GOOD, MASTER + """\
submission inet n - y - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_relay_restrictions=check_client_access,static:OK,reject
""", {}),
    "no newline at the end": (WIDE.rstrip("\n"), MASTER, {}),
    "two at once": (WIDE.replace("reject_unauth_destination",
                                 "check_sender_access inline:{partner.example=OK}, "
                                 "reject_unauth_destination"), MASTER, {}),
    "IPv6": (GOOD.replace("[::1]/128", "[::1]/128 [::]/0"), MASTER, {}),
    "relay_domains": (GOOD + "relay_domains = static:all\n", MASTER, {}),
}


@pytest.mark.parametrize("case", PATCHED)
def test_patch_applies_and_closes(audit, case):
    """The patch alone, by patch(1), until nothing is left: what one hides the next run shows."""
    main, master, more = PATCHED[case]
    folder = audit.postfix(main, master, **more)
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    first, _ = audit.json(folder)
    assert first == 2
    for _ in range(3):
        r = audit.run("--fix", folder)
        assert {p.name: p.read_bytes() for p in folder.iterdir()} == before, "it never applies it"
        if not r.stdout:
            break
        p = subprocess.run(["patch", "-p1", "-d", "/"], input=r.stdout, text=True,
                           capture_output=True, check=False)
        assert p.returncode == 0, p.stdout + p.stderr + r.stdout
        assert "fuzz" not in p.stdout and "offset" not in p.stdout
        before = {p.name: p.read_bytes() for p in folder.iterdir() if p.suffix != ".orig"}
    code, lines = audit.json(folder)
    assert (code, lines[-1]["severity"]) == (0, "clean"), lines[-1]["findings"]


def test_nothing_to_patch(audit):
    r = audit.run("--fix", audit.postfix(GOOD))
    assert (r.returncode, r.stdout, r.stderr) == (0, "", "")


# --- roots ------------------------------------------------------------------------------------------

def test_root_keeps_names_below_it(audit):
    """An absolute name in the configuration lies below the root, and a map there is read."""
    main = ("mynetworks = 127.0.0.0/8\nsmtpd_relay_restrictions = permit_mynetworks, "
            "check_sender_access texthash:/etc/postfix/maps/senders, reject_unauth_destination\n")
    audit.postfix(main, **{"maps/senders": "partner.example OK\n"})
    code, lines = audit.json("--root", audit.folder, "/etc/postfix")
    assert lines[-1]["severity"] == "forged-sender"
    files = {f["file"] for f in lines[-1]["findings"]}
    assert all(f.startswith("/etc/postfix/") for f in files), files


def test_root_is_not_left_by_links(audit):
    """A link in an image that leads to a file of this machine leads nowhere."""
    outside = audit.lay({"senders": "partner.example OK\n"}, below="outside")
    main = ("mynetworks = 127.0.0.0/8\nsmtpd_relay_restrictions = permit_mynetworks, "
            "check_sender_access texthash:/etc/postfix/senders, reject_unauth_destination\n")
    folder = audit.lay({"main.cf": HEAD + main, "master.cf": MASTER}, below="image/etc/postfix")
    os.symlink(outside / "senders", folder / "senders")
    os.symlink("../../../outside/senders", folder / "other")
    code, lines = audit.json("--root", audit.folder / "image", "/etc/postfix")
    assert lines[-1]["severity"] == "undecided"


def test_copy_of_a_folder_is_read_beside_itself(audit):
    """/etc/postfix/senders of a copy is the file in the copy, not this machine's."""
    main = ("mynetworks = 127.0.0.0/8\nsmtpd_relay_restrictions = permit_mynetworks, "
            "check_sender_access texthash:/etc/postfix/senders, reject_unauth_destination\n")
    folder = audit.lay({"main.cf": HEAD + main, "master.cf": MASTER,
                        "senders": "partner.example OK\n"}, below="backup")
    code, lines = audit.json(folder)
    assert lines[-1]["severity"] == "forged-sender"
    assert lines[-1]["findings"][0]["line"]


# --- facts of the host ------------------------------------------------------------------------------

def test_known_nat_is_certain(audit):
    main = GOOD.replace("127.0.0.0/8", "127.0.0.0/8 192.168.25.0/24")
    folder = audit.postfix(main)
    assert audit.json(folder)[1][-1]["severity"] == "clean"
    code, lines = audit.json("--nat", "192.168.25.1", folder)
    assert (code, lines[-1]["severity"]) == (2, "nat")
    assert lines[-1]["findings"][0]["certain"] is True


def test_unpublished_port_is_latent(audit):
    master = MASTER + ("2525 inet n - n - - smtpd\n"
                       "  -o smtpd_relay_restrictions=check_client_access,static:OK,reject\n")
    folder = audit.postfix(GOOD, master)
    assert audit.json(folder)[0] == 2
    code, lines = audit.json("--published", "25", folder)
    assert (code, lines[-1]["severity"]) == (1, "latent")


# --- junk -------------------------------------------------------------------------------------------

def refused(r, name):
    """A clear error: status 65 or 66, one line that names the file and what to do, no more."""
    assert r.returncode in (65, 66), (r.returncode, r.stdout[-500:], r.stderr[-500:])
    assert name in r.stderr
    assert re.search(r"(; |: give |--)", r.stderr), f"no remedy: {r.stderr}"
    assert len(r.stderr.strip().splitlines()) == 1
    assert r.stdout == ""


def test_a_hundred_megabytes(audit):
    folder = audit.postfix(GOOD)
    with open(folder / "main.cf", "ab") as f:
        for _ in range(100):
            f.write(b"# 0123456789abcdef\n" * (1 << 20 >> 4))
    assert (folder / "main.cf").stat().st_size > 100_000_000
    started = time.monotonic()
    refused(audit.run(folder), "main.cf")
    assert time.monotonic() - started < 5


def test_a_line_of_ten_megabytes(audit):
    folder = audit.postfix(GOOD + "mydestination = " + "a.example, " * 1_000_000 + "\n")
    refused(audit.run(folder), "main.cf:6")


@pytest.mark.parametrize("junk", [bytes(range(256)) * 40, b"\x7fELF\2\1\1" + b"\0" * 5000,
                                  os.urandom(100_000)], ids=["bytes", "program", "random"])
def test_binary_junk(audit, junk):
    refused(audit.run(audit.lay({"main.cf": junk, "master.cf": MASTER})), "main.cf")
    refused(audit.run("--kind", "postfix", audit.folder / "etc/postfix/main.cf"), "main.cf")


def test_junk_that_nothing_knows(audit):
    path = audit.lay({"notes.txt": "milk, bread, and a lamp for the hall\n"}, below="x")
    r = audit.run(path / "notes.txt")
    refused(r, "notes.txt")
    assert "--kind" in r.stderr


def test_fifo_and_device_are_not_waited_for(audit):
    folder = audit.postfix(GOOD + "smtpd_sender_restrictions = check_sender_access "
                           "texthash:/etc/postfix/fifo\n")
    os.mkfifo(folder / "fifo")
    r = audit.run("--json", folder, timeout=10)
    assert json.loads(r.stdout.splitlines()[-1])["type"] == "verdict"
    os.unlink(folder / "main.cf")
    os.mkfifo(folder / "main.cf")
    r = audit.run(folder, timeout=10)
    assert r.returncode in (65, 66) and "main.cf" in r.stderr


LOOPS = {
    "names that hold one another": ("one = $two\ntwo = ${one}\nmynetworks = $one\n", {}, "two"),
    "a class within itself": ("smtpd_restriction_classes = a, b\na = b\nb = a\n"
                              "smtpd_relay_restrictions = check_client_access static:a, "
                              "reject_unauth_destination\n", {}, ""),
    "a list file that names itself": ("mynetworks = /etc/postfix/nets\n",
                                      {"nets": "127.0.0.0/8\n/etc/postfix/nets\n"}, "nets"),
    "two list files": ("mydestination = /etc/postfix/a\n",
                       {"a": "/etc/postfix/b\n", "b": "/etc/postfix/a\n"}, ""),
}


@pytest.mark.parametrize("case", LOOPS)
def test_loop(audit, case):
    """An error, or a finding "undecided" with the line: never a crash, a hang, or silence."""
    main, files, name = LOOPS[case]
    audit.postfix(main, **files)
    r = audit.run("--json", "--root", audit.folder, "/etc/postfix", timeout=20)
    last = json.loads(r.stdout.splitlines()[-1])
    assert r.returncode in (2, 3, 65), (r.returncode, r.stderr)
    said = last.get("error") or " ".join(f["why"] for f in last["findings"])
    assert re.search(r"loop|itself|too deep|one another|without end", said), said
    assert name in said


def test_folder_of_thousands_of_files_is_bounded(audit):
    files = {f"d/{n}": f"/etc/postfix/d/{n + 1}\n" for n in range(5000)}
    audit.postfix("mynetworks = /etc/postfix/d/0\n", **files)
    started = time.monotonic()
    r = audit.run("--json", "--root", audit.folder, "/etc/postfix", timeout=30)
    assert time.monotonic() - started < 20
    last = json.loads(r.stdout.splitlines()[-1])
    assert r.returncode in (3, 65)
    assert last.get("error") or last["findings"]
