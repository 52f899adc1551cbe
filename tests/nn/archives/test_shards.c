/* nn/archives/shards.c: safetensors in several files, with an index. */
#include <dirent.h>
#include <sys/wait.h>

#include "files.h"
#include "system.h"

#define INDEX "m.safetensors.index.json"
enum { N = 5 };

/* of 8, 8, 24, 4 and 4 bytes: so they go, by 16 bytes, into files of 2, 1 and 2 */
static const char *const names[N] = { "a", "b \"quoted\"", "large", "c", "d" };
static const char *const plain[] = { "m-00001-of-00003.safetensors", "m-00002-of-00003.safetensors",
                                     "m-00003-of-00003.safetensors", INDEX, NULL };
static const char *const marked[] = { "m.ct-1-00001-of-00003.safetensors",
                                      "m.ct-1-00002-of-00003.safetensors",
                                      "m.ct-1-00003-of-00003.safetensors", INDEX, NULL };

static ct_tensor *tensor(int i, double value)
{
    static const int64_t sizes[N] = { 1, 2, 6, 1, 4 };
    static const ct_dtype dtypes[N] = { CT_F64, CT_F32, CT_F32, CT_F32, CT_BOOL };
    return ct_full(cx, dtypes[i], CT_SHAPE(sizes[i]), dtypes[i] == CT_BOOL ? 1 : value + i);
}

/* tensors that depend on `value`, by the index of that name */
static ct_status write_as(const char *name, double value, int64_t shard_bytes)
{
    const ct_pair text = { "format", "ours" };
    ct_tensor *all[N];
    for (int i = 0; i < N; i++)
        all[i] = tensor(i, value);
    return ct_write_safetensors(cx, in_folder(name), names, all, N,
                                &(ct_archive_options){ .texts = &text, .n = 1,
                                                       .shard_bytes = shard_bytes });
}

static ct_status write_them(double value)
{
    return write_as(INDEX, value, 16);
}

/* -- What is in the folder */
/* these, up to NULL, and as many as `more` that are not looked for */
static void expect_files(const char *const *all, int more)
{
    int n = 0;
    for (; all[n]; n++)
        ck_assert_msg(access(in_folder(all[n]), F_OK) == 0, "%s is not there", all[n]);
    ck_assert_int_eq(files_in_folder(), n + more);
}

static void empty_folder(void)
{
    DIR *all = opendir(folder);
    for (struct dirent *one; (one = readdir(all));)
        if (one->d_name[0] != '.')
            unlink(in_folder(one->d_name));
    closedir(all);
    remove_folder();
}

#if HAVE_JANSSON
/* the value that was written; all tensors have it */
static double read_them(void)
{
    double found = NAN;
    ct_archive *a = ct_archive_open(cx, in_folder(INDEX), NULL);
    expect_ok();
    ck_assert_int_eq(ct_archive_count(a), N);
    ck_assert_str_eq(ct_archive_text(a, "format"), "ours");
    for (int i = 0; i < N; i++) {
        ct_tensor *x = ct_archive_read(a, names[i], 0);
        found = i == 0 ? ct_at(x, CT_INDEX(0)) : found;
        ck_assert_int_eq(ct_dtype_of(x), ct_dtype_of(tensor(i, found)));
        ck_assert_double_eq(ct_max_difference(x, tensor(i, found)), 0);
    }
    ct_archive_close(a);
    expect_ok();
    return found;
}
#endif

/* -- */
START_TEST(the_files_are_those_of_hugging_face)
{
    static const char want[] = "{\"metadata\":{\"total_size\":48},\"weight_map\":{"
        "\"a\":\"m-00001-of-00003.safetensors\",\"b \\u0022quoted\\u0022\":"
        "\"m-00001-of-00003.safetensors\",\"large\":\"m-00002-of-00003.safetensors\","
        "\"c\":\"m-00003-of-00003.safetensors\",\"d\":\"m-00003-of-00003.safetensors\"}}\n";
    char text[1024] = "";
    make_folder();
    ck_assert_int_eq(write_them(1), CT_OK);
    expect_files(plain, 0);
    FILE *f = fopen(in_folder(INDEX), "rb");
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    ck_assert_str_eq(text, want);
    ck_assert_uint_eq(n, sizeof want - 1);
    empty_folder();
}
END_TEST

/* the rights of the index are those of the new files */
START_TEST(rights_stay)
{
    struct stat about;
    make_folder();
    ck_assert_int_eq(write_them(1), CT_OK);
    ck_assert_int_eq(chmod(in_folder(INDEX), 0600), 0);
    ck_assert_int_eq(write_them(2), CT_OK);
    for (int i = 0; marked[i]; i++) {
        ck_assert_int_eq(stat(in_folder(marked[i]), &about), 0);
        ck_assert_uint_eq(about.st_mode & 0777, 0600);
    }
    empty_folder();
}
END_TEST

#if HAVE_JANSSON
START_TEST(old_files_are_there_until_the_new_index_is)
{
    static const char *const others[] = {
        "m-00001-of-00003.safetensors.bak", "m-2-00001-of-00003.safetensors", "m.safetensors",
        "m-1-of-3.safetensors", "n-00001-of-00003.safetensors", "m.ct-x-00001-of-00003.safetensors",
        NULL };
    make_folder();
    ck_assert_int_eq(write_them(1), CT_OK);
    for (int i = 0; others[i]; i++)
        write_file_as(others[i], "", 0);
    write_file_as("m-00009-of-00009.safetensors", "", 0); /* left by a save that was killed */
    ck_assert_int_eq(write_them(2), CT_OK);
    expect_files(marked, 6);
    ck_assert_double_eq(read_them(), 2);
    ck_assert_int_eq(write_as(INDEX, 3, 1000), CT_OK);
    expect_files((const char *const[]){ "m-00001-of-00001.safetensors", INDEX, NULL }, 6);
    ck_assert_double_eq(read_them(), 3);
    expect_files(others, 2);
    empty_folder();
}
END_TEST

START_TEST(calls_of_the_system_fail)
{
    make_folder();
    ck_assert_int_eq(write_them(1), CT_OK);
    system_at(0, SYSTEM_FAILS);
    ck_assert_int_eq(write_them(1), CT_OK); /* "marked" from now on */
    int calls = system_calls();
    ck_assert_int_ge(calls, 3 * 3 + 4);
    for (int i = 1; i <= calls; i++) {
        system_at(i, SYSTEM_FAILS);
        ck_assert_int_eq(write_them(2), CT_ERROR_FILE);
        expect_error(CT_ERROR_FILE, i < calls ? "cannot write" : "cannot replace", NULL);
        expect_files(marked, 0);
        ck_assert_msg(read_them() == 1, "call %d", i);
    }
    system_at(0, SYSTEM_FAILS);
    empty_folder();
}
END_TEST

START_TEST(the_process_is_killed)
{
    make_folder();
    system_at(0, SYSTEM_KILLS);
    ck_assert_int_eq(write_them(1), CT_OK);
    int calls = system_calls();
    for (int i = 1; i <= calls; i++) {
        pid_t child = fork();
        if (child == 0) {
            system_at(i, SYSTEM_KILLS);
            write_them(2);
            _exit(0);
        }
        ck_assert(WIFSIGNALED(wait_for(child)));
        ck_assert_msg(read_them() == 1, "call %d", i);
        if (i % 4 == 0) {
            ck_assert_int_eq(write_them(1), CT_OK);
            ck_assert_int_eq(files_in_folder(), 4); /* nothing is left of those that were killed */
        }
    }
    ck_assert_int_eq(write_them(3), CT_OK);
    ck_assert_int_eq(files_in_folder(), 4);
    ck_assert_double_eq(read_them(), 3);
    empty_folder();
}
END_TEST
#endif

START_TEST(too_many_saves_were_killed)
{
    make_folder();
    for (int i = 0; i < 32; i++) {
        char name[64], mark[16] = "";
        if (i > 0)
            snprintf(mark, sizeof mark, ".ct-%d", i);
        snprintf(name, sizeof name, "m%s-00001-of-00001.safetensors", mark);
        write_file_as(name, "", 0);
    }
    ck_assert_int_eq(write_them(1), CT_ERROR_FILE);
    expect_error(CT_ERROR_FILE, "32 saves", NULL);
    ck_assert_int_eq(files_in_folder(), 32);
    empty_folder();
}
END_TEST

static void save_in(ct_context *c)
{
    ct_tensor *all[2] = { ct_ones(c, CT_F32, CT_SHAPE(2)), ct_ones(c, CT_F32, CT_SHAPE(2)) };
    if (ct_write_safetensors(c, in_folder(INDEX), names, all, 2,
                             &(ct_archive_options){ .shard_bytes = 8 }) != CT_OK)
        ck_assert_int_eq(files_in_folder(), 0);
    else
        for (int i = 1; i <= 2; i++) {
            char name[64];
            snprintf(name, sizeof name, "m-0000%d-of-00002.safetensors", i);
            ck_assert_int_eq(unlink(in_folder(name)), 0);
        }
    unlink(in_folder(INDEX));
}

START_TEST(every_allocation_may_fail)
{
    make_folder();
    for_each_failing_allocation(save_in);
    remove_folder();
}
END_TEST

START_TEST(modules)
{
    make_folder();
    ct_module *m = ct_mlp_new(cx, CT_F32, CT_SIZES(3, 4, 2), CT_RELU, NULL);
    const ct_archive_options options = { .shard_bytes = 50 };
    ck_assert_int_eq(ct_module_save_with(m, in_folder(INDEX), &options), CT_OK);
    ck_assert_int_eq(files_in_folder(), 1 + 3); /* of 48, 16 with 32, and 8 bytes */
#if HAVE_JANSSON
    ct_module *b = ct_mlp_new(cx, CT_F32, CT_SIZES(3, 4, 2), CT_RELU, NULL);
    ck_assert_int_eq(ct_module_load(b, in_folder(INDEX), 0), CT_OK);
    ck_assert_double_eq(ct_max_difference(ct_module_parameter(b, "2.weight"),
                                          ct_module_parameter(m, "2.weight")), 0);
#endif
    empty_folder();
}
END_TEST

START_TEST(what_is_refused)
{
    static const struct { const char *name; int64_t bytes; const char *why; } all[] = {
        { "m.safetensors", 16, "NAME.safetensors.index.json" }, { ".safetensors.index.json", 16, "NAME" },
        { "m\\n" INDEX, 16, "backslash" }, { "\xff" INDEX, 16, "UTF-8" }, { INDEX, -1, "shard_bytes is -1" },
    };
    char name[300];
    make_folder();
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        ck_assert_int_eq(write_as(all[i].name, 1, all[i].bytes), CT_ERROR_VALUE);
        expect_error(CT_ERROR_VALUE, "write_safetensors", all[i].why, NULL);
    }
    const ct_archive_options options = { .shard_bytes = 16 };
    ck_assert_int_eq(ct_write_safetensors(cx, in_folder(INDEX), NULL, NULL, 0, &options),
                     CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "no tensor", NULL);
    ck_assert_int_eq(write_as("none/" INDEX, 1, 16), CT_ERROR_FILE);
    expect_error(CT_ERROR_FILE, "none/" INDEX, "cannot create", NULL);
    memset(name, 'n', 230); /* with the index's end it is a name, and with a number it is too long */
    snprintf(name + 230, sizeof name - 230, ".safetensors.index.json");
    ck_assert_int_eq(write_as(name, 1, 16), CT_ERROR_FILE);
    expect_error(CT_ERROR_FILE, "cannot create", NULL);
    ck_assert_int_eq(mkdir(in_folder(INDEX), 0700), 0);
    ck_assert_int_eq(write_them(1), CT_ERROR_FILE);
    expect_error(CT_ERROR_FILE, "directory", NULL);
    ck_assert_int_eq(rmdir(in_folder(INDEX)), 0);
    ct_tensor *x = tensor(0, 1);
    ck_assert_int_eq(ct_write_npz(cx, path, names, &x, 1, &options), CT_ERROR_UNSUPPORTED);
    expect_error(CT_ERROR_UNSUPPORTED, "write_npz", NULL);
    remove_folder();
}
END_TEST

/* a path without a slash */
START_TEST(in_the_current_folder)
{
    char before[1024];
    make_folder();
    ck_assert_ptr_nonnull(getcwd(before, sizeof before));
    ck_assert_int_eq(chdir(folder), 0);
    ct_tensor *x = tensor(0, 1);
    ct_status status = ct_write_safetensors(cx, INDEX, names, &x, 1,
                                            &(ct_archive_options){ .shard_bytes = 1 });
    ck_assert_int_eq(chdir(before), 0);
    ck_assert_int_eq(status, CT_OK);
    expect_files((const char *const[]){ "m-00001-of-00001.safetensors", INDEX, NULL }, 0);
    empty_folder();
}
END_TEST

Suite *shards_suite(void);
Suite *shards_suite(void)
{
    return make_suite("nn/shards", (const TTest *[]){
        the_files_are_those_of_hugging_face, rights_stay, too_many_saves_were_killed,
        every_allocation_may_fail, modules, what_is_refused, in_the_current_folder,
#if HAVE_JANSSON
        old_files_are_there_until_the_new_index_is, calls_of_the_system_fail, the_process_is_killed,
#endif
        NULL });
}
