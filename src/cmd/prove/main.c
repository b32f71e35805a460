/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern prove: what do these messages prove? Reads messages from wherever the operator has them,
 * finds the tokens of this state folder's key, tells arrival from bounce and copy from original,
 * and keeps the proofs where `postern test --resume` and `postern show` find them.
 */
#include "cmd/prove/prove.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static const char program[] = "postern prove";

#define AT(field) offsetof(struct args, field)

static const struct option_row rows[] = {
    {.group = "More places to look in"},
    {"imap", 0, "URL", "an IMAP mailbox: imaps://user@host/INBOX", OPTION_TEXT, AT(imap)},
    {"imap-user", 0, "USER", "its user, when not in the URL", OPTION_TEXT, AT(imap_user)},
    {"imap-password-file", 0, "FILE", "its password, on the first line", OPTION_TEXT,
     AT(imap_password_file), .shown = "$POSTERN_IMAP_PASSWORD, ~/.netrc"},
    {"imap-ca-file", 0, "FILE", "authorities that may sign its certificate, PEM", OPTION_TEXT,
     AT(imap_ca_file), .shown = "the system's"},
    {"imap-plain", 0, NULL, "go on without TLS if the server of an imap: URL has none", OPTION_FLAG,
     AT(imap_plain)},
    {"since", 0, "TIME", "how old mail in an IMAP mailbox, or a Maildir that is watched, may be",
     OPTION_TIME, AT(since), .min = 1000, .max = 366ull * 86400000, .shown = "1d"},
    {"wait", 'w', "TIME", "watch IMAP and Maildirs for so long, until something is proved",
     OPTION_TIME, AT(wait), .max = 366ull * 86400000, .shown = "look once"},
    {.group = "How"},
    {"json", 0, NULL, "one JSON object a message", OPTION_FLAG, AT(json)},
    {"all", 0, NULL, "tell of messages in mailboxes that are not ours, too", OPTION_FLAG, AT(all)},
    {"no-store", 0, NULL, "keep nothing", OPTION_FLAG, AT(no_store)},
    {"color", 0, "WHEN", "auto, always or never", OPTION_CHOICE, AT(colour),
     .choices = view_colour_choices, .shown = "auto"},
    {.group = "Where"},
    {"state", 0, "DIR", "the state folder, with the key that made the tokens", OPTION_TEXT,
     AT(state)},
    {0},
};

static const struct options options = {
    .program = program,
    .about = "Tells what messages prove about relays, and keeps the proofs.",
    .usage = "[OPTION]... [FILE|MBOX|MAILDIR]...",
    .text =
        "Without FILE and --imap, or with \"-\", standard input is read.\n\n"
        "Proved is a probe that arrived by a path on which the tested address shows. A bounce, an "
        "answer, or a copy that somebody mailed proves nothing.\n\n"
        "Exit status: 0 something was proved, 1 nothing was, 64 misuse, 65 damaged store, 66 no "
        "such file, mailbox or key, 74 reading or writing failed.",
    .rows = rows,
};

int prove_flush(struct prove *p)
{
    int status = 0;

    if (p->out.n || p->out.err)
        status = view_print(program, &p->out);
    buf_clear(&p->out);
    fflush(stdout);
    if (status && !p->status)
        p->status = status;
    return status;
}

static int on_message(void *ctx, const struct source_message *m)
{
    struct prove *p = ctx;
    int rc = judge(p, m);

    if (rc == 0)
        rc = prove_flush(p) ? -EPIPE : 0;
    /* A failure of the store has its own words; those of the source would hide it. */
    if (rc < 0 && !p->status)
        p->status = rc == -ENOMEM || !p->store ? EX_OSERR : view_store_error(program, p->store, rc);
    return rc;
}

static int read_file(struct prove *p, const char *path)
{
    char err[SOURCE_ERROR_MAX];
    int rc = source_read(path, on_message, p, err);

    if (rc < 0 && !p->status) {
        fprintf(stderr, "%s: %s\n", program, err);
        return rc == -ENOMEM ? EX_OSERR : rc == -EIO ? EX_IOERR : EX_NOINPUT;
    }
    return p->status;
}

/* The key must be there: with a new one no token of any message would be true. */
static int start(struct prove *p)
{
    char err[STATE_ERROR_MAX] = "";
    struct state state;
    int rc = state_open(&state, p->args.state, false, err);

    if (!rc)
        rc = state_key(&state, false, p->key, err);
    if (!rc && !p->args.no_store)
        rc = state_store(&state, STORE_CREATE, &p->store, err);
    if (!rc)
        return 0;
    fprintf(stderr, "%s: %s\n", program, err);
    if (rc == -ENOENT)
        fprintf(stderr,
                "%s: tokens are verified with the key of the tester; name its state folder "
                "with --state\n",
                program);
    return state_exit(rc);
}

static int run(struct prove *p, char **files, int count)
{
    static char input[] = "-";
    char *standard[] = {input};
    int status = start(p);

    if (!count && !p->args.imap) {
        files = standard;
        count = 1;
    }
    for (int i = 0; i < count && !status && !p->args.wait; i++)
        status = read_file(p, files[i]);
    if (!status && (p->args.imap || p->args.wait))
        status = watch(p, files, p->args.wait ? count : 0);
    if (!status && !p->args.json && p->messages == 0)
        fprintf(stderr, "%s: there was no message\n", program);
    store_close(p->store);
    buf_deinit(&p->out);
    if (status)
        return status;
    return p->proved ? PROVE_EXIT_PROVED : PROVE_EXIT_NOTHING;
}

int main(int argc, char **argv)
{
    struct prove p = {
        .program = program, .out = BUF_INIT(VIEW_OUT_MAX), .args = {.since = 86400000}};
    int first, status;

    if (!options_start(&options, argc, argv, &p.args, &first, &status))
        return status;
    if (!p.args.imap &&
        (p.args.imap_user || p.args.imap_password_file || p.args.imap_ca_file || p.args.imap_plain))
        return options_misuse(&options, "options of --imap without --imap URL");
    if (p.args.wait && !p.args.imap && first == argc)
        return options_misuse(&options, "--wait needs --imap or Maildirs to watch");
    view_style(&p.style, p.args.colour);
    return run(&p, argv + first, argc - first);
}
