/* Layers without parameters that change the size of images: pooling, upsampling, flatten. */
#include "layers.h"

ct_tensor *ct__max_pool_forward(ct_module *self, ct_tensor *x, void *user)
{
    (void)self;
    return ct_max_pool(x, user);
}

static ct_tensor *avg_pool_forward(ct_module *self, ct_tensor *x, void *user)
{
    (void)self;
    return ct_avg_pool(x, user);
}

/* the options are looked at when the layer is used, and the sizes of x are known */
static ct_module *pool(ct_context *cx, const char *kind, ct_forward forward,
                       const ct_pool_options *options)
{
    if (!options)
        return ct_fail(cx, CT_ERROR_NULL, "%s_new: the options are NULL, and must say the kernel",
                       kind), NULL;
    return ct__module_with(cx, kind, forward, options, sizeof *options);
}

ct_module *ct_max_pool_new(ct_context *cx, const ct_pool_options *options)
{
    return pool(cx, "max_pool", ct__max_pool_forward, options);
}

ct_module *ct_avg_pool_new(ct_context *cx, const ct_pool_options *options)
{
    return pool(cx, "avg_pool", avg_pool_forward, options);
}

typedef struct target {
    int n;
    int64_t sizes[3];
} target;

static ct_tensor *adaptive_max_forward(ct_module *self, ct_tensor *x, void *user)
{
    const target *a = user;
    (void)self;
    return ct_adaptive_max_pool(x, a->sizes, a->n);
}

static ct_tensor *adaptive_avg_forward(ct_module *self, ct_tensor *x, void *user)
{
    const target *a = user;
    (void)self;
    return ct_adaptive_avg_pool(x, a->sizes, a->n);
}

static ct_module *adaptive(ct_context *cx, const char *kind, ct_forward forward,
                           const int64_t *sizes, int n)
{
    target a = { .n = n };
    if (!sizes || n < 1 || n > 3)
        return ct_fail(cx, CT_ERROR_RANGE, "%s_new: takes 1 to 3 sizes, got %d", kind,
                       sizes ? n : 0), NULL;
    memcpy(a.sizes, sizes, (size_t)n * sizeof *sizes);
    return ct__module_with(cx, kind, forward, &a, sizeof a);
}

ct_module *ct_adaptive_max_pool_new(ct_context *cx, const int64_t *sizes, int n)
{
    return adaptive(cx, "adaptive_max_pool", adaptive_max_forward, sizes, n);
}

ct_module *ct_adaptive_avg_pool_new(ct_context *cx, const int64_t *sizes, int n)
{
    return adaptive(cx, "adaptive_avg_pool", adaptive_avg_forward, sizes, n);
}

typedef struct upsampling {
    int64_t factor;
    ct_upsampling mode;
} upsampling;

static ct_tensor *upsample_forward(ct_module *self, ct_tensor *x, void *user)
{
    const upsampling *a = user;
    int64_t sizes[CT_MAX_DIMS];
    (void)self;
    for (int d = 2; d < ct_ndim(x); d++)
        sizes[d - 2] = ct_size(x, d) * a->factor;
    return ct_upsample(x, sizes, ct_ndim(x) - 2, a->mode);
}

ct_module *ct_upsample_new(ct_context *cx, int64_t factor, ct_upsampling mode)
{
    const upsampling a = { factor, mode };
    if (factor < 1 || factor > 1 << 20)
        return ct_fail(cx, CT_ERROR_RANGE, "upsample_new: the factor must be from 1 to %d, got "
                       "%lld", 1 << 20, (long long)factor), NULL;
    return ct__module_with(cx, "upsample", upsample_forward, &a, sizeof a);
}

static ct_tensor *shuffle_forward(ct_module *self, ct_tensor *x, void *user)
{
    (void)self;
    return ct_pixel_shuffle(x, *(const int64_t *)user);
}

ct_module *ct_pixel_shuffle_new(ct_context *cx, int64_t factor)
{
    return ct__module_with(cx, "pixel_shuffle", shuffle_forward, &factor, sizeof factor);
}

static ct_tensor *flatten_forward(ct_module *self, ct_tensor *x, void *user)
{
    (void)self, (void)user;
    return ct_flatten(x, 1, -1);
}

ct_module *ct_flatten_new(ct_context *cx)
{
    static const char nothing;
    return ct__module_with(cx, "flatten", flatten_forward, &nothing, 1);
}
