/* nn/files/idx.c and nn/files/gzip.c, with files written here: right ones, and every way to be wrong. */
#include "files.h"

typedef struct bytes {
    unsigned char at[4096];
    size_t n;
} bytes;

static void put(bytes *b, const void *data, size_t n)
{
    ck_assert_uint_le(b->n + n, sizeof b->at);
    memcpy(b->at + b->n, data, n);
    b->n += n;
}

static void put_be(bytes *b, uint64_t value, int n)
{
    for (int i = n - 1; i >= 0; i--)
        put(b, &(unsigned char){ (unsigned char)(value >> 8 * i) }, 1);
}

static void put_le(bytes *b, uint64_t value, int n)
{
    for (int i = 0; i < n; i++)
        put(b, &(unsigned char){ (unsigned char)(value >> 8 * i) }, 1);
}

static bytes idx(int type, const int64_t *sizes, int ndim)
{
    bytes b = { .n = 0 };
    put_be(&b, (uint64_t)type << 8 | (uint64_t)ndim, 4);
    for (int i = 0; i < ndim; i++)
        put_be(&b, (uint64_t)sizes[i], 4);
    return b;
}

/* what MNIST looks like: 2 images of 2x3 bytes */
static bytes images(void)
{
    bytes b = idx(0x08, CT_SIZES(2, 2, 3));
    put(&b, (unsigned char[]){ 0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255 }, 12);
    return b;
}

static uint32_t crc32_of(const bytes *b)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < b->n; i++) {
        crc ^= b->at[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

/* RFC 1952 and 1951: one stored block */
static bytes gzip(const bytes *b)
{
    bytes z = { .n = 0 };
    put(&z, (unsigned char[]){ 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1 }, 11);
    put_le(&z, b->n, 2);
    put_le(&z, ~b->n, 2);
    put(&z, b->at, b->n);
    put_le(&z, crc32_of(b), 4);
    put_le(&z, b->n, 4);
    return z;
}

static ct_tensor *read_back(const bytes *b, ct_dtype dtype)
{
    write_file(b->at, b->n);
    return ct_read_idx(cx, path, dtype, NULL);
}

static void expect_refused(const bytes *b, ct_status code, const char *why)
{
    ck_assert_ptr_null(read_back(b, CT_F32));
    expect_error(code, "read_idx", path, why, NULL);
}

static bool has_zlib(void)
{
    bytes plain = images(), z = gzip(&plain);
    if (read_back(&z, CT_F32))
        return true;
    expect_error(CT_ERROR_UNSUPPORTED, "zlib", NULL);
    skip("this build has no zlib");
    return false;
}

START_TEST(images_of_bytes)
{
    make_folder();
    bytes b = images();
    const ct_dtype dtypes[] = { CT_F32, CT_F64, CT_I64 };
    for (int i = 0; i < 3; i++) {
        ct_tensor *x = read_back(&b, dtypes[i]);
        expect_values(x, CT_DOUBLES(0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255), 0);
        ck_assert_int_eq(ct_dtype_of(x), dtypes[i]);
        ck_assert_int_eq(ct_ndim(x), 3);
        ck_assert_int_eq(ct_size(x, 1), 2);
    }
    expect_values(read_back(&b, CT_BOOL), CT_DOUBLES(0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1), 0);
    remove_folder();
}
END_TEST

START_TEST(every_type_of_element)
{
    make_folder();
    const float single = -1.5f;
    const double wide = 1e10;
    uint32_t low;
    uint64_t bits;
    memcpy(&low, &single, 4);
    memcpy(&bits, &wide, 8);
    const struct { int type, size; uint64_t bits; double want; } all[] = {
        { 0x08, 1, 0xfe, 254 },          { 0x09, 1, 0xfe, -2 },
        { 0x0b, 2, 0x8000, -32768 },     { 0x0c, 4, 0xfffffffe, -2 },
        { 0x0c, 4, 0x01020304, 16909060 }, { 0x0d, 4, low, -1.5 },
        { 0x0e, 8, bits, 1e10 },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        bytes b = idx(all[i].type, CT_SIZES(1));
        put_be(&b, all[i].bits, all[i].size);
        expect_values(read_back(&b, CT_F64), &all[i].want, 1, 0);
        ck_assert_int_eq(ct_item_int(read_back(&b, CT_I64)), (int64_t)all[i].want);
    }
    remove_folder();
}
END_TEST

START_TEST(an_i64_must_hold_what_is_read)
{
    make_folder();
    const double wrong[] = { 1e19, -1e19, NAN, INFINITY };
    for (int i = 0; i < 4; i++) {
        uint64_t bits;
        memcpy(&bits, &wrong[i], 8);
        bytes b = idx(0x0e, CT_SIZES(1));
        put_be(&b, bits, 8);
        ck_assert_ptr_null(read_back(&b, CT_I64));
        expect_error(CT_ERROR_VALUE, path, "element 0", NULL);
    }
    remove_folder();
}
END_TEST

START_TEST(no_elements_and_no_dimensions)
{
    make_folder();
    bytes b = idx(0x08, CT_SIZES(0, 28));
    ck_assert_int_eq(ct_count(read_back(&b, CT_F32)), 0);
    b = idx(0x08, NULL, 0);
    put_be(&b, 9, 1);
    ck_assert_double_eq(ct_item(read_back(&b, CT_F32)), 9);
    expect_ok();
    remove_folder();
}
END_TEST

START_TEST(plain_files_that_are_wrong)
{
    make_folder();
    bytes b = images();
    for (size_t n = 0; n < b.n; n++) {
        bytes part = b;
        part.n = n;
        expect_refused(&part, CT_ERROR_FORMAT, "truncated");
    }
    put_be(&b, 0, 1);
    expect_refused(&b, CT_ERROR_FORMAT, "too long");
    b = images();
    b.at[0] = 'P';
    expect_refused(&b, CT_ERROR_FORMAT, "no IDX");
    b = images();
    b.at[2] = 0x0a;
    expect_refused(&b, CT_ERROR_FORMAT, "type: 0x0a");
    b = idx(0x08, CT_SIZES(1, 1, 1, 1, 1, 1, 1, 1, 1));
    put_be(&b, 1, 1);
    expect_refused(&b, CT_ERROR_FORMAT, "9 dimensions");
    b = idx(0x0e, CT_SIZES(0xffffffff, 0xffffffff));
    expect_refused(&b, CT_ERROR_FORMAT, "overflow");
    b = idx(0x08, CT_SIZES(0xffffffff, 0x00ffffff)); /* 7e16 bytes: claimed, never taken */
    expect_refused(&b, CT_ERROR_FORMAT, "truncated");
    remove_folder();
}
END_TEST

START_TEST(gzip_files)
{
    make_folder();
    if (has_zlib()) {
        bytes plain = images(), z = gzip(&plain);
        expect_values(read_back(&z, CT_F64),
                      CT_DOUBLES(0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255), 0);
        bytes halves[2] = { { .n = 0 }, { .n = 0 } }, both = { .n = 0 }; /* as cat joins them */
        put(&halves[0], plain.at, 10);
        put(&halves[1], plain.at + 10, plain.n - 10);
        for (int i = 0; i < 2; i++) {
            z = gzip(&halves[i]);
            put(&both, z.at, z.n);
        }
        ck_assert_double_eq(ct_at(read_back(&both, CT_F64), CT_INDEX(1, 1, 2)), 255);
    }
    remove_folder();
}
END_TEST

static void put_zeros(bytes *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        put(b, "", 1);
}

/* zero bytes may follow each member, as on tapes */
START_TEST(gzip_files_with_padding)
{
    make_folder();
    if (has_zlib()) {
        const size_t zeros[] = { 1, 2, 511 };
        for (int i = 0; i < 3; i++) {
            bytes plain = images(), z = gzip(&plain), empty = { .n = 0 }, end = gzip(&empty);
            put_zeros(&z, zeros[i]);
            ck_assert_double_eq(ct_at(read_back(&z, CT_F64), CT_INDEX(1, 1, 2)), 255);
            put(&z, end.at, end.n);
            put_zeros(&z, zeros[i]);
            ck_assert_double_eq(ct_at(read_back(&z, CT_F64), CT_INDEX(1, 1, 2)), 255);
            put(&z, "more", 4);
            expect_refused(&z, CT_ERROR_FORMAT, "damaged");
            z.n -= 3;
            z.at[z.n - 1] = 0x1f; /* which could begin a member */
            expect_refused(&z, CT_ERROR_FORMAT, "truncated");
        }
    }
    remove_folder();
}
END_TEST

/* other sizes do not count where one is 0 */
START_TEST(no_elements_of_many)
{
    make_folder();
    bytes b = { .n = 0 };
    put(&b, (unsigned char[]){ 0, 0, 0x0e, 3 }, 4);
    for (int i = 0; i < 3; i++)
        put_be(&b, i == 2 ? 0 : 1 << 26, 4);
    expect_shape(read_back(&b, CT_F64), CT_SHAPE(1 << 26, 1 << 26, 0));
    b.at[4] = 0xff;
    expect_refused(&b, CT_ERROR_FORMAT, "overflow");
    remove_folder();
}
END_TEST

START_TEST(gzip_files_that_are_wrong)
{
    make_folder();
    if (has_zlib()) {
        ct_memory before, after;
        ct_memory_stats(cx, &before);
        bytes b = images(), z = gzip(&b);
        for (size_t n = 2; n < z.n; n++) {
            bytes part = z;
            part.n = n;
            expect_refused(&part, CT_ERROR_FORMAT, "truncated");
        }
        z.at[z.n - 5] ^= 1; /* the CRC */
        expect_refused(&z, CT_ERROR_FORMAT, "damaged");
        z = gzip(&b);
        put(&z, "more", 4);
        expect_refused(&z, CT_ERROR_FORMAT, "damaged");
        b.n--;
        z = gzip(&b);
        expect_refused(&z, CT_ERROR_FORMAT, "truncated");
        b = images();
        put_be(&b, 0, 1);
        z = gzip(&b);
        expect_refused(&z, CT_ERROR_FORMAT, "too long");
        b.at[1] = 1;
        z = gzip(&b);
        expect_refused(&z, CT_ERROR_FORMAT, "no IDX");
        ct_memory_stats(cx, &after);
        ck_assert_int_eq(after.live_bytes, before.live_bytes);
    }
    remove_folder();
}
END_TEST

START_TEST(files_that_cannot_be_read)
{
    make_folder();
    ck_assert_ptr_null(ct_read_idx(cx, path, CT_F32, NULL));
    expect_error(CT_ERROR_FILE, "read_idx", path, "cannot open", NULL);
    ck_assert_ptr_null(ct_read_idx(cx, folder, CT_F32, NULL));
    expect_error(CT_ERROR_FILE, folder, "directory", NULL);
    ck_assert_ptr_null(ct_read_idx(cx, "/dev/null", CT_F32, NULL));
    expect_error(CT_ERROR_FILE, "/dev/null", "regular", NULL);
    ck_assert_ptr_null(ct_read_idx(cx, NULL, CT_F32, NULL));
    expect_error(CT_ERROR_NULL, "path", NULL);
    remove_folder();
}
END_TEST

START_TEST(options_and_dtypes)
{
    make_folder();
    bytes b = images();
    write_file(b.at, b.n);
    ck_assert_ptr_null(ct_read_idx(cx, path, CT_F32, &(ct_read_options){ .max_bytes = 47 }));
    expect_error(CT_ERROR_MEMORY, path, "47", NULL);
    ck_assert_ptr_nonnull(ct_read_idx(cx, path, CT_F32, &(ct_read_options){ .max_bytes = 48 }));
    ck_assert_ptr_null(ct_read_idx(cx, path, CT_F32, &(ct_read_options){ .max_bytes = -1 }));
    expect_error(CT_ERROR_VALUE, "max_bytes", NULL);
    ck_assert_ptr_null(ct_read_idx(cx, path, CT_F32, &(ct_read_options){ .reserved = { 1 } }));
    expect_error(CT_ERROR_VALUE, "zeroed", NULL);
    ck_assert_ptr_null(ct_read_idx(cx, path, (ct_dtype)0, NULL));
    expect_error(CT_ERROR_DTYPE, "read_idx", NULL);
    remove_folder();
}
END_TEST

static void read_one(ct_context *c)
{
    ct_read_idx(c, path, CT_F32, NULL);
}

START_TEST(every_allocation_may_fail)
{
    make_folder();
    bytes b = images(), z = gzip(&b);
    write_file(b.at, b.n);
    for_each_failing_allocation(read_one);
    write_file(z.at, z.n);
    if (has_zlib())
        for_each_failing_allocation(read_one);
    remove_folder();
}
END_TEST

START_TEST(mnist_itself)
{
    const char *data = data_folder("mnist");
    if (!data) {
        skip("there is no MNIST in COTANGENT_DATA");
        return;
    }
    char name[1024];
    snprintf(name, sizeof name, "%s/t10k-labels-idx1-ubyte.gz", data);
    ct_tensor *labels = ct_read_idx(cx, name, CT_I64, NULL);
    ck_assert_int_eq(ct_count(labels), 10000);
    expect_values(ct_slice(labels, 0, 0, 5, 1), CT_DOUBLES(7, 2, 1, 0, 4), 0);
    snprintf(name, sizeof name, "%s/t10k-images-idx3-ubyte.gz", data);
    ct_tensor *images_read = ct_read_idx(cx, name, CT_F32, NULL);
    ck_assert_int_eq(ct_size(images_read, 2), 28);
    ck_assert_double_eq(ct_item(ct_max(images_read)), 255);
}
END_TEST

/* -- Writing */
START_TEST(what_is_written_is_read)
{
    const struct { ct_tensor *x; int type; } all[] = {
        { ct_from_doubles(cx, CT_F32, CT_SHAPE(2, 1, 2), CT_DOUBLES(1, -2, 0.5, 3)), 0x0d },
        { ct_from_doubles(cx, CT_F64, CT_SHAPE(2), CT_DOUBLES(1e300, -1)), 0x0e },
        { ct_ones(cx, CT_BOOL, CT_SHAPE(3)), 0x08 },
        { ct_from_ints(cx, CT_SHAPE(2), CT_INTS(0, 255)), 0x08 },
        { ct_from_ints(cx, CT_SHAPE(2), CT_INTS(-128, 127)), 0x09 },
        { ct_from_ints(cx, CT_SHAPE(2), CT_INTS(-1, 128)), 0x0b },
        { ct_from_ints(cx, CT_SHAPE(2), CT_INTS(0, 32768)), 0x0c },
        { ct_from_ints(cx, CT_SHAPE(2), CT_INTS(INT32_MIN, INT32_MAX)), 0x0c },
        { ct_range(cx, CT_I64, 5000), 0x0b }, /* more than a chunk */
        { ct_transpose(ct_from_ints(cx, CT_SHAPE(2, 2), CT_INTS(1, 2, 3, 400))), 0x0b },
        { ct_zeros(cx, CT_I64, CT_SHAPE(0, 3)), 0x08 },
        { ct_scalar(cx, CT_F64, 4), 0x0e },
    };
    make_folder();
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        ck_assert_int_eq(ct_write_idx(all[i].x, path), CT_OK);
        FILE *f = fopen(path, "rb");
        fseek(f, 2, SEEK_SET);
        ck_assert_int_eq(fgetc(f), all[i].type);
        fclose(f);
        ct_tensor *x = ct_read_idx(cx, path, ct_dtype_of(all[i].x), NULL);
        ck_assert_double_eq(ct_max_difference(x, all[i].x), 0);
    }
    ck_assert_int_eq(ct_write_idx(ct_from_ints(cx, CT_SHAPE(1), CT_INTS(INT64_MAX)), path),
                     CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "write_idx", "32 bits", NULL);
    ck_assert_int_eq(ct_write_idx(ct_zeros(cx, CT_BOOL, CT_SHAPE(0, (int64_t)1 << 32)), path),
                     CT_ERROR_RANGE);
    expect_error(CT_ERROR_RANGE, "write_idx", "32 bits", NULL);
    ck_assert_int_eq(ct_write_idx(all[0].x, NULL), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "path", NULL);
    ck_assert_int_eq(ct_write_idx(NULL, path), CT_ERROR_NULL);
    remove_folder();
}
END_TEST

Suite *idx_suite(void);
Suite *idx_suite(void)
{
    const TTest *const tests[] = {
        images_of_bytes,
        every_type_of_element,
        an_i64_must_hold_what_is_read,
        no_elements_and_no_dimensions,
        plain_files_that_are_wrong,
        gzip_files,
        gzip_files_with_padding,
        no_elements_of_many,
        gzip_files_that_are_wrong,
        files_that_cannot_be_read,
        options_and_dtypes,
        every_allocation_may_fail,
        mnist_itself,
        what_is_written_is_read,
        NULL,
    };
    return make_suite("nn/idx", tests);
}
