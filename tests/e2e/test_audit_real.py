# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of tests/audit/real.py: real projects' files, where there are copies of them."""

import os
import sys

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests/audit"))

import real  # noqa: E402

ROWS = {row.name: row for row in real.rows()}


@pytest.mark.parametrize("name", ROWS)
def test_real_file(build, name):
    try:
        answer, bad = real.check(build.program(), ROWS[name])
    except real.Absent as e:
        pytest.skip(str(e))
    assert not bad, "\n".join(bad)


def test_exims_own_tests_are_read_to_the_end(build):
    try:
        count, odd, slowest, kinds = real.exim_tests(build.program())
    except real.Absent as e:
        pytest.skip(str(e))
    assert count > 500
    assert odd == []
