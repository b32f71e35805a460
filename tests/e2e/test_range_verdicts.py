# SPDX-License-Identifier: GPL-3.0-or-later
"""postern test against every model of the range: the verdict is the row's, and so is the way in.

All models are tested in one run, with the sink inside the tester. A model shows that a probe finds
its class of hole; that Postern works is for the real servers of tests/lab to show."""

import fnmatch
import json
import os
import re
import subprocess

import pytest

from test_range import BUILD, MODELS, PORT, Range, by_id, free_port, terms

TEST = os.path.join(BUILD, "postern-test")
NETWORK = "127.27"
PATIENCE = 300

# Probes (as globs on their ids) that show a term of Opens, and no other term.
FORGED = ["local-forged", "host-forged", "localhost", "postmaster"]
SHOWN_BY = {
    "C1": ["third-party.plain"],
    "C2": ["null.plain"],
    "C3": [f"{name}.plain" for name in FORGED],
    "C4": ["no-domain.plain", "bang.plain"],
    "C5": ["literal.plain", "loopback-literal.plain"],
    "C6": ["*.quoted-whole", "*.quoted-percent"],
    "C7": ["*.quoted-at-*"],
    "C8": ["*.percent-*"],
    "C9": ["*.double-at-*"],
    "C10": ["*.bang", "*.bang-*"],
    "C11": ["*.source-route-*"],
    "C12": ["*.colon"],
    "C13": ["*.no-brackets"],
    "C14": ["third-party.plain.after-local"],
    "C15": ["*.imcea-*"],
    "C17": ["third-party.plain"],
    "C8+C2": ["null.percent-*"],
    "C8+C3": [f"{name}.percent-*" for name in FORGED],
}
# Rows of other families that are of the class too.
BESIDES = {
    "C8": ["*.too-long-command", "*.quoted-percent"],
    "C8+C3": [f"{name}.quoted-percent" for name in FORGED],
}
# Where a sender alone is trusted, whatever is spelt plainly passes with it.
WIDE = {"C1", "C17", "C2", "C3", "C4", "C5", "C14"}


def run(folder, ips, *options):
    """The verdict objects of one run over these addresses, by address."""
    targets = folder / "targets"
    targets.write_text("".join(f"{ip}:{PORT}\n" for ip in ips))
    command = [TEST, "--own", "--json", "--quiet", "--tls", "no", "--wait", "15",
               "--state", str(folder / "state"), "--probe-domain", "probe.example",
               "--sink-listen", f"127.0.0.1:{SINK}", "--name", "tester.probe.example",
               "--contact", "postmaster@probe.example", "--local-domain", "range.example",
               "--local-rcpt", "info@range.example", "--targets", str(targets), *options]
    got = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert got.returncode in (0, 1, 2, 3), got.stderr
    lines = [json.loads(line) for line in got.stdout.splitlines()]
    found = {}
    for line in lines:
        if line["type"] == "verdict":
            ip = line["target"].rsplit(":", 1)[0]
            assert ip not in found, "one verdict a target"
            found[ip] = line
    assert sorted(found) == sorted(ips), got.stderr
    return found, got.returncode


SINK = free_port()


def ip_of(row):
    return row["ip"].replace("127.26", NETWORK)


@pytest.fixture(scope="module")
def running():
    r = Range("--relay-to", f"127.0.0.1:{SINK}", listen=f"{NETWORK}.0.1")
    yield r
    assert r.stop()[0] == 0


@pytest.fixture(scope="module")
def verdicts(running, tmp_path_factory):
    found, code = run(tmp_path_factory.mktemp("all"), [ip_of(row) for row in MODELS])
    return {**found, "code": code}


def test_exit_status(verdicts):
    assert verdicts["code"] == 2, "something is open"


def matches(probe, globs):
    """Models are deaf to the HELO name, so what passes with one passes with all."""
    return any(fnmatch.fnmatch(re.sub(r"\.helo-.*", "", probe), glob) for glob in globs)


@pytest.mark.parametrize("row", MODELS, ids=[r["Id"] for r in MODELS])
def test_verdict_is_the_rows(row, verdicts):
    got = verdicts[ip_of(row)]
    said = [finding["id"] for finding in got["findings"]]
    assert got["verdict"] == row["Verdict"], (said, got["accepted_unproved"][:3])
    if row["Verdict"] == "closed":
        assert not got["proved"] and not got["accepted_unproved"]


@pytest.mark.parametrize("row", [r for r in MODELS if r["Verdict"] == "open"],
                         ids=lambda r: r["Id"])
def test_every_class_is_shown_and_no_other(row, verdicts):
    proved = verdicts[ip_of(row)]["proved"]
    names = ["+".join(sorted(t, key=lambda c: c not in ("C8",))) for t in terms(row, "Opens")]
    for name in names:
        assert any(matches(p["probe"], SHOWN_BY[name]) for p in proved), f"{name} was not shown"
    if not WIDE & set(names):
        globs = [glob for name in names for glob in SHOWN_BY[name] + BESIDES.get(name, [])]
        assert not [p["probe"] for p in proved if not matches(p["probe"], globs)]
    for p in proved:
        assert p["input"] == ip_of(row) and p["output"] == ip_of(row), p
        assert p["port"] == PORT and p["tls"] == "none" and p["helo"]


def test_only_in_company(verdicts):
    """The case that sixteen fixed rows miss: percent from the empty sender alone."""
    proved = {p["probe"] for p in verdicts[ip_of(by_id("lotus-smtp-mta-4.6.4"))]["proved"]}
    assert "null.percent-host" in proved
    assert all(name.startswith("null.percent-") for name in proved)


def test_null_session(running, tmp_path):
    row = by_id("exchange-2000")
    found, code = run(tmp_path, [ip_of(row)], "--with", "auth")
    assert code == 2 and found[ip_of(row)]["verdict"] == "open"
    assert [p["probe"] for p in found[ip_of(row)]["proved"]] == ["third-party.plain+auth-ntlm-null"]


def test_backscatter_is_no_relay(running, tmp_path):
    row = by_id("backscatter")
    found, _ = run(tmp_path, [ip_of(row)], "--family", "backscatter")
    got = found[ip_of(row)]
    assert not got["proved"] and got["verdict"] != "open"
    assert any("backscatter" in finding["id"] for finding in got["findings"]), got["findings"]
