/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The left side of access files: sendmail's access, and what postmap takes for a hash table of
 * access(5).
 *
 *     Connect:192.0.2          RELAY        an address, or a prefix of whole octets
 *     IPv6:2001:db8:1          REJECT       the same in groups of 16 bits
 *     From:spammer@example.net REJECT
 *     example.net              REJECT       of sendmail: From and Connect
 *     To:example.org           RELAY        a domain whose mail is taken
 *     user@                    550 gone     the user at any domain
 *
 * Names stand for all below them, ".example.net" for what is below alone. RELAY grants to addresses
 * and to recipients' domains; to a name or a sender it would grant what anyone can claim, and says
 * so. Tags of other features (TLS, rate limits) are passed over with a note.
 */
#include "relay/policy_priv.h"

#include "base/num.h"

#include <errno.h>
#include <stdlib.h>

enum key_of { OF_CLIENT, OF_SENDER, OF_RCPT, OF_EITHER, OF_NOTHING };

static const struct {
    const char *tag;
    enum key_of of;
} tags[] = {
    {"Connect:", OF_CLIENT},
    {"From:", OF_SENDER},
    {"To:", OF_RCPT},
    {"Spam:", OF_NOTHING},
    {"GreetPause:", OF_NOTHING},
    {"ClientRate:", OF_NOTHING},
    {"ClientConn:", OF_NOTHING},
    {"Try_TLS:", OF_NOTHING},
    {"TLS_Srv:", OF_NOTHING},
    {"TLS_Clt:", OF_NOTHING},
    {"TLS_Rcpt:", OF_NOTHING},
    {"SRV_Features:", OF_NOTHING},
    {"AuthInfo:", OF_NOTHING},
    {"CertIssuer:", OF_NOTHING},
    {"CertSubject:", OF_NOTHING},
    {"TLS_Srv_Features:", OF_NOTHING},
    {"TLS_Clt_Features:", OF_NOTHING},
    {"Clt_Features:", OF_NOTHING},
    {"BadRcptThrottle:", OF_NOTHING},
};

/* Takes a tag off the front. An address of IPv6 has colons, too, and no tag. */
static enum key_of cut_tag(const struct relay_reading *r, struct span *key)
{
    static const enum key_of bare[] = {
        [RELAY_KEYS_TAGGED] = OF_EITHER,
        [RELAY_KEYS_CLIENT] = OF_CLIENT,
        [RELAY_KEYS_FROM] = OF_SENDER,
        [RELAY_KEYS_TO] = OF_RCPT,
    };

    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        struct span tag = span_str(tags[i].tag);

        if (span_starts_nocase(*key, tag)) {
            *key = span_slice(*key, tag.n, key->n);
            return tags[i].of;
        }
    }
    return bare[r->keys];
}

/* "2001:db8:1" is /48; with "::" it is a whole address. */
static bool groups_parse(struct span s, struct ip_prefix *ret)
{
    struct buf text = BUF_INIT(IP_TEXT_MAX + 2);
    struct span rest = s, group;
    struct ip ip = {0};
    unsigned n = 0;
    bool ok = span_has_nocase(s, SPAN_LIT("::")) && ip_prefix_parse(s, ret);

    if (ok)
        return ret->ip.family == IP_V6;
    while (span_cut(&rest, ':', &group) && group.n)
        n++;
    if (group.n == 0 && n) /* a colon at the end is sendmail's habit, too */
        s.n--;
    buf_add(&text, s);
    buf_add_str(&text, n < 8 ? "::" : "");
    ok = !text.err && n > 0 && n <= 8 && ip_parse(buf_span(&text), &ip) && ip.family == IP_V6;
    buf_deinit(&text);
    if (ok)
        *ret = ip_prefix_of(ip, 16 * n);
    return ok;
}

static bool client_parse(struct span key, struct ip_prefix *ret)
{
    if (span_starts_nocase(key, SPAN_LIT("IPv6:")))
        return groups_parse(span_slice(key, 5, key.n), ret);
    return relay_octets_parse(key, false, ret) ||
           (span_find(key, ':') < key.n && groups_parse(key, ret));
}

/* --- mail addresses --------------------------------------------------------------------------- */

static int no_key(struct relay_reading *r, struct span key)
{
    char shown[RELAY_SHOWN_SIZE];

    if (span_find(key, '/') < key.n)
        return relay_bad(r, "'%s': prefixes with a slash stand in a cidr: table",
                         relay_shown(key, shown));
    return relay_bad(r, "'%s' is no address, domain or mail address", relay_shown(key, shown));
}

/* Two keys with a copy of the text each: the name itself, and all below it. */
static int add_tree(struct relay_reading *r, struct relay_keys *keys, const char *dotted,
                    bool below, struct relay_rule *rule)
{
    struct relay_rule copy = *rule;
    int got;

    if (below)
        return relay_add_key(r, keys, span_str(dotted), rule);
    copy.text = rule->text ? strdup(rule->text) : NULL;
    if (rule->text && !copy.text) {
        relay_rule_deinit(rule);
        return -ENOMEM;
    }
    got = relay_add_key(r, keys, span_str(dotted + 1), &copy);
    if (got) {
        relay_rule_deinit(rule);
        return got;
    }
    return relay_add_key(r, keys, span_str(dotted), rule);
}

static int add_mail_key(struct relay_reading *r, struct relay_keys *keys, struct span key,
                        struct relay_rule *rule)
{
    char name[RELAY_NAME_SIZE + 1] = ".";
    struct buf mailbox = BUF_INIT(SMTP_LOCAL_MAX + RELAY_NAME_SIZE);
    size_t at = span_rfind(key, '@');
    bool below = key.n > 1 && key.p[0] == '.';
    struct span domain = span_slice(key, at == key.n ? below : at + 1, key.n);
    int got;

    if (span_eq(key, SPAN_LIT("<>")) || span_eq(key, SPAN_LIT("<@>")))
        return relay_add_key(r, keys, SPAN_LIT("<>"), rule);
    if (at == 0 || (at == key.n && domain.n == 0) ||
        (domain.n && !relay_policy_ascii(r->policy, domain, name + 1))) {
        relay_rule_deinit(rule);
        return no_key(r, key);
    }
    if (at == key.n)
        return add_tree(r, keys, name, below, rule);
    for (size_t i = 0; i < at; i++)
        buf_add_char(&mailbox, ascii_lower(key.p[i]));
    buf_add_char(&mailbox, '@');
    buf_add_str(&mailbox, domain.n ? name + 1 : "");
    if (mailbox.err) {
        relay_rule_deinit(rule);
        got = mailbox.err == -ENOMEM ? -ENOMEM : no_key(r, key);
    } else {
        got = relay_add_key(r, keys, buf_span(&mailbox), rule);
    }
    buf_deinit(&mailbox);
    return got;
}

/* --- lines ------------------------------------------------------------------------------------ */

static int note_relay(struct relay_reading *r, struct span key, enum key_of of)
{
    char shown[RELAY_SHOWN_SIZE];

    relay_shown(key, shown);
    if (of == OF_SENDER)
        return relay_note(r, "'%s': RELAY by sender grants nothing: anyone can write a sender",
                          shown);
    if (of == OF_CLIENT)
        return relay_note(r, "'%s': RELAY by name grants nothing; name the client's address",
                          shown);
    if (of == OF_RCPT)
        return relay_note(r, "'%s': RELAY to one mailbox grants nothing; name the domain", shown);
    return relay_note(r, "'%s': RELAY by name grants nothing; write To:%s if its mail comes here",
                      shown, shown);
}

static int add_named(struct relay_reading *r, struct span key, enum key_of of,
                     struct relay_rule *rule)
{
    struct relay_source *s = r->source;
    char shown[RELAY_SHOWN_SIZE];
    bool below = key.n > 1 && key.p[0] == '.';

    if (span_find(key, '/') < key.n) {
        relay_rule_deinit(rule);
        return no_key(r, key);
    }
    if (rule->verb == RELAY_VERB_GRANT) {
        if (of == OF_RCPT && span_find(key, '@') == key.n)
            return relay_add_own(r, span_slice(key, below, key.n),
                                 below ? RELAY_SCOPE_BELOW : RELAY_SCOPE_TREE, rule);
        return note_relay(r, key, of);
    }
    if (of == OF_CLIENT) {
        relay_rule_deinit(rule);
        return relay_note(r, "'%s': a DNS name says nothing about a client; the rule is not used",
                          relay_shown(key, shown));
    }
    return add_mail_key(r, of == OF_RCPT ? &s->to : &s->from, key, rule);
}

int relay_read_access(struct relay_reading *r, struct span line)
{
    struct relay_rule rule;
    struct ip_prefix net;
    struct span key, whole;
    enum key_of of;
    char shown[RELAY_SHOWN_SIZE];
    int got;

    span_word(&line, &whole);
    key = whole;
    of = cut_tag(r, &key);
    if (of == OF_NOTHING)
        return relay_note(r, "'%s' is no matter of relaying; not used", relay_shown(whole, shown));
    if (key.n == 0)
        return relay_bad(r, "'%s': there is nothing behind the tag", relay_shown(whole, shown));
    got = relay_action_parse(r, line, &rule);
    if (got)
        return got;
    if ((of == OF_CLIENT || of == OF_EITHER) && client_parse(key, &net))
        return relay_add_net(r, net, &rule);
    return add_named(r, key, of, &rule);
}
