/* Batches. Each epoch draws the order of the rows, and a key from which the transforms of each row
 * draw; both on the caller's thread. A batch is then made in plain memory: from where its rows lie
 * to the tensor in which they are given out. So another thread can make it, with the same bits.
 *
 * There are tensors for full batches and one for the last of an epoch, which may be shorter. With a
 * thread there are two for full batches: one that the caller has, and one for the next batch. */
#include <cotangent/program.h>
#include <string.h>

#include "batches.h"
#include "checks.h"
#include "order.h"
#include "runner.h"
#include "transforms.h"

enum { SHORT = 2, TENSORS = 3 };

typedef struct rows {
    ct_tensor *all;     /* contiguous */
    ct_tensor *out[TENSORS];
    ct_dtype dtype;
    size_t bytes;       /* of one row */
} rows;

/* a batch: what is read and written while it is made */
typedef struct job {
    int64_t at, n;      /* its rows are at ... at + n - 1 of the epoch */
    const char *x_from, *y_from;
    char *x_to, *y_to;  /* y: NULL where there are no targets */
    uint64_t key;       /* of the epoch */
    int64_t failed;     /* the row for which `each` failed, or -1 */
} job;

struct ct_batches {
    ct_context *cx;
    rows x, y;          /* y.all is NULL where there are no targets */
    int64_t size, at;
    ct_stream stream;   /* where the random stream was when the epoch began */
    ct_stream own;      /* with ranks: the stream for orders */
    uint64_t key;
    ct_batches_options options;
    ct__order order;
    ct__transforms *transforms;
    void *room;         /* of the transforms */
    job job;
    bool begun;         /* the job was handed to the thread */
    ct__runner *runner; /* NULL: there is to be no thread. The newest object of all */
};

static void finish(void *object)
{
    ct_batches *b = object;
    rows *both[] = { &b->x, &b->y };
    for (int i = 0; i < 2; i++) {
        ct_release(both[i]->all);
        for (int k = 0; k < TENSORS; k++)
            ct_release(both[i]->out[k]);
    }
}

static bool is_alive(const ct_batches *b, const char *who)
{
    return ct_object_alive(b, finish, who);
}

void ct_batches_free(ct_batches *b)
{
    if (!is_alive(b, "batches_free"))
        return;
    ct_object_free(b->runner); /* first: it may be at work */
    ct_object_free(b->room);
    ct_object_free(b->transforms);
    ct__order_free(&b->order);
    ct_object_free(b);
}

/* -- Making a batch, in plain memory */
static void make_row(const ct_batches *b, const job *j, int64_t i, bool *good)
{
    const ct__transforms *t = b->transforms;
    const size_t out = (size_t)t->out * ct_dtype_size(t->dtype);
    const int64_t row = b->order.rows[j->at + i];
    char *x = j->x_to + (size_t)i * out, *y = j->y_to ? j->y_to + (size_t)i * b->y.bytes : NULL;
    ct__draws draws = ct__draws_of(j->key, (uint64_t)(j->at + i));
    ct__transforms_run(t, j->x_from + (size_t)row * b->x.bytes, x, b->room, &draws);
    if (y)
        memcpy(y, j->y_from + (size_t)row * b->y.bytes, b->y.bytes);
    if (b->options.each)
        *good = b->options.each(&(ct_example){ x, y, row, ct__draw(&draws) }, b->options.user);
}

static void make(void *batches)
{
    ct_batches *b = batches;
    job *j = &b->job;
    const ct__transforms *t = b->transforms;
    j->failed = -1;
    for (int64_t i = 0; i < j->n && j->failed < 0; i++) {
        bool good = true;
        make_row(b, j, i, &good);
        j->failed = good ? -1 : b->order.rows[j->at + i];
    }
    if (t->alpha == 0 || j->failed >= 0 || j->n == 0)
        return;
    ct__draws draws = ct__draws_of(~j->key, (uint64_t)j->at); /* of no row */
    double share = ct__draw_beta(&draws, t->alpha);
    ct__mix(t->dtype, j->x_to, j->n, t->out, share, b->room);
    if (j->y_to)
        ct__mix(b->y.dtype, j->y_to, j->n, (int64_t)(b->y.bytes / ct_dtype_size(b->y.dtype)), share,
                b->room);
}

/* -- Making the object */
static size_t row_bytes(const ct_tensor *x)
{
    int64_t rows = ct_size(x, 0);
    return rows > 0 ? ct_dtype_size(ct_dtype_of(x)) * (size_t)(ct_count(x) / rows) : 0;
}

static bool keep_rows(rows *r, ct_tensor *x)
{
    ct_tensor *all = ct_contiguous(x);
    if (!all || ct_keep(&r->all, all) != CT_OK)
        return false;
    r->dtype = ct_dtype_of(all);
    r->bytes = row_bytes(all);
    return true;
}

/* the tensor that is `which` of those given out; NULL and an error */
static ct_tensor *tensor_for(ct_batches *b, rows *r, int which, int64_t n)
{
    ct_tensor **out = &r->out[which];
    if (*out)
        return *out;
    int64_t shape[CT_MAX_DIMS] = { n };
    for (int i = 1; i < ct_ndim(r->all); i++)
        shape[i] = ct_size(r->all, i);
    if (r == &b->x)
        ct__transforms_shape(b->transforms, r->all, n, shape);
    ct_scope scope = ct_scope_begin(b->cx);
    if (!scope)
        return NULL;
    *out = ct_retain(ct_empty(b->cx, ct_dtype_of(r->all), shape, ct_ndim(r->all)));
    ct_scope_end(b->cx, scope);
    return *out;
}

static bool fits(ct_context *cx, const ct_tensor *x, const ct_tensor *y)
{
    char a[CT_SHAPE_TEXT], b[CT_SHAPE_TEXT];
    if (y && ct_context_of(y) != cx)
        ct_fail(cx, CT_ERROR_CONTEXT, "batches_new: x and y must be of one context");
    else if (ct_ndim(x) < 1 || (y && ct_ndim(y) < 1))
        ct_fail(cx, CT_ERROR_SHAPE, "batches_new: x and y must have rows; a 0-d tensor has none");
    else if (y && ct_size(x, 0) != ct_size(y, 0))
        ct_fail(cx, CT_ERROR_SHAPE, "batches_new: x and y must have the same number of rows, got "
                "%s and %s", ct_shape_text(x, a), ct_shape_text(y, b));
    else if (ct_requires_grad(x) || (y && ct_requires_grad(y)))
        ct_fail(cx, CT_ERROR_GRAPH,
                "batches_new: x or y requires grad, and must not: rows are copied unrecorded");
    else
        return true;
    return false;
}

static bool rank_fits(ct_context *cx, const ct_batches_options *o)
{
    if (o->ranks == 0 ? o->rank == 0 : o->rank >= 0 && o->rank < o->ranks)
        return true;
    ct_fail(cx, CT_ERROR_RANGE, "batches_new: there can be no rank %d of %d", o->rank, o->ranks);
    return false;
}

static bool size_fits(ct_context *cx, int64_t count, int64_t size, bool drop_last)
{
    if (size >= 1 && count >= 1 && (!drop_last || size <= count))
        return true;
    ct_fail(cx, CT_ERROR_RANGE, "batches_new: there must be one batch or more: %lld rows, batches "
            "of %lld%s", (long long)count, (long long)size,
            drop_last ? ", and a short last one is dropped" : "");
    return false;
}

/* the larger of two pictures and a row of targets */
static size_t room_bytes(const ct_batches *b)
{
    size_t pictures = 2 * (size_t)b->transforms->most * ct_dtype_size(b->transforms->dtype);
    return b->options.count == 0 ? 0 : pictures > b->y.bytes ? pictures : b->y.bytes;
}

/* the thread comes last, when all is there that it uses */
static bool fill(ct_batches *b, ct_tensor *x, ct_tensor *y)
{
    const char *who = "batches_new";
    const ct_batches_options *o = &b->options;
    if (!keep_rows(&b->x, x) || (y && !keep_rows(&b->y, y)) ||
        !ct__order_make(&b->order, who, b->cx, ct_size(x, 0), o) ||
        !size_fits(b->cx, b->order.count, b->size, o->drop_last))
        return false;
    b->transforms = ct__transforms_new(who, b->x.all, y, o->transforms, o->count);
    b->room = b->transforms ? ct_object_new(b->cx, room_bytes(b), NULL) : NULL;
    if (!b->room || !o->ahead)
        return b->room != NULL;
    b->runner = ct__runner_new(b->cx, make, b);
    return b->runner != NULL;
}

ct_batches *ct_batches_new(ct_tensor *x, ct_tensor *y, int64_t size,
                           const ct_batches_options *options)
{
    const ct_batches_options o = options ? *options : (ct_batches_options){ 0 };
    if (!ct__none_stale("batches_new", (const ct_tensor *const[]){ x, y, o.rows, o.weights }, 4))
        return NULL;
    ct_context *cx = ct_context_of(x ? x : y);
    if (!x)
        return ct_fail(cx, CT_ERROR_NULL, "batches_new: x is NULL"), NULL;
    if ((!y || options) && ct_error(cx)) /* while an error is pending, a NULL has failed */
        return NULL;
    if (!fits(cx, x, y) || !rank_fits(cx, &o) ||
        !ct__options_zeroed(cx, "batches_new", o.reserved))
        return NULL;
    ct_scope scope = ct_scope_begin(cx);
    if (!scope)
        return NULL;
    ct_batches *b = ct_object_new(cx, sizeof *b, finish);
    if (b) {
        b->cx = cx;
        b->size = size;
        b->options = o;
        b->own = (ct_stream){ ct__mixed(o.seed), 0 };
        if (!fill(b, x, y)) {
            ct_batches_free(b);
            b = NULL;
        }
    }
    ct_scope_end(cx, scope);
    return b;
}

/* -- Giving batches out */
static void begin_epoch(ct_batches *b)
{
    const ct_stream others = ct_random_stream(b->cx);
    if (b->options.ranks > 0)
        ct_random_resume(b->cx, b->own);
    b->stream = ct_random_stream(b->cx);
    ct__order_draw(&b->order, b->cx, b->options.in_order);
    if (b->transforms->random || b->options.each)
        b->key = ct_random_u64(b->cx);
    if (b->options.ranks == 0)
        return;
    b->own = ct_random_stream(b->cx);
    ct_random_resume(b->cx, others);
}

static int64_t rows_at(const ct_batches *b, int64_t at)
{
    int64_t left = b->order.count - at, n = left < b->size ? left : b->size;
    return b->options.drop_last && n < b->size ? 0 : n;
}

/* full batches take turns if there is a thread */
static int which(const ct_batches *b, int64_t at)
{
    bool second = b->runner && at / b->size % 2 == 1;
    return b->order.count - at < b->size ? SHORT : second;
}

/* the job of the batch at that place, or of this rank's part of it, which writes to tensors of its
   own; false and an error */
static bool set_job(ct_batches *b, int64_t at)
{
    const int64_t all = rows_at(b, at), rank = b->options.rank;
    const int turn = which(b, at);
    const int64_t ranks = b->options.ranks > 0 ? b->options.ranks : 1;
    const int64_t first = all * rank / ranks, n = all * (rank + 1) / ranks - first;
    ct_tensor *x = tensor_for(b, &b->x, turn, n), *y = NULL;
    job j = { .at = at + first, .n = n, .key = b->key, .x_from = ct_data(b->x.all) };
    j.x_to = ct_data_mutable(x);
    if (b->y.all) {
        y = tensor_for(b, &b->y, turn, n);
        j.y_from = ct_data(b->y.all);
        j.y_to = ct_data_mutable(y);
    }
    b->job = j;
    return j.x_from && j.x_to && (!b->y.all || (j.y_from && j.y_to));
}

/* the batch at b->at is in its tensors; false and an error */
static bool prepare(ct_batches *b)
{
    if (b->begun)
        ct__runner_wait(b->runner);
    else if (!set_job(b, b->at))
        return false;
    else
        make(b);
    b->begun = false;
    if (b->job.failed < 0)
        return true;
    ct_fail(b->cx, CT_ERROR_CALLBACK, "batches_next: `each` failed for row %lld",
            (long long)b->job.failed);
    return false;
}

/* hands the next batch of the epoch to the thread; false and an error */
static bool look_ahead(ct_batches *b, int64_t at)
{
    if (!b->runner || rows_at(b, at) == 0)
        return true;
    if (!set_job(b, at))
        return false;
    b->begun = true;
    ct__runner_begin(b->runner);
    return true;
}

bool ct_batches_next(ct_batches *b, ct_tensor **x, ct_tensor **y)
{
    bool given = false;
    int turn = 0;
    if (is_alive(b, "batches_next") && !ct_error(b->cx)) {
        ct_call_once(b->cx, "batches_next");
        if (b->at == 0)
            begin_epoch(b);
        int64_t n = rows_at(b, b->at);
        turn = which(b, b->at);
        given = n > 0 && prepare(b) && look_ahead(b, b->at + n);
        b->at = given ? b->at + n : n == 0 ? 0 : b->at;
    }
    if (x)
        *x = given ? b->x.out[turn] : NULL;
    if (y)
        *y = given ? b->y.out[turn] : NULL;
    return given;
}

/* -- The place in the epoch */
ct__place ct__batches_place(const ct_batches *b)
{
    const bool next = b->options.ranks > 0 && b->at == 0; /* their stream is kept by nobody else */
    return (ct__place){ b->at, b->order.count, next ? b->own : b->stream };
}

void ct__batches_resume(ct_batches *b, const ct__place *place)
{
    if (b->begun)
        ct__runner_wait(b->runner);
    b->begun = false;
    if (b->options.ranks > 0)
        b->own = place->stream;
    else
        ct_random_resume(b->cx, place->stream);
    if (place->at > 0)
        begin_epoch(b);
    b->at = place->at;
}

bool ct__batches_alive(const ct_batches *b, const char *who)
{
    return is_alive(b, who);
}

ct_context *ct__batches_context(const ct_batches *b)
{
    return b->cx;
}

int64_t ct_batches_count(const ct_batches *b)
{
    if (!is_alive(b, "batches_count"))
        return -1;
    return b->options.drop_last ? b->order.count / b->size : (b->order.count - 1) / b->size + 1;
}
