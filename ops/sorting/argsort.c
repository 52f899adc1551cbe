/* The order of elements along the last axis, as indices. Each element becomes a key, an unsigned
 * number of 64 bits that is ordered as the elements are; the keys are sorted with the indices
 * beside them. Short lines are sorted by insertion, and long ones digit by digit from the lowest: a
 * digit has 8 bits, and one that is the same in all keys is skipped. Both keep equal keys in order.
 *
 * Where only the first few of the order are wanted, as by topk, the key of the last of them is
 * found digit by digit from the highest, and only what has no larger key is sorted. */
#include <cotangent/ops.h>
#include <string.h>

#include "sorting.h"

typedef struct item {
    uint64_t key;
    int64_t at;
} item;

enum { DIGITS = 8, VALUES = 256, FEW = 128, GRAIN = 4096 };

/* The attributes: the order, and how many of it are wanted, the first ones. */
typedef struct wanted {
    bool descending;
    int64_t count;
} wanted;

/* The lines of one call, shared out in parts. Each part has 2 n items of its own. */
typedef struct lines {
    const char *x;
    int64_t *y, n, count, parts;
    ct_dtype dtype;
    wanted wanted;
    item *items;
} lines;

/* -- Keys */
/* The bits of a float are ordered as it is, but for the sign, which is turned, and for the other
 * bits of negative numbers, which are turned too. */
static uint64_t key_of_float(double x)
{
    const uint64_t sign = (uint64_t)1 << 63;
    uint64_t bits;
    if (x != x)
        return UINT64_MAX;
    x = x == 0 ? 0 : x; /* -0 equals 0 */
    memcpy(&bits, &x, sizeof bits);
    return bits & sign ? ~bits : bits | sign;
}

static uint64_t key_of(const lines *l, int64_t i)
{
    switch (l->dtype) {
    case CT_F32:
        return key_of_float((double)((const float *)(const void *)l->x)[i]);
    case CT_F64:
        return key_of_float(((const double *)(const void *)l->x)[i]);
    case CT_I64:
        return (uint64_t)((const int64_t *)(const void *)l->x)[i] ^ (uint64_t)1 << 63;
    default:
        return (uint64_t)((const unsigned char *)l->x)[i];
    }
}

/* -- Sorting */
static void insert(item *a, int64_t n)
{
    for (int64_t i = 1; i < n; i++) {
        item next = a[i];
        int64_t k = i;
        for (; k > 0 && a[k - 1].key > next.key; k--)
            a[k] = a[k - 1];
        a[k] = next;
    }
}

/* Each item goes from a to its place in b by one digit. Of each value, count has how many items
 * have it. */
static void by_digit(const item *a, item *b, int64_t n, int shift, const int64_t *count)
{
    int64_t place[VALUES], next = 0;
    for (int v = 0; v < VALUES; v++) {
        place[v] = next;
        next += count[v];
    }
    for (int64_t i = 0; i < n; i++)
        b[place[a[i].key >> shift & (VALUES - 1)]++] = a[i];
}

/* Sorts the n items of a; b has room for as many. Returns where they are then. Per item: 8
 * operations to count digits, and for each digit 2 reads and a write of 16 bytes. */
static const item *sorted(item *a, item *b, int64_t n)
{
    int64_t count[DIGITS][VALUES] = { { 0 } };
    if (n <= FEW) {
        insert(a, n);
        return a;
    }
    for (int64_t i = 0; i < n; i++)
        for (int d = 0; d < DIGITS; d++)
            count[d][a[i].key >> 8 * d & (VALUES - 1)]++;
    for (int d = 0; d < DIGITS; d++) {
        if (count[d][a[0].key >> 8 * d & (VALUES - 1)] == n)
            continue;
        by_digit(a, b, n, 8 * d, count[d]);
        item *full = b;
        b = a, a = full;
    }
    return a;
}

/* -- Selection */
/* The key at a place of the order: of all keys, those stay in `room` that have the digits which it
 * has. Per item: 2 reads and a write of 8 bytes, and 4 operations, for the first digit, and few
 * items are left for the second. */
static uint64_t key_at(const item *a, int64_t n, int64_t place, uint64_t *room)
{
    for (int64_t i = 0; i < n; i++)
        room[i] = a[i].key;
    for (int shift = 8 * (DIGITS - 1); shift >= 0 && n > 1; shift -= 8) {
        int64_t count[VALUES] = { 0 }, left = 0;
        uint64_t digit = 0;
        for (int64_t i = 0; i < n; i++)
            count[room[i] >> shift & (VALUES - 1)]++;
        for (; place >= count[digit]; digit++)
            place -= count[digit];
        for (int64_t i = 0; i < n; i++) {
            room[left] = room[i];
            left += (room[i] >> shift & (VALUES - 1)) == digit;
        }
        n = left;
    }
    return room[0];
}

/* The first `count` items of a in order; b has room for n. Per item, beside key_at: a read and a
 * write of 16 bytes, and 3 operations. */
static const item *selected(item *a, item *b, int64_t n, int64_t count)
{
    if (n <= FEW / 4 || count > n / 4)
        return sorted(a, b, n);
    uint64_t last = key_at(a, n, count - 1, (uint64_t *)(void *)b);
    int64_t kept = 0;
    for (int64_t i = 0; i < n; i++) {
        item next = a[i];
        a[kept] = next;
        kept += next.key <= last;
    }
    return sorted(a, b, kept);
}

static void sort_part(int64_t part, void *arg)
{
    const lines *l = arg;
    int64_t begin = l->count * part / l->parts, end = l->count * (part + 1) / l->parts;
    item *a = l->items + 2 * part * l->n;
    for (int64_t line = begin; line < end; line++) {
        for (int64_t i = 0; i < l->n; i++) {
            uint64_t key = key_of(l, line * l->n + i);
            a[i] = (item){ l->wanted.descending ? ~key : key, i };
        }
        int64_t count = l->wanted.count;
        const item *done = selected(a, a + l->n, l->n, count);
        for (int64_t i = 0; i < count; i++)
            l->y[line * count + i] = done[i].at;
    }
}

/* -- The operator */
static ct_status argsort_infer(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    if (ct_ndim(x) == 0)
        return ct_call_fail(call, CT_ERROR_SHAPE, "x must have at least one dimension");
    const wanted *w = ct_call_attributes(call);
    int64_t shape[CT_MAX_DIMS];
    if (w->count < 0 || w->count > ct_size(x, -1))
        return ct_call_fail(call, CT_ERROR_RANGE, "%lld elements are wanted, and there are fewer",
                            (long long)w->count);
    for (int d = 0; d < ct_ndim(x); d++)
        shape[d] = ct_shape(x)[d];
    shape[ct_ndim(x) - 1] = w->count;
    return ct_call_set_y(call, 0, CT_I64, shape, ct_ndim(x));
}

static ct_status argsort_forward(ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0), *y = ct_call_y(call, 0);
    ct_context *cx = ct_call_context(call);
    int64_t total = ct_count(x), threads = ct_threads_of(cx);
    if (ct_count(y) == 0)
        return CT_OK;
    lines l = { .x = ct_data(x), .y = ct_data_mutable(y), .n = ct_size(x, -1),
                .dtype = ct_dtype_of(x), .wanted = *(const wanted *)ct_call_attributes(call) };
    l.count = total / l.n;
    l.parts = total < GRAIN ? 1 : threads < l.count ? threads : l.count;
    l.items = ct_call_scratch(call, 2 * (size_t)(l.parts * l.n) * sizeof *l.items);
    if (!l.items)
        return CT_ERROR_MEMORY;
    ct_parallel_for(cx, l.parts, sort_part, &l);
    return CT_OK;
}

static int argsort_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    x[0] = k < 2    ? ct_cast(ct_randint(cx, -3, 3, CT_SHAPE(3, 4)), CT_F64)
           : k == 3 ? ct_zeros(cx, CT_F64, CT_SHAPE(2, 0))
                    : ct_randn(cx, CT_F64, CT_SHAPE(100));
    int64_t n = x[0] ? ct_size(x[0], -1) : 0;
    *(wanted *)attributes = (wanted){ k % 2, k < 4 ? n : 7 };
    return k < 6 ? 1 : 0;
}

extern const ct_op ct__argsort_op;
const ct_op ct__argsort_op = {
    .name = "argsort",
    .formula = "y = indices that sort x along the axis",
    .derivative = "none",
    .inputs = 1,
    .flags = CT_OP_CONSTANT | CT_OP_CONTIGUOUS,
    .attributes_size = sizeof(wanted),
    .infer = argsort_infer,
    .forward = argsort_forward,
    .sample = argsort_sample,
};

ct_tensor *ct__first_of_order(ct_tensor *x, bool descending, int64_t count)
{
    return ct_apply(&ct__argsort_op, &(wanted){ descending, count }, &x, 1);
}

ct_tensor *ct__order(ct_tensor *x, bool descending)
{
    return ct__first_of_order(x, descending, x && ct_ndim(x) > 0 ? ct_size(x, -1) : 0);
}
