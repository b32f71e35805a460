/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern list dynamic: what a name looks like, and the rows as a zone of names. In the zone the
 * rows are patterns tried in order: the static ones come first and hide the name, so that both ways
 * say the same.
 */
#include "cmd/list/others.h"

#include "base/escape.h"
#include "base/num.h"
#include "io/datadir.h"
#include "io/file.h"
#include "list/dynamic.h"
#include "zone/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

static const char program[] = "postern list dynamic";

enum { ROWS_FILE_MAX = 4 << 20, NAMES_MAX = 256 << 20 };

struct args {
    struct list_args common;
    struct option_list rows;
    const char *as, *code;
    int64_t keep;
    bool generic, check;
};

static const struct option_row rows[] = {
    {"rows", 'r', "FILE", "further rows; those of a known id take its place", OPTION_LIST,
     offsetof(struct args, rows)},
    {"generic", 'g', NULL, "names with an address in them and no more count as well", OPTION_FLAG,
     offsetof(struct args, generic)},
    {"check", 0, NULL, "hold each row to the names that it says to match and to miss", OPTION_FLAG,
     offsetof(struct args, check)},
    {.group = "As a zone"},
    {"as", 'a', "NAME", "serve the rows as this zone of names", OPTION_TEXT,
     offsetof(struct args, as)},
    {"code", 0, "ADDR", "its A record", OPTION_TEXT, offsetof(struct args, code),
     .shown = "127.0.0.3"},
    {"keep", 0, "TIME", "goes out by itself unless served anew", OPTION_TIME,
     offsetof(struct args, keep), .min = 60000, .max = UINT64_C(3660) * 86400000, .shown = "365d"},
    LIST_OPTION_ROWS(struct args, common),
    {0},
};

static const struct options options = {
    .program = program,
    .about = "Tells names of dial-up and dynamic space from chosen ones.",
    .usage = "[OPTION]... NAME...\n[OPTION]... - < NAMES\n[OPTION]... --as ZONE",
    .text = "Such a name is a reason to score, never to list an open relay.\n\n"
            "Exit status: 0 none of the names is dynamic, 1 some are, 64 misuse, 65 a bad row.",
    .rows = rows,
};

/* ---- rows ---- */

static int load_file(struct dynamic_rules *r, const char *path)
{
    struct buf text = BUF_INIT(ROWS_FILE_MAX);
    struct rows_error err = {0};
    int rc = file_read(path, &text);

    if (rc < 0) {
        fprintf(stderr, "%s: %s: %s\n", program, path, strerror(-rc));
        rc = EX_NOINPUT;
    } else {
        rc = dynamic_read(r, buf_span(&text), &err);
        if (rc < 0)
            fprintf(stderr, "%s: %s:%u: %s\n", program, path, err.line,
                    rc == -ENOMEM ? "out of memory" : err.why);
        rc = rc == 0 ? 0 : rc == -ENOMEM ? EX_OSERR : EX_DATAERR;
    }
    buf_deinit(&text);
    return rc;
}

static int load(struct dynamic_rules *r, const struct args *args)
{
    char path[DATADIR_PATH_MAX];
    struct rows_error err;
    int rc;

    if (!datadir_find("list/dynamic.rows", path)) {
        fprintf(stderr, "%s: %s: no such data file; set POSTERN_DATA to the folder of list/\n",
                program, path);
        return EX_CONFIG;
    }
    rc = load_file(r, path);
    for (size_t i = 0; i < args->rows.count && rc == 0; i++)
        rc = load_file(r, args->rows.v[i]);
    if (rc == 0 && args->check && dynamic_check(r, &err) < 0) {
        fprintf(stderr, "%s: %s\n", program, err.why);
        rc = EX_DATAERR;
    }
    return rc;
}

/* ---- names ---- */

static bool is_hit(const struct args *args, enum dynamic_got got)
{
    return got == DYNAMIC_YES || (got == DYNAMIC_MADE && args->generic);
}

static void say_name(const struct args *args, struct span name, const struct dynamic_judgement *j,
                     struct buf *out)
{
    struct buf shown = BUF_INIT(2000);
    json_t *doc;
    char *text = NULL;

    escape_text(&shown, span_slice(name, 0, 400));
    if (args->common.json) {
        doc = json_pack("{ss ss sb}", "type", "name", "judged", dynamic_got_name(j->got), "listed",
                        is_hit(args, j->got));
        if (doc && view_json_text(doc, "name", name) &&
            (!j->row || (view_json_text(doc, "row", span_str(j->row->id)) &&
                         view_json_text(doc, "why", span_str(j->row->why)))))
            text = json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS);
        json_decref(doc);
        buf_addf(out, "%s\n", text ? text : "{}");
        free(text);
    } else {
        buf_addf(out, "%-10s %s", dynamic_got_name(j->got), buf_str(&shown));
        if (j->row)
            buf_addf(out, "  (%s: %s)", j->row->id, j->row->why);
        buf_add_char(out, '\n');
    }
    buf_deinit(&shown);
}

static bool judge(const struct args *args, const struct dynamic_rules *r, struct span name,
                  struct buf *out)
{
    struct dynamic_judgement j = dynamic_judge(r, name);

    say_name(args, name, &j, out);
    return is_hit(args, j.got);
}

static int judge_all(const struct args *args, const struct dynamic_rules *r, char **names,
                     int count)
{
    struct buf out = BUF_INIT(VIEW_OUT_MAX), in = BUF_INIT(NAMES_MAX);
    bool hit = false;
    int status = 0;

    for (int i = 0; i < count && status == 0; i++) {
        struct span rest, line;

        if (strcmp(names[i], "-") != 0) {
            hit |= judge(args, r, span_str(names[i]), &out);
            continue;
        }
        status = file_read("-", &in) < 0 ? EX_NOINPUT : 0;
        rest = buf_span(&in);
        while (status == 0 && span_cut(&rest, '\n', &line))
            if (span_trim(line).n)
                hit |= judge(args, r, span_trim(line), &out);
    }
    if (status == 0)
        status = view_print(program, &out);
    buf_deinit(&out);
    buf_deinit(&in);
    return status ? status : hit;
}

/* ---- a zone ---- */

static int value_of(const struct dynamic_row *row, uint32_t code, struct zone_data *data,
                    uint32_t *ret)
{
    struct buf text = BUF_INIT(ZONE_TEMPLATE_MAX);
    int rc;

    zone_text_add_subject(&text);
    zone_text_add(&text, row->kind == DYNAMIC_GENERIC ? SPAN_LIT(" is a machine-made name: ")
                                                      : SPAN_LIT(" is a name of dynamic space: "));
    zone_text_add(&text, span_slice(span_str(row->why), 0, 100));
    zone_text_add(&text, SPAN_LIT("; score, do not block"));
    rc = text.err
             ? text.err
             : zone_data_value(data, &(struct zone_value){.a = code, .text = buf_span(&text)}, ret);
    buf_deinit(&text);
    return rc;
}

static int fill(const struct args *args, const struct dynamic_rules *r, uint32_t code,
                struct zone_data *data)
{
    struct zone_table *table;
    int rc = zone_data_table(data, ZONE_PATTERN, ZONE_LONGEST, &table);

    for (size_t i = 0; i < r->count && rc == 0; i++) {
        struct buf source = BUF_INIT(ZONE_PATTERN_LEN_MAX);
        uint32_t value = ZONE_EXCLUDED;

        if (r->rows[i].kind == DYNAMIC_GENERIC && !args->generic)
            continue;
        rc = dynamic_whole_pattern(&r->rows[i], &source);
        if (rc == 0 && r->rows[i].kind != DYNAMIC_STATIC)
            rc = value_of(&r->rows[i], code, data, &value);
        if (rc == 0)
            rc = zone_table_add_pattern(table, buf_span(&source), value, 0);
        buf_deinit(&source);
    }
    return rc;
}

static int serve(const struct args *args, const struct dynamic_rules *r)
{
    struct others_zone z = {
        .program = program,
        .state = args->common.state,
        .name = args->as,
        .origin = "dynamic",
        .source = "list/dynamic.rows",
        .now_wall = time(NULL),
        .keep_s = args->keep / 1000,
        .limits = zone_limits_usual,
        .force = true,
    };
    struct buf out = BUF_INIT(1000);
    struct others_made made;
    struct zone_data data;
    struct ip code;
    int status;

    if (!ip_parse(span_str(args->code), &code) || code.family != IP_V4 || code.b[0] != 127 ||
        num_get32(code.b) == 0x7f000001)
        return options_misuse(&options, "--code: an address of 127.0.0.0/8, but 127.0.0.1");
    zone_data_init(&data);
    if (fill(args, r, num_get32(code.b), &data) < 0) {
        fprintf(stderr, "%s: the rows do not fit into a zone\n", program);
        status = EX_DATAERR;
    } else {
        status = others_publish(&z, &data, &made);
    }
    if (status == 0) {
        buf_addf(&out, "%s: serial %u, %llu patterns\n", args->as, made.serial,
                 (unsigned long long)made.counts.patterns);
        status = view_print(program, &out);
    }
    zone_data_deinit(&data);
    buf_deinit(&out);
    return status;
}

int verb_dynamic(int argc, char **argv)
{
    struct args args = {
        .common = LIST_ARGS_INIT, .code = "127.0.0.3", .keep = INT64_C(365) * 86400000};
    struct list_call call = {.options = &options, .args = &args, .common = &args.common};
    struct dynamic_rules r = {0};
    int first, status;

    if (!list_call_start(&call, argc, argv, &first, &status))
        return status;
    if (first == argc && !args.as && !args.check)
        status = options_misuse(&options, "which names?");
    else if (first < argc && args.as)
        status = options_misuse(&options, "either names or --as");
    else
        status = load(&r, &args);
    if (status == 0 && args.as)
        status = serve(&args, &r);
    else if (status == 0 && first < argc)
        status = judge_all(&args, &r, argv + first, argc - first);
    dynamic_deinit(&r);
    option_list_deinit(&args.rows);
    return list_call_end(&call, status);
}
