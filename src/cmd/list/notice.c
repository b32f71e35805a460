/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern list notice: tells those who answer for a listed host, once. Off unless the caller says
 * where notices go: into a folder, to a smarthost, or to standard output to be looked at.
 *
 * The record comes before the message: a notice that was killed half-way counts as sent. What the
 * smarthost did not take is recorded as failed, and may be tried again.
 */
#include "cmd/list/others.h"
#include "cmd/list/tell.h"
#include "io/file.h"
#include "io/random.h"
#include "mail/arf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static const char program[] = "postern list notice";
static const char *const tls_words[] = {"auto", "no", "only", NULL};

enum { TEXT_FILE_MAX = 64 << 20, PASSWORD_MAX = 1000 };

#define AT(field) offsetof(struct tell_args, field)

static const struct option_row rows[] = {
    {"all", 'a', NULL, "every listed host that has had none", OPTION_FLAG, AT(all)},
    {.group = "Where they go; without one of these there are none"},
    {"folder", 0, "DIR", "write each as a file of its own", OPTION_TEXT, AT(folder)},
    {"smarthost", 0, "HOST[:PORT]", "hand them to this mail server", OPTION_TEXT, AT(smarthost)},
    {"print", 'p', NULL, "only show them; nothing is recorded", OPTION_FLAG, AT(print)},
    {"tls", 0, "WHEN", "to the smarthost: auto, no or only", OPTION_CHOICE, AT(tls),
     .choices = tls_words, .shown = "auto"},
    {"ca-file", 0, "FILE", "whose certificates hold there, in PEM", OPTION_TEXT, AT(ca_file),
     .shown = "the system's"},
    {"login", 0, "NAME", "log in there; by SCRAM, or the password in TLS", OPTION_TEXT, AT(login)},
    {"password-file", 0, "FILE", "its password, on the first line", OPTION_TEXT, AT(password_file),
     .shown = "$POSTERN_SMARTHOST_PASSWORD"},
    {.group = "Who we are"},
    {"from", 0, "MAILBOX", "the address in From", OPTION_TEXT, AT(from)},
    {"contact", 0, "MAILBOX", "a human's address", OPTION_TEXT, AT(contact), .shown = "--from"},
    {"org", 0, "NAME", "who keeps the list", OPTION_TEXT, AT(org), .shown = "Open relay list"},
    {"name", 0, "HOST", "the tester's host name", OPTION_TEXT, AT(name), .shown = "of --from"},
    {"retest-at", 0, "URI", "where to ask for a new test", OPTION_TEXT, AT(retest_at),
     .shown = "--contact"},
    {"opt-out-at", 0, "URI", "where to ask for no tests", OPTION_TEXT, AT(opt_out_at),
     .shown = "--contact"},
    {.group = "To whom"},
    {"contacts-zone", 0, "ZONE", "a DNS zone that has abuse contacts as TXT, by address",
     OPTION_TEXT, AT(contacts_zone)},
    {"contacts-file", 0, "FILE", "abuse contacts: PREFIX MAILBOX a line", OPTION_TEXT,
     AT(contacts_file)},
    {"to", 0, "MAILBOX", "this one besides; may be repeated", OPTION_LIST, AT(to)},
    {"no-postmaster", 0, NULL, "not to postmaster of the host's domain", OPTION_FLAG,
     AT(no_postmaster)},
    {"refused", 0, "FILE", "mailboxes and domains that want none", OPTION_TEXT, AT(refused)},
    {"domain-day", 0, "N", "notices to one domain in a day", OPTION_UINT, AT(domain_day), .min = 1,
     .max = 100000, .shown = "20"},
    {"resolver", 0, "ADDR[:PORT]", "ask this DNS server", OPTION_TEXT, AT(resolver)},
    LIST_OPTION_ROWS(struct tell_args, common),
    {0},
};

static const struct options options = {
    .program = program,
    .about = "Tells those who answer for a listed host, once for each listing.",
    .usage = "[OPTION]... ADDRESS...\n[OPTION]... --all",
    .text = "A notice is a feedback report (RFC 5965) with an XARF document inside: the evidence, "
            "the way the mail took, what closes the hole, how to get off the list. It goes to "
            "postmaster of the host's domain, where its name leads back to it, and to the abuse "
            "contact of its network, from the null sender.\n\n"
            "Exit status: 0, 1 there was nothing to tell or nobody to tell it to, 64 misuse, 75 "
            "the smarthost did not take all.",
    .rows = rows,
};

static int one_letter(struct tell *t, struct facts *f, const struct notice_to *to)
{
    struct buf message = BUF_INIT(NOTICE_MESSAGE_MAX);
    enum notice_answer answer = NOTICE_SEND;
    const char *bad = NULL;
    int rc = tell_decide(t, f, to, &answer);

    if (rc == 0 && answer != NOTICE_SEND) {
        t->skipped++;
        buf_deinit(&message);
        return tell_say(t, f, to->mailbox, "skipped", notice_answer_why(answer));
    }
    if (rc == 0)
        rc = random_bytes(f->n.chance, sizeof(f->n.chance));
    if (rc == 0)
        rc = notice_write(&f->n, to, &message, &bad);
    if (rc == NOTICE_BAD) {
        t->failed++;
        rc = tell_say(t, f, to->mailbox, "failed", bad ? bad : "a value can't stand in a message");
    } else if (rc == 0 && t->args->print) {
        buf_add(&t->g.out, buf_span(&message));
        t->told++;
    } else if (rc == 0)
        rc = tell_hand_over(t, f, to, buf_span(&message));
    buf_deinit(&message);
    return rc;
}

/* ---- one listing ---- */

static void introduce(const struct tell_args *a, struct notice *n, const char *host)
{
    n->host = span_str(host);
    n->org = span_str(a->org);
    n->from = span_str(a->from);
    n->contact = span_str(a->contact);
    n->tester = span_str(a->name);
    n->retest = span_str(a->retest_at);
    n->opt_out = span_str(a->opt_out_at);
}

static int one_listing(struct tell *t, const struct store_listing *l)
{
    struct facts *f = calloc(1, sizeof(*f));
    struct notice_list to = {0};
    char host[256] = "";
    int rc = f ? facts_gather(&t->g, &t->book, l, f) : -ENOMEM;

    if ((rc == 0 || rc == STORE_NONE) && !list_state_served((enum list_state)l->state)) {
        t->skipped++;
        rc = tell_say(t, f, "-", "skipped", notice_answer_why(NOTICE_NOT_LISTED));
    } else if (rc == STORE_NONE) {
        t->skipped++;
        rc = tell_say(t, f, "-", "skipped", "it has no proof of its present life");
    } else if (rc == 0 && !tell_find(t, f, &to, host)) {
        t->failed++;
        rc = tell_say(t, f, "-", "failed", "DNS did not answer: try again");
    } else if (rc == 0 && !to.count) {
        t->skipped++;
        rc = tell_say(t, f, "-", "skipped", "nobody is known who answers for it");
    } else if (rc == 0) {
        introduce(t->args, &f->n, host);
        for (size_t i = 0; i < to.count && rc == 0 && !t->gone; i++)
            rc = one_letter(t, f, &to.v[i]);
    }
    if (f)
        facts_free(f);
    free(f);
    return rc;
}

struct ids {
    int64_t *v;
    size_t count, cap;
};

static int on_listing(void *ctx, const struct store_listing *l)
{
    struct ids *ids = ctx;

    if (array_grow(&ids->v, &ids->cap, sizeof(*ids->v), ids->count + 1) < 0)
        return -ENOMEM;
    ids->v[ids->count++] = l->id;
    return 0;
}

static int collect_ids(struct tell *t, char **words, int count, struct ids *ids)
{
    static const struct store_listing_filter served = {
        .states = 1U << LIST_PROVISIONAL | 1U << LIST_LISTED, .side = STORE_SIDE_HOST};
    int rc = 0;

    if (t->args->all)
        rc = store_listings_each(t->g.store, &served, on_listing, ids);
    for (int i = 0; i < count && rc == 0; i++) {
        struct store_listing l;
        struct ip ip;

        if (!ip_parse(span_str(words[i]), &ip))
            return options_misuse(&options, "%s is no address", words[i]);
        rc = store_listing_get(t->g.store, ip, STORE_SIDE_HOST, &l);
        if (rc == STORE_NONE) {
            ledger_say(&t->g, 0, "%s: nothing is known of it", words[i]);
            t->skipped++;
            rc = 0;
        } else if (rc == 0) {
            rc = on_listing(ids, &l);
        }
    }
    return rc;
}

static int each_listing(struct tell *t, char **words, int count)
{
    struct ids ids = {0};
    int rc = collect_ids(t, words, count, &ids);

    if (rc == 0)
        rc = tell_count(t);
    for (size_t i = 0; i < ids.count && rc == 0; i++) {
        struct store_listing l, copy;

        if (t->gone) {
            ledger_say(&t->g, 0,
                       "%zu more listings were not looked at: the smarthost can't be used",
                       ids.count - i);
            break;
        }
        char class[LIST_CLASS_ID_MAX + 1];

        rc = store_listing_by_id(t->g.store, ids.v[i], &l);
        if (rc == STORE_NONE) {
            rc = 0;
            continue;
        }
        if (rc)
            break;
        copy = l;
        span_copy(l.class, class, sizeof(class));
        copy.class = span_str(class);
        rc = one_listing(t, &copy);
    }
    free(ids.v);
    return rc < 0 ? ledger_store_error(&t->g, rc) : rc;
}

/* ---- setting up ---- */

static int read_text(const char *path, struct buf *out)
{
    int rc = path ? file_read(path, out) : 0;

    if (rc == 0)
        return 0;
    fprintf(stderr, "%s: %s: %s\n", program, path, strerror(-rc));
    return EX_NOINPUT;
}

static int read_contacts(struct tell *t)
{
    int status = read_text(t->args->contacts_file, &t->contacts);
    unsigned line = 0;

    notice_contact_of(buf_span(&t->contacts), (struct ip){0}, &line);
    if (status == 0 && line)
        return ledger_say(&t->g, EX_DATAERR, "%s:%u: PREFIX MAILBOX is wanted",
                          t->args->contacts_file, line);
    return status;
}

static int find_smarthost(struct tell *t)
{
    struct span host;

    if (!t->args->smarthost)
        return 0;
    if (!ip_host_port(span_str(t->args->smarthost), &host, &t->port))
        return options_misuse(&options, "--smarthost: HOST or HOST:PORT");
    t->port = t->port ? t->port : 25;
    if (!span_copy(host, t->host, sizeof(t->host)))
        return options_misuse(&options, "--smarthost: the name is too long");
    if (!ip_parse(host, &t->smarthost))
        t->smarthost = ask_address(t->ask, host);
    if (t->smarthost.family != IP_NONE)
        return 0;
    return ledger_say(&t->g, EX_NOHOST, "--smarthost: %s has no address", t->args->smarthost);
}

static int read_password(struct tell *t)
{
    const struct tell_args *a = t->args;
    char err[FILE_ERROR_MAX] = "";

    if (!a->smarthost || !a->login || a->print)
        return 0;
    if (file_secret(a->password_file, "POSTERN_SMARTHOST_PASSWORD", &t->password, err) < 0)
        return ledger_say(&t->g, EX_NOINPUT, "%s", err);
    if (t->password.n)
        return 0;
    return options_misuse(&options, "--login: its password by --password-file or in "
                                    "POSTERN_SMARTHOST_PASSWORD");
}

static int load_rows(struct tell *t)
{
    struct buf text = BUF_INIT(4 << 20);
    char path[DATADIR_PATH_MAX], err[ADVICE_ERROR_MAX];
    struct rows_error why = {0};
    int rc;

    if (!datadir_find("list/dynamic.rows", path))
        return ledger_say(&t->g, EX_CONFIG, "%s is missing; is Postern installed whole?", path);
    rc = file_read(path, &text);
    if (rc == 0)
        rc = dynamic_read(&t->dynamic, buf_span(&text), &why);
    buf_deinit(&text);
    if (rc < 0)
        return ledger_say(&t->g, EX_CONFIG, "%s:%u: %s", path, why.line,
                          rc == -EINVAL ? why.why : strerror(-rc));
    /* Without advice a notice is still a notice. */
    if (advice_load(&t->book, NULL, 0, err) < 0)
        ledger_say(&t->g, 0, "no advice in notices: %s", err);
    return 0;
}

static int run(struct tell *t, const struct list_call *call, char **words, int count)
{
    const struct tell_args *a = t->args;
    int status = ledger_open(&t->g, call, a->print ? LEDGER_LOOK : LEDGER_CHANGE);

    if (status == 0)
        status = ask_open(program, a->resolver, &t->ask);
    if (status == 0)
        status = find_smarthost(t);
    if (status == 0)
        status = read_password(t);
    if (status == 0)
        status = read_contacts(t);
    if (status == 0)
        status = read_text(a->refused, &t->refused);
    if (status == 0 && a->folder && file_mkdirs(a->folder, 0750) < 0)
        status = ledger_say(&t->g, EX_CANTCREAT, "%s can't be made", a->folder);
    if (status == 0)
        status = load_rows(t);
    if (status == 0)
        status = each_listing(t, words, count);
    if (status == 0)
        status = t->failed ? EX_TEMPFAIL : t->told ? 0 : 1;
    /* What was done is said, whatever came after. */
    view_print(program, &t->g.out);
    buf_clear(&t->g.out);
    ask_close(&t->ask);
    return ledger_close(&t->g, status);
}

static bool org_ok(const char *org)
{
    for (const char *p = org; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            return false;
    return strlen(org) <= ARF_NAME_MAX && span_is_utf8(span_str(org));
}

static bool host_ok(const char *name)
{
    char mailbox[NOTICE_MAILBOX_MAX + 1];
    int n = snprintf(mailbox, sizeof(mailbox), "x@%s", name);

    return n > 0 && n <= NOTICE_MAILBOX_MAX && notice_mailbox_ok(span_str(mailbox));
}

static int misuse(struct tell_args *a, int words)
{
    if (!a->folder && !a->smarthost && !a->print)
        return options_misuse(&options, "notices are off: say --folder, --smarthost or --print");
    if (a->folder && a->smarthost && !a->print)
        return options_misuse(&options, "either --folder or --smarthost");
    if (a->password_file && !a->login)
        return options_misuse(&options, "--password-file: whose? say --login");
    if (!a->all == !words)
        return options_misuse(&options, "either addresses or --all");
    if (!a->from || !notice_mailbox_ok(span_str(a->from)))
        return options_misuse(&options, "--from MAILBOX: who sends them?");
    a->contact = a->contact ? a->contact : a->from;
    if (!notice_mailbox_ok(span_str(a->contact)))
        return options_misuse(&options, "--contact: no mailbox");
    a->org = a->org ? a->org : "Open relay list";
    a->name = a->name ? a->name : strrchr(a->from, '@') + 1;
    if (!org_ok(a->org))
        return options_misuse(&options, "--org: one line of UTF-8, %d octets at most",
                              ARF_NAME_MAX);
    if (!host_ok(a->name))
        return options_misuse(&options, "--name: no host name");
    a->retest_at = a->retest_at ? a->retest_at : a->contact;
    a->opt_out_at = a->opt_out_at ? a->opt_out_at : a->contact;
    return 0;
}

int verb_notice(int argc, char **argv)
{
    struct tell_args args = {.common = LIST_ARGS_INIT, .domain_day = NOTICE_DOMAIN_DAY};
    struct list_call call = {.options = &options, .args = &args, .common = &args.common};
    struct conf *conf = NULL;
    struct tell *t;
    int first, status = settings_load(&options, "notice", argc, argv, &args, &conf);

    if (status)
        return status;
    if (!list_call_start(&call, argc, argv, &first, &status)) {
        conf_free(&conf);
        return status;
    }
    status = misuse(&args, argc - first);
    t = status ? NULL : calloc(1, sizeof(*t));
    if (t) {
        t->args = &args;
        t->domains = calloc(TELL_DOMAINS_MAX, sizeof(*t->domains));
        buf_init(&t->contacts, TEXT_FILE_MAX);
        buf_init(&t->password, PASSWORD_MAX);
        buf_init(&t->refused, TEXT_FILE_MAX);
        advise_book_init(&t->book);
        status = t->domains ? run(t, &call, argv + first, argc - first) : EX_OSERR;
        advise_book_deinit(&t->book);
        dynamic_deinit(&t->dynamic);
        if (t->password.p)
            explicit_bzero(t->password.p, t->password.n);
        buf_deinit(&t->password);
        buf_deinit(&t->contacts);
        buf_deinit(&t->refused);
        free(t->domains);
        free(t);
    } else if (!status) {
        status = EX_OSERR;
    }
    option_list_deinit(&args.to);
    conf_free(&conf);
    return list_call_end(&call, status);
}
