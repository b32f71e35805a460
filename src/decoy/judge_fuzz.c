/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any message and envelope before the judge, and all of it into a record that must be one line of
 * ASCII. The first three octets cut the input into HELO, sender and recipient.
 */
#include "decoy/record.h"

#include "mail/header.h"

#include <assert.h>
#include <errno.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct span cut(struct span *rest, size_t n)
{
    struct span piece = span_slice(*rest, 0, n);

    *rest = span_slice(*rest, n, rest->n);
    return piece;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char match[] = "relay test", id[] = "relay";
    struct judge_mark mark = {id, match, JUDGE_TEXT | JUDGE_RCPT, 3};
    const struct judge_marks marks = {&mark, 1, 1};
    struct ip own = {IP_V4, {192, 0, 2, 1}};
    struct span rest = size > 3 ? span_of(data + 3, size - 3) : SPAN_NULL;
    struct span helo = cut(&rest, size > 0 ? data[0] : 0),
                mail = cut(&rest, size > 1 ? data[1] : 0);
    struct span rcpt = cut(&rest, size > 2 ? data[2] : 0);
    struct judge_case c = {helo, mail, &rcpt, 1, 1, rest, rest.n, "mx.example", &own, 1, 0, 0};
    struct buf line = BUF_INIT(RECORD_LINE_MAX), traits = BUF_INIT(200);
    struct judge j;
    struct record_message m = {.id = "x",
                               .helo = helo,
                               .mail = mail,
                               .rcpts = &rcpt,
                               .rcpt_shown = 1,
                               .body = "",
                               .judge = &j,
                               .header = span_slice(rest, 0, header_body_offset(rest))};

    judge_message(&marks, &c, &j);
    assert(j.test == (j.sum >= JUDGE_TEST) && j.count <= JUDGE_SIGNS_MAX);
    judge_helo(helo, own, "mx.example", &own, 1, &traits);
    assert(traits.err == 0);
    m.peer = (struct record_peer){.id = "s", .persona = "p", .client = own};
    if (record_message(&m, &line) == 0)
        for (size_t i = 0; i < line.n; i++)
            assert(i + 1 == line.n ? line.p[i] == '\n' : line.p[i] >= ' ' && line.p[i] < 0x7f);
    buf_deinit(&line);
    buf_deinit(&traits);
    return 0;
}
