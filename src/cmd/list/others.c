/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Only a folder that is new, or that bears the same mark, is written to: a slip of the pen can't
 * replace the list's own zone by somebody else's. The image stands before the journal is begun, as
 * zone/journal.h has it.
 */
#include "cmd/list/others.h"

#include "base/escape.h"
#include "cmd/list/zones_priv.h"
#include "zone/build.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

__attribute__((format(printf, 3, 4))) static int say(const struct others_zone *z, int status,
                                                     const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "%s: ", z->program);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    return status;
}

static bool plain_name(const char *name)
{
    for (const char *p = name; *p; p++)
        if (!ascii_is_alnum(*p) && *p != '-' && *p != '_' && *p != '.')
            return false;
    return *name && *name != '.' && *name != '-' && name[strlen(name) - 1] != '.' &&
           !strstr(name, "..");
}

int others_name(const struct others_zone *z)
{
    struct dns_name name, own;
    unsigned below;

    if (!z->name)
        return say(z, EX_USAGE, "--as NAME: under which name is it to be served?");
    if (!plain_name(z->name) || !dns_name_parse(span_str(z->name), &name))
        return say(z, EX_USAGE, "--as: letters, digits, hyphens and dots make the name of a zone");
    if (!z->own || !dns_name_parse(span_str(z->own), &own))
        return 0;
    dns_name_lower(&name);
    dns_name_lower(&own);
    if (dns_name_below(&name, &own, &below))
        return say(z, EX_USAGE,
                   "--as: %s belongs to our own list, which holds nothing but what was proved; "
                   "choose a name outside of %s",
                   z->name, z->own);
    return 0;
}

static bool ours_to_replace(const struct others_zone *z, const struct zone_now *now)
{
    return span_eq(zone_image_fact(&now->image, OTHERS_ORIGIN), span_str(z->origin));
}

static int prepare(const struct others_zone *z, struct zone_data *d, uint32_t serial)
{
    struct buf source = BUF_INIT(1000);
    int64_t until = z->now_wall + z->keep_s;
    int rc;

    if (!dns_name_parse(span_str(z->name), &d->meta.zone))
        return -EINVAL;
    dns_name_lower(&d->meta.zone);
    d->meta.serial = serial;
    d->meta.ttl = d->meta.ttl ? d->meta.ttl : OTHERS_TTL;
    d->meta.created_wall = d->meta.created_wall ? d->meta.created_wall : z->now_wall;
    if (!d->meta.expires_wall || d->meta.expires_wall > until)
        d->meta.expires_wall = until;
    /* Theirs name their servers, not ours. */
    d->meta.has_soa = false;
    d->meta.ns_count = 0;
    escape_text(&source, span_slice(span_str(z->source), 0, 250));
    rc = zone_data_fact(d, OTHERS_ORIGIN, span_str(z->origin));
    if (rc == 0)
        rc = zone_data_fact(d, "source", buf_span(&source));
    buf_deinit(&source);
    return rc;
}

static int look_at(const struct others_zone *z, const struct zone_image *image,
                   const struct zone_image *before)
{
    struct zone_limits limits = z->limits;
    struct zone_finding finding;

    if (image->counts.patterns)
        limits.empty = true; /* entries are counted without them */
    if (z->force) {
        limits.grow_percent = UINT32_MAX;
        limits.shrink_percent = 100;
        limits.small = UINT32_MAX;
    }
    if (zone_sanity(image, before, &limits, z->now_wall, &finding) == ZONE_SANE)
        return 0;
    return say(z, EX_DATAERR, "%s is refused: %s%s", z->name, finding.why,
               before ? "; what is served stays as it is" : "");
}

static int put(struct zonefile *file, struct span image, uint32_t serial)
{
    struct buf journal = BUF_INIT(4096);
    int rc = zonefile_replace(file, "image", image);

    zone_journal_begin(serial, &journal);
    if (rc == 0)
        rc = journal.err ? journal.err : zonefile_replace(file, "journal", buf_span(&journal));
    buf_deinit(&journal);
    return rc;
}

static int publish(const struct others_zone *z, struct zone_data *data, const char *folder,
                   struct zonefile *file, struct others_made *ret)
{
    struct zone_now now;
    struct zone_image image;
    struct span bytes = SPAN_NULL;
    int rc = zone_now_open(folder, &now);
    bool there = rc == 0;
    uint32_t serial;

    if (rc == -EBADMSG || (there && !ours_to_replace(z, &now)))
        rc = say(z, EX_CANTCREAT, "%s is a zone of another kind, and is left alone", z->name);
    else
        rc = rc == -ENOENT ? 0 : rc;
    serial = zone_serial_next(there ? now.image.meta.serial : 0, z->now_wall);
    if (rc == 0)
        rc = prepare(z, data, serial);
    if (rc == 0)
        rc = zone_build(data, &bytes);
    if (rc == 0 && zone_image_open(bytes, &image) != ZONE_IMAGE_OK)
        rc = -EBADMSG;
    if (rc == 0)
        rc = look_at(z, &image, there ? &now.image : NULL);
    if (rc == 0)
        rc = put(file, bytes, serial);
    if (rc == 0)
        *ret = (struct others_made){serial, bytes.n, image.counts};
    zone_now_close(&now);
    free((void *)(uintptr_t)bytes.p);
    return rc;
}

/* A zone is one, however its name is written. */
static bool folder_of(const struct others_zone *z, const struct state *state,
                      char ret[DATADIR_PATH_MAX])
{
    char zones[DATADIR_PATH_MAX], name[DNS_NAME_TEXT_MAX];

    if (!span_copy(span_str(z->name), name, sizeof(name)))
        return false;
    for (char *p = name; *p; p++)
        *p = ascii_lower(*p);
    return datadir_join(state->folder, "zones", zones) && datadir_join(zones, name, ret);
}

int others_check(const struct others_zone *z, const struct zone_image *image)
{
    char err[STATE_ERROR_MAX], folder[DATADIR_PATH_MAX];
    struct zone_now now = {0};
    struct state state;
    bool there = false;
    int rc = state_open(&state, z->state, false, err);

    if (rc < 0 && rc != -ENOENT)
        return say(z, state_exit(rc), "%s", err);
    if (rc == 0 && !folder_of(z, &state, folder))
        return say(z, EX_USAGE, "%s: the path is too long", z->name);
    if (rc == 0) {
        rc = zone_now_open(folder, &now);
        there = rc == 0;
    }
    if (rc == -EBADMSG || (there && !ours_to_replace(z, &now)))
        rc = say(z, EX_CANTCREAT, "%s is a zone of another kind", z->name);
    else
        rc = rc == -ENOENT ? 0 : rc;
    if (rc == 0)
        rc = look_at(z, image, there ? &now.image : NULL);
    zone_now_close(&now);
    return rc < 0 ? say(z, EX_IOERR, "%s: %s", folder, strerror(-rc)) : rc;
}

int others_publish(const struct others_zone *z, struct zone_data *data, struct others_made *ret)
{
    char err[STATE_ERROR_MAX], folder[DATADIR_PATH_MAX];
    struct zonefile file;
    struct state state;
    int rc = others_name(z);

    if (rc)
        return rc;
    rc = state_open(&state, z->state, true, err);
    if (rc < 0)
        return say(z, state_exit(rc), "%s", err);
    if (!folder_of(z, &state, folder))
        return say(z, EX_USAGE, "%s: the path is too long", z->name);
    rc = zonefile_open(folder, 30000, &file);
    if (rc == 0) {
        rc = publish(z, data, folder, &file, ret);
        zonefile_close(&file);
    }
    return rc < 0 ? say(z, EX_IOERR, "%s: %s", folder, strerror(-rc)) : rc;
}
