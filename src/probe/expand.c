/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A form is read piece by piece by one reader, expand_next(), which both the check and the filling
 * use, so that what was checked when a row was loaded is what is sent.
 *
 * Values come from the run, the operator, and the target's own greeting. The last is a stranger's:
 * a host name of the target's choosing ends up in our MAIL and RCPT lines. So a value that holds a
 * control character, or a name that holds more than a host name may, counts as missing, whoever it
 * came from: no greeting can end our command early or make an address point elsewhere. The row's
 * own bytes may be anything but CR and LF, which the catalogue sees to.
 *
 * Filler ({pad:N}) needs the length of the word around it, which is known only when the word is
 * whole. So it is put in at the end, at a remembered place.
 */
#include "probe/expand.h"

#include "base/num.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* In the order of enum expand_var; "pad" has its number behind it. */
static const struct {
    const char *name, *words;
} vars[EXPAND_VARS] = {
    [EXPAND_U] = {"u", "a token for the recipient"},
    [EXPAND_U_IMCEA] = {"u.imcea", "a token for the recipient"},
    [EXPAND_S] = {"s", "a token for the sender"},
    [EXPAND_D] = {"d", "a probe domain"},
    [EXPAND_D_UPPER] = {"D", "a probe domain"},
    [EXPAND_D_IMCEA] = {"d.imcea", "a probe domain"},
    [EXPAND_D_WIDE] = {"d.wide", "a probe domain"},
    [EXPAND_HOST] = {"H", "the target's host name"},
    [EXPAND_LOCAL] = {"L", "a domain that the target is final for"},
    [EXPAND_IP] = {"ip", "the target's address"},
    [EXPAND_IP_BARE] = {"ip.bare", "the target's address"},
    [EXPAND_ME] = {"me", "a name for HELO"},
    [EXPAND_MYIP] = {"myip", "our own address"},
    [EXPAND_MYIP_BARE] = {"myip.bare", "our own address"},
    [EXPAND_TESTER] = {"tester", "the host name of this machine"},
    [EXPAND_RAND] = {"rand", "a label that resolves nowhere"},
    [EXPAND_MXLABEL] = {"mxlabel", "a name below the probe domain whose MX is the target"},
    [EXPAND_MAILBOX] = {"mailbox", "a mailbox at the target, named by its operator"},
    [EXPAND_PARTNER] = {"partner", "a domain that the target may trust as a sender"},
    [EXPAND_ACCOUNT] = {"account", "a login for the test"},
    [EXPAND_PASSWORD] = {"password", "the password of a login for the test"},
    [EXPAND_PAD] = {"pad", "nothing"},
};

const char *expand_var_name(enum expand_var var)
{
    return (unsigned)var < EXPAND_VARS ? vars[var].name : "";
}

const char *expand_var_words(enum expand_var var)
{
    return (unsigned)var < EXPAND_VARS ? vars[var].words : "";
}

static int hex_digit(char c)
{
    c = ascii_lower(c);
    if (ascii_is_digit(c))
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Takes "\xHH", "\\", "\{" or "\}" off the front. */
static const char *next_escape(struct span *form, struct expand_piece *ret)
{
    struct span s = *form;
    int hi, lo;

    if (s.n >= 2 && (s.p[1] == '\\' || s.p[1] == '{' || s.p[1] == '}')) {
        ret->byte = s.p[1];
        *form = span_slice(s, 2, s.n);
        return NULL;
    }
    if (s.n < 4 || s.p[1] != 'x')
        return "a backslash stands before x and two hex digits, a backslash or a brace";
    hi = hex_digit(s.p[2]);
    lo = hex_digit(s.p[3]);
    if (hi < 0 || lo < 0)
        return "\\x wants two hex digits";
    ret->byte = (char)(hi << 4 | lo);
    *form = span_slice(s, 4, s.n);
    return NULL;
}

static bool var_named(struct span name, struct expand_piece *ret)
{
    struct span pad = SPAN_LIT("pad:");

    if (span_starts(name, pad)) {
        ret->var = EXPAND_PAD;
        return num_uint(span_slice(name, pad.n, name.n), 1, EXPAND_PAD_MAX, &ret->pad);
    }
    for (unsigned v = 0; v < EXPAND_PAD; v++) {
        if (span_eq(name, span_str(vars[v].name))) {
            ret->var = (enum expand_var)v;
            return true;
        }
    }
    return false;
}

const char *expand_next(struct span *form, struct expand_piece *ret, struct span *ret_name)
{
    size_t end;

    *ret = (struct expand_piece){.byte = form->p[0]};
    *ret_name = SPAN_NULL;
    switch (form->p[0]) {
    case '\\':
        return next_escape(form, ret);
    case '}':
        return "a closing brace without an opening one; write \\} for the character";
    case '{':
        end = span_find(*form, '}');
        if (end == form->n)
            return "an opening brace without a closing one; write \\{ for the character";
        ret->is_var = true;
        *ret_name = span_slice(*form, 1, end);
        *form = span_slice(*form, end + 1, form->n);
        return var_named(*ret_name, ret) ? NULL : "unknown variable";
    default:
        *form = span_slice(*form, 1, form->n);
        return NULL;
    }
}

bool expand_check(struct span form, uint32_t *ret_vars, char *why, size_t why_size)
{
    uint32_t seen = 0;

    while (form.n) {
        struct span name;
        struct expand_piece piece;
        const char *fault = expand_next(&form, &piece, &name);

        if (!fault && piece.is_var) {
            if (piece.var == EXPAND_PAD && seen & 1u << EXPAND_PAD)
                fault = "filler stands twice";
            seen |= 1u << piece.var;
        }
        if (fault && name.n)
            snprintf(why, why_size, "%s {%.*s}", fault, (int)(name.n < 40 ? name.n : 40), name.p);
        else if (fault)
            snprintf(why, why_size, "%s", fault);
        if (fault)
            return false;
    }
    *ret_vars = seen;
    return true;
}

static bool usable(const char *value)
{
    if (!value || !*value)
        return false;
    for (; *value; value++)
        if ((unsigned char)*value < ' ' || *value == 0x7f)
            return false;
    return true;
}

/* Letters of any script, digits and what host names hold besides. */
static bool usable_name(const char *value)
{
    if (!value || !*value)
        return false;
    for (; *value; value++)
        if (!ascii_is_alnum(*value) && !strchr(".-_", *value) && (unsigned char)*value < 0x80)
            return false;
    return true;
}

static bool add_text(struct buf *out, const char *value)
{
    if (!usable(value))
        return false;
    buf_add_str(out, value);
    return true;
}

static bool add_name(struct buf *out, const char *value)
{
    return usable_name(value) && add_text(out, value);
}

static bool add_user(struct buf *out, const char *prefix, const char *token, const char *suffix)
{
    /* A prefix or suffix that is there but not usable must not be left out in silence. */
    if (!usable(token) || (prefix && *prefix && !usable(prefix)) ||
        (suffix && *suffix && !usable(suffix)))
        return false;
    buf_add_str(out, prefix);
    buf_add_str(out, token);
    buf_add_str(out, suffix);
    return true;
}

/*
 * Letters, digits, "=" and "-" stay in an encapsulated address; the rest is "+" and two hex digits.
 */
static bool add_imcea(struct buf *out, const char *value)
{
    if (!usable(value))
        return false;
    for (; *value; value++) {
        if (ascii_is_alnum(*value) || *value == '=' || *value == '-')
            buf_add_char(out, *value);
        else
            buf_addf(out, "+%02X", (unsigned char)*value);
    }
    return true;
}

static bool add_user_imcea(struct buf *out, const struct expand_values *v)
{
    struct buf user = BUF_INIT(EXPAND_MAX);
    bool ok = add_user(&user, v->u_prefix, v->u_token, v->u_suffix) && !user.err;

    if (user.err && !out->err)
        out->err = user.err;
    ok = ok && add_imcea(out, buf_str(&user));
    buf_deinit(&user);
    return ok;
}

static bool add_upper(struct buf *out, const char *value)
{
    if (!usable_name(value))
        return false;
    for (; *value; value++)
        buf_add_char(out, ascii_is_alpha(*value) ? (char)(*value & ~0x20) : *value);
    return true;
}

static bool add_wide(struct buf *out, const char *value)
{
    if (!usable_name(value))
        return false;
    for (; *value; value++) {
        if (*value == '.')
            buf_add_str(out, "\xe3\x80\x82");
        else
            buf_add_char(out, *value);
    }
    return true;
}

static bool add_ip(struct buf *out, struct ip ip, bool tagged)
{
    char text[IP_TEXT_MAX];

    if (ip.family == IP_NONE)
        return false;
    /* RFC 5321 §4.1.3: the tag belongs to the literal of an IPv6 address. */
    if (tagged && ip.family == IP_V6)
        buf_add_str(out, "IPv6:");
    buf_add_str(out, ip_text(ip, text));
    return true;
}

/* False when the value is missing. */
static bool add_var(struct buf *out, enum expand_var var, const struct expand_values *v)
{
    switch (var) {
    case EXPAND_U:
        return add_user(out, v->u_prefix, v->u_token, v->u_suffix);
    case EXPAND_U_IMCEA:
        return add_user_imcea(out, v);
    case EXPAND_S:
        return add_user(out, v->s_prefix, v->s_token, v->s_suffix);
    case EXPAND_D:
        return add_name(out, v->domain);
    case EXPAND_D_UPPER:
        return add_upper(out, v->domain);
    case EXPAND_D_IMCEA:
        return usable_name(v->domain) && add_imcea(out, v->domain);
    case EXPAND_D_WIDE:
        return add_wide(out, v->domain);
    case EXPAND_HOST:
        return add_name(out, v->target_host);
    case EXPAND_LOCAL:
        return add_name(out, v->local_domain);
    case EXPAND_IP:
        return add_ip(out, v->target, true);
    case EXPAND_IP_BARE:
        return add_ip(out, v->target, false);
    case EXPAND_ME:
        return add_text(out, v->helo);
    case EXPAND_MYIP:
        return add_ip(out, v->mine, true);
    case EXPAND_MYIP_BARE:
        return add_ip(out, v->mine, false);
    case EXPAND_TESTER:
        return add_name(out, v->tester);
    case EXPAND_RAND:
        return add_name(out, v->rand);
    case EXPAND_MXLABEL:
        return add_name(out, v->mx_label);
    case EXPAND_MAILBOX:
        return add_text(out, v->mailbox);
    case EXPAND_PARTNER:
        return add_name(out, v->partner);
    case EXPAND_ACCOUNT:
        return add_text(out, v->account);
    case EXPAND_PASSWORD:
        return add_text(out, v->password);
    case EXPAND_PAD:
    case EXPAND_VARS:
        break;
    }
    assert(!"a variable without a value");
    return false;
}

static bool ends_word(char c)
{
    return c != '\0' && strchr("<>@:, \t", c) != NULL;
}

/* Puts filler at `at` so that the word around it gets `want` octets long. */
static int put_pad(struct buf *out, size_t from, size_t at, unsigned want)
{
    enum { LABEL = 50 };
    size_t left = at, right = at, pad;
    struct span word;
    struct buf rest = BUF_INIT(EXPAND_MAX);
    int err;

    while (left > from && !ends_word(out->p[left - 1]))
        left--;
    while (right < out->n && !ends_word(out->p[right]))
        right++;
    if (right - left >= want)
        return 0;
    pad = want - (right - left);
    word = span_slice(buf_span(out), 0, left);
    bool domain = left > from && word.p[left - 1] == '@';

    buf_add(&rest, span_slice(buf_span(out), at, out->n));
    buf_truncate(out, at);
    for (size_t i = 1; i <= pad; i++)
        buf_add_char(out, domain && i % LABEL == 0 && i < pad ? '.' : 'x');
    buf_add(out, buf_span(&rest));
    err = rest.err;
    buf_deinit(&rest);
    return err;
}

/* Bytes that stand for themselves; the reader would hand them out one by one. */
static size_t plain(struct span form)
{
    size_t n = 0;

    while (n < form.n && form.p[n] != '{' && form.p[n] != '}' && form.p[n] != '\\')
        n++;
    return n;
}

int expand_form(struct span form, const struct expand_values *v, struct buf *out,
                enum expand_var *ret_missing)
{
    size_t from = out->n, pad_at = 0;
    unsigned pad = 0;
    int got = EXPAND_OK;

    if (out->err)
        return out->err;
    while (form.n && got == EXPAND_OK) {
        struct span name;
        struct expand_piece piece;
        size_t n = plain(form);

        if (n) {
            buf_add(out, span_slice(form, 0, n));
            form = span_slice(form, n, form.n);
            continue;
        }
        if (expand_next(&form, &piece, &name)) {
            got = -EINVAL;
        } else if (!piece.is_var) {
            buf_add_char(out, piece.byte);
        } else if (piece.var == EXPAND_PAD) {
            got = pad ? -EINVAL : EXPAND_OK;
            pad = piece.pad;
            pad_at = out->n;
        } else if (!add_var(out, piece.var, v)) {
            got = EXPAND_NEEDS;
            if (ret_missing)
                *ret_missing = piece.var;
        }
    }
    if (got == EXPAND_OK && pad && !out->err)
        got = put_pad(out, from, pad_at, pad);
    if (out->err)
        got = out->err;
    if (got != EXPAND_OK) {
        /* Whoever gave the buffer may go on with what it held. */
        buf_truncate(out, from);
        out->err = 0;
    }
    return got;
}
