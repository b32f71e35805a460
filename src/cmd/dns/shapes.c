/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A zone that is not in the file begins with what is served now: nobody knows what secondaries had
 * from a server before this one, so no step from before is told. A zone that leaves the
 * configuration stays in it, for it may come back, and its secondaries have kept its serial.
 *
 * Where the file can't be written the raising holds as long as the program runs; then the serial
 * falls back, and secondaries follow again from the next listing on, whose serial is the clock.
 */
#include "cmd/dns/shapes.h"

#include "base/num.h"
#include "io/datadir.h"
#include "io/file.h"
#include "io/log.h"
#include "zone/shape.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

enum { FILE_MAX = 8 << 20 };

static const char file_name[] = "dns/serials";

static struct shape *find(const struct shapes *s, const struct dns_name *zone)
{
    for (size_t i = 0; i < s->count; i++)
        if (dns_name_eq(&s->v[i].zone, zone))
            return &s->v[i];
    return NULL;
}

static bool add(struct shapes *s, const struct shape *one)
{
    if (s->count >= ZONE_SET_MAX || array_grow(&s->v, &s->cap, sizeof(*s->v), s->count + 1) < 0)
        return false;
    s->v[s->count++] = *one;
    return true;
}

static bool read_line(struct span line, struct shape *ret)
{
    struct span zone, word[3];
    uint64_t v[3];

    if (!span_word(&line, &zone) || !dns_name_parse(zone, &ret->zone))
        return false;
    for (size_t i = 0; i < 3; i++)
        if (!span_word(&line, &word[i]) ||
            !num_u64(word[i], 0, i == 0 ? UINT64_MAX : UINT32_MAX, &v[i]))
            return false;
    dns_name_lower(&ret->zone);
    ret->sum = v[0];
    ret->raised = (uint32_t)v[1];
    ret->since = (uint32_t)v[2];
    return true;
}

void shapes_load(struct shapes *s, const char *state)
{
    struct buf text = BUF_INIT(FILE_MAX);
    char path[DATADIR_PATH_MAX];
    struct span rest, line;
    struct shape one;

    if (*state && datadir_join(state, file_name, path) && file_read(path, &text) == 0) {
        rest = buf_span(&text);
        while (span_cut(&rest, '\n', &line))
            if (read_line(line, &one) && !find(s, &one.zone))
                add(s, &one);
    }
    buf_deinit(&text);
}

static int write_file(const struct shapes *s, const char *state)
{
    struct buf text = BUF_INIT(FILE_MAX);
    char path[DATADIR_PATH_MAX], folder[DATADIR_PATH_MAX], name[DNS_NAME_TEXT_MAX];
    int r = -ENOENT;

    for (size_t i = 0; i < s->count; i++)
        buf_addf(&text, "%s %" PRIu64 " %" PRIu32 " %" PRIu32 "\n",
                 dns_name_text(s->v[i].zone.wire, name), s->v[i].sum, s->v[i].raised,
                 s->v[i].since);
    if (*state && datadir_join(state, "dns", folder) && datadir_join(state, file_name, path))
        r = text.err ? text.err : file_mkdirs(folder, 0700);
    if (r == 0)
        r = file_write(path, buf_span(&text), 0600);
    buf_deinit(&text);
    return r;
}

void shapes_save(struct shapes *s, const char *state)
{
    int r;

    if (!s->unsaved)
        return;
    r = write_file(s, state);
    s->unsaved = false;
    if (r < 0 && !s->failed)
        log_warn("serials", "path", file_name, "text", LOG_ERRNO(-r), "meaning",
                 "a serial that a configuration has raised falls back when the program ends", NULL);
    s->failed = r < 0;
}

void shapes_deinit(struct shapes *s)
{
    free(s->v);
    *s = (struct shapes){0};
}

const struct shape *shapes_of(const struct shapes *s, const struct dns_name *zone)
{
    return find(s, zone);
}

bool shapes_see(struct shapes *s, const struct zone_set *set, const struct zone *zone)
{
    const uint64_t sum = zone_shape(set, zone);
    struct shape *known = find(s, zone_wire(zone));

    if (known && known->sum == sum)
        return true;
    if (!known) {
        struct shape one = {.zone = *zone_wire(zone), .sum = sum, .since = zone_serial(zone)};
        bool added = add(s, &one);

        s->unsaved |= added;
        return !added;
    }
    known->sum = sum;
    known->raised++;
    known->since = zone_serial(zone) + 1;
    s->unsaved = true;
    log_info("zone", "zone", zone_title(zone), "result", "shaped", "serial",
             LOG_NUM((int64_t)known->since), "text",
             "what its records share has changed: secondaries take the whole zone", NULL);
    return false;
}

static void tell_fixed(const struct zone *zone, uint32_t serial)
{
    log_warn(
        "zone", "zone", zone_title(zone), "serial", LOG_NUM((int64_t)serial), "text",
        "the data have changed and the serial in $SOA has not risen: secondaries will not take "
        "them; raise it, or write 0 for the time of the file",
        NULL);
}

uint32_t shapes_serial(struct shapes *s, const struct zone *zone, uint64_t sum, uint32_t files,
                       bool fixed)
{
    struct shape one = {.zone = *zone_wire(zone), .sum = sum, .since = files};
    struct shape *known = find(s, zone_wire(zone));

    if (!known) {
        s->unsaved |= add(s, &one);
        return files;
    }
    if (known->sum == sum && known->since == files)
        return files;
    if (!zone_serial_after(files, known->since)) {
        if (fixed && known->sum != sum)
            tell_fixed(zone, files);
        else if (!fixed)
            one.since = known->since + (known->sum != sum);
    }
    if (known->sum == sum && known->since == one.since)
        return one.since;
    *known = one;
    s->unsaved = true;
    return one.since;
}
