/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Podman's quadlets: a container as a unit file. A user's own (below .config/containers, or in
 * systemd's folder of users) is rootless. Its ports then go through a forwarder in user space: with
 * a network of its own every client comes from that bridge; without one, slirp4netns lent its own
 * address up to Podman 4, and pasta, from 5 on, keeps the client's.
 *
 * Root's containers keep the client's address: there is no userland proxy.
 */
#include "audit/boxes.h"

#include "base/num.h"

struct quadlet {
    struct audit *a;
    struct audit_box *b;
    const char *dir;
    bool rootless;
};

static bool in_user_folder(const char *path)
{
    return strstr(path, ".config/containers") || strstr(path, "containers/systemd/users");
}

/* "25:25", "192.0.2.1:25:25", "[::]:25:25/tcp": the container's port is the last. */
static void publish(struct quadlet *q, struct span s, struct audit_place place)
{
    size_t slash = span_find(s, '/'), colon;
    struct audit_box_port *p;
    struct span host;
    unsigned port;

    if (slash < s.n && !span_eq_nocase(span_slice(s, slash + 1, s.n), SPAN_LIT("tcp")))
        return;
    s = span_slice(s, 0, slash);
    colon = span_rfind(s, ':');
    if (!num_uint(colon < s.n ? span_slice(s, colon + 1, s.n) : s, 1, 65535, &port))
        return;
    host = span_slice(s, 0, colon < s.n ? colon : 0);
    colon = span_rfind(host, ':');
    host = colon < host.n ? span_slice(host, 0, colon) : SPAN_NULL;
    p = audit_box_port_add(q->a, q->b, place);
    p->first = p->last = port;
    p->bind = audit_bind_of(host, &p->host);
    p->v4 = p->host.family != IP_V6;
    if (p->bind != AUDIT_BIND_LOOPBACK)
        audit_host_publish(q->a, port, p->v4, true);
}

static void lend(struct quadlet *q, struct ip ip, unsigned len, bool certain, const char *what,
                 struct audit_place place)
{
    audit_host_nat(q->a, ip_prefix_of(ip, len), certain, what, place);
}

/* Who lends addresses, once the network is known. */
static void sources(struct quadlet *q, struct audit_place place)
{
    static const struct ip slirp = {.family = IP_V4, .b = {10, 0, 2, 100}};
    static const struct ip bridges = {.family = IP_V4, .b = {10, 89, 0, 0}};
    struct span mode = span_str(q->b->network_mode);

    if (!q->rootless || q->b->host_network || span_starts(mode, SPAN_LIT("pasta")))
        return;
    if (span_has_nocase(mode, SPAN_LIT("port_handler=slirp4netns")))
        return;
    if (mode.n == 0 || span_starts(mode, SPAN_LIT("slirp4netns")))
        lend(q, slirp, 32, mode.n > 0, "slirp4netns with rootlesskit's port handler (Podman 4)",
             place);
    else
        lend(q, bridges, 16, true,
             "the port handler of a rootless Podman, on the container's bridge", place);
}

static int setting(struct quadlet *q, struct span name, struct span value, struct audit_place place)
{
    struct span rest = value, word;

    if (span_eq_nocase(name, SPAN_LIT("Image"))) {
        q->b->image = audit_dup(q->a, value);
    } else if (span_eq_nocase(name, SPAN_LIT("PublishPort"))) {
        publish(q, value, place);
    } else if (span_eq_nocase(name, SPAN_LIT("Network"))) {
        q->b->network_mode = audit_dup(q->a, value);
        q->b->host_network = span_eq(value, SPAN_LIT("host"));
    } else if (span_eq_nocase(name, SPAN_LIT("Environment"))) {
        while (audit_word(&rest, " \t", false, &word)) {
            struct span v = word, key;

            if (v.n > 1 && (v.p[0] == '"' || v.p[0] == '\'')) { /* "NAME=a b" */
                size_t at = (size_t)(v.p - value.p), end;

                v = span_slice(value, at + 1, value.n);
                end = span_find(v, word.p[0]);
                rest = span_slice(v, end + 1, v.n);
                v = span_slice(v, 0, end);
            }
            if (span_cut(&v, '=', &key))
                audit_env_set(q->a, &q->b->env,
                              (struct audit_var){audit_dup(q->a, key), audit_dup(q->a, v), place,
                                                 NULL, false});
        }
    } else if (span_eq_nocase(name, SPAN_LIT("EnvironmentFile"))) {
        struct audit_source_file f;

        if (audit_text(q->a, audit_join_path(q->a, q->dir, audit_dup(q->a, value)), &f) ==
            AUDIT_FILE_OK)
            return audit_env_read(q->a, &q->b->env, NULL, &f);
        audit_env_set(q->a, &q->b->env,
                      (struct audit_var){"", audit_dup(q->a, value), place, "", false});
    }
    return 0;
}

static int quadlet_read(struct audit *a, const struct audit_kind *kind, const char *path,
                        bool folder)
{
    struct quadlet q = {.a = a, .dir = audit_dirname(a, path), .rootless = in_user_folder(path)};
    struct audit_source_file f;
    struct audit_lines r;
    struct audit_line line;
    bool inside = false;
    int err = 0;
    enum audit_file got = audit_text(a, path, &f);
    const char *slash = strrchr(path, '/');

    if (got != AUDIT_FILE_OK)
        return audit_bad(a, (struct audit_place){path, 0}, "%s", audit_file_name(got));
    q.b = audit_box_add(a, (struct audit_place){f.name, 1});
    q.b->name = audit_dup(a, span_str(slash ? slash + 1 : path));
    q.b->image = "";
    q.b->kind = kind;
    q.b->pod = true; /* ports and NAT are told here */
    audit_lines_open(&r, a, AUDIT_LINES_BACKSLASH, &f);
    while (err == 0 && audit_lines_next(&r, &line)) {
        struct span value = span_trim(line.text), name;

        if (value.n == 0 || value.p[0] == ';')
            continue;
        if (value.p[0] == '[')
            inside = span_starts_nocase(value, SPAN_LIT("[Container]"));
        else if (inside && span_cut(&value, '=', &name))
            err = setting(&q, span_trim(name), span_trim(value),
                          (struct audit_place){f.name, line.first});
    }
    if (err != 0)
        return err;
    if (audit_box_mail(q.b)) {
        sources(&q, q.b->ports ? q.b->ports->place : q.b->place);
        audit_host_publish(a, 0, q.b->host_network, q.b->host_network);
        audit_host_nat_told(a);
    }
    return audit_failed(a);
}

static enum audit_guess quadlet_probe(struct audit *a, const struct audit_probe *p)
{
    return !p->folder && span_ends_nocase(span_str(p->name), SPAN_LIT(".container")) &&
                   span_has_nocase(p->text, SPAN_LIT("[Container]"))
               ? AUDIT_GUESS_SURE
               : AUDIT_GUESS_NO;
}

const struct audit_kind audit_kind_quadlet = {
    .name = "quadlet",
    .title = "Podman quadlet",
    .reads = "NAME.container of Podman",
    .restart = "systemctl daemon-reload; systemctl restart the unit",
    .rules = {.wide = "DK01", .nat = "J1", .proxy = "DK04"},
    .facts = true,
    .probe = quadlet_probe,
    .read = quadlet_read,
};
