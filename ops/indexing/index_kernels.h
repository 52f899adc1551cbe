/* Kernels of index.c. Operands whole, part, index, each at the first elements of lines; with s the
 * size of REAL, 2 s + 8 bytes per element to take and to set, 3 s + 8 and one operation to add and
 * to choose the larger one. */
static void K(take)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    const line *l = arg;
    for (int64_t i = 0; i < n; i++) {
        const REAL *whole = (const REAL *)data[0] + i * stride[0];
        REAL *part = (REAL *)data[1] + i * stride[1];
        const int64_t *index = (const int64_t *)data[2] + i * stride[2];
        for (int64_t j = 0; j < l->length; j++)
            part[j * l->part] = whole[place(l, index, j) * l->whole];
    }
}

static void K(set)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    const line *l = arg;
    for (int64_t i = 0; i < n; i++) {
        REAL *whole = (REAL *)data[0] + i * stride[0];
        const REAL *part = (const REAL *)data[1] + i * stride[1];
        const int64_t *index = (const int64_t *)data[2] + i * stride[2];
        for (int64_t j = 0; j < l->length; j++)
            whole[place(l, index, j) * l->whole] = part[j * l->part];
    }
}

static void K(add)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    const line *l = arg;
    for (int64_t i = 0; i < n; i++) {
        REAL *whole = (REAL *)data[0] + i * stride[0];
        const REAL *part = (const REAL *)data[1] + i * stride[1];
        const int64_t *index = (const int64_t *)data[2] + i * stride[2];
        for (int64_t j = 0; j < l->length; j++) {
            REAL *to = &whole[place(l, index, j) * l->whole];
            *to = (REAL)(*to + part[j * l->part]);
        }
    }
}

#if IS_FLOAT
#define BEATS(a, b) ((a) > (b) || (a) != (a)) /* a NaN beats all */
#else
#define BEATS(a, b) ((int64_t)(a) > (int64_t)(b)) /* i64 is stamped as unsigned */
#endif
static void K(max)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    const line *l = arg;
    for (int64_t i = 0; i < n; i++) {
        REAL *whole = (REAL *)data[0] + i * stride[0];
        const REAL *part = (const REAL *)data[1] + i * stride[1];
        const int64_t *index = (const int64_t *)data[2] + i * stride[2];
        for (int64_t j = 0; j < l->length; j++) {
            REAL *to = &whole[place(l, index, j) * l->whole], x = part[j * l->part];
            *to = BEATS(x, *to) ? x : *to;
        }
    }
}
#undef BEATS
