/* The three products of which convolutions and all their derivatives are made: with w * x for the
 * convolution, each of y, x and w from the other two, where <y, w * x> is one number:
 *   y = w * x,   x = the adjoint of w * applied to y,   w = the adjoint of * x applied to y. */
#ifndef CT__PRODUCT_H
#define CT__PRODUCT_H
#include "sizes.h"

typedef enum ct__conv_result { CT__CONV_Y, CT__CONV_X, CT__CONV_W } ct__conv_result;

typedef struct ct__conv_product {
    ct__conv_result result;    /* which of these is computed */
    ct_tensor *x, *w, *y;      /* contiguous */
    const ct_tensor *bias;     /* for each channel of the result y or x; or NULL */
    bool adds;                 /* to what the result holds; then there is no bias */
} ct__conv_product;

ct_status ct__conv_multiply(const ct_call *call, const ct__conv_product *p);
/* gb = the sum of y over images and pixels, for each channel */
void ct__conv_sum(ct_tensor *gb, const ct_tensor *y, bool adds);
#endif
