/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All of it is 32-bit words, big-endian (XDR, RFC 4506):
 *
 *     call    xid 0 2 program version procedure, credential, verifier, arguments   RFC 5531 §9
 *     reply   xid 1 0, verifier, status, result           accepted
 *             xid 1 1, why                                denied
 *
 * The author's client turns the address into host order before XDR turns it back, so on the wire it
 * stands as in an IP header. An answer is never longer than its call: nobody can have us flood
 * another. Credentials are passed over: with UDP they would prove nothing.
 */
#include "auth/drac.h"

#include "base/num.h"

enum {
    CALL = 0,
    REPLY = 1,
    RPC_VERSION = 2,
    CREDENTIAL_MAX = 400, /* octets, RFC 5531 §8.2 */
    ACCEPTED = 0,
    DENIED = 1,
    PROC_NULL = 0,
    PROC_ADD = 1,
    PORTMAP_PROGRAM = 100000,
    PORTMAP_VERSION = 2,
    PORTMAP_SET = 1,
    PORTMAP_UNSET = 2,
    PROTOCOL_UDP = 17,
};

/* RFC 5531 §9, accept_stat and reject_stat */
enum { SUCCESS = 0, PROG_UNAVAIL = 1, PROG_MISMATCH = 2, PROC_UNAVAIL = 3, GARBAGE_ARGS = 4 };
enum { RPC_MISMATCH = 0, AUTH_ERROR = 1, AUTH_BADCRED = 1 };

static bool take(struct span *in, uint32_t *ret)
{
    if (in->n < 4)
        return false;
    *ret = num_get32((const uint8_t *)in->p);
    *in = span_slice(*in, 4, in->n);
    return true;
}

/* A flavour and opaque octets, padded to whole words. */
static bool pass_credential(struct span *in)
{
    uint32_t flavour, n;

    if (!take(in, &flavour) || !take(in, &n) || n > CREDENTIAL_MAX || (n + 3) / 4 * 4 > in->n)
        return false;
    *in = span_slice(*in, (n + 3) / 4 * 4, in->n);
    return true;
}

static void put(struct buf *out, uint32_t v)
{
    uint8_t b[4];

    num_put32(b, v);
    buf_add(out, span_of(b, sizeof(b)));
}

static enum auth_drac_got denied(uint32_t xid, uint32_t why, uint32_t a, struct buf *out)
{
    put(out, xid);
    put(out, REPLY);
    put(out, DENIED);
    put(out, why);
    put(out, a);
    if (why == RPC_MISMATCH)
        put(out, a); /* the lowest and the highest version */
    return AUTH_DRAC_ANSWER;
}

static void accepted(uint32_t xid, uint32_t status, struct buf *out)
{
    put(out, xid);
    put(out, REPLY);
    put(out, ACCEPTED);
    put(out, 0); /* no verifier */
    put(out, 0);
    put(out, status);
}

static enum auth_drac_got answer(uint32_t xid, uint32_t status, struct buf *out)
{
    accepted(xid, status, out);
    if (status == PROG_MISMATCH) {
        put(out, AUTH_DRAC_VERSION);
        put(out, AUTH_DRAC_VERSION6);
    }
    return AUTH_DRAC_ANSWER;
}

void auth_drac_reply(uint32_t xid, enum auth_drac_status status, struct buf *out)
{
    accepted(xid, SUCCESS, out);
    put(out, status);
}

/* ::ffff:a.b.c.d is a.b.c.d, as everywhere. */
static struct ip address_of(struct span bytes)
{
    static const char mapped[12] = {[10] = '\xff', [11] = '\xff'};
    struct ip ip = {.family = bytes.n == 4 ? IP_V4 : IP_V6};

    if (bytes.n == 16 && memcmp(bytes.p, mapped, sizeof(mapped)) == 0) {
        ip.family = IP_V4;
        bytes = span_slice(bytes, 12, 16);
    }
    memcpy(ip.b, bytes.p, bytes.n);
    return ip;
}

static enum auth_drac_got read_program(struct span in, struct auth_drac_call *ret, struct buf *out)
{
    uint32_t program, version, procedure;
    size_t n;

    if (!take(&in, &program) || !take(&in, &version) || !take(&in, &procedure))
        return AUTH_DRAC_IGNORE;
    if (!pass_credential(&in) || !pass_credential(&in))
        return denied(ret->xid, AUTH_ERROR, AUTH_BADCRED, out);
    if (program != AUTH_DRAC_PROGRAM)
        return answer(ret->xid, PROG_UNAVAIL, out);
    if (version != AUTH_DRAC_VERSION && version != AUTH_DRAC_VERSION6)
        return answer(ret->xid, PROG_MISMATCH, out);
    if (procedure == PROC_NULL)
        return answer(ret->xid, SUCCESS, out);
    if (procedure != PROC_ADD)
        return answer(ret->xid, PROC_UNAVAIL, out);
    n = version == AUTH_DRAC_VERSION ? 4 : 16;
    if (in.n != n)
        return answer(ret->xid, GARBAGE_ARGS, out);
    ret->ip = address_of(in);
    return AUTH_DRAC_ADD;
}

enum auth_drac_got auth_drac_read(struct span bytes, struct auth_drac_call *ret, struct buf *out)
{
    uint32_t kind, rpc;

    *ret = (struct auth_drac_call){0};
    if (bytes.n > AUTH_DRAC_MAX || !take(&bytes, &ret->xid) || !take(&bytes, &kind) ||
        kind != CALL || !take(&bytes, &rpc))
        return AUTH_DRAC_IGNORE;
    /* A refusal is 24 octets, and must not be longer than what it answers. */
    if (rpc != RPC_VERSION)
        return bytes.n < 12 ? AUTH_DRAC_IGNORE : denied(ret->xid, RPC_MISMATCH, RPC_VERSION, out);
    return read_program(bytes, ret, out);
}

void auth_drac_portmap(uint32_t xid, bool set, uint32_t version, uint16_t port, struct buf *out)
{
    const uint32_t words[] = {
        xid,
        CALL,
        RPC_VERSION,
        PORTMAP_PROGRAM,
        PORTMAP_VERSION,
        set ? PORTMAP_SET : PORTMAP_UNSET,
        0, /* no credential */
        0,
        0, /* no verifier */
        0,
        AUTH_DRAC_PROGRAM,
        version,
        PROTOCOL_UDP,
        port,
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        put(out, words[i]);
}

bool auth_drac_portmapped(struct span bytes, uint32_t xid)
{
    const uint32_t want[] = {xid, REPLY, ACCEPTED, 0, 0, SUCCESS, 1};
    uint32_t word;

    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
        if (!take(&bytes, &word) || word != want[i])
            return false;
    return bytes.n == 0;
}
