/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the configuration says, read whole and judged, with the secrets and key files that it names.
 * A reload makes another; a set of zones borrows from the one that it was made with, and counts it.
 * Only the main thread counts; answering threads read.
 */
#ifndef POSTERN_CMD_DNS_SITE_H
#define POSTERN_CMD_DNS_SITE_H

#include "cmd/dns/args.h"
#include "dns/rrl.h"
#include "dns/tsig.h"
#include "io/listen.h"
#include "listfile/rbl.h"
#include "zone/sanity.h"
#include "zone/set.h"

enum {
    SITE_ERROR_MAX = 600,
    SITE_FILES_MAX = 256, /* of one dataset */
    SITE_KEY_FILE_MAX = 64 << 20,
    SITE_NS_MAX = 8,
};

/* TYPE:FILE,FILE of rbldnsd. */
struct site_dataset {
    enum rbl_type type;
    char **files; /* with workdir put before */
    size_t file_count;
};

struct site_zone {
    char *text; /* "bl.example.org" */
    struct dns_name name;
    bool own;                      /* kept by postern list in the state folder */
    struct site_dataset *datasets; /* else */
    size_t dataset_count;
    char *unit; /* what its data are made of, as text: zones with the same share them */
    bool accept, reserved;
    struct dns_name ns[SITE_NS_MAX];
    size_t ns_count;
    struct dns_name mname, rname; /* n 0: not told */
    struct ip web[ZONE_APEX_MAX];
    size_t web_count;
    struct zone_acl *acl; /* sealed; NULL: no rule */
    struct zone_transfer *transfers;
    size_t transfer_count;
    struct zone_keys *keys;
};

/* Whom to tell of changes. */
struct site_notify {
    size_t zone; /* index, or SIZE_MAX: all */
    struct ip ip;
    uint16_t port;
    const struct dns_tsig_key *key; /* or NULL */
};

struct site {
    unsigned refs;
    uint64_t generation; /* of this process: another number each */
    struct dns_args args;
    struct conf *conf;
    char state[4096]; /* the state folder, "" when none could be found */
    struct site_zone *zones;
    size_t zone_count;
    struct zone_acl *acl;      /* of all zones */
    struct site_zone everyone; /* ":acl:FILE": rules for all zones in a file; no dataset: none */
    struct dns_tsig_key *tsig;
    size_t tsig_count;
    struct site_notify *notify;
    size_t notify_count;
    struct ip_prefix *exempt;
    size_t exempt_count;
    struct zone_limits limits;
    struct dns_cookie_keys cookies;
    bool has_cookies; /* from a file; else the server makes them */
};

/*
 * Takes args and conf over, also when it fails. 0 or an exit status, with one line a fault in
 * *messages: all faults, each with file and line where the configuration has it.
 */
int site_new(struct dns_args *args, struct conf *conf, struct site **ret, struct buf *messages);
struct site *site_ref(struct site *s);
void site_unref(struct site **s);

const struct site_zone *site_zone_named(const struct site *s, const struct dns_name *name);
struct zone_limits site_limits(const struct site *s, const struct site_zone *z);

/* For threads that answer. */
static inline uint64_t site_generation(const struct site *s)
{
    return s->generation;
}

static inline uint32_t site_query_log(const struct site *s)
{
    return s->args.query_log;
}

static inline int64_t site_tcp_idle(const struct site *s)
{
    return s->args.tcp_idle;
}

static inline unsigned site_tcp_clients(const struct site *s)
{
    return s->args.tcp_clients;
}

static inline unsigned site_tcp_per_client(const struct site *s)
{
    return s->args.tcp_per_client;
}

static inline unsigned site_transfers_max(const struct site *s)
{
    return s->args.transfers_max;
}

struct dns_rrl_conf site_rate(const struct site *s);
bool site_rate_exempt(const struct site *s, struct ip ip);
size_t site_tsig_keys(const struct site *s, const struct dns_tsig_key **ret);

#endif
