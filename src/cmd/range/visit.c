/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A client at a model. The SMTP machine does the talking; what is here is the product's judgement:
 * who may send where. One function decides, decide(); all else is carrying.
 *
 * A model takes a message first and hands it on afterwards, as the products did: what the client is
 * told says nothing about what becomes of the message, which is just what a relay test has to cope
 * with.
 */
#include "cmd/range/range.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/range/letter.h"
#include "cmd/range/ntlm.h"
#include "io/log.h"

enum fate {
    FATE_REFUSED,
    FATE_UNKNOWN, /* a local user that does not exist */
    FATE_BAD,
    FATE_KEPT, /* for a local user: goes nowhere */
    FATE_RELAYED,
    FATE_BOUNCED,
};

struct visit {
    struct visit *prev, *next;
    struct post *post;
    struct talk talk;
    struct buf text; /* of the reply that is being said */
    char enhanced[12];
    /* The open transaction. */
    struct buf sender;           /* as written */
    uint32_t classes;            /* of the sender and of what went before */
    struct buf relayed, bounced; /* recipients, with blanks between */
    struct buf message;
};

static struct letter letter_of(const struct visit *v, struct span rcpt)
{
    return (struct letter){
        .home = &v->post->home,
        .helo = v->talk.smtp.hello,
        .client = v->talk.smtp.client,
        .esmtp = v->talk.smtp.esmtp,
        .id = v->post->range->next_id,
        .rcpt = rcpt,
        .date_wall = loop_wall(),
    };
}

static enum smtp_now say_row(struct visit *v, const char *row, struct span rcpt,
                             struct smtp_say *ret)
{
    struct letter l = letter_of(v, rcpt);

    buf_clear(&v->text);
    ret->code = (uint16_t)letter_reply(row, &l, &v->text, v->enhanced);
    ret->enhanced = *v->enhanced ? v->enhanced : NULL;
    ret->text = buf_str(&v->text);
    return SMTP_NOW;
}

static enum smtp_now on_greet(void *owner, struct smtp_server *s, struct smtp_say *ret)
{
    struct visit *v = owner;
    struct letter l = letter_of(v, SPAN_NULL);

    buf_clear(&v->text);
    letter_fill(v->post->model->banner, &l, &v->text);
    *ret = (struct smtp_say){220, NULL, buf_str(&v->text)};
    return SMTP_NOW;
}

static enum smtp_now on_hello(void *owner, struct smtp_server *s, struct smtp_say *ret)
{
    const struct visit *v = owner;

    if (s->esmtp && !v->post->model->esmtp)
        *ret = (struct smtp_say){500, NULL, "Command unrecognized"};
    else
        *ret = (struct smtp_say){250, NULL, NULL};
    return SMTP_NOW;
}

static void forget(struct visit *v)
{
    buf_clear(&v->sender);
    buf_clear(&v->relayed);
    buf_clear(&v->bounced);
    buf_clear(&v->message);
    buf_shrink(&v->message);
    v->classes = 0;
}

static enum smtp_now on_mail(void *owner, struct smtp_server *s, const struct smtp_command *cmd,
                             struct smtp_say *ret)
{
    struct visit *v = owner;

    forget(v);
    buf_add(&v->sender, cmd->path_text);
    if (v->sender.err) {
        *ret = (struct smtp_say){553, NULL, "Sender too long"};
        return SMTP_NOW;
    }
    /* Everybody in the range is inside the network that a C17 model trusts. */
    v->classes = address_sender(&v->post->home, cmd->path_text) | MODEL_CLASS(17);
    *ret = (struct smtp_say){250, NULL, "Sender ok"};
    return SMTP_NOW;
}

static bool known_user(struct span local)
{
    static const char *const users[] = {"postmaster", "abuse", "info"};

    for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++)
        if (span_eq_nocase(local, span_str(users[i])))
            return true;
    return false;
}

/* What becomes of this recipient; *address is what the model makes of it. */
static enum fate decide(const struct visit *v, struct span path, struct buf *address)
{
    const struct model *m = v->post->model;
    uint32_t classes = 0;
    int kind = address_rcpt(&v->post->home, path, address, &classes);

    classes |= v->classes;
    if (v->talk.smtp.authed)
        classes |= MODEL_CLASS(18);
    if (kind == ADDRESS_LOCAL && known_user(buf_span(address)))
        return FATE_KEPT;
    if (kind == ADDRESS_LOCAL)
        return m->bounces.unknown ? FATE_BOUNCED : FATE_UNKNOWN;
    if (kind != ADDRESS_FOREIGN)
        return FATE_BAD;
    if (model_terms_met(&m->opens, classes))
        return FATE_RELAYED;
    return model_terms_met(&m->bounces, classes) ? FATE_BOUNCED : FATE_REFUSED;
}

static void keep(struct buf *list, struct span address)
{
    if (list->n)
        buf_add_char(list, ' ');
    buf_add(list, address);
}

static enum smtp_now on_rcpt(void *owner, struct smtp_server *s, const struct smtp_command *cmd,
                             struct smtp_say *ret)
{
    struct visit *v = owner;
    const struct model *m = v->post->model;
    struct buf address = BUF_INIT(ADDRESS_MAX);
    enum fate fate = decide(v, cmd->path_text, &address);
    const char *row = m->taken;

    switch (fate) {
    case FATE_BAD:
        row = "501 Syntax error in address";
        break;
    case FATE_REFUSED:
        row = m->refusal;
        break;
    case FATE_UNKNOWN:
        row = m->unknown;
        break;
    case FATE_KEPT:
        v->classes |= MODEL_CLASS(14);
        break;
    case FATE_RELAYED:
        keep(&v->relayed, buf_span(&address));
        break;
    case FATE_BOUNCED:
        keep(&v->bounced, address_bare(cmd->path_text));
        break;
    }
    if (v->relayed.err || v->bounced.err)
        row = "452 Too many recipients";
    log_debug("rcpt", "model", m->id, "path", LOG_SPAN(cmd->path_text), "fate", LOG_NUM(fate),
              NULL);
    buf_deinit(&address);
    return say_row(v, row, address_bare(cmd->path_text), ret);
}

static bool on_chunk(void *owner, struct smtp_server *s, struct span text)
{
    struct visit *v = owner;

    buf_add(&v->message, text);
    return !v->message.err;
}

static unsigned hops(struct span message)
{
    struct span line;
    unsigned n = 0;

    while (span_cut(&message, '\n', &line) && line.n > 1)
        n += span_starts_nocase(line, SPAN_LIT("Received:"));
    return n;
}

/* The sender as the model sends it on: one without a domain gets the model's own. */
static void sender_out(const struct visit *v, struct buf *out)
{
    struct span s = address_bare(buf_span(&v->sender));

    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] == 0x7f || s.p[i] == '<' || s.p[i] == '>')
            return;
    buf_add(out, s);
    if (s.n && span_find(s, '@') == s.n)
        buf_addf(out, "@%s", v->post->domain);
}

static bool hand_on(const struct visit *v, struct span sender)
{
    struct parcel *p = parcel_new(v->post, sender);
    struct span rcpts = buf_span(&v->relayed), first;
    struct letter l;

    if (!p)
        return false;
    span_word(&rcpts, &first);
    l = letter_of(v, first);
    buf_add(&p->rcpts, buf_span(&v->relayed));
    letter_received(v->post->model->received, &l, &p->text);
    buf_add(&p->text, buf_span(&v->message));
    if (p->rcpts.err || p->text.err) {
        parcel_free(p);
        return false;
    }
    parcel_post(p);
    return true;
}

static bool hand_back(const struct visit *v, struct span sender)
{
    struct letter l = letter_of(v, buf_span(&v->bounced));
    struct parcel *p;

    /* A bounce has no sender to bounce to, and mail of our own users stays here. */
    if (sender.n == 0 || v->classes & MODEL_CLASS(3))
        return true;
    p = parcel_new(v->post, SPAN_NULL);
    if (!p)
        return false;
    buf_add(&p->rcpts, sender);
    letter_bounce(v->post->model, &l, sender, buf_span(&v->message), &p->text);
    if (p->rcpts.err || p->text.err) {
        parcel_free(p);
        return false;
    }
    parcel_post(p);
    return true;
}

static enum smtp_now on_end(void *owner, struct smtp_server *s, struct smtp_say *ret)
{
    struct visit *v = owner;
    struct buf sender = BUF_INIT(ADDRESS_MAX + sizeof(v->post->domain));
    bool ok = parcel_room(v->post->range);

    if (v->message.err || hops(buf_span(&v->message)) > RANGE_HOPS_MAX) {
        *ret = (struct smtp_say){554, NULL, "Too many hops, or too much"};
        buf_deinit(&sender);
        return SMTP_NOW;
    }
    v->post->range->next_id++;
    sender_out(v, &sender);
    if (ok && v->relayed.n)
        ok = hand_on(v, buf_span(&sender));
    if (ok && v->bounced.n)
        ok = hand_back(v, buf_span(&sender));
    log_info("message", "model", v->post->model->id, "client", LOG_IP(s->client), "sender",
             LOG_SPAN(buf_span(&v->sender)), "taken", ok ? "yes" : "no", NULL);
    buf_deinit(&sender);
    *ret = ok ? (struct smtp_say){250, NULL, "Message accepted for delivery"}
              : (struct smtp_say){452, NULL, "Too much is waiting; try again later"};
    return SMTP_NOW;
}

static void on_reset(void *owner, struct smtp_server *s)
{
    forget(owner);
}

static enum smtp_now on_auth(void *owner, struct smtp_server *s, struct span line, bool first,
                             struct smtp_say *ret)
{
    struct span word;

    if (first && !(span_word(&line, &word) && span_eq_nocase(word, SPAN_LIT("NTLM")))) {
        *ret = (struct smtp_say){504, NULL, "Unrecognized authentication type"};
        return SMTP_NOW;
    }
    switch (ntlm_read(line)) {
    case NTLM_NEGOTIATE:
        *ret = (struct smtp_say){334, NULL, ntlm_challenge()};
        return SMTP_NOW;
    case NTLM_NULL:
        *ret = (struct smtp_say){235, NULL, "Authentication successful"};
        return SMTP_NOW;
    case NTLM_NONE:
    case NTLM_USER:
        break;
    }
    *ret = first ? (struct smtp_say){334, NULL, "NTLM supported"}
                 : (struct smtp_say){535, NULL, "Authentication unsuccessful"};
    return SMTP_NOW;
}

static const struct smtp_server_ops ops = {
    .greet = on_greet,
    .hello = on_hello,
    .mail = on_mail,
    .rcpt = on_rcpt,
    .chunk = on_chunk,
    .end = on_end,
    .reset = on_reset,
    .auth = on_auth,
};

static void visit_free(struct visit *v)
{
    struct range *r = v->post->range;

    r->visits--;
    if (v->prev)
        v->prev->next = v->next;
    else
        r->visitors = v->next;
    if (v->next)
        v->next->prev = v->prev;
    talk_close(&v->talk);
    buf_deinit(&v->text);
    buf_deinit(&v->sender);
    buf_deinit(&v->relayed);
    buf_deinit(&v->bounced);
    buf_deinit(&v->message);
    free(v);
}

static void on_closed(void *owner, const struct conn_end *end)
{
    visit_free(owner);
}

static const struct talk_ops talk_ops = {.closed = on_closed};

void visits_free(struct range *r)
{
    while (r->visitors)
        visit_free(r->visitors);
}

void visit_new(void *cookie, struct listener *li, struct conn *c)
{
    struct post *post = cookie;
    struct range *r = post->range;
    struct visit *v = r->visits < RANGE_VISITS_MAX ? calloc(1, sizeof(*v)) : NULL;

    if (!v) {
        conn_drop(&c);
        return;
    }
    r->visits++;
    v->next = r->visitors;
    if (v->next)
        v->next->prev = v;
    r->visitors = v;
    v->post = post;
    buf_init(&v->text, 2000);
    buf_init(&v->sender, ADDRESS_MAX);
    buf_init(&v->relayed, (size_t)RANGE_RCPTS_MAX * ADDRESS_MAX);
    buf_init(&v->bounced, (size_t)RANGE_RCPTS_MAX * ADDRESS_MAX);
    buf_init(&v->message, RANGE_MESSAGE_MAX);
    talk_open(&v->talk, c, &post->config, &ops, NULL, &talk_ops, v);
}
