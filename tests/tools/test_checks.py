# SPDX-License-Identifier: GPL-3.0-or-later
"""Each check of the house must be able to fail: it is shown one fault of each kind that it is for."""

import importlib.machinery
import importlib.util
import os
import shutil
import subprocess

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SPDX = "/* SPDX-License-Identifier: GPL-3.0-or-later */\n"


def load(path):
    loader = importlib.machinery.SourceFileLoader("tool", os.path.join(TOP, path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("tool", loader))
    loader.exec_module(module)
    return module


def tool(tree, name, *args):
    """Runs a tool in a tree of its own; returns its status and what it said."""
    os.makedirs(tree / "tools", exist_ok=True)
    shutil.copy(f"{TOP}/tools/{name}", tree / "tools")
    run = subprocess.run([f"tools/{name}", *args], cwd=tree, capture_output=True, text=True)
    return run.returncode, run.stdout + run.stderr


def write(tree, path, text):
    os.makedirs((tree / path).parent, exist_ok=True)
    (tree / path).write_text(text, encoding="utf-8")
    return path


BANNED = [
    ("strcpy(a, b);", "strcpy() is banned"),
    ("n = atoi (s);", "atoi() is banned"),
    ("x = 1 + sscanf(s, f);", "sscanf() is banned"),
    ("int x; // no", "// comment"),
    ("int x;\t/* tab */", "tab"),
    ("/* " + "x" * 98 + " */", "columns"),
    ("/* TO" + "DO */", "do it, or write an issue"),
    ("int x; ", "space at the end"),
    ("int f(void)\n{\n" + "    ;\n" * 71 + "}", "function of 71 lines"),
    ("int x;\n" * 600, "file of"),
]
FINE = ["my_strcpy(a, b);", "/* strcpy(a, b) */", 'puts("strcpy(a)");', "x->gets(y);", "x.system(y);",
        'puts("http://a");', "int f(void)\n{\n" + "    ;\n" * 70 + "}"]


@pytest.mark.parametrize("code, why", BANNED)
def test_banned_refuses(tmp_path, code, why):
    status, said = tool(tmp_path, "check-banned", write(tmp_path, "src/x.c", SPDX + code + "\n"))
    assert status == 1 and why in said and said.endswith("0 passed, 1 failed\n")


@pytest.mark.parametrize("code", FINE)
def test_banned_takes(tmp_path, code):
    status, said = tool(tmp_path, "check-banned", write(tmp_path, "src/x.c", SPDX + code + "\n"))
    assert (status, said) == (0, "1 passed, 0 failed\n")


def test_banned_wants_the_licence(tmp_path):
    assert tool(tmp_path, "check-banned", write(tmp_path, "src/x.c", "int x;\n"))[0] == 1


GUARD = SPDX + "#ifndef POSTERN_A_B_H\n#define POSTERN_A_B_H\n%s\n#endif\n"


@pytest.mark.parametrize("text, good", [
    (GUARD % "int f(int);", True),
    (GUARD % "size_t f(void);", False),
    (GUARD % '#include "a/absent.h"', False),
    (SPDX + "int f(int);\n", False),
    (SPDX + "#ifndef POSTERN_OTHER_H\n#define POSTERN_OTHER_H\n#endif\n", False),
])
def test_headers(tmp_path, text, good):
    write(tmp_path, "src/a/b.h", text)
    assert tool(tmp_path, "check-headers")[0] == (0 if good else 1)


def library(tree, layer, code):
    source = write(tree, f"src/{layer}/x.c", code)
    os.makedirs(tree / f"build/src/{layer}", exist_ok=True)
    subprocess.run(["gcc", "-D_GNU_SOURCE", "-O0", "-c", source, "-o", "x.o"], cwd=tree, check=True)
    subprocess.run(["ar", "rcs", f"build/src/{layer}/lib{layer}.a", "x.o"], cwd=tree, check=True)


CLOCK = "#include <time.h>\nlong f(void);\nlong f(void)\n{\n    return time(0);\n}\n"


@pytest.mark.parametrize("layer, code, why", [
    ("smtp", CLOCK, "libsmtp.a calls time()"),
    ("smtp", CLOCK.replace("time(0)", "clock()"), "libsmtp.a calls clock()"),
    ("mail", "#include <unistd.h>\n", "mail is pure"),
    ("mail", "#include <jansson.h>\n", "mail may not use"),
    ("base", '#include "../smtp/y.h"\n', "base may not include"),
    ("conf", '#include <uv.h>\n', "conf may not use"),
    ("attic", "int x;\n", "a layer that tools/check-layers does not know"),
])
def test_layers_refuse(tmp_path, layer, code, why):
    write(tmp_path, "src/smtp/y.h", "")
    for pure in ("base", "smtp", "mail"):
        library(tmp_path, pure, "int x_" + pure + ";\n")
    if layer in ("base", "smtp", "mail"):
        library(tmp_path, layer, code)
    else:
        write(tmp_path, f"src/{layer}/x.c", code)
    status, said = tool(tmp_path, "check-layers", "build")
    assert status == 1 and why in said


def test_layers_take_lower_layers(tmp_path):
    library(tmp_path, "base", "int base_f(void);\nint base_f(void)\n{\n    return 1;\n}\n")
    library(tmp_path, "smtp", "#include <string.h>\nint base_f(void);\nint f(void *p);\n"
            "int f(void *p)\n{\n    memset(p, 0, 1000);\n    return base_f();\n}\n")
    status, said = tool(tmp_path, "check-layers", "build")
    assert status == 0, said


def test_programs_keep_apart(tmp_path):
    write(tmp_path, "src/cmd/sink/x.c", '#include "cmd/test/y.h"\n#include "cmd/common/z.h"\n')
    status, said = tool(tmp_path, "check-layers", "build")
    assert status == 1 and "another's cmd/test/y.h" in said and "common" not in said


@pytest.mark.parametrize("code, good", [("int x;\n", True), ("int  x;\n", False)])
def test_format(tmp_path, code, good):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    shutil.copy(f"{TOP}/.clang-format", tmp_path)
    write(tmp_path, "x.c", code)
    assert tool(tmp_path, "check-format")[0] == (0 if good else 1)


def test_format_leaves_other_files_alone(tmp_path):
    write(tmp_path, "x.c", "int  x;\n")
    write(tmp_path, "x.py", "x  =  1\n")
    assert tool(tmp_path, "check-format", "--fix", "x.c", "x.py")[0] == 64
    assert (tmp_path / "x.py").read_text() == "x  =  1\n" and (tmp_path / "x.c").read_text() == "int  x;\n"


PAGE = ".Dd January 1, 2026\n.Dt X 1\n.Os\n.Sh NAME\n.Nm x\n.Nd does it\n"


@pytest.mark.parametrize("text, good", [(PAGE, True), (PAGE + ".Bogus x\n", False)])
def test_man(tmp_path, text, good):
    write(tmp_path, "man/x.1", text)
    assert tool(tmp_path, "check-man")[0] == (0 if good else 1)


@pytest.mark.parametrize("text, figures", [
    ("3 passed, 1 failed\n", (3, 1, 0)),
    ("= 2 failed, 10 passed, 4 skipped in 1.2s =\n", (10, 2, 4)),
    ("1 passed, 2 errors in 0.1s\n", (1, 2, 0)),
    ("5 passed, 0 failed\n7 passed, 0 failed, 1 skipped\nthe end\n", (7, 0, 1)),
    ("nothing\n", (0, 0, 0)),
])
def test_runner_reads_figures(text, figures):
    assert load("tests/run").line_figures(text) == figures


@pytest.mark.parametrize("script, passed, failed", [
    ("echo 2 passed, 0 failed", 2, 0),
    ("echo 2 passed, 1 failed; exit 1", 2, 1),
    ("echo 2 passed, 0 failed; exit 3", 2, 1),
    ("echo hello", 0, 1),
    ("sleep 60", 0, 1),
    ("echo 1 passed, 0 failed; kill -9 $$", 1, 1),
])
def test_runner_judges_stages(script, passed, failed):
    stage = load("tests/run").Stage("x", ["sh", "-c", script]).run(1)
    assert (stage.passed, stage.failed) == (passed, failed)


def test_runner_fails_what_it_could_not_build():
    run = load("tests/run")
    todo = [run.Stage("build", ["false"], quiet=True), run.Stage("unit", ["true"], needs=["build"])]
    ended = list(run.run_all(todo, 5))
    assert [(s.name, s.failed) for s in ended] == [("build", 1), ("unit", 1)]


JUNIT = """<testsuites><testsuite name="unit" tests="3" errors="0" failures="1">
<testcase name="a"/><testcase name="b"><failure/></testcase><testcase name="c"><skipped/></testcase></testsuite>
<testsuite name="died" tests="0" errors="1" failures="0"></testsuite></testsuites>"""


def test_runner_reads_junit(tmp_path):
    write(tmp_path, "x.xml", JUNIT)
    assert load("tests/run").junit_figures(tmp_path / "x.xml") == (1, 2, 1)


def test_runner_does_not_count_an_old_report(tmp_path):
    """A meson that died before it wrote its report must not pass with yesterday's."""
    write(tmp_path, "x.xml", JUNIT)
    stage = load("tests/run").Stage("unit", ["false"], junit=str(tmp_path / "x.xml")).run(5)
    assert (stage.passed, stage.failed) == (0, 1)


@pytest.mark.parametrize("said, code, seen", [
    ("ok 1 - a", 0, "ok 1 - a"),
    ("not ok 7 # SKIP disk_full", 0, "ok 7 # SKIP disk_full"),
    ("not ok 7 - disk_full", 1, "not ok 7 - disk_full"),
    ("half a li", 139, "half a li"),
])
def test_tap(said, code, seen):
    run = subprocess.run([f"{TOP}/tests/tap", "sh", "-c", 'printf "%s" "$0"; exit $1', said, str(code)],
                         capture_output=True, text=True)
    assert (run.stdout, run.returncode) == (seen + "\n", code)


def packages(tree, listed, installed, user=0, refuses=False):
    """tools/install-packages on a system of three fake commands; returns what apt-get was told."""
    write(tree, "tools/packages/some.txt", listed)
    fake = {
        "dpkg-query": "printf '%s\\n' " + " ".join(f"'installed {p}'" for p in installed),
        "apt-get": "echo \"$@\" >>log; case $1 in update) : >updated;; install) "
                   + ("test -e updated" if refuses else ":") + ";; esac",
        "id": f"echo {user}",
    }
    for name, body in fake.items():
        (tree / write(tree, f"bin/{name}", f"#!/bin/sh\n{body}\n")).chmod(0o755)
    shutil.copy(f"{TOP}/tools/install-packages", tree / "tools")
    run = subprocess.run(["tools/install-packages", "some"], cwd=tree, capture_output=True, text=True,
                         env={"PATH": f"{tree}/bin:/usr/bin:/bin"})
    log = (tree / "log").read_text() if (tree / "log").exists() else ""
    return run.returncode, log, run.stderr


def test_packages_all_there(tmp_path):
    assert packages(tmp_path, "# why\na x\nb\n", ["a", "b"]) == (0, "", "")


def test_packages_installs_the_missing(tmp_path):
    status, log, _ = packages(tmp_path, "a x\nb\nc\n", ["b", "c-dev"])
    assert status == 0 and log.strip().endswith(" a c") and "update" not in log


def test_packages_fetches_the_index_when_needed(tmp_path):
    status, log, _ = packages(tmp_path, "a\n", ["b"], refuses=True)
    assert status == 0 and [line.split()[0] for line in log.splitlines()] == ["install", "update", "install"]


def test_packages_without_root_says_what_to_do(tmp_path):
    status, log, said = packages(tmp_path, "a\nb\n", ["b"], user=1000)
    assert status == 1 and log == "" and "apt-get install --no-install-recommends a" in said
