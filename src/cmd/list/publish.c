/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern list publish: a new image of every zone, for codes or texts that changed, or to make
 * good what was lost. `check` reads records, images and journals, and compares them with the store.
 */
#include "cmd/list/zones_priv.h"

#include "base/num.h"
#include "zone/sanity.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

struct args {
    struct list_args common;
    bool force;
    const char *since;
};

static const struct option_row publish_rows[] = {
    {.group = "How"},
    {"force", 0, NULL, "also when the list grew or shrank by more than half", OPTION_FLAG,
     offsetof(struct args, force)},
    LIST_OPTION_ROWS(struct args, common),
    {0},
};

static const struct options publish_options = {
    .program = "postern list publish",
    .about = "Writes the images of the list's zones anew from the store.",
    .usage = "[OPTION]...",
    .text = "A listing or delisting needs no publish: it is in the zone when its verb returns.\n\n"
            "Exit status: 0, 64 misuse, 65 the new image was refused, 74 cannot write.",
    .rows = publish_rows,
};

static const struct option_row check_rows[] = {
    {.group = "How"},
    {"since", 0, "NUMBER:HASH", "only the records from this one on, which must be as it was",
     OPTION_TEXT, offsetof(struct args, since)},
    LIST_OPTION_ROWS(struct args, common),
    {0},
};

static const struct options check_options = {
    .program = "postern list check",
    .about = "Checks records, images and journals, and that the zones say what the store says.",
    .usage = "[OPTION]...",
    .text =
        "What a check says of the last record is what --since takes the next time: then not all "
        "are read, and a chain that was made anew or cut off at its end shows.\n\n"
        "Exit status: 0 all is well, 1 the zones are behind the store, 64 misuse, 65 something "
        "is damaged, 66 no store.",
    .rows = check_rows,
};

static int needs_zone(const struct ledger *g)
{
    return g->args->zone ? 0 : ledger_say(g, EX_CONFIG, "there is no zone; see --zone");
}

/* --- publish --------------------------------------------------------------------------------- */

struct publishing {
    struct ledger *g;
    bool force;
};

static int publish_one(void *ctx, const char *zone)
{
    const struct publishing *p = ctx;
    struct zones_made made;
    int status = zones_compile(p->g, zone, p->force, &made);

    if (status == 0)
        buf_addf(&p->g->out,
                 p->g->args->json ? "{\"type\":\"published\",\"zone\":\"%s\",\"serial\":%" PRIu32
                                    ",\"entries\":%" PRIu64 ",\"octets\":%" PRIu64 "}\n"
                                  : "%s  serial %" PRIu32 "  %" PRIu64 " entries  %" PRIu64
                                    " octets\n",
                 zone, made.serial, made.entries, made.octets);
    return status;
}

int verb_publish(int argc, char **argv)
{
    struct args args = {.common = LIST_ARGS_INIT};
    struct list_call call = {.options = &publish_options, .args = &args, .common = &args.common};
    struct publishing p = {0};
    struct ledger g;
    int first, status;

    if (!list_call_start(&call, argc, argv, &first, &status))
        return status;
    if (first < argc)
        return list_call_end(&call, options_misuse(&publish_options, "takes no operand"));
    status = ledger_open(&g, &call, LEDGER_CHANGE);
    p = (struct publishing){&g, args.force};
    if (status == 0)
        status = needs_zone(&g);
    if (status == 0)
        status = zones_each(&g, publish_one, &p);
    return list_call_end(&call, ledger_close(&g, status));
}

/* --- check ----------------------------------------------------------------------------------- */

struct checking {
    struct ledger *g;
    const char *zone;
    struct zone_now now;
    uint64_t wanted, missing, other;
    char last[2 * STORE_HASH + 24]; /* of the records, while they are told */
    int result;
};

static int check_listing(void *ctx, const struct store_listing *l)
{
    struct checking *c = ctx;
    struct zones_said want, said;

    zones_wanted(c->g, c->zone, l, &want);
    zone_now_said(&c->now, l->address, &said);
    c->wanted += want.listed;
    c->missing += want.listed && !said.listed;
    c->other += want.listed && said.listed &&
                (want.class_id != said.class_id || want.evidence != said.evidence);
    return 0;
}

static uint64_t entries_of(const struct zone_view *v)
{
    struct zone_view_cursor c = {0};
    struct zone_piece4 p4;
    struct zone_piece6 p6;
    uint64_t n = 0;

    while (zone_view_next4(v, &c, &p4))
        n += (uint64_t)p4.to - p4.from + 1;
    c = (struct zone_view_cursor){0};
    while (zone_view_next6(v, &c, &p6))
        n++;
    return n;
}

/* One line: of a zone, or of the records. */
static void tell(struct checking *c, const char *subject, int result, const char *what)
{
    struct buf *out = &c->g->out;

    c->result = result > c->result ? result : c->result;
    if (c->g->args->json) {
        json_t *doc =
            json_pack("{s:s, s:s, s:b}", "type", "check", "subject", subject, "sound", result == 0);

        if (doc && *c->last)
            json_object_set_new(doc, "last", json_string(c->last));
        if (doc && view_json_text(doc, "why", span_str(what)))
            report_lines(out, doc);
        json_decref(doc);
    } else {
        buf_addf(out, "%s: %s\n", subject, what);
    }
}

static int compare(struct checking *c)
{
    static const struct store_listing_filter served = {
        .states = 1U << LIST_PROVISIONAL | 1U << LIST_LISTED,
        .side = -1,
    };
    uint64_t said = entries_of(&c->now.view);
    int rc = store_listings_each(c->g->store, &served, check_listing, c);
    char why[300];

    if (rc < 0)
        return ledger_store_error(c->g, rc);
    if (c->missing || c->other || said != c->wanted) {
        snprintf(why, sizeof(why),
                 "behind the store (any verb that changes something makes it good): %" PRIu64
                 " of %" PRIu64 " listings are missing, %" PRIu64 " are said otherwise, %" PRIu64
                 " entries are there",
                 c->missing, c->wanted, c->other, said);
        tell(c, c->zone, 1, why);
    } else {
        snprintf(why, sizeof(why), "serial %" PRIu32 ", %" PRIu64 " entries, as in the store",
                 zone_view_serial(&c->now.view), said);
        tell(c, c->zone, 0, why);
    }
    return 0;
}

static int check_zone(void *ctx, const char *zone)
{
    struct checking *c = ctx;
    char folder[DATADIR_PATH_MAX];
    struct zone_finding finding;
    struct zone_limits limits = zone_limits_usual;
    int rc, status = 0;

    c->zone = zone;
    c->wanted = c->missing = c->other = 0;
    if (!zones_folder(c->g, zone, folder))
        return ledger_say(c->g, EX_CONFIG, "%s: too long", zone);
    rc = zone_now_open(folder, &c->now);
    limits.reserved = c->g->args->lab.count > 0;
    limits.empty = true;
    if (rc == -ENOENT)
        tell(c, zone, 1, "nothing is published yet");
    else if (rc < 0 || zone_image_verify(&c->now.image) != ZONE_IMAGE_OK)
        tell(c, zone, EX_DATAERR, "the image is damaged; publish makes it anew");
    else if (zone_sanity(&c->now.image, NULL, &limits, c->g->now_wall, &finding) != ZONE_SANE)
        tell(c, zone, EX_DATAERR, finding.why);
    else
        status = compare(c);
    zone_now_close(&c->now);
    return status;
}

static bool hex_digit(char c, unsigned *ret)
{
    c = ascii_lower(c);
    *ret = ascii_is_digit(c) ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
    return ascii_is_digit(c) || (c >= 'a' && c <= 'f');
}

/* "49054:" and the hash, as a check prints it. */
static bool mark_of(const char *text, int64_t *ret_seq, uint8_t hash[STORE_HASH])
{
    struct span number, rest = span_str(text);
    uint64_t seq;

    if (!span_cut(&rest, ':', &number) || !num_u64(number, 1, INT64_MAX, &seq) ||
        rest.n != 2 * STORE_HASH)
        return false;
    for (size_t i = 0; i < STORE_HASH; i++) {
        unsigned high, low;

        if (!hex_digit(rest.p[2 * i], &high) || !hex_digit(rest.p[2 * i + 1], &low))
            return false;
        hash[i] = (uint8_t)(high << 4 | low);
    }
    *ret_seq = (int64_t)seq;
    return true;
}

static int check_records(struct checking *c, const char *since)
{
    char why[200], head[2 * STORE_HASH + 1];
    uint8_t hash[STORE_HASH];
    struct store_chain chain;
    int64_t seq = 0;
    int rc;

    if (since && !mark_of(since, &seq, hash))
        return ledger_say(c->g, EX_USAGE, "--since: \"%s\" is no NUMBER:HASH", since);
    rc = since ? store_records_check_since(c->g->store, seq, hash, &chain)
               : store_records_check(c->g->store, &chain);
    if (rc < 0)
        return ledger_store_error(c->g, rc);
    for (size_t i = 0; i < STORE_HASH; i++)
        snprintf(head + 2 * i, 3, "%02x", chain.head[i]);
    if (chain.broken)
        snprintf(why, sizeof(why), "number %" PRId64 " is not what it was", chain.broken);
    else if (chain.records)
        snprintf(why, sizeof(why), "%" PRIu64 ", an unbroken chain, the last %" PRIu64 ":%s",
                 chain.records, chain.records, head);
    else
        snprintf(why, sizeof(why), "0, an unbroken chain");
    if (!chain.broken && chain.records)
        snprintf(c->last, sizeof(c->last), "%" PRIu64 ":%s", chain.records, head);
    tell(c, "records", chain.broken ? EX_DATAERR : 0, why);
    *c->last = '\0';
    return 0;
}

int verb_check(int argc, char **argv)
{
    struct args args = {.common = LIST_ARGS_INIT};
    struct list_call call = {.options = &check_options, .args = &args, .common = &args.common};
    struct checking c = {0};
    struct ledger g;
    char step[16];
    int64_t since;
    int first, status, printed;

    if (!list_call_start(&call, argc, argv, &first, &status))
        return status;
    if (first < argc)
        return list_call_end(&call, options_misuse(&check_options, "takes no operand"));
    status = ledger_open(&g, &call, LEDGER_LOOK);
    c.g = &g;
    if (status == 0 && zones_retired(&g, step, &since) < 0)
        status = ledger_store_error(&g, -EIO);
    if (status == 0)
        status = check_records(&c, args.since);
    if (status == 0)
        status = zones_each(&g, check_zone, &c);
    printed = ledger_close(&g, status);
    return list_call_end(&call, printed ? printed : c.result);
}
