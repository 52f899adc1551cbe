/* nn/archives/archive.c, safetensors.c, save.c, load.c: lists, texts, types of elements, several
 * files, names that change. What is malformed in safetensors is in test_safetensors.c. */
#include "files.h"

#if HAVE_JANSSON
/* a file of safetensors of that name with this header and n bytes of data */
static void write_tensors_as(const char *name, const char *header, const void *data, size_t n)
{
    char file[4096] = { 0 };
    size_t length = strlen(header);
    ck_assert_uint_le(8 + length + n, sizeof file);
    for (int i = 0; i < 8; i++)
        file[i] = (char)(unsigned char)((uint64_t)length >> 8 * i);
    memcpy(file + 8, header, length);
    memcpy(file + 8 + length, data, n);
    write_file_as(name, file, 8 + length + n);
}

static void write_tensors(const char *header, const void *data, size_t n)
{
    write_tensors_as("file", header, data, n);
}

static ct_archive *opened(void)
{
    ct_archive *a = ct_archive_open(cx, path, NULL);
    expect_ok();
    ck_assert_ptr_nonnull(a);
    return a;
}

START_TEST(what_is_written_is_listed_and_read)
{
    make_folder();
    ct_tensor *all[] = { ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 2), CT_DOUBLES(1, -2, 0.5, 1e300)),
                         ct_from_ints(cx, CT_SHAPE(3), CT_INTS(1, -1, INT64_MAX)),
                         ct_ones(cx, CT_BOOL, CT_SHAPE(2)),
                         ct_transpose(ct_from_doubles(cx, CT_F32, CT_SHAPE(2, 3),
                                                      CT_DOUBLES(1, 2, 3, 4, 5, 6))),
                         ct_zeros(cx, CT_F32, CT_SHAPE(0, 4)) };
    const char *const names[] = { "a", "b \"quoted\" \\ \t", "\xc3\xa4.c", "turned", "empty" };
    const ct_pair texts[] = { { "format", "ours" }, { "line", "one\ntwo \xe2\x82\xac" } };
    ct_fail(cx, CT_ERROR_VALUE, "pending"); /* an earlier error does not stop it */
    ck_assert_int_eq(ct_write_safetensors(cx, path, names, all, 5,
                                          &(ct_archive_options){ .texts = texts, .n = 2 }), CT_OK);
    expect_error(CT_ERROR_VALUE, "pending", NULL);
    ct_archive *a = opened();
    ck_assert_int_eq(ct_archive_count(a), 5);
    for (int i = 0; i < 5; i++) {
        int64_t shape[CT_MAX_DIMS];
        ck_assert_int_eq(ct_archive_shape(a, names[i], shape), ct_ndim(all[i]));
        ck_assert_mem_eq(shape, ct_shape(all[i]), (size_t)ct_ndim(all[i]) * sizeof *shape);
        ct_tensor *x = ct_archive_read(a, names[i], 0);
        ck_assert_double_eq(ct_max_difference(x, all[i]), 0);
    }
    ck_assert_str_eq(ct_archive_dtype(a, "a"), "F64");
    ck_assert_ptr_null(ct_archive_name(a, 5));
    ck_assert_ptr_null(ct_archive_name(a, -1));
    ck_assert_int_eq(ct_archive_texts(a), 2);
    ck_assert_str_eq(ct_archive_key(a, 0), "format");
    ck_assert_ptr_null(ct_archive_key(a, 2));
    ck_assert_str_eq(ct_archive_text(a, "line"), "one\ntwo \xe2\x82\xac");
    ck_assert_ptr_null(ct_archive_text(a, "none"));
    expect_ok();
    ck_assert_ptr_null(ct_archive_text(a, NULL));
    expect_error(CT_ERROR_NULL, "archive_text: the key is NULL", NULL);
    ck_assert_ptr_null(ct_archive_read(a, "a", CT_I64)); /* 1e300 */
    expect_error(CT_ERROR_VALUE, "archive_read", path, "element 3", NULL);
    ct_archive_close(a);
    remove_folder();
}
END_TEST

START_TEST(floats_of_16_bits)
{
    /* 1, -2, the least normal and denormal, the largest, infinity, NaN */
    static const unsigned char halves[] = { 0, 0x3c, 0, 0xc0, 0, 4, 1, 0, 0xff, 0x7b, 0, 0xfc, 1, 0x7e };
    static const unsigned char brains[] = { 0x80, 0x3f, 0, 0xc0, 0x80, 0, 1, 0, 0x7f, 0x7f, 0x80, 0xff,
                                            0xc0, 0x7f };
    unsigned char data[28];
    make_folder();
    memcpy(data, halves, 14);
    memcpy(data + 14, brains, 14);
    write_tensors("{\"h\":{\"dtype\":\"F16\",\"shape\":[7],\"data_offsets\":[0,14]},"
                  "\"b\":{\"dtype\":\"BF16\",\"shape\":[7],\"data_offsets\":[14,28]}}", data, 28);
    ct_archive *a = opened();
    for (int pass = 0; pass < 2; pass++) {
        ct_dtype dtype = pass ? CT_F64 : 0;
        expect_values(ct_archive_read(a, "h", dtype),
                      CT_DOUBLES(1, -2, 0x1p-14, 0x1p-24, 65504, -INFINITY, NAN), 0);
        expect_values(ct_archive_read(a, "b", dtype),
                      CT_DOUBLES(1, -2, 0x1p-126, 0x1p-133, 0x1.fep127, -INFINITY, NAN), 0);
    }
    ck_assert_int_eq(ct_dtype_of(ct_archive_read(a, "b", 0)), CT_F32);
    ct_module *m = ct_module_new(cx, "m", NULL, NULL);
    ct_module_add_buffer(m, "h", ct_zeros(cx, CT_F32, CT_SHAPE(7)));
    ct_module_add_buffer(m, "b", ct_zeros(cx, CT_F64, CT_SHAPE(7)));
    ck_assert_int_eq(ct_module_load(m, path, 0), CT_OK);
    ck_assert_double_eq(ct_at(ct_module_parameter(m, "h"), CT_INDEX(4)), 65504);
    ck_assert_double_eq(ct_at(ct_module_parameter(m, "b"), CT_INDEX(4)), 0x1.fep127);
    remove_folder();
}
END_TEST

START_TEST(other_elements)
{
    static const unsigned char data[] = { 0xff, 0xff, 0xff, 0x7f, 1, 2, 0xff, 0, 0, 0, 0, 0, 0, 0, 0x80 };
    make_folder();
    write_tensors("{\"i\":{\"dtype\":\"I16\",\"shape\":[2],\"data_offsets\":[0,4]},"
                  "\"u\":{\"dtype\":\"U8\",\"shape\":[1,2],\"data_offsets\":[4,6]},"
                  "\"e\":{\"dtype\":\"F8_E4M3\",\"shape\":[1],\"data_offsets\":[6,7]},"
                  "\"big\":{\"dtype\":\"U64\",\"shape\":[],\"data_offsets\":[7,15]},"
                  "\"deep\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,0],\"data_offsets\":[15,15]}}",
                  data, sizeof data);
    ct_archive *a = opened();
    expect_values(ct_archive_read(a, "i", 0), CT_DOUBLES(-1, 32767), 0);
    expect_values(ct_archive_read(a, "u", CT_F64), CT_DOUBLES(1, 2), 0);
    ck_assert_ptr_null(ct_archive_read(a, "e", 0));
    expect_error(CT_ERROR_DTYPE, "'e'", "F8_E4M3", NULL);
    ck_assert_ptr_null(ct_archive_read(a, "big", 0));
    expect_error(CT_ERROR_VALUE, "i64", NULL);
    expect_values(ct_archive_read(a, "big", CT_F64), CT_DOUBLES(0x1p63), 0);
    int64_t shape[CT_MAX_DIMS];
    ck_assert_ptr_null(ct_archive_read(a, "deep", 0));
    expect_error(CT_ERROR_RANGE, "9 dimensions", NULL);
    ck_assert_int_eq(ct_archive_shape(a, "deep", shape), -1);
    expect_error(CT_ERROR_RANGE, "9 dimensions", NULL);
    ck_assert_ptr_null(ct_archive_read(a, "none", 0));
    expect_error(CT_ERROR_VALUE, "no tensor 'none'", NULL);
    ck_assert_ptr_null(ct_archive_read(a, "i", (ct_dtype)9));
    expect_error(CT_ERROR_DTYPE, "dtype", NULL);
    ck_assert_ptr_null(ct_archive_read(a, NULL, 0));
    expect_error(CT_ERROR_NULL, "name", NULL);
    a = ct_archive_open(cx, path, &(ct_read_options){ .max_bytes = 15 });
    ck_assert_ptr_null(ct_archive_read(a, "i", 0)); /* of 16 bytes */
    expect_error(CT_ERROR_MEMORY, "max_bytes", NULL);
    remove_folder();
}
END_TEST

START_TEST(texts_must_be_texts)
{
    make_folder();
    write_tensors("{\"__metadata__\":{\"a\":1}}", "", 0);
    ck_assert_ptr_null(ct_archive_open(cx, path, NULL));
    expect_error(CT_ERROR_FORMAT, "__metadata__", "texts", NULL);
    write_tensors("{\"__metadata__\":[]}", "", 0);
    ck_assert_ptr_null(ct_archive_open(cx, path, NULL));
    expect_error(CT_ERROR_FORMAT, "__metadata__", NULL);
    write_tensors("{}", "", 0);
    ck_assert_int_eq(ct_archive_count(opened()), 0);
    remove_folder();
}
END_TEST

static void with_context(ct_context *c)
{
    ct_tensor *x = ct_ones(c, CT_F32, CT_SHAPE(3)), *y = ct_ones(c, CT_I64, CT_SHAPE(2));
    if (!x || !y || ct_write_safetensors(c, path, (const char *const[]){ "x", "y" },
                                         (ct_tensor *const[]){ x, y }, 2,
                                         &(ct_archive_options){ .texts = &(ct_pair){ "k", "v" },
                                                                .n = 1 }) != CT_OK)
        return;
    ct_archive *a = ct_archive_open(c, path, NULL);
    ct_archive_read(a, "x", CT_F64);
    ct_module *m = ct_module_new(c, "m", NULL, NULL);
    ct_module_add_buffer(m, "z", ct_zeros(c, CT_F32, CT_SHAPE(3)));
    ct_load_report report;
    const ct_rename rename = { "x", "z" };
    if (!ct_error(c))
        ct_module_load_from(m, a, &(ct_load_options){ CT_ALLOW_EXTRA, &rename, 1, { 0 } }, &report);
    if (!ct_error(c))
        ck_assert_double_eq(ct_at(ct_module_parameter(m, "z"), CT_INDEX(1)), 1);
    ct_archive_close(a);
}

START_TEST(every_allocation_may_fail)
{
    make_folder();
    for_each_failing_allocation(with_context);
    remove_folder();
}
END_TEST

/* -- Several files */
#define PIECE(name, begin, end)                                                                    \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[" #begin "," #end "]}"
static const float numbers[] = { 1, 2, 3 };

static void write_shards(const char *index)
{
    write_tensors_as("one", "{\"__metadata__\":{\"format\":\"pt\"}," PIECE("c", 0, 4) ","
                     PIECE("a", 4, 8) "}", numbers, 8);
    write_tensors_as("two", "{\"__metadata__\":{\"format\":\"pt\"}," PIECE("b", 0, 4) "}",
                     numbers + 2, 4);
    write_file(index, strlen(index));
}

static void remove_shards(void)
{
    unlink(in_folder("one"));
    unlink(in_folder("two"));
}

START_TEST(an_index_of_several_files)
{
    make_folder();
    write_shards("{\"metadata\":{\"total_size\":12},"
                 "\"weight_map\":{\"a\":\"one\",\"b\":\"two\",\"c\":\"one\"}}");
    ct_archive *a = opened();
    ck_assert_int_eq(ct_archive_count(a), 3);
    ck_assert_str_eq(ct_archive_text(a, "format"), "pt");
    expect_values(ct_archive_read(a, "a", 0), CT_DOUBLES(2), 0);
    expect_values(ct_archive_read(a, "b", 0), CT_DOUBLES(3), 0);
    expect_values(ct_archive_read(a, "c", 0), CT_DOUBLES(1), 0);
    ck_assert_ptr_null(ct_archive_read(a, "d", 0));
    expect_error(CT_ERROR_VALUE, path, NULL);
    ct_module *m = ct_module_new(cx, "m", NULL, NULL);
    const char *const names[] = { "a", "b", "c" };
    for (int i = 0; i < 3; i++)
        ct_module_add_parameter(m, names[i], ct_zeros(cx, CT_F32, CT_SHAPE(1)));
    ck_assert_int_eq(ct_module_load(m, path, 0), CT_OK);
    ck_assert_double_eq(ct_item(ct_module_parameter(m, "c")), 1);
    write_file_as("two", "", 0);
    ck_assert_ptr_null(ct_archive_read(a, "b", 0));
    expect_error(CT_ERROR_FORMAT, "/two", "changed", NULL);
    expect_values(ct_archive_read(a, "a", 0), CT_DOUBLES(2), 0);
    unlink(in_folder("two"));
    ck_assert_ptr_null(ct_archive_read(a, "b", 0));
    expect_error(CT_ERROR_FILE, "/two", "cannot open", NULL);
    remove_shards();
    remove_folder();
}
END_TEST

START_TEST(indices_that_are_wrong)
{
    static const struct { const char *index; ct_status code; const char *why; } all[] = {
        { "{\"weight_map\":{\"a\":\"one\",\"b\":\"two\"}}", CT_ERROR_FORMAT, "hold 3 tensors" },
        { "{\"weight_map\":{\"a\":\"one\",\"b\":\"one\",\"c\":\"one\"}}", CT_ERROR_FORMAT, "'b' is not" },
        { "{\"weight_map\":{\"a\":\"two\",\"b\":\"two\",\"c\":\"one\"}}", CT_ERROR_FORMAT, "'a' is not" },
        { "{\"weight_map\":{\"a\":\"one\",\"b\":\"two\",\"c\":\"one\",\"d\":\"one\"}}", CT_ERROR_FORMAT,
          "'d' is not" },
        { "{\"weight_map\":{\"a\":\"one\",\"b\":\"three\"}}", CT_ERROR_FILE, "/three: cannot open" },
        { "{\"weight_map\":{\"a\":\"../one\"}}", CT_ERROR_FORMAT, "beside" },
        { "{\"weight_map\":{\"a\":\"/etc/passwd\"}}", CT_ERROR_FORMAT, "beside" },
        { "{\"weight_map\":{\"a\":\"..\"}}", CT_ERROR_FORMAT, "beside" },
        { "{\"weight_map\":{\"a\":\"\"}}", CT_ERROR_FORMAT, "beside" },
        { "{\"weight_map\":{\"a\":\"x\\\\y\"}}", CT_ERROR_FORMAT, "beside" },
        { "{\"weight_map\":{\"a\":1}}", CT_ERROR_FORMAT, "'a' must" },
        { "{\"weight_map\":[]}", CT_ERROR_FORMAT, "weight_map" },
        { "{\"weights\":{}  }", CT_ERROR_FORMAT, "weight_map" },
        { "{\"weight_map\":{\"a\":\"file\"}}", CT_ERROR_FORMAT, "/file: no safetensors" },
        { "{\"weight_map\":{\"a\":\"one\"}", CT_ERROR_FORMAT, "JSON" },
        { "{\"weight_map\":{\"a\":\"one\",\"a\":\"two\"}}", CT_ERROR_FORMAT, "JSON" },
    };
    make_folder();
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        write_shards(all[i].index);
        ck_assert_ptr_null(ct_archive_open(cx, path, NULL));
        expect_error(all[i].code, "archive_open", all[i].why, NULL);
    }
    write_shards("{\"weight_map\":{\"a\":\"one\",\"b\":\"two\",\"c\":\"one\"}}");
    write_tensors_as("two", "{" PIECE("b", 0, 4) "," PIECE("a", 4, 8) "}", numbers, 8);
    ck_assert_ptr_null(ct_archive_open(cx, path, NULL));
    expect_error(CT_ERROR_FORMAT, "'a' is the name of two", NULL);
    remove_shards();
    remove_folder();
}
END_TEST

/* -- Names that change */
static ct_module *net(void)
{
    ct_module *m = ct_module_new(cx, "m", NULL, NULL);
    ct_module_add(m, "net", ct_linear_new(cx, CT_F32, 1, 1, NULL));
    return m;
}

START_TEST(names_are_changed)
{
    const ct_rename names[] = { { "encoder.*", "net.*" }, { "*.skip", NULL }, { "b", "net.bias" } };
    ct_load_report r;
    make_folder();
    write_tensors("{\"encoder.weight\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[0,4]},"
                  PIECE("b", 4, 8) "," PIECE("head.skip", 8, 12) "}", numbers, 12);
    ct_archive *a = opened();
    ct_module *m = net();
    ck_assert_int_eq(ct_module_load_from(m, a, &(ct_load_options){ .renames = names, .n = 3 }, &r),
                     CT_OK);
    ck_assert_double_eq(ct_item(ct_module_parameter(m, "net.weight")), 1);
    ck_assert_double_eq(ct_item(ct_module_parameter(m, "net.bias")), 2);
    ck_assert(r.loaded == 2 && r.missing == 0 && r.extra == 0);
    ck_assert_str_eq(r.missing_names, "");
    ck_assert_str_eq(r.extra_names, "");
    /* what is left over, and what is missing, is said; strictly it is an error */
    ck_assert_int_eq(ct_module_load_from(m, a, &(ct_load_options){ .renames = names, .n = 1 }, &r),
                     CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "module_load_from", "'b' and 1 more are not in", NULL);
    ck_assert(r.loaded == 1 && r.missing == 1 && r.extra == 2);
    ck_assert_str_eq(r.missing_names, "net.bias\n");
    ck_assert_str_eq(r.extra_names, "b\nhead.skip\n");
    ct_scope scope = ct_scope_begin(cx);
    ct_no_grad(cx);
    ct_fill(ct_module_parameter(m, "net.weight"), 9);
    ct_scope_end(cx, scope);
    ck_assert_int_eq(ct_module_load_from(m, a, &(ct_load_options){
        .renames = names, .n = 1, .flags = CT_ALLOW_EXTRA }, NULL), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "'net.bias' is missing", NULL);
    ck_assert_double_eq(ct_item(ct_module_parameter(m, "net.weight")), 9);
    ck_assert_int_eq(ct_module_load_from(m, a, &(ct_load_options){
        .renames = names, .n = 1, .flags = CT_ALLOW_EXTRA | CT_ALLOW_MISSING }, &r), CT_OK);
    ck_assert_double_eq(ct_item(ct_module_parameter(m, "net.weight")), 1);
    ck_assert(r.loaded == 1 && r.missing == 1 && r.extra == 2);
    /* only what matches, of all that there is */
    const ct_rename only[] = { { "encoder.*", "net.*" }, { "*", NULL } };
    ck_assert_int_eq(ct_module_load_from(m, a, &(ct_load_options){
        .renames = only, .n = 2, .flags = CT_ALLOW_MISSING }, &r), CT_OK);
    ck_assert(r.loaded == 1 && r.missing == 1 && r.extra == 0);
    remove_folder();
}
END_TEST

START_TEST(renames_that_are_wrong)
{
    make_folder();
    write_tensors("{" PIECE("b", 0, 4) "," PIECE("net.bias", 4, 8) "}", numbers, 8);
    ct_archive *a = opened();
    ct_module *m = net();
    const struct { ct_rename rename; ct_status code; const char *why; } all[] = {
        { { "b", "net.bias" }, CT_ERROR_VALUE, "two of its tensors become 'net.bias'" },
        { { NULL, "a" }, CT_ERROR_NULL, "NULL" },
        { { "*.*", "a" }, CT_ERROR_VALUE, "one *" },
        { { "a.*", "*.*" }, CT_ERROR_VALUE, "one *" },
        { { "a", "b.*" }, CT_ERROR_VALUE, "one *" },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        ct_load_options o = { .renames = &all[i].rename, .n = 1 };
        ck_assert_int_eq(ct_module_load_from(m, a, &o, NULL), all[i].code);
        expect_error(all[i].code, "module_load_from", all[i].why, NULL);
    }
    ck_assert_int_eq(ct_module_load_from(m, a, &(ct_load_options){ .n = 1 }, NULL), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "renames", NULL);
    ck_assert_int_eq(ct_module_load_from(m, a, &(ct_load_options){ .flags = 8 }, NULL),
                     CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "flags", NULL);
    ck_assert_int_eq(ct_module_load_from(m, a, &(ct_load_options){ .reserved = { 1 } }, NULL),
                     CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "zeroed", NULL);
    ck_assert_int_eq(ct_module_load_from(m, NULL, NULL, NULL), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "archive", NULL);
    ck_assert_int_eq(ct_module_load_from(NULL, a, NULL, NULL), CT_ERROR_NULL);
    ct_context *other = ct_context_new(NULL);
    m = ct_linear_new(other, CT_F32, 2, 1, NULL);
    ck_assert_int_eq(ct_module_load_from(m, a, NULL, NULL), CT_ERROR_CONTEXT);
    ck_assert_ptr_nonnull(strstr(ct_error_text(other), "the archive is of another context"));
    ct_context_free(other);
    remove_folder();
}
END_TEST
#endif

START_TEST(what_cannot_be_written)
{
    make_folder();
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(1)), *two[] = { x, x };
    const struct { const char *names[2], *why; } all[] = {
        { { "a", "a" }, "'a' is there twice" }, { { "a", "\xff" }, "UTF-8" },
        { { "a", "__metadata__" }, "__metadata__" },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        ck_assert_int_eq(ct_write_safetensors(cx, path, all[i].names, two, 2, NULL), CT_ERROR_VALUE);
        expect_error(CT_ERROR_VALUE, "write_safetensors", all[i].why, NULL);
    }
    const char *const names[] = { "a", "b" }, *const without[] = { "a", NULL };
    ck_assert_int_eq(ct_write_safetensors(cx, path, without, two, 2, NULL), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "write_safetensors: a name or key is NULL", NULL);
    const ct_pair twice[] = { { "k", "1" }, { "k", "2" } }, bad = { "k", "\xc0" }, none = { "k", NULL };
    const ct_archive_options wrong[] = { { .texts = twice, .n = 2 }, { .texts = &bad, .n = 1 },
                                         { .texts = &none, .n = 1 }, { .n = 1 },
                                         { .reserved = { 1 } } };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_int_eq(ct_write_safetensors(cx, path, names, two, 2, &wrong[i]), CT_ERROR_VALUE);
        expect_error(CT_ERROR_VALUE, "write_safetensors", NULL);
    }
    ct_module *m = ct_linear_new(cx, CT_F32, 1, 1, NULL);
    ck_assert_int_eq(ct_module_save_with(m, path, &wrong[0]), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "module_save_with", "'k'", NULL);
    two[1] = NULL;
    ck_assert_int_eq(ct_write_safetensors(cx, path, names, two, 2, NULL), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "'b' is NULL", NULL);
    ck_assert_int_eq(ct_write_safetensors(cx, path, NULL, two, 2, NULL), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "list", NULL);
    ck_assert_int_eq(ct_write_safetensors(cx, NULL, names, two, 1, NULL), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "path", NULL);
    ck_assert_int_eq(ct_write_safetensors(NULL, path, names, two, 1, NULL), CT_ERROR_NULL);
    ct_context *other = ct_context_new(NULL);
    two[1] = ct_ones(other, CT_F32, CT_SHAPE(1));
    ck_assert_int_eq(ct_write_safetensors(cx, path, names, two, 2, NULL), CT_ERROR_CONTEXT);
    expect_error(CT_ERROR_CONTEXT, "'b'", NULL);
    ct_context_free(other);
    ck_assert_ptr_null(ct_archive_open(cx, NULL, NULL));
    expect_error(CT_ERROR_NULL, "path", NULL);
    ck_assert_ptr_null(ct_archive_open(cx, path, NULL)); /* nothing was written */
    expect_error(CT_ERROR_FILE, "cannot open", NULL);
    ck_assert_int_eq(ct_archive_count(NULL), -1);
    ck_assert_int_eq(ct_archive_texts(NULL), -1);
    ct_archive_close(NULL);
    expect_ok();
    remove_folder();
}
END_TEST

Suite *archive_suite(void);
Suite *archive_suite(void)
{
    return make_suite("nn/archive", (const TTest *[]){
        what_cannot_be_written,
#if HAVE_JANSSON
        what_is_written_is_listed_and_read, floats_of_16_bits, other_elements, texts_must_be_texts,
        every_allocation_may_fail, an_index_of_several_files, indices_that_are_wrong,
        names_are_changed, renames_that_are_wrong,
#endif
        NULL });
}
