/* The same points in other coordinates: given ones, and learned ones. See representation.md. */
#include "program.h"
#include <math.h>
enum { LEARN = 2000, POINTS = 600, AREA = 120, LINES = 13, STEPS = 49, FRAMES = 5 };
enum { GRID = 2 * LINES * STEPS };

static const double pi = 3.14159265358979323846;
static const char *const names[] = { "Two rings", "Two spirals" };
static double right[2][3]; /* % of test points: by a line, by a line in polar, by layers */

static ct_tensor *column(ct_tensor *x, int i)
{
    return ct_slice(x, 1, i, i + 1, 1);
}

static ct_tensor *polar(ct_tensor *x)
{
    ct_tensor *r = ct_sqrt(ct_add(ct_square(column(x, 0)), ct_square(column(x, 1))));
    return ct_concat(CT_TENSORS(r, ct_atan2(column(x, 1), column(x, 0))), 1);
}

static ct_tensor *loss(ct_module *m, void *user)
{
    return ct_add(images_loss(m, user), ct_penalty(m, 0, 1e-4));
}

/* from where m is, so many steps; the percentage of test points that it has right then */
static double fit(ct_module *m, images *learn, images *test, int64_t steps)
{
    ct_minimize_options options = { .max_iterations = (int)steps, .memory = 30 };
    ct_module_lbfgs(m, loss, learn, &options, NULL);
    return 100 * ct_accuracy(ct_module_forward(m, test->x), test->labels);
}

/* -- Pictures */
/* rows first, first + step, ... of x (n,2) */
static series rows(ct_tensor *x, int first, int step, int n, mark how, int color)
{
    ct_tensor *part = ct_slice(x, 0, first, first + step * (n - 1) + 1, step);
    return (series){ NULL, ct_data_f64(ct_contiguous(column(part, 0))),
                     ct_data_f64(ct_contiguous(column(part, 1))), n, how, color };
}

static series dots(ct_tensor *x, int class)
{
    return rows(x, class, 2, POINTS / 2, DOTS, class ? ORANGE : BLUE);
}

/* the points, and what m says at each place of the plane */
static void plane(program *p, const char *title, ct_module *m, ct_tensor *x, bool is_polar)
{
    double left = is_polar ? 0 : -1.1, top = is_polar ? pi : 1.1;
    ct_tensor *axes[] = { ct_linspace(p->cx, CT_F64, top, -top, AREA),
                          ct_linspace(p->cx, CT_F64, left, 1.1, AREA) }, *xy[2];
    ct_meshgrid(axes, 2, xy);
    ct_tensor *places = ct_reshape(ct_stack(CT_TENSORS(xy[1], xy[0]), 2), CT_SHAPE(-1, 2));
    ct_tensor *says = ct_cast(ct_argmax(ct_module_forward(m, places), 1), CT_F32);
    image areas = { NULL, ct_data_f32(ct_shift(says, 1)), AREA, AREA, .palette = AREAS };
    report_chart(p, &(chart){ title, .x_name = is_polar ? "r" : "x", .x_low = left, .x_high = 1.1,
                              .y_low = -top, .y_high = top, .behind = &areas, .size = SQUARE,
                              .cover = !is_polar, .series = { dots(x, 0), dots(x, 1) } });
}

/* lines of a grid of the plane, in one stroke: to and fro, then up and down */
static ct_tensor *grid_of(ct_context *cx)
{
    ct_tensor *x = ct_empty(cx, CT_F64, CT_SHAPE(GRID, 2));
    double *at = ct_data_mutable(x);
    for (int i = 0; at && i < GRID; i++) {
        int line = i / STEPS, step = line % 2 ? STEPS - 1 - i % STEPS : i % STEPS;
        double along = 2.2 * step / (STEPS - 1) - 1.1;
        double across = 2.2 * (line % LINES) / (LINES - 1) - 1.1;
        at[2 * i + line / LINES] = along, at[2 * i + 1 - line / LINES] = across;
    }
    return x;
}

/* h (n,k) in two numbers: as it is, or its two directions of largest variance */
static ct_tensor *flat(ct_tensor *h)
{
    ct_tensor *u, *s, *vt;
    if (ct_size(h, 1) == 2)
        return h;
    h = ct_sub(h, ct_mean_over(h, CT_AXES(0), CT_KEEPDIMS));
    ct_svd(h, &u, &s, &vt);
    return ct_matmul(h, ct_transpose(ct_slice(vt, 0, 0, 2, 1)));
}

/* what the first `layers` layers make of the points and of the grid behind them */
static ct_tensor *through(ct_module *m, ct_tensor *x, int layers)
{
    for (int l = 0; l < layers; l++)
        x = ct_tanh(ct_module_forward(ct_module_child(m, l == 0 ? "0" : l == 1 ? "2" : "4"), x));
    return flat(x);
}

static void bent(program *p, const char *title, ct_tensor *h)
{
    report_chart(p, &(chart){ title, .size = SMALL, .series = {
        rows(h, POINTS, 1, GRID, THIN, GRAY), dots(h, 0), dots(h, 1) } });
}

static bool try(program *p, int k)
{
    images learn = k ? program_spirals(p, LEARN, 1.5, 0.01) : program_rings(p, LEARN, 0.05);
    images test = k ? program_spirals(p, POINTS, 1.5, 0.01) : program_rings(p, POINTS, 0.05);
    images learn2 = { polar(learn.x), learn.labels }, test2 = { polar(test.x), test.labels };
    ct_tensor *all = ct_concat(CT_TENSORS(test.x, grid_of(p->cx)), 0), *frames[FRAMES];
    ct_module *line = ct_mlp_new(p->cx, CT_F64, CT_SIZES(2, 2), CT_TANH, NULL);
    ct_module *line2 = ct_mlp_new(p->cx, CT_F64, CT_SIZES(2, 2), CT_TANH, NULL);
    ct_module *net = ct_mlp_new(p->cx, CT_F64, CT_SIZES(2, 24, 24, 2, 2), CT_TANH, NULL);
    if (!program_check(p, net, loss, (images[]){ images_first(&test, 20) }))
        return false;
    double *percent = right[k];
    percent[0] = fit(line, &learn, &test, 100), percent[1] = fit(line2, &learn2, &test2, 100);
    for (int i = 0; i < FRAMES; i++) {
        percent[2] = fit(net, &learn, &test, program_size(p, 20 << 2 * i, 20 << 2 * i, 2 << i));
        frames[i] = through(net, all, 3);
        program_progress(p, (k + ldexp(1, 2 * (i + 1 - FRAMES))) / 2, "%s", names[k]);
    }
    report_heading(p, names[k]);
    plane(p, program_words(p, "a line in (x, y): %.1f %% right", percent[0]), line, test.x, false);
    plane(p, program_words(p, "a line in (r, φ): %.1f %%", percent[1]), line2, test2.x, true);
    plane(p, program_words(p, "four layers: %.1f %%", percent[2]), net, test.x, false);
    report_text(p, "The plane as each layer bends it (of 24 units, the two main directions):");
    for (int l = 0; l <= 3; l++)
        bent(p, l ? program_words(p, "after layer %d", l) : "the plane", through(net, all, l));
    report_text(p, "Layer 3, two units, while it learns: in the end a line is enough.");
    for (int i = 0; i < FRAMES; i++)
        bent(p, program_words(p, "%d steps", 20 * ((4 << 2 * i) - 1) / 3), frames[i]);
    return !ct_error(p->cx);
}

int main(int argc, char **argv)
{
    program p = { .name = "representation", .title = "The same points in other coordinates",
                  .does = "separates rings and spirals in given and in learned coordinates",
                  .minutes = 0.1 };
    if (!program_begin(&p, argc, argv))
        return p.status;
    for (int k = 0; k < 2; k++)
        if (!try(&p, k))
            return program_end(&p, NULL);
    program_target(&p, fabs(right[0][0] - 50) < 10 && right[0][1] == 100, "rings: a line has %.1f "
                   "%% in (x, y) and %.1f %% in (r, φ)", right[0][0], right[0][1]);
    program_target(&p, right[0][2] == 100 && right[1][2] == 100, "layers learn coordinates where a "
                   "line has all: rings %.1f %%, spirals %.1f %%", right[0][2], right[1][2]);
    return program_end(&p, "two spirals: %.1f %% by a line in (x, y), %.1f %% in (r, φ), %.1f %% "
                       "in what layers learned", right[1][0], right[1][1], right[1][2]);
}
