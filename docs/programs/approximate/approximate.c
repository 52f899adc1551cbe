/* How well one hidden layer approximates a function, against its width. See approximate.md. */
#include "program.h"
#include <math.h>
#include <string.h>

enum { FUNCTIONS = 3, WIDTHS = 9, PLACES = 4001, RESTARTS = 4 };
enum { TANH_TRAINED, RELU_TRAINED, RELU_BY_HAND, PIECES, COSINES, WAYS };

static const char *const names[] = { "smooth: e^(-x) sin 7x", "a kink: 2 |x - 0.3| - 1",
                                     "a jump: sign(x - 0.1)" };
static const char *const ways[] = { "tanh, trained", "ReLU, trained", "ReLU, by hand",
                                    "linear pieces", "cosines" };
/* errors by way, largest (0) or mean (1), function, width; the grid, and values there */
static double errors[WAYS][2][FUNCTIONS][WIDTHS], widths[WIDTHS];
static double x[PLACES], y[PLACES], t[FUNCTIONS][PLACES], fit[FUNCTIONS][WIDTHS][PLACES];

static double f(int k, double at)
{
    return k == 0 ? exp(-at) * sin(7 * at) : k == 1 ? 2 * fabs(at - 0.3) - 1 : at > 0.1 ? 1 : -1;
}

/* N(x) = sum over j of c_j s(a_j x + b_j) + d, with middles -b/a on both sides of 0 */
static ct_module *net_new(ct_context *cx, ct_activation s, int width)
{
    ct_layer_options random = { .weight_init = CT_HE_UNIFORM, .bias_init = CT_HE_UNIFORM };
    return ct_mlp_new(cx, CT_F64, CT_SIZES(1, width, 1), s, &random);
}

static ct_tensor *loss(ct_module *net, void *user)
{
    ct_tensor *const *data = user;
    return ct_mse(ct_module_forward(net, data[0]), data[1]);
}

/* every so-manieth value of the grid */
static ct_tensor *column(ct_context *cx, const double *values, int stride)
{
    ct_tensor *all = ct_borrow_const(cx, CT_F64, CT_SHAPE(PLACES, 1), values);
    return ct_contiguous(ct_slice(all, 0, 0, CT_END, stride));
}

static void train(ct_context *cx, ct_module *net, ct_tensor **data, int steps)
{
    for (int i = 0; i < RESTARTS; i++) {
        ct_minimize_options options = { .max_iterations = steps, .memory = 50 };
        ct_module_lbfgs(net, loss, data, &options, NULL);
        if (ct_error(cx) == CT_ERROR_VALUE)
            ct_error_clear(cx); /* a kink of the loss in its way: it begins anew from there */
    }
}

/* ReLUs with kinks at the knots -1 + 2j/n, each of which changes the slope there */
static void set_by_hand(ct_module *net, int k, int n)
{
    int count;
    ct_tensor *const *p = ct_module_parameters(net, &count);
    double *a = ct_data_mutable(p[0]), *b = ct_data_mutable(p[1]), *c = ct_data_mutable(p[2]);
    double h = 2.0 / n, slope = 0;
    ct_fill(p[3], f(k, -1));
    for (int j = 0; c && j < n; j++) {
        double knot = -1 + h * j, next = (f(k, knot + h) - f(k, knot)) / h;
        a[j] = 1, b[j] = -knot, c[j] = next - slope, slope = next;
    }
}

/* y is the first terms of the cosine series of f on [-1, 1] */
static void cosines(int k, int terms)
{
    memset(y, 0, sizeof y);
    for (int m = 0; m < terms; m++) {
        double c = 0, wave = m * 3.14159265358979323846 / (PLACES - 1);
        for (int i = 0; i < PLACES - 1; i++)
            c += f(k, (x[i] + x[i + 1]) / 2) * cos(wave * (i + 0.5)) * (m ? 2 : 1) / (PLACES - 1);
        for (int i = 0; i < PLACES; i++)
            y[i] += c * cos(wave * i);
    }
}

/* 2^i units, or as many parameters as these have */
static void try(program *p, int way, int k, int i, ct_tensor **data)
{
    int units = way == PIECES ? 3 << i : 1 << i;
    ct_module *net = net_new(p->cx, way == TANH_TRAINED ? CT_TANH : CT_RELU, units);
    if (way <= RELU_TRAINED)
        train(p->cx, net, data, (int)program_size(p, 1500, 500, 15));
    ct_scope scope = ct_scope_begin(p->cx);
    ct_no_grad(p->cx);
    if (way == RELU_BY_HAND || way == PIECES)
        set_by_hand(net, k, units);
    ct_to_doubles(ct_module_forward(net, column(p->cx, x, 1)), y, PLACES);
    if (way == COSINES)
        cosines(k, 3 * units + 1);
    ct_scope_end(p->cx, scope);
    ct_module_free(net);
    for (int j = 0; j < PLACES; j++) {
        errors[way][0][k][i] = fmax(errors[way][0][k][i], fabs(y[j] - t[k][j]));
        errors[way][1][k][i] += fabs(y[j] - t[k][j]) / PLACES;
    }
    if (way == TANH_TRAINED)
        memcpy(fit[k][i], y, sizeof y);
    double share = (k + ldexp(1 + 0.2 * way, i - WIDTHS)) / FUNCTIONS;
    program_progress(p, share, "%s, %s, %d units", names[k], ways[way], units);
}

static void show(program *p, int n)
{
    report_text(p, "Enough units come as near as you like to a continuous function: such weights "
                "exist, but training must find them. A wider network contains the narrower ones: "
                "where a trained curve is flat, rises, or lies above the weights that were set by "
                "hand, training is the limit, not width.");
    report_heading(p, "Three functions, and what tanh makes of them");
    for (int k = 0; k < FUNCTIONS; k++)
        report_chart(p, &(chart){ names[k], .size = SQUARE, .cover = !k, .x_name = "x", .series = {
            { "f", x, t[k], PLACES, LINE, GRAY }, { "2 units", x, fit[k][1], PLACES, LINE, 0 },
            { "4 units", x, fit[k][2], PLACES, DASHED, BLUE } } });
    for (int mean = 0; mean < 2; mean++) {
        report_heading(p, mean ? "The mean error" : "The largest error");
        for (int k = 0; k < FUNCTIONS; k++) {
            chart c = { names[k], .x_log = 2, .y_log = 10, .x_name = "units", .size = SQUARE };
            for (int w = 0; w < WAYS; w++)
                c.series[w] = (series){ ways[w], widths, errors[w][mean][k], n, LINE_AND_DOTS, 0 };
            report_chart(p, &c);
        }
    }
}

int main(int argc, char **argv)
{
    program p = { .name = "approximate", .title = "How many units does a function need?",
                  .does = "approximates three functions by 1 to 256 hidden units", .minutes = 1 };
    if (!program_begin(&p, argc, argv))
        return p.status;
    int n = (int)program_size(&p, WIDTHS, 7, 7), stride = (int)program_size(&p, 8, 8, 80);
    for (int k = 0; k < FUNCTIONS; k++) {
        for (int j = 0; j < PLACES; j++)
            x[j] = -1 + 2.0 * j / (PLACES - 1), t[k][j] = f(k, x[j]);
        ct_tensor *data[] = { column(p.cx, x, stride), column(p.cx, t[k], stride) };
        if (k == 0 && !program_check(&p, net_new(p.cx, CT_TANH, 8), loss, data))
            return program_end(&p, NULL);
        for (int i = 0; i < n; i++, widths[i - 1] = ldexp(1, i - 1))
            for (int way = 0; way < WAYS && !p.stopped; way++)
                try(&p, way, k, i, data);
    }
    show(&p, n);
    for (int w = TANH_TRAINED; w <= RELU_TRAINED; w++)
        program_target(&p, errors[w][0][0][6] <= 0.1 * errors[w][0][0][2], "%s: the largest error "
                       "of 64 units is at most a tenth of that of 4 (smooth function)", ways[w]);
    return program_end(&p, "largest error on the smooth function: %.1e with 4 units, %.1e with 64",
                       errors[0][0][0][2], errors[0][0][0][6]);
}
