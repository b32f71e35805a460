/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A line is a time (or none), a host (or none), a program's tag, and that program's words. Only
 * there, and only in whole, is a form looked for: never somewhere in the line, since a name that
 * was tried and failed may contain all of a successful login's text.
 *
 * Forms, with what stands for a name in capitals:
 *
 *     dovecot   [dovecot: ]imap-login: [Info: ]Login: user=<USER>, method=M, rip=IP, lip=…
 *     courier   imapd: LOGIN, user=USER, ip=[IP], …
 *     cyrus     imap[PID]: login: HOST [IP] USER MECH User logged in…
 *     uw        imapd[PID]: Login user=USER host=HOST [IP]
 *     qpopper   popper[PID]: (VERSION) POP login by user "USER" at (HOST) IP…
 */
#include "auth/logline.h"

#include "auth/sasl.h"

/* --- taking a line apart --------------------------------------------------------------------- */

static bool take(struct span *s, const char *literal)
{
    struct span lit = span_str(literal);

    if (!span_starts(*s, lit))
        return false;
    *s = span_slice(*s, lit.n, s->n);
    return true;
}

/* What comes before `literal`, which is passed over too. */
static bool take_to(struct span *s, const char *literal, struct span *ret)
{
    struct span lit = span_str(literal);

    for (size_t i = 0; i + lit.n <= s->n; i++)
        if (memcmp(s->p + i, lit.p, lit.n) == 0) {
            *ret = span_slice(*s, 0, i);
            *s = span_slice(*s, i + lit.n, s->n);
            return true;
        }
    return false;
}

static bool has(struct span s, const char *literal)
{
    struct span before;

    return take_to(&s, literal, &before);
}

static bool is_clock(struct span word)
{
    return word.n >= 8 && ascii_is_digit(word.p[0]) && ascii_is_digit(word.p[1]) &&
           word.p[2] == ':' && ascii_is_digit(word.p[3]) && word.p[5] == ':';
}

static bool is_date(struct span word)
{
    return word.n >= 10 && ascii_is_digit(word.p[0]) && ascii_is_digit(word.p[3]) &&
           word.p[4] == '-' && word.p[7] == '-';
}

/* "Nov 21 10:00:00", "2026-11-21 10:00:00", "2026-11-21T10:00:00+01:00", each with a blank. */
static void pass_time(struct span *s)
{
    struct span rest = *s, a, b, c;

    if (!take_to(&rest, " ", &a))
        return;
    if (is_date(a) && a.n > 10) {
        *s = rest;
    } else if (is_date(a)) {
        if (take_to(&rest, " ", &b) && is_clock(b))
            *s = rest;
    } else if (a.n == 3 && ascii_is_alpha(a.p[0])) {
        take(&rest, " "); /* the day has two columns */
        if (take_to(&rest, " ", &b) && b.n <= 2 && take_to(&rest, " ", &c) && is_clock(c))
            *s = rest;
    }
}

/* "NAME[PID]: " or "NAME: "; a folder before the name ("cyrus/imap") is passed over. */
static bool take_tag(struct span *s, struct span *ret_name)
{
    struct span rest = *s, tag, pid;

    if (!take_to(&rest, ": ", &tag) || span_find(tag, ' ') != tag.n)
        return false;
    if (tag.n && tag.p[tag.n - 1] == ']') {
        pid = tag;
        if (!take_to(&pid, "[", &tag))
            return false;
    }
    *ret_name =
        span_slice(tag, span_rfind(tag, '/') == tag.n ? 0 : span_rfind(tag, '/') + 1, tag.n);
    *s = rest;
    return true;
}

static bool name_is(struct span name, const char *const *list)
{
    for (; *list; list++)
        if (span_eq(name, span_str(*list)))
            return true;
    return false;
}

/* What stands before the bracket of an address: nothing, or a name and a blank. */
static bool is_host(struct span s)
{
    return s.n == 0 || (s.p[s.n - 1] == ' ' && span_find(s, ' ') == s.n - 1);
}

static bool set(struct auth_logline *ret, const char *server, struct span login, struct span ip)
{
    ret->server = server;
    return auth_login_ok(login) && span_copy(login, ret->login, sizeof(ret->login)) &&
           ip_parse(ip, &ret->ip);
}

/* --- the forms ------------------------------------------------------------------------------- */

static bool dovecot(struct span s, struct auth_logline *ret)
{
    static const char *const logins[] = {"imap-login", "pop3-login", NULL};
    struct span name, user, method, ip;

    if (!take_tag(&s, &name) || (span_eq(name, SPAN_LIT("dovecot")) && !take_tag(&s, &name)) ||
        !name_is(name, logins))
        return false;
    take(&s, "Info: ");
    if (!take(&s, "Login: user=<") && !take(&s, "Logged in: user=<"))
        return false;
    return take_to(&s, ">, method=", &user) && take_to(&s, ", rip=", &method) &&
           !has(method, " ") && take_to(&s, ", lip=", &ip) && !has(user, ">") && !has(s, "rip=") &&
           !has(s, "user=<") && set(ret, "dovecot", user, ip);
}

static bool courier(struct span s, struct auth_logline *ret)
{
    static const char *const servers[] = {"imapd",     "pop3d",     "imapd-ssl", "pop3d-ssl",
                                          "imaplogin", "pop3login", NULL};
    struct span name, user, ip;

    return take_tag(&s, &name) && name_is(name, servers) && take(&s, "LOGIN, user=") &&
           take_to(&s, ", ip=[", &user) && take_to(&s, "]", &ip) && !has(user, ", ") &&
           !has(s, "ip=[") && !has(s, "user=") && set(ret, "courier", user, ip);
}

static bool cyrus(struct span s, struct auth_logline *ret)
{
    static const char *const servers[] = {"imap", "pop3", "imapd", "pop3d", "imaps", "pop3s", NULL};
    struct span name, host, ip, user, mech;

    return take_tag(&s, &name) && name_is(name, servers) && take(&s, "login: ") &&
           take_to(&s, "[", &host) && is_host(host) && take_to(&s, "] ", &ip) && !has(s, "[") &&
           take_to(&s, " ", &user) && take_to(&s, " ", &mech) && take(&s, "User logged in") &&
           set(ret, "cyrus", user, ip);
}

static bool uw(struct span s, struct auth_logline *ret)
{
    static const char *const servers[] = {"imapd", "ipop3d", "ipop2d", NULL};
    struct span name, user, host, ip;

    if (!take_tag(&s, &name) || !name_is(name, servers) ||
        (!take(&s, "Login user=") && !take(&s, "Authenticated user=") && !take(&s, "Auth user=")))
        return false;
    return take_to(&s, " host=", &user) && take_to(&s, "[", &host) && is_host(host) &&
           take_to(&s, "]", &ip) && !has(user, " ") && !has(s, "[") && set(ret, "uw", user, ip);
}

static bool qpopper(struct span s, struct auth_logline *ret)
{
    static const char *const servers[] = {"popper", "qpopper", "in.qpopper", NULL};
    struct span name, version, user, host, ip = SPAN_NULL;

    return take_tag(&s, &name) && name_is(name, servers) && take(&s, "(") &&
           take_to(&s, ") POP login by user \"", &version) && !has(version, " ") &&
           take_to(&s, "\" at (", &user) && take_to(&s, ") ", &host) && !has(host, " ") &&
           !has(user, "\"") && !has(s, ") ") && !has(s, "POP login") && span_word(&s, &ip) &&
           set(ret, "qpopper", user, ip);
}

bool auth_logline_read(struct span line, struct auth_logline *ret)
{
    static bool (*const forms[])(struct span s, struct auth_logline * ret) = {dovecot, courier,
                                                                              cyrus, uw, qpopper};
    struct span s = line, host, rest;

    if (line.n > AUTH_LOGLINE_MAX)
        return false;
    pass_time(&s);
    rest = s;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        *ret = (struct auth_logline){.server = ""};
        if (forms[i](s, ret))
            return true;
        /* Or behind the name of the host that wrote it. */
        rest = s;
        *ret = (struct auth_logline){.server = ""};
        if (take_to(&rest, " ", &host) && !has(host, ":") && !has(host, "[") && forms[i](rest, ret))
            return true;
    }
    *ret = (struct auth_logline){.server = ""};
    return false;
}
