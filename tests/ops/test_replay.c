/* Every operator's samples, forward and backward, in programs: the bits of eager runs. */
#include <cotangent/op.h>

#include "programs.h"
#include "ways.h"

typedef struct sample {
    const ct_op *op;
    char attributes[1024];
    int which; /* -1: the outputs; else the gradient of that input */
    int order;
} sample;

/* the sum of the squares of all outputs that are floats, each over its own count */
static ct_tensor *squares(const sample *s, ct_tensor *const *x, int n)
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
    const sample *s = user;
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

static int64_t compared, replayed;
static char eager_names[2000];

static bool is_float(const ct_tensor *t)
{
    return ct_dtype_of(t) == CT_F32 || ct_dtype_of(t) == CT_F64;
}

/* the k-th sample with other numbers in each run; 0: there is none */
static int draw(sample *s, int k, ct_dtype dtype, ct_tensor **x)
{
    int n = s->op->sample(cx, k, x, s->attributes);
    for (int i = 0; i < n && dtype == CT_F32; i++)
        x[i] = is_float(x[i]) ? ct_cast(x[i], CT_F32) : x[i];
    return n;
}

static void compare(sample *s, int k, ct_dtype dtype)
{
    ct_program *p = ct_program_new(cx, function, s, NULL);
    int runs = EXHAUSTIVE ? 100 : 3;
    for (int run = 0; run < runs; run++) {
        ct_scope scope = ct_scope_begin(cx);
        ct_tensor *x[8];
        ct_seed(cx, (uint64_t)(7 * k + run));
        int n = draw(s, k, dtype, x);
        ct_seed(cx, 1);
        ct_tensor *want = function(cx, x, n, s);
        ct_seed(cx, 1);
        ct_error_clear(cx);
        ct_tensor *y = ct_program_run(p, x, n);
        ck_assert_msg(!want == !y && (!y || same_bits(y, want)),
                      "%s, sample %d, by %d, order %d, run %d: %s %s", s->op->name, k, s->which,
                      s->order, run, ct_program_text(p), ct_error_text(cx));
        ct_error_clear(cx);
        compared++;
        ct_scope_end(cx, scope);
    }
    ct_scope scope = ct_scope_begin(cx);
    int replays = 0;
    const char *text = ct_program_text(p), *at = strstr(text, "replayed ");
    if (at && sscanf(at, "replayed %d", &replays) == 1)
        replayed += replays;
    at = strstr(text, "eager: ");
    if (at && !strstr(eager_names, s->op->name) && strlen(eager_names) < 1800)
        sprintf(eager_names + strlen(eager_names), "%s (%.20s) ", s->op->name, at + 7);
    ct_scope_end(cx, scope);
    ct_program_free(p);
}

static void compare_all(const ct_op *op, ct_dtype dtype)
{
    sample s = { .op = op };
    ct_tensor *x[8];
    for (int k = 0;; k++) {
        ct_scope scope = ct_scope_begin(cx);
        int n = draw(&s, k, dtype, x);
        bool floats[8];
        for (int i = 0; i < n; i++)
            floats[i] = is_float(x[i]);
        ct_scope_end(cx, scope);
        if (n == 0)
            return;
        for (s.which = -1; s.which < n; s.which++)
            for (s.order = 1; s.order < (s.which < 0 || dtype == CT_F32 ? 2 : 3); s.order++)
                if (s.which < 0 || floats[s.which])
                    compare(&s, k, dtype);
    }
}

static void compare_list(ct_dtype dtype)
{
    int n;
    const ct_op *const *list = ct_op_list(&n);
    compared = replayed = 0;
    eager_names[0] = 0;
    for (int i = 0; i < n; i++)
        if (list[i]->sample && !(list[i]->flags & CT_OP_UPDATE) &&
            list[i]->attributes_size <= sizeof(((sample *)0)->attributes))
            compare_all(list[i], dtype);
    if (getenv("REPLAY_EAGER"))
        printf("%lld of %lld replayed; eager: %s\n", (long long)replayed, (long long)compared,
               eager_names);
    ck_assert_msg(replayed > compared / 2, "%lld of %lld", (long long)replayed,
                  (long long)compared);
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
