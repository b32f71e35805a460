# SPDX-License-Identifier: GPL-3.0-or-later
"""The judge of the gate's tests finds each broken promise: a judge that can't fail proves nothing."""

import types

import pytest

from gatebackend import Message, Visit
from gatelib import Attempt, CLIENT, DOMAIN, judge


def world():
    """One message, sent, acknowledged, and kept."""
    a = Attempt()
    a.code, a.taken = 250, list(a.rcpts)
    v = Visit((CLIENT, 1))
    v.identity, v.rcpts = CLIENT, [r.encode() for r in a.rcpts]
    return a, v, types.SimpleNamespace(visits=[v], messages=[Message(v, a.mail, list(a.rcpts), a.data)])


def lose(a, v, b):
    b.messages.clear()


def refuse(a, v, b):
    b.messages[0].kept = False


def double(a, v, b):
    a.code = None
    b.messages.append(b.messages[0])


def change(a, v, b):
    b.messages[0].data = a.data[:-3] + b"\r\n"


def unknown(a, v, b):
    b.messages[0].name = "nobody's"
    a.code = None


def drop_rcpt(a, v, b):
    b.messages[0].rcpts = []


def foreign(a, v, b):
    v.rcpts.append(b"x@stranger.example")


def other_ip(a, v, b):
    b.messages[0].identity = "127.0.0.1"


def no_identity(a, v, b):
    v.wrong.append("MAIL before an identity")


def test_nothing_wrong():
    a, _, b = world()
    assert judge([a], [b]) == []


@pytest.mark.parametrize("spoil,words", [
    (lose, "no backend has"), (refuse, "no backend has"), (double, "2 copies"), (change, "octets differ"),
    (unknown, "nobody sent"), (drop_rcpt, "recipients"), (foreign, "foreign recipient"),
    (other_ip, f"takes {CLIENT} for"), (no_identity, "before an identity")])
def test_broken_promise(spoil, words):
    a, v, b = world()
    spoil(a, v, b)
    found = judge([a], [b])
    assert len(found) == 1 and words in found[0], (found, DOMAIN)
