/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hygiene.c among neighbours that are made of nothing: what is asked of lists, and when, is the
 * test's to say.
 */
#include "cmd/gate/bus.h"
#include "cmd/gate/hygiene_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* --- the neighbours -------------------------------------------------------------------------- */

static struct {
    dnsbl_fn fn; /* NULL: nothing is asked now */
    void *cookie;
    bool lists, trusts;        /* lists: there are some to ask */
    const char *trap, *listed; /* a recipient that is one; the reason why the client is listed */
    names_fn name_fn;          /* as fn */
    void *name_cookie;
    bool names;
    unsigned asked, names_asked, ready;
} the;

struct dnsbl_ask {
    int dummy;
};
static struct dnsbl_ask asking;

struct names_ask {
    int dummy;
};
static struct names_ask naming;

struct dnsbl_ask *dnsbl_ask(struct dnsbl *d, struct ip client, dnsbl_fn fn, void *cookie)
{
    if (!the.lists)
        return NULL;
    the.asked++;
    the.fn = fn;
    the.cookie = cookie;
    return &asking;
}

void dnsbl_cancel(struct dnsbl_ask **ask)
{
    if (*ask)
        the.fn = NULL;
    *ask = NULL;
}

void names_ask(struct names *n, struct ip ip, names_fn fn, void *cookie, struct names_ask **ret)
{
    the.names_asked++;
    the.name_fn = fn;
    the.name_cookie = cookie;
    *ret = &naming;
}

void names_cancel(struct names_ask **a)
{
    if (*a)
        the.name_fn = NULL;
    *a = NULL;
}

const char *traps_has(const struct traps *t, struct ip client)
{
    return the.listed;
}

bool traps_is_rcpt(const struct traps *t, struct span rcpt)
{
    return the.trap && span_eq(rcpt, span_str(the.trap));
}

void traps_say(const struct traps *t, struct ip client, const char *why)
{
}

void guard_watch_helo(struct guard_watch *w, const struct gate_client *client,
                      const struct relay_policy *policy)
{
}

void guard_watch_relay(struct guard_watch *w, const struct gate_client *client,
                       const struct relay_policy *policy, struct span mail)
{
}

bool guard_watch_doubtful(const struct guard_watch *w, struct ip client)
{
    return false;
}

bool evidence_file_add(struct evidence_file *f, const struct evidence *e)
{
    return false;
}

bool bus_count(const char *verb, const char *fmt, ...)
{
    return false;
}

void hygiene_log_connect(struct hygiene_log *l, const struct gate_client *c)
{
}

void hygiene_log_session(struct hygiene_log *l, const struct logline_session *s)
{
}

void hygiene_log_mail(struct hygiene_log *l, const struct logline_mail *m)
{
}

void hygiene_log_refusal(struct hygiene_log *l, const struct logline_refusal *r)
{
}

void hygiene_log_login_failed(struct hygiene_log *l, const struct logline_login *f)
{
}

/* --- the session ----------------------------------------------------------------------------- */

static struct hygiene h;
static struct metrics numbers;
static struct hygiene_session hs;
static struct gate_client client;
static struct relay_policy *policy;
static struct ip_prefix ours;

static void on_ready(void *owner)
{
    assert_ptr_equal(owner, &client);
    the.ready++;
}

static void begin(void)
{
    h = (struct hygiene){.metrics = &numbers, .log.style = LOGLINE_PLAIN, .names_on = the.names};
    gate_client_init(&client);
    client.role = GATE_ROLE_MX;
    assert_true(ip_parse(SPAN_LIT("198.51.100.7"), &client.ip));
    assert_true(ip_prefix_parse(SPAN_LIT("198.51.100.0/24"), &ours));
    h.exempt = &ours;
    h.exempt_count = the.trusts;
    policy = relay_policy_new(NULL);
    assert_non_null(policy);
    assert_int_equal(relay_policy_seal(policy), 0);
    hygiene_begin(&h, &hs, &client, policy, false, on_ready, &client);
    hygiene_mail(&hs);
}

static void end(void)
{
    hygiene_end(&hs);
    hygiene_end(&hs);
    gate_client_deinit(&client);
    relay_policy_free(&policy);
    assert_null(the.fn);
    assert_null(the.name_fn);
    memset(&the, 0, sizeof(the));
}

static enum smtp_now rcpt_named(const char *address, bool named, enum relay_answer *ret)
{
    struct relay_decision d = {.answer = RELAY_TAKE};
    enum smtp_now now;

    snprintf(d.rcpt, sizeof(d.rcpt), "<%s>", address);
    now = hygiene_rcpt(&hs, &d, named);
    *ret = d.answer;
    return now;
}

static enum smtp_now rcpt(const char *address, enum relay_answer *ret)
{
    return rcpt_named(address, false, ret);
}

static void check(const char *address, enum smtp_now now, enum relay_answer answer)
{
    enum relay_answer got;

    assert_int_equal(rcpt(address, &got), now);
    if (now == SMTP_NOW)
        assert_int_equal(got, answer);
}

static void lists_say(bool listed)
{
    struct dnsbl_verdict v = {.listed = listed, .names = listed ? "bl.example" : ""};
    dnsbl_fn fn = the.fn;

    the.fn = NULL;
    fn(the.cookie, &v);
}

static void name_says(const char *name, bool confirmed, bool failed)
{
    struct names_answer a = {name, confirmed, failed};
    names_fn fn = the.name_fn;

    the.name_fn = NULL;
    fn(the.name_cookie, &a);
}

/* Whatever lists and traps say: a session is told LATER until ready() has come, and never again. */
static void test_later_once(void **state)
{
    for (unsigned i = 0; i < 8; i++) {
        bool listed = i & 1, trapped = i & 2, timed = i & 4;

        the.lists = true;
        begin();
        assert_int_equal(the.asked, 1);
        check("a@test.example", SMTP_LATER, RELAY_TAKE);
        assert_int_equal(the.ready, 0);
        the.trap = trapped ? "b@test.example" : NULL; /* while it waits */
        the.listed = timed ? "spamtrap" : NULL;
        lists_say(listed);
        assert_int_equal(the.ready, 1);
        check("a@test.example", SMTP_NOW, listed || timed ? RELAY_REFUSE : RELAY_TAKE);
        for (unsigned mail = 0; mail < 3; mail++) {
            check("postmaster@test.example", SMTP_NOW, RELAY_TAKE);
            check("c@test.example", SMTP_NOW, listed || timed ? RELAY_REFUSE : RELAY_TAKE);
            check("b@test.example", SMTP_NOW,
                  listed || trapped || timed ? RELAY_REFUSE : RELAY_TAKE);
            check("postmaster@test.example", SMTP_NOW, trapped ? RELAY_REFUSE : RELAY_TAKE);
            hygiene_helo(&hs, policy);
            hygiene_mail(&hs);
        }
        assert_int_equal(the.asked, 1);
        assert_int_equal(the.ready, 1);
        end();
    }
}

/* Nobody is called who does not wait; and what was answered before is there at once. */
static void test_answer_before_the_recipient(void **state)
{
    the.lists = true;
    begin();
    lists_say(true);
    assert_int_equal(the.ready, 0);
    check("a@test.example", SMTP_NOW, RELAY_REFUSE);
    end();
}

/* Who waits and goes is not called any more. */
static void test_gone_while_it_waits(void **state)
{
    the.lists = true;
    begin();
    check("a@test.example", SMTP_LATER, RELAY_TAKE);
    end();
    assert_int_equal(the.ready, 0);
}

static void test_nobody_is_asked(void **state)
{
    enum relay_answer got;

    begin(); /* there is no list */
    check("a@test.example", SMTP_NOW, RELAY_TAKE);
    end();
    the.lists = the.trusts = true; /* a client of ours */
    begin();
    assert_int_equal(the.asked, 0);
    the.listed = the.trap = "a@test.example";
    check("a@test.example", SMTP_NOW, RELAY_TAKE);
    end();
    /* A login while lists are asked: nobody waits for them. */
    the.lists = true;
    begin();
    gate_client_set(&client.login, SPAN_LIT("joe"));
    assert_int_equal(rcpt("a@test.example", &got), SMTP_NOW);
    assert_int_equal(got, RELAY_TAKE);
    lists_say(true);
    assert_int_equal(rcpt("a@test.example", &got), SMTP_NOW);
    assert_int_equal(got, RELAY_TAKE);
    end();
}

/* Only who will tell it waits for it, and it is asked for once. */
static void test_a_name_is_waited_for(void **state)
{
    enum relay_answer got;

    the.names = true;
    begin();
    assert_int_equal(the.names_asked, 1);
    assert_int_equal(rcpt_named("a@test.example", false, &got), SMTP_NOW);
    assert_int_equal(rcpt_named("a@test.example", true, &got), SMTP_LATER);
    name_says("mx.c.test", true, false);
    assert_int_equal(the.ready, 1);
    assert_int_equal(rcpt_named("a@test.example", true, &got), SMTP_NOW);
    assert_int_equal(got, RELAY_TAKE);
    assert_string_equal(client.name, "mx.c.test");
    assert_true(client.name_ok && !client.name_failed);
    assert_int_equal(the.names_asked, 1);
    end();
    the.names = true; /* one that is refused waits for nothing */
    the.listed = "spamtrap";
    begin();
    assert_int_equal(rcpt_named("a@test.example", true, &got), SMTP_NOW);
    assert_int_equal(got, RELAY_REFUSE);
    end();
    begin(); /* names are not looked up */
    assert_int_equal(the.names_asked, 0);
    assert_int_equal(rcpt_named("a@test.example", true, &got), SMTP_NOW);
    end();
}

/* In whichever order they answer: ready() comes once, when both have. */
static void test_name_and_lists(void **state)
{
    enum relay_answer got;

    for (unsigned i = 0; i < 2; i++) {
        the.names = the.lists = true;
        begin();
        assert_int_equal(rcpt_named("a@test.example", true, &got), SMTP_LATER);
        if (i)
            name_says("", false, true);
        else
            lists_say(false);
        assert_int_equal(the.ready, 0);
        if (i)
            lists_say(false);
        else
            name_says("", false, true);
        assert_int_equal(the.ready, 1);
        assert_int_equal(rcpt_named("a@test.example", true, &got), SMTP_NOW);
        assert_true(client.name_failed);
        end();
    }
    the.names = the.lists = true; /* gone while it waits */
    begin();
    assert_int_equal(rcpt_named("a@test.example", true, &got), SMTP_LATER);
    end();
    assert_int_equal(the.ready, 0);
}

static void begin_unplaced(bool unknown)
{
    h = (struct hygiene){.metrics = &numbers, .names_on = true};
    the.lists = true;
    gate_client_init(&client);
    client.ip_unknown = unknown;
    client.balancer = !unknown;
    assert_true(ip_parse(SPAN_LIT("198.51.100.7"), &client.ip));
    policy = relay_policy_new(NULL);
    assert_non_null(policy);
    assert_int_equal(relay_policy_seal(policy), 0);
    hygiene_begin(&h, &hs, &client, policy, false, on_ready, &client);
    hygiene_mail(&hs);
}

/* A balancer is asked about nowhere, and pays for nobody. */
static void test_a_balancer(void **state)
{
    enum relay_answer got;

    for (unsigned i = 0; i < 2; i++) {
        begin_unplaced(i);
        the.listed = "relay-attempts";
        assert_int_equal(the.asked + the.names_asked, 0);
        assert_int_equal(rcpt_named("a@test.example", true, &got), SMTP_NOW);
        assert_int_equal(got, RELAY_TAKE);
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_later_once),
        cmocka_unit_test(test_answer_before_the_recipient),
        cmocka_unit_test(test_gone_while_it_waits),
        cmocka_unit_test(test_nobody_is_asked),
        cmocka_unit_test(test_a_name_is_waited_for),
        cmocka_unit_test(test_name_and_lists),
        cmocka_unit_test(test_a_balancer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
