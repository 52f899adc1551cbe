/* Every operator's samples, forward and backward, in programs: the bits of eager runs. Where nothing
 * is left out to save time, each does 100 runs, and inputs that are large enough for several threads
 * follow, at 1 to 8 of them. */
#include "programs.h"
#include "walk/walk.h"
#include "ways.h"

enum { LARGE = EXHAUSTIVE ? 2 : 0, FEW = 3, MANY = EXHAUSTIVE ? 100 : FEW, THREADS = 8 };

typedef struct trial {
    const ct_op *op;
    _Alignas(16) char attributes[ATTRIBUTES];
    int number, code; /* of the sample; how it is enlarged */
    int which; /* -1: the outputs; else the gradient of that input */
    int order;
} trial;

/* the sum of the squares of all outputs that are floats, each over its own count */
static ct_tensor *squares(const trial *s, ct_tensor *const *x, int n)
{
    ct_tensor *y[8] = { 0 }, *sum = NULL;
    if (ct_apply_all(s->op, s->attributes, x, n, y) != CT_OK)
        return NULL;
    for (int i = 0; i < 8 && y[i]; i++) {
        bool is_float = ct_dtype_of(y[i]) == CT_F32 || ct_dtype_of(y[i]) == CT_F64;
        ct_tensor *part = ct_sum(ct_square(is_float ? y[i] : ct_cast(y[i], CT_F64)));
        part = is_float ? ct_cast(part, CT_F64) : part;
        sum = sum ? ct_add(sum, part) : part;
    }
    return sum;
}

static ct_tensor *function(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const trial *s = user;
    ct_tensor *in[8], *g[1];
    (void)c;
    for (int i = 0; i < n; i++)
        in[i] = i == s->which ? ct_variable(ct_detach(x[i])) : x[i];
    ct_tensor *y = squares(s, in, n);
    if (!y || s->which < 0 || !ct_requires_grad(y))
        return y;
    if (ct_grad(y, NULL, in + s->which, 1, s->order > 1 ? CT_CREATE_GRAPH | CT_ZERO_PATH
                                                        : CT_ZERO_PATH, g) != CT_OK)
        return NULL;
    ct_tensor *first = ct_sum(ct_square(g[0]));
    if (s->order > 1 && ct_requires_grad(first) &&
        ct_grad(first, NULL, in + s->which, 1, CT_ZERO_PATH, g) != CT_OK)
        return NULL;
    return g[0];
}

static int64_t compared, replayed, large;

/* Those whose rules read values, or write through C: a derivative stays eager, for that reason. */
static const char *const eager[][2] = {
    { "max_pool", "data" }, { "attention", "data_i64" }, { "cholesky", "cholesky" },
    { "solve_triangular", "solve_triangular" }, { "det", "data" }, { "slogdet", "data" },
    { "qr", "qr" }, { "eigh", "eigh" }, { "svd", "svd" }, { NULL, NULL }
};

/* the sample with other numbers in each run; 0: there is none */
static int draw(ct_context *c, trial *s, ct_dtype dtype, ct_tensor **x)
{
    int n = s->op->sample(c, s->number, x, s->attributes);
    for (int i = 0; i < n && dtype == CT_F32; i++)
        x[i] = is_float(x[i]) ? ct_cast(x[i], CT_F32) : x[i];
    enlarge(s->op, x, n, s->code);
    return n;
}

/* how often it was replayed; or it is one of those that stay eager */
static void look_at(const trial *s, const char *text)
{
    int replays = 0, k = 0;
    const char *at = strstr(text, "replayed ");
    if (at && sscanf(at, "replayed %d", &replays) == 1)
        replayed += replays;
    at = strstr(text, "eager: ");
    while (at && eager[k][0] && strcmp(eager[k][0], s->op->name) != 0)
        k++;
    if (at) {
        size_t n = eager[k][0] ? strlen(eager[k][1]) : 0;
        ck_assert_msg(n && s->which >= 0 && !strncmp(at + 7, eager[k][1], n) && at[7 + n] == '\n',
                      "%s by %d, order %d: %s", s->op->name, s->which, s->order, text);
    }
}

static void compare(trial *s, ct_dtype dtype, int runs, int threads)
{
    ct_context *c = threads > 1 ? ct_context_new(&(ct_context_options){ .threads = threads }) : cx;
    ct_program *p = ct_program_new(c, function, s, NULL);
    for (int run = 0; run < runs; run++) {
        ct_scope scope = ct_scope_begin(c);
        ct_tensor *x[TASK_INPUTS];
        ct_seed(c, (uint64_t)(7 * s->number + run));
        int n = draw(c, s, dtype, x);
        ct_seed(c, 1);
        ct_tensor *want = function(c, x, n, s);
        ct_seed(c, 1);
        ct_error_clear(c);
        ct_tensor *y = ct_program_run(p, x, n);
        ck_assert_msg(!want == !y && (!y || same_bits(y, want)),
                      "%s, sample %d, code %d, by %d, order %d, run %d, %d threads: %s %s",
                      s->op->name, s->number, s->code, s->which, s->order, run, threads,
                      ct_program_text(p), ct_error_text(c));
        ct_error_clear(c);
        compared++;
        ct_scope_end(c, scope);
    }
    ct_scope scope = ct_scope_begin(c);
    look_at(s, ct_program_text(p));
    ct_scope_end(c, scope);
    ct_program_free(p);
    if (c != cx)
        ct_context_free(c);
}

/* its outputs, and its derivatives by each input */
static void compare_derivatives(trial *s, ct_dtype dtype, const bool *floats, int n)
{
    for (s->which = -1; s->which < n; s->which++)
        for (s->order = 1; s->order < (s->which < 0 || (dtype == CT_F32 && !EXHAUSTIVE) ? 2 : 3);
             s->order++)
            if (s->which >= 0 && !floats[s->which])
                continue;
            else if (s->code == 0)
                compare(s, dtype, MANY, EXHAUSTIVE ? 1 + s->number % THREADS : 1);
            else
                for (int threads = 1; threads <= THREADS; threads++)
                    compare(s, dtype, FEW, threads);
}

/* How many inputs there are, 0: no such sample, -1: the operator does not take them so large. A
 * row beside a column has a result of 70,000 times 70,000 numbers, so there is a limit. */
static int inputs_of(trial *s, ct_dtype dtype, bool *floats)
{
    ct_tensor *x[TASK_INPUTS], *y[8];
    ct_context *c = ct_context_new(&(ct_context_options){ .max_bytes = (int64_t)1 << 24 });
    int n = draw(c, s, dtype, x);
    for (int i = 0; i < n; i++)
        floats[i] = is_float(x[i]);
    if (s->code > 0 && ct_apply_all(s->op, s->attributes, x, n, y) != CT_OK)
        n = -1;
    ct_context_free(c);
    return n;
}

static void compare_all(const ct_op *op, ct_dtype dtype)
{
    trial s = { .op = op };
    bool floats[TASK_INPUTS];
    for (int n, enlarged = 0; (n = inputs_of(&s, dtype, floats)) > 0; s.number++) {
        compare_derivatives(&s, dtype, floats, n);
        for (s.code = 1; s.code < codes_of(n) && enlarged < LARGE; s.code++)
            if (inputs_of(&s, dtype, floats) > 0) {
                compare_derivatives(&s, dtype, floats, n);
                enlarged++;
                large++;
            }
        s.code = 0;
    }
}

static void compare_list(ct_dtype dtype)
{
    int n, tried = 0;
    const ct_op *const *list = ct_op_list(&n);
    compared = replayed = large = 0;
    for (int i = 0; i < n; i++)
        if (list[i]->sample && !(list[i]->flags & CT_OP_UPDATE) &&
            list[i]->attributes_size <= ATTRIBUTES && in_share(tried++))
            compare_all(list[i], dtype);
    ck_assert_msg(replayed > compared / 2, "%lld of %lld", (long long)replayed,
                  (long long)compared);
    ck_assert_msg(!EXHAUSTIVE || large > 0, "%lld large ones", (long long)large);
}

START_TEST(f64)
{
    compare_list(CT_F64);
}
END_TEST

START_TEST(f32)
{
    compare_list(CT_F32);
}
END_TEST

Suite *replay_suite(void);
Suite *replay_suite(void)
{
    return make_suite("ops/replay", (const TTest *[]){ f64, f32, NULL });
}
