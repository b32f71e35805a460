/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ten thousand closed mail servers for the bench in one process. It listens on every loopback
 * address at once and holds each reply back for a simulated round trip (the kernel may have no
 * netem).
 *
 *     responder --port 25 --rtt 100 [--limits] > figures.json
 *
 * A banner comes two round trips after the client's SYN (SYN and SYN-ACK are one, ACK and banner
 * the other); on loopback connect() costs nothing, so the banner pays for both. Replies to commands
 * that came in one segment leave in one segment, so pipelining is worth here what it is worth.
 *
 * The dialogue is Postfix's as shipped: postmaster is taken, other recipients get 454 4.7.1 "Relay
 * access denied". --limits adds its error limits (a second for each reply from the 10th error on,
 * 421 at the 20th). What was asked is counted here, by the server, the same way for every tester:
 * forms are refused recipients, waits are the times that somebody had to wait for us.
 *
 * One epoll loop and a wheel of milliseconds; no allocation per command. It ends at SIGTERM or at
 * SIGINT, and then writes its figures to standard output. It is for a network namespace whose only
 * interface is lo, and refuses connections to any other address than 127.0.0.0/8.
 */
#include "base/num.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    LINE_MAX_BYTES = 1024, /* RFC 5321 §4.5.3.1.4 has 512; long-line probes send more */
    OUT_MAX = 8192,        /* replies held for one connection */
    WHEEL = 4096,          /* milliseconds; longer delays go round more than once */
    EVENTS = 512,
    SOFT_ERRORS = 10, /* Postfix smtpd_soft_error_limit */
    HARD_ERRORS = 20, /* Postfix smtpd_hard_error_limit */
    ERROR_SLEEP = 1000,
};

struct conn {
    struct conn *next, **at; /* in its slot of the wheel; at is NULL when in none */
    int64_t due;             /* when what is held leaves */
    int fd;
    unsigned errors, recipients;
    bool mail, data, closing;
    uint16_t line_bytes, out_bytes;
    char line[LINE_MAX_BYTES];
    char out[OUT_MAX];
};

static struct {
    int epoll, listener;
    int64_t rtt, now;
    bool limits;
    struct conn *wheel[WHEEL];
    int64_t swept;
    struct conn *spare;
} r;

static struct {
    unsigned long long connections, open, peak, cut;
    unsigned long long ehlo, mail, rcpt, refused, controls, rset, data, quit, other;
    unsigned long long waits, bytes_in, bytes_out;
    int64_t first, last;
} count;

static volatile sig_atomic_t ended;

static void on_signal(int signo)
{
    (void)signo;
    ended = 1;
}

static int64_t milliseconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- the wheel --- */

static void wheel_take(struct conn *c)
{
    if (!c->at)
        return;
    *c->at = c->next;
    if (c->next)
        c->next->at = c->at;
    c->at = NULL;
}

static void wheel_put(struct conn *c, int64_t due)
{
    struct conn **slot = &r.wheel[due % WHEEL];

    wheel_take(c);
    c->due = due;
    c->next = *slot;
    if (c->next)
        c->next->at = &c->next;
    c->at = slot;
    *slot = c;
}

/* --- connections --- */

static void conn_free(struct conn *c)
{
    wheel_take(c);
    close(c->fd);
    c->next = r.spare;
    r.spare = c;
    count.open--;
}

static struct conn *conn_new(int fd)
{
    struct conn *c = r.spare;

    if (c)
        r.spare = c->next;
    else if (!(c = malloc(sizeof(*c))))
        return NULL;
    memset(c, 0, offsetof(struct conn, line));
    c->fd = fd;
    count.connections++;
    if (++count.open > count.peak)
        count.peak = count.open;
    return c;
}

static void conn_say(struct conn *c, const char *reply)
{
    size_t n = strlen(reply);

    if (c->out_bytes + n > OUT_MAX) {
        c->closing = true; /* a client that never waits is cut */
        return;
    }
    memcpy(c->out + c->out_bytes, reply, n);
    c->out_bytes = (uint16_t)(c->out_bytes + n);
}

/* Writes what is due. True when the connection is gone. */
static bool conn_flush(struct conn *c)
{
    ssize_t n = send(c->fd, c->out, c->out_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);

    count.waits++;
    /* Replies are shorter than any socket buffer: one that takes no more is a client gone wrong. */
    if (n != c->out_bytes || c->closing) {
        conn_free(c);
        return true;
    }
    count.bytes_out += (unsigned long long)n;
    c->out_bytes = 0;
    return false;
}

/* A refusal, and what Postfix does to a client that collects them. */
static int64_t conn_error(struct conn *c, const char *reply)
{
    c->errors++;
    if (r.limits && c->errors >= HARD_ERRORS) {
        conn_say(c, "421 4.7.0 closed.example Error: too many errors\r\n");
        c->closing = true;
        count.cut++;
        return ERROR_SLEEP;
    }
    conn_say(c, reply);
    return r.limits && c->errors > SOFT_ERRORS ? ERROR_SLEEP : 0;
}

static bool starts(const char *line, size_t n, const char *word)
{
    size_t w = strlen(word);

    return n >= w && strncasecmp(line, word, w) == 0;
}

/* Ours, by name or by address; the postmaster of any other domain is a stranger. */
static bool is_postmaster(const char *line, size_t n)
{
    return starts(line, n, "RCPT TO:<postmaster>") ||
           starts(line, n, "RCPT TO:<postmaster@closed.example>") ||
           starts(line, n, "RCPT TO:<postmaster@[127.");
}

static int64_t conn_recipient(struct conn *c, const char *line, size_t n)
{
    count.rcpt++;
    if (!c->mail)
        return conn_error(c, "503 5.5.1 Error: need MAIL command\r\n");
    if (is_postmaster(line, n)) {
        count.controls++;
        c->recipients++;
        conn_say(c, "250 2.1.5 Ok\r\n");
        return 0;
    }
    count.refused++;
    return conn_error(c, "454 4.7.1 <>: Relay access denied\r\n");
}

/* Answers one command; returns the milliseconds that the answer costs beyond the round trip. */
static int64_t conn_command(struct conn *c, const char *line, size_t n)
{
    if (starts(line, n, "RCPT TO:"))
        return conn_recipient(c, line, n);
    if (starts(line, n, "MAIL FROM:")) {
        count.mail++;
        if (c->mail)
            return conn_error(c, "503 5.5.1 Error: nested MAIL command\r\n");
        c->mail = true;
        conn_say(c, "250 2.1.0 Ok\r\n");
    } else if (starts(line, n, "RSET")) {
        count.rset++;
        c->mail = false;
        c->recipients = 0;
        conn_say(c, "250 2.0.0 Ok\r\n");
    } else if (starts(line, n, "EHLO") || starts(line, n, "HELO")) {
        count.ehlo++;
        c->mail = false;
        c->recipients = 0;
        conn_say(c,
                 starts(line, n, "HELO")
                     ? "250 closed.example\r\n"
                     : "250-closed.example\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-VRFY\r\n"
                       "250-ETRN\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n"
                       "250-SMTPUTF8\r\n250 CHUNKING\r\n");
    } else if (starts(line, n, "QUIT")) {
        count.quit++;
        conn_say(c, "221 2.0.0 Bye\r\n");
        c->closing = true;
    } else if (starts(line, n, "DATA")) {
        count.data++;
        if (!c->recipients)
            return conn_error(c, "554 5.5.1 Error: no valid recipients\r\n");
        c->data = true;
        conn_say(c, "354 End data with <CR><LF>.<CR><LF>\r\n");
    } else if (starts(line, n, "NOOP")) {
        count.other++;
        conn_say(c, "250 2.0.0 Ok\r\n");
    } else {
        count.other++;
        return conn_error(c, "502 5.5.2 Error: command not recognized\r\n");
    }
    return 0;
}

static int64_t conn_line(struct conn *c, const char *line, size_t n)
{
    if (!c->data)
        return conn_command(c, line, n);
    if (n == 1 && line[0] == '.') {
        c->data = c->mail = false;
        c->recipients = 0;
        conn_say(c, "250 2.0.0 Ok: queued\r\n");
    }
    return 0;
}

/* Takes the lines out of what came; returns the extra milliseconds of all answers together. */
static int64_t conn_lines(struct conn *c, const char *in, size_t n)
{
    int64_t extra = 0;

    for (size_t i = 0; i < n && !c->closing; i++) {
        if (in[i] != '\n') {
            if (c->line_bytes < LINE_MAX_BYTES)
                c->line[c->line_bytes++] = in[i];
            continue;
        }
        if (c->line_bytes && c->line[c->line_bytes - 1] == '\r')
            c->line_bytes--;
        extra += conn_line(c, c->line, c->line_bytes);
        c->line_bytes = 0;
    }
    return extra;
}

static void conn_read(struct conn *c)
{
    static char in[65536];
    ssize_t n = recv(c->fd, in, sizeof(in), MSG_DONTWAIT);
    uint16_t before = c->out_bytes;
    int64_t extra, due;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        conn_free(c);
        return;
    }
    count.bytes_in += (unsigned long long)n;
    if (c->closing)
        return;
    extra = conn_lines(c, in, (size_t)n);
    if (c->out_bytes == before)
        return;
    /* What is still held leaves with this, for replies keep their order. */
    due = r.now + r.rtt;
    if (c->at && c->due > due)
        due = c->due;
    wheel_put(c, due + extra);
}

static void accept_all(void)
{
    struct sockaddr_in here;
    struct epoll_event e = {.events = EPOLLIN};
    socklen_t len;
    struct conn *c;
    int fd, one = 1;

    while ((fd = accept4(r.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        len = sizeof(here);
        if (getsockname(fd, (struct sockaddr *)&here, &len) < 0 ||
            ntohl(here.sin_addr.s_addr) >> 24 != 127 || !(c = conn_new(fd))) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        e.data.ptr = c;
        if (epoll_ctl(r.epoll, EPOLL_CTL_ADD, fd, &e) < 0) {
            conn_free(c);
            continue;
        }
        if (!count.first)
            count.first = r.now;
        conn_say(c, "220 closed.example ESMTP Postfix\r\n");
        wheel_put(c, r.now + 2 * r.rtt);
    }
}

/* Lets go what is due up to now. */
static void sweep(void)
{
    for (; r.swept <= r.now; r.swept++) {
        struct conn *c = r.wheel[r.swept % WHEEL], *next;

        for (; c; c = next) {
            next = c->next;
            if (c->due > r.now)
                continue; /* another turn of the wheel */
            wheel_take(c);
            if (!conn_flush(c))
                count.last = r.now;
        }
    }
}

static int serve(void)
{
    struct epoll_event events[EVENTS];

    r.swept = r.now = milliseconds();
    while (!ended) {
        int n = epoll_wait(r.epoll, events, EVENTS, count.open ? 1 : 100);

        r.now = milliseconds();
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr)
                conn_read(events[i].data.ptr);
            else
                accept_all();
        }
        sweep();
        if (n < 0 && errno != EINTR)
            return -errno;
    }
    return 0;
}

static int listen_on(unsigned port)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct rlimit files;
    int one = 1;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    r.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(r.listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (r.listener < 0 || bind(r.listener, (struct sockaddr *)&any, sizeof(any)) < 0 ||
        listen(r.listener, 65535) < 0)
        return -errno;
    r.epoll = epoll_create1(EPOLL_CLOEXEC);
    return epoll_ctl(r.epoll, EPOLL_CTL_ADD, r.listener, &(struct epoll_event){.events = EPOLLIN}) <
                   0
               ? -errno
               : 0;
}

static void write_figures(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    printf("{\"connections\":%llu,\"peak\":%llu,\"cut\":%llu,\"ehlo\":%llu,\"mail\":%llu,"
           "\"rcpt\":%llu,\"forms\":%llu,\"controls\":%llu,\"rset\":%llu,\"data\":%llu,"
           "\"quit\":%llu,\"other\":%llu,\"waits\":%llu,\"bytes_in\":%llu,\"bytes_out\":%llu,"
           "\"busy_ms\":%lld,\"cpu_ms\":%lld}\n",
           count.connections, count.peak, count.cut, count.ehlo, count.mail, count.rcpt,
           count.refused, count.controls, count.rset, count.data, count.quit, count.other,
           count.waits, count.bytes_in, count.bytes_out, (long long)(count.last - count.first),
           (long long)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
               (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000);
}

int main(int argc, char **argv)
{
    unsigned port = 0, rtt = 0;
    bool good = true;
    int rc;

    for (int i = 1; i < argc && good; i++) {
        if (strcmp(argv[i], "--limits") == 0)
            r.limits = true;
        else if (i + 1 < argc && strcmp(argv[i], "--port") == 0)
            good = num_uint(span_str(argv[++i]), 1, 65535, &port);
        else
            good = i + 1 < argc && strcmp(argv[i], "--rtt") == 0 &&
                   num_uint(span_str(argv[++i]), 0, 10000, &rtt);
    }
    if (!good || port == 0) {
        fprintf(stderr, "usage: responder --port N --rtt MILLISECONDS [--limits]\n");
        return 64;
    }
    r.rtt = rtt;
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    rc = listen_on(port);
    if (rc == 0) {
        fprintf(stderr, "ready\n");
        rc = serve();
    }
    if (rc < 0) {
        fprintf(stderr, "responder: %s\n", strerror(-rc));
        return 71;
    }
    write_figures();
    return 0;
}
