/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection, one question, messages until the reader says that the zone is whole. A signature
 * is checked before anything of its message is used; the last message must carry one (RFC 8945
 * §5.3.1), or a cut and spliced stream would pass for a zone.
 */
#include "cmd/list/transfer.h"

#include "base/escape.h"
#include "base/num.h"
#include "dns/xfr.h"
#include "io/conn.h"
#include "io/random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
    const struct transfer *t;
    transfer_fn *fn;
    void *cookie;
    struct loop *loop;
    struct conn *conn;
    struct dns_xfr_reader reader;
    struct dns_tsig tsig;
    struct buf in; /* octets of a message that is not whole yet, its length in front */
    bool over;
    int result;
    char *err;
    int64_t until; /* of loop_now(): the end of all patience */
};

static void wait_on(const struct run *r)
{
    int64_t idle = loop_now(r->loop) + TRANSFER_IDLE;

    conn_deadline(r->conn, idle < r->until ? idle : r->until);
}

static void finish(struct run *r, int result, const char *why)
{
    if (r->over)
        return;
    r->over = true;
    r->result = result;
    if (result && why) {
        struct buf text = BUF_INIT(TRANSFER_ERROR_MAX - 1);

        escape_text(&text, span_slice(span_str(why), 0, 120));
        span_copy(buf_span(&text), r->err, TRANSFER_ERROR_MAX);
        buf_deinit(&text);
    }
    loop_stop(r->loop);
}

/* What the server says of our signature. */
static const char *meaning(uint16_t error)
{
    switch (error) {
    case DNS_TSIG_BADKEY:
        return "it does not know the key, or knows it with another algorithm";
    case DNS_TSIG_BADSIG:
        return "its secret is another one";
    case DNS_TSIG_BADTIME:
        return "its clock is another one";
    default:
        return "it does not say more";
    }
}

static bool signature_ok(struct run *r, uint8_t *message, size_t *n)
{
    enum dns_tsig_got got;
    char why[120];

    if (!r->t->key)
        return true;
    got = dns_tsig_verify(&r->tsig, message, n, loop_wall());
    if (got == DNS_TSIG_OK || (got == DNS_TSIG_ABSENT && r->tsig.later))
        return true;
    /* A refusal of one who does not know the key is not signed, and says more than this would. */
    if (got == DNS_TSIG_ABSENT && *n >= DNS_HEADER && (message[3] & 15))
        return true;
    if (got == DNS_TSIG_ERROR)
        snprintf(why, sizeof(why), "the server refused the key: %s, %s",
                 dns_tsig_got_name((enum dns_tsig_got)r->tsig.error), meaning(r->tsig.error));
    else
        snprintf(why, sizeof(why), "the answer's signature does not hold: %s",
                 dns_tsig_got_name(got));
    finish(r, -EBADMSG, why);
    return false;
}

static void whole(struct run *r)
{
    if (r->t->key && r->tsig.gap)
        finish(r, -EBADMSG, "the last message of the transfer is not signed");
    else
        finish(r, 0, NULL);
}

static void refused(struct run *r)
{
    char rcode[DNS_RCODE_TEXT_MAX], why[100];

    snprintf(why, sizeof(why), "the server refused the transfer: %s",
             dns_wire_rcode_name(r->reader.rcode, rcode));
    finish(r, -EACCES, why);
}

static void take_message(struct run *r, uint8_t *message, size_t n)
{
    struct dns_rr rr;

    if (!signature_ok(r, message, &n))
        return;
    dns_xfr_reader_feed(&r->reader, message, n);
    while (!r->over) {
        enum dns_xfr_got got = dns_xfr_reader_next(&r->reader, &rr);
        int stop;

        switch (got) {
        case DNS_XFR_ADD:
            stop = r->reader.records > TRANSFER_RECORDS_MAX ? -EFBIG : r->fn(r->cookie, &rr);
            if (stop)
                finish(r, stop, stop == -EFBIG ? "the zone has too many records" : NULL);
            break;
        case DNS_XFR_MORE:
            return;
        case DNS_XFR_END:
            whole(r);
            return;
        case DNS_XFR_REFUSED:
            refused(r);
            return;
        case DNS_XFR_BROKEN:
            finish(r, -EBADMSG, r->reader.why);
            return;
        case DNS_XFR_DEL:
        case DNS_XFR_SAME:
            finish(r, -EBADMSG, "an answer to another question");
            return;
        }
    }
}

static void on_data(void *cookie, struct conn *c, struct span bytes)
{
    struct run *r = cookie;
    size_t at = 0;

    if (r->over)
        return;
    buf_add(&r->in, bytes);
    if (r->in.err) {
        finish(r, r->in.err, "out of memory");
        return;
    }
    while (!r->over && r->in.n - at >= 2) {
        uint8_t *p = (uint8_t *)r->in.p + at;
        size_t n = num_get16(p);

        if (r->in.n - at - 2 < n)
            break;
        take_message(r, p + 2, n);
        at += 2 + n;
    }
    buf_consume(&r->in, at);
    if (at && !r->over)
        wait_on(r);
}

static void on_connected(void *cookie, struct conn *c)
{
    struct run *r = cookie;
    uint8_t ask[2 + DNS_HEADER + 2 * DNS_NAME_MAX + 600];
    uint8_t random[2];
    size_t n;

    if (random_bytes(random, sizeof(random)) < 0) {
        finish(r, -EIO, "no randomness");
        return;
    }
    dns_xfr_reader_init(&r->reader, &r->t->zone, num_get16(random), DNS_TYPE_AXFR, 0);
    n = dns_xfr_ask(ask + 2, sizeof(ask) - 2, num_get16(random), &r->t->zone, DNS_TYPE_AXFR, 0);
    if (n && r->t->key)
        n = dns_tsig_ask(&r->tsig, r->t->key, ask + 2, n, sizeof(ask) - 2, loop_wall());
    if (!n) {
        finish(r, -EMSGSIZE, "the question does not fit");
        return;
    }
    num_put16(ask, (uint16_t)n);
    r->until = loop_now(r->loop) + TRANSFER_TIME;
    wait_on(r);
    if (conn_write(c, span_of(ask, n + 2)) < 0)
        finish(r, -EIO, "the question could not be sent");
}

static void on_closed(void *cookie, struct conn *c, const struct conn_end *end)
{
    struct run *r = cookie;

    r->conn = NULL;
    if (end->reason == CONN_TIMEOUT && end->connected && loop_now(r->loop) >= r->until)
        finish(r, -ETIMEDOUT, "the transfer takes too long");
    else if (end->reason == CONN_TIMEOUT)
        finish(r, -ETIMEDOUT, end->connected ? "the server went silent" : "no answer");
    else
        finish(r, end->err ? end->err : -EBADMSG,
               end->connected ? "the connection ended before the zone was whole" : end->text);
}

int transfer_run(const struct transfer *t, transfer_fn *fn, void *cookie,
                 char err[TRANSFER_ERROR_MAX])
{
    static const struct conn_events events = {
        .connected = on_connected, .data = on_data, .closed = on_closed};
    struct run *r = calloc(1, sizeof(*r));
    struct conn_target to = {.ip = t->ip, .port = t->port ? t->port : 53, .timeout_ms = 10000};
    int fault;

    err[0] = '\0';
    if (!r)
        return -ENOMEM;
    *r = (struct run){.t = t, .fn = fn, .cookie = cookie, .err = err};
    buf_init(&r->in, 2 + DNS_MESSAGE_MAX + (1 << 20));
    fault = loop_new(&r->loop);
    if (!fault)
        fault = conn_connect(r->loop, &to, &events, r, &r->conn);
    if (!fault) {
        loop_run(r->loop);
        fault = r->over ? r->result : -EIO;
    }
    conn_drop(&r->conn);
    loop_free(&r->loop);
    buf_deinit(&r->in);
    free(r);
    return fault;
}
