#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks relay_decide() and the model of model.py the same questions and compares the answers.

    tests/relay/differ.py BUILD [--seconds N] [--seed N] [--fault NAME]

Policies, clients and envelopes are random; a policy is written in one of the formats that the gate
reads, so that the readers are compared too. A disagreement is printed with all that it takes to see
it again, and the exit status is 1. --fault makes the C side wrong in one way (decide.c): then to
find nothing is the failure."""

import argparse
import ipaddress
import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import model  # noqa: E402

FAULTS = ["doubt", "lookup", "role", "authority", "grant", "narrow", "sender", "suffix", "percent",
          "raw", "network"]
GROUPS = {"own-domain": "rule", "postmaster": "rule", "login": "rule", "certificate": "rule",
          "network": "rule", "grant": "rule", "doubtful": "doubt", "denied": "no right",
          "login-needed": "no right", "client-access": "file", "sender-access": "file",
          "rcpt-access": "file"}
BITS = {"right": 1, "grant": 2, "domain": 4, "narrow": 8}
CERTS = [bytes([i] * 32).hex() for i in range(1, 4)]
NAMES = ["own.example", "sub.own.example", "a.b.own.example", "other.example", "notown.example",
         "example", "own.example.net", "xn--bcher-kva.example", "net", "o.x"]
IPS = [ipaddress.ip_address(a) for a in
       ["192.0.2.1", "192.0.2.7", "192.0.2.128", "192.0.3.1", "10.0.0.1", "10.1.2.3", "127.0.0.1",
        "172.17.0.1", "198.51.100.7", "203.0.113.9", "0.0.0.0", "255.255.255.255", "::1",
        "2001:db8::1", "2001:db8:1::1", "fe80::1", "::"]]


class Decider:
    """The C side."""

    def __init__(self, build, fault=""):
        program = os.path.join(build, "tests/relay/relay-decide")
        self.process = subprocess.Popen([program] + ([fault] if fault else []), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def ask(self, lines):
        """Sends lines, returns as many answers as there are "seal" and "ask" among them."""
        answers = []
        for i in range(0, len(lines), 50):  # no more than the pipes hold, or both sides would wait
            some = lines[i:i + 50]
            self.process.stdin.write("".join(x + "\n" for x in some).encode())
            self.process.stdin.flush()
            wanted = sum(x.startswith(("seal", "ask")) for x in some)
            answers += [self.process.stdout.readline().decode().rstrip("\n") for _ in range(wanted)]
        return answers

    def close(self):
        self.process.stdin.close()
        assert self.process.wait() == 0


# --- policies: the model's, and the lines that build the same ---------------------------------------

def prefix(rng):
    ip = rng.choice(IPS)
    bits = rng.choice([32, 31, 25, 24, 23, 16, 12, 8, 1, 0] if ip.version == 4 else
                      [128, 127, 64, 48, 47, 32, 1, 0])
    return ipaddress.ip_network((ip, bits), strict=False)


def octets(rng):
    """An IPv4 prefix of whole octets."""
    return ipaddress.ip_network((rng.choice(IPS[:12]), rng.choice([8, 16, 24, 32])), strict=False)


def dotted(net, dot):
    n = net.prefixlen // 8
    return ".".join(str(net.network_address).split(".")[:n]) + ("." if dot and n < 4 else "")


def file_line(kind, text):
    return f"file\t{kind}\t{text.encode().hex()}"


def source_settings(rng):
    rules = [(prefix(rng), rng.choice(["grant", "grant", "none"])) for _ in range(rng.randrange(4))]
    lines = ["network\t" + ("!" if v == "none" else "") + str(n) for n, v in rules]
    return ("longest", sorted(rules, key=lambda r: r[1] != "none")), lines


def source_networks(rng):
    rules = [(prefix(rng), rng.choice(["grant", "grant", "none"])) for _ in range(rng.randrange(1, 5))]
    text = "".join(("!" if v == "none" else "") + str(n) + rng.choice(["\n", " OK\n", ", ", "\n#\n"])
                   for n, v in rules)
    return ("first", rules), [file_line("networks", text)]


def source_cidr(rng):
    words = {"grant": ["RELAY"], "none": ["OK", "DUNNO", "permit"], "defer": ["450 later", "DEFER"],
             "refuse": ["REJECT", "550 5.7.1 no", "DISCARD", "REJECT 5.7.1\n  go away"]}
    rules, text = [], ""
    for _ in range(rng.randrange(1, 6)):
        net, verb = prefix(rng), rng.choice(list(words))
        outer = rng.random() < 0.2 and prefix(rng)
        text += f"if {outer}\n" if outer else ""
        text += f"{net} {rng.choice(words[verb])}\n" + ("endif\n" if outer else "")
        if outer and outer.version == net.version and outer.overlaps(net):
            rules.append((max(net, outer, key=lambda n: n.prefixlen), verb))
        elif not outer:
            rules.append((net, verb))
    return ("first", rules), [file_line("cidr", text)]


def source_tcprules(rng):
    words = {"grant": ':allow,RELAYCLIENT=""', "none": ":allow", "refuse": ":deny",
             "defer": ':allow,RBLSMTPD="later",RELAYCLIENT=""'}
    rules, text = [], ""
    for _ in range(rng.randrange(1, 6)):
        verb = rng.choice(list(words))
        if rng.random() < 0.3:
            net = octets(rng)
            base, last = str(net.network_address).rsplit(".", 1)
            low = rng.randrange(256)
            high = rng.randrange(low, 256)
            text += f"{base}.{low}-{high}{words[verb]}\n"
            rules += [(ipaddress.ip_network(f"{base}.{i}"), verb) for i in range(low, high + 1)]
        else:
            net = octets(rng)
            text += dotted(net, True) + words[verb] + "\n"
            rules.append((net, verb))
    if rng.random() < 0.3:
        verb = rng.choice(["none", "refuse"])
        text += words[verb] + "\n"
        rules += [(ipaddress.ip_network(n), verb) for n in ("0.0.0.0/0", "::/0")]
    # What the range made single addresses is a range of prefixes in C: the longest is the same one,
    # unless another rule stands between. So ranges go first, and the first of equals counts.
    return ("longest", spread(rules)), [file_line("tcprules", text)]


def spread(rules):
    """Adjacent addresses of one rule joined to prefixes, as a range is."""
    out, i = [], 0
    while i < len(rules):
        j = i
        while (j + 1 < len(rules) and rules[j + 1][1] == rules[i][1] and rules[i][0].prefixlen == 32
               and rules[j + 1][0].prefixlen == 32
               and int(rules[j + 1][0].network_address) == int(rules[j][0].network_address) + 1):
            j += 1
        first, last = rules[i][0], rules[j][0]
        nets = [first] if i == j else ipaddress.summarize_address_range(first.network_address,
                                                                       last.network_address)
        out += [(n, rules[i][1]) for n in nets]
        i = j + 1
    return out


def source_hosts_allow(rng):
    words = {"grant": "setenv = RELAYCLIENT", "none": "allow", "refuse": "deny"}
    rules, text = [], ""
    for _ in range(rng.randrange(1, 5)):
        verb, net = rng.choice(list(words)), octets(rng)
        inner = rng.random() < 0.4 and octets(rng)
        everyone = rng.random() < 0.2
        left = [ipaddress.ip_network(n) for n in ("0.0.0.0/0", "::/0")] if everyone else [net]
        if inner:
            left = [x for n in left for x in
                    ([n] if n.version == 6 or not n.overlaps(inner) else
                     [] if inner.prefixlen <= n.prefixlen else n.address_exclude(inner))]
        text += "tcp-env: " + ("ALL" if everyone else dotted(net, True))
        text += f" EXCEPT {dotted(inner, True)}" if inner else ""
        text += f" : {words[verb]}\n"
        rules += [(n, verb) for n in left]
    return ("first", rules), [file_line("hosts-allow", text)]


def source_access(rng, policy):
    words = {"grant": "RELAY", "none": "OK", "refuse": "REJECT", "defer": "450 4.7.1 later"}
    rules, text = [], ""
    for _ in range(rng.randrange(4)):
        net, verb = octets(rng), rng.choice(list(words))
        text += rng.choice(["", "Connect:"]) + f"{dotted(net, False)}\t{words[verb]}\n"
        rules.append((net, verb))
    for tag, keys in (("From:", policy.senders), ("To:", policy.rcpts)):
        for _ in range(rng.choice([0, 0, 1, 2])):
            verb, name = rng.choice(["none", "refuse", "defer"]), rng.choice(NAMES)
            key = rng.choice([name, "." + name, "u@" + name, "A%b@" + name, "u@", "<>"])
            text += f"{tag}{key} {words[verb]}\n"
            keys.append((key.lower(), verb))
            if key == name:
                keys.append(("." + key, verb))
    if rng.random() < 0.3:
        text += f"From:{rng.choice(NAMES)} RELAY\n{rng.choice(NAMES[1:5])} RELAY\n"
    if rng.random() < 0.2:
        name = rng.choice(NAMES)
        text += f"To:{name} RELAY\n"
        policy.own.append((name, "tree", False))
    return ("longest", rules), [file_line("access", text)]


def random_policy(rng):
    p = model.Policy(mx_networks=rng.random() < 0.5, ca=rng.random() < 0.3)
    lines = ["new"] + (["mx"] if p.mx_networks else []) + (["ca"] if p.ca else [])
    for _ in range(rng.randrange(4)):
        name, scope, routes = rng.choice(NAMES), rng.choice(["self", "tree"]), rng.random() < 0.3
        if any(o[0] == name for o in p.own):
            continue  # of two entries the first one's marks count; the model keeps no order
        p.own.append((name, scope, routes))
        shown = name.upper() if rng.random() < 0.2 else name
        lines.append("domain\t" + ("." if scope == "tree" else "") + shown
                     + (" routes" if routes else ""))
    if rng.random() < 0.05:
        p.own.append(("", "tree", False))
        lines.append("domain\t" + rng.choice(["*", "."]) + " deliberate")
    free = [n for n in NAMES if not any(o[0] == n for o in p.own)]
    kind, scope = rng.choice([("rcpthosts", "self"), ("relay-domains", "tree")])
    text = ""
    for name in rng.sample(free, rng.randrange(3)):
        below = rng.random() < 0.3
        p.own.append((name, "below" if below else scope, False))
        text += ("." if below else "") + name + "\n"
    lines.append(file_line(kind, text))
    for cert in CERTS[:2]:
        if rng.random() < 0.5:
            p.certs.add(cert)
            lines.append("cert\t" + cert)
    for ip in IPS[:2] + IPS[12:14]:
        if rng.random() < 0.2:
            p.literals.append(ip)
            lines.append(f"literal\t{ip}")
    makers = [source_networks, source_cidr, source_tcprules, source_hosts_allow]
    sources = [source_settings(rng)] + [rng.choice(makers)(rng) for _ in range(rng.randrange(3))]
    if rng.random() < 0.5:
        sources.append(source_access(rng, p))
    for source, more in sources:
        p.sources.append(source)
        lines += more
    return p, lines + ["seal"]


# --- clients and envelopes --------------------------------------------------------------------------

def random_client(rng):
    return model.Client(role=rng.choice(["mx", "mx", "submission"]),
                        ip=rng.choice(IPS + [None]), login=rng.choice(["", "", "", "user"]),
                        cert=rng.choice(["", "", "", *CERTS, "zz"]), ca=rng.random() < 0.2,
                        granted=rng.random() < 0.2, doubtful=rng.random() < 0.2,
                        failed=frozenset(b for b in BITS if rng.random() < 0.08))


LOCALS = ["u", "a.b", "U+x", '"a b"', '"a"', '"a..b"', '"u@own.example"', "u%own.example", "A%b", "own!u",
          '"u%x"', "IMCEASMTP-u+40x", "IMCEAEX-x", "/c=us", "|x", '"\\"u\\""', '""', "postmaster",
          "\u00fc", "\uff20", "a\uff05b", "x\u0085", "a" * 64, "a" * 65, "u@own.example", "a:b", "", ".",
          '"a\\b"', "u(x)"]
HOSTS = NAMES + ["[192.0.2.1]", "[IPv6:::1]", "[IPv6:::ffff:192.0.2.7]", "[x:y]", "192.0.2.1", "OWN.Example",
                 "own.example.", "b\u00fccher.example", "B\u00dcCHER.example", "\uff4fwn.example", "own..example",
                 "own_.example", "-a.example", "", "[192.0.2.1", "own\u3002example",
                 ".".join(["a" * 63] * 3 + ["b" * 58]), ".".join(["a" * 63] * 3 + ["b" * 60]), "x" * 64,
                 ".".join(["\u00fc"] * 30), ".".join(["\u00fc"] * 31),  # they grow when they become A-labels
                 ".".join(["\u00fc"] * 32), ".".join(["\u00fc"] * 40)]


def random_path(rng, plain):
    """With the chance `plain` an address that nothing is wrong with."""
    if rng.random() < plain:
        return f"<{rng.choice(['u', 'U', 'a.b', 'A%b'])}@{rng.choice(NAMES)}>".encode()
    roll = rng.random()
    if roll < 0.06:
        return b"<>"
    if roll < 0.1:
        return rng.choice([b"<postmaster>", b"<Postmaster>", b"<u>", b"", b"<", b'<"postmaster">'])
    text = rng.choice(LOCALS) + rng.choice(["@"] * 20 + ["", "@@"]) + rng.choice(HOSTS)
    if rng.random() < 0.08:
        text = "@" + rng.choice(HOSTS) + rng.choice([":", ",@own.example:"]) + text
    out = bytearray(("<" + text + ">").encode())
    while rng.random() < 0.15:
        at = rng.randrange(len(out) + 1)
        piece = rng.choice([bytes([rng.randrange(128)]), b"%", b"!", b"@", b":", b'"', b"\\", b"\xff",
                            b".", b">", b"<", b" ", b"\x00", b"\r\n"])
        out[at:at + rng.randrange(2)] = piece
    return bytes(out)


def question(client, mail, rcpt, smtputf8):
    flags = ("g" * client.granted + "d" * client.doubtful + "a" * client.ca) or "-"
    failed = sum(BITS[b] for b in client.failed)
    return "\t".join(["ask", client.role, flags, str(client.ip or "-"), client.login or "-",
                      client.cert or "-", str(failed), str(int(smtputf8)), mail.hex(), rcpt.hex()])


def group(reason, wanted):
    """The C side's reason in the model's coarser words."""
    if reason == "lookup":
        return wanted if wanted in ("doubt", "narrowed") else "doubt"
    if reason in GROUPS:
        return "narrowed" if GROUPS[reason] == "file" and wanted == "narrowed" else GROUPS[reason]
    return "bad sender" if reason.startswith("sender-") else "bad recipient"


def compare(answer, wanted, rcpt_utf8):
    """None, or what differs."""
    got = answer.split("\t")
    if len(got) != 8:
        return f"no answer: {answer}"
    mail, rcpt = (bytes.fromhex(h).decode() for h in got[6:8])
    have = (got[0], group(got[1], wanted[1]), mail, rcpt)
    if have != wanted:
        return f"{have} instead of {wanted}"
    if int(got[3]) // 100 != {"take": 2, "defer": 4, "refuse": 5}[got[0]]:
        return f"code {got[3]} for {got[0]}"
    if (got[5] == "1") != (not (mail + rcpt).isascii()):
        return "SMTPUTF8 is told wrong"
    return None


def run(build, seconds, seed, fault="", policies=None, each=60):
    """The number of questions, and the first disagreement or None."""
    decider, rng = Decider(build, fault), random.Random(seed)
    end, asked, done = time.monotonic() + seconds, 0, 0
    while time.monotonic() < end and (policies is None or done < policies):
        policy, lines = random_policy(rng)
        cases = [(random_client(rng), random_path(rng, 0.7), random_path(rng, 0.5), rng.random() < 0.5)
                 for _ in range(each)]
        answers = decider.ask(lines + [question(*c) for c in cases])
        if answers[0] != "ok":
            return asked, f"policy refused: {answers[0]}\n{show(lines)}"
        for case, answer in zip(cases, answers[1:]):
            asked += 1
            fault_found = compare(answer, model.decide(policy, *case), case)
            if fault_found:
                return asked, f"{fault_found}\n{case}\n{policy}\n{show(lines)}\n{answer}"
        done += 1
    decider.close()
    return asked, None


def show(lines):
    return "\n".join("file " + x.split("\t")[1] + ":\n" + bytes.fromhex(x.split("\t")[2]).decode()
                     if x.startswith("file") else x for x in lines)


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("build")
    options.add_argument("--seconds", type=float, default=30)
    options.add_argument("--seed", type=int, default=None)
    options.add_argument("--fault", choices=FAULTS, default="")
    args = options.parse_args()
    seed = args.seed if args.seed is not None else random.SystemRandom().randrange(1 << 32)
    asked, found = run(args.build, args.seconds, seed, args.fault)
    print(f"seed {seed}: {asked} questions, {'a disagreement' if found else 'no disagreement'}")
    if found:
        print(found)
    print(f"{0 if bool(found) != bool(args.fault) else 1} passed, "
          f"{1 if bool(found) != bool(args.fault) else 0} failed")
    return bool(found) != bool(args.fault)


if __name__ == "__main__":
    sys.exit(main())
