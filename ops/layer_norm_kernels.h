/* Kernels of layer_norm.c, for one type and one kind of processor: ranges of rows. A row of some
 * thousand elements stays in cache between the passes over it, so that memory sees 1 read and 1
 * write per element forward, 2 reads and 1 write backward. */

enum { K(ROWS) = 32 }; /* whose gw and gb are added up in REAL */

/* sum of (x - mean)^2 */
static double K(squares)(const REAL *restrict x, int64_t n, REAL mean)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i += K(PIECE)) {
        REAL lane[K(LANES)] = { 0 };
        int64_t k = i, end = i + K(piece)(n, i);
        for (; k + K(LANES) <= end; k += K(LANES))
            for (int l = 0; l < K(LANES); l++)
                lane[l] += (x[k + l] - mean) * (x[k + l] - mean);
        for (int l = 0; k < end; k++, l++)
            lane[l] += (x[k] - mean) * (x[k] - mean);
        sum += K(join_lanes)(lane);
    }
    return sum;
}

static void K(forward)(int64_t begin, int64_t end, void *arg)
{
    const rows *r = arg;
    int64_t n = r->n;
    const REAL *restrict w = r->w, *restrict b = r->b;
    for (int64_t i = begin; i < end; i++) {
        const REAL *restrict x = (const REAL *)r->x + i * n;
        REAL *restrict y = (REAL *)r->y + i * n;
        REAL mean = (REAL)(K(line_sum)(x, n) / (double)n);
        REAL scale = (REAL)(1 / sqrt(K(squares)(x, n, mean) / (double)n + r->epsilon));
        ((REAL *)r->mean)[i] = mean;
        ((REAL *)r->scale)[i] = scale;
        if (w && b)
            for (int64_t j = 0; j < n; j++)
                y[j] = (x[j] - mean) * scale * w[j] + b[j];
        else if (w)
            for (int64_t j = 0; j < n; j++)
                y[j] = (x[j] - mean) * scale * w[j];
        else
            for (int64_t j = 0; j < n; j++)
                y[j] = (x[j] - mean) * scale + (b ? b[j] : 0);
    }
}

/* a row as backward sees it: h = (x - mean) scale */
typedef struct K(row) {
    const REAL *x, *gy, *w;
    REAL *gx, mean, scale;
    int64_t n;
} K(row);

/* sums of g and g h, g = gy w */
static void K(sums)(const K(row) *r, double *sum_g, double *sum_gh)
{
    const REAL *restrict x = r->x, *restrict gy = r->gy, *restrict w = r->w;
    REAL mean = r->mean, scale = r->scale;
    *sum_g = *sum_gh = 0;
    for (int64_t i = 0; i < r->n; i += K(PIECE)) {
        REAL g[K(LANES)] = { 0 }, gh[K(LANES)] = { 0 };
        int64_t k = i, end = i + K(piece)(r->n, i);
        for (; w && k + K(LANES) <= end; k += K(LANES))
            for (int l = 0; l < K(LANES); l++) {
                REAL v = gy[k + l] * w[k + l];
                g[l] += v;
                gh[l] += v * (x[k + l] - mean);
            }
        for (; !w && k + K(LANES) <= end; k += K(LANES))
            for (int l = 0; l < K(LANES); l++) {
                g[l] += gy[k + l];
                gh[l] += gy[k + l] * (x[k + l] - mean);
            }
        for (int l = 0; k < end; k++, l++) {
            REAL v = w ? gy[k] * w[k] : gy[k];
            g[l] += v;
            gh[l] += v * (x[k] - mean);
        }
        *sum_g += K(join_lanes)(g);
        *sum_gh += K(join_lanes)(gh) * (double)scale;
    }
}

/* gx = scale (g - mean g - h mean (g h)) = scale g - c - (x - mean) d */
static void K(back_row)(const K(row) *r, bool adds)
{
    const REAL *restrict x = r->x, *restrict gy = r->gy, *restrict w = r->w;
    REAL *restrict gx = r->gx, mean = r->mean, scale = r->scale;
    double sum_g, sum_gh;
    K(sums)(r, &sum_g, &sum_gh);
    REAL c = (REAL)(sum_g / (double)r->n * (double)scale);
    REAL d = (REAL)(sum_gh / (double)r->n * (double)scale * (double)scale);
    if (adds)
        for (int64_t j = 0; j < r->n; j++)
            gx[j] += scale * (w ? gy[j] * w[j] : gy[j]) - c - (x[j] - mean) * d;
    else if (w)
        for (int64_t j = 0; j < r->n; j++)
            gx[j] = scale * (gy[j] * w[j]) - c - (x[j] - mean) * d;
    else
        for (int64_t j = 0; j < r->n; j++)
            gx[j] = scale * gy[j] - c - (x[j] - mean) * d;
}

/* gw += gy h, gb += gy */
static void K(add_row)(const K(row) *r, REAL *restrict gw, REAL *restrict gb)
{
    const REAL *restrict x = r->x, *restrict gy = r->gy;
    REAL mean = r->mean, scale = r->scale;
    for (int64_t j = 0; j < r->n; j++) {
        gw[j] += gy[j] * ((x[j] - mean) * scale);
        gb[j] += gy[j];
    }
}

static void K(backward)(int64_t begin, int64_t end, void *arg)
{
    const rows *r = arg;
    int64_t n = r->n;
    double *total = r->room ? (double *)(void *)(r->room + (size_t)(begin / r->grain) *
                                                               room_of_range(r)) : NULL;
    REAL *part = total ? (REAL *)(void *)(total + 2 * n) : NULL;
    for (int64_t j = 0; total && j < 2 * n; j++)
        total[j] = part[j] = 0;
    for (int64_t i = begin; i < end; i++) {
        K(row) row = { (const REAL *)r->x + i * n, (const REAL *)r->gy + i * n, r->w,
                       r->gx ? (REAL *)r->gx + i * n : NULL, ((const REAL *)r->mean)[i],
                       ((const REAL *)r->scale)[i], n };
        if (row.gx)
            K(back_row)(&row, r->adds);
        if (!total)
            continue;
        K(add_row)(&row, part, part + n);
        if ((i - begin) % K(ROWS) == K(ROWS) - 1 || i == end - 1)
            for (int64_t j = 0; j < 2 * n; j++) {
                total[j] += (double)part[j];
                part[j] = 0;
            }
    }
}

static const kernels K(kernels) = { K(forward), K(backward) };
