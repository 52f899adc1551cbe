/* y = x / (1 + |x|) */
static void K(softsign)(int64_t n, void *out, void *const *in, const void *attributes)
{
    REAL *y = out;
    const REAL *x = in[0];
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] / (1 + (x[i] < 0 ? -x[i] : x[i]));
    (void)attributes;
}
