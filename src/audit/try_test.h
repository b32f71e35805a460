/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs configurations through the auditor and compares what it says: for the tests of interpreters.
 *
 *     static const struct try_case cases[] = {
 *         {"the whole world", {{"/etc/postfix/main.cf", "mynetworks = 0.0.0.0/0\n"}},
 *          "PF05:open:1"},
 *     };
 *     try_cases(cases, sizeof(cases) / sizeof(cases[0]), "/etc/postfix");
 *
 * `expect` has each finding that counts, worst first, as ID:severity:line; "" is a clean bill. A
 * case that begins with "!" is an error, and the rest is a part of its text. For tests only.
 */
#ifndef POSTERN_AUDIT_TRY_TEST_H
#define POSTERN_AUDIT_TRY_TEST_H

#include "audit/audit.h"
#include "base/buf.h"
#include "base/num.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { TRY_FILES = 8 };

struct try_case {
    const char *name;
    struct audit_memory_file files[TRY_FILES];
    const char *expect;
    const char *path; /* one or several; NULL: the default of try_cases() */
    const char *kind;
    /* Facts; lists are separated by blanks. */
    const char *host, *interfaces, *nat, *published, *own, *version;
    bool no_nat;
    const char *witness; /* of the worst: "MAIL FROM|RCPT|…|RCPT" without brackets, or NULL */
};

static inline void try_facts(struct audit *a, const struct try_case *c)
{
    struct span words = span_str(c->interfaces), word;

    while (span_word(&words, &word)) {
        struct span host;
        struct ip ip = {0};
        unsigned len = 0;

        assert_true(span_cut(&word, '/', &host) && ip_parse(host, &ip) &&
                    num_uint(word, 0, 128, &len));
        audit_host_address(a, ip, len);
    }
    for (unsigned i = 0; i < 2; i++) {
        words = span_str(i ? c->own : c->nat);
        while (span_word(&words, &word)) {
            struct ip_prefix net;

            assert_true(ip_prefix_parse(word, &net));
            if (i)
                audit_host_own(a, net);
            else
                audit_host_nat(a, net, true, "a NAT", (struct audit_place){0});
        }
    }
    words = span_str(c->published);
    while (span_word(&words, &word)) {
        unsigned port;

        assert_true(num_uint(word, 1, 65535, &port));
        audit_host_publish(a, port, true, true);
    }
    if (c->host)
        audit_host_name(a, c->host);
    if (c->version)
        audit_host_version(a, c->version);
    if (c->no_nat)
        audit_host_no_nat(a);
}

static inline void try_found(const struct audit *a, struct buf *out, struct buf *witness)
{
    size_t count;
    const struct audit_finding *const *v = audit_findings(a, &count);

    for (size_t i = 0; i < count; i++)
        if (v[i]->severity > AUDIT_NOTE)
            buf_addf(out, "%s%s:%s:%u", out->n ? " " : "", v[i]->id, audit_severity_of(v[i]),
                     v[i]->place.line);
    if (count > 0 && v[0]->witness.mail) {
        buf_add_str(witness, v[0]->witness.mail);
        for (size_t i = 0; i < 2 && v[0]->witness.rcpt[i]; i++)
            buf_addf(witness, "|%s", v[0]->witness.rcpt[i]);
    }
}

/* The texts of all findings, for a case that failed. */
static inline void try_tell(const struct audit *a)
{
    size_t count;
    const struct audit_finding *const *v = audit_findings(a, &count);

    for (size_t i = 0; i < count; i++)
        print_error("  %s:%s:%s:%u %s\n", v[i]->id, audit_severity_of(v[i]),
                    v[i]->place.file ? v[i]->place.file : "-", v[i]->place.line, v[i]->why);
}

/* Whether it came as expected; else the test says so. `r`: 0 or AUDIT_BAD. */
static inline bool try_judge(const struct try_case *c, int r, const struct buf *out,
                             const struct buf *witness)
{
    bool fine =
        r >= 0 && (c->expect[0] == '!' ? r == AUDIT_BAD && strstr(buf_str(out), c->expect + 1)
                                       : strcmp(buf_str(out), c->expect) == 0);

    if (fine && c->witness)
        fine = strcmp(buf_str(witness), c->witness) == 0;
    if (!fine)
        print_error("case '%s': want '%s', got '%s' (%s)\n", c->name, c->expect, buf_str(out),
                    buf_str(witness));
    return fine;
}

/* `path` is for cases that name none; NULL: the first file of each. */
static inline bool try_case(const struct try_case *c, const char *path)
{
    struct buf out = BUF_INIT(1 << 16), witness = BUF_INIT(4096);
    struct audit_memory memory = {c->files, 0};
    struct audit_files files = audit_files_memory(&memory);
    struct audit *a = audit_new(&files);
    struct span word;
    char one[256];
    bool fine;
    int r = 0;

    while (memory.count < TRY_FILES && c->files[memory.count].name)
        memory.count++;
    assert_non_null(a);
    try_facts(a, c);
    path = c->path ? c->path : path ? path : c->files[0].name;
    for (struct span rest = span_str(path); r == 0 && span_word(&rest, &word);)
        r = span_copy(word, one, sizeof(one)) ? audit_path(a, c->kind, one) : -ENAMETOOLONG;
    if (r == 0)
        r = audit_finish(a);
    if (r == AUDIT_BAD)
        buf_addf(&out, "!%s", audit_error(a));
    else
        try_found(a, &out, &witness);
    fine = try_judge(c, r, &out, &witness);
    if (!fine)
        try_tell(a);
    buf_deinit(&out);
    buf_deinit(&witness);
    audit_free(&a);
    return fine;
}

/* All of them, so that one run shows all that fail. */
static inline void try_cases(const struct try_case *v, size_t count, const char *path)
{
    size_t wrong = 0;

    for (size_t i = 0; i < count; i++)
        wrong += !try_case(&v[i], path);
    assert_int_equal(wrong, 0);
}

#endif
