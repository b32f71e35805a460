/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rbldnsd's acl files: prefixes of clients, each with what is done with them. The grammar is that
 * of ip4trie and ip6trie together, but for "!", with keywords where these have values. What has
 * every address listed for a client becomes ZONE_ACL_TEST (zone/acl.h says why); its text, with our
 * bounds, is shown to that client's test questions.
 *
 * In rbldnsd a text without A behind a keyword default reads through a bad pointer; here its A is
 * 127.0.0.2, as everywhere.
 */
#include "listfile/rbl_addr.h"
#include "listfile/rbl_priv.h"
#include "listfile/rbl_word.h"

#include <errno.h>
#include <stdlib.h>

/* What a line or the default says. */
struct says {
    enum zone_acl_action action;
    struct rbl_raw raw;
};

static bool keyword(struct span s, enum zone_acl_action *ret)
{
    static const struct {
        struct span word;
        enum zone_acl_action action;
    } words[] = {
        {SPAN_LIT("ignore"), ZONE_ACL_IGNORE}, {SPAN_LIT("blackhole"), ZONE_ACL_IGNORE},
        {SPAN_LIT("refuse"), ZONE_ACL_REFUSE}, {SPAN_LIT("empty"), ZONE_ACL_EMPTY},
        {SPAN_LIT("pass"), ZONE_ACL_PASS},
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (span_starts_nocase(s, words[i].word) &&
            rbl_tail_ok(span_slice(s, words[i].word.n, s.n))) {
            *ret = words[i].action;
            return true;
        }
    }
    return false;
}

static bool parse_says(struct rbl_work *w, struct span s, const struct says *def, struct says *ret)
{
    struct rbl_raw raw = def->action == ZONE_ACL_TEST ? def->raw : rbl_raw_default;

    if (s.p[0] == '=' && !keyword(span_slice(s, 1, s.n), &ret->action)) {
        rbl_skip(w, s, "no such action", "use ignore, refuse, empty or pass");
        return false;
    }
    if (s.p[0] == '=' || (s.p[0] == ':' && keyword(span_slice(s, 1, s.n), &ret->action)))
        return true;
    if (!rbl_raw_parse(w, s, &raw, &ret->raw))
        return false;
    rbl_warn(w, s, "no client sees everything listed here",
             "it is refused all but the test entries; use :refuse or :ignore");
    if (ret->raw.text.n > ZONE_ACL_TEXT_MAX)
        ret->raw.text.n = ZONE_ACL_TEXT_MAX;
    ret->action = ZONE_ACL_TEST;
    return true;
}

/* The address of either family. False when it is none, told. */
static bool parse_net(struct rbl_work *w, struct span *s, struct ip_prefix *ret)
{
    struct span four = *s, six = *s;
    uint32_t from, to;
    unsigned bits;
    uint8_t b[16];
    enum rbl_addr r4 = rbl_range4(&four, false, &from, &to, &bits);
    enum rbl_addr r = r4;

    if ((r4 == RBL_ADDR_OK || r4 == RBL_ADDR_HOST) && rbl_tail_ok(four)) {
        *ret = (struct ip_prefix){
            {IP_V4,
             {(uint8_t)(from >> 24), (uint8_t)(from >> 16), (uint8_t)(from >> 8), (uint8_t)from}},
            bits};
        *s = four;
    } else {
        r = rbl_cidr6(&six, b, &bits);
        if ((r == RBL_ADDR_OK || r == RBL_ADDR_HOST) && !rbl_tail_ok(six))
            r = RBL_ADDR_BAD;
        *ret = (struct ip_prefix){{IP_V6, {0}}, bits};
        memcpy(ret->ip.b, b, sizeof(b));
        if (r == RBL_ADDR_OK || r == RBL_ADDR_HOST)
            *s = six;
    }
    if (r == RBL_ADDR_OK || (r == RBL_ADDR_HOST && w->options->loose_cidr))
        return true;
    rbl_skip(w, *s, rbl_addr_name(r),
             "write an address or a prefix, IPv4 or IPv6, without host bits");
    return false;
}

/* 0, or -ENOMEM. */
static int add(struct rbl_work *w, struct zone_acl *acl, struct ip_prefix net,
               const struct says *says)
{
    struct zone_acl_rule rule = {.action = says->action};
    char *text = NULL;

    if (says->action == ZONE_ACL_TEST) {
        text = span_dup(says->raw.text);
        if (!text)
            return -ENOMEM;
        rule.a = says->raw.a;
        rule.text = text;
    }
    int r = zone_acl_add(acl, net, &rule);

    free(text);
    if (r > 0)
        rbl_skip(w, SPAN_NULL, "a rule too many, or too long", "shorten the list");
    else
        w->good += r == 0;
    return r < 0 ? r : 0;
}

static int acl_line(struct rbl_work *w, struct span s, struct says *def, struct zone_acl *acl)
{
    struct says says = *def;
    struct ip_prefix net;

    if (s.p[0] == '=' || (s.p[0] == ':' && !span_starts(s, SPAN_LIT("::")))) {
        if (parse_says(w, s, def, &says))
            *def = says;
        return 0;
    }
    if (!parse_net(w, &s, &net))
        return 0;
    rbl_blanks(&s);
    if (s.n && !rbl_comment(s.p[0]) && !parse_says(w, s, def, &says))
        return 0;
    return add(w, acl, net, &says);
}

static int acl_file(struct rbl_work *w, const struct rbl_file *file, struct zone_acl *acl)
{
    struct rbl_lines lines = {.left = file->text};
    struct says def = {ZONE_ACL_IGNORE, rbl_raw_default};
    struct span s;
    enum rbl_line kind;
    int r = 0;

    w->file = file->name;
    while (r == 0 && (kind = rbl_line_next(&lines, &s)) != RBL_LINE_END) {
        w->line = lines.line;
        if (kind == RBL_LINE_DATA)
            r = acl_line(w, s, &def, acl);
        else if (kind == RBL_LINE_BAD)
            rbl_skip(w, SPAN_NULL, "a line over 4096 octets, or with a NUL in it", "mend it");
        else
            rbl_warn(w, s, "a $ line in an acl file: left out", "values go behind addresses");
    }
    return r;
}

int rbl_read_acl(const struct rbl_file *files, size_t count, const struct rbl_options *options,
                 struct zone_acl *acl, struct zone_remarks *remarks)
{
    struct rbl_work w = {.options = options, .remarks = remarks};
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++)
        r = acl_file(&w, &files[i], acl);
    /* Who may ask is not decided by half a file. */
    w.line = 0;
    if (r == 0 && w.bad)
        return rbl_refuse(&w, SPAN_NULL, "an acl with bad lines", "mend them");
    return r;
}
