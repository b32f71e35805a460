/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What findings have in common, once all are there: what is left empty is supplied from the door
 * and the witness, what strangers can't reach is lowered, the same fault at several doors becomes
 * one where it is equally bad at all of them, and the worst stand first.
 *
 * Nothing is dropped for being weak. Only doors of a host's own programs on loopback are silent:
 * what they let through has been judged at the door that it came in by.
 */
#include "audit/audit_priv.h"

#include "base/num.h"

#include <assert.h>
#include <stdlib.h>

const char *audit_severity_name(enum audit_severity s)
{
    static const char *const names[AUDIT_SEVERITIES] = {
        [AUDIT_NOTE] = "note", [AUDIT_LATENT] = "latent",        [AUDIT_HALF_OPEN] = "half-open",
        [AUDIT_NAT] = "nat",   [AUDIT_FORGED] = "forged-sender", [AUDIT_OPEN] = "open",
    };

    assert(s < AUDIT_SEVERITIES);
    return names[s];
}

const char *audit_severity_of(const struct audit_finding *f)
{
    return f->undecided ? "undecided" : audit_severity_name(f->severity);
}

struct audit_finding *audit_find(struct audit *a, const char *id, enum audit_severity severity,
                                 struct audit_door *door, struct audit_place place)
{
    struct audit_finding *f;

    if (a->finding_count >= AUDIT_FINDINGS_MAX)
        audit_bad(a, place, "more than %d findings; mend the first ones, or audit it in parts",
                  AUDIT_FINDINGS_MAX);
    if (a->err || a->finding_count >= AUDIT_FINDINGS_MAX ||
        !audit_grow(a, &a->findings, &a->finding_cap, sizeof(a->findings[0]),
                    a->finding_count + 1)) {
        a->spare_finding = (struct audit_finding){0};
        return &a->spare_finding;
    }
    f = audit_alloc(a, sizeof(*f));
    if (a->err)
        return &a->spare_finding;
    *f = (struct audit_finding){
        .id = id, .severity = severity, .door = door, .place = place, .why = ""};
    a->findings[a->finding_count++] = f;
    return f;
}

struct audit_finding *audit_undecided(struct audit *a, const char *id, enum audit_severity severity,
                                      struct audit_door *door, struct audit_place place)
{
    struct audit_finding *f = audit_find(a, id, severity, door, place);

    f->undecided = true;
    return f;
}

struct audit_finding *audit_note(struct audit *a, const char *id, struct audit_door *door,
                                 struct audit_place place, const char *why, const char *fix)
{
    struct audit_finding *f = audit_find(a, id, AUDIT_NOTE, door, place);

    f->why = why;
    f->fix = fix;
    return f;
}

void audit_fix_lines(struct audit *a, struct audit_finding *f, enum audit_edit_kind kind,
                     const char *file, unsigned first, unsigned last, const char *text)
{
    f->fix = audit_dup(a, span_str(text));
    f->edit = (struct audit_edit){kind, file, first, last, f->fix};
}

/* --- arguments that would prove it ------------------------------------------------------------ */

/* The victim's parts become what the tester fills in; false when he is not in it. */
static bool prove_rcpt(struct buf *out, struct span rcpt)
{
    bool found = false;

    buf_add_char(out, '<');
    while (rcpt.n > 0) {
        if (span_starts(rcpt, SPAN_LIT(AUDIT_VICTIM_DOMAIN))) {
            buf_add_str(out, "{d}");
            rcpt = span_slice(rcpt, strlen(AUDIT_VICTIM_DOMAIN), rcpt.n);
            found = true;
        } else if (span_starts(rcpt, SPAN_LIT(AUDIT_VICTIM_LOCAL))) {
            buf_add_str(out, "{u}");
            rcpt = span_slice(rcpt, strlen(AUDIT_VICTIM_LOCAL), rcpt.n);
        } else {
            buf_add(out, span_slice(rcpt, 0, 1));
            rcpt = span_slice(rcpt, 1, rcpt.n);
        }
    }
    buf_add_char(out, '>');
    return found;
}

/* Words of a shell: in single quotes, which are rare enough in addresses to be left out. */
static void quoted(struct buf *out, const char *option, struct span text)
{
    buf_addf(out, " --%s '", option);
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] == '\'')
            buf_add_str(out, "'\\''");
        else
            buf_add(out, span_slice(text, i, i + 1));
    buf_add_char(out, '\'');
}

/* A recipient that is not in the probe's domain needs its own to be allowed. */
static void local_domain(struct buf *out, struct span rcpt)
{
    size_t at = span_rfind(rcpt, '@');

    if (at < rcpt.n && !span_has_nocase(span_slice(rcpt, at, rcpt.n), SPAN_LIT("{d}")))
        quoted(out, "local-domain", span_slice(rcpt, at + 1, rcpt.n - 1));
}

/* One envelope by hand. */
static bool prove_envelope(struct audit *a, const struct audit_witness *w, struct buf *out)
{
    struct buf rcpt = BUF_INIT(2048);
    bool can = prove_rcpt(&rcpt, span_str(w->rcpt[0]));

    if (w->mail && strcmp(w->mail, AUDIT_SPAMMER) != 0)
        quoted(out, "from", span_str(audit_fmt(a, "<%s>", w->mail)));
    quoted(out, "rcpt", buf_span(&rcpt));
    local_domain(out, buf_span(&rcpt));
    if (w->helo && strcmp(w->helo, AUDIT_SPAMMER_HELO) != 0)
        quoted(out, "helo", span_str(w->helo));
    if (w->login)
        buf_add_str(out, " --account USER --password-file FILE");
    if (w->tls && strcmp(w->tls, "tls") != 0)
        buf_add_str(out, " --cert FILE");
    can = can && rcpt.err == 0;
    buf_deinit(&rcpt);
    return can;
}

static const char *prove(struct audit *a, const struct audit_finding *f)
{
    const struct audit_witness *w = &f->witness;
    struct buf out = BUF_INIT(8192);
    const char *text = NULL;
    bool can = true;

    if (!w->rcpt[0])
        return NULL;
    buf_add_str(&out, "--own");
    if (w->port)
        buf_addf(&out, " --ports %u", w->port);
    if (w->client.family == IP_V6)
        buf_add_str(&out, " -6");
    /* Families of probes that need more than an envelope. */
    if (w->proxy) {
        buf_addf(&out, " --family %s",
                 span_starts(span_str(w->proxy), SPAN_LIT("XCLIENT")) ? "xclient" : "proxy");
    } else if (strstr(w->rcpt[0], AUDIT_MX_DOMAIN)) {
        buf_add_str(&out, " --family mx-backup");
    } else if (w->rcpt[1]) {
        buf_add_str(&out, " --set standard --only '*after-local'");
        quoted(&out, "local-rcpt", span_str(w->rcpt[0]));
    } else {
        can = prove_envelope(a, w, &out);
    }
    buf_addf(&out, " %s", a->name ? a->name : "HOST");
    if (can && out.err == 0)
        text = audit_dup(a, buf_span(&out));
    buf_deinit(&out);
    return text;
}

/* --- one by one ------------------------------------------------------------------------------- */

static void lower(struct audit *a, struct audit_finding *f)
{
    bool loopback = f->door->bind == AUDIT_BIND_LOOPBACK || f->door->bind == AUDIT_BIND_LOCAL;

    if (f->severity == AUDIT_NOTE || audit_exposed(a, f->door) != AUDIT_NO)
        return;
    if (loopback && f->door->internal) {
        f->severity = AUDIT_NOTE;
        f->undecided = false;
        return;
    }
    if (f->severity <= AUDIT_LATENT)
        return;
    f->severity = AUDIT_LATENT;
    f->why = audit_fmt(a, "%s; only %s keeps strangers away from it", f->why,
                       loopback ? "its binding to this host"
                                : audit_fmt(a, "that port %u is not published", f->door->port));
}

/* Every alarm is false where strangers don't get to the door. */
static void unless(struct audit *a, struct audit_finding *f)
{
    const struct audit_door *d = f->door;

    if (f->unless || !d || !d->port || f->severity == AUDIT_NOTE)
        return;
    f->unless = audit_fmt(a, "strangers don't reach port %u of this host (--published)", d->port);
    f->unless_state = audit_exposed(a, d) == AUDIT_YES ? AUDIT_UNLESS_RULED : AUDIT_UNLESS_OPEN;
}

static void supply(struct audit *a, struct audit_finding *f)
{
    const struct audit_door *d = f->door;

    if (d) {
        if (!f->kind)
            f->kind = d->kind;
        if (!f->restart)
            f->restart = d->restart;
        if (!f->ports && d->port)
            f->ports = audit_fmt(a, "%u", d->port);
        unless(a, f);
        lower(a, f);
        if (d->smarthost && f->severity >= AUDIT_NAT)
            f->why = audit_fmt(a, "%s; what is relayed goes out through %s and in its name", f->why,
                               d->smarthost);
    }
    if (!f->restart && f->kind)
        f->restart = f->kind->restart;
    if (!f->prove && f->witness.client.family && f->severity > AUDIT_NOTE)
        f->prove = prove(a, f);
}

/* --- together --------------------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same(const struct audit_finding *a, const struct audit_finding *b)
{
    return strcmp(a->id, b->id) == 0 && a->undecided == b->undecided &&
           a->severity == b->severity && a->certain == b->certain &&
           a->place.line == b->place.line && same_text(a->place.file, b->place.file) &&
           (a->place.line || same_text(a->why, b->why));
}

static bool port_in(const char *ports, const char *port)
{
    struct span all = span_str(ports), one;

    while (span_cut(&all, ',', &one))
        if (span_eq(span_trim(one), span_str(port)))
            return true;
    return false;
}

/* The first stays, with the ports of both. */
static void merge(struct audit *a, struct audit_finding *into, struct audit_finding *from)
{
    const char *ports = into->ports;

    if (!ports)
        ports = from->ports;
    else if (from->ports && !port_in(ports, from->ports))
        ports = audit_fmt(a, "%s, %s", ports, from->ports);
    into->ports = ports;
}

static void merge_all(struct audit *a)
{
    size_t kept = 0;

    for (size_t i = 0; i < a->finding_count; i++) {
        size_t k = 0;

        while (k < kept && !same(a->findings[k], a->findings[i]))
            k++;
        if (k < kept)
            merge(a, a->findings[k], a->findings[i]);
        else
            a->findings[kept++] = a->findings[i];
    }
    a->finding_count = kept;
}

static int badness(const struct audit_finding *f)
{
    return (int)f->severity * 4 + (f->undecided ? 0 : 2) + (f->certain ? 1 : 0);
}

static int by_badness(const void *pa, const void *pb)
{
    const struct audit_finding *a = *(struct audit_finding *const *)pa;
    const struct audit_finding *b = *(struct audit_finding *const *)pb;
    int r = badness(b) - badness(a);

    if (r == 0 && a->place.file && b->place.file)
        r = strcmp(a->place.file, b->place.file);
    if (r == 0)
        r = a->place.line < b->place.line ? -1 : a->place.line > b->place.line;
    return r ? r : strcmp(a->id, b->id);
}

void audit_order(struct audit *a)
{
    if (a->finding_count > 1)
        qsort(a->findings, a->finding_count, sizeof(a->findings[0]), by_badness);
}

void audit_settle(struct audit *a)
{
    for (size_t i = 0; i < a->finding_count; i++)
        supply(a, a->findings[i]);
    merge_all(a);
    audit_order(a);
}

/* --- the verdict ------------------------------------------------------------------------------ */

static int exit_of(const struct audit_verdict *v)
{
    switch (v->severity) {
    case AUDIT_OPEN:
    case AUDIT_FORGED:
        return 2;
    case AUDIT_NAT:
        if (v->finding->certain)
            return 2;
        break;
    case AUDIT_NOTE:
        return v->undecided ? 3 : 0;
    case AUDIT_LATENT:
    case AUDIT_HALF_OPEN:
    case AUDIT_SEVERITIES:
        break;
    }
    return v->undecided ? 3 : 1;
}

void audit_verdict(const struct audit *a, struct audit_verdict *ret)
{
    const struct audit_finding *doubt = NULL;

    *ret = (struct audit_verdict){.severity = AUDIT_NOTE};
    for (size_t i = a->finding_count; i-- > 0;) {
        const struct audit_finding *f = a->findings[i];

        if (f->undecided) {
            doubt = f;
        } else if (f->severity > AUDIT_NOTE) {
            ret->finding = f;
            ret->severity = f->severity;
        }
    }
    ret->undecided = doubt && doubt->severity > ret->severity;
    if (ret->undecided && !ret->finding)
        ret->finding = doubt;
    ret->exit = exit_of(ret);
}

const char *audit_verdict_name(const struct audit_verdict *v)
{
    if (v->exit == 3)
        return "undecided";
    return v->severity == AUDIT_NOTE ? "clean" : audit_severity_name(v->severity);
}
