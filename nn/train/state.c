/* A run in a file: tensors under "model.", "optimizer.", "average." and "best.", and all numbers as
 * whole numbers in the metadata; of doubles these are their bits, since a printed number would
 * depend on the locale. */
#include <stdio.h>

#include "average.h"
#include "batches.h"
#include "optimizer.h"
#include "state.h"
#include "tensors.h"

/* -- Numbers */
enum {
    VERSION, STEP, EPOCH, BATCH, LOSS_SUM, BEST_VALUE, WAITED, SEED, DRAWS, RULE, RATE, ROWS, ROW,
    ROW_SEED, ROW_DRAWS, PLATEAU, PLATEAU_BEST, PLATEAU_BAD, PLATEAU_REST, NUMBERS
};
static const char *const keys[NUMBERS] = {
    "cotangent", "step", "epoch", "batch", "loss_sum", "best_value", "waited", "seed", "draws",
    "rule", "rate", "rows", "row", "row_seed", "row_draws", "plateau", "plateau_best",
    "plateau_bad", "plateau_rest"
};
static const char version[] = "training 1";
enum { PLATEAU_BEGUN = 1, PLATEAU_NEW = 2 }; /* the number PLATEAU; 0: there is none */

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double double_of(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void numbers_of(const ct_training *t, uint64_t n[NUMBERS])
{
    const ct_plateau none = { .begun = false }, *plateau = t->plateau ? t->plateau : &none;
    ct__place place = t->batches ? ct__batches_place(t->batches) : (ct__place){ 0 };
    ct_stream stream = ct_random_stream(t->module->cx);
    n[STEP] = (uint64_t)t->step, n[EPOCH] = (uint64_t)t->epoch, n[BATCH] = (uint64_t)t->batch;
    n[LOSS_SUM] = bits_of(t->loss_sum), n[BEST_VALUE] = bits_of(t->best_value);
    n[WAITED] = (uint64_t)t->waited;
    n[SEED] = stream.seed, n[DRAWS] = stream.draws;
    n[RULE] = t->optimizer ? (uint64_t)t->optimizer->options.rule : 0;
    n[RATE] = bits_of(t->optimizer ? t->optimizer->rate : 0);
    n[ROWS] = (uint64_t)place.count, n[ROW] = (uint64_t)place.at;
    n[ROW_SEED] = place.stream.seed, n[ROW_DRAWS] = place.stream.draws;
    n[PLATEAU] = !t->plateau ? 0 : plateau->begun ? PLATEAU_BEGUN : PLATEAU_NEW;
    n[PLATEAU_BEST] = bits_of(plateau->best);
    n[PLATEAU_BAD] = (uint64_t)plateau->bad, n[PLATEAU_REST] = (uint64_t)plateau->rest;
}

static void take_numbers(ct_training *t, const uint64_t n[NUMBERS])
{
    t->step = (int64_t)n[STEP], t->epoch = (int64_t)n[EPOCH], t->batch = (int64_t)n[BATCH];
    t->loss_sum = double_of(n[LOSS_SUM]), t->best_value = double_of(n[BEST_VALUE]);
    t->waited = (int64_t)n[WAITED];
    if (t->optimizer)
        t->optimizer->rate = double_of(n[RATE]);
    if (t->batches)
        ct__batches_resume(t->batches, &(ct__place){ (int64_t)n[ROW], (int64_t)n[ROWS],
                                                     { n[ROW_SEED], n[ROW_DRAWS] } });
    if (t->plateau) {
        t->plateau->begun = n[PLATEAU] == PLATEAU_BEGUN;
        t->plateau->best = double_of(n[PLATEAU_BEST]);
        t->plateau->bad = (int64_t)n[PLATEAU_BAD], t->plateau->rest = (int64_t)n[PLATEAU_REST];
    }
    ct_random_resume(t->module->cx, (ct_stream){ n[SEED], n[DRAWS] });
}

/* digits only; false: it is no such number */
static bool parse(const char *text, uint64_t *out)
{
    uint64_t value = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        unsigned digit = (unsigned)(*text - '0');
        if (digit > 9 || value > (UINT64_MAX - digit) / 10)
            return false;
        value = 10 * value + digit;
    }
    *out = value;
    return true;
}

/* -- Tensors */
static int count_tensors(const ct_training *t)
{
    int n = ct__tensors_below(t->module);
    n += t->optimizer ? t->optimizer->n * t->optimizer->states : 0;
    n += t->average ? t->average->n : 0;
    return n + (t->best ? t->best->n : 0);
}

static void add_average(ct__tensors *all, const char *before, const ct_average *a)
{
    char name[16];
    for (int i = 0; a && i < a->n; i++) {
        snprintf(name, sizeof name, "%d", i);
        ct__tensors_add(all, before, name, a->mean[i]);
    }
}

static ct_status list_tensors(ct__tensors *all, const ct_training *t)
{
    char name[32];
    if (ct__tensors_room(all, count_tensors(t)) != CT_OK ||
        ct__tensors_add_module(all, "model.", t->module) != CT_OK)
        return ct_error(all->cx);
    const ct_optimizer *o = t->optimizer;
    int number = 0;
    for (const ct__group *group = o ? o->groups : NULL; group; group = group->next)
        for (int i = 0; i < group->n; i++, number++)
            for (int k = 0; k < o->states; k++) {
                snprintf(name, sizeof name, "%d.%d", number, k);
                ct__tensors_add(all, "optimizer.", name, group->states[k][i]);
            }
    add_average(all, "average.", t->average);
    add_average(all, "best.", t->best);
    return CT_OK;
}

/* -- The two functions */
ct_status ct__training_check(const ct_training *t, const char *who)
{
    if (!t || !t->module)
        return CT_ERROR_NULL;
    if (!ct__module_alive(t->module, who) ||
        (t->optimizer && !ct__optimizer_alive(t->optimizer, who)) ||
        (t->batches && !ct__batches_alive(t->batches, who)) ||
        (t->average && !ct__average_alive(t->average, who)) ||
        (t->best && !ct__average_alive(t->best, who)))
        return CT_ERROR_STALE;
    ct_context *cx = t->module->cx;
    if ((t->optimizer && t->optimizer->cx != cx) || (t->average && t->average->cx != cx) ||
        (t->best && t->best->cx != cx) || (t->batches && ct__batches_context(t->batches) != cx))
        return ct_fail(cx, CT_ERROR_CONTEXT, "%s: the parts of a run must be of one context", who);
    if (t->reserved[0] | t->reserved[1] | t->reserved[2] | t->reserved[3])
        return ct_fail(t->module->cx, CT_ERROR_VALUE, "%s: the run must be zeroed before it is "
                       "filled in, and `reserved` must stay zero", who);
    return CT_OK;
}

/* checks t, and makes the optimizer's states, so that there is a tensor for each */
static ct_status prepare(const ct_training *t, const char *who, const char *path)
{
    ct_status status = ct__training_check(t, who);
    if (status == CT_OK && !path)
        status = ct_fail(t->module->cx, CT_ERROR_NULL, "%s: the path is NULL", who);
    return status == CT_OK && t->optimizer ? ct__optimizer_complete(t->optimizer) : status;
}

ct_status ct_training_save(const ct_training *t, const char *path)
{
    ct_status status = prepare(t, "training_save", path);
    if (status != CT_OK)
        return status;
    uint64_t n[NUMBERS] = { 0 };
    ct__pair pairs[NUMBERS];
    numbers_of(t, n);
    for (int i = 0; i < NUMBERS; i++) {
        pairs[i].key = keys[i];
        snprintf(pairs[i].value, sizeof pairs[i].value, "%llu", (unsigned long long)n[i]);
    }
    memcpy(pairs[VERSION].value, version, sizeof version);
    ct__tensors all = { .cx = t->module->cx, .who = "training_save", .path = path, .pairs = pairs,
                        .count = NUMBERS };
    status = list_tensors(&all, t);
    if (status == CT_OK)
        status = ct__tensors_write(&all);
    ct__tensors_free(&all);
    return status;
}

/* the numbers of the pairs, if they fit this run */
static ct_status check_numbers(const ct__tensors *all, const ct_training *t, uint64_t n[NUMBERS])
{
    ct_context *cx = all->cx;
    if (strcmp(all->pairs[VERSION].value, version) != 0)
        return ct_fail(cx, CT_ERROR_FORMAT, "%s: %.300s: it must be of version '%s', and is '%s'",
                       all->who, all->path, version, all->pairs[VERSION].value);
    for (int i = VERSION + 1; i < NUMBERS; i++)
        if (!parse(all->pairs[i].value, &n[i]))
            return ct_fail(cx, CT_ERROR_FORMAT, "%s: %.300s: '%s' must be a whole number, got '%s'",
                           all->who, all->path, keys[i], all->pairs[i].value);
    uint64_t mine[NUMBERS] = { 0 };
    numbers_of(t, mine);
    if (n[RULE] != mine[RULE] || n[ROWS] != mine[ROWS])
        return ct_fail(cx, CT_ERROR_VALUE, "%s: %.300s: it is of a run with another %s", all->who,
                       all->path, n[RULE] != mine[RULE] ? "optimizer" : "number of rows");
    if ((n[PLATEAU] == 0) != (mine[PLATEAU] == 0))
        return ct_fail(cx, CT_ERROR_VALUE, "%s: %.300s: it is of a run %s a plateau", all->who,
                       all->path, n[PLATEAU] == 0 ? "without" : "with");
    double rate = double_of(n[RATE]);
    static const int counts[] = { STEP, EPOCH, BATCH, WAITED, ROW, PLATEAU_BAD, PLATEAU_REST };
    bool fits = rate >= 0 && rate - rate == 0 && n[ROW] <= n[ROWS];
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        fits = fits && n[counts[i]] <= INT64_MAX;
    if (!fits)
        return ct_fail(cx, CT_ERROR_FORMAT, "%s: %.300s: its numbers are out of range", all->who,
                       all->path);
    return CT_OK;
}

static ct_status load(ct_training *t, const char *path)
{
    uint64_t n[NUMBERS] = { 0 };
    ct__pair pairs[NUMBERS];
    for (int i = 0; i < NUMBERS; i++)
        pairs[i].key = keys[i];
    ct__tensors all = { .cx = t->module->cx, .who = "training_load", .path = path, .pairs = pairs,
                        .count = NUMBERS };
    ct_archive *a = ct__archive_open(all.cx, all.who, path, INT64_MAX);
    ct_status status = a ? list_tensors(&all, t) : ct_error(all.cx);
    if (status == CT_OK)
        status = ct__tensors_read_pairs(&all, a);
    if (status == CT_OK)
        status = check_numbers(&all, t, n);
    if (status == CT_OK)
        status = ct__tensors_load(&all, a);
    if (status == CT_OK)
        take_numbers(t, n);
    ct__tensors_free(&all);
    ct__archive_close(a);
    return status;
}

ct_status ct_training_load(ct_training *t, const char *path)
{
    ct_status status = prepare(t, "training_load", path);
    return status == CT_OK ? load(t, path) : status;
}
