/* Images: rows of pixels between a file and a tensor. */
#ifndef COTANGENT_IMAGE_H
#define COTANGENT_IMAGE_H
#include "whole.h"

typedef struct ct__image {
    int64_t width, height;
    int channels;          /* gray, gray and alpha, RGB, RGB and alpha: 1 to 4 */
    int bytes;             /* of a sample: 1, or 2 in the machine's order */
    unsigned char *pixels; /* row by row, the samples of a pixel together; an object */
} ct__image;

typedef struct ct__image_source {
    const ct__file *file;  /* for messages */
    const unsigned char *data;
    int64_t bytes;
    int64_t limit;         /* no image has more samples */
} ct__image_source;

/* allocates the pixels, after checking that there are not too many */
ct_status ct__image_room(const ct__image_source *s, ct__image *image);
/* each reads the image, and checks what it claims against what there is; on failure pixels may be
   there too */
ct_status ct__png_read(const ct__image_source *s, ct__image *image);
ct_status ct__pnm_read(const ct__image_source *s, ct__image *image);

/* an image while it is written: with samples of 1 byte, and a function that makes each row */
typedef struct ct__picture {
    const ct__file *file;
    int64_t width, height;
    int channels;
    unsigned char *row;    /* an object */
    ct_status (*fill)(struct ct__picture *picture, int64_t y);
    const void *user;
} ct__picture;
ct_status ct__png_write(ct__picture *p);
ct_status ct__pnm_write(ct__picture *p);
#endif
