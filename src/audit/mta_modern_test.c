/* SPDX-License-Identifier: GPL-3.0-or-later */
/* maddy, Stalwart and Apache James. */
#include "audit/try_test.h"

#define MADDY "/etc/maddy/maddy.conf"
#define PARTS                                                                                      \
    "$(local_domains) = example.org\n"                                                             \
    "target.remote outbound {\n}\n"                                                                \
    "target.queue remote_queue {\n    target &outbound\n}\n"                                       \
    "storage.imapsql local_mailboxes {\n}\n"
#define SMTP "smtp tcp://0.0.0.0:25 {\n"

static const struct try_case maddy[] = {
    {"as shipped",
     {{MADDY, PARTS SMTP "    source $(local_domains) {\n        reject 501\n    }\n"
                         "    default_source {\n        destination $(local_domains) {\n"
                         "            deliver_to &local_mailboxes\n        }\n"
                         "        default_destination {\n            reject 550\n        }\n"
                         "    }\n}\n"}},
     ""},
    {"everything goes out",
     {{MADDY,
       PARTS SMTP "    default_destination {\n        deliver_to &remote_queue\n    }\n}\n"}},
     "MD01:open:11"},
    {"everything is kept", {{MADDY, PARTS SMTP "    deliver_to &local_mailboxes\n}\n"}}, ""},
    {"a local sender",
     {{MADDY, PARTS SMTP "    source $(local_domains) {\n        deliver_to &remote_queue\n    }\n"
                         "    default_source {\n        reject 550\n    }\n}\n"}},
     "MD01:forged-sender:11",
     .witness = "user@example.org|victim@elsewhere.example"},
    {"submission without a login",
     {{MADDY, PARTS "submission tcp://0.0.0.0:587 {\n    deliver_to &remote_queue\n}\n"}},
     "MD02:open:9"},
    {"submission",
     {{MADDY, PARTS "submission tcp://0.0.0.0:587 {\n    auth &db\n    deliver_to &remote_queue\n"
                    "}\n"}},
     ""},
    {"a module that is not there",
     {{MADDY, PARTS SMTP "    deliver_to &nothing\n}\n"}},
     "MD01:undecided:9"},
    {"a loop of pipelines",
     {{MADDY, "msgpipeline a {\n deliver_to &b\n}\nmsgpipeline b {\n deliver_to &a\n}\n" SMTP
              " deliver_to &a\n}\n"}},
     "MD01:undecided:7"},
};

#define TOML "/opt/stalwart/etc/config.toml"
#define LISTENERS                                                                                  \
    "[server.listener.\"smtp\"]\nbind = [\"[::]:25\"]\nprotocol = \"smtp\"\n"                      \
    "[server.listener.submission]\nbind = \"0.0.0.0:587\"\nprotocol = \"smtp\"\n"
#define JSON "/opt/stalwart/etc/plan.json"

static const struct try_case stalwart[] = {
    {"as shipped", {{TOML, LISTENERS}}, ""},
    {"always", {{TOML, LISTENERS "[session.rcpt]\nrelay = true\n"}}, "ST01:open:8"},
    {"with a login",
     {{TOML, LISTENERS "session.rcpt.relay = [ { if = \"!is_empty(authenticated_as)\", "
                       "then = true }, { else = false } ]\n"}},
     ""},
    {"without one",
     {{TOML, LISTENERS "[session.rcpt]\nrelay = [\n { if = \"is_empty(authenticated_as)\", "
                       "then = true },\n { else = false }\n]\n"}},
     "ST01:open:8"},
    {"otherwise yes",
     {{TOML, LISTENERS "[session.rcpt]\nrelay = [ { if = \"rcpt_domain == 'x'\", then = false }, "
                       "{ else = true } ]\n"}},
     "ST01:open:8"},
    {"a sender",
     {{TOML, LISTENERS "[session.rcpt]\nrelay = \"sender_domain == 'example.org' || "
                       "!is_empty(authenticated_as)\"\n"}},
     "ST01:forged-sender:8"},
    {"a net",
     {{TOML, LISTENERS "[session.rcpt]\nrelay = \"remote_ip == '198.0.0.0/8'\"\n"}},
     "ST01:open:8"},
    {"unknown",
     {{TOML, LISTENERS "[session.rcpt]\nrelay = \"strange_thing(x)\"\n"}},
     "ST01:undecided:8"},
    {"submission without a login",
     {{TOML, LISTENERS "[session.auth]\nrequire = false\n[session.rcpt]\n"
                       "relay = \"listener = 'submission'\"\n"}},
     "ST01:open:10"},
    {"PROXY from anybody",
     {{TOML, LISTENERS "[server.proxy]\ntrusted-networks = [\"0.0.0.0/0\"]\n"}},
     "ST04:latent:8"},
    {"JSON, always",
     {{JSON, "{\"@type\": \"MtaStageRcpt\",\n \"allowRelaying\": {\"else\": \"true\"}}\n"}},
     "ST03:open:2",
     .path = JSON},
    {"JSON, as shipped",
     {{JSON,
       "{\"MtaStageRcpt\": {\"allowRelaying\": {\"else\": \"!is_empty(authenticated_as)\"}}}"}},
     "",
     .path = JSON},
    {"JSON, a domain",
     {{JSON, "{\"MtaStageRcpt\": {},\n\"Domain\": [{\"name\": \"example.org\", \"allowRelaying\": "
             "true}]}"}},
     "ST03:half-open:2",
     .path = JSON},
    {"no JSON", {{JSON, "{\"MtaStageRcpt\": \n"}}, "!no JSON", .path = JSON},
};

#define SERVER    "/opt/james/conf/smtpserver.xml"
#define CONTAINER "/opt/james/conf/mailetcontainer.xml"
#define PORT(text)                                                                                 \
    "<?xml version=\"1.0\"?>\n<smtpservers>\n<smtpserver enabled=\"true\">\n"                      \
    "<bind>0.0.0.0:25</bind>\n" text "\n</smtpserver>\n</smtpservers>\n"
#define AUTH "<auth><announce>forUnauthorizedAddresses</announce></auth>"
#define ROOT                                                                                       \
    "<?xml version=\"1.0\"?>\n<mailetcontainer><processors>\n<processor state=\"root\">\n"         \
    "<mailet match=\"All\" class=\"ToProcessor\"><processor>transport</processor></mailet>\n"      \
    "</processor>\n<processor state=\"transport\">\n"                                              \
    "<mailet match=\"RecipientIsLocal\" class=\"LocalDelivery\"/>\n"
#define END                                                                                        \
    "<mailet match=\"All\" class=\"ToProcessor\"><processor>denied</processor></mailet>\n"         \
    "</processor>\n<processor state=\"denied\"><mailet match=\"All\" class=\"Null\"/></processor>" \
    "\n</processors></mailetcontainer>\n"
#define OUT(m) "<mailet match=\"" m "\" class=\"RemoteDelivery\"/>\n"

static const struct try_case james[] = {
    {"as shipped",
     {{SERVER, PORT(AUTH "<authorizedAddresses>127.0.0.0/8</authorizedAddresses>")},
      {CONTAINER, ROOT OUT("SMTPAuthSuccessful") OUT("SMTPIsAuthNetwork") END}},
     ""},
    {"the whole world is authorised",
     {{SERVER,
       PORT(AUTH "\n<authorizedAddresses>127.0.0.0/8, 0.0.0.0/0.0.0.0</authorizedAddresses>")}},
     "JA01:open:6"},
    {"Docker's networks",
     {{SERVER, PORT(AUTH "<authorizedAddresses>172.16.0.0/12</authorizedAddresses>")}},
     "JA01:nat:5"},
    {"neither login nor addresses",
     {{SERVER, PORT("<auth><announce>never</announce></auth>")}},
     ""},
    {"no login before an open gate",
     {{SERVER, PORT("<auth><announce>never</announce></auth>")}, {CONTAINER, ROOT OUT("All") END}},
     "JA03:open:8"},
    {"a gate that is none", {{CONTAINER, ROOT OUT("All") END}}, "JA03:open:8"},
    {"the same behind the check at RCPT",
     {{SERVER, PORT(AUTH "<authorizedAddresses>127.0.0.1</authorizedAddresses>")},
      {CONTAINER, ROOT OUT("All") END}},
     "JA03:latent:8"},
    {"the same without it",
     {{SERVER, PORT(AUTH "<authorizedAddresses>127.0.0.1</authorizedAddresses>"
                         "<handlerchain coreHandlersPackage=\"x.Mine\"></handlerchain>")},
      {CONTAINER, ROOT OUT("All") END}},
     "JA03:open:8"},
    {"a sender",
     {{CONTAINER, ROOT OUT("SenderHostIs=example.org") END}},
     "JA03:forged-sender:8",
     .witness = "user@example.org|victim@elsewhere.example"},
    {"a composite gate",
     {{CONTAINER, ROOT "<matcher name=\"allowed\" match=\"org.apache.Or\">"
                       "<matcher match=\"SMTPAuthSuccessful\"/><matcher match=\"SentByMailet\"/>"
                       "</matcher>\n" OUT("allowed") END}},
     ""},
    {"a composite that is open",
     {{CONTAINER, ROOT "<matcher name=\"allowed\" match=\"org.apache.Not\">"
                       "<matcher match=\"SMTPAuthSuccessful\"/></matcher>\n" OUT("allowed") END}},
     "JA03:open:9"},
    {"an unknown matcher", {{CONTAINER, ROOT OUT("com.example.Mine") END}}, "JA03:undecided:8"},
    {"no XML", {{CONTAINER, "<mailetcontainer><a></mailetcontainer>"}}, "!no well-formed XML"},
};

static void of_maddy(void **state)
{
    try_cases(maddy, sizeof(maddy) / sizeof(maddy[0]), MADDY);
}

static void of_stalwart(void **state)
{
    try_cases(stalwart, sizeof(stalwart) / sizeof(stalwart[0]), TOML);
}

static void of_james(void **state)
{
    try_cases(james, sizeof(james) / sizeof(james[0]), "/opt/james/conf");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_maddy),
        cmocka_unit_test(of_stalwart),
        cmocka_unit_test(of_james),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
