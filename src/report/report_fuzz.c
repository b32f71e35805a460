/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any JSON, an array of documents or one, through every renderer. */
#include "report/report.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct report_style style = {.width = 60, .all = size & 1};
    json_t *docs = json_loadb((const char *)data, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    struct report_set set = {0};
    struct buf out = BUF_INIT(16 << 20);
    size_t count = json_is_array(docs) ? json_array_size(docs) : 1;

    for (size_t i = 0; docs && i < count; i++)
        report_set_add(&set, json_is_array(docs) ? json_array_get(docs, i) : docs);
    for (size_t i = 0; i < set.count; i++) {
        report_table_target(&out, &set.targets[i], &style);
        report_table_line(&out, set.targets[i].verdict, &style);
    }
    report_junit(&out, set.targets, set.count);
    report_prometheus(&out, set.targets, set.count);
    report_nagios(&out, set.targets, set.count);
    report_html(&out, set.targets, set.count, NULL);
    for (size_t i = 0; !out.err && i < out.n; i++)
        if (out.p[i] != '\n' && (out.p[i] < ' ' || out.p[i] > '~'))
            abort();
    buf_deinit(&out);
    report_set_deinit(&set);
    json_decref(docs);
    return 0;
}
