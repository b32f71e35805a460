/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A door with a small catalogue of its own, for the tests of this folder: each test names the
 * probes that it needs, so that what it expects does not change with the rows that are shipped.
 */
#ifndef POSTERN_PROBE_STAGE_TEST_H
#define POSTERN_PROBE_STAGE_TEST_H

#include "probe/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* clang-format off */
#define SENDER(id, more)        "Kind: sender\nId: " id "\nFamily: " id "\n" more END
#define RECIPIENT(id, more)     "Kind: recipient\nId: " id "\n" more END
#define HELO(id, form)          "Kind: helo\nId: " id "\nForm: " form "\n" END
#define CHANNEL(id, type, with) "Kind: channel\nId: " id "\n" type "With: " with "\n" END
#define END                     "Prior: 100\nFlaw: A flaw.\nSource: test\n\n"
#define BDAT                    "Family: bdat\nChannel: bdat\n"
#define PROXY1                  "Family: proxy\nChannel: proxy1\n"
#define PROXY2                  "Family: proxy\nChannel: proxy2\n"
#define EARLY                   "Family: early-talk\nChannel: early\n"
#define AUTH                    "Family: auth\nChannel: auth\n"

static const char stage_rows[] =
    SENDER("third", "Form: <{s}@{d}>\n")
    SENDER("null", "Form: <>\n")
    SENDER("bare", "Form: <{s}>\nRisk: syntax\n")
    SENDER("wide", "Form: <{s}@{d}>\nNeeds: smtputf8\n")
    RECIPIENT("plain", "Family: plain\nForm: <{u}@{d}>\n")
    RECIPIENT("percent", "Family: percent\nForm: <{u}%{d}@{ip.bare}>\n")
    RECIPIENT("host", "Family: percent\nForm: <{u}%{d}@{H}>\n")
    RECIPIENT("twoat", "Family: twoat\nForm: <{u}@{d}@{ip.bare}>\nRisk: syntax\n")
    RECIPIENT("octets", "Family: plain\nForm: <{u}@{d}>\nNeeds: 8bitmime\n")
    RECIPIENT("role", "Family: role\nForm: <postmaster@{d}>\n")
    HELO("own", "{me}")
    HELO("localhost", "localhost")
    CHANNEL("bdat-one", BDAT, "all last")
    CHANNEL("bdat-cut", BDAT, "1 20 all last")
    CHANNEL("bdat-empty", BDAT, "all 0 last")
    CHANNEL("proxy1", PROXY1, "PROXY TCP4 127.0.0.1 {ip.bare} 1 25")
    CHANNEL("proxy2", PROXY2, "tcp4 127.0.0.1 {ip.bare}")
    CHANNEL("proxy2-six", PROXY2, "tcp6 ::1 2001:db8::1")
    CHANNEL("proxy2-own", PROXY2, "local")
    CHANNEL("early-banner", EARLY, "banner")
    CHANNEL("early-data", EARLY, "data")
    CHANNEL("login", AUTH, "LOGIN {account} | {password}")
    CHANNEL("plain-login", AUTH, "PLAIN \\x00{account}\\x00{password}");
/* clang-format on */

enum { STAGE_PROBES = 600 };

struct stage {
    struct catalogue catalogue;
    struct probe probes[STAGE_PROBES];
    struct probe_list list;
    struct door_run run;
    struct door_host host;
    struct door door;
    int64_t now;
};

static const uint8_t stage_key[MAC_KEY] = {4, 5, 6};

static inline struct stage *stage_new(void)
{
    struct stage *st = calloc(1, sizeof(*st));
    struct catalogue_error err = {0};

    assert_non_null(st);
    catalogue_init(&st->catalogue);
    if (catalogue_load(&st->catalogue, span_str(stage_rows), "stage", &err) != 0)
        fail_msg("%s", err.text);
    st->list.probes = st->probes;
    st->now = 1000000;
    st->run = (struct door_run){
        .list = &st->list,
        .key = stage_key,
        .run = 7,
        .day = 9,
        .domain = "probe.example",
        .helo = "t.example",
        .tester = "t.example",
        .contact = "postmaster@probe.example",
        .uri = "mailto:postmaster@probe.example",
        .opt_out = "postmaster@probe.example",
        .rand = "abcdefgh",
        .timeout_ms = 60000,
        .wildcard_mx = true,
    };
    st->host = (struct door_host){
        .run = &st->run,
        .given = "mx.example",
        .ip = {.family = IP_V4, .b = {192, 0, 2, 1}},
        .mine = {.family = IP_V4, .b = {198, 51, 100, 7}},
        .controls = {"<postmaster>", "<postmaster@mx.example>"},
        .own = true,
    };
    return st;
}

static inline const struct form *stage_form(struct stage *st, enum form_kind kind, const char *id)
{
    const struct form *form = catalogue_find(&st->catalogue, kind, span_str(id));

    if (!form)
        fail_msg("no %s row \"%s\"", form_kind_name(kind), id);
    return form;
}

/* A probe more; `helo` and `channel` may be NULL. */
static inline struct probe *stage_probe(struct stage *st, const char *sender, const char *rcpt,
                                        const char *helo, const char *channel)
{
    struct probe *p = &st->probes[st->list.count];

    assert_true(st->list.count < STAGE_PROBES);
    *p = (struct probe){
        .sender = stage_form(st, FORM_SENDER, sender),
        .rcpt = stage_form(st, FORM_RECIPIENT, rcpt),
        .helo = stage_form(st, FORM_HELO, helo ? helo : "own"),
        .channel = channel ? stage_form(st, FORM_CHANNEL, channel) : NULL,
        .prior = 100,
    };
    p->cause = p->channel ? p->channel : p->rcpt;
    p->needs = p->sender->needs | p->rcpt->needs | p->helo->needs;
    p->needs |= p->channel ? p->channel->needs : 0;
    p->risk_syntax = p->sender->risk_syntax || p->rcpt->risk_syntax;
    snprintf(p->id, sizeof(p->id), "%s.%s.%zu", sender, rcpt, st->list.count);
    st->list.count++;
    return p;
}

/* When all probes are there. */
static inline struct door *stage_door(struct stage *st)
{
    pace_init(&st->host.pace, !st->host.own);
    assert_int_equal(door_init(&st->door, &st->host, 25, DOOR_PLAIN, 0, 0, st->now), 0);
    return &st->door;
}

static inline void stage_free(struct stage *st)
{
    if (st->door.host)
        door_deinit(&st->door);
    catalogue_deinit(&st->catalogue);
    free(st);
}

/* As if the server had said this to the probe's recipient. */
static inline void stage_answer(struct door *d, size_t probe, enum probe_state state,
                                enum meaning m)
{
    struct smtp_reply reply = {.code = state == PROBE_REFUSED ? 550 : 250};

    d->results[probe].attempts = 1;
    door_refused(d, probe, state, SMTP_STAGE_RCPT, &reply, m);
}

/* As if a session had been held: greeting and EHLO seen. */
static inline void stage_met(struct door *d)
{
    d->banner_seen = d->ehlo_seen = true;
    d->last_end = DOOR_END_DONE;
}

#endif
