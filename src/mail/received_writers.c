/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which product wrote a Received field. Three kinds of evidence, in this order:
 *
 *   1. its name, in a comment behind "by" or in the words behind "with" or "via" (table `signs`);
 *   2. a shape that only it writes ("(qmail 12 invoked by uid 3)", "helo=", "/TLS/");
 *   3. for Postfix under another name, the look of its queue id.
 *
 * Comments in the from clause and reverse-paths are no evidence: strangers fill them. What a
 * writer shows of logins and TLS is in the table `writers`: only for one that always shows them
 * does silence mean "no". A line is a claim; whoever forges it can forge the product too.
 *
 * From real lines, seen by hand in public corpora; no product's source was copied.
 */
#include "mail/received_token.h"

#include "base/num.h"

#include <string.h>

enum { TELLS_AUTH = 1 << 0, TELLS_TLS = 1 << 1, TELLS_BOTH = TELLS_AUTH | TELLS_TLS };

enum shape {
    SHAPE_HELO_FIRST = 0, /* from HELO (name [ip]) */
    SHAPE_NAME_FIRST, /* from name (…): the HELO is told apart, or left out when it is the same */
    SHAPE_NAME_ONLY,  /* from name: the HELO is never told */
    SHAPE_NO_NAME,    /* the first word is a constant of the writer */
};

static const struct {
    const char *name;
    unsigned tells;
    enum shape shape;
} writers[RECEIVED_WRITERS] = {
    [RECEIVED_BY_UNKNOWN] = {"unknown", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_AMAVIS] = {"amavisd", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_APPLESHARE] = {"AppleShare IP", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_ARGOSOFT] = {"ArGoSoft", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_AXIGEN] = {"Axigen", TELLS_AUTH, SHAPE_HELO_FIRST},
    [RECEIVED_BY_BARRACUDA] = {"Barracuda", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_CHASQUID] = {"chasquid", TELLS_BOTH, SHAPE_HELO_FIRST},
    [RECEIVED_BY_COMMUNIGATE] = {"CommuniGate", TELLS_AUTH, SHAPE_NAME_FIRST},
    [RECEIVED_BY_CONTENT] = {"MAILsweeper", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_COURIER] = {"Courier", TELLS_BOTH, SHAPE_HELO_FIRST},
    [RECEIVED_BY_CYRUS] = {"Cyrus", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_DOMINO] = {"Domino", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_DOVECOT] = {"Dovecot", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_ECELERITY] = {"Ecelerity", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_EIMS] = {"EIMS", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_EMWAC] = {"EMWAC", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_EXCHANGE] = {"Exchange", TELLS_TLS, SHAPE_HELO_FIRST},
    [RECEIVED_BY_EXCHANGE_IMS] = {"Exchange IMS", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_EXIM] = {"Exim", TELLS_BOTH, SHAPE_NAME_FIRST},
    [RECEIVED_BY_FETCHMAIL] = {"fetchmail", 0, SHAPE_NAME_ONLY},
    [RECEIVED_BY_FIRSTCLASS] = {"FirstClass", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_FORTIMAIL] = {"FortiMail", TELLS_AUTH, SHAPE_HELO_FIRST},
    [RECEIVED_BY_GMAIL] = {"Gmail", TELLS_BOTH, SHAPE_HELO_FIRST},
    [RECEIVED_BY_GROUPWISE] = {"GroupWise", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_HALON] = {"Halon", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_HARAKA] = {"Haraka", TELLS_BOTH, SHAPE_HELO_FIRST},
    [RECEIVED_BY_HMAILSERVER] = {"hMailServer", TELLS_BOTH, SHAPE_HELO_FIRST},
    [RECEIVED_BY_IMAIL] = {"IMail", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_INTERMAIL] = {"InterMail", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_IRONPORT] = {"IronPort", TELLS_TLS, SHAPE_NAME_FIRST},
    [RECEIVED_BY_JAMES] = {"James", TELLS_AUTH, SHAPE_NAME_FIRST},
    [RECEIVED_BY_JETMAIL] = {"JetMail", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_KERIO] = {"Kerio", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_KUMOMTA] = {"KumoMTA", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_LSMTP] = {"LSMTP", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_MADDY] = {"maddy", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_MAILENABLE] = {"MailEnable", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_MDAEMON] = {"MDaemon", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_MERAK] = {"Merak", TELLS_AUTH, SHAPE_HELO_FIRST},
    [RECEIVED_BY_MERCURY] = {"Mercury", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_NAVGW] = {"NAVGW", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_NEMESIS] = {"Nemesis", TELLS_BOTH, SHAPE_HELO_FIRST},
    [RECEIVED_BY_NETMAIL] = {"NetMail", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_NETSCAPE] = {"Netscape", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_NMAIL] = {"Nmail", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_NTMAIL] = {"NTMail", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_OBTUSE] = {"Obtuse smtpd", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_OPENSMTPD] = {"OpenSMTPD", TELLS_BOTH, SHAPE_HELO_FIRST},
    [RECEIVED_BY_OS400] = {"OS/400", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_POSTERN] = {"Postern", TELLS_BOTH, SHAPE_HELO_FIRST},
    [RECEIVED_BY_POSTFIX] = {"Postfix", TELLS_BOTH, SHAPE_HELO_FIRST},
    [RECEIVED_BY_POSTINI] = {"Postini", 0, SHAPE_NO_NAME},
    [RECEIVED_BY_POSTOFFICE] = {"Post.Office", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_POWERMTA] = {"PowerMTA", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_PROXYPLUS] = {"Proxy+", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_QMAIL] = {"qmail", 0, SHAPE_NAME_FIRST},
    [RECEIVED_BY_QPSMTPD] = {"qpsmtpd", TELLS_AUTH, SHAPE_NAME_FIRST},
    [RECEIVED_BY_RAPTOR] = {"Raptor", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_SENDGRID] = {"SendGrid", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_SENDMAIL] = {"Sendmail", TELLS_BOTH, SHAPE_HELO_FIRST},
    [RECEIVED_BY_SLMAIL] = {"SLmail", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_SMAP] = {"smap", 0, SHAPE_NAME_ONLY},
    [RECEIVED_BY_SMTPBEAMER] = {"SMTPBeamer", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_SMTPSVC] = {"Microsoft SMTPSVC", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_STALWART] = {"Stalwart", TELLS_BOTH, SHAPE_HELO_FIRST},
    [RECEIVED_BY_SYMANTEC] = {"Symantec", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_VGER] = {"ZMailer", 0, SHAPE_NAME_FIRST},
    [RECEIVED_BY_VIRUSWALL] = {"VirusWall", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_VPOP3] = {"VPOP3", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_WINROUTE] = {"WinRoute", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_ZOHO] = {"Zoho", 0, SHAPE_HELO_FIRST},
    [RECEIVED_BY_ZONEMTA] = {"ZoneMTA", TELLS_AUTH, SHAPE_HELO_FIRST},
};

enum place {
    IN_COMMENT = 0, /* somewhere in a comment behind "by" */
    AT_COMMENT,     /* at the start of one */
    IN_WITH,        /* somewhere in the words behind "with" */
    IN_VIA,
    IN_BY, /* at the end of the host name: weak, so after all others */
};

static const struct {
    enum received_writer writer;
    enum place place;
    struct span text;
} signs[] = {
    {RECEIVED_BY_EXCHANGE_IMS, IN_COMMENT, SPAN_LIT("Microsoft Exchange Internet Mail ")},
    {RECEIVED_BY_EXCHANGE_IMS, IN_COMMENT,
     SPAN_LIT("Microsoft Exchange Connector for Internet Mail ")},
    {RECEIVED_BY_EXCHANGE_IMS, IN_WITH, SPAN_LIT("Internet Mail Service")},
    {RECEIVED_BY_SMTPSVC, IN_WITH, SPAN_LIT("Microsoft SMTPSVC")},
    {RECEIVED_BY_EXCHANGE, IN_WITH, SPAN_LIT("Microsoft SMTP Server")},
    {RECEIVED_BY_EXCHANGE, IN_WITH, SPAN_LIT("Microsoft Exchange")},
    {RECEIVED_BY_EXCHANGE, IN_WITH, SPAN_LIT("mapi")},
    {RECEIVED_BY_POSTFIX, AT_COMMENT, SPAN_LIT("Postfix")},
    {RECEIVED_BY_EXIM, AT_COMMENT, SPAN_LIT("Exim ")},
    {RECEIVED_BY_QMAIL, AT_COMMENT, SPAN_LIT("qmail ")},
    {RECEIVED_BY_QMAIL, AT_COMMENT, SPAN_LIT("qmail-")}, /* qmail-ldap and its like */
    {RECEIVED_BY_QMAIL, AT_COMMENT, SPAN_LIT("qp ")},
    {RECEIVED_BY_DOMINO, IN_COMMENT, SPAN_LIT("Domino")},
    {RECEIVED_BY_DOMINO, IN_COMMENT, SPAN_LIT("Lotus SMTP MTA")},
    {RECEIVED_BY_OPENSMTPD, AT_COMMENT, SPAN_LIT("OpenSMTPD")},
    {RECEIVED_BY_HARAKA, AT_COMMENT, SPAN_LIT("Haraka")},
    {RECEIVED_BY_STALWART, AT_COMMENT, SPAN_LIT("Stalwart")},
    {RECEIVED_BY_CHASQUID, AT_COMMENT, SPAN_LIT("chasquid")},
    {RECEIVED_BY_MADDY, AT_COMMENT, SPAN_LIT("envelope-sender <")},
    {RECEIVED_BY_QPSMTPD, AT_COMMENT, SPAN_LIT("qpsmtpd")},
    {RECEIVED_BY_JAMES, AT_COMMENT, SPAN_LIT("JAMES SMTP")},
    {RECEIVED_BY_IMAIL, AT_COMMENT, SPAN_LIT("SMTPD32")},
    {RECEIVED_BY_IMAIL, AT_COMMENT, SPAN_LIT("SMTPD-")},
    {RECEIVED_BY_MDAEMON, AT_COMMENT, SPAN_LIT("MDaemon")},
    {RECEIVED_BY_MERAK, AT_COMMENT, SPAN_LIT("Merak")},
    {RECEIVED_BY_MERAK, AT_COMMENT, SPAN_LIT("IceWarp")},
    {RECEIVED_BY_COMMUNIGATE, AT_COMMENT, SPAN_LIT("CommuniGate Pro SMTP")},
    {RECEIVED_BY_COMMUNIGATE, AT_COMMENT, SPAN_LIT("CommuniGate Pro")},
    {RECEIVED_BY_INTERMAIL, AT_COMMENT, SPAN_LIT("InterMail")},
    {RECEIVED_BY_POSTOFFICE, AT_COMMENT, SPAN_LIT("Post.Office MTA")},
    {RECEIVED_BY_SLMAIL, AT_COMMENT, SPAN_LIT("SLmail")},
    {RECEIVED_BY_MERCURY, AT_COMMENT, SPAN_LIT("Mercury/32")},
    {RECEIVED_BY_MERCURY, AT_COMMENT, SPAN_LIT("Mercury")},
    {RECEIVED_BY_NTMAIL, AT_COMMENT, SPAN_LIT("NTMail")},
    {RECEIVED_BY_EIMS, AT_COMMENT, SPAN_LIT("Eudora Internet Mail Server")},
    {RECEIVED_BY_APPLESHARE, AT_COMMENT, SPAN_LIT("AppleShare IP Mail Server")},
    {RECEIVED_BY_NAVGW, AT_COMMENT, SPAN_LIT("NAVGW")},
    {RECEIVED_BY_NAVGW, AT_COMMENT, SPAN_LIT("NAVIEG")},
    {RECEIVED_BY_VIRUSWALL, IN_COMMENT, SPAN_LIT("VirusWall")},
    {RECEIVED_BY_WINROUTE, AT_COMMENT, SPAN_LIT("WinRoute")},
    {RECEIVED_BY_KERIO, AT_COMMENT, SPAN_LIT("Kerio")},
    {RECEIVED_BY_VPOP3, IN_COMMENT, SPAN_LIT("VPOP3")},
    {RECEIVED_BY_ARGOSOFT, AT_COMMENT, SPAN_LIT("ArGoSoft")},
    {RECEIVED_BY_BARRACUDA, IN_COMMENT, SPAN_LIT("Spam Firewall")},
    {RECEIVED_BY_BARRACUDA, AT_COMMENT, SPAN_LIT("Barracuda")},
    {RECEIVED_BY_SYMANTEC, AT_COMMENT, SPAN_LIT("Symantec")},
    {RECEIVED_BY_HALON, AT_COMMENT, SPAN_LIT("Halon")},
    {RECEIVED_BY_KUMOMTA, AT_COMMENT, SPAN_LIT("KumoMTA")},
    {RECEIVED_BY_POWERMTA, AT_COMMENT, SPAN_LIT("PowerMTA")},
    {RECEIVED_BY_ECELERITY, AT_COMMENT, SPAN_LIT("ecelerity")},
    {RECEIVED_BY_NETSCAPE, AT_COMMENT, SPAN_LIT("Netscape ")},
    {RECEIVED_BY_NETSCAPE, AT_COMMENT, SPAN_LIT("iPlanet ")},
    {RECEIVED_BY_NETSCAPE, AT_COMMENT, SPAN_LIT("Sun Java")},
    {RECEIVED_BY_FIRSTCLASS, AT_COMMENT, SPAN_LIT("FirstClass")},
    {RECEIVED_BY_OS400, IN_COMMENT, SPAN_LIT("OS/400")},
    {RECEIVED_BY_AMAVIS, AT_COMMENT, SPAN_LIT("amavis")},
    {RECEIVED_BY_AXIGEN, AT_COMMENT, SPAN_LIT("Axigen")},
    {RECEIVED_BY_ZONEMTA, AT_COMMENT, SPAN_LIT("ZoneMTA")},
    {RECEIVED_BY_PROXYPLUS, IN_BY, SPAN_LIT("Proxy+")},
    {RECEIVED_BY_CONTENT, AT_COMMENT, SPAN_LIT("Content Technologies SMTPRS")},
    {RECEIVED_BY_JETMAIL, AT_COMMENT, SPAN_LIT("JetMail")},
    {RECEIVED_BY_LSMTP, AT_COMMENT, SPAN_LIT("LSMTP for")},
    {RECEIVED_BY_MAILENABLE, IN_WITH, SPAN_LIT("MailEnable")},
    {RECEIVED_BY_MAILENABLE, IN_BY, SPAN_LIT("MailEnable")},
    {RECEIVED_BY_SMTPBEAMER, IN_WITH, SPAN_LIT("SMTPBeamer")},
    {RECEIVED_BY_EMWAC, AT_COMMENT, SPAN_LIT("EMWAC SMTPRS")},
    {RECEIVED_BY_NEMESIS, AT_COMMENT, SPAN_LIT("Nemesis")},
    {RECEIVED_BY_SENDGRID, AT_COMMENT, SPAN_LIT("SG")},
    {RECEIVED_BY_NETSCAPE, AT_COMMENT, SPAN_LIT("Oracle Communications Messaging")},
    {RECEIVED_BY_FETCHMAIL, AT_COMMENT, SPAN_LIT("fetchmail")},
    {RECEIVED_BY_CYRUS, AT_COMMENT, SPAN_LIT("Cyrus")},
    {RECEIVED_BY_POSTERN, AT_COMMENT, SPAN_LIT("Postern")},
    {RECEIVED_BY_SENDMAIL, AT_COMMENT, SPAN_LIT("Sendmail")},
    {RECEIVED_BY_SENDMAIL, AT_COMMENT, SPAN_LIT("SMI-")},
    {RECEIVED_BY_SENDMAIL, AT_COMMENT, SPAN_LIT("AIX")},
    {RECEIVED_BY_GROUPWISE, IN_WITH, SPAN_LIT("Novell_GroupWise")},
    {RECEIVED_BY_NETMAIL, IN_WITH, SPAN_LIT("NetMail SMTP Agent")},
    {RECEIVED_BY_NETMAIL, IN_WITH, SPAN_LIT("NIMS SMTP Agent")},
    {RECEIVED_BY_HMAILSERVER, IN_WITH, SPAN_LIT("hMailServer")},
    {RECEIVED_BY_SMAP, IN_VIA, SPAN_LIT("smap")},
    {RECEIVED_BY_RAPTOR, IN_VIA, SPAN_LIT("smtpd")},
    {RECEIVED_BY_VGER, IN_BY, SPAN_LIT(".vger.kernel.org")},
    {RECEIVED_BY_GMAIL, IN_BY, SPAN_LIT(".google.com")},
    {RECEIVED_BY_ZOHO, IN_BY, SPAN_LIT(".zoho.com")},
    {RECEIVED_BY_ZOHO, IN_BY, SPAN_LIT(".zohomail.com")},
    {RECEIVED_BY_POSTINI, IN_BY, SPAN_LIT(".postini.com")},
    {RECEIVED_BY_EXCHANGE, IN_BY, SPAN_LIT(".outlook.com")},
};

const char *received_writer_name(enum received_writer writer)
{
    return writers[writer].name;
}

/* The first word that looks like a version: digits, or a v and digits. */
static struct span version_in(struct span s)
{
    struct span word;

    while (s.n && memchr("/-.", s.p[0], 3))
        s = span_slice(s, 1, s.n);
    while (span_word(&s, &word)) {
        size_t v = word.n > 1 && ascii_lower(word.p[0]) == 'v' ? 1 : 0;

        word = span_trim(word); /* a fold may hang on it */
        while (word.n && memchr(",;)", word.p[word.n - 1], 3))
            word.n--;
        if (v < word.n && (ascii_is_digit(word.p[v]) || span_starts(word, SPAN_LIT("vM."))))
            return word;
    }
    return SPAN_NULL;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Offset behind the text that s starts with, or 0. A blank of the text fits any fold or blanks. */
static size_t behind_text(struct span s, struct span text)
{
    size_t at = 0;

    for (size_t i = 0; i < text.n; i++) {
        size_t from = at;

        while (text.p[i] == ' ' && at < s.n && is_space(s.p[at]))
            at++;
        if (text.p[i] != ' ' && at < s.n && ascii_lower(s.p[at]) == ascii_lower(text.p[i]))
            at++;
        if (at == from)
            return 0;
    }
    return at;
}

/* Offset behind the sign's text in a comment, or 0 when it is not there. */
static size_t sign_in(struct span s, enum place place, struct span text)
{
    for (size_t at = 0; at < s.n && (at == 0 || place == IN_COMMENT); at++) {
        size_t n = behind_text(span_slice(s, at, s.n), text);

        if (n)
            return at + n;
    }
    return 0;
}

/* A comment that repeats what a stranger said. */
static bool is_foreign(struct span comment)
{
    return span_starts_nocase(comment, SPAN_LIT("envelope-from"));
}

static bool by_comment(const struct received_tokens *t, size_t by, enum place place,
                       struct span text, struct received *r)
{
    for (size_t i = by; i < t->date; i++) {
        struct span s = t->v[i].text;
        size_t behind;

        if (t->v[i].kind != RECEIVED_COMMENT || is_foreign(s))
            continue;
        behind = sign_in(s, place, text);
        if (behind) {
            r->version = version_in(span_slice(s, behind, s.n));
            return true;
        }
    }
    return false;
}

/* The comment right behind the words of "with" or "via": SMTPSVC(5.0.2195.2966). */
static struct span version_behind(const struct received_tokens *t, struct span words)
{
    for (size_t i = 1; words.n && i < t->count; i++)
        if (t->v[i].kind == RECEIVED_COMMENT &&
            t->v[i - 1].text.p + t->v[i - 1].text.n == words.p + words.n)
            return version_in(t->v[i].text);
    return SPAN_NULL;
}

static bool sign_fits(const struct received_tokens *t, size_t by, size_t sign, struct received *r)
{
    struct span text = signs[sign].text;

    switch (signs[sign].place) {
    case IN_COMMENT:
    case AT_COMMENT:
        return by_comment(t, by, signs[sign].place, text, r);
    case IN_WITH:
        if (!behind_text(r->with, text))
            return false;
        r->version = version_behind(t, r->with);
        return true;
    case IN_VIA:
        if (!span_eq_nocase(r->via, text))
            return false;
        r->version = version_behind(t, r->via);
        return true;
    case IN_BY:
        return span_ends_nocase(r->by, text);
    }
    return false;
}

/*
 * "(8.11.6/8.11.6)", "(8.9.3+Sun/8.9.3)", "(5.65c/IDA-1.4.4)": version of program and
 * configuration.
 */
static bool looks_like_sendmail(const struct received_tokens *t, size_t by, struct received *r)
{
    struct span s, word;

    if (by >= t->date || t->v[by].kind != RECEIVED_COMMENT)
        return false;
    s = t->v[by].text;
    if (!s.n || !ascii_is_digit(s.p[0]) || span_find(s, '/') == s.n || !span_word(&s, &word) ||
        span_find(word, '.') == word.n)
        return false;
    r->version = word;
    return true;
}

static bool all_of(struct span s, const char *set)
{
    for (size_t i = 0; i < s.n; i++)
        if (!memchr(set, s.p[i], strlen(set)))
            return false;
    return s.n > 0;
}

/* mail_name is the operator's to choose; the id is not: hexadecimal, or letters without vowels. */
static bool looks_like_postfix(const struct received_tokens *t, size_t by, const struct received *r)
{
    struct span s;

    if (by >= t->date || t->v[by].kind != RECEIVED_COMMENT)
        return false;
    s = t->v[by].text;
    return s.n && ascii_is_alpha(s.p[0]) && span_find(s, '[') == s.n &&
           span_starts_nocase(r->with, SPAN_LIT("ESMTP")) && r->id.n >= 8 && r->id.n <= 16 &&
           (all_of(r->id, "0123456789ABCDEF") ||
            all_of(r->id, "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"));
}

/* A comment of the from clause, as evidence of shape only. */
static bool from_comment(const struct received_tokens *t, const struct received *r,
                         const char *text)
{
    for (size_t i = 0; i < t->date && t->v[i].text.p != r->by.p; i++)
        if (t->v[i].kind == RECEIVED_COMMENT && span_has_nocase(t->v[i].text, span_str(text)))
            return true;
    return false;
}

/* An unbracketed address as the whole of a comment, as qmail writes it, perhaps behind "ident@". */
static bool bare_address(const struct received_tokens *t, const struct received *r)
{
    for (size_t i = 0; i < t->date && t->v[i].text.p != r->by.p; i++) {
        struct span s = t->v[i].text;
        size_t at = span_rfind(s, '@');
        struct ip ip;
        uint16_t port;

        if (t->v[i].kind == RECEIVED_COMMENT && span_find(s, '[') == s.n &&
            received_ip(at < s.n ? span_slice(s, at + 1, s.n) : s, &ip, &port))
            return true;
    }
    return false;
}

/* "from pc (192.0.2.1) by host id h1qf2k0e97cb for <a>": PowerMTA with its name hidden. */
static bool looks_like_powermta(const struct received_tokens *t, size_t by,
                                const struct received *r)
{
    if (r->with.n || r->id.n < 11 || r->id.n > 14 || r->id.p[0] != 'h' || r->ip.family == IP_NONE ||
        (by < t->date && t->v[by].kind == RECEIVED_COMMENT))
        return false;
    return all_of(r->id, "0123456789abcdefghijklmnopqrstuvwxyz");
}

/* hMailServer tells no id; its date stands on a line of its own, with the semicolon. */
static bool looks_like_hmailserver(const struct received_tokens *t, const struct received *r)
{
    struct span before = span_slice(r->field, 0, span_rfind(r->field, ';'));
    size_t n = before.n;

    while (n && (before.p[n - 1] == ' ' || before.p[n - 1] == '\t'))
        n--;
    return before.n < r->field.n && n && before.p[n - 1] == '\n' && !r->id.n && !r->rcpt.n &&
           span_starts_nocase(r->with, SPAN_LIT("ESMTP")) && r->ip.family != IP_NONE &&
           !from_comment(t, r, "HELO");
}

static enum received_writer by_shape(const struct received_tokens *t, size_t by, struct received *r)
{
    bool commented = by < t->date && t->v[by].kind == RECEIVED_COMMENT;

    if (t->count && t->v[0].kind == RECEIVED_COMMENT &&
        span_starts_nocase(t->v[0].text, SPAN_LIT("qmail ")))
        return RECEIVED_BY_QMAIL;
    if (looks_like_sendmail(t, by, r))
        return RECEIVED_BY_SENDMAIL;
    if (span_starts_nocase(r->by, SPAN_LIT("2002:a05:"))) /* 10/8 of Google's inside, as 6to4 */
        return RECEIVED_BY_GMAIL;
    if (from_comment(t, r, "\"EHLO ") || from_comment(t, r, "\"HELO "))
        return RECEIVED_BY_VGER;
    if (from_comment(t, r, "helo="))
        return RECEIVED_BY_EXIM;
    if (span_has_nocase(r->with, SPAN_LIT("/TLS")) ||
        (!r->id.n && !commented && from_comment(t, r, "HELO ") && from_comment(t, r, "[")))
        return RECEIVED_BY_IRONPORT;
    if (r->helo_apart && span_starts(r->id, SPAN_LIT("smtpd")))
        return RECEIVED_BY_OBTUSE;
    for (size_t i = by; i < t->date; i++)
        if (t->v[i].kind == RECEIVED_LITERAL && span_starts(t->v[i].text, SPAN_LIT("[Nmail")))
            return RECEIVED_BY_NMAIL;
    if (from_comment(t, r, "mech="))
        return RECEIVED_BY_FORTIMAIL;
    if (from_comment(t, r, "::ffff:") || from_comment(t, r, "AUTH: ") ||
        from_comment(t, r, "TLS: "))
        return RECEIVED_BY_COURIER;
    if (r->has_sender && span_starts_nocase(r->with, SPAN_LIT("LMTP")))
        return RECEIVED_BY_DOVECOT;
    if (!r->id.n && !commented && span_starts(span_slice(r->with, 0, 5), SPAN_LIT("SMTP")) &&
        bare_address(t, r))
        return RECEIVED_BY_QMAIL;
    if (!r->id.n && !commented && span_starts(r->with, SPAN_LIT("ESMTP")) && bare_address(t, r) &&
        from_comment(t, r, "HELO "))
        return RECEIVED_BY_QMAIL;
    if (span_starts(r->by, SPAN_LIT("geopod-ismtpd-")) || span_starts(r->by, SPAN_LIT("recvd-")) ||
        span_starts(r->by, SPAN_LIT("filterdrecv-")))
        return RECEIVED_BY_SENDGRID;
    if (looks_like_powermta(t, by, r))
        return RECEIVED_BY_POWERMTA;
    if (looks_like_hmailserver(t, r))
        return RECEIVED_BY_HMAILSERVER;
    return looks_like_postfix(t, by, r) ? RECEIVED_BY_POSTFIX : RECEIVED_BY_UNKNOWN;
}

static bool is_exchange_id(struct span id)
{
    size_t dot = span_find(id, '.');
    unsigned major;

    return num_uint(span_slice(id, 0, dot), 8, 20, &major) && all_of(id, "0123456789.") &&
           span_find(span_slice(id, dot + 1, id.n), '.') < id.n;
}

/* NetMail's from clause: "HELO user@host [ip]", where the user has logged in. */
static void split_login(struct received *r)
{
    struct span rest = r->helo, helo, user;

    if (span_word(&rest, &helo) && span_word(&rest, &user) && span_find(user, '@') < user.n) {
        r->helo = helo;
        r->auth = RECEIVED_YES;
        r->auth_user = user;
    }
}

/* The first word means what this writer means by it. */
static void settle_shape(struct received *r)
{
    switch (writers[r->writer].shape) {
    case SHAPE_HELO_FIRST:
        break;
    case SHAPE_NAME_FIRST:
        /* Told once: HELO and name are the same, or there is no name. */
        if (!r->local && !r->helo_apart && !r->name.n && r->helo_ip.family == IP_NONE &&
            !span_eq_nocase(r->helo, SPAN_LIT("unknown")))
            r->name = r->helo;
        break;
    case SHAPE_NAME_ONLY:
        if (!span_eq_nocase(r->helo, SPAN_LIT("unknown")))
            r->name = r->helo;
        r->helo = SPAN_NULL;
        break;
    case SHAPE_NO_NAME:
        r->helo = SPAN_NULL;
        break;
    }
    if (r->writer == RECEIVED_BY_NETMAIL)
        split_login(r);
    /* "(joe@example.org@192.0.2.1)": qmail with a login puts the user where the ident stood. */
    if (r->writer == RECEIVED_BY_QMAIL && span_find(r->ident, '@') < r->ident.n) {
        r->auth = RECEIVED_YES;
        r->auth_user = r->ident;
    }
    /* Before version 4: "from name (helo) [ip]". */
    if (r->writer == RECEIVED_BY_EXIM && !r->helo_apart && !span_eq_nocase(r->name, r->helo) &&
        r->name.n && !r->local) {
        struct span name = r->helo;

        r->helo = r->name;
        r->name = name;
        r->helo_apart = true;
    }
}

void received_writer_find(const struct received_tokens *t, size_t by, struct received *r)
{
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]) && !r->writer; i++)
        if (sign_fits(t, by, i, r))
            r->writer = signs[i].writer;
    if (!r->writer)
        r->writer = by_shape(t, by, r);
    if (!r->writer && is_exchange_id(r->id) && span_starts_nocase(r->with, SPAN_LIT("HTTPS")))
        r->writer = RECEIVED_BY_EXCHANGE;
    if (r->writer == RECEIVED_BY_EXCHANGE && is_exchange_id(r->id))
        r->version = r->id;
    /* "(amavisd-new, port 10024)": a number, but no version. */
    if (r->writer == RECEIVED_BY_AMAVIS && span_find(r->version, '.') == r->version.n)
        r->version = SPAN_NULL;
    if (r->writer == RECEIVED_BY_POSTFIX)
        r->version = SPAN_NULL; /* "(Postfix on SuSE Linux 7.3)" tells the system's, not its own */
    settle_shape(r);
}

void received_writer_silence(struct received *r)
{
    /* Where nothing came by SMTP there was nothing to tell. */
    if (r->local || r->ip.family == IP_NONE)
        return;
    if (r->auth == RECEIVED_UNTOLD && writers[r->writer].tells & TELLS_AUTH)
        r->auth = RECEIVED_NO;
    if (r->tls == RECEIVED_UNTOLD && writers[r->writer].tells & TELLS_TLS)
        r->tls = RECEIVED_NO;
}
