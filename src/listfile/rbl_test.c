/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files of each type in, tables and remarks out; the truth is rbldnsd(8) and what rbldnsd itself
 * answers (tests/zone/rbl_differ.py asks it). */
#include "listfile/rbl.h"

#include "guard.h"

#include "zone/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { NOW = 1795295000 };

static void dump_value(const struct zone_data *d, uint32_t value, struct buf *out)
{
    if (value == ZONE_EXCLUDED) {
        buf_add_str(out, " no\n");
        return;
    }
    const struct zone_value *v = &d->values[value];

    buf_addf(out, " %u.%u.%u.%u", v->a >> 24, v->a >> 16 & 255, v->a >> 8 & 255, v->a & 255);
    if (v->ttl)
        buf_addf(out, " ttl %u", v->ttl);
    if (v->text.n) {
        buf_add_str(out, " \"");
        zone_text_write(v->text, "$", "%", "@", out);
        buf_add_char(out, '"');
    }
    buf_add_char(out, '\n');
}

static void dump_entry(const struct zone_data *d, const struct zone_table *t, size_t i,
                       struct buf *out)
{
    char text[DNS_NAME_TEXT_MAX];

    if (t->kind == ZONE_IPV4) {
        uint32_t from = t->e.v4[i].from, to = t->e.v4[i].to;

        buf_addf(out, "%u.%u.%u.%u", from >> 24, from >> 16 & 255, from >> 8 & 255, from & 255);
        if (from != to)
            buf_addf(out, "-%u.%u.%u.%u", to >> 24, to >> 16 & 255, to >> 8 & 255, to & 255);
        dump_value(d, t->e.v4[i].value, out);
    } else if (t->kind == ZONE_IPV6) {
        struct ip ip = {IP_V6, {0}};

        zone_ip6_bytes(t->e.v6[i].from, ip.b);
        buf_addf(out, "%s/%u", ip_text(ip, text), t->e.v6[i].len);
        dump_value(d, t->e.v6[i].value, out);
    } else if (t->kind == ZONE_NAME) {
        const struct zone_entry_name *e = &t->e.names[i];

        buf_addf(out, "%s%s", (const char *[]){"", "", "*.", "."}[e->spans],
                 zone_rname_text((const uint8_t *)t->bytes.p + e->key, e->key_len, text));
        dump_value(d, e->value, out);
    } else {
        const struct zone_entry_record *e = &t->e.records[i];

        buf_addf(out, "%s %u %u",
                 zone_rname_text((const uint8_t *)t->bytes.p + e->key, e->key_len, text), e->ttl,
                 e->type);
        for (size_t k = 0; k < e->rdata_len; k++)
            buf_addf(out, "%s%02x", k ? "" : " ", (uint8_t)t->bytes.p[e->rdata + k]);
        buf_add_char(out, '\n');
    }
}

static void dump(const struct rbl_zones *zones, const struct zone_remarks *remarks, struct buf *out)
{
    char text[DNS_NAME_TEXT_MAX];

    for (size_t z = 0; z < zones->n; z++) {
        const struct zone_data *d = &zones->v[z]->data;

        if (zones->n > 1)
            buf_addf(out, "[%s]\n", zone_rname_text(zones->v[z]->sub.b, zones->v[z]->sub.n, text));
        for (size_t t = 0; t < d->table_count; t++)
            for (size_t i = 0; i < d->tables[t]->count; i++)
                dump_entry(d, d->tables[t], i, out);
    }
    for (size_t i = 0; i < remarks->n; i++)
        buf_addf(out, "%s %u %s\n", zone_remark_kind_name(remarks->v[i].kind), remarks->v[i].line,
                 remarks->v[i].text);
}

static int read_text(enum rbl_type type, struct span text, const struct rbl_options *o,
                     struct rbl_zones *zones, struct zone_remarks *remarks)
{
    struct rbl_file file = {"list", text, NOW - 100};

    return rbl_read(type, &file, 1, o, zones, remarks);
}

struct reading {
    const char *name;
    enum rbl_type type;
    const char *in, *want;
};

static void check(const struct reading *cases, size_t count)
{
    struct rbl_options o = {.now_wall = NOW};
    struct guard guard = {0};

    for (size_t i = 0; i < count; i++) {
        struct rbl_zones zones = {0};
        struct zone_remarks remarks = {0};
        struct buf got = BUF_INIT(100000);
        int r = read_text(cases[i].type, guard_str(&guard, cases[i].in), &o, &zones, &remarks);

        assert_true(r == RBL_OK || r == RBL_REFUSED);
        assert_int_equal(r == RBL_REFUSED, remarks.refused > 0);
        dump(&zones, &remarks, &got);
        if (strcmp(buf_str(&got), cases[i].want) != 0)
            print_error("case \"%s\"\n", cases[i].name);
        assert_string_equal(buf_str(&got), cases[i].want);
        buf_deinit(&got);
        rbl_zones_deinit(&zones);
        rbl_zones_deinit(&zones);
        zone_remarks_deinit(&remarks);
    }
    guard_free(&guard);
}

static void values(void **state)
{
    static const struct reading cases[] = {
        {"nothing", RBL_IP4SET, "", ""},
        {"comments and blanks", RBL_IP4SET, "# a\n; b\n\n \t\n  # c\n", ""},
        {"no default", RBL_IP4SET, "1.2.3.4\n", "1.2.3.4 127.0.0.2\n"},
        {"the manual's table", RBL_IP4SET,
         ":127.0.0.2:IP address $ is listed\n"
         "127.0.0.4\n127.0.0.5 :5\n127.0.0.6 :6:\n127.0.0.7 IP address $ running an open relay\n",
         "127.0.0.4 127.0.0.2 \"IP address $ is listed\"\n"
         "127.0.0.5 127.0.0.5 \"IP address $ is listed\"\n"
         "127.0.0.6 127.0.0.6\n"
         "127.0.0.7 127.0.0.2 \"IP address $ running an open relay\"\n"},
        {"the manual's variables", RBL_IP4SET,
         "$1 See http://www.example.com/bl\n$2 for details\n"
         "127.0.0.2  $1/spammer/$ $2\n127.0.0.4  This spammer wants some $$$$.  $1/$\n",
         "127.0.0.2 127.0.0.2 \"See http://www.example.com/bl/spammer/$ for details\"\n"
         "127.0.0.4 127.0.0.2 \"This spammer wants some $$.  See http://www.example.com/bl/$\"\n"},
        {"a variable set later, and twice", RBL_IP4SET, "1.2.3.4 a $1\n$1 first\n$1 second\n",
         "1.2.3.4 127.0.0.2 \"a first\"\n"},
        {"a variable never set stays", RBL_IP4SET, "1.2.3.4 a $7 b\n",
         "1.2.3.4 127.0.0.2 \"a $7 b\"\n"},
        {"what a variable holds is not looked at again", RBL_IP4SET, "$1 <$$ $>\n1.2.3.4 $1\n",
         "1.2.3.4 127.0.0.2 \"<$$ $>\"\n"},
        {"the manual's base template", RBL_IP4SET,
         "$= See http://www.example.com/bl?$= ($) for details\n127.0.0.2    r123\n127.0.0.3\n"
         "127.0.0.4    =See other blocklists for details about $\n127.0.0.5 :6:\n127.0.0.6 =\n",
         "127.0.0.2 127.0.0.2 \"See http://www.example.com/bl?r123 ($) for details\"\n"
         "127.0.0.3 127.0.0.2 \"See http://www.example.com/bl?$ ($) for details\"\n"
         "127.0.0.4 127.0.0.2 \"See other blocklists for details about $\"\n"
         "127.0.0.5 127.0.0.6 \"See http://www.example.com/bl?$ ($) for details\"\n"
         "127.0.0.6 127.0.0.2\n"},
        {"a value close behind the address", RBL_IP4SET, "1.2.3.4:5:x\n",
         "1.2.3.4 127.0.0.5 \"x\"\n"},
        {"a comment in place of a value", RBL_IP4SET,
         ":3:d\n1.2.3.4 # x\n1.2.3.5;y\n1.2.3.6 :4 # x\n",
         "1.2.3.4 127.0.0.3 \"d\"\n1.2.3.5 127.0.0.3 \"d\"\n"
         "skipped 4 something between the A value and the text: \"# x\"\n"},
        {"a default takes nothing from the one before", RBL_IP4SET, ":3:d\n:4\n1.2.3.4\n",
         "1.2.3.4 127.0.0.4\n"},
        {"forms of A", RBL_IP4SET,
         "1.0.0.1 :2\n1.0.0.2 :127.1\n1.0.0.3 :127.0.5.7\n1.0.0.4 :127.255\n1.0.0.5 :0\n"
         "1.0.0.6 :256\n1.0.0.7 :\n1.0.0.8 :1\n1.0.0.9 :10.0.0.2\n",
         "1.0.0.1 127.0.0.2\n1.0.0.3 127.0.5.7\n1.0.0.4 127.0.0.255\n"
         "skipped 2 an A value that clients take for a dead or hijacked list: \"127.1\"\n"
         "skipped 5 no A value behind the colon: \"0\"\n"
         "skipped 6 no A value behind the colon: \"256\"\n"
         "skipped 7 no A value behind the colon\n"
         "skipped 8 an A value that clients take for a dead or hijacked list: \"1\"\n"
         "skipped 9 an A value that clients take for a dead or hijacked list: \"10.0.0.2\"\n"},
        {"CR LF and no end", RBL_IP4SET, ":3:d\r\n1.2.3.4",
         "1.2.3.4 127.0.0.3 \"d\"\nwarning 0 line ends of CR LF\n"
         "warning 2 the last line has no end\n"},
        {"what a refused file says is the last remark", RBL_IP4SET,
         "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n1.2.3.4\n",
         "1.2.3.4 127.0.0.2\n"
         "skipped 1 not an address: \"a\"\nskipped 2 not an address: \"b\"\n"
         "skipped 3 not an address: \"c\"\nskipped 4 not an address: \"d\"\n"
         "skipped 5 not an address: \"e\"\nskipped 6 not an address: \"f\"\n"
         "skipped 7 not an address: \"g\"\nskipped 8 not an address: \"h\"\n"
         "skipped 9 not an address: \"i\"\nskipped 10 not an address: \"j\"\n"
         "refused 0 more bad lines than good ones\n"},
    };

    check(cases, COUNT(cases));
}

static void addresses(void **state)
{
    static const struct reading cases[] = {
        {"ip4set", RBL_IP4SET,
         "1.2/16\n!1.2.3.4-20\n! 1.2.4\n1.2.3.5/8\n127\n0/0\n1-2\n1.2.3.4/33\n1.2.3.4x\n1.2.3.4-\n",
         "1.2.0.0-1.2.255.255 127.0.0.2\n1.2.3.4-1.2.3.20 no\n1.2.4.0-1.2.4.255 no\n"
         "1.0.0.0-2.255.255.255 127.0.0.2\n"
         "skipped 4 bits set behind the prefix: \"1.2.3.5/8\"\n"
         "skipped 5 a lone number: \"127\"\nskipped 6 not an address: \"0/0\"\n"
         "skipped 8 prefix length too large: \"1.2.3.4/33\"\n"
         "skipped 9 not an address: \"1.2.3.4x\"\nskipped 10 not an address: \"1.2.3.4-\"\n"},
        {"ip4trie", RBL_IP4TRIE, "0/0\n1.2.3.4-5\n1.2.3.128/25 x\n!1.2.3.129\n",
         "0.0.0.0-255.255.255.255 127.0.0.2\n1.2.3.128-1.2.3.255 127.0.0.2 \"x\"\n1.2.3.129 no\n"
         "skipped 2 not an address: \"1.2.3.4-5\"\n"},
        {"ip4tset: one default for all", RBL_IP4TSET,
         "1.2.3.4\n:5:x $1\n1.2.3.5 :9:y\n:6:z\n1.2.3\n!1.2.3.6\n$1 one\n",
         "1.2.3.4 127.0.0.5 \"x one\"\n1.2.3.5 127.0.0.5 \"x one\"\n"
         "warning 3 a value of its own in a trivial set: left out: \":9:y\"\n"
         "skipped 5 not an address: \"1.2.3\"\nskipped 6 not an address: \"!1.2.3.6\"\n"},
        {"$MAXRANGE4", RBL_IP4SET,
         "1.0/16\n$MAXRANGE4 /24\n2.0.0/24\n2.0/23\n2.0.0.0-2.0.1.0\n#$MAXRANGE4 257\n3.0.0/24\n"
         ":$maxrange4 16\n4.0.0/24\n!4.0.0/24\n4.0.0.0/28\n",
         "1.0.0.0-1.0.255.255 127.0.0.2\n2.0.0.0-2.0.0.255 127.0.0.2\n"
         "3.0.0.0-3.0.0.255 127.0.0.2\n4.0.0.0-4.0.0.15 127.0.0.2\n"
         "warning 6 $MAXRANGE4 larger than the one before it\n"
         "skipped 4 more addresses than $MAXRANGE4 allows: \"2.0/23\"\n"
         "skipped 5 more addresses than $MAXRANGE4 allows: \"2.0.0.0-2.0.1.0\"\n"
         "skipped 9 more addresses than $MAXRANGE4 allows: \"4.0.0/24\"\n"
         "skipped 10 more addresses than $MAXRANGE4 allows: \"!4.0.0/24\"\n"},
        {"the manual's ip6trie", RBL_IP6TRIE,
         ":127.0.1.2: Listed, see http://example.com/lookup?$\n2001:21ab:c000/36\n"
         "2001:21ab:def7:4242 :127.0.1.3: This one smells funny\n2605:6001:42::/52\n"
         "::1                   # localhost\n!2605:6001:42::bead   # exclusion\n",
         "2001:21ab:c000::/36 127.0.1.2 \"Listed, see http://example.com/lookup?$\"\n"
         "2001:21ab:def7:4242::/64 127.0.1.3 \"This one smells funny\"\n"
         "2605:6001:42::/52 127.0.1.2 \"Listed, see http://example.com/lookup?$\"\n"
         "::1/128 127.0.1.2 \"Listed, see http://example.com/lookup?$\"\n"
         "2605:6001:42::bead/128 no\n"},
        {"ip6trie, bad", RBL_IP6TRIE, "2001\n1::2::3\n2001:db8::1/64\n::ffff:1.2.3.4\n1:2:\n",
         "skipped 1 a lone number: \"2001\"\n"
         "skipped 2 no A value behind the colon: \":3\"\n"
         "skipped 3 bits set behind the prefix: \"2001:db8::1/64\"\n"
         "skipped 4 not an address: \"::ffff:1.2.3.4\"\n"
         "skipped 5 no A value behind the colon\n"},
        {"the manual's ip6tset", RBL_IP6TSET,
         "2001:20fe:23:41ed\nabac:adab:ad00:42f\n!abac:adab:ad00:42f:face:0f:a:beef\n"
         "!abac:adab:ad00:42f::2\n2001:db8::\n!1:2:3:4\n::1\n",
         "2001:20fe:23:41ed::/64 127.0.0.2\nabac:adab:ad00:42f::/64 127.0.0.2\n"
         "abac:adab:ad00:42f:face:f:a:beef/128 no\nabac:adab:ad00:42f::2/128 no\n"
         "skipped 7 no A value behind the colon: \":1\"\n"
         "skipped 5 not of the length that ip6tset wants: \"2001:db8::\"\n"
         "skipped 6 not of the length that ip6tset wants: \"!1:2:3:4\"\n"},
    };

    check(cases, COUNT(cases));
}

static void names(void **state)
{
    static const struct reading cases[] = {
        {"dnset", RBL_DNSET,
         "Example.COM\n*.example.net x $\n.example.org :5:y\n!mail.example.org\n!.a.example.org z\n"
         "..b\na..b\n.\n*.\nc. # x\n",
         "example.com 127.0.0.2\n*.example.net 127.0.0.2 \"x $\"\n"
         ".example.org 127.0.0.5 \"y\"\nmail.example.org no\n.a.example.org no\n.b 127.0.0.2\n"
         "c 127.0.0.2\n"
         "skipped 7 not a name: \"a..b\"\nskipped 8 not a name: \".\"\n"
         "skipped 9 not a name: \"*.\"\n"},
        {"what sticks to a name is part of it", RBL_DNSET, "example.com:2:x\n",
         "example.com:2:x 127.0.0.2\n"
         "warning 1 a colon or comment sign is taken for part of the name: \"example.com:2:x\"\n"},
        {"generic", RBL_GENERIC,
         "@ A 127.0.0.8\n$TTL 5m\nwww 3000 A 127.0.0.1\nabout TXT \"a b\"\n@ 0 in MX 10 mx.ex.com\n"
         "$TTL 7\na in a 1.2.3.4 # x\nb NS ns.ex.com\nc A\nd MX 65536 x\ne A x\nf MX 1 a b\n@\n",
         " 0 1 7f000008\nwww 3000 1 7f000001\nabout 300 16 03612062\n"
         " 300 15 000a026d7802657803636f6d00\na 7 1 01020304\n"
         "skipped 8 not a record: \"b NS ns.ex.com\"\nskipped 9 not a record: \"c A\"\n"
         "skipped 10 not a record: \"d MX 65536 x\"\nskipped 11 not a record: \"e A x\"\n"
         "skipped 12 not a record: \"f MX 1 a b\"\nskipped 13 not a record: \"@\"\n"},
    };

    check(cases, COUNT(cases));
}

static void combined(void **state)
{
    static const struct reading cases[] = {
        {"sub-zones", RBL_COMBINED,
         "$NS 1w ns1.ex.com\n$1 common\n$TTL 60\n"
         "$DATASET ip4set:proxy proxies @ # not a zone\n:2:$1 $2\n$2 mine\n$1 late\n127.0.0.2\nx\n"
         "$DATASET generic:common proxies\n$TTL 90\nwww A 127.0.0.8\n"
         "$DATASET dnset names\nexample.com $2\n",
         "[]\n127.0.0.2 127.0.0.2 ttl 60 \"common mine\"\n"
         "[proxies]\n127.0.0.2 127.0.0.2 ttl 60 \"common mine\"\nwww 90 1 7f000008\n"
         "[names]\nexample.com 127.0.0.2 ttl 60 \"$2\"\n"
         "skipped 9 not an address: \"x\"\n"},
        {"a TTL with more behind it", RBL_COMBINED,
         "$TTL 60\n$DATASET ip4set @\n$TTL 1h 2\n127.0.0.2\n$DATASET generic @\n$TTL 1h 2\n"
         "www A 127.0.0.8\n",
         "127.0.0.2 127.0.0.2 ttl 60\nwww 60 1 7f000008\n"
         "skipped 3 a $ line that is not understood: \"TTL 1h 2\"\n"
         "skipped 6 a $ line that is not understood: \"TTL 1h 2\"\n"},
        {"an entry before any dataset", RBL_COMBINED, "$TTL 5\n1.2.3.4\n$DATASET ip4set @\n",
         "refused 2 an entry before any $DATASET: \"1.2.3.4\"\n"},
        {"no such type", RBL_COMBINED, "$DATASET acl @\n",
         "refused 1 no type for $DATASET: \"acl\"\n"},
        {"without a zone", RBL_COMBINED, "$DATASET ip4set\n1.2.3.4\n",
         "warning 1 a $DATASET without sub-zone: its data are left out\n"},
        {"$DATASET elsewhere", RBL_IP4SET, "$DATASET ip4set @\n1.2.3.4\n",
         "1.2.3.4 127.0.0.2\n"
         "skipped 1 a $ line that is not understood: \"DATASET ip4set @\"\n"},
    };

    check(cases, COUNT(cases));
}

/* The files of a combined dataset are one: the second goes on where the first has ended. */
static void combined_files(void **state)
{
    static const struct rbl_file files[] = {
        {"a", SPAN_LIT("$1 one\n$DATASET ip4set a\n$MAXRANGE4 /24\n:4:$1 $2\n1.2.3.4\n"), 0},
        {"b", SPAN_LIT("$2 two\n1.2.3.5\n1.2/16\n:5\n1.2.3.6\n$DATASET ip4set b\n1.2.3.7 $1 $2\n"),
         0},
    };
    struct rbl_options o = {.now_wall = NOW};
    struct rbl_zones zones = {0};
    struct zone_remarks remarks = {0};
    struct buf got = BUF_INIT(1000);

    assert_int_equal(rbl_read(RBL_COMBINED, files, COUNT(files), &o, &zones, &remarks), RBL_OK);
    dump(&zones, &remarks, &got);
    assert_string_equal(buf_str(&got),
                        "[]\n[a]\n1.2.3.4 127.0.0.4 \"one two\"\n1.2.3.5 127.0.0.4 \"one two\"\n"
                        "1.2.3.6 127.0.0.5\n[b]\n1.2.3.7 127.0.0.2 \"one $2\"\n"
                        "skipped 3 more addresses than $MAXRANGE4 allows: \"1.2/16\"\n");
    const struct rbl_file bare[] = {files[0], {"c", SPAN_LIT("# no $ line\n1.2.3.5\n"), 0}};

    zone_remarks_deinit(&remarks);
    rbl_zones_deinit(&zones);
    assert_int_equal(rbl_read(RBL_COMBINED, bare, COUNT(bare), &o, &zones, &remarks), RBL_REFUSED);
    assert_int_equal(remarks.v[0].line, 2);
    buf_deinit(&got);
    rbl_zones_deinit(&zones);
    zone_remarks_deinit(&remarks);
}

static void meta(void **state)
{
    static const char file[] = "$SOA 0 ns1.ex.com Admin.ex.com 0 2h 2h 1w 1h\n"
                               "$SOA 5 no no 1 1 1 1 1\n"
                               "#$NS 1w ns1.ex.com -ns2.ex.com ns3.ex.com NS1.ex.com\n"
                               "$ns 1w no\n$TIMESTAMP 2026:11:21:21:00 +1h\n$TTL 2m\n";
    struct rbl_options o = {.now_wall = NOW, .ttl_min = 300};
    struct rbl_zones zones = {0};
    struct zone_remarks remarks = {0};
    char text[DNS_NAME_TEXT_MAX];

    assert_int_equal(read_text(RBL_IP4SET, span_str(file), &o, &zones, &remarks), RBL_OK);
    /* A second dataset of the same zone: what it says comes too late, but for an earlier end. */
    assert_int_equal(read_text(RBL_DNSET,
                               SPAN_LIT("$SOA 5 no no 1 1 1 1 1\n$TIMESTAMP 0 2026:11:21:21:30\n"),
                               &o, &zones, &remarks),
                     RBL_OK);
    assert_int_equal(remarks.n, 0);
    assert_int_equal(zones.n, 1);
    const struct zone_meta *m = &zones.v[0]->data.meta;

    assert_true(m->has_soa);
    assert_string_equal(dns_name_text(m->soa.rname.wire, text), "Admin.ex.com");
    assert_int_equal(m->soa_ttl, 0);
    assert_int_equal(m->soa.serial, NOW - 100);
    assert_int_equal(m->soa.refresh, 7200);
    assert_int_equal(m->soa.expire, 604800);
    assert_int_equal(m->soa.minimum, 3600);
    assert_int_equal(m->ns_count, 2);
    assert_string_equal(dns_name_text(m->ns[1].wire, text), "ns3.ex.com");
    assert_int_equal(m->ns_ttl, 604800);
    assert_true(m->created_wall == 1795294800);
    assert_true(m->expires_wall == 1795296600);
    assert_int_equal(m->serial, NOW - 100);
    rbl_zones_deinit(&zones);
    zone_remarks_deinit(&remarks);
}

static void special_bad(void **state)
{
    static const struct reading cases[] = {
        {"specials", RBL_IP4SET,
         "$SOA 0 a b 0 1 1 1\n$SOA\n$NS 1w\n$TTL x\n$TTL 5 6\n$MAXRANGE4 /33\n$MAXRANGE4 0\n"
         "$TIMESTAMP 2026:13\n$TIMESTAMP 0 +1h\n$10 x\n$x\n$\n$1\n$1 \n",
         "skipped 1 a $ line that is not understood: \"SOA 0 a b 0 1 1 1\"\n"
         "skipped 2 a $ line that is not understood: \"SOA\"\n"
         "skipped 3 a $ line that is not understood: \"NS 1w\"\n"
         "skipped 4 a $ line that is not understood: \"TTL x\"\n"
         "skipped 5 a $ line that is not understood: \"TTL 5 6\"\n"
         "skipped 6 a $ line that is not understood: \"MAXRANGE4 /33\"\n"
         "skipped 7 a $ line that is not understood: \"MAXRANGE4 0\"\n"
         "skipped 8 a $ line that is not understood: \"TIMESTAMP 2026:13\"\n"
         "skipped 9 a $ line that is not understood: \"TIMESTAMP 0 +1h\"\n"
         "skipped 10 a $ line that is not understood: \"10 x\"\n"
         "skipped 11 a $ line that is not understood: \"x\"\n"
         "skipped 12 a $ line that is not understood\n"
         "skipped 13 a $ line that is not understood: \"1\"\n"
         "skipped 14 a $ line that is not understood: \"1\"\n"
         "refused 0 more bad lines than good ones\n"},
        {"from the future", RBL_IP4SET, "$TIMESTAMP 2026:11:21:21:03:21\n1.2.3.4\n",
         "refused 1 data from the future\n"},
        {"from this second", RBL_IP4SET, "$TIMESTAMP 2026:11:21:21:03:20\n1.2.3.4\n",
         "1.2.3.4 127.0.0.2\n"},
    };

    check(cases, COUNT(cases));
}

static void options(void **state)
{
    struct rbl_options o = {.now_wall = NOW, .loose_cidr = true, .ttl_min = 100, .ttl_max = 200};
    static const char file[] = "$TTL 5\n1.2.3.4/24\n";
    static const char six[] = "$TTL 500\n2001:db8::1/64\n";
    struct rbl_zones zones = {0};
    struct zone_remarks remarks = {0};
    struct buf got = BUF_INIT(1000);

    assert_int_equal(read_text(RBL_IP4SET, span_str(file), &o, &zones, &remarks), 0);
    assert_int_equal(read_text(RBL_IP6TRIE, span_str(six), &o, &zones, &remarks), 0);
    dump(&zones, &remarks, &got);
    assert_string_equal(buf_str(&got), "1.2.3.0-1.2.3.255 127.0.0.2 ttl 100\n"
                                       "2001:db8::/64 127.0.0.2 ttl 200\n");
    /* No set has all addresses, however they are written. */
    zone_remarks_deinit(&remarks);
    assert_int_equal(read_text(RBL_IP4SET, SPAN_LIT("10/0\n0/0\n"), &o, &zones, &remarks), 0);
    assert_int_equal(remarks.skipped, 2);
    o.strict = true;
    assert_int_equal(read_text(RBL_IP4SET, SPAN_LIT("1.2.3.4\nx\n"), &o, &zones, &remarks),
                     RBL_REFUSED);
    buf_deinit(&got);
    rbl_zones_deinit(&zones);
    zone_remarks_deinit(&remarks);
}

/* Each limit at its edge and one past it. */
static void limits(void **state)
{
    struct rbl_options o = {.now_wall = NOW};
    struct rbl_zones zones = {0};
    struct zone_remarks remarks = {0};
    struct buf in = BUF_INIT(1 << 20), got = BUF_INIT(1 << 20);

    for (int over = 0; over < 2; over++) {
        buf_add_str(&in, "1.2.3.4 ");
        for (int i = 8; i < RBL_LINE_MAX + over; i++)
            buf_add_char(&in, 'x');
        buf_add_char(&in, '\n');
    }
    for (int over = 0; over < 2; over++) {
        buf_addf(&in, "1.2.3.%d ", 5 + over);
        for (int i = 0; i < RBL_TXT_MAX + over; i++)
            buf_add_char(&in, 'y');
        buf_add_char(&in, '\n');
    }
    buf_add(&in, span_of("1.2.3.9 a\0b\n", 12));
    assert_int_equal(read_text(RBL_IP4SET, buf_span(&in), &o, &zones, &remarks), RBL_OK);
    assert_int_equal(zones.v[0]->data.tables[0]->count, 3);
    assert_int_equal(remarks.skipped, 2);
    assert_int_equal(remarks.warnings, 2);
    assert_int_equal(remarks.v[0].line, 2);
    assert_int_equal(remarks.v[1].line, 5);
    assert_int_equal(remarks.v[2].line, 1);
    assert_int_equal(remarks.v[3].line, 4);
    zone_remarks_deinit(&remarks);
    buf_clear(&in);
    for (int i = 0; i <= RBL_SETS_MAX; i++) {
        if (i == RBL_SETS_MAX)
            assert_int_equal(read_text(RBL_COMBINED, buf_span(&in), &o, &zones, &remarks), RBL_OK);
        buf_add_str(&in, "$DATASET ip4set\n");
    }
    assert_int_equal(read_text(RBL_COMBINED, buf_span(&in), &o, &zones, &remarks), RBL_REFUSED);
    buf_clear(&in);
    for (int i = 0; i < 1000; i++)
        buf_addf(&in, "x%d\n", i);
    zone_remarks_deinit(&remarks);
    assert_int_equal(read_text(RBL_IP4SET, buf_span(&in), &o, &zones, &remarks), RBL_REFUSED);
    assert_int_equal(remarks.n, ZONE_REMARKS_MAX);
    assert_int_equal(remarks.skipped, 1000);
    assert_int_equal(remarks.v[remarks.n - 1].kind, ZONE_REMARK_REFUSED);
    buf_deinit(&in);
    buf_deinit(&got);
    rbl_zones_deinit(&zones);
    zone_remarks_deinit(&remarks);
}

static void remark_text(void **state)
{
    struct zone_remarks remarks = {0};
    char name[300], text[1000];

    memset(name, 'n', sizeof(name));
    memcpy(name + sizeof(name) - 5, "tail", 5);
    zone_remarks_add(&remarks, ZONE_REMARK_SKIPPED, name, 7, "mend it", "bad %d", 5);
    zone_remark_text(&remarks.v[0], text, sizeof(text));
    assert_string_equal(strstr(text, "tail"), "tail:7: bad 5; mend it");
    assert_int_equal(strlen(remarks.v[0].file), ZONE_REMARK_FILE - 1);
    zone_remarks_add(&remarks, ZONE_REMARK_REFUSED, "f", 0, "r", "t");
    assert_string_equal(zone_remark_text(&remarks.v[1], text, sizeof(text)), "f: t; r");
    assert_string_equal(zone_remark_text(&remarks.v[1], text, 4), "f: ");
    zone_remarks_deinit(&remarks);
    zone_remarks_deinit(&remarks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),         cmocka_unit_test(addresses), cmocka_unit_test(names),
        cmocka_unit_test(combined_files), cmocka_unit_test(combined),  cmocka_unit_test(meta),
        cmocka_unit_test(special_bad),    cmocka_unit_test(options),   cmocka_unit_test(limits),
        cmocka_unit_test(remark_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
