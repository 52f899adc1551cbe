/* autograd/files/file.c and all that reads through it: each call of the system fails once. */
#include <cotangent/archive.h>
#include <cotangent/io.h>

#include "files.h"
#include "system.h"

static ct_module *net;

static bool idx(const char *at)
{
    return ct_read_idx(cx, at, CT_F32, NULL);
}

static bool npy(const char *at)
{
    return ct_read_npy(cx, at, 0, NULL);
}

static bool csv(const char *at)
{
    ct_table *t = ct_read_csv(cx, at, NULL);
    ct_table_free(t);
    return t;
}

static bool image(const char *at)
{
    return ct_read_image(cx, at, CT_F32, NULL);
}

static bool bytes(const char *at)
{
    return ct_read_bytes(cx, at, NULL);
}

static bool text(const char *at)
{
    return ct_read_text(cx, at, NULL);
}

/* all that the archive has */
static bool archive(const char *at)
{
    ct_archive *a = ct_archive_open(cx, at, NULL);
    bool good = a;
    for (int i = 0; a && good && i < ct_archive_count(a); i++)
        good = ct_archive_read(a, ct_archive_name(a, i), 0);
    ct_archive_close(a);
    return good;
}

static bool parameters(const char *at)
{
    return ct_module_load(net, at, 0) == CT_OK;
}

/* once with each of its calls failing; then it is read, as before */
static void expect_file_errors(bool (*read_it)(const char *at), const char *at)
{
    system_refuses(SYSTEM_FILE, 0, false);
    bool good = read_it(at);
    int n = system_asked(SYSTEM_FILE);
    ck_assert_msg(good && n > 0, "%s: %d calls: %s", at, n, ct_error_text(cx));
    for (int k = 1; k <= n; k++) {
        system_refuses(SYSTEM_FILE, k, false);
        good = read_it(at);
        system_refuses(SYSTEM_FILE, 0, false);
        ck_assert_msg(!good, "%s: call %d failed, and nobody said so", at, k);
        expect_error(CT_ERROR_FILE, at, NULL);
    }
    ck_assert(read_it(at));
}

START_TEST(every_call_may_fail)
{
    static const struct {
        const char *name;
        bool (*read_it)(const char *at);
        bool may_lack;         /* what it needs may not be in the build */
    } kept[] = { { "idx/type-8", idx, false },   { "idx/gzip", idx, true },
                 { "npy/f4", npy, false },       { "npy/gzip", npy, true },
                 { "npy/columns", npy, false },  { "pnm/p6", image, false },
                 { "pnm/p5", image, false },     { "gzip/plain", bytes, false },
                 { "gzip/plain", text, false },  { "gzip/members", bytes, true },
                 { "gguf/small", archive, true },  { "npz/stored", archive, true },
                 { "npz/deflated", archive, true } };
    char at[4096];
    for (size_t k = 0; k < sizeof kept / sizeof *kept; k++) {
        snprintf(at, sizeof at, "%s/tests/fuzz/corpus/%s", CT_SOURCE_ROOT, kept[k].name);
        if (kept[k].may_lack && !kept[k].read_it(at)) {
            expect_error(CT_ERROR_UNSUPPORTED, NULL); /* without zlib, libzip or jansson */
            continue;
        }
        expect_file_errors(kept[k].read_it, at);
    }
    make_folder();
    write_file("a,b\n1,x\n2,y\n", 12);
    expect_file_errors(csv, path);
    ct_tensor *gray = ct_zeros(cx, CT_F32, CT_SHAPE(2, 3));
    if (ct_write_image(gray, in_folder("x.png"), NULL) == CT_OK)
        expect_file_errors(image, in_folder("x.png"));
    ct_error_clear(cx); /* of a build without libpng */
    unlink(in_folder("x.png"));
    net = ct_mlp_new(cx, CT_F32, CT_SIZES(2, 3, 1), CT_TANH, NULL);
    ck_assert_int_eq(ct_module_save(net, path), CT_OK);
    if (parameters(path))
        expect_file_errors(parameters, path);
    ct_error_clear(cx); /* of a build without jansson */
    remove_folder();
}
END_TEST

Suite *reads_suite(void);
Suite *reads_suite(void)
{
    return make_suite("nn/reads", (const TTest *const[]){ every_call_may_fail, NULL });
}
