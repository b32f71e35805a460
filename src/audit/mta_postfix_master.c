/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * master.cf: one service a logical line, its -o overrides, and where it listens. An override is
 * "-o name=value" without blanks, or "-o { name = value }" with them (Postfix 3.0).
 */
#include "audit/mta_postfix_priv.h"

#include "base/num.h"

/* --- overrides -------------------------------------------------------------------------------- */

static void override(struct pf_conf *c, struct pf_service *s, const struct audit_line *line,
                     const char *file, struct span text)
{
    struct span name, value = text;
    struct pf_param *p;

    if (text.n > 1 && text.p[0] == '{' && text.p[text.n - 1] == '}')
        value = span_trim(span_slice(text, 1, text.n - 1));
    if (!span_cut(&value, '=', &name) || !value.p)
        return;
    p = audit_alloc(c->a, sizeof(*p));
    if (audit_failed(c->a))
        return;
    *p = (struct pf_param){.next = s->over,
                           .name = audit_dup(c->a, span_trim(name)),
                           .line = *line,
                           .value = span_trim(value),
                           .file = file,
                           .master = true};
    s->over = p;
}

/* The words behind the command. */
static void overrides(struct pf_conf *c, struct pf_service *s, const struct audit_line *line,
                      const char *file, struct span rest)
{
    struct span word;

    while (audit_word(&rest, " \t\r\n", true, &word)) {
        if (span_eq(word, SPAN_LIT("-o"))) {
            if (audit_word(&rest, " \t\r\n", true, &word))
                override(c, s, line, file, word);
        } else if (span_starts(word, SPAN_LIT("-o"))) {
            override(c, s, line, file, span_slice(word, 2, word.n));
        }
    }
}

/* What a template fills in is one word, whatever blanks are in its brackets. */
static struct span without_gaps(struct pf_conf *c, struct span s)
{
    char *p;
    bool in = false;

    if (!span_has_nocase(s, SPAN_LIT("[%")) && !span_has_nocase(s, SPAN_LIT("{{")))
        return s;
    p = audit_alloc(c->a, s.n + 1);
    if (audit_failed(c->a))
        return s;
    memcpy(p, s.p, s.n);
    for (size_t i = 0; i + 1 < s.n; i++) {
        if ((p[i] == '[' && p[i + 1] == '%') || (p[i] == '{' && p[i + 1] == '{'))
            in = true;
        else if ((p[i] == '%' && p[i + 1] == ']') || (p[i] == '}' && p[i + 1] == '}'))
            in = false;
        else if (in && p[i] == ' ')
            p[i] = '_';
    }
    return span_of(p, s.n);
}

static struct pf_service *service(struct pf_conf *c, struct audit_line *line, const char *file)
{
    struct span rest, field[8];
    struct pf_service *s;

    line->text = without_gaps(c, line->text);
    rest = line->text;
    if (rest.p[0] == ' ' || rest.p[0] == '\t')
        return NULL;
    for (size_t i = 0; i < 8; i++)
        if (!audit_word(&rest, " \t\r\n", true, &field[i]))
            return NULL;
    s = audit_alloc(c->a, sizeof(*s));
    if (audit_failed(c->a))
        return NULL;
    *s = (struct pf_service){.name = audit_dup(c->a, field[0]),
                             .type = audit_dup(c->a, field[1]),
                             .command = audit_dup(c->a, field[7]),
                             .place = {file, line->first},
                             .first = line->first,
                             .last = line->last};
    overrides(c, s, line, file, rest);
    return s;
}

struct pf_service *pf_master_read(struct pf_conf *c, const struct audit_source_file *f)
{
    struct pf_service *first = NULL, **end = &first;
    struct audit_lines r;
    struct audit_line line;

    audit_lines_open(&r, c->a, AUDIT_LINES_BLANK, f);
    while (audit_lines_next(&r, &line)) {
        struct pf_service *s = service(c, &line, f->name);

        if (s) {
            *end = s;
            end = &s->next;
        }
    }
    return first;
}

/* --- ports ------------------------------------------------------------------------------------ */

/* Names of services(5) that mail systems use. */
static unsigned named_port(struct span s)
{
    static const struct {
        const char *name;
        unsigned port;
    } ports[] = {
        {"smtp", 25},   {"mail", 25},         {"submission", 587}, {"smtps", 465},
        {"ssmtp", 465}, {"submissions", 465}, {"urd", 465},        {"lmtp", 24},
        {"qmqp", 628},  {"smtp-alt", 2525},   {"msp", 18},         {"amavis", 10024},
    };
    unsigned port;

    for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
        if (span_eq(s, span_str(ports[i].name)))
            return ports[i].port;
    return num_uint(s, 1, 65535, &port) ? port : 0;
}

unsigned pf_service_port(const char *name, struct span *ret_host)
{
    struct span s = span_str(name);
    size_t colon = span_rfind(s, ':');

    *ret_host = SPAN_NULL;
    if (colon == s.n)
        return named_port(s);
    *ret_host = span_slice(s, 0, colon);
    return named_port(span_slice(s, colon + 1, s.n));
}
