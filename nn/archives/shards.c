/* Writing safetensors into several files, and an index of them; archive.h says how they are called.
 * No file that an index may name already is written to. So until the new index takes the place of
 * the old one, readers find all that the old one names. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "replace.h"
#include "tensors.h"

#define INDEX ".safetensors.index.json"

enum { MOST = 99999, GENERATIONS = 32, MORE = 64 };

typedef struct shards {
    const ct__tensors *t;
    DIR *folder;
    const char *index;  /* its name in the folder; `stem` bytes of it are before INDEX */
    int stem;
    char *path, *name;  /* of the file that is written, an object; the path ends with the name */
    int count;          /* of files */
    int generation;     /* 0, or the number behind ".ct-" */
} shards;

/* -- Which tensors are in which file */
/* the tensor behind the last one of a file that begins with `first` */
static int end_of(const ct__tensors *t, int first)
{
    int end = first + 1;
    int64_t left = t->shard_bytes - ct__tensor_bytes(t->all[first].x);
    for (; end < t->n && ct__tensor_bytes(t->all[end].x) <= left; end++)
        left -= ct__tensor_bytes(t->all[end].x);
    return end;
}

static int count_files(const ct__tensors *t)
{
    int count = 0;
    for (int first = 0; first < t->n; first = end_of(t, first))
        count++;
    return count;
}

/* -- Names */
static void put_name(const shards *s, char *name, int generation, int i, int count)
{
    char mark[16] = "";
    if (generation > 0)
        snprintf(mark, sizeof mark, ".ct-%d", generation);
    snprintf(name, CT__NAME + MORE, "%.*s%s-%05d-of-%05d.safetensors", s->stem, s->index, mark, i,
             count);
}

/* the generation of a file of this index; -1: it is none */
static int generation_of(const shards *s, const char *name)
{
    char same[CT__NAME + MORE];
    int generation = 0, i, count;
    if (strncmp(name, s->index, (size_t)s->stem) != 0)
        return -1;
    const char *rest = name + s->stem;
    if (sscanf(rest, ".ct-%9d-%9d-of-%9d", &generation, &i, &count) != 3 &&
        sscanf(rest, "-%9d-of-%9d", &i, &count) != 2)
        return -1;
    put_name(s, same, generation, i, count);
    return strcmp(name, same) == 0 ? generation : -1;
}

/* the lowest generation of which there are no files; GENERATIONS: there are of all */
static int free_generation(const shards *s)
{
    bool taken[GENERATIONS] = { false };
    int generation = 0;
    rewinddir(s->folder);
    for (const struct dirent *one; (one = readdir(s->folder));) {
        int g = generation_of(s, one->d_name);
        if (g >= 0 && g < GENERATIONS)
            taken[g] = true;
    }
    while (generation < GENERATIONS && taken[generation])
        generation++;
    return generation;
}

/* removes the files of this generation, or those of all others */
static void sweep(const shards *s, bool own)
{
    rewinddir(s->folder);
    for (const struct dirent *one; (one = readdir(s->folder));) {
        int g = generation_of(s, one->d_name);
        if (g >= 0 && (g == s->generation) == own)
            unlinkat(dirfd(s->folder), one->d_name, 0);
    }
}

/* -- Beginning and end */
static ct_status bad_path(const ct__tensors *t, const char *why)
{
    return ct_fail(t->cx, CT_ERROR_VALUE, "%s: %.300s: %s", t->who, t->path, why);
}

static ct_status begin(shards *s)
{
    const ct__tensors *t = s->t;
    const char *slash = strrchr(t->path, '/');
    size_t folder = slash ? (size_t)(slash - t->path) + 1 : 0, n = strlen(t->path) - folder;
    const size_t suffix = sizeof INDEX - 1;
    s->index = t->path + folder;
    if (n <= suffix || n >= CT__NAME || strcmp(s->index + n - suffix, INDEX) != 0)
        return bad_path(t, "with shard_bytes, a path is NAME" INDEX);
    if (!ct__is_utf8(s->index) || strchr(s->index, '\\'))
        return bad_path(t, "an index cannot name files that are not UTF-8 or have a backslash");
    s->stem = (int)(n - suffix);
    s->count = count_files(t);
    if (s->count == 0 || s->count > MOST)
        return bad_path(t, s->count == 0 ? "there is no tensor for an index"
                                         : "more than 99999 files");
    s->path = ct_object_new(t->cx, folder + CT__NAME + MORE, NULL);
    if (!s->path)
        return ct_error(t->cx);
    s->name = s->path + folder;
    memcpy(s->path, folder > 0 ? t->path : ".", folder > 0 ? folder : 1);
    s->folder = opendir(s->path);
    const ct__file f = { .cx = t->cx, .who = t->who, .path = t->path };
    if (!s->folder)
        return ct__file_errno(&f, "create");
    s->generation = free_generation(s);
    if (s->generation < GENERATIONS)
        return CT_OK;
    return ct__file_fail(&f, CT_ERROR_FILE, "cannot create: files of %d saves are there",
                         GENERATIONS);
}

static void end(shards *s)
{
    if (s->folder)
        closedir(s->folder);
    ct_object_free(s->path);
}

/* -- Writing */
static ct_status write_shard(const shards *s, const ct__replacement *r, const ct__tensors *part)
{
    ct__file f = { .cx = part->cx, .who = part->who, .path = s->path };
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    do
        f.descriptor = openat(dirfd(s->folder), s->name, flags, 0666);
    while (f.descriptor < 0 && errno == EINTR);
    if (f.descriptor < 0)
        return ct__file_errno(&f, "create");
    ct__replace_like(r, f.descriptor);
    ct_status status = ct__tensors_write_to(&f, part);
    if (status == CT_OK && fsync(f.descriptor) != 0 && errno != EINVAL) /* some cannot */
        status = ct__file_errno(&f, "write");
    close(f.descriptor);
    return status;
}

static void put_index(const shards *s, ct__page *page)
{
    const ct__tensors *t = s->t;
    int64_t bytes = 0;
    for (int k = 0; k < t->n; k++)
        bytes += ct__tensor_bytes(t->all[k].x);
    ct__put(page, "{\"metadata\":{\"total_size\":%lld},\"weight_map\":{", (long long)bytes);
    for (int first = 0, i = 1; first < t->n; i++) {
        put_name(s, s->name, s->generation, i, s->count);
        for (int last = end_of(t, first); first < last; first++) {
            ct__put(page, first > 0 ? "," : "");
            ct__put_json(page, t->all[first].name);
            ct__put(page, ":");
            ct__put_json(page, s->name);
        }
    }
    ct__put(page, "}}\n");
}

static ct_status write_index(const shards *s, const ct__file *f)
{
    ct__page page = { NULL, 0, 0 };
    put_index(s, &page);
    size_t length = page.used;
    char *text = ct_object_new(s->t->cx, length + 1, NULL);
    if (!text)
        return ct_error(s->t->cx);
    page = (ct__page){ text, length + 1, 0 };
    put_index(s, &page);
    ct_status status = ct__file_write(f, text, (int64_t)length);
    ct_object_free(text);
    return status;
}

static ct_status write_all(const shards *s, const ct__replacement *r)
{
    ct__tensors part = *s->t;
    ct_status status = CT_OK;
    int first = 0;
    for (int i = 1; i <= s->count && status == CT_OK; i++, first += part.n) {
        part.all = s->t->all + first;
        part.n = end_of(s->t, first) - first;
        put_name(s, s->name, s->generation, i, s->count);
        status = write_shard(s, r, &part);
    }
    if (status == CT_OK && fsync(dirfd(s->folder)) != 0 && errno != EINVAL) /* the names, too */
        status = ct__file_errno(&r->file, "write");
    return status == CT_OK ? write_index(s, &r->file) : status;
}

ct_status ct__shards_write(const ct__tensors *t)
{
    shards s = { .t = t };
    ct__replacement r = { .file = { .cx = t->cx, .who = t->who, .path = t->path } };
    ct_status status = begin(&s);
    if (status == CT_OK)
        status = ct__replace_begin(&r);
    if (status == CT_OK) {
        status = ct__replace_end(&r, write_all(&s, &r));
        sweep(&s, status != CT_OK);
    }
    end(&s);
    return status;
}
