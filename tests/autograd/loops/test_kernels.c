/* Stamping by kernels.h: what a file of kernels sees, and which variant a table has where. */
#include "support.h"

#include <math.h>

typedef struct variant {
    size_t size, size_of_root;
    int (*width)(void); /* VECTOR_BYTES */
    bool is_f32, is_float, is_unsigned;
} variant;

typedef const variant *const variants[CT_SIMDS];

#define CT_KERNELS "variants.h"
#include <cotangent/kernels.h>
static variants usual[] = CT_KERNEL_TABLE(words);

#define CT_KERNELS      "variants.h"
#define CT_KERNELS_F32  64
#define CT_KERNELS_F64  16
#define CT_KERNELS_I64  uint64_t
#define CT_KERNELS_BOOL unsigned char
#define CT_KERNELS_TAG  _again
#include <cotangent/kernels.h>
static variants all[] = CT_KERNEL_TABLE(words_again);

#define CT_KERNELS     "variants.h"
#define CT_KERNELS_F32 0
#define CT_KERNELS_I64 int64_t
#define CT_KERNELS_TAG _integers
#include <cotangent/kernels.h>
static variants integers[] = CT_KERNEL_TABLE(words_integers);

#if defined(REAL) || defined(K) || defined(F) || defined(IS_F32) || defined(IS_FLOAT) ||        \
    defined(VECTOR_BYTES) || defined(CT_KERNELS) || defined(CT_KERNELS_F32) ||                  \
    defined(CT_KERNELS_F64) || defined(CT_KERNELS_I64) || defined(CT_KERNELS_BOOL) ||           \
    defined(CT_KERNELS_TAG)
#error "kernels.h leaves words defined"
#endif

#ifdef CT_SIMD_X86
static const bool is_x86 = true;
#else
static const bool is_x86 = false;
#endif

/* a row of a table: the variants are of vectors up to `widest` bytes */
static void expect_row(variants row, ct_dtype dtype, int widest)
{
    static const int bytes[] = { [CT_SIMD_PLAIN] = 16, [CT_SIMD_AVX2] = 32,
                                 [CT_SIMD_AVX512] = 64 };
    ck_assert_ptr_null(row[0]);
    for (int simd = CT_SIMD_PLAIN; simd <= CT_SIMD_AVX512; simd++) {
        const variant *v = row[simd];
        int most = is_x86 ? widest : 16;
        ck_assert_int_eq(v->width(), bytes[simd] < most ? bytes[simd] : most);
        ck_assert_uint_eq(v->size, ct_dtype_size(dtype));
        ck_assert_uint_eq(v->size_of_root, dtype == CT_F32 ? sizeof(float) : sizeof(double));
        ck_assert_int_eq(v->is_f32, dtype == CT_F32);
        ck_assert_int_eq(v->is_float, dtype == CT_F32 || dtype == CT_F64);
    }
}

static void expect_no_row(variants row)
{
    for (int simd = 0; simd < CT_SIMDS; simd++)
        ck_assert_ptr_null(row[simd]);
}

START_TEST(floats_up_to_avx2_unless_said)
{
    expect_no_row(usual[0]);
    expect_row(usual[CT_F32], CT_F32, 32);
    expect_row(usual[CT_F64], CT_F64, 32);
    expect_no_row(usual[CT_I64]);
    expect_no_row(usual[CT_BOOL]);
}
END_TEST

START_TEST(each_dtype_as_said)
{
    expect_row(all[CT_F32], CT_F32, 64);
    expect_row(all[CT_F64], CT_F64, 16);
    expect_row(all[CT_I64], CT_I64, 16);
    expect_row(all[CT_BOOL], CT_BOOL, 16);
    ck_assert(all[CT_I64][CT_SIMD_PLAIN]->is_unsigned && all[CT_BOOL][CT_SIMD_PLAIN]->is_unsigned);
    ck_assert(!all[CT_F32][CT_SIMD_PLAIN]->is_unsigned);
    expect_no_row(integers[CT_F32]);
    expect_row(integers[CT_F64], CT_F64, 32);
    expect_row(integers[CT_I64], CT_I64, 16);
    ck_assert(!integers[CT_I64][CT_SIMD_PLAIN]->is_unsigned);
    expect_no_row(integers[CT_BOOL]);
}
END_TEST

START_TEST(chosen_by_dtype_and_processor)
{
    for (int simd = CT_SIMD_PLAIN; simd <= CT_SIMD_AVX512; simd++) {
        ct_context *c = ct_context_new(&(ct_context_options){ .simd = (ct_simd)simd });
        for (ct_dtype dtype = CT_F32; dtype <= CT_BOOL; dtype++) {
            const ct_tensor *x = ct_zeros(c, dtype, NULL, 0);
            ck_assert_ptr_eq(CT_KERNEL_OF(all, x), all[dtype][ct_simd_of(c)]);
        }
        ct_context_free(c);
    }
}
END_TEST

Suite *kernels_suite(void)
{
    const TTest *const tests[] = { floats_up_to_avx2_unless_said, each_dtype_as_said,
                                   chosen_by_dtype_and_processor, NULL };
    return make_suite("autograd/kernels", tests);
}
