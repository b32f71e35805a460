/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Documents arrive one by one, in the order in which a run made them; the renderers want them by
 * target. jansson's objects are hash tables that keep references, so one of them holds everything:
 *
 *     index = { "mx.example": { "at": 0, "verdict": doc, "doors": [doc, …], "probes": [doc, …],
 *                               "places": { "192.0.2.1 25 none": 0, … } }, … }
 *
 * and the array that the renderers take borrows from it.
 */
#include "report/doc.h"
#include "report/report.h"

#include <errno.h>
#include <stdlib.h>

enum { DOOR_KEY_MAX = 400 };

void report_set_init(struct report_set *s)
{
    *s = (struct report_set){0};
}

void report_set_deinit(struct report_set *s)
{
    json_decref(s->index);
    free(s->targets);
    *s = (struct report_set){0};
}

/* What is held of a target; made when it is new. NULL out of memory. */
static json_t *entry_of(struct report_set *s, const char *target)
{
    json_t *entry;

    if (!s->index && !(s->index = json_object()))
        return NULL;
    entry = json_object_get(s->index, target);
    if (entry)
        return entry;
    if (array_grow(&s->targets, &s->cap, sizeof(*s->targets), s->count + 1) < 0)
        return NULL;
    entry = json_pack("{sI s[] s[] s{}}", "at", (json_int_t)s->count, "doors", "probes", "places");
    if (!entry || json_object_set_new(s->index, target, entry) < 0)
        return NULL;
    s->targets[s->count++] = (struct report_target){
        .doors = json_object_get(entry, "doors"),
        .probes = json_object_get(entry, "probes"),
    };
    return entry;
}

static int add_door(json_t *entry, json_t *doc)
{
    json_t *doors = json_object_get(entry, "doors"), *places = json_object_get(entry, "places");
    struct buf key = BUF_INIT(DOOR_KEY_MAX);
    const json_t *place;
    int rc;

    report_doc_show(&key, report_doc_text(doc, "address"));
    buf_addf(&key, " %llu ", (unsigned long long)report_doc_count(doc, "port"));
    report_doc_show(&key, report_doc_text(doc, "tls"));
    /* A door whose name is too long to be one is kept, but never taken for another. */
    place = key.err ? NULL : json_object_get(places, buf_str(&key));
    if (place)
        rc = json_array_set(doors, (size_t)json_integer_value(place), doc);
    else if (!key.err && json_object_set_new(places, buf_str(&key),
                                             json_integer((json_int_t)json_array_size(doors))) < 0)
        rc = -1;
    else
        rc = json_array_append(doors, doc);
    buf_deinit(&key);
    return rc < 0 ? -ENOMEM : REPORT_ADDED;
}

int report_set_add(struct report_set *s, json_t *doc)
{
    bool verdict = report_doc_is(doc, "type", "verdict");
    bool door = report_doc_is(doc, "type", "door");
    struct span target = report_doc_text(doc, "target");
    json_t *entry;

    if (target.n == 0 || (!verdict && !door && !report_doc_is(doc, "type", "probe")))
        return REPORT_NOT_OURS;
    entry = entry_of(s, target.p);
    if (!entry)
        return -ENOMEM;
    if (door)
        return add_door(entry, doc);
    if (!verdict)
        return json_array_append(json_object_get(entry, "probes"), doc) < 0 ? -ENOMEM
                                                                            : REPORT_ADDED;
    if (json_object_set(entry, "verdict", doc) < 0)
        return -ENOMEM;
    s->targets[json_integer_value(json_object_get(entry, "at"))].verdict = doc;
    return REPORT_ADDED;
}
