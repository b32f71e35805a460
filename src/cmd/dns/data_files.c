/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rbldnsd's files, from the disk to an image. A file that changes while it is read is read again,
 * for half of an old and half of a new list is neither; files are read and not mapped, because one
 * that is cut while it is mapped kills its reader.
 *
 * The times of a file go by ticks of the kernel's clock, so of two changes within one tick the
 * second can't be seen. What was read so shortly after a change is read once more, a little later.
 *
 * Files that begin as gzip does are unpacked, whatever they are called.
 */
#include "cmd/dns/data_priv.h"
#include "io/gunzip.h"
#include "io/loop.h"
#include "zone/build.h"
#include "zone/sum.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { READ_TRIES = 5 };

#define YOUNG_NS      30000000 /* more than a tick of any kernel's clock of files */

#define FILE_SIZE_MAX ((size_t)4 << 30) /* octets of one file, unpacked */

struct bytes {
    char *p;
    size_t n;
};

/* --- one file --------------------------------------------------------------------------------- */

/* 0, -EAGAIN when it changed meanwhile, -errno. */
static int read_once(int fd, struct bytes *ret, struct data_stamp *ret_stamp)
{
    struct stat before, after;
    struct data_stamp a, b;
    size_t n = 0;
    char *p;

    if (fstat(fd, &before) < 0)
        return -errno;
    if (!S_ISREG(before.st_mode))
        return -EINVAL;
    if (lseek(fd, 0, SEEK_SET) < 0)
        return -errno;
    if ((uint64_t)before.st_size > FILE_SIZE_MAX)
        return -EFBIG;
    p = malloc((size_t)before.st_size + 1);
    if (!p)
        return -ENOMEM;
    while (n < (size_t)before.st_size) {
        ssize_t got = read(fd, p + n, (size_t)before.st_size - n);

        if (got <= 0) {
            free(p);
            return got < 0 ? -errno : -EAGAIN;
        }
        n += (size_t)got;
    }
    a = data_stamp_of(&before);
    b = fstat(fd, &after) == 0 ? data_stamp_of(&after) : (struct data_stamp){0};
    if (memcmp(&a, &b, sizeof(a)) != 0) {
        free(p);
        return -EAGAIN;
    }
    *ret = (struct bytes){p, n};
    *ret_stamp = a;
    return 0;
}

/* What is no file must not make us wait: a pipe without a writer would, for ever. */
static int read_whole(const char *path, struct bytes *ret, struct data_stamp *ret_stamp)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), r = -EAGAIN;

    if (fd < 0)
        return -errno;
    for (int i = 0; i < READ_TRIES && r == -EAGAIN; i++)
        r = read_once(fd, ret, ret_stamp);
    close(fd);
    return r;
}

static int unpack(struct bytes *b)
{
    struct bytes out;
    int r = gunzip(span_of(b->p, b->n), FILE_SIZE_MAX, &out.p, &out.n);

    if (r == 0) {
        free(b->p);
        *b = out;
    }
    return r;
}

static const char *reason(int err)
{
    switch (err) {
    case -EAGAIN:
        return "changes all the time while it is read; write it beside and rename it";
    case -EINVAL:
        return "is no regular file";
    case -EFBIG:
        return "is too large";
    case -EBADMSG:
        return "is broken: its gzip data end too early or are damaged";
    case -EACCES:
        return "may not be read by the user that we are: give it that group, or chmod o+r";
    case -ENOENT:
        return "is not there: No such file or directory";
    default:
        return strerror(-err);
    }
}

/* --- one dataset ------------------------------------------------------------------------------ */

struct reading {
    const struct site *site;
    const struct site_zone *zone;
    struct rbl_options options;
    struct rbl_zones zones;
    struct zone_remarks remarks;
    struct zone_acl *acl;
    struct data_result *result;
    uint64_t text_sum;
    bool young;
};

static uint64_t add_sum(uint64_t sum, struct span text)
{
    return sum * 31 + zone_sum(text.p, text.n);
}

static bool is_young(const struct data_stamp *s)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec - s->ctime_ns < YOUNG_NS;
}

static bool read_dataset(struct reading *g, const struct site_dataset *d, struct rbl_file *files)
{
    struct data_result *r = g->result;

    for (size_t i = 0; i < d->file_count; i++) {
        struct data_stamp stamp = {0};
        struct bytes b = {0};
        int got = read_whole(d->files[i], &b, &stamp);

        g->young = g->young || is_young(&stamp);
        g->text_sum = add_sum(g->text_sum, span_of(b.p, b.n));
        if (got == 0 && gunzip_is(span_of(b.p, b.n)))
            got = unpack(&b);
        files[i].mtime_wall = stamp.mtime_ns / 1000000000;
        files[i].name = d->files[i];
        files[i].text = span_of(b.p, b.n);
        if (got < 0) {
            data_say(r, "%.300s %s", d->files[i], reason(got));
            r->again = got == -ENOMEM || got == -EAGAIN || got == -EMFILE || got == -ENFILE;
            return false;
        }
    }
    return true;
}

static void free_files(struct rbl_file *files, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free((void *)(uintptr_t)files[i].text.p);
    free(files);
}

static int parse(struct reading *r, const struct site_dataset *d, const struct rbl_file *files)
{
    struct rbl_options options = r->options;

    /* Data of the future are judged with the image, where the operator may accept them. */
    options.now_wall = INT64_MAX;
    if (d->type != RBL_ACL)
        return rbl_read(d->type, files, d->file_count, &options, &r->zones, &r->remarks);
    if (!r->acl && !(r->acl = zone_acl_new()))
        return -ENOMEM;
    return rbl_read_acl(files, d->file_count, &r->options, r->acl, &r->remarks);
}

static bool take_dataset(struct reading *r, const struct site_dataset *d)
{
    struct rbl_file *files = calloc(d->file_count, sizeof(*files));
    char text[DATA_WHY_MAX];
    int got;

    if (!files) {
        data_say(r->result, "out of memory");
        return false;
    }
    if (!read_dataset(r, d, files)) {
        free_files(files, d->file_count);
        return false;
    }
    got = parse(r, d, files);
    free_files(files, d->file_count);
    if (got == RBL_OK)
        return true;
    if (got == -ENOMEM)
        data_say(r->result, "out of memory");
    else if (r->remarks.n)
        data_say(r->result, "%s",
                 zone_remark_text(&r->remarks.v[r->remarks.n - 1], text, sizeof(text)));
    else
        data_say(r->result, "%s: %s", rbl_type_name(d->type), strerror(got < 0 ? -got : 0));
    return false;
}

/* --- images ----------------------------------------------------------------------------------- */

static bool make_image(struct reading *r, struct rbl_zone *z, const struct loaded *before,
                       struct data_source *ret)
{
    struct data_result *result = r->result;
    struct data_image *im = calloc(1, sizeof(*im));
    struct span bytes = SPAN_NULL;
    int got = im ? zone_build(&z->data, &bytes) : -ENOMEM;

    zone_data_deinit(&z->data); /* as soon as may be: two zones' data at once are much */
    if (got < 0) {
        data_say(result, "can't be compiled: %s", strerror(-got));
        free(im);
        return false;
    }
    im->refs = 1;
    im->memory = (void *)(uintptr_t)bytes.p;
    *ret = (struct data_source){.sub = z->sub, .image = im};
    got = zone_image_open(bytes, &im->image);
    if (got != ZONE_IMAGE_OK) {
        data_say(result, "what was compiled can't be read: %s",
                 zone_image_got_name((enum zone_image_got)got));
        return false;
    }
    return data_sane(r->site, r->zone, &z->sub, &im->image, before, r->options.now_wall,
                     result->why, &result->accepted);
}

static struct loaded *make(struct reading *r, const struct loaded *before)
{
    struct loaded *l = loaded_new(r->zones.n);
    bool fine = l != NULL;

    if (!l)
        data_say(r->result, "out of memory");
    for (size_t i = 0; fine && i < r->zones.n; i++) {
        fine = make_image(r, r->zones.v[i], before, &l->sources[i]);
        l->count += l->sources[i].image != NULL;
    }
    if (fine && r->zones.n == 0 && r->zone != &r->site->everyone) {
        data_say(r->result, "only an acl is named, and no data");
        fine = false;
    }
    if (fine && r->acl && zone_acl_seal(r->acl, NULL) < 0) {
        data_say(r->result, "out of memory");
        fine = false;
    }
    if (!fine) {
        loaded_unref(&l);
        return NULL;
    }
    l->acl = r->acl;
    r->acl = NULL;
    data_sum(l);
    if (r->zone == &r->site->everyone)
        l->entries = zone_acl_count(l->acl);
    if (r->result->accepted)
        buf_add_str(&l->accepted, r->result->why);
    return l;
}

static void tell_remarks(struct reading *r)
{
    char text[DATA_WHY_MAX];

    for (size_t i = 0; i < r->remarks.n; i++)
        buf_addf(&r->result->remarks, "%s\n",
                 zone_remark_text(&r->remarks.v[i], text, sizeof(text)));
    r->result->skipped = r->remarks.skipped;
    if (r->result->loaded) {
        buf_add(&r->result->loaded->remarks, buf_span(&r->result->remarks));
        r->result->loaded->skipped = r->result->skipped;
    }
}

static struct rbl_options options_of(const struct site *s, int64_t now_wall)
{
    const struct dns_args *a = &s->args;

    return (struct rbl_options){.now_wall = now_wall,
                                .loose_cidr = a->unaligned,
                                .ttl_min = (uint32_t)(a->ttl_min / 1000),
                                .ttl_max = (uint32_t)(a->ttl_max / 1000)};
}

void data_load_files(const struct site *s, const struct site_zone *z, const struct loaded *before,
                     int64_t now_wall, struct data_result *ret)
{
    struct reading r = {.site = s, .zone = z, .result = ret, .options = options_of(s, now_wall)};
    int64_t began = loop_clock();
    bool fine = true;

    *ret = (struct data_result){.remarks = BUF_INIT(1 << 20)};
    for (size_t i = 0; fine && i < z->dataset_count; i++)
        fine = take_dataset(&r, &z->datasets[i]);
    if (fine)
        ret->loaded = make(&r, before);
    if (ret->loaded) {
        ret->loaded->text_sum = r.text_sum;
        ret->loaded->young = r.young;
    }
    tell_remarks(&r);
    rbl_zones_deinit(&r.zones);
    zone_remarks_deinit(&r.remarks);
    zone_acl_free(r.acl);
    ret->took_ms = loop_clock() - began;
}

bool data_load_acl(const struct site *s, const struct site_zone *z, int64_t now_wall,
                   struct zone_acl **ret, struct data_result *result)
{
    struct reading r = {.site = s, .zone = z, .result = result, .options = options_of(s, now_wall)};
    bool fine = true;

    for (size_t i = 0; fine && i < z->dataset_count; i++)
        if (z->datasets[i].type == RBL_ACL)
            fine = take_dataset(&r, &z->datasets[i]);
    fine = fine && (!r.acl || zone_acl_seal(r.acl, NULL) == 0);
    if (fine) {
        *ret = r.acl;
        r.acl = NULL;
    }
    zone_remarks_deinit(&r.remarks);
    zone_acl_free(r.acl);
    return fine;
}

bool data_same_files(const struct site_zone *z, const struct loaded *l)
{
    uint64_t sum = 0;
    int r = 0;

    for (size_t d = 0; d < z->dataset_count; d++)
        for (size_t f = 0; f < z->datasets[d].file_count && r == 0; f++) {
            struct data_stamp stamp;
            struct bytes b = {0};

            r = read_whole(z->datasets[d].files[f], &b, &stamp);
            sum = add_sum(sum, span_of(b.p, b.n));
            free(b.p);
        }
    return r == 0 && sum == l->text_sum;
}
