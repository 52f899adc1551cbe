/* Loops over the functions of vector_math.h. */
#define EACH(f)                                                                                 \
    static void K(f)(float *restrict y, const float *restrict x, int n)                      \
    {                                                                                           \
        for (int i = 0; i < n; i++)                                                             \
            y[i] = vector_##f(x[i]);                                                            \
    }
EACH(exp)
EACH(expm1)
EACH(log)
EACH(log1p)
#define vector_sin(x) vector_sin(x, false)
#define vector_cos(x) vector_cos(x, false)
EACH(sin)
EACH(cos)
#undef vector_sin
#undef vector_cos
EACH(tanh)
EACH(logistic)
EACH(softplus)
EACH(erf)
EACH(erfc)
EACH(gate)
EACH(gate_tanh)
#undef EACH
static void K(exp_normal)(float *restrict y, const float *restrict x, int n)
{
    for (int i = 0; i < n; i++)
        y[i] = vector_exp_normal(x[i] > 88 ? 88 : x[i]);
}

static void K(normal)(float *restrict y, const float *restrict x, int n)
{
    float density;
    for (int i = 0; i < n; i++)
        y[i] = vector_normal(x[i], &density);
}

static void K(density)(float *restrict y, const float *restrict x, int n)
{
    for (int i = 0; i < n; i++)
        vector_normal(x[i], &y[i]);
}
static void K(logistic_pair)(float *restrict y, const float *restrict x, int n)
{
    float other;
    for (int i = 0; i < n; i++)
        y[i] = vector_logistic_pair(x[i], &other);
}

static void K(logistic_other)(float *restrict y, const float *restrict x, int n)
{
    for (int i = 0; i < n; i++)
        (void)vector_logistic_pair(x[i], &y[i]);
}

static const loops K(all) = {
    K(exp), K(exp_normal), K(expm1), K(log), K(log1p), K(sin),
    K(cos), K(tanh), K(logistic), K(softplus), K(erf), K(normal), K(density),
    K(logistic_pair), K(logistic_other), K(erfc), K(gate), K(gate_tanh),
};
