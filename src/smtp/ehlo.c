/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keywords are matched whole and without case. The first line is free text, but nearly every server
 * shows in it the name and address that it believes we have; that is worth reading, because it is
 * how a tester learns that something between rewrote its address.
 */
#include "smtp/ehlo.h"

#include "base/num.h"

#include <string.h>

#define WORD(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static const struct {
    struct span word;
    enum smtp_ext ext;
} exts[] = {
    {WORD("PIPELINING"), SMTP_EXT_PIPELINING},
    {WORD("SIZE"), SMTP_EXT_SIZE},
    {WORD("8BITMIME"), SMTP_EXT_8BITMIME},
    {WORD("SMTPUTF8"), SMTP_EXT_SMTPUTF8},
    {WORD("STARTTLS"), SMTP_EXT_STARTTLS},
    {WORD("AUTH"), SMTP_EXT_AUTH},
    {WORD("CHUNKING"), SMTP_EXT_CHUNKING},
    {WORD("BINARYMIME"), SMTP_EXT_BINARYMIME},
    {WORD("DSN"), SMTP_EXT_DSN},
    {WORD("ENHANCEDSTATUSCODES"), SMTP_EXT_ENHANCED},
    {WORD("XCLIENT"), SMTP_EXT_XCLIENT},
    {WORD("XFORWARD"), SMTP_EXT_XFORWARD},
    {WORD("ETRN"), SMTP_EXT_ETRN},
    {WORD("VRFY"), SMTP_EXT_VRFY},
    {WORD("HELP"), SMTP_EXT_HELP},
    {WORD("PIPECONNECT"), SMTP_EXT_PIPECONNECT},
    {WORD("LIMITS"), SMTP_EXT_LIMITS},
};

const char *smtp_ext_name(enum smtp_ext ext)
{
    for (size_t i = 0; i < sizeof(exts) / sizeof(exts[0]); i++)
        if (exts[i].ext == ext)
            return exts[i].word.p;
    return "";
}

static unsigned mech_of(struct span word)
{
    if (span_eq_nocase(word, SPAN_LIT("PLAIN")))
        return SMTP_MECH_PLAIN;
    if (span_eq_nocase(word, SPAN_LIT("LOGIN")))
        return SMTP_MECH_LOGIN;
    if (span_eq_nocase(word, SPAN_LIT("CRAM-MD5")))
        return SMTP_MECH_CRAM_MD5;
    return SMTP_MECH_OTHER;
}

static unsigned attr_of(struct span word)
{
    static const char *const names[] = {"NAME",  "ADDR",   "PORT",     "PROTO",
                                        "HELO",  "LOGIN",  "DESTADDR", "DESTPORT",
                                        "IDENT", "SOURCE", "SESSION",  "REVERSE_NAME"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (span_eq_nocase(word, span_str(names[i])))
            return 1u << i;
    return 0;
}

/* The words behind a keyword, where they mean something to us. */
static void params_read(enum smtp_ext ext, struct span rest, struct smtp_ehlo *ret)
{
    struct span word;

    while (span_word(&rest, &word)) {
        if (ext == SMTP_EXT_AUTH)
            ret->mechs |= mech_of(word);
        if (ext == SMTP_EXT_XCLIENT)
            ret->xclient |= attr_of(word);
        if (ext == SMTP_EXT_XFORWARD)
            ret->xforward |= attr_of(word);
        if (ext == SMTP_EXT_SIZE)
            num_u64(word, 0, UINT64_MAX, &ret->size);
        if (ext == SMTP_EXT_LIMITS && span_starts_nocase(word, SPAN_LIT("RCPTMAX=")))
            num_uint(span_slice(word, 8, word.n), 1, 999999, &ret->rcpt_max);
    }
}

static void keyword_read(struct span line, struct smtp_ehlo *ret)
{
    struct span word, rest = line;

    if (!span_word(&rest, &word))
        return;
    /* "AUTH=LOGIN" is the spelling of old clients' servers. */
    if (span_starts_nocase(word, SPAN_LIT("AUTH="))) {
        ret->ext |= SMTP_EXT_AUTH;
        ret->mechs |= mech_of(span_slice(word, 5, word.n));
    }
    for (size_t i = 0; i < sizeof(exts) / sizeof(exts[0]); i++) {
        if (span_eq_nocase(word, exts[i].word)) {
            ret->ext |= exts[i].ext;
            params_read(exts[i].ext, rest, ret);
        }
    }
    if (span_eq_nocase(word, SPAN_LIT("X-PIPECONNECT")) ||
        span_eq_nocase(word, SPAN_LIT("PIPE_CONNECT")))
        ret->ext |= SMTP_EXT_PIPECONNECT;
}

static bool host_char(char c)
{
    return ascii_is_alnum(c) || c == '-' || c == '.' || c == '_';
}

/* The first thing in the line that parses as an address between brackets, parentheses or blanks. */
static void greeting_address(struct span line, struct ip *ret)
{
    size_t from = 0;

    for (size_t i = 0; i <= line.n; i++) {
        if (i < line.n && (ascii_is_alnum(line.p[i]) || line.p[i] == ':' || line.p[i] == '.'))
            continue;
        struct span word = span_slice(line, from, i);

        if (span_starts_nocase(word, SPAN_LIT("IPv6:")))
            word = span_slice(word, 5, word.n);
        /* No address without one of them; most words fall here. */
        if ((span_find(word, '.') < word.n || span_find(word, ':') < word.n) && ip_parse(word, ret))
            return;
        from = i + 1;
    }
}

static void greeting_read(struct span line, struct smtp_ehlo *ret)
{
    struct span rest = line, name = SPAN_NULL;
    size_t i = 0;

    if (span_word(&rest, &name)) {
        while (i < name.n && host_char(name.p[i]))
            i++;
        if (i == name.n)
            span_copy(name, ret->name, sizeof(ret->name));
    }
    greeting_address(rest, &ret->seen_client);
}

void smtp_ehlo_parse(struct span text, struct smtp_ehlo *ret)
{
    struct span line;
    bool first = true;

    *ret = (struct smtp_ehlo){0};
    while (span_cut(&text, '\n', &line)) {
        if (first)
            greeting_read(line, ret);
        else
            keyword_read(line, ret);
        first = false;
    }
}
