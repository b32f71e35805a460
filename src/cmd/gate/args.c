/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of options, in the order of --help; the same names stand in conf/schema.c. */
#include "cmd/gate/args.h"

#include "cmd/common/settings.h"

#include <stddef.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

#define AT(field) offsetof(struct gate_args, field)

static const char *const bare_choices[] = {"refuse", "replace", NULL};
static const char *const log_choices[] = {"plain", "postfix", NULL};

static const struct option_row rows[] = {
    {.group = "Where clients come in"},
    {"listen-mx", 'l', "ADDR:PORT", "take mail for our domains from anyone here", OPTION_LIST,
     AT(listen_mx), .shown = "*:25 if nothing else listens"},
    {"listen-submission", 0, "ADDR:PORT", "take mail of our users here (587, STARTTLS)",
     OPTION_LIST, AT(listen_submission)},
    {"listen-submissions", 0, "ADDR:PORT", "the same with TLS from the start (465)", OPTION_LIST,
     AT(listen_submissions)},
    {"proxy-from", 0, "NETWORK", "balancers that must speak the PROXY protocol to us", OPTION_LIST,
     AT(proxy_from)},
    {"name", 0, "HOST", "our host name", OPTION_TEXT, AT(name), .shown = "this host's"},
    {"cert", 0, "FILE", "certificate chain (PEM)", OPTION_TEXT, AT(cert)},
    {"key", 0, "FILE", "its key (PEM)", OPTION_TEXT, AT(key), .shown = "in the same file"},
    {"cert-dir", 0, "DIR", "one PEM file a server name, chosen by what the client asks for",
     OPTION_TEXT, AT(cert_dir)},
    {.group = "Who may relay"},
    POLICY_OPTION_ROWS(struct gate_args, policy),
    {"client-ca", 0, "FILE", "whose certificates may relay (PEM)", OPTION_TEXT, AT(client_ca)},
    {.group = "Where mail goes"},
    {"backend", 'b', "BACKEND",
     "[DOMAIN=]HOST:PORT xclient|proxy1|proxy2|transparent "
     "[tls|starttls [verify[=NAME]|pin=SHA256|unverified]]",
     OPTION_LIST, AT(backend)},
    {"backend-ca", 0, "FILE", "who signs backends' certificates (PEM)", OPTION_TEXT, AT(backend_ca),
     .shown = "the system's authorities"},
    {"outbound", 0, "BACKEND", "for mail of our users to others", OPTION_TEXT, AT(outbound),
     .shown = "the first backend"},
    {"backend-max", 0, "N", "connections to backends at a time", OPTION_UINT, AT(backend_max),
     .min = 1, .max = 100000, .shown = "1000"},
    {"backend-idle", 0, "TIME", "how long to keep a backend for a client that pauses", OPTION_TIME,
     AT(backend_idle), .min = 0, .max = 5 * MINUTE, .shown = "10s"},
    {"backend-test", 0, NULL, "try to relay through each backend at the start and hourly",
     OPTION_FLAG, AT(backend_test), .shown = "yes"},
    {.group = "Logins"},
    {"auth-dovecot", 0, "SOCKET", "ask Dovecot: a path, or ADDR:PORT", OPTION_TEXT,
     AT(auth_dovecot)},
    {"auth-file", 0, "FILE", "a password file", OPTION_TEXT, AT(auth_file)},
    {"mx-logins", 0, NULL, "take logins on the mx ports too", OPTION_FLAG, AT(mx_logins)},
    {"auth-plain-loopback", 0, NULL, "let clients on this host send passwords without TLS",
     OPTION_FLAG, AT(auth_plain_loopback)},
    {"login-failures", 0, "N", "of one address in ten minutes; then it has to wait", OPTION_UINT,
     AT(login_failures), .max = 100000, .shown = "20"},
    {"recipients-per-hour", 0, "N", "of one login", OPTION_UINT, AT(recipients_per_hour),
     .max = 1000000, .shown = "0, no limit"},
    {"prefixes-per-day", 0, "N", "networks that one login may come from", OPTION_UINT,
     AT(prefixes_per_day), .max = 64, .shown = "0, no limit"},
    {"grants-listen", 0, "ADDR:PORT", "be Dovecot's auth policy server, to learn of logins",
     OPTION_TEXT, AT(grants_listen)},
    {"grants-socket", 0, "SOCKET", "learn of logins on a Unix socket", OPTION_TEXT,
     AT(grants_socket)},
    {"grants-log", 0, "FILE", "learn of logins from a log of a POP or IMAP server", OPTION_TEXT,
     AT(grants_log)},
    {"drac-listen", 0, "ADDR:PORT", "learn of logins by DRAC (UDP)", OPTION_TEXT, AT(drac_listen)},
    {"drac-portmap", 0, NULL, "tell the portmapper of this host about it", OPTION_FLAG,
     AT(drac_portmap)},
    {"grants-from", 0, "PREFIX", "hosts that may tell us of logins by HTTP and DRAC", OPTION_LIST,
     AT(grants_from), .shown = "loopback"},
    {"grants-users", 0, "NAME", "users who may write to grants-socket, besides root", OPTION_LIST,
     AT(grants_users)},
    {"grant-networks", 0, "PREFIX", "private networks whose addresses may get a grant", OPTION_LIST,
     AT(grant_networks)},
    {"grant-time", 0, "TIME", "how long a login lets its address relay", OPTION_TIME,
     AT(grant_time), .min = SECOND, .max = DAY, .shown = "30m"},
    {"grant-users-max", 0, "N", "users of one address; more, and it is shared and gets no grant",
     OPTION_UINT, AT(grant_users_max), .min = 1, .max = 16, .shown = "3"},
    {.group = "Hygiene"},
    {"dnsbl", 0, "LIST", "\"zone weight [codes]\": who is listed is slowed or refused", OPTION_LIST,
     AT(dnsbl)},
    {"dnswl", 0, "LIST", "the same, counted against it", OPTION_LIST, AT(dnswl)},
    {"dnsbl-threshold", 0, "N", "the sum of weights from which a client is refused", OPTION_UINT,
     AT(dnsbl_threshold), .min = 1, .max = 10000, .shown = "10"},
    {"dnsbl-timeout", 0, "TIME", "after which a list says nothing", OPTION_TIME, AT(dnsbl_timeout),
     .min = SECOND / 10, .max = MINUTE, .shown = "5s"},
    {"resolver", 0, "ADDR[:PORT]", "the DNS server to ask", OPTION_TEXT, AT(resolver),
     .shown = "the system's"},
    {"client-names", 0, NULL, "look up clients' names, for backends and logs", OPTION_FLAG,
     AT(client_names), .shown = "yes"},
    {"tarpit", 0, NULL, "keep listed clients and those that try to relay waiting", OPTION_FLAG,
     AT(tarpit), .shown = "yes"},
    {"tarpit-max", 0, "N", "clients that are kept waiting at a time", OPTION_UINT, AT(tarpit_max),
     .max = 1000000, .shown = "10000"},
    {"tarpit-delay", 0, "TIME", "how long the first reply waits; each next one twice as long",
     OPTION_TIME, AT(tarpit_delay), .min = SECOND, .max = MINUTE, .shown = "1s"},
    {"traps", 0, "ADDRESS", "a mailbox that nobody has; who writes to it is listed", OPTION_LIST,
     AT(traps)},
    {"trap-time", 0, "TIME", "for how long", OPTION_TIME, AT(trap_time), .min = MINUTE,
     .max = 7 * DAY, .shown = "1d"},
    {"trap-file", 0, "FILE", "write that list here", OPTION_TEXT, AT(trap_file)},
    {"traps-from", 0, "FILE", "who stands in such a file of a decoy or another gate is listed too",
     OPTION_LIST, AT(traps_from)},
    {"evidence", 0, "DIR", "keep attempts to relay here", OPTION_TEXT, AT(evidence)},
    {"exempt", 0, "NETWORK", "never asked about, listed or kept waiting; no right to relay",
     OPTION_LIST, AT(exempt)},
    {"hops-max", 0, "N", "Received fields of a message", OPTION_UINT, AT(hops_max), .min = 1,
     .max = 1000, .shown = "100"},
    {"guard", 0, NULL, "suspend relaying by address when clients lose theirs", OPTION_FLAG,
     AT(guard), .shown = "yes"},
    {"guard-sessions", 0, "N", "sessions after which the guard judges", OPTION_UINT,
     AT(guard_sessions), .min = 1, .max = 100000, .shown = "20"},
    {.group = "Bounds"},
    {"size-max", 0, "BYTES", "of one message", OPTION_SIZE, AT(size_max), .min = 1 << 16,
     .shown = "50m"},
    {"rcpt-max", 0, "N", "recipients of one message", OPTION_UINT, AT(rcpt_max), .min = 100,
     .max = 50000, .shown = "1000"},
    {"sessions-max", 0, "N", "clients at a time", OPTION_UINT, AT(sessions_max), .min = 1,
     .max = 1000000, .shown = "20000"},
    {"sessions-per-host", 0, "N", "of one address or /64 network", OPTION_UINT,
     AT(sessions_per_host), .min = 1, .max = 1000000, .shown = "50"},
    {"greet-wait", 0, "TIME", "silence before the greeting, in which no client may talk",
     OPTION_TIME, AT(greet_wait), .max = MINUTE, .shown = "0"},
    {"bare-newlines", 0, "WHAT", "lone CR, lone LF and NUL in a message: refuse or replace",
     OPTION_CHOICE, AT(bare_newlines), .choices = bare_choices, .shown = "refuse"},
    {.group = "Running"},
    {"json", 0, NULL, "of explain: print a JSON object", OPTION_FLAG, AT(json)},
    {"config", 'c', "FILE", "read settings from here", OPTION_TEXT, AT(config), .shown = CONF_PATH},
    {"admin", 0, "SOCKET", "where postern gate ctl talks to us", OPTION_TEXT, AT(admin)},
    {"metrics-listen", 0, "ADDR:PORT", "Prometheus metrics by HTTP", OPTION_TEXT,
     AT(metrics_listen)},
    {"log-style", 0, "STYLE", "plain, or lines that Postfix's tools can read", OPTION_CHOICE,
     AT(log_style), .choices = log_choices, .shown = "plain"},
    {"workers", 0, "N", "processes", OPTION_UINT, AT(workers), .min = 1, .max = 64, .shown = "1"},
    {"drain-time", 0, "TIME", "at the end, how long to wait for messages under way", OPTION_TIME,
     AT(drain_time), .max = HOUR, .shown = "1m"},
    {"state", 0, "DIR", "the state folder: the guard's verdict outlives us there", OPTION_TEXT,
     AT(state), .shown = "/var/lib/postern"},
    {"pid-file", 0, "FILE", "write our process id here", OPTION_TEXT, AT(pid_file)},
    {"user", 'u', "NAME", "become this user once the ports are open", OPTION_TEXT, AT(user)},
    {"verbose", 'v', NULL, "log more, and cut nothing", OPTION_FLAG, AT(verbose)},
    {0},
};

const struct options gate_options = {
    .program = "postern gate",
    .about = "A mail server's front that relays for nobody unknown.",
    .usage = "[OPTION]...\n"
             "check [OPTION]...\n"
             "explain KEY=VALUE... [OPTION]...\n"
             "passwd USER [lock|remove] [OPTION]...\n"
             "ctl VERB [WORD]... [OPTION]...",
    .text = "Mail to our domains is taken from anyone, mail of our users goes to anyone, the rest "
            "is refused in the dialogue. No message is ever held: the backend's answer is the "
            "client's.\n"
            "\n"
            "SIGHUP reads the configuration and the certificates again. SIGTERM ends it once "
            "messages under way are done.\n"
            "\n"
            "Exit status: 0 ended as asked, 64 misuse, 66 no such file, 67 no such user, 69 "
            "nobody answers (ctl), 71 system error, 77 no right, 78 bad configuration.",
    .rows = rows,
};

static void set_defaults(struct gate_args *a)
{
    *a = (struct gate_args){
        .grant_time = 30 * MINUTE,
        .grant_users_max = 3,
        .login_failures = 20,
        .dnsbl_threshold = 10,
        .dnsbl_timeout = 5 * SECOND,
        .client_names = true,
        .tarpit = true,
        .tarpit_max = 10000,
        .tarpit_delay = SECOND,
        .trap_time = DAY,
        .hops_max = 100,
        .guard = true,
        .guard_sessions = 20,
        .size_max = 50 << 20,
        .sessions_max = 20000,
        .sessions_per_host = 50,
        .backend_max = 1000,
        .rcpt_max = 1000,
        .workers = 1,
        .drain_time = MINUTE,
        .backend_idle = 10 * SECOND,
        .backend_test = true,
    };
}

int gate_args_read(int argc, char **argv, struct gate_args *args, struct conf **ret_conf,
                   int *ret_first)
{
    int status;

    set_defaults(args);
    *ret_conf = NULL;
    *ret_first = argc;
    status = settings_load(&gate_options, "gate", argc, argv, args, ret_conf);
    if (status)
        return status;
    switch (options_parse(&gate_options, argc, argv, args, ret_first)) {
    case OPTIONS_DONE:
        return GATE_ARGS_DONE;
    case OPTIONS_MISUSE:
        return OPTIONS_EXIT_MISUSE;
    case OPTIONS_RUN:
        break;
    }
    return 0;
}

void gate_args_deinit(struct gate_args *a)
{
    struct option_list *lists[] = {
        &a->listen_mx,
        &a->listen_submission,
        &a->listen_submissions,
        &a->proxy_from,
        &a->backend,
        &a->dnsbl,
        &a->dnswl,
        &a->traps,
        &a->traps_from,
        &a->exempt,
        &a->grants_from,
        &a->grants_users,
        &a->grant_networks,
    };

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        option_list_deinit(lists[i]);
    policy_args_deinit(&a->policy);
}
