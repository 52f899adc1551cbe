/* Flat kernels over tensors of any layout. Most calls are small and contiguous, and go straight to
 * the kernel. The others go through a loop (loop.c), which runs the kernel block by block
 * (kernel_blocks.h). */
#include "loops.h"
#ifdef CT_SIMD_X86
#include <immintrin.h>
#endif

enum {
    MOST = 5,           /* operands */
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

#define REAL    float
#define K(name) name##_f32
#include "kernel_blocks.h"
#undef REAL
#undef K
#define REAL    double
#define K(name) name##_f64
#include "kernel_blocks.h"
#undef REAL
#undef K

/* A kernel's wide load from the block waits if narrower stores filled it: so the blocks are filled
 * by code for the same processor as the kernel. */
#ifdef CT_SIMD_X86
CT_SIMD_BEGIN_AVX2
#define REAL    float
#define K(name) name##_f32_avx2
#include "kernel_blocks.h"
#undef REAL
#undef K
#define REAL    double
#define K(name) name##_f64_avx2
#include "kernel_blocks.h"
#undef REAL
#undef K
CT_SIMD_END
#else
#define run_f32_avx2 run_f32
#define run_f64_avx2 run_f64
#endif

static CT__APART void by_blocks(ct_tensor *const *operands, int64_t flat, void *const *data,
                                work *w)
{
    static const int64_t ones[MOST] = { 1, 1, 1, 1, 1 };
    static const ct_loop_body bodies[][2] = { { run_f64, run_f64_avx2 },
                                              { run_f32, run_f32_avx2 } };
    bool f32 = operands[0]->dtype == CT_F32;
    ct_loop_body run = bodies[f32][operands[0]->cx->simd >= CT_SIMD_AVX2];
    w->streams = w->streams && !w->adds && operands[0]->count >= STREAMED / (f32 ? 4 : 8);
    if (flat >= 0)
        run(flat, data, ones, w);
    else
        ct_loop(operands, w->operands, run, w);
}

void ct__loop_kernel(const void *attributes, ct_tensor *const *operands, int n,
                     const ct_kernels *k, bool adds)
{
    const ct_kernel *kernels = operands[0]->dtype == CT_F32 ? k->f32 : k->f64;
    ct_kernel kernel = kernels[operands[0]->cx->simd >= CT_SIMD_AVX2];
    void *data[MOST];
    int64_t flat = ct__flat(operands, n, data);
    if (flat >= 0 && !adds)
        kernel(flat, data[0], data + 1, attributes);
    else
        by_blocks(operands, flat, data, &(work){ kernel, attributes, n, adds, k->streams });
}
