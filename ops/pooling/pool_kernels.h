/* Kernels of pool.c, for one channel of an image. Per element of each window: 1 read, 1 comparison;
 * `at` gets the numbers of the largest elements, if it is not NULL. */
#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

/* one window: its number is returned */
static int64_t K(max_one)(const ct__windows *w, const REAL *x, REAL *y,
                          const ct__window *const of[AXES])
{
    int64_t best = 0, plane = 0, columns = w->most[2];
    REAL most = x[(of[0]->begin * w->in[1] + of[1]->begin) * w->in[2] + of[2]->begin];
    for (int64_t a = of[0]->begin; a < of[0]->end; a += w->step[0], plane += w->most[1] * columns)
        for (int64_t b = of[1]->begin, r = plane; b < of[1]->end; b += w->step[1], r += columns) {
            const REAL *from = x + (a * w->in[1] + b) * w->in[2];
            for (int64_t i = of[2]->begin, n = r; i < of[2]->end; i += w->step[2], n++) {
                bool more = from[i] > most || from[i] != from[i];
                most = more ? from[i] : most;
                best = more ? n : best;
            }
        }
    *y = most;
    return best;
}

/* up to SIDE windows next to each other, of which the first begins at x; they lie in the image, and
 * begin `stride` apart, `stride` a constant where this is inlined: the elements of all windows in
 * the order of those of one */
INLINE void K(max_some)(const ct__windows *w, const REAL *x, REAL *y, int32_t *best,
                        const ct__window *const of[AXES], int64_t n, int64_t stride)
{
    REAL most[SIDE];
    for (int64_t k = 0; k < n; k++) {
        most[k] = x[k * stride];
        best[k] = 0;
    }
    for (int64_t a = of[0]->begin, z = 0; a < of[0]->end; a += w->step[0], z += w->most[1])
        for (int64_t b = of[1]->begin, r = z; b < of[1]->end; b += w->step[1], r++)
            for (int64_t c = 0; c < w->most[2]; c++) {
                int32_t number = (int32_t)(r * w->most[2] + c);
                const REAL *from = x + w->offset[number];
                for (int64_t k = 0; k < n; k++) {
                    REAL v = from[k * stride];
                    bool more = (v > most[k]) | (v != v);
                    most[k] = more ? v : most[k];
                    best[k] = more ? number : best[k];
                }
            }
    memcpy(y, most, (size_t)n * sizeof *y);
}

/* n windows next to each other, which lie in the image: how many of them were looked at. The number
 * of the first goes to element k of `at`. */
static int64_t K(max_row)(const ct__windows *w, const REAL *x, REAL *y, void *at, int64_t k,
                          const ct__window *const of[AXES], int64_t n)
{
    int32_t best[SIDE];
    n = n < SIDE ? n : SIDE;
    if (w->stride == 2)
        K(max_some)(w, x, y, best, of, n, 2);
    else
        K(max_some)(w, x, y, best, of, n, w->stride);
    for (int64_t i = 0; i < n && at; i++)
        set_number(w, at, k + i, best[i]);
    return n;
}

static void K(max)(const ct__windows *w, const void *from, void *to, void *at)
{
    const REAL *x = from;
    REAL *y = to;
    int64_t done = 0;
    for (int64_t i = 0; i < w->out[0]; i++)
        for (int64_t j = 0; j < w->out[1]; j++)
            for (int64_t k = 0, n; k < w->out[2]; k += n, done += n) {
                const ct__window *const of[] = { &w->of[0][i], &w->of[1][j], &w->of[2][k] };
                if (k >= w->alike && w->end - k > 1) {
                    n = K(max_row)(w, x + begin_of(w, i, j, k), y + done, at, done, of, w->end - k);
                    continue;
                }
                n = 1;
                int64_t number = K(max_one)(w, x, y + done, of);
                if (at)
                    set_number(w, at, done, number);
            }
}

/* Per window: 2 reads, 1 read and written. */
static void K(put)(const ct__windows *w, const void *at, const void *gy, void *gx, bool adds)
{
    const REAL *g = gy;
    int64_t done = 0;
    if (!adds)
        memset(gx, 0, (size_t)(w->in[0] * w->in[1] * w->in[2]) * sizeof(REAL));
    for (int64_t i = 0; i < w->out[0]; i++)
        for (int64_t j = 0; j < w->out[1]; j++)
            for (int64_t k = 0; k < w->out[2]; k++, done++)
                ((REAL *)gx)[begin_of(w, i, j, k) + w->offset[number_at(w, at, done)]] += g[done];
}

static const ct__max_kernels K(max_kernels) = { K(max), K(put) };
#undef INLINE
