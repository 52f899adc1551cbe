#include "update_loop.h"

ct_status ct__context_of_list(ct_tensor *const *list, int n, const char *who, ct_context **cx)
{
    int i = 0;
    while (list && i < n && !list[i])
        i++;
    *cx = NULL;
    if (!list || i >= n)
        return CT_OK;
    if (!ct_usable(list[i], who))
        return CT_ERROR_STALE;
    *cx = ct_context_of(list[i]);
    return CT_OK;
}

ct_status ct__pass_begin(ct__pass *p, const ct_call *call, int n, int operands, size_t argument)
{
    size_t pieces = (size_t)n * sizeof *p->pieces;
    size_t spans = (size_t)n * (size_t)operands * sizeof *p->spans;
    *p = (ct__pass){ .cx = ct_call_context(call), .operands = operands };
    p->pieces = ct_call_scratch(call, pieces + spans + (size_t)n * argument);
    if (!p->pieces)
        return CT_ERROR_MEMORY;
    p->spans = (ct__span *)(p->pieces + n);
    p->arguments = p->spans + n * operands;
    return CT_OK;
}

/* over one tuple, by ct_loop_over: ct_loop would write the first operand only */
static void run_strided(ct_tensor *const *x, int n, ct_loop_body body, const void *arg)
{
    ct_operand operands[CT__PASS_OPERANDS];
    for (int k = 0; k < n; k++)
        operands[k] = (ct_operand){ (void *)(uintptr_t)ct_data(x[k]),
                                    ct_dtype_size(ct_dtype_of(x[k])), ct_strides(x[k]) };
    ct_loop_over(ct_shape(x[0]), ct_ndim(x[0]), operands, n, body, arg);
}

void ct__pass_add(ct__pass *p, ct_tensor *const *x, ct_loop_body body, const void *arg)
{
    int64_t count = ct_count(x[0]);
    bool flat = true;
    for (int k = 0; k < p->operands; k++)
        flat = flat && ct_is_contiguous(x[k]);
    if (!flat) {
        run_strided(x, p->operands, body, arg);
        return;
    }
    if (count == 0)
        return;
    ct__piece *piece = &p->pieces[p->n++];
    *piece = (ct__piece){ .start = p->total, .count = count, .body = body, .arg = arg,
                          .size = ct_dtype_size(ct_dtype_of(x[0])) };
    for (int k = 0; k < p->operands; k++)
        piece->data[k] = (void *)(uintptr_t)ct_data(x[k]);
    p->total += count;
}

/* the piece that holds element i */
static const ct__piece *piece_at(const ct__pass *p, int64_t i)
{
    int low = 0, high = p->n - 1;
    while (low < high) {
        int middle = (low + high + 1) / 2;
        if (p->pieces[middle].start <= i)
            low = middle;
        else
            high = middle - 1;
    }
    return &p->pieces[low];
}

void ct__pass_visit(const ct__pass *p, int64_t begin, int64_t end, ct__visit *visit, void *arg)
{
    for (const ct__piece *piece = piece_at(p, begin); begin < end; piece++) {
        void *data[CT__PASS_OPERANDS];
        int64_t from = begin - piece->start, n = piece->count - from;
        if (n > end - begin)
            n = end - begin;
        for (int k = 0; k < p->operands; k++)
            data[k] = (char *)piece->data[k] + (size_t)from * piece->size;
        visit(piece, n, data, arg);
        begin += n;
    }
}

/* sorts spans by their beginnings (Shell's sort) */
static void sort(ct__span *span, int64_t n)
{
    for (int64_t gap = n / 2; gap > 0; gap /= 2)
        for (int64_t i = gap; i < n; i++) {
            ct__span one = span[i];
            int64_t k = i;
            for (; k >= gap && span[k - gap].begin > one.begin; k -= gap)
                span[k] = span[k - gap];
            span[k] = one;
        }
}

static bool overlaps(const ct__pass *p)
{
    int64_t n = 0;
    for (int i = 0; i < p->n; i++)
        for (int k = 0; k < p->operands; k++) {
            const ct__piece *piece = &p->pieces[i];
            uintptr_t begin = (uintptr_t)piece->data[k];
            p->spans[n++] = (ct__span){ begin, begin + (size_t)piece->count * piece->size };
        }
    sort(p->spans, n);
    for (int64_t i = 1; i < n; i++)
        if (p->spans[i].begin < p->spans[i - 1].end)
            return true;
    return false;
}

static void run_piece(const ct__piece *piece, int64_t n, void *const *data, void *arg)
{
    static const int64_t ones[CT__PASS_OPERANDS] = { 1, 1, 1, 1, 1 };
    (void)arg;
    piece->body(n, data, ones, piece->arg);
}

static void run_range(int64_t begin, int64_t end, void *pass)
{
    ct__pass_visit(pass, begin, end, run_piece, NULL);
}

void ct__pass_run(ct__pass *p)
{
    if (p->total > CT__PASS_GRAIN && !overlaps(p))
        ct_parallel_ranges(p->cx, p->total, CT__PASS_GRAIN, run_range, p);
    else if (p->total > 0)
        run_range(0, p->total, p);
}
