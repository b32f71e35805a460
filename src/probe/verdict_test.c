/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe/verdict.h"

#include "probe/stage_test.h"

/* One letter a probe: what became of it. */
static const struct {
    char letter;
    enum probe_state state;
    enum meaning meaning;
} letters[] = {
    {'r', PROBE_REFUSED, MEANING_RELAY_DENIED},
    {'b', PROBE_REFUSED, MEANING_BLOCKED},
    {'t', PROBE_REFUSED, MEANING_TLS},
    {'a', PROBE_REFUSED, MEANING_AUTH},
    {'i', PROBE_INFERRED, MEANING_SENDER},
    {'d', PROBE_DEFERRED, MEANING_GREYLISTED},
    {'l', PROBE_LOST, MEANING_NONE},
    {'u', PROBE_UNTRIED, MEANING_NONE},
    {'s', PROBE_SKIPPED, MEANING_NONE},
    {'k', PROBE_TAKEN, MEANING_OK},
    {'h', PROBE_HELD, MEANING_OK},
    {'v', PROBE_DELIVERED, MEANING_OK},
    {'n', PROBE_BOUNCED, MEANING_OK},
    {'p', PROBE_PROVED, MEANING_OK},
};

static struct stage *stage_of(const char *probes)
{
    struct stage *st = stage_new();
    struct door *d;

    for (const char *p = probes; *p; p++)
        stage_probe(st, "third", "plain", NULL, NULL);
    d = stage_door(st);
    for (size_t i = 0; probes[i]; i++) {
        for (size_t k = 0; k < sizeof(letters) / sizeof(letters[0]); k++) {
            if (letters[k].letter == probes[i]) {
                d->results[i].state = (uint8_t)letters[k].state;
                d->results[i].meaning = (uint8_t)letters[k].meaning;
            }
        }
    }
    return st;
}

enum { NEVER_MET = 1 << 0, BANNED = 1 << 1 };

#define NONE CONTROL_UNTRIED
#define YES  CONTROL_ACCEPTED
#define NO   CONTROL_REFUSED
#define WAIT CONTROL_DEFERRED

static const struct {
    const char *name, *probes;
    enum control_state control;
    enum meaning control_meaning;
    enum door_end end;
    unsigned flags;
    enum verdict want;
    const char *says;
} doors[] = {
    /* Only an arrival opens, and it outweighs everything else. */
    {"one arrived", "rrpr", YES, 0, DOOR_END_DONE, 0, VERDICT_OPEN, "1 of our envelopes arrived"},
    {"arrived, then banned", "rplll", YES, 0, DOOR_END_REFUSED, BANNED, VERDICT_OPEN, "arrived"},
    {"arrived, control refused", "pr", NO, MEANING_RELAY_DENIED, DOOR_END_DONE, 0, VERDICT_OPEN,
     "arrived"},
    {"arrived, others put off", "pd", YES, 0, DOOR_END_DONE, 0, VERDICT_OPEN, "arrived"},

    /* Taken is not arrived. */
    {"body taken", "rvr", YES, 0, DOOR_END_DONE, 0, VERDICT_ACCEPTS, "1 envelopes were taken"},
    {"recipient taken only", "rkr", YES, 0, DOOR_END_CUT, 0, VERDICT_ACCEPTS, "none has arrived"},
    {"held back by us", "rh", YES, 0, DOOR_END_DONE, 0, VERDICT_ACCEPTS, "none has arrived"},
    {"bounced", "rnn", YES, 0, DOOR_END_DONE, 0, VERDICT_ACCEPTS, "came back as bounces"},
    {"one bounced, one silent", "nv", YES, 0, DOOR_END_DONE, 0, VERDICT_ACCEPTS,
     "none has arrived"},

    /* Refused: closed only with a control, or where everyone is told the same. */
    {"closed", "rrr", YES, 0, DOOR_END_DONE, 0, VERDICT_CLOSED, "all 3 probes were refused"},
    {"closed, some inferred", "rii", YES, 0, DOOR_END_DONE, 0, VERDICT_CLOSED, "all 3"},
    {"closed, some impossible", "rss", YES, 0, DOOR_END_DONE, 0, VERDICT_CLOSED, "all 1"},
    {"closed, cut at the very end", "rrr", YES, 0, DOOR_END_CUT, 0, VERDICT_CLOSED, "all 3"},
    {"half of them are about us", "rrbb", YES, 0, DOOR_END_DONE, 0, VERDICT_CLOSED, "all 4"},
    {"more than half are about us", "rbb", YES, 0, DOOR_END_DONE, 0, VERDICT_BLOCKED, "refuses us"},
    {"control refused", "rrr", NO, MEANING_UNKNOWN_USER, DOOR_END_DONE, 0, VERDICT_BLOCKED,
     "--control"},
    {"no control at all", "rrr", NONE, 0, DOOR_END_DONE, 0, VERDICT_BLOCKED, "no control"},
    {"control put off", "rrr", WAIT, MEANING_GREYLISTED, DOOR_END_DONE, 0, VERDICT_INCONCLUSIVE,
     "still put off (greylisted)"},
    {"TLS first", "ttt", NO, MEANING_TLS, DOOR_END_DONE, 0, VERDICT_CLOSED, "without TLS"},
    {"TLS first, and the control was taken", "ttr", YES, 0, DOOR_END_DONE, 0, VERDICT_CLOSED,
     "the control was taken"},
    {"login first", "aaa", NO, MEANING_AUTH, DOOR_END_DONE, 0, VERDICT_CLOSED, "without a login"},
    {"login first, one by syntax", "aar", NO, MEANING_AUTH, DOOR_END_DONE, 0, VERDICT_CLOSED,
     "without a login"},
    {"login for few only", "arr", NO, MEANING_AUTH, DOOR_END_DONE, 0, VERDICT_BLOCKED, "--control"},
    {"login for probes, control unknown", "aaa", NO, MEANING_UNKNOWN_USER, DOOR_END_DONE, 0,
     VERDICT_BLOCKED, "--control"},

    /* Not all of them got an answer. */
    {"greylisted", "rdd", YES, 0, DOOR_END_DONE, 0, VERDICT_INCONCLUSIVE, "2 probes are put off"},
    {"lost some", "rrl", YES, 0, DOOR_END_CUT, 0, VERDICT_INCONCLUSIVE, "1 probes got no answer"},
    {"banned", "rrll", YES, 0, DOOR_END_REFUSED, BANNED, VERDICT_BLOCKED, "no longer let in"},
    {"lost all", "lll", YES, 0, DOOR_END_TIMEOUT, 0, VERDICT_INCONCLUSIVE, "no reply in time"},
    {"none could be tried", "sss", YES, 0, DOOR_END_DONE, 0, VERDICT_INCONCLUSIVE,
     "none of the 3 probes could be tried"},
    {"STARTTLS turned out not to be had", "sss", NONE, 0, DOOR_END_NO_TLS, 0, VERDICT_ABSENT,
     "STARTTLS"},

    /* Never met. */
    {"nothing listens", "lll", NONE, 0, DOOR_END_REFUSED, NEVER_MET, VERDICT_ABSENT, "refused"},
    {"no STARTTLS", "lll", NONE, 0, DOOR_END_NO_TLS, NEVER_MET, VERDICT_ABSENT, "STARTTLS"},
    {"no answer", "lll", NONE, 0, DOOR_END_UNREACHABLE, NEVER_MET, VERDICT_UNREACHABLE,
     "no answer"},
    {"turned away", "lll", NONE, 0, DOOR_END_BANNER, NEVER_MET, VERDICT_BLOCKED, "greeting"},
    {"TLS fails", "lll", NONE, 0, DOOR_END_TLS, NEVER_MET, VERDICT_INCONCLUSIVE, "TLS failed"},
    {"not SMTP", "lll", NONE, 0, DOOR_END_GARBAGE, NEVER_MET, VERDICT_INCONCLUSIVE, "not SMTP"},
    {"silent", "lll", NONE, 0, DOOR_END_TIMEOUT, NEVER_MET, VERDICT_INCONCLUSIVE, "in time"},
    {"hangs up", "lll", NONE, 0, DOOR_END_CUT, NEVER_MET, VERDICT_INCONCLUSIVE, "hung up"},
    {"our own fault", "lll", NONE, 0, DOOR_END_LOCAL, NEVER_MET, VERDICT_INCONCLUSIVE, "our side"},
    {"not yet tested", "uuu", NONE, 0, DOOR_END_NONE, NEVER_MET, VERDICT_INCONCLUSIVE,
     "not tested yet"},
};

static void test_doors(void **state)
{
    for (size_t i = 0; i < sizeof(doors) / sizeof(doors[0]); i++) {
        struct stage *st = stage_of(doors[i].probes);
        char why[VERDICT_WHY_MAX] = "";
        enum verdict got;

        st->door.ehlo_seen = st->door.banner_seen = !(doors[i].flags & NEVER_MET);
        st->door.banned = doors[i].flags & BANNED;
        st->door.last_end = doors[i].end;
        st->door.control.state = (uint8_t)doors[i].control;
        st->door.control.meaning = (uint8_t)doors[i].control_meaning;
        got = verdict_of_door(&st->door, why);
        if (got != doors[i].want || !strstr(why, doors[i].says))
            fail_msg("%s: %s (%s)", doors[i].name, verdict_name(got), why);
        stage_free(st);
    }
}

enum { OPT = 0x100 }; /* a port that was looked at of our own accord */

#define OPEN         VERDICT_OPEN
#define ACCEPTS      VERDICT_ACCEPTS
#define CLOSED       VERDICT_CLOSED
#define BLOCKED      VERDICT_BLOCKED
#define INCONCLUSIVE VERDICT_INCONCLUSIVE
#define UNREACHABLE  VERDICT_UNREACHABLE
#define ABSENT       VERDICT_ABSENT

static const struct {
    const char *name;
    unsigned doors[4];
    size_t count;
    enum verdict want;
    const char *says;
} targets[] = {
    {"no door", {0}, 0, UNREACHABLE, "no mail server answered"},
    {"one closed", {CLOSED}, 1, CLOSED, "every probe was refused"},
    {"one open of three", {CLOSED, OPEN, BLOCKED}, 3, OPEN, "192.0.2.1 port 25"},
    {"open before accepts", {ACCEPTS, OPEN}, 2, OPEN, "port 25"},
    {"accepts before blocked", {BLOCKED, ACCEPTS}, 2, ACCEPTS, "port 25"},
    {"blocked before closed", {CLOSED, BLOCKED}, 2, BLOCKED, "port 25"},
    {"undecided before closed", {CLOSED, INCONCLUSIVE}, 2, INCONCLUSIVE, "port 25"},
    {"blocked before undecided", {INCONCLUSIVE, BLOCKED}, 2, BLOCKED, "port 25"},
    {"what is not there does not count", {CLOSED, ABSENT, ABSENT}, 3, CLOSED, "every probe"},
    {"nothing there at all", {ABSENT, ABSENT}, 2, UNREACHABLE, "no mail server"},
    {"one could not be reached", {CLOSED, UNREACHABLE}, 2, INCONCLUSIVE, "could not be reached"},
    {"one of our own accord", {CLOSED, UNREACHABLE | OPT}, 2, CLOSED, "every probe"},
    {"open is open, reached or not", {OPEN, UNREACHABLE}, 2, OPEN, "port 25"},
    {"none could be reached", {UNREACHABLE, UNREACHABLE | OPT}, 2, UNREACHABLE, "no mail server"},
};

static void test_targets(void **state)
{
    struct stage *st = stage_of("rr");

    stage_met(&st->door);
    st->door.control.state = CONTROL_ACCEPTED;
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        struct verdict_door all[4];
        char why[VERDICT_WHY_MAX] = "";
        enum verdict got;

        for (size_t k = 0; k < targets[i].count; k++)
            all[k] = (struct verdict_door){&st->door, (enum verdict)(targets[i].doors[k] & 0xff),
                                           (targets[i].doors[k] & OPT) != 0};
        got = verdict_of_target(all, targets[i].count, why);
        if (got != targets[i].want || !strstr(why, targets[i].says))
            fail_msg("%s: %s (%s)", targets[i].name, verdict_name(got), why);
    }
    stage_free(st);
}

/* A system that takes nothing without a login had no control to take. */
static void test_reason_of_a_login(void **state)
{
    struct stage *st = stage_of("aaa");
    struct verdict_door one = {.door = &st->door};
    char why[VERDICT_WHY_MAX];

    stage_met(&st->door);
    st->door.control.state = CONTROL_REFUSED;
    st->door.control.meaning = MEANING_AUTH;
    one.verdict = verdict_of_door(&st->door, why);
    assert_int_equal(verdict_of_target(&one, 1, why), VERDICT_CLOSED);
    assert_non_null(strstr(why, "without a login"));
    stage_free(st);
}

/* Design D1: the order of Nagios. */
static void test_exits(void **state)
{
    static const struct {
        enum verdict v;
        const char *name;
        int exit;
    } all[] = {
        {VERDICT_CLOSED, "closed", 0},
        {VERDICT_ACCEPTS, "accepts", 1},
        {VERDICT_OPEN, "open", 2},
        {VERDICT_BLOCKED, "blocked", 3},
        {VERDICT_INCONCLUSIVE, "inconclusive", 3},
        {VERDICT_UNREACHABLE, "unreachable", 3},
        {VERDICT_ABSENT, "absent", 3},
    };

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        assert_string_equal(verdict_name(all[i].v), all[i].name);
        assert_int_equal(verdict_exit(all[i].v), all[i].exit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_doors),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_reason_of_a_login),
        cmocka_unit_test(test_exits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
