/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "[DOMAIN=]HOST:PORT IDENTITY [tls|starttls [verify[=NAME]] [pin=SHA256]... | [unverified]]". The
 * identity has no default: an admin who is not asked would find out too late that the backend sees
 * every client as one of its own network.
 *
 * Who asks for TLS to another machine wants nobody between: so it verifies, unless told how else to
 * know the backend, or that this does not matter. A certificate that does not fit then shows at the
 * start, in the test of the backend. On this host there is nobody between, and the certificate of a
 * server there is often made for a name that is not asked for.
 *
 * Names are looked up once, when the configuration is read, by the system's own means (/etc/hosts
 * counts): a backend is a machine next door, not somebody's MX.
 */
#include "cmd/gate/routes.h"

#include "base/num.h"
#include "io/idn.h"
#include "relay/policy.h"
#include "smtp/path.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int bad(const struct route *r, char err[ROUTES_ERROR_MAX], const char *text, const char *why)
{
    snprintf(err, ROUTES_ERROR_MAX, "%s: \"%.100s\" %s", r->outbound ? "outbound" : "backend", text,
             why);
    return -EINVAL;
}

/*
 * One address, and the same one on every machine: which family comes first is the system's taste,
 * and "localhost" has both where the server behind us may listen on one.
 */
static bool look_up(const char *host, struct ip *ret)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all = NULL;

    *ret = (struct ip){.family = IP_NONE};
    if (getaddrinfo(host, NULL, &hints, &all) != 0)
        return false;
    for (struct addrinfo *a = all; a && ret->family != IP_V4; a = a->ai_next) {
        if (a->ai_family == AF_INET) {
            const struct sockaddr_in *in = (const void *)a->ai_addr;

            *ret = (struct ip){.family = IP_V4};
            memcpy(ret->b, &in->sin_addr, 4);
        } else if (a->ai_family == AF_INET6 && ret->family == IP_NONE) {
            const struct sockaddr_in6 *in = (const void *)a->ai_addr;

            *ret = (struct ip){.family = IP_V6};
            memcpy(ret->b, &in->sin6_addr, 16);
        }
    }
    freeaddrinfo(all);
    return ret->family != IP_NONE;
}

static int read_place(struct route *r, struct span place, const char *text,
                      char err[ROUTES_ERROR_MAX])
{
    struct span host;
    bool found;

    if (!ip_host_port(place, &host, &r->gate.port) || host.n == 0)
        return bad(r, err, text, "is no HOST:PORT");
    if (r->gate.port == 0)
        return bad(r, err, text, "needs a port (HOST:25)");
    r->text = span_dup(place);
    r->trust.name = span_dup(host);
    if (!r->text || !r->trust.name)
        return -ENOMEM;
    r->gate.name = r->text;
    found = ip_parse(host, &r->gate.ip) || look_up(r->trust.name, &r->gate.ip);
    return found ? 0 : bad(r, err, text, "names a host that has no address");
}

static int add_pin(struct route *r, struct span hex, const char *text, char err[ROUTES_ERROR_MAX])
{
    struct route_trust *t = &r->trust;
    char **more, *pin;

    for (size_t i = 0; i < hex.n; i++)
        if (!ascii_is_digit(hex.p[i]) &&
            (ascii_lower(hex.p[i]) < 'a' || ascii_lower(hex.p[i]) > 'f'))
            hex.n = 0;
    if (hex.n != 64)
        return bad(r, err, text, "has a pin that is not 64 hex digits");
    more = realloc(t->pins, (t->pin_count + 1) * sizeof(*more));
    pin = span_dup(hex);
    if (more)
        t->pins = more;
    if (!more || !pin) {
        free(pin);
        return -ENOMEM;
    }
    for (char *p = pin; *p; p++)
        *p = ascii_lower(*p);
    t->pins[t->pin_count++] = pin;
    return 0;
}

static int set_verify(struct route *r, struct span name, const char *text,
                      char err[ROUTES_ERROR_MAX])
{
    struct ip ip;
    char *copy;

    r->trust.verify = true;
    if (!name.p)
        return 0;
    if (!smtp_domain_ok(name) && !ip_parse(name, &ip))
        return bad(r, err, text, "has no host name behind verify=");
    copy = span_dup(name);
    if (!copy)
        return -ENOMEM;
    free(r->trust.name);
    r->trust.name = copy;
    return 0;
}

/* A word about who the backend is; 1 when it is none. */
static int read_trust(struct route *r, struct span word, const char *text,
                      char err[ROUTES_ERROR_MAX])
{
    if (span_eq_nocase(word, SPAN_LIT("verify")))
        return set_verify(r, SPAN_NULL, text, err);
    if (span_starts_nocase(word, SPAN_LIT("verify=")))
        return set_verify(r, span_slice(word, 7, word.n), text, err);
    if (span_starts_nocase(word, SPAN_LIT("pin=")))
        return add_pin(r, span_slice(word, 4, word.n), text, err);
    if (!span_eq_nocase(word, SPAN_LIT("unverified")))
        return 1;
    r->trust.any = true;
    return 0;
}

static int settle_trust(struct route *r, const char *text, char err[ROUTES_ERROR_MAX])
{
    struct route_trust *t = &r->trust;
    bool told = t->any || t->verify || t->pin_count;

    if (told && r->gate.wrap == GATE_WRAP_CLEAR)
        return bad(r, err, text,
                   "says who the backend is, which needs tls or starttls to be known");
    if (t->any && (t->verify || t->pin_count))
        return bad(r, err, text, "is unverified, and says how to verify");
    if (!told && r->gate.wrap != GATE_WRAP_CLEAR) {
        t->any = ip_space(r->gate.ip) == IP_LOOPBACK;
        t->verify = !t->any;
    }
    return 0;
}

static int read_words(struct route *r, struct span rest, const char *text,
                      char err[ROUTES_ERROR_MAX])
{
    struct span word;
    int got;

    if (!span_word(&rest, &word) || !gate_identity_parse(word, &r->gate.identity))
        return bad(r, err, text,
                   "needs a word for how it learns the client's address: "
                   "xclient, proxy1, proxy2 or transparent");
    while (span_word(&rest, &word)) {
        if (span_eq_nocase(word, SPAN_LIT("tls")))
            r->gate.wrap = GATE_WRAP_TLS;
        else if (span_eq_nocase(word, SPAN_LIT("starttls")))
            r->gate.wrap = GATE_WRAP_STARTTLS;
        else if ((got = read_trust(r, word, text, err)) != 0)
            return got < 0 ? got
                           : bad(r, err, text,
                                 "knows only the words tls, starttls, verify, pin=SHA256 and "
                                 "unverified behind the identity");
    }
    return settle_trust(r, text, err);
}

/* "example.org", ".example.org" for all below it, in any script. */
static int read_domain(struct route *r, struct span domain, const char *text,
                       char err[ROUTES_ERROR_MAX])
{
    bool below = domain.n && domain.p[0] == '.';
    char name[RELAY_NAME_SIZE], whole[RELAY_NAME_SIZE + 1];

    if (!idn_to_ascii(span_slice(domain, below, domain.n), name))
        return bad(r, err, text, "begins with what is no domain");
    snprintf(whole, sizeof(whole), "%s%s", below ? "." : "", name);
    r->domain = strdup(whole);
    return r->domain ? 0 : -ENOMEM;
}

static int read_route(struct route *r, const char *text, char err[ROUTES_ERROR_MAX])
{
    struct span rest = span_str(text), place = SPAN_NULL;
    size_t eq;
    int got;

    if (!span_word(&rest, &place))
        return bad(r, err, text, "is empty");
    eq = span_find(place, '=');
    if (eq < place.n) {
        got = read_domain(r, span_slice(place, 0, eq), text, err);
        if (got < 0)
            return got;
        place = span_slice(place, eq + 1, place.n);
    }
    got = read_place(r, place, text, err);
    return got < 0 ? got : read_words(r, rest, text, err);
}

int routes_open(struct routes *r, const struct gate_args *args, char err[ROUTES_ERROR_MAX])
{
    size_t n = args->backend.count;
    int got = 0;

    *r = (struct routes){0};
    if (n == 0) {
        snprintf(err, ROUTES_ERROR_MAX,
                 "backend: none is set; say where mail goes, and how it learns the client's "
                 "address: backend = \"HOST:PORT xclient\"");
        return -EINVAL;
    }
    r->v = calloc(n + 1, sizeof(*r->v));
    if (!r->v)
        return -ENOMEM;
    snprintf(err, ROUTES_ERROR_MAX, "out of memory");
    for (size_t i = 0; i < n && got == 0; i++)
        got = read_route(&r->v[r->count++], args->backend.v[i], err);
    if (got == 0 && args->outbound) {
        struct route *out = &r->v[r->count++];

        out->outbound = true;
        got = read_route(out, args->outbound, err);
        r->outbound = out;
    }
    if (got < 0)
        routes_close(r);
    return got;
}

void routes_close(struct routes *r)
{
    for (size_t i = 0; i < r->count; i++) {
        struct route_trust *t = &r->v[i].trust;

        for (size_t k = 0; k < t->pin_count; k++)
            free(t->pins[k]);
        free(t->pins);
        free(t->name);
        free(r->v[i].text);
        free(r->v[i].domain);
    }
    free(r->v);
    *r = (struct routes){0};
}

bool routes_same(const struct route *a, const struct route *b)
{
    return strcmp(a->text, b->text) == 0 && a->gate.identity == b->gate.identity;
}

void routes_inherit(struct routes *r, const struct routes *before)
{
    for (size_t i = 0; i < r->count; i++) {
        struct route *to = &r->v[i];

        for (size_t k = 0; k < before->count && !to->probed; k++) {
            const struct route *from = &before->v[k];

            if (!routes_same(to, from))
                continue;
            to->probed = from->probed;
            to->ext = from->ext;
            to->gate.helo = from->gate.helo;
            to->size = from->size;
        }
    }
}

/* "example.org" itself, ".example.org" all below it. */
static bool stands_for(const char *domain, struct span name)
{
    struct span d = span_str(domain);

    return d.n && d.p[0] == '.' ? span_ends_nocase(name, d) : span_eq_nocase(name, d);
}

const struct gate_route *routes_find(const struct routes *r, const struct relay_decision *d)
{
    struct span path = span_str(d->rcpt);
    size_t at = span_rfind(path, '@');
    struct span name = span_slice(path, at + 1, path.n ? path.n - 1 : 0);
    const struct route *any = NULL;

    for (size_t i = 0; i < r->count; i++) {
        const struct route *v = &r->v[i];

        if (v->outbound)
            continue;
        if (v->domain && at < path.n && stands_for(v->domain, name))
            return &v->gate;
        if (!v->domain && !any)
            any = v;
    }
    if (!d->own && r->outbound)
        return &r->outbound->gate;
    return any ? &any->gate : &r->v[0].gate;
}

unsigned routes_offer(const struct routes *r, uint64_t *ret_size)
{
    unsigned ext = ~0u;

    *ret_size = 0;
    for (size_t i = 0; i < r->count; i++) {
        ext &= r->v[i].probed ? r->v[i].ext : 0;
        if (r->v[i].size && (!*ret_size || r->v[i].size < *ret_size))
            *ret_size = r->v[i].size;
    }
    return ext;
}
