/* Blocks of tiles of winograd.c: how a product is cut into them, and how one is computed. In a
 * block lie rows of tiles of an image, or all tiles of some images. */
#ifndef CT__TILES_H
#define CT__TILES_H
#include "gemm.h"
#include "points.h"
#include "product.h"

enum { CT__EDGE = 6, CT__POINTS = CT__EDGE * CT__EDGE };

/* one of the two images: `from`, which is read, or `to`, which is written, or read too for w. Tiles
 * of one have CT__EDGE x CT__EDGE pixels and overlap, those of the other have tile x tile. */
typedef struct ct__tiles_image {
    float *data;
    int64_t channels, lanes;
    int64_t rows, columns;     /* in the tensor */
    int64_t before, left;      /* row r is row r + before of the first tiles, and so columns */
    int64_t edge;              /* of a tile: CT__EDGE or `tile` */
} ct__tiles_image;

/* a product */
typedef struct ct__tiles {
    const ct__conv_product *p;
    const ct__point_kernels *with;
    ct_context *cx;            /* whose threads help in one product of matrices, or NULL */
    ct_simd simd;
    bool makes_w;
    bool spreads;              /* tiles of `to` overlap, and results are added to it */
    int64_t kernel, taps, tile;        /* rows and elements of a kernel; rows of a tile */
    int64_t images, down, across;      /* tiles of an image */
    ct__tiles_image from, to;
    int64_t block_images, block_rows;  /* in a block: images, rows of tiles of an image */
    int64_t per_image, blocks;         /* blocks of an image, or 1; of all */
    int64_t items, ranges, slots;      /* an item is a block, an image that spreads, a range of w */
    float *w, *sums;           /* weights, channels last; sums of ranges */
    float *points, *packed;    /* weights at the points, and for gemm.c if there are many tiles */
    bool packs;
    int64_t w_point;           /* numbers from a point of w to the next */
    size_t pack_bytes, room;   /* room: of a slot */
    char *scratch;
} ct__tiles;

/* what a block is computed with */
typedef struct ct__tiles_part {
    const ct__tiles *j;
    int64_t image, images, row, rows;  /* of the block: in rows of tiles */
    float *from, *to;                  /* channels last */
    float *from_points, *to_points, *w_points;
    int32_t *places;
    bool *wrong;
    char *gemm;
    bool cleared;                      /* beyond the edges all is 0, and no block writes there */
} ct__tiles_part;

/* sets what says how large blocks are, and how many there are */
void ct__tiles_cut(ct__tiles *j);
/* the scratch of a slot, which has room for the part itself in front */
size_t ct__tiles_room(const ct__tiles *j);
ct__tiles_part ct__tiles_part_of(const ct__tiles *j, char *scratch);
/* the product at a point, without its data */
ct__gemm ct__tiles_product(const ct__tiles *j, int64_t tiles);
/* Computes block i of `to`, or of w at the points, t->w_points, which it adds to if told so. Blocks
 * of an image that spreads are computed in order, in one slot. */
void ct__tiles_run(ct__tiles_part *t, int64_t i, bool adds);
#endif
