/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is this machine fit to test from? A tester without reverse DNS, behind a provider that blocks
 * port 25, or on a blocklist measures itself, not its targets. --preflight asks that alone, a line
 * a check; a check that fails says what to do.
 *
 * The same is asked once a run before the first test of a foreign host: whatever goes wrong there
 * costs somebody else a connection and us a day. Then only what is wrong is told, no check is
 * waited for longer than BRIEF_MS together, and the run goes on: most servers bear with a client
 * without a name. Only from an address on the operator's blocklist it does not begin.
 */
#include "cmd/test/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BRIEF_MS = 8000 };

struct flight {
    struct test *test;
    bool brief; /* before a run */
    unsigned pending, failed, passed;
    bool listed; /* our address is on the blocklist */
    bool over;
    struct timer timer;
    struct ip mine;
    struct conn *conn;
    char mx[RESOLVER_NAME_MAX];
};

static void line(struct flight *f, bool good, const char *what, const char *detail,
                 const char *remedy)
{
    bool colour = f->test->style.colour;

    if (f->over)
        return;
    *(good ? &f->passed : &f->failed) += 1;
    if (f->brief) {
        if (!good)
            note(f->test, "this machine: %s%s%s; %s", what, detail[0] ? ": " : "", detail, remedy);
        return;
    }
    printf("%s%-4s%s %s%s%s\n", colour ? (good ? "\033[32m" : "\033[31m") : "", good ? "ok" : "BAD",
           colour ? "\033[0m" : "", what, detail[0] ? ": " : "", detail);
    if (!good && remedy[0])
        printf("     %s\n", remedy);
}

static void flight_over(struct flight *f)
{
    struct test *t = f->test;

    if (f->over)
        return;
    f->over = true;
    timer_stop(&f->timer);
    if (!f->brief) {
        loop_stop(t->loop);
    } else if (f->listed) {
        complain("no foreign host is tested from an address on %s; --no-preflight does it all the "
                 "same",
                 t->args.dnsbl);
        t->refused = TEST_EXIT_CONFIG;
        t->stopping = true;
        loop_stop(t->loop);
    }
}

static void step_done(struct flight *f)
{
    if (--f->pending == 0)
        flight_over(f);
}

static void on_brief(void *cookie)
{
    struct flight *f = cookie;

    line(f, false, "not all could be looked at in time", "", "see postern test --preflight");
    conn_drop(&f->conn);
    flight_over(f);
}

/* The address that packets to the outside would carry; no packet is sent to learn it. */
static struct ip own_address(enum ip_family family)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(25)};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(25)};
    struct sockaddr_storage local = {0};
    socklen_t n = sizeof(local);
    char text[INET6_ADDRSTRLEN] = "";
    struct ip ip = {0};
    bool v6 = family == IP_V6;
    int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    inet_pton(AF_INET, "192.0.2.1", &four.sin_addr);
    inet_pton(AF_INET6, "2001:db8::1", &six.sin6_addr);
    if (fd >= 0 &&
        connect(fd, v6 ? (struct sockaddr *)&six : (struct sockaddr *)&four,
                v6 ? sizeof(six) : sizeof(four)) == 0 &&
        getsockname(fd, (struct sockaddr *)&local, &n) == 0) {
        inet_ntop(v6 ? AF_INET6 : AF_INET,
                  v6 ? (void *)&((struct sockaddr_in6 *)&local)->sin6_addr
                     : (void *)&((struct sockaddr_in *)&local)->sin_addr,
                  text, sizeof(text));
        ip_parse(span_str(text), &ip);
    }
    if (fd >= 0)
        close(fd);
    return ip;
}

static void on_ptr(void *cookie, const struct dns_answer *a)
{
    struct flight *f = cookie;
    char mine[IP_TEXT_MAX], text[600];

    ip_text(f->mine, mine);
    if (a->count)
        snprintf(text, sizeof(text), "%s is %s%s", mine, a->ptr[0].name,
                 a->ptr[0].confirmed ? "" : ", which does not lead back");
    else
        snprintf(text, sizeof(text), "%s has no name (%s)", mine,
                 resolver_outcome_name(a->outcome));
    line(f, a->count && a->ptr[0].confirmed, "reverse DNS", text,
         "many servers turn such clients away; ask your provider for a PTR record");
    step_done(f);
}

static void on_spf(void *cookie, const struct dns_answer *a)
{
    struct flight *f = cookie;
    bool found = false;

    for (size_t i = 0; i < a->count; i++)
        found = found || span_starts_nocase(a->txt[i], SPAN_LIT("v=spf1"));
    line(f, found, "SPF of the probe domain", found ? "published" : "none",
         "publish a TXT record such as \"v=spf1 ip4:YOUR-ADDRESS -all\", so that a policy check "
         "does "
         "not refuse the probes in the relay's stead");
    step_done(f);
}

static void on_dnsbl(void *cookie, const struct dns_answer *a)
{
    struct flight *f = cookie;
    bool clean = a->outcome == RESOLVER_NO_NAME || a->outcome == RESOLVER_NO_DATA;

    f->listed = a->outcome == RESOLVER_FOUND;
    line(f, clean, "our address on the blocklist",
         clean ? "not listed" : resolver_outcome_name(a->outcome),
         a->outcome == RESOLVER_FOUND
             ? "servers that use this list will refuse us: their verdict would be \"blocked\""
             : "the list gave no answer; try another resolver");
    step_done(f);
}

static void port_connected(void *cookie, struct conn *c)
{
    struct flight *f = cookie;

    line(f, true, "port 25 to the outside", f->mx, "");
    conn_drop(&f->conn);
    step_done(f);
}

static void port_data(void *cookie, struct conn *c, struct span bytes)
{
}

static void port_closed(void *cookie, struct conn *c, const struct conn_end *end)
{
    struct flight *f = cookie;
    char text[400];

    snprintf(text, sizeof(text), "%s: %s", f->mx, conn_reason_name(end->reason));
    line(f, false, "port 25 to the outside", text,
         "the MX of the probe domain did not answer: start the sink there, or, if it runs, your "
         "provider blocks port 25");
    step_done(f);
}

static const struct conn_events port_events = {
    .connected = port_connected, .data = port_data, .closed = port_closed};

static void on_mx_address(void *cookie, const struct dns_answer *a)
{
    struct flight *f = cookie;
    struct conn_target to = {.port = 25, .timeout_ms = f->test->args.connect_timeout};

    if (a->count == 0) {
        line(f, false, "address of the probe domain's MX", f->mx, "give that name an A record");
        step_done(f);
        return;
    }
    to.ip = a->ips[0];
    if (f->over || conn_connect(f->test->loop, &to, &port_events, f, &f->conn) < 0)
        step_done(f);
}

static void on_mx(void *cookie, const struct dns_answer *a)
{
    struct flight *f = cookie;
    bool good = a->count > 0 && !a->null_mx && !a->implicit_mx;

    line(f, good, "MX of the probe domain",
         good ? a->mx[0].name : resolver_outcome_name(a->outcome),
         "publish an MX record that names the host where the sink listens");
    if (good && span_copy(span_str(a->mx[0].name), f->mx, sizeof(f->mx)) &&
        resolver_addr(f->test->resolver, span_str(f->mx), IP_NONE, on_mx_address, f, NULL) == 0)
        return;
    step_done(f);
}

static void ask_dnsbl(struct flight *f)
{
    char name[RESOLVER_NAME_MAX];

    if (!f->test->args.dnsbl || f->mine.family != IP_V4)
        return;
    snprintf(name, sizeof(name), "%u.%u.%u.%u.%.200s", f->mine.b[3], f->mine.b[2], f->mine.b[1],
             f->mine.b[0], f->test->args.dnsbl);
    if (resolver_addr(f->test->resolver, span_str(name), IP_V4, on_dnsbl, f, NULL) == 0)
        f->pending++;
}

static void ask_all(struct flight *f)
{
    struct test *t = f->test;

    if (f->mine.family != IP_NONE && resolver_ptr(t->resolver, f->mine, on_ptr, f, NULL) == 0)
        f->pending++;
    if (resolver_mx(t->resolver, span_str(t->domain), on_mx, f, NULL) == 0)
        f->pending++;
    if (resolver_txt(t->resolver, span_str(t->domain), on_spf, f, NULL) == 0)
        f->pending++;
    ask_dnsbl(f);
}

int preflight(struct test *t)
{
    struct flight f = {.test = t, .mine = own_address(IP_V4)};
    struct ip six = own_address(IP_V6);
    char text[IP_TEXT_MAX];

    if (t->args.local_address && !ip_parse(span_str(t->args.local_address), &f.mine))
        return options_misuse(&args_options, "--local-address: \"%s\" is no address",
                              t->args.local_address);
    line(&f, f.mine.family != IP_NONE, "IPv4", ip_text(f.mine, text),
         "this machine has no route out");
    line(&f, six.family != IP_NONE, "IPv6", ip_text(six, text),
         "IPv6 addresses of targets cannot be tested from here: their verdict stays open");
    if (f.mine.family != IP_NONE && ip_space(f.mine) != IP_PUBLIC)
        printf("     this address is %s: targets see another one\n",
               ip_space_name(ip_space(f.mine)));
    ask_all(&f);
    if (f.pending)
        loop_run(t->loop);
    printf("%u good, %u bad\n", f.passed, f.failed);
    return f.failed ? TEST_EXIT_UNDECIDED : 0;
}

bool preflight_over(struct test *t)
{
    struct flight *f = t->flight;

    if (t->args.no_preflight)
        return true;
    if (f)
        return f->over && !f->listed;
    f = calloc(1, sizeof(*f));
    if (!f)
        return true;
    t->flight = f;
    f->test = t;
    f->brief = true;
    f->mine = t->local.family != IP_NONE ? t->local : own_address(IP_V4);
    timer_init(&f->timer, on_brief, f);
    timer_start(&f->timer, t->loop, BRIEF_MS);
    ask_all(f);
    if (f->pending == 0)
        flight_over(f);
    return f->over;
}

void preflight_free(struct test *t)
{
    free(t->flight);
    t->flight = NULL;
}
