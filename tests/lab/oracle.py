# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mail server itself says of an envelope, without one being sent.

Exim has `exim -bh ADDRESS`, a session on standard input as if from that address. Sendmail has
`sendmail -bt`, where the ruleset check_rcpt is asked with the macros that such a session sets.
Each answers for one envelope whether its recipient is taken.
"""

import re


def _path(text):
    return text if text.startswith("<") else f"<{text}>"


def exim(ground, port, client, name, helo, mail, rcpt):
    """True when RCPT is answered 250."""
    talk = f"EHLO {helo}\nMAIL FROM:{_path(mail)}\nRCPT TO:{_path(rcpt)}\nQUIT\n"
    here = ground.addresses["mx"][":" in client]
    r = ground.shell(f"exim4 -oMi {here}.{port} -bh {client}", input=talk, text=True,
                     capture_output=True)
    codes = re.findall(r"^([245]\d\d)[ -]", r.stdout, re.M)
    finals = re.findall(r"^([245]\d\d) ", r.stdout, re.M)
    if not codes or len(finals) < 4:
        return False    # hung up on before the recipient was asked
    return finals[3] == "250"


def sendmail(ground, port, client, name, helo, mail, rcpt):
    """True when check_rcpt does not end in $#error."""
    known = "OK" if name else "FAIL"
    lines = [f".D{{client_addr}}{client}" if ":" not in client
             else f".D{{client_addr}}IPv6:{client}",
             f".D{{client_name}}{name or f'[{client}]'}",
             f".D{{client_resolve}}{known}",
             f".D{{client_ptr}}{name or f'[{client}]'}", f".Ds{helo}",
             f".D{{mail_from}}{_path(mail)}", f".Df{_path(mail)}",
             f"check_rcpt {_path(rcpt)}"]
    r = ground.shell("sendmail -bt", input="\n".join(lines) + "\n", text=True, capture_output=True)
    returns = re.findall(r"^\S*check_rcpt\s+returns: (.*)$", r.stdout, re.M | re.I)
    if not returns:
        raise RuntimeError(f"sendmail -bt: no answer: {r.stdout[-300:]}{r.stderr[-300:]}")
    return not re.match(r"\$# ?(error|discard)", returns[-1].strip())


# (ground, port, client address, its name or None, HELO, sender, recipient) -> taken or not
ORACLES = {"exim": exim, "sendmail": sendmail}
