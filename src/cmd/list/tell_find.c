/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whom a notice goes to. Names are taken only if they lead back to the host: by its PTR record, or
 * by what the server called itself in the test. So nobody is told about another's host because that
 * host bears his name.
 */
#include "cmd/list/tell.h"

#include "dns/blname.h"

#include <string.h>

struct search {
    struct tell *t;
    struct facts *f;
    struct notice_list *to;
    char host[256];
};

/* Names come from strangers' DNS and greetings; one that is odd is not repeated to anybody. */
static bool plain(struct span name)
{
    for (size_t i = 0; i < name.n; i++)
        if (!ascii_is_alnum(name.p[i]) && !memchr(".-_", name.p[i], 3))
            return false;
    return name.n > 0;
}

/* A made-up name of dynamic space has a postmaster too, who has nothing to do with the host. */
static void on_name(void *cookie, struct span name)
{
    struct search *s = cookie;
    struct dynamic_judgement j = dynamic_judge(&s->t->dynamic, name);

    if (!plain(name))
        return;
    if (!s->host[0])
        span_copy(name, s->host, sizeof(s->host));
    if (!s->t->args->no_postmaster && j.got != DYNAMIC_YES && j.got != DYNAMIC_MADE)
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
    return ask_texts(s->t->ask, dns_name_text(name.wire, text), on_contact, s);
}

bool tell_find(struct tell *t, struct facts *f, struct notice_list *to, char ret_host[256])
{
    struct search s = {.t = t, .f = f, .to = to};
    const struct tell_args *a = t->args;
    bool sure = ask_names(t->ask, f->l.address, on_name, &s);
    struct span file = SPAN_NULL;
    unsigned line;

    for (size_t i = 0; i < f->name_count; i++) {
        struct span name = span_str(f->names[i]);

        if (span_find(name, '.') < name.n && ask_leads_to(t->ask, name, f->l.address))
            on_name(&s, name);
    }
    if (a->contacts_zone)
        sure &= ask_network(&s, a->contacts_zone);
    if (a->contacts_file)
        file = notice_contact_of(buf_span(&t->contacts), f->l.address, &line);
    notice_add_contact(to, file);
    for (size_t i = 0; i < a->to.count; i++)
        notice_add_contact(to, span_str(a->to.v[i]));
    span_copy(span_str(s.host), ret_host, 256);
    return sure || to->count;
}
