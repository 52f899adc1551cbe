/* The three products (product.h) for f32 and kernels of 3 x 3 or 5 x 5 elements at strides of 1, by
 * Winograd's minimal filtering: a quarter or 0.36 of the multiplications. */
#ifndef CT__WINOGRAD_H
#define CT__WINOGRAD_H
#include "product.h"

/* Does it compute p? For x and y that depends on the dtype, the kernel, the channels and the size
 * of an image, not on how many images there are. */
bool ct__is_winograd(const ct__conv_product *p, const ct__conv_sizes *s);
/* *done is false if the result is w and is not finite: then nothing was written. */
ct_status ct__winograd_multiply(const ct_call *call, const ct__conv_product *p,
                                const ct__conv_sizes *s, bool *done);
#endif
