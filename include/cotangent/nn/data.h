/* Data for training: batches, in their order, changed on the way; parts of a data set.
 *
 *   ct_tensor *train, *validation;
 *   ct_random_split(cx, ct_size(x, 0), 0.9, &train, &validation);
 *   const ct_transform augment[] = { { .kind = CT_RANDOM_SHIFT, .pixels = 2 },
 *                                    { .kind = CT_RANDOM_FLIP } };
 *   ct_batches *b = ct_batches_new(x, labels, 128, &(ct_batches_options){
 *       .rows = train, .transforms = augment, .count = 2, .ahead = true }); */
#ifndef COTANGENT_NN_DATA_H
#define COTANGENT_NN_DATA_H
#include <cotangent/ops.h>
CT_API_BEGIN

/* -- Transforms of examples: x is (n,height,width) or (n,...,height,width), where the axes between
 * are channels; f32 or f64. Each example draws anew. */
/* The kinds of transforms, and in brackets their names in torchvision.transforms. What comes from
 * outside of a picture is `fill`, which is 0 by default.
 *
 *   CT_RANDOM_SHIFT          up to `pixels` up or down, and left or right; whole numbers, each
 *                            equally likely                    (RandomAffine, translate)
 *   CT_RANDOM_CROP           height x width pixels, anywhere in the picture with `pixels` more on
 *                            each side                         (RandomCrop, padding)
 *   CT_CENTER_CROP           the middle                        (CenterCrop)
 *   CT_RANDOM_FLIP           left for right, with probability p [0.5]    (RandomHorizontalFlip)
 *   CT_RANDOM_VERTICAL_FLIP  up for down, likewise             (RandomVerticalFlip)
 *   CT_RANDOM_ROTATION       about the middle, by an angle uniform on -degrees ... degrees;
 *                            bilinear                          (RandomRotation, BILINEAR)
 *   CT_NOISE                 x + deviation e, e standard normal; x of any shape
 *                                                              (v2.GaussianNoise, clip False)
 *   CT_NORMALIZE             (x - mean[c]) / std[c]            (Normalize)
 *   CT_MIXUP                 s x_i + (1 - s) x_(i - 1), i - 1 in the batch, which is a ring; the
 *                            same of the targets, which must be f32 or f64 (ct_one_hot). One s for
 *                            each batch, from Beta(alpha, alpha). The last transform; x of any
 *                            shape                             (v2.MixUp; Zhang et al. 2018) */
typedef enum ct_transform_kind {
    CT_RANDOM_SHIFT = 1, CT_RANDOM_CROP, CT_CENTER_CROP, CT_RANDOM_FLIP, CT_RANDOM_VERTICAL_FLIP,
    CT_RANDOM_ROTATION, CT_NOISE, CT_NORMALIZE, CT_MIXUP
} ct_transform_kind;
/* one transform, with the options that its kind has */
typedef struct ct_transform {
    ct_transform_kind kind;
    int64_t pixels, height, width;
    double p, degrees, deviation, alpha, fill;
    const double *mean, *std;  /* `channels` of each; or one for all channels */
    int channels;
    uint64_t reserved[4];
} ct_transform;
/* x with all examples changed by the n transforms, one after the other, by a draw from the
   context's stream; mixup is for batches only. Nothing is recorded, and x must not require grad.
   For test data: ct_transform_images(x, &normalize, 1) */
ct_tensor *ct_transform_images(ct_tensor *x, const ct_transform *transforms, int n);

/* -- Batches: rows (along axis 0) of x and y together. The tensors given out belong to the iterator
 * and stay as they are until the next call, which overwrites them. Scopes do not matter to them */
typedef struct ct_batches ct_batches;          /* an iterator over batches */
/* an example while its batch is made, as plain memory, behind the transforms but for mixup */
typedef struct ct_example {
    void *x, *y;               /* its elements; y is NULL where there are no targets */
    int64_t row;               /* its number in x and y */
    uint64_t random;           /* for draws of your own: from the context's stream too */
} ct_example;
/* zeros are the defaults */
typedef struct ct_batches_options {
    bool in_order;             /* default: shuffled anew each epoch, by the context's stream */
    bool drop_last;            /* default: the last batch of an epoch may be short */
    /* The next batch is made by a thread of its own while you work on this one: the same batches,
       bit for bit. Only the first of each epoch is waited for. Do not write to x and y meanwhile.
       Where no thread can be made, batches are made when they are asked for */
    bool ahead;
    /* i64 (k): an epoch has these rows only; one may be there more than once. Copied */
    ct_tensor *rows;
    /* one for each row: an epoch draws its rows independently, each in proportion to its weight,
       and as many as there are (WeightedRandomSampler). Copied */
    ct_tensor *weights;
    const ct_transform *transforms; /* `count` of them, for x; copied */
    int count;
    /* Changes an example in place, in that thread if `ahead`: so it must not use any context. False
       is CT_ERROR_CALLBACK, which names the row, in the call that would have given its batch */
    bool (*each)(const ct_example *example, void *user);
    void *user;
    /* On several processes (mpi.h), each with the same rows and options but `rank`, from 0 to
       ranks - 1: batches are the same as on one, and each process gets its part of each batch, n
       rank / ranks up to n (rank + 1) / ranks of its n rows, which may be none. So an epoch has
       each row once. Orders and transforms are then drawn from a stream of their own, which begins
       at `seed`, and so are the same for any number of ranks, 1 too. ranks 0: none of this */
    int rank, ranks;
    uint64_t seed;
    uint64_t reserved[4];
} ct_batches_options;
/* batches of `size` rows. Retains x and y, or a copy of one that is not contiguous. y NULL: there
   are no targets */
ct_batches *ct_batches_new(ct_tensor *x, ct_tensor *y, int64_t size,
                           const ct_batches_options *options);
/* the next batch. False at the end of an epoch, on failure, and while an error is pending (then *x
   and *y are NULL); the call after the end begins the next epoch. x or y may be NULL where not
   wanted */
bool ct_batches_next(ct_batches *b, ct_tensor **x, ct_tensor **y);
int64_t ct_batches_count(const ct_batches *b); /* how many an epoch has */
/* frees the iterator, and ends its thread. What is not freed goes with the context. Freed ones are
   CT_ERROR_STALE, as for modules */
void ct_batches_free(ct_batches *b);

/* -- Parts of a data set, as i64 rows in ascending order: for ct_batches_options.rows, or
 * ct_index_select(x, 0, rows). first or rest may be NULL; on failure both are NULL */
/* two parts of the rows 0 ... n - 1: round(share n) of them, drawn from the context's stream, and
   the rest (random_split) */
ct_status ct_random_split(ct_context *cx, int64_t n, double share, ct_tensor **first,
                          ct_tensor **rest);
/* two parts as of ct_random_split, with the same share of each class: labels are i64 (n), and not
   negative (scikit-learn's train_test_split, stratify) */
ct_status ct_stratified_split(ct_tensor *labels, double share, ct_tensor **first, ct_tensor **rest);
/* f64 (n): 1 / (how many have this label). As weights of batches, they make all classes equally
   frequent. Labels are those of ct_stratified_split */
ct_tensor *ct_balanced_weights(ct_tensor *labels);

CT_API_END
#endif
