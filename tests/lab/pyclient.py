#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Python's smtplib as a client, and what it has not: chunks and pipelining, on a bare socket.
usage: pyclient.py plain|tls|auth|dsn|8bit|utf8|chunks|pipelined HOST RCPT FILE"""

import re
import smtplib
import socket
import ssl
import sys

how, host, to, file = sys.argv[1:]
with open(file, "rb") as f:
    data = f.read()
FROM = "a@client.example"


def lax():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def by_library():
    with smtplib.SMTP(host, 587 if how == "auth" else 25, "client.example", 20) as s:
        s.ehlo()
        if how in ("tls", "auth"):
            s.starttls(context=lax())
            s.ehlo()
        if how == "auth":
            s.login("tim", "tanstaaf")
        mail = {"8bit": ["BODY=8BITMIME"], "utf8": ["SMTPUTF8", "BODY=8BITMIME"],
                "dsn": ["RET=HDRS", "ENVID=e1"]}.get(how, [])
        rcpt = ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;" + to] if how == "dsn" else []
        s.sendmail(FROM, [to], data, mail, rcpt)


def by_socket():
    s = socket.create_connection((host, 25), 20)
    replies = s.makefile("rb")

    def reply(want):
        line = replies.readline()
        while line[3:4] == b"-":
            line = replies.readline()
        if not line.startswith(want):
            sys.exit(f"{line!r}, wanted {want!r}")

    def say(octets, *wants):
        s.sendall(octets)
        for want in wants:
            reply(want)
    reply(b"220")
    say(b"EHLO client.example\r\n", b"250")
    envelope = f"MAIL FROM:<{FROM}>\r\nRCPT TO:<{to}>\r\n".encode()
    if how == "pipelined":
        say(envelope + b"DATA\r\n", b"250", b"250", b"354")
        say(re.sub(rb"(?m)^\.", b"..", data) + b".\r\nQUIT\r\n", b"250", b"221")
        return
    say(envelope, b"250", b"250")
    rest = data
    for size in (1, 100, 4096, len(data)):
        piece, rest = rest[:size], rest[size:]
        say(b"BDAT %d%s\r\n" % (len(piece), b"" if rest else b" LAST") + piece, b"250")
    say(b"QUIT\r\n", b"221")


by_socket() if how in ("chunks", "pipelined") else by_library()
