# SPDX-License-Identifier: GPL-3.0-or-later
"""postern dns and rbldnsd's files: what it keeps of them for the next start (state/dns/cache), and files that
change, break, go and come back under a running server or between two runs."""

import glob
import os
import random
import re
import shutil
import signal
import stat
import subprocess
import sys
import time

import pytest

from dnslib import SOA, ZONE, Server, eventually
from testlib import APART

KILLS = int(os.environ.get("POSTERN_KILLS", "200")) // 12
NAME = re.compile("[0-9a-f]{16}")
TYPED = ZONE + ":ip4set:{}/list"


def big(mark=4, count=24000, head=SOA, more=""):
    """A list that is worth keeping; the first entry, one in the middle and the last one carry the mark."""
    lines = [f"20.{i >> 8}.{i & 255}.9" for i in range(count)]
    for at in (0, count // 2, count - 1):
        lines[at] += f" :{mark}:made {mark}"
    return head + ":2:listed $\n" + more + "\n".join(lines) + "\n"


def marks(server, count=24000, zone=ZONE):
    return [server.values(f"9.{i & 255}.{i >> 8}.20", zone=zone) for i in (0, count // 2, count - 1)]


def of(mark):
    return [[f"127.0.0.{mark}"]] * 3


def cached(server):
    return [p for p in glob.glob(server.path("state/dns/cache/*")) if NAME.fullmatch(os.path.basename(p))]


def kept(server, after=0):
    server.await_line("event=cache", "result=kept", after=after)
    (path,) = cached(server)
    return path


def again(server, how=signal.SIGTERM):
    server.kill(how)
    server.start()


def one(text=None, *, zone=TYPED, files=None, **more):
    return Server(zone, files={"list": big() if text is None else text, **(files or {})}, **more)


# --- the cache --------------------------------------------------------------------------------------

@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_start_maps_what_was_compiled(how):
    with one() as s:
        path = kept(s)
        assert marks(s) == of(4)
        again(s, how)
        assert s.find("event=cache", "result=mapped", '"the same"'), s.log()
        assert marks(s) == of(4) and s.values("9.1.0.20") == ["127.0.0.2"]
        assert s.rcode("8.1.0.20") == "NXDOMAIN" and s.values("2.0.0.127") == ["127.0.0.2"]
        assert s.values("9.0.0.20", "TXT") == ["made 4"]
        time.sleep(1.2)
        assert not s.find("result=kept"), "it was the same and was written again"
        assert len(s.find("event=zone", "result=loaded")) == 1, s.log()
        assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700


def test_what_is_mapped_follows_its_files():
    with one() as s:
        kept(s)
        again(s)
        s.write("list", big(5))
        eventually(lambda: marks(s) == of(5))
        again(s)
        assert marks(s) == of(5)


def test_files_that_changed_meanwhile():
    """The old data answer at once, the new ones when they are compiled."""
    with one() as s:
        kept(s)
        s.kill()
        s.write("list", big(6))
        s.start()
        assert s.find("event=cache", "result=mapped", "changed"), s.log()
        assert marks(s) == of(6)
        seen = len(s.lines)
        s.kill()
        assert seen
        s.start()
        assert marks(s) == of(6)


@pytest.mark.parametrize("bad", [b"<html>\n" * 60000, b"", None, b"\x1f\x8b\x08\0half"],
                         ids=["page", "empty", "gone", "half"])
def test_files_that_went_bad_meanwhile(bad):
    """As if it had run on: the data before stay, and the log says why; the next good file is taken."""
    with one() as s:
        kept(s)
        s.kill()
        if bad is None:
            os.unlink(s.path("list"))
        else:
            s.write("list", bad)
        s.start()
        assert s.find("event=zone", "result=refused", 'served="the data before"'), s.log()
        assert marks(s) == of(4)
        s.write("list", big(7))
        eventually(lambda: marks(s) == of(7))


def test_a_list_that_shrank_is_kept_no_more():
    with one(options=["--shrink-max", "0"]) as s:
        path = kept(s)
        s.write("list", big(count=2000))
        eventually(lambda: s.rcode("9.0.20.20") == "NXDOMAIN")
        again(s)
        eventually(lambda: not os.path.exists(path))
        assert marks(s, 2000) == of(4)


def test_small_lists_are_not_kept():
    with one(SOA + "192.0.2.1\n") as s:
        time.sleep(1.5)
        assert not cached(s) and not s.find("event=cache")


@pytest.mark.parametrize("options", [["--widest4", "8"], ["--ttl-min", "100"], ["--unaligned"], ["--growth-max", "60"]])
def test_other_options_read_anew(options):
    with one() as s:
        kept(s)
        s.kill()
        s.options = options
        s.start()
        assert not s.find("event=cache", "result=mapped") and marks(s) == of(4), s.log()
        kept(s)
        again(s)
        assert s.find("event=cache", "result=mapped"), s.log()


def damaged(raw, rng):
    """Cut, longer, zeros, pieces moved, single bits; most of them where the sizes and sums stand."""
    got = raw
    while got == raw:
        got = hurt(raw, rng)
    return got


def hurt(raw, rng):
    kind = rng.randrange(6)
    at = rng.randrange(len(raw))
    if kind == 0:
        return raw[:at]
    if kind == 1:
        return raw + b"\0" * rng.randrange(1, 5000)
    if kind == 2:
        return raw[:at] + bytes(min(4096, len(raw) - at)) + raw[at + 4096:]
    if kind == 3:
        at = rng.randrange(600)
    if kind == 4:
        other = rng.randrange(len(raw) - 64)
        return raw[:at] + raw[other:other + 64] + raw[at + 64:]
    return raw[:at] + bytes([raw[at] ^ 1 << rng.randrange(8)]) + raw[at + 1:]


def test_damage_is_never_served():
    rng = random.Random(5)
    with one() as s:
        path = kept(s)
        with open(path, "rb") as f:
            raw = f.read()
        for _ in range(25):
            s.kill()
            with open(path, "wb") as f:
                f.write(damaged(raw, rng))
            s.start()
            assert not s.find("event=cache", "result=mapped"), s.log()
            assert marks(s) == of(4) and s.rcode("8.1.0.20") == "NXDOMAIN"
        kept(s)
        again(s)
        assert s.find("event=cache", "result=mapped")


def spoil(path, how):
    folder = os.path.dirname(path)
    if how == "symlink":
        os.rename(path, path + "x")
        os.symlink(path + "x", path)
    elif how == "folder":
        os.unlink(path)
        os.mkdir(path)
    elif how == "fifo":
        os.unlink(path)
        os.mkfifo(path)
    elif how == "writable":
        os.chmod(path, 0o666)
    elif how == "writable folder":
        os.chmod(folder, 0o777)
    elif how == "foreign":
        with open(path, "wb") as f:
            f.write(b"a letter home\n" * 5000)
    elif how == "empty":
        with open(path, "wb"):
            pass
    elif how == "owner":
        os.chown(path, 12345, 12345)


@pytest.mark.parametrize("how", ["symlink", "folder", "fifo", "writable", "writable folder", "foreign", "empty",
                                 "owner"])
def test_what_is_not_surely_ours_is_ignored(how):
    if how == "owner" and os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    with one() as s:
        path = kept(s)
        s.kill()
        spoil(path, how)
        s.start()
        assert len(s.find("event=cache", "result=ignored", os.path.basename(path))) == 1, s.log()
        assert marks(s) == of(4)


def test_a_folder_that_cannot_be_had():
    """One warning, and no fault."""
    with Server(TYPED, ZONE.replace("bl", "cl") + ":ip4set:{}/other", files={"list": big(), "other": big(5)},
                expect_ready=False) as s:
        s.await_line("event=ready")
        s.kill()
        shutil.rmtree(s.path("state/dns/cache"), ignore_errors=True)
        with open(s.path("state/dns/cache"), "w"):
            pass
        s.start()
        s.await_line("event=cache")
        time.sleep(2.2)
        assert len(s.find("event=cache", "warn")) <= 3 and not s.find("result=kept"), s.log()
        assert len(s.find("not kept")) == 1
        assert marks(s) == of(4)


def test_check_writes_nothing():
    with one(expect_ready=False) as s:
        s.await_line("event=ready")
        s.kill()
        shutil.rmtree(s.path("state/dns"))
        got = subprocess.run(s.command("--check"), capture_output=True, text=True, check=False)
        assert got.returncode == 0, got.stderr
        assert not os.path.exists(s.path("state/dns/cache"))


def test_what_no_zone_has_any_more():
    with one() as s:
        path = kept(s)
        folder = os.path.dirname(path)
        old = time.time() - 100000
        gone, young, foreign, tmp, note = (os.path.join(folder, n) for n in (
            "0" * 16, "1" * 16, "2" * 16, "3" * 16 + ".tmp", "README"))
        s.kill()
        for at in (gone, young):
            shutil.copy(path, at)
        for at in (foreign, tmp, note):
            with open(at, "w") as f:
                f.write("not of postern\n")
        for at in (gone, foreign, note, path):
            os.utime(at, (old, old))
        s.start()
        eventually(lambda: not os.path.exists(gone) and not os.path.exists(tmp))
        for at in (young, foreign, note, path):
            assert os.path.exists(at), at
        assert s.find("event=cache", "result=mapped")


def test_rules_for_clients_are_read_at_each_start():
    """Images are kept, rules are not: who may ask is never what it once was."""
    zones = [TYPED, ZONE + ":acl:{}/acl"]
    with Server(*zones, files={"list": big(), "acl": "192.0.2.0/24 :refuse\n"}) as s:
        kept(s)
        again(s)
        assert s.find("result=mapped") and marks(s) == of(4)
        s.kill()
        s.write("acl", "127.0.0.0/8 :refuse:not you\n")
        s.start()
        assert s.rcode("9.0.0.20") == "REFUSED"
        s.kill()
        s.write("acl", "999.0.0.0/8 :refuse\n")
        s.start()
        assert s.rcode("9.0.0.20") == "SERVFAIL", s.log()


def test_sub_zones_are_kept():
    text = (SOA + "$DATASET ip4set:one @\n:2:x\n" + "\n".join(f"20.{i >> 8}.{i & 255}.9" for i in range(24000)) +
            "\n$DATASET dnset:two names\n:3:y\nbad.example\n$DATASET ip4set:three sub\n:5:z\n192.0.2.7\n")
    with one(text, zone=ZONE + ":combined:{}/list") as s:
        kept(s)
        again(s)
        assert s.find("result=mapped"), s.log()
        assert s.values("9.0.0.20") == ["127.0.0.2"]
        assert s.values("bad.example.names") == ["127.0.0.3"]
        assert s.values("7.2.0.192.sub") == ["127.0.0.5"]


def stamp(at):
    return time.strftime("%Y:%m:%d:%H:%M:%S", time.gmtime(at))


def test_an_end_that_came_while_it_was_down():
    now = time.time()
    head = SOA + f"$TIMESTAMP {stamp(now - 60)} {stamp(now + 4)}\n"
    with one(big(head=head)) as s:
        kept(s)
        s.kill()
        time.sleep(max(0.0, now + 4.5 - time.time()))
        s.start()
        assert s.rcode("9.0.0.20") == "SERVFAIL" and not s.find("result=mapped"), s.log()


def test_older_than_a_secondary_would_serve():
    """The expire of the SOA bounds how long old data stand in for new ones."""
    head = SOA.replace(" 86400 ", " 1 ")
    with one(big(head=head)) as s:
        kept(s)
        s.kill()
        time.sleep(2.1)
        s.start()
        assert s.find("result=mapped") and marks(s) == of(4)
        s.kill()
        s.write("list", "<html>\n" * 60000)
        s.start()
        assert not s.find("result=mapped") and s.rcode("9.0.0.20") == "SERVFAIL", s.log()


def test_warnings_are_told_at_each_start():
    with one(big(more="a bad line\n")) as s:
        kept(s)
        first = s.find("event=data")
        assert first
        again(s)
        assert s.find("result=mapped")
        assert [x.split("event=")[1] for x in s.find("event=data")] == [x.split("event=")[1] for x in first]


def test_killed_at_any_moment():
    """Whatever was being written: a start serves one whole list, old or new, never less than the file's."""
    rng = random.Random(11)
    mark = 4
    with one() as s:
        for _ in range(max(KILLS, 5)):
            time.sleep(rng.random() * 1.3)
            s.kill()
            if rng.random() < 0.5:
                mark = 4 + (mark - 3) % 50
                s.write("list", big(mark))
            s.expect_ready = False
            s.start()
            got = None
            while not s.find("event=ready"):
                with_soa = s.rcode("", "SOA")
                if with_soa == "NOERROR":
                    got = marks(s)
                    # Two questions may fall on both sides of a swap, but nothing is ever missing.
                    assert all(len(x) == 1 for x in got), got
            assert marks(s) == of(mark), (got, s.log())
        assert not s.find("result=ignored"), s.log()


def test_a_user_who_is_not_root():
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    with one(options=["--user", "nobody"], expect_ready=False) as s:
        s.kill()
        os.chmod(s.folder, 0o755)
        os.chmod(s.path("list"), 0o644)
        shutil.rmtree(s.path("state"))
        s.expect_ready = True
        s.start()
        path = kept(s)
        assert os.stat(path).st_uid != 0
        again(s)
        assert s.find("result=mapped") and marks(s) == of(4), s.log()


def test_a_full_disk():
    if os.geteuid() != 0:
        pytest.skip("needs a disk of its own")
    with one() as s:
        s.kill()
        shutil.rmtree(s.path("state"))
        os.mkdir(s.path("state"))
        inner = s.command
        s.command = lambda *more: [sys.executable, "-B", APART, s.path("root"),
                                   f"mount -t tmpfs -o size=1m none {s.path('state')} && exec \"$@\"",
                                   *inner(*more)]
        s.start()
        s.await_line("event=cache", "not kept")
        assert marks(s) == of(4)
        s.write("list", big(5))
        eventually(lambda: marks(s) == of(5))
        assert len(s.find("event=cache")) == 1, s.log()


# --- files that change under it ---------------------------------------------------------------------

SLOW = ["--check-files", "3600s"]  # so that what is seen was told by the kernel
SEEN = 5                           # seconds in which that must be served


def small(mark, head=SOA):
    return head + f":{mark}:listed $\n20.0.0.9\n20.0.1.9\n"


def seen(server, mark, zone=ZONE, patience=SEEN):
    eventually(lambda: server.values("9.0.0.20", zone=zone) == [f"127.0.0.{mark}"], patience, f"mark {mark}")


def in_place(path, text):
    with open(path, "w") as f:
        f.write(text)


def test_written_in_place():
    with one(small(4), options=SLOW) as s:
        for mark in (5, 6, 7):
            in_place(s.path("list"), small(mark))
            seen(s, mark)


def test_same_size_and_time():
    """Only the content is another one."""
    with one(small(4), options=SLOW) as s:
        old = os.stat(s.path("list"))
        for mark in (5, 6):
            time.sleep(0.05)
            in_place(s.path("list"), small(mark))
            os.utime(s.path("list"), ns=(old.st_atime_ns, old.st_mtime_ns))
            seen(s, mark)
        s.write("list.x", small(7))
        os.utime(s.path("list.x"), ns=(old.st_atime_ns, old.st_mtime_ns))
        os.rename(s.path("list.x"), s.path("list"))
        seen(s, 7)


def test_written_again_at_once():
    """Many times within a tick of the file system's clock, the same size, in place: the last one counts."""
    rng = random.Random(3)
    with one(small(2), options=SLOW) as s:
        for mark in range(3, 10):
            for _ in range(rng.randrange(1, 12)):
                in_place(s.path("list"), small(rng.randrange(2, 10)))
                time.sleep(rng.choice((0, 0.0005, 0.002)))
            in_place(s.path("list"), small(mark))
            seen(s, mark)


def test_what_is_no_file():
    """A pipe that nobody writes to must not hold the others up, nor the end."""
    with Server(TYPED, "b.example:ip4set:{}/pipe", "c.example:ip4set:{}/", files={"list": small(4)},
                options=SLOW, expect_ready=False) as s:
        s.kill()
        os.mkfifo(s.path("pipe"))
        s.start()
        s.await_line("pipe is no regular file")
        seen(s, 4)
        s.write("list", small(5))
        seen(s, 5)
        s.kill(signal.SIGTERM)


def test_gone_and_back():
    with one(small(4), options=SLOW) as s:
        os.unlink(s.path("list"))
        s.await_line("result=refused", "No such file", "the data before")
        seen(s, 4)
        s.write("list", small(5))
        seen(s, 5)


def test_bad_and_mended():
    with one(small(4), options=SLOW) as s:
        for bad, why in (("<html>\n" * 40, "more bad lines"), (SOA, "no entry"), (SOA + "::1\n" * 20, "bad lines"),
                         ("\x1f\x8b\x08\0\0", "gzip"), (SOA + "0.0.0.0/0\n", "")):
            after = len(s.lines)
            s.write("list", bad.encode("latin-1"))
            s.await_line("result=refused", why, 'served="the data before"', after=after)
            seen(s, 4)
        s.write("list", small(5))
        seen(s, 5)


def test_symbolic_links():
    with Server(TYPED, files={"v1/list": small(4), "v2/list": small(5)}, options=SLOW, expect_ready=False) as s:
        s.kill()
        os.symlink("v1/list", s.path("list"))
        s.expect_ready = True
        s.start()
        seen(s, 4)
        os.symlink("v2/list", s.path("list.new"))
        os.rename(s.path("list.new"), s.path("list"))
        seen(s, 5)
        s.write("v2/list", small(6))
        seen(s, 6)


def test_a_link_to_a_folder():
    """As Kubernetes changes a ConfigMap, and many a deployment its `current`."""
    with Server(ZONE + ":ip4set:{}/current/list", files={"v1/list": small(4), "v2/list": small(5)}, options=SLOW,
                expect_ready=False) as s:
        s.kill()
        os.symlink("v1", s.path("current"))
        s.expect_ready = True
        s.start()
        seen(s, 4)
        os.symlink("v2", s.path("current.new"))
        os.rename(s.path("current.new"), s.path("current"))
        seen(s, 5)
        s.write("v2/list", small(6))
        seen(s, 6)


def test_a_folder_that_goes_and_comes_back():
    with Server(ZONE + ":ip4set:{}/data/list", files={"data/list": small(4)}, options=SLOW) as s:
        shutil.rmtree(s.path("data"))
        s.await_line("result=refused", "No such file")
        seen(s, 4)
        s.write("data/list", small(5))
        seen(s, 5)
        s.write("data/list", small(6))
        seen(s, 6)
        os.rename(s.path("data"), s.path("was"))
        s.write("fresh/list", small(7))
        os.rename(s.path("fresh"), s.path("data"))
        seen(s, 7)


def test_a_folder_that_is_not_there_yet():
    with Server(ZONE + ":ip4set:{}/late/data/list", options=SLOW) as s:
        assert s.rcode("9.0.0.20") == "SERVFAIL"
        s.write("late/data/list", small(4))
        seen(s, 4)


def test_two_zones_of_one_file():
    with Server(TYPED, "other.example:ip4set:{}/list", files={"list": small(4)}, options=SLOW) as s:
        s.write("list", small(5))
        seen(s, 5)
        seen(s, 5, "other.example")


def test_ttl_and_soa_follow():
    with one(small(4), options=SLOW) as s:
        s.write("list", "$TTL 77\n" + SOA.replace(" 0 3600 ", " 4711 3600 ") + ":4:listed $\n20.0.0.9\n20.0.1.9\n")
        eventually(lambda: s.ask("9.0.0.20").answer[0].ttl == 77)
        assert s.ask("", "SOA").answer[0][0].serial == 4711


def test_half_a_file():
    """Its writer has not closed it: nothing is taken. Then all of it is."""
    with one(big(4), options=[*SLOW]) as s:
        text = big(5)
        with open(s.path("list"), "w") as f:
            for at in range(0, len(text), 60000):
                f.write(text[at:at + 60000])
                f.flush()
                time.sleep(0.05)
                assert marks(s) == of(4)
        eventually(lambda: marks(s) == of(5))


def test_while_it_is_read():
    """It grows all the time; what is served was the file at some moment, and in the end all of it."""
    with one(small(4), options=SLOW) as s:
        for i in range(400):
            with open(s.path("list"), "a") as f:
                f.write(f"21.{i >> 8}.{i & 255}.9\n")
            if i % 20 == 0:
                assert s.values("9.0.0.20") == ["127.0.0.4"]
        eventually(lambda: s.rcode("9.143.1.21") == "NOERROR", SEEN)
        assert all(s.rcode(f"9.{i & 255}.{i >> 8}.21") == "NOERROR" for i in range(400))


def test_unreadable_and_mended():
    if os.geteuid() != 0:
        pytest.skip("needs another user")
    with one(small(4), options=["--user", "nobody", "--check-files", "1s"], expect_ready=False) as s:
        os.chmod(s.folder, 0o755)
        s.hup()
        seen(s, 4)
        s.write("list", small(5))
        os.chmod(s.path("list"), 0o600)
        s.hup()
        s.await_line("result=refused", "may not be read")
        seen(s, 4) if s.values("9.0.0.20") == ["127.0.0.4"] else seen(s, 5)
        os.chmod(s.path("list"), 0o644)
        seen(s, 5)


def test_some_zones_are_bad():
    with Server(TYPED, "b.example:ip4set:{}/bad", "c.example:ip4set:{}/missing", "d.example:dnset:{}/names",
                files={"list": small(4), "bad": "<html>\n" * 30, "names": ":2:x\nspam.example\n"}) as s:
        seen(s, 4)
        assert s.values("spam.example", zone="d.example") == ["127.0.0.2"]
        assert s.rcode("9.0.0.20", zone="b.example") == "SERVFAIL"
        assert s.rcode("", "SOA", zone="c.example") == "SERVFAIL"
        s.write("bad", small(6))
        s.write("missing", small(7))
        seen(s, 6, "b.example")
        seen(s, 7, "c.example")
        s.alive()


def test_two_hundred_zones():
    names = [f"z{i}.example" for i in range(200)]
    with Server(*[f"{n}:ip4set:{{}}/{n}" for n in names], options=SLOW,
                files={n: small(2 + i % 50) for i, n in enumerate(names)}) as s:
        for i in (0, 99, 199):
            assert s.values("9.0.0.20", zone=names[i]) == [f"127.0.0.{2 + i % 50}"]
        for i, n in enumerate(names):
            s.write(n, small(3 + i % 50))
        for i in (0, 57, 199):
            seen(s, 3 + i % 50, names[i])
        s.hup()
        seen(s, 3 + 199 % 50, names[199])


def test_few_descriptors():
    with one(small(4), options=SLOW) as s:
        s.kill()
        inner = s.command
        s.command = lambda *more: ["sh", "-c", "ulimit -n 40; exec \"$@\"", "sh", *inner(*more)]
        s.start()
        for mark in (5, 6):
            s.write("list", small(mark))
            seen(s, mark)


# --- serials for secondaries ------------------------------------------------------------------------

OPEN = ["--transfer", "127.0.0.1"]


def serial(server):
    return server.ask("", "SOA").answer[0][0].serial


def test_the_serial_never_falls_and_always_rises():
    """It is the time of the file; where that says nothing new, one more than before. Also over a restart."""
    with one(small(4), options=[*SLOW, *OPEN]) as s:
        last = serial(s)
        assert last == int(os.stat(s.path("list")).st_mtime)
        for mark in range(5, 9):
            # Several within a second, then one from an old copy.
            s.write("list", small(mark))
            if mark == 8:
                os.utime(s.path("list"), (1000000000, 1000000000))
                s.hup()
            seen(s, mark)
            eventually(lambda: serial(s) > last)  # noqa: B023
            last = serial(s)
        again(s)
        assert serial(s) == last, "nothing has changed"
        s.kill()
        s.write("list", small(9))
        os.utime(s.path("list"), (1100000000, 1100000000))
        s.start()
        assert serial(s) == last + 1
        s.write("list", small(10))
        os.utime(s.path("list"), (last + 1000, last + 1000))
        s.hup()
        seen(s, 10)
        eventually(lambda: serial(s) == last + 1000)
        s.options.extend(["--ttl", "5m"])
        again(s)
        assert serial(s) == last + 1001, "the records are others"


def test_the_serial_of_the_newest_file():
    """A SOA in one file, and the change in another dataset's."""
    with Server(TYPED, ZONE + ":dnset:{}/names", files={"list": small(4), "names": ":2:x\na.example\n"}) as s:
        for name, at in (("list", 1500000000), ("names", 1600000000), ("names", 1700000000), ("list", 1750000000)):
            os.utime(s.path(name), (at, at))
            s.hup()
            eventually(lambda: serial(s) == max(int(os.stat(s.path(n)).st_mtime) for n in ("list", "names")))


def test_a_serial_of_the_operators_own():
    fixed = SOA.replace(" 0 3600 ", " 4711 3600 ")
    with one(small(4, fixed), options=[*SLOW, *OPEN]) as s:
        s.write("list", small(5, fixed))
        seen(s, 5)
        assert serial(s) == 4711
        s.await_line("serial=4711", "secondaries will not take them")
        s.write("list", small(6, SOA.replace(" 0 3600 ", " 4712 3600 ")))
        seen(s, 6)
        assert serial(s) == 4712 and len(s.find("secondaries will not")) == 1
