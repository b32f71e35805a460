# SPDX-License-Identifier: GPL-3.0-or-later
"""postern gate killed with SIGKILL in every state, under load: acknowledged means delivered, and nothing
is delivered twice. POSTERN_KILLS says how often; make check-long has a stage with 600."""

import os

import pytest

import gate_kill

KILLS = int(os.environ.get("POSTERN_KILLS", "70"))


@pytest.mark.parametrize("extensions", [None, ("PIPELINING", "8BITMIME", "SIZE 30000000")],
                         ids=["with-chunking", "without-chunking"])
def test_kill(extensions):
    done, attempts, backend, wrong = gate_kill.kill_many(KILLS // 2, extensions=extensions)
    assert wrong == []
    assert sum(done.values()) == KILLS // 2
    assert sum(a.acked for a in attempts) > KILLS, "there was no load to speak of"


def test_every_state_is_met():
    """Each state is one that sessions are in: a kill that waited for it in vain would prove nothing."""
    done, _, _, wrong = gate_kill.kill_many(len(gate_kill.STATES), seed=2)
    assert wrong == []
    assert not [state for state in done if state.startswith("no such moment")]
