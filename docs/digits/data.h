/* The images to learn from and those to be tested on. */
#ifndef DIGITS_DATA_H
#define DIGITS_DATA_H
#include "draw.h"
#include "options.h"

typedef struct images {
    ct_tensor *x;               /* f32 (n, PIXELS), 0 to 1 */
    ct_tensor *labels;          /* i64 (n), 0 to 9 */
} images;

typedef struct data {
    images train, test;
    char source[256];           /* where they come from, in words */
} data;

/* false: the context's error says why */
bool data_load(data *d, ct_context *cx, const options *o);

#endif
