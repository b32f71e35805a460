/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A door is one way into a mail system: an address, a port, and a TLS state. It holds what became
 * of every probe there, decides what the next session tries, and learns from how sessions end.
 * Pure: the caller opens connections, moves bytes through session.h, and tells the time.
 *
 *     door_next ─▶ DOOR_SESSION ─▶ session_* … session_end ─▶ door_next ─▶ … ─▶ DOOR_DONE
 *                  DOOR_WAIT until a deferred probe is due or the pace allows more
 */
#ifndef POSTERN_PROBE_DOOR_H
#define POSTERN_PROBE_DOOR_H

#include "probe/budget.h"
#include "probe/classify.h"
#include "probe/expand.h"
#include "probe/pace.h"
#include "probe/pairs.h"
#include "probe/token.h"
#include "probe/transcript.h"
#include "smtp/ehlo.h"

enum {
    DOOR_CONTROLS_MAX = 5,    /* control recipients that are tried */
    DOOR_SESSIONS_MAX = 2000, /* of one door: an end for every quarrel */
    DOOR_TRIES_MAX = 5,       /* sessions without any answered probe before we give up */
    PROBE_TRIES_MAX = 2,      /* sessions that a probe may end without an answer */
    DOOR_BAN_TRIES = 4,       /* connections refused in a row that make a ban */
    DOOR_ATTEMPTS_MAX = 12,   /* of one deferred probe */
    DOOR_JUDGED_LEAST = 16,   /* probes that are asked however slowly the server answers */
    PLAN_PROBES_MAX = 4096,   /* probes of one door */
};

enum door_tls { DOOR_PLAIN, DOOR_STARTTLS, DOOR_IMPLICIT };
const char *door_tls_name(enum door_tls tls); /* "none", "starttls", "implicit" */

enum probe_state {
    PROBE_UNTRIED,
    PROBE_SKIPPED, /* a condition is not met: `missing` or `need` says which */
    PROBE_REFUSED,
    PROBE_INFERRED, /* refused as another probe was: `because` */
    PROBE_DEFERRED, /* come again: `retry_at` */
    PROBE_LOST,     /* asked, and never answered */
    PROBE_TAKEN,    /* RCPT accepted, the body not yet handed over */
    PROBE_HELD,     /* RCPT accepted, and no body may be sent (a recipient beside it is not ours) */
    PROBE_DELIVERED, /* body accepted, nothing seen of it yet */
    PROBE_BOUNCED,   /* body accepted, and came back as a bounce */
    PROBE_PROVED,    /* the token arrived */
};
const char *probe_state_name(enum probe_state s);

/* Lines of the transcript that a result rests on. */
enum result_line {
    LINE_MAIL,
    LINE_MAIL_REPLY,
    LINE_RCPT,
    LINE_RCPT_REPLY,
    LINE_DATA_REPLY,
    LINE_BODY_REPLY,
    RESULT_LINES
};

struct result {
    uint8_t state;    /* enum probe_state */
    uint8_t meaning;  /* enum meaning of the reply that decided */
    uint8_t stage;    /* enum smtp_stage where it was said */
    uint8_t attempts; /* sessions that asked it */
    uint8_t tries;    /* of them, those that ended before the answer, or before the body's */
    uint16_t code;
    uint16_t enhanced[3];
    uint16_t session; /* number in door.sessions */
    uint16_t because; /* probe number, for PROBE_INFERRED */
    uint16_t lines[RESULT_LINES];
    uint32_t need;    /* enum form_need that was missing */
    int32_t ms;       /* from the RCPT's sending to its reply */
    int64_t sent_at;  /* ms; of the RCPT, and after delivery of the body */
    int64_t first_at; /* ms; when it was first deferred */
    int64_t retry_at; /* ms; for PROBE_DEFERRED */
};

/* What all doors of a run share; borrowed by each. */
struct door_run {
    const struct probe_list *list;
    const struct budget_table *servers;
    const uint8_t *key;            /* MAC_KEY bytes */
    const struct mac_keyed *keyed; /* the same, ready for many tokens; NULL: made ready for each */
    uint32_t run;
    uint16_t day;
    const char *domain, *u_prefix,
        *u_suffix; /* where recipients end; the prefix is for plus-addressing */
    const char *helo, *tester;
    const char *contact, *uri, *opt_out;
    const char *rand;
    const char *account, *password, *partner;
    bool certificate; /* the operator gave a client certificate */
    bool wildcard_mx;
    bool brief;         /* of many targets: keep the evidence short where nothing was let through */
    int64_t timeout_ms; /* patience for one reply */
    int64_t lag_ms;     /* how long a reply may have waited for us to read it, under load */
    int64_t limit_ms;   /* of all sessions of one door together; 0: none */
    int64_t wall_offset; /* wall clock minus monotonic, ms */
};

/* What all doors of one target address share; borrowed by each. */
struct door_host {
    const struct door_run *run;
    const char *name; /* as in {H}: a name that leads to this address, or NULL */
    const char *local_domain;
    const char *mailbox;  /* a mailbox of the operator's at the target that may get a message */
    const char *mx_label; /* NULL: none published */
    const char *given;    /* the target as the operator named it */
    struct ip ip, mine;
    uint8_t digest[TOKEN_TARGET]; /* token_target() of ip; door_init sees to it */
    bool name_checked;            /* nobody will find a name any more: `name` is what there is */
    const char *controls[DOOR_CONTROLS_MAX]; /* RCPT arguments; NULL-ended unless full */
    struct pace pace;
    bool own; /* full budgets */
};

enum door_end {
    DOOR_END_NONE,
    DOOR_END_DONE,        /* QUIT, all planned was answered */
    DOOR_END_BUDGET,      /* QUIT early: replies are being held back */
    DOOR_END_CUT,         /* the server hung up, or said 421 */
    DOOR_END_TIMEOUT,     /* no reply in time */
    DOOR_END_REFUSED,     /* TCP connection refused */
    DOOR_END_UNREACHABLE, /* no answer to the connection, or no route */
    DOOR_END_BANNER,      /* greeted with a refusal, or EHLO refused */
    DOOR_END_GARBAGE,     /* not SMTP */
    DOOR_END_TLS,         /* TLS failed */
    DOOR_END_NO_TLS,      /* STARTTLS is not offered or was refused */
    DOOR_END_LOCAL,       /* our own fault: out of memory, cancelled */
    DOOR_ENDS,
};
const char *door_end_name(enum door_end end);
const char *door_end_text(enum door_end end);

struct door_session {
    struct transcript log;
    int64_t began, ended;
    enum door_end end;
    unsigned refusals, waits;
};

enum control_state { CONTROL_UNTRIED, CONTROL_ACCEPTED, CONTROL_DEFERRED, CONTROL_REFUSED };

struct control {
    uint8_t state;   /* enum control_state: the best that any candidate got */
    uint8_t which;   /* of door_host.controls */
    uint8_t meaning; /* enum meaning of its reply */
    uint16_t code;
    uint16_t session, line;
    unsigned accepted;          /* sessions in which it was accepted */
    unsigned refused;           /* sessions in which it was refused after it had been accepted */
    uint8_t tries;              /* times it was deferred */
    uint8_t last;               /* enum control_state in the newest session that asked */
    int64_t first_at, retry_at; /* ms; when it was deferred: since when, and when again */
    bool login_tried;           /* it was asked, or tried to be, behind the operator's login, */
    bool by_login;              /* and that is how it was accepted */
};

struct door {
    struct door_host *host;
    uint16_t port;
    enum door_tls tls;
    uint16_t serial_base; /* added to a probe's number for its token's serial */
    uint16_t days;
    struct result *results; /* one for each probe of the list */
    size_t result_count;
    struct door_session *sessions;
    size_t session_count, session_cap;
    struct control control;
    struct budget budget;
    const struct budget_server *server; /* NULL: not known */
    bool server_asked;
    struct smtp_ehlo ehlo; /* of the newest EHLO on this door */
    bool ehlo_seen;
    uint16_t banner_session, banner_line, ehlo_line;
    bool banner_seen;
    bool tls_offered;
    bool plaintext_injected; /* bytes stood behind the 220 of STARTTLS */
    char tls_version[16], tls_cipher[64];
    char name[256];     /* host name of the greeting */
    unsigned fruitless; /* sessions in a row without an answered probe */
    unsigned shut_out;  /* connections in a row that got no greeting after an earlier one did */
    unsigned refusals;  /* in all sessions */
    unsigned waits;     /* round trips waited for, in all sessions */
    enum door_end last_end;
    int64_t busy;     /* ms spent in sessions, without what the server waited for us */
    bool out_of_time; /* the server answers so slowly that probes were left out */
    bool banned;      /* we were let in, and no longer are */
    bool gave_up;
    int64_t next_at; /* no session before, ms */
    int64_t wait;    /* patience with a deferred probe, from its first deferral on, ms */
    int64_t began, ended;
};

/* 0, -ENOMEM, or -E2BIG for a list over PLAN_PROBES_MAX. No deferred probe is asked again
 * `wait` ms after it was first put off. */
int door_init(struct door *d, struct door_host *host, uint16_t port, enum door_tls tls,
              uint16_t serial_base, int64_t wait, int64_t now);
void door_deinit(struct door *d);

enum door_next { DOOR_SESSION, DOOR_WAIT, DOOR_DONE };
/* What to do now. For DOOR_WAIT *ret_until is filled. */
enum door_next door_next(struct door *d, int64_t now, int64_t *ret_until);

/* Texts of a probe on this door: expanded anew each time, the same each time. 0, -ENOMEM, or 1 when
 * a value is missing. */
int door_mail_text(const struct door *d, size_t probe, struct buf *out);
int door_rcpt_text(const struct door *d, size_t probe, struct buf *out);
int door_helo_text(const struct door *d, size_t probe, struct buf *out);
int door_expand(const struct door *d, size_t probe, const char *form, struct buf *out);
void door_token(const struct door *d, size_t probe, enum token_kind kind, char out[TOKEN_TEXT + 1]);

/* Notes of session.c. */
void door_refused(struct door *d, size_t probe, enum probe_state as, enum smtp_stage stage,
                  const struct smtp_reply *reply, enum meaning m);
void door_deferred(struct door *d, size_t probe, enum smtp_stage stage,
                   const struct smtp_reply *reply, enum meaning m, int64_t now);
void door_server_seen(struct door *d, struct span banner, struct span ehlo);
/* After a session: budgets, bans, inference. The session's own counts stand in the door's entry. */
void door_session_ended(struct door *d, enum door_end end, const struct form *channel,
                        const struct budget_spent *spent, unsigned answered, int64_t now);

/* Whether the control was put off, and may be asked again now. */
bool door_control_due(const struct door *d, int64_t now);
/*
 * Whether nothing but a login stands between us and the control, and the operator gave one: it is
 * asked once more, in a session of its own and never in clear.
 */
bool door_login_due(const struct door *d);
/* Notes what the control recipients of one session got: the best reply, of candidate `which`. */
void door_control(struct door *d, enum control_state state, unsigned which, enum meaning m,
                  const struct smtp_reply *reply, uint16_t line, int64_t now);

/* An arrival or a bounce for the probe with this serial; false when it is not of this door. */
bool door_serial(const struct door *d, uint16_t serial, size_t *ret_probe);
void door_arrived(struct door *d, size_t probe);
void door_bounced(struct door *d, size_t probe);

/* Whether the time for this door is up, `more` ms of a running session counted in. */
bool door_time_up(const struct door *d, int64_t more);

struct door_counts {
    unsigned untried, skipped, refused, inferred, deferred, lost, taken, held, delivered, bounced,
        proved;
};
struct door_counts door_count(const struct door *d);
/* Adds this door's to those of others. */
void door_count_more(const struct door *d, struct door_counts *n);
/* The earliest time at which something deferred is worth asking again, or INT64_MAX. */
int64_t door_due(const struct door *d);

#endif
