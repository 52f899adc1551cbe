/* A digit told by 2 numbers, and by 32: autoencoders beside principal components. See codes.md. */
#include "program.h"
#include <string.h>
enum { PCA, NETWORK, WAYS, CODES = 2, POINTS = 250, GRID = 20, MANY = 200 };

static const int numbers[CODES] = { 2, 32 };
static double error[CODES][WAYS], same[CODES][WAYS];    /* of the test images: see judge() */
static double spots[WAYS][2][CLASSES][POINTS];  /* where digits lie in two numbers, by class */
static double left[MANY], counts[MANY], at[CODES], ours[CODES];
static int spot_count[CLASSES];
static float shown[1 + CODES * WAYS][CLASSES][PIXELS], grid[GRID * GRID][PIXELS];

/* child "0" makes the code, "1" the image */
static ct_module *net_new(program *p, int k)
{
    int64_t a = program_size(p, 256, 256, 32), b = program_size(p, 64, 64, 16);
    return ct_sequential_new(p->cx, CT_MODULES(
        ct_mlp_new(p->cx, CT_F32, CT_SIZES(PIXELS, a, b, k), CT_RELU, NULL),
        ct_mlp_new(p->cx, CT_F32, CT_SIZES(k, b, a, PIXELS), CT_RELU, NULL)));
}

static ct_tensor *loss(ct_module *net, void *data)
{
    return ct_mse(ct_module_forward(net, *(ct_tensor **)data), *(ct_tensor **)data);
}

/* Eigenvectors of the sum of (x - m)(x - m)^T as columns, that of the largest eigenvalue first. And
   left[k]: the test error of k of them, the mean square of the components beyond these */
static ct_tensor *components(ct_tensor *x, ct_tensor *mean, ct_tensor *test)
{
    ct_scope scope = ct_scope_begin(ct_context_of(x));
    ct_tensor *centered = ct_sub(x, mean), *v;
    ct_eigh(ct_cast(ct_matmul(ct_transpose(centered), centered), CT_F64), NULL, &v);
    ct_tensor *squares = ct_square(ct_matmul(ct_cast(ct_sub(test, mean), CT_F64), v));
    ct_tensor *sums = ct_scale(ct_cumsum(ct_mean_over(squares, CT_AXES(0), 0), 0), 1.0 / PIXELS);
    ct_to_doubles(ct_slice(ct_flip(sums, CT_AXES(0)), 0, 0, MANY, 1), left, MANY);
    ct_to_doubles(ct_range(ct_context_of(x), CT_F64, MANY), counts, MANY);
    return ct_scope_return(ct_context_of(x), scope, ct_cast(ct_flip(v, CT_AXES(1)), CT_F32));
}

static void train(program *p, int i, ct_module *net, ct_tensor *learn)
{
    int n, epochs = (int)program_size(p, 20, 15, 2);
    ct_tensor *const *parameters = ct_module_parameters(net, &n), *x;
    ct_optimizer *adam = ct_adam_new(parameters, n, 0, NULL);
    ct_batches *batches = ct_batches_new(learn, NULL, 128, NULL);
    int64_t each = ct_batches_count(batches), steps = epochs * each, step = 0;
    ct_schedule cycle = { .kind = CT_ONE_CYCLE, .rate = 3e-3, .steps = steps };
    while (program_progress(p, (i + (double)step / (double)steps) / CODES, "%d numbers, epoch %d "
                            "of %d", numbers[i], (int)(step / each) + 1, epochs) && step < steps)
        while (ct_batches_next(batches, &x, NULL) && !p->stopped) {
            ct_scope scope = ct_scope_begin(p->cx);
            ct_optimizer_set_rate(adam, ct_schedule_rate(&cycle, step++));
            program_step(p, net, adam, loss, &x, 1);
            ct_scope_end(p->cx, scope);
        }
}

/* error: the mean square of x - back. same: the share of images of the first fifth whose neighbor,
   the nearest by code in the rest, is of the same class. And a picture of each class */
static void judge(int i, int way, ct_tensor *code, ct_tensor *back, const images *test)
{
    int64_t n = ct_size(code, 0), part = n / 5;
    ct_tensor *a = ct_slice(code, 0, 0, part, 1), *b = ct_slice(code, 0, part, n, 1);
    ct_tensor *squares = ct_sum_over(ct_square(b), CT_AXES(1), 0); /* |a - b|^2 less |a|^2: */
    ct_tensor *distances = ct_sub(squares, ct_scale(ct_matmul(a, ct_transpose(b)), 2));
    const int64_t *near = ct_data_i64(ct_argmin(distances, 1)), *label = ct_data_i64(test->labels);
    const float *x = ct_data_f32(test->x), *y = ct_data_f32(back), *z = ct_data_f32(code);
    error[i][way] = ct_item(ct_mse(back, test->x));
    memset(spot_count, 0, sizeof spot_count);
    for (int64_t j = n - 1; near && x && y && z && j >= 0; j--) {
        int64_t c = label[j], k = spot_count[c] < POINTS ? spot_count[c]++ : POINTS - 1;
        same[i][way] += j < part && c == label[part + near[j]] ? 100.0 / (double)part : 0;
        memcpy(shown[0][c], x + j * PIXELS, sizeof shown[0][c]);
        memcpy(shown[1 + WAYS * i + way][c], y + j * PIXELS, sizeof shown[0][c]);
        for (int axis = 0; i == 0 && axis < 2; axis++)
            spots[way][axis][c][k] = z[2 * j + axis];
    }
}

/* a network's turn, and, of two numbers, what it makes of a grid of them around their mean */
static void judge_network(program *p, int i, ct_tensor *learn, const images *test)
{
    ct_module *net = net_new(p, numbers[i]);
    train(p, i, net, learn);
    ct_scope scope = ct_scope_begin(p->cx);
    ct_inference(p->cx);
    ct_tensor *code = ct_module_forward(ct_module_child(net, "0"), test->x), *axes[2];
    judge(i, NETWORK, code, ct_module_forward(ct_module_child(net, "1"), code), test);
    for (int axis = 0; axis < 2; axis++) { /* to the right; downward */
        ct_tensor *own = ct_select(code, 1, axis), *s = ct_scale(ct_std(own), axis ? -2 : 2);
        axes[axis] = ct_add(ct_mean(own), ct_mul(s, ct_linspace(p->cx, CT_F32, -1, 1, GRID)));
        axes[axis] = ct_expand(axis ? ct_unsqueeze(axes[1], 1) : axes[0], CT_SHAPE(GRID, GRID));
    }
    code = ct_stack(axes, 2, 2);
    if (i == 0)
        ct_to_memory(ct_module_forward(ct_module_child(net, "1"), code), grid, sizeof grid);
    ct_scope_end(p->cx, scope);
}

static void show(program *p)
{
    report_heading(p, "Where the digits lie");
    for (int way = 0; way < WAYS; way++) {
        chart c = { way ? "The network's two numbers" : "Two principal components", .cover = way };
        for (int d = 0; d < CLASSES; d++)
            c.series[d] = (series){ program_words(p, "%d", d), spots[way][0][d], spots[way][1][d],
                                    spot_count[d], DOTS, 0 };
        report_chart(p, &c);
    }
    report_image(p, &(image){ "What the network makes of points of its plane", grid[0], SIDE, SIDE,
                              GRID * GRID, GRID, .size = FULL });
    report_heading(p, "What comes back");
    report_image(p, &(image){ "Test images; from 2 components; from 2 numbers of the network; "
        "from 32 components; from 32 numbers", shown[0][0], SIDE, SIDE, 50, 10, .size = FULL });
    report_chart(p, &(chart){ .title = "Error against numbers", .x_log = 2, .y_log = 10, .series =
        { { "components", counts, left, MANY, LINE, 0 }, { "network", at, ours, 2, DOTS, 0 } } });
}

int main(int argc, char **argv)
{
    program p = { .name = "codes", .title = "A digit in two numbers", .minutes = 1,
                  .does = "tells digits by 2 and by 32 numbers, and makes them of these again" };
    if (!program_begin(&p, argc, argv))
        return p.status;
    images learn, test;
    int n = (int)program_size(&p, 60000, 10000, 500), m = (int)program_size(&p, 10000, 10000, 200);
    if (!program_digits(&p, n, m, &learn, &test)
        || !program_check(&p, net_new(&p, 2), loss,
                          (ct_tensor *[]){ ct_cast(images_first(&learn, 8).x, CT_F64) }))
        return program_end(&p, NULL);
    ct_tensor *mean = ct_mean_over(learn.x, CT_AXES(0), 0), *v = components(learn.x, mean, test.x);
    report_row(&p, "numbers|components|network|is as good as|nearest neighbors of the same class");
    for (int i = 0; i < CODES; i++) {
        ct_tensor *basis = ct_slice(v, 1, 0, numbers[i], 1);
        ct_tensor *code = ct_matmul(ct_sub(test.x, mean), basis);
        judge(i, PCA, code, ct_add(ct_matmul(code, ct_transpose(basis)), mean), &test);
        judge_network(&p, i, learn.x, &test);
        double theirs = error[i][PCA], its = error[i][NETWORK];
        for (n = 0; n < MANY - 1 && left[n] > its; n++) {}
        report_row(&p, "%d|%.4f|%.4f|%d components|components %.1f %%, network %.1f %%", numbers[i],
                   theirs, its, n, same[i][PCA], same[i][NETWORK]);
        program_target(&p, its < theirs, "%d numbers: the network's test error %.4f is below that "
                       "of components, %.4f", numbers[i], its, theirs);
        at[i] = numbers[i], ours[i] = its;
    }
    show(&p);
    return program_end(&p, "test error of 2 numbers %.4f (components %.4f), of 32 %.4f (%.4f)",
                       ours[0], error[0][PCA], ours[1], error[1][PCA]);
}
