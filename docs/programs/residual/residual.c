/* A residual network: what its units look for, and why it can be deep. See residual.md. */
#include "pictures.h"
#include <math.h>
#include <unistd.h>
#define FASHION "/usr/share/datasets/fashion-mnist" /* of Debian's dataset-fashion-mnist */
enum { EPOCHS = 5, BATCH = 128, POINTS = 80, TINY = 15, NETS = 3, DEPTHS = 10 };
static double losses[NETS][POINTS], at[NETS][POINTS], errors[EPOCHS], epochs[] = { 1, 2, 3, 4, 5 };
static double lengths[NETS][DEPTHS], depths[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 };

/* the lengths of J's cotangents behind the first layer and each block; how many there are */
static int cotangents(ct_module *net, int blocks, const images *few, double *lengths)
{
    ct_scope scope = ct_scope_begin(ct_context_of(few->x));
    ct_tensor *x[DEPTHS], *g[DEPTHS];
    int n = 1;
    x[0] = ct_module_forward(ct_module_child(net, "0"), few->x);
    x[0] = ct_module_forward(ct_module_child(net, "1"), x[0]);
    for (int s = 1; s < STAGES; s++)
        for (int b = 0; b < blocks; b++, n++)
            x[n] = ct_module_forward(ct_module_child(ct_module_child(net, stage_names[s]),
                                                     stage_names[b]), x[n - 1]);
    ct_tensor *y = ct_module_forward(ct_module_child(net, "5"), x[n - 1]);
    ct_grad(ct_cross_entropy(y, few->labels), NULL, x, n, 0, g);
    for (int i = 0; i < n; i++)
        lengths[i] = ct_item(ct_norm(g[i], 2));
    ct_scope_end(ct_context_of(few->x), scope);
    return n;
}

/* the mean loss of the last tenth of steps; test NULL: it is not tested */
static double train(program *p, ct_module *net, int run, int total, const images *learn,
                    const images *test)
{
    int n, seen[POINTS] = { 0 }, points = p->tiny ? TINY : POINTS;
    double last = 0, rate = p->tiny ? 0.02 : 0.2;
    ct_tensor *const *w = ct_module_parameters(net, &n), *x, *labels;
    ct_optimizer *sgd = ct_sgd_new(w, n, rate, &(ct_sgd_options){
        .momentum = 0.9, .nesterov = true, .weight_decay = 5e-4 });
    const ct_transform shift = { .kind = CT_RANDOM_SHIFT, .pixels = 2 };
    ct_tensor *images = ct_reshape(learn->x, CT_SHAPE(-1, 1, SIDE, SIDE));
    ct_batches *batches = program_batches(p, images, learn->labels, p->tiny ? 20 : BATCH,
        &(ct_batches_options){ .drop_last = true, .transforms = &shift, .count = 1 });
    program_share(p, net); /* an error ends the loop below */
    int64_t step = 0, steps = total * ct_batches_count(batches), tenth = (steps + 9) / 10;
    const ct_schedule cycle = { .kind = CT_ONE_CYCLE, .rate = rate, .steps = steps };
    for (int epoch = 0; epoch < total; epoch++) {
        while (program_progress(p, 0.33 * run + 0.3 * (double)step / (double)steps, "network %d of "
                                "3, step %lld of %lld", run + 1, (long long)step, (long long)steps)
               && ct_batches_next(batches, &x, &labels)) {
            ct_scope scope = ct_scope_begin(p->cx);
            ct_optimizer_set_rate(sgd, ct_schedule_rate(&cycle, step));
            double loss = program_step(p, net, sgd, images_loss, CT_TENSORS(x, labels));
            int64_t k = step++ * points / steps;
            at[run][k] = (double)total * (double)(k + 1) / points;
            losses[run][k] += (loss - losses[run][k]) / ++seen[k];
            last += step > steps - tenth ? loss / (double)tenth : 0;
            ct_scope_end(p->cx, scope);
        }
        if (test)
            errors[epoch] = error_of(p, net, test);
    }
    return last;
}

static void curves(program *p, int total, int n)
{
    int points = p->tiny ? TINY : POINTS;
    report_heading(p, "How it learned");
    report_chart(p, &(chart){ .title = "Loss while learning", .x_name = "epoch", .y_log = 10,
        .whole = true, .last = true,
        .series = { { NULL, at[0], losses[0], points, LINE, BLUE } } });
    report_chart(p, &(chart){ .title = "Test error after each epoch", .x_name = "epoch",
        .unit = " %", .whole = true, .last = true,
        .series = { { NULL, epochs, errors, total, LINE_AND_DOTS, ORANGE } } });
    report_heading(p, "Three times as deep");
    report_text(p, "Nine blocks instead of three, with shortcuts and without, for one epoch. "
                "Left, the loss of what they learn from. Right, before the first step: the length "
                "of the gradient of the loss by what leaves the first layer (0) and each block. On "
                "its way down, a block without a shortcut multiplies it by a matrix F', one with a "
                "shortcut by I + F'.");
    report_chart(p, &(chart){ .title = "Loss while learning", .x_name = "epoch", .y_log = 10,
        .last = true, .series = { { "with shortcuts", at[1], losses[1], points, LINE, BLUE },
                                  { "without", at[2], losses[2], points, LINE, ORANGE } } });
    report_chart(p, &(chart){ .title = "Length of the gradient, before learning", .x_name = "block",
        .y_log = 10, .whole = true, .series = {
            { "with shortcuts", depths, lengths[1], n, LINE_AND_DOTS, BLUE },
            { "without", depths, lengths[2], n, LINE_AND_DOTS, ORANGE } } });
}

int main(int argc, char **argv)
{
    program p = { .name = "residual", .title = "What a residual network looks for", .minutes = 3,
                  .parallel = &program_ranks,
                  .does = "learns to read images by a network with shortcuts, and by deeper ones" };
    if (!program_begin(&p, argc, argv))
        return p.status;
    bool mnist = p.data != NULL;
    if (!mnist && !p.tiny && access(FASHION, R_OK) == 0)
        p.data = FASHION;
    images learn, test, few = { ct_rand(p.cx, CT_F64, CT_SHAPE(2, PIXELS)),
                                ct_randint(p.cx, 0, CLASSES, CT_SHAPE(2)) };
    int64_t c = program_size(&p, 16, 16, 4);
    ct_module *net = net_new(&p, c, 1, true);
    int total = p.tiny ? 1 : p.quick ? 2 : EPOCHS, n = 0;
    if (!program_digits(&p, program_size(&p, 60000, 10000, 300), program_size(&p, 10000, 2000, 300),
                        &learn, &test)
        || !program_check(&p, p.tiny ? net_new(&p, 2, 1, true) : net, images_loss, &few))
        return program_end(&p, NULL);
    double last[NETS] = { train(&p, net, 0, total, &learn, &test) }, error = errors[total - 1];
    for (int run = 1; run < NETS; run++) {
        ct_module *deep = net_new(&p, c, 3, run == 1);
        few = images_first(&learn, BATCH);
        n = cotangents(deep, 3, &few, lengths[run]);
        last[run] = train(&p, deep, run, 1, &learn, NULL);
    }
    if (p.rank > 0)
        return program_end(&p, NULL);
    ct_evaluation(p.cx);
    report_text(&p, "A network of eight layers and %lld numbers learned from %lld images. Which "
                "pixels would make it surer of what it sees, what does each of its units look for, "
                "and what are shortcuts good for?", (long long)ct_module_count(net),
                (long long)ct_size(learn.x, 0));
    saliency(&p, net, &test);
    report_fact(&p, "Test error", program_words(&p, "%.2f %%", error), program_words(&p,
                "of %lld images, after %d epochs", (long long)ct_size(test.x, 0), total));
    report_fact(&p, "Three times as deep", program_words(&p, "%.4f", last[1]),
                "the loss after one epoch, with shortcuts");
    report_fact(&p, "Without shortcuts", program_words(&p, "%.4f", last[2]),
                "the loss of as deep a network after one epoch");
    excite(&p, net, &test);
    curves(&p, total, n);
    if (mnist)
        program_target(&p, error <= 0.7, "the test accuracy %.2f %% is at least 99.3 %%",
                       100 - error);
    program_target(&p, last[2] > last[1], "without shortcuts the loss is higher");
    return program_end(&p, "test accuracy %.2f %%; three times as deep, loss %.4f with shortcuts, "
                       "%.4f without", 100 - error, last[1], last[2]);
}
