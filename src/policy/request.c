/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The request is kept as it comes, and of the values that we know only where they stand in it: one
 * buffer a connection, which is emptied and used again, as Postfix holds its connections open.
 *
 * Nothing is repaired. Postfix writes what it has cleaned before; whoever sends something else is
 * not Postfix, or there is a fault between us, and then no answer is the safe one.
 */
#include "policy/request.h"

#include <errno.h>

static const char *const names[POLICY_NAMES] = {
    [POLICY_REQUEST] = "request",
    [POLICY_STATE] = "protocol_state",
    [POLICY_PROTOCOL] = "protocol_name",
    [POLICY_HELO] = "helo_name",
    [POLICY_QUEUE_ID] = "queue_id",
    [POLICY_SENDER] = "sender",
    [POLICY_RECIPIENT] = "recipient",
    [POLICY_RECIPIENT_COUNT] = "recipient_count",
    [POLICY_CLIENT_ADDRESS] = "client_address",
    [POLICY_CLIENT_NAME] = "client_name",
    [POLICY_INSTANCE] = "instance",
    [POLICY_SASL_METHOD] = "sasl_method",
    [POLICY_SASL_USERNAME] = "sasl_username",
    [POLICY_CCERT_KEY] = "ccert_pubkey_fingerprint",
    [POLICY_CONTEXT] = "policy_context",
    [POLICY_SERVER_PORT] = "server_port",
};

const char *policy_name_text(enum policy_name name)
{
    return names[name];
}

void policy_reader_init(struct policy_reader *r)
{
    *r = (struct policy_reader){.text = BUF_INIT(POLICY_REQUEST_MAX)};
}

void policy_reader_deinit(struct policy_reader *r)
{
    buf_deinit(&r->text);
}

static void start_over(struct policy_reader *r)
{
    buf_clear(&r->text);
    r->line_at = 0;
    r->lines = r->given = 0;
    r->done = false;
}

static struct span value_of(const struct policy_reader *r, unsigned name)
{
    return span_slice(buf_span(&r->text), r->at[name], r->at[name] + r->n[name]);
}

/* NULL, or what is wrong with the line that stands at the end of the text. */
static const char *take_line(struct policy_reader *r)
{
    struct span line = span_slice(buf_span(&r->text), r->line_at, r->text.n - 1);
    size_t equals = span_find(line, '=');

    if (++r->lines > POLICY_LINES_MAX)
        return "too many attributes";
    if (equals == 0 || equals == line.n)
        return "a line that is no attribute";
    for (size_t i = 0; i < line.n; i++)
        if ((unsigned char)line.p[i] < ' ' || line.p[i] == 0x7f)
            return "a control character";
    for (unsigned i = 0; i < POLICY_NAMES; i++) {
        struct span value = span_slice(line, equals + 1, line.n);

        if (!span_eq(span_slice(line, 0, equals), span_str(names[i])))
            continue;
        if (r->given & 1u << i && !span_eq(value, value_of(r, i)))
            return "an attribute that stands twice";
        r->given |= 1u << i;
        r->at[i] = r->line_at + equals + 1;
        r->n[i] = value.n;
    }
    return NULL;
}

static const char *finish(struct policy_reader *r, struct policy_request *ret)
{
    *ret = (struct policy_request){.given = r->given};
    for (unsigned i = 0; i < POLICY_NAMES; i++)
        if (r->given & 1u << i)
            ret->values[i] = value_of(r, i);
    if (!span_eq(ret->values[POLICY_REQUEST], SPAN_LIT("smtpd_access_policy")))
        return "a request of another kind";
    if (ret->values[POLICY_STATE].n == 0)
        return "a request without a state";
    r->done = true;
    return NULL;
}

/* Adds what there is of the line; true when it is whole, with its LF. */
static bool add_piece(struct policy_reader *r, struct span *in)
{
    size_t n = span_find(*in, '\n');
    bool whole = n < in->n;

    n += whole;
    buf_add(&r->text, span_slice(*in, 0, n));
    *in = span_slice(*in, n, in->n);
    return whole;
}

enum policy_got policy_read(struct policy_reader *r, struct span *in, struct policy_request *ret,
                            const char **why)
{
    *why = NULL;
    if (r->done)
        start_over(r);
    while (!r->bad && in->n) {
        bool whole = add_piece(r, in);
        size_t n = r->text.n - r->line_at - whole;

        if (r->text.err == -ENOMEM)
            return POLICY_MEMORY;
        if (r->text.err || n > POLICY_LINE_MAX) {
            *why = "too long";
        } else if (whole && n == 0) {
            *why = finish(r, ret);
            if (!*why)
                return POLICY_WHOLE;
        } else if (whole) {
            *why = take_line(r);
            r->line_at = r->text.n;
        }
        r->bad = *why != NULL;
    }
    if (!r->bad)
        return POLICY_MORE;
    *why = *why ? *why : "behind a bad request";
    return POLICY_BAD;
}
