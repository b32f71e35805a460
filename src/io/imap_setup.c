/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From what the operator says to what the session needs. libcurl takes URLs apart, so that what we
 * check is what it connects to; a password in a URL is refused because `ps` shows command lines.
 */
#include "io/imap_session.h"

#include "base/buf.h"
#include "io/file.h"
#include "io/imap_wire.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int refuse(char err[IMAP_ERROR_MAX], const char *why)
{
    snprintf(err, IMAP_ERROR_MAX, "%s", why);
    return -EINVAL;
}

/* A part of the URL as a string of ours; NULL when it is not there. */
static char *part(CURLU *url, CURLUPart what, unsigned flags)
{
    char *text = NULL, *copy;

    if (curl_url_get(url, what, &text, flags) != CURLUE_OK)
        return NULL;
    copy = strdup(text);
    curl_free(text);
    return copy;
}

static bool is_there(CURLU *url, CURLUPart what)
{
    char *text = part(url, what, 0);
    bool there = text != NULL;

    free(text);
    return there;
}

/* What is left of the URL without its path: where to connect. */
static int take_server(CURLU *url, struct imap_setup *s, char err[IMAP_ERROR_MAX])
{
    char *scheme = part(url, CURLUPART_SCHEME, 0);
    bool ok = scheme && (strcmp(scheme, "imaps") == 0 || strcmp(scheme, "imap") == 0);

    free(scheme);
    if (!ok)
        return refuse(err, "the mailbox's URL must begin with imaps:// or imap://");
    if (is_there(url, CURLUPART_PASSWORD))
        return refuse(err, "no password in the URL, others can see it: use a password file, "
                           "POSTERN_IMAP_PASSWORD or ~/.netrc");
    if (is_there(url, CURLUPART_QUERY) || is_there(url, CURLUPART_FRAGMENT))
        return refuse(err, "the mailbox's URL has a ? or # in it: write %3F or %23");
    if (!s->user)
        s->user = part(url, CURLUPART_USER, CURLU_URLDECODE);
    /* libcurl asks .netrc only about a user that stands in the URL. */
    if (curl_url_set(url, CURLUPART_USER, s->password ? NULL : s->user, CURLU_URLENCODE) !=
            CURLUE_OK ||
        curl_url_set(url, CURLUPART_PATH, "/", 0) != CURLUE_OK)
        return -ENOMEM;
    s->server = part(url, CURLUPART_URL, 0);
    return s->server ? 0 : -ENOMEM;
}

static int take_mailbox(CURLU *url, struct imap_setup *s, char err[IMAP_ERROR_MAX])
{
    struct buf quoted = BUF_INIT(2000);
    char *path = part(url, CURLUPART_PATH, CURLU_URLDECODE);
    const char *name =
        path ? path : "\n"; /* libcurl decodes no control characters: refused below */
    bool ok;

    while (*name == '/')
        name++;
    s->mailbox = strdup(*name ? name : "INBOX");
    free(path);
    if (!s->mailbox)
        return -ENOMEM;
    ok = imap_wire_quote(&quoted, span_str(s->mailbox)) && !quoted.err;
    buf_deinit(&quoted);
    if (!ok || strchr(s->mailbox, ';'))
        return refuse(err, "the mailbox's name must be ASCII (others in modified UTF-7 as RFC 3501 "
                           "§5.1.3 writes them), without semicolon");
    return 0;
}

static char *copy(const char *text, bool *ok)
{
    char *c = text ? strdup(text) : NULL;

    *ok = *ok && (c || !text);
    return c;
}

int imap_setup_init(struct imap_setup *s, const struct imap_config *config,
                    char err[IMAP_ERROR_MAX])
{
    bool ok = true;
    CURLU *url;
    int rc = 0;

    *s = (struct imap_setup){.plain = config->plain,
                             .since_wall = config->since_wall,
                             .wanted = config->wanted,
                             .wanted_ctx = config->wanted_ctx};
    s->user = copy(config->user, &ok);
    s->password = copy(config->password, &ok);
    s->ca_file = copy(config->ca_file, &ok);
    url = curl_url();
    if (!ok || !url)
        rc = -ENOMEM;
    else if (curl_url_set(url, CURLUPART_URL, config->url, 0) != CURLUE_OK)
        rc = refuse(err, "that is no URL: imaps://user@host/INBOX");
    if (!rc)
        rc = take_mailbox(url, s, err);
    if (!rc)
        rc = take_server(url, s, err);
    curl_url_cleanup(url);
    if (rc == -ENOMEM)
        snprintf(err, IMAP_ERROR_MAX, "out of memory");
    return rc;
}

void imap_setup_deinit(struct imap_setup *s)
{
    if (s->password)
        explicit_bzero(s->password, strlen(s->password));
    free(s->server);
    free(s->mailbox);
    free(s->user);
    free(s->password);
    free(s->ca_file);
    *s = (struct imap_setup){0};
}

int imap_password(const char *file, struct buf *ret, char err[IMAP_ERROR_MAX])
{
    return file_secret(file, "POSTERN_IMAP_PASSWORD", ret, err);
}
