# SPDX-License-Identifier: GPL-3.0-or-later
"""Real clients through the gate, in a running case: mail servers, mail programs and libraries.

Each sends one message to each of the recorder's domains, which differ by how the gate tells it the
client's address. What the recorder wrote down is compared: the address, the envelope's parameters, and
the message from its last own header on, octet for octet (servers put fields of theirs on top)."""

import base64
import json
import os
import re
import subprocess
import sys
import time

import net

HERE = os.path.dirname(os.path.abspath(__file__))
DOMAINS = ("xclient.gated.example", "proxy1.gated.example", "proxy2.gated.example",
           "transparent.gated.example")
GATE = "mx.target.example"
LOGIN, PASSWORD = "tim", "tanstaaf"
LIMIT = 40      # seconds for one client
ARRIVAL = 45    # seconds until the last message is there; servers have queues
# Dots, empty lines, blanks at the end, octets over 127, a line as long as may be, "From " and no more.
BODY = ("first\r\n.\r\n..\r\n.dot\r\n\r\n\r\nblank behind \r\n\ttab\r\n" + "x" * 990 +
        "\r\nFrom here\r\nGr\u00fc\u00dfe \u65e5\u672c\r\n" + "line\r\n" * 3000 + "last\r\n").encode()
UTF8_LOCAL = "gr\u00fc\u00dfe"


def message(name, to):
    head = (f"From: <a@client.example>\r\nTo: <{to}>\r\nSubject: {name}\r\nMIME-Version: 1.0\r\n"
            "Date: Sat, 21 Nov 2026 12:00:00 +0000\r\n"
            f"Message-ID: <{name}@client.example>\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Transfer-Encoding: 8bit\r\nX-Tag: {name}\r\n\r\n")
    return head.encode() + BODY


def swaks(*more):
    return lambda name, to, file: ["swaks", "--server", GATE, "--from", "a@client.example", "--to", to,
                                   "--data", "@" + file + ".wire", "--no-data-fixup", "--timeout", "20",
                                   *more]


def curl(url, *more):
    return lambda name, to, file: ["curl", "-sS", "-k", "--url", f"{url}/client.example", "--mail-from",
                                   "a@client.example", "--mail-rcpt", to, "--upload-file", file, *more]


def msmtp(*more):
    return lambda name, to, file: ["sh", "-c", 'exec msmtp "$@" < ' + file, "sh", f"--host={GATE}",
                                   "--from=a@client.example", "--domain=client.example",
                                   "--tls-certcheck=off", *more, to]


def python(how):
    return lambda name, to, file: [sys.executable, os.path.join(HERE, "pyclient.py"), how, GATE, to, file]


AUTH = ("--auth-user", LOGIN, "--auth-password", PASSWORD)
MSMTP_AUTH = ("--auth=on", f"--user={LOGIN}", f"--passwordeval=echo {PASSWORD}")
# name -> (what to run as the tester, what must be in the envelope, whether the login must be told)
PROGRAMS = {
    "swaks": (swaks(), "", False),
    "swaks-tls": (swaks("--tls"), "", False),
    "swaks-pipeline": (swaks("--pipeline"), "", False),
    "swaks-auth-plain": (swaks("--port", "587", "--tls", "--auth", "PLAIN", *AUTH), "", True),
    "swaks-auth-login": (swaks("--port", "465", "--tls-on-connect", "--auth", "LOGIN", *AUTH), "", True),
    "curl": (curl(f"smtp://{GATE}"), "", False),
    "curl-tls": (curl(f"smtp://{GATE}", "--ssl-reqd"), "", False),
    "curl-auth": (curl(f"smtps://{GATE}", "--user", f"{LOGIN}:{PASSWORD}"), "", True),
    "msmtp": (msmtp(), "", False),
    "msmtp-tls": (msmtp("--tls=on"), "", False),
    "msmtp-auth": (msmtp("--port=587", "--tls=on", *MSMTP_AUTH), "", True),
    "smtplib": (python("plain"), "", False),
    "smtplib-tls": (python("tls"), "", False),
    "smtplib-auth": (python("auth"), "", True),
    "smtplib-dsn": (python("dsn"), "NOTIFY=SUCCESS,FAILURE", False),
    "smtplib-8bit": (python("8bit"), "BODY=8BITMIME", False),
    "smtplib-utf8": (python("utf8"), "SMTPUTF8", False),
    "chunks": (python("chunks"), "", False),
    "pipelined": (python("pipelined"), "", False),
}
# Nodes of the case that are mail servers; their sendmail takes the message, they find the gate by MX.
SERVERS = ("postfix", "exim", "sendmail", "opensmtpd")


def recorded(live):
    path = os.path.join(live.folder, "mail", "upper/lab/recorded")
    if not os.path.exists(path):
        return []
    with open(path, encoding="ascii") as f:
        return [json.loads(line) for line in f if line.endswith("\n")]


def tail_of(data, name):
    at = data.find(f"X-Tag: {name}\r\n".encode())
    return data[at:] if at >= 0 else None


def send_all(live):
    """Starts everything; returns name -> (expected data, expected address, words, login) and faults."""
    expected, bad, running = {}, [], []
    for client, (make, words, login) in PROGRAMS.items():
        for n, domain in enumerate(DOMAINS):
            name = f"{client}-{n}"
            local = UTF8_LOCAL if client == "smtplib-utf8" else "user"
            to = f"{local}@{domain}"
            file = os.path.join(live.folder, name + ".eml")
            with open(file, "wb") as f:
                f.write(message(name, to))
            with open(file + ".wire", "wb") as f:   # swaks adds an empty line unless it gets all of it
                f.write(re.sub(rb"(?m)^\.", b"..", message(name, to)) + b".")
            expected[name] = message(name, to), net.TESTER[0], words, login
            p = live.start_as_tester(make(name, to, file), stdin=subprocess.DEVNULL, text=True,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            running.append((name, p))
        for name, p in running:
            try:
                out, _ = p.communicate(timeout=LIMIT)
            except subprocess.TimeoutExpired:
                p.kill()
                out = "no end"
            if p.returncode != 0:
                bad.append(f"{name}: exit {p.returncode}: {(out.strip() or '-').splitlines()[-1]}")
        running = []
    for server in SERVERS:
        for n, domain in enumerate(DOMAINS):
            name = f"{server}-{n}"
            text = message(name, f"user@{domain}").replace(b"\r\n", b"\n")
            r = live.run_inside(server, ["sh", "-c", f"/usr/sbin/sendmail -i -f a@client.example "
                                                     f"user@{domain}"], input=text,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if r.returncode != 0:
                bad.append(f"{name}: sendmail: {r.stdout.decode('latin-1').strip()[-200:]}")
            expected[name] = (message(name, f"user@{domain}"), live.addresses[server][0], "", False)
    return expected, bad


def compare(live, expected):
    bad, seen = [], {}
    for row in recorded(live):
        data = base64.b64decode(row["data"])
        for name in expected:
            if f"X-Tag: {name}\r\n".encode() in data:
                seen.setdefault(name, []).append((row, data))
        bad += row["bad"]
    for name, (want, address, words, login) in expected.items():
        rows = seen.get(name, [])
        if len(rows) != 1:
            bad.append(f"{name}: {len(rows)} copies arrived")
            continue
        row, data = rows[0]
        if tail_of(data, name) != tail_of(want, name):
            bad.append(f"{name}: the message was changed")
        if row["identity"] != address:
            bad.append(f"{name}: the server takes {address} for {row['identity']}")
        if words and words not in row["mail"] + " ".join(row["rcpt"]):
            bad.append(f"{name}: no {words} in {row['mail']} {row['rcpt']}")
        if login and name.endswith("-0") and row["told"].get("LOGIN") != LOGIN:
            bad.append(f"{name}: the login was not told: {row['told']}")
    return bad


def check(live):
    """(words for the line, what is wrong)"""
    expected, bad = send_all(live)
    end = time.monotonic() + ARRIVAL
    while time.monotonic() < end and len(recorded(live)) < len(expected):
        time.sleep(0.2)
    bad += compare(live, expected)
    return f"{len(expected)} messages of {len(PROGRAMS) + len(SERVERS)} clients", bad
