/* Two networks against each other: one draws digits, one tells them from real ones. See gan.md. */
#include "program.h"
enum { SOUND, FRAIL, VARIANTS, NOISE = 64, FEATURES = 64, EPOCHS = 12, BATCH = 64, SHOWN = 144 };
/* of each pair: after each epoch; the share of the class drawn least, in %; nearest() */
static double epochs[EPOCHS], curve[VARIANTS][EPOCHS], least[VARIANTS], near[VARIANTS], last[2];
static float samples[VARIANTS][SHOWN][PIXELS];

/* linear layers; between them batch norms (which take biases away), leaky ReLUs and dropouts */
static ct_module *net_new(ct_context *cx, const int64_t *sizes, int n, bool norm, double dropout)
{
    ct_module *net[16];
    int m = 0;
    for (int i = 0; i + 2 < n; i++) {
        net[m++] = ct_linear_new(cx, CT_F32, sizes[i], sizes[i + 1],
                                 &(ct_layer_options){ .no_bias = norm });
        if (norm)
            net[m++] = ct_batch_norm_new(cx, CT_F32, sizes[i + 1], NULL);
        net[m++] = ct_function_of_number_new(cx, "leaky_relu", ct_leaky_relu, 0.2);
        net[m++] = ct_dropout_new(cx, dropout);
    }
    net[m++] = ct_linear_new(cx, CT_F32, sizes[n - 2], sizes[n - 1], NULL);
    return ct_sequential_new(cx, net, m);
}

/* child "0" draws, child "1" tells */
static ct_module *pair_new(program *p, bool norm, double dropout)
{
    int64_t w = program_size(p, 128, 128, 16);
    return ct_sequential_new(p->cx, CT_MODULES(
        net_new(p->cx, CT_SIZES(NOISE, w, 2 * w, 4 * w, PIXELS), norm, 0),
        net_new(p->cx, CT_SIZES(PIXELS, 4 * w, 2 * w, 1), false, dropout)));
}

static ct_tensor *draw(ct_module *pair, ct_tensor *z)
{
    return ct_sigmoid(ct_module_forward(ct_module_child(pair, "0"), z));
}

/* what x is to be taken for: the mean of -log D(x), sign -1, or of -log(1 - D(x)), sign 1 */
static ct_tensor *loss(ct_module *pair, ct_tensor *x, int sign)
{
    return ct_mean(ct_softplus(ct_scale(ct_module_forward(ct_module_child(pair, "1"), x), sign)));
}

/* all terms of both losses at once, for the check */
static ct_tensor *all(ct_module *pair, void *data)
{
    ct_tensor *x = ((ct_tensor **)data)[0], *y = draw(pair, ((ct_tensor **)data)[1]);
    return ct_add(ct_add(loss(pair, x, -1), loss(pair, y, 1)), ct_scale(loss(pair, y, -1), 3));
}

/* |m - m'|^2 + tr(C + C' - 2 (C^1/2 C' C^1/2)^1/2), of the judge's features of x and of x' */
static double frechet(ct_module *judge, ct_tensor *x, ct_tensor *other)
{
    ct_tensor *f[] = { x, other }, *m[2], *c[2], *w, *v;
    for (int i = 0; i < 2; i++) {
        f[i] = ct_cast(ct_relu(ct_module_forward(ct_module_child(judge, "0"), f[i])), CT_F64);
        m[i] = ct_mean_over(f[i], CT_AXES(0), 0);
        f[i] = ct_sub(f[i], m[i]);
        c[i] = ct_scale(ct_matmul(ct_transpose(f[i]), f[i]), 1.0 / (double)ct_size(f[i], 0));
    }
    ct_eigh(c[0], &w, &v);
    ct_tensor *root = ct_matmul(ct_mul(v, ct_sqrt(ct_relu(w))), ct_transpose(v));
    ct_eigh(ct_matmul(ct_matmul(root, c[1]), root), &w, NULL);
    return ct_item(ct_sum(ct_square(ct_sub(m[0], m[1])))) + ct_item(ct_trace(ct_add(c[0], c[1])))
           - 2 * ct_item(ct_sum(ct_sqrt(ct_relu(w))));
}

/* the mean distance from one of the first 500 images x to the nearest training image */
static double nearest(ct_tensor *x, ct_tensor *learn)
{
    ct_tensor *few = ct_slice(x, 0, 0, 500, 1), *b = ct_sum_over(ct_square(learn), CT_AXES(1), 0);
    ct_tensor *d = ct_sub(b, ct_scale(ct_matmul(few, ct_transpose(learn)), 2));
    d = ct_add(ct_min_over(d, CT_AXES(1), 0), ct_sum_over(ct_square(few), CT_AXES(1), 0));
    return ct_item(ct_mean(ct_sqrt(ct_relu(d))));
}

static void train(program *p, int v, int total, ct_module *judge, ct_tensor *learn, ct_tensor *test)
{
    int n;
    ct_module *pair = pair_new(p, v == SOUND, v == SOUND ? 0.3 : 0);
    ct_tensor *const *parameters = ct_module_parameters(pair, &n), *x;
    ct_optimizer *adam = ct_adam_new(parameters, n, v == SOUND ? 4e-4 : 1e-3,
                                     &(ct_adam_options){ .beta1 = v == SOUND ? 0.5 : 0.9 });
    ct_batches *batches = ct_batches_new(learn, NULL, BATCH, NULL);
    for (int epoch = 0; epoch < total; epoch++) {
        while (program_progress(p, 0.8 * v + (v ? 0.2 : 0.8) * epoch / total, "pair %d, epoch %d",
                                v + 1, epoch + 1) && ct_batches_next(batches, &x, NULL)) {
            ct_scope scope = ct_scope_begin(p->cx);
            ct_tensor *y = draw(pair, ct_randn(p->cx, CT_F32, CT_SHAPE(BATCH, NOISE)));
            ct_backward(ct_add(loss(pair, x, -1), loss(pair, ct_detach(y), 1)));
            ct_optimizer_step(adam);    /* of d: what has no gradient stays as it is */
            ct_module_freeze(pair, "1", true);
            ct_backward(loss(pair, y, -1));
            ct_optimizer_step(adam);    /* of g */
            ct_module_freeze(pair, "1", false);
            ct_scope_end(p->cx, scope);
        }
        ct_scope scope = ct_scope_begin(p->cx);
        ct_inference(p->cx);
        ct_tensor *y = draw(pair, ct_randn(p->cx, CT_F32, CT_SHAPE(ct_size(test, 0), NOISE)));
        ct_tensor *count = ct_bincount(ct_argmax(ct_module_forward(judge, y), 1), NULL, CLASSES);
        least[v] = 100 * ct_item(ct_min(count)) / (double)ct_size(y, 0);
        ct_to_memory(ct_slice(y, 0, 0, SHOWN, 1), samples[v], sizeof samples[v]);
        epochs[epoch] = epoch + 1, last[v] = curve[v][epoch] = frechet(judge, learn, y);
        near[v] = nearest(y, learn);
        ct_scope_end(p->cx, scope);
    }
}

int main(int argc, char **argv)
{
    program p = { .name = "gan", .title = "Two networks against each other", .minutes = 5,
                  .does = "learns to draw digits against a network that tells real ones" };
    if (!program_begin(&p, argc, argv))
        return p.status;
    images learn, test;
    int n, total[VARIANTS] = { p.tiny ? 2 : p.quick ? 12 : EPOCHS, p.tiny ? 1 : 2 };
    ct_tensor *z = ct_randn(p.cx, CT_F64, CT_SHAPE(4, NOISE));
    ct_tensor *few[] = { ct_rand(p.cx, CT_F64, CT_SHAPE(4, PIXELS)), z };
    if (!program_digits(&p, program_size(&p, 60000, 10000, 600), p.tiny ? 600 : 10000, &learn,
                        &test) || !program_check(&p, pair_new(&p, true, 0), all, few))
        return program_end(&p, NULL);
    ct_module *judge = ct_sequential_new(p.cx, CT_MODULES(
        ct_mlp_new(p.cx, CT_F32, CT_SIZES(PIXELS, 256, FEATURES), CT_RELU, NULL),
        ct_activation_new(p.cx, CT_RELU), ct_linear_new(p.cx, CT_F32, FEATURES, CLASSES, NULL)));
    ct_tensor *const *parameters = ct_module_parameters(judge, &n);
    ct_training run = { .module = judge, .optimizer = ct_adam_new(parameters, n, 1e-3, NULL),
                        .batches = ct_batches_new(learn.x, learn.labels, 128, NULL) };
    ct_fit(&run, &(ct_fit_options){ .epochs = 4, .replay = p.replay });
    for (int v = 0; v < VARIANTS; v++)
        train(&p, v, total[v], judge, learn.x, test.x);
    ct_inference(p.cx);
    double real = frechet(judge, learn.x, test.x), own = nearest(test.x, learn.x);
    double noise = frechet(judge, learn.x, ct_rand(p.cx, CT_F32, CT_SHAPE(1000, PIXELS)));
    report_image(&p, &(image){ "Sound", *samples[SOUND], SIDE, SIDE, SHOWN, .cover = true });
    report_image(&p, &(image){ "Frail", *samples[FRAIL], SIDE, SIDE, SHOWN, .size = HALF });
    report_row(&p, "images|Fréchet distance|rarest class|to the nearest training image");
    report_row(&p, "sound pair|%.2f|%.1f %%|%.2f", last[SOUND], least[SOUND], near[SOUND]);
    report_row(&p, "frail pair|%.2f|%.1f %%|%.2f", last[FRAIL], least[FRAIL], near[FRAIL]);
    report_row(&p, "test images|%.2f||%.2f", real, own), report_row(&p, "noise|%.2f", noise);
    report_chart(&p, &(chart){ .title = "Fréchet distance by epoch", .y_log = 10, .series = {
        { "sound", epochs, curve[SOUND], total[SOUND], LINE_AND_DOTS, 0 },
        { "frail", epochs, curve[FRAIL], total[FRAIL], LINE_AND_DOTS, 0 } } });
    program_target(&p, last[0] <= 25, "the Fréchet distance %.1f is at most 25", last[0]);
    program_target(&p, least[SOUND] >= 3, "the rarest class is %.1f %%, at least 3", least[SOUND]);
    program_target(&p, near[SOUND] >= own, "no nearer to training images than test images are");
    return program_end(&p, "Fréchet distance %.1f, of test images %.1f, of noise %.0f", *last, real,
                       noise);
}
