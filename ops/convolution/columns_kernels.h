/* Kernels of columns.c: they move numbers, and add them where said. Each reads and writes an
 * element once. */
static void K(copy)(REAL *restrict to, const REAL *restrict from, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        to[i] = from[i];
}

static void K(clear_gaps)(const ct__runs *r, REAL *row)
{
    for (int64_t i = 0; i < r->gap_count; i++)
        if (r->gaps[i].n == 1)
            row[r->gaps[i].place] = 0;
        else
            memset(row + r->gaps[i].place, 0, (size_t)r->gaps[i].n * sizeof *row);
}

static void K(gather)(const ct__runs *r, const void *x, void *row)
{
    for (int64_t i = 0; i < r->count; i++) {
        const REAL *from = (const REAL *)x + r->runs[i].at;
        REAL *to = (REAL *)row + r->runs[i].place;
        if (r->step == 1)
            K(copy)(to, from, r->runs[i].n);
        else
            for (int64_t j = 0; j < r->runs[i].n; j++)
                to[j] = from[j * r->step];
    }
    K(clear_gaps)(r, row);
}

static void K(scatter)(const ct__runs *r, void *x, void *row)
{
    K(clear_gaps)(r, row);
    for (int64_t i = 0; i < r->count; i++) {
        REAL *restrict to = (REAL *)x + r->runs[i].at;
        const REAL *restrict from = (const REAL *)row + r->runs[i].place;
        if (r->step == 1)
            for (int64_t j = 0; j < r->runs[i].n; j++)
                to[j] += from[j];
        else
            for (int64_t j = 0; j < r->runs[i].n; j++)
                to[j * r->step] += from[j];
    }
}

static void K(fill)(void *to, const void *value, int64_t n)
{
    REAL number = value ? *(const REAL *)value : 0;
    for (int64_t i = 0; i < n; i++)
        ((REAL *)to)[i] = number;
}

static void K(add)(void *to, const void *from, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        ((REAL *)to)[i] += ((const REAL *)from)[i];
}

/* The sum of n numbers is added to *sum, and what is rounded off there to *rest (Knuth's two-sum).
 * Blocks of 1,024 are summed by SUMS sums each, so that no addition waits for the one before. */
#undef SUMS
#define SUMS 32

static void K(sum)(const void *x, int64_t n, void *sum, void *rest)
{
    const REAL *from = x;
    REAL *total = sum, *off = rest;
    for (int64_t p = 0, end; p < n; p = end) {
        REAL lanes[SUMS] = { 0 };
        end = n - p < 1024 ? n : p + 1024;
        for (; p + SUMS <= end; p += SUMS)
            for (int i = 0; i < SUMS; i++)
                lanes[i] += from[p + i];
        for (int i = 0; p < end; p++, i++)
            lanes[i] += from[p];
        for (int k = SUMS / 2; k > 0; k /= 2)
            for (int i = 0; i < k; i++)
                lanes[i] += lanes[i + k];
        REAL block = lanes[0];
        REAL after = (REAL)(*total + block), part = (REAL)(after - *total);
        *off += (REAL)((REAL)(*total - (REAL)(after - part)) + (REAL)(block - part));
        *total = after;
    }
}

static void K(put_sum)(void *y, const void *sum, const void *rest, bool adds)
{
    REAL e = *(const REAL *)rest, total = *(const REAL *)sum;
    total += (REAL)(e - e) == 0 ? e : 0;
    *(REAL *)y = adds ? *(REAL *)y + total : total;
}

static const ct__columns K(columns) = { K(gather), K(scatter), K(fill), K(add), K(sum),
                                        K(put_sum) };
