# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of cases: reading cases.toml and refusing what it cannot mean."""

import os
import re
import tomllib

import dns

HERE = os.path.dirname(os.path.abspath(__file__))

VERDICTS = {"open": 2, "accepts": 1, "closed": 0, "blocked": 3, "inconclusive": 3, "unreachable": 3}
CASE_KEYS = {
    "id", "server", "hole", "verdict", "node", "args", "wait", "target", "mx", "proved", "findings",
    "no_findings", "nmap", "nmap_after", "witness", "zone", "timeout", "inside", "slow", "also",
    "logged", "strangers", "clients", "listed",
}
NODE_KEYS = {"server", "nets", "families", "nft", "ready", "files", "before"}
PROVED_KEYS = {"every", "some", "none", "count_min"}
ALSO_KEYS = {"id", "target", "args", "verdict", "account"}
MATCH_KEYS = {"probe", "mail", "rcpt", "helo", "port", "tls", "family", "input", "output"}
WITNESS_KEYS = {"from", "to", "helo", "server", "port", "tls", "more", "raw", "outcome", "retry", "note"}
OUTCOMES = {"arrives", "accepted", "refused", "taken", "bounced", "deferred", "no answer"}


class CaseError(Exception):
    """cases.toml says something that the lab cannot do."""


class Node(dict):
    """The settings of one node, with the names that every server module needs."""

    def __init__(self, name, settings, index):
        super().__init__(settings)
        self.name = name
        self.index = index
        self.domain = dns.TARGET_DOMAIN
        self.fqdn = f"{name}.{dns.TARGET_DOMAIN}"
        self.server = settings.get("server")
        self.nets = settings.get("nets", ["public"])
        self.families = settings.get("families", [4])
        self.host = 25 + index


class Case:
    def __init__(self, row, servers):
        self.id = row.get("id", "?")
        extra = set(row) - CASE_KEYS
        self._need(not extra, f"unknown setting {', '.join(sorted(extra))}")
        self._need(re.fullmatch(r"[a-z0-9-]+", self.id), "id must be [a-z0-9-]+")
        for key in ("server", "hole", "verdict", "node"):
            self._need(key in row, f"no {key}")
        self._need(row["verdict"] in VERDICTS, f"unknown verdict {row['verdict']}")
        self.server = row["server"]
        self.hole = row["hole"]
        self.verdict = row["verdict"]
        self.nodes = [Node(n, s, i) for i, (n, s) in enumerate(row["node"].items())]
        for n in self.nodes:
            self._need(n.server is None or n.server in servers, f"{n.name}: no server {n.server}")
            known = NODE_KEYS | (servers[n.server].KEYS if n.server else set())
            self._need(set(n) <= known, f"{n.name}: unknown setting {', '.join(set(n) - known)}")
            self._need(set(n.nets) <= {"public", "inside", "tester"}, f"{n.name}: unknown net")
        self.args = row.get("args", [])
        self.wait = row.get("wait", 5)
        self.slow = row.get("slow", False)
        self.timeout = row.get("timeout", 150)
        self.mx = row.get("mx", [self.nodes[0].name])
        self.target = row.get("target", f"{self.mx[0]}.{dns.TARGET_DOMAIN}")
        self.proved = row.get("proved", {})
        self._need(set(self.proved) <= PROVED_KEYS, "proved: unknown setting")
        for part in ("every", "some", "none"):
            for m in self.proved.get(part, []):
                self._need(set(m) <= MATCH_KEYS, f"proved.{part}: unknown setting")
        self.findings = row.get("findings", [])
        self.no_findings = row.get("no_findings", [])
        self.also = row.get("also", [])
        for a in self.also:
            self._need(set(a) <= ALSO_KEYS and "id" in a, "also: unknown setting, or no id")
            self._need(a.get("verdict") in VERDICTS, f"also: unknown verdict {a.get('verdict')}")
        self.clients = row.get("clients", False)
        self.listed = row.get("listed", False)
        self.strangers = row.get("strangers", [])
        self.logged = row.get("logged", {})
        self._need(set(self.logged) <= {n.name for n in self.nodes}, "logged: no such node")
        self.nmap = row.get("nmap", "")
        self.nmap_after = row.get("nmap_after", False)
        self.witness = row.get("witness", [])
        for w in self.witness:
            self._need(set(w) <= WITNESS_KEYS, f"witness: unknown setting {set(w) - WITNESS_KEYS}")
            self._need(w.get("outcome") in OUTCOMES, f"witness: unknown outcome {w.get('outcome')}")
        self._need(self.witness, "no witness: nothing shows that the hole is there")
        self._need(self.verdict != "open" or any(
            w.get("retry", w)["outcome"] == "arrives" for w in self.witness),
                   "open, but no witness arrives")
        self.zone = row.get("zone", "")
        self.inside = row.get("inside", "192.168.25.{}")

    def _need(self, ok, text):
        if not ok:
            raise CaseError(f"cases.toml: {self.id}: {text}")

    @property
    def roots(self):
        return sorted({n.server for n in self.nodes if n.server})

    def node(self, name):
        return next(n for n in self.nodes if n.name == name)


TABLES = ("cases.toml", "gate.toml", "list.toml")


def load(servers, folder=HERE):
    rows = []
    for name in TABLES:
        with open(os.path.join(folder, name), "rb") as f:
            try:
                rows += tomllib.load(f).get("case", [])
            except tomllib.TOMLDecodeError as e:
                raise CaseError(f"{name}: {e}") from e
    cases = [Case(r, servers) for r in rows]
    ids = [c.id for c in cases]
    if len(set(ids)) != len(ids):
        raise CaseError("cases.toml: an id is there twice")
    return cases
