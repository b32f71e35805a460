/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Nominations as JSON lines. What a stranger wrote into them (HELO, envelope, header fields) is
 * kept as it stands, for people; only address, time and our own few words are read, and the words
 * only where they are words.
 *
 * A refused relay attempt at a gate says that its client looks for relays. Such clients are often
 * relays or bots themselves, which is the "cause" that a test needs. No nomination of any kind
 * lists: what came from a witness of a chain may be forged from end to end.
 */
#include "list/nominate.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

const char *list_witness_name(enum list_witness w)
{
    switch (w) {
    case LIST_WITNESS_UNTOLD:
        return "untold";
    case LIST_WITNESS_OWN:
        return "own";
    case LIST_WITNESS_CHAIN:
        return "chain";
    case LIST_WITNESS_PERSON:
        return "person";
    }
    return "?";
}

static bool is_word(const char *s)
{
    size_t n = 0;

    for (; s[n] && n <= LIST_WORD_MAX; n++)
        if (!ascii_is_alnum(s[n]) && s[n] != '-' && s[n] != '_')
            return false;
    return n > 0 && n <= LIST_WORD_MAX;
}

static void word(const json_t *o, const char *key, const char *fallback,
                 char ret[LIST_WORD_MAX + 1])
{
    const char *s = json_string_value(json_object_get(o, key));

    snprintf(ret, LIST_WORD_MAX + 1, "%s", s && is_word(s) ? s : fallback);
}

static enum list_witness witness_of(const json_t *o)
{
    const char *s = json_string_value(json_object_get(o, "witness"));
    const char *source = json_string_value(json_object_get(o, "source"));

    if (s && strcmp(s, "own") == 0)
        return LIST_WITNESS_OWN;
    if (s && strcmp(s, "chain") == 0)
        return LIST_WITNESS_CHAIN;
    if (s && strcmp(s, "person") == 0)
        return LIST_WITNESS_PERSON;
    /* The gate saw its client itself, and says no more. */
    return source && strcmp(source, "gate") == 0 ? LIST_WITNESS_OWN : LIST_WITNESS_UNTOLD;
}

static int judge(const json_t *o, struct list_nomination *ret, const char **ret_why)
{
    const char *type = json_string_value(json_object_get(o, "type"));
    const char *ip = json_string_value(json_object_get(o, "ip"));
    json_int_t wall = json_integer_value(json_object_get(o, "wall"));

    if (!json_is_object(o)) {
        *ret_why = "is no JSON object";
        return LIST_NOMINATION_BAD;
    }
    if (type && strcmp(type, "nomination") != 0)
        return LIST_NOMINATION_OTHER;
    if (!ip || !ip_parse(span_str(ip), &ret->ip)) {
        *ret_why = "has no address as \"ip\"";
        return LIST_NOMINATION_BAD;
    }
    ret->wall = wall > 0 ? (int64_t)wall : 0;
    word(o, "source", "file", ret->source);
    word(o, "reason", "nominated", ret->reason);
    ret->witness = witness_of(o);
    return LIST_NOMINATION;
}

int list_nomination_read(struct span line, struct list_nomination *ret, const char **ret_why)
{
    json_error_t err;
    json_t *o;
    int rc;

    *ret = (struct list_nomination){.text = line};
    *ret_why = "is too long";
    if (line.n > LIST_LINE_MAX)
        return LIST_NOMINATION_BAD;
    o = json_loadb(line.n ? line.p : "", line.n, JSON_REJECT_DUPLICATES, &err);
    if (!o && json_error_code(&err) == json_error_out_of_memory)
        return -ENOMEM;
    if (!o) {
        *ret_why = "is no JSON";
        return LIST_NOMINATION_BAD;
    }
    rc = judge(o, ret, ret_why);
    json_decref(o);
    return rc;
}
