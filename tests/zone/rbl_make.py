# SPDX-License-Identifier: GPL-3.0-or-later
"""Random files for rbldnsd, and what to ask of them.

An entry is written in one of the forms that rbldnsd takes, of few different addresses, so that
ranges lie within each other, repeat and exclude each other. Every entry brings questions: its edges,
one past them, and something inside."""

import gzip
import ipaddress
import os

ZONE = "bl.test"
HOMES = [(10, 1), (10, 2), (172, 20), (198, 51), (203, 0)]
LABELS = ["a", "b", "mail", "x-1", "_spf", "example", "com", "net", "org", "test0", "Www", "1", "10"]
HEX = ["2001:db8", "2001:db8:1", "2001:db8:ffff", "2003:a01:203", "fd00:1:2:3"]
TYPES = ["ip4set", "ip4trie", "ip4tset", "ip6trie", "ip6tset", "dnset", "generic"]


def v4_name(number):
    return ".".join(str(number >> s & 255) for s in (0, 8, 16, 24))


def v4_text(number):
    return ".".join(str(number >> s & 255) for s in (24, 16, 8, 0))


def v6_name(number):
    return ".".join(f"{number:032x}"[::-1])


class Maker:
    """Makes the files of one scenario in `folder`, and gathers questions: names below the zone."""

    def __init__(self, rng, folder):
        self.rng, self.folder = rng, folder
        self.names = set()  # to be asked
        self.known = set()  # more that may be there
        self.files = 0

    def write(self, lines):
        self.files += 1
        path = os.path.join(self.folder, f"file{self.files}")
        text = "".join(line + "\n" for line in lines).encode("latin-1")
        with open(path, "wb") as f:
            f.write(gzip.compress(text) if self.rng.random() < .1 else text)
        return path

    # values

    def text(self):
        words = ["z" * self.rng.choice([90, 253, 300]), "\t", "$0", "back\\slash", "%s", "it's", "$$$", "\x7f\x01",
                 "listed", "see http://x.test/?ip=$", "$1", "$2/$", "$$", "a:b", "=", "$=", "#", "$9",
                 "very " * 30, "\xe9", '"q"']
        common = words[8:] if self.rng.random() < .8 else words
        return " ".join(self.rng.choice(common) for _ in range(self.rng.randint(1, 4))).strip()

    def value(self):
        r = self.rng
        a = r.choice(["2", "3", "9", "127.0.0.4", "127.1.2.3", "127.5", "255"])
        return r.choice([f":{a}:{self.text()}", f":{a}", f":{a}:", f":{a}: {self.text()}", f": {a}:x"
                         if r.random() < .05 else f":{a}:y", f"t{self.text()}", f"={self.text()}"])

    def tail(self):
        r = self.rng.random()
        if r < .5:
            return ""
        if r < .6:
            return self.rng.choice([" # c", ";c", " ; c $1", "\t#", "#c", "  \t "])
        return self.rng.choice([" ", "\t ", "  "]) + self.value()

    def special(self):
        r = self.rng
        return r.choice(["# a comment", "; another", "", " \t", f"$1 {self.text()}", "$2 two $ $1 $$",
                         "#$3 three", f"$TTL {r.choice(['60', '5m', '0', '1h', 'x'])}", "$XYZ 1", "$1",
                         ":$4 four", ":" + r.choice(["2:", "3:t $", "4", "127.0.0.5: u", "0", "x"]),
                         "$= base $= of $ $1 $=" if r.random() < .2 else "$5 five", self.rare()])

    def rare(self):
        """$ lines in the middle: said before, broken, of another program, or with bounds."""
        r = self.rng
        return r.choice(["$NS 1h late.test", "$NS 2h late1.test late2.test", "$NS 1h -none.test", "$NS",
                         "$SOA 0 late.test admin.test 1 2 3 4 5", "$SOA 0 late.test", "$TTL 6d", "$TTL 5 6",
                         "$TIMESTAMP 20200101 2037-01-01", "$TIMESTAMP 2020:01:01:10:20 +9000d", "$TIMESTAMP 0 -",
                         "$TIMESTAMP x", "$INCLUDE other", "$ORIGIN x.test", "# $2 no", "$10 x", "$= ", "$ 1 x",
                         "  #$6 six", "$MAXRANGE4 x", "$DATASETS x",
                         "$MAXRANGE4 /" + r.choice(["8", "16", "24"]) if r.random() < .3 else "$MAXRANGE4 /1",
                         "$maxrange4 70000" if r.random() < .3 else "$7 seven"])

    def head(self):
        r = self.rng
        lines = []
        if r.random() < .7:
            lines.append(r.choice(["$SOA", "#$soa", "  $Soa"]) + r.choice([" 0 ", " 1w ", " 30\t", " 2w "]) +
                         "ns.test Admin.test. 7 1h 2h 1w " + r.choice(["1m", "10", "1d"]))
        if r.random() < .6:
            lines.append(r.choice(["$NS 1d ns1.test -ns2.test ns3.test", "$NS 0 ns1.test", ";$nameserver 5m ns1.test",
                                   "$NS 1d ns1.test NS1.test. ns2." + ZONE]))
        return lines

    # keys

    def v4(self):
        r = self.rng
        home = r.choice(HOMES)
        low = r.choice([0, 1, 2, 3, 127, 128, 254, 255, r.randrange(256)])
        return home[0] << 24 | home[1] << 16 | r.choice([0, 1, 2, 255]) << 8 | low

    def ask_v4(self, first, last):
        for n in {first - 1, first, (first + last) // 2, last, last + 1,
                  self.rng.randint(first, last)}:
            if 0 <= n < 1 << 32:
                self.names.add(v4_name(n))

    def v4_entry(self, ranges):
        r = self.rng
        a = self.v4()
        kind = r.randrange(9 if ranges else 6)
        if kind < 3:
            first, last, text = a, a, v4_text(a)
        elif kind == 3:
            bits = r.choice([8, 9, 12, 15, 16, 17, 20, 23, 24, 25, 27, 30, 31, 32])
            first = a >> (32 - bits) << (32 - bits)
            last = first | (1 << (32 - bits)) - 1
            octets = v4_text(first).split(".")
            if r.random() < .5:
                octets = octets[:max(1, (bits + 7) // 8)]
            text = ".".join(octets) + f"/{bits}"
            if r.random() < .05:
                text = v4_text(first | 1) + f"/{bits}"
        elif kind == 4:
            n = r.choice([2, 3])
            text = ".".join(v4_text(a).split(".")[:n])
            first = a >> (32 - 8 * n) << (32 - 8 * n)
            last = first | (1 << (32 - 8 * n)) - 1
        elif kind == 5:
            first, last = a, a
            self.ask_v4(0x0a010203, 0x0a010203)  # what some of these mean
            text = r.choice(["1.2.3.256", "10", "10.1.2.3.4", "10.1.2.3/33", "10..1", "x", "10.1.2.3x",
                             "010.001.002.003", "10.1.2.3-", "10.1.2.9-8", "10.1-10.1.2", "10/0"])
        else:
            first, last = sorted((a, self.v4()))
            n = r.choice([2, 3, 4, 4, 4])
            shift = 32 - 8 * n
            first, last = first >> shift << shift, last | (1 << shift) - 1
            if last - first > 1 << 22:
                last = first | 0xffff
            head, end = v4_text(first).split(".")[:n], v4_text(last).split(".")[:n]
            text = ".".join(head) + "-" + (end[-1] if head[:-1] == end[:-1] and r.random() < .7
                                           else ".".join(end))
        self.ask_v4(first, last)
        return text

    def v6(self):
        r = self.rng
        base = int(ipaddress.IPv6Address(r.choice(HEX) + "::"))
        return base | r.choice([0, 1, 2, r.getrandbits(16), r.getrandbits(64), r.getrandbits(4) << 60])

    def ask_v6(self, first, last):
        for n in {first - 1, first, last, last + 1, self.rng.randint(first, last)}:
            if 0 <= n < 1 << 128:
                self.names.add(v6_name(n))

    def v6_entry(self):
        r = self.rng
        a = self.v6()
        if r.random() < .08:
            return r.choice(["2001", "2001:db8::1/64", "2001:db8::/129", "1:2:3:4:5:6:7:8:9", "::g",
                             "2001:db8:::3:x", "::ffff:1.2.3.4", "12345::", "1:2:"])
        bits = r.choice([128, 128, 64, 63, 65, 48, 47, 32, 36, 52, 127, 124, 20])
        first = a >> (128 - bits) << (128 - bits)
        self.ask_v6(first, first | (1 << (128 - bits)) - 1)
        address = ipaddress.IPv6Address(first)
        text = r.choice([str(address), address.exploded, str(address).upper()])
        if bits % 16 == 0 and 16 < bits < 128 and r.random() < .5:
            return ":".join(address.exploded.split(":")[:bits // 16])
        return text if bits == 128 else f"{text}/{bits}"

    def half_entry(self):
        r = self.rng
        first = self.v6() >> 64 << 64
        self.ask_v6(first, first | (1 << 64) - 1)
        if r.random() < .1:
            return r.choice(["2001:db8::", "2001:db8:1", "!2001:db8:1:2", "::1", "x"])
        return ":".join(ipaddress.IPv6Address(first).exploded.split(":")[:4])

    def name(self):
        r = self.rng
        return ".".join(r.choice(LABELS) for _ in range(r.randint(1, 4)))

    def ask_name(self, name):
        self.names.update({name, "sub." + name, "a.b." + name, name.partition(".")[2] or name})

    # datasets

    def lines(self, kind, count):
        r = self.rng
        lines = []
        for _ in range(count):
            if r.random() < .12:
                lines.append(self.special())
                continue
            bang = r.choice(["!", "! "]) if r.random() < .15 else ""
            if kind in ("ip4set", "ip4trie"):
                lines.append(bang + self.v4_entry(kind == "ip4set") + self.tail())
            elif kind == "ip4tset":
                a = self.v4()
                self.ask_v4(a, a)
                lines.append(v4_text(a) + self.tail())
            elif kind == "ip6trie":
                lines.append(bang + self.v6_entry() + self.tail())
            elif kind == "ip6tset":
                if bang:
                    a = self.v6()
                    self.ask_v6(a, a)
                    lines.append("!" + str(ipaddress.IPv6Address(a)))
                else:
                    lines.append(self.half_entry() + self.tail())
            elif kind == "dnset":
                name = self.name()
                self.ask_name(name)
                tail = self.tail()
                tail = " " + tail if tail[:1] == ";" else tail
                lines.append(bang + r.choice(["", "", "*.", "."]) + name + r.choice(["", "", "."]) + tail)
            else:
                lines.append(self.record())
        return lines

    def record(self):
        r = self.rng
        name = "@" if r.random() < .2 else self.name()
        if name != "@":
            self.ask_name(name)
        return " ".join([name, *r.choice([[], ["300"], ["1h"]]), *r.choice([[], ["IN"], ["in"]]),
                         r.choice(["A 192.0.2.1", "a 127.0.0.9", 'TXT "some text"', "txt bare $ text",
                                   "MX 10 mx.test", "mx 20 Mx2.test", "A 10.5", "NS ns.test", "A x"])])

    def dataset(self, kind, count):
        """TYPE:FILE,FILE... of one or two files."""
        files = []
        for i in range(self.rng.choice([1, 1, 2])):
            files.append(self.write((self.head() if i == 0 else []) + self.lines(kind, count)))
        return f"{kind}:{','.join(files)}"

    def combined(self, count):
        r = self.rng
        lines = self.head() + ["$1 common", "$TTL 9m"]
        subs = ["@", "proxies", "relays", "deep.relays", "names", r.choice(["a", "77", "com", "b.a", "X-1"])]
        files = []
        for i in range(r.randint(2, 5)):
            if i and r.random() < .2:
                files.append(self.write(lines))
                lines = r.choice([[], ["# c"], ["$3 of the second file"], ["#$XYZ"]])
                if lines and "$" in lines[0]:  # before it no entry is taken
                    lines += self.lines(kind, 3)
            kind = r.choice(TYPES)
            to = r.sample(subs, r.randint(1, 3))
            lines.append(f"$DATASET {kind}:set{i} {' '.join(to)} # data")
            before, self.names = self.names, set()
            lines += self.lines(kind, count)
            new = self.names
            self.names = before | new
            for sub in to:
                if sub != "@":
                    self.known.update(f"{n}.{sub}" for n in new)
                    self.names.update(f"{n}.{sub}" for n in r.sample(sorted(new), min(60, len(new))))
        self.names.update(subs[1:] + ["x.proxies", "nothing", "x.names", "x." + subs[-1]])
        return f"combined:{','.join([*files, self.write(lines)])}"
