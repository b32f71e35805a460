# SPDX-License-Identifier: GPL-3.0-or-later
"""How to install, configure and start each server.

A module has
    PACKAGES        Debian packages of its root
    KEYS            what a case may set for it
    DEBCONF         answers for the installation (optional)
    HOST            true: it has no root of its own, but runs on the host's files (optional)
    PREPARE         shell text run once in the new root, may use the network (optional)
    build(node)     -> (files, start): what to write into the root of one case (path -> text or
                    (text, mode)) and the shell text that starts the server and stays or ends
and knows its server's shipped configuration. What a case changes stands in the case (cases.toml).
"""

import importlib
import os

_FOLDER = os.path.dirname(os.path.abspath(__file__))


def load_all():
    names = sorted(f[:-3] for f in os.listdir(_FOLDER) if f.endswith(".py") and f != "__init__.py")
    return {name: importlib.import_module(f"servers.{name}") for name in names}


def lines(text):
    """The non-empty lines of a setting that a case gives as a text block."""
    return [l.strip() for l in text.splitlines() if l.strip()]
