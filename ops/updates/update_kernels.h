/* Kernels of update.c. With s the size of REAL, per element: SGD 3 s bytes and 4 operations, with
 * momentum 5 s and 6; Adam 7 s bytes and 14 operations, a root and a division among them. */

static void K(sgd)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    const sgd *s = arg;
    REAL *restrict w = data[0], rate = (REAL)s->rate, decay = (REAL)s->decay;
    const REAL *g = data[1];
    if (stride[0] == 1 && stride[1] == 1)
        for (int64_t i = 0; i < n; i++)
            w[i] -= rate * (g[i] + decay * w[i]);
    else
        for (int64_t i = 0; i < n; i++)
            w[i * stride[0]] -= rate * (g[i * stride[1]] + decay * w[i * stride[0]]);
}

static inline void K(momentum_one)(REAL *w, REAL g, REAL *v, const sgd *s)
{
    REAL u = (REAL)s->momentum;
    g += (REAL)s->decay * *w;
    *v = u * *v + g;
    *w -= (REAL)s->rate * (s->nesterov ? g + u * *v : *v);
}

static void K(momentum)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    const sgd s = *(const sgd *)arg;
    REAL *restrict w = data[0], *restrict v = data[2];
    const REAL *g = data[1];
    if (stride[0] == 1 && stride[1] == 1 && stride[2] == 1)
        for (int64_t i = 0; i < n; i++)
            K(momentum_one)(&w[i], g[i], &v[i], &s);
    else
        for (int64_t i = 0; i < n; i++)
            K(momentum_one)(&w[i * stride[0]], g[i * stride[1]], &v[i * stride[2]], &s);
}

static inline void K(adam_one)(REAL *w, REAL g, REAL *m, REAL *v, const adam_step *a)
{
    g += (REAL)a->decay * *w;
    *m = (REAL)a->beta1 * *m + (REAL)(1 - a->beta1) * g;
    *v = (REAL)a->beta2 * *v + (REAL)(1 - a->beta2) * (g * g);
    REAL by = F(sqrt)(*v) * (REAL)a->root + (REAL)a->epsilon;
    *w = (REAL)a->shrink * *w - (REAL)a->rate * *m / by;
}

static void K(adam)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    const adam_step a = *(const adam_step *)arg;
    REAL *restrict w = data[0], *restrict m = data[2], *restrict v = data[3];
    const REAL *g = data[1];
    if (stride[0] == 1 && stride[1] == 1 && stride[2] == 1 && stride[3] == 1)
        for (int64_t i = 0; i < n; i++)
            K(adam_one)(&w[i], g[i], &m[i], &v[i], &a);
    else
        for (int64_t i = 0; i < n; i++)
            K(adam_one)(&w[i * stride[0]], g[i * stride[1]], &m[i * stride[2]],
                        &v[i * stride[3]], &a);
}
