/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an entry is does not depend on the form it comes in, so it is read in one place: the forms
 * only cut. Unlike rbldnsd's files these have no grammar that anybody agreed on; so addresses are
 * read strictly, and what is neither an address nor a name is told with its line.
 *
 * A range of addresses becomes the prefixes that it is made of.
 */
#include "listfile/lists_priv.h"

#include "base/escape.h"
#include "base/ip.h"
#include "base/num.h"
#include "zone/text.h"

#include <errno.h>

static const char *const format_names[LISTS_FORMATS] = {"text", "csv", "json"};

const char *lists_format_name(enum lists_format format)
{
    return (unsigned)format < LISTS_FORMATS ? format_names[format] : "?";
}

bool lists_format_of(struct span name, enum lists_format *ret)
{
    for (unsigned i = 0; i < LISTS_FORMATS; i++) {
        if (span_eq(name, span_str(format_names[i]))) {
            *ret = (enum lists_format)i;
            return true;
        }
    }
    return false;
}

/* The line without its comment and the blanks around it. */
static struct span plain_line(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        bool slashes = s.p[i] == '/' && i + 1 < s.n && s.p[i + 1] == '/';

        if (s.p[i] == '#' || s.p[i] == ';' || slashes)
            s.n = i;
    }
    return span_trim(s);
}

struct span lists_unmarked(struct span bytes)
{
    return span_starts(bytes, SPAN_LIT("\xef\xbb\xbf")) ? span_slice(bytes, 3, bytes.n) : bytes;
}

static bool names_entry(struct span column)
{
    enum lists_field field;

    column = span_trim(column);
    if (column.n > 2 && column.p[0] == '"' && column.p[column.n - 1] == '"')
        column = span_slice(column, 1, column.n - 1);
    field = lists_field_of(column);
    return field == LISTS_ENTRY || field == LISTS_NAMED;
}

/* A head line as CSV has it, with any of the separators. */
static bool looks_like_head(struct span line)
{
    size_t from = 0;

    for (size_t i = 0; i <= line.n; i++) {
        if (i < line.n && !memchr(",;\t", line.p[i], 3))
            continue;
        if (names_entry(span_slice(line, from, i)))
            return true;
        from = i + 1;
    }
    return false;
}

enum lists_format lists_guess(struct span bytes)
{
    struct span line, words;

    bytes = lists_unmarked(bytes);
    while (bytes.n && span_cut(&bytes, '\n', &line)) {
        words = plain_line(line);
        if (words.n == 0)
            continue;
        if (words.p[0] == '[' || words.p[0] == '{')
            return LISTS_JSON;
        if (looks_like_head(span_trim(line)))
            return LISTS_CSV;
        words = span_slice(words, 0, span_find(words, ' '));
        return span_find(words, ',') < words.n ? LISTS_CSV : LISTS_TEXT;
    }
    return LISTS_TEXT;
}

void lists_skip(struct lists_work *w, struct span shown, const char *what, const char *remedy)
{
    struct buf text = BUF_INIT(ZONE_REMARK_TEXT);

    w->bad++;
    if (w->remarks->n < ZONE_REMARKS_MAX)
        escape_text(&text, span_slice(shown, 0, 40));
    zone_remarks_add(w->remarks, ZONE_REMARK_SKIPPED, w->file, w->line, remedy, "%s: \"%s%s\"",
                     what, buf_str(&text), shown.n > 40 ? "..." : "");
    buf_deinit(&text);
}

enum lists_field lists_field_of(struct span name)
{
    static const char *const words[LISTS_FIELDS] = {
        [LISTS_ENTRY] = ("entry ip ipaddress ipaddr ipv4 ipv6 srcip dstip sourceip address prefix "
                         "network subnet netblock cidr range "
                         "iprange ipprefix ipv4prefix ipv6prefix"),
        [LISTS_NAMED] = "name domain host hostname domainname fqdn",
        [LISTS_CODE] = "code value a",
        [LISTS_REASON] = "text reason txt",
        [LISTS_EVIDENCE] = "evidence",
    };
    char plain[32];
    size_t n = 0;

    for (size_t i = 0; i < name.n; i++) {
        if (memchr(" _-", name.p[i], 3))
            continue;
        if (n == sizeof(plain))
            return LISTS_OTHER;
        plain[n++] = name.p[i];
    }
    for (unsigned i = 0; i < LISTS_FIELDS; i++) {
        struct span rest = span_str(words[i]), word;

        while (span_word(&rest, &word))
            if (span_eq_nocase(word, span_of(plain, n)))
                return (enum lists_field)i;
    }
    return LISTS_OTHER;
}

static uint32_t number4(struct ip ip)
{
    return num_get32(ip.b);
}

/* "a - b"; the ends of one family. */
static bool parse_range(struct span s, struct ip *ret_from, struct ip *ret_to)
{
    size_t hyphen = span_find(s, '-');

    return hyphen < s.n && ip_parse(span_trim(span_slice(s, 0, hyphen)), ret_from) &&
           ip_parse(span_trim(span_slice(s, hyphen + 1, s.n)), ret_to) &&
           ret_from->family == ret_to->family && ip_cmp(*ret_from, *ret_to) <= 0;
}

/* Letters, digits, hyphens and underscores in labels; a number alone is no name. */
static bool parse_name(struct span s, struct zone_rname *ret, unsigned *ret_spans)
{
    bool letter = false;

    *ret_spans = ZONE_PLAIN;
    if (span_starts(s, SPAN_LIT("*."))) {
        *ret_spans = ZONE_WILD;
        s = span_slice(s, 2, s.n);
    } else if (span_starts(s, SPAN_LIT("."))) {
        *ret_spans = ZONE_PLAIN | ZONE_WILD;
        s = span_slice(s, 1, s.n);
    }
    for (size_t i = 0; i < s.n; i++) {
        letter = letter || ascii_is_alpha(s.p[i]);
        if (!ascii_is_alnum(s.p[i]) && !memchr("-_.", s.p[i], 3))
            return false;
    }
    return letter && zone_rname_parse(s, ret) && ret->n;
}

bool lists_is_entry(struct span s)
{
    struct ip a, b;
    struct ip_prefix net;
    struct zone_rname name;
    unsigned spans;

    return ip_prefix_parse(s, &net) || parse_range(s, &a, &b) ||
           (parse_name(s, &name, &spans) && span_find(s, '.') < s.n);
}

static int table(struct lists_work *w, enum zone_kind kind, struct zone_table **t)
{
    return *t ? 0 : zone_data_table(w->d, kind, ZONE_LONGEST, t);
}

static int add4(struct lists_work *w, uint32_t from, uint32_t to, uint32_t value, uint32_t evidence)
{
    int r = table(w, ZONE_IPV4, &w->four);
    uint64_t at = from;

    while (r == 0 && at <= to) {
        uint64_t size = at ? at & (0 - at) : UINT64_C(1) << 32;

        while (at + size - 1 > to)
            size /= 2;
        r = zone_table_add4(w->four, (uint32_t)at, (uint32_t)(at + size - 1), value, evidence);
        at += size;
    }
    return r;
}

static int add6(struct lists_work *w, struct zone_ip6 from, struct zone_ip6 to, uint32_t value,
                uint32_t evidence)
{
    int r = table(w, ZONE_IPV6, &w->six);
    struct zone_ip6 last = from;

    while (r == 0) {
        unsigned len = 128;

        while (len > 0 && zone_ip6_cmp(zone_ip6_first(from, len - 1), from) == 0 &&
               zone_ip6_cmp(zone_ip6_last(from, len - 1), to) <= 0)
            len--;
        last = zone_ip6_last(from, len);
        r = zone_table_add6(w->six, from, len, value, evidence);
        if (zone_ip6_cmp(last, to) >= 0)
            break;
        from = zone_ip6_next(last);
    }
    return r;
}

/* As much of a text as there is room for; no character is cut in two. */
static struct span fit(struct span text)
{
    size_t n = LISTS_TEXT_MAX;

    if (text.n <= n)
        return text;
    while (n > LISTS_TEXT_MAX - 4 && ((unsigned char)text.p[n] & 0xc0) == 0x80)
        n--;
    return span_slice(text, 0, n);
}

/* False when the value is bad, told. */
static bool value_of(struct lists_work *w, const struct span fields[LISTS_FIELDS],
                     struct zone_value *ret, uint32_t *ret_evidence)
{
    struct span code = fields[LISTS_CODE], reason = fields[LISTS_REASON];
    struct span evidence = fields[LISTS_EVIDENCE];
    struct ip ip;
    uint64_t number = 0;

    ret->a = w->o->a ? w->o->a : 0x7f000002;
    if (code.n) {
        if (!ip_parse(code, &ip) || ip.family != IP_V4 || ip.b[0] != 127 ||
            number4(ip) == 0x7f000001) {
            lists_skip(w, code, "no A value", "use 127.0.0.2 to 127.255.255.255 (RFC 5782)");
            return false;
        }
        ret->a = number4(ip);
    }
    if (evidence.n && !num_u64(evidence, 0, UINT32_MAX, &number)) {
        lists_skip(w, evidence, "no number of evidence", "write a number, or nothing");
        return false;
    }
    *ret_evidence = (uint32_t)number;
    buf_clear(&w->text);
    zone_text_add(&w->text, fit(reason.n ? reason : w->o->text));
    ret->text = buf_span(&w->text);
    return true;
}

static int add(struct lists_work *w, struct span s, uint32_t value, uint32_t evidence)
{
    struct ip a, b;
    struct ip_prefix net;
    struct zone_rname name;
    unsigned spans;
    int r;

    if (ip_prefix_parse(s, &net)) {
        if (net.ip.family == IP_V4) {
            uint32_t from = number4(net.ip);

            return add4(w, from, from | (uint32_t)((UINT64_C(1) << (32 - net.len)) - 1), value,
                        evidence);
        }
        a = net.ip;
        return add6(w, zone_ip6_of(a.b), zone_ip6_last(zone_ip6_of(a.b), net.len), value, evidence);
    }
    if (parse_range(s, &a, &b))
        return a.family == IP_V4 ? add4(w, number4(a), number4(b), value, evidence)
                                 : add6(w, zone_ip6_of(a.b), zone_ip6_of(b.b), value, evidence);
    if (parse_name(s, &name, &spans)) {
        r = table(w, ZONE_NAME, &w->names);
        return r ? r : zone_table_add_name(w->names, &name, spans, value, evidence);
    }
    lists_skip(w, s, "neither an address nor a name",
               "write 192.0.2.1, 192.0.2.0/24, 2001:db8::/32, a - b or example.org");
    return 1;
}

int lists_entry(struct lists_work *w, const struct span fields[LISTS_FIELDS])
{
    struct span entry = fields[fields[LISTS_ENTRY].n ? LISTS_ENTRY : LISTS_NAMED];
    struct zone_value value = {0};
    uint32_t number, evidence = 0;

    if (!value_of(w, fields, &value, &evidence))
        return 0;
    if (w->text.err == -ENOMEM)
        return -ENOMEM;
    int r = zone_data_value(w->d, &value, &number);

    if (r == 0)
        r = add(w, entry, number, evidence);
    w->good += r == 0;
    return r > 0 ? 0 : r;
}

/* The entry of a line: a range may have blanks around its hyphen, anything else is one word. */
static struct span text_entry(struct span line)
{
    struct span rest = line, first, second, third;

    span_word(&rest, &first);
    if (span_word(&rest, &second) && span_eq(second, SPAN_LIT("-")) && span_word(&rest, &third))
        return span_of(line.p, (size_t)(third.p + third.n - line.p));
    return first;
}

static int read_text(struct lists_work *w, struct span bytes)
{
    struct span line;
    int r = 0;

    while (r == 0 && bytes.n && span_cut(&bytes, '\n', &line)) {
        w->line++;
        if (line.n > LISTS_LINE_MAX) {
            lists_skip(w, line, "a line over 16384 octets", "cut it");
            continue;
        }
        line = plain_line(line);
        if (line.n)
            r = lists_entry(w, (const struct span[LISTS_FIELDS]){text_entry(line)});
    }
    return r;
}

static int verdict(struct lists_work *w)
{
    const char *what = NULL, *remedy = "mend them, or read it without strict";

    if (w->bad > w->good && (w->bad >= LISTS_BAD_MIN || !w->good)) {
        what = w->good ? "more bad entries than good ones" : "nothing but bad entries";
        remedy = "is it a list of this format? fetch it again";
    } else if (w->bad && w->o->strict) {
        what = "bad entries";
    }
    if (!what)
        return LISTS_OK;
    zone_remarks_add(w->remarks, ZONE_REMARK_REFUSED, w->file, 0, remedy, "%s", what);
    return LISTS_REFUSED;
}

int lists_read(enum lists_format format, const char *name, struct span bytes,
               const struct lists_options *options, struct zone_data *d,
               struct zone_remarks *remarks)
{
    struct lists_work w = {
        .o = options,
        .d = d,
        .remarks = remarks,
        .file = name,
        .text = BUF_INIT(ZONE_TEMPLATE_MAX),
    };
    int r;

    bytes = lists_unmarked(bytes);
    if (span_starts(bytes, SPAN_LIT("\xff\xfe")) || span_starts(bytes, SPAN_LIT("\xfe\xff"))) {
        zone_remarks_add(remarks, ZONE_REMARK_REFUSED, name, 0, "save it as UTF-8",
                         "a list in UTF-16");
        return LISTS_REFUSED;
    }
    if (format == LISTS_CSV)
        r = lists_csv(&w, bytes);
    else if (format == LISTS_JSON)
        r = lists_json(&w, bytes);
    else
        r = read_text(&w, bytes);
    if (r == -E2BIG)
        zone_remarks_add(remarks, ZONE_REMARK_REFUSED, name, w.line, "split it",
                         "more entries or texts than a zone may have");
    buf_deinit(&w.text);
    if (options->entries)
        *options->entries += w.good;
    return r ? r : verdict(&w);
}
