/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ways in which grant.c hears of logins. Each has one place at most; opened once, before the
 * rights go. -errno with the reason in err.
 */
#ifndef POSTERN_CMD_GATE_GRANT_SOURCES_H
#define POSTERN_CMD_GATE_GRANT_SOURCES_H

#include "cmd/gate/grant.h"

/* Whether a host may tell us, by grants-from. */
bool grant_from(struct ip ip);

/* A Unix socket: lines "allow IP USER", "drop IP", "has IP"; each gets one line back. */
int grant_socket_open(struct loop *l, const struct gate_args *args, char err[GRANT_ERROR_MAX]);
void grant_socket_close(void);

/* Dovecot's auth policy requests. */
int grant_http_open(struct loop *l, const struct gate_args *args, char err[GRANT_ERROR_MAX]);
void grant_http_close(void);

/* The log of a POP or IMAP server, followed over its rotations. */
int grant_log_open(struct loop *l, const struct gate_args *args, char err[GRANT_ERROR_MAX]);
void grant_log_close(void);

/* DRAC. */
int grant_drac_open(struct loop *l, const struct gate_args *args, char err[GRANT_ERROR_MAX]);
void grant_drac_close(void);

#endif
