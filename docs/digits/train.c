#include "train.h"

#include <math.h>
#include <signal.h>

#include "clock.h"
#include "progress.h"

static volatile sig_atomic_t stop;

static void on_interrupt(int signal)
{
    (void)signal;
    stop = 1;
}

/* the first Ctrl-C asks us to stop; a second one ends the program as ever */
static void watch_interrupts(void)
{
    struct sigaction action = { .sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND };
    sigaction(SIGINT, &action, NULL);
}

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
static double step(ct_context *cx, ct_module *net, ct_optimizer *optimizer, const images *batch)
{
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *loss = ct_cross_entropy(ct_module_forward(net, batch->x), batch->labels);
    ct_backward(loss);
    ct_optimizer_step(optimizer);
    double value = ct_item(loss);
    ct_scope_end(cx, scope);
    return value;
}

static void train_epoch(epoch *e, ct_context *cx, ct_module *net, ct_optimizer *optimizer,
                        ct_batches *batches, progress *bar)
{
    int64_t steps = ct_batches_count(batches), done = 0;
    double start = seconds_now(), sum = 0;
    images batch;
    while (!stop && ct_batches_next(batches, &batch.x, &batch.labels)) {
        double loss = step(cx, net, optimizer, &batch);
        if (!isfinite(loss))
            ct_fail(cx, CT_ERROR_VALUE, "the loss is no longer finite: try a smaller --rate");
        e->sum[done * STRETCHES / steps] += loss;
        e->steps[done * STRETCHES / steps]++;
        sum += loss;
        done++;
        progress_step(bar, done, steps, sum / (double)done);
    }
    e->seconds = seconds_now() - start;
    e->loss = done ? sum / (double)done : 0;
}

static double test_error(ct_context *cx, ct_module *net, const images *test)
{
    ct_scope scope = ct_scope_begin(cx);
    ct_inference(cx);
    double accuracy = ct_accuracy(ct_module_forward(net, test->x), test->labels);
    ct_scope_end(cx, scope);
    return 1 - accuracy;
}

bool train(history *h, ct_context *cx, ct_module *net, const data *d, const options *o)
{
    ct_optimizer *optimizer = optimizer_for(net, o);
    ct_batches *batches = ct_batches_new(d->train.x, d->train.labels, o->batch, NULL);
    *h = (history){ .epochs = ct_object_new(cx, (size_t)o->epochs * sizeof(epoch), NULL) };
    progress bar = progress_new(o->epochs);
    watch_interrupts();
    while ((!stop || h->count == 0) && h->count < o->epochs && !ct_error(cx)) {
        epoch *e = &h->epochs[h->count++];
        train_epoch(e, cx, net, optimizer, batches, &bar);
        e->error = test_error(cx, net, &d->test);
        if (!ct_error(cx))
            progress_epoch(&bar, e->loss, e->error, e->seconds);
    }
    h->interrupted = stop;
    return !ct_error(cx);
}
