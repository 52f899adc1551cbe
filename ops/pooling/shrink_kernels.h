/* Kernels of shrink.c, for one channel of an image. Each element of the large image is read or
 * written once, at one multiplication and addition; each of the small one, too. */
/* -- Smaller */
/* n columns, from x on: sums over the rows of the windows, times `scale` */
static void K(sum_rows)(const ct__tiles *t, const REAL *x, REAL *restrict y, int64_t n, REAL scale)
{
    const int64_t plane = t->count[1] * t->size[1] * t->row;
    for (int64_t z = 0; z < t->size[0]; z++)
        for (int64_t r = 0; r < t->size[1]; r++) {
            const REAL *from = x + z * plane + r * t->row;
            for (int64_t i = 0; i < n; i++)
                y[i] = (z + r == 0 ? 0 : y[i]) + from[i] * scale;
        }
}

/* the sum of n numbers, in 8 sums */
static REAL K(sum_of)(const REAL *x, int64_t n)
{
    REAL sums[8] = { 0 };
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++)
            sums[k] += x[i + k];
    for (int k = 0; i < n; i++, k++)
        sums[k] += x[i];
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) +
           ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

static void K(shrink_row)(const ct__tiles *t, const REAL *x, REAL *y, REAL scale)
{
    REAL room[ROOM];
    const int64_t width = t->size[2], most = ROOM / width;
    for (int64_t k = 0, n; k < t->count[2]; k += n) {
        n = t->count[2] - k < most ? t->count[2] - k : most;
        K(sum_rows)(t, x + k * width, width == 1 ? y + k : room, n * width, scale);
        for (int64_t i = 0; i < n && width > 1; i++)
            y[k + i] = width >= 8 ? K(sum_of)(room + i * width, width) : room[i * width];
        for (int64_t j = 1; j < width && width < 8; j++)
            for (int64_t i = 0; i < n; i++)
                y[k + i] += room[i * width + j];
    }
}

static void K(shrink)(const ct__tiles *t, const void *large, void *small)
{
    const REAL *x = large, scale = (REAL)t->scale;
    REAL *y = small;
    const int64_t row = t->size[1] * t->row, plane = t->count[1] * row * t->size[0];
    for (int64_t i = 0; i < t->count[0]; i++)
        for (int64_t j = 0; j < t->count[1]; j++, y += t->count[2])
            K(shrink_row)(t, x + i * plane + j * row, y, scale);
}

/* -- Larger */
/* n numbers times `scale`, each `width` times one after another */
static void K(widen)(const REAL *restrict x, REAL *restrict y, int64_t n, int64_t width, REAL scale)
{
    if (width == 1)
        for (int64_t i = 0; i < n; i++)
            y[i] = x[i] * scale;
    for (int64_t i = 0; i < n && width > 1; i++)
        for (int64_t j = 0; j < width; j++)
            y[i * width + j] = x[i] * scale;
}

static void K(spread)(const ct__tiles *t, const void *small, void *large)
{
    const REAL *x = small;
    REAL *y = large;
    const int64_t row = t->size[1] * t->row, plane = t->count[1] * row;
    for (int64_t i = 0; i < t->count[0]; i++, y += t->size[0] * plane) {
        for (int64_t j = 0; j < t->count[1]; j++, x += t->count[2]) {
            REAL *to = y + j * row;
            K(widen)(x, to, t->count[2], t->size[2], (REAL)t->scale);
            for (int64_t r = 1; r < t->size[1]; r++)
                memcpy(to + r * t->row, to, (size_t)t->row * sizeof *to);
        }
        for (int64_t z = 1; z < t->size[0]; z++)
            memcpy(y + z * plane, y, (size_t)plane * sizeof *y);
    }
}

static const ct__tile_kernels K(tile_kernels) = { K(shrink), K(spread) };
