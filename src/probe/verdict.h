/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the answers of the doors amount to. A door is open only when a token came back; it is closed
 * only when a recipient that must be taken was taken and every probe was refused; all else is said
 * to be undecided, with the reason.
 */
#ifndef POSTERN_PROBE_VERDICT_H
#define POSTERN_PROBE_VERDICT_H

#include "probe/door.h"

enum verdict {
    VERDICT_OPEN,
    VERDICT_ACCEPTS,
    VERDICT_CLOSED,
    VERDICT_BLOCKED,
    VERDICT_INCONCLUSIVE,
    VERDICT_UNREACHABLE,
    VERDICT_ABSENT, /* of a door only: nothing listens there, or it offers no TLS */
};
const char *verdict_name(enum verdict v);

enum { VERDICT_WHY_MAX = 300 };

/* The sentence in `why` is for people. */
enum verdict verdict_of_door(const struct door *d, char why[VERDICT_WHY_MAX]);

/*
 * The mail system is as open as its worst door. A door that could not be reached keeps the system
 * undecided, unless it is `optional` (a port that we looked at of our own accord).
 */
struct verdict_door {
    const struct door *door;
    enum verdict verdict;
    bool optional;
};
enum verdict verdict_of_target(const struct verdict_door *doors, size_t count,
                               char why[VERDICT_WHY_MAX]);

/* The same as a Nagios plugin's: 0 closed, 1 accepts, 2 open, 3 undecided. */
int verdict_exit(enum verdict v);

#endif
