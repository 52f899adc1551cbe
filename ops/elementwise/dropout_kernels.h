/* Kernel of dropout.c. With s the size of REAL, 2 s + 1 bytes (3 s + 1 to add) and one product per
 * element. What was dropped is 0, not 0 x: x may be infinite. */
static void K(mask)(int64_t n, void *to, const void *from, const unsigned char *restrict kept,
                    double factor, bool adds)
{
    REAL *restrict y = to, f = (REAL)factor;
    const REAL *restrict x = from;
    if (adds)
        for (int64_t i = 0; i < n; i++)
            y[i] += kept[i] ? f * x[i] : 0;
    else
        for (int64_t i = 0; i < n; i++)
            y[i] = kept[i] ? f * x[i] : 0;
}
