/* Files that a test writes, in a folder of its own. */
#ifndef TESTS_NN_FILES_H
#define TESTS_NN_FILES_H
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

static char folder[256], path[300];

static inline void make_folder(void)
{
    const char *place = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/cotangent-test-XXXXXX", place ? place : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
}

/* folder/name; two of them may be used at a time */
static inline const char *in_folder(const char *name)
{
    static char all[2][600];
    static int next;
    next = !next;
    snprintf(all[next], sizeof all[next], "%s/%s", folder, name);
    return all[next];
}

static inline int files_in_folder(void)
{
    int n = 0;
    DIR *all = opendir(folder);
    for (struct dirent *one; (one = readdir(all));)
        n += one->d_name[0] != '.';
    closedir(all);
    return n;
}

static inline void remove_folder(void)
{
    unlink(path);
    ck_assert_msg(rmdir(folder) == 0, "something was left in %s", folder);
}

static inline void write_file_as(const char *name, const void *bytes, size_t n)
{
    unlink(in_folder(name)); /* some file systems write what replaces a file to the disk at once */
    FILE *f = fopen(in_folder(name), "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
}

static inline void write_file(const void *bytes, size_t n)
{
    write_file_as("file", bytes, n);
}
#endif
