/* A tensor in few numbers: all elements of a small one, a grid of blocks of a large one, and
 * statistics.
 *
 * Sums are taken of x / s, where s is the largest |x|: so nothing overflows on the way to a mean
 * that is finite. */
#include <math.h>

#include "pictures.h"

typedef struct summary {
    const ct_tensor *t;
    int64_t rows, columns, grid_rows, grid_columns; /* of the tensor as a matrix, and of the grid */
    bool whole;                                     /* each cell is one element */
    int64_t finite, nans, infinities, zeros;
    double min, max, size;                          /* of the finite elements; size: largest |x| */
    double sum, squares;                            /* of x / size, and of (x - mean) / size */
    int64_t bins[CT__BINS];
    double cells[CT__CELLS];
} summary;

/* -- Passes over all elements */
typedef void (*look)(summary *s, int64_t i, double x);

static void pass(summary *s, look at)
{
    int64_t index[CT_MAX_DIMS] = { 0 };
    const ct_tensor *t = s->t;
    int64_t bytes = (int64_t)ct__dtype_size((ct_dtype)t->dtype);
    const char *p = t->data;
    for (int64_t i = 0; i < t->count; i++) {
        at(s, i, ct__load(p, (ct_dtype)t->dtype));
        p += ct__next_element(ct__shape(t), ct__strides(t), t->ndim, index) * bytes;
    }
}

/* NaN, then infinities, then what is larger: what is noticed first in a picture */
static bool is_more(double a, double b)
{
    return isnan(a) ? !isnan(b) : !isnan(b) && fabs(a) > fabs(b);
}

static void first_look(summary *s, int64_t i, double x)
{
    double *cell = s->cells + i / s->columns * s->grid_rows / s->rows * s->grid_columns +
                   i % s->columns * s->grid_columns / s->columns;
    if (s->whole || is_more(x, *cell))
        *cell = x;
    s->nans += isnan(x);
    s->infinities += isinf(x) != 0;
    if (!isfinite(x))
        return;
    s->zeros += x == 0;
    s->min = s->finite == 0 || x < s->min ? x : s->min;
    s->max = s->finite == 0 || x > s->max ? x : s->max;
    s->finite++;
}

static void add_up(summary *s, int64_t i, double x)
{
    (void)i;
    if (!isfinite(x))
        return;
    s->sum += x / s->size;
    double low = s->min / s->size, range = s->max / s->size - low;
    int bin = range > 0 ? (int)((x / s->size - low) / range * CT__BINS) : 0;
    s->bins[bin < CT__BINS ? bin : CT__BINS - 1]++;
}

static void add_squares(summary *s, int64_t i, double x)
{
    double off = x / s->size - s->sum / (double)s->finite;
    (void)i;
    if (isfinite(x))
        s->squares += off * off;
}

/* -- The grid */
static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* At most `share` cells, about as wide and high as the tensor is. */
static void choose_grid(summary *s, int64_t share)
{
    const ct_tensor *t = s->t;
    s->columns = t->ndim ? ct__shape(t)[t->ndim - 1] : 1;
    s->rows = t->count / s->columns;
    int64_t side = smaller(s->rows, (int64_t)sqrt((double)share));
    s->grid_columns = smaller(s->columns, share / side);
    s->grid_rows = smaller(s->rows, share / s->grid_columns);
    s->whole = s->grid_rows * s->grid_columns == t->count;
    for (int64_t i = 0; i < s->grid_rows * s->grid_columns; i++)
        s->cells[i] = 0;
}

/* -- Printing */
static void put_field(ct__out *o, const char *name, double value, bool known, ct_dtype dtype)
{
    ct__print(o, ",\"%s\":", name);
    if (known)
        ct__print_number(o, value, dtype);
    else
        ct__print(o, "null");
}

static void put_statistics(ct__out *o, summary *s)
{
    bool known = s->finite > 0;
    ct_dtype dtype = (ct_dtype)s->t->dtype;
    double n = (double)s->finite;
    s->size = fmax(fabs(s->min), fabs(s->max));
    if (s->size > 0) {
        pass(s, add_up);
        pass(s, add_squares);
    } else {
        s->bins[0] = s->finite;
    }
    put_field(o, "min", s->min, known, dtype);
    put_field(o, "max", s->max, known, dtype);
    put_field(o, "mean", s->sum / n * s->size, known, CT_F64);
    put_field(o, "deviation", sqrt(s->squares / n) * s->size, known, CT_F64);
    ct__print(o, ",\"zeros\":%lld,\"nans\":%lld,\"infinities\":%lld", (long long)s->zeros,
            (long long)s->nans, (long long)s->infinities);
    if (s->whole)
        return;
    for (int i = 0; i < CT__BINS; i++)
        ct__print(o, "%s%lld", i ? "," : ",\"histogram\":[", (long long)s->bins[i]);
    ct__print(o, "]");
}

void ct__print_summary(ct__out *o, const ct_tensor *t, int64_t share)
{
    summary s = { .t = t };
    if (!t->buffer) {
        ct__print(o, "null");
        return;
    }
    if (t->count == 0) {
        ct__print(o, "{\"rows\":0,\"columns\":0,\"cells\":[]}");
        return;
    }
    choose_grid(&s, share < 1 ? 1 : smaller(share, CT__CELLS));
    pass(&s, first_look);
    ct__print(o, "{\"rows\":%lld,\"columns\":%lld,\"cells\":[", (long long)s.grid_rows,
            (long long)s.grid_columns);
    for (int64_t i = 0; i < s.grid_rows * s.grid_columns; i++) {
        ct__print_bytes(o, ",", i > 0);
        ct__print_number(o, s.cells[i], (ct_dtype)t->dtype);
    }
    ct__print(o, "]");
    if (t->count > 1)
        put_statistics(o, &s);
    ct__print(o, "}");
}
