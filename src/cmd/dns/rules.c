/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A zone's text is rbldnsd's own, so that its command line moves over as it is. As there, what
 * stands before the first colon is the name, and the same name again adds a dataset.
 */
#include "cmd/dns/rules.h"

#include "base/num.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int refuse(char why[RULES_WHY_MAX], const char *text)
{
    snprintf(why, RULES_WHY_MAX, "%s", text);
    return -EINVAL;
}

/* --- zones ------------------------------------------------------------------------------------ */

void rules_zone_deinit(struct site_zone *z)
{
    for (size_t i = 0; i < z->dataset_count; i++) {
        for (size_t f = 0; f < z->datasets[i].file_count; f++)
            free(z->datasets[i].files[f]);
        free(z->datasets[i].files);
    }
    free(z->datasets);
    free(z->text);
    free(z->unit);
    free(z->transfers);
    zone_acl_free(z->acl);
    zone_keys_free(z->keys);
    *z = (struct site_zone){0};
}

static struct site_zone *find_or_add(struct site *site, const struct dns_name *name)
{
    struct site_zone *z;
    size_t cap = site->zone_count;
    char text[DNS_NAME_TEXT_MAX];

    for (size_t i = 0; i < site->zone_count; i++)
        if (dns_name_eq(&site->zones[i].name, name))
            return &site->zones[i];
    if (array_grow(&site->zones, &cap, sizeof(struct site_zone), site->zone_count + 1) < 0)
        return NULL;
    z = &site->zones[site->zone_count];
    *z = (struct site_zone){.name = *name, .text = strdup(dns_name_text(name->wire, text))};
    if (!z->text)
        return NULL;
    site->zone_count++;
    return z;
}

static char *joined(const char *folder, struct span file)
{
    struct buf path = BUF_INIT(8192);

    if (folder && file.p[0] != '/')
        buf_addf(&path, "%s/", folder);
    buf_add(&path, file);
    return buf_take(&path);
}

static int add_files(struct site_dataset *d, struct span files, const char *workdir,
                     char why[RULES_WHY_MAX])
{
    struct span file;

    while (span_cut(&files, ',', &file)) {
        size_t cap = d->file_count;

        if (file.n == 0)
            return refuse(why, "a file has no name: write NAME:TYPE:FILE,FILE");
        if (d->file_count == SITE_FILES_MAX)
            return refuse(why, "too many files in one dataset");
        if (array_grow(&d->files, &cap, sizeof(char *), d->file_count + 1) < 0 ||
            !(d->files[d->file_count] = joined(workdir, file)))
            return -ENOMEM;
        d->file_count++;
    }
    return d->file_count ? 0 : refuse(why, "no file is named: write NAME:TYPE:FILE,FILE");
}

/* As text, so that two zones of the same data are seen to be that. */
static int name_unit(struct site_zone *z)
{
    struct buf unit = BUF_INIT(1 << 20);

    for (size_t i = 0; i < z->dataset_count; i++) {
        buf_addf(&unit, "%s%s", i ? " " : "", rbl_type_name(z->datasets[i].type));
        for (size_t f = 0; f < z->datasets[i].file_count; f++)
            buf_addf(&unit, "%c%s", f ? ',' : ':', z->datasets[i].files[f]);
    }
    /* What is let through is part of it: the same file may be insane for one zone alone. */
    free(z->unit);
    z->unit = buf_take(&unit);
    return z->unit ? 0 : -ENOMEM;
}

/* TYPE:FILE,FILE */
static int add_dataset(struct site_zone *z, struct span rest, const char *workdir,
                       char why[RULES_WHY_MAX])
{
    size_t cap = z->dataset_count;
    struct site_dataset *d;
    struct span type;
    int r;

    if (array_grow(&z->datasets, &cap, sizeof(struct site_dataset), z->dataset_count + 1) < 0)
        return -ENOMEM;
    d = &z->datasets[z->dataset_count];
    *d = (struct site_dataset){0};
    z->dataset_count++;
    if (!span_cut(&rest, ':', &type) || !rbl_type_of(type, &d->type))
        return refuse(why, "the type is none of ip4set, ip4tset, ip4trie, ip6tset, ip6trie, dnset, "
                           "generic, combined, acl");
    r = add_files(d, rest, workdir, why);
    return r ? r : name_unit(z);
}

/* ":acl:FILE,FILE": who may ask, of every zone. */
static int add_everyone(struct site *site, struct span rest, const char *workdir,
                        char why[RULES_WHY_MAX])
{
    struct site_zone *z = &site->everyone;
    int r;

    if (z->dataset_count)
        return refuse(why, "is the second acl for all zones: name all its files in one, "
                           ":acl:FILE,FILE");
    if (!(z->text = strdup(":acl")))
        return -ENOMEM;
    r = add_dataset(z, rest, workdir, why);
    if (r == 0 && z->datasets[0].type != RBL_ACL)
        return refuse(why, "has no zone's name before the colon; only an acl may be without");
    return r;
}

int rules_zone(const char *text, const char *workdir, struct site *site, char why[RULES_WHY_MAX])
{
    struct span rest = span_str(text), name;
    struct dns_name wire;
    struct site_zone *z;
    bool bare = span_find(rest, ':') == rest.n;

    if (text[0] == ':')
        return add_everyone(site, span_slice(rest, 1, rest.n), workdir, why);
    if (!span_cut(&rest, ':', &name) || !dns_name_parse(name, &wire) || wire.n == 1)
        return refuse(why, "is no zone's name");
    dns_name_lower(&wire);
    z = find_or_add(site, &wire);
    if (!z)
        return -ENOMEM;
    if (bare ? z->own || z->dataset_count : z->own)
        return refuse(why, "is given twice: a list of ours can't be joined with files");
    if (bare) {
        z->own = true;
        return (z->unit = strdup(z->text)) ? 0 : -ENOMEM;
    }
    return add_dataset(z, rest, workdir, why);
}

/* --- rules ------------------------------------------------------------------------------------ */

int rules_scope(const struct site *site, const char *text, size_t *ret_zone, struct span *ret_rest,
                char why[RULES_WHY_MAX])
{
    struct span s = span_str(text);
    size_t equals = span_find(s, '=');
    struct dns_name name;

    *ret_zone = SIZE_MAX;
    *ret_rest = s;
    /* A key's name may have an equals sign in it only behind a blank. */
    if (equals == s.n || span_find(s, ' ') < equals)
        return 0;
    if (!dns_name_parse(span_trim(span_slice(s, 0, equals)), &name))
        return refuse(why, "what stands before the equals sign is no zone's name");
    dns_name_lower(&name);
    for (size_t i = 0; i < site->zone_count; i++)
        if (dns_name_eq(&site->zones[i].name, &name))
            *ret_zone = i;
    *ret_rest = span_slice(s, equals + 1, s.n);
    return *ret_zone == SIZE_MAX ? refuse(why, "names a zone that is not served") : 0;
}

size_t rules_network(struct span word, struct ip_prefix ret[2], char why[RULES_WHY_MAX])
{
    if (span_eq_nocase(word, SPAN_LIT("any"))) {
        ret[0] = (struct ip_prefix){.ip = {.family = IP_V4}};
        ret[1] = (struct ip_prefix){.ip = {.family = IP_V6}};
        return 2;
    }
    if (ip_prefix_parse(word, &ret[0]))
        return 1;
    refuse(why, "is no network (192.0.2.0/24, 2001:db8::/32, 192.0.2.1, any)");
    return 0;
}

bool rules_host(struct span text, struct dns_name *ret)
{
    struct ip ip;

    for (size_t i = 0; i < text.n; i++)
        if (!ascii_is_alnum(text.p[i]) && !memchr("-_.", text.p[i], 3))
            return false;
    return !ip_parse(text, &ip) && dns_name_parse(text, ret);
}

const struct dns_tsig_key *rules_key(const struct site *site, struct span name)
{
    struct dns_name wire;

    if (!dns_name_parse(name, &wire))
        return NULL;
    dns_name_lower(&wire);
    for (size_t i = 0; i < site->tsig_count; i++)
        if (dns_name_eq(&site->tsig[i].name, &wire))
            return &site->tsig[i];
    return NULL;
}

/* --- customers' keys -------------------------------------------------------------------------- */

static int key_line(struct span line, struct zone_keys *keys, const char **why)
{
    struct span verb, label, number = SPAN_NULL, issue;
    unsigned customer = 0, which = ZONE_KEY_ANY_ISSUE;

    if (!span_word(&line, &verb) || verb.p[0] == '#')
        return 0;
    *why = "is neither \"key LABEL [CUSTOMER]\" nor \"revoke CUSTOMER[:ISSUE]\"";
    if (!span_word(&line, &label))
        return -EINVAL;
    if (span_eq_nocase(verb, SPAN_LIT("key"))) {
        if (span_word(&line, &number) && !num_uint(number, 0, UINT32_MAX, &customer))
            return -EINVAL;
        *why = "a key is 8 to 63 letters, digits and hyphens, once";
        return zone_keys_list(keys, label, customer);
    }
    if (!span_eq_nocase(verb, SPAN_LIT("revoke")) || !span_cut(&label, ':', &number) ||
        !num_uint(number, 0, UINT32_MAX, &customer) ||
        (span_cut(&label, ':', &issue) && !num_uint(issue, 0, UINT16_MAX, &which)))
        return -EINVAL;
    return zone_keys_revoke(keys, customer, which);
}

int rules_key_file(struct span text, struct zone_keys *keys, char why[RULES_WHY_MAX])
{
    const char *reason = "";
    struct span line;
    unsigned number = 0;

    while (span_cut(&text, '\n', &line)) {
        int r = key_line(span_trim(line), keys, &reason);

        number++;
        if (r == -ENOMEM)
            return r;
        if (r < 0) {
            snprintf(why, RULES_WHY_MAX, "line %u %s", number, reason);
            return -EINVAL;
        }
    }
    return 0;
}
