/* Kernels of layer_norm.c, for one type and one kind of processor: ranges of rows. A row of some
 * thousand elements stays in cache between the passes over it, so that memory sees 1 read and 1
 * write per element forward, 2 reads and 1 write backward. */

enum { K(ROWS) = 32 }; /* whose gw and gb are added up in REAL */

/* sum of (x - mean)^2; meanwhile the next row comes in, and room for y */
static double K(squares)(const REAL *restrict x, int64_t n, REAL mean, REAL *y)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i += K(PIECE)) {
        REAL lane[K(LANES)] = { 0 };
        int64_t k = i, end = i + K(piece)(n, i);
        for (; k + K(LANES) <= end; k += K(LANES)) {
            K(fetch)(x + k, n, K(LANES));
            K(fetch_to_write)(y + k, K(LANES));
            for (int l = 0; l < K(LANES); l++)
                lane[l] += (x[k + l] - mean) * (x[k + l] - mean);
        }
        REAL rest = K(join_lanes)(lane);
        for (; k < end; k++)
            rest += (x[k] - mean) * (x[k] - mean);
        sum += (double)rest;
    }
    return sum;
}

static void K(find_y)(const rows *r, const REAL *restrict x, REAL *restrict y, REAL mean,
                      REAL scale)
{
    int64_t n = r->n;
    const REAL *restrict w = r->w, *restrict b = r->b;
    if (w && b)
        for (int64_t j = 0; j < n; j++)
            y[j] = (x[j] - mean) * scale * w[j] + b[j];
    else if (w)
        for (int64_t j = 0; j < n; j++)
            y[j] = (x[j] - mean) * scale * w[j];
    else if (b)
        for (int64_t j = 0; j < n; j++)
            y[j] = (x[j] - mean) * scale + b[j];
    else
        for (int64_t j = 0; j < n; j++)
            y[j] = (x[j] - mean) * scale;
}

static void K(forward)(int64_t begin, int64_t end, void *arg)
{
    const rows *r = arg;
    int64_t n = r->n;
    for (int64_t i = begin; i < end; i++) {
        const REAL *x = (const REAL *)r->x + i * n;
        REAL *y = (REAL *)r->y + i * n, mean = (REAL)(K(line_sum)(x, n) / (double)n);
        REAL scale = (REAL)(1 / sqrt(K(squares)(x, n, mean, y) / (double)n + r->epsilon));
        ((REAL *)r->mean)[i] = mean;
        ((REAL *)r->scale)[i] = scale;
        K(find_y)(r, x, y, mean, scale);
    }
}

/* a row as backward sees it: h = (x - mean) scale */
typedef struct K(row) {
    const REAL *x, *gy, *w;
    REAL *gx, mean, scale;
    int64_t n;
    double sum_g, sum_gh;
} K(row);

/* sums of g and g h, g = gy w */
static void K(sums)(K(row) *r)
{
    const REAL *restrict x = r->x, *restrict gy = r->gy, *restrict w = r->w;
    REAL mean = r->mean;
    for (int64_t i = 0; i < r->n; i += K(PIECE)) {
        REAL g[K(LANES)] = { 0 }, gh[K(LANES)] = { 0 };
        int64_t k = i, end = i + K(piece)(r->n, i);
        for (; w && k + K(LANES) <= end; k += K(LANES)) {
            K(fetch_to_write)(r->gx + k, K(LANES));
            for (int l = 0; l < K(LANES); l++) {
                REAL v = gy[k + l] * w[k + l];
                g[l] += v;
                gh[l] += v * (x[k + l] - mean);
            }
        }
        for (; !w && k + K(LANES) <= end; k += K(LANES)) {
            K(fetch_to_write)(r->gx + k, K(LANES));
            for (int l = 0; l < K(LANES); l++) {
                g[l] += gy[k + l];
                gh[l] += gy[k + l] * (x[k + l] - mean);
            }
        }
        REAL rest_g = K(join_lanes)(g), rest_gh = K(join_lanes)(gh);
        for (; k < end; k++) {
            REAL v = w ? gy[k] * w[k] : gy[k];
            rest_g += v;
            rest_gh += v * (x[k] - mean);
        }
        r->sum_g += (double)rest_g;
        r->sum_gh += (double)rest_gh * (double)r->scale;
    }
}

/* gx = scale (g - mean g - h mean (g h)) = scale g - c - (x - mean) d */
static void K(find_gx)(const K(row) *r, REAL c, REAL d, bool adds)
{
    const REAL *restrict x = r->x, *restrict gy = r->gy, *restrict w = r->w;
    REAL *restrict gx = r->gx, mean = r->mean, scale = r->scale;
    if (adds)
        for (int64_t j = 0; j < r->n; j++)
            gx[j] += gy[j] * scale * (w ? w[j] : 1) - c - (x[j] - mean) * d;
    else if (w)
        for (int64_t j = 0; j < r->n; j++)
            gx[j] = gy[j] * scale * w[j] - c - (x[j] - mean) * d;
    else
        for (int64_t j = 0; j < r->n; j++)
            gx[j] = gy[j] * scale - c - (x[j] - mean) * d;
}

/* gw += gy h, gb += gy */
static void K(add_row)(const K(row) *r, REAL *restrict gw, REAL *restrict gb)
{
    const REAL *restrict x = r->x, *restrict gy = r->gy;
    REAL mean = r->mean, scale = r->scale;
    for (int64_t j = 0; j < r->n; j++) {
        gw[j] += gy[j] * scale * (x[j] - mean);
        gb[j] += gy[j];
    }
}

/* both at once: what training a layer takes */
static void K(find_all)(const K(row) *r, REAL c, REAL d, REAL *restrict gw, REAL *restrict gb)
{
    const REAL *restrict x = r->x, *restrict gy = r->gy, *restrict w = r->w;
    REAL *restrict gx = r->gx, mean = r->mean, scale = r->scale;
    int64_t n = r->n, j = 0;
    for (; j + K(LANES) <= n; j += K(LANES)) {
        K(fetch)(x + j, n, K(LANES));
        K(fetch)(gy + j, n, K(LANES));
        for (int64_t k = j; k < j + K(LANES); k++) {
            REAL far = x[k] - mean, g = gy[k] * scale;
            gw[k] += g * far;
            gb[k] += gy[k];
            gx[k] = g * w[k] - c - far * d;
        }
    }
    for (; j < n; j++) {
        REAL far = x[j] - mean, g = gy[j] * scale;
        gw[j] += g * far;
        gb[j] += gy[j];
        gx[j] = g * w[j] - c - far * d;
    }
}

static void K(back_row)(K(row) *r, REAL *gw, REAL *gb, bool adds)
{
    if (!r->gx) {
        K(add_row)(r, gw, gb);
        return;
    }
    K(sums)(r);
    REAL c = (REAL)(r->sum_g / (double)r->n * (double)r->scale);
    REAL d = (REAL)(r->sum_gh / (double)r->n * (double)r->scale * (double)r->scale);
    if (gw && r->w && !adds) {
        K(find_all)(r, c, d, gw, gb);
        return;
    }
    K(find_gx)(r, c, d, adds);
    if (gw)
        K(add_row)(r, gw, gb);
}

static void K(backward)(int64_t begin, int64_t end, void *arg)
{
    const rows *r = arg;
    int64_t n = r->n;
    char *room = r->room ? r->room + (size_t)(begin / r->grain) * room_of_range(r) : NULL;
    double *total = (double *)(void *)room;
    REAL *part = room ? (REAL *)(void *)(total + 2 * n) : NULL;
    for (int64_t j = 0; room && j < 2 * n; j++)
        total[j] = part[j] = 0;
    for (int64_t i = begin; i < end; i++) {
        K(row) row = { (const REAL *)r->x + i * n, (const REAL *)r->gy + i * n, r->w,
                       r->gx ? (REAL *)r->gx + i * n : NULL, ((const REAL *)r->mean)[i],
                       ((const REAL *)r->scale)[i], n, 0, 0 };
        K(back_row)(&row, part, part ? part + n : NULL, r->adds);
        if (room && ((i + 1 - begin) % K(ROWS) == 0 || i + 1 == end))
            for (int64_t j = 0; j < 2 * n; j++) {
                total[j] += (double)part[j];
                part[j] = 0;
            }
    }
}

static const kernels K(kernels) = { K(forward), K(backward) };
