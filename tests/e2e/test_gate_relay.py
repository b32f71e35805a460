# SPDX-License-Identifier: GPL-3.0-or-later
"""The relay decision against a second opinion, over the whole catalogue, and as `gate explain` tells it."""

import ipaddress
import itertools
import json
import os
import subprocess
import sys

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("POSTERN_BUILD", os.path.join(TOP, "build"))
sys.path.insert(0, os.path.join(TOP, "tests/relay"))
import differ  # noqa: E402
import model  # noqa: E402

SECONDS = float(os.environ.get("POSTERN_DIFFER_SECONDS", "30"))
TOKEN = "abcdefghijklmnopqrstuvwxyz0123456789"


def test_agrees_with_the_model():
    asked, found = differ.run(BUILD, SECONDS, seed=None)
    assert found is None, found
    assert asked > 1000 * SECONDS


@pytest.mark.parametrize("fault", differ.FAULTS)
def test_a_wrong_decision_is_noticed(fault):
    asked, found = differ.run(BUILD, 60, 1, fault)
    assert found, f"{asked} questions, and nobody noticed"


def test_characters():
    """One by one in a local part, ASCII also in quotes, at the front and in the domain: those that
    other systems normalise to a route are refused as the model refuses them, by Unicode's tables."""
    p = model.Policy(own=[("own.example", "self", False)])
    decider = differ.Decider(BUILD)
    assert decider.ask(["new", "domain\town.example", "seal"]) == ["ok"]
    paths = [f"<a{chr(c)}b@own.example>" for c in (*range(0x3000), *range(0xf900, 0xfffd))]
    paths += [form % chr(c) for c in range(0x80)
              for form in ('<"a%sb"@own.example>', "<%sb@own.example>", "<b@own%s.example>")]
    answers = decider.ask([differ.question(model.Client(), b"<>", x.encode(), True) for x in paths])
    for path, answer in zip(paths, answers):
        wanted = model.decide(p, model.Client(), b"<>", path.encode(), True)
        assert differ.compare(answer, wanted, None) is None, f"{path!r}: {answer}"
    assert sum(a.startswith("take") for a in answers) > 10000
    decider.close()


def test_the_model_is_short():
    with open(os.path.join(TOP, "tests/relay/model.py"), encoding="utf-8") as f:
        assert len(f.readlines()) <= 150


# --- the whole catalogue ----------------------------------------------------------------------------

def catalogue():
    """Every sender and every recipient form, filled in for a server of own.example."""
    run = subprocess.run([f"{BUILD}/tests/relay/relay-catalogue", "own.example", "203.0.113.25",
                          f"{TOP}/data/probes/senders.rows", f"{TOP}/data/probes/recipients.rows"],
                         capture_output=True, text=True, check=True)
    rows = [line.split(" ") for line in run.stdout.splitlines()]
    assert not [r for r in rows if r[0] == "missing"]
    return ([(r[1], bytes.fromhex(r[3])) for r in rows if r[0] == "sender"],
            [(r[1], bytes.fromhex(r[3])) for r in rows if r[0] == "recipient"])


def clients():
    """(has a right on mx without and with mx-networks, has one on submission, the client)"""
    outside, inside = (ipaddress.ip_address(a) for a in ("198.51.100.1", "192.0.2.7"))
    cert = differ.CERTS[0]
    return [
        (False, False, False, {"ip": outside}),
        (False, False, False, {"ip": None}),
        (False, False, False, {"ip": ipaddress.ip_address("203.0.113.25")}),  # of the server itself
        (False, False, False, {"ip": ipaddress.ip_address("127.0.0.1")}),
        (False, False, False, {"ip": ipaddress.ip_address("::1")}),
        (False, False, False, {"ip": ipaddress.ip_address("10.0.0.1")}),
        (False, False, False, {"ip": outside, "doubtful": True}),
        (False, False, False, {"ip": outside, "cert": differ.CERTS[1]}),
        (False, False, False, {"ip": outside, "cert": differ.CERTS[1], "ca": True}),
        (False, False, False, {"ip": inside, "doubtful": True}),
        (False, False, False, {"ip": outside, "granted": True, "doubtful": True}),
        *[(False, False, False, {"ip": outside, "failed": frozenset([b])}) for b in differ.BITS],
        (False, True, True, {"ip": inside}),
        (False, True, True, {"ip": outside, "granted": True}),
        (True, True, True, {"ip": outside, "login": "user"}),
        (True, True, True, {"ip": outside, "cert": cert}),
        (True, True, True, {"ip": inside, "login": "user", "doubtful": True}),
    ]


def policy(mx_networks):
    net = ipaddress.ip_network("192.0.2.0/24")
    p = model.Policy(own=[("own.example", "tree", False)], sources=[("longest", [(net, "grant")])],
                     certs={differ.CERTS[0]}, literals=[ipaddress.ip_address("203.0.113.25")],
                     mx_networks=mx_networks)
    return p, ["new", "domain\t.own.example", f"network\t{net}", f"cert\t{differ.CERTS[0]}",
               "literal\t203.0.113.25", *(["mx"] if mx_networks else []), "seal"]


@pytest.mark.parametrize("mx_networks", [False, True])
def test_catalogue(mx_networks):
    """Sender x recipient x client x role x SMTPUTF8: no probe passes for a stranger, and for those
    with a right only what names its host plainly."""
    p, lines = policy(mx_networks)
    decider = differ.Decider(BUILD)
    assert decider.ask(lines) == ["ok"]
    senders, recipients = catalogue()
    assert len(senders) > 10 and len(recipients) > 50
    taken = 0
    for (on_mx, on_mx_net, on_submission, facts), role, utf8 in itertools.product(
            clients(), ["mx", "submission"], [False, True]):
        client = model.Client(role=role, **facts)
        right = on_submission if role == "submission" else on_mx_net if mx_networks else on_mx
        cases = [(s, r) for s in senders for r in recipients]
        answers = decider.ask([differ.question(client, s[1], r[1], utf8) for s, r in cases])
        for ((sender_id, mail), (rcpt_id, rcpt)), answer in zip(cases, answers):
            what = f"{sender_id} {rcpt_id} {client}: {answer}"
            assert differ.compare(answer, model.decide(p, client, mail, rcpt, utf8), None) is None, what
            got = answer.split("\t")
            if got[0] != "take":
                continue
            taken += 1
            written = bytes.fromhex(got[7]).decode().lower()
            local = written.rpartition("@")[0]
            assert right or got[4] == "1", what  # a stranger's only to us,
            assert not (got[4] == "1" and "probe" in local), what  # and nothing in it leads elsewhere
    assert taken > 100
    decider.close()


# --- explain ----------------------------------------------------------------------------------------

CONF = """gate {
    domains = { own.example,
                ".tree.example" }
    networks = { 198.51.100.0/24, "!198.51.100.1" }
    tcprules = %s/tcp.smtp
    access = %s/access
}
"""


@pytest.fixture
def explain(tmp_path):
    (tmp_path / "gate.conf").write_text(CONF % (tmp_path, tmp_path))
    (tmp_path / "tcp.smtp").write_text('203.0.113.10-20:allow,RELAYCLIENT=""\n:allow\n')
    (tmp_path / "access").write_text("From:bad.example REJECT\n")

    def call(*words, conf="gate.conf"):
        run = subprocess.run([f"{BUILD}/postern-gate", "explain", "-c", str(tmp_path / conf), *words],
                             capture_output=True, text=True, timeout=30)
        return run.returncode, run.stdout, run.stderr

    call.folder = tmp_path
    return call


@pytest.mark.parametrize("words, status, answer, reason, rule", [
    ("rcpt=u@own.example", 0, "take", "own-domain", ("gate.conf", 2)),
    ("rcpt=<u@a.tree.example> ip=192.0.2.1", 0, "take", "own-domain", ("gate.conf", 3)),
    ("rcpt=u@other.example ip=192.0.2.1 helo=own.example", 1, "refuse", "denied", None),
    ("rcpt=u@other.example ip=192.0.2.1 from=root@own.example", 1, "refuse", "denied", None),
    ("rcpt=u@other.example ip=198.51.100.7", 1, "refuse", "denied", None),
    ("rcpt=u@other.example ip=198.51.100.7 role=submission", 0, "take", "network", ("gate.conf", 4)),
    ("rcpt=u@other.example ip=198.51.100.1 role=submission", 1, "refuse", "login-needed", None),
    ("rcpt=u@other.example ip=203.0.113.20 role=submission", 0, "take", "network", ("tcp.smtp", 1)),
    ("rcpt=u@other.example ip=203.0.113.21 role=submission", 1, "refuse", "login-needed", None),
    ("rcpt=u@other.example login=joe", 0, "take", "login", None),
    ("rcpt=u@other.example ip=198.51.100.7 role=submission doubtful=yes", 2, "defer", "doubtful",
     ("gate.conf", 4)),
    ("rcpt=u@other.example failed=right", 2, "defer", "lookup", None),
    ("rcpt=u@own.example from=x@bad.example", 1, "refuse", "sender-access", ("access", 1)),
    ("rcpt=u%other.example@own.example", 1, "refuse", "route", None),
])
def test_explain(explain, words, status, answer, reason, rule):
    code, out, err = explain(*words.split(), "--json")
    got = json.loads(out)
    assert (code, got["answer"], got["reason"], err) == (status, answer, reason, "")
    place = got.get("rule")
    assert (place and (os.path.basename(place["file"]), place["line"])) == rule
    code, out, err = explain(*words.split())
    assert code == status and f"answer   {answer}\n" in out and f"reason   {reason}: " in out
    if rule:
        with open(explain.folder / rule[0], encoding="utf-8") as f:
            assert f"{rule[0]}:{rule[1]}\n         {f.readlines()[rule[1] - 1].strip()}\n" in out


@pytest.mark.parametrize("words, why", [
    ("", "wants at least rcpt="),
    ("rcpt", "explain takes"),
    ("rcpt=a@b.example ip=300.1.1.1", "explain takes"),
    ("rcpt=a@b.example role=boss", "explain takes"),
    ("rcpt=a@b.example failed=all", "explain takes"),
    ("rcpt=a@b.example colour=blue", "explain takes"),
])
def test_explain_misuse(explain, words, why):
    code, out, err = explain(*words.split())
    assert code == 64 and why in err and out == ""


def gateway():
    """An address of this host's own routes, if there is one."""
    with open("/proc/net/route", encoding="ascii") as f:
        for line in f.readlines()[1:]:
            field = line.split()
            if int(field[3], 16) & 2:
                return str(ipaddress.ip_address(bytes.fromhex(field[2])[::-1]))
    return None


@pytest.mark.parametrize("settings, line, why", [
    ('networks = { 10.0.0.0/8,\n "0.0.0.0/0" }', 3, "0.0.0.0/0 lets everyone relay"),
    ('networks = "::/0"', 2, "::/0 lets everyone relay"),
    ('networks = "203.0.0.0/12"', 2, "203.0.0.0/12 is wider than /16"),
    ('domains = { a.example, "*" }', 2, "takes mail for every domain"),
    ('domains = ".example"', 2, "all domains below .example"),
])
def test_open_policies_are_refused(explain, settings, line, why):
    (explain.folder / "open.conf").write_text("gate {\n" + settings + "\n}\n")
    code, out, err = explain("rcpt=u@own.example", conf="open.conf")
    assert code == 78 and out == ""
    assert f"open.conf:{line}: open relay: " in err and why in err
    # The mark is for those who know.
    marked = "".join(settings.rpartition('"')[0] + ' deliberate"' + settings.rpartition('"')[2])
    (explain.folder / "open.conf").write_text("gate {\n" + marked + "\n}\n")
    assert explain("rcpt=u@own.example", conf="open.conf")[0] in (0, 1)


@pytest.mark.skipif(gateway() is None, reason="this host has no gateway")
def test_the_gateway_is_refused(explain):
    own = gateway()
    (explain.folder / "nat.conf").write_text(f'gate {{\n networks = "{own}"\n}}\n')
    code, out, err = explain("rcpt=u@own.example", conf="nat.conf")
    assert code == 78 and f"nat.conf:2: open relay: holds {own}, the gateway" in err
    (explain.folder / "nat.conf").write_text(f'gate {{\n networks = {{ "{own}/31", "!{own}" }}\n}}\n'
                                             if own.endswith(".0") else
                                             f'gate {{\n networks = {{ "!{own}" }}\n}}\n')
    assert explain("rcpt=u@own.example", conf="nat.conf")[0] == 1


NET = """ip link set lo up
ip link add br-a type bridge && ip link set br-a up && ip addr add 172.18.0.1/16 dev br-a
ip addr add fd00:18::1/64 dev br-a nodad
ip route add default via 172.18.0.254
"""


def in_a_network_of_its_own(explain, networks):
    """Status and messages of explain where there is a bridge and a gateway of ours."""
    (explain.folder / "bridge.conf").write_text(f"gate {{\n networks = {{ {networks} }}\n}}\n")
    run = subprocess.run(["unshare", "-n", "sh", "-ec", NET + 'exec "$@"', "sh",
                          f"{BUILD}/postern-gate", "explain", "-c", f"{explain.folder}/bridge.conf",
                          "rcpt=u@own.example"], capture_output=True, text=True, timeout=30)
    return run.returncode, run.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="makes a network of its own, as root")
@pytest.mark.parametrize("networks, status, why", [
    ("172.18.0.0/16", 78, ["holds 172.18.0.254, the gateway on br-a",
                           "holds 172.18.0.1, the address of the bridge br-a"]),
    ('172.18.0.0/16, "!172.18.0.254"', 78, ["the bridge br-a"]),
    ('172.18.0.0/16, "!172.18.0.254", "!172.18.0.1"', 1, []),
    ('"172.18.0.0/16 deliberate"', 1, []),
    ('"fd00:18::/64"', 78, ["holds fd00:18::1, the address of the bridge br-a"]),
    ("172.19.0.0/16", 1, []),
])
def test_bridges_and_gateways(explain, networks, status, why):
    code, err = in_a_network_of_its_own(explain, networks)
    if "RTNETLINK" in err or "Unknown device type" in err:
        pytest.skip("this kernel has no bridges")
    assert code == status, err
    assert err.count("open relay: ") == len(why)
    for said in why:
        assert said in err


@pytest.mark.parametrize("files, why", [
    ({"tcp.smtp": ":allow\n10.:allow,RELAYCLIENT\n"}, "tcp.smtp:2: expected ,NAME="),
    ({"tcp.smtp": ':allow,RELAYCLIENT=""\n'}, "tcp.smtp:1: open relay: 0.0.0.0/0 lets everyone"),
    ({"access": "192.0.2.1 MAYBE\n"}, "access:1: 'MAYBE' is no action"),
    ({"gate.conf": "gate {\n networks = { 10.0.0.0/8,\n 10.0.0.1/8 }\n}\n"}, "gate.conf:3: networks: "),
    ({"gate.conf": "gate {\n domains-file = /nowhere/at/all\n}\n"}, "gate.conf:2: domains-file: "),
    ({"gate.conf": 'gate {\n domains = "a b"\n}\n'}, "gate.conf:2: domains: 'b' is no mark"),
])
def test_bad_files_are_named(explain, files, why):
    for name, text in files.items():
        (explain.folder / name).write_text(text)
    code, out, err = explain("rcpt=u@own.example")
    assert code == 78 and why in err and out == ""


def test_what_grants_nothing_is_said(explain):
    (explain.folder / "tcp.smtp").write_text('=mx.own.example:allow,RELAYCLIENT=""\n')
    (explain.folder / "access").write_text("From:own.example RELAY\nfriend.example RELAY\n")
    code, out, err = explain("rcpt=u@other.example", "from=x@own.example", "ip=192.0.2.1")
    assert code == 1 and "denied" in out
    for said in ("tcp.smtp:1: warning: '=mx.own.example': a DNS name says nothing",
                 "access:1: warning: 'own.example': RELAY by sender grants nothing",
                 "access:2: warning: 'friend.example': RELAY by name grants nothing"):
        assert said in err


def test_relay_domains_by_its_word(explain):
    (explain.folder / "rd").write_text("wide.example\n")
    for word, status in (("", 1), (" rcpthosts", 1), (" relay-domains", 0)):
        (explain.folder / "gate.conf").write_text(
            f'gate {{\n domains-file = "{explain.folder}/rd{word}"\n}}\n')
        assert explain("rcpt=u@below.wide.example")[0] == status
        assert explain("rcpt=u@wide.example")[0] == 0


def test_a_bundle_of_authorities_is_refused(explain):
    one = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"
    for count, status in ((1, 0), (16, 0), (17, 78), (0, 78)):
        (explain.folder / "ca.pem").write_text(one * count + "\n")
        code, _, err = explain("rcpt=u@other.example", f"cert={differ.CERTS[2]}", "ca=yes",
                               f"--client-ca={explain.folder}/ca.pem")
        assert code == status, err
