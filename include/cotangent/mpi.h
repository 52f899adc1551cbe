/* Training on several processes, which MPI calls ranks: each computes the gradients of its own
 * examples, and all of them step by the mean. It is a library of its own, cotangent-mpi.
 *
 *   MPI_Init(NULL, NULL);
 *   ct_context *cx = ct_context_new(NULL);
 *   ct_module *net = ct_mlp_new(cx, CT_F32, CT_SIZES(784, 128, 10), CT_RELU, NULL);
 *   ct_mpi *m = ct_mpi_new(cx, MPI_COMM_WORLD, NULL);
 *   ct_mpi_add_module(m, net);                  all ranks have rank 0's values now
 *   int n;
 *   ct_tensor *const *w = ct_module_parameters(net, &n);
 *   ct_optimizer *o = ct_adam_new(w, n, 1e-3, NULL);
 *   ct_batches *b = ct_batches_new(x, labels, 256, &(ct_batches_options){
 *       .rank = ct_mpi_rank(m), .ranks = ct_mpi_size(m) });
 *   for (ct_tensor *xs, *ys; ct_batches_next(b, &xs, &ys);) {
 *       ct_scope scope = ct_scope_begin(cx);
 *       int64_t rows = ct_size(xs, 0);
 *       ct_tensor *loss = rows > 0 ? ct_cross_entropy(ct_module_forward(net, xs), ys) : NULL;
 *       if (ct_mpi_backward(m, loss, rows) == CT_OK)
 *           ct_optimizer_step(o);
 *       ct_scope_end(cx, scope);
 *   }
 *   int failed = ct_error(cx) != CT_OK;
 *   ct_mpi_free(m);
 *   ct_context_free(cx);
 *   failed ? MPI_Abort(MPI_COMM_WORLD, 1) : MPI_Finalize();
 *
 * THE RULES of this header, beside those of context.h
 * - Every rank makes the calls that are marked "all ranks" in the same order, from one thread. MPI
 *   must have been initialized; MPI_THREAD_FUNNELED is enough where contexts have threads.
 * - An error on one rank is an error on all ranks, in the same call: a rank takes part in the call
 *   with its own error pending, and the others get its text, "rank 2: matmul: inner sizes differ".
 *   So check for errors after these calls and not before them.
 * - If MPI itself fails, if a rank is gone or calls nothing (`timeout`), the error is
 *   CT_ERROR_CALLBACK, on all ranks that can be told. The ranks can then no longer work together:
 *   every later call is the same error, and the program should end with MPI_Abort or a status that
 *   is not 0. A rank that is killed ends the job: mpirun sees to it.
 * - While a rank waits for others, it uses its processor: MPI makes its progress in calls only. */
#ifndef COTANGENT_MPI_H
#define COTANGENT_MPI_H
#include <cotangent/nn.h>
#include <mpi.h>
CT_API_BEGIN

typedef struct ct_mpi ct_mpi;                  /* a group of ranks, and what they train */
/* zeros are the defaults */
typedef struct ct_mpi_options {
    /* gradients are exchanged in buckets of about this size; default 4 MiB, or a quarter of all if
       that is less */
    int64_t bucket_bytes;
    /* Sums are taken in the order of ranks: the same bits with every MPI, and as one process that
       adds in this order. It takes a second copy of all buckets, and half of the exchange waits for
       the end of backward. Without it MPI adds as it likes: ct_mpi_sums_of */
    bool ordered;
    bool late; /* nothing is exchanged before the end of backward: to see what that costs */
    /* in seconds: where a rank has made no call for so long while others wait for it, all others
       get an error that names it. It must be longer than any rank computes between two calls. 0:
       they wait for ever */
    double timeout;
    uint64_t reserved[4];
} ct_mpi_options;
/* All ranks. A copy of the communicator `comm`, with nothing to train yet. It must outlive the
   modules and recorded operators that use it. NULL on failure */
ct_mpi *ct_mpi_new(ct_context *cx, MPI_Comm comm, const ct_mpi_options *options);
/* All ranks. What is not freed goes with the context; if that is freed after MPI_Finalize, nothing
   is given back to MPI. With an error pending, the ranks that wait for this one are told */
void ct_mpi_free(ct_mpi *m);
int ct_mpi_rank(const ct_mpi *m);              /* that of this process, from 0; -1 on failure */
int ct_mpi_size(const ct_mpi *m);              /* number of ranks; -1 on failure */

/* -- What is trained, given once: a module or a list of parameters
 *
 * All ranks must have the same names, shapes and dtypes in the same order: the error names the rank
 * and the parameter. Then all get rank 0's values, and each rank but rank 0 a random stream of its
 * own: so initial weights are the same, and dropout differs. Hooks on a parameter must be there
 * before: they get the cotangent of their rank. Elements must lie one after another in memory
 * (ct_is_contiguous), fewer than 2^31 in each. Each rank has the buckets beside the gradients: as
 * many bytes as the parameters have, or twice that if `ordered`. At last MPI's sums are tried
 * (ct_mpi_sums_of), which takes as long as exchanging the largest bucket, or 2^20 numbers of it,
 * three times; if the ranks get different bits, that is an error: CT_ERROR_UNSUPPORTED */
/* All ranks. The parameters of the module that are not frozen; those that are, and buffers, get
   rank 0's values too. m may be NULL where making the module failed */
ct_status ct_mpi_add_module(ct_mpi *m, ct_module *module);
/* All ranks. These n variables */
ct_status ct_mpi_add_parameters(ct_mpi *m, ct_tensor *const *parameters, int n);

/* What a trial has found, which compares the bits of the same sums of random numbers on all ranks.
   It is evidence and no proof: another load, another machine or another MPI may give others */
typedef enum ct_mpi_sums {
    CT_MPI_UNTRIED,            /* no parameters were given, or a failure */
    CT_MPI_VARY,               /* a second time, the same numbers gave other bits: no run repeats */
    CT_MPI_REPEAT,             /* the same bits; but others where buckets are others */
    CT_MPI_ALIKE,              /* the same bits in other buckets too */
    CT_MPI_ORDERED             /* the option: the same bits everywhere, by construction */
} ct_mpi_sums;
/* what the trial has found about this MPI's sums; CT_MPI_UNTRIED if m is NULL */
ct_mpi_sums ct_mpi_sums_of(const ct_mpi *m);

/* -- Gradients */
/* All ranks. Goes backward from the loss, which is the mean over this rank's `examples`, and adds
   to the gradient of each parameter the mean over the examples of all ranks,
   sum examples_r gradient_r / sum examples_r. Buckets are exchanged while backward still runs: the
   last parameters first, in one fixed order on all ranks. A parameter that the loss of some ranks
   does not depend on counts as zero there; if that is so on all ranks, it gets no gradient. A rank
   without examples gives examples = 0 and any loss, or NULL. At the end all ranks agree: if one has
   failed, no gradient of any rank has changed. Variables that were not given are left alone */
ct_status ct_mpi_backward(ct_mpi *m, ct_tensor *loss, int64_t examples);

/* -- Numbers: all ranks get the same result, which is summed in the order of ranks. NaN on failure
 */
double ct_mpi_sum(ct_mpi *m, double value);    /* all ranks: the sum of their values */
double ct_mpi_max(ct_mpi *m, double value);    /* all ranks: the largest value; NaN if one is NaN */
/* All ranks. sum weight_r value_r / sum weight_r, over the weights that are not 0: the mean loss
   by numbers of examples, for instance */
double ct_mpi_mean(ct_mpi *m, double value, double weight);

/* -- The whole batch in a graph. These are all ranks' calls, forward and in each walk, so all ranks
 * must have the same graph, and one example or more (ct_batches: drop_last). If one of them fails
 * then, the ranks can no longer work together */
/* y = sum of x over ranks; gx = sum of n g over ranks, over n: n is the number of examples in
   ct_mpi_backward, and 1 in other walks. x is f32 or f64, of one shape on all ranks */
ct_tensor *ct_mpi_total(ct_mpi *m, ct_tensor *x);
/* ct_batch_norm_train (normalization.h), where the mean and variance are those of the batches of
   all ranks together: so N may differ between ranks. Four exchanges of about C numbers, two of
   them in backward. PyTorch's SyncBatchNorm */
ct_status ct_mpi_batch_norm(ct_mpi *m, ct_tensor *x, ct_tensor *weight, ct_tensor *bias,
                            double epsilon, ct_tensor **results);
/* ct_batch_norm_new with that in training: the same options, names, statistics, and in use. Make it
   after m, and give it to ct_mpi_add_module with the rest of the network */
ct_module *ct_mpi_batch_norm_new(ct_mpi *m, ct_dtype dtype, int64_t channels,
                                 const ct_batch_norm_options *options);

/* -- Sharded states of optimizers */
/* All ranks. In place of ct_optimizer_step, with an optimizer of all parameters: each rank steps a
   part of them, and all ranks get the new values; then no parameter has a gradient. Adam on N ranks
   gives the same bits as without, and a rank has the states of its part alone: 1 / N of all bytes,
   and those of one parameter more at most. After an error the ranks can no longer work together */
ct_status ct_mpi_step(ct_mpi *m, ct_optimizer *o);

/* -- Runs in files */
/* All ranks. Float buffers of the run's module, such as running statistics, become their mean over
   ranks; then rank 0 writes the run (ct_training_save). Of sharded states it gets all, which it
   has while it writes: the file is that of one process */
ct_status ct_mpi_save(ct_mpi *m, const ct_training *t, const char *path);
/* All ranks. Each reads the file (ct_training_load), which all must be able to see, and has a
   random stream of its own again. The number of ranks may be another one than it was; ct_batches
   with ranks goes on at the same row. Each rank has all states of the optimizer until the next
   ct_mpi_step. On an error some ranks may have loaded it */
ct_status ct_mpi_load(ct_mpi *m, ct_training *t, const char *path);

/* -- What it costs */
/* counted from ct_mpi_new on */
typedef struct ct_mpi_report {
    int64_t steps;             /* calls of ct_mpi_backward that succeeded */
    int64_t bytes;             /* of gradients, given to MPI by this rank */
    double backward, waited;   /* seconds in walks; in waiting for the exchange after them */
    uint64_t reserved[4];
} ct_mpi_report;
/* what was exchanged since ct_mpi_new; zeros on failure */
ct_mpi_report ct_mpi_report_of(const ct_mpi *m);

CT_API_END
#endif
