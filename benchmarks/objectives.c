#include "objectives.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

double bench_uniform(int64_t stream, int64_t i)
{
    uint64_t h = ((uint64_t)(i + 1000003 * stream) * 2654435761u) & 0xffffffffu;
    h ^= h >> 15;
    h = (h * 2246822519u) & 0xffffffffu;
    return (double)(h ^ h >> 13) / 4294967296.0;
}

/* a + b u, u uniform: (n) */
static ct_tensor *numbers(ct_context *cx, int64_t stream, int64_t n, double a, double b)
{
    ct_tensor *x = ct_empty(cx, CT_F64, &n, 1);
    double *out = ct_data_mutable(x);
    for (int64_t i = 0; out && i < n; i++)
        out[i] = a + b * bench_uniform(stream, i);
    return x;
}

static ct_tensor *table(ct_context *cx, int64_t stream, int64_t rows, int64_t columns, double a,
                        double b)
{
    return ct_reshape(numbers(cx, stream, rows * columns, a, b), CT_SHAPE(rows, columns));
}

/* -- The examples' (docs/examples) */
/* sum of log(1 + e^z) - t z, z = data w. x: w (5) */
static ct_tensor *logistic(const objective *o, ct_tensor *x)
{
    return ct_sum(ct_binary_cross_entropy_each(ct_matmul(o->data[0], x), o->data[1]));
}

static void make_logistic(objective *o)
{
    o->f = logistic;
    o->data[0] = table(o->cx, 1, 100, 5, -1, 2);
    ct_tensor *half = ct_scalar(o->cx, CT_F64, 50);
    o->data[1] = ct_cast(ct_ge(ct_range(o->cx, CT_F64, 100), half), CT_F64);
    o->x = numbers(o->cx, 0, 5, -1, 2);
}

/* sum of 100 (x_i+1 - x_i^2)^2 + (1 - x_i)^2. x: 50 numbers */
static ct_tensor *rosenbrock(const objective *o, ct_tensor *x)
{
    ct_tensor *low = ct_slice(x, 0, 0, -1, 1), *high = ct_slice(x, 0, 1, CT_END, 1);
    (void)o;
    return ct_sum(ct_add(ct_scale(ct_square(ct_sub(high, ct_square(low))), 100),
                         ct_square(ct_rsub(1, low))));
}

static void make_rosenbrock(objective *o)
{
    o->f = rosenbrock;
    o->x = numbers(o->cx, 0, 50, 0.5, 1);
}

/* 1/2 |L^-1 y|^2 + sum log L_ii, L L^T = s^2 e^(-(a_i - a_j)^2 / 2 l^2) + sigma^2 [i = j], with 60
 * places a from 0 to 10. x: log l, log s, log sigma */
static ct_tensor *gaussian(const objective *o, ct_tensor *x)
{
    ct_tensor *s[3];
    ct_unbind(ct_exp(x), 0, s, 3);
    ct_tensor *d = ct_sub(ct_unsqueeze(o->data[0], 1), ct_unsqueeze(o->data[0], 0));
    ct_tensor *e = ct_exp(ct_scale(ct_square(ct_div(d, s[0])), -0.5));
    ct_tensor *noise = ct_mul(ct_square(s[2]), o->data[2]);
    ct_tensor *l = ct_cholesky(ct_add(ct_mul(ct_square(s[1]), e), noise));
    ct_tensor *fit = ct_sum(ct_square(ct_solve_triangular(l, o->data[1], 0)));
    return ct_add(ct_scale(fit, 0.5), ct_sum(ct_log(ct_diag(l, 0))));
}

static void make_gaussian(objective *o)
{
    o->f = gaussian;
    o->data[0] = ct_scale(ct_range(o->cx, CT_F64, 60), 10.0 / 59);
    o->data[1] = numbers(o->cx, 1, 60, -1, 2);
    o->data[2] = ct_eye(o->cx, CT_F64, 60);
    o->x = ct_from_doubles(o->cx, CT_F64, CT_SHAPE(3), CT_DOUBLES(0.1, 0.2, -1));
}

/* 1/2 |z(t) - data(t)|^2 over 21 years of z' = (alpha, -gamma) + (-beta, delta) flip(e^z), 25 steps
 * of RK4 in each. x: log alpha, gamma, beta, delta; z(0) */
static ct_tensor *slope(ct_tensor *z, ct_tensor *own, ct_tensor *other)
{
    return ct_add(own, ct_mul(other, ct_flip(ct_exp(z), CT_AXES(0))));
}

static ct_tensor *runge_kutta(ct_tensor *z, ct_tensor *own, ct_tensor *other, double dt)
{
    ct_tensor *k1 = slope(z, own, other);
    ct_tensor *k2 = slope(ct_add(z, ct_scale(k1, dt / 2)), own, other);
    ct_tensor *k3 = slope(ct_add(z, ct_scale(k2, dt / 2)), own, other);
    ct_tensor *k4 = slope(ct_add(z, ct_scale(k3, dt)), own, other);
    ct_tensor *sum = ct_add(ct_add(k1, k4), ct_scale(ct_add(k2, k3), 2));
    return ct_add(z, ct_scale(sum, dt / 6));
}

static ct_tensor *lotka(const objective *o, ct_tensor *x)
{
    ct_tensor *v[3], *z[21];
    ct_split(x, CT_SIZES(2, 2, 2), 0, v);
    ct_tensor *own = ct_mul(ct_exp(v[0]), o->data[1]);
    ct_tensor *other = ct_mul(ct_exp(v[1]), ct_neg(o->data[1]));
    z[0] = v[2];
    for (int year = 1; year < 21; year++) {
        z[year] = z[year - 1];
        for (int step = 0; step < 25; step++)
            z[year] = runge_kutta(z[year], own, other, 0.04);
    }
    return ct_half_squared_error(ct_stack(z, 21, 0), o->data[0]);
}

static void make_lotka(objective *o)
{
    o->f = lotka;
    o->data[0] = table(o->cx, 1, 21, 2, 2, 2);
    o->data[1] = ct_from_doubles(o->cx, CT_F64, CT_SHAPE(2), CT_DOUBLES(1, -1));
    o->x = ct_from_doubles(o->cx, CT_F64, CT_SHAPE(6),
                           CT_DOUBLES(-0.6, -0.2, -3.6, -3.7, 3.5, 1.8));
}

/* for each of 100 chains (m, l, eta), summed: 1/2 sum ((y - theta) / sigma)^2 + 1/2 (m^2 + |eta|^2)
 * + log(1 + tau^2 / 25) - l with tau = e^l, theta = 5 m + tau eta. x: (100,10) as (1000) */
static ct_tensor *schools(const objective *o, ct_tensor *x)
{
    ct_tensor *part[3];
    ct_split(ct_reshape(x, CT_SHAPE(100, 10)), CT_SIZES(1, 1, 8), 1, part);
    ct_tensor *tau = ct_exp(part[1]);
    ct_tensor *theta = ct_add(ct_scale(part[0], 5), ct_mul(tau, part[2]));
    ct_tensor *misfit = ct_sum(ct_square(ct_div(ct_sub(o->data[0], theta), o->data[1])));
    ct_tensor *normal = ct_add(ct_sum(ct_square(part[0])), ct_sum(ct_square(part[2])));
    ct_tensor *cauchy = ct_sum(ct_sub(ct_log1p(ct_scale(ct_square(tau), 0.04)), part[1]));
    return ct_add(ct_scale(ct_add(misfit, normal), 0.5), cauchy);
}

static void make_schools(objective *o)
{
    o->f = schools;
    o->data[0] = numbers(o->cx, 1, 8, -5, 30);
    o->data[1] = numbers(o->cx, 2, 8, 9, 9);
    o->x = numbers(o->cx, 0, 1000, -1, 2);
}

/* mean of (u'' + pi^2 sin(pi t))^2 at 32 places t, u = t (1 - t) sum of c_j tanh(a_j t + b_j) over 16
 * j. x: a, b, c */
static ct_tensor *derivative(ct_tensor *u, ct_tensor *t)
{
    ct_tensor *du;
    ct_grad(ct_sum(u), NULL, &t, 1, CT_CREATE_GRAPH, &du);
    return du;
}

static ct_tensor *pinn(const objective *o, ct_tensor *x)
{
    ct_tensor *v[3], *t = ct_variable(ct_detach(o->data[0]));
    ct_split(x, CT_SIZES(16, 16, 16), 0, v);
    ct_tensor *h = ct_tanh(ct_add(ct_mul(t, v[0]), v[1]));
    ct_tensor *net = ct_matmul(h, ct_unsqueeze(v[2], 1));
    ct_tensor *u = ct_mul(ct_mul(t, ct_rsub(1, t)), net);
    return ct_mean(ct_square(ct_add(derivative(derivative(u, t), t), o->data[1])));
}

static void make_pinn(objective *o)
{
    const double pi = 3.14159265358979323846;
    o->f = pinn;
    o->data[0] = ct_reshape(ct_scale(ct_range(o->cx, CT_F64, 32), 1.0 / 31), CT_SHAPE(32, 1));
    o->data[1] = ct_scale(ct_sin(ct_scale(o->data[0], pi)), pi * pi);
    o->x = numbers(o->cx, 0, 48, -1, 2);
}

/* -- ADBench's */
/* A mixture of k normal distributions in d dimensions, n points p, and a Wishart prior, up to a
 * constant: sum over p of logsumexp_k(alpha_k + sum q_k - |Q_k (p - mu_k)|^2 / 2) - n
 * logsumexp(alpha) + sum_k |Q_k|^2 / 2. Q_k has e^q_k on its diagonal and l_k below it, row by row.
 * x: alpha (k), mu (k,d), q (k,d), l (k,d(d-1)/2). sizes: d, k, n */
static ct_tensor *mixture(const objective *o, ct_tensor *x)
{
    int64_t d = o->sizes[0], k = o->sizes[1], n = o->sizes[2], below = d * (d - 1) / 2;
    ct_tensor *v[4];
    ct_split(x, CT_SIZES(k, k * d, k * d, k * below), 0, v);
    ct_tensor *mu = ct_reshape(v[1], CT_SHAPE(k, 1, d)), *q = ct_reshape(v[2], CT_SHAPE(k, d));
    ct_tensor *zero = ct_zeros(o->cx, CT_F64, CT_SHAPE(k, d * d));
    ct_tensor *lower = ct_index_add(zero, 1, o->data[1], ct_reshape(v[3], CT_SHAPE(k, below)));
    ct_tensor *factor = ct_add(ct_diag_embed(ct_exp(q), 0, -2, -1),
                               ct_reshape(lower, CT_SHAPE(k, d, d)));
    ct_tensor *far = ct_matmul(ct_sub(o->data[0], mu), ct_transpose(factor));   /* (k,n,d) */
    ct_tensor *square = ct_sum_over(ct_square(far), CT_AXES(-1), 0);
    ct_tensor *weight = ct_add(v[0], ct_sum_over(q, CT_AXES(1), 0));
    ct_tensor *each = ct_sub(ct_unsqueeze(weight, 1), ct_scale(square, 0.5));
    ct_tensor *fit = ct_sum(ct_logsumexp_over(each, CT_AXES(0), 0));
    ct_tensor *prior = ct_scale(ct_sum(ct_square(factor)), 0.5);
    return ct_add(ct_sub(fit, ct_scale(ct_logsumexp(v[0]), (double)n)), prior);
}

static void make_mixture(objective *o)
{
    int64_t d = o->sizes[0], k = o->sizes[1], n = o->sizes[2], below = d * (d - 1) / 2, at = 0;
    int64_t places[1000];
    o->f = mixture;
    o->data[0] = table(o->cx, 1, n, d, -1, 2);
    for (int64_t i = 0; i < d; i++)
        for (int64_t j = 0; j < i && at < 1000; j++)
            places[at++] = i * d + j;
    o->data[1] = ct_from_ints(o->cx, &below, 1, places, below);
    o->x = numbers(o->cx, 0, k * (1 + 2 * d + below), -1, 2);
}

/* A network of `layers` LSTM cells with diagonal weights, 14 units each, predicts each of n rows of
 * data from the one before: minus the mean of row_t+1 (y_t - log(2 + sum e^y_t)). x: for each layer
 * 4 weights and 4 biases of 14; weights of the input, of the output, biases of the output. data:
 * rows, state. sizes: layers, n */
enum { UNITS = 14 };

static void cell(ct_tensor *const *w, ct_tensor *input, ct_tensor **hidden, ct_tensor **state)
{
    ct_tensor *forget = ct_sigmoid(ct_add(ct_mul(input, w[0]), w[4]));
    ct_tensor *in = ct_sigmoid(ct_add(ct_mul(*hidden, w[1]), w[5]));
    ct_tensor *out = ct_sigmoid(ct_add(ct_mul(input, w[2]), w[6]));
    ct_tensor *change = ct_tanh(ct_add(ct_mul(*hidden, w[3]), w[7]));
    *state = ct_add(ct_mul(*state, forget), ct_mul(in, change));
    *hidden = ct_mul(out, ct_tanh(*state));
}

static ct_tensor *lstm(const objective *o, ct_tensor *x)
{
    int layers = (int)o->sizes[0], n = (int)o->sizes[1], weights = 8 * layers;
    ct_tensor *w[8 * 4 + 3], *rows[2048], *y[2048], *state[8];
    ct_unbind(ct_reshape(x, CT_SHAPE(-1, UNITS)), 0, w, weights + 3);
    ct_unbind(o->data[0], 0, rows, n);
    ct_unbind(o->data[1], 0, state, 2 * layers);
    for (int t = 0; t + 1 < n; t++) {
        ct_tensor *input = ct_mul(rows[t], w[weights]);
        for (int k = 0; k < layers; k++) {
            cell(w + 8 * k, input, &state[2 * k], &state[2 * k + 1]);
            input = state[2 * k];
        }
        y[t] = ct_add(ct_mul(input, w[weights + 1]), w[weights + 2]);
    }
    ct_tensor *out = ct_stack(y, n - 1, 0), *next = ct_slice(o->data[0], 0, 1, CT_END, 1);
    ct_tensor *sum = ct_log(ct_shift(ct_sum_over(ct_exp(out), CT_AXES(1), CT_KEEPDIMS), 2));
    return ct_neg(ct_mean(ct_mul(next, ct_sub(out, sum))));
}

static void make_lstm(objective *o)
{
    int64_t layers = o->sizes[0], n = o->sizes[1];
    o->f = layers <= 4 && n <= 2048 ? lstm : NULL;
    o->data[0] = table(o->cx, 1, n, UNITS, 0, 1);
    o->data[1] = table(o->cx, 2, 2 * layers, UNITS, -1, 2);
    o->x = numbers(o->cx, 0, (8 * layers + 3) * UNITS, -1, 2);
}

/* Bundle adjustment: n observations of points by cameras. For each, w (f L u + c - feature): u are
 * the first two of P / P_3, P = R(r) (X - C), L = 1 + k1 |u|^2 + k2 |u|^4; R turns about r by the
 * angle |r| (Rodrigues). x: (n,15) r, C, f, c, k1, k2, X, w of each observation. sizes: n. data: the
 * features, and the cotangents that pick out a row of each block of the Jacobian */
static ct_tensor *row_dot(ct_tensor *a, ct_tensor *b)
{
    return ct_sum_over(ct_mul(a, b), CT_AXES(1), CT_KEEPDIMS);
}

static ct_tensor *rotate(ct_tensor *r, ct_tensor *p)
{
    ct_tensor *angle = ct_norm_over(r, 2, CT_AXES(1), CT_KEEPDIMS), *axis = ct_div(r, angle);
    ct_tensor *c = ct_cos(angle), *along = ct_mul(row_dot(axis, p), ct_rsub(1, c));
    return ct_add(ct_add(ct_mul(c, p), ct_mul(ct_sin(angle), ct_cross(axis, p, 1))),
                  ct_mul(along, axis));
}

static ct_tensor *bundle(const objective *o, ct_tensor *x)
{
    ct_tensor *v[8]; /* r, C, f, c, k1, k2, X, w */
    ct_split(x, CT_SIZES(3, 3, 1, 2, 1, 1, 3, 1), 1, v);
    ct_tensor *p = rotate(v[0], ct_sub(v[6], v[1])), *q[2];
    ct_split(p, CT_SIZES(2, 1), 1, q);
    ct_tensor *u = ct_div(q[0], q[1]), *s = row_dot(u, u);
    ct_tensor *bend = ct_add(ct_mul(v[4], s), ct_mul(v[5], ct_square(s)));
    ct_tensor *image = ct_mul(ct_mul(v[2], ct_shift(bend, 1)), u);
    return ct_mul(v[7], ct_sub(ct_add(image, v[3]), o->data[0]));
}

static void make_bundle(objective *o)
{
    o->f = bundle;
    o->columns = 2;
    o->data[1] = ct_concat(CT_TENSORS(ct_ones(o->cx, CT_F64, CT_SHAPE(o->sizes[0], 1)),
                                      ct_zeros(o->cx, CT_F64, CT_SHAPE(o->sizes[0], 1))), 1);
    o->data[2] = ct_rsub(1, o->data[1]);
    o->data[0] = table(o->cx, 1, o->sizes[0], 2, -1, 2);
    o->x = ct_concat(CT_TENSORS(table(o->cx, 0, o->sizes[0], 11, 0.05, 0.1),
                                table(o->cx, 2, o->sizes[0], 3, 4, 1),
                                table(o->cx, 3, o->sizes[0], 1, 0.5, 1)), 1);
}

objective objective_make(ct_context *cx, const char *request)
{
    static const struct { const char *name; void (*make)(objective *o); } all[] = {
        { "logistic", make_logistic }, { "rosenbrock", make_rosenbrock },
        { "gaussian", make_gaussian }, { "lotka", make_lotka }, { "schools", make_schools },
        { "pinn", make_pinn }, { "gmm", make_mixture }, { "lstm", make_lstm }, { "ba", make_bundle },
    };
    objective o = { .cx = cx };
    char name[20] = "";
    long long size[3] = { 0, 0, 0 };
    sscanf(request, "%19s %lld %lld %lld", name, &size[0], &size[1], &size[2]);
    for (int i = 0; i < 3; i++)
        o.sizes[i] = size[i];
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(name, all[i].name) == 0)
            all[i].make(&o);
    return o;
}
