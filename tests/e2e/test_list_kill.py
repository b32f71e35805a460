# SPDX-License-Identifier: GPL-3.0-or-later
"""postern list killed at any moment of delisting and publishing, while postern dns serves its zones:
the server always answers, and never lists again what postern list has said is out."""

import contextlib
import os
import random
import signal
import subprocess
import threading
import time

import dns.exception
import dns.message
import dns.query
import dns.rcode

from listlib import DAY, of_public_space, wait_for

KILLS = int(os.environ.get("POSTERN_KILLS", "200")) // 2
HOSTS = 24
LISTED = 5  # in the store
PAUSE = 0.003  # between two questions: the server limits what it answers to one address
SILENCE = 10.0
LATE = 2.0  # seconds from a verb's end to DNS, on a machine that does ten other things


class Watch:
    """Asks the server for every host in turn, and notes what is wrong."""

    def __init__(self, ask, hosts):
        self.ask, self.hosts = ask, hosts
        self.out = {}  # since when a host must not be answered for
        self.wrong, self.answers, self.over = [], 0, threading.Event()
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def one(self, ip):
        with self.lock:
            since = self.out.get(ip)
        started = time.monotonic()
        try:
            got = dns.query.udp(dns.message.make_query(self.ask.name(ip), "A"), "127.0.0.1",
                                port=self.ask.port, timeout=SILENCE)
        except dns.exception.Timeout:
            self.wrong.append(f"{ip}: no answer")
            return
        self.answers += 1
        if got.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            self.wrong.append(f"{ip}: {dns.rcode.to_text(got.rcode())}")
        with self.lock:
            same = since == self.out.get(ip)
        if got.answer and since is not None and same and started > since + LATE:
            self.wrong.append(f"{ip}: listed {started - since:.2f} s after it was out")

    def run(self):
        while not self.over.is_set():
            for ip in self.hosts:
                self.one(ip)
                time.sleep(PAUSE)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def is_out(self, ip):
        with self.lock:
            self.out[ip] = time.monotonic()

    def is_in(self, ip):
        with self.lock:
            self.out.pop(ip, None)


def fill(book, hosts, like):
    """More listings, as copies of one that went the whole way."""
    with book.store() as db:
        columns = [c[1] for c in db.execute("PRAGMA table_info(listings)")]
        row = dict(zip(columns, db.execute("SELECT * FROM listings WHERE id = ?", (like,)).fetchone()))
        for ip in hosts:
            row.update(id=None, address=bytes(map(int, ip.split("."))))
            db.execute(f"INSERT INTO listings ({', '.join(row)}) VALUES "
                       f"({', '.join('?' * len(row))})", list(row.values()))


def relist(book, ip, number):
    """Back in as it was; a verb then brings the files after the store."""
    with book.store() as db:
        db.execute("UPDATE listings SET state = ?, expires = ?, fresh = 0 WHERE id = ?",
                   (LISTED, int(time.time()) + DAY, number))
        db.execute("INSERT OR IGNORE INTO listing_dirty VALUES (?)", (number,))
    book("expire")


def killed(command, after):
    """True: the verb ended well before the kill, and so has acknowledged."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as verb:
        with contextlib.suppress(subprocess.TimeoutExpired):
            verb.wait(after)
        if verb.poll() is None:
            verb.send_signal(signal.SIGKILL)
        return verb.wait() == 0


@of_public_space
def test_dns_serves_while_the_list_is_killed(book):
    dice = random.Random(7)
    with book.relay() as first:
        book.nominate(first)
        book("test")
        book.pass_days(2)
        book("test")
    assert book.host(first)["state"] == "listed"
    with book.store() as db:
        like, state = db.execute("SELECT id, state FROM listings WHERE side = 0").fetchone()
    assert state == LISTED
    hosts = [f"{book.net}.{i}" for i in range(10, 10 + HOSTS)]
    fill(book, hosts, like)
    book("publish")
    ids = {ip: book.host(ip)["number"] for ip in hosts}
    acknowledged = cut = 0
    with book.dns() as ask:
        for ip in hosts:
            wait_for(lambda ip=ip: ask(ip) == "127.0.0.2")
        with Watch(ask, hosts) as watch:
            for _ in range(KILLS):
                ip = dice.choice(hosts)
                after = dice.random() * 0.06
                if dice.random() < 0.3:
                    done = killed(book.command("publish"), after)
                else:
                    watch.is_in(ip)
                    done = killed(book.command("delist", "--reason", "r", ip), after)
                    if done:
                        watch.is_out(ip)
                    elif dice.random() < 0.5:
                        relist(book, ip, ids[ip])
                acknowledged += done
                cut += not done
                if watch.wrong:
                    break
                if done and dice.random() < 0.5:
                    watch.is_in(ip)
                    relist(book, ip, ids[ip])
            # In the end files, server and store are of one mind.
            book("expire")
            book("check")
            for ip in hosts:
                want = "127.0.0.2" if book.host(ip)["state"] == "listed" else ""
                wait_for(lambda ip=ip, want=want: ask(ip) == want)
            time.sleep(LATE / 4)
    assert not watch.wrong, watch.wrong[:5]
    assert watch.answers > KILLS
    assert acknowledged > KILLS / 10 and cut > KILLS / 10, (acknowledged, cut)
