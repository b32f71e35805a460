/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the interpreters of Unix mail servers share.
 *
 * A sample of a pattern. Rights are often given to senders, names or domains by a regular
 * expression; the witness has to be a text that it matches. It is made by reading the pattern once
 * and taking the first choice everywhere, and then tried with the real matcher: what this reader
 * does not know about patterns can make it find nothing, never something wrong.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "audit/unix.h"

#include "base/num.h"

#include <pcre2.h>

enum {
    REGEX_STEPS = 100000, /* of the matcher: more is a pattern that eats time */
    REGEX_PATTERN_MAX = 32768,
    SAMPLE_DEPTH = 30,
};

bool unix_shared_suffix(struct span suffix)
{
    static const char *const seconds[] = {"ac",  "co",  "com",  "edu", "go",  "gob", "gouv",
                                          "gov", "ltd", "me",   "ne",  "net", "nom", "or",
                                          "org", "plc", "asso", "mil", "id",  "web", "firm"};
    size_t dot = span_find(suffix, '.');
    struct span first = span_slice(suffix, 0, dot), rest = span_slice(suffix, dot + 1, suffix.n);

    if (dot == suffix.n)
        return true;
    if (rest.n == 0) /* "com." */
        return true;
    if (rest.n != 2 || span_find(rest, '.') < rest.n)
        return false;
    for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++)
        if (span_eq_nocase(first, span_str(seconds[i])))
            return true;
    return false;
}

/* --- patterns --------------------------------------------------------------------------------- */

static enum unix_match matched(pcre2_code *code, struct span subject,
                               struct span captures[UNIX_CAPTURES])
{
    pcre2_match_data *data = pcre2_match_data_create(UNIX_CAPTURES, NULL);
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    enum unix_match got = UNIX_MATCH_BAD;
    int r;

    if (data && context) {
        pcre2_set_match_limit(context, REGEX_STEPS);
        r = pcre2_match(code, (PCRE2_SPTR)(subject.p ? subject.p : ""), subject.n, 0, 0, data,
                        context);
        got = r >= 0 ? UNIX_MATCH_YES : r == PCRE2_ERROR_NOMATCH ? UNIX_MATCH_NO : UNIX_MATCH_BAD;
        for (int i = 0; captures && got == UNIX_MATCH_YES && i < UNIX_CAPTURES; i++) {
            const PCRE2_SIZE *at = pcre2_get_ovector_pointer(data);
            bool set = (i < r || r == 0) && at[2 * i] != PCRE2_UNSET && at[2 * i] <= at[2 * i + 1];

            captures[i] = set ? span_slice(subject, at[2 * i], at[2 * i + 1]) : SPAN_NULL;
        }
    }
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
    return got;
}

enum unix_match unix_regex(struct span pattern, struct span subject, bool nocase,
                           struct span captures[UNIX_CAPTURES])
{
    enum unix_match got;
    pcre2_code *code;
    PCRE2_SIZE at;
    int err;

    if (pattern.n > REGEX_PATTERN_MAX)
        return UNIX_MATCH_BAD;
    code = pcre2_compile((PCRE2_SPTR)(pattern.p ? pattern.p : ""), pattern.n,
                         nocase ? PCRE2_CASELESS : 0, &err, &at, NULL);
    if (!code)
        return UNIX_MATCH_BAD;
    got = matched(code, subject, captures);
    pcre2_code_free(code);
    return got;
}

struct sample {
    struct span s;
    struct buf out;
    unsigned depth;
    bool bad;
};

static void sample_alternatives(struct sample *m, bool write);

/* One of a class: the first that is no "^". */
static char sample_class(struct sample *m)
{
    bool negated = m->s.n > 0 && m->s.p[0] == '^';
    size_t i = negated ? 1 : 0;
    char c = m->s.n > i ? m->s.p[i] : 'a';

    if (c == '\\' && m->s.n > i + 1)
        c = m->s.p[++i];
    if (c == 'w' || c == 's' || c == '[')
        c = 'a';
    else if (c == 'd')
        c = '1';
    i++;
    while (i < m->s.n && m->s.p[i] != ']')
        i += m->s.p[i] == '\\' ? 2 : 1;
    m->s = span_slice(m->s, i + 1, m->s.n);
    return negated ? (c == 'x' ? 'y' : 'x') : c;
}

static char sample_escape(struct sample *m)
{
    char c = m->s.n > 0 ? m->s.p[0] : '\\';

    m->s = span_slice(m->s, 1, m->s.n);
    switch (c) {
    case 'd':
        return '1';
    case 'w':
    case 'S':
    case 'D':
        return 'a';
    case 's':
        return ' ';
    case 'b':
    case 'B':
    case 'A':
    case 'Z':
    case 'z':
        return '\0';
    default:
        return c;
    }
}

/* How often the thing before it is needed: 0, 1 or n. */
static unsigned sample_times(struct sample *m)
{
    unsigned n = 1;
    char c = m->s.n > 0 ? m->s.p[0] : '\0';

    if (c == '*' || c == '?')
        n = 0;
    else if (c == '{') {
        size_t end = span_find(m->s, '}');
        struct span low = span_slice(m->s, 1, end);

        if (end == m->s.n || !num_uint(span_slice(low, 0, span_find(low, ',')), 0, 64, &n))
            return 1;
        m->s = span_slice(m->s, end, m->s.n);
    } else if (c != '+') {
        return 1;
    }
    m->s = span_slice(m->s, 1, m->s.n);
    if (m->s.n > 0 && (m->s.p[0] == '?' || m->s.p[0] == '+'))
        m->s = span_slice(m->s, 1, m->s.n);
    return n;
}

static void sample_group(struct sample *m, bool write)
{
    size_t before = m->out.n;
    unsigned times;

    if (m->s.n > 1 && m->s.p[0] == '?') {
        size_t colon = span_find(m->s, ':');

        if (m->s.p[1] == '=' || m->s.p[1] == '!' || m->s.p[1] == '<' || colon > 6)
            m->bad = true;
        m->s = span_slice(m->s, colon + 1, m->s.n);
    }
    sample_alternatives(m, write);
    m->s = span_slice(m->s, 1, m->s.n); /* ")" */
    times = sample_times(m);
    if (times == 0)
        buf_truncate(&m->out, before);
}

static void sample_one(struct sample *m, bool write)
{
    char c = m->s.p[0];
    unsigned times;

    m->s = span_slice(m->s, 1, m->s.n);
    if (c == '^' || c == '$')
        return;
    if (c == '(') {
        sample_group(m, write);
        return;
    }
    if (c == '[')
        c = sample_class(m);
    else if (c == '\\')
        c = sample_escape(m);
    else if (c == '.')
        c = 'a';
    times = sample_times(m);
    for (unsigned i = 0; write && c && i < times; i++)
        buf_add_char(&m->out, c);
}

static void sample_alternatives(struct sample *m, bool write)
{
    if (++m->depth > SAMPLE_DEPTH)
        m->bad = true;
    while (m->s.n > 0 && m->s.p[0] != ')' && !m->bad) {
        if (m->s.p[0] == '|') {
            write = false;
            m->s = span_slice(m->s, 1, m->s.n);
        } else {
            sample_one(m, write);
        }
    }
    m->depth--;
}

const char *unix_regex_sample(struct audit *a, struct span pattern, bool nocase,
                              bool *ret_open_front, bool *ret_open_end)
{
    struct sample m = {.s = pattern, .out = BUF_INIT(1024)};
    const char *text = NULL;

    sample_alternatives(&m, true);
    if (!m.bad && m.out.err == 0)
        text = audit_dup(a, buf_span(&m.out));
    buf_deinit(&m.out);
    if (!text || unix_regex(pattern, span_str(text), nocase, NULL) != UNIX_MATCH_YES)
        return NULL;
    *ret_open_front =
        unix_regex(pattern, span_str(audit_fmt(a, "zq9%s", text)), nocase, NULL) == UNIX_MATCH_YES;
    *ret_open_end =
        unix_regex(pattern, span_str(audit_fmt(a, "%szq9", text)), nocase, NULL) == UNIX_MATCH_YES;
    return text;
}

/* --- networks --------------------------------------------------------------------------------- */

bool unix_net(struct span s, struct ip_prefix *ret)
{
    size_t slash = span_find(s, '/');
    struct span host = span_slice(s, 0, slash);
    unsigned len;
    struct ip ip;

    if (host.n > 1 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = span_slice(host, 1, host.n - 1);
    if (!ip_parse(host, &ip))
        return false;
    len = ip.family == IP_V4 ? 32 : 128;
    if (slash < s.n && !num_uint(span_slice(s, slash + 1, s.n), 0, len, &len))
        return false;
    *ret = ip_prefix_of(ip, len);
    return true;
}

bool unix_octets(struct span s, struct ip_prefix *ret)
{
    struct ip ip = {.family = IP_V4};
    unsigned at = 0, octet;
    struct span one;

    if (s.n > 0 && s.p[s.n - 1] == '.')
        s.n--;
    if (s.n == 0)
        return false;
    while (span_cut(&s, '.', &one)) {
        if (at >= 4 || !num_uint(one, 0, 255, &octet))
            return false;
        ip.b[at++] = (uint8_t)octet;
    }
    *ret = ip_prefix_of(ip, 8 * at);
    return at > 0;
}

static bool in_narrower(struct ip ip, struct ip_prefix net, const struct ip_prefix *others,
                        size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (others[i].len > net.len && ip_prefix_has(others[i], ip))
            return true;
    return false;
}

bool unix_inside(struct ip_prefix net, const struct ip_prefix *others, size_t count, struct ip *ret)
{
    static const uint8_t tails[] = {1, 2, 66, 77, 130, 201, 254, 0, 3, 5, 9, 17, 33, 65, 129, 255};
    unsigned size = net.ip.family == IP_V4 ? 4 : 16;

    for (unsigned i = 0; i < 4 * sizeof(tails); i++) {
        struct ip ip = net.ip;

        /* The tail in the last octet, and in later rounds in those before it, too. */
        for (unsigned k = 0; k <= i / sizeof(tails); k++)
            ip.b[size - 1 - k] |= tails[i % sizeof(tails)];
        if (ip_prefix_has(net, ip) && !in_narrower(ip, net, others, count)) {
            *ret = ip;
            return true;
        }
        if (net.len + 8 * (i / (unsigned)sizeof(tails)) >= 8 * size && i >= sizeof(tails))
            break;
    }
    *ret = net.ip;
    return !in_narrower(net.ip, net, others, count);
}

/* --- lines ------------------------------------------------------------------------------------ */

struct span unix_line(const struct audit *a, const char *file, unsigned line)
{
    struct span text, one = SPAN_NULL;

    if (!file || line == 0 || audit_read_before(a, file, &text) != AUDIT_FILE_OK)
        return SPAN_NULL;
    for (unsigned i = 0; i < line; i++)
        if (!span_cut(&text, '\n', &one))
            return SPAN_NULL;
    if (one.n > 0 && one.p[one.n - 1] == '\r')
        one.n--;
    return one;
}

static bool part_of_word(char c)
{
    return ascii_is_alnum(c) || strchr("._-/@*+!^", c);
}

const char *unix_line_without(struct audit *a, const char *file, unsigned line, struct span word,
                              const char *seps)
{
    struct span s = unix_line(a, file, line);
    size_t found = 0, at = 0, end;

    for (size_t i = 0; word.n > 0 && i + word.n <= s.n; i++)
        if (memcmp(s.p + i, word.p, word.n) == 0 && (i == 0 || !part_of_word(s.p[i - 1])) &&
            (i + word.n == s.n || !part_of_word(s.p[i + word.n]))) {
            found++;
            at = i;
        }
    if (found != 1)
        return NULL;
    end = at + word.n;
    while (end < s.n && (s.p[end] == ' ' || s.p[end] == '\t'))
        end++;
    if (end < s.n && strchr(seps, s.p[end])) { /* the separator behind it goes, too */
        end++;
        while (end < s.n && (s.p[end] == ' ' || s.p[end] == '\t'))
            end++;
    } else { /* it is the last: the one before it goes */
        size_t from = at;

        while (from > 0 && (s.p[from - 1] == ' ' || s.p[from - 1] == '\t'))
            from--;
        if (from > 0 && strchr(seps, s.p[from - 1])) {
            at = from - 1;
            while (at > 0 && (s.p[at - 1] == ' ' || s.p[at - 1] == '\t'))
                at--;
        }
    }
    return audit_fmt(a, "%.*s%.*s", SPAN_ARG(span_slice(s, 0, at)), (int)(s.n - end), s.p + end);
}

void unix_net_fix(struct audit *a, struct audit_net *n, const char *seps)
{
    const char *text = unix_line_without(a, n->place.file, n->place.line, span_str(n->text), seps);

    if (text) {
        n->fix = text;
        n->edit = (struct audit_edit){AUDIT_EDIT_REPLACE, n->place.file, n->place.line,
                                      n->place.line, text};
    } else {
        n->fix = audit_fmt(a, "take %s out, or name the very hosts that send through this server",
                           n->text);
    }
}

void unix_net_drop(struct audit *a, struct audit_net *n)
{
    n->fix = audit_fmt(a, "take that line out, or name the very hosts in it");
    n->edit =
        (struct audit_edit){AUDIT_EDIT_DELETE, n->place.file, n->place.line, n->place.line, NULL};
}

/* --- names ------------------------------------------------------------------------------------ */

void unix_mx_witness(struct audit *a, struct audit_finding *f)
{
    const char *host = audit_host_get_name(a);

    f->witness.rcpt[0] = "anyone@a-domain-whose-mx-is-this-host.example";
    f->prove = audit_fmt(a, "--own --ports %u --family mx-backup %s",
                         f->witness.port ? f->witness.port : 25, host ? host : "HOST");
}

bool unix_below(struct span name, struct span domain)
{
    if (domain.n > 0 && domain.p[0] == '.')
        domain = span_slice(domain, 1, domain.n);
    return domain.n > 0 && span_ends_nocase(name, domain) &&
           (name.n == domain.n || name.p[name.n - domain.n - 1] == '.');
}

const char *unix_victim_below(struct audit *a, struct span suffix)
{
    if (suffix.n > 0 && suffix.p[0] == '.')
        suffix = span_slice(suffix, 1, suffix.n);
    if (unix_below(SPAN_LIT(AUDIT_VICTIM_DOMAIN), suffix))
        return AUDIT_VICTIM;
    return audit_fmt(a, "%s@elsewhere.%.*s", AUDIT_VICTIM_LOCAL, SPAN_ARG(suffix));
}
