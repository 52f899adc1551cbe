/* Files of every kind, damaged: cut off at every length, and with every byte changed. Each read
 * returns, and leaves nothing behind; of what is cut off, nothing is taken for whole. */
#include <dirent.h>

#include "files.h"
#include "readers.h"

/* whether reading these bytes fails */
static bool fails(const char *kind, const unsigned char *bytes, size_t n)
{
    write_file(bytes, n);
    ct_scope scope = ct_scope_begin(cx);
    ct_error_clear(cx);
    read_as(kind, cx, path);
    bool failed = ct_error(cx) != CT_OK;
    ct_error_clear(cx);
    ct_scope_end(cx, scope);
    return failed;
}

/* how many files are open; 0 where nobody says so */
static int open_files(void)
{
    int n = 0;
    DIR *all = opendir("/proc/self/fd");
    while (all && readdir(all))
        n++;
    if (all)
        closedir(all);
    return n;
}

/* damages the file at `path`, of which `most` bytes at the beginning are changed */
static void damage(const char *kind, size_t most)
{
    static unsigned char bytes[65536], copy[65536];
    FILE *f = fopen(path, "rb");
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    ck_assert_msg(n < sizeof bytes && !fails(kind, bytes, n), "%s: it is damaged already", kind);
    int files = open_files();
    ct_memory before, after;
    ct_memory_stats(cx, &before);
    most = most < n ? most : n;
    for (size_t i = 0; i < n; i += n > most && i >= most ? 61 : 1)
        ck_assert_msg(fails(kind, bytes, i), "%s: %zu of %zu bytes are taken for all", kind, i, n);
    for (size_t i = 0; i < most; i++)
        for (int k = 0; k < 4; k++) {
            memcpy(copy, bytes, n);
            copy[i] = k == 0 ? 0 : k == 1 ? 0xff : (unsigned char)(bytes[i] + (k == 2 ? 1 : 0x80));
            fails(kind, copy, n);
        }
    ct_memory_stats(cx, &after);
    ck_assert_int_eq(after.live_bytes, before.live_bytes);
    ck_assert_int_eq(open_files(), files);
}

START_TEST(arrays)
{
    make_folder();
    ct_tensor *x = ct_from_doubles(cx, CT_F32, CT_SHAPE(2, 3), CT_DOUBLES(1, 2, 3, 4, 5, 6));
    ct_write_npy(x, path);
    damage("npy", 200);
    ct_write_idx(x, path);
    damage("idx", 200);
    remove_folder();
}
END_TEST

#if HAVE_JANSSON
START_TEST(safetensors)
{
    make_folder();
    ct_module *m = ct_linear_new(cx, CT_F32, 3, 2, NULL);
    ct_module_save(m, path);
    damage("archive", 200);
    ct_module_save(m, path);
    damage("module", 200);
    ct_training_save(&(ct_training){ .module = m }, path);
    damage("training", 800);
    remove_folder();
}
END_TEST
#endif

#if HAVE_ZIP
START_TEST(npz)
{
    make_folder();
    for (int compress = 0; compress < 2; compress++) {
        ct_tensor *x[] = { ct_range(cx, CT_F32, 6), ct_ones(cx, CT_BOOL, CT_SHAPE(2)) };
        ct_write_npz(cx, path, (const char *const[]){ "weight", "b" }, x, 2,
                     &(ct_archive_options){ .compress = compress });
        damage("archive", 1000);
    }
    remove_folder();
}
END_TEST
#endif

START_TEST(gguf)
{
    static const unsigned char bytes[] =
        "GGUF\3\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0"
        "\1\0\0\0\0\0\0\0a\10\0\0\0\1\0\0\0\0\0\0\0b"               /* a text */
        "\1\0\0\0\0\0\0\0c\11\0\0\0\4\0\0\0\2\0\0\0\0\0\0\0\1\0\0\0\2\0\0\0" /* a list */
        "\1\0\0\0\0\0\0\0w\1\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" /* f32 (1) */
        "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\200\077";
    make_folder();
    write_file(bytes, sizeof bytes - 1);
    damage("archive", 200);
    remove_folder();
}
END_TEST

Suite *damaged_suite(void);
Suite *damaged_suite(void)
{
    return make_suite("nn/damaged", (const TTest *[]){ arrays,
#if HAVE_JANSSON
        safetensors,
#endif
#if HAVE_ZIP
        npz,
#endif
        gguf, NULL });
}
