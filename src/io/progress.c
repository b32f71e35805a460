/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rate is the whole run's, not the last second's: targets that time out come in bursts, and a
 * time left that jumps between minutes and hours tells nobody anything.
 */
#include "io/progress.h"

#include "base/buf.h"
#include "io/term.h"

#include <string.h>
#include <unistd.h>

enum {
    SHOW_TTY = 200,     /* ms between two drawings */
    SHOW_PLAIN = 10000, /* ms between two lines */
    TEXT_MAX = 160,
};

void progress_start(struct progress *p, const char *noun, uint64_t done, int64_t now)
{
    *p = (struct progress){.noun = noun,
                           .out = stderr,
                           .tty = term_is(STDERR_FILENO),
                           .started = now,
                           .shown = now - SHOW_TTY,
                           .first = done};
    if (!p->tty)
        p->shown = now; /* a short job says nothing */
}

static void add_duration(struct buf *out, uint64_t seconds)
{
    if (seconds >= 86400)
        buf_addf(out, "%llud %lluh", (unsigned long long)(seconds / 86400),
                 (unsigned long long)(seconds / 3600 % 24));
    else if (seconds >= 3600)
        buf_addf(out, "%lluh %02llum", (unsigned long long)(seconds / 3600),
                 (unsigned long long)(seconds / 60 % 60));
    else
        buf_addf(out, "%llu:%02llu", (unsigned long long)(seconds / 60),
                 (unsigned long long)(seconds % 60));
}

const char *progress_text(const struct progress *p, uint64_t done, uint64_t total, const char *note,
                          int64_t now, char out[TEXT_MAX])
{
    struct buf b = BUF_INIT(TEXT_MAX - 1);
    uint64_t ran = now > p->started ? (uint64_t)(now - p->started) : 0;
    uint64_t mine = done > p->first ? done - p->first : 0;

    buf_addf(&b, "%llu", (unsigned long long)done);
    if (total)
        buf_addf(&b, " of %llu", (unsigned long long)total);
    buf_addf(&b, " %s", p->noun);
    if (total)
        buf_addf(&b, ", %llu%%", (unsigned long long)(done >= total ? 100 : done * 100 / total));
    /* In the first second, or before anything is done, a rate would be noise. */
    if (mine && ran >= 1000) {
        double rate = (double)mine * 1000 / (double)ran;

        buf_addf(&b, rate < 10 ? ", %.1f a second" : ", %.0f a second", rate);
        if (total > done) {
            buf_add_str(&b, ", ");
            add_duration(&b, (uint64_t)((double)(total - done) / rate));
            buf_add_str(&b, " left");
        }
    }
    if (note && *note)
        buf_addf(&b, ", %s", note);
    span_copy(buf_span(&b), out, TEXT_MAX);
    buf_deinit(&b);
    return out;
}

void progress_show(struct progress *p, uint64_t done, uint64_t total, const char *note, int64_t now)
{
    char text[TEXT_MAX];
    unsigned width;

    if (now - p->shown < (p->tty ? SHOW_TTY : SHOW_PLAIN))
        return;
    p->shown = now;
    progress_text(p, done, total, note, now, text);
    if (!p->tty) {
        fprintf(p->out, "%s\n", text);
        return;
    }
    width = term_width(fileno(p->out));
    /* Cut to the width: a line that wraps can't be written over. */
    fprintf(p->out, "\r\033[K%.*s", (int)(width > 1 ? width - 1 : 1), text);
    fflush(p->out);
    p->line = true;
}

void progress_hide(struct progress *p)
{
    if (!p->line)
        return;
    fputs("\r\033[K", p->out);
    fflush(p->out);
    p->line = false;
    p->shown = 0;
}
