/* nn/files/image.c, png.c, pnm.c */
#include "files.h"

/* -- PNG that ct_write_image does not make, compressed by zlib */
/* 2 x 2, gray, 16 bits: 0, 258, 32768, 65535 */
static const unsigned char wide[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, 0x49, 0x48, 0x44, 0x52, 0, 0,
    0, 2, 0, 0, 0, 2, 0x10, 0, 0, 0, 0, 7, 0x4d, 0x8e, 0xbb, 0, 0, 0, 0x12, 0x49, 0x44, 0x41,
    0x54, 0x78, 0xda, 0x63, 0x60, 0x60, 0x60, 0x64, 0x62, 0x68, 0x60, 0xf8, 0xff, 0x1f, 0, 5,
    0x1a, 2, 0x82, 0xe7, 0xd6, 0x3d, 0x95, 0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60,
    0x82,
};
/* 3 x 1, 2 bits: colors 0, 1, 2 of (255,0,0), (0,128,0), which is transparent, and (1,2,3) */
static const unsigned char palette[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, 0x49, 0x48, 0x44, 0x52, 0, 0,
    0, 3, 0, 0, 0, 1, 2, 3, 0, 0, 0, 0x66, 0x8e, 0xfc, 0x27, 0, 0, 0, 9, 0x50, 0x4c, 0x54, 0x45,
    0xff, 0, 0, 0, 0x80, 0, 1, 2, 3, 0xd1, 0x37, 0x0c, 0x16, 0, 0, 0, 2, 0x74, 0x52, 0x4e, 0x53,
    0xff, 0, 0xe5, 0xb7, 0x30, 0x4a, 0, 0, 0, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78, 0xda, 0x63,
    0x90, 0, 0, 0, 0x1a, 0, 0x19, 0x80, 0, 0x8e, 0xbb, 0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae,
    0x42, 0x60, 0x82,
};
/* 9 x 1, gray, 1 bit: 1 0 1 1 0 0 0 0 1 */
static const unsigned char bits[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, 0x49, 0x48, 0x44, 0x52, 0, 0,
    0, 9, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0x24, 0xb9, 0xb9, 0xd0, 0, 0, 0, 0x0b, 0x49, 0x44, 0x41,
    0x54, 0x78, 0xda, 0x63, 0xd8, 0xd0, 0, 0, 1, 0xe3, 1, 0x31, 0x20, 0xf3, 0x79, 0x1e, 0, 0, 0,
    0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
};
/* 5 x 5, gray, interlaced: 10 y + x */
static const unsigned char interlaced[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, 0x49, 0x48, 0x44, 0x52, 0, 0,
    0, 5, 0, 0, 0, 5, 8, 0, 0, 0, 1, 0xdf, 3, 0x49, 0xaf, 0, 0, 0, 0x2c, 0x49, 0x44, 0x41, 0x54,
    0x78, 0xda, 0x63, 0x60, 0x60, 0x60, 0x61, 0xd0, 0xd0, 0x61, 0x60, 0x62, 0xd0, 0x62, 0x10,
    0x11, 0x93, 0x60, 0x60, 0x64, 0x66, 0x10, 0x15, 0x67, 0xd0, 0xd4, 0x66, 0xe0, 0xe2, 0xe6,
    0xe1, 0xe5, 0x63, 0x90, 0x93, 0x57, 0x50, 0x54, 2, 0, 0x20, 0x85, 2, 0x27, 0xc4, 0x87, 0xb1,
    7, 0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
};

static char named[320];

/* the file `path`, under another ending */
static const char *ending(const char *end)
{
    snprintf(named, sizeof named, "%s/file%s", folder, end);
    return named;
}

static void remove_all(void)
{
    static const char *const ends[] = { ".png", ".pgm", ".ppm" };
    for (int i = 0; i < 3; i++)
        unlink(ending(ends[i]));
    remove_folder();
}

static bool has_png(void)
{
    write_file(bits, sizeof bits);
    if (ct_read_image(cx, path, CT_F32, NULL))
        return true;
    expect_error(CT_ERROR_UNSUPPORTED, "libpng", NULL);
    skip("this build has no libpng");
    return false;
}

static ct_tensor *read_back(const void *data, size_t n, const ct_image_options *o)
{
    write_file(data, n);
    return ct_read_image(cx, path, CT_F64, o);
}

static ct_tensor *read_text(const char *text)
{
    return read_back(text, strlen(text), NULL);
}

static void expect_refused(const void *data, size_t n, ct_status code, const char *why)
{
    ck_assert_ptr_null(read_back(data, n, NULL));
    expect_error(code, "read_image", path, why, NULL);
}

/* (c,h,w) of 0, 7, 14, ... modulo 256 */
static ct_tensor *pattern(int64_t c, int64_t h, int64_t w)
{
    ct_tensor *i = ct_reshape(ct_range(cx, CT_F64, c * h * w), CT_SHAPE(c, h, w));
    return ct_remainder(ct_scale(i, 7), ct_scalar(cx, CT_F64, 256));
}

START_TEST(what_is_written_is_read_again)
{
    make_folder();
    static const struct { const char *end; int channels; } all[] = {
        { ".pgm", 1 }, { ".ppm", 3 }, { ".png", 1 }, { ".png", 2 }, { ".png", 3 }, { ".png", 4 }
    };
    const int n = has_png() ? 6 : 2;
    for (int i = 0; i < n; i++) {
        ct_tensor *x = pattern(all[i].channels, 5, 4);
        ck_assert_int_eq(ct_write_image(x, ending(all[i].end), NULL), CT_OK);
        const ct_dtype dtypes[] = { CT_F32, CT_F64, CT_I64 };
        for (int d = 0; d < 3; d++) {
            ct_tensor *y = ct_read_image(cx, named, dtypes[d], NULL);
            ck_assert_int_eq(ct_dtype_of(y), dtypes[d]);
            ck_assert_double_eq(ct_max_difference(ct_cast(y, CT_F64), x), 0);
        }
    }
    expect_ok();
    remove_all();
}
END_TEST

START_TEST(values_are_rounded_scaled_and_brought_in)
{
    make_folder();
    const double values[] = { -3, 0.4, 0.5, 254.4, 300, INFINITY };
    ct_tensor *x = ct_from_doubles(cx, CT_F32, CT_SHAPE(2, 3), values, 6);
    ck_assert_int_eq(ct_write_image(x, ending(".pgm"), NULL), CT_OK);
    expect_values(ct_read_image(cx, named, CT_F32, NULL), CT_DOUBLES(0, 0, 1, 254, 255, 255), 0);
    const ct_image_options unit = { .unit = true };
    x = ct_transpose(ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 2), CT_DOUBLES(0, 1, 0.2, -INFINITY)));
    ck_assert_int_eq(ct_write_image(x, named, &unit), CT_OK);
    expect_values(ct_read_image(cx, named, CT_F64, &unit), CT_DOUBLES(0, 0.2, 1, 0), 1e-15);
    x = ct_from_doubles(cx, CT_BOOL, CT_SHAPE(1, 1, 2), CT_DOUBLES(1, 0));
    ck_assert_int_eq(ct_write_image(x, named, NULL), CT_OK);
    expect_values(ct_read_image(cx, named, CT_F64, NULL), CT_DOUBLES(255, 0), 0);
    remove_all();
}
END_TEST

START_TEST(png_of_other_kinds)
{
    make_folder();
    if (has_png()) {
        expect_values(read_back(wide, sizeof wide, NULL), CT_DOUBLES(0, 258, 32768, 65535), 0);
        expect_values(read_back(wide, sizeof wide, &(ct_image_options){ .unit = true }),
                      CT_DOUBLES(0, 258 / 65535.0, 32768 / 65535.0, 1), 1e-15);
        expect_values(read_back(palette, sizeof palette, NULL),
                      CT_DOUBLES(255, 0, 1, 0, 128, 2, 0, 0, 3, 255, 0, 255), 0);
        expect_values(read_back(bits, sizeof bits, NULL),
                      CT_DOUBLES(255, 0, 255, 255, 0, 0, 0, 0, 255), 0);
        ct_tensor *x = read_back(interlaced, sizeof interlaced, NULL);
        for (int y = 0; y < 5; y++)
            for (int k = 0; k < 5; k++)
                ck_assert_double_eq(ct_at(x, CT_INDEX(0, y, k)), 10 * y + k);
    }
    remove_all();
}
END_TEST

START_TEST(pnm_of_all_kinds)
{
    make_folder();
    expect_values(read_text("P2 3 1 255 0 128\n255"), CT_DOUBLES(0, 128, 255), 0);
    expect_values(read_text("P2 # a comment\n#another 9 9\n2 1\n15\n0\t15\n"), CT_DOUBLES(0, 255), 0);
    expect_values(read_text("P3\n1 2\n255\n1 2 3 4 5 6\n"), CT_DOUBLES(1, 4, 2, 5, 3, 6), 0);
    expect_values(read_text("P2 2 1 1000 0 1000"), CT_DOUBLES(0, 65535), 0);
    expect_values(read_text("P2 2 1 65535 7 65535"), CT_DOUBLES(7, 65535), 0);
    expect_values(read_back("P5 2 1 255\n\n#", 13, NULL), CT_DOUBLES('\n', '#'), 0);
    expect_values(read_back("P5 1 1 65535\n\1\2", 15, NULL), CT_DOUBLES(258), 0);
    expect_values(read_back("P6 2 1 255 abcdef", 17, NULL),
                  CT_DOUBLES('a', 'd', 'b', 'e', 'c', 'f'), 0);
    remove_all();
}
END_TEST

START_TEST(channels_become_more_or_fewer)
{
    make_folder();
    const char *color = "P3 1 1 255 100 200 50", *gray = "P2 1 1 255 9";
    const double luminance = 153; /* 29.9 + 117.4 + 5.7, rounded */
    const double from_color[4][4] = { { luminance }, { luminance, 255 }, { 100, 200, 50 },
                                      { 100, 200, 50, 255 } };
    const double from_gray[4][4] = { { 9 }, { 9, 255 }, { 9, 9, 9 }, { 9, 9, 9, 255 } };
    for (int m = 1; m <= 4; m++) {
        const ct_image_options o = { .channels = m };
        expect_values(read_back(color, strlen(color), &o), from_color[m - 1], m, 0);
        expect_values(read_back(gray, strlen(gray), &o), from_gray[m - 1], m, 0);
    }
    if (has_png())
        expect_values(read_back(palette, sizeof palette, &(ct_image_options){ .channels = 2 }),
                      CT_DOUBLES(76, 75, 2, 255, 0, 255), 0);
    remove_all();
}
END_TEST

START_TEST(pnm_that_is_wrong)
{
    static const struct { const char *text, *why; } all[] = {
        { "", "PNG, PGM or PPM" },         { "P", "PNG, PGM or PPM" },
        { "P4 1 1 x", "PNG, PGM or PPM" }, { "P5", "header" },
        { "P5 1", "header" },              { "P5 1 1", "header" },
        { "P5 1 1 255", "header" },        { "P5 0 1 255 ", "header" },
        { "P5 1 1 0 x", "header" },        { "P5 1 1 65536 xx", "header" },
        { "P5 -1 1 255 x", "header" },     { "P5 1 1 255x", "header" },
        { "P5 2147483648 1 255 x", "header" },
        { "P5 2 1 255 x", "truncated" },   { "P5 2 1 255 xyz", "too long" },
        { "P5 2147483647 2147483647 255 x", "truncated" },
        { "P6 2147483647 2147483647 65535 x", "truncated" },
        { "P3 2147483647 2147483647 255 1 2 3", "truncated" },
        { "P2 2 1 255 1  ", "sample 1" },  { "P2 2 1 255 1 256", "sample 1" },
        { "P2 2 1 255 1 x2", "sample 1" }, { "P5 1 1 10 x", "0 to 10" },
    };
    make_folder();
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        expect_refused(all[i].text, strlen(all[i].text), CT_ERROR_FORMAT, all[i].why);
    remove_all();
}
END_TEST

START_TEST(png_that_is_wrong)
{
    make_folder();
    if (has_png()) {
        ct_memory before, after;
        ct_memory_stats(cx, &before);
        for (size_t n = 8; n < sizeof interlaced; n++)
            expect_refused(interlaced, n, CT_ERROR_FORMAT, "libpng says");
        unsigned char b[sizeof interlaced];
        for (size_t i = 8; i < sizeof b; i++) { /* every byte is covered by a checksum */
            memcpy(b, interlaced, sizeof b);
            b[i] ^= 0x40;
            ct_tensor *x = read_back(b, sizeof b, NULL);
            if (x)
                ck_assert_int_eq(ct_count(x), 25);
            else
                expect_error(CT_ERROR_FORMAT, "libpng says", NULL);
        }
        ct_memory_stats(cx, &after);
        ck_assert_int_le(after.live_bytes, before.live_bytes + 100 * 25 * 8);
    }
    remove_all();
}
END_TEST

/* 900,000 x 900,000 pixels in less than 100 bytes; the checksum is right */
START_TEST(a_small_file_that_claims_much)
{
    make_folder();
    if (has_png()) {
        unsigned char b[sizeof bits];
        memcpy(b, bits, sizeof b);
        uint32_t crc = 0xffffffff;
        for (int i = 16; i < 24; i++)
            b[i] = (const unsigned char[]){ 0, 0x0d, 0xbb, 0xa0 }[i % 4];
        for (int i = 12; i < 29; i++) {
            crc ^= b[i];
            for (int k = 0; k < 8; k++)
                crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
        }
        for (int i = 0; i < 4; i++)
            b[29 + i] = (unsigned char)(~crc >> (24 - 8 * i));
        expect_refused(b, sizeof b, CT_ERROR_FORMAT, "truncated");
        ck_assert_ptr_null(read_back(wide, sizeof wide, &(ct_image_options){ .max_bytes = 31 }));
        expect_error(CT_ERROR_MEMORY, path, NULL);
    }
    remove_all();
}
END_TEST

START_TEST(arguments_that_are_wrong)
{
    make_folder();
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(2, 2));
    ck_assert_ptr_null(ct_read_image(cx, NULL, CT_F32, NULL));
    expect_error(CT_ERROR_NULL, "read_image", NULL);
    ck_assert_ptr_null(ct_read_image(cx, path, CT_F32, NULL));
    expect_error(CT_ERROR_FILE, "read_image", path, NULL);
    write_file("P2 1 1 255 9", 12);
    ck_assert_ptr_null(ct_read_image(cx, path, CT_BOOL, NULL));
    expect_error(CT_ERROR_DTYPE, "read_image", NULL);
    ck_assert_ptr_null(ct_read_image(cx, path, CT_I64, &(ct_image_options){ .unit = true }));
    expect_error(CT_ERROR_DTYPE, "unit", NULL);
    ck_assert_ptr_null(ct_read_image(cx, path, CT_F32, &(ct_image_options){ .channels = 5 }));
    expect_error(CT_ERROR_VALUE, "channels", NULL);
    ck_assert_ptr_null(ct_read_image(cx, path, CT_F32, &(ct_image_options){ .reserved = { 1 } }));
    expect_error(CT_ERROR_VALUE, "zeroed", NULL);
    ck_assert_ptr_null(ct_read_image(cx, path, CT_F32, &(ct_image_options){ .max_bytes = 11 }));
    expect_error(CT_ERROR_MEMORY, "11", NULL);
    ck_assert_int_eq(ct_write_image(NULL, path, NULL), CT_ERROR_NULL);
    ck_assert_int_eq(ct_write_image(x, NULL, NULL), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "write_image", NULL);
    ck_assert_int_eq(ct_write_image(x, "picture.jpg", NULL), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "picture.jpg", ".png", NULL);
    ck_assert_int_eq(ct_write_image(x, ".pgm", NULL), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, ".pgm", NULL);
    ck_assert_int_eq(ct_write_image(pattern(3, 2, 2), ending(".pgm"), NULL), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "there are 3", NULL);
    ck_assert_int_eq(ct_write_image(ct_ones(cx, CT_F32, CT_SHAPE(4)), named, NULL), CT_ERROR_SHAPE);
    expect_error(CT_ERROR_SHAPE, "(4)", NULL);
    ck_assert_int_eq(ct_write_image(ct_ones(cx, CT_F32, CT_SHAPE(0, 4)), named, NULL),
                     CT_ERROR_SHAPE);
    expect_error(CT_ERROR_SHAPE, "(0,4)", NULL);
    ct_tensor *nan = ct_full(cx, CT_F32, CT_SHAPE(1, 2, 2), NAN);
    ck_assert_int_eq(ct_write_image(nan, named, NULL), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "pixel (0,0,0)", "NaN", NULL);
    ck_assert_int_eq(access(named, F_OK), -1); /* nothing is left of it */
    ck_assert_int_eq(ct_write_image(x, "/nowhere/x.pgm", NULL), CT_ERROR_FILE);
    expect_error(CT_ERROR_FILE, "/nowhere/x.pgm", NULL);
    if (has_png()) {
        ck_assert_int_eq(ct_write_image(nan, ending(".png"), NULL), CT_ERROR_VALUE);
        expect_error(CT_ERROR_VALUE, "NaN", NULL);
    }
    remove_all();
}
END_TEST

static void write_and_read(ct_context *c)
{
    static const char *const ends[] = { ".pgm", ".png" };
    for (int i = 0; i < 2; i++) {
        ct_tensor *x = ct_transpose(ct_ones(c, CT_F32, CT_SHAPE(2, 3)));
        if (ct_write_image(x, ending(ends[i]), NULL) == CT_OK)
            ct_read_image(c, named, CT_F32, NULL);
    }
}

START_TEST(every_allocation_may_fail)
{
    make_folder();
    if (has_png())
        for_each_failing_allocation(write_and_read);
    remove_all();
}
END_TEST

Suite *image_suite(void);
Suite *image_suite(void)
{
    const TTest *const tests[] = {
        what_is_written_is_read_again,
        values_are_rounded_scaled_and_brought_in,
        png_of_other_kinds,
        pnm_of_all_kinds,
        channels_become_more_or_fewer,
        pnm_that_is_wrong,
        png_that_is_wrong,
        a_small_file_that_claims_much,
        arguments_that_are_wrong,
        every_allocation_may_fail,
        NULL,
    };
    return make_suite("nn/image", tests);
}
