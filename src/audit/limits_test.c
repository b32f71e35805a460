/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Limits of YAML, variables, records and systems: at the edge, and one past. */
#include "audit/boxes.h"
#include "audit/records.h"
#include "audit/system.h"
#include "audit/try_test.h"
#include "audit/yaml.h"

struct limit {
    const char *name, *path;
    const char *head, *each; /* each: with one %u */
    unsigned edge;
    const char *past; /* a part of the error */
};

static const struct limit limits[] = {
    {"documents", "/l/x.yaml", "", "---\napiVersion: v1\nkind: X%u\n", AUDIT_YAML_DOCUMENTS_MAX,
     "more than 2000 documents"},
    {"services", "/l/docker-compose.yml", "services:\n", "  s%u: {image: a}\n", AUDIT_BOXES_MAX,
     "more than 2000 services"},
    {"variables", "/l/x.env", "MYNETWORKS=127.0.0.1\n", "V%u=1\n", AUDIT_ENV_MAX - 1,
     "more than 4000 variables"},
    {"records", "/l/x.txt", "DomainType : Authoritative\n\n", "DomainName : d%u\n\n",
     AUDIT_RECORDS_MAX - 1, "more than 20000 records"},
};

static void limits_hold(void **state)
{
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        for (unsigned over = 0; over < 2; over++) {
            const struct limit *l = &limits[i];
            struct buf text = BUF_INIT(8 << 20), past = BUF_INIT(200);
            struct try_case c = {.name = l->name};

            buf_add_str(&text, l->head);
            for (unsigned k = 0; k < l->edge + over; k++) {
                struct span each = span_str(l->each);
                size_t at = span_find(each, '%');

                buf_add(&text, span_slice(each, 0, at));
                buf_addf(&text, "%u", k);
                buf_add(&text, span_slice(each, at + 2, each.n));
            }
            buf_addf(&past, "!%s", l->past);
            c.expect = over ? buf_str(&past) : "";
            c.files[0] = (struct audit_memory_file){l->path, buf_str(&text), 0};
            assert_true(try_case(&c, l->path));
            buf_deinit(&text);
            buf_deinit(&past);
        }
}

/* A map in a map in a map; the root is the first. */
static void depth_holds(void **state)
{
    for (unsigned over = 0; over < 2; over++) {
        struct buf text = BUF_INIT(1 << 16);
        struct try_case c = {.name = "depth", .expect = over ? "!nested too deeply" : ""};

        buf_add_str(&text, "services: {web: {image: x}}\nx-deep: ");
        for (unsigned i = 0; i + 1 < AUDIT_YAML_DEPTH_MAX + over; i++)
            buf_add_char(&text, '[');
        buf_add_str(&text, "1");
        for (unsigned i = 0; i + 1 < AUDIT_YAML_DEPTH_MAX + over; i++)
            buf_add_char(&text, ']');
        c.files[0] = (struct audit_memory_file){"/l/compose.yml", buf_str(&text), 0};
        assert_true(try_case(&c, "/l/compose.yml"));
        buf_deinit(&text);
    }
}

static void hosts_hold(void **state)
{
    for (unsigned over = 0; over < 2; over++) {
        struct buf text = BUF_INIT(1 << 16);
        struct audit_memory_file file = {"/l/system", NULL, 0};
        struct audit_memory memory = {&file, 1};
        struct audit_files files = audit_files_memory(&memory);
        struct audit_system *s = audit_system_new(&files);

        for (unsigned i = 0; i < AUDIT_SYSTEM_HOSTS_MAX + over; i++)
            buf_addf(&text, "server s%u { }\n", i);
        file.text = buf_str(&text);
        assert_int_equal(audit_system_read(s, "/l/system"), over ? AUDIT_BAD : 0);
        if (over)
            assert_non_null(strstr(audit_system_error(s), "/l/system:101: more than 100 hosts"));
        audit_system_free(&s);
        buf_deinit(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(depth_holds),
        cmocka_unit_test(hosts_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
