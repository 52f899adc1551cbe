/* Contexts and errors. */
#include "support.h"

#include <cotangent/kernels.h>

START_TEST(bad_options)
{
    ck_assert_ptr_null(ct_context_new(&(ct_context_options){ .reserved = { 1 } }));
    ck_assert_ptr_null(ct_context_new(&(ct_context_options){ .threads = -2 }));
    ck_assert_ptr_null(ct_context_new(&(ct_context_options){ .max_bytes = -1 }));
    ck_assert_ptr_null(ct_context_new(&(ct_context_options){ .pool_bytes = -2 }));
    ck_assert_ptr_null(ct_context_new(&(ct_context_options){ .simd = (ct_simd)4 }));
    long long blocks;
    ct_context_options half = { .allocator = counting_allocator(&blocks) };
    half.allocator.deallocate = NULL;
    ck_assert_ptr_null(ct_context_new(&half));
}
END_TEST

START_TEST(the_first_error_stays)
{
    ck_assert_int_eq(ct_fail(cx, CT_ERROR_VALUE, "first %d", 1), CT_ERROR_VALUE);
    ck_assert_int_eq(ct_fail(cx, CT_ERROR_RANGE, "second"), CT_ERROR_RANGE);
    ck_assert_int_eq(ct_error(cx), CT_ERROR_VALUE);
    ck_assert_str_eq(ct_error_text(cx), "first 1");
    /* sticky, not poisonous */
    ck_assert_double_eq(ct_item(ct_add(ct_scalar(cx, CT_F64, 1), ct_scalar(cx, CT_F64, 2))), 3);
    ct_error_clear(cx);
    ck_assert_int_eq(ct_error(cx), CT_OK);
    ck_assert_ptr_nonnull(strstr(ct_error_text(cx), "NULL"));
}
END_TEST

START_TEST(a_long_text_is_cut)
{
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    ct_fail(cx, CT_ERROR_VALUE, "%s", text);
    ck_assert_int_gt((int)strlen(ct_error_text(cx)), 300);
    ct_error_clear(cx);
}
END_TEST

static int told;
static char told_text[100];

static void tell(ct_status code, const char *text, void *user)
{
    told += code == CT_ERROR_DTYPE;
    strncpy(told_text, text, sizeof told_text - 1);
    *(int *)user += 1;
}

START_TEST(the_hook_sees_the_first)
{
    int calls = 0;
    ct_context *c = ct_context_new(&(ct_context_options){ .on_error = tell, .user = &calls });
    ct_variable(ct_range(c, CT_I64, 2));
    ct_variable(ct_range(c, CT_I64, 2));
    ck_assert_int_eq(told, 1);
    ck_assert_int_eq(calls, 1);
    ck_assert_ptr_nonnull(strstr(told_text, "variable"));
    ct_context_free(c);
}
END_TEST

START_TEST(null_contexts)
{
    ck_assert_int_eq(ct_error(NULL), CT_ERROR_NULL);
    ck_assert_ptr_nonnull(ct_error_text(NULL));
    ct_error_clear(NULL);
    ct_context_free(NULL);
    ct_no_grad(NULL);
    ct_inference(NULL);
    ct_evaluation(NULL);
    ct_seed(NULL, 1);
    ct_find_nonfinite(NULL, true);
    ct_memory_trim(NULL);
    ct_memory memory;
    ct_memory_stats(NULL, &memory);
    ck_assert_int_eq(memory.tensors, 0);
    ct_memory_stats(cx, NULL);
    ck_assert(!ct_is_recording(NULL) && !ct_is_inference(NULL) && !ct_is_repeating(NULL));
    ck_assert_int_eq((int)ct_scope_begin(NULL), 0);
    ck_assert_int_eq(ct_fail(NULL, CT_ERROR_VALUE, "x"), CT_ERROR_VALUE);
    ck_assert_ptr_null(ct_zeros(NULL, CT_F32, NULL, 0));
    ck_assert_ptr_null(ct_rand(NULL, CT_F32, NULL, 0));
    ck_assert_ptr_null(ct_from_doubles(NULL, CT_F32, NULL, 0, NULL, 0));
    ck_assert_int_eq((int)ct_random_u64(NULL), 0);
}
END_TEST

START_TEST(texts)
{
    ck_assert_str_eq(ct_status_text(CT_OK), "ok");
    ck_assert_str_eq(ct_status_text(CT_ERROR_UNSUPPORTED), "unsupported");
    ck_assert_str_eq(ct_status_text((ct_status)99), "unknown");
    ck_assert_str_eq(ct_version(), "0.1.0");
}
END_TEST

START_TEST(inference_ends_with_its_scope)
{
    ct_scope scope = ct_scope_begin(cx);
    ct_inference(cx);
    ck_assert(ct_is_inference(cx) && !ct_is_recording(cx));
    ct_scope_end(cx, scope);
    ck_assert(!ct_is_inference(cx) && ct_is_recording(cx));
}
END_TEST

START_TEST(evaluation_is_recorded_unless_told)
{
    ct_scope scope = ct_scope_begin(cx);
    ct_evaluation(cx);
    ck_assert(ct_is_inference(cx) && ct_is_recording(cx));
    ct_scope inner = ct_scope_begin(cx);
    ct_no_grad(cx);
    ct_evaluation(cx);
    ck_assert(ct_is_inference(cx) && !ct_is_recording(cx));
    ct_scope_end(cx, inner);
    ck_assert(ct_is_inference(cx) && ct_is_recording(cx));
    ct_scope_end(cx, scope);
    ck_assert(!ct_is_inference(cx));
}
END_TEST

START_TEST(no_wider_than_asked)
{
    ct_simd widest = ct_simd_of(cx);
#ifdef CT_SIMD_X86
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        ck_assert_int_ge(widest, CT_SIMD_AVX2);
#endif
    ck_assert_int_ge(widest, CT_SIMD_PLAIN);
    for (int most = CT_SIMD_PLAIN; most <= CT_SIMD_AVX512; most++) {
        ct_context *c = ct_context_new(&(ct_context_options){ .simd = (ct_simd)most });
        ck_assert_int_eq(ct_simd_of(c), most < (int)widest ? most : (int)widest);
        ct_context_free(c);
    }
    ck_assert_int_eq(ct_simd_of(NULL), CT_SIMD_PLAIN);
}
END_TEST

Suite *context_suite(void);
Suite *context_suite(void)
{
    return make_suite("autograd/context", (const TTest *[]){
        bad_options, no_wider_than_asked, the_first_error_stays, a_long_text_is_cut,
        the_hook_sees_the_first,
        null_contexts, texts, inference_ends_with_its_scope,
        evaluation_is_recorded_unless_told, NULL });
}
