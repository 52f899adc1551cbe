/* A convolution of 3 x 3 or 5 x 5 elements by products at 6 x 6 points, instead of pixels: moving
 * images to where the channels of a pixel lie side by side, and from pixels to points and back.
 * Counts of channels are rounded up to `lanes`, a multiple of 16; those behind the last are 0. */
#ifndef CT__POINTS_H
#define CT__POINTS_H
#include <cotangent/op.h>

/* `pixels` numbers of each of some channels, `channel` from one to the next; where channels are
 * last, `lanes` numbers for each pixel, at places[pixel] or, if it is NULL, in order */
typedef struct ct__turn {
    int64_t channels, channel, pixels, lanes;
    const int32_t *places;
    const void *bias;     /* to channels_first: is added; or NULL */
    bool adds;            /* to channels_first: to what is there */
} ct__turn;

typedef enum ct__point_step {
    CT__TO_POINTS, CT__FROM_POINTS, CT__TO_POINTS_ADJOINT, CT__FROM_POINTS_ADJOINT, CT__WEIGHTS,
    CT__WEIGHTS_ADJOINT
} ct__point_step;

/* Squares of pixels or points, count[0] x count[1] x count[2] of them */
typedef struct ct__spots {
    int64_t n;            /* rows of squares that are not 6 x 6: pixels 4, 2; weights 3, 5 */
    const void *from;
    void *to;
    int64_t from_row, from_column, to_row, to_column; /* from an element of a square to the next */
    int64_t count[3], from_step[3], to_step[3];       /* from a square to the next */
    int64_t lanes;
    bool *wrong;          /* set by CT__FROM_POINTS: is a result of the square not finite?
                           * CT__FROM_POINTS_ADJOINT adds its results, and leaves those out that
                           * may not be finite. */
} ct__spots;

typedef struct ct__direct {
    const void *from, *w; /* the tile's first pixel; weights by channels of x and taps */
    void *to;
    int64_t kernel, tile; /* rows of them */
    int64_t from_row, to_row, in, in_lanes, out_lanes;
    int64_t tap;          /* from the weight of a tap to that of the next; may be negative */
    int64_t inside[4];    /* rows, from and to, and columns of the 6 x 6 pixels that are used */
} ct__direct;

typedef struct ct__point_kernels {
    void (*channels_last)(const ct__turn *t, const void *from, void *to);
    void (*channels_first)(const ct__turn *t, const void *from, void *to);
    void (*run)(ct__point_step step, const ct__spots *s);
    void (*direct)(const ct__direct *d);
} ct__point_kernels;

/* are n numbers finite? */
bool ct__is_finite(const float *x, int64_t n);
/* for f32; NULL: there are none */
const ct__point_kernels *ct__points_for(const ct_tensor *x);
#endif
