/* Kernel of dropout.c for one dtype: included with REAL and K defined. With s the size of REAL,
 * 2 s + 1 bytes (3 s + 1 to add) and one product per element. What was dropped is 0, not 0 x: x may
 * be infinite. */
static void K(mask)(REAL *restrict y, const REAL *x, const unsigned char *kept, int64_t n,
                    REAL factor, bool adds)
{
    for (int64_t i = 0; i < n; i++) {
        REAL value = kept[i] ? factor * x[i] : 0;
        y[i] = adds ? y[i] + value : value;
    }
}
