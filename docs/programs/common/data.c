/* Images of digits: from files, or drawn. */
#include "program.h"

#include <stdio.h>
#include <unistd.h>

#include "draw.h"

enum { TRAIN_IMAGES = 60000, CHUNK = 100, PATH_BYTES = 4096 };

/* -- Drawn */
typedef struct job {
    uint64_t seed;
    int64_t first, n;
    float *x;
    int64_t *labels;
} job;

static void draw_chunk(int64_t chunk, void *arg)
{
    const job *j = arg;
    for (int64_t k = chunk * CHUNK; k < j->n && k < (chunk + 1) * CHUNK; k++) {
        draw_digit(j->seed, j->first + k, j->x + k * PIXELS);
        j->labels[k] = (j->first + k) % CLASSES;
    }
}

static bool draw(images *set, ct_context *cx, uint64_t seed, int64_t first, int64_t n)
{
    set->x = ct_empty(cx, CT_F32, CT_SHAPE(n, PIXELS));
    set->labels = ct_empty(cx, CT_I64, CT_SHAPE(n));
    job j = { seed, first, n, ct_data_mutable(set->x), ct_data_mutable(set->labels) };
    if (!j.x || !j.labels)
        return false;
    ct_parallel_for(cx, (n + CHUNK - 1) / CHUNK, draw_chunk, &j);
    return true;
}

/* -- From files */
/* FOLDER/name, FOLDER/name.gz, or either in FOLDER/mnist */
static bool find(char *path, const char *folder, const char *name)
{
    static const char *const places[] = { "", "mnist/" }, *const endings[] = { "", ".gz" };
    for (int i = 0; i < 4; i++) {
        int length = snprintf(path, PATH_BYTES, "%s/%s%s%s", folder, places[i / 2], name,
                              endings[i % 2]);
        if (length < PATH_BYTES && access(path, R_OK) == 0)
            return true;
    }
    return false;
}

/* at most n rows of a file; NULL on failure */
static ct_tensor *read_rows(ct_context *cx, const char *folder, const char *name, ct_dtype dtype,
                            int64_t n)
{
    char path[PATH_BYTES];
    if (!find(path, folder, name)) {
        ct_fail(cx, CT_ERROR_FILE, "%s has no file %s (nor %s.gz)", folder, name, name);
        return NULL;
    }
    ct_tensor *x = ct_read_idx(cx, path, dtype, NULL);
    if (x && ct_ndim(x) > 0 && ct_size(x, 0) < n)
        n = ct_size(x, 0);
    return ct_slice(x, 0, 0, n, 1);
}

/* `part` is "train" or "t10k", as in the files' names */
static bool load(images *set, ct_context *cx, const char *folder, const char *part, int64_t n)
{
    char name[64];
    ct_scope scope = ct_scope_begin(cx);
    snprintf(name, sizeof name, "%s-images-idx3-ubyte", part);
    ct_tensor *x = read_rows(cx, folder, name, CT_F32, n);
    if (x && (ct_ndim(x) != 3 || ct_size(x, 1) != SIDE || ct_size(x, 2) != SIDE))
        ct_fail(cx, CT_ERROR_SHAPE, "%s/%s: its images are not %d x %d", folder, name, SIDE, SIDE);
    if (x && ct_size(x, 0) == 0)
        ct_fail(cx, CT_ERROR_SHAPE, "%s/%s: it holds no image", folder, name);
    x = ct_reshape(ct_scale(x, 1.0 / 255), CT_SHAPE(-1, PIXELS));
    set->x = ct_scope_return(cx, scope, x);

    snprintf(name, sizeof name, "%s-labels-idx1-ubyte", part);
    set->labels = read_rows(cx, folder, name, CT_I64, n);
    if (set->x && set->labels && (ct_ndim(set->labels) != 1
                                  || ct_size(set->labels, 0) != ct_size(set->x, 0)))
        ct_fail(cx, CT_ERROR_SHAPE, "%s/%s: not one label for each image", folder, name);
    return !ct_error(cx);
}

bool program_digits(program *p, int64_t train, int64_t test, images *learn, images *other)
{
    uint64_t seed = (uint64_t)p->seed;
    double start = seconds_now();
    bool done = p->data ? load(learn, p->cx, p->data, "train", train)
                              && load(other, p->cx, p->data, "t10k", test)
                        : draw(learn, p->cx, seed, 0, train)
                              && draw(other, p->cx, seed, TRAIN_IMAGES, test);
    if (!done || ct_error(p->cx)) {
        *learn = *other = (images){ NULL, NULL };
        return false;
    }
    const char *source = p->data ? p->data
                                 : program_words(p, "digits drawn from seed %d", p->seed);
    long long n = (long long)ct_size(learn->x, 0), m = (long long)ct_size(other->x, 0);
    program_say(p, "%s: %lld images to learn from, %lld to be tested on%s", source, n, m,
                p->tiny ? "" : program_words(p, " (%.1f s)", seconds_now() - start));
    report_setting(p, "images", "%s: %lld to learn from, %lld to be tested on", source, n, m);
    return true;
}
