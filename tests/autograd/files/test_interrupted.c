/* Every writer of files, interrupted at each of its calls of the system: by an error, a full disk
 * among them, and by the end of the process. The old file or the new one is there, whole. */
#include <sys/wait.h>

#include "files.h"
#include "system.h"

enum { ROOM = 1 << 20 }; /* no file here is larger */

/* writes a file that depends on `value` */
typedef ct_status (*writer)(double value);

static ct_tensor *tensor(double value)
{
    return ct_full(cx, CT_F32, CT_SHAPE(3, 4), value);
}

static ct_module *module(double value)
{
    ct_module *m = ct_module_new(cx, "group", NULL, NULL);
    ct_module_add_parameter(m, "a", tensor(value));
    ct_module_add_parameter(m, "b", ct_ones(cx, CT_F64, CT_SHAPE(2)));
    return m;
}

static ct_status npy(double value)
{
    return ct_write_npy(tensor(value), path);
}

static ct_status image(double value)
{
    char name[320];
    snprintf(name, sizeof name, "%s.pgm", path);
    symlink("file", name); /* the name tells the format, and the link is followed */
    ct_status status = ct_write_image(tensor(value), name, NULL);
    unlink(name);
    return status;
}

static ct_status page(double value)
{
    return ct_graph_page(ct_square(ct_variable(tensor(value))), path, NULL);
}

static ct_status save(double value)
{
    return ct_module_save(module(value), path);
}

static ct_status idx(double value)
{
    return ct_write_idx(tensor(value), path);
}

static ct_status safetensors(double value)
{
    return ct_write_safetensors(cx, path, (const char *const[]){ "a" },
                                (ct_tensor *const[]){ tensor(value) }, 1, NULL);
}

#if HAVE_ZIP
static ct_status npz(double value)
{
    return ct_write_npz(cx, path, (const char *const[]){ "a" },
                        (ct_tensor *const[]){ tensor(value) }, 1, NULL);
}
#endif

static ct_status training(double value)
{
    return ct_training_save(&(ct_training){ .module = module(value) }, path);
}

static const writer writers[] = { npy, image, page, save, training, idx, safetensors,
#if HAVE_ZIP
                                  npz,
#endif
};
enum { WRITERS = sizeof writers / sizeof *writers };

/* the file's bytes, how many they are, and how many files are in the folder */
static char *content(size_t *n)
{
    char *bytes = malloc(ROOM);
    FILE *f = fopen(path, "rb");
    ck_assert_ptr_nonnull(f);
    *n = fread(bytes, 1, ROOM, f);
    fclose(f);
    return bytes;
}

static bool holds(const char *bytes, size_t n)
{
    size_t m;
    char *now = content(&m);
    bool same = m == n && memcmp(now, bytes, n) == 0;
    free(now);
    return same;
}

START_TEST(a_call_that_fails)
{
    for (int w = 0; w < WRITERS; w++) {
        make_folder();
        size_t n;
        ck_assert_int_eq(writers[w](1), CT_OK);
        char *old = content(&n);
        system_at(0, SYSTEM_FAILS);
        ck_assert_int_eq(writers[w](1), CT_OK);
        int calls = system_calls();
        ck_assert_int_ge(calls, 3);
        for (int i = 1; i <= calls; i++) {
            system_at(i, SYSTEM_FAILS);
            ck_assert_int_eq(writers[w](2), CT_ERROR_FILE);
            expect_error(CT_ERROR_FILE, i < calls ? "cannot write" : "cannot replace", NULL);
            ck_assert_msg(holds(old, n), "writer %d, call %d", w, i);
            ck_assert_int_eq(files_in_folder(), 1);
        }
        system_at(0, SYSTEM_FAILS);
        ck_assert_int_eq(writers[w](2), CT_OK);
        ck_assert(!holds(old, n));
        free(old);
        remove_folder();
    }
}
END_TEST

/* Of the calls that find, look at and lock files some may fail without harm. Either the new file is
   there, whole, or an error and the old one; and no other file. */
START_TEST(a_call_beside_writing_that_fails)
{
    for (int w = 0; w < WRITERS; w++) {
        make_folder();
        size_t n, m;
        ck_assert_int_eq(writers[w](2), CT_OK);
        char *new = content(&m);
        system_refuses(SYSTEM_FILE, 0, false);
        ck_assert_int_eq(writers[w](1), CT_OK);
        int calls = system_asked(SYSTEM_FILE), failed = 0;
        char *old = content(&n);
        for (int i = 1; i <= calls; i++) {
            system_refuses(SYSTEM_FILE, i, false);
            ct_status status = writers[w](2);
            system_refuses(SYSTEM_FILE, 0, false);
            failed += status != CT_OK;
            ck_assert_int_eq(status, ct_error(cx));
            ck_assert(status == CT_OK || status == CT_ERROR_FILE);
            ck_assert_msg(status == CT_OK ? holds(new, m) : holds(old, n), "writer %d, call %d", w,
                          i);
            ct_error_clear(cx);
            ck_assert_int_eq(writers[w](1), CT_OK); /* which removes a part that was left */
            ck_assert_int_eq(files_in_folder(), 1);
        }
        ck_assert_int_gt(failed, 0);
        free(old);
        free(new);
        remove_folder();
    }
}
END_TEST

START_TEST(a_process_that_is_killed)
{
    for (int w = 0; w < WRITERS; w++) {
        make_folder();
        size_t n, m;
        system_at(0, SYSTEM_KILLS);
        ck_assert_int_eq(writers[w](2), CT_OK);
        int calls = system_calls();
        char *new = content(&m);
        ck_assert_int_eq(writers[w](1), CT_OK);
        char *old = content(&n);
        for (int i = 1; i <= calls; i++) {
            pid_t child = fork();
            if (child == 0) {
                system_at(i, SYSTEM_KILLS);
                writers[w](2);
                _exit(0);
            }
            ck_assert(WIFSIGNALED(wait_for(child)));
            ck_assert_msg(holds(old, n), "writer %d, call %d", w, i);
            ck_assert_int_eq(files_in_folder(), w == 1 ? 3 : 2); /* a part, which the next one removes */
        }
        char link[320];
        snprintf(link, sizeof link, "%s.pgm", path);
        unlink(link);
        ck_assert_int_eq(writers[w](2), CT_OK);
        ck_assert(holds(new, m));
        ck_assert_int_eq(files_in_folder(), 1);
        free(old);
        free(new);
        remove_folder();
    }
}
END_TEST

Suite *interrupted_suite(void);
Suite *interrupted_suite(void)
{
    return make_suite("autograd/interrupted", (const TTest *[]){
        a_call_that_fails, a_call_beside_writing_that_fails, a_process_that_is_killed, NULL });
}
