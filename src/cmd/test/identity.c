/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who tests: the probe domain, our name, and whom to ask. Whoever looks at a probe in his log or
 * his mail must find out who sent it and why, and how to make it stop.
 */
#include "cmd/test/test.h"

#include "io/idn.h"
#include "mail/build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *joined(const char *a, const char *b)
{
    struct buf text = BUF_INIT(2000);
    char *s;

    buf_addf(&text, "%s%s", a, b);
    s = buf_take(&text);
    buf_deinit(&text);
    return s;
}

/* "me+@example.net": the token goes behind the plus. */
static int address_split(struct test *t, struct span *ret_domain)
{
    struct span whole = span_str(t->args.probe_address);
    size_t at = span_rfind(whole, '@');
    struct span local = span_slice(whole, 0, at);

    if (at == whole.n || local.n == 0 || at + 1 == whole.n)
        return options_misuse(&args_options, "--probe-address: \"%s\" is not like me+@example.net",
                              t->args.probe_address);
    if (local.p[local.n - 1] != '+' && local.p[local.n - 1] != '-')
        return options_misuse(&args_options,
                              "--probe-address: the local part must end in + (or -), behind which "
                              "your mail system takes any word: me+@example.net");
    if (local.n + TOKEN_TEXT > SMTP_LOCAL_MAX)
        return options_misuse(&args_options, "--probe-address: more than %d letters before the @",
                              SMTP_LOCAL_MAX - TOKEN_TEXT);
    t->prefix = span_dup(local);
    *ret_domain = span_slice(whole, at + 1, whole.n);
    return t->prefix ? 0 : TEST_EXIT_SOFTWARE;
}

static int domain_setup(struct test *t)
{
    struct span domain = span_str(t->args.probe_domain);
    char ascii[IDN_NAME_MAX];
    int bad = 0;

    if (t->args.probe_address)
        bad = address_split(t, &domain);
    if (bad)
        return bad;
    if (domain.n == 0)
        return options_misuse(&args_options,
                              "no probe domain: give --probe-domain (a domain whose mail comes to "
                              "you) or --probe-address (a mailbox of yours with a plus)");
    if (!idn_to_ascii(domain, ascii) || span_find(span_str(ascii), '.') == strlen(ascii))
        return options_misuse(&args_options, "\"%.*s\" is no domain name", SPAN_ARG(domain));
    t->domain = span_dup(span_str(ascii));
    return t->domain ? 0 : TEST_EXIT_SOFTWARE;
}

/* Our name in HELO: given, or the machine's if it is a full one, or the probe domain. */
static int helo_setup(struct test *t)
{
    const char *name = t->args.name;
    char ascii[IDN_NAME_MAX];

    if (gethostname(t->tester, sizeof(t->tester)) < 0)
        t->tester[0] = '\0';
    t->tester[sizeof(t->tester) - 1] = '\0';
    if (!name)
        name = strchr(t->tester, '.') ? t->tester : t->domain;
    if (!t->tester[0])
        snprintf(t->tester, sizeof(t->tester), "%s", t->domain);
    if (!idn_to_ascii(span_str(name), ascii))
        return options_misuse(&args_options, "--name: \"%s\" is no host name", name);
    t->helo = span_dup(span_str(ascii));
    return t->helo ? 0 : TEST_EXIT_SOFTWARE;
}

/*
 * Every probe carries these; what cannot stand in a message is better said now than at the first
 * one.
 */
static int message_check(const struct test *t)
{
    static const struct build_token token = {.text = {"x", 1}, .label = {"x", 1}};
    struct build b = {
        .from = SPAN_LIT("a@b.example"),
        .to = SPAN_LIT("a@b.example"),
        .message_id = SPAN_LIT("a@b.example"),
        .run = SPAN_LIT("1"),
        .target = SPAN_LIT("b.example"),
        .tester = span_str(t->helo),
        .contact = span_str(t->contact),
        .uri = span_str(t->uri),
        .opt_out = span_str(t->opt_out),
        .tokens = &token,
        .token_count = 1,
    };
    struct buf out = BUF_INIT(BUILD_MESSAGE_MAX);
    const char *which = "";
    int got = build_message(&b, &out, &which);

    buf_deinit(&out);
    if (got == BUILD_OK)
        return 0;
    if (got == BUILD_BAD_VALUE)
        return options_misuse(&args_options,
                              "--%s: this cannot stand in a message: an address without brackets, "
                              "or a URI, printable, without blanks",
                              strcmp(which, "tester") == 0 ? "name" : which);
    complain("out of memory");
    return TEST_EXIT_SOFTWARE;
}

int identity_setup(struct test *t)
{
    int bad = domain_setup(t);

    if (!bad)
        bad = helo_setup(t);
    if (bad)
        return bad;
    t->contact =
        t->args.contact ? span_dup(span_str(t->args.contact)) : joined("postmaster@", t->domain);
    t->uri = t->args.uri ? span_dup(span_str(t->args.uri)) : joined("mailto:", t->contact);
    t->opt_out = span_dup(span_str(t->args.opt_out ? t->args.opt_out : t->contact));
    return t->contact && t->uri && t->opt_out ? message_check(t) : TEST_EXIT_SOFTWARE;
}
