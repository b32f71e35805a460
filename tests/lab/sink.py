#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mail sink for checking cases by hand: takes everything, writes one JSON line per message.

It is the lab's own witness and shares nothing with Postern, so that the table of cases can be
checked without the program that the table is there to check.   usage: sink.py FILE ADDRESS...
"""

import asyncio
import json
import sys
import time


async def session(reader, writer, out):
    peer = writer.get_extra_info("peername")[0]
    mail, rcpts, helo = None, [], ""

    async def say(text):
        writer.write(text.encode() + b"\r\n")
        await writer.drain()

    await say("220 sink.probe.example ESMTP")
    while line := (await reader.readline()):
        text = line.decode("latin-1").rstrip("\r\n")
        verb = text[:4].upper()
        if verb in ("HELO", "EHLO"):
            helo, mail, rcpts = text[5:], None, []
            await say("250 sink.probe.example" if verb == "HELO" else
                      "250-sink.probe.example\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 1000000")
        elif verb == "MAIL":
            mail, rcpts = text[10:], []
            await say("250 2.1.0 OK")
        elif verb == "RCPT":
            rcpts.append(text[8:])
            await say("250 2.1.5 OK")
        elif verb == "DATA":
            await say("354 go on")
            body = []
            while (row := await reader.readline()) and row.rstrip(b"\r\n") != b".":
                body.append(row.decode("latin-1"))
            with open(out, "a") as f:
                f.write(json.dumps({"at": time.time(), "peer": peer, "helo": helo, "mail": mail,
                                    "rcpt": rcpts, "data": "".join(body)}) + "\n")
            await say("250 2.0.0 taken")
        elif verb == "QUIT":
            await say("221 2.0.0 bye")
            break
        else:
            await say("250 2.0.0 OK" if verb in ("RSET", "NOOP") else "502 5.5.1 not here")
    writer.close()


async def main():
    out, addresses = sys.argv[1], sys.argv[2:]
    server = await asyncio.start_server(lambda r, w: session(r, w, out), addresses, 25)
    open(out, "a").close()
    async with server:
        await server.serve_forever()


asyncio.run(main())
