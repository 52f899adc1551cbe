/* Kernels of activation.c for one dtype: included with REAL, F and K defined. With s the size of
 * REAL, 2 s bytes per element forward and 3 s back; one evaluation of f or f' each. */
static void K(relu)(REAL *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = y[i] <= 0 ? 0 : y[i];
}

static void K(tanh)(REAL *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = F(tanh)(y[i]);
}

/* by the exponential that cannot overflow */
static void K(sigmoid)(REAL *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        REAL e = F(exp)(-F(fabs)(y[i]));
        y[i] = (y[i] < 0 ? e : 1) / (1 + e);
    }
}

static void K(activate)(ct_activation activation, REAL *y, int64_t n)
{
    switch ((int)activation) {
    case CT_RELU:
        K(relu)(y, n);
        return;
    case CT_TANH:
        K(tanh)(y, n);
        return;
    case CT_SIGMOID:
        K(sigmoid)(y, n);
    }
}

/* relu' = [y > 0], tanh' = 1 - y^2, sigmoid' = y (1 - y) */
static void K(back)(ct_activation activation, REAL *restrict gx, const REAL *gy, const REAL *y,
                    int64_t n)
{
    switch ((int)activation) {
    case CT_RELU:
        for (int64_t i = 0; i < n; i++) {
            REAL g = gy[i]; /* read in any case: so the loop has no branch */
            gx[i] = y[i] <= 0 ? 0 : g;
        }
        return;
    case CT_TANH:
        for (int64_t i = 0; i < n; i++)
            gx[i] = gy[i] * (1 - y[i] * y[i]);
        return;
    case CT_SIGMOID:
        for (int64_t i = 0; i < n; i++)
            gx[i] = gy[i] * (y[i] * (1 - y[i]));
    }
}
