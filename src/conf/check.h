/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checks of a value's form, for rows of the schema: false with the reason. */
#ifndef POSTERN_CONF_CHECK_H
#define POSTERN_CONF_CHECK_H

#include "conf/schema.h"

bool conf_check_path(const char *value, char reason[CONF_REASON_MAX]);
bool conf_check_socket(const char *value, char reason[CONF_REASON_MAX]);
bool conf_check_domain(const char *value, char reason[CONF_REASON_MAX]);
bool conf_check_mailbox(const char *value, char reason[CONF_REASON_MAX]);
bool conf_check_trap(const char *value, char reason[CONF_REASON_MAX]);
bool conf_check_uri(const char *value, char reason[CONF_REASON_MAX]);
bool conf_check_imap(const char *value, char reason[CONF_REASON_MAX]);
bool conf_check_ip(const char *value, char reason[CONF_REASON_MAX]);
bool conf_check_server(const char *value, char reason[CONF_REASON_MAX]);
bool conf_check_place(const char *value, char reason[CONF_REASON_MAX]);
bool conf_check_network(const char *value, char reason[CONF_REASON_MAX]);
bool conf_check_table(const char *value, char reason[CONF_REASON_MAX]);
bool conf_check_path_or_place(const char *value, char reason[CONF_REASON_MAX]);
bool conf_check_ports(const char *value, char reason[CONF_REASON_MAX]);

#endif
