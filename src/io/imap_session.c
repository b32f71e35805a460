/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libcurl's own IMAP transfer opens the mailbox with SELECT and fetches with BODY[], which marks
 * messages as read. So it is used for what is hard, connecting: proxies, TLS, certificates,
 * STARTTLS, SASL, .netrc (CURLOPT_CONNECT_ONLY goes as far as the login), and the four commands
 * behind that are ours: EXAMINE, UID SEARCH, UID FETCH twice.
 *
 * A literal is asked for with a length (<0.n>), and a server that sends more breaks the connection
 * at IMAP_WIRE_MAX. Messages are looked at in the order of their UIDs, so the last one seen is all
 * that must be remembered, until UIDVALIDITY changes (RFC 9051 §2.3.1.1).
 */
#include "io/imap_session.h"

#include "io/imap_wire.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SLICE_MS = 200,
    DAY = 86400,
    RESPONSES_MAX = 200000, /* to one command: a server that babbles on is left */
};

struct imap_session {
    const struct imap_setup *setup;
    const atomic_bool *stop;
    CURL *curl; /* NULL: not connected */
    char curl_error[CURL_ERROR_SIZE];
    struct imap_wire wire;
    char in[16384];
    struct span unread; /* of in */
    unsigned tag;
    uint32_t validity, last;
};

/* What the responses of one command add up to. */
struct answer {
    struct imap_session *s;
    struct imap_uids uids;
    uint32_t validity;
    void (*fetched)(struct answer *a, const struct imap_response *r);
    struct imap_round *round;
    struct imap_uids *wanted;
    uint32_t uid; /* the message asked for */
    int err;
};

static void fault(struct imap_round *r, enum imap_fault kind, const char *what, struct span detail)
{
    char text[200];

    /* Of a server's text only what is printable: it goes to a terminal. */
    detail = span_slice(detail, 0, sizeof(text) - 1);
    for (size_t i = 0; i < detail.n; i++)
        text[i] = detail.p[i] >= ' ' && detail.p[i] <= '~' ? detail.p[i] : '?';
    text[detail.n] = '\0';
    r->fault = kind;
    snprintf(r->why, sizeof(r->why), "%s%s%s", what, detail.n ? ": " : "", text);
}

static void hang_up(struct imap_session *s)
{
    curl_easy_cleanup(s->curl);
    s->curl = NULL;
    imap_wire_deinit(&s->wire);
    imap_wire_init(&s->wire);
    s->unread = SPAN_NULL;
}

static int on_progress(void *cookie, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct imap_session *s = cookie;

    return atomic_load(s->stop);
}

/* Whether trying again could help. */
static enum imap_fault fault_of(CURLcode rc)
{
    switch ((int)rc) {
    case CURLE_LOGIN_DENIED:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_USE_SSL_FAILED:
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_NOT_BUILT_IN:
        return IMAP_HOPELESS;
    case CURLE_ABORTED_BY_CALLBACK:
        return IMAP_STOPPED;
    default:
        return IMAP_AGAIN;
    }
}

static bool connect_up(struct imap_session *s, struct imap_round *r)
{
    const struct imap_setup *c = s->setup;
    bool ok;
    CURLcode rc;

    s->curl = curl_easy_init();
    ok = s->curl && curl_easy_setopt(s->curl, CURLOPT_URL, c->server) == CURLE_OK;
    ok = ok && curl_easy_setopt(s->curl, CURLOPT_PROTOCOLS_STR, "imap,imaps") == CURLE_OK;
    ok = ok && curl_easy_setopt(s->curl, CURLOPT_CONNECT_ONLY, 1L) == CURLE_OK;
    ok = ok && curl_easy_setopt(s->curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
    ok = ok && curl_easy_setopt(s->curl, CURLOPT_ERRORBUFFER, s->curl_error) == CURLE_OK;
    ok = ok && curl_easy_setopt(s->curl, CURLOPT_CONNECTTIMEOUT, (long)IMAP_TIMEOUT) == CURLE_OK;
    ok = ok && curl_easy_setopt(s->curl, CURLOPT_TIMEOUT, (long)IMAP_TIMEOUT) == CURLE_OK;
    ok = ok && curl_easy_setopt(s->curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK;
    ok = ok && curl_easy_setopt(s->curl, CURLOPT_XFERINFOFUNCTION, on_progress) == CURLE_OK;
    ok = ok && curl_easy_setopt(s->curl, CURLOPT_XFERINFODATA, s) == CURLE_OK;
    ok = ok && curl_easy_setopt(s->curl, CURLOPT_USE_SSL,
                                (long)(c->plain ? CURLUSESSL_TRY : CURLUSESSL_ALL)) == CURLE_OK;
    ok = ok && (!c->ca_file || curl_easy_setopt(s->curl, CURLOPT_CAINFO, c->ca_file) == CURLE_OK);
    if (c->password)
        ok = ok && (!c->user || curl_easy_setopt(s->curl, CURLOPT_USERNAME, c->user) == CURLE_OK) &&
             curl_easy_setopt(s->curl, CURLOPT_PASSWORD, c->password) == CURLE_OK;
    else
        ok = ok && curl_easy_setopt(s->curl, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL) == CURLE_OK;
    if (!ok) {
        fault(r, IMAP_AGAIN, "libcurl has no memory", SPAN_NULL);
        return false;
    }
    s->curl_error[0] = '\0';
    rc = curl_easy_perform(s->curl);
    if (rc != CURLE_OK)
        fault(r, fault_of(rc), curl_easy_strerror(rc), span_str(s->curl_error));
    return rc == CURLE_OK;
}

/* Waits until the socket is ready; false when stopped or too late. */
static bool wait_for(struct imap_session *s, short events, struct imap_round *r)
{
    curl_socket_t fd = CURL_SOCKET_BAD;

    curl_easy_getinfo(s->curl, CURLINFO_ACTIVESOCKET, &fd);
    for (int left = IMAP_TIMEOUT * 1000; fd != CURL_SOCKET_BAD && left > 0; left -= SLICE_MS) {
        struct pollfd p = {.fd = fd, .events = events};

        if (atomic_load(s->stop)) {
            r->fault = IMAP_STOPPED;
            return false;
        }
        if (poll(&p, 1, SLICE_MS) > 0)
            return true;
    }
    fault(r, IMAP_AGAIN, "no answer from the IMAP server", SPAN_NULL);
    return false;
}

static bool send_all(struct imap_session *s, struct span text, struct imap_round *r)
{
    while (text.n) {
        size_t n = 0;
        CURLcode rc = curl_easy_send(s->curl, text.p, text.n, &n);

        if (rc == CURLE_AGAIN) {
            if (!wait_for(s, POLLOUT, r))
                return false;
        } else if (rc != CURLE_OK) {
            fault(r, IMAP_AGAIN, "writing to the IMAP server", span_str(curl_easy_strerror(rc)));
            return false;
        }
        text = span_slice(text, n, text.n);
    }
    return true;
}

static bool receive(struct imap_session *s, struct imap_round *r)
{
    for (;;) {
        size_t n = 0;
        CURLcode rc = curl_easy_recv(s->curl, s->in, sizeof(s->in), &n);

        if (rc == CURLE_OK && n > 0) {
            s->unread = span_of(s->in, n);
            return true;
        }
        if (rc != CURLE_AGAIN) {
            fault(r, IMAP_AGAIN, "the IMAP server hung up", SPAN_NULL);
            return false;
        }
        if (!wait_for(s, POLLIN, r))
            return false;
    }
}

static bool next_response(struct imap_session *s, struct span *ret, struct imap_round *r)
{
    for (;;) {
        int got = imap_wire_feed(&s->wire, &s->unread, ret);

        if (got == IMAP_WIRE_LINE)
            return true;
        if (got != IMAP_WIRE_MORE) {
            fault(r, IMAP_AGAIN,
                  got < 0 ? "out of memory" : "the IMAP server sends too much at once", SPAN_NULL);
            return false;
        }
        if (!receive(s, r))
            return false;
    }
}

/* Sends one command and reads its answer. False on any failure, with *r filled. */
static bool command(struct imap_session *s, const char *text, struct answer *a, enum imap_fault no,
                    struct imap_round *r)
{
    struct buf line = BUF_INIT(8192);
    char tag[16];
    bool ok;

    a->s = s;
    a->round = r;
    snprintf(tag, sizeof(tag), "P%u", ++s->tag);
    buf_addf(&line, "%s %s\r\n", tag, text);
    ok = !line.err && send_all(s, buf_span(&line), r);
    if (line.err)
        fault(r, IMAP_AGAIN, "an IMAP command grew too long", SPAN_NULL);
    buf_deinit(&line);
    for (unsigned count = 0; ok; count++) {
        struct imap_response resp;
        struct span response;

        if (count == RESPONSES_MAX) {
            fault(r, IMAP_AGAIN, "the IMAP server never comes to an end", SPAN_NULL);
            return false;
        }
        if (!next_response(s, &response, r))
            return false;
        if (imap_wire_read(response, span_str(tag), &a->uids, &resp) < 0)
            a->err = -ENOMEM;
        if (resp.kind == IMAP_TAGGED_OK)
            break;
        if (resp.kind == IMAP_TAGGED_NO || resp.kind == IMAP_TAGGED_BAD || resp.kind == IMAP_BYE) {
            fault(r, resp.kind == IMAP_TAGGED_NO ? no : IMAP_AGAIN, "the IMAP server says",
                  resp.text);
            return false;
        }
        if (resp.kind == IMAP_UIDVALIDITY)
            a->validity = resp.value;
        else if (resp.kind == IMAP_FETCH && a->fetched)
            a->fetched(a, &resp);
    }
    if (ok && a->err) {
        fault(r, IMAP_AGAIN, "out of memory", SPAN_NULL);
        return false;
    }
    return ok;
}

static bool examine(struct imap_session *s, struct imap_round *r)
{
    struct buf text = BUF_INIT(4096);
    struct answer a = {0};
    bool ok;

    buf_add_str(&text, "EXAMINE ");
    imap_wire_quote(&text, span_str(s->setup->mailbox)); /* imap_setup_init() has seen it pass */
    ok = command(s, buf_str(&text), &a, IMAP_HOPELESS, r);
    buf_deinit(&text);
    if (ok && a.validity != s->validity) {
        s->validity = a.validity;
        s->last = 0;
    }
    return ok;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* The new messages since the day before: servers search by their own day, not by UTC's. */
static bool search(struct imap_session *s, struct imap_uids *ret, struct imap_round *r)
{
    struct buf text = BUF_INIT(200);
    struct answer a = {0};
    size_t from = 0;
    bool ok;

    buf_addf(&text, "UID SEARCH UID %u:* SINCE ", s->last < UINT32_MAX ? s->last + 1 : s->last);
    imap_wire_date(&text, s->setup->since_wall - DAY);
    ok = command(s, buf_str(&text), &a, IMAP_AGAIN, r);
    buf_deinit(&text);
    if (a.uids.count)
        qsort(a.uids.v, a.uids.count, sizeof(a.uids.v[0]), by_number);
    /* "n:*" always has the last message in it, however small its UID (RFC 9051 §6.4.8). */
    while (from < a.uids.count && a.uids.v[from] <= s->last)
        from++;
    if (from)
        memmove(a.uids.v, a.uids.v + from, (a.uids.count - from) * sizeof(a.uids.v[0]));
    a.uids.count -= from;
    *ret = a.uids;
    return ok;
}

static void on_header(struct answer *a, const struct imap_response *resp)
{
    const struct imap_setup *c = a->s->setup;

    if (!resp->uid || !resp->has_body || a->wanted->count == IMAP_BATCH ||
        (c->wanted && !c->wanted(c->wanted_ctx, resp->body)))
        return;
    if (array_grow(&a->wanted->v, &a->wanted->cap, sizeof(uint32_t), a->wanted->count + 1) < 0)
        a->err = -ENOMEM;
    else
        a->wanted->v[a->wanted->count++] = resp->uid;
}

static void on_message(struct answer *a, const struct imap_response *resp)
{
    size_t n = resp->body.n < IMAP_MESSAGE_MAX ? resp->body.n : IMAP_MESSAGE_MAX;
    struct imap_found *found;

    /* Only what was asked for, and once: the server doesn't decide how much we hold. */
    if (resp->uid != a->uid || !resp->has_body)
        return;
    a->uid = 0;
    found = malloc(sizeof(*found) + n);
    if (!found) {
        a->err = -ENOMEM;
        return;
    }
    *found = (struct imap_found){.uid = resp->uid, .cut = resp->body.n > n, .n = n};
    if (n)
        memcpy(found->bytes, resp->body.p, n);
    *a->round->tail = found;
    a->round->tail = &found->next;
    a->round->count++;
}

static bool fetch_headers(struct imap_session *s, const uint32_t *uids, size_t count,
                          struct imap_uids *wanted, struct imap_round *r)
{
    struct answer a = {.fetched = on_header, .wanted = wanted};
    struct buf text = BUF_INIT(1000);
    bool ok;

    buf_add_str(&text, "UID FETCH ");
    for (size_t i = 0; i < count; i++)
        buf_addf(&text, "%s%u", i ? "," : "", uids[i]);
    buf_addf(&text, " (UID BODY.PEEK[HEADER]<0.%d>)", IMAP_HEADER_MAX);
    ok = command(s, buf_str(&text), &a, IMAP_AGAIN, r);
    buf_deinit(&text);
    free(a.uids.v);
    return ok;
}

static bool fetch_message(struct imap_session *s, uint32_t uid, struct imap_round *r)
{
    struct answer a = {.fetched = on_message, .uid = uid};
    char text[100];
    bool ok;

    /* One octet more than we keep tells whether it was all. */
    snprintf(text, sizeof(text), "UID FETCH %u (UID BODY.PEEK[]<0.%d>)", uid, IMAP_MESSAGE_MAX + 1);
    ok = command(s, text, &a, IMAP_AGAIN, r);
    free(a.uids.v);
    return ok;
}

static bool look_at(struct imap_session *s, const uint32_t *uids, size_t count,
                    struct imap_round *r)
{
    struct imap_uids wanted = {0};
    bool ok = fetch_headers(s, uids, count, &wanted, r);

    if (wanted.count)
        qsort(wanted.v, wanted.count, sizeof(wanted.v[0]), by_number);
    for (size_t i = 0; ok && i < wanted.count; i++) {
        ok = fetch_message(s, wanted.v[i], r);
        if (ok)
            s->last = wanted.v[i];
    }
    if (ok)
        s->last = uids[count - 1];
    free(wanted.v);
    return ok;
}

static size_t bytes_of(const struct imap_round *r)
{
    size_t n = 0;

    for (const struct imap_found *f = r->found; f; f = f->next)
        n += f->n;
    return n;
}

void imap_session_round(struct imap_session *s, struct imap_round *ret)
{
    struct imap_uids uids = {0};
    size_t done = 0;
    bool ok;

    memset(ret, 0, sizeof(*ret));
    ret->tail = &ret->found;
    ok = (s->curl || connect_up(s, ret)) && examine(s, ret) && search(s, &uids, ret);
    while (ok && done < uids.count && done < IMAP_ROUND_MAX && bytes_of(ret) < IMAP_ROUND_BYTES) {
        size_t n = uids.count - done < IMAP_BATCH ? uids.count - done : IMAP_BATCH;

        ok = look_at(s, uids.v + done, n, ret);
        done += n;
    }
    ret->more = ok && done < uids.count;
    free(uids.v);
    if (!ok)
        hang_up(s);
}

int imap_session_new(const struct imap_setup *setup, const atomic_bool *stop,
                     struct imap_session **ret)
{
    struct imap_session *s = calloc(1, sizeof(*s));

    *ret = s;
    if (!s)
        return -ENOMEM;
    s->setup = setup;
    s->stop = stop;
    imap_wire_init(&s->wire);
    return 0;
}

void imap_session_free(struct imap_session **s)
{
    if (!*s)
        return;
    curl_easy_cleanup((*s)->curl);
    imap_wire_deinit(&(*s)->wire);
    free(*s);
    *s = NULL;
}
