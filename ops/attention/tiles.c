/* The tiles of attention.c. S has a number for each query and key, and is never stored: it is made
 * in tiles, of some queries and keys, that stay in the cache. Forward goes over the tiles of a row
 * with a running maximum and sum (Milakov, Gimelshein 2018; Rabe, Staats 2021; Dao et al. 2022) and
 * keeps L; backward makes each tile again. A tile wholly behind the causal diagonal is passed over.
 * With d, e the sizes of keys and values, a score takes 2 (d + e) operations and one exponential
 * forward; backward 2 (3 d + 2 e) and one.
 *
 * Forward, each block of queries is computed alone. Backward, all of one index of the leading axes
 * is, tile after tile. So the bits do not depend on the number of threads. A weight that is dropped
 * is known by its number in the stream, so both ways find it again. */
#include "attention.h"

#include <math.h>
#include <string.h>

#include "double_math.h"
#include "gemm.h"
#include "vector_math.h"

/* Rows of an operand that the next problem begins with: they are asked for while this one is worked
 * on, a row with each row of the tile. */
typedef struct next_rows {
    const void *data;
    int64_t rows, row, n;         /* row: elements from one to the next, of n elements each */
} next_rows;
enum { MOST_NEXT = 8 };

/* rows of a tile are queries, columns are keys */
typedef struct tile {
    int64_t rows, columns, pitch; /* pitch: elements from a row to the next */
    int64_t diagonal;             /* row i takes part in columns up to i + diagonal */
    int64_t e;                    /* elements of a row of y */
    double scale;
    void *s, *gs;                 /* the tile, and the one of its cotangents */
    void *y, *max, *log_sum, *dot;
    double *sum;                  /* for each row */
    bool is_later;                /* y holds sums over keys before this tile's */
    bool mask_chooses;            /* it is bool; else it is added */
    const void *mask;             /* or NULL */
    int64_t mask_row, mask_column;
    next_rows next[MOST_NEXT];
    int nexts;                    /* how many of them there are */
    uint32_t below;               /* halves of draws, of weights that are dropped */
    double factor;                /* of the others */
} tile;

typedef struct attention_kernels {
    void (*begin)(const tile *t);
    void (*weigh)(const tile *t);
    void (*finish)(const tile *t);
    void (*weigh_again)(const tile *t);
    void (*dot_rows)(const tile *t, const void *gy, int64_t row, int64_t column);
    void (*slope)(const tile *t, void *gmask, int64_t gmask_row);
    void (*drop)(const tile *t, void *row, const uint64_t *bits);
} attention_kernels;

#define CT_KERNELS     "attention_kernels.h"
#define CT_KERNELS_F32 64
#define CT_KERNELS_F64 32
#include <cotangent/kernels.h>

static const attention_kernels *const kernels[][CT_SIMDS] = CT_KERNEL_TABLE(kernels);

enum {
    TILE_BYTES = 64 << 10, COLUMNS = 128, /* of a tile, at most */
    STEP = 64,             /* a causal tile has so many rows, and a multiple of it as columns */
    GAP = 16               /* between rows: a power of two would put them into one set */
};
#define GRAIN 1e6 /* multiply-adds: fewer are left to one thread */

/* an input or its like: a matrix for each index of the leading axes */
typedef struct operand {
    char *data;
    int64_t row, column;         /* strides */
    const int64_t *strides;      /* of the leading axes */
} operand;

enum { OF_Q, OF_K, OF_V, OF_MASK, OF_Y, OF_GY, OF_GQ, OF_GK, OF_GV, OF_GMASK, OPERANDS };

typedef struct job {
    ct_context *cx;              /* whose threads help in one product, or NULL */
    ct_dtype dtype;
    ct_simd simd;
    int64_t size;                /* of an element, in bytes */
    const attention_kernels *kernels;
    int ndim;                    /* of the leading axes */
    const int64_t *leading;
    int64_t queries, keys, d, e, problems;
    double scale;
    bool causal, mask_chooses;
    operand x[OPERANDS];         /* data is NULL where there is none */
    bool adds[OPERANDS];         /* to a gradient, also by the first tile that has a part in it */
    char *log_sum;               /* or NULL */
    const ct_context *draws;     /* or NULL: nothing is dropped */
    uint64_t seed, start;        /* of the first draw */
    double dropout;
    int64_t rows, columns;       /* of a tile */
    int64_t slots, items;
    char *scratch;
    int64_t room;                /* of a slot, in bytes */
    void (*run)(struct job *j, int64_t item, char *room);
} job;

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t even(int64_t n, int64_t parts)
{
    return (n + parts - 1) / parts;
}

static int64_t lines(int64_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/* element (row, column) of the operand's matrix for that problem; NULL: there is none */
static char *at(const job *j, int which, int64_t problem, int64_t row, int64_t column)
{
    const operand *x = &j->x[which];
    int64_t size = which == OF_MASK && j->mask_chooses ? 1 : j->size;
    int64_t place = row * x->row + column * x->column;
    if (!x->data)
        return NULL;
    for (int a = j->ndim - 1; a >= 0; a--) {
        place += problem % j->leading[a] * x->strides[a];
        problem /= j->leading[a];
    }
    return x->data + place * size;
}

/* -- Products of a tile */
typedef enum product { SCORES, VALUES, BACK_P, BACK_V, BACK_Q, BACK_K, PRODUCTS } product;

/* the product without its data. A or C is the tile: C of a product with B's transpose, A of others,
   transposed where they sum over queries */
static ct__gemm product_of(const job *j, product p, int64_t rows, int64_t columns)
{
    static const struct {
        int a, b;
        bool is_tile, over_queries;
    } all[] = { { OF_Q, OF_K, true, false }, { -1, OF_V, false, false },
                { OF_GY, OF_V, true, false }, { -1, OF_GY, false, true },
                { -1, OF_K, false, false },   { -1, OF_Q, false, true } };
    const operand *b = &j->x[all[p].b];
    int64_t pitch = j->columns + GAP, deep = p == SCORES || p >= BACK_Q ? j->d : j->e;
    ct__gemm g = { .dtype = j->dtype, .simd = j->simd, .cx = j->cx };
    if (all[p].is_tile) {
        const operand *a = &j->x[all[p].a];
        g.m = rows, g.n = columns, g.k = deep, g.c_row = pitch;
        g.a.row = a->row, g.a.col = a->column, g.b.row = b->column, g.b.col = b->row;
        return g;
    }
    bool over = all[p].over_queries;
    g.m = over ? columns : rows, g.n = deep, g.k = over ? rows : columns, g.c_row = deep;
    g.a.row = over ? 1 : pitch, g.a.col = over ? pitch : 1;
    g.b.row = b->row, g.b.col = b->column;
    g.adds = true;
    return g;
}

/* for the products before `end`, whatever the tile */
static int64_t gemm_room(const job *j, product end)
{
    int64_t rows[] = { j->rows, j->queries % j->rows }, most = 0;
    int64_t columns[] = { j->columns, j->keys % j->columns, least(STEP, j->columns) };
    for (product p = SCORES; p < end; p++)
        for (int i = 0; i < 6; i++) {
            ct__gemm g = product_of(j, p, rows[i / 3], columns[i % 3]);
            int64_t bytes = (int64_t)ct__gemm_plan_for(&g);
            most = bytes > most ? bytes : most;
            g.adds = false;
            bytes = (int64_t)ct__gemm_plan_for(&g);
            most = bytes > most ? bytes : most;
        }
    return most;
}

static void multiply(const job *j, product p, const tile *t, const void *a, const void *b, void *c,
                     bool adds, char *scratch)
{
    ct__gemm g = product_of(j, p, t->rows, t->columns);
    g.a.data = a, g.b.data = b, g.c = c, g.adds = adds;
    ct__gemm_plan_for(&g);
    ct__gemm_run(&g, scratch);
}

/* -- Tiles. A part's room has the tile and, backward, the one of its cotangents; a maximum, or a
 * dot product, and a sum for each row; and what products need */
static int64_t tile_bytes(const job *j)
{
    return lines(j->rows * (j->columns + GAP) * j->size);
}

static int64_t row_bytes(const job *j)
{
    return lines(j->rows * (int64_t)sizeof(double));
}

static int64_t before_gemm(const job *j)
{
    return 2 * tile_bytes(j) + 2 * row_bytes(j);
}

/* how many keys the tiles of the queries from this one on have */
static int64_t keys_of(const job *j, int64_t row)
{
    return j->causal ? least(j->keys, row + STEP) : j->keys;
}

/* the tile at that query and key, which may be the keys' end: then it has no columns */
static tile tile_at(const job *j, int64_t problem, int64_t row, int64_t column, char *room)
{
    char *rows = room + 2 * tile_bytes(j);
    tile t = { .rows = least(j->rows, j->queries - row),
               .columns = least(j->columns, keys_of(j, row) - column),
               .pitch = j->columns + GAP, .e = j->e, .scale = j->scale,
               .s = room, .gs = room + tile_bytes(j), .max = rows, .dot = rows,
               .y = at(j, OF_Y, problem, row, 0), .is_later = column > 0,
               .mask_chooses = j->mask_chooses, .mask = at(j, OF_MASK, problem, row, column),
               .mask_row = j->x[OF_MASK].row, .mask_column = j->x[OF_MASK].column };
    t.below = ct__attention_below(j->dropout), t.factor = 1 / (1 - j->dropout);
    t.diagonal = j->causal ? row - column : t.columns;
    t.sum = (double *)(void *)(rows + row_bytes(j));
    if (j->log_sum)
        t.log_sum = j->log_sum + (problem * j->queries + row) * j->size;
    return t;
}

/* What the next problem reads and writes of these rows. It is in no near cache, and its rows are
 * too short for the processor to foresee them. */
static void foresee(const job *j, tile *t, int64_t problem, int64_t row)
{
    static const int all[MOST_NEXT] = { OF_Q, OF_K, OF_V, OF_Y, OF_GY, OF_GQ, OF_GK, OF_GV };
    for (int i = 0; i < MOST_NEXT && problem + 1 < j->problems; i++) {
        bool of_keys = all[i] == OF_K || all[i] == OF_V || all[i] == OF_GK || all[i] == OF_GV;
        bool of_scores = all[i] == OF_Q || all[i] == OF_K || all[i] == OF_GQ || all[i] == OF_GK;
        const operand *x = &j->x[all[i]];
        int64_t rows = (of_keys ? j->keys : j->queries) - row;
        if (x->data && x->column == 1 && rows > 0)
            t->next[t->nexts++] = (next_rows){ at(j, all[i], problem + 1, row, 0), rows, x->row,
                                               of_scores ? j->d : j->e };
    }
}

/* the tile's rows of `data`, of which each number goes with a weight: as K(drop) has it. Both ways
   draw the same numbers */
static void drop(const job *j, const tile *t, int64_t problem, int64_t row, int64_t column,
                 void *data)
{
    uint64_t bits[COLUMNS / 2];
    int64_t each = ct__attention_draws(j->keys);
    for (int64_t i = 0; j->draws && i < t->rows; i++) {
        int64_t first = (problem * j->queries + row + i) * each + column / 2;
        ct_random_fill(j->draws, j->seed, j->start + (uint64_t)first, bits,
                       ct__attention_draws(t->columns));
        j->kernels->drop(t, (char *)data + i * t->pitch * j->size, bits);
    }
}

/* -- Forward: y of a block of queries */
static void run_forward(job *j, int64_t item, char *room)
{
    int64_t blocks = even(j->queries, j->rows), p = item / blocks, row = item % blocks * j->rows;
    tile t = tile_at(j, p, row, 0, room);
    j->kernels->begin(&t);
    for (int64_t column = 0; column < keys_of(j, row); column += j->columns) {
        t = tile_at(j, p, row, column, room);
        if (column == 0)
            foresee(j, &t, p, row);
        multiply(j, SCORES, &t, at(j, OF_Q, p, row, 0), at(j, OF_K, p, column, 0), t.s, false,
                 room + before_gemm(j));
        j->kernels->weigh(&t);
        drop(j, &t, p, row, column, t.s);
        multiply(j, VALUES, &t, t.s, at(j, OF_V, p, column, 0), t.y, column > 0,
                 room + before_gemm(j));
    }
    j->kernels->finish(&t);
}

/* -- Backward: all cotangents of an index of the leading axes, which hold what they are added to */
static void run_tile(const job *j, int64_t p, int64_t row, int64_t column, char *room)
{
    tile t = tile_at(j, p, row, column, room);
    char *scratch = room + before_gemm(j);
    char *q = at(j, OF_Q, p, row, 0), *k = at(j, OF_K, p, column, 0);
    char *gy = at(j, OF_GY, p, row, 0), *gv = at(j, OF_GV, p, column, 0);
    char *gq = at(j, OF_GQ, p, row, 0), *gk = at(j, OF_GK, p, column, 0);
    char *gmask = at(j, OF_GMASK, p, row, column);
    if (column == 0)
        foresee(j, &t, p, row);
    multiply(j, SCORES, &t, q, k, t.s, false, scratch);
    j->kernels->weigh_again(&t);
    if (gq || gk || gmask) {
        multiply(j, BACK_P, &t, gy, at(j, OF_V, p, column, 0), t.gs, false, scratch);
        drop(j, &t, p, row, column, t.gs);
        j->kernels->slope(&t, gmask, j->x[OF_GMASK].row);
    }
    if (gq)
        multiply(j, BACK_Q, &t, t.gs, k, gq, column > 0 || j->adds[OF_GQ], scratch);
    if (gk)
        multiply(j, BACK_K, &t, t.gs, q, gk, row > 0 || j->adds[OF_GK], scratch);
    if (gv) {
        drop(j, &t, p, row, column, t.s);
        multiply(j, BACK_V, &t, t.s, gy, gv, row > 0 || j->adds[OF_GV], scratch);
    }
}

static void run_backward(job *j, int64_t p, char *room)
{
    const operand *gy = &j->x[OF_GY];
    for (int64_t row = 0; row < j->queries; row += j->rows) {
        tile t = tile_at(j, p, row, 0, room);
        j->kernels->dot_rows(&t, at(j, OF_GY, p, row, 0), gy->row, gy->column);
        for (int64_t column = 0; column < keys_of(j, row); column += j->columns)
            run_tile(j, p, row, column, room);
    }
}

static void run_item(int64_t i, int64_t slot, void *arg)
{
    job *j = arg;
    j->run(j, i, j->scratch + slot * j->room);
}

static void plan(job *j, ct_context *cx, bool back)
{
    double work = (double)(j->problems * j->queries) * (double)j->keys * (double)(j->d + j->e);
    int64_t threads = work < GRAIN ? 1 : ct_threads_of(cx);
    j->columns = least(COLUMNS, j->keys > 0 ? j->keys : 1);
    j->rows = least(j->causal ? STEP : TILE_BYTES / (COLUMNS * j->size), j->queries);
    j->run = back ? run_backward : run_forward;
    j->items = back ? j->problems : j->problems * even(j->queries, j->rows);
    product end = back ? PRODUCTS : BACK_P;
    j->room = before_gemm(j) + lines(gemm_room(j, end));
    j->slots = threads > 1 ? ct_slots_of(cx, j->items, (size_t)j->room) : 1;
    if (j->slots == 1 && threads > 1) {
        j->cx = cx;
        j->room = before_gemm(j) + lines(gemm_room(j, end));
    }
}

static ct_status run(const ct_call *call, job *j, bool back)
{
    if (j->problems == 0 || j->queries == 0)
        return CT_OK;
    plan(j, ct_call_context(call), back);
    j->scratch = ct_call_scratch(call, (size_t)(j->slots * j->room));
    if (!j->scratch)
        return CT_ERROR_MEMORY;
    ct_parallel_slots(ct_call_context(call), j->items, j->slots, run_item, j);
    return CT_OK;
}

/* -- The whole */
static operand operand_of(const ct_tensor *x, void *data)
{
    const int64_t *strides = ct_strides(x);
    int ndim = ct_ndim(x);
    return (operand){ data, strides[ndim - 2], strides[ndim - 1], strides };
}

static job job_for(const ct_call *call)
{
    const ct__attention *a = ct_call_attributes(call);
    const ct_tensor *q = ct_call_x(call, 0), *k = ct_call_x(call, 1), *v = ct_call_x(call, 2);
    const ct_tensor *mask = ct_call_x(call, 3);
    job j = { .dtype = ct_dtype_of(q), .simd = ct_simd_of(ct_call_context(call)),
              .size = (int64_t)ct_dtype_size(ct_dtype_of(q)),
              .kernels = CT_KERNEL_OF(kernels, q),
              .ndim = ct_ndim(q) - 2, .leading = ct_shape(q), .queries = ct_size(q, -2),
              .keys = ct_size(k, -2), .d = ct_size(q, -1), .e = ct_size(v, -1), .problems = 1,
              .scale = a->scale, .causal = a->causal, .dropout = a->dropout,
              .mask_chooses = mask && ct_dtype_of(mask) == CT_BOOL };
    for (int axis = 0; axis < j.ndim; axis++)
        j.problems *= j.leading[axis];
    for (int i = 0; i < ct_call_inputs(call); i++)
        j.x[OF_Q + i] = operand_of(ct_call_x(call, i),
                                   (void *)(uintptr_t)ct_data(ct_call_x(call, i)));
    return j;
}

ct_status ct__attention_forward(ct_call *call)
{
    ct_tensor *y = ct_call_y(call, 0);
    job j = job_for(call);
    j.x[OF_Y] = operand_of(y, ct_data_mutable(y));
    if (ct_call_records(call))
        j.log_sum = ct_data_mutable(ct_call_aux(call, 0));
    if (j.dropout > 0) {
        j.draws = ct_call_context(call);
        j.seed = ct_call_seed(call);
        j.start = ct_call_draws(call, j.problems * j.queries * ct__attention_draws(j.keys));
    }
    if (j.draws && ct_call_records(call))
        memcpy(ct_data_mutable(ct_call_aux(call, 1)), (uint64_t[]){ j.seed, j.start },
               2 * sizeof j.seed);
    return run(call, &j, false);
}

/* Must this gradient be zeroed before it is added to? Elsewhere the tiles of the first rows, or of
 * the first columns, store theirs. Those of the first rows do not have all keys if causal. */
static bool needs_zeros(const job *j, int which)
{
    bool is_empty = j->queries == 0 || j->keys == 0;
    return is_empty || which == OF_GMASK || (j->causal && which != OF_GQ);
}

ct_status ct__attention_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    ct_tensor *y = ct_call_y(call, 0);
    job j = job_for(call);
    j.x[OF_Y] = operand_of(y, (void *)(uintptr_t)ct_data(y));
    j.x[OF_GY] = operand_of(gy[0], (void *)(uintptr_t)ct_data(gy[0]));
    j.log_sum = (void *)(uintptr_t)ct_data(ct_call_aux(call, 0));
    if (j.dropout > 0) {
        const int64_t *stream = ct_data_i64(ct_call_aux(call, 1));
        j.draws = ct_call_context(call);
        j.seed = (uint64_t)stream[0], j.start = (uint64_t)stream[1];
    }
    for (int i = 0; i < ct_call_inputs(call); i++) {
        if (!gx[i])
            continue;
        j.x[OF_GQ + i] = operand_of(gx[i], ct_data_mutable(gx[i]));
        j.adds[OF_GQ + i] = ct_call_adds(call, i) || needs_zeros(&j, OF_GQ + i);
        if (j.adds[OF_GQ + i] && !ct_call_adds(call, i) && ct_count(gx[i]) > 0)
            memset(j.x[OF_GQ + i].data, 0, (size_t)(ct_count(gx[i]) * j.size));
    }
    return run(call, &j, true);
}
