/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The running host. Its mail servers are asked where their configuration is and what version they
 * are; the files themselves are then read as ever, so that findings name lines that can be changed.
 * A server that has only just been changed on disk is judged by what it will do next.
 *
 * Addresses come from the kernel, and the ports that are open from its tables of sockets: a server
 * that listens on loopback alone is out of strangers' reach whatever its files say.
 *
 * A default gateway is nearly always honest about its clients. It counts as a source of NAT only
 * where its kind is known not to be: in a container, and behind slirp4netns (10.0.2.2).
 */
#include "cmd/audit/live.h"

#include "base/num.h"
#include "cmd/audit/run.h"
#include "io/file.h"
#include "io/netif.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct live {
    struct audit *a;
    const struct facts *said;
    char *err;
    size_t found;
    char name[256], version[64];
};

static int fail(struct live *l, int r, const char *what)
{
    snprintf(l->err, LIVE_ERROR_MAX, "--live: %s: %s", what, strerror(-r));
    return r;
}

/* --- the host --------------------------------------------------------------------------------- */

static bool in_container(void)
{
    return access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0;
}

static bool lends(struct ip gateway)
{
    static const struct ip slirp = {.family = IP_V4, .b = {10, 0, 2, 2}};

    return ip_eq(gateway, slirp) || (in_container() && ip_space(gateway) == IP_PRIVATE);
}

static int give_addresses(struct live *l)
{
    struct netif_facts facts = {0};
    int r = netif_facts(&facts);

    if (r < 0)
        return fail(l, r, "can't ask for the addresses of this host");
    for (size_t i = 0; i < facts.count; i++) {
        const struct netif_fact *f = &facts.v[i];

        if (f->kind == NETIF_ADDRESS && ip_space(f->ip) != IP_LOOPBACK &&
            l->said->interfaces.count == 0)
            audit_host_address(l->a, f->ip, f->len);
        if (f->kind == NETIF_GATEWAY && lends(f->ip) && !l->said->no_nat)
            audit_host_nat(l->a, ip_prefix_of(f->ip, f->ip.family == IP_V4 ? 32 : 128), false,
                           "the default gateway", (struct audit_place){0});
    }
    netif_facts_deinit(&facts);
    return 0;
}

static bool hex_port(struct span s, unsigned *ret)
{
    unsigned v = 0;

    for (size_t i = 0; i < s.n; i++) {
        char c = ascii_lower(s.p[i]);

        if (!ascii_is_digit(c) && !(c >= 'a' && c <= 'f'))
            return false;
        v = v * 16 + (unsigned)(ascii_is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    *ret = v;
    return s.n == 4;
}

static bool mail_port(unsigned port)
{
    return port == 25 || port == 26 || port == 465 || port == 587 || port == 2525 || port == 10025;
}

/* The local address of a socket, "0100007F:0019": whether it is loopback. */
static bool loopback(struct span hex)
{
    return hex.n == 8 ? span_eq_nocase(span_slice(hex, 6, 8), SPAN_LIT("7F"))
                      : span_eq_nocase(hex, SPAN_LIT("00000000000000000000000001000000")) ||
                            span_eq_nocase(hex, SPAN_LIT("0000000000000000FFFF00000100007F"));
}

/* Listening sockets of /proc/net/tcp and tcp6: state 0A. */
static size_t read_sockets(struct live *l, struct span text, bool v6)
{
    struct span line, word, host;
    size_t heard = 0;
    unsigned port;

    while (span_cut(&text, '\n', &line)) {
        struct span words[4] = {SPAN_NULL};

        for (size_t i = 0; i < 4 && span_word(&line, &word); i++)
            words[i] = word;
        if (!span_eq(words[3], SPAN_LIT("0A")) || !span_cut(&words[1], ':', &host) ||
            !hex_port(words[1], &port) || !mail_port(port))
            continue;
        heard++;
        if (!loopback(host))
            audit_host_publish(l->a, port, !v6, v6);
    }
    return heard;
}

static void give_ports(struct live *l)
{
    static const char *const tables[] = {"/proc/net/tcp", "/proc/net/tcp6"};
    size_t heard = 0;

    if (l->said->published.count > 0)
        return;
    for (unsigned i = 0; i < 2; i++) {
        struct buf text = BUF_INIT(16 << 20);

        if (file_read(tables[i], &text) == 0)
            heard += read_sockets(l, buf_span(&text), i == 1);
        buf_deinit(&text);
    }
    if (heard > 0)
        audit_host_publish(l->a, 0, false, false);
}

/* --- asking ----------------------------------------------------------------------------------- */

/* The first line that a program prints, without its end; false: it did not run, or says nothing. */
static bool first_line(const char *const *argv, char *line, size_t cap)
{
    struct buf out = BUF_INIT(RUN_OUTPUT_MAX);
    bool ok = run_program(argv, &out) == 0;
    struct span s = buf_span(&out);

    ok = ok && s.n > 0 && span_copy(span_trim(span_slice(s, 0, span_find(s, '\n'))), line, cap) &&
         line[0];
    buf_deinit(&out);
    return ok;
}

/* What stands behind `mark` up to the next blank. */
static void word_behind(const char *const *argv, const char *mark, char *word, size_t cap)
{
    struct buf out = BUF_INIT(RUN_OUTPUT_MAX);
    struct span s, w;
    size_t at;

    word[0] = '\0';
    run_program(argv, &out);
    s = buf_span(&out);
    at = span_find_nocase(s, span_str(mark));
    if (at < s.n) {
        s = span_slice(s, at + strlen(mark), s.n);
        s = span_slice(s, 0, span_find(s, '\n'));
        if (span_word(&s, &w))
            span_copy(w, word, cap);
    }
    buf_deinit(&out);
}

static bool known(const char *kind)
{
    for (const char *const *k = audit_kinds(); *k; k++)
        if (strcmp(*k, kind) == 0)
            return true;
    return false;
}

static int add(struct live *l, const char *kind, const char *path)
{
    if (!known(kind) || access(path, F_OK) != 0)
        return 0;
    l->found++;
    return audit_path(l->a, kind, path);
}

/* The first server that says its name and version is the one they are of. */
static void remember(struct live *l, const char *name, const char *version)
{
    if (!l->name[0])
        snprintf(l->name, sizeof(l->name), "%s", name);
    if (!l->version[0])
        snprintf(l->version, sizeof(l->version), "%s", version);
}

/* --- servers ---------------------------------------------------------------------------------- */

static int postfix(struct live *l)
{
    static const char *const dir_argv[] = {"postconf", "-h", "config_directory", NULL};
    static const char *const more_argv[] = {"postconf", "-h", "multi_instance_directories", NULL};
    static const char *const name_argv[] = {"postconf", "-h", "myhostname", NULL};
    static const char *const version_argv[] = {"postconf", "-h", "mail_version", NULL};
    char dir[512], more[2048], name[256] = "", version[64] = "";
    struct span rest, one;
    int r;

    if (!first_line(dir_argv, dir, sizeof(dir)))
        return 0;
    first_line(name_argv, name, sizeof(name));
    first_line(version_argv, version, sizeof(version));
    remember(l, name, version);
    r = add(l, "postfix", dir);
    rest = first_line(more_argv, more, sizeof(more)) ? span_str(more) : SPAN_NULL;
    for (struct span s = rest; r == 0 && span_word(&s, &one);)
        if (span_copy(one, dir, sizeof(dir)))
            r = add(l, "postfix", dir);
    return r;
}

static int exim(struct live *l)
{
    static const char *const names[] = {"exim4", "exim"};
    char path[512], name[256], version[64];

    for (unsigned i = 0; i < 2; i++) {
        const char *file_argv[] = {names[i], "-bP", "configure_file", NULL};
        const char *name_argv[] = {names[i], "-bP", "primary_hostname", NULL};
        const char *version_argv[] = {names[i], "-bV", NULL};

        if (!first_line(file_argv, path, sizeof(path)) || path[0] != '/')
            continue;
        word_behind(version_argv, "Exim version ", version, sizeof(version));
        word_behind(name_argv, "primary_hostname = ", name, sizeof(name));
        remember(l, name, version);
        return add(l, "exim", path);
    }
    return 0;
}

static int sendmail(struct live *l)
{
    static const char *const argv[] = {"sendmail", "-d0.4", "-bt", NULL};
    char name[256], version[64];

    if (access("/etc/mail/sendmail.cf", F_OK) != 0)
        return 0;
    word_behind(argv, "Version ", version, sizeof(version));
    word_behind(argv, "canonical name: ", name, sizeof(name));
    remember(l, name, version);
    return add(l, "sendmail", "/etc/mail/sendmail.cf");
}

/* Servers that need not be asked: their configuration has one place. */
static int others(struct live *l)
{
    static const struct {
        const char *kind, *path;
    } v[] = {
        {"qmail", "/var/qmail"},
        {"opensmtpd", "/etc/smtpd.conf"},
        {"opensmtpd", "/etc/mail/smtpd.conf"},
        {"courier", "/etc/courier"},
        {"maddy", "/etc/maddy/maddy.conf"},
        {"haraka", "/etc/haraka"},
        {"stalwart", "/opt/stalwart-mail/etc/config.toml"},
        {"james", "/etc/james"},
    };
    int r = 0;

    for (size_t i = 0; i < sizeof(v) / sizeof(v[0]) && r == 0; i++)
        r = add(l, v[i].kind, v[i].path);
    return r;
}

int live_give(struct audit *a, const struct facts *said, char err[LIVE_ERROR_MAX])
{
    struct live l = {.a = a, .said = said, .err = err};
    int r = give_addresses(&l);

    if (r < 0)
        return r;
    give_ports(&l);
    r = postfix(&l);
    if (r == 0)
        r = exim(&l);
    if (r == 0)
        r = sendmail(&l);
    if (r == 0)
        r = others(&l);
    if (r == 0 && l.found == 0) {
        snprintf(err, LIVE_ERROR_MAX,
                 "--live: no mail server that is known was found on this host; give its PATH");
        return -ENOENT;
    }
    if (!said->name && l.name[0])
        audit_host_name(a, l.name);
    if (!said->version && l.version[0] && l.found == 1)
        audit_host_version(a, l.version);
    return r;
}
