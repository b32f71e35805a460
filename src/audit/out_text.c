/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Findings as text: the worst first, each with what a postmaster asks in turn: where, why, what
 * would pass, when is that no fault, what closes it, how do I make it count, how do I prove it.
 */
#include "audit/out.h"

#include "base/escape.h"

enum { LABEL = 12 };

static const char *paint(const struct audit_style *s, const struct audit_finding *f)
{
    if (!s->colour)
        return "";
    if (f->undecided)
        return "\033[35m";
    return f->severity >= AUDIT_FORGED || f->certain ? "\033[31m"
           : f->severity >= AUDIT_LATENT             ? "\033[33m"
                                                     : "\033[2m";
}

static const char *unpaint(const struct audit_style *s)
{
    return s->colour ? "\033[0m" : "";
}

/* Words wrapped behind a label; text of others is escaped first, so bytes are columns. */
static void wrapped(struct buf *out, const struct audit_style *s, const char *label,
                    struct span text)
{
    unsigned width = s->width ? s->width : AUDIT_WIDTH_DEFAULT, column = LABEL;
    struct buf safe = BUF_INIT(AUDIT_LINE_MAX);
    struct span rest, word;
    bool begun = false;

    escape_text(&safe, text);
    rest = buf_span(&safe);
    if (width < AUDIT_WIDTH_MIN)
        width = AUDIT_WIDTH_MIN;
    buf_addf(out, "  %-*s", LABEL - 2, label);
    while (span_word(&rest, &word)) {
        if (begun && column + 1 + word.n > width) {
            buf_addf(out, "\n%*s", LABEL, "");
            column = LABEL;
        } else if (begun) {
            buf_add_char(out, ' ');
            column++;
        }
        buf_add(out, word);
        column += (unsigned)word.n;
        begun = true;
    }
    buf_add_char(out, '\n');
    if (safe.err)
        out->err = out->err ? out->err : safe.err;
    buf_deinit(&safe);
}

/* Lines as they are, to be copied: never wrapped. */
static void verbatim(struct buf *out, const char *label, struct span text)
{
    struct span line;

    while (span_cut(&text, '\n', &line)) {
        buf_addf(out, "  %-*s", LABEL - 2, label);
        escape_text(out, line);
        buf_add_char(out, '\n');
        label = "";
    }
}

static void path(struct buf *out, const char *label, const char *what, const char *address)
{
    buf_addf(out, "  %-*s%s:<", LABEL - 2, label, what);
    escape_text(out, span_str(address));
    buf_add_str(out, ">\n");
}

static void pair(struct buf *out, const char *name, const char *value)
{
    if (!value)
        return;
    buf_addf(out, ", %s ", name);
    escape_text(out, span_str(value));
}

static void witness(struct buf *out, const struct audit_witness *w)
{
    char ip[IP_TEXT_MAX];

    if (!w->client.family)
        return;
    buf_addf(out, "  %-*sclient %s", LABEL - 2, "passes", ip_text(w->client, ip));
    if (w->port)
        buf_addf(out, ", port %u", w->port);
    pair(out, "named", w->ptr);
    pair(out, "login", w->login);
    pair(out, "TLS", w->tls);
    buf_add_char(out, '\n');
    if (w->proxy)
        verbatim(out, "", span_str(w->proxy));
    if (w->helo) {
        buf_addf(out, "  %-*sEHLO ", LABEL - 2, "");
        escape_text(out, span_str(w->helo));
        buf_add_char(out, '\n');
    }
    if (w->mail)
        path(out, "", "MAIL FROM", w->mail);
    for (size_t i = 0; i < 2 && w->rcpt[i]; i++)
        path(out, "", "RCPT TO", w->rcpt[i]);
}

static void place(struct buf *out, const struct audit_finding *f)
{
    if (f->place.file) {
        buf_add_str(out, "  ");
        escape_text(out, span_str(f->place.file));
        if (f->place.line)
            buf_addf(out, ":%u", f->place.line);
    }
    if (f->ports)
        buf_addf(out, "  (port %s)", f->ports);
    buf_add_char(out, '\n');
}

static void finding(struct buf *out, const struct audit_style *s, const struct audit_finding *f)
{
    buf_addf(out, "%s%s%s  %s", paint(s, f), audit_severity_of(f), unpaint(s), f->id);
    place(out, f);
    wrapped(out, s, "why", span_str(f->why));
    witness(out, &f->witness);
    if (f->unless)
        wrapped(out, s, f->unless_state == AUDIT_UNLESS_RULED ? "ruled out" : "unless",
                span_str(f->unless));
    if (f->fix)
        verbatim(out, "fix", span_str(f->fix));
    if (f->restart && (f->fix || f->edit.kind))
        verbatim(out, "then", span_str(f->restart));
    if (f->prove) {
        buf_addf(out, "  %-*spostern test ", LABEL - 2, "prove");
        escape_text(out, span_str(f->prove));
        buf_add_char(out, '\n');
    }
    buf_add_char(out, '\n');
}

static void counts(struct buf *out, const struct audit *a)
{
    size_t n[AUDIT_SEVERITIES] = {0}, undecided = 0, count, doors;
    const struct audit_finding *const *v = audit_findings(a, &count);
    const char *sep = " (";

    audit_doors(a, &doors);
    for (size_t i = 0; i < count; i++)
        if (v[i]->undecided)
            undecided++;
        else
            n[v[i]->severity]++;
    buf_addf(out, "%s%zu service%s", sep, doors, doors == 1 ? "" : "s");
    for (size_t s = AUDIT_SEVERITIES; s-- > AUDIT_LATENT;)
        if (n[s])
            buf_addf(out, ", %zu %s", n[s], audit_severity_name((enum audit_severity)s));
    if (undecided)
        buf_addf(out, ", %zu undecided", undecided);
    if (n[AUDIT_NOTE])
        buf_addf(out, ", %zu note%s", n[AUDIT_NOTE], n[AUDIT_NOTE] == 1 ? "" : "s");
    buf_add_str(out, ")\n");
}

void audit_out_text(const struct audit *a, const struct audit_style *style, struct buf *out)
{
    struct audit_verdict verdict;
    size_t count;
    const struct audit_finding *const *v = audit_findings(a, &count);

    for (size_t i = 0; i < count; i++)
        if (v[i]->severity > AUDIT_NOTE || style->notes)
            finding(out, style, v[i]);
    audit_verdict(a, &verdict);
    buf_addf(out, "verdict: %s", audit_verdict_name(&verdict));
    counts(out, a);
}
