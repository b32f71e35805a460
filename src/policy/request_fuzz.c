/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any octets as a stream of requests, in pieces of the size that the first one tells. What is
 * whole becomes a question before a policy without rules, which may take nothing, and its answer is
 * one line.
 */
#include "policy/question.h"

#include "relay/policy.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decide(struct question *q, const struct policy_request *r,
                   const struct relay_policy *policy)
{
    char action[QUESTION_ANSWER_MAX];
    struct relay_decision d;

    for (unsigned i = 0; i < POLICY_NAMES; i++)
        assert(r->values[i].n <= POLICY_LINE_MAX && (r->given & 1u << i || r->values[i].n == 0));
    if (!question_of_request(q, r, QUESTION_ROLE_AUTO) || !question_decide(q, policy, &d))
        return;
    question_action(&d, action);
    assert(!strchr(action, '\n') && strncmp(action, "OK", 2) != 0);
    /* Without a domain of ours only <postmaster> and who has logged in are taken. */
    assert(d.answer != RELAY_TAKE || q->ask == QUESTION_SENDER || q->client.login.n ||
           d.reason == RELAY_WHY_POSTMASTER);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct relay_policy *policy = relay_policy_new(NULL);
    struct span in = span_of(data, size);
    size_t step = size ? data[0] + 1u : 1;
    struct policy_reader r;
    struct question q;

    policy_reader_init(&r);
    question_init(&q);
    if (policy && relay_policy_seal(policy) == 0)
        while (in.n) {
            struct span piece = span_slice(in, 0, step);
            enum policy_got got = POLICY_WHOLE;

            in = span_slice(in, step, in.n);
            while (piece.n && got == POLICY_WHOLE) {
                struct policy_request request;
                const char *why;

                got = policy_read(&r, &piece, &request, &why);
                assert(got == POLICY_MEMORY || (got == POLICY_BAD) == (why != NULL));
                if (got == POLICY_WHOLE)
                    decide(&q, &request, policy);
            }
            if (got == POLICY_BAD || got == POLICY_MEMORY)
                break;
        }
    question_deinit(&q);
    policy_reader_deinit(&r);
    relay_policy_free(&policy);
    return 0;
}
