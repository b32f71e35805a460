/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an entry says: an A record and a text. The text is a template in rbldnsd's own small
 * language, turned into ours here:
 *
 *     $   what was asked for          $0 .. $9  a variable, as it stands; without one, "$0" itself
 *     $$  a dollar sign               $=        in the base template: the entry's text, or what was
 *     =.. at the head: the base template does     asked for when it has none
 *         not count for this entry
 *
 * What a variable or an entry's text holds is not looked at again for dollar signs, once it is put
 * in. rbldnsd puts the text together at each answer; we do it once, for each different one.
 */
#include "listfile/rbl_addr.h"
#include "listfile/rbl_priv.h"
#include "listfile/rbl_word.h"
#include "zone/text.h"

#include <errno.h>

static const uint32_t loopback = 0x7f000000;

const struct rbl_raw rbl_raw_default = {0x7f000002, {NULL, 0}};

/* The A behind the colon. Stricter than rbldnsd: see rbl.h. */
static bool parse_a(struct rbl_work *w, struct span *s, uint32_t *ret)
{
    struct span all = *s;
    uint32_t a;
    unsigned octets;

    if (rbl_value4(s, &a, &octets) != RBL_ADDR_OK || a == 0) {
        rbl_skip(w, all, "no A value behind the colon", "write it as :127.0.0.2:text or :2:text");
        return false;
    }
    if (octets == 1)
        a |= loopback;
    if (a >> 24 != 127 || a == loopback + 1) {
        rbl_skip(w, all, "an A value that clients take for a dead or hijacked list",
                 "use 127.0.0.2 to 127.255.255.255 (RFC 5782)");
        return false;
    }
    *ret = a;
    return true;
}

bool rbl_raw_parse(struct rbl_work *w, struct span s, const struct rbl_raw *def,
                   struct rbl_raw *ret)
{
    struct rbl_raw got = {def->a, s};

    if (s.n && s.p[0] == ':') {
        s = span_slice(s, 1, s.n);
        if (!parse_a(w, &s, &got.a))
            return false;
        rbl_blanks(&s);
        got.text = def->text;
        if (s.n && s.p[0] == ':') {
            got.text = span_slice(s, 1, s.n);
            rbl_blanks(&got.text);
        } else if (s.n) {
            rbl_skip(w, s, "something between the A value and the text",
                     "put a colon between them; a comment has a line of its own");
            return false;
        }
    }
    if (got.text.n > RBL_TXT_MAX) {
        rbl_warn(w, got.text, "text cut at 255 octets", "shorten it");
        got.text.n = RBL_TXT_MAX;
    }
    *ret = got;
    return true;
}

/* What does not fit into a template is cut off: so it has a bound, whatever a variable holds. */
static void put_literal(struct buf *out, struct span s)
{
    size_t room = ZONE_TEMPLATE_MAX - out->n, lengths = ZONE_TEMPLATE_MAX / 100;

    zone_text_add(out, span_slice(s, 0, room > lengths ? room - lengths : 0));
}

/* One mark behind a dollar sign at s.p[0]; takes it off. */
static void put_mark(struct buf *out, const struct rbl_set *set, struct span *s, struct span own)
{
    char c = s->n > 1 ? s->p[1] : ' ';
    size_t taken = 2;

    if (c == '$') {
        put_literal(out, SPAN_LIT("$"));
    } else if (ascii_is_digit(c)) {
        struct span var = set->vars[c - '0'];

        put_literal(out, var.n ? var : span_slice(*s, 0, 2));
    } else if (c == '=' && own.n) {
        put_literal(out, own);
    } else if (c == '=') {
        zone_text_add_subject(out);
    } else {
        zone_text_add_subject(out);
        taken = 1;
    }
    *s = span_slice(*s, taken, s->n);
}

static void put_text(struct buf *out, const struct rbl_set *set, struct span text)
{
    struct span own = text, base = set->vars[RBL_BASE];

    buf_clear(out);
    if (text.n && text.p[0] == '=')
        text = own = span_slice(text, 1, text.n);
    else if (base.n)
        text = base;
    while (text.n && !out->err && out->n < ZONE_TEMPLATE_MAX) {
        size_t dollar = span_find(text, '$');

        if (dollar) {
            put_literal(out, span_slice(text, 0, dollar));
            text = span_slice(text, dollar, text.n);
        }
        if (text.n)
            put_mark(out, set, &text, own);
    }
}

int rbl_value(struct rbl_work *w, const struct rbl_set *set, const struct rbl_raw *raw,
              struct zone_data *data, uint32_t *ret)
{
    struct zone_value value = {.a = raw->a, .ttl = set->ttl};

    put_text(&w->text, set, raw->text);
    if (w->text.err == -ENOMEM)
        return -ENOMEM;
    value.text = buf_span(&w->text);
    return zone_data_value(data, &value, ret);
}
