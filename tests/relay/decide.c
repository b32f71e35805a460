/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The relay decision on a line each, for tests/relay/differ.py. Fields are parted by tabs, texts of
 * strangers are in hex:
 *
 *     new                          a policy of its own
 *     domain|network|cert|literal  TEXT
 *     mx | ca                      rights by address on the MX listener; an authority
 *     file   KIND  HEX             relay_policy_read()
 *     seal                         answers "ok", or "bad" and why, once for all of the above
 *     ask    ROLE  FLAGS  IP  LOGIN  CERT  FAILED  UTF8  MAIL  RCPT
 *                                  answers ANSWER REASON RIGHT CODE OWN UTF8 MAIL RCPT
 *
 * FLAGS is any of g (granted), d (doubtful), a (its certificate is of the authority); "-" is
 * nothing. With an argument, one thing is done wrong on purpose, to show that it is noticed.
 */
#include "base/num.h"
#include "io/idn.h"
#include "relay/policy.h"
#include "relay/relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS = 11 };

static const char *fault_wanted = "";

static bool faulty(const char *name)
{
    return strcmp(fault_wanted, name) == 0;
}

static unsigned nibble(char c)
{
    return ascii_is_digit(c) ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;
}

static size_t from_hex(const char *hex, char *out, size_t cap)
{
    size_t n = 0;

    for (; hex[0] && hex[1] && n < cap; hex += 2)
        out[n++] = (char)(nibble(hex[0]) << 4 | nibble(hex[1]));
    return n;
}

static void put_hex(const char *s)
{
    for (; *s; s++)
        printf("%02x", (unsigned char)*s);
}

static struct span text_of(const char *field)
{
    return strcmp(field, "-") == 0 ? SPAN_NULL : span_str(field);
}

/* --- the policy ------------------------------------------------------------------------------- */

struct building {
    struct relay_policy *policy;
    struct relay_fault fault;
    unsigned line;
    int got;
};

static int read_file(struct building *b, const char *kind, const char *hex)
{
    size_t n = strlen(hex) / 2;
    char *text = malloc(n + 1);
    int got = RELAY_BAD;

    if (!text)
        abort();
    n = from_hex(hex, text, n);
    for (int k = RELAY_READ_RCPTHOSTS; k <= RELAY_READ_CIDR; k++)
        if (strcmp(kind, relay_read_name((enum relay_read)k)) == 0)
            got = relay_policy_read(b->policy, (enum relay_read)k, span_of(text, n), "file",
                                    &b->fault);
    free(text);
    return got;
}

static int build(struct building *b, char **field)
{
    struct relay_place place = {"conf", ++b->line};

    if (strcmp(field[0], "domain") == 0)
        return relay_policy_add_domain(b->policy, span_str(field[1]), place, &b->fault);
    if (strcmp(field[0], "network") == 0)
        return relay_policy_add_network(b->policy, span_str(field[1]), place, &b->fault);
    if (strcmp(field[0], "cert") == 0)
        return relay_policy_add_cert(b->policy, span_str(field[1]), place, &b->fault);
    if (strcmp(field[0], "literal") == 0)
        return relay_policy_add_literal(b->policy, span_str(field[1]), place, &b->fault);
    if (strcmp(field[0], "file") == 0)
        return read_file(b, field[1], field[2]);
    if (strcmp(field[0], "ca") == 0)
        return relay_policy_trust_ca(b->policy, place);
    if (strcmp(field[0], "mx") == 0)
        relay_policy_mx_networks(b->policy, true);
    return 0;
}

/* --- a question ------------------------------------------------------------------------------- */

static struct relay_client client_of(char **field)
{
    struct relay_client c = {
        .role = strcmp(field[1], "submission") == 0 ? RELAY_ROLE_SUBMISSION : RELAY_ROLE_MX,
        .granted = strchr(field[2], 'g') != NULL,
        .ip_doubtful = strchr(field[2], 'd') != NULL,
        .cert_ca = strchr(field[2], 'a') != NULL,
        .login = text_of(field[4]),
        .cert = text_of(field[5]),
    };

    num_uint(span_str(field[6]), 0, 15, &c.failed);
    ip_parse(text_of(field[3]), &c.ip);
    c.ip_doubtful = c.ip_doubtful && !faulty("doubt");
    c.failed = faulty("lookup") ? 0 : c.failed;
    c.role = faulty("role") ? RELAY_ROLE_MX : c.role;
    c.cert_ca = c.cert_ca || (faulty("authority") && c.cert.n);
    if (faulty("grant") && c.role == RELAY_ROLE_MX && c.granted)
        c.login = SPAN_LIT("x");
    return c;
}

/* Decisions that are wrong in one way, as a slip in the code would make them. */
static void spoil(struct relay_decision *d, const struct relay_client *c, struct span rcpt)
{
    if (faulty("narrow") && d->reason == RELAY_WHY_CLIENT_ACCESS)
        d->answer = RELAY_TAKE;
    if (faulty("sender") && d->reason == RELAY_WHY_DENIED && strstr(d->mail, "@own.example>"))
        d->answer = RELAY_TAKE;
    if (faulty("suffix") && d->reason == RELAY_WHY_DENIED && strstr(d->rcpt, "own.example>"))
        d->answer = RELAY_TAKE;
    if (faulty("percent") && d->reason == RELAY_WHY_ROUTE && span_find(rcpt, '%') < rcpt.n)
        d->answer = RELAY_TAKE;
    if (faulty("raw") && d->rcpt[0] && !span_copy(rcpt, d->rcpt, sizeof(d->rcpt)))
        d->rcpt[0] = '\0';
    if (faulty("network") && d->reason == RELAY_WHY_DENIED && c->ip.family == IP_V4 &&
        c->ip.b[0] == 192)
        d->answer = RELAY_TAKE;
}

static void ask(const struct relay_policy *p, char **field)
{
    static char mail_text[1 << 16], rcpt_text[1 << 16];
    struct relay_client c = client_of(field);
    struct relay_mail mail = {.smtputf8 = field[7][0] == '1'};
    struct relay_decision d;
    struct span rcpt;

    mail.path = span_of(mail_text, from_hex(field[8], mail_text, sizeof(mail_text)));
    rcpt = span_of(rcpt_text, from_hex(field[9], rcpt_text, sizeof(rcpt_text)));
    relay_decide(p, &c, &mail, rcpt, &d);
    spoil(&d, &c, rcpt);
    printf("%s\t%s\t%s\t%u\t%d\t%d\t", relay_answer_name(d.answer), relay_reason_name(d.reason),
           relay_right_name(d.right), d.code, d.own, d.utf8);
    put_hex(d.mail);
    printf("\t");
    put_hex(d.rcpt);
    printf("\n");
}

static void handle(struct building *b, char *line)
{
    char *field[FIELDS] = {0};
    size_t n = 0;

    for (char *rest = line, *tab; rest && n < FIELDS - 1; rest = tab) {
        tab = strchr(rest, '\t');
        if (tab)
            *tab++ = '\0';
        field[n++] = rest;
    }
    if (strcmp(field[0], "new") == 0) {
        relay_policy_free(&b->policy);
        *b = (struct building){.policy = relay_policy_new(idn_to_ascii)};
    } else if (strcmp(field[0], "seal") == 0) {
        relay_policy_seal(b->policy);
        printf(b->got ? "bad %d %u %s\n" : "ok\n", b->got, b->fault.line, b->fault.why);
    } else if (strcmp(field[0], "ask") == 0 && n == FIELDS - 1) {
        ask(b->policy, field);
    } else if (b->got == 0) {
        b->got = build(b, field);
    }
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct building b = {0};
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;

    fault_wanted = argc > 1 ? argv[1] : "";
    while ((n = getline(&line, &cap, stdin)) > 0) {
        line[n - 1] = '\0';
        handle(&b, line);
    }
    relay_policy_free(&b.policy);
    free(line);
    return 0;
}
