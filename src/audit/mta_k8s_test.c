/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kubernetes manifests: who hides clients, and the images in their pods. */
#include "audit/try_test.h"

#define SERVICE(type, policy)                                                                      \
    "apiVersion: v1\nkind: Service\nmetadata:\n  name: smtp\nspec:\n  type: " type "\n" policy     \
    "  selector: {app: smtp}\n  ports:\n    - port: 25\n      targetPort: smtp\n"
#define POD(image, nets)                                                                           \
    "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: smtp}\nspec:\n  template:\n"     \
    "    metadata: {labels: {app: smtp}}\n    spec:\n      containers:\n        - name: x\n"       \
    "          image: " image                                                                      \
    "\n          ports:\n            - {containerPort: 25, name: smtp}\n"                          \
    "          env:\n            - name: MYNETWORKS\n              value: '" nets "'\n"
#define LOCAL "  externalTrafficPolicy: Local\n"

static const struct try_case cases[] = {
    {"balancer with its default policy",
     {{"/k/m.yaml", SERVICE("LoadBalancer", "") POD("x/postfix", "127.0.0.0/8 10.0.0.0/8")}},
     "J1:nat:26"},
    {"balancer that keeps the source",
     {{"/k/m.yaml", SERVICE("LoadBalancer", LOCAL) POD("x/postfix", "127.0.0.0/8 10.0.0.0/8")}},
     ""},
    {"node port",
     {{"/k/m.yaml", SERVICE("NodePort", "") POD("x/postfix", "10.42.0.0/16")}},
     "J1:nat:26"},
    {"one host of the cluster is no network",
     {{"/k/m.yaml", SERVICE("NodePort", "") POD("x/postfix", "10.42.7.9")}},
     ""},
    {"inside of the cluster only",
     {{"/k/m.yaml", SERVICE("ClusterIP", "") POD("x/postfix", "10.0.0.0/8")}},
     ""},
    {"only a Service is given",
     {{"/k/m.yaml", SERVICE("ClusterIP", "")}, {"/k/x.env", "MYNETWORKS=10.0.0.0/8\n"}},
     "",
     .path = "/k /k/x.env"},
    {"only a Service is given, and it balances",
     {{"/k/m.yaml", SERVICE("LoadBalancer", "")}, {"/k/x.env", "MYNETWORKS=10.0.0.0/8\n"}},
     "J1:nat:1",
     .path = "/k /k/x.env"},
    {"the world, inside of the cluster",
     {{"/k/m.yaml", SERVICE("ClusterIP", "") POD("x/postfix", "0.0.0.0/0")}},
     "K801:latent:26"},
    {"the world",
     {{"/k/m.yaml", SERVICE("LoadBalancer", LOCAL) POD("x/postfix", "0.0.0.0/0")}},
     "K801:open:27"},
    {"balancer for named networks",
     {{"/k/m.yaml", SERVICE("LoadBalancer", "  loadBalancerSourceRanges: [192.0.2.0/24]\n")
                        POD("x/postfix", "10.0.0.0/8")}},
     ""},
    {"balancer for all networks, said aloud",
     {{"/k/m.yaml", SERVICE("LoadBalancer", "  loadBalancerSourceRanges: [0.0.0.0/0]\n")
                        POD("x/postfix", "10.0.0.0/8")}},
     "J1:nat:27"},
    {"several files",
     {{"/k/a.yaml", SERVICE("LoadBalancer", "")},
      {"/k/b.yml", POD("mwader/postfix-relay", "") "---\n"}},
     "K801:open:10"},
    {"ingress without PROXY",
     {{"/k/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: tcp-services}\ndata:\n"
                    "  25: mail/smtp:25\n" POD("x/postfix", "10.244.0.0/16")}},
     "J1:nat:21"},
    {"ingress with PROXY",
     {{"/k/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: tcp-services}\ndata:\n"
                    "  25: mail/smtp:25::PROXY\n" POD("x/postfix", "10.244.0.0/16")}},
     ""},
    {"a list, in JSON, environment of a ConfigMap",
     {{"/k/a.json",
       "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [\n"
       "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\"},\n"
       "\"data\":{\n\"MYNETWORKS\": \"0.0.0.0/0\"}},\n"
       "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\"},\"spec\":\n"
       "{\"hostNetwork\":true,\"containers\":[{\"image\":\"my/smtp\",\n"
       "\"ports\":[{\"containerPort\":25}],\"envFrom\":[{\"configMapRef\":{\"name\":\"c\"}}]}]}}"
       "]}\n"}},
     "K801:open:4"},
    {"host port",
     {{"/k/a.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n"
                    "  containers:\n  - image: my/smtp\n    ports:\n"
                    "    - {containerPort: 25, hostPort: 25}\n    env:\n"
                    "    - {name: MYNETWORKS, value: 10.0.0.0/8}\n"}},
     "J1:nat:10"},
    {"a mesh's sidecar and loopback",
     {{"/k/a.yaml", "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  annotations:\n"
                    "    sidecar.istio.io/inject: 'true'\nspec:\n"
                    "  hostNetwork: true\n"
                    "  containers:\n  - image: my/smtp\n    ports:\n"
                    "    - {containerPort: 25, hostPort: 25}\n    env:\n"
                    "    - {name: MYNETWORKS, value: 127.0.0.0/8}\n"}},
     "J1:nat:14"},
    {"helm's template",
     {{"/k/a.yaml", "apiVersion: v1\nkind: Service\nspec: {{ .Values.x }}: {\n"}},
     "!template"},
};

static void k8s_cases(void **state)
{
    try_cases(cases, sizeof(cases) / sizeof(cases[0]), "/k");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(k8s_cases)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
