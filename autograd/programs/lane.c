/* Kernels as steps of their own. Where an operator says CT_OP_KERNELS, what it calls ct_loop_kernel
 * with is put down, and becomes steps of a function, its argument, and addresses. An operand that
 * has not y's layout is first gathered into a buffer that has; a sum with what was there is a
 * second kernel. */
#include <string.h>

#include "programs.h"

/* How an operand lies: runs of the last axis, at most CT_MAX_DIMS axes. */
typedef struct ct__operand_layout {
    int ndim;
    uint32_t size;
    int64_t axes[]; /* the shape, and then the strides, in elements */
} layout;

/* -- Gathering */
/* n times the same number */
static inline void repeat(char *y, const char *x, int64_t n, size_t size)
{
    char many[32];
    int64_t bytes = n * (int64_t)size;
    for (size_t i = 0; i < sizeof many; i += size)
        memcpy(many + i, x, size);
    for (; bytes >= (int64_t)sizeof many; bytes -= (int64_t)sizeof many, y += sizeof many)
        memcpy(y, many, sizeof many);
    for (; bytes > 0; bytes -= (int64_t)size, y += size)
        memcpy(y, many, size);
}

static inline void copy_run(char *y, const char *x, int64_t n, int64_t stride, uint32_t size)
{
    if (stride == 0 && size == 4)
        repeat(y, x, n, 4);
    else if (stride == 0)
        repeat(y, x, n, 8);
    else if (size == 4)
        ct__copy_row(y, x, n, 4 * stride, 4);
    else
        ct__copy_row(y, x, n, 8 * stride, 8);
}

void ct__gather_from(int64_t at, int64_t n, void *y, const void *x, const void *arg)
{
    const layout *l = arg;
    const int64_t *shape = l->axes, *stride = shape + l->ndim;
    int64_t index[CT_MAX_DIMS], offset = 0;
    int last = l->ndim - 1;
    for (int d = last; d >= 0 && n > 0; at /= shape[d], d--) { /* else a size may be 0 */
        index[d] = d > 0 ? at % shape[d] : at;
        offset += index[d] * stride[d];
    }
    for (char *to = y; n > 0;) {
        int64_t rest = shape[last] - index[last], run = rest < n ? rest : n;
        copy_run(to, (const char *)x + offset * l->size, run, stride[last], l->size);
        to += run * l->size;
        n -= run;
        offset -= index[last] * stride[last];
        index[last] = 0;
        for (int d = last - 1; d >= 0; d--) { /* the next run */
            offset += stride[d];
            if (++index[d] < shape[d])
                break;
            offset -= index[d] * stride[d];
            index[d] = 0;
        }
    }
}

void ct__gather(int64_t n, void *y, void *const *in, const void *arg)
{
    const layout *l = arg;
    int64_t row = l->axes[l->ndim - 1]; /* elements that are no repetition yet */
    if (l->ndim == 1) {
        copy_run(y, in[0], n, l->axes[1], l->size);
    } else if (l->ndim == 2 && l->axes[2] == 0 && n > 0) { /* one row, many times */
        copy_run(y, in[0], row, l->axes[3], l->size);
        for (int64_t more; row < n; row += more) {
            more = n - row < row ? n - row : row;
            memcpy((char *)y + row * l->size, y, (size_t)(more * l->size));
        }
    } else {
        ct__gather_from(0, n, y, in[0], arg);
    }
}

size_t ct__gather_bytes(const void *arg)
{
    const layout *l = arg;
    return sizeof *l + 2 * (size_t)l->ndim * sizeof l->axes[0];
}

/* t's, broadcast to y's shape; axes that continue each other are one */
static layout *layout_of(ct__plan *p, const ct_tensor *t, const ct_tensor *y)
{
    int64_t shape[CT_MAX_DIMS], stride[CT_MAX_DIMS];
    int n = 0;
    for (int d = y->ndim - 1, own = t->ndim - 1; d >= 0; d--, own--) { /* from the last axis on */
        int64_t size = ct__shape(y)[d];
        int64_t step = own < 0 || ct__shape(t)[own] == 1 ? 0 : ct__strides(t)[own];
        if (size == 1)
            continue;
        if (n > 0 && step == shape[n - 1] * stride[n - 1]) {
            shape[n - 1] *= size;
            continue;
        }
        shape[n] = size;
        stride[n++] = step;
    }
    if (n == 0)
        shape[n] = 1, stride[n++] = 1;
    layout *l = ct__plan_take(p, sizeof *l + 2 * (size_t)n * sizeof l->axes[0]);
    if (!l)
        return NULL;
    *l = (layout){ n, (uint32_t)ct__dtype_size(t->dtype) };
    for (int d = 0; d < n; d++) {
        l->axes[d] = shape[n - 1 - d];
        l->axes[n + d] = stride[n - 1 - d];
    }
    return l;
}

/* -- Steps */
/* one call of ct_loop_kernel, of these on the list */
typedef struct one {
    ct__plan *p;
    const ct_op *op;
    const void *attributes;
    const ct_tensor *y;
    bool cheap;
} one;

static ct__spot *spot_in(ct__plan *p, ct__slot *s, int64_t offset)
{
    ct__spot *at = s ? &s->spot : NULL;
    for (int looks = 0; at && looks < CT__LOOKS; at = at->next, looks++)
        if (at->offset == offset)
            return at;
    at = s ? ct__plan_take_aside(p, sizeof *at) : NULL;
    if (!at)
        return NULL;
    *at = (ct__spot){ s, offset, s->spot.next };
    return s->spot.next = at;
}

static ct__spot *spot_of(ct__plan *p, const ct_tensor *t, int use)
{
    return spot_in(p, ct__slot_of(p, t, use), t->data - (char *)t->buffer->data);
}

static bool repeats(const layout *l)
{
    bool some = false;
    for (int d = 0; d < l->ndim; d++)
        some = some || l->axes[l->ndim + d] == 0;
    return some;
}

static CT__APART void mix_step(const one *o, const void *arg, size_t size, ct__spot *const *spots,
                               int n)
{
    for (int k = 0; k < n; k++)
        ct__mix_place(o->p, spots[k]->slot, spots[k]->offset);
    ct__mix(o->p, (uint64_t)(uintptr_t)o->op);
    ct__mix(o->p, (uint64_t)o->y->count);
    ct__mix_bytes(o->p, &o->p->step_hash, arg, size);
}

/* The argument has so many bytes. */
static void step(const one *o, ct_kernel kernel, const void *arg, size_t size,
                 ct__spot *const *spots, int n)
{
    ct__plan *p = o->p;
    size_t bytes = offsetof(ct__step, data) + (size_t)n * sizeof(void *);
    bool good = true;
    for (int k = 0; k < n; k++)
        good = good && spots[k];
    ct__step *s = good ? ct__step_new(p, CT__KERNEL, bytes) : NULL; /* or the noting is over */
    if (!s)
        return;
    if (p->compared)
        mix_step(o, arg, size, spots, n);
    s->operands = (unsigned)n & 15;
    s->size = (unsigned)ct__dtype_size(o->y->dtype) & 15;
    s->cheap = o->cheap && (kernel != ct__gather || repeats(arg));
    s->n = (uint32_t)o->y->count;
    s->kernel = kernel;
    s->arg = arg;
    s->op = o->op;
    for (int k = 0; k < n; k++)
        s->data[k] = spots[k];
}

/* memory for y's elements that only the next steps use */
static ct__spot *room_for(const one *o)
{
    ct__slot *s = ct__slot_new(o->p, CT__ARENA, o->y->count * (int64_t)ct__dtype_size(o->y->dtype));
    return s ? &s->spot : NULL;
}

static bool lies_as(const ct_tensor *t, const ct_tensor *y)
{
    return t->flags & CT__CONTIGUOUS && t->count == y->count;
}

static ct__spot *gathered_before(const ct__plan *p, const ct__spot *from, const layout *l)
{
    for (int i = 0; i < CT__LOOKS; i++) {
        const ct__gathered *g = &p->gathered[i];
        if (g->from == from && g->layout->ndim == l->ndim && g->layout->size == l->size &&
            memcmp(g->layout->axes, l->axes, 2 * (size_t)l->ndim * sizeof l->axes[0]) == 0)
            return g->to;
    }
    return NULL;
}

/* What is small, and no member of groups, is gathered once for all who read it. */
static ct__spot *gathered(const one *o, const ct_tensor *t)
{
    ct__plan *p = o->p;
    ct__spot *from = spot_of(p, t, CT__READ);
    if (lies_as(t, o->y) || !from)
        return from;
    const layout *l = layout_of(p, t, o->y);
    bool small = o->y->count * (int64_t)ct__dtype_size(t->dtype) <= CT__ALONE;
    ct__spot *to = l && small ? gathered_before(p, from, l) : NULL;
    if (to || !l)
        return to;
    to = room_for(o);
    step(o, ct__gather, l, ct__gather_bytes(l), (ct__spot *[]){ to, from }, 2);
    if (small && to)
        p->gathered[p->gathers++ % CT__LOOKS] = (ct__gathered){ from, l, to };
    return to;
}

static void note_call(const one *o, ct_kernel kernel, ct_tensor *const *operands, int n, bool adds)
{
    ct__spot *spots[CT__OPERANDS];
    ct_kernel sum = ct__sum_in_place.by[o->y->dtype][o->p->cx->simd];
    for (int k = 1; k < n; k++) {
        int same = 1;
        while (operands[same] != operands[k])
            same++;
        spots[k] = same < k ? spots[same] : gathered(o, operands[k]);
    }
    if (adds)
        spot_of(o->p, o->y, CT__READ);
    ct__spot *y = spot_of(o->p, o->y, CT__WRITTEN);
    spots[0] = adds ? room_for(o) : y;
    step(o, kernel, o->attributes, o->attributes ? o->op->attributes_size : 0, spots, n);
    if (adds)
        step(o, sum, NULL, 0, (ct__spot *[]){ y, y, spots[0] }, 3);
}

/* Is there a call for each result, in a form that steps have? */
static bool is_plain(const ct__kernel_list *list, const ct_call *call, ct_tensor *const *gx)
{
    int results = gx ? 0 : 1;
    for (int i = 0; gx && i < call->n; i++)
        results += gx[i] != NULL;
    if (list->count != results || results > CT__KERNEL_CALLS || (!gx && call->outputs > 1))
        return false;
    for (int i = 0; i < list->count; i++) {
        const void *arg = list->calls[i].attributes;
        const ct_tensor *y = list->calls[i].operands[0];
        bool own = !gx && (call->outputs ? y == call->y[0] : y == call->x[0]);
        for (int k = 0; gx && k < call->n; k++)
            own = own || y == gx[k];
        if (!own || (arg && arg != call->attributes) || !(y->flags & CT__CONTIGUOUS) ||
            y->count > UINT32_MAX)
            return false;
    }
    return true;
}

/* The operator is asked what it would do by a clone's kernels, which are those of its context. */
static void ask(const ct__plan *p, const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx,
                ct__kernel_list *list)
{
    const ct_simd simd = p->from->simd;
    list->runs = false;
    list->count = 0;
    p->from->simd = p->cx->simd;
    p->from->kernels = list;
    ct_status status = gx ? call->op->backward(call, gy, gx)
                          : call->op->forward((ct_call *)(uintptr_t)call);
    p->from->kernels = NULL;
    p->from->simd = simd;
    if (status != CT_OK)
        list->count = 0; /* so it is not plain */
}

bool ct__note_kernels(ct__plan *p, const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx,
                      const ct__kernel_list *list)
{
    const ct_op *op = call->op;
    ct__kernel_list own;
    if (!(op->flags & CT_OP_KERNELS) || call->aux_count > 0)
        return false;
    if (p->cx->simd != p->from->simd) {
        ask(p, call, gy, gx, &own);
        list = &own;
    }
    if (!is_plain(list, call, gx))
        return false;
    size_t size = op->attributes_size;
    void *attributes = size > 0 ? ct__plan_take(p, size) : NULL;
    if (attributes)
        memcpy(attributes, call->attributes, size);
    bool linear = op->saves == 0 && !(op->flags & CT_OP_CONSTANT); /* its rules read nothing */
    for (int i = 0; i < list->count; i++)
        note_call(&(one){ p, op, attributes, list->calls[i].operands[0],
                          linear || list->calls[i].streams },
                  list->calls[i].kernel, list->calls[i].operands, list->calls[i].n,
                  list->calls[i].adds);
    return true;
}
