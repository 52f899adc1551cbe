/* The filters of style: random ones, and ones that have learned to tell textures apart. */
#ifndef FILTERS_H
#define FILTERS_H
#include "paint.h"

enum { LAYERS = 3, CHANNELS = 32, PATCH = 24, KINDS = 8, BATCH = 16, TESTS = 10 };
static const char *const names[LAYERS] = { "0", "1", "2" };

/* LAYERS times 3 x 3 filters and relu, each but the first at half the resolution of the one before.
   The first of the random ones has filters of 3 x 3 to 9 x 9 */
static inline ct_module *net_new(ct_context *cx, bool several)
{
    ct_conv_layer_options how = { .conv.same = true, .layer.weight_init = CT_HE_NORMAL };
    ct_module *net = ct_module_new(cx, "filters", NULL, NULL), *size[4];
    for (int i = 0; i < LAYERS; i++) {
        for (int k = 0; k < 4; k++)
            size[k] = ct_conv2d_new(cx, CT_F64, i ? CHANNELS : 3, CHANNELS / 4,
                                    several && !i ? 3 + 2 * k : 3, &how);
        ct_module_add(net, names[i], ct_parallel_new(cx, size, 4, 1));
    }
    ct_module_add(net, "classes", ct_linear_new(cx, CT_F64, CHANNELS, KINDS, NULL));
    return net;
}

static inline void features(ct_module *net, ct_tensor *x, ct_tensor **f)
{
    for (int i = 0; i < LAYERS; i++) {
        x = i ? ct_avg_pool(x, &(ct_pool_options){ .kernel = 2 }) : x;
        f[i] = x = ct_relu(ct_module_forward(ct_module_child(net, names[i]), x));
    }
}

/* a texture of two random colors: stripes in four directions, checks, dots, clouds, noise */
static inline void paint_texture(ct_context *cx, int kind, double *patch)
{
    double a[3], b[3], f = uniform(cx, 0.6, 1.6), turn = uniform(cx, -0.3, 0.3), p[4];
    for (int c = 0; c < 4; c++)
        p[c] = uniform(cx, 0, 6.28), c < 3 ? a[c] = uniform(cx, 0, 1), b[c] = uniform(cx, 0, 1) : 0;
    for (int i = 0; i < PATCH * PATCH; i++) {
        double angle = turn + (kind < 4 ? kind * 0.7854 : 0), x = i % PATCH, y = i / PATCH;
        double u = f * (x * cos(angle) + y * sin(angle)), v = f * (y * cos(angle) - x * sin(angle));
        double s = kind < 4 ? sin(u + p[0])
            : kind == 4 ? 20 * sin(u + p[0]) * sin(v + p[1])
            : kind == 5 ? 8 * (sin(u + p[0]) + sin(v + p[1]) - 1.1)
            : kind == 6 ? sin(0.2 * u + p[0] + 2 * sin(0.3 * v + p[1])) + sin(0.25 * v + p[2])
                        : 2 * uniform(cx, -1, 1);
        for (int c = 0; c < 3; c++)
            patch[c * PATCH * PATCH + i] = a[c] + (b[c] - a[c]) * fmin(fmax(s + 1, 0), 2) / 2;
    }
}

static inline ct_tensor *logits_of(ct_module *net, ct_tensor *x)
{
    ct_tensor *f[LAYERS];
    features(net, x, f);
    return ct_module_forward(ct_module_child(net, "classes"),
                             ct_mean_over(f[LAYERS - 1], CT_AXES(2, 3), 0));
}

/* data: textures and their kinds */
static inline ct_tensor *mistaken(ct_module *net, void *data)
{
    return ct_cross_entropy(logits_of(net, ((ct_tensor **)data)[0]), ((ct_tensor **)data)[1]);
}

/* teaches the filters to tell textures apart; the share of new ones that they tell right */
static inline double learn(program *p, ct_module *net, int steps)
{
    static double x[BATCH * 3 * PATCH * PATCH];
    int64_t kind[BATCH];
    int n;
    ct_tensor *const *w = ct_module_parameters(net, &n);
    ct_optimizer *adam = ct_adam_new(w, n, 4e-3, NULL);
    double right = 0;
    for (int i = 0; i < steps + TESTS; i++) {
        ct_scope scope = ct_scope_begin(p->cx);
        for (int j = 0; j < BATCH; j++)
            paint_texture(p->cx, (int)(kind[j] = j % KINDS), x + j * 3 * PATCH * PATCH);
        ct_tensor *patch = ct_from_memory(p->cx, CT_F64, CT_SHAPE(BATCH, 3, PATCH, PATCH), x);
        ct_tensor *labels = ct_from_ints(p->cx, CT_SHAPE(BATCH), kind, BATCH);
        if (i < steps)
            program_step(p, net, adam, mistaken, CT_TENSORS(patch, labels));
        else
            right += ct_accuracy(logits_of(net, patch), labels) / TESTS;
        ct_scope_end(p->cx, scope);
    }
    return right;
}

#endif
