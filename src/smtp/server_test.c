/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each scenario is a list of steps, played four times: octets fed whole, one by one, and cut in
 * odd pieces, with an owner who answers at once; then with an owner who answers later. All four
 * must read the same.
 *
 *     C text   the client sends text and CRLF        c text   the client sends just that
 *     S text   the next line of the server           E text   the next thing that the owner saw
 *     T        the TLS handshake is done             + n      n milliseconds pass
 *     . state  the machine is in this state          ! end    the session ended for this reason
 */
#include "smtp/server.h"

#include "base/num.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { STEPS = 40 };

enum cut { CUT_WHOLE, CUT_BYTES, CUT_ODD, CUT_LATER, CUTS };

struct owner {
    struct buf log;  /* a line for each thing seen */
    struct buf text; /* of the message that comes in */
    struct buf answer_text;
    struct smtp_say answer;
    bool later, waiting;
};

/* The policy stands in the addresses: "no@..." is refused, "tmp@..." with 450, "bye@..." 421. */
static void decide(struct owner *o, struct span text, struct smtp_say *ret)
{
    if (span_has_nocase(text, SPAN_LIT("<no@")))
        *ret = (struct smtp_say){550, "5.7.1", "no"};
    else if (span_has_nocase(text, SPAN_LIT("<tmp@")))
        *ret = (struct smtp_say){450, "4.2.0", "not\nyet"};
    else if (span_has_nocase(text, SPAN_LIT("<bye@")))
        *ret = (struct smtp_say){421, "4.3.2", "going"};
}

static enum smtp_now answer(struct owner *o, const struct smtp_say *say)
{
    o->answer = *say;
    o->waiting = o->later;
    return o->later ? SMTP_LATER : SMTP_NOW;
}

static enum smtp_now on_mail(void *owner, struct smtp_server *s, const struct smtp_command *cmd,
                             struct smtp_say *ret)
{
    struct owner *o = owner;

    buf_addf(&o->log, "mail %.*s\n", SPAN_ARG(cmd->path_text));
    decide(o, cmd->path_text, ret);
    return answer(o, ret);
}

static enum smtp_now on_rcpt(void *owner, struct smtp_server *s, const struct smtp_command *cmd,
                             struct smtp_say *ret)
{
    struct owner *o = owner;

    buf_addf(&o->log, "rcpt %.*s\n", SPAN_ARG(cmd->path_text));
    decide(o, cmd->path_text, ret);
    return answer(o, ret);
}

static bool on_chunk(void *owner, struct smtp_server *s, struct span text)
{
    struct owner *o = owner;

    buf_add(&o->text, text);
    return o->text.n < 60;
}

static enum smtp_now on_end(void *owner, struct smtp_server *s, struct smtp_say *ret)
{
    struct owner *o = owner;

    buf_add_str(&o->log, "end ");
    for (size_t i = 0; i < o->text.n; i++)
        buf_addf(&o->log,
                 o->text.p[i] == '\r'   ? "\\r"
                 : o->text.p[i] == '\n' ? "\\n"
                                        : "%c",
                 o->text.p[i]);
    buf_add_char(&o->log, '\n');
    buf_clear(&o->text);
    *ret = (struct smtp_say){250, "2.0.0", "kept"};
    return answer(o, ret);
}

static void on_reset(void *owner, struct smtp_server *s)
{
    struct owner *o = owner;

    buf_clear(&o->text);
    buf_add_str(&o->log, "reset\n");
}

static enum smtp_now on_other(void *owner, struct smtp_server *s, const struct smtp_command *cmd,
                              struct smtp_say *ret)
{
    if (cmd->verb == SMTP_VERB_XCLIENT)
        *ret = (struct smtp_say){220, NULL, "mx.test again"};
    return answer(owner, ret);
}

static enum smtp_now on_auth(void *owner, struct smtp_server *s, struct span line, bool first,
                             struct smtp_say *ret)
{
    if (first)
        *ret = (struct smtp_say){334, NULL, "VXNlcg=="};
    else if (span_eq(line, SPAN_LIT("right")))
        *ret = (struct smtp_say){235, "2.7.0", "welcome"};
    else
        *ret = (struct smtp_say){535, "5.7.8", "wrong"};
    return answer(owner, ret);
}

static enum smtp_now on_greet(void *owner, struct smtp_server *s, struct smtp_say *ret)
{
    if (!s->config->software)
        *ret = (struct smtp_say){554, "5.7.1", "closed"};
    else
        ret->text = "mx.test ready";
    return answer(owner, ret);
}

static enum smtp_now on_hello(void *owner, struct smtp_server *s, struct smtp_say *ret)
{
    if (!strcmp(s->hello, "bad"))
        *ret = (struct smtp_say){550, "5.7.1", "no"};
    else
        ret->text = "mx.test pleased";
    return answer(owner, ret);
}

/* Nothing is taken from "full@...". */
static enum smtp_now on_data(void *owner, struct smtp_server *s, struct smtp_say *ret)
{
    struct owner *o = owner;

    if (span_has_nocase(buf_span(&o->log), SPAN_LIT("<full@")))
        *ret = (struct smtp_say){452, "4.3.1", "full"};
    return answer(o, ret);
}

static const struct smtp_server_ops ops = {
    .mail = on_mail,
    .rcpt = on_rcpt,
    .chunk = on_chunk,
    .end = on_end,
    .reset = on_reset,
};
static const struct smtp_server_ops ops_more = {
    .mail = on_mail,
    .rcpt = on_rcpt,
    .chunk = on_chunk,
    .end = on_end,
    .reset = on_reset,
    .other = on_other,
    .auth = on_auth,
};
static const struct smtp_server_ops ops_moody = {
    .greet = on_greet,
    .hello = on_hello,
    .mail = on_mail,
    .rcpt = on_rcpt,
    .data = on_data,
    .chunk = on_chunk,
    .end = on_end,
    .reset = on_reset,
};

enum {
    EXT = SMTP_EXT_PIPELINING | SMTP_EXT_SIZE | SMTP_EXT_8BITMIME | SMTP_EXT_CHUNKING |
          SMTP_EXT_ENHANCED | SMTP_EXT_STARTTLS,
    EXT_MORE = SMTP_EXT_XCLIENT | SMTP_EXT_BINARYMIME | SMTP_EXT_PIPELINING,
};

static const struct smtp_server_config plain = {
    .name = "mx.test",
    .ext = EXT,
    .size_max = 100,
    .rcpt_max = 3,
    .error_max = 4,
    .junk_max = 5,
    .command_max = 30,
    .mail_max = 3,
    .wait_command = 1000,
    .wait_chunk = 500,
    .wait_message = 2000,
    .wait_session = 9000,
};
static const struct smtp_server_config strict = {
    .name = "mx.test",
    .ext = EXT,
    .turns = SMTP_TURNS_STRICT,
    .refuse_foul = true,
    .greet_wait = 100,
};
static const struct smtp_server_config tls_only = {
    .name = "mx.test",
    .ext = EXT,
    .tls_needed = true,
};
static const struct smtp_server_config login = {
    .name = "mx.test",
    .ext = EXT_MORE,
    .mechs = "LOGIN",
    .auth_needed = true,
    .software = "Postern",
};
static const struct smtp_server_config sloppy = {
    .name = "mx.test",
    .ext = EXT,
    .any_path = true,
    .lf_commands = true,
};
static const struct smtp_server_config moody = {
    .name = "mx.test",
    .software = "x",
    .ext = SMTP_EXT_XFORWARD | SMTP_EXT_LIMITS | SMTP_EXT_CHUNKING,
    .rcpt_max = 7,
    .greet_wait = 100,
};
static const struct smtp_server_config closed = {.name = "mx.test"};

static const struct smtp_server_ops *ops_for(const struct smtp_server_config *config)
{
    if (config == &login)
        return &ops_more;
    return config == &moody || config == &closed ? &ops_moody : &ops;
}

struct scenario {
    const char *name;
    const struct smtp_server_config *config;
    const char *steps[STEPS];
};

/* clang-format off */
#define HELLO "S 220 mx.test ESMTP", "C EHLO c.test", "S 250-mx.test Hello c.test [192.0.2.9]", \
              "S 250-PIPELINING", "S 250-8BITMIME", "S 250-CHUNKING", "S 250-STARTTLS", \
              "S 250-SIZE 100", "S 250 ENHANCEDSTATUSCODES"
#define MAIL "C MAIL FROM:<a@b.test>", "S 250 2.1.0 Ok", "E mail <a@b.test>"
#define RCPT "C RCPT TO:<c@d.test>", "S 250 2.1.5 Ok", "E rcpt <c@d.test>"

static const struct scenario scenarios[] = {
    {"a message", &plain,
     {HELLO, MAIL, RCPT, "C DATA", "S 354 End data with <CR><LF>.<CR><LF>", "C Subject: x", "C ",
      "C ..dot", "C .", "E end Subject: x\\r\\n\\r\\n.dot\\r\\n", "S 250 2.0.0 kept", "E reset",
      "C QUIT", "S 221 2.0.0 Bye", "! quit"}},
    {"HELO shows no keywords", &plain,
     {"S 220 mx.test ESMTP", "C HELO c.test", "S 250 mx.test Hello c.test [192.0.2.9]",
      "C MAIL FROM:<a@b.test> SIZE=1", "S 555 5.5.4 Parameter not recognized", "C STARTTLS",
      "S 502 5.5.1 Command not implemented", ". command"}},
    {"order of commands", &plain,
     {"S 220 mx.test ESMTP", "C MAIL FROM:<a@b>", "S 503 5.5.1 Send HELO or EHLO first",
      "C HELO x", "S 250 mx.test Hello x [192.0.2.9]", "C RCPT TO:<a@b>",
      "S 503 5.5.1 Need MAIL command", MAIL, "C MAIL FROM:<e@f>",
      "S 503 5.5.1 Not inside a mail transaction", "C DATA", "S 503 5.5.1 Need RCPT command"}},
    {"the owner refuses", &plain,
     {HELLO, "C MAIL FROM:<no@b>", "S 550 5.7.1 no", "E mail <no@b>", MAIL, "C RCPT TO:<tmp@b>",
      "S 450-4.2.0 not", "S 450 4.2.0 yet", "E rcpt <tmp@b>", "C DATA",
      "S 554 5.5.1 No valid recipients", "C RSET", "S 250 2.0.0 Ok", "E reset"}},
    {"a group in one write", &plain,
     {HELLO, "c MAIL FROM:<a@b>\r\nRCPT TO:<no@x>\r\nRCPT TO:<c@d>\r\nDATA\r\n", "S 250 2.1.0 Ok",
      "S 550 5.7.1 no", "S 250 2.1.5 Ok", "S 354 End data with <CR><LF>.<CR><LF>",
      "E mail <a@b>", "E rcpt <no@x>", "E rcpt <c@d>", "c a\r\n.\r\nQUIT\r\n", "E end a\\r\\n",
      "S 250 2.0.0 kept", "E reset", "S 221 2.0.0 Bye", "! quit"}},
    {"a 421 of the owner ends it", &plain,
     {HELLO, "C MAIL FROM:<bye@b>", "S 421 4.3.2 going", "E mail <bye@b>", "! refused"}},
    {"too many errors", &plain,
     {HELLO, "C A", "S 500 5.5.1 Command not recognized", "C B",
      "S 500 5.5.1 Command not recognized", "C C", "S 500 5.5.1 Command not recognized", "C D",
      "S 500 5.5.1 Command not recognized", "C E", "S 500 5.5.1 Command not recognized",
      "S 421 4.7.0 Too many errors", "! errors"}},
    {"too much junk", &plain,
     {HELLO, "C NOOP", "S 250 2.0.0 Ok", "C VRFY x", "S 252 2.5.2 Cannot verify, send mail and see",
      "C HELP", "S 214 2.0.0 See RFC 5321", "C RSET", "S 250 2.0.0 Ok", "C NOOP", "S 250 2.0.0 Ok",
      "C NOOP", "S 421 4.7.0 Too many commands", "! errors"}},
    {"too many recipients", &plain,
     {HELLO, MAIL, RCPT, RCPT, RCPT, "C RCPT TO:<c@d.test>", "S 452 4.5.3 Too many recipients"}},
    {"too many messages", &plain,
     {HELLO, MAIL, "C RSET", "S 250 2.0.0 Ok", "E reset", MAIL, "C RSET", "S 250 2.0.0 Ok",
      "E reset", MAIL, "C RSET", "S 250 2.0.0 Ok", "E reset", "C MAIL FROM:<a@b>",
      "S 421 4.7.0 Too many messages in one session", "! errors"}},
    {"size told too big", &plain,
     {HELLO, "C MAIL FROM:<a@b> SIZE=101", "S 552 5.3.4 Message too big",
      "C MAIL FROM:<a@b> SIZE=100", "S 250 2.1.0 Ok", "E mail <a@b>"}},
    {"size found too big", &plain,
     {HELLO, MAIL, RCPT, "C DATA", "S 354 End data with <CR><LF>.<CR><LF>",
      "C 01234567890123456789012345678901234567890123456789",
      "C 012345678901234567890123456789012345678901234567", "C .", "E reset",
      "S 552 5.3.4 Message too big", "C NOOP", "S 250 2.0.0 Ok"}},
    {"size just right, the owner keeps no more", &plain,
     {HELLO, MAIL, RCPT, "C BDAT 60",
      "c 012345678901234567890123456789012345678901234567890123456789",
      "S 250 2.0.0 60 octets received", "C BDAT 40 LAST",
      "c 0123456789012345678901234567890123456789",
      "E end 012345678901234567890123456789012345678901234567890123456789", "S 250 2.0.0 kept",
      "E reset"}},
    {"chunks", &plain,
     {HELLO, MAIL, RCPT, "c BDAT 3\r\na\r\nBDAT 5\r\n.\r\nb\rBDAT 0 LAST\r\n",
      "S 250 2.0.0 3 octets received", "S 250 2.0.0 5 octets received",
      "E end a\\r\\n.\\r\\nb\\r", "S 250 2.0.0 kept", "E reset"}},
    {"no chunk without recipients", &plain,
     {HELLO, MAIL, "c BDAT 6 LAST\r\nQUIT\r\n", "E reset", "S 503 5.5.1 Need RCPT command",
      "C NOOP", "S 250 2.0.0 Ok"}},
    {"no chunk without a transaction", &plain,
     {HELLO, "c BDAT 6\r\nQUIT\r\n", "S 503 5.5.1 Need MAIL command", "C BDAT 0 LAST",
      "S 503 5.5.1 Need MAIL command"}},
    {"no chunk to a server without them", &plain,
     {"S 220 mx.test ESMTP", "C HELO x", "S 250 mx.test Hello x [192.0.2.9]",
      "c BDAT 6\r\nQUIT\r\n", "S 502 5.5.1 Command not implemented", ". command"}},
    {"chunk over size", &plain,
     {HELLO, MAIL, RCPT, "C BDAT 50", "c 01234567890123456789012345678901234567890123456789",
      "S 250 2.0.0 50 octets received", "C BDAT 51 LAST",
      "c 012345678901234567890123456789012345678901234567890", "E reset",
      "S 552 5.3.4 Message too big", ". command"}},
    {"chunk of no size", &plain,
     {HELLO, MAIL, RCPT, "C BDAT x", "S 501 5.5.4 Syntax error in argument", "! line"}},
    {"chunk of all the world", &plain,
     {HELLO, MAIL, RCPT, "C BDAT 18446744073709551615", "E reset", "S 552 5.3.4 Message too big",
      "! too-big"}},
    {"DATA within chunks", &plain,
     {HELLO, MAIL, RCPT, "c BDAT 1\r\nx", "S 250 2.0.0 1 octets received", "C DATA",
      "S 503 5.5.1 Message has begun with BDAT", "C RCPT TO:<e@f>", "S 503 5.5.1 Message has begun",
      "C RSET", "S 250 2.0.0 Ok", "E reset", MAIL}},
    {"EHLO begins anew", &plain,
     {HELLO, MAIL, "C HELO y", "S 250 mx.test Hello y [192.0.2.9]", "E reset", "C RCPT TO:<a@b>",
      "S 503 5.5.1 Need MAIL command"}},
    {"STARTTLS forgets", &plain,
     {HELLO, "C STARTTLS", "S 220 2.0.0 Ready to start TLS", ". tls", "T", ". command",
      "C MAIL FROM:<a@b>", "S 503 5.5.1 Send HELO or EHLO first", "C EHLO c.test",
      "S 250-mx.test Hello c.test [192.0.2.9]", "S 250-PIPELINING", "S 250-8BITMIME",
      "S 250-CHUNKING", "S 250-SIZE 100", "S 250 ENHANCEDSTATUSCODES", "C STARTTLS",
      "S 502 5.5.1 Command not implemented"}},
    {"STARTTLS within a transaction", &plain,
     {HELLO, MAIL, "C STARTTLS", "S 503 5.5.1 Not inside a mail transaction"}},
    {"a handshake that never comes", &plain,
     {HELLO, "C STARTTLS", "S 220 2.0.0 Ready to start TLS", "+ 1000", "! timeout"}},
    {"TLS first", &tls_only,
     {"S 220 mx.test ESMTP", "C HELO x", "S 250 mx.test Hello x [192.0.2.9]", "C MAIL FROM:<a@b>",
      "S 530 5.7.0 Must issue a STARTTLS command first", "C RSET",
      "S 530 5.7.0 Must issue a STARTTLS command first", "C NOOP", "S 250 2.0.0 Ok", "C QUIT",
      "S 221 2.0.0 Bye"}},
    {"another protocol", &plain,
     {"S 220 mx.test ESMTP", "C GET / HTTP/1.1", "S 554 5.5.1 This is a mail server", "! foreign"}},
    {"silence for a command", &plain, {HELLO, "c NOOP", "+ 999", ". command", "+ 1",
     "S 421 4.4.2 Timeout", "! timeout"}},
    {"dripping does not help", &plain, {HELLO, "c N", "+ 600", "c O", "+ 400",
     "S 421 4.4.2 Timeout", "! timeout"}},
    {"silence in a message", &plain,
     {HELLO, MAIL, RCPT, "C DATA", "S 354 End data with <CR><LF>.<CR><LF>", "c a", "+ 499", "c b",
      "+ 499", ". data", "+ 1", "E reset", "S 421 4.4.2 Timeout", "! timeout"}},
    {"dripping in a message", &plain,
     {HELLO, MAIL, RCPT, "C DATA", "S 354 End data with <CR><LF>.<CR><LF>", "+ 400", "c a",
      "+ 400", "c b", "+ 400", "c c", "+ 400", "c d", "+ 400", "E reset", "S 421 4.4.2 Timeout",
      "! timeout"}},
    {"a bare LF ends no command", &plain,
     {HELLO, "c NOOP\n", ". command", "c NOOP\r\n",
      "S 500 5.5.2 Character not allowed in a command"}},
    {"a bare CR ends no command", &plain,
     {HELLO, "c NOOP\rNOOP\r\n", "S 500 5.5.2 Character not allowed in a command"}},
    {"a bare LF ends no data", &plain,
     {HELLO, MAIL, RCPT, "C DATA", "S 354 End data with <CR><LF>.<CR><LF>",
      "c a\n.\nMAIL FROM:<e@f>\r\n.\r\n", "E end a\\n.\\nMAIL FROM:<e@f>\\r\\n",
      "S 250 2.0.0 kept", "E reset"}},
    {"foul text refused", &strict,
     {". quiet", "+ 100", "S 220 mx.test ESMTP", "C HELO x",
      "S 250 mx.test Hello x [192.0.2.9]", MAIL, RCPT, "C DATA",
      "S 354 End data with <CR><LF>.<CR><LF>", "c a\nb\r\n.\r\n", "E reset",
      "S 550 5.6.0 Bare CR, bare LF or NUL in the message", ". command"}},
    {"early talk", &strict,
     {". quiet", "C EHLO x", "S 554 5.5.0 Commands sent before the greeting", "! turn"}},
    {"sloppy client", &sloppy,
     {"S 220 mx.test ESMTP", "c HELO x\n", "S 250 mx.test Hello x [192.0.2.9]",
      "c MAIL FROM: a@b\n", "S 250 2.1.0 Ok", "E mail a@b", "c RCPT TO:<a@b@c>\n",
      "S 250 2.1.5 Ok", "E rcpt <a@b@c>", "c DATA\n", "S 354 End data with <CR><LF>.<CR><LF>",
      "c a\n.\n", ". data", "c \r\n.\r\n", "E end a\\n.\\n\\r\\n", "S 250 2.0.0 kept", "E reset"}},
    {"refused at the door", &closed, {"S 554 5.7.1 closed", "! refused"}},
    {"an owner with words of its own", &moody,
     {". quiet", "C EHLO bad", "S 220 mx.test ready", "S 550 5.7.1 no", "C MAIL FROM:<a@b>",
      "S 503 5.5.1 Send HELO or EHLO first", "C EHLO good", "S 250-mx.test pleased",
      "S 250-CHUNKING", "S 250-XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE",
      "S 250 LIMITS RCPTMAX=7", "C XFORWARD ADDR=192.0.2.1",
      "S 502 5.5.1 Command not implemented"}},
    {"the owner takes no message", &moody,
     {"+ 100", "S 220 mx.test ready", "C EHLO good", "S 250-mx.test pleased", "S 250-CHUNKING",
      "S 250-XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE", "S 250 LIMITS RCPTMAX=7",
      "C MAIL FROM:<full@b>", "S 250 2.1.0 Ok", "E mail <full@b>", RCPT, "C DATA",
      "S 452 4.3.1 full", ". command", "c BDAT 5\r\nQUIT\r", "E reset", "S 452 4.3.1 full",
      ". command", "C QUIT", "S 221 2.0.0 Bye"}},
    {"chunks over the budget of errors", &plain,
     {HELLO, "c BDAT 1\r\nx", "S 503 5.5.1 Need MAIL command", "c BDAT 1\r\nx",
      "S 503 5.5.1 Need MAIL command", "c BDAT 1\r\nx", "S 503 5.5.1 Need MAIL command",
      "c BDAT 1\r\nx", "S 503 5.5.1 Need MAIL command", "C BDAT 1", "S 421 4.7.0 Too many errors",
      "! errors"}},
    {"login", &login,
     {"S 220 mx.test ESMTP Postern", "C EHLO x", "S 250-mx.test Hello x [192.0.2.9]",
      "S 250-PIPELINING", "S 250-BINARYMIME", "S 250-AUTH LOGIN",
      "S 250 XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT", "C MAIL FROM:<a@b>",
      "S 530 5.7.0 Authentication required", "C AUTH LOGIN", "S 334 VXNlcg==", ". auth", "C *",
      "S 501 5.7.0 Login cancelled", "C AUTH LOGIN", "S 334 VXNlcg==", "C left",
      "S 535 5.7.8 wrong", "C AUTH LOGIN", "S 334 VXNlcg==", "C right", "S 235 2.7.0 welcome",
      "C AUTH LOGIN", "S 503 5.5.1 Logged in already", MAIL}},
    {"XCLIENT begins anew", &login,
     {"S 220 mx.test ESMTP Postern", "C EHLO x", "S 250-mx.test Hello x [192.0.2.9]",
      "S 250-PIPELINING", "S 250-BINARYMIME", "S 250-AUTH LOGIN",
      "S 250 XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT",
      "C XCLIENT ADDR=192.0.2.7", "S 220 mx.test again", "C AUTH LOGIN",
      "S 502 5.5.1 Command not implemented"}},
};
/* clang-format on */

static struct span take_line(struct buf *b, size_t *at)
{
    struct span rest = span_slice(buf_span(b), *at, b->n);
    size_t n = span_find(rest, '\n');
    struct span line = span_slice(rest, 0, n);

    *at += n < rest.n ? n + 1 : n;
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

struct play {
    const struct scenario *sc;
    enum cut cut;
    struct smtp_server s;
    struct owner o;
    int64_t now;
    struct buf sent;
    size_t sent_at, log_at;
    unsigned step;
};

static void let_owner_answer(struct play *p)
{
    while (p->o.waiting) {
        assert_int_equal(p->s.state, SMTP_SERVER_ASKED);
        assert_false(smtp_server_todo(&p->s).read);
        p->o.waiting = false;
        smtp_server_resume(&p->s, &p->o.answer, p->now);
    }
}

static void send_all(struct play *p, struct span bytes)
{
    size_t step = p->cut == CUT_BYTES ? 1 : p->cut == CUT_ODD ? 3 : bytes.n;

    while (bytes.n) {
        size_t n = smtp_server_feed(&p->s, span_slice(bytes, 0, step), p->now);

        let_owner_answer(p);
        buf_add(&p->sent, buf_span(&p->s.out));
        buf_consume(&p->s.out, p->s.out.n);
        bytes = span_slice(bytes, n, bytes.n);
        if (smtp_server_todo(&p->s).close)
            return;
        if (n == 0 && !smtp_server_todo(&p->s).read)
            fail_msg("%s: stuck in %s", p->sc->name, smtp_server_state_name(p->s.state));
    }
}

static void pass_time(struct play *p, unsigned ms)
{
    int64_t end = p->now + ms;

    while (smtp_server_todo(&p->s).deadline <= end) {
        p->now = smtp_server_todo(&p->s).deadline;
        smtp_server_tick(&p->s, p->now);
    }
    p->now = end;
    let_owner_answer(p);
}

static void expect_line(struct play *p, struct buf *from, size_t *at, const char *want)
{
    struct span line = take_line(from, at);

    if (!span_eq(line, span_str(want)))
        fail_msg("%s, cut %d, step %u: want \"%s\", got \"%.*s\"", p->sc->name, p->cut, p->step,
                 want, SPAN_ARG(line));
}

static void expect_name(struct play *p, const char *want, const char *got)
{
    if (strcmp(want, got))
        fail_msg("%s, cut %d, step %u: want %s, got %s", p->sc->name, p->cut, p->step, want, got);
}

static void play_step(struct play *p, const char *step)
{
    struct buf line = BUF_INIT(1000);
    const char *arg = step[1] ? step + 2 : "";

    if (step[0] == 'C' || step[0] == 'c') {
        buf_addf(&line, "%s%s", arg, step[0] == 'C' ? "\r\n" : "");
        send_all(p, buf_span(&line));
    } else if (step[0] == '+') {
        unsigned ms;

        assert_true(num_uint(span_str(arg), 0, 100000, &ms));
        pass_time(p, ms);
    } else if (step[0] == 'T') {
        smtp_server_tls(&p->s, p->now);
    }
    buf_add(&p->sent, buf_span(&p->s.out));
    buf_consume(&p->s.out, p->s.out.n);
    if (step[0] == 'S')
        expect_line(p, &p->sent, &p->sent_at, arg);
    else if (step[0] == 'E')
        expect_line(p, &p->o.log, &p->log_at, arg);
    else if (step[0] == '.')
        expect_name(p, arg, smtp_server_state_name(p->s.state));
    else if (step[0] == '!')
        expect_name(p, arg, smtp_server_end_name(p->s.end));
    buf_deinit(&line);
}

static void play(const struct scenario *sc, enum cut cut)
{
    struct play p = {.sc = sc, .cut = cut, .now = 1, .sent = BUF_INIT(1 << 16)};
    struct ip client;

    ip_parse(SPAN_LIT("192.0.2.9"), &client);
    p.o = (struct owner){.log = BUF_INIT(9999), .text = BUF_INIT(9999), .later = cut == CUT_LATER};
    smtp_server_init(&p.s, sc->config, ops_for(sc->config), &p.o, client);
    smtp_server_start(&p.s, p.now);
    let_owner_answer(&p);
    for (p.step = 0; p.step < STEPS && sc->steps[p.step]; p.step++)
        play_step(&p, sc->steps[p.step]);
    if (p.sent_at != p.sent.n || p.log_at != p.o.log.n)
        fail_msg("%s, cut %d: more than expected: \"%s\" \"%s\"", sc->name, cut,
                 buf_str(&p.sent) + p.sent_at, buf_str(&p.o.log) + p.log_at);
    smtp_server_deinit(&p.s);
    smtp_server_deinit(&p.s);
    buf_deinit(&p.sent);
    buf_deinit(&p.o.log);
    buf_deinit(&p.o.text);
}

static void dialogues_in_any_cut(void **state)
{
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
        for (enum cut cut = CUT_WHOLE; cut < CUTS; cut++)
            play(&scenarios[i], cut);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dialogues_in_any_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
