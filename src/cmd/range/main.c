/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern range: old mail servers to practise on. It listens on loopback only and sends to loopback
 * only: a model that relays for anyone is a real open relay for whoever can reach it, so nobody
 * else may.
 */
#include "cmd/range/range.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "io/datadir.h"
#include "io/file.h"
#include "io/log.h"
#include "io/options.h"
#include "io/rights.h"
#include "probe/pairs.h"

enum {
    MODELS_FILE_MAX = 1 << 20,
    EXIT_FAULT = 70, /* EX_SOFTWARE of sysexits.h */
    EXIT_SETUP = 71, /* EX_OSERR */
};

struct args {
    bool list, debug;
    const char *listen, *relay_to, *targets, *models;
    struct option_list only;
};

static const struct option_row rows[] = {
    {.group = "What"},
    {"list", 'l', NULL, "print the models and what postern test must say of each, and stop",
     OPTION_FLAG, offsetof(struct args, list)},
    {"only", 0, "GLOB", "only models whose id matches; may be given again", OPTION_LIST,
     offsetof(struct args, only)},
    {"models", 0, "FILE", "rows of models in place of those that come with Postern", OPTION_TEXT,
     offsetof(struct args, models)},
    {.group = "Where"},
    {"listen", 0, "ADDRESS:PORT", "where the first model listens; the others follow", OPTION_TEXT,
     offsetof(struct args, listen), .shown = "127.25.0.1:2525"},
    {"relay-to", 0, "ADDRESS:PORT", "where models deliver what they relay: a sink on this machine",
     OPTION_TEXT, offsetof(struct args, relay_to), .shown = "nowhere"},
    {"write-targets", 0, "FILE", "write the models' addresses for postern test --targets",
     OPTION_TEXT, offsetof(struct args, targets)},
    {.group = "Other"},
    {"debug", 0, NULL, "log each recipient and what becomes of it", OPTION_FLAG,
     offsetof(struct args, debug)},
    {0},
};

static const struct options options = {
    .program = "postern range",
    .about = "Practise on models of old mail servers.",
    .usage = "[OPTION]...",
    .text =
        "Each model stands for a product of the past and misreads addresses as that product did.\n"
        "Models show what a probe finds. They are not the products, and their greetings say so.\n"
        "All of it stays on this machine.\n"
        "\n"
        "  postern range --relay-to 127.0.0.1:2526 --write-targets range.txt &\n"
        "  postern test --own --probe-domain probe.example --sink-listen 127.0.0.1:2526 \\\n"
        "      --local-domain range.example --targets range.txt",
    .rows = rows,
};

static int read_models(const struct args *args, struct models *ret)
{
    struct buf text = BUF_INIT(MODELS_FILE_MAX);
    struct rows_error why = {0};
    char found[DATADIR_PATH_MAX];
    const char *path = args->models;
    int err = 0;

    if (!path) {
        path = found;
        if (!datadir_find("range/models.rows", found))
            err = -ENOENT;
    }
    if (!err)
        err = file_read(path, &text);
    if (err) {
        fprintf(stderr, "postern range: %s: %s\n", path, strerror(-err));
    } else {
        err = models_read(buf_span(&text), ret, &why);
        if (err)
            fprintf(stderr, "postern range: %s:%u: %s\n", path, why.line,
                    err == -EINVAL ? why.why : strerror(-err));
    }
    buf_deinit(&text);
    return err;
}

static bool wanted(const struct args *args, const struct model *m)
{
    for (size_t i = 0; i < args->only.count; i++)
        if (glob_match(span_str(args->only.v[i]), span_str(m->id)))
            return true;
    return args->only.count == 0;
}

/* The address i behind the first. */
static struct ip address_at(struct ip first, size_t i)
{
    num_put32(first.b, num_get32(first.b) + (uint32_t)i);
    return first;
}

/* Reads an option's place; it must be loopback. */
static bool read_place(const char *option, const char *text, struct listen_place *ret)
{
    struct listen_place places[LISTEN_PLACES_MAX];
    size_t n = listen_parse(span_str(text), places);

    /* "localhost:25" stands for two places: the first is the one of IPv4. */
    if (n == 0 || places[0].port == 0 || ip_space(places[0].ip) != IP_LOOPBACK ||
        places[0].ip.family != IP_V4) {
        options_misuse(&options, "--%s: %s: wants an address in 127.0.0.0/8 and a port", option,
                       text);
        return false;
    }
    *ret = places[0];
    return true;
}

static void post_init(struct post *p, struct range *r, const struct model *m, struct ip ip)
{
    enum { MINUTES = 60000 };

    p->range = r;
    p->model = m;
    p->ip = ip;
    snprintf(p->domain, sizeof(p->domain), "%s." ADDRESS_RANGE_DOMAIN, m->id);
    snprintf(p->host, sizeof(p->host), "mail.%s." ADDRESS_RANGE_DOMAIN, m->id);
    p->home = (struct address_home){p->host, p->domain, ip};
    p->config = (struct smtp_server_config){
        .name = p->host,
        .mechs = m->ntlm_null ? "NTLM" : NULL,
        .ext = m->ext,
        .any_path = true,
        .lf_commands = true,
        .size_max = RANGE_MESSAGE_MAX,
        .rcpt_max = RANGE_RCPTS_MAX,
        .error_max = m->errors,
        .command_max = 2000,
        .wait_command = 5 * MINUTES,
        .wait_chunk = 3 * MINUTES,
        .wait_message = 10 * MINUTES,
        .wait_session = 60 * MINUTES,
    };
}

static bool make_posts(struct range *r, const struct args *args, struct ip first)
{
    r->posts = calloc(r->models.count + 1, sizeof(*r->posts));
    if (!r->posts)
        return false;
    for (size_t i = 0; i < r->models.count; i++)
        if (wanted(args, &r->models.v[i]))
            post_init(&r->posts[r->post_count++], r, &r->models.v[i], address_at(first, i));
    return true;
}

static void print_list(const struct range *r, uint16_t port)
{
    struct buf opens = BUF_INIT(200), bounces = BUF_INIT(200);

    printf("%-18s %-22s %-8s %-32s %s\n", "ADDRESS", "MODEL", "EXPECTED", "MISREADS", "PRODUCT");
    for (size_t i = 0; i < r->post_count; i++) {
        const struct model *m = r->posts[i].model;
        char ip[IP_TEXT_MAX], place[IP_TEXT_MAX + 8];

        buf_clear(&opens);
        buf_clear(&bounces);
        model_terms_text(&m->opens, &opens);
        model_terms_text(&m->bounces, &bounces);
        if (bounces.n)
            buf_addf(&opens, "%sbounces: %s", opens.n ? ", " : "", buf_str(&bounces));
        snprintf(place, sizeof(place), "%s:%u", ip_text(r->posts[i].ip, ip), port);
        printf("%-18s %-22s %-8s %-32s %s%s%s\n", place, m->id, model_verdict_name(m->verdict),
               opens.n ? buf_str(&opens) : "-", m->product, m->with ? "; test with " : "",
               m->with ? m->with : "");
    }
    buf_deinit(&opens);
    buf_deinit(&bounces);
}

static int write_targets(const struct range *r, const char *path, uint16_t port)
{
    struct buf text = BUF_INIT(64 << 10);
    char ip[IP_TEXT_MAX];
    int err;

    for (size_t i = 0; i < r->post_count; i++)
        buf_addf(&text, "# %s: %s\n%s:%u\n", r->posts[i].model->id,
                 model_verdict_name(r->posts[i].model->verdict), ip_text(r->posts[i].ip, ip), port);
    err = text.err ? text.err : file_write(path, buf_span(&text), 0644);
    if (err)
        fprintf(stderr, "postern range: %s: %s\n", path, strerror(-err));
    buf_deinit(&text);
    return err;
}

static int listen_all(struct range *r, uint16_t port)
{
    char err[LISTEN_ERROR_MAX];

    for (size_t i = 0; i < r->post_count; i++) {
        struct listen_place at = {r->posts[i].ip, port};

        if (listener_open(r->loop, &at, visit_new, &r->posts[i], &r->posts[i].listener, err) < 0) {
            fprintf(stderr, "postern range: %s\n", err);
            return -1;
        }
    }
    return 0;
}

static void on_signal(void *cookie, int signum)
{
    loop_stop(cookie);
}

static int serve(struct range *r, const struct args *args, const struct listen_place *at)
{
    char first[IP_TEXT_MAX], last[IP_TEXT_MAX];
    struct rights_done rights = {0};

    if (loop_new(&r->loop) < 0)
        return EXIT_FAULT;
    loop_fd_limit((unsigned)(r->post_count + RANGE_VISITS_MAX + 64));
    if (listen_all(r, at->port) < 0 || loop_signal(r->loop, SIGINT, on_signal, r->loop) < 0 ||
        loop_signal(r->loop, SIGTERM, on_signal, r->loop) < 0)
        return EXIT_SETUP;
    if (args->targets && write_targets(r, args->targets, at->port) < 0)
        return EXIT_SETUP;
    /* Everything is open; what is left to do is to accept, and to connect to the sink. */
    if (rights_drop(&(struct rights){.profile = RIGHTS_CLIENT}, &rights) < 0)
        return EXIT_SETUP;
    if (*rights.notes)
        log_debug("rights", "notes", rights.notes, NULL);
    printf("%zu models of old mail servers listen on %s to %s, port %u.\n"
           "They are models, not the products. Ctrl-C ends them.\n",
           r->post_count, ip_text(r->posts[0].ip, first),
           ip_text(r->posts[r->post_count - 1].ip, last), at->port);
    fflush(stdout);
    loop_run(r->loop);
    return 0;
}

static void range_deinit(struct range *r)
{
    for (size_t i = 0; i < r->post_count; i++)
        listener_free(&r->posts[i].listener);
    visits_free(r);
    parcels_free(r);
    loop_free(&r->loop);
    free(r->posts);
    models_deinit(&r->models);
    log_flush();
}

static int run(const struct args *args)
{
    struct listen_place at;
    struct range r = {.next_id = (uint64_t)loop_wall() << 8};
    int status = 0;

    if (!read_place("listen", args->listen, &at) ||
        (args->relay_to && !read_place("relay-to", args->relay_to, &r.to)))
        return OPTIONS_EXIT_MISUSE;
    if (read_models(args, &r.models) < 0)
        return EXIT_SETUP;
    if (num_get32(at.ip.b) + r.models.count >= 0x7fffffff || !make_posts(&r, args, at.ip))
        status =
            options_misuse(&options, "--listen: no room for the models behind %s", args->listen);
    else if (r.post_count == 0)
        status = options_misuse(&options, "--only: no model is called that; see --list");
    else if (args->list)
        print_list(&r, at.port);
    else
        status = serve(&r, args, &at);
    range_deinit(&r);
    return status;
}

int main(int argc, char **argv)
{
    struct args args = {.listen = "127.25.0.1:2525"};
    int first, status;

    if (!options_start(&options, argc, argv, &args, &first, &status))
        return status;
    if (args.debug)
        log_set_level(LOG_LEVEL_DEBUG);
    if (first < argc)
        status = options_misuse(&options, "\"%s\": takes no operands", argv[first]);
    else
        status = run(&args);
    option_list_deinit(&args.only);
    return status;
}
