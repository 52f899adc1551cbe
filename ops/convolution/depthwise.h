/* The three products (product.h) where each channel of x has kernels of its own. */
#ifndef CT__DEPTHWISE_H
#define CT__DEPTHWISE_H
#include "product.h"

/* Does it compute p? It does where a group has one channel of x, and there is more than one group;
 * x from y where the strides are 1 and the weights are finite. */
bool ct__is_depthwise(const ct__conv_product *p, const ct__conv_sizes *s);
ct_status ct__depthwise_multiply(const ct_call *call, const ct__conv_product *p,
                                 const ct__conv_sizes *s);
#endif
