/* What the kernels of sequence.c and sequence_back.c work with: sequences, cut into parts, and
 * products with packed weights. */
#ifndef CT__SEQUENCE_JOB_H
#define CT__SEQUENCE_JOB_H
#include "gemm.h"
#include "sequence.h"

typedef struct ct__job {
    const ct_call *call;
    const ct__cell *cell;
    ct__sequence_inputs in;
    ct_context *cx;
    ct_dtype dtype;
    ct_simd simd;
    int64_t size;               /* of an element, in bytes */
    int64_t steps, n, h, wide;  /* sequences; units; gates h */
    int64_t k;                  /* elements of x */
    bool reverse;
    const int64_t *lengths;     /* or NULL */
    char *gates, *kept;         /* what the cell left; NULL: nothing */
    ct__gemm product[2];        /* with w_hh, and with w_ih, without m and what differs from step to
                                   step */
    int products;               /* how many of them there are */
    int64_t rows, parts;        /* sequences in a part */
    char *scratch;
    size_t room;                /* of a part */
    /* forward */
    char *y, *state_h, *state_c;
    /* backward */
    const char *gy, *zeros, *h0, *c0;
    char *gh, *gc, *e, *er;     /* e and er: of the steps of a piece */
    int64_t from, to, low;      /* a piece: which steps, in the order taken, and its least t */
    char *first;                /* e, or er, at the first step of each sequence */
    char *sums, *sums_r;        /* the sums of the rows of e, and of er */
    void *spare;                /* scratch of products of whole pieces */
    size_t spare_bytes;
    bool adds[8];               /* to what the gradients of the inputs hold */
} ct__job;

/* sequences of part p */
typedef struct ct__job_part {
    int64_t first, rows;
    ct__gemm g[2];
    char *own, *gemm;       /* its scratch, and that of the product */
} ct__job_part;

/* -- sequence_job.c */
ct__job ct__job_of(const ct_call *call);
/* Packs weights, and cuts the sequences into parts. `own` is how many numbers of scratch a part
 * needs for each of its sequences. */
ct_status ct__job_plan(ct__job *j, int64_t own);
ct__job_part ct__job_part_of(const ct__job *j, int64_t p, int64_t own);

static inline int64_t job_least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* n / parts, rounded up */
static inline int64_t job_even(int64_t n, int64_t parts)
{
    return (n + parts - 1) / parts;
}

static inline size_t job_whole_lines(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static inline const void *job_data_of(const ct__job *j, int i)
{
    return i < 0 ? NULL : ct_data(ct_call_x(j->call, i));
}

/* element `i` of an array of rows of `width` numbers each; NULL of NULL */
static inline char *job_row_of(const ct__job *j, const void *data, int64_t i, int64_t width)
{
    return data ? (char *)(uintptr_t)data + i * width * j->size : NULL;
}

static inline bool job_has_ended(const ct__job *j, int64_t t, int64_t i)
{
    return j->lengths && t >= j->lengths[i];
}

/* is t the first step of sequence i in the order in which they are taken? */
static inline bool job_begins(const ct__job *j, int64_t t, int64_t i)
{
    return t == (!j->reverse ? 0 : j->lengths ? j->lengths[i] - 1 : j->steps - 1);
}
#endif
