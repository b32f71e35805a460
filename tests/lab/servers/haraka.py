# SPDX-License-Identifier: GPL-3.0-or-later
"""Haraka from npm, with the configuration that `haraka -i` makes and the domain's name.
Its shipped queue hands mail to port 2555 of the same host; here a file takes it.

plugins   lines of config/plugins that come before the shipped ones
only_plugins  all of config/plugins instead
config    file name below config/ -> text
"""

PACKAGES = ["nodejs", "npm"]
KEYS = {"plugins", "only_plugins", "config"}

# 3.1.1 is the last Haraka that runs on Debian 12's node 18.
PREPARE = r"""
mkdir -p /opt/haraka && cd /opt/haraka
cat > package.json <<'END'
{ "name": "lab", "private": true,
  "dependencies": { "Haraka": "3.1.1" },
  "overrides": { "encoding-japanese": "2.2.0", "libqp": "2.1.2" } }
END
npm install --omit=dev --no-audit --no-fund --ignore-scripts
node_modules/.bin/haraka -i /srv/haraka
apt-get purge -q -y npm
apt-get autoremove -q -y
rm -rf /root/.npm
"""

START = """\
set -e
cd /srv/haraka
[ -e /lab/only ] || cat config/plugins >> /lab/plugins
sed 's,^queue/smtp_forward,queue/test,' /lab/plugins > config/plugins
[ ! -e /lab/only ] || cp /lab/plugins config/plugins
exec /opt/haraka/node_modules/.bin/haraka -c /srv/haraka
"""


def build(node):
    files = {"/lab/plugins": node.get("plugins", ""),
             "/srv/haraka/config/me": node.fqdn + "\n",
             "/srv/haraka/config/host_list": f"{node.domain}\n{node.fqdn}\n"}
    if "only_plugins" in node:
        files["/lab/plugins"], files["/lab/only"] = node["only_plugins"], ""
    for name, text in node.get("config", {}).items():
        files[f"/srv/haraka/config/{name}"] = text
    return files, START
