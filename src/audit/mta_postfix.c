/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Postfix: finds main.cf and master.cf, and judges each listening smtpd service.
 */
#include "audit/interp.h"

static enum audit_guess postfix_probe(struct audit *a, const struct audit_probe *p)
{
    if (p->folder)
        return audit_there(a, audit_join_path(a, p->path, "main.cf")) ||
                       audit_there(a, audit_join_path(a, p->path, "etc/postfix/main.cf"))
                   ? AUDIT_GUESS_SURE
                   : AUDIT_GUESS_NO;
    if (strcmp(p->name, "main.cf") == 0 || strcmp(p->name, "master.cf") == 0)
        return AUDIT_GUESS_SURE;
    return span_has_nocase(p->text, SPAN_LIT("smtpd_recipient_restrictions")) ||
                   span_has_nocase(p->text, SPAN_LIT("smtpd_relay_restrictions"))
               ? AUDIT_GUESS_LIKELY
               : AUDIT_GUESS_NO;
}

static int postfix_read(struct audit *a, const struct audit_kind *kind, const char *path,
                        bool folder)
{
    return audit_bad(a, (struct audit_place){path, 0}, "the Postfix interpreter is not there yet");
}

const struct audit_kind audit_kind_postfix = {
    .name = "postfix",
    .title = "Postfix",
    .reads = "main.cf and master.cf, or the folder that holds them",
    .restart = "postfix reload",
    .rules = {.wide = "PF05", .nat = "PF07", .proxy = "PF13"},
    .probe = postfix_probe,
    .read = postfix_read,
};
