/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The commands that read the records: a list of messages, one message, clients, drop-boxes. They
 * need no running decoy and disturb none. What stands in a record is a stranger's, and so is
 * escaped once more on its way to the terminal.
 */
#include "cmd/decoy/decoy.h"

#include "cmd/common/view.h"
#include "io/file.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { OUT_MAX = 256 << 20, TALLY_MAX = 500000, BODY_MAX = 2 << 20, NOTHING = 1 };

/* A client, or a drop-box. */
struct tally {
    char *key;
    char first[RECORD_TIME_MAX], last[RECORD_TIME_MAX];
    unsigned sessions, messages, tests, spam;
    char *note; /* of a client its name in HELO, of a drop-box the last who wrote to it */
    char ja3[RECORD_MD5];
};

struct look {
    const struct decoy_args *args;
    const char *id;
    struct ip_prefix client;
    struct tally *v;
    size_t count, cap;
    unsigned shown;
    bool full;
    struct buf out;
    char folder[DATADIR_PATH_MAX];
};

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s ? s : "";
}

static unsigned number(const json_t *o, const char *key)
{
    json_int_t n = json_integer_value(json_object_get(o, key));

    return n < 0 ? 0 : n > UINT32_MAX ? UINT32_MAX : (unsigned)n;
}

static bool is_type(const json_t *o, const char *type)
{
    return strcmp(text(o, "type"), type) == 0;
}

static bool is_test(const json_t *o)
{
    return strcmp(text(o, "verdict"), "test") == 0;
}

/* What --client, --since and --kind let through. */
static bool wanted(const struct look *l, const json_t *o)
{
    const struct decoy_args *a = l->args;
    struct ip ip;

    if (a->since && strncmp(text(o, "time"), a->since, strlen(a->since)) < 0)
        return false;
    if (a->client && !(ip_parse(span_str(text(o, "client")), &ip) && ip_prefix_has(l->client, ip)))
        return false;
    if (a->kind && is_type(o, "message") && is_test(o) != (a->kind == 1))
        return false;
    return true;
}

static void add_safe(struct buf *out, const char *s, size_t max)
{
    view_safe(out, span_slice(span_str(s), 0, max));
}

/* --- messages --------------------------------------------------------------------------------- */

static void list_message(struct look *l, const json_t *o)
{
    const json_t *rcpts = json_object_get(o, "rcpts");
    unsigned more = number(o, "rcpt_count");

    if (l->shown == 1)
        buf_addf(&l->out, "%-20s  %-18s  %-7s  %-22s  %s\n", "TIME", "ID", "VERDICT", "CLIENT",
                 "ENVELOPE");
    add_safe(&l->out, text(o, "time"), RECORD_TIME_MAX);
    buf_addf(&l->out, "  %-18.40s  %-7.10s  %-22.45s  ", text(o, "id"), text(o, "verdict"),
             text(o, "client"));
    add_safe(&l->out, text(o, "mail"), 100);
    buf_add_str(&l->out, " -> ");
    add_safe(&l->out, json_string_value(json_array_get(rcpts, 0)), 100);
    if (more > 1)
        buf_addf(&l->out, " and %u more", more - 1);
    buf_add_char(&l->out, '\n');
}

static void add_line(struct buf *out, const char *name, const char *value)
{
    if (!*value)
        return;
    buf_addf(out, "%-10s ", name);
    add_safe(out, value, 2000);
    buf_add_char(out, '\n');
}

static void add_list(struct buf *out, const char *name, const json_t *list)
{
    const json_t *one;
    size_t i;

    json_array_foreach(list, i, one) add_line(out, i ? "" : name, json_string_value(one));
}

/* The header has the form of escape_text: its line ends are the two characters "\n". */
static void add_header(struct buf *out, const char *header)
{
    struct span rest = span_str(header);

    while (rest.n) {
        size_t n = span_find_nocase(rest, SPAN_LIT("\\r\\n"));

        view_safe(out, span_slice(rest, 0, n));
        buf_add_char(out, '\n');
        rest = span_slice(rest, n + 4, rest.n);
    }
}

static void add_body(const struct look *l, struct buf *out, const char *name)
{
    struct buf body = BUF_INIT(BODY_MAX);
    char path[DATADIR_PATH_MAX + 80];
    struct span rest, line;
    int err;

    if (strlen(name) != RECORD_BODY_ID || strspn(name, "0123456789abcdef") != RECORD_BODY_ID)
        return;
    snprintf(path, sizeof(path), "%s/bodies/%s", l->folder, name);
    err = file_read(path, &body);
    if (err < 0) {
        buf_addf(out, "(the body is no longer kept: %s)\n", strerror(-err));
        return;
    }
    for (rest = buf_span(&body); span_cut(&rest, '\n', &line);) {
        if (line.n && line.p[line.n - 1] == '\r')
            line.n--;
        view_safe(out, line);
        buf_add_char(out, '\n');
    }
    buf_deinit(&body);
}

static void show_message(struct look *l, const json_t *o)
{
    struct buf *out = &l->out;
    const char *const plain[][2] = {
        {"Message", "id"},  {"Session", "session"}, {"Time", "time"}, {"Client", "client"},
        {"Local", "local"}, {"Persona", "persona"}, {"HELO", "helo"}, {"TLS", "tls"},
        {"Login", "login"}, {"Verdict", "verdict"}, {"From", "mail"}};

    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        add_line(out, plain[i][0], text(o, plain[i][1]));
    add_list(out, "To", json_object_get(o, "rcpts"));
    add_list(out, "Why", json_object_get(o, "why"));
    buf_addf(out, "%-10s %u octets, %u of the body kept, %u recipients\n\n", "Size",
             number(o, "size"), number(o, "body_kept"), number(o, "rcpt_count"));
    add_header(out, text(o, "header"));
    buf_add_char(out, '\n');
    add_body(l, out, text(o, "body"));
}

static void see_message(struct look *l, const json_t *o, struct span line)
{
    if (!is_type(o, "message") || (l->id && strcmp(text(o, "id"), l->id) != 0))
        return;
    l->shown++;
    if (l->args->json) {
        buf_add(&l->out, line);
        buf_add_char(&l->out, '\n');
    } else if (l->id) {
        show_message(l, o);
    } else {
        list_message(l, o);
    }
}

/* --- tallies ---------------------------------------------------------------------------------- */

/* The entry of a key, made when it is not there; NULL when there are too many or no memory. */
static struct tally *entry(struct look *l, const char *key, const char *time)
{
    size_t from = 0, to = l->count;

    while (from < to) {
        size_t mid = from + (to - from) / 2;

        if (strcmp(l->v[mid].key, key) < 0)
            from = mid + 1;
        else
            to = mid;
    }
    if (from < l->count && strcmp(l->v[from].key, key) == 0)
        return &l->v[from];
    if (l->count == TALLY_MAX || array_grow(&l->v, &l->cap, sizeof(l->v[0]), l->count + 1) < 0) {
        l->full = true;
        return NULL;
    }
    memmove(&l->v[from + 1], &l->v[from], (l->count - from) * sizeof(l->v[0]));
    l->v[from] = (struct tally){.key = span_dup(span_str(key))};
    span_copy(span_slice(span_str(time), 0, RECORD_TIME_MAX - 1), l->v[from].first,
              RECORD_TIME_MAX);
    if (!l->v[from].key) {
        memmove(&l->v[from], &l->v[from + 1], (l->count - from) * sizeof(l->v[0]));
        l->full = true;
        return NULL;
    }
    l->count++;
    return &l->v[from];
}

static void note(struct tally *t, const char *what)
{
    if (!*what)
        return;
    free(t->note);
    t->note = span_dup(span_slice(span_str(what), 0, 100));
}

static void touch(struct tally *t, const json_t *o)
{
    span_copy(span_slice(span_str(text(o, "time")), 0, RECORD_TIME_MAX - 1), t->last,
              RECORD_TIME_MAX);
}

static void see_client(struct look *l, const json_t *o, struct span line)
{
    const json_t *helos = json_object_get(o, "helos");
    struct tally *t = entry(l, text(o, "client"), text(o, "time"));

    if (!t)
        return;
    touch(t, o);
    if (is_type(o, "session")) {
        t->sessions++;
        note(t, json_array_size(helos) ? json_string_value(json_array_get(helos, 0)) : "");
        span_copy(span_str(text(json_object_get(o, "tls"), "ja3_md5")), t->ja3, sizeof(t->ja3));
    } else if (is_type(o, "message")) {
        t->messages++;
        t->tests += is_test(o);
        t->spam += !is_test(o);
    }
}

/* The address without its brackets; the host part in lower case, as drop-boxes are one mailbox. */
static void drop_key(const char *path, struct buf *out)
{
    struct span s = span_str(path);
    size_t at;

    if (s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>')
        s = span_slice(s, 1, s.n - 1);
    at = span_rfind(s, '@');
    for (size_t i = 0; i < s.n; i++)
        buf_add_char(out, i > at ? ascii_lower(s.p[i]) : s.p[i]);
}

static void see_drop(struct look *l, const json_t *o, struct span line)
{
    const json_t *rcpts = json_object_get(o, "rcpts"), *one;
    size_t i;

    if (!is_type(o, "message") || !is_test(o))
        return;
    json_array_foreach(rcpts, i, one)
    {
        struct buf key = BUF_INIT(4096);
        struct tally *t;

        drop_key(json_string_value(one) ? json_string_value(one) : "", &key);
        t = key.n ? entry(l, buf_str(&key), text(o, "time")) : NULL;
        if (t) {
            t->tests++;
            touch(t, o);
            note(t, text(o, "client"));
        }
        buf_deinit(&key);
    }
}

static void add_member(struct buf *out, const char *key, const char *value)
{
    json_t *s = json_string(value);
    char *dumped = s ? json_dumps(s, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;

    buf_addf(out, "%s\"%s\":%s", out->n && out->p[out->n - 1] != '\n' ? "," : "{", key,
             dumped ? dumped : "null");
    free(dumped);
    json_decref(s);
}

static void write_json(struct look *l, const struct tally *t, bool clients)
{
    struct buf *out = &l->out;

    add_member(out, clients ? "client" : "drop", t->key);
    add_member(out, "first", t->first);
    add_member(out, "last", t->last);
    buf_addf(out, ",\"tests\":%u", t->tests);
    if (clients)
        buf_addf(out, ",\"sessions\":%u,\"messages\":%u,\"spam\":%u", t->sessions, t->messages,
                 t->spam);
    if (t->note)
        add_member(out, clients ? "helo" : "client", t->note);
    if (*t->ja3)
        add_member(out, "ja3_md5", t->ja3);
    buf_add_str(out, "}\n");
}

static void write_row(struct look *l, const struct tally *t, bool clients)
{
    struct buf *out = &l->out;

    add_safe(out, t->first, 10);
    buf_add_str(out, "  ");
    add_safe(out, t->last, 10);
    if (clients)
        buf_addf(out, "  %8u  %8u  %5u  %5u  ", t->sessions, t->messages, t->tests, t->spam);
    else
        buf_addf(out, "  %5u  ", t->tests);
    add_safe(out, t->key, 300);
    if (t->note) {
        buf_add_str(out, "  ");
        add_safe(out, t->note, 100);
    }
    buf_add_char(out, '\n');
}

static void write_tallies(struct look *l, bool clients)
{
    if (l->count && !l->args->json)
        buf_add_str(&l->out, clients ? "FIRST       LAST        SESSIONS  MESSAGES  TESTS   SPAM  "
                                       "CLIENT  HELO\n"
                                     : "FIRST       LAST        TESTS  DROP-BOX  LAST CLIENT\n");
    for (size_t i = 0; i < l->count; i++) {
        if (l->args->json)
            write_json(l, &l->v[i], clients);
        else
            write_row(l, &l->v[i], clients);
        free(l->v[i].key);
        free(l->v[i].note);
    }
    l->shown = (unsigned)l->count;
    free(l->v);
}

/* --- the way through -------------------------------------------------------------------------- */

typedef void see_fn(struct look *l, const json_t *o, struct span line);

struct reading {
    struct look *look;
    see_fn *see;
    unsigned bad;
};

static bool on_line(void *cookie, struct span line)
{
    struct reading *r = cookie;
    json_t *o = line.n ? json_loadb(line.p, line.n, 0, NULL) : NULL;

    if (line.n && !json_is_object(o))
        r->bad++;
    else if (o && wanted(r->look, o))
        r->see(r->look, o, line);
    json_decref(o);
    return !r->look->out.err;
}

static int open_look(struct look *l)
{
    struct state state;
    char err[STATE_ERROR_MAX];
    int got = state_open(&state, l->args->state, false, err);

    if (got < 0) {
        fprintf(stderr, "%s: %s\n", decoy_options.program, err);
        return state_exit(got);
    }
    if (!datadir_join(state.folder, "decoy", l->folder))
        return EX_SOFTWARE;
    if (!l->args->client || ip_prefix_parse(span_str(l->args->client), &l->client))
        return 0;
    return options_misuse(&decoy_options, "--client: \"%s\" is no address or network",
                          l->args->client);
}

int look(const char *what, const char *id, const struct decoy_args *args)
{
    struct look l = {.args = args, .id = id, .out = BUF_INIT(OUT_MAX)};
    bool messages = strcmp(what, "show") == 0, clients = strcmp(what, "clients") == 0;
    struct reading r = {&l, messages ? see_message : clients ? see_client : see_drop, 0};
    int status = open_look(&l), err;

    if (status)
        return status;
    err = depot_read(l.folder, on_line, &r);
    if (!messages)
        write_tallies(&l, clients);
    if (err < 0) {
        fprintf(stderr, "%s: %s: %s\n", decoy_options.program, l.folder, strerror(-err));
        status = EX_NOINPUT;
    } else {
        status = view_print(decoy_options.program, &l.out);
    }
    if (r.bad)
        fprintf(stderr, "%s: %u lines of the records cannot be read\n", decoy_options.program,
                r.bad);
    if (l.full)
        fprintf(stderr, "%s: too many: use --since or --client\n", decoy_options.program);
    buf_deinit(&l.out);
    return status ? status : l.shown ? 0 : NOTHING;
}
