/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The personas that come with Postern, each over the real SMTP machine: no line of the machine's
 * own voice may be left, and every reply must be in the product's words.
 */
#include "decoy/persona.h"

#include "smtp/server.h"
#include "source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct personas all;
static size_t hello_at = SIZE_MAX;

static enum smtp_now on_hello(void *owner, struct smtp_server *s, struct smtp_say *ret)
{
    if (s->esmtp)
        hello_at = s->out.n;
    return SMTP_NOW;
}

static enum smtp_now on_path(void *owner, struct smtp_server *s, const struct smtp_command *cmd,
                             struct smtp_say *ret)
{
    *ret = (struct smtp_say){250, NULL, "owner's"};
    return SMTP_NOW;
}

static bool on_chunk(void *owner, struct smtp_server *s, struct span text)
{
    return true;
}

static enum smtp_now on_end(void *owner, struct smtp_server *s, struct smtp_say *ret)
{
    *ret = (struct smtp_say){250, NULL, "owner's"};
    return SMTP_NOW;
}

static const struct smtp_server_ops ops = {
    .hello = on_hello, .mail = on_path, .rcpt = on_path, .chunk = on_chunk, .end = on_end};

static void load(void)
{
    struct rows_error err = {0};

    if (personas_read(source_text("data/personas/personas.rows"), &all, &err) != 0)
        fail_msg("line %u: %s", err.line, err.why);
}

/* Says one line to the machine; what comes back in the persona's words is in *out. */
static void say(struct smtp_server *s, const struct persona *p, const struct persona_words *w,
                const char *line, struct buf *out)
{
    struct buf in = BUF_INIT(4096);

    hello_at = SIZE_MAX;
    buf_addf(&in, "%s\r\n", line);
    smtp_server_feed(s, buf_span(&in), 0);
    buf_clear(out);
    persona_reword(p, w, buf_span(&s->out), hello_at, out);
    buf_clear(&s->out);
    buf_deinit(&in);
}

static void start(struct smtp_server *s, const struct smtp_server_config *c)
{
    smtp_server_init(s, c, &ops, NULL, (struct ip){IP_V4, {192, 0, 2, 7}});
    smtp_server_start(s, 0);
    buf_clear(&s->out);
}

static const struct persona_words words = {.host = "mx.example.org",
                                           .client = {IP_V4, {192, 0, 2, 7}},
                                           .helo = {"there", 5},
                                           .id = "ID7",
                                           .date_wall = 1772366400,
                                           .tls = true};

static void shipped_personas_hide_the_machine(void **state)
{
    static const struct {
        const char *line;
        enum persona_line want;
    } talk[] = {
        {"MAIL FROM:<a@b>", PERSONA_NEEDS_HELO},
        {"WHAT", PERSONA_UNKNOWN},
        {"HELO there", PERSONA_LINES},
        {"RCPT TO:<a@b>", PERSONA_NEEDS_MAIL},
        {"DATA", PERSONA_NEEDS_MAIL},
        {"NOOP", PERSONA_RESET},
        {"MAIL FROM:<a@b>", PERSONA_LINES},
        {"DATA", PERSONA_NEEDS_RCPT},
        {"RSET", PERSONA_RESET},
        {"TURN", PERSONA_UNKNOWN},
        {"QUIT", PERSONA_QUIT},
    };

    for (size_t i = 0; i < all.count; i++) {
        const struct persona *p = &all.v[i];
        struct smtp_server_config c = {.name = "mx.example.org", .ext = p->ext, .any_path = true};
        struct smtp_server s;
        struct buf out = BUF_INIT(1 << 16), want = BUF_INIT(1 << 16);

        print_message("# %s\n", p->id);
        start(&s, &c);
        for (size_t k = 0; k < sizeof(talk) / sizeof(talk[0]); k++) {
            say(&s, p, &words, talk[k].line, &out);
            if (talk[k].want == PERSONA_LINES)
                continue;
            buf_clear(&want);
            persona_fill(p, talk[k].want, &words, &want);
            buf_add_str(&want, "\r\n");
            assert_string_equal(buf_str(&out), buf_str(&want));
        }
        smtp_server_deinit(&s);
        buf_deinit(&out);
        buf_deinit(&want);
    }
}

static void hello_is_the_products(void **state)
{
    const struct persona *p = personas_find(&all, "sendmail");
    struct smtp_server_config c = {.name = "mx.example.org", .ext = p->ext};
    struct persona_words w = words;
    struct smtp_server s;
    struct buf out = BUF_INIT(1 << 16);

    start(&s, &c);
    say(&s, p, &w, "EHLO there", &out);
    assert_string_equal(buf_str(&out),
                        "250-mx.example.org Hello there [192.0.2.7], pleased to meet you\r\n"
                        "250-ENHANCEDSTATUSCODES\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE\r\n"
                        "250-DSN\r\n250-ETRN\r\n250-STARTTLS\r\n250-DELIVERBY\r\n250 HELP\r\n");
    w.tls_on = true;
    say(&s, p, &w, "EHLO there", &out);
    assert_null(strstr(buf_str(&out), "STARTTLS"));
    smtp_server_deinit(&s);
    buf_deinit(&out);
}

/* Octets that are not the hello's pass beside it, before and behind. */
static void hello_within_a_batch(void **state)
{
    const struct persona *p = personas_find(&all, "postfix");
    struct buf out = BUF_INIT(1 << 16);
    static const char said[] = "250 2.0.0 Ok\r\n250-x Hello\r\n250 SIZE\r\n452 full\r\n";

    persona_reword(p, &words, SPAN_LIT(said), 14, &out);
    assert_int_equal(strncmp(buf_str(&out), "250 2.0.0 Ok\r\n250-mx.example.org\r\n250-PIPE", 41),
                     0);
    assert_string_equal(buf_str(&out) + out.n - 24, "250 CHUNKING\r\n452 full\r\n");
    buf_deinit(&out);
}

static void words_of_strangers(void **state)
{
    struct persona p = {
        .lines = {[PERSONA_MAIL] = (char *)(uintptr_t) "250 2.1.0 <{mail}>\\n{date} {odd}"}};
    struct persona_words w = words;
    struct buf out = BUF_INIT(4096);
    char enhanced[12];

    w.mail = SPAN_LIT("<a\r\n250 b@c>");
    assert_int_equal(persona_say(&p, PERSONA_MAIL, &w, &out, enhanced), 250);
    assert_string_equal(enhanced, "2.1.0");
    assert_string_equal(buf_str(&out), "<a??250?b@c>\nSun, 1 Mar 2026 12:00:00 +0000 {odd}");
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shipped_personas_hide_the_machine),
        cmocka_unit_test(hello_is_the_products),
        cmocka_unit_test(hello_within_a_batch),
        cmocka_unit_test(words_of_strangers),
    };
    int failed;

    load();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    personas_deinit(&all);
    return failed;
}
