/* Replacing a file in one step.
 *
 * The new file is called "NAME.ct-0.part", or with the next number that is free, and locked (flock)
 * as long as it is written. The system gives the lock up when a process ends, however it ends. So a
 * file of such a name that is not locked was left by a save that was killed, and the next one
 * removes it.
 *
 * Two processes may look at one file at the same time. Therefore a lock counts only if, after it
 * was taken, the name still belongs to the file that is locked; and a file that somebody else locks
 * right after it was made is left to him, who will remove it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "replace.h"

enum { LINKS = 40, PARTS = 32, PATH = 4096 };

/* -- The file to be replaced */
/* splits path, which is cut, into r->folder and r->name; a relative one starts from r->folder */
static bool split(ct__replacement *r, char *path)
{
    char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    size_t length = strlen(name);
    if (length == 0 || length >= sizeof r->name) {
        errno = length > 0 ? ENAMETOOLONG : slash ? EISDIR : ENOENT;
        return false;
    }
    memcpy(r->name, name, length + 1);
    if (slash)
        slash[1] = '\0';
    int folder = openat(r->folder, slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return false;
    if (r->folder != AT_FDCWD)
        close(r->folder);
    r->folder = folder;
    return true;
}

/* follows symbolic links, the last of which may point to nothing yet */
static bool follow(ct__replacement *r)
{
    char path[PATH];
    size_t length = strlen(r->file.path);
    if (length >= sizeof path)
        return errno = ENAMETOOLONG, false;
    memcpy(path, r->file.path, length + 1);
    for (int links = 0; links < LINKS; links++) {
        if (!split(r, path))
            return false;
        ssize_t n = readlinkat(r->folder, r->name, path, sizeof path - 1);
        if (n < 0)
            return errno == EINVAL || errno == ENOENT; /* it is no link, or there is nothing */
        path[n] = '\0';
    }
    return errno = ELOOP, false;
}

/* -- The new file */
/* r->part becomes the i-th name, which is r->name, cut between two characters of UTF-8 if it is too
   long, and a suffix */
static void name_part(ct__replacement *r, int i)
{
    char suffix[24];
    size_t most = CT__NAME - 1 - (size_t)snprintf(suffix, sizeof suffix, ".ct-%d.part", i);
    size_t length = strlen(r->name);
    if (length > most)
        length = most;
    while (length > 0 && (r->name[length] & 0xc0) == 0x80)
        length--;
    memcpy(r->part, r->name, length);
    memcpy(r->part + length, suffix, strlen(suffix) + 1);
}

static bool is_part(const ct__replacement *r, int descriptor)
{
    struct stat a, b;
    return fstat(descriptor, &a) == 0 && S_ISREG(a.st_mode) &&
           fstatat(r->folder, r->part, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

static void remove_if_stale(const ct__replacement *r)
{
    int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    int descriptor = openat(r->folder, r->part, flags);
    if (descriptor < 0)
        return;
    if (flock(descriptor, LOCK_EX | LOCK_NB) == 0 && is_part(r, descriptor))
        unlinkat(r->folder, r->part, 0);
    close(descriptor);
}

static ct_status create(ct__replacement *r, mode_t mode)
{
    for (int i = 0; i < PARTS; i++) {
        name_part(r, i);
        remove_if_stale(r);
    }
    for (int i = 0; i < PARTS; i++) {
        name_part(r, i);
        int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
        int descriptor = openat(r->folder, r->part, flags, mode);
        if (descriptor < 0 && errno != EEXIST && errno != EINTR)
            return ct__file_errno(&r->file, "create");
        if (descriptor < 0)
            continue;
        bool taken = flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
        if (!taken && is_part(r, descriptor)) { /* some file systems have no locks */
            r->file.descriptor = descriptor;
            return CT_OK;
        }
        close(descriptor);
    }
    return ct__file_fail(&r->file, CT_ERROR_FILE, "cannot create: %d others are replacing it",
                         PARTS);
}

/* if the group cannot be kept, another one does not get its rights */
static void take_owner_and_mode(int descriptor, const struct stat *old)
{
    bool owner = fchown(descriptor, old->st_uid, old->st_gid) == 0;
    bool group = owner || fchown(descriptor, (uid_t)-1, old->st_gid) == 0;
    (void)fchmod(descriptor, old->st_mode & (group ? 0777 : 0707));
}

static ct_status begin(ct__replacement *r)
{
    struct stat old;
    if (!follow(r))
        return ct__file_errno(&r->file, "create");
    bool exists = fstatat(r->folder, r->name, &old, AT_SYMLINK_NOFOLLOW) == 0;
    ct_status status = exists ? ct__file_regular(&r->file, &old, "replace") : CT_OK;
    if (status == CT_OK)
        status = create(r, exists ? 0600 : 0666);
    if (status == CT_OK && exists)
        take_owner_and_mode(r->file.descriptor, &old);
    return status;
}

ct_status ct__replace_begin(ct__replacement *r)
{
    r->folder = AT_FDCWD;
    ct_status status = begin(r);
    if (status != CT_OK && r->folder != AT_FDCWD)
        close(r->folder);
    return status;
}

void ct__replace_like(const ct__replacement *r, int descriptor)
{
    struct stat about;
    if (fstat(r->file.descriptor, &about) == 0)
        take_owner_and_mode(descriptor, &about);
}

ct_status ct__replace_end(ct__replacement *r, ct_status status)
{
    int descriptor = r->file.descriptor;
    if (status == CT_OK && fsync(descriptor) != 0 && errno != EINVAL) /* some cannot */
        status = ct__file_errno(&r->file, "write");
    if (status == CT_OK && renameat(r->folder, r->part, r->folder, r->name) != 0)
        status = ct__file_errno(&r->file, "replace");
    if (status != CT_OK)
        unlinkat(r->folder, r->part, 0);
    close(descriptor); /* after fsync there is nothing left that could fail; the lock goes now */
    close(r->folder);
    return status;
}
