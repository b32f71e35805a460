/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The interpreters. A new one is a row here, its declaration in audit/interp.h, and its file. */
#include "audit/audit_priv.h"

const struct audit_kind *const audit_kind_table[] = {
    &audit_kind_compose,     &audit_kind_courier,
    &audit_kind_docker,      &audit_kind_dockerfile,
    &audit_kind_domino,      &audit_kind_env,
    &audit_kind_exchange,    &audit_kind_exchange55,
    &audit_kind_exim,        &audit_kind_gwia,
    &audit_kind_haproxy,     &audit_kind_haraka,
    &audit_kind_hmailserver, &audit_kind_james,
    &audit_kind_kubernetes,  &audit_kind_maddy,
    &audit_kind_mercury,     &audit_kind_nginx,
    &audit_kind_opensmtpd,   &audit_kind_postfix,
    &audit_kind_qmail,       &audit_kind_quadlet,
    &audit_kind_run,         &audit_kind_sendmail,
    &audit_kind_stalwart,    NULL,
};

enum { KINDS = sizeof(audit_kind_table) / sizeof(audit_kind_table[0]) };

const char *const *audit_kinds(void)
{
    static const char *names[KINDS];

    for (size_t i = 0; i + 1 < KINDS; i++)
        names[i] = audit_kind_table[i]->name;
    return names;
}

const char *audit_kind_name(const struct audit_kind *kind)
{
    return kind->name;
}

const char *audit_kind_title(const struct audit_kind *kind)
{
    return kind->title;
}
