/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each case gives its rights up in a process of its own and shows what is left. */
#include "io/rights.h"

#include "io/conn.h"
#include "io/file.h"
#include "io/listen.h"
#include "io/netif.h"
#include "io/random.h"
#include "io/resolver.h"
#include "io/timer.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { FINE = 0, NO_FILTER = 77 };

static char folder[] = "/tmp/postern-rights-XXXXXX";

/* Runs fn in a child after rights_drop(); its exit code, or minus the signal that ended it. */
static int after_drop(enum rights_profile profile, int (*fn)(void))
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        struct rights want = {.profile = profile};
        struct rights_done done;

        if (rights_drop(&want, &done) < 0)
            _exit(100);
        if (!done.no_new_privs)
            _exit(101);
        if (!done.filter) {
            _exit(profile == RIGHTS_NONE ? fn() : done.notes[0] ? NO_FILTER : 102);
        }
        _exit(fn());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* --- what must go on working ------------------------------------------------------------------ */

static unsigned closed_count;

static void echo_data(void *cookie, struct conn *c, struct span bytes)
{
    conn_write(c, bytes);
    conn_close(c);
}

static void on_secured(void *cookie, struct conn *c)
{
    conn_write(c, SPAN_LIT("ping"));
}

static void on_connected(void *cookie, struct conn *c)
{
    if (conn_tls_client(c, cookie, "rights.example", SPAN_NULL) != CONN_TLS_STARTED)
        _exit(10);
}

static void on_closed(void *cookie, struct conn *c, const struct conn_end *end)
{
    if (end->reason != CONN_LOCAL && end->reason != CONN_EOF)
        _exit(11);
    if (++closed_count == 2)
        loop_stop(conn_loop(c));
}

static void ping_data(void *cookie, struct conn *c, struct span bytes)
{
    if (!span_eq(bytes, SPAN_LIT("ping")))
        _exit(12);
}

static const struct conn_events server_events = {.data = echo_data, .closed = on_closed};
static const struct conn_events client_events = {
    .connected = on_connected, .secured = on_secured, .data = ping_data, .closed = on_closed};

static void on_accept(void *cookie, struct listener *li, struct conn *c)
{
    conn_own(c, &server_events, NULL);
    if (conn_tls_server(c, cookie, SPAN_NULL) != CONN_TLS_STARTED)
        _exit(13);
}

static void *thread(void *arg)
{
    *(int *)arg = 1;
    return NULL;
}

static void on_resolved(void *cookie, const struct dns_answer *a)
{
    loop_stop(cookie);
}

/* All of these were made while we had rights. */
static struct loop *loop;
static struct tls_context *server_tls, *client_tls;
static struct listener *listener;
static struct resolver *resolver;
static enum rights_profile profile_now;

static int work(void)
{
    struct conn_target to = {.ip = listener_place(listener).ip,
                             .port = listener_place(listener).port,
                             .timeout_ms = 5000};
    struct netif_facts facts;
    struct buf b = BUF_INIT(1000);
    char path[100];
    pthread_t t;
    int ran = 0;
    struct conn *c;
    uint32_t v;

    if (profile_now == RIGHTS_CLIENT)
        to.local = to.ip;
    if (conn_connect(loop, &to, &client_events, client_tls, &c) < 0)
        return 20;
    loop_run(loop);
    if (closed_count != 2)
        return 21;
    if (pthread_create(&t, NULL, thread, &ran) != 0 || pthread_join(t, NULL) != 0 || !ran)
        return 22;
    snprintf(path, sizeof(path), "%s/file-%d", folder, getpid());
    if (file_write(path, SPAN_LIT("text"), 0600) < 0 || file_read(path, &b) < 0 || b.n != 4 ||
        unlink(path) < 0)
        return 23;
    buf_deinit(&b);
    if (random_below(10, &v) < 0)
        return 24;
    if (resolver_mx(resolver, SPAN_LIT("example.org"), on_resolved, loop, NULL) < 0)
        return 25;
    loop_run(loop);
    if (netif_facts(&facts) < 0) /* a reload looks at the host's network again */
        return 26;
    netif_facts_deinit(&facts);
    return FINE;
}

static int refuse_filter(int r)
{
    if (r == NO_FILTER)
        print_message("# not shown: no filter in this build or system\n");
    return r == NO_FILTER;
}

static void test_work_goes_on(void **state)
{
    static const enum rights_profile profiles[] = {RIGHTS_NONE, RIGHTS_CLIENT, RIGHTS_SERVER};

    for (size_t i = 0; i < 3; i++) {
        profile_now = profiles[i];
        int r = after_drop(profiles[i], work);

        if (!refuse_filter(r))
            assert_int_equal(r, FINE);
    }
}

/* --- what must not ---------------------------------------------------------------------------- */

static int try_exec(void)
{
    execl("/bin/true", "true", (char *)NULL);
    return 50;
}

static int try_fork(void)
{
    return fork() == 0 ? 0 : 51;
}

static int try_vfork(void)
{
    return system("true") == 0 ? 52 : 53;
}

static int try_listen(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    return fd >= 0 && listen(fd, 1) < 0 && errno == ENOSYS ? FINE : 54;
}

static int try_bind(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    return fd >= 0 && bind(fd, (struct sockaddr *)&in, sizeof(in)) < 0 ? FINE : 55;
}

static int try_raw(void)
{
    return socket(AF_PACKET, SOCK_RAW, 0) < 0 && socket(AF_INET, SOCK_RAW, 1) < 0 ? FINE : 56;
}

static int try_setuid(void)
{
    return setuid(0) == 0 ? 57 : 58;
}

static void test_what_is_forbidden(void **state)
{
    static const struct {
        const char *name;
        enum rights_profile profile;
        int (*fn)(void);
        int want;
    } cases[] = {
        {"exec", RIGHTS_CLIENT, try_exec, -SIGSYS},
        {"exec as server", RIGHTS_SERVER, try_exec, -SIGSYS},
        {"fork", RIGHTS_SERVER, try_fork, -SIGSYS},
        {"setuid", RIGHTS_CLIENT, try_setuid, -SIGSYS},
        {"listen", RIGHTS_CLIENT, try_listen, FINE},
        {"bind as server", RIGHTS_SERVER, try_bind, FINE},
        {"raw socket", RIGHTS_CLIENT, try_raw, FINE},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int r = after_drop(cases[i].profile, cases[i].fn);

        if (!refuse_filter(r) && r != cases[i].want)
            fail_msg("%s: %d, not %d", cases[i].name, r, cases[i].want);
    }
    /* system(3) forks by vfork or clone: killed, or told that there is no such call. */
    int r = after_drop(RIGHTS_CLIENT, try_vfork);
    if (!refuse_filter(r))
        assert_true(r == -SIGSYS || r == 53);
}

static int check_capabilities(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[200];
    unsigned seen = 0;

    while (f && fgets(line, sizeof(line), f)) {
        if (strncmp(line, "CapEff:", 7) == 0 || strncmp(line, "CapPrm:", 7) == 0)
            seen += strstr(line, "0000000000000000") != NULL;
        if (strncmp(line, "NoNewPrivs:", 11) == 0)
            seen += strstr(line, "1") != NULL;
    }
    return seen == 3 ? FINE : 60;
}

static void test_capabilities(void **state)
{
    int r = after_drop(RIGHTS_NONE, check_capabilities);

    assert_int_equal(r, FINE);
}

static void test_user(void **state)
{
    struct rights want = {.profile = RIGHTS_NONE, .user = "no-such-user-here"};
    struct rights_done done;
    int status;
    pid_t pid;

    if (geteuid() != 0) {
        assert_int_equal(rights_drop(&want, &done), 0);
        assert_non_null(strstr(done.notes, "root"));
        return;
    }
    assert_int_equal(rights_drop(&want, &done), -ENOENT);
    pid = fork();
    if (pid == 0) {
        want.user = "nobody";
        want.keep_bind = true;
        if (rights_drop(&want, &done) < 0 || !done.user || getuid() == 0 || geteuid() == 0)
            _exit(1);
        if (setuid(0) == 0 || access("/etc/shadow", R_OK) == 0)
            _exit(2);
        /* The one right that was to stay. */
        struct sockaddr_in in = {
            .sin_family = AF_INET, .sin_port = htons(1), .sin_addr = {htonl(INADDR_LOOPBACK)}};
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        _exit(bind(fd, (struct sockaddr *)&in, sizeof(in)) < 0 && errno == EACCES ? 3 : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int set_up(void **state)
{
    struct listen_place at = {.ip = {.family = IP_V4, .b = {127, 0, 0, 1}}};
    struct resolver_options o = {.server = "127.0.0.1:1", .timeout_ms = 50, .tries = 1};
    char err[TLS_ERROR_MAX], path[100];

    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/tls.pem", folder);
    if (loop_new(&loop) < 0 || tls_server_self(path, "rights.example", &server_tls, err) < 0 ||
        tls_client_new(NULL, &client_tls, err) < 0 ||
        listener_open(loop, &at, on_accept, server_tls, &listener, err) < 0 ||
        resolver_new(loop, &o, &resolver, err) < 0)
        return -1;
    return 0;
}

static int tear_down(void **state)
{
    char path[100];

    snprintf(path, sizeof(path), "%s/tls.pem", folder);
    unlink(path);
    rmdir(folder);
    resolver_free(&resolver);
    listener_free(&listener);
    loop_free(&loop);
    tls_context_free(&server_tls);
    tls_context_free(&client_tls);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_work_goes_on),
        cmocka_unit_test(test_what_is_forbidden),
        cmocka_unit_test(test_capabilities),
        cmocka_unit_test(test_user),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
