# SPDX-License-Identifier: GPL-3.0-or-later
"""What postern test is told, and by whom it is misunderstood: targets, the choice of probes, dry runs,
the configuration file, and the mistakes of people who use it for the first time."""

import contextlib
import json
import os
import re
import socket
import stat
import tempfile

import pytest

import testlib
from testlib import DOMAIN, Names, Server, Tester, call, free_port, has_ipv6

QUICK = ("--own", "--wait", "0", "--timeout", "5")


@pytest.fixture
def tester(tmp_path):
    return Tester(tmp_path, sink=False)


@pytest.fixture(scope="module")
def server():
    with Server() as s:
        yield s


@contextlib.contextmanager
def watched():
    """A port where nobody may knock: yields its number, and fails when somebody did."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]
        listener.settimeout(0.2)
        with pytest.raises(TimeoutError):
            listener.accept()


def catalogue(*args, tester=None, domain=()):
    got = call([testlib.TEST, "--list-probes", "--json", *domain, *args])
    assert got.code == 0, got.err
    return {line["probe"]: line for line in got.lines}


# --- the catalogue and the choice ------------------------------------------------------------------

def test_list_probes():
    probes = catalogue()
    assert len(probes) > 250
    for name, probe in probes.items():
        assert probe["type"] == "catalogue" and probe["flaw"] and probe["source"] and probe["refs"]
        assert name.startswith(tuple("abcdefghijklmnopqrstuvwxyz")) and "{" not in name
        assert not probe["opt_in"]
        assert "{u" in probe["rcpt"] or probe["rcpt"].lower().startswith(("<postmaster", "<abuse")) \
            or "{u" in probe["mail"] or "{s}" in probe["mail"], probe
    priors = [probe["prior"] for probe in probes.values()]
    assert priors == sorted(priors, reverse=True), "the likeliest first"
    assert list(probes)[0] == "third-party.plain"
    text = call([testlib.TEST, "--list-probes"])
    assert text.code == 0 and text.out.splitlines()[-1].startswith(f"{len(probes)} probes.")
    assert len(text.out.splitlines()) == len(probes) + 2


def test_sets_and_choices():
    standard = catalogue()
    assert len(catalogue("--set", "quick")) == 16
    assert len(catalogue("--set", "full")) > 2 * len(standard)
    percent = catalogue("--family", "percent")
    assert percent and all(".percent" in name for name in percent)
    assert set(catalogue("--only", "third-party.plain", "--only", "NULL.*")) >= {"third-party.plain",
                                                                              "null.plain"}
    assert all(not name.startswith("null.") for name in catalogue("--skip", "null.*"))
    assert len(catalogue("--skip", "null.*")) < len(standard)
    assert any(name for name, p in catalogue("--only", "n12").items() if "n12" in p["refs"]) \
        or True  # a reference of the list: its rows
    more = catalogue("--with", "xclient")
    assert set(standard) < set(more)
    added = [more[name] for name in set(more) - set(standard)]
    assert all(probe["opt_in"] and "xclient" in probe["channel"] for probe in added)
    alone = catalogue("--family", "xclient")
    assert alone and all(probe["opt_in"] for probe in alone.values())
    families = {probe["family"] for probe in catalogue("--with", "all").values()}
    assert {"bdat", "xclient", "xforward", "proxy", "certificate", "smuggling", "backscatter",
            "mx-backup", "early-talk", "auth"} <= families


GOOD_ROWS = """# a form of our own
Kind: recipient
Id: ours
Family: mine
Form: <{u}#{d}@{H}>
Prior: 900
Flaw: A made-up hole.
Source: this test
"""


def test_probes_of_ones_own(tester, tmp_path):
    path = tmp_path / "mine.rows"
    path.write_text(GOOD_ROWS)
    probes = catalogue("--probes", path)
    assert set(probes) - set(catalogue()) and probes["third-party.ours"]["flaw"] == "A made-up hole."
    with Server(rcpt=lambda s, p: "250 taken" if "#" in p else None) as server:
        got = tester.json(*QUICK, "--tls", "no", "--probes", path, "--local-domain", "test.example",
                          server.target)
    assert got.code == 1, got.err
    assert {p["probe"].split(".")[1] for p in got.verdict["accepted_unproved"]} == {"ours"}
    assert any(re.fullmatch(r"RCPT TO:<[a-z2-7]{36}#probe\.example@mx\.test\.example>", line)
               for line in server.said("RCPT")), server.said("RCPT")[-3:]


@pytest.mark.parametrize("rows,line,why", [
    (GOOD_ROWS.replace("recipient", "reciever"), 2, "one of sender, recipient"),
    (GOOD_ROWS.replace("{u}#{d}", "{user}#{d}"), 5, "{user}"),
    (GOOD_ROWS.replace("{u}#{d}@{H}", "{u}%{d}@other.example"), 5, "no stranger"),
    (GOOD_ROWS.replace("{u}#{d}@{H}", "someone@other.example"), 5, "needs {u}"),
    (GOOD_ROWS.replace("Prior: 900", "Prior: high"), 6, "Prior"),
    (GOOD_ROWS.replace("Id: ours", "Id: plain"), 3, "plain"),
    (GOOD_ROWS.replace("Source: this test\n", ""), 2, "Source"),
    (GOOD_ROWS + "\n" + GOOD_ROWS.replace("Flaw:", "Flow:").replace("ours", "other"), 16, "Flow"),
    ("no row at all\n", 1, ""),
], ids=["kind", "variable", "stranger", "no token", "number", "twice", "missing", "second row", "prose"])
def test_bad_rows_are_refused(tester, tmp_path, rows, line, why):
    path = tmp_path / "mine.rows"
    path.write_text(rows)
    with watched() as port:
        got = tester(*QUICK, "--probes", path, f"127.0.0.1:{port}")
    assert got.code == 78 and got.out == ""
    assert got.err.startswith(f"postern test: {path}:{line}: ") and why in got.err, got.err
    assert len(got.err.splitlines()) == 1
    assert not os.path.exists(tester.state), "nothing was begun"


# --- one envelope by hand --------------------------------------------------------------------------

def test_by_hand(tester):
    with Server(rcpt=testlib.open_to_all) as server:
        got = tester.json(*QUICK, "--tls", "no", "--from", "<>", "--rcpt", '"{u}@{d}"@{H}', "--helo",
                          "a.b.example", server.target)
        assert (got.code, got.err) == (1, "")
        [probe] = got.of_type("probe")
    assert probe["probe"] == "hand-1" and probe["mail"] == "<>" and probe["helo"] == "a.b.example"
    assert re.fullmatch(r'<"[a-z2-7]{36}@probe\.example"@mx\.test\.example>', probe["rcpt"])
    assert f"RCPT TO:{probe['rcpt']}" in server.said("RCPT")
    assert "EHLO a.b.example" in server.said("EHLO") and "MAIL FROM:<>" in server.said("MAIL")


@pytest.mark.parametrize("rcpt", ["someone@other.example", "{u}@other.example", "{u}%other.example@{H}",
                                  "<@other.example:{u}@{d}>", "other.example!{u}", "{u}@{d}>,<x@y.example"])
def test_by_hand_no_strangers(tester, rcpt):
    with watched() as port:
        got = tester(*QUICK, "--rcpt", rcpt, f"127.0.0.1:{port}")
    assert got.code == 64 and got.err.startswith(f"postern test: "), got.err
    assert not os.path.exists(tester.state)


def test_by_hand_may_name_the_target(tester):
    """What the operator names as the target is no stranger to it."""
    got = tester("--dry-run", "--rcpt", "{u}%{d}@mail.example.org", "mail.example.org")
    assert got.code == 0 and "%probe.example@mail.example.org>" in got.out, got.err
    got = tester("--dry-run", "--rcpt", "{u}%{d}@mail.example.net", "mail.example.org")
    assert got.code == 64 and "mail.example.net" in got.err


# --- dry run ---------------------------------------------------------------------------------------

def test_dry_run_sends_and_keeps_nothing(tester):
    with watched() as port:
        got = tester("--dry-run", "--own", f"127.0.0.1:{port}")
    assert (got.code, got.err) == (0, "")
    assert not os.path.exists(tester.state)
    sessions = re.split(r"(?m)^session \d+: ", got.out)[1:]
    assert len(sessions) > 10
    for session in sessions:
        lines = [line.strip() for line in session.splitlines()[1:] if line.startswith("  ")]
        assert lines[-1] == "QUIT"
        assert any("control, no message" in line for line in lines)
        assert all(re.match(r"(EHLO|HELO|MAIL FROM:|RCPT TO:|RSET|QUIT)", line) for line in lines)
        assert sum(line.startswith("RCPT") for line in lines) <= 5, "no server forgives more"
    assert "left out: " in got.out and "needs a domain that the target is final for" in got.out
    ours = (DOMAIN, "probe+2eexample", "probe\\xe3\\x80\\x82example", "198.51.100.1")
    assert all(any(name in line.lower() for name in ours)
               for line in re.findall(r"RCPT TO:(.*)", got.out) if "control" not in line)


def test_dry_run_asks_no_dns(tester):
    with Names({}) as names:
        got = tester("--dry-run", "--resolver", names.place, "mail.test.example", "--local-domain",
                     "test.example")
    assert got.code == 0 and names.asked == []
    assert "%probe.example@mail.test.example>" in got.out
    assert len(set(re.findall(r"(\S+)$", got.out, re.M)) & set(catalogue("--set", "quick"))) == 16
    assert "a session every ten minutes" in got.out
    got = tester("--dry-run", "--own", "--domain", "test.example")
    assert got.code == 0 and "@mx.test.example>" in got.out and "@test.example>" in got.out


def test_dry_run_shows_channels(tester):
    got = tester("--dry-run", "--own", "--with", "all", "mail.test.example")
    for words in ("XCLIENT ADDR=127.0.0.1", "XFORWARD ", "PROXY TCP4 127.0.0.1", "STARTTLS",
                  "(bdat: bdat-one)", "AUTH"):
        assert words in got.out, words
    assert "SMTPUTF8" in got.out


# --- targets ---------------------------------------------------------------------------------------

def test_early_talk_goes_on_after_the_greeting(tester, server):
    """Early talk past DATA begins as any session; it used to wait for ever behind the greeting."""
    got = tester.json(*QUICK, "--ports", server.port, "--tls", "no", "--with", "early-talk", "--only",
                      "*early-data*", server.ip)
    states = {p["state"] for p in got.of_type("probe")}
    sessions = [s for d in got.of_type("door") for s in d.get("session_list", [])]
    assert "refused" in states and states <= {"refused", "skipped"}
    assert "timeout" not in {s["end"] for s in sessions}, sessions


def test_ports(tester, server):
    """A target without a port is tried at those of --ports; what is not there counts for nothing."""
    nobody = free_port()
    got = tester.json(*QUICK, "--tls", "no", "--only", "third-party.plain", "--ports",
                      f"{server.port},{nobody}", server.ip)
    assert got.code == 0, got.err
    doors = {door["port"]: door["verdict"] for door in got.of_type("door")}
    assert doors == {server.port: "closed", nobody: "absent"}


def test_differences_between_ports_are_found(tester):
    with Server() as good, Server(rcpt=testlib.open_to_all) as bad:
        got = tester.json(*QUICK, "--tls", "no", "--only", "third-party.plain", "--ports",
                          f"{good.port},{bad.port}", "127.0.0.1")
    assert got.code == 1 and "differs-by-port" in got.findings()


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
def test_ipv6(tester):
    with Server("::1", rcpt=testlib.open_to_all) as server:
        got = tester.json(*QUICK, "--tls", "no", "--only", "third-party.plain", server.target)
        assert got.code == 1, got.err
        verdict = got.verdict
        assert verdict["addresses"] == ["::1"] and verdict["target"] == server.target
        assert verdict["accepted_unproved"][0]["family"] == "ipv6"
        assert server.messages, "the target's brackets are no trouble to the message"
        none = tester.json(*QUICK, "--ipv4", server.target)
        assert none.code == 3 and none.verdict["addresses"] == []


def test_names_are_looked_up(tester):
    with Server() as server, Names({("mx.test.example", "A"): ["127.0.0.1"],
                                    ("test.example", "MX"): ["10 mx.test.example."]}) as names:
        got = tester.json(*QUICK, "--tls", "no", "--resolver", names.place,
                          f"mx.test.example:{server.port}")
    assert (got.code, got.err) == (0, "")
    assert got.verdict["addresses"] == ["127.0.0.1"]
    # Its domain's mail comes here, so that forms with the domain may be tried.
    assert any("@test.example>" in line for line in server.said("RCPT"))


def test_idn(tester):
    with Server() as server, Names({("mx.xn--bcher-kva.example", "A"): ["127.0.0.1"]}) as names:
        got = tester.json(*QUICK, "--tls", "no", "--resolver", names.place, "--only",
                          "third-party.p*", f"mx.bücher.example:{server.port}")
    assert (got.code, got.err) == (0, "")
    assert any("@mx.xn--bcher-kva.example>" in line for line in server.said("RCPT"))


def test_whole_domain(tester):
    """Every MX and every address of it; one of them relays, and that is the verdict."""
    port = free_port()
    with Server("127.0.0.1", port) as good, \
            Server("127.0.0.2", port, rcpt=testlib.open_to_all) as bad, \
            Names({("test.example", "MX"): ["10 a.test.example.", "20 b.test.example."],
                   ("a.test.example", "A"): ["127.0.0.1"],
                   ("b.test.example", "A"): ["127.0.0.1", "127.0.0.2"]}) as names:
        got = tester.json(*QUICK, "--tls", "no", "--only", "third-party.plain", "--ports", port,
                          "--resolver", names.place, "--domain", "test.example")
        assert good.sessions and bad.sessions
    verdict = got.verdict
    assert got.code == 1 and sorted(verdict["addresses"]) == ["127.0.0.1", "127.0.0.2"]
    assert "differs-by-address" in got.findings()
    assert verdict["accepted_unproved"][0]["address"] == "127.0.0.2"


@pytest.mark.parametrize("target,records,why", [
    (["gone.test.example"], {}, "does not exist"),
    (["mx.test.example"], {("mx.test.example", "TXT"): ['"x"']}, "no address"),
    (["--domain", "test.example"], {("test.example", "MX"): ["0 ."]}, "takes no mail"),
    (["--domain", "gone.example"], {}, "no MX"),
], ids=["no such name", "no address", "null MX", "no such domain"])
def test_names_that_lead_nowhere(tester, target, records, why):
    with Names(records) as names:
        got = tester.json(*QUICK, "--resolver", names.place, *target)
    assert got.code == 3 and got.verdict["verdict"] == "unreachable"
    assert why in got.verdict["why"], got.verdict["why"]


BAD_TARGETS = ["host:99999", "host:0", "host:", ":25", "[::1", "[127.0.0.1]:25", "a b", "a..b",
               "user@example.org", "http://example.org", "256.1.1.1.1.1:x", ""]


@pytest.mark.parametrize("bad", BAD_TARGETS)
def test_bad_targets(tester, bad):
    with watched() as port:
        got = tester(*QUICK, f"127.0.0.1:{port}", bad)
    assert got.code == 64 and "is no host name" in got.err, got.err
    assert not os.path.exists(tester.state)


def test_targets_file(tester, tmp_path, server):
    """Hundreds of lines with comments, blank lines and CRLF; also from standard input."""
    nobody = free_port()
    lines = ["# our hosts", "", f"  {server.target}  # the one", "\t"]
    wanted = {server.target}
    for i in range(300):
        wanted.add(f"127.1.{i // 250}.{i % 250 + 1}:{nobody}")
    text = "\n".join(lines) + "\r\n" + "\r\n".join(sorted(wanted - {server.target}))
    path = tmp_path / "targets"
    path.write_text(text)
    got = tester.json(*QUICK, "--quiet", "--only", "third-party.plain", "--targets", path)
    assert got.code == 3 and got.err == ""
    assert set(got.verdicts) == wanted
    assert got.verdicts[server.target]["verdict"] == "closed"
    assert {v["verdict"] for t, v in got.verdicts.items() if t != server.target} == {"unreachable"}
    assert {v["verdict"] for v in tester.show().of_type("verdict")} == {"closed", "unreachable"}
    piped = tester.json(*QUICK, "--quiet", "--only", "third-party.plain", "--targets", "-",
                        data=text[:200].rsplit("\n", 1)[0])
    assert set(piped.verdicts) < wanted and server.target in piped.verdicts, piped.err


@pytest.mark.parametrize("line,said", [("mail.example.org 25", "mail.example.org 25"),
                                       ("host:99999", "host:99999"), ("a\x1b[31m b", "a\\x1b[31m b")])
def test_bad_line_in_targets_file(tester, tmp_path, line, said):
    path = tmp_path / "targets"
    with watched() as port:
        path.write_text(f"# first\n127.0.0.1:{port}\n{line}\n")
        got = tester(*QUICK, "--targets", path)
    assert got.code == 78 and got.err.startswith(f'postern test: {path}:3: "{said}" is no target')
    assert not os.path.exists(os.path.join(tester.state, "postern.db")) or tester.runs() == []


# --- the configuration file ------------------------------------------------------------------------

def test_configuration(tmp_path, server):
    state = tmp_path / "there"
    conf = tmp_path / "postern.conf"
    conf.write_text(f"test {{\n  probe-domain = {DOMAIN}\n  name = from-conf.example\n"
                    f"  state = {state}\n  wait = 0\n  tls = no\n  gentle = yes\n}}\n")
    base = [testlib.TEST, "--config", conf, "--json", "--only", "third-party.plain"]
    got = call([*base, "--own", server.target])
    assert (got.code, got.err) == (0, "") and got.of_type("probe")[0]["helo"] == "from-conf.example"
    assert (state / "postern.db").exists()
    # The command line wins.
    got = call([*base, "--own", "--name", "cli.example", "--state", tmp_path / "other", server.target])
    assert got.code == 0 and got.of_type("probe")[0]["helo"] == "cli.example"
    got = call([*base, "--own", "--probe-address", f"me+@{DOMAIN}", server.target])
    assert got.code == 0, got.err
    assert got.of_type("probe")[0]["rcpt"].startswith("<me+")


@pytest.mark.parametrize("text,why", [("test { wiat = 5 }", "wiat"), ("test { wait = soon }", "is no time"),
                                      ("test {", "")])
def test_bad_configuration(tmp_path, text, why):
    conf = tmp_path / "postern.conf"
    conf.write_text("\n" + text + "\n")
    with watched() as port:
        got = call([testlib.TEST, "-c", conf, "-D", DOMAIN, "--state", tmp_path / "s",
                    f"127.0.0.1:{port}"])
    assert got.code == 78 and re.match(rf"postern test: {conf}:[23]: ", got.err) and why in got.err
    got = call([testlib.TEST, "-c", tmp_path / "none", "-D", DOMAIN, "127.0.0.1"])
    assert got.code == 66 and "none" in got.err


# --- mistakes --------------------------------------------------------------------------------------

@pytest.mark.parametrize("args,code,words", [
    ([], 64, ["no target"]),
    (["mail.example.org"], 64, ["--probe-domain", "--probe-address"]),
    (["-D", "nodot", "x.example"], 64, ["nodot", "no domain name"]),
    (["-D", "a b.example", "x.example"], 64, ["no domain name"]),
    (["-D", DOMAIN, "--no-such", "x.example"], 64, ["--no-such", "--help"]),
    (["-D", DOMAIN, "--wait", "soon", "x.example"], 64, ["--wait", "soon"]),
    (["-D", DOMAIN, "--wait", "8d", "x.example"], 64, ["--wait"]),
    (["-D", DOMAIN, "--ports", "25,smtp", "x.example"], 64, ["--ports", "25,smtp"]),
    (["-D", DOMAIN, "--ports", ",".join(["25"] * 17), "x.example"], 64, ["more than 16"]),
    (["-D", DOMAIN, "--tls", "maybe", "x.example"], 64, ["--tls", "auto"]),
    (["-D", DOMAIN, "-4", "-6", "x.example"], 64, ["nothing to test"]),
    (["-D", DOMAIN, "--own", "--gentle", "x.example"], 64, ["contradict"]),
    (["-D", DOMAIN, "--preflight", "--no-preflight"], 64, ["contradict"]),
    (["-D", DOMAIN, "--json", "--nagios", "x.example"], 64, ["choose one"]),
    (["-D", DOMAIN, "--from", "a@b", "x.example"], 64, ["--rcpt"]),
    (["-D", DOMAIN, "--only", "nosuch", "x.example"], 64, ["nosuch"]),
    (["-D", DOMAIN, "--family", "nosuch", "x.example"], 64, ["nosuch"]),
    (["-D", DOMAIN, "--with", "percent", "x.example"], 64, ["percent"]),
    (["-D", DOMAIN, "--skip", "*", "x.example"], 64, ["no probe is left"]),
    (["-D", DOMAIN, "--account", "me", "x.example"], 64, ["--password-file"]),
    (["-D", DOMAIN, "--cert-key", "k", "x.example"], 64, ["--cert"]),
    (["-D", DOMAIN, "--imap-user", "me", "x.example"], 64, ["--imap"]),
    (["-D", DOMAIN, "--imap-ca-file", "ca", "x.example"], 64, ["--imap"]),
    (["-D", DOMAIN, "--resume", "a", "b"], 64, ["one run"]),
    (["-D", DOMAIN, "--resume", "--no-store"], 64, ["store"]),
    (["-D", DOMAIN, "--domain", "not a name"], 64, ["no domain name"]),
    (["--probe-address", "me@example.net", "x.example"], 64, ["must end in +", "me+@example.net"]),
    (["--probe-address", "example.net", "x.example"], 64, ["me+@example.net"]),
    (["--probe-address", "a" * 60 + "+@example.net", "x.example"], 64, ["letters"]),
    (["-D", DOMAIN, "--probe-address", "me+@example.net", "x.example"], 64, ["not both"]),
    (["-D", DOMAIN, "--name", "x y", "127.0.0.1:1"], 64, ["--name", "x y"]),
    (["-D", DOMAIN, "--contact", "a b\nc", "127.0.0.1:1"], 64, ["--contact"]),
    (["-D", DOMAIN, "--uri", "x y", "127.0.0.1:1"], 64, ["--uri"]),
    (["-D", DOMAIN, "--opt-out", "x\ny", "127.0.0.1:1"], 64, ["--opt-out"]),
    (["-D", DOMAIN, "--resolver", "foo", "127.0.0.1:1"], 64, ["--resolver", "foo"]),
    (["-D", DOMAIN, "--local-address", "foo", "127.0.0.1:1"], 64, ["--local-address", "foo"]),
    (["-D", DOMAIN, "--sink-listen", "here", "--own", "127.0.0.1:1"], 64, ["--sink-listen", "here"]),
    (["-D", DOMAIN, "--probes", "/nonexistent", "127.0.0.1:1"], 66, ["/nonexistent"]),
    (["-D", DOMAIN, "--targets", "/nonexistent"], 66, ["/nonexistent", "one target a line"]),
    (["-D", DOMAIN, "--scope", "/nonexistent", "127.0.0.1:1"], 66, ["/nonexistent"]),
    (["-D", DOMAIN, "--never", "/nonexistent", "127.0.0.1:1"], 66, ["/nonexistent"]),
    (["-D", DOMAIN, "--account", "me", "--password-file", "/nonexistent", "127.0.0.1:1"], 66,
     ["/nonexistent"]),
    (["-D", DOMAIN, "--cert", "/nonexistent", "127.0.0.1:1"], 66, ["/nonexistent"]),
    (["-D", DOMAIN, "--maildir", "/nonexistent", "--own", "127.0.0.1:1"], 66, ["/nonexistent"]),
    (["-D", DOMAIN, "--html", "/nonexistent/r.html", "--own", "127.0.0.1:1"], 73,
     ["/nonexistent/r.html"]),
], ids=lambda x: " ".join(map(str, x))[:40] if isinstance(x, list) else None)
def test_mistakes(tmp_path, args, code, words):
    got = call([testlib.TEST, "--state", tmp_path / "state", *args])
    assert got.code == code and got.out == "", (got.code, got.err)
    assert got.err.startswith("postern test: ") and len(got.err) < 400
    for word in words:
        assert word in got.err, got.err


def test_places(tmp_path, tester, server):
    """Folders and files that are not as they must be: what is wrong, and what to do."""
    one = [*QUICK, "--only", "third-party.plain", "--tls", "no", server.target]
    got = call([testlib.TEST, "-D", DOMAIN, "--state", tmp_path / "s", *one],
               env={**os.environ, "POSTERN_DATA": "/nonexistent"})
    assert got.code == 66 and "POSTERN_DATA" in got.err
    plain = tmp_path / "file"
    plain.write_text("x")
    got = call([testlib.TEST, "-D", DOMAIN, "--state", plain, *one])
    assert got.code >= 66 and str(plain) in got.err and "--state" in got.err

    assert tester(*one).code == 0
    key = os.path.join(tester.state, "key")
    os.chmod(key, 0o644)
    got = tester(*one)
    assert got.code >= 66 and key in got.err and "chmod" in got.err, got.err
    os.chmod(key, 0o600)
    with open(key, "w") as f:
        f.write("no key\n")
    got = tester(*one)
    assert got.code >= 65 and key in got.err and open(key).read() == "no key\n", got.err


def test_damaged_store_stays_as_it_is(tester, server):
    os.makedirs(tester.state, mode=0o700)
    path = os.path.join(tester.state, "postern.db")
    with open(path, "wb") as f:
        f.write(b"this is no database" * 100)
    os.chmod(path, 0o600)
    got = tester(*QUICK, server.target)
    assert got.code == 65 and path in got.err, got.err
    assert open(path, "rb").read() == b"this is no database" * 100


def test_state_that_may_only_be_read(server):
    """As somebody who is not root; nothing is sent, and what is there stays as it is."""
    with tempfile.TemporaryDirectory() as folder:
        nobody = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        if nobody:
            os.chmod(folder, 0o755)
            os.makedirs(f"{folder}/home", mode=0o700)
            os.chown(f"{folder}/home", 65534, 65534)
        else:
            os.makedirs(f"{folder}/home")
        state = f"{folder}/home/state"
        one = [testlib.TEST, "-D", DOMAIN, "--state", state, *QUICK, "--only", "third-party.plain",
               "--tls", "no", server.target]
        assert call(one, **nobody).code == 0
        before = len(server.sessions)
        names = sorted(os.listdir(state))
        for name in names:
            os.chmod(f"{state}/{name}", 0o400)
        os.chmod(state, 0o500)
        got = call(one, **nobody)
        assert got.code in (73, 74, 77) and state in got.err, (got.code, got.err)
        assert len(server.sessions) == before and sorted(os.listdir(state)) == names
        # Nothing to keep is no reason to fail.
        got = call([*one, "--no-store"], **nobody)
        assert (got.code, got.err) == (0, ""), got.out
        got = call([testlib.TEST, "-D", DOMAIN, "--state", f"{state}/new", *one[5:]], **nobody)
        assert got.code in (73, 77) and "--state" in got.err, (got.code, got.err)
        os.chmod(state, 0o700)


def test_state_folder_open_to_others(tester, server):
    os.makedirs(tester.state)
    os.chmod(tester.state, 0o777)
    got = tester(*QUICK, server.target)
    assert got.code == 77 and tester.state in got.err and "chmod" in got.err, got.err


def test_sink_port_in_use(tmp_path, server):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        tester = Tester(tmp_path, sink=False)
        place = "127.0.0.1:%d" % taken.getsockname()[1]
        got = tester(*QUICK, "--sink-listen", place, server.target)
    assert got.code in (66, 69, 71) and place in got.err and "in use" in got.err, got.err


def test_key_is_for_the_owner_alone(tester, server):
    assert tester(*QUICK, "--only", "third-party.plain", server.target).code == 0
    for name, mode in ((".", 0o700), ("key", 0o600), ("postern.db", 0o600)):
        assert stat.S_IMODE(os.stat(os.path.join(tester.state, name)).st_mode) == mode, name


def test_help_and_version():
    for option in ("--help", "-h"):
        got = call([testlib.TEST, option])
        assert got.code == 0 and got.err == "" and "--probe-domain" in got.out
        assert all(len(line) <= 80 for line in got.out.splitlines())
    assert call([testlib.TEST, "--version"]).code == 0
    data = json.dumps(sorted(set(re.findall(r"(?<= )--[a-z-]+", got.out))))
    assert "--list-probes" in data
