/* y = A x along each axis of images, where row i of A is not 0 in one run of columns only. Then the
 * transposed matrix is of this kind too, as the runs begin and end in order. So gx = A^T gy is the
 * same operator, with `transposed` the other way round.
 *
 * The axes are taken one after another, from plane to plane: the outermost first where images
 * become smaller, and last where they grow, so that most of the work is done on few elements. */
#include "resample.h"

#include <math.h>
#include <string.h>

#include "shrink.h"

/* -- Matrices */
typedef struct ct__matrix_rows {
    int64_t n;                       /* rows */
    struct {
        int64_t begin, n, at;        /* columns begin ... begin + n - 1 have weights[at] ... */
    } *rows;
    double *weights;
} ct__matrix_rows;

int64_t ct__window_begin(int64_t i, int64_t n, int64_t m)
{
    return i * (n / m) + i * (n % m) / m;
}

int64_t ct__window_end(int64_t i, int64_t n, int64_t m)
{
    return (i + 1) * (n / m) + ((i + 1) * (n % m) + m - 1) / m;
}

static int64_t clamp(int64_t i, int64_t low, int64_t high)
{
    return i < low ? low : i > high ? high : i;
}

/* where element i of y lies among those of x; the neighbors' weights are 1 - t and t */
static double place(const ct__resample *a, int d, int64_t i)
{
    double n = (double)a->in[d], m = (double)a->out[d];
    if (a->kind == CT__CORNERS)
        return m > 1 ? (double)i * (n - 1) / (m - 1) : 0;
    return fmax(((double)i + 0.5) * n / m - 0.5, 0);
}

/* The columns of row i: begin and n; the weights are put to `weights` if it is not NULL. */
static void find_row(const ct__resample *a, int d, int64_t i, int64_t *begin, int64_t *n,
                     double *weights)
{
    int64_t in = a->in[d], out = a->out[d], first = 0, end = 0;
    double divisor = 1;
    if (a->kind == CT__AVERAGE) {
        first = i * a->stride[d] - a->padding[d];
        end = clamp(first + a->kernel[d], 0, in + a->padding[d]);
        divisor = (double)(end - first);
        first = clamp(first, 0, in);
        end = clamp(end, first, in);
        if (a->exclude_padding)
            divisor = (double)(end - first);
    } else if (a->kind == CT__ADAPTIVE) {
        first = ct__window_begin(i, in, out);
        end = ct__window_end(i, in, out);
        divisor = (double)(end - first);
    } else if (a->kind == CT__NEAREST) {
        first = ct__window_begin(i, in, out);
        end = first + 1;
    } else {
        double at = place(a, d, i);
        first = clamp((int64_t)at, 0, in - 1);
        end = clamp(first + 1 + (at > (double)first), 0, in);
        if (weights) {
            weights[0] = end - first > 1 ? 1 - (at - (double)first) : 1;
            if (end - first > 1)
                weights[1] = at - (double)first;
        }
    }
    *begin = first;
    *n = end - first;
    for (int64_t k = 0; weights && k < end - first && a->kind <= CT__NEAREST; k++)
        weights[k] = 1 / divisor;
}

/* how many elements of the matrix along axis d are not 0 */
static int64_t count_weights(const ct__resample *a, int d)
{
    int64_t all = 0, begin, n;
    for (int64_t i = 0; i < a->out[d]; i++) {
        find_row(a, d, i, &begin, &n, NULL);
        all += n;
    }
    return all;
}

static void make_rows(ct__matrix_rows *t, const ct__resample *a, int d)
{
    int64_t at = 0;
    t->n = a->out[d];
    for (int64_t i = 0; i < t->n; i++) {
        t->rows[i].at = at;
        find_row(a, d, i, &t->rows[i].begin, &t->rows[i].n, t->weights + at);
        at += t->rows[i].n;
    }
}

/* row j has a column for each row of `of` that holds j */
static void make_transposed(ct__matrix_rows *t, const ct__matrix_rows *of, int64_t n)
{
    int64_t at = 0, begin = 0, end = 0;
    t->n = n;
    for (int64_t j = 0; j < n; j++) {
        while (end < of->n && of->rows[end].begin <= j)
            end++;
        while (begin < end && of->rows[begin].begin + of->rows[begin].n <= j)
            begin++;
        t->rows[j].begin = begin;
        t->rows[j].n = end - begin;
        t->rows[j].at = at;
        for (int64_t i = begin; i < end; i++)
            t->weights[at++] = of->weights[of->rows[i].at + j - of->rows[i].begin];
    }
}

/* -- The operator */
typedef void resample_kernel(const ct__matrix_rows *t, int64_t inner, const void *from, void *to);
#define CT_KERNELS "resample_kernels.h"
#include <cotangent/kernels.h>
static resample_kernel *const kernels[][CT_SIMDS] = CT_KERNEL_TABLE(apply);

static ct_status resample_infer(ct_call *call)
{
    const ct__resample *a = ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0);
    const int64_t *from = a->transposed ? a->out : a->in, *to = a->transposed ? a->in : a->out;
    int64_t shape[2 + AXES], sizes[AXES];
    int ndim = ct_ndim(x);
    ct_status status = ct_call_check_float(call);
    if (status != CT_OK)
        return status;
    if (ndim < 3 || ndim > 2 + AXES)
        return ct_call_fail(call, CT_ERROR_SHAPE, "takes images (N,C,...) with 1 to 3 axes after "
                            "the channels");
    ct__image_sizes(sizes, x);
    for (int d = 0; d < AXES; d++)
        if (sizes[d] != from[d] || from[d] < 1 || to[d] < 1)
            return ct_call_fail(call, CT_ERROR_SHAPE, "images of x and y must have elements");
    shape[0] = ct_size(x, 0);
    shape[1] = ct_size(x, 1);
    for (int d = 2; d < ndim; d++)
        shape[d] = to[d - ndim + AXES];
    return ct_call_set_y(call, 0, ct_dtype_of(x), shape, ndim);
}

enum { MOST_ROOM = 64 << 20 }; /* bytes of scratch of all ranges but one */

typedef struct work {
    ct__matrix_rows t[AXES];
    int order[AXES], count;    /* the axes along which something is done */
    int64_t from[AXES], to[AXES], in, out;
    const char *x;
    char *y, *room;            /* room: two planes for each range */
    int64_t grain, plane;      /* elements of the largest between two axes */
    size_t size;
    resample_kernel *kernel;
} work;

/* sizes after step s */
static void sizes_after(const work *w, int s, int64_t sizes[AXES])
{
    memcpy(sizes, w->from, sizeof w->from);
    for (int i = 0; i <= s; i++)
        sizes[w->order[i]] = w->to[w->order[i]];
}

static void run_plane(const work *w, const char *x, char *y, char *room)
{
    int64_t before[AXES], after[AXES];
    memcpy(before, w->from, sizeof before);
    for (int s = 0; s < w->count; s++) {
        int d = w->order[s];
        char *to = s == w->count - 1 ? y : room + (size_t)(s % 2 * w->plane) * w->size;
        int64_t inner = 1, outer = 1;
        sizes_after(w, s, after);
        for (int e = 0; e < AXES; e++)
            *(e < d ? &outer : &inner) *= e == d ? 1 : before[e];
        for (int64_t i = 0; i < outer; i++)
            w->kernel(&w->t[d], inner, x + (size_t)(i * before[d] * inner) * w->size,
                      to + (size_t)(i * after[d] * inner) * w->size);
        memcpy(before, after, sizeof before);
        x = to;
    }
    if (w->count == 0)
        memcpy(y, x, (size_t)w->in * w->size);
}

static void run_planes(int64_t begin, int64_t end, void *arg)
{
    const work *w = arg;
    for (int64_t i = begin; i < end; i++)
        run_plane(w, w->x + (size_t)(i * w->in) * w->size, w->y + (size_t)(i * w->out) * w->size,
                  w->room + (size_t)(begin / w->grain * 2 * w->plane) * w->size);
}

/* does the matrix along axis d change nothing? */
static bool is_identity(const ct__matrix_rows *t, int64_t n)
{
    for (int64_t i = 0; i < t->n; i++)
        if (t->n != n || t->rows[i].n != 1 || t->rows[i].begin != i ||
            t->weights[t->rows[i].at] != 1)
            return false;
    return true;
}

static bool make_matrix(const ct_call *call, work *w, int d)
{
    const ct__resample *a = ct_call_attributes(call);
    ct__matrix_rows t, *to = a->transposed ? &t : &w->t[d];
    size_t count = (size_t)count_weights(a, d);
    to->rows = ct_call_scratch(call, (size_t)a->out[d] * sizeof *to->rows);
    to->weights = ct_call_scratch(call, (count + 1) * sizeof *to->weights);
    if (!to->rows || !to->weights)
        return false;
    make_rows(to, a, d);
    if (!a->transposed)
        return true;
    w->t[d].rows = ct_call_scratch(call, (size_t)a->in[d] * sizeof *to->rows);
    w->t[d].weights = ct_call_scratch(call, (count + 1) * sizeof *to->weights);
    if (!w->t[d].rows || !w->t[d].weights)
        return false;
    make_transposed(&w->t[d], &t, a->in[d]);
    return true;
}

static ct_status resample_forward(ct_call *call)
{
    const ct__resample *a = ct_call_attributes(call);
    if (ct__has_tiles(a))
        return ct__run_tiles(call, a), CT_OK;
    ct_tensor *x = ct_call_x(call, 0), *y = ct_call_y(call, 0);
    work w = { .x = ct_data(x), .y = ct_data_mutable(y), .size = ct_dtype_size(ct_dtype_of(x)),
               .kernel = CT_KERNEL_OF(kernels, x) };
    int64_t planes = ct_size(x, 0) * ct_size(x, 1), sizes[AXES];
    memcpy(w.from, a->transposed ? a->out : a->in, sizeof w.from);
    memcpy(w.to, a->transposed ? a->in : a->out, sizeof w.to);
    w.in = ct__product(w.from);
    w.out = ct__product(w.to);
    for (int i = 0; i < AXES; i++) {
        int d = w.out < w.in ? i : AXES - 1 - i;
        if (!make_matrix(call, &w, d))
            return CT_ERROR_MEMORY;
        if (!is_identity(&w.t[d], w.from[d]))
            w.order[w.count++] = d;
    }
    for (int s = 0; s + 1 < w.count; s++) {
        sizes_after(&w, s, sizes);
        w.plane = ct__product(sizes) > w.plane ? ct__product(sizes) : w.plane;
    }
    w.grain = (1 << 15) / (w.in + w.out) + 1; /* some 10 us, but not more than 64 ranges */
    if (planes / w.grain > 64)
        w.grain = planes / 64;
    int64_t most = 1 + MOST_ROOM / (int64_t)(2 * (size_t)w.plane * w.size + 1); /* ranges */
    if (planes / w.grain >= most)
        w.grain = (planes + most - 1) / most;
    int64_t ranges = (planes + w.grain - 1) / w.grain;
    w.room = ct_call_scratch(call, (size_t)(ranges * 2 * w.plane + 1) * w.size);
    if (!w.room)
        return CT_ERROR_MEMORY;
    ct_parallel_ranges(ct_call_context(call), planes, w.grain, run_planes, &w);
    return CT_OK;
}

static ct_status resample_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct__resample a = *(const ct__resample *)ct_call_attributes(call);
    a.transposed = !a.transposed;
    gx[0] = ct__resample_image(gy[0], &a);
    return CT_OK;
}

static int resample_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const ct__resample samples[] = {
        { CT__AVERAGE, false, false, { 1, 4, 5 }, { 1, 2, 3 }, { 1, 2, 3 }, { 1, 2, 2 },
          { 0, 0, 1 } },
        { CT__AVERAGE, true, false, { 1, 5, 3 }, { 1, 3, 2 }, { 1, 3, 2 }, { 1, 2, 3 },
          { 0, 1, 1 } },
        { CT__ADAPTIVE, false, false, { 2, 5, 4 }, { 3, 2, 4 }, { 0 }, { 0 }, { 0 } },
        { CT__NEAREST, false, false, { 1, 2, 3 }, { 1, 5, 2 }, { 0 }, { 0 }, { 0 } },
        { CT__LINEAR, false, false, { 1, 3, 2 }, { 1, 7, 3 }, { 0 }, { 0 }, { 0 } },
        { CT__CORNERS, false, false, { 1, 3, 4 }, { 1, 5, 1 }, { 0 }, { 0 }, { 0 } },
        { CT__LINEAR, false, true, { 1, 1, 4 }, { 1, 1, 3 }, { 0 }, { 0 }, { 0 } },
    };
    if (k >= (int)(sizeof samples / sizeof *samples))
        return 0;
    const ct__resample *a = &samples[k];
    const int64_t *from = a->transposed ? a->out : a->in;
    *(ct__resample *)attributes = *a;
    int64_t shape[] = { k == 3 ? 0 : 2, 1, from[0], from[1], from[2] };
    if (a->in[0] > 1)
        x[0] = ct_randn(cx, CT_F64, shape, 5);
    else if (a->in[1] > 1)
        x[0] = ct_randn(cx, CT_F64, CT_SHAPE(shape[0], 2, from[1], from[2]));
    else
        x[0] = ct_randn(cx, CT_F64, CT_SHAPE(1, 2, from[2]));
    return 1;
}

extern const ct_op ct__resample_op;
const ct_op ct__resample_op = {
    .name = "resample",
    .formula = "y = A x along each axis of the images",
    .derivative = "gx = A^T g along each axis",
    .inputs = 1,
    .flags = CT_OP_CONTIGUOUS | CT_OP_LINEAR,
    .attributes_size = sizeof(ct__resample),
    .infer = resample_infer,
    .forward = resample_forward,
    .vjp = resample_vjp,
    .sample = resample_sample,
};

ct_tensor *ct__resample_image(ct_tensor *x, const ct__resample *a)
{
    return ct_apply(&ct__resample_op, a, &x, 1);
}
