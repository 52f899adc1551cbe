/* Where the elements lie that a convolution multiplies: along each axis, element k of the kernel
 * meets element i stride + k dilation - before of x in the sum that is element i of y. Everywhere
 * in this room x is the image that is convolved with w, and y is the result: so a transposed
 * convolution computes x from y. There are 3 axes; images with fewer have sizes of 1 in front. */
#ifndef CT__SIZES_H
#define CT__SIZES_H
#include <cotangent/op.h>
#include <cotangent/ops.h>

enum { AXES = 3 };

/* Numbers that options give: `one` for all axes, or those of the list `each` that are not 0 */
typedef struct ct__numbers {
    const char *name;
    int64_t one;
    const int64_t *each;
    int64_t if_zero;
} ct__numbers;

/* for the last `axes` of to[]; the others get if_zero. False, and an error that names `who` */
bool ct__read_numbers(ct_context *cx, const char *who, int64_t to[AXES], const ct__numbers *from,
                      int axes);
/* for images of t: its sizes after the first two, with 1s in front */
void ct__image_sizes(int64_t to[AXES], const ct_tensor *t);

/* The attributes of the operators. `after` is such that y's sizes follow from x's and x's from y's.
 * It is negative where the last elements of x are not used. */
typedef struct ct__conv {
    int64_t stride[AXES], dilation[AXES], before[AXES], after[AXES];
    int64_t kernel[AXES]; /* for the operator that computes w */
    int64_t groups;
} ct__conv;

/* Reads the options of ct_conv, or of ct_conv_transpose if `transposes`, for tensors that are
 * usable. False, and an error, where they are not right. */
bool ct__conv_read(ct__conv *a, const ct_conv_options *options, const ct_tensor *x,
                   const ct_tensor *w, bool transposes);

/* `infer` of the operators that compute y from x and w, x from y and w, and w from x and y */
ct_status ct__conv_infer_y(ct_call *call);
ct_status ct__conv_infer_x(ct_call *call);
ct_status ct__conv_infer_w(ct_call *call);

typedef struct ct__conv_sizes {
    int64_t images, groups;
    int64_t c, o;         /* channels of a group, of x and of y */
    int64_t in[AXES], out[AXES], kernel[AXES], stride[AXES], dilation[AXES], before[AXES];
} ct__conv_sizes;

/* from tensors whose shapes fit */
ct__conv_sizes ct__conv_sizes_of(const ct__conv *a, const ct_tensor *x, const ct_tensor *w,
                                 const ct_tensor *y);
int64_t ct__product(const int64_t sizes[AXES]);

static inline int64_t ct__least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* n in so many parts: how much the largest has, at least */
static inline int64_t ct__even(int64_t n, int64_t parts)
{
    return (n + parts - 1) / parts;
}

/* Where n elements of that size begin, in lines of their own, behind *end bytes; *end grows */
static inline size_t ct__take(size_t *end, int64_t n, size_t size)
{
    size_t begin = *end;
    *end += ((size_t)n * size + 63) / 64 * 64;
    return begin;
}
#endif
