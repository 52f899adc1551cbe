/* Kernels of norm.c. Per element of the norm: 1 read and 3 operations; if squares overflow or
 * vanish, 2 more reads and 4 operations. Per element of its gradient: 2 reads, 1 write, 2
 * divisions, and a power unless p = 2.
 *
 * As a fold the sum of squares keeps a scale for each result, the sum of (x / scale)^2, and what
 * was rounded off that sum. The scale is a power of 2, so that dividing by it is exact. Elements
 * come in pieces, whose sums are added up in double. */
/* The sum of (x by)^2, in lanes, which hide the latency of an addition. */
static inline double K(squares_apart)(const REAL *x, int64_t n, int64_t stride, double by)
{
    double lane[8] = { 0 };
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        AS_LOOP for (int k = 0; k < 8; k++) {
            double z = (double)x[(i + k) * stride] * by;
            lane[k] += z * z;
        }
    for (int k = 0; i < n; i++, k++) {
        double z = (double)x[i * stride] * by;
        lane[k] += z * z;
    }
    return ((lane[0] + lane[4]) + (lane[1] + lane[5])) +
           ((lane[2] + lane[6]) + (lane[3] + lane[7]));
}

static double K(squares)(const REAL *x, int64_t n, int64_t stride, double by)
{
    return stride == 1 ? K(squares_apart)(x, n, 1, by) : K(squares_apart)(x, n, stride, by);
}

/* A power of 2 by which REAL can be divided, near 2^power. */
static double K(scale)(int power)
{
    int most = IS_F32 ? 120 : 1000;
    return ldexp(1, power > most ? most : power < -most ? -most : power);
}

/* The sum of squares of n elements over *scale^2. */
static double K(scaled_squares)(const REAL *x, int64_t n, int64_t stride, double *scale)
{
    double sum = K(squares)(x, n, stride, 1), largest = 0;
    *scale = 1;
    if (sum >= 0x1p-900 && sum <= 0x1p900) {
        *scale = K(scale)(ilogb(sum) / 2);
        return sum / *scale / *scale;
    }
    for (int64_t i = 0; i < n; i++) { /* with fmax gcc 12 for ARM does not compile it */
        double size = fabs((double)x[i * stride]);
        largest = size > largest ? size : largest;
    }
    if (largest == 0 || isnan(sum)) /* nothing to scale */
        return sum;
    *scale = isinf(largest) ? largest : K(scale)(ilogb(largest));
    return isinf(largest) ? 1 : K(squares)(x, n, stride, 1 / *scale);
}

/* Adds to result j a sum of squares over `most`^2. The sum is brought to the larger scale of both.
 * An infinite scale makes 0 of all smaller terms. */
static void K(add_squares)(int64_t m, int64_t j, REAL *kept, double most, double sum)
{
    REAL *scale = kept + j, *total = scale + m, *low = total + m;
    double was = (double)*scale;
    if (most > was) {
        double by = (was / most) * (was / most);
        *total = (REAL)((double)*total * by), *low = (REAL)((double)*low * by);
        *scale = (REAL)most;
    } else if (most < was) {
        sum *= (most / was) * (most / was);
    }
    REAL x = (REAL)sum, added = (REAL)(*total + x), part = (REAL)(added - *total);
    *low = (REAL)(*low + (REAL)((REAL)(*total - (REAL)(added - part)) + (REAL)(x - part)));
    *low = (REAL)(*low + (REAL)(sum - (double)x));
    *total = added;
}

static void K(start_squares)(int64_t m, void *kept)
{
    for (int64_t j = 0; j < 3 * m; j++)
        ((REAL *)kept)[j] = 0;
}

static void K(fold_squares)(int64_t m, int64_t n, void *kept, const void *data, int64_t sm,
                            int64_t sn)
{
    enum { PIECE = 256 };
    double scale;
    for (int64_t j = 0; j < m; j++)
        for (int64_t i = 0; i < n; i += PIECE) {
            const REAL *x = (const REAL *)data + j * sm + i * sn;
            double sum = K(scaled_squares)(x, n - i < PIECE ? n - i : PIECE, sn, &scale);
            if (sum != 0)
                K(add_squares)(m, j, kept, scale, sum);
        }
}

static void K(join_squares)(int64_t m, void *kept, const void *with)
{
    const REAL *scale = with, *total = scale + m, *low = total + m;
    for (int64_t j = 0; j < m; j++)
        if (total[j] != 0)
            K(add_squares)(m, j, kept, (double)scale[j], (double)total[j] + (double)low[j]);
}

/* If the call is recorded, arg says where the factors of y go. Where y is 0 or infinite they are
 * numbers by which x can be divided. */
static void K(finish_squares)(int64_t m, const void *kept, void *data, int64_t stride, void *arg)
{
    const factors *to = arg;
    const REAL *scale = kept, *total = scale + m, *low = total + m;
    for (int64_t j = 0; j < m; j++) {
        REAL *y = (REAL *)data + j * stride;
        double root = sqrt((double)total[j] + (double)low[j]);
        *y = (REAL)(total[j] == 0 ? 0 : (double)scale[j] * root);
        if (!to)
            continue;
        int64_t at = y - (REAL *)to->y;
        bool usual = scale[j] > 0 && !isinf(scale[j]);
        ((REAL *)to->scale)[at] = usual ? scale[j] : 1;
        ((REAL *)to->root)[at] = usual ? (REAL)root : total[j] == 0 ? 1 : *y;
    }
}

static const ct_fold K(norm_fold) = {
    3, K(start_squares), K(fold_squares), K(join_squares), K(finish_squares)
};

/* gx = g sign(z) |z|^(p - 1), z = x / scale / root. The operands are gx, g, x, scale, root. */
static void K(norm_back)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    const slope *s = arg;
    REAL *gx = data[0];
    const REAL *g = data[1], *x = data[2], *scale = data[3], *root = data[4];
    for (int64_t i = 0; i < n; i++) {
        REAL z = x[i * stride[2]] / scale[i * stride[3]] / root[i * stride[4]];
        if (s->p != 2 && z != 0)
            z = F(copysign)(F(pow)(F(fabs)(z), (REAL)(s->p - 1)), z);
        REAL v = g[i * stride[1]] * z;
        gx[i * stride[0]] = s->adds ? gx[i * stride[0]] + v : v;
    }
}
