/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/received_chain.h"

#include "base/buf.h"
#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct ip ip(const char *text)
{
    struct ip ret = {0};

    assert_true(ip_parse(span_str(text), &ret));
    return ret;
}

static void newest_first(void **state)
{
    struct span m = SPAN_LIT(
        "Return-Path: <>\n"
        "Received: from relay.example (relay.example [192.0.2.9])\n"
        "\tby mx.example.org (Postfix) with ESMTP id 1\n"
        "X-Received: by nobody\n"
        "Received: hello\n"
        "Received: from pc (unknown [198.51.100.1]) by relay.example (192.0.2.10) with Microsoft\n"
        "\tSMTP Server id 15.1.2507.6; Mon, 8 Oct 2001 12:00:00 +0000\n"
        "\n"
        "Received: from body by body\n");
    struct received_chain chain;
    struct guard g = {0};
    size_t hop = 99;
    bool peer;

    assert_int_equal(received_chain_read(guard_span(&g, m), &chain), 0);
    assert_int_equal(chain.count, 3);
    assert_int_equal(chain.strange, 1);
    assert_int_equal(chain.left_out, 0);
    assert_true(span_eq(chain.hops[0].by, SPAN_LIT("mx.example.org")));
    assert_true(span_eq(chain.hops[2].by, SPAN_LIT("relay.example")));
    assert_int_equal(chain.hops[2].writer, RECEIVED_BY_EXCHANGE);

    assert_true(received_chain_has_ip(&chain, ip("192.0.2.9"), &hop, &peer));
    assert_int_equal(hop, 0);
    assert_true(peer);
    assert_true(received_chain_has_ip(&chain, ip("192.0.2.10"), &hop, &peer));
    assert_int_equal(hop, 2);
    assert_false(peer);
    assert_false(received_chain_has_ip(&chain, ip("192.0.2.11"), &hop, &peer));
    assert_false(received_chain_has_ip(&chain, (struct ip){0}, &hop, &peer));
    received_chain_deinit(&chain);
    received_chain_deinit(&chain);
    guard_free(&g);
}

static void no_header(void **state)
{
    struct received_chain chain;

    assert_int_equal(received_chain_read(SPAN_NULL, &chain), 0);
    assert_int_equal(chain.count, 0);
    received_chain_deinit(&chain);
}

static void limit(void **state)
{
    struct buf m = BUF_INIT(1 << 20);
    struct received_chain chain;

    for (unsigned i = 0; i < RECEIVED_CHAIN_MAX; i++)
        buf_add_str(&m, "Received: by a\n");
    assert_int_equal(received_chain_read(buf_span(&m), &chain), 0);
    assert_int_equal(chain.count, RECEIVED_CHAIN_MAX);
    assert_int_equal(chain.left_out, 0);
    received_chain_deinit(&chain);
    buf_add_str(&m, "Received: by a\n");
    assert_int_equal(received_chain_read(buf_span(&m), &chain), 0);
    assert_int_equal(chain.count, RECEIVED_CHAIN_MAX);
    assert_int_equal(chain.left_out, 1);
    received_chain_deinit(&chain);
    buf_deinit(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(newest_first),
        cmocka_unit_test(no_header),
        cmocka_unit_test(limit),
    };

    return cmocka_run_group_tests_name("received_chain", tests, NULL, NULL);
}
