/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words behind name.c. Lists end in NULL. */
#ifndef POSTERN_TRACE_NAME_LISTS_H
#define POSTERN_TRACE_NAME_LISTS_H

#include "base/span.h"

enum {
    NAME_FREEMAIL = 1,  /* its domain is used by anyone with a mailbox there */
    NAME_SENDER = 2,    /* its hosts send what customers hand in */
    NAME_FORWARDER = 4, /* its hosts take mail for customers' domains */
    NAME_MAIL_ONLY = 8, /* all its hosts are mail servers, also those named by a number */
};

enum { NAME_GROUP_MICROSOFT = 1 };

struct name_group {
    struct span domain; /* lower case; with a closing dot: whatever the ending, with
                           a closing star: whatever follows */
    int group;          /* domains of one number are one sender */
    unsigned kind;
};

extern const struct name_group name_groups[]; /* sorted by domain */
extern const size_t name_group_count;
extern const char *const name_second_levels[]; /* of registries: co, com, ac, … */
extern const char *const name_inside_tlds[];   /* endings that are in no public DNS */
extern const char *const name_line_words[];    /* kinds of lines in providers' names */
extern const char *const name_host_words[];    /* what every house calls a host of its own */
extern const char *const name_cheap_tlds[];    /* endings that cost next to nothing */

#endif
