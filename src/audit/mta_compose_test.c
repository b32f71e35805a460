/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compose, daemon.json, env files and the images that they configure. */
#include "audit/try_test.h"

#define DMS(ports, permit)                                                                         \
    "services:\n"                                                                                  \
    "  mailserver:\n"                                                                              \
    "    image: ghcr.io/docker-mailserver/docker-mailserver:latest\n"                              \
    "    ports:\n"                                                                                 \
    "      - \"" ports "\"\n"                                                                      \
    "    environment:\n"                                                                           \
    "      - PERMIT_DOCKER=" permit "\n"

static const struct try_case cases[] = {
    {"dms, none", {{"/p/docker-compose.yml", DMS("25:25", "none")}}, ""},
    {"dms, container", {{"/p/docker-compose.yml", DMS("25:25", "container")}}, ""},
    {"dms, network over any family",
     {{"/p/docker-compose.yml", DMS("25:25", "network")}},
     "J1:nat:7"},
    {"dms, network over IPv4 only",
     {{"/p/docker-compose.yml", DMS("0.0.0.0:25:25", "network")}},
     ""},
    {"dms, network, no userland proxy",
     {{"/p/docker-compose.yml", DMS("25:25", "network")},
      {"/p/daemon.json", "{\"userland-proxy\": false}\n"}},
     "",
     .path = "/p/docker-compose.yml /p/daemon.json"},
    {"dms, network, daemon without rules",
     {{"/p/docker-compose.yml", DMS("0.0.0.0:25:25", "network")},
      {"/p/daemon.json", "{\n\t\"iptables\": false\n}\n"}},
     "J1:nat:7",
     .path = "/p/daemon.json /p/docker-compose.yml"},
    {"dms, bound to loopback", {{"/p/docker-compose.yml", DMS("127.0.0.1:25:25", "network")}}, ""},
    {"dms, host without IPv6",
     {{"/p/docker-compose.yml", DMS("25:25", "network")}},
     "",
     .interfaces = "203.0.113.5/24"},
    {"dms, host networking trusts the provider",
     {{"/p/docker-compose.yml", "services:\n  m:\n    image: docker-mailserver/docker-mailserver\n"
                                "    network_mode: host\n    env_file: m.env\n"},
      {"/p/m.env", "# c\nPERMIT_DOCKER=host\n"}},
     "DK03:open:2"},
    {"dms, environment over env_file",
     {{"/p/docker-compose.yml", "services:\n  m:\n    image: mailserver/docker-mailserver:14\n"
                                "    ports: ['25:25']\n    env_file: [m.env]\n"
                                "    environment:\n      PERMIT_DOCKER: none\n"},
      {"/p/m.env", "PERMIT_DOCKER=network\n"}},
     ""},
    {"dms, its network is known",
     {{"/p/compose.yaml", "services:\n  m:\n    image: mailserver/docker-mailserver:14\n"
                          "    ports: [{target: 25, published: 25}]\n    networks: [mail]\n"
                          "    environment:\n      PERMIT_DOCKER: connected-networks\n"
                          "networks:\n  mail:\n    ipam:\n      config:\n"
                          "        - subnet: 10.5.0.0/24\n"}},
     "J1:nat:7"},
    {"dms, its network has IPv6",
     {{"/p/compose.yaml", "services:\n  m:\n    image: mailserver/docker-mailserver:14\n"
                          "    ports: [{target: 25, published: 25}]\n    networks: [mail]\n"
                          "    environment:\n      PERMIT_DOCKER: connected-networks\n"
                          "networks:\n  mail:\n    enable_ipv6: true\n    ipam:\n      config:\n"
                          "        - subnet: 10.5.0.0/24\n        - subnet: fd00:5::/64\n"}},
     ""},
    {"dms, env file of .env",
     {{"/p/docker-compose.yml", DMS("25:25", "${PD:-none}")}, {"/p/.env", "PD='network' # x\n"}},
     "J1:nat:7"},
    {"dms, default of a reference", {{"/p/docker-compose.yml", DMS("25:25", "${PD:-none}")}}, ""},
    {"dms, a reference that nobody sets",
     {{"/p/docker-compose.yml", DMS("25:25", "$PD")}},
     "DK01:undecided:7"},
    {"dms, env file missing",
     {{"/p/docker-compose.yml", "services:\n  m:\n    image: docker-mailserver/docker-mailserver\n"
                                "    ports: ['25:25']\n    env_file: m.env\n"}},
     "DK01:undecided:2"},
    {"the override publishes",
     {{"/p/docker-compose.yml", "services:\n  r:\n    image: mwader/postfix-relay\n"
                                "    ports: ['127.0.0.1:2525:25']\n"},
      {"/p/docker-compose.override.yml", "services:\n  r:\n    ports:\n      - 25:25\n"}},
     "DK01:open:2"},
    {"the override resets",
     {{"/p/docker-compose.yml", "services:\n  r:\n    image: mwader/postfix-relay\n"
                                "    ports: ['25:25']\n"},
      {"/p/docker-compose.override.yml", "services:\n  r:\n    ports: !override\n"
                                         "      - 127.0.0.1:25:25\n"}},
     "DK01:latent:2"},
    {"relay that nobody publishes",
     {{"/p/docker-compose.yml", "services:\n  r:\n    image: mwader/postfix-relay\n"}},
     "DK01:latent:2"},
    {"relay with narrow networks",
     {{"/p/docker-compose.yml", "services:\n  r:\n    image: mwader/postfix-relay:1\n"
                                "    ports: ['25:25']\n    environment:\n"
                                "      - POSTFIX_mynetworks=127.0.0.0/8 10.9.8.0/24\n"}},
     ""},
    {"relay with private networks",
     {{"/p/docker-compose.yml", "services:\n  r:\n    image: juanluisbaptiste/postfix\n"
                                "    ports: ['25:25']\n"}},
     "J1:nat:2"},
    {"sender's domain decides, private networks",
     {{"/p/docker-compose.yml", "services:\n  r:\n    image: boky/postfix\n"
                                "    ports: ['25:587']\n    environment:\n"
                                "      ALLOWED_SENDER_DOMAINS: example.org\n"}},
     "J1:nat:2"},
    {"sender's domain decides, all networks",
     {{"/p/docker-compose.yml", "services:\n  r:\n    image: boky/postfix:latest\n"
                                "    ports: ['25:587']\n    environment:\n"
                                "      ALLOWED_SENDER_DOMAINS: example.org example.net\n"
                                "      MYNETWORKS: 0.0.0.0/0\n"}},
     "DK01:forged-sender:7",
     .witness = "info@example.org|victim@elsewhere.example"},
    {"an image that is built, by its variables",
     {{"/p/docker-compose.yml", "services:\n  postfix:\n    build: .\n    ports: ['25:25']\n"
                                "    environment:\n      - MYNETWORKS=0.0.0.0/0\n"}},
     "DK01:open:6"},
    {"typo of the private block",
     {{"/p/docker-compose.yml", "services:\n  postfix:\n    build: .\n    ports: ['25:25']\n"
                                "    environment:\n      - MYNETWORKS=172.0.0.0/8\n"}},
     "DK01:open:6"},
    {"anchors and merge keys",
     {{"/p/docker-compose.yml", "x-env: &env\n  MYNETWORKS: 0.0.0.0/0\nservices:\n  smtp:\n"
                                "    build: .\n    ports: ['25:25']\n    environment:\n"
                                "      <<: *env\n      A: b\n"}},
     "DK01:open:2"},
    {"merge keys lose to the map's own",
     {{"/p/docker-compose.yml", "x-env: &env\n  MYNETWORKS: 0.0.0.0/0\nservices:\n  smtp:\n"
                                "    build: .\n    ports: ['25:25']\n    environment:\n"
                                "      MYNETWORKS: 10.1.2.3\n      <<: *env\n"}},
     ""},
    {"extends",
     {{"/p/docker-compose.yml", "services:\n  base:\n    image: mwader/postfix-relay\n  r:\n"
                                "    extends: base\n    ports: ['25:25']\n    environment:\n"
                                "      POSTFIX_mynetworks: 127.0.0.1\n"}},
     "DK01:open:2"},
    {"rootless engine",
     {{"/p/docker-compose.yml", DMS("0.0.0.0:25:25", "network")},
      {"/p/.env", "DOCKER_HOST=unix:///run/user/1000/docker.sock\n"}},
     "J1:nat:7"},
    {"mailu, default on a host without Docker's IPv6",
     {{"/p/docker-compose.yml",
       "services:\n  front:\n    image: ghcr.io/mailu/nginx:2024.06\n    env_file: mailu.env\n"
       "    ports:\n      - '25:25'\n  smtp:\n    image: ghcr.io/mailu/postfix:2024.06\n"
       "    env_file: mailu.env\nnetworks:\n  default:\n    ipam:\n      config:\n"
       "        - subnet: 192.168.203.0/24\n"},
      {"/p/mailu.env", "SUBNET=192.168.203.0/24\nRELAYNETS=\nTLS_FLAVOR=cert\n"}},
     "J1:nat:1"},
    {"mailu, pinned to IPv4",
     {{"/p/docker-compose.yml",
       "services:\n  front:\n    image: ghcr.io/mailu/nginx:2024.06\n    env_file: mailu.env\n"
       "    ports:\n      - '203.0.113.9:25:25'\n  smtp:\n"
       "    image: ghcr.io/mailu/postfix:2024.06\n    env_file: mailu.env\n"
       "networks:\n  default:\n    ipam:\n      config:\n"
       "        - subnet: 192.168.203.0/24\n"},
      {"/p/mailu.env", "SUBNET=192.168.203.0/24\nRELAYNETS=\nTLS_FLAVOR=cert\n"}},
     ""},
    {"mailu, anybody speaks PROXY",
     {{"/p/mailu.env", "SUBNET=192.168.203.0/24\nTLS_FLAVOR=cert\nPROXY_PROTOCOL=mail\n"
                       "REAL_IP_FROM=0.0.0.0/0\n"}},
     "DK04:open:4",
     .path = "/p/mailu.env"},
    {"mailu, the proxy is named",
     {{"/p/mailu.env", "SUBNET=192.168.203.0/24\nTLS_FLAVOR=cert\nPROXY_PROTOCOL=mail\n"
                       "REAL_IP_FROM=192.168.203.1\n"}},
     "",
     .path = "/p/mailu.env"},
    {"mailcow, without IPv6",
     {{"/p/mailcow.conf", "MAILCOW_HOSTNAME=m.example.org\nIPV4_NETWORK=172.22.1\n"
                          "ENABLE_IPV6=false\nSMTP_PORT=25\n"}},
     "J1:nat:3",
     .path = "/p/mailcow.conf"},
    {"mailcow, without IPv6, pinned",
     {{"/p/mailcow.conf", "MAILCOW_HOSTNAME=m.example.org\nIPV4_NETWORK=172.22.1\n"
                          "ENABLE_IPV6=false\nSMTP_PORT=0.0.0.0:25\n"}},
     "",
     .path = "/p/mailcow.conf"},
    {"mailserver.env alone",
     {{"/p/mailserver.env", "A=1\nPERMIT_DOCKER=network\n"}},
     "J1:nat:2",
     .path = "/p/mailserver.env"},
    {"swarm's mesh",
     {{"/p/docker-compose.yml", "services:\n  r:\n    build: .\n    networks: [o]\n    ports:\n"
                                "      - {target: 25, published: 25, mode: ingress}\n"
                                "    environment: {MYNETWORKS: 10.0.0.0/8}\n"
                                "networks:\n  o: {driver: overlay}\n"}},
     "J1:nat:7"},
    {"slirp4netns, the container's own address",
     {{"/p/docker-compose.yml",
       "services:\n  m:\n    image: docker-mailserver/docker-mailserver\n    ports: ['25:25']\n"
       "    network_mode: 'slirp4netns'\n    environment: {PERMIT_DOCKER: container}\n"}},
     "J1:nat:6"},
    {"slirp4netns that keeps the source",
     {{"/p/docker-compose.yml",
       "services:\n  m:\n    image: docker-mailserver/docker-mailserver\n    ports: ['25:25']\n"
       "    network_mode: 'slirp4netns:port_handler=slirp4netns'\n"
       "    environment: {PERMIT_DOCKER: host}\n"}},
     ""},
    {"haproxy in another container",
     {{"/p/docker-compose.yml",
       "services:\n  lb:\n    image: haproxy:2.9\n    ports: ['0.0.0.0:25:25']\n"
       "    networks: [n]\n  smtp:\n    build: .\n    networks: [n]\n"
       "    environment: {MYNETWORKS: 10.5.0.0/24}\nnetworks:\n  n:\n"
       "    ipam: {config: [{subnet: 10.5.0.0/24}]}\n"}},
     "J1:nat:9"},
    {"haproxy in another container, sending PROXY",
     {{"/p/docker-compose.yml",
       "services:\n  lb:\n    image: haproxy:2.9\n    ports: ['0.0.0.0:25:25']\n"
       "    networks: [n]\n  smtp:\n    build: .\n    networks: [n]\n"
       "    environment: {MYNETWORKS: 10.5.0.0/24}\nnetworks:\n  n:\n"
       "    ipam: {config: [{subnet: 10.5.0.0/24}]}\n"},
      {"/p/haproxy.cfg", "listen smtp\n  bind :25\n  server s smtp:25 send-proxy\n"}},
     "",
     .path = "/p/docker-compose.yml /p/haproxy.cfg"},
    {"incident 15: private ranges by default",
     {{"/p/docker-compose.yml", "services:\n  a:\n    image: anonaddy/anonaddy:1.2\n"
                                "    ports: ['25:25']\n"}},
     "J1:nat:2"},
    {"incident 19: the world by default",
     {{"/p/docker-compose.yml", "services:\n  a:\n    image: loganmarchione/docker-postfixrelay\n"
                                "    ports: ['25:25']\n    environment:\n"
                                "      RELAY_HOST: smtp.example.com\n"}},
     "DK01:open:2"},
    {"incident 19: private ranges, whatever is said",
     {{"/p/docker-compose.yml", "services:\n  a:\n    image: juanluisbaptiste/postfix:latest\n"
                                "    ports: ['25:25']\n    environment:\n"
                                "      SMTP_NETWORKS: 127.0.0.0/8\n"}},
     "J1:nat:2"},
    {"incident 21: the subnet is trusted",
     {{"/p/docker-compose.yml", "services:\n  a:\n    image: simplelogin/postfix:4\n"
                                "    ports: ['25:25']\n"}},
     "J1:nat:2"},
    {"incident 5: a firewall with source NAT",
     {{"/p/docker-compose.yml", DMS("0.0.0.0:25:25", "host")}},
     "J1:nat:7",
     .nat = "172.20.0.1"},
    {"the daemon's own bridge",
     {{"/p/docker-compose.yml",
       "services:\n  r:\n    build: .\n    network_mode: bridge\n    ports: ['25:25']\n"
       "    environment: {MYNETWORKS: 172.17.0.0/16}\n"}},
     "J1:nat:6"},
    {"the daemon's own bridge, elsewhere",
     {{"/p/docker-compose.yml",
       "services:\n  r:\n    build: .\n    network_mode: bridge\n    ports: ['25:25']\n"
       "    environment: {MYNETWORKS: 172.17.0.0/16}\n"},
      {"/p/daemon.json", "{\"bip\": \"10.9.0.1/24\"}"}},
     "",
     .path = "/p /p/daemon.json"},
    {"incident 13: the provider's /16",
     {{"/p/docker-compose.yml",
       "services:\n  m:\n    image: docker-mailserver/docker-mailserver\n"
       "    network_mode: host\n    environment:\n      PERMIT_DOCKER: host\n"}},
     "DK03:open:6",
     .interfaces = "198.51.100.7/24"},
    {"a helper on the host's network publishes nothing",
     {{"/p/docker-compose.yml", "services:\n  netfilter-mailcow:\n    network_mode: host\n"
                                "    image: ghcr.io/mailcow/netfilter:1\n  r:\n"
                                "    image: mwader/postfix-relay\n    ports: ['465:465']\n"}},
     "DK01:latent:5"},
    {"not a list of ports",
     {{"/p/docker-compose.yml", "services:\n  r:\n    ports: 25:25\n"}},
     "!/p/docker-compose.yml:3: ports must be a list"},
    {"a loop of includes",
     {{"/p/docker-compose.yml", "include: [docker-compose.yml]\n"}},
     "!files include one another"},
    {"a service that extends itself",
     {{"/p/docker-compose.yml", "services:\n  a:\n    extends: a\n"}},
     "!extend one another"},
    {"no YAML", {{"/p/docker-compose.yml", "services:\n  a: [\n"}}, "!/p/docker-compose.yml:3"},
    {"a template", {{"/p/docker-compose.yml", "services:\n{% if x %}\n  a: 1\n"}}, "!template"},
    {"a list at the top", {{"/p/docker-compose.yml", "- a\n"}}, "!sections"},
};

static void compose_cases(void **state)
{
    try_cases(cases, sizeof(cases) / sizeof(cases[0]), "/p");
}

/* Ten lines that would be a thousand million nodes if aliases were copied. */
static void aliases_stay_small(void **state)
{
    struct buf text = BUF_INIT(1 << 16);
    struct try_case c = {.name = "aliases of aliases", .expect = "", .path = "/p"};

    buf_add_str(&text, "x-0: &a0 {k: v}\n");
    for (unsigned i = 1; i < 30; i++)
        buf_addf(&text, "x-%u: &a%u [*a%u, *a%u, *a%u, *a%u, *a%u, *a%u, *a%u, *a%u]\n", i, i,
                 i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    buf_add_str(&text, "services:\n  web:\n    image: nginx\n");
    c.files[0] = (struct audit_memory_file){"/p/docker-compose.yml", buf_str(&text), 0};
    assert_true(try_case(&c, NULL));
    buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compose_cases),
        cmocka_unit_test(aliases_stay_small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
