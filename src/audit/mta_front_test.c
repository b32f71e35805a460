/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * HAProxy and nginx in front, and Podman's quadlets. The server behind a proxy is an env file of a
 * mail image: a door on port 25 that trusts what MYNETWORKS says.
 */
#include "audit/try_test.h"

#define TRUST(nets)                                                                                \
    {                                                                                              \
        "/p/x.env", "MYNETWORKS=" nets "\n"                                                        \
    }
#define HAPROXY "/p/haproxy.cfg /p/x.env"
#define NGINX   "/p/nginx.conf /p/x.env"

static const struct try_case cases[] = {
    {"haproxy beside the server",
     {TRUST("127.0.0.0/8"),
      {"/p/haproxy.cfg", "defaults\n  mode tcp\nfrontend smtp\n  bind :25\n"
                         "  default_backend mail\nbackend mail\n"
                         "  server a 127.0.0.1:10025 check\n"}},
     "J1:nat:1",
     .path = HAPROXY},
    {"haproxy that sends PROXY",
     {TRUST("127.0.0.0/8 192.168.0.0/16"),
      {"/p/haproxy.cfg", "listen smtp\n  bind *:25\n  mode tcp\n"
                         "  server a 192.168.4.5:25 send-proxy-v2 check\n"}},
     "",
     .path = HAPROXY},
    {"haproxy, PROXY by default",
     {TRUST("192.168.4.0/24"),
      {"/p/haproxy.cfg", "listen smtp\n  bind *:25\n  mode tcp\n  default-server send-proxy\n"
                         "  server a 192.168.4.5:25\n"}},
     "",
     .path = HAPROXY},
    {"haproxy, transparent",
     {TRUST("192.168.4.0/24"),
      {"/p/haproxy.cfg", "listen smtp\n  bind *:25\n  source 0.0.0.0 usesrc clientip\n"
                         "  server a 192.168.4.5:25\n"}},
     "",
     .path = HAPROXY},
    {"haproxy on the trusted network",
     {TRUST("192.168.4.0/24"),
      {"/p/haproxy.cfg", "listen smtp\n  bind *:25\n"
                         "  server a 192.168.4.5:25 # c\n"}},
     "J1:nat:1",
     .path = HAPROXY},
    {"haproxy with its own source, trusted by name",
     {TRUST("127.0.0.1 10.9.9.9"),
      {"/p/haproxy.cfg", "listen smtp\n  bind *:25\n"
                         "  source 10.9.9.9\n"
                         "  server a 10.9.9.2:25\n"}},
     "J1:nat:1",
     .path = HAPROXY},
    {"haproxy on another network",
     {TRUST("10.1.0.0/24"),
      {"/p/haproxy.cfg", "listen smtp\n  bind *:25\n"
                         "  server a 192.168.4.5:25\n"}},
     "",
     .path = HAPROXY},
    {"haproxy for the web",
     {TRUST("192.168.4.0/24"),
      {"/p/haproxy.cfg", "listen web\n  bind *:80\n  mode http\n"
                         "  server a 192.168.4.5:80\n"}},
     "",
     .path = HAPROXY},
    {"haproxy believes anybody's PROXY",
     {{"/p/haproxy.cfg", "listen smtp\n  bind *:25 accept-proxy\n"
                         "  server a 192.168.4.5:25 send-proxy\n"}},
     "J3:latent:2",
     .path = "/p/haproxy.cfg"},
    {"haproxy believes the balancer's PROXY",
     {{"/p/haproxy.cfg", "listen smtp\n  bind *:25\n"
                         "  tcp-request connection expect-proxy layer4 if { src 192.0.2.1 }\n"
                         "  server a 192.168.4.5:25 send-proxy\n"}},
     "",
     .path = "/p/haproxy.cfg"},
    {"nginx stream",
     {TRUST("10.0.3.0/24"),
      {"/p/nginx.conf", "stream {\n  upstream m { server 10.0.3.4:25; }\n"
                        "  server {\n    listen 25; # smtp\n"
                        "    proxy_pass m;\n  }\n}\n"}},
     "J1:nat:1",
     .path = NGINX},
    {"nginx stream with PROXY",
     {TRUST("10.0.3.0/24"),
      {"/p/nginx.conf", "stream {\n  proxy_protocol on;\n  server {\n"
                        "    listen [::]:25;\n"
                        "    proxy_pass 10.0.3.4:25;\n  }\n}\n"}},
     "",
     .path = NGINX},
    {"nginx stream, transparent",
     {TRUST("10.0.3.0/24"),
      {"/p/nginx.conf", "stream {\n  server {\n    listen 25;\n"
                        "    proxy_bind $remote_addr transparent;\n"
                        "    proxy_pass 10.0.3.4:25;\n  }\n}\n"}},
     "",
     .path = NGINX},
    {"nginx mail, XCLIENT by default",
     {TRUST("10.0.3.0/24"),
      {"/p/nginx.conf", "mail {\n  auth_http localhost/x;\n  server {\n"
                        "    listen 25; protocol smtp;\n  }\n}\n"}},
     "",
     .path = NGINX},
    {"nginx mail without XCLIENT",
     {TRUST("10.0.3.0/24"),
      {"/p/nginx.conf", "mail {\n  xclient off;\n  server {\n"
                        "    listen 25; protocol smtp;\n  }\n}\n"}},
     "J1:nat:1",
     .path = NGINX},
    {"nginx mail believes anybody's PROXY",
     {{"/p/nginx.conf", "mail {\n  server {\n    listen 25 proxy_protocol;\n"
                        "    set_real_ip_from 0.0.0.0/0;\n    protocol smtp;\n  }\n}\n"}},
     "J3:latent:4",
     .path = "/p/nginx.conf"},
    {"nginx, included",
     {TRUST("127.0.0.1"),
      {"/p/nginx.conf", "include stream.d/*.conf;\n"},
      {"/p/stream.d/a.conf", "stream { server { listen 0.0.0.0:25; proxy_pass localhost:25; } }"}},
     "J1:nat:1",
     .path = NGINX},
    {"quadlet of a user, slirp4netns",
     {{"/h/.config/containers/systemd/m.container",
       "[Unit]\nDescription=x\n[Container]\nImage=docker.io/mailserver/docker-mailserver:14\n"
       "PublishPort=25:25\nNetwork=slirp4netns\nEnvironment=PERMIT_DOCKER=container A=\"b c\"\n"}},
     "J1:nat:7",
     .path = "/h/.config/containers/systemd/m.container"},
    {"quadlet of a user, pasta",
     {{"/h/.config/containers/systemd/m.container",
       "[Container]\nImage=docker.io/mailserver/docker-mailserver:14\nPublishPort=25:25\n"
       "Network=pasta\nEnvironment=PERMIT_DOCKER=network\n"}},
     "",
     .path = "/h/.config/containers/systemd/m.container"},
    {"quadlet of a user, a network of its own",
     {{"/h/.config/containers/systemd/m.container",
       "[Container]\nImage=mwader/postfix-relay\nPublishPort=25:25\nNetwork=m.network\n"
       "Environment=\"POSTFIX_mynetworks=127.0.0.0/8 10.0.0.0/8\"\n"}},
     "J1:nat:5",
     .path = "/h/.config/containers/systemd/m.container"},
    {"quadlet of root",
     {{"/etc/containers/systemd/m.container",
       "[Container]\nImage=mwader/postfix-relay\nPublishPort=25:25\nNetwork=m.network\n"
       "Environment=\"POSTFIX_mynetworks=127.0.0.0/8 10.0.0.0/8\"\n"}},
     "",
     .path = "/etc/containers/systemd/m.container"},
    {"quadlet that nobody limits",
     {{"/etc/containers/systemd/m.container",
       "[Container]\nImage=mwader/postfix-relay\nPublishPort=25:25\n"}},
     "DK01:open:1",
     .path = "/etc/containers/systemd/m.container"},
    {"nginx, a loop of includes",
     {{"/p/nginx.conf", "include nginx.conf;\n"}},
     "!include one another",
     .path = "/p/nginx.conf"},
};

static void front_cases(void **state)
{
    try_cases(cases, sizeof(cases) / sizeof(cases[0]), NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(front_cases)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
