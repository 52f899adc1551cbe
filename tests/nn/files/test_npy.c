/* nn/files/npy.c, elements.c, array.c: files as numpy.save writes them, and every way to be wrong. */
#include "files.h"

typedef struct bytes {
    unsigned char at[12000];
    size_t n;
} bytes;

/* a header of that version and text, padded as NumPy does it */
static bytes header(int version, const char *text)
{
    bytes b = { .n = version == 1 ? 10 : 12 };
    memcpy(b.at, "\x93NUMPY", 6);
    b.at[6] = (unsigned char)version;
    size_t length = strlen(text) + 1, before = b.n;
    while ((before + length) % 64 != 0)
        length++;
    memcpy(b.at + before, text, strlen(text));
    memset(b.at + before + strlen(text), ' ', length - strlen(text));
    b.at[before + length - 1] = '\n';
    for (int i = 0; i < (version == 1 ? 2 : 4); i++)
        b.at[8 + i] = (unsigned char)(length >> 8 * i);
    b.n = before + length;
    return b;
}

static bytes typed(const char *type, const char *order, const char *shape)
{
    char text[300];
    snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }", type, order,
             shape);
    return header(1, text);
}

static void put(bytes *b, const void *data, size_t n)
{
    ck_assert_uint_le(b->n + n, sizeof b->at);
    memcpy(b->at + b->n, data, n);
    b->n += n;
}

static void put_number(bytes *b, uint64_t bits, int n, bool big)
{
    for (int i = 0; i < n; i++)
        put(b, &(unsigned char){ (unsigned char)(bits >> 8 * (big ? n - 1 - i : i)) }, 1);
}

static ct_tensor *read_back(const bytes *b, ct_dtype dtype)
{
    write_file(b->at, b->n);
    return ct_read_npy(cx, path, dtype, NULL);
}

static void expect_refused(const bytes *b, ct_status code, const char *why)
{
    ck_assert_ptr_null(read_back(b, 0));
    expect_error(code, "read_npy", path, why, NULL);
}

START_TEST(what_is_written_is_read_again)
{
    make_folder();
    const ct_dtype dtypes[] = { CT_F32, CT_F64, CT_I64, CT_BOOL };
    for (int d = 0; d < 4; d++) {
        ct_tensor *x = ct_cast(ct_range(cx, CT_F64, 24), dtypes[d]);
        ct_tensor *all[] = { x, ct_reshape(x, CT_SHAPE(2, 3, 4)), ct_reshape(x, CT_SHAPE(24, 1)),
                             ct_transpose(ct_reshape(x, CT_SHAPE(4, 6))),
                             ct_select(x, 0, 7), ct_slice(x, 0, 3, 3, 1) };
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            ck_assert_int_eq(ct_write_npy(all[i], path), CT_OK);
            ct_tensor *y = ct_read_npy(cx, path, 0, NULL);
            ck_assert_int_eq(ct_dtype_of(y), dtypes[d]);
            ck_assert(ct_same_shape(all[i], y) && ct_is_contiguous(y));
            if (ct_count(y) > 0)
                ck_assert_double_eq(ct_max_difference(all[i], y), 0);
        }
    }
    expect_ok();
    remove_folder();
}
END_TEST

/* the machine's own order of bytes, in which NumPy writes, and which it calls "=" */
enum { BIG = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ };

/* these are the bytes of numpy.save(path, numpy.array([[1.0, 2.0]])) */
START_TEST(the_bytes_are_those_of_numpy)
{
    make_folder();
    bytes want = typed(BIG ? ">f8" : "<f8", "False", "(1, 2)"), have;
    put_number(&want, 0x3ff0000000000000, 8, BIG);
    put_number(&want, 0x4000000000000000, 8, BIG);
    ck_assert_uint_eq(want.n, 128 + 16);
    ck_assert_int_eq(ct_write_npy(ct_from_doubles(cx, CT_F64, CT_SHAPE(1, 2), CT_DOUBLES(1, 2)),
                                  path), CT_OK);
    FILE *f = fopen(path, "rb");
    have.n = fread(have.at, 1, sizeof have.at, f);
    fclose(f);
    ck_assert_uint_eq(have.n, want.n);
    ck_assert_mem_eq(have.at, want.at, want.n);
    remove_folder();
}
END_TEST

START_TEST(every_type_in_both_orders)
{
    static const struct { const char *type; int size; uint64_t bits; double want; ct_dtype dtype; }
    all[] = {
        { "f2", 2, 0x3e00, 1.5, CT_F32 },     { "f2", 2, 0xfbff, -65504, CT_F32 },
        { "f2", 2, 0x0001, 0x1p-24, CT_F32 }, { "f2", 2, 0x83ff, -0x1.ff8p-15, CT_F32 },
        { "f2", 2, 0xfc00, -INFINITY, CT_F32 }, { "f2", 2, 0x7e00, NAN, CT_F32 },
        { "f4", 4, 0xbfc00000, -1.5, CT_F32 }, { "f8", 8, 0x3fb999999999999a, 0.1, CT_F64 },
        { "i1", 1, 0xfe, -2, CT_I64 },        { "u1", 1, 0xfe, 254, CT_I64 },
        { "i2", 2, 0x8000, -32768, CT_I64 },  { "u2", 2, 0x8000, 32768, CT_I64 },
        { "i4", 4, 0xfffffffe, -2, CT_I64 },  { "u4", 4, 0xfffffffe, 4294967294, CT_I64 },
        { "i8", 8, 0xfffffffffffffffe, -2, CT_I64 }, { "u8", 8, 0x102, 258, CT_I64 },
        { "b1", 1, 1, 1, CT_BOOL },           { "b1", 1, 0, 0, CT_BOOL },
    };
    make_folder();
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (const char *order = "<>=|"; *order; order++) {
            char type[8];
            snprintf(type, sizeof type, "%c%s", *order, all[i].type);
            bytes b = typed(type, "False", "(1,)");
            put_number(&b, all[i].bits, all[i].size, *order == '>' || (*order == '=' && BIG));
            ct_tensor *x = read_back(&b, 0);
            expect_values(x, &all[i].want, 1, 0);
            ck_assert_int_eq(ct_dtype_of(x), all[i].dtype);
            if (all[i].want == all[i].want && all[i].want - all[i].want == 0)
                ck_assert_int_eq(ct_item_int(read_back(&b, CT_I64)), (int64_t)all[i].want);
            ck_assert_double_eq(ct_item(read_back(&b, CT_BOOL)), all[i].want != 0);
        }
    remove_folder();
}
END_TEST

START_TEST(whole_numbers_stay_exact)
{
    make_folder();
    bytes b = typed("<i8", "False", "(2,)");
    put_number(&b, (1ull << 53) + 1, 8, false);
    put_number(&b, 0x8000000000000000, 8, false);
    ct_tensor *x = read_back(&b, 0);
    ck_assert_int_eq(ct_item_int(ct_select(x, 0, 0)), (1ll << 53) + 1);
    ck_assert_int_eq(ct_item_int(ct_select(x, 0, 1)), INT64_MIN);
    ck_assert_double_eq(ct_at(read_back(&b, CT_F32), CT_INDEX(0)), 0x1p53);
    b = typed("<u8", "False", "(1,)");
    put_number(&b, 1ull << 63, 8, false);
    expect_refused(&b, CT_ERROR_VALUE, "element 0 does not fit an i64");
    ck_assert_double_eq(ct_item(read_back(&b, CT_F64)), 0x1p63);
    b = typed("<f4", "False", "(1,)");
    put_number(&b, 0x7f800000, 4, false);
    ck_assert_ptr_null(read_back(&b, CT_I64));
    expect_error(CT_ERROR_VALUE, "element 0", NULL);
    remove_folder();
}
END_TEST

START_TEST(the_order_of_fortran)
{
    make_folder();
    bytes b = typed("|u1", "True", "(2, 3)");
    put(&b, (unsigned char[]){ 1, 4, 2, 5, 3, 6 }, 6);
    ct_tensor *x = read_back(&b, 0);
    expect_values(x, CT_DOUBLES(1, 2, 3, 4, 5, 6), 0);
    expect_shape(x, CT_SHAPE(2, 3));
    ck_assert(ct_is_contiguous(x));
    remove_folder();
}
END_TEST

START_TEST(headers_may_be_written_otherwise)
{
    static const char *const all[] = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }",
        "{\"shape\":(2,),\"descr\":\"<f4\",\"fortran_order\":False}",
        "{ 'shape' : ( 2L , ) , 'fortran_order' : False , 'descr' : '<f4' }",
        "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2, 1)}   \n\n ",
    };
    make_folder();
    for (int version = 1; version <= 3; version++)
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            bytes b = header(version, all[i]);
            put_number(&b, 0x3f800000, 4, false);
            put_number(&b, 0xbf800000, 4, false);
            expect_values(read_back(&b, 0), CT_DOUBLES(1, -1), 0);
        }
    remove_folder();
}
END_TEST

START_TEST(headers_that_are_wrong)
{
    static const struct { const char *text; ct_status code; } all[] = {
        { "", CT_ERROR_FORMAT },
        { "{}", CT_ERROR_FORMAT },
        { "{'descr': '<f4', 'fortran_order': False}", CT_ERROR_FORMAT },
        { "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': ()}", CT_ERROR_FORMAT },
        { "{'descr': '<f4', 'fortran_order': 0, 'shape': ()}", CT_ERROR_FORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': ()} x", CT_ERROR_FORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': ()", CT_ERROR_FORMAT },
        { "{'descr': '<f4' 'fortran_order': False, 'shape': ()}", CT_ERROR_FORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (), 'more': 1}", CT_ERROR_FORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", CT_ERROR_FORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (1 2)}", CT_ERROR_FORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (1.5,)}", CT_ERROR_FORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': 3}", CT_ERROR_FORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808,)}",
          CT_ERROR_FORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}",
          CT_ERROR_FORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 2)}",
          CT_ERROR_FORMAT },
        { "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}", CT_ERROR_FORMAT },
        { "{'descr': '<c8', 'fortran_order': False, 'shape': ()}", CT_ERROR_DTYPE },
        { "{'descr': '|O', 'fortran_order': False, 'shape': ()}", CT_ERROR_DTYPE },
        { "{'descr': '<U3', 'fortran_order': False, 'shape': ()}", CT_ERROR_DTYPE },
        { "{'descr': '<f16', 'fortran_order': False, 'shape': ()}", CT_ERROR_DTYPE },
        { "{'descr': 'f4', 'fortran_order': False, 'shape': ()}", CT_ERROR_DTYPE },
        { "{'descr': '', 'fortran_order': False, 'shape': ()}", CT_ERROR_DTYPE },
    };
    make_folder();
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        bytes b = header(1, all[i].text);
        put_number(&b, 0, 4, false);
        expect_refused(&b, all[i].code, "its ");
    }
    bytes b = typed("<f4", "False", "()");
    b.at[b.n - 5] = '\0';
    put_number(&b, 0, 4, false);
    expect_refused(&b, CT_ERROR_FORMAT, "header");
    remove_folder();
}
END_TEST

START_TEST(files_that_are_wrong)
{
    make_folder();
    bytes whole = typed("<f4", "False", "(2,)");
    put_number(&whole, 0, 8, false);
    for (size_t n = 0; n < whole.n; n++) {
        bytes part = whole;
        part.n = n;
        expect_refused(&part, CT_ERROR_FORMAT, "truncated");
    }
    put_number(&whole, 0, 1, false);
    expect_refused(&whole, CT_ERROR_FORMAT, "too long");
    bytes b = whole;
    b.at[0] = 'x';
    expect_refused(&b, CT_ERROR_FORMAT, "not npy");
    b = whole;
    b.at[6] = 4;
    expect_refused(&b, CT_ERROR_FORMAT, "4.0");
    b = header(2, "{}");
    b.at[11] = 0xff;
    expect_refused(&b, CT_ERROR_FORMAT, "10000 bytes or fewer");
    b = typed("<f8", "False", "(1152921504606846,)"); /* claimed, never taken */
    expect_refused(&b, CT_ERROR_FORMAT, "truncated");
    b = typed("<f8", "False", "(9223372036854775807, 0, 9223372036854775807)");
    expect_refused(&b, CT_ERROR_FORMAT, "overflow");
    b = typed("<f8", "False", "(8388608, 0, 1073741824)"); /* the largest one */
    ck_assert_int_eq(ct_count(read_back(&b, 0)), 0);
    expect_ok();
    remove_folder();
}
END_TEST

START_TEST(arguments_that_are_wrong)
{
    make_folder();
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(3));
    ck_assert_ptr_null(ct_read_npy(cx, path, 0, NULL));
    expect_error(CT_ERROR_FILE, "read_npy", path, NULL);
    ck_assert_ptr_null(ct_read_npy(cx, NULL, 0, NULL));
    expect_error(CT_ERROR_NULL, "read_npy", NULL);
    ck_assert_int_eq(ct_write_npy(x, NULL), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "write_npy", NULL);
    ck_assert_int_eq(ct_write_npy(NULL, path), CT_ERROR_NULL);
    ck_assert_int_eq(ct_write_npy(x, "/nowhere/at/all.npy"), CT_ERROR_FILE);
    expect_error(CT_ERROR_FILE, "write_npy", "/nowhere", NULL);
    ck_assert_int_eq(ct_write_npy(x, path), CT_OK);
    ck_assert_ptr_null(ct_read_npy(cx, path, (ct_dtype)9, NULL));
    expect_error(CT_ERROR_DTYPE, "9", NULL);
    ck_assert_ptr_null(ct_read_npy(cx, path, 0, &(ct_read_options){ .max_bytes = 11 }));
    expect_error(CT_ERROR_MEMORY, "11", NULL);
    ck_assert_ptr_nonnull(ct_read_npy(cx, path, 0, &(ct_read_options){ .max_bytes = 12 }));
    ck_assert_ptr_null(ct_read_npy(cx, path, 0, &(ct_read_options){ .reserved = { 1 } }));
    expect_error(CT_ERROR_VALUE, "zeroed", NULL);
    remove_folder();
}
END_TEST

static void write_and_read(ct_context *c)
{
    ct_tensor *x = ct_transpose(ct_ones(c, CT_F32, CT_SHAPE(3, 2)));
    if (ct_write_npy(x, path) == CT_OK)
        ct_read_npy(c, path, CT_F64, NULL);
}

START_TEST(every_allocation_may_fail)
{
    make_folder();
    for_each_failing_allocation(write_and_read);
    remove_folder();
}
END_TEST

Suite *npy_suite(void);
Suite *npy_suite(void)
{
    const TTest *const tests[] = {
        what_is_written_is_read_again,
        the_bytes_are_those_of_numpy,
        every_type_in_both_orders,
        whole_numbers_stay_exact,
        the_order_of_fortran,
        headers_may_be_written_otherwise,
        headers_that_are_wrong,
        files_that_are_wrong,
        arguments_that_are_wrong,
        every_allocation_may_fail,
        NULL,
    };
    return make_suite("nn/npy", tests);
}
