/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "list/life.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/*
 * All pairs, by rows of states and columns of events; "." is a step that must be refused. Columns:
 * nominate test prove admit-one admit close undecided abandon give-up expire delist excuse return
 * appeal. Letters: n nominated, t testing, c confirmed, p provisional, l listed, e expired,
 * d delisted, s dismissed, x exempt.
 */
static const struct {
    enum list_state from;
    const char *to;
} life[] = {
    {LIST_NONE, "n.c........x.."},        {LIST_NOMINATED, "ntc.....s.sx.."},
    {LIST_TESTING, "t.c..snn..sx.."},     {LIST_CONFIRMED, "cccpldcc.edx.d"},
    {LIST_PROVISIONAL, "ppp.ldpp.edx.d"}, {LIST_LISTED, "lll..dll.edx.d"},
    {LIST_EXPIRED, "n.c........x.."},     {LIST_DELISTED, "n.c........x.."},
    {LIST_DISMISSED, "n.c........x.."},   {LIST_EXEMPT, "............d."},
};

static char letter(enum list_state s)
{
    return " ntcpledsx"[s];
}

static void every_pair(void **state)
{
    assert_int_equal(sizeof(life) / sizeof(life[0]), LIST_STATES);
    for (size_t i = 0; i < LIST_STATES; i++) {
        assert_int_equal(strlen(life[i].to), LIST_EVENTS);
        for (enum list_event e = 0; e < LIST_EVENTS; e++) {
            enum list_state to = LIST_STATES;
            bool may = list_life_step(life[i].from, e, &to);

            if (may != (life[i].to[e] != '.') || (may && letter(to) != life[i].to[e]))
                fail_msg("%s at %s", list_event_name(e), list_state_name(life[i].from));
            if (!may)
                assert_int_equal(to, LIST_STATES);
        }
    }
}

/* Whatever happens, in whatever order, nothing comes to be served without a proof before it. */
static void no_way_in_without_proof(void **state)
{
    bool reached[LIST_STATES] = {[LIST_NONE] = true};

    for (unsigned round = 0; round < LIST_STATES; round++)
        for (enum list_state s = 0; s < LIST_STATES; s++)
            for (enum list_event e = 0; reached[s] && e < LIST_EVENTS; e++) {
                enum list_state to;

                if (e != LIST_PROVE && list_life_step(s, e, &to))
                    reached[to] = true;
            }
    assert_false(reached[LIST_CONFIRMED]);
    assert_false(reached[LIST_PROVISIONAL]);
    assert_false(reached[LIST_LISTED]);
    assert_true(reached[LIST_TESTING]);
}

/* What says nothing neither lists nor delists. */
static void undecided_changes_nothing_served(void **state)
{
    static const enum list_event nothing[] = {LIST_UNDECIDED, LIST_ABANDON, LIST_TEST,
                                              LIST_NOMINATE};

    for (enum list_state s = 0; s < LIST_STATES; s++)
        for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
            enum list_state to;

            if (list_life_step(s, nothing[i], &to))
                assert_int_equal(list_state_served(s), list_state_served(to));
        }
}

static void names(void **state)
{
    enum list_state got;

    for (enum list_state s = 0; s < LIST_STATES; s++) {
        assert_true(list_state_of(span_str(list_state_name(s)), &got));
        assert_int_equal(got, s);
        for (enum list_state other = 0; other < s; other++)
            assert_string_not_equal(list_state_name(s), list_state_name(other));
    }
    for (enum list_event e = 0; e < LIST_EVENTS; e++)
        assert_string_not_equal(list_event_name(e), "?");
    assert_string_equal(list_state_name(LIST_STATES), "?");
    assert_string_equal(list_event_name(LIST_EVENTS), "?");
    assert_false(list_state_of(SPAN_LIT("list"), &got));
    assert_false(list_state_of(SPAN_NULL, &got));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair),
        cmocka_unit_test(no_way_in_without_proof),
        cmocka_unit_test(undecided_changes_nothing_served),
        cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
