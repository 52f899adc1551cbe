/* nn/files/letters.c, utf8.h, whole.c */
#include "files.h"

static void write_text(const char *text)
{
    write_file(text, strlen(text));
}

START_TEST(files_as_bytes_and_as_text)
{
    make_folder();
    write_file("a\0\xff", 3);
    expect_values(ct_read_bytes(cx, path, NULL), CT_DOUBLES('a', 0, 255), 0);
    ck_assert_ptr_null(ct_read_text(cx, path, NULL));
    expect_error(CT_ERROR_FORMAT, "read_text", path, "byte 1 is zero", NULL);
    write_text("h\xc3\xa9\n");
    ck_assert_str_eq(ct_read_text(cx, path, NULL), "h\xc3\xa9\n");
    write_text("");
    ck_assert_str_eq(ct_read_text(cx, path, NULL), "");
    ck_assert_int_eq(ct_count(ct_read_bytes(cx, path, NULL)), 0);
    write_text("ok\xc3");
    ck_assert_ptr_null(ct_read_text(cx, path, NULL));
    expect_error(CT_ERROR_FORMAT, "read_text", path, "byte 2 is not UTF-8: 0xc3", NULL);
    remove_folder();
}
END_TEST

START_TEST(gzip_is_inflated)
{
    make_folder();
    /* of "hello hello\n", as gzip -n makes it */
    static const unsigned char z[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xcb, 0x48, 0xcd, 0xc9,
        0xc9, 0x57, 0xc8, 0, 0x91, 0x5c, 0, 0xa5, 0x6a, 0x0a, 0x44, 12, 0, 0, 0 };
    write_file(z, sizeof z);
    const char *text = ct_read_text(cx, path, NULL);
    if (!text) {
        expect_error(CT_ERROR_UNSUPPORTED, "zlib", NULL);
        skip("this build has no zlib");
    } else {
        ck_assert_str_eq(text, "hello hello\n");
        for (size_t n = 2; n < sizeof z; n++) {
            write_file(z, n);
            ck_assert_ptr_null(ct_read_text(cx, path, NULL));
            expect_error(CT_ERROR_FORMAT, path, "truncated", NULL);
        }
        write_file(z, sizeof z);
        ck_assert_ptr_null(ct_read_text(cx, path, &(ct_read_options){ .max_bytes = 11 }));
        expect_error(CT_ERROR_MEMORY, path, "11", NULL);
    }
    remove_folder();
}
END_TEST

START_TEST(a_vocabulary_there_and_back)
{
    /* a, e with an accent, a euro, a clef: 1 to 4 bytes */
    const char *text = "a\xf0\x9d\x84\x9e\xe2\x82\xac" "a\xc3\xa9\n";
    ct_vocabulary *v = ct_vocabulary_new(cx, text, NULL);
    ck_assert_int_eq(ct_vocabulary_size(v), 5);
    ct_tensor *x = ct_vocabulary_encode(v, text);
    expect_values(x, CT_DOUBLES(1, 4, 3, 1, 2, 0), 0);
    ck_assert_int_eq(ct_dtype_of(x), CT_I64);
    ck_assert_str_eq(ct_vocabulary_decode(v, x), text);
    ck_assert_str_eq(ct_vocabulary_decode(v, ct_slice(x, 0, -3, CT_END, -1)), "a\xe2\x82\xac\xf0\x9d\x84\x9e" "a");
    ct_vocabulary *again = ct_vocabulary_new(
        cx, ct_vocabulary_decode(v, ct_range(cx, CT_I64, 5)), NULL);
    ck_assert_double_eq(ct_max_difference(ct_vocabulary_encode(again, text), x), 0);
    ck_assert_int_eq(ct_count(ct_vocabulary_encode(v, "")), 0);
    ck_assert_str_eq(ct_vocabulary_decode(v, ct_zeros(cx, CT_I64, CT_SHAPE(0))), "");
    ck_assert_ptr_null(ct_vocabulary_encode(v, "a\xc3\xa8"));
    expect_error(CT_ERROR_VALUE, "vocabulary_encode", "'\xc3\xa8' (U+00E8), at byte 1", NULL);
    ct_vocabulary_free(again);
    ct_vocabulary_free(v);
    expect_ok();
}
END_TEST

START_TEST(a_vocabulary_with_a_place_for_others)
{
    ct_vocabulary *v = ct_vocabulary_new(cx, "ba", &(ct_vocabulary_options){ .unknown = true });
    ck_assert_int_eq(ct_vocabulary_size(v), 3);
    ct_tensor *x = ct_vocabulary_encode(v, "abc\xef\xbf\xbd");
    expect_values(x, CT_DOUBLES(1, 2, 0, 0), 0);
    ck_assert_str_eq(ct_vocabulary_decode(v, x), "ab\xef\xbf\xbd\xef\xbf\xbd");
    ck_assert_int_eq(ct_vocabulary_size(ct_vocabulary_new(cx, "", NULL)), 0);
}
END_TEST

START_TEST(what_is_not_utf8)
{
    static const char *const all[] = {
        "\x80", "\xbf", "\xc3", "\xc3(", "\xc0\xaf", "\xe0\x80\xaf", "\xe2\x82", "\xed\xa0\x80",
        "\xf0\x80\x80\xaf", "\xf0\x9d\x84", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff"
    };
    ct_vocabulary *v = ct_vocabulary_new(cx, "x", NULL);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char text[8];
        snprintf(text, sizeof text, "x%s", all[i]);
        ck_assert_ptr_null(ct_vocabulary_new(cx, text, NULL));
        expect_error(CT_ERROR_FORMAT, "vocabulary_new: byte 1 is not UTF-8", NULL);
        ck_assert_ptr_null(ct_vocabulary_encode(v, text));
        expect_error(CT_ERROR_FORMAT, "vocabulary_encode: byte 1 is not UTF-8", NULL);
    }
    static const char *const good[] = { "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf",
                                        "\xf0\x90\x80\x80", "\xe0\xa0\x80", "\xc2\x80" };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        v = ct_vocabulary_new(cx, good[i], NULL);
        ck_assert_int_eq(ct_vocabulary_size(v), 1);
        ck_assert_str_eq(ct_vocabulary_decode(v, ct_zeros(cx, CT_I64, CT_SHAPE(1))), good[i]);
    }
}
END_TEST

START_TEST(arguments_that_are_wrong)
{
    make_folder();
    ct_vocabulary *v = ct_vocabulary_new(cx, "abc", NULL);
    ck_assert_ptr_null(ct_read_bytes(cx, NULL, NULL));
    expect_error(CT_ERROR_NULL, "read_bytes", NULL);
    ck_assert_ptr_null(ct_read_text(cx, path, NULL));
    expect_error(CT_ERROR_FILE, "read_text", path, NULL);
    write_text("four");
    ck_assert_ptr_null(ct_read_bytes(cx, path, &(ct_read_options){ .max_bytes = 31 }));
    expect_error(CT_ERROR_MEMORY, "read_bytes", NULL);
    ck_assert_ptr_nonnull(ct_read_bytes(cx, path, &(ct_read_options){ .max_bytes = 32 }));
    ck_assert_ptr_null(ct_read_text(cx, path, &(ct_read_options){ .reserved = { 1 } }));
    expect_error(CT_ERROR_VALUE, "zeroed", NULL);
    ck_assert_ptr_null(ct_vocabulary_new(cx, NULL, NULL));
    expect_error(CT_ERROR_NULL, "vocabulary_new", NULL);
    ck_assert_ptr_null(ct_vocabulary_encode(v, NULL));
    expect_error(CT_ERROR_NULL, "vocabulary_encode", NULL);
    ck_assert_ptr_null(ct_vocabulary_decode(v, ct_full(cx, CT_I64, CT_SHAPE(2), 3)));
    expect_error(CT_ERROR_RANGE, "0 ... 2", "element 0 is 3", NULL);
    ck_assert_ptr_null(ct_vocabulary_decode(v, ct_full(cx, CT_I64, CT_SHAPE(1), -1)));
    expect_error(CT_ERROR_RANGE, "-1", NULL);
    ck_assert_ptr_null(ct_vocabulary_decode(v, ct_ones(cx, CT_F32, CT_SHAPE(1))));
    expect_error(CT_ERROR_DTYPE, "i64", NULL);
    ck_assert_ptr_null(ct_vocabulary_decode(v, NULL));
    ck_assert_ptr_null(ct_vocabulary_encode(NULL, "a"));
    ck_assert_int_eq(ct_vocabulary_size(NULL), -1);
    ct_vocabulary_free(NULL);
    expect_ok();
    remove_folder();
}
END_TEST

static void use_a_freed_vocabulary(void)
{
    ct_vocabulary *v = ct_vocabulary_new(cx, "abc", NULL);
    ct_vocabulary_free(v);
    ct_vocabulary_free(v);
    expect_error(CT_ERROR_STALE, "vocabulary_free", NULL);
    ck_assert_ptr_null(ct_vocabulary_encode(v, "a"));
    expect_error(CT_ERROR_STALE, "vocabulary_encode", NULL);
}

START_TEST(freed_vocabularies_are_stale)
{
    with_pool(use_a_freed_vocabulary);
}
END_TEST

static void read_and_encode(ct_context *c)
{
    const char *text = ct_read_text(c, path, NULL);
    ct_vocabulary *v = text ? ct_vocabulary_new(c, text, NULL) : NULL;
    ct_tensor *x = v ? ct_vocabulary_encode(v, text) : NULL;
    if (x)
        ct_vocabulary_decode(v, x);
    ct_vocabulary_free(v);
    ct_read_bytes(c, path, NULL);
}

START_TEST(every_allocation_may_fail)
{
    make_folder();
    write_text("some text");
    for_each_failing_allocation(read_and_encode);
    remove_folder();
}
END_TEST

Suite *letters_suite(void);
Suite *letters_suite(void)
{
    const TTest *const tests[] = {
        files_as_bytes_and_as_text,
        gzip_is_inflated,
        a_vocabulary_there_and_back,
        a_vocabulary_with_a_place_for_others,
        what_is_not_utf8,
        arguments_that_are_wrong,
        freed_vocabularies_are_stale,
        every_allocation_may_fail,
        NULL,
    };
    return make_suite("nn/letters", tests);
}
