/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lost-address guard: notices that something in front of the gate (a firewall's NAT, a
 * container's userland proxy, a balancer without PROXY) hides the clients behind one address, so
 * that rights by address would be rights for everybody.
 *
 * A real client is one address and one name in HELO. Where many strangers share an address, that
 * address brings many names which have nothing to do with each other, nor with its PTR. So the
 * guard counts identities per address: the domain of the HELO name, or the public address literal
 * there. Names of the own domains, names without a domain and private literals are not strangers.
 *
 *     watching ──(an address is crowded, rules below)──▶ suspended
 *        ▲                                                    │
 *        └──(operator's word; or many addresses and no crowd ─┘
 *            for GUARD_CALM, twice as long each time)
 *
 * Crowded is an address
 *  - that is a translator's: a default gateway, an own address on a bridge, those of slirp4netns
 *    in a container, with GUARD_STRANGERS_FEW identities; loopback and other own addresses with
 *    GUARD_STRANGERS. Whatever other clients there are: one family or port may be translated alone;
 *  - of private space with GUARD_STRANGERS identities, when such addresses bring GUARD_SHARE per
 *    cent of the identities of their family, after `sessions` sessions;
 *  - of public space with GUARD_STRANGERS_PUBLIC under the same rule. Then only that address is in
 *    doubt, or a stranger could take everybody's rights away.
 *
 * Sessions without a HELO are not counted: a monitor or a port scan tells nothing.
 *
 * A crowd takes time to gather. An address that is not public, or may relay, is in doubt at once,
 * and nobody else with it, when
 *  - it is next door (in a network that this host has an address in) and yet its packets came over
 *    GUARD_NEAR_HOPS routers or more: somebody wrote that address onto packets from far away;
 *  - its packets came over GUARD_PATHS different numbers of routers, GUARD_PATHS_SPAN apart at
 *    least: one host is as far away today as tomorrow, give or take a detour;
 *  - it asked, for its address's sake, to relay for GUARD_STRANGE_RELAYS identities, each with a
 *    sender that is not ours either: an inside host may well call itself what it likes, but it does
 *    not change its name with each stranger whose mail it brings. The last of them is not let in.
 *
 * A gateway's or a bridge's address is in doubt from the first session on, crowded or not: whoever
 * comes from there may be anybody, and strangers need not bring many names. What is left is a
 * translator that this host does not know of, that ends connections itself (so that its packets
 * tell nothing), and before which the first relaying stranger has not had a second one yet.
 */
#ifndef POSTERN_GATE_GUARD_H
#define POSTERN_GATE_GUARD_H

#include "base/buf.h"
#include "base/ip.h"

enum {
    GUARD_HOST_IPS = 64,   /* addresses of this host that are remembered */
    GUARD_ADDRESSES = 256, /* client addresses that are remembered */
    GUARD_IDENTITIES = 24, /* identities of one address */
    GUARD_STRANGERS_FEW = 4,
    GUARD_STRANGERS = 6,
    GUARD_STRANGERS_PUBLIC = 20,
    GUARD_SHARE = 95,    /* per cent */
    GUARD_DIVERSE = 5,   /* addresses that show diversity */
    GUARD_SESSIONS = 20, /* default of guard-sessions */
    GUARD_CULPRITS = 16, /* addresses that are remembered as reasons */
    GUARD_NETS = 32,     /* networks of this host that are remembered */
    GUARD_NEAR_HOPS = 2, /* one may be a tunnel's end that answers for its clients next door */
    GUARD_PATHS = 3,
    GUARD_PATHS_SPAN = 3,
    GUARD_STRANGE_RELAYS = 2,
    GUARD_TEXT_MAX = 900, /* of guard_write() */
    GUARD_REPORT_MAX = 1400,
};
#define GUARD_WINDOW   (INT64_C(24) * 3600 * 1000) /* ms for which an identity counts */
#define GUARD_CALM     (INT64_C(3600) * 1000)      /* ms of diversity before it clears by itself */
#define GUARD_CALM_MAX (INT64_C(24) * 3600 * 1000)

/* What an address of this host is, as far as a client could seem to come from it. */
enum guard_role {
    GUARD_NOBODY = 0,
    GUARD_GATEWAY, /* a default gateway */
    GUARD_BRIDGE,  /* own address on a bridge (docker0, br-…, cni0, podman0, virbr0) */
    GUARD_OWN,     /* any other own address */
};

enum guard_cause {
    GUARD_CAUSE_NONE = 0,
    GUARD_CAUSE_FIREWALL, /* the gateway rewrites source addresses */
    GUARD_CAUSE_USERLAND, /* a container's userland proxy, or its packet filter is off */
    GUARD_CAUSE_ROOTLESS, /* rootless container: slirp4netns or rootlesskit */
    GUARD_CAUSE_V6_PROXY, /* IPv6 clients by a proxy into an IPv4 container network */
    GUARD_CAUSE_CLUSTER,  /* several nodes rewrite: Kubernetes with traffic policy Cluster */
    GUARD_CAUSE_BALANCER, /* a load balancer without PROXY */
    GUARD_CAUSE_LOCAL,    /* a proxy on this host: stunnel, ssh -L, socat, HAProxy */
    GUARD_CAUSE_TOLD,     /* another worker or the operator says so */
};

const char *guard_cause_name(enum guard_cause cause);
/* What it means and how to mend it, one or two sentences. */
const char *guard_cause_advice(enum guard_cause cause);

enum guard_event {
    GUARD_SAME = 0,
    GUARD_SUSPENDS, /* alarm, tell the other workers */
    GUARD_CLEARS,
};

/* One session, told at its first HELO or EHLO. The spans are borrowed for the call. */
struct guard_session {
    struct ip client; /* as the connection or its PROXY header says */
    struct span helo; /* the argument as given */
    bool helo_ours;   /* that name is in the own domains */
    struct span ptr;  /* the client's name in DNS, or empty when it is unknown */
    bool trusted;     /* its address may relay, or would if it were not in doubt */
    unsigned ttl;     /* of its packets as they came in; 0: not known, or a balancer's */
};

struct guard_identity {
    uint32_t hash;
    bool v6_literal;
    int64_t last;
};

struct guard_address {
    struct ip ip; /* IP_NONE: a free slot; public IPv6 as its /64 */
    int64_t last;
    unsigned count;   /* of identities that are held */
    unsigned evicted; /* identities that found no room; halved each GUARD_WINDOW */
    int64_t evicted_at;
    uint64_t
        paths; /* a bit for each number of routers that its packets came over, 63 and more one */
    int64_t paths_at;      /* when the first of them was seen */
    uint32_t strange;      /* the identity that last relayed with a sender not ours; 0: none */
    int64_t strange_at;    /* and when */
    unsigned strange_left; /* how many more it takes */
    struct guard_identity identities[GUARD_IDENTITIES];
};

struct guard_host_ip {
    struct ip ip;
    enum guard_role role;
};

struct guard {
    unsigned sessions_min;
    uint32_t seed;  /* of the hashes: names can't be made to collide */
    bool container; /* the gate runs in a container */
    struct guard_host_ip host[GUARD_HOST_IPS];
    unsigned host_count;
    struct ip_prefix nets[GUARD_NETS];
    unsigned net_count;
    struct guard_address addresses[GUARD_ADDRESSES];
    uint64_t sessions[2]; /* of IPv4 and IPv6 clients since the last change */
    bool suspended;
    enum guard_cause cause;
    struct ip culprits[GUARD_CULPRITS];
    unsigned culprit_count;
    bool only_culprits; /* nobody else is in doubt */
    bool news;          /* the last session showed something that was not known of its address */
    int64_t since;      /* of the last change */
    int64_t calm_since;
    int64_t calm_need;
};

/* sessions_min 0: GUARD_SESSIONS. About 150 kB: keep it on the heap or static. */
void guard_init(struct guard *g, unsigned sessions_min, uint32_t seed, bool container);
/* An address of this host; more than GUARD_HOST_IPS are passed over (own ones first). */
void guard_host(struct guard *g, struct ip ip, enum guard_role role);
/* A network that this host has an address in; more than GUARD_NETS are passed over. */
void guard_net(struct guard *g, struct ip_prefix net);
/* Forgets the host's addresses and networks, before they are read anew. */
void guard_host_clear(struct guard *g);

/* GUARD_SUSPENDS also when a suspension grows to more clients. */
enum guard_event guard_see(struct guard *g, const struct guard_session *s, int64_t now);
/*
 * That session asks to relay because of its address, with a sender that is not ours, or did so and
 * was put off for doubt. To be told before the answer: guard_doubtful() may have changed.
 */
enum guard_event guard_relay(struct guard *g, const struct guard_session *s, int64_t now);
/* A host that is surely outside was seen under this address: what it is for all others, too. */
enum guard_event guard_prove(struct guard *g, struct ip seen, int64_t now);
/* Over how many routers a packet came that has this time to live left; 0 for 0. */
unsigned guard_hops(unsigned ttl);
/* Is this address no ground for relaying now? A certificate or a login is no address. */
bool guard_doubtful(const struct guard *g, struct ip client);
/* Somebody else says so: all rights by address. */
enum guard_event guard_suspend(struct guard *g, int64_t now);
/*
 * The verdict as words, for another worker or the next start: "<cause> all|only <since_wall>
 * <address>,…", or nothing while it is watching. No LF.
 */
void guard_write(const struct guard *g, int64_t now, int64_t now_wall, struct buf *out);
/* Takes one over. Words that can't be read suspend all: who wrote them was in doubt. */
enum guard_event guard_take(struct guard *g, struct span words, int64_t now, int64_t now_wall);
/* The operator says that it is mended; what was seen is forgotten. */
enum guard_event guard_clear(struct guard *g, int64_t now);
/* One line for alarms and status: state, cause, addresses, how many names, what to do. */
void guard_report(const struct guard *g, int64_t now, struct buf *out);

#endif
