/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Exchange 5.5's Internet Mail Service, from a .reg file of MSExchangeIMC\Parameters, as regedit
 * of either age writes it. RelayFlags says which of four restrictions are in force: 1 a list of
 * refused clients, 2 a list of allowed ones, 4 clients that reached us on a listed interface,
 * 8 who is logged in. With none of the last three, everybody else may relay; an empty list of
 * allowed clients, in force, is what closes it.
 */
#include "audit/records.h"

#include "base/num.h"

#include <stdlib.h>

enum { FLAG_DENY = 1, FLAG_ALLOW = 2, FLAG_LOCAL = 4, FLAG_LOGIN = 8 };

struct ims {
    struct audit *a;
    const struct audit_kind *kind;
    const char *file;
    bool wide;  /* regedit 5: lists in UTF-16 */
    bool key;   /* within MSExchangeIMC\Parameters */
    bool found; /* the key is there */
    unsigned flags, key_line;
    bool flags_set;
    struct audit_place flags_place, allow_place, deny_place, local_place;
    const char *allow, *deny, *local; /* items separated by newlines */
};

/* --- values ----------------------------------------------------------------------------------- */

static bool hex_digit(char c, unsigned *v)
{
    if (ascii_is_digit(c))
        *v = (unsigned)(c - '0');
    else if (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f')
        *v = (unsigned)(ascii_lower(c) - 'a') + 10;
    else
        return false;
    return true;
}

static bool hex_number(struct span s, unsigned *ret)
{
    unsigned v, sum = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (!hex_digit(s.p[i], &v) || sum >> 28)
            return false;
        sum = sum << 4 | v;
    }
    *ret = sum;
    return s.n > 0;
}

/* hex(7):31,00,… as text: NULs part the items. */
static const char *hex_text(struct ims *m, struct span s)
{
    struct buf out = BUF_INIT(AUDIT_LINE_MAX);
    struct span byte;
    const char *text;
    size_t n = 0;
    unsigned v;

    while (span_cut(&s, ',', &byte)) {
        byte = span_trim(byte);
        if (!hex_number(byte, &v) || v > 255)
            continue;
        if (!m->wide || n % 2 == 0)
            buf_add_char(&out, v ? (char)v : '\n');
        n++;
    }
    text = audit_dup(m->a, buf_span(&out));
    buf_deinit(&out);
    return text;
}

static const char *list_text(struct ims *m, struct span value)
{
    size_t colon = span_find(value, ':');

    if (span_starts_nocase(value, SPAN_LIT("hex")) && colon < value.n)
        return hex_text(m, span_slice(value, colon + 1, value.n));
    if (value.n > 1 && value.p[0] == '"')
        value = span_slice(value, 1, value.n - 1);
    return audit_dup(m->a, value);
}

static void value_line(struct ims *m, struct span name, struct span value, struct audit_place place)
{
    if (span_eq_nocase(name, SPAN_LIT("RelayFlags"))) {
        m->flags_place = place;
        m->flags_set = span_starts_nocase(value, SPAN_LIT("dword:")) &&
                       hex_number(span_slice(value, 6, value.n), &m->flags);
    } else if (span_eq_nocase(name, SPAN_LIT("RelayAllowList"))) {
        m->allow = list_text(m, value);
        m->allow_place = place;
    } else if (span_eq_nocase(name, SPAN_LIT("RelayDenyList"))) {
        m->deny = list_text(m, value);
        m->deny_place = place;
    } else if (span_eq_nocase(name, SPAN_LIT("RelayLocalIPList"))) {
        m->local = list_text(m, value);
        m->local_place = place;
    }
}

static void read_lines(struct ims *m, const struct audit_source_file *f)
{
    struct audit_lines r;
    struct audit_line line;

    audit_lines_open(&r, m->a, AUDIT_LINES_BACKSLASH, f);
    while (audit_lines_next(&r, &line)) {
        struct span s = span_trim(line.text), name;

        if (span_has_nocase(s, SPAN_LIT("Registry Editor Version 5")))
            m->wide = true;
        if (s.p[0] == '[') {
            m->key = span_ends_nocase(s, SPAN_LIT("\\MSExchangeIMC\\Parameters]"));
            if (m->key) {
                m->found = true;
                m->key_line = line.first;
            }
        } else if (m->key && s.p[0] == '"') {
            size_t end = span_find(span_slice(s, 1, s.n), '"') + 1, eq;

            name = span_slice(s, 1, end);
            s = span_slice(s, end + 1, s.n);
            eq = span_find(s, '=');
            value_line(m, name, span_trim(span_slice(s, eq + 1, s.n)),
                       (struct audit_place){f->name, line.first});
        }
    }
}

/* --- lists ------------------------------------------------------------------------------------ */

/* "net;mask"; a mask that is not there is that of one host. */
static bool item_net(struct span item, struct relay_nets *ret)
{
    size_t semi = span_find(item, ';');
    struct ip low, high;
    char text[80];

    *ret = (struct relay_nets){0};
    item = span_trim(item);
    if (semi < item.n && item.n < sizeof(text) - 2) {
        span_copy(item, text, sizeof(text));
        text[semi] = '/';
        item = span_str(text);
    }
    return audit_range_parse(item, &low, &high) && audit_range_add(ret, low, high) == 0;
}

static void add_list(struct ims *m, struct audit_door *d, const char *list, bool except,
                     struct audit_place place)
{
    struct span rest = span_str(list), item;

    while (list && span_cut(&rest, '\n', &item)) {
        struct relay_nets nets;

        if (span_trim(item).n == 0)
            continue;
        if (!item_net(item, &nets)) {
            struct audit_finding *f = audit_undecided(m->a, "E502", AUDIT_OPEN, d, place);

            f->why = audit_fmt(m->a, "'%.*s' is no network;mask", SPAN_ARG(item));
            f->fix = "write it as 10.1.2.0;255.255.255.0";
            continue;
        }
        for (size_t i = 0; i < nets.count; i++)
            audit_net_add(m->a, &d->trusted, nets.v[i], except, place, item)->fix =
                "leave \"Hosts and clients with these IP addresses\" ticked and its list empty";
        relay_nets_deinit(&nets);
    }
}

/* --- judging ---------------------------------------------------------------------------------- */

static void open_to_all(struct ims *m, struct audit_door *d)
{
    struct audit_finding *f = audit_find(
        m->a, "E501", AUDIT_OPEN, d,
        m->flags_place.file ? m->flags_place : (struct audit_place){m->file, m->key_line});

    f->why = !m->flags_set ? "RelayFlags is not set: mail is rerouted for everybody"
             : m->flags & FLAG_DENY
                 ? "only a list of refused clients is in force: everybody else may relay"
                 : "no restriction is in force: everybody may relay";
    f->witness = audit_witness(d, audit_stranger(NULL, IP_V4), NULL, NULL);
    f->fix = "\"RelayFlags\"=dword:00000002";
    if (m->flags_set)
        f->edit = (struct audit_edit){AUDIT_EDIT_REPLACE, m->file, m->flags_place.line,
                                      m->flags_place.line, f->fix};
    d->stranger = AUDIT_YES;
}

static void local_list(struct ims *m, struct audit_door *d)
{
    struct span rest = span_str(m->local), item;
    struct audit_finding *f;

    while (span_cut(&rest, '\n', &item)) {
        struct ip ip;
        bool inside;

        item = span_trim(span_slice(item, 0, span_find(item, ';')));
        if (item.n == 0 || !ip_parse(item, &ip))
            continue;
        inside = ip_space(ip) == IP_PRIVATE || ip_space(ip) == IP_LOOPBACK;
        if (ip_space(ip) == IP_LOOPBACK)
            continue;
        f = audit_find(m->a, "E503", inside ? AUDIT_NAT : AUDIT_OPEN, d, m->local_place);
        f->why = audit_fmt(m->a, "all who reach the server at %.*s may relay", SPAN_ARG(item));
        f->unless = inside ? "no connection from outside is led to that address"
                           : "no stranger reaches that address";
        f->witness = audit_witness(d, audit_stranger(NULL, IP_V4), NULL, NULL);
        f->fix = "take the address out of RelayLocalIPList";
    }
}

/* The encapsulated form passed by all restrictions before SP3 (KB Q237927, MS99-027). */
static void old_build(struct ims *m, struct audit_door *d)
{
    struct span v = span_str(audit_host_get_version(m->a)), part;
    unsigned n[3] = {0}, i = 0;
    struct audit_finding *f;

    while (i < 3 && span_cut(&v, '.', &part))
        if (!num_uint(part, 0, 1000000, &n[i++]))
            return;
    if (i < 3 || n[0] != 5 || n[1] != 5 || n[2] >= 2650 || d->stranger == AUDIT_YES)
        return;
    f = audit_find(m->a, "E504", AUDIT_OPEN, d, (struct audit_place){m->file, m->key_line});
    f->why =
        audit_fmt(m->a, "build 5.5.%u takes encapsulated recipients past its restrictions", n[2]);
    f->witness = audit_witness(d, audit_stranger(NULL, IP_V4), "",
                               "IMCEASMTP-" AUDIT_VICTIM_LOCAL "+40elsewhere+2Eexample@"
                               "ours.example");
    f->fix = "install Service Pack 4 (5.5.2653)";
}

static int ims_read(struct audit *a, const struct audit_kind *kind, const char *path, bool folder)
{
    struct ims m = {.a = a, .kind = kind};
    struct audit_source_file f;
    enum audit_file got = audit_text(a, path, &f);
    struct audit_door *d;

    if (got != AUDIT_FILE_OK)
        return audit_bad(a, (struct audit_place){path, 0}, "%s", audit_file_name(got));
    m.file = f.name;
    read_lines(&m, &f);
    if (!m.found)
        return audit_bad(
            a, (struct audit_place){path, 0},
            "the key ...\\Services\\MSExchangeIMC\\Parameters is not in it; export it");
    d = audit_door(a, kind, "Internet Mail Service", 25, AUDIT_BIND_ANY,
                   (struct audit_place){f.name, m.key_line});
    d->stranger = AUDIT_NO;
    d->login = m.flags & FLAG_LOGIN;
    if (!m.flags_set && m.flags_place.file)
        return audit_bad(a, m.flags_place, "RelayFlags is no dword; export the key again");
    if (!(m.flags & (FLAG_ALLOW | FLAG_LOCAL | FLAG_LOGIN)))
        open_to_all(&m, d);
    if (m.flags & FLAG_DENY)
        add_list(&m, d, m.deny, true, m.deny_place);
    if (m.flags & FLAG_ALLOW)
        add_list(&m, d, m.allow, false, m.allow_place);
    if (m.flags & FLAG_LOCAL && m.local)
        local_list(&m, d);
    old_build(&m, d);
    return audit_failed(a);
}

static enum audit_guess ims_probe(struct audit *a, const struct audit_probe *p)
{
    return !p->folder && span_has_nocase(p->text, SPAN_LIT("MSExchangeIMC\\Parameters"))
               ? AUDIT_GUESS_SURE
               : AUDIT_GUESS_NO;
}

const struct audit_kind audit_kind_exchange55 = {
    .name = "exchange55",
    .title = "Exchange 5.5",
    .reads = "a .reg file of MSExchangeIMC\\Parameters",
    .restart = "net stop MSExchangeIMC && net start MSExchangeIMC",
    .rules = {.wide = "E502", .nat = "E502"},
    .probe = ims_probe,
    .read = ims_read,
};
