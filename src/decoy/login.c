/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The password is hashed as soon as it is read and its octets are wiped: it stands in no struct
 * that lives on. The name goes into the hash, so that one word tried for a hundred names does not
 * show as one.
 */
#include "decoy/login.h"

#include "base/base64.h"
#include "base/buf.h"
#include "base/escape.h"

#include <openssl/crypto.h>

enum { RESPONSE_MAX = 1024 };

static void keep_user(struct login *l, struct span user)
{
    user = span_slice(user, 0, LOGIN_USER_MAX - 1);
    for (size_t i = 0; i < user.n; i++)
        l->user[i] = user.p[i] ? user.p[i] : '?';
    l->user[user.n] = '\0';
    l->user_n = user.n;
}

void login_hash(const uint8_t key[MAC_KEY], struct span user, struct span password,
                char ret[LOGIN_HASH])
{
    struct buf text = BUF_INIT(LOGIN_USER_MAX + RESPONSE_MAX + 1);
    uint8_t mac[MAC_SIZE];

    buf_add(&text, user);
    buf_add_char(&text, '\0');
    buf_add(&text, password);
    ret[0] = '\0';
    if (!text.err) {
        mac_hmac(key, buf_span(&text), mac);
        base32_encode(mac, 16, ret);
    }
    if (text.p)
        OPENSSL_cleanse(text.p, text.cap);
    buf_deinit(&text);
}

static enum login_got challenge(struct login *l, enum login_state state, struct span plain)
{
    struct buf text = BUF_INIT(sizeof(l->challenge) - 1);

    escape_base64(&text, plain);
    span_copy(buf_span(&text), l->challenge, sizeof(l->challenge));
    buf_deinit(&text);
    l->state = state;
    return LOGIN_MORE;
}

/* message = [authzid] NUL authcid NUL passwd, RFC 4616 §2 */
static enum login_got take_plain(struct login *l, struct span bytes, const uint8_t key[MAC_KEY])
{
    struct span authzid, user;

    if (!span_cut(&bytes, '\0', &authzid) || !span_cut(&bytes, '\0', &user) || !bytes.p)
        return LOGIN_GARBLED;
    keep_user(l, user);
    login_hash(key, span_of(l->user, l->user_n), bytes, l->hash);
    return LOGIN_TRIED;
}

/* response = name SP 32HEXDIG, RFC 2195 §2 */
static enum login_got take_digest(struct login *l, struct span bytes)
{
    size_t blank = span_rfind(bytes, ' ');

    if (blank == bytes.n || bytes.n - blank != 33)
        return LOGIN_GARBLED;
    keep_user(l, span_slice(bytes, 0, blank));
    return LOGIN_TRIED;
}

enum login_got login_line(struct login *l, struct span line, const uint8_t key[MAC_KEY])
{
    enum login_state state = l->state;
    enum login_got got = LOGIN_GARBLED;
    uint8_t bytes[RESPONSE_MAX];
    struct span said = span_of(bytes, 0);

    l->state = LOGIN_NONE;
    if (!base64_decode(span_trim(line), bytes, RESPONSE_MAX, &said.n)) {
        OPENSSL_cleanse(bytes, sizeof(bytes));
        return LOGIN_GARBLED;
    }
    switch (state) {
    case LOGIN_NONE:
        break;
    case LOGIN_PLAIN:
        got = take_plain(l, said, key);
        break;
    case LOGIN_NAME:
        keep_user(l, said);
        got = challenge(l, LOGIN_PASSWORD, SPAN_LIT("Password:"));
        break;
    case LOGIN_PASSWORD:
        login_hash(key, span_of(l->user, l->user_n), said, l->hash);
        got = LOGIN_TRIED;
        break;
    case LOGIN_DIGEST:
        got = take_digest(l, said);
        break;
    }
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return got;
}

static enum login_got start_digest(struct login *l, uint64_t chance, const char *host)
{
    struct buf text = BUF_INIT(55); /* in base64 it fits l->challenge */

    buf_addf(&text, "<%llu@%.30s>", (unsigned long long)chance, host);
    challenge(l, LOGIN_DIGEST, buf_span(&text));
    buf_deinit(&text);
    return LOGIN_MORE;
}

enum login_got login_first(struct login *l, struct span arg, const uint8_t key[MAC_KEY],
                           uint64_t chance, const char *host)
{
    struct span mech, first = SPAN_NULL;
    bool more;

    *l = (struct login){0};
    if (!span_word(&arg, &mech))
        return LOGIN_UNKNOWN;
    more = span_word(&arg, &first);
    for (size_t i = 0; i < mech.n && i < LOGIN_MECH_MAX - 1; i++) {
        char c = ascii_lower(mech.p[i]);

        l->mech[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c > ' ' && c < 0x7f ? c : '?';
    }
    if (span_eq_nocase(mech, SPAN_LIT("PLAIN"))) {
        l->state = LOGIN_PLAIN;
        return more ? login_line(l, first, key) : LOGIN_MORE;
    }
    if (span_eq_nocase(mech, SPAN_LIT("LOGIN"))) {
        l->state = LOGIN_NAME;
        return more ? login_line(l, first, key) : challenge(l, LOGIN_NAME, SPAN_LIT("Username:"));
    }
    if (span_eq_nocase(mech, SPAN_LIT("CRAM-MD5")))
        return start_digest(l, chance, host);
    return LOGIN_UNKNOWN;
}
