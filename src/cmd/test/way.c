/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The chain stands in the proof as JSON, in the order of travel: its first hop was written by the
 * host that took the message from us (or by something in front of it), so its peer is our address
 * as seen from there.
 */
#include "cmd/test/way.h"

#include "base/escape.h"

#include <time.h>

enum { TEXT_MAX = 4 * STORE_TEXT_MAX };

static json_t *text_json(struct span s)
{
    struct buf text = BUF_INIT(TEXT_MAX);
    json_t *j;

    escape_text(&text, s);
    j = json_string(buf_str(&text));
    buf_deinit(&text);
    return j;
}

static struct ip first_peer(const json_t *hops)
{
    const char *text = json_string_value(json_object_get(json_array_get(hops, 0), "ip"));
    struct ip ip = {0};

    if (text && ip_parse(span_str(text), &ip))
        return ip;
    return (struct ip){0};
}

json_t *way_json(const struct store_proof *proof, struct ip input, int64_t delay_ms,
                 struct ip *ret_seen)
{
    char in[IP_TEXT_MAX], out[IP_TEXT_MAX], when[40];
    json_t *hops = json_loadb(proof->chain.p ? proof->chain.p : "[]",
                              proof->chain.p ? proof->chain.n : 2, 0, NULL);
    time_t seconds = (time_t)(proof->received_wall_ms / 1000);
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
    *ret_seen = first_peer(hops);
    return json_pack("{s:s, s:f, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "when", when,
                     "delay", (double)delay_ms / 1000.0, "input", ip_text(input, in), "output",
                     ip_text(proof->peer, out), "source", store_source_name(proof->source), "scope",
                     store_scope_name(proof->scope), "tls", text_json(proof->tls), "helo",
                     text_json(proof->helo), "mail", text_json(proof->mail), "rcpt",
                     text_json(proof->rcpt), "hops", hops ? hops : json_array());
}
