# SPDX-License-Identifier: GPL-3.0-or-later
"""The relay decision once more, from the rules and not from the C code, for tests/relay/differ.py:
trust comes from the client's address (where the listener's role lets it count), a login, a client
certificate or a live POP or IMAP session, never from HELO, sender or a DNS name. A recipient is taken
if the client is trusted, or on the MX if its domain is ours. Files narrow. What could not be looked up
is not guessed. All else is refused."""

import ipaddress
import re
import unicodedata
from dataclasses import dataclass, field

U8 = r"[^\x00-\x7f]"
ATOM = rf"(?:[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~-]|{U8})+"
QUOTED = rf'"(?:[ !#-\[\]-~]|\\[ -~]|{U8})*"'
LET = r"(?:[A-Za-z0-9]|[^\x00-\x9f\u3002\uff0e\uff61])"
LABEL = rf"{LET}(?:(?:{LET}|-)*{LET})?"
DOMAIN = rf"{LABEL}(?:\.{LABEL})*"
PATH = re.compile(rf"<(?P<local>{ATOM}(?:\.{ATOM})*|{QUOTED})@(?P<domain>{DOMAIN}|\[[^\]]*\])>", re.A)


@dataclass
class Policy:
    own: list = field(default_factory=list)  # (name or "" for all, "self" | "below" | "tree", routes)
    sources: list = field(default_factory=list)  # ("longest" | "first", [(network, verb)])
    senders: list = field(default_factory=list)  # (key, verb)
    rcpts: list = field(default_factory=list)  # the same
    certs: set = field(default_factory=set)
    literals: list = field(default_factory=list)
    mx_networks: bool = False
    ca: bool = False


@dataclass
class Client:
    role: str = "mx"
    ip: object = None
    login: str = ""
    cert: str = ""
    ca: bool = False
    granted: bool = False
    doubtful: bool = False
    failed: frozenset = frozenset()


def address(text, smtputf8):
    """A path to (local part, domain or IP address), or None: not to be passed on."""
    s = text.decode("utf-8", "replace")
    m = PATH.fullmatch(s)
    if not m or "\ufffd" in s or len(text) > 256 or len(m["local"].encode()) > 64 \
            or not (s.isascii() or smtputf8):
        return None
    local = m["local"] if m["local"][0] != '"' else re.sub(r"\\(.)", r"\1", m["local"][1:-1])
    for c in local:  # what the next reader might make a route of
        if c in '()<>[]:;@\\,"' or unicodedata.category(c) in ("Cc", "Zl", "Zp") \
                or (c > "\x7f" and set(unicodedata.normalize("NFKC", c)) & set('@%!:"\\')):
            return None
    where = domain(m["domain"])
    good = local and where is not None and len(render(local, where).encode()) <= 256
    return (local, where) if good else None


def domain(s):
    if s[0] == "[":
        try:
            if not s.lower().startswith("[ipv6:") or "%" in s:
                return ipaddress.IPv4Address(s[1:-1])
            ip = ipaddress.IPv6Address(s[6:-1])
            return ip.ipv4_mapped or ip
        except ValueError:
            return None
    if len(s.encode()) > 255 or any(len(x.encode()) > 63 for x in s.split(".")):
        return None
    try:
        s = (s if s.isascii() else s.encode("idna").decode()).lower()
    except UnicodeError:
        return None
    return None if s.split(".")[-1].isdigit() or not re.fullmatch(DOMAIN, s, re.A) else s


def render(local, where):
    bare = re.fullmatch(rf"{ATOM}(\.{ATOM})*", local, re.A)
    host = where if isinstance(where, str) else f"[IPv6:{where}]" if where.version == 6 else f"[{where}]"
    return f"<{local}@{host}>" if bare else f'<"{local}"@{host}>'


def marked(local):
    imcea = re.match(r"imcea([a-z0-9]+)-", local, re.A | re.I)
    return "%" in local or "!" in local or local[0] in "/|" or bool(imcea and imcea[1].lower() != "ex")


def ours(policy, where):
    """Whether it is, and whether local parts may look like routes there."""
    if not isinstance(where, str):
        return where in policy.literals, False
    hits = [o for o in policy.own if (o[1] != "below" and where == o[0])
            or (o[1] != "self" and (not o[0] or where.endswith("." + o[0])))]
    nearest = max(hits, key=lambda o: len(o[0]), default=None)
    return bool(hits), bool(nearest and nearest[2])


def verb_of_client(source, ip):
    how, rules = source
    hits = [(n, v) for n, v in rules if ip is not None and n.version == ip.version and ip in n]
    if how == "longest" and hits:
        hits = [max(hits, key=lambda h: h[0].prefixlen)]
    return hits[0][1] if hits else "none"


def verb_of_mail(rules, parsed):
    keys = ["<>"]
    if parsed:
        user = parsed[0].encode().lower().decode()
        where = parsed[1] if isinstance(parsed[1], str) else ""
        above = [where[i:] for i, c in enumerate(where) if c == "."]
        keys = [f"{user}@{where}", *([where] if where else []), *above, f"{user}@"]
    return next((v for key in keys for k, v in rules if k == key), "none")


def decide(policy, client, mail, rcpt, smtputf8):
    """(answer, what decided, sender and recipient as they are passed on)"""
    sender = None if mail == b"<>" else address(mail, smtputf8)
    own, routes = ours(policy, sender[1]) if sender else (False, False)
    if mail != b"<>" and (not sender or not (isinstance(sender[1], str) or own)
                          or (marked(sender[0]) and own and not routes)):
        return "refuse", "bad sender", "", ""
    if rcpt.lower() == b"<postmaster>":
        to, own, written = ("postmaster", ""), True, "<postmaster>"
    else:
        to = address(rcpt, smtputf8)
        own, routes = ours(policy, to[1]) if to else (False, False)
        if not to or not (isinstance(to[1], str) or own) or (marked(to[0]) and not routes):
            return "refuse", "bad recipient", "", ""
        written = render(to[0], to[1])
    verbs = [verb_of_client(s, client.ip) for s in policy.sources]
    by_address = client.ip is not None and (client.role == "submission" or policy.mx_networks)
    known = by_address and (client.granted or "grant" in verbs)
    cert = client.cert and (client.cert in policy.certs or (client.ca and policy.ca))
    trusted = client.login or cert or (known and not client.doubtful)
    unsure = "right" in client.failed or ("grant" in client.failed and by_address) \
        or ("domain" in client.failed and client.role == "mx" and not own)
    answer, why = ("take", "rule") if trusted or (own and client.role == "mx") else \
        ("defer", "doubt") if known or unsure else ("refuse", "no right")
    verbs += [verb_of_mail(policy.senders, sender), verb_of_mail(policy.rcpts, to)]
    if "refuse" in verbs and answer != "refuse":
        answer, why = "refuse", "file"
    elif answer == "take" and ("defer" in verbs or "narrow" in client.failed):
        answer, why = "defer", "narrowed"
    return answer, why, render(sender[0], sender[1]) if sender else "<>", written
