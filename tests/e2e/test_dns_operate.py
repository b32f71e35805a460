# SPDX-License-Identifier: GPL-3.0-or-later
"""postern dns in an operator's hands: mistakes, reloads, what it tells of itself."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request

import dns.message
import dns.query
import pytest
from dnslib import DNS, LIST, PATIENCE, ZONE, Server, eventually, metrics_place, query

ONE = f"{ZONE}:ip4trie:{{}}/list"


def ends(*words, conf=None, tmp_path, state=None):
    """Status and output of a start or a check that is to fail."""
    config = os.devnull
    if conf is not None:
        config = tmp_path / "conf"
        config.write_text(conf)
    r = subprocess.run([DNS, "--config", config, "--state", state or tmp_path / "state", *words],
                       capture_output=True, text=True, timeout=PATIENCE, check=False)
    return r.returncode, r.stderr + r.stdout


def configured(text, **files):
    """A server whose zone and more stand in a configuration file."""
    s = Server(files={"list": LIST} | files)
    s.config = s.path("conf")
    s.write("conf", configuration(s, text))
    return s


def configuration(s, text, zones=()):
    named = ", ".join(f'"{z}"' for z in (f"{ZONE}:ip4trie:{s.path('list')}", *zones))
    return f'dns {{\n zone = {{ {named} }}\n reserved = {ZONE}\n{text}\n}}\n'


# --- mistakes -----------------------------------------------------------------------------------

MISTAKES = [
    (["--listen", "1.2.3.4.5:53"], 78, "1.2.3.4.5:53"),
    (["--listen", "127.0.0.1:99999"], 78, "99999"),
    ([x for i in range(65) for x in ("--listen", f"127.0.1.{i}:0")], 78, "64 at most"),
    (["--metrics-listen", "rubbish"], 78, "metrics-listen"),
    (["--user", "nosuchuser"], 67, "nosuchuser"),
    (["--keys", f"{ZONE}=/nonexistent/keys"], 66, "/nonexistent/keys"),
    (["--tsig-keys", "/nonexistent/tsig"], 66, "/nonexistent/tsig"),
    (["--cookie-secret", "/nonexistent/cookies"], 66, "/nonexistent/cookies"),
    (["--keys", f"{ZONE}=/nonexistent/keys", "--acl", "x"], 78, "network"),
    (["--acl", "10.1.2.3/8 refuse"], 78, "10.1.2.3/8"),
    (["--acl", "other.example=10.0.0.0/8 pass"], 78, "not served"),
    (["--accept", "other.example"], 78, "not served"),
    (["--soa", "ns.example.org hostmaster@example.org"], 78, "dot for the @"),
    (["--ns", "ns.example.org:53"], 78, "is no [ZONE=]HOST"),
    (["--ns", "192.0.2.1"], 78, "is no [ZONE=]HOST"),
    (["--notify", "ns2.example.org"], 78, "is no address"),
    (["--nsid", "x" * 600], 78, "too long"),
    (["--version-text", "x" * 300], 78, "too long"),
    (["a..b:ip4set:/x"], 78, "no zone's name"),
    ([f"{ZONE}:ip4set"], 78, "no file"),
    (["c.example", "c.example"], 78, "twice"),
    (["-l", "query.log"], 78, "--query-log"),
    (["-r", "/srv/bl"], 64, "-w DIR"),
]


@pytest.mark.parametrize("words, status, what", MISTAKES)
@pytest.mark.parametrize("check", [False, True])
def test_mistakes_are_told_by_the_start_and_by_the_check(words, status, what, check, tmp_path):
    (tmp_path / "list").write_text(LIST)
    if "--listen" not in words and "-l" not in words:
        words = ["--listen", "127.0.0.1:0", *words]
    got, text = ends(*(["--check"] if check else []), *words, f"{ZONE}:ip4trie:{tmp_path}/list", "--reserved", ZONE,
                     tmp_path=tmp_path)
    if os.geteuid() != 0 and "--user" in words:
        pytest.skip("only root becomes somebody else")
    assert got == status and what in text, (got, text)


def test_ports_of_others(tmp_path):
    (tmp_path / "list").write_text(LIST)
    zone = [f"{ZONE}:ip4trie:{tmp_path}/list", "--reserved", ZONE]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u, socket.create_server(("127.0.0.1", 0)) as t:
        u.bind(("127.0.0.1", 0))
        for place in (u, t):
            port = place.getsockname()[1]
            got, text = ends("--listen", f"127.0.0.1:{port}", *zone, tmp_path=tmp_path)
            assert got == 71 and f"127.0.0.1:{port}" in text and "in use" in text
    if os.geteuid() == 0:
        state = tmp_path / "nobody"
        state.mkdir(mode=0o777)
        os.chmod(state, 0o777)
        r = subprocess.run(["unshare", "-n", "sh", "-c",
                            'ip link set lo up; echo 1024 >/proc/sys/net/ipv4/ip_unprivileged_port_start; '
                            'exec setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all '
                            '--inh-caps=-all "$@"', "x", DNS, "--config", os.devnull, "--state", state, "--listen",
                            "127.0.0.1:53", *zone], capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert r.returncode == 77 and "CAP_NET_BIND_SERVICE" in r.stderr, r.stderr


def test_fifty_places():
    with Server(ONE, files={"list": LIST}, listen=[f"127.0.1.{i}:0" for i in range(1, 51)]) as s:
        assert len(s.places) == 50
        for s.address, s.port in s.places:
            assert s.values("1.2.0.192") == ["127.0.0.2"]
        assert s.values("1.2.0.192", tcp=True) == ["127.0.0.2"]


def test_a_key_is_made_without_a_zone(tmp_path):
    got, key = ends("--make-key", "5", tmp_path=tmp_path)
    assert got == 0 and re.fullmatch(r"[a-z0-9-]{8,63}\n", key), key
    assert ends("--make-key", "5", tmp_path=tmp_path)[1] == key
    for bad in ("0", "x", "5:70000", "-1", "5:", "4294967296"):
        assert ends("--make-key", bad, tmp_path=tmp_path)[0] == 64


@pytest.mark.parametrize("words, address, ttl", [
    (["-n", "-b", "127.2/0", "-c60", "-t30:10:120"], "127.0.0.2", 30),
    (["-nq", "-b127.0.0.1/0", "-c", "1m", "-t", "2m"], "127.0.0.1", 120),
    (["-n", "-f", "-a", "-e", "-4", "-vv", "-b", "localhost/0", "-c0"], "127.0.0.1", 2100),
])
def test_what_rbldnsd_was_started_with(words, address, ttl, tmp_path):
    (tmp_path / "list").write_text(":2:x\n203.0.113.5\n")
    p = subprocess.Popen([DNS, "--state", tmp_path / "state", *words, "-w" + str(tmp_path), f"{ZONE}:ip4trie:list"],
                         stderr=subprocess.PIPE, text=True)
    try:
        for line in p.stderr:
            m = re.search(rf"event=listening address={re.escape(address)} port=(\d+)", line)
            if m:
                port = int(m[1])
            if "event=ready" in line:
                break
        q = dns.message.make_query(f"5.113.0.203.{ZONE}", "A")
        assert dns.query.udp(q, address, port=port, timeout=PATIENCE).answer[0].ttl == ttl
    finally:
        p.terminate()
        assert p.wait(PATIENCE) == 0
        p.stderr.close()


# --- insane data --------------------------------------------------------------------------------

GOOD = {"ip4trie": (":2:x\n203.0.113.5\n", "5.113.0.203"), "ip4set": (":2:x\n203.0.113.5\n", "5.113.0.203"),
        "ip6trie": (":2:x\n2001:4860::9\n", ".".join("9" + "0" * 23 + "06841002")),
        "dnset": (":2:x\ngood.example\n", "good.example")}
INSANE = [  # type, what is added to good data, the line that is to be named, words
    ("ip4trie", "0.0.0.0/0\n", 3, "everybody"),
    ("ip4trie", "0.0.0.0/1\n128.0.0.0/1\n", 3, "everybody"),
    ("ip4trie", "8.0.0.0/8\n", 3, "/8 is listed"),
    ("ip4set", "192.0.2.1\n8.0.0.0-8.255.255.255\n", 4, "/8 is listed"),
    ("ip4trie", "8.1.0.0/16\n8.0.0.0/16\n", 4, "/15 is listed"),
    ("ip4set", "# one\n127.0.0.1\n", 4, "127.0.0.1 is listed"),
    ("ip4trie", "127.0.0.0/8\n", 3, "127.0.0.1 is listed"),
    ("ip4set", "192.0.2.7\n10.0.0.1 :3:why\n", 4, "private space"),
    ("ip4set", "224.0.0.1\n", 3, "multicast"),
    ("ip4set", "100.64.3.1\n", 3, "carrier NAT"),
    ("ip6trie", "::1\n", 3, "::1 is listed"),
    ("ip6trie", "::/0\n", 3, "::1 is listed"),
    ("ip6trie", "2001:4860:1::/48\nfe80::1\n", 4, "link-local"),
    ("dnset", "invalid\n", 3, "INVALID"),
    ("dnset", ".invalid\n", 3, "INVALID"),
    ("ip4set", "$TIMESTAMP 2020:01:01 2021:01:01\n", 3, "expired"),
    ("ip4set", "$TIMESTAMP 2099:01:01\n", 3, "ahead"),
]


@pytest.mark.parametrize("type, added, line, words", INSANE)
def test_insane_data_are_told_with_line_and_remedy(type, added, line, words):
    good, name = GOOD[type]
    with Server(f"{ZONE}:{type}:{{}}/list", files={"list": good + added}, reserved=False) as s:
        def told(after=0):
            got = s.await_line("event=zone", "result=refused", after=after)
            assert f'text="{s.path("list")}:{line}: ' in got and words in got and "; " in got, got
            return got
        assert "served=nothing" in told() and s.rcode(name) == "SERVFAIL"
        s.write("list", good)
        eventually(lambda: s.values(name) == ["127.0.0.2"])
        seen = len(s.lines)
        s.write("list", good + added)
        assert "data before" in told(seen)
        assert s.values(name) == ["127.0.0.2"] and s.rcode("2.0.0.224") == "NXDOMAIN"


def test_accept_takes_data_of_any_time():
    for stamp in ("2099:01:01", "2020:01:01 2021:01:01"):
        with Server(ONE, files={"list": f"$TIMESTAMP {stamp}\n" + LIST}, options=["--accept", ZONE]) as s:
            assert s.values("1.2.0.192") == ["127.0.0.2"] and s.find("result=accepted", "list:1: "), s.log()


def test_a_clock_that_is_a_little_behind():
    """The file was made on a machine whose clock is a minute ahead of ours."""
    stamp = time.strftime("%Y:%m:%d:%H:%M:%S", time.gmtime(time.time() + 60))
    with Server(ONE, files={"list": f"$TIMESTAMP {stamp}\n" + LIST}) as s:
        assert s.values("1.2.0.192") == ["127.0.0.2"]


@pytest.mark.parametrize("type, text", [
    ("ip4trie", "0.0.0.0/0\n"), ("ip4trie", "0.0.0.0/1\n128.0.0.0/1\n"), ("ip4set", "0.0.0.0-255.255.255.255\n"),
    ("ip4trie", "0/0\n!127.0.0.0/8\n!192.0.2.1\n"), ("ip6trie", "::/0\n"), ("ip6trie", "2000::/4\n3000::/4\n"),
    ("combined", "$DATASET ip4trie @\n0/0\n"), ("combined", "$DATASET ip4trie sub\n0/0\n"),
])
def test_nothing_lets_the_world_be_listed(type, text):
    """Each option that takes data as they are, all together."""
    options = ["--accept", ZONE, "--widest4", "1", "--widest6", "1", "--share-max", "100", "--reserved", ZONE]
    with Server(f"{ZONE}:{type}:{{}}/list", files={"list": text}, options=options) as s:
        assert "everybody" in s.await_line("event=zone", "result=refused") and s.rcode("4.3.2.1") == "SERVFAIL"
    with Server(f"{ZONE}:ip4trie:{{}}/list", files={"list": ":2:x\n32.0.0.0/3\n10.0.0.0/8\n"}, options=options) as s:
        assert s.values("4.3.2.40") == ["127.0.0.2"] and s.rcode("1.0.0.127") == "NXDOMAIN"


TTLS = LIST + "$TTL 600\n203.0.113.77\n"

# --- reloads ------------------------------------------------------------------------------------

@pytest.mark.parametrize("before, after, name, want", [
    ("", " ttl = 7m", "7.100.51.198", 420),
    (" ttl = 7m", " ttl-min = 1h", "77.113.0.203", 3600),
    ("", " ttl-max = 5s", "77.113.0.203", 5),
])
def test_reload_makes_new_ttls(before, after, name, want):
    with configured(" check-files = 0\n" + before, list=LIST if " ttl = " in after else TTLS) as s:
        assert s.ask(name).answer[0].ttl != want
        s.write("conf", configuration(s, " check-files = 0\n" + after))
        s.hup()
        eventually(lambda: s.ask(name).answer[0].ttl == want, 5)


@pytest.mark.parametrize("entry, setting, name", [
    ("198.0.0.0/12", " widest4 = 10\n share-max = 20", "1.0.0.198"),
    ("203.0.113.9/24", " unaligned = yes", "77.113.0.203"),
])
def test_reload_takes_what_a_setting_now_allows(entry, setting, name):
    """The operator is told, mends the configuration, and sends SIGHUP: no file was touched."""
    with configured(" check-files = 0") as s:
        s.write("list", LIST + entry + "\n")
        s.await_line("event=data" if "unaligned" in setting else "result=refused")
        assert s.rcode(name) == "NXDOMAIN" and s.values("1.2.0.192") == ["127.0.0.2"]
        s.write("conf", configuration(s, " check-files = 0\n" + setting))
        s.hup()
        eventually(lambda: s.rcode(name) == "NOERROR", 5)


def test_reload_reads_files_that_look_the_same():
    """Same size, same time, same inode: only SIGHUP knows better."""
    with configured(" check-files = 0") as s:
        st = os.stat(s.path("list"))
        with open(s.path("list"), "r+b") as f:
            f.write(LIST.replace("192.0.2.1\n", "192.0.2.3\n").encode())
            f.flush()
            os.utime(f.fileno(), ns=(st.st_atime_ns, st.st_mtime_ns))
        s.hup()
        eventually(lambda: s.values("3.2.0.192") == ["127.0.0.2"], 5)


def test_reload_with_a_fault_keeps_all():
    with configured(' acl = "127.0.0.9 refuse"', keys="x") as s:
        for bad, word in ((" rubbish = 1", "rubbish"), (' acl = "127.0.0.9"', "pass, refuse"),
                          (' notify = "c.example=127.0.0.1"', "not served"), (" zone = x", "set already"),
                          (f' keys = "{ZONE}={s.path("none")}"', "none"),
                          (" rate = x", "rate"), (f' keys = "{ZONE}={s.path("keys")}"', "line 1")):
            seen = len(s.lines)
            s.write("conf", configuration(s, bad))
            line = s.hup()
            assert "result=refused" in line and "old configuration stays" in line
            told = "\n".join(s.lines[seen:])
            assert word in told and f"{s.path('conf')}:" in told, told
            assert s.values("1.2.0.192") == ["127.0.0.2"] and s.rcode("1.2.0.192", source="127.0.0.9") == "REFUSED"
        s.write("conf", configuration(s, ""))
        assert "result=done" in s.hup()
        eventually(lambda: s.rcode("1.2.0.192", source="127.0.0.9") == "NOERROR")


def test_reload_adds_and_removes_zones():
    with configured("") as s:
        s.write("b", ":127.0.0.9:b\n203.0.113.1\n")
        s.write("conf", configuration(s, "", (f"b.example:ip4set:{s.path('b')}", f"c.example:ip4set:{s.path('none')}")))
        s.hup()
        eventually(lambda: s.values("1.113.0.203", zone="b.example") == ["127.0.0.9"])
        assert s.rcode("1.1.1.1", zone="c.example") == "SERVFAIL" and s.values("1.2.0.192") == ["127.0.0.2"]
        s.write("conf", configuration(s, ""))
        s.hup()
        eventually(lambda: s.rcode("1.113.0.203", zone="b.example") == "REFUSED")
        assert s.rcode("1.1.1.1", zone="c.example") == "REFUSED" and s.values("1.2.0.192") == ["127.0.0.2"]


def test_reload_tells_what_stays():
    with configured(" workers = 1") as s:
        s.write("conf", configuration(s, " workers = 2\n rate = 7"))
        s.hup()
        assert s.find("event=reload", "workers"), s.log()


def test_many_reloads_at_once():
    with configured("") as s:
        for _ in range(50):
            s.process.send_signal(signal.SIGHUP)
        s.write("list", LIST + "192.0.2.200\n")
        eventually(lambda: s.values("200.2.0.192") == ["127.0.0.2"])
        s.alive()


# --- metrics ------------------------------------------------------------------------------------

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\\\|\\"|\\n)*"'
SAMPLE = re.compile(rf"({NAME})(\{{(?:{LABEL}(?:,{LABEL})*)?\}})? (-?[0-9.]+(?:e[+-]?[0-9]+)?|NaN|[+-]Inf)")


def strict(text):
    """The text format 0.0.4, every rule of it; {name with labels: value}."""
    assert text.endswith("\n")
    values, types, helps, done, family = {}, {}, set(), set(), None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            name = line.split(" ", 3)[2]
            assert name not in helps and re.fullmatch(NAME, name) and len(line.split(" ", 3)) == 4, line
            helps.add(name)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name in helps and name not in types and kind in ("counter", "gauge"), line
            types[name] = kind
            assert name.endswith("_total") == (kind == "counter"), line
        else:
            m = SAMPLE.fullmatch(line)
            assert m, line
            name, labels, value = m.groups()
            assert name in types and name + (labels or "") not in values, line
            if name != family:
                assert name not in done, f"{name} is not in one block"
                done.add(name)
                family = name
            values[name + (labels or "")] = float(value)
            assert types[name] == "gauge" or float(value) >= 0
    return values


def page(s):
    host, port = metrics_place(s)
    with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=PATIENCE) as r:
        assert r.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return strict(r.read().decode())


def test_metrics_are_strict_and_agree_with_the_questions():
    names = r"a\"b.example", r"c\\d.example"
    with Server(ONE, f"{names[0]}:ip4trie:{{}}/list", f"{names[1]}:ip4trie:{{}}/list", "none.example:ip4set:{}/none",
                files={"list": LIST}, options=["--metrics-listen", "127.0.0.1:0"]) as s:
        wanted = {"listed": 30, "nxdomain": 20, "nodata": 10, "meta": 5}
        for _ in range(10):
            s.values("1.2.0.192")
            s.values("7.100.51.198", "TXT", tcp=True)
            s.values("2.0.0.127")
            s.rcode("9.9.9.9")
            s.rcode("8.8.8.8", "TXT")
            s.rcode("1.2.0.192", "AAAA")
        for _ in range(5):
            s.rcode("", "SOA")
        for _ in range(3):
            assert s.rcode("", zone="elsewhere.example") == "REFUSED"
            assert s.rcode("1.1.1.1", zone="none.example") == "SERVFAIL"
        s.raw(b"\0" * 5)
        s.raw(query(f"1.2.0.192.{ZONE}")[:20])
        m = page(s)
        for result, n in wanted.items():
            assert m[f'postern_dns_queries_total{{zone="{ZONE}",result="{result}"}}'] == n, result
        assert m['postern_dns_queries_total{zone="none.example",result="failed"}'] == 3
        assert m['postern_dns_queries_total{zone="",result="refused"}'] == 3
        assert sum(v for k, v in m.items() if k.startswith("postern_dns_queries_total")) == \
            m["postern_dns_udp_received_total"] + m["postern_dns_tcp_queries_total"] == 73
        assert m["postern_dns_udp_answered_total"] == 62 and m["postern_dns_tcp_queries_total"] == 10
        assert m['postern_dns_zone_served{zone="none.example"}'] == 0
        # Zones of the same files are told of each.
        for what in ("data_entries", "data_refused", "zone_served", "data_loaded_seconds"):
            assert len([k for k in m if k.startswith(f"postern_dns_{what}{{")]) == 4, what
        again = page(s)
        assert all(again[k] >= v for k, v in m.items() if "_total" in k)


def test_metrics_after_too_many_came():
    with Server(ONE, files={"list": LIST}, options=["--metrics-listen", "127.0.0.1:0"]) as s:
        for many in (64, 150, 70):
            held = []
            for _ in range(many):
                held.append(socket.create_connection(metrics_place(s), PATIENCE))
                if many == 70:
                    held[-1].send(b"GET /metrics HTTP/1.1\r\n")
            s.write("list", LIST + f"192.0.2.{many}\n")
            eventually(lambda: s.values(f"{many}.2.0.192"), what="a change")
            for c in held:
                c.close()
            assert page(s)["postern_dns_workers"] >= 1


# --- the query log ------------------------------------------------------------------------------

def test_a_customers_key_is_not_logged():
    """A key says who asks, and is what he asks with."""
    files = {"list": LIST, "keys": "key customer-one-key 1\n"}
    with Server(ONE, files=files, options=["--keys", f"{ZONE}={{}}/keys", "--query-log", "1"]) as s:
        for tcp in (False, True):
            for _ in range(4):
                s.values("1.2.0.192.customer-one-key", tcp=tcp)
                s.values("1.2.0.192.CUSTOMER-one-key", tcp=tcp)
                s.rcode("1.2.0.192.customer-two-key", tcp=tcp)
        eventually(lambda: len(s.find("event=query")) == 24)
        assert s.find("event=query", "name=1.2.0.192.")
        assert "one-key" not in s.log().lower() and "two-key" not in s.log()


def test_odd_names_are_one_line_each():
    with Server(ONE, files={"list": LIST}, options=["--query-log", "1", "--query-log-pairs"]) as s:
        name = b"\x0cevil\nevent=x\x02\"x\x03\0\x1b[\x01 " + b"\2bl\7example\0"
        head = b"\0\1\0\0\0\1\0\0\0\0\0\0"
        for _ in range(3):
            assert s.raw(head + name + b"\0\1\0\1")
        eventually(lambda: len(s.find("event=query")) == 3)
        for line in s.find("event=query"):
            assert re.fullmatch(r'\S+Z info event=query client=127.0.0.1 name=("(?:[^"\\\x00-\x1f]|\\.)*"|\S+) type=A '
                                r'result=nxdomain rcode=NXDOMAIN transport=udp', line), line
        assert len([x for x in s.lines if "vil" in x]) == 3


def test_a_flood_does_not_flood_the_log():
    with Server(ONE, files={"list": LIST},
                options=["--query-log", "1", "--metrics-listen", "127.0.0.1:0"]) as s:
        packet = query(f"1.2.0.192.{ZONE}")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as c:
            c.connect((s.address, s.port))
            began = time.monotonic()
            for _ in range(20000):
                c.send(packet)
        seconds = time.monotonic() - began
        time.sleep(0.6)
        logged = len(s.find("event=query"))
        m = page(s)
        assert 0 < logged <= (seconds / 0.25 + 4) * 256 * 3
        assert logged + m["postern_dns_query_log_lost_total"] == m["postern_dns_udp_received_total"]


def test_a_log_that_nobody_reads_stops_nothing():
    """A pager that waits, a collector that hangs."""
    s = Server(ONE, files={"list": LIST}, options=["--query-log", "1", "--query-log-pairs"])
    reader, writer = os.pipe()
    text = b""
    s.process = subprocess.Popen(s.command(), stdin=subprocess.DEVNULL, stderr=writer)
    os.close(writer)
    try:
        while b"event=ready" not in text:
            text += os.read(reader, 4096)
        s.address, s.port = "127.0.0.1", int(re.search(rb" port=(\d+)", text)[1])
        for _ in range(1500):       # of some 150 octets each: a pipe holds 64 KiB
            s.values("1.2.0.192")
        s.write("list", LIST + "192.0.2.222\n")
        eventually(lambda: s.values("222.2.0.192"))
        time.sleep(1)
        text = b""
        while text.count(b"event=log-missed") == 0:
            s.values("1.2.0.192")
            text += os.read(reader, 65536)
        assert re.search(rb"Z warn event=log-missed lines=[1-9][0-9]*\n", text), text[-500:]
        for _ in range(1500):
            s.values("1.2.0.192")
        time.sleep(1)
        s.process.terminate()
        assert s.process.wait(PATIENCE) == 0
    finally:
        os.close(reader)
        s.process.kill()
        s.process.wait()
        shutil.rmtree(s.folder)
