/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One row an option; postern-test(1) has a paragraph for each, and a test holds the two together.
 */
#include "cmd/test/args.h"

#include "base/num.h"

#include <stddef.h>

static const char *const tls_choices[] = {"auto", "no", "only", NULL};
static const char *const set_choices[] = {"auto", "quick", "standard", "full", NULL};
static const char *const color_choices[] = {"auto", "always", "never", NULL};

#define AT(field) offsetof(struct args, field)

static const struct option_row rows[] = {
    {.group = "Targets"},
    {"domain", 'd', "NAME", "test the whole mail system of a domain: every MX, every address",
     OPTION_LIST, AT(domains)},
    {"targets", 'T', "FILE", "test every line of a file (- is standard input)", OPTION_TEXT,
     AT(targets_file)},
    {"ports", 'p', "LIST", "ports to try at each address, 465 with TLS from the start", OPTION_TEXT,
     AT(ports), .shown = "25,465,587"},
    {"tls", 0, "HOW", "STARTTLS: auto tries without and with it, no, only", OPTION_CHOICE, AT(tls),
     .shown = "auto", .choices = tls_choices},
    {"ipv4", '4', NULL, "IPv4 addresses only", OPTION_FLAG, AT(v4_only)},
    {"ipv6", '6', NULL, "IPv6 addresses only", OPTION_FLAG, AT(v6_only)},
    {"control", 0, "ADDRESS", "a recipient that the target must take; it never gets a message",
     OPTION_LIST, AT(controls), .shown = "postmaster"},
    {"local-domain", 0, "NAME", "a domain that the target is final for", OPTION_LIST,
     AT(local_domains)},
    {"local-rcpt", 0, "ADDRESS", "a mailbox of yours at the target that may get test messages",
     OPTION_TEXT, AT(local_rcpt)},
    {"partner", 0, "NAME", "a domain that the target may trust as a sender", OPTION_TEXT,
     AT(partner)},

    {"mx-label", 0, "NAME",
     "a name below the probe domain that has the target as an MX, for --with "
     "mx-backup",
     OPTION_TEXT, AT(mx_label), .shown = "backup.PROBE-DOMAIN"},

    {.group = "Manners"},
    {"own", 'o', NULL, "I answer for these hosts: full budgets, no 24 hours between tests",
     OPTION_FLAG, AT(own)},
    {"gentle", 0, NULL, "stay below five refusals in ten minutes, as for hosts out of scope",
     OPTION_FLAG, AT(gentle)},
    {"scope", 0, "FILE", "hosts and networks that may be tested fully, besides STATE/scope",
     OPTION_TEXT, AT(scope_file)},
    {"never", 0, "FILE", "hosts and networks that must not be tested, besides STATE/never",
     OPTION_TEXT, AT(never_file)},
    {"parallel", 0, "N", "hosts tested at once", OPTION_UINT, AT(parallel), 1, 20000,
     .shown = "1000"},
    {"jobs", 0, "N", "threads that hold the sessions; 0: by the size of the run and of the machine",
     OPTION_UINT, AT(jobs), 0, 64, .shown = "0"},
    {"per-network", 0, "N", "hosts of one /24 or /48 tested at once, outside of your scope",
     OPTION_UINT, AT(per_network), 1, 20000, .shown = "2"},

    {.group = "Probes"},
    {"list-probes", 0, NULL, "print the catalogue and stop", OPTION_FLAG, AT(list_probes)},
    {"dry-run", 'n', NULL, "print the sessions that would be held, and send nothing", OPTION_FLAG,
     AT(dry_run)},
    {"probes", 0, "FILE", "more rows for the catalogue, see postern-probes(5)", OPTION_LIST,
     AT(probe_files)},
    {"set", 0, "NAME", "quick, standard or full; auto is standard for your own hosts, else quick",
     OPTION_CHOICE, AT(set), .shown = "auto", .choices = set_choices},
    {"only", 0, "GLOB", "only probes whose id, row or reference matches", OPTION_LIST, AT(only)},
    {"skip", 0, "GLOB", "leave such probes out", OPTION_LIST, AT(skip)},
    {"family", 'f', "NAME", "only this family of probes (an opt-in one too)", OPTION_LIST,
     AT(family)},
    {"with", 0, "NAME", "add an opt-in family: bdat, xclient, proxy, smuggling, …; or all",
     OPTION_LIST, AT(with)},
    {"from", 0, "PATH", "one envelope by hand: its MAIL FROM", OPTION_TEXT, AT(from)},
    {"rcpt", 0, "PATH", "its RCPT TO, which must lead to the probe domain ({u}@{d} fills it in)",
     OPTION_TEXT, AT(rcpt)},
    {"helo", 0, "NAME", "its HELO name", OPTION_TEXT, AT(helo)},
    {"account", 0, "USER", "a login of yours for the tests that need one", OPTION_TEXT,
     AT(account)},
    {"password-file", 0, "FILE", "its password, on the first line", OPTION_TEXT, AT(password_file)},
    {"cert", 0, "FILE", "a client certificate of yours (PEM) for the tests that need one",
     OPTION_TEXT, AT(cert)},
    {"cert-key", 0, "FILE", "its key, where it is not in the same file", OPTION_TEXT, AT(cert_key)},

    {.group = "Identity"},
    {"probe-domain", 'D', "NAME", "the domain whose mail comes to us", OPTION_TEXT,
     AT(probe_domain)},
    {"probe-address", 0, "ADDRESS", "a mailbox with a plus instead: me+@example.net", OPTION_TEXT,
     AT(probe_address)},
    {"name", 0, "HOST", "our name in HELO", OPTION_TEXT, AT(name), .shown = "this host's name"},
    {"contact", 0, "ADDRESS", "whom to ask about the test", OPTION_TEXT, AT(contact),
     .shown = "postmaster@PROBE-DOMAIN"},
    {"uri", 0, "URI", "the probe description URI of RFC 9511", OPTION_TEXT, AT(uri),
     .shown = "mailto: and the contact"},
    {"opt-out", 0, "URI", "how to be left alone", OPTION_TEXT, AT(opt_out), .shown = "the contact"},

    {.group = "Proof of arrival"},
    {"sink-listen", 'l', "ADDR:PORT", "receive the probe domain's mail here, in this process",
     OPTION_LIST, AT(sink_listen)},
    {"maildir", 0, "DIR", "look for arrivals in this Maildir", OPTION_TEXT, AT(maildir)},
    {"imap", 0, "URL", "look for arrivals in this mailbox: imaps://host/INBOX", OPTION_TEXT,
     AT(imap_url)},
    {"imap-user", 0, "USER", "its user", OPTION_TEXT, AT(imap_user)},
    {"imap-password-file", 0, "FILE", "its password, on the first line", OPTION_TEXT,
     AT(imap_password_file)},
    {"imap-ca-file", 0, "FILE", "authorities that may sign its certificate, PEM", OPTION_TEXT,
     AT(imap_ca_file), .shown = "the system's"},

    {.group = "Time"},
    {"wait", 'w', "TIME", "how long to wait for arrivals and for greylisting", OPTION_TIME,
     AT(wait), 0, ARGS_WAIT_MAX, .shown = "30s"},
    {"timeout", 0, "TIME", "patience for one reply", OPTION_TIME, AT(timeout), 1000, 600000,
     .shown = "60s"},
    {"connect-timeout", 0, "TIME", "patience for a connection", OPTION_TIME, AT(connect_timeout),
     500, 300000, .shown = "10s"},
    {"limit", 0, "TIME",
     "time for all sessions at one door; what is unlikely is left out after it "
     "(0: none)",
     OPTION_TIME, AT(limit), 0, ARGS_WAIT_MAX, .shown = "40s"},
    {"resume", 'r', NULL, "go on with a run: its unfinished hosts and its deferred probes",
     OPTION_FLAG, AT(resume)},
    {"preflight", 0, NULL, "check this machine and the probe domain, and stop", OPTION_FLAG,
     AT(preflight)},
    {"no-preflight", 0, NULL, "test foreign hosts without a look at this machine before",
     OPTION_FLAG, AT(no_preflight)},
    {"dnsbl", 0, "ZONE", "a blocklist in which our own address must not be", OPTION_TEXT,
     AT(dnsbl)},

    {.group = "Output"},
    {"json", 'j', NULL, "one JSON object a line; each target ends with its verdict", OPTION_FLAG,
     AT(json)},
    {"junit", 0, NULL, "JUnit XML", OPTION_FLAG, AT(junit)},
    {"prometheus", 0, NULL, "Prometheus text", OPTION_FLAG, AT(prometheus)},
    {"nagios", 0, NULL, "one line for Nagios and Icinga", OPTION_FLAG, AT(nagios)},
    {"html", 0, "FILE", "write a report for the browser as well", OPTION_TEXT, AT(html)},
    {"all", 'a', NULL, "every probe in the table, nothing summed up", OPTION_FLAG, AT(all)},
    {"quiet", 'q', NULL, "no progress and no notes on standard error", OPTION_FLAG, AT(quiet)},
    {"color", 0, "WHEN", "auto, always or never", OPTION_CHOICE, AT(color), .shown = "auto",
     .choices = color_choices},

    {.group = "Places"},
    {"config", 'c', "FILE", "read defaults from here", OPTION_TEXT, AT(config),
     .shown = "/etc/postern/postern.conf"},
    {"state", 's', "DIR", "where results, proofs and the key are kept", OPTION_TEXT, AT(state)},
    {"no-store", 0, NULL, "keep no results (the key is still needed)", OPTION_FLAG, AT(no_store)},
    {"resolver", 0, "ADDR[:PORT]", "ask this DNS server", OPTION_TEXT, AT(resolver),
     .shown = "the system's"},
    {"local-address", 0, "ADDR", "come from this address", OPTION_TEXT, AT(local_address)},
    {0},
};

const struct options args_options = {
    .program = "postern test",
    .about = "find out whether a mail system relays for strangers, and prove it by delivery",
    .usage = "[OPTION]... TARGET...\n"
             "[OPTION]... --domain NAME | --targets FILE\n"
             "--resume [OPTION]... [RUN]\n"
             "--list-probes | --dry-run | --preflight [OPTION]...",
    .text =
        "TARGET is a host name, an address, HOST:PORT or [IPV6]:PORT.\n"
        "\n"
        "Exit status: 0 closed, 1 accepts (taken, but nothing arrived), 2 open, 3 undecided, 64 "
        "and up: misuse.\n"
        "\n"
        "A one-command test of your own server, from a host where port 25 is free and which is "
        "the MX of relaytest.example.org:\n"
        "  postern test --own -D relaytest.example.org -l :25 mail.example.org",
    .rows = rows,
};

void args_defaults(struct args *a)
{
    *a = (struct args){
        .wait = ARGS_WAIT,
        .timeout = ARGS_TIMEOUT,
        .connect_timeout = ARGS_CONNECT,
        .limit = ARGS_LIMIT,
        .parallel = ARGS_PARALLEL,
        .per_network = 2,
    };
}

void args_deinit(struct args *a)
{
    struct option_list *lists[] = {&a->domains,     &a->controls, &a->local_domains,
                                   &a->probe_files, &a->only,     &a->skip,
                                   &a->family,      &a->with,     &a->sink_listen};

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        option_list_deinit(lists[i]);
}

void args_over_preset(struct args *a, const struct args *preset)
{
    if (a->probe_domain && a->probe_address) {
        if (a->probe_domain == preset->probe_domain)
            a->probe_domain = NULL;
        else if (a->probe_address == preset->probe_address)
            a->probe_address = NULL;
    }
    if (a->own && preset->gentle)
        a->gentle = false;
    if (a->v4_only && a->v6_only) {
        a->v4_only = !preset->v4_only;
        a->v6_only = !preset->v6_only;
    }
}

static int ports_read(struct args *a)
{
    struct span rest = span_str(a->ports), piece;
    unsigned port;

    a->port_count = 0;
    while (a->ports && span_cut(&rest, ',', &piece)) {
        if (!num_uint(span_trim(piece), 1, 65535, &port))
            return options_misuse(&args_options, "--ports: \"%s\" is no list of ports like 25,587",
                                  a->ports);
        if (a->port_count == ARGS_PORTS_MAX)
            return options_misuse(&args_options, "--ports: more than %d ports", ARGS_PORTS_MAX);
        a->port[a->port_count++] = (uint16_t)port;
    }
    return 0;
}

int args_check_resume(const struct args *a, int operands)
{
    if (operands > 1 || a->domains.count || a->targets_file)
        return options_misuse(&args_options, "--resume takes one run, and its targets from there");
    if (a->no_store)
        return options_misuse(&args_options, "--resume needs the store");
    return 0;
}

int args_check(struct args *a, int operands)
{
    unsigned formats = a->json + a->junit + a->prometheus + a->nagios;
    bool targets = operands > 0 || a->domains.count > 0 || a->targets_file;
    int bad = ports_read(a);

    if (bad)
        return bad;
    if (a->v4_only && a->v6_only)
        return options_misuse(&args_options, "--ipv4 and --ipv6 leave nothing to test");
    if (a->own && a->gentle)
        return options_misuse(&args_options, "--own and --gentle contradict each other");
    if (formats > 1)
        return options_misuse(&args_options,
                              "choose one of --json, --junit, --prometheus and --nagios");
    if (a->probe_domain && a->probe_address)
        return options_misuse(&args_options, "give --probe-domain or --probe-address, not both");
    if ((a->from || a->helo) && !a->rcpt)
        return options_misuse(&args_options, "an envelope by hand needs --rcpt, such as {u}@{d}");
    if (!targets && !a->resume && !a->list_probes && !a->dry_run && !a->preflight)
        return options_misuse(&args_options, "no target is given");
    if (a->preflight && a->no_preflight)
        return options_misuse(&args_options,
                              "--preflight and --no-preflight contradict each other");
    if (!a->account != !a->password_file)
        return options_misuse(&args_options, "--account and --password-file go together");
    if (a->cert_key && !a->cert)
        return options_misuse(&args_options, "--cert-key needs --cert");
    if ((a->imap_user || a->imap_password_file || a->imap_ca_file) && !a->imap_url)
        return options_misuse(&args_options,
                              "--imap-user, --imap-password-file and --imap-ca-file need --imap");
    return 0;
}
