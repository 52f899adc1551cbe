/* The residual network of residual.c, with shortcuts or without. */
#ifndef NET_H
#define NET_H
#include "program.h"

enum { STAGES = 4, PART = 500 /* images at once, in use */ };
static const char *const stage_names[STAGES + 1] = { "1", "2", "3", "4", "5" };

/* (n,PIXELS) as (n,1,SIDE,SIDE), which may also be there already */
static inline ct_tensor *look(ct_module *self, ct_tensor *x, void *user)
{
    (void)self, (void)user;
    return ct_reshape(x, CT_SHAPE(-1, 1, SIDE, SIDE));
}

/* a convolution, its batch norm, and f (or NULL) */
static inline ct_module *conv(ct_context *cx, int64_t in, int64_t out, int64_t kernel, ct_module *f)
{
    ct_conv_layer_options how = { .layer = { .no_bias = true, .weight_init = CT_HE_NORMAL },
                                  .conv = { .stride = in == out ? 1 : 2, .padding = kernel / 2 } };
    ct_module *m[] = { ct_conv2d_new(cx, CT_F32, in, out, kernel, &how),
                       ct_batch_norm_new(cx, CT_F32, out, NULL), f };
    return ct_sequential_new(cx, m, f ? 3 : 2);
}

/* so many times relu(x + F(x)), or relu(F(x)); the first at half the resolution if in is not out */
static inline ct_module *stage(ct_context *cx, int64_t in, int64_t out, int blocks, bool shortcuts)
{
    ct_module *m = ct_sequential_new(cx, NULL, 0);
    for (int i = 0; i < blocks; i++, in = out) {
        ct_module *f = ct_sequential_new(cx, CT_MODULES(
            conv(cx, in, out, 3, ct_activation_new(cx, CT_RELU)), conv(cx, out, out, 3, NULL)));
        if (shortcuts)
            f = ct_residual_new(cx, f, in == out ? NULL : conv(cx, in, out, 1, NULL));
        ct_module_add(m, stage_names[i], ct_sequential_new(cx, CT_MODULES(
            f, ct_activation_new(cx, CT_RELU))));
    }
    return m;
}

/* of c channels in the first stage, and so many blocks in each of them */
static inline ct_module *net_new(program *p, int64_t c, int blocks, bool shortcuts)
{
    return ct_sequential_new(p->cx, CT_MODULES(
        ct_module_new(p->cx, "look", look, NULL),
        conv(p->cx, 1, c, 5, ct_activation_new(p->cx, CT_RELU)),
        stage(p->cx, c, c, blocks, shortcuts), stage(p->cx, c, 2 * c, blocks, shortcuts),
        stage(p->cx, 2 * c, 4 * c, blocks, shortcuts), ct_sequential_new(p->cx, CT_MODULES(
            ct_adaptive_avg_pool_new(p->cx, CT_SIZES(1)), ct_flatten_new(p->cx),
            ct_linear_new(p->cx, CT_F32, 4 * c, CLASSES, NULL)))));
}

/* in percent; each process looks at its part of the images */
static inline double error_of(program *p, ct_module *net, const images *test)
{
    ct_tensor *x = program_part(p, test->x), *labels = program_part(p, test->labels);
    double right = 0, n = (double)ct_size(x, 0);
    for (int64_t i = 0; i < ct_size(x, 0); i += PART) {
        ct_scope scope = ct_scope_begin(p->cx);
        ct_inference(p->cx);
        ct_tensor *y = ct_module_forward(net, ct_slice(x, 0, i, i + PART, 1));
        right += ct_accuracy(y, ct_slice(labels, 0, i, i + PART, 1)) * (double)ct_size(y, 0);
        ct_scope_end(p->cx, scope);
    }
    return 100 - 100 * program_mean(p, right / n, n);
}
#endif
