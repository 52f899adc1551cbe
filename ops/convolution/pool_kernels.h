/* Kernels of pool.c, for one channel of an image. Per element of each window: 1 read, 1 comparison;
 * `at` gets the places of the largest elements, if it is not NULL. */
#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

/* one window: rows z, r and columns c */
static void K(max_one)(const ct__windows *w, const REAL *x, REAL *y, int64_t *at,
                       const ct__window *const of[AXES])
{
    int64_t best = (of[0]->begin * w->in[1] + of[1]->begin) * w->in[2] + of[2]->begin;
    REAL most = x[best];
    for (int64_t a = of[0]->begin; a < of[0]->end; a += w->step[0])
        for (int64_t b = of[1]->begin; b < of[1]->end; b += w->step[1]) {
            int64_t row = (a * w->in[1] + b) * w->in[2];
            for (int64_t i = row + of[2]->begin; i < row + of[2]->end; i += w->step[2]) {
                bool more = x[i] > most || x[i] != x[i];
                most = more ? x[i] : most;
                best = more ? i : best;
            }
        }
    *y = most;
    if (at)
        *at = best;
}

/* up to SIDE windows next to each other, which lie in x and begin `stride` apart, `stride` a
 * constant where this is inlined: the elements of all windows in the order of those of one */
INLINE void K(max_some)(const ct__windows *w, const REAL *x, REAL *y, int64_t *at,
                        const ct__window *const of[AXES], int64_t n, int64_t stride)
{
    REAL most[SIDE];
    int32_t best[SIDE];
    int64_t origin = (of[0]->begin * w->in[1] + of[1]->begin) * w->in[2] + of[2]->begin;
    for (int64_t k = 0; k < n; k++) {
        most[k] = x[origin + k * stride];
        best[k] = 0;
    }
    for (int64_t a = of[0]->begin; a < of[0]->end; a += w->step[0])
        for (int64_t b = of[1]->begin; b < of[1]->end; b += w->step[1])
            for (int64_t c = of[2]->begin; c < of[2]->end; c += w->step[2]) {
                const REAL *from = x + (a * w->in[1] + b) * w->in[2] + c;
                int32_t place = (int32_t)((a * w->in[1] + b) * w->in[2] + c - origin);
                for (int64_t k = 0; k < n; k++) {
                    REAL v = from[k * stride];
                    bool more = (v > most[k]) | (v != v);
                    most[k] = more ? v : most[k];
                    best[k] = more ? place : best[k];
                }
            }
    memcpy(y, most, (size_t)n * sizeof *y);
    for (int64_t k = 0; k < n && at; k++)
        at[k] = origin + k * stride + best[k];
}

static void K(max)(const ct__windows *w, const void *from, void *to, int64_t *at)
{
    const REAL *x = from;
    REAL *y = to;
    for (int64_t i = 0; i < w->out[0]; i++)
        for (int64_t j = 0; j < w->out[1]; j++)
            for (int64_t k = 0, n; k < w->out[2]; k += n, y += n, at = at ? at + n : NULL) {
                const ct__window *const of[] = { &w->of[0][i], &w->of[1][j], &w->of[2][k] };
                n = k < w->alike ? 1 : w->end - k < SIDE ? w->end - k : SIDE;
                if (n <= 1) {
                    n = 1;
                    K(max_one)(w, x, y, at, of);
                } else if (w->stride == 2) {
                    K(max_some)(w, x, y, at, of, n, 2);
                } else {
                    K(max_some)(w, x, y, at, of, n, w->stride);
                }
            }
}

/* Per element of gy: 2 reads, 1 read and written. */
static void K(put)(const int64_t *at, const void *gy, void *gx, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        ((REAL *)gx)[at[i]] += ((const REAL *)gy)[i];
}

static const ct__max_kernels K(max_kernels) = { K(max), K(put) };
#undef INLINE
