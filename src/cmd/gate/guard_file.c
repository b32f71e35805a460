/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sum is against torn writes and not against forgers: who can write the file is the gate. */
#include "cmd/gate/guard_file.h"

#include "base/num.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SUM = 16 };

struct guard_file {
    int fd;
};

struct slot {
    bool empty, good;
    uint64_t number;
    char bytes[GUARD_FILE_SLOT];
    struct span words; /* in bytes */
};

/* FNV-1a, 64 bits. */
static uint64_t sum_of(struct span s)
{
    uint64_t h = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (uint8_t)s.p[i]) * UINT64_C(1099511628211);
    return h;
}

static void sum_text(struct span s, char out[SUM + 1])
{
    struct buf b = BUF_INIT(SUM);

    buf_addf(&b, "%016llx", (unsigned long long)sum_of(s));
    span_copy(buf_span(&b), out, SUM + 1);
    buf_deinit(&b);
}

static void judge(struct slot *s, size_t n)
{
    struct span line = span_of(s->bytes, n), rest, number;
    char want[SUM + 1];
    size_t end = span_find(line, '\n');

    s->empty = n == 0;
    s->good = false;
    if (n < GUARD_FILE_SLOT || end == line.n || end < SUM + 2)
        return;
    rest = span_slice(line, SUM + 1, end);
    sum_text(rest, want);
    if (!span_eq(span_slice(line, 0, SUM), span_str(want)) || !span_cut(&rest, ' ', &number) ||
        !num_u64(number, 0, UINT64_MAX - 1, &s->number))
        return;
    s->good = true;
    s->words = rest;
}

static int read_slots(struct guard_file *f, struct slot slots[2])
{
    for (int i = 0; i < 2; i++) {
        ssize_t n = pread(f->fd, slots[i].bytes, GUARD_FILE_SLOT, (off_t)i * GUARD_FILE_SLOT);

        if (n < 0)
            return -errno;
        judge(&slots[i], (size_t)n);
    }
    return 0;
}

/* The newest whole one, or -1. */
static int newest(const struct slot slots[2])
{
    if (slots[0].good && slots[1].good)
        return slots[1].number > slots[0].number;
    return slots[0].good ? 0 : slots[1].good ? 1 : -1;
}

int guard_file_open(const char *path, uid_t owner, struct guard_file **ret)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct guard_file *f;
    struct stat st;
    int err = 0;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0)
        err = -errno;
    else if (!S_ISREG(st.st_mode))
        err = -EINVAL;
    else if (owner != (uid_t)-1 && st.st_uid != owner && fchown(fd, owner, (gid_t)-1) < 0)
        err = -errno;
    f = err == 0 ? malloc(sizeof(*f)) : NULL;
    if (!f) {
        close(fd);
        return err < 0 ? err : -ENOMEM;
    }
    f->fd = fd;
    *ret = f;
    return 0;
}

int guard_file_read(struct guard_file *f, struct buf *out)
{
    struct slot slots[2];
    int r = read_slots(f, slots), at = newest(slots);

    if (r < 0)
        return r;
    if (at < 0)
        return slots[0].empty && slots[1].empty ? 0 : -EBADMSG;
    buf_add(out, slots[at].words);
    return out->err;
}

int guard_file_write(struct guard_file *f, struct span words)
{
    struct buf line = BUF_INIT(GUARD_FILE_SLOT), whole = BUF_INIT(GUARD_FILE_SLOT);
    struct slot slots[2];
    int r = read_slots(f, slots), at = newest(slots);
    char sum[SUM + 1];
    ssize_t n;

    if (words.n > GUARD_FILE_WORDS)
        r = -EMSGSIZE;
    buf_addf(&line, "%llu ", at < 0 ? 1ULL : (unsigned long long)slots[at].number + 1);
    buf_add(&line, words);
    sum_text(buf_span(&line), sum);
    buf_addf(&whole, "%s %s\n", sum, buf_str(&line));
    while (whole.err == 0 && whole.n < GUARD_FILE_SLOT)
        buf_add_char(&whole, ' ');
    if (r == 0)
        r = whole.err;
    if (r == 0) {
        n = pwrite(f->fd, whole.p, whole.n, at == 0 ? GUARD_FILE_SLOT : 0);
        r = n < 0 ? -errno : (size_t)n < whole.n ? -EIO : fdatasync(f->fd) < 0 ? -errno : 0;
    }
    buf_deinit(&line);
    buf_deinit(&whole);
    return r;
}

void guard_file_close(struct guard_file **pf)
{
    if (*pf)
        close((*pf)->fd);
    free(*pf);
    *pf = NULL;
}
