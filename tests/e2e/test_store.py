# SPDX-License-Identifier: GPL-3.0-or-later
"""postern runs, show and proofs over stores that hold known runs. The store is filled through its
own functions (store-fill), the results are those that the renderers' own tests know."""

import concurrent.futures
import json
import os
import re
import signal
import sqlite3
import subprocess
import time

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("POSTERN_BUILD") or os.path.join(TOP, "build")
DATA = os.path.join(TOP, "tests", "data", "report")
ENV = {**os.environ, "TZ": "UTC", "LC_ALL": "C", "NO_COLOR": ""}
ENV.pop("POSTERN_STATE", None)

CLOSED, ACCEPTS, OPEN, UNDECIDED = range(4)
STATES = {"pending": 0, "running": 1, "waiting": 2, "done": 3}
ESCAPE = "\x1b[31mred\x1b[0m"


def documents(name):
    return json.load(open(os.path.join(DATA, name + ".json"), encoding="utf-8"))


def wanted(name):
    return open(os.path.join(DATA, name + ".want"), encoding="utf-8").read()


def target(name, source=None, state="done", **more):
    """A target whose result is one of the renderers' examples."""
    lines = documents(source) if source else []
    verdicts = [d for d in lines if isinstance(d, dict) and d.get("type") == "verdict"]
    verdict = str(verdicts[-1].get("verdict")) if verdicts else ""
    return {"name": name, "state": STATES[state], "verdict": verdict, "lines": lines, **more}


def fill(state, runs=(), proofs=()):
    script = json.dumps({"runs": list(runs), "proofs": list(proofs)})
    subprocess.run([os.path.join(BUILD, "src/cmd/show/store-fill"), str(state)], input=script,
                   text=True, check=True, env=ENV)


def postern(program, *args, state=None, code=0, raw=False):
    """Standard output of a program that must end with `code`; its errors too when it fails."""
    where = ["--state", str(state)] if state else []
    got = subprocess.run([os.path.join(BUILD, "postern-" + program), *where, *map(str, args)],
                         env=ENV, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    assert got.returncode == code, (got.returncode, got.stderr)
    if raw:
        return got.stdout
    text = got.stdout.decode("ascii")
    return text if code < 64 else text + got.stderr.decode()


def run(number, *targets, **more):
    return {"id": number, "started": 1767225600 + number, "state": 2, "command": "postern test x",
            "options": '{"own":true}', "targets": list(targets), **more}


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """Four runs, read only by the tests."""
    state = tmp_path_factory.mktemp("state", numbered=True)
    state.chmod(0o700)
    session = {"label": "192.0.2.10:25", "text": "S: 220 hi\nC: EHLO x\\r\\n\n" + ESCAPE,
               "at": 1767225601}
    probe = {"serial": 7, "digest": 5, "probe": "null.percent-host", "address": "192.0.2.10",
             "port": 25, "tls": "none", "mail": "<>", "rcpt": "<tok%probe.example@mail.example.net>",
             "helo": "tester.example", "sent": 1767225601000}
    hops = [{"by": "mail.example.net", "from": "tester.example", "ip": "10.88.0.1",
             "with": "ESMTP"},
            {"by": "out3.smarthost.example", "from": "mail.example.net", "ip": "192.0.2.10",
             "with": "ESMTPS"}]
    proof = {"run": 1, "digest": 5, "serial": 7, "at": 1767225601420, "peer": "203.0.113.25",
             "helo": "out3.smarthost.example", "tls": "TLSv1.3", "mail": "",
             "rcpt": "tok%probe.example@mail.example.net", "what": 0, "source": 0,
             "chain": json.dumps(hops), "raw": "Received: a\r\n\r\nbody " + ESCAPE + "\r\n"}
    stranger = {"run": 0xABCDEF01, "digest": 9, "serial": 3, "at": 1767225700000,
                "peer": "2001:db8::5", "helo": ESCAPE, "rcpt": ESCAPE, "mail": "\x00\r\n",
                "what": 1, "source": 3, "chain": "broken", "raw": "x", "size": 999999}
    fill(state,
         [run(1, target("mail.example.net", "open", transcripts=[session], probes=[probe]),
              ended=1767225610),
          run(0x10000002, target("closed.example", "closed"), command=ESCAPE),
          run(0x10000003, *[target(f"host{i}.example", "closed" if i else "open")
                            for i in range(7)], target("late.example", state="pending")),
          run(0xFFFFFFFF, target("half.example", state="running"), state=0, options="no JSON")],
         [proof, proof, {**proof, "at": 1767229999000, "raw": "later"}, stranger])
    return state


# ---- postern runs


def test_runs_table(full):
    lines = postern("runs", state=full).splitlines()
    assert lines[0].split()[:4] == ["RUN", "STARTED", "TARGETS", "OPEN"]
    assert [line[:8] for line in lines[1:]] == ["ffffffff", "10000003", "10000002", "00000001"]
    assert re.fullmatch(r"00000001  2026-01-01 00:00:01 +1 +1 +\. +\. +\.  done +postern test x",
                        lines[4])
    assert "\\x1b[31mred" in lines[3]
    assert "running" in lines[1]


def test_runs_limit(full):
    assert len(postern("runs", "-n", 2, state=full).splitlines()) == 3
    assert "between" in postern("runs", "-n", 0, state=full, code=64)


def test_runs_json(full):
    got = [json.loads(line) for line in postern("runs", "--json", state=full).splitlines()]
    assert [r["run"] for r in got] == ["ffffffff", "10000003", "10000002", "00000001"]
    assert got[3]["verdicts"]["open"] == 1 and got[3]["targets"] == 1
    assert got[3]["started"] == "2026-01-01T00:00:01Z"
    assert got[3]["ended"] == "2026-01-01T00:00:10Z"
    assert got[3]["options"] == {"own": True} and "options" not in got[0]
    assert got[3]["proofs"] == 2
    assert got[1]["targets"] == 8 and "ended" not in got[1]


def test_runs_colour(full):
    assert "\x1b[31m" in postern("runs", "--color=always", state=full)
    assert "\x1b" not in postern("runs", state=full)


def test_runs_check(full):
    assert postern("runs", "--check", state=full).endswith("postern.db: sound\n")


# ---- postern show


def test_show_table_is_the_report(full):
    text = postern("show", "00000001", state=full)
    assert wanted("open.table") in text
    assert text.startswith("Run 00000001, 2026-01-01 00:00:01, done\npostern test x\n")


def test_show_by_prefix_and_last(full):
    assert postern("show", "0", state=full) == postern("show", "00000001", state=full)
    assert postern("show", "last", state=full).startswith("Run ffffffff")
    assert "more digits" in postern("show", "1000", state=full, code=66)
    assert 'no run "2"' in postern("show", "2", state=full, code=66)


def test_show_unfinished(full):
    text = postern("show", "last", state=full)
    assert "half.example" in text and "the test has not come to its end" in text


def test_show_many_targets_in_lines(full):
    text = postern("show", "10000003", state=full)
    assert len([line for line in text.splitlines() if line.startswith("closed ")]) == 6
    assert re.search(r"^unknown +late.example +not tested yet", text, re.M)
    assert "8 targets" in text


def test_show_one_target(full):
    text = postern("show", "10000003", "--target", "HOST0.example", state=full)
    assert wanted("open.table") in text and "host1.example" not in text
    assert "no such target" in postern("show", "10000003", "-t", "host", state=full, code=66)


def test_show_json_keeps_every_document(full):
    got = [json.loads(line) for line in postern("show", "0", "--json", state=full).splitlines()]
    assert got == documents("open")


@pytest.mark.parametrize("how,want", [("--junit", "junit.xml"), ("--prometheus", "prom")])
def test_show_documents(full, how, want):
    args = [how] if how == "--prometheus" else [how, "-"]
    assert postern("show", "0", *args, state=full) == wanted("open." + want)


def test_show_html_file(full, tmp_path):
    page = tmp_path / "page.html"
    old = os.umask(0o027)
    try:
        assert postern("show", "0", "--html", page, state=full) == ""
    finally:
        os.umask(old)
    assert page.stat().st_mode & 0o777 == 0o640
    text = page.read_text()
    assert "Relay test 00000001" in text and "<svg" in text and "<script" not in text
    assert "cannot" not in postern("show", "0", "--html", "-", state=full)
    assert "nonexistent" in postern("show", "0", "--html", "/nonexistent/x", state=full, code=73)


@pytest.mark.parametrize("name,code", [("0", OPEN), ("10000002", CLOSED), ("10000003", OPEN),
                                       ("last", UNDECIDED)])
def test_show_nagios(full, name, code):
    text = postern("show", name, "--nagios", state=full, code=code)
    assert text.count("\n") == 1


def test_show_transcript(full):
    text = postern("show", "0", "--transcript", state=full)
    assert "== mail.example.net\n-- 192.0.2.10:25, 2026-01-01 00:00:01\n" in text
    assert "S: 220 hi\nC: EHLO x\\r\\n\n\\x1b[31mred\\x1b[0m\n" in text
    assert "no transcript was kept" in postern("show", "last", "--transcript", state=full)


def test_show_tells_of_late_proofs(full):
    assert "After the end of this run 1 of its probes arrived" in postern("show", "0", state=full)
    assert "After the end" not in postern("show", "10000002", state=full)


def test_show_leaves_bad_lines_out(tmp_path):
    tmp_path.chmod(0o700)
    broken = target("closed.example", "closed")
    broken["lines"] = ["{not json", "[1]", *broken["lines"], ""]
    fill(tmp_path, [run(1, broken)])
    got = subprocess.run([f"{BUILD}/postern-show", "--state", tmp_path, "last"], env=ENV, text=True,
                         capture_output=True)
    assert got.returncode == 0 and wanted("closed.table") in got.stdout
    assert "2 stored lines could not be read" in got.stderr


def test_show_hostile_run_is_harmless(tmp_path):
    tmp_path.chmod(0o700)
    fill(tmp_path, [run(1, target(ESCAPE, "hostile"), command=ESCAPE)])
    for how in ([], ["--json"], ["--html", "-"], ["--junit", "-"], ["--prometheus"],
                ["--transcript"], ["--all"]):
        text = postern("show", "last", *how, state=tmp_path)
        assert all(c == "\n" or " " <= c <= "~" for c in text), how


# ---- postern proofs


def test_proofs_table(full):
    lines = postern("proofs", state=full).splitlines()
    assert lines[0].split() == ["ID", "RECEIVED", "RUN", "WHAT", "PROBE", "FROM", "TARGET",
                                "SOURCE"]
    assert lines[1].split() == ["1", "2026-01-01", "00:00:01", "00000001", "arrival",
                                "null.percent-host", "203.0.113.25", "mail.example.net", "sink",
                                "(2", "times)"]
    assert lines[3].split()[3:] == ["abcdef01", "bounce", "-", "2001:db8::5", "-", "imap"]
    assert len(lines) == 4


def test_proofs_of_a_run(full):
    assert len(postern("proofs", "--run", "0", state=full).splitlines()) == 3
    # Its tester is on another machine: the run is not in this store.
    assert len(postern("proofs", "--run", "ABCDEF01", state=full).splitlines()) == 2
    assert postern("proofs", "--run", "10000002", state=full) == ""
    assert "no run" in postern("proofs", "--run", "77", state=full, code=66)


def test_proof_in_full(full):
    text = postern("proofs", 1, state=full)
    assert "Proof 1: arrival, token in the recipient, 2026-01-01 00:00:01, by sink" in text
    assert "MAIL FROM:<>\n             RCPT TO:<tok%probe.example@mail.example.net>\n  Way" in text
    assert "RCPT TO:<tok%probe.example@mail.example.net>" in text
    assert ("Way        tester, seen as 10.88.0.1 --> mail.example.net 192.0.2.10:25 --> "
            "out3.smarthost.example 203.0.113.25 --> sink (0.4 s)") in text
    other = postern("proofs", 3, state=full)
    assert "number 3 of a run that is not in this store" in other and "Way" not in other
    assert "999999 bytes, the first of them kept" in other and "\x1b" not in other
    assert "no proof 99" in postern("proofs", 99, state=full, code=66)
    assert "no proof x" in postern("proofs", "x", state=full, code=66)


def test_proofs_json(full):
    got = [json.loads(line) for line in postern("proofs", "--json", state=full).splitlines()]
    assert [p["id"] for p in got] == [1, 2, 3]
    first = got[0]
    assert first["type"] == "proof" and first["run"] == "00000001"
    assert first["probe"] == "null.percent-host" and first["target"] == "mail.example.net"
    assert first["input"] == "192.0.2.10" and first["output"] == "203.0.113.25"
    assert first["received"] == "2026-01-01T00:00:01.420Z" and first["delay"] == 0.42
    assert len(first["hops"]) == 2 and first["seen"] == 2 and first["cut"] is False
    assert got[2]["received_mail"] == "\\x00\\r\\n" and got[2]["cut"] is True
    assert "probe" not in got[2] and "hops" not in got[2]


def test_proof_raw(full):
    want = ("Received: a\r\n\r\nbody " + ESCAPE + "\r\n").encode()
    assert postern("proofs", "--raw", 1, state=full, raw=True) == want
    postern("proofs", "--raw", 99, state=full, code=66)


def test_proof_raw_to_a_terminal(full):
    """A stranger's escape sequences must not run."""
    import pty
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(f"{BUILD}/postern-proofs", ["postern-proofs", "--state", str(full), "--raw", "1"],
                  ENV)
    text = b""
    while True:
        try:
            piece = os.read(fd, 4096)
        except OSError:
            break
        if not piece:
            break
        text += piece
    assert os.waitpid(pid, 0)[1] == 0
    os.close(fd)
    assert b"\\x1b[31mred" in text and b"\x1b" not in text


# ---- misuse, missing, damage


@pytest.mark.parametrize("args", [("runs", "x"), ("runs", "--nonsense"), ("show",),
                                  ("show", "a", "b"), ("show", "last", "--json", "--nagios"),
                                  ("show", "last", "--html"), ("proofs", "--raw", "1", "2"),
                                  ("proofs", "--run", "0", "1"), ("runs", "--color", "blue")])
def test_misuse(full, args):
    assert "--help" in postern(*args, state=full, code=64)


@pytest.mark.parametrize("program", ["runs", "show", "proofs"])
def test_help(program):
    text = postern(program, "--help")
    assert f"postern {program}" in text and "Exit status" in text
    assert all(len(line) <= 80 for line in text.splitlines())


@pytest.mark.parametrize("args", [("runs",), ("show", "last"), ("proofs",), ("runs", "--check")])
def test_missing(tmp_path, args):
    assert "no such state folder" in postern(*args, state=tmp_path / "none", code=66)
    assert not (tmp_path / "none").exists()
    tmp_path.chmod(0o700)
    assert "there is no store here yet" in postern(*args, state=tmp_path, code=66)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("args", [("runs",), ("show", "last"), ("proofs",), ("runs", "--check")])
@pytest.mark.parametrize("harm", ["cut", "foreign", "newer", "page"])
def test_damage_is_named_and_left_alone(full, tmp_path, args, harm):
    tmp_path.chmod(0o700)
    store = bytearray((full / "postern.db").read_bytes())
    if harm == "cut":
        del store[len(store) // 2:]
    elif harm == "foreign":
        store[:6] = b"sqlite"
    elif harm == "newer":
        store[60:64] = (77).to_bytes(4, "big")
    else:
        store[2 * 4096:3 * 4096] = b"\xa5" * 4096
    path = tmp_path / "postern.db"
    path.write_bytes(store)
    text = postern(*args, state=tmp_path, code=65)
    assert f"{path}: " in text
    assert path.read_bytes() == bytes(store)
    assert [p.name for p in tmp_path.iterdir()] == ["postern.db"]


def test_folder_of_others_is_refused(full, tmp_path):
    tmp_path.chmod(0o777)
    assert "chmod 700" in postern("runs", state=tmp_path, code=77)


def test_full_disk_is_no_success(full):
    with open("/dev/full", "wb") as out:
        got = subprocess.run([f"{BUILD}/postern-runs", "--state", full, "--json"], env=ENV,
                             stdout=out, stderr=subprocess.PIPE, text=True)
    assert got.returncode == 74 and "No space left" in got.stderr


def test_long_output_is_whole_and_checked(tmp_path):
    """More than is ever held back at once; a full disk in the middle is no success."""
    tmp_path.chmod(0o700)
    fill(tmp_path, [run(1, *[target(f"h{i}", "open") for i in range(150)])])
    text = postern("show", "last", "--json", state=tmp_path)
    assert len(text) > 2 << 20
    assert [json.loads(line) for line in text.splitlines()] == documents("open") * 150
    with open("/dev/full", "wb") as out:
        got = subprocess.run([f"{BUILD}/postern-show", "--state", tmp_path, "last", "--json"],
                             env=ENV, stdout=out, stderr=subprocess.PIPE, text=True)
    assert got.returncode == 74 and got.stderr.count("No space left") == 1


def test_looking_changes_nothing(full):
    """Readers leave rows as they are, and readers and a writer go together."""
    before = (full / "postern.db").read_bytes()
    for args in (("runs",), ("show", "0"), ("proofs",)):
        postern(*args, state=full)
    assert (full / "postern.db").read_bytes() == before


def test_many_programs_at_once(tmp_path):
    tmp_path.chmod(0o700)
    fill(tmp_path, [run(1, target("closed.example", "closed"))])

    def write(i):
        fill(tmp_path, [run(100 + i, target(f"h{i}.example", "closed"))],
             [{"run": 1, "digest": 1, "serial": i, "at": i, "raw": str(i)}])

    def read(i):
        assert "CLOSED  mx.example" in postern("show", "0000000", state=tmp_path)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: (read if i % 2 else write)(i), range(40)))
    assert len(postern("runs", state=tmp_path).splitlines()) == 22
    assert len(postern("proofs", state=tmp_path).splitlines()) == 21
    assert postern("runs", "--check", state=tmp_path).endswith("sound\n")


def test_writer_killed_anywhere(tmp_path):
    """The store is sound after each of 25 kills, and what was whole stays."""
    tmp_path.chmod(0o700)
    fill(tmp_path, [run(1, target("first.example", "closed"))])
    for i in range(25):
        script = json.dumps({"runs": [run(1000 + i * 100 + k, *[target(f"t{n}", "closed")
                                                               for n in range(5)])
                                      for k in range(20)]})
        writer = subprocess.Popen([f"{BUILD}/src/cmd/show/store-fill", str(tmp_path)],
                                  stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                  env=ENV)
        writer.stdin.write(script)
        writer.stdin.close()
        time.sleep(i * 0.002)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        assert postern("runs", "--check", state=tmp_path).endswith("sound\n")
        assert "CLOSED  mx.example" in postern("show", "00000001", state=tmp_path)


def test_store_can_be_read_with_sqlite(full):
    """One file that other tools read: part of the promise."""
    db = sqlite3.connect(f"file:{full}/postern.db?mode=ro", uri=True)
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert db.execute("SELECT count(*) FROM runs").fetchone() == (4,)
    db.close()
