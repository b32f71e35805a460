/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A cookie's secret is worth little: who has it can forge cookies and so escape the rate limit. It
 * is changed daily, the one before is good for a day more, and where the state folder can't be
 * written it lives in memory alone, which costs clients one more question after a restart.
 */
#include "cmd/dns/secrets.h"

#include "base/num.h"
#include "io/datadir.h"
#include "io/file.h"
#include "io/random.h"

#include <errno.h>
#include <stdio.h>

enum { FILE_MAX = 1000 };

static int say(char why[SECRETS_WHY_MAX], int err, const char *text)
{
    snprintf(why, SECRETS_WHY_MAX, "%s", text);
    return err;
}

/* --- of customers' keys ----------------------------------------------------------------------- */

const char *secrets_keys_path(const struct site *s)
{
    static char path[DATADIR_PATH_MAX];

    if (s->args.key_secret)
        return s->args.key_secret;
    if (!s->state[0] || !datadir_join(s->state, "dns/key-secret", path))
        return "the state folder";
    return path;
}

static int make_key_file(const struct site *s, const char *path)
{
    char text[BASE32_LEN(MAC_KEY) + 1], folder[DATADIR_PATH_MAX];
    uint8_t key[MAC_KEY];
    struct buf line = BUF_INIT(sizeof(text) + 1);
    int r = random_bytes(key, sizeof(key));

    if (r == 0 && !s->args.key_secret && datadir_join(s->state, "dns", folder))
        r = file_mkdirs(folder, 0700);
    if (r < 0)
        return r;
    base32_encode(key, sizeof(key), text);
    buf_addf(&line, "%s\n", text);
    r = line.err ? line.err : file_create(path, buf_span(&line), 0600);
    explicit_bzero(key, sizeof(key));
    buf_deinit(&line);
    return r == -EEXIST ? 0 : r;
}

int secrets_keys(const struct site *s, uint8_t ret[MAC_KEY], char why[SECRETS_WHY_MAX])
{
    const char *path = secrets_keys_path(s);
    struct buf text = BUF_INIT(FILE_MAX);
    int r = file_read(path, &text);

    if (r == -ENOENT) {
        r = make_key_file(s, path);
        buf_clear(&text);
        if (r == 0)
            r = file_read(path, &text);
    }
    if (r < 0)
        say(why, r, strerror(-r));
    else if (!base32_decode(span_trim(buf_span(&text)), ret, MAC_KEY))
        r = say(why, -EBADMSG, "is no secret of ours: 52 characters of base32");
    buf_deinit(&text);
    return r;
}

/* --- of cookies ------------------------------------------------------------------------------- */

static bool hex(struct span s, uint8_t ret[DNS_COOKIE_KEY])
{
    if (s.n != 2 * DNS_COOKIE_KEY)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = ascii_lower(s.p[i]);
        unsigned digit = ascii_is_digit(c) ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;

        if (digit > 15)
            return false;
        ret[i / 2] = (uint8_t)(i % 2 ? ret[i / 2] | digit : digit << 4);
    }
    return true;
}

static bool read_pair(struct span text, struct dns_cookie_keys *ret, struct span *ret_rest)
{
    struct span line;

    *ret = (struct dns_cookie_keys){0};
    *ret_rest = text;
    if (!span_cut(ret_rest, '\n', &line) || !hex(span_trim(line), ret->now))
        return false;
    if (!span_cut(ret_rest, '\n', &line) || span_trim(line).n == 0)
        return true;
    ret->has_before = true;
    return hex(span_trim(line), ret->before);
}

int secrets_cookies(const char *path, struct dns_cookie_keys *ret, char why[SECRETS_WHY_MAX])
{
    struct buf text = BUF_INIT(FILE_MAX);
    struct span rest;
    int r = file_read(path, &text);

    if (r < 0)
        say(why, r, strerror(-r));
    else if (!read_pair(buf_span(&text), ret, &rest))
        r = say(why, -EBADMSG, "has not one or two lines of 32 hexadecimal digits each");
    buf_deinit(&text);
    return r;
}

static void load(struct secrets_own *o, const char *path)
{
    struct buf text = BUF_INIT(FILE_MAX);
    struct dns_cookie_keys keys;
    struct span rest, line;
    uint64_t since;

    if (file_read(path, &text) == 0 && read_pair(buf_span(&text), &keys, &rest) &&
        span_cut(&rest, '\n', &line) && num_u64(span_trim(line), 1, INT64_MAX, &since)) {
        o->keys = keys;
        o->since_wall = (int64_t)since;
    }
    buf_deinit(&text);
}

static void add_hex(struct buf *out, const uint8_t key[DNS_COOKIE_KEY])
{
    for (size_t i = 0; i < DNS_COOKIE_KEY; i++)
        buf_addf(out, "%02x", key[i]);
    buf_add_char(out, '\n');
}

static void save(const struct secrets_own *o, const char *state, const char *path)
{
    struct buf text = BUF_INIT(FILE_MAX);
    char folder[DATADIR_PATH_MAX];

    add_hex(&text, o->keys.now);
    if (o->keys.has_before)
        add_hex(&text, o->keys.before);
    else
        buf_add_char(&text, '\n');
    buf_addf(&text, "%lld\n", (long long)o->since_wall);
    /* A folder that can't be written is no fault: see above. */
    if (!text.err && datadir_join(state, "dns", folder) && file_mkdirs(folder, 0700) == 0)
        (void)file_write(path, buf_span(&text), 0600);
    buf_deinit(&text);
}

bool secrets_own(struct secrets_own *o, const char *state, int64_t now_wall)
{
    char path[DATADIR_PATH_MAX];
    bool kept = *state && datadir_join(state, "dns/cookies", path), first = o->since_wall == 0;

    if (first && kept)
        load(o, path);
    if (o->since_wall && now_wall >= o->since_wall && now_wall - o->since_wall < SECRETS_CHANGE)
        return first;
    o->keys.has_before = o->since_wall != 0;
    memcpy(o->keys.before, o->keys.now, DNS_COOKIE_KEY);
    if (random_bytes(o->keys.now, DNS_COOKIE_KEY) < 0)
        return first;
    o->since_wall = now_wall;
    if (kept)
        save(o, state, path);
    return true;
}
