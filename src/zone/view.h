/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An image with its overlay, as one: what a zone says at this moment. Use this, not the image, for
 * answers and contents; a zone made of files has no overlay and pays one comparison.
 *
 * A zone may be answered from several views in turn (rbldnsd's datasets, shared between zones): the
 * caller asks each and puts the answers together in order.
 */
#ifndef POSTERN_ZONE_VIEW_H
#define POSTERN_ZONE_VIEW_H

#include "zone/overlay.h"

struct zone_view {
    const struct zone_image *image;
    const struct zone_overlay *overlay; /* NULL: none */
};

/* Serial of what is seen: the overlay's, or the image's. */
uint32_t zone_view_serial(const struct zone_view *v);

/* As the functions of zone/image.h; a hit is resolved by zone_image_said() on v->image. */
bool zone_view_find4(const struct zone_view *v, uint32_t ip, struct zone_hit *ret);
bool zone_view_find6(const struct zone_view *v, struct zone_ip6 ip, struct zone_hit *ret);
unsigned zone_view_find_name(const struct zone_view *v, const struct zone_rname *key,
                             struct zone_name_hit ret[ZONE_NAME_TABLES_MAX]);
bool zone_view_below4(const struct zone_view *v, uint32_t ip, unsigned len);
bool zone_view_below6(const struct zone_view *v, struct zone_ip6 ip, unsigned len);
bool zone_view_below_name(const struct zone_view *v, const struct zone_rname *key);

/* In order, as zone_image_next4() and so on, with what the overlay changes. Zero it to begin. */
struct zone_view_cursor {
    struct zone_cursor image;
    size_t overlay;
    bool have; /* what stands below was taken from the image and is not yet told */
    struct zone_piece6 piece;
    struct zone_piece_name name;
};

bool zone_view_next4(const struct zone_view *v, struct zone_view_cursor *c,
                     struct zone_piece4 *ret);
bool zone_view_next6(const struct zone_view *v, struct zone_view_cursor *c,
                     struct zone_piece6 *ret);
bool zone_view_next_name(const struct zone_view *v, struct zone_view_cursor *c,
                         struct zone_piece_name *ret);

#endif
