/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Three questions decide whether a kept file may stand for the lists. Is it whole, and ours? Owner,
 * rights, size, version and checksums say so. Was it made the way that we would make it? Its key
 * says so: the version of the program, the datasets in their order, absolute paths, every option
 * that reading and judging look at. Was it made of these files? Device, inode, size and both times
 * of each say so; only this one may be answered with no, and then it stands in until the files are
 * compiled.
 *
 * What is kept was served before: it was judged and had passed its test questions. It is asked them
 * again, and judged again behind the first answers, as a list of ours is.
 */
#include "cmd/dns/data_kept.h"

#include "cmd/dns/data_priv.h"
#include "io/datadir.h"
#include "io/file.h"
#include "io/loop.h"
#include "zone/bundle.h"
#include "zone/sum.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { LOCK_WAIT = 10000, NAME_LEN = 16, KEY_MAX = 4 << 20 };

static const char temporary[] = ".tmp";

/* --- names and keys --------------------------------------------------------------------------- */

static bool folder_of(const struct site *s, char ret[DATADIR_PATH_MAX])
{
    return s->state[0] && datadir_join(s->state, "dns/cache", ret);
}

/* Which files, in which order, as what. The same text in another folder is another list. */
static void add_files(const struct site_zone *z, struct buf *key)
{
    char here[DATADIR_PATH_MAX];

    if (!getcwd(here, sizeof(here)))
        here[0] = '\0';
    buf_addf(key, "%s\n", z->unit);
    for (size_t d = 0; d < z->dataset_count; d++)
        for (size_t f = 0; f < z->datasets[d].file_count; f++) {
            const char *path = z->datasets[d].files[f];

            buf_addf(key, "%s %s%s%s\n", rbl_type_name(z->datasets[d].type),
                     path[0] == '/' ? "" : here, path[0] == '/' ? "" : "/", path);
        }
}

static bool name_of(const struct site_zone *z, char ret[NAME_LEN + 1])
{
    struct buf files = BUF_INIT(KEY_MAX);
    bool fine;

    add_files(z, &files);
    fine = files.err == 0;
    if (fine)
        snprintf(ret, NAME_LEN + 1, "%016" PRIx64, zone_sum(files.p, files.n));
    buf_deinit(&files);
    return fine;
}

/* Everything that decides about the images beside the octets of the files. */
static void add_key(const struct site *s, const struct site_zone *z, struct buf *key)
{
    const struct dns_args *a = &s->args;
    struct zone_limits l = site_limits(s, z);

    buf_addf(key, "%s\n", POSTERN_VERSION);
    add_files(z, key);
    buf_addf(key, "unaligned %d ttl %" PRId64 " %" PRId64 "\n", a->unaligned, a->ttl_min,
             a->ttl_max);
    buf_addf(key, "limits %u %u %u %u %u %u %u %d %d\n", l.widest4, l.widest6, l.most4_ppm,
             l.grow_percent, l.shrink_percent, l.small, l.ahead, l.reserved, l.empty);
}

/* --- loading ---------------------------------------------------------------------------------- */

static enum data_kept none(struct data_result *r, const char *name, const char *what)
{
    data_say(r, "dns/cache/%s %s", name, what);
    return DATA_KEPT_NONE;
}

static const char *map_error(int err)
{
    switch (err) {
    case -EPERM:
        return "or its folder is another user's, or others may write it";
    case -ELOOP:
    case -ENOTDIR:
        return "or its folder is a symbolic link, or no folder";
    case -EINVAL:
        return "is no regular file";
    default:
        return strerror(-err);
    }
}

static bool take_part(const struct zone_bundle *b, size_t i, struct data_shared *shared,
                      struct data_source *ret)
{
    struct data_image *im = calloc(1, sizeof(*im));
    struct zone_bundle_part part;

    if (!im)
        return false;
    zone_bundle_part(b, i, &part);
    im->refs = 1;
    *ret = (struct data_source){.sub = part.sub, .image = im};
    im->shared = shared;
    shared->refs++;
    return zone_bundle_part_ok(&part) && zone_image_open(part.image, &im->image) == ZONE_IMAGE_OK;
}

/* The images of a bundle; takes the map over. NULL: damaged, or out of memory. */
static struct loaded *loaded_of(const struct zone_bundle *b, struct zonefile_map *map)
{
    struct data_shared *shared = calloc(1, sizeof(*shared));
    struct loaded *l = shared ? loaded_new(b->count) : NULL;

    if (!l) {
        zonefile_unmap(map);
        free(shared);
        return NULL;
    }
    *shared = (struct data_shared){.refs = 1, .map = *map};
    for (size_t i = 0; l && i < b->count; i++) {
        bool fine = take_part(b, i, shared, &l->sources[i]);

        l->count += l->sources[i].image != NULL;
        if (!fine)
            loaded_unref(&l);
    }
    data_shared_unref(&shared);
    if (l)
        data_sum(l);
    return l;
}

static int64_t expire_of(const struct loaded *l)
{
    const struct zone_meta *m = &l->sources[0].image->image.meta;

    return m->has_soa ? m->soa.expire : DATA_EXPIRE;
}

/* The texts of a bundle that hold for the data too, to be told and kept again. */
static void take_texts(const struct zone_bundle *b, struct loaded *l, struct data_result *ret)
{
    struct span accepted = b->texts[ZONE_BUNDLE_ACCEPTED];

    buf_add(&l->remarks, b->texts[ZONE_BUNDLE_REMARKS]);
    buf_add(&l->accepted, accepted);
    buf_add(&ret->remarks, b->texts[ZONE_BUNDLE_REMARKS]);
    l->skipped = ret->skipped = b->skipped;
    ret->accepted = accepted.n != 0;
    if (ret->accepted)
        data_say(ret, "%.*s", SPAN_ARG(span_slice(accepted, 0, DATA_WHY_MAX - 1)));
}

static enum data_kept judge(const struct site *s, const struct site_zone *z,
                            const struct zone_bundle *b, struct loaded *l, struct span stamps,
                            int64_t now_wall, struct data_result *ret)
{
    bool current = span_eq(b->texts[ZONE_BUNDLE_STAMPS], stamps);

    if (l->expires_wall && l->expires_wall <= now_wall && !z->accept)
        return DATA_KEPT_NONE; /* and the files say so too, or they are others */
    if (!current && (b->made_wall > now_wall || now_wall - b->made_wall > expire_of(l)))
        return DATA_KEPT_NONE;
    if (!data_load_acl(s, z, now_wall, &l->acl, ret)) {
        ret->why[0] = '\0'; /* compiling will find and tell the same */
        buf_clear(&ret->remarks);
        return DATA_KEPT_NONE;
    }
    take_texts(b, l, ret);
    return current ? DATA_KEPT_CURRENT : DATA_KEPT_OLDER;
}

static bool key_fits(const struct site *s, const struct site_zone *z, struct span had)
{
    struct buf key = BUF_INIT(KEY_MAX);
    bool fits;

    add_key(s, z, &key);
    fits = key.err == 0 && span_eq(buf_span(&key), had);
    buf_deinit(&key);
    return fits;
}

/* Takes the map over. */
static enum data_kept load_from(const struct site *s, const struct site_zone *z, const char *name,
                                struct zonefile_map *map, struct span stamps, int64_t now_wall,
                                struct data_result *ret)
{
    enum data_kept found;
    struct zone_bundle b;
    enum zone_image_got got = zone_bundle_open(map->bytes, &b);
    struct loaded *l;

    if (got != ZONE_IMAGE_OK || b.count == 0) {
        zonefile_unmap(map);
        /* Another version's is no fault: it will be replaced. */
        if (got == ZONE_IMAGE_VERSION)
            return DATA_KEPT_NONE;
        return none(ret, name, got == ZONE_IMAGE_FOREIGN ? "is no file of ours" : "is damaged");
    }
    if (!key_fits(s, z, b.texts[ZONE_BUNDLE_KEY])) {
        zonefile_unmap(map);
        return DATA_KEPT_NONE;
    }
    l = loaded_of(&b, map);
    if (!l)
        return none(ret, name, "is damaged");
    found = judge(s, z, &b, l, stamps, now_wall, ret);
    if (found == DATA_KEPT_NONE)
        loaded_unref(&l);
    ret->loaded = l;
    return found;
}

enum data_kept data_kept_load(const struct site *s, const struct site_zone *z,
                              const struct data_stamp *stamps, size_t count, int64_t now_wall,
                              struct data_result *ret)
{
    char folder[DATADIR_PATH_MAX], name[NAME_LEN + 1];
    int64_t began = loop_clock();
    struct zonefile_map map;
    enum data_kept found;
    int r;

    *ret = (struct data_result){.remarks = BUF_INIT(1 << 20)};
    if (!folder_of(s, folder) || !name_of(z, name))
        return DATA_KEPT_NONE;
    r = zonefile_map_ours(folder, name, DATA_KEPT_MAX, &map);
    if (r == -ENOENT)
        return DATA_KEPT_NONE;
    if (r < 0)
        return none(ret, name, map_error(r));
    found = load_from(s, z, name, &map, span_of(stamps, count * sizeof(*stamps)), now_wall, ret);
    ret->took_ms = loop_clock() - began;
    return found;
}

/* --- saving ----------------------------------------------------------------------------------- */

static bool cannot(struct data_result *r, const char *what, int err)
{
    data_say(r, "%s: %s", what, strerror(err < 0 ? -err : err));
    return false;
}

static bool is_small(const struct data_stamp *stamps, size_t count)
{
    uint64_t all = 0;

    for (size_t i = 0; i < count; i++)
        all += (uint64_t)stamps[i].size;
    return all < DATA_KEPT_LEAST;
}

/* What was kept when the list was larger. */
static void drop(const char *folder, const char *name)
{
    char path[DATADIR_PATH_MAX];

    if (datadir_join(folder, name, path))
        (void)unlink(path);
}

/* Nobody else's lists are made room for on a disk that the journals need. */
static int room_for(const struct zonefile *f, const struct loaded *l)
{
    uint64_t need = DATA_KEPT_FREE;
    struct statvfs disk;

    for (size_t i = 0; i < l->count; i++)
        need += l->sources[i].image->image.n;
    if (need > DATA_KEPT_MAX)
        return -EFBIG;
    if (fstatvfs(f->dir, &disk) < 0)
        return -errno;
    return (uint64_t)disk.f_bavail * disk.f_frsize < need ? -ENOSPC : 0;
}

static int write_bundle(struct zonefile *f, const char *name, const struct zone_bundle *b,
                        const struct loaded *l)
{
    static const char zeros[8];
    struct zone_bundle_part *parts = calloc(l->count + 1, sizeof(*parts));
    struct span *pieces = calloc(2 * l->count + 1, sizeof(*pieces));
    struct buf head = BUF_INIT(ZONE_BUNDLE_HEAD_MAX);
    int r = parts && pieces ? 0 : -ENOMEM;

    for (size_t i = 0; r == 0 && i < l->count; i++) {
        const struct zone_image *im = &l->sources[i].image->image;

        parts[i] = (struct zone_bundle_part){.sub = l->sources[i].sub,
                                             .image = {(const char *)im->p, im->n}};
        pieces[2 * i + 1] = parts[i].image;
        pieces[2 * i + 2] = span_of(zeros, zone_bundle_pad(im->n));
    }
    if (r == 0)
        r = zone_bundle_head(b, parts, l->count, &head);
    if (r == 0) {
        pieces[0] = buf_span(&head);
        r = zonefile_replace_parts(f, name, pieces, 2 * l->count + 1);
    }
    buf_deinit(&head);
    free(parts);
    free(pieces);
    return r;
}

/* What stands there now is what was written, or it is nothing to be mapped. */
static void map_again(const char *folder, const char *name, const struct loaded *was,
                      struct data_result *ret)
{
    struct zonefile_map map;
    struct zone_bundle b;

    if (was->acl || zonefile_map_ours(folder, name, DATA_KEPT_MAX, &map) < 0)
        return;
    if (zone_bundle_open(map.bytes, &b) != ZONE_IMAGE_OK || b.count != was->count) {
        zonefile_unmap(&map);
        return;
    }
    ret->loaded = loaded_of(&b, &map);
    if (ret->loaded)
        take_texts(&b, ret->loaded, ret);
}

/* The lock is held until it is mapped again, so that it is what we have written. */
static int save(const char *folder, const char *name, const struct zone_bundle *b,
                const struct loaded *l, struct data_result *ret)
{
    struct zonefile f;
    int r = file_mkdirs(folder, 0700);

    if (r == 0)
        r = zonefile_open(folder, LOCK_WAIT, &f);
    if (r < 0)
        return r;
    r = room_for(&f, l);
    if (r == 0)
        r = write_bundle(&f, name, b, l);
    if (r == 0)
        map_again(folder, name, l, ret);
    zonefile_close(&f);
    return r;
}

bool data_kept_save(const struct site *s, const struct site_zone *z, const struct loaded *l,
                    const struct data_stamp *stamps, size_t count, int64_t now_wall,
                    struct data_result *ret)
{
    struct zone_bundle b = {.made_wall = now_wall, .skipped = l->skipped};
    char folder[DATADIR_PATH_MAX], name[NAME_LEN + 1];
    struct buf key = BUF_INIT(KEY_MAX);
    int64_t began = loop_clock();
    int r;

    *ret = (struct data_result){.remarks = BUF_INIT(1 << 20)};
    if (!folder_of(s, folder) || !name_of(z, name))
        return cannot(ret, "dns/cache", ENAMETOOLONG);
    if (is_small(stamps, count)) {
        drop(folder, name);
        return true;
    }
    add_key(s, z, &key);
    b.texts[ZONE_BUNDLE_KEY] = buf_span(&key);
    b.texts[ZONE_BUNDLE_STAMPS] = span_of(stamps, count * sizeof(*stamps));
    b.texts[ZONE_BUNDLE_REMARKS] = buf_span(&l->remarks);
    b.texts[ZONE_BUNDLE_ACCEPTED] = buf_span(&l->accepted);
    r = key.err ? key.err : save(folder, name, &b, l, ret);
    buf_deinit(&key);
    ret->kept = r == 0;
    ret->took_ms = loop_clock() - began;
    return r == 0 || cannot(ret, folder, r);
}

/* --- sweeping --------------------------------------------------------------------------------- */

static bool is_name(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!memchr("0123456789abcdef", s.p[i], 16))
            return false;
    return s.n == NAME_LEN;
}

static bool configured(const struct site *s, struct span file)
{
    char name[NAME_LEN + 1];

    for (size_t i = 0; i < s->zone_count; i++)
        if (!s->zones[i].own && (!name_of(&s->zones[i], name) || span_eq(span_str(name), file)))
            return true;
    return false;
}

/* A file of that name which begins as ours do, and which nobody has written for a day. */
static bool is_left(int dir, const char *name, int64_t now_wall)
{
    char begin[8];
    struct stat st;
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool left = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
                st.st_mtim.tv_sec < now_wall - DATA_KEPT_ALONE &&
                pread(fd, begin, sizeof(begin), 0) == sizeof(begin) &&
                zone_bundle_is(span_of(begin, sizeof(begin)));

    if (fd >= 0)
        close(fd);
    return left;
}

void data_kept_sweep(const struct site *s, int64_t now_wall)
{
    char folder[DATADIR_PATH_MAX];
    struct dirent *e;
    struct zonefile f;
    DIR *dir;

    if (!folder_of(s, folder) || access(folder, W_OK) < 0 ||
        zonefile_open(folder, LOCK_WAIT, &f) < 0)
        return;
    dir = opendir(folder);
    while (dir && (e = readdir(dir))) {
        struct span name = span_str(e->d_name), stem = span_slice(name, 0, NAME_LEN);

        if (!is_name(stem))
            continue;
        /* Under the lock nobody writes: this one's writer was killed. */
        if (name.n > NAME_LEN && span_eq(span_slice(name, NAME_LEN, name.n), span_str(temporary)))
            unlinkat(f.dir, e->d_name, 0);
        else if (name.n == NAME_LEN && !configured(s, name) && is_left(f.dir, e->d_name, now_wall))
            unlinkat(f.dir, e->d_name, 0);
    }
    if (dir)
        closedir(dir);
    zonefile_close(&f);
}
