/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Mercury's SMTP server, the section [MercuryS] of mercury.ini. "Relay : 0" alone still relays for
 * who claims a local sender; "Strict_Relay : 1" ends that. Hosts with an Allow line may relay in
 * either mode; zeros at the end of an address stand for anything.
 */
#include "audit/interp.h"

#include "base/num.h"

struct mercury {
    struct audit *a;
    const char *file, *domain;
    struct audit_place section, relay, strict;
    bool relays, is_strict;
};

static struct ip_prefix zeros_net(struct ip ip)
{
    unsigned len = 32;

    while (len > 0 && ip.b[len / 8 - 1] == 0)
        len -= 8;
    return ip_prefix_of(ip, len);
}

static void allow(struct mercury *m, struct audit_door *d, struct span value, unsigned line)
{
    struct audit_place place = {m->file, line};
    struct audit_net *n;
    struct span word;
    struct ip ip;

    if (!span_word(&value, &word) || !ip_parse(word, &ip) || ip.family != IP_V4)
        return;
    n = audit_net_add(m->a, &d->trusted, zeros_net(ip), false, place, word);
    n->fix = "Allow : the address of each host that sends";
    n->edit = (struct audit_edit){AUDIT_EDIT_DELETE, m->file, line, line, NULL};
}

static void setting(struct mercury *m, struct audit_door *d, struct span name, struct span value,
                    unsigned line)
{
    struct audit_place place = {m->file, line};
    bool on = !span_eq(value, SPAN_LIT("0")) && value.n > 0;

    if (span_eq_nocase(name, SPAN_LIT("Relay"))) {
        m->relay = place;
        m->relays = on;
    } else if (span_eq_nocase(name, SPAN_LIT("Strict_Relay"))) {
        m->strict = place;
        m->is_strict = on;
    } else if (span_eq_nocase(name, SPAN_LIT("Allow"))) {
        allow(m, d, value, line);
    }
}

static void judge(struct mercury *m, struct audit_door *d)
{
    struct audit_finding *f;

    if (m->relays) {
        f = audit_find(m->a, "ME01", AUDIT_OPEN, d, m->relay);
        f->why = "\"Relay : 1\" lets everybody relay";
        f->witness = audit_witness(d, audit_stranger(NULL, IP_V4), NULL, NULL);
        audit_fix_lines(m->a, f, AUDIT_EDIT_REPLACE, m->file, m->relay.line, m->relay.line,
                        "Relay : 0\nStrict_Relay : 1");
        d->stranger = AUDIT_YES;
    } else if (!m->is_strict) {
        const char *domain = m->domain ? m->domain : audit_host_get_name(m->a);

        f = audit_find(m->a, "ME02", AUDIT_FORGED, d, m->strict.file ? m->strict : m->section);
        f->why = "without \"Strict_Relay : 1\" whoever claims a local sender may relay";
        f->witness =
            audit_witness(d, audit_stranger(NULL, IP_V4),
                          audit_fmt(m->a, "info@%s", domain ? domain : "ours.example"), NULL);
        if (m->strict.file)
            audit_fix_lines(m->a, f, AUDIT_EDIT_REPLACE, m->file, m->strict.line, m->strict.line,
                            "Strict_Relay : 1");
        else
            audit_fix_lines(m->a, f, AUDIT_EDIT_INSERT, m->file, m->section.line, m->section.line,
                            "Strict_Relay : 1");
        d->keys |= AUDIT_KEY_SENDER;
    }
}

static int mercury_read(struct audit *a, const struct audit_kind *kind, const char *path,
                        bool folder)
{
    struct mercury m = {.a = a};
    struct audit_source_file f;
    struct audit_lines r;
    struct audit_line line;
    struct audit_door *d = NULL;
    bool domains = false, inside = false;
    enum audit_file got = audit_text(a, path, &f);

    if (got != AUDIT_FILE_OK)
        return audit_bad(a, (struct audit_place){path, 0}, "%s", audit_file_name(got));
    m.file = f.name;
    audit_lines_open(&r, a, AUDIT_LINES_PLAIN, &f);
    while (audit_lines_next(&r, &line)) {
        struct span s = span_trim(line.text), name;

        if (s.n == 0 || s.p[0] == '#' || s.p[0] == ';')
            continue;
        if (s.p[0] == '[') {
            inside = span_starts_nocase(s, SPAN_LIT("[MercuryS]"));
            domains = span_starts_nocase(s, SPAN_LIT("[Domains]"));
            if (inside && !d) {
                m.section = (struct audit_place){f.name, line.first};
                d = audit_door(a, kind, "MercuryS", 25, AUDIT_BIND_ANY, m.section);
                d->stranger = AUDIT_NO;
            }
            continue;
        }
        if (!span_cut(&s, ':', &name))
            continue;
        if (domains && !m.domain && span_find(s, '.') < s.n)
            m.domain = audit_dup(a, span_trim(s));
        if (inside)
            setting(&m, d, span_trim(name), span_trim(s), line.first);
    }
    if (!d)
        return audit_bad(a, (struct audit_place){path, 0},
                         "no section [MercuryS] in it: give the mercury.ini of the SMTP server");
    judge(&m, d);
    return audit_failed(a);
}

static enum audit_guess mercury_probe(struct audit *a, const struct audit_probe *p)
{
    return !p->folder && span_has_nocase(p->text, SPAN_LIT("[MercuryS]")) ? AUDIT_GUESS_SURE
                                                                          : AUDIT_GUESS_NO;
}

const struct audit_kind audit_kind_mercury = {
    .name = "mercury",
    .title = "Mercury",
    .reads = "mercury.ini",
    .restart = "restart Mercury",
    .rules = {.wide = "ME03", .nat = "ME03"},
    .probe = mercury_probe,
    .read = mercury_read,
};
