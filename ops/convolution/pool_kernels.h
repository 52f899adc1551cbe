/* Kernels of pool.c, for one channel of an image. */
/* Per element of each window: 1 read, 1 comparison. `at` gets the places of the largest elements,
 * if it is not NULL. */
static void K(max)(const ct__windows *w, const void *from, void *to, int64_t *at)
{
    const REAL *x = from;
    REAL *y = to;
    const int64_t *out = w->out, *step = w->step;
    for (int64_t i = 0; i < out[0]; i++)
        for (int64_t j = 0; j < out[1]; j++)
            for (int64_t k = 0; k < out[2]; k++) {
                const ct__window *z = &w->of[0][i], *r = &w->of[1][j], *c = &w->of[2][k];
                int64_t best = (z->begin * w->in[1] + r->begin) * w->in[2] + c->begin;
                REAL most = x[best];
                for (int64_t a = z->begin; a < z->end; a += step[0])
                    for (int64_t b = r->begin; b < r->end; b += step[1]) {
                        int64_t row = (a * w->in[1] + b) * w->in[2];
                        for (int64_t d = row + c->begin; d < row + c->end; d += step[2]) {
                            bool more = x[d] > most || x[d] != x[d];
                            most = more ? x[d] : most;
                            best = more ? d : best;
                        }
                    }
                *y++ = most;
                if (at)
                    *at++ = best;
            }
}

/* Per element of gy: 2 reads, 1 read and written. */
static void K(put)(const int64_t *at, const void *gy, void *gx, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        ((REAL *)gx)[at[i]] += ((const REAL *)gy)[i];
}
static const ct__max_kernels K(max_kernels) = { K(max), K(put) };
