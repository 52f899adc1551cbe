/* page.c: ct_graph_page writes one file, or says why not. What is in it is looked at in a browser:
 * tests/site. */
#define _POSIX_C_SOURCE 200809L
#include "support.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[] = "/tmp/cotangent-page-XXXXXX";

static void make_path(void)
{
    strcpy(strchr(path, 0) - 6, "XXXXXX");
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    close(file);
}

static ct_tensor *graph(ct_context *c)
{
    ct_tensor *x = ct_named(ct_variable(ct_scalar(c, CT_F64, 2)), "</script><b> & </pre>");
    return ct_mul(ct_square(x), x);
}

static char *read_page(void)
{
    FILE *in = fopen(path, "r");
    ck_assert_ptr_nonnull(in);
    char *text = calloc(1, 1 << 20);
    size_t n = fread(text, 1, (1 << 20) - 1, in);
    ck_assert(n > 1000 && strlen(text) == n);
    fclose(in);
    return text;
}

START_TEST(the_page_holds_both_texts)
{
    make_path();
    ck_assert_int_eq(ct_graph_page(graph(cx), path, NULL), CT_OK);
    char *page = read_page();
    ck_assert_int_eq(strncmp(page, "<!doctype html>", 15), 0);
    ck_assert_str_eq(page + strlen(page) - 8, "</html>\n");
    const char *json = ct_graph_json(graph(cx), NULL);
    ck_assert_ptr_nonnull(strstr(page, json));
    ck_assert_ptr_nonnull(strstr(page, "\n#1 square -&#62; f64 (): [variable &#60;/script&#62;"
                                       "&#60;b&#62; &#38; &#60;/pre&#62; f64 ()]\n"));
    ck_assert_ptr_null(strstr(page, "<b> &"));
    ck_assert_ptr_null(strstr(page, "src="));
    ck_assert_ptr_null(strstr(page, "https://"));
    char *again = page;
    ck_assert_int_eq(ct_graph_page(graph(cx), path, NULL), CT_OK); /* over the old one */
    page = read_page();
    ck_assert_str_eq(page, again);
    free(page);
    free(again);
    unlink(path);
}
END_TEST

START_TEST(what_cannot_be_written)
{
    ct_tensor *y = graph(cx);
    ck_assert_int_eq(ct_graph_page(y, "/nowhere/page.html", NULL), CT_ERROR_FILE);
    expect_error(CT_ERROR_FILE, "graph_page: /nowhere/page.html: cannot create", NULL);
    ck_assert_int_eq(ct_graph_page(y, "/tmp", NULL), CT_ERROR_FILE);
    expect_error(CT_ERROR_FILE, "/tmp: cannot replace", NULL);
    ck_assert_int_eq(ct_graph_page(y, NULL, NULL), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "graph_page: the path is NULL", NULL);
    ck_assert_int_eq(ct_graph_page(NULL, path, NULL), CT_ERROR_NULL);
    expect_ok();
}
END_TEST

/* the system takes only the beginning: the old page stays */
START_TEST(a_full_disk)
{
    make_path();
    FILE *old_page = fopen(path, "w");
    ck_assert_ptr_nonnull(old_page);
    fputs("old", old_page);
    fclose(old_page);
    struct rlimit before;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 4096, before.rlim_max });
    ct_status status = ct_graph_page(graph(cx), path, NULL);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, old);
    ck_assert_int_eq(status, CT_ERROR_FILE);
    expect_error(CT_ERROR_FILE, "cannot write", NULL);
    struct stat about;
    ck_assert_int_eq(stat(path, &about), 0);
    ck_assert_int_eq(about.st_size, 3);
    unlink(path);
}
END_TEST

/* what fails before the file is opened leaves the old page */
START_TEST(an_error_before)
{
    make_path();
    ct_tensor *y = graph(cx);
    ck_assert_int_eq(ct_graph_page(y, path, &(ct_graph_options){ .max_values = -1 }),
                     CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "graph_page: max_vertices", NULL);
    ck_assert_int_eq(access(path, F_OK), 0);
    unlink(path);
}
END_TEST

static void write_page(ct_context *c)
{
    ct_tensor *y = graph(c);
    if (y)
        ck_assert_int_eq(ct_graph_page(y, path, NULL), ct_error(c));
}

START_TEST(every_allocation_fails_once)
{
    make_path();
    for_each_failing_allocation(write_page);
    unlink(path);
}
END_TEST

Suite *graph_page_suite(void);
Suite *graph_page_suite(void)
{
    return make_suite("autograd/graph_page", (const TTest *[]){
        the_page_holds_both_texts, what_cannot_be_written, a_full_disk, an_error_before,
        every_allocation_fails_once, NULL });
}
