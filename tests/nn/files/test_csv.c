/* nn/files/csv.c, columns.c, table.c, words.c */
#include "files.h"

#include <locale.h>

static ct_table *read_table(const char *text, const ct_csv_options *options)
{
    write_file(text, strlen(text));
    return ct_read_csv(cx, path, options);
}

static void expect_refused(const char *text, const ct_csv_options *options, const char *why)
{
    ck_assert_ptr_null(read_table(text, options));
    expect_error(CT_ERROR_FORMAT, "read_csv", path, why, NULL);
}

START_TEST(columns_get_the_type_that_fits)
{
    make_folder();
    ct_table *t = read_table("n,price,sold,kind,note\n"
                             "1,2.5,true,b,\n"
                             "-2,1e3,false,a,\n"
                             " 3 ,,True,b,\n", NULL);
    ck_assert_int_eq(ct_table_rows(t), 3);
    ck_assert_int_eq(ct_table_width(t), 5);
    ck_assert_str_eq(ct_table_name(t, 3), "kind");
    const ct_dtype want[] = { CT_I64, CT_F64, CT_BOOL, CT_I64, CT_F64 };
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(ct_dtype_of(ct_table_column(t, ct_table_name(t, i))), want[i]);
    expect_values(ct_table_column(t, "n"), CT_DOUBLES(1, -2, 3), 0);
    expect_values(ct_table_column(t, "price"), CT_DOUBLES(2.5, 1000, NAN), 0);
    expect_values(ct_table_column(t, "sold"), CT_DOUBLES(1, 0, 1), 0);
    expect_values(ct_table_column(t, "kind"), CT_DOUBLES(0, 1, 0), 0);
    expect_values(ct_table_column(t, "note"), CT_DOUBLES(NAN, NAN, NAN), 0);
    ck_assert_str_eq(ct_table_category(t, "kind", 0), "b");
    ck_assert_str_eq(ct_table_category(t, "kind", 1), "a");
    ck_assert_ptr_null(ct_table_category(t, "kind", 2));
    ck_assert_ptr_null(ct_table_category(t, "kind", -1));
    ck_assert_ptr_null(ct_table_category(t, "n", 0));
    ct_tensor *x = ct_table_matrix(t, CT_F32, CT_NAMES("price", "n"));
    expect_values(x, CT_DOUBLES(2.5, 1, 1000, -2, NAN, 3), 0);
    ck_assert_int_eq(ct_dtype_of(x), CT_F32);
    expect_shape(ct_table_matrix(t, CT_F64, NULL, 0), CT_SHAPE(3, 4));
    expect_ok();
    ct_table_free(t);
    remove_folder();
}
END_TEST

START_TEST(columns_of_stated_types)
{
    make_folder();
    const ct_column columns[] = { { "c", CT_COLUMN_BOOL }, { "a", CT_COLUMN_FLOAT },
                                  { "b", CT_COLUMN_CATEGORY } };
    ct_table *t = read_table("a,b,unused,c\n1,7,x,1\n2,,y,0\n3,8,z,false\n",
                             &(ct_csv_options){ .columns = columns, .n = 3 });
    ck_assert_int_eq(ct_table_width(t), 3);
    ck_assert_str_eq(ct_table_name(t, 0), "c");
    expect_values(ct_table_column(t, "c"), CT_DOUBLES(1, 0, 0), 0);
    ck_assert_int_eq(ct_dtype_of(ct_table_column(t, "a")), CT_F64);
    expect_values(ct_table_column(t, "b"), CT_DOUBLES(0, -1, 1), 0);
    ck_assert_str_eq(ct_table_category(t, "b", 1), "8");
    remove_folder();
}
END_TEST

START_TEST(fields_in_quotes)
{
    make_folder();
    ct_table *t = read_table("\"a \"\"b\"\"\",\"c,d\"\r\n"
                             "\"two\nlines\",\"1\"\r\n"
                             "\"\",2\r\n"
                             "\"cr\r\nlf\",\"3\"", NULL);
    ck_assert_int_eq(ct_table_rows(t), 3);
    ck_assert_str_eq(ct_table_name(t, 0), "a \"b\"");
    ck_assert_str_eq(ct_table_name(t, 1), "c,d");
    expect_values(ct_table_column(t, "a \"b\""), CT_DOUBLES(0, -1, 1), 0);
    ck_assert_str_eq(ct_table_category(t, "a \"b\"", 0), "two\nlines");
    ck_assert_str_eq(ct_table_category(t, "a \"b\"", 1), "cr\r\nlf");
    expect_values(ct_table_column(t, "c,d"), CT_DOUBLES(1, 2, 3), 0);
    remove_folder();
}
END_TEST

START_TEST(separators_headers_marks_and_ends)
{
    make_folder();
    ct_table *t = read_table("1;2,5\n3;4\n\n\r\n",
                             &(ct_csv_options){ .separator = ';', .no_header = true });
    ck_assert_int_eq(ct_table_rows(t), 2);
    ck_assert_str_eq(ct_table_name(t, 1), "1");
    ck_assert_str_eq(ct_table_category(t, "1", 0), "2,5");
    t = read_table("\xef\xbb\xbfx\ty\n1\t2", &(ct_csv_options){ .separator = '\t' });
    expect_values(ct_table_column(t, "x"), CT_DOUBLES(1), 0);
    t = read_table("x\n1\n\n3\n", NULL); /* an empty line is a missing value */
    expect_values(ct_table_column(t, "x"), CT_DOUBLES(1, NAN, 3), 0);
    t = read_table("x\n1\n\n", NULL); /* at the end too */
    expect_values(ct_table_column(t, "x"), CT_DOUBLES(1, NAN), 0);
    t = read_table("x,y\n", NULL);
    ck_assert_int_eq(ct_table_rows(t), 0);
    expect_shape(ct_table_matrix(t, CT_F32, NULL, 0), CT_SHAPE(0, 2));
    t = read_table("x,\n1,\n2,3", NULL); /* as R writes the numbers of rows */
    expect_values(ct_table_column(t, ""), CT_DOUBLES(NAN, 3), 0);
    t = read_table("x,y\n1,", NULL);
    expect_values(ct_table_column(t, "y"), CT_DOUBLES(NAN), 0);
    expect_ok();
    remove_folder();
}
END_TEST

START_TEST(missing_values)
{
    make_folder();
    const char *text = "a,b\n1,x\n?,y\nNA ,?\nnull\t ,N/A\n";
    ct_table *t = read_table(text, &(ct_csv_options){ .missing = "?" });
    expect_values(ct_table_column(t, "a"), CT_DOUBLES(1, NAN, NAN, NAN), 0);
    expect_values(ct_table_column(t, "b"), CT_DOUBLES(0, 1, -1, -1), 0);
    expect_refused(text, &(ct_csv_options){ .missing = "?", .missing_fails = true },
                   "line 3, column 'a'");
    const ct_column ints = { "a", CT_COLUMN_INT }, bools = { "a", CT_COLUMN_BOOL };
    expect_refused("a\n1\n\n2\n", &(ct_csv_options){ .columns = &ints, .n = 1 },
                   "line 3, column 'a': a value is missing");
    expect_refused("a\n1\nNaN\n", &(ct_csv_options){ .columns = &bools, .n = 1 },
                   "line 3, column 'a'");
    t = read_table("a\ntrue\n\nfalse\n", NULL); /* bools have no place for a missing one */
    expect_values(ct_table_column(t, "a"), CT_DOUBLES(0, -1, 1), 0);
    remove_folder();
}
END_TEST

START_TEST(numbers_in_every_form)
{
    static const struct { const char *text; double want; } good[] = {
        { "0", 0 }, { "-0.5", -0.5 }, { "+.5", 0.5 }, { "5.", 5 }, { "1e-3", 1e-3 },
        { "1E+400", INFINITY }, { "1e-400", 0 }, { "inf", INFINITY }, { "-Infinity", -INFINITY },
        { "0.1", 0.1 }, { "123456789012345678901234567890", 123456789012345678901234567890.0 },
        { "2.2250738585072011e-308", 2.2250738585072011e-308 }, { " 1 ", 1 }, { "\t2", 2 },
    };
    static const char *const bad[] = { "1,5", "0x10", "1e", "e5", ".", "-", "1 2", "infinit", "1.2.3",
                                       "--1", "+ inf", "nan(0)", "1f" };
    const ct_column column = { "a", CT_COLUMN_FLOAT };
    const ct_csv_options o = { .columns = &column, .n = 1, .separator = ';' };
    char text[64];
    make_folder();
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        snprintf(text, sizeof text, "a\n%s\n", good[i].text);
        expect_values(ct_table_column(read_table(text, &o), "a"), &good[i].want, 1, 0);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(text, sizeof text, "a\n1\n%s\n", bad[i]);
        expect_refused(text, &o, "line 3, column 'a': it must be a number");
    }
    char *digits = calloc(1000, 1); /* longer than any number that somebody means */
    memset(digits, '1', 999);
    memcpy(digits, "a\n", 2);
    expect_refused(digits, &o, "line 2, column 'a'");
    free(digits);
    remove_folder();
}
END_TEST

START_TEST(whole_numbers_and_truths)
{
    static const char *const wrong[] = { "1.0", "9223372036854775808", "-9223372036854775809", "",
                                         "x", "+", "1e2" };
    const ct_column column = { "a", CT_COLUMN_INT }, truth = { "a", CT_COLUMN_BOOL };
    const ct_csv_options o = { .columns = &column, .n = 1 };
    char text[64];
    make_folder();
    ct_table *t = read_table("a\n9223372036854775807\n-9223372036854775808\n+5\n", NULL);
    const int64_t *data = ct_data_i64(ct_table_column(t, "a"));
    ck_assert(data[0] == INT64_MAX && data[1] == INT64_MIN && data[2] == 5);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(text, sizeof text, "b,a\nx,1\ny,%s\n", wrong[i]);
        expect_refused(text, &o, "line 3, column 'a'");
    }
    expect_refused("b,a\n\"x\ny\",1\nz,q\n", &o, "line 4, column 'a'"); /* of the file */
    t = read_table("a\n1\n9223372036854775808\n", NULL); /* too large: so it is of floats */
    expect_values(ct_table_column(t, "a"), CT_DOUBLES(1, 0x1p63), 0);
    expect_refused("a\n2\n", &(ct_csv_options){ .columns = &truth, .n = 1 }, "true, false, 1 or 0");
    remove_folder();
}
END_TEST

START_TEST(files_that_are_wrong)
{
    make_folder();
    expect_refused("", NULL, "empty");
    expect_refused("\n\n", NULL, "empty");
    expect_refused("a,b\n1,2\n3\n", NULL, "line 3 has 1 fields, and the first line has 2");
    expect_refused("a,b\n1,2\n\n3,4\n", NULL, "line 3 has 1 fields");
    expect_refused("a,b\n\"x\ny\",2\n1,2,3\n", NULL, "line 4 has 3 fields");
    expect_refused("a\n\"open\nand\nnever closed", NULL, "line 2: a quote opens");
    expect_refused("a\n\"x\"y\n", NULL, "line 2: a closing quote");
    expect_refused("a\nx\"y\n", NULL, "line 2: a field with a quote");
    expect_refused("a,b,a\n", NULL, "two columns are called 'a'");
    for (int quoted = 0; quoted < 2; quoted++) {
        const char *text = quoted ? "a\n\"x\0y\"\n" : "a\nx\0y\n";
        write_file(text, quoted ? 8 : 6);
        ck_assert_ptr_null(ct_read_csv(cx, path, NULL));
        expect_error(CT_ERROR_FORMAT, "line 2", "zero byte", NULL);
    }
    const ct_column other = { "b", CT_COLUMN_ANY }, nothing = { NULL, CT_COLUMN_ANY },
                    odd = { "a", (ct_column_kind)7 }, both[2] = { { "a", 0 }, { "a", 0 } };
    const ct_column *const columns[] = { &other, &nothing, &odd, both };
    static const char *const why[] = { "no column 'b'", "no column '(null)'", "7", "twice" };
    for (int i = 0; i < 4; i++) {
        const ct_csv_options o = { .columns = columns[i], .n = i == 3 ? 2 : 1 };
        ck_assert_ptr_null(read_table("a\n1\n", &o));
        expect_error(CT_ERROR_VALUE, path, why[i], NULL);
    }
    remove_folder();
}
END_TEST

START_TEST(arguments_that_are_wrong)
{
    make_folder();
    ck_assert_ptr_null(ct_read_csv(cx, NULL, NULL));
    expect_error(CT_ERROR_NULL, "read_csv", NULL);
    ck_assert_ptr_null(ct_read_csv(cx, path, NULL));
    expect_error(CT_ERROR_FILE, "read_csv", path, NULL);
    ck_assert_ptr_null(read_table("a\n1\n", &(ct_csv_options){ .separator = '"' }));
    expect_error(CT_ERROR_VALUE, "separator", NULL);
    ck_assert_ptr_null(read_table("a\n1\n", &(ct_csv_options){ .reserved = { 1 } }));
    expect_error(CT_ERROR_VALUE, "zeroed", NULL);
    ck_assert_ptr_null(read_table("a\n1\n", &(ct_csv_options){ .n = 1 }));
    expect_error(CT_ERROR_NULL, "read_csv", NULL);
    ck_assert_ptr_null(read_table("a\n1\n", &(ct_csv_options){ .max_bytes = 3 }));
    expect_error(CT_ERROR_MEMORY, path, "3", NULL);
    ck_assert_ptr_null(read_table("a\n1\n2\n", &(ct_csv_options){ .max_bytes = 15 }));
    expect_error(CT_ERROR_MEMORY, "2 rows of 1 columns", NULL);
    ct_table *t = read_table("a,b\n1,x\n", &(ct_csv_options){ .max_bytes = 16 });
    ck_assert_ptr_null(ct_table_column(t, "c"));
    expect_error(CT_ERROR_VALUE, "table_column", "'c'", NULL);
    ck_assert_ptr_null(ct_table_column(t, NULL));
    expect_error(CT_ERROR_NULL, "table_column", NULL);
    ck_assert_ptr_null(ct_table_name(t, 2));
    expect_error(CT_ERROR_RANGE, "table_name", "0 ... 1", NULL);
    ck_assert_ptr_null(ct_table_matrix(t, CT_F32, CT_NAMES("a", "c")));
    expect_error(CT_ERROR_VALUE, "table_matrix", "'c'", NULL);
    t = read_table("b\nx\n", NULL);
    ck_assert_ptr_null(ct_table_matrix(t, CT_F32, NULL, 0));
    expect_error(CT_ERROR_VALUE, "one column or more", NULL);
    ck_assert_int_eq(ct_table_rows(NULL), -1);
    ck_assert_int_eq(ct_table_width(NULL), -1);
    ck_assert_ptr_null(ct_table_matrix(NULL, CT_F32, NULL, 0));
    ct_table_free(NULL);
    expect_ok();
    remove_folder();
}
END_TEST

static void use_a_freed_table(void)
{
    ct_table *t = read_table("a\n1\n", NULL);
    ct_table_free(t);
    expect_ok();
    ct_table_free(t);
    expect_error(CT_ERROR_STALE, "table_free", NULL);
    ck_assert_ptr_null(ct_table_column(t, "a"));
    expect_error(CT_ERROR_STALE, "table_column", NULL);
}

START_TEST(freed_tables_are_stale)
{
    make_folder();
    with_pool(use_a_freed_table);
    remove_folder();
}
END_TEST

/* many categories, some of which share a slot at first */
START_TEST(ten_thousand_categories)
{
    enum { N = 10000 };
    char *text = malloc(N * 8 + 2), *at = text + 2;
    memcpy(text, "a\n", 2);
    for (int i = 0; i < N; i++)
        at += snprintf(at, 8, "k%d\n", i / 2 * 2);
    make_folder();
    ct_table *t = read_table(text, NULL);
    const int64_t *codes = ct_data_i64(ct_table_column(t, "a"));
    for (int i = 0; i < N; i++)
        ck_assert_int_eq(codes[i], i / 2);
    ck_assert_str_eq(ct_table_category(t, "a", N / 2 - 1), "k9998");
    ck_assert_ptr_null(ct_table_category(t, "a", N / 2));
    free(text);
    remove_folder();
}
END_TEST

START_TEST(the_locale_does_not_matter)
{
    static const char *const names[] = { "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE" };
    const char *set = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names && !set; i++)
        set = setlocale(LC_NUMERIC, names[i]);
    if (!set) {
        skip("no locale with a decimal comma is installed");
        return;
    }
    make_folder();
    expect_values(ct_table_column(read_table("a\n1.5\n", NULL), "a"), CT_DOUBLES(1.5), 0);
    setlocale(LC_NUMERIC, "C");
    remove_folder();
}
END_TEST

static void read_one(ct_context *c)
{
    ct_table *t = ct_read_csv(c, path, NULL);
    if (t)
        ct_table_matrix(t, CT_F32, NULL, 0);
    ct_table_free(t);
    ct_read_csv(c, path, &(ct_csv_options){ .no_header = true });
}

START_TEST(every_allocation_may_fail)
{
    make_folder();
    const char text[] = "a,b,c\n1,2.5,x\n3,,y\n";
    write_file(text, sizeof text - 1);
    for_each_failing_allocation(read_one);
    remove_folder();
}
END_TEST

Suite *csv_suite(void);
Suite *csv_suite(void)
{
    const TTest *const tests[] = {
        columns_get_the_type_that_fits,
        columns_of_stated_types,
        fields_in_quotes,
        separators_headers_marks_and_ends,
        missing_values,
        numbers_in_every_form,
        whole_numbers_and_truths,
        files_that_are_wrong,
        arguments_that_are_wrong,
        freed_tables_are_stale,
        ten_thousand_categories,
        the_locale_does_not_matter,
        every_allocation_may_fail,
        NULL,
    };
    return make_suite("nn/csv", tests);
}
