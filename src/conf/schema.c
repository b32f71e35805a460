/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The settings. Only what is worth keeping has a row: what one test is about (its targets, its
 * probes, the form of its output) stays on the command line.
 */
#include "conf/schema.h"

#include "base/ip.h"
#include "base/num.h"

#include <stdio.h>
#include <string.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND };

#define HOUR (UINT64_C(60) * MINUTE)
#define DAY  (24 * HOUR)

static const char *const tls_choices[] = {"auto", "no", "only", NULL};
static const char *const set_choices[] = {"auto", "quick", "standard", "full", NULL};
static const char *const bare_choices[] = {"refuse", "replace", NULL};
static const char *const log_choices[] = {"plain", "postfix", NULL};

static const char *const role_choices[] = {"auto", "mx", "submission", NULL};

static bool refuse(char reason[CONF_REASON_MAX], const char *why)
{
    snprintf(reason, CONF_REASON_MAX, "%s", why);
    return false;
}

static bool check_path(const char *value, char reason[CONF_REASON_MAX])
{
    /* A relative path would mean another file in each folder that a program is started from. */
    return value[0] == '/' || refuse(reason, "must be a path from the root (/…)");
}

/* A path, or an address with a port. */
static bool check_socket(const char *value, char reason[CONF_REASON_MAX])
{
    struct span host;
    uint16_t port;
    struct ip ip;

    return value[0] == '/' ||
           (ip_host_port(span_str(value), &host, &port) && port && ip_parse(host, &ip)) ||
           refuse(reason, "is neither a path from the root (/…) nor an address with a port");
}

/* Labels of letters, digits, hyphens and underscores; UTF-8 is for the program to translate. */
static bool check_domain(const char *value, char reason[CONF_REASON_MAX])
{
    struct span rest = span_str(value), label;
    size_t labels = 0;

    while (span_cut(&rest, '.', &label)) {
        labels++;
        if (label.n == 0 || label.n > 63)
            return refuse(reason, "is no domain name");
        for (size_t i = 0; i < label.n; i++)
            if (!ascii_is_alnum(label.p[i]) && label.p[i] != '-' && label.p[i] != '_' &&
                !((unsigned char)label.p[i] & 0x80))
                return refuse(reason, "is no domain name");
    }
    return labels > 1 || refuse(reason, "is no full domain name (it has no dot)");
}

static bool check_mailbox(const char *value, char reason[CONF_REASON_MAX])
{
    size_t at = span_rfind(span_str(value), '@');

    if (at == 0 || at == strlen(value) || strpbrk(value, " \t<>\r\n"))
        return refuse(reason, "is no mail address");
    return check_domain(value + at + 1, reason);
}

/* A mailbox, or "@example.org" for all of a domain. */
static bool check_trap(const char *value, char reason[CONF_REASON_MAX])
{
    return value[0] == '@' ? check_domain(value + 1, reason) : check_mailbox(value, reason);
}

static bool check_uri(const char *value, char reason[CONF_REASON_MAX])
{
    struct span s = span_str(value);

    if (span_starts_nocase(s, SPAN_LIT("mailto:")) || span_starts_nocase(s, SPAN_LIT("https://")) ||
        span_starts_nocase(s, SPAN_LIT("http://")) || span_starts_nocase(s, SPAN_LIT("tel:")))
        return true;
    return refuse(reason, "is no URI (mailto:…, https://…)");
}

static bool check_imap(const char *value, char reason[CONF_REASON_MAX])
{
    return span_starts_nocase(span_str(value), SPAN_LIT("imaps://")) ||
           span_starts_nocase(span_str(value), SPAN_LIT("imap://")) ||
           refuse(reason, "is no mailbox URL (imaps://host/INBOX)");
}

static bool check_ip(const char *value, char reason[CONF_REASON_MAX])
{
    struct ip ip;

    return ip_parse(span_str(value), &ip) || refuse(reason, "is no IP address");
}

static bool check_server(const char *value, char reason[CONF_REASON_MAX])
{
    struct span host;
    uint16_t port;
    struct ip ip;

    return (ip_host_port(span_str(value), &host, &port) && ip_parse(host, &ip)) ||
           refuse(reason, "is no address (192.0.2.1, 192.0.2.1:53, \"[2001:db8::1]:53\")");
}

static bool check_place(const char *value, char reason[CONF_REASON_MAX])
{
    struct span s = span_str(value);
    size_t colon = span_rfind(s, ':');
    struct span host = span_slice(s, 0, colon);
    unsigned port;
    struct ip ip;

    if (colon == s.n || !num_uint(span_slice(s, colon + 1, s.n), 0, 65535, &port))
        return refuse(reason, "has no port at its end (192.0.2.1:25, \"*:25\")");
    if (host.n == 0 || span_eq(host, SPAN_LIT("*")) || span_eq_nocase(host, SPAN_LIT("localhost")))
        return true;
    if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = span_slice(host, 1, host.n - 1);
    return ip_parse(host, &ip) || refuse(reason, "is no address to listen on");
}

/* "192.0.2.0/24", "!" before it and words behind it are for whoever reads it. */
static bool check_network(const char *value, char reason[CONF_REASON_MAX])
{
    struct span rest = span_str(value + (value[0] == '!')), word = SPAN_NULL;
    struct ip_prefix net;

    return (span_word(&rest, &word) && ip_prefix_parse(word, &net)) ||
           refuse(reason, "is no network (192.0.2.0/24, \"2001:db8::/32\")");
}

/* "/etc/mail/access", "cidr:/etc/postfix/clients": a table of Postfix by its type and its path. */
static bool check_table(const char *value, char reason[CONF_REASON_MAX])
{
    static const char *const types[] = {
        "cidr:", "hash:", "texthash:", "btree:", "lmdb:", "dbm:", "cdb:", NULL};

    for (size_t i = 0; types[i]; i++)
        if (span_starts(span_str(value), span_str(types[i])))
            return check_path(value + strlen(types[i]), reason);
    return value[0] == '/' ||
           refuse(reason, "must be a path from the root (/…), with cidr: or hash: before it");
}

/* A Unix socket or a port. */
static bool check_path_or_place(const char *value, char reason[CONF_REASON_MAX])
{
    return value[0] == '/' || check_place(value, reason);
}

static bool check_ports(const char *value, char reason[CONF_REASON_MAX])
{
    struct span rest = span_str(value), piece;
    unsigned port;

    while (span_cut(&rest, ',', &piece))
        if (!num_uint(span_trim(piece), 1, 65535, &port))
            return refuse(reason, "is no list of ports (\"25,587\")");
    return true;
}

const struct conf_section conf_sections[] = {
    {"test", "postern test: finds open relays and proves them by delivery"},
    {"sink", "postern sink: receives the probes and keeps them as proofs"},
    {"gate", "postern gate: a mail server's front that relays for nobody unknown"},
    {"policy", "postern policy: the gate's decision for Postfix and for milters"},
    {"decoy", "postern decoy: looks like an open relay, delivers nothing, keeps record"},
    {0},
};

const struct conf_row conf_rows[] = {
    /* Who we are. */
    {"test", "probe-domain", CONF_TEXT, .fallback = "", .check = check_domain,
     .help = "the domain whose mail comes to us: its MX must be the sink"},
    {"test", "probe-address", CONF_TEXT, .fallback = "", .check = check_mailbox,
     .help = "a mailbox with plus addressing in place of a domain (me+@example.net)"},
    {"test", "name", CONF_TEXT, .fallback = "", .check = check_domain,
     .help = "our name in HELO; this host's name when not set"},
    {"test", "contact", CONF_TEXT, .fallback = "", .check = check_mailbox,
     .help = "whom to ask about a test; postmaster at the probe domain when not set"},
    {"test", "uri", CONF_TEXT, .fallback = "", .check = check_uri,
     .help = "the probe description URI of RFC 9511; mailto: and the contact when not set"},
    {"test", "opt-out", CONF_TEXT, .fallback = "", .check = check_uri,
     .help = "where to ask not to be tested; the contact when not set"},
    /* Where proofs arrive. */
    {"test", "sink-listen", CONF_TEXT, true, .fallback = "", .check = check_place,
     .help = "receive the probe domain's mail on this address in the test itself"},
    {"test", "maildir", CONF_TEXT, .fallback = "", .check = check_path,
     .help = "look for arrivals in this Maildir"},
    {"test", "imap", CONF_TEXT, .fallback = "", .check = check_imap,
     .help = "look for arrivals in this IMAP mailbox"},
    {"test", "imap-user", CONF_TEXT, .fallback = "", .help = "the user of the IMAP mailbox"},
    {"test", "imap-password-file", CONF_TEXT, .fallback = "", .check = check_path,
     .help = "the file with the password of the IMAP mailbox on its first line"},
    {"test", "imap-ca-file", CONF_TEXT, .fallback = "", .check = check_path,
     .help = "authorities that may sign its server's certificate; the system's when not set"},
    /* Targets. */
    {"test", "ports", CONF_TEXT, .fallback = "25,465,587", .check = check_ports,
     .help = "the ports to try at each address, 465 with TLS from the start"},
    {"test", "tls", CONF_CHOICE, .fallback = "auto", .choices = tls_choices,
     .help = "STARTTLS: auto tries without and with it"},
    {"test", "ipv4", CONF_FLAG, .fallback = "no", .help = "try IPv4 addresses only"},
    {"test", "ipv6", CONF_FLAG, .fallback = "no", .help = "try IPv6 addresses only"},
    {"test", "probes", CONF_TEXT, true, .fallback = "", .check = check_path,
     .help = "a file with more rows for the catalogue, see postern-probes(5)"},
    {"test", "set", CONF_CHOICE, .fallback = "auto", .choices = set_choices,
     .help = "how much of the catalogue; auto is standard for your own hosts, else quick"},
    /* Manners. */
    {"test", "scope", CONF_TEXT, .fallback = "", .check = check_path,
     .help = "a file with the hosts and networks that you answer for, see postern-scope(5)"},
    {"test", "never", CONF_TEXT, .fallback = "", .check = check_path,
     .help = "a file with the hosts and networks that must not be tested, see postern-scope(5)"},
    {"test", "gentle", CONF_FLAG, .fallback = "no",
     .help = "stay below five refusals in ten minutes also at hosts that you answer for"},
    {"test", "parallel", CONF_NUMBER, .fallback = "1000", .min = 1, .max = 20000, .unit = "hosts",
     .help = "hosts that are tested at once"},
    {"test", "jobs", CONF_NUMBER, .fallback = "0", .max = 64, .unit = "threads",
     .help = "threads that hold the sessions; 0: by the size of the run and of the machine"},
    {"test", "per-network", CONF_NUMBER, .fallback = "2", .min = 1, .max = 20000, .unit = "hosts",
     .help = "hosts of one /24 or /48 that are tested at once, outside of your scope"},
    /* Time. */
    {"test", "wait", CONF_TIME, .fallback = "30s", .max = 7 * DAY,
     .help = "how long to wait for arrivals and for greylisting"},
    {"test", "timeout", CONF_TIME, .fallback = "60s", .min = SECOND, .max = 10 * MINUTE,
     .help = "patience for one reply"},
    {"test", "connect-timeout", CONF_TIME, .fallback = "10s", .min = SECOND / 2, .max = 5 * MINUTE,
     .help = "patience for a connection"},
    /* Places. */
    {"test", "state", CONF_TEXT, .fallback = "", .check = check_path,
     .help = "the folder with results, proofs and the key; /var/lib/postern for root"},
    {"test", "resolver", CONF_TEXT, .fallback = "", .check = check_server,
     .help = "the DNS server to ask; the system's when not set"},
    {"test", "local-address", CONF_TEXT, .fallback = "", .check = check_ip,
     .help = "the address to come from; the system's choice when not set"},

    {"sink", "probe-domain", CONF_TEXT, .fallback = "", .check = check_domain,
     .help = "the domain whose mail comes here, with all below it"},
    {"sink", "listen", CONF_TEXT, true, .fallback = "*:25", .check = check_place,
     .help = "where to listen"},
    {"sink", "name", CONF_TEXT, .fallback = "", .check = check_domain,
     .help = "our name in the greeting; this host's name when not set"},
    {"sink", "age", CONF_NUMBER, .fallback = "30", .min = 1, .max = 3650, .unit = "days",
     .help = "how old a token may be"},
    {"sink", "tls", CONF_FLAG, .fallback = "yes", .help = "offer STARTTLS"},
    {"sink", "cert", CONF_TEXT, .fallback = "", .check = check_path,
     .help = "certificate chain in PEM form; a self-signed one is made once when not set"},
    {"sink", "key", CONF_TEXT, .fallback = "", .check = check_path,
     .help = "the certificate's key; in the same file when not set"},
    {"sink", "max-size", CONF_SIZE, .fallback = "10m", .min = 1 << 16, .max = 1 << 30,
     .help = "the most bytes of one message"},
    {"sink", "max-disk", CONF_SIZE, .fallback = "1g", .min = 1 << 20, .max = UINT64_C(1) << 50,
     .help = "the most bytes of the store; mail is put off when it is reached"},
    {"sink", "clients", CONF_NUMBER, .fallback = "500", .min = 1, .max = 10000,
     .unit = "connections", .help = "connections at a time"},
    {"sink", "per-client", CONF_NUMBER, .fallback = "20", .min = 1, .max = 10000,
     .unit = "connections", .help = "connections of one client at a time"},
    {"sink", "rate", CONF_NUMBER, .fallback = "600", .min = 1, .max = 60000, .unit = "a minute",
     .help = "connections and messages of one client in a minute"},
    {"sink", "idle", CONF_TIME, .fallback = "5m", .min = SECOND, .max = HOUR,
     .help = "silence after which a client is sent away"},
    {"sink", "state", CONF_TEXT, .fallback = "", .check = check_path,
     .help = "the folder with proofs and the key; /var/lib/postern for root"},
    {"sink", "user", CONF_TEXT, .fallback = "",
     .help = "the user to become once the ports are open"},
    {"sink", "verbose", CONF_FLAG, .fallback = "no",
     .help = "log sessions and refused recipients too"},
    /* Where clients come in. */
    {"gate", "listen-mx", CONF_TEXT, true, .fallback = "*:25", .check = check_place,
     .help = "where mail for our domains is taken from anyone"},
    {"gate", "listen-submission", CONF_TEXT, true, .fallback = "", .check = check_place,
     .help = "where mail of our users is taken (587, STARTTLS)"},
    {"gate", "listen-submissions", CONF_TEXT, true, .fallback = "", .check = check_place,
     .help = "the same with TLS from the start (465)"},
    {"gate", "proxy-from", CONF_TEXT, true, .fallback = "", .check = check_network,
     .help = "balancers that must speak the PROXY protocol to us"},
    {"gate", "name", CONF_TEXT, .fallback = "", .check = check_domain,
     .help = "our host name; this host's name when not set"},
    {"gate", "cert", CONF_TEXT, .fallback = "", .check = check_path,
     .help = "certificate chain in PEM form; without one there is no TLS"},
    {"gate", "key", CONF_TEXT, .fallback = "", .check = check_path,
     .help = "the certificate's key; in the same file when not set"},
    {"gate", "cert-dir", CONF_TEXT, .fallback = "", .check = check_path,
     .help = "a folder of PEM files, one a server name that clients ask for"},
    /* Who may relay. */
    {"gate", "domains", CONF_TEXT, true, .fallback = "",
     .help = "our domains; one with a dot before it stands for all below it too"},
    {"gate", "domains-file", CONF_TEXT, true, .fallback = "", .check = check_path,
     .help = "a file of domains, one a line (rcpthosts, relay-domains)"},
    {"gate", "networks", CONF_TEXT, true, .fallback = "", .check = check_network,
     .help = "networks whose hosts may relay"},
    {"gate", "networks-file", CONF_TEXT, true, .fallback = "", .check = check_path,
     .help = "a file of networks, one a line"},
    {"gate", "tcprules", CONF_TEXT, true, .fallback = "", .check = check_path,
     .help = "a file of tcp.smtp rules; RELAYCLIENT lets a host relay"},
    {"gate", "hosts-allow", CONF_TEXT, true, .fallback = "", .check = check_path,
     .help = "a hosts.allow file; RELAYCLIENT lets a host relay"},
    {"gate", "access", CONF_TEXT, true, .fallback = "", .check = check_table,
     .help = "an access map of Postfix or sendmail as text"},
    {"gate", "mx-networks", CONF_FLAG, .fallback = "no",
     .help = "let those hosts relay on the mx ports too"},
    {"gate", "certs", CONF_TEXT, true, .fallback = "",
     .help = "SHA-256 of the key of a client certificate that may relay, and a name"},
    {"gate", "literals", CONF_TEXT, true, .fallback = "", .check = check_ip,
     .help = "addresses of ours: user@[address] is a mailbox here"},
    {"gate", "client-ca", CONF_TEXT, .fallback = "", .check = check_path,
     .help = "whose client certificates may relay, in PEM form"},
    /* Where mail goes. */
    {"gate", "backend", CONF_TEXT, true, .fallback = "",
     .help =
         "where mail goes: [DOMAIN=]HOST:PORT xclient|proxy1|proxy2|transparent [tls|starttls]"},
    {"gate", "backend-ca", CONF_TEXT, .fallback = "", .check = check_path,
     .help =
         "who signs backends' certificates, in PEM form; the system's authorities when not set"},
    {"gate", "outbound", CONF_TEXT, .fallback = "",
     .help = "where mail of our users to others goes; the first backend when not set"},
    {"gate", "backend-max", CONF_NUMBER, .fallback = "1000", .min = 1, .max = 100000,
     .unit = "connections", .help = "connections to backends at a time"},
    {"gate", "backend-idle", CONF_TIME, .fallback = "10s", .max = 5 * MINUTE,
     .help = "how long to keep a backend for a client that pauses"},
    {"gate", "backend-test", CONF_FLAG, .fallback = "yes",
     .help = "try to relay through each backend at the start and hourly"},
    /* Logins. */
    {"gate", "auth-dovecot", CONF_TEXT, .fallback = "", .check = check_socket,
     .help = "the auth socket of Dovecot"},
    {"gate", "auth-file", CONF_TEXT, .fallback = "", .check = check_path,
     .help = "a password file"},
    {"gate", "mx-logins", CONF_FLAG, .fallback = "no", .help = "take logins on the mx ports too"},
    {"gate", "auth-plain-loopback", CONF_FLAG, .fallback = "no",
     .help = "let clients on this host send passwords without TLS"},
    {"gate", "login-failures", CONF_NUMBER, .fallback = "20", .max = 100000, .unit = "logins",
     .help = "failed logins of one address in ten minutes; then it has to wait; 0: no limit"},
    {"gate", "recipients-per-hour", CONF_NUMBER, .fallback = "0", .max = 1000000,
     .unit = "recipients", .help = "recipients of one login in an hour; 0: no limit"},
    {"gate", "prefixes-per-day", CONF_NUMBER, .fallback = "0", .max = 64, .unit = "networks",
     .help = "networks that one login may come from in a day; 0: no limit"},
    {"gate", "grants-listen", CONF_TEXT, .fallback = "", .check = check_place,
     .help = "be the auth policy server of Dovecot here, to learn of logins"},
    {"gate", "grants-socket", CONF_TEXT, .fallback = "", .check = check_path,
     .help = "learn of logins on this Unix socket"},
    {"gate", "grants-log", CONF_TEXT, .fallback = "", .check = check_path,
     .help = "learn of logins from this log of a POP or IMAP server"},
    {"gate", "drac-listen", CONF_TEXT, .fallback = "", .check = check_place,
     .help = "learn of logins by DRAC here (UDP)"},
    {"gate", "drac-portmap", CONF_FLAG, .fallback = "no",
     .help = "tell the portmapper of this host about it"},
    {"gate", "grants-from", CONF_TEXT, true, .fallback = "", .check = check_network,
     .help = "hosts that may tell us of logins by HTTP and DRAC; this one when not set"},
    {"gate", "grants-users", CONF_TEXT, true, .fallback = "",
     .help = "users of this host who may write to grants-socket, besides root and our own"},
    {"gate", "grant-networks", CONF_TEXT, true, .fallback = "", .check = check_network,
     .help = "private networks whose addresses may get a grant"},
    {"gate", "grant-time", CONF_TIME, .fallback = "30m", .min = SECOND, .max = DAY,
     .help = "how long a login lets its address relay"},
    {"gate", "grant-users-max", CONF_NUMBER, .fallback = "3", .min = 1, .max = 16, .unit = "users",
     .help = "users of one address; more, and it is shared and gets no grant"},
    /* Hygiene. */
    {"gate", "dnsbl", CONF_TEXT, true, .fallback = "",
     .help = "a DNS blocklist: zone, weight, and the codes that count"},
    {"gate", "dnswl", CONF_TEXT, true, .fallback = "",
     .help = "a DNS list of good clients, counted against the others"},
    {"gate", "dnsbl-threshold", CONF_NUMBER, .fallback = "10", .min = 1, .max = 10000,
     .unit = "points", .help = "the sum of weights from which a client is refused"},
    {"gate", "dnsbl-timeout", CONF_TIME, .fallback = "5s", .min = SECOND / 10, .max = MINUTE,
     .help = "how long to wait for lists"},
    {"gate", "resolver", CONF_TEXT, .fallback = "", .check = check_server,
     .help = "the DNS server to ask; the system's when not set"},
    {"gate", "client-names", CONF_FLAG, .fallback = "yes",
     .help = "look up clients' names, for backends and logs"},
    {"gate", "tarpit", CONF_FLAG, .fallback = "yes",
     .help = "keep listed clients and those that try to relay waiting"},
    {"gate", "tarpit-max", CONF_NUMBER, .fallback = "10000", .max = 1000000, .unit = "clients",
     .help = "clients that are kept waiting at a time"},
    {"gate", "tarpit-delay", CONF_TIME, .fallback = "1s", .min = SECOND, .max = MINUTE,
     .help = "how long their first reply waits; each next one twice as long, up to a minute"},
    {"gate", "traps", CONF_TEXT, true, .fallback = "", .check = check_trap,
     .help = "a mailbox that nobody has, or @domain; who writes to it is listed"},
    {"gate", "trap-time", CONF_TIME, .fallback = "1d", .min = MINUTE, .max = 7 * DAY,
     .help = "how long a client stays listed for it"},
    {"gate", "trap-file", CONF_TEXT, .fallback = "", .check = check_path,
     .help = "write that list here, as rbldnsd reads it"},
    {"gate", "traps-from", CONF_TEXT, true, .fallback = "", .check = check_path,
     .help = "a trap-file of a decoy or another gate: its clients are listed here too"},
    {"gate", "evidence", CONF_TEXT, .fallback = "", .check = check_path,
     .help = "a folder for attempts to relay"},
    {"gate", "exempt", CONF_TEXT, true, .fallback = "",
     .help = "networks that are never asked about, listed or kept waiting; no right to relay"},
    {"gate", "hops-max", CONF_NUMBER, .fallback = "100", .min = 1, .max = 1000, .unit = "fields",
     .help = "Received fields of a message; more is a loop"},
    {"gate", "guard", CONF_FLAG, .fallback = "yes",
     .help = "suspend relaying by address when clients lose theirs"},
    {"gate", "guard-sessions", CONF_NUMBER, .fallback = "20", .min = 1, .max = 100000,
     .unit = "sessions", .help = "sessions after which the guard judges"},
    /* Bounds. */
    {"gate", "size-max", CONF_SIZE, .fallback = "50m", .min = 1 << 16, .max = UINT64_C(1) << 40,
     .help = "the most bytes of one message"},
    {"gate", "rcpt-max", CONF_NUMBER, .fallback = "1000", .min = 100, .max = 50000,
     .unit = "recipients", .help = "recipients of one message"},
    {"gate", "sessions-max", CONF_NUMBER, .fallback = "20000", .min = 1, .max = 1000000,
     .unit = "clients", .help = "clients at a time"},
    {"gate", "sessions-per-host", CONF_NUMBER, .fallback = "50", .min = 1, .max = 1000000,
     .unit = "clients", .help = "clients of one address or /64 network at a time"},
    {"gate", "greet-wait", CONF_TIME, .fallback = "0", .max = MINUTE,
     .help = "silence before the greeting, in which no client may talk"},
    {"gate", "bare-newlines", CONF_CHOICE, .fallback = "refuse", .choices = bare_choices,
     .help = "lone CR, lone LF and NUL in a message"},
    /* Running. */
    {"gate", "admin", CONF_TEXT, .fallback = "", .check = check_path,
     .help = "the Unix socket where postern gate ctl talks to us"},
    {"gate", "metrics-listen", CONF_TEXT, .fallback = "", .check = check_place,
     .help = "Prometheus metrics by HTTP here"},
    {"gate", "log-style", CONF_CHOICE, .fallback = "plain", .choices = log_choices,
     .help = "plain, or lines that the tools of Postfix can read"},
    {"gate", "workers", CONF_NUMBER, .fallback = "1", .min = 1, .max = 64, .unit = "processes",
     .help = "processes that share the work"},
    {"gate", "drain-time", CONF_TIME, .fallback = "1m", .max = HOUR,
     .help = "at the end, how long to wait for messages under way"},
    {"gate", "state", CONF_TEXT, .fallback = "", .check = check_path,
     .help = "the state folder: what the guard has suspended is kept there over restarts"},
    {"gate", "pid-file", CONF_TEXT, .fallback = "", .check = check_path,
     .help = "the file for our process id"},
    {"gate", "user", CONF_TEXT, .fallback = "",
     .help = "the user to become once the ports are open"},
    {"gate", "verbose", CONF_FLAG, .fallback = "no", .help = "log more, and cut nothing"},

    {"policy", "listen", CONF_TEXT, true, .fallback = "", .check = check_path_or_place,
     .help = "where Postfix asks: a path, or an address and port"},
    {"policy", "milter", CONF_TEXT, .fallback = "", .check = check_path_or_place,
     .help = "where to be a milter: a path, or an address and port"},
    {"policy", "socket-mode", CONF_TEXT, .fallback = "0666",
     .help = "the mode of the sockets that are paths"},
    {"policy", "log-only", CONF_FLAG, .fallback = "no",
     .help = "refuse nothing, only log what would be refused"},
    {"policy", "role", CONF_CHOICE, .fallback = "auto", .choices = role_choices,
     .help = "what clients come in by; auto tells it by the server's port"},
    {"policy", "clients", CONF_NUMBER, .fallback = "1000", .min = 1, .max = 100000,
     .unit = "connections", .help = "connections of mail servers at a time"},
    {"policy", "idle", CONF_TIME, .fallback = "20m", .min = SECOND, .max = DAY,
     .help = "silence after which a connection of Postfix's is closed"},
    {"policy", "user", CONF_TEXT, .fallback = "",
     .help = "the user to become once the sockets are open"},
    {"policy", "verbose", CONF_FLAG, .fallback = "no", .help = "leave no line of the log out"},

    /* What it pretends. */
    {"decoy", "listen", CONF_TEXT, true, .fallback = "", .check = check_place,
     .help = "where to listen, on an address that no gate uses"},
    {"decoy", "persona", CONF_TEXT, .fallback = "postfix", .help = "what server to look like"},
    {"decoy", "personas", CONF_TEXT, .fallback = "", .check = check_path,
     .help = "a file of personas in place of those that come with Postern"},
    {"decoy", "name", CONF_TEXT, .fallback = "", .check = check_domain,
     .help = "our name in the greeting; this host's name when not set"},
    {"decoy", "address", CONF_TEXT, true, .fallback = "", .check = check_ip,
     .help = "an address that clients know us by, when we listen on another one"},
    {"decoy", "tls", CONF_FLAG, .fallback = "yes", .help = "offer STARTTLS where the persona does"},
    {"decoy", "cert", CONF_TEXT, .fallback = "", .check = check_path,
     .help = "certificate chain in PEM form; a self-signed one is made once when not set"},
    {"decoy", "key", CONF_TEXT, .fallback = "", .check = check_path,
     .help = "the certificate's key; in the same file when not set"},
    {"decoy", "tarpit", CONF_TIME, .fallback = "0", .max = 4 * MINUTE,
     .help = "the longest wait of a client that sent spam; none when 0"},
    /* What becomes of it. */
    {"decoy", "review", CONF_TEXT, .fallback = "", .check = check_path,
     .help = "the folder that relay tests are written into for the operator to see"},
    {"decoy", "evidence", CONF_TEXT, .fallback = "", .check = check_path,
     .help = "the folder that nominations of clients are written into"},
    {"decoy", "trap-file", CONF_TEXT, .fallback = "", .check = check_path,
     .help = "the list of clients that sent spam, for rbldnsd"},
    {"decoy", "trap-time", CONF_TIME, .fallback = "7d", .min = MINUTE, .max = 3650 * DAY,
     .help = "how long they stand in it"},
    {"decoy", "max-disk", CONF_SIZE, .fallback = "1g", .min = 8 << 20, .max = UINT64_C(1) << 50,
     .help = "the most bytes of records and bodies; the oldest go first"},
    {"decoy", "max-body", CONF_SIZE, .fallback = "64k", .min = 1024, .max = 1 << 20,
     .help = "the most bytes that are kept of one message"},
    {"decoy", "clients", CONF_NUMBER, .fallback = "500", .min = 1, .max = 10000,
     .unit = "connections", .help = "connections at a time"},
    {"decoy", "per-client", CONF_NUMBER, .fallback = "20", .min = 1, .max = 10000,
     .unit = "connections", .help = "connections of one client at a time"},
    {"decoy", "rate", CONF_NUMBER, .fallback = "120", .min = 1, .max = 60000, .unit = "a minute",
     .help = "connections and recorded messages of one client in a minute"},
    {"decoy", "idle", CONF_TIME, .fallback = "60s", .min = SECOND, .max = HOUR,
     .help = "silence after which a client is sent away"},
    {"decoy", "state", CONF_TEXT, .fallback = "", .check = check_path,
     .help = "the folder with the records; /var/lib/postern for root"},
    {"decoy", "user", CONF_TEXT, .fallback = "",
     .help = "the user to become once the ports are open; root must name one"},
    {"decoy", "verbose", CONF_FLAG, .fallback = "no", .help = "log sessions too"},
    {0},
};

const char *conf_type_name(enum conf_type t)
{
    static const char *const names[] = {
        [CONF_TEXT] = "text", [CONF_FLAG] = "yes or no", [CONF_NUMBER] = "number",
        [CONF_TIME] = "time", [CONF_SIZE] = "size",      [CONF_CHOICE] = "word",
    };

    return names[t];
}

const struct conf_row *conf_row_of(const char *section, const char *name)
{
    for (const struct conf_row *row = conf_rows; row->name; row++)
        if (strcmp(row->section, section) == 0 && strcmp(row->name, name) == 0)
            return row;
    return NULL;
}

static bool check_bounds(const struct conf_row *row, uint64_t v, char reason[CONF_REASON_MAX])
{
    uint64_t scale = row->type == CONF_TIME ? SECOND : 1;

    if (v >= row->min && v <= row->max)
        return true;
    snprintf(reason, CONF_REASON_MAX, "must be between %llu and %llu%s%s",
             (unsigned long long)((row->min + scale - 1) / scale),
             (unsigned long long)(row->max / scale), row->type == CONF_TIME ? " seconds" : "",
             row->type == CONF_SIZE ? " bytes" : "");
    return false;
}

static bool check_choice(const struct conf_row *row, const char *value,
                         char reason[CONF_REASON_MAX])
{
    int n = snprintf(reason, CONF_REASON_MAX, "'%.60s' is none of", value);

    for (size_t i = 0; row->choices[i]; i++) {
        if (strcmp(row->choices[i], value) == 0)
            return true;
        n += snprintf(reason + n, CONF_REASON_MAX - (size_t)n, "%s %s", i ? "," : "",
                      row->choices[i]);
    }
    return false;
}

static bool check_type(const struct conf_row *row, const char *value, char reason[CONF_REASON_MAX])
{
    struct span s = span_str(value);
    uint64_t v = 0;
    int64_t ms = 0;

    switch (row->type) {
    case CONF_TEXT:
        return true;
    case CONF_FLAG:
        return strcmp(value, "yes") == 0 || strcmp(value, "no") == 0 ||
               refuse(reason, "must be yes or no");
    case CONF_NUMBER:
        if (!num_u64(s, 0, UINT64_MAX, &v))
            return refuse(reason, "is no number");
        return check_bounds(row, v, reason);
    case CONF_TIME:
        if (!num_duration(s, &ms))
            return refuse(reason, "is no time (90, 90s, 10m, 2h, 1d)");
        return check_bounds(row, (uint64_t)ms, reason);
    case CONF_SIZE:
        if (!num_size(s, &v))
            return refuse(reason, "is no size (512, 64k, 10m, 1g)");
        return check_bounds(row, v, reason);
    case CONF_CHOICE:
        return check_choice(row, value, reason);
    }
    return false;
}

bool conf_row_check(const struct conf_row *row, const char *value, char reason[CONF_REASON_MAX])
{
    if (!*value)
        return refuse(reason, "is empty; comment the line out for the default");
    for (const char *p = value; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            return refuse(reason, "holds a control character");
    return check_type(row, value, reason) && (!row->check || row->check(value, reason));
}
