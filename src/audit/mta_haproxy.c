/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * HAProxy in front of a mail server: which frontends take mail, which servers they lead to, and
 * whether those learn the client's address (send-proxy, or a transparent source).
 *
 * A PROXY header that the frontend itself accepts from anybody (accept-proxy) is its own finding:
 * what it is told it tells on.
 */
#include "audit/boxes.h"
#include "audit/front.h"

#include "base/num.h"

enum { SECTIONS_MAX = 2000, WORDS_MAX = 64 };

struct server {
    struct server *next;
    struct span target, source;
    bool keeps, told; /* told: send-proxy was said, or denied, on its own line */
    struct audit_place place;
};

struct section {
    struct section *next;
    const char *kind, *name;
    struct server *servers;
    struct span source;
    bool keeps, http, transparent, accepts, limits;
    unsigned port; /* of the first bind on a mail port */
    struct audit_place bind_place;
    enum audit_bind bind;
    const char *backends[WORDS_MAX];
    size_t backend_count;
    struct audit_place place;
};

struct haproxy {
    struct audit *a;
    const struct audit_kind *kind;
    const char *file;
    struct section *sections, *defaults, **end;
    size_t count;
};

struct words {
    struct span v[WORDS_MAX];
    size_t n;
};

static void split(struct words *w, struct span line)
{
    struct span word;

    w->n = 0;
    while (w->n < WORDS_MAX && audit_word(&line, " \t", false, &word)) {
        if (word.p[0] == '#')
            break;
        if (word.n > 1 && (word.p[0] == '"' || word.p[0] == '\'') &&
            word.p[word.n - 1] == word.p[0])
            word = span_slice(word, 1, word.n - 1);
        w->v[w->n++] = word;
    }
}

static bool word_is(const struct words *w, size_t i, const char *text)
{
    return i < w->n && span_eq(w->v[i], span_str(text));
}

static size_t find(const struct words *w, const char *text)
{
    size_t i = 0;

    while (i < w->n && !word_is(w, i, text))
        i++;
    return i;
}

/* --- lines ------------------------------------------------------------------------------------ */

static bool sends_proxy(const struct words *w, bool *told)
{
    bool keeps = false;

    for (size_t i = 0; i < w->n; i++) {
        if (span_starts(w->v[i], SPAN_LIT("send-proxy")) ||
            span_eq(w->v[i], SPAN_LIT("set-proxy-v2-tlv-fmt")))
            keeps = *told = true;
        if (span_starts(w->v[i], SPAN_LIT("no-send-proxy")))
            *told = true;
    }
    return keeps;
}

static void read_source(const struct words *w, struct span *source, bool *keeps)
{
    size_t i = find(w, "source");

    if (i + 1 >= w->n)
        return;
    *source = w->v[i + 1];
    if (span_rfind(*source, ':') < source->n && span_find(*source, ':') == span_rfind(*source, ':'))
        *source = span_slice(*source, 0, span_find(*source, ':'));
    if (span_eq(*source, SPAN_LIT("0.0.0.0")) || span_eq(*source, SPAN_LIT("*")))
        *source = SPAN_NULL;
    if (find(w, "usesrc") < w->n)
        *keeps = true;
}

static void read_server(struct haproxy *h, struct section *s, const struct words *w,
                        struct audit_place place)
{
    struct server *v = audit_alloc(h->a, sizeof(*v)), **at = &s->servers;

    if (w->n < 3 || audit_failed(h->a))
        return;
    while (*at)
        at = &(*at)->next;
    v->target = w->v[2];
    v->place = place;
    v->keeps = sends_proxy(w, &v->told);
    read_source(w, &v->source, &v->keeps);
    *at = v;
}

/* "[addr]:25", ":25", "*:25,*:587", "ipv4@:25", "25-26" behind an address. */
static void read_bind(struct section *s, const struct words *w, struct audit_place place)
{
    struct span list = w->n > 1 ? w->v[1] : SPAN_NULL, one;

    while (span_cut(&list, ',', &one)) {
        size_t at = span_find(one, '@'), colon;
        struct span host;
        unsigned port;
        struct ip ip;

        one = at < one.n ? span_slice(one, at + 1, one.n) : one;
        colon = span_rfind(one, ':');
        host = span_slice(one, 0, colon < one.n ? colon : 0);
        one = colon < one.n ? span_slice(one, colon + 1, one.n) : one;
        one = span_slice(one, 0, span_find(one, '-'));
        if (!num_uint(one, 1, 65535, &port) || s->port)
            continue;
        s->port = port;
        s->bind = audit_bind_of(host, &ip);
        s->bind_place = place;
    }
    s->accepts = s->accepts || find(w, "accept-proxy") < w->n;
}

static struct section *open_section(struct haproxy *h, const struct words *w,
                                    struct audit_place place)
{
    struct section *s = audit_alloc(h->a, sizeof(*s));

    if (++h->count > SECTIONS_MAX)
        audit_bad(h->a, place, "more than %d sections; give those of the mail server only",
                  SECTIONS_MAX);
    if (audit_failed(h->a))
        return s;
    if (h->defaults)
        *s = *h->defaults;
    s->next = NULL;
    s->kind = audit_dup(h->a, w->v[0]);
    s->name = w->n > 1 ? audit_dup(h->a, w->v[1]) : "";
    s->place = place;
    if (word_is(w, 0, "defaults")) {
        *s = (struct section){.kind = s->kind, .name = s->name, .place = place};
        h->defaults = s;
        return s;
    }
    *h->end = s;
    h->end = &s->next;
    return s;
}

static bool section_word(const struct words *w)
{
    static const char *const kinds[] = {
        "frontend", "backend", "listen",  "defaults", "global",      "resolvers", "peers",
        "userlist", "cache",   "mailers", "program",  "http-errors", "ring",      "fcgi-app"};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (word_is(w, 0, kinds[i]))
            return true;
    return false;
}

static void read_line(struct haproxy *h, struct section *s, const struct words *w,
                      struct audit_place place)
{
    bool told = false;

    if (word_is(w, 0, "bind"))
        read_bind(s, w, place);
    else if (word_is(w, 0, "mode"))
        s->http = word_is(w, 1, "http");
    else if (word_is(w, 0, "server") || word_is(w, 0, "server-template"))
        read_server(h, s, w, place);
    else if (word_is(w, 0, "default-server"))
        s->keeps = sends_proxy(w, &told) || (s->keeps && !told);
    else if (word_is(w, 0, "source"))
        read_source(w, &s->source, &s->transparent);
    else if (word_is(w, 0, "tcp-request") && find(w, "expect-proxy") < w->n)
        s->limits = true;
    else if ((word_is(w, 0, "default_backend") || word_is(w, 0, "use_backend")) && w->n > 1 &&
             s->backend_count < WORDS_MAX)
        s->backends[s->backend_count++] = audit_dup(h->a, w->v[1]);
}

/* --- what it means ---------------------------------------------------------------------------- */

static bool mail_target(const struct server *v)
{
    struct span host;
    uint16_t port = 0;

    return ip_host_port(v->target, &host, &port) && audit_mail_port(port);
}

static bool server_facts(struct haproxy *h, const struct section *front, const struct section *s,
                         const struct server *v)
{
    struct audit_front f = {.who = audit_fmt(h->a, "HAProxy (%s %s)", s->kind, s->name),
                            .target = v->target,
                            .source = v->source.n ? v->source : s->source,
                            .keeps = v->keeps || s->transparent || (s->keeps && !v->told),
                            .front_port = front->port,
                            .place = v->place};

    if (span_starts(f.target, SPAN_LIT("ipv4@")) || span_starts(f.target, SPAN_LIT("ipv6@")))
        f.target = span_slice(f.target, 5, f.target.n);
    return audit_front_facts(h->a, &f);
}

static void proxy_door(struct haproxy *h, const struct section *s)
{
    struct audit_door *d = audit_door(h->a, h->kind, s->name, s->port, s->bind, s->bind_place);
    struct ip_prefix all[] = {{.ip = {.family = IP_V4}}, {.ip = {.family = IP_V6}}};

    d->proxy_how = "PROXY";
    d->stranger = AUDIT_NO;
    for (size_t i = 0; i < 2; i++)
        audit_net_add(h->a, &d->proxies, all[i], false, s->bind_place, SPAN_LIT("accept-proxy"))
            ->fix = "tcp-request connection expect-proxy layer4 if { src ADDRESS-OF-THE-BALANCER }";
}

static void front_facts(struct haproxy *h, const struct section *front, bool *hides, bool *keeps)
{
    bool listen = strcmp(front->kind, "listen") == 0;

    for (const struct section *s = h->sections; s; s = s->next) {
        bool ours = listen && s == front;

        for (size_t i = 0; i < front->backend_count && !ours; i++)
            ours = strcmp(s->name, front->backends[i]) == 0 && strcmp(s->kind, "frontend") != 0;
        for (const struct server *v = ours ? s->servers : NULL; v; v = v->next) {
            if (!audit_mail_port(front->port) && !mail_target(v))
                continue;
            if (server_facts(h, front, s, v))
                *hides = true;
            else
                *keeps = true;
        }
    }
}

static int haproxy_read(struct audit *a, const struct audit_kind *kind, const char *path,
                        bool folder)
{
    struct haproxy h = {.a = a, .kind = kind};
    struct audit_source_file f;
    struct audit_lines r;
    struct audit_line line;
    struct section *s = NULL;
    bool hides = false, keeps = false;
    enum audit_file got =
        audit_text(a, folder ? audit_join_path(a, path, "haproxy.cfg") : path, &f);

    if (got != AUDIT_FILE_OK)
        return audit_bad(a, (struct audit_place){path, 0}, "%s", audit_file_name(got));
    h.end = &h.sections;
    audit_lines_open(&r, a, AUDIT_LINES_PLAIN, &f);
    while (audit_lines_next(&r, &line)) {
        struct audit_place place = {f.name, line.first};
        struct words w;

        split(&w, line.text);
        if (w.n > 0 && section_word(&w))
            s = open_section(&h, &w, place);
        else if (w.n > 0 && s)
            read_line(&h, s, &w, place);
    }
    for (s = h.sections; s && !audit_failed(a); s = s->next) {
        if (s->http || (strcmp(s->kind, "frontend") != 0 && strcmp(s->kind, "listen") != 0))
            continue;
        front_facts(&h, s, &hides, &keeps);
        if (s->accepts && !s->limits && audit_mail_port(s->port))
            proxy_door(&h, s);
    }
    if (keeps && !hides)
        audit_host_nat_told(a);
    return audit_failed(a);
}

static enum audit_guess haproxy_probe(struct audit *a, const struct audit_probe *p)
{
    if (p->folder)
        return audit_there(a, audit_join_path(a, p->path, "haproxy.cfg")) ? AUDIT_GUESS_SURE
                                                                          : AUDIT_GUESS_NO;
    if (strcmp(p->name, "haproxy.cfg") == 0)
        return AUDIT_GUESS_SURE;
    return (span_has_nocase(p->text, SPAN_LIT("\nfrontend ")) ||
            span_has_nocase(p->text, SPAN_LIT("\nlisten "))) &&
                   span_has_nocase(p->text, SPAN_LIT("server "))
               ? AUDIT_GUESS_LIKELY
               : AUDIT_GUESS_NO;
}

const struct audit_kind audit_kind_haproxy = {
    .name = "haproxy",
    .title = "HAProxy",
    .reads = "haproxy.cfg",
    .restart = "systemctl reload haproxy",
    .rules = {.wide = "PX01", .nat = "J1", .proxy = "J3"},
    .facts = true,
    .probe = haproxy_probe,
    .read = haproxy_read,
};
