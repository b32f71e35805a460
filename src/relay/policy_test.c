/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Old files as they are: each case is a file, and what it says about some addresses and names.
 * "198.51.100.7=G2" is a grant by line 2, "R" refuses, "D" defers, "-" says nothing; a name is ours
 * ("=G1") or not; "from:…" and "to:…" ask the rules for senders and recipients.
 */
#include "relay/policy_priv.h"

#include "relay/canon.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct example {
    enum relay_read kind;
    const char *text, *asked;
    const char *note; /* in the first note; NULL: no note at all */
    unsigned notes;
};

static void add_rule(struct buf *out, const struct relay_rule *rule)
{
    static const char letters[] = {[RELAY_VERB_NONE] = 'N',
                                   [RELAY_VERB_GRANT] = 'G',
                                   [RELAY_VERB_DEFER] = 'D',
                                   [RELAY_VERB_REFUSE] = 'R'};

    if (rule)
        buf_addf(out, "%c%u%s", letters[rule->verb], rule->place.line, rule->deliberate ? "!" : "");
    else
        buf_add_char(out, '-');
}

static const struct relay_rule *mail_rule(const struct relay_keys *keys, struct span address)
{
    size_t at = span_rfind(address, '@');
    char domain[RELAY_NAME_SIZE];
    const struct relay_rule *rule = relay_keys_get(keys, address);

    if (!rule && at < address.n) {
        assert_true(span_copy(span_slice(address, at + 1, address.n), domain, sizeof(domain)));
        rule = relay_keys_domain(keys, domain);
    }
    return rule || at == address.n ? rule : relay_keys_get(keys, span_slice(address, 0, at + 1));
}

/* Answers the questions of `asked` anew, so that both can be compared as text. */
static void answer(const struct relay_policy *p, const char *asked, struct buf *out)
{
    struct span rest = span_str(asked), word;
    const struct relay_source *s = &p->sources[1];

    while (span_word(&rest, &word)) {
        struct span question = span_slice(word, 0, span_rfind(word, '='));
        char name[RELAY_NAME_SIZE];
        struct ip ip;

        buf_add_str(out, out->n ? " " : "");
        buf_add(out, question);
        buf_add_char(out, '=');
        if (ip_parse(question, &ip)) {
            const struct relay_net *e = relay_table_find(&s->clients, ip);

            add_rule(out, e ? &e->rule : NULL);
        } else if (span_starts(question, SPAN_LIT("from:"))) {
            add_rule(out, mail_rule(&s->from, span_slice(question, 5, question.n)));
        } else if (span_starts(question, SPAN_LIT("to:"))) {
            add_rule(out, mail_rule(&s->to, span_slice(question, 3, question.n)));
        } else {
            assert_true(span_copy(question, name, sizeof(name)));
            add_rule(out, relay_keys_domain(&p->domains, name));
        }
    }
}

static void check_example(const struct example *e)
{
    struct relay_policy *p = relay_policy_new(NULL);
    struct relay_fault fault = {0};
    struct buf got = BUF_INIT(4000);
    size_t notes, more;
    int r = relay_policy_read(p, e->kind, span_str(e->text), "file", &fault);

    if (r != 0)
        fail_msg("%s: line %u: %s", e->text, fault.line, fault.why);
    assert_int_equal(relay_policy_seal(p), 0);
    answer(p, e->asked, &got);
    if (strcmp(buf_str(&got), e->asked) != 0)
        fail_msg("%s\n says %s\n not  %s", e->text, buf_str(&got), e->asked);
    relay_policy_notes(p, &notes, &more);
    if (notes != (e->note && !e->notes ? 1 : e->notes))
        fail_msg("%s: %zu notes", e->text, notes);
    if (e->note && !strstr(p->notes[0].text, e->note))
        fail_msg("%s: noted: %s", e->text, p->notes[0].text);
    buf_deinit(&got);
    relay_policy_free(&p);
}

static void check_examples(const struct example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_example(&examples[i]);
}

#define CHECK(examples) check_examples(examples, sizeof(examples) / sizeof(examples[0]))

static void test_lists(void **state)
{
    static const struct example examples[] = {
        {RELAY_READ_RCPTHOSTS, "", "a.example=-"},
        {RELAY_READ_RCPTHOSTS, "a.example\n.b.example\n",
         "a.example=G1 x.a.example=- b.example=- x.b.example=G2 xb.example=-"},
        {RELAY_READ_RCPTHOSTS, "# ours\r\n\r\nA.Example  OK\r\nlocalhost",
         "a.example=G3 localhost=G4"},
        {RELAY_READ_RCPTHOSTS, "a.example deliberate\n*\n", "a.example=G1! b.example=G2"},
        {RELAY_READ_RELAY_DOMAINS, "a.example\n.b.example RELAY\n",
         "a.example=G1 x.a.example=G1 b.example=- x.b.example=G2"},
        {RELAY_READ_RELAY_DOMAINS, "192.0.2\n10\n", "192.0.2.200=G1 10.1.2.3=G2 192.0.3.1=-"},
        {RELAY_READ_NETWORKS, "127.0.0.0/8 [::1]/128\n192.0.2.0/24, 198.51.100.7\n",
         "127.9.9.9=G1 ::1=G1 192.0.2.1=G2 198.51.100.7=G2 198.51.100.8=-"},
        {RELAY_READ_NETWORKS, "!192.0.2.9\n192.0.2.0/24 OK\n!192.0.2.7\n 192.0.2.8\n",
         "192.0.2.9=N1 192.0.2.7=G2 192.0.2.8=G2"},
        {RELAY_READ_NETWORKS, "0.0.0.0/0 deliberate\n2001:db8::/32 1\n",
         "203.0.113.9=G1! 2001:db8::1=G2"},
    };

    CHECK(examples);
}

static void test_tcprules(void **state)
{
    static const struct example examples[] = {
        {RELAY_READ_TCPRULES, "192.0.2.10-20:allow,RELAYCLIENT=\"\"\n",
         "192.0.2.9=- 192.0.2.10=G1 192.0.2.15=G1 192.0.2.20=G1 192.0.2.21=-"},
        {RELAY_READ_TCPRULES, "10.1-3.:allow,RELAYCLIENT=\"\"\n",
         "10.0.255.255=- 10.1.0.0=G1 10.3.255.255=G1 10.4.0.0=-"},
        {RELAY_READ_TCPRULES, "1-2.:allow,RELAYCLIENT=//\n", "0.1.1.1=- 1.0.0.0=G1 2.255.0.1=G1"},
        {RELAY_READ_TCPRULES, "0-255.:allow,RELAYCLIENT=\"\"\n", "0.0.0.0=G1 255.255.255.255=G1"},
        {RELAY_READ_TCPRULES, "192.0.2.:allow,RELAYCLIENT=\"\"\n192.0.2.7:deny\n:allow\n",
         "192.0.2.1=G1 192.0.2.7=R2 203.0.113.1=N3 2001:db8::1=N3"},
        {RELAY_READ_TCPRULES, "192.0.2.7:allow\n192.0.:allow,X=\"a,b\",RELAYCLIENT=\"\",Y=''\n",
         "192.0.2.7=N1 192.0.2.8=G2"},
        {RELAY_READ_TCPRULES, "2001:db8::/32:allow,RELAYCLIENT=\"\"\n192.0.2.0/25:deny\n",
         "2001:db8::1=G1 192.0.2.127=R2 192.0.2.128=-"},
        {RELAY_READ_TCPRULES, ":allow,RELAYCLIENT=\"\",POSTERN_DELIBERATE=\"\"\n", "1.2.3.4=G1!"},
        {RELAY_READ_TCPRULES,
         "192.0.2.1:allow,RBLSMTPD=\"-no\",RELAYCLIENT=\"\"\n"
         "192.0.2.2:allow,RBLSMTPD=\"later\"\n192.0.2.3:allow,RBLSMTPD=\"\"\n",
         "192.0.2.1=R1 192.0.2.2=D2 192.0.2.3=N3"},
        {RELAY_READ_TCPRULES,
         "192.0.2.1:allow,RBLSMTPD=\"a\",RBLSMTPD=\"-b\"\n"
         "192.0.2.2:allow,RBLSMTPD=\"-a\",RELAYCLIENT=\"\",RBLSMTPD=\"\"\n",
         "192.0.2.1=R1 192.0.2.2=G2"},
        {RELAY_READ_TCPRULES, "=mx.example.org:allow,RELAYCLIENT=\"\"\n=:allow\n", "192.0.2.1=-",
         "a DNS name says nothing", 2},
        {RELAY_READ_TCPRULES, "joe@192.0.2.1:allow,RELAYCLIENT=\"\"\n", "192.0.2.1=-",
         "who a client says its user is"},
    };

    CHECK(examples);
}

static void test_hosts_allow(void **state)
{
    static const struct example examples[] = {
        {RELAY_READ_HOSTS_ALLOW, "tcp-env: 192.0.2. : setenv = RELAYCLIENT\n",
         "192.0.2.1=G1 192.0.3.1=-"},
        {RELAY_READ_HOSTS_ALLOW,
         "tcp-env: 192.0.2. 198.51.100.7, 10.0.0.0/255.255.0.0 "
         "[2001:db8::]/32 : setenv RELAYCLIENT\n",
         "192.0.2.1=G1 198.51.100.7=G1 10.0.9.9=G1 10.1.0.0=- 2001:db8::9=G1"},
        {RELAY_READ_HOSTS_ALLOW,
         "sshd: ALL\nALL: 192.0.2.66 : deny\n"
         "tcp-env: 192.0.2.* :setenv=RELAYCLIENT: allow\n"
         "ftpd : 203.0.113. : setenv = RELAYCLIENT\n",
         "192.0.2.66=R2 192.0.2.67=G3 203.0.113.1=-"},
        {RELAY_READ_HOSTS_ALLOW,
         "tcp-env: 192.0.2. EXCEPT 192.0.2.1 192.0.2.128/25 EXCEPT "
         "192.0.2.200 : setenv = RELAYCLIENT\n",
         "192.0.2.1=- 192.0.2.2=G1 192.0.2.127=G1 192.0.2.128=- 192.0.2.200=G1 192.0.2.201=-"},
        {RELAY_READ_HOSTS_ALLOW, "tcp-env: 192.0.2.7\ntcp-env: ALL EXCEPT 198.51.100. : deny\n",
         "192.0.2.7=N1 203.0.113.5=R2 198.51.100.5=- 2001:db8::1=R2"},
        {RELAY_READ_HOSTS_ALLOW,
         "tcp-env: \\\n  192.0.2. \\\n : setenv = RELAYCLIENT\n"
         "tcp-env: 10. : setenv = RELAYCLIENT",
         "192.0.2.1=G1 10.1.1.1=G4"},
        {RELAY_READ_HOSTS_ALLOW, "tcp-env: .example.org LOCAL 192.0.2.1 : setenv = RELAYCLIENT\n",
         "192.0.2.1=G1 192.0.2.2=-", "grants nothing", 2},
        {RELAY_READ_HOSTS_ALLOW,
         "tcp-env: 192.0.2.1 : spawn (echo %h \\: %d) & : setenv = "
         "RELAYCLIENT\n",
         "192.0.2.1=G1"},
        {RELAY_READ_HOSTS_ALLOW, "tcp-env: 192.0.2.1 : setenv = TCPREMOTE x\n", "192.0.2.1=N1"},
        {RELAY_READ_HOSTS_ALLOW, "tcp-env@192.0.2.25: ALL : deny\n", "192.0.2.1=-", "hangs on"},
        {RELAY_READ_HOSTS_ALLOW,
         "tcp-env: ALL : setenv = RELAYCLIENT : setenv = "
         "POSTERN_DELIBERATE\n",
         "192.0.2.1=G1! ::1=G1!"},
    };

    CHECK(examples);
}

static void test_access(void **state)
{
    static const struct example examples[] = {
        {RELAY_READ_ACCESS, "Connect:192.0.2\tRELAY\n192.0.2.66 REJECT\nConnect:10 OK\n",
         "192.0.2.1=G1 192.0.2.66=R2 10.9.9.9=N3", "OK does not let"},
        {RELAY_READ_ACCESS,
         "IPv6:2001:db8:1 RELAY\nConnect:IPv6:2001:db8:2:: RELAY\n"
         "IPv6:2001:db8:3: REJECT\nIPv6:2001:db8:0:0:0:0:0:1 REJECT\n",
         "2001:db8:1:9::1=G1 2001:db8:2::=G2 2001:db8:2::1=- 2001:db8:3::9=R3 2001:db8::1=R4"},
        {RELAY_READ_ACCESS, "192.0.2.1 RELAY deliberate\n192.0.2.2 DISCARD\n192.0.2.3 DUNNO\n",
         "192.0.2.1=G1! 192.0.2.2=R2 192.0.2.3=N3", "DISCARD refuses"},
        {RELAY_READ_ACCESS,
         "a.example REJECT\nFrom:x@b.example ERROR:5.7.1:550 no\n"
         ".c.example 450 later\nspam@ REJECT\n<> DEFER\n",
         "from:u@a.example=R1 from:u@x.a.example=R1 from:x@b.example=R2 from:y@b.example=- "
         "from:u@c.example=- from:u@x.c.example=D3 from:spam@d.example=R4 from:<>=D5 "
         "to:u@a.example=-"},
        {RELAY_READ_ACCESS, "To:a.example RELAY\nTo:.b.example RELAY\nTo:u@a.example REJECT\n",
         "a.example=G1 x.a.example=G1 b.example=- x.b.example=G2 to:u@a.example=R3"},
        {RELAY_READ_ACCESS,
         "a.example RELAY\nFrom:b.example RELAY\nConnect:c.example RELAY\n"
         "To:u@d.example RELAY\n",
         "a.example=- b.example=- c.example=- d.example=- from:u@a.example=-",
         "RELAY by name grants nothing", 4},
        {RELAY_READ_ACCESS, "From:b.example RELAY\n", "b.example=-", "anyone can write a sender"},
        {RELAY_READ_ACCESS, "Connect:bad.example REJECT\nGreetPause:192.0.2.1 5000\n",
         "192.0.2.1=-", "a DNS name says nothing", 2},
        {RELAY_READ_ACCESS,
         "192.0.2.1 ERROR:\"550 5.7.1 go away\"\n192.0.2.2 \"ERROR:4.7.1:450 x\"\n"
         "192.0.2.3 550 no\n192.0.2.4 REJECT 5.7.9 no\n192.0.2.5 DEFER\n",
         "192.0.2.1=R1 192.0.2.2=D2 192.0.2.3=R3 192.0.2.4=R4 192.0.2.5=D5"},
        {RELAY_READ_ACCESS, "192.0.2.1   REJECT\n  and so on\n\n# no\n  and on\n192.0.2.2 REJECT\n",
         "192.0.2.1=R1 192.0.2.2=R6"},
        {RELAY_READ_ACCESS_CLIENT, "192.0.2.1 1081935492\nmail.example REJECT\n", "192.0.2.1=N1",
         "OK does not let", 2},
        {RELAY_READ_ACCESS_FROM, "192.0.2.1 REJECT\na.example REJECT\n", NULL},
        {RELAY_READ_ACCESS_TO, "u@a.example 550 5.1.1 gone\na.example OK\n",
         "to:u@a.example=R1 to:v@a.example=N2", "OK does not let"},
        {RELAY_READ_CIDR, "192.0.2.1 OK\n192.0.2.0/24 REJECT\n192.0.2.9 RELAY\n",
         "192.0.2.1=N1 192.0.2.2=R2 192.0.2.9=R2 192.0.3.1=-", "OK does not let"},
        {RELAY_READ_CIDR,
         "if 192.0.2.0/24\n192.0.2.7 RELAY\n!192.0.2.0/25 REJECT\nendif\n"
         "192.0.2.0/24 DEFER\n",
         "192.0.2.7=G2 192.0.2.200=R3 192.0.2.8=D5 203.0.113.1=-"},
        {RELAY_READ_CIDR,
         "if !192.0.2.0/24\nif 192.0.0.0/16\n0.0.0.0/0 REJECT\nendif\nendif\n"
         "[2001:db8::]/32 RELAY\n",
         "192.0.3.1=R3 192.0.2.1=- 10.0.0.1=- 2001:db8::1=G6"},
    };

    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
        if (examples[i].asked)
            check_example(&examples[i]);
}

/* A bad line is told with its number, and nothing of the file is taken. */
static void test_bad(void **state)
{
    static const struct {
        enum relay_read kind;
        const char *text;
        unsigned line;
        const char *why;
    } cases[] = {
        {RELAY_READ_RCPTHOSTS, "a.example\nb_.example!\n", 2, "is no domain"},
        {RELAY_READ_RCPTHOSTS, "*.a.example", 1, "no patterns"},
        {RELAY_READ_RCPTHOSTS, "192.0.2.1", 1, "not a domain"},
        {RELAY_READ_RCPTHOSTS, "u@a.example", 1, "is a mail address"},
        {RELAY_READ_RCPTHOSTS, "a.example REJECT", 1, "not understood"},
        {RELAY_READ_RCPTHOSTS, "a.example.", 1, "is no domain"},
        {RELAY_READ_RCPTHOSTS, "a.example\n\x01", 2, "control"},
        {RELAY_READ_RCPTHOSTS, "\xff.example", 1, "not UTF-8"},
        {RELAY_READ_RCPTHOSTS, "\xc3\xbc.example", 1, "is no domain"},
        {RELAY_READ_NETWORKS, "192.0.2.0/24\n192.0.2.1/24\n", 2, "is no address"},
        {RELAY_READ_NETWORKS, "mail.example.org", 1, "is no address"},
        {RELAY_READ_NETWORKS, " 192.0.2.1", 1, "indented"},
        {RELAY_READ_NETWORKS, "192.0.2.1 mail", 1, "not understood"},
        {RELAY_READ_TCPRULES, "192.0.2.1", 1, "expected address:allow"},
        {RELAY_READ_TCPRULES, "192.0.2.1:allowed", 1, "expected address:allow"},
        {RELAY_READ_TCPRULES, "192.0.2:allow", 1, "ends in a dot"},
        {RELAY_READ_TCPRULES, "192.0.2.20-10:allow", 1, "no range"},
        {RELAY_READ_TCPRULES, "192.0.2.0-256:allow", 1, "no range"},
        {RELAY_READ_TCPRULES, "192.0.2-3:allow", 1, "no range"},
        {RELAY_READ_TCPRULES, "192.0.2.1-3.:allow", 1, "no range"},
        {RELAY_READ_TCPRULES, "192.0-1.2.:allow", 1, "no range"},
        {RELAY_READ_TCPRULES, "192.0.2.300:allow", 1, "is no address"},
        {RELAY_READ_TCPRULES, "mx.example.org:allow,RELAYCLIENT=\"\"", 1, "is no address"},
        {RELAY_READ_TCPRULES, ":allow\n10.:allow,RELAYCLIENT", 2, "expected ,NAME="},
        {RELAY_READ_TCPRULES, "10.:allow,RELAYCLIENT=\"", 1, "expected ,NAME="},
        {RELAY_READ_TCPRULES, "10.:allow,RELAYCLIENT=\"\"x", 1, "expected ,NAME="},
        {RELAY_READ_TCPRULES, "10.:allow,RELAYCLIENT=\"@fixme\"", 1, "adds to each recipient"},
        {RELAY_READ_HOSTS_ALLOW, "tcp-env", 1, "expected daemon"},
        {RELAY_READ_HOSTS_ALLOW, "tcp-env: ALL: setenv = RELAYCLIENT @fixme", 1,
         "adds to each recipient"},
        {RELAY_READ_HOSTS_ALLOW, "tcp-env: ALL: setenv", 1, "names no variable"},
        {RELAY_READ_HOSTS_ALLOW, "tcp-env: ALL: frobnicate", 1, "no option 'frobnicate'"},
        {RELAY_READ_HOSTS_ALLOW, "tcp-env: 192.0.2.1/255.0.255.0: deny", 1, "is no address"},
        {RELAY_READ_HOSTS_ALLOW, "tcp-env: ALL EXCEPT .a.example: setenv = RELAYCLIENT", 1,
         "an exception that hangs on names"},
        {RELAY_READ_HOSTS_ALLOW, "ALL EXCEPT sshd: 10.: setenv = RELAYCLIENT", 1, "hangs on"},
        {RELAY_READ_HOSTS_ALLOW, "tcp-env: 10.: aclexec /x: setenv = RELAYCLIENT", 1, "hangs on"},
        {RELAY_READ_HOSTS_ALLOW, "tcp-env: /etc/clients: setenv = RELAYCLIENT", 1,
         "put the lines of that file"},
        {RELAY_READ_HOSTS_ALLOW, "tcp-env: 10. : deny \\", 1, "ends behind a backslash"},
        {RELAY_READ_ACCESS, "192.0.2.1", 1, "no action"},
        {RELAY_READ_ACCESS, "192.0.2.1 FROBNICATE", 1, "no action of an access file"},
        {RELAY_READ_ACCESS, "192.0.2.1 RELAY now", 1, "behind RELAY"},
        {RELAY_READ_ACCESS, "192.0.2.0/24 RELAY", 1, "cidr:"},
        {RELAY_READ_ACCESS, "192.0.2.0/24 REJECT", 1, "cidr:"},
        {RELAY_READ_ACCESS, "Connect: REJECT", 1, "nothing behind the tag"},
        {RELAY_READ_ACCESS, "@a.example REJECT", 1, "is no address"},
        {RELAY_READ_ACCESS, "192.0.2.1 450 5.7.1 x", 1, "does not suit"},
        {RELAY_READ_ACCESS, "192.0.2.1 ERROR:4.7.1:550 x", 1, "does not suit"},
        {RELAY_READ_ACCESS, "To:a..example RELAY", 1, "is no domain"},
        {RELAY_READ_ACCESS_FROM, "a/b REJECT", 1, "cidr:"},
        {RELAY_READ_CIDR, "192.0.2.1/24 OK", 1, "is no address"},
        {RELAY_READ_CIDR, "a.example OK", 1, "is no address"},
        {RELAY_READ_CIDR, "endif", 1, "endif without if"},
        {RELAY_READ_CIDR, "if 10.0.0.0/8\n10.0.0.1 OK\n", 1, "if without endif"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct relay_policy *p = relay_policy_new(NULL);
        struct relay_fault fault = {0};
        size_t notes, more;
        struct relay_counts n;
        int r = relay_policy_read(p, cases[i].kind, span_str(cases[i].text), "file", &fault);

        relay_policy_notes(p, &notes, &more);
        if (r != RELAY_BAD || fault.line != cases[i].line || !strstr(fault.why, cases[i].why)) {
            fail_msg("%s: %d, line %u: %s", cases[i].text, r, fault.line, fault.why);
        }
        assert_int_equal(notes, 0);
        relay_policy_seal(p);
        n = relay_policy_counts(p);
        assert_int_equal(n.domains + n.networks + n.access, 0);
        relay_policy_free(&p);
    }
}

/* A file that is cut anywhere is taken whole, or refused with a line that it has. */
static void test_cut(void **state)
{
    static const char text[] =
        "if 192.0.2.0/24\n192.0.2.7 RELAY\nendif\n10.0.0.0/8 450\n  4.7.1 x\n";

    for (size_t n = 0; n <= strlen(text); n++) {
        struct relay_policy *p = relay_policy_new(NULL);
        struct relay_fault fault = {0};
        int r = relay_policy_read(p, RELAY_READ_CIDR, span_of(text, n), "file", &fault);

        assert_true(r == 0 || r == RELAY_BAD);
        assert_true(r == 0 || (fault.line >= 1 && fault.line <= 6));
        relay_policy_free(&p);
    }
}

static void test_limits(void **state)
{
    struct buf text = BUF_INIT(RELAY_LINE_MAX * 2);
    struct relay_policy *p = relay_policy_new(NULL);
    struct relay_fault fault;
    size_t notes, more;

    /* A line of the most octets, and of one more. */
    buf_add_str(&text, "192.0.2.1 REJECT ");
    while (text.n < RELAY_LINE_MAX)
        buf_add_char(&text, 'x');
    assert_int_equal(relay_policy_read(p, RELAY_READ_ACCESS, buf_span(&text), "f", &fault), 0);
    buf_add_char(&text, 'x');
    assert_int_equal(relay_policy_read(p, RELAY_READ_ACCESS, buf_span(&text), "f", &fault),
                     RELAY_BAD);
    /* The same over two lines: a blank joins them. */
    buf_truncate(&text, RELAY_LINE_MAX - 2);
    buf_add_str(&text, "\n y");
    assert_int_equal(relay_policy_read(p, RELAY_READ_ACCESS, buf_span(&text), "f", &fault), 0);
    buf_add_char(&text, 'y');
    assert_int_equal(relay_policy_read(p, RELAY_READ_ACCESS, buf_span(&text), "f", &fault),
                     RELAY_BAD);
    buf_deinit(&text);
    /* So many conditions, and one more. */
    for (int depth = RELAY_NESTING_MAX; depth <= RELAY_NESTING_MAX + 1; depth++) {
        buf_init(&text, 4000);
        for (int i = 0; i < depth; i++)
            buf_add_str(&text, "if 10.0.0.0/8\n");
        for (int i = 0; i < depth; i++)
            buf_add_str(&text, "endif\n");
        assert_int_equal(relay_policy_read(p, RELAY_READ_CIDR, buf_span(&text), "f", &fault),
                         depth > RELAY_NESTING_MAX ? RELAY_BAD : 0);
        buf_deinit(&text);
    }
    /* So many notes are kept, and no more. */
    buf_init(&text, 1 << 16);
    for (int i = 0; i < RELAY_NOTES_MAX + 3; i++)
        buf_add_str(&text, "=x:allow\n");
    assert_int_equal(relay_policy_read(p, RELAY_READ_TCPRULES, buf_span(&text), "f", &fault), 0);
    relay_policy_notes(p, &notes, &more);
    assert_int_equal(notes, RELAY_NOTES_MAX);
    assert_int_equal(more, 3);
    buf_deinit(&text);
    relay_policy_free(&p);
}

static void test_settings(void **state)
{
    static const struct {
        int (*add)(struct relay_policy *p, struct span text, struct relay_place place,
                   struct relay_fault *fault);
        const char *text;
        const char *why; /* NULL: right */
    } cases[] = {
        {relay_policy_add_domain, "a.example", NULL},
        {relay_policy_add_domain, ".a.example routes deliberate", NULL},
        {relay_policy_add_domain, "* deliberate", NULL},
        {relay_policy_add_domain, "", "is empty"},
        {relay_policy_add_domain, "a.example b.example", "is no mark"},
        {relay_policy_add_domain, "..a.example", "is no domain"},
        {relay_policy_add_domain, "a.example.", "is no domain"},
        {relay_policy_add_domain, "[192.0.2.1]", "is no domain"},
        {relay_policy_add_network, "192.0.2.0/24 deliberate", NULL},
        {relay_policy_add_network, "!2001:db8::1", NULL},
        {relay_policy_add_network, "192.0.2.0/24 routes", "is no mark"},
        {relay_policy_add_network, "192.0.2.1/24", "is no address"},
        {relay_policy_add_network, "localhost", "is no address"},
        {relay_policy_add_cert,
         "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:"
         "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:FF",
         NULL},
        {relay_policy_add_cert,
         "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:"
         "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee.FF",
         "is no SHA-256"},
        {relay_policy_add_cert, "0011", "is no SHA-256"},
        {relay_policy_add_cert, "g0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
         "is no SHA-256"},
        {relay_policy_add_literal, "192.0.2.1", NULL},
        {relay_policy_add_literal, "192.0.2.1 x", "is no IP address"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct relay_policy *p = relay_policy_new(NULL);
        struct relay_fault fault = {0};
        int r = cases[i].add(p, span_str(cases[i].text), (struct relay_place){"conf", 7}, &fault);

        if (r != (cases[i].why ? RELAY_BAD : 0) ||
            (cases[i].why && (!strstr(fault.why, cases[i].why) || fault.line != 7)))
            fail_msg("%s: %d, line %u: %s", cases[i].text, r, fault.line, fault.why);
        relay_policy_free(&p);
    }
}

/* "!" wins over the same prefix, whichever stands first. */
static void test_taken_out(void **state)
{
    static const char *const orders[][3] = {{"192.0.2.1", "!192.0.2.1", "198.51.100.1"},
                                            {"!192.0.2.1", "198.51.100.1", "192.0.2.1"}};

    for (size_t i = 0; i < 2; i++) {
        struct relay_policy *p = relay_policy_new(NULL);
        struct relay_fault fault;
        struct relay_place place;
        struct ip in = {.family = IP_V4, .b = {192, 0, 2, 1}};
        struct ip other = {.family = IP_V4, .b = {198, 51, 100, 1}};

        for (unsigned k = 0; k < 3; k++)
            assert_int_equal(relay_policy_add_network(p, span_str(orders[i][k]),
                                                      (struct relay_place){"conf", k}, &fault),
                             0);
        assert_int_equal(relay_policy_seal(p), 0);
        assert_false(relay_policy_trusts(p, in, &place));
        assert_true(relay_policy_trusts(p, other, &place));
        relay_policy_free(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),       cmocka_unit_test(test_tcprules),
        cmocka_unit_test(test_hosts_allow), cmocka_unit_test(test_access),
        cmocka_unit_test(test_bad),         cmocka_unit_test(test_cut),
        cmocka_unit_test(test_limits),      cmocka_unit_test(test_settings),
        cmocka_unit_test(test_taken_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
