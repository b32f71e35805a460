/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Containers: what is trusted from outside of a mail server's own files. Compose files, Docker's
 * daemon.json, env files and Kubernetes manifests only collect here; when all are read,
 * audit_boxes_settle() turns them into facts of the host (ports, source NAT, addresses) and into
 * doors of the images that are configured by their environment.
 *
 * All is of the audit's memory; lists are in the order of the files.
 */
#ifndef POSTERN_AUDIT_BOXES_H
#define POSTERN_AUDIT_BOXES_H

#include "audit/env.h"

enum {
    AUDIT_BOXES_MAX = 2000, /* services and pods of one audit */
    AUDIT_BOX_SUBNETS = 8,  /* of one network, and pools of the daemon */
};

struct audit_box_subnet {
    struct ip_prefix net;
    struct ip gateway; /* IP_NONE: the first address */
};

struct audit_box_net {
    struct audit_box_net *next;
    const char *name;
    struct audit_place place;
    const char *driver;     /* NULL: bridge */
    bool external;          /* made elsewhere: its subnets are not told here */
    enum audit_answer ipv6; /* enable_ipv6 */
    struct audit_box_subnet subnets[AUDIT_BOX_SUBNETS];
    size_t subnet_count;
};

struct audit_box_port {
    struct audit_box_port *next;
    unsigned first, last;   /* inside of the container */
    enum audit_bind bind;   /* on the host */
    struct ip host;         /* IP_NONE: all addresses, of both families */
    bool v4, v6;            /* families of the host that it is published for */
    enum audit_answer mesh; /* Swarm's ingress network */
    struct audit_place place;
};

struct audit_box_link {
    struct audit_box_link *next;
    const struct audit_box_net *net;
    struct ip v4, v6; /* IP_NONE: any of the subnet */
};

struct audit_box_volume {
    struct audit_box_volume *next;
    const char *source, *target; /* the source as a path beside the compose file */
};

/* A service of Compose, a container of a pod, or an env file without either. */
struct audit_box {
    struct audit_box *next;
    const struct audit_kind *kind; /* NULL: by what it is of the below */
    const char *name, *image;      /* image: "" when it is built here, NULL of an env file alone */
    struct audit_place place;
    struct audit_env env;
    const char *network_mode; /* NULL: networks */
    bool host_network;
    bool bare;    /* an env file alone: nothing is known of ports and networks */
    bool pod;     /* of Kubernetes: ports and NAT are told by its own reader */
    bool proxied; /* labels say that a proxy in front speaks PROXY to it */
    struct audit_box_port *ports;
    struct audit_box_link *links;
    struct audit_box_volume *volumes;
};

struct audit_docker {
    struct audit_place place; /* of daemon.json; no file: not read */
    enum audit_answer userland_proxy, iptables, ip6tables, ipv6, rootless;
    struct audit_place userland_proxy_place;
    const char *rootless_why;
    struct audit_place rootless_place;
    struct ip_prefix pools[AUDIT_BOX_SUBNETS];
    size_t pool_count;
    struct ip_prefix bip; /* of the daemon's own bridge; no family: 172.17.0.0/16 */
    struct ip bip_gateway;
};

struct audit_box_file {
    struct audit_box_file *next;
    const char *path;
};

struct audit_k8s;

struct audit_boxes {
    const struct audit_kind *compose, *env, *kubernetes;
    struct audit_k8s *k8s; /* audit/mta_k8s.c: objects of the manifests */
    struct audit_box *boxes;
    struct audit_box_net *nets;
    struct audit_docker docker;
    struct audit_box_file *compose_files, *env_files, *run_files;
    size_t box_count;
};

/* The collection of this audit; never NULL. */
struct audit_boxes *audit_boxes(struct audit *a);
/* New ones at the end of their lists; never NULL. */
struct audit_box *audit_box_add(struct audit *a, struct audit_place place);
struct audit_box_net *audit_box_net_add(struct audit *a, const char *name,
                                        struct audit_place place);
struct audit_box_port *audit_box_port_add(struct audit *a, struct audit_box *b,
                                          struct audit_place place);
void audit_box_link_add(struct audit *a, struct audit_box *b, const struct audit_box_net *net,
                        struct ip v4, struct ip v6);
void audit_box_file_add(struct audit *a, struct audit_box_file **list, const char *path);
struct ip audit_box_gateway(const struct audit_box_subnet *s);

/* Ports on which mail servers listen. */
bool audit_mail_port(unsigned port);
/* Whether it looks like a mail server or a relay: by image, name or ports. */
bool audit_box_mail(const struct audit_box *b);

/* audit/compose.c: all compose files into boxes and nets. 0 or AUDIT_BAD. */
int audit_compose_load(struct audit *a);
/* audit/mta_run.c: the lines "docker run" of a file into boxes. 0 or AUDIT_BAD. */
int audit_run_load(struct audit *a, const char *path);
/* audit/box_nat.c: ports and source NAT of Docker as facts. */
void audit_docker_facts(struct audit *a);
/* audit/mta_k8s.c: manifests into boxes, ports and source NAT. 0 or AUDIT_BAD. */
int audit_k8s_facts(struct audit *a);
/* audit/box_image.c: the doors of one box, if its image is known. */
void audit_box_image(struct audit *a, struct audit_box *b);
/* Called once, when all files that tell facts are read. 0 or AUDIT_BAD. */
int audit_boxes_settle(struct audit *a);

#endif
