/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes a zone of our own list as postern list does, with random data, for tests of who reads it:
 *
 *     zonewrite new FOLDER ZONE LISTINGS SEED     an image and an empty journal
 *     zonewrite change FOLDER COUNT SEED PERCENT  as many changes, one step and one fdatasync each;
 *                                                 PERCENT of them are prefixes, not addresses
 *     zonewrite compile FOLDER ZONE [TEXT]        a new image with all that the journal says; with
 *                                                 TEXT for the texts of its classes
 *
 * Each prints the serial. Listings stand in 198.18.0.0/22 and 2001:db8::/112, so that they meet.
 */
#include "zonelab.h"

#include "base/num.h"
#include "io/zonefile.h"
#include "zone/journal.h"

enum { CLASSES = 4, FIRST_SERIAL = 1000 };

static const char usual_text[] = "class of $: https://example.org/e/%";
static uint64_t seed;

static uint32_t draw(uint32_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % below;
}

/* What is on disk, as a server sees it. */
struct state {
    struct zonefile lock;
    struct zonefile_map image_map, journal_map;
    struct zone_image image;
    struct zone_journal journal;
    struct zone_overlay *overlay;
    uint32_t serial;
};

static void values_of(struct zone_data *d, const char *text, uint32_t value[CLASSES + 1])
{
    for (uint16_t i = 1; i <= CLASSES; i++) {
        struct buf t = BUF_INIT(ZONE_TEMPLATE_MAX);
        struct zone_value v = {.a = LAB_CODE(1u + i), .class_id = i};

        lab_template(text, &t);
        v.text = buf_span(&t);
        lab_need(!t.err && zone_data_value(d, &v, &value[i]) == 0, "value");
        buf_deinit(&t);
    }
}

static void save(const char *folder, struct zone_data *d, bool journal)
{
    struct buf head = BUF_INIT(ZONE_JOURNAL_HEAD);
    struct zonefile lock;
    struct span image;

    lab_need(zonefile_open(folder, 10000, &lock) == 0, folder);
    lab_need(zone_build(d, &image) == 0, "build");
    zone_journal_begin(d->meta.serial, &head);
    lab_need(!journal || zonefile_replace(&lock, "journal", buf_span(&head)) == 0, "journal");
    lab_need(zonefile_replace(&lock, "image", image) == 0, "image");
    zonefile_close(&lock);
    buf_deinit(&head);
    free((char *)(uintptr_t)image.p);
}

static void begin(struct zone_data *d, const char *zone, uint32_t serial, struct zone_table **four,
                  struct zone_table **six)
{
    zone_data_init(d);
    d->meta.zone = lab_name(zone);
    d->meta.serial = serial;
    d->meta.ttl = 300;
    lab_need(zone_data_table(d, ZONE_IPV4, ZONE_LONGEST, four) == 0, "table");
    lab_need(zone_data_table(d, ZONE_IPV6, ZONE_LONGEST, six) == 0, "table");
}

static void new_zone(const char *folder, const char *zone, unsigned listings)
{
    bool have4[1024] = {false}, have6[1024] = {false};
    uint32_t value[CLASSES + 1];
    struct zone_table *four, *six;
    struct zone_data d;

    begin(&d, zone, FIRST_SERIAL, &four, &six);
    values_of(&d, usual_text, value);
    for (uint32_t i = 1; i <= listings; i++) {
        uint32_t low = draw(1024), ip = 0xc6120000 + low;
        struct zone_ip6 ip6 = {UINT64_C(0x20010db800000000), low};
        bool is4 = draw(4), *have = is4 ? &have4[low] : &have6[low];

        if (*have) /* a journal's change has one word, so an own list says one of an address */
            continue;
        *have = true;
        if (is4)
            lab_need(zone_table_add4(four, ip, ip, value[1 + draw(CLASSES)], i) == 0, "add");
        else
            lab_need(zone_table_add6(six, ip6, 128, value[1 + draw(CLASSES)], i) == 0, "add");
    }
    lab_need(zone_table_add4(four, 0xc6120300, 0xc61203ff, value[2], listings + 1) == 0, "range");
    save(folder, &d, true);
    zone_data_deinit(&d);
    printf("%u\n", FIRST_SERIAL);
}

static void follow(struct state *s)
{
    struct zone_overlay *next;

    lab_need(zone_journal_open(s->journal_map.bytes, &s->journal) == ZONE_JOURNAL_END, "journal");
    lab_need(zone_journal_seek(&s->journal, s->serial), "seek");
    lab_need(zone_overlay_new(&s->image, s->overlay, &s->journal, &next) == ZONE_OVERLAY_OK,
             "overlay");
    zone_overlay_free(s->overlay);
    s->overlay = next;
    s->serial = next ? zone_overlay_serial(next) : s->serial;
}

static void open_state(struct state *s, const char *folder)
{
    *s = (struct state){0};
    lab_need(zonefile_open(folder, 10000, &s->lock) == 0, folder);
    lab_need(zonefile_map(folder, "image", UINT64_MAX, &s->image_map) == 0, "image");
    lab_need(zone_image_open(s->image_map.bytes, &s->image) == ZONE_IMAGE_OK, "image");
    lab_need(zonefile_map(folder, "journal", UINT64_MAX, &s->journal_map) == 0, "journal");
    s->serial = s->image.meta.serial;
    follow(s);
}

static void close_state(struct state *s)
{
    zone_overlay_free(s->overlay);
    zonefile_unmap(&s->image_map);
    zonefile_unmap(&s->journal_map);
    zonefile_close(&s->lock);
}

static struct zone_word word4(const struct state *s, uint32_t ip)
{
    struct zone_view v = {&s->image, s->overlay};
    struct zone_word word = {0};
    struct zone_said said;
    struct zone_hit hit;

    if (zone_view_find4(&v, ip, &hit) && zone_image_said(&s->image, hit, 0, &said))
        word = (struct zone_word){said.class_id, said.evidence};
    return word;
}

static bool change4(const struct state *s, unsigned percent, struct zone_change *c)
{
    uint32_t rest;

    c->kind = ZONE_IPV4;
    c->len = draw(100) < percent ? (uint8_t)(24 + draw(8)) : 32;
    rest = c->len == 32 ? 0 : UINT32_MAX >> c->len;
    c->ip4 = (0xc6120000 + draw(1024)) & ~rest;
    c->was = word4(s, c->ip4);
    for (uint32_t i = 1; i <= rest; i++) { /* a change assigns what was one word */
        struct zone_word other = word4(s, c->ip4 + i);

        if (other.class_id != c->was.class_id || other.evidence != c->was.evidence)
            return false;
    }
    return true;
}

static void change6(const struct state *s, struct zone_change *c)
{
    struct zone_view v = {&s->image, s->overlay};
    struct zone_said said;
    struct zone_hit hit;

    c->kind = ZONE_IPV6;
    c->len = 128;
    c->ip = (struct zone_ip6){UINT64_C(0x20010db800000000), draw(64)};
    if (zone_view_find6(&v, c->ip, &hit) && zone_image_said(&s->image, hit, 0, &said))
        c->was = (struct zone_word){said.class_id, said.evidence};
}

static void one_change(struct state *s, const char *folder, unsigned percent)
{
    struct buf step = BUF_INIT(ZONE_CHANGE_MAX);
    struct zone_change c;

    for (;;) {
        c = (struct zone_change){.serial = s->serial + 1, .wall = 1, .reason = SPAN_LIT("a test")};
        if (draw(4) == 0)
            change6(s, &c);
        else if (!change4(s, percent, &c))
            continue;
        if (!c.was.class_id || draw(3) == 0)
            c.now = (struct zone_word){(uint16_t)(1 + draw(CLASSES)), 100000 + c.serial};
        lab_need(zone_journal_add(&c, &step) == 0 && !step.err, "add");
        lab_need(zonefile_append(&s->lock, "journal", s->journal.good, buf_span(&step)) == 0,
                 "append");
        break;
    }
    buf_deinit(&step);
    zonefile_unmap(&s->journal_map);
    lab_need(zonefile_map(folder, "journal", UINT64_MAX, &s->journal_map) == 0, "journal");
    follow(s);
}

/* A run as prefixes. */
static void add_run(struct zone_table *t, uint64_t from, uint64_t to, uint32_t value,
                    uint32_t evidence)
{
    while (from <= to) {
        unsigned bits = 0;

        while (bits < 32 && !(from >> bits & 1) && from + (UINT64_C(2) << bits) - 1 <= to)
            bits++;
        lab_need(zone_table_add4(t, (uint32_t)from, (uint32_t)(from + (UINT64_C(1) << bits) - 1),
                                 value, evidence) == 0,
                 "add");
        from += UINT64_C(1) << bits;
    }
}

static void compile(const char *folder, const char *zone, const char *text)
{
    struct zone_view_cursor c4 = {0}, c6 = {0};
    uint32_t value[CLASSES + 1];
    struct zone_table *four, *six;
    struct zone_piece4 p4;
    struct zone_piece6 p6;
    struct zone_said said;
    struct zone_data d;
    struct state s;
    struct zone_view v;

    open_state(&s, folder);
    v = (struct zone_view){&s.image, s.overlay};
    begin(&d, zone, s.serial, &four, &six);
    values_of(&d, text, value);
    while (zone_view_next4(&v, &c4, &p4))
        for (unsigned i = 0; zone_image_said(&s.image, p4.hit, i, &said); i++)
            add_run(four, p4.from, p4.to, value[said.class_id], said.evidence);
    while (zone_view_next6(&v, &c6, &p6))
        for (unsigned i = 0; zone_image_said(&s.image, p6.hit, i, &said); i++)
            lab_need(zone_table_add6(six, p6.from, 128, value[said.class_id], said.evidence) == 0,
                     "add");
    zonefile_close(&s.lock);
    save(folder, &d, false);
    printf("%u\n", s.serial);
    zone_data_deinit(&d);
    close_state(&s);
}

int main(int argc, char **argv)
{
    unsigned count, percent;
    uint64_t random;
    struct state s;

    if (argc == 6 && strcmp(argv[1], "new") == 0 &&
        num_uint(span_str(argv[4]), 0, 100000, &count) &&
        num_u64(span_str(argv[5]), 0, UINT64_MAX, &random)) {
        seed = random;
        new_zone(argv[2], argv[3], count);
        return 0;
    }
    if (argc == 6 && strcmp(argv[1], "change") == 0 &&
        num_uint(span_str(argv[3]), 0, 100000, &count) &&
        num_u64(span_str(argv[4]), 0, UINT64_MAX, &random) &&
        num_uint(span_str(argv[5]), 0, 100, &percent)) {
        seed = random;
        open_state(&s, argv[2]);
        while (count--)
            one_change(&s, argv[2], percent);
        printf("%u\n", s.serial);
        close_state(&s);
        return 0;
    }
    if ((argc == 4 || argc == 5) && strcmp(argv[1], "compile") == 0) {
        compile(argv[2], argv[3], argc == 5 ? argv[4] : usual_text);
        return 0;
    }
    fprintf(stderr, "usage: see the head of tests/zonewrite.c\n");
    return 64;
}
