#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real configuration files of public projects through postern audit: a table, a line each.

    tests/audit/real.py [--postern PROGRAM] [NAME...]

The files are not ours to hand on, so they are read from copies of the projects' repositories in
~/.cache/postern-corpora ($POSTERN_CORPORA), OWNER+NAME each: a clone, a bare one, or one called
"repo" below it. A row whose repository is not there is skipped and says what to clone. Templates and
installers' scripts are filled in here as the projects themselves do, with the values that they ship.

The verdict must be one of `expect`, no finding may be worse, and each file must take less than 0.1 s.
"quiet" rows must have no finding at all that counts. tests/e2e/test_audit_real.py runs the same.
"""

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.environ.get("POSTERN_CORPORA") or os.path.expanduser("~/.cache/postern-corpora")
LIMIT = 0.1     # seconds a configuration may take
WORDS = ["clean", "latent", "half-open", "nat", "forged-sender", "open"]

# What the distribution's package lays down before a project's installer comes.
DEBIAN_MAIN = """\
smtpd_banner = $myhostname ESMTP $mail_name
biff = no
append_dot_mydomain = no
compatibility_level = 3.6
smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated defer_unauth_destination
myhostname = box.example.com
alias_maps = hash:/etc/aliases
mydestination = $myhostname, localhost
mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128
inet_interfaces = all
inet_protocols = all
"""
DEBIAN_MASTER = "smtp      inet  n       -       y       -       -       smtpd\n"


class Absent(Exception):
    """A repository is not in the cache; the text says which and how to get it."""


def git_folder(repo):
    base = os.path.join(CACHE, repo.replace("/", "+"))
    for sub in (".git", "repo", ""):
        if os.path.exists(os.path.join(base, sub, "HEAD")):
            return os.path.join(base, sub)
    raise Absent(f"no copy of {repo}: git clone --depth 1 https://github.com/{repo} {base}")


def git(repo, *words):
    r = subprocess.run(["git", f"--git-dir={git_folder(repo)}", *words], capture_output=True,
                       check=False)
    if r.returncode != 0:
        raise Absent(f"{repo}: {' '.join(words)}: {r.stderr.decode().strip()}")
    return r.stdout.decode("utf-8", "surrogateescape")


def listed(repo, pattern):
    return [p for p in git(repo, "ls-tree", "-r", "--name-only", "HEAD").splitlines()
            if re.fullmatch(pattern, p)]


# --- what projects do with their files before a server reads them ----------------------------------

def template(text, values):
    """Enough of Jinja and of the Template Toolkit for these files. values: condition -> bool,
    expression -> text."""
    text = re.sub(r"\{#.*?#\}", "", text, flags=re.S)
    tokens = re.split(r"(\{%-?.*?-?%\}|\{\{-?.*?-?\}\}|\[%-?.*?-?%\])", text, flags=re.S)
    out, taken = [], []

    def word(t):
        return t[2:-2].strip("- \n") if t[:2] in ("{%", "{{") else t[2:-2].strip("- \n")
    for t in tokens:
        live = all(taken)
        if t[:2] not in ("{%", "{{", "[%") or not re.fullmatch(r"[\[{].*[\]}]", t, re.S):
            out += [t] if live else []
            continue
        w = word(t)
        first = w.split(None, 1)[0].lower() if w else ""
        if first == "if":
            taken.append(bool(values.get(w.split(None, 1)[1], False)))
        elif first == "else":
            taken[-1] = not taken[-1]
        elif first in ("endif", "end"):
            taken.pop()
        elif live:
            out.append(values[w])
    return "".join(out)


def marks(text, values):
    """PH_NAME words as iRedMail's installer fills them."""
    return re.sub(r"PH_[A-Z0-9_]+", lambda m: values.get(m[0], "/etc/" + m[0].lower()), text)


def command_end(script, at):
    """The rest of a shell command: to the newline that is neither quoted nor escaped."""
    quote, i = None, at
    while i < len(script):
        c = script[i]
        if c == "\\" and quote != "'":
            i += 1
        elif quote:
            quote = None if c == quote else quote
        elif c in "'\"":
            quote = c
        elif c == "\n":
            break
        i += 1
    return script[at:i].replace("\\\n", " ")


def editconf(script, values, main, master):
    """main.cf and master.cf after the lines "tools/editconf.py FILE [-e] [-s] [-w] name=value ..."."""
    script = re.sub(r"^#.*\n", "", script, flags=re.M)
    for m in re.finditer(r"^tools/editconf\.py (/etc/postfix/\S+)", script, re.M):
        body = re.sub(r"\$(\w+)", lambda v: values.get(v[1], v[0]), command_end(script, m.end()))
        for w in shlex.split(body):
            name, sep, value = w.partition("=")
            if not sep:
                continue
            if m[1].endswith("master.cf"):    # the value has its own lines
                master += f"{name} {value}\n"
            else:
                main = re.sub(rf"^{re.escape(name)}\s*=.*\n", "", main, flags=re.M)
                main += f"{name} = {value}\n" if value or "-e" not in body else ""
    return main, master


def postconf(script, main):
    """main.cf after the lines "postconf -e name=value" that stand at the left margin."""
    for line in script.splitlines():
        if line.startswith("postconf -e "):
            name, _, value = shlex.split(line)[2].partition("=")
            name = name.strip()
            main = re.sub(rf"^{re.escape(name)}\s*=.*\n", "", main, flags=re.M)
            main += f"{name} = {value.strip()}\n"
    return main


# --- the rows ---------------------------------------------------------------------------------------

class Row:
    def __init__(self, name, repo, expect, files, paths, args=(), ids=(), quiet=False, note=""):
        self.name, self.repo, self.expect = name, repo, expect.split()
        self.files, self.paths, self.args = files, paths, list(args)
        self.ids, self.quiet, self.note = list(ids), quiet, note


def show(repo, path):
    return git(repo, "show", f"HEAD:{path}")


def mailcow(compose=False):
    repo = "mailcow/mailcow-dockerized"
    d = "opt/postfix/conf/"
    files = {d + "main.cf": show(repo, "data/conf/postfix/main.cf"),
             d + "master.cf": show(repo, "data/conf/postfix/master.cf")}
    if compose:
        files["srv/docker-compose.yml"] = show(repo, "docker-compose.yml")
    return files


def dms(permit, compose=True):
    repo = "docker-mailserver/docker-mailserver"
    main = show(repo, "target/postfix/main.cf")
    nets = {"none": "", "container": " 172.20.0.2/32", "host": " 172.20.0.0/16",
            "network": " 172.16.0.0/12"}[permit]
    was = re.search(r"^mynetworks = (.*)$", main, re.M)[1]
    main = re.sub(r"^mynetworks = .*$", f"mynetworks = {was if nets else ''}{nets}", main, flags=re.M)
    files = {"etc/postfix/main.cf": main,
             "etc/postfix/master.cf": show(repo, "target/postfix/master.cf")}
    if compose:
        files["srv/compose.yaml"] = show(repo, "compose.yaml")
        files["srv/mailserver.env"] = re.sub(r"^PERMIT_DOCKER=.*$", f"PERMIT_DOCKER={permit}",
                                             show(repo, "mailserver.env"), flags=re.M)
    return files


def dms_compose(permit):
    return {k: v for k, v in dms(permit).items() if k.startswith("srv/")}


MAILU = {"DOMAIN": "example.com", 'HOSTNAMES.split(",")[0]': "mail.example.com",
         "MESSAGE_SIZE_LIMIT": "50000000", "SUBNET": "192.168.203.0/24", "RELAYHOST": "",
         "RECIPIENT_DELIMITER": "+", "OUTBOUND_TLS_LEVEL|default('dane')": "dane",
         "'dane' if DEFER_ON_TLS_ERROR else 'may'": "dane", "FRONT_ADDRESS": "front",
         "ANTISPAM_ADDRESS": "antispam", '"\\n"': "\n"}


def mailu():
    repo = "Mailu/Mailu"
    return {"etc/postfix/main.cf": template(show(repo, "core/postfix/conf/main.cf"), MAILU),
            "etc/postfix/master.cf": template(show(repo, "core/postfix/conf/master.cf"), MAILU)}


def bokysan(networks, domains="example.org"):
    """What image_root/scripts/functions.sh sets with ALLOWED_SENDER_DOMAINS."""
    script = show("bokysan/docker-postfix", "image_root/scripts/functions.sh")
    main = "compatibility_level = 3.6\nmyhostname = relay.example.org\nmydestination = localhost\n"
    main += f"mynetworks = {networks}\n"
    for name, value in re.findall(r'^\s*do_postconf -e "?(smtpd_\w+)=([^"\n]*)"?$', script, re.M):
        if "restrictions" in name:
            value = value.replace("$allowed_senders", "/etc/postfix/allowed_senders")
            main += f"{name} = {value.replace('$smtpd_sasl ', '')}\n"
    return {"etc/postfix/main.cf": main,
            "etc/postfix/master.cf": show("bokysan/docker-postfix", "image_root/postfix/master.cf"),
            "etc/postfix/allowed_senders": "".join(f"{d}\tOK\n" for d in domains.split())}


def allow_all():
    """nabovarme's own script on top of that image."""
    files = bokysan("127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16", "meterlogger")
    files["etc/postfix/main.cf"] = postconf(
        show("nabovarme/MeterLoggerWeb", "postfix/postfix_custom_config/allow_all.sh"),
        files["etc/postfix/main.cf"])
    return files


SIMPLELOGIN = {"env['POSTFIX_CUSTOM_DATA_DIRECTORY']": "/etc/postfix",
               "env['POSTFIX_FQDN']": "app.example.com",
               "env['ALIASES_DEFAULT_DOMAIN']": "example.com", "env['MYNETWORKS']": "127.0.0.0/8"}


def simplelogin(nets):
    text = template(show("simple-login/simplelogin-postfix-docker", "templates/postfix/main.cf"),
                    {**SIMPLELOGIN, "use_mynetworks": nets})
    return {"etc/postfix/main.cf": text, "etc/postfix/master.cf": DEBIAN_MASTER}


def iredmail(backend):
    repo = "iredmail/iRedMail"
    text = show(repo, "samples/postfix/main.cf")
    if backend:
        text += show(repo, f"samples/postfix/main.cf.{backend}")
    values = {"PH_HOSTNAME": "mail.example.com", "PH_IREDAPD_SERVER_ADDRESS": "127.0.0.1",
              "PH_IREDAPD_LISTEN_PORT": "7777", "PH_DOVECOT_SERVICE_QUOTA_STATUS_PORT": "12340",
              "PH_POSTFIX_DEFAULT_DB_TYPE": "hash", "PH_POSTFIX_FILE_ALIASES": "/etc/aliases",
              "PH_SYS_USER_VMAIL_UID": "2000", "PH_SYS_GROUP_VMAIL_GID": "2000",
              "PH_MESSAGE_SIZE_LIMIT_BYTES": "15728640", "PH_LOCAL_ADDRESS": "127.0.0.1",
              "PH_POSTFIX_MAIL_REINJECT_PORT": "10025", "PH_AMAVISD_MAX_SERVERS": "2",
              "PH_AMAVISD_MYNETWORKS": "127.0.0.0/8", "PH_AMAVISD_ORIGINATING_PORT": "10026",
              "PH_SMTP_SERVER": "127.0.0.1", "PH_POSTFIX_MLMMJ_REINJECT_PORT": "10028",
              "PH_AMAVISD_CONTENT_FILTER_ORIGINATING": "smtp-amavis:[127.0.0.1]:10026"}
    return {"etc/postfix/main.cf": marks(text, values), "etc/aliases": "root: keeper\n",
            "etc/postfix/master.cf": DEBIAN_MASTER
            + marks(show(repo, "samples/postfix/master.cf"), values)}


def mailinabox():
    values = {"PRIMARY_HOSTNAME": "box.example.com", "PRIVATE_IP": "192.0.2.5",
              "PRIVATE_IPV6": "2001:db8::5", "STORAGE_ROOT": "/home/user-data"}
    main, master = editconf(show("mail-in-a-box/mailinabox", "setup/mail-postfix.sh"), values,
                            DEBIAN_MAIN, DEBIAN_MASTER)
    return {"etc/postfix/main.cf": main, "etc/postfix/master.cf": master}


class Values(dict):
    """Conditions are false and words are 1 unless given."""

    def __missing__(self, key):
        return "1"


def pmg():
    repo = "proxmox/pmg-api"
    v = Values({"dns.domain": "example.com", "dns.hostname": "pmg", "pmg.mail.banner": "ESMTP",
                "postfix.int_ip": "192.168.1.2", "postfix.mynetworks": "127.0.0.0/8, [::1]/128, 192.168.1.0/24",
                "pmg.mail.int_port": "26", "pmg.mail.ext_port": "25"})
    domains = {"etc/pmg/domains": "example.com x\n", "etc/pmg/transport": "", "etc/aliases": "",
               "etc/postfix/postscreen_access": "", "etc/postfix/clientaccess": "",
               "etc/postfix/senderaccess": "", "etc/postfix/rcptaccess": "",
               "etc/pmg/tls_inbound_domains": ""}
    return {"etc/postfix/main.cf": template(show(repo, "src/templates/main.cf.in"), v),
            "etc/postfix/master.cf": template(show(repo, "src/templates/master.cf.in"), v), **domains}


def courier():
    return {"etc/courier/smtpaccess/default":
            show("svarshavchik/courier", "courier/courier/smtpaccess.config"),
            "etc/courier/esmtpd": "ESMTPDSTART=YES\nPORT=smtp\nACCESSFILE=${sysconfdir}/smtpaccess\n",
            "etc/courier/me": "mx.example.com\n", "etc/courier/locals": "example.com\n",
            "etc/courier/esmtpacceptmailfor.dir/lab": "example.com\n"}


def james(folder, *names):
    repo = "apache/james-project"
    return {f"conf/{n}": show(repo, f"{folder}/{n}") for n in names or
            ("smtpserver.xml", "mailetcontainer.xml")}


def one(repo, path, at):
    return {at: show(repo, path)}


def haconiwa():
    repo = "FastContainer/nginx-haconiwa"
    main = show(repo, "containers/postfix/main.cf").rstrip("\n") + "\n"
    script = show(repo, "containers/postfix/entry.sh").replace('"$maildomain"', "mail.example.com")
    return {"etc/postfix/main.cf": postconf(script, main), "etc/postfix/master.cf": DEBIAN_MASTER}


def rows():
    pf = ["/etc/postfix"]
    name = ["--host-name", "mail.example.com"]
    bridge = ["--interface", "172.22.1.253/24", "--interface", "172.22.1.253/24"]
    r = [
        Row("mailcow", "mailcow/mailcow-dockerized", "clean latent", mailcow, ["/opt/postfix/conf"],
            [*name, *bridge]),
        Row("mailcow-compose", "mailcow/mailcow-dockerized", "clean latent nat",
            lambda: mailcow(True), ["/srv/docker-compose.yml", "/opt/postfix/conf"],
            [*name, *bridge]),
        *(Row(f"dms-{p}", "docker-mailserver/docker-mailserver", e, lambda p=p: dms(p),
              ["/srv/compose.yaml", "/etc/postfix"], name, note="main.cf as the image fills it in")
          for p, e in (("none", "clean"), ("container", "clean latent"), ("host", "nat"),
                       ("network", "nat"))),
        *(Row(f"dms-env-{p}", "docker-mailserver/docker-mailserver", e,
              lambda p=p: dms_compose(p), ["/srv/compose.yaml"], name)
          for p, e in (("none", "clean"), ("container", "clean latent"), ("host", "nat"),
                       ("network", "nat"))),
        Row("mailu", "Mailu/Mailu", "latent nat half-open", mailu, pf, name, ids=["PF13"]),
        Row("bokysan-default", "bokysan/docker-postfix", "nat",
            lambda: bokysan("127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16"), pf, name),
        Row("bokysan-one-net", "bokysan/docker-postfix", "clean latent",
            lambda: bokysan("1.1.1.1/32"), pf, name),
        Row("bokysan-non-allowed", "bokysan/docker-postfix", "clean latent nat",
            lambda: one("bokysan/docker-postfix",
                        "integration-tests/non-allowed-networks/docker-compose.yml",
                        "srv/docker-compose.yml"), ["/srv/docker-compose.yml"]),
        Row("nabovarme", "nabovarme/MeterLoggerWeb", "nat", allow_all, pf, name),
        Row("simplelogin-subnet", "simple-login/simplelogin-postfix-docker", "clean latent nat",
            lambda: simplelogin(False), pf, [*name, "--interface", "172.17.0.2/16"]),
        Row("simplelogin-own", "simple-login/simplelogin-postfix-docker", "clean",
            lambda: simplelogin(True), pf, name),
        *(Row(f"iredmail-{b or 'plain'}", "iredmail/iRedMail", "clean", lambda b=b: iredmail(b), pf,
              name, quiet=True) for b in ("", "mysql", "ldap", "pgsql")),
        Row("mailinabox", "mail-in-a-box/mailinabox", "clean", mailinabox, pf, name, quiet=True),
        Row("pmg", "proxmox/pmg-api", "clean latent half-open", pmg, pf, name),
        Row("pmg-published-25", "proxmox/pmg-api", "clean latent half-open", pmg, pf,
            [*name, "--published", "25"]),
        Row("courier", "svarshavchik/courier", "nat", courier, ["/etc/courier"], ids=["CO01"]),
        *(Row(f"james-{n}", "apache/james-project", e, lambda d=d, f=f: james(d, *f), ["/conf"])
          for n, d, f, e in (
              ("assembly", "examples/custom-james-assembly/sample-configuration", (),
               "clean latent half-open"),
              ("jpa", "server/apps/jpa-app/sample-configuration", (), "clean latent half-open"),
              ("distributed", "server/apps/distributed-app/sample-configuration", (),
               "clean latent half-open"),
              ("demo", "server/apps/demo", ("smtpserver.xml",), "clean latent half-open"),
              ("hooks", "examples/custom-smtp-hooks/src/main/resources", ("smtpserver.xml",),
               "clean latent half-open"))),
        Row("exim-default", "Exim/exim", "clean",
            lambda: one("Exim/exim", "src/src/configure.default", "etc/exim/configure"),
            ["/etc/exim/configure"], name, quiet=True),
        Row("opensmtpd", "OpenSMTPD/OpenSMTPD", "clean",
            lambda: one("OpenSMTPD/OpenSMTPD", "usr.sbin/smtpd/smtpd.conf", "etc/smtpd.conf"),
            ["/etc/smtpd.conf"], name, quiet=True),
        *(Row(f"sendmail-{n}", "Distrotech/sendmail", "clean",
              lambda n=n: one("Distrotech/sendmail", f"cf/cf/generic-{n}.mc", f"{n}.mc"),
              [f"/{n}.mc"], name, quiet=True)
          for n in ("linux", "bsd4.4", "hpux10", "hpux9", "mpeix", "nextstep3.3", "osf1", "solaris",
                    "sunos4.1", "ultrix4")),
        Row("haconiwa", "FastContainer/nginx-haconiwa", "nat", haconiwa, pf, name),
        *(Row(f"hmailserver-{n}", "hmailserver/hmailserver", "clean",
              lambda n=n: one("hmailserver/hmailserver",
                              f"hmailserver/source/DBScripts/CreateTables{n}.sql", f"{n}.sql"),
              [f"/{n}.sql"], quiet=True) for n in ("MSSQL", "MYSQL", "PGSQL")),
        Row("haraka", "haraka/Haraka", "clean half-open",
            lambda: {f"srv/config/{f}": show("haraka/Haraka", f"config/{f}")
                     for f in ("plugins", "host_list")}, ["/srv/config"]),
    ]
    return r


# --- running them -----------------------------------------------------------------------------------

class Answer:
    def __init__(self, code, lines, error, seconds):
        self.code, self.error, self.seconds = code, error, seconds
        self.verdict = lines[-1] if lines and lines[-1].get("type") == "verdict" else {}
        self.severity = self.verdict.get("severity", f"exit {code}")
        self.findings = self.verdict.get("findings", [])


def ask(postern, root, paths, args):
    command = [postern, "audit", "--json", "--root", root, *args, *paths]
    best = None
    for _ in range(2):      # the first may wait for the disk
        started = time.monotonic()
        r = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=60,
                           check=False)
        seconds = time.monotonic() - started
        best = min(best or seconds, seconds)
    return Answer(r.returncode, [json.loads(l) for l in r.stdout.splitlines()], r.stderr.strip(), best)


def judge(row, answer):
    """What is wrong with the answer."""
    bad = []
    if answer.severity not in row.expect:
        bad.append(f"{answer.severity}, not {' or '.join(row.expect)} {answer.error[:200]}")
        bad += [f"  {f['id']} {f['severity']} {f.get('file', '')}:{f.get('line', '')} {f['why']}"
                for f in answer.findings[:5]]
    if row.quiet and answer.findings:
        bad.append(f"{len(answer.findings)} findings where there must be none")
        bad += [f"  {f['id']} {f['severity']} {f.get('file', '')}:{f.get('line', '')} {f['why']}"
                for f in answer.findings[:5]]
    for want in row.ids:
        if want not in [f["id"] for f in answer.findings]:
            bad.append(f"no finding {want}")
    if answer.seconds > LIMIT:
        bad.append(f"took {answer.seconds:.2f} s")
    return bad


def check(postern, row):
    """(answer, problems); Absent when there is no copy."""
    files = row.files()
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", errors="surrogateescape") as f:
                f.write(text)
        answer = ask(postern, root, row.paths, row.args)
    return answer, judge(row, answer)


def exim_tests(postern):
    """The configurations of Exim's own test suite: names that ended neither with a verdict nor with
    a clear error, and the slowest."""
    repo = "Exim/exim"
    names = listed(repo, r"test/confs/\d+(?:\.\w+)?")
    odd, slowest, kinds = [], 0, {}
    with tempfile.TemporaryDirectory() as root:
        subprocess.run(["git", f"--git-dir={git_folder(repo)}", "archive", "-o", f"{root}/x.tar",
                        "HEAD", "test/confs"], check=True)
        subprocess.run(["tar", "-xf", f"{root}/x.tar", "-C", root], check=True)
        for n in names:
            started = time.monotonic()
            r = subprocess.run([postern, "audit", "--json", "--kind", "exim", "--root", root, "/" + n],
                               capture_output=True, text=True, errors="replace", timeout=60,
                               check=False)
            slowest = max(slowest, time.monotonic() - started)
            last = r.stdout.splitlines()[-1:] or ["{}"]
            said = json.loads(last[0]).get("severity")
            kinds[said] = kinds.get(said, 0) + 1
            if r.returncode not in (0, 1, 2, 3, 65, 66) or not said:
                odd.append(f"{n}: exit {r.returncode} {r.stderr.strip()[:100]}")
    return len(names), odd, slowest, kinds


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--postern", default=os.path.join(TOP, "build/postern"))
    p.add_argument("names", nargs="*")
    a = p.parse_args()
    passed = failed = skipped = 0
    for row in rows():
        if a.names and row.name not in a.names:
            continue
        try:
            answer, bad = check(a.postern, row)
        except Absent as e:
            print(f"{row.name:<22} {row.repo:<42} skipped: {e}")
            skipped += 1
            continue
        print(f"{row.name:<22} {row.repo:<42} {answer.severity:<14} {answer.seconds * 1000:6.1f} ms  "
              f"{'FAIL' if bad else 'ok'}")
        for b in bad:
            print(f"    {b}")
        passed, failed = passed + (not bad), failed + bool(bad)
    if not a.names or "exim-tests" in a.names:
        try:
            count, odd, slowest, kinds = exim_tests(a.postern)
            print(f"{'exim-tests':<22} {count} configurations, slowest {slowest * 1000:.0f} ms, "
                  + ", ".join(f"{n} {k}" for k, n in sorted(kinds.items(), key=str)))
            for o in odd[:20]:
                print(f"    {o}")
            passed, failed = passed + (not odd), failed + bool(odd)
        except Absent as e:
            print(f"exim-tests skipped: {e}")
            skipped += 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
