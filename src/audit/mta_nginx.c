/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nginx in front of a mail server: its stream proxy passes bytes on and hides the client unless
 * proxy_protocol or a transparent proxy_bind is set; its mail proxy tells the client's address by
 * XCLIENT, unless that is switched off.
 *
 * Blocks are read into a tree of directives; includes are followed where their files are given.
 */
#include "audit/boxes.h"
#include "audit/front.h"

#include "base/num.h"

enum { DIRECTIVES_MAX = 100000, WORDS_MAX = 32 };

struct directive {
    struct directive *next, *inside; /* inside: of a block */
    struct span words[WORDS_MAX];
    size_t n;
    struct audit_place place;
};

struct nginx {
    struct audit *a;
    const struct audit_kind *kind;
    const char *dir;
    size_t count;
    const struct directive *upstreams[256];
    size_t upstream_count;
    bool hides, keeps;
};

struct reader {
    struct nginx *g;
    struct span text;
    const char *file;
    unsigned line;
};

/* --- reading ---------------------------------------------------------------------------------- */

static char take(struct reader *r)
{
    char c = r->text.p[0];

    r->line += c == '\n';
    r->text = span_slice(r->text, 1, r->text.n);
    return c;
}

static void skip(struct reader *r)
{
    while (r->text.n > 0) {
        if (r->text.p[0] == '#')
            while (r->text.n > 0 && r->text.p[0] != '\n')
                take(r);
        else if (strchr(" \t\r\n", r->text.p[0]) && r->text.p[0])
            take(r);
        else
            return;
    }
}

static struct span word(struct reader *r)
{
    struct span start = r->text;
    char quote = start.p[0];
    size_t n;

    if (quote == '"' || quote == '\'') {
        take(r);
        start = r->text;
        while (r->text.n > 0 && r->text.p[0] != quote) {
            if (r->text.p[0] == '\\' && r->text.n > 1)
                take(r);
            take(r);
        }
        n = start.n - r->text.n;
        if (r->text.n > 0)
            take(r);
        return span_slice(start, 0, n);
    }
    while (r->text.n > 0 && !(strchr(" \t\r\n;{}", r->text.p[0]) && r->text.p[0])) {
        if (r->text.p[0] == '$' && r->text.n > 1 && r->text.p[1] == '{')
            while (r->text.n > 0 && r->text.p[0] != '}')
                take(r);
        if (r->text.n > 0)
            take(r);
    }
    return span_slice(start, 0, start.n - r->text.n);
}

static struct directive *read_block(struct reader *r, unsigned depth);

/* NULL: the block ends, or an error. */
static struct directive *read_one(struct reader *r, unsigned depth)
{
    struct directive *d;
    struct audit *a = r->g->a;

    skip(r);
    if (r->text.n == 0 || audit_failed(a))
        return NULL;
    if (r->text.p[0] == '}') {
        take(r);
        return NULL;
    }
    d = audit_alloc(a, sizeof(*d));
    d->place = (struct audit_place){r->file, r->line};
    if (++r->g->count > DIRECTIVES_MAX || depth > AUDIT_NEST_MAX) {
        audit_bad(a, d->place, "too many directives or blocks in one another; give the mail part");
        return NULL;
    }
    while (r->text.n > 0) {
        char c = r->text.p[0];

        if (c == ';' || c == '{') {
            take(r);
            if (c == '{')
                d->inside = read_block(r, depth + 1);
            break;
        }
        if (c == '}')
            break;
        if (d->n < WORDS_MAX)
            d->words[d->n++] = word(r);
        else
            word(r);
        skip(r);
    }
    return d;
}

static struct directive *read_block(struct reader *r, unsigned depth)
{
    struct directive *first = NULL, **end = &first, *d;

    while ((d = read_one(r, depth))) {
        *end = d;
        end = &d->next;
    }
    return first;
}

/* --- looking ---------------------------------------------------------------------------------- */

static bool is(const struct directive *d, size_t i, const char *text)
{
    return i < d->n && span_eq(d->words[i], span_str(text));
}

static const struct directive *find(const struct directive *block, const char *name)
{
    for (; block; block = block->next)
        if (is(block, 0, name))
            return block;
    return NULL;
}

/* The setting of a server, or of the block around it. */
static const struct directive *setting(const struct directive *server,
                                       const struct directive *outer, const char *name)
{
    const struct directive *d = find(server->inside, name);

    return d ? d : find(outer->inside, name);
}

static unsigned listen_port(const struct directive *server, const struct directive **ret)
{
    for (const struct directive *d = server->inside; d; d = d->next) {
        struct span at = d->n > 1 ? d->words[1] : SPAN_NULL;
        size_t colon = span_rfind(at, ':');
        unsigned port;

        if (!is(d, 0, "listen") ||
            !num_uint(colon < at.n ? span_slice(at, colon + 1, at.n) : at, 1, 65535, &port))
            continue;
        *ret = d;
        return port;
    }
    return 0;
}

static void target_facts(struct nginx *g, const struct directive *server, struct span target,
                         unsigned port, bool keeps, struct audit_place place)
{
    const struct directive *bind = find(server->inside, "proxy_bind");
    struct audit_front f = {.who = "nginx", .keeps = keeps, .front_port = port, .place = place};
    bool upstream = false;

    if (bind && bind->n > 1 && bind->words[1].p[0] != '$')
        f.source = bind->words[1];
    for (size_t i = 0; i < g->upstream_count; i++)
        for (const struct directive *d = g->upstreams[i]->inside; d; d = d->next)
            if (is(d, 0, "server") && d->n > 1 && g->upstreams[i]->n > 1 &&
                span_eq(g->upstreams[i]->words[1], target)) {
                upstream = true;
                f.target = d->words[1];
                if (audit_front_facts(g->a, &f))
                    g->hides = true;
                else
                    g->keeps = true;
            }
    f.target = target;
    if (!upstream && audit_front_facts(g->a, &f))
        g->hides = true;
    else if (!upstream)
        g->keeps = true;
}

/* --- servers ---------------------------------------------------------------------------------- */

static void stream_server(struct nginx *g, const struct directive *outer,
                          const struct directive *server)
{
    const struct directive *pass = find(server->inside, "proxy_pass"), *listen = NULL;
    const struct directive *bind = setting(server, outer, "proxy_bind");
    const struct directive *proxy = setting(server, outer, "proxy_protocol");
    unsigned port = listen_port(server, &listen);
    struct span host;
    uint16_t back = 0;

    if (!pass || pass->n < 2 || !port)
        return;
    if (!audit_mail_port(port) &&
        !(ip_host_port(pass->words[1], &host, &back) && audit_mail_port(back)))
        return;
    target_facts(g, server, pass->words[1], port,
                 (proxy && is(proxy, 1, "on")) || (bind && is(bind, bind->n - 1, "transparent")),
                 pass->place);
}

static void believe(struct nginx *g, const struct directive *server, const struct directive *outer,
                    const struct directive *listen, unsigned port)
{
    struct audit_door *d;
    struct ip ip;

    for (size_t i = 2; listen && i < listen->n; i++) {
        if (!is(listen, i, "proxy_protocol"))
            continue;
        d = audit_door(g->a, g->kind, "mail", port, audit_bind_of(SPAN_NULL, &ip), listen->place);
        d->proxy_how = "PROXY";
        d->stranger = AUDIT_NO;
        for (unsigned k = 0; k < 2; k++)
            for (const struct directive *f = k ? outer->inside : server->inside; f; f = f->next) {
                struct ip_prefix net;

                if (is(f, 0, "set_real_ip_from") && f->n > 1 && ip_prefix_parse(f->words[1], &net))
                    audit_net_add(g->a, &d->proxies, net, false, f->place, f->words[1])->fix =
                        "set_real_ip_from ADDRESS-OF-THE-BALANCER;";
            }
        return;
    }
}

static void mail_server(struct nginx *g, const struct directive *outer,
                        const struct directive *server)
{
    const struct directive *protocol = setting(server, outer, "protocol"), *listen = NULL;
    const struct directive *xclient = setting(server, outer, "xclient");
    const struct directive *proxy = setting(server, outer, "proxy_protocol");
    unsigned port = listen_port(server, &listen);
    bool smtp = protocol ? is(protocol, 1, "smtp") : audit_mail_port(port);

    if (!smtp || !port)
        return;
    believe(g, server, outer, listen, port);
    if (xclient && is(xclient, 1, "off") && !(proxy && is(proxy, 1, "on")))
        target_facts(g, server, SPAN_LIT("a-server-that-auth_http-names"), port, false,
                     xclient->place);
    else
        g->keeps = true;
}

static void walk(struct nginx *g, const struct directive *d, const struct directive *outer,
                 unsigned depth);

static bool glob(struct span pattern, const char *name)
{
    size_t star = span_find(pattern, '*');
    struct span n = span_str(name);

    return span_starts(n, span_slice(pattern, 0, star)) &&
           span_ends_nocase(n, span_slice(pattern, star + 1, pattern.n)) && n.n + 1 >= pattern.n;
}

static void include_file(struct nginx *g, const char *path, const struct directive *outer,
                         unsigned depth)
{
    struct audit_source_file f;
    struct reader r;

    if (depth > AUDIT_NEST_MAX) {
        audit_bad(g->a, (struct audit_place){path, 0},
                  "files include one another more than %d deep; break the loop", AUDIT_NEST_MAX);
        return;
    }
    if (audit_text(g->a, path, &f) != AUDIT_FILE_OK)
        return; /* mime.types and the like */
    r = (struct reader){g, f.text, f.name, 1};
    while (r.text.n > 0 && !audit_failed(g->a))
        walk(g, read_block(&r, 0), outer, depth + 1);
}

static void include(struct nginx *g, struct span what, const struct directive *outer,
                    unsigned depth)
{
    const char *path = audit_join_path(g->a, g->dir, audit_dup(g->a, what));
    const char *dir = audit_dirname(g->a, path), *slash = strrchr(path, '/');
    const char *const *names;
    size_t count;

    if (!strchr(path, '*')) {
        include_file(g, path, outer, depth);
        return;
    }
    if (audit_folder(g->a, dir, &names, &count) != AUDIT_FILE_OK)
        return;
    for (size_t i = 0; i < count && !audit_failed(g->a); i++)
        if (glob(span_str(slash + 1), names[i]))
            include_file(g, audit_join_path(g->a, dir, names[i]), outer, depth);
}

static void walk(struct nginx *g, const struct directive *d, const struct directive *outer,
                 unsigned depth)
{
    for (const struct directive *u = d; u; u = u->next)
        if (is(u, 0, "upstream") && g->upstream_count < 256)
            g->upstreams[g->upstream_count++] = u;
    for (; d && !audit_failed(g->a); d = d->next) {
        if (is(d, 0, "include") && d->n > 1)
            include(g, d->words[1], outer, depth);
        else if ((is(d, 0, "stream") || is(d, 0, "mail")) && depth <= AUDIT_NEST_MAX)
            walk(g, d->inside, d, depth + 1);
        else if (is(d, 0, "server") && outer && is(outer, 0, "stream"))
            stream_server(g, outer, d);
        else if (is(d, 0, "server") && outer && is(outer, 0, "mail"))
            mail_server(g, outer, d);
    }
}

static int nginx_read(struct audit *a, const struct audit_kind *kind, const char *path, bool folder)
{
    const char *file = folder ? audit_join_path(a, path, "nginx.conf") : path;
    struct nginx g = {.a = a, .kind = kind, .dir = audit_dirname(a, file)};
    struct audit_source_file f;
    enum audit_file got;

    audit_alias(a, "/etc/nginx", g.dir);
    got = audit_text(a, file, &f);
    if (got != AUDIT_FILE_OK)
        return audit_bad(a, (struct audit_place){path, 0}, "%s", audit_file_name(got));
    include_file(&g, file, NULL, 0);
    if (g.keeps && !g.hides)
        audit_host_nat_told(a);
    return audit_failed(a);
}

static enum audit_guess nginx_probe(struct audit *a, const struct audit_probe *p)
{
    if (p->folder)
        return audit_there(a, audit_join_path(a, p->path, "nginx.conf")) ? AUDIT_GUESS_SURE
                                                                         : AUDIT_GUESS_NO;
    if (strcmp(p->name, "nginx.conf") == 0)
        return AUDIT_GUESS_SURE;
    return span_has_nocase(p->text, SPAN_LIT("proxy_pass ")) ||
                   span_has_nocase(p->text, SPAN_LIT("auth_http "))
               ? AUDIT_GUESS_LIKELY
               : AUDIT_GUESS_NO;
}

const struct audit_kind audit_kind_nginx = {
    .name = "nginx",
    .title = "nginx",
    .reads = "nginx.conf with its includes",
    .restart = "nginx -s reload",
    .rules = {.wide = "PX01", .nat = "J1", .proxy = "J3"},
    .facts = true,
    .probe = nginx_probe,
    .read = nginx_read,
};
