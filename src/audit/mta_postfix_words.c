/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the names in a restriction list mean, and questions that are asked of lists as a whole:
 * which tables they name, whether smtpd starts with them.
 */
#include "audit/mta_postfix_walk.h"

static const struct pf_restriction table[] = {
    {"check_ccert_access", A_TABLE_CERT, 1},
    {"check_client_a_access", A_TABLE_SERVER, 1},
    {"check_client_access", A_TABLE_CLIENT, 1},
    {"check_client_mx_access", A_TABLE_SERVER, 1},
    {"check_client_ns_access", A_TABLE_SERVER, 1},
    {"check_etrn_access", A_TABLE_ETRN, 1},
    {"check_helo_a_access", A_TABLE_SERVER, 1},
    {"check_helo_access", A_TABLE_HELO, 1},
    {"check_helo_mx_access", A_TABLE_SERVER, 1},
    {"check_helo_ns_access", A_TABLE_SERVER, 1},
    {"check_policy_service", A_POLICY, 1},
    {"check_recipient_a_access", A_TABLE_SERVER, 1},
    {"check_recipient_access", A_TABLE_RCPT, 1},
    {"check_recipient_maps", A_PASSED, 0},
    {"check_recipient_mx_access", A_TABLE_SERVER, 1},
    {"check_recipient_ns_access", A_TABLE_SERVER, 1},
    {"check_relay_domains", A_RELAY_DOMAINS, 0},
    {"check_reverse_client_hostname_a_access", A_TABLE_SERVER, 1},
    {"check_reverse_client_hostname_access", A_TABLE_REVERSE, 1},
    {"check_reverse_client_hostname_mx_access", A_TABLE_SERVER, 1},
    {"check_reverse_client_hostname_ns_access", A_TABLE_SERVER, 1},
    {"check_sasl_access", A_TABLE_SASL, 1},
    {"check_sender_a_access", A_TABLE_SERVER, 1},
    {"check_sender_access", A_TABLE_SENDER, 1},
    {"check_sender_mx_access", A_TABLE_SERVER, 1},
    {"check_sender_ns_access", A_TABLE_SERVER, 1},
    {"defer", A_REJECT, 0},
    {"defer_if_permit", A_DEFER_IF_PERMIT, 0},
    {"defer_if_reject", A_PASSED, 0},
    {"defer_unauth_destination", A_UNAUTH_DEST, 0},
    {"permit", A_PERMIT, 0},
    {"permit_auth_destination", A_AUTH_DEST, 0},
    /* Only for recipients that are ours (SMTPD_ACCESS_README: "for safety"). */
    {"permit_dnswl_client", A_PASSED, 1},
    {"permit_inet_interfaces", A_PASSED, 0},
    {"permit_mx_backup", A_MX_BACKUP, 0},
    {"permit_mynetworks", A_NETWORKS, 0},
    {"permit_naked_ip_address", A_NAKED_IP, 0},
    {"permit_rhswl_client", A_PASSED, 1},
    {"permit_sasl_authenticated", A_LOGIN, 0},
    {"permit_tls_all_clientcerts", A_CERTS, 0},
    {"permit_tls_clientcerts", A_KNOWN_CERTS, 0},
    {"reject", A_REJECT, 0},
    {"reject_authenticated_sender_login_mismatch", A_MISMATCH, 0},
    {"reject_invalid_helo_hostname", A_PASSED, 0},
    {"reject_invalid_hostname", A_PASSED, 0},
    {"reject_known_sender_login_mismatch", A_MISMATCH, 0},
    {"reject_maps_rbl", A_PASSED, 0},
    {"reject_multi_recipient_bounce", A_PASSED, 0},
    {"reject_non_fqdn_helo_hostname", A_PASSED, 0},
    {"reject_non_fqdn_hostname", A_PASSED, 0},
    {"reject_non_fqdn_recipient", A_PASSED, 0},
    {"reject_non_fqdn_sender", A_PASSED, 0},
    {"reject_plaintext_session", A_PASSED, 0},
    {"reject_rbl", A_PASSED, 1},
    {"reject_rbl_client", A_PASSED, 1},
    {"reject_rhsbl_client", A_PASSED, 1},
    {"reject_rhsbl_helo", A_PASSED, 1},
    {"reject_rhsbl_recipient", A_PASSED, 1},
    {"reject_rhsbl_reverse_client", A_PASSED, 1},
    {"reject_rhsbl_sender", A_PASSED, 1},
    {"reject_sender_login_mismatch", A_MISMATCH, 0},
    {"reject_unauth_destination", A_UNAUTH_DEST, 0},
    {"reject_unauth_pipelining", A_PASSED, 0},
    {"reject_unauthenticated_sender_login_mismatch", A_MISMATCH, 0},
    {"reject_unknown_address", A_PASSED, 0},
    {"reject_unknown_client", A_PASSED, 0},
    {"reject_unknown_client_hostname", A_PASSED, 0},
    {"reject_unknown_helo_hostname", A_PASSED, 0},
    {"reject_unknown_hostname", A_PASSED, 0},
    {"reject_unknown_recipient_domain", A_PASSED, 0},
    {"reject_unknown_reverse_client_hostname", A_PASSED, 0},
    {"reject_unknown_sender_domain", A_PASSED, 0},
    {"reject_unlisted_recipient", A_PASSED, 0},
    {"reject_unlisted_sender", A_PASSED, 0},
    {"reject_unverified_recipient", A_PASSED, 0},
    {"reject_unverified_sender", A_PASSED, 0},
    {"sleep", A_PASSED, 1},
    {"warn_if_reject", A_WARN, 0},
};

const struct pf_restriction *pf_restriction(struct span name)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (span_eq_nocase(name, span_str(table[i].name)))
            return &table[i];
    return NULL;
}

static const struct {
    const char *setting;
    enum pf_action implied;
} lists[PF_LISTS] = {
    [PF_CLIENT] = {"smtpd_client_restrictions", A_TABLE_CLIENT},
    [PF_HELO] = {"smtpd_helo_restrictions", A_TABLE_HELO},
    [PF_SENDER] = {"smtpd_sender_restrictions", A_TABLE_SENDER},
    [PF_RELAY] = {"smtpd_relay_restrictions", A_TABLE_RCPT},
    [PF_RCPT] = {"smtpd_recipient_restrictions", A_TABLE_RCPT},
    [PF_DATA] = {"smtpd_data_restrictions", A_UNKNOWN},
    [PF_EOD] = {"smtpd_end_of_data_restrictions", A_UNKNOWN},
};

const char *pf_list_name(enum pf_list_id id)
{
    return lists[id].setting;
}

enum pf_action pf_implied(enum pf_list_id id)
{
    return lists[id].implied;
}

bool pf_template(struct span s)
{
    return s.n > 1 && (span_has_nocase(s, SPAN_LIT("{{")) || span_has_nocase(s, SPAN_LIT("[%")) ||
                       span_has_nocase(s, SPAN_LIT("@@")) || span_has_nocase(s, SPAN_LIT("{%")));
}

/* --- looking over lists ----------------------------------------------------------------------- */

typedef bool (*word_fn)(void *cookie, const struct pf_restriction *r, const struct pf_word *at,
                        const struct pf_word *arg, enum pf_action implied);

static bool each_word(struct pf_conf *c, const struct pf_words *words, enum pf_action implied,
                      word_fn fn, void *cookie)
{
    for (size_t i = 0; i < words->count; i++) {
        const struct pf_word *at = &words->v[i], *arg = NULL;
        const struct pf_restriction *r = pf_restriction(at->s);

        if (r && r->args > 0 && i + 1 < words->count)
            arg = &words->v[++i];
        if (fn(cookie, r, at, arg, implied))
            return true;
    }
    return false;
}

static bool each_list(struct pf_conf *c, const struct pf_lists *l, word_fn fn, void *cookie)
{
    for (size_t i = 0; i < PF_LISTS; i++)
        if (each_word(c, &l->v[i], lists[i].implied, fn, cookie))
            return true;
    for (size_t i = 0; i < l->classes.count; i++) {
        struct pf_words words = pf_list(c, audit_dup(c->a, l->classes.v[i].s));

        if (each_word(c, &words, A_TABLE_RCPT, fn, cookie))
            return true;
    }
    return false;
}

struct table_cookie {
    struct pf_conf *c;
    pf_table_fn fn;
    void *cookie;
};

static bool on_table(void *cookie, const struct pf_restriction *r, const struct pf_word *at,
                     const struct pf_word *arg, enum pf_action implied)
{
    struct table_cookie *t = cookie;
    enum pf_action action = r ? r->action : implied;
    const struct pf_word *spec = r ? arg : at;
    struct pf_client nobody = {.name = "unknown"};

    if (spec && pf_is_table(spec->s) && action >= A_TABLE_CLIENT && action < A_TABLE_SERVER)
        t->fn(t->cookie, pf_table(t->c, spec->s, spec->place), pf_table_why(action, &nobody));
    return false;
}

void pf_each_table(struct pf_conf *c, const struct pf_lists *l, pf_table_fn fn, void *cookie)
{
    struct table_cookie t = {c, fn, cookie};

    each_list(c, l, on_table, &t);
}

struct has_cookie {
    struct span word;
    struct audit_place place;
};

static bool on_has(void *cookie, const struct pf_restriction *r, const struct pf_word *at,
                   const struct pf_word *arg, enum pf_action implied)
{
    struct has_cookie *h = cookie;

    h->place = at->place;
    return span_eq_nocase(at->s, h->word);
}

bool pf_has(struct pf_conf *c, const struct pf_lists *l, const char *word,
            struct audit_place *ret_place)
{
    struct has_cookie h = {.word = span_str(word)};

    if (!each_list(c, l, on_has, &h))
        return false;
    if (ret_place)
        *ret_place = h.place;
    return true;
}

/* --- the start-up guard ----------------------------------------------------------------------- */

/* Presence of a refusal before a bare "permit", not that anyone gets there. */
static bool has_required(struct pf_conf *c, const struct pf_lists *l, const struct pf_words *words,
                         unsigned depth, unsigned *left)
{
    for (size_t i = 0; i < words->count && depth<AUDIT_NEST_MAX && * left> 0; i++) {
        const struct pf_restriction *r = pf_restriction(words->v[i].s);

        --*left;
        if (pf_template(words->v[i].s))
            return true;
        if (r && r->action == A_WARN && i + 1 < words->count) {
            i++;
            continue;
        }
        if (r && r->action == A_PERMIT)
            return false;
        if (r && (r->action == A_REJECT || r->action == A_UNAUTH_DEST ||
                  r->action == A_DEFER_IF_PERMIT || r->action == A_RELAY_DOMAINS))
            return true;
        for (size_t k = 0; !r && k < l->classes.count; k++)
            if (span_eq(l->classes.v[k].s, words->v[i].s)) {
                struct pf_words inner = pf_list(c, audit_dup(c->a, l->classes.v[k].s));

                if (has_required(c, l, &inner, depth + 1, left))
                    return true;
            }
    }
    return false;
}

bool pf_starts(struct pf_conf *c, const struct pf_lists *l)
{
    unsigned left = PF_STEPS_MAX;

    return has_required(c, l, &l->v[PF_RELAY], 0, &left) ||
           has_required(c, l, &l->v[PF_RCPT], 0, &left) || left == 0 || l->unknown[PF_RELAY] ||
           l->unknown[PF_RCPT];
}
