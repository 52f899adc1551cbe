/* A variational autoencoder: codes with a distribution, from which digits are drawn. See vae.md. */
#include "program.h"
#include <math.h>
enum { CODE = 20, K = 50, EPOCHS = 10, GRID = 12, STEPS = 12, PART = 100 };
static const double epochs[EPOCHS] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };
static double tests[EPOCHS], trained[EPOCHS];
static float samples[GRID * GRID][PIXELS], walks[5 * STEPS][PIXELS], shown[20][PIXELS];

/* child "0" makes means and logarithms of variances of codes, "1" logits of pixels */
static ct_module *net_new(program *p)
{
    int64_t h = program_size(p, 400, 400, 50);
    return ct_sequential_new(p->cx, CT_MODULES(
        ct_mlp_new(p->cx, CT_F32, CT_SIZES(PIXELS, h, 2 * CODE), CT_RELU, NULL),
        ct_mlp_new(p->cx, CT_F32, CT_SIZES(CODE, h, PIXELS), CT_RELU, NULL)));
}

static ct_tensor *decode(ct_module *net, ct_tensor *z)
{
    return ct_module_forward(ct_module_child(net, "1"), z);
}

/* -log p(x|z) of each image: the cross-entropy of its pixels */
static ct_tensor *misfit(ct_module *net, ct_tensor *z, ct_tensor *x)
{
    return ct_sum_over(ct_binary_cross_entropy_each(decode(net, z), x), CT_AXES(1), 0);
}

/* z = q[0] + sigma e, where q[0] is the mean and q[1] is log sigma^2 */
static ct_tensor *encode(ct_module *net, ct_tensor *x, ct_tensor *e, ct_tensor **q)
{
    ct_split(ct_module_forward(ct_module_child(net, "0"), x), CT_SIZES(CODE, CODE), 1, q);
    return ct_add(q[0], ct_mul(ct_exp(ct_scale(q[1], 0.5)), e));
}

/* data: images x, and e of a standard normal distribution. The mean of -ELBO */
static ct_tensor *loss(ct_module *net, void *data)
{
    ct_tensor *x = ((ct_tensor **)data)[0], *q[2], *z = encode(net, x, ((ct_tensor **)data)[1], q);
    ct_tensor *kl = ct_sub(ct_add(ct_square(q[0]), ct_exp(q[1])), ct_shift(q[1], 1));
    return ct_mean(ct_add(misfit(net, z, x), ct_scale(ct_sum_over(kl, CT_AXES(1), 0), 0.5)));
}

static ct_tensor *draw(ct_tensor *x)
{
    return ct_randn(ct_context_of(x), ct_dtype_of(x), CT_SHAPE(ct_size(x, 0), CODE));
}

/* The mean of -log(1/K sum of p(x|z) p(z) / q(z|x)), K draws of z for each image. Without terms
   that cancel, log p(z) - log q(z|x) = 1/2 sum of (e^2 + s - z^2) */
static double tight_bound(program *p, ct_module *net, ct_tensor *x)
{
    double sum = 0, n = (double)ct_size(x, 0);
    for (int64_t i = 0; i < ct_size(x, 0); i += PART) {
        ct_scope scope = ct_scope_begin(p->cx);
        ct_inference(p->cx);
        ct_tensor *many = ct_repeat(ct_slice(x, 0, i, i + PART, 1), K, 0);
        ct_tensor *e = draw(many), *q[2], *z = encode(net, many, e, q);
        ct_tensor *w = ct_scale(ct_sub(ct_add(ct_square(e), q[1]), ct_square(z)), 0.5); /* log w */
        w = ct_sub(ct_sum_over(w, CT_AXES(1), 0), misfit(net, z, many));
        w = ct_reshape(w, CT_SHAPE(-1, K));
        sum += ct_item(ct_sum(ct_logsumexp_over(w, CT_AXES(1), 0)));
        ct_scope_end(p->cx, scope);
        program_progress(p, 0.7 + 0.3 * (double)i / n, "the bound with %d draws", K);
    }
    return log(K) - program_mean(p, sum / n, n);
}

static void train(program *p, ct_module *net, ct_tensor *learn, ct_tensor *test, int total)
{
    int n;
    ct_tensor *const *parameters = ct_module_parameters(net, &n), *x;
    ct_optimizer *adam = ct_adam_new(parameters, n, 1e-3, NULL);
    ct_batches *batches = program_batches(p, learn, NULL, 128, NULL);
    program_share(p, net); /* an error shows at the end */
    double each = (double)ct_batches_count(batches);
    for (int epoch = 0; epoch < total; epoch++) {
        for (int i = 0; !p->stopped && ct_batches_next(batches, &x, NULL); i++) {
            ct_scope scope = ct_scope_begin(p->cx);
            trained[epoch] += program_step(p, net, adam, loss, CT_TENSORS(x, draw(x))) / each;
            program_progress(p, 0.7 * (epoch + i / each) / total, "epoch %d", epoch + 1);
            ct_scope_end(p->cx, scope);
        }
        ct_scope scope = ct_scope_begin(p->cx);
        ct_inference(p->cx);
        double value = ct_item(loss(net, (ct_tensor *[]){ test, draw(test) }));
        tests[epoch] = program_mean(p, value, (double)ct_size(test, 0));
        ct_scope_end(p->cx, scope);
    }
}

/* drawn digits; one test image of each class, and what comes back; walks from 0 to 1, 2 to 3 */
static void show(program *p, ct_module *net, const images *test, int total)
{
    ct_inference(p->cx);
    ct_tensor *z = ct_randn(p->cx, CT_F32, CT_SHAPE(GRID * GRID, CODE)), *q[2];
    ct_to_memory(ct_sigmoid(decode(net, z)), samples, sizeof samples);
    ct_tensor *is = ct_eq(test->labels, ct_unsqueeze(ct_range(p->cx, CT_I64, CLASSES), 1));
    ct_tensor *x = ct_index_select(test->x, 0, ct_argmax(ct_cast(is, CT_I64), 1));
    encode(net, x, draw(x), q);
    ct_to_memory(ct_concat(CT_TENSORS(x, ct_sigmoid(decode(net, q[0]))), 0), shown, sizeof shown);
    z = ct_reshape(q[0], CT_SHAPE(-1, 2, CODE));
    ct_tensor *w = ct_unsqueeze(ct_linspace(p->cx, CT_F32, 0, 1, STEPS), 1);
    z = ct_lerp(ct_slice(z, 1, 0, 1, 1), ct_slice(z, 1, 1, 2, 1), w);
    ct_to_memory(ct_sigmoid(decode(net, z)), walks, sizeof walks);
    report_image(p, &(image){ "Drawn from the model: the first ones, not chosen", samples[0], SIDE,
                              SIDE, GRID * GRID, GRID, .size = FULL, .cover = true });
    report_heading(p, "Between digits, and through the code");
    report_image(p, &(image){ "From one test image's code to another's", walks[0], SIDE, SIDE,
                              5 * STEPS, STEPS, .size = FULL });
    report_image(p, &(image){ "Test images, and what comes back of them", shown[0], SIDE, SIDE,
                              20, 10, .size = FULL });
    report_chart(p, &(chart){ .title = "-ELBO in nats, by epoch", .whole = true, .last = true,
        .series = { { "test images", epochs, tests, total, LINE_AND_DOTS, 0 },
                    { "while it learned", epochs, trained, total, DASHED, 0 } } });
}

/* the mean of -x log p - (1-x) log(1-p) over all pixels */
static double nats(ct_tensor *x, ct_tensor *p)
{
    return -ct_item(ct_mean(ct_add(ct_xlogy(x, p), ct_xlogy(ct_rsub(1, x), ct_rsub(1, p)))));
}

int main(int argc, char **argv)
{
    program p = { .name = "vae", .title = "Digits that nobody wrote", .parallel = &program_ranks,
                  .does = "learns a distribution of digits, and draws from it", .minutes = 1 };
    if (!program_begin(&p, argc, argv))
        return p.status;
    images learn, test;
    int64_t n = program_size(&p, 60000, 10000, 500), m = program_size(&p, 10000, 2000, 200);
    ct_module *net = net_new(&p);
    ct_tensor *few = ct_rand(p.cx, CT_F64, CT_SHAPE(4, PIXELS)), *batch[] = { few, draw(few) };
    if (!program_digits(&p, n, m, &learn, &test) || !program_check(&p, net, loss, batch))
        return program_end(&p, NULL);
    int total = p.tiny ? 2 : EPOCHS;
    train(&p, net, learn.x, program_part(&p, test.x), total);
    ct_tensor *mean = ct_clamp(ct_mean_over(learn.x, CT_AXES(0), 0), 1e-3, 1 - 1e-3);
    double elbo = tests[total - 1], tight = tight_bound(&p, net, program_part(&p, test.x));
    double alone = PIXELS * nats(test.x, mean), gray = PIXELS * nats(test.x, test.x);
    show(&p, net, &test, total);
    report_fact(&p, "-ELBO", program_words(&p, "%.1f", elbo), program_words(&p, "nats for a test "
                "image; the bound by %d draws is %.1f", K, tight));
    report_fact(&p, "Without a code", program_words(&p, "%.1f", alone), program_words(&p, "by the "
                "mean image; an image told by itself has %.1f", gray));
    program_target(&p, elbo <= 107, "-ELBO on test images, %.1f, is at most 107", elbo);
    return program_end(&p, "-ELBO of test images %.1f, by %d draws %.1f (without a code %.1f)",
                       elbo, K, tight, alone);
}
