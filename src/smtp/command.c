/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A command line is looked at from left to right: bytes that have no place in one, the verb by
 * the table, the argument by the verb. The parser says what is wrong and leaves to the server
 * what to do about it; the replies stand here because the RFCs bind them to the fault, not to the
 * server.
 *
 * The order of tests is meant: the argument of a verb is read before "not offered" is said, so
 * that the size of a BDAT chunk is known even where BDAT is refused. Octets of a chunk that were
 * taken for commands would be a way to smuggle them.
 */
#include "smtp/command.h"
#include "base/num.h"
#include "smtp/ehlo.h"

#include <string.h>

enum {
    ENVID_MAX = 100,      /* RFC 3461 §4.4 */
    ORCPT_MAX = 500,      /* RFC 3461 §4.2 */
    AUTH_PARAM_MAX = 500, /* RFC 4954 §3 (5) */
};

const char *smtp_command_got_name(enum smtp_command_got got)
{
    static const char *const names[] = {
        [SMTP_COMMAND_OK] = "ok",
        [SMTP_COMMAND_UNKNOWN] = "unknown",
        [SMTP_COMMAND_NOT_OFFERED] = "not-offered",
        [SMTP_COMMAND_BYTES] = "bytes",
        [SMTP_COMMAND_NEEDS_ARG] = "needs-arg",
        [SMTP_COMMAND_NO_ARG] = "no-arg",
        [SMTP_COMMAND_SYNTAX] = "syntax",
        [SMTP_COMMAND_BAD_SENDER] = "bad-sender",
        [SMTP_COMMAND_BAD_RECIPIENT] = "bad-recipient",
        [SMTP_COMMAND_NEEDS_UTF8] = "needs-utf8",
        [SMTP_COMMAND_PARAM_UNKNOWN] = "param-unknown",
        [SMTP_COMMAND_PARAM_TWICE] = "param-twice",
        [SMTP_COMMAND_PARAM_VALUE] = "param-value",
    };

    return names[got];
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* xtext = *( %d33-42 / %d44-60 / %d62-126 / "+" 2HEXDIG(upper) ), RFC 3461 §4 */
static bool is_xtext(struct span s)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < 33 || s.p[i] > 126 || s.p[i] == '=')
            return false;
        if (s.p[i] != '+')
            continue;
        for (unsigned k = 1; k <= 2; k++)
            if (i + k >= s.n || !memchr(hex, s.p[i + k], sizeof(hex) - 1))
                return false;
        i += 2;
    }
    return true;
}

static bool value_size(struct span v, struct smtp_params *p)
{
    return v.n <= 20 && num_u64(v, 0, UINT64_MAX, &p->size);
}

static bool value_body(struct span v, struct smtp_params *p)
{
    if (span_eq_nocase(v, SPAN_LIT("7BIT")))
        p->body = SMTP_BODY_7BIT;
    else if (span_eq_nocase(v, SPAN_LIT("8BITMIME")))
        p->body = SMTP_BODY_8BITMIME;
    else if (span_eq_nocase(v, SPAN_LIT("BINARYMIME")))
        p->body = SMTP_BODY_BINARYMIME;
    else
        return false;
    return true;
}

static bool value_none(struct span v, struct smtp_params *p)
{
    return v.p == NULL;
}

static bool value_ret(struct span v, struct smtp_params *p)
{
    p->ret_full = span_eq_nocase(v, SPAN_LIT("FULL"));
    return p->ret_full || span_eq_nocase(v, SPAN_LIT("HDRS"));
}

static bool value_envid(struct span v, struct smtp_params *p)
{
    p->envid = v;
    return v.n > 0 && v.n <= ENVID_MAX && is_xtext(v);
}

/* NEVER stands alone; the others may be listed, RFC 3461 §4.1. */
static bool value_notify(struct span v, struct smtp_params *p)
{
    static const char *const words[] = {"NEVER", "SUCCESS", "FAILURE", "DELAY"};
    struct span word;

    if (v.n == 0)
        return false;
    while (span_cut(&v, ',', &word)) {
        unsigned bit = 0;

        for (unsigned i = 0; i < 4; i++)
            if (span_eq_nocase(word, span_str(words[i])))
                bit = 1u << i;
        if (!bit)
            return false;
        p->notify |= bit;
    }
    return !(p->notify & SMTP_NOTIFY_NEVER) || p->notify == SMTP_NOTIFY_NEVER;
}

/* addr-type ";" xtext; with SMTPUTF8 the address may hold UTF-8 as it is (RFC 6533 §3). */
static bool value_orcpt(struct span v, struct smtp_params *p)
{
    size_t semi = span_find(v, ';');
    struct span address = span_slice(v, semi + 1, v.n);

    p->orcpt = v;
    if (semi == 0 || semi == v.n || v.n > ORCPT_MAX)
        return false;
    for (size_t i = 0; i < semi; i++)
        if (!ascii_is_alnum(v.p[i]) && v.p[i] != '-')
            return false;
    if (span_eq_nocase(span_slice(v, 0, semi), SPAN_LIT("utf-8")))
        return address.n > 0;
    return address.n > 0 && is_xtext(address);
}

static bool value_auth(struct span v, struct smtp_params *p)
{
    p->auth = v;
    return v.n > 0 && v.n <= AUTH_PARAM_MAX && is_xtext(v);
}

struct param_row {
    const char *name;
    enum smtp_param param;
    enum smtp_verb verb;
    unsigned ext;
    bool (*value)(struct span value, struct smtp_params *p); /* value.p NULL: no "=" */
};

static const struct param_row params[] = {
    {"SIZE", SMTP_PARAM_SIZE, SMTP_VERB_MAIL, SMTP_EXT_SIZE, value_size},
    {"BODY", SMTP_PARAM_BODY, SMTP_VERB_MAIL, SMTP_EXT_8BITMIME, value_body},
    {"SMTPUTF8", SMTP_PARAM_SMTPUTF8, SMTP_VERB_MAIL, SMTP_EXT_SMTPUTF8, value_none},
    {"RET", SMTP_PARAM_RET, SMTP_VERB_MAIL, SMTP_EXT_DSN, value_ret},
    {"ENVID", SMTP_PARAM_ENVID, SMTP_VERB_MAIL, SMTP_EXT_DSN, value_envid},
    {"AUTH", SMTP_PARAM_AUTH, SMTP_VERB_MAIL, SMTP_EXT_AUTH, value_auth},
    {"NOTIFY", SMTP_PARAM_NOTIFY, SMTP_VERB_RCPT, SMTP_EXT_DSN, value_notify},
    {"ORCPT", SMTP_PARAM_ORCPT, SMTP_VERB_RCPT, SMTP_EXT_DSN, value_orcpt},
};

static const struct param_row *param_find(struct span name, enum smtp_verb verb, unsigned ext)
{
    for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++)
        if (params[i].verb == verb && (params[i].ext & ext) &&
            span_eq_nocase(name, span_str(params[i].name)))
            return &params[i];
    return NULL;
}

static enum smtp_command_got parse_params(struct span rest, unsigned ext, struct smtp_command *cmd)
{
    struct span word;

    while (span_word(&rest, &word)) {
        size_t eq = span_find(word, '=');
        struct span value = eq < word.n ? span_slice(word, eq + 1, word.n) : SPAN_NULL;
        const struct param_row *row = param_find(span_slice(word, 0, eq), cmd->verb, ext);

        if (!row)
            return SMTP_COMMAND_PARAM_UNKNOWN;
        if (cmd->params.given & row->param)
            return SMTP_COMMAND_PARAM_TWICE;
        cmd->params.given |= row->param;
        if (!row->value(value, &cmd->params))
            return SMTP_COMMAND_PARAM_VALUE;
        if (cmd->params.body == SMTP_BODY_BINARYMIME && !(ext & SMTP_EXT_BINARYMIME))
            return SMTP_COMMAND_PARAM_VALUE;
    }
    return SMTP_COMMAND_OK;
}

/* Whether a path may stand where the verb has it: see smtp_command_parse. */
static bool path_fits(const struct smtp_command *cmd)
{
    enum smtp_path_got special =
        cmd->verb == SMTP_VERB_MAIL ? SMTP_PATH_NULL : SMTP_PATH_POSTMASTER;

    return cmd->path_got == SMTP_PATH_OK || cmd->path_got == special;
}

/* "MAIL FROM:" Reverse-path [SP Mail-parameters], "RCPT TO:" Forward-path [SP Rcpt-parameters] */
static enum smtp_command_got parse_envelope(const struct smtp_command_rules *rules,
                                            struct smtp_command *cmd)
{
    bool is_mail = cmd->verb == SMTP_VERB_MAIL;
    struct span word = is_mail ? SPAN_LIT("FROM:") : SPAN_LIT("TO:");
    struct span rest = cmd->arg;
    enum smtp_command_got got;
    size_t n;

    if (!span_starts_nocase(rest, word))
        return SMTP_COMMAND_SYNTAX;
    rest = span_slice(rest, word.n, rest.n);
    if (rules->any_path)
        rest = span_trim(rest);
    /* What stands right behind the bracket is part of the path, and makes it a wrong one. */
    for (n = smtp_path_length(rest); n < rest.n && !is_blank(rest.p[n]); n++)
        ;
    if (n == 0)
        return SMTP_COMMAND_SYNTAX;
    cmd->path_text = span_slice(rest, 0, n);
    cmd->path_got = smtp_path_parse(cmd->path_text, &cmd->path, NULL);
    if (!rules->any_path && !path_fits(cmd))
        return is_mail ? SMTP_COMMAND_BAD_SENDER : SMTP_COMMAND_BAD_RECIPIENT;
    got = parse_params(span_slice(rest, n, rest.n), rules->ext, cmd);
    if (got == SMTP_COMMAND_OK && cmd->path.utf8 && !rules->any_path &&
        !(is_mail ? (cmd->params.given & SMTP_PARAM_SMTPUTF8) != 0 : rules->utf8))
        return SMTP_COMMAND_NEEDS_UTF8;
    return got;
}

/* "BDAT" SP chunk-size [ SP "LAST" ], RFC 3030 §2 */
static enum smtp_command_got parse_bdat(struct smtp_command *cmd)
{
    struct span rest = cmd->arg, size, last;

    if (!span_word(&rest, &size) || !num_u64(size, 0, UINT64_MAX, &cmd->chunk))
        return SMTP_COMMAND_SYNTAX;
    if (!span_word(&rest, &last))
        return SMTP_COMMAND_OK;
    cmd->last = true;
    return span_eq_nocase(last, SPAN_LIT("LAST")) && !span_word(&rest, &last) ? SMTP_COMMAND_OK
                                                                              : SMTP_COMMAND_SYNTAX;
}

static bool bytes_ok(struct span line, bool high)
{
    for (size_t i = 0; i < line.n; i++) {
        unsigned char c = (unsigned char)line.p[i];

        if ((c < 32 && c != '\t') || c == 127 || (c > 127 && !high))
            return false;
    }
    return true;
}

static enum smtp_command_got parse_argument(const struct smtp_command_rules *rules,
                                            struct smtp_command *cmd)
{
    if ((cmd->flags & SMTP_TAKES_ARG) && cmd->arg.n == 0)
        return SMTP_COMMAND_NEEDS_ARG;
    if ((cmd->flags & SMTP_TAKES_NONE) && cmd->arg.n > 0)
        return SMTP_COMMAND_NO_ARG;
    if (cmd->verb == SMTP_VERB_MAIL || cmd->verb == SMTP_VERB_RCPT)
        return parse_envelope(rules, cmd);
    return cmd->verb == SMTP_VERB_BDAT ? parse_bdat(cmd) : SMTP_COMMAND_OK;
}

enum smtp_command_got smtp_command_parse(struct span line, const struct smtp_command_rules *rules,
                                         struct smtp_command *ret)
{
    const struct smtp_verb_row *row;
    enum smtp_command_got got;
    struct span rest = line;

    *ret = (struct smtp_command){0};
    if (!span_word(&rest, &ret->word))
        return SMTP_COMMAND_UNKNOWN;
    ret->arg = span_trim(rest);
    row = smtp_verb_find(ret->word);
    if (row) {
        ret->verb = row->verb;
        ret->flags = row->flags;
    }
    if (!bytes_ok(line, rules->any_path || (rules->ext & SMTP_EXT_SMTPUTF8)))
        return SMTP_COMMAND_BYTES;
    if (!row)
        return SMTP_COMMAND_UNKNOWN;
    got = parse_argument(rules, ret);
    if ((row->flags & SMTP_OPTIONAL) && !(row->ext & rules->ext))
        return SMTP_COMMAND_NOT_OFFERED;
    return got;
}

static const char *path_fault(enum smtp_path_got got, bool is_mail)
{
    if (got == SMTP_PATH_LONG || got == SMTP_PATH_LONG_LOCAL || got == SMTP_PATH_LONG_DOMAIN)
        return is_mail ? "Sender address too long" : "Recipient address too long";
    if (got == SMTP_PATH_NO_DOMAIN || got == SMTP_PATH_POSTMASTER)
        return is_mail ? "Sender address needs a domain" : "Recipient address needs a domain";
    return is_mail ? "Bad sender address syntax" : "Bad recipient address syntax";
}

struct smtp_fault smtp_command_fault(enum smtp_command_got got, const struct smtp_command *cmd)
{
    switch (got) {
    case SMTP_COMMAND_OK:
        break;
    case SMTP_COMMAND_UNKNOWN:
        return (struct smtp_fault){500, "5.5.1", "Command not recognized"};
    case SMTP_COMMAND_NOT_OFFERED:
        return (struct smtp_fault){502, "5.5.1", "Command not implemented"};
    case SMTP_COMMAND_BYTES:
        return (struct smtp_fault){500, "5.5.2", "Character not allowed in a command"};
    case SMTP_COMMAND_NEEDS_ARG:
        return (struct smtp_fault){501, "5.5.4", "Argument missing"};
    case SMTP_COMMAND_NO_ARG:
        return (struct smtp_fault){501, "5.5.4", "No argument allowed"};
    case SMTP_COMMAND_SYNTAX:
        return (struct smtp_fault){501, "5.5.4", "Syntax error in argument"};
    case SMTP_COMMAND_BAD_SENDER:
        return (struct smtp_fault){501, "5.1.7", path_fault(cmd->path_got, true)};
    case SMTP_COMMAND_BAD_RECIPIENT:
        return (struct smtp_fault){501, "5.1.3", path_fault(cmd->path_got, false)};
    case SMTP_COMMAND_NEEDS_UTF8:
        return (struct smtp_fault){553, "5.6.7", "Address needs SMTPUTF8"};
    case SMTP_COMMAND_PARAM_UNKNOWN:
        return (struct smtp_fault){555, "5.5.4", "Parameter not recognized"};
    case SMTP_COMMAND_PARAM_TWICE:
        return (struct smtp_fault){501, "5.5.4", "Parameter given twice"};
    case SMTP_COMMAND_PARAM_VALUE:
        return (struct smtp_fault){501, "5.5.4", "Bad parameter value"};
    }
    return (struct smtp_fault){250, "2.0.0", "Ok"};
}
