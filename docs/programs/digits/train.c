#include "train.h"

#include <math.h>

static ct_optimizer *optimizer_for(ct_module *net, const options *o)
{
    int n;
    ct_tensor *const *parameters = ct_module_parameters(net, &n);
    if (o->algorithm == ADAM)
        return ct_adam_new(parameters, n, o->rate, NULL);
    return ct_sgd_new(parameters, n, o->rate,
                      &(ct_sgd_options){ .momentum = o->algorithm == MOMENTUM ? 0.9 : 0 });
}

/* the loss before the step; NaN on failure */
static double step(program *p, ct_module *net, ct_optimizer *optimizer, const images *batch)
{
    ct_scope scope = ct_scope_begin(p->cx);
    double value = program_step(p, net, optimizer, images_loss,
                                CT_TENSORS(batch->x, batch->labels));
    ct_scope_end(p->cx, scope);
    return value;
}

static void train_epoch(history *h, program *p, ct_module *net, ct_optimizer *optimizer,
                        ct_batches *batches, int epochs)
{
    epoch *e = &h->epochs[h->count];
    int64_t steps = ct_batches_count(batches), done = 0;
    double start = seconds_now(), sum = 0, share = 0;
    images batch;
    while (program_progress(p, (h->count + share) / epochs, "epoch %d of %d, loss %.4f",
                            h->count + 1, epochs, done ? sum / (double)done : 0)
           && ct_batches_next(batches, &batch.x, &batch.labels)) {
        double loss = step(p, net, optimizer, &batch);
        if (!isfinite(loss))
            ct_fail(p->cx, CT_ERROR_VALUE, "the loss is no longer finite: try a smaller --rate");
        e->sum[done * STRETCHES / steps] += loss;
        e->steps[done * STRETCHES / steps]++;
        sum += loss;
        done++;
        share = (double)done / (double)steps;
    }
    e->seconds = seconds_now() - start;
    e->loss = done ? sum / (double)done : 0;
    h->count++;
}

/* of all test images; each process looks at its part */
static double test_error(program *p, ct_module *net, const images *test)
{
    ct_scope scope = ct_scope_begin(p->cx);
    ct_inference(p->cx);
    ct_tensor *x = program_part(p, test->x);
    double accuracy = ct_accuracy(ct_module_forward(net, x), program_part(p, test->labels));
    accuracy = program_mean(p, accuracy, (double)ct_size(x, 0));
    ct_scope_end(p->cx, scope);
    return 1 - accuracy;
}

bool train(history *h, program *p, ct_module *net, const data *d, const options *o)
{
    program_share(p, net); /* an error shows below */
    ct_optimizer *optimizer = optimizer_for(net, o);
    ct_batches *batches = program_batches(p, d->train.x, d->train.labels, o->batch, NULL);
    *h = (history){ .epochs = ct_object_new(p->cx, (size_t)o->epochs * sizeof(epoch), NULL) };
    while ((!p->stopped || h->count == 0) && h->count < o->epochs && !ct_error(p->cx)) {
        epoch *e = &h->epochs[h->count];
        train_epoch(h, p, net, optimizer, batches, o->epochs);
        e->error = test_error(p, net, &d->test);
        if (!ct_error(p->cx))
            program_say(p, "epoch %3d of %d  loss %.4f  test error %5.2f %%  %6.2f s", h->count,
                        o->epochs, e->loss, 100 * e->error, e->seconds);
    }
    return !ct_error(p->cx);
}
