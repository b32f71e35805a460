/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What tests/zone/rbl_differ.py asks: rbldnsd's own command line (ZONE:TYPE:FILE,... and -e), and
 * on standard input questions, each with its length in two octets before it. The answers go out the
 * same way; length 0 is none. Remarks on the files go to standard error.
 */
#include "base/buf.h"
#include "base/num.h"
#include "io/file.h"
#include "io/gunzip.h"
#include "listfile/rbl.h"
#include "zone/answer.h"
#include "zone/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ZONES_MAX = 32, FILES_MAX = 32, FILE_MAX = 1 << 28, SOURCES = ZONE_SOURCES_MAX };

struct served {
    struct zone_spec spec;
    struct dns_name ns[ZONE_NS_MAX];
    struct zone_source sources[SOURCES];
    struct zone_acl *acl;
};

static struct served zones[ZONES_MAX];
static size_t served_count;
static struct zone_acl *all_acl;
static struct rbl_options options;
static uint32_t default_ttl = 2100;

static _Noreturn void die(const char *what, const char *which)
{
    fprintf(stderr, "rbl-answer: %s: %s\n", what, which);
    exit(2);
}

static struct served *zone_of(struct span name)
{
    struct dns_name wire;

    if (!dns_name_parse(name, &wire))
        die("no zone name", name.p);
    for (size_t i = 0; i < served_count; i++)
        if (dns_name_eq(&zones[i].spec.name, &wire))
            return &zones[i];
    if (served_count == ZONES_MAX)
        die("too many zones", name.p);
    struct served *z = &zones[served_count++];

    z->spec.name = wire;
    z->spec.state = ZONE_SERVED;
    z->spec.sources = z->sources;
    z->spec.data_tests = true;
    z->spec.ttl = default_ttl;
    return z;
}

static void tell(struct zone_remarks *remarks)
{
    char text[600];

    for (size_t i = 0; i < remarks->n; i++)
        fprintf(stderr, "%s: %s\n", zone_remark_kind_name(remarks->v[i].kind),
                zone_remark_text(&remarks->v[i], text, sizeof(text)));
    zone_remarks_deinit(remarks);
}

static size_t read_files(struct span names, struct rbl_file files[FILES_MAX])
{
    size_t n = 0;
    struct span name;

    while (n < FILES_MAX && span_cut(&names, ',', &name)) {
        struct buf bytes = BUF_INIT(FILE_MAX);
        char *path = span_dup(name);
        struct stat st;

        if (!path || file_read(path, &bytes) < 0 || stat(path, &st) < 0)
            die("cannot read", path);
        struct span text = buf_span(&bytes);
        char *plain;

        if (gunzip_is(text)) {
            if (gunzip(text, FILE_MAX, &plain, &text.n) < 0)
                die("cannot unpack", path);
            buf_deinit(&bytes);
            text.p = plain;
        }
        files[n++] = (struct rbl_file){path, text, st.st_mtime};
    }
    return n;
}

static void serve_set(struct served *z, enum rbl_type type, const struct rbl_file *files,
                      size_t count)
{
    struct rbl_zones got = {0};
    struct zone_remarks remarks = {0};
    int r = rbl_read(type, files, count, &options, &got, &remarks);

    tell(&remarks);
    if (r != RBL_OK) {
        z->spec.state = ZONE_BROKEN;
        z->spec.source_count = 0;
        return;
    }
    for (size_t i = 0; i < got.n; i++) {
        struct zone_image *image = calloc(1, sizeof(*image));
        struct span bytes = SPAN_NULL;

        if (!image || zone_build(&got.v[i]->data, &bytes) < 0)
            die("cannot compile", files[0].name);
        if (zone_image_open(bytes, image) != ZONE_IMAGE_OK ||
            zone_image_verify(image) != ZONE_IMAGE_OK)
            die("bad image", files[0].name);
        struct zone_source *s = &z->sources[z->spec.source_count++];

        int64_t end = image->meta.expires_wall;

        if (end && end <= options.now_wall)
            z->spec.state = ZONE_BROKEN;
        s->sub = got.v[i]->sub;
        s->view.image = image;
        if (s->sub.n == 0)
            zone_spec_fill(&z->spec, &s->view, z->ns);
    }
    rbl_zones_deinit(&got);
}

static void serve_acl(struct zone_acl **acl, const struct rbl_file *files, size_t count)
{
    struct zone_remarks remarks = {0};

    *acl = zone_acl_new();
    int r = rbl_read_acl(files, count, &options, *acl, &remarks);

    tell(&remarks);
    if (r != RBL_OK || zone_acl_seal(*acl, NULL) < 0)
        die("bad acl", files[0].name);
}

static void serve(char *arg)
{
    struct rbl_file files[FILES_MAX];
    struct span s = span_str(arg), name, word;
    enum rbl_type type;

    if (!span_cut(&s, ':', &name) || !span_cut(&s, ':', &word) || !rbl_type_of(word, &type))
        die("not ZONE:TYPE:FILE", arg);
    size_t count = read_files(s, files);

    if (type == RBL_ACL && name.n == 0)
        serve_acl(&all_acl, files, count);
    else if (type == RBL_ACL)
        serve_acl(&zone_of(name)->acl, files, count);
    else
        serve_set(zone_of(name), type, files, count);
    for (size_t i = 0; i < count; i++) {
        free((void *)(uintptr_t)files[i].name);
        free((void *)(uintptr_t)files[i].text.p);
    }
}

static bool take(void *p, size_t n)
{
    return fread(p, 1, n, stdin) == n;
}

static void answer(const struct zone_set *set)
{
    static uint8_t question[65536], out[65536];
    struct zone_client client = {.ip = {IP_V4, {127, 0, 0, 1}}, .now_wall = 1000000000};
    struct zone_outcome outcome;
    uint8_t size[2];

    while (take(size, 2) && take(question, num_get16(size))) {
        size_t n = zone_answer(set, &client, question, num_get16(size), out, 4096, &outcome);

        num_put16(size, (uint16_t)n);
        fwrite(size, 1, 2, stdout);
        fwrite(out, 1, n, stdout);
    }
}

int main(int argc, char **argv)
{
    struct zone_spec specs[ZONES_MAX];
    struct zone_set *set;
    struct zone_set_error error;
    int at = 1;

    options.now_wall = (int64_t)time(NULL);
    for (; at < argc && argv[at][0] == '-'; at++) {
        if (strcmp(argv[at], "-e") == 0)
            options.loose_cidr = true;
        else
            die("no such option", argv[at]);
    }
    for (; at < argc; at++)
        serve(argv[at]);
    for (size_t i = 0; i < served_count; i++) {
        specs[i] = zones[i].spec;
        specs[i].acl = zones[i].acl;
    }
    if (zone_set_new(specs, served_count, &(struct zone_set_options){.acl = all_acl}, &set, &error))
        die("no set", error.why);
    answer(set);
    zone_set_free(set);
    return 0;
}
