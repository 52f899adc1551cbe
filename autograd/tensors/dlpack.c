/* DLPack: memory that another library owns, and ours in its hands.
 *
 * What was given away holds the buffer, and no tensor: so neither scopes nor the graph know of it.
 * A context that is freed meanwhile gives all back but these buffers, and the last deleter gives
 * back the rest. */
#include <cotangent/dlpack.h>

#include "tensors.h"

/* -- Theirs */
static void give_back(void *data, void *managed)
{
    ct_dl_managed *m = managed;
    (void)data;
    if (m->deleter)
        m->deleter(m);
}

static void give_back_versioned(void *data, void *managed)
{
    ct_dl_managed_versioned *m = managed;
    (void)data;
    if (m->deleter)
        m->deleter(m);
}

/* 0: we have no such type */
static ct_dtype dtype_of(ct_dl_dtype d)
{
    if (d.lanes != 1)
        return 0;
    if (d.code == CT_DL_FLOAT)
        return d.bits == 32 ? CT_F32 : d.bits == 64 ? CT_F64 : 0;
    if (d.code == CT_DL_INT)
        return d.bits == 64 ? CT_I64 : 0;
    return d.code == CT_DL_BOOL && d.bits == 8 ? CT_BOOL : 0;
}

static bool fits(ct_context *cx, const ct_dl_tensor *t)
{
    const uintptr_t at = (uintptr_t)t->data;
    if (t->device.type != CT_DL_CPU)
        ct_fail(cx, CT_ERROR_UNSUPPORTED, "from_dlpack: device %d is no CPU", (int)t->device.type);
    else if (dtype_of(t->dtype) == 0)
        ct_fail(cx, CT_ERROR_DTYPE, "from_dlpack: elements must be f32, f64, i64 or bool, and have "
                "code %d, %d bits, %d lanes", t->dtype.code, t->dtype.bits, t->dtype.lanes);
    else if (t->ndim < 0 || t->ndim > CT_MAX_DIMS)
        ct_fail(cx, CT_ERROR_RANGE, "from_dlpack: %d dimensions; at most %d are possible",
                (int)t->ndim, CT_MAX_DIMS);
    else if (t->ndim > 0 && !t->shape)
        ct_fail(cx, CT_ERROR_NULL, "from_dlpack: the shape is NULL");
    else if (t->byte_offset > UINTPTR_MAX - at)
        ct_fail(cx, CT_ERROR_RANGE, "from_dlpack: the offset overflows");
    else
        return true;
    return false;
}

static ct_tensor *import(ct_context *cx, const ct_dl_tensor *t, void *managed, bool read_only,
                         void (*release)(void *data, void *user))
{
    if (!fits(cx, t))
        return NULL;
    char *data = t->data ? (char *)t->data + t->byte_offset : NULL;
    ct_tensor *x = ct__borrow_as(cx, "from_dlpack", dtype_of(t->dtype), t->shape, t->ndim, data,
                                 &(ct_borrow_options){ .strides = t->strides, .release = release,
                                                       .user = managed });
    if (x && read_only) {
        x->buffer->read_only = true;
        x->flags |= CT__READ_ONLY;
    }
    return x;
}

ct_tensor *ct_from_dlpack(ct_context *cx, ct_dl_managed_versioned *m)
{
    if (!m)
        return ct_fail(cx, CT_ERROR_NULL, "from_dlpack: the struct is NULL"), NULL;
    if (cx && m->version.major != CT_DL_MAJOR)
        return ct_fail(cx, CT_ERROR_UNSUPPORTED, "from_dlpack: version %u.%u of DLPack",
                       m->version.major, m->version.minor), NULL;
    return cx ? import(cx, &m->tensor, m, m->flags & CT_DL_READ_ONLY, give_back_versioned) : NULL;
}

ct_tensor *ct_from_dlpack_legacy(ct_context *cx, ct_dl_managed *m)
{
    if (!m)
        return ct_fail(cx, CT_ERROR_NULL, "from_dlpack_legacy: the struct is NULL"), NULL;
    return cx ? import(cx, &m->tensor, m, false, give_back) : NULL;
}

/* -- Ours */
typedef struct given {
    union {
        ct_dl_managed legacy;
        ct_dl_managed_versioned versioned;
    };
    ct_context *cx;
    ct__buffer *buffer;
    int64_t shape[CT_MAX_DIMS], strides[CT_MAX_DIMS];
} given;

static void take_back(given *g)
{
    ct_context *cx = g->cx;
    ct__buffer_drop(cx, g->buffer);
    ct__give_back(cx, g, sizeof *g);
    if (--cx->given == 0 && cx->closed)
        ct__context_give_back(cx);
}

static void take_back_legacy(ct_dl_managed *m)
{
    take_back(m->manager);
}

static void take_back_versioned(ct_dl_managed_versioned *m)
{
    take_back(m->manager);
}

static bool is_read_only(const ct_tensor *x)
{
    return x->flags & CT__READ_ONLY || x->buffer->read_only;
}

/* x's buffer, which is held from now on, and how it is laid out */
static given *give(ct_tensor *x, const char *who, bool must_be_writable, ct_dl_tensor *out)
{
    static const ct_dl_dtype dtypes[] = {
        [CT_F32] = { CT_DL_FLOAT, 32, 1 }, [CT_F64] = { CT_DL_FLOAT, 64, 1 },
        [CT_I64] = { CT_DL_INT, 64, 1 }, [CT_BOOL] = { CT_DL_BOOL, 8, 1 } };
    if (!ct__usable(x, who))
        return NULL;
    if (x->flags & CT__REQUIRES_GRAD)
        return ct_fail(x->cx, CT_ERROR_GRAPH, "%s: the tensor requires grad, and what others do "
                       "with it is not recorded; give them ct_detach(x)", who), NULL;
    if (must_be_writable && is_read_only(x))
        return ct_fail(x->cx, CT_ERROR_VALUE, "%s: the tensor is read-only, which the legacy "
                       "struct cannot say", who), NULL;
    ct__tell(x->cx, who);
    given *g = ct__take(x->cx, sizeof *g);
    if (!g)
        return NULL;
    g->cx = x->cx;
    g->buffer = x->buffer;
    g->buffer->refs++;
    x->cx->given++;
    for (int d = 0; d < x->ndim; d++) {
        g->shape[d] = ct__shape(x)[d];
        g->strides[d] = ct__strides(x)[d];
    }
    *out = (ct_dl_tensor){ .data = x->count > 0 ? x->data : NULL, .device = { CT_DL_CPU, 0 },
                           .ndim = x->ndim, .dtype = dtypes[x->dtype], .shape = g->shape,
                           .strides = g->strides };
    return g;
}

ct_dl_managed_versioned *ct_to_dlpack(ct_tensor *x)
{
    ct_dl_tensor t;
    given *g = give(x, "to_dlpack", false, &t);
    if (!g)
        return NULL;
    g->versioned = (ct_dl_managed_versioned){
        { CT_DL_MAJOR, CT_DL_MINOR }, g, take_back_versioned,
        is_read_only(x) ? CT_DL_READ_ONLY : 0, t };
    return &g->versioned;
}

ct_dl_managed *ct_to_dlpack_legacy(ct_tensor *x)
{
    ct_dl_tensor t;
    given *g = give(x, "to_dlpack_legacy", true, &t);
    if (!g)
        return NULL;
    g->legacy = (ct_dl_managed){ t, g, take_back_legacy };
    return &g->legacy;
}
