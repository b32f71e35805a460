/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The same policy, read by the same code, and the same decision as in a session; only the facts
 * come from the command line. So nothing is looked up: who would be on the timed list or over a
 * brake is not known here. HELO is taken, because people type it, and said to count for nothing.
 *
 * Besides the deciding line, what each right rests on is told one by one: the question behind most
 * calls is "why may this host not relay?", and its answer is a line that is missing.
 */
#include "cmd/gate/explain.h"

#include "base/escape.h"
#include "cmd/common/view.h"
#include "io/file.h"
#include "relay/relay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

struct question {
    struct relay_client client;
    struct relay_mail mail;
    struct span rcpt;
    const char *helo;
    char from_text[SMTP_COMMAND_TAKEN], rcpt_text[SMTP_COMMAND_TAKEN];
};

/* --- reading ---------------------------------------------------------------------------------- */

/* An address with the brackets that a command would have; a path that has them is left alone. */
static bool set_path(const char *value, char out[SMTP_COMMAND_TAKEN], struct span *ret)
{
    size_t n = strlen(value);
    bool has = n > 1 && value[0] == '<' && value[n - 1] == '>';
    int wrote = snprintf(out, SMTP_COMMAND_TAKEN, has ? "%s" : "<%s>", value);

    *ret = span_str(out);
    return wrote < SMTP_COMMAND_TAKEN;
}

static bool set_flag(const char *value, bool *ret)
{
    *ret = strcmp(value, "yes") == 0;
    return *ret || strcmp(value, "no") == 0;
}

static bool set_role(const char *value, enum relay_role *ret)
{
    *ret = strcmp(value, "submission") == 0 ? RELAY_ROLE_SUBMISSION : RELAY_ROLE_MX;
    return *ret == RELAY_ROLE_SUBMISSION || strcmp(value, "mx") == 0;
}

/* "grant,narrow": look-ups that are to be taken as failed. */
static bool set_failed(const char *value, unsigned *ret)
{
    static const struct {
        const char *name;
        unsigned bit;
    } lookups[] = {
        {"right", RELAY_LOOKUP_RIGHT},
        {"grant", RELAY_LOOKUP_GRANT},
        {"domain", RELAY_LOOKUP_DOMAIN},
        {"narrow", RELAY_LOOKUP_NARROW},
    };
    struct span rest = span_str(value), word;

    while (span_cut(&rest, ',', &word)) {
        unsigned bit = 0;

        for (size_t i = 0; i < sizeof(lookups) / sizeof(lookups[0]); i++)
            if (span_eq(word, span_str(lookups[i].name)))
                bit = lookups[i].bit;
        if (!bit)
            return false;
        *ret |= bit;
    }
    return true;
}

static bool set_word(struct question *q, const char *key, const char *value)
{
    if (strcmp(key, "ip") == 0)
        return ip_parse(span_str(value), &q->client.ip);
    if (strcmp(key, "login") == 0)
        q->client.login = span_str(value);
    else if (strcmp(key, "cert") == 0)
        q->client.cert = span_str(value);
    else if (strcmp(key, "ca") == 0)
        return set_flag(value, &q->client.cert_ca);
    else if (strcmp(key, "grant") == 0)
        return set_flag(value, &q->client.granted);
    else if (strcmp(key, "doubtful") == 0)
        return set_flag(value, &q->client.ip_doubtful);
    else if (strcmp(key, "failed") == 0)
        return set_failed(value, &q->client.failed);
    else if (strcmp(key, "helo") == 0)
        q->helo = value;
    else if (strcmp(key, "from") == 0)
        return set_path(value, q->from_text, &q->mail.path);
    else if (strcmp(key, "rcpt") == 0)
        return set_path(value, q->rcpt_text, &q->rcpt);
    else if (strcmp(key, "role") == 0)
        return set_role(value, &q->client.role);
    else if (strcmp(key, "smtputf8") == 0)
        return set_flag(value, &q->mail.smtputf8);
    else
        return false;
    return true;
}

/* 0 or an exit status. */
static int read_words(struct question *q, int count, char **words)
{
    static const char usage[] = "explain takes ip= login= cert= ca=yes grant=yes doubtful=yes "
                                "failed= helo= from= rcpt= role=mx|submission smtputf8=yes";

    q->mail.path = SPAN_LIT("<>");
    for (int i = 0; i < count; i++) {
        char *equals = strchr(words[i], '=');
        bool ok = false;

        if (equals) {
            *equals = '\0';
            ok = set_word(q, words[i], equals + 1);
            *equals = '=';
        }
        if (!ok)
            return options_misuse(&gate_options, "\"%.80s\": %s", words[i], usage);
    }
    if (q->rcpt.n == 0)
        return options_misuse(&gate_options, "explain wants at least rcpt=ADDRESS");
    return 0;
}

/* --- telling ---------------------------------------------------------------------------------- */

/* The text of a line of a file, or "". */
static void line_of(struct relay_place place, struct buf *out)
{
    struct buf text = BUF_INIT(RELAY_FILE_MAX);
    struct span rest, line = SPAN_NULL;

    if (place.file && place.line && file_read(place.file, &text) == 0) {
        rest = buf_span(&text);
        for (unsigned n = 0; n < place.line; n++)
            if (!span_cut(&rest, '\n', &line))
                line = SPAN_NULL;
        escape_text(out, span_trim(line));
    }
    buf_deinit(&text);
}

static void place_text(struct relay_place place, struct buf *out)
{
    if (!place.file || !*place.file)
        buf_add_str(out, "none");
    else if (place.line)
        buf_addf(out, "%s:%u", place.file, place.line);
    else
        buf_add_str(out, place.file);
}

/* What each right rests on, in the order in which they are asked. */
static void tell_rights(const struct relay_policy *p, const struct question *q, struct buf *out)
{
    const struct relay_client *c = &q->client;
    bool counts = c->role == RELAY_ROLE_SUBMISSION || relay_policy_has_mx_networks(p);
    struct relay_place place = {0};
    const char *but = c->ip_doubtful ? ", but addresses are in doubt"
                      : counts       ? ""
                                     : ", but on an mx listener only with mx-networks = yes";

    buf_addf(out, "  login        %s\n", c->login.n ? "yes" : "no");
    buf_add_str(out, "  certificate  ");
    if (c->cert.n && relay_policy_knows_cert(p, c->cert, &place))
        place_text(place, out);
    else if (c->cert.n && c->cert_ca && relay_policy_trusts_ca(p, &place))
        place_text(place, out);
    else
        buf_add_str(out, c->cert.n ? "not listed" : "no");
    buf_add_str(out, "\n  network      ");
    place = (struct relay_place){0};
    if (relay_policy_trusts(p, c->ip, &place)) {
        place_text(place, out);
        buf_add_str(out, but);
    } else {
        buf_add_str(out, c->ip.family == IP_NONE ? "no address given" : "not listed");
    }
    buf_addf(out, "\n  grant        %s%s\n", c->granted ? "yes" : "no", c->granted ? but : "");
    if (q->helo)
        buf_add_str(out, "  HELO         counts for nothing\n");
}

/* Behind "none", where no rule of a file decided. */
static const char *without_rule(const struct relay_decision *d)
{
    if (d->answer == RELAY_TAKE)
        return " is needed";
    if (!d->rcpt[0])
        return " could take such an address";
    return d->answer == RELAY_DEFER ? " could be found, for now"
                                    : " takes it, and what none takes is refused";
}

static void tell(const struct relay_policy *p, const struct question *q,
                 const struct relay_decision *d, struct buf *out)
{
    struct buf line = BUF_INIT(4 * RELAY_LINE_MAX);

    buf_addf(out, "answer   %s\n", relay_answer_name(d->answer));
    buf_addf(out, "reply    %u %s %s\n", d->code, d->enhanced, d->text);
    buf_addf(out, "reason   %s: %s\n", relay_reason_name(d->reason), relay_reason_words(d->reason));
    buf_add_str(out, "rule     ");
    place_text(d->place, out);
    line_of(d->place, &line);
    if (line.n)
        buf_addf(out, "\n         %s", buf_str(&line));
    else if (!d->place.file)
        buf_add_str(out, without_rule(d));
    buf_add_str(out, "\n");
    if (d->mail[0]) {
        buf_add_str(out, "mail     ");
        escape_text(out, span_str(d->mail));
        buf_add_str(out, "\nrcpt     ");
        escape_text(out, span_str(d->rcpt));
        buf_addf(out, "\n         (as a backend would get them%s)\n",
                 d->utf8 ? ", with SMTPUTF8" : "");
    }
    buf_addf(out, "rights   of this client on %s: %s\n", relay_role_name(q->client.role),
             relay_right_name(d->right));
    tell_rights(p, q, out);
    buf_deinit(&line);
}

static bool add_place(json_t *object, const char *key, struct relay_place place)
{
    json_t *at;

    if (!place.file || !*place.file)
        return true;
    at = json_object();
    return at && view_json_text(at, "file", span_str(place.file)) &&
           (!place.line || view_json_number(at, "line", place.line)) &&
           json_object_set_new(object, key, at) == 0;
}

static bool fill_json(json_t *o, const struct question *q, const struct relay_decision *d)
{
    return view_json_text(o, "type", SPAN_LIT("explain")) &&
           view_json_text(o, "answer", span_str(relay_answer_name(d->answer))) &&
           view_json_text(o, "reason", span_str(relay_reason_name(d->reason))) &&
           view_json_number(o, "code", d->code) &&
           view_json_text(o, "enhanced", span_str(d->enhanced)) &&
           view_json_text(o, "text", span_str(d->text)) &&
           view_json_text(o, "role", span_str(relay_role_name(q->client.role))) &&
           view_json_text(o, "right", span_str(relay_right_name(d->right))) &&
           view_json_text(o, "mail", span_str(d->mail)) &&
           view_json_text(o, "rcpt", span_str(d->rcpt)) &&
           json_object_set_new(o, "own", json_boolean(d->own)) == 0 &&
           json_object_set_new(o, "smtputf8", json_boolean(d->utf8)) == 0 &&
           add_place(o, "rule", d->place) && add_place(o, "right_rule", d->right_place);
}

static bool tell_json(const struct question *q, const struct relay_decision *d, struct buf *out)
{
    json_t *object = json_object();
    char *text = object && fill_json(object, q, d) ? json_dumps(object, JSON_COMPACT) : NULL;
    bool ok = text != NULL;

    if (ok)
        buf_addf(out, "%s\n", text);
    free(text);
    json_decref(object);
    return ok;
}

/* --- the command ------------------------------------------------------------------------------ */

static int explain(const struct gate_args *args, const struct relay_policy *p, struct question *q)
{
    static const int statuses[] = {
        [RELAY_TAKE] = EXPLAIN_TAKE,
        [RELAY_REFUSE] = EXPLAIN_REFUSE,
        [RELAY_DEFER] = EXPLAIN_DEFER,
    };
    struct buf out = BUF_INIT(1 << 16);
    struct relay_decision d;
    int status;

    relay_decide(p, &q->client, &q->mail, q->rcpt, &d);
    if (!args->json)
        tell(p, q, &d, &out);
    else if (!tell_json(q, &d, &out))
        out.err = -ENOMEM;
    status = view_print("postern gate", &out);
    buf_deinit(&out);
    return status ? status : statuses[d.answer];
}

int gate_explain(const struct gate_args *args, const struct conf *conf, int count, char **words)
{
    struct policy_args policy_args = args->policy;
    struct question *q = calloc(1, sizeof(*q));
    struct buf messages = BUF_INIT(POLICY_MESSAGES_MAX);
    struct relay_policy *p = NULL;
    int status = q ? read_words(q, count, words) : EX_OSERR;

    policy_args.client_ca = args->client_ca;
    if (status == 0 && (policy_load(&policy_args, conf, &p, &messages) < 0 ||
                        policy_refuse_open(p, &messages) != 0))
        status = EX_CONFIG;
    if (messages.n)
        fputs(buf_str(&messages), stderr);
    if (status == 0)
        status = explain(args, p, q);
    relay_policy_free(&p);
    buf_deinit(&messages);
    free(q);
    return status;
}
