/* Kernels of functions.def and functions_of_two.def, which compute in f64 for both dtypes: see
 * tables.h. The functions that only rules need have values alone. */
#define NUMBER double
#define ROW    UNARY_KERNELS
#include "functions.def"
#define BINARY BINARY_KERNELS
#include "functions_of_two.def"
VALUE_KERNEL(direction, ct__direction(a, b))
VALUE_KERNEL(weight, ct__weight(a, b))

/* 4 s bytes */
static void K(per_square)(int64_t n, void *out, void *const *in, const void *given)
{
    const REAL *g = in[0], *a = in[1], *b = in[2];
    REAL *y = out;
    (void)given;
    for (int64_t i = 0; i < n; i++)
        y[i] = (REAL)ct__per_square(g[i], a[i], b[i]);
}
#undef NUMBER
