# SPDX-License-Identifier: GPL-3.0-or-later
"""postern sink as its clients see it: takes tokens, keeps proofs, refuses the rest."""

import hashlib
import os
import re
import shutil
import smtplib
import socket
import ssl
import subprocess
import time

import pytest

from sinklib import DENIED, DOMAIN, PATIENCE, Client, Sink, mint, proofs

MARK = "X-Postern-Probe: run=0badcafe; target=127.0.0.1; tokens=1\r\n"


def has_ipv6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


IPV6 = has_ipv6()


@pytest.fixture(scope="module")
def sink(tmp_path_factory):
    listen = ("127.0.0.1:0", "[::1]:0") if IPV6 else ("127.0.0.1:0",)
    with Sink(tmp_path_factory.mktemp("sink"), listen=listen) as s:
        yield s


def proof_of(sink, serial, **want):
    found = [p for p in sink.proofs() if p["serial"] == serial]
    assert len(found) == 1, found
    for name, value in want.items():
        assert found[0][name] == value, (name, found[0][name])
    return found[0]


# ---- closed ----

STRANGERS = [
    "<a@b.example>", f"<a@{DOMAIN}>", f"<a@x.{DOMAIN}>", f"<a%b.example@{DOMAIN}>",
    f"<\"a@b.example\"@{DOMAIN}>", f"<@{DOMAIN}:a@b.example>", "<b.example!a>", f"<b.example!a@{DOMAIN}>",
    "a@b.example", "<a@[127.0.0.1]>", "<postmaster@b.example>", f"<postmaster%b.example@{DOMAIN}>",
    f"<@b.example:postmaster@{DOMAIN}>", f"<postmaster@x{DOMAIN}>", "<>", "<\"postmaster@b.example\">",
    f"<{'a' * 36}@{DOMAIN}>", f"<{'a' * 1500}@{DOMAIN}>", "<|/bin/sh>", "</etc/passwd>",
]


@pytest.mark.parametrize("rcpt", STRANGERS)
def test_no_relay_for(sink, rcpt):
    with sink.client() as c:
        c.hello()
        c.expect(250, "MAIL FROM:<a@b.example>")
        assert c.say(f"RCPT TO:{rcpt}") == DENIED
        assert c.say("DATA")[0] == 554


def test_no_token_of_another_key(sink):
    with sink.client() as c:
        c.hello()
        c.expect(250, "MAIL FROM:<>")
        token = mint(b"x" * 32)
        assert c.say(f"RCPT TO:<{token}@{DOMAIN}>") == DENIED
        good = sink.mint(1)
        for i in (0, 17, 35):
            other = "b" if good[i] != "b" else "c"
            assert c.say(f"RCPT TO:<{good[:i]}{other}{good[i + 1:]}@{DOMAIN}>") == DENIED
        assert c.say(f"RCPT TO:<{good[:-1]}@{DOMAIN}>") == DENIED


def test_no_token_out_of_date(sink):
    today = int(time.time() // 86400)
    with sink.client() as c:
        c.hello()
        c.expect(250, "MAIL FROM:<>")
        for day in (today - 31, today + 3, 0, 65535):
            assert c.say(f"RCPT TO:<{sink.mint(1, day=day)}@{DOMAIN}>") == DENIED, day
        c.expect(250, f"RCPT TO:<{sink.mint(1, day=today - 29)}@{DOMAIN}>")


@pytest.mark.skipif(not shutil.which("nmap"), reason="nmap is missing")
def test_nmap_says_closed(sink):
    run = subprocess.run(["nmap", "-Pn", "-n", "-p", str(sink.port), "--script",
                          "+smtp-open-relay", "--script-timeout", "60", "127.0.0.1"],
                         capture_output=True, text=True, timeout=120, check=True)
    assert "doesn't seem to be an open relay, all tests failed" in run.stdout, run.stdout


# ---- taken ----

FORMS = [
    "<{t}@{d}>", "{t}@{d}", "<{T}@{d}>", "<\"{t}@{d}\">", "<{t}%{d}@h.example>", "<{t}%{d}@[127.0.0.1]>",
    "<{t}@{d}@h.example>", "<\"{t}@{d}\"@h.example>", "<@h.example:{t}@{d}>", "<h.example:{t}@{d}>",
    "<\"h.example:{t}\"@{d}>", "<{d}!{t}>", "<{d}!{t}@h.example>", "<{t}%{d}@>", "<{t}@{d}@>", "<{t}%{d}>",
    "<{t}@{d}(h.example)>", "<{t}@{d}.>", "<user+{t}@{d}>", "<{t}@[127.0.0.1]>", "<{t}@127.0.0.1>",
    "<postmaster@{t}.{d}>", "<\"gw::smtp%\\\"{t}@{d}\\\"\"@h.example>", " <{t}@{d}>", "<{t}@{d} >",
    "<{t}%{d}%h.example@h.example>", "<x\xff{t}@{d}>", "<{t}@sub.{d}>",
]


def test_tokens_in_every_form(sink):
    wanted = {}
    with sink.client() as c:
        c.hello()
        c.expect(250, "MAIL FROM:<>")
        for i, form in enumerate(FORMS):
            token = sink.mint(1000 + i)
            rcpt = form.format(t=token, T=token.upper(), d=DOMAIN)
            got = c.say(f"RCPT TO:{rcpt}".encode("latin-1"))
            assert got[0] == 250, (form, got)
            wanted[1000 + i] = rcpt.strip().encode("latin-1")
        assert c.data(MARK + "Subject: x\r\n\r\nbody\r\n")[0] == 250
    have = {p["serial"]: p for p in sink.proofs() if p["serial"] in wanted}
    assert {serial: p["rcpt"] for serial, p in have.items()} == wanted
    assert {p["what"] for p in have.values()} == {"arrival"}
    assert len({p["message"] for p in have.values()}) == 1


def test_everything_is_kept(sink):
    message = b"Received: from t.example ([198.51.100.7])\r\n\tby mx.example (Postfix) with ESMTP" \
              b" id 4A; Sat, 21 Nov 2026 11:00:00 +0000\r\n" + MARK.encode() + \
              b"Subject: x\r\n\r\n..two dots\r\n.\x00\xff\r\nlone\nLF and \rCR\r\n\r\n"
    before = time.time()
    assert sink.send(f"<{sink.mint(1)}@{DOMAIN}>", mail="<a@b.example>", message=message,
                     helo="relay.example")[0] == 250
    proof = proof_of(sink, 1, what="arrival", scope="recipient", kind="r", run=0x0badcafe, raw=message,
                     size=len(message), mail=b"<a@b.example>", helo=b"relay.example", tls="",
                     source=0, seen=1)
    assert before - 1 <= proof["received"] / 1000 <= time.time() + 1
    assert proof["digest"] == hashlib.sha256(b"\x04\x7f\x00\x00\x01").digest()[:5]
    hop, = proof["chain"]
    assert (hop["by"], hop["ip"], hop["with"]) == ("mx.example", "198.51.100.7", "ESMTP")
    line = sink.wait_log(r"event=arrival .* serial=1 ")
    assert "way=direct" in line and "tested=127.0.0.1" in line and "foul=yes" in line
    assert "tester_seen_as=198.51.100.7" in line


def test_input_and_output_of_a_relay(sink):
    """The tested host hands on to another, and that one comes to us."""
    message = "Received: from in.example (in.example [192.0.2.25]) by out.example (Postfix) with ESMTP" \
              " id 2; Sat, 21 Nov 2026 11:00:01 +0000\r\n" \
              "Received: from t.example ([198.51.100.7]) by in.example (Postfix) with ESMTP" \
              " id 1; Sat, 21 Nov 2026 11:00:00 +0000\r\n" + MARK + "\r\n"
    assert sink.send(f"<{sink.mint(2, tested='192.0.2.25')}@{DOMAIN}>", message=message)[0] == 250
    line = sink.wait_log(r"event=arrival .* serial=2 ")
    assert "way=chain" in line and "tested=192.0.2.25" in line and "client=127.0.0.1" in line
    assert [h["by"] for h in proof_of(sink, 2)["chain"]] == ["in.example", "out.example"]


@pytest.mark.skipif(not IPV6, reason="no IPv6 on this machine")
def test_ipv6(sink):
    address, port = sink.places[1]
    with Client(address, port) as c:
        assert "[::1]" in c.hello()
        c.expect(250, "MAIL FROM:<>")
        c.expect(250, f"RCPT TO:<{sink.mint(3, tested='::1')}@{DOMAIN}>")
        assert c.data(MARK + "\r\n")[0] == 250
    assert len(proof_of(sink, 3)["peer"]) == 16
    assert "way=direct" in sink.wait_log(r"event=arrival .* serial=3 ")


def test_tls_is_told(sink):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with smtplib.SMTP(sink.address, sink.port, "relay.example", timeout=PATIENCE) as c:
        c.starttls(context=context)
        version, cipher = c.sock.version(), c.sock.cipher()[0]
        c.sendmail("a@b.example", f"{sink.mint(4)}@{DOMAIN}", MARK + "\r\nhello\r\n")
    assert proof_of(sink, 4)["tls"] == f"{version} {cipher}"


@pytest.mark.skipif(not shutil.which("swaks"), reason="swaks is missing")
def test_swaks_by_tls_and_pipelining(sink):
    subprocess.run(["swaks", "--server", sink.address, "--port", str(sink.port), "--tls", "--pipeline",
                    "--from", "a@b.example", "--to", f"{sink.mint(5)}@{DOMAIN},{sink.mint(6)}@{DOMAIN}",
                    "--ehlo", "swaks.example", "--hide-all"], check=True, timeout=60)
    assert proof_of(sink, 5)["helo"] == b"swaks.example"
    assert proof_of(sink, 6)["tls"].startswith("TLSv1.")


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is missing")
def test_openssl_by_starttls(sink):
    """The certificate is the one in the state folder, for our name."""
    run = subprocess.run(["openssl", "s_client", "-starttls", "smtp", "-connect",
                          f"{sink.address}:{sink.port}", "-quiet", "-showcerts"],
                         input="QUIT\r\n", capture_output=True, text=True, timeout=60, check=False)
    assert "221 2.0.0" in run.stdout, run.stdout + run.stderr
    with sink.client() as c:
        c.hello()
        c.starttls()
        der = c.sock.getpeercert(binary_form=True)
    with open(f"{sink.state}/sink.pem", encoding="ascii") as f:
        pem = re.search(r"-----BEGIN CERT.*?END CERTIFICATE-----", f.read(), re.S).group(0)
    assert ssl.PEM_cert_to_DER_cert(pem) == der
    assert os.stat(f"{sink.state}/sink.pem").st_mode & 0o777 == 0o600


def test_chunks(sink):
    body = (MARK + "Subject: x\r\n\r\n.\r\nnot the end\r\n").encode()
    with sink.client() as c:
        c.hello()
        group = f"MAIL FROM:<a@b.example> BODY=8BITMIME SIZE={len(body)}\r\n" \
                f"RCPT TO:<{sink.mint(7)}@{DOMAIN}>\r\nBDAT {len(body) - 5}\r\n".encode()
        c.raw(group + body[:-5] + b"BDAT 5 LAST\r\n" + body[-5:] + b"QUIT\r\n")
        assert [c.reply()[0] for _ in range(5)] == [250, 250, 250, 250, 221]
    proof_of(sink, 7, raw=body)


def test_utf8(sink):
    with sink.client() as c:
        c.hello()
        c.expect(250, "MAIL FROM:<jörg@bücher.example> SMTPUTF8".encode())
        c.expect(250, f"RCPT TO:<{sink.mint(8)}@{DOMAIN}>")
        assert c.data(MARK + "\r\n")[0] == 250
    proof_of(sink, 8, mail="<jörg@bücher.example>".encode())


def test_the_same_token_twice_is_one_proof(sink):
    token = sink.mint(9)
    assert sink.send(f"<{token}@{DOMAIN}>", f"<\"{token}\"@h.example>")[0] == 250
    proof_of(sink, 9, seen=1)
    assert sink.send(f"<{token}@{DOMAIN}>")[0] == 250
    proof_of(sink, 9, seen=2)
    assert "again=yes" in sink.wait_log(r"event=arrival .* serial=9 .* again=yes")


def test_bounce_and_reply(sink):
    bounce = "From: MAILER-DAEMON@h.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report;" \
             " report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nno such user\r\n--b\r\n" \
             "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; h.example\r\n\r\n" \
             "Final-Recipient: rfc822; x@h.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
    away = "From: x@h.example\r\nAuto-Submitted: auto-replied\r\nSubject: away\r\n\r\nback on Monday\r\n"
    assert sink.send(f"<{sink.mint(10, kind='s')}@{DOMAIN}>", message=bounce)[0] == 250
    assert sink.send(f"<{sink.mint(11, kind='s')}@{DOMAIN}>", message=away, mail="<x@h.example>")[0] == 250
    proof_of(sink, 10, what="bounce", kind="s")
    proof_of(sink, 11, what="auto-reply", kind="s")


# ---- postmaster and abuse ----

@pytest.mark.parametrize("rcpt", ["<postmaster>", f"<Postmaster@{DOMAIN}>", f"<abuse@{DOMAIN}>",
                                  f"<postmaster@x.{DOMAIN}>"])
def test_role_mail_is_taken_and_not_kept(sink, rcpt):
    count = len(sink.proofs())
    assert sink.send(rcpt, message="Subject: please stop\r\n\r\nhello\r\n")[0] == 250
    assert len(sink.proofs()) == count
    assert "kept=no" in sink.wait_log("event=role ")


def test_probe_to_postmaster_is_proved_by_its_sender(sink):
    sender = f"<{sink.mint(12, kind='s')}@{DOMAIN}>"
    assert sink.send(f"<postmaster@{DOMAIN}>", mail=sender, message=MARK + "\r\nhello\r\n")[0] == 250
    proof_of(sink, 12, what="arrival", scope="transaction", kind="s",
             rcpt=f"<postmaster@{DOMAIN}>".encode())


def test_probe_to_postmaster_is_proved_by_its_text(sink):
    """Without a token in the sender those listed in our own text count; no made-up one does."""
    tokens = [sink.mint(13), mint(b"y" * 32, 14), sink.mint(15, day=1), sink.mint(16)]
    text = MARK.replace("tokens=1", "tokens=4") + "\r\nhello\r\n" + \
        "".join(f"Token: {t} probe-id\r\n" for t in tokens) + "End of tokens: 4\r\n"
    assert sink.send(f"<abuse@{DOMAIN}>", mail="<>", message=text)[0] == 250
    serials = {p["serial"]: p["scope"] for p in sink.proofs() if 13 <= p["serial"] <= 16}
    assert serials == {13: "transaction", 16: "transaction"}


# ---- turns, bounds, faults ----

def test_injection_behind_starttls(sink):
    with sink.client() as c:
        c.hello()
        c.raw(f"STARTTLS\r\nMAIL FROM:<>\r\nRCPT TO:<{sink.mint(20)}@{DOMAIN}>\r\n")
        assert c.reply()[0] == 554
        assert c.closed()


def test_smuggled_end_of_data(sink):
    """None of the false endings ends the message; what is behind them stays text."""
    token = sink.mint(21)
    for ending in (b"\n.\n", b"\n.\r\n", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r\n\0.\r\n"):
        inner = b"MAIL FROM:<>\r\nRCPT TO:<" + sink.mint(22).encode() + b"@" + DOMAIN.encode() + \
                b">\r\nDATA\r\nx\r\n"
        with sink.client() as c:
            c.hello()
            c.expect(250, "MAIL FROM:<>")
            c.expect(250, f"RCPT TO:<{token}@{DOMAIN}>")
            c.expect(354, "DATA")
            c.raw(MARK.encode() + b"\r\nx" + ending + inner + b".\r\n")
            assert c.reply()[0] == 250
            assert c.say("QUIT")[0] == 221
    assert not [p for p in sink.proofs() if p["serial"] == 22]


def test_large_message_is_cut_but_counted(sink):
    line = b"x" * 998 + b"\r\n"
    message = MARK.encode() + b"\r\n" + line * 1000
    assert sink.send(f"<{sink.mint(23)}@{DOMAIN}>", message=message)[0] == 250
    proof = proof_of(sink, 23, size=len(message))
    assert proof["raw"] == message[:256 * 1024]


def test_errors_have_an_end(sink):
    with sink.client() as c:
        c.hello()
        codes = [c.say("NONSENSE")[0] for _ in range(51)]
        assert codes == [500] * 51
        assert c.reply()[0] == 421
        assert c.closed()


def test_endless_line(sink):
    with sink.client() as c:
        c.raw(b"x" * 65536 + b"x" * 4096)
        assert c.reply()[0] == 500
        assert c.closed()


def test_browser(sink):
    with sink.client() as c:
        c.raw("POST / HTTP/1.1\r\nHost: x\r\n\r\nMAIL FROM:<>\r\n")
        assert c.reply()[0] == 554
        assert c.closed()


def test_a_client_that_never_reads(sink):
    """It is held back by the kernel's buffers, and the sink goes on serving others."""
    with sink.client(greeting=False) as c:
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        c.sock.setblocking(False)
        sent = 0
        end = time.monotonic() + 3
        while time.monotonic() < end and sent < 1 << 24:
            try:
                sent += c.sock.send(b"HELP\r\n" * 10000)
            except BlockingIOError:
                time.sleep(0.05)
            except (BrokenPipeError, ConnectionResetError):
                break
        assert sink.send(f"<{sink.mint(24)}@{DOMAIN}>")[0] == 250
    proof_of(sink, 24)


def test_half_a_message_is_none(sink):
    with sink.client() as c:
        c.hello()
        c.expect(250, "MAIL FROM:<>")
        c.expect(250, f"RCPT TO:<{sink.mint(25)}@{DOMAIN}>")
        c.expect(354, "DATA")
        c.raw("Subject: x\r\n\r\nhello\r\n")
    sink.wait_log("event=session ")
    assert not [p for p in sink.proofs() if p["serial"] == 25]


def test_half_closed_client_gets_its_reply(sink):
    with sink.client() as c:
        c.hello()
        c.raw(f"MAIL FROM:<>\r\nRCPT TO:<{sink.mint(26)}@{DOMAIN}>\r\nDATA\r\n")
        assert [c.reply()[0] for _ in range(3)] == [250, 250, 354]
        c.raw(MARK + "\r\nx\r\n.\r\nQUIT\r\n")
        c.sock.shutdown(socket.SHUT_WR)
        assert [c.reply()[0] for _ in range(2)] == [250, 221]
    proof_of(sink, 26)


def test_log_is_safe_to_read(sink):
    with sink.client() as c:
        c.expect(250, "HELO x\"y=z\\")
        c.expect(250, b"MAIL FROM:<a\xff\"b@c>")
        assert c.say("RCPT TO:<a@b.example>") == DENIED
        c.say("QUIT")
    line = sink.wait_log(r"event=session .*refused=1 ")
    assert all(32 <= ord(ch) < 127 for ch in line), line


def test_proofs_are_there_for_another_reader(sink):
    assert len(proofs(sink.state)) > 20
