/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * GroupWise's Internet Agent: relaying is prevented by one switch, /NOROUTING, in gwia.cfg (5.5) or
 * gwsmtp.cfg. NWAdmin's button is known not to write it, so the file is what counts. Exceptions
 * stand in the access control data base, which is no text.
 */
#include "audit/interp.h"

static bool is_switch(struct span word, const char *name)
{
    while (word.n > 0 && (word.p[0] == '/' || word.p[0] == '-'))
        word = span_slice(word, 1, word.n);
    return span_eq_nocase(span_slice(word, 0, span_find(word, '-')), span_str(name)) ||
           span_eq_nocase(word, span_str(name));
}

static int gwia_read(struct audit *a, const struct audit_kind *kind, const char *path, bool folder)
{
    struct audit_source_file f;
    struct audit_lines r;
    struct audit_line line;
    struct audit_place commented = {0};
    struct audit_finding *g;
    struct audit_door *d;
    bool prevented = false;
    enum audit_file got = audit_text(a, path, &f);

    if (got != AUDIT_FILE_OK)
        return audit_bad(a, (struct audit_place){path, 0}, "%s", audit_file_name(got));
    audit_lines_open(&r, a, AUDIT_LINES_PLAIN, &f);
    while (audit_lines_next(&r, &line)) {
        struct span s = span_trim(line.text), word;
        bool comment = s.n > 0 && (s.p[0] == ';' || s.p[0] == '#');

        if (comment)
            s = span_slice(s, 1, s.n);
        while (span_word(&s, &word))
            if (is_switch(word, "NOROUTING")) {
                prevented = prevented || !comment;
                commented = comment ? (struct audit_place){f.name, line.first} : commented;
            }
    }
    d = audit_door(a, kind, "GWIA", 25, AUDIT_BIND_ANY, (struct audit_place){f.name, 0});
    d->stranger = AUDIT_NO;
    d->login = true;
    if (prevented)
        return audit_failed(a);
    g = audit_find(a, "GW01", AUDIT_OPEN, d,
                   commented.file ? commented : (struct audit_place){f.name, 0});
    g->why = commented.file ? "/NOROUTING stands in a comment: everybody may relay"
                            : "/NOROUTING is missing: everybody may relay";
    g->witness = audit_witness(d, audit_stranger(NULL, IP_V4), NULL, NULL);
    g->fix = "/NOROUTING";
    if (commented.file)
        g->edit = (struct audit_edit){AUDIT_EDIT_REPLACE, f.name, commented.line, commented.line,
                                      "/NOROUTING"};
    else
        g->edit = (struct audit_edit){AUDIT_EDIT_INSERT, f.name, 0, 0, "/NOROUTING"};
    d->stranger = AUDIT_YES;
    return audit_failed(a);
}

static enum audit_guess gwia_probe(struct audit *a, const struct audit_probe *p)
{
    struct span name = span_str(p->name);

    if (p->folder)
        return AUDIT_GUESS_NO;
    if (span_eq_nocase(name, SPAN_LIT("gwia.cfg")) || span_eq_nocase(name, SPAN_LIT("gwsmtp.cfg")))
        return AUDIT_GUESS_SURE;
    return span_has_nocase(p->text, SPAN_LIT("/NOROUTING")) ||
                   (span_has_nocase(p->text, SPAN_LIT("/home-")) &&
                    span_has_nocase(p->text, SPAN_LIT("/dhome-")))
               ? AUDIT_GUESS_LIKELY
               : AUDIT_GUESS_NO;
}

const struct audit_kind audit_kind_gwia = {
    .name = "gwia",
    .title = "GroupWise Internet Agent",
    .reads = "gwia.cfg or gwsmtp.cfg",
    .restart = "unload and load GWIA and all its modules",
    .rules = {.wide = "GW01", .nat = "GW01"},
    .probe = gwia_probe,
    .read = gwia_read,
};
