# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documents name must be there: constants, functions, files, options, make targets."""

import glob
import os
import re

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCUMENTS = ["README.md", "ARCHITECTURE.md", "THREAT-MODEL.md", "STYLE.md"]


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


def code():
    return "".join(read(p) for p in glob.glob(f"{TOP}/src/**/*.[ch]", recursive=True))


CODE = code()
FOLDERS = r"(?:src|data|tests|tools|man|base|smtp|mail|relay|probe|report|store|io|conf|sink|cmd)"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_constants_and_functions(document):
    text = read(document)
    names = set(re.findall(r"`([A-Z][A-Z0-9]*_[A-Z0-9_]+)`", text)) - {"NEED_"}
    names |= {n for n in re.findall(r"`([a-z0-9_]+_[a-z0-9_]+)\(\)`", text)}
    assert [n for n in sorted(names) if not re.search(rf"\b{n}\b", CODE)] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_paths(document):
    """`src/x`, `probe/token` (a module: its header), tests/x, with patterns and <names> passed over."""
    missing = []
    for path in sorted(set(re.findall(rf"`({FOLDERS}/[\w./*-]*)`", read(document)))):
        places = [path, f"src/{path}", f"src/{path}.h", f"src/{path}.c"]
        if not any(glob.glob(os.path.join(TOP, p)) for p in places):
            missing.append(path)
    if document == "STYLE.md":  # its examples are of no document's duty to exist
        missing = [p for p in missing if not p.startswith("tests/corpus/")]
    assert missing == []


def test_targets_of_make():
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.M))
    named = {t for d in DOCUMENTS for t in re.findall(r"(?:^    |`|sudo )make ([a-z-]+)", read(d), re.M)}
    assert named and named <= targets
    shown = set(re.findall(r'"make ([a-z-]+)', read("Makefile")))
    assert targets - {"all", "help"} == shown


def test_options_of_the_readme():
    options = set(re.findall(r"(?<![\w-])--([a-z][a-z-]+)", read("README.md")))
    known = set(re.findall(r'{"([a-z][a-z-]+)",', CODE))
    assert options and options <= known, options - known


def test_layers_table():
    """ARCHITECTURE.md, tools/check-layers and the folders say the same."""
    text = read("ARCHITECTURE.md")
    rows = dict(re.findall(r"^\| `([a-z]+)` \|[^|]*\| ([^|]*) \|", text, re.M))
    tool = dict(re.findall(r'^    "([a-z]+)": \(\[([^\]]*)\]', read("tools/check-layers"), re.M))
    folders = {os.path.basename(os.path.dirname(p)) for p in glob.glob(f"{TOP}/src/*/meson.build")}
    assert folders - {"cmd"} == set(tool) == set(rows)
    for layer, layers in tool.items():
        used = {word for word in re.split(r",\s*", rows[layer]) if word in tool}
        assert used == set(re.findall(r"[a-z]+", layers)), layer


def test_lengths():
    assert len(read("ARCHITECTURE.md").splitlines()) <= 280
    assert len(read("STYLE.md").splitlines()) <= 150


def test_front_page_names_every_page_and_command():
    page = read("man/postern.1")
    also = set(re.findall(r"^\.Xr (\S+) (\d)", page[page.index(".Sh SEE ALSO"):page.index(".Sh STANDARDS")], re.M))
    pages = {tuple(os.path.basename(p).rsplit(".", 1)) for p in glob.glob(f"{TOP}/man/postern*.[157]")}
    assert also == pages - {("postern", "1")}
    commands = set(re.findall(r'^    \{"(\w+)", "', read("src/cmd/postern/commands.c"), re.M))
    assert commands and commands == set(re.findall(r"^\.It Cm (\w+)$", page, re.M))
