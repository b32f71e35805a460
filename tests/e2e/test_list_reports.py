# SPDX-License-Identifier: GPL-3.0-or-later
"""Feedback reports (RFC 5965) as nominations, in the shapes that feedback loops have."""

import pytest

from listlib import Book
from test_list import sample


@pytest.fixture(name="book")
def fixture_book(tmp_path, request):
    number = sum(map(ord, request.node.name)) % 250 + 1
    return Book(tmp_path, f"127.29.{number}")


def report(fields, enclosed, kind="message/rfc822"):
    return (f"From: <fbl@provider.example>\r\nTo: <fbl@own.example>\r\nMIME-Version: 1.0\r\n"
            "Content-Type: multipart/report; report-type=feedback-report; boundary=\"b\"\r\n\r\n"
            "--b\r\nContent-Type: text/plain\r\n\r\nsomebody complained\r\n"
            f"--b\r\nContent-Type: message/feedback-report\r\n\r\n{fields}\r\n"
            f"--b\r\nContent-Type: {kind}\r\n\r\n{enclosed}\r\n--b--\r\n")


LEAST = "Feedback-Type: abuse\r\nUser-Agent: Loop/1.0\r\nVersion: 1\r\n"


def test_the_message_inside_names_the_relay(book):
    relay = f"{book.net}.9"
    got = book("nominate", "--json", "--host", relay, "-", data=report(LEAST, sample(relay))).lines
    assert got == [{"type": "nominated", "ip": relay, "result": "nominated"}]
    kept = book.host(relay)["evidence"][0]
    assert (kept["source"], kept["witness"]) == ("feedback-report", "chain")


def test_without_one_it_is_the_source(book):
    relay = f"{book.net}.9"
    text = report(f"{LEAST}Source-IP: {relay}\r\n", "Subject: buy\r\n", "text/rfc822-headers")
    assert book("nominate", "--json", "-", data=text).lines[0]["ip"] == relay


def test_two_sources_name_none(book):
    text = report(f"{LEAST}Source-IP: {book.net}.9\r\nSource-IP: {book.net}.8\r\n", "Subject: buy\r\n")
    # The report is bad; its first source is not taken for the only one.
    got = book("nominate", "-", data=text, code=65)
    assert "encloses no message" in got.err


def test_a_report_with_nothing_in_it(book):
    got = book("nominate", "-", data=report(LEAST, "Subject: buy\r\n"), code=65)
    assert "encloses no message" in got.err
