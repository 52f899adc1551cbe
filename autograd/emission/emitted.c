/* The states of files that ct_program_emit wrote. */
#include "emitted.h"

#include <string.h>

#include "run.h"
#include "scope.h"

/* -- Making it: all memory is the context's */
static void *take(const ct__emitted *e, size_t bytes)
{
    return ct_object_new(e->cx, bytes + 1, NULL);
}

static bool make_place(ct__emitted *e, int i)
{
    const ct__emitted_place *p = &e->tables->places[i];
    e->at[i] = (char *)(uintptr_t)p->content;
    if (p->bytes < 0 || !p->written)
        return true;
    char *room = take(e, (size_t)p->bytes + 63);
    if (!room)
        return false;
    e->at[i] = room + (-(uintptr_t)room & 63);
    if (p->content)
        memcpy(e->at[i], p->content, (size_t)p->bytes);
    return true;
}

static bool make_header(ct__emitted *e, int i)
{
    const ct__emitted_header *from = &e->tables->headers[i];
    size_t dims = 2 * (size_t)from->ndim * sizeof(int64_t);
    ct_tensor *t = e->h[i] = take(e, sizeof *t + dims);
    if (!t)
        return false;
    t->cx = e->cx;
    t->count = from->count;
    t->dtype = from->dtype;
    t->ndim = from->ndim;
    t->flags = from->flags;
    t->mark = from->mark;
    t->buffer = from->place < 0 ? NULL : &e->buffer;
    memcpy(t->dims, from->dims, dims);
    return true;
}

static bool make_all(ct__emitted *e)
{
    const ct__emitted_tables *t = e->tables;
    e->at = take(e, (size_t)t->place_count * sizeof(char *));
    e->h = take(e, (size_t)t->header_count * sizeof(ct_tensor *));
    e->stream = take(e, (size_t)t->streams * sizeof *e->stream);
    e->vertex = take(e, sizeof *e->vertex);
    bool good = e->at && e->h && e->stream && e->vertex;
    for (int i = 0; i < t->place_count && good; i++)
        good = make_place(e, i);
    for (int i = 0; i < t->header_count && good; i++)
        good = make_header(e, i);
    if (good)
        e->vertex->mark = 1;
    return good;
}

ct__emitted *ct__emitted_new(const ct__emitted_tables *tables, int simd, int threads)
{
    ct_context *cx = ct_context_new(&(ct_context_options){ .seed = tables->seed,
                                                           .simd = (ct_simd)simd,
                                                           .threads = threads });
    ct__emitted *e = cx ? ct_object_new(cx, sizeof *e, NULL) : NULL;
    if (e) {
        e->cx = cx;
        e->tables = tables;
        e->buffer.refs = 1;
    }
    if (e && make_all(e)) {
        cx->recording = false;
        cx->draws = tables->draws;
        return e;
    }
    ct_context_free(cx);
    return NULL;
}

void ct__emitted_free(ct__emitted *e)
{
    if (e)
        ct_context_free(e->cx);
}

/* -- A run */
void ct__emitted_begin(ct__emitted *e)
{
    ct_error_clear(e->cx);
    for (int i = 0; i < e->tables->header_count; i++) {
        const ct__emitted_header *from = &e->tables->headers[i];
        e->h[i]->data = from->place < 0 ? (char *)(uintptr_t)from->offset
                                        : e->at[from->place] + from->offset;
    }
}

bool ct__emitted_call(ct__emitted *e, const ct_call *call, ct_tensor *const *gy,
                      ct_tensor *const *gx)
{
    ct_call c = *call;
    ct__scope scope;
    c.cx = e->cx;
    c.vertex = gx ? e->vertex : NULL;
    e->cx->writer = e->tables->who;
    ct__scope_push(e->cx, &scope);
    ct_status status = ct__run_kernel(&c, gy, gx);
    ct__scope_pop(e->cx, &scope);
    return status == CT_OK;
}

void ct__emitted_result(const ct__emitted *e, int header, void *y)
{
    ct__copy_out(y, e->h[header]);
}
