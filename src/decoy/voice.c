/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A persona's words on the wire. The machine's own lines are known by their whole text, from one
 * table: a line that the table does not know goes out as it is, so that a new text of the machine
 * gives the decoy away at worst and never breaks the dialogue. voice_test.c runs the machine and
 * looks for lines that were missed.
 */
#include "decoy/persona.h"

#include "mail/build.h"
#include "smtp/ehlo.h"
#include "smtp/template.h"

static const struct {
    const char *machine; /* a whole line; one that ends in a blank is the front of one */
    enum persona_line line;
} table[] = {
    {"221 2.0.0 Bye", PERSONA_QUIT},
    {"250 2.0.0 Ok", PERSONA_RESET},
    {"220 2.0.0 Ready to start TLS", PERSONA_STARTTLS},
    {"503 5.5.1 Send HELO or EHLO first", PERSONA_NEEDS_HELO},
    {"503 5.5.1 Need MAIL command", PERSONA_NEEDS_MAIL},
    {"503 5.5.1 Need RCPT command", PERSONA_NEEDS_RCPT},
    {"554 5.5.1 No valid recipients", PERSONA_NEEDS_RCPT},
    {"421 4.4.2 Timeout", PERSONA_TIMEOUT},
    {"500 ", PERSONA_UNKNOWN},
    {"502 ", PERSONA_UNKNOWN},
};

static struct span bare(struct span path)
{
    if (path.n >= 2 && path.p[0] == '<' && path.p[path.n - 1] == '>')
        return span_slice(path, 1, path.n - 1);
    return path;
}

static bool add_word(const void *cookie, struct span name, struct buf *out)
{
    const struct persona_words *w = cookie;
    char ip[IP_TEXT_MAX];

    if (span_eq(name, SPAN_LIT("host")))
        buf_add_str(out, w->host);
    else if (span_eq(name, SPAN_LIT("client")))
        buf_add_str(out, ip_text(w->client, ip));
    else if (span_eq(name, SPAN_LIT("helo")))
        smtp_template_said(w->helo, PERSONA_SAID_MAX, out);
    else if (span_eq(name, SPAN_LIT("mail")))
        smtp_template_said(bare(w->mail), PERSONA_SAID_MAX, out);
    else if (span_eq(name, SPAN_LIT("rcpt")))
        smtp_template_said(bare(w->rcpt), PERSONA_SAID_MAX, out);
    else if (span_eq(name, SPAN_LIT("id")))
        buf_add_str(out, w->id ? w->id : "");
    else if (span_eq(name, SPAN_LIT("date")))
        build_date(out, w->date_wall, 0);
    else if (span_eq(name, SPAN_LIT("size")))
        buf_addf(out, "%llu", (unsigned long long)w->size);
    else if (span_eq(name, SPAN_LIT("recipients")))
        buf_addf(out, "%zu", w->recipients);
    else
        return false;
    return true;
}

void persona_fill(const struct persona *p, enum persona_line line, const struct persona_words *w,
                  struct buf *out)
{
    smtp_template_fill(span_str(p->lines[line]), add_word, w, out);
}

unsigned persona_say(const struct persona *p, enum persona_line line, const struct persona_words *w,
                     struct buf *out, char ret_enhanced[12])
{
    struct span text =
        span_str(p->lines[line]); /* personas_read() saw that it begins with a code */
    unsigned code = smtp_template_split(&text, ret_enhanced);

    smtp_template_fill(text, add_word, w, out);
    return code;
}

void persona_id(const struct persona *p, const uint8_t chance[PERSONA_CHANCE],
                char ret[PERSONA_ID_MAX])
{
    static const char hex[] = "0123456789ABCDEF";
    static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    static const char base52[] = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";
    size_t i = 0;

    for (; p->queue_id[i] && i < PERSONA_ID_MAX - 1; i++) {
        uint8_t r = chance[i % PERSONA_CHANCE];

        /* Past the end of the chance an octet is used twice, in another way. */
        r = (uint8_t)(r + (i / PERSONA_CHANCE) * 97);
        switch (p->queue_id[i]) {
        case 'X':
            ret[i] = hex[r % 16];
            break;
        case '9':
            ret[i] = (char)('0' + r % 10);
            break;
        case 'z':
            ret[i] = base62[r % 62];
            break;
        case 'Z':
            ret[i] = base52[r % 52];
            break;
        default:
            ret[i] = p->queue_id[i];
        }
    }
    ret[i] = '\0';
}

/* A filled template as reply lines: "250-…" up to the last, "250 …". */
static void write_reply(struct span filled, struct buf *out)
{
    struct span code = span_slice(filled, 0, 3), line;
    struct span rest = span_slice(filled, 4, filled.n);

    while (span_cut(&rest, '\n', &line))
        buf_addf(out, "%.*s%c%.*s\r\n", SPAN_ARG(code), rest.n ? '-' : ' ', SPAN_ARG(line));
}

/* STARTTLS is shown while it can be had, AUTH and the rest always. */
static bool shown(struct span keyword, const struct persona_words *w)
{
    return !span_eq_nocase(keyword, span_str(smtp_ext_name(SMTP_EXT_STARTTLS))) ||
           (w->tls && !w->tls_on);
}

static void write_hello(const struct persona *p, const struct persona_words *w, struct buf *out)
{
    struct buf text = BUF_INIT(ROWS_VALUE_MAX + 2000);
    struct span rest = span_str(p->keywords), keyword;

    persona_fill(p, PERSONA_EHLO, w, &text);
    while (span_cut(&rest, '\n', &keyword)) {
        if (!shown(keyword, w))
            continue;
        buf_add_char(&text, '\n');
        buf_add(&text, keyword);
    }
    write_reply(buf_span(&text), out);
    if (text.err)
        out->err = text.err;
    buf_deinit(&text);
}

static void write_line(const struct persona *p, const struct persona_words *w, struct span line,
                       struct buf *out)
{
    struct buf filled = BUF_INIT(4096);

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct span text = span_str(table[i].machine);
        bool front = text.p[text.n - 1] == ' ';

        if (!(front ? span_starts(line, text) : span_eq(line, text)))
            continue;
        persona_fill(p, table[i].line, w, &filled);
        write_reply(buf_span(&filled), out);
        if (filled.err)
            out->err = filled.err;
        buf_deinit(&filled);
        return;
    }
    buf_add(out, line);
    buf_add(out, SPAN_LIT("\r\n"));
}

void persona_reword(const struct persona *p, const struct persona_words *w, struct span said,
                    size_t hello_at, struct buf *out)
{
    struct span rest = said, line;
    bool in_hello = false;

    while (rest.n) {
        in_hello = in_hello || said.n - rest.n == hello_at;
        span_cut(&rest, '\n', &line);
        if (line.n && line.p[line.n - 1] == '\r')
            line.n--;
        if (!in_hello) {
            write_line(p, w, line, out);
        } else if (line.n < 4 || line.p[3] == ' ') {
            in_hello = false;
            write_hello(p, w, out);
        }
    }
}
