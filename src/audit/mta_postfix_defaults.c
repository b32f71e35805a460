/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Defaults that matter to relaying, as postconf(5) gives them: texts in Postfix's own language, so
 * that those that depend on the compatibility level are worked out like any other value.
 */
#include "audit/mta_postfix_priv.h"

#include "base/num.h"

static const struct {
    const char *name, *text;
    unsigned since; /* version that knows it; before, it has no effect */
} table[] = {
    {"alias_maps", "hash:/etc/aliases", 0},
    {"allow_percent_hack", "yes", 0},
    {"allow_untrusted_routing", "no", 0},
    {"compatibility_level", "0", 0},
    {"config_directory", "/etc/postfix", 0},
    {"inet_interfaces", "all", 0},
    {"inet_protocols", "all", 0},
    {"local_recipient_maps", "proxy:unix:passwd.byname $alias_maps", 0},
    {"mydestination", "$myhostname, localhost.$mydomain, localhost", 0},
    {"mynetworks_style", "${{$compatibility_level} <level {2} ? {subnet} : {host}}", 0},
    {"myorigin", "$myhostname", 0},
    {"parent_domain_matches_subdomains",
     "debug_peer_list,fast_flush_domains,mynetworks,permit_mx_backup_networks,"
     "qmqpd_authorized_clients,relay_domains,smtpd_access_maps",
     0},
    {"relay_domains", "${{$compatibility_level} <level {2} ? {$mydestination} : {}}", 0},
    {"resolve_dequoted_address", "yes", 0},
    {"smtpd_delay_reject", "yes", 0},
    {"smtpd_null_access_lookup_key", "<>", 0},
    {"smtpd_reject_unlisted_recipient", "yes", 0},
    {"smtpd_relay_restrictions",
     "${{$compatibility_level} <level {1} ? {} : {permit_mynetworks, permit_sasl_authenticated, "
     "defer_unauth_destination}}",
     2010},
    {"smtpd_sasl_auth_enable", "no", 0},
    {"smtpd_sasl_security_options", "noanonymous", 0},
    {"smtpd_sasl_type", "cyrus", 0},
    {"swap_bangpath", "yes", 0},
    {"virtual_alias_domains", "$virtual_alias_maps", 0},
    {"virtual_alias_maps", "$virtual_maps", 0},
    {"virtual_mailbox_domains", "$virtual_mailbox_maps", 0},
};

const char *pf_default(const struct pf_conf *c, const char *name)
{
    const char *host = audit_host_get_name(c->a), *dot;

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strcmp(table[i].name, name) == 0)
            return c->version >= table[i].since ? table[i].text : "";
    if (!host || !strchr(host, '.'))
        host = "localhost.localdomain";
    if (strcmp(name, "myhostname") == 0)
        return host;
    if (strcmp(name, "mydomain") != 0)
        return "";
    /* That of the name that is set, not of the host's. */
    dot = strchr(host, '.');
    return dot + 1;
}

bool pf_version_parse(struct span s, unsigned *ret)
{
    unsigned major, minor = 0;
    struct span part;

    if (!span_cut(&s, '.', &part) || !num_uint(part, 0, 100000, &major))
        return false;
    if (s.n > 0 && span_cut(&s, '.', &part) && !num_uint(part, 0, 999, &minor))
        return false;
    *ret = major * 1000 + minor;
    return true;
}
