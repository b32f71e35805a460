/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes are judged and rendered; names and notes stay in the message; E to U blame nobody. */
#include "trace/render.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct span whole, struct span s)
{
    assert(!s.n || (s.p >= whole.p && s.p + s.n <= whole.p + whole.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct render_style style = {.colour = true, .utf8 = true};
    struct span message = span_of(data, size);
    struct trace_options o = {.hosts = {SPAN_LIT("example.org")}, .host_count = size & 1};
    struct buf out = BUF_INIT(1 << 24);
    struct trace t = {0};

    if (trace_message(message, &o, &t) == 0) {
        assert(t.own <= t.count && t.genuine <= t.count);
        assert(trace_class_blames(t.class) || !t.culprit.name_count);
        for (size_t i = 0; i < t.culprit.name_count; i++)
            inside(message, t.culprit.names[i]);
        for (size_t i = 0; i < t.note_count; i++)
            inside(message, t.notes[i].about);
        render_json(&out, &t, message, true);
        render_text(&out, &t, message, &style);
        render_line(&out, &t, message, &style);
        render_card(&out, &t, message);
        render_nomination(&out, &t, message, (int64_t)size);
        assert(!out.err);
    }
    trace_deinit(&t);
    buf_deinit(&out);
    return 0;
}
