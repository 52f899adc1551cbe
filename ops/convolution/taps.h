/* The three products (product.h) for f32 and images of two axes, without the matrix of columns.h:
 * each number of the one image is multiplied where it lies by a vector of channels of the other. */
#ifndef CT__TAPS_H
#define CT__TAPS_H
#include "product.h"

/* Does it compute p? That depends on the dtype, the kernel, the channels and the sizes, and not on
 * how many images there are. */
bool ct__is_by_taps(const ct__conv_product *p, const ct__conv_sizes *s);
/* *done is false if the result is x and w is not finite: then nothing was written. */
ct_status ct__taps_multiply(const ct_call *call, const ct__conv_product *p,
                            const ct__conv_sizes *s, bool *done);
#endif
