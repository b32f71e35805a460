/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The wire layer, to be asked from outside: one request a line, one answer a line, octets in
 * hexadecimal ("-" for none). tests/e2e/test_dns_oracle.py compares what it says with what
 * dnspython says.
 *
 *     query HEX                  outcome, and what was read
 *     reply MAX HEX              an answer of many kinds of records, cut at MAX
 *     check KEYS NOW HEX         outcome of TSIG (KEYS "alg:name:base64,..."); kept for `sign`
 *     sign NOW HEX               an answer, signed
 *     ask KEY NOW HEX            a request, signed; kept for `verify`
 *     verify NOW HEX             outcome, the answer without TSIG
 *     transfer MAX KEPT HEX      begins one for a query
 *     add LABELS TYPE TTL DATA   a record of it; messages that get full on the way
 *     end                        the last message
 *     read ZONE ID TYPE HAVE     begins to read a transfer
 *     feed HEX                   a message of it; the records, or what else
 *     time WHAT COUNT            nanoseconds of a question and its answer ("hit", "miss"), or of
 *                                asking the rate limit ("limit")
 */
#include "dns/blname.h"
#include "dns/reply.h"
#include "dns/rrl.h"
#include "dns/tsig.h"
#include "dns/xfr.h"

#include "base/num.h"
#include "hex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINE = 300000, KEYS = 8 };

static struct dns_tsig_key keys[KEYS];
static struct dns_tsig server, client;
static struct dns_tsig_key client_key;
static struct dns_query asked;
static uint8_t asked_packet[DNS_MESSAGE_MAX], out[DNS_MESSAGE_MAX];
static struct dns_xfr writer;
static struct dns_xfr_reader reader;

static struct span word(struct span *line)
{
    struct span w = SPAN_NULL;

    span_word(line, &w);
    return w;
}

static uint64_t number(struct span *line)
{
    uint64_t v = 0;

    if (!num_u64(word(line), 0, UINT64_MAX, &v)) {
        fprintf(stderr, "not a number\n");
        exit(1);
    }
    return v;
}

static size_t octets(struct span *line, uint8_t *ret, size_t max)
{
    char *text = span_dup(word(line));
    size_t n = text && strcmp(text, "-") != 0 ? hex_read(text, ret, max) : 0;

    free(text);
    return n;
}

static void print_octets(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        printf("%02x", p[i]);
    if (n == 0)
        putchar('-');
}

static struct dns_name name_of(struct span text)
{
    struct dns_name name;

    if (!dns_name_parse(text, &name)) {
        fprintf(stderr, "not a name\n");
        exit(1);
    }
    return name;
}

static void query(struct span line)
{
    static const char *const outcomes[] = {"OK", "DROP", "FORMERR", "NOTIMP", "BADVERS", "COOKIE"};
    size_t n = octets(&line, asked_packet, sizeof(asked_packet));
    enum dns_parse got = dns_query_parse(&asked, asked_packet, n);
    char name[DNS_NAME_TEXT_MAX] = "-";
    struct dns_query *q = &asked;

    printf("%s", outcomes[got]);
    if (got == DNS_PARSE_OK) {
        struct span cookie = dns_query_cookie(q);

        printf(" id=%u rd=%d cd=%d type=%u class=%u labels=%u name=%s", q->id, q->rd, q->cd,
               q->type, q->klass, q->labels, dns_name_text(q->name, name));
        printf(" edns=%d udp=%u do=%d nsid=%d tsig=%d cookie=", q->edns.present, q->edns.udp_size,
               q->edns.do_bit, q->edns.nsid, q->tsig_at != 0);
        print_octets((const uint8_t *)cookie.p, cookie.n);
    }
}

static void reply(struct span line)
{
    struct dns_soa soa = {
        name_of(SPAN_LIT("ns.example")), name_of(SPAN_LIT("root.bl.Example")), 1, 2, 3, 4, 5};
    struct dns_name ns = name_of(SPAN_LIT("ns1.bl.example"));
    size_t max = number(&line), n = octets(&line, asked_packet, sizeof(asked_packet));
    static const uint8_t v6[16] = {0x20, 1, 0xd, 0xb8};
    struct dns_soa_laid laid;
    struct dns_name zone;
    struct dns_reply r;
    unsigned label;
    char text[700];

    memset(text, 'x', sizeof(text));
    if (dns_query_parse(&asked, asked_packet, n) != DNS_PARSE_OK) {
        putchar('-');
        return;
    }
    dns_reply_begin(&r, &asked, out, max);
    dns_reply_nsid(&r, SPAN_LIT("here"));
    dns_reply_ede(&r, DNS_EDE_PROHIBITED, SPAN_LIT("for tests"));
    dns_reply_cookie(&r, (const uint8_t *)"clientxxserverxx", asked.edns.cookie_n ? 16 : 0);
    dns_reply_a(&r, DNS_OWNER_QUESTION, 300, 0x7f000002);
    dns_reply_aaaa(&r, DNS_OWNER_QUESTION, 300, v6);
    dns_reply_txt(&r, DNS_OWNER_QUESTION, 300, SPAN_LIT("short"));
    dns_reply_txt(&r, DNS_OWNER_QUESTION, 300, span_of(text, sizeof(text)));
    dns_reply_named(&r, DNS_OWNER_QUESTION, DNS_TYPE_NS, 300, &ns);
    dns_reply_mx(&r, DNS_OWNER_QUESTION, 300, 10, &ns);
    dns_reply_section(&r, DNS_AUTHORITY);
    label = asked.labels / 2;
    dns_name_set(&zone, asked.name + asked.label_at[label], asked.name_n - asked.label_at[label]);
    dns_soa_lay(&soa, &zone, &laid);
    dns_reply_soa(&r, dns_reply_owner_suffix(&asked, label), 60, &laid);
    dns_reply_section(&r, DNS_ADDITIONAL);
    dns_reply_owner(&r, &ns);
    dns_reply_a(&r, DNS_OWNER_OTHER, 300, 0xc0000235);
    print_octets(out, dns_reply_finish(&r));
}

static void check(struct span line)
{
    struct span list = word(&line), one;
    int64_t now = (int64_t)number(&line);
    size_t n = octets(&line, asked_packet, sizeof(asked_packet)), count = 0;
    enum dns_tsig_got got;

    while (count < KEYS && span_cut(&list, ',', &one))
        if (!dns_tsig_key_parse(one, &keys[count++])) {
            fprintf(stderr, "not a key\n");
            exit(1);
        }
    if (dns_query_parse(&asked, asked_packet, n) != DNS_PARSE_OK) {
        printf("unparsed");
        return;
    }
    got = dns_tsig_check(&server, keys, count, &asked, now);
    printf("%s", dns_tsig_got_name(got));
}

static void sign(struct span line)
{
    int64_t now = (int64_t)number(&line);
    size_t n = octets(&line, out, sizeof(out));

    print_octets(out, dns_tsig_sign(&server, out, n, n + dns_tsig_room(&server), now));
}

static void ask(struct span line)
{
    bool ok = dns_tsig_key_parse(word(&line), &client_key);
    int64_t now = (int64_t)number(&line);
    size_t n = octets(&line, out, sizeof(out));

    print_octets(out, ok ? dns_tsig_ask(&client, &client_key, out, n, sizeof(out), now) : 0);
}

static void verify(struct span line)
{
    int64_t now = (int64_t)number(&line);
    size_t n = octets(&line, out, sizeof(out));
    enum dns_tsig_got got = dns_tsig_verify(&client, out, &n, now);

    printf("%s %u ", dns_tsig_got_name(got), client.error);
    print_octets(out, n);
}

static void transfer(struct span line)
{
    size_t max = number(&line), kept = number(&line);
    size_t n = octets(&line, asked_packet, sizeof(asked_packet));

    if (dns_query_parse(&asked, asked_packet, n) == DNS_PARSE_OK) {
        dns_xfr_begin(&writer, &asked, out, max, kept);
        printf("ok");
    }
}

static void add(struct span line)
{
    static uint8_t labels[DNS_NAME_MAX], data[DNS_MESSAGE_MAX];
    size_t n = octets(&line, labels, sizeof(labels));
    uint16_t type = (uint16_t)number(&line);
    uint32_t ttl = (uint32_t)number(&line);
    size_t size = octets(&line, data, sizeof(data));

    if (dns_xfr_add(&writer, labels, n, type, ttl, span_of(data, size))) {
        putchar('-');
        return;
    }
    print_octets(out, dns_xfr_message(&writer));
    if (!dns_xfr_add(&writer, labels, n, type, ttl, span_of(data, size)))
        printf(" lost");
}

static void read_transfer(struct span line)
{
    struct dns_name zone = name_of(word(&line));
    uint16_t id = (uint16_t)number(&line), type = (uint16_t)number(&line);

    dns_xfr_reader_init(&reader, &zone, id, type, (uint32_t)number(&line));
    printf("ok");
}

/* "ADD name type ttl data, DEL ..., MORE" */
static void feed(struct span line)
{
    static const char *const words[] = {"ADD", "DEL", "MORE", "END", "SAME", "REFUSED", "BROKEN"};
    static uint8_t message[DNS_MESSAGE_MAX];
    char name[DNS_NAME_TEXT_MAX];
    enum dns_xfr_got got;
    struct dns_rr rr;

    dns_xfr_reader_feed(&reader, message, octets(&line, message, sizeof(message)));
    do {
        got = dns_xfr_reader_next(&reader, &rr);
        printf("%s", words[got]);
        if (got > DNS_XFR_DEL)
            break;
        printf(" %s %u %u ", dns_name_text(rr.owner.wire, name), rr.type, rr.ttl);
        print_octets((const uint8_t *)rr.data.p, rr.data.n);
        putchar(',');
    } while (true);
    if (got == DNS_XFR_BROKEN)
        printf(" %s", reader.why);
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* As a resolver asks, with EDNS: read, the address off its labels, the answer written. */
static uint64_t answer(size_t n, const struct dns_soa_laid *miss)
{
    struct dns_reply r;
    uint32_t address;
    unsigned len;

    dns_query_parse(&asked, asked_packet, n);
    dns_blname_read4(asked.name, asked.label_at, asked.labels - 4u, &address, &len);
    dns_reply_begin(&r, &asked, out, dns_query_udp_max(&asked, 1232));
    dns_reply_aa(&r, true);
    if (miss) {
        dns_reply_rcode(&r, DNS_NXDOMAIN);
        dns_reply_section(&r, DNS_AUTHORITY);
        dns_reply_soa(&r, dns_reply_owner_suffix(&asked, 4), 60, miss);
    } else {
        dns_reply_a(&r, DNS_OWNER_QUESTION, 300, 0x7f000002);
    }
    return dns_reply_finish(&r) + address;
}

/* What a rate limit costs with clients from everywhere. */
static uint64_t limit(struct dns_rrl *limits, uint64_t i)
{
    struct ip ip = {.family = IP_V4};

    dns_wire_put32(ip.b, (uint32_t)(i * 2654435761));
    return dns_rrl_ask(limits, ip, (int64_t)(i >> 8));
}

static void measure(struct span line)
{
    struct dns_name name = name_of(SPAN_LIT("17.113.0.203.Relays.Bl.Example.ORG"));
    struct dns_name zone = name_of(SPAN_LIT("relays.bl.example.org"));
    struct dns_soa soa = {name_of(SPAN_LIT("ns1.bl.example.org")),
                          name_of(SPAN_LIT("hostmaster.example.org")),
                          1,
                          2,
                          3,
                          4,
                          5};
    struct span what = word(&line);
    uint64_t count = number(&line), start, sum = 0;
    size_t n = dns_query_write(asked_packet, sizeof(asked_packet), 1, &name, DNS_TYPE_A, true);
    bool miss = span_eq(what, SPAN_LIT("miss")), rate = span_eq(what, SPAN_LIT("limit"));
    void *table = aligned_alloc(64, dns_rrl_size(DNS_RRL_BITS));
    struct dns_soa_laid laid;
    struct dns_rrl limits;

    if (!table)
        abort();
    dns_soa_lay(&soa, &zone, &laid);
    dns_rrl_init(&limits, table, DNS_RRL_BITS, (struct dns_rrl_conf){50, 125, 2}, out);
    start = now_ns();
    for (uint64_t i = 0; i < count; i++) {
        asked_packet[1] = (uint8_t)i;
        sum += rate ? limit(&limits, i) : answer(n, miss ? &laid : NULL);
    }
    printf("%.1f %llu", (double)(now_ns() - start) / (double)count, (unsigned long long)sum);
    free(table);
}

static const struct {
    const char *name;
    void (*run)(struct span line);
} verbs[] = {
    {"query", query},       {"reply", reply},  {"check", check},
    {"sign", sign},         {"ask", ask},      {"verify", verify},
    {"transfer", transfer}, {"add", add},      {"read", read_transfer},
    {"feed", feed},         {"time", measure},
};

static void verb(struct span line)
{
    struct span name = word(&line);

    if (span_eq(name, SPAN_LIT("end"))) {
        print_octets(out, dns_xfr_message(&writer));
        return;
    }
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (span_eq(name, span_str(verbs[i].name))) {
            verbs[i].run(line);
            return;
        }
    fprintf(stderr, "unknown: %.*s\n", SPAN_ARG(name));
    exit(1);
}

int main(void)
{
    static char line[LINE];

    while (fgets(line, sizeof(line), stdin)) {
        verb(span_trim(span_str(line)));
        putchar('\n');
        fflush(stdout);
    }
    return 0;
}
