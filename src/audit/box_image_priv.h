/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mail images: the rows of audit/box_image.c, and what is special of some (box_special.c). */
#ifndef POSTERN_AUDIT_BOX_IMAGE_PRIV_H
#define POSTERN_AUDIT_BOX_IMAGE_PRIV_H

#include "audit/boxes.h"

enum { BOX_WORDS = 20, BOX_PORTS = 4 };

struct box_image {
    const char *names[BOX_WORDS]; /* ends of the image's name, without its tag */
    const char *marks[BOX_WORDS]; /* variables that tell it where no image is named */
    const char *trust[BOX_WORDS]; /* variables with networks; the first that is set counts */
    const char *preset;           /* trusted when none of them is set */
    const char *always;           /* trusted besides */
    bool colons;                  /* lists of Exim */
    bool subnet;                  /* trusts the networks that it stands on */
    unsigned ports[BOX_PORTS];
    const char *smarthost[BOX_WORDS];
    void (*more)(struct audit *a, struct audit_box *b, struct audit_door *d);
};

/* Trusts a list that no variable says; `what` is told beside it. */
void box_trust_text(struct audit *a, const struct audit_box *b, struct audit_door *d,
                    const char *list, const char *what, struct audit_place place);
/* Trusts the subnets of its networks; Docker's pools where they are not known. */
void box_trust_nets(struct audit *a, const struct audit_box *b, struct audit_door *d,
                    const char *what, struct audit_place place);
/* True, with a finding, when the variable depends on one that nobody sets. */
bool box_unset(struct audit *a, struct audit_door *d, const struct audit_var *var);

void box_image_dms(struct audit *a, struct audit_box *b, struct audit_door *d);
void box_image_mailcow(struct audit *a, struct audit_box *b, struct audit_door *d);
void box_image_mailu(struct audit *a, struct audit_box *b, struct audit_door *d);
void box_image_bokysan(struct audit *a, struct audit_box *b, struct audit_door *d);
/* Postfix's own lists as variables (POSTFIX_smtpd_relay_restrictions). */
void box_image_lists(struct audit *a, struct audit_box *b, struct audit_door *d);

#endif
