/* Loops over the functions of vector_math.h, for one kind of processor: LOOP(name) is defined. */
#define EACH(f)                                                                                 \
    static void LOOP(f)(float *restrict y, const float *restrict x, int n)                      \
    {                                                                                           \
        for (int i = 0; i < n; i++)                                                             \
            y[i] = vector_##f(x[i]);                                                            \
    }
EACH(exp)
EACH(expm1)
EACH(log)
EACH(log1p)
EACH(sin)
EACH(cos)
EACH(tanh)
EACH(logistic)
EACH(softplus)
EACH(erf)
#undef EACH
static void LOOP(exp_normal)(float *restrict y, const float *restrict x, int n)
{
    for (int i = 0; i < n; i++)
        y[i] = vector_exp_normal(x[i] > 88 ? 88 : x[i]);
}

static void LOOP(normal)(float *restrict y, const float *restrict x, int n)
{
    float density;
    for (int i = 0; i < n; i++)
        y[i] = vector_normal(x[i], &density);
}

static void LOOP(density)(float *restrict y, const float *restrict x, int n)
{
    for (int i = 0; i < n; i++)
        vector_normal(x[i], &y[i]);
}
static void (*const LOOP(all)[])(float *restrict, const float *restrict, int) = {
    LOOP(exp), LOOP(exp_normal), LOOP(expm1), LOOP(log), LOOP(log1p), LOOP(sin),
    LOOP(cos), LOOP(tanh), LOOP(logistic), LOOP(softplus), LOOP(erf), LOOP(normal), LOOP(density),
};
