/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Exim: finds the configuration, opens a door for each port, and judges each.
 *
 *     mta_exim_read.c    physical lines: macros, conditions, includes
 *     mta_exim_conf.c    logical lines: options, lists, ACLs, routers
 *     mta_exim_debian.c  what Debian's update-exim4.conf makes of its pieces
 *     mta_exim_expand.c  ${…}, with _item.c, _if.c and _lookup.c
 *     mta_exim_list.c    lists
 *     mta_exim_acl.c     ACLs, and the session that they make up
 *     mta_exim_route.c   routers
 *     mta_exim_judge.c   sessions of strangers; _login.c for authenticators and options
 *
 * Not looked at: the command line of the daemon (-D, -oX), local_scan(), system filters, and mail
 * that does not come by SMTP.
 */
#include "audit/mta_exim_priv.h"

#include "base/num.h"

/* --- doors ------------------------------------------------------------------------------------ */

static unsigned port_of(struct span s)
{
    static const struct {
        const char *name;
        unsigned port;
    } names[] = {{"smtp", 25}, {"smtps", 465},      {"submissions", 465}, {"ssmtp", 465},
                 {"urd", 465}, {"submission", 587}, {"mail", 25}};
    unsigned port = 0;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (span_eq_nocase(s, span_str(names[i].name)))
            return names[i].port;
    return num_uint(s, 1, 65535, &port) ? port : 0;
}

/* "192.0.2.1", "192.0.2.1.25", "[::1]:25" */
static struct span interface_of(struct span s, unsigned *ret_port)
{
    size_t close = span_find(s, ']'), dots = 0;

    *ret_port = 0;
    if (s.n > 0 && s.p[0] == '[' && close < s.n) {
        num_uint(span_slice(s, close + 2, s.n), 1, 65535, ret_port);
        return span_slice(s, 1, close);
    }
    for (size_t i = 0; i < s.n; i++)
        dots += s.p[i] == '.';
    if (dots == 4 || (dots == 1 && span_find(s, ':') < s.n)) {
        size_t dot = span_rfind(s, '.');

        num_uint(span_slice(s, dot + 1, s.n), 1, 65535, ret_port);
        return span_slice(s, 0, dot);
    }
    return s;
}

static void open_door(struct exim_conf *c, unsigned port, struct span host,
                      struct audit_place place)
{
    struct ip address;
    enum audit_bind bind = audit_bind_of(host, &address);
    const struct audit_door *const *doors;
    struct audit_door *d;
    size_t count;

    doors = audit_doors(c->a, &count);
    for (size_t i = 0; i < count; i++)
        if (doors[i]->kind == c->kind && doors[i]->port == port && doors[i]->bind == bind &&
            doors[i]->place.file == place.file && ip_eq(doors[i]->address, address))
            return;
    d = audit_door(c->a, c->kind, audit_fmt(c->a, "exim port %u", port), port, bind, place);
    d->address = address;
    exim_judge(c, d);
}

static void open_ports(struct exim_conf *c, struct span host, struct audit_place place)
{
    const struct exim_option *o = exim_option(c->options, "daemon_smtp_ports");
    struct exim_list_reader l;
    struct span item;
    const char *at;
    bool any = false;

    if (!o)
        o = exim_option(c->options, "daemon_smtp_port");
    exim_list_open(&l, o ? o->value.s : SPAN_NULL, &item);
    while (o && exim_list_next(c->a, &l, &item, &at)) {
        unsigned port = port_of(item);

        if (!port)
            continue;
        open_door(c, port, host, exim_place(&o->value, at));
        any = true;
    }
    if (!any)
        open_door(c, 25, host, place);
}

void exim_doors(struct exim_conf *c)
{
    const struct exim_option *o = exim_option(c->options, "local_interfaces");
    struct audit_place place = {c->file, 0};
    struct exim_world w = {.sender = "", .helo = "", .rcpt_local = "", .rcpt_domain = ""};
    struct exim_run r = exim_run_new(c, &w);
    struct exim_list_reader l;
    struct exim_value v;
    struct span item;
    const char *at;
    bool any = false;

    v = o ? exim_expand(&r, &o->value) : exim_known(SPAN_NULL);
    exim_list_open(&l, v.text, &item);
    while (o && exim_list_next(c->a, &l, &item, &at)) {
        unsigned port;
        struct span host = interface_of(item, &port);

        any = true;
        if (port)
            open_door(c, port, host, o->place);
        else
            open_ports(c, host, o->place);
    }
    if (!any)
        open_ports(c, SPAN_NULL, place);
}

/* --- the row ---------------------------------------------------------------------------------- */

static const char *const folder_files[] = {"exim4.conf", "exim.conf", "configure",
                                           "update-exim4.conf.conf"};

static enum audit_guess exim_probe(struct audit *a, const struct audit_probe *p)
{
    if (p->folder) {
        for (size_t i = 0; i < sizeof(folder_files) / sizeof(folder_files[0]); i++) {
            const char *path = audit_join_path(a, p->path, folder_files[i]);
            struct audit_source_file f;

            if (audit_text(a, path, &f) != AUDIT_FILE_OK)
                continue;
            if (i != 2 || span_has_nocase(f.text, SPAN_LIT("begin acl")))
                return AUDIT_GUESS_SURE;
        }
        return AUDIT_GUESS_NO;
    }
    if (strcmp(p->name, "exim4.conf") == 0 || strcmp(p->name, "exim.conf") == 0 ||
        strcmp(p->name, "update-exim4.conf.conf") == 0 ||
        strcmp(p->name, "exim4.conf.template") == 0)
        return AUDIT_GUESS_SURE;
    if (span_has_nocase(p->text, SPAN_LIT("acl_smtp_rcpt")))
        return AUDIT_GUESS_SURE;
    return span_has_nocase(p->text, SPAN_LIT("begin routers")) ||
                   span_has_nocase(p->text, SPAN_LIT("begin acl"))
               ? AUDIT_GUESS_LIKELY
               : AUDIT_GUESS_NO;
}

static int read_plain(struct exim_conf *c, const char *path)
{
    struct exim_sections sections = {.c = c};
    struct audit_source_file f;
    struct exim_reader r;
    enum audit_file got = audit_text(c->a, path, &f);
    int err;

    if (got != AUDIT_FILE_OK)
        return audit_bad(c->a, (struct audit_place){path, 0}, "%s", audit_file_name(got));
    c->file = f.name;
    exim_reader_open(&r, c, exim_conf_line, &sections);
    err = exim_read_file(&r, &f);
    exim_reader_end(&r);
    return err;
}

static int exim_read(struct audit *a, const struct audit_kind *kind, const char *path, bool folder)
{
    struct exim_conf c = {.a = a, .kind = kind, .file = path};
    const char *dir = folder ? path : audit_dirname(a, path);
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    bool debian = !folder && (strcmp(name, "update-exim4.conf.conf") == 0 ||
                              strcmp(name, "exim4.conf.template") == 0);
    int err = 0;

    audit_alias(a,
                strcmp(name, "exim.conf") == 0 ||
                        audit_there(a, audit_join_path(a, dir, "exim.conf"))
                    ? "/etc/exim"
                    : "/etc/exim4",
                dir);
    for (size_t i = 0; folder && i < 3; i++) {
        const char *file = audit_join_path(a, path, folder_files[i]);

        if (audit_there(a, file)) {
            path = file;
            folder = false;
        }
    }
    if (folder || debian)
        err = exim_read_debian(&c, dir);
    else
        err = read_plain(&c, path);
    if (err == 0 && !c.options && !c.acls)
        return audit_bad(a, (struct audit_place){path, 0}, "no Exim configuration; nothing in it");
    if (err == 0 && !audit_failed(a))
        exim_doors(&c);
    return err;
}

const struct audit_kind audit_kind_exim = {
    .name = "exim",
    .title = "Exim",
    .reads = "exim.conf, exim4.conf or configure, or Debian's folder /etc/exim4",
    .restart = "systemctl reload exim4",
    .rules = {.wide = "EX02", .nat = "EX02", .proxy = "EX08"},
    .probe = exim_probe,
    .read = exim_read,
};
