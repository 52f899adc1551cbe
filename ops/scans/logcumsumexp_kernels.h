/* Kernels of logcumsumexp.c. Per element of the value: 1 read, 1 write, 1 exponential, 1 logarithm;
 * of the gradient: 3 reads, 1 write, 2 exponentials. */
static void K(logcumsumexp)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    const ct__path *p = arg;
    for (int64_t j = 0; j < n; j++) {
        REAL *y = (REAL *)data[0] + p->first[0] + j * stride[0];
        const REAL *x = (const REAL *)data[1] + p->first[1] + j * stride[1];
        terms t = { -INFINITY, 0, 0 };
        double beyond = 0; /* an infinity or a NaN, as soon as there is one */
        for (int64_t i = 0; i < p->length; i++) {
            double next = (double)x[i * p->step[1]];
            if (next - next == 0)
                add_term(&t, next, 1);
            else if (next != -INFINITY)
                beyond += next;
            y[i * p->step[0]] = (REAL)(beyond != 0 ? beyond : t.shift + log(t.sum + t.low));
        }
    }
}

/* gx_i = e^(x_i) times the sum of g_j e^(-y_j) over j >= i. The operands are gx, g, x, y; the path
 * begins at the last element. Where y is -inf or inf, e^(x - y) adds nothing to the earlier x;
 * where x is inf too, gx is NaN. */
static void K(logcumsumexp_back)(int64_t n, void *const *data, const int64_t *stride,
                                 const void *arg)
{
    const ct__path *p = arg;
    for (int64_t j = 0; j < n; j++) {
        REAL *gx = (REAL *)data[0] + p->first[0] + j * stride[0];
        const REAL *g = (const REAL *)data[1] + p->first[1] + j * stride[1];
        const REAL *x = (const REAL *)data[2] + p->first[2] + j * stride[2];
        const REAL *y = (const REAL *)data[3] + p->first[3] + j * stride[3];
        terms t = { -INFINITY, 0, 0 };
        for (int64_t i = 0; i < p->length; i++) {
            double total = (double)y[i * p->step[3]], at = (double)x[i * p->step[2]];
            if (total != -INFINITY && total != INFINITY)
                add_term(&t, -total, (double)g[i * p->step[1]]);
            REAL v = (REAL)((t.sum + t.low) * exp(at + t.shift));
            gx[i * p->step[0]] = p->adds ? gx[i * p->step[0]] + v : v;
        }
    }
}
