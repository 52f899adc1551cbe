/* multinomial: indices drawn with probabilities in proportion to weights.
 *
 * With replacement, a uniform number times the sum of the weights is looked for among their partial
 * sums. Without, index i gets the time e_i / w_i with e_i from the exponential distribution, and
 * the n earliest times are drawn, in order: the chance that i is the earliest of those that are
 * left is w_i / sum of theirs (Efraimidis, Spirakis, Information Processing Letters 97, 2006). */
#include <cotangent/op.h>
#include <cotangent/ops.h>
#include <math.h>

typedef struct attributes {
    int64_t n;
    bool replace;
} attributes;

static const attributes *attributes_of(const ct_call *call)
{
    return ct_call_attributes(call);
}

static ct_status multinomial_infer(ct_call *call)
{
    const ct_tensor *weights = ct_call_x(call, 0);
    int64_t shape[CT_MAX_DIMS], n = attributes_of(call)->n;
    int ndim = ct_ndim(weights);
    if (ct_call_check_float(call) != CT_OK)
        return CT_ERROR_DTYPE;
    if (ndim < 1)
        return ct_call_fail(call, CT_ERROR_SHAPE, "the weights must have a dimension at least");
    if (n < 0)
        return ct_call_fail(call, CT_ERROR_VALUE, "n must not be negative, got %lld", (long long)n);
    for (int d = 0; d < ndim; d++)
        shape[d] = ct_shape(weights)[d];
    shape[ndim - 1] = n;
    return ct_call_set_y(call, 0, CT_I64, shape, ndim);
}

typedef struct job {
    const void *weights;
    bool is_f32, replace;
    int64_t classes, n;
    int64_t *y;
    double *room;           /* of each row: `classes` numbers */
    uint64_t seed, start;
    int64_t draws;          /* of each row */
} job;

static double weight_at(const job *j, int64_t i)
{
    return j->is_f32 ? ((const float *)j->weights)[i] : ((const double *)j->weights)[i];
}

/* uniform in (0, 1) */
static double uniform(const job *j, int64_t i)
{
    return ((double)(ct_random_at(j->seed, j->start + (uint64_t)i) >> 12) + 0.5) * 0x1p-52;
}

/* The first index whose partial sum is above u times the sum of all. */
static void draw_again(const job *j, int64_t row)
{
    double *sums = j->room + row * j->classes, sum = 0;
    int64_t last = 0;
    for (int64_t i = 0; i < j->classes; i++) {
        double weight = weight_at(j, row * j->classes + i);
        sum += weight;
        sums[i] = sum;
        if (weight > 0)
            last = i;
    }
    for (int64_t k = 0; k < j->n; k++) {
        double wanted = uniform(j, row * j->draws + k) * sum;
        int64_t low = 0, high = last; /* the last one may be above no partial sum, by rounding */
        while (low < high) {
            int64_t middle = low + (high - low) / 2;
            if (sums[middle] > wanted)
                high = middle;
            else
                low = middle + 1;
        }
        j->y[row * j->n + k] = low;
    }
}

/* The n earliest times. Those taken become infinite. */
static void draw_once(const job *j, int64_t row)
{
    double *times = j->room + row * j->classes;
    for (int64_t i = 0; i < j->classes; i++) {
        double weight = weight_at(j, row * j->classes + i);
        times[i] = weight > 0 ? -log(uniform(j, row * j->draws + i)) / weight : INFINITY;
    }
    for (int64_t k = 0; k < j->n; k++) {
        int64_t earliest = 0;
        for (int64_t i = 1; i < j->classes; i++)
            if (times[i] < times[earliest])
                earliest = i;
        j->y[row * j->n + k] = earliest;
        times[earliest] = INFINITY;
    }
}

static void draw_row(int64_t row, void *arg)
{
    const job *j = arg;
    if (j->replace)
        draw_again(j, row);
    else
        draw_once(j, row);
}

/* -- Checks: each row has enough weights that are positive */
static ct_status check_row(const ct_call *call, const job *j, int64_t row)
{
    int64_t positive = 0, needed = j->n == 0 ? 0 : j->replace ? 1 : j->n;
    double sum = 0;
    for (int64_t i = 0; i < j->classes; i++) {
        double weight = weight_at(j, row * j->classes + i);
        if (!(weight >= 0 && isfinite(weight)))
            return ct_call_fail(call, CT_ERROR_VALUE, "a weight must be finite and not negative, "
                                "and weight %lld of row %lld is %g", (long long)i, (long long)row,
                                weight);
        positive += weight > 0;
        sum += weight;
    }
    if (positive < needed)
        return ct_call_fail(call, CT_ERROR_VALUE, "row %lld has %lld positive weights, and must "
                            "have %lld", (long long)row, (long long)positive, (long long)needed);
    if (!isfinite(sum))
        return ct_call_fail(call, CT_ERROR_VALUE, "the sum of the weights of row %lld is infinite",
                            (long long)row);
    return CT_OK;
}

static ct_status multinomial_forward(ct_call *call)
{
    ct_tensor *weights = ct_call_x(call, 0), *y = ct_call_y(call, 0);
    job j = { .weights = ct_data(weights), .is_f32 = ct_dtype_of(weights) == CT_F32,
              .replace = attributes_of(call)->replace, .n = attributes_of(call)->n,
              .classes = ct_size(weights, -1), .y = ct_data_mutable(y) };
    int64_t rows = j.n > 0 ? ct_count(y) / j.n : 0;
    for (int64_t row = 0; row < rows; row++)
        if (check_row(call, &j, row) != CT_OK)
            return CT_ERROR_VALUE;
    j.draws = j.replace ? j.n : j.classes;
    j.room = ct_call_scratch(call, (size_t)(rows * j.classes) * sizeof(double));
    if (!j.room)
        return CT_ERROR_MEMORY;
    j.seed = ct_call_seed(call);
    j.start = ct_call_draws(call, rows * j.draws);
    ct_parallel_for(ct_call_context(call), rows, draw_row, &j);
    return CT_OK;
}

static int multinomial_sample(ct_context *cx, int k, ct_tensor **x, void *given)
{
    if (k >= 3)
        return 0;
    *(attributes *)given = (attributes){ k + 1, k != 1 };
    x[0] = ct_linspace(cx, CT_F64, 0.25, 2, 12);
    if (k > 0)
        x[0] = ct_reshape(x[0], CT_SHAPE(3, 4));
    return 1;
}

extern const ct_op ct__multinomial_op;
const ct_op ct__multinomial_op = {
    .name = "multinomial",
    .formula = "y = n indices for each row of weights",
    .derivative = "none",
    .inputs = 1,
    .flags = CT_OP_CONSTANT | CT_OP_CONTIGUOUS | CT_OP_RANDOM,
    .attributes_size = sizeof(attributes),
    .infer = multinomial_infer,
    .forward = multinomial_forward,
    .sample = multinomial_sample,
};

ct_tensor *ct_multinomial(ct_tensor *weights, int64_t n, bool replace)
{
    return ct_apply(&ct__multinomial_op, &(attributes){ n, replace }, &weights, 1);
}
