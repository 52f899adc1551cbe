/* Kernels of cells.c. "Numbers" are read or written, for each unit. s is the logistic function.
 * VECTORIZE says that a unit reads nothing that another one writes: there are more pointers than a
 * compiler compares. */
#if IS_F32
#define TANH     vector_gate_tanh
#define LOGISTIC vector_gate
#else
#define TANH     double_tanh
#define LOGISTIC double_logistic
#endif

/* c = s(f) c + s(i) tanh k, h = s(o) tanh c; 13 numbers, 5 functions and 4 operations */
static void K(lstm)(const ct__cell_row *r)
{
    const int64_t n = r->units;
    REAL *i = r->gates, *f = i + n, *k = f + n, *o = k + n;
    REAL *h = r->h, *c = r->c, *kept = r->kept, *y = r->y;
    VECTORIZE
    for (int64_t j = 0; j < n; j++) {
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
    const REAL *i = r->gates, *f = i + n, *k = f + n;
    const REAL *o = k + n, *c = r->kept, *before = r->before;
    const REAL *gy = r->gy;
    REAL *gh = r->gh, *gc = r->gc;
    REAL *ei = r->e, *ef = ei + n, *ek = ef + n, *eo = ek + n;
    VECTORIZE
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
    REAL *r = w->gates, *z = r + n, *k = z + n, *h = w->h;
    REAL *kept = w->kept, *y = w->y;
    const REAL *br = w->recurrent, *bz = br + n, *bk = bz + n;
    VECTORIZE
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
    const REAL *r = w->gates, *z = r + n, *k = z + n;
    const REAL *part = w->kept, *before = w->before, *gy = w->gy;
    REAL *gh = w->gh, *er = w->e, *ez = er + n, *ek = ez + n;
    REAL *rr = w->er, *rz = rr + n, *rk = rz + n;
    VECTORIZE
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
    REAL *y = r->y, *h = r->h;
    VECTORIZE
    for (int64_t j = 0; j < r->units; j++)
        h[j] = y[j] = TANH(y[j]);
}

static void K(relu_cell)(const ct__cell_row *r)
{
    REAL *y = r->y, *h = r->h;
    VECTORIZE
    for (int64_t j = 0; j < r->units; j++)
        h[j] = y[j] = y[j] <= 0 ? 0 : y[j];
}

/* e = gh (1 - y^2); 5 numbers, 5 operations */
static void K(tanh_cell_back)(const ct__cell_row_back *r)
{
    const REAL *y = r->y, *gy = r->gy;
    REAL *gh = r->gh, *e = r->e;
    VECTORIZE
    for (int64_t j = 0; j < r->units; j++) {
        e[j] = (gh[j] + gy[j]) * ((1 - y[j]) * (1 + y[j]));
        gh[j] = 0;
    }
}

static void K(relu_cell_back)(const ct__cell_row_back *r)
{
    const REAL *y = r->y, *gy = r->gy;
    REAL *gh = r->gh, *e = r->e;
    VECTORIZE
    for (int64_t j = 0; j < r->units; j++) {
        REAL g = gh[j] + gy[j];
        e[j] = y[j] <= 0 ? 0 : g;
        gh[j] = 0;
    }
}

/* 2 or 3 numbers each */
static void K(put)(int64_t n, void *to, const void *from, bool adds)
{
    REAL *y = to;
    const REAL *x = from;
    VECTORIZE
    for (int64_t j = 0; j < n; j++)
        y[j] = adds ? y[j] + x[j] : x[j];
}

static void K(sum)(int64_t n, void *to, const void *left, const void *right)
{
    REAL *y = to;
    const REAL *a = left, *b = right;
    VECTORIZE
    for (int64_t j = 0; j < n; j++)
        y[j] = a[j] + b[j];
}
#undef TANH
#undef LOGISTIC
