/* Kernels of activation.c. With s the size of REAL, 2 s bytes per element forward and 3 s back; one
 * evaluation of f or f' each. */
#if IS_F32
#define TANH     vector_tanh
#define LOGISTIC vector_logistic
#else
#define TANH     double_tanh
#define LOGISTIC double_logistic
#endif

static void K(relu)(REAL *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = y[i] <= 0 ? 0 : y[i];
}

static void K(tanh)(REAL *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = TANH(y[i]);
}

static void K(sigmoid)(REAL *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = LOGISTIC(y[i]);
}

static void K(activate)(ct_activation activation, void *y, int64_t n)
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

/* relu' = [y > 0], tanh' = (1 - y) (1 + y), sigmoid' = y (1 - y) */
static void K(back)(ct_activation activation, void *to, const void *from, const void *of, int64_t n)
{
    REAL *restrict gx = to;
    const REAL *gy = from, *y = of;
    switch ((int)activation) {
    case CT_RELU:
        for (int64_t i = 0; i < n; i++) {
            REAL g = gy[i]; /* read in any case: so the loop has no branch */
            gx[i] = y[i] <= 0 ? 0 : g;
        }
        return;
    case CT_TANH:
        for (int64_t i = 0; i < n; i++)
            gx[i] = gy[i] * ((1 - y[i]) * (1 + y[i]));
        return;
    case CT_SIGMOID:
        for (int64_t i = 0; i < n; i++)
            gx[i] = gy[i] * (y[i] * (1 - y[i]));
    }
}
#undef TANH
#undef LOGISTIC
