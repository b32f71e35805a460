/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file is read whole into an array that is sorted by the folded name. A bad line spoils the
 * file: an administrator who mistypes one must hear of it, not find one user gone. Its bytes are
 * not repeated in the error, since they may hold keys.
 *
 * For a name that is not there an entry is made up from the name and a secret of the file (the
 * server key of its first entry): RFC 5802 §5.1 leaves the salt of unknown users open, and a salt
 * that changes from try to try would tell that there is no such user. Rounds and length of the
 * salt are those of an entry that the same hash picks.
 */
#include "auth/users.h"

#include "auth/base64.h"
#include "auth/sasl.h"
#include "base/escape.h"
#include "base/num.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define SCHEME "{SCRAM-SHA-256}"

struct entry {
    struct auth_user user;
    unsigned line;
};

struct auth_users {
    char *names; /* one block of all names, NUL-ended */
    struct entry *entries;
    size_t count, cap;
    unsigned holds; /* besides the first */
    uint8_t secret[MAC_KEY];
};

bool auth_users_name_ok(struct span login)
{
    return auth_login_ok(login) && login.p[0] != '#' && span_find(login, ':') == login.n &&
           span_trim(login).n == login.n;
}

static int fold_cmp(struct span a, struct span b)
{
    for (size_t i = 0; i < a.n && i < b.n; i++) {
        int d = (unsigned char)ascii_lower(a.p[i]) - (unsigned char)ascii_lower(b.p[i]);

        if (d)
            return d;
    }
    return (a.n > b.n) - (a.n < b.n);
}

static bool bytes_of(struct span text, size_t min, size_t max, uint8_t *ret, size_t *ret_n)
{
    struct buf b = BUF_INIT(max);
    bool ok = auth_base64(text, &b) && b.err == 0 && b.n >= min;

    if (ok) {
        memcpy(ret, b.p, b.n);
        *ret_n = b.n;
    }
    buf_deinit(&b);
    return ok;
}

/* "4096,salt,StoredKey,ServerKey" */
static const char *read_keys(struct span text, struct auth_user *ret)
{
    struct span piece[4] = {0}, rest = text;
    size_t n = 0;

    while (n < 4 && span_cut(&rest, ',', &piece[n]))
        n++;
    if (n < 4 || rest.p)
        return "the keys are not four, with commas between them";
    if (!num_uint(piece[0], AUTH_ITERATIONS_MIN, AUTH_ITERATIONS_MAX, &ret->iterations))
        return "the number of rounds is not between 4096 and 1000000";
    if (!bytes_of(piece[1], AUTH_SALT_MIN, AUTH_SALT_MAX, ret->salt, &ret->salt_n))
        return "the salt is not base64 of 8 to 64 octets";
    if (!bytes_of(piece[2], MAC_SIZE, MAC_SIZE, ret->stored, &n) ||
        !bytes_of(piece[3], MAC_SIZE, MAC_SIZE, ret->server, &n))
        return "a key is not base64 of 32 octets";
    return NULL;
}

/* The name goes to *ret_name; what is wrong, or NULL. */
static const char *read_line(struct span line, struct span *ret_name, struct auth_user *ret)
{
    struct span rest = line, keys = SPAN_NULL;

    if (line.n > AUTH_USERS_LINE_MAX)
        return "the line is longer than 2000 octets";
    if (span_find(line, ':') == line.n)
        return "there is no colon behind the name";
    span_cut(&rest, ':', ret_name);
    span_cut(&rest, ':', &keys);
    if (!auth_users_name_ok(*ret_name))
        return "the name is empty, too long, or has characters that it may not have";
    if (span_eq(keys, SPAN_LIT("!"))) {
        ret->locked = true;
        return NULL;
    }
    if (!span_starts_nocase(keys, SPAN_LIT(SCHEME)))
        return "the password is not in the scheme {SCRAM-SHA-256}; \"postern gate passwd\" makes "
               "it";
    return read_keys(span_slice(keys, sizeof(SCHEME) - 1, keys.n), ret);
}

static int entry_cmp(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int d = fold_cmp(span_str(x->user.login), span_str(y->user.login));

    return d ? d : (x->line > y->line) - (x->line < y->line);
}

static int fail(struct auth_users_error *err, unsigned line, const char *why)
{
    *err = (struct auth_users_error){.line = line};
    snprintf(err->why, sizeof(err->why), "%s", why);
    return -EINVAL;
}

static int add(struct auth_users *u, struct span name, const struct auth_user *user, unsigned line,
               char **at)
{
    if (u->count == AUTH_USERS_MAX)
        return -EFBIG;
    if (array_grow(&u->entries, &u->cap, sizeof(*u->entries), u->count + 1) < 0)
        return -ENOMEM;
    if (u->count == 0)
        memcpy(u->secret, user->server, sizeof(u->secret));
    u->entries[u->count] = (struct entry){.user = *user, .line = line};
    memcpy(*at, name.p, name.n);
    u->entries[u->count++].user.login = *at;
    *at += name.n;
    *(*at)++ = '\0';
    return 0;
}

static int read_all(struct auth_users *u, struct span text, struct auth_users_error *err)
{
    struct span line;
    unsigned number = 0;
    char *at = u->names;

    while (span_cut(&text, '\n', &line)) {
        struct auth_user user = {0};
        struct span name = SPAN_NULL;
        const char *why;
        int got;

        number++;
        if (line.n && line.p[line.n - 1] == '\r')
            line.n--;
        if (span_trim(line).n == 0 || line.p[0] == '#')
            continue;
        why = read_line(line, &name, &user);
        if (why)
            return fail(err, number, why);
        got = add(u, name, &user, number, &at);
        if (got == -EFBIG)
            return fail(err, number, "more than 100000 users");
        if (got < 0)
            return got;
    }
    return 0;
}

static int sort(struct auth_users *u, struct auth_users_error *err)
{
    if (u->count)
        qsort(u->entries, u->count, sizeof(*u->entries), entry_cmp);
    for (size_t i = 1; i < u->count; i++) {
        const struct entry *a = &u->entries[i - 1], *b = &u->entries[i];

        if (fold_cmp(span_str(a->user.login), span_str(b->user.login)) == 0) {
            fail(err, b->line, "");
            snprintf(err->why, sizeof(err->why), "the name stands in line %u too", a->line);
            return -EINVAL;
        }
    }
    return 0;
}

int auth_users_parse(struct span text, struct auth_users **ret, struct auth_users_error *err)
{
    struct auth_users *u;
    int got;

    if (text.n > AUTH_USERS_FILE_MAX)
        return fail(err, 0, "the file is larger than 16 MiB");
    u = calloc(1, sizeof(*u));
    /* Each name is followed by a colon in the text, by a NUL here. */
    if (!u || !(u->names = malloc(text.n + 1))) {
        free(u);
        return -ENOMEM;
    }
    got = read_all(u, text, err);
    if (got == 0)
        got = sort(u, err);
    if (got < 0) {
        auth_users_free(&u);
        return got;
    }
    *ret = u;
    return 0;
}

struct auth_users *auth_users_keep(struct auth_users *u)
{
    u->holds++;
    return u;
}

void auth_users_free(struct auth_users **u)
{
    if (!*u)
        return;
    if ((*u)->holds > 0) {
        (*u)->holds--;
        *u = NULL;
        return;
    }
    if ((*u)->entries)
        explicit_bzero((*u)->entries, (*u)->cap * sizeof(*(*u)->entries));
    free((*u)->entries);
    free((*u)->names);
    free(*u);
    *u = NULL;
}

size_t auth_users_count(const struct auth_users *u)
{
    return u->count;
}

const struct auth_user *auth_users_find(const struct auth_users *u, struct span login)
{
    size_t from = 0, to = u->count;

    while (from < to) {
        size_t mid = from + (to - from) / 2;
        int d = fold_cmp(login, span_str(u->entries[mid].user.login));

        if (d == 0)
            return &u->entries[mid].user;
        if (d < 0)
            to = mid;
        else
            from = mid + 1;
    }
    return NULL;
}

static void make_up(const struct auth_users *u, struct span login, struct auth_user *ret)
{
    static const char folds[] = "salt of nobody";
    char name[AUTH_LOGIN_MAX + sizeof(folds)];
    const struct auth_user *like = NULL;
    uint8_t mac[MAC_SIZE];
    size_t n = 0;

    for (; n < login.n && n < AUTH_LOGIN_MAX; n++)
        name[n] = ascii_lower(login.p[n]);
    memcpy(name + n, folds, sizeof(folds));
    mac_hmac(u->secret, span_of(name, n + sizeof(folds)), mac);
    for (size_t i = 0; i < u->count && !like; i++) {
        const struct auth_user *at = &u->entries[(num_get32(mac + 16) + i) % u->count].user;

        like = at->locked ? NULL : at;
    }
    *ret = (struct auth_user){.login = "",
                              .iterations = like ? like->iterations : AUTH_ITERATIONS,
                              .salt_n = like ? like->salt_n : AUTH_SALT};
    mac_sha256(span_of(mac, sizeof(mac)), ret->salt);
    mac_sha256(span_of(ret->salt, MAC_SIZE), ret->salt + MAC_SIZE);
    mac_hmac(u->secret, span_of(mac, sizeof(mac)), ret->stored);
    mac_hmac(u->secret, span_of(ret->stored, MAC_SIZE), ret->server);
}

void auth_users_get(const struct auth_users *u, struct span login, struct auth_user *ret,
                    bool *ret_known)
{
    const struct auth_user *found = auth_users_find(u, login);

    *ret_known = found && !found->locked;
    if (*ret_known)
        *ret = *found;
    else
        make_up(u, login, ret);
}

static void add_entry(const struct auth_user *user, struct buf *out)
{
    buf_addf(out, "%s:", user->login);
    if (user->locked) {
        buf_add_char(out, '!');
        return;
    }
    buf_addf(out, SCHEME "%u,", user->iterations);
    escape_base64(out, span_of(user->salt, user->salt_n));
    buf_add_char(out, ',');
    escape_base64(out, span_of(user->stored, MAC_SIZE));
    buf_add_char(out, ',');
    escape_base64(out, span_of(user->server, MAC_SIZE));
}

void auth_users_line(const struct auth_user *user, struct buf *out)
{
    add_entry(user, out);
    buf_add_char(out, '\n');
}

/* What stands behind the two fields that are ours, with the colon before it. */
static struct span others_fields(struct span line)
{
    size_t first = span_find(line, ':');
    struct span rest = span_slice(line, first + 1, line.n);

    return span_slice(rest, span_find(rest, ':'), rest.n);
}

void auth_users_edit(struct span text, const struct auth_user *user, bool drop, struct buf *out,
                     bool *ret_was)
{
    struct span line;

    *ret_was = false;
    while (span_cut(&text, '\n', &line)) {
        struct span name = span_slice(line, 0, span_find(line, ':'));

        if (line.n == 0 && !text.p) /* behind the last line end */
            break;
        if (name.n == line.n || line.p[0] == '#' || fold_cmp(name, span_str(user->login)) != 0) {
            buf_add(out, line);
            buf_add_char(out, '\n');
            continue;
        }
        if (!drop && !*ret_was) {
            add_entry(user, out);
            buf_add(out, others_fields(line));
            buf_add_char(out, '\n');
        }
        *ret_was = true;
    }
    if (!drop && !*ret_was)
        auth_users_line(user, out);
}
