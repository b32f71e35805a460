# SPDX-License-Identifier: GPL-3.0-or-later
"""Package roots: one Debian base, and above it one layer of installed packages per server.

Debian's mail servers exclude each other, so each gets a root of its own. A root is never written to
after it was made: a running server has a throw-away upper layer on top. Roots live in the cache and
are keyed by suite, sources and package list, so that the second run needs no network and a changed
list makes a new root. Nothing is ever installed on the host.
"""

import contextlib
import fcntl
import glob
import hashlib
import os
import re
import shutil
import subprocess
import threading
import time

import kernel

# Parts of the packages that no mail server reads.
DPKG_CFG = """\
force-unsafe-io
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
path-include=/usr/share/locale/locale.alias
"""
BASE_PACKAGES = ["ca-certificates", "openssl", "perl", "netbase", "adduser", "procps", "iproute2",
                 "nftables", "knot", "python3-minimal", "ssl-cert"]
PRUNE_AFTER = 86400
FORMAT = 4      # raise it when the way of making roots changes


class RootError(Exception):
    """A root could not be made; the text says which and why."""


def default_cache():
    return os.environ.get("POSTERN_LAB_CACHE") or os.path.expanduser("~/.cache/postern-lab")


def host_sources():
    """The Debian sources of this host, without third-party ones: (suite, one-line list)."""
    with open("/etc/os-release") as f:
        suite = re.search(r"^VERSION_CODENAME=(.*)$", f.read(), re.M).group(1).strip('"')
    out = subprocess.run(
        ["apt-get", "indextargets", "--format",
         "$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(SIGNED_BY)", "Created-By: Packages"],
        capture_output=True, text=True, check=False).stdout
    lines = []
    for row in out.splitlines():
        origin, uri, release, component, _ = row.split("|")
        line = f"deb {uri.rstrip('/')} {release} {component}"
        if origin == "Debian" and release.startswith(suite) and line not in lines:
            lines.append(line)
    if not any(line.split()[2] == suite for line in lines):
        lines.insert(0, f"deb http://deb.debian.org/debian {suite} main")
    return suite, lines


def registry_answers(sources):
    """True if the package registry can be reached (asked through apt itself)."""
    uri, suite = sources[0].split()[1:3]
    with contextlib.suppress(subprocess.SubprocessError, OSError):
        helper = "/usr/lib/apt/apt-helper"
        target = f"/tmp/postern-lab-release.{os.getpid()}"
        try:
            r = subprocess.run([helper, "-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=10",
                                "download-file", f"{uri}/dists/{suite}/InRelease", target],
                               capture_output=True, timeout=40, check=False)
            return r.returncode == 0
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(target)
    return False


def _digest(*parts):
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


class Roots:
    """The cache of roots. layers: name -> object with `packages` and, optionally, `prepare`."""

    def __init__(self, cache, servers, say=lambda text: None):
        self.cache = os.path.abspath(cache)
        self.servers = servers
        self.say = say
        self.programs = None    # folder of the build that is tested, for servers of ours
        self.suite, self.sources = host_sources()
        self.base_key = _digest(str(FORMAT), self.suite, *self.sources, *BASE_PACKAGES)
        self._locks = {}
        self._guard = threading.Lock()
        os.makedirs(self.cache, exist_ok=True)

    def path(self, name):
        if name == "base":
            return os.path.join(self.cache, f"base-{self.suite}-{self.base_key}")
        s = self.servers[name]
        key = _digest(self.base_key, *s.PACKAGES, getattr(s, "PREPARE", ""))
        return os.path.join(self.cache, f"{name}-{self.suite}-{key}")

    def on_host(self, name):
        """True if the server runs on the host's own files."""
        return getattr(self.servers.get(name), "HOST", False)

    def ready(self, name):
        if self.on_host(name):
            return True
        return os.path.exists(os.path.join(self.path(name), ".ready"))

    def lowerdirs(self, name):
        """The directories of a root, topmost first, for overlayfs."""
        if self.on_host(name):
            return ["/"]
        base = os.path.join(self.path("base"), "root")
        if name == "base":
            return [base]
        top = self.path(name)
        if os.path.exists(os.path.join(top, "whole")):
            return [os.path.join(top, "root")]
        return [os.path.join(top, "root"), base]

    def ensure(self, name):
        """Makes the root unless it is there. Safe from several threads and processes."""
        if self.ready(name):
            return
        if name != "base":
            self.ensure("base")
        with self._guard:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock, self._file_lock(name):
            if self.ready(name):
                return
            started = time.monotonic()
            final = self.path(name)
            shutil.rmtree(final, ignore_errors=True)
            os.makedirs(final)
            (self._make_base if name == "base" else self._make_layer)(name, final)
            with open(os.path.join(final, ".ready"), "w") as f:
                f.write(" ".join(self.servers[name].PACKAGES if name != "base" else BASE_PACKAGES))
            self._prune(name, final)
            self.say(f"root {name}: made in {time.monotonic() - started:.0f} s")

    def _prune(self, name, keep):
        """Removes roots of this name that another package list or base made and none used lately."""
        for other in glob.glob(os.path.join(self.cache, f"{name}-{self.suite}-*")):
            with contextlib.suppress(OSError):
                if other != keep and time.time() - os.path.getmtime(other) > PRUNE_AFTER:
                    shutil.rmtree(other)

    @contextlib.contextmanager
    def _file_lock(self, name):
        with open(os.path.join(self.cache, f"{name}.lock"), "w") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            yield

    def _make_base(self, _, final):
        root, log = os.path.join(final, "root"), os.path.join(final, "log")
        command = ["mmdebstrap", "--mode=root", "--variant=apt", "--aptopt=Acquire::Retries 3",
                   "--include=" + ",".join(["apt", "ca-certificates"]), self.suite, root, "-"]
        for line in DPKG_CFG.splitlines():
            command.insert(3, f"--dpkgopt={line}")
        with open(log, "wb") as out:
            r = subprocess.run(command, input="\n".join(self.sources).encode() + b"\n",
                               stdout=out, stderr=subprocess.STDOUT, check=False)
        if r.returncode != 0:
            raise RootError(f"base: mmdebstrap failed: {_tail(log)}")
        _write(os.path.join(root, "usr/sbin/policy-rc.d"), "#!/bin/sh\nexit 101\n", 0o755)
        _write(os.path.join(root, "etc/apt/sources.list"), "\n".join(self.sources) + "\n")
        _write(os.path.join(root, "etc/dpkg/dpkg.cfg.d/lab"), DPKG_CFG)
        _write(os.path.join(root, "etc/apt/apt.conf.d/99lab"), _host_proxies())
        with _mounted(root):
            _apt(root, log, ["update"])
            _apt(root, log, ["install", *BASE_PACKAGES])
            _own_authorities(root, log)
        _clean(root)

    def _make_layer(self, name, final):
        server, log = self.servers[name], os.path.join(final, "log")
        base = os.path.join(self.path("base"), "root")
        upper, work, merged = (os.path.join(final, d) for d in ("root", "work", "merged"))
        for d in (upper, work, merged):
            os.makedirs(d)
        overlay = True
        try:
            kernel.mount("overlay", merged, "overlay",
                         options=f"lowerdir={base},upperdir={upper},workdir={work}")
        except OSError:
            # The cache's file system is no good as an upper layer (itself an overlay, NFS, ...).
            overlay = False
            os.rmdir(upper)
            _write(os.path.join(final, "whole"), "this root needs no base below it\n")
            subprocess.run(["cp", "-a", base, upper], check=True)
        root = merged if overlay else upper
        try:
            with _mounted(root):
                if getattr(server, "DEBCONF", ""):
                    subprocess.run(["chroot", root, "debconf-set-selections"], input=server.DEBCONF,
                                   text=True, check=True)
                try:
                    _apt(root, log, ["install", *server.PACKAGES])
                except RootError:       # the base's package lists have grown old
                    _apt(root, log, ["update"])
                    _apt(root, log, ["install", *server.PACKAGES])
                if getattr(server, "PREPARE", ""):
                    _run(root, log, ["sh", "-euc", server.PREPARE])
            _clean(root)
        finally:
            if overlay:
                kernel.umount(merged)
        shutil.rmtree(work, ignore_errors=True)
        os.rmdir(merged)


@contextlib.contextmanager
def _mounted(root):
    """/proc, /dev and name resolution inside a root while packages are being installed."""
    for d in ("proc", "dev"):
        os.makedirs(os.path.join(root, d), exist_ok=True)
    kernel.mount("proc", os.path.join(root, "proc"), "proc")
    kernel.mount("/dev", os.path.join(root, "dev"), flags=kernel.MS_BIND | kernel.MS_REC)
    with contextlib.suppress(OSError):
        shutil.copyfile("/etc/resolv.conf", os.path.join(root, "etc/resolv.conf"))
    try:
        yield
    finally:
        kernel.umount(os.path.join(root, "dev"))
        kernel.umount(os.path.join(root, "proc"))


def _apt(root, log, words):
    _run(root, log, ["apt-get", "-q", "-y", "-o", "Acquire::Retries=3",
                     "--no-install-recommends", *words])


def _run(root, log, command):
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C",
           "DEBIAN_FRONTEND": "noninteractive",
           "NODE_EXTRA_CA_CERTS": "/etc/ssl/certs/ca-certificates.crt"}
    for name in ("http_proxy", "https_proxy", "no_proxy", "npm_config_registry"):
        for v in (name, name.upper()):
            if os.environ.get(v):
                env[v] = os.environ[v]
    with open(log, "ab") as out:
        r = subprocess.run(["chroot", root, *command], stdin=subprocess.DEVNULL, stdout=out,
                           stderr=subprocess.STDOUT, env=env, check=False)
    if r.returncode != 0:
        raise RootError(f"{os.path.basename(os.path.dirname(log)).split('-')[0]}: "
                        f"{command[0]} failed: {_tail(log)}")


def _clean(root):
    """Drops what every layer would carry for nothing; keeps the package lists of the base."""
    for f in ("var/cache/apt/pkgcache.bin", "var/cache/apt/srcpkgcache.bin"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(root, f))
    archives = os.path.join(root, "var/cache/apt/archives")
    for f in os.listdir(archives):
        if f.endswith(".deb"):
            os.unlink(os.path.join(archives, f))


def _host_proxies():
    """The host's apt settings for reaching its mirror, as lines of apt.conf."""
    out = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False).stdout
    keep = [l for l in out.splitlines()
            if re.match(r"Acquire::(https?|ftp)::(Proxy|Timeout|CaInfo|Verify)", l, re.I)
            and not l.endswith('"";')]
    return "\n".join(keep) + "\n"


def _own_authorities(root, log):
    """Copies the CA certificates that this host's admin added: a mirror may need them."""
    own = "/usr/local/share/ca-certificates"
    if os.path.isdir(own) and os.listdir(own):
        shutil.copytree(own, root + own, dirs_exist_ok=True)
        _run(root, log, ["update-ca-certificates"])


def _write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)


def _tail(log, lines=3):
    """What a log says of a failure: its lines marked as errors, else its last ones."""
    with open(log, "rb") as f:
        text = f.read().decode("utf-8", "replace").strip().splitlines()
    marked = [l for l in text if re.match(r"(E:|npm ERR! (code|request|network))", l)]
    return " / ".join((marked or text)[-lines:])
