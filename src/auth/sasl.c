/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One exchange. libgsasl reads what the client says in SCRAM, PLAIN and EXTERNAL and asks for keys
 * by a callback; LOGIN is ours, since libgsasl's prompts are not those that old clients look for.
 *
 *     start ──► TALK ──► CHECK (PLAIN, LOGIN: hashing, AUTH_WORK) ──► OK or FAIL
 *                │
 *                └─────► LAST (SCRAM: the server's proof went out as a challenge) ──► OK
 *
 * A password is judged not inside the callback but afterwards, in slices, against the same keys as
 * SCRAM's. Nobody may act for another: an authorization identity is empty or the login itself.
 * SMTP can't put the last data of a server beside 235, so it goes as one more 334 (RFC 4954 §4).
 */
#include "auth/sasl.h"

#include "auth/base64.h"
#include "auth/scram.h"
#include "auth/users.h"
#include "base/escape.h"

#include <errno.h>
#include <gsasl.h>
#include <stdio.h>
#include <stdlib.h>

enum state {
    TALK,
    LOGIN_NAME,
    LOGIN_PASSWORD,
    CHECK,
    LAST,
    OVER,
};

struct auth_library {
    Gsasl *gsasl;
};

struct auth_sasl {
    struct auth_users *users;
    const struct auth_facts *facts;
    Gsasl_session *session; /* NULL for LOGIN */
    enum state state;
    bool named;            /* a name was looked up in the file: its key decides */
    bool known;            /* the user is in the file and has a password */
    struct auth_user user; /* or one made up */
    char login[AUTH_LOGIN_MAX + 1];
    struct buf password; /* prepared; wiped when it is hashed */
    struct auth_scram scram;
    struct buf out; /* base64 */
};

struct mech {
    const char *name;
    bool plain;    /* shows the password to who listens */
    bool channel;  /* bound to the TLS channel */
    bool external; /* needs a certificate */
};

/* In the order of the offer: best first. */
static const struct mech mechs[] = {
    {"SCRAM-SHA-256-PLUS", .channel = true},
    {"SCRAM-SHA-256"},
    {"EXTERNAL", .external = true},
    {"PLAIN", .plain = true},
    {"LOGIN", .plain = true},
};

enum { MECHS = sizeof(mechs) / sizeof(mechs[0]) };

static enum auth_got mech_fits(const struct mech *m, const struct auth_offer *offer,
                               const struct auth_facts *facts)
{
    if (m->channel && !facts->channel.n)
        return AUTH_UNKNOWN;
    if (m->external && !*facts->cert_login)
        return AUTH_UNKNOWN;
    if (m->plain && !auth_sasl_plain_ok(offer, facts))
        return AUTH_WEAK;
    return m->external || offer->file ? AUTH_OK : AUTH_UNKNOWN;
}

bool auth_sasl_plain_ok(const struct auth_offer *offer, const struct auth_facts *facts)
{
    return facts->tls || (offer->plain_loopback && ip_space(facts->ip) == IP_LOOPBACK);
}

void auth_sasl_offer(const struct auth_offer *offer, const struct auth_facts *facts,
                     struct buf *out)
{
    for (size_t i = 0; i < MECHS; i++)
        if (mech_fits(&mechs[i], offer, facts) == AUTH_OK)
            buf_addf(out, "%s%s", out->n ? " " : "", mechs[i].name);
}

static bool mech_name_ok(struct span name)
{
    /* RFC 4422 §3.1; case is folded, as all servers do. */
    for (size_t i = 0; i < name.n; i++)
        if (!ascii_is_alnum(name.p[i]) && name.p[i] != '-' && name.p[i] != '_')
            return false;
    return name.n > 0 && name.n <= AUTH_MECH_MAX;
}

bool auth_sasl_parse(struct span arg, struct span *ret_mech, struct span *ret_response,
                     bool *ret_has)
{
    struct span rest = arg, more;

    *ret_response = SPAN_NULL;
    if (!span_word(&rest, ret_mech) || !mech_name_ok(*ret_mech))
        return false;
    *ret_has = span_word(&rest, ret_response);
    if (*ret_has && span_word(&rest, &more))
        return false;
    if (*ret_has && span_eq(*ret_response, SPAN_LIT("=")))
        *ret_response = SPAN_LIT("");
    else if (*ret_has && ret_response->n == 0)
        return false;
    return true;
}

int auth_library_new(struct auth_library **ret)
{
    struct auth_library *lib = calloc(1, sizeof(*lib));

    if (!lib || gsasl_init(&lib->gsasl) != GSASL_OK) {
        free(lib);
        return -ENOMEM;
    }
    *ret = lib;
    return 0;
}

void auth_library_free(struct auth_library **lib)
{
    if (!*lib)
        return;
    gsasl_done((*lib)->gsasl);
    free(*lib);
    *lib = NULL;
}

/* Takes the name that a client gave; false when it can't be anyone's. */
static bool take_login(struct auth_sasl *x, struct span name)
{
    if (!auth_users_name_ok(name) || !span_copy(name, x->login, sizeof(x->login)))
        return false;
    auth_users_get(x->users, name, &x->user, &x->known);
    x->named = true;
    return true;
}

static bool may_act_as(const struct auth_sasl *x, const char *other)
{
    return !other || !*other || span_eq_nocase(span_str(other), span_str(x->login));
}

static int set_base64(Gsasl_session *session, Gsasl_property prop, struct span bytes)
{
    struct buf b = BUF_INIT(AUTH_LOGIN_MAX);
    int got = GSASL_MALLOC_ERROR;

    escape_base64(&b, bytes);
    if (b.err == 0)
        got = gsasl_property_set(session, prop, buf_str(&b));
    buf_deinit(&b);
    return got;
}

/* All four at once, when the first is asked for. */
static int give_keys(struct auth_sasl *x, Gsasl_session *session)
{
    const char *name = gsasl_property_fast(session, GSASL_AUTHID);
    char rounds[24];
    int got;

    if (!name || !take_login(x, span_str(name)))
        return GSASL_AUTHENTICATION_ERROR;
    snprintf(rounds, sizeof(rounds), "%u", x->user.iterations);
    got = gsasl_property_set(session, GSASL_SCRAM_ITER, rounds);
    if (got == GSASL_OK)
        got = set_base64(session, GSASL_SCRAM_SALT, span_of(x->user.salt, x->user.salt_n));
    if (got == GSASL_OK)
        got = set_base64(session, GSASL_SCRAM_STOREDKEY, span_of(x->user.stored, MAC_SIZE));
    if (got == GSASL_OK)
        got = set_base64(session, GSASL_SCRAM_SERVERKEY, span_of(x->user.server, MAC_SIZE));
    return got;
}

static int give_channel(struct auth_sasl *x, Gsasl_session *session)
{
    if (x->facts->channel.n == 0)
        return GSASL_NO_CB_TLS_EXPORTER;
    return set_base64(session, GSASL_CB_TLS_EXPORTER, x->facts->channel);
}

/* PLAIN: keeps name and password for the hashing that follows. */
static int keep_password(struct auth_sasl *x, Gsasl_session *session)
{
    const char *name = gsasl_property_fast(session, GSASL_AUTHID);
    const char *password = gsasl_property_fast(session, GSASL_PASSWORD);

    if (!name || !password || !take_login(x, span_str(name)) ||
        !may_act_as(x, gsasl_property_fast(session, GSASL_AUTHZID)) ||
        !auth_scram_prepare(span_str(password), &x->password))
        return GSASL_AUTHENTICATION_ERROR;
    x->state = CHECK;
    return GSASL_OK;
}

static int take_certificate(struct auth_sasl *x, Gsasl_session *session)
{
    if (!span_copy(span_str(x->facts->cert_login), x->login, sizeof(x->login)) ||
        !may_act_as(x, gsasl_property_fast(session, GSASL_AUTHZID)))
        return GSASL_AUTHENTICATION_ERROR;
    return GSASL_OK;
}

static int on_property(Gsasl *gsasl, Gsasl_session *session, Gsasl_property prop)
{
    struct auth_sasl *x = gsasl_session_hook_get(session);

    if (prop == GSASL_SCRAM_ITER)
        return give_keys(x, session);
    if (prop == GSASL_CB_TLS_EXPORTER)
        return give_channel(x, session);
    if (prop == GSASL_VALIDATE_SIMPLE)
        return keep_password(x, session);
    if (prop == GSASL_VALIDATE_EXTERNAL)
        return take_certificate(x, session);
    return GSASL_NO_CALLBACK;
}

static enum auth_got end(struct auth_sasl *x, enum auth_got got, struct auth_answer *answer)
{
    x->state = OVER;
    answer->login = x->login;
    return got;
}

static enum auth_got challenge(struct auth_sasl *x, struct span bytes, struct auth_answer *answer)
{
    buf_clear(&x->out);
    escape_base64(&x->out, bytes);
    answer->text = buf_span(&x->out);
    return x->out.err ? end(x, AUTH_TEMP, answer) : AUTH_CHALLENGE;
}

static enum auth_got hash(struct auth_sasl *x)
{
    x->state = CHECK;
    auth_scram_start(&x->scram, buf_span(&x->password), span_of(x->user.salt, x->user.salt_n),
                     x->user.iterations);
    explicit_bzero(x->password.p, x->password.n);
    buf_clear(&x->password);
    return AUTH_WORK;
}

static enum auth_got proved(struct auth_sasl *x, struct auth_answer *answer)
{
    const char *other = x->session ? gsasl_property_fast(x->session, GSASL_AUTHZID) : NULL;
    const struct auth_user *user = x->users ? auth_users_find(x->users, span_str(x->login)) : NULL;

    if (!may_act_as(x, other) || (x->named && !x->known))
        return end(x, AUTH_FAIL, answer);
    if (user) /* as the file writes it, whatever case the client prefers */
        span_copy(span_str(user->login), x->login, sizeof(x->login));
    return end(x, AUTH_OK, answer);
}

static enum auth_got judge_of(int code)
{
    switch (code) {
    case GSASL_MECHANISM_PARSE_ERROR:
    case GSASL_BASE64_ERROR:
    case GSASL_MECHANISM_CALLED_TOO_MANY_TIMES:
        return AUTH_BAD;
    case GSASL_MALLOC_ERROR:
    case GSASL_CRYPTO_ERROR:
        return AUTH_TEMP;
    default:
        return AUTH_FAIL;
    }
}

/* in.p is not NULL when the client said something, even if that is empty. */
static enum auth_got talk(struct auth_sasl *x, struct span in, struct auth_answer *answer)
{
    char *bytes = NULL;
    size_t n = 0;
    int code = gsasl_step(x->session, in.p, in.n, &bytes, &n);
    enum auth_got got;

    if (code != GSASL_OK && code != GSASL_NEEDS_MORE)
        got = end(x, judge_of(code), answer);
    else if (code == GSASL_NEEDS_MORE)
        got = challenge(x, span_of(bytes, n), answer);
    else if (x->state == CHECK)
        got = hash(x);
    else if (n > 0) {
        x->state = LAST;
        got = challenge(x, span_of(bytes, n), answer);
    } else
        got = proved(x, answer);
    gsasl_free(bytes);
    return got;
}

static enum auth_got login_step(struct auth_sasl *x, struct span in, struct auth_answer *answer)
{
    if (x->state == LOGIN_NAME) {
        if (!take_login(x, in))
            return end(x, AUTH_FAIL, answer);
        x->state = LOGIN_PASSWORD;
        return challenge(x, SPAN_LIT("Password:"), answer);
    }
    return auth_scram_prepare(in, &x->password) ? hash(x) : end(x, AUTH_FAIL, answer);
}

static enum auth_got say(struct auth_sasl *x, struct span in, struct auth_answer *answer)
{
    switch (x->state) {
    case TALK:
        return talk(x, in, answer);
    case LOGIN_NAME:
    case LOGIN_PASSWORD:
        return login_step(x, in, answer);
    case LAST:
        return in.n == 0 ? proved(x, answer) : end(x, AUTH_BAD, answer);
    case CHECK:
    case OVER:
        break;
    }
    return end(x, AUTH_BAD, answer);
}

enum auth_got auth_sasl_step(struct auth_sasl *x, struct span line, struct auth_answer *answer)
{
    struct buf bytes = BUF_INIT(AUTH_RESPONSE_MAX);
    enum auth_got got;

    *answer = (struct auth_answer){.login = ""};
    if (line.n > AUTH_RESPONSE_MAX)
        return end(x, AUTH_TOO_LONG, answer);
    if (!auth_base64(line, &bytes))
        got = end(x, AUTH_BAD, answer);
    else if (bytes.err)
        got = end(x, AUTH_TEMP, answer);
    else
        got = say(x, bytes.n ? buf_span(&bytes) : SPAN_LIT(""), answer);
    if (bytes.p)
        explicit_bzero(bytes.p, bytes.cap);
    buf_deinit(&bytes);
    return got;
}

static enum auth_got first(struct auth_sasl *x, bool login, struct span response, bool has,
                           struct auth_answer *answer)
{
    if (login)
        x->state = LOGIN_NAME;
    if (has)
        return auth_sasl_step(x, response, answer);
    return login ? challenge(x, SPAN_LIT("Username:"), answer) : talk(x, SPAN_NULL, answer);
}

static const struct mech *find_mech(struct span name)
{
    for (size_t i = 0; i < MECHS; i++)
        if (span_eq_nocase(name, span_str(mechs[i].name)))
            return &mechs[i];
    return NULL;
}

static struct auth_sasl *new_exchange(struct auth_library *lib, const struct mech *m)
{
    struct auth_sasl *x = calloc(1, sizeof(*x));

    if (!x)
        return NULL;
    buf_init(&x->password, AUTH_PASSWORD_MAX * 4);
    buf_init(&x->out, AUTH_RESPONSE_MAX);
    if (!strcmp(m->name, "LOGIN"))
        return x;
    gsasl_callback_set(lib->gsasl, on_property);
    if (gsasl_server_start(lib->gsasl, m->name, &x->session) != GSASL_OK) {
        auth_sasl_free(&x);
        return NULL;
    }
    gsasl_session_hook_set(x->session, x);
    return x;
}

enum auth_got auth_sasl_start(struct auth_library *lib, struct auth_users *users,
                              const struct auth_offer *offer, const struct auth_facts *facts,
                              struct span arg, struct auth_sasl **ret, struct auth_answer *answer)
{
    struct span name, response;
    const struct mech *m;
    enum auth_got got;
    bool has;

    *ret = NULL;
    *answer = (struct auth_answer){.login = ""};
    if (!auth_sasl_parse(arg, &name, &response, &has))
        return AUTH_BAD;
    m = find_mech(name);
    got = m ? mech_fits(m, offer, facts) : AUTH_UNKNOWN;
    if (got != AUTH_OK)
        return got;
    *ret = new_exchange(lib, m);
    if (!*ret)
        return AUTH_TEMP;
    (*ret)->users = users ? auth_users_keep(users) : NULL;
    (*ret)->facts = facts;
    /* What PLAIN says is never empty; libgsasl would take that for nothing said yet. */
    if (has && response.n == 0 && !m->external)
        return end(*ret, AUTH_BAD, answer);
    return first(*ret, !(*ret)->session, response, has, answer);
}

enum auth_got auth_sasl_work(struct auth_sasl *x, unsigned rounds, struct auth_answer *answer)
{
    uint8_t stored[MAC_SIZE], server[MAC_SIZE];
    bool same;

    *answer = (struct auth_answer){.login = ""};
    if (!auth_scram_work(&x->scram, rounds))
        return AUTH_WORK;
    auth_scram_keys(&x->scram, stored, server);
    auth_scram_wipe(&x->scram);
    same = mac_equal(stored, x->user.stored, MAC_SIZE);
    explicit_bzero(stored, sizeof(stored));
    explicit_bzero(server, sizeof(server));
    return same ? proved(x, answer) : end(x, AUTH_FAIL, answer);
}

void auth_sasl_free(struct auth_sasl **x)
{
    if (!*x)
        return;
    if ((*x)->session)
        gsasl_finish((*x)->session);
    if ((*x)->password.p)
        explicit_bzero((*x)->password.p, (*x)->password.cap);
    buf_deinit(&(*x)->password);
    buf_deinit(&(*x)->out);
    auth_users_free(&(*x)->users);
    explicit_bzero(*x, sizeof(**x));
    free(*x);
    *x = NULL;
}
