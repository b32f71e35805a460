/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Made-up messages, one for each way that a class can look, and for the look-alikes beside it. The
 * addresses are those for documentation, which the judge takes as public; the shapes are those of
 * real systems. "|" ends a field.
 */
#include "trace/trace.h"

#include "base/buf.h"
#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The receiving system: its line ends in what it saw. */
#define MX(peer, at)                                                                               \
    "Received: from " peer " by mx.receiver.example (Postfix) with ESMTP id 4A1B2C3D4E for "       \
    "<joe@receiver.example>; Mon, 5 Aug 2024 " at " +0000|"
#define MX_2002(peer, at)                                                                          \
    "Received: from " peer " by mx.receiver.example (Postfix) with ESMTP id 4A1B2C3D4E for "       \
    "<joe@receiver.example>; Mon, 5 Aug 2002 " at " +0000|"
#define D24(at) "; Mon, 5 Aug 2024 " at " +0000|"
#define D02(at) "; Mon, 5 Aug 2002 " at " +0000|"
#define SPAM    "From: \"Mr. A\" <a.rich.man@gmail.com>|Reply-To: b@yandex.com|Subject: Hi|"

struct message_case {
    const char *name, *text;
    char want;
    const char *culprit; /* address or NULL */
};

static struct span message_of(struct buf *b, const char *text)
{
    buf_clear(b);
    for (const char *p = text; *p; p++)
        buf_add_str(b, *p == '|' ? "\r\n" : (const char[]){*p, '\0'});
    buf_add_str(b, "\r\nbody\r\n");
    return buf_span(b);
}

static void check(const struct message_case *cases, size_t count)
{
    static const struct trace_options none;
    struct buf b = BUF_INIT(1 << 16);
    struct guard g = {0};
    struct trace t = {0};
    char ip[IP_TEXT_MAX];

    for (size_t i = 0; i < count; i++) {
        struct span m = message_of(&b, cases[i].text);

        print_message("# %s\n", cases[i].name);
        assert_int_equal(trace_message(guard_span(&g, m), &none, &t), 0);
        for (size_t k = 0; k < t.note_count; k++)
            print_message("#   %c: %s\n", trace_class_letter(t.class), t.notes[k].why);
        assert_int_equal(trace_class_letter(t.class), cases[i].want);
        assert_string_equal(ip_text(t.culprit.ip, ip), cases[i].culprit ? cases[i].culprit : "");
        assert_true(t.confidence > 0 && t.confidence < 100);
        assert_true(t.note_count > 0);
    }
    trace_deinit(&t);
    guard_free(&g);
    buf_deinit(&b);
}

static void relays(void **state)
{
    static const struct message_case cases[] = {
        {"Postfix, a stranger calls itself User",
         MX("mail.victim.example (mail.victim.example [198.51.100.5])",
            "10:00:00") "Received: from User (unknown [203.0.113.9]) by mail.victim.example "
                        "(Postfix) with SMTP id "
                        "AB12CD34EF" D24("09:59:00") SPAM "To: undisclosed-recipients:;|",
         'A', "198.51.100.5"},
        {"Exchange 5.5, HELO of another provider",
         MX_2002("gate.victim.example (gate.victim.example [198.51.100.5])",
                 "10:00:00") "Received: from mx14.hotmail.com (adsl-9-113-0-203.isp.example "
                             "[203.0.113.9]) by "
                             "gate.victim.example with SMTP (Microsoft Exchange Internet Mail "
                             "Service Version "
                             "5.5.2653.13) id R3BBVS74" D02(
                                 "09:30:00") "From: <x@hotmail.com>|Subject: Loan|",
         'A', "198.51.100.5"},
        {"SLmail with many recipients",
         MX_2002(
             "slm.victim.example (unknown [198.51.100.5])",
             "10:00:00") "Received: from fast.example.net [203.0.113.9] by slm.victim.example "
                         "[198.51.100.5] "
                         "(SLmail 3.2.3113) with SMTP id AAA for <a@example.com> plus 47 more" D02(
                             "09:30:00") "From: <x@yahoo.com>|Subject: x|",
         'A', "198.51.100.5"},
        {"IMail",
         MX_2002("im.victim.example (unknown [198.51.100.5])",
                 "10:00:00") "Received: from 1070.example.net [203.0.113.9] by im.victim.example "
                             "with ESMTP "
                             "(SMTPD32-7.04) id A102470060" D02(
                                 "09:30:00") "From: <x@hotmail.com>|Message-ID: "
                                             "<00005d81258a$00006d51$000022f1@x.example>|",
         'A', "198.51.100.5"},
        {"behind a list: the search does not end there",
         MX_2002(
             "lists.club.example (lists.club.example [192.0.2.25])",
             "10:00:00") "Received: from localhost (localhost [127.0.0.1]) by lists.club.example "
                         "(Postfix) with "
                         "ESMTP id 77AA88BB99" D02(
                             "09:58:00") "Received: from imit.victim.example (unknown "
                                         "[198.51.100.5]) by lists.club.example "
                                         "(Postfix) with SMTP id 55AA88BB99 for "
                                         "<talk@club.example>" D02(
                                             "09:57:00") "Received: from smtp0221.mail.yahoo.com "
                                                         "([203.0.113.9]) by imit.victim.example "
                                                         "(8.10.2+Sun/8.10.2) with SMTP id "
                                                         "g759oIS11751" D02(
                                                             "09:50:00") "From: "
                                                                         "<x@yahoo.com>|List-Id: "
                                                                         "<talk.club.example>|"
                                                                         "Subject: x|",
         'A', "198.51.100.5"},
        {"the sender is forged to be the house's own, and nobody logged in",
         MX("mail.victim.example (mail.victim.example [198.51.100.5])",
            "10:00:00") "Received: from User (unknown [203.0.113.9]) by mail.victim.example "
                        "(Postfix) with SMTP id "
                        "AB12CD34EF" D24(
                            "09:59:00") "From: <boss@victim.example>|Reply-To: b@yandex.com|",
         'A', "198.51.100.5"},
        {"the subject holds the address that is being sounded",
         MX("mail.victim.example (mail.victim.example [198.51.100.5])",
            "10:00:00") "Received: from q.example.com (unknown [203.0.113.9]) by "
                        "mail.victim.example (Postfix) "
                        "with SMTP id AB12CD34EF" D24(
                            "09:59:00") "From: <x@other.example>|Subject: test,198.51.100.5|",
         'A', "198.51.100.5"},
    };

    check(cases, COUNT(cases));
}

static void nat(void **state)
{
    static const struct message_case cases[] = {
        {"Postfix behind a firewall",
         MX("mail.victim.example (mail.victim.example [198.51.100.5])",
            "10:00:00") "Received: from User (unknown [10.0.1.1]) by mail.victim.example (Postfix) "
                        "with SMTP id "
                        "8C646424892" D24("09:59:00") SPAM
         "X-Mailer: Microsoft Outlook Express 6.00.2600.0000|",
         'B', "198.51.100.5"},
        {"a stranger's address as HELO, a container's gateway as peer",
         MX("mail.victim.example (mail.victim.example [198.51.100.5])",
            "10:00:00") "Received: from [203.0.113.9] (unknown [172.22.1.1]) by "
                        "mail.victim.example (Postcow) with "
                        "ESMTP id 8C646424892" D24("09:59:00") SPAM,
         'B', "198.51.100.5"},
        {"Domino, the firewall's name",
         MX_2002("hub.victim.example (hub.victim.example [198.51.100.5])",
                 "10:00:00") "Received: from relay1.provider.example ([192.168.10.1]) by "
                             "hub.victim.example (Lotus "
                             "Domino Release 5.0.6a) with SMTP id 2002080509511946:12258" D02(
                                 "09:51:19") "From: <NetFriend@aol.com>|Reply-To: r@bigfoot.com|",
         'B', "198.51.100.5"},
        {"not B: the house's own sender",
         MX("mail.firm.example (mail.firm.example [198.51.100.5])",
            "10:00:00") "Received: from [192.168.1.7] (pc7.firm.example [192.168.1.7]) by "
                        "mail.firm.example "
                        "(Postfix) with ESMTP id 8C646424892" D24(
                            "09:59:00") "From: <jane@firm.example>|User-Agent: Mozilla "
                                        "Thunderbird|",
         'F', NULL},
        {"not B: a farm's machine, the reverse-path is the farm's",
         MX("out1.farm.example (out1.farm.example [198.51.100.5])",
            "10:00:00") "Received: from util1 (unknown [10.2.0.30]) by out1.farm.example (Postfix) "
                        "with SMTP id "
                        "8C646424892" D24(
                            "09:59:00") "Return-Path: <bounce-1@out1.farm.example>|From: "
                                        "<news@out1.farm.example>|",
         'F', NULL},
        {"undecided: nothing tells a machine inside from a hidden stranger",
         MX("mail.victim.example (mail.victim.example [198.51.100.5])",
            "10:00:00") "Received: from printer4 (unknown [10.3.7.77]) by mail.victim.example "
                        "(Postfix) with SMTP "
                        "id 8C646424892" D24("09:59:00") "From: <x@other.example>|Subject: x|",
         'U', NULL},
    };

    check(cases, COUNT(cases));
}

static void appliances_and_clouds(void **state)
{
    static const struct message_case cases[] = {
        {"C: a virus wall takes it from a stranger, Exchange trusts the wall",
         MX_2002("exch.firm.example (unknown [198.51.100.5])",
                 "10:00:00") "Received: from wall.firm.example ([172.16.1.4]) by exch.firm.example "
                             "with Microsoft "
                             "SMTPSVC(5.0.2195.4905)" D02(
                                 "09:59:00") "Received: from 203.0.113.9 by "
                                             "wall.firm.example (InterScan "
                                             "E-Mail VirusWall NT)" D02(
                                                 "09:58:00") "From: "
                                                             "<b@aol.com>|"
                                                             "Subject: money|",
         'C', "198.51.100.5"},
        {"D: the tenant signs what its own server relayed",
         "Received: from AB1.prod.outlook.com (::1) by CD2.prod.outlook.com with HTTPS" D24(
             "10:00:09") "Received: from NAM10-DM6-obe.outbound.protection.outlook.com "
                         "(203.0.113.77) by "
                         "EF3.mail.protection.outlook.com (10.13.1.2) with Microsoft SMTP Server "
                         "(version=TLS1_2, "
                         "cipher=X) id 15.20.1.1 via Frontend Transport" D24(
                             "10:00:08") "Received: from GH4.prod.outlook.com (2603:10b6::29) by "
                                         "IJ5.prod.outlook.com "
                                         "(2603:10b6::20) with Microsoft SMTP Server "
                                         "(version=TLS1_2, cipher=X) id 15.20.1.1" D24(
                                             "10:00:06") "Received: from mail.firm.example "
                                                         "(198.51.100.5) by "
                                                         "GH4.mail.protection.outlook.com "
                                                         "(10.13.1.9) with Microsoft SMTP Server "
                                                         "(version=TLS1_2, cipher=X) id 15.20.1.1 "
                                                         "via "
                                                         "Frontend Transport" D24(
                                                             "10:00:05") "Received: from User "
                                                                         "(10.0.22.37) by "
                                                                         "EX04.corp.local "
                                                                         "(10.0.22.49) with "
                                                                         "Microsoft SMTP "
                                                                         "Server id 15.1.2242.12 "
                                                                         "via Frontend "
                                                                         "Transport" D24("09:59:50")
                                                                             SPAM
         "X-Mailer: Microsoft Outlook Express 6.00.2600.0000|"
         "Return-Path: bounces+SRS=JHROu=3H@firm.onmicrosoft.com|Received-SPF: Pass (x)|"
         "Message-ID: <b0bf7e1f@EX04.corp.local>|",
         'D', "198.51.100.5"},
        {"D: the door of another cloud",
         "Received: from mail-oa1-f101.google.com (mail-oa1-f101.google.com [203.0.113.77]) by "
         "mx.rcpt.example (Postfix) with ESMTPS id 4Lq0001" D24(
             "10:00:05") "Received: by mail-oa1-f101.google.com with SMTP id "
                         "5-13bd2sm95778fac.0" D24("10:00:04") "Received: from mail.firm.example "
                                                               "(mail.firm.example. "
                                                               "[198.51.100.5]) by "
                                                               "smtp-relay.gmail.com with ESMTPS "
                                                               "id gx11-20020a056870b90b" D24(
                                                                   "10:00:03") "Received: from "
                                                                               "User "
                                                                               "([203.0.113.9]) by "
                                                                               "mail.firm.example "
                                                                               "(8.14.4/8.14.4) "
                                                                               "with SMTP id "
                                                                               "51DA00Rp016737" D24(
                                                                                   "10:00:01") SPAM
         "X-Mailer: Microsoft Outlook Express 6.00.2600.0000|",
         'D', "198.51.100.5"},
        {"not D: a spammer's machine and his own tenant",
         "Received: from NAM10-DM6-obe.outbound.protection.outlook.com (203.0.113.77) by "
         "EF3.mail.protection.outlook.com (10.13.1.2) with Microsoft SMTP Server (version=TLS1_2, "
         "cipher=X) id 15.20.1.1 via Frontend Transport" D24(
             "10:00:08") "Received: from cur1.onmicrosoft.com (198.51.100.5) by "
                         "GH4.mail.protection.outlook.com "
                         "(10.13.1.9) with Microsoft SMTP Server id 15.20.1.1 via Frontend "
                         "Transport" D24("10:00:05") "From: "
                                                     "<hello@CloudStoragexyuk.com>|X-Forefront-"
                                                     "Antispam-Report: CIP:1;SCL:9;CAT:PHSH;|",
         'H', NULL},
    };

    check(cases, COUNT(cases));
}

static void logins(void **state)
{
    static const struct message_case cases[] = {
        {"Postfix names the user",
         MX("mail.firm.example (mail.firm.example [198.51.100.5])",
            "10:00:00") "Received: from User (unknown [203.0.113.9]) (Authenticated sender: temp) "
                        "by "
                        "mail.firm.example (Postfix) with ESMTPA id 8C646424892" D24("09:59:00")
                            SPAM,
         'E', NULL},
        {"qmail with a mailbox where the ident stood",
         MX_2002("q.firm.example (q.firm.example [198.51.100.5])",
                 "10:00:00") "Received: from unknown (HELO pc) (joe@firm.example@192.168.0.19) by "
                             "q.firm.example with "
                             "SMTP; 5 Aug 2002 09:59:00 -0000|" SPAM,
         'E', NULL},
        {"a field of the house names the user",
         MX("mail.firm.example (mail.firm.example [198.51.100.5])",
            "10:00:00") "X-Authenticated-Sender: joe@firm.example|"
                        "Received: from pc (unknown [203.0.113.9]) by mail.firm.example with ESMTP "
                        "id 1" D24("09:59:00") SPAM,
         'E', NULL},
        {"an ordinary login is nobody's theft",
         MX("mail.firm.example (mail.firm.example [198.51.100.5])",
            "10:00:00") "Received: from [192.168.0.2] (dsl-9.isp.example [203.0.113.9]) "
                        "(Authenticated sender: "
                        "joe) by mail.firm.example (Postfix) with ESMTPSA id 8C646424892" D24(
                            "09:59:00") "From: <joe@firm.example>|In-Reply-To: "
                                        "<1@receiver.example>|User-Agent: Mutt/2|",
         'F', NULL},
    };

    check(cases, COUNT(cases));
}

static void innocents(void **state)
{
    static const struct message_case cases[] = {
        {"a company's own server",
         MX("mx1.firm.example (mx1.firm.example [198.51.100.5])",
            "10:00:00") "Received: by mx1.firm.example (Postfix, from userid 1000) id "
                        "8C646424892" D24("09:59:00") "From: <jane@firm.example>|",
         'F', NULL},
        {"a web form, whatever the sender",
         MX("www.shop.example (www.shop.example [198.51.100.5])",
            "10:00:00") "Received: by www.shop.example (Postfix, from userid 33) id "
                        "8C646424892" D24("09:59:00") "From: <x@gmail.com>|",
         'F', NULL},
        {"a list of ordinary mail",
         MX("lists.club.example (lists.club.example [192.0.2.25])",
            "10:00:00") "Received: from mx1.firm.example (mx1.firm.example [198.51.100.5]) by "
                        "lists.club.example "
                        "(Postfix) with ESMTP id 55AA88BB99 for <talk@club.example>" D24(
                            "09:57:00") "From: <jane@firm.example>|List-Id: "
                                        "<talk.club.example>|In-Reply-To: <1@x.example>|",
         'G', NULL},
        {"a bounce",
         MX("mx1.firm.example (mx1.firm.example [198.51.100.5])",
            "10:00:00") "Return-Path: <>|From: <MAILER-DAEMON@mx1.firm.example>|Content-Type: "
                        "multipart/report; "
                        "report-type=delivery-status|",
         'G', NULL},
        {"an alias: the recipient changed on the way",
         MX("fwd.alias.example (fwd.alias.example [192.0.2.25])",
            "10:00:00") "Received: from mx.terra.es (unknown [203.0.113.9]) by fwd.alias.example "
                        "(Postfix) with "
                        "SMTP id 55AA88BB99 for <joe@alias.example>" D24(
                            "09:57:00") "From: <x@terra.es>|",
         'H', NULL},
        {"a residential proxy's provider is not to blame",
         MX("smtp.isp.example (smtp.isp.example [192.0.2.25])",
            "10:00:00") "Received: from [198.51.100.77] (unknown [203.0.113.9]) by "
                        "smtp.isp.example (Postfix) with "
                        "ESMTP id 55AA88BB99" D24(
                            "09:57:00") "From: <customer@isp.example>|Received-SPF: pass|",
         'F', NULL},
        {"a bot, straight to us",
         MX("hotmail.com (dsl-9-113-0-203.isp.example [203.0.113.9])",
            "10:00:00") "From: <x@hotmail.com>|",
         'H', NULL},
        {"no line at all", "From: <x@hotmail.com>|Subject: x|", 'U', NULL},
        {"IIS today: relay or stolen login",
         MX("iis.firm.example (iis.firm.example [198.51.100.5])",
            "10:00:00") "Received: from [203.0.113.9] ([203.0.113.9]) by iis.firm.example with "
                        "Microsoft "
                        "SMTPSVC(10.0.20348.1)" D24("09:59:00") SPAM,
         'U', NULL},
    };

    check(cases, COUNT(cases));
}

/* Roles of the lines from top to bottom: o own, g genuine, i inside, x forged, b below. */
static void forgeries(void **state)
{
    static const struct {
        const char *name, *text, *roles;
    } cases[] = {
        {"invented lines below the bot's own",
         MX("200.0.113.5 (unknown [203.0.113.9])",
            "10:00:00") "Received: from unknown (198.51.100.1) by rly-xl04.mx.aol.com with smtp; "
                        "Aug, 05 2024 "
                        "8:02:13 AM +0400|Received: from [198.51.100.2] by n7.groups.yahoo.com "
                        "with local; 5 Aug "
                        "2024 01:00:00 +0000|",
         "oxb"},
        {"a genuine block pasted under another host",
         MX("mail.bank.example (dsl-9-113-0-203.isp.example [203.0.113.9])",
            "10:00:00") "Received: from User (unknown [203.0.113.55]) by mail.other.example "
                        "(Postfix) with SMTP id "
                        "8C646424892" D24("09:00:00"),
         "ox"},
        {"HELO borrows a name, the line is no writer's",
         MX("mail.bank.example (unknown [203.0.113.9])", "10:00:00") "Received: from x "
                                                                     "([203.0.113.55]) by "
                                                                     "mail.bank.example with "
                                                                     "SMTP" D24("09:00:00"),
         "ox"},
        {"an Exim id of another year",
         MX("ex.firm.example (ex.firm.example [198.51.100.5])",
            "10:00:00") "Received: from a.example ([203.0.113.9]) by ex.firm.example with esmtp "
                        "(Exim 4.92) "
                        "(envelope-from <a@b.example>) id 17lK0a-0006gd-00" D24("09:59:00"),
         "ox"},
        {"an Exim id of the hour",
         MX("ex.firm.example (ex.firm.example [198.51.100.5])",
            "10:00:00") "Received: from a.example ([203.0.113.9]) by ex.firm.example with esmtp "
                        "(Exim 4.97) "
                        "(envelope-from <a@b.example>) id 1sauaT-0000000ABCD-1xYz" D24("09:59:00"),
         "og"},
        {"a Sendmail id of another day",
         MX_2002("s.firm.example (s.firm.example [198.51.100.5])",
                 "10:00:00") "Received: from a.example (a.example [203.0.113.9]) by s.firm.example "
                             "(8.11.6/8.11.6) with "
                             "SMTP id f1M9qmZ06043" D02("09:59:00"),
         "ox"},
        {"a Sendmail id of the minute",
         MX_2002("s.firm.example (s.firm.example [198.51.100.5])",
                 "10:00:00") "Received: from a.example (a.example [203.0.113.9]) by s.firm.example "
                             "(8.11.6/8.11.6) with "
                             "SMTP id g759x1Z06043" D02("09:59:00"),
         "og"},
        {"a Postfix id with letters that it does not use",
         MX("p.firm.example (p.firm.example [198.51.100.5])",
            "10:00:00") "Received: from a.example (a.example [203.0.113.9]) by p.firm.example "
                        "(Postfix) with SMTP "
                        "id HELLO-WORLD" D24("09:59:00"),
         "ox"},
        {"younger than the line above, by days",
         MX("p.firm.example (p.firm.example [198.51.100.5])",
            "10:00:00") "Received: from a.example (a.example [203.0.113.9]) by p.firm.example "
                        "(Postfix) with SMTP "
                        "id 8C646424892; Fri, 9 Aug 2024 10:00:00 +0000|",
         "ox"},
        {"younger by a clock that is wrong is no forgery",
         MX("p.firm.example (p.firm.example [198.51.100.5])",
            "10:00:00") "Received: from a.example (a.example [203.0.113.9]) by p.firm.example "
                        "(Postfix) with SMTP "
                        "id 8C646424892" D24("10:40:00"),
         "og"},
        {"an address that no host has",
         MX("p.firm.example (p.firm.example [198.51.100.5])",
            "10:00:00") "Received: from a.example (a.example [239.1.2.3]) by p.firm.example "
                        "(Postfix) with SMTP id "
                        "8C646424892" D24("09:59:00"),
         "ox"},
        {"a useless name: the host is that of the line above",
         MX("q.firm.example (q.firm.example [198.51.100.5])",
            "10:00:00") "Received: (qmail 123 invoked from network); 5 Aug 2024 09:59:30 -0000|"
                        "Received: from unknown (HELO x) (203.0.113.9) by 0 with SMTP; 5 Aug 2024 "
                        "09:59:30 -0000|",
         "oii"},
        {"identical lines twice",
         MX("p.firm.example (p.firm.example [198.51.100.5])",
            "10:00:00") "Received: from a.example (a.example [203.0.113.9]) by p.firm.example "
                        "(Postfix) with SMTP "
                        "id 8C646424892" D24(
                            "09:59:00") "Received: from a.example (a.example [203.0.113.9]) by "
                                        "p.firm.example (Postfix) with SMTP "
                                        "id 8C646424892" D24("09:59:00"),
         "ogx"},
    };
    static const struct trace_options none;
    static const char letters[] = {
        [TRACE_OWN_LINE] = 'o', [TRACE_GENUINE] = 'g', [TRACE_INSIDE] = 'i',
        [TRACE_FORGED] = 'x',   [TRACE_BELOW] = 'b',
    };
    struct buf b = BUF_INIT(1 << 16);
    struct trace t = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        char roles[TRACE_HOPS_MAX + 1] = "";

        print_message("# %s\n", cases[i].name);
        assert_int_equal(trace_message(message_of(&b, cases[i].text), &none, &t), 0);
        for (size_t k = 0; k < t.count; k++)
            roles[k] = letters[t.hops[k].role];
        assert_string_equal(roles, cases[i].roles);
    }
    trace_deinit(&t);
    buf_deinit(&b);
}

static struct trace_options with(const char *host, const char *org, const char *net)
{
    struct trace_options o = {0};

    if (host)
        o.hosts[o.host_count++] = span_str(host);
    if (org)
        o.orgs[o.org_count++] = span_str(org);
    if (net)
        assert_true(ip_prefix_parse(span_str(net), &o.nets[o.net_count++]));
    return o;
}

/* The same message with the forwarder taken for a stranger, and for the operator's own. */
static void boundary(void **state)
{
    static const char text[] = MX_2002(
        "fwd.example.net (unknown [192.0.2.25])",
        "10:00:00") "Received: from x.example.com (unknown [203.0.113.9]) by fwd.example.net "
                    "(8.9.3/8.9.3) with "
                    "SMTP id JAA12345" D02("09:57:00") "From: <x@hotmail.com>|Reply-To: y@aol.com|";
    const struct {
        const char *name;
        struct trace_options o;
        size_t own;
        bool guessed;
        char want;
    } cases[] = {
        {"nobody named it", with(NULL, NULL, NULL), 1, true, 'A'},
        {"--trust NET", with(NULL, NULL, "192.0.2.0/24"), 2, false, 'H'},
        {"--trust HOST", with("fwd.example.net", NULL, NULL), 2, false, 'H'},
        {"--mx of the top only", with("mx.receiver.example", NULL, NULL), 1, false, 'A'},
        {"--org", with(NULL, "example.net", NULL), 2, false, 'H'},
        {"a name that only ends alike", with("d.example.net", NULL, NULL), 1, true, 'A'},
    };
    struct buf b = BUF_INIT(1 << 16);
    struct trace t = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("# %s\n", cases[i].name);
        assert_int_equal(trace_message(message_of(&b, text), &cases[i].o, &t), 0);
        assert_int_equal(t.own, cases[i].own);
        assert_int_equal(t.guessed, cases[i].guessed);
        assert_int_equal(trace_class_letter(t.class), cases[i].want);
    }
    trace_deinit(&t);
    buf_deinit(&b);
}

/* As many lines as are read, and one more. */
static void limits(void **state)
{
    static const struct trace_options none;
    struct buf b = BUF_INIT(1 << 20);
    struct trace t = {0};

    for (size_t extra = 0; extra < 2; extra++) {
        buf_clear(&b);
        for (size_t i = 0; i < TRACE_HOPS_MAX + extra; i++)
            buf_addf(&b,
                     "Received: from a by mx.receiver.example with SMTP id %zu; Mon, 5 Aug "
                     "2024 10:00:00 +0000\r\n",
                     i);
        buf_add_str(&b, "\r\n");
        assert_int_equal(trace_message(buf_span(&b), &none, &t), 0);
        assert_int_equal(t.count, TRACE_HOPS_MAX);
        assert_int_equal(t.left_out, extra);
    }
    trace_deinit(&t);
    buf_deinit(&b);
}

/* Every prefix of a message is judged without harm. */
static void prefixes(void **state)
{
    static const struct trace_options none;
    struct buf b = BUF_INIT(1 << 16);
    struct guard g = {0};
    struct trace t = {0};
    struct span m = message_of(&b, MX("mail.victim.example (mail.victim.example [198.51.100.5])",
                                      "10:00:00") "Received: from User (unknown [10.0.1.1]) by "
                                                  "mail.victim.example (Postfix) with SMTP id "
                                                  "8C646424892" D24("09:59:00") SPAM
                               "List-Id: <a.b>|Authentication-Results: x; dkim=pass "
                               "header.d=gmail.com; spf=fail|X-Originating-IP: [10.0.0.1]|");

    for (size_t n = 0; n <= m.n; n++)
        assert_int_equal(trace_message(guard_span(&g, span_slice(m, 0, n)), &none, &t), 0);
    trace_deinit(&t);
    trace_deinit(&t);
    guard_free(&g);
    buf_deinit(&b);
}

static void words(void **state)
{
    for (unsigned c = 0; c < TRACE_CLASSES; c++) {
        assert_true(trace_class_letter((enum trace_class)c) >= 'A');
        assert_true(trace_class_name((enum trace_class)c)[0]);
    }
    for (unsigned r = 0; r <= TRACE_BELOW; r++)
        assert_true(trace_role_name((enum trace_role)r)[0]);
    for (unsigned f = 0; f <= TRACE_REPEATED; f++)
        assert_true(trace_fault_name((enum trace_fault)f)[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(relays),
        cmocka_unit_test(nat),
        cmocka_unit_test(appliances_and_clouds),
        cmocka_unit_test(logins),
        cmocka_unit_test(innocents),
        cmocka_unit_test(forgeries),
        cmocka_unit_test(boundary),
        cmocka_unit_test(limits),
        cmocka_unit_test(prefixes),
        cmocka_unit_test(words),
    };

    return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
