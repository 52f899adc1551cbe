/* Kernels of norm.c. Per element of the norm: 1 read from memory and 1 from the cache, 1
 * comparison, 3 operations. Per element of its gradient: 2 reads, 1 write, 2 divisions and a power.
 *
 * As a fold the sum of squares keeps a scale for each result, the sum of (x / scale)^2, and what
 * was rounded off that sum. The scale is a power of 2, so that dividing by it is exact. Elements
 * come in pieces of 256, whose sums are added up in double. */
/* A scale for these n elements: near the largest |x|, and one by which f64 can be divided; 0 or
 * infinite if that is. NaNs are ignored. */
static double K(scale)(const REAL *x, int64_t n, int64_t stride)
{
    REAL most = 0;
    for (int64_t i = 0; i < n; i++) {
        REAL size = F(fabs)(x[i * stride]);
        most = size > most ? size : most;
    }
    if (most == 0 || isinf(most))
        return (double)most;
    int power = ilogb((double)most);
    return ldexp(1, power > 1000 ? 1000 : power < -1000 ? -1000 : power);
}

/* The sum of (x by)^2. Four sums hide the latency of an addition. */
static double K(sum_squares)(const REAL *x, int64_t n, int64_t stride, double by)
{
    double lane[4] = { 0 };
    int64_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (int k = 0; k < 4; k++) {
            double z = (double)x[(i + k) * stride] * by;
            lane[k] += z * z;
        }
    for (int k = 0; i < n; i++, k++) {
        double z = (double)x[i * stride] * by;
        lane[k] += z * z;
    }
    return (lane[0] + lane[2]) + (lane[1] + lane[3]);
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

/* Beside an infinity, the other terms matter only if one of them is NaN. */
static double K(sum_infinite)(const REAL *x, int64_t n, int64_t stride)
{
    int64_t nans = 0;
    for (int64_t i = 0; i < n; i++)
        nans += isnan(x[i * stride]) ? 1 : 0;
    return nans > 0 ? (double)NAN : 1;
}

static void K(fold_squares)(int64_t m, int64_t n, void *kept, const void *data, int64_t sm,
                            int64_t sn)
{
    enum { PIECE = 256 };
    for (int64_t j = 0; j < m; j++)
        for (int64_t i = 0; i < n; i += PIECE) {
            const REAL *x = (const REAL *)data + j * sm + i * sn;
            int64_t count = n - i < PIECE ? n - i : PIECE;
            double most = sn == 1 ? K(scale)(x, count, 1) : K(scale)(x, count, sn);
            double by = most > 0 ? 1 / most : 1;
            double sum = isinf(most) ? K(sum_infinite)(x, count, sn)
                         : sn == 1   ? K(sum_squares)(x, count, 1, by)
                                     : K(sum_squares)(x, count, sn, by);
            if (sum != 0)
                K(add_squares)(m, j, kept, most, sum);
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

static const ct_fold K(squares) = {
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
