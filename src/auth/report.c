/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What counts is said in so many words: "success" is true, not 1 or "yes"; the protocol is one by
 * which mail is read. A submission server that asks the same Dovecot would otherwise turn each
 * login for sending into a grant, and each of our own as well.
 */
#include "auth/report.h"

#include "auth/sasl.h"

#include <jansson.h>

static enum auth_report_got because(struct auth_report *ret, enum auth_report_got got,
                                    const char *why)
{
    ret->why = why;
    return got;
}

static struct span text_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return json_is_string(value) ? span_of(json_string_value(value), json_string_length(value))
                                 : SPAN_NULL;
}

static bool is_mailbox(struct span protocol)
{
    return span_eq_nocase(protocol, SPAN_LIT("imap")) || span_eq_nocase(protocol, SPAN_LIT("pop3"));
}

static enum auth_report_got judge(const json_t *object, struct auth_report *ret)
{
    const json_t *success = json_object_get(object, "success");
    const json_t *rejected = json_object_get(object, "policy_reject");
    struct span login = text_of(object, "login"), protocol = text_of(object, "protocol");

    if (!json_is_object(object))
        return because(ret, AUTH_REPORT_BAD, "it is no object");
    if (!success)
        return because(ret, AUTH_REPORT_NOTHING, "it reports nothing");
    if (!json_is_boolean(success))
        return because(ret, AUTH_REPORT_BAD, "success is neither true nor false");
    if (json_is_false(success))
        return because(ret, AUTH_REPORT_NOTHING, "the login failed");
    if (rejected && !json_is_false(rejected))
        return because(ret, AUTH_REPORT_NOTHING, "a policy refused the login");
    if (!span_copy(protocol, ret->protocol, sizeof(ret->protocol)) || !is_mailbox(protocol))
        return because(ret, AUTH_REPORT_NOTHING, "the protocol is neither imap nor pop3");
    if (!auth_login_ok(login) || !span_copy(login, ret->login, sizeof(ret->login)))
        return because(ret, AUTH_REPORT_BAD, "login is missing, or can be no name");
    if (!ip_parse(text_of(object, "remote"), &ret->ip))
        return because(ret, AUTH_REPORT_BAD, "remote is missing, or is no address");
    return AUTH_REPORT_GRANT;
}

/* Dovecot 2.4 says protocol where 2.3 said service. */
static enum auth_report_got judge_event(const json_t *object, struct auth_report *ret)
{
    const json_t *fields = json_object_get(object, "fields");
    struct span policy = text_of(fields, "policy_result"), service = text_of(fields, "service");
    struct span login = text_of(fields, "user");

    if (!json_is_object(object) || !json_is_object(fields))
        return because(ret, AUTH_REPORT_BAD, "it is no event");
    if (!span_eq(text_of(object, "event"), SPAN_LIT("auth_request_finished")))
        return because(ret, AUTH_REPORT_NOTHING, "it is another event");
    if (!span_eq(text_of(fields, "success"), SPAN_LIT("yes")))
        return because(ret, AUTH_REPORT_NOTHING, "the login failed");
    if (policy.n && !span_eq(policy, SPAN_LIT("ok")))
        return because(ret, AUTH_REPORT_NOTHING, "a policy refused the login, or delayed it");
    if (service.n == 0)
        service = text_of(fields, "protocol");
    if (!span_copy(service, ret->protocol, sizeof(ret->protocol)) || !is_mailbox(service))
        return because(ret, AUTH_REPORT_NOTHING, "the service is neither imap nor pop3");
    if (!auth_login_ok(login) || !span_copy(login, ret->login, sizeof(ret->login)))
        return because(ret, AUTH_REPORT_BAD, "user is missing, or can be no name");
    if (!ip_parse(text_of(fields, "remote_ip"), &ret->ip))
        return because(ret, AUTH_REPORT_BAD, "remote_ip is missing, or is no address");
    return AUTH_REPORT_GRANT;
}

static enum auth_report_got read_by(struct span json, struct auth_report *ret,
                                    enum auth_report_got (*judge_it)(const json_t *object,
                                                                     struct auth_report *ret))
{
    enum auth_report_got got;
    json_t *object;

    *ret = (struct auth_report){.why = ""};
    if (json.n > AUTH_REPORT_MAX)
        return because(ret, AUTH_REPORT_BAD, "it is too long");
    object = json_loadb(json.n ? json.p : "", json.n, JSON_REJECT_DUPLICATES, NULL);
    if (!object)
        return because(ret, AUTH_REPORT_BAD, "it is no JSON");
    got = judge_it(object, ret);
    json_decref(object);
    return got;
}

enum auth_report_got auth_report_read(struct span json, struct auth_report *ret)
{
    return read_by(json, ret, judge);
}

enum auth_report_got auth_event_read(struct span json, struct auth_report *ret)
{
    return read_by(json, ret, judge_event);
}
