/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lotus Notes and Domino. Release 4's SMTP MTA is governed by three lines of NOTES.INI, one of
 * which is silently ignored when its prefix is that of its neighbours. From release 5 on the
 * configuration document decides, which is read here as its text export: labels and values.
 *
 * Of the four relay fields, release 5 lets Deny win over Allow; later ones let Allow win unless
 * NOTES.INI says SMTPRelayHostsandDomains=1. With nothing in any of them everybody may relay.
 */
#include "audit/records.h"

#include "base/num.h"

enum field {
    FIELD_ALLOW_TO,
    FIELD_DENY_TO,
    FIELD_ALLOW_FROM,
    FIELD_DENY_FROM,
    FIELD_ENFORCE,
    FIELD_EXCLUDE,
    FIELD_LOGIN,
    FIELDS,
    FIELD_NONE = FIELDS,
};

struct domino {
    struct audit *a;
    const struct audit_kind *kind;
    const char *value[FIELDS]; /* NULL: the document does not have it */
    struct audit_place place[FIELDS];
    bool document, ini, release4, deny_wins;
    const char *file, *ini_file;
    struct audit_place reject, och, misspelt, forwards; /* of NOTES.INI; no file: not set to 1 */
};

/* --- NOTES.INI -------------------------------------------------------------------------------- */

static void ini_line(struct domino *n, struct span name, struct span value,
                     struct audit_place place)
{
    bool on = span_eq(value, SPAN_LIT("1"));

    if (span_starts_nocase(name, SPAN_LIT("SMTPMTA_")))
        n->release4 = true;
    if (span_eq_nocase(name, SPAN_LIT("ServerTasks")) &&
        span_has_nocase(value, SPAN_LIT("SMTPMTA")))
        n->release4 = true;
    if (on && span_eq_nocase(name, SPAN_LIT("SMTPMTA_REJECT_RELAYS")))
        n->reject = place;
    if (on && span_eq_nocase(name, SPAN_LIT("SMTP_OCH_REJECT_SMTP_ORIGINATED_MESSAGES")))
        n->och = place;
    if (span_eq_nocase(name, SPAN_LIT("SMTPMTA_OCH_REJECT_SMTP_ORIGINATED_MESSAGES")))
        n->misspelt = place;
    if (on && span_eq_nocase(name, SPAN_LIT("SMTPMTA_RELAY_FORWARDS")))
        n->forwards = place;
    if (span_eq_nocase(name, SPAN_LIT("SMTPRelayHostsandDomains")))
        n->deny_wins = on;
}

static bool is_ini(struct span text)
{
    return span_starts_nocase(span_trim(text), SPAN_LIT("[Notes]")) ||
           span_has_nocase(text, SPAN_LIT("SMTPMTA_")) ||
           span_has_nocase(text, SPAN_LIT("\nServerTasks=")) ||
           span_has_nocase(text, SPAN_LIT("SMTPRelayHostsandDomains="));
}

/* --- the configuration document --------------------------------------------------------------- */

static enum field field_of(struct span label)
{
    bool deny = span_has_nocase(label, SPAN_LIT("deny"));
    bool allow = span_has_nocase(label, SPAN_LIT("allow"));
    bool external = span_has_nocase(label, SPAN_LIT("internet domains")) ||
                    span_has_nocase(label, SPAN_LIT("relay"));

    if (span_has_nocase(label, SPAN_LIT("enforcement")))
        return FIELD_ENFORCE;
    if (span_has_nocase(label, SPAN_LIT("exclude")) && span_has_nocase(label, SPAN_LIT("relay")))
        return FIELD_EXCLUDE;
    if (span_has_nocase(label, SPAN_LIT("authenticated users")))
        return FIELD_LOGIN;
    if (!external || deny == allow)
        return FIELD_NONE;
    if (span_has_nocase(label, SPAN_LIT("from the following")))
        return allow ? FIELD_ALLOW_FROM : FIELD_DENY_FROM;
    if (span_has_nocase(label, SPAN_LIT("to the following")) ||
        span_has_nocase(label, SPAN_LIT("only to")))
        return allow ? FIELD_ALLOW_TO : FIELD_DENY_TO;
    return FIELD_NONE;
}

/* "label: value", where the label itself may end in "(* means all)". */
static struct span label_of(struct span line, struct span *value)
{
    size_t colon = span_find(line, ':'), means = span_find_nocase(line, SPAN_LIT("(* means all)"));
    struct span label = span_slice(line, 0, colon);

    *value = span_slice(line, colon + 1, line.n);
    if (means < line.n) {
        if (means < colon)
            label = span_slice(line, 0, means);
        *value = span_slice(line,
                            (means > colon   ? means
                             : colon > means ? means
                                             : colon) +
                                13,
                            line.n);
        if (value->n > 0 && value->p[0] == ':')
            *value = span_slice(*value, 1, value->n);
    }
    *value = span_trim(*value);
    return span_trim(label);
}

static void document_lines(struct domino *n, const struct audit_source_file *f)
{
    enum field at = FIELD_NONE;
    struct audit_lines r;
    struct audit_line line;
    struct span value, label;

    audit_lines_open(&r, n->a, AUDIT_LINES_PLAIN, f);
    while (audit_lines_next(&r, &line)) {
        bool colon = span_find(line.text, ':') < line.text.n;

        if (!colon && at != FIELD_NONE) { /* a list goes on */
            n->value[at] = audit_fmt(n->a, "%.*s %.*s", (int)(AUDIT_LINE_MAX / 64), n->value[at],
                                     SPAN_ARG(span_trim(line.text)));
            continue;
        }
        label = label_of(line.text, &value);
        at = colon ? field_of(label) : FIELD_NONE;
        if (at == FIELD_NONE)
            continue;
        n->document = true;
        n->value[at] = audit_dup(n->a, value);
        n->place[at] = (struct audit_place){f->name, line.first};
    }
}

/* --- judging ---------------------------------------------------------------------------------- */

static bool all_in(const struct domino *n, enum field f)
{
    return n->value[f] && audit_list_has(n->value[f], "*");
}

static bool any_in(const struct domino *n, enum field f)
{
    struct span rest = span_str(n->value[f]), one;

    return audit_list_next(&rest, &one);
}

static struct audit_finding *found(struct domino *n, const char *id, struct audit_door *d,
                                   struct audit_place place, const char *why, const char *rcpt)
{
    struct audit_finding *f = audit_find(n->a, id, AUDIT_OPEN, d, place);

    f->why = why;
    f->witness = audit_witness(d, audit_stranger(NULL, IP_V4), NULL, rcpt);
    return f;
}

static void judge_release4(struct domino *n, struct audit_door *d)
{
    struct audit_place file = {n->ini_file, 0};

    if (!n->reject.file) {
        found(n, "DN01", d, file, "SMTPMTA_REJECT_RELAYS=1 is not set: everybody may relay", NULL)
            ->fix = "SMTPMTA_REJECT_RELAYS=1";
        d->stranger = AUDIT_YES;
        return;
    }
    if (!n->och.file) {
        struct audit_finding *f =
            found(n, "DN02", d, n->misspelt.file ? n->misspelt : file,
                  n->misspelt.file
                      ? "SMTPMTA_OCH_… is no name that Notes knows and is ignored: recipients with "
                        "a percent sign pass"
                      : "SMTP_OCH_REJECT_SMTP_ORIGINATED_MESSAGES=1 is not set: recipients with a "
                        "percent sign pass",
                  AUDIT_VICTIM_LOCAL "%" AUDIT_VICTIM_DOMAIN "@ours.example");

        f->witness.mail = "";
        audit_fix_lines(n->a, f, n->misspelt.file ? AUDIT_EDIT_REPLACE : AUDIT_EDIT_NONE,
                        n->ini_file, n->misspelt.line, n->misspelt.line,
                        "SMTP_OCH_REJECT_SMTP_ORIGINATED_MESSAGES=1");
        d->stranger = AUDIT_YES;
    }
    if (!n->forwards.file)
        found(n, "DN03", d, file, "SMTPMTA_RELAY_FORWARDS=1 is not set: a quoted recipient passes",
              "\"" AUDIT_VICTIM "\"")
            ->fix = "SMTPMTA_RELAY_FORWARDS=1";
}

/* "[10.1.2.3]", "[10.1.*]", names. */
static void trust_list(struct domino *n, struct audit_door *d, enum field f)
{
    struct span rest = span_str(n->value[f]), one;

    while (audit_list_next(&rest, &one)) {
        struct span ip = one, part;
        struct ip net = {.family = IP_V4};
        struct ip low, high;
        struct relay_nets nets = {0};
        unsigned len = 0, v;

        if (one.n > 2 && one.p[0] == '[')
            ip = span_slice(one, 1, one.n - 1);
        if (span_eq(one, SPAN_LIT("*")))
            continue;
        if (audit_range_parse(ip, &low, &high) && audit_range_add(&nets, low, high) == 0) {
            for (size_t i = 0; i < nets.count; i++)
                audit_net_add(n->a, &d->trusted, nets.v[i], false, n->place[f], one)->fix =
                    "name the hosts that send, one by one";
            relay_nets_deinit(&nets);
            continue;
        }
        while (span_cut(&ip, '.', &part) && len < 32 && num_uint(part, 0, 255, &v)) {
            net.b[len / 8] = (uint8_t)v;
            len += 8;
        }
        if (len > 0 && one.p[0] == '[')
            audit_net_add(n->a, &d->trusted, ip_prefix_of(net, len), false, n->place[f], one)->fix =
                "name the hosts that send, one by one";
        else
            d->keys |= AUDIT_KEY_PTR;
    }
}

/* A host name allows every name that ends so, and reverse names are their owner's to choose. */
static void name_suffix(struct domino *n, struct audit_door *d)
{
    struct span rest = span_str(n->value[FIELD_ALLOW_FROM]), one;
    struct audit_finding *f;

    while (audit_list_next(&rest, &one)) {
        if (one.p[0] == '[' || one.p[0] == '*' || span_find(one, '.') == one.n ||
            ascii_is_digit(one.p[0]) || one.p[0] == '@')
            continue;
        f = audit_find(n->a, "DM04", AUDIT_FORGED, d, n->place[FIELD_ALLOW_FROM]);
        f->why = audit_fmt(n->a,
                           "hosts are allowed by name, and \"%.*s\" is every reverse name that "
                           "ends so",
                           SPAN_ARG(one));
        f->witness = audit_witness(d, audit_stranger(NULL, IP_V4), NULL, NULL);
        f->witness.ptr = audit_fmt(n->a, "mx-%.*s", SPAN_ARG(one));
        f->fix = "name addresses: [192.0.2.7]";
        return;
    }
}

static void judge_document(struct domino *n, struct audit_door *d)
{
    struct span v = span_str(audit_host_get_version(n->a));
    bool deny_wins = n->deny_wins || span_starts(v, SPAN_LIT("5."));
    bool deny = all_in(n, FIELD_DENY_TO) || all_in(n, FIELD_DENY_FROM);
    bool limited = (any_in(n, FIELD_ALLOW_TO) && !all_in(n, FIELD_ALLOW_TO)) ||
                   (any_in(n, FIELD_ALLOW_FROM) && !all_in(n, FIELD_ALLOW_FROM));
    enum field all = all_in(n, FIELD_ALLOW_FROM) ? FIELD_ALLOW_FROM : FIELD_ALLOW_TO;

    if (n->value[FIELD_ENFORCE] &&
        span_has_nocase(span_str(n->value[FIELD_ENFORCE]), SPAN_LIT("none"))) {
        found(n, "DM02", d, n->place[FIELD_ENFORCE],
              "anti-relay enforcement is done for no connecting host", NULL)
            ->fix =
            "Perform Anti-Relay enforcement for these connecting hosts: All connecting hosts";
        d->stranger = AUDIT_YES;
    } else if (all_in(n, all) && !(deny && deny_wins)) {
        found(n, "DM01", d, n->place[all],
              all == FIELD_ALLOW_FROM ? "\"*\" allows all hosts to relay"
                                      : "\"*\" allows relaying to all domains",
              NULL)
            ->fix = "empty the Allow field, and put * into the two Deny fields";
        d->stranger = AUDIT_YES;
    } else if (!deny && !limited) {
        found(n, "DM01", d, (struct audit_place){n->file, 0},
              "nothing denies relaying in the SMTP inbound relay controls", NULL)
            ->fix = "put * into \"Deny messages to be sent to the following external internet "
                    "domains\"";
        d->stranger = AUDIT_YES;
    }
    if (!(deny && deny_wins) && n->value[FIELD_ALLOW_FROM])
        trust_list(n, d, FIELD_ALLOW_FROM);
    if (n->value[FIELD_EXCLUDE])
        trust_list(n, d, FIELD_EXCLUDE);
    if (!(deny && deny_wins) && d->stranger != AUDIT_YES)
        name_suffix(n, d);
    d->login = !n->value[FIELD_LOGIN] ||
               span_has_nocase(span_str(n->value[FIELD_LOGIN]), SPAN_LIT("allow"));
}

/* Crafted recipients passed all controls up to 5.0.7 (CVE-2001-1445). */
static void old_release(struct domino *n, struct audit_door *d)
{
    struct span v = span_str(audit_host_get_version(n->a)), part;
    unsigned x[3] = {0}, i = 0;

    while (i < 3 && span_cut(&v, '.', &part)) {
        size_t digits = 0;

        while (digits < part.n && ascii_is_digit(part.p[digits]))
            digits++;
        if (!num_uint(span_slice(part, 0, digits), 0, 1000, &x[i++]))
            return;
    }
    if (i >= 2 && x[0] == 5 && x[1] == 0 && x[2] <= 7 && d->stranger != AUDIT_YES)
        found(n, "DM05", d, (struct audit_place){n->file, 0},
              "releases up to 5.0.7 take a quoted recipient past their controls (CVE-2001-1445)",
              "\"" AUDIT_VICTIM "\"@ours.example")
            ->fix = "upgrade to 5.0.8 or later";
}

static int read_all(struct domino *n, const char *const *paths, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct audit_source_file f;
        enum audit_file got = audit_text(n->a, paths[i], &f);
        struct audit_lines r;
        struct audit_line line;

        if (got != AUDIT_FILE_OK)
            return audit_bad(n->a, (struct audit_place){paths[i], 0}, "%s", audit_file_name(got));
        if (!is_ini(f.text)) {
            n->file = f.name;
            document_lines(n, &f);
            continue;
        }
        n->ini = true;
        n->ini_file = f.name;
        audit_lines_open(&r, n->a, AUDIT_LINES_PLAIN, &f);
        while (audit_lines_next(&r, &line)) {
            struct span value = line.text, name;

            if (span_cut(&value, '=', &name))
                ini_line(n, span_trim(name), span_trim(value),
                         (struct audit_place){f.name, line.first});
        }
    }
    return 0;
}

static int domino_read(struct audit *a, const struct audit_kind *kind, const char *path,
                       bool folder)
{
    struct domino n = {.a = a, .kind = kind};
    size_t count;
    const char *const *paths = audit_inputs(a, kind, &count);
    struct audit_door *d;
    int r;

    if (count == 0 || strcmp(paths[0], path) != 0)
        return 0; /* read with the first */
    r = read_all(&n, paths, count);
    if (r != 0)
        return r;
    d = audit_door(a, kind, "SMTP", 25, AUDIT_BIND_ANY, (struct audit_place){path, 0});
    d->stranger = AUDIT_NO;
    if (n.release4)
        judge_release4(&n, d);
    else if (n.document)
        judge_document(&n, d);
    else {
        struct audit_finding *f =
            audit_undecided(a, "DM00", AUDIT_OPEN, d, (struct audit_place){path, 0});

        f->why = "the relay controls stand in the configuration document, which is not given";
        f->fix = "export Router/SMTP, Restrictions and Controls, SMTP Inbound Controls as text";
    }
    if (n.document)
        old_release(&n, d);
    return audit_failed(a);
}

static enum audit_guess domino_probe(struct audit *a, const struct audit_probe *p)
{
    if (p->folder)
        return AUDIT_GUESS_NO;
    if (span_eq_nocase(span_str(p->name), SPAN_LIT("notes.ini")) ||
        span_has_nocase(p->text, SPAN_LIT("SMTPMTA_")))
        return AUDIT_GUESS_SURE;
    return span_has_nocase(p->text, SPAN_LIT("external internet domains")) ||
                   span_has_nocase(p->text, SPAN_LIT("Anti-Relay enforcement"))
               ? AUDIT_GUESS_SURE
               : AUDIT_GUESS_NO;
}

const struct audit_kind audit_kind_domino = {
    .name = "domino",
    .title = "Domino",
    .reads = "notes.ini, and the configuration document as text",
    .restart = "tell smtp quit; load smtp (release 4: tell smtpmta quit; load smtpmta)",
    .rules = {.wide = "DM01", .nat = "DM03"},
    .probe = domino_probe,
    .read = domino_read,
};
