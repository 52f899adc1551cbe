/* ct_fit: batch after batch, step after step, epoch after epoch, and what happens between them. A
 * call is ended between two steps only, so that no gradient is lost. */
#include <errno.h>
#include <math.h>
#include <unistd.h>

#include "average.h"
#include "state.h"

typedef struct fit {
    ct_context *cx;
    ct_training *t;
    const ct_fit_options *o;
    ct_program *program; /* or NULL */
    ct_fit_report report;
    ct__progress progress;
    bool ended; /* by the caller, or for want of patience */
    bool asked; /* by the caller */
} fit;

static const char who[] = "fit";

/* -- Checks */
static ct_status check(const ct_training *t, const ct_fit_options *o)
{
    ct_status status = ct__training_check(t, who);
    if (status != CT_OK)
        return status;
    ct_context *cx = t->module->cx;
    if (!t->optimizer || !t->batches)
        return ct_fail(cx, CT_ERROR_NULL, "%s: the run must have an optimizer and batches", who);
    if (!ct__options_zeroed(cx, who, o->reserved))
        return ct_error(cx);
    if (o->epochs < 0 || o->accumulate < 0 || o->patience < 0)
        return ct_fail(cx, CT_ERROR_RANGE, "%s: epochs, accumulate and patience must not be "
                       "negative", who);
    if (!(o->max_norm >= 0 && o->max_value >= 0))
        return ct_fail(cx, CT_ERROR_VALUE, "%s: max_norm and max_value must not be negative", who);
    if (o->schedule && t->plateau)
        return ct_fail(cx, CT_ERROR_VALUE, "%s: a run with a plateau takes no schedule", who);
    return CT_OK;
}

/* -- One step */
static ct_status set_rate(const fit *f)
{
    if (!f->o->schedule)
        return CT_OK;
    double rate = ct_schedule_rate(f->o->schedule, f->t->step);
    if (!(rate >= 0) || isinf(rate))
        return ct_fail(f->cx, CT_ERROR_VALUE, "%s: the schedule's rate at step %lld is %g", who,
                       (long long)f->t->step, rate);
    ct_optimizer_set_rate(f->t->optimizer, rate);
    return CT_OK;
}

/* forward and backward of the batch x[1], and x[2] if there are labels; x[0] is its share in the
   step. The loss, or NULL and an error */
static ct_tensor *learn(ct_context *cx, ct_tensor *const *x, int n, void *user)
{
    const fit *f = user;
    ct_tensor *out = ct_module_forward(f->t->module, x[1]), *y = n > 2 ? x[2] : NULL;
    ct_tensor *loss = f->o->loss ? f->o->loss(out, y, f->o->user) : ct_cross_entropy(out, y);
    if (!loss)
        return ct_fail(cx, CT_ERROR_CALLBACK, "%s: the loss failed without saying why", who), NULL;
    ct_status status = ct_count(loss) == 1
                           ? ct_backward_from(loss, ct_reshape(ct_cast(x[0], ct_dtype_of(loss)),
                                                               ct_shape(loss), ct_ndim(loss)))
                           : ct_backward(loss); /* which says what is wrong */
    return status == CT_OK ? loss : NULL;
}

static double learn_batch(fit *f, ct_tensor *x, ct_tensor *y, double share)
{
    ct_tensor *all[] = { ct_scalar(f->cx, CT_F64, share), x, y }, *loss;
    int n = y ? 3 : 2;
    if (!all[0])
        return NAN;
    loss = f->program ? ct_program_run(f->program, all, n) : learn(f->cx, all, n, f);
    return loss ? ct_item(loss) : NAN;
}

static ct_status clip(const fit *f)
{
    int n;
    ct_tensor *const *w = ct_module_parameters(f->t->module, &n);
    if (f->o->max_norm > 0 && n > 0 && ct_clip_gradient_norm(w, n, f->o->max_norm) != CT_OK)
        return ct_error(f->cx);
    if (f->o->max_value > 0 && n > 0)
        return ct_clip_gradient_values(w, n, f->o->max_value);
    return CT_OK;
}

/* up to `accumulate` batches and a step; false at the end of the epoch, and on failure */
static bool step(fit *f)
{
    ct_training *t = f->t;
    int64_t left = f->report.batches - t->batch;
    int64_t wanted = f->o->accumulate > 1 ? f->o->accumulate : 1, n = left < wanted ? left : wanted;
    if (n <= 0 || set_rate(f) != CT_OK)
        return false;
    for (int64_t i = 0; i < n; i++) {
        ct_tensor *x, *y;
        if (!ct_batches_next(t->batches, &x, &y))
            return false;
        int64_t rows = ct_size(x, 0);
        ct_scope scope = ct_scope_begin_callback(f->cx);
        double loss = scope ? learn_batch(f, x, y, 1 / (double)n) : NAN;
        ct_scope_end(f->cx, scope);
        if (ct_error(f->cx) != CT_OK)
            return false;
        t->loss_sum += loss;
        t->batch++;
        f->progress.batches++;
        f->progress.examples += rows;
    }
    if (clip(f) != CT_OK || ct_optimizer_step(t->optimizer) != CT_OK)
        return false;
    t->step++;
    return !t->average || ct_average_update(t->average) == CT_OK;
}

/* -- Reports */
static void report(fit *f)
{
    const ct_training *t = f->t;
    ct_fit_report *r = &f->report;
    r->epoch = t->epoch, r->batch = t->batch, r->step = t->step;
    r->loss = t->batch > 0 ? t->loss_sum / (double)t->batch : NAN;
    r->rate = ct_optimizer_rate(t->optimizer);
    ct__progress_show(&f->progress, r);
}

/* the caller wants the call to end */
static bool asked(fit *f, bool (*callback)(const ct_fit_report *, void *))
{
    bool ends = f->o->stop && *f->o->stop;
    if (callback) {
        ct_scope scope = ct_scope_begin_callback(f->cx);
        ends = !callback(&f->report, f->o->user) || ends;
        ct_scope_end(f->cx, scope);
    }
    f->asked = f->asked || ends;
    return ends;
}

/* -- The end of an epoch */
static double metric_of(fit *f)
{
    ct_training *t = f->t;
    if (!f->o->metric)
        return NAN;
    if (t->average && ct_average_swap(t->average) != CT_OK)
        return NAN;
    ct_scope scope = ct_scope_begin_callback(f->cx);
    ct_inference(f->cx);
    double metric = scope ? f->o->metric(t->module, f->o->user) : NAN;
    ct_scope_end(f->cx, scope);
    if (t->average)
        ct_average_swap(t->average);
    return metric;
}

/* copies of all parameters and float buffers, for the best epoch */
static ct_status make_best(fit *f)
{
    ct_training *t = f->t;
    if (t->best || !f->o->keep_best)
        return CT_OK;
    int n = 0;
    for (ct__entries w = { .root = t->module }; ct__entries_next(&w);)
        n++;
    ct_tensor **all = ct_object_new(f->cx, ((size_t)n + 1) * sizeof *all, NULL);
    if (!all)
        return ct_error(f->cx);
    n = 0;
    for (ct__entries w = { .root = t->module }; ct__entries_next(&w);) {
        ct_dtype dtype = ct_dtype_of(w.entry->tensor);
        if ((dtype == CT_F32 || dtype == CT_F64) && ct__entries_is_first(&w))
            all[n++] = w.entry->tensor;
    }
    if (n > 0)
        t->best = ct_average_new(all, n, 0);
    if (t->best) /* whose weights are none of an epoch before */
        t->best_value = NAN;
    ct_object_free(all);
    return n == 0 || t->best ? CT_OK : ct_error(f->cx);
}

static ct_status judge(fit *f, double value)
{
    ct_training *t = f->t;
    bool first = t->epoch == 0 || isnan(t->best_value);
    bool best = first ? !isnan(value) : f->o->maximize ? value > t->best_value
                                                       : value < t->best_value;
    f->report.best = best;
    t->waited = best ? 0 : t->waited + 1;
    if (first || best)
        t->best_value = value;
    if (best && t->best && f->o->keep_best) {
        ct_average *shown = t->average; /* what was measured is what is kept */
        if (shown && ct_average_swap(shown) != CT_OK)
            return ct_error(f->cx);
        ct_status status = ct_average_update(t->best);
        if (shown && ct_average_swap(shown) != CT_OK)
            return ct_error(f->cx);
        if (status != CT_OK)
            return status;
    }
    if (t->plateau) {
        double rate = ct_optimizer_rate(t->optimizer);
        ct_optimizer_set_rate(t->optimizer, ct_plateau_rate(t->plateau, rate, value));
    }
    f->ended = f->ended || (f->o->patience > 0 && t->waited >= f->o->patience);
    return CT_OK;
}

/* the module gets what the best epoch had, and t->best keeps it */
static ct_status take_best(const fit *f)
{
    const ct_average *best = f->t->best;
    if (!best || isnan(f->t->best_value)) /* there are no weights, or no epoch was the best */
        return CT_OK;
    ct_scope scope = ct_scope_begin(f->cx);
    if (!scope)
        return ct_error(f->cx);
    ct_no_grad(f->cx);
    ct_status status = CT_OK;
    for (int i = 0; i < best->n && status == CT_OK; i++)
        status = ct_data_mutable(best->w[i]) ? CT_OK : ct_error(f->cx);
    for (int i = 0; i < best->n && status == CT_OK; i++)
        status = ct_assign(best->w[i], best->mean[i]);
    ct_scope_end(f->cx, scope);
    return status;
}

static ct_status save(const fit *f)
{
    return f->o->checkpoint ? ct_training_save(f->t, f->o->checkpoint) : CT_OK;
}

static ct_status end_epoch(fit *f)
{
    ct_training *t = f->t;
    ct_tensor *x, *y;
    if (ct_batches_next(t->batches, &x, &y)) /* says that the epoch is over */
        return ct_fail(f->cx, CT_ERROR_VALUE, "%s: the batches were used by somebody else", who);
    double loss = t->batch > 0 ? t->loss_sum / (double)t->batch : NAN;
    f->report.metric = metric_of(f);
    if (ct_error(f->cx) != CT_OK ||
        judge(f, f->o->metric ? f->report.metric : loss) != CT_OK)
        return ct_error(f->cx);
    t->epoch++;
    f->report.epoch_ended = true;
    report(f);
    t->batch = 0, t->loss_sum = 0;
    ct_status status = save(f);
    if (status == CT_OK && asked(f, f->o->on_epoch))
        f->ended = true;
    f->report.epoch_ended = f->report.best = false;
    f->report.metric = NAN;
    return status != CT_OK ? status : ct_error(f->cx);
}

/* -- The run */
static ct_status run_epoch(fit *f)
{
    while (step(f)) {
        report(f);
        if (asked(f, f->o->on_step)) {
            f->ended = true;
            return ct_error(f->cx) != CT_OK ? ct_error(f->cx) : save(f);
        }
    }
    return ct_error(f->cx) != CT_OK ? ct_error(f->cx) : end_epoch(f);
}

/* goes on from the checkpoint, if it is there */
static ct_status resume(fit *f)
{
    if (!f->o->checkpoint)
        return CT_OK;
    if (access(f->o->checkpoint, F_OK) != 0 && errno == ENOENT)
        return CT_OK;
    return ct_training_load(f->t, f->o->checkpoint);
}

static ct_status run(fit *f, int64_t epochs)
{
    ct_training *t = f->t;
    ct_status status = make_best(f);
    if (status == CT_OK)
        status = resume(f);
    f->report.batches = ct_batches_count(t->batches);
    f->report.epochs = epochs;
    f->ended = f->o->patience > 0 && t->epoch > 0 && t->waited >= f->o->patience;
    while (status == CT_OK && !f->ended && t->epoch < epochs)
        status = run_epoch(f);
    if (status == CT_OK && f->o->keep_best && !f->asked && t->epoch > 0)
        status = take_best(f);
    return status;
}

ct_status ct_fit(ct_training *t, const ct_fit_options *options)
{
    const ct_fit_options o = options ? *options : (ct_fit_options){ 0 };
    ct_status status = check(t, &o);
    if (status != CT_OK)
        return status;
    fit f = { .cx = t->module->cx, .t = t, .o = &o };
    if (ct_error(f.cx) != CT_OK) /* while an error is pending, batches end at once */
        return ct_error(f.cx);
    f.report.metric = f.report.examples_per_second = f.report.seconds_left = NAN;
    if (o.replay && !(f.program = ct_program_new(f.cx, learn, &f, o.replay)))
        return ct_error(f.cx);
    ct__progress_begin(&f.progress, o.bar);
    status = run(&f, o.epochs > 0 ? o.epochs : 1);
    ct__progress_end(&f.progress);
    ct_program_free(f.program);
    return status;
}
