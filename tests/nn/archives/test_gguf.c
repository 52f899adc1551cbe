/* nn/archives/gguf.c: files built here, right ones and every way to be wrong. */
#include "files.h"

enum { U8, I8, U16, I16, U32, I32, F32, BOOL, TEXT, LIST, U64, I64, F64 }; /* types of values */
enum { T_F32 = 0, T_F16 = 1, T_Q4 = 2, T_Q8 = 8, T_I32 = 26, T_BF16 = 30 }; /* of elements */

static unsigned char bytes[4096];
static size_t used;

static void put(uint64_t value, int n)
{
    for (int i = 0; i < n; i++)
        bytes[used++] = (unsigned char)(value >> 8 * i);
}

static void put_text(const char *text)
{
    put(strlen(text), 8);
    memcpy(bytes + used, text, strlen(text));
    used += strlen(text);
}

static void begin(uint64_t version, uint64_t tensors, uint64_t pairs)
{
    used = 0;
    put(0x46554747, 4);
    put(version, 4);
    put(tensors, 8);
    put(pairs, 8);
}

static void put_pair(const char *key, int type, uint64_t value, int n)
{
    put_text(key);
    put((uint64_t)type, 4);
    put(value, n);
}

/* sizes as ggml has them: the fastest first */
static void put_tensor(const char *name, int ndim, const uint64_t *sizes, uint64_t type, uint64_t at)
{
    put_text(name);
    put((uint64_t)ndim, 4);
    for (int i = 0; i < ndim; i++)
        put(sizes[i], 8);
    put(type, 4);
    put(at, 8);
}

static void pad(size_t alignment)
{
    while (used % alignment != 0)
        bytes[used++] = 0;
}

static ct_archive *opened(void)
{
    write_file(bytes, used);
    return ct_archive_open(cx, path, NULL);
}

static void refused(ct_status code, const char *why)
{
    ck_assert_ptr_null(opened());
    expect_error(code, "archive_open", path, why, NULL);
}

START_TEST(what_is_listed_and_read)
{
    const struct { const char *key; int type; uint64_t value; int bytes; const char *text; } all[] = {
        { "u8", U8, 200, 1, "200" }, { "i8", I8, 200, 1, "-56" }, { "u16", U16, 65535, 2, "65535" },
        { "i16", I16, 65535, 2, "-1" }, { "u32", U32, 4000000000, 4, "4000000000" },
        { "i32", I32, 0x80000000, 4, "-2147483648" }, { "f32", F32, 0x3fc00000, 4, "1.5" },
        { "yes", BOOL, 1, 1, "true" }, { "no", BOOL, 0, 1, "false" },
        { "u64", U64, UINT64_MAX, 8, "18446744073709551615" }, { "i64", I64, UINT64_MAX, 8, "-1" },
        { "f64", F64, 0xc004000000000000, 8, "-2.5" },
    };
    make_folder();
    begin(3, 5, 15);
    for (int i = 0; i < 12; i++)
        put_pair(all[i].key, all[i].type, all[i].value, all[i].bytes);
    put_text("name");
    put(TEXT, 4);
    put_text("t\xc3\xa4st");
    put_text("numbers");
    put(LIST, 4);
    put(U16, 4);
    put(3, 8);
    put(0x123456, 6);
    put_text("words");
    put(LIST, 4);
    put(TEXT, 4);
    put(2, 8);
    put_text("one");
    put_text("");
    put_tensor("w", 2, (uint64_t[]){ 3, 2 }, T_F32, 0);
    put_tensor("h", 1, (uint64_t[]){ 2 }, T_F16, 32);
    put_tensor("b", 0, NULL, T_BF16, 64);
    put_tensor("q", 2, (uint64_t[]){ 64, 1 }, T_Q8, 96);
    put_tensor("k", 1, (uint64_t[]){ 7 }, T_Q4, 96);
    pad(32);
    for (int i = 0; i < 6; i++) {
        const float value = (float)(i + 1);
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        put(bits, 4);
    }
    pad(32);
    put(0xc0003c00, 4);
    pad(32);
    put(0x3f80, 2);
    pad(32);
    for (int block = 0; block < 2; block++) {
        put(block ? 0x3400 : 0x4000, 2); /* 0.25, 2 */
        for (int i = 0; i < 32; i++)
            put((uint64_t)(i - 16), 1);
    }
    ct_archive *a = opened();
    expect_ok();
    for (int i = 0; i < 12; i++)
        ck_assert_str_eq(ct_archive_text(a, all[i].key), all[i].text);
    ck_assert_str_eq(ct_archive_text(a, "name"), "t\xc3\xa4st");
    ck_assert_int_eq(ct_archive_texts(a), 13);
    ct_tensor *w = ct_archive_read(a, "w", 0), *q = ct_archive_read(a, "q", 0);
    expect_shape(w, CT_SHAPE(2, 3));
    expect_values(w, CT_DOUBLES(1, 2, 3, 4, 5, 6), 0);
    expect_values(ct_archive_read(a, "h", 0), CT_DOUBLES(1, -2), 0);
    ck_assert_double_eq(ct_item(ct_archive_read(a, "b", 0)), 1);
    expect_shape(q, CT_SHAPE(1, 64));
    ck_assert_int_eq(ct_dtype_of(q), CT_F32);
    for (int i = 0; i < 64; i++)
        ck_assert_double_eq(ct_at(q, CT_INDEX(0, i)), (i % 32 - 16) * (i < 32 ? 2 : 0.25));
    expect_values(ct_slice(ct_archive_read(a, "q", CT_I64), 1, 0, 2, 1), CT_DOUBLES(-32, -30), 0);
    ck_assert_str_eq(ct_archive_dtype(a, "q"), "Q8_0");
    ck_assert_str_eq(ct_archive_dtype(a, "k"), "type 2");
    ck_assert_ptr_null(ct_archive_read(a, "k", 0));
    expect_error(CT_ERROR_DTYPE, "'k'", "type 2", NULL);
    remove_folder();
}
END_TEST

START_TEST(quantized_weights_of_a_module)
{
    make_folder();
    begin(2, 1, 1);
    put_pair("general.alignment", U32, 64, 4);
    put_tensor("blk.0.weight", 2, (uint64_t[]){ 32, 2 }, T_Q8, 0);
    pad(64);
    for (int block = 0; block < 2; block++) {
        put(0x3c00, 2);
        for (int i = 0; i < 32; i++)
            put((uint64_t)i, 1);
    }
    ct_archive *a = opened();
    ct_module *m = ct_linear_new(cx, CT_F32, 32, 2, &(ct_layer_options){ .no_bias = true });
    const ct_rename rename = { "blk.0.*", "*" };
    ck_assert_int_eq(ct_module_load_from(m, a, &(ct_load_options){ .renames = &rename, .n = 1 },
                                         NULL), CT_OK);
    ck_assert_double_eq(ct_at(ct_module_parameter(m, "weight"), CT_INDEX(1, 31)), 31);
    remove_folder();
}
END_TEST

START_TEST(headers_that_are_wrong)
{
    make_folder();
    begin(1, 0, 0);
    refused(CT_ERROR_FORMAT, "version");
    begin(0x03000000, 0, 0);
    refused(CT_ERROR_FORMAT, "big-endian");
    begin(3, 0, UINT64_MAX);
    refused(CT_ERROR_FORMAT, "truncated");
    begin(3, UINT64_MAX, 0);
    refused(CT_ERROR_FORMAT, "truncated");
    begin(3, 0, 1); /* a key of as many bytes as there are addresses */
    put(UINT64_MAX, 8);
    refused(CT_ERROR_FORMAT, "a text breaks off");
    begin(3, 0, 1); /* a key that is there, but would take more than a memory of 32 bits has */
    put((uint64_t)1 << 32, 8);
    write_file(bytes, used);
    ck_assert_int_eq(truncate(path, (off_t)1 << 33), 0); /* without holes being filled */
    ck_assert_ptr_null(ct_archive_open(cx, path, NULL));
    expect_error(CT_ERROR_FORMAT, "too long", NULL);
    begin(3, 0, 1);
    put_pair("a", 13, 0, 8);
    refused(CT_ERROR_FORMAT, "not known");
    begin(3, 0, 1);
    put_text("a\xff");
    put(U8, 4);
    put(1, 1);
    refused(CT_ERROR_FORMAT, "UTF-8");
    begin(3, 0, 1);
    put(2, 8);
    put(0, 2); /* zero bytes */
    put(U8, 4);
    put(1, 1);
    refused(CT_ERROR_FORMAT, "zero bytes");
    for (uint64_t type = LIST; type < 15; type += 5) { /* 9, 14 */
        begin(3, 0, 1);
        put_pair("a", LIST, type, 4);
        put(1, 8);
        refused(CT_ERROR_FORMAT, "a list has elements");
    }
    for (int text = 0; text < 2; text++) { /* lists longer than the file, one by an overflow */
        begin(3, 0, 1);
        put_pair("a", LIST, text ? TEXT : U64, 4);
        put((uint64_t)1 << 61, 8);
        refused(CT_ERROR_FORMAT, "truncated");
    }
    const uint64_t alignments[] = { 0, 3, 48 };
    for (int i = 0; i < 3; i++) {
        begin(3, 0, 1);
        put_pair("general.alignment", U32, alignments[i], 4);
        refused(CT_ERROR_FORMAT, "power of two");
    }
    begin(3, 1, 1); /* the largest */
    put_pair("general.alignment", U32, 0x80000000, 4);
    put_tensor("w", 1, (uint64_t[]){ 1 }, T_F32, 0);
    refused(CT_ERROR_FORMAT, "outside");
    remove_folder();
}
END_TEST

START_TEST(tensors_that_are_wrong)
{
    const struct { int ndim; uint64_t sizes[9], type, at; const char *why; } all[] = {
        { 9, { 1 }, T_F32, 0, "dimensions" },
        { 1, { UINT64_MAX }, T_F32, 0, "overflow" },
        { 2, { (uint64_t)1 << 32, (uint64_t)1 << 32 }, T_F32, 0, "overflow" },
        { 2, { (uint64_t)1 << 50, 4 }, T_F32, 0, "outside" },
        { 1, { 9 }, T_F32, 0, "outside" },
        { 1, { 1 }, T_F32, 32, "outside" },
        { 1, { 1 }, T_F32, UINT64_MAX - 31, "multiple" },
        { 1, { 1 }, T_F32, (uint64_t)INT64_MAX - 31, "outside" },
        { 1, { 1 }, T_F32, 4, "multiple" },
        { 1, { 33 }, T_Q8, 0, "blocks" },
        { 0, { 0 }, T_Q8, 0, "blocks" },
        { 1, { 32 }, T_Q8, 0, "outside" },
        { 2, { (uint64_t)1 << 58, 16 }, T_Q8, 0, "overflow" },
    };
    make_folder();
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        begin(3, 1, 0);
        put_tensor("w", all[i].ndim, all[i].sizes, all[i].type, all[i].at);
        pad(32);
        put(0, 8);
        put(0, 8);
        put(0, 8);
        put(0, 8); /* 32 bytes */
        refused(CT_ERROR_FORMAT, all[i].why);
    }
    begin(3, 2, 0);
    put_tensor("w", 1, (uint64_t[]){ 1 }, T_F32, 0);
    put_tensor("w", 1, (uint64_t[]){ 1 }, T_F32, 0);
    pad(32);
    put(0, 8);
    refused(CT_ERROR_FORMAT, "two tensors");
    remove_folder();
}
END_TEST

static void open_and_read(ct_context *c)
{
    ct_archive *a = ct_archive_open(c, path, NULL);
    if (a)
        ct_archive_read(a, "w", 0);
    ct_archive_close(a);
}

START_TEST(every_allocation_may_fail)
{
    make_folder();
    begin(3, 1, 2);
    put_pair("a", U32, 5, 4);
    put_pair("b", F32, 0, 4);
    put_tensor("w", 1, (uint64_t[]){ 1 }, T_F32, 0);
    pad(32);
    put(0, 4);
    write_file(bytes, used);
    for_each_failing_allocation(open_and_read);
    remove_folder();
}
END_TEST

Suite *gguf_suite(void);
Suite *gguf_suite(void)
{
    return make_suite("nn/gguf", (const TTest *[]){
        what_is_listed_and_read, quantized_weights_of_a_module, headers_that_are_wrong,
        tensors_that_are_wrong, every_allocation_may_fail, NULL });
}
