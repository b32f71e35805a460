/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tester has stored its JSON lines as it printed them, so a stored run is rendered from the
 * very same documents. A line that cannot be read is counted and left out: the rest of an old or
 * damaged result is still worth showing.
 */
#include "cmd/common/load.h"

#include "cmd/common/view.h"

#include <errno.h>
#include <string.h>

static bool wanted(const json_t *doc, enum load_depth depth)
{
    const char *type = json_string_value(json_object_get(doc, "type"));

    return depth == LOAD_ALL || !type || strcmp(type, "probe") != 0;
}

int load_each(struct store *store, int64_t target, load_fn *fn, void *ctx,
              struct load_faults *faults)
{
    struct buf text = BUF_INIT(STORE_RESULT_MAX);
    int rc = store_target_result(store, target, &text);
    struct span lines = buf_span(&text), line;

    if (rc == STORE_NONE)
        rc = 0;
    while (rc == 0 && span_cut(&lines, '\n', &line)) {
        json_error_t why;
        json_t *doc;

        if (span_trim(line).n == 0)
            continue;
        doc = json_loadb(line.p, line.n, 0, &why);
        if (!doc && json_error_code(&why) == json_error_out_of_memory)
            rc = -ENOMEM;
        else if (!json_is_object(doc))
            faults->lines++;
        else
            rc = fn(ctx, doc);
        json_decref(doc);
    }
    buf_deinit(&text);
    return rc;
}

struct adding {
    struct report_set *set;
    enum load_depth depth;
};

static int add(void *ctx, json_t *doc)
{
    const struct adding *adding = ctx;
    int rc = wanted(doc, adding->depth) ? report_set_add(adding->set, doc) : REPORT_ADDED;

    return rc < 0 ? rc : 0;
}

/* What stands for a verdict while there is none. */
static int add_unfinished(const struct store_target *target, struct report_set *set)
{
    json_t *doc = json_pack("{s:s}", "type", "verdict");
    const char *why = target->state == STORE_TARGET_PENDING ? "not tested yet"
                                                            : "the test has not come to its end";
    int rc;

    if (!doc || !view_json_text(doc, "target", target->name) ||
        !view_json_text(doc, "why", span_str(why)))
        rc = -ENOMEM;
    else
        rc = report_set_add(set, doc);
    json_decref(doc);
    return rc < 0 ? rc : 0;
}

int load_target(struct store *store, const struct store_target *target, enum load_depth depth,
                struct report_set *set, struct load_faults *faults)
{
    int rc = load_each(store, target->id, add, &(struct adding){set, depth}, faults);

    return rc == 0 && target->verdict.n == 0 ? add_unfinished(target, set) : rc;
}

void load_advise(const struct advise_book *book, struct report_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct report_target *t = &set->targets[i];
        /* The set owns its documents and lends them out as constant. */
        json_t *verdict = (json_t *)(uintptr_t)t->verdict;
        json_t *advice = NULL;

        if (verdict && !json_object_get(verdict, "advice"))
            advice = advice_of_target(book, t);
        if (advice)
            json_object_set_new(verdict, "advice", advice);
    }
}
