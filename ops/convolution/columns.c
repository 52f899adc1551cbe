/* Runs: along a row of pixels of y, the elements of x that one element of the kernel meets are
 * `stride` apart. Those outside of x are left out. Where the stride is 1, and the rows of y are as
 * long as those of x, a run goes on in the next row: between them as many elements are left out of
 * the row as of x. So a kernel that leaves an image its size moves whole images. */
#include "columns.h"

#include <string.h>

#define CT_KERNELS     "columns_kernels.h"
#define CT_KERNELS_F32 64
#include <cotangent/kernels.h>

const ct__columns *ct__columns_for(const ct_tensor *x)
{
    static const ct__columns *const all[][CT_SIMDS] = CT_KERNEL_TABLE(columns);
    return CT_KERNEL_OF(all, x);
}

/* what is neither in the runs so far nor before them, up to `place`, is a gap */
static void add_gap(ct__runs *r, int64_t *end, int64_t place)
{
    if (*end < place)
        r->gaps[r->gap_count++] = (ct__run){ 0, *end, place - *end };
    *end = place;
}

static void add_run(ct__runs *r, int64_t *end, int64_t at, int64_t place, int64_t n)
{
    ct__run *last = r->count > 0 ? &r->runs[r->count - 1] : NULL;
    add_gap(r, end, place);
    if (last && r->step == 1 && last->at - last->place == at - place)
        last->n = place + n - last->place;
    else
        r->runs[r->count++] = (ct__run){ at, place, n };
    *end += n;
}

/* n / step; dividing takes as long as the rest of a short row, and most steps are 1 */
static int64_t in_steps(int64_t n, int64_t step)
{
    return step == 1 ? n : n / step;
}

/* The pixels of y from out[] on, n of them in one row, whose elements of x are in the row from
 * `row` on, which has at[1] elements: the first of them is at[0], which may lie outside. */
static void add_row(ct__runs *r, int64_t *done, int64_t row, const int64_t at[2], int64_t place,
                    int64_t n)
{
    int64_t first = at[0], size = at[1];
    int64_t step = r->step;
    int64_t skip = first < 0 ? in_steps(step - 1 - first, step) : 0;
    int64_t end = first >= size ? 0 : in_steps(size - 1 - first, step) + 1;
    if (end > n)
        end = n;
    if (skip < end)
        add_run(r, done, row + first + skip * step, place + skip, end - skip);
}

void ct__find_runs(ct__runs *r, const ct__conv_sizes *s, const ct__block *b, int64_t tap)
{
    const int64_t k[AXES] = { tap / (s->kernel[1] * s->kernel[2]),
                              tap / s->kernel[2] % s->kernel[1], tap % s->kernel[2] };
    const int64_t *in = s->in, *out = s->out;
    int64_t shift[AXES], image = s->groups * s->c * ct__product(in);
    int64_t z = b->pixel / (out[1] * out[2]), y = b->pixel / out[2] % out[1];
    int64_t x = b->pixel % out[2], from = 0, done = 0;
    for (int d = 0; d < AXES; d++)
        shift[d] = k[d] * s->dilation[d] - s->before[d];
    *r = (ct__runs){ .runs = r->runs, .gaps = r->gaps, .step = s->stride[2], .n = b->n };
    for (int64_t place = 0, n; place < b->n; place += n, x = 0) {
        int64_t plane = z * s->stride[0] + shift[0], row = y * s->stride[1] + shift[1];
        n = out[2] - x < b->n - place ? out[2] - x : b->n - place;
        if (plane >= 0 && plane < in[0] && row >= 0 && row < in[1])
            add_row(r, &done, from + (plane * in[1] + row) * in[2],
                    (int64_t[]){ x * s->stride[2] + shift[2], in[2] }, place, n);
        if (++y == out[1]) {
            y = 0;
            if (++z == out[0]) {
                z = 0;
                from += image;
            }
        }
    }
    add_gap(r, &done, b->n);
}
