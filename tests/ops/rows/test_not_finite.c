/* Everything in ops/rows, with infinities and NaN on each side of every boundary of its vectors,
 * pieces, blocks and parts, against plain loops in double: rows and columns, f32 and f64, every
 * kind of processor, one thread and three. */
#include "ways.h"

#include <cotangent/op.h>

/* -- The plain loops: what becomes of n elements */
static double first_nan(const double *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (isnan(x[i]))
            return (double)i;
    return -1;
}

static double place_of(const double *x, int64_t n, double sign)
{
    double at = first_nan(x, n);
    if (at >= 0)
        return at;
    at = 0;
    for (int64_t i = 1; i < n; i++)
        at = sign * x[i] > sign * x[(int64_t)at] ? (double)i : at;
    return at;
}

static void plain_argmax(const double *x, int64_t n, double *y)
{
    *y = place_of(x, n, 1);
}

static void plain_argmin(const double *x, int64_t n, double *y)
{
    *y = place_of(x, n, -1);
}

static void plain_max(const double *x, int64_t n, double *y)
{
    *y = x[(int64_t)place_of(x, n, 1)];
}

static void plain_min(const double *x, int64_t n, double *y)
{
    *y = x[(int64_t)place_of(x, n, -1)];
}

static void plain_sum(const double *x, int64_t n, double *y)
{
    *y = 0;
    for (int64_t i = 0; i < n; i++)
        *y += x[i];
}

static void plain_mean(const double *x, int64_t n, double *y)
{
    plain_sum(x, n, y);
    *y /= (double)n;
}

static void plain_var(const double *x, int64_t n, double *y)
{
    double mean;
    plain_mean(x, n, &mean);
    *y = 0;
    for (int64_t i = 0; i < n; i++)
        *y += (x[i] - mean) * (x[i] - mean) / (double)n;
}

static void plain_norm(const double *x, int64_t n, double *y)
{
    *y = 0;
    for (int64_t i = 0; i < n; i++)
        *y += x[i] * x[i];
    *y = sqrt(*y);
}

static void plain_std(const double *x, int64_t n, double *y)
{
    plain_var(x, n, y);
    *y = sqrt(*y);
}

static void plain_logsumexp(const double *x, int64_t n, double *y)
{
    double max, sum = 0;
    plain_max(x, n, &max);
    for (int64_t i = 0; i < n; i++)
        sum += exp(x[i] - max);
    *y = isfinite(max) ? max + log(sum) : max;
}

/* +inf makes NaN of a whole row, for inf - inf is one */
static void plain_log_softmax(const double *x, int64_t n, double *y)
{
    double sum;
    plain_logsumexp(x, n, &sum);
    for (int64_t i = 0; i < n; i++)
        y[i] = isfinite(sum) ? x[i] - sum : (double)NAN;
}

static void plain_softmax(const double *x, int64_t n, double *y)
{
    plain_log_softmax(x, n, y);
    for (int64_t i = 0; i < n; i++)
        y[i] = exp(y[i]);
}

static void plain_cross_entropy(const double *x, int64_t n, double *y)
{
    double sum;
    plain_logsumexp(x, n, &sum);
    *y = isfinite(sum) ? sum - x[n - 1] : (double)NAN;
}

static void plain_layer_norm(const double *x, int64_t n, double *y)
{
    double mean, var;
    plain_mean(x, n, &mean);
    plain_var(x, n, &var);
    for (int64_t i = 0; i < n; i++)
        y[i] = (x[i] - mean) / sqrt(var + 1e-5);
}

/* -- The same by operators, along one axis of two */
static ct_tensor *sum(ct_tensor *x, int axis)
{
    return ct_sum_over(x, CT_AXES(axis), 0);
}

static ct_tensor *mean(ct_tensor *x, int axis)
{
    return ct_mean_over(x, CT_AXES(axis), 0);
}

static ct_tensor *var(ct_tensor *x, int axis)
{
    return ct_var_over(x, CT_AXES(axis), 0);
}

static ct_tensor *norm(ct_tensor *x, int axis)
{
    return ct_norm_over(x, 2, CT_AXES(axis), 0);
}

static ct_tensor *std(ct_tensor *x, int axis)
{
    return ct_std_over(x, CT_AXES(axis), 0);
}

static ct_tensor *max(ct_tensor *x, int axis)
{
    return ct_max_over(x, CT_AXES(axis), 0);
}

static ct_tensor *min(ct_tensor *x, int axis)
{
    return ct_min_over(x, CT_AXES(axis), 0);
}

static ct_tensor *logsumexp(ct_tensor *x, int axis)
{
    return ct_logsumexp_over(x, CT_AXES(axis), 0);
}

static ct_tensor *cross_entropy(ct_tensor *x, int axis)
{
    ct_tensor *last = ct_full(ct_context_of(x), CT_I64, CT_SHAPE(ct_size(x, 1 - axis)),
                              (double)(ct_size(x, axis) - 1));
    return ct_cross_entropy_each(axis ? x : ct_transpose(x), last);
}

static ct_tensor *layer_norm(ct_tensor *x, int axis)
{
    ct_tensor *rows = axis ? x : ct_transpose(x);
    ct_tensor *y = ct_layer_norm(rows, CT_SHAPE(ct_size(x, axis)), NULL, NULL, 1e-5);
    return axis ? y : ct_transpose(y);
}

enum { LONG = 36866, PIECES = 2050 };
static const struct {
    const char *name;
    ct_tensor *(*run)(ct_tensor *x, int axis);
    void (*plain)(const double *x, int64_t n, double *y);
    int64_t longest; /* beyond, there are no boundaries of another kind */
    bool keeps;      /* y has x's shape */
} table[] = {
    { "sum", sum, plain_sum, LONG, false },
    { "mean", mean, plain_mean, LONG, false },
    { "var", var, plain_var, LONG, false },
    { "norm", norm, plain_norm, LONG, false },
    { "std", std, plain_std, PIECES, false },
    { "max", max, plain_max, LONG, false },
    { "min", min, plain_min, LONG, false },
    { "logsumexp", logsumexp, plain_logsumexp, LONG, false },
    { "argmax", ct_argmax, plain_argmax, LONG, false },
    { "argmin", ct_argmin, plain_argmin, LONG, false },
    { "softmax", ct_softmax, plain_softmax, PIECES, true },
    { "log_softmax", ct_log_softmax, plain_log_softmax, PIECES, true },
    { "cross_entropy", cross_entropy, plain_cross_entropy, PIECES, false },
    { "layer_norm", layer_norm, plain_layer_norm, PIECES, true },
};
enum { OPERATORS = sizeof table / sizeof *table, GROUPS = 131 };

static bool alike(double a, double b, double tolerance)
{
    return (isnan(a) && isnan(b)) || a == b || fabs(a - b) <= tolerance * (1 + fabs(b));
}

static double of_values[LONG], of_ones[LONG]; /* what the plain loops make of a group */

/* x is (groups, n) for axis 1, (n, groups) for axis 0; y of group `at` is of_values, and of the others
 * of_ones */
static void check(int op, ct_tensor *x, int axis, int64_t groups, int64_t n, int64_t at)
{
    static double got[LONG * 2 + GROUPS * 300];
    double tolerance = ct_dtype_of(x) == CT_F32 ? 1e-5 : 1e-12;
    int64_t each = table[op].keeps ? n : 1;
    ct_scope scope = ct_scope_begin(ct_context_of(x));
    ct_to_doubles(table[op].run(x, axis), got, groups * each);
    ct_scope_end(ct_context_of(x), scope);
    for (int64_t g = 0; g < groups; g++)
        for (int64_t i = 0; i < each; i++) {
            double is = got[axis ? g * each + i : i * groups + g];
            double want = g == at ? of_values[i] : of_ones[i];
            ck_assert_msg(alike(is, want, tolerance),
                          "%s of %s %lld of %lld, element %lld of %lld: %g, should be %g",
                          table[op].name, axis ? "row" : "column", (long long)g,
                          (long long)groups, (long long)i, (long long)n, is, want);
        }
}

static void put(ct_tensor *x, int axis, int64_t group, int64_t element, double value)
{
    if (axis)
        ct_set(x, CT_INDEX(group, element), value);
    else
        ct_set(x, CT_INDEX(element, group), value);
}

/* one number that is not finite among ones, or two of them */
static void check_place(int op, ct_tensor *const *x, int64_t groups, int64_t n, int64_t at,
                        int64_t place)
{
    static const double pairs[][2] = { { INFINITY, 1 }, { -INFINITY, 1 }, { NAN, 1 },
                                       { INFINITY, NAN }, { INFINITY, -INFINITY } };
    static double values[LONG];
    for (int64_t i = 0; i < n; i++)
        values[i] = 1;
    for (int k = 0; k < 5; k++) {
        int64_t other = n - 1 - place;
        values[other] = pairs[k][1];
        values[place] = pairs[k][0];
        table[op].plain(values, n, of_values);
        for (int axis = 0; axis < 2; axis++) {
            put(x[axis], axis, at, other, values[other]);
            put(x[axis], axis, at, place, values[place]);
            check(op, x[axis], axis, groups, n, at);
            put(x[axis], axis, at, other, 1);
            put(x[axis], axis, at, place, 1);
        }
        values[other] = values[place] = 1;
    }
}

static void check_places(int op, ct_tensor *const *x, int64_t groups, int64_t n, int64_t at)
{
    static const int64_t steps[] = { 8, 16, 32, 64, 128, 256, 1024, 4096, 32768 };
    static double ones[LONG];
    int first = n <= 300 ? 0 : n <= 2050 ? 6 : 7; /* long ones: each step takes a while */
    for (int64_t i = 0; i < n; i++)
        ones[i] = 1;
    table[op].plain(ones, n, of_ones);
    check_place(op, x, groups, n, at, 0);
    for (int k = first; k < 9 && steps[k] < n; k++) {
        check_place(op, x, groups, n, at, steps[k] - 1);
        check_place(op, x, groups, n, at, n - n % steps[k] - (n % steps[k] == 0));
    }
    check_place(op, x, groups, n, at, n - 1);
}

static void check_length(ct_context *c, ct_dtype dtype, int64_t groups, int64_t n, int64_t at)
{
    ct_scope scope = ct_scope_begin(c);
    ct_tensor *x[] = { ct_ones(c, dtype, CT_SHAPE(n, groups)), ct_ones(c, dtype,
                                                                       CT_SHAPE(groups, n)) };
    for (int op = 0; op < OPERATORS; op++)
        if (n <= table[op].longest)
            check_places(op, x, groups, n, at);
    ct_scope_end(c, scope);
    ck_assert_msg(ct_error(c) == CT_OK, "%s", ct_error_text(c));
}

/* what is short is never shared out */
static void check_threads(ct_simd simd, int threads)
{
    static const int64_t lengths[] = { 32769, LONG - 1, 1,  2,  7,   8,   15,   16,   17,
                                       31,    33,       63, 64, 65,  129, 257,  1025, 2049,
                                       4097,  32768 };
    static const int64_t columns[] = { 63, 64, 127, 128, GROUPS - 1 };
    ct_context *c = ct_context_new(&(ct_context_options){ .simd = simd, .threads = threads });
    for (int dtype = CT_F32; ct_simd_of(c) == simd && dtype <= CT_F64; dtype++) {
        for (int k = 0; k < (threads > 1 ? 2 : 20); k += SLOW ? 2 : 1)
            check_length(c, (ct_dtype)dtype, 1 + k / 2 % 2, lengths[k], k / 2 % 2);
        for (int k = 0; k < 5 && threads == 1; k++)
            check_length(c, (ct_dtype)dtype, GROUPS, 33, columns[k]);
    }
    ct_context_free(c);
}

static void check_simd(ct_simd simd)
{
    check_threads(simd, 1);
    check_threads(simd, 3);
}

START_TEST(at_every_boundary_on_any_processor)
{
    check_simd(CT_SIMD_PLAIN);
}
END_TEST

START_TEST(at_every_boundary_with_avx2)
{
    check_simd(CT_SIMD_AVX2);
}
END_TEST

START_TEST(at_every_boundary_with_avx512)
{
    check_simd(CT_SIMD_AVX512);
}
END_TEST

Suite *not_finite_suite(void);
Suite *not_finite_suite(void)
{
    return make_suite("not_finite", (const TTest *const[]){
        at_every_boundary_on_any_processor, at_every_boundary_with_avx2,
        at_every_boundary_with_avx512, NULL });
}
