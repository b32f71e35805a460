/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern list notice: tells those who answer for a listed host, once. Off unless the caller says
 * where notices go: into a folder, to a smarthost, or to standard output to be looked at.
 *
 * The record comes before the message: a notice that was killed half-way counts as sent. What the
 * smarthost did not take is recorded as failed, and may be tried again.
 */
#include "base/escape.h"
#include "cmd/list/ask.h"
#include "cmd/list/facts.h"
#include "cmd/list/letter.h"
#include "cmd/list/others.h"
#include "dns/blname.h"
#include "io/file.h"
#include "io/random.h"
#include "list/dynamic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static const char program[] = "postern list notice";
static const char *const tls_words[] = {"auto", "no", "only", NULL};

enum { DOMAINS_MAX = 4096, DAY = 86400, TEXT_FILE_MAX = 64 << 20 };

struct args {
    struct list_args common;
    struct option_list to;
    const char *folder, *smarthost, *from, *contact, *org, *name, *retest_at, *opt_out_at;
    const char *contacts_zone, *contacts_file, *refused, *resolver;
    unsigned domain_day, tls;
    bool all, print, no_postmaster;
};

#define AT(field) offsetof(struct args, field)

static const struct option_row rows[] = {
    {"all", 'a', NULL, "every listed host that has had none", OPTION_FLAG, AT(all)},
    {.group = "Where they go; without one of these there are none"},
    {"folder", 0, "DIR", "write each as a file of its own", OPTION_TEXT, AT(folder)},
    {"smarthost", 0, "HOST[:PORT]", "hand them to this mail server", OPTION_TEXT, AT(smarthost)},
    {"print", 'p', NULL, "show them; nothing is recorded", OPTION_FLAG, AT(print)},
    {"tls", 0, "WHEN", "to the smarthost: auto, no or only", OPTION_CHOICE, AT(tls),
     .choices = tls_words, .shown = "auto"},
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
    LIST_OPTION_ROWS(struct args, common),
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

/* How many notices a domain has had in the last day. */
struct domain {
    char name[256];
    unsigned today;
};

struct work {
    struct ledger g;
    const struct args *args;
    struct advise_book book;
    struct dynamic_rules dynamic;
    struct ask *ask;
    struct buf contacts, refused;
    struct ip smarthost;
    uint16_t port;
    struct domain *domains;
    size_t domain_count;
    unsigned told, skipped, failed;
};

/* ---- who ---- */

struct search {
    struct work *w;
    struct facts *f;
    struct notice_list *to;
    char host[256];
};

/* A made-up name of dynamic space has a postmaster too, who has nothing to do with the host. */
static void on_name(void *cookie, struct span name)
{
    struct search *s = cookie;
    struct dynamic_judgement j = dynamic_judge(&s->w->dynamic, name);

    if (!s->host[0])
        span_copy(name, s->host, sizeof(s->host));
    if (!s->w->args->no_postmaster && j.got != DYNAMIC_YES && j.got != DYNAMIC_MADE)
        notice_add_postmaster(s->to, name);
}

static void on_contact(void *cookie, struct span text)
{
    struct search *s = cookie;

    notice_add_contact(s->to, text);
}

/* 2.1.168.192.ZONE, as a DNS blocklist is asked. */
static bool ask_network(struct search *s, const char *zone)
{
    struct ip_prefix whole = ip_prefix_of(s->f->l.address, 128);
    char text[DNS_NAME_TEXT_MAX];
    struct dns_name suffix, name;

    if (!dns_name_parse(span_str(zone), &suffix) || !dns_blname_of(&whole, &suffix, &name))
        return false;
    return ask_texts(s->w->ask, dns_name_text(name.wire, text), on_contact, s);
}

/* False: DNS could not say. */
static bool find_them(struct search *s)
{
    const struct args *a = s->w->args;
    bool sure = ask_names(s->w->ask, s->f->l.address, on_name, s);
    struct span file = SPAN_NULL;
    unsigned line;

    for (size_t i = 0; i < s->f->name_count; i++) {
        struct span name = span_str(s->f->names[i]);

        if (span_find(name, '.') < name.n && ask_leads_to(s->w->ask, name, s->f->l.address))
            on_name(s, name);
    }
    if (a->contacts_zone)
        sure &= ask_network(s, a->contacts_zone);
    if (a->contacts_file)
        file = notice_contact_of(buf_span(&s->w->contacts), s->f->l.address, &line);
    notice_add_contact(s->to, file);
    for (size_t i = 0; i < a->to.count; i++)
        notice_add_contact(s->to, span_str(a->to.v[i]));
    return sure || s->to->count;
}

/* ---- how often ---- */

static struct domain *domain_of(struct work *w, struct span mailbox)
{
    struct span name = span_slice(mailbox, span_rfind(mailbox, '@') + 1, mailbox.n);

    for (size_t i = 0; i < w->domain_count; i++)
        if (span_eq_nocase(span_str(w->domains[i].name), name))
            return &w->domains[i];
    if (w->domain_count == DOMAINS_MAX ||
        !span_copy(name, w->domains[w->domain_count].name, sizeof(w->domains[0].name)))
        return NULL;
    return &w->domains[w->domain_count++];
}

static int on_day(void *ctx, const struct store_record *r)
{
    struct work *w = ctx;
    struct span rest = r->reason, mailbox;
    struct domain *d;

    if (r->wall < w->g.now_wall - DAY || !span_eq(r->event, SPAN_LIT("notice")) ||
        !span_word(&rest, &mailbox))
        return 0;
    d = domain_of(w, mailbox);
    if (d)
        d->today++;
    return 0;
}

struct had {
    struct span mailbox;
    int64_t since;
    int sent; /* less those that failed */
};

static int on_had(void *ctx, const struct store_record *r)
{
    struct had *h = ctx;
    struct span rest = r->reason, mailbox;

    if (r->wall < h->since || !span_word(&rest, &mailbox) || !span_eq_nocase(mailbox, h->mailbox))
        return 0;
    h->sent += span_eq(r->event, SPAN_LIT("notice"));
    h->sent -= span_eq(r->event, SPAN_LIT("notice-failed"));
    return 0;
}

static int decide(struct work *w, const struct facts *f, const struct notice_to *to,
                  enum notice_answer *ret)
{
    struct span from = span_str(w->args->from);
    struct had had = {.mailbox = span_str(to->mailbox), .since = f->l.fresh_wall};
    struct domain *d = domain_of(w, had.mailbox);
    struct notice_question q = {
        .mailbox = had.mailbox,
        .listed = list_state_served((enum list_state)f->l.state),
        .domain_today = d ? d->today : UINT32_MAX, /* too many domains to count: none */
        .domain_limit = w->args->domain_day,
        .own_domain = span_slice(from, span_rfind(from, '@') + 1, from.n),
        .refused_file = buf_span(&w->refused),
    };
    int rc = store_records_each(w->g.store, &f->l.id, 0, on_had, &had);

    q.already = had.sent > 0;
    *ret = notice_decide(&q);
    return rc < 0 ? rc : 0;
}

/* ---- out ---- */

static int record(struct work *w, const struct facts *f, const char *event, const char *mailbox,
                  const char *how)
{
    struct buf reason = BUF_INIT(STORE_TEXT_MAX);
    struct store_listing l = f->l;
    char subject[IP_TEXT_MAX];
    struct span state = span_str(list_state_name((enum list_state)l.state));
    struct store_record r = {
        .wall = w->g.now_wall,
        .subject = span_str(ip_text(l.address, subject)),
        .event = span_str(event),
        .was = state,
        .became = state,
        .class = l.class,
        .who = span_str(w->g.who),
        .expires_wall = l.expires_wall,
    };
    struct store_change change = {.listing = &l, .records = &r, .record_count = 1};
    int rc;

    buf_addf(&reason, "%s ", mailbox);
    escape_text(&reason, span_slice(span_str(how), 0, 300));
    r.reason = buf_span(&reason);
    rc = reason.err ? reason.err : store_listing_change(w->g.store, &change);
    buf_deinit(&reason);
    return rc;
}

static int tell(struct work *w, const struct facts *f, const char *mailbox, const char *result,
                const char *why)
{
    char ip[IP_TEXT_MAX];
    json_t *doc;
    char *text = NULL;

    ip_text(f->l.address, ip);
    if (!w->args->common.json) {
        buf_addf(&w->g.out, "%s  %s  %s%s", ip, mailbox, result, *why ? ": " : "");
        escape_text(&w->g.out, span_str(why));
        buf_add_char(&w->g.out, '\n');
        return w->g.out.err;
    }
    doc = json_pack("{ss ss ss ss sI}", "type", "notice", "address", ip, "to", mailbox, "result",
                    result, "listing", (json_int_t)f->l.id);
    if (doc && (!*why || view_json_text(doc, "why", span_str(why))))
        text = json_dumps(doc, JSON_COMPACT);
    json_decref(doc);
    buf_addf(&w->g.out, "%s\n", text ? text : "{}");
    free(text);
    return w->g.out.err;
}

static int to_folder(struct work *w, const struct facts *f, const struct notice_to *to,
                     struct span message, char why[LETTER_WHY_MAX])
{
    struct buf path = BUF_INIT(DATADIR_PATH_MAX);
    int rc;

    buf_addf(&path, "%s/%lld-", w->args->folder, (long long)f->l.id);
    for (const char *p = to->mailbox; *p; p++) /* a mailbox may hold a slash: atext */
        buf_add_char(&path, ascii_is_alnum(*p) || memchr(".-@", *p, 3) ? *p : '_');
    buf_addf(&path, "-%lld.eml", (long long)w->g.now_wall);
    rc = path.err ? -ENAMETOOLONG : file_create(buf_str(&path), message, 0640);
    snprintf(why, LETTER_WHY_MAX, "%.200s", rc < 0 ? strerror(-rc) : buf_str(&path));
    buf_deinit(&path);
    return rc < 0 ? LETTER_DEFERRED : LETTER_TAKEN;
}

static int to_smarthost(struct work *w, const struct notice_to *to, struct span message,
                        char why[LETTER_WHY_MAX])
{
    struct letter l = {
        .ip = w->smarthost,
        .port = w->port,
        .host = NULL,
        .tls = (enum letter_tls)w->args->tls,
        .helo = w->args->name,
        .rcpt = to->mailbox,
        .message = message,
    };
    int got;

    ledger_leave(&w->g);
    got = letter_send(&l, why);
    return ledger_enter(&w->g) ? -EBUSY : got;
}

static int hand_over(struct work *w, const struct facts *f, const struct notice_to *to,
                     struct span message)
{
    char why[LETTER_WHY_MAX] = "";
    const char *result = "sent";
    struct domain *d = domain_of(w, span_str(to->mailbox));
    int rc = record(w, f, "notice", to->mailbox, w->args->folder ? "into the folder" : "by mail");
    int got;

    if (rc < 0)
        return rc;
    if (d)
        d->today++;
    got = w->args->folder ? to_folder(w, f, to, message, why) : to_smarthost(w, to, message, why);
    if (got == LETTER_REFUSED || got == LETTER_DEFERRED) {
        result = "failed";
        w->failed++;
        /* What is refused for good stays recorded as sent: it would be refused again. */
        if (got == LETTER_DEFERRED)
            rc = record(w, f, "notice-failed", to->mailbox, why);
    } else if (got < 0) {
        rc = got;
    } else {
        w->told++;
    }
    return rc < 0 ? rc : tell(w, f, to->mailbox, result, why);
}

static int one_letter(struct work *w, struct facts *f, const struct notice_to *to)
{
    struct buf message = BUF_INIT(NOTICE_MESSAGE_MAX);
    enum notice_answer answer = NOTICE_SEND;
    const char *bad = NULL;
    int rc = decide(w, f, to, &answer);

    if (rc == 0 && answer != NOTICE_SEND) {
        w->skipped++;
        buf_deinit(&message);
        return tell(w, f, to->mailbox, "skipped", notice_answer_why(answer));
    }
    if (rc == 0)
        rc = random_bytes(f->n.chance, sizeof(f->n.chance));
    if (rc == 0)
        rc = notice_write(&f->n, to, &message, &bad);
    if (rc == NOTICE_BAD)
        rc = ledger_say(&w->g, EX_CONFIG, "a notice can't be written: %s",
                        bad ? bad : "a bad value");
    else if (rc == 0 && w->args->print) {
        buf_add(&w->g.out, buf_span(&message));
        w->told++;
    } else if (rc == 0)
        rc = hand_over(w, f, to, buf_span(&message));
    buf_deinit(&message);
    return rc;
}

/* ---- one listing ---- */

static void introduce(const struct args *a, struct notice *n, const char *host)
{
    n->host = span_str(host);
    n->org = span_str(a->org);
    n->from = span_str(a->from);
    n->contact = span_str(a->contact);
    n->tester = span_str(a->name);
    n->retest = span_str(a->retest_at);
    n->opt_out = span_str(a->opt_out_at);
}

static int one_listing(struct work *w, const struct store_listing *l)
{
    struct facts *f = calloc(1, sizeof(*f));
    struct notice_list to = {0};
    struct search s = {.w = w, .f = f, .to = &to};
    int rc = f ? facts_gather(&w->g, &w->book, l, f) : -ENOMEM;

    if ((rc == 0 || rc == STORE_NONE) && !list_state_served((enum list_state)l->state)) {
        w->skipped++;
        rc = tell(w, f, "-", "skipped", notice_answer_why(NOTICE_NOT_LISTED));
    } else if (rc == STORE_NONE) {
        w->skipped++;
        rc = tell(w, f, "-", "skipped", "it has no proof of its present life");
    } else if (rc == 0 && !find_them(&s)) {
        w->failed++;
        rc = tell(w, f, "-", "failed", "DNS did not answer: try again");
    } else if (rc == 0 && !to.count) {
        w->skipped++;
        rc = tell(w, f, "-", "skipped", "nobody is known who answers for it");
    } else if (rc == 0) {
        introduce(w->args, &f->n, s.host);
        for (size_t i = 0; i < to.count && rc == 0; i++)
            rc = one_letter(w, f, &to.v[i]);
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

static int collect_ids(struct work *w, char **words, int count, struct ids *ids)
{
    static const struct store_listing_filter served = {
        .states = 1U << LIST_PROVISIONAL | 1U << LIST_LISTED, .side = STORE_SIDE_HOST};
    int rc = 0;

    if (w->args->all)
        rc = store_listings_each(w->g.store, &served, on_listing, ids);
    for (int i = 0; i < count && rc == 0; i++) {
        struct store_listing l;
        struct ip ip;

        if (!ip_parse(span_str(words[i]), &ip))
            return options_misuse(&options, "%s is no address", words[i]);
        rc = store_listing_get(w->g.store, ip, STORE_SIDE_HOST, &l);
        if (rc == STORE_NONE) {
            ledger_say(&w->g, 0, "%s: nothing is known of it", words[i]);
            w->skipped++;
            rc = 0;
        } else if (rc == 0) {
            rc = on_listing(ids, &l);
        }
    }
    return rc;
}

static int each_listing(struct work *w, char **words, int count)
{
    struct ids ids = {0};
    int rc = collect_ids(w, words, count, &ids);

    if (rc == 0)
        rc = store_records_each(w->g.store, NULL, 0, on_day, w);
    for (size_t i = 0; i < ids.count && rc == 0; i++) {
        struct store_listing l, copy;
        char class[LIST_CLASS_ID_MAX + 1];

        rc = store_listing_by_id(w->g.store, ids.v[i], &l);
        if (rc == STORE_NONE) {
            rc = 0;
            continue;
        }
        if (rc)
            break;
        copy = l;
        span_copy(l.class, class, sizeof(class));
        copy.class = span_str(class);
        rc = one_listing(w, &copy);
    }
    free(ids.v);
    return rc < 0 ? ledger_store_error(&w->g, rc) : rc;
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

static int find_smarthost(struct work *w)
{
    struct span host;

    if (!w->args->smarthost)
        return 0;
    if (!ip_host_port(span_str(w->args->smarthost), &host, &w->port))
        return options_misuse(&options, "--smarthost: HOST or HOST:PORT");
    w->port = w->port ? w->port : 25;
    if (!ip_parse(host, &w->smarthost))
        w->smarthost = ask_address(w->ask, host);
    if (w->smarthost.family != IP_NONE)
        return 0;
    return ledger_say(&w->g, EX_NOHOST, "--smarthost: %s has no address", w->args->smarthost);
}

static int load_rows(struct work *w)
{
    struct buf text = BUF_INIT(4 << 20);
    char path[DATADIR_PATH_MAX], err[ADVICE_ERROR_MAX];
    struct rows_error why = {0};
    int rc;

    if (!datadir_find("list/dynamic.rows", path))
        return ledger_say(&w->g, EX_CONFIG, "%s is missing; is Postern installed whole?", path);
    rc = file_read(path, &text);
    if (rc == 0)
        rc = dynamic_read(&w->dynamic, buf_span(&text), &why);
    buf_deinit(&text);
    if (rc < 0)
        return ledger_say(&w->g, EX_CONFIG, "%s:%u: %s", path, why.line,
                          rc == -EINVAL ? why.why : strerror(-rc));
    /* Without advice a notice is still a notice. */
    if (advice_load(&w->book, NULL, 0, err) < 0)
        ledger_say(&w->g, 0, "no advice in notices: %s", err);
    return 0;
}

static int run(struct work *w, const struct list_call *call, char **words, int count)
{
    const struct args *a = w->args;
    int status = ledger_open(&w->g, call, a->print ? LEDGER_LOOK : LEDGER_CHANGE);

    if (status == 0)
        status = ask_open(program, a->resolver, &w->ask);
    if (status == 0)
        status = find_smarthost(w);
    if (status == 0)
        status = read_text(a->contacts_file, &w->contacts);
    if (status == 0)
        status = read_text(a->refused, &w->refused);
    if (status == 0 && a->folder && file_mkdirs(a->folder, 0750) < 0)
        status = ledger_say(&w->g, EX_CANTCREAT, "%s can't be made", a->folder);
    if (status == 0)
        status = load_rows(w);
    if (status == 0)
        status = each_listing(w, words, count);
    if (status == 0)
        status = w->failed ? EX_TEMPFAIL : w->told ? 0 : 1;
    /* What was done is said, whatever came after. */
    view_print(program, &w->g.out);
    buf_clear(&w->g.out);
    ask_close(&w->ask);
    return ledger_close(&w->g, status);
}

static int misuse(struct args *a, int words)
{
    if ((a->folder != NULL) + (a->smarthost != NULL) + a->print != 1)
        return options_misuse(&options, "notices are off: say --folder, --smarthost or --print");
    if (!a->all == !words)
        return options_misuse(&options, "either addresses or --all");
    if (!a->from || !notice_mailbox_ok(span_str(a->from)))
        return options_misuse(&options, "--from MAILBOX: who sends them?");
    a->contact = a->contact ? a->contact : a->from;
    if (!notice_mailbox_ok(span_str(a->contact)))
        return options_misuse(&options, "--contact: no mailbox");
    a->org = a->org ? a->org : "Open relay list";
    a->name = a->name ? a->name : strrchr(a->from, '@') + 1;
    a->retest_at = a->retest_at ? a->retest_at : a->contact;
    a->opt_out_at = a->opt_out_at ? a->opt_out_at : a->contact;
    return 0;
}

int verb_notice(int argc, char **argv)
{
    struct args args = {.common = LIST_ARGS_INIT, .domain_day = NOTICE_DOMAIN_DAY};
    struct list_call call = {.options = &options, .args = &args, .common = &args.common};
    struct work *w;
    int first, status;

    if (!list_call_start(&call, argc, argv, &first, &status))
        return status;
    status = misuse(&args, argc - first);
    w = status ? NULL : calloc(1, sizeof(*w));
    if (w) {
        w->args = &args;
        w->domains = calloc(DOMAINS_MAX, sizeof(*w->domains));
        buf_init(&w->contacts, TEXT_FILE_MAX);
        buf_init(&w->refused, TEXT_FILE_MAX);
        advise_book_init(&w->book);
        status = w->domains ? run(w, &call, argv + first, argc - first) : EX_OSERR;
        advise_book_deinit(&w->book);
        dynamic_deinit(&w->dynamic);
        buf_deinit(&w->contacts);
        buf_deinit(&w->refused);
        free(w->domains);
        free(w);
    } else if (!status) {
        status = EX_OSERR;
    }
    option_list_deinit(&args.to);
    return list_call_end(&call, status);
}
