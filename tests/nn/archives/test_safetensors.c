/* nn/files/save.c and nn/files/load.c */
#include "files.h"

static ct_module *net_of(ct_context *c)
{
    ct_module *net = ct_mlp_new(c, CT_F32, CT_SIZES(2, 3, 1), CT_RELU, NULL);
    ct_module_add_buffer(net, "steps", ct_from_ints(c, CT_SHAPE(2), CT_INTS(3, -4)));
    return net;
}

static double difference(const ct_module *a, const ct_module *b)
{
    const char *const names[] = { "0.weight", "0.bias", "2.weight", "2.bias", "steps" };
    double most = 0;
    for (int i = 0; i < 5; i++)
        most = fmax(most, ct_max_difference(ct_module_parameter(a, names[i]),
                                            ct_module_parameter(b, names[i])));
    return most;
}

/* a file with this header and `data` bytes of data: 1.0f, 2.0f, ... */
static void write_tensors(const char *header, size_t data)
{
    unsigned char file[2048];
    size_t length = strlen(header);
    ck_assert_uint_le(8 + length + data, sizeof file);
    for (int i = 0; i < 8; i++)
        file[i] = (unsigned char)((uint64_t)length >> 8 * i);
    memcpy(file + 8, header, length);
    for (size_t i = 0; i < data; i++) {
        float value = (float)(i / 4 + 1);
        file[8 + length + i] = ((const unsigned char *)&value)[i % 4];
    }
    write_file(file, 8 + length + data);
}

/* weight (1,2), bias (1) */
static ct_module *small(void)
{
    return ct_linear_new(cx, CT_F32, 2, 1, NULL);
}

static bool can_load(void)
{
    ct_module *m = small();
    ck_assert_int_eq(ct_module_save(m, path), CT_OK);
    if (ct_module_load(m, path, 0) == CT_OK)
        return true;
    expect_error(CT_ERROR_UNSUPPORTED, "jansson", NULL);
    skip("this build has no jansson");
    return false;
}

#define WEIGHT "\"weight\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]}"
#define BIAS   "\"bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}"

START_TEST(the_bytes_are_those_of_the_format)
{
    make_folder();
    ct_module *m = ct_module_new(cx, "group", NULL, NULL);
    ct_module_add_parameter(m, "w", ct_from_doubles(cx, CT_F32, CT_SHAPE(1, 2), CT_DOUBLES(1, 2)));
    ct_module_add_buffer(m, "on_and_off", ct_ones(cx, CT_BOOL, CT_SHAPE(1)));
    ck_assert_int_eq(ct_module_save(m, path), CT_OK);
    const char *header = "{\"w\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]},"
                         "\"on_and_off\":{\"dtype\":\"BOOL\",\"shape\":[1],\"data_offsets\":[8,9]}}";
    char file[256] = { 0 };
    FILE *f = fopen(path, "rb");
    size_t n = fread(file, 1, sizeof file, f), padded = (strlen(header) + 7) / 8 * 8;
    fclose(f);
    ck_assert_uint_eq(n, 8 + padded + 9);
    ck_assert_uint_eq((unsigned char)file[0], padded);
    ck_assert_mem_eq(file + 1, "\0\0\0\0\0\0\0", 7);
    ck_assert_mem_eq(file + 8, header, strlen(header));
    ck_assert_mem_eq(file + 8 + padded, "\0\0\x80\x3f\0\0\0\x40\1", 9);
    remove_folder();
}
END_TEST

START_TEST(what_is_saved_is_loaded)
{
    make_folder();
    if (can_load()) {
        ct_module *a = net_of(cx), *b = net_of(cx);
        ct_fill(ct_module_parameter(b, "steps"), 0);
        ck_assert_double_gt(difference(a, b), 0);
        ck_assert_int_eq(ct_module_save(a, path), CT_OK); /* over the file that is there */
        ct_tensor *w = ct_module_parameter(b, "0.weight");
        ck_assert_int_eq(ct_module_load(b, path, 0), CT_OK);
        ck_assert_double_eq(difference(a, b), 0);
        ck_assert_ptr_eq(ct_module_parameter(b, "0.weight"), w); /* optimizers go on with it */
        ck_assert(ct_requires_grad(w));
        ct_module *outer = ct_module_new(cx, "outer", NULL, NULL);
        ct_module_add(outer, "net", a);
        ck_assert_int_eq(ct_module_save(a, path), CT_OK); /* names are from the module saved */
        ck_assert_int_eq(ct_module_load(b, path, 0), CT_OK);
        expect_ok();
    }
    remove_folder();
}
END_TEST

START_TEST(files_from_elsewhere)
{
    make_folder();
    if (can_load()) {
        ct_module *m = small();
        write_tensors("{\"__metadata__\":{\"format\":\"pt\"}," BIAS "," WEIGHT "}   ", 12);
        ck_assert_int_eq(ct_module_load(m, path, 0), CT_OK);
        expect_values(ct_module_parameter(m, "weight"), CT_DOUBLES(1, 2), 0);
        expect_values(ct_module_parameter(m, "bias"), CT_DOUBLES(3), 0);
    }
    remove_folder();
}
END_TEST

START_TEST(malformed_files_change_nothing)
{
    const struct { const char *header; size_t data; ct_status code; const char *why; } all[] = {
        { "{" WEIGHT "," BIAS "}", 11, CT_ERROR_FORMAT, "outside" },
        { "{" WEIGHT "," BIAS "}", 13, CT_ERROR_FORMAT, "belong to no tensor" },
        { "{" WEIGHT "," BIAS, 12, CT_ERROR_FORMAT, "JSON" },
        { " {" WEIGHT "," BIAS "}", 12, CT_ERROR_FORMAT, "JSON" },
        { "[1]", 0, CT_ERROR_FORMAT, "JSON" },
        { "", 0, CT_ERROR_FORMAT, "JSON" },
        { "{" WEIGHT "," WEIGHT "}", 8, CT_ERROR_FORMAT, "duplicate" },
        { "{" WEIGHT ",\"bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8,
          CT_ERROR_FORMAT, "overlaps" },
        { "{" WEIGHT ",\"bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[12,16]}}", 16,
          CT_ERROR_FORMAT, "hole" },
        { "{" WEIGHT ",\"bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", 8,
          CT_ERROR_FORMAT, "outside" },
        { "{" WEIGHT ",\"bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[12,8]}}", 12,
          CT_ERROR_FORMAT, "outside" },
        { "{" WEIGHT ",\"bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,9e9]}}", 12,
          CT_ERROR_FORMAT, "data_offsets" },
        { "{" WEIGHT ",\"bias\":{\"dtype\":\"F32\",\"shape\":[1],"
          "\"data_offsets\":[8,9223372036854775807]}}", 12, CT_ERROR_FORMAT, "outside" },
        { "{" WEIGHT ",\"bias\":{\"dtype\":\"F32\",\"shape\":[1]}}", 8, CT_ERROR_FORMAT,
          "data_offsets" },
        { "{" WEIGHT ",\"bias\":{\"dtype\":\"F32\",\"data_offsets\":[8,12]}}", 12, CT_ERROR_FORMAT,
          "shape" },
        { "{" WEIGHT ",\"bias\":7}", 8, CT_ERROR_FORMAT, "dtype" },
        { "{" WEIGHT ",\"bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,16]}}", 16,
          CT_ERROR_FORMAT, "another size" },
        { "{" WEIGHT ",\"bias\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[8,16]}}", 16,
          CT_ERROR_DTYPE, "F64" },
        { "{" WEIGHT ",\"bias\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[8,12]}}", 12,
          CT_ERROR_SHAPE, "'bias'" },
        { "{" WEIGHT ",\"bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}}", 16,
          CT_ERROR_SHAPE, "(1)" },
        { "{" WEIGHT "}", 8, CT_ERROR_VALUE, "'bias' is missing" },
        { "{" WEIGHT "," BIAS ",\"z\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[12,13]}}",
          13, CT_ERROR_VALUE, "'z' is not in the module" },
    };
    make_folder();
    if (can_load()) {
        ct_module *m = small(), *before = ct_module_clone(m, 0);
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            write_tensors(all[i].header, all[i].data);
            ck_assert_int_eq(ct_module_load(m, path, 0), all[i].code);
            expect_error(all[i].code, "module_load", path, all[i].why, NULL);
            ck_assert_double_eq(ct_max_difference(ct_module_parameter(m, "weight"),
                                                  ct_module_parameter(before, "weight")), 0);
        }
        write_file("\377\377\377\377\377\377\377\377{}", 10); /* a header of 2^64 - 1 bytes */
        ck_assert_int_eq(ct_module_load(m, path, 0), CT_ERROR_FORMAT);
        expect_error(CT_ERROR_FORMAT, "truncated", NULL);
        write_file("\3\0\0\0\0\0\0\0{}", 10); /* one byte more than there is */
        ck_assert_int_eq(ct_module_load(m, path, 0), CT_ERROR_FORMAT);
        expect_error(CT_ERROR_FORMAT, "truncated", "3 bytes", NULL);
        write_file("\2\0\0", 3);
        ck_assert_int_eq(ct_module_load(m, path, 0), CT_ERROR_FORMAT);
        expect_error(CT_ERROR_FORMAT, "truncated", NULL);
    }
    remove_folder();
}
END_TEST

/* what the parser of JSON takes is bounded, in memory and in depth */
START_TEST(headers_that_ask_for_much)
{
    enum { DEEP = 100000 };
    make_folder();
    if (can_load()) {
        ct_module *m = small();
        write_file("\1\341\365\5\0\0\0\0{", 9); /* 100,000,001 bytes, of which none are written */
        ck_assert_int_eq(truncate(path, 100000020), 0);
        ck_assert_int_eq(ct_module_load(m, path, 0), CT_ERROR_FORMAT);
        expect_error(CT_ERROR_FORMAT, "100000001 bytes", "allowed", NULL);
        char *deep = malloc(DEEP + 16);
        memcpy(deep, "\0\0\0\0\0\0\0\0{\"a\":", 13);
        memset(deep + 13, '[', DEEP);
        for (int i = 0; i < 3; i++)
            deep[i] = (char)(unsigned char)((DEEP + 5) >> 8 * i);
        write_file(deep, 13 + DEEP);
        free(deep);
        ck_assert_int_eq(ct_module_load(m, path, 0), CT_ERROR_FORMAT);
        expect_error(CT_ERROR_FORMAT, "depth", NULL);
    }
    remove_folder();
}
END_TEST

START_TEST(flags_allow_what_is_missing_or_extra)
{
    make_folder();
    if (can_load()) {
        ct_module *m = small();
        write_tensors("{\"z\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
                      "\"bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8);
        ck_assert_int_eq(ct_module_load(m, path, CT_ALLOW_EXTRA), CT_ERROR_VALUE);
        expect_error(CT_ERROR_VALUE, "'weight' is missing", NULL);
        ck_assert_double_eq(ct_item(ct_module_parameter(m, "bias")), 0); /* nothing was taken */
        ck_assert_int_eq(ct_module_load(m, path, CT_ALLOW_MISSING), CT_ERROR_VALUE);
        expect_error(CT_ERROR_VALUE, "'z'", NULL);
        ck_assert_int_eq(ct_module_load(m, path, CT_ALLOW_EXTRA | CT_ALLOW_MISSING), CT_OK);
        ck_assert_double_eq(ct_item(ct_module_parameter(m, "bias")), 2);
        ck_assert_int_eq(ct_module_load(m, path, 8), CT_ERROR_VALUE);
        expect_error(CT_ERROR_VALUE, "flags", NULL);
    }
    remove_folder();
}
END_TEST

/* every tensor of the file is as large as its dtype and shape say, also one that is passed over */
START_TEST(sizes_of_all_tensors_are_checked)
{
    const struct { const char *dtype, *shape; int bytes; bool right; } all[] = {
        { "U8", "[4]", 4, true }, { "U8", "[4]", 3, false }, { "I8", "[2,2]", 4, true },
        { "F16", "[2]", 4, true }, { "F16", "[2]", 2, false }, { "BF16", "[1,3]", 6, true },
        { "BF16", "[1,3]", 12, false }, { "I16", "[3]", 6, true }, { "U16", "[]", 2, true },
        { "I32", "[]", 4, true }, { "I32", "[2]", 4, false }, { "U32", "[2]", 8, true },
        { "F32", "[2]", 4, false }, { "F64", "[2]", 16, true }, { "I64", "[1]", 4, false },
        { "U64", "[1]", 8, true }, { "C64", "[1]", 8, true }, { "BOOL", "[3]", 3, true },
        { "F8_E4M3", "[3]", 3, true }, { "F8_E5M2", "[3]", 6, false }, { "F8_E8M0", "[1]", 1, true },
        { "F6_E2M3", "[4]", 3, true }, { "F6_E3M2", "[3]", 3, false }, { "F4", "[3]", 1, false },
        { "F4", "[3]", 2, false }, { "F4", "[2,2]", 2, true }, { "X9", "[1]", 1, false },
        { "", "[0]", 0, false }, { "F32", "[-1]", 4, false }, { "F32", "[1.0]", 4, false },
        { "F32", "[\"1\"]", 4, false }, { "F32", "[0]", 0, true }, { "F32", "[0]", 4, false },
        { "F32", "[0,9223372036854775807,9]", 0, false },
        { "F32", "[67108864,67108864,0]", 0, true },
        { "F32", "[4294967296,4294967296]", 0, false },
        { "U8", "[4294967296,4294967296,16]", 0, false },
    };
    make_folder();
    if (can_load())
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            char header[400];
            snprintf(header, sizeof header,
                     "{" WEIGHT "," BIAS ",\"z\":{\"dtype\":\"%s\",\"shape\":%s,"
                     "\"data_offsets\":[12,%d]}}", all[i].dtype, all[i].shape, 12 + all[i].bytes);
            write_tensors(header, (size_t)(12 + all[i].bytes));
            ct_status status = ct_module_load(small(), path, CT_ALLOW_EXTRA);
            ck_assert_msg((status == CT_OK) == all[i].right, "%s %s in %d bytes: %s", all[i].dtype,
                          all[i].shape, all[i].bytes, ct_status_text(status));
            if (!all[i].right)
                expect_error(CT_ERROR_FORMAT, "'z'", NULL);
        }
    remove_folder();
}
END_TEST

START_TEST(bools_become_0_and_1)
{
    make_folder();
    if (can_load()) {
        ct_module *m = ct_module_new(cx, "mask", NULL, NULL);
        ct_module_add_buffer(m, "on", ct_zeros(cx, CT_BOOL, CT_SHAPE(4)));
        write_tensors("{\"on\":{\"dtype\":\"BOOL\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4);
        ck_assert_int_eq(ct_module_load(m, path, 0), CT_OK); /* 1.0f is 0, 0, 128, 63 */
        ck_assert_mem_eq(ct_data(ct_module_parameter(m, "on")), "\0\0\1\1", 4);
    }
    remove_folder();
}
END_TEST

START_TEST(read_only_parameters_stop_a_load)
{
    static const float ones[] = { 1, 1, 1 };
    make_folder();
    if (can_load()) {
        ct_module *m = ct_module_new(cx, "fixed", NULL, NULL);
        ct_module_add_parameter(m, "weight", ct_zeros(cx, CT_F32, CT_SHAPE(1, 2)));
        ct_module_add_buffer(m, "bias", ct_borrow_const(cx, CT_F32, CT_SHAPE(1), ones));
        write_tensors("{" WEIGHT "," BIAS "}", 12);
        ck_assert_int_ne(ct_module_load(m, path, 0), CT_OK);
        expect_error(CT_ERROR_VALUE, "read-only", NULL);
        expect_values(ct_module_parameter(m, "weight"), CT_DOUBLES(0, 0), 0);
    }
    remove_folder();
}
END_TEST

START_TEST(a_save_that_fails_leaves_the_file_as_it_was)
{
    make_folder();
    char nowhere[400];
    snprintf(nowhere, sizeof nowhere, "%s/none/net", folder);
    ct_module *m = small();
    ck_assert_int_eq(ct_module_save(m, nowhere), CT_ERROR_FILE);
    expect_error(CT_ERROR_FILE, "module_save", nowhere, "cannot create", NULL);
    ck_assert_int_eq(ct_module_save(m, folder), CT_ERROR_FILE); /* a folder: not replaced */
    expect_error(CT_ERROR_FILE, "module_save", "cannot replace", NULL);
    ck_assert_int_eq(ct_module_save(m, NULL), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "path", NULL);
    ck_assert_int_eq(ct_module_save(NULL, path), CT_ERROR_NULL);
    ck_assert_int_eq(ct_module_load(NULL, path, 0), CT_ERROR_NULL);
    ck_assert_int_eq(ct_module_load(m, NULL, 0), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "path", NULL);
    remove_folder(); /* and no part of a file is left */
}
END_TEST

static void save_and_load(ct_context *c)
{
    ct_module *m = net_of(c), *other = net_of(c);
    if (m && ct_module_save(m, path) == CT_OK && other && ct_module_load(other, path, 0) == CT_OK)
        ck_assert_double_eq(difference(m, other), 0);
}

START_TEST(every_allocation_may_fail)
{
    make_folder();
    for_each_failing_allocation(save_and_load);
    remove_folder();
}
END_TEST

Suite *safetensors_suite(void);
Suite *safetensors_suite(void)
{
    const TTest *const tests[] = {
        the_bytes_are_those_of_the_format,
        what_is_saved_is_loaded,
        files_from_elsewhere,
        malformed_files_change_nothing,
        headers_that_ask_for_much,
        flags_allow_what_is_missing_or_extra,
        sizes_of_all_tensors_are_checked,
        bools_become_0_and_1,
        read_only_parameters_stop_a_load,
        a_save_that_fails_leaves_the_file_as_it_was,
        every_allocation_may_fail,
        NULL,
    };
    return make_suite("nn/safetensors", tests);
}
