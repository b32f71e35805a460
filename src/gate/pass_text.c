/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The message on its way. Octets go straight on; what is kept is what the backend's connection has
 * not taken yet, and for a chunk (BDAT) what is gathered for it.
 *
 * A message that is refused here half-way (lone line ends, its hooks, its size) takes the backend's
 * connection with it: that is the only way to leave DATA without ending the message.
 */
#include "gate/pass_priv.h"

#include <stdlib.h>

static const struct smtp_say refused = {554, "5.6.0", "Message refused"};
static const struct smtp_say foul = {550, "5.6.0", "Bare CR, bare LF or NUL in the message"};

enum smtp_now pass_on_data(void *owner, struct smtp_server *s, struct smtp_say *ret)
{
    struct gate_pass *p = owner;
    struct gate_mail *m = p->mail;
    struct smtp_say no = refused;
    bool chunks;

    if (!m->no_code && (!p->backend || p->backend->state != GATE_BACKEND_READY ||
                        !gate_backend_may(p->backend, SMTP_STAGE_DATA))) {
        struct smtp_say say = pass_fault_say(GATE_FAULT_GONE);

        pass_stick(m, GATE_RESULT_LOST, GATE_FAULT_GONE, &say);
    }
    if (m->no_code) {
        *ret = pass_stuck(m);
        return SMTP_NOW;
    }
    if (p->ops->text && !p->ops->text(p->owner, SPAN_NULL, &no)) {
        pass_stick(m, GATE_RESULT_FOUL, GATE_FAULT_NONE, &no);
        *ret = pass_stuck(m);
        return SMTP_NOW;
    }
    chunks = s->chunked && (p->backend->ext & SMTP_EXT_CHUNKING);
    m->chunked = s->chunked;
    if (!m->stream)
        m->stream = calloc(1, sizeof(*m->stream));
    if (!m->stream) {
        *ret = (struct smtp_say){451, "4.3.0", "Out of memory"};
        return SMTP_NOW;
    }
    gate_stream_init(m->stream, chunks ? GATE_FRAME_CHUNKS : GATE_FRAME_DOTS, p->clean);
    if (chunks) {
        m->stage = GATE_STAGE_TEXT;
        return SMTP_NOW;
    }
    m->data_open = true;
    gate_backend_say(p->backend, SMTP_STAGE_DATA, SPAN_LIT("DATA"), p->now);
    return SMTP_LATER;
}

static void refuse_text(struct gate_pass *p, const struct smtp_say *say)
{
    pass_stick(p->mail, GATE_RESULT_FOUL, GATE_FAULT_NONE, say);
    pass_abort(p);
}

bool pass_on_chunk(void *owner, struct smtp_server *s, struct span text)
{
    struct gate_pass *p = owner;
    struct gate_mail *m = p->mail;
    struct smtp_say say = refused;

    m->octets += text.n;
    if (m->no_code)
        return false;
    if (!p->clean && smtp_text_foul(&s->dot.seen)) {
        refuse_text(p, &foul);
        return false;
    }
    if (p->ops->text && !p->ops->text(p->owner, text, &say)) {
        refuse_text(p, &say);
        return false;
    }
    gate_stream_write(m->stream, text, &p->backend->wire.out);
    if (m->stream->frame == GATE_FRAME_CHUNKS)
        pass_chunks(p);
    if (p->backend->wire.out.err || m->stream->held.err) {
        pass_fail(p, GATE_FAULT_FULL, false);
        return false;
    }
    return true;
}

void pass_chunks(struct gate_pass *p)
{
    struct gate_mail *m = p->mail;
    struct gate_backend *b = p->backend;

    if (!gate_backend_may(b, SMTP_STAGE_BODY) || (!m->ending && !gate_stream_full(m->stream)))
        return;
    gate_stream_chunk(m->stream, m->ending, &b->wire.out);
    gate_backend_end(b, SPAN_NULL, m->ending ? 1 : 0, p->now);
}

enum smtp_now pass_on_end(void *owner, struct smtp_server *s, struct smtp_say *ret)
{
    struct gate_pass *p = owner;
    struct gate_mail *m = p->mail;

    if (m->no_code) {
        *ret = pass_stuck(m);
        m->stage = GATE_STAGE_OVER;
        return SMTP_NOW;
    }
    m->stage = GATE_STAGE_ENDED;
    m->ended_at = p->now;
    gate_stream_end(m->stream, &p->backend->wire.out);
    if (m->stream->frame == GATE_FRAME_DOTS) {
        gate_backend_end(p->backend, SPAN_NULL, 1, p->now);
    } else {
        m->ending = true;
        pass_chunks(p);
    }
    if (p->backend->wire.out.err || m->stream->held.err) {
        /* Nothing of the last piece went out: the backend saw no end. */
        struct smtp_say say = pass_fault_say(GATE_FAULT_FULL);

        pass_stick(m, GATE_RESULT_LOST, GATE_FAULT_FULL, &say);
        m->stage = GATE_STAGE_OVER;
        pass_abort(p);
        *ret = pass_stuck(m);
        return SMTP_NOW;
    }
    return SMTP_LATER;
}
