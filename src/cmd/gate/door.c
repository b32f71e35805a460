/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Everything that can be wrong with a configuration is found here, before any of it is in force:
 * so a bad one leaves the running one untouched.
 */
#include "cmd/gate/door.h"

#include "cmd/common/settings.h"
#include "cmd/gate/trust.h"
#include "io/idn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum {
    MINUTE = 60000,
    ERRORS = 20, /* as Postfix's smtpd_hard_error_limit */
    JUNK = 100,  /* as its smtpd_junk_command_limit */
    COMMANDS = 100000,
    RATE_MIN = 500, /* octets a second, as its smtpd_min_data_rate */
};

const char *door_kind_name(enum door_kind kind)
{
    static const char *const names[] = {"mx", "submission", "submissions"};

    return names[kind];
}

static int complain(const struct door *d, struct buf *messages, int status, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* A line that begins with the name of a setting, and so gets its place. */
static int complain(const struct door *d, struct buf *messages, int status, const char *fmt, ...)
{
    struct buf text = BUF_INIT(2000);
    va_list ap;

    va_start(ap, fmt);
    buf_addv(&text, fmt, ap);
    va_end(ap);
    settings_place(d->conf, "gate", buf_str(&text), messages);
    buf_addf(messages, "%s\n", buf_str(&text));
    buf_deinit(&text);
    return status;
}

static int set_name(struct door *d, struct buf *messages)
{
    char host[DOOR_NAME_MAX] = "";

    if (d->args.name)
        return idn_to_ascii(span_str(d->args.name), d->name)
                   ? 0
                   : complain(d, messages, EX_CONFIG, "name: \"%s\" is no host name", d->args.name);
    if (gethostname(host, sizeof(host) - 1) < 0 || !idn_to_ascii(span_str(host), d->name))
        return complain(d, messages, EX_CONFIG, "name: this host's own name is none; set one");
    return 0;
}

static int set_proxies(struct door *d, struct buf *messages)
{
    const struct option_list *list = &d->args.proxy_from;

    if (list->count == 0)
        return 0;
    d->proxies = calloc(list->count, sizeof(*d->proxies));
    if (!d->proxies)
        return EX_OSERR;
    for (size_t i = 0; i < list->count; i++) {
        if (!ip_prefix_parse(span_str(list->v[i]), &d->proxies[i]))
            return complain(d, messages, EX_CONFIG, "proxy-from: \"%s\" is no network", list->v[i]);
        /* Whoever may say who a client is, may relay. */
        if (d->proxies[i].len == 0)
            return complain(d, messages, EX_CONFIG,
                            "proxy-from: \"%s\" would let everybody claim any address", list->v[i]);
        d->proxy_count++;
    }
    return 0;
}

static void set_smtp(struct door *d)
{
    const struct gate_args *a = &d->args;

    for (unsigned kind = 0; kind < DOOR_KINDS; kind++) {
        d->smtp[kind] = (struct smtp_server_config){
            .name = d->name,
            .ext = SMTP_EXT_PIPELINING | SMTP_EXT_SIZE | SMTP_EXT_8BITMIME | SMTP_EXT_SMTPUTF8 |
                   SMTP_EXT_CHUNKING | SMTP_EXT_DSN | SMTP_EXT_ENHANCED |
                   (d->tls[kind] ? (unsigned)SMTP_EXT_STARTTLS : 0),
            .turns = SMTP_TURNS_STRICT,
            .refuse_foul = a->bare_newlines == GATE_BARE_REFUSE,
            .size_max = a->size_max,
            .rcpt_max = a->rcpt_max,
            .error_max = ERRORS,
            .junk_max = JUNK,
            .command_max = COMMANDS,
            .greet_wait = a->greet_wait,
            .wait_command = 5 * MINUTE, /* RFC 5321 §4.5.3.2.7 */
            .wait_chunk = 5 * MINUTE,
            .wait_message = 120 * MINUTE,
            .wait_session = 24 * 60 * MINUTE,
            .rate_min = RATE_MIN,
        };
    }
    d->smtp[DOOR_SUBMISSION].tls_needed = d->tls[DOOR_SUBMISSION] != NULL;
}

/* The setting that names the file which an error text begins with. */
static const char *tls_setting(const struct gate_args *a, const char *err)
{
    const struct {
        const char *name, *value;
    } files[] = {{"client-ca", a->client_ca}, {"key", a->key}, {"cert", a->cert}};

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        if (files[i].value && strncmp(err, files[i].value, strlen(files[i].value)) == 0)
            return files[i].name;
    return a->cert_dir ? "cert-dir" : "cert";
}

/* Sockets that are handed over are known only once they are opened: see places_fit(). */
static bool listens(const struct gate_args *a, enum door_kind kind)
{
    return kind == DOOR_MX || (kind == DOOR_SUBMISSION && a->listen_submission.count) ||
           (kind == DOOR_SUBMISSIONS && a->listen_submissions.count);
}

static int set_certificates(struct door *d, struct tls_front_options *front, struct buf *messages)
{
    const struct gate_args *a = &d->args;
    char err[TLS_ERROR_MAX];
    int r;

    for (unsigned kind = 0; kind < DOOR_KINDS && (a->cert || a->cert_dir); kind++) {
        /* Between strangers weak encryption is better than none; users' passwords need more. */
        front->strict = kind != DOOR_MX;
        r = tls_front_new(front, &d->tls[kind], err);
        if (r == -EKEYREJECTED && !listens(a, (enum door_kind)kind))
            snprintf(d->tls_weak, sizeof(d->tls_weak), "%s: %s", tls_setting(a, err), err);
        else if (r < 0)
            return complain(d, messages, EX_CONFIG, "%s: %s", tls_setting(a, err), err);
    }
    return 0;
}

static int set_tls(struct door *d, struct buf *messages)
{
    const struct gate_args *a = &d->args;
    struct tls_front_options front = {
        .cert_file = a->cert,
        .key_file = a->key,
        .cert_dir = a->cert_dir,
        .client_ca = a->client_ca,
        .ask_client = a->client_ca || a->policy.certs.count,
    };
    char err[TLS_ERROR_MAX];

    if (a->key && !a->cert)
        return complain(d, messages, EX_CONFIG,
                        "key: needs cert, the certificate that it belongs to");
    if (a->listen_submissions.count && !a->cert && !a->cert_dir)
        return complain(d, messages, EX_CONFIG,
                        "listen-submissions: needs cert or cert-dir: TLS comes first there");
    if (trust_open(a->backend_ca, &d->trust, err) < 0)
        return complain(d, messages, EX_CONFIG, "backend-ca: %s", err);
    return set_certificates(d, &front, messages);
}

static int set_policy(struct door *d, struct buf *messages)
{
    int r;

    d->args.policy.client_ca = d->args.client_ca;
    r = policy_load(&d->args.policy, d->conf, &d->policy, messages);

    if (r < 0)
        return r == -EINVAL ? EX_CONFIG : r == -ENOMEM ? EX_OSERR : EX_NOINPUT;
    r = policy_refuse_open(d->policy, messages);
    return r == 0 ? 0 : r > 0 ? EX_CONFIG : EX_OSERR;
}

static int set_routes(struct door *d, struct buf *messages)
{
    char err[ROUTES_ERROR_MAX];
    int r = routes_open(&d->routes, &d->args, err);

    return r < 0 ? complain(d, messages, r == -ENOMEM ? EX_OSERR : EX_CONFIG, "%s", err) : 0;
}

int door_open(struct gate_args *args, struct conf *conf, struct door **ret, struct buf *messages)
{
    struct door *d = calloc(1, sizeof(*d));
    int status;

    if (!d) {
        gate_args_deinit(args);
        conf_free(&conf);
        return EX_OSERR;
    }
    d->refs = 1;
    d->args = *args;
    d->conf = conf;
    *args = (struct gate_args){0};
    status = set_name(d, messages);
    if (status == 0)
        status = set_policy(d, messages);
    if (status == 0)
        status = set_routes(d, messages);
    if (status == 0)
        status = set_proxies(d, messages);
    if (status == 0)
        status = set_tls(d, messages);
    if (status) {
        door_free(&d);
        return status;
    }
    set_smtp(d);
    *ret = d;
    return 0;
}

struct door *door_ref(struct door *d)
{
    d->refs++;
    return d;
}

void door_free(struct door **pd)
{
    struct door *d = *pd;

    *pd = NULL;
    if (!d || --d->refs)
        return;
    relay_policy_free(&d->policy);
    routes_close(&d->routes);
    for (unsigned kind = 0; kind < DOOR_KINDS; kind++)
        tls_context_free(&d->tls[kind]);
    trust_close(&d->trust);
    free(d->proxies);
    gate_args_deinit(&d->args);
    conf_free(&d->conf);
    free(d);
}

bool door_is_proxy(const struct door *d, struct ip peer)
{
    for (size_t i = 0; i < d->proxy_count; i++)
        if (ip_prefix_has(d->proxies[i], peer))
            return true;
    return false;
}
