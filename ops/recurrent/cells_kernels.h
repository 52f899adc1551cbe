/* Kernels of cells.c. "Numbers" are read or written, for each unit. s is the logistic function. */
#if IS_F32
#define TANH     vector_tanh
#define LOGISTIC vector_logistic
#else
#define TANH     double_tanh
#define LOGISTIC double_logistic
#endif

/* c = s(f) c + s(i) tanh k, h = s(o) tanh c; 13 numbers, 5 functions and 4 operations */
static void K(lstm)(const ct__cell_row *r)
{
    REAL *restrict i = r->gates, *restrict f = i + r->units, *restrict k = f + r->units;
    REAL *restrict o = k + r->units, *restrict h = r->h, *restrict c = r->c;
    REAL *restrict kept = r->kept, *restrict y = r->y;
    for (int64_t j = 0; j < r->units; j++) {
        REAL in = LOGISTIC(i[j]), forget = LOGISTIC(f[j]), candidate = TANH(k[j]);
        REAL out = LOGISTIC(o[j]), state = forget * c[j] + in * candidate;
        REAL shown = out * TANH(state);
        i[j] = in, f[j] = forget, k[j] = candidate, o[j] = out;
        c[j] = kept[j] = state;
        h[j] = y[j] = shown;
    }
}

/* With t = tanh c, and gc what c gets from later steps and through h, gc + gh o (1 - t^2):
 * eo = gh t o (1 - o), ei = gc k i (1 - i), ef = gc c' f (1 - f), ek = gc i (1 - k^2), gc' = gc f,
 * where c' is c before this step; 14 numbers, 1 function and 25 operations */
static void K(lstm_back)(const ct__cell_row_back *r)
{
    const int64_t n = r->units;
    const REAL *restrict i = r->gates, *restrict f = i + n, *restrict k = f + n;
    const REAL *restrict o = k + n, *restrict c = r->kept, *restrict before = r->before;
    const REAL *restrict gy = r->gy;
    REAL *restrict gh = r->gh, *restrict gc = r->gc;
    REAL *restrict ei = r->e, *restrict ef = ei + n, *restrict ek = ef + n, *restrict eo = ek + n;
    for (int64_t j = 0; j < n; j++) {
        REAL t = TANH(c[j]), g = gh[j] + gy[j], out = o[j], in = i[j], forget = f[j];
        REAL candidate = k[j], gs = gc[j] + g * out * ((1 - t) * (1 + t));
        ei[j] = gs * candidate * (in * (1 - in));
        ef[j] = gs * before[j] * (forget * (1 - forget));
        ek[j] = gs * in * ((1 - candidate) * (1 + candidate));
        eo[j] = g * t * (out * (1 - out));
        gc[j] = gs * forget;
        gh[j] = 0;
    }
}

/* With a from x and b from h: r = s(a_r + b_r), z = s(a_z + b_z), k = tanh(a_k + r b_k),
 * h = k + z (h - k); 13 numbers, 3 functions and 7 operations */
static void K(gru)(const ct__cell_row *w)
{
    const int64_t n = w->units;
    REAL *restrict r = w->gates, *restrict z = r + n, *restrict k = z + n, *restrict h = w->h;
    REAL *restrict kept = w->kept, *restrict y = w->y;
    const REAL *restrict br = w->recurrent, *restrict bz = br + n, *restrict bk = bz + n;
    for (int64_t j = 0; j < n; j++) {
        REAL reset = LOGISTIC(r[j] + br[j]), update = LOGISTIC(z[j] + bz[j]), part = bk[j];
        REAL candidate = TANH(k[j] + reset * part);
        REAL shown = candidate + update * (h[j] - candidate);
        r[j] = reset, z[j] = update, k[j] = candidate;
        kept[j] = part;
        h[j] = y[j] = shown;
    }
}

/* ek = gh (1 - z) (1 - k^2), ez = gh (h' - k) z (1 - z), er = ek b_k r (1 - r), gh' = gh z, where
 * h' is h before this step. The cotangents of b are those of a, but the last is ek r; 14 numbers,
 * 17 operations */
static void K(gru_back)(const ct__cell_row_back *w)
{
    const int64_t n = w->units;
    const REAL *restrict r = w->gates, *restrict z = r + n, *restrict k = z + n;
    const REAL *restrict part = w->kept, *restrict before = w->before, *restrict gy = w->gy;
    REAL *restrict gh = w->gh, *restrict er = w->e, *restrict ez = er + n, *restrict ek = ez + n;
    REAL *restrict rr = w->er, *restrict rz = rr + n, *restrict rk = rz + n;
    for (int64_t j = 0; j < n; j++) {
        REAL g = gh[j] + gy[j], reset = r[j], update = z[j], candidate = k[j];
        REAL c = g * (1 - update) * ((1 - candidate) * (1 + candidate));
        REAL u = g * (before[j] - candidate) * (update * (1 - update));
        REAL s = c * part[j] * (reset * (1 - reset));
        er[j] = rr[j] = s;
        ez[j] = rz[j] = u;
        ek[j] = c;
        rk[j] = c * reset;
        gh[j] = g * update;
    }
}

/* h = tanh a, where y and a are one; 3 numbers, 1 function */
static void K(tanh_cell)(const ct__cell_row *r)
{
    REAL *restrict y = r->y, *restrict h = r->h;
    for (int64_t j = 0; j < r->units; j++)
        h[j] = y[j] = TANH(y[j]);
}

static void K(relu_cell)(const ct__cell_row *r)
{
    REAL *restrict y = r->y, *restrict h = r->h;
    for (int64_t j = 0; j < r->units; j++)
        h[j] = y[j] = y[j] <= 0 ? 0 : y[j];
}

/* e = gh (1 - y^2); 5 numbers, 5 operations */
static void K(tanh_cell_back)(const ct__cell_row_back *r)
{
    const REAL *restrict y = r->y, *restrict gy = r->gy;
    REAL *restrict gh = r->gh, *restrict e = r->e;
    for (int64_t j = 0; j < r->units; j++) {
        e[j] = (gh[j] + gy[j]) * ((1 - y[j]) * (1 + y[j]));
        gh[j] = 0;
    }
}

static void K(relu_cell_back)(const ct__cell_row_back *r)
{
    const REAL *restrict y = r->y, *restrict gy = r->gy;
    REAL *restrict gh = r->gh, *restrict e = r->e;
    for (int64_t j = 0; j < r->units; j++) {
        REAL g = gh[j] + gy[j];
        e[j] = y[j] <= 0 ? 0 : g;
        gh[j] = 0;
    }
}

/* 2 or 3 numbers each */
static void K(put)(int64_t n, void *to, const void *from, bool adds)
{
    REAL *restrict y = to;
    const REAL *restrict x = from;
    for (int64_t j = 0; j < n; j++)
        y[j] = adds ? y[j] + x[j] : x[j];
}

static void K(sum)(int64_t n, void *to, const void *left, const void *right)
{
    REAL *restrict y = to;
    const REAL *a = left, *b = right;
    for (int64_t j = 0; j < n; j++)
        y[j] = a[j] + b[j];
}
#undef TANH
#undef LOGISTIC
