/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A crowd of SMTP clients that hold their sessions: what memory a session costs is read from the
 * server's side while they stand there.
 *
 *     crowd PORT COUNT [--first N] [--tls starttls|implicit] [--again] [--busy] LINE...
 *
 * Client number N + i comes from an address of its own, 127.A.B.C. It waits for the greeting, says
 * the lines one after another, each when the reply to the one before is in, and then stays. With
 * --again it says the last line again after each reply to it. With --busy it counts as standing
 * once the last line has been said; without, once the reply is there. "ready" goes to standard
 * output when all stand; at the end of standard input a line of JSON tells what became of them.
 */
#include "base/num.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LINES_MAX = 32,
    OPENING_MAX = 400, /* on their way to where they stand, at a time: fewer than a backlog */
    EVENTS = 512,
    READ_SIZE = 4096,
    PER_OCTET = 250, /* hosts of a source network, and networks above it */
};

enum tls { TLS_NO, TLS_STARTTLS, TLS_IMPLICIT };

struct one {
    int fd;
    SSL *ssl;
    unsigned char step;   /* lines said */
    unsigned char column; /* of the reply's line that comes in, 4 at most */
    char code;            /* its first digit */
    bool last, shaking, stands;
};

static struct {
    unsigned port, count, first;
    enum tls tls;
    bool again, busy;
    char *lines[LINES_MAX];
    unsigned line_count;
} args;

static struct one *crowd;
static SSL_CTX *context;
static int poller;
static unsigned opened, standing, ended;
static unsigned long replies, refused;

static void fail(const char *what)
{
    fprintf(stderr, "crowd: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void end(struct one *o)
{
    if (o->stands)
        standing--;
    o->stands = false;
    if (o->ssl)
        SSL_free(o->ssl);
    o->ssl = NULL;
    close(o->fd);
    o->fd = -1;
    ended++;
}

static void stand(struct one *o)
{
    if (!o->stands)
        standing++;
    o->stands = true;
}

static void watch(struct one *o, int how, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.u32 = (uint32_t)(o - crowd)};

    if (epoll_ctl(poller, how, o->fd, &e) < 0)
        fail("epoll_ctl");
}

static void open_next(void)
{
    struct one *o = &crowd[opened];
    unsigned i = args.first + opened++;
    uint32_t from = 127u << 24 | (1 + i / (PER_OCTET * PER_OCTET)) << 16 |
                    (i / PER_OCTET % PER_OCTET) << 8 | (1 + i % PER_OCTET);
    struct sockaddr_in us = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(from)};
    struct sockaddr_in them = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)args.port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1, small = 4096;

    o->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (o->fd < 0)
        fail("socket");
    setsockopt(o->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    setsockopt(o->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes));
    setsockopt(o->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    if (bind(o->fd, (struct sockaddr *)&us, sizeof(us)) < 0)
        fail("bind");
    if (connect(o->fd, (struct sockaddr *)&them, sizeof(them)) < 0 && errno != EINPROGRESS)
        fail("connect");
    if (args.tls == TLS_IMPLICIT)
        o->shaking = true;
    watch(o, EPOLL_CTL_ADD, o->shaking ? EPOLLOUT : EPOLLIN);
}

/* Lines are short and the peer reads them at once: what does not fit is a fault. */
static void say(struct one *o, const char *line)
{
    char text[1024];
    int n = snprintf(text, sizeof(text), "%s\r\n", line);
    int done =
        o->ssl ? SSL_write(o->ssl, text, n) : (int)send(o->fd, text, (size_t)n, MSG_NOSIGNAL);

    if (done != n)
        end(o);
}

static void shake(struct one *o)
{
    int done;

    if (!o->ssl) {
        o->ssl = SSL_new(context);
        if (!o->ssl || SSL_set_fd(o->ssl, o->fd) != 1)
            fail("SSL_new");
        SSL_set_connect_state(o->ssl);
    }
    done = SSL_do_handshake(o->ssl);
    if (done == 1) {
        o->shaking = false;
        watch(o, EPOLL_CTL_MOD, EPOLLIN);
        /* After STARTTLS nobody greets again. */
        if (args.tls == TLS_STARTTLS)
            say(o, args.lines[o->step++]);
        return;
    }
    switch (SSL_get_error(o->ssl, done)) {
    case SSL_ERROR_WANT_READ:
        watch(o, EPOLL_CTL_MOD, EPOLLIN);
        break;
    case SSL_ERROR_WANT_WRITE:
        watch(o, EPOLL_CTL_MOD, EPOLLOUT);
        break;
    default:
        end(o);
    }
}

/* A reply is in. */
static void go_on(struct one *o)
{
    replies++;
    if (o->code != '2')
        refused++;
    if (o->step == args.line_count) {
        stand(o);
        if (args.again)
            say(o, args.lines[o->step - 1]);
        return;
    }
    if (o->step > 0 && args.tls == TLS_STARTTLS && !o->ssl &&
        strcmp(args.lines[o->step - 1], "STARTTLS") == 0) {
        o->shaking = true;
        shake(o);
        return;
    }
    say(o, args.lines[o->step++]);
    if (o->fd >= 0 && args.busy && o->step == args.line_count)
        stand(o);
}

static void take(struct one *o, const char *bytes, int count)
{
    for (int i = 0; i < count && o->fd >= 0; i++) {
        if (o->column == 0)
            o->code = bytes[i];
        if (o->column == 3)
            o->last = bytes[i] != '-';
        if (o->column < 4)
            o->column++;
        if (bytes[i] == '\n') {
            o->column = 0;
            if (o->last)
                go_on(o);
        }
    }
}

static void hear(struct one *o)
{
    char bytes[READ_SIZE];

    while (o->fd >= 0 && !o->shaking) {
        int n = o->ssl ? SSL_read(o->ssl, bytes, sizeof(bytes))
                       : (int)recv(o->fd, bytes, sizeof(bytes), 0);

        if (n > 0) {
            take(o, bytes, n);
            continue;
        }
        if (o->ssl ? SSL_get_error(o->ssl, n) == SSL_ERROR_WANT_READ
                   : n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        end(o);
    }
}

static bool input_ended(void)
{
    struct pollfd p = {.fd = 0, .events = POLLIN};
    char byte;

    return poll(&p, 1, 0) > 0 && read(0, &byte, 1) <= 0;
}

static void run(void)
{
    struct epoll_event events[EVENTS];
    bool told = false;

    while (!input_ended()) {
        int n;

        while (opened < args.count && opened - standing - ended < OPENING_MAX)
            open_next();
        n = epoll_wait(poller, events, EVENTS, 100);
        for (int i = 0; i < n; i++) {
            struct one *o = &crowd[events[i].data.u32];

            if (o->fd >= 0 && o->shaking)
                shake(o);
            if (o->fd >= 0 && !o->shaking)
                hear(o);
        }
        if (!told && opened == args.count && standing + ended == args.count) {
            told = true;
            printf("ready\n");
            fflush(stdout);
        }
    }
}

static bool read_args(int argc, char **argv)
{
    int i = 3;

    if (argc < 4 || !num_uint(span_str(argv[1]), 1, 65535, &args.port) ||
        !num_uint(span_str(argv[2]), 1, 1000000, &args.count))
        return false;
    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        if (strcmp(argv[i], "--again") == 0)
            args.again = true;
        else if (strcmp(argv[i], "--busy") == 0)
            args.busy = true;
        else if (strcmp(argv[i], "--first") == 0 && i + 1 < argc &&
                 num_uint(span_str(argv[i + 1]), 0, 1000000, &args.first))
            i++;
        else if (strcmp(argv[i], "--tls") == 0 && i + 1 < argc)
            args.tls = strcmp(argv[++i], "implicit") == 0 ? TLS_IMPLICIT : TLS_STARTTLS;
        else
            return false;
    }
    for (; i < argc && args.line_count < LINES_MAX; i++)
        args.lines[args.line_count++] = argv[i];
    return i == argc && args.line_count > 0;
}

int main(int argc, char **argv)
{
    struct rlimit files;

    if (!read_args(argc, argv)) {
        fprintf(stderr,
                "usage: crowd PORT COUNT [--first N] [--tls starttls|implicit] [--again] [--busy] "
                "LINE...\n");
        return 64;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        fail("getrlimit");
    files.rlim_cur = args.count + 100;
    if (files.rlim_max < files.rlim_cur)
        files.rlim_max = files.rlim_cur;
    if (setrlimit(RLIMIT_NOFILE, &files) < 0)
        fail("setrlimit");
    signal(SIGPIPE, SIG_IGN);
    crowd = calloc(args.count, sizeof(*crowd));
    context = SSL_CTX_new(TLS_client_method());
    poller = epoll_create1(0);
    if (!crowd || !context || poller < 0)
        fail("start");
    run();
    printf(
        "{\"opened\": %u, \"standing\": %u, \"ended\": %u, \"replies\": %lu, \"refused\": %lu}\n",
        opened, standing, ended, replies, refused);
    return 0;
}
