/* Training: the loop that everybody writes, and files from which a run that was cut off goes on.
 *
 *   ct_training run = { .module = net, .optimizer = o, .batches = batches };
 *   ct_fit(&run, &(ct_fit_options){ .epochs = 10, .schedule = &schedule, .bar = stderr,
 *                                   .checkpoint = "run.safetensors" }); */
#ifndef COTANGENT_NN_TRAIN_H
#define COTANGENT_NN_TRAIN_H
#include <cotangent/nn/data.h>
#include <cotangent/nn/optimizers.h>
#include <cotangent/program.h>
#include <signal.h>
#include <stdio.h>
CT_API_BEGIN

/* A run: what is trained, and where it is. All but the module may be NULL for a file; ct_fit needs
   an optimizer and batches too. The numbers begin as zeros. They are counted by ct_fit, or by you,
   in a loop of your own. Nothing here is freed with it */
typedef struct ct_training {
    ct_module *module;
    ct_optimizer *optimizer;
    ct_batches *batches;
    ct_average *average;                       /* updated after each step, used for the metric */
    ct_plateau *plateau;                       /* asked after each epoch */
    ct_average *best;                          /* ct_fit's: the weights of the best epoch */
    int64_t step, epoch;                       /* how many are complete */
    int64_t batch;                             /* how many of this epoch are complete */
    double loss_sum, best_value;               /* ct_fit's: of this epoch's losses; best metric */
    int64_t waited;                            /* ct_fit's: epochs since that */
    uint64_t reserved[4];
} ct_training;
/* Writes parameters, buffers, the state of optimizer, average and plateau, the rate, the random
   stream, the place in the epoch and the numbers above, as safetensors; its metadata say
   "cotangent": "training 1". A schedule needs no place, since the step is kept. The file is
   replaced as by ct_module_save */
ct_status ct_training_save(const ct_training *t, const char *path);
/* Reads all of that back into the same kind of run, made in the same way: afterwards it goes on bit
   for bit as the other would have. Options of optimizers, batches and plateaus are not in the file.
   A file that is damaged, of another version, or of a run made of other things is an error, and
   changes nothing */
ct_status ct_training_load(ct_training *t, const char *path);

/* where a run is, for callbacks */
typedef struct ct_fit_report {
    int64_t epoch, epochs, batch, batches, step; /* complete ones; batches are those of an epoch */
    double loss;                               /* the mean of this epoch so far */
    double metric;                             /* at an epoch's end; before, and without one, NaN */
    double rate;
    double examples_per_second, seconds_left;  /* of this call; NaN before they are known */
    bool epoch_ended, best;                    /* it is the best epoch so far */
} ct_fit_report;
/* zeros are the defaults */
typedef struct ct_fit_options {
    int64_t epochs;                            /* up to this one; default 1 */
    /* one number, from the module's output; default ct_cross_entropy */
    ct_tensor *(*loss)(ct_tensor *y, ct_tensor *target, void *user);
    /* after each epoch, in a scope under ct_inference; NaN with an error pending is a failure.
       Without it, the mean loss of the epoch is what counts for `patience`, `keep_best`, plateau */
    double (*metric)(ct_module *module, void *user);
    bool maximize;                             /* a larger metric is better */
    const ct_schedule *schedule;               /* of the rate, by step; not beside a plateau */
    double max_norm, max_value;                /* clipping, in this order; 0: none */
    int64_t accumulate;                        /* batches to a step; default 1 */
    /* if it is not NULL, the walk of each batch is replayed by a program of these options, which is
       free again at the end of the call (program.h): then the module and `loss` are called for the
       first batch of each shape */
    const ct_program_options *replay;
    int64_t patience;                          /* stop after so many epochs without a better one */
    bool keep_best;                            /* at the end, the weights of the best epoch */
    const volatile sig_atomic_t *stop;         /* looked at after each step: not 0 ends the call */
    /* after each step, and after each epoch; false ends the call */
    bool (*on_step)(const ct_fit_report *report, void *user);
    bool (*on_epoch)(const ct_fit_report *report, void *user);
    /* a bar on a terminal, a line for each epoch on another file. NULL: nothing is printed */
    FILE *bar;
    /* if this file is there, the run first goes on from it; it is written after each epoch, and
       when the call was ended */
    const char *checkpoint;
    void *user;                                /* passed to all of the above */
    uint64_t reserved[4];
} ct_fit_options;
/* Trains until `epochs` are complete, patience is at an end, or the caller ended it, which is CT_OK
   too: then t says where it is, and another call goes on from there. With keep_best, the module has
   the best epoch's weights and buffers after a call that was not ended; t->best is made if it is
   NULL, and goes with the context. Gradients that are there at first count */
ct_status ct_fit(ct_training *t, const ct_fit_options *options);
#define CT_FIT_TEXT 160                        /* how much room ct_fit_text needs */
/* the line that the bar shows, written to room and returned */
const char *ct_fit_text(const ct_fit_report *report, char room[CT_FIT_TEXT]);

CT_API_END
#endif
