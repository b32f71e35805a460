/* SPDX-License-Identifier: GPL-3.0-or-later */
/* postern gate ctl: one line to the admin socket, its answer to standard output. */
#include "cmd/gate/admin.h"
#include "io/loop.h"
#include "io/timer.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { WAIT = 10000, LINE = 1000 };

struct ctl {
    struct loop *loop;
    struct local *stream;
    struct buf answer;
    int err;
    bool over;
};

static void on_data(void *cookie, struct local *s, struct span bytes)
{
    struct ctl *c = cookie;

    buf_add(&c->answer, bytes);
}

static void on_closed(void *cookie, struct local *s, int err)
{
    struct ctl *c = cookie;

    c->stream = NULL;
    c->err = err;
    c->over = true;
    loop_stop(c->loop);
}

static void on_time(void *cookie)
{
    struct ctl *c = cookie;

    loop_stop(c->loop);
}

static const struct local_events events = {.data = on_data, .closed = on_closed};

static bool join(int count, char **words, struct buf *line)
{
    for (int i = 0; i < count; i++) {
        for (const char *p = words[i]; *p; p++)
            if ((unsigned char)*p < 32)
                return false;
        buf_addf(line, "%s%s", i ? " " : "", words[i]);
    }
    buf_add_char(line, '\n');
    return !line->err;
}

static int tell(struct ctl *c, const char *path)
{
    struct span rest = buf_span(&c->answer), first = SPAN_NULL;

    if (c->answer.n == 0) {
        fprintf(stderr, "%s: %s: %s\n", gate_options.program, path,
                c->err ? strerror(-c->err) : "no answer");
        return EX_UNAVAILABLE;
    }
    span_cut(&rest, '\n', &first);
    if (!span_eq(first, SPAN_LIT("ok"))) {
        if (span_starts(first, SPAN_LIT("error ")))
            first = span_slice(first, 6, first.n);
        fprintf(stderr, "%s: ctl: %.*s\n", gate_options.program, SPAN_ARG(first));
        return EX_DATAERR;
    }
    fwrite(rest.p ? rest.p : "", 1, rest.n, stdout);
    return 0;
}

int gate_ctl(const struct gate_args *args, int count, char **words)
{
    struct ctl c = {.answer = BUF_INIT(1 << 20)};
    struct buf line = BUF_INIT(LINE);
    struct timer timer;
    int r, status;

    if (!args->admin)
        return options_misuse(&gate_options, "ctl needs --admin, the socket to talk to");
    if (count == 0 || !join(count, words, &line)) {
        buf_deinit(&line);
        return options_misuse(&gate_options, "ctl needs one of status, reload, drain, grant, trap, "
                                             "untrap, guard");
    }
    timer_init(&timer, on_time, &c);
    r = loop_new(&c.loop);
    if (r == 0)
        r = local_connect(c.loop, args->admin, &events, &c, &c.stream);
    if (r == 0) {
        local_write(c.stream, buf_span(&line));
        timer_start(&timer, c.loop, WAIT);
        loop_run(c.loop);
    }
    c.err = r < 0 ? r : c.err;
    status = tell(&c, args->admin);
    timer_stop(&timer);
    local_free(&c.stream);
    loop_free(&c.loop);
    buf_deinit(&c.answer);
    buf_deinit(&line);
    return status;
}
