/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The collection of containers, and its end: an env file that was given alone joins the service
 * that it belongs to, if one is there; then facts, then doors.
 */
#include "audit/boxes.h"

#include "audit/audit_priv.h"

struct audit_boxes *audit_boxes(struct audit *a)
{
    if (!a->boxes)
        a->boxes = audit_alloc(a, sizeof(*a->boxes));
    return a->boxes;
}

struct audit_box *audit_box_add(struct audit *a, struct audit_place place)
{
    struct audit_boxes *all = audit_boxes(a);
    struct audit_box *b = audit_alloc(a, sizeof(*b)), **at = &all->boxes;

    if (audit_failed(a))
        return b;
    if (++all->box_count > AUDIT_BOXES_MAX)
        audit_bad(a, place, "more than %d services; audit them in parts", AUDIT_BOXES_MAX);
    while (*at)
        at = &(*at)->next;
    b->name = "";
    b->place = place;
    *at = b;
    return b;
}

struct audit_box_net *audit_box_net_add(struct audit *a, const char *name, struct audit_place place)
{
    struct audit_box_net *n = audit_alloc(a, sizeof(*n)), **at = &audit_boxes(a)->nets;

    if (audit_failed(a))
        return n;
    while (*at)
        at = &(*at)->next;
    n->name = name;
    n->place = place;
    *at = n;
    return n;
}

struct audit_box_port *audit_box_port_add(struct audit *a, struct audit_box *b,
                                          struct audit_place place)
{
    struct audit_box_port *p = audit_alloc(a, sizeof(*p)), **at = &b->ports;

    if (audit_failed(a))
        return p;
    while (*at)
        at = &(*at)->next;
    p->place = place;
    *at = p;
    return p;
}

void audit_box_link_add(struct audit *a, struct audit_box *b, const struct audit_box_net *net,
                        struct ip v4, struct ip v6)
{
    struct audit_box_link *l = audit_alloc(a, sizeof(*l)), **at = &b->links;

    if (audit_failed(a))
        return;
    while (*at)
        at = &(*at)->next;
    *l = (struct audit_box_link){.net = net, .v4 = v4, .v6 = v6};
    *at = l;
}

void audit_box_file_add(struct audit *a, struct audit_box_file **list, const char *path)
{
    struct audit_box_file *f = audit_alloc(a, sizeof(*f));

    if (audit_failed(a))
        return;
    while (*list) {
        if (strcmp((*list)->path, path) == 0)
            return;
        list = &(*list)->next;
    }
    f->path = audit_dup(a, span_str(path));
    *list = f;
}

struct ip audit_box_gateway(const struct audit_box_subnet *s)
{
    struct ip ip = s->net.ip;

    if (s->gateway.family)
        return s->gateway;
    ip.b[ip.family == IP_V4 ? 3 : 15] |= 1;
    return ip;
}

bool audit_mail_port(unsigned port)
{
    static const unsigned ports[] = {25,  26,   465,  587,  588,  590,
                                     591, 1025, 2500, 2525, 8025, 10025};

    for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
        if (port == ports[i])
            return true;
    return false;
}

/* "mailcow" is in the names of boxes that have nothing to do with SMTP. */
static bool has_word(const char *text, const char *word)
{
    struct span rest = span_str(text), w = span_str(word);

    while (rest.n > 0) {
        size_t at = span_find_nocase(rest, w);

        if (at == rest.n)
            return false;
        rest = span_slice(rest, at + w.n, rest.n);
        if (!span_starts_nocase(rest, SPAN_LIT("cow")))
            return true;
    }
    return false;
}

bool audit_box_mail(const struct audit_box *b)
{
    static const char *const words[] = {"mail",  "postfix", "smtp",  "exim",     "relay",
                                        "james", "haraka",  "maddy", "stalwart", "mta"};

    for (const struct audit_box_port *p = b->ports; p; p = p->next)
        for (unsigned i = p->first; i <= p->last; i++)
            if (audit_mail_port(i))
                return true;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (has_word(b->image, words[i]) || has_word(b->name, words[i]))
            return true;
    return false;
}

/* --- the end ---------------------------------------------------------------------------------- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* A service that names the file but did not find it, as it lies elsewhere in this call. */
static struct audit_box *wants(struct audit_boxes *all, const char *path)
{
    for (struct audit_box *b = all->boxes; b; b = b->next) {
        const struct audit_var *missing = audit_env_find(&b->env, "");

        if (missing && strcmp(base_name(missing->value), base_name(path)) == 0)
            return b;
    }
    return NULL;
}

static bool read_already(const struct audit_boxes *all, const char *path)
{
    for (const struct audit_box *b = all->boxes; b; b = b->next)
        for (size_t i = 0; !b->bare && i < b->env.count; i++)
            if (b->env.v[i].place.file && strcmp(b->env.v[i].place.file, path) == 0)
                return true;
    return false;
}

/* `environment` stays in front of what a file says. */
static int give_file(struct audit *a, struct audit_box *b, const struct audit_source_file *f)
{
    struct audit_env own = b->env, file = {0};
    int r = audit_env_read(a, &file, NULL, f);

    for (size_t i = 0; i < own.count && r == 0; i++)
        if (own.v[i].name[0])
            audit_env_set(a, &file, own.v[i]);
    b->env = file;
    return r;
}

static int settle_env_file(struct audit *a, const char *path)
{
    struct audit_boxes *all = audit_boxes(a);
    struct audit_source_file f;
    enum audit_file got = audit_text(a, path, &f);
    struct audit_box *b;

    if (got != AUDIT_FILE_OK)
        return audit_bad(a, (struct audit_place){path, 0}, "%s", audit_file_name(got));
    if (read_already(all, f.name))
        return 0;
    b = wants(all, path);
    if (!b) {
        b = audit_box_add(a, (struct audit_place){f.name, 0});
        b->bare = true;
        b->name = base_name(path);
    }
    return give_file(a, b, &f);
}

int audit_boxes_settle(struct audit *a)
{
    int r = 0;

    if (!a->boxes)
        return 0;
    r = audit_compose_load(a);
    for (const struct audit_box_file *f = a->boxes->run_files; f && r == 0; f = f->next)
        r = audit_run_load(a, f->path);
    for (const struct audit_box_file *f = a->boxes->env_files; f && r == 0; f = f->next)
        r = settle_env_file(a, f->path);
    if (r != 0 || audit_failed(a))
        return r ? r : audit_failed(a);
    audit_docker_facts(a);
    r = audit_k8s_facts(a);
    if (r != 0)
        return r;
    for (struct audit_box *b = a->boxes->boxes; b && !audit_failed(a); b = b->next)
        audit_box_image(a, b);
    return audit_failed(a) ? audit_failed(a) : a->error[0] ? AUDIT_BAD : 0;
}
