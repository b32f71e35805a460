/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is scarce, and who goes first: sessions, and connections to backends. A client in the
 * teergrube goes before a newcomer is turned away. A stranger holds a backend from its first
 * recipient on and need not say another word for minutes: that is its good right while there are
 * enough of them.
 */
#include "cmd/gate/hosts.h"
#include "cmd/gate/session_priv.h"

static bool make_room(struct sessions *all)
{
    struct hygiene_session *hs = hygiene_shed(all->hygiene);
    struct session *s = hs ? hs->owner : NULL;

    if (!s)
        return false;
    session_release(s);
    gate_pass_shut(&s->pass, "Too busy, try again later", session_now(s));
    session_settle(s);
    return true;
}

static bool holds_for_nothing(const struct session *s)
{
    const struct smtp_server *v = &s->pass.server;

    return s->conn && s->back && !s->busy && !*s->client.login && v->state == SMTP_SERVER_COMMAND &&
           v->deadline != INT64_MAX &&
           v->deadline - v->config->wait_command + SESSION_SPARE <= session_now(s) &&
           !(s->pass.mail && s->pass.mail->stage >= GATE_STAGE_TEXT);
}

bool room_for_backend(struct sessions *all)
{
    struct session *idlest = NULL;

    if (loop_now(all->loop) < all->spare_at)
        return false;
    for (struct session *s = all->first; s; s = s->next)
        if (holds_for_nothing(s) &&
            (!idlest || s->pass.server.deadline < idlest->pass.server.deadline))
            idlest = s;
    if (!idlest) {
        all->spare_at = loop_now(all->loop) + SESSION_SPARE_LOOK;
        return false;
    }
    session_release(idlest);
    gate_pass_shut(&idlest->pass, "Too busy, try again later", session_now(idlest));
    session_settle(idlest);
    return true;
}

static bool backends_short(const struct session *s)
{
    return s->all->backends >= s->door->args.backend_max && !room_for_backend(s->all);
}

void room_count(struct session *s)
{
    unsigned n = hosts_enter(s->all->hosts, s->client.ip);

    s->counted = n > 0;
    if (n == 0 || n > s->door->args.sessions_per_host ||
        (s->all->count > s->door->args.sessions_max && !make_room(s->all)) || backends_short(s)) {
        s->turned_away = true;
        s->all->turned_away++;
    }
}
