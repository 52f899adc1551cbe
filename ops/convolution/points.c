/* Along one axis, 4 sums y_i = x_i w_0 + x_(i+1) w_1 + x_(i+2) w_2 are
 *
 *   y = A^T ((G w) (B^T x)),   element by element, where
 *
 *   B^T = 1 0 -5/2 0 1 0     G = 1 0 0                   A^T = 1 1 1 1 1 0
 *         0 -2a -2 a 1 0         -2/3 (1 a 1/2)                0 a -a b -b 0
 *         0 2a -2 -a 1 0         -2/3 (1 -a 1/2)               0 1/2 1/2 2 2 0
 *         0 -b/2 -1/2 b 1 0      1/6 (1 b 2)                   0 a/2 -a/2 2b -2b 1
 *         0 b/2 -1/2 -b 1 0      1/6 (1 -b 2)
 *         0 1 0 -5/2 0 1         0 0 1
 *
 * (Winograd 1980; Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016.)
 * G w are the values of the polynomial with coefficients w at the points 0, a, -a, b, -b and
 * infinity, and the rest is the transpose of multiplying polynomials by their values. Any points
 * will do: a = sqrt(1/2) and b = sqrt(2) round half as much as 1 and 2 would.
 *
 * The same points give 2 sums of 5 products: B stays, G has the powers of the points up to the
 * fourth, and A those up to the first, with infinity at the last of each. */
#include "points.h"

#include <string.h>
#ifdef CT_SIMD_X86
#include <immintrin.h>
#endif

bool ct__is_finite(const float *x, int64_t n)
{
    float sums[16] = { 0 }, sum = 0;
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int k = 0; k < 16; k++)
            sums[k] += x[i + k] * 0;
    for (; i < n; i++)
        sum += x[i] * 0;
    for (int k = 0; k < 16; k++)
        sum += sums[k];
    return sum == 0;
}

#define ROOT_HALF 0.70710678118654752
#define ROOT_TWO  1.4142135623730950
#define GROWTH    64 /* B^T and B, along both axes, make a number at most so much larger */

#if defined(__GNUC__)
#define CT_KERNELS     "points_kernels.h"
#define CT_KERNELS_F32 64
#define CT_KERNELS_F64 0
#include <cotangent/kernels.h>

const ct__point_kernels *ct__points_for(const ct_tensor *x)
{
    static const ct__point_kernels *const all[][CT_SIMDS] = CT_KERNEL_TABLE(point_kernels);
    return CT_KERNEL_OF(all, x);
}
#else
const ct__point_kernels *ct__points_for(const ct_tensor *x)
{
    return (void)x, NULL;
}
#endif
