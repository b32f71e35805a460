/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each kind of source ends as data of zone/data.h, then as an image in memory: the way that serving
 * takes. Of a transfer the records of one owner come together; they are gathered until the owner
 * changes, for the text that stands beside an address is that of the same owner.
 */
#include "cmd/list/source.h"

#include "cmd/list/source_priv.h"
#include "io/file.h"
#include "io/gunzip.h"
#include "listfile/lists.h"
#include "zone/build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

const char *source_forms(void)
{
    return "A list is FILE (plain text, CSV or JSON), TYPE:FILE[,FILE]... with a type of rbldnsd "
           "(ip4set, ip4trie, ip4tset, ip6trie, ip6tset, dnset, generic, combined) or text, csv, "
           "json, zone:NAME (one of ours) or axfr:ZONE@ADDR[:PORT] (a zone transfer).";
}

int source_say(const struct source_options *o, int status, const char *spec, const char *why)
{
    struct buf text = BUF_INIT(SOURCE_ERROR_MAX);

    escape_text(&text, span_slice(span_str(spec), 0, 200));
    fprintf(stderr, "%s: %s: %s\n", o->program, buf_str(&text), why);
    buf_deinit(&text);
    return status;
}

static void say_remarks(const struct source_options *o, const struct zone_remarks *r)
{
    char text[600];

    for (size_t i = 0; i < r->n; i++)
        fprintf(stderr, "%s: %s\n", o->program, zone_remark_text(&r->v[i], text, sizeof(text)));
    if (r->skipped + r->warnings + r->refused > r->n)
        fprintf(stderr, "%s: and %llu more remarks\n", o->program,
                (unsigned long long)(r->skipped + r->warnings + r->refused - r->n));
}

struct zone_data *source_data(struct source *s)
{
    struct rbl_zone **v = realloc(s->zones.v, (s->zones.n + 1) * sizeof(*v));

    if (!v)
        return NULL;
    s->zones.v = v;
    v[s->zones.n] = calloc(1, sizeof(**v));
    if (!v[s->zones.n])
        return NULL;
    zone_data_init(&v[s->zones.n]->data);
    s->zones.cap = ++s->zones.n;
    return &v[s->zones.n - 1]->data;
}

/* ---- files ---- */

struct files {
    struct rbl_file v[SOURCE_FILES_MAX];
    struct buf text[SOURCE_FILES_MAX];
    char *name[SOURCE_FILES_MAX];
    size_t count;
};

static void files_free(struct files *f)
{
    for (size_t i = 0; i < f->count; i++) {
        buf_deinit(&f->text[i]);
        free(f->name[i]);
    }
    free(f);
}

/* rbldnsd reads packed lists too. */
static int unpack(struct buf *text)
{
    struct span packed = buf_span(text);
    struct buf out = BUF_INIT(SOURCE_FILE_MAX);
    char *p;
    size_t n;
    int rc;

    if (!gunzip_is(packed))
        return 0;
    rc = gunzip(packed, SOURCE_FILE_MAX - 1, &p, &n);
    if (rc < 0)
        return rc;
    buf_add(&out, span_of(p, n));
    free(p);
    buf_deinit(text);
    *text = out;
    return out.err;
}

static int files_read(struct span names, const struct source_options *o, struct files **ret)
{
    struct files *f = calloc(1, sizeof(*f));
    struct span name;
    struct stat st;
    int rc = f ? 0 : -ENOMEM;

    while (rc == 0 && span_cut(&names, ',', &name)) {
        if (f->count == SOURCE_FILES_MAX) {
            rc = source_say(o, EX_USAGE, "files", "too many");
            break;
        }
        buf_init(&f->text[f->count], SOURCE_FILE_MAX);
        f->name[f->count] = span_dup(name);
        if (!f->name[f->count++]) {
            rc = -ENOMEM;
            break;
        }
        rc = file_read(f->name[f->count - 1], &f->text[f->count - 1]);
        if (rc == 0)
            rc = unpack(&f->text[f->count - 1]);
        if (rc == -EBADMSG)
            rc = source_say(o, EX_DATAERR, f->name[f->count - 1], "is damaged");
        else if (rc < 0)
            rc = source_say(o, EX_NOINPUT, f->name[f->count - 1], strerror(-rc));
        /* A serial of 0 in $SOA is the time of the file. */
        f->v[f->count - 1] = (struct rbl_file){
            .name = f->name[f->count - 1],
            .text = buf_span(&f->text[f->count - 1]),
            .mtime_wall = stat(f->name[f->count - 1], &st) < 0 ? o->now_wall : st.st_mtim.tv_sec,
        };
    }
    if (rc && f) {
        files_free(f);
        f = NULL;
    }
    *ret = f;
    return rc;
}

static int open_rbl(enum rbl_type type, struct span names, const char *spec,
                    const struct source_options *o, struct source *s)
{
    struct rbl_options options = {.now_wall = o->now_wall, .strict = o->strict};
    struct files *files;
    int rc = files_read(names, o, &files);

    if (rc == 0) {
        rc = rbl_read(type, files->v, files->count, &options, &s->zones, &s->remarks);
        if (rc == RBL_REFUSED)
            rc = source_say(o, EX_DATAERR, spec, "the list is refused");
        files_free(files);
    }
    return rc;
}

/* `format` is LISTS_FORMATS where the bytes are to tell. */
static int open_text(enum lists_format format, struct span names, const char *spec,
                     const struct source_options *o, struct source *s)
{
    struct lists_options options = {
        .a = o->a, .text = span_str(o->text), .strict = o->strict, .entries = &s->entries};
    struct zone_data *data = source_data(s);
    struct files *files = NULL;
    int rc = data ? files_read(names, o, &files) : -ENOMEM;

    for (size_t i = 0; rc == 0 && i < files->count; i++) {
        const struct rbl_file *f = &files->v[i];

        rc = lists_read(format == LISTS_FORMATS ? lists_guess(f->text) : format, f->name, f->text,
                        &options, data, &s->remarks);
        if (rc == LISTS_REFUSED)
            rc = source_say(o, EX_DATAERR, spec, "the list is refused");
    }
    if (files)
        files_free(files);
    return rc;
}

/* ---- ours ---- */

static int open_zone(struct span name, const char *spec, const struct source_options *o,
                     struct source *s)
{
    char err[STATE_ERROR_MAX], folder[DATADIR_PATH_MAX], zones[DATADIR_PATH_MAX], *text;
    struct dns_name parsed;
    struct state state;
    int rc;

    /* A name that is one leads to no other folder: it has neither slashes nor empty labels. */
    text = span_dup(name);
    if (!text || span_find(name, '/') < name.n || !dns_name_parse(name, &parsed)) {
        free(text);
        return source_say(o, EX_USAGE, spec, "no name of a zone");
    }
    rc = state_open(&state, o->state, false, err);
    if (rc < 0)
        rc = source_say(o, state_exit(rc), spec, err);
    else if (!datadir_join(state.folder, "zones", zones) || !datadir_join(zones, text, folder))
        rc = source_say(o, EX_USAGE, spec, "the path is too long");
    if (rc == 0) {
        rc = zone_now_open(folder, &s->now);
        s->is_now = true;
        if (rc < 0)
            rc = source_say(o, EX_NOINPUT, spec,
                            rc == -ENOENT    ? "there is no zone of ours of that name"
                            : rc == -EBADMSG ? "the zone's image can't be used"
                                             : strerror(-rc));
    }
    free(text);
    return rc;
}

/* ---- parts ---- */

static uint64_t entries_of(const struct zone_data *d)
{
    uint64_t n = 0;

    for (size_t i = 0; i < d->table_count; i++) {
        const struct zone_table *t = d->tables[i];

        for (size_t k = 0; k < t->count; k++)
            switch (t->kind) {
            case ZONE_IPV4:
                n += t->e.v4[k].value != ZONE_EXCLUDED;
                break;
            case ZONE_IPV6:
                n += t->e.v6[k].value != ZONE_EXCLUDED;
                break;
            case ZONE_NAME:
                n += t->e.names[k].value != ZONE_EXCLUDED;
                break;
            case ZONE_PATTERN:
                n += t->e.patterns[k].value != ZONE_EXCLUDED;
                break;
            case ZONE_RECORDS:
                break;
            }
    }
    return n;
}

static int compile(struct source *s)
{
    s->parts = calloc(s->is_now ? 1 : s->zones.n + 1, sizeof(*s->parts));
    if (!s->parts)
        return -ENOMEM;
    if (s->is_now) {
        const struct zone_image_counts *c = &s->now.image.counts;

        s->parts[0].view = s->now.view;
        s->parts[0].entries =
            c->v4_single + c->v4_range + c->v6_half + c->v6_full + c->v6_range + c->names;
        s->count = 1;
        return 0;
    }
    for (size_t i = 0; i < s->zones.n; i++) {
        struct source_part *p = &s->parts[i];
        int rc;

        p->sub = s->zones.v[i]->sub;
        p->entries = s->entries ? s->entries : entries_of(&s->zones.v[i]->data);
        rc = zone_build(&s->zones.v[i]->data, &p->bytes);
        s->count = i + 1;
        if (rc < 0)
            return rc;
        if (zone_image_open(p->bytes, &p->image) != ZONE_IMAGE_OK)
            return -EBADMSG;
        p->view.image = &p->image;
    }
    return 0;
}

static int dispatch(const char *spec, const struct source_options *o, struct source *s)
{
    struct span all = span_str(spec), word = span_slice(all, 0, span_find(all, ':'));
    struct span rest = span_slice(all, word.n + 1, all.n);
    enum rbl_type type;
    enum lists_format format;

    if (word.n == all.n)
        return open_text(LISTS_FORMATS, all, spec, o, s);
    if (span_eq(word, SPAN_LIT("zone")))
        return open_zone(rest, spec, o, s);
    if (span_eq(word, SPAN_LIT("axfr")))
        return source_axfr(rest, spec, o, s);
    if (rbl_type_of(word, &type) && type != RBL_ACL)
        return open_rbl(type, rest, spec, o, s);
    if (lists_format_of(word, &format))
        return open_text(format, rest, spec, o, s);
    fprintf(stderr, "%s: %s\n", o->program, source_forms());
    return source_say(o, EX_USAGE, spec, "no such kind of list");
}

int source_open(const char *spec, const struct source_options *o, struct source *ret)
{
    int rc;

    *ret = (struct source){0};
    rc = dispatch(spec, o, ret);
    say_remarks(o, &ret->remarks);
    if (rc == 0)
        rc = compile(ret);
    if (rc < 0)
        rc = source_say(o, rc == -ENOMEM ? EX_OSERR : EX_DATAERR, spec, strerror(-rc));
    if (rc)
        source_close(ret);
    return rc;
}

void source_close(struct source *s)
{
    for (size_t i = 0; i < s->count; i++)
        free((void *)(uintptr_t)s->parts[i].bytes.p);
    free(s->parts);
    if (s->is_now)
        zone_now_close(&s->now);
    rbl_zones_deinit(&s->zones);
    zone_remarks_deinit(&s->remarks);
    *s = (struct source){0};
}

/* ---- into a list for comparison ---- */

static int fill4(const struct zone_view *v, struct compare_list *list)
{
    struct zone_view_cursor cursor = {0};
    struct zone_piece4 piece;
    int rc = 0;

    while (rc == 0 && zone_view_next4(v, &cursor, &piece)) {
        struct ip from = {.family = IP_V4}, to = {.family = IP_V4};

        num_put32(from.b, piece.from);
        num_put32(to.b, piece.to);
        rc = compare_list_add_span(list, from, to);
    }
    return rc;
}

/* What lies in ::ffff:0:0/96 is IPv4 here as elsewhere (base/ip.h), however a list writes it. */
static bool all_mapped(const struct zone_piece6 *p)
{
    return p->from.hi == 0 && p->to.hi == 0 && p->from.lo >> 32 == 0xffff &&
           p->to.lo >> 32 == 0xffff;
}

static int fill6(const struct zone_view *v, struct compare_list *list)
{
    struct zone_view_cursor cursor = {0};
    struct zone_piece6 piece;
    int rc = 0;

    while (rc == 0 && zone_view_next6(v, &cursor, &piece)) {
        struct ip from = {.family = IP_V6}, to = {.family = IP_V6};

        if (all_mapped(&piece)) {
            from.family = to.family = IP_V4;
            num_put32(from.b, (uint32_t)piece.from.lo);
            num_put32(to.b, (uint32_t)piece.to.lo);
        } else {
            zone_ip6_bytes(piece.from, from.b);
            zone_ip6_bytes(piece.to, to.b);
        }
        rc = compare_list_add_span(list, from, to);
    }
    return rc;
}

static int fill_names(const struct zone_view *v, struct compare_list *list)
{
    struct zone_view_cursor cursor = {0};
    struct zone_piece_name piece;
    char text[DNS_NAME_TEXT_MAX], name[DNS_NAME_TEXT_MAX + 2];

    while (!list->text.err && zone_view_next_name(v, &cursor, &piece)) {
        if (piece.excluded || !piece.key_len)
            continue;
        zone_rname_text(piece.key, piece.key_len, text);
        snprintf(name, sizeof(name), "%s%s", piece.wild ? "*." : "", text);
        compare_list_add_name(list, span_str(name));
    }
    return list->text.err;
}

int source_fill(const struct source *s, struct compare_list *list)
{
    uint64_t entries = list->entries;
    int rc = 0;

    for (size_t i = 0; i < s->count && rc == 0; i++) {
        rc = fill4(&s->parts[i].view, list);
        if (rc == 0)
            rc = fill6(&s->parts[i].view, list);
        if (rc == 0)
            rc = fill_names(&s->parts[i].view, list);
        entries += s->parts[i].entries;
    }
    list->entries = entries;
    return rc;
}
