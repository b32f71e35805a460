# SPDX-License-Identifier: GPL-3.0-or-later
"""What a list costs in memory: the image that bench-zone compiles, and rbldnsd with the same
addresses as an ip4set. Ours is the file, which all workers map and share; rbldnsd's is what its
process grew by since it held one address. Its file has no evidence in it, ours has an id for each."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
COUNTS = (1000000, 10000000)
PROGRAM_SECONDS = 120
LOAD_SECONDS = 60  # for rbldnsd and the largest list


class ZoneError(Exception):
    pass


def build_program(build):
    program = os.path.join(build, "bench-zone")
    libraries = [os.path.join(build, "src", n, f"lib{n}.a") for n in ("zone", "dns", "base")]
    if missing := [p for p in libraries if not os.path.exists(p)]:
        raise ZoneError(f"no {missing[0]}: build it first (make)")
    r = subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror",
                        "-Wno-missing-field-initializers", "-I", os.path.join(TOP, "src"), "-o",
                        program, os.path.join(HERE, "zone.c"), *libraries, "-lpcre2-8", "-ljansson",
                        "-lcrypto"], capture_output=True, text=True, check=False)
    if r.returncode != 0:
        raise ZoneError(f"bench-zone does not compile: {r.stderr.strip().splitlines()[-1]}")
    return program


def images(program):
    r = subprocess.run([program, *map(str, COUNTS)], capture_output=True, text=True, check=False,
                       timeout=PROGRAM_SECONDS)
    if r.returncode != 0:
        raise ZoneError(r.stderr.strip() or f"bench-zone: exit status {r.returncode}")
    return json.loads(r.stdout)


def _question(name):
    labels = b"".join(bytes([len(x)]) + x.encode() for x in name.split("."))
    return b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + labels + b"\0\0\1\0\1"


def _resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


def _free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def _served(path):
    """rbldnsd's memory in KiB once it answers from the file, and the seconds until then."""
    port = _free_port()
    started = time.monotonic()
    p = subprocess.Popen(["rbldnsd", "-n", "-q", "-b", f"127.0.0.1/{port}",
                          f"bl.example.org:ip4set:{path}"], stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.05)
            s.connect(("127.0.0.1", port))
            while time.monotonic() - started < LOAD_SECONDS and p.poll() is None:
                try:
                    s.send(_question("1.0.0.127.bl.example.org"))
                    s.recv(512)
                    return _resident_kib(p.pid), time.monotonic() - started
                except OSError:  # not yet bound, or not yet answering
                    time.sleep(0.01)
        raise ZoneError("rbldnsd does not answer")
    finally:
        p.terminate()
        p.wait()


def rbldnsd(program):
    found = []
    with tempfile.TemporaryDirectory(prefix="postern-bench-") as folder:
        os.chmod(folder, 0o755)  # rbldnsd reads as a user of its own
        path = os.path.join(folder, "list")
        for count in (1, *COUNTS):
            subprocess.run([program, "--write", path, str(count)], check=True)
            with open(path, encoding="ascii") as f:
                lines = sum(1 for _ in f) - 1
            kib, seconds = _served(path)
            found.append({"listings": lines, "kib": kib, "seconds": round(seconds, 3)})
    base = found.pop(0)["kib"]
    for one in found:
        one["octets"] = round((one["kib"] - base) * 1024 / one["listings"], 2)
    return found


def measure_all(build):
    program = build_program(build)
    return {"image": images(program), "rbldnsd": rbldnsd(program) if shutil.which("rbldnsd") else None}


def rows(r, row):
    """`row` makes one: what, ours, the other's, the ratio, the figure to reach, whether it is a least."""
    found = []
    for i, image in enumerate(r["image"]):
        other = r["rbldnsd"][i] if r["rbldnsd"] else None
        name = f"list of {round(image['listings'] / 1e6)} M"
        octets = round(image["octets"], 2)
        found += [
            row(f"{name}: octets a listing, with evidence (rbldnsd: without)", octets,
                other and other["octets"], want=8.5, least=False),
            row(f"{name}: ms to compile from memory (rbldnsd: to load its file)", image["compile_sorted_ms"],
                other and round(other["seconds"] * 1000), want=1000, least=False),
            row(f"{name}: ms to open", image["open_ms"], None, want=50, least=False),
            row(f"{name}: ns a look-up", image["find_ns"], None,
                want=100 if i == 0 else None, least=False),
        ]
    return found
