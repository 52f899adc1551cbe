/* Images of another size. */
#include "resample.h"

ct_tensor *ct_upsample(ct_tensor *x, const int64_t *sizes, int n, ct_upsampling mode)
{
    static const ct__resampling kinds[] = { CT__NEAREST, CT__LINEAR, CT__CORNERS };
    ct__resample a = { 0 };
    if (!x || !ct__is_image(x, "upsample"))
        return NULL;
    if ((unsigned)mode > CT_LINEAR_CORNERS)
        return ct_fail(ct_context_of(x), CT_ERROR_VALUE, "upsample: there is no mode %d",
                       (int)mode), NULL;
    if (!ct__read_image_sizes(a.out, x, "upsample", sizes, n))
        return NULL;
    a.kind = kinds[mode];
    ct__image_sizes(a.in, x);
    return ct__resample_image(x, &a);
}

/* images (N,C,H,W) whose height and width, or channels, are such multiples of r */
static bool divides(const ct_tensor *x, const char *who, int64_t r, bool channels)
{
    ct_context *cx = ct_context_of(x);
    if (ct_ndim(x) != 4)
        return ct_fail(cx, CT_ERROR_SHAPE, "%s: takes images (N,C,H,W), got %d dimensions", who,
                       ct_ndim(x)), false;
    if (r < 1 || r > 1 << 15)
        return ct_fail(cx, CT_ERROR_VALUE, "%s: the factor must be from 1 to 32768, got %lld",
                       who, (long long)r), false;
    if (channels ? ct_size(x, 1) % (r * r) == 0
                 : ct_size(x, 2) % r == 0 && ct_size(x, 3) % r == 0)
        return true;
    return ct_fail(cx, CT_ERROR_SHAPE, "%s: %s must be a multiple of %lld; x is (%lld,%lld,%lld,"
                   "%lld)", who, channels ? "the number of channels" : "height and width",
                   (long long)(channels ? r * r : r), (long long)ct_size(x, 0),
                   (long long)ct_size(x, 1), (long long)ct_size(x, 2), (long long)ct_size(x, 3)),
           false;
}

ct_tensor *ct_pixel_shuffle(ct_tensor *x, int64_t r)
{
    if (!x || !ct_usable(x, "pixel_shuffle") || !divides(x, "pixel_shuffle", r, true))
        return NULL;
    int64_t n = ct_size(x, 0), c = ct_size(x, 1) / (r * r), h = ct_size(x, 2), w = ct_size(x, 3);
    ct_tensor *parts = ct_permute(ct_reshape(x, CT_SHAPE(n, c, r, r, h, w)),
                                  CT_AXES(0, 1, 4, 2, 5, 3));
    return ct_reshape(parts, CT_SHAPE(n, c, h * r, w * r));
}

ct_tensor *ct_pixel_unshuffle(ct_tensor *x, int64_t r)
{
    if (!x || !ct_usable(x, "pixel_unshuffle") || !divides(x, "pixel_unshuffle", r, false))
        return NULL;
    int64_t n = ct_size(x, 0), c = ct_size(x, 1), h = ct_size(x, 2) / r, w = ct_size(x, 3) / r;
    ct_tensor *parts = ct_permute(ct_reshape(x, CT_SHAPE(n, c, h, r, w, r)),
                                  CT_AXES(0, 1, 3, 5, 2, 4));
    return ct_reshape(parts, CT_SHAPE(n, c * r * r, h, w));
}
