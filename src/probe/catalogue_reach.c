/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Nothing is ever addressed to a mailbox that is not ours (design D6). A real open relay delivers
 * whatever it is given, so this is upheld where rows are loaded, not where they are sent: a form
 * may name hosts by variables only, and a recipient must carry the recipient's token and a name of
 * ours. Which of the hosts in `a%b@c` a server will pick is what the test finds out, so every place
 * where a host could be read is looked at: behind @ and %, and before !.
 *
 * The check reads the bytes the way no server does: without heed to quotes, comments or escapes. It
 * would rather refuse a row that is harmless than pass one that is not.
 */
#include "probe/catalogue_row.h"

#include <string.h>

enum {
    REACH_MAX = 1000,   /* pieces of a form */
    REACH_VAR = 1 << 8, /* a symbol is a byte, or this plus the variable */
};

static const uint32_t ours = 1u << EXPAND_D | 1u << EXPAND_D_UPPER | 1u << EXPAND_D_IMCEA |
                             1u << EXPAND_D_WIDE | 1u << EXPAND_MXLABEL | 1u << EXPAND_MYIP |
                             1u << EXPAND_MYIP_BARE;
/* What may end a host name: ours and the target's own. */
static const uint32_t hosts = 1u << EXPAND_D | 1u << EXPAND_D_UPPER | 1u << EXPAND_D_WIDE |
                              1u << EXPAND_MXLABEL | 1u << EXPAND_MYIP | 1u << EXPAND_MYIP_BARE |
                              1u << EXPAND_D_IMCEA | 1u << EXPAND_HOST | 1u << EXPAND_LOCAL |
                              1u << EXPAND_IP | 1u << EXPAND_IP_BARE | 1u << EXPAND_ME |
                              1u << EXPAND_TESTER;

struct symbols {
    uint16_t s[REACH_MAX];
    size_t n;
};

static bool symbols_of(const char *form, struct symbols *ret)
{
    struct span rest = span_str(form), name;

    ret->n = 0;
    while (rest.n) {
        struct expand_piece piece;

        if (ret->n == REACH_MAX || expand_next(&rest, &piece, &name))
            return false;
        ret->s[ret->n++] = piece.is_var ? (uint16_t)(REACH_VAR + piece.var) : (uint8_t)piece.byte;
    }
    return true;
}

static bool is_byte_of(uint16_t symbol, const char *set)
{
    return symbol > 0 && symbol < REACH_VAR && strchr(set, symbol);
}

/* The host in [from, to) is this text, in any case. */
static bool host_is(const struct symbols *y, size_t from, size_t to, const char *text)
{
    size_t n = strlen(text);

    if (to - from != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (y->s[from + i] >= REACH_VAR || ascii_lower((char)y->s[from + i]) != text[i])
            return false;
    return true;
}

/* An @ as RFC 1327 writes it for X.400, or as Exchange does: three bytes that stand for one. */
static bool is_coded_at(const struct symbols *y, size_t i)
{
    return i + 3 <= y->n && (host_is(y, i, i + 3, "(a)") || host_is(y, i, i + 3, "+40"));
}

/* The domain itself or a name below it. */
static bool host_below(const struct symbols *y, size_t from, size_t to, const char *domain)
{
    size_t n = domain ? strlen(domain) : 0;

    return n && to - from >= n && host_is(y, to - n, to, domain) &&
           (to - from == n || y->s[to - n - 1] == '.');
}

static bool host_named(const struct symbols *y, size_t from, size_t to, const struct reach *r)
{
    if (host_below(y, from, to, r->domain))
        return true;
    for (size_t i = 0; i < r->host_count; i++)
        if (host_below(y, from, to, r->hosts[i]))
            return true;
    return false;
}

/* No host at all, this very machine of the target, or a name that ends in a variable for one. */
static bool host_fine(const struct symbols *y, size_t from, size_t to, uint32_t allowed,
                      const struct reach *r)
{
    static const char *const loopback[] = {"localhost", "localhost.localdomain", "127.0.0.1"};

    while (to > from && y->s[to - 1] == '.')
        to--;
    if (from == to)
        return true;
    for (size_t i = 0; i < sizeof(loopback) / sizeof(loopback[0]); i++)
        if (host_is(y, from, to, loopback[i]))
            return true;
    /* A token alone is a label that resolves nowhere: the local part in %"u@d". */
    if (to == from + 1 && y->s[from] == REACH_VAR + EXPAND_U)
        return true;
    if (y->s[to - 1] < REACH_VAR)
        return host_named(y, from, to, r);
    return allowed >> (y->s[to - 1] - REACH_VAR) & 1;
}

/* An address literal, whose content starts at `from`. */
static bool literal_fine(const struct symbols *y, size_t from, const struct reach *r)
{
    size_t to = from;

    while (to < y->n && y->s[to] != ']')
        to++;
    if (host_is(y, from, to, "127.0.0.1") || host_is(y, from, to, "ipv6:::1") ||
        host_named(y, from, to, r))
        return true;
    return to == from + 1 &&
           (y->s[from] == REACH_VAR + EXPAND_IP || y->s[from] == REACH_VAR + EXPAND_MYIP);
}

static bool hosts_fine(const struct symbols *y, uint32_t allowed, const struct reach *r)
{
    static const char ends[] = "@%!:,<>\"()[]\\/; \t";

    for (size_t i = 0; i < y->n; i++) {
        bool coded = is_coded_at(y, i);
        size_t from, to;

        if (coded || is_byte_of(y->s[i], "@%")) {
            from = i + (coded ? 3 : 1);
            while (from < y->n && is_byte_of(y->s[from], "\\\" \t"))
                from++;
            if (from < y->n && y->s[from] == '[') {
                if (!literal_fine(y, from + 1, r))
                    return false;
                continue;
            }
            for (to = from; to < y->n && !is_byte_of(y->s[to], ends); to++)
                ;
        } else if (y->s[i] == '!') {
            to = i;
            while (to > 0 && is_byte_of(y->s[to - 1], "\\\" \t"))
                to--;
            for (from = to; from > 0 && !is_byte_of(y->s[from - 1], ends); from--)
                ;
        } else {
            continue;
        }
        if (!host_fine(y, from, to, allowed, r))
            return false;
    }
    return true;
}

bool catalogue_by_sender(const struct form *f)
{
    /* RFC 5321 §4.5.1 and RFC 2142: these are ours at any domain of ours. */
    return strcmp(f->form, "<postmaster@{d}>") == 0 || strcmp(f->form, "<abuse@{d}>") == 0;
}

/* Families whose recipients are the target's own mailboxes by intent. */
static bool is_inward(const char *family)
{
    return strcmp(family, "control") == 0 || strcmp(family, "internal-spoof") == 0 ||
           strcmp(family, "backscatter") == 0;
}

static const char *recipient_fault(const struct form *f)
{
    const uint32_t token = 1u << EXPAND_U | 1u << EXPAND_U_IMCEA;

    if (f->vars & (1u << EXPAND_S | 1u << EXPAND_PARTNER))
        return "{s} and {partner} have no place in a recipient";
    if (is_inward(f->family))
        return NULL;
    if (f->vars & 1u << EXPAND_MAILBOX)
        return "{mailbox} is somebody's: only families control and internal-spoof may name it";
    if (!(f->vars & token) && !catalogue_by_sender(f))
        return "a recipient needs {u}, or nothing tells what arrived";
    if (!(f->vars & ours))
        return "a recipient needs {d} or another name of ours, or it would mail a stranger";
    return NULL;
}

static const char *line_fault(const struct symbols *y)
{
    for (size_t i = 0; i < y->n; i++)
        if (is_byte_of(y->s[i], "\r\n"))
            return "CR and LF would end the command";
    return NULL;
}

const char *catalogue_reach_fault(const struct form *f)
{
    const struct reach none = {0};
    const char *fault;
    struct symbols y;

    if (!symbols_of(f->form, &y))
        return "the form is too long";
    fault = line_fault(&y);
    if (!fault && f->kind == FORM_HELO)
        return f->vars & (1u << EXPAND_U | 1u << EXPAND_S) ? "a HELO name carries no token" : NULL;
    if (!fault && f->kind == FORM_SENDER && f->vars & (1u << EXPAND_U | 1u << EXPAND_U_IMCEA))
        return "{u} has no place in a sender; use {s}";
    if (!fault && f->kind == FORM_RECIPIENT)
        fault = recipient_fault(f);
    /* A bounce goes to the sender, so a sender may name no stranger either. */
    if (!fault &&
        !hosts_fine(&y, f->kind == FORM_SENDER ? hosts | 1u << EXPAND_PARTNER : hosts, &none))
        fault = "it names a host by itself; hosts stand as variables, so that no stranger gets "
                "mail";
    return fault;
}

/* Whether a host of ours stands in it by name: behind an @ or %, or before a !. */
static bool names_ours(const struct symbols *y, const char *domain)
{
    size_t n = domain ? strlen(domain) : 0;

    for (size_t i = 0; n && i + n <= y->n; i++) {
        bool left = i == 0 || is_byte_of(y->s[i - 1], "@%!.,:<\"( [");
        bool right = i + n == y->n || is_byte_of(y->s[i + n], "@%!.,:>\"() ;]");

        if (left && right && host_is(y, i, i + n, domain))
            return true;
    }
    return false;
}

const char *catalogue_reach_hand(const struct form *f, const struct reach *r)
{
    struct symbols y;

    if (!symbols_of(f->form, &y))
        return "the form is too long";
    if (f->vars & (1u << EXPAND_S | 1u << EXPAND_PARTNER | 1u << EXPAND_MAILBOX))
        return "{s}, {partner} and {mailbox} have no place in a recipient written by hand";
    if (!(f->vars & ours) && !names_ours(&y, r->domain))
        return "it would mail a stranger: it must name the probe domain ({d})";
    if (!hosts_fine(&y, hosts, r))
        return "it names a host that is neither ours nor the target's";
    return line_fault(&y);
}
