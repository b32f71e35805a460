/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Probes that were not proved, for people: grouped by the server's words, because a hundred probes
 * seldom have more than three different fates. Words that name the envelope or the message (an
 * address, a queue id) would make every probe a group of its own; they are left out of the heading.
 */
#include "report/table.h"

#include "report/doc.h"
#include "report/text.h"

enum {
    NAMED = 12,       /* probes of a group that are named */
    GROUPS_MAX = 200, /* what is beyond is counted */
    ID_MIN = 5,       /* letters and digits mixed, at least so long: an id */
};

void report_names_add(struct report_names *n, struct span name)
{
    n->total++;
    if (!n->all && n->written >= NAMED)
        return;
    buf_add_str(n->out, n->written ? ", " : " ");
    report_doc_show(n->out, name);
    n->written++;
}

void report_names_end(struct report_names *n)
{
    if (n->total > n->written) {
        buf_add_str(n->out, " and ");
        report_text_number(n->out, n->total - n->written);
        buf_add_str(n->out, " more");
    }
}

static void add_code(struct buf *out, const json_t *probe)
{
    uint64_t code = report_doc_count(probe, "code");

    if (code)
        buf_addf(out, "%u ", (unsigned)(code % 1000));
    if (report_doc_text(probe, "enhanced").n) {
        report_doc_show(out, report_doc_text(probe, "enhanced"));
        buf_add_char(out, ' ');
    }
}

void report_table_reply(struct buf *out, const json_t *probe)
{
    add_code(out, probe);
    report_doc_show(out, report_doc_text(probe, "text"));
}

/* Only of one envelope or message: an address, or letters and digits mixed. */
static bool is_particular(struct span word)
{
    size_t letters = 0, digits = 0;

    for (size_t i = 0; i < word.n; i++) {
        if (word.p[i] == '@' || word.p[i] == '<')
            return true;
        letters += ascii_is_alpha(word.p[i]);
        digits += ascii_is_digit(word.p[i]);
    }
    return letters && digits && letters + digits >= ID_MIN && span_find(word, '.') == word.n;
}

static void add_general_reply(struct buf *out, const json_t *probe)
{
    struct span text = report_doc_text(probe, "text"), word;
    bool left_out = false;

    add_code(out, probe);
    while (span_word(&text, &word)) {
        if (!is_particular(word))
            report_doc_show(out, word);
        else if (!left_out)
            buf_add_str(out, "...");
        if (!is_particular(word) || !left_out)
            buf_add_char(out, ' ');
        left_out = is_particular(word);
    }
    while (out->n && out->p[out->n - 1] == ' ')
        buf_truncate(out, out->n - 1);
}

static void accepted_key(struct buf *out, const json_t *probe)
{
    const char *address = report_doc_text(probe, "address").n ? "address" : "input";

    if (report_doc_text(probe, address).n) {
        report_text_endpoint(out, probe, address);
    } else {
        buf_addf(out, "port %u", (unsigned)(report_doc_count(probe, "port") % 65536));
        buf_add_str(out, report_doc_is(probe, "family", "ipv4") ? " IPv4" : "");
        buf_add_str(out, report_doc_is(probe, "family", "ipv6") ? " IPv6" : "");
    }
    buf_addf(out, " %s, %s", report_text_tls(probe),
             report_doc_is(probe, "state", "bounced") ? "bounced later, " : "");
    add_general_reply(out, probe);
}

static bool is_undecided(const json_t *probe)
{
    return report_doc_is(probe, "state", "deferred") || report_doc_is(probe, "state", "lost") ||
           report_doc_is(probe, "state", "untried");
}

static void undecided_key(struct buf *out, const json_t *probe)
{
    struct span meaning = report_doc_text(probe, "meaning");

    report_doc_show(out, report_doc_text(probe, "state"));
    if (meaning.n) {
        buf_add_str(out, ", ");
        report_doc_show(out, meaning);
    }
    if (report_doc_count(probe, "code")) {
        buf_add_str(out, ", ");
        add_general_reply(out, probe);
    }
}

static bool is_skipped(const json_t *probe)
{
    return report_doc_is(probe, "state", "skipped");
}

static void skipped_key(struct buf *out, const json_t *probe)
{
    struct span why = report_doc_text(probe, "needs");

    if (!why.n)
        why = report_doc_text(probe, "meaning");
    buf_add_str(out, report_doc_text(probe, "needs").n ? "needs " : "");
    report_doc_show(out, why.n ? why : SPAN_LIT("left out"));
}

/*
 * { "what the key wrote": { "probe id": null, ... }, ... }: jansson's objects keep the order in
 * which members came, and one probe at several doors counts once. NULL out of memory.
 */
static json_t *group(const json_t *probes, bool (*want)(const json_t *),
                     void (*key)(struct buf *, const json_t *), size_t *ret_beyond)
{
    json_t *groups = json_object(), *members;

    for (size_t i = 0; groups && i < json_array_size(probes); i++) {
        const json_t *probe = json_array_get(probes, i);
        struct buf heading = BUF_INIT(REPORT_LINE_MAX), id = BUF_INIT(REPORT_LINE_MAX);

        if (want && !want(probe))
            continue;
        key(&heading, probe);
        report_doc_show(&id, report_doc_text(probe, "probe"));
        members = json_object_get(groups, buf_str(&heading));
        if (!members && json_object_size(groups) < GROUPS_MAX) {
            members = json_object();
            json_object_set_new(groups, buf_str(&heading), members);
        }
        if (members)
            json_object_set_new(members, buf_str(&id), json_null());
        else
            ++*ret_beyond;
        buf_deinit(&heading);
        buf_deinit(&id);
    }
    return groups;
}

/* A paragraph a group: its heading and the names of its probes; or, `brief`, their number first. */
static void add_groups(struct buf *out, json_t *groups, size_t beyond, bool brief,
                       const struct report_style *style)
{
    struct buf text = BUF_INIT(REPORT_LINE_MAX);
    const char *heading, *id;
    json_t *members, *null;

    json_object_foreach(groups, heading, members)
    {
        struct report_names names = {.out = &text, .all = style->all};

        buf_clear(&text);
        if (brief) {
            report_text_plural(&text, json_object_size(members), "probe");
            buf_add_str(&text, ": ");
        }
        buf_add_str(&text, heading);
        if (!brief || style->all) {
            buf_add_char(&text, ':');
            json_object_foreach(members, id, null) report_names_add(&names, span_str(id));
            report_names_end(&names);
        }
        report_table_paragraph(out, style, 2, &text);
    }
    if (beyond) {
        buf_clear(&text);
        buf_add_str(&text, "and ");
        report_text_plural(&text, beyond, "more probe");
        report_table_paragraph(out, style, 2, &text);
    }
    buf_deinit(&text);
}

static void add_section(struct buf *out, const char *title, const json_t *probes,
                        bool (*want)(const json_t *), void (*key)(struct buf *, const json_t *),
                        bool brief, const struct report_style *style)
{
    size_t beyond = 0;
    json_t *groups = group(probes, want, key, &beyond);

    if (json_object_size(groups)) {
        report_table_heading(out, style, title);
        add_groups(out, groups, beyond, brief, style);
    }
    json_decref(groups);
}

void report_table_accepted(struct buf *out, const struct report_target *t,
                           const struct report_style *style)
{
    add_section(out, "Accepted, but nothing arrived (no proof of a relay)",
                report_doc_array(t->verdict, "accepted_unproved"), NULL, accepted_key, false,
                style);
}

void report_table_undecided(struct buf *out, const struct report_target *t,
                            const struct report_style *style)
{
    add_section(out, "Not decided", t->probes, is_undecided, undecided_key, false, style);
    add_section(out, "Not tried", t->probes, is_skipped, skipped_key, true, style);
}
