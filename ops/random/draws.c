/* Draws whose distribution has a parameter for each element. Element i takes draw number start + i
 * of the stream, so elements may be computed in any order.
 *
 *   exponential   y = e / r, so dy/dr = -e / r^2 = -y / r
 *   gamma         P(a, y) = u for a uniform number u, where P is the distribution function and p
 *                 its density: from 0 = dP/da + p dy/da follows dy/da = -(dP/da) / p
 *
 * A gamma draw is found by inversion of P, and not by rejection of candidates, which is quicker,
 * but whose result jumps when a moves past the point where another candidate is taken. */
#include <cotangent/op.h>
#include <cotangent/ops.h>
#include <float.h>
#include <math.h>

#include "gamma.h"

/* What the operators differ by: the user field of their ct_op. */
typedef struct kind {
    double (*draw)(double parameter, uint64_t bits);
    bool (*allows)(double parameter);
    const char *wanted;     /* for messages: "p must be in [0, 1]" */
    int64_t grain;          /* elements in a range of about 10 us */
} kind;

static double bernoulli_of(double p, uint64_t bits)
{
    return (double)(bits >> 11) * 0x1p-53 < p;
}

static bool is_probability(double p)
{
    return p >= 0 && p <= 1;
}

/* on a grid of 2^52 points between 0 and 1 */
static double uniform(uint64_t bits)
{
    return ((double)(bits >> 12) + 0.5) * 0x1p-52;
}

static double exponential_of(double rate, uint64_t bits)
{
    return -log1p(-uniform(bits)) / rate;
}

static double gamma_of(double alpha, uint64_t bits)
{
    return ct__gamma_quantile(alpha, uniform(bits));
}

static bool is_positive(double x)
{
    return x > 0 && x <= DBL_MAX;
}

static const kind bernoulli = { bernoulli_of, is_probability, "p must be in [0, 1]", 4096 };
static const kind exponential = { exponential_of, is_positive,
                                  "the rate must be positive and finite", 512 };
static const kind gamma_kind = { gamma_of, is_positive, "alpha must be positive and finite", 1 };

/* -- Numbers of either dtype */
typedef struct numbers {
    void *data;
    bool is_f32;
} numbers;

static double get(numbers x, int64_t i)
{
    return x.is_f32 ? ((const float *)x.data)[i] : ((const double *)x.data)[i];
}

static void put(numbers x, int64_t i, double value)
{
    if (x.is_f32)
        ((float *)x.data)[i] = (float)value;
    else
        ((double *)x.data)[i] = value;
}

static numbers numbers_of(const ct_tensor *x)
{
    return (numbers){ (void *)ct_data(x), ct_dtype_of(x) == CT_F32 };
}

/* -- Forward */
typedef struct job {
    const kind *kind;
    numbers x, y;
    uint64_t seed, start;
} job;

static void draw(int64_t begin, int64_t end, void *arg)
{
    const job *j = arg;
    for (int64_t i = begin; i < end; i++)
        put(j->y, i, j->kind->draw(get(j->x, i), ct_random_at(j->seed, j->start + (uint64_t)i)));
}

static ct_status draw_forward(ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0), *y = ct_call_y(call, 0);
    const kind *k = ct_call_op(call)->user;
    int64_t n = ct_count(x);
    job j = { .kind = k, .x = numbers_of(x) };
    j.y = (numbers){ ct_data_mutable(y), j.x.is_f32 };
    for (int64_t i = 0; i < n; i++)
        if (!k->allows(get(j.x, i)))
            return ct_call_fail(call, CT_ERROR_VALUE, "%s, and element %lld is %g", k->wanted,
                                (long long)i, get(j.x, i));
    j.seed = ct_call_seed(call);
    j.start = ct_call_draws(call, n);
    ct_parallel_ranges(ct_call_context(call), n, k->grain, draw, &j);
    return CT_OK;
}

static ct_status exponential_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    gx[0] = ct_neg(ct_div(ct_mul(gy[0], ct_call_y(call, 0)), ct_call_x(call, 0)));
    return CT_OK;
}

static ct_status gamma_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    gx[0] = ct_mul(gy[0], ct__gamma_slopes(1, ct_call_x(call, 0), ct_call_y(call, 0)));
    return CT_OK;
}

/* -- Samples */
static int sample_between(ct_context *cx, int k, ct_tensor **x, double low, double high)
{
    if (k >= 2)
        return 0;
    x[0] = ct_linspace(cx, CT_F64, low, high, 12);
    if (k == 1)
        x[0] = ct_reshape(x[0], CT_SHAPE(3, 4));
    return 1;
}

static int bernoulli_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    return sample_between(cx, k, x, 0, 1);
}

static int positive_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    return sample_between(cx, k, x, 0.6, 6.1);
}

extern const ct_op ct__bernoulli_op, ct__exponential_op, ct__gamma_op;
const ct_op ct__bernoulli_op = {
    .name = "bernoulli",
    .formula = "y = 1 with probability p, else 0",
    .derivative = "none",
    .inputs = 1,
    .flags = CT_OP_CONSTANT | CT_OP_CONTIGUOUS | CT_OP_RANDOM,
    .infer = ct_infer_same,
    .forward = draw_forward,
    .sample = bernoulli_sample,
    .user = &bernoulli,
};
const ct_op ct__exponential_op = {
    .name = "exponential",
    .formula = "y = e / rate, e from the exponential distribution of mean 1",
    .derivative = "grate = -g y / rate",
    .inputs = 1,
    .flags = CT_OP_CONTIGUOUS | CT_OP_RANDOM,
    .saves = CT_SAVE_X(0) | CT_SAVE_Y(0),
    .infer = ct_infer_same,
    .forward = draw_forward,
    .vjp = exponential_vjp,
    .sample = positive_sample,
    .user = &exponential,
};
const ct_op ct__gamma_op = {
    .name = "gamma",
    .formula = "P(alpha, y) = u, u uniform on 0 to 1",
    .derivative = "galpha = -g (dP/dalpha) / p(alpha, y)",
    .inputs = 1,
    .flags = CT_OP_CONTIGUOUS | CT_OP_RANDOM | CT_OP_SYMMETRIC,
    .saves = CT_SAVE_X(0) | CT_SAVE_Y(0),
    .infer = ct_infer_same,
    .forward = draw_forward,
    .vjp = gamma_vjp,
    .sample = positive_sample,
    .user = &gamma_kind,
};

ct_tensor *ct_bernoulli(ct_tensor *p)
{
    return ct_apply(&ct__bernoulli_op, NULL, &p, 1);
}

ct_tensor *ct_exponential(ct_tensor *rate)
{
    return ct_apply(&ct__exponential_op, NULL, &rate, 1);
}

ct_tensor *ct_gamma(ct_tensor *alpha)
{
    return ct_apply(&ct__gamma_op, NULL, &alpha, 1);
}
