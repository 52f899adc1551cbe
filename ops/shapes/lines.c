/* Loops over lines: the axes across the lines are merged where they can be, and their indices
 * counted like the digits of one number. */
#include "lines.h"

#include <string.h>

#include "copy.h"

enum {
    MOST = 8,       /* operands */
    GRAIN = 16384,  /* elements in a range of lines: fewer are not worth sharing out */
    BESIDE = 128    /* lines in a range where they lie side by side: memory is read across them */
};

typedef struct lines {
    int n, ndim;
    char *data[MOST];
    int64_t bytes[MOST], shape[CT_MAX_DIMS], strides[CT_MAX_DIMS][MOST];
    ct_loop_body body;
    const void *arg;
} lines;

/* Adds an axis across the lines. Where every operand goes on from the axis before it at the same
 * step, the two become one. */
static void add_axis(lines *l, int64_t size, const int64_t *strides)
{
    bool continues = l->ndim > 0;
    for (int k = 0; continues && k < l->n; k++)
        continues = l->strides[l->ndim - 1][k] == size * strides[k];
    if (!continues)
        l->shape[l->ndim++] = 1;
    l->shape[l->ndim - 1] *= size;
    memcpy(l->strides[l->ndim - 1], strides, sizeof *l->strides);
}

/* lines begin ... end - 1, in runs along the last axis */
static void some_lines(int64_t begin, int64_t end, void *arg)
{
    const lines *l = arg;
    int last = l->ndim - 1;
    while (begin < end) {
        int64_t index = begin, room = l->shape[last] - begin % l->shape[last];
        int64_t n = room < end - begin ? room : end - begin;
        void *data[MOST];
        memcpy(data, l->data, sizeof data);
        for (int d = last; d >= 0; index /= l->shape[d--])
            for (int k = 0; k < l->n; k++)
                data[k] = (char *)data[k] + index % l->shape[d] * l->strides[d][k] * l->bytes[k];
        l->body(n, data, l->strides[last], l->arg);
        begin += n;
    }
}

void ct__loop_lines(ct_tensor *const *operands, int n, int axis, ct_loop_body body,
                    const void *arg)
{
    lines l = { .n = n, .body = body, .arg = arg };
    const ct_tensor *whole = operands[0];
    int64_t count = 1, elements = 0;
    for (int k = 0; k < n; k++) {
        elements |= ct_count(operands[k]);
        whole = ct_ndim(operands[k]) > ct_ndim(whole) ? operands[k] : whole;
        l.data[k] = (char *)(uintptr_t)ct_data(operands[k]);
        l.bytes[k] = (int64_t)ct_dtype_size(ct_dtype_of(operands[k]));
    }
    if (elements == 0)
        return; /* there may be any number of empty lines */
    for (int d = 0; d < ct_ndim(whole); d++) {
        int64_t strides[MOST] = { 0 };
        for (int k = 0; k < n && d != axis; k++)
            strides[k] = ct_strides(operands[k])[d - (ct_ndim(operands[k]) < ct_ndim(whole) &&
                                                      d > axis)];
        if (d != axis && ct_shape(whole)[d] != 1)
            add_axis(&l, ct_shape(whole)[d], strides);
        count *= d == axis ? 1 : ct_shape(whole)[d];
    }
    if (l.ndim == 0)
        add_axis(&l, 1, (int64_t[MOST]){ 0 });
    int64_t length = ct_size(whole, axis), grain = GRAIN / (length > 0 ? length : 1);
    bool beside = l.strides[l.ndim - 1][0] == 1 && ct_strides(whole)[axis] != 1;
    if (beside && grain < BESIDE)
        grain = BESIDE;
    ct_parallel_ranges(ct_context_of(whole), count, grain, some_lines, &l);
}
