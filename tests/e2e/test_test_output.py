# SPDX-License-Identifier: GPL-3.0-or-later
"""What postern test prints: the JSON that scripts rely on, the other forms, exit statuses.

One open, one closed and one accepting model of the range, and a server of the tests."""

import datetime
import html.parser
import json
import os
import re
import subprocess
import xml.etree.ElementTree

import pytest

import testlib
from test_range import by_id, PORT, Range
from testlib import EXIT, Server, Tester

NETWORK = "127.29"
ALWAYS = ("--own", "--tls", "no", "--wait", "5", "--local-domain", "range.example",
          "--local-rcpt", "postmaster@range.example")


def place(name):
    return f"{by_id(name)['ip'].replace('127.26', NETWORK)}:{PORT}"


@pytest.fixture(scope="module")
def tester(tmp_path_factory):
    return Tester(tmp_path_factory.mktemp("output"), *ALWAYS)


@pytest.fixture(scope="module", autouse=True)
def running(tester):
    r = Range("--relay-to", f"127.0.0.1:{tester.sink}", listen=f"{NETWORK}.0.1")
    yield r
    assert r.stop()[0] == 0


@pytest.fixture(scope="module")
def opened(tester):
    return tester.json(place("sendmail-8.8"))


@pytest.fixture(scope="module")
def closed(tester):
    return tester.json(place("postfix"))


def test_exit_status(opened, closed, tester):
    assert (opened.code, closed.code) == (2, 0)
    assert (opened.err, closed.err) == ("", "")
    both = tester.json(place("postfix"), place("sendmail-8.8"), "--quiet")
    assert both.code == 2  # the worst of all
    assert tester.json("--skip", "*", place("postfix")).code == 64


def test_json_is_one_object_a_line_and_ends_with_the_verdict(opened):
    kinds = [line["type"] for line in opened.lines]
    assert set(kinds) == {"probe", "door", "verdict"}
    assert kinds.count("verdict") == 1 and kinds[-1] == "verdict"
    assert kinds.index("door") > max(i for i, kind in enumerate(kinds) if kind == "probe")
    assert opened.out.isascii()
    assert len({line["run"] for line in opened.lines}) == 1
    assert {line["target"] for line in opened.lines} == {place("sendmail-8.8")}


VERDICT = {"type": str, "run": str, "target": str, "addresses": list, "verdict": str, "why": str,
           "control": dict, "proved": list, "accepted_unproved": list, "findings": list,
           "counts": dict, "started": str, "ended": str, "ms": int, "next": list}
DOOR = {"type": str, "run": str, "target": str, "address": str, "family": str, "port": int,
        "tls": str, "verdict": str, "why": str, "banner": str, "server": str, "ehlo": list,
        "control": dict, "optional": bool, "sessions": int, "session_list": list, "waits": int,
        "ms": int, "tried": int, "refused": int, "inferred": int, "accepted": int, "bounced": int,
        "proved": int, "deferred": int, "lost": int, "skipped": int}
PLACE = {"probe": str, "mail": str, "rcpt": str, "helo": str, "port": int, "tls": str,
         "family": str, "address": str}
PROBE = {**PLACE, "type": str, "run": str, "target": str, "refs": list, "probe_family": str,
         "channel": str, "flaw": str, "state": str, "transcript": list}
ANSWERED = {"meaning": str, "stage": str, "code": int, "enhanced": str, "text": str, "sent": str,
            "ms": int, "session": int, "attempts": int}
PROVED = {**PLACE, "flaw": str, "when": str, "delay": (int, float), "input": str, "output": str,
          "source": str, "scope": str, "hops": list}


def has(line, members):
    for name, kind in members.items():
        assert name in line, (name, line)
        assert isinstance(line[name], kind), (name, line[name])


def test_members(opened, closed):
    for result in (opened, closed):
        has(result.verdict, VERDICT)
        has(result.verdict["control"], {"rcpt": str, "accepted": bool, "code": int,
                                        "meaning": str, "text": str})
        for door in result.of_type("door"):
            has(door, DOOR)
            assert sum(door[n] for n in ("refused", "accepted", "bounced", "proved", "deferred",
                                         "lost", "skipped")) == len(result.of_type("probe"))
        for probe in result.of_type("probe"):
            # A text whose values are missing cannot be told.
            has(probe, PROBE if probe["state"] != "skipped" else {
                name: kind for name, kind in PROBE.items() if name not in ("mail", "rcpt", "helo")})
            if probe["state"] in ("refused", "proved", "accepted"):
                has(probe, ANSWERED)
            if probe["state"] == "skipped":
                assert probe["needs"] and probe["transcript"] == []


def test_closed_says_what_it_rests_on(closed):
    verdict = closed.verdict
    assert verdict["verdict"] == "closed" and verdict["addresses"] == [place("postfix")[:-len(f":{PORT}")]]
    assert verdict["control"]["accepted"] and verdict["control"]["code"] == 250
    assert verdict["control"]["rcpt"] == "<postmaster>"
    assert verdict["proved"] == [] == verdict["accepted_unproved"]
    counts = verdict["counts"]
    assert counts["refused"] == counts["tried"] > 100 and counts["lost"] == 0
    refused = [p for p in closed.of_type("probe") if p["state"] == "refused"]
    assert len(refused) + counts["inferred"] == counts["refused"]
    for probe in refused:
        assert probe["meaning"] in ("relay-denied", "syntax", "unknown-user", "sender-refused",
                                    "unsupported") or ".helo-none" in probe["probe"], probe
        # The lines that were said, in their order, the refusal the last.
        lines = probe["transcript"]
        assert lines[0].startswith("C: MAIL FROM:") and lines[-1].startswith(f"S: {probe['code']}")
        if probe["stage"] == "rcpt":
            assert f"C: RCPT TO:{probe['rcpt']}" in [line.replace("\\\\", "\\") for line in lines] \
                or "\\" in probe["rcpt"]


def test_proved_probes_tell_the_whole_way(opened, tester):
    verdict = opened.verdict
    assert verdict["verdict"] == "open" and len(verdict["proved"]) > 10
    started = datetime.datetime.fromisoformat(verdict["started"].replace("Z", "+00:00"))
    host = verdict["addresses"][0]
    for proof in verdict["proved"]:
        has(proof, PROVED)
        assert proof["input"] == proof["output"] == proof["address"] == host
        assert proof["port"] == PORT and proof["tls"] == "none" and proof["family"] == "ipv4"
        assert proof["helo"] == "tester.probe.example" or ".helo-" in proof["probe"]
        assert re.match(r"<?.*>?$", proof["mail"]) and testlib.DOMAIN in proof["rcpt"].lower()
        assert 0 <= proof["delay"] < 5 and proof["source"] == "embedded"
        when = datetime.datetime.fromisoformat(proof["when"].replace("Z", "+00:00"))
        assert abs((when - started).total_seconds()) < 60
        # The model wrote a Received line, and it has our address.
        assert proof["hops"][0]["ip"] == "127.0.0.1"
    assert "relay-proved" in opened.findings()
    # A proved probe has its own line, with the same arrival, and the reply to its body.
    probes = {p["probe"]: p for p in opened.of_type("probe")}
    for proof in verdict["proved"]:
        probe = probes[proof["probe"]]
        assert probe["state"] == "proved" and probe["arrival"]["output"] == host
        assert probe["stage"] == "body" and probe["code"] == 250
        assert any(line.startswith("C: RCPT TO:") for line in probe["transcript"])
    assert verdict["counts"]["proved"] == len(verdict["proved"])
    # Each token is in the store, once.
    shown = tester.other("postern-proofs", "--json")
    assert len({json.loads(line)["probe"] for line in shown.out.splitlines()}) >= len(verdict["proved"])


def test_accepted_unproved(tester):
    with Server(rcpt=testlib.open_to_all) as server:
        got = tester.json("--wait", "0", "--only", "third-party.plain", server.target)
    verdict = got.verdict
    assert (got.code, verdict["verdict"], verdict["proved"]) == (1, "accepts", [])
    [accepted] = verdict["accepted_unproved"]
    has(accepted, {**PLACE, "state": str, "code": int, "text": str})
    assert accepted["probe"] == "third-party.plain" and accepted["code"] == 250
    assert accepted["text"] == "2.0.0 Ok: queued"
    assert any("--wait" in step for step in verdict["next"])


def test_no_source_says_what_would_prove_it(tmp_path):
    """Without the store even a sink elsewhere has no way to tell us."""
    tester = Tester(tmp_path, "--own", "--tls", "no", "--wait", "1", sink=False)
    with Server(rcpt=testlib.open_to_all) as server:
        got = tester.json("--no-store", "--only", "third-party.plain", server.target)
    assert got.code == 1 and got.verdict["verdict"] == "accepts"
    assert any(all(word in step for word in ("--sink-listen", "--maildir", "--imap", "postern prove"))
               for step in got.verdict["next"])


def test_undecided(tester):
    port = testlib.free_port()
    got = tester.json(f"127.0.0.1:{port}")
    assert got.code == 3 and got.verdict["verdict"] == "unreachable"
    assert {door["banner"] for door in got.of_type("door")} == {""}
    assert got.verdict["control"] is None and got.verdict["counts"]["tried"] == 0


# --- the other forms -------------------------------------------------------------------------------

def test_table(tester):
    got = tester(place("sendmail-8.8"))
    assert got.code == 2 and got.err == ""
    assert got.out.startswith(f"OPEN RELAY  {place('sendmail-8.8')}\n")
    for words in ("Control: <postmaster> accepted (250)", "Doors", "Proved:", "MAIL FROM:", "RCPT TO:",
                  "arrived after", "Findings", "Next", "sendmail"):
        assert words in got.out, words
    assert "\x1b" not in got.out
    assert "\x1b[" in tester("--color", "always", place("postfix")).out
    every = tester("--all", place("postfix"))
    assert every.code == 0 and every.out.count("third-party.") > 5


def test_table_of_many(tester):
    got = tester("--quiet", place("postfix"), place("sendmail-8.8"), place("sims"))
    lines = got.out.splitlines()
    assert got.code == 2 and got.err == ""
    for name, word in (("postfix", "closed"), ("sendmail-8.8", "open"), ("sims", "closed")):
        assert any(place(name) in line and word in line.lower() for line in lines), got.out
    assert re.search(r"\b3 targets", got.out) or re.search(r"targets.*\b3\b", got.out), got.out


def test_junit(tester):
    got = tester("--junit", place("sendmail-8.8"), place("postfix"), "--quiet")
    root = xml.etree.ElementTree.fromstring(got.out)
    suites = {suite.get("name"): suite for suite in root.iter("testsuite")}
    assert got.code == 2 and set(suites) == {place("sendmail-8.8"), place("postfix")}
    failed = [case for case in suites[place("sendmail-8.8")] if case.find("failure") is not None]
    assert len(failed) > 10 and any("third-party.percent-host" in case.get("name") for case in failed)
    assert int(suites[place("postfix")].get("failures")) == 0
    assert int(suites[place("sendmail-8.8")].get("failures")) == len(failed)
    assert int(suites[place("postfix")].get("tests")) > 100


def test_prometheus(tester):
    got = tester("--prometheus", place("sendmail-8.8"), place("postfix"), "--quiet")
    series = {}
    for line in got.out.splitlines():
        if line.startswith("#"):
            assert re.match(r"# (HELP|TYPE) postern_\w+ ", line), line
            continue
        found = re.fullmatch(r'(postern_\w+)(\{(?:\w+="(?:[^"\\]|\\.)*",?)*\})? (-?[\d.e+]+)', line)
        assert found, line
        assert (found[1], found[2]) not in series, "each series once"
        series[found[1], found[2]] = float(found[3])
    assert got.code == 2

    def value(name, target, **labels):
        want = {f'{k}="{v}"' for k, v in {"target": target, **labels}.items()}
        found = [v for (n, ls), v in series.items() if n == name and want <= set(ls[1:-1].split(","))]
        assert len(found) == 1, (name, labels, sorted(k for k in series if k[0] == name)[:20])
        return found[0]

    assert value("postern_relay_verdict", place("postfix"), verdict="closed") == 1
    assert value("postern_relay_verdict", place("postfix"), verdict="open") == 0
    assert value("postern_relay_verdict", place("sendmail-8.8"), verdict="open") == 1


@pytest.mark.parametrize("name,code,word", [("sendmail-8.8", 2, "CRITICAL"), ("postfix", 0, "OK")])
def test_nagios(tester, name, code, word):
    got = tester("--nagios", place(name))
    assert got.code == code and got.err == ""
    assert re.fullmatch(rf"[A-Z ]*{word}[ :-].*\|.*\n", got.out), got.out


def test_nagios_of_accepts_and_undecided(tester):
    with Server(rcpt=testlib.open_to_all) as server:
        got = tester("--nagios", "--wait", "0", "--only", "third-party.plain", server.target)
    assert got.code == 1 and "WARNING" in got.out
    got = tester("--nagios", f"127.0.0.1:{testlib.free_port()}")
    assert got.code == 3 and "UNKNOWN" in got.out


class Page(html.parser.HTMLParser):
    """Elements are closed in the order in which they were opened; nothing is loaded from elsewhere."""

    EMPTY = {"meta", "br", "link", "img", "hr", "col", "input"}

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.text = [], [], ""

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), (tag, name)
            if name in ("src", "href", "action") and value:
                assert value.startswith(("#", "data:", "https://", "mailto:")) and name != "src", value
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (tag, self.open)
        self.open.pop()

    def handle_data(self, data):
        self.text += data


def test_html(tester, tmp_path):
    path = tmp_path / "report.html"
    got = tester("--json", "--html", path, place("sendmail-8.8"))
    assert got.code == 2 and got.verdict["verdict"] == "open"  # both forms at once
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    page.close()
    assert page.open == [] and {"html", "svg", "table"} <= set(page.seen)
    assert "script" not in page.seen and "link" not in page.seen
    assert place("sendmail-8.8") in page.text and "third-party.percent-host" in page.text
    # Once more over the same file: it is replaced whole.
    assert tester("--html", path, place("postfix")).code == 0
    assert "third-party.percent-host" not in path.read_text() or "closed" in path.read_text().lower()


def test_show_is_the_same_as_on_the_day(tester, opened):
    assert tester.show(opened.verdict["run"]).lines == opened.lines


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_full_disk_of_standard_output(tester):
    with open("/dev/full", "w") as full:
        p = subprocess.run(tester.command("--json", place("postfix")), stdout=full,
                           stderr=subprocess.PIPE, text=True, timeout=testlib.PATIENCE)
    assert p.returncode == 74 and "No space left" in p.stderr, p.stderr


def test_exits_are_those_of_nagios():
    assert EXIT == {"closed": 0, "accepts": 1, "open": 2, "blocked": 3, "inconclusive": 3,
                    "unreachable": 3}
