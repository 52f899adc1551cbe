/* autograd/files/replace.c, through ct_module_save: what it may replace, and what it leaves behind. */
#define _DEFAULT_SOURCE /* mknod, flock */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "files.h"

static ct_module *net(void)
{
    return ct_linear_new(cx, CT_F32, 3, 2, NULL);
}

/* how many files there are in the folder */
static int files(void)
{
    int n = 0;
    DIR *all = opendir(folder);
    for (struct dirent *one; (one = readdir(all));)
        n += strcmp(one->d_name, ".") != 0 && strcmp(one->d_name, "..") != 0;
    closedir(all);
    return n;
}

static struct stat about(const char *name)
{
    struct stat result;
    ck_assert_int_eq(lstat(name, &result), 0);
    return result;
}

static void refused(const char *name, const char *reason)
{
    mode_t before = about(name).st_mode;
    ck_assert_int_eq(ct_module_save(net(), name), CT_ERROR_FILE);
    expect_error(CT_ERROR_FILE, "module_save", name, reason, NULL);
    ck_assert_int_eq(about(name).st_mode, before);
}

START_TEST(what_is_no_regular_file_is_refused)
{
    make_folder();
    ck_assert_int_eq(mkfifo(in_folder("fifo"), 0600), 0);
    ck_assert_int_eq(mkdir(in_folder("folder"), 0700), 0);
    ck_assert_int_eq(symlink("fifo", in_folder("link")), 0);
    refused(in_folder("fifo"), "not a regular file");
    refused(in_folder("link"), "not a regular file");
    refused(in_folder("folder"), "a directory");
    refused(in_folder("folder/"), "directory");
    refused(in_folder("folder/.."), "a directory");
    if (mknod(in_folder("null"), S_IFCHR | 0600, makedev(1, 3)) == 0)
        refused(in_folder("null"), "not a regular file");
    unlink(in_folder("null"));
    ck_assert_int_eq(files(), 3);
    unlink(in_folder("fifo"));
    unlink(in_folder("link"));
    rmdir(in_folder("folder"));
    remove_folder();
}
END_TEST

START_TEST(links_are_followed)
{
    make_folder();
    ck_assert_int_eq(mkdir(in_folder("sub"), 0700), 0);
    ck_assert_int_eq(symlink("sub/net", in_folder("relative")), 0);
    ck_assert_int_eq(symlink(in_folder("relative"), in_folder("absolute")), 0);
    ck_assert_int_eq(symlink("../file", in_folder("sub/up")), 0);
    ck_assert_int_eq(symlink("sub/up", in_folder("down")), 0);
    ck_assert_int_eq(ct_module_save(net(), in_folder("absolute")), CT_OK); /* to nothing yet */
    ino_t first = about(in_folder("sub/net")).st_ino;
    ck_assert_int_eq(ct_module_save(net(), in_folder("relative")), CT_OK);
    ck_assert(about(in_folder("sub/net")).st_ino != first); /* to a file, which is replaced */
    ck_assert_int_eq(ct_module_save(net(), in_folder("down")), CT_OK);
    ck_assert(S_ISREG(about(path).st_mode));
    const char *const links[] = { "relative", "absolute", "sub/up", "down" };
    for (int i = 0; i < 4; i++) {
        ck_assert(S_ISLNK(about(in_folder(links[i])).st_mode));
        unlink(in_folder(links[i]));
    }
    ck_assert_int_eq(symlink("loop", in_folder("loop")), 0);
    refused(in_folder("loop"), "cannot create");
    unlink(in_folder("loop"));
    unlink(in_folder("sub/net"));
    rmdir(in_folder("sub"));
    remove_folder();
}
END_TEST

START_TEST(mode_and_owner_are_kept)
{
    make_folder();
    mode_t mask = umask(027);
    ck_assert_int_eq(ct_module_save(net(), path), CT_OK);
    ck_assert_int_eq(about(path).st_mode & 07777, 0640); /* a new file's */
    umask(0);
    ck_assert_int_eq(ct_module_save(net(), path), CT_OK);
    ck_assert_int_eq(about(path).st_mode & 07777, 0640);
    ck_assert_int_eq(chmod(path, 0606), 0);
    bool other = chown(path, 1234, 4321) == 0; /* root may */
    ck_assert_int_eq(ct_module_save(net(), path), CT_OK);
    ck_assert_int_eq(about(path).st_mode & 07777, 0606);
    ck_assert_int_eq(about(path).st_uid, other ? 1234 : geteuid());
    ck_assert(!other || about(path).st_gid == 4321);
    umask(mask);
    remove_folder();
}
END_TEST

START_TEST(long_names)
{
    make_folder();
    char name[300];
    memset(name, 'n', sizeof name);
    name[255] = '\0';
    ck_assert_int_eq(ct_module_save(net(), in_folder(name)), CT_OK);
    ck_assert_int_eq(ct_module_save(net(), in_folder(name)), CT_OK);
    unlink(in_folder(name));
    for (int i = 0; i < 254; i += 2)
        memcpy(name + i, "\xc3\xa4", 2);
    ck_assert_int_eq(ct_module_save(net(), in_folder(name)), CT_OK);
    unlink(in_folder(name));
    name[255] = 'n', name[256] = '\0';
    ck_assert_int_eq(ct_module_save(net(), in_folder(name)), CT_ERROR_FILE);
    expect_error(CT_ERROR_FILE, "cannot create", NULL);
    char deep[5000];
    memset(deep, '/', sizeof deep);
    deep[sizeof deep - 1] = '\0';
    const char *const wrong[] = { "", "/", deep };
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(ct_module_save(net(), wrong[i]), CT_ERROR_FILE);
        expect_error(CT_ERROR_FILE, "cannot create", NULL);
    }
    remove_folder();
}
END_TEST

/* in a process of its own, in which a file may have 100 bytes: more is a signal, or an error */
static int save_too_much(bool killed)
{
    pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 100, 100 });
        signal(SIGXFSZ, killed ? SIG_DFL : SIG_IGN);
        ct_module_save(net(), path);
        _exit(strstr(ct_error_text(cx), "cannot write") ? 3 : 0);
    }
    return wait_for(child);
}

START_TEST(what_a_killed_save_left_is_removed)
{
    make_folder();
    ck_assert(WIFSIGNALED(save_too_much(true)));
    ck_assert_int_eq(files(), 1); /* a part */
    ck_assert(WIFSIGNALED(save_too_much(true)));
    ck_assert_int_eq(files(), 1); /* no second one */
    ck_assert_int_eq(ct_module_save(net(), path), CT_OK);
    ck_assert_int_eq(files(), 1); /* no part, but the file */
    remove_folder();
}
END_TEST

/* Descriptor 0 is one like any other, and through a link the part of another save gets it. */
START_TEST(a_program_without_standard_input_saves_too)
{
    make_folder();
    fclose(fopen(in_folder("file.ct-0.part"), "w"));
    ck_assert_int_eq(symlink("file", in_folder("link")), 0);
    int input = dup(0);
    close(0);
    ct_status status = ct_module_save(net(), in_folder("link"));
    ck_assert_int_eq(fcntl(0, F_GETFD), -1); /* it is closed again */
    if (input >= 0)
        dup2(input, 0), close(input);
    ck_assert_int_eq(status, CT_OK);
    unlink(in_folder("link"));
    ck_assert_int_eq(files(), 1);
    remove_folder();
}
END_TEST

START_TEST(a_save_that_fails_leaves_nothing)
{
    make_folder();
    write_file("old", 3);
    int status = save_too_much(false);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    ck_assert_int_eq(about(path).st_size, 3);
    ck_assert_int_eq(files(), 1);
    remove_folder();
}
END_TEST

START_TEST(parts_that_are_being_written_are_left_alone)
{
    make_folder();
    const char *part = in_folder("file.ct-0.part");
    FILE *other = fopen(part, "w");
    ck_assert_int_eq(flock(fileno(other), LOCK_EX), 0);
    ck_assert_int_eq(ct_module_save(net(), path), CT_OK);
    ck_assert_int_eq(files(), 2);
    ck_assert_int_eq(about(part).st_size, 0);
    fclose(other); /* its process has ended */
    ck_assert_int_eq(ct_module_save(net(), path), CT_OK);
    ck_assert_int_eq(files(), 1);
    remove_folder();
}
END_TEST

START_TEST(savers_side_by_side)
{
    enum { SAVERS = 6, SAVES = 60 };
    make_folder();
    ct_module *m = net();
    ck_assert_int_eq(ct_module_save(m, path), CT_OK);
    off_t size = about(path).st_size;
    for (int i = 0; i < SAVERS; i++)
        if (fork() == 0) {
            for (int k = 0; k < SAVES; k++)
                if (ct_module_save(m, path) != CT_OK || about(path).st_size != size)
                    _exit(1);
            _exit(0);
        }
    for (int i = 0, status; i < SAVERS; i++) {
        ck_assert_int_gt(wait(&status), 0);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    ck_assert_int_eq(files(), 1);
    remove_folder();
}
END_TEST

Suite *replace_suite(void);
Suite *replace_suite(void)
{
    return make_suite("autograd/replace", (const TTest *[]){
        what_is_no_regular_file_is_refused, links_are_followed, mode_and_owner_are_kept, long_names,
        what_a_killed_save_left_is_removed, a_program_without_standard_input_saves_too,
        a_save_that_fails_leaves_nothing, parts_that_are_being_written_are_left_alone, savers_side_by_side,
        NULL });
}
