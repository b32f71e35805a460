# SPDX-License-Identifier: GPL-3.0-or-later
"""The front program: finding commands, becoming them, help, and the configuration file."""

import os
import pty
import re
import shutil
import subprocess

import pytest

from conftest import TOP


@pytest.fixture
def alone(build, tmp_path):
    """The front program in a folder of its own, so that the test decides what stands beside it."""
    shutil.copy(build.program(), tmp_path / "postern")

    def add(name, script):
        path = tmp_path / name
        path.write_text("#!/bin/sh\n" + script)
        path.chmod(0o755)

    def run(*args, **kwargs):
        return subprocess.run([tmp_path / "postern", *args], text=True, timeout=30, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kwargs)

    run.add, run.folder = add, tmp_path
    return run


def test_overview_lists_what_is_there(build):
    for args in ([], ["help"], ["--help"], ["-h"]):
        r = build.run(*args)
        assert r.returncode == 0 and r.stderr == ""
        assert r.stdout.startswith("Postern finds open mail relays")
    programs = {name[len("postern-"):] for name in os.listdir(build.folder)
                if name.startswith("postern-") and os.path.isfile(build.program(name))}
    listed = set(re.findall(r"^  ([a-z-]+)", r.stdout, re.M))
    assert listed == programs | {"conf", "help"}
    assert all(len(line) <= 80 for line in r.stdout.splitlines())


def test_overview_without_programs(alone):
    r = alone()
    assert r.returncode == 0
    assert "\n  test " not in r.stdout and "\n  conf " in r.stdout
    alone.add("postern-zebra", "exit 0\n")
    alone.add("postern-test", "exit 0\n")
    (alone.folder / "postern-test.p").mkdir()
    out = alone().stdout
    assert re.search(r"Find open relays and prove them:\n  test ", out)
    assert out.endswith("\nOther commands:\n  zebra\n")


def test_version(build):
    for option in ("--version", "-V"):
        r = build.run(option)
        assert r.returncode == 0
        assert re.fullmatch(r"postern \(Postern\) \d+\.\d+\.\d+\n", r.stdout)


def test_becomes_the_command(alone):
    alone.add("postern-echo", 'echo "$0" "$#" "$@"; cat; echo err >&2; exit 3\n')
    r = alone("echo", "--help", "a b", "", "--version", input="in\n")
    assert r.returncode == 3 and r.stderr == "err\n"
    assert r.stdout == f"{alone.folder}/postern-echo 4 --help a b  --version\nin\n"


def test_same_process(alone):
    alone.add("postern-pid", "echo $$\n")
    p = subprocess.Popen([alone.folder / "postern", "pid"], stdout=subprocess.PIPE, text=True)
    assert p.communicate(timeout=30)[0] == f"{p.pid}\n"


def test_path_is_not_searched(alone):
    folder = alone.folder / "elsewhere"
    folder.mkdir()
    (folder / "postern-evil").write_text("#!/bin/sh\necho evil\n")
    (folder / "postern-evil").chmod(0o755)
    env = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    assert alone("evil", env=env, cwd=folder).returncode == 64
    for name in ("elsewhere/postern-evil", "../evil", "", ".", "-", "e" * 5000, "a\nb", "é"):
        r = alone(name, env=env)
        assert r.returncode == 64 and r.stdout == "", name


@pytest.mark.parametrize("word, near", [
    ("tset", "test"), ("tests", "test"), ("snk", "sink"), ("proof", "proofs"), ("shwo", "show"),
    ("rnage", "range"), ("config", "conf"), ("hepl", "help")])
def test_hint(build, word, near):
    r = build.run(word)
    assert r.returncode == 64 and r.stdout == ""
    assert r.stderr == (f"postern: no command '{word}'; did you mean '{near}'?\n"
                        "Try 'postern' for all commands.\n")


def test_no_hint(build):
    r = build.run("xylophone")
    assert r.returncode == 64
    assert r.stderr == "postern: no command 'xylophone'\nTry 'postern' for all commands.\n"
    r = build.run("--json", "test")
    assert r.returncode == 64 and "options stand behind the command" in r.stderr


def test_program_that_is_broken(alone):
    (alone.folder / "postern-bad").write_bytes(b"\x7fELF this is none")
    (alone.folder / "postern-bad").chmod(0o755)
    r = alone("bad")
    assert r.returncode == 71 and "postern-bad: Exec format error" in r.stderr


def test_help_in_a_pipe(build):
    r = build.run("help", "test")
    assert r.returncode == 0 and r.stdout.startswith("Usage: postern test ")
    assert build.run("help", "conf").stdout.startswith("Usage: postern conf ")
    assert build.run("help", "help").stdout.startswith("Postern finds")
    assert "did you mean 'sink'" in build.run("help", "snik").stderr


def on_terminal(command, env):
    """Its output, with a terminal for standard output."""
    master, slave = pty.openpty()
    p = subprocess.Popen(command, stdout=slave, stderr=slave, stdin=slave, env=env)
    os.close(slave)
    out = b""
    while True:
        try:
            data = os.read(master, 4096)
        except OSError:
            break
        if not data:
            break
        out += data
    os.close(master)
    p.wait(30)
    return out.decode().replace("\r\n", "\n")


def test_help_on_a_terminal(alone):
    alone.add("postern-test", 'echo "usage $1"\n')
    bin_folder = alone.folder / "bin"
    bin_folder.mkdir()
    man = bin_folder / "man"
    env = {**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}"}
    man.write_text('#!/bin/sh\n[ "$1" = -w ] && { echo noise; exit 0; }\necho "page $1"\n')
    man.chmod(0o755)
    postern = str(alone.folder / "postern")
    assert on_terminal([postern, "help", "test"], env) == "page postern-test\n"
    assert on_terminal([postern, "help", "conf"], env) == "page postern.conf\n"
    assert on_terminal([postern, "help", "help"], env) == "page postern\n"
    man.write_text("#!/bin/sh\necho no such page >&2; exit 16\n")
    assert on_terminal([postern, "help", "test"], env) == "usage --help\n"
    man.unlink()
    env["PATH"] = str(bin_folder)
    assert on_terminal([postern, "help", "conf"], env).startswith("Usage: postern conf")


def test_every_program_has_help_version_and_misuse(build):
    names = [n for n in os.listdir(build.folder) if re.fullmatch("postern-[a-z]+", n)]
    assert "postern-test" in names and "postern-sink" in names
    for name in names:
        words = name.replace("-", " ")
        r = build.run("--help", program=name)
        assert r.returncode == 0 and r.stdout.startswith(f"Usage: {words} "), name
        r = build.run("--version", program=name)
        assert r.returncode == 0 and r.stdout.startswith(f"{words} (Postern) "), name
        r = build.run("--no-such-option-at-all", program=name)
        assert r.returncode == 64 and f"Try '{words} --help'" in r.stderr, name
        page = os.path.join(TOP, "man", name + ".1")
        assert os.path.exists(page), page


# --- the configuration file ----------------------------------------------------------------------


def sample(build):
    r = build.run("conf", "--sample")
    assert r.returncode == 0 and r.stderr == ""
    return r.stdout


def settings(text):
    """(section, name, default) of each setting of a sample."""
    section = None
    for line in text.splitlines():
        if m := re.fullmatch(r"(\w+) \{", line):
            section = m[1]
        elif m := re.fullmatch(r'    #([a-z0-9-]+) = "(.*)"', line):
            yield section, m[1], m[2]


def test_sample_is_right(build, tmp_path):
    path = tmp_path / "postern.conf"
    path.write_text(sample(build))
    r = build.run("conf", "--check", str(path))
    assert r.returncode == 0 and r.stdout == f"{path}: right, 0 values set\n"


def test_check_tells_file_and_line(build, tmp_path):
    path = tmp_path / "postern.conf"
    path.write_text("test {\n    wait = 5\n    wait = 6\n}\n")
    r = build.run("conf", "--check", str(path))
    assert r.returncode == 1 and r.stderr == f"{path}:3: wait: is set already in line 2\n"
    r = build.run("conf", "--check", str(tmp_path / "none"))
    assert r.returncode == 66 and "No such file" in r.stderr
    for args in ([], ["--check"], ["--sample", "--check", "x"], ["--sample", "x"], ["sample"]):
        assert build.run("conf", *args).returncode == 64


def help_of(build, section):
    """What --help says of the options that a section sets: of postern list each verb has its own."""
    calls = {"notice": [["list", "notice"]]}.get(section, [[section]])
    if section == "list":
        verbs = re.findall(r"^  ([a-z]+)  ", build.run("list", "--help").stdout, re.M)
        calls = [["list", verb] for verb in verbs]
    return " ".join(" ".join(build.run(*call, "--help").stdout.split()) for call in calls) + " --z"


def test_every_setting_is_an_option(build):
    """The schema's rows against the options of the programs: names, and defaults where both say."""
    found = list(settings(sample(build)))
    sections = {section for section, _, _ in found}
    assert sections == {"test", "sink", "gate", "policy", "decoy", "dns", "list", "notice"} and len(found) > 30
    for section in sections:
        text = help_of(build, section)
        for _, name, default in (s for s in found if s[0] == section):
            m = re.search(rf" --{name}(=\S+)? (.*?)(?= -\w, --| --[a-z]|$)", text)
            assert m, f"postern {section} has no --{name}"
            shown = re.search(r"\(default: (.*?)\)", m[2])
            if shown and default:
                # "*:25 if nothing else listens" tells the value and when it holds.
                assert re.split(r", | if ", shown[1])[0] == default, f"{section}.{name}"


def test_configuration_is_the_default_of_options(build, tmp_path):
    path = tmp_path / "postern.conf"
    path.write_text('test {\n  probe-domain = fromconf.example\n  ports = "2525"\n'
                    '  only-in-dreams = 1\n}\n')
    r = build.run("test", "--config", str(path), "--dry-run", "--state", str(tmp_path), "127.0.0.1")
    assert r.returncode == 78
    assert r.stderr == f"postern test: {path}:4: only-in-dreams: no such setting in test\n"
    assert build.run("test", "--config", str(path), "--help").returncode == 0

    path.write_text('test {\n  probe-domain = fromconf.example\n  ports = "2525"\n}\n')
    dry = ["--dry-run", "--state", str(tmp_path), "--only", "third-party.plain", "127.0.0.1"]
    out = build.run("test", "-c", str(path), *dry).stdout
    assert "127.0.0.1 port 2525" in out and "@fromconf.example>" in out
    out = build.run("test", f"--config={path}", "-D", "fromline.example", *dry).stdout
    assert "@fromline.example>" in out and "fromconf" not in out

    r = build.run("test", "--config", str(tmp_path / "none"), *dry)
    assert r.returncode == 66 and "none: can't be read: No such file" in r.stderr


def test_sink_reads_its_section(build, tmp_path):
    path = tmp_path / "postern.conf"
    path.write_text('test { wait = 1 }\nsink {\n  listen = "192.0.2.77:25"\n  probe-domain = p.example\n'
                    f'  state = "{tmp_path}"\n}}\n')
    r = build.run("sink", "--config", str(path))
    assert r.returncode == 71 and "can't listen on 192.0.2.77:25" in r.stderr
    path.write_text("sink {\n  rate = 0\n}\n")
    r = build.run("sink", "--config", str(path))
    assert r.returncode == 78 and f"{path}:2: rate: must be between 1 and 60000" in r.stderr
