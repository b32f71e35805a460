/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An envelope that somebody typed becomes forms of its own, which the list owns. Its recipient is
 * held to the same rule as a row's: it can only reach us. The hosts that it may name are the probe
 * domain and the target's own, since a person writes names where a row has variables.
 */
#include "probe/pairs_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe/catalogue_row.h"

void probe_list_deinit(struct probe_list *list)
{
    for (size_t i = 0; i < list->made_count; i++)
        catalogue_form_free(list->made[i]);
    free(list->made);
    free(list->probes);
    *list = (struct probe_list){0};
}

/* Brackets where there are none: what people type is an address. */
static char *bracketed(const char *text, bool wanted)
{
    struct buf b = BUF_INIT(EXPAND_MAX);
    bool add = wanted && span_find(span_str(text), '<') == strlen(text);
    char *ret;

    buf_addf(&b, "%s%s%s", add ? "<" : "", text, add ? ">" : "");
    ret = buf_take(&b);
    buf_deinit(&b);
    return ret;
}

/* A form that belongs to the list. */
static int hand_form(struct probe_list *list, enum form_kind kind, const char *text,
                     struct form **ret, char *why, size_t why_size)
{
    char fault[120];
    struct form *f;

    if (strlen(text) > EXPAND_MAX / 2) {
        snprintf(why, why_size, "--%s: longer than %d octets",
                 kind == FORM_SENDER ? "from"
                 : kind == FORM_HELO ? "helo"
                                     : "rcpt",
                 EXPAND_MAX / 2);
        return -EINVAL;
    }
    if (array_grow(&list->made, &list->made_cap, sizeof(struct form *), list->made_count + 1) < 0)
        return -ENOMEM;
    f = calloc(1, sizeof(*f));
    if (!f)
        return -ENOMEM;
    *f = (struct form){
        .kind = kind,
        .id = "hand",
        .ref = "hand",
        .family = "hand",
        .flaw = "An envelope written by hand passed.",
        .source = "the command line",
        .prior = FORM_PRIOR_MAX,
        .file = "command line",
        .block = bracketed(text, kind != FORM_HELO),
    };
    f->form = f->block;
    list->made[list->made_count++] = f;
    if (!f->block)
        return -ENOMEM;
    if (!expand_check(span_str(f->form), &f->vars, fault, sizeof(fault))) {
        snprintf(why, why_size, "%s: %s", f->form, fault);
        return -EINVAL;
    }
    for (unsigned v = 0; v < EXPAND_VARS; v++)
        f->needs |= f->vars >> v & 1 ? form_need_of((enum expand_var)v) : 0;
    *ret = f;
    return 0;
}

/* No line end in any of the three: it would be a command of its own. */
static bool one_line(const char *form)
{
    struct span rest = span_str(form), name;
    struct expand_piece piece;

    while (rest.n && !expand_next(&rest, &piece, &name))
        if (!piece.is_var && (piece.byte == '\r' || piece.byte == '\n'))
            return false;
    return true;
}

static int hand_forms(const struct pairs_envelope *e, struct probe_list *list, struct form *ret[3],
                      char *why, size_t why_size)
{
    int err = hand_form(list, FORM_SENDER, e->from ? e->from : "<{s}@{d}>", &ret[0], why, why_size);

    if (!err)
        err = hand_form(list, FORM_RECIPIENT, e->rcpt, &ret[1], why, why_size);
    if (!err && e->helo)
        err = hand_form(list, FORM_HELO, e->helo, &ret[2], why, why_size);
    for (int i = 0; i < 3 && !err; i++) {
        if (ret[i] && !one_line(ret[i]->form)) {
            snprintf(why, why_size, "CR and LF would end the command");
            err = -EINVAL;
        }
    }
    return err;
}

static int hand_probe(const struct catalogue *c, const struct pairs_envelope *e,
                      struct probe_list *list, struct form *const forms[3], char *why,
                      size_t why_size)
{
    const struct reach reach = {e->probe_domain, e->hosts, e->host_count};
    const char *fault = catalogue_reach_hand(forms[1], &reach);
    struct probe p = {.sender = forms[0], .rcpt = forms[1], .helo = forms[2]};
    unsigned number = 1;

    if (fault) {
        snprintf(why, why_size, "%s: %s", forms[1]->form, fault);
        return -EINVAL;
    }
    forms[1]->by_sender = !(forms[1]->vars & (1u << EXPAND_U | 1u << EXPAND_U_IMCEA));
    if (!p.helo)
        p.helo = catalogue_find(c, FORM_HELO, SPAN_LIT("own"));
    if (!p.helo) {
        snprintf(why, why_size, "the catalogue has no HELO row \"own\"");
        return -EINVAL;
    }
    if (list->count == PAIRS_MAX) {
        snprintf(why, why_size, "more than %d probes", PAIRS_MAX);
        return -EINVAL;
    }
    if (array_grow(&list->probes, &list->cap, sizeof(list->probes[0]), list->count + 1) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < list->count; i++)
        number += strcmp(list->probes[i].rcpt->family, "hand") == 0;
    snprintf(p.id, sizeof(p.id), "hand-%u", number);
    pairs_finish(&p, FORM_PRIOR_MAX);
    list->probes[list->count++] = p;
    return 0;
}

int pairs_by_hand(const struct catalogue *c, const struct pairs_envelope *e,
                  struct probe_list *list, char *why, size_t why_size)
{
    struct form *forms[3] = {0};
    size_t before = list->made_count;
    int err = hand_forms(e, list, forms, why, why_size);

    if (!err)
        err = hand_probe(c, e, list, forms, why, why_size);
    while (err && list->made_count > before)
        catalogue_form_free(list->made[--list->made_count]);
    return err;
}
