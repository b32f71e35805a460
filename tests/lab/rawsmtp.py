#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends given SMTP lines one by one, for what swaks can't say; prints the talk as swaks does.

usage: rawsmtp.py HOST PORT LINE...      "BDAT:text" becomes BDAT with the text's size and LAST,
a line of "PROXY ..." is sent before the greeting. Ends with 0 if every reply was 2xx or 3xx.
"""

import socket
import sys

host, port, lines = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
talk = socket.create_connection((host, port), timeout=20)
reader = talk.makefile("rb")
good = True


def reply():
    global good
    while True:
        line = reader.readline().decode("latin-1").rstrip("\r\n")
        if not line:
            print("*** connection ended")
            sys.exit(6)
        bad = line[0] in "45"
        good = good and not bad
        print(("<** " if bad else "<-  ") + line)
        if line[3:4] != "-":
            return


while lines and lines[0].startswith("PROXY "):
    talk.sendall(lines.pop(0).encode() + b"\r\n")
reply()
for text in lines:
    if text.startswith("BDAT:"):
        body = text[5:].encode() + b"\r\n"
        text = f"BDAT {len(body)} LAST"
        talk.sendall(text.encode() + b"\r\n" + body)
    else:
        talk.sendall(text.encode() + b"\r\n")
    print(" -> " + text)
    reply()
sys.exit(0 if good else 24)
