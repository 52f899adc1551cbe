/* Backpropagation through a multilayer perceptron, by hand, loop by loop; compared with the
 * recorded gradients and with central differences. Derived in 02_mlp_by_hand.md. */
#include <cotangent.h>
#include <math.h>
#include <stdio.h>

enum { LAYERS = 3, WIDEST = 5, MOST = WIDEST * WIDEST };
static const int size[LAYERS + 1] = { 4, 5, 5, 3 };     /* of h(0) = x, h(1), h(2), a(3) */
static const double lambda = 0.01, rate = 0.02;

typedef enum activation { SIGMOID, RELU } activation;
typedef enum output_unit { GAUSSIAN, BERNOULLI, CATEGORICAL } output_unit;

/* one network and one example; the parameters are plain arrays, W(k) row by row */
typedef struct net {
    activation hidden;
    output_unit output;
    double w[LAYERS][MOST], b[LAYERS][WIDEST];
    double x[WIDEST], t[WIDEST];
    double h[LAYERS][WIDEST], a[LAYERS + 1][WIDEST], y[WIDEST];    /* found by forward() */
    double gw[LAYERS][MOST], gb[LAYERS][WIDEST];                   /* found by backward() */
} net;

/* -- Activations: f, and f' */
static double f(activation kind, double a)
{
    return kind == RELU ? fmax(0, a) : 1 / (1 + exp(-a));
}

static double f_slope(activation kind, double a)
{
    double s = f(kind, a);
    return kind == RELU ? (a > 0 ? 1 : 0) : s * (1 - s);
}

/* -- Output units: y and the loss L of the last layer's a */
static double loss_of(net *m)
{
    const double *a = m->a[LAYERS];
    double loss = 0, sum = 0;
    for (int i = 0; i < size[LAYERS]; i++)
        sum += exp(a[i]);
    for (int i = 0; i < size[LAYERS]; i++) {
        if (m->output == GAUSSIAN) {
            m->y[i] = a[i];
            loss += 0.5 * (m->y[i] - m->t[i]) * (m->y[i] - m->t[i]);
        } else if (m->output == BERNOULLI) {
            m->y[i] = 1 / (1 + exp(-a[i]));
            loss -= m->t[i] * log(m->y[i]) + (1 - m->t[i]) * log(1 - m->y[i]);
        } else {
            m->y[i] = exp(a[i]) / sum;
            loss -= m->t[i] * log(m->y[i]);
        }
    }
    return loss;
}

/* -- Forward: h(0) = x;  a(k) = b(k) + W(k) h(k-1);  h(k) = f(a(k));  J = L + lambda Omega */
static double forward(net *m)
{
    double omega = 0;
    for (int j = 0; j < size[0]; j++)
        m->h[0][j] = m->x[j];
    for (int k = 1; k <= LAYERS; k++)
        for (int i = 0; i < size[k]; i++) {
            double a = m->b[k - 1][i];
            for (int j = 0; j < size[k - 1]; j++) {
                double w = m->w[k - 1][i * size[k - 1] + j];
                a += w * m->h[k - 1][j];
                omega += 0.5 * w * w;
            }
            m->a[k][i] = a;
            if (k < LAYERS)
                m->h[k][i] = f(m->hidden, a);
        }
    return loss_of(m) + lambda * omega;
}

/* -- Backward: g = y - t;  grad b(k) = g;  grad W(k) = g h(k-1)' + lambda W(k);  g <- W(k)' g;
 * g <- g . f'(a(k-1)) */
static void backward(net *m)
{
    double g[WIDEST], below[WIDEST];
    for (int i = 0; i < size[LAYERS]; i++)
        g[i] = m->y[i] - m->t[i];
    for (int k = LAYERS; k >= 1; k--) {
        for (int i = 0; i < size[k]; i++) {
            m->gb[k - 1][i] = g[i];
            for (int j = 0; j < size[k - 1]; j++) {
                int at = i * size[k - 1] + j;
                m->gw[k - 1][at] = g[i] * m->h[k - 1][j] + lambda * m->w[k - 1][at];
            }
        }
        for (int j = 0; k > 1 && j < size[k - 1]; j++) {
            below[j] = 0;
            for (int i = 0; i < size[k]; i++)
                below[j] += m->w[k - 1][i * size[k - 1] + j] * g[i];
        }
        for (int j = 0; k > 1 && j < size[k - 1]; j++)
            g[j] = below[j] * f_slope(m->hidden, m->a[k - 1][j]);
    }
}

/* -- The same J, recorded */
static ct_tensor *recorded_loss(ct_tensor *a, const net *m)
{
    ct_context *cx = ct_context_of(a);
    ct_tensor *t = ct_from_memory(cx, CT_F64, CT_SHAPE(size[LAYERS]), m->t);
    if (m->output == GAUSSIAN)
        return ct_half_squared_error(a, t);
    if (m->output == BERNOULLI)
        return ct_sum(ct_binary_cross_entropy_each(a, t));
    return ct_neg(ct_dot(t, ct_log_softmax(a, 0)));
}

static ct_tensor *recorded(ct_context *cx, const net *m, ct_tensor **w, ct_tensor **b)
{
    ct_tensor *h = ct_from_memory(cx, CT_F64, CT_SHAPE(size[0]), m->x), *omega = NULL;
    for (int k = 0; k < LAYERS; k++) {
        w[k] = ct_variable(ct_from_memory(cx, CT_F64, CT_SHAPE(size[k + 1], size[k]), m->w[k]));
        b[k] = ct_variable(ct_from_memory(cx, CT_F64, CT_SHAPE(size[k + 1]), m->b[k]));
        ct_tensor *half_square = ct_scale(ct_sum(ct_square(w[k])), 0.5);
        omega = k == 0 ? half_square : ct_add(omega, half_square);
        ct_tensor *a = ct_linear(h, w[k], b[k]);
        h = k == LAYERS - 1 ? a : m->hidden == RELU ? ct_relu(a) : ct_sigmoid(a);
    }
    return ct_add(recorded_loss(h, m), ct_scale(omega, lambda));
}

/* -- Comparing. Each returns the largest difference from the gradients by hand */
static double distance(const ct_tensor *gradient, const double *hand)
{
    const double *g = ct_data_f64(gradient);
    double worst = g ? 0 : INFINITY;
    for (int64_t i = 0; g && i < ct_count(gradient); i++)
        worst = fmax(worst, fabs(g[i] - hand[i]));
    return worst;
}

static double from_recorded(ct_context *cx, const net *m)
{
    ct_tensor *w[LAYERS], *b[LAYERS];
    double worst = 0;
    ct_scope scope = ct_scope_begin(cx);
    ct_backward(recorded(cx, m, w, b));
    for (int k = 0; k < LAYERS; k++) {
        worst = fmax(worst, distance(ct_gradient(w[k]), m->gw[k]));
        worst = fmax(worst, distance(ct_gradient(b[k]), m->gb[k]));
    }
    ct_scope_end(cx, scope);
    return worst;
}

/* (J(p + e) - J(p - e)) / 2e for each of n parameters p; its own error is about e^2 + 1e-16 / e */
static double from_differences(net *m, double *p, const double *hand, int n)
{
    const double e = 1e-5;
    double worst = 0;
    for (int i = 0; i < n; i++) {
        double value = p[i];
        p[i] = value + e;
        double above = forward(m);
        p[i] = value - e;
        double slope = (above - forward(m)) / (2 * e);
        p[i] = value;
        worst = fmax(worst, fabs(slope - hand[i]));
    }
    return worst;
}

static double from_all_differences(net *m)
{
    double worst = 0;
    for (int k = 0; k < LAYERS; k++) {
        worst = fmax(worst, from_differences(m, m->w[k], m->gw[k], size[k] * size[k + 1]));
        worst = fmax(worst, from_differences(m, m->b[k], m->gb[k], size[k + 1]));
    }
    return worst;
}

/* -- One step down: p <- p - rate grad p */
static void step(net *m)
{
    for (int k = 0; k < LAYERS; k++) {
        for (int i = 0; i < size[k] * size[k + 1]; i++)
            m->w[k][i] -= rate * m->gw[k][i];
        for (int i = 0; i < size[k + 1]; i++)
            m->b[k][i] -= rate * m->gb[k][i];
    }
}

/* random parameters, and an example whose target the output unit can explain */
static net make(ct_context *cx, activation hidden, output_unit output)
{
    static const double x[] = { 0.5, -1, 2, 0.25 }, t[][3] = { { 1.5, -0.5, 0 }, { 1, 0, 1 },
                                                               { 0, 1, 0 } };
    net m = { .hidden = hidden, .output = output };
    ct_seed(cx, 1);
    for (int k = 0; k < LAYERS; k++) {
        int64_t n = size[k] * size[k + 1];
        ct_to_doubles(ct_scale(ct_randn(cx, CT_F64, CT_SHAPE(n)), 0.6), m.w[k], n);
        ct_to_doubles(ct_scale(ct_randn(cx, CT_F64, CT_SHAPE(size[k + 1])), 0.3), m.b[k],
                      size[k + 1]);
    }
    for (int j = 0; j < size[0]; j++)
        m.x[j] = x[j];
    for (int i = 0; i < size[LAYERS]; i++)
        m.t[i] = t[output][i];
    return m;
}

/* how many of the two comparisons failed */
static int show(ct_context *cx, activation hidden, output_unit output)
{
    static const char *const hiddens[] = { "sigmoid", "ReLU" };
    static const char *const outputs[] = { "Gaussian", "Bernoulli", "categorical" };
    net m = make(cx, hidden, output);
    double before = forward(&m);
    backward(&m);
    bool recorded_agrees = from_recorded(cx, &m) <= 1e-8;
    bool differences_agree = from_all_differences(&m) <= 1e-8;
    step(&m);
    printf("%-8s  %-11s  %s  %s  %.6f -> %.6f\n", hiddens[hidden], outputs[output],
           recorded_agrees ? "within 1e-8" : "DIFFERENT  ",
           differences_agree ? "within 1e-8" : "DIFFERENT  ", before, forward(&m));
    return !recorded_agrees + !differences_agree;
}

int main(void)
{
    ct_context *cx = ct_context_new(NULL);
    int failed = 0;
    puts("hidden    output       recorded     differences  J before and after one step");
    for (activation hidden = SIGMOID; hidden <= RELU; hidden++)
        for (output_unit output = GAUSSIAN; output <= CATEGORICAL; output++)
            failed += show(cx, hidden, output);
    if (ct_error(cx))
        fprintf(stderr, "%s\n", ct_error_text(cx));
    failed += ct_error(cx) != CT_OK;
    ct_context_free(cx);
    return failed != 0;
}
