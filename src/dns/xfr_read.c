/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The reader. What a SOA means depends on what was read before:
 *
 *     state    record               next
 *     FIRST    SOA                  AXFR: add it, WHOLE; IXFR: keep it, SECOND
 *     SECOND   SOA of our serial    delete it, DEL: steps follow
 *     SECOND   SOA of the new one   a zone of nothing else: add it, then END
 *     SECOND   another              a whole zone instead: add the SOA, read the record again, WHOLE
 *     WHOLE    SOA                  END;   another: add it
 *     DEL      SOA                  add it, ADD;   another: delete it
 *     ADD      SOA, the new one     END if the step led there, else delete it, DEL
 *     ADD      another              add it
 *
 * An IXFR of one SOA that is not newer says that there is nothing new. Only the answer section
 * counts. How much is taken is the caller's to limit, by x->records.
 */
#include "dns/xfr.h"

#include <string.h>

enum { FIRST, SECOND, WHOLE, DEL, ADD, CLOSING, END, STOPPED };

void dns_xfr_reader_init(struct dns_xfr_reader *x, const struct dns_name *zone, uint16_t id,
                         uint16_t type, uint32_t have)
{
    *x = (struct dns_xfr_reader){.zone = *zone, .id = id, .type = type, .have = have};
}

static enum dns_xfr_got broken(struct dns_xfr_reader *x, const char *why)
{
    x->state = STOPPED;
    x->why = why;
    return DNS_XFR_BROKEN;
}

void dns_xfr_reader_feed(struct dns_xfr_reader *x, const uint8_t *message, size_t n)
{
    struct dns_name name;

    x->p = message;
    x->n = n;
    x->left = 0;
    if (x->state == STOPPED)
        return;
    if (n < DNS_HEADER || !(message[2] & 0x80) || dns_wire_get16(message) != x->id) {
        broken(x, "a message that is no answer to the question");
        return;
    }
    x->rcode = message[3] & 15;
    if (x->rcode != DNS_NOERROR) {
        x->state = STOPPED;
        return;
    }
    x->at = DNS_HEADER;
    for (unsigned i = dns_wire_get16(message + 4); i > 0; i--, x->at += 4)
        if (!dns_name_read(message, n, &x->at, &name) || n - x->at < 4 ||
            !dns_name_eq(&name, &x->zone)) {
            broken(x, "a message with another question");
            return;
        }
    x->left = dns_wire_get16(message + 6);
    if (x->left == 0)
        broken(x, "a message without records");
}

static enum dns_xfr_got soa_give(const struct dns_xfr_reader *x, struct dns_rr *rr)
{
    *rr = x->soa;
    rr->data = span_of(rr->plain, x->soa.data.n);
    return DNS_XFR_ADD;
}

static enum dns_xfr_got second_read(struct dns_xfr_reader *x, struct dns_rr *rr, bool soa,
                                    uint32_t serial, size_t before)
{
    if (soa && serial == x->serial) {
        x->state = CLOSING;
        return soa_give(x, rr);
    }
    if (soa && serial == x->have) {
        x->incremental = true;
        x->state = DEL;
        return DNS_XFR_DEL;
    }
    if (soa)
        return broken(x, "steps that begin at another serial");
    x->at = before;
    x->left++;
    x->records--;
    x->state = WHOLE;
    return soa_give(x, rr);
}

static enum dns_xfr_got end_reached(struct dns_xfr_reader *x)
{
    if (x->left > 0)
        return broken(x, "records behind the end");
    x->state = END;
    return DNS_XFR_END;
}

/* A SOA ends a step, or all. */
static enum dns_xfr_got soa_meet(struct dns_xfr_reader *x, uint32_t serial)
{
    if (x->state == DEL) {
        x->step = serial;
        x->state = ADD;
        return DNS_XFR_ADD;
    }
    if (x->state == ADD && serial == x->step && serial != x->serial) {
        x->state = DEL;
        return DNS_XFR_DEL;
    }
    if (serial != x->serial || (x->state == ADD && x->step != serial))
        return broken(x, "steps that do not lead on from each other");
    return end_reached(x);
}

/* The next record, seen to be of the zone. */
static enum dns_xfr_got record_take(struct dns_xfr_reader *x, struct dns_rr *rr)
{
    size_t before = x->at;
    uint32_t serial = 0;
    unsigned labels;
    bool soa;

    if (!dns_rr_read(x->p, x->n, &x->at, rr))
        return broken(x, "a broken record");
    if (rr->klass != DNS_CLASS_IN || !dns_name_below(&rr->owner, &x->zone, &labels))
        return broken(x, "a record that is not of the zone");
    soa = labels == 0 && dns_rr_soa_serial(rr, &serial);
    if (rr->type == DNS_TYPE_SOA && !soa)
        return broken(x, "a SOA that is not of the zone");
    x->left--;
    x->records++;
    if (x->state == SECOND)
        return second_read(x, rr, soa, serial, before);
    if (x->state != FIRST)
        return soa ? soa_meet(x, serial) : x->state == DEL ? DNS_XFR_DEL : DNS_XFR_ADD;
    if (!soa)
        return broken(x, "the first record is no SOA");
    x->serial = serial;
    x->soa = *rr;
    x->state = x->type == DNS_TYPE_IXFR ? SECOND : WHOLE;
    return DNS_XFR_ADD;
}

enum dns_xfr_got dns_xfr_reader_next(struct dns_xfr_reader *x, struct dns_rr *rr)
{
    enum dns_xfr_got got;

    if (x->state == STOPPED)
        return x->why ? DNS_XFR_BROKEN : DNS_XFR_REFUSED;
    if (x->state == END)
        return DNS_XFR_END;
    if (x->state == CLOSING)
        return end_reached(x);
    if (x->left == 0)
        return DNS_XFR_MORE;
    got = record_take(x, rr);
    if (x->state == SECOND && got == DNS_XFR_ADD) {
        if (x->left > 0)
            return dns_xfr_reader_next(x, rr);
        return dns_serial_after(x->serial, x->have) ? DNS_XFR_MORE : DNS_XFR_SAME;
    }
    return got;
}
