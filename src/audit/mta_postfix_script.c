/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Installers write main.cf by "postconf -e name=value …". The settings of such a script are put
 * where the script has them, a line each, so that findings name its lines; more than one of a line
 * go on below it. What was in main.cf before is not known: the distribution's is assumed, which
 * says its compatibility level. What the shell puts into a value is marked as a template's hole,
 * and then undecided where it decides.
 */
#include "audit/mta_postfix_priv.h"

struct script {
    struct buf *out;
    unsigned line; /* of the next line of `out` */
    bool level;    /* the script says which */
};

bool pf_is_script(struct span text)
{
    struct span line;

    while (span_cut(&text, '\n', &line)) {
        size_t at = span_find_nocase(line, SPAN_LIT("postconf "));
        struct span s = span_slice(line, at, line.n);

        if (at < line.n && span_trim(line).p[0] != '#' &&
            (span_find(s, '=') < s.n || span_has_nocase(s, SPAN_LIT(" -e"))))
            return true;
    }
    return false;
}

/* "$NAME", "${NAME}", "$(command)" and `command`: its length, at the front of s. */
static size_t hole(struct span s)
{
    size_t i = 1;

    if (s.p[0] == '`')
        return span_find(span_slice(s, 1, s.n), '`') + 2;
    if (s.n > 1 && s.p[1] == '{')
        return span_find(s, '}') + 1;
    if (s.n > 1 && s.p[1] == '(')
        return span_find(s, ')') + 1;
    while (i < s.n && (ascii_is_alnum(s.p[i]) || s.p[i] == '_'))
        i++;
    return i;
}

/* One word of the shell; false at the end of the command. *ret_line counts lines inside. */
static bool shell_word(struct span *s, struct buf *word, unsigned *line)
{
    char quote = '\0';
    size_t i = 0;
    bool any = false;

    buf_clear(word);
    for (; i < s->n; i++) {
        char c = s->p[i];

        if (c == '\n')
            ++*line;
        if (c == '\\' && quote != '\'' && i + 1 < s->n) {
            i++;
            *line += s->p[i] == '\n';
            if (s->p[i] != '\n')
                buf_add_char(word, s->p[i]);
        } else if (quote ? c == quote : c == '"' || c == '\'') {
            quote = quote ? '\0' : c;
            any = true;
        } else if ((c == '$' || c == '`') && quote != '\'') {
            size_t n = hole(span_slice(*s, i, s->n));

            buf_add_str(word, "{{shell}}");
            i += (n > 1 && i + n <= s->n ? n : 1) - 1;
        } else if (!quote && strchr(" \t\r", c)) {
            if (any || word->n)
                break;
        } else if (!quote && strchr("\n;|&<>", c)) {
            break;
        } else {
            buf_add_char(word, c == '\n' ? ' ' : c);
        }
    }
    *s = span_slice(*s, i, s->n);
    return any || word->n;
}

static void put(struct script *o, unsigned line, struct span setting)
{
    struct span name = span_trim(span_slice(setting, 0, span_find(setting, '=')));

    if (span_find(setting, '=') == setting.n || span_find(name, '/') < name.n)
        return;
    o->level = o->level || span_eq(name, SPAN_LIT("compatibility_level"));
    for (; o->line < line; o->line++)
        buf_add_char(o->out, '\n');
    buf_addf(o->out, "%.*s\n", SPAN_ARG(setting));
    o->line++;
}

/* The words behind "postconf": options, then settings. */
static void command(struct script *o, struct span s, unsigned line)
{
    struct buf word = BUF_INIT(AUDIT_LINE_MAX);
    bool edits = true;
    unsigned at = line;

    while (shell_word(&s, &word, &line)) {
        struct span w = buf_span(&word);

        if (w.n > 1 && w.p[0] == '-')
            edits = span_find(w, 'M') == w.n && span_find(w, 'P') == w.n &&
                    span_find(w, 'F') == w.n && span_find(w, 'X') == w.n;
        else if (edits && w.n)
            put(o, at, w);
        at = line;
    }
    buf_deinit(&word);
}

struct span pf_script(struct audit *a, struct span text)
{
    struct buf out = BUF_INIT(AUDIT_FILE_MAX);
    struct script o = {.out = &out, .line = 1};
    struct span rest = text, line, r;
    unsigned n = 1;

    for (; span_cut(&rest, '\n', &line); n++) {
        size_t at = span_find_nocase(line, SPAN_LIT("postconf "));
        struct span head = span_trim(line);

        if (at == line.n || (head.n && head.p[0] == '#'))
            continue;
        /* To the end of the text: a command may go on over lines. */
        command(&o, span_slice(text, (size_t)(line.p - text.p) + at + 9, text.n), n);
    }
    if (out.n && !o.level)
        buf_add_str(&out, "compatibility_level = 3.6\n");
    r = span_of(audit_dup(a, buf_span(&out)), out.n);
    buf_deinit(&out);
    return r;
}
