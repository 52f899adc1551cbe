/* Convolutions, pooling and resampling: operators on images. The conventions of all comments are at
 * the top of ops.h. */
#ifndef COTANGENT_OPS_CONVOLUTION_H
#define COTANGENT_OPS_CONVOLUTION_H
#include <cotangent/autograd.h>
CT_API_BEGIN

/* -- Convolutions. Images are (N,C,...): N of them, each of C channels, with 1 to 3 axes after
 * these. So the functions below are PyTorch's conv1d, conv2d and conv3d, and x says which of them
 * is meant. */
/* Zeros are the defaults. A number holds for all axes, and a list is for images whose axes differ:
   its numbers, in the order of the axes, count where they are not 0. */
typedef struct ct_conv_options {
    int64_t stride, padding, dilation;          /* defaults 1, 0, 1 */
    int64_t output_padding;                     /* ct_conv_transpose: y has so many elements more */
    int64_t groups;                             /* default 1 */
    int64_t strides[3], paddings[3], dilations[3], output_paddings[3];
    bool same;                                  /* ct_conv: pad so that y has the size of x; if that
                                                   takes an odd number, one more at the end. The
                                                   stride is 1 */
    uint64_t reserved[4];
} ct_conv_options;
/* y[n,o,i] = b[o] + sum_ck w[o,c,k] x[n,c,i stride + k dilation - padding]; gx[n,c,j] = sum of
   g[n,o,i] w[o,c,k] over all o, i, k with i stride + k dilation - padding = j, gw[o,c,k] = sum_ni
   g[n,o,i] x[n,c,i stride + k dilation - padding], gb[o] = sum_ni g[n,o,i]. (N,C,...) x (O,C /
   groups,...) + (O) -> (N,O,...): i, j and k have a number for each axis, and x is 0 outside of the
   image. As elsewhere, the kernel is not mirrored.

   Along an axis, y has (size + 2 padding - dilation (kernel - 1) - 1) / stride + 1 elements,
   rounded down. With groups, y's channels are cut into as many parts, each of which is made of the
   same part of x's: groups = C makes a kernel for each channel ("depthwise"). b may be NULL, and so
   may options.

   The error of an element is like that of ct_matmul, with C kernel / groups as k, and that of gw
   alike. But where dtype is f32, the kernel is 3 x 3, stride, dilation and groups are 1, C and O
   are at least 16 and C O at most 2^17, a quarter of the products are taken, for 4 x 4 pixels at
   once, and what is rounded off in one of them reaches the others: errors are twice as large where
   all pixels are alike, and a pixel that is 10^5 times smaller than its neighbors loses its digits.
   So it is for gx and gw, too.

   Errors: a kernel larger than the padded image; channels that the groups do not divide or the
   weight does not fit. A padding larger than the image is none: where the kernel lies outside, y is
   b */
ct_tensor *ct_conv(ct_tensor *x, ct_tensor *w, ct_tensor *b, const ct_conv_options *options);
/* y[n,o,j] = b[o] + sum of x[n,c,i] w[c,o,k] over all c, i, k with
   i stride + k dilation - padding = j; gx[n,c,i] = sum_ok w[c,o,k] g[n,o,i stride + k dilation -
   padding], gw[c,o,k] = sum_ni x[n,c,i] g[n,o,i stride + k dilation - padding], gb[o] = sum_nj
   g[n,o,j]. (N,C,...) x (C,O / groups,...) + (O) -> (N,O,...). This is the adjoint of ct_conv with
   the same options. Along an axis, y has (size - 1) stride - 2 padding + dilation (kernel - 1) +
   output_padding + 1 elements. output_padding is less than the stride or the dilation: it says
   which one is meant of the sizes of x for which ct_conv has the same size of y */
ct_tensor *ct_conv_transpose(ct_tensor *x, ct_tensor *w, ct_tensor *b,
                             const ct_conv_options *options);

/* -- Pooling: each channel of an image by itself. As above, there are 1 to 3 axes, and windows may
 * lie partly in the padding. */
/* zeros are the defaults, but `kernel` must be given */
typedef struct ct_pool_options {
    int64_t kernel, stride, padding, dilation;  /* defaults: (none), kernel, 0, 1 */
    int64_t kernels[3], strides[3], paddings[3], dilations[3];
    bool ceil;                                  /* round the number of windows up: a last one may
                                                   begin in x and end behind it */
    bool exclude_padding;                       /* ct_avg_pool: divide by the elements in x, and not
                                                   by those of the kernel */
    uint64_t reserved[4];
} ct_pool_options;
/* y[i] = max_k x[i stride + k dilation - padding]; gx[j] = sum of g[i] over all i whose largest
   element is x[j]. The padding counts as -inf. If several elements of a window are the largest, the
   first of them gets g. If one is NaN, y is NaN, and the last NaN gets g. The padding is at most
   half the kernel. Along an axis, y has (size + 2 padding - dilation (kernel - 1) - 1) / stride + 1
   elements, rounded down, or up with `ceil` */
ct_tensor *ct_max_pool(ct_tensor *x, const ct_pool_options *options);
/* y[i] = (1 / n_i) sum_k x[i stride + k - padding]; gx[j] = sum of g[i] / n_i over all i, k with
   i stride + k - padding = j. n_i counts the elements of the window, with those in the padding, but
   without those that `ceil` adds behind it. There is no dilation; all else is as in ct_max_pool */
ct_tensor *ct_avg_pool(ct_tensor *x, const ct_pool_options *options);
/* y[i] = max x[j] over a_i <= j < b_i; gx[j] = sum of g[i] over all i whose largest element is
   x[j]. y has the given sizes along the axes: window i of m over n elements is from a_i = i n / m,
   rounded down, to b_i = (i + 1) n / m, rounded up. One size stands for all axes; 1 is global
   pooling */
ct_tensor *ct_adaptive_max_pool(ct_tensor *x, const int64_t *sizes, int n);
/* y[i] = the mean of x[j] over a_i <= j < b_i; gx[j] = sum of g[i] / (b_i - a_i) over all i with
   a_i <= j < b_i. Windows and sizes are those of ct_adaptive_max_pool */
ct_tensor *ct_adaptive_avg_pool(ct_tensor *x, const int64_t *sizes, int n);

/* -- Resampling */
/* where an element of y comes from */
typedef enum ct_upsampling {
    CT_NEAREST = 0,            /* x[i size(x) / size(y)], rounded down, in exact arithmetic */
    CT_LINEAR,                 /* between the two neighbors of (i + 1/2) size(x) / size(y) - 1/2 */
    CT_LINEAR_CORNERS          /* of i (size(x) - 1) / (size(y) - 1): first and last elements
                                  coincide; PyTorch's align_corners */
} ct_upsampling;
/* y[i] = sum_j a_ij x[j]; gx[j] = sum_i a_ij g[i]. y has the given sizes along the axes of x's
   images (one size stands for all of them), larger or smaller than x's. CT_LINEAR is PyTorch's
   linear, bilinear or trilinear, as x has 1 to 3 axes; beyond the outermost elements it is
   constant */
ct_tensor *ct_upsample(ct_tensor *x, const int64_t *sizes, int n, ct_upsampling mode);
/* y[n,c,h r + i,w r + j] = x[n,(c r + i) r + j,h,w]; gx = g put back in the same way.
   (N,C r r,H,W) -> (N,C,H r,W r) */
ct_tensor *ct_pixel_shuffle(ct_tensor *x, int64_t r);
/* y[n,(c r + i) r + j,h,w] = x[n,c,h r + i,w r + j]; gx = g put back in the same way. This undoes
   ct_pixel_shuffle */
ct_tensor *ct_pixel_unshuffle(ct_tensor *x, int64_t r);

CT_API_END
#endif
