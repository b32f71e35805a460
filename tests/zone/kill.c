/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kills the writer of a zone's files at any moment, and reads them all the while.
 *
 *     zone-kill FOLDER KILLS [SEED]
 *
 * The writer is a child that does what zone/journal.h orders: step after step, each of them
 * changing all the addresses and names there are; now and then a compile and a trim; after each
 * step that is on the disk it tells its number through a pipe. The parent reads image and journal
 * as a server does, over and over, and kills the child with SIGKILL after a random time. A state
 * that it reads must be one step's and no mixture, whole by every checksum, and no older than the
 * last step that it had heard of before it began to read. Between two children it sometimes does
 * what a power cut may do: leaves a piece of a change behind the journal's end, or an unfinished
 * image.tmp.
 */
#include "base/num.h"
#include "io/file.h"
#include "io/random.h"
#include "io/zonefile.h"
#include "zone/build.h"
#include "zone/view.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    FOUR = 40,
    SIX = 20,
    NAMES = 10,
    COMPILE_EVERY = 7,
    JOURNAL_KEPT = 20000,
    LIFE_US = 30000, /* of a child, at most */
    TRIES = 100,     /* to find an image and a journal that fit */
    LONGEST = 1000000,
};

struct state {
    struct zonefile_map map;
    struct zone_image image;
    struct buf journal_bytes;
    struct zone_journal journal;
    struct zone_overlay *overlay;
    struct zone_view view;
};

static uint64_t chance_state;

static uint32_t chance(uint32_t below)
{
    chance_state = chance_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((chance_state >> 33) % below);
}

/* What step k says of subject i. The first of all is always listed, so that k can be read. */
static struct zone_word word_of(uint32_t k, unsigned i)
{
    if (i && (k + i) % 3 == 0)
        return (struct zone_word){0, 0};
    return (struct zone_word){(uint16_t)(1 + (k + i) % 2), k};
}

static uint32_t four_of(unsigned i)
{
    return UINT32_C(0xc6120000) + i * 977; /* 198.18.0.0/15 */
}

static struct zone_ip6 six_of(unsigned i)
{
    return (struct zone_ip6){UINT64_C(0x20010db800000000) + i, 0};
}

static struct zone_rname name_of(unsigned i)
{
    struct zone_rname n = {.n = 12, .labels = 2, .b = "\007example\003n.."};

    n.b[10] = (uint8_t)('0' + i / 10);
    n.b[11] = (uint8_t)('0' + i % 10);
    return n;
}

/* --- reading ---------------------------------------------------------------------------------- */

static void state_close(struct state *s)
{
    zone_overlay_free(s->overlay);
    zonefile_unmap(&s->map);
    buf_deinit(&s->journal_bytes);
    *s = (struct state){0};
}

/* 0; 1: both files were replaced in between, try again; -errno, -EBADMSG for what is damaged. */
static int state_try(const char *folder, struct state *s)
{
    char path[4200];
    enum zone_journal_got got;
    int r;

    *s = (struct state){.journal_bytes = BUF_INIT(1 << 24)};
    r = zonefile_map(folder, "image", UINT32_MAX, &s->map);
    if (r < 0)
        return r;
    if (zone_image_open(s->map.bytes, &s->image) != ZONE_IMAGE_OK ||
        zone_image_verify(&s->image) != ZONE_IMAGE_OK)
        return -EBADMSG;
    snprintf(path, sizeof(path), "%s/journal", folder);
    r = file_read(path, &s->journal_bytes);
    s->view.image = &s->image;
    if (r < 0)
        return r;
    got = zone_journal_open(buf_span(&s->journal_bytes), &s->journal);
    if (got != ZONE_JOURNAL_END && got != ZONE_JOURNAL_TORN)
        return -EBADMSG;
    if (!zone_journal_seek(&s->journal, s->image.meta.serial))
        return 1;
    r = zone_overlay_new(&s->image, NULL, &s->journal, &s->overlay);
    s->view.overlay = s->overlay;
    return r > 0 ? -EBADMSG : r;
}

static int state_open(const char *folder, struct state *s)
{
    int r = 1;

    for (unsigned tries = 0; tries < TRIES && (r = state_try(folder, s)) == 1; tries++)
        state_close(s);
    return r == 1 ? -ESTALE : r;
}

static bool says(const struct state *s, bool found, struct zone_hit hit, struct zone_word want)
{
    struct zone_said said;

    if (!found || !want.class_id)
        return !found && !want.class_id;
    return zone_image_said(&s->image, hit, 0, &said) && said.class_id == want.class_id &&
           said.evidence == want.evidence;
}

/* The step that all of it is of; false when it is a mixture. */
static bool state_step(const struct state *s, uint32_t *ret)
{
    struct zone_hit hit = {0, 0};
    struct zone_said said;
    bool fine =
        zone_view_find4(&s->view, four_of(0), &hit) && zone_image_said(&s->image, hit, 0, &said);

    if (!fine)
        return false;
    *ret = said.evidence;
    for (unsigned i = 0; i < FOUR && fine; i++)
        fine = says(s, zone_view_find4(&s->view, four_of(i), &hit), hit, word_of(*ret, i));
    for (unsigned i = 0; i < SIX && fine; i++)
        fine = says(s, zone_view_find6(&s->view, six_of(i), &hit), hit, word_of(*ret, i));
    for (unsigned i = 0; i < NAMES && fine; i++) {
        struct zone_name_hit hits[ZONE_NAME_TABLES_MAX];
        struct zone_rname name = name_of(i);
        unsigned n = zone_view_find_name(&s->view, &name, hits);

        fine = says(s, n, hits[0].hit, word_of(*ret, i));
    }
    return fine;
}

/* --- writing ---------------------------------------------------------------------------------- */

static int fill(struct zone_data *d, uint32_t k)
{
    struct zone_table *four, *six, *names;
    uint32_t ids[2];
    int r = 0;

    for (uint16_t i = 0; i < 2 && r == 0; i++)
        r = zone_data_value(
            d, &(struct zone_value){.a = 0x7f000002u + i, .class_id = (uint16_t)(i + 1)}, &ids[i]);
    if (r < 0 || zone_data_table(d, ZONE_IPV4, ZONE_LONGEST, &four) < 0 ||
        zone_data_table(d, ZONE_IPV6, ZONE_LONGEST, &six) < 0 ||
        zone_data_table(d, ZONE_NAME, ZONE_LONGEST, &names) < 0)
        return -ENOMEM;
    for (unsigned i = 0; i < FOUR && r == 0; i++) {
        struct zone_word w = word_of(k, i);
        struct zone_rname name = name_of(i);

        if (!w.class_id)
            continue;
        r = zone_table_add4(four, four_of(i), four_of(i), ids[w.class_id - 1], w.evidence);
        if (r == 0 && i < SIX)
            r = zone_table_add6(six, six_of(i), 64, ids[w.class_id - 1], w.evidence);
        if (r == 0 && i < NAMES)
            r = zone_table_add_name(names, &name, ZONE_PLAIN, ids[w.class_id - 1], w.evidence);
    }
    return r;
}

static int put_image(struct zonefile *z, uint32_t k, uint32_t serial)
{
    struct zone_data d;
    struct span bytes = SPAN_NULL;
    int r;

    zone_data_init(&d);
    d.meta.serial = serial;
    r = fill(&d, k);
    if (r == 0)
        r = zone_build(&d, &bytes);
    if (r == 0)
        r = zonefile_replace(z, "image", bytes);
    free((void *)(uintptr_t)bytes.p);
    zone_data_deinit(&d);
    return r;
}

static int put_journal(struct zonefile *z, uint32_t serial)
{
    struct buf b = BUF_INIT(100);
    int r;

    zone_journal_begin(serial, &b);
    r = zonefile_replace(z, "journal", buf_span(&b));
    buf_deinit(&b);
    return r;
}

static void add_change(struct zone_change *c, uint32_t k, unsigned i, bool more, struct buf *out)
{
    c->was = word_of(k - 1, i);
    c->now = word_of(k, i);
    c->more = more;
    if ((c->was.class_id || c->now.class_id) && zone_journal_add(c, out) < 0)
        abort();
}

/* The step from k - 1 to k. Its last change is the first subject's, which is never nothing. */
static void make_step(uint32_t k, uint32_t serial, struct buf *out)
{
    struct zone_change c = {.serial = serial, .wall = k, .reason = SPAN_LIT("the next step")};

    for (unsigned i = 0; i < SIX; i++) {
        c.kind = ZONE_IPV6;
        c.len = 64;
        c.ip = six_of(i);
        add_change(&c, k, i, true, out);
    }
    for (unsigned i = 0; i < NAMES; i++) {
        c.kind = ZONE_NAME;
        c.key = name_of(i);
        add_change(&c, k, i, true, out);
    }
    for (unsigned i = FOUR; i-- > 0;) {
        c.kind = ZONE_IPV4;
        c.len = 32;
        c.ip4 = four_of(i);
        add_change(&c, k, i, i > 0, out);
    }
}

static void pause_us(uint32_t us)
{
    struct timespec t = {.tv_nsec = (long)us * 1000};

    nanosleep(&t, NULL);
}

/* In two halves with a pause between, so that readers and kills meet one without the other. */
static int append_slowly(struct zonefile *z, uint64_t good, struct span step)
{
    size_t half = 1 + chance((uint32_t)step.n - 1);
    int r = zonefile_append(z, "journal", good, span_slice(step, 0, half));
    int fd = openat(z->dir, "journal", O_WRONLY | O_APPEND | O_CLOEXEC);
    struct span rest = span_slice(step, half, step.n);

    pause_us(chance(1000));
    if (r == 0 && (fd < 0 || write(fd, rest.p, rest.n) != (ssize_t)rest.n || fdatasync(fd) < 0))
        r = -EIO;
    if (fd >= 0)
        close(fd);
    return r;
}

static int compile_and_trim(struct zonefile *z, struct state *s, uint32_t k)
{
    struct buf b = BUF_INIT(1 << 24);
    int r = put_image(z, k, s->journal.last);

    if (r == 0)
        r = zone_journal_trim(&s->journal, s->journal.last, chance(2) ? JOURNAL_KEPT : 0, &b);
    if (r == 0)
        r = zonefile_replace(z, "journal", buf_span(&b));
    buf_deinit(&b);
    return r;
}

/* One more step, under the lock. */
static int write_step(const char *folder, uint32_t *ret_k)
{
    struct buf step = BUF_INIT(1 << 20);
    struct zonefile z;
    struct state s = {0};
    uint32_t k;
    int r = zonefile_open(folder, 2000, &z);

    if (r < 0)
        return r;
    r = state_open(folder, &s);
    if (r == 0 && !state_step(&s, &k))
        r = -EBADMSG;
    if (r == 0 && k % COMPILE_EVERY == 0 && chance(2))
        r = compile_and_trim(&z, &s, k);
    if (r == 0) {
        state_close(&s);
        r = state_open(folder, &s);
    }
    if (r == 0) {
        make_step(k + 1, zone_serial_next(s.journal.last, 0), &step);
        r = chance(3) ? zonefile_append(&z, "journal", s.journal.good, buf_span(&step))
                      : append_slowly(&z, s.journal.good, buf_span(&step));
        *ret_k = k + 1;
    }
    buf_deinit(&step);
    state_close(&s);
    zonefile_close(&z);
    return r;
}

static void be_writer(const char *folder, int out)
{
    for (;;) {
        uint32_t k = 0;
        int r = write_step(folder, &k);

        if (r < 0) {
            fprintf(stderr, "zone-kill: the writer failed: %s\n", strerror(-r));
            _exit(1);
        }
        if (write(out, &k, sizeof(k)) != sizeof(k))
            _exit(0);
    }
}

/* --- killing ---------------------------------------------------------------------------------- */

struct run {
    const char *folder;
    uint32_t acked, seen;
    unsigned long reads, torn, steps;
};

static void drain(int in, struct run *run)
{
    uint32_t k;

    while (read(in, &k, sizeof(k)) == sizeof(k)) {
        run->acked = k;
        run->steps++;
    }
}

/* Reads once; what was acknowledged before must be in it. */
static bool look(struct run *run)
{
    struct state s;
    uint32_t k = 0;
    int r = state_open(run->folder, &s);
    bool fine = r == 0 && state_step(&s, &k);

    if (!fine)
        fprintf(stderr, "zone-kill: after step %u: %s\n", run->acked,
                r < 0 ? strerror(-r) : "a mixture of steps");
    else if (k < run->acked || k < run->seen)
        fprintf(stderr, "zone-kill: step %u is read, but %u was acknowledged and %u seen\n", k,
                run->acked, run->seen);
    fine = fine && k >= run->acked && k >= run->seen;
    run->torn += r == 0 && s.journal.torn;
    run->seen = k;
    run->reads++;
    state_close(&s);
    return fine;
}

static int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* What a power cut may leave: a piece of a step, or zeros, behind the end; half an image. */
static void cut_power(struct run *run)
{
    struct buf step = BUF_INIT(1 << 20);
    static const char zeros[300];
    char path[4200];
    int fd;

    make_step(run->acked + 1, run->acked + 1000000, &step);
    snprintf(path, sizeof(path), "%s/journal", run->folder);
    fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd >= 0 && chance(2))
        (void)!write(fd, step.p, 1 + chance(step.n - 1));
    if (fd >= 0 && chance(2))
        (void)!write(fd, zeros, 1 + chance(sizeof(zeros) - 1));
    if (fd >= 0)
        close(fd);
    snprintf(path, sizeof(path), "%s/image.tmp", run->folder);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd >= 0) {
        (void)!write(fd, step.p, step.n / 2);
        close(fd);
    }
    buf_deinit(&step);
}

/* One child's life. False: what was read was wrong, or the child ended by itself. */
static bool one_life(struct run *run)
{
    int64_t end = now_us() + 500 + chance(LIFE_US);
    int pipes[2], status = 0;
    bool fine = true;
    pid_t child;

    if (pipe2(pipes, O_CLOEXEC) < 0 || fcntl(pipes[0], F_SETFL, O_NONBLOCK) < 0)
        return false;
    chance_state += 77;
    child = fork();
    if (child == 0)
        be_writer(run->folder, pipes[1]);
    close(pipes[1]);
    while (fine && child > 0 && now_us() < end) {
        drain(pipes[0], run);
        fine = look(run);
    }
    if (child > 0) {
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
    }
    drain(pipes[0], run);
    close(pipes[0]);
    fine = fine && child > 0 && look(run);
    if (fine && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)) {
        fprintf(stderr, "zone-kill: the writer ended by itself\n");
        return false;
    }
    if (fine && chance(4) == 0) {
        cut_power(run);
        fine = look(run);
    }
    return fine;
}

static bool begin(const char *folder)
{
    struct zonefile z;
    bool fine = zonefile_open(folder, 2000, &z) == 0;

    fine = fine && put_image(&z, 1, 1) == 0 && put_journal(&z, 1) == 0;
    zonefile_close(&z);
    return fine;
}

int main(int argc, char **argv)
{
    struct run run = {.acked = 1};
    unsigned kills, done = 0, seed = 1;

    if (argc < 3 || argc > 4 || !num_uint(span_str(argv[2]), 1, LONGEST, &kills) ||
        (argc == 4 && !num_uint(span_str(argv[3]), 0, UINT32_MAX, &seed))) {
        fprintf(stderr, "usage: zone-kill FOLDER KILLS [SEED]\n");
        return 64;
    }
    chance_state = seed;
    run.folder = argv[1];
    if (!begin(run.folder)) {
        fprintf(stderr, "zone-kill: %s: the first files cannot be written\n", run.folder);
        return 1;
    }
    while (done < kills && one_life(&run))
        done++;
    printf("{\"kills\": %u, \"wanted\": %u, \"steps\": %lu, \"reads\": %lu, \"torn\": %lu}\n", done,
           kills, run.steps, run.reads, run.torn);
    return done == kills ? 0 : 1;
}
