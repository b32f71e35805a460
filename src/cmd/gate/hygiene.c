/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The order at a recipient, and why: what relay_decide() refused stays refused and costs no
 * question; who has a right of his own is never asked about; a trap is a trap even for a client
 * that no list knows; postmaster and abuse stay open to those who are listed, so that they can
 * complain (RFC 5321 §4.5.1, RFC 2142); the timed list is at hand; DNS comes last because it may
 * have to be waited for.
 *
 * The client's name is asked for when it connects, and waited for here, behind all that may refuse
 * the recipient: only then is a backend opened, which has to be told. It grants nothing.
 */
#include "cmd/gate/hygiene_priv.h"

#include "cmd/gate/bus.h"
#include "io/log.h"

#include <stdlib.h>

static bool is_exempt(const struct hygiene *h, struct ip ip)
{
    for (size_t i = 0; i < h->exempt_count; i++)
        if (ip_prefix_has(h->exempt[i], ip))
            return true;
    return false;
}

/* Nobody is asked about, listed or held who has shown who he is. */
static bool is_trusted(const struct hygiene_session *hs)
{
    return hs->own || hs->client->login[0] || hs->client->cert_ca;
}

/* What the recipient that waits needs is there: may end the session. */
static void wake(struct hygiene_session *hs)
{
    if (!hs->waiting || (hs->listing && hs->ask) || (hs->naming && hs->name_ask))
        return;
    hs->waiting = false;
    hs->ready(hs->owner);
}

static void on_verdict(void *cookie, const struct dnsbl_verdict *v)
{
    struct hygiene_session *hs = cookie;

    hs->ask = NULL;
    hs->score = v->sum;
    hs->listed = v->listed;
    hs->lists = v->names[0] ? strdup(v->names) : NULL;
    wake(hs);
}

static void on_name(void *cookie, const struct names_answer *a)
{
    struct hygiene_session *hs = cookie;

    hs->name_ask = NULL;
    hs->client->name_ok = a->confirmed;
    hs->client->name_failed = a->failed;
    gate_client_set(&hs->client->name, span_str(a->name));
    wake(hs);
}

/* Nobody asks about a balancer, nor for one who is sent away. */
static void ask_name(struct hygiene *h, struct hygiene_session *hs, bool turned_away)
{
    if (!gate_client_unplaced(hs->client) && !turned_away &&
        (h->names_on || !score_askable(hs->client->ip)))
        names_ask(h->names, hs->client->ip, on_name, hs, &hs->name_ask);
}

void hygiene_begin(struct hygiene *h, struct hygiene_session *hs, struct gate_client *client,
                   const struct relay_policy *policy, bool turned_away, void (*ready)(void *owner),
                   void *owner)
{
    struct relay_place place;
    bool mx = client->role == GATE_ROLE_MX;

    *hs = (struct hygiene_session){.all = h, .client = client, .ready = ready, .owner = owner};
    /* What came by a balancer's address was not its doing: it is never listed or held. */
    hs->own = gate_client_unplaced(client) || is_exempt(h, client->ip) ||
              relay_policy_trusts(policy, client->ip, &place);
    h->active++;
    metrics_add(h->metrics, METRIC_SESSIONS, client->role, 1);
    metrics_set(h->metrics, METRIC_SESSIONS_ACTIVE, 0, h->active);
    if (turned_away)
        metrics_add_named(h->metrics, METRIC_SESSIONS_REFUSED, "slots", 1);
    else if (mx && !hs->own)
        hs->ask = dnsbl_ask(h->dnsbl, client->ip, on_verdict, hs);
    ask_name(h, hs, turned_away);
    hygiene_log_connect(&h->log, client);
}

void hygiene_helo(struct hygiene_session *hs, const struct relay_policy *policy)
{
    hs->last = "EHLO";
    if (hs->greeted)
        return;
    hs->greeted = true;
    /* A balancer's checks would be many clients of one address to the guard. */
    if (!gate_client_unplaced(hs->client))
        guard_watch_helo(hs->all->guard, hs->client, policy);
}

void hygiene_relay(struct hygiene_session *hs, const struct relay_policy *policy,
                   const struct relay_decision *d)
{
    /* A web hoster's server may well say another name for each of its customers. */
    if (!is_exempt(hs->all, hs->client->ip))
        guard_watch_relay(hs->all->guard, hs->client, policy, span_str(d->mail));
}

bool hygiene_doubtful(const struct hygiene_session *hs)
{
    return guard_watch_doubtful(hs->all->guard, hs->client->ip);
}

static void forget_rcpts(struct hygiene_session *hs)
{
    if (hs->rcpts)
        buf_deinit(hs->rcpts);
    free(hs->rcpts);
    hs->rcpts = NULL;
}

void hygiene_mail(struct hygiene_session *hs)
{
    hs->last = "MAIL";
    forget_rcpts(hs);
    hs->trapped = false;
    hops_init(&hs->hops);
}

/* Without its angle brackets. */
static struct span inside(struct span path)
{
    return path.n >= 2 && path.p[0] == '<' ? span_slice(path, 1, path.n - 1) : path;
}

static bool is_help(struct span rcpt)
{
    struct span local = span_slice(rcpt, 0, span_rfind(rcpt, '@'));

    return span_eq_nocase(local, SPAN_LIT("postmaster")) ||
           span_eq_nocase(local, SPAN_LIT("abuse"));
}

static void write_down(struct hygiene_session *hs, const char *reason, const char *id,
                       struct span mail, struct span rcpt, unsigned count)
{
    struct evidence e = {
        .wall = loop_wall(),
        .client = hs->client->ip,
        .reason = reason,
        .session = id,
        .helo = span_str(hs->client->helo),
        .mail = mail,
        .rcpt = rcpt,
        .count = count,
    };

    if (evidence_file_add(hs->all->evidence, &e))
        metrics_add(hs->all->metrics, METRIC_EVIDENCE, 0, 1);
}

static void refuse_listed(struct hygiene_session *hs, struct relay_decision *d)
{
    struct buf text = BUF_INIT(RELAY_TEXT_SIZE - 1);

    buf_addf(&text, "Service unavailable; Client host [%s] blocked", LOG_IP(hs->client->ip));
    if (hs->lists)
        buf_addf(&text, " using %s", hs->lists);
    relay_narrow(d, RELAY_REFUSE, hs->listed ? RELAY_WHY_LISTED : RELAY_WHY_TRAP, 554, "5.7.1",
                 buf_str(&text));
    buf_deinit(&text);
}

static enum smtp_now judge_rcpt(struct hygiene_session *hs, struct relay_decision *d)
{
    struct span rcpt = inside(span_str(d->rcpt));

    hs->last = "RCPT";
    hs->own = hs->own || d->right != RELAY_RIGHT_NONE;
    if (d->answer != RELAY_TAKE || is_trusted(hs))
        return SMTP_NOW;
    if (!hs->trapped && traps_is_rcpt(hs->all->traps, rcpt)) {
        hs->trapped = true;
        traps_say(hs->all->traps, hs->client->ip, "spamtrap");
        write_down(hs, "spamtrap", hs->client->id, span_str(d->mail), span_str(d->rcpt), 1);
    }
    if (hs->trapped) {
        relay_narrow(d, RELAY_REFUSE, RELAY_WHY_TRAP, 554, "5.7.1", "Transaction refused");
        return SMTP_NOW;
    }
    if (is_help(rcpt))
        return SMTP_NOW;
    if (traps_has(hs->all->traps, hs->client->ip)) {
        hs->listed = false;
        refuse_listed(hs, d);
        return SMTP_NOW;
    }
    if (hs->ask)
        return SMTP_LATER;
    if (hs->listed)
        refuse_listed(hs, d);
    return SMTP_NOW;
}

enum smtp_now hygiene_rcpt(struct hygiene_session *hs, struct relay_decision *d, bool named)
{
    hs->listing = judge_rcpt(hs, d) == SMTP_LATER;
    hs->naming = named && d->answer == RELAY_TAKE && hs->all->names_on && hs->name_ask;
    hs->waiting = hs->listing || hs->naming;
    return hs->waiting ? SMTP_LATER : SMTP_NOW;
}

bool hygiene_text(struct hygiene_session *hs, struct span octets, struct smtp_say *ret)
{
    hs->last = "DATA";
    if (hs->trapped) {
        *ret = (struct smtp_say){554, "5.7.1", "Transaction refused"};
        return false;
    }
    if (hops_feed(&hs->hops, octets, hs->all->hops_max))
        return true;
    metrics_add(hs->all->metrics, METRIC_HOPS, 0, 1);
    *ret = (struct smtp_say){554, "5.4.6", "Too many hops: this message is in a loop"};
    return false;
}

/* --- what happened --------------------------------------------------------------------------- */

static bool is_attempt(const struct gate_answer *a)
{
    if (!a->decision || a->by_backend || a->code < 500)
        return false;
    return a->decision->reason == RELAY_WHY_DENIED || a->decision->reason == RELAY_WHY_ROUTE ||
           a->decision->reason == RELAY_WHY_LITERAL;
}

static void attempted(struct hygiene_session *hs, const struct gate_answer *a, const char *id)
{
    struct hygiene *h = hs->all;
    unsigned count = tarpit_offence(&h->tarpit, &hs->tarpit, hs->client->ip, loop_now(h->loop));

    bus_count("offence", "%s", LOG_IP(hs->client->ip));
    if (evidence_due(count))
        write_down(hs, "relay-attempt", id, span_str(a->mail), a->rcpt, count);
    if (count >= TRAP_ATTEMPTS && !traps_has(h->traps, hs->client->ip))
        traps_say(h->traps, hs->client->ip, "relay-attempts");
}

/* For the transaction's line. What does not fit is only counted there. */
static void remember_rcpt(struct hygiene_session *hs, struct span rcpt)
{
    if (!hs->rcpts) {
        hs->rcpts = malloc(sizeof(*hs->rcpts));
        if (!hs->rcpts)
            return;
        buf_init(hs->rcpts, LOGLINE_RCPTS * RELAY_PATH_SIZE);
    }
    buf_add(hs->rcpts, rcpt);
    buf_add_char(hs->rcpts, '\0');
}

static unsigned split_rcpts(const struct hygiene_session *hs, struct span out[LOGLINE_RCPTS])
{
    struct span rest = hs->rcpts ? buf_span(hs->rcpts) : SPAN_NULL;
    unsigned n = 0;

    while (n < LOGLINE_RCPTS && rest.n && span_cut(&rest, '\0', &out[n]))
        n++;
    return n;
}

/* "5.7.1 text", as it was said. */
static struct span reply_of(const struct gate_answer *a, struct buf *out)
{
    if (a->decision && !a->by_backend && a->decision->enhanced[0] &&
        !span_starts(span_str(a->text), span_str(a->decision->enhanced)))
        buf_addf(out, "%s ", a->decision->enhanced);
    buf_add_str(out, a->text ? a->text : "");
    return buf_span(out);
}

void hygiene_answered(struct hygiene_session *hs, const struct gate_answer *a, const char *id)
{
    struct hygiene *h = hs->all;
    struct buf reply = BUF_INIT(LOGLINE_TEXT_MAX * 2);
    struct logline_refusal line = {.client = hs->client, .id = id, .verb = "RCPT"};

    metrics_add_named(h->metrics, METRIC_RCPTS,
                      a->code < 300   ? "accepted"
                      : a->by_backend ? "backend"
                                      : "refused",
                      1);
    hs->rcpts_taken += a->code < 300;
    hs->rcpts_refused += a->code >= 300;
    if (a->code < 300) {
        remember_rcpt(hs, inside(a->decision ? span_str(a->decision->rcpt) : a->rcpt));
        return;
    }
    if (a->decision && !a->by_backend && !a->fault)
        metrics_add(h->metrics, METRIC_REFUSALS, a->decision->reason, 1);
    if (is_attempt(a) && !is_trusted(hs))
        attempted(hs, a, id);
    line.reason = a->fault                        ? gate_fault_name(a->fault)
                  : a->decision && !a->by_backend ? relay_reason_name(a->decision->reason)
                                                  : "";
    line.ours = !a->by_backend;
    line.code = a->code;
    line.reply = reply_of(a, &reply);
    line.from = inside(span_str(a->mail));
    line.rcpt = inside(a->rcpt);
    hygiene_log_refusal(&h->log, &line);
    buf_deinit(&reply);
}

void hygiene_login(struct hygiene_session *hs, const char *mech, const char *who,
                   const char *result)
{
    struct logline_login line = {
        .client = hs->client, .mech = mech, .user = span_str(who), .why = "authentication failure"};
    bool failed = strcmp(result, "failed") == 0, ok = strcmp(result, "ok") == 0;

    hs->last = "AUTH";
    hs->logins_failed += failed;
    metrics_add_named(hs->all->metrics, METRIC_AUTHS, ok || failed ? result : "error", 1);
    /* The plain line is the login's own. */
    if (failed && hs->all->log.style == LOGLINE_POSTFIX)
        hygiene_log_login_failed(&hs->all->log, &line);
}

void hygiene_done(struct hygiene_session *hs, const struct gate_report *r, const char *id)
{
    struct span rcpts[LOGLINE_RCPTS];
    struct logline_mail line = {
        .client = hs->client,
        .id = id,
        .from = inside(span_str(r->mail)),
        .rcpts = rcpts,
        .rcpt_count = r->accepted,
        .rcpt_named = split_rcpts(hs, rcpts),
        .refused = r->refused,
        .size = r->octets,
        .backend = r->route ? r->route->name : "",
        .code = r->code,
        .reply = span_str(r->text),
        .result = gate_result_name(r->result),
        .fault = r->fault ? gate_fault_name(r->fault) : "",
        .untold = !r->told,
        .hops = hs->hops.count,
        .ms = r->ms,
        .wait = r->ended,
    };

    metrics_add(hs->all->metrics, METRIC_MAILS, r->result, 1);
    if (r->result == GATE_RESULT_PASSED)
        metrics_add(hs->all->metrics, METRIC_BYTES, 0, r->octets);
    hygiene_log_mail(&hs->all->log, &line);
    forget_rcpts(hs);
}

/* --- the teergrube --------------------------------------------------------------------------- */

static void count_held(struct hygiene *h)
{
    metrics_set(h->metrics, METRIC_TARPIT_HELD, 0, h->tarpit.held_count);
    metrics_set(h->metrics, METRIC_TARPIT_DELAYS, 0, h->tarpit.delayed);
    metrics_set(h->metrics, METRIC_TARPIT_MS, 0, (uint64_t)h->tarpit.delayed_ms);
    metrics_set(h->metrics, METRIC_TARPIT_SHED, 0, h->tarpit.shed);
}

enum tarpit_says hygiene_hold(struct hygiene_session *hs, bool after354, int64_t *ret_ms)
{
    struct hygiene *h = hs->all;
    struct tarpit_facts facts = {
        .client = hs->client->ip,
        /* On submission ports the next command may be the login of an own user, who shares the
         * address of a spammer; failed logins have brakes of their own. */
        .trusted = is_trusted(hs) || hs->client->role == GATE_ROLE_SUBMISSION,
        .listed = hs->listed || traps_has(h->traps, hs->client->ip),
        .after354 = after354,
    };
    enum tarpit_says says;

    if (!h->tarpit.config.on)
        return TARPIT_GO;
    says = tarpit_ask(&h->tarpit, &hs->tarpit, &facts, loop_now(h->loop), ret_ms);
    if (says != TARPIT_GO)
        count_held(h);
    return says;
}

void hygiene_dripped(struct hygiene_session *hs)
{
    metrics_add(hs->all->metrics, METRIC_TARPIT_LINES, 0, 1);
}

void hygiene_release(struct hygiene_session *hs)
{
    if (!hs->all || !hs->tarpit.held)
        return;
    tarpit_release(&hs->all->tarpit, &hs->tarpit);
    count_held(hs->all);
}

struct hygiene_session *hygiene_shed(struct hygiene *h)
{
    struct tarpit_session *t = tarpit_shed(&h->tarpit);

    if (!t)
        return NULL;
    count_held(h);
    return (struct hygiene_session *)(void *)((char *)t - offsetof(struct hygiene_session, tarpit));
}

void hygiene_tell(struct hygiene_session *hs, struct logline_session *s)
{
    s->client = hs->client;
    s->last = span_str(hs->last);
    s->rcpts = hs->rcpts_taken;
    s->rcpts_refused = hs->rcpts_refused;
    s->score = hs->score;
    s->lists = hs->lists;
    s->held = hs->tarpit.replies;
    s->auths_failed = hs->logins_failed;
    metrics_add_named(hs->all->metrics, METRIC_SESSION_ENDS, s->end, 1);
    hygiene_log_session(&hs->all->log, s);
}

void hygiene_end(struct hygiene_session *hs)
{
    struct hygiene *h = hs->all;

    if (!h)
        return;
    hygiene_release(hs);
    dnsbl_cancel(&hs->ask);
    names_cancel(&hs->name_ask);
    forget_rcpts(hs);
    free(hs->lists);
    hs->lists = NULL;
    hs->all = NULL;
    h->active--;
    metrics_set(h->metrics, METRIC_SESSIONS_ACTIVE, 0, h->active);
}
