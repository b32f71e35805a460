/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Times are shown in the zone of whoever looks, and written in UTC for machines. Standard output is
 * checked to the last byte: a report that a full disk has cut short must not look like success.
 */
#include "cmd/common/view.h"

#include "base/escape.h"
#include "io/file.h"
#include "io/term.h"

#include <errno.h>
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

/* In the order of enum term_color. */
const char *const view_colour_choices[] = {"auto", "always", "never", NULL};

void view_style(struct report_style *ret, unsigned colour)
{
    setlocale(LC_CTYPE, "");
    *ret = (struct report_style){
        .width = term_is(STDOUT_FILENO) ? term_width(STDOUT_FILENO) : 0,
        .colour = term_color((enum term_color)colour, STDOUT_FILENO),
        .utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
    };
    /* Nothing else depends on the locale. */
    setlocale(LC_CTYPE, "C");
}

void view_paint(struct buf *out, const struct report_style *style, enum view_colour colour,
                const char *text)
{
    static const unsigned codes[] = {
        [VIEW_BOLD] = 1, [VIEW_RED] = 31, [VIEW_YELLOW] = 33, [VIEW_GREEN] = 32, [VIEW_DIM] = 2,
    };

    if (style->colour)
        buf_addf(out, "\033[%um%s\033[0m", codes[colour], text);
    else
        buf_add_str(out, text);
}

const char *view_time(int64_t wall, char out[VIEW_TIME])
{
    time_t t = (time_t)wall;
    struct tm tm;

    if (wall == 0 || !localtime_r(&t, &tm) || !strftime(out, VIEW_TIME, "%Y-%m-%d %H:%M:%S", &tm))
        snprintf(out, VIEW_TIME, "-");
    return out;
}

const char *view_time_utc(int64_t wall, int ms, char out[VIEW_TIME])
{
    time_t t = (time_t)wall;
    struct tm tm;
    size_t n = gmtime_r(&t, &tm) ? strftime(out, VIEW_TIME - 5, "%Y-%m-%dT%H:%M:%S", &tm) : 0;

    if (ms >= 0)
        snprintf(out + n, VIEW_TIME - n, ".%03dZ", ms % 1000);
    else
        snprintf(out + n, VIEW_TIME - n, "Z");
    return out;
}

bool view_json_text(json_t *object, const char *key, struct span text)
{
    struct buf escaped = BUF_INIT(text.n * 4 + 1);
    bool ok;

    escape_text(&escaped, text);
    ok = !escaped.err &&
         json_object_set_new(object, key, json_stringn(buf_str(&escaped), escaped.n)) == 0;
    buf_deinit(&escaped);
    return ok;
}

bool view_json_time(json_t *object, const char *key, int64_t wall)
{
    char text[VIEW_TIME];

    return wall == 0 ||
           json_object_set_new(object, key, json_string(view_time_utc(wall, -1, text))) == 0;
}

bool view_json_number(json_t *object, const char *key, uint64_t number)
{
    return json_object_set_new(object, key, json_integer((json_int_t)number)) == 0;
}

bool view_json_chain(json_t *object, struct span chain)
{
    json_error_t why;
    json_t *hops = json_loadb(chain.p ? chain.p : "", chain.n, 0, &why);

    if (!json_is_array(hops)) {
        json_decref(hops);
        return true;
    }
    return json_object_set_new(object, "hops", hops) == 0;
}

void view_safe(struct buf *out, struct span text)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];

        if (c == '\n' || c == '\\' || (c >= ' ' && c <= '~'))
            buf_add_char(out, c);
        else
            escape_text(out, span_of(&c, 1));
    }
}

int view_open(const char *program, const char *flag, struct store **ret)
{
    char err[STATE_ERROR_MAX];
    struct state state;
    int rc = state_open(&state, flag, false, err);

    *ret = NULL;
    if (rc == 0)
        rc = state_store_look(&state, ret, err);
    if (rc == 0)
        return 0;
    fprintf(stderr, "%s: %s\n", program, err);
    return state_exit(rc);
}

int view_store_error(const char *program, const struct store *store, int error)
{
    fprintf(stderr, "%s: %s\n", program, store_error(store));
    return state_exit(error);
}

int view_run(const char *program, struct store *store, const char *name, uint32_t *ret)
{
    int rc = store_run_find(store, span_str(name), ret);
    struct buf shown = BUF_INIT(100);

    if (rc == STORE_OK)
        return 0;
    if (rc < 0)
        return view_store_error(program, store, rc);
    escape_text(&shown, span_slice(span_str(name), 0, 20));
    if (rc == STORE_MANY)
        fprintf(stderr, "%s: more than one run begins with \"%s\"; give more digits\n", program,
                buf_str(&shown));
    else if (strcmp(name, "last") == 0)
        fprintf(stderr, "%s: there is no run yet\n", program);
    else
        fprintf(stderr, "%s: no run \"%s\"; see postern runs\n", program, buf_str(&shown));
    buf_deinit(&shown);
    return EX_NOINPUT;
}

static int out_error(const char *program, int error)
{
    fprintf(stderr, "%s: %s\n", program,
            error == -EMSGSIZE ? "the output is too long" : strerror(-error));
    return error == -ENOMEM ? EX_OSERR : EX_IOERR;
}

int view_print(const char *program, const struct buf *out)
{
    if (out->err)
        return out_error(program, out->err);
    if (fwrite(buf_str(out), 1, out->n, stdout) != out->n || fflush(stdout) != 0)
        return out_error(program, errno ? -errno : -EIO);
    return 0;
}

int view_write(const char *program, const char *path, const struct buf *out)
{
    struct buf shown = BUF_INIT(4 * 4096);
    mode_t mask;
    int rc;

    if (strcmp(path, "-") == 0)
        return view_print(program, out);
    if (out->err)
        return out_error(program, out->err);
    mask = umask(0);
    umask(mask);
    rc = file_write(path, buf_span(out), 0666 & ~mask);
    if (rc == 0)
        return 0;
    escape_text(&shown, span_str(path));
    fprintf(stderr, "%s: %s: %s\n", program, buf_str(&shown), strerror(-rc));
    buf_deinit(&shown);
    return EX_CANTCREAT;
}
