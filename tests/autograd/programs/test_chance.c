/* Functions made of chance: one world runs such a function eagerly, and another one runs it as a
 * program. After each run the results, parameters, gradients, what is written in place, and the
 * random stream are the same. A failure names its seed, which decides all. `./run slow replay` does
 * many seeds; with TEST_SHARE=SEED/1000000 its build does one of them alone. */
#include "ways.h"

enum {
    SEEDS = EXHAUSTIVE ? 40000 : SLOW ? 50 : 300,
    RUNS = 4, INPUTS = 5, PARAMETERS = 4, RESULTS = 3, POOL = 64
};

typedef struct world {
    ct_context *cx;
    uint32_t seed;
    int64_t rows, columns;
    ct_dtype dtype;
    ct_tensor *parameter[PARAMETERS], *state; /* both are written in place */
    ct_optimizer *rule;
    struct world **self; /* an object, for ct_call_again */
} world;

/* a function while it is run */
typedef struct maker {
    world *w;
    uint32_t now;     /* of the choices */
    bool effects;     /* it may write to the world */
    ct_tensor *x[INPUTS], *small[8]; /* what broadcasts against the pool's tensors */
    ct_tensor *pool[POOL]; /* all of rows x columns */
    int count;
} maker;

static int pick(uint32_t *now, int n)
{
    uint32_t bits = *now = *now * 1664525u + 1013904223u;
    bits = (bits ^ bits >> 15) * 0x2c1b3c6du;
    return (int)((bits ^ bits >> 12) >> 8) % n;
}

static int choose(maker *m, int n)
{
    return pick(&m->now, n);
}

static ct_tensor *any(maker *m)
{
    return m->pool[choose(m, m->count)];
}

/* mostly one of the last four, so that long chains arise */
static ct_tensor *recent(maker *m)
{
    return choose(m, 3) ? m->pool[m->count - 1 - choose(m, m->count < 4 ? m->count : 4)] : any(m);
}

static void put(maker *m, ct_tensor *t)
{
    if (m->count < POOL)
        m->pool[m->count++] = t;
}

/* -- What a function is made of: each returns a tensor for the pool, or NULL */
static ct_tensor *of_one(maker *m)
{
    ct_tensor *a = recent(m);
    switch (choose(m, 14)) {
    case 0: return ct_tanh(a);
    case 1: return ct_sigmoid(a);
    case 2: return ct_scale(a, -1.5);
    case 3: return ct_sin(a);
    case 4: return ct_neg(a);
    case 5: return ct_relu(a);
    case 6: return ct_shift(a, 0.25);
    case 7: return ct_dropout(a, 0.25);
    case 8: return ct_exp(ct_neg(ct_square(a)));
    case 9: return ct_clamp(a, -1, 1);
    case 10: return ct_gelu(a);
    case 11: return ct_sign(a);
    case 12: return ct_cast(ct_cast(a, CT_F32), ct_dtype_of(a));
    default: return ct_rsub(1, a);
    }
}

static ct_tensor *combined(maker *m, ct_tensor *a, ct_tensor *b)
{
    switch (choose(m, 9)) {
    case 0: case 1: return ct_add(a, b);
    case 2: case 3: return ct_mul(a, b);
    case 4: return ct_sub(a, b);
    case 5: return ct_maximum(a, b);
    case 6: return ct_div(a, ct_shift(ct_square(b), 1));
    case 7: return ct_lerp(a, b, ct_sigmoid(a));
    default: return ct_where(ct_gt(a, b), a, b);
    }
}

static ct_tensor *of_two(maker *m)
{
    ct_tensor *a = recent(m);
    return combined(m, a, any(m));
}

static ct_tensor *of_a_small_one(maker *m)
{
    ct_tensor *a = recent(m), *small = m->small[choose(m, 8)];
    return choose(m, 4) ? combined(m, a, small) : ct_sub(ct_add(a, small), small);
}

static ct_tensor *of_a_sum(maker *m)
{
    ct_tensor *a = recent(m), *b = any(m);
    switch (choose(m, 6)) {
    case 0: return ct_mul(a, ct_mean_over(b, CT_AXES(1), CT_KEEPDIMS));
    case 1: return ct_sub(a, ct_mean_over(b, CT_AXES(0), 0));
    case 2: return ct_mul(a, ct_sum(ct_scale(b, 1e-3)));
    case 3: return ct_add(a, ct_mean(ct_square(b)));
    case 4: return ct_sub(a, ct_sum_over(a, CT_AXES(1), CT_KEEPDIMS));
    default: return ct_add(a, ct_mean_over(ct_slice(b, 0, 0, (m->w->rows + 1) / 2, 1), CT_AXES(0),
                                           0));
    }
}

static ct_tensor *of_a_product(maker *m)
{
    ct_tensor *a = recent(m), *b = any(m);
    if (m->w->rows > 200 || m->w->columns > 200)
        return combined(m, a, b);
    return ct_add(a, ct_scale(ct_matmul(ct_matmul(a, ct_transpose(b)), m->w->state), 1e-4));
}

/* a derivative on the way, which may have a graph */
static ct_tensor *of_a_gradient(maker *m)
{
    ct_tensor *a = recent(m), *p = m->w->parameter[0], *g;
    ct_tensor *y = ct_add(ct_sum(a), ct_mean(p));
    unsigned flags = choose(m, 2) ? CT_ZERO_PATH | CT_CREATE_GRAPH : CT_ZERO_PATH;
    return ct_grad(y, NULL, &p, 1, flags, &g) == CT_OK ? g : NULL;
}

/* b added to a in place, without a graph */
static bool add_to(ct_tensor *a, double factor, ct_tensor *b)
{
    ct_context *c = ct_context_of(a);
    ct_scope scope = ct_scope_begin(c);
    ct_no_grad(c);
    bool good = ct_assign_add(a, factor, b) == CT_OK;
    ct_scope_end(c, scope);
    return good;
}

/* a result is written in place after it was made: wholly, or every second column of it */
static ct_tensor *of_a_change(maker *m)
{
    ct_tensor *a = ct_detach(ct_mul(recent(m), m->x[0])), *b = ct_sin(any(m));
    int64_t n = m->w->columns;
    if (choose(m, 2))
        return add_to(a, 0.5, b) ? ct_add(a, any(m)) : NULL;
    bool good = add_to(ct_slice(a, 1, 0, n, 2), 0.5, ct_slice(b, 1, 0, n, 2));
    return good ? ct_add(a, any(m)) : NULL;
}

/* an operator of ours: x0 = x0 + x1 / 2, by kernels, which may join groups */
#define ADD_HALF(T) \
    static void add_half_##T(int64_t n, void *y, void *const *in, const void *attributes) \
    { \
        (void)attributes; \
        for (int64_t i = 0; i < n; i++) \
            ((T *)y)[i] = ((const T *)in[0])[i] + ((const T *)in[1])[i] / 2; \
    }
ADD_HALF(float)
ADD_HALF(double)

static const ct_kernels add_half = { .by = {
    [CT_F32] = { NULL, add_half_float, add_half_float, add_half_float },
    [CT_F64] = { NULL, add_half_double, add_half_double, add_half_double }
} };

static ct_status add_half_infer(ct_call *call)
{
    (void)call;
    return CT_OK;
}

static ct_status add_half_forward(ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0);
    ct_loop_kernel(call, CT_TENSORS(x, x, ct_call_x(call, 1)), &add_half, false);
    return CT_OK;
}

static const ct_op add_half_op = { .name = "add_half", .inputs = 2,
                                   .flags = CT_OP_KERNELS | CT_OP_UPDATE,
                                   .infer = add_half_infer, .forward = add_half_forward };

/* a part of a result is read, and another one, with which it overlaps, is then written */
static ct_tensor *of_parts(maker *m)
{
    ct_tensor *a = ct_detach(ct_mul(recent(m), m->x[0])), *b = any(m), *none[1] = { NULL };
    int64_t half = (m->w->rows + 1) / 2, from = m->w->rows / 4;
    ct_tensor *part = ct_sin(ct_slice(a, 0, 0, half, 1));
    ct_tensor *other = ct_slice(a, 0, from, from + half, 1);
    if (choose(m, 2))
        part = ct_mul(part, ct_neg(other));
    ct_tensor *const in[] = { other, ct_detach(part) };
    return ct_apply_all(&add_half_op, NULL, in, 2, none) == CT_OK ? ct_add(a, b) : NULL;
}

/* -- What writes to the world */
static ct_tensor *write_leaf(maker *m)
{
    ct_tensor *a = recent(m), *by = choose(m, 2) ? a : m->small[choose(m, 8)];
    bool state = choose(m, 2);
    if (!add_to(state ? m->w->state : m->w->parameter[0], 0.01, by))
        return NULL;
    return ct_add(ct_tanh(m->w->state), a);
}

static ct_tensor *backward_on_the_way(maker *m)
{
    ct_tensor *a = recent(m), *p = m->w->parameter[0];
    ct_tensor *y = ct_add(ct_mean(a), ct_scale(ct_sum(ct_mul(p, m->w->state)), 1e-3));
    if (ct_backward(y) != CT_OK)
        return NULL;
    int next = choose(m, 4);
    if (next == 0 && ct_optimizer_step(m->w->rule) != CT_OK)
        return NULL;
    if (next == 1 && ct_gradient(p))
        put(m, ct_scale(ct_gradient(p), 2));
    return ct_sin(a);
}

static ct_status again(void *self)
{
    world *w = *(world **)self;
    return ct_assign_add(w->state, 0.5, w->state);
}

static ct_tensor *call_again(maker *m)
{
    ct_tensor *a = recent(m);
    *m->w->self = m->w;
    if (choose(m, 2))
        ct_zero_grad(m->w->parameter[0]);
    else if (ct_call_again(m->w->cx, again, m->w->self) != CT_OK)
        return NULL;
    return ct_add(a, ct_mean(m->w->state));
}

static ct_tensor *next(maker *m)
{
    static ct_tensor *(*const kinds[])(maker *m) = {
        of_one, of_one, of_one, of_one, of_two, of_two, of_two, of_two, of_a_small_one,
        of_a_small_one, of_a_small_one, of_a_sum, of_a_sum, of_a_sum, of_a_product, of_a_gradient,
        of_a_change, of_parts, write_leaf, backward_on_the_way, call_again
    };
    enum { KINDS = sizeof kinds / sizeof kinds[0], PURE = KINDS - 3 };
    return kinds[choose(m, m->effects ? KINDS : PURE)](m);
}

/* -- A function */
/* gradients of the loss, by a parameter and the inputs that are variables; some of second order */
static bool end_with_gradients(maker *m, ct_tensor *loss, ct_tensor **y)
{
    ct_tensor *by[1 + INPUTS] = { m->w->parameter[0] }, *g[1 + INPUTS], *first;
    int n = 1;
    for (int i = 0; i < INPUTS; i++)
        if (ct_requires_grad(m->x[i]))
            by[n++] = m->x[i];
    if (choose(m, 3) == 0) {
        if (ct_grad(loss, NULL, by, 1, CT_CREATE_GRAPH, &first) != CT_OK)
            return false;
        loss = ct_add(loss, ct_sum(ct_square(first)));
    }
    if (ct_grad(loss, NULL, by, n, CT_ZERO_PATH, g) != CT_OK)
        return false;
    for (int i = 0; i < n; i++)
        g[i] = ct_reshape(ct_contiguous(g[i]), CT_SHAPE(-1));
    y[choose(m, 2)] = choose(m, 2) ? ct_concat(g, n, 0) : g[choose(m, n)];
    return true;
}

static bool end_with_a_step(maker *m, ct_tensor *loss, ct_tensor **y)
{
    ct_tensor *p = m->w->parameter[0];
    if (ct_backward(loss) != CT_OK)
        return false;
    if (choose(m, 2) && ct_gradient(p))
        y[2] = ct_neg(ct_square(ct_gradient(p)));
    if (choose(m, 3) && ct_optimizer_step(m->w->rule) != CT_OK)
        return false;
    if (choose(m, 2))
        y[0] = ct_add(y[0], ct_sum(ct_mul(p, m->pool[0])));
    return true;
}

/* x: a matrix, a row, a column, a matrix to be transposed, a number */
static ct_status function(ct_context *c, ct_tensor *const *x, int n, ct_tensor **y, void *user)
{
    maker m = { .w = user };
    m.now = m.w->seed * 2654435761u + 17;
    m.effects = choose(&m, 2);
    for (int i = 0; i < n; i++)
        m.x[i] = !m.effects && choose(&m, 2) ? ct_variable(ct_detach(x[i])) : x[i];
    ct_tensor *const small[] = { m.x[1], m.x[2], m.x[4], ct_transpose(m.x[3]), m.w->state,
                                 m.w->parameter[1], m.w->parameter[2], m.w->parameter[3] };
    memcpy(m.small, small, sizeof small);
    put(&m, m.x[0]);
    put(&m, m.w->parameter[0]);
    put(&m, ct_mul(m.x[0], m.w->parameter[0]));
    for (int steps = 6 + choose(&m, 26); steps > 0; steps--) {
        ct_tensor *t = next(&m);
        if (!t)
            return ct_error(c);
        put(&m, t);
    }
    y[0] = ct_add(ct_mean(m.pool[m.count - 1]), ct_sum(ct_scale(m.pool[m.count - 2], 0.5)));
    y[1] = any(&m);
    y[2] = any(&m);
    ct_tensor *loss = ct_add(y[0], ct_mean(m.w->parameter[0]));
    for (int i = 0; i < n; i++) /* so that each has a part in it */
        if (ct_requires_grad(m.x[i]))
            loss = ct_add(loss, ct_sum(m.x[i]));
    bool good = m.effects && choose(&m, 4) ? end_with_a_step(&m, loss, y)
                                           : end_with_gradients(&m, loss, y);
    return good ? CT_OK : ct_error(c);
}

/* -- Worlds */
/* sizes around those of groups and pieces; of one row, of one column; none at all */
static void choose_sizes(world *w)
{
    static const int64_t sizes[][2] = { { 1, 2100 }, { 2500, 1 }, { 3, 1400 }, { 33, 33 },
        { 45, 46 }, { 64, 64 }, { 300, 9 }, { 70, 40 }, { 3, 5 }, { 0, 7 }, { 5, 0 } };
    enum { SIZES = sizeof sizes / sizeof sizes[0] };
    uint32_t now = w->seed * 31 + 7;
    int k = pick(&now, SIZES + 4);
    w->dtype = pick(&now, 2) ? CT_F32 : CT_F64;
    w->rows = k < SIZES ? sizes[k][0] : 20 + pick(&now, 60);
    w->columns = k < SIZES ? sizes[k][1] : 40 + pick(&now, 60);
}

static void world_make(world *w, uint32_t seed)
{
    *w = (world){ .seed = seed };
    choose_sizes(w);
    int64_t r = w->rows, c = w->columns;
    int threads = EXHAUSTIVE ? 1 + (int)(seed % 8) : 1 + (int)(seed % 2);
    w->cx = ct_context_new(&(ct_context_options){ .threads = threads, .seed = seed + 1 });
    w->parameter[0] = ct_variable(ct_randn(w->cx, w->dtype, CT_SHAPE(r, c)));
    w->parameter[1] = ct_variable(ct_randn(w->cx, w->dtype, CT_SHAPE(c)));
    w->parameter[2] = ct_variable(ct_randn(w->cx, w->dtype, CT_SHAPE(r, 1)));
    w->parameter[3] = ct_variable(ct_randn(w->cx, w->dtype, CT_SHAPE(1)));
    w->state = ct_randn(w->cx, w->dtype, CT_SHAPE(r, c));
    w->self = ct_object_new(w->cx, sizeof *w->self, NULL);
    w->rule = seed % 2 ? ct_adam_new(w->parameter, PARAMETERS, 1e-2, NULL)
                       : ct_sgd_new(w->parameter, PARAMETERS, 1e-2,
                                    &(ct_sgd_options){ .momentum = seed % 4 ? 0.9 : 0 });
}

/* what happens between two runs, and the inputs of this one */
static void world_prepare(const world *w, int run, ct_tensor **x)
{
    int64_t r = w->rows, c = w->columns;
    x[0] = ct_randn(w->cx, w->dtype, CT_SHAPE(r, c));
    x[1] = ct_randn(w->cx, w->dtype, CT_SHAPE(c));
    x[2] = ct_randn(w->cx, w->dtype, CT_SHAPE(r, 1));
    x[3] = ct_randn(w->cx, w->dtype, CT_SHAPE(c, r));
    x[4] = ct_randn(w->cx, w->dtype, CT_SHAPE(1));
    if (run == 2) {
        ct_optimizer_set_rate(w->rule, 3e-3);
        ck_assert(add_to(w->state, 0.5, x[0]) && add_to(w->parameter[0], -0.5, x[0]));
    }
    if (run == 3 && w->seed % 3 == 0)
        ct_zero_grad(w->parameter[0]);
}

/* the same bits, but for what a NaN is made of */
static bool same_tensor(ct_tensor *a, ct_tensor *b)
{
    if (!a || !b || ct_dtype_of(a) != ct_dtype_of(b) || !ct_same_shape(a, b))
        return !a && !b;
    int64_t n = ct_count(a);
    size_t bytes = (size_t)n * ct_dtype_size(ct_dtype_of(a));
    char *p = malloc(bytes + 1), *q = malloc(bytes + 1);
    ck_assert(p && q && ct_to_memory(a, p, bytes) == CT_OK && ct_to_memory(b, q, bytes) == CT_OK);
    bool same = true;
    for (int64_t i = 0; i < n; i++) {
        float f, g;
        double d, e;
        if (bytes == 4 * (size_t)n) {
            memcpy(&f, p + 4 * i, 4), memcpy(&g, q + 4 * i, 4);
            same = same && (memcmp(&f, &g, 4) == 0 || (isnan(f) && isnan(g)));
        } else {
            memcpy(&d, p + 8 * i, 8), memcpy(&e, q + 8 * i, 8);
            same = same && (memcmp(&d, &e, 8) == 0 || (isnan(d) && isnan(e)));
        }
    }
    free(p);
    free(q);
    return same;
}

/* what differs, or NULL */
static const char *difference(const world *a, const world *b, ct_tensor **ya, ct_tensor **yb)
{
    for (int i = 0; i < RESULTS; i++)
        if (!same_tensor(ya[i], yb[i]))
            return "a result";
    for (int i = 0; i < PARAMETERS; i++)
        if (!same_tensor(a->parameter[i], b->parameter[i]))
            return "a parameter";
        else if (!same_tensor(ct_gradient(a->parameter[i]), ct_gradient(b->parameter[i])))
            return "a gradient";
    if (!same_tensor(a->state, b->state))
        return "what is written in place";
    return ct_random_stream(a->cx).draws == ct_random_stream(b->cx).draws ? NULL : "the stream";
}

/* false: the function fails, in both worlds */
static bool run_both(const world *a, const world *b, ct_program *p, int run)
{
    ct_tensor *xa[INPUTS], *xb[INPUTS], *ya[RESULTS], *yb[RESULTS];
    ct_scope scope_a = ct_scope_begin(a->cx), scope_b = ct_scope_begin(b->cx);
    world_prepare(a, run, xa);
    world_prepare(b, run, xb);
    bool good = function(a->cx, xa, INPUTS, ya, (void *)(uintptr_t)a) == CT_OK;
    bool same = good == (ct_program_run_all(p, xb, INPUTS, yb) == CT_OK);
    ck_assert_msg(same, "seed %u, run %d: one fails: %s / %s", (unsigned)a->seed, run,
                  ct_error_text(a->cx), ct_error_text(b->cx));
    const char *what = good ? difference(a, b, ya, yb) : NULL;
    ck_assert_msg(!what, "seed %u, run %d: %s differs; %s", (unsigned)a->seed, run, what,
                  ct_program_text(p));
    ct_error_clear(a->cx);
    ct_error_clear(b->cx);
    ct_scope_end(a->cx, scope_a);
    ct_scope_end(b->cx, scope_b);
    return good;
}

START_TEST(random_functions)
{
    int replayed = 0, grouped = 0, summed = 0, done = 0;
    for (uint32_t seed = 0; seed < SEEDS; seed++) {
        world a, b;
        if (!in_share(seed))
            continue;
        world_make(&a, seed);
        world_make(&b, seed);
        ct_program *p = ct_program_new_all(b.cx, function, RESULTS, &b, NULL);
        for (int run = 0; run < RUNS && run_both(&a, &b, p, run);)
            run++;
        const char *text = ct_program_text(p);
        done++;
        replayed += strstr(text, "replayed") != NULL;
        grouped += strstr(text, "a group") != NULL;
        summed += strstr(text, "and a sum") != NULL;
        ct_context_free(a.cx);
        ct_context_free(b.cx);
    }
    ck_assert_msg(done < 10 || (replayed > done / 2 && grouped > done / 3 && summed > 0),
                  "of %d functions, %d were replayed, %d had groups, %d sums", done, replayed,
                  grouped, summed);
}
END_TEST

Suite *chance_suite(void);
Suite *chance_suite(void)
{
    return make_suite("autograd/chance", (const TTest *[]){ random_functions, NULL });
}
