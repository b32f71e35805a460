/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Exports as records. Format-List wraps what is longer than its window, so a line without a name
 * goes on with the value before it; a blank line ends a record, and so does a name that comes
 * again.
 */
#include "audit/records.h"

#include "audit/yaml.h"
#include "base/num.h"

#include <stdlib.h>

/* --- building --------------------------------------------------------------------------------- */

struct build {
    struct audit *a;
    const char *file;
    struct audit_record *first, **end;
    size_t count;
    struct audit_field v[AUDIT_FIELDS_MAX];
    size_t n;
    unsigned line;
};

static void finish(struct build *b)
{
    struct audit_record *r;

    if (b->n == 0 || audit_failed(b->a))
        return;
    if (++b->count > AUDIT_RECORDS_MAX) {
        audit_bad(b->a, (struct audit_place){b->file, b->line},
                  "more than %d records; export less at a time", AUDIT_RECORDS_MAX);
        return;
    }
    r = audit_alloc(b->a, sizeof(*r));
    *r = (struct audit_record){.file = b->file, .line = b->line, .count = b->n};
    r->v = audit_alloc(b->a, b->n * sizeof(r->v[0]));
    if (audit_failed(b->a))
        return;
    memcpy(r->v, b->v, b->n * sizeof(r->v[0]));
    *b->end = r;
    b->end = &r->next;
    b->n = 0;
}

static void field(struct build *b, const char *name, const char *value, unsigned line)
{
    if (b->n == 0)
        b->line = line;
    if (b->n < AUDIT_FIELDS_MAX)
        b->v[b->n++] = (struct audit_field){name, value, line};
}

/* --- Format-List ------------------------------------------------------------------------------ */

/* "Name    : value"; names are one word. */
static bool list_line(struct span line, struct span *name, struct span *value)
{
    size_t colon = span_find(line, ':');

    *name = span_trim(span_slice(line, 0, colon));
    *value = span_trim(span_slice(line, colon + 1, line.n));
    if (colon == line.n || name->n == 0 || line.p[0] == ' ' || line.p[0] == '\t')
        return false;
    for (size_t i = 0; i < name->n; i++)
        if (!ascii_is_alnum(name->p[i]) && name->p[i] != '_')
            return false;
    return true;
}

static bool named_already(const struct build *b, struct span name)
{
    for (size_t i = 0; i < b->n; i++)
        if (span_eq_nocase(span_str(b->v[i].name), name))
            return true;
    return false;
}

static void read_list(struct build *b, struct span text)
{
    unsigned number = 0;
    struct span line, name, value;

    while (span_cut(&text, '\n', &line) && !audit_failed(b->a)) {
        number++;
        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        if (span_trim(line).n == 0) {
            finish(b);
        } else if (list_line(line, &name, &value)) {
            if (named_already(b, name))
                finish(b);
            field(b, audit_dup(b->a, name), audit_dup(b->a, value), number);
        } else if (b->n > 0 && (line.p[0] == ' ' || line.p[0] == '\t')) {
            struct audit_field *f = &b->v[b->n - 1];
            struct span was = span_str(f->value);
            /* Broken at a blank, which the break has eaten, or within a word. */
            bool blank = was.n > 0 && was.p[was.n - 1] == ',';

            if (was.n < AUDIT_LINE_MAX / 64)
                f->value = audit_fmt(b->a, "%s%s%.*s", f->value, blank ? " " : "",
                                     SPAN_ARG(span_trim(line)));
        }
    }
    finish(b);
}

/* --- CSV -------------------------------------------------------------------------------------- */

static struct span csv_quoted(struct span *text, struct buf *out, unsigned *line)
{
    size_t i = 1;

    for (; i < text->n; i++) {
        if (text->p[i] == '"' && i + 1 < text->n && text->p[i + 1] == '"')
            i++;
        else if (text->p[i] == '"')
            break;
        *line += text->p[i] == '\n';
        buf_add_char(out, text->p[i]);
    }
    *text = span_slice(*text, i + 1, text->n);
    return buf_span(out);
}

bool audit_csv_line(struct audit *a, struct span *text, char separator, const char **fields,
                    size_t max, size_t *ret_count, unsigned *line)
{
    size_t n = 0;
    bool more = true;

    *ret_count = 0;
    if (text->n == 0)
        return false;
    while (more && !audit_failed(a)) {
        struct buf out = BUF_INIT(AUDIT_LINE_MAX);
        struct span value;
        size_t end = 0;

        if (text->n > 0 && text->p[0] == '"')
            value = csv_quoted(text, &out, line);
        else
            value = SPAN_NULL;
        while (end < text->n && text->p[end] != separator && text->p[end] != '\n')
            end++;
        if (!value.p)
            value = span_trim(span_slice(*text, 0, end));
        if (n < max)
            fields[n++] = audit_dup(a, value);
        buf_deinit(&out);
        more = end < text->n && text->p[end] == separator;
        *text = span_slice(*text, end + 1, text->n);
    }
    *ret_count = n;
    return true;
}

static void read_csv(struct build *b, struct span text, char separator)
{
    const char *names[AUDIT_FIELDS_MAX], *values[AUDIT_FIELDS_MAX];
    size_t n, count;
    unsigned line = 1;

    if (span_starts(text, SPAN_LIT("#"))) { /* #TYPE of Export-Csv */
        struct span type;

        span_cut(&text, '\n', &type);
        line++;
    }
    if (!audit_csv_line(b->a, &text, separator, names, AUDIT_FIELDS_MAX, &n, &line))
        return;
    while (!audit_failed(b->a)) {
        unsigned at = ++line;

        if (!audit_csv_line(b->a, &text, separator, values, AUDIT_FIELDS_MAX, &count, &line))
            break;
        for (size_t i = 0; i < n && i < count && count > 1; i++)
            field(b, names[i], values[i], at);
        finish(b);
    }
}

/* --- JSON ------------------------------------------------------------------------------------- */

/* An array as a list; of an object the field that says it in one text. */
static const char *json_text(struct audit *a, const struct audit_node *n, unsigned depth)
{
    static const char *const says[] = {"Expression", "value",  "Value", "RawIdentity",
                                       "Address",    "Domain", "Name",  "DistinguishedName"};
    const char *text = "";

    if (n->kind == AUDIT_NODE_TEXT)
        return audit_node_text(n) ? n->text : "";
    if (depth > 4)
        return "";
    for (size_t i = 0; n->kind == AUDIT_NODE_MAP && i < sizeof(says) / sizeof(says[0]); i++)
        if (audit_node_get(n, says[i]))
            return json_text(a, audit_node_get(n, says[i]), depth + 1);
    for (size_t i = 0; n->kind == AUDIT_NODE_LIST && i < n->count && i < 2000; i++)
        text = audit_fmt(a, "%s%s%s", text, i ? ", " : "", json_text(a, n->v[i].value, depth + 1));
    return text;
}

static int read_json(struct build *b, const struct audit_source_file *f)
{
    const struct audit_node *const *documents;
    size_t count;

    if (audit_yaml(b->a, f, &documents, &count) != 0)
        return AUDIT_BAD;
    for (size_t d = 0; d < count; d++) {
        const struct audit_node *top = documents[d];
        size_t items = top->kind == AUDIT_NODE_LIST ? top->count : 1;

        for (size_t i = 0; i < items; i++) {
            const struct audit_node *o = top->kind == AUDIT_NODE_LIST ? top->v[i].value : top;

            for (size_t k = 0; o->kind == AUDIT_NODE_MAP && k < o->count; k++)
                field(b, o->v[k].key, json_text(b->a, o->v[k].value, 0), o->v[k].line);
            finish(b);
        }
    }
    return 0;
}

/* --- reading ---------------------------------------------------------------------------------- */

int audit_records_read(struct audit *a, const struct audit_source_file *f,
                       struct audit_record **ret)
{
    struct build *b = calloc(1, sizeof(*b));
    struct span text = f->text, head;
    int r = 0;

    *ret = NULL;
    if (!b)
        return audit_bad(a, (struct audit_place){f->name, 0}, "out of memory");
    b->a = a;
    b->file = f->name;
    b->end = &b->first;
    if (span_starts(text, SPAN_LIT("\xEF\xBB\xBF")))
        text = span_slice(text, 3, text.n);
    head = span_trim(span_slice(text, 0, 400));
    if (head.n > 0 && (head.p[0] == '{' || head.p[0] == '['))
        r = read_json(b, f);
    else if (span_starts(head, SPAN_LIT("#TYPE")) || (head.n > 0 && head.p[0] == '"'))
        read_csv(b, text, span_find(head, ';') < span_find(head, ',') ? ';' : ',');
    else
        read_list(b, text);
    *ret = b->first;
    free(b);
    return r ? r : audit_failed(a);
}

const struct audit_field *audit_record_find(const struct audit_record *r, const char *name)
{
    for (size_t i = 0; r && i < r->count; i++)
        if (span_eq_nocase(span_str(r->v[i].name), span_str(name)))
            return &r->v[i];
    return NULL;
}

const char *audit_record_get(const struct audit_record *r, const char *name)
{
    const struct audit_field *f = audit_record_find(r, name);

    return f ? f->value : NULL;
}

bool audit_record_true(const struct audit_record *r, const char *name)
{
    const char *v = audit_record_get(r, name);

    return v && (span_eq_nocase(span_str(v), SPAN_LIT("true")) || strcmp(v, "1") == 0 ||
                 span_eq_nocase(span_str(v), SPAN_LIT("yes")));
}

struct audit_place audit_record_place(const struct audit_record *r, const char *name)
{
    const struct audit_field *f = audit_record_find(r, name);

    return (struct audit_place){r->file, f ? f->line : r->line};
}

bool audit_list_next(struct span *list, struct span *ret)
{
    return audit_word(list, "{}, ;\t\r\n", false, ret);
}

bool audit_list_has(const char *list, const char *word)
{
    struct span rest = span_str(list), one;

    while (audit_list_next(&rest, &one))
        if (span_eq_nocase(one, span_str(word)))
            return true;
    return false;
}

/* --- addresses -------------------------------------------------------------------------------- */

static unsigned bits(const struct ip *ip)
{
    return ip->family == IP_V4 ? 32 : 128;
}

static struct ip last_of(struct ip ip, unsigned len)
{
    for (unsigned i = len; i < bits(&ip); i++)
        ip.b[i / 8] |= (uint8_t)(0x80u >> i % 8);
    return ip;
}

/* The next address; false behind the last of all. */
static bool step(struct ip *ip)
{
    for (unsigned i = bits(ip) / 8; i-- > 0;)
        if (++ip->b[i] != 0)
            return true;
    return false;
}

int audit_range_add(struct relay_nets *set, struct ip low, struct ip high)
{
    int r = 0;
    bool more = low.family == high.family && ip_cmp(low, high) <= 0;

    while (more && r == 0) {
        unsigned len = bits(&low);

        while (len > 0 && ip_eq(ip_prefix_of(low, len - 1).ip, low) &&
               ip_cmp(last_of(low, len - 1), high) <= 0)
            len--;
        r = relay_nets_add(set, ip_prefix_of(low, len));
        low = last_of(low, len);
        more = ip_cmp(low, high) < 0 && step(&low);
    }
    return r;
}

/* The length that a dotted mask means; false: it has holes. */
static bool mask_len(struct ip mask, unsigned *ret)
{
    unsigned n = 0;

    while (n < 32 && (mask.b[n / 8] & (0x80u >> n % 8)))
        n++;
    for (unsigned i = n; i < 32; i++)
        if (mask.b[i / 8] & (0x80u >> i % 8))
            return false;
    *ret = n;
    return true;
}

bool audit_range_parse(struct span s, struct ip *ret_low, struct ip *ret_high)
{
    size_t dash = span_find(s, '-'), slash = span_find(s, '/'), open = span_find(s, '(');
    struct span tail;
    struct ip low, mask;
    unsigned len;

    if (dash < s.n)
        return ip_parse(span_trim(span_slice(s, 0, dash)), ret_low) &&
               ip_parse(span_trim(span_slice(s, dash + 1, s.n)), ret_high) &&
               ret_low->family == ret_high->family;
    if (slash == s.n && open < s.n) {
        slash = open;
        s.n -= s.p[s.n - 1] == ')';
    }
    if (!ip_parse(span_trim(span_slice(s, 0, slash)), &low))
        return false;
    len = bits(&low);
    tail = span_slice(s, slash + 1, s.n);
    if (slash < s.n && !num_uint(tail, 0, len, &len) &&
        !(ip_parse(tail, &mask) && mask.family == IP_V4 && low.family == IP_V4 &&
          mask_len(mask, &len)))
        return false;
    *ret_low = ip_prefix_of(low, len).ip;
    *ret_high = last_of(low, len);
    return true;
}
