/* Pooling. Averages are linear maps of each axis (resample.c). The largest element of a window is
 * found with its number in the window, which is kept: y = x[place], so gx[place] += gy, where the
 * place follows from where the window begins and from the number. Windows may overlap, and then
 * more than one adds to a place. A number is kept as a byte, unless windows may have more than 256
 * elements: memory is what pooling waits for. */
#include <string.h>

#include "resample.h"
#include "squares.h"

/* -- Windows along each axis, without what lies in the padding */
typedef struct ct__window {
    int64_t begin, end;
} ct__window;

/* The attributes of max_pool. */
typedef struct pool {
    bool adaptive;
    int64_t in[AXES], out[AXES], kernel[AXES], stride[AXES], padding[AXES], dilation[AXES];
} pool;

typedef struct ct__windows {
    ct__window *of[AXES];
    int64_t in[AXES], out[AXES], step[AXES]; /* step: from one element to the next */
    int64_t most[AXES];         /* elements of a window, at most */
    int64_t alike, end, stride; /* windows alike ... end - 1 of the last axis lie in x as a whole,
                                   and begin `stride` apart */
    bool wide;                  /* numbers are of 8 bytes */
    int64_t *offset;            /* element `number` of a window is so far behind the first */
} ct__windows;

enum { SIDE = 64 };             /* windows that are looked at side by side */

static ct__window window_of(const pool *p, int d, int64_t i)
{
    if (p->adaptive)
        return (ct__window){ ct__window_begin(i, p->in[d], p->out[d]),
                             ct__window_end(i, p->in[d], p->out[d]) };
    int64_t begin = i * p->stride[d] - p->padding[d];
    int64_t end = begin + p->dilation[d] * (p->kernel[d] - 1) + 1;
    if (begin < 0)
        begin += (-begin + p->dilation[d] - 1) / p->dilation[d] * p->dilation[d];
    return (ct__window){ begin, end < p->in[d] ? end : p->in[d] };
}

static inline int64_t begin_of(const ct__windows *w, int64_t i, int64_t j, int64_t k)
{
    return (w->of[0][i].begin * w->in[1] + w->of[1][j].begin) * w->in[2] + w->of[2][k].begin;
}

static inline int64_t number_at(const ct__windows *w, const void *at, int64_t i)
{
    return w->wide ? ((const int64_t *)at)[i] : ((const unsigned char *)at)[i];
}

static inline void set_number(const ct__windows *w, void *at, int64_t i, int64_t number)
{
    if (w->wide)
        ((int64_t *)at)[i] = number;
    else
        ((unsigned char *)at)[i] = (unsigned char)number;
}

/* -- The operator max_pool */
typedef struct ct__max_kernels {
    void (*max)(const ct__windows *w, const void *x, void *y, void *at);
    void (*put)(const ct__windows *w, const void *at, const void *gy, void *gx, bool adds);
} ct__max_kernels;
#define CT_KERNELS "pool_kernels.h"
#include <cotangent/kernels.h>
static const ct__max_kernels *const kernels[][CT_SIMDS] = CT_KERNEL_TABLE(max_kernels);

/* Dilated windows may lie outside of x with all their elements. */
static bool has_empty_windows(const pool *p)
{
    for (int d = 0; d < AXES; d++)
        for (int64_t i = 0; i < p->out[d] && !p->adaptive && p->padding[d] > 0; i++) {
            ct__window w = window_of(p, d, i);
            if (w.begin >= w.end)
                return true;
        }
    return false;
}

/* elements of a window along axis d, at most */
static int64_t most_elements(const pool *p, int d)
{
    return p->adaptive ? (p->in[d] + p->out[d] - 1) / p->out[d] + (p->in[d] % p->out[d] != 0)
                       : p->kernel[d];
}

static bool is_wide(const pool *p)
{
    return most_elements(p, 0) * most_elements(p, 1) * most_elements(p, 2) > 256;
}

static ct_status max_infer(ct_call *call)
{
    const pool *p = ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0);
    int64_t shape[2 + AXES], sizes[AXES];
    int ndim = ct_ndim(x);
    ct_status status = ct_call_check_float(call);
    if (status != CT_OK)
        return status;
    if (ndim < 3 || ndim > 2 + AXES)
        return ct_call_fail(call, CT_ERROR_SHAPE, "takes images (N,C,...)");
    ct__image_sizes(sizes, x);
    for (int d = 0; d < AXES; d++)
        if (sizes[d] != p->in[d] || p->in[d] < 1 || p->out[d] < 0)
            return ct_call_fail(call, CT_ERROR_SHAPE, "an image must have elements");
    if (has_empty_windows(p))
        return ct_call_fail(call, CT_ERROR_SHAPE, "each window must have an element in the image, "
                            "and with this padding and dilation some have none");
    shape[0] = ct_size(x, 0);
    shape[1] = ct_size(x, 1);
    for (int d = 2; d < ndim; d++)
        shape[d] = p->out[d - ndim + AXES];
    status = ct_call_set_y(call, 0, ct_dtype_of(x), shape, ndim);
    int64_t numbers = shape[0] * shape[1] * ct__product(p->out);
    numbers = is_wide(p) ? numbers : (numbers + 7) / 8;
    return status == CT_OK ? ct_call_set_aux(call, 0, CT_I64, &numbers, 1) : status;
}

typedef struct work {
    ct__windows w;
    const ct__max_kernels *kernels;
    const char *from;
    char *to, *at;
    int64_t in, out;           /* elements of a channel */
    size_t size, number;       /* bytes of an element, and of a number */
    bool adds;
    ct__squares s;
    const ct__square_kernels *squares; /* NULL: windows are others */
} work;

/* Are the windows squares? Then to->squares says it. */
static void find_squares(work *to, const pool *p, const ct_tensor *x)
{
    bool are = !p->adaptive && p->in[0] == 1;
    for (int d = 1; d < AXES; d++)
        are = are && p->kernel[d] == 2 && p->stride[d] == 2 && p->dilation[d] == 1 &&
              p->padding[d] == 0 && 2 * p->out[d] <= p->in[d];
    to->s = (ct__squares){ p->out[1], p->out[2], p->in[2], to->in, 1 };
    to->squares = are ? ct__squares_for(x, p->out[2]) : NULL;
}

static void max_squares(int64_t begin, int64_t end, void *arg)
{
    const work *w = arg;
    ct__squares s = w->s;
    for (int64_t i = begin, n; i < end; i += n) {
        n = ct__many_squares(&s, end - begin);
        w->squares->max(&s, w->from + (size_t)(i * w->in) * w->size,
                        w->to + (size_t)(i * w->out) * w->size, w->at ? w->at + i * w->out : NULL);
    }
}

static void put_squares(int64_t begin, int64_t end, void *arg)
{
    const work *w = arg;
    ct__squares s = w->s;
    for (int64_t i = begin, n; i < end; i += n) {
        n = ct__many_squares(&s, end - begin);
        w->squares->put(&s, w->at + i * w->out, w->from + (size_t)(i * w->out) * w->size,
                        w->to + (size_t)(i * w->in) * w->size);
    }
}

static void max_planes(int64_t begin, int64_t end, void *arg)
{
    const work *w = arg;
    for (int64_t i = begin; i < end; i++)
        w->kernels->max(&w->w, w->from + (size_t)(i * w->in) * w->size,
                        w->to + (size_t)(i * w->out) * w->size,
                        w->at ? w->at + (size_t)(i * w->out) * w->number : NULL);
}

static void put_planes(int64_t begin, int64_t end, void *arg)
{
    const work *w = arg;
    for (int64_t i = begin; i < end; i++)
        w->kernels->put(&w->w, w->at + (size_t)(i * w->out) * w->number,
                        w->from + (size_t)(i * w->out) * w->size,
                        w->to + (size_t)(i * w->in) * w->size, w->adds);
}

/* channels for a thread at once: for some 10 us */
static int64_t grain_of(const work *w)
{
    return (1 << 14) / (w->in + w->out) + 1;
}

/* Adaptive windows are of different sizes, and the numbers in very large ones do not fit into 32
 * bits: these windows are looked at one by one. */
static void find_alike(ct__windows *w, const pool *p)
{
    w->alike = w->end = w->out[2];
    w->stride = p->stride[2];
    if (p->adaptive || ct__product(w->most) > INT32_MAX)
        return;
    int64_t spans = p->dilation[2] * (p->kernel[2] - 1) + 1;
    for (w->alike = 0; w->alike < w->out[2] && w->alike * w->stride < p->padding[2];)
        w->alike++;
    while (w->end > w->alike && (w->end - 1) * w->stride - p->padding[2] + spans > p->in[2])
        w->end--;
}

static void find_offsets(ct__windows *w)
{
    int64_t n = 0;
    for (int64_t z = 0; z < w->most[0]; z++)
        for (int64_t r = 0; r < w->most[1]; r++)
            for (int64_t x = 0; x < w->most[2]; x++)
                w->offset[n++] = (z * w->step[0] * w->in[1] + r * w->step[1]) * w->in[2] +
                                 x * w->step[2];
}

static bool prepare(const ct_call *call, work *to, const ct_tensor *x)
{
    const pool *p = ct_call_attributes(call);
    *to = (work){ .kernels = CT_KERNEL_OF(kernels, x), .size = ct_dtype_size(ct_dtype_of(x)),
                  .in = ct__product(p->in), .out = ct__product(p->out),
                  .number = is_wide(p) ? sizeof(int64_t) : 1,
                  .w = { .wide = is_wide(p) } };
    ct__windows *w = &to->w;
    memcpy(w->in, p->in, sizeof p->in);
    memcpy(w->out, p->out, sizeof p->out);
    for (int d = 0; d < AXES; d++) {
        w->step[d] = p->adaptive ? 1 : p->dilation[d];
        w->most[d] = most_elements(p, d);
        w->of[d] = ct_call_scratch(call, ((size_t)p->out[d] + 1) * sizeof(ct__window));
        if (!w->of[d])
            return false;
        for (int64_t i = 0; i < p->out[d]; i++)
            w->of[d][i] = window_of(p, d, i);
    }
    find_alike(w, p);
    find_squares(to, p, x);
    w->offset = ct_call_scratch(call, (size_t)ct__product(w->most) * sizeof *w->offset);
    if (w->offset)
        find_offsets(w);
    return w->offset;
}

static ct_status max_forward(ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0), *y = ct_call_y(call, 0);
    work w;
    if (!prepare(call, &w, x))
        return CT_ERROR_MEMORY;
    w.from = ct_data(x);
    w.to = ct_data_mutable(y);
    w.at = ct_call_records(call) ? ct_data_mutable(ct_call_aux(call, 0)) : NULL;
    ct_parallel_ranges(ct_call_context(call), ct_size(x, 0) * ct_size(x, 1), grain_of(&w),
                       w.squares ? max_squares : max_planes, &w);
    return CT_OK;
}

static ct_status max_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    ct_tensor *g = gx[0];
    work w;
    if (!prepare(call, &w, g))
        return CT_ERROR_MEMORY;
    w.from = ct_data(gy[0]);
    w.to = ct_data_mutable(g);
    w.at = (char *)(uintptr_t)ct_data(ct_call_aux(call, 0));
    w.adds = ct_call_adds(call, 0);
    bool squares = w.squares && !w.adds && 4 * w.out == w.in;
    ct_parallel_ranges(ct_call_context(call), ct_size(g, 0) * ct_size(g, 1), grain_of(&w),
                       squares ? put_squares : put_planes, &w);
    return CT_OK;
}

/* the places in the channels, of y's shape but with the image's axes as one */
static ct_tensor *places_of(const ct_call *call, const ct_tensor *y)
{
    ct_context *cx = ct_call_context(call);
    work w;
    if (!prepare(call, &w, y))
        return NULL;
    const char *numbers = ct_data(ct_call_aux(call, 0));
    ct_tensor *places = ct_zeros(cx, CT_I64, CT_SHAPE(ct_size(y, 0), ct_size(y, 1), w.out));
    int64_t *to = places ? ct_data_mutable(places) : NULL, at = 0;
    for (int64_t c = 0; to && c < ct_size(y, 0) * ct_size(y, 1); c++)
        for (int64_t i = 0; i < w.w.out[0]; i++)
            for (int64_t j = 0; j < w.w.out[1]; j++)
                for (int64_t k = 0; k < w.w.out[2]; k++, at++)
                    to[at] = begin_of(&w.w, i, j, k) + w.w.offset[number_at(&w.w, numbers, at)];
    return places;
}

static ct_status max_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *x = ct_call_x(call, 0), *at = places_of(call, gy[0]);
    ct_tensor *zeros = ct_flatten(ct_zeros(ct_call_context(call), ct_dtype_of(gy[0]), ct_shape(x),
                                           ct_ndim(x)), 2, -1);
    gx[0] = ct_reshape(ct_scatter_add(zeros, 2, at, ct_flatten(gy[0], 2, -1)), ct_shape(x),
                       ct_ndim(x));
    return CT_OK;
}

/* ty = tx[place] */
static ct_status max_jvp(const ct_call *call, ct_tensor *const *tx, ct_tensor **ty)
{
    const ct_tensor *y = ct_call_y(call, 0);
    ct_tensor *all = ct_gather(ct_flatten(tx[0], 2, -1), 2, places_of(call, y));
    ty[0] = ct_reshape(all, ct_shape(y), ct_ndim(y));
    return CT_OK;
}

static int max_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const pool samples[] = {
        { false, { 1, 4, 5 }, { 1, 2, 3 }, { 1, 2, 3 }, { 1, 2, 2 }, { 0, 0, 1 }, { 1, 1, 1 } },
        { false, { 1, 1, 7 }, { 1, 1, 5 }, { 1, 1, 2 }, { 1, 1, 1 }, { 0, 0, 0 }, { 1, 1, 2 } },
        { true, { 2, 3, 4 }, { 1, 2, 3 }, { 0 }, { 0 }, { 0 }, { 0 } },
        { false, { 1, 3, 2 }, { 1, 1, 1 }, { 1, 3, 2 }, { 1, 3, 2 }, { 0, 0, 0 }, { 1, 1, 1 } },
    };
    if (k >= (int)(sizeof samples / sizeof *samples))
        return 0;
    const pool *p = &samples[k];
    *(pool *)attributes = *p;
    int64_t shape[] = { k == 3 ? 0 : 2, 1, p->in[0], p->in[1], p->in[2] }, n = ct__product(p->in);
    ct_tensor *order = ct_cast(ct_randperm(cx, 2 * n), CT_F64); /* all differ by 1/4 or more */
    order = ct_scale(ct_shift(order, -(double)n), 0.25);
    if (k == 3)
        order = ct_zeros(cx, CT_F64, CT_SHAPE(0));
    if (p->in[0] > 1)
        x[0] = ct_reshape(order, shape, 5);
    else if (p->in[1] > 1)
        x[0] = ct_reshape(order, CT_SHAPE(shape[0], 1, shape[3], shape[4]));
    else
        x[0] = ct_reshape(order, CT_SHAPE(1, 2, shape[4]));
    return 1;
}

extern const ct_op ct__max_pool_op;
const ct_op ct__max_pool_op = {
    .name = "max_pool",
    .formula = "y[i] = max_k x[i stride + k dilation - padding]",
    .derivative = "gx[j] = sum of g[i] over all i whose largest element is x[j]",
    .inputs = 1,
    .flags = CT_OP_CONTIGUOUS,
    .saves = CT_SAVE_AUX,
    .attributes_size = sizeof(pool),
    .infer = max_infer,
    .forward = max_forward,
    .vjp = max_vjp,
    .jvp = max_jvp,
    .backward = max_backward,
    .sample = max_sample,
};

/* -- Options */
bool ct__is_image(const ct_tensor *x, const char *who)
{
    char room[CT_SHAPE_TEXT];
    if (!ct_usable(x, who))
        return false;
    ct_context *cx = ct_context_of(x);
    if (ct_ndim(x) < 3 || ct_ndim(x) > 2 + AXES)
        return ct_fail(cx, CT_ERROR_SHAPE, "%s: takes images (N,C,...) with 1 to 3 axes after the "
                       "channels, got %s", who, ct_shape_text(x, room)), false;
    for (int d = 2; d < ct_ndim(x); d++)
        if (ct_size(x, d) < 1)
            return ct_fail(cx, CT_ERROR_SHAPE, "%s: an image must have elements, got %s", who,
                           ct_shape_text(x, room)), false;
    return true;
}

bool ct__read_image_sizes(int64_t to[AXES], const ct_tensor *x, const char *who,
                          const int64_t *sizes, int n)
{
    ct_context *cx = ct_context_of(x);
    int axes = ct_ndim(x) - 2;
    if (!sizes || (n != 1 && n != axes))
        return ct_fail(cx, CT_ERROR_VALUE, "%s: takes 1 size or %d, got %d", who, axes,
                       sizes ? n : 0), false;
    for (int d = 0; d < AXES; d++) {
        to[d] = d < AXES - axes ? 1 : sizes[n == 1 ? 0 : d - (AXES - axes)];
        if (to[d] < 1 || to[d] > 1 << 30)
            return ct_fail(cx, CT_ERROR_VALUE, "%s: a size must be from 1 to %d, got %lld", who,
                           1 << 30, (long long)to[d]), false;
    }
    return true;
}

/* how many windows there are along axis d */
static bool count_windows(const ct_tensor *x, pool *p, const char *who, int d, bool ceil)
{
    ct_context *cx = ct_context_of(x);
    int64_t padded = p->in[d] + 2 * p->padding[d];
    if (p->kernel[d] < 1)
        return ct_fail(cx, CT_ERROR_VALUE, "%s: the kernel must have a size along each axis", who),
               false;
    if (p->padding[d] > p->kernel[d] / 2)
        return ct_fail(cx, CT_ERROR_VALUE, "%s: padding must be at most half the kernel, which is "
                       "%lld; got %lld", who, (long long)p->kernel[d], (long long)p->padding[d]),
               false;
    int64_t room = padded - p->dilation[d] * (p->kernel[d] - 1) - 1, step = p->stride[d];
    if (room < 0 && !(ceil && room > -step))
        return ct_fail(cx, CT_ERROR_SHAPE, "%s: the kernel must fit into the padded image: it "
                       "spans %lld elements of %lld", who, (long long)(padded - room),
                       (long long)padded), false;
    p->out[d] = room < 0 ? 1 : (room + (ceil ? step - 1 : 0)) / step + 1;
    if (ceil && (p->out[d] - 1) * step >= p->in[d] + p->padding[d])
        p->out[d]--; /* the last window would lie behind x */
    return true;
}

static bool read_pool(pool *p, const ct_tensor *x, const char *who, const ct_pool_options *o)
{
    if (!ct__is_image(x, who))
        return false;
    ct_context *cx = ct_context_of(x);
    int axes = ct_ndim(x) - 2;
    if (!o)
        return ct_fail(cx, CT_ERROR_NULL, "%s: the options are NULL, and must say the kernel",
                       who), false;
    for (int i = 0; i < 4; i++)
        if (o->reserved[i] != 0)
            return ct_fail(cx, CT_ERROR_VALUE, "%s: the reserved fields of the options must be 0",
                           who), false;
    const ct__numbers kernel = { "kernel", o->kernel, o->kernels, 0 };
    const ct__numbers stride = { "stride", o->stride, o->strides, 0 };
    const ct__numbers padding = { "padding", o->padding, o->paddings, 0 };
    const ct__numbers dilation = { "dilation", o->dilation, o->dilations, 1 };
    ct__image_sizes(p->in, x);
    if (!ct__read_numbers(cx, who, p->kernel, &kernel, axes) ||
        !ct__read_numbers(cx, who, p->stride, &stride, axes) ||
        !ct__read_numbers(cx, who, p->padding, &padding, axes) ||
        !ct__read_numbers(cx, who, p->dilation, &dilation, axes))
        return false;
    for (int d = 0; d < AXES; d++) {
        if (d < AXES - axes)
            p->kernel[d] = 1;
        if (p->stride[d] == 0)
            p->stride[d] = p->kernel[d];
        if (!count_windows(x, p, who, d, o->ceil && d >= AXES - axes))
            return false;
    }
    return true;
}

/* -- The functions */
ct_tensor *ct_max_pool(ct_tensor *x, const ct_pool_options *options)
{
    pool p = { .adaptive = false };
    if (!x || !read_pool(&p, x, "max_pool", options))
        return NULL;
    if (options->exclude_padding)
        return ct_fail(ct_context_of(x), CT_ERROR_VALUE, "max_pool: exclude_padding is for "
                       "ct_avg_pool"), NULL;
    return ct_apply(&ct__max_pool_op, &p, &x, 1);
}

ct_tensor *ct_avg_pool(ct_tensor *x, const ct_pool_options *options)
{
    pool p = { .adaptive = false };
    if (!x || !read_pool(&p, x, "avg_pool", options))
        return NULL;
    if (p.dilation[0] != 1 || p.dilation[1] != 1 || p.dilation[2] != 1)
        return ct_fail(ct_context_of(x), CT_ERROR_VALUE, "avg_pool: has no dilation"), NULL;
    ct__resample a = { .kind = CT__AVERAGE, .exclude_padding = options->exclude_padding };
    memcpy(a.in, p.in, sizeof a.in);
    memcpy(a.out, p.out, sizeof a.out);
    memcpy(a.kernel, p.kernel, sizeof a.kernel);
    memcpy(a.stride, p.stride, sizeof a.stride);
    memcpy(a.padding, p.padding, sizeof a.padding);
    return ct__resample_image(x, &a);
}

ct_tensor *ct_adaptive_max_pool(ct_tensor *x, const int64_t *sizes, int n)
{
    pool p = { .adaptive = true };
    if (!x || !ct__is_image(x, "adaptive_max_pool") ||
        !ct__read_image_sizes(p.out, x, "adaptive_max_pool", sizes, n))
        return NULL;
    ct__image_sizes(p.in, x);
    return ct_apply(&ct__max_pool_op, &p, &x, 1);
}

ct_tensor *ct_adaptive_avg_pool(ct_tensor *x, const int64_t *sizes, int n)
{
    ct__resample a = { .kind = CT__ADAPTIVE };
    if (!x || !ct__is_image(x, "adaptive_avg_pool") ||
        !ct__read_image_sizes(a.out, x, "adaptive_avg_pool", sizes, n))
        return NULL;
    ct__image_sizes(a.in, x);
    return ct__resample_image(x, &a);
}
