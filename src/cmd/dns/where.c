/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An image has no lines any more, and keeping them for all entries would cost more than the entries
 * do. So the files are read once more when there is something to complain of, and the first line
 * that has the address in it is named. What $-lines, sub-zones and exclusions made of it is not
 * looked at: the operator wants to know where to look, and looks himself.
 */
#include "cmd/dns/where.h"

#include "io/file.h"
#include "io/gunzip.h"
#include "listfile/rbl_addr.h"

#include <stdlib.h>

enum { FILE_MAX = 1 << 30 };

static const char *const remedies[ZONE_INSANE_KINDS] = {
    [ZONE_INSANE_ALL] = "nothing lets this through",
    [ZONE_INSANE_LOCALHOST] = "take it out",
    [ZONE_INSANE_RESERVED] = "take it out, or set \"reserved\" for a list of such space",
    [ZONE_INSANE_WIDE] = "take it out, or set \"widest4\" or \"widest6\"",
    [ZONE_INSANE_MUCH] = "set \"share-max\" if that is meant",
    [ZONE_INSANE_VALUE] = "give it one, as :127.0.0.2:",
    [ZONE_INSANE_EMPTY] = "see what became of the file",
    [ZONE_INSANE_GREW] = "set \"growth-max\" if that is meant",
    [ZONE_INSANE_SHRANK] = "set \"shrink-max\" if that is meant",
    [ZONE_INSANE_EXPIRED] = "fetch new ones",
    [ZONE_INSANE_FUTURE] = "set the clock that made them, or this machine's",
};

static bool has4(struct span line, uint32_t ip)
{
    uint32_t first, last;
    unsigned bits;
    enum rbl_addr got = rbl_range4(&line, true, &first, &last, &bits);

    return (got == RBL_ADDR_OK || got == RBL_ADDR_HOST) && first <= ip && ip <= last;
}

static bool has6(struct span line, struct ip ip)
{
    struct ip_prefix net = {.ip = {.family = IP_V6}};
    enum rbl_addr got = rbl_cidr6(&line, net.ip.b, &net.len);

    return (got == RBL_ADDR_OK || got == RBL_ADDR_HOST) && ip_prefix_has(net, ip);
}

static bool is_invalid(struct span line)
{
    struct span word = SPAN_NULL;

    span_word(&line, &word);
    if (span_starts(word, SPAN_LIT("*")))
        word = span_slice(word, 1, word.n);
    if (span_starts(word, SPAN_LIT(".")))
        word = span_slice(word, 1, word.n);
    return span_eq_nocase(word, SPAN_LIT("invalid"));
}

static bool is_it(struct span line, const struct zone_finding *f)
{
    if (line.n == 0 || line.p[0] == '#' || line.p[0] == ';' || line.p[0] == '!')
        return false;
    if (f->what == ZONE_INSANE_EXPIRED || f->what == ZONE_INSANE_FUTURE)
        return span_starts(line, SPAN_LIT("$TIMESTAMP"));
    if (f->ip.family == IP_V4)
        return has4(line,
                    (uint32_t)f->ip.b[0] << 24 | f->ip.b[1] << 16 | f->ip.b[2] << 8 | f->ip.b[3]);
    if (f->ip.family == IP_V6)
        return has6(line, f->ip);
    return f->what == ZONE_INSANE_LOCALHOST && is_invalid(line);
}

/* The line's number, from 1; 0 for none. */
static unsigned line_in(struct span text, const struct zone_finding *f)
{
    struct span line;

    for (unsigned number = 1; span_cut(&text, '\n', &line); number++)
        if (is_it(span_trim(line), f))
            return number;
    return 0;
}

static unsigned line_of(const char *path, const struct zone_finding *f)
{
    struct buf text = BUF_INIT(FILE_MAX);
    char *unpacked = NULL;
    unsigned line = 0;
    size_t n;

    if (file_read(path, &text) == 0 && !gunzip_is(buf_span(&text)))
        line = line_in(buf_span(&text), f);
    else if (!text.err && gunzip(buf_span(&text), FILE_MAX, &unpacked, &n) == 0)
        line = line_in(span_of(unpacked, n), f);
    free(unpacked);
    buf_deinit(&text);
    return line;
}

static bool tell_place(const struct site_zone *z, const struct zone_finding *f, struct buf *out)
{
    for (size_t d = 0; d < z->dataset_count; d++)
        for (size_t i = 0; i < z->datasets[d].file_count; i++) {
            const char *path = z->datasets[d].files[i];
            unsigned line = z->datasets[d].type == RBL_ACL ? 0 : line_of(path, f);

            if (line) {
                buf_addf(out, "%.300s:%u: ", path, line);
                return true;
            }
        }
    return false;
}

void where_tell(const struct site_zone *z, const struct zone_finding *f, struct buf *out)
{
    if (!tell_place(z, f, out) && z->dataset_count == 1 && z->datasets[0].file_count == 1)
        buf_addf(out, "%.300s: ", z->datasets[0].files[0]);
    buf_addf(out, "%s; %s", f->why, remedies[f->what]);
    if (f->what != ZONE_INSANE_ALL)
        buf_add_str(out, "; \"accept\" takes it as it is");
}
