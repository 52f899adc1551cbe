/* Transforms of examples, in plain memory: in whatever thread, without the context. */
#ifndef COTANGENT_TRANSFORMS_H
#define COTANGENT_TRANSFORMS_H
#include <cotangent/nn.h>

#include "draws.h"

/* A picture is a stack of `channels` planes of height x width. Where x has fewer than 3 axes, it is
   one channel of height 1 */
typedef struct ct__step {
    ct_transform t;
    int64_t channels, height, width, out_height, out_width;
} ct__step;

/* where a picture is taken from another one */
typedef struct ct__move {
    int64_t top, left; /* of the result, in the source */
    bool flip, flip_vertical;
    double angle;      /* in radians: of a rotation instead */
} ct__move;

typedef struct ct__transforms {
    ct_dtype dtype;
    int n;
    bool random;       /* some of them draw */
    double alpha;      /* of mixup, which comes last; 0: there is none */
    int64_t in, out;   /* elements of an example, before and after */
    int64_t most;      /* ... at most between two of them */
    int64_t height, width; /* after */
    ct__step steps[];  /* their means and deviations lie behind them */
} ct__transforms;

/* checks them and copies them: an object; NULL and an error that begins with `who`. x has the rows
   to come; y may be NULL */
ct__transforms *ct__transforms_new(const char *who, const ct_tensor *x, const ct_tensor *y,
                                   const ct_transform *t, int n);
/* the shape of n examples after them */
void ct__transforms_shape(const ct__transforms *t, const ct_tensor *x, int64_t n, int64_t *shape);
/* one example. `room` is for 2 t->most elements */
void ct__transforms_run(const ct__transforms *t, const void *in, void *out, void *room,
                        ct__draws *draws);
/* n rows of `count` elements each become share row + (1 - share) the row before; the first is mixed
   with the last. `room` is for a row */
void ct__mix(ct_dtype dtype, void *rows, int64_t n, int64_t count, double share, void *room);
#endif
