# SPDX-License-Identifier: GPL-3.0-or-later
"""postern dns as a whole: starts, answers, follows its files, ends."""

import gzip
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import dns.edns
import dns.flags
import dns.message
import dns.query
import pytest
from dnslib import (BUILD, DNS, LIST, PATIENCE, SOA, ZONE, Server, eventually, metrics, metrics_place,
                    query)
from testlib import free_port, has_ipv6

ONE = f"{ZONE}:ip4trie:{{}}/list"


def one(text=LIST, *, type="ip4trie", **more):
    return Server(f"{ZONE}:{type}:{{}}/list", files={"list": text}, **more)


def test_answers():
    with one() as s:
        assert s.values("1.2.0.192") == ["127.0.0.2"]
        assert s.values("1.2.0.192", "TXT") == ["Listed 192.0.2.1"]
        assert s.values("7.100.51.198") == ["127.0.0.4"]
        assert s.rcode("2.2.0.192") == "NXDOMAIN" and s.rcode("2.0.192") == "NOERROR"
        for tcp in (False, True):
            got = s.ask("9.9.9.9", tcp=tcp)
            assert got.flags & dns.flags.AA and [r.rdtype for r in got.authority] == [dns.rdatatype.SOA]
        assert s.rcode("", zone="other.example") == "REFUSED"
        assert s.ask("", "NS").answer[0][0].to_text() == "ns.bl.example."


@pytest.mark.parametrize("tool", [["dig", "+short", "+norec"], ["kdig", "+short", "+norec"]])
def test_tools_read_it(tool):
    if not shutil.which(tool[0]):
        pytest.skip(f"no {tool[0]}")
    with one() as s:
        for more in ([], ["+tcp"], ["+nsid"], ["+dnssec"]):
            r = subprocess.run([*tool, *more, "-p", str(s.port), f"@{s.address}", f"1.2.0.192.{ZONE}", "A"],
                               capture_output=True, text=True, timeout=PATIENCE, check=True)
            assert r.stdout.strip() == "127.0.0.2", (more, r.stdout)


def test_drill_reads_it():
    if not shutil.which("drill"):
        pytest.skip("no drill")
    with one() as s:
        r = subprocess.run(["drill", "-p", str(s.port), f"@{s.address}", f"1.2.0.192.{ZONE}", "TXT"],
                           capture_output=True, text=True, timeout=PATIENCE, check=True)
        assert '"Listed 192.0.2.1"' in r.stdout


def test_workers_all_answer():
    with one(options=["--workers", "3"]) as s:
        seen = set()
        for _ in range(200):
            assert s.values("1.2.0.192") == ["127.0.0.2"]
            with open(f"/proc/{s.process.pid}/stat") as f:
                seen.add(f.read())
        assert "workers=3" in s.log()
        tasks = os.listdir(f"/proc/{s.process.pid}/task")
        used = [int(open(f"/proc/{s.process.pid}/task/{t}/schedstat").read().split()[2]) for t in tasks]
        assert len([n for n in used if n > 20]) >= 3    # times that each was on a processor


def test_places():
    """Both families, several places, one of them for any address."""
    listen = ["127.0.0.1:0", "127.0.0.2:0", "0.0.0.0:0"] + (["[::1]:0"] if has_ipv6() else [])
    with one(listen=listen) as s:
        assert len(s.places) == len(listen)
        for address, port in s.places:
            s.address, s.port = "127.5.4.3" if address == "0.0.0.0" else address, port
            for tcp in (False, True):
                assert s.values("1.2.0.192", tcp=tcp) == ["127.0.0.2"]


def test_rbldnsd_command_line():
    """What stood behind rbldnsd goes behind postern dns."""
    port = free_port()
    with one() as s:
        base = [DNS, "--config", os.devnull, "--state", s.state, "--reserved", ZONE]
        words = ["-n", "-q", "-f", "-a", "-4", "-b", f"127.0.0.1/{port}", "-c", "60", "-t", "30m:1m:1h", "-e",
                 "-w", s.folder, f"{ZONE}:ip4trie:list"]
        p = subprocess.Popen([*base, *words], stderr=subprocess.PIPE, text=True)
        try:
            s.port, s.address = port, "127.0.0.1"
            eventually(lambda: not dns_fails(s))
            assert s.ask("1.2.0.192").answer[0].ttl == 1800
        finally:
            p.terminate()
            assert p.wait(PATIENCE) == 0
            p.stderr.close()


def dns_fails(s):
    try:
        return s.rcode("1.2.0.192", timeout=1) != "NOERROR"
    except (dns.exception.Timeout, OSError):
        return True


@pytest.mark.parametrize("words, what", [
    (["-A"], "authority section"), (["-C"], "gzip"), (["-d"], "postern list export"),
    (["-r", "/tmp"], "chroot"), (["-s", "+stats"], "metrics-listen"), (["-x", "ext.so"], "no extensions"),
    (["-F", "local3"], "standard error"), (["-l", "+/var/log/q"], "--query-log"),
    (["-u", "rbldns:rbldns"], "name the user alone"), (["-t", "x"], "no TTL"), (["-b", "1/2/3/4/5678901"], "-b"),
])
def test_rbldnsd_options_refused(words, what, tmp_path):
    r = subprocess.run([DNS, "--config", os.devnull, "--state", tmp_path, *words, "z.example:ip4set:f"],
                       capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert r.returncode in (64, 78) and what in r.stderr, r.stderr


def test_kinds_of_files():
    files = {"set": SOA + ":2:set $\n192.0.2.0/28\n!192.0.2.3\n", "tset": ":127.0.0.3:tset\n198.51.100.1\n",
             "six": ":6:six $\n2001:db8::/32\n", "names": ":7:name $\nbad.example.org\n.worse.example\n",
             "gen": "@ A 192.0.2.80\nwww A 192.0.2.81\n@ MX 10 mx.example.org.\n"}
    with Server(f"{ZONE}:ip4set:{{}}/set", f"{ZONE}:ip4tset:{{}}/tset", f"{ZONE}:ip6trie:{{}}/six",
                f"{ZONE}:generic:{{}}/gen", "names.example:dnset:{}/names", files=files) as s:
        assert s.values("1.2.0.192") == ["127.0.0.2"] and s.rcode("3.2.0.192") == "NXDOMAIN"
        assert s.values("1.100.51.198", "TXT") == ["tset"]
        six = ".".join("1" + "0" * 23 + "8bd01002"[::1])
        assert s.values(six) == ["127.0.0.6"]
        assert s.values("www") == ["192.0.2.81"] and s.values("", "MX") == ["10 mx.example.org."]
        assert s.values("bad.example.org", zone="names.example") == ["127.0.0.7"]
        assert s.values("a.b.worse.example", "TXT", zone="names.example") == ["name worse.example"]


def test_packed_file():
    with Server(ONE, files={"list": gzip.compress(LIST.encode())}) as s:
        assert s.values("1.2.0.192") == ["127.0.0.2"]
        s.write("list", gzip.compress((LIST + "192.0.2.9\n").encode())[:-9])
        s.await_line("result=refused", "gzip")
        assert s.values("1.2.0.192") == ["127.0.0.2"] and s.rcode("9.2.0.192") == "NXDOMAIN"


def test_file_changes():
    with one() as s:
        assert s.rcode("9.2.0.192") == "NXDOMAIN"
        s.write("list", LIST + "192.0.2.9\n")                       # renamed into place
        eventually(lambda: s.values("9.2.0.192") == ["127.0.0.2"])
        with open(s.path("list"), "a") as f:                        # written in place
            f.write("192.0.2.10\n")
        eventually(lambda: s.values("10.2.0.192") == ["127.0.0.2"])
        s.write("list", LIST)
        eventually(lambda: s.rcode("10.2.0.192") == "NXDOMAIN")


@pytest.mark.parametrize("bad, why", [
    ("<html><body>\n" + "<p>504 Gateway Timeout</p>\n" * 40, "refused"),
    (LIST + "127.0.0.1\n", "127.0.0.1"),
    (SOA + ":2:all\n1.0.0.0/8\n2.0.0.0/8\n", "/16 is the widest"),
    ("$TIMESTAMP 2001:01:01:00:00:00 2001:01:02:00:00:00\n" + LIST, ""),
    ("$TIMESTAMP 2099:01:01:00:00:00\n" + LIST, ""),
    ("", ""),
], ids=["html", "localhost", "wide", "expired", "future", "empty"])
def test_bad_data_keep_the_old(bad, why):
    with one() as s:
        seen = len(s.lines)
        s.write("list", bad)
        line = s.await_line("event=zone", "result=refused", after=seen)
        assert why in line and 'served="the data before"' in line
        assert s.values("1.2.0.192") == ["127.0.0.2"]
        s.write("list", LIST + "192.0.2.9\n")
        eventually(lambda: s.values("9.2.0.192") == ["127.0.0.2"])


def test_file_that_goes_away():
    with one() as s:
        seen = len(s.lines)
        os.unlink(s.path("list"))
        assert "No such file" in s.await_line("result=refused", after=seen)
        assert s.values("1.2.0.192") == ["127.0.0.2"]
        s.write("list", LIST + "192.0.2.9\n")
        eventually(lambda: s.values("9.2.0.192") == ["127.0.0.2"])


def test_zone_without_data():
    """What is not listed is not known: SERVFAIL, and no other zone suffers."""
    with Server(ONE, "none.example:ip4set:{}/none", files={"list": LIST}) as s:
        assert s.rcode("1.2.0.192", zone="none.example") == "SERVFAIL"
        assert s.values("1.2.0.192") == ["127.0.0.2"]
        s.write("none", LIST)
        eventually(lambda: s.rcode("1.2.0.192", zone="none.example") == "NOERROR")


def test_accept_says_so():
    bad = SOA + ":2:all\n1.0.0.0/8\n"
    with one(bad, expect_ready=True) as s:
        assert s.rcode("1.1.1.1") == "SERVFAIL"
    with one(bad, options=["--accept", ZONE]) as s:
        assert s.values("1.1.1.1") == ["127.0.0.2"]
        assert "widest" in s.await_line("result=accepted")


def test_expires_while_served():
    soon = time.strftime("%Y:%m:%d:%H:%M:%S", time.gmtime(time.time() + 3))
    with one(f"$TIMESTAMP 2026:01:01:00:00:00 {soon}\n" + LIST) as s:
        assert s.values("1.2.0.192") == ["127.0.0.2"]
        s.await_line("result=expired")
        assert s.rcode("1.2.0.192") == "SERVFAIL"


def test_drains_at_the_end():
    with one() as s:
        s.kill(signal.SIGTERM)
        assert s.process.returncode == 0 and s.find("event=stopped")


def test_reload():
    """SIGHUP takes a new configuration whole, or not at all."""
    with one() as s:
        conf = s.path("conf")
        s.write("conf", f'dns {{\n  zone = "{ZONE}:ip4trie:{s.path("list")}"\n  reserved = {ZONE}\n}}\n')
        s.write("more", LIST)
        s.config, s.options, s.zones = conf, [], []
        s.kill()
        s.start()
        assert s.values("1.2.0.192") == ["127.0.0.2"]
        s.write("conf", f'dns {{\n  zone = {{ "{ZONE}:ip4trie:{s.path("list")}", "b.example:ip4set:{s.path("more")}" }}'
                f'\n  reserved = {{ {ZONE}, b.example }}\n  acl = "{ZONE}=127.0.0.0/8 refuse"\n}}\n')
        assert "result=done" in s.hup()
        eventually(lambda: s.rcode("1.2.0.192", zone="b.example") == "NOERROR")
        assert s.rcode("1.2.0.192") == "REFUSED"
        s.write("conf", "dns {\n  zone = bad..name\n  rate = x\n}\n")
        assert "result=refused" in s.hup()
        assert s.rcode("1.2.0.192", zone="b.example") == "NOERROR"


def test_configuration_is_followed():
    """A changed configuration or key file needs no signal; one with a fault is told once and not taken."""
    s = Server(files={"list": LIST, "keys": "key customer-one-key 1\n"})
    s.config = s.path("conf")
    text = f'dns {{\n  zone = "{ZONE}:ip4trie:{s.path("list")}"\n  reserved = {ZONE}\n{{}}}}\n'
    keys = f'  keys = "{ZONE}={s.path("keys")}"\n'
    s.write("conf", text.replace("{}", keys))
    with s:
        assert s.rcode("1.2.0.192") == "REFUSED" and s.values("1.2.0.192.customer-one-key") == ["127.0.0.2"]
        s.write("keys", "key customer-two-key 2\n")
        eventually(lambda: s.rcode("1.2.0.192.customer-two-key") == "NOERROR")
        assert s.rcode("1.2.0.192.customer-one-key") == "REFUSED"
        s.write("conf", "dns { rubbish = 1 }\n")
        s.await_line("event=reload", "result=refused")
        time.sleep(2.5)
        assert len(s.find("event=reload", "result=refused")) == 1
        s.write("conf", text.replace("{}", ""))
        eventually(lambda: s.values("1.2.0.192") == ["127.0.0.2"])


def test_inherited_sockets():
    """LISTEN_FDS: one for datagrams, one for connections."""
    with one() as s:
        def both():
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            udp.bind(("127.0.0.1", 0))
            try:
                return udp, socket.create_server(udp.getsockname())
            except OSError:     # what is free for UDP may be taken for TCP
                udp.close()
                return None
        udp, tcp = eventually(both)
        words = s.command("--workers", "2")
        code = ("import os,sys; os.dup2(int(sys.argv[1]),3); os.dup2(int(sys.argv[2]),4);"
                "os.environ['LISTEN_PID']=str(os.getpid()); os.environ['LISTEN_FDS']='2';"
                "os.set_inheritable(3,True); os.set_inheritable(4,True); os.execv(sys.argv[3],sys.argv[3:])")
        # Out of the way of 3 and 4, which are to be replaced.
        a, b = (os.dup(f.fileno()) for f in (udp, tcp))
        import fcntl
        a, b = fcntl.fcntl(a, fcntl.F_DUPFD, 20), fcntl.fcntl(b, fcntl.F_DUPFD, 20)
        p = subprocess.Popen(["/usr/bin/python3", "-c", code, str(a), str(b), *words], pass_fds=(a, b),
                             stderr=subprocess.DEVNULL)
        try:
            s.address, s.port = udp.getsockname()
            eventually(lambda: not dns_fails(s))
            for _ in range(20):
                assert s.values("1.2.0.192", tcp=False) == ["127.0.0.2"]
            assert s.values("1.2.0.192", tcp=True) == ["127.0.0.2"]
        finally:
            p.terminate()
            assert p.wait(PATIENCE) == 0


def test_rights_are_given_up():
    with one() as s:
        line = s.await_line("event=rights")
        if os.geteuid() == 0:
            assert "capabilities=dropped" in line and "no_new_privs=yes" in line
        with open(f"/proc/{s.process.pid}/status") as f:
            status = f.read()
        for task in os.listdir(f"/proc/{s.process.pid}/task"):
            with open(f"/proc/{s.process.pid}/task/{task}/status") as f:
                status = f.read()
            assert re.search(r"CapEff:\s*0+$", status, re.M), status
            if "filter=yes" in line:
                assert re.search(r"Seccomp:\s*2$", status, re.M)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
def test_becomes_the_user():
    """Files that only the user may read are read after that, and its secrets are its own."""
    with one(options=["--user", "nobody"], expect_ready=False) as s:
        import pwd
        nobody = pwd.getpwnam("nobody").pw_uid
        s.kill()
        os.chmod(s.folder, 0o755)
        os.chown(s.path("list"), nobody, -1)
        os.chmod(s.path("list"), 0o400)
        s.start()
        s.await_line("event=ready", "served=1")
        assert s.values("1.2.0.192") == ["127.0.0.2"]
        assert os.stat(s.state).st_uid == nobody
        assert os.stat(os.path.join(s.state, "dns/cookies")).st_uid == nobody
        for task in os.listdir(f"/proc/{s.process.pid}/task"):
            with open(f"/proc/{s.process.pid}/task/{task}/status") as f:
                assert f"Uid:\t{nobody}\t{nobody}\t{nobody}\t{nobody}" in f.read()
    r = subprocess.run([DNS, "--config", os.devnull, "--state", s.state, "-l", "127.0.0.1:0", "-u", "nosuchuser",
                        f"{ZONE}:ip4set:x"], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert r.returncode == 67
    shutil.rmtree(s.state, ignore_errors=True)


def test_metrics():
    with one(options=["--metrics-listen", "127.0.0.1:0"]) as s:
        for _ in range(3):
            s.values("1.2.0.192")
        s.rcode("9.9.9.9", tcp=True)
        at = metrics_place(s)
        m = metrics(at)
        assert m[f'postern_dns_queries_total{{zone="{ZONE}",result="listed"}}'] == 3
        assert m[f'postern_dns_queries_total{{zone="{ZONE}",result="nxdomain"}}'] == 1
        assert m[f'postern_dns_zone_served{{zone="{ZONE}"}}'] == 1
        assert m["postern_dns_tcp_queries_total"] == 1 and m["postern_dns_udp_received_total"] == 3
        s.write("list", LIST + "192.0.2.9\n")
        eventually(lambda: s.values("9.2.0.192"))
        later = metrics(at)     # sums outlive the set that counted
        assert later[f'postern_dns_queries_total{{zone="{ZONE}",result="listed"}}'] >= 4
        s.write("list", "")
        s.await_line("result=refused")
        assert metrics(at)[f'postern_dns_data_refused{{zone="{ZONE}"}}'] == 1


def test_query_log_has_no_pairs():
    with one(options=["--query-log", "1"]) as s:
        for _ in range(20):
            s.values("1.2.0.192")
        eventually(lambda: len(s.find("event=query")) == 20)
        lines = s.find("event=query")
        assert any("client=127.0.0.1" in x for x in lines) and any("name=1.2.0.192" in x for x in lines)
        assert not any("client=" in x and "name=" in x for x in lines)
    with one(options=["--query-log", "10", "--query-log-pairs", "--workers", "1"]) as s:
        for _ in range(20):
            s.values("1.2.0.192")
        eventually(lambda: len(s.find("event=query")) == 2)
        assert all("client=127.0.0.1 name=1.2.0.192.bl.example" in x for x in s.find("event=query"))


def test_rate_limit_and_cookies():
    """Over the rate answers are kept back or cut; a good cookie is proof enough of an address."""
    with one(rate=5, options=["--rate-slip", "2", "--workers", "1"]) as s:
        packet = query(f"1.2.0.192.{ZONE}")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as c:
            c.connect((s.address, s.port))
            c.settimeout(0.5)
            for _ in range(100):
                c.send(packet)
            got = []
            try:
                while True:
                    got.append(dns.message.from_wire(c.recv(4096)))
            except TimeoutError:
                pass
        whole = [m for m in got if m.answer]
        cut = [m for m in got if m.flags & dns.flags.TC]
        assert 5 <= len(whole) <= 30 and len(cut) >= 20 and len(got) < 80
        assert not any(m.answer for m in cut)
        assert s.values("1.2.0.192", tcp=True) == ["127.0.0.2"]
        cookie = dns.edns.GenericOption(10, b"\x01" * 8)
        while not (first := s.ask("", "SOA", use_edns=0, options=[cookie], timeout=5)).options:
            pass
        full = next(o for o in first.options if o.otype == 10)
        for _ in range(100):
            got = s.ask("1.2.0.192", use_edns=0, options=[full], timeout=5)
            assert got.answer and not got.flags & dns.flags.TC
        # Over the limit it learns its cookie all the same, and needs no TCP.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as c:
            c.connect((s.address, s.port))
            c.settimeout(5)
            asked = query(f"1.2.0.192.{ZONE}", use_edns=0, options=[dns.edns.GenericOption(10, b"\x02" * 8)])
            got = None
            while got is None or got.answer:
                for _ in range(3):
                    c.send(asked)
                got = dns.message.from_wire(c.recv(4096))
            assert got.rcode() == 23 and not got.flags & dns.flags.TC and len(got.options[0].data) == 24
            c.send(query(f"1.2.0.192.{ZONE}", id=7, use_edns=0, options=[got.options[0]]))
            while (got := dns.message.from_wire(c.recv(4096))).id != 7:
                pass
            assert got.answer and got.rcode() == 0
    with one(rate=5, options=["--rate-exempt", "127.0.0.0/8"]) as s:
        for _ in range(60):
            assert s.values("1.2.0.192") == ["127.0.0.2"]


def test_cookie_secret_of_a_file():
    """Two servers with one secret take each other's cookies; --cookies-required wants one."""
    secret = "00112233445566778899aabbccddeeff"
    options = ["--cookie-secret", "{}/secret", "--cookies-required"]
    files = {"list": LIST, "secret": secret + "\n" + "f" * 32 + "\n"}
    with Server(ONE, files=files, options=options) as a, Server(ONE, files=files, options=options) as b:
        client = dns.edns.GenericOption(10, b"\x07" * 8)
        got = a.ask("1.2.0.192", use_edns=0, options=[client])
        assert got.rcode() == 23 and not got.answer     # BADCOOKIE
        full = next(o for o in got.options if o.otype == 10)
        for s in (a, b):
            assert s.ask("1.2.0.192", use_edns=0, options=[full]).answer
    s = Server(ONE, files={**files, "secret": "xyz"}, options=options)
    r = subprocess.run(s.command(), capture_output=True, text=True, timeout=PATIENCE, check=False)
    shutil.rmtree(s.folder)
    assert r.returncode == 78 and "32 hexadecimal digits" in r.stderr


def test_state_keeps_the_cookie_secret():
    with one() as s:
        cookie = dns.edns.GenericOption(10, b"\x03" * 8)
        first = next(o for o in s.ask("", "SOA", use_edns=0, options=[cookie]).options if o.otype == 10)
        assert os.stat(os.path.join(s.state, "dns/cookies")).st_mode & 0o777 == 0o600
        s.kill()
        s.start()
        again = next(o for o in s.ask("", "SOA", use_edns=0, options=[first]).options if o.otype == 10)
        assert again.data == first.data


def test_public_resolvers_and_acl():
    with one(options=["--public-resolvers", "127.0.0.8/32", "--public-answer", "refuse",
                      "--acl", "127.0.0.9/32 empty", "--acl", f"{ZONE}=127.0.0.10/32 ignore"]) as s:
        got = s.ask("1.2.0.192", source="127.0.0.8", use_edns=0)
        assert got.rcode() == 5 and not got.answer
        assert any(o.otype == 15 and b"resolver" in o.text.encode() for o in got.options)
        assert s.rcode("1.2.0.192", source="127.0.0.9") == "NXDOMAIN"
        with pytest.raises(dns.exception.Timeout):
            s.ask("1.2.0.192", source="127.0.0.10", timeout=0.5)
        assert s.values("1.2.0.192", source="127.0.0.11") == ["127.0.0.2"]


def test_customers_keys():
    files = {"list": LIST, "keys": "# ours\nkey customer-one-key 1\nrevoke 7\nrevoke 8:0\n"}
    with Server(ONE, files=files, options=["--keys", f"{ZONE}={{}}/keys"]) as s:
        def key(text):
            r = subprocess.run([DNS, "--config", os.devnull, "--state", s.state, "--make-key", text, "x.example"],
                               capture_output=True, text=True, timeout=PATIENCE, check=True)
            return r.stdout.strip()
        assert s.rcode("1.2.0.192") == "REFUSED"
        for label in ("customer-one-key", "CUSTOMER-one-KEY", key("5"), key("8:1")):
            assert s.values(f"1.2.0.192.{label}") == ["127.0.0.2"], label
        for label in ("customer-two-key", key("7"), key("8:0"), key("5")[:-1] + "b" if key("5")[-1] == "a"
                      else key("5")[:-1] + "a"):
            assert s.rcode(f"1.2.0.192.{label}") == "REFUSED", label


def test_zone_below_a_zone_with_keys():
    """A resolver that minimises asks for the names between the two; those need no key."""
    deep = f"x.y.{ZONE}"
    with Server(ONE, f"{deep}:ip4trie:{{}}/list", files={"list": LIST, "keys": "key abcdefgh1\n"},
                options=["--keys", f"{ZONE}={{}}/keys"]) as s:
        assert s.rcode("y") == "NOERROR" and s.values("y") == [] and s.rcode("z") == "REFUSED"
        assert s.values("1.2.0.192", zone=deep) == ["127.0.0.2"]
        assert s.rcode("1.2.0.192.y") == "REFUSED"


def test_name_server_without_address(tmp_path):
    """A name server that its own zone denies: resolvers that look for it give the zone up."""
    def said(text, *more):
        (tmp_path / "list").write_text(text)
        return subprocess.run([DNS, "--config", os.devnull, "--state", tmp_path, "--check", "--reserved", ZONE,
                               *more, f"{ZONE}:combined:{tmp_path}/list"],
                              capture_output=True, text=True, timeout=PATIENCE, check=True).stderr
    data = "$DATASET ip4trie @\n:127.0.0.2:x\n192.0.2.1\n"
    assert f"warning: {ZONE}: the name server ns.{ZONE} " in said(SOA + data)
    assert "name server" not in said(SOA.replace("ns.bl.example", "ns.example") + data)
    assert "name server" not in said(f"{SOA}{data}$DATASET generic @\nns A 192.0.2.53\n")
    # BIND takes no zone without one.
    for more, warned in ((["--transfer", "192.0.2.53"], True),
                         (["--transfer", "192.0.2.53", "--ns", "ns.example"], False),
                         ([], False)):
        assert ("names no name server" in said(data, *more)) == warned
    with one() as s:
        s.await_line("event=zone", "the name server ns.bl.example ")
        s.alive()


def test_check(tmp_path):
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_text(LIST)
    bad.write_text(LIST + "not an address\n127.0.0.1\n")
    base = [DNS, "--config", os.devnull, "--state", str(tmp_path / "s"), "--check", "--reserved", ZONE]

    def check(*more):
        r = subprocess.run([*base, *more], capture_output=True, text=True, timeout=PATIENCE, check=False)
        return r.returncode, r.stdout, r.stderr
    assert check(f"{ZONE}:ip4trie:{good}")[0] == 0
    code, out, err = check(f"{ZONE}:ip4trie:{bad}")
    assert code == 1 and f"{bad}:6" in err and "127.0.0.1" in err and "1 faults" in out
    code, out, err = check("--json", f"{ZONE}:ip4trie:{bad}")
    import json
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 1 and {x["type"] for x in lines} == {"error", "warning"}


def test_check_tells_every_fault_with_its_line(tmp_path):
    conf = tmp_path / "conf"
    conf.write_text("""dns {
    zone = { "a.example:ip9set:/x", b.example }
    acl = { "1.2.3.4/33 refuse", "10.0.0.0/8 maybe" }
    transfer = "127.0.0.1 nokey"
    notify = "c.example=127.0.0.1"
}
""")
    r = subprocess.run([DNS, "--config", conf, "--state", tmp_path / "s", "--check"], capture_output=True,
                       text=True, timeout=PATIENCE, check=False)
    assert r.returncode == 78
    for line, word in ((2, "ip4set"), (3, "network"), (3, "maybe"), (4, "nokey"), (5, "not served")):
        assert any(x.startswith(f"postern dns: {conf}:{line}: ") and word in x for x in r.stderr.splitlines()), \
            (line, word, r.stderr)


def test_no_zone_is_misuse(tmp_path):
    r = subprocess.run([DNS, "--config", os.devnull, "--state", tmp_path], capture_output=True, text=True,
                       timeout=PATIENCE, check=False)
    assert r.returncode == 78 and "no zone" in r.stderr
    assert BUILD in DNS
