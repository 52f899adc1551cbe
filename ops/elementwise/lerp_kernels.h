/* Kernels of lerp.c: per element, with s the size of REAL, 4 s bytes and 4 operations forward; for
 * each cotangent 3 s to 4 s bytes and 2 operations. */

/* From the nearer end, so that y is a at w = 0 and b at w = 1. Where b - a overflows, by a sum */
static void K(lerp)(int64_t n, void *out, void *const *in, const void *given)
{
    const REAL *from = in[0], *to = in[1], *weight = in[2];
    REAL *y = out;
    (void)given;
    for (int64_t i = 0; i < n; i++) {
        REAL a = from[i], b = to[i], w = weight[i], d = b - a;
        REAL near = w < (REAL)0.5 ? a + w * d : b - (1 - w) * d;
        y[i] = d - d == 0 ? near : (1 - w) * a + w * b;
    }
}

static void K(lerp_ga)(int64_t n, void *out, void *const *in, const void *given)
{
    const REAL *gy = in[0], *w = in[1];
    REAL *ga = out;
    (void)given;
    for (int64_t i = 0; i < n; i++)
        ga[i] = gy[i] * (1 - w[i]);
}

static void K(lerp_gb)(int64_t n, void *out, void *const *in, const void *given)
{
    const REAL *gy = in[0], *w = in[1];
    REAL *gb = out;
    (void)given;
    for (int64_t i = 0; i < n; i++)
        gb[i] = gy[i] * w[i];
}

static void K(lerp_gw)(int64_t n, void *out, void *const *in, const void *given)
{
    const REAL *gy = in[0], *a = in[1], *b = in[2];
    REAL *gw = out;
    (void)given;
    for (int64_t i = 0; i < n; i++)
        gw[i] = gy[i] * (b[i] - a[i]);
}
