/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern audit: reads configurations and says what lets strangers relay. All paths of one call
 * belong to one host.
 */
#include "audit/out.h"
#include "cmd/audit/facts.h"
#include "cmd/audit/files.h"
#include "cmd/audit/live.h"
#include "cmd/audit/system.h"
#include "io/term.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const char program[] = "postern audit";

struct args {
    struct facts facts;
    const char *root, *kind, *system;
    bool json, sarif, fix, notes, kinds, live;
    unsigned colour;
};

static const char *const colours[] = {"auto", "always", "never", NULL};

static const struct option_row rows[] = {
    {.group = "What"},
    {"kind", 'k', "NAME", "what the paths are, where it can't be told from them", OPTION_TEXT,
     offsetof(struct args, kind)},
    {"list-kinds", 0, NULL, "list the kinds of configuration that are known", OPTION_FLAG,
     offsetof(struct args, kinds)},
    {"root", 0, "DIR", "the paths, and all that they name, lie below DIR: an image or a backup",
     OPTION_TEXT, offsetof(struct args, root)},
    {"live", 0, NULL,
     "also audit the mail servers of this running host: their own tools are run (postconf, exim "
     "-bP, sendmail -bt), its addresses and open ports are read",
     OPTION_FLAG, offsetof(struct args, live)},
    {"system", 0, "FILE", "audit the hosts that FILE names, and what they make together",
     OPTION_TEXT, offsetof(struct args, system), .shown = "see postern-audit-system(5)"},
    {.group = "Facts of the host that its files don't tell"},
    FACTS_OPTION_ROWS(struct args, facts),
    {.group = "Output"},
    {"json", 0, NULL, "one JSON object a line, the verdict last", OPTION_FLAG,
     offsetof(struct args, json)},
    {"sarif", 0, NULL, "SARIF 2.1.0, for review tools", OPTION_FLAG, offsetof(struct args, sarif)},
    {"fix", 0, NULL, "print a patch that closes what can be closed by lines; it is never applied",
     OPTION_FLAG, offsetof(struct args, fix)},
    {"notes", 0, NULL, "show hygiene notes too, which count for nothing", OPTION_FLAG,
     offsetof(struct args, notes)},
    {"color", 0, "WHEN", "auto, always or never", OPTION_CHOICE, offsetof(struct args, colour),
     .choices = colours, .shown = "auto"},
    {0},
};

static const struct options options = {
    .program = program,
    .about = "says from its configuration what lets strangers relay through a mail server",
    .usage = "[OPTION]... PATH...\n--live [OPTION]... [PATH]...\n--system FILE [OPTION]...\n"
             "--list-kinds",
    .text = "Each PATH is a configuration file or the folder of one (/etc/postfix, exim4.conf, "
            "docker-compose.yml). All paths of one call belong to one host. Nothing is changed or "
            "connected to, and nothing is started unless --live asks for it.\n"
            "\n"
            "Exit status: 0 clean, 1 something weaker than a relay, 2 strangers can relay, "
            "3 undecided, 64 misuse, 65 a file is no configuration, 66 a file can't be read.",
    .rows = rows,
};

static int say(int status, const char *text)
{
    fprintf(stderr, "%s: %s\n", program, text);
    return status;
}

static int put(struct buf *out)
{
    bool ok =
        out->err == 0 && fwrite(buf_str(out), 1, out->n, stdout) == out->n && fflush(stdout) == 0;
    int status = 0;

    if (!ok)
        status = say(out->err == -ENOMEM ? EX_OSERR : EX_IOERR,
                     out->err ? strerror(-out->err) : "can't write to standard output");
    buf_deinit(out);
    return status;
}

static int list_kinds(void)
{
    struct buf out = BUF_INIT(1 << 16);

    for (const char *const *k = audit_kinds(); *k; k++)
        buf_addf(&out, "%s\n", *k);
    return put(&out);
}

/* `s` is NULL for one host. */
static int show(const struct audit *a, const struct audit_system *s, const struct args *args)
{
    struct audit_style style = {.colour = term_color((enum term_color)args->colour, STDOUT_FILENO),
                                .notes = args->notes,
                                .width = term_width(STDOUT_FILENO)};
    struct buf out = BUF_INIT(1 << 30);
    struct audit_verdict verdict;
    size_t left = 0;
    int status;

    if (args->json)
        audit_out_json(a, args->notes, &out);
    else if (args->sarif)
        audit_out_sarif(a, args->notes, &out);
    else if (args->fix && s)
        system_patch(s, &out, &left);
    else if (args->fix)
        audit_out_patch(a, &out, &left);
    else
        audit_out_text(a, &style, &out);
    status = put(&out);
    if (left > 0)
        fprintf(stderr,
                "%s: %zu finding%s with no line to change, or hidden behind another: "
                "see the report without --fix\n",
                program, left, left == 1 ? "" : "s");
    audit_verdict(a, &verdict);
    return status ? status : verdict.exit;
}

static int failed(const char *error, const struct args *args, int r)
{
    struct buf out = BUF_INIT(1 << 16);

    if (r < 0)
        return say(EX_OSERR, strerror(-r));
    if (args->json) {
        audit_out_json_error(error, &out);
        put(&out);
    }
    return say(strstr(error, "may not be read") || strstr(error, "is missing") ? EX_NOINPUT
                                                                               : EX_DATAERR,
               error);
}

static bool kind_known(const char *kind)
{
    for (const char *const *k = audit_kinds(); *k; k++)
        if (strcmp(*k, kind) == 0)
            return true;
    return false;
}

static int run_host(const struct args *args, const struct audit_files *provider, char **paths,
                    int count)
{
    char err[OPTIONS_ERROR_MAX], why[LIVE_ERROR_MAX];
    struct audit *a = audit_new(provider);
    int r = 0;

    if (!a)
        return say(EX_OSERR, strerror(ENOMEM));
    if (args->root)
        audit_whole(a);
    if (facts_give(&args->facts, a, err) < 0) {
        audit_free(&a);
        return options_misuse(&options, "%s", err);
    }
    if (args->live && (r = live_give(a, &args->facts, why)) < 0) {
        audit_free(&a);
        return say(r == -ENOENT ? EX_NOINPUT : EX_OSERR, why);
    }
    for (int i = 0; i < count && r == 0; i++)
        r = audit_path(a, args->kind, paths[i]);
    if (r == 0)
        r = audit_finish(a);
    r = r == 0 ? show(a, NULL, args) : failed(audit_error(a), args, r);
    audit_free(&a);
    return r;
}

static int run_system(const struct args *args, const struct audit_files *provider)
{
    struct audit_system *s = NULL;
    int r = system_audit(provider, args->system, &s);

    r = r == 0 ? show(audit_system_joint(s), s, args)
               : failed(s ? audit_system_error(s) : "", args, r);
    audit_system_free(&s);
    return r;
}

static int run(const struct args *args, char **paths, int count)
{
    struct audit_files provider;
    struct files files;
    int r = files_open(&files, args->root);

    if (r < 0) {
        fprintf(stderr, "%s: --root %s: %s\n", program, args->root, strerror(-r));
        return EX_NOINPUT;
    }
    provider = files_provider(&files);
    r = args->system ? run_system(args, &provider) : run_host(args, &provider, paths, count);
    files_close(&files);
    return r;
}

int main(int argc, char **argv)
{
    struct args args = {0};
    int first, status;

    if (!options_start(&options, argc, argv, &args, &first, &status))
        return status;
    if (args.kinds)
        status = list_kinds();
    else if (args.system && (args.live || first < argc))
        status = options_misuse(&options, "--system names its paths itself: no PATH, no --live");
    else if (args.live && args.root)
        status = options_misuse(&options, "--live is this host, --root is another: choose one");
    else if (first >= argc && !args.live && !args.system)
        status = options_misuse(&options, "no PATH is given");
    else if (args.kind && !kind_known(args.kind))
        status =
            options_misuse(&options, "--kind: '%s' is none; --list-kinds names them", args.kind);
    else if (args.json + args.sarif + args.fix > 1)
        status =
            options_misuse(&options, "--json, --sarif and --fix are three outputs: choose one");
    else
        status = run(&args, argv + first, argc - first);
    facts_deinit(&args.facts);
    return status;
}
