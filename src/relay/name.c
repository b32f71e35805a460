/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words of the decision. Logs, metrics and scripts of others hang on the short ones. */
#include "relay/check.h"
#include "relay/policy.h"

static const struct {
    const char *name, *words;
} whys[RELAY_WHYS] = {
    [RELAY_WHY_DENIED] = {"denied", "the domain is not ours, and the client has no right to relay"},
    [RELAY_WHY_OWN_DOMAIN] = {"own-domain", "the recipient's domain is ours"},
    [RELAY_WHY_POSTMASTER] = {"postmaster", "postmaster without a domain is ours"},
    [RELAY_WHY_LOGIN] = {"login", "the client has logged in"},
    [RELAY_WHY_CERT] = {"certificate", "the client proved the key of a listed certificate"},
    [RELAY_WHY_NETWORK] = {"network", "the client's address is in a network that may relay"},
    [RELAY_WHY_GRANT] = {"grant", "a user reads mail from the client's address just now"},
    [RELAY_WHY_SENDER] = {"sender", "the sender's address is right"},
    [RELAY_WHY_SENDER_SYNTAX] = {"sender-syntax", "the sender is no mail address of RFC 5321"},
    [RELAY_WHY_SENDER_ROUTE] = {"sender-route", "some mail systems would read a route there"},
    [RELAY_WHY_SENDER_UTF8] = {"sender-utf8", "the sender needs SMTPUTF8, or its domain is none"},
    [RELAY_WHY_SENDER_LITERAL] = {"sender-literal", "the sender's address literal is not ours"},
    [RELAY_WHY_SYNTAX] = {"syntax", "the recipient is no mail address of RFC 5321"},
    [RELAY_WHY_ROUTE] = {"route", "some mail systems would read a route in the recipient"},
    [RELAY_WHY_UTF8] = {"utf8", "the recipient needs SMTPUTF8, or its domain is none"},
    [RELAY_WHY_LITERAL] = {"literal", "the recipient's address literal is not ours"},
    [RELAY_WHY_LOGIN_NEEDED] = {"login-needed", "submission is for users, and no login was seen"},
    [RELAY_WHY_DOUBTFUL] = {"doubtful", "the client's address is its only right, and in doubt"},
    [RELAY_WHY_LOOKUP] = {"lookup", "a look-up failed that the answer hangs on"},
    [RELAY_WHY_CLIENT_ACCESS] = {"client-access", "an access rule is against the client's address"},
    [RELAY_WHY_SENDER_ACCESS] = {"sender-access", "an access rule is against the sender"},
    [RELAY_WHY_RCPT_ACCESS] = {"rcpt-access", "an access rule is against the recipient"},
    [RELAY_WHY_LISTED] = {"listed", "blocklists name the client"},
    [RELAY_WHY_TRAP] = {"trap", "a spamtrap was written to"},
    [RELAY_WHY_BRAKE] = {"brake", "the login sends more than a user would"},
    [RELAY_WHY_GUARD] = {"guard", "a limit for sessions of one client was reached"},
    [RELAY_WHY_HOPS] = {"hops", "the message has passed too many hosts"},
    [RELAY_WHY_POLICY] = {"policy", "a policy service said so"},
    [RELAY_WHY_BACKEND] = {"backend", "no backend can take this recipient now"},
    [RELAY_WHY_IDENTITY] = {"identity", "the backend can't be told who the client is"},
};

const char *relay_reason_name(enum relay_reason reason)
{
    return whys[reason].name;
}

const char *relay_reason_words(enum relay_reason reason)
{
    return whys[reason].words;
}

const char *relay_role_name(enum relay_role role)
{
    return role == RELAY_ROLE_MX ? "mx" : "submission";
}

const char *relay_right_name(enum relay_right right)
{
    static const char *const names[] = {
        [RELAY_RIGHT_NONE] = "none",        [RELAY_RIGHT_LOGIN] = "login",
        [RELAY_RIGHT_CERT] = "certificate", [RELAY_RIGHT_NETWORK] = "network",
        [RELAY_RIGHT_GRANT] = "grant",
    };

    return names[right];
}

const char *relay_answer_name(enum relay_answer answer)
{
    static const char *const names[] = {
        [RELAY_REFUSE] = "refuse",
        [RELAY_DEFER] = "defer",
        [RELAY_TAKE] = "take",
    };

    return names[answer];
}

const char *relay_read_name(enum relay_read kind)
{
    static const char *const names[] = {
        [RELAY_READ_RCPTHOSTS] = "rcpthosts",         [RELAY_READ_RELAY_DOMAINS] = "relay-domains",
        [RELAY_READ_NETWORKS] = "networks",           [RELAY_READ_TCPRULES] = "tcprules",
        [RELAY_READ_HOSTS_ALLOW] = "hosts-allow",     [RELAY_READ_ACCESS] = "access",
        [RELAY_READ_ACCESS_CLIENT] = "access-client", [RELAY_READ_ACCESS_FROM] = "access-from",
        [RELAY_READ_ACCESS_TO] = "access-to",         [RELAY_READ_CIDR] = "cidr",
    };

    return names[kind];
}

const char *relay_finding_name(enum relay_finding_kind kind)
{
    static const char *const names[] = {
        [RELAY_OPEN_WORLD] = "world",           [RELAY_OPEN_WIDE] = "wide",
        [RELAY_OPEN_TOTAL] = "total",           [RELAY_OPEN_GATEWAY] = "gateway",
        [RELAY_OPEN_BRIDGE] = "bridge",         [RELAY_OPEN_EVERY_DOMAIN] = "every-domain",
        [RELAY_OPEN_TOP_DOMAIN] = "top-domain",
    };

    return names[kind];
}
