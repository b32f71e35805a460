/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Containers without a compose file: lines "docker run …" of a script or a manual, and Dockerfiles.
 * A line is put into the tree that a compose file of the same meaning would be, and read as one;
 * a Dockerfile is an environment of which no port is known. What a shell would make of variables
 * is left open, as Compose does with those that nobody sets.
 */
#include "audit/compose_priv.h"

enum { WORDS_MAX = 200, PAIRS_MAX = 120 };

struct run {
    struct audit *a;
    const char *file;
    const struct audit_line *line;
    struct span word[WORDS_MAX];
    unsigned at[WORDS_MAX]; /* lines */
    size_t count;
};

struct list {
    struct audit_pair v[PAIRS_MAX];
    size_t count;
};

/* --- nodes ------------------------------------------------------------------------------------ */

static const struct audit_node *node(struct run *r, enum audit_node_kind kind, unsigned line,
                                     const char *text, const struct list *l)
{
    struct audit_node *n = audit_alloc(r->a, sizeof(*n));
    struct audit_pair *v = audit_alloc(r->a, sizeof(*v) * (l && l->count ? l->count : 1));

    if (audit_failed(r->a))
        return n;
    *n = (struct audit_node){
        .kind = kind, .line = line, .last = line, .text = text ? text : "", .file = r->file};
    if (l && l->count) {
        memcpy(v, l->v, l->count * sizeof(v[0]));
        n->v = v;
        n->count = l->count;
    }
    return n;
}

static void put(struct list *l, const char *key, unsigned line, const struct audit_node *value)
{
    if (l->count < PAIRS_MAX)
        l->v[l->count++] = (struct audit_pair){key, line, value};
}

static void put_text(struct run *r, struct list *l, const char *key, size_t word, struct span s)
{
    put(l, key, r->at[word], node(r, AUDIT_NODE_TEXT, r->at[word], audit_dup(r->a, s), NULL));
}

/* --- words ------------------------------------------------------------------------------------ */

/* As a shell cuts them: quotes hold words together and are taken off. */
static void cut_words(struct run *r)
{
    struct span s = r->line->text;
    size_t i = 0;

    r->count = 0;
    while (i < s.n && r->count < WORDS_MAX) {
        struct buf out = BUF_INIT(AUDIT_LINE_MAX);
        size_t from;
        char quote = '\0';

        while (i < s.n && strchr(" \t\r\n", s.p[i]))
            i++;
        from = i;
        for (; i < s.n && (quote || !strchr(" \t\r\n", s.p[i])); i++) {
            char c = s.p[i];

            if (quote ? c == quote : c == '"' || c == '\'')
                quote = quote ? '\0' : c;
            else
                buf_add_char(&out, c);
        }
        if (i > from) {
            r->at[r->count] = audit_line_of(r->line, s.p + from);
            r->word[r->count++] = span_str(audit_dup(r->a, buf_span(&out)));
        }
        buf_deinit(&out);
    }
}

static bool is(struct span s, const char *word)
{
    return span_eq(s, span_str(word));
}

static bool is_engine(struct span s)
{
    size_t slash = span_rfind(s, '/');

    s = slash < s.n ? span_slice(s, slash + 1, s.n) : s;
    return is(s, "docker") || is(s, "podman") || is(s, "nerdctl");
}

/* The word behind "docker run", or 0. */
static size_t behind_run(const struct run *r)
{
    for (size_t i = 0; i + 1 < r->count && i < 6; i++) {
        size_t verb = i + 1;

        if (!is_engine(r->word[i]))
            continue;
        if (is(r->word[verb], "container") && verb + 1 < r->count)
            verb++;
        return is(r->word[verb], "run") || is(r->word[verb], "create") ? verb + 1 : 0;
    }
    return 0;
}

/* --- docker run ------------------------------------------------------------------------------- */

/* Options that stand alone; the others take the next word unless they have "=". */
static bool is_flag(struct span s)
{
    static const char *const flags[] = {
        "--detach",  "--rm",         "--interactive",   "--tty",
        "--init",    "--privileged", "--read-only",     "--publish-all",
        "--replace", "--quiet",      "--no-healthcheck"};

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        if (is(s, flags[i]))
            return true;
    if (span_starts(s, SPAN_LIT("--")))
        return false;
    for (size_t i = 1; i < s.n; i++)
        if (!strchr("ditPq", s.p[i]))
            return false;
    return s.n > 1;
}

struct parts {
    struct list service, ports, environment, env_files, networks;
    const char *name;
};

static void option(struct run *r, struct parts *p, struct span name, size_t word, struct span value)
{
    if (is(name, "-p") || is(name, "--publish")) {
        put_text(r, &p->ports, NULL, word, value);
    } else if (is(name, "-e") || is(name, "--env")) {
        put_text(r, &p->environment, NULL, word, value);
    } else if (is(name, "--env-file")) {
        put_text(r, &p->env_files, NULL, word, value);
    } else if (is(name, "--name")) {
        p->name = audit_dup(r->a, value);
    } else if (is(name, "--network") || is(name, "--net")) {
        if (is(value, "host") || is(value, "bridge") || is(value, "none") ||
            span_starts(value, SPAN_LIT("slirp4netns")) || span_starts(value, SPAN_LIT("pasta")) ||
            span_starts(value, SPAN_LIT("container:")))
            put_text(r, &p->service, "network_mode", word, value);
        else
            put_text(r, &p->networks, NULL, word, value);
    }
}

/* Options up to the image; what stands behind it is the container's own. */
static bool read_options(struct run *r, struct parts *p, size_t i)
{
    for (; i < r->count; i++) {
        struct span s = r->word[i], name;
        size_t eq = span_find(s, '=');

        if (s.n == 0 || s.p[0] != '-') {
            put_text(r, &p->service, "image", i, s);
            return true;
        }
        if (is_flag(s))
            continue;
        if (span_starts(s, SPAN_LIT("--")) && eq < s.n) {
            option(r, p, span_slice(s, 0, eq), i, span_slice(s, eq + 1, s.n));
            continue;
        }
        name = span_starts(s, SPAN_LIT("--")) ? s : span_slice(s, 0, 2);
        if (name.n < s.n) /* -p25:25 */
            option(r, p, name, i, span_slice(s, 2, s.n));
        else if (++i < r->count)
            option(r, p, name, i, r->word[i]);
    }
    return false;
}

static void add_service(struct run *r, struct list *services, size_t from)
{
    struct parts *p = audit_alloc(r->a, sizeof(*p));
    unsigned line = r->at[0];

    if (audit_failed(r->a) || !read_options(r, p, from))
        return;
    if (!audit_node_get(node(r, AUDIT_NODE_MAP, line, NULL, &p->service), "network_mode") &&
        p->networks.count == 0)
        put(&p->service, "network_mode", line, node(r, AUDIT_NODE_TEXT, line, "bridge", NULL));
    if (p->networks.count)
        put(&p->service, "networks", line, node(r, AUDIT_NODE_LIST, line, NULL, &p->networks));
    put(&p->service, "ports", line, node(r, AUDIT_NODE_LIST, line, NULL, &p->ports));
    put(&p->service, "environment", line, node(r, AUDIT_NODE_LIST, line, NULL, &p->environment));
    if (p->env_files.count)
        put(&p->service, "env_file", line, node(r, AUDIT_NODE_LIST, line, NULL, &p->env_files));
    put(services, p->name ? p->name : audit_fmt(r->a, "docker run of line %u", line), line,
        node(r, AUDIT_NODE_MAP, line, NULL, &p->service));
}

/* --- Dockerfile ------------------------------------------------------------------------------- */

static void set_env(struct run *r, struct audit_box *b, struct span key, struct span value,
                    size_t word)
{
    audit_env_set(
        r->a, &b->env,
        (struct audit_var){
            audit_dup(r->a, key), audit_dup(r->a, value), {r->file, r->at[word]}, NULL, false});
}

/* FROM begins a stage; the last one is the image. "ENV A=b C=d", or "ENV A b". */
static struct audit_box *dockerfile_line(struct run *r, struct audit_box *b)
{
    if (span_eq_nocase(r->word[0], SPAN_LIT("FROM")) && r->count > 1) {
        if (!b)
            b = audit_box_add(r->a, (struct audit_place){r->file, r->at[0]});
        b->name = "Dockerfile";
        b->place = (struct audit_place){r->file, r->at[0]};
        b->bare = true;
        b->env = (struct audit_env){0};
        b->image = audit_dup(
            r->a, r->word[span_starts(r->word[1], SPAN_LIT("--")) && r->count > 2 ? 2 : 1]);
    } else if (b && span_eq_nocase(r->word[0], SPAN_LIT("ENV")) && r->count > 1) {
        if (span_find(r->word[1], '=') == r->word[1].n && r->count > 2)
            set_env(r, b, r->word[1], r->word[2], 2);
        for (size_t i = 1; i < r->count; i++) {
            struct span value = r->word[i], key;

            if (span_cut(&value, '=', &key) && key.n < r->word[i].n)
                set_env(r, b, key, value, i);
        }
    }
    return b;
}

/* --- the rows --------------------------------------------------------------------------------- */

int audit_run_load(struct audit *a, const char *path)
{
    struct compose c = {.a = a, .dir = audit_dirname(a, path)};
    struct run *r = audit_alloc(a, sizeof(*r));
    struct list *services = audit_alloc(a, sizeof(*services)), top = {0};
    struct audit_source_file f;
    struct audit_lines lines;
    struct audit_line line;

    if (audit_failed(a) || audit_text(a, path, &f) != AUDIT_FILE_OK)
        return 0;
    *r = (struct run){.a = a, .file = f.name, .line = &line};
    audit_lines_open(&lines, a, AUDIT_LINES_BACKSLASH, &f);
    while (audit_lines_next(&lines, &line)) {
        size_t from;

        cut_words(r);
        from = behind_run(r);
        if (from && r->word[0].n && r->word[0].p[0] != '#')
            add_service(r, services, from);
    }
    if (!services->count || audit_error(a)[0])
        return audit_error(a)[0] ? AUDIT_BAD : 0;
    put(&top, "services", 1, node(r, AUDIT_NODE_MAP, 1, NULL, services));
    c.root = node(r, AUDIT_NODE_MAP, 1, NULL, &top);
    return compose_project(&c);
}

static enum audit_guess run_probe(struct audit *a, const struct audit_probe *p)
{
    static const char *const signs[] = {"docker run ", "docker create ", "podman run ",
                                        "docker container run ", "nerdctl run "};

    for (size_t i = 0; !p->folder && i < sizeof(signs) / sizeof(signs[0]); i++)
        if (span_has_nocase(p->text, span_str(signs[i])))
            return AUDIT_GUESS_LIKELY;
    return AUDIT_GUESS_NO;
}

static int run_read(struct audit *a, const struct audit_kind *kind, const char *path, bool folder)
{
    struct audit_boxes *all = audit_boxes(a);

    if (!all->compose)
        all->compose = kind;
    audit_box_file_add(a, &all->run_files, path);
    return 0;
}

static enum audit_guess dockerfile_probe(struct audit *a, const struct audit_probe *p)
{
    if (p->folder || !span_has_nocase(p->text, SPAN_LIT("FROM ")))
        return AUDIT_GUESS_NO;
    return strcmp(p->name, "Dockerfile") == 0 || strcmp(p->name, "Containerfile") == 0 ||
                   span_ends_nocase(span_str(p->name), SPAN_LIT(".dockerfile"))
               ? AUDIT_GUESS_SURE
               : AUDIT_GUESS_NO;
}

static int dockerfile_read(struct audit *a, const struct audit_kind *kind, const char *path,
                           bool folder)
{
    struct run *r = audit_alloc(a, sizeof(*r));
    struct audit_box *b = NULL;
    struct audit_source_file f;
    struct audit_lines lines;
    struct audit_line line;
    enum audit_file got = audit_text(a, path, &f);

    if (got != AUDIT_FILE_OK)
        return audit_bad(a, (struct audit_place){path, 0}, "%s", audit_file_name(got));
    if (audit_failed(a))
        return 0;
    *r = (struct run){.a = a, .file = f.name, .line = &line};
    audit_lines_open(&lines, a, AUDIT_LINES_BACKSLASH, &f);
    while (audit_lines_next(&lines, &line)) {
        cut_words(r);
        if (r->count && r->word[0].n && r->word[0].p[0] != '#')
            b = dockerfile_line(r, b);
    }
    if (!b && !audit_error(a)[0])
        return audit_bad(a, (struct audit_place){path, 0}, "no FROM in it: no Dockerfile");
    if (b)
        b->kind = kind;
    return audit_error(a)[0] ? AUDIT_BAD : 0;
}

const struct audit_kind audit_kind_run = {
    .name = "run",
    .title = "docker run",
    .reads = "a script or text with lines \"docker run …\"",
    .restart = "remove the container and run it again",
    .rules = {.wide = "DK01", .nat = "J1", .proxy = "DK04"},
    .facts = true,
    .probe = run_probe,
    .read = run_read,
};

const struct audit_kind audit_kind_dockerfile = {
    .name = "dockerfile",
    .title = "Dockerfile",
    .reads = "a Dockerfile",
    .restart = "build the image again, and recreate its containers",
    .rules = {.wide = "DK01", .nat = "J1", .proxy = "DK04"},
    .facts = true,
    .probe = dockerfile_probe,
    .read = dockerfile_read,
};
