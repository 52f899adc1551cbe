/* Activations that a product can apply to its result: those whose slope is a function of y alone,
 * so that the product's value before them need not be kept. */
#ifndef CT__ACTIVATION_H
#define CT__ACTIVATION_H
#include <cotangent/op.h>
#include <cotangent/ops.h>

bool ct__activation_fuses(ct_activation activation);
/* y_i = f(y_i), n of them side by side */
void ct__activate(ct_simd simd, ct_dtype dtype, ct_activation activation, void *y, int64_t n);
/* gx_i = gy_i f'(x_i), from y; all contiguous */
void ct__activation_back(const ct_tensor *y, ct_activation activation, void *gx, const void *gy);
/* the same by operators */
ct_tensor *ct__activation_slope(ct_activation activation, ct_tensor *gy, ct_tensor *y);
#endif
