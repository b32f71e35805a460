/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The danger is a difference between two readers: the gate says "the domain is ours", the backend
 * says "the local part holds a route". So the grammar is the strict one (smtp/path), and within it
 * everything is refused that one mail system or another has been seen to take apart:
 *
 *     @a,@b:u@d           source routes; RFC 5321 App. C lets us ignore them, we refuse them
 *     "u@d"@h  "a::u"@h   specials of RFC 5322 inside quotes: the next hop takes the quotes off
 *     u%d@h  d!u@h        percent hack and UUCP path: "marked", the policy may know such mailboxes
 *     "/c=us/..."@h       X.400 forms; '|' starts a command: marked
 *     IMCEASMTP-u+40d@h   Exchange's encapsulation (MS99-027): marked; IMCEAEX is the one that real
 *                         replies to old contacts use, and it names no other host
 *     U+FF05, U+FF20 ...  characters that NFKC normalisation turns into one of these
 *     u@192.0.2.1         an address without brackets: some send to it
 *
 * Local parts are not changed but for their quotes: case and normalisation belong to the mailbox's
 * host.
 */
#include "relay/canon.h"

#include "smtp/path.h"

#include <assert.h>

const char *relay_canon_got_name(enum relay_canon_got got)
{
    static const char *const names[] = {
        [RELAY_CANON_OK] = "ok",
        [RELAY_CANON_NULL] = "null",
        [RELAY_CANON_POSTMASTER] = "postmaster",
        [RELAY_CANON_SYNTAX] = "syntax",
        [RELAY_CANON_ROUTE] = "route",
        [RELAY_CANON_UTF8] = "utf8",
        [RELAY_CANON_LITERAL] = "literal",
    };

    return names[got];
}

/* The specials of RFC 5322 §3.2.3 but for the dot. */
static bool is_special(char c)
{
    return c && strchr("()<>[]:;@\\,\"", c);
}

/*
 * What NFKC turns into something with @ % ! : " \ in it, U+0080 and up (Unicode 14), the C1
 * controls, and the line and paragraph separators. In UTF-8, sorted by nothing: there are few.
 */
static bool is_disguised(struct span ch)
{
    static const char *const disguises[] = {
        "\xe2\x80\xa8", /* U+2028 LINE SEPARATOR */
        "\xe2\x80\xa9", /* U+2029 PARAGRAPH SEPARATOR */
        "\xe2\x80\xbc", /* U+203C DOUBLE EXCLAMATION MARK */
        "\xe2\x81\x88", /* U+2048 QUESTION EXCLAMATION MARK */
        "\xe2\x81\x89", /* U+2049 EXCLAMATION QUESTION MARK */
        "\xe2\xa9\xb4", /* U+2A74 DOUBLE COLON EQUAL */
        "\xef\xb8\x93", /* U+FE13 PRESENTATION FORM FOR VERTICAL COLON */
        "\xef\xb8\x95", /* U+FE15 PRESENTATION FORM FOR VERTICAL EXCLAMATION MARK */
        "\xef\xb9\x95", /* U+FE55 SMALL COLON */
        "\xef\xb9\x97", /* U+FE57 SMALL EXCLAMATION MARK */
        "\xef\xb9\xa8", /* U+FE68 SMALL REVERSE SOLIDUS */
        "\xef\xb9\xaa", /* U+FE6A SMALL PERCENT SIGN */
        "\xef\xb9\xab", /* U+FE6B SMALL COMMERCIAL AT */
        "\xef\xbc\x81", /* U+FF01 FULLWIDTH EXCLAMATION MARK */
        "\xef\xbc\x82", /* U+FF02 FULLWIDTH QUOTATION MARK */
        "\xef\xbc\x85", /* U+FF05 FULLWIDTH PERCENT SIGN */
        "\xef\xbc\x9a", /* U+FF1A FULLWIDTH COLON */
        "\xef\xbc\xa0", /* U+FF20 FULLWIDTH COMMERCIAL AT */
        "\xef\xbc\xbc", /* U+FF3C FULLWIDTH REVERSE SOLIDUS */
    };

    if (ch.n == 2)
        return ch.p[0] == '\xc2' && (unsigned char)ch.p[1] < 0xa0;
    for (size_t i = 0; i < sizeof(disguises) / sizeof(disguises[0]); i++)
        if (span_eq(ch, span_str(disguises[i])))
            return true;
    return false;
}

/* Octets of the UTF-8 character that starts with `lead`; the path parser has seen to the rest. */
static size_t utf8_octets(char lead)
{
    unsigned char c = (unsigned char)lead;

    return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

static bool has_route(struct span local)
{
    for (size_t i = 0; i < local.n; i += utf8_octets(local.p[i]))
        if (is_special(local.p[i]) || (unsigned char)local.p[i] < ' ' || local.p[i] == 0x7f ||
            is_disguised(span_slice(local, i, i + utf8_octets(local.p[i]))))
            return true;
    return false;
}

/* IMCEA, a type of letters and digits, a hyphen; EX is the type that is not one of these. */
static bool is_imcea(struct span local)
{
    struct span type;

    if (!span_starts_nocase(local, SPAN_LIT("IMCEA")))
        return false;
    type = span_slice(local, 5, local.n);
    type = span_slice(type, 0, span_find(type, '-'));
    if (type.n == 0 || type.n + 5 == local.n || span_eq_nocase(type, SPAN_LIT("EX")))
        return false;
    for (size_t i = 0; i < type.n; i++)
        if (!ascii_is_alnum(type.p[i]))
            return false;
    return true;
}

static bool is_marked(struct span local)
{
    return span_find(local, '%') < local.n || span_find(local, '!') < local.n ||
           local.p[0] == '/' || local.p[0] == '|' || is_imcea(local);
}

/* --- writing ---------------------------------------------------------------------------------- */

struct writer {
    char *out;
    size_t n, cap;
};

static void put(struct writer *w, struct span s)
{
    assert(w->n + s.n < w->cap);
    if (s.n)
        memcpy(w->out + w->n, s.p, s.n);
    w->n += s.n;
    w->out[w->n] = '\0';
}

/* Whether the local part is a Dot-string of RFC 5321 §4.1.2 as it is. Specials are gone by now. */
static bool is_dot_string(struct span local)
{
    bool was_dot = true;

    for (size_t i = 0; i < local.n; i++) {
        if (local.p[i] == ' ' || (local.p[i] == '.' && was_dot))
            return false;
        was_dot = local.p[i] == '.';
    }
    return !was_dot;
}

static void write_path(struct relay_address *a, struct span local)
{
    struct writer w = {a->path, 0, sizeof(a->path)};
    char text[IP_TEXT_MAX];
    bool bare = is_dot_string(local);

    put(&w, SPAN_LIT("<"));
    put(&w, bare ? SPAN_NULL : SPAN_LIT("\""));
    put(&w, local);
    put(&w, bare ? SPAN_NULL : SPAN_LIT("\""));
    if (a->literal.family != IP_NONE) {
        put(&w, a->literal.family == IP_V6 ? SPAN_LIT("@[IPv6:") : SPAN_LIT("@["));
        put(&w, span_str(ip_text(a->literal, text)));
        put(&w, SPAN_LIT("]>"));
    } else if (a->domain[0]) {
        put(&w, SPAN_LIT("@"));
        put(&w, span_str(a->domain));
        put(&w, SPAN_LIT(">"));
    } else {
        put(&w, SPAN_LIT(">"));
    }
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool is_ascii(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return false;
    return true;
}

/* No top-level domain is a number (RFC 3696 §2): this is an address that lost its brackets. */
static bool is_numeric(const char *domain)
{
    const char *dot = strrchr(domain, '.');

    for (const char *p = dot ? dot + 1 : domain; *p; p++)
        if (!ascii_is_digit(*p))
            return false;
    return true;
}

static enum relay_canon_got read_domain(const struct smtp_path *path, relay_ascii_fn ascii,
                                        struct relay_address *a)
{
    if (path->literal) {
        a->literal = path->ip;
        return path->ip.family == IP_NONE ? RELAY_CANON_LITERAL : RELAY_CANON_OK;
    }
    if (is_ascii(path->domain)) {
        /* No underscore and no trailing dot is left: a host name needs no more than lower case. */
        if (!span_copy(path->domain, a->domain, sizeof(a->domain)))
            return RELAY_CANON_SYNTAX;
        for (char *p = a->domain; *p; p++)
            *p = ascii_lower(*p);
    } else if (!ascii || !ascii(path->domain, a->domain) || !smtp_domain_ok(span_str(a->domain))) {
        return RELAY_CANON_UTF8;
    }
    return is_numeric(a->domain) ? RELAY_CANON_LITERAL : RELAY_CANON_OK;
}

static enum relay_canon_got read_mailbox(const struct smtp_path *path, bool smtputf8,
                                         relay_ascii_fn ascii, struct relay_address *a)
{
    struct span local = span_of(path->local, path->local_n);
    enum relay_canon_got got;

    if (path->utf8 && !smtputf8)
        return RELAY_CANON_UTF8;
    if (path->route.n || has_route(local))
        return RELAY_CANON_ROUTE;
    if (local.n == 0) /* "" in quotes: right by the grammar, and has crashed mail stores */
        return RELAY_CANON_SYNTAX;
    got = read_domain(path, ascii, a);
    if (got != RELAY_CANON_OK)
        return got;
    memcpy(a->local, path->local, path->local_n + 1);
    a->utf8 = !is_ascii(local);
    a->marked = is_marked(local);
    write_path(a, local);
    return strlen(a->path) > SMTP_PATH_MAX ? RELAY_CANON_SYNTAX : RELAY_CANON_OK;
}

enum relay_canon_got relay_canon(struct span text, bool smtputf8, relay_ascii_fn ascii,
                                 struct relay_address *ret)
{
    struct smtp_path path;
    enum relay_canon_got got = RELAY_CANON_SYNTAX;

    *ret = (struct relay_address){0};
    switch (smtp_path_parse(text, &path, NULL)) {
    case SMTP_PATH_OK:
        got = read_mailbox(&path, smtputf8, ascii, ret);
        break;
    case SMTP_PATH_NULL:
        span_copy(SPAN_LIT("<>"), ret->path, sizeof(ret->path));
        return RELAY_CANON_NULL;
    case SMTP_PATH_POSTMASTER:
        span_copy(SPAN_LIT("postmaster"), ret->local, sizeof(ret->local));
        span_copy(SPAN_LIT("<postmaster>"), ret->path, sizeof(ret->path));
        return RELAY_CANON_POSTMASTER;
    case SMTP_PATH_UTF8:
        got = RELAY_CANON_UTF8;
        break;
    case SMTP_PATH_NO_DOMAIN:
    case SMTP_PATH_SYNTAX:
    case SMTP_PATH_LONG_LOCAL:
    case SMTP_PATH_LONG_DOMAIN:
    case SMTP_PATH_LONG:
        got = RELAY_CANON_SYNTAX;
        break;
    }
    if (got != RELAY_CANON_OK)
        *ret = (struct relay_address){0};
    return got;
}
