/* nn/archives/npz.c, npz_write.c, zip_source.c: files as NumPy writes them, and zips built here,
 * right ones and every way to be wrong. tests/peers exchanges them with NumPy itself. */
#include "files.h"

#if HAVE_ZIP
START_TEST(what_is_written_is_read)
{
    make_folder();
    ct_tensor *all[] = { ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 2), CT_DOUBLES(1, -2, 0.5, 1e300)),
                         ct_range(cx, CT_I64, 5000), ct_ones(cx, CT_BOOL, CT_SHAPE(2)),
                         ct_transpose(ct_from_doubles(cx, CT_F32, CT_SHAPE(2, 3),
                                                      CT_DOUBLES(1, 2, 3, 4, 5, 6))),
                         ct_zeros(cx, CT_F32, CT_SHAPE(0, 4)), ct_scalar(cx, CT_F32, 7) };
    const char *const names[] = { "a", "b", "\xc3\xa4", "net.weight", "empty", "x/y" };
    struct stat about[2];
    for (int compress = 0; compress < 2; compress++) {
        ck_assert_int_eq(ct_write_npz(cx, path, names, all, 6,
                                      &(ct_archive_options){ .compress = compress }), CT_OK);
        stat(path, &about[compress]);
        ct_archive *a = ct_archive_open(cx, path, NULL);
        expect_ok();
        ck_assert_int_eq(ct_archive_count(a), 6);
        for (int i = 5; i >= 0; i--) {
            ck_assert_str_eq(ct_archive_name(a, i), names[i]);
            ck_assert_double_eq(ct_max_difference(ct_archive_read(a, names[i], 0), all[i]), 0);
        }
        expect_values(ct_archive_read(a, "net.weight", CT_I64), CT_DOUBLES(1, 4, 2, 5, 3, 6), 0);
        expect_ok();
        ct_archive_close(a);
    }
    ck_assert_int_lt(about[1].st_size, about[0].st_size / 2);
    ck_assert_int_eq(ct_write_npz(cx, path, names, all, 0, NULL), CT_OK);
    ck_assert_int_eq(ct_archive_count(ct_archive_open(cx, path, NULL)), 0);
    remove_folder();
}
END_TEST

START_TEST(what_cannot_be_written)
{
    make_folder();
    char name[600];
    memset(name, 'n', sizeof name);
    name[599] = 0;
    const char *const names[] = { name };
    ct_tensor *x[] = { ct_ones(cx, CT_F32, CT_SHAPE(1)) };
    ck_assert_int_eq(ct_write_npz(cx, path, names, x, 1, NULL), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "write_npz", "too long", NULL);
    ck_assert_int_eq(ct_write_npz(cx, path, names, x, 1, &(ct_archive_options){
        .texts = &(ct_pair){ "a", "b" }, .n = 1 }), CT_ERROR_UNSUPPORTED);
    expect_error(CT_ERROR_UNSUPPORTED, "texts", NULL);
    ck_assert_int_eq(ct_write_npz(cx, folder, (const char *const[]){ "a" }, x, 1, NULL),
                     CT_ERROR_FILE);
    expect_error(CT_ERROR_FILE, "directory", NULL);
    remove_folder();
}
END_TEST

/* -- A zip of one entry, built here. What is 0 or NULL is as it should be */
typedef struct made {
    const char *name;       /* "a.npy" */
    const char *npy;        /* the header's dictionary, for two f4 */
    int data;               /* bytes after it: 8 */
    int method;             /* -1: 0, stored; 8: deflate, in blocks that are stored */
    int64_t promised;       /* the size when inflated */
    int64_t packed;         /* the size in the file */
    uint32_t sum;           /* what the sum is wrong by */
    int flags;
    int zip64;              /* 1: sizes in extra fields, and the end as ZIP64 has it */
    uint64_t entries;       /* how many the end says there are, in ZIP64 */
} made;

static unsigned char bytes[8192];
static size_t used;

static void put(uint64_t value, int n)
{
    for (int i = 0; i < n; i++)
        bytes[used++] = (unsigned char)(i < 8 ? value >> 8 * i : 0);
}

static uint32_t crc(const unsigned char *p, size_t n)
{
    uint32_t c = 0xffffffff;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int k = 0; k < 8; k++)
            c = c >> 1 ^ (c & 1 ? 0xedb88320 : 0);
    }
    return ~c;
}

static void put_sizes(const made *m, uint64_t sum, uint64_t promised, uint64_t packed, bool central)
{
    const char *name = m->name ? m->name : "a.npy";
    put(central ? 0x02014b50 : 0x04034b50, 4);
    put(central ? 45 : 0, central ? 2 : 0);
    put(45, 2);
    put((uint64_t)m->flags, 2);
    put((uint64_t)(m->method > 0 ? m->method : 0), 2);
    put(0, 2);
    put(33, 2);
    put(sum, 4);
    put(m->zip64 ? UINT32_MAX : packed, 4);
    put(m->zip64 ? UINT32_MAX : promised, 4);
    put(strlen(name), 2);
    put(m->zip64 ? 20 : 0, 2);
    put(0, central ? 14 : 0); /* no comment, disk 0, attributes, at 0 */
    memcpy(bytes + used, name, strlen(name));
    used += strlen(name);
    if (m->zip64) {
        put(1, 2);
        put(16, 2);
        put(promised, 8);
        put(packed, 8);
    }
}

static void put_end(const made *m, size_t central)
{
    size_t end = used;
    if (m->zip64) {
        put(0x06064b50, 4);
        put(44, 8);
        put(45, 2);
        put(45, 2);
        put(0, 8);
        put(m->entries ? m->entries : 1, 8);
        put(m->entries ? m->entries : 1, 8);
        put(end - central, 8);
        put(central, 8);
        put(0x07064b50, 4);
        put(0, 4);
        put(end, 8);
        put(1, 4);
    }
    put(0x06054b50, 4);
    put(0, 4);
    put(m->zip64 ? UINT16_MAX : 1, 2);
    put(m->zip64 ? UINT16_MAX : 1, 2);
    put(m->zip64 ? UINT32_MAX : end - central, 4);
    put(m->zip64 ? UINT32_MAX : central, 4);
    put(0, 2);
}

static void build(const made *m)
{
    unsigned char content[4096] = "\x93NUMPY\1\0v\0";
    const char *npy = m->npy ? m->npy
                             : "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
    size_t n = 128 + (size_t)(m->data ? m->data : 8);
    memset(content + 10, ' ', 118);
    memcpy(content + 10, npy, strlen(npy));
    content[127] = '\n';
    memcpy(content + 128, "\0\0\200\077\0\0\0\300", 8); /* 1, -2 */
    size_t packed = n + (m->method > 0 ? 5 : 0);
    uint64_t sum = (crc(content, n) + m->sum) & 0xffffffff;
    uint64_t promised = m->promised ? (uint64_t)m->promised : n;
    uint64_t stated = m->packed ? (uint64_t)m->packed : packed;
    used = 0;
    put_sizes(m, sum, promised, stated, false);
    if (m->method > 0) { /* one block, the last, that is stored */
        put(1, 1);
        put(n, 2);
        put(~(uint64_t)n, 2);
    }
    memcpy(bytes + used, content, n);
    used += n;
    size_t central = used;
    put_sizes(m, sum, promised, stated, true);
    put_end(m, central);
    write_file(bytes, used);
}

START_TEST(zips_built_here)
{
    const made all[] = { { .data = 0 }, { .method = 8 }, { .zip64 = 1 }, { .zip64 = 1, .method = 8 },
                         { .npy = "{'descr': '<i2', 'fortran_order': True, 'shape': (2, 2)}" } };
    make_folder();
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        build(&all[i]);
        ct_archive *a = ct_archive_open(cx, path, NULL);
        expect_ok();
        if (i < 4)
            expect_values(ct_archive_read(a, "a", 0), CT_DOUBLES(1, -2), 0);
        else
            expect_values(ct_archive_read(a, "a", 0), CT_DOUBLES(0, 0, 16256, -16384), 0);
        ck_assert_str_eq(ct_archive_dtype(a, "a"), i < 4 ? "<f4" : "<i2");
        expect_ok();
    }
    remove_folder();
}
END_TEST

/* whether opening or reading fails; the error stays */
static bool fails(void)
{
    ct_archive *a = ct_archive_open(cx, path, NULL);
    return !a || !ct_archive_read(a, "a", 0);
}

START_TEST(zips_that_are_wrong)
{
    const struct { made made; ct_status code; const char *why; } all[] = {
        { { .name = "data.pkl" }, CT_ERROR_FORMAT, "no pickle" },
        { { .npy = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }" }, CT_ERROR_DTYPE,
          "|O" },
        { { .npy = "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }" },
          CT_ERROR_FORMAT, "another number" },
        { { .npy = "{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 4), }" },
          CT_ERROR_FORMAT, "overflow" },
        { { .data = 4 }, CT_ERROR_FORMAT, "another number" },
        { { .data = 3000 }, CT_ERROR_FORMAT, "another number" },
        { { .sum = 1 }, CT_ERROR_FORMAT, "CRC" },
        { { .sum = 1, .method = 8 }, CT_ERROR_FORMAT, "CRC" },
        /* bombs: more is inflated than is promised, and more is promised than can be there */
        { { .method = 8, .data = 3000, .promised = 136 }, CT_ERROR_FORMAT, "" },
        { { .method = 8, .promised = 1000000000 }, CT_ERROR_FORMAT, "more bytes than" },
        { { .method = 8, .promised = 140 }, CT_ERROR_FORMAT, "another number" },
        { { .promised = 135 }, CT_ERROR_FORMAT, "more bytes than" },
        { { .zip64 = 1, .promised = INT64_MAX }, CT_ERROR_FORMAT, "" },
        { { .zip64 = 1, .packed = INT64_MAX }, CT_ERROR_FORMAT, "" },
        { { .packed = 4000 }, CT_ERROR_FORMAT, "" },
        { { .zip64 = 1, .entries = (uint64_t)1 << 60 }, CT_ERROR_FORMAT, "no zip" },
        { { .zip64 = 1, .entries = 2 }, CT_ERROR_FORMAT, "no zip" },
        { { .method = 12 }, CT_ERROR_FORMAT, "stored or deflated" }, /* bzip2 */
        { { .flags = 1 }, CT_ERROR_FORMAT, "encrypted" },
    };
    make_folder();
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        build(&all[i].made);
        ck_assert_msg(fails(), "number %zu is read", i);
        ck_assert_msg(ct_error(cx) == all[i].code, "number %zu: %s", i, ct_error_text(cx));
        expect_error(all[i].code, path, all[i].why, NULL);
    }
    build(&(made){ .data = 0 });
    ct_archive *a = ct_archive_open(cx, path, &(ct_read_options){ .max_bytes = 7 });
    ck_assert_ptr_null(ct_archive_read(a, "a", 0));
    expect_error(CT_ERROR_MEMORY, "max_bytes", NULL);
    remove_folder();
}
END_TEST

static void write_and_read(ct_context *c)
{
    ct_tensor *x = ct_ones(c, CT_F32, CT_SHAPE(3));
    if (!x || ct_write_npz(c, path, (const char *const[]){ "x" }, (ct_tensor *const[]){ x }, 1,
                           &(ct_archive_options){ .compress = true }) != CT_OK)
        return;
    ct_archive *a = ct_archive_open(c, path, NULL);
    if (a)
        ct_archive_read(a, "x", CT_F64);
    ct_archive_close(a);
}

START_TEST(every_allocation_may_fail)
{
    make_folder();
    for_each_failing_allocation(write_and_read);
    remove_folder();
}
END_TEST
#else
START_TEST(without_libzip)
{
    make_folder();
    write_file("PK\3\4", 4);
    ck_assert_ptr_null(ct_archive_open(cx, path, NULL));
    expect_error(CT_ERROR_UNSUPPORTED, "libzip", NULL);
    ck_assert_int_eq(ct_write_npz(cx, path, NULL, NULL, 0, NULL), CT_ERROR_UNSUPPORTED);
    expect_error(CT_ERROR_UNSUPPORTED, "libzip", NULL);
    remove_folder();
}
END_TEST
#endif

Suite *npz_suite(void);
Suite *npz_suite(void)
{
    return make_suite("nn/npz", (const TTest *[]){
#if HAVE_ZIP
        what_is_written_is_read, what_cannot_be_written, zips_built_here, zips_that_are_wrong,
        every_allocation_may_fail,
#else
        without_libzip,
#endif
        NULL });
}
