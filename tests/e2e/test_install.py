# SPDX-License-Identifier: GPL-3.0-or-later
"""`make install`: every program, page and row gets to its place, and nothing else does."""

import filecmp
import glob
import os
import re
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def names(folder, pattern):
    return sorted(os.path.relpath(p, folder) for p in glob.glob(f"{folder}/{pattern}", recursive=True)
                  if os.path.isfile(p))


def test_install(build, tmp_path):
    subprocess.run(["meson", "install", "-C", build.folder, "--no-rebuild", "--quiet", "--destdir",
                    str(tmp_path)], check=True, stdout=subprocess.DEVNULL)
    prefix = glob.glob(f"{tmp_path}/**/bin/postern", recursive=True)[0].removesuffix("/bin/postern")

    assert names(f"{prefix}/bin", "**") == ["postern"]
    programs = names(build.folder, "postern-*")
    assert names(f"{prefix}/libexec/postern", "**") == programs and "postern-test" in programs

    data = names(f"{TOP}/data", "*/**")
    assert names(f"{prefix}/share/postern", "**") == data and data
    for name in data:
        assert filecmp.cmp(f"{TOP}/data/{name}", f"{prefix}/share/postern/{name}", shallow=False)

    pages = names(f"{TOP}/man", "*.[157]")
    assert sorted(map(os.path.basename, names(f"{prefix}/share/man", "**"))) == pages
    units = names(f"{prefix}/lib/systemd/system", "**")
    assert units == [f"postern-{name}" for name in ("decoy.service", "dns.service", "gate.service",
                                                    "list.service", "list.timer", "policy.service",
                                                    "sink.service")]
    assert names(f"{prefix}/lib/sysusers.d", "**") == ["postern.conf"]
    everything = names(prefix, "**")
    assert len(everything) == 1 + len(programs) + len(data) + len(pages) + len(units) + 1
    for name in everything:
        mode = os.stat(f"{prefix}/{name}").st_mode & 0o7777
        assert mode == (0o755 if "bin/" in name or "libexec/" in name else 0o644), name


def test_units_start_what_is_there(build):
    """What a unit starts is a program of ours with options that it knows."""
    for unit in glob.glob(f"{build.folder}/dist/*.service"):
        with open(unit) as f:
            text = f.read()
        assert "@" not in text.replace("@system-service", ""), unit
        words = re.search(r"^ExecStart=(\S+) (\S+) ?(.*)$", text, re.M)
        assert words and words[1].endswith("/bin/postern"), unit
        got = subprocess.run([f"{build.folder}/postern", words[2], "--help"], capture_output=True,
                             text=True, check=True)
        for option in re.findall(r"--[\w-]+", words[3]):
            assert option in got.stdout, (unit, option)


def test_the_build_finds_its_data(build):
    """The build folder's data are links: an edited row counts at once."""
    for name in names(f"{TOP}/data", "*/**"):
        assert os.path.samefile(f"{TOP}/data/{name}", f"{build.folder}/data/{name}")
