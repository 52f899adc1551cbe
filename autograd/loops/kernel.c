/* Flat kernels over tensors of any layout. Most calls are small and contiguous, and go straight to
 * the kernel. The others go through a loop (loop.c), which runs the kernel block by block
 * (kernel_blocks.h). */
#include "loops.h"
#ifdef CT_SIMD_X86
#include <immintrin.h>
#endif

enum {
    MOST = CT__OPERANDS,
    BLOCK = 512,        /* elements that are gathered at once */
    STREAMED = 32 << 20 /* a result of so many bytes does not fit in the caches */
};

/* One call, as the loop's body gets it. */
typedef struct work {
    ct_kernel kernel;
    const void *attributes;
    int operands;
    bool adds, streams;
} work;

/* A kernel's wide load from the block waits if narrower stores filled it: so the blocks are filled
 * by code for the same processor as the kernel. */
#define CT_KERNELS     "kernel_blocks.h"
#define CT_KERNELS_I64 uint64_t
#include <cotangent/kernels.h>
static const ct_loop_body runs[][CT_SIMDS] = CT_KERNEL_TABLE(run);

static CT__APART void by_blocks(ct_tensor *const *operands, int64_t flat, void *const *data,
                                work *w)
{
    static const int64_t ones[MOST] = { 1, 1, 1, 1, 1 };
    ct_loop_body run = runs[operands[0]->dtype][operands[0]->cx->simd];
    int64_t large = STREAMED / (int64_t)ct__dtype_size((ct_dtype)operands[0]->dtype);
    w->streams = w->streams && !w->adds && operands[0]->count >= large;
    if (flat >= 0)
        run(flat, data, ones, w);
    else
        ct_loop(operands, w->operands, run, w);
}

static CT__APART void put_down(ct__kernel_list *list, ct_tensor *const *operands, const work *w)
{
    int i = list->count++;
    if (i >= CT__KERNEL_CALLS)
        return;
    list->calls[i].kernel = w->kernel;
    list->calls[i].attributes = w->attributes;
    list->calls[i].n = w->operands;
    list->calls[i].adds = w->adds;
    list->calls[i].streams = w->streams;
    for (int k = 0; k < w->operands; k++)
        list->calls[i].operands[k] = operands[k];
}

void ct__loop_kernel(const void *attributes, ct_tensor *const *operands, int n,
                     const ct_kernels *k, bool adds)
{
    const ct_context *cx = operands[0]->cx;
    ct_kernel kernel = k->by[operands[0]->dtype][cx->simd];
    void *data[MOST];
    if (cx->kernels) {
        put_down(cx->kernels, operands, &(work){ kernel, attributes, n, adds, k->streams });
        if (!cx->kernels->runs)
            return;
    }
    int64_t flat = ct__flat(operands, n, data);
    if (flat >= 0 && !adds)
        kernel(flat, data[0], data + 1, attributes);
    else
        by_blocks(operands, flat, data, &(work){ kernel, attributes, n, adds, k->streams });
}
