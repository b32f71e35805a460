/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/xfr.h"

#include "base/buf.h"
#include "hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { ID = 0x1234, HAVE = 5 };

static struct dns_name zone_of(void)
{
    struct dns_name zone;

    assert_true(dns_name_parse(SPAN_LIT("bl.example"), &zone));
    return zone;
}

/* A query for the zone, in memory that stays. */
static struct dns_query *query_of(uint16_t type)
{
    static uint8_t packet[512];
    static struct dns_query q;
    struct dns_name zone = zone_of();
    size_t n = dns_xfr_ask(packet, sizeof(packet), ID, &zone, type, HAVE);

    assert_int_equal(dns_query_parse(&q, packet, n), DNS_PARSE_OK);
    return &q;
}

static void asks(void **state)
{
    struct dns_name zone = zone_of();
    uint8_t packet[512];
    uint32_t serial;
    size_t n = dns_xfr_ask(packet, sizeof(packet), ID, &zone, DNS_TYPE_IXFR, 1);

    assert_true(dns_query_ixfr_serial(query_of(DNS_TYPE_IXFR), &serial));
    assert_int_equal(serial, HAVE);
    assert_false(dns_query_ixfr_serial(query_of(DNS_TYPE_AXFR), &serial));
    assert_int_equal(dns_xfr_ask(packet, n, ID, &zone, DNS_TYPE_IXFR, 1), n);
    assert_int_equal(dns_xfr_ask(packet, n - 1, ID, &zone, DNS_TYPE_IXFR, 1), 0);
}

/* Owners share tails: "1.2", "9.2", "2", the zone; and a label that only ends as "2" does. */
static void packs(void **state)
{
    static const char want[] =
        "1234 8400 0001 0006 0000 0000 02626c 076578616d706c65 00 00fc 0001"
        "0131 0132 c00c 0001 0001 00000001 0001 aa" /* owner at 28, "2" at 30 */
        "c01c 0001 0001 00000001 0001 bb"
        "0139 c01e 0001 0001 00000001 0001 cc"
        "c01e 0001 0001 00000001 0001 dd"
        "c00c 0001 0001 00000001 0001 ee"
        "03780132 c00c 0001 0001 00000001 0001 ff";
    static const struct {
        const char *labels;
        size_t n;
    } owners[] = {{"\0011\0012", 4}, {"\0011\0012", 4}, {"\0019\0012", 4},
                  {"\0012", 2},      {"", 0},           {"\003x\0012", 4}};
    uint8_t out[512], octets[512];
    char got[1025], text[1025];
    struct dns_xfr x;

    dns_xfr_begin(&x, query_of(DNS_TYPE_AXFR), out, sizeof(out), 0);
    assert_int_equal(dns_xfr_message(&x), 0);
    for (size_t i = 0; i < COUNT(owners); i++) {
        uint8_t data = (uint8_t)(0xaa + 0x11 * i);

        assert_true(dns_xfr_add(&x, (const uint8_t *)owners[i].labels, owners[i].n, DNS_TYPE_A, 1,
                                span_of(&data, 1)));
    }
    assert_string_equal(hex_write(out, dns_xfr_message(&x), got),
                        hex_write(octets, hex_read(want, octets, sizeof(octets)), text));
}

/* The first message answers the question's OPT (RFC 5936 §2.2.5), the others need not. */
static void answers_opt(void **state)
{
    static uint8_t out[512], data[100];
    struct dns_query *q = query_of(DNS_TYPE_AXFR);
    struct dns_query back;
    struct dns_xfr x;

    q->edns.present = true;
    dns_xfr_begin(&x, q, out, sizeof(out), 0);
    for (unsigned message = 0; message < 3; message++) {
        size_t count = 0, n, opt = message ? 0 : 11;

        while (dns_xfr_add(&x, NULL, 0, DNS_TYPE_TXT, 1, span_of(data, 60)))
            count++;
        assert_int_equal(count, (sizeof(out) - 28 - opt) / 72);
        n = dns_xfr_message(&x);
        assert_int_equal(n, 28 + count * 72 + opt);
        assert_int_equal(dns_wire_get16(out + 10), opt != 0);
        out[2] = 0; /* as if it were a question: its OPT is read */
        assert_int_equal(dns_query_parse(&back, out, n), DNS_PARSE_OK);
        assert_true(back.edns.present == (opt != 0));
        if (opt)
            assert_int_equal(back.edns.udp_size, DNS_UDP_USUAL);
    }
}

/* Data of every size up to what just does not fit: the same record fits into the next message. */
static void full(void **state)
{
    static uint8_t out[512], data[512];
    struct dns_xfr x;

    for (size_t kept = 0; kept < 100; kept += 33)
        for (size_t size = 0; size < 400 - kept; size++) {
            size_t each = 12 + size, room = 512 - kept - 28, count = 0, n;

            dns_xfr_begin(&x, query_of(DNS_TYPE_AXFR), out, sizeof(out), kept);
            while (dns_xfr_add(&x, NULL, 0, DNS_TYPE_TXT, 1, span_of(data, size)))
                count++;
            assert_int_equal(count, room / each);
            n = dns_xfr_message(&x);
            assert_int_equal(n, 28 + count * each);
            assert_int_equal(dns_wire_get16(out + 6), count);
            assert_true(dns_xfr_add(&x, NULL, 0, DNS_TYPE_TXT, 1, span_of(data, size)));
            assert_int_equal(dns_xfr_message(&x), 28 + each);
        }
}

static void texts(void **state)
{
    static const size_t sizes[] = {0, 1, 255, 256, 510, 511, 4000};
    static char text[4000];
    static uint8_t out[4100];

    for (size_t i = 0; i < COUNT(sizes); i++) {
        size_t n = dns_xfr_txt(span_of(text, sizes[i]), out), at = 0, sum = 0;

        assert_true(n <= sizes[i] + sizes[i] / 255 + 1);
        for (; at < n; at += out[at] + 1u)
            sum += out[at];
        assert_int_equal(at, n);
        assert_int_equal(sum, sizes[i]);
    }
}

/*
 * A transfer in a short hand: "S5" a SOA of serial 5, a letter an A record of that name below the
 * zone, "!" one of another zone, "|" a message ends.
 */
static void message_send(struct dns_xfr_reader *r, struct dns_xfr *x, struct buf *events)
{
    static const char *const ends[] = {
        [DNS_XFR_MORE] = "",          [DNS_XFR_END] = " end",
        [DNS_XFR_SAME] = " same",     [DNS_XFR_REFUSED] = " refused",
        [DNS_XFR_BROKEN] = " broken",
    };
    static uint8_t message[4096];
    size_t n = dns_xfr_message(x);
    enum dns_xfr_got got;
    struct dns_rr rr;

    memcpy(message, x->p, n);
    dns_xfr_reader_feed(r, message, n);
    for (;;) {
        uint32_t serial;

        got = dns_xfr_reader_next(r, &rr);
        if (got > DNS_XFR_DEL)
            break;
        buf_add_str(events, got == DNS_XFR_ADD ? " +" : " -");
        if (dns_rr_soa_serial(&rr, &serial))
            buf_addf(events, "S%u", serial);
        else
            buf_add_char(events, (char)rr.owner.wire[1]);
    }
    buf_add_str(events, ends[got]);
}

static void soa_add(struct dns_xfr *x, uint8_t serial)
{
    uint8_t data[22] = {0};

    data[5] = serial;
    assert_true(dns_xfr_add(x, NULL, 0, DNS_TYPE_SOA, 1, span_of(data, sizeof(data))));
}

/* The owner's pointer leads to "example" inside the question, not to the zone. */
static void foreign_add(struct dns_xfr *x)
{
    memcpy(x->p + x->n, "\xc0\x0f\0\1\0\1\0\0\0\0\0\0", 12);
    x->n += 12;
    x->count++;
}

static void transfer(uint16_t type, const char *script, struct buf *events)
{
    static uint8_t out[4096];
    struct dns_name zone = zone_of();
    struct dns_xfr_reader r;
    struct dns_xfr x;

    dns_xfr_reader_init(&r, &zone, ID, type, HAVE);
    dns_xfr_begin(&x, query_of(type), out, sizeof(out), 0);
    for (const char *p = script; *p; p++) {
        uint8_t labels[2] = {1, (uint8_t)*p};

        if (*p == 'S')
            soa_add(&x, (uint8_t)(*++p - '0'));
        else if (*p == '|')
            message_send(&r, &x, events);
        else if (*p != '!')
            assert_true(dns_xfr_add(&x, labels, 2, DNS_TYPE_A, 1, SPAN_LIT("\177\0\0\2")));
        else
            foreign_add(&x);
    }
    message_send(&r, &x, events);
}

static void reads(void **state)
{
    static const struct {
        const char *what;
        uint16_t type;
        const char *script, *want;
    } cases[] = {
        {"a zone", DNS_TYPE_AXFR, "S7abS7", " +S7 +a +b end"},
        {"an empty zone", DNS_TYPE_AXFR, "S7S7", " +S7 end"},
        {"in many messages", DNS_TYPE_AXFR, "S7|a|b|S7", " +S7 +a +b end"},
        {"no end", DNS_TYPE_AXFR, "S7ab", " +S7 +a +b"},
        {"no SOA", DNS_TYPE_AXFR, "ab", " broken"},
        {"another SOA at the end", DNS_TYPE_AXFR, "S7aS8", " +S7 +a broken"},
        {"more behind the end", DNS_TYPE_AXFR, "S7aS7b", " +S7 +a broken"},
        {"another zone's record", DNS_TYPE_AXFR, "S7a!S7", " +S7 +a broken"},
        {"an empty message", DNS_TYPE_AXFR, "S7a||", " +S7 +a broken broken"},
        {"one step", DNS_TYPE_IXFR, "S7S5abS7cS7", " -S5 -a -b +S7 +c end"},
        {"two steps", DNS_TYPE_IXFR, "S7S5aS6bS6cS7dS7", " -S5 -a +S6 +b -S6 -c +S7 +d end"},
        {"steps in many messages", DNS_TYPE_IXFR, "S7|S5|a|S7|c|S7", " -S5 -a +S7 +c end"},
        {"a step of nothing", DNS_TYPE_IXFR, "S7S5S7S7", " -S5 +S7 end"},
        {"a whole zone instead", DNS_TYPE_IXFR, "S7abS7", " +S7 +a +b end"},
        {"a whole zone in messages", DNS_TYPE_IXFR, "S7|a|b|S7", " +S7 +a +b end"},
        {"a whole empty zone", DNS_TYPE_IXFR, "S7S7", " +S7 end"},
        {"nothing new", DNS_TYPE_IXFR, "S5", " same"},
        {"older than ours", DNS_TYPE_IXFR, "S4", " same"},
        {"newer, and no more", DNS_TYPE_IXFR, "S7", ""},
        {"from another serial", DNS_TYPE_IXFR, "S7S6aS7S7", " broken"},
        {"a gap between steps", DNS_TYPE_IXFR, "S9S5aS6bS7cS9S9", " -S5 -a +S6 +b broken"},
        {"ends before the new serial", DNS_TYPE_IXFR, "S7S5aS6bS7", " -S5 -a +S6 +b broken"},
        {"no end", DNS_TYPE_IXFR, "S7S5aS7b", " -S5 -a +S7 +b"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf events = BUF_INIT(4096);

        print_message("# %s\n", cases[i].what);
        transfer(cases[i].type, cases[i].script, &events);
        assert_string_equal(buf_str(&events), cases[i].want);
        buf_deinit(&events);
    }
}

static void answers_that_are_none(void **state)
{
#define Q   "02626c 076578616d706c65 00 00fc 0001"
#define SOA "c00c 0006 0001 00000000 0016 00 00 00000007 00000000 00000000 00000000 00000000"
    static const struct {
        const char *what, *message;
        enum dns_xfr_got want;
    } cases[] = {
        {"fine", "1234 8400 0001 0001 0000 0000" Q SOA, DNS_XFR_ADD},
        {"without a question",
         "1234 8400 0000 0001 0000 0000 02626c 076578616d706c65 00"
         "0006 0001 00000000 0016 00 00 00000007 00000000 00000000 00000000 00000000",
         DNS_XFR_ADD},
        {"refused", "1234 8405 0001 0000 0000 0000" Q, DNS_XFR_REFUSED},
        {"another id", "1235 8400 0001 0001 0000 0000" Q SOA, DNS_XFR_BROKEN},
        {"a question", "1234 0400 0001 0001 0000 0000" Q SOA, DNS_XFR_BROKEN},
        {"another question",
         "1234 8400 0001 0001 0000 0000 02626d 076578616d706c65 00 00fc 0001" SOA, DNS_XFR_BROKEN},
        {"question cut", "1234 8400 0001 0001 0000 0000 02626c 076578616d706c65 00 00fc 00",
         DNS_XFR_BROKEN},
        {"no records", "1234 8400 0001 0000 0000 0000" Q, DNS_XFR_BROKEN},
        {"a record less", "1234 8400 0001 0001 0000 0000" Q, DNS_XFR_BROKEN},
        {"class CH",
         "1234 8400 0001 0001 0000 0000" Q "c00c 0006 0003 00000000 0016 00 00 00000007"
         "00000000 00000000 00000000 00000000",
         DNS_XFR_BROKEN},
        {"a SOA cut short",
         "1234 8400 0001 0001 0000 0000" Q "c00c 0006 0001 00000000 0012 00 00"
         "00000007 00000000 00000000 00000000",
         DNS_XFR_BROKEN},
        {"a SOA of a name below",
         "1234 8400 0001 0001 0000 0000" Q "0161 c00c 0006 0001 00000000"
         "0016 00 00 00000007 00000000 00000000 00000000 00000000",
         DNS_XFR_BROKEN},
        {"too short", "1234 8400 0001 0001 0000 00", DNS_XFR_BROKEN},
    };
    struct dns_name zone = zone_of();

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dns_xfr_reader r;
        uint8_t message[512];
        struct dns_rr rr;

        print_message("# %s\n", cases[i].what);
        dns_xfr_reader_init(&r, &zone, ID, DNS_TYPE_AXFR, 0);
        dns_xfr_reader_feed(&r, message, hex_read(cases[i].message, message, sizeof(message)));
        assert_int_equal(dns_xfr_reader_next(&r, &rr), cases[i].want);
        if (cases[i].want == DNS_XFR_BROKEN)
            assert_non_null(r.why);
        if (cases[i].want == DNS_XFR_REFUSED)
            assert_int_equal(r.rcode, DNS_REFUSED);
    }
}

static void serials(void **state)
{
    assert_true(dns_serial_after(1, 0));
    assert_false(dns_serial_after(0, 0));
    assert_false(dns_serial_after(0, 1));
    assert_true(dns_serial_after(0, UINT32_MAX));
    assert_true(dns_serial_after(0x7fffffff, 0));
    assert_false(dns_serial_after(0x80000000, 0));
    assert_false(dns_serial_after(0, 0x80000000));
    assert_false(dns_serial_after(0x80000001, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks),
        cmocka_unit_test(packs),
        cmocka_unit_test(answers_opt),
        cmocka_unit_test(full),
        cmocka_unit_test(texts),
        cmocka_unit_test(reads),
        cmocka_unit_test(answers_that_are_none),
        cmocka_unit_test(serials),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
