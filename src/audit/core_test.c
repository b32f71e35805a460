/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The core without any MTA's interpreter: lines, files, doors, joins, verdicts. */
#include "audit/audit_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void lines_keep_their_numbers(void **state)
{
    static const struct {
        const char *name;
        enum audit_lines_style style;
        const char *in, *out; /* "first-last:text|" each */
    } cases[] = {
        {"plain", AUDIT_LINES_PLAIN, "a\n\nb\r\nc", "1-1:a|3-3:b|4-4:c|"},
        {"blank", AUDIT_LINES_BLANK, "a\n b\n# c\n\n\td\ne\n", "1-5:a b\td|6-6:e|"},
        {"blank, comment first", AUDIT_LINES_BLANK, "# x\n  # y\na = 1\n", "3-3:a = 1|"},
        {"blank, nothing", AUDIT_LINES_BLANK, "\n\n#\n", ""},
        {"backslash", AUDIT_LINES_BACKSLASH, "a = b : \\\n  # no\n   c\nd\n",
         "1-3:a = b : c|4-4:d|"},
        {"backslash at the end", AUDIT_LINES_BACKSLASH, "a \\", "1-1:a |"},
        {"tab", AUDIT_LINES_TAB, "R$*\t$1\n\tx\n#c\nSfoo\n", "1-2:R$*\t$1\n\tx|4-4:Sfoo|"},
        {"byte order mark", AUDIT_LINES_PLAIN,
         "\xEF\xBB\xBF"
         "a\n",
         "1-1:a|"},
    };
    struct audit_files files = audit_files_memory(&(struct audit_memory){0});

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct audit *a = audit_new(&files);
        struct audit_source_file f = {"f", span_str(cases[i].in)};
        struct buf out = BUF_INIT(1000);
        struct audit_lines r;
        struct audit_line line;

        audit_lines_open(&r, a, cases[i].style, &f);
        while (audit_lines_next(&r, &line)) {
            buf_addf(&out, "%u-%u:", line.first, line.last);
            buf_add(&out, line.text);
            buf_add_char(&out, '|');
        }
        if (strcmp(buf_str(&out), cases[i].out) != 0)
            print_error("case: %s\n", cases[i].name);
        assert_string_equal(buf_str(&out), cases[i].out);
        buf_deinit(&out);
        audit_free(&a);
    }
}

static void a_joined_byte_knows_its_line(void **state)
{
    struct audit_files files = audit_files_memory(&(struct audit_memory){0});
    struct audit *a = audit_new(&files);
    struct audit_source_file f = {"f", SPAN_LIT("x = one,\n  two,\n# no\n  three\n")};
    struct audit_lines r;
    struct audit_line line;

    audit_lines_open(&r, a, AUDIT_LINES_BLANK, &f);
    assert_true(audit_lines_next(&r, &line));
    assert_int_equal(audit_line_of(&line, line.text.p), 1);
    assert_int_equal(
        audit_line_of(&line, line.text.p + span_find_nocase(line.text, SPAN_LIT("two"))), 2);
    assert_int_equal(
        audit_line_of(&line, line.text.p + span_find_nocase(line.text, SPAN_LIT("three"))), 4);
    audit_free(&a);
}

/* --- files ------------------------------------------------------------------------------------ */

static struct audit *with(struct audit_files *files, struct audit_memory *m)
{
    *files = audit_files_memory(m);
    return audit_new(files);
}

static void a_copy_is_never_this_machine(void **state)
{
    static const struct audit_memory_file v[] = {
        {"/etc/x/a", "machine"},    {"copy/a", "copy"},       {"copy/sub/b", "b"},
        {"/etc/x/only", "machine"}, {"img/etc/x/d", "image"}, {"img/srv/e", "image"},
        {"/t/confs/x/y", "beside"}, {"/t/aux/y", "literal"},
    };
    static const struct {
        const char *name, *to, *ask, *want; /* NULL: missing */
        bool whole;
    } cases[] = {
        {"below the alias", "copy", "/etc/x/a", "copy"},
        {"by the last part", "copy", "/elsewhere/a", "copy"},
        {"only on the machine", "copy", "/etc/x/only", NULL},
        {"in a folder of it", "copy", "/etc/x/sub/b", "b"},
        {"as given", "copy", "copy/sub/b", "b"},
        {"the machine's own place", "/etc/x", "/etc/x/only", "machine"},
        {"/var is no place of its own", "/var/tmp/c", "/etc/x/only", NULL},
        {"a spool is", "/var/spool/c", "/etc/x/only", "machine"},
        {"a whole system", "img/etc/x", "/srv/e", "image"},
        {"a whole system, below the alias", "img/etc/x", "/etc/x/d", "image"},
        {"a copy: by the last part first", "/t/confs/x", "/t/aux/y", "beside"},
        {"below --root a name means itself", "/t/confs/x", "/t/aux/y", "literal", .whole = true},
        {"and is not looked for elsewhere", "/t/confs/x", "/srv/y", NULL, .whole = true},
    };
    struct audit_memory m = {v, sizeof(v) / sizeof(v[0])};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct audit_files files;
        struct audit *a = with(&files, &m);
        struct audit_source_file f;
        enum audit_file got;

        if (cases[i].whole)
            audit_whole(a);
        audit_alias(a, "/etc/x", cases[i].to);
        got = audit_text(a, cases[i].ask, &f);
        if ((got == AUDIT_FILE_OK) != (cases[i].want != NULL))
            print_error("case: %s\n", cases[i].name);
        assert_int_equal(got, cases[i].want ? AUDIT_FILE_OK : AUDIT_FILE_MISSING);
        if (cases[i].want)
            assert_true(span_eq(f.text, span_str(cases[i].want)));
        audit_free(&a);
    }
}

static void folders_are_listed_in_order(void **state)
{
    static const struct audit_memory_file v[] = {{"d/b", "1"}, {"d/a", "2"}, {"d/c/e", "3"}};
    struct audit_memory m = {v, 3};
    struct audit_files files;
    struct audit *a = with(&files, &m);
    const char *const *names;
    size_t count;

    assert_int_equal(audit_folder(a, "d", &names, &count), AUDIT_FILE_OK);
    assert_int_equal(count, 3);
    assert_string_equal(names[0], "a");
    assert_string_equal(names[1], "b");
    assert_string_equal(names[2], "c");
    assert_int_equal(audit_folder(a, "nowhere", &names, &count), AUDIT_FILE_MISSING);
    assert_true(audit_there(a, "d/a"));
    assert_false(audit_there(a, "d"));
    audit_free(&a);
}

static void limits_hold_at_their_edge(void **state)
{
    char *big = malloc(AUDIT_FILE_MAX + 2);
    struct audit_memory_file v[] = {
        {"fits", big, AUDIT_FILE_MAX}, {"over", big, AUDIT_FILE_MAX + 1}, {"binary", "a\0b", 3}};
    struct audit_memory m = {v, 3};
    struct audit_files files;
    struct audit *a = with(&files, &m);
    struct audit_source_file f;
    struct audit_lines r;
    struct audit_line line;

    assert_non_null(big);
    memset(big, 'x', AUDIT_FILE_MAX + 2);
    assert_int_equal(audit_text(a, "fits", &f), AUDIT_FILE_OK);
    assert_int_equal(audit_text(a, "over", &f), AUDIT_FILE_LARGE);
    assert_int_equal(audit_text(a, "binary", &f), AUDIT_FILE_BINARY);

    f = (struct audit_source_file){"f", span_of(big, AUDIT_LINE_MAX)};
    audit_lines_open(&r, a, AUDIT_LINES_PLAIN, &f);
    assert_true(audit_lines_next(&r, &line));
    assert_string_equal(audit_error(a), "");
    f.text.n++;
    audit_lines_open(&r, a, AUDIT_LINES_PLAIN, &f);
    assert_false(audit_lines_next(&r, &line));
    assert_non_null(strstr(audit_error(a), "f:1: "));
    audit_free(&a);
    free(big);
}

static void files_are_counted(void **state)
{
    static const struct audit_memory_file v[] = {{"last", "x"}};
    struct audit_memory m = {v, 1};
    struct audit_files files;
    struct audit *a = with(&files, &m);
    struct audit_source_file f;

    for (unsigned i = 0; i < AUDIT_FILES_MAX - 1; i++)
        assert_int_equal(audit_text(a, audit_fmt(a, "f%u", i), &f), AUDIT_FILE_MISSING);
    assert_int_equal(audit_text(a, "last", &f), AUDIT_FILE_OK);
    assert_int_equal(audit_text(a, "one-more", &f), AUDIT_FILE_LIMIT);
    audit_free(&a);
}

/* --- doors ------------------------------------------------------------------------------------ */

static struct ip_prefix net(const char *text)
{
    struct ip_prefix p;

    assert_true(ip_prefix_parse(span_str(text), &p));
    return p;
}

static void strangers_keep_out_of_narrow_networks(void **state)
{
    static const char *const named[] = {"203.0.113.0/24", "198.51.100.0/24", "45.0.0.0/8",
                                        "2001:db8::/32", "10.0.0.0/8"};
    struct audit_files files = audit_files_memory(&(struct audit_memory){0});
    struct audit *a = audit_new(&files);
    struct relay_nets nets = {0};
    struct ip *v;
    size_t count, in_wide = 0;

    for (size_t i = 0; i < 5; i++)
        assert_int_equal(relay_nets_add(&nets, net(named[i])), 0);
    assert_int_equal(audit_strangers(a, &nets, &v, &count), 0);
    for (size_t i = 0; i < count; i++) {
        assert_int_not_equal(ip_space(v[i]), IP_PRIVATE);
        for (size_t k = 0; k < 5; k++)
            if (k != 2)
                assert_false(ip_prefix_has(net(named[k]), v[i]));
        in_wide += ip_prefix_has(net("45.0.0.0/8"), v[i]);
    }
    assert_int_equal(in_wide, 1);
    free(v);
    /* What is the operator's own has no strangers. */
    audit_host_own(a, net("45.0.0.0/8"));
    assert_int_equal(audit_strangers(a, &nets, &v, &count), 0);
    for (size_t i = 0; i < count; i++)
        assert_false(ip_prefix_has(net("45.0.0.0/8"), v[i]));
    free(v);
    relay_nets_deinit(&nets);
    audit_free(&a);
}

static void bindings(void **state)
{
    static const struct {
        const char *host;
        enum audit_bind bind;
    } cases[] = {
        {"", AUDIT_BIND_ANY},
        {"*", AUDIT_BIND_ANY},
        {"0.0.0.0", AUDIT_BIND_ANY},
        {"[::]", AUDIT_BIND_ANY},
        {"127.0.0.1", AUDIT_BIND_LOOPBACK},
        {"[::1]", AUDIT_BIND_LOOPBACK},
        {"localhost", AUDIT_BIND_LOOPBACK},
        {"10.1.2.3", AUDIT_BIND_PRIVATE},
        {"203.0.113.5", AUDIT_BIND_PUBLIC},
        {"/run/x", AUDIT_BIND_LOCAL},
        {"mx.own.example", AUDIT_BIND_ANY},
    };
    struct ip ip;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(audit_bind_of(span_str(cases[i].host), &ip), cases[i].bind);
}

/* --- verdicts --------------------------------------------------------------------------------- */

static const struct audit_kind some = {.name = "some", .title = "Some", .restart = "restart it"};

static void verdicts(void **state)
{
    static const struct {
        const char *name;
        enum audit_severity s[2];
        bool undecided[2], certain[2];
        size_t count;
        const char *word;
        int exit;
    } cases[] = {
        {"none", {0}, {0}, {0}, 0, "clean", 0},
        {"a note", {AUDIT_NOTE}, {0}, {0}, 1, "clean", 0},
        {"latent", {AUDIT_LATENT}, {0}, {0}, 1, "latent", 1},
        {"half open", {AUDIT_HALF_OPEN, AUDIT_LATENT}, {0}, {0}, 2, "half-open", 1},
        {"nat, perhaps", {AUDIT_NAT}, {0}, {0}, 1, "nat", 1},
        {"nat, for sure", {AUDIT_NAT}, {0}, {true}, 1, "nat", 2},
        {"forged", {AUDIT_FORGED}, {0}, {0}, 1, "forged-sender", 2},
        {"open and undecided", {AUDIT_OPEN, AUDIT_OPEN}, {false, true}, {0}, 2, "open", 2},
        {"undecided", {AUDIT_OPEN}, {true}, {0}, 1, "undecided", 3},
        {"undecided, worse than what is known",
         {AUDIT_OPEN, AUDIT_LATENT},
         {true},
         {0},
         2,
         "undecided",
         3},
        {"undecided, no worse", {AUDIT_LATENT, AUDIT_NAT}, {true}, {0}, 2, "nat", 1},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct audit_files files = audit_files_memory(&(struct audit_memory){0});
        struct audit *a = audit_new(&files);
        struct audit_verdict v;

        for (size_t k = 0; k < cases[i].count; k++) {
            struct audit_finding *f =
                audit_find(a, k ? "B" : "A", cases[i].s[k], NULL, (struct audit_place){0});

            f->undecided = cases[i].undecided[k];
            f->certain = cases[i].certain[k];
        }
        audit_settle(a);
        audit_verdict(a, &v);
        if (strcmp(audit_verdict_name(&v), cases[i].word) != 0 || v.exit != cases[i].exit)
            print_error("case: %s\n", cases[i].name);
        assert_string_equal(audit_verdict_name(&v), cases[i].word);
        assert_int_equal(v.exit, cases[i].exit);
        audit_free(&a);
    }
}

static void one_fault_at_two_doors_is_one(void **state)
{
    struct audit_files files = audit_files_memory(&(struct audit_memory){0});
    struct audit *a = audit_new(&files);
    const struct audit_finding *const *v;
    size_t count;

    for (unsigned port = 25; port <= 28; port++) {
        struct audit_door *d =
            audit_door(a, &some, "x", port, AUDIT_BIND_ANY, (struct audit_place){"f", port});
        struct audit_finding *f = audit_find(a, "A", port >= 27 ? AUDIT_OPEN : AUDIT_LATENT, d,
                                             (struct audit_place){"g", 7});

        f->why = "it is so";
        f->witness = audit_witness(d, audit_stranger(NULL, IP_V4), NULL, NULL);
    }
    audit_settle(a);
    v = audit_findings(a, &count);
    assert_int_equal(count, 2);
    assert_int_equal(v[0]->severity, AUDIT_OPEN);
    assert_string_equal(v[0]->ports, "27, 28");
    assert_string_equal(v[0]->restart, "restart it");
    assert_string_equal(v[0]->prove, "--own --ports 27 --rcpt '<{u}@{d}>' HOST");
    /* No port is called worse than it is. */
    assert_int_equal(v[1]->severity, AUDIT_LATENT);
    assert_string_equal(v[1]->ports, "25, 26");
    audit_free(&a);
}

static void proofs_of_witnesses(void **state)
{
    static const struct {
        struct audit_witness w;
        const char *want;
    } cases[] = {
        {{.mail = "boss@own.example", .rcpt = {AUDIT_VICTIM}},
         "--own --from '<boss@own.example>' --rcpt '<{u}@{d}>' HOST"},
        {{.mail = AUDIT_SPAMMER, .rcpt = {"victim%elsewhere.example@own.example"}},
         "--own --rcpt '<{u}%{d}@own.example>' --local-domain 'own.example' HOST"},
        {{.mail = "it's@own.example", .rcpt = {AUDIT_VICTIM}},
         "--own --from '<it'\\''s@own.example>' --rcpt '<{u}@{d}>' HOST"},
        {{.mail = AUDIT_SPAMMER, .rcpt = {AUDIT_VICTIM}, .proxy = "XCLIENT ADDR=127.0.0.1"},
         "--own --family xclient HOST"},
        {{.mail = AUDIT_SPAMMER, .rcpt = {"postmaster@own.example", AUDIT_VICTIM}},
         "--own --set standard --only '*after-local' --local-rcpt 'postmaster@own.example' HOST"},
        {{.mail = AUDIT_SPAMMER, .rcpt = {"anyone@" AUDIT_MX_DOMAIN}},
         "--own --family mx-backup HOST"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct audit_files files = audit_files_memory(&(struct audit_memory){0});
        struct audit *a = audit_new(&files);
        struct audit_finding *f = audit_find(a, "A", AUDIT_OPEN, NULL, (struct audit_place){0});

        f->witness = cases[i].w;
        f->witness.client = audit_stranger(NULL, IP_V4);
        audit_settle(a);
        assert_string_equal(f->prove, cases[i].want);
        audit_free(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_keep_their_numbers),
        cmocka_unit_test(a_joined_byte_knows_its_line),
        cmocka_unit_test(a_copy_is_never_this_machine),
        cmocka_unit_test(folders_are_listed_in_order),
        cmocka_unit_test(limits_hold_at_their_edge),
        cmocka_unit_test(files_are_counted),
        cmocka_unit_test(strangers_keep_out_of_narrow_networks),
        cmocka_unit_test(bindings),
        cmocka_unit_test(verdicts),
        cmocka_unit_test(one_fault_at_two_doors_is_one),
        cmocka_unit_test(proofs_of_witnesses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
